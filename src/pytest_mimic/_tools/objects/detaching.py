"""Detaches the large objects of recordings that were made before there was a store for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.describe.recorded_files import CatalogFile, Entry, objects_of
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.clearing import remove
from pytest_mimic._core.vault.detached import LEAST, Detached, DetachedWriter
from pytest_mimic._core.vault.file_names import CASSETTES, OBJECTS_LOCK
from pytest_mimic._core.vault.parsing import DETACHED_FORMAT, parse_recording
from pytest_mimic._tools.catalog.checking import Checker
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault


class Moved(NamedTuple):
    """The result of detaching.

    Attributes:
        recordings: The names of the recordings and cassettes that were rewritten.
        objects: The objects that were detached, with their bytes.
        damaged: The recordings that were left alone, because they or their objects are damaged.
    """

    recordings: list[str]
    objects: dict[str, int]
    damaged: list[str]


def in_git(vault: Vault, files: Iterable[CatalogFile]) -> dict[str, int]:
    """Return the large objects of recordings that are not detached, with their bytes."""
    names = {name for file in files for entry in file.outcomes for name in _attached(entry)}
    sizes = {name: vault.store.size(name) or 0 for name in sorted(names)}
    return {name: size for name, size in sizes.items() if size >= LEAST}


def detach(vault: Vault, files: Iterable[CatalogFile]) -> Moved:
    """Detach the large objects of recordings, which are rewritten, and delete them where Git has them.

    A crash leaves each recording as it was or rewritten, and the next call deletes what it has left.
    """
    files = list(files)
    large = in_git(vault, files)
    moved = Moved([], {}, [])
    with vault.store.lock(OBJECTS_LOCK):
        for file in files:
            if any(name in large for entry in file.outcomes for name in _attached(entry)):
                _rewrite(vault, file.name, large, moved)
        _delete_detached(vault)
    return moved


def _rewrite(vault: Vault, name: str, large: dict[str, int], moved: Moved) -> None:
    # Nothing damaged gets a hash that makes it sound.
    if Checker(vault).check([name]).findings:
        moved.damaged.append(name)
        return
    store: Any = vault.store
    data = store.read(name) or b""
    facts = parse_recording(data, vault.label, name)
    writer = DetachedWriter(store)
    for entry in _entries(facts, name):
        found = {each: _detached(store, writer, each) for each in sorted(_attached(entry)) if each in large}
        if found:
            entry["detached"] = {
                **entry.get("detached", {}),
                **{each: one._asdict() for each, one in found.items()},
            }
            moved.objects.update((each, one.size) for each, one in found.items())
    facts["format"] = DETACHED_FORMAT
    if store.read(name) == data:  # a run may have recorded it again
        store.write(name, (layout(facts) + "\n").encode())
        moved.recordings.append(name)


def _detached(store: Any, writer: DetachedWriter, name: str) -> Detached:
    content = store.map(name)
    detached, _, _ = writer.write(name, [content], durable=True)
    assert detached is not None
    return detached


def _delete_detached(vault: Vault) -> None:
    """Delete the objects that some outcome has detached, and that no other one needs in their old place."""
    detached: set[str] = set()
    needed: set[str] = set()
    for name in vault.names():
        data = vault.store.read(name) or b""
        try:
            entries = _entries(parse_recording(data, vault.label, name), name)
            for entry in entries:
                detached.update(entry.get("detached", ()))
                needed |= _attached(entry)
        except (MimicError, LookupError, TypeError, AttributeError):  # it may need any object
            return
    gone = [name for name in vault.store.names("objects") if name in detached and name not in needed]
    remove(vault.store, gone)


def _attached(entry: Entry) -> set[str]:
    """Return the objects of an outcome that are in Git."""
    return set(objects_of(entry)).difference(entry.get("detached", ()))


def _entries(facts: dict[str, Any], name: str) -> list[Entry]:
    if name.startswith(CASSETTES):
        return [call["outcome"] for call in facts["calls"]]
    entries: list[Entry] = facts["outcomes"]
    return entries
