"""A client of a paginated HTTP API: search Unicode characters by name."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from json import load
from typing import Any
from urllib.parse import quote, urlsplit

import characters_server


class NotFoundError(LookupError):
    """The API has nothing at this path."""

    def __init__(self, path: str, status: int) -> None:
        super().__init__(f"{path}: {status}")
        self.path = path
        self.status = status


def fetch(path: str, *, timeout: float = 10) -> Any:
    """Return one page of the API as parsed JSON.

    Raises:
        NotFoundError: The status is 404.
    """
    host = urlsplit(characters_server.address()).netloc
    with closing(HTTPConnection(host, timeout=timeout)) as connection:
        connection.request("GET", path)
        with connection.getresponse() as response:
            if response.status == 404:
                raise NotFoundError(path, response.status)
            return load(response)


def search(name: str, *, timeout: float = 10) -> dict[str, str]:
    """Return all characters whose name contains a word, with their names."""
    found = {}
    path = f"/characters?name={quote(name)}"
    while path:
        page = fetch(path, timeout=timeout)
        found.update({each["character"]: each["name"] for each in page["characters"]})
        path = page["next"]
    return found
