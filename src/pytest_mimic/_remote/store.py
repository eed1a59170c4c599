"""A store in a bucket: reads packs through a local cache, and writes each recording by one request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.cache import Cache, usable
from pytest_mimic._remote.contents import VaultContents
from pytest_mimic._remote.packs import Linked, is_object_name, size_of
from pytest_mimic._remote.view import View
from pytest_mimic._vault.clearing import Cleared, references
from pytest_mimic.errors import MimicError, RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.place import RemotePlace
    from pytest_mimic._remote.writing import LooseWriter
    from pytest_mimic._vault.locks import Locks
    from pytest_mimic._vault.store import Data

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


class RemoteStore:
    """The files of a vault in an object store.

    Args:
        place: Where the vault is.
        cache: The folder for local copies. It holds the recordings that could not be sent, too.
        max_bytes: How large the local copies may be together when a run ends.

    Attributes:
        notes: Sentences for the summary of a run.
        bucket: The bucket, with its counts of requests.
    """

    #: Another machine may write a name that this one does not see yet.
    sees_all_names = False

    def __init__(self, place: RemotePlace, cache: str, *, max_bytes: int = 2 << 30) -> None:
        self.bucket = self._bucket = Bucket(place)
        folder = usable(cache)
        self._cache = Cache(folder, self._bucket, place.shown)
        self._max_bytes = max_bytes
        self._contents = VaultContents(self._bucket, self._cache, self._note)
        self._writer: LooseWriter | None = None
        self.notes: list[str] = []
        if folder != cache:
            self._note(f"{cache} cannot be written: this run fetches what it needs again")

    def on_progress(self, show: Callable[[int, int], object]) -> None:
        """Call `show` with the numbers of packs that were fetched and that are to be fetched."""
        self._cache.progress = show

    # -- reading

    def read(self, name: str) -> bytes | None:
        content = self._contents.get(name)
        if isinstance(content, Linked):
            content = self._contents.linked(name, content)
        return content if content is None or type(content) is bytes else bytes(content)

    def map(self, name: str) -> memoryview | None:
        content = self._contents.get(name)
        if isinstance(content, Linked):
            return self._contents.linked(name, content)
        # The caller may change it.
        return None if content is None else memoryview(bytearray(content))

    def size(self, name: str) -> int | None:
        content = self._contents.get(name)
        return None if content is None else size_of(content)

    def names(self, prefix: str = "", *, deep: bool = True) -> list[str]:
        """Return the names of recordings and cassettes. Objects are not listed, as they belong to recordings."""
        return self._contents.names(prefix) if deep and not is_object_name(f"{prefix}/") else []

    def refresh(self, tag: str = "") -> None:
        """Look at what is in the bucket now; see `VaultContents.refresh`."""
        self._contents.refresh(tag)

    def totals(self) -> tuple[int, int]:
        """Return the number of recordings and cassettes, and the bytes of all files."""
        return self._contents.totals()

    def absent(self) -> int:
        """Return the number of packs that were not fetched to this machine."""
        return self._contents.absent()

    def known(self) -> set[str]:
        """Return what this process knows of the vault; see `VaultContents.known`."""
        return self._contents.known()

    def holder(self, name: str) -> str:
        """Return the key of what holds a recording."""
        return self._contents.holder(name)

    # -- writing

    @outside_event_loop
    def write(self, name: str, data: Data, *, durable: bool = True) -> None:  # noqa: ARG002 - it always is
        """Write a recording with the objects that it names, which were written before. It is in the store then."""
        if is_object_name(name):
            self._contents.objects[name] = self._writing().kept(data)
        else:
            self._write(name, data)

    @outside_event_loop
    def delete(self, names: Iterable[str]) -> int:
        """Delete recordings. Objects go with the last recording that names them, in `clear`."""
        deleted = 0
        for name in names:
            if is_object_name(name):
                deleted += self._contents.objects.pop(name, None) is not None
            elif self._contents.get(name) is not None:
                self._write(name, None)
                deleted += 1
        return deleted

    def _write(self, name: str, data: Data | None) -> None:
        writer = self._writing()
        last, _ = self._contents.newest(name)
        if isinstance(data, bytes):
            self._contents.find_replaced(references(data))
        # Without the guard, so that other threads go on meanwhile.
        key, pack = writer.write(name, data, self._contents.objects, after=last)
        self._contents.add(key, pack)
        if writer.is_due:
            self._fold_due(writer)

    def _fold_due(self, writer: LooseWriter) -> None:
        """Put recordings into packs during a run. They are in the store already, so that a failure is only noted."""
        with self._contents.guard:
            if not writer.is_due:  # another thread has done it
                return
            writer.restart()
            try:
                self._fold(is_forced=True)
            except MimicError as error:
                self._note(f"{error.what}: the recordings are not in packs yet, a later run does that")

    @outside_event_loop
    def clear(self, names: Collection[str]) -> Cleared:
        """Delete recordings and cassettes, and all objects that no other one names.

        Raises:
            CorruptRecordingError: A pack is damaged.
            RemoteError: The store cannot be read or written.
        """
        from pytest_mimic._remote.folding import delete_unused_objects

        if not self._writing().find_conditional():
            return Cleared(self.delete(names), 0, 0)
        seen = {name: self._contents.newest(name) for name in names}
        existing = {name: ulid for name, (ulid, content) in seen.items() if content is not None}
        self._fold(deletions=existing, is_forced=True)
        objects, freed = delete_unused_objects(self._bucket, self._cache)
        return Cleared(len(existing), objects, freed)

    @outside_event_loop
    def problems(self) -> list[str]:
        """Return the objects that the store lacks, or has with another size. The errors are those of `clear`."""
        from pytest_mimic._remote.repairing import problems_in

        return [self._cache.path_of(key) for key in sorted(problems_in(self._bucket, self._cache))]

    @outside_event_loop
    def repair(self) -> tuple[int, int]:
        """Send local copies of what the store lacks, drop damaged packs, and make a damaged manifest again.

        Return how many objects were sent, and how many recordings were dropped. The errors are those of `clear`.
        """
        from pytest_mimic._remote.repairing import drop_damaged, mend_state, send_again

        with self._contents.guard, self.lock("fold"):
            mend_state(self._bucket, self._cache)
            result = send_again(self._bucket, self._cache), drop_damaged(self._bucket, self._cache)
        self.refresh()
        return result

    @outside_event_loop
    def flush(self) -> None:
        """Send what could not be sent before, and put loose recordings into packs, if this process has written.

        RemoteError: recordings could not be sent. They stay on this machine, and a later run sends them.
        """
        try:
            if self._writer is not None:
                self._finish(self._writer)
        finally:
            self._cache.files.flush()
            self._cache.trim(self._max_bytes)

    def _finish(self, writer: LooseWriter) -> None:
        writer.send_unsent()
        if writer.has_written:
            try:
                self._fold()
            except RemoteError as error:
                self._note(f"{error.what}: the recordings are not in packs yet, a later run does that")
        writer.drop_replaced()

    def _fold(self, *, deletions: Mapping[str, str] | None = None, is_forced: bool = False) -> None:
        from pytest_mimic._remote.folding import fold

        writer = self._writing()
        if not writer.is_conditional:
            return
        # One process of a machine does it for all. The guard keeps its threads from doing it again.
        with self._contents.guard, self.lock("fold"):
            manifest = fold(self._bucket, self._cache, deletions=deletions or {}, is_forced=is_forced)
            if manifest is not None:
                writer.folded()
                if deletions:
                    writer.drop_waiting(deletions)  # or it would be sent later, and be back
                self._cache.forget_loose()
                self._contents.see(View(manifest))

    def expect_others(self) -> None:
        """Let `flush` also put into packs what other processes of the run have written."""
        self._writing().has_written = True

    def _writing(self) -> LooseWriter:
        with self._contents.guard:
            if self._writer is None:
                from pytest_mimic._remote.writing import LooseWriter

                self._writer = LooseWriter(self._bucket, self._cache, self._note)
            return self._writer

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    # -- locks

    def lock(self, name: str, *, timeout: float | None = None) -> AbstractContextManager[None]:
        """Keep other threads and processes of this machine out of `name`; other machines are kept out of nothing."""
        return self._cache.files.lock(name, timeout=timeout)

    def byte_locks(self) -> Locks:
        """Return locks between all processes, of all machines, that use this vault."""
        from pytest_mimic._remote.claims import ClaimLocks

        return ClaimLocks(
            self._cache.files.byte_locks(),
            self._bucket,
            refresh=self.refresh,
            is_conditional=lambda: self._writing().is_conditional,
            note=self._note,
        )
