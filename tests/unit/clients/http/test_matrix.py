"""A recording belongs to the request: what one HTTP client recorded replays through each other one."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from support.http_drivers import DRIVERS, FAILURES, Answer, Ask, Driver
from support.http_server import Server

from pytest_mimic._clients.http.body import load_body
from unit.clients.runs import Runs

PAIRS = [
    pytest.param(one, other, id=f"{one.name} to {other.name}") for one, other in product(DRIVERS, DRIVERS)
]
PAGES = "users/1 pretty text binary nothing gzip deflate html old older missing".split()


@pytest.fixture
def line() -> str:
    """The line of every HTTP client."""
    return "http"


def common(answer: Answer) -> list[Any]:
    """Return what all clients show of a response, whatever they call it."""
    body = b"".join(answer.body) if isinstance(answer.body, list) else answer.body
    own = ("content-encoding", "content-length", "transfer-encoding")
    return [answer.status, sorted(pair for pair in answer.headers if pair[0] not in own), body]


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_what_one_client_recorded_another_replays(
    writer: Driver, reader: Driver, runs: Runs, server: Server
) -> None:
    asks = [
        *(Ask(f"/{page}") for page in PAGES),
        Ask("/users/2", "HEAD"),
        Ask("/users/3?a=%7E&b=1", "POST", {"Content-Type": "application/json"}, b'{"a":1}'),
    ]
    real = [common(answer) for answer in writer.talk(server.url, *asks)]
    for page, plain in {"gzip": b'{"packed": true}', "deflate": b"deflated text"}.items():
        # A client that does not decode gets a body plain, as it does not accept the encoding.
        real[PAGES.index(page)][2] = plain
    server.stop()
    runs.again("replay")

    asks[-1] = asks[-1]._replace(path="/users/3?b=1&a=~", body=b'{ "a": 1 }')
    replayed = [common(answer) for answer in reader.talk(server.url, *asks)]

    assert replayed == real


@pytest.mark.parametrize("client", [pytest.param(one, id=one.name) for one in DRIVERS])
def test_a_url_is_the_same_call_however_a_client_encodes_it(
    client: Driver, runs: Runs, server: Server
) -> None:
    paths = {
        "/users/%7eann": "/users/~ann",
        "/users/a%2fb%3a": "/users/a%2Fb:",
        "/users/1/./../2": "/users/2",
        "/users/[b]|{c}": "/users/%5Bb%5D%7C%7Bc%7D",
        "/users/%c3%a4": "/users/%C3%A4",
        **({} if client.line == "http.client" else {"/users/ä b": "/users/%C3%A4%20b"}),
    }

    client.talk(server.url, *map(Ask, paths))

    assert [call.parts["path"] for call in runs.calls] == list(paths.values())


@pytest.mark.parametrize("page", ["events", "chunks"])
@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_a_stream_of_one_client_replays_chunk_by_chunk_in_another(
    writer: Driver, reader: Driver, runs: Runs, server: Server, page: str
) -> None:
    writer.talk(server.url, Ask(f"/{page}", read="chunks"))
    server.stop()
    stored = load_body(runs.plain[0]["body"])
    runs.again("replay")

    [answer] = reader.talk(server.url, Ask(f"/{page}", read="chunks"))

    chunks = [one for one in answer.body if one]
    assert len(chunks) == len(stored)
    if page == "events":
        assert chunks == stored


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_an_error_of_one_client_is_that_of_another(
    writer: Driver, reader: Driver, runs: Runs, server: Server
) -> None:
    for place, ask in FAILURES.values():
        writer.failure(place or server.url, ask)
    server.stop()
    runs.again("replay")

    seen = {kind: reader.failure(place or server.url, ask)[0] for kind, (place, ask) in FAILURES.items()}

    assert seen == {kind: reader.errors[kind] for kind in FAILURES}
