"""A vault in a revision of git, which is read and not checked out."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from pytest_mimic.errors import CorruptRecordingError, MimicError


class Revision:
    """The files of a vault in a commit, by their names in the vault.

    Args:
        vault: The folder of the vault.
        name: The revision: `HEAD`, a branch, a commit.

    Raises:
        MimicError: There is no repository, or it has no such commit.
    """

    def __init__(self, vault: Path, name: str) -> None:
        self._name = name
        self._vault = vault.resolve()
        place = self._vault
        while not place.is_dir():
            place = place.parent
        top = _git(place, "rev-parse", "--show-toplevel")
        if top is None:
            raise MimicError(f"{self._vault.parent} is not in a Git repository")
        self._top = Path(top.strip())
        # A name that begins with a hyphen would be an option.
        verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        commit = _git(self._top, *verify, f"{name}^{{commit}}")
        if commit is None:
            raise MimicError(f"unknown Git revision: {name}")
        self._commit = commit.strip()
        self._prefix = f"{self._vault.relative_to(self._top).as_posix()}/"

    @cached_property
    def changed_files(self) -> list[str]:
        """The files of the revision that differ from the folder, sorted."""
        options = ("--name-only", "-z", "--no-renames", "--no-ext-diff")
        changed_files = self._in_vault("diff", *options, self._commit)
        return sorted({*changed_files, *self._untracked})

    @cached_property
    def _untracked(self) -> list[str]:
        return self._in_vault("ls-files", "--full-name", "--others", "-z")

    def _in_vault(self, *words: str) -> list[str]:
        told = _git(self._top, *words, "--", f":(literal){self._prefix}") or ""
        return [name.removeprefix(self._prefix) for name in told.split("\0") if name]

    # -- content

    @cached_property
    def _ids(self) -> dict[str, str]:
        """The ids of its files; to find one by its name, git reads a whole folder."""
        ids: dict[str, str] = {}
        for line in self._in_vault("ls-tree", "-r", "-z", self._commit):
            facts, _, path = line.partition("\t")
            ids[path.removeprefix(self._prefix)] = facts.split()[2]
        return ids

    def read(self, name: str) -> bytes | None:
        """Return what a file held; None: it did not exist."""
        if name not in self._ids:
            return None
        process = self._reader
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{self._ids[name]}\n".encode())
        process.stdin.flush()
        told = process.stdout.readline().split()
        if not told or told[-1] == b"missing":
            raise MimicError(f"git cannot read {self._prefix}{name} of {self._name}")
        return process.stdout.read(int(told[-1]) + 1)[:-1]

    def read_object(self, name: str) -> bytes:
        """Return an object.

        Raises:
            CorruptRecordingError: The commit does not have it.
        """
        content = self.read(name)
        if content is None:
            raise CorruptRecordingError(f"{name} is not in {self._name}", file=name)
        return content

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        raise NotImplementedError("a commit does not change")

    @cached_property
    def _reader(self) -> subprocess.Popen[bytes]:
        words = ["git", "cat-file", "--batch"]
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=self._top, stdin=pipe, stdout=pipe)

    def close(self) -> None:
        """End the process that reads."""
        if "_reader" in vars(self):
            self._reader.communicate()

    # -- commands to paste

    def put_back(self, names: Sequence[str], start: Path) -> list[str]:
        """Return the commands that give files of the vault what they held.

        Args:
            names: The files.
            start: The folder where they are pasted.
        """
        git, start = "git", start.resolve()
        if not start.is_relative_to(self._top):
            git, start = f"git -C {shlex.quote(str(self._top))}", self._top
        restore = f"restore --source={shlex.quote(self._name)} --staged --worktree"
        new = [name for name in names if name in self._untracked]
        old = [name for name in names if name not in self._untracked]
        commands = []
        for words, of_kind in ((restore, old), ("clean -fdq", new)):
            if of_kind:
                paths = [os.path.relpath(self._vault / name, start) for name in of_kind]
                is_literal = not any(sign in "".join(paths) for sign in "*?[\\")
                literally = "" if is_literal else " --literal-pathspecs"
                commands.append(f"{git}{literally} {words} -- {shlex.join(paths)}")
        return commands


def _git(folder: Path, *words: str) -> str | None:
    """Run git and return what it says; None: it fails.

    Raises:
        MimicError: Git is not installed.
    """
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, check=False
        )
    except OSError:
        raise MimicError("git is not installed") from None
    if done.returncode:
        return None
    return done.stdout.decode("utf-8", "surrogateescape")
