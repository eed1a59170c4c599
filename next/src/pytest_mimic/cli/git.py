"""A vault in a revision of git, which is read and not checked out."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from pytest_mimic.errors import CorruptRecordingError, MimicError

# A terminal takes so many characters in a line.
_LONGEST_COMMAND = 4_000


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
        self._vault = Path(os.path.realpath(vault))
        place = self._vault
        while not place.is_dir():
            place = place.parent
        top = _git(place, "rev-parse", "--show-toplevel")
        if top is None:
            raise MimicError(f"{self._vault.parent} is in no Git repository")
        self.top = Path(top.strip())
        # A name that begins with a hyphen would be an option.
        verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        commit = _git(self.top, *verify, f"{name}^{{commit}}")
        if commit is None:
            raise MimicError(f"git knows no revision {name} here")
        self._commit = commit.strip()
        self._prefix = self._vault.relative_to(self.top).as_posix()

    def changed(self) -> list[str]:
        """Return the files that differ from those in the folder, sorted."""
        options = ("--name-only", "-z", "--no-renames", "--no-ext-diff")
        told = self._in_vault("diff", *options, self._commit)
        return sorted({*_names(told), *self.untracked})

    @cached_property
    def untracked(self) -> frozenset[str]:
        """The files of the folder that are not in the index."""
        return frozenset(_names(self._in_vault("ls-files", "--others", "-z")))

    def _in_vault(self, *words: str) -> str:
        literal = f":(top,literal){self._prefix}"
        told = _git(self.top, *words, "--", literal) or ""
        start = f"{self._prefix}/"
        names = [name for name in _names(told) if name.startswith(start)]
        return "\0".join(name.removeprefix(start) for name in names)

    def read(self, name: str) -> bytes | None:
        """Return what a file held; None: it did not exist."""
        process = self._reader
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{self._commit}:{self._prefix}/{name}\n".encode())
        process.stdin.flush()
        words = process.stdout.readline().split()
        if words[-1:] == [b"missing"]:
            return None
        content = process.stdout.read(int(words[-1]) + 1)
        return content[:-1]

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
        return subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=self.top,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

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
        tracked = [name for name in names if name not in self.untracked]
        new = [name for name in names if name in self.untracked]
        restore = f"restore --source={shlex.quote(self._name)} --staged --worktree --"
        commands = self._lines(restore, tracked, start)
        return commands + self._lines("clean -fq --", new, start)

    def put_all_back(self, start: Path) -> str:
        """Return the command for the vault as a whole."""
        [command] = self.put_back([""], start)
        if not self.untracked:
            return command
        [clean] = self._lines("clean -fdq --", [""], start)
        return f"{command} && {clean}"

    def _lines(self, words: str, names: Iterable[str], start: Path) -> list[str]:
        is_here = start.resolve().is_relative_to(self.top)
        origin = start.resolve() if is_here else self.top
        git = "git" if is_here else f"git -C {shlex.quote(str(self.top))}"
        lines: list[str] = []
        for name in names:
            path = os.path.relpath(self._vault / name, origin)
            # Git takes such a name for a pattern.
            is_pattern = any(sign in path for sign in "*?[\\") or path.startswith(":")
            word = shlex.quote(f":(literal){path}" if is_pattern else path)
            if not lines or len(lines[-1]) + len(word) > _LONGEST_COMMAND:
                lines.append(f"{git} {words}")
            lines[-1] += f" {word}"
        return lines


def _names(told: str) -> list[str]:
    return [name for name in told.split("\0") if name]


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
