"""What waits to be written to a vault: whole recordings and cassettes, in a folder over it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.pending.overlay import BEFORE, OverlayStore
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.file_names import CASSETTES, FOLDERS, recording_name
from pytest_mimic._core.vault.parsing import references
from pytest_mimic._core.whole_files import write_whole
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Recording, Stored

#: The folder of `--mimic-review`, in the rootdir.
REVIEW_FOLDER = ".mimic_review"


class Waiting:
    """The recordings that wait in a folder, and the vault that accepted ones go to."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self.store = OverlayStore(FolderStore(folder), FolderStore(settings.vault))
        # No pickle is loaded: outcomes are written as they are.
        label = settings.shown_vault
        self.before = Vault(self.store.vault, pickles="forbid", label=label)
        self.after = Vault(self.store, pickles="forbid", label=label)

    def begin(self) -> None:
        """Make the folder, which git ignores, and drop what was made of recordings that have changed since then."""
        if not (self._folder / ".gitignore").exists():
            write_whole(self._folder / ".gitignore", "*\n", label=f"{self._folder.name}/.gitignore")
        for name in self.store.waiting():
            if not self.store.is_current(name):
                self.store.discard(name)

    def names(self) -> list[str]:
        """Return the names of what waits: not of what differs by the facts of its run alone."""
        return [name for name in self.store.waiting() if self._content(name) != self._content(name, old=True)]

    def _content(self, name: str, *, old: bool = False) -> str | bytes | None:
        """Return what a recording says but for the facts of its run."""
        data = (self.store.vault if old else self.store).read(name)
        try:
            facts = json.loads(data or b"")
            calls = [call["outcome"] for call in facts.get("calls", ())]
            for entry in (*facts.get("outcomes", ()), *calls):
                del entry["duration"]
            return layout({**facts, "test": None, "recorded": None})
        except (ValueError, TypeError, AttributeError, LookupError):  # absent, or damaged
            return data

    # -- deciding

    def accept(self, names: Sequence[str]) -> None:
        """Write what waits under these names to the vault, as recording would have done.

        MimicError: one is not as it was made, or the vault's recording has changed since. It was not written.
        """
        for name in names:
            self._write(name)
        self.before.collect(self.before.replaced)
        self.before.store.flush()
        self.before.store.end_run()
        for name in names:
            self.store.discard(name)

    def _write(self, name: str) -> None:
        if name not in self.store.waiting():
            raise MimicError("another review has decided about it")
        if not self.store.is_current(name):
            raise MimicError(
                f"{self.before.label}/{name} has changed since",
                remedies=["to make the change again: pytest --mimic-verify --mimic-review"],
            )
        if self.store.size(name) is None:
            self.before.delete([name])
        else:
            is_cassette = name.startswith(CASSETTES)
            read: Any = self.after.read_cassette(name) if is_cassette else self.after.read(name)
            if not is_cassette and name != recording_name(read.target, PurePosixPath(name).stem):
                raise MimicError("it is the recording of another function")
            self.before.copy(name, self.after)

    # -- the folder

    def tidy(self) -> None:
        """Remove what no waiting recording names, and the folder if it is empty."""
        self.check_links()
        over, names = self.store.over, set(self.names())
        kept = {
            each for name in names for each in (name, f"{BEFORE}/{name}", *references(over.read(name) or b""))
        }
        gone = [
            name
            for folder in (*FOLDERS, "objects", BEFORE)
            for name in over.names(folder)
            if name not in kept
        ]
        over.delete(gone)
        over.prune({name.rpartition("/")[0] for name in gone} | {*FOLDERS, BEFORE})
        if not names:
            (self._folder / ".gitignore").unlink(missing_ok=True)
            with suppress(OSError):
                self._folder.rmdir()

    def check_links(self) -> None:
        """Check that the folder, which may come from elsewhere, has no links: files elsewhere would be changed or deleted.

        MimicError: it has one.
        """
        folder = Path(os.path.realpath(self._folder.parent), self._folder.name)
        for top, folders, names in os.walk(self._folder):
            place = folder / Path(top).relative_to(self._folder)
            for path in (place, *(place / name for name in (*folders, *names))):
                if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
                    raise MimicError(
                        f"{path.relative_to(folder.parent).as_posix()} is a link: the folder of a review may hold none",
                        remedies=[f"to be safe, delete {folder.name} and make the changes again"],
                    )


class Renewals:
    """What a verifying run would write: recordings with real outcomes in the places of recorded ones."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._verified: dict[str, set[int]] = {}

    def verified(self, name: str, place: int, made: Recording, new: Stored | None) -> None:
        """Let a new outcome of a call wait, or none, if it is as it was recorded.

        `made` has the facts of the call and of its run. What waits of an earlier run is dropped.
        """
        places, vault = self._verified.setdefault(name, set()), self._waiting.after
        if not places:
            self._waiting.store.discard(name)
        places.add(place)
        if new is None:
            return
        if name.startswith(CASSETTES):
            entries = vault.read_cassette(name) or []
            entries[place] = entries[place]._replace(arguments=made.arguments, source=made.source, stored=new)
            vault.write_cassette(name, entries, test=made.test, recorded=made.recorded)
        elif (known := vault.read(name)) is not None:
            outcomes = known.outcomes
            outcomes[place] = new
            # The outcomes that were not verified come from the source that was recorded.
            source = made.source if len(places) == len(outcomes) else known.source
            made = made._replace(outcomes=outcomes, source=source)
            vault.write(name, made._replace(owner=known.owner, identity=known.identity))


def review_of(settings: Settings) -> Waiting:
    """Return what waits for `pytest-mimic review`."""
    return Waiting(settings.rootdir / REVIEW_FOLDER, settings)
