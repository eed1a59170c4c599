"""The schema of recordings: their facts, and the shape of an outcome."""

from __future__ import annotations

from typing import Any, NamedTuple

from pytest_mimic._core.vault.parsing import is_object

Entry = dict[str, Any]
"""One outcome in a recording's JSON: its duration, and its value or the name of its object."""

#: The facts of a recording besides its outcomes, in the order of the file.
RECORDING_FACTS = ("target", "arguments", "source", "test", "recorded", "owner", "identity")
#: Those of a call of a cassette; of these, the first four are texts in any case.
CASSETTE_FACTS = ("kind", "target", "signature", "key", "host", "source", "arguments")
# What stands beside an outcome: it is no part of it where outcomes are compared.
_BESIDE = ("duration", "awaited", "tagged", "inputs", "imports", "objects", "preview")
_BODIES = ("value", "raised", "stream", "json", "pickle")


class Origin(NamedTuple):
    """The file that holds an outcome, its target and its test, for messages."""

    name: str
    target: str
    test: str | None


def body_of(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if key not in _BESIDE}


def objects_of(entry: Entry) -> list[str]:
    """Return the names of the objects that an outcome names."""
    named = [entry.get("json"), entry.get("pickle"), entry.get("inputs"), *entry.get("objects", ())]
    return [name for name in named if name]


def check_entry(entry: Any) -> None:
    """Check the shape of an outcome. LookupError, TypeError, ValueError, AttributeError: it is another one."""
    if type(entry["duration"]) not in (float, int) or not abs(entry["duration"]) < float("inf"):
        raise ValueError("a duration must be a number of seconds")
    held = [key for key in _BODIES if key in entry]
    if len(held) != 1:
        raise ValueError("an outcome needs one value, exception or file")
    if not all(map(is_object, objects_of(entry))):
        raise ValueError("it names no object of the vault")
    if any(type(entry.get(name, False)) is not bool for name in ("awaited", "tagged")):
        raise ValueError("awaited and tagged must be true or false")
    lists = [entry.get(name, []) for name in ("imports", "objects", "preview", "code")]
    if any(type(one) is not list or any(type(name) is not str for name in one) for one in lists):
        raise ValueError("imports, objects, preview and code must be lists of texts")
    if held[0] in ("json", "pickle"):
        if entry["kind"] not in ("value", "raised", "stream"):
            raise ValueError("kind must be value, raised or stream")
        if type(entry.get("count", 1)) is not int or entry.get("count", 1) < 1:
            raise ValueError("count must be a number from one on")
    if (lists[0] or lists[1]) and held[0] != "pickle" and not entry.get("tagged"):
        raise ValueError("it lists imports or objects, but is not tagged")
