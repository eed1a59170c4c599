"""Outcomes as readable JSON if JSON keeps them exactly, otherwise as pickling."""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from json import loads
from typing import TYPE_CHECKING, Any, Literal

from xxhash import xxh3_128, xxh3_128_hexdigest

from pytest_mimic._core.identity.call_identity import fingerprint_outcome
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.outcome.json_layout import bytes_in, exact_text, repeated_parts
from pytest_mimic._core.outcome.outcome import (
    LostAttributeError,
    NotExactError,
    Outcome,
    OutcomeKind,
    Raised,
    Stream,
    Value,
)
from pytest_mimic._core.outcome.pickle_file import running_python
from pytest_mimic._core.outcome.placed_paths import NEUTRAL, NOWHERE, PathStore
from pytest_mimic._core.outcome.readable_values import ValueReader, ValueWriter
from pytest_mimic._core.types.attributes_and_parts import parts_of
from pytest_mimic._core.types.reductions import Unstable, registered_reduction
from pytest_mimic._core.types.type_names import find
from pytest_mimic._core.types.words_for_types import words_for
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.secret_values import Environment


# So many bytes of a buffer are decoded before all of it.
_FIRST_BYTES_DECODED = 4096


@dataclass(slots=True, eq=False, repr=False)
class Readable:
    """A value as readable JSON.

    Attributes:
        text: The JSON, laid out as a file has it.
        kind: The key of an outcome under which the value stands there; empty for an
            item of a stream.
        is_tagged: Whether parts of the value are stored as tags.
        imports: The names that reading imports, `module:name`, sorted.
        objects: Long bytes, by the name of the object of the vault that is to hold
            them.
    """

    text: str
    kind: OutcomeKind | Literal[""] = ""
    is_tagged: bool = False
    imports: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)

    def tree(self) -> Any:
        """Return the JSON as data: that of an item, or the body of an outcome."""
        tree = loads(self.text)
        return {self.kind: tree} if self.kind else tree

    def load(self, paths: PathStore) -> Any:
        """Return the item, or the body of the outcome, with the values of its tags."""
        if not self.is_tagged:
            return self.tree()
        return ValueReader(paths, None, self.objects.__getitem__).read(self.tree())


@dataclass(slots=True, eq=False, repr=False)
class Encoded:
    """An outcome in memory, or a copy of one item of a stream when it was yielded.

    Attributes:
        kind: `value`, `raised` or `stream`.
        readable: The outcome as readable JSON, None if it is pickled.
        pickled: The outcome as a `pickling.Pickled`, None if it is readable.
        count: The number of pickles: the body, and the items of a stream.
        paths: The store that has stored the paths in the outcome.
        fingerprint: The fingerprint of the pickles, 32 hex digits, equal for equal
            outcomes; empty: the outcome is readable.
    """

    kind: OutcomeKind
    readable: Readable | None = None
    pickled: Any = None
    count: int = 1
    paths: PathStore = NOWHERE
    fingerprint: str = ""

    def load(self) -> object:
        """Return a value that is equal to the copied item."""
        if self.readable is not None:
            return self.readable.load(self.paths)
        return self.pickled.load(paths=self.paths)[0]

    @property
    def is_tagged(self) -> bool:
        """Whether loading makes values of tags, or restores the paths in a pickle."""
        if self.readable is None:
            return bool(self.pickled.has_paths)
        return self.readable.is_tagged

    @property
    def has_custom_identity(self) -> bool:
        """Whether a class in the outcome defines an identity, which may hide parts."""
        if self.readable is None:
            return bool(self.pickled.has_custom_identity)
        for cls in map(find, self.readable.imports):
            if isinstance(cls, type) and registered_reduction(cls) is not None:
                return True
        return False

    def texts(self, most: int) -> Iterator[str | None]:
        """Yield the stored texts, in which bytes are read as Latin-1.

        A recording run notes the ids and moments in them: a call that sends one of
        these sends what it was given.

        None stands in place of a text with more than `most` characters. The memory of
        an array of numbers is no text, and is left out.
        """
        if self.readable is not None:
            text = self.readable.text
            yield text if len(text) <= most else None
            pieces = list(self.readable.objects.values())
        else:
            pieces = self.pickled.chunks
        for piece in pieces:
            yield str(piece, "latin-1") if len(piece) <= most else None
        if self.pickled is not None:
            for memory in self.pickled.buffers:
                if memory.nbytes > most:
                    yield None
                elif _is_text(memory):
                    yield str(memory, "latin-1")

    def beginnings(self, most: int) -> Iterator[str]:
        """Yield the beginnings of what it stores as texts, `most` characters in all.

        A recording run searches them for texts that look like keys.
        """
        pieces: list[str | bytes | memoryview] = []
        if self.readable is not None:
            pieces += [self.readable.text, *self.readable.objects.values()]
        else:
            pieces += self.pickled.chunks
            pieces += self.pickled.buffers
        for piece in pieces:
            beginning = piece[:most]
            if isinstance(beginning, memoryview) and not _is_text(beginning):
                # It is the memory of numbers, which hold no key.
                continue
            text = beginning
            if not isinstance(text, str):
                text = str(text, "latin-1")
            most -= len(text)
            yield text

    def hide(self, environment: Environment) -> dict[str, bool]:
        """Replace the values of environment variables in readable texts by `<NAME>`.

        Pickles and bytes stay as they are, and the values in them.

        Returns:
            The names of the variables that the outcome holds, and whether each was
            replaced.
        """
        readable = self.readable
        if readable is None:
            pickles = [*self.pickled.chunks, *self.pickled.buffers]
            return dict.fromkeys(environment.held_by(pickles), False)
        replaced: dict[str, bool] = {}
        if environment.may_be_in(readable.text):
            tree = environment.scrub(readable.tree())
            text = exact_text(tree[readable.kind] if readable.kind else tree)
            # A placeholder in place of a text keeps the JSON exact.
            assert text is not None
            replaced = dict.fromkeys(environment.names_in(text), True)
            self.readable = replace(readable, text=text)
        pieces = [*readable.objects.values(), *bytes_in(readable.text)]
        return replaced | dict.fromkeys(environment.held_by(pieces), False)


def snapshot(
    value: object,
    *,
    path: str = "result",
    target: str | None = None,
    paths: PathStore = NOWHERE,
) -> Encoded:
    """Return a copy of an item of a stream, whose object may change afterwards.

    Raises:
        UnstorableOutcomeError: The item cannot be stored. The error names it by `path`.
    """
    readable = _readable(value, paths)
    if readable is not None:
        return Encoded("value", readable, paths=paths)
    return _pickled_item(value, path, target, paths)


def _pickled_item(
    value: object, path: str, target: str | None, paths: PathStore
) -> Encoded:
    """Return an item of a stream as a pickle, as readable JSON does not keep it."""
    try:
        pickled = _pickling().dump(value, paths)
    # The parts of the value may raise anything.
    except Exception as reason:
        raise _refusal(value, path, "stream", target, reason) from None
    pickled.detach()
    fingerprint = _fingerprint(value, pickled)
    return Encoded("value", None, pickled, paths=paths, fingerprint=fingerprint)


def encode(
    outcome: Outcome, *, target: str | None = None, paths: PathStore = NOWHERE
) -> Encoded:
    """Return the outcome in memory, ready to be stored, its paths stored by `paths`.

    Large buffers are not copied: call `pickled.detach()` before they may change.

    Raises:
        UnstorableOutcomeError: A part can neither be written as JSON nor pickled and
            loaded again.
    """
    item_copies: list[Encoded] = []
    if isinstance(outcome, Stream):
        item_copies = _snapshots(outcome, target, paths)
    # A single item that JSON does not keep makes the stream a file of pickles.
    if all(item.readable is not None for item in item_copies):
        body = _body(outcome, [item.load() for item in item_copies])
        readable = _readable(body, paths, kind=outcome.kind)
        if readable is not None:
            return Encoded(outcome.kind, readable, paths=paths)
    return _encoded_as_pickles(outcome, item_copies, target, paths)


def _snapshots(stream: Stream, target: str | None, paths: PathStore) -> list[Encoded]:
    """Return the items of a stream, each as it was when it was yielded."""
    snapshots = []
    for place, item in enumerate(stream.items):
        if isinstance(item, Encoded):
            snapshots.append(item)
        else:
            path = f"items[{place}]"
            snapshots.append(snapshot(item, path=path, target=target, paths=paths))
    return snapshots


def _encoded_as_pickles(
    outcome: Outcome, items: list[Encoded], target: str | None, paths: PathStore
) -> Encoded:
    """Return an outcome as pickles: of its body, and of each item of a stream."""
    body = _body(outcome, len(items))
    try:
        pickled = _pickling().dump(body, paths)
    # The parts of the value may raise anything.
    except Exception as reason:
        refused_outcome: Outcome = outcome
        if isinstance(outcome, Stream):
            # The items of the stream are stored already, so its end is at fault.
            refused_outcome = outcome.end or Value(None)
        root = "result"
        if isinstance(refused_outcome, Raised):
            root = "exception"
        raise _refusal(
            refused_outcome.content, root, refused_outcome.kind, target, reason
        ) from None
    fingerprint = _fingerprint(body, pickled)
    if items:
        pickles = [pickled]
        fingerprints = [fingerprint]
        for place, item in enumerate(items):
            if item.pickled is None:
                # JSON keeps this item, but not another one of the stream.
                path = f"items[{place}]"
                item = _pickled_item(item.load(), path, target, paths)
            pickles.append(item.pickled)
            fingerprints.append(item.fingerprint)
        pickled = _joined_pickles(pickles)
        fingerprint = xxh3_128_hexdigest("".join(fingerprints).encode())
    return Encoded(outcome.kind, None, pickled, 1 + len(items), paths, fingerprint)


def _readable(
    value: Any, paths: PathStore, *, kind: OutcomeKind | Literal[""] = ""
) -> Readable | None:
    """Return a value as readable JSON; None: JSON does not keep the value exactly.

    Args:
        value: An item of a stream, or the body of an outcome.
        paths: Stores the paths in the value.
        kind: The only key of the body of an outcome.
    """
    # Most outcomes are plain data, which need neither tags nor a proof.
    text = None
    # JSON would make two lists of one list that is at two places.
    if repeated_parts(value) == []:
        text = exact_text(value[kind] if kind else value)
    if text is not None:
        has_folders = bool(paths.places.temporary_folders)
        may_hold_paths = has_folders and paths.are_mentioned_in_text(text)
        if not may_hold_paths:
            return Readable(text, kind)
    # Any other value has its nodes, of which some are tags.
    writer = ValueWriter(paths)
    try:
        node = writer.node(value)
    except (NotExactError, Unstable, RecursionError):
        return None
    if not writer.tag_count:
        # None: plain data with a float or a text that JSON does not have.
        if text is None:
            return None
        return Readable(text, kind)
    tree = plain_of(node)
    if kind:
        # The text of an outcome is what stands under its kind.
        tree = tree[kind]
    text = exact_text(tree)
    if text is None:
        return None
    readable = Readable(
        text,
        kind,
        is_tagged=True,
        imports=sorted(writer.imports),
        objects=writer.objects,
    )
    if not _reads_back_equal(value, readable, paths):
        # A replay would give another value. The pickle may keep this one.
        return None
    return readable


def _reads_back_equal(value: object, readable: Readable, paths: PathStore) -> bool:
    """Return whether the value that is read back from its JSON is equal to it."""
    # Methods of the value's own types may raise anything.
    with suppress(Exception):
        fingerprint = fingerprint_outcome(value)
        if fingerprint is not None:
            return fingerprint_outcome(readable.load(paths)) == fingerprint
    return False


def _body(outcome: Outcome, items: object) -> dict[str, Any]:
    """Return the outcome as a mapping of its parts."""
    if isinstance(outcome, Value):
        return {outcome.kind: outcome.value}
    if isinstance(outcome, Raised):
        return {outcome.kind: outcome.error}
    end = None
    if outcome.end is not None:
        end = _body(outcome.end, ())
    return {outcome.kind: {"items": items, "end": end}}


def _joined_pickles(parts: list[Any]) -> Any:
    """Return the pickles of a stream as one: of its body, and of each of its items."""
    chunks: list[bytes] = []
    buffers: list[memoryview] = []
    imports: set[str] = set()
    by_value = False
    has_custom_identity = False
    has_paths = False
    for part in parts:
        chunks += part.chunks
        buffers += part.buffers
        imports.update(part.imports)
        by_value = by_value or part.by_value
        has_custom_identity = has_custom_identity or part.has_custom_identity
        has_paths = has_paths or part.has_paths
    return type(parts[0])(
        chunks,
        buffers,
        imports=sorted(imports),
        by_value=by_value,
        has_custom_identity=has_custom_identity,
        has_paths=has_paths,
    )


def _is_text(memory: memoryview) -> bool:
    """Return whether memory is a text in UTF-8, as that of numbers hardly is.

    It may end within a letter.
    """
    try:
        # Memory of numbers soon has bytes that are no text, and an error has a copy of
        # all that was decoded.
        utf_8_decode(memory[:_FIRST_BYTES_DECODED], "strict", False)
        utf_8_decode(memory, "strict", False)
    except UnicodeDecodeError:
        return False
    return True


def _pickling() -> Any:
    """Return the module that pickles. Most outcomes are readable, and need none."""
    from pytest_mimic._core.outcome import pickling

    return pickling


# Fingerprints


def _fingerprint(value: object, pickled: Any) -> str:
    """Return the fingerprint of a pickled value.

    By it, a call that is recorded again sees that it gave the same, and a miss and
    `rekey` see that two recorded outcomes are equal.

    The fingerprint is the identity of the value. A value without identity has the hash
    of its pickle. So has a value with a class that defines its own identity, which may
    leave out parts that a replay must give back.
    """
    identity = None
    if not pickled.has_custom_identity:
        identity = _identity(value, pickled)
    if identity is None:
        digest = xxh3_128()
        for part in (*pickled.chunks, *pickled.buffers):
            digest.update(part)
        return digest.hexdigest()
    # A part at several places does not count in identities, while a replay gives one
    # part at both places.
    repeated = repeated_parts(value)
    if repeated:
        identity = xxh3_128_hexdigest(f"{identity}{repeated}".encode())
    if pickled.by_value:
        # Code that is stored by value is loaded by this version of Python alone.
        version = running_python()
        identity = xxh3_128_hexdigest(f"{identity}{version}".encode())
    return identity


def _identity(value: object, pickled: Any) -> str | None:
    """Return the identity of a pickled value, with the same paths in each run.

    None: the value has no stable identity.
    """
    # Methods of the value's own types may raise anything.
    with suppress(Exception):
        if pickled.has_paths:
            value = pickled.load(paths=NEUTRAL)[0]
        return fingerprint_outcome(value)
    return None


# What cannot be stored

_VERBS = {"value": "returned", "raised": "raised", "stream": "yielded"}
# By the words for a part: which function the user is to name in a target, in place of
# the one that gave the part.
_FUNCTION_TO_NAME = {
    "a database connection": "a function that queries it, and returns the rows",
    "a database cursor": "a function that fetches from it, and returns the rows",
    "a future": "a function that waits for it, and returns its result",
    "a process": "a function that waits for it, and returns its output",
    "a socket": "a function that talks over it, and returns the answer",
    "a task": "a function that awaits it, and returns its result",
    "an open file": "a function that reads it, and returns the content",
}
_ANY_FUNCTION = "a function further out, which returns data"


def _refusal(
    part: object, root: str, kind: OutcomeKind, target: str | None, reason: Exception
) -> UnstorableOutcomeError:
    """Return the error that names the part of an outcome which cannot be stored.

    Args:
        part: The value, the exception, or the item of a stream.
        root: The name of the part with which the path begins, `result`.
        kind: The kind of the outcome.
        target: The target of the call. None: it is not known.
        reason: The exception that was raised when the part was to be stored.
    """
    is_deep = isinstance(reason, RecursionError)
    path = root
    if not is_deep:
        # Of a value that is nested too deeply, the whole is named.
        path, part = _find_part(part, root, reason)
    words = _words_for(part)
    facts = [f"{path}: {words}"]
    remedy = f"name {_FUNCTION_TO_NAME.get(words, _ANY_FUNCTION)}"
    lazy = _pickling().lazy_remedy(part)
    # Each kind of reason has its own fact and remedy, the most special first.
    if lazy is not None:
        facts = [f"{facts[0]}, which may read files later"]
        remedy = f"let {target or 'the call'} return its data: {lazy}"
    elif is_deep:
        facts = [f"{path}: nested too deeply"]
        remedy = f"name {_ANY_FUNCTION}"
    elif isinstance(reason, NotExactError):
        facts.append(str(reason))
        remedy = reason.remedy or remedy
    elif path == root:
        # No part inside is at fault, so only the exception says what is wrong.
        facts.append(f"{type(reason).__name__}: {reason}")
    return UnstorableOutcomeError(
        f"what {target or 'the call'} {_VERBS[kind]} cannot be stored",
        facts=[*facts, "nothing was recorded"],
        remedies=[remedy],
        path=path,
    )


def _words_for(part: object) -> str:
    """Return the words for a value: `a socket`, `a Cursor object`."""
    words = words_for(type(part))
    if words:
        return words
    name = type(part).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    return f"{article} {name} object"


def _refusal_of_part(value: object) -> Exception | None:
    """Return what is raised when a part is to be stored, or None if it can be."""
    try:
        _pickling().dump(value)
    # The parts of the value may raise anything.
    except Exception as reason:
        return reason
    return None


def _find_part(value: object, path: str, refusal: Exception) -> tuple[str, object]:
    """Return the path of the innermost part that cannot be stored, and the part.

    Of several in one object, the first is opened.

    An object that loses an attribute is refused as a whole. Its parts may be refused
    for other reasons, such as a weak reference that the object makes anew.
    """
    opened_ids: set[int] = set()
    # The parts of a process or a future, such as its lock, say less than its own words,
    # so the search ends at it.
    while (
        _pickling().lazy_remedy(value) is None
        and words_for(type(value)) not in _FUNCTION_TO_NAME
    ):
        opened_ids.add(id(value))
        for part in parts_of(value):
            if id(part.value) in opened_ids:
                # A part may hold the object that holds it.
                continue
            refusal_of_part = _refusal_of_part(part.value)
            if refusal_of_part is None:
                continue
            if isinstance(refusal, LostAttributeError) and not isinstance(
                refusal_of_part, LostAttributeError
            ):
                # The object would be refused without this part, too.
                continue
            path += part.step
            value = part.value
            break
        else:
            break
    return path, value
