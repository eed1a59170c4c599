"""The file of changes that wait for a review, and the vault beside it that holds their outcomes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_64_hexdigest

from pytest_mimic._core.files.whole import write_whole
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.file_names import FOLDERS
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Stored

#: The file of `--mimic-review`, in the rootdir.
REVIEW_FILE = ".mimic_review.json"
#: The folder of the marks of what was in the vault when a recording over it was first written.
BEFORE = "before"
_FORMAT = 1
#: The facts of a change without which nothing can be shown or accepted.
_NEEDED = {
    "id": str,
    "change": str,
    "file": str,
    "call": str,
    "target": str,
    "staged": str,
    "before": str,
    "tests": list,
    "differences": list,
    "paths": list,
}
# A file of changes may come from elsewhere, such as an artifact of CI.
_NAME = re.compile(rf"(?:{'|'.join(FOLDERS)})/[^\\:\0]+\.json")

Row = dict[str, Any]
"""A change that waits for a decision, as the file has it. The reference describes its keys."""


def staged_folder(file: Path) -> Path:
    """Return the folder beside a file of changes that holds their outcomes, as a vault does."""
    return file.with_name(f"{file.name}.objects")


def staged_vault(file: Path) -> Vault:
    """Return the vault beside a file of changes. It loads no pickles."""
    folder = staged_folder(file)
    return Vault(FolderStore(folder), pickles="forbid", label=folder.name)


def check_links(file: Path) -> None:
    """Check that the folder beside a file of changes has no links: files elsewhere would be changed or deleted.

    Raises:
        MimicError: It has one.
    """
    folder = staged_folder(file)
    real = os.path.realpath(folder.parent)
    for top, folders, names in os.walk(folder):
        place = Path(real, folder.name, Path(top).relative_to(folder))
        for path in (place, *(place / name for name in (*folders, *names))):
            if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
                link = path.relative_to(real).as_posix()
                raise MimicError(
                    f"{link} is a link: the folder of a review may hold none",
                    remedies=[f"to be safe, delete {folder.name} and make the changes again"],
                )


def mark_of(stored: Stored) -> str:
    """Return a mark of an outcome: another one if anything but its duration is different."""
    entry = stored.entry
    if "pickle" in entry:
        content = [entry["pickle"], entry["checksum"]]
    else:
        lifted = stored.lifted().encoded
        assert lifted is not None
        content = [lifted.fingerprint]
    facts = [entry.get(name) for name in ("files", "imports", "code", "awaited")]
    return xxh3_64_hexdigest(layout([content, facts]).encode("utf-8", "surrogatepass"))


def id_of(*parts: object) -> str:
    """Return the short name of a change."""
    return xxh3_64_hexdigest("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"))


class ChangesFile:
    """A file of changes and decisions.

    Args:
        path: The file.
        label: Its name in messages.
    """

    def __init__(self, path: Path, label: str = "") -> None:
        self.path = path
        self.label = label or str(path)

    def exists(self) -> bool:
        """Check whether there is such a file."""
        return self.path.is_file()

    def read(self) -> list[Row]:
        """Return the changes.

        Raises:
            MimicError: There is no such file, or it is not a file of changes.
        """
        return self._read_facts()["changes"]  # type: ignore[no-any-return]

    def _read_facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(self.path.read_bytes())
        except OSError as reason:
            raise MimicError(f"cannot read {self.label}: {reason.strerror or reason}") from None
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
            remedies=[
                "to make such a file: pytest --mimic-verify --mimic-drift=FILE",
                "or: pytest --mimic-rerecord --mimic-review",
            ],
        )

    def write(self, rows: Sequence[Row], *, vault: str) -> None:
        """Write the file anew, whole or not at all. MimicError: it cannot be written."""
        self._write({"format": _FORMAT, "vault": vault, "changes": list(rows)})

    def _write(self, facts: dict[str, Any]) -> None:
        write_whole(self.path, layout(facts) + "\n", label=self.label)

    @contextmanager
    def changing(self) -> Iterator[list[Row]]:
        """Keep other reviews out, and write the changes that the block makes to the rows."""
        with FolderStore(self.path.parent).lock(self.path.name):
            facts = self._read_facts()
            before = layout(facts)
            try:
                yield facts["changes"]
            finally:
                if layout(facts) != before:
                    self._write(facts)


def _is_row(row: Row) -> bool:
    """Check whether a change from a file has what is needed, and names only files inside of a vault."""
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


def merged(rows: Sequence[Row]) -> list[Row]:
    """Return each change once, with all tests that made it."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.setdefault(row["id"], {**row, "tests": []})
        known["tests"] += [test for test in row["tests"] if test not in known["tests"]]
    return list(found.values())


def write_drifts(path: Path, rows: Sequence[Row], *, vault: str) -> int:
    """Write the drifts of a run, and return their number. The outcomes of an earlier run are removed."""
    from pytest_mimic._core.vault.clearing import remove

    rows = merged(rows)
    ChangesFile(path).write(rows, vault=vault)
    kept = {row["staged"] for row in rows}
    store = FolderStore(staged_folder(path))
    remove(store, [name for folder in FOLDERS for name in store.names(folder) if name not in kept])
    tidy(path)
    return len(rows)


def tidy(path: Path) -> None:
    """Remove the objects that nothing in the folder beside a file names, and the folder if it is empty then."""
    from pytest_mimic._core.vault.clearing import references, remove

    check_links(path)
    store = FolderStore(staged_folder(path))
    names = {name for folder in FOLDERS for name in store.names(folder)}
    named = {each for name in names for each in references(store.read(name) or b"")}
    gone = [name for name in store.names("objects") if name not in named]
    gone += [name for name in store.names(BEFORE) if name.removeprefix(f"{BEFORE}/") not in names]
    remove(store, gone)
    store.prune({name.rpartition("/")[0] for name in gone} | set(FOLDERS))
    if not names:
        for folder in (*FOLDERS, ""):
            with suppress(OSError):
                Path(store.path, folder).rmdir()
