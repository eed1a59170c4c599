"""Drops the packs that are damaged or missing in a store, so that their recordings can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._remote.keys import manifest_key
from pytest_mimic._remote.view import TRIES, look
from pytest_mimic.errors import CorruptRecordingError, RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._remote.cache import Cache
    from pytest_mimic._remote.packs import PackInfo

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


def drop_damaged(bucket: Bucket, cache: Cache) -> int:
    """Create a manifest without the packs that are damaged or missing, and return how many recordings they held.

    Raises:
        CorruptRecordingError: The manifest is damaged.
        RemoteError: The store cannot be read or written.
    """
    for _ in range(TRIES):
        view = look(bucket, cache)
        old = view.manifest
        damaged = [info for info in old.packs if not _is_sound(cache, info)]
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


def _is_sound(cache: Cache, info: PackInfo) -> bool:
    try:
        return cache.packs([info]) != [None]
    except CorruptRecordingError:
        return False
