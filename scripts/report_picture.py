"""Draw the picture of the report, `docs/_static/report.png`.

Run it as `python scripts/report_picture.py`. It needs httpx, sqlalchemy, playwright and
Chromium. It records the tests of `scripts/report_demo` from fakes, which a proxy
stands for, so that the picture shows the real hosts. Then it replays them with one
request that has changed, and takes a picture of the report in Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "scripts" / "report_demo"
PICTURE = ROOT / "docs" / "_static" / "report.png"
sys.path.insert(0, str(ROOT / "tests"))

from support import loopback  # noqa: E402
from support.loopback import serving  # noqa: E402

WIDTH, HEIGHT = 1280, 1000
PROXIED = "HTTP_PROXY", "http_proxy"
NOT_PROXIED = "NO_PROXY", "no_proxy"


class Handler(loopback.Handler):
    """Answers for all services of the demo, as slowly as real ones do."""

    server: Services

    def do_GET(self) -> None:  # noqa: N802 - http.server calls it
        """Answer a request for rates or for a label."""
        url = urlsplit(self.path)
        if url.path.endswith(".png"):
            self.label()
            return
        time.sleep(0.3)
        base = parse_qs(url.query)["base"][0]
        if base == "XXX":
            self.json({"error": "unknown currency", "base": base}, 404)
            return
        rates = {"USD": 1.0843, "GBP": 0.8521, "CHF": 0.9438}
        day = parse_qs(url.query)["day"][0]
        self.json({"base": base, "day": day, "rates": rates, "token": "t-9f8e7d6c5b"})

    def label(self) -> None:
        """Be busy once, then send a picture."""
        time.sleep(0.2)
        if not self.server.was_busy:
            self.server.was_busy = True
            self.json({"error": "busy"}, 503, Retry_After="1")
            return
        self.answer(200, stripes(), "image/png")

    def do_POST(self) -> None:  # noqa: N802 - http.server calls it
        """Answer as a language model does: with a tool call first, or in a stream."""
        asked = json.loads(self.body())
        time.sleep(0.9)
        head = {"id": "chatcmpl-7", "created": 1777593600, "model": asked["model"]}
        if asked.get("stream"):
            self.words(head)
            return
        message: dict[str, Any] = {"role": "assistant"}
        if asked["messages"][-1]["role"] == "tool":
            message["content"] = "Your order 1042 is on its way with DHL."
        else:
            function = {"name": "find_order", "arguments": '{"number": 1042}'}
            call = {"id": "call_1", "type": "function", "function": function}
            message["tool_calls"] = [call]
        usage = {"prompt_tokens": 141, "completion_tokens": 23, "total_tokens": 164}
        self.json(
            {**head, "choices": [{"index": 0, "message": message}], "usage": usage}
        )

    def words(self, head: Mapping[str, Any]) -> None:
        """Send a sentence, word by word."""
        events = []
        for word in "A wise , patient and very human book .".split(" "):
            choice = {"index": 0, "delta": {"content": f"{word} "}}
            events.append(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n")
        usage = {"prompt_tokens": 27, "completion_tokens": 9, "total_tokens": 36}
        events.append(
            f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
        )
        self.stream([*events, "data: [DONE]\n\n"], "text/event-stream")


class Services(loopback.Server):
    """The services, of which one is busy at first."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.was_busy = False


def stripes() -> bytes:
    """Return a small picture, as PNG: the bars of a parcel's label."""
    width, height = 96, 48
    row = bytes(255 * (column * column // 7 % 3 > 0) for column in range(width))
    pixels = (b"\0" + row) * height

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def report(folder: Path) -> Path:
    """Record the demo in a folder, replay it, and return the report of the replay."""
    project = folder / "book-shop"
    shutil.copytree(DEMO, project, ignore=shutil.ignore_patterns("__pycache__"))
    with serving(Services()) as services:
        proxies = dict.fromkeys(PROXIED, services.url)
        variables = {**os.environ, **proxies, **dict.fromkeys(NOT_PROXIED, "")}
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
        command = [sys.executable, "-m", "pytest", "-q"]
        # The order of the tests is the same in each picture.
        command += ["-p", "no:randomly", "-p", "no:cacheprovider"]
        subprocess.run(
            [*command, "--mimic-record"], cwd=project, env=variables, check=True
        )
    # One test fails, which is meant.
    replay = [*command, "--mimic-report=report.html"]
    changed = {**variables, "DAY": "2026-05-04"}
    subprocess.run(replay, cwd=project, env=changed, check=False)
    return project / "report.html"


def take_picture(page: Path, picture: Path) -> None:
    """Take a picture of the upper part of a page, as a screen shows it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        size = {"width": WIDTH, "height": HEIGHT}
        opened = browser.new_page(viewport=size, color_scheme="light")
        opened.goto(page.as_uri())
        opened.locator(".line button").first.wait_for()
        opened.screenshot(path=picture)
        browser.close()


def main() -> None:
    """Draw the picture. With `--keep FOLDER`, the project and its report stay there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.keep or Path(made)
        take_picture(report(folder), PICTURE)


if __name__ == "__main__":
    main()
