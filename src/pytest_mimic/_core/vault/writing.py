"""Writes recordings, only where they say something else than before, and deletes them with the objects that none needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.outcome.memory import pieces_of
from pytest_mimic._core.outcome.plain import laid_out, layout
from pytest_mimic._core.vault.format import (
    CASSETTES,
    FOLDERS,
    FORMAT,
    is_object,
    parse_recording,
    references,
)
from pytest_mimic._core.vault.long_parts import shortened
from pytest_mimic._core.vault.objects import (
    Entry,
    Objects,
    Origin,
    body_of,
    check_entry,
)
from pytest_mimic._core.vault.recording_facts import MISSHAPED, Recording, Stored
from pytest_mimic.errors import CorruptRecordingError, Damage

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.vault.store import Store

#: Readable outcomes up to this many characters are stored inside their recording.
INLINE = 1 << 16

Described = dict[str, Any] | None
_Before = tuple[bytes | None, dict[str, Any], list[Entry], list[Described]]


class Written(NamedTuple):
    """The result of writing a file."""

    before: bytes | None  # its content before, None if there was none
    now: bytes | None  # its content now, the same if nothing was written
    replaced: set[str]  # the objects that it no longer names

    @property
    def changed(self) -> bool:
        return self.now is not self.before


class Cleared(NamedTuple):
    """The numbers of deleted recordings, of deleted objects, and of the objects' bytes.

    Attributes:
        is_held: Whether all objects stay, because a run of another process may need
            them.
    """

    recordings: int
    objects: int = 0
    bytes: int = 0
    is_held: bool = False


def write(
    objects: Objects,
    name: str,
    calls: Sequence[Recording],
    *,
    test: str | None = None,
    recorded: str = "",
    is_new: bool = False,
) -> Written:
    """Write a recording of one call, or a cassette of any number, unless the file says the same already.

    If the outcomes are those in the vault, the test and the date that recorded them
    stay. A file that `is_new` was not
    there when the call began.
    """
    store, is_cassette = objects.store, name.startswith(CASSETTES)
    if not is_cassette:
        test, recorded = calls[0].test, calls[0].recorded
    origin = Origin(name, name if is_cassette else calls[0].target, test)
    nothing: _Before = None, {}, [], []
    data, before, old_entries, old_arguments = (
        nothing if is_new else _read_before(objects, name)
    )
    outcomes = [stored for call in calls for stored in call.outcomes]
    known = [*old_entries, *[None] * len(outcomes)]
    store.share()
    is_same, entries = len(outcomes) == len(old_entries), []
    for stored, old in zip(outcomes, known, strict=False):
        is_equal = old is not None and _is_same(objects, stored, old, origin)
        is_same = is_same and is_equal
        entries.append(_entry(objects, stored, old, is_same=is_equal))
    # A client's request is described whole, a function's arguments are short.
    is_short = not is_cassette and ":" in calls[0].target
    arguments = [
        call.arguments if is_short else shortened(call.arguments, objects.place)
        for call in calls
    ]
    for index, old_one in enumerate(old_arguments[: len(arguments)]):
        if _in_order(arguments[index]) == _in_order(old_one):
            arguments[index] = old_one
    of_run = before if before and is_same else {"test": test, "recorded": recorded}
    facts = _facts(calls, entries, arguments, of_run, is_cassette=is_cassette)
    text, now = layout(facts), data
    if not before or text != layout({key: before.get(key) for key in facts}):
        # A lone surrogate, as of a file's name that is no UTF-8, becomes its escape in
        # JSON.
        now = (text + "\n").encode(errors="backslashreplace")
        if not store.replace(name, data, now):
            # Another process has written it since: a test that fails puts that back.
            return write(objects, name, calls, test=test, recorded=recorded)
    for stored, entry in zip(outcomes, entries, strict=True):
        stored.settle(entry, origin)
    replaced = (
        references(data) - references(now or b"")
        if data is not None and now is not data
        else set()
    )
    return Written(data, now, replaced)


def _read_before(objects: Objects, name: str) -> _Before:
    """Return the content in the vault, its facts, its outcomes and its arguments: none if it is absent or damaged.

    Raises:
        CorruptRecordingError: They have a newer format. One of an older format counts
            as damaged.
    """
    data = objects.store.read(name)
    if data is None:
        return None, {}, [], []
    try:
        facts = parse_recording(data, objects.label, name)
        calls = facts.get("calls") or [facts]
        entries = (
            facts["outcomes"]
            if "outcomes" in facts
            else [call["outcome"] for call in calls]
        )
        for entry in entries:
            check_entry(entry)
        return data, facts, entries, [call["arguments"] for call in calls]
    except CorruptRecordingError as error:
        if error.damage is Damage.NEWER:
            raise
    except MISSHAPED:
        pass
    return data, {}, [], []


def _facts(
    calls: Sequence[Recording],
    entries: list[Entry],
    arguments: list[Described],
    of_run: dict[str, Any],
    *,
    is_cassette: bool,
) -> dict[str, Any]:
    """Return the content of a file."""
    run = {fact: of_run.get(fact) for fact in ("test", "recorded")}
    if is_cassette:
        written = [
            {
                "kind": call.kind,
                "target": call.target,
                "signature": call.signature,
                "key": call.identity,
                "host": call.host,
                "source": call.source,
                "arguments": given,
                "outcome": entry,
            }
            for call, given, entry in zip(calls, arguments, entries, strict=True)
        ]
        return {"format": FORMAT, **run, "calls": written}
    (call,), (given,) = calls, arguments
    own = {"target": call.target, "arguments": given, "source": call.source}
    identity = {} if call.identity is None else {"identity": call.identity}
    return {
        "format": FORMAT,
        **own,
        **run,
        "owner": call.owner,
        **identity,
        "outcomes": entries,
    }


def _is_same(objects: Objects, stored: Stored, old: Entry, origin: Origin) -> bool:
    """Return whether an outcome equals the sound one in the vault."""
    if stored.awaited != old.get("awaited", False) or stored.is_tagged != old.get(
        "tagged", False
    ):
        return False
    if stored.entry.get("end") != old.get("end"):
        return False
    if stored.encoded is not None:
        return objects.equals(old, origin, stored.encoded)
    # It was read from a vault, and is written again with other outcomes of its
    # sequence.
    return layout(body_of(stored.entry)) == layout(body_of(old))


def _entry(
    objects: Objects, stored: Stored, old: Entry | None, *, is_same: bool
) -> Entry:
    """Return an outcome as it stands in its recording, in place of an old one.

    Its objects are written.
    """
    entry = stored.entry
    if is_same and old is not None:
        entry = old
    elif stored.encoded is not None:
        own = {key: value for key, value in entry.items() if key != "kind"}
        tagged = {"tagged": True} if stored.is_tagged else {}
        entry = {**own, **tagged, **_body(objects, stored.encoded)}
    if stored.inputs is None:
        return entry
    known = (old or {}).get("inputs", "")
    before = objects.store.read(known) if known else None
    text = stored.inputs(before, is_same=is_same)
    if before is not None and before == text.encode():
        name = known
    else:
        name = objects.place([text.encode()], "json") if text else ""
    if name == entry.get("inputs", ""):
        return entry
    bare = {key: value for key, value in entry.items() if key != "inputs"}
    return {**bare, "inputs": name} if name else bare


def _body(objects: Objects, encoded: Encoded) -> Entry:
    """Return the facts of an outcome: its body, or its object, which is written."""
    readable = encoded.readable
    if readable is None:
        pickled: Any = encoded.pickled
        name = objects.place(pieces_of(pickled.parts()), "pkl")
        facts: Entry = {
            "kind": encoded.kind,
            "pickle": name,
            "fingerprint": encoded.fingerprint,
        }
        facts["imports"] = pickled.imports
        if encoded.count != 1:
            facts["count"] = encoded.count
        if pickled.by_value:
            from pytest_mimic._core.outcome.pickling import python_version

            facts["python"] = python_version()
        return facts
    facts = {"imports": readable.imports} if readable.imports else {}
    if readable.objects:
        facts["objects"] = sorted(
            objects.place([one], "bin") for one in readable.objects.values()
        )
    if len(readable.text) <= INLINE:
        return {**facts, **laid_out(readable.text)}
    return {
        **facts,
        "kind": encoded.kind,
        "json": objects.place([readable.text.encode()], "json"),
    }


def _in_order(description: object) -> str:
    """Return a text that is equal for descriptions of equal arguments, in whatever order their parts are."""
    if isinstance(description, dict):
        parts = [f"{name!r}: {_in_order(part)}" for name, part in description.items()]
        return f"{{{', '.join(sorted(parts))}}}"
    if isinstance(description, list):
        return f"[{', '.join(sorted(map(_in_order, description)))}]"
    return repr(description)


def delete(
    store: Store, names: Collection[str], objects: Iterable[str] | None
) -> Cleared:
    """Delete recordings and cassettes, and those of the objects, or of all, that no other one names."""
    with store.alone() as is_alone:
        deleted = store.delete(names)
        if not is_alone:
            return Cleared(deleted, is_held=True)
        if objects is None:
            store.delete(store.leftovers())
            objects = filter(is_object, store.names("objects"))
        left = dict.fromkeys(objects)
        for name in chain.from_iterable(map(store.names, FOLDERS)) if left else ():
            try:
                data = store.read(name) or b""
                if name.endswith(".json"):
                    parse_recording(data, "", name)
            except CorruptRecordingError:
                # It may have named any object.
                return Cleared(deleted)
            for named in references(data):
                left.pop(named, None)
            if not left:
                break
        freed = sum(store.size(name) or 0 for name in left)
        return Cleared(deleted, store.delete(left), freed)
