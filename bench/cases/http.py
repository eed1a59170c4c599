"""A replayed GET with few and with many recorded calls, beside the client's own mock transport, vcrpy and cassetter."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.cases.base import FLOOR, OURS, Bench, Case, Measure, Row
from bench.contenders import ROOT
from bench.processes import project, pytest

FEW, MANY = 10, 10_000
TRANSPORTS = ("requests", "urllib3", "http.client", "httpx", "aiohttp")
SIZES = (10, 1_000)
WHOLE = ("httpx", "requests", "urllib3", "aiohttp")
TEST = "from requested import test_gets\n"
FIRST_TEST = "from requested import test_first_gets\n"


@contextmanager
def gets(bench: Bench, client: str) -> Iterator[dict[str, Measure]]:
    """Replays without a server of calls recorded once: few, then many; and the mock transport."""
    folders = {
        count: project(bench.folder / f"{count}", [client], TEST)
        for count in (FEW, MANY)
    }
    url = _recorded(bench, client, folders)

    def gotten(count: int, **variables: str) -> float:
        settings = {
            "CLIENT": client,
            "COUNT": str(count),
            "URL": url,
            "PASSES": "9" if count == FEW else "2",
        }
        pytest(
            bench.python("clients"),
            folders[count],
            *(["-p", "no:mimic"] if variables else []),
            **settings,
            **variables,
        )
        figures = json.loads((folders[count] / "figures.json").read_text())
        return float(figures["first"]) * 1e6

    few: list[float] = []

    def ours() -> dict[str, float]:
        few.append(gotten(FEW))
        return {
            f"{client} GET, {FEW}": few[-1],
            f"{client} GET, {MANY:,}": gotten(MANY),
        }

    def floor() -> dict[str, float]:
        return {
            f"{client} GET, {FEW}": gotten(FEW, MOCKED="1"),
            f"{client} GET, {MANY:,}": few[-1],
        }

    yield {OURS: ours, FLOOR: floor}


def _recorded(bench: Bench, client: str, folders: dict[int, Path]) -> str:
    """Record the calls, and return the URL of the server, which is gone then."""
    sys.path.insert(0, str(ROOT / "tests"))
    module: Any = importlib.import_module("support.http_server")
    with module.running_server() as server:
        for count, folder in folders.items():
            settings = {
                "CLIENT": client,
                "COUNT": str(count),
                "URL": server.url,
                "PASSES": "1",
            }
            pytest(bench.python("clients"), folder, "--mimic-record", **settings)
        return str(server.url)


@contextmanager
def transports(
    bench: Bench,
    peer: str,
    library: str,
    rows: dict[tuple[str, int], str],
    *,
    whole: bool = False,
) -> Iterator[dict[str, Measure]]:
    """First replays of calls recorded once, through each transport, or the whole processes; those of the peer as the floor."""
    sys.path.insert(0, str(ROOT / "tests"))
    module: Any = importlib.import_module("support.http_server")

    def took(
        contender: str, client: str, count: int, url: str, *, is_new: bool = False
    ) -> float:
        folder = bench.folder / f"{contender}-{client}-{count}"
        settings = {"CLIENT": client, "COUNT": str(count), "URL": url}
        options = ["--mimic-record"] if is_new and contender == OURS else []
        if contender == FLOOR:
            settings |= {"BY": library, "RECORD_MODE": "once" if is_new else "none"}
        if is_new:
            project(folder, [client] if contender == OURS else [], FIRST_TEST)
        python = bench.pythons["clients" if contender == OURS else peer]
        seconds = pytest(python, folder, *options, **settings)
        if whole:
            return seconds * 1e3
        return float(json.loads((folder / "figures.json").read_text())["first"]) * 1e6

    with module.running_server() as server:
        for contender in (OURS, FLOOR):
            for place in rows:
                took(contender, *place, server.url, is_new=True)

    def measured(contender: str) -> dict[str, float]:
        return {row: took(contender, *place, server.url) for place, row in rows.items()}

    yield {OURS: partial(measured, OURS), FLOOR: partial(measured, FLOOR)}


def profile(bench: Bench, file: Path, *, client: str) -> None:
    """Profile the first replays of 1,000 calls."""
    count = 1000
    folder = project(bench.folder, [client], TEST)
    url = _recorded(bench, client, {count: folder})
    settings = {"CLIENT": client, "COUNT": str(count), "URL": url, "PASSES": "1"}
    pytest(bench.python("clients"), folder, BENCH_PROFILE=str(file), **settings)


FIRST = {
    (client, count): f"first GETs by {client}, {count:,}"
    for client in TRANSPORTS
    for count in SIZES
}
PROCESSES = {
    (client, 1_000): f"whole process of 1,000 GETs by {client}" for client in WHOLE
}
CASES = [
    Case(
        "transports",
        [Row(row, "µs", {FLOOR: 0.4}, floor="vcrpy") for row in FIRST.values()],
        partial(transports, peer="vcrpy", library="vcr", rows=FIRST),
        rounds=2,
    ),
    Case(
        "whole_gets",
        [Row(row, "ms", {FLOOR: 0.8}, floor="cassetter") for row in PROCESSES.values()],
        partial(
            transports,
            peer="cassetter",
            library="cassetter",
            rows=PROCESSES,
            whole=True,
        ),
        rounds=3,
    ),
    *(
        Case(
            f"{client}_gets",
            [
                Row(f"{client} GET, {FEW}", "µs", floor="the client's mock transport"),
                Row(
                    f"{client} GET, {MANY:,}",
                    "µs",
                    {FLOOR: 1.2},
                    floor=f"ours with {FEW} recorded",
                ),
            ],
            partial(gets, client=client),
            rounds=3,
            profile=partial(profile, client=client),
        )
        for client in ("httpx", "requests")
    ),
]
