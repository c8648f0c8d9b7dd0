#!/usr/bin/env python3
"""Trains small models of scikit-learn, XGBoost, LightGBM and CatBoost, converts them, and compares rung with ONNX Runtime.

usage: learned.py RUNG [--keep FOLDER] [WORDS ...]
Every estimator that skl2onnx converts and that can be trained on these few numbers. WORDS choose by parts of names.
Needs scikit-learn, skl2onnx; the other libraries and onnxmltools when they are there.
The last line counts: N passed, N failed, N skipped.
"""
import argparse
import pathlib
import sys
import tempfile
import warnings

try:
    import numpy
    import skl2onnx
    import sklearn
    from sklearn.utils import all_estimators
except ImportError as missing:
    print(f"skipped: {missing}", "0 passed, 0 failed, 1 skipped", sep="\n")
    sys.exit(0)

from skl2onnx.common.data_types import FloatTensorType, StringTensorType

import peer

ROWS, COLUMNS = 120, 6
RANDOM = numpy.random.default_rng(0)
X = RANDOM.standard_normal((ROWS, COLUMNS)).astype(numpy.float32)
TWO = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(numpy.int64)
THREE = numpy.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.5, 0.5]).astype(numpy.int64)
NUMBER = (X[:, 0] + numpy.sin(2 * X[:, 1]) + 0.1 * X[:, 2]).astype(numpy.float32)
WORDS = numpy.array([f"{a} {b} and the {a}" for a, b in zip(RANDOM.choice(["red", "blue", "green"], ROWS), RANDOM.choice(["cat", "dog", "cow"], ROWS))])
COLORS = RANDOM.choice(["red", "blue", "green"], (ROWS, 2)).astype(object)


def estimators():
    """(name, estimator, x, y, the type of input)"""
    number = FloatTensorType([None, COLUMNS])
    for name, kind in all_estimators():
        for label, x, y in (("", X, TWO), ("-three", X, THREE), ("-number", X, NUMBER), ("-positive", abs(X), abs(NUMBER)), ("-many", X, numpy.stack([TWO, 1 - TWO], 1))):
            wanted = {"-number": "Regressor", "-three": "Classifier", "-many": "Classifier"}.get(label)
            is_one = getattr(kind, "_estimator_type", None) or ("Classifier" if issubclass(kind, sklearn.base.ClassifierMixin) else "Regressor" if issubclass(kind, sklearn.base.RegressorMixin) else "")
            if wanted and is_one != wanted or label == "-positive" and "Poisson" not in name and "Gamma" not in name and "Tweedie" not in name and "NB" not in name and "Chi" not in name:
                continue
            try:
                made = composed(name, kind)
            except TypeError:
                continue
            yield name + label, made, x, y, number
    yield from special()


def composed(name, kind):
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.tree import DecisionTreeClassifier
    inner = LinearRegression() if "Regress" in name or name in ("RANSACRegressor", "TransformedTargetRegressor") else LogisticRegression()
    parts = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=3))]
    if name in ("VotingClassifier", "StackingClassifier"):
        return kind(parts)
    if name in ("VotingRegressor", "StackingRegressor"):
        return kind([("a", LinearRegression()), ("b", sklearn.tree.DecisionTreeRegressor(max_depth=3))])
    if name in ("Pipeline",):
        return kind([("scale", sklearn.preprocessing.StandardScaler()), *parts[:1]])
    if name == "FeatureUnion":
        return kind([("scale", sklearn.preprocessing.StandardScaler()), ("most", sklearn.preprocessing.MaxAbsScaler())])
    if name == "ColumnTransformer":
        return kind([("scale", sklearn.preprocessing.StandardScaler(), [0, 1]), ("pass", "passthrough", [2, 4])])
    if name in ("GridSearchCV", "RandomizedSearchCV"):
        return kind(DecisionTreeClassifier(), {"max_depth": [2, 3]}, **({"n_iter": 2} if "Random" in name else {}))
    options = {key: value for key, value in {"n_estimators": 8, "max_iter": 60, "n_components": 2, "random_state": 0, "n_neighbors": 3}.items()
               if key in getattr(getattr(kind.__init__, "__code__", None), "co_varnames", ())}
    try:
        return kind(**options)
    except TypeError:
        return kind(inner, **{k: v for k, v in options.items() if k != "n_components"})


def special():
    from sklearn import (compose, ensemble, feature_extraction, feature_selection, gaussian_process, impute, linear_model, neighbors,
                         pipeline, preprocessing, svm, tree)
    number, text, colors = FloatTensorType([None, COLUMNS]), StringTensorType([None, 1]), StringTensorType([None, 2])
    words, names = WORDS.reshape(-1, 1), numpy.array(["low", "mid", "high"])[THREE]
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        yield f"SVC-{kernel}", svm.SVC(kernel=kernel, probability=True), X, THREE, number
        yield f"NuSVR-{kernel}", svm.NuSVR(kernel=kernel), X, NUMBER, number
        yield f"OneClassSVM-{kernel}", svm.OneClassSVM(kernel=kernel), X, None, number
    holes = X.copy()
    holes[::5, 2] = numpy.nan
    for strategy in ("mean", "median", "most_frequent", "constant"):
        yield f"SimpleImputer-{strategy}", impute.SimpleImputer(strategy=strategy), holes, None, number
    yield "KNNImputer-holes", impute.KNNImputer(), holes, None, number
    yield "HistGradientBoostingClassifier-holes", ensemble.HistGradientBoostingClassifier(max_iter=8), holes, THREE, number
    yield "RandomForestClassifier-holes", ensemble.RandomForestClassifier(8), holes, THREE, number
    for kind in (ensemble.RandomForestClassifier, tree.DecisionTreeClassifier, linear_model.LogisticRegression, ensemble.GradientBoostingClassifier):
        yield f"{kind.__name__}-strings", kind(), X, names, number
    for weights in ("uniform", "distance"):
        for metric in ("euclidean", "manhattan", "cosine", "chebyshev", "minkowski"):
            yield f"KNeighborsRegressor-{weights}-{metric}", neighbors.KNeighborsRegressor(weights=weights, metric=metric, algorithm="brute"), X, NUMBER, number
    kernels = gaussian_process.kernels
    for k, kernel in enumerate((kernels.RBF(), kernels.Matern(nu=1.5), kernels.RationalQuadratic(), kernels.ExpSineSquared(), kernels.DotProduct(), kernels.ConstantKernel() * kernels.RBF() + kernels.WhiteKernel())):
        yield f"GaussianProcessRegressor-{k}", gaussian_process.GaussianProcessRegressor(kernel), X, NUMBER, number
    for norm in ("l1", "l2", "max"):
        yield f"Normalizer-{norm}", preprocessing.Normalizer(norm=norm), X, None, number
    for encode in ("onehot-dense", "ordinal"):
        yield f"KBinsDiscretizer-{encode}", preprocessing.KBinsDiscretizer(3, encode=encode), X, None, number
    yield "OneHotEncoder-strings", preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False), COLORS, None, colors
    yield "OrdinalEncoder-strings", preprocessing.OrdinalEncoder(), COLORS, None, colors
    yield "TargetEncoder-strings", preprocessing.TargetEncoder(), COLORS, TWO, colors
    for k, made in enumerate((feature_extraction.text.TfidfVectorizer(), feature_extraction.text.TfidfVectorizer(ngram_range=(1, 2), norm="l1"), feature_extraction.text.CountVectorizer(binary=True),
                              feature_extraction.text.TfidfVectorizer(analyzer="char", ngram_range=(1, 3)), feature_extraction.text.CountVectorizer(stop_words=["and"]), feature_extraction.text.TfidfVectorizer(sublinear_tf=True, use_idf=False))):
        made = compose.ColumnTransformer([("text", made, 0)])
        yield f"text-{k}", pipeline.make_pipeline(made, linear_model.LogisticRegression()), words, THREE, text
    yield "Pipeline-scores", pipeline.make_pipeline(preprocessing.PolynomialFeatures(2), feature_selection.SelectKBest(k=8), svm.LinearSVC()), X, THREE, number
    yield "AdaBoost-deep", ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=4), n_estimators=6), X, THREE, number
    yield "Bagging-svc", ensemble.BaggingClassifier(svm.SVC(), n_estimators=3), X, THREE, number
    yield "ExtraTrees-many", ensemble.ExtraTreesRegressor(8), X, numpy.stack([NUMBER, -NUMBER], 1), number


def boosted():
    """(name, model with its own converter, the converter)"""
    try:
        import onnxmltools
        from onnxmltools.convert.common.data_types import FloatTensorType as Type
        from onnxmltools.utils.tests_helper import convert_model  # noqa: F401
    except ImportError:
        import onnxmltools
        from onnxmltools.convert.common.data_types import FloatTensorType as Type
    forms = [("input", Type([None, COLUMNS]))]
    try:
        import xgboost
        for objective, kind, y in (("binary:logistic", "XGBClassifier", TWO), ("multi:softprob", "XGBClassifier", THREE), ("reg:squarederror", "XGBRegressor", NUMBER), ("reg:gamma", "XGBRegressor", abs(NUMBER) + 1),
                                   ("count:poisson", "XGBRegressor", abs(NUMBER)), ("rank:pairwise", "XGBRanker", TWO), ("reg:logistic", "XGBRegressor", TWO)):
            for booster in ("gbtree", "dart", "gblinear"):
                def made(objective=objective, kind=kind, y=y, booster=booster):
                    model = getattr(xgboost, kind)(objective=objective, n_estimators=9, max_depth=4, booster=booster)
                    model.fit(X, y, **({"group": [ROWS]} if kind == "XGBRanker" else {}))
                    return onnxmltools.convert_xgboost(model, initial_types=forms)
                yield f"xgboost-{kind}-{objective}-{booster}", made
    except ImportError as missing:
        print("skipped", missing)
    try:
        import lightgbm
        for objective, kind, y in (("binary", "LGBMClassifier", TWO), ("multiclass", "LGBMClassifier", THREE), ("multiclassova", "LGBMClassifier", THREE), ("regression", "LGBMRegressor", NUMBER), ("poisson", "LGBMRegressor", abs(NUMBER)),
                                   ("gamma", "LGBMRegressor", abs(NUMBER) + 1), ("tweedie", "LGBMRegressor", abs(NUMBER)), ("quantile", "LGBMRegressor", NUMBER), ("cross_entropy", "LGBMRegressor", TWO), ("huber", "LGBMRegressor", NUMBER)):
            for boosting in ("gbdt", "dart", "rf"):
                for split in (None, 3):
                    def made(objective=objective, kind=kind, y=y, boosting=boosting, split=split):
                        model = getattr(lightgbm, kind)(objective=objective, n_estimators=9, boosting_type=boosting, verbose=-1, min_child_samples=5,
                                                        **({"subsample": 0.7, "subsample_freq": 1} if boosting == "rf" else {}))
                        model.fit(X, y)
                        return onnxmltools.convert_lightgbm(model, initial_types=forms, zipmap=False, split=split)
                    yield f"lightgbm-{objective}-{boosting}" + ("-split" if split else ""), made
    except ImportError as missing:
        print("skipped", missing)
    try:
        import catboost
        for loss, kind, y in (("Logloss", "CatBoostClassifier", TWO), ("MultiClass", "CatBoostClassifier", THREE), ("RMSE", "CatBoostRegressor", NUMBER), ("CrossEntropy", "CatBoostClassifier", TWO)):
            def made(loss=loss, kind=kind, y=y):
                import onnx
                model = getattr(catboost, kind)(iterations=9, depth=4, loss_function=loss, verbose=False, allow_writing_files=False)
                model.fit(X, y)
                with tempfile.TemporaryDirectory() as folder:
                    model.save_model(f"{folder}/m.onnx", format="onnx")
                    return without_maps(onnx.load(f"{folder}/m.onnx"))
            yield f"catboost-{loss}", made
    except ImportError as missing:
        print("skipped", missing)


def without_maps(model):
    """Maps have no file form: what ZipMap would take is the output."""
    for node in [n for n in model.graph.node if n.op_type == "ZipMap"]:
        model.graph.node.remove(node)
        for output in model.graph.output:
            if output.name == node.output[0]:
                output.Clear()
                output.name = node.input[0]
                output.type.tensor_type.elem_type = 1
    return model


def sklearn_model(estimator, x, y, form, target):
    estimator.fit(x, y) if y is not None else estimator.fit(x)
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    try:
        return skl2onnx.convert_sklearn(estimator, initial_types=[("input", form)], options=options, target_opset=target)
    except NameError:
        return skl2onnx.convert_sklearn(estimator, initial_types=[("input", form)], target_opset=target)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rung")
    parser.add_argument("--keep")
    parser.add_argument("words", nargs="*")
    options = parser.parse_intermixed_args()
    warnings.simplefilter("ignore")
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def examine(name, make, x):
        if not all(word in name for word in options.words):
            return
        what, why, path = "skipped", "", folder / f"{name.replace(':', '-')}.onnx"
        try:
            path.write_bytes(without_maps(make()).SerializeToString())
            case = peer.Case(path, feeds={"input": x[:40], "features": x[:40]})
            why = case.difference(options.rung, rtol=1e-3, atol=1e-3)
            what = "failed" if why else "passed"
            numpy.savez(path.with_suffix(".npz"), **case.feeds)
        except Exception as error:
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        counts[what] += 1
        print(what, name, why, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(options.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for k, (name, estimator, x, y, form) in enumerate(estimators()):
            target = {"": [15, 18, 21, 17, 19][k % 5], "ai.onnx.ml": 3}
            examine(name, lambda: sklearn_model(estimator, x, y, form, target), x)
        for name, make in boosted():
            examine(name, make, X)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(counts["failed"] > 0)


main()
