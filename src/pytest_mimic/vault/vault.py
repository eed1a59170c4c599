"""Recordings by name are read, replaced without a loss, put back and deleted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import chain
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

from xxhash import xxh3_128_hexdigest

from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.folder import Folder
from pytest_mimic.vault.locks import LOCKS, Locks
from pytest_mimic.vault.names import OBJECT, is_own, object_name, owner_at
from pytest_mimic.vault.recording import (
    FORMAT,
    Entry,
    Recording,
    copied,
    damaged,
    document_of,
    parse,
    refuse_pointer,
    shapeless,
)

if TYPE_CHECKING:
    from mmap import mmap

FOLDERS = ("calls", "cassettes", "logs")
_BEGIN = f'{{\n  "format": {FORMAT},'.encode()

IsEqual = Callable[[Entry, Entry], bool]


def vault_folder(path: str, start: Path, name: str) -> Path:
    """Return the folder of a vault.

    Args:
        path: A path.
        start: What it is relative to.
        name: The option or setting that says it, for errors.

    Raises:
        MimicError: It is no path of a folder.
    """
    # The second character of a path of Windows is a colon, too.
    if path.find(":/") > 1:
        raise MimicError(f"{name}: a vault is a folder, and this is a URL")
    if not path.strip():
        raise MimicError(f"{name} names no folder")
    folder = Path(normpath(start / Path(path).expanduser()))
    if folder.exists() and not folder.is_dir():
        raise MimicError(f"{name}: {path} is a file, and a vault is a folder")
    return folder


def vault_label(folder: Path, rootdir: Path) -> str:
    """Return the folder of a vault as messages name it."""
    if folder.is_relative_to(rootdir):
        return folder.relative_to(rootdir).as_posix()
    return str(folder)


class Written:
    """What a write has done.

    Attributes:
        name: The file.
        old_content: What it held. None: it did not exist.
        new_content: What it holds.
        recording: What was to be written.
        answer: Of what all tests share, the answer that was put there.
        replaced: The answer that it has replaced, of another run.
        stamp: That of the file after the write.
        old_time: When the old content was written, in nanoseconds since 1970.
    """

    answer: Entry | None = None
    replaced: Entry | None = None
    stamp = 0, 0
    old_time = 0

    def __init__(
        self,
        name: str,
        old_content: bytes | None,
        new_content: bytes | None,
        recording: Recording,
    ) -> None:
        self.name = name
        self.old_content = old_content
        self.new_content = new_content
        self.recording = recording

    @property
    def is_changed(self) -> bool:
        return self.old_content != self.new_content


class Vault:
    """The folder of all recordings.

    Each method may raise MimicError: the disk is full, the folder is a file.

    Args:
        path: The folder. It need not exist.
        label: How errors name it. Default: its path.

    Attributes:
        folder: Its files.
        locks: Who may write, and who records.
        loose: Objects that nothing may refer to when this process ends.
        today: The day on which this run has begun: a test may stop the clock.
        began: When this run has begun to record, as files of the vault tell the time:
            nanoseconds since 1970; 0: it has not.
    """

    def __init__(self, path: Path, *, label: str = "") -> None:
        self.label = label or str(path)
        self.today = date.today().isoformat()
        self.began = 0
        self.loose: set[str] = set()
        # The files and folders that this process can write.
        self._tried: set[str] = set()
        self.move(path)

    def move(self, path: Path) -> None:
        """Look in another folder from now on."""
        self.path = path
        self.folder = Folder(path, self.label)
        self.locks = Locks(self.folder, self.label)

    # -- recordings

    def is_of_this_run(self, name: str) -> bool:
        """Whether a process of this run has written a file."""
        return 0 < self.began <= self.folder.stamp(name)[1]

    def read(self, name: str) -> Recording | None:
        """Return a recording; None: there is none.

        Raises:
            CorruptRecordingError: The file is damaged, or has another format.
        """
        return self.read_with_digest(name)[0]

    def read_with_digest(self, name: str) -> tuple[Recording | None, str]:
        """As `read`, with a digest of the whole file; empty: there is none."""
        content = self.folder.read(name)
        if content is None:
            return None, ""
        recording = parse(content, self._labelled(name))
        if name.startswith("logs/"):
            recording.owner = owner_at(name, recording.owner)
        return recording, xxh3_128_hexdigest(content)

    def names(self) -> Iterator[str]:
        """Yield the files of logs, cassettes and shared calls, in order.

        A folder that is a link, or cannot be listed, ends with `/`: to read it raises
        the reason.
        """
        for folder in FOLDERS:
            for name in self.folder.names(folder):
                if name.endswith((".json", "/")):
                    yield name

    def all(
        self,
        names: Iterable[str] | None = None,
        *,
        only: Callable[[str], bool] | None = None,
    ) -> Iterator[tuple[str, Recording | CorruptRecordingError]]:
        """Yield each recording, or what is wrong with it, or with another folder.

        Args:
            names: The files. Default: all.
            only: Whether one of them is to be parsed, which takes longest. Default:
                all are.
        """
        if names is None:
            others = chain(*map(self.folder.names, ("objects", LOCKS)))
            names = chain(self.names(), (one for one in others if one[-1] == "/"))
        for name in filter(only, names) if only else names:
            try:
                recording = self.read(name)
            except CorruptRecordingError as error:
                yield name, error
            else:
                if recording is not None:  # Another process may have deleted it.
                    yield name, recording

    def write(
        self,
        name: str,
        recording: Recording,
        *,
        equal: IsEqual | None = None,
        formers: Sequence[str] = (),
        known: tuple[Recording | None, str] = (None, ""),
    ) -> Written:
        """Replace a recording; damage of what it replaces is no loss.

        Args:
            name: The file.
            recording: What is to stand there.
            equal: Whether the outcomes of a recorded call and of a new one are equal
                as verifying compares them. Such a call keeps its duration and date.
                Where all are equal, the file keeps its calls but for the fingerprints
                of source and inputs.
            formers: The identities under which the file may have the first calls. The
                identity of a call is another one in the new recording if the call asks
                with an id that is new in each run.
            known: What `read_with_digest` gave. As long as the file is the same, it is
                not parsed again.

        Raises:
            CorruptRecordingError: A newer version has written the file.
        """

        def make(former: Recording | None) -> Recording:
            if former is None or equal is None:
                return recording
            return _with_kept_facts(former, recording, equal, formers)

        return self.change(name, make, known)

    def change(
        self,
        name: str,
        make: Callable[[Recording | None], Recording],
        known: tuple[Recording | None, str] = (None, ""),
    ) -> Written:
        """Replace a recording by what is made of it, while nobody else writes.

        Args:
            name: The file.
            make: Takes what stands there (None: nothing that can be used), and gives
                what is to stand there; without calls, nothing is.
            known: As of `write`.

        Raises:
            CorruptRecordingError: A newer version has written the file.
        """
        self.begin_recording()
        with self.locks.writing():
            old_content, (_, old_time) = self.folder.read(name), self.folder.stamp(name)
            former, digest = known
            if digest != xxh3_128_hexdigest(old_content or b""):
                former = self._former(name, old_content)
            recording = make(former)
            new_content = old_content
            if deeply(lambda: recording != former):
                try:
                    new_content = document_of(recording) if recording.entries else None
                except ValueError as reason:  # An edit holds a number such as 1e999.
                    raise shapeless(self._labelled(name), str(reason)) from None
                self._replace(name, old_content, new_content)
            written = Written(name, old_content, new_content, recording)
            written.stamp, written.old_time = self.folder.stamp(name), old_time
        return written

    def _former(self, name: str, content: bytes | None) -> Recording | None:
        if content is None:
            return None
        try:
            return parse(content, self._labelled(name))
        except CorruptRecordingError as error:
            if error.damage == "newer":
                raise
            return None

    def put_back(self, written: Written) -> bool:
        """Undo a write, if nobody has written since; return whether it is undone."""
        if not written.is_changed:
            return True
        name = written.name
        with self.locks.writing():
            if self.folder.stamp(name) != written.stamp:
                return False
            self._replace(name, written.new_content, written.old_content)
            self.folder.date_back(name, written.old_time)
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Delete files, and the objects that nothing else refers to.

        Objects stay while another process records, and where a file is damaged, whether
        they are named or not.

        Raises:
            MimicError: A file cannot be deleted; the others have gone.
        """
        refused: list[MimicError] = []
        with self.locks.alone() as is_alone:
            loose: set[str] = set()
            for name in names:
                if name.startswith("objects/"):
                    loose.add(name)
                    continue
                with suppress(CorruptRecordingError):  # It refers to nothing known.
                    loose |= objects_in(self.folder.read(name) or b"")
                try:
                    self.folder.delete(name)
                except MimicError as error:
                    refused.append(error)
            self._drop_loose(loose, is_alone=is_alone)
            self._drop(self.folder.leftovers())
        if refused:
            raise refused[0]

    def reduce(self, recordings: Mapping[str, Recording | None]) -> None:
        """Write files that have lost calls, and delete files that have none left.

        Raises:
            MimicError: A file cannot be changed; the others are.
        """
        refused: list[MimicError] = []
        for name, recording in recordings.items():
            try:
                if recording and recording.entries:
                    self.write(name, recording)
            except MimicError as error:
                refused.append(error)
        self.delete(
            name for name, left in recordings.items() if not left or not left.entries
        )
        if refused:
            raise refused[0]

    def _drop_loose(self, loose: set[str], *, is_alone: bool) -> None:
        """Delete objects that nothing refers to; beside another recorder they stay."""
        if is_alone:
            self._drop(self.unneeded_objects(loose))

    def _drop(self, names: Iterable[str]) -> None:
        """Delete what nobody needs; what belongs to another user stays."""
        for name in names:
            with suppress(MimicError):
                self.folder.delete(name)

    def size(self) -> int:
        """Return the size of all files, in bytes."""
        return sum(self.folder.size(name) for name in self.folder.names())

    def _replace(
        self, name: str, old_content: bytes | None, new_content: bytes | None
    ) -> None:
        if new_content is None:
            self.folder.delete(name)
        elif old_content != new_content:
            self.folder.write(name, [new_content])
        if old_content is not None:
            self.loose |= objects_in(old_content) - objects_in(new_content or b"")

    # -- objects

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        """Keep bytes under a name made of them; return it: `objects/9f/9f31….pkl`.

        Args:
            suffix: `pkl`, `npy`, `txt`, `json` or `bin`.
            chunks: The bytes, in pieces.
        """
        pieces = list(chunks)
        name = object_name(suffix, pieces)
        self.begin_recording()
        self.loose.add(name)
        content = self.folder.map(name)
        if content is None or object_name(suffix, [content]) != name:
            self.folder.write(name, pieces)
        return name

    def read_object(self, name: str) -> bytes | mmap:
        """Return an object; a large pickle or array is mapped.

        Raises:
            CorruptRecordingError: It is missing, or is not what was recorded.
        """
        label = self._labelled(name)
        found = re.fullmatch(OBJECT, name)
        if found is None:
            raise damaged(label, "content", "is not the name of an object")
        is_mapped = found[3] in ("pkl", "npy")
        content = self.folder.map(name) if is_mapped else self.folder.read(name)
        if content is None:
            raise damaged(label, "missing", "is missing")
        if xxh3_128_hexdigest(content) == found[2]:
            return content
        refuse_pointer(content[:], label)
        # Git may have converted the line ends of a text.
        unconverted = content[:].replace(b"\r\n", b"\n")
        if xxh3_128_hexdigest(unconverted) == found[2]:
            return unconverted
        what = f"is not what was recorded ({len(content):,} bytes of another digest)"
        raise damaged(label, "content", what)

    def objects(self) -> list[str]:
        """Return the names of all objects."""
        return [name for name in self.folder.names("objects") if is_own(name)]

    def unneeded_objects(self, of: Iterable[str] | None = None) -> list[str]:
        """Return the objects that nothing refers to; none where a file is damaged.

        Args:
            of: The objects that are looked for, with those that they refer to. Default:
                all.
        """
        loose: set[str] = set()
        needed: set[str] = set()
        try:
            self._add_objects(loose, self.objects() if of is None else of)
            for folder in FOLDERS:
                # To list very many files takes long.
                for name in self.folder.names(folder) if loose - needed else ():
                    if loose <= needed:
                        return []
                    content = self.folder.read(name) or b""
                    if name.endswith(".json") and _may_name_more(content):
                        return []
                    self._add_objects(needed, objects_in(content))
        except CorruptRecordingError:
            return []
        return sorted(loose - needed)

    def _add_objects(self, known: set[str], names: Iterable[str]) -> None:
        """Add objects to the known objects, and all objects that these refer to."""
        pending = set(names) - known
        while pending:
            name = pending.pop()
            known.add(name)
            if name.endswith(".json"):
                pending |= objects_in(self.folder.read(name) or b"") - known

    # -- recorders

    def begin_recording(self) -> str:
        """Join the processes that record: until its end, nobody deletes objects.

        Returns:
            The mark of this process.
        """
        return self.locks.join()

    def try_out(self, names: Iterable[str]) -> None:
        """Show that files can be written, before a call that they will hold is made.

        Args:
            names: The files, or folders that end with `/`.

        Raises:
            MimicError: They cannot.
        """
        for name in names:
            if name in self._tried:
                continue
            folder = name.rpartition("/")[0]
            if folder not in self._tried:
                self.begin_recording()
                now = self.folder.try_out(folder)
                self.began = self.began or now
            if not self.folder.may_replace(name):
                raise MimicError(
                    f"cannot write {self._labelled(name)}: its folder is sticky, and"
                    " another user's"
                )
            self._tried |= {folder, name}

    def close(self) -> None:
        """Leave the processes that record, and delete what this run has replaced."""
        if self.locks.run is None and not self.loose:
            return
        with self.locks.alone() as is_alone:
            self.locks.leave()
            self._drop_loose(self.loose, is_alone=is_alone)
        self.loose.clear()

    def _labelled(self, name: str) -> str:
        return f"{self.label}/{name}"


def _may_name_more(content: bytes) -> bool:
    """Return whether a file is damaged, so that it may refer to unknown objects."""
    if content.startswith(_BEGIN) and content.endswith(b"}\n"):
        return False
    try:
        parse(content, "")
    except CorruptRecordingError as error:
        return error.damage != "foreign"
    return False


def objects_in(content: bytes) -> set[str]:
    """Return the names of the objects that a file refers to."""
    return {found[0].decode() for found in re.finditer(OBJECT.encode(), content)}


def _with_kept_facts(
    old: Recording, new: Recording, equal: IsEqual, formers: Sequence[str]
) -> Recording:
    """Return a new recording with what its calls keep that are equal to old calls."""
    pairs = []
    pending = defaultdict[tuple[str, str], list[Entry]](list)
    for entry in reversed(old.entries):
        pending[entry.target, entry.identity].append(entry)
    own = [call.identity for call in new.entries[len(formers) :]]
    for call, identity in zip(new.entries, [*formers, *own], strict=True):
        # The n-th call of an identity is compared with the n-th old one.
        same = pending[call.target, identity]
        former = same.pop() if same else None
        if former is not None and equal(former, call):
            call.recorded, call.seconds = former.recorded, former.seconds
            pairs.append((former, call))
    if len(pairs) != len(new.entries) or [one for one, _ in pairs] != old.entries:
        return new
    entries = [renewed(former, call) for former, call in pairs]
    return copied(
        old,
        entries=entries,
        fixtures=new.fixtures,
        setup=new.setup,
        unfinished=new.unfinished,
    )


def renewed(former: Entry, call: Entry) -> Entry:
    """Return a recorded call with the fingerprints of an equal new call."""
    return copied(
        former,
        line=call.line,
        python=call.python,
        imported=call.imported,
        source=call.source,
        # A run that is told to ignore what calls reach knows nothing of it.
        inputs=call.inputs or former.inputs,
    )
