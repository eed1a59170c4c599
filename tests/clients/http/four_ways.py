"""A conversation of a client in each way: live, recorded, verified and replayed without the server."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from support.http_server import Server
from support.runs import Runs


class FourWays(NamedTuple):
    """What an application sees of a conversation in each way."""

    live: Any
    recorded: Any
    verified: Any
    replayed: Any


def four_ways(runs: Runs, server: Server, talk: Callable[[str], Any]) -> FourWays:
    """Let a client talk with a server in each way.

    Verifying finds no difference, and each other way records none.
    """
    seen = []
    for mode in ("off", "record", "verify"):
        if mode != "record" or seen:
            runs.again(mode)  # type: ignore[arg-type]
        server.flaky.clear()
        seen.append(talk(server.url))
    if drifts := runs.drifts():
        raise AssertionError(drifts)
    server.stop()
    runs.again("replay")
    return FourWays(*seen, talk(server.url))


def both(runs: Runs, server: Server, talk: Callable[[str], Any]) -> tuple[Any, Any]:
    """Return what an application sees while it is recorded, and after the server is gone."""
    real = talk(server.url)
    server.stop()
    runs.again("replay")
    return real, talk(server.url)


def same(runs: Runs, server: Server, talk: Callable[[str], Any]) -> Any:
    """Return what an application sees of a conversation, which is the same in each way."""
    ways = four_ways(runs, server, talk)
    for name, seen in ways._asdict().items():
        if seen != ways.live:
            raise AssertionError(
                f"{name} differs from live: {difference(ways.live, seen)}"
            )
    return ways.live


def difference(one: Any, other: Any) -> str:
    """Return the first place in which two values differ."""
    if (
        isinstance(one, (list, tuple))
        and type(one) is type(other)
        and len(one) == len(other)
    ):
        return next(
            difference(*pair)
            for pair in zip(one, other, strict=True)
            if pair[0] != pair[1]
        )
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        name = next(name for name in one if one[name] != other[name])
        return f"{name}: {difference(one[name], other[name])}"
    return f"{one!r:.400} and {other!r:.400}"


def connect(url: str, **options: Any) -> Any:
    """Return a connection to a server."""
    parts = urlsplit(url)
    of_scheme = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    return closing(
        of_scheme[parts.scheme](parts.hostname, parts.port, timeout=5, **options)
    )


def failure(error: BaseException) -> list[Any]:
    """Return the classes of an exception and of its reasons, and its text."""
    reason = getattr(error, "reason", None)
    inner = failure(reason) if isinstance(reason, Exception) else []
    return [type(error), str(error), *inner]
