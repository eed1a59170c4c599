"""A vault in a revision of git, which is read and not checked out.

Git is told which repository it reads, so that it looks for none: the vault may come
from a stranger, and the settings of a repository name programs that git runs.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from pytest_mimic.errors import CorruptRecordingError, MimicError

_GITFILE = "gitdir:"
_NO_OTHERS = "--ignore-submodules=all"


class Repository(NamedTuple):
    """A repository that git is told.

    Attributes:
        git_dir: Its folder, or the file of a worktree that names it.
        work_tree: The folder of its files.
    """

    git_dir: Path
    work_tree: Path

    @property
    def words(self) -> list[str]:
        """What names it before a command of git."""
        return [f"--git-dir={self.git_dir}", f"--work-tree={self.work_tree}"]


def repository_of(vault: Path, rootdir: Path) -> Repository:
    """Return the repository that keeps a vault.

    It is the one at or above the rootdir, or what that keeps for the vault as one of
    its submodules. No other folder below the rootdir is believed to be a repository.

    Args:
        vault: The folder of the vault, resolved.
        rootdir: The rootdir of the project, resolved.

    Raises:
        MimicError: There is none.
    """
    above = (rootdir, *rootdir.parents)
    work_tree = next((one for one in above if (one / ".git").exists()), None)
    if work_tree is None or not vault.is_relative_to(work_tree):
        raise MimicError(f"{vault.parent} is not in a Git repository")
    outer = Repository(work_tree / ".git", work_tree)
    for folder in (vault, *vault.parents):
        if folder in (rootdir, work_tree):
            break
        if (folder / ".git").exists():
            kept = _submodule_in(outer, vault) if folder == vault else None
            if kept is None:
                raise MimicError(f"{folder} is another repository, and is not asked")
            return kept
    return outer


def commit_of(rootdir: Path) -> str:
    """Return the commit that is checked out in a project; empty: there is none."""
    try:
        repository = repository_of(rootdir.resolve(), rootdir.resolve())
        return (_git(repository, "rev-parse", "HEAD") or "").strip()
    except MimicError:
        return ""


def _submodule_in(outer: Repository, vault: Path) -> Repository | None:
    """Return what a repository keeps for a vault that is a submodule of it."""
    try:
        said = (vault / ".git").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    kept = _git(outer, "rev-parse", "--absolute-git-dir", "--git-common-dir") or ""
    git_dir = (vault / said.removeprefix(_GITFILE).strip()).resolve()
    for folder in kept.splitlines():
        # Git writes all that lies below, and nothing there comes with a clone.
        modules = (outer.work_tree / folder / "modules").resolve()
        if modules in git_dir.parents:
            return Repository(git_dir, vault)
    return None


def repositories_at(vault: Path, rootdir: Path) -> Iterator[Path]:
    """Yield the folders in which git would find a repository of somebody else.

    They are in the vault, or above it as far as the rootdir, which is not one of them.

    Args:
        vault: The folder of the vault.
        rootdir: The rootdir of the project.
    """
    between = vault.parents if vault.is_relative_to(rootdir) else ()
    for folder in takewhile(rootdir.__ne__, between):
        if _is_repository(folder / ".git") or _is_repository(folder):
            yield folder
    for found, folders, _ in os.walk(vault):
        folder = Path(found)
        if ".git" in folders or _is_repository(folder):
            yield folder


def _is_repository(folder: Path) -> bool:
    """Return whether git takes a folder for a repository."""
    has_folders = all((folder / name).is_dir() for name in ("objects", "refs"))
    return has_folders and os.path.lexists(folder / "HEAD")


class Revision:
    """The files of a vault in a commit, by their names in the vault.

    Args:
        vault: The folder of the vault.
        rootdir: The rootdir of the project.
        name: The revision: `HEAD`, a branch, a commit.

    Raises:
        MimicError: There is no repository, or it has no such commit.
    """

    def __init__(self, vault: Path, rootdir: Path, name: str) -> None:
        self._name = name
        self._vault = vault.resolve()
        repository = repository_of(self._vault, rootdir.resolve())
        self._repository = repository
        # A name that begins with a hyphen would be an option.
        verify = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        commit = _git(repository, *verify, f"{name}^{{commit}}")
        if commit is None:
            raise MimicError(f"unknown Git revision: {name}")
        self._commit = commit.strip()
        place = self._vault.relative_to(repository.work_tree).as_posix()
        self._prefix = "" if place == "." else f"{place}/"

    @cached_property
    def changed_files(self) -> list[str]:
        """The files of the revision that differ from the folder, sorted."""
        # Git looks at a submodule by running itself there.
        options = ("--name-only", "-z", "--no-renames", "--no-ext-diff", _NO_OTHERS)
        changed_files = self._in_vault("diff", *options, self._commit)
        return sorted({*changed_files, *self._untracked})

    @cached_property
    def _untracked(self) -> list[str]:
        return self._in_vault("ls-files", "--full-name", "--others", "-z")

    def _in_vault(self, *words: str) -> list[str]:
        place = [f":(literal){self._prefix}"] if self._prefix else []
        answer = _git(self._repository, *words, "--", *place) or ""
        return [name.removeprefix(self._prefix) for name in answer.split("\0") if name]

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
        answer = process.stdout.readline().split()
        if not answer or answer[-1] == b"missing":
            raise MimicError(f"git cannot read {self._prefix}{name} of {self._name}")
        return process.stdout.read(int(answer[-1]) + 1)[:-1]

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
        words = ["git", *self._repository.words, "cat-file", "--batch"]
        return subprocess.Popen(
            words,
            cwd=self._repository.work_tree,
            env=_environment(),
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
        repository, start = self._repository, start.resolve()
        git = "git"
        # Where they are pasted, git may find no repository, or another one.
        if repository.work_tree == self._vault or not start.is_relative_to(
            repository.work_tree
        ):
            git, start = shlex.join(["git", *repository.words]), repository.work_tree
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


def _environment() -> dict[str, str]:
    """Return the environment without what would tell git another repository."""
    return {name: it for name, it in os.environ.items() if not name.startswith("GIT_")}


def _git(repository: Repository, *words: str) -> str | None:
    """Run git and return what it says; None: it fails.

    Raises:
        MimicError: Git is not installed.
    """
    try:
        done = subprocess.run(
            ["git", *repository.words, *words],
            cwd=repository.work_tree,
            env=_environment(),
            capture_output=True,
            check=False,
        )
    except OSError:
        raise MimicError("git is not installed") from None
    if done.returncode:
        return None
    return done.stdout.decode("utf-8", "surrogateescape")
