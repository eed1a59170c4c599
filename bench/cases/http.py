"""Replayed GETs, with few and with many recorded calls.

They are measured beside the client's own mock transport, vcrpy and cassetter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

from bench.cases.base import Bench, Case, Measure, Row
from bench.contenders import CASSETTER, CLIENTS, FLOOR, OURS, VCRPY
from bench.processes import Figures, figures_of, make_project, run_pytest
from bench.servers import http_server

FEW = 10
MANY = 1_000
TEST_OF_GETS = "from requested import test_gets\n"
TEST_OF_FIRST_GETS = "from requested import test_first_gets\n"

#: A client, by the name of its module, and a number of GETs.
Gets = tuple[str, int]
# The rows of the two cases that have a peer.
ROWS_BESIDE_VCRPY: dict[Gets, str] = {
    (client, count): f"first GETs by {client}, {count:,}"
    for client, count in product(
        # vcrpy takes seconds for each of 1,000.
        ("requests", "urllib3", "http.client", "httpx", "aiohttp"),
        (10, 200),
    )
}
ROWS_BESIDE_CASSETTER: dict[Gets, str] = {
    (client, 1_000): f"whole process of 1,000 GETs by {client}"
    for client in ("httpx", "requests", "urllib3", "aiohttp")
}
# The modules of the peers, by their environments.
PEER_MODULES = {VCRPY: "vcr", CASSETTER: "cassetter"}


@contextmanager
def gets(bench: Bench, client: str) -> Iterator[dict[str, Measure]]:
    """Replays of few and of many calls, in µs of CPU time a call.

    The calls were recorded once, and the server is gone. Few replays have the client's
    own mock transport as their floor; many have ours with few recorded.
    """
    folder_of_few = make_project(bench.folder / str(FEW), [client], TEST_OF_GETS)
    folder_of_many = make_project(bench.folder / str(MANY), [client], TEST_OF_GETS)
    with http_server() as url:
        _record_gets(bench, folder_of_few, _settings(client, FEW, url))
        _record_gets(bench, folder_of_many, _settings(client, MANY, url))

    row_of_few = f"{client} GET, {FEW}"
    row_of_many = f"{client} GET, {MANY:,}"
    settings_of_few = {**_settings(client, FEW, url), "PASSES": "9"}
    settings_of_many = {**_settings(client, MANY, url), "PASSES": "2"}
    python = bench.python(CLIENTS)
    few_by_ours: list[float] = []

    def measure_ours() -> Figures:
        run_pytest(python, folder_of_few, **settings_of_few)
        few = figures_of(folder_of_few)["first"] * 1e6
        few_by_ours.append(few)
        run_pytest(python, folder_of_many, **settings_of_many)
        many = figures_of(folder_of_many)["first"] * 1e6
        return {row_of_few: few, row_of_many: many}

    def measure_floor() -> Figures:
        run_pytest(
            python, folder_of_few, "-p", "no:mimic", **settings_of_few, MOCKED="1"
        )
        mocked = figures_of(folder_of_few)["first"] * 1e6
        return {row_of_few: mocked, row_of_many: few_by_ours[-1]}

    yield {OURS: measure_ours, FLOOR: measure_floor}


def _settings(client: str, count: int, url: str) -> dict[str, str]:
    """Return what `inside/requested.py` reads from the environment."""
    return {"CLIENT": client, "COUNT": str(count), "URL": url}


def _record_gets(bench: Bench, folder: Path, settings: dict[str, str]) -> None:
    """Record each call once; the server runs."""
    run_pytest(bench.python(CLIENTS), folder, "--mimic-record", **settings, PASSES="1")


@contextmanager
def first_gets(
    bench: Bench, *, peer: str, rows: dict[Gets, str]
) -> Iterator[dict[str, Measure]]:
    """The first replays in a process, in µs of CPU time a call.

    The calls were recorded once, and the server is gone. The peer is the floor.
    """

    def microseconds_of_call(folder: Path, _seconds: float) -> float:
        return figures_of(folder)["first"] * 1e6

    yield _measures_of_replays(bench, peer, rows, microseconds_of_call)


@contextmanager
def whole_gets(
    bench: Bench, *, peer: str, rows: dict[Gets, str]
) -> Iterator[dict[str, Measure]]:
    """Whole processes of first replays, in ms of CPU time.

    The calls were recorded once, and the server is gone. The peer is the floor.
    """

    def milliseconds_of_process(_folder: Path, seconds: float) -> float:
        return seconds * 1e3

    yield _measures_of_replays(bench, peer, rows, milliseconds_of_process)


def _measures_of_replays(
    bench: Bench,
    peer: str,
    rows: dict[Gets, str],
    figure_of: Callable[[Path, float], float],
) -> dict[str, Measure]:
    """Record the calls, and return what replays them, by contender.

    Args:
        bench: The benchmark.
        peer: The peer.
        rows: The row of each client and number of calls.
        figure_of: Returns the figure of a process, of its folder and of its seconds of
            CPU time.
    """
    url = _record_first_gets(bench, peer, list(rows))

    def measure(contender: str) -> Figures:
        figures = {}
        for (client, count), row in rows.items():
            settings = _settings(client, count, url)
            seconds = _run_first_gets(bench, contender, peer, settings)
            folder = _folder(bench, contender, settings)
            figures[row] = figure_of(folder, seconds)
        return figures

    return {name: partial(measure, name) for name in _contenders(bench)}


def _contenders(bench: Bench) -> list[str]:
    return [*bench.pythons_with_clients(), FLOOR]


def _record_first_gets(bench: Bench, peer: str, all_gets: list[Gets]) -> str:
    """Record the calls by all contenders.

    Returns:
        The URL of the server, which is gone.
    """
    with http_server() as url:
        for contender in _contenders(bench):
            for client, count in all_gets:
                settings = _settings(client, count, url)
                folder = _folder(bench, contender, settings)
                targets = [] if contender == FLOOR else [client]
                make_project(folder, targets, TEST_OF_FIRST_GETS)
                _run_first_gets(bench, contender, peer, settings, is_recording=True)
    return url


def _folder(bench: Bench, contender: str, settings: dict[str, str]) -> Path:
    """Return the folder of the project for a contender, a client and a number."""
    return bench.folder / f"{contender}-{settings['CLIENT']}-{settings['COUNT']}"


def _run_first_gets(
    bench: Bench,
    contender: str,
    peer: str,
    settings: dict[str, str],
    *,
    is_recording: bool = False,
) -> float:
    """Run the calls by one version of ours, or by the peer.

    Returns:
        The seconds of CPU time of the process.
    """
    folder = _folder(bench, contender, settings)
    if contender != FLOOR:
        python = bench.pythons_with_clients()[contender]
        options = ["--mimic-record"] if is_recording else []
        return run_pytest(python, folder, *options, **settings)
    settings_of_peer = {
        **settings,
        "BY": PEER_MODULES[peer],
        "RECORD_MODE": "once" if is_recording else "none",
    }
    return run_pytest(bench.python(peer), folder, **settings_of_peer)


def profile(bench: Bench, file: Path, *, client: str) -> None:
    """Profile the first replays of 1,000 calls."""
    make_project(bench.folder, [client], TEST_OF_GETS)
    with http_server() as url:
        settings = _settings(client, 1000, url)
        _record_gets(bench, bench.folder, settings)
    run_pytest(
        bench.python(CLIENTS),
        bench.folder,
        BENCH_PROFILE=str(file),
        **settings,
        PASSES="1",
    )


def _gets_case(client: str) -> Case:
    """Return the case of a client with a mock transport."""
    return Case(
        f"{client}_gets",
        [
            Row(f"{client} GET, {FEW}", "µs", floor="the client's mock transport"),
            Row(
                f"{client} GET, {MANY:,}",
                "µs",
                floor=f"ours with {FEW} recorded",
            ),
        ],
        partial(gets, client=client),
        rounds=3,
        profile=partial(profile, client=client),
    )


CASES = [
    Case(
        "transports",
        [Row(row, "µs", floor="vcrpy") for row in ROWS_BESIDE_VCRPY.values()],
        partial(first_gets, peer=VCRPY, rows=ROWS_BESIDE_VCRPY),
        rounds=2,
    ),
    Case(
        "whole_gets",
        [Row(row, "ms", floor="cassetter") for row in ROWS_BESIDE_CASSETTER.values()],
        partial(whole_gets, peer=CASSETTER, rows=ROWS_BESIDE_CASSETTER),
        rounds=3,
    ),
    _gets_case("httpx"),
    _gets_case("requests"),
]
