"""Writes the commands that messages offer, to be pasted where pytest was started."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

LONGEST = 240
"""How many characters of a command people read."""


class Commands:
    """Commands for one project and the vault of one run.

    Args:
        rootdir: The folder to which the ids of tests are relative.
        start: The folder where the command is to be pasted.
        vault: What `--mimic-vault` has named; empty: the vault of the ini file.
    """

    def __init__(self, rootdir: Path, start: Path, vault: str = "") -> None:
        self.rootdir = rootdir
        self.start = start
        self._vault = vault

    def pytest(self, *options: str, tests: Iterable[str] = ()) -> str:
        """Return a command of pytest for some tests; without any, for all."""
        words = ["pytest", *options]
        if self._vault:
            words.append(f"--mimic-vault={self._vault}")
        words += [self.place_of(test) for test in tests]
        return shlex.join(words)

    def recording(self, option: str, tests: Collection[str]) -> str:
        """Return a command that records tests; it names their files if it is too long.

        With `--mimic-record` it makes what is missing in these files, and nothing else.
        """
        command = self.pytest(option, tests=tests)
        if len(command) <= LONGEST or option == "--mimic-rerecord":
            return command
        files = dict.fromkeys(test.partition("::")[0] for test in tests)
        return self.pytest(option, tests=files)

    def mimic(self, *words: str) -> str:
        """Return a command of `pytest-mimic`."""
        vault = ["--vault", self._vault] if self._vault else []
        return shlex.join(["pytest-mimic", *words, *vault])

    def move(self, test: str, new: str) -> str:
        """Return the command that moves the recordings of a test, or of a file."""
        return self.mimic("mv", self.place_of(test), self.place_of(new))

    def restore(self, paths: Sequence[Path]) -> str:
        """Return the command of Git that gives files back as they were committed.

        It is empty where they are in no work tree.
        """
        if not any(Path(above, ".git").exists() for above in paths[0].parents):
            return ""
        names = [self.folder(path) for path in paths]
        return shlex.join(["git", "restore", "--", *names])

    def folder(self, path: Path) -> str:
        """Return a folder, or a file, as it is named in the folder of the command."""
        return Path(os.path.relpath(path, self.start)).as_posix()

    def place_of(self, test: str) -> str:
        """Return the id of a test as pytest takes it in the folder of the command."""
        if self.start == self.rootdir:
            return test
        file, colons, name = test.partition("::")
        return f"{self.folder(self.rootdir / file)}{colons}{name}"


def as_value(text: str) -> str:
    """Return a text as a line of `mimic_functions` takes it behind `ignore=`."""
    if re.search(r'["\\]', text):
        return shlex.quote(text)
    return f'"{text}"' if re.search(r"['#\s]", text) else text
