"""Show what differs between the vault and a revision of git.

Calls and outcomes are compared rather than bytes.
The exit code is 0 if nothing differs, 1 if something does.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from pytest_mimic._core.tree.differing import difference_lines
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._core.vault.store import Data, Store
from pytest_mimic._tools.cli.output import Line, Result, add_json
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.shown.comparing import (
    CHANGES,
    MOST_DIFFERENCES,
    FileDifference,
    vault_differences,
)
from pytest_mimic.errors import MimicError


class GitStore(Store):
    """The files of a folder in a revision. They cannot be changed.

    MimicError: there is no git, no repository, or no such revision.
    """

    def __init__(self, folder: Path, revision: str) -> None:
        def git(*words: str) -> bytes:
            command = ["git", "-C", str(folder.parent), *words]
            try:
                english = {**os.environ, "LC_ALL": "C"}
                return subprocess.run(
                    command, capture_output=True, check=True, env=english
                ).stdout
            except OSError as reason:
                raise MimicError(
                    f"cannot run git: {reason.strerror or reason}"
                ) from None
            except subprocess.CalledProcessError as failed:
                if b"not a git repository" in failed.stderr:
                    raise MimicError(
                        f"{folder.parent} is in no Git repository"
                    ) from None
                raise MimicError(f"git knows no revision {revision} here") from None

        found = git(
            "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"
        )
        commit = found.decode().strip()
        self._files: dict[str, bytes] = {}
        if not git("ls-tree", "--name-only", commit, "--", folder.name):
            return
        archive = git("archive", "--format=tar", commit, "--", folder.name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in filter(tarfile.TarInfo.isfile, tar):
                file = tar.extractfile(member)
                assert file is not None
                self._files[member.name.partition("/")[2]] = file.read()

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        start = f"{prefix}/" if prefix else ""
        return [
            name
            for name in self._files
            if name.startswith(start) and name not in without
        ]

    def write(self, name: str, data: Data) -> None:
        raise NotImplementedError

    def delete(self, names: Iterable[str]) -> int:
        raise NotImplementedError


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revision",
        nargs="?",
        default="HEAD",
        metavar="REV",
        help="the revision (default: HEAD)",
    )
    add_json(parser)


def run(invocation: Invocation) -> Result:
    options, settings = invocation.options, invocation.settings
    label = f"{options.revision}:{settings.shown_vault}"
    new = Vault(
        FolderStore(settings.vault), pickles="forbid", label=settings.shown_vault
    )
    old = Vault(
        GitStore(settings.vault, options.revision), pickles="forbid", label=label
    )
    found = vault_differences(old, new, invocation.redactor)
    data = {"differences": [one.to_plain() for one in found]}
    return Result(_lines(found), data, found=bool(found))


def _lines(found: list[FileDifference]) -> Iterator[Line]:
    for one in found:
        yield [f"{one.change}: ", (one.call, "bold")]
        if one.test:
            yield f"  {one.test}"
        yield from (
            f"    {line}"
            for line in difference_lines(one.outcomes, "before", most=MOST_DIFFERENCES)
        )
        yield from (f"    {line}" for line in one.lines)
    if found:
        counts = {
            change: sum(one.change == change for one in found) for change in CHANGES
        }
        yield ", ".join(
            f"{count} {change}" for change, count in counts.items() if count
        )
