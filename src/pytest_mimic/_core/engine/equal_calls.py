"""Equal calls that differ in a secret of the application's own, which does not count: they are named, or refused.

A replay gives them their answers in the order in which they begin. Where one recording
serves all, the second would get the answer of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.errors import UnstableIdentityError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call

# Headers that differ for reasons of the client.
_OF_CLIENTS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "date",
        "host",
        "traceparent",
        "user-agent",
        "x-amz-date",
        "x-request-id",
    }
)
_MOST = 3


class Sender(NamedTuple):
    """Who sends a call.

    Attributes:
        credentials: The application's own secrets in it, by their names.
        headers: Its headers, without secrets.
    """

    credentials: Mapping[str, str]
    headers: Mapping[str, str]


class EqualCalls:
    """The senders of the calls of one run, by what makes two calls equal.

    Args:
        tell: Tells other processes who has sent the first of equal calls.
    """

    def __init__(self, tell: Callable[[tuple[str, ...], Sender], None]) -> None:
        self._senders: dict[tuple[str, ...], Sender] = {}
        self._tell = tell

    def follow(self, key: tuple[str, ...], sender: Sender) -> None:
        """Learn from another process who has sent the first of equal calls."""
        self._senders.setdefault(key, sender)

    def differing(self, call: Call, owner: str) -> tuple[list[str], list[str]]:
        """Return the names of the secrets in which a call differs from the first one that equals it, and what tells them apart.

        Both are empty for a call that differs in none.

        Args:
            call: The call that begins.
            owner: The test to which it belongs; empty if one recording serves all.
        """
        credentials: Mapping[str, str] = call.secrets.credentials()
        headers: Any = call.edge_call.parts.get("headers")
        if not isinstance(headers, dict):
            headers = {}
        texts = {name: str(value) for name, value in headers.items()}
        sender = Sender(credentials, texts)
        key = (owner, call.plan.kind, call.key)
        first = self._senders.setdefault(key, sender)
        if first is sender:
            self._tell(key, sender)
        names = sorted(
            name
            for name, value in credentials.items()
            if first.credentials.get(name, value) != value
        )
        return names, _ways(first, sender, names) if names else []


def refused(call: Call, names: list[str], ways: list[str]) -> UnstableIdentityError:
    """Return the error for a call for which the recording of another sender would serve."""
    return UnstableIdentityError(
        f"{call.label} equals a call that was sent with another secret, and one"
        " recording would serve both (sequence=no)",
        facts=[f"they differ in {', '.join(names)}"],
        remedies=[f"tell them apart: {way}" for way in ways],
        target=call.plan.target,
        path=names[0],
    )


def told_apart(names: list[str], ways: list[str]) -> str:
    """Return in words how equal calls differ, and what to do."""
    return f"differ in {', '.join(names)}; to tell them apart: {', or '.join(ways)}"


def _ways(first: Sender, second: Sender, names: list[str]) -> list[str]:
    """Return the words that tell two senders apart, the best ones first."""
    open_headers = [
        name
        for name, value in second.headers.items()
        if name in first.headers
        and first.headers[name] != value
        and name not in _OF_CLIENTS
    ]
    ways = [f"match=headers.{name}" for name in sorted(open_headers)[:_MOST]]
    for name in names[:_MOST]:
        header = name.partition(" ")[0]
        way = f"for made-up keys, mimic_redact = !{header}"
        if header in second.headers:
            way += f" with match=headers.{header}"
        ways.append(way)
    return list(dict.fromkeys(ways))
