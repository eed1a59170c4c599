"""Foreign exchanges, and the entries that cannot be carried over, as the readers of files return them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

from pytest_mimic._clients.http.exchange import HttpRequest


class ForeignExchange(NamedTuple):
    """A request with its response, as another tool kept them. They may hold secrets.

    Attributes:
        number: Its place in the file, from 1.
        head: Status, reason, version and headers of the response.
        content: The body of the response.
        is_decoded: The content is decompressed, whatever the headers say.
        seconds: How long the real exchange took; 0 if the file does not say.
        date: The day of the exchange, `2026-11-02`; empty if the file does not say.
    """

    number: int
    request: HttpRequest
    head: dict[str, Any]
    content: bytes
    is_decoded: bool
    seconds: float = 0.0
    date: str = ""

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.request.method} exchange {self.number}>"


class Refusal(NamedTuple):
    """An entry that cannot be carried over.

    Attributes:
        number: Its place in the file, from 1; 0 for the file as a whole.
        reason: In a few words, without secrets.
        method, url: Those of its request, empty if they are not known. The URL may hold secrets.
    """

    number: int
    reason: str
    method: str = ""
    url: str = ""


class ForeignFile(NamedTuple):
    """A file of another tool.

    Attributes:
        exchanges: In the order in which they were made.
        refusals: The other entries.
        is_talk: It has no test of its own: it becomes a cassette.
    """

    exchanges: list[ForeignExchange]
    refusals: list[Refusal]
    is_talk: bool = False


def usual_reason(status: int) -> str:
    """Return the reason that a status has, where a file does not say it; HTTP/2 sends none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class UnreadableError(ValueError):
    """A file that cannot be read at all: what is wrong with it, without secrets."""
