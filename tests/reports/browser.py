"""A real Chromium, driven over its own pipe: what a page looks like, does and asks for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

PATIENCE = 60.0  # seconds
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


def chromium() -> str | None:
    """Return where Chromium is; None where it is not installed."""
    return shutil.which("chromium")


class Browser:
    """One page of a headless Chromium.

    Args:
        profile: An empty folder for what the browser keeps.
    """

    def __init__(self, profile: Path) -> None:
        to_browser, self._writing = os.pipe()
        self._reading, from_browser = os.pipe()
        path = chromium()
        assert path is not None
        # The browser reads from 3 and writes to 4, whatever numbers the pipes have here.
        words = ["sh", "-c", 'exec "$@" 3</proc/self/fd/"$READING" 4>/proc/self/fd/"$WRITING"', "sh"]
        self._process = subprocess.Popen(
            [*words, path, *QUIET, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser, from_browser),
            env=os.environ | {"READING": str(to_browser), "WRITING": str(from_browser)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self._reading, False)
        self._left = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._writing)
        os.close(self._reading)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return what the browser answers to one method of its protocol."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                return dict(found["result"])
            self.events.append(found)

    def _message(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._left:
            try:
                part = os.read(self._reading, 2**20)
            except BlockingIOError:
                assert time.monotonic() < until, "Chromium does not answer"
                time.sleep(0.005)
                continue
            assert part, "Chromium has ended"
            self._left += part
        message, self._left = self._left.split(b"\0", 1)
        return dict(json.loads(message))

    def open(self, page: Path, *, width: int = 1280, height: int = 900) -> None:
        """Show a file, and wait until all of it is there."""
        self.events.clear()
        self.resize(width, height)
        self.call("Page.navigate", url=page.resolve().as_uri())
        until = time.monotonic() + PATIENCE
        while self.value("document.readyState + location.protocol") != "completefile:":
            assert time.monotonic() < until, "the page does not load"
            time.sleep(0.02)

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page another size, in pixels of CSS."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression is on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def requests(self) -> list[str]:
        """Return every address that the page has asked for since it was opened."""
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [str(one["request"]["url"]) for one in sent]

    def complaints(self) -> list[str]:
        """Return every warning, error and exception since the page was opened."""
        found = []
        for event in self.events:
            given = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(str(given["exceptionDetails"]))
            elif event["method"] == "Log.entryAdded" and given["entry"]["level"] in ("warning", "error"):
                found.append(str(given["entry"]["text"]))
            elif event["method"] == "Runtime.consoleAPICalled" and given["type"] in ("warning", "error", "assert"):
                found.append(str(given["args"]))
        return found

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        for kind in ("rawKeyDown", "char", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "char" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def photographed(self, path: Path, *, whole: bool = True) -> Path:
        """Write a PNG of the page, or of what a window shows of it."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    def printed(self) -> bytes:
        """Return the page as PDF, as it would come out of a printer on A4."""
        pdf = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(pdf["data"])
