"""Who has sent equal calls: those that differ in a secret of the application's own.

Such a secret does not count, so that these calls are named, or refused. A replay gives
them their answers in the order in which they begin. Where one recording serves all, the
second would get the answer of the first.

Which parts of a credential are compared, such as the claims of a token, is decided in
`_core/seam/sender_credentials.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pytest_mimic.errors import UnstableIdentityError

# Headers that differ for reasons of the client, which `match=headers.…` is not offered
# for.
_HEADERS_OF_CLIENTS = frozenset(
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
# How many headers, and how many secrets, a message offers to tell calls apart by.
_MOST_WAYS = 3


class Sender(NamedTuple):
    """Who sends a call.

    Attributes:
        credentials: The application's own secrets in it, by their names.
        headers: Its headers, without secrets.
    """

    credentials: Mapping[str, str]
    headers: Mapping[str, str]


def sender_of(credentials: Mapping[str, str], parts: Mapping[str, object]) -> Sender:
    """Return the sender of a call with these secrets and parts."""
    headers = parts.get("headers")
    texts: dict[str, str] = {}
    if isinstance(headers, dict):
        texts = {name: str(value) for name, value in headers.items()}
    return Sender(credentials, texts)


class Senders:
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

    def differing(
        self, key: tuple[str, ...], sender: Sender
    ) -> tuple[list[str], list[str]]:
        """Return how a call differs from the first one that equals it.

        Args:
            key: What equal calls have in common.
            sender: Who sends the call that begins.

        Returns:
            The names of the secrets in which it differs, and what tells the two apart.
            Both are empty for a call that differs in none.
        """
        first = self._senders.setdefault(key, sender)
        if first is sender:
            self._tell(key, sender)
        secret_names = []
        for name, value in sorted(sender.credentials.items()):
            if first.credentials.get(name, value) != value:
                secret_names.append(name)
        if not secret_names:
            return [], []
        return secret_names, _ways_to_tell_apart(first, sender, secret_names)


def error_of_other_sender(
    label: str, target: str, secret_names: list[str], ways: list[str]
) -> UnstableIdentityError:
    """Return the error for a call for which another sender's recording would serve."""
    return UnstableIdentityError(
        f"{label} equals a call that was sent with another secret, and one"
        " recording would serve both (sequence=no)",
        facts=[f"they differ in {', '.join(secret_names)}"],
        remedies=[f"tell them apart: {way}" for way in ways],
        target=target,
        path=secret_names[0],
    )


def remark_on_senders(secret_names: list[str], ways: list[str]) -> str:
    """Return how equal calls differ, and what to do, in words of the summary."""
    return (
        f"differ in {', '.join(secret_names)}; to tell them apart: {', or '.join(ways)}"
    )


def _ways_to_tell_apart(
    first: Sender, second: Sender, secret_names: list[str]
) -> list[str]:
    """Return the options by which two senders count as two, the best ones first."""
    open_headers = []
    for name, value in second.headers.items():
        is_other = name in first.headers and first.headers[name] != value
        if is_other and name not in _HEADERS_OF_CLIENTS:
            open_headers.append(name)
    ways = [f"match=headers.{name}" for name in sorted(open_headers)[:_MOST_WAYS]]
    for name in secret_names[:_MOST_WAYS]:
        header = name.partition(" ")[0]
        way = f"for made-up keys, mimic_redact = !{header}"
        if header in second.headers:
            way += f" with match=headers.{header}"
        ways.append(way)
    return list(dict.fromkeys(ways))
