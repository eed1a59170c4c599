"""Keeps what a run found for a review: the drifts of `--mimic-drift`, and the recordings of `--mimic-review`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_mimic._core.describe.recorded_files import CatalogFile
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.pending.drift_files import (
    BEFORE,
    REVIEW_FILE,
    ChangesFile,
    Row,
    id_of,
    staged_folder,
    tidy,
    write_drifts,
)
from pytest_mimic._core.pending.overlay import OverlayStore, mark_of_content
from pytest_mimic._core.settings import Settings
from pytest_mimic._core.vault import FolderStore
from pytest_mimic._core.vault.file_names import FOLDERS

# Facts of a recording that say nothing about its outcomes.
_OF_THE_RUN = ("test", "recorded")


def store_over(settings: Settings) -> OverlayStore:
    """Return the store of a `--mimic-review` run, which leaves the vault as it is."""
    staged = FolderStore(staged_folder(settings.rootdir / REVIEW_FILE))
    return OverlayStore(staged, FolderStore(settings.vault))


def begin(settings: Settings) -> None:
    """Drop what an earlier run has kept of recordings that have changed in the vault since then."""
    store = store_over(settings)
    for name in waiting(store):
        if not is_current(store, name):
            discard(store, name)


def waiting(store: OverlayStore) -> list[str]:
    """Return the names of the recordings and cassettes that wait for a decision, sorted."""
    return sorted(name for folder in FOLDERS for name in store.over.names(folder))


def is_current(store: OverlayStore, name: str) -> bool:
    """Check whether the vault's file is as it was when the change was made."""
    return _before(store, name) == mark_of_content(store.vault.read(name))


def _before(store: OverlayStore, name: str) -> str:
    return (store.over.read(f"{BEFORE}/{name}") or b"").decode("ascii", "replace")


def discard(store: OverlayStore, name: str) -> None:
    """Forget a recording that waits. Its objects go with the next sweep."""
    store.over.delete([name, f"{BEFORE}/{name}"])
    store.prune({name.rpartition("/")[0]})


def keep_drifts(settings: Settings, rows: Sequence[Row]) -> str:
    """Write the drifts of a run to the file of `--mimic-drift`, and return the note for the summary."""
    assert settings.drift is not None
    count = write_drifts(settings.drift, rows, vault=settings.shown_vault)
    if not count:
        return ""
    shown = _shown(settings.drift)
    return f"{_counted(count, 'drift')} kept in {shown}, to review: pytest-mimic review {shown}"


def keep_recordings(settings: Settings) -> str:
    """Write the list of the recordings that wait for a review, and return the note for the summary."""
    path = settings.rootdir / REVIEW_FILE
    store = store_over(settings)
    rows = list(_rows(store))
    if rows:
        ChangesFile(path).write(rows, vault=settings.shown_vault)
    else:
        path.unlink(missing_ok=True)
    tidy(path)
    if not rows:
        return ""
    wait = "waits" if len(rows) == 1 else "wait"
    return f"{_counted(len(rows), 'change')} {wait} for a review, the vault is as it was: pytest-mimic review"


def _rows(store: OverlayStore) -> Iterator[Row]:
    """Yield the changes that wait. What differs from the vault by the facts of the run alone is discarded."""
    for name in waiting(store):
        old, new = store.vault.read(name), store.read(name)
        if old == new or (old and new and _content(old) == _content(new)):
            discard(store, name)
            continue
        change = "removed" if new is None else "new" if old is None else "changed"
        yield {**_facts(new or old or b"", name), "change": change, "before": _before(store, name)}


def _content(data: bytes) -> str:
    """Return what a recording says but for the facts of its run, as text."""
    try:
        facts = json.loads(data)
        calls = [call["outcome"] for call in facts.get("calls", ())]
        for entry in (*facts.get("outcomes", ()), *calls):
            entry.pop("duration", None)
        for name in _OF_THE_RUN:
            facts.pop(name, None)
        return layout(facts)
    except (ValueError, TypeError, AttributeError, LookupError):  # a damaged file is another one
        return data.decode("latin-1")


def _facts(data: bytes, name: str) -> Row:
    """Return the facts of a waiting recording that its row has."""
    try:
        file = CatalogFile.of(name, json.loads(data), len(data))
    except (ValueError, TypeError, LookupError, AttributeError):  # the damaged one in the vault
        file = CatalogFile(name, {}, [], len(data))
    call = None if file.is_cassette or not file.calls else file.calls[0]
    return {
        "id": id_of(name, data),
        "file": name,
        "place": None,
        "target": name if call is None else call.target,
        "call": file.label() if call or file.is_cassette else name,
        "signature": None if call is None else call.signature,
        "host": None if call is None else call.host,
        "arguments": None if call is None else call.arguments,
        "tests": [file.test] if file.test else [],
        "differences": [],
        "paths": [],
        "staged": name,
        "problem": "",
        "in_cassette": file.is_cassette,
    }


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shown(path: Path) -> str:
    """Return a path relative to the current folder, if it is inside."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)
