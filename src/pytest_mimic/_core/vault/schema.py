"""The schema of recordings: the fields of their JSON with the shapes of their values, for reading, checking and writing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_mimic._core.vault.parsing import INFINITE, damaged, is_object

Entry = dict[str, Any]
"""One outcome in a recording's JSON: its duration, and its value or the name of its object."""


class Origin(NamedTuple):
    """The file that holds an outcome, its target and its test, for messages."""

    name: str
    target: str
    test: str | None


class Field(NamedTuple):
    """A field of an outcome.

    Attributes:
        is_beside: Whether the field stands beside the outcome: it is no part of it where outcomes are compared.
    """

    fault: Callable[[Any], str | None]  # returns what is wrong with a value, or None
    is_beside: bool = False


def _field(fits: Callable[[Any], bool], says: str, *, beside: bool = False) -> Field:
    return Field(lambda value: None if fits(value) else says, beside)


def _texts(name: str, *, beside: bool = False) -> Field:
    def fits(value: object) -> bool:
        return type(value) is list and all(type(item) is str for item in value)

    return _field(fits, f"{name} must be a list of texts", beside=beside)


def _object(name: str, suffix: str) -> Field:
    return _field(lambda value: _is_object(value, suffix), f"{name} does not name an object of the vault")


def _is_object(name: object, suffix: str = "") -> bool:
    return type(name) is str and is_object(name) and name.endswith(suffix)


def _is_hex(value: object, digits: int) -> bool:
    return type(value) is str and re.fullmatch(f"[0-9a-f]{{{digits}}}", value) is not None


#: The fields of an outcome, but for those of a body, which `body_fault` checks.
FIELDS = {
    "duration": _field(
        lambda value: -INFINITE < value < INFINITE, "a duration must be a number of seconds", beside=True
    ),
    "awaited": _field(lambda value: type(value) is bool, "awaited must be true or false", beside=True),
    "tagged": _field(lambda value: type(value) is bool, "tagged must be true or false", beside=True),
    "inputs": _field(
        lambda value: _is_object(value, ".json"),
        "inputs must name an object of the vault",
        beside=True,
    ),
    "imports": _texts("imports", beside=True),
    "objects": _field(
        lambda value: type(value) is list and all(_is_object(name, ".bin") for name in value),
        "objects must name objects of the vault",
        beside=True,
    ),
    "preview": _texts("preview", beside=True),
    "kind": _field(lambda value: value in ("value", "raised", "stream"), "an object without its kind"),
    "json": _object("json", ".json"),
    "pickle": _object("pickle", ".pkl"),
    "checksum": _field(lambda value: _is_hex(value, 32), "a pickle without its checksum"),
    "code": _texts("code"),
    "python": _field(lambda value: type(value) is str, "python must be text"),
    "count": _field(lambda value: type(value) is int and value > 0, "count must be a number from one on"),
}
_BODIES = ("value", "raised", "stream", "json", "pickle")
# Fields that a body in an object of its own must have beside it.
_NEEDED = {"json": ("kind",), "pickle": ("kind", "checksum")}


def body_of(entry: Entry) -> Entry:
    return {key: value for key, value in entry.items() if key not in FIELDS or not FIELDS[key].is_beside}


def check_entry(entry: object, path: str, test: str | None) -> None:
    """Check the shape of an outcome. CorruptRecordingError: it is another one."""
    fault = _entry_fault(entry)
    if fault:
        raise damaged(path, fault, test=test)


def _entry_fault(entry: object) -> str | None:
    if type(entry) is not dict or type(entry.get("duration")) not in (float, int):
        return "an outcome without a duration"
    held = [key for key in _BODIES if key in entry]
    if len(held) != 1:
        return "an outcome needs one value, exception or file"
    needed = {name: entry.get(name) for name in _NEEDED.get(held[0], ())}
    for name, value in {**entry, **needed}.items():
        if name in FIELDS and (fault := FIELDS[name].fault(value)):
            return fault
    listed = next((name for name in ("imports", "objects") if entry.get(name)), None)
    if listed and held[0] != "pickle" and not entry.get("tagged"):
        return f"it lists {listed}, but is not tagged"
    return None if held[0] in _NEEDED else body_fault(entry)


#: The facts of a recording besides its outcomes, in the order of the file.
RECORDING_FACTS = ("target", "arguments", "source", "test", "recorded", "owner", "identity")
#: Those of a call of a cassette; of these, the first four are texts in any case.
CASSETTE_FACTS = ("kind", "target", "signature", "key", "host", "source", "arguments")
CALL_FACTS = CASSETTE_FACTS[:4]
# What stands beside the tag of a part that is described in part, with the types of it.
_DESCRIBED: dict[str, type] = {"digest": str, "length": int, "object": str, "start": str}


def is_description(arguments: object) -> bool:
    """Return whether something is a description of arguments: the tree of each by name; see `_core/tree/making.py`."""
    if type(arguments) is not dict:
        return arguments is None
    todo: list[Any] = list(arguments.values())  # no recursion: a description may be deep
    while todo:
        node = todo.pop()
        if type(node) is list:
            todo += node
        elif type(node) is dict:
            is_cut = "$cut" in node
            if is_cut and any(type(node.get(name, kind())) is not kind for name, kind in _DESCRIBED.items()):
                return False
            todo += node.values()
    return True


def body_fault(body: object) -> str | None:
    """Return what is wrong with the shape of an exception or a stream; None if nothing is."""
    if type(body) is not dict:
        return "an outcome must be an object"
    if "raised" in body:
        raised = body["raised"]
        is_tag = type(raised) is dict and next(iter(raised), "")[:1] == "$"
        return None if is_tag else "an exception without its class"
    stream = body.get("stream", {"items": []})
    if type(stream) is not dict or type(stream.get("items")) is not list:
        return "a stream without its items"
    if type(stream.get("sent", [])) is not list:
        return "sent must be a list"
    end = stream.get("end")
    if end is None:
        return None
    fault = body_fault(end)
    return fault or (
        None if {"value", "raised"} & end.keys() else "a stream's end is neither value nor exception"
    )
