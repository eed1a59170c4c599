"""The local copies of files of a vault in an object store: checked when they are opened, shared by runs, bounded."""

# Joining a Path costs more.
# ruff: noqa: PTH110, PTH118, PTH120, PTH208
from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from os.path import dirname, exists, join
from typing import TYPE_CHECKING, Any

from pytest_mimic._ambient import command
from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.keys import large_key, loose_key, manifest_key, pack_key
from pytest_mimic._remote.packs import Linked, Manifest, Pack, PackInfo, decompress, digest_of, unsound
from pytest_mimic._remote.unsent import Unsent, object_file
from pytest_mimic._vault.folder import FolderStore
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Bound here, because the test whose call is recorded may have replaced them.
_utime, _scandir, _unlink = os.utime, os.scandir, os.unlink
# The folders whose files can be fetched again.
_BOUNDED = ("packs", "objects", "loose")
# How long a process waits for another one that fetches, in seconds. Then it fetches itself.
_WAIT = 120.0
_DAY = 24 * 3600.0


class Cache:
    """The files that a machine has of one vault.

    Args:
        folder: Where they are. It is shared by all runs that use this vault.
        bucket: Where they come from.
        shown: The URL of the vault, for messages.

    Attributes:
        files: The folder as a store.
        unsent: The files in it that are not in the store yet.
        progress: Is called with the numbers of packs that were fetched and that are to be fetched.
    """

    def __init__(self, folder: str, bucket: Bucket, shown: str) -> None:
        self.files = FolderStore(folder)
        self.unsent = Unsent(self.files)
        self.progress: Callable[[int, int], object] | None = None
        self._bucket = bucket
        self._shown = shown
        self._loose: dict[str, Pack] = {}
        self._sound: set[str] = set()
        self._has_grown = False

    def path_of(self, key: str) -> str:
        """Return the name of a key in messages."""
        return f"{self._shown}/{key}"

    # -- packs

    def packs(self, infos: Sequence[PackInfo]) -> list[Pack | None]:
        """Return packs. Those that are not here are fetched, by one process of this machine. None: it is gone.

        Raises:
            CorruptRecordingError: A pack is damaged in the store.
            RemoteError: One cannot be fetched.
        """
        found = [self._local_pack(info) for info in infos]
        if None not in found:
            return found
        with self.fetching():
            missing = [info for info, pack in zip(infos, found, strict=True) if pack is None]
            fetched = {info.sha256: self._local_pack(info) for info in missing}
            wanted = {info.key: info for info in missing if fetched[info.sha256] is None}
            for done, (key, stored) in enumerate(self._bucket.get_many(list(wanted)), 1):
                if self.progress is not None:
                    self.progress(done, len(wanted))
                info = wanted[key]
                fetched[info.sha256] = None if stored is None else self._kept(info, stored)
        return [pack or fetched[info.sha256] for info, pack in zip(infos, found, strict=True)]

    def has(self, info: PackInfo) -> bool:
        """Return whether a pack is here. Its content is not checked."""
        return self.files.size(f"packs/{info.sha256}") == info.size

    def keep(self, info: PackInfo, plain: bytes) -> None:
        """Keep a pack that this process has made."""
        self.files.write(f"packs/{info.sha256}", plain, durable=False)
        self._has_grown = True

    def _local_pack(self, info: PackInfo) -> Pack | None:
        name = f"packs/{info.sha256}"
        data = self.files.map(name)
        if data is None:
            return None
        if len(data) != info.size or digest_of(data) != info.sha256:
            self.files.delete([name])  # it is fetched again
            return None
        self._touch(name)
        return Pack.parse(data, self.path_of(info.key))

    def _kept(self, info: PackInfo, stored: bytes) -> Pack:
        path = self.path_of(info.key)
        plain = decompress(stored, path, size=info.size)
        if digest_of(plain) != info.sha256:
            raise unsound(path, "its SHA-256 is another one")
        self.keep(info, plain)
        return Pack.parse(plain, path)

    def replaced_pack(self, digest: str) -> Pack | None:
        """Return a pack that no manifest lists any longer, or None if it is gone. The errors are those of `packs`."""
        key = pack_key(digest)
        plain: Any = self.files.map(f"packs/{digest}")
        if plain is None:
            stored = self._bucket.get(key)
            plain = b"" if stored is None else decompress(stored, self.path_of(key))
        return Pack.parse(plain, self.path_of(key)) if digest_of(plain) == digest else None

    # -- loose recordings and manifests

    def loose(self, keys: Iterable[str]) -> dict[str, Pack | None]:
        """Return loose recordings by key, with None for those that are gone. The errors are those of `packs`."""
        keys = list(keys)
        found: dict[str, Pack | None] = {key: self._loose[key] for key in keys if key in self._loose}
        for key in keys:
            if key not in found and (data := self.files.read(_loose_file(key))) is not None:
                with suppress(Exception):  # a damaged copy is fetched again
                    found[key] = self._loose[key] = self.parsed(key, data)
        for key, stored in self._bucket.get_many([key for key in keys if key not in found]):
            found[key] = None
            if stored is not None:
                found[key] = self._loose[key] = self.parsed(key, stored)
                self.files.write(_loose_file(key), stored, durable=False)
                self._has_grown = True
        return found

    def keep_loose(self, key: str, stored: bytes) -> Pack:
        """Keep a loose recording that this process has written, and return it."""
        pack = self._loose[key] = self.parsed(key, stored)
        self.files.write(_loose_file(key), stored, durable=False)
        self._has_grown = True
        return pack

    def forget_loose(self) -> None:
        """Free the memory of the loose recordings, which are in packs now."""
        self._loose.clear()

    def parsed(self, key: str, stored: bytes) -> Pack:
        """Return the pack of a loose recording. CorruptRecordingError: it is damaged, or that of another key."""
        path = self.path_of(key)
        pack = Pack.parse(decompress(stored, path), path)
        if [loose_key(name, ulid) for name, ulid in pack.ulids.items()] != [key]:
            raise unsound(path, "another recording")
        return pack

    def waiting(self) -> Iterator[tuple[str, bytes, Pack]]:
        """Yield the key, the bytes and the pack of each recording that waits to be sent.

        CorruptRecordingError: one is damaged.
        """
        for key, stored in self.unsent:
            try:
                yield key, stored, self.parsed(key, stored)
            except CorruptRecordingError:
                path = self.unsent.path_of(key)
                raise CorruptRecordingError(
                    f"{path}, a recording that waits to be sent, is damaged",
                    remedies=[f"delete this file, and record again: {command('--mimic-record')}"],
                    file=path,
                ) from None

    def manifest(self, key: str, size: int, modified: datetime) -> Manifest | None:
        """Return the manifest that the store lists with these facts, or None if it is gone.

        The facts are part of the name of the copy: a bucket that was emptied begins again with the first generation.
        """
        name = f"manifests/{key.rpartition('/')[2]}-{size}-{int(modified.timestamp() * 1000)}"
        stored = self.files.read(name)
        if stored is not None:
            with suppress(Exception):  # a damaged copy is fetched again
                return Manifest.decode(stored, name)
        stored = self._bucket.get(key)
        if stored is None:
            return None
        manifest = Manifest.decode(stored, self.path_of(key))
        if manifest_key(manifest.generation) != key:
            raise unsound(self.path_of(key), "another manifest")
        old = list(self.files.names("manifests"))
        self.files.write(name, stored, durable=False)
        self.files.delete(one for one in old if one != name)
        return manifest

    # -- objects

    def object(self, linked: Linked) -> memoryview | None:
        """Return an object of its own, or None if it is gone from the store. It is fetched if it is not here.

        Raises:
            CorruptRecordingError: It is damaged in the store.
            RemoteError: It cannot be fetched.
        """
        name = f"objects/{linked.sha256}"
        data = self._sound_object(linked, name)
        if data is not None:
            return data
        with self.fetching():
            data = self._sound_object(linked, name)
            if data is not None:
                return data
            self.files.delete([name])
            key = large_key(linked.sha256)
            self.make_folder("objects")
            self._has_grown = True
            if not self._bucket.download(key, join(self.files.path, name)):
                return None
            data = self._sound_object(linked, name)
            if data is None:
                self.files.delete([name])
                raise unsound(self.path_of(key), "its SHA-256 is another one")
            return data

    def _sound_object(self, linked: Linked, name: str) -> memoryview | None:
        data = self.files.map(name) or self.files.map(object_file(linked.sha256))
        if data is None or len(data) != linked.size:
            return None
        if linked.sha256 not in self._sound:
            if digest_of(data) != linked.sha256:
                return None
            self._sound.add(linked.sha256)
            self._touch(name)
        return data

    def object_path(self, linked: Linked) -> str | None:
        """Return the path of the local copy of an object, None without a sound one."""
        name = f"objects/{linked.sha256}"
        path = self.unsent.object_path(linked.sha256)
        if path is not None or self._sound_object(linked, name) is None:
            return path
        return join(self.files.path, name)

    def keep_object(self, digest: str) -> None:
        """Keep a large object that was sent."""
        if self.unsent.object_path(digest) is None:
            return
        self.make_folder("objects")
        self._has_grown = True
        self.unsent.release_object(digest, f"objects/{digest}")

    # -- the folder

    def make_folder(self, name: str) -> None:
        """Make a folder of the cache."""
        if self.files.size(f"{name}/.keep") is None:
            self.files.write(f"{name}/.keep", b"", durable=False)

    def fetching(self) -> Any:
        """Return a context in which no other process of this machine fetches, so that each file is fetched once."""
        return _Fetching(self.files)

    def trim(self, max_bytes: int) -> None:
        """Delete the files that were not used for the longest time, until the rest fits into so many bytes.

        Nothing happens if this process has added none.
        """
        if not self._has_grown:
            return
        files = list(files_in(join(self.files.path, folder) for folder in _BOUNDED))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= max_bytes:
                break
            with suppress(OSError):
                outside_event_loop(_unlink)(path)
                total -= size

    def _touch(self, name: str) -> None:
        """Note that a file was used, for `trim`."""
        with suppress(OSError):
            outside_event_loop(_utime)(join(self.files.path, name))


class _Fetching:
    """A lock that is given up after some time: a process that hangs must not stop all others."""

    def __init__(self, files: FolderStore) -> None:
        self._lock = files.lock("fetch", timeout=_WAIT)
        self._is_held = False

    def __enter__(self) -> None:
        with suppress(TimeoutError):
            self._lock.__enter__()
            self._is_held = True

    def __exit__(self, *exc: object) -> None:
        if self._is_held:
            self._lock.__exit__(None, None, None)


def usable(folder: str) -> str:
    """Return the folder if it can be written, else a new temporary one, which goes with the process if it is empty."""
    parent = folder
    while not exists(parent) and dirname(parent) != parent:
        parent = dirname(parent)
    if os.access(parent, os.W_OK | os.X_OK):
        return folder
    import atexit
    from shutil import rmtree
    from tempfile import mkdtemp

    made = mkdtemp(prefix="pytest-mimic-cache-")

    def remove() -> None:
        if not exists(join(made, "unsent")) or not os.listdir(join(made, "unsent")):
            rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made


def _loose_file(key: str) -> str:
    return f"loose/{key.rpartition('/')[2]}"


def files_in(folders: Iterable[str]) -> Iterable[tuple[float, int, str]]:
    """Yield the time of the last change, the bytes and the path of each file in these folders."""
    for folder in folders:
        with suppress(OSError), _scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):
                    facts = entry.stat()
                    yield facts.st_mtime, facts.st_size, entry.path
