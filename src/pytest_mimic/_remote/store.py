"""A store in a bucket: reads packs through a local cache, and writes each recording by one request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from threading import RLock
from typing import TYPE_CHECKING

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.bucket import Bucket, RemoteError
from pytest_mimic._remote.cache import Cache, usable
from pytest_mimic._remote.keys import MANIFESTS, is_loose_key, large_key, loose_folder, manifest_key, ulid_of
from pytest_mimic._remote.packs import Content, Linked, Pack, PackInfo, is_object_name, size_of
from pytest_mimic._remote.view import TRIES, View, look, look_offline
from pytest_mimic._vault.clearing import Cleared
from pytest_mimic.errors import CorruptRecordingError

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
        self._guard = RLock()
        self._view: View | None = None
        self._failed: RemoteError | None = None
        self._packed: dict[str, Content] = {}
        self._ulids: dict[str, str] = {}
        self._opened: set[str] = set()
        self._loose: dict[str, tuple[str, Content]] | None = None
        # Objects have names of their content, so that they stay true when recordings change.
        self._objects: dict[str, Content] = {}
        self._writer: LooseWriter | None = None
        self.notes: list[str] = []
        if folder != cache:
            self._note(f"{cache} cannot be written: this run fetches what it needs again")

    def on_progress(self, show: Callable[[int, int], object]) -> None:
        """Call `show` with the numbers of packs that were fetched and that are to be fetched."""
        self._cache.progress = show

    # -- reading

    def read(self, name: str) -> bytes | None:
        content = self._find(name)
        if isinstance(content, Linked):
            content = self._linked(name, content)
        return content if content is None or type(content) is bytes else bytes(content)

    def map(self, name: str) -> memoryview | None:
        content = self._find(name)
        if isinstance(content, Linked):
            return self._linked(name, content)
        # The caller may change it.
        return None if content is None else memoryview(bytearray(content))

    def size(self, name: str) -> int | None:
        content = self._find(name)
        if isinstance(content, Linked):
            return content.size
        return None if content is None else len(content)

    def names(self, prefix: str = "", *, deep: bool = True) -> list[str]:
        """Return the names of recordings and cassettes. Objects are not listed, as they belong to recordings."""
        if not deep or is_object_name(f"{prefix}/"):
            return []
        with self._guard:
            packs = self._look().manifest.packs_under(prefix)
            self._open([info for info in packs if info.sha256 not in self._opened])
            loose = self._loaded_loose()
            start = f"{prefix}/" if prefix else ""
            found = {name for name in self._packed if name.startswith(start)}
            found.update(name for name in loose if name.startswith(start))
            return sorted(name for name in found if name not in loose or self._newest(name)[1] is not None)

    def _find(self, name: str) -> Content:
        loose = self._loose
        if loose is None:
            loose = self._loaded_loose()
        if is_object_name(name):
            return self._objects.get(name)
        content = self._packed.get(name) if name not in loose else None
        return self._newest(name)[1] if content is None else content

    def _newest(self, name: str) -> tuple[str, Content]:
        """Return the ULID and the content of a recording, an empty ULID without one; open its pack if necessary."""
        with self._guard:
            info = self._look().manifest.pack_of(name)
            if info is not None and info.sha256 not in self._opened:
                self._open([info])
            loose = self._loaded_loose().get(name, ("", None))
            packed = (self._ulids.get(name, ""), self._packed.get(name))
            return max(loose, packed, key=lambda one: one[0])

    def _open(self, infos: list[PackInfo]) -> None:
        for _ in range(TRIES):
            packs = self._cache.packs(infos)
            if None not in packs:
                break
            # The pack was deleted, as all its recordings have been in other packs for a day.
            self.refresh()
            infos = [info for info in self._look().manifest.packs if info.sha256 not in self._opened]
        for info, pack in zip(infos, packs, strict=True):
            if pack is None:
                raise self._gone(info.key)
            self._opened.add(info.sha256)
            self._ulids.update(pack.ulids)
            for name, content in pack.contents().items():
                if is_object_name(name):
                    self._objects.setdefault(name, content)
                else:
                    self._packed[name] = content

    def _linked(self, name: str, linked: Linked) -> memoryview:
        data = self._cache.object(linked)
        if data is None:
            raise self._gone(large_key(linked.sha256), named_by=name)
        return data

    def _gone(self, key: str, *, named_by: str = "") -> CorruptRecordingError:
        path = self._cache.path_of(key)
        return CorruptRecordingError(
            f"{path} is missing",
            facts=[f"it holds {named_by}"] if named_by else [],
            remedies=["restore it in the store, or record again: pytest --mimic-rerecord"],
            file=path,
        )

    # -- what is in the vault

    @outside_event_loop
    def _look(self) -> View:
        with self._guard:
            if self._view is None:
                if self._failed is not None:
                    raise self._failed.copy()
                try:
                    view = look(self._bucket, self._cache)
                except RemoteError as error:
                    self._failed = error  # a run would wait for each call again
                    if error.reason == "no bucket":
                        raise
                    view = look_offline(self._cache, error)
                    self._note(f"{error.what}: this run used the local copies")
                self._see(view)
            return self._view  # type: ignore[return-value]

    def _see(self, view: View) -> None:
        if self._view is None or view.manifest is not self._view.manifest:
            self._packed, self._ulids, self._opened = {}, {}, set()
        self._view, self._loose = view, None

    @outside_event_loop
    def _loaded_loose(self) -> dict[str, tuple[str, Content]]:
        """Return the recordings that are in no pack, by name, each with its ULID."""
        with self._guard:
            for _ in range(TRIES):
                view = self._look()
                if self._loose is not None:
                    return self._loose
                packs = self._cache.loose(view.loose)
                if None not in packs.values():
                    break
                self._view = None  # another machine has put them into packs
            found: dict[str, tuple[str, Content]] = {}
            waiting = [(key, self._cache.parsed(key, stored)) for key, stored in self._cache.unsent]
            for key, pack in (*packs.items(), *waiting):
                if pack is None:
                    raise self._gone(key)
                self._add_loose(found, key, pack)
            self._loose = found
            return found

    def _add_loose(self, found: dict[str, tuple[str, Content]], key: str, pack: Pack) -> None:
        ulid = ulid_of(key)
        for name, content in pack.contents().items():
            if is_object_name(name):
                self._objects.setdefault(name, content)
            elif name not in found or found[name][0] < ulid:
                found[name] = (ulid, content)

    @outside_event_loop
    def refresh(self, tag: str = "") -> None:
        """Look at what is in the bucket now: at all of it, or at the recordings with a tag; see `tag_of`.

        RemoteError: the store cannot be read.
        """
        view = self._view
        if not tag or view is None or view.is_offline or not self._see_loose(view, tag):
            with self._guard:
                self._see(look(self._bucket, self._cache))

    def _see_loose(self, view: View, tag: str) -> bool:
        """Look at the loose recordings with a tag. Return False if there is a newer manifest than that of a view."""
        # Other threads go on meanwhile.
        listed = [
            key for key, _, _ in self._bucket.list(loose_folder(tag), checks=False) if is_loose_key(key)
        ]
        # After the list, because a recording is in a new manifest before it is deleted there.
        newest = manifest_key(view.manifest.generation)
        if self._bucket.list(MANIFESTS, after=newest, checks=False):
            return False
        with self._guard:
            now = self._look()
            if now.manifest.generation != view.manifest.generation:
                return False
            known = {*now.loose, *now.manifest.folded}
            if new := [key for key in listed if key not in known]:
                self._see(now._replace(loose=(*now.loose, *new)))
            return True

    def totals(self) -> tuple[int, int]:
        """Return the number of recordings and cassettes, and the bytes of all files."""
        with self._guard:
            packs = self._look().manifest.packs
            count, size = sum(info.recordings for info in packs), sum(info.bytes for info in packs)
            for name in self._loaded_loose():
                _, content = self._newest(name)
                before = self._packed.get(name)
                count += (content is not None) - (before is not None)
                size += size_of(content) - size_of(before)
            return count, size

    def absent(self) -> int:
        """Return the number of packs that were not fetched to this machine."""
        return sum(not self._cache.has(info) for info in self._look().manifest.packs)

    # -- writing

    @outside_event_loop
    def write(self, name: str, data: Data, *, durable: bool = True) -> None:  # noqa: ARG002 - it always is
        """Write a recording with the objects that it names, which were written before. It is in the store then."""
        writer = self._writing()
        if is_object_name(name):
            self._objects[name] = writer.kept(data)
        else:
            self._write(writer, name, data)

    @outside_event_loop
    def delete(self, names: Iterable[str]) -> int:
        """Delete recordings. Objects go with the last recording that names them, in `clear`."""
        deleted = 0
        for name in names:
            if is_object_name(name):
                deleted += self._objects.pop(name, None) is not None
            elif self._find(name) is not None:
                self._write(self._writing(), name, None)
                deleted += 1
        return deleted

    def _write(self, writer: LooseWriter, name: str, data: Data | None) -> None:
        last, _ = self._newest(name)
        key, pack = writer.write(name, data, self._objects, after=last)  # other threads go on meanwhile
        with self._guard:
            view = self._look()
            self._view = view._replace(loose=(*view.loose, key))
            self._add_loose(self._loaded_loose(), key, pack)
            if writer.is_due:
                self._fold()

    @outside_event_loop
    def clear(self, names: Collection[str]) -> Cleared:
        """Delete recordings and cassettes, and all objects that no other one names.

        Raises:
            CorruptRecordingError: A pack is damaged.
            RemoteError: The store cannot be read or written.
        """
        from pytest_mimic._remote.folding import delete_unused_objects

        with self._guard:
            writer = self._writing()
            if not writer.is_conditional:
                return Cleared(self.delete(names), 0, 0)
            existing = [name for name in names if self._find(name) is not None]
            self._fold(deletions=existing)
            objects, freed = delete_unused_objects(self._bucket, self._cache)
            return Cleared(len(existing), objects, freed)

    @outside_event_loop
    def flush(self) -> None:
        """Send what could not be sent before, and put the loose recordings into packs, if this process has written.

        RemoteError: recordings could not be sent. They stay on this machine, and a later run sends them.
        """
        with self._guard:
            try:
                if self._writer is not None:
                    self._finish(self._writer)
            finally:
                self._cache.trim(self._max_bytes)

    def _finish(self, writer: LooseWriter) -> None:
        writer.send_unsent()
        if writer.has_written and writer.is_conditional:
            try:
                self._fold()
            except RemoteError as error:
                self._note(f"{error.what}: the recordings are not in packs yet, a later run does that")

    def _fold(self, *, deletions: Collection[str] = ()) -> None:
        from pytest_mimic._remote.folding import fold

        writer = self._writing()
        if not writer.is_conditional:
            return
        # One process of a machine does it for all.
        with self.lock("fold"):
            manifest = fold(self._bucket, self._cache, deletions=deletions)
        writer.folded()
        self._cache.forget_loose()
        self._see(View(manifest))

    def expect_others(self) -> None:
        """Let `flush` also put into packs what other processes of the run have written."""
        self._writing().has_written = True

    def _writing(self) -> LooseWriter:
        with self._guard:
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
