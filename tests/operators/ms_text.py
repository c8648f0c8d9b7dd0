"""com.microsoft: Tokenizer and MurmurHash3."""
import numpy
from case import Case


def strings(*texts):
    return numpy.array(texts, object)


def tokenizer(random):
    plain = {"mincharnum": 1, "mark": 0, "pad_value": "#"}
    prose = strings("The quick, brown fox", " jumps ", "over   the lazy dog.", "", "na\u00efve \u4e16\u754c fa\u00e7ade")

    def case(name, x, attributes, **more):
        return Case(f"tokenizer_{name}", "Tokenizer", [x], plain | attributes, **more)

    separators = {
        "space": [" "], "several": [" ", ",", "\\."], "class": ["[ ,.]+"], "either": ["b|bb", "e"],
        "reluctant": ["o??"], "empty": ["o*"], "anchored": ["^The", "dog\\.$"], "word_border": ["\\b"],
        "any_case": ["(?i)THE"], "letters": [""], "letters_later": [" ", "a*"], "lines": ["(?m)^q"],
        "wide": ["\u4e16"], "not_word": ["\\W+"], "longest": ["qu|quick|qui"]}
    for name, given in separators.items():
        yield case(f"separator_{name}", prose, {"separators": given})
        yield case(f"separator_{name}_marked", prose, {"separators": given, "mark": 1}, fixed=False)
    tokens = {"letters": ".", "words": "\\w\\w+", "numbers": "[0-9]+", "perhaps": "[a-z]*", "either": "o|ov|over",
              "anchored": "^\\w+", "border": "\\b[a-z]", "not_space": "[^ ]+", "any_case": "(?i)the|fox|LAZY"}
    for name, given in tokens.items():
        yield case(f"token_{name}", prose, {"tokenexp": given})
        yield case(f"token_{name}_marked", prose.reshape(1, 5), {"tokenexp": given, "mark": 1, "pad_value": ""})
    for least in (2, 3, 5):
        yield case(f"separator_least_{least}", prose, {"separators": [" ", "o"], "mincharnum": least})
        yield case(f"token_least_{least}", prose, {"tokenexp": "\\w+", "mincharnum": least})
        yield case(f"token_part_{least}", prose, {"tokenexp": "[a-q]{1,3}", "mincharnum": least})
    yield case("matrix", strings("a b", "c", "d e f", "g", "", "h  i").reshape(3, 2), {"separators": [" "], "mark": 1})
    yield case("matrix_open", strings("a b", "c", "d e f", "g").reshape(2, 2), {"separators": [" "]}, fixed=False)
    yield case("constant", strings("a b", "c"), {"separators": [" "]}, constants=[0])
    yield case("nothing", strings("", "  "), {"separators": [" "], "mark": 1})
    yield case("lines", strings("a\nb c\r\nd"), {"separators": ["\\s"]})
    yield case("dot", strings("a\nb axb"), {"tokenexp": "a.b"})
    yield case("both", strings("a b"), {"separators": ["b"], "tokenexp": "b"})
    for name, shape in (("none", (0,)), ("no_row", (0, 3)), ("no_column", (2, 0))):
        yield case(name, numpy.zeros(shape, object), {"separators": [" "], "mark": 1})


def murmur(random):
    words = strings("", "a", "ab", "abc", "abcd", "abcde", "na\u00efve \u4e16\u754c", "a longer text, of more blocks than one")
    for positive in (0, 1):
        for seed in (0, 7, -1, 2**31 + 5):
            yield Case(f"murmur_{positive}_{seed}", "MurmurHash3", [words.reshape(2, 4)],
                       {"positive": positive, "seed": seed}, fixed=positive == 0)
    r = random("murmur")
    for dtype in ("int32", "uint32", "int64", "uint64"):
        yield Case(f"murmur_{dtype}", "MurmurHash3", [r.ints(3, 5, dtype=dtype)])
    for dtype in ("float32", "float64"):
        yield Case(f"murmur_{dtype}", "MurmurHash3", [r.floats(2, 7, dtype=dtype)], {"positive": 0})
    yield Case("murmur_none", "MurmurHash3", [strings()])


def cases(random):
    yield from tokenizer(random)
    yield from murmur(random)
