"""GETs through a client: replayed, by the library that `BY` names if there is one, or answered by the client's mock transport."""

from __future__ import annotations

import asyncio
import gc
import importlib
import io
import json
import os
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from steps import timed

HEADERS = {
    "Server": "x",
    "Date": "y",
    "Content-Type": "application/json",
    "Content-Length": "19",
}
BODY = b'{"path":"/items/1"}'


def httpx_get(httpx: Any, mocked: bool) -> Callable[[str], object]:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers=HEADERS, content=BODY)
    )
    client = httpx.Client(transport=transport) if mocked else httpx.Client()
    return lambda url: client.get(url).json()


def requests_get(requests: Any, mocked: bool) -> Callable[[str], object]:
    class Mock(requests.adapters.HTTPAdapter):  # type: ignore[misc]
        def send(self, request: Any, **_: object) -> Any:
            raw = requests.packages.urllib3.HTTPResponse(
                io.BytesIO(BODY), HEADERS, 200, reason="OK", preload_content=False
            )
            return self.build_response(request, raw)

    session = requests.Session()
    if mocked:
        session.mount("http://", Mock())
    return lambda url: session.get(url).json()


def urllib3_get(urllib3: Any, _: bool) -> Callable[[str], object]:
    pool = urllib3.PoolManager()
    return lambda url: json.loads(pool.request("GET", url).data)


def stdlib_get(*_: Any) -> Callable[[str], object]:
    return lambda url: json.load(urllib.request.urlopen(url))


def aiohttp_get(aiohttp: Any, _: bool) -> Callable[[str], object]:
    loop = asyncio.new_event_loop()

    async def opened() -> Any:
        return aiohttp.ClientSession()

    session = loop.run_until_complete(opened())

    async def get(url: str) -> object:
        async with session.get(url) as response:
            return await response.json()

    return lambda url: loop.run_until_complete(get(url))


GETS = {
    "httpx": httpx_get,
    "requests": requests_get,
    "urllib3": urllib3_get,
    "http.client": stdlib_get,
    "aiohttp": aiohttp_get,
}


def cassette(name: str) -> AbstractContextManager[object]:
    """Return the block in which vcrpy or cassetter replays, if it is measured."""
    library = os.environ.get("BY")
    if not library:
        return nullcontext()
    module = importlib.import_module(library)
    return module.use_cassette(f"{name}.yaml", record_mode=os.environ["RECORD_MODE"])  # type: ignore[no-any-return]


def test_first_gets() -> None:
    """Take each URL once, with what has to be loaded for it, after another GET has loaded the client."""
    name, count, figures = (
        os.environ["CLIENT"],
        int(os.environ["COUNT"]),
        dict[str, float](),
    )
    get = GETS[name](importlib.import_module(name), False)
    with cassette("warm"):
        get(f"{os.environ['URL']}/users/1")
    # otherwise chance decides whose calls a collection of all that was loaded falls
    # into
    gc.freeze()
    with timed(figures, "first", per=count), cassette("gets"):
        for number in range(count):
            get(f"{os.environ['URL']}/items/{number}")
    Path("figures.json").write_text(json.dumps(figures))


def test_gets() -> None:
    """Take the same URLs several times; the least time counts."""
    name, count, passes = (
        os.environ["CLIENT"],
        int(os.environ["COUNT"]),
        int(os.environ["PASSES"]),
    )
    get = GETS[name](importlib.import_module(name), bool(os.environ.get("MOCKED")))
    urls = [f"{os.environ['URL']}/items/{number}" for number in range(count)]
    every: list[float] = []
    for _ in range(passes):
        figures: dict[str, float] = {}
        with timed(figures, "first", per=count):
            for url in urls:
                get(url)
        every.append(figures["first"])
    Path("figures.json").write_text(json.dumps({"first": min(every)}))
