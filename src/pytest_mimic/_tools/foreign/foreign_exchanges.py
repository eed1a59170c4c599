"""Foreign exchanges, and the entries that cannot be carried over, as the readers of files return them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

from pytest_mimic._clients.http.exchange import HttpRequest


class ForeignExchange(NamedTuple):
    """A request with its response, as another tool kept them. They may hold secrets."""

    number: int  # its place in the file, from 1
    request: HttpRequest
    head: dict[str, Any]  # status, reason, version and headers of the response
    content: bytes  # the body of the response
    is_decoded: bool  # the content is decompressed, whatever the headers say
    seconds: float = 0.0  # how long the real exchange took; 0 if the file does not say
    date: str = ""  # the day of the exchange, `2026-11-02`; empty if the file does not say

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.request.method} exchange {self.number}>"


class Refusal(NamedTuple):
    """An entry that cannot be carried over. The method and URL are empty if not known; the URL may hold secrets."""

    number: int  # its place in the file, from 1; 0 for the file as a whole
    reason: str  # in a few words, without secrets
    method: str = ""
    url: str = ""


class ForeignFile(NamedTuple):
    """A file of another tool."""

    exchanges: list[ForeignExchange]  # in the order in which they were made
    refusals: list[Refusal]  # the other entries
    is_talk: bool = False  # it has no test of its own: it becomes a cassette


def usual_reason(status: int) -> str:
    """Return the reason that a status has, where a file does not say it; HTTP/2 sends none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


class EntryError(ValueError):
    """An entry that is not a whole exchange: why, in words and without secrets."""


class UnreadableError(ValueError):
    """A file that cannot be read at all: what is wrong with it, without secrets."""
