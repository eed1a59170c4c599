"""The content of a vault in an object store at one moment: its newest manifest, and the recordings in no pack yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._remote.keys import STATE, is_loose_key, is_manifest_key, ulid_of
from pytest_mimic._remote.packs import Manifest
from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._remote.cache import Cache

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# The attempts to read what another machine replaces meanwhile.
TRIES = 8


class View(NamedTuple):
    """The state of a vault.

    Attributes:
        manifest: The newest one.
        loose: The keys of the recordings that are in no pack, in the order in which they were written.
        folded: The keys of those that are in packs, and are to be deleted.
        manifests: The keys of all manifests.
        now: The time of the newest change, by the store's clock. None: nothing was ever written.
        is_offline: Whether the store could not be reached, so that this is what a run has seen before.
    """

    manifest: Manifest
    loose: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    now: datetime | None = None
    is_offline: bool = False


def look(bucket: Bucket, cache: Cache) -> View:
    """Return the state of a vault, which takes one request if the manifest is the one of the last time.

    Raises:
        CorruptRecordingError: The manifest is damaged, or of a newer format.
        RemoteError: The store cannot be read.
    """
    for _ in range(TRIES):
        rows = bucket.list(STATE)
        view = _view(rows, cache)
        if view is not None:
            cache.files.write("listing.json", json.dumps(_listing_of(rows)).encode(), durable=False)
            return view
    raise RemoteError(f"cannot read {cache.path_of(STATE)}: it changes too fast", reason="failed")


def look_offline(cache: Cache, reason: RemoteError) -> View:
    """Return the state that this machine has seen last. Raise `reason` if it has seen none."""
    try:
        rows = _rows_of(json.loads(cache.files.read("listing.json") or b""))
        view = _view(rows, cache)
    except (ValueError, LookupError, TypeError, RemoteError):
        view = None
    if view is None:
        raise reason
    return view._replace(is_offline=True)


def _view(rows: list[tuple[str, int, datetime]], cache: Cache) -> View | None:
    manifest = Manifest()
    listed = [row for row in rows if is_manifest_key(row[0])]
    if listed:
        found = cache.manifest(*listed[-1])
        if found is None:  # a newer one has replaced it since it was listed
            return None
        manifest = found
    keys = sorted((key for key, _, _ in rows if is_loose_key(key)), key=ulid_of)
    done = set(manifest.folded)
    return View(
        manifest,
        tuple(key for key in keys if key not in done),
        tuple(key for key in keys if key in done),
        tuple(key for key, _, _ in listed),
        max((modified for _, _, modified in rows), default=None),
    )


def _listing_of(rows: Iterable[tuple[str, int, datetime]]) -> list[list[Any]]:
    """Return a listing of the store as JSON data."""
    return [[key, size, modified.isoformat()] for key, size, modified in rows]


def _rows_of(listing: Iterable[Sequence[Any]]) -> list[tuple[str, int, datetime]]:
    """Return the rows of `_listing_of`."""
    return [(key, size, datetime.fromisoformat(modified)) for key, size, modified in listing]
