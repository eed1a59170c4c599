"""Large objects that are not in Git: their recording has the SHA-256, and a folder that Git ignores has the content."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.ambient import vault_command
from pytest_mimic.errors import CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.vault.folder import FolderStore
    from pytest_mimic._core.vault.schema import Entry, Origin
    from pytest_mimic._core.vault.store import Data, Store

#: The folder of a vault that has the detached objects of this working copy, by their hash.
FOLDER = "detached"
#: Objects from this size on are detached, in bytes.
LEAST = 1 << 16
_IGNORE = f"{FOLDER}/.gitignore"
_BLOCK = 1 << 20


class Detached(NamedTuple):
    """The content of a detached object: the SHA-256 of its bytes in hex, and their number."""

    sha256: str
    size: int

    @property
    def place(self) -> str:
        return f"{FOLDER}/{self.sha256[:2]}/{self.sha256}"

    @property
    def key(self) -> str:
        """The name in the object store."""
        return f"objects/{self.sha256[:2]}/{self.sha256}"


def detached_in(entry: Entry) -> dict[str, Detached]:
    """Return the detached objects of an outcome by name."""
    return {name: Detached(one["sha256"], one["size"]) for name, one in entry.get("detached", {}).items()}


def checked(
    store: Store, detached: Detached, label: str, name: str, origin: Origin, *, known: set[str]
) -> memoryview:
    """Return the bytes of a detached object. `known` are the hashes that were checked before.

    Raises:
        CorruptRecordingError: It was not pulled, or is not the one that the recording names.
    """
    data = store.map(detached.place)
    if data is None:
        raise CorruptRecordingError(
            f"{label}/{name} was not pulled ({detached.size:,} bytes)",
            facts=[f"named by {label}/{origin.name}"],
            remedies=[pull_command()],
            file=f"{label}/{name}",
            absent=True,
        )
    is_right = len(data) == detached.size and (
        detached.sha256 in known or sha256(data).hexdigest() == detached.sha256
    )
    if not is_right:
        raise CorruptRecordingError(
            f"{label}/{detached.place} is not the object that its recording names",
            facts=[
                _difference(len(data), detached),
                f"named by {label}/{origin.name}, as {name}",
            ],
            remedies=[f"to replace it: {pull_command()}"],
            file=f"{label}/{detached.place}",
        )
    known.add(detached.sha256)
    return data


def _difference(size: int, detached: Detached) -> str:
    if size != detached.size:
        return f"it has {size:,} bytes instead of {detached.size:,}"
    return "its SHA-256 is another one"


def pull_command(*options: str) -> str:
    return vault_command("pull", *options)


class HashedPieces:
    """Pieces on their way into a file. `size` and `sha256` are of those that were taken."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._hash = sha256()
        self.size = 0

    def __iter__(self) -> Iterator[memoryview]:
        for piece in (self._data,) if isinstance(self._data, bytes) else self._data:
            view = memoryview(piece).cast("B")
            self._hash.update(view)
            self.size += len(view)
            yield view

    @property
    def detached(self) -> Detached:
        return Detached(self._hash.hexdigest(), self.size)


class DetachedWriter:
    """Writes objects, and detaches the large ones: recording needs no network."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self._ignores = False

    def write(self, name: str, data: Data, *, durable: bool) -> tuple[Detached | None, str, bool]:
        """Write an object. Return it if it was detached, the name of its file, and whether that is new."""
        pieces = HashedPieces(data)
        places: list[tuple[str, bool]] = []

        def place() -> str:
            found = pieces.detached.place if pieces.size >= LEAST else name
            if found != name:
                self.ignore()
            places.append((found, self._store.size(found) is None))
            return found

        self._store.write(place, pieces, durable=durable)
        found, is_new = places[-1]
        return None if found == name else pieces.detached, found, is_new

    def ignore(self) -> None:
        if not self._ignores and self._store.size(_IGNORE) is None:
            self._store.write(_IGNORE, b"*\n", durable=False)
        self._ignores = True


def hash_of_file(path: str) -> Detached:
    """Return the content of a file. OSError: it cannot be read."""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path has no more to offer here
        pieces = HashedPieces(iter(lambda: file.read(_BLOCK), b""))
        for _ in pieces:
            pass
    return pieces.detached
