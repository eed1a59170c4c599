"""The recordings that could not be sent to the store, and their large objects: they wait on this machine."""

# Joining a Path costs more.
# ruff: noqa: PTH118
from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from os.path import join
from time import time

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._files.patient import patient
from pytest_mimic._remote.keys import LOOSE, is_loose_key
from pytest_mimic._remote.packs import Linked
from pytest_mimic._vault.folder import FolderStore

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Bound here, because the test whose call is recorded may have replaced them.
_scandir, _unlink, _replace = os.scandir, patient(os.unlink), patient(os.replace)
_FOLDER = "unsent"
_DAY = 24 * 3600.0


class Unsent:
    """The files that wait in a folder. All processes of a machine share it."""

    def __init__(self, files: FolderStore) -> None:
        self._files = files

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield the key and the bytes of each recording."""
        for name in sorted(self._files.names(_FOLDER)):
            key = LOOSE + name.rpartition("/")[2].replace("-", "/")
            data = self._files.read(name) if is_loose_key(key) else None
            if data is not None:
                yield key, data

    def path_of(self, key: str) -> str:
        """Return the path of a recording that waits."""
        return join(self._files.path, _file(key))

    def keep(self, key: str, stored: bytes) -> None:
        """Keep a recording that could not be sent."""
        self._files.write(_file(key), stored)

    def drop(self, key: str) -> None:
        """Delete a recording that was sent, or that a newer one replaces."""
        self._files.delete([_file(key)])

    def keep_object(self, pieces: Iterable[memoryview]) -> Linked:
        """Keep a large object until the recording that names it is sent."""
        digest, size = sha256(), 0

        def hashed() -> Iterator[memoryview]:
            nonlocal size
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                yield piece

        self._files.write(lambda: object_file(digest.hexdigest()), hashed())
        return Linked(size, digest.hexdigest())

    def object_path(self, digest: str) -> str | None:
        """Return the path of a large object that is not in the store yet, or None."""
        name = object_file(digest)
        return None if self._files.size(name) is None else join(self._files.path, name)

    def release_object(self, digest: str, name: str) -> None:
        """Give a large object, which was sent, another name. Its folder exists."""
        with suppress(FileNotFoundError):  # another thread or process has moved an equal object
            _replace(join(self._files.path, object_file(digest)), join(self._files.path, name))

    def sweep(self) -> None:
        """Delete the large objects that nothing has named for a day: their writers were killed, or have failed."""
        if any(self):
            return
        limit = time() - _DAY
        with suppress(OSError), outside_event_loop(_scandir)(join(self._files.path, _FOLDER)) as entries:
            for entry in entries:
                if entry.stat().st_mtime < limit:
                    _unlink(entry.path)


def object_file(digest: str) -> str:
    """Return the file of a large object that is not in the store yet."""
    return f"{_FOLDER}/object-{digest}"


def _file(key: str) -> str:
    return f"{_FOLDER}/{key.removeprefix(LOOSE).replace('/', '-')}"
