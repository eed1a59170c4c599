"""A recording belongs to the request: what one HTTP client recorded replays through each other one."""

from __future__ import annotations

import gzip
import zlib

import pytest
from support.http_drivers import DRIVERS, FAILURES, Ask
from support.placeholders import unmarked

ASKS = [
    *(
        Ask(f"/{page}")
        for page in "users/1 pretty text binary nothing html chunks old older missing".split()
    ),
    Ask("/users/2", "HEAD"),
    Ask("/users/3?a=%7E&b=1", "POST", {"Content-Type": "application/json"}, b'{"a":1}'),
]
AGAIN = [*ASKS[:-1], ASKS[-1]._replace(path="/users/3?b=1&a=~", body=b'{ "a": 1 }')]


@pytest.fixture
def line():
    """The line of every HTTP client."""
    return "http"


def common(answer):
    """Return what all clients show of a response, whatever they call it."""
    own = ("content-length", "transfer-encoding")
    return [
        answer.status,
        sorted(pair for pair in answer.headers if pair[0] not in own),
        answer.body,
    ]


def unpacked(body):
    """Return a body as text, which a client that never decompresses gets compressed."""
    unpack = {
        b"\x1f\x8b": gzip.decompress,
        b"x\x9c": zlib.decompress,
        b"x\x01": zlib.decompress,
    }
    whole = body if isinstance(body, bytes) else b"".join(body)
    return unpack.get(whole[:2], bytes)(whole)


@pytest.mark.parametrize("writer", [pytest.param(one, id=one.name) for one in DRIVERS])
def test_what_one_client_recorded_each_other_replays(writer, runs, server):
    """Responses, encoded ones, streams event by event, and errors of the network."""
    real = [common(answer) for answer in writer.talk(server.url, *ASKS)]
    packed = Ask("/gzip"), Ask("/deflate"), Ask("/events", read="chunks")
    live = unpacked(writer.talk(server.url, *packed)[-1].body)
    for place, ask in FAILURES.values():
        writer.failure(place or server.url, ask)
    events = live.replace(b"tok-4711-event", b"<redacted>").decode()
    server.stop()

    for reader in DRIVERS:
        runs.again("replay")
        assert [common(answer) for answer in reader.talk(server.url, *AGAIN)] == real, (
            reader.name
        )
        bodies = [unpacked(answer.body) for answer in reader.talk(server.url, *packed)]
        assert bodies[:2] == [b'{"packed": true}', b"deflated text"], reader.name
        assert unmarked(bodies[2].decode()) == events, reader.name
        seen = {
            kind: reader.failure(place or server.url, ask)[0]
            for kind, (place, ask) in FAILURES.items()
        }
        assert seen == {kind: reader.errors[kind] for kind in FAILURES}, reader.name


@pytest.mark.parametrize("client", [pytest.param(one, id=one.name) for one in DRIVERS])
def test_a_url_is_the_same_call_however_a_client_encodes_it(client, runs, server):
    paths = {
        "/users/a%2fb": "/users/a%2Fb",
        "/users/{c}|d": "/users/%7Bc%7D%7Cd",
        "/users/%c3%a4": "/users/%C3%A4",
        **({} if client.line == "http.client" else {"/users/ä b": "/users/%C3%A4%20b"}),
    }

    client.talk(server.url, *map(Ask, paths))

    assert [call.parts["path"] for call in runs.asked] == list(paths.values())
