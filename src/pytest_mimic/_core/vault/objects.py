"""Loads the outcomes of the vault, and writes and checks its objects.

An outcome stands in the JSON of its recording, or in an object: a file of its own,
named by its content. How an outcome becomes bytes is the subject of `_core.outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.commands import Remedy, Verb, record
from pytest_mimic._core.outcome.json_layout import exact_text
from pytest_mimic._core.outcome.outcome import DamagedError, OutdatedClassError, decode
from pytest_mimic._core.outcome.pickle_file import (
    Piece,
    object_name,
    running_python,
    stream_and_buffers,
)
from pytest_mimic._core.outcome.placed_paths import NOWHERE
from pytest_mimic._core.vault.format import (
    changed_file_error,
    check_pulled,
    copy_of_plain,
    corrupt_file_error,
    parse_object,
)
from pytest_mimic._core.vault.outcome_entries import Entry, body_of_entry
from pytest_mimic.errors import Damage, MimicError, StaleRecordingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mimic._core.outcome.class_tags import ClassTag
    from pytest_mimic._core.outcome.dry_reading import DryReader
    from pytest_mimic._core.outcome.encoding import Encoded, Readable
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.outcome.readable_values import ValueReader
    from pytest_mimic._core.vault.store import Store

# How many characters of a library's error are shown.
_LONGEST_ERROR = 200


CheckClient = Callable[[str, Any], object]


def _check_nothing(_client: str, _value: Any) -> None:
    """Check nothing, as `diff` and `import` do, which replay no outcome."""


class Origin(NamedTuple):
    """The file that holds an outcome, and the target and test of its call.

    They stand in messages about the outcome.
    """

    name: str
    target: str
    test: str | None


class Objects:
    """The objects of a vault, and the way from an entry to its outcome.

    An object is named by its content. The bytes of each one are compared with its name
    once a run.

    Args:
        store: The files.
        pickles: `listed`, or `forbid` to load no pickle.
        label: The vault's path in messages.
        check_client: Gets the name of a client and the value of one of its outcomes,
            and raises LookupError, TypeError or ValueError if the client gives no such
            value. By default nothing is checked.
    """

    def __init__(
        self,
        store: Store,
        *,
        pickles: Literal["listed", "forbid"],
        label: str,
        check_client: CheckClient | None = None,
    ) -> None:
        self.vault_label = label
        self.check_client: CheckClient = check_client or _check_nothing
        self.store = store
        self._forbidden = pickles == "forbid"
        # What a `ValueReader` has found out of the classes in outcomes, to be found out
        # once a run.
        self._classes: dict[int, ClassTag] = {}
        # By the name of each object whose digest was found to be that of its name: the
        # number of its bytes. An object of this size is not digested again in this run.
        self._size_of_sound_object: dict[str, int] = {}

    # Outcomes

    def load(
        self, outcome_entry: Entry, origin: Origin, paths: PathStore | None = None
    ) -> Outcome:
        """Return the outcome of an entry, a fresh copy each time.

        Its paths are restored by `paths`.
        """
        if "pickle" in outcome_entry:
            return self._load_pickle(outcome_entry, origin, paths)
        if outcome_entry.get("tagged"):
            body = self._body_with_values_of_tags(outcome_entry, origin, paths)
        else:
            body = self.body(outcome_entry, origin)
            # An object is parsed each time, a part of the entry is not.
            if "json" not in outcome_entry:
                body = copy_of_plain(body)
        try:
            return decode(body)
        except Exception as reason:
            raise self._damage_error(
                outcome_entry.get("json", origin.name), origin, reason
            ) from None

    def body(self, outcome_entry: Entry, origin: Origin) -> Any:
        """Return the tree of a readable outcome, checked to be of its kind.

        The tree stands in the entry itself, or in an object of JSON.
        """
        if "json" not in outcome_entry:
            return body_of_entry(outcome_entry)
        name = outcome_entry["json"]
        body = parse_object(
            self.read(name, origin), f"{self.vault_label}/{name}", test=origin.test
        )
        if type(body) is not dict or outcome_entry["kind"] not in body:
            raise self._damage_error(
                name, origin, f"it holds no {outcome_entry['kind']}"
            )
        return body

    def equals(self, outcome_entry: Entry, origin: Origin, encoded: Encoded) -> bool:
        """Return whether the body of an entry is this outcome, with sound objects.

        Then a call that is recorded again leaves the entry as it is.
        """
        try:
            if encoded.readable is None:
                # Two pickles of equal values may have other bytes, and are compared by
                # the fingerprint of the value.
                if outcome_entry.get("fingerprint") != encoded.fingerprint:
                    return False
                # This raises if the object is damaged.
                self.memory(outcome_entry["pickle"], origin)
                return True
            return self._equals_readable(outcome_entry, origin, encoded.readable)
        except MimicError:
            # An object is damaged or missing, and is written again.
            return False

    def _equals_readable(
        self, outcome_entry: Entry, origin: Origin, readable: Readable
    ) -> bool:
        """Return what `equals` returns, for an outcome that is stored as JSON."""
        if (
            "pickle" in outcome_entry
            or outcome_entry.get("imports", []) != readable.imports
        ):
            return False
        if outcome_entry.get("objects", []) != sorted(readable.objects):
            return False
        for name in readable.objects:
            # This raises if the object is missing or damaged.
            self.memory(name, origin)
        body = self.body(outcome_entry, origin)
        if list(body) != [readable.kind]:
            return False
        return exact_text(body[readable.kind]) == readable.text

    def write_object(self, pieces: list[Piece], suffix: str) -> str:
        """Write an object, unless it is there and sound, and return its name."""
        name = object_name(pieces, suffix)
        if (
            name not in self._size_of_sound_object
            or self.store.size(name) != self._size_of_sound_object[name]
        ):
            content_there = self.store.memory(name)
            if content_there is None or not has_digest_of_name(name, content_there):
                self.store.write(name, pieces)
            self._size_of_sound_object[name] = sum(map(len, pieces))
        return name

    def check_tags(self, outcome_entry: Entry, origin: Origin) -> None:
        """Read the body of an outcome as a replay does, but for its classes.

        The command `check` asks this, which imports no code of the project.

        Raises:
            CorruptRecordingError: The body is not as it was written, or names what the
                recording does not list.
        """
        from pytest_mimic._core.outcome.dry_reading import DryReader

        body = self._body_with_values_of_tags(
            outcome_entry, origin, None, reader_class=DryReader
        )
        if type(body) is not dict:
            raise self._damage_error(
                outcome_entry.get("json", origin.name), origin, "no outcome"
            )

    def _body_with_values_of_tags(
        self,
        outcome_entry: Entry,
        origin: Origin,
        paths: PathStore | None,
        *,
        reader_class: type[ValueReader] | type[DryReader] | None = None,
    ) -> Any:
        """Return the body of an outcome with what its tags stand for.

        A tag is an object of JSON for a value that JSON lacks, `{"$set": […]}`.

        Args:
            outcome_entry: The entry of the outcome.
            origin: Where the outcome stands, for messages.
            paths: Restores paths; None restores none.
            reader_class: `DryReader` only checks the body and loads no class; a replay
                has `ValueReader`.
        """
        if reader_class is None:
            from pytest_mimic._core.outcome.readable_values import ValueReader

            reader_class = ValueReader

        def read_listed(name: str) -> bytes:
            """Return the bytes of an object that the entry lists.

            An object that it does not list may go when another recording does.
            """
            if name not in outcome_entry.get("objects", ()):
                raise ValueError(f"it names {name}, which its recording does not list")
            return self.read(name, origin)

        if paths is None:
            paths = NOWHERE
        body = self.body(outcome_entry, origin)
        try:
            imports = outcome_entry.get("imports", ())
            reader = reader_class(paths, imports, read_listed, self._classes)
            return reader.read(body)
        except MimicError:
            # `read_listed` has found an object that is damaged or missing.
            raise
        except OutdatedClassError as reason:
            raise self._not_loadable(origin, str(reason)) from None
        except (ImportError, AttributeError) as reason:
            raise self._not_loadable(origin, reason) from None
        except Exception as reason:
            # Imported modules, and the hashes of their classes, may raise anything.
            detail: object = reason
            if isinstance(reason, RecursionError):
                detail = "nested too deeply"
            file = outcome_entry.get("json", origin.name)
            raise self._damage_error(file, origin, detail) from None

    # Pickles

    def content(
        self, outcome_entry: Entry, origin: Origin, *, on_any_python: bool = False
    ) -> tuple[bytes, list[Any]]:
        """Return the checked pickle stream and the buffers of an object.

        Nothing is unpickled. With `on_any_python`, it is not asked whether the project
        and this Python may load the pickle: `check` only reads its opcodes.

        Raises:
            MimicError: The pickle may not be loaded.
            CorruptRecordingError: The file is missing or damaged.
        """
        if not on_any_python:
            self._check_allowed(outcome_entry, origin)
        try:
            stream, *buffers = stream_and_buffers(
                self.memory(outcome_entry["pickle"], origin)
            )
        except DamagedError as reason:
            raise self._damage_error(outcome_entry["pickle"], origin, reason) from None
        return bytes(stream), list(buffers)

    def _check_allowed(self, outcome_entry: Entry, origin: Origin) -> None:
        """Check that this pickle may be loaded, on this Python.

        Raises:
            MimicError: The project forbids pickles.
            StaleRecordingError: The pickle holds code of another Python.
        """
        if self._forbidden:
            path = f"{self.vault_label}/{outcome_entry['pickle']}"
            load = Remedy(
                Verb.LINE,
                "to load it all the same",
                words=("mimic_pickle = listed",),
            )
            raise MimicError(
                f"mimic_pickle = forbid: the outcome of {origin.target} is a pickle",
                facts=[f"{path}, named by {self.vault_label}/{origin.name}"],
                remedies=[load],
                file=path,
            )
        # Only a pickle that holds code by value says which Python has made it.
        made_by = outcome_entry.get("python")
        if made_by not in (None, running_python()):
            raise self._not_loadable(
                origin,
                f"it was recorded by Python {made_by}, with code stored by value",
                f"only Python {made_by} can load it, this is {running_python()}",
                damage=Damage.OTHER_PYTHON,
            )

    def _load_pickle(
        self, outcome_entry: Entry, origin: Origin, paths: PathStore | None
    ) -> Outcome:
        """Return the outcome in a pickle.

        Its paths are restored by `paths`; None restores none.
        """
        from pytest_mimic._core.outcome.pickling import load

        stream, buffers = self.content(outcome_entry, origin)
        imports = outcome_entry.get("imports", ())
        count = outcome_entry.get("count", 1)
        try:
            bodies = load(stream, buffers, imports, count=count, paths=paths)
        except MimicError:
            raise
        except DamagedError as reason:
            raise self._damage_error(outcome_entry["pickle"], origin, reason) from None
        except Exception as reason:
            # The classes that it names have changed, and may raise anything.
            raise self._not_loadable(origin, reason) from None
        try:
            if type(bodies[0]) is not dict or outcome_entry["kind"] not in bodies[0]:
                raise LookupError(f"it holds no {outcome_entry['kind']}")
            return decode(bodies[0], bodies[1:])
        except (LookupError, TypeError, AttributeError) as reason:
            raise self._damage_error(outcome_entry["pickle"], origin, reason) from None

    # Bytes

    def read(self, name: str, origin: Origin) -> bytes:
        """Return the bytes of an object, as they were written.

        The errors are those of `memory`.
        """
        content = self.store.read(name)
        self._check(name, content, origin)
        return content or b""

    def memory(self, name: str, origin: Origin) -> memoryview:
        """Return the bytes of an object, as they were written. The caller owns them.

        Raises:
            CorruptRecordingError: The file is missing, damaged, or a pointer of Git
                LFS.
        """
        content = self.store.memory(name)
        self._check(name, content, origin)
        return content or memoryview(b"")

    def _check(
        self, name: str, content: bytes | memoryview | None, origin: Origin
    ) -> None:
        """Check that an object is there, and that its bytes are as they were written.

        Nothing of a forged or damaged object is parsed or unpickled. The errors are
        those of `memory`.
        """
        path = f"{self.vault_label}/{name}"
        if content is None:
            named_by = f"{self.vault_label}/{origin.name}"
            raise corrupt_file_error(path, Damage.LOST, named_by, test=origin.test)
        check_pulled(content, path)
        if self._size_of_sound_object.get(name) != len(content):
            if not has_digest_of_name(name, content):
                raise changed_file_error(path, test=origin.test)
            self._size_of_sound_object[name] = len(content)

    # Errors

    def _damage_error(self, name: str, origin: Origin, detail: object) -> MimicError:
        """Return the error for a file, a recording or an object, that is damaged."""
        return changed_file_error(
            f"{self.vault_label}/{name}", detail, test=origin.test
        )

    def _not_loadable(
        self,
        origin: Origin,
        *facts: str | Exception,
        damage: Damage = Damage.CHANGED,
    ) -> StaleRecordingError:
        """Return the error for an outcome that the code of this run cannot load.

        Classes of the outcome have changed or are missing, or it needs another Python.
        A file that is damaged itself gets the error of `_damage_error`.

        Args:
            origin: The file that holds the outcome.
            facts: The reasons, as texts or as the errors that were raised.
            damage: The kind of reason, an attribute of the error. The message does not
                word it: the facts do.
        """
        lines: list[str] = []
        for fact in facts:
            lines.append(fact if isinstance(fact, str) else _error_in_one_line(fact))
        lines.append(f"recording: {self.vault_label}/{origin.name}")
        return StaleRecordingError(
            f"the recorded outcome of {origin.target} cannot be loaded here",
            facts=lines,
            remedies=[record("to record it again")],
            call=origin.target,
            target=origin.target,
            damage=damage,
            recorder=origin.test,
        )


def _error_in_one_line(error: Exception) -> str:
    """Return the class and the beginning of an error's text.

    The text of a library's error may hold a whole array.
    """
    text = f"{type(error).__name__}: {str(error).strip()}"
    first_line = text.partition("\n")[0]
    return first_line[:_LONGEST_ERROR]


def has_digest_of_name(name: str, content: bytes | memoryview) -> bool:
    """Return whether an object has the content that its name tells.

    The line ends of JSON may be those of Windows, which git writes there on checkout.
    """
    suffix = name.rpartition(".")[2]
    if object_name([content], suffix) == name:
        return True
    if suffix != "json":
        return False
    with_plain_ends = bytes(content).replace(b"\r\n", b"\n")
    return object_name([with_plain_ends], suffix) == name
