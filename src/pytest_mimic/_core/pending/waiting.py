"""What waits to be written to a vault: whole recordings and cassettes, in a folder over it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from xxhash import xxh3_64_hexdigest

from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.format import (
    CALLS,
    CASSETTES,
    FOLDERS,
    recording_name,
    references,
)
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._core.vault.store import Data, Store
from pytest_mimic._core.whole_files import write_whole
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault.recording_facts import Recording, Stored

#: The folder of `--mimic-review`, in the rootdir.
REVIEW_FOLDER = ".mimic_review"
# The folder of the marks of what was in the vault when a recording over it was first
# written.
_BEFORE = "before"
_RECORDINGS = (CALLS, CASSETTES)
# The content of a recording that is deleted over the vault.
_DELETED = b""


class OverlayStore(Store):
    """A store of the files that differ from those of a vault: `over` holds these, the vault is only read."""

    def __init__(self, over: FolderStore, vault: Store) -> None:
        self.over = over
        self.vault = vault

    def read(self, name: str) -> bytes | None:
        data = self.over.read(name)
        if data is None:
            return self.vault.read(name)
        return data if data != _DELETED else None

    def write(self, name: str, data: Data) -> None:
        if name.startswith(_RECORDINGS) and self.over.size(f"{_BEFORE}/{name}") is None:
            self.over.write(f"{_BEFORE}/{name}", self._mark(name))
        self.over.write(name, data)

    def delete(self, names: Iterable[str]) -> int:
        deleted = 0
        for name in names:
            if not name.startswith(_RECORDINGS):
                deleted += self.over.delete([name])
            elif self.vault.size(name) is None:
                deleted += self.over.delete([name])
                self.discard(name)
            else:
                deleted += self.size(name) is not None
                self.write(name, _DELETED)
        return deleted

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        over = dict.fromkeys(self.over.names(prefix, without=without))
        found = [*self.vault.names(prefix, without=without | over.keys())]
        return found + [
            name
            for name in over
            if self.over.size(name) and not name.startswith(f"{_BEFORE}/")
        ]

    # -- what waits

    def waiting(self) -> list[str]:
        """Return the names of the recordings and cassettes that were written over those of the vault, sorted."""
        return sorted(name for folder in FOLDERS for name in self.over.names(folder))

    def is_current(self, name: str) -> bool:
        """Check whether the vault's file is as it was when another one was written over it."""
        return self.over.read(f"{_BEFORE}/{name}") == self._mark(name)

    def _mark(self, name: str) -> bytes:
        data = self.vault.read(name)
        return b"absent" if data is None else xxh3_64_hexdigest(data).encode()

    def discard(self, name: str) -> None:
        """Forget what was written over a recording. Its objects stay."""
        self.over.delete([name, f"{_BEFORE}/{name}"])


class Waiting:
    """The recordings that wait in a folder, and the vault that accepted ones go to."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self.store = OverlayStore(FolderStore(folder), FolderStore(settings.vault))
        # No pickle is loaded: outcomes are written as they are.
        self.before = Vault(
            self.store.vault, pickles="forbid", label=settings.shown_vault
        )
        self.after = Vault(self.store, pickles="forbid", label=settings.shown_vault)

    def begin(self) -> None:
        """Make the folder, which git ignores, and drop what was made of recordings that have changed since then."""
        if not (self._folder / ".gitignore").exists():
            write_whole(
                self._folder / ".gitignore",
                "*\n",
                label=f"{self._folder.name}/.gitignore",
            )
        for name in self.store.waiting():
            if not self.store.is_current(name):
                self.store.discard(name)

    def names(self) -> list[str]:
        """Return the names of what waits: of what differs from the vault."""
        return [
            name
            for name in self.store.waiting()
            if self.store.read(name) != self.store.vault.read(name)
        ]

    def accept(self, names: Sequence[str]) -> None:
        """Write what waits under these names to the vault, as recording would have done.

        MimicError: one is not as it was made, or the vault's recording has changed
        since. It was not written.
        """
        for name in names:
            self._write(name)
        self.before.delete((), self.before.replaced)
        self.before.store.end_run()
        for name in names:
            self.store.discard(name)

    def _write(self, name: str) -> None:
        if name not in self.store.waiting():
            raise MimicError("another review has decided about it")
        if not self.store.is_current(name):
            raise MimicError(
                f"{self.before.label}/{name} has changed since",
                remedies=[
                    "to make the change again: pytest --mimic-verify --mimic-review"
                ],
            )
        calls = read_calls(self.after.objects, name)
        if calls is None:
            self.before.delete([name])
            return
        if name.startswith(CALLS) and name != recording_name(
            calls[0].target, PurePosixPath(name).stem
        ):
            raise MimicError("it is the recording of another function")
        self.before.copy(name, self.after)

    def tidy(self) -> None:
        """Remove what no waiting recording names, and the folder if it is empty."""
        self.check_links()
        over, waiting = self.store.over, self.names()
        kept = {f"{_BEFORE}/{name}" for name in waiting}.union(
            waiting, *(references(over.read(name) or b"") for name in waiting)
        )
        names = [
            name
            for folder in (*FOLDERS, "objects", _BEFORE)
            for name in over.names(folder)
        ]
        over.delete([name for name in names if name not in kept])
        if not waiting:
            (self._folder / ".gitignore").unlink(missing_ok=True)
            with suppress(OSError):
                self._folder.rmdir()

    def check_links(self) -> None:
        """Check that the folder, which may come from elsewhere, has no links: files elsewhere would be changed or deleted.

        MimicError: it has one.
        """
        folder = Path(os.path.realpath(self._folder.parent), self._folder.name)
        for path in (folder, *folder.rglob("*")):
            if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
                raise MimicError(
                    f"{path.relative_to(folder.parent).as_posix()} is a link: the folder of a review may hold none",
                    remedies=[
                        f"to be safe, delete {folder.name} and make the changes again"
                    ],
                )


class Renewals:
    """What a verifying run would write: recordings with real outcomes in the places of recorded ones."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._verified: dict[str, set[int]] = {}

    def verified(
        self, name: str, place: int, made: Recording, new: Stored | None
    ) -> None:
        """Let a new outcome of a call wait, or none, if it is as it was recorded.

        `made` has the facts of the call and of its run. What waits of an earlier run is
        dropped.
        """
        places, vault = self._verified.setdefault(name, set()), self._waiting.after
        if not places:
            self._waiting.store.discard(name)
        places.add(place)
        calls = None if new is None else read_calls(vault.objects, name)
        if new is None or not calls:
            return
        if name.startswith(CASSETTES):
            calls[place] = calls[place]._replace(
                arguments=made.arguments, source=made.source, outcomes=[new]
            )
            vault.write(name, calls, test=made.test, recorded=made.recorded)
            return
        known, outcomes = calls[0], calls[0].outcomes
        outcomes[place] = new
        # The outcomes that were not verified come from the source that was recorded.
        source = made.source if len(places) == len(outcomes) else known.source
        made = made._replace(
            outcomes=outcomes, source=source, owner=known.owner, identity=known.identity
        )
        vault.write(name, [made])


def review_of(settings: Settings) -> Waiting:
    """Return what waits for `pytest-mimic review`."""
    return Waiting(settings.rootdir / REVIEW_FOLDER, settings)
