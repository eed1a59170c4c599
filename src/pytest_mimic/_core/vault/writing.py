"""Writes recordings and cassettes: their objects first, and the file itself only where it says something else than before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.long_parts import shortened
from pytest_mimic._core.vault.parsing import FORMAT, parse_recording, references
from pytest_mimic._core.vault.recording_facts import (
    MISSHAPED,
    CassetteEntry,
    InputList,
    Recording,
    Stored,
)
from pytest_mimic._core.vault.schema import (
    CASSETTE_FACTS,
    RECORDING_FACTS,
    Entry,
    Origin,
    body_of,
    check_entry,
)
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.vault.objects import Objects

#: Readable outcomes up to this many characters are stored inside their recording.
INLINE = 1 << 16

Described = dict[str, Any] | None


class Written(NamedTuple):
    """The result of writing a file."""

    before: bytes | None  # its content before, None if there was none
    now: bytes | None  # its content now, the same if nothing was written
    replaced: set[str]  # the objects that it no longer names

    @property
    def changed(self) -> bool:
        return self.now is not self.before


def write_recording(objects: Objects, name: str, recording: Recording) -> Written:
    def facts(entries: list[Entry], arguments: list[Described]) -> dict[str, Any]:
        found = {"format": FORMAT, **{fact: getattr(recording, fact) for fact in RECORDING_FACTS}}
        if recording.identity is None:
            del found["identity"]
        return {**found, "arguments": arguments[0], "outcomes": entries}

    origin = Origin(name, recording.target, recording.test)
    # A client's request is described whole, a function's arguments are short.
    is_client = ":" not in recording.target
    return _write(objects, origin, recording.outcomes, [recording.arguments], facts, shortens=is_client)


def write_cassette(
    objects: Objects, name: str, calls: Sequence[CassetteEntry], facts_of_run: dict[str, Any]
) -> Written:
    def facts(entries: list[Entry], arguments: list[Described]) -> dict[str, Any]:
        written = [
            {**{fact: getattr(call, fact) for fact in CASSETTE_FACTS}, "arguments": given, "outcome": entry}
            for call, given, entry in zip(calls, arguments, entries, strict=True)
        ]
        return {"format": FORMAT, **facts_of_run, "calls": written}

    origin = Origin(name, name, facts_of_run["test"])
    return _write(
        objects,
        origin,
        [call.stored for call in calls],
        [call.arguments for call in calls],
        facts,
        shortens=True,
    )


def _write(
    objects: Objects,
    origin: Origin,
    outcomes: Sequence[Stored],
    arguments: Sequence[Described],
    facts_with: Callable[[list[Entry], list[Described]], dict[str, Any]],
    *,
    shortens: bool,
) -> Written:
    """Write a file with these outcomes and arguments, unless it says the same already.

    If the outcomes are those in the vault, the test and the date that recorded them stay.
    """
    store, name = objects.store, origin.name
    data, before, old_entries, old_arguments = _read_before(objects, name)
    store.share()
    entries = []
    is_same = len(outcomes) == len(old_entries)
    for index, stored in enumerate(outcomes):
        old = old_entries[index] if index < len(old_entries) else None
        is_equal = old is not None and _is_same(objects, stored, old, origin)
        is_same = is_same and is_equal
        new = old if old is not None and is_equal else _entry(objects, stored)
        entries.append(_with_inputs(objects, stored.inputs, new, old, is_same=is_equal))
    short = [shortened(one, objects.place) if shortens else one for one in arguments]
    for index, known in enumerate(old_arguments[: len(short)]):
        if _in_order(short[index]) == _in_order(known):
            short[index] = known
    facts = facts_with(entries, short)
    if before and is_same:
        facts |= {"test": before.get("test"), "recorded": before.get("recorded")}
    text, now = layout(facts), data
    if not before or text != layout({key: before.get(key) for key in facts}):
        # A lone surrogate, as of a file's name that is no UTF-8, becomes its escape in JSON.
        now = (text + "\n").encode(errors="backslashreplace")
        with store.exclusive():
            was_known = store.read(name) == data
            if was_known:
                store.write(name, now)
        if not was_known:  # another process has written it since: a test that fails puts that back
            return _write(objects, origin, outcomes, arguments, facts_with, shortens=shortens)
    for stored, entry in zip(outcomes, entries, strict=True):
        stored.settle(entry, origin)
    return Written(data, now, references(data or b"") - references(now or b"") if now is not data else set())


def _read_before(
    objects: Objects, name: str
) -> tuple[bytes | None, dict[str, Any], list[Entry], list[Described]]:
    """Return the content in the vault, its facts, its outcomes and its arguments: none if it is absent or damaged.

    Raises:
        CorruptRecordingError: They have a newer format. One of an older format counts as damaged.
    """
    data = objects.store.read(name)
    if data is None:
        return None, {}, [], []
    try:
        facts = parse_recording(data, objects.label, name)
        calls = facts.get("calls") or [facts]
        entries = facts["outcomes"] if "outcomes" in facts else [call["outcome"] for call in calls]
        for entry in entries:
            check_entry(entry)
        return data, facts, entries, [call["arguments"] for call in calls]
    except CorruptRecordingError as error:
        if "format" in error.data:
            raise
    except MISSHAPED:
        pass
    return data, {}, [], []


def _is_same(objects: Objects, stored: Stored, old: Entry, origin: Origin) -> bool:
    """Return whether an outcome equals the sound one in the vault."""
    if stored.awaited != old.get("awaited", False):
        return False
    if stored.encoded is not None:
        return objects.equals(old, origin, stored.encoded)
    # It was read from a vault, and is written again with other outcomes of its sequence.
    is_tagged = old.get("tagged", False)
    return stored.is_tagged == is_tagged and layout(body_of(stored.entry)) == layout(body_of(old))


def _entry(objects: Objects, stored: Stored) -> Entry:
    encoded = stored.encoded
    if encoded is None:
        return stored.entry
    entry = {key: value for key, value in stored.entry.items() if key != "kind"}
    if encoded.is_tagged:
        entry["tagged"] = True
    return {**entry, **objects.placed(encoded, inline=INLINE)}


def _with_inputs(
    objects: Objects, inputs: InputList | None, entry: Entry, old: Entry | None, *, is_same: bool
) -> Entry:
    """Return an entry with the list of what its call reaches and reads, which is written."""
    if inputs is None:
        return entry
    known: str = "" if old is None else old.get("inputs", "")
    before = objects.store.read(known) if known else None
    text = inputs.over(before, is_same=is_same)
    if before is not None and before == text.encode():
        name = known
    else:
        name = objects.place([text.encode()], "json") if text else ""
    if name == entry.get("inputs", ""):
        return entry
    bare = {key: value for key, value in entry.items() if key != "inputs"}
    return {**bare, "inputs": name} if name else bare


def _in_order(description: object) -> str:
    """Return a text that is equal for descriptions of equal arguments, in whatever order their parts are."""
    if isinstance(description, dict):
        parts = [f"{name!r}: {_in_order(part)}" for name, part in description.items()]
        return f"{{{', '.join(sorted(parts))}}}"
    if isinstance(description, list):
        return f"[{', '.join(sorted(map(_in_order, description)))}]"
    return repr(description)
