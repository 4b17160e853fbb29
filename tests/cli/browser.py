#!/usr/bin/env python3
"""Drives Chromium without a window, over DevTools' pipe, with nothing but Python's own library.

    tests/cli/browser.py PAGE.html PICTURE.png [--dark] [--width N] [--height N] [--part ID] [--whole]

takes a picture of a page; tests import Browser.
"""
import argparse
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time


def find():
    """Chromium's path, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One browser with one page. Events are kept in the order in which they came."""

    def __init__(self, seconds=60):
        self.seconds = seconds
        self.folder = tempfile.TemporaryDirectory(prefix="thaw-browser-")
        to_child, self.to = os.pipe()
        self.back, from_child = os.pipe()

        def take_pipes():  # Chromium reads from 3 and writes to 4
            os.dup2(os.dup(to_child), 30)
            os.dup2(os.dup(from_child), 31)
            os.dup2(30, 3)
            os.dup2(31, 4)

        self.process = subprocess.Popen(
            [find(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND",
             "--remote-debugging-pipe", f"--user-data-dir={self.folder.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=take_pipes, close_fds=False)
        os.close(to_child)
        os.close(from_child)
        self.rest = b""
        self.number = 0
        self.events = []
        self.session = None
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(t for t in targets if t["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=page["targetId"],
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(domain + ".enable")

    def close(self):
        """Ends the browser."""
        try:
            os.write(self.to, b'{"id":0,"method":"Browser.close"}\0')
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.back)
        self.folder.cleanup()

    def message(self):
        """The next message."""
        while b"\0" not in self.rest:
            if not select.select([self.back], [], [], self.seconds)[0]:
                raise TimeoutError("Chromium says nothing")
            read = os.read(self.back, 1 << 16)
            if not read:
                raise EOFError("Chromium has ended")
            self.rest += read
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def send(self, method, **params):
        """Sends a command and returns its result."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.to, json.dumps(command).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def open(self, path):
        """Opens a page and waits until it is loaded and painted; returns the seconds."""
        self.events = []
        begin = time.monotonic()
        self.send("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.events.append(self.message())
        self.send("Page.captureScreenshot", format="jpeg", quality=1)
        return time.monotonic() - begin

    def value(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["text"])
        return result["result"].get("value")

    def dark(self, dark):
        """Whether the reader's screen is dark."""
        self.send("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def size(self, width, height=900):
        """The window's size in pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)

    def picture(self, path, clip=None):
        """A PNG of the window, or of a part: x, y, width, height, scale."""
        more = {"clip": clip, "captureBeyondViewport": True} if clip else {}
        data = self.send("Page.captureScreenshot", format="png", **more)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page")
    parser.add_argument("picture")
    parser.add_argument("--dark", action="store_true", help="as on a dark screen")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--part", help="the element of this id instead of the window")
    parser.add_argument("--whole", action="store_true", help="the whole page instead of the window")
    arguments = parser.parse_args()
    if not find():
        sys.exit("browser.py: Chromium is not installed (Debian: chromium)")
    browser = Browser()
    try:
        browser.size(arguments.width, arguments.height)
        browser.dark(arguments.dark)
        browser.open(arguments.page)
        clip = None
        if arguments.part or arguments.whole:
            element = (f"document.getElementById({json.dumps(arguments.part)})" if arguments.part
                       else "document.documentElement")
            clip = browser.value(f"(r => ({{x: r.x + scrollX, y: r.y + scrollY, width: r.width, "
                                 f"height: r.height, scale: 1}}))({element}.getBoundingClientRect())")
        browser.picture(arguments.picture, clip)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
