"""Large objects in a working copy and in an object store: each by its SHA-256, which is checked on both sides.

Objects from the time before there was a store are moved out of Git.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import get_native_id
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_mimic._core.describe.recorded_files import CatalogFile, Entry, objects_of
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.clearing import remove
from pytest_mimic._core.vault.detached import LEAST, Detached, DetachedWriter, detached_in, hash_of_file
from pytest_mimic._core.vault.file_names import CASSETTES, OBJECTS_LOCK
from pytest_mimic._core.vault.folder import FolderStore, temporary_name
from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic._core.whole_files import patient
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.describe.recorded_files import CatalogFile
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.objects.bucket import Bucket

_T = TypeVar("_T")
# How many objects are transferred at a time, and how many questions are asked. An object is in memory while it is sent.
_TRANSFERS, _QUESTIONS = 8, 32

Show = Callable[[int, int], None]
"""Gets the number of objects that are done, and their bytes."""


class LargeObject:
    """An object that recordings name by its hash."""

    def __init__(self, name: str, detached: Detached) -> None:
        self.name = name  # its name in the recordings
        self.detached = detached  # its content
        self.files: list[CatalogFile] = []  # the recordings and cassettes that name it
        self.here = False  # whether the working copy has it
        self.there: int | None = None  # the bytes that the store has under its hash, None if it has none
        self.is_other = False  # whether the store was found to have other content of the same size

    @property
    def size(self) -> int:
        return self.detached.size

    @property
    def state(self) -> str:
        """`both`; `here` and `there`: only in one place; `lost`: in neither; `wrong`: the store has other content."""
        if self.is_other or (self.there is not None and self.there != self.size):
            return "wrong"
        if self.here:
            return "here" if self.there is None else "both"
        return "lost" if self.there is None else "there"


def large_objects(files: Iterable[CatalogFile]) -> list[LargeObject]:
    """Return the detached objects that recordings name, each once, in the order of the recordings."""
    found: dict[Detached, LargeObject] = {}
    for file in files:
        for entry in file.outcomes:
            for name, detached in detached_in(entry).items():
                one = found.setdefault(detached, LargeObject(name, detached))
                if file not in one.files:
                    one.files.append(file)
    return list(found.values())


class LargeObjects:
    """Compares and transfers large objects: between the `store` of the working copy and the `bucket`."""

    def __init__(self, store: FolderStore, bucket: Bucket) -> None:
        self._store = store
        self._bucket = bucket
        # What is wrong with objects that were not transferred, in words.
        self.problems: dict[LargeObject, str] = {}

    def find(self, objects: Sequence[LargeObject], *, only_absent: bool = False) -> None:
        """Find out where objects are. The store is asked for each by its hash: a list of it could be long.

        With `only_absent`, those here are hashed, and the store is asked only for those that are not here or wrong.

        Raises:
            RemoteError: The store cannot be used.
        """
        for one in objects:
            one.here = self._store.size(one.detached.place) == one.size
            if one.here and only_absent:
                one.here = hash_of_file(str(self._path(one))) == one.detached
        asked = [one for one in objects if not (only_absent and one.here)]
        for one, size in _in_parallel(self._size, asked, _QUESTIONS):
            one.there = size
        if not (objects or only_absent) or any(one.there is None for one in asked):
            self._bucket.check()

    def push(self, objects: Sequence[LargeObject], show: Show) -> list[LargeObject]:
        """Send objects that only the working copy has, and return them. Nothing in the store is overwritten.

        RemoteError: The store cannot be used. What was sent before stays there.
        """
        return self._transfer(self._send, objects, show)

    def pull(self, objects: Sequence[LargeObject], show: Show) -> list[LargeObject]:
        """Fetch objects that only the store has, and return them. Each is in its place when it is whole and right.

        RemoteError: The store cannot be used. What was fetched before stays here.
        """
        if objects:
            self._store.sweep()
            DetachedWriter(self._store).ignore()
        return self._transfer(self._fetch, objects, show)

    def _transfer(
        self, act: Callable[[LargeObject], str], objects: Sequence[LargeObject], show: Show
    ) -> list[LargeObject]:
        done, bytes_ = [], 0
        for one, problem in _in_parallel(act, objects, _TRANSFERS):
            if problem:
                self.problems[one] = problem
                continue
            done.append(one)
            bytes_ += one.size
            show(len(done), bytes_)
        return done

    def _size(self, one: LargeObject) -> int | None:
        return self._bucket.size(one.detached.key)

    def _path(self, one: LargeObject) -> Path:
        return Path(self._store.path, one.detached.place)

    def _send(self, one: LargeObject) -> str:
        """Send an object; return what is wrong with it, or an empty text."""
        data = self._path(one).read_bytes()
        if sha256(data).hexdigest() != one.detached.sha256:
            return "its content here is not what the recording names: the SHA-256 differs"
        is_new = self._bucket.create(one.detached.key, data)
        one.there = one.size if is_new else self._size(one)
        return "" if one.there == one.size else "the store has other content by now"

    def _fetch(self, one: LargeObject) -> str:
        """Fetch an object; return what is wrong with it, or an empty text."""
        path, whole = self._path(one), Path(self._store.path, temporary_name(get_native_id()))
        try:
            if not self._bucket.download(one.detached.key, whole):
                return "it is not there any more"
            if hash_of_file(str(whole)) != one.detached:
                one.is_other = True
                return "its content there is not what the recording names: the SHA-256 differs"
            path.parent.mkdir(parents=True, exist_ok=True)
            patient(os.replace)(whole, path)
        finally:
            whole.unlink(missing_ok=True)
        one.here = True
        return ""


def _in_parallel(
    act: Callable[[LargeObject], _T], objects: Sequence[LargeObject], most: int
) -> Iterator[tuple[LargeObject, _T]]:
    """Yield each object with the result of an action, as they come. After an error, no further one is begun."""
    if not objects:
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed

    pool = ThreadPoolExecutor(min(most, len(objects)), "mimic-objects")
    try:
        futures = {pool.submit(partial(act, one)): one for one in objects}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


class Moved(NamedTuple):
    """The result of detaching."""

    recordings: list[str]  # the names of the recordings and cassettes that were rewritten
    objects: dict[str, int]  # the objects that were detached, with their bytes
    damaged: list[str]  # the recordings that were left alone, because they or their objects are damaged


def in_git(vault: Vault, files: Iterable[CatalogFile]) -> dict[str, int]:
    """Return the large objects of recordings that are not detached, with their bytes."""
    names = {name for file in files for entry in file.outcomes for name in _attached(entry)}
    sizes = {name: vault.store.size(name) or 0 for name in sorted(names)}
    return {name: size for name, size in sizes.items() if size >= LEAST}


def detach(vault: Vault, files: Iterable[CatalogFile], is_sound: Callable[[str], bool]) -> Moved:
    """Detach the large objects of sound recordings, which are rewritten, and delete them where Git has them.

    A crash leaves each recording as it was or rewritten, and the next call deletes what it has left.
    """
    files = list(files)
    large = in_git(vault, files)
    moved = Moved([], {}, [])
    if not large and not _left_in_git(vault):
        return moved
    with vault.store.lock(OBJECTS_LOCK):
        for file in files:
            if any(name in large for entry in file.outcomes for name in _attached(entry)):
                # Nothing damaged gets a hash that makes it sound.
                if is_sound(file.name):
                    _rewrite(vault, file.name, large, moved)
                else:
                    moved.damaged.append(file.name)
        remove(vault.store, _left_in_git(vault))
    return moved


def _rewrite(vault: Vault, name: str, large: dict[str, int], moved: Moved) -> None:
    store = vault.store
    assert isinstance(store, FolderStore)  # the command has no other
    data = store.read(name) or b""
    facts = parse_recording(data, vault.label, name)
    writer = DetachedWriter(store)
    for entry in _entries(facts, name):
        found = {each: _detached(store, writer, each) for each in sorted(_attached(entry)) if each in large}
        if found:
            entry["detached"] = {
                **entry.get("detached", {}),
                **{each: one._asdict() for each, one in found.items()},
            }
            moved.objects.update((each, one.size) for each, one in found.items())
    if store.read(name) == data:  # a run may have recorded it again
        store.write(name, (layout(facts) + "\n").encode())
        moved.recordings.append(name)


def _detached(store: FolderStore, writer: DetachedWriter, name: str) -> Detached:
    content = store.map(name)
    assert content is not None
    detached, _, _ = writer.write(name, [content], durable=True)
    assert detached is not None
    return detached


def _left_in_git(vault: Vault) -> list[str]:
    """Return the objects that some outcome has detached, and that no other one needs in their old place."""
    detached: set[str] = set()
    needed: set[str] = set()
    for name in vault.names():
        data = vault.store.read(name) or b""
        try:
            entries = _entries(parse_recording(data, vault.label, name), name)
            for entry in entries:
                detached.update(entry.get("detached", ()))
                needed |= _attached(entry)
        except (MimicError, LookupError, TypeError, AttributeError):  # it may need any object
            return []
    return [name for name in vault.store.names("objects") if name in detached and name not in needed]


def _attached(entry: Entry) -> set[str]:
    """Return the objects of an outcome that are in Git."""
    return set(objects_of(entry)).difference(entry.get("detached", ()))


def _entries(facts: dict[str, Any], name: str) -> list[Entry]:
    if name.startswith(CASSETTES):
        return [call["outcome"] for call in facts["calls"]]
    entries: list[Entry] = facts["outcomes"]
    return entries
