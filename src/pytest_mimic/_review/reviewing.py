"""A review: the changes of a file one by one, and the decisions about them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._compare import compare
from pytest_mimic._review.accepting import Acceptor
from pytest_mimic._review.differences import TreeDifference, differences
from pytest_mimic._review.drift_files import ChangesFile, Row, staged_folder, staged_vault
from pytest_mimic._review.overlay import OverlayStore
from pytest_mimic._review.trees import outcome_tree
from pytest_mimic._targets.pattern import Only
from pytest_mimic._vault import FolderStore, Vault
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor
    from pytest_mimic._settings import Settings
    from pytest_mimic._vault import Stored

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

Pairs = list[tuple[str, "Stored | None", "Stored | None"]]
"""Outcomes that are compared: how a call of several is named, the old one and the new one."""


class Review:
    """The changes of one file, and the vault that accepted ones go to.

    Args:
        file: The file of changes.
        settings: The settings of the project.
        redactor: Knows which names are secret.
        loads: Whether pickles may be loaded, by the lists of their recordings, to compare them by value.
    """

    def __init__(
        self, file: ChangesFile, settings: Settings, redactor: Redactor, *, loads: bool = False
    ) -> None:
        self._file = file
        self._settings = settings
        self._redactor = redactor
        self._loads = loads
        self._acceptor = Acceptor(settings.vault, file.path, label=settings.shown_vault)
        self.rows = file.read()

    @property
    def undecided(self) -> list[Row]:
        """The changes without a decision."""
        return [row for row in self.rows if not row.get("decision")]

    # -- showing

    def differences(self, row: Row) -> tuple[list[TreeDifference], list[str]]:
        """Return how the new outcome of a change differs, and what is known besides in words."""
        try:
            pairs = self._pairs(row)
            found: list[TreeDifference] = []
            for name, old, new in pairs:
                found += self._compared(name, old, new)
        except MimicError as error:
            return [], [error.what, *map(str, row.get("differences", ()))]
        except RecursionError:
            return [], ["nested too deeply to be shown", *map(str, row.get("differences", ()))]
        lines = self._by_value(pairs) if self._loads else []
        if not lines and (not found or any(_is_pickle(new) for _, _, new in pairs)):
            lines = [str(line) for line in row.get("differences", ())]
        if not found and not lines and row["change"] == "changed":
            lines = ["the outcome is the same, other facts of the recording have changed"]
        return found, lines

    def _compared(self, name: str, old: Stored | None, new: Stored | None) -> list[TreeDifference]:
        if old is None or new is None:
            only = old or new
            assert only is not None
            tree = outcome_tree(only, self._redactor)
            return differences({name: tree}, {}) if new is None else differences({}, {name: tree})
        trees = (outcome_tree(one, self._redactor) for one in (old, new))
        found = differences(*trees)
        for one in found:
            one.path = f"{name}: {one.path}".removesuffix(": ") if name else one.path
        return found

    def _by_value(self, pairs: Pairs) -> list[str]:
        """Return the differences of pickled outcomes as lines, from their values."""
        lines = []
        for _, old, new in pairs:
            if old is not None and new is not None and (_is_pickle(old) or _is_pickle(new)):
                lines += compare(old.load(), new.load(), redactor=self._redactor)
        return lines

    def _pairs(self, row: Row) -> Pairs:
        policy = self._settings.pickles if self._loads else "forbid"
        if row.get("place") is not None:
            store = FolderStore(staged_folder(self._file.path))
            staged = Vault(store, pickles=policy, label=staged_vault(self._file.path).label).read(
                row["staged"]
            )
            if staged is None:
                raise MimicError(f"its outcomes are missing in {store.path}")
            new = staged.outcomes[1] if len(staged.outcomes) > 1 else None
            return [("", staged.outcomes[0], new)] if new is not None else []
        before = Vault(FolderStore(self._settings.vault), pickles=policy, label=self._settings.shown_vault)
        over = OverlayStore(FolderStore(staged_folder(self._file.path)), before.store)
        after = Vault(over, pickles=policy, label=self._settings.shown_vault)
        return paired(outcomes_in(before, row["file"]), outcomes_in(after, row["file"]))

    # -- deciding

    def accept(self, row: Row) -> None:
        """Accept a change: write it to the vault. MimicError: it cannot be; nothing was written."""
        accepted = [one for one in self.rows if one.get("decision") == "accepted"]
        self._acceptor.accept(row, accepted=accepted)
        others = [
            one["id"]
            for one in self.undecided
            if one is not row and (one["file"], one.get("place")) == (row["file"], row.get("place"))
        ]
        self._decide("accepted", row["id"], superseded=others)

    def refuse(self, row: Row) -> None:
        """Refuse a change: the recording stays."""
        self._acceptor.refuse(row)
        self._decide("refused", row["id"])

    def mark_volatile(self, row: Row) -> str:
        """Decide that the differing parts are volatile, and return the option line to paste.

        Raises:
            MimicError: No path names them.
        """
        line = self.volatile_line(row)
        self._acceptor.refuse(row)
        self._decide("volatile", row["id"])
        return line

    def volatile_line(self, row: Row) -> str:
        """Return the line for `mimic_functions` that leaves out the parts which differ. MimicError: there is none."""
        paths = row.get("paths") or [one.steps for one in self.differences(row)[0]]
        if not paths or None in paths:
            raise MimicError(
                "volatile= names parts of an outcome, and no path names this difference",
                remedies=["to compare only the shape of the outcome: compare=shape"],
            )
        text = ",".join(dict.fromkeys(map(str, paths)))
        is_plain = not set(text) & set(" '#")
        return f"{row['target']} volatile={text}" if is_plain else f'{row["target"]} volatile="{text}"'

    def _decide(self, decision: str, key: str, *, superseded: Sequence[str] = ()) -> None:
        with self._file.changing() as rows:
            for row in rows:
                if row["id"] == key:
                    row["decision"] = decision
                elif row["id"] in superseded:
                    row["decision"] = "superseded"
        self.rows = self._file.read()

    def matching(self, pattern: str) -> list[Row]:
        """Return the undecided changes that a pattern names: by call, target, test, file or id."""
        only = Only((pattern,), lambda _pattern: None)
        found = []
        for row in self.undecided:
            signature = str(row.get("signature") or row["target"])
            names = [row["id"], row["call"], row["target"], row["file"], *row.get("tests", ())]
            if any(fnmatchcase(str(name), pattern) for name in names) or only.takes(
                row["target"], signature, row.get("host")
            ):
                found.append(row)
        return found


def _is_pickle(stored: Stored | None) -> bool:
    return stored is not None and "pickle" in stored.entry


def outcomes_in(vault: Vault, name: str) -> list[tuple[str, Stored]]:
    """Return the outcomes of a recording or cassette, each with the call's name in it. MimicError: it is damaged."""
    if name.startswith("cassettes/"):
        return [(entry.signature, entry.stored) for entry in vault.read_cassette(name) or ()]
    recording = vault.read(name)
    return [] if recording is None else [("", stored) for stored in recording.outcomes]


def paired(old: Sequence[tuple[str, Stored]], new: Sequence[tuple[str, Stored]]) -> Pairs:
    """Pair the outcomes of a file with those of another one, place by place, with a name where there are several."""
    pairs: Pairs = []
    several = max(len(old), len(new)) > 1
    for place in range(max(len(old), len(new))):
        then, now = (side[place] if place < len(side) else None for side in (old, new))
        name = (now or then or ("",))[0]
        label = f"call {place + 1}{f', {name}' if name else ''}" if several else ""
        pairs.append((label, then and then[1], now and now[1]))
    return pairs


def review_file(settings: Settings, given: str | None, *, here: Path) -> ChangesFile:
    """Return the file of changes that was named, or that of `--mimic-review`."""
    from pytest_mimic._review.drift_files import REVIEW_FILE

    if given:
        return ChangesFile(here / Path(given).expanduser(), given)
    return ChangesFile(settings.rootdir / REVIEW_FILE, REVIEW_FILE)
