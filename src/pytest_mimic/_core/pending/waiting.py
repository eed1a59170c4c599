"""Keeps what a run with `--mimic-review` has found: recordings that are new or changed, and drifts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pytest_mimic._core.describe.recorded_files import CatalogFile
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.pending.overlay import OverlayStore, mark_of_content
from pytest_mimic._core.pending.review_folder import BEFORE, REVIEW_FOLDER, ReviewFolder, Row, id_of, merged
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.vault import FolderStore
from pytest_mimic._core.vault.file_names import FOLDERS
from pytest_mimic._core.words import plural

# Facts of a recording that say nothing about its outcomes.
_OF_THE_RUN = ("test", "recorded")


def folder_of(settings: Settings) -> ReviewFolder:
    return ReviewFolder(settings.rootdir / REVIEW_FOLDER)


def store_over(settings: Settings) -> OverlayStore:
    """Return the store of a recording run with `--mimic-review`, which leaves the vault as it is."""
    return OverlayStore(folder_of(settings).recordings, FolderStore(settings.vault))


def begin(settings: Settings) -> None:
    """Drop what an earlier run has kept of recordings that have changed in the vault since then."""
    folder_of(settings).make()
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


def keep(settings: Settings, drifts: Sequence[Row]) -> str:
    """Write the list of what waits, and return the note for the summary.

    A run that verifies replaces the drifts of earlier ones, and leaves the recordings that wait. A recording run does
    the reverse.
    """
    folder = folder_of(settings)
    if settings.mode is not Mode.VERIFY and folder.exists():
        known = [row for row in folder.read() if row.get("place") is not None]
        drifts = [row for row in known if not row.get("decision")]
    rows = [*merged(drifts), *_rows(store_over(settings))]
    if rows:
        folder.write(rows, vault=settings.shown_vault)
    else:
        folder.drop_list()
    folder.tidy()
    if not rows:
        return ""
    wait = "waits" if len(rows) == 1 else "wait"
    return f"{plural(len(rows), 'change')} {wait} for a review, the vault is as it was: pytest-mimic review"


def _rows(store: OverlayStore) -> Iterator[Row]:
    """Yield the recordings that wait. What differs from the vault by the facts of the run alone is discarded."""
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
        "staged": name,
        "problem": "",
        "in_cassette": file.is_cassette,
    }
