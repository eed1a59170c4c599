"""The vault in a revision of git, read without checking it out."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterable, Set
from pathlib import Path

from pytest_mimic._core.vault.store import Data, Store
from pytest_mimic.errors import MimicError


class Repository:
    """The repository of git that holds a vault.

    Attributes:
        vault: The vault's folder, without links: git does not follow them.
    """

    def __init__(self, vault: Path) -> None:
        self.vault = vault.resolve()

    def commit(self, revision: str) -> str:
        """Return the hash of the commit that a revision names.

        Raises:
            MimicError: There is no git, no repository, or no such revision.
        """
        words = ["rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"]
        try:
            return self.git(*words).decode().strip()
        except subprocess.CalledProcessError as failed:
            if b"not a git repository" in failed.stderr:
                problem = f"{self.vault.parent} is in no Git repository"
            elif self._is_empty():
                problem = f"the Git repository of {self.vault.parent} has no commit yet"
            else:
                problem = f"git knows no revision {revision} here"
        raise MimicError(problem)

    def _is_empty(self) -> bool:
        """Check whether nothing was committed in any branch."""
        return not self.git("rev-list", "--all", "--max-count=1")

    def root(self) -> Path:
        """Return the folder that holds all files of the repository."""
        printed_path = self.git("rev-parse", "--show-toplevel")
        return Path(os.fsdecode(printed_path.rstrip(b"\r\n"))).resolve()

    def names(self, *words: str) -> set[str]:
        """Return the names in the vault of the files that a command of git lists.

        `diff --name-only HEAD` gives `calls/shop.api/fetch/5f0c….json`.
        """
        return {self.name_of(path) for path in self.listed(*words)}

    def listed(self, *words: str) -> list[str]:
        """Return the entries for the vault that a command of git lists.

        Args:
            words: The words of the command, which takes `-z` and a path.
        """
        # With `-z`, each entry ends with a null byte, and no path is quoted.
        output = self.git(*words, "-z", "--", self.vault.name)
        return os.fsdecode(output).split("\0")[:-1]

    def name_of(self, path: str) -> str:
        """Return the name of a file in the vault: `a` for `.mimic_vault/a`."""
        return path.partition("/")[2]

    def git(self, *words: str) -> bytes:
        """Return what a command of git prints in the folder that holds the vault.

        Raises:
            MimicError: There is no git.
            subprocess.CalledProcessError: The command failed.
        """
        command = ["git", "-C", str(self.vault.parent), "--literal-pathspecs", *words]
        # `commit` reads git's messages, which are translated in other locales.
        environment = {**os.environ, "LC_ALL": "C"}
        try:
            git_process = subprocess.run(
                command, capture_output=True, check=True, env=environment
            )
        except OSError as reason:
            problem = f"cannot run git: {reason.strerror or reason}"
            raise MimicError(problem) from None
        return git_process.stdout


class RevisionStore(Store):
    """The files of a vault in a commit. They cannot be changed.

    Attributes:
        tracked: The names of all files that the commit has in the vault, also of links,
            which are not read.
    """

    def __init__(self, repository: Repository, commit: str) -> None:
        self._repository = repository
        self.tracked: set[str] = set()
        # By the name of each regular file: the hash of git's blob with its content.
        self._blob_hash_by_name: dict[str, str] = {}
        for entry in repository.listed("ls-tree", "-r", commit):
            facts, path = entry.split("\t", 1)
            mode, _, blob_hash = facts.split()
            name = repository.name_of(path)
            self.tracked.add(name)
            # Regular files have the modes 100644 and 100755; a link has 120000.
            if mode.startswith("100"):
                self._blob_hash_by_name[name] = blob_hash
        # By name: what was read from the archive, or from a blob.
        self._content_by_name: dict[str, bytes] = {}
        if self._blob_hash_by_name:
            folder = repository.vault.name
            # The archive of a commit starts with a comment, and that of a tree does
            # not. `tarfile` cannot read a comment that no file follows.
            tree = f"{commit}^{{tree}}"
            archive = repository.git("archive", "--format=tar", tree, "--", folder)
            self._read_archive(archive)

    def _read_archive(self, archive: bytes) -> None:
        """Keep the content of each file in an archive that git has made of the vault.

        One process of git for all files takes far less time than one for each.
        """
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                if member.isfile():
                    file = tar.extractfile(member)
                    assert file is not None
                    name = member.name.partition("/")[2]
                    self._content_by_name[name] = file.read()

    def read(self, name: str) -> bytes | None:
        if name in self._blob_hash_by_name and name not in self._content_by_name:
            # All other files were read from one archive. The attribute `export-ignore`
            # keeps a file out of that.
            content = self._repository.git(
                "cat-file", "blob", self._blob_hash_by_name[name]
            )
            self._content_by_name[name] = content
        return self._content_by_name.get(name)

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        start = f"{prefix}/" if prefix else ""
        names = []
        for name in self._blob_hash_by_name:
            if name.startswith(start) and name not in without:
                names.append(name)
        return names

    def write(self, name: str, content: Data) -> None:
        raise NotImplementedError

    def delete(self, names: Iterable[str]) -> int:
        raise NotImplementedError
