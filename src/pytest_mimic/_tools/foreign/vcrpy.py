"""Cassettes of vcrpy as foreign exchanges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic._clients.http.message import header_of, media_type
from pytest_mimic._tools.foreign.foreign_exchanges import (
    ForeignExchange,
    ForeignFile,
    Refusal,
    UnreadableError,
)
from pytest_mimic._tools.foreign.vcr.cassette_entries import VcrExchange
from pytest_mimic._tools.foreign.vcr.cassette_file import read_cassette
from pytest_mimic.errors import CassetteError

_PROBLEM = re.compile(r"entry (\d+): (.*)", re.DOTALL)
_FORM = "application/x-www-form-urlencoded"
_DAMAGED = "its other entries are left out, too, because one of the answers to a request may be missing"
_UNCERTAIN = (
    "vcrpy does not say whether its body was json= or data=, and it was sent several times: record it again"
)
_DOUBT = "vcrpy does not say whether its body was json= or data=: a test gets both, a cassette json="


def read_vcr(path: Path, label: str) -> ForeignFile:
    """Read a cassette of vcrpy.

    Raises:
        UnreadableError: It is no cassette, or damaged.
        OSError: It cannot be read.
        CassetteError: PyYAML is not installed.
    """
    try:
        found = read_cassette(path, label=label)
    except CassetteError as error:
        if find_spec("yaml") is None:  # true of every file
            raise
        raise UnreadableError(
            "; ".join([error.what.removeprefix(label).lstrip(" ,:"), *error.facts])
        ) from None
    refusals = []
    for problem in found.problems:
        match = _PROBLEM.fullmatch(problem)
        refusals.append(Refusal(int(match[1]), match[2]) if match else Refusal(0, problem))
    if refusals:
        # Which request such an entry has is not known, and the n-th identical call gets the n-th answer.
        return ForeignFile(path, [], [*refusals, Refusal(0, _DAMAGED)])
    return ForeignFile(path, list(_exchanges(found.exchanges, refusals)), refusals)


def _exchanges(entries: Sequence[VcrExchange], refusals: list[Refusal]) -> Iterator[ForeignExchange]:
    """Yield the exchanges, and add those that cannot be told apart to the refusals."""
    for one in entries:
        request = HttpRequest(one.method, one.uri, one.headers, one.body)
        found = ForeignExchange(one.number, request, one.head, one.content, one.is_decoded, client=one.client)
        if one.is_structured:
            found = _as_sent(one, found)
            others = (each for each in entries if each.number != one.number)
            if found.alternative is not None and any(_is_like(one, each) for each in others):
                refusals.append(Refusal(one.number, _UNCERTAIN, one.method, one.uri))
                continue
        yield found


def _as_sent(one: VcrExchange, found: ForeignExchange) -> ForeignExchange:
    """Return an exchange of aiohttp with the body that its argument led to, or with both if either may be right."""
    found = found._replace(client="aiohttp")
    kind, value = media_type(header_of(one.headers, "content-type")), json.loads(one.body)
    may_be_form = isinstance(value, dict) and all(isinstance(each, (str, int)) for each in value.values())
    if not may_be_form or "json" in kind:
        return found
    form = found.request._replace(
        headers=(*one.headers, ("Content-Type", _FORM)), body=urlencode(value).encode()
    )
    if kind == _FORM:
        return found._replace(request=form)
    return found._replace(alternative=form, doubt=_DOUBT)


def _is_like(one: VcrExchange, other: VcrExchange) -> bool:
    """Check whether two requests may have been the same, or the same but for the way their body was written."""
    return (one.method, one.uri) == (other.method, other.uri) and _fields(one) == _fields(other)


def _fields(one: VcrExchange) -> Any:
    try:
        value = json.loads(one.body)
    except ValueError:
        value = dict(parse_qsl(one.body.decode("utf-8", "replace"), keep_blank_values=True))
    return {name: str(each) for name, each in value.items()} if isinstance(value, dict) else value
