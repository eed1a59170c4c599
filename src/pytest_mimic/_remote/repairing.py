"""Repairs a vault in a store: from the local copies where they are sound, else without what is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._remote.folding import PackedRecording, add_newer, recordings_in, write_packs
from pytest_mimic._remote.keys import (
    LARGES,
    MANIFESTS,
    PACKS,
    is_manifest_key,
    is_shared_key,
    large_key,
    manifest_key,
)
from pytest_mimic._remote.packs import Linked, Manifest, Pack, compress, decompress, digest_of
from pytest_mimic._remote.view import TRIES, look
from pytest_mimic.errors import CorruptRecordingError, RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._remote.cache import Cache
    from pytest_mimic._remote.packs import PackInfo

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


def problems_in(bucket: Bucket, cache: Cache) -> dict[str, PackInfo | Linked]:
    """Return the packs and large objects that the store lacks or has damaged, by their keys.

    The sizes of all are compared, and the content of those that are not among the sound local copies. The errors are
    those of `drop_damaged`.
    """
    view = look(bucket, cache)
    sizes = {key: size for folder in (PACKS, LARGES) for key, size, _ in bucket.list(folder)}
    found: dict[str, PackInfo | Linked] = {}
    packs = list(cache.loose(view.loose).values())
    for info in view.manifest.packs:
        pack = _readable(cache, info)
        packs.append(pack)
        if pack is None or not _is_stored(bucket, cache, info, sizes.get(info.key)):
            found[info.key] = info
    for pack in packs:
        for one in pack.members.values() if pack is not None else ():
            if isinstance(one, Linked) and sizes.get(large_key(one.sha256)) != one.size:
                found[large_key(one.sha256)] = one
    return found


def send_again(bucket: Bucket, cache: Cache) -> int:
    """Send the local copies of what the store lacks, and return their number. The errors are those of `drop_damaged`."""
    sent = 0
    for key, problem in problems_in(bucket, cache).items():
        if isinstance(problem, Linked):
            path = cache.object_path(problem)
            if path is not None:
                bucket.upload(key, path)
                sent += 1
        else:
            pack = _readable(cache, problem)
            if pack is not None:
                bucket.put(key, compress(bytes(pack.data)))
                sent += 1
    return sent


def _is_stored(bucket: Bucket, cache: Cache, info: PackInfo, size: int | None) -> bool:
    """Return whether the store has a pack, by its size; one that was sent again may be compressed by another zstd."""
    if size is None or size == info.stored:
        return size is not None
    stored, path = bucket.get(info.key), cache.path_of(info.key)
    try:
        return stored is not None and digest_of(decompress(stored, path, size=info.size)) == info.sha256
    except CorruptRecordingError:
        return False


def _readable(cache: Cache, info: PackInfo) -> Pack | None:
    try:
        return cache.packs([info])[0]
    except CorruptRecordingError as error:
        if "format" in error.data:
            raise
        return None


def mend_state(bucket: Bucket, cache: Cache) -> None:
    """Delete loose recordings that are damaged, and make the manifest again from all packs if it is damaged.

    Recordings that were deleted in the last day may come back.

    Raises:
        CorruptRecordingError: The manifest or a recording is of a newer format, which is left alone.
        RemoteError: The store cannot be read or written.
    """
    try:
        view = look(bucket, cache)
    except CorruptRecordingError as error:
        if "format" in error.data:
            raise
        _make_manifest(bucket, cache)
        view = look(bucket, cache)
    for key in view.loose:
        try:
            cache.loose([key])
        except CorruptRecordingError as error:
            if "format" in error.data:
                raise
            bucket.delete([key])


def _make_manifest(bucket: Bucket, cache: Cache) -> None:
    newest = max(
        (key for key, _, _ in bucket.list(MANIFESTS) if is_manifest_key(key)), default=manifest_key(0)
    )
    recordings: dict[str, PackedRecording] = {}
    for key in filter(is_shared_key, (key for key, _, _ in bucket.list(PACKS))):
        digest = key.rpartition("/")[2].partition(".")[0]
        try:
            pack = cache.replaced_pack(digest)
        except CorruptRecordingError as error:
            if "format" in error.data:
                raise
            continue
        add_newer(recordings, recordings_in(pack) if pack is not None else {})
    generation = int(newest.rpartition("/")[2]) + 1
    manifest = Manifest(generation, tuple(write_packs(bucket, cache, recordings, "")))
    if not bucket.create(manifest_key(generation), manifest.encode()):
        raise RemoteError(f"cannot repair {cache.path_of(MANIFESTS)}: it changes too fast", reason="failed")


def drop_damaged(bucket: Bucket, cache: Cache) -> int:
    """Create a manifest without the packs that are damaged or missing, and return how many recordings they held.

    Raises:
        CorruptRecordingError: The manifest is damaged.
        RemoteError: The store cannot be read or written.
    """
    for _ in range(TRIES):
        view = look(bucket, cache)
        old = view.manifest
        damaged = [info for info in old.packs if _readable(cache, info) is None]
        if not damaged:
            return 0
        packs = [info for info in old.packs if info not in damaged]
        if packs:  # the first pack takes all names before the second
            packs[0] = packs[0]._replace(first="")
        now = "" if view.now is None else view.now.isoformat()
        manifest = old._replace(
            generation=old.generation + 1,
            packs=tuple(packs),
            folded=view.folded,
            dropped={**old.dropped, **{info.sha256: now for info in damaged}},
        )
        if bucket.create(manifest_key(manifest.generation), manifest.encode()):
            return sum(info.recordings for info in damaged)
        # Another machine has folded meanwhile.
    raise RemoteError(f"cannot repair {cache.path_of('state/')}: it changes too fast", reason="failed")
