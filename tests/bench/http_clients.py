"""What a replayed GET costs through each HTTP client, beside the client's own mock transport, and vcrpy where it is there.

CPU time of the process, the least of several rounds, in microseconds a call; aiohttp has no mock transport, so the real
request to a server on loopback stands there. The same for few recorded calls and for many: `--many 10000`. Asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

CLIENTS = ("httpx", "httpx2", "requests", "aiohttp")

TEST = """
import asyncio, importlib, io, json, os
from contextlib import nullcontext
from pathlib import Path
from time import process_time

import pytest
from pytest_mimic import mimic

URL, CALLS, ROUNDS = os.environ["URL"], int(os.environ["CALLS"]), int(os.environ["ROUNDS"])
URLS = [f"{URL}/items/{number}" for number in range(CALLS)]
HEADERS = {"Server": "x", "Date": "y", "Content-Type": "application/json", "Content-Length": "19"}
BODY = b'{"path":"/items/1"}'


def httpx_get(module, mocked):
    transport = module.MockTransport(lambda _: module.Response(200, headers=HEADERS, content=BODY))
    client = module.Client(transport=transport) if mocked else module.Client()

    def all_of_them():
        for url in URLS:
            client.get(url).json()

    return all_of_them


def requests_get(module, mocked):
    class Mock(module.adapters.HTTPAdapter):
        def send(self, request, **_):
            raw = module.packages.urllib3.HTTPResponse(
                io.BytesIO(BODY), HEADERS, 200, reason="OK", preload_content=False
            )
            return self.build_response(request, raw)

    session = module.Session()
    if mocked:
        session.mount("http://", Mock())

    def all_of_them():
        for url in URLS:
            session.get(url).json()

    return all_of_them


def aiohttp_get(module, _):
    async def main():
        async with module.ClientSession() as session:
            for url in URLS:
                async with session.get(url) as response:
                    await response.json()

    return lambda: asyncio.run(main())


@pytest.mark.parametrize("name", os.environ["CLIENTS"].split())
def test_client(name):
    module = importlib.import_module(name)
    get = {"requests": requests_get, "aiohttp": aiohttp_get}.get(name, httpx_get)
    who = os.environ["WHO"]
    context = mimic(name) if who == "mimic" else nullcontext()
    if who == "vcrpy":
        import vcr

        context = vcr.use_cassette(f"{name}-{CALLS}.yaml", allow_playback_repeats=True)
    every, best = get(module, who == "mock"), float("inf")
    with context:
        for _ in range(ROUNDS):
            began = process_time()
            every()
            best = min(best, (process_time() - began) / CALLS)
    with Path("figures.jsonl").open("a") as file:
        print(json.dumps([name, who, CALLS, best * 1e6]), file=file)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--few", type=int, default=10)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_client.py").write_text(TEST)
        figures = measure(folder, (options.few, options.many), options.rounds)
    show(figures, options.few, options.many)


def measure(folder: Path, sizes: tuple[int, ...], rounds: int) -> dict[tuple[str, str, int], float]:
    """The figures by client, contender and number of recorded calls."""
    from http_server import running_server

    clients = [name for name in CLIENTS if installed(name)]
    contenders = ["mock", "mimic", *(["vcrpy"] if installed("vcr") else [])]
    with running_server() as server:
        for calls in sizes:
            for who in contenders:
                run(folder, who, server.url, clients, calls, 1, "--mimic-record")
        (folder / "figures.jsonl").unlink()
        run(folder, "mock", server.url, [name for name in clients if name == "aiohttp"], sizes[0], rounds)
        url = server.url
    for calls in sizes:
        for who in contenders:
            able = [name for name in clients if who != "mock" or name != "aiohttp"]
            run(folder, who, url, able, calls, max(2, rounds * sizes[0] // calls))
    lines = (folder / "figures.jsonl").read_text().splitlines()
    return {(name, who, calls): figure for name, who, calls, figure in map(json.loads, lines)}


def installed(name: str) -> bool:
    """Whether a module is there."""
    from importlib.util import find_spec

    return find_spec(name) is not None


def run(folder: Path, who: str, url: str, clients: list[str], calls: int, rounds: int, *options: str) -> None:
    """One process, which adds its figures to the file; its output is shown where it fails."""
    if not clients:
        return
    settings = {
        "WHO": who,
        "URL": url,
        "CLIENTS": " ".join(clients),
        "CALLS": str(calls),
        "ROUNDS": str(rounds),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "mimic", "-p", "no:cacheprovider", *options]
    environment = {**os.environ, **settings, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def show(figures: dict[tuple[str, str, int], float], few: int, many: int) -> None:
    """Prints the table."""
    print(
        f"{'':10}{'mock':>9}{f'mimic {few}':>12}{f'mimic {many}':>13}{'added':>9}{'ratio':>8}{f'vcrpy {few}':>12}"
    )
    for name in CLIENTS:
        if (name, "mimic", few) in figures:
            mock, ours, more = (
                figures[name, "mock", few],
                figures[name, "mimic", few],
                figures[name, "mimic", many],
            )
            vcrpy = figures.get((name, "vcrpy", few))
            print(
                f"{name:10}{mock:9.0f}{ours:12.0f}{more:13.0f}{ours - mock:9.0f}{more / ours:8.2f}"
                f"{'-' if vcrpy is None else f'{vcrpy:.0f}':>12}"
            )


if __name__ == "__main__":
    main()
