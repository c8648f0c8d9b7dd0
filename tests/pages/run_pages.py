#!/usr/bin/env python3
"""Tests of the pages that --html writes, in a real browser: elements found and clicked, the console silent.

usage: run_pages.py RUNG FAKE [TEST ...]
FAKE is the library of a provider with a memory of its own. Without Chromium and its driver the tests are skipped, and
the exit status is 77. With RUNG_PAGE_SHOTS=DIR each test leaves a picture of the window there.
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "cli"))
import browser
import tiny

RUNG, FAKE = sys.argv[1], sys.argv[2]
SHOTS = os.environ.get("RUNG_PAGE_SHOTS")


def ladder(steps, odd="Sigmoid"):
    """A chain of blocks x -> Relu -> Neg -> `odd` -> Add(x): four nodes each."""
    nodes, at = [], "x"
    for i in range(steps):
        a, b, c, d = ("v%d%s" % (i, letter) for letter in "abcd")
        nodes += [tiny.node("Relu", [at], [a], "relu_%d" % i), tiny.node("Neg", [a], [b], "neg_%d" % i),
                  tiny.node(odd, [b], [c], "odd_%d" % i), tiny.node("Add", [c, at], [d], "add_%d" % i)]
        at = d
    return tiny.model(nodes, [tiny.info("x", tiny.FLOAT, [2, 8])], [tiny.info(at, tiny.FLOAT, [2, 8])])


def skips(steps):
    """A chain in which many values are used again much later: edges pass by whatever lies between."""
    draw, nodes, values = random.Random(3), [], ["x"]
    for i in range(steps):
        op = draw.choice(("Relu", "Neg", "Exp", "Sigmoid", "Tanh", "Add", "Mul"))
        again = [values[-min(len(values), draw.choice((1, 2, 3, 50, 400)))]] if op in ("Add", "Mul") else []
        values.append("v%d" % i)
        nodes.append(tiny.node(op, [values[-2]] + again, [values[-1]], "%s_%d" % (op.lower(), i)))
    return tiny.model(nodes, [tiny.info("x", tiny.FLOAT, [2, 8])], [tiny.info(values[-1], tiny.FLOAT, [2, 8])])


# Of the nodes in open islands that are in sight: how many, and how many have the colour of crossings in them.
NODES_UNDER_CROSSINGS = """
const canvas = document.querySelector('canvas'), copy = document.createElement('canvas');
copy.width = canvas.width; copy.height = canvas.height;
const ink = copy.getContext('2d', {willReadFrequently: true});
ink.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--cross').trim();
ink.fillRect(0, 0, 1, 1);
const cross = ink.getImageData(0, 0, 1, 1).data, view = graph.view(), ratio = devicePixelRatio || 1, k = view.k * ratio;
ink.drawImage(canvas, 0, 0);
let seen = 0, crossed = 0;
for (const u of graph.scene().units.filter(u => u.kind === 'island' && u.open))
  for (const b of u.boxes.filter(b => b.node)) {
    const x = (b.x + u.left) * k + view.x * ratio, y = (b.y + u.topY) * k + view.y * ratio, w = b.w * k, h = b.h * k;
    if (x < 0 || y < 0 || x + w > copy.width || y + h > copy.height || w < 4 || h < 4) continue;
    const data = ink.getImageData(x + 1, y + 1, w - 2, h - 2).data;
    seen++;
    for (let i = 0; i < data.length; i += 4)
      if (data[i] === cross[0] && data[i + 1] === cross[1] && data[i + 2] === cross[2]) { crossed++; break; }
  }
return [seen, crossed];
"""


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.here = pathlib.Path(cls.folder.name)
        cls.browser = browser.Browser()
        (cls.here / "small.onnx").write_bytes(ladder(3))
        (cls.here / "large.onnx").write_bytes(ladder(2500))

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.folder.cleanup()

    def tearDown(self):
        if SHOTS:
            self.browser.screenshot(os.path.join(SHOTS, self.id().split(".")[-1] + ".png"))
        self.assertEqual(self.browser.errors(), [])

    def write(self, command, model, *arguments, option="--html", code=0):
        path = self.here / (self.id().split(".")[-1] + ".html")
        done = subprocess.run([RUNG, command, self.here / model, *arguments, option, path], capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        return path

    def open(self, path, tab=""):
        self.browser.open(path, "#" + tab if tab else "")
        self.browser.wait_frame()

    def mixed(self, model="small.onnx", *arguments, **options):
        return self.write("plan", model, "--load", FAKE, "-p", "fake:claim=Relu+Neg+Add,cpu", *arguments, **options)

    def texts(self, css):
        return [e.text for e in self.browser.all(css)]

    def click_node(self, name):
        """As a user does: on the canvas, where the node is drawn."""
        place = self.browser.script("return graph.where(plan.nodes.find(n => n.name === arguments[0]))", name)
        self.browser.click(place["x"], place["y"])
        self.browser.wait_frame()

    def test_page_is_self_contained(self):
        text = self.mixed().read_text()
        self.assertNotRegex(text, r"(src|href)=[\"']?(https?:)?//")
        self.assertNotIn("http://", text)
        self.assertNotIn("https://", text)

    def test_summary(self):
        self.open(self.mixed())
        self.assertEqual(self.texts(".card b")[:3], ["12", "7", "8"])
        self.assertIn("9 nodes in 4 islands", self.browser.find("#view-summary").text)
        self.browser.find("#view-summary .link").click()
        self.assertEqual(self.browser.find("#tab-refusals").attribute("aria-selected"), "true")

    def test_broken_contract_is_shown(self):
        self.open(self.mixed("small.onnx", "--contract", "crossings<=1,coverage>=10%", code=21))
        self.assertIn("broken", self.browser.find("#view-summary").text)
        self.assertIn("holds", self.browser.find("#view-summary").text)

    def test_node_says_who_refused_it(self):
        self.open(self.mixed(), "graph")
        self.click_node("odd_0")
        details = self.browser.find("#details").text
        self.assertIn("fake refused it: operator", details)
        self.assertIn("cpu", details)
        self.click_node("relu_0")
        self.assertNotIn("refused it", self.browser.find("#details").text)

    def test_crossings_are_marked(self):
        self.open(self.mixed(), "graph")
        marked = self.browser.script("return [...new Set(graph.scene().edges.filter(e => e.crossings.length).map(e => e.values).flat())].sort()")
        listed = json.loads(self.browser.script("return JSON.stringify(plan.crossings.map(c => c.value).sort())"))
        self.assertEqual(marked, listed)
        self.browser.find("#tab-crossings").click()
        self.assertEqual(len(self.browser.all("#crossing-list tbody tr")), len(listed))

    def test_search_finds_and_shows(self):
        self.open(self.mixed(), "graph")
        self.browser.press("/")
        self.browser.find("#search").type("neg_1")
        self.assertEqual(self.texts("#hits button b"), ["Neg"])
        self.browser.find("#hits button").click()
        self.browser.wait_frame()
        self.assertIn("neg_1", self.browser.find("#details").text)
        self.browser.find("#search").clear()
        self.browser.find("#search").type("nothing like it")
        self.assertIn("nothing found", self.browser.find("#hits").text)

    def test_zoom_and_drag(self):
        self.open(self.mixed(), "graph")
        before = self.browser.script("return {...graph.view()}")
        self.browser.scroll(500, 400, -400)
        self.browser.wait_frame()
        zoomed = self.browser.script("return {...graph.view()}")
        self.assertGreater(zoomed["k"], before["k"])
        self.browser.point(800, 500, "down", (700, 450), "up")
        moved = self.browser.script("return {...graph.view()}")
        self.assertAlmostEqual(moved["x"], zoomed["x"] - 100, delta=1)
        self.assertAlmostEqual(moved["y"], zoomed["y"] - 50, delta=1)

    def test_islands_close_and_open(self):
        self.open(self.mixed(), "graph")
        count = "return graph.scene().units.filter(u => u.kind === 'island' && u.open).length"
        opened = self.browser.script(count)
        self.assertGreater(opened, 0)
        self.browser.find("[aria-label='close all islands']").click()
        self.assertEqual(self.browser.script(count), 0)
        place = self.browser.script("return graph.where(graph.scene().units.find(u => u.kind === 'island'))")
        self.browser.click(place["x"], place["y"])
        self.assertIn("Open island", self.browser.find("#details").text)
        self.browser.find("#details .button").click()
        self.assertEqual(self.browser.script(count), 1)

    def test_keyboard(self):
        self.open(self.mixed(), "summary")
        self.browser.find("#tab-summary").click()
        self.browser.press("Right")
        self.assertEqual(self.browser.find("#tab-graph").attribute("aria-selected"), "true")
        self.browser.script("document.getElementById('graph-canvas').focus()")
        self.browser.press("Enter")
        self.assertIn("relu_0", self.browser.find("#details").text)
        self.browser.press("Down")
        self.assertIn("neg_0", self.browser.find("#details").text)
        self.browser.press("Escape")
        self.assertNotIn("neg_0", self.browser.find("#details h3").text)

    def test_table_sorts_and_filters(self):
        self.open(self.mixed(), "nodes")
        names = lambda: self.texts("#node-table tbody td:nth-child(3)")
        title = self.browser.find("#node-table th:nth-child(3) button")
        title.click()
        self.assertEqual(names(), sorted(names()))
        self.assertEqual(self.browser.find("#node-table th:nth-child(3)").attribute("aria-sort"), "ascending")
        title.click()
        self.assertEqual(names(), sorted(names(), reverse=True))
        self.browser.find("#filter").type("neg")
        self.assertEqual(sorted(names()), ["neg_0", "neg_1", "neg_2"])
        self.browser.find("#node-table tbody tr").click()
        self.browser.wait_frame()
        self.assertIn("Neg", self.browser.find("#details h3").text)

    def test_refusals_are_grouped(self):
        self.open(self.mixed(), "refusals")
        self.assertEqual(self.texts("#refusal-groups tbody tr td:first-child"), ["3"])
        self.browser.find("#refusal-groups .link").click()
        self.browser.wait_frame()
        self.assertIn("odd_0", self.browser.find("#details").text)

    def test_time_line(self):
        self.open(self.write("run", "small.onnx", "--load", FAKE, "-p", "fake:claim=Relu+Neg+Add,cpu", "--fill", "random",
                             option="--profile"), "time")
        self.assertIn("Sigmoid", self.texts("#by-operator tbody td:first-child"))
        self.assertEqual(len(self.browser.all("#by-step tbody tr")), 7)  # three of cpu; fake tells no nodes: its islands
        place = self.browser.script("const r = document.getElementById('timeline').getBoundingClientRect();"
                                    "return {x: r.left + 200, y: r.top + 45}")
        before = self.browser.script("return document.getElementById('timeline').toDataURL().length")
        self.browser.scroll(place["x"], place["y"], -600)
        self.browser.wait_frame()
        self.assertNotEqual(self.browser.script("return document.getElementById('timeline').toDataURL().length"), before)
        self.browser.find("#by-operator th:nth-child(1) button").click()
        names = self.texts("#by-operator tbody td:first-child")
        self.assertEqual(names, sorted(names))

    def test_bench(self):
        self.open(self.write("bench", "small.onnx", "--load", FAKE, "-p", "cpu", "-p", "fake:claim=Relu+Neg+Add,cpu", "-n", "20"))
        self.assertIn("median", self.browser.find("#recommendation").text)
        self.assertEqual(len(self.browser.all("#bench-table tbody tr")), 2)
        self.assertEqual(len(self.browser.all(".bench .track")), 2)
        self.browser.find("#tab-graph").click()
        self.browser.wait_frame()

    def test_names_cannot_break_the_page(self):
        bad = "</script><script>document.title = 'broken'</script><b>\\\"\u2028"
        nodes = [tiny.node("Relu", ["x"], ["y"], bad)]
        (self.here / "bad.onnx").write_bytes(tiny.model(nodes, [tiny.info("x", tiny.FLOAT, [2])],
                                                        [tiny.info("y", tiny.FLOAT, [2])]))
        self.open(self.write("plan", "bad.onnx"), "nodes")
        self.assertIn("bad.onnx", self.browser.script("return document.title"))
        self.assertEqual(self.browser.script("return plan.nodes[0].name"), bad)

    def test_nothing_is_drawn_over_the_nodes_of_an_open_island(self):
        (self.here / "skips.onnx").write_bytes(skips(10000))
        self.open(self.write("plan", "skips.onnx", "--load", FAKE, "-p", "fake:claim=Relu+Neg+Add,cpu"), "graph")
        next(b for b in self.browser.all("button") if b.text == "Open islands").click()
        seen = crossed = 0
        for node in range(20, 380, 20):
            self.browser.script("graph.goTo(plan.nodes[arguments[0]])", node)
            self.browser.wait_frame()
            self.browser.wait_frame()
            counts = self.browser.script(NODES_UNDER_CROSSINGS)
            seen, crossed = seen + counts[0], crossed + counts[1]
        self.assertGreater(seen, 10)
        self.assertEqual(crossed, 0)

    def test_large_graph(self):
        self.open(self.mixed("large.onnx"), "graph")
        self.assertEqual(self.browser.script("return plan.nodes.length"), 10000)
        self.browser.find("#search").type("odd_1999")
        self.browser.find("#hits button").click()
        self.browser.wait_frame()
        self.assertIn("odd_1999", self.browser.find("#details").text)
        self.browser.scroll(500, 400, 3000)
        self.browser.wait_frame()
        self.browser.find("#tab-nodes").click()
        self.assertLess(len(self.browser.all("#node-table tbody tr")), 200)
        self.browser.script("document.querySelector('#view-nodes .table').scrollTop = 1e9")
        self.browser.wait_frame()
        self.assertIn("9,999", self.texts("#node-table tbody tr td:first-child")[-1].replace("9999", "9,999"))

    def test_large_island_opens_on_demand(self):
        self.open(self.write("plan", "large.onnx", "-p", "cpu"), "graph")
        island = "graph.scene().units.find(u => u.kind === 'island')"
        self.assertFalse(self.browser.script("return %s.open" % island))
        place = self.browser.script("return graph.where(%s)" % island)
        self.browser.click(place["x"], place["y"])
        self.browser.find("#details .button").click()
        self.browser.wait_frame()
        self.assertTrue(self.browser.script("return %s.open" % island))
        self.browser.script("graph.goTo(plan.nodes[5000])")
        self.browser.wait_frame()
        self.click_node(self.browser.script("return plan.nodes[5001].name"))
        self.assertIn(self.browser.script("return plan.nodes[5001].name"), self.browser.find("#details").text)


if __name__ == "__main__":
    why = browser.missing()
    if why:
        print("skipped:", why)
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
