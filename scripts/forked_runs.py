"""Runs of pytest and of `pytest-mimic` as forks of a process that has imported both.

A run takes a quarter of a second so.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGKILL

# The assertions of a test file are rewritten once.
sys.dont_write_bytecode = False

# What a run's tests have got of their calls: test, call, and the run that made it.
Got = dict[tuple[str, str], str]

Action = Callable[[], None]
PREPARED = ("pytest_mimic", "_pytest", "filelock", "http", "email", "urllib")

# Ends a test module, whose tests note what they get.
NOTING = """
    import json

    def note(test, call, make):
        try:
            got = make()
        except Exception as error:
            got = [type(error).__name__]
        with open("got.jsonl", "a") as file:
            file.write(json.dumps([test, str(call), got[0]]) + "\\n")
"""


class ForkedRuns:
    """Runs in one folder. The last one's output is in `output.txt`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.output = root / "output.txt"
        self._got = root / "got.jsonl"

    def run(
        self,
        words: str,
        *,
        before: Action = lambda: None,
        after: Action = lambda: None,
        **names: str,
    ) -> None:
        """Run `pytest …` or a subcommand.

        Args:
            words: The command.
            before: Is called in the new process.
            after: As well, when the run has ended.
            names: Variables of its environment.
        """
        self._got.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.chdir(self.root)
                os.environ.update(names)
                with self.output.open("wb") as output:
                    os.dup2(output.fileno(), 1)
                    os.dup2(output.fileno(), 2)
                before()
                code = _run_here(words)
                after()
            finally:
                os._exit(code)
        os.waitpid(child, 0)

    def prepare(self, words: str) -> None:
        """Import here what a run imports, so that no later one has to."""
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        modules = self.root / "modules.txt"

        def tell() -> None:
            names = [name for name in sys.modules if name.startswith(PREPARED)]
            modules.write_text("\n".join(names))

        self.run(words, after=tell)
        for name in modules.read_text().split():
            importlib.import_module(name)
        gc.collect()
        gc.freeze()

    def results(self) -> Got:
        """Return what the tests of the last run have got."""
        results: Got = {}
        if self._got.exists():
            for line in self._got.read_text().splitlines():
                test, call, run = json.loads(line)
                results[test, call] = run
        return results


def _run_here(words: str) -> int:
    # What these bind when they are imported may be replaced before.
    import pytest

    from pytest_mimic.cli.main import main as run_command

    command, *rest = shlex.split(words)
    if command == "pytest":
        return int(pytest.main(rest))
    return run_command([command, *rest])


class _Handler(BaseHTTPRequestHandler):
    """Answers with the number of the run that asks."""

    def do_GET(self) -> None:
        body = self.headers["X-Run"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve in another process, and give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    process = os.fork()
    if process == 0:
        server.serve_forever()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        os.kill(process, SIGKILL)
        os.waitpid(process, 0)
