"""Chromium without a window, driven over the WebDriver protocol with the standard library alone."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's key of an element's id
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Down": "\ue015", "Up": "\ue013", "Right": "\ue014", "Tab": "\ue004"}


def missing():
    """Why no browser can be driven here, or None."""
    for name in ("chromedriver", "chromium"):
        if not shutil.which(name):
            return "%s is not installed (scripts/deps installs it)" % name
    return None


class Element:
    def __init__(self, browser, key):
        self.browser, self.key = browser, key

    def call(self, method, path, body=None):
        return self.browser.call(method, "/element/%s%s" % (self.key, path), body)

    def click(self):
        self.call("POST", "/click", {})

    def type(self, text):
        self.call("POST", "/value", {"text": KEYS.get(text, text)})

    def clear(self):
        self.call("POST", "/clear", {})

    @property
    def text(self):
        return self.call("GET", "/text")

    def attribute(self, name):
        return self.call("GET", "/attribute/" + name)


class Browser:
    """A window of `width` x `height`; `dark` is what the page's media query sees."""

    def __init__(self, width=1400, height=900, dark=False):
        self.folder = tempfile.TemporaryDirectory()
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True, env={**os.environ, "TMPDIR": self.folder.name})
        self.base = None
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                self.base = "http://127.0.0.1:%s/session" % found[1]
                break
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                     "--window-size=%d,%d" % (width, height), "--user-data-dir=" + self.folder.name + "/profile"]
        if dark:
            arguments.append("--blink-settings=preferredColorScheme=0")
        wanted = {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = ""
        self.session = "/" + self.call("POST", "", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        self.call("POST", "/goog/cdp/execute", {"cmd": "Network.enable", "params": {}})

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + self.session + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def open(self, path, place=""):
        self.call("POST", "/url", {"url": "about:blank"})
        self.call("POST", "/url", {"url": "file://%s%s" % (path, place)})

    def find(self, css):
        return Element(self, self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT])

    def all(self, css):
        return [Element(self, e[ELEMENT]) for e in self.call("POST", "/elements", {"using": "css selector", "value": css})]

    def script(self, text, *arguments):
        return self.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def wait_frame(self):
        """Until what was asked for has been drawn."""
        self.call("POST", "/execute/async", {"script": "const done = arguments[0];"
                                             "requestAnimationFrame(() => requestAnimationFrame(() => done()))", "args": []})

    def point(self, x, y, *actions):
        """Moves the pointer to a place of the page; `actions`: down, up, or (x, y) to move on."""
        steps = [{"type": "pointerMove", "x": round(x), "y": round(y)}]
        for action in actions:
            if isinstance(action, tuple):
                steps.append({"type": "pointerMove", "x": round(action[0]), "y": round(action[1])})
            else:
                steps.append({"type": "pointer" + action.capitalize(), "button": 0})
        self.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": steps}]})

    def click(self, x, y):
        self.point(x, y, "down", "up")

    def scroll(self, x, y, by):
        self.call("POST", "/actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": by}]}]})

    def press(self, *keys):
        steps = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]})

    def errors(self):
        """What the console has said since it was last asked."""
        return [line["message"] for line in self.call("POST", "/se/log", {"type": "browser"})]

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()
            self.folder.cleanup()
