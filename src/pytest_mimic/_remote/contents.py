"""The files of a vault in an object store, as one process knows them: opened packs, and recordings in no pack yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from os import getpid
from threading import RLock
from typing import TYPE_CHECKING, Any

from pytest_mimic._ambient import command, vault_command
from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.keys import (
    MANIFESTS,
    is_loose_key,
    large_key,
    loose_folder,
    loose_key,
    manifest_key,
    tag_in,
    tag_of,
    ulid_of,
)
from pytest_mimic._remote.packs import Content, Linked, Manifest, Pack, PackInfo, is_object_name, size_of
from pytest_mimic._remote.view import TRIES, View, look, look_offline
from pytest_mimic.errors import CorruptRecordingError, RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._remote.cache import Cache

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Up to so many loose recordings are all fetched at once, in parallel. Of more, each is fetched when it may be needed.
_FEW = 64


class VaultContents:
    """The files of a vault. They are read when they are needed, and each once.

    Args:
        bucket: Where they are.
        cache: The local copies.
        note: Takes a sentence for the summary.

    Attributes:
        objects: The contents of the objects of all recordings that were read or written. They have names of their
            content, so that they stay true when recordings change.
    """

    def __init__(self, bucket: Bucket, cache: Cache, note: Callable[[str], object]) -> None:
        self._bucket = bucket
        self._cache = cache
        self._note = note
        self._guard = (getpid(), RLock())
        self.objects: dict[str, Content] = {}
        self._view: View | None = None
        self._failed: RemoteError | None = None
        self._packed: dict[str, Content] = {}
        self._ulids: dict[str, str] = {}
        self._opened: set[str] = set()
        self._unknown: set[str] = set()
        self._loose: dict[str, tuple[str, Content]] = {}
        self._unloaded: dict[str, list[str]] = {}

    @property
    def guard(self) -> Any:
        """The lock that is held while what is known changes. A forked child has its own: no thread would release it."""
        process, guard = self._guard
        if process != getpid():
            guard = RLock()
            self._guard = (getpid(), guard)
        return guard

    # -- one file

    def get(self, name: str) -> Content:
        """Return the content of a file, or None. The errors are those of `Cache.packs`."""
        if is_object_name(name):
            return self.objects.get(name)
        if self._unloaded or name in self._loose:
            return self.newest(name)[1]
        content = self._packed.get(name)
        return self.newest(name)[1] if content is None else content

    def newest(self, name: str) -> tuple[str, Content]:
        """Return the ULID and the content of a recording: an empty ULID and None if there is none."""
        with self.guard:
            for _ in range(TRIES):
                view = self.view()
                self._load_loose(name)
                info = view.manifest.pack_of(name)
                if info is not None and info.sha256 not in self._opened:
                    self._open(lambda manifest: filter(None, [manifest.pack_of(name)]))
                if self._view is view:
                    break
            loose = self._loose.get(name, ("", None))
            packed = (self._ulids.get(name, ""), self._packed.get(name))
            return max(loose, packed, key=lambda one: one[0])

    def linked(self, name: str, linked: Linked) -> memoryview:
        """Return the bytes of a file that is an object of its own. The errors are those of `Cache.object`."""
        data = self._cache.object(linked)
        if data is None:
            raise self._gone(large_key(linked.sha256), named_by=name)
        return data

    def add(self, key: str, pack: Pack) -> None:
        """Add a recording that this process has written."""
        with self.guard:
            self.view()
            self._add_loose(self._loose, key, pack)

    def find_replaced(self, names: Collection[str]) -> None:
        """Look for objects in the packs that were replaced in the last day: a recording of before is put back."""
        missing = {name for name in names if name not in self.objects} - self._unknown
        for digest in self.view().manifest.dropped if missing else ():
            pack = self._cache.replaced_pack(digest)
            found = missing & pack.members.keys() if pack is not None else ()
            for name in found:
                self.objects[name] = pack.content(name)  # type: ignore[union-attr]
            missing.difference_update(found)
            if not missing:
                break
        self._unknown |= missing  # texts of an outcome may look like names

    # -- all files

    def names(self, prefix: str) -> list[str]:
        """Return the names of all recordings and cassettes in the folder `prefix`."""
        start = f"{prefix}/" if prefix else ""
        with self.guard:
            self._load_loose()
            self._open(lambda manifest: manifest.packs_under(prefix))
            loose = [name for name in self._loose if name.startswith(start)]
            found = {name for name in self._packed if name.startswith(start)}
            absent = {name for name in loose if self.newest(name)[1] is None}
            return sorted(found.union(loose) - absent)

    def totals(self) -> tuple[int, int]:
        """Return the number of recordings and cassettes, and the bytes of all files."""
        with self.guard:
            self._load_loose()
            packs = self.view().manifest.packs
            count, size = sum(info.recordings for info in packs), sum(info.bytes for info in packs)
            for name in list(self._loose):
                _, content = self.newest(name)
                before = self._packed.get(name)
                count += (content is not None) - (before is not None)
                size += size_of(content) - size_of(before)
            return count, size

    def absent(self) -> int:
        """Return the number of packs that were not fetched to this machine."""
        return sum(not self._cache.has(info) for info in self.view().manifest.packs)

    def known(self) -> set[str]:
        """Return the names of the recordings that were read, and for all others the keys of what holds them."""
        with self.guard:
            packs = self.view().manifest.packs
            names = {name for name, (_, content) in self._loose.items() if content is not None}
            names |= self._packed.keys() - self._loose.keys()
            names.update(info.key for info in packs if info.sha256 not in self._opened)
            return names.union(*self._unloaded.values())

    def holder(self, name: str) -> str:
        """Return the key of what holds a recording: a pack, or a loose recording of its own."""
        ulid, _ = self.newest(name)
        if name in self._loose and self._loose[name][0] == ulid:
            return loose_key(name, ulid)
        info = self.view().manifest.pack_of(name)
        return "" if info is None else info.key

    # -- what is in the vault

    @outside_event_loop
    def view(self) -> View:
        """Return the state of the vault when this process has looked last. The errors are those of `look_offline`."""
        with self.guard:
            if self._view is None:
                if self._failed is not None:
                    raise self._failed.copy()
                try:
                    self.see(self._look())
                except RemoteError as error:
                    self._failed = error  # a run would wait for each call again
                    raise
            return self._view  # type: ignore[return-value]

    def _look(self) -> View:
        try:
            return look(self._bucket, self._cache)
        except RemoteError as error:
            if error.reason == "no bucket":
                raise
            view = look_offline(self._cache, error)
            self._note(f"{error.what}: this run used the local copies")
            return view

    def see(self, view: View) -> None:
        """Take a state of the vault as the present one."""
        with self.guard:
            if self._view is None or view.manifest != self._view.manifest:
                self._packed, self._ulids, self._opened = {}, {}, set()
            unloaded: dict[str, list[str]] = {}
            for key in view.loose:
                unloaded.setdefault(tag_in(key), []).append(key)
            loose: dict[str, tuple[str, Content]] = {}
            for key, _, pack in self._cache.waiting():
                self._add_loose(loose, key, pack)
            # In this order, as `get` looks without the guard.
            self._view, self._unloaded = view, unloaded
            self._loose = loose

    @outside_event_loop
    def refresh(self, tag: str = "") -> None:
        """Look at what is in the bucket now: at all of it, or at the recordings with a tag; see `tag_of`.

        RemoteError: the store cannot be read.
        """
        view = self._view
        if not tag or view is None or view.is_offline or not self._see_loose(view, tag):
            with self.guard:  # or what other threads add meanwhile would be forgotten
                self.see(look(self._bucket, self._cache))

    def _see_loose(self, view: View, tag: str) -> bool:
        """Look at the loose recordings with a tag. Return False if there is a newer manifest than that of a view."""
        # Other threads go on meanwhile.
        rows = self._bucket.list(loose_folder(tag), checks=False)
        # After the list, because a recording is in a new manifest before it is deleted there.
        newest = manifest_key(view.manifest.generation)
        if self._bucket.list(MANIFESTS, after=newest, checks=False):
            return False
        with self.guard:
            now = self.view()
            if now.manifest.generation != view.manifest.generation:
                return False
            known = {*now.loose, *now.manifest.folded}
            if new := [key for key, _, _ in rows if is_loose_key(key) and key not in known]:
                self._view = now._replace(loose=(*now.loose, *new))
                self._unloaded.setdefault(tag, []).extend(new)
            return True

    @outside_event_loop
    def _load_loose(self, name: str = "") -> None:
        """Load the recordings in no pack that a name may be of; without a name, or if they are few, all of them."""
        gone = [""]
        for _ in range(TRIES):
            self.view()
            if not self._unloaded:
                return
            tags = (
                [tag_of(name)]
                if name and sum(map(len, self._unloaded.values())) > _FEW
                else [*self._unloaded]
            )
            keys = [key for tag in tags for key in self._unloaded.get(tag, ())]
            packs = self._cache.loose(keys)
            gone = [key for key, pack in packs.items() if pack is None]
            if not gone:
                for key, pack in packs.items():
                    self._add_loose(self._loose, key, pack)
                for tag in tags:
                    self._unloaded.pop(tag, None)
                return
            self._view = None  # another machine has put them into packs
        raise self._gone(gone[0])

    def _add_loose(self, loose: dict[str, tuple[str, Content]], key: str, pack: Pack | None) -> None:
        ulid = ulid_of(key)
        for name, content in pack.contents().items() if pack is not None else ():
            if is_object_name(name):
                self.objects.setdefault(name, content)
            elif name not in loose or loose[name][0] < ulid:
                loose[name] = (ulid, content)

    def _open(self, chosen: Callable[[Manifest], Iterable[PackInfo]]) -> None:
        infos: list[PackInfo] = []
        packs: list[Pack | None] = []
        for _ in range(TRIES):
            infos = [info for info in chosen(self.view().manifest) if info.sha256 not in self._opened]
            packs = self._cache.packs(infos)
            if None not in packs:
                break
            # The pack was deleted, as all its recordings have been in other packs for a day.
            self.refresh()
        for info, pack in zip(infos, packs, strict=True):
            if pack is None:
                raise self._gone(info.key)
            self._ulids.update(pack.ulids)
            for name, content in pack.contents().items():
                if is_object_name(name):
                    self.objects.setdefault(name, content)
                else:
                    self._packed[name] = content
            self._opened.add(info.sha256)

    def _gone(self, key: str, *, named_by: str = "") -> CorruptRecordingError:
        path = self._cache.path_of(key)
        again = f"remove it, and record again: {vault_command('verify', '--repair')}"
        if named_by:
            again = f"record again: {command('--mimic-rerecord')}"
        return CorruptRecordingError(
            f"{path} is missing",
            facts=[f"it holds {named_by}"] if named_by else [],
            remedies=[f"restore it in the store, or {again}"],
            file=path,
        )
