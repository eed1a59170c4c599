"""A run that replays from a vault in an object store, with nothing and with everything in the cache."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.cases.base import FLOOR, OURS, Bench, Case, Measure, Row
from tests.bench.contenders import ROOT
from tests.bench.processes import Figures, project, pytest

CALLS = 10_000
TARGETS = tuple(f"fleet:rates{n}" for n in range(10))
TEST = "from fleet import test_fleet\n"
LOCAL = "the same vault in a local folder"


class Fleet:
    """A project whose recordings are in a local folder and in a bucket, behind a proxy that counts."""

    def __init__(self, bench: Bench, server: Any, proxy: Any) -> None:
        self._python = bench.python(OURS)
        self._folder = project(bench.folder / "project", TARGETS, TEST)
        self._cache = bench.folder / "cache"
        self._proxy = proxy
        self._url = f"s3://{self._filled_bucket(server, bench.folder / 'bucket')}/vault"
        self._variables = {**server.environment(proxy.url), "PYTEST_MIMIC_CACHE_DIR": str(self._cache)}
        self.run("--mimic-record", BENCH_REPLAYING="")  # into the local folder

    def _filled_bucket(self, server: Any, folder: Path) -> str:
        """Record into a store in a folder, and copy its objects into a new bucket."""
        cache = {"PYTEST_MIMIC_CACHE_DIR": str(self._cache)}
        self.run("--mimic-record", f"--mimic-vault={folder.as_uri()}", BENCH_REPLAYING="", **cache)
        shutil.rmtree(self._cache)
        name: str = server.new_bucket()
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            key = file.relative_to(folder).as_posix()
            put = urllib.request.Request(f"{server.url}/{name}/vault/{key}", file.read_bytes(), method="PUT")
            put.add_header("Content-Type", "application/octet-stream")
            urllib.request.urlopen(put, timeout=60).close()
        return name

    def run(self, *options: str, **variables: str) -> Figures:
        """Run the test, and return the seconds of the whole process."""
        begun = time.perf_counter()
        cpu = pytest(
            self._python,
            self._folder,
            *options,
            **{"BENCH_CALLS": str(CALLS), "BENCH_REPLAYING": "1", **variables},
        )
        return {"wall": time.perf_counter() - begun, "CPU": cpu}

    def local(self) -> Figures:
        """Return the figures of a replay from the folder."""
        figures = self.run()
        return {f"remote, {state}, {name}": figures[name] for state in ("cold", "warm") for name in figures}

    def remote(self, **variables: str) -> Figures:
        """Return the figures of a replay from the bucket with nothing in the cache, and of the same once more."""
        shutil.rmtree(self._cache, ignore_errors=True)
        figures = {}
        for state in ("cold", "warm"):
            self._proxy.forget()
            found = self.run(f"--mimic-vault={self._url}", **self._variables, **variables)
            found |= {"requests": len(self._proxy.seen), "received": self._proxy.bytes_out / 1e6}
            figures |= {f"remote, {state}, {name}": figure for name, figure in found.items()}
        return figures


@contextmanager
def fleet(bench: Bench) -> Iterator[Fleet]:
    """Return the project, while the server runs."""
    sys.path.insert(0, str(ROOT / "tests"))
    servers: Any = importlib.import_module("s3_server")
    proxies: Any = importlib.import_module("failing_proxy")
    with ExitStack() as stack:
        server = stack.enter_context(servers.running_s3())
        yield Fleet(bench, server, stack.enter_context(proxies.running_proxy(server.url)))


@contextmanager
def remote(bench: Bench) -> Iterator[dict[str, Measure]]:
    """Replays of the same calls from a bucket and from a folder."""
    with fleet(bench) as made:
        yield {OURS: made.remote, FLOOR: made.local}


def profile(bench: Bench, file: Path) -> None:
    """Profile the calls of a run with everything in the cache."""
    with fleet(bench) as made:
        made.remote(BENCH_PROFILE=str(file))


CASES = [
    Case(
        "remote",
        [
            Row("remote, cold, wall", "s", floor=LOCAL),
            Row("remote, cold, CPU", "s", floor=LOCAL),
            Row("remote, cold, requests", "", {OURS: 99}),
            Row("remote, cold, received", "MB"),
            Row("remote, warm, wall", "s", {FLOOR: 1.2}, floor=LOCAL),
            Row("remote, warm, CPU", "s", {FLOOR: 1.2}, floor=LOCAL),
            Row("remote, warm, requests", "", {OURS: 1}),
            Row("remote, warm, received", "MB"),
        ],
        remote,
        profile=profile,
    )
]
