"""The commands of git that put the recordings of a test back as a revision has them.

A conversation is kept or put back whole: one of its files alone would mix old answers
with new ones. So the commands name each file of the test that differs, and the objects
of these files:

=====================================  ===========================================
a file, or an object of the revision   `git restore --source=REV --staged
that differs now                       --worktree -- FILES`
a file that the revision does not      `git rm --cached -q --ignore-unmatch -- NEW
have, or an object that nothing else   && git clean -fq -- NEW`
in the vault names
=====================================  ===========================================
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shlex import join

from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import names_of_objects_in
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._tools.cli.read_once import ReadOnceStore
from pytest_mimic._tools.cli.revision import Repository, RevisionStore
from pytest_mimic.errors import MimicError

# The most characters of paths in one command. More paths make several commands, since
# terminals do not take a line of any length.
_LONGEST_COMMAND = 2000
# The signs in a path that git takes for a pattern, and the colon at its beginning that
# git takes for "magic", such as `:(literal)`.
_SIGNS_OF_PATTERN = re.compile(r"[*?\[\\]|^:")


class PuttingBack:
    """Makes the commands that bring each test's files back from a revision.

    Args:
        repository: The repository that holds the vault.
        revision: The revision, as it stands in the commands.
        old: The vault in that revision, whose store is a `RevisionStore`.
        new: The vault, all of whose recordings were read, by a `ReadOnceStore`.
        here: The folder in which the commands are to be pasted.
    """

    def __init__(
        self,
        repository: Repository,
        revision: str,
        *,
        old: Vault,
        new: Vault,
        here: Path,
    ) -> None:
        self._revision = revision
        self._old_vault = old
        self._new_vault = new
        # Only these stores know what a revision tracks, and what was read.
        assert isinstance(old.store, RevisionStore)
        assert isinstance(new.store, ReadOnceStore)
        self._objects_of_recording = new.store.references
        self._names_in_revision = old.store.tracked
        # A file that was added to the index and then changed back differs there alone.
        commit = repository.commit(revision)
        self._changed_files = repository.names("diff", "--name-only", commit)
        self._changed_files |= repository.names(
            "diff", "--cached", "--name-only", commit
        )
        self._edited_since_added = repository.names("diff", "--name-only")
        self._paths = _Paths(repository, here)
        self._files_of_test = self._files_by_test()
        self._recordings_of_object = self._recordings_by_object()

    def _files_by_test(self) -> dict[str, set[str]]:
        """Return the recordings that differ, by their tests.

        A recording may belong to one test in the revision, and to another one now.
        """
        files_of_test: dict[str, set[str]] = defaultdict(set)
        names = {*self._old_vault.names(), *self._new_vault.names()}
        for name in names:
            is_new = name not in self._names_in_revision
            if is_new or name in self._changed_files:
                for vault in (self._old_vault, self._new_vault):
                    files_of_test[owner_of(vault, name)].add(name)
        return files_of_test

    def _recordings_by_object(self) -> dict[str, set[str]]:
        """Return today's recordings that name an object, by the name of the object."""
        recordings_of_object: dict[str, set[str]] = defaultdict(set)
        for recording in self._new_vault.names():
            for object_name in self._objects_of_recording.get(recording, ()):
                recordings_of_object[object_name].add(recording)
        return recordings_of_object

    def commands(self, owner: str, differing_files: Iterable[str]) -> list[str]:
        """Return the commands that put back a test.

        Args:
            owner: The test, or the scope of a fixture. If it is empty, no test has
                recorded the files, and they alone are put back.
            differing_files: The names of the test's files whose outcomes differ.
        """
        # Files of the test that differ in other facts go back with them.
        names_of_test = set(differing_files)
        if owner:
            names_of_test |= self._files_of_test[owner]
        names_to_restore = sorted(names_of_test & self._names_in_revision)
        names_to_restore += self._objects_to_restore(names_to_restore)
        names_to_remove = sorted(names_of_test - self._names_in_revision)
        names_to_remove += self._objects_to_remove(names_of_test)
        commands = list(self._restoring(names_to_restore))
        commands += self._removing(names_to_remove)
        return commands

    def _objects_to_restore(self, recordings: Iterable[str]) -> list[str]:
        """Return the objects of the revision's recordings that differ or are gone."""
        objects: set[str] = set()
        for name in recordings:
            objects |= names_of_objects_in(self._old_vault.store.read(name) or b"")
        return sorted(objects & self._names_in_revision & self._changed_files)

    def _objects_to_remove(self, recordings: set[str]) -> list[str]:
        """Return the new objects that only these recordings name.

        An object is new if the revision does not have it.
        """
        objects = []
        for object_name, naming_recordings in self._recordings_of_object.items():
            is_new = object_name not in self._names_in_revision
            is_there = self._new_vault.store.size(object_name) is not None
            if is_new and is_there and naming_recordings <= recordings:
                objects.append(object_name)
        return sorted(objects)

    def _restoring(self, names: Sequence[str]) -> Iterator[str]:
        """Yield the commands that bring files of the revision back."""
        options = [f"--source={self._revision}", "--staged", "--worktree"]
        for paths in self._paths.in_portions(names):
            yield join([*self._paths.git, "restore", *options, "--", *paths])

    def _removing(self, names: Sequence[str]) -> Iterator[str]:
        """Yield the commands that remove files which the revision does not have."""
        for paths in self._paths.in_portions(names):
            options = ["--cached", "-q", "--ignore-unmatch"]
            # Git refuses to take a file out of the index that has changed since it was
            # added there.
            if any(name in self._edited_since_added for name in names):
                options.append("-f")
            taken_out = join([*self._paths.git, "rm", *options, "--", *paths])
            deleted = join([*self._paths.git, "clean", "-fq", "--", *paths])
            yield f"{taken_out} && {deleted}"


class _Paths:
    """The files of a vault as git takes them in a command.

    Attributes:
        git: The first words of the command: `git`, and where it runs if it is to be
            pasted outside of the repository.
    """

    def __init__(self, repository: Repository, here: Path) -> None:
        # The folder in which git runs, and to which the paths are relative.
        folder_of_git = here.resolve()
        self.git = ["git"]
        if not folder_of_git.is_relative_to(repository.root()):
            folder_of_git = repository.vault.parent
            self.git += ["-C", str(folder_of_git)]
        path_to_vault = Path(os.path.relpath(repository.vault, folder_of_git))
        self._path_to_vault = path_to_vault.as_posix()

    def in_portions(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield the paths of files, as many at a time as a command takes."""
        portion: list[str] = []
        length = 0
        for name in names:
            path = self._path_in_command(name)
            length += len(path) + 1
            if portion and length > _LONGEST_COMMAND:
                yield portion
                portion = []
                length = len(path) + 1
            portion.append(path)
        if portion:
            yield portion

    def _path_in_command(self, name: str) -> str:
        """Return the path of a file of the vault in a command that is to be pasted.

        The path begins at the folder in which git runs then: that in which the user
        pastes the command, or that of its option `-C`.
        """
        path_in_command = name
        # `.` says that this folder is the vault itself.
        if self._path_to_vault != ".":
            path_in_command = f"{self._path_to_vault}/{name}"
        if _SIGNS_OF_PATTERN.search(path_in_command):
            # Git would take the path for a pattern.
            return f":(literal){path_in_command}"
        return path_in_command


def owner_of(vault: Vault, name: str) -> str:
    """Return the test, or the scope of a fixture, whose files go back together.

    The text is empty if the vault has no such recording, or if it cannot be read.
    """
    try:
        calls = read_calls(vault.objects, name)
    except MimicError:
        return ""
    if not calls:
        return ""
    return calls[0].owner or calls[0].test or ""
