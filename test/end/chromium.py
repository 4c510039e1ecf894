"""A browser that a test holds by the hand: Chromium by its DevTools protocol, over a pipe. Nothing of it is a script in
the page, so a page can be used with scripts turned off."""
import base64
import json
import os
import select
import shutil
import subprocess
import time

from harness import die_with_parent, environment


class Chromium:
    def __init__(self, case, *args, seconds=400):
        self.to, self.come = [], {}
        self.end = time.monotonic() + seconds
        theirs_in, self.write = os.pipe()
        self.read, theirs_out = os.pipe()
        self.held, self.last = b"", 0
        die = die_with_parent()

        def prepare():  # the pipe is at 3 and 4, by agreement
            die()
            a, b = os.dup2(theirs_in, 1000), os.dup2(theirs_out, 1001)
            os.dup2(a, 3)
            os.dup2(b, 4)
            os.closerange(5, 1002)

        argv = [shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-extensions", "--disable-default-apps", "--no-default-browser-check", "--hide-scrollbars",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "--remote-debugging-pipe",
                f"--user-data-dir={case.dir}/walker", *args]
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     close_fds=False, preexec_fn=prepare, start_new_session=True,
                                     env=environment(HOME=str(case.dir)))
        os.close(theirs_in)
        os.close(theirs_out)
        case.addCleanup(self.close)
        target = self.ask("Target.createTarget", url="about:blank", session=None)["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True, session=None)["sessionId"]
        self.ask("Page.enable")
        self.ask("Network.enable")

    def close(self):
        self.proc.kill()
        self.proc.wait()
        os.close(self.read)
        os.close(self.write)

    def message(self):
        while b"\0" not in self.held:
            left = self.end - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                raise AssertionError("the browser says nothing any more")
            data = os.read(self.read, 1 << 20)
            if not data:
                raise AssertionError("the browser has ended")
            self.held += data
        one, _, self.held = self.held.partition(b"\0")
        return json.loads(one)

    def ask(self, method, session=0, **params):
        """A command, and its result; events that come meanwhile are kept."""
        self.last += 1
        said = {"id": self.last, "method": method, "params": params}
        if session is not None:
            said["sessionId"] = self.session
        data = json.dumps(said).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        while True:
            got = self.message()
            if got.get("id") == self.last:
                if "error" in got:
                    raise AssertionError(f"{method}: {got['error']}")
                return got["result"]
            self.keep(got)

    def keep(self, event):
        if event.get("method") == "Network.responseReceived" and event["params"]["type"] == "Document":
            self.to.append(event["params"]["response"])
        self.come[event.get("method")] = self.come.get(event.get("method"), 0) + 1

    def loaded(self, begin):
        """Calls begin, and waits until the page that it leads to is there; its response."""
        before = self.come.get("Page.loadEventFired", 0)
        begin()
        while self.come.get("Page.loadEventFired", 0) == before:
            self.keep(self.message())
        return self.to[-1]

    def open(self, url):
        return self.loaded(lambda: self.ask("Page.navigate", url=url))

    def node(self, selector):
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        if not node:
            raise AssertionError(f"the page has no {selector}")
        return node

    def html(self):
        return self.ask("DOM.getOuterHTML", nodeId=self.ask("DOM.getDocument")["root"]["nodeId"])["outerHTML"]

    def fill(self, selector, text):
        self.ask("DOM.focus", nodeId=self.node(selector))
        self.ask("Input.dispatchKeyEvent", type="keyDown", commands=["selectAll"])
        self.ask("Input.insertText", text=text)

    def press(self, selector):
        """The mouse, in the middle of it; the response to what that leads to."""
        node = self.node(selector)
        self.ask("DOM.scrollIntoViewIfNeeded", nodeId=node)
        quad = self.ask("DOM.getBoxModel", nodeId=node)["model"]["content"]
        where = {"x": (quad[0] + quad[4]) / 2, "y": (quad[1] + quad[5]) / 2, "button": "left", "clickCount": 1}

        def click():
            self.ask("Input.dispatchMouseEvent", type="mousePressed", **where)
            self.ask("Input.dispatchMouseEvent", type="mouseReleased", **where)
        return self.loaded(click)

    def picture(self, path, width=1000, height=1100):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))
