"""Writes recordings that say something new, and deletes them with objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from json import loads
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.outcome.encoding import encode
from pytest_mimic._core.outcome.json_layout import Laid, json_in_lines
from pytest_mimic._core.outcome.pickle_file import pieces_of, running_python
from pytest_mimic._core.outcome.placed_paths import NOWHERE
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    FOLDERS,
    FORMAT,
    is_object_name,
    names_of_objects_in,
    parse_recording,
)
from pytest_mimic._core.vault.long_parts import with_shortened_parts
from pytest_mimic._core.vault.objects import Objects, Origin
from pytest_mimic._core.vault.outcome_entries import Entry, body_of_entry, check_entry
from pytest_mimic._core.vault.recording_facts import (
    ERRORS_OF_SHAPE,
    Recording,
    StoredOutcome,
)
from pytest_mimic.errors import (
    CorruptRecordingError,
    Damage,
    MimicError,
    UnstorableOutcomeError,
)

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault.recording_facts import InputList
    from pytest_mimic._core.vault.store import Store

# Readable outcomes up to this many characters are stored inside their recording, longer
# ones in an object.
_LONGEST_INLINE = 1 << 16

# The facts by which `rekey` identifies a call under other options. A recording may lack
# them.
_FACTS_OF_IDENTITY = ("options", "parts", "identity")

Described = dict[str, Any] | None
"""The arguments of a call as they are described; None if they are not."""


class Written(NamedTuple):
    """The result of writing a file.

    A test that fails puts `before` back, as long as `now` stands there.

    Attributes:
        before: The content of the file before, None if there was no file.
        now: The content now, the same object if nothing was written.
        replaced: The names of the objects that the file no longer names.
    """

    before: bytes | None
    now: bytes | None
    replaced: set[str]


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


class _PreviousFile(NamedTuple):
    """What the file of a recording or cassette says before it is written again.

    What a call still says in the same way is taken from it as it stands there, and a
    file in which nothing would change is not written.

    Attributes:
        content: The bytes of the file, None if there is no file.
        facts: The JSON of the file, empty if the file is absent or damaged.
        entries: The outcomes as they stand in the file.
        arguments: The arguments of the calls in the file.
        identities: In a cassette, the identity of the call at each place; else empty.
    """

    content: bytes | None = None
    facts: dict[str, Any] = {}  # noqa: RUF012 - it is never changed
    entries: Sequence[Entry | None] = ()
    arguments: Sequence[Described] = ()
    identities: Sequence[str] = ()

    def without_other_calls(self, calls: Sequence[Recording]) -> _PreviousFile:
        """Return what a cassette's file says of the calls that keep their places.

        A cassette that is recorded again may have another call in the place of a call.
        `None` then stands for the entry and the arguments that the file has there.

        Args:
            calls: The calls that are about to be written, in their order.
        """
        entries_in_file = list(self.entries)
        arguments_in_file = list(self.arguments)
        # The cassette may have had more calls, or fewer.
        places = zip(self.identities, calls, strict=False)
        for place, (identity_in_file, call) in enumerate(places):
            if call.identity != identity_in_file:
                # If both calls gave the same, the new one would keep this entry, with
                # the duration and the inputs of a call that it is not.
                entries_in_file[place] = None
                arguments_in_file[place] = None
        return self._replace(entries=entries_in_file, arguments=arguments_in_file)


class Writer:
    """Writes and deletes the recordings of a vault.

    The writer does not keep the vault: as a cycle, both would keep the vault's locks.

    Args:
        objects: The objects of the vault.
        replaced: Gets the names of the objects that the writer replaces, see
            `Vault.replaced`.
        forbids_pickles: Whether no outcome may be stored as a pickle.
    """

    def __init__(
        self, objects: Objects, replaced: set[str], *, forbids_pickles: bool
    ) -> None:
        self._objects = objects
        self._replaced = replaced
        self._forbids_pickles = forbids_pickles

    def encoded(
        self,
        outcome: Outcome,
        duration: float,
        *,
        target: str | None = None,
        paths: PathStore = NOWHERE,
        detached: bool = False,
    ) -> StoredOutcome:
        """Return the outcome encoded in memory. Nothing is written.

        Args:
            outcome: What the call gave.
            duration: How long the real call took, in seconds.
            target: The target of the call, for the text of an error. None: it is not
                known.
            paths: Stores the outcome's paths by their places.
            detached: Whether the outcome's value may change before it is written, as
                in a cassette.

        Raises:
            UnstorableOutcomeError: A part of the outcome cannot be stored.
        """
        encoded = encode(outcome, target=target, paths=paths)
        if encoded.pickled is not None and self._forbids_pickles:
            raise UnstorableOutcomeError(
                f"what {target or 'the call'} gave cannot be stored without a pickle, "
                "and mimic_pickle = forbid",
                facts=["nothing was recorded"],
                path="result",
            )
        if encoded.pickled is not None and detached:
            encoded.pickled.detach()
        # More digits of a duration would only change the file more often.
        facts = {"duration": float(f"{duration:.4g}"), "kind": encoded.kind}
        return StoredOutcome(self._objects, facts, encoded=encoded)

    def write(
        self,
        name: str,
        calls: Sequence[Recording],
        *,
        test: str | None = None,
        recorded: str = "",
        is_new: bool = False,
    ) -> Written:
        """Write a recording of one call, or a cassette: its objects first, each whole.

        If the calls and their outcomes equal those in the vault, the facts of the run
        that recorded them stay. If the source and the descriptions of the arguments are
        equal as well, the file is not touched. A cassette gets its `test` and date
        here. A file that `is_new` was not there when the call began.

        Raises:
            MimicError: The store cannot be written. The old content stays.
        """
        objects = self._objects
        store = objects.store
        is_cassette = name.startswith(CASSETTES_PREFIX)
        # Each file names one test and one date: a recording those of its only call, a
        # cassette those that the caller gives.
        target_or_cassette = name
        if not is_cassette:
            test = calls[0].test
            recorded = calls[0].recorded
            target_or_cassette = calls[0].target
        origin = Origin(name, target_or_cassette, test)
        previous_file = (
            _PreviousFile() if is_new else _read_previous_file(objects, name)
        )
        if is_cassette:
            previous_file = previous_file.without_other_calls(calls)
        outcomes = list(chain.from_iterable(call.outcomes for call in calls))
        # From here on, no process deletes an object that this file is about to name.
        store.share()
        entries, is_same = _entries_in_file(
            objects, outcomes, previous_file.entries, origin
        )
        descriptions = _descriptions_in_file(
            objects, calls, previous_file.arguments, is_cassette=is_cassette
        )
        facts_of_run: Mapping[str, Any] = {"test": test, "recorded": recorded}
        # Equal outcomes that are recorded again are no change for git.
        if previous_file.facts and is_same:
            facts_of_run = previous_file.facts
        facts = _facts_of_file(
            calls, entries, descriptions, facts_of_run, is_cassette=is_cassette
        )
        new_content = _new_or_previous_content(facts, previous_file)
        old_content = previous_file.content
        is_changed = new_content is not old_content
        if is_changed and not store.replace(name, old_content, new_content):
            # Another process has written the file since. The file is read again, so
            # that a test that fails puts back what that process has written.
            return self.write(name, calls, test=test, recorded=recorded)
        # The vault holds the outcomes from here on, so their copies in memory can go. A
        # replay in the same run loads what was written.
        for stored_outcome, outcome_entry in zip(outcomes, entries, strict=True):
            stored_outcome.settle(outcome_entry, origin)
        # At the end of the run, these objects go unless another file names them.
        replaced = set[str]()
        if old_content is not None and is_changed:
            replaced = names_of_objects_in(old_content) - names_of_objects_in(
                new_content or b""
            )
        self._replaced |= replaced
        return Written(old_content, new_content, replaced)

    def copy(self, name: str, other_objects: Objects) -> None:
        """Write a recording or cassette of another vault, its objects first, as it is.

        The command `import` records in a store of its own, and copies what is wanted.

        Raises:
            CorruptRecordingError: An object of the recording is missing or damaged.
            MimicError: The store cannot be written.
        """
        store = self._objects.store
        recording = other_objects.store.read(name) or b""
        store.share()
        for object_name in sorted(names_of_objects_in(recording)):
            content = other_objects.memory(object_name, Origin(name, "", None))
            # An object is named by its content: one of this name and size is the same.
            if store.size(object_name) != len(content):
                store.write(object_name, [content])
        self._replaced |= names_of_objects_in(
            store.read(name) or b""
        ) - names_of_objects_in(recording)
        store.write(name, recording)

    def delete(
        self, names: Collection[str], *, candidates: Iterable[str] | None = None
    ) -> Cleared:
        """Delete recordings and cassettes, and objects that no other file names.

        All objects stay while a run of another process records, and where a damaged
        recording may have named any.

        Args:
            names: The names of the recordings and cassettes.
            candidates: The names of the objects that may go. None: all of the vault,
                since a crash may have left some that no recording ever named. The
                temporary files of killed writers then go, too.

        Raises:
            MimicError: A file cannot be deleted. Those before it are deleted.
        """
        store = self._objects.store
        with store.alone() as is_alone:
            recording_count = store.delete(names)
            if not is_alone:
                return Cleared(recording_count, is_held=True)
            if candidates is None:
                store.delete(store.leftovers())
                candidates = filter(is_object_name, store.names("objects"))
            unnamed_objects = _unnamed_objects(store, candidates)
            if unnamed_objects is None:
                # A damaged recording keeps all of them.
                return Cleared(recording_count)
            freed_bytes = sum(store.size(name) or 0 for name in unnamed_objects)
            object_count = store.delete(unnamed_objects)
            return Cleared(recording_count, objects=object_count, bytes=freed_bytes)


def _entries_in_file(
    objects: Objects,
    outcomes: Sequence[StoredOutcome],
    old_entries: Sequence[Entry | None],
    origin: Origin,
) -> tuple[list[Entry], bool]:
    """Return outcomes as they stand in the file, and whether all stood there before.

    If all did, the file keeps its test and date. The objects of the outcomes are
    written.
    """
    are_all_same = len(outcomes) == len(old_entries)
    entries = []
    for stored_outcome, old_entry in zip_longest(
        outcomes, old_entries[: len(outcomes)]
    ):
        is_same = old_entry is not None and _is_same(
            objects, stored_outcome, old_entry, origin
        )
        are_all_same = are_all_same and is_same
        entries.append(
            _entry_in_file(objects, stored_outcome, old_entry, is_same=is_same)
        )
    return entries, are_all_same


def _descriptions_in_file(
    objects: Objects,
    calls: Sequence[Recording],
    old_descriptions: Sequence[Described],
    *,
    is_cassette: bool,
) -> list[Described]:
    """Return the description of each call's arguments, as it stands in the file.

    That of a client's request is whole: its long parts become objects. A description
    that differs from the one in the file only in its order is left as it is there.
    """
    # A client's request is described whole. The description of a function's arguments
    # has a budget, so that it is short. Only the target of a function has a colon. A
    # cassette may have calls of both.
    is_of_function = not is_cassette and ":" in calls[0].target
    descriptions = []
    for call, old_described in zip_longest(calls, old_descriptions[: len(calls)]):
        described = call.arguments
        if not is_of_function:
            described = with_shortened_parts(described, objects.write_object)
        if old_described is not None:
            text = _text_in_any_order(described)
            if text == _text_in_any_order(old_described):
                described = old_described
        descriptions.append(described)
    return descriptions


def _new_or_previous_content(
    facts: dict[str, Any], previous_file: _PreviousFile
) -> bytes:
    """Return the content of a file with these facts.

    If the previous file has the same facts, its own `content` is returned, the same
    object, so that the caller knows by `is` that nothing is to be written. A fact that
    this version does not know changes nothing there. A fact of the identity that is
    gone, such as an option of the line, does.
    """
    text = json_in_lines(facts)
    if previous_file.content is not None and previous_file.facts:
        old_facts = {key: previous_file.facts.get(key) for key in facts}
        has_lost_fact = any(
            key in previous_file.facts and key not in facts
            for key in _FACTS_OF_IDENTITY
        )
        if text == json_in_lines(old_facts) and not has_lost_fact:
            return previous_file.content
    # A lone surrogate, as of a file's name that is no UTF-8, becomes its escape.
    return (text + "\n").encode(errors="backslashreplace")


def _read_previous_file(objects: Objects, name: str) -> _PreviousFile:
    """Return what a file says that is about to be written.

    Of a file that is damaged, or of an older format, only the bytes are returned.

    Raises:
        CorruptRecordingError: The file has a newer format, or is no regular file.
    """
    content = objects.store.read(name)
    if content is None:
        return _PreviousFile()
    try:
        facts = parse_recording(content, objects.vault_label, name)
        # The facts of the only call of a recording stand in its file.
        calls = facts.get("calls") or [facts]
        if "outcomes" in facts:
            entries = facts["outcomes"]
        else:
            entries = [call["outcome"] for call in calls]
        for outcome_entry in entries:
            check_entry(outcome_entry)
        arguments = [call["arguments"] for call in calls]
        identities = [call["key"] for call in facts.get("calls", ())]
    except CorruptRecordingError as error:
        # What a newer version has written is not overwritten by an older one.
        if error.damage is Damage.NEWER_FORMAT:
            raise
    except ERRORS_OF_SHAPE:
        # A damaged file is replaced as a whole.
        pass
    else:
        return _PreviousFile(
            content,
            facts=facts,
            entries=entries,
            arguments=arguments,
            identities=identities,
        )
    return _PreviousFile(content)


def _facts_of_file(
    calls: Sequence[Recording],
    entries: list[Entry],
    arguments: list[Described],
    facts_of_run: Mapping[str, Any],
    *,
    is_cassette: bool,
) -> dict[str, Any]:
    """Return the content of a file to write, in the order of its keys.

    A cassette has several calls, each with its outcome. Another file has one call, with
    the outcomes of all calls that equal it.
    """
    test_and_time = {fact: facts_of_run.get(fact) for fact in ("test", "recorded")}
    if is_cassette:
        facts_of_calls = []
        for call, described, entry in zip(calls, arguments, entries, strict=True):
            facts_of_calls.append(_facts_of_call(call, described, entry))
        return {"format": FORMAT, **test_and_time, "calls": facts_of_calls}
    # A recording has one call, whose facts stand in the file itself.
    [call] = calls
    [described] = arguments
    facts = {
        "format": FORMAT,
        "target": call.target,
        "arguments": described,
        "source": call.source,
        **_facts_of_identity(call),
        **test_and_time,
        "owner": call.owner,
    }
    if call.identity is not None:
        facts["identity"] = call.identity
    return {**facts, "outcomes": entries}


def _facts_of_call(
    call: Recording, described: Described, outcome_entry: Entry
) -> dict[str, Any]:
    """Return a call of a cassette, in the order of its keys in the file."""
    return {
        "kind": call.kind,
        "target": call.target,
        "signature": call.signature,
        "key": call.identity,
        "host": call.host,
        "source": call.source,
        **_facts_of_identity(call),
        "arguments": described,
        "outcome": outcome_entry,
    }


def _facts_of_identity(call: Recording) -> dict[str, Any]:
    """Return the facts by which `rekey` identifies the call under other options."""
    facts: dict[str, Any] = {}
    if call.options:
        facts["options"] = call.options
    if call.parts is not None:
        facts["parts"] = call.parts
    return facts


def _is_same(
    objects: Objects, stored_outcome: StoredOutcome, old_entry: Entry, origin: Origin
) -> bool:
    """Return whether an outcome equals the one in its file, whose objects are sound.

    Then the old entry stays there, also its duration, and is no change for git.
    """
    if stored_outcome.awaited != old_entry.get("awaited", False):
        return False
    if stored_outcome.late_stream != old_entry.get("coroutine", ""):
        return False
    if stored_outcome.is_tagged != old_entry.get("tagged", False):
        return False
    if stored_outcome.entry.get("end") != old_entry.get("end"):
        return False
    if stored_outcome.encoded is not None:
        return objects.equals(old_entry, origin, stored_outcome.encoded)
    # The outcome was read from a vault, and is written again with other outcomes of its
    # sequence.
    return json_in_lines(body_of_entry(stored_outcome.entry)) == json_in_lines(
        body_of_entry(old_entry)
    )


def _entry_in_file(
    objects: Objects,
    stored_outcome: StoredOutcome,
    old_entry: Entry | None,
    *,
    is_same: bool,
) -> Entry:
    """Return an outcome as it stands in its recording, in place of an old one.

    Its objects are written.
    """
    outcome_entry = stored_outcome.entry
    if is_same and old_entry is not None:
        outcome_entry = old_entry
    elif stored_outcome.encoded is not None:
        outcome_entry = dict(outcome_entry)
        # `_write_body` adds the kind for a body in an object. An inline body has it as
        # its key.
        outcome_entry.pop("kind", None)
        if stored_outcome.is_tagged:
            outcome_entry["tagged"] = True
        outcome_entry |= _write_body(objects, stored_outcome.encoded)
    if stored_outcome.inputs is None:
        return outcome_entry
    old_inputs = ""
    if old_entry is not None:
        old_inputs = old_entry.get("inputs", "")
    inputs = _write_inputs(
        objects, stored_outcome.inputs, old_name=old_inputs, is_same=is_same
    )
    if inputs == outcome_entry.get("inputs", ""):
        return outcome_entry
    # The entry may be that of the previous file, which is not changed.
    entry_with_inputs = dict(outcome_entry)
    entry_with_inputs.pop("inputs", None)
    if inputs:
        entry_with_inputs["inputs"] = inputs
    return entry_with_inputs


def entry_for_other_process(objects: Objects, stored_outcome: StoredOutcome) -> Entry:
    """Return an outcome as it stands in a recording, before there is one.

    A forked process tells it to the others. It is plain data, and its objects are
    written.
    """
    objects.store.share()
    outcome_entry = _entry_in_file(objects, stored_outcome, None, is_same=False)
    # Parts that are laid out in lines are no plain data before they are written.
    entry_as_read: Entry = loads(json_in_lines(outcome_entry))
    return entry_as_read


def _write_inputs(
    objects: Objects, input_list: InputList, *, old_name: str, is_same: bool
) -> str:
    """Write the list of inputs, and return the name of its object.

    Args:
        objects: The objects of the vault.
        input_list: Returns the text of the list.
        old_name: The name of the object with the list before; empty without a list.
        is_same: Whether the outcome equals the one before.

    Returns:
        The name; empty without a list.
    """
    list_before = objects.store.read(old_name) if old_name else None
    new_list = input_list(list_before, is_same=is_same)
    if list_before is not None and list_before == new_list.encode():
        return old_name
    if not new_list:
        return ""
    return objects.write_object([new_list.encode()], "json")


def _write_body(objects: Objects, encoded: Encoded) -> Entry:
    """Return the facts of an outcome, by which its entry in a recording says it.

    | the outcome | the facts | written here |
    |---|---|---|
    | short JSON | the JSON itself | – |
    | long JSON | `json`, the name of an object | the object |
    | a pickle | `pickle`, the name of an object | the object |
    """
    if encoded.readable is None:
        return _write_pickle(objects, encoded)
    readable = encoded.readable
    facts: Entry = {}
    if readable.imports:
        facts["imports"] = readable.imports
    if readable.objects:
        contents = readable.objects.values()
        facts["objects"] = sorted(
            objects.write_object([content], "bin") for content in contents
        )
    if len(readable.text) <= _LONGEST_INLINE:
        # What has several lines stays as it is laid out.
        is_laid = "\n" in readable.text
        part = Laid(readable.text) if is_laid else loads(readable.text)
        return {**facts, encoded.kind: part}
    facts["kind"] = encoded.kind
    body = json_in_lines({encoded.kind: Laid(readable.text)}) + "\n"
    facts["json"] = objects.write_object([body.encode()], "json")
    return facts


def _write_pickle(objects: Objects, encoded: Encoded) -> Entry:
    """Write the pickle of an outcome as an object, and return the facts about it."""
    pickled: Any = encoded.pickled
    facts: Entry = {
        "kind": encoded.kind,
        "pickle": objects.write_object(pieces_of(pickled.parts()), "pkl"),
        # By the fingerprint of the value, a call that is recorded again sees that it
        # gave the same: pickles of equal values may have other bytes.
        "fingerprint": encoded.fingerprint,
        "imports": pickled.imports,
    }
    if encoded.count != 1:
        # Each item of a stream is a pickle of its own, behind that of the body.
        facts["count"] = encoded.count
    # Code that is pickled by value runs on this Python alone.
    if pickled.by_value:
        facts["python"] = running_python()
    return facts


def _text_in_any_order(description: object) -> str:
    """Return a text by which two descriptions are compared, whatever their order.

    A recording that is made again keeps its old description if only the order differs,
    so that its file does not change. The two descriptions are of equal calls. A list in
    them has another order only where that order does not count, as in a set.

    {"a": [2, 1], "b": 3}   {'a': [1, 2], 'b': 3}
    """
    if isinstance(description, dict):
        parts = []
        for name, part in description.items():
            parts.append(f"{name!r}: {_text_in_any_order(part)}")
        return f"{{{', '.join(sorted(parts))}}}"
    if isinstance(description, list):
        items = [_text_in_any_order(item) for item in description]
        return f"[{', '.join(sorted(items))}]"
    return repr(description)


def _unnamed_objects(store: Store, candidates: Iterable[str]) -> dict[str, None] | None:
    """Return the names of the candidates that no file names, as keys, to delete them.

    None: a file that is damaged, or that the system does not let read, may have named
    any object.
    """
    # As keys, the names are found fast and keep their order.
    unnamed_objects = dict.fromkeys(candidates)
    if not unnamed_objects:
        return unnamed_objects
    for name in chain.from_iterable(map(store.names, FOLDERS)):
        try:
            content = store.read(name) or b""
            if name.endswith(".json"):
                parse_recording(content, "", name)
        except MimicError:
            return None
        for object_name in names_of_objects_in(content):
            unnamed_objects.pop(object_name, None)
        if not unnamed_objects:
            break
    return unnamed_objects
