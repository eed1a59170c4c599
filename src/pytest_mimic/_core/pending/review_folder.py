"""The folder of what waits for a review: the list of changes, and their outcomes in the form of a vault."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.file_names import FOLDERS
from pytest_mimic._core.whole_files import write_whole
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Stored

#: The folder of `--mimic-review`, in the rootdir.
REVIEW_FOLDER = ".mimic_review"
#: The folder of the marks of what was in the vault when a recording over it was first written.
BEFORE = "before"
_LIST, _IGNORE = "changes.json", ".gitignore"
_FORMAT = 1
#: The facts of a change without which nothing can be shown or accepted.
_NEEDED: dict[str, type] = {
    **dict.fromkeys(("id", "change", "file", "call", "target", "staged", "before"), str),
    **dict.fromkeys(("tests", "differences"), list),
}
# The folder may come from elsewhere, such as an artifact of CI.
_NAME = re.compile(rf"(?:{'|'.join(FOLDERS)})/[^\\:\0]+\.json")

Row = dict[str, Any]
"""A change that waits for a decision, as the list has it. The reference describes its keys."""


class ReviewFolder:
    """The changes that wait, and the decisions about them."""

    def __init__(self, path: Path, label: str = REVIEW_FOLDER) -> None:
        self.path = path
        self.label = label
        self.recordings = FolderStore(path / "recordings")  # the store of the recordings that wait as a whole
        # The store of the outcomes of drifts: for each a recording of the recorded and the new one.
        self.drifts = FolderStore(path / "drifts")
        self._list = path / _LIST

    def exists(self) -> bool:
        return self._list.is_file()

    def drift_vault(self) -> Vault:
        """Return the vault of the drifts. It loads no pickles."""
        return Vault(self.drifts, pickles="forbid", label=f"{self.label}/drifts")

    # -- the list

    def read(self) -> list[Row]:
        """Return the changes. MimicError: there is no list, or it is none of changes."""
        return self._read_facts()["changes"]  # type: ignore[no-any-return]

    def _read_facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(self._list.read_bytes())
        except OSError as reason:
            raise MimicError(f"cannot read {self.label}/{_LIST}: {reason.strerror or reason}") from None
        except ValueError:
            raise self._strange() from None
        if not isinstance(facts, dict) or not isinstance(facts.get("changes"), list):
            raise self._strange()
        if facts.get("format") != _FORMAT:
            raise MimicError(f"{self.label} has another format than this version of pytest-mimic reads")
        for row in facts["changes"]:
            if not isinstance(row, dict) or not _is_row(row):
                raise self._strange()
        return facts

    def _strange(self) -> MimicError:
        return MimicError(
            f"{self.label} holds no changes to review",
            remedies=["to make some: pytest --mimic-verify --mimic-review"],
        )

    def write(self, rows: Sequence[Row], *, vault: str) -> None:
        """Write the list anew, whole or not at all. MimicError: it cannot be written."""
        self._write({"format": _FORMAT, "vault": vault, "changes": list(rows)})

    def _write(self, facts: dict[str, Any]) -> None:
        write_whole(self._list, layout(facts) + "\n", label=f"{self.label}/{_LIST}")

    @contextmanager
    def changing(self) -> Iterator[list[Row]]:
        """Keep other reviews out, and write the changes that the block makes to the rows."""
        with self.recordings.lock(_LIST):
            facts = self._read_facts()
            before = layout(facts)
            try:
                yield facts["changes"]
            finally:
                if layout(facts) != before:
                    self._write(facts)

    # -- the folder

    def make(self) -> None:
        """Make the folder, which git ignores. MimicError: it cannot be made."""
        if not (self.path / _IGNORE).exists():
            write_whole(self.path / _IGNORE, "*\n", label=f"{self.label}/{_IGNORE}")

    def drop_list(self) -> None:
        self._list.unlink(missing_ok=True)

    def check_links(self) -> None:
        """Check that the folder has no links: files elsewhere would be changed or deleted.

        MimicError: it has one.
        """
        folder = Path(os.path.realpath(self.path.parent), self.path.name)
        for top, folders, names in os.walk(self.path):
            place = folder / Path(top).relative_to(self.path)
            for path in (place, *(place / name for name in (*folders, *names))):
                if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
                    link = path.relative_to(folder.parent).as_posix()
                    raise MimicError(
                        f"{link} is a link: the folder of a review may hold none",
                        remedies=[f"to be safe, delete {self.label} and make the changes again"],
                    )

    def tidy(self) -> None:
        """Remove what nothing names: drifts that the list does not have, objects, and the folder if it is empty."""
        self.check_links()
        listed = (
            {row["staged"] for row in self.read() if row.get("place") is not None} if self.exists() else ()
        )
        are_empty = [_tidy(self.drifts, listed), _tidy(self.recordings)]
        if all(are_empty) and not self.exists():
            (self.path / _IGNORE).unlink(missing_ok=True)
            with suppress(OSError):
                self.path.rmdir()


def _tidy(store: FolderStore, kept: Collection[str] | None = None) -> bool:
    """Remove from a store what nothing names, and return whether nothing is left."""
    from pytest_mimic._core.vault.clearing import references, remove

    names = {name for folder in FOLDERS for name in store.names(folder)}
    gone = [] if kept is None else [name for name in names if name not in kept]
    names.difference_update(gone)
    named = {each for name in names for each in references(store.read(name) or b"")}
    gone += [name for name in store.names("objects") if name not in named]
    gone += [name for name in store.names(BEFORE) if name.removeprefix(f"{BEFORE}/") not in names]
    remove(store, gone)
    store.prune({name.rpartition("/")[0] for name in gone} | set(FOLDERS))
    if not names:
        for folder in (*FOLDERS, ""):
            with suppress(OSError):
                Path(store.path, folder).rmdir()
    return not names


def _is_row(row: Row) -> bool:
    """Check whether a change of the list has what is needed, and names only files inside of a vault."""
    place = row.get("place")
    is_placed = place is None or (type(place) is int and place >= 0)
    has_all = all(isinstance(row.get(key), kind) for key, kind in _NEEDED.items())
    if not has_all or not all(isinstance(test, str) for test in row["tests"]):
        return False
    is_decided = isinstance(row.get("decision"), str | None)
    # A whole recording waits under its own name.
    is_named = _is_name(row["file"]) and (
        row["staged"] == row["file"] if place is None else _is_name(row["staged"])
    )
    return is_placed and is_decided and is_named


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not {"", ".", ".."} & set(name.split("/"))


def mark_of(stored: Stored) -> str:
    """Return a mark of an outcome: another one if anything but its duration is different."""
    entry = stored.entry
    if "pickle" in entry:
        content = [entry["pickle"], entry["checksum"]]
    else:
        lifted = stored.lifted().encoded
        assert lifted is not None
        content = [lifted.fingerprint]
    facts = [entry.get(name) for name in ("imports", "code", "awaited")]
    return xxh3_64_hexdigest(layout([content, facts]).encode("utf-8", "surrogatepass"))


def id_of(*parts: object) -> str:
    """Return the short name of a change."""
    return xxh3_64_hexdigest("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"))


def merged(rows: Sequence[Row]) -> list[Row]:
    """Return each change once, with all tests that made it."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.setdefault(row["id"], {**row, "tests": []})
        known["tests"] += [test for test in row["tests"] if test not in known["tests"]]
    return list(found.values())
