"""Drives a headless chromium through its DevTools pipe: opens pages, evaluates JavaScript and presses keys."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# No network but loopback, and nothing in the background.
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe"),
)
_KEYS = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


class Browser:
    """One tab of a chromium process. `problems` are the errors that its console has shown."""

    def __init__(self, write: int, read: BinaryIO) -> None:
        self._write = write
        self._read = read
        self._left = b""
        self._number = 0
        self._tab: str | None = None
        self.problems: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._tab = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.size(1280, 800)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of DevTools and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._tab is not None:
            message["sessionId"] = self._tab
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        answer = self._next("id", self._number)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self, key: str, value: object) -> dict[str, Any]:
        """Return the next message with this value, and note the problems before it."""
        while True:
            while b"\0" not in self._left:
                more = self._read.read(1 << 16)
                assert more, "chromium has ended"
                self._left += more
            data, _, self._left = self._left.partition(b"\0")
            message: dict[str, Any] = json.loads(data)
            params = message.get("params", {})
            if message.get("method") == "Runtime.exceptionThrown":
                self.problems.append(
                    params["exceptionDetails"]["exception"].get("description", "an exception")
                )
            elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                self.problems.append(params["entry"]["text"])
            if message.get(key) == value:
                return message

    def open(self, path: Path) -> None:
        """Open a file as file://, and wait until it is loaded."""
        self.send("Page.navigate", url=path.as_uri())
        self._next("method", "Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Return the value of an expression of JavaScript, awaited if it is a promise."""
        result = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after another. A key of one character types it."""
        for key in keys:
            typed = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            code = {"windowsVirtualKeyCode": _KEYS[key]} if key in _KEYS else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **typed, **code)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **code)

    def emulate(self, *, dark: bool = False, media: str = "") -> None:
        """Prefer a dark or a light page, perhaps on another medium: `print`."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)

    def size(self, width: int, height: int, *, scale: float = 1) -> None:
        """Set the size of the window in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=False,
        )

    def picture(self) -> bytes:
        """Return a screenshot as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        return base64.b64decode(
            self.send("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
        )


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Start a chromium with an empty profile for the length of the block. The test is skipped if there is none."""
    fcntl = pytest.importorskip("fcntl", reason="Windows cannot give a process the file descriptors 3 and 4")
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip("chromium is not installed")
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    # It reads commands from the file descriptor 3 and answers on 4. The shell needs both elsewhere first.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]
    command = [f'exec "$0" "$@" 3<&{ends[0]} 4>&{ends[1]}', program, *_OPTIONS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        ["bash", "-c", *command],
        pass_fds=ends,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in ends:
        os.close(end)
    os.close(to_read)
    os.close(to_write)
    try:
        with os.fdopen(read, "rb", buffering=0) as answers:
            yield Browser(write, answers)
    finally:
        os.close(write)
        process.terminate()
        process.wait(timeout=30)
