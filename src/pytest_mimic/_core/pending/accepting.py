"""Writes accepted changes to the vault, as recording would have written them, or refuses if the vault has changed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_mimic._core.pending.overlay import OverlayStore, mark_of_content
from pytest_mimic._core.pending.review_folder import ReviewFolder, Row, mark_of
from pytest_mimic._core.pending.waiting import discard
from pytest_mimic._core.vault import Recording, Vault
from pytest_mimic._core.vault.file_names import CASSETTES, recording_name
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Stored
    from pytest_mimic._core.vault.store import Store


class Acceptor:
    """Accepts the changes of a folder into the project's vault, or refuses them."""

    def __init__(self, vault: Store, folder: ReviewFolder, *, label: str) -> None:
        self._folder = folder
        # No pickle is loaded: outcomes are written as they are.
        self._vault = Vault(vault, pickles="forbid", label=label)
        self._store = OverlayStore(folder.recordings, self._vault.store)
        self._label = label

    def alone(self) -> AbstractContextManager[None]:
        """Return a block in which no other review of this vault accepts a change."""
        return self._vault.store.lock("review")

    def accept(self, row: Row, *, accepted: Sequence[Row] = ()) -> None:
        """Write a change to the vault. `accepted` are the changes accepted before.

        MimicError: it cannot be accepted, or its recording has changed since. Nothing was written.
        """
        if row.get("problem"):
            raise MimicError(f"{row['call']} cannot be accepted: {row['problem']}")
        if row.get("place") is None:
            self._accept_file(row)
        elif row["file"].startswith(CASSETTES):
            self._accept_in_cassette(row)
        else:
            self._accept_outcome(row, accepted)
        self._vault.collect(self._vault.replaced)
        self._vault.store.flush()

    def refuse(self, row: Row) -> None:
        """Forget a change. The vault stays as it is."""
        if row.get("place") is None:
            discard(self._store, row["staged"])
            self._folder.tidy()

    # -- drifts, each one outcome

    def _staged(self, row: Row) -> tuple[Recording, Stored]:
        """Return the recording that a run has kept for a drift, and the new outcome."""
        staged = self._folder.drift_vault().read(row["staged"])
        if staged is None or len(staged.outcomes) < 2:
            raise MimicError(
                f"{row['call']}: its new outcome is missing in {self._folder.label}",
                remedies=["to make it again: pytest --mimic-verify --mimic-review"],
            )
        return staged.whole(), staged.outcomes[-1].lifted()

    def _accept_outcome(self, row: Row, accepted: Sequence[Row]) -> None:
        staged, new = self._staged(row)
        name, place = row["file"], row["place"]
        known = self._vault.read(name)
        if known is None or place >= len(known.outcomes):
            raise self._changed(row)
        self._check(row, known.outcomes[place])
        if staged.target != known.target:
            raise self._foreign(row)
        outcomes = list(known.outcomes)
        outcomes[place] = new
        # The outcomes that were not accepted come from the source that was recorded.
        places = {one["place"] for one in accepted if one["file"] == name} | {place}
        source = staged.source if len(places) == len(outcomes) else known.source
        made = staged._replace(outcomes=outcomes, source=source)
        self._vault.write(name, made._replace(owner=known.owner, identity=known.identity))

    def _accept_in_cassette(self, row: Row) -> None:
        staged, new = self._staged(row)
        name, place = row["file"], row["place"]
        entries = self._vault.read_cassette(name)
        if entries is None or place >= len(entries) or entries[place].key != row.get("key"):
            raise self._changed(row)
        self._check(row, entries[place].stored)
        if staged.target != entries[place].target:
            raise self._foreign(row)
        entries[place] = entries[place]._replace(arguments=staged.arguments, source=staged.source, stored=new)
        self._vault.write_cassette(name, entries, test=staged.test, recorded=staged.recorded)

    def _check(self, row: Row, recorded: Stored) -> None:
        if mark_of(recorded) != row["before"]:
            raise self._changed(row)

    def _foreign(self, row: Row) -> MimicError:
        return MimicError(
            f"{row['call']} cannot be accepted: its new outcome in {self._folder.label} is that of another function"
        )

    def _changed(self, row: Row) -> MimicError:
        return MimicError(
            f"{row['call']} was not accepted: {self._label}/{row['file']} has changed since this drift was found",
            remedies=["to look for drifts again: pytest --mimic-verify --mimic-review"],
        )

    # -- recordings and cassettes that wait

    def _accept_file(self, row: Row) -> None:
        name, vault = row["file"], self._vault
        content = vault.store.read(name)
        waiting = self._store.over.read(row["staged"])
        if waiting is None:
            raise MimicError(f"{row['call']}: {self._folder.label}/recordings/{row['staged']} is missing")
        if mark_of_content(content) != row["before"]:
            raise MimicError(
                f"{row['call']} was not accepted: {self._label}/{name} has changed since",
                remedies=["to record it again: pytest --mimic-rerecord --mimic-review"],
            )
        over = Vault(self._store, pickles="forbid", label=self._label)
        if not waiting:
            vault.delete([name])
        elif name.startswith(CASSETTES):
            read = over.read_cassette(name) or ()
            entries = [one.whole()._replace(stored=one.stored.lifted()) for one in read]
            vault.write_cassette(name, entries, test=over.test_of(name), recorded=over.date_of(name))
        else:
            recording = over.read(name)
            assert recording is not None
            if name != recording_name(recording.target, PurePosixPath(name).stem):
                raise self._foreign(row)
            outcomes = [one.lifted() for one in recording.outcomes]
            vault.write(name, recording.whole()._replace(outcomes=outcomes))
        discard(self._store, name)
        self._folder.tidy()
