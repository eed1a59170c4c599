"""Print the terminal of a review, for the documentation: a real project, whose service has changed since it was recorded.

Run it as `python scripts/review_transcript.py > docs/_terminal/review.txt`. It needs
Pillow and a POSIX system.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

FILES = {
    "pytest.ini": """[pytest]
mimic_functions =
    shop:describe
    shop:prices
    shop:chart
    http.client
""",
    "shop.py": '''import os
import urllib.request

import PIL.Image


def is_old():
    return os.environ["SERVICE"] == "old"


def describe(product):
    """Ask a model for a description."""
    if is_old():
        return f"{product} is a strong black tea from Assam, best with milk."
    return f"{product} is a strong black tea from Kenya, best with a little milk."


def prices():
    """Download the price list."""
    pears = 2.5 if is_old() else 2.75
    return [{"name": name, "price": price} for name, price in [("Apples", 1.5), ("Pears", pears), ("Plums", 3.0)]]


def chart():
    """Draw the price list."""
    return PIL.Image.new("RGB", (40, 20), "green" if is_old() else "blue")


def order(number):
    with urllib.request.urlopen(f"{os.environ['API']}/orders/{number}") as answer:
        return answer.read()
''',
    "test_shop.py": """import shop


def test_description():
    assert "tea" in shop.describe("Morning")


def test_order():
    assert b"Morning" in shop.order(7)


def test_prices():
    assert len(shop.prices()) == 3
    assert shop.chart().size == (40, 20)
""",
}
KEYS = "arsa"
_PLUGINS = ("-p", "pytest_mimic.plugin", "-p", "no:cacheprovider")


class Service(BaseHTTPRequestHandler):
    """A JSON API."""

    is_old = True

    def do_GET(self) -> None:
        """Answer with an order."""
        state, number = ("open", "4711") if self.is_old else ("paid", "4712")
        body = json.dumps(
            {"id": 7, "item": "Morning", "state": state, "trace": {"id": number}}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@contextmanager
def service() -> Iterator[str]:
    """Run the API, and give its URL."""
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def transcript(folder: Path) -> Iterator[str]:
    """Record and verify the project in a folder, review the drifts, and yield what the terminal shows."""
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    with service() as url:
        Service.is_old = True
        _pytest(folder, url, "old", "--mimic-record")
        Service.is_old = False
        output = _pytest(folder, url, "new", "--mimic-verify", "--mimic-review")
    yield "$ pytest --mimic-verify --mimic-review\n"
    section = re.search(r"^=+ mimic =+\n(.*?)^=+ ", output, re.DOTALL | re.MULTILINE)
    yield f"...\n{section[1] if section else output}"
    yield "$ pytest-mimic review\n"
    yield review(folder, keys=KEYS)


def _pytest(folder: Path, url: str, version: str, *options: str) -> str:
    environment = {
        **os.environ,
        "SERVICE": version,
        "API": url,
        "COLUMNS": "100",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    words = [
        sys.executable,
        "-m",
        "pytest",
        *_PLUGINS,
        "--color=no",
        "--tb=no",
        *options,
    ]
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout


def review(folder: Path, *words: str, keys: str) -> str:
    """Answer a review on a pseudo-terminal, each time it asks, and return what the terminal shows."""
    controller, terminal = pty.openpty()
    environment = {
        **os.environ,
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "100",
        "LINES": "200",
    }
    command = [sys.executable, "-m", "pytest_mimic", "review", *words]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ):
        os.close(terminal)
        shown, left = b"", iter(keys)
        while True:
            try:
                piece = os.read(controller, 1 << 16)
            except OSError:  # Linux says so at the end
                break
            if not piece:
                break
            shown += piece
            if shown.endswith(b"\n> "):
                os.write(controller, f"{next(left, 'q')}\n".encode())
        os.close(controller)
    return shown.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        sys.stdout.writelines(transcript(Path(made)))
