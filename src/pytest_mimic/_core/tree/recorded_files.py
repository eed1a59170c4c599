"""A recording or cassette with the calls in it, made from its JSON. Outcomes stay as they are in the file."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.vault.long_parts import long_parts
from pytest_mimic._core.vault.schema import objects_of
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
        from pytest_mimic._core.tree.call_labels import recorded_label

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
