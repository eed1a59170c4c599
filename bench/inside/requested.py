"""GETs through a client, as tests of a project.

They are replayed by ours, or by the library that `BY` names if there is one, or
answered by the client's own mock transport. The environment variables are:

| variable | meaning |
|---|---|
| `CLIENT` | the name of the client's module |
| `COUNT` | how many URLs |
| `URL` | the start of the URLs |
| `PASSES` | how many times each URL is taken by `test_gets` |
| `MOCKED` | if not empty, `test_gets` has the mock transport |
| `BY` | the module of vcrpy or of cassetter, for `test_first_gets` |
| `RECORD_MODE` | whether that library records: `once` or `none` |
"""

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

from steps import Figures, timed

#: Takes a URL, and returns the JSON of the answer.
Get = Callable[[str], object]

MOCKED_HEADERS = {
    "Server": "x",
    "Date": "y",
    "Content-Type": "application/json",
    "Content-Length": "19",
}
MOCKED_BODY = b'{"path":"/items/1"}'


def get_by_httpx() -> Get:
    """Return a GET by a client of httpx."""
    import httpx

    return _get_by_httpx_client(httpx.Client())


def get_by_mocked_httpx() -> Get:
    """Return a GET by httpx that its mock transport answers."""
    import httpx

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=MOCKED_HEADERS, content=MOCKED_BODY)

    return _get_by_httpx_client(httpx.Client(transport=httpx.MockTransport(answer)))


def _get_by_httpx_client(client: Any) -> Get:
    def get(url: str) -> object:
        return client.get(url).json()

    return get


def get_by_requests() -> Get:
    """Return a GET by a session of requests."""
    import requests

    return _get_by_session(requests.Session())


def get_by_mocked_requests() -> Get:
    """Return a GET by requests that an adapter answers without a connection."""
    import requests
    import urllib3

    class AnsweringAdapter(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> Any:
            raw_response = urllib3.HTTPResponse(
                io.BytesIO(MOCKED_BODY),
                MOCKED_HEADERS,
                200,
                reason="OK",
                preload_content=False,
            )
            return self.build_response(request, raw_response)

    session = requests.Session()
    session.mount("http://", AnsweringAdapter())
    return _get_by_session(session)


def _get_by_session(session: Any) -> Get:
    def get(url: str) -> object:
        return session.get(url).json()

    return get


def get_by_urllib3() -> Get:
    """Return a GET by a pool of urllib3."""
    import urllib3

    pool = urllib3.PoolManager()

    def get(url: str) -> object:
        return json.loads(pool.request("GET", url).data)

    return get


def get_by_stdlib() -> Get:
    """Return a GET by urllib.request, which uses http.client."""

    def get(url: str) -> object:
        return json.load(urllib.request.urlopen(url))

    return get


def get_by_aiohttp() -> Get:
    """Return a GET by a session of aiohttp, each in a run of the same event loop."""
    import aiohttp

    loop = asyncio.new_event_loop()

    async def new_session() -> aiohttp.ClientSession:
        # A session can only be made while the loop runs.
        return aiohttp.ClientSession()

    session = loop.run_until_complete(new_session())

    async def get_json(url: str) -> object:
        async with session.get(url) as response:
            return await response.json()

    def get(url: str) -> object:
        return loop.run_until_complete(get_json(url))

    return get


GETS: dict[str, Callable[[], Get]] = {
    "httpx": get_by_httpx,
    "requests": get_by_requests,
    "urllib3": get_by_urllib3,
    "http.client": get_by_stdlib,
    "aiohttp": get_by_aiohttp,
}
MOCKED_GETS: dict[str, Callable[[], Get]] = {
    "httpx": get_by_mocked_httpx,
    "requests": get_by_mocked_requests,
}


def cassette(name: str) -> AbstractContextManager[object]:
    """Return the block in which vcrpy or cassetter replays, if it is measured."""
    library = os.environ.get("BY")
    if not library:
        return nullcontext()
    module: Any = importlib.import_module(library)
    block: AbstractContextManager[object] = module.use_cassette(
        f"{name}.yaml", record_mode=os.environ["RECORD_MODE"]
    )
    return block


def test_first_gets() -> None:
    """Take each URL once, and write the seconds of CPU time of a call.

    What has to be loaded to replay is part of them. The client itself is not: another
    GET has loaded it.
    """
    count = int(os.environ["COUNT"])
    get = GETS[os.environ["CLIENT"]]()
    figures: Figures = {}
    with cassette("warm"):
        get(f"{os.environ['URL']}/users/1")
    # Otherwise chance decides whose calls a collection of all that was loaded falls
    # into.
    gc.freeze()
    with timed(figures, "first", per=count), cassette("gets"):
        for number in range(count):
            get(f"{os.environ['URL']}/items/{number}")
    Path("figures.json").write_text(json.dumps(figures))


def test_gets() -> None:
    """Take the same URLs several times, and write the seconds of CPU time of a call.

    The pass with the least time counts.
    """
    count = int(os.environ["COUNT"])
    makers = MOCKED_GETS if os.environ.get("MOCKED") else GETS
    get = makers[os.environ["CLIENT"]]()
    urls = [f"{os.environ['URL']}/items/{number}" for number in range(count)]
    seconds_of_passes: list[float] = []
    for _ in range(int(os.environ["PASSES"])):
        figures: Figures = {}
        with timed(figures, "first", per=count):
            for url in urls:
                get(url)
        seconds_of_passes.append(figures["first"])
    Path("figures.json").write_text(json.dumps({"first": min(seconds_of_passes)}))
