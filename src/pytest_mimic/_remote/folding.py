"""Puts loose recordings into packs: new packs first, then the next manifest, then the deletion of what it replaces.

Each step leaves the vault whole. Two machines that fold at the same time try to create the same manifest, and the
store lets one of them do so. The other one looks again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._remote.keys import CLAIMS, LARGES, PACKS, is_shared_key, large_key, manifest_key, pack_key
from pytest_mimic._remote.packs import (
    Content,
    Linked,
    Manifest,
    Pack,
    PackInfo,
    compress,
    digest_of,
    encode_pack,
    is_object_name,
    size_of,
    split,
)
from pytest_mimic._remote.ulids import new_ulid, ulid_after
from pytest_mimic._remote.view import TRIES, View, look
from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._remote.cache import Cache

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# How long a pack stays that no manifest lists any longer: a run that began before may still read it.
_GRACE = timedelta(days=1)
# The manifests that stay, for runs that have just listed them.
_KEPT = 4
# So many loose recordings go into packs in any case, and each is worth so many bytes of packs.
_MANY, _WORTH = 64, 64 << 10
# Other machines may win as often as this.
_TRIES = 8 * TRIES


class PackedRecording(NamedTuple):
    """A recording with the objects that it names. Its content is None if it was deleted."""

    ulid: str
    content: Content
    objects: dict[str, Content]


def fold(
    bucket: Bucket,
    cache: Cache,
    *,
    deletions: Mapping[str, str] = MappingProxyType({}),
    is_forced: bool = False,
) -> Manifest | None:
    """Put all loose recordings into packs, and return the new manifest.

    Some recordings are deleted, as they were at the given ULIDs: those that were written again since stay.

    Unless it is forced, nothing happens and None is returned while the loose recordings are not worth the packs that
    would be replaced, which other machines would have to fetch again.

    Raises:
        CorruptRecordingError: A pack that must change is damaged.
        RemoteError: The store cannot be read or written. Nothing is lost.
    """
    for _ in range(_TRIES):
        view = look(bucket, cache)
        loose = cache.loose(view.loose)
        changes: dict[str, PackedRecording] = {}
        for pack in loose.values():
            if pack is None:
                break
            add_newer(changes, recordings_in(pack))
        else:
            add_newer(
                changes,
                {name: PackedRecording(ulid_after(ulid), None, {}) for name, ulid in deletions.items()},
            )
            if not changes:
                _clean(bucket, view, view.manifest)
                return view.manifest
            if not is_forced and not _is_worth_it(view, changes):
                return None
            manifest = _folded(bucket, cache, view, changes)
            if manifest is not None and bucket.create(manifest_key(manifest.generation), manifest.encode()):
                _clean(bucket, view, manifest)
                return manifest
        # Another machine has folded meanwhile.
    raise RemoteError(f"cannot fold {cache.path_of('state/')}: it changes too fast", reason="failed")


def _is_worth_it(view: View, changes: Collection[str]) -> bool:
    packs = {view.manifest.pack_of(name) for name in changes}
    replaced = sum(info.stored for info in packs if info is not None)
    return len(view.loose) >= _MANY or replaced <= _WORTH * len(view.loose)


def _folded(bucket: Bucket, cache: Cache, view: View, changes: dict[str, PackedRecording]) -> Manifest | None:
    """Return the next manifest, whose packs are in the store. None: another machine has deleted one."""
    old = view.manifest
    touched: dict[int, dict[str, PackedRecording]] = {}
    for name, change in changes.items():
        touched.setdefault(old.index_of(name), {})[name] = change
    packs: list[PackInfo] = list(old.packs)
    replaced: list[PackInfo] = []
    for begin, end in reversed(_runs(sorted(touched))):
        before = old.packs[begin:end]
        recordings: dict[str, PackedRecording] = {}
        for pack in cache.packs(before):
            if pack is None:
                return None
            recordings.update(recordings_in(pack))
        for index in range(begin, end):
            add_newer(recordings, touched[index])
        first = before[0].first if before else ""
        packs[begin:end] = write_packs(bucket, cache, recordings, first)
        replaced += before
    if packs and packs[0].first:  # the first pack takes all names before the second
        packs[0] = packs[0]._replace(first="")
    return _next_manifest(view, packs, replaced)


def _runs(indexes: list[int]) -> list[tuple[int, int]]:
    """Return the ranges of adjacent numbers, each with its end."""
    runs: list[tuple[int, int]] = []
    for index in indexes:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def write_packs(
    bucket: Bucket, cache: Cache, recordings: dict[str, PackedRecording], first: str
) -> Iterator[PackInfo]:
    """Write recordings into new packs, of which the first takes all names from `first` on."""
    ulids = {name: recording.ulid for name, recording in recordings.items()}
    for number, part in enumerate(split(_members(recordings))):
        # The mark makes each pack another one, so that no pack comes back that another machine is about to delete.
        plain = encode_pack(part, ulids, mark=new_ulid())
        stored = compress(plain)
        count = sum(not is_object_name(name) for name, _ in part)
        size = sum(size_of(content) for _, content in part)
        begin = part[0][0] if number else first
        info = PackInfo(begin, digest_of(plain), len(plain), len(stored), count, size)
        bucket.put(info.key, stored)
        cache.keep(info, plain)
        yield info


def _next_manifest(view: View, packs: list[PackInfo], replaced: Iterable[PackInfo]) -> Manifest:
    now = "" if view.now is None else view.now.isoformat()
    dropped = {digest: time for digest, time in view.manifest.dropped.items() if not _is_over(time, view.now)}
    return Manifest(
        view.manifest.generation + 1,
        tuple(packs),
        (*view.folded, *view.loose),
        {**dropped, **dict.fromkeys((info.sha256 for info in replaced), now)},
    )


def _clean(bucket: Bucket, view: View, manifest: Manifest) -> None:
    """Delete what a manifest has made superfluous. What stays after a failure goes with a later one."""
    dropped = [digest for digest in view.manifest.dropped if digest not in manifest.dropped]
    keys = [
        *(view.loose if manifest is not view.manifest else ()),
        *view.folded,
        *view.manifests[:-_KEPT],
        *(pack_key(digest) for digest in dropped),
    ]
    with suppress(RemoteError):
        bucket.delete(keys)


def _is_over(time: str, now: datetime | None) -> bool:
    return bool(time) and now is not None and now - datetime.fromisoformat(time) > _GRACE


def delete_unused_objects(bucket: Bucket, cache: Cache) -> tuple[int, int]:
    """Delete the objects, packs and claims that nothing needs, except new ones, which a writer may be about to list.

    Return the number of objects and their bytes. The errors are those of `fold`.
    """
    view = look(bucket, cache)
    used = {info.key for info in view.manifest.packs}
    used |= {pack_key(digest) for digest in view.manifest.dropped}
    for pack in [*cache.packs(view.manifest.packs), *cache.loose(view.loose).values()]:
        if pack is None:  # a recording may be in a pack that this process has not seen
            return 0, 0
        used |= {large_key(one.sha256) for one in pack.members.values() if isinstance(one, Linked)}
    # Claims of such an age are those of calls whose processes died.
    rows = [row for folder in (LARGES, PACKS, CLAIMS) for row in bucket.list(folder)]
    unused = [
        (key, size)
        for key, size, modified in rows
        if is_shared_key(key) and key not in used and view.now is not None and view.now - modified > _GRACE
    ]
    bucket.delete([key for key, _ in unused])
    objects = [size for key, size in unused if key.startswith(LARGES)]
    return len(objects), sum(objects)


def _members(recordings: dict[str, PackedRecording]) -> Iterator[tuple[str, Content]]:
    for name in sorted(recordings):
        recording = recordings[name]
        if recording.content is not None:
            yield name, recording.content
            yield from sorted(recording.objects.items(), key=lambda item: item[0])


def recordings_in(pack: Pack) -> dict[str, PackedRecording]:
    """Return the recordings of a pack by name."""
    return {
        name: PackedRecording(
            ulid, pack.content(name), {one: pack.content(one) for one in pack.objects[name]}
        )
        for name, ulid in pack.ulids.items()
    }


def add_newer(recordings: dict[str, PackedRecording], newer: Mapping[str, PackedRecording]) -> None:
    """Add recordings, of which those count that were written last."""
    for name, recording in newer.items():
        before = recordings.get(name)
        if before is None or before.ulid < recording.ulid:
            recordings[name] = recording
