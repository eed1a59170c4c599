"""The HTTP sessions of aiobotocore, on aiohttp and on httpx: each attempt gets a connection of its own.

The libraries' adapters record and replay what goes over it, so botocore's responses and exceptions are made as usual.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.aiohttp import connect_to_recording
from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._core.seam.sync_async import run_async

if TYPE_CHECKING:
    from pytest_mimic._clients.aws.aws_exchange import Attempt
    from pytest_mimic._core.seam.sync_async import Steps


def replay(attempt: Attempt) -> Steps:
    """Return the recorded response."""
    return (yield _session_for(attempt).send(attempt.request))


def run(attempt: Attempt, sign: Callable[[], Steps]) -> Steps:
    """Send a request for real, and return its response; to verify, the recorded one."""
    recorder = attempt.recorder
    assert recorder is not None
    with recorder.recording_errors(lambda _: None), attempt.step.running():
        yield from sign()
    return (yield _session_for(attempt).send(attempt.request))


def _session_for(attempt: Attempt) -> Any:
    """Return a copy of an HTTP session whose client makes this one exchange."""
    session = attempt.session
    twin = copy.copy(session)
    adapt = _through_httpx if "httpx" in type(session).__module__ else _through_aiohttp

    async def get_session(place: Any) -> Any:
        return adapt(await session._get_session(place), attempt)

    twin._get_session = get_session
    return twin


def _through_aiohttp(client: Any, attempt: Attempt) -> Any:
    real = client._connector
    exchanges: Iterator[Attempt | None] = chain([attempt], iter(attempt.again, attempt))

    async def connect(req: Any, *args: Any, **options: Any) -> Any:
        one = next(exchanges)  # aiohttp follows redirects
        if one is None:
            return await real.connect(req, *args, **options)
        return await connect_to_recording(real, real.connect, req, one.step, one.recorder, *args, **options)

    return _AiohttpClient(client, _AiohttpConnector(real, connect))


class _AiohttpConnector:
    """A connector that hands all to another one, except for connecting."""

    def __init__(self, connector: Any, connect: Callable[..., Any]) -> None:
        self._connector = connector
        self.connect = connect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)


class _AiohttpClient:
    """A client session with another connector, which leaves it to botocore to try again."""

    _retry_connection = False

    def __init__(self, client: Any, connector: Any) -> None:
        self._client = client
        self._connector = connector

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def request(self, method: str, url: Any, **options: Any) -> Any:
        return await type(self._client)._request(self, method, url, **options)


def _through_httpx(client: Any, attempt: Attempt) -> Any:
    # What the adapter of httpx asks for: the step and its recorder are known already.
    exchange: Any = SimpleNamespace(
        port=SimpleNamespace(taking=lambda: True),
        begin=lambda _: attempt.step,
        recorder=lambda *_: attempt.recorder,
    )
    # aiobotocore takes httpx or httpx2.
    handle = HttpxAdapter(type(client).__module__.partition(".")[0])._handle
    find = partial(type(client)._transport_for_url, client)

    def transport_for(url: Any) -> Any:
        send = find(url).handle_async_request

        async def handle_async_request(request: Any) -> Any:
            return await run_async(handle(exchange, "aread", send, request))

        return SimpleNamespace(handle_async_request=handle_async_request)

    twin = copy.copy(client)
    twin._transport_for_url = transport_for
    return twin
