"""Calls as people read them, `shop.api:fetch(base='EUR')`, and the recordings and cassettes with calls in them.

Outcomes stay as they are in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.vault.long_parts import long_parts
from pytest_mimic._core.vault.objects import objects_of
from pytest_mimic._core.words import plural

Entry = dict[str, Any]
"""One outcome as the file has it: `duration`, and `value`, `raised`, `stream`, `json`, `pickle`, ..."""

# How many digits of a recording's name are shown.
_DIGITS = 8
_TEXTS = {str, type(None)}
_NONE: frozenset[str] = frozenset()


class CatalogCall:
    """One call and its outcomes: several for a sequence."""

    __slots__ = ("arguments", "host", "is_client", "outcomes", "position", "signature", "target")

    def __init__(self, facts: dict[str, Any], outcomes: list[Entry], position: int | None = None) -> None:
        self.target: str = facts["target"]  # the function, or the client
        # The description of the arguments, or None if the vault does not store them.
        self.arguments: dict[str, Any] | None = facts.get("arguments")
        self.outcomes = outcomes
        self.position = position  # the place in its cassette, from 0 on; None for a recording
        # The text that patterns are matched with: `GET /users/1`. A function's is its name.
        self.signature: str = self.target
        self.host: str | None = None
        self.is_client = names_client(self.target)
        if self.is_client:
            described = self.arguments or {}
            self.signature = str(facts.get("signature") or described.get("signature") or "")
            self.host = facts.get("host") or _host_in(described.get("url"))

    @property
    def duration(self) -> float:
        """How long the real calls took, in seconds."""
        durations = [entry["duration"] for entry in self.outcomes]
        return float(sum(durations))

    def label(self, width: int = 120) -> str:
        """Return the call as people read it, in about so many characters: `shop.api:fetch(base='EUR')`."""
        return recorded_label(self.target, self.arguments, signature=self.signature, width=width)


class CatalogFile:
    """A recording, which has one call, or a cassette, which has any number."""

    def __init__(self, name: str, facts: dict[str, Any], calls: list[CatalogCall], size: int) -> None:
        self.name = name  # in the vault, `calls/shop.api/fetch/5f0c….json`
        self.is_cassette = name.startswith(CASSETTES)
        self.test: str | None = facts.get("test")  # the id of the test that recorded it, or None
        self.recorded: str = facts.get("recorded") or ""  # the date, `2026-11-02`
        # For a sequence, the test, module, package or session that it belongs to.
        self.owner: str | None = facts.get("owner")
        self.size = size  # the bytes of the file itself
        self.calls = calls

    @classmethod
    def of(cls, name: str, facts: dict[str, Any], size: int) -> CatalogFile:
        """Return the recording or cassette with these facts.

        LookupError, TypeError, ValueError, AttributeError: it does not have the shape of one.
        """
        if not {type(facts.get(key)) for key in ("test", "recorded", "owner")} <= _TEXTS:
            raise TypeError
        if name.startswith(CASSETTES):
            calls = [
                CatalogCall(call, _checked([call["outcome"]]), position)
                for position, call in enumerate(facts["calls"])
            ]
        else:
            calls = [CatalogCall(facts, _checked(facts["outcomes"]))]
        return cls(name, facts, calls, size)

    @property
    def key(self) -> str:
        """The identity in the name of a recording, or the name of a cassette."""
        return self.name[len(CASSETTES) : -5] if self.is_cassette else self.name.rpartition("/")[2][:-5]

    @property
    def short_key(self) -> str:
        """The first digits of the identity, or the name of a cassette."""
        return self.key if self.is_cassette else self.key[:_DIGITS]

    @property
    def duration(self) -> float:
        """How long the real calls took, in seconds: what one replay of each saves."""
        return sum([call.duration for call in self.calls])

    @property
    def objects(self) -> frozenset[str]:
        # A value and its duration have none.
        entries = [
            entry for call in self.calls for entry in call.outcomes if len(entry) > 2 or "value" not in entry
        ]
        named = [name for call in self.calls for name in long_parts(call.arguments)]
        named += [name for entry in entries for name in objects_of(entry)]
        return frozenset(named) if named else _NONE

    def label(self, width: int = 120) -> str:
        """Return it in one line: its call, or the name of the cassette and the number of its calls."""
        if not self.is_cassette:
            return self.calls[0].label(width)
        return f"cassette {self.key} ({plural(len(self.calls), 'call')})"


def _checked(entries: object) -> list[Entry]:
    if type(entries) is not list or not entries:
        raise TypeError
    for entry in entries:
        if type(entry["duration"]) not in (float, int):
            raise TypeError
    return entries


def _host_in(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    host = url.partition("://")[2].partition("/")[0].partition("?")[0]
    return host.rpartition("@")[2] or None


# Labels

_LABEL_WIDTH = 120
_LEAST_WIDTH = 24
_QUERY_WIDTH = 60


def call_label(target: str, arguments: Mapping[str, Any] | None, *, width: int = _LABEL_WIDTH) -> str:
    """Return a call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    The arguments are None if the vault does not store them. `width` is about how many characters the label may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = [
        line(part) if name.startswith("*") else f"{name}={line(part)}"
        for name, part in by_name(arguments).items()
    ]
    return f"{target}({', '.join(_fitted(texts, width - len(target) - 2))})"


def recorded_label(
    target: str, arguments: Mapping[str, Any] | None, *, signature: str = "", width: int = _LABEL_WIDTH
) -> str:
    """Return a call as its recording has it: a function with its arguments, a client with its signature.

    The `signature` is by default the one among the arguments.
    """
    if names_client(target):
        return f"{target} {signature or (arguments or {}).get('signature', '')}".rstrip()
    try:
        return call_label(target, arguments, width=width)
    except (AttributeError, LookupError, TypeError):  # a damaged description
        return f"{target}(...)"


def query_text(arguments: Mapping[str, Any] | None) -> str:
    """Return the described query of a request, `?page=2&size=10`, with long values shortened. Empty if it has none."""
    query = (arguments or {}).get("query")
    if type(query) is not dict or not query or next(iter(query))[:1] == "$":
        return ""
    texts = [f"{name}={part if type(part) is str else line(part)}" for name, part in query.items()]
    return f"?{'&'.join(_fitted(texts, _QUERY_WIDTH))}"


def by_name(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments with those of `**extra` under their own names, and those of `*rest` as `*rest[0]`."""
    if "*" not in "".join(arguments):
        return dict(arguments)
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if name.startswith("**") and isinstance(part, dict) and next(iter(part), "")[:1] != "$":
            found.update(part)
        elif name.startswith("*") and isinstance(part, dict) and "$tuple" in part and "length" not in part:
            found.update((f"{name}[{index}]", item) for index, item in enumerate(part["$tuple"]))
        else:
            found[name] = part
    return found


def _fitted(texts: list[str], room: int) -> list[str]:
    """Fit texts into a room: short ones stay whole, long ones share the rest, and the last ones are left out."""
    if sum(map(len, texts)) + 2 * len(texts) <= room:
        return texts
    needed = list(accumulate(min(len(text), _LEAST_WIDTH) + 2 for text in texts))
    count = max(1, sum(end <= room - 3 for end in needed)) if needed and needed[-1] > room else len(texts)
    room -= 2 * count + (3 if count < len(texts) else 0)
    fitted = dict(enumerate(texts[:count]))
    for done, index in enumerate(sorted(fitted, key=lambda index: len(texts[index]))):
        fitted[index] = shortened(texts[index], max(room // (count - done), _LEAST_WIDTH))
        room -= len(fitted[index])
    return [*fitted.values(), *(["..."] if count < len(texts) else [])]
