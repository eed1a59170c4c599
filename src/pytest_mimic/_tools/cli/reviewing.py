"""A review: the changes that wait one by one, and the decisions about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_mimic._core.pending.accepting import Acceptor
from pytest_mimic._core.pending.overlay import OverlayStore
from pytest_mimic._core.pending.review_folder import ReviewFolder, Row
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.shown.comparing import Compared, Comparer, Pair, outcomes_in, paired
from pytest_mimic._tools.shown.selectors import Selectable
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._tools.shown.selectors import Selectors


class Review:
    """The changes of one folder, and the vault that accepted ones go to."""

    def __init__(self, folder: ReviewFolder, settings: Settings, redactor: Redactor) -> None:
        self._folder = folder
        self._settings = settings
        self._comparer = Comparer(redactor)
        self._store = FolderStore(settings.vault)
        self._acceptor = Acceptor(self._store, folder, label=settings.shown_vault)
        self.rows = folder.read()
        folder.check_links()

    @property
    def undecided(self) -> list[Row]:
        return [row for row in self.rows if not row.get("decision")]

    # -- showing

    def differences(self, row: Row) -> Compared:
        """Return how the new outcome of a change differs, and what is known besides in words."""
        known = [str(line) for line in row.get("differences", ())]
        try:
            pairs = self._pairs(row)
        except MimicError as error:
            return [], [error.what, *known]
        found, lines = self._comparer.compare(pairs)
        is_pickled = any(pair.is_pickled for pair in pairs)
        if known and not lines and (is_pickled or not found):
            # The run has compared the values. What a pickle may import is shown in any case.
            found = [one for one in found if one.path.rpartition(".")[2] in ("imports", "code")]
            lines = known
        if not found and not lines and row["change"] == "changed":
            lines = ["the outcome is the same, other facts of the recording have changed"]
        return found, lines

    def _pairs(self, row: Row) -> list[Pair]:
        if row.get("place") is not None:
            staged = Vault(self._folder.drifts, pickles="forbid", label=self._folder.label).read(
                row["staged"]
            )
            if staged is None:
                raise MimicError(f"its outcomes are missing in {self._folder.label}")
            return [Pair("", *staged.outcomes)] if len(staged.outcomes) == 2 else []
        label = self._settings.shown_vault
        before = Vault(self._store, pickles="forbid", label=label)
        after = Vault(OverlayStore(self._folder.recordings, before.store), pickles="forbid", label=label)
        return paired(outcomes_in(before, row["file"]), outcomes_in(after, row["file"]))

    # -- deciding

    def accept(self, row: Row) -> None:
        """Accept a change: write it to the vault. MimicError: it cannot be; nothing was written."""
        with self._acceptor.alone():
            self.rows = self._folder.read()  # another review may go on at the same time
            if row["id"] not in {one["id"] for one in self.undecided}:
                raise MimicError(f"{row['call']} was not accepted: another review has decided about it")
            accepted = [one for one in self.rows if one.get("decision") == "accepted"]
            self._acceptor.accept(row, accepted=accepted)
            others = [
                one["id"]
                for one in self.undecided
                if (one["file"], one.get("place")) == (row["file"], row.get("place"))
            ]
            self._decide("accepted", row["id"], superseded=others)

    def refuse(self, row: Row) -> None:
        """Refuse a change: the recording stays."""
        self._acceptor.refuse(row)
        self._decide("refused", row["id"])

    def _decide(self, decision: str, key: str, *, superseded: Sequence[str] = ()) -> None:
        with self._folder.changing() as rows:
            for row in rows:
                if row.get("decision"):  # of another review
                    continue
                if row["id"] == key:
                    row["decision"] = decision
                elif row["id"] in superseded:
                    row["decision"] = "superseded"
        self.rows = self._folder.read()

    def matching(self, selectors: Selectors) -> list[Row]:
        return selectors.choose(self.undecided, _of_row)


def _of_row(row: Row) -> Selectable:
    signature = str(row.get("signature") or row["target"])
    return Selectable(
        (row["file"], row["id"]),
        row.get("tests", ()),
        ((row["target"], signature, row.get("host")),),
    )
