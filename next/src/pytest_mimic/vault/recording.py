"""The form of a recording in a file; each kind of damage has its own words."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from xxhash import xxh3_64_hexdigest

from pytest_mimic.errors import CorruptRecordingError, Remedy

if TYPE_CHECKING:
    from pytest_mimic.values.tree import Tree

FORMAT = 6
End = Literal["", "waiting", "open", "empty"]
BODIES = ("value", "raised", "items", "answer")

_WIDTH = 100
_POINTER = b"version https://git-lfs.github.com/spec/"
_CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
# Letters stand as people read them; NaN would be no JSON.
_dumped = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False
).encode
_canonical = json.JSONEncoder(check_circular=False, sort_keys=True).encode
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class Entry:
    """One call with its outcome.

    Attributes:
        target: The target, `shop.api:fetch_rates` or a kind of client, `http`.
        identity: The digest that makes two calls the same, in hex.
        signature: `GET /users/1`; empty for a function.
        line: The options of its line that count, as text.
        arguments: The tree of a function's arguments.
        request: The plain data of a client's request.
        body: One of `value`, `raised`, `items` (with `last`, what ended them) or
            `answer`; nothing for a place of which nothing is kept.
        layers: What has to be done to reach the outcome: `await`.
        after: The states of arguments after the call, by name.
        begin: When it began, among the calls of its owner.
        ended: When it ended, counted in the same row. None: it did not.
        end: How it ended, if not with its outcome.
        source: The fingerprint of the target's source.
        inputs: The object that names the code and the files that it reached.
        seconds: How long it took.
        hidden: The paths of arguments that are secrets.
        recorded: The day on which it was recorded. Empty: when its file is written.
    """

    target: str = ""
    identity: str = ""
    signature: str = ""
    line: str = ""
    arguments: dict[str, Tree] | None = None
    request: dict[str, Tree] | None = None
    body: dict[str, Tree] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    after: dict[str, Tree] = field(default_factory=dict)
    begin: int = 0
    ended: int | None = None
    end: End = ""
    source: str = ""
    inputs: str = ""
    seconds: float = 0.0
    hidden: tuple[str, ...] = ()
    recorded: str = ""


@dataclass
class Recording:
    """What one file holds: a log, a cassette, or a call that all tests share.

    Attributes:
        owner: The test, the fixture or the cassette that asked.
        recorded: The day, as `2026-11-27`.
        entries: Its calls, in the order in which they began.
        fixtures: The digests of the wider fixtures that were in use, by their owners.
        setup: The digest of what its set-up was asked, of a wider fixture.
        digest: The digest of the calls that the head names.
    """

    owner: str
    recorded: str
    entries: list[Entry]
    fixtures: dict[str, str] = field(default_factory=dict)
    setup: str = ""
    digest: str = ""

    @property
    def edited(self) -> bool:
        """Whether the calls were changed by hand."""
        return self.digest != _digest_of(_plain_calls(self))


def parse(content: bytes, name: str) -> Recording:
    """Return what a file holds.

    Args:
        content: The bytes of the file.
        name: The path of the file, for errors.

    Raises:
        CorruptRecordingError: The file is damaged, or has another format.
    """
    head = _head(_json_of(content, name), name)
    calls = head.get("log")
    if not isinstance(calls, list):
        raise shapeless(name, "it has no calls")
    if head.get("calls") != len(calls):
        raise damaged(
            name,
            "merged",
            f"has {len(calls)} calls, and its head says {head.get('calls')}",
            ["it was merged, or a call was taken out by hand"],
            [("if it is as it should be, correct the number", "")],
        )
    recording = _recording_of(head, name)
    recording.entries.extend(_entries_of(calls, recording, name))
    return recording


def content_of(recording: Recording) -> bytes:
    """Return the file of a recording: a head with a new digest, then its calls."""
    calls = _plain_calls(recording)
    recording.digest = _digest_of(calls)
    head: dict[str, Any] = {
        **_plain_head(recording),
        "calls": len(calls),
        "digest": recording.digest,
    }
    if recording.setup:
        head["setup"] = recording.setup
    if recording.fixtures:
        head["fixtures"] = recording.fixtures
    return _encoded(_laid_out({**head, "log": calls}) + "\n")


def part_line_of(part: Recording | Entry) -> bytes:
    """Return a line of a part file: its head, which is the first, or a call."""
    plain = _plain(part) if isinstance(part, Entry) else _plain_head(part)
    return _encoded(f"{_dumped(plain)}\n")


def parse_part(content: bytes, name: str) -> Recording | None:
    """Return what a part file holds; a last line that was cut is left out.

    Returns:
        The calls in the order in which they began. None: not even the head is whole.

    Raises:
        CorruptRecordingError: A line is damaged, or has another format.
    """
    *lines, _ = content.split(b"\n")
    if not lines:
        return None
    head, *calls = [_json_of(line, name) for line in lines]
    recording = _recording_of(_head(head, name), name)
    entries = _entries_of(calls, recording, name)
    by_place = {entry.begin: entry for entry in entries}
    recording.entries.extend(by_place[place] for place in sorted(by_place))
    return recording


def damaged(
    name: str,
    damage: str,
    words: str,
    facts: Iterable[str] = (),
    remedies: Iterable[Remedy] = (),
) -> CorruptRecordingError:
    """Return the error for a file: `NAME has a merge conflict, line 3`."""
    return CorruptRecordingError(
        f"{name} {words}", facts, remedies, file=name, damage=damage
    )


def shapeless(name: str, why: str) -> CorruptRecordingError:
    """Return the error for a file of which nothing can be made."""
    return damaged(name, "content", f"is not what was recorded ({why})")


def refuse_pointer(content: bytes, name: str) -> None:
    """Refuse what Git LFS puts in the place of a file.

    Raises:
        CorruptRecordingError: The content is a pointer.
    """
    if content.startswith(_POINTER):
        raise damaged(
            name,
            "pointer",
            "is a Git LFS pointer, its content was not pulled",
            remedies=[("to pull it", "git lfs pull")],
        )


# -- reading


def _json_of(content: bytes, name: str) -> object:
    refuse_pointer(content, name)
    try:
        text = content.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise damaged(name, "half", "is not text in UTF-8") from None
    try:
        return _decoded(text)
    except json.JSONDecodeError as reason:
        conflict = _CONFLICT.search(text)
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            what = f"has a merge conflict, line {line}"
            raise damaged(name, "conflict", what) from None
        what = f"is not valid JSON, line {reason.lineno}"
        raise damaged(name, "half", what, [reason.msg]) from None
    except _TwinKeyError as reason:
        what = f"has the key {reason} twice in one place"
        raise damaged(name, "merged", what, ["it was merged by hand"]) from None
    except ValueError as reason:
        raise shapeless(name, str(reason)) from None
    except RecursionError:
        raise shapeless(name, "it is nested too deeply") from None


class _TwinKeyError(Exception):
    pass


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwinKeyError(next(repr(key) for key in keys if keys.count(key) > 1))
    return found


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


# Made once: `json.loads` would make a decoder for each file.
_decoded = json.JSONDecoder(
    object_pairs_hook=_without_twins, parse_constant=_refuse_constant
).decode


def _head(head: object, name: str) -> dict[str, Any]:
    number = head.get("format") if isinstance(head, dict) else None
    if not isinstance(number, int):
        raise shapeless(name, "it has no format")
    if number != FORMAT:
        raise damaged(
            name,
            "newer" if number > FORMAT else "format",
            f"is of format {number}, this pytest-mimic reads format {FORMAT}",
        )
    return cast("dict[str, Any]", head)


_Types = dict[str, type | tuple[type, ...]]
_HEAD_TYPES: _Types = {
    "format": int,
    "owner": str,
    "recorded": str,
    "calls": int,
    "digest": str,
    "setup": str,
    "fixtures": dict,
    "log": list,
}


def _recording_of(head: dict[str, Any], name: str) -> Recording:
    """Return what a head says, without its calls."""
    _check_types(head, _HEAD_TYPES, name)
    return Recording(
        head.get("owner", ""),
        head.get("recorded", ""),
        [],
        head.get("fixtures", {}),
        head.get("setup", ""),
        head.get("digest", ""),
    )


_CALL_TYPES: _Types = {
    "at": list,
    "target": str,
    "signature": str,
    "identity": str,
    "line": str,
    "recorded": str,
    "arguments": dict,
    "request": dict,
    "hidden": list,
    "source": str,
    "inputs": str,
    "layers": list,
    "after": dict,
    "end": str,
    "value": object,
    "raised": object,
    "items": object,
    "last": object,
    "answer": object,
    "seconds": (int, float),
}
_BODY_KEYS = frozenset([*BODIES, "last"])


def _entries_of(calls: list[Any], recording: Recording, name: str) -> list[Entry]:
    entries = [_entry_of(call, name) for call in calls]
    for entry in entries:
        entry.recorded = entry.recorded or recording.recorded
    return entries


def _entry_of(call: object, name: str) -> Entry:
    if not isinstance(call, dict):
        raise shapeless(name, "a call is no mapping")
    _check_types(call, _CALL_TYPES, name)
    entry = Entry()
    for key, value in call.items():
        if key in _BODY_KEYS:
            entry.body[key] = value
        elif key == "at":
            entry.begin, entry.ended = _place_of(value, name)
        elif key in ("layers", "hidden"):
            setattr(entry, key, tuple(map(str, value)))
        else:
            setattr(entry, key, value)
    _check_call(entry, name)
    return entry


def _check_types(facts: dict[str, Any], types: _Types, name: str) -> None:
    for key, value in facts.items():
        if key not in types:
            raise shapeless(name, f"{key!r} is no part of it")
        if not isinstance(value, types[key]):
            raise shapeless(name, f"{key!r} is of another type")


def _place_of(value: list[Any], name: str) -> tuple[int, int | None]:
    if not 1 <= len(value) <= 2 or not all(isinstance(number, int) for number in value):
        raise shapeless(name, "'at' is not one or two numbers")
    return value[0], value[1] if len(value) == 2 else None


def _check_call(entry: Entry, name: str) -> None:
    if entry.end not in ("", "waiting", "open", "empty"):
        raise shapeless(name, f"a call cannot end {entry.end!r}")
    bodies = [key for key in BODIES if key in entry.body]
    if len(bodies) > 1 or (not bodies and not entry.end):
        raise shapeless(name, f"a call needs one of {', '.join(BODIES)}")
    if entry.end != "empty" and not (entry.target and entry.identity):
        raise shapeless(name, "a call needs 'target' and 'identity'")


# -- writing


def _plain_head(recording: Recording) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "owner": recording.owner,
        "recorded": recording.recorded,
    }


def _plain_calls(recording: Recording) -> list[dict[str, Any]]:
    return [_plain(entry, recording.recorded) for entry in recording.entries]


def _plain(entry: Entry, day: str = "") -> dict[str, Any]:
    """Return a call as it stands in a file of a day; what is empty is left out."""
    at = [entry.begin] if entry.ended is None else [entry.begin, entry.ended]
    facts = {
        "at": at if at != [0] else [],
        "target": entry.target,
        "signature": entry.signature,
        "identity": entry.identity,
        "line": entry.line,
        "recorded": "" if entry.recorded == day else entry.recorded,
        "hidden": list(entry.hidden),
        "source": entry.source,
        "inputs": entry.inputs,
        "layers": list(entry.layers),
        "end": entry.end,
        "after": entry.after,
        "seconds": round(entry.seconds, 6),
    }
    plain: dict[str, Any] = {key: value for key, value in facts.items() if value}
    if entry.arguments is not None:
        plain["arguments"] = entry.arguments
    if entry.request is not None:
        plain["request"] = entry.request
    plain.update(entry.body)
    return {key: plain[key] for key in _CALL_TYPES if key in plain}


def _digest_of(calls: list[dict[str, Any]]) -> str:
    """Return a digest of all that stands in calls but how long they took."""
    timeless = [
        {key: value for key, value in call.items() if key != "seconds"}
        for call in calls
    ]
    return xxh3_64_hexdigest(_canonical(timeless).encode())[:8]


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a pair of surrogates is no UTF-8, but JSON has an escape for it.
        return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text).encode()


def _laid_out(tree: object, indent: str = "", before: int = 0) -> str:
    """Return JSON with a part a line, but for what fits into a line.

    Args:
        tree: The plain data.
        indent: The blanks at the begin of the line.
        before: How many characters stand before it on its line.
    """
    text = _dumped(tree)
    is_container = isinstance(tree, (dict, list))
    if not is_container or before + len(text) < _WIDTH:
        return text
    deeper = f"{indent}  "
    if isinstance(tree, dict):
        lines = []
        for key, part in tree.items():
            start = f"{deeper}{_dumped(key)}: "
            lines.append(start + _laid_out(part, deeper, len(start)))
        opening, closing = "{}"
    else:
        assert isinstance(tree, list)
        lines = [deeper + _laid_out(part, deeper, len(deeper)) for part in tree]
        opening, closing = "[]"
    inner = ",\n".join(lines)
    return f"{opening}\n{inner}\n{indent}{closing}"
