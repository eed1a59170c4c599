"""Recordings: the facts of calls, and their outcomes, loaded when they are used.

The rest of the source sees a file of the vault as these classes. What stands in the
file, and in which order, is in `writing.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from json import loads
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.outcome.json_layout import Laid
from pytest_mimic._core.outcome.outcome import decode
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    changed_file_error,
    is_just_a_value,
    parse_recording,
)
from pytest_mimic._core.vault.long_parts import with_long_parts
from pytest_mimic._core.vault.objects import Origin
from pytest_mimic._core.vault.outcome_entries import EMPTY, KINDS, Entry, check_entry
from pytest_mimic._core.words import lazy_attribute
from pytest_mimic.errors import CorruptRecordingError, MimicError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.outcome.outcome import Outcome, OutcomeKind
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.vault.objects import Objects

    InputList = Callable[..., str]
    """Returns the list of what a call reaches and reads, given the stored list.

    With `is_same`, the outcome is kept.
    """

#: The errors of reading a recording that has other keys or types than its format. Such
#: a recording is damaged.
ERRORS_OF_SHAPE = (AttributeError, LookupError, TypeError, ValueError)
# The facts of a call of a cassette that are texts.
_FACTS_THAT_ARE_TEXTS = ("target", "kind", "signature", "key")
_ALL_TEXTS = frozenset((str,))
# The types of the facts that a call may lack, or that may be None. Somebody may have
# edited them.
_TYPES_OF_OPTIONAL_FACTS = {
    "identity": str,
    "host": str,
    "options": dict,
    "parts": dict,
}


class StoredOutcome:
    """One recorded outcome, not yet loaded: that of a file, or one to be written.

    Attributes:
        encoded: The outcome in memory, until it is written. None: the vault has it.
        inputs: Returns the list of what the call reaches and reads, until that is
            written. None: there is nothing to write.
    """

    encoded: Encoded | None = None
    inputs: InputList | None = None

    def __init__(
        self,
        reader: Objects,
        outcome_entry: Entry,
        origin: Origin = Origin("?", "?", None),  # noqa: B008 - it cannot be changed
        encoded: Encoded | None = None,
    ) -> None:
        self.reader = reader
        self._origin = origin
        # The lazy attribute `entry` is known already. `settle` removes it.
        vars(self)["entry"] = outcome_entry
        # The seconds that the real call took.
        self.duration: float = outcome_entry["duration"]
        if encoded is not None:
            self.encoded = encoded

    @lazy_attribute
    def entry(self) -> Entry:
        """The entry of the outcome in its file of the vault. Not to be changed."""
        outcome_entry = {}
        for key, part in self._written_to_vault.items():
            if type(part) is Laid:
                # The part was laid out as text, and is parsed when it is asked for.
                part = loads(part.text)
            outcome_entry[key] = part
        return outcome_entry

    @property
    def name(self) -> str:
        """The file that holds the outcome, `?` until it is written."""
        return self._origin.name

    @property
    def target(self) -> str:
        """The target of the call that had the outcome."""
        return self._origin.target

    @property
    def kind(self) -> OutcomeKind:
        """How the call ended: with a `value`, with `raised`, or as a `stream`."""
        for kind in KINDS:
            if kind in self.entry:
                return kind
        # Without an inline body, as in a file of its own or in memory, the kind is a
        # fact.
        kind_as_fact: OutcomeKind = self.entry["kind"]
        return kind_as_fact

    @property
    def is_stream(self) -> bool:
        """Whether the call gave a generator, an async one, or an iterator."""
        return "stream" in self.entry or self.entry.get("kind") == "stream"

    @property
    def is_raised(self) -> bool:
        """Whether the call itself raised, and not the stream that it gave."""
        return self.kind == "raised"

    @property
    def awaited(self) -> bool:
        """Whether a plain function returned a coroutine or an async generator.

        A replay then returns one, too.
        """
        return self.entry.get("awaited", False) is True

    @property
    def late_stream(self) -> str:
        """Which stream an awaited coroutine gave: `iterator` or `async iterator`.

        The text is empty where the call gave anything else.
        """
        late_stream: str = self.entry.get("coroutine", "")
        return late_stream

    @property
    def number(self) -> int:
        """The number of the call among those of its owner, from 1; 0 if not known.

        `show` lists the calls of a test in this order.
        """
        number: int = self.entry.get("number", 0)
        return number

    @property
    def mark(self) -> str:
        """How the call ended, if it came to no whole outcome; else empty.

        `waiting`: the call was cancelled. `open`: the test ended first. `empty`:
        nothing is known of the call, and its place among equal calls stays empty.
        """
        mark: str = self.entry.get("end", "")
        return mark

    @property
    def gave_nothing(self) -> bool:
        """Whether the call was cancelled, or left open, before it gave anything.

        Its replay gives nothing either: it waits.
        """
        if not self.mark or self.kind != "value":
            return False
        body = self.readable()
        return body is not None and body["value"] in (None, {}, {"end": "waiting"})

    @property
    def is_tagged(self) -> bool:
        """Whether loading makes values of tags, or restores the paths in a pickle."""
        if self.encoded is not None:
            return self.encoded.is_tagged
        return self.entry.get("tagged", False) is True

    @property
    def size(self) -> int | None:
        """The bytes of the pickle's file; None: the file is not written yet.

        `show` prints it, and the page of the report loads no large pickle.
        """
        if self.encoded is not None:
            return None
        return self.reader.store.size(self.entry["pickle"])

    @lazy_attribute
    def is_outdated(self) -> bool:
        """Whether the outcome cannot be loaded any more.

        A class has changed, or a pickle holds code of another Python version. Under
        `--mimic-record`, the call then runs again.
        """
        is_plain = self.kind == "value" and not self.is_tagged
        # Plain JSON can always be loaded.
        names_classes = not is_plain or "imports" in self.entry
        if self.encoded is None and names_classes:
            try:
                self.load()
            except StaleRecordingError:
                # A recording run makes the call again.
                return True
            except MimicError:
                # Who loads the outcome is told of the damage.
                pass
        return False

    def load(self, paths: PathStore | None = None) -> Outcome:
        """Return the outcome, a fresh copy each time, its paths restored by `paths`.

        Raises:
            CorruptRecordingError: A file is damaged or missing.
            StaleRecordingError: A pickle imports a name that no longer exists, or holds
                another Python's code.
            MimicError: The outcome is a pickle, and pickles are forbidden.
        """
        if self.encoded is None:
            return self.reader.load(self.entry, self._origin, paths)
        encoded = self.encoded
        if encoded.readable is not None:
            return decode(encoded.readable.load(paths or encoded.paths))
        pickled: Any = encoded.pickled
        body, *items = pickled.load(encoded.count, paths)
        return decode(body, items)

    def damage_error(self, detail: object) -> CorruptRecordingError:
        """Return the error for an outcome that was loaded, and cannot be given."""
        path = f"{self.reader.vault_label}/{self._origin.name}"
        return changed_file_error(path, detail, test=self._origin.test)

    def readable(self) -> Any:
        """Return the outcome's JSON as it is in the vault, or None if it is a pickle.

        No class is imported.

        Raises:
            CorruptRecordingError: The outcome's file is damaged or missing.
        """
        if self.encoded is not None:
            readable = self.encoded.readable
            if readable is None:
                return None
            return readable.tree()
        if "pickle" in self.entry:
            return None
        return self.reader.body(self.entry, self._origin)

    def with_entry(self, outcome_entry: Entry) -> StoredOutcome:
        """Return the outcome with another JSON: `rekey` hides secrets in it."""
        return StoredOutcome(self.reader, outcome_entry, self._origin)

    def settle(self, outcome_entry: Entry, origin: Origin) -> None:
        """Replace the outcome in memory by the one that was written to the vault."""
        # The attribute `entry` is made anew of what was written, if it is asked for.
        vars(self).pop("entry", None)
        self._written_to_vault = outcome_entry
        self.encoded = None
        self.inputs = None
        self._origin = origin


def empty_place(objects: Objects, number: int) -> StoredOutcome:
    """Return what stands in the place of a call that began and has no outcome.

    So the outcomes of the equal calls after it keep their places. The number is that of
    the call among the calls of its owner, 0 if it is not known.
    """
    outcome_entry: Entry = {"duration": 0.0, "value": None, "end": EMPTY}
    if number:
        outcome_entry["number"] = number
    return StoredOutcome(objects, outcome_entry)


class Recording(NamedTuple):
    """The facts of one call and its outcomes: a recording, or a part of a cassette.

    Attributes:
        target: `module:qualified.name`, or the client.
        arguments: A redacted description, whose long parts may be objects, or None.
        source: The fingerprint of the target's source, or None.
        test: The id of the test that recorded it, or None.
        recorded: The date, `2026-11-02`.
        owner: For a sequence, the id of the test, module or package that it belongs to;
            else None.
        outcomes: In the order of the calls; at least one, in a cassette only one.
        name: The file in the vault; empty until the recording was read.
        identity: In a cassette, and of what has an owner, the identity of the call, 32
            hex digits; else None, as the file's name has it.
        kind: In a cassette, `function`, `http`, …; else empty.
        signature: In a cassette, `GET /users/1`; else empty.
        host: In a cassette, the host that the call went to, for patterns, or None.
        options: The options that went into the identity, see `kept_options`, or None.
            The key `python` is among them if no line of the configuration has them.
        parts: What is kept of the parts that count, see `kept_parts`. None: they are
            those of the description, in its order.
    """

    target: str
    arguments: dict[str, Any] | None
    source: str | None
    test: str | None
    recorded: str
    owner: str | None
    outcomes: list[StoredOutcome]
    name: str = ""
    identity: str | None = None
    kind: str = ""
    signature: str = ""
    host: str | None = None
    options: dict[str, Any] | None = None
    parts: dict[str, Any] | None = None

    @property
    def stored(self) -> StoredOutcome:
        """The only outcome of a call of a cassette."""
        return self.outcomes[0]

    def whole(self) -> Recording:
        """Return the recording with the long parts of its arguments in full.

        Who compares or shows the call asks for them: a replay needs none.
        """
        return self._replace(
            arguments=with_long_parts(self.arguments, self.stored.reader.store.read)
        )


def read_calls(
    objects: Objects, name: str, *, skim: bool = False
) -> list[Recording] | None:
    """Return the call of a recording, or those of a cassette in order.

    None: there is no such file.

    With `skim`, they have no description of the arguments, which a replay does not
    need. The errors are those of `Vault.read`.
    """
    content = objects.store.read(name)
    if content is None:
        return None
    return calls_of(
        objects, name, parse_recording(content, objects.vault_label, name, skim=skim)
    )


def calls_of(objects: Objects, name: str, facts: dict[str, Any]) -> list[Recording]:
    """Return the call of a recording, or the calls of a cassette, with these facts.

    Raises:
        CorruptRecordingError: The shape of the facts is wrong.
    """
    is_cassette = name.startswith(CASSETTES_PREFIX)
    test = facts.get("test")
    if test is not None and type(test) is not str:
        raise changed_file_error(f"{objects.vault_label}/{name}", "test must be a text")
    try:
        if not is_cassette:
            # The facts of the only call of a recording stand in its file.
            return [_recording(objects, name, facts, facts, is_cassette=False)]
        return [
            _recording(objects, name, facts, call, is_cassette=True)
            for call in facts["calls"]
        ]
    except ERRORS_OF_SHAPE as reason:
        raise changed_file_error(
            f"{objects.vault_label}/{name}", reason, test=test
        ) from None


def _recording(
    objects: Objects,
    name: str,
    facts: dict[str, Any],
    call: dict[str, Any],
    *,
    is_cassette: bool,
) -> Recording:
    """Return the recording of one call.

    Args:
        objects: The objects of the vault.
        name: The name of the file.
        facts: The facts of the file, as its JSON has them.
        call: The facts of the call: of a cassette one of its calls, else those of the
            file.
        is_cassette: Whether the file is a cassette.

    Raises:
        AttributeError, LookupError, TypeError, ValueError: The facts do not have the
            shape of the format. `calls_of` makes one error of them.
    """
    target = call["target"]
    if is_cassette:
        identity = call["key"]
        entries = [call["outcome"]]
        are_facts_texts = _ALL_TEXTS.issuperset(
            [type(call[fact]) for fact in _FACTS_THAT_ARE_TEXTS]
        )
    else:
        # Only the target is always there. The identity is checked below.
        identity = call.get("identity")
        entries = call["outcomes"]
        are_facts_texts = type(target) is str
    if not are_facts_texts:
        raise ValueError("a fact of a call is no text")
    if type(entries) is not list or not entries:
        raise ValueError("no outcomes")
    for fact, type_of_fact in _TYPES_OF_OPTIONAL_FACTS.items():
        value = call.get(fact)
        if value is not None and type(value) is not type_of_fact:
            raise TypeError(f"{fact} must be of type {type_of_fact.__name__}")
    arguments = call.get("arguments")
    if arguments is not None and type(arguments) is not dict:
        raise TypeError("arguments that were not described so")
    for outcome_entry in entries:
        # The check of any other shape takes longer. Most outcomes are just a value.
        if not is_just_a_value(outcome_entry):
            check_entry(outcome_entry)
        elif ":" not in target:
            # The target is a client: that of a function has a colon.
            objects.check_client(target, outcome_entry["value"])
    origin = Origin(name, target, facts.get("test"))
    return Recording(
        target=target,
        arguments=arguments,
        source=call["source"],
        test=facts.get("test"),
        recorded=facts.get("recorded", ""),
        owner=call.get("owner"),
        outcomes=[
            StoredOutcome(objects, outcome_entry, origin) for outcome_entry in entries
        ],
        name=name,
        identity=identity,
        kind=call.get("kind", ""),
        signature=call.get("signature", ""),
        host=call.get("host"),
        options=call.get("options"),
        parts=call.get("parts"),
    )
