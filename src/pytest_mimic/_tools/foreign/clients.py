"""The client at which a foreign exchange would have been recorded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_mimic._clients.http.exchange import HttpAdapter
from pytest_mimic._clients.http.message import header_of, text_pairs
from pytest_mimic._core.seam.base import Adapter
from pytest_mimic._core.seam.registry import CLIENTS, is_installed, load_adapter
from pytest_mimic._core.targets.target import Target
from pytest_mimic._tools.foreign.foreign_exchanges import ForeignExchange

# The `User-Agent` that each client sends by itself, and those of packages that use one client.
_AGENTS = [
    (re.compile(r"\b(?:Botocore|aiobotocore|Boto3)/"), "botocore"),
    (re.compile(r"\bpython-requests/|\brequests-oauthlib/|\bPyGithub/"), "requests"),
    (re.compile(r"\bpython-httpx2/"), "httpx2"),
    (re.compile(r"\bpython-httpx/"), "httpx"),
    (re.compile(r"\baiohttp/"), "aiohttp"),
    (re.compile(r"\bpython-urllib3/|^urllib3/"), "urllib3"),
    (re.compile(r"^Python-urllib/"), "http.client"),
]
# Packages that use httpx, and httpx2 in their newer versions.
_EITHER = re.compile(r"^(?:Async)?(?:OpenAI|Anthropic)/Python ")
_HTTPX = ("httpx", "httpx2")
# The clients that take the calls of another if that is not mimicked itself: those below it, or its successor.
_INSTEAD = {
    "httpx": ("httpx2",),
    "requests": ("urllib3", "http.client"),
    "botocore": ("urllib3", "http.client"),
    "urllib3": ("http.client",),
}
# Headers that clients add by themselves. Of the clients below, vcrpy keeps only the headers that their caller gave.
_AUTOMATIC = frozenset({"accept", "accept-encoding", "connection", "host", "user-agent"})
_BARE = ("aiohttp", "urllib3")


class Unknown(NamedTuple):
    """A `User-Agent` that names no client, as messages show it, with the number of its exchanges."""

    agent: str
    requests: int


def http_clients() -> list[str]:
    """Return the names of the clients whose calls are plain HTTP requests."""
    return [name for name in CLIENTS if _is_plain(load_adapter(name))]


def _is_plain(client: Adapter) -> bool:
    # Calls of AWS have further parts, which their requests do not name.
    return isinstance(client, HttpAdapter) and client.parts == HttpAdapter.parts


def mimicked_clients(targets: Iterable[Target]) -> list[str]:
    """Return the HTTP clients among targets."""
    known = [name for name in CLIENTS if isinstance(load_adapter(name), HttpAdapter)]
    return list(dict.fromkeys(target.module for target in targets if target.module in known))


def clients_of(
    exchanges: Sequence[ForeignExchange], mimicked: Sequence[str], given: str | None, *, is_talk: bool
) -> list[str | None]:
    """Return the client of each exchange of a file; None if it is not known.

    It is the given one, or that of the `User-Agent`. Without one, it is that of the other exchanges of the file, if they
    have a single one, and otherwise the only HTTP client that the project mimics. A test meets only the clients that
    the project mimics, a cassette (`is_talk`) meets every one. The line `http` takes what no other line takes.
    """
    if given is not None:
        return [given] * len(exchanges)
    named = [_named_client(exchange, () if is_talk else mimicked) for exchange in exchanges]
    found = sorted({name for name in named if name is not None})
    plain = http_clients()
    guessed = [name for name in mimicked if name in plain]
    clients = [
        name or _usual(exchange, found) or (None if found else _usual(exchange, guessed))
        for name, exchange in zip(named, exchanges, strict=True)
    ]
    if "http" not in mimicked:
        return clients
    return ["http" if name is None or (name in plain and name not in mimicked) else name for name in clients]


def _named_client(exchange: ForeignExchange, mimicked: Sequence[str]) -> str | None:
    """Return the adapter of the client that sent a request, or None if nothing gives it away.

    If only a client that takes the calls in its place is mimicked, it is this one.
    """
    agent = _agent_of(exchange)
    if _EITHER.search(agent):
        possible = [name for name in mimicked if name in _HTTPX] or list(filter(is_installed, _HTTPX))
        return possible[0] if len(possible) == 1 else None
    named = next((name for pattern, name in _AGENTS if pattern.search(agent)), None)
    named = named or exchange.client or None
    if named is None or named in mimicked:
        return named
    return next((name for name in _INSTEAD.get(named, ()) if name in mimicked), named)


def _usual(exchange: ForeignExchange, clients: Sequence[str]) -> str | None:
    """Return the only client that may have sent a request, or None if there are several."""
    names = {name.lower() for name, _ in text_pairs(exchange.request.headers)}
    possible = clients if names & _AUTOMATIC else [name for name in clients if name in _BARE]
    return possible[0] if len(possible) == 1 else None


def unknown_agents(exchanges: Iterable[ForeignExchange]) -> list[Unknown]:
    """Return the `User-Agent`s of exchanges whose client is not known, the most frequent first."""
    counts = Counter(map(_agent_of, exchanges))
    return [Unknown(agent, count) for agent, count in counts.most_common()]


def _agent_of(exchange: ForeignExchange) -> str:
    return header_of(text_pairs(exchange.request.headers), "user-agent") or ""
