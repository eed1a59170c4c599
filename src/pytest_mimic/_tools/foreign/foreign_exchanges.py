"""Foreign exchanges, and the entries that cannot be carried over, as the reader of cassettes returns them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_mimic._clients.http.exchange import HttpRequest


class ForeignExchange(NamedTuple):
    """A request with its response, as another tool kept them. They may hold secrets."""

    number: int  # its place in the file, from 1
    request: HttpRequest
    head: dict[str, Any]  # status, reason, version and headers of the response
    content: bytes  # the body of the response

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.request.method} exchange {self.number}>"


class EntryError(ValueError):
    """An entry that is not a whole exchange: why, in words and without secrets."""


class UnreadableError(ValueError):
    """A file that cannot be read at all: what is wrong with it, without secrets."""
