"""A vault as it was in a revision of git, without checking it out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Set
from hashlib import sha1
from pathlib import Path
from typing import NoReturn

from pytest_mimic._core.vault.store import Data, Store
from pytest_mimic.errors import MimicError


class GitStore(Store):
    """The files of a folder in a revision. They cannot be changed. The folder need not exist in the working tree.

    MimicError: there is no git, no repository, no such revision, or none so old in git's log of this clone.
    """

    def __init__(self, folder: Path, revision: str) -> None:
        self._root = next(one for one in (folder, *folder.parents) if one.is_dir())
        if revision.startswith("-") or not revision:
            raise MimicError(f"{revision!r} is no revision of git")
        commit = self._git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        if commit is None:
            raise MimicError(f"git knows no revision {revision} here")
        inner = folder.resolve().relative_to(Path(self._text("rev-parse", "--show-toplevel")).resolve())
        self._prefix = "" if inner == Path() else f"{inner.as_posix()}/"
        listed = self._git(
            "ls-tree", "-r", "-z", "--full-tree", commit.decode().strip(), "--", self._prefix or "."
        )
        self._ids: dict[str, str] = {}
        self._loaded: dict[str, bytes] = {}
        for line in (listed or b"").split(b"\0"):
            facts, _, path = line.partition(b"\t")
            if path:
                name = path.decode("utf-8", "surrogateescape").removeprefix(self._prefix)
                self._ids[name] = facts.split()[2].decode()

    def _text(self, *words: str) -> str:
        output = self._git(*words)
        if output is None:
            raise MimicError(f"there is no repository of git around {self._root}")
        return output.decode("utf-8", "surrogateescape").strip()

    def _git(self, *words: str, given: bytes = b"") -> bytes | None:
        """Return what git prints, or None if it fails."""
        try:
            done = subprocess.run(
                ["git", "-C", str(self._root), *words],
                input=given,
                capture_output=True,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError as reason:
            raise MimicError(f"cannot run git: {reason.strerror or reason}") from None
        if done.returncode and b"not a git repository" in done.stderr:
            raise MimicError(f"there is no repository of git around {self._root}")
        return None if done.returncode else done.stdout

    def has(self, name: str, data: bytes | None) -> bool:
        """Check whether the revision has exactly this content, or no such file. The file is not read."""
        known = self._ids.get(name)
        if data is None or known is None or len(known) != 40:
            return data is None and known is None
        head = f"blob {len(data)}\0".encode()
        return sha1(head + data, usedforsecurity=False).hexdigest() == known

    def load(self, names: Iterable[str]) -> None:
        """Read many files at once, which takes as long as reading one."""
        blobs = {self._ids[name]: None for name in names if name in self._ids and name not in self._loaded}
        output = (
            self._git("cat-file", "--batch", given="".join(f"{blob}\n" for blob in blobs).encode()) or b""
        )
        contents: dict[str, bytes] = {}
        start = 0
        while start < len(output):
            end = output.index(b"\n", start)
            blob, _, size = output[start:end].decode().split()
            contents[blob] = output[end + 1 : end + 1 + int(size)]
            start = end + 2 + int(size)
        self._loaded.update({name: contents[blob] for name, blob in self._ids.items() if blob in contents})

    def read(self, name: str) -> bytes | None:
        if name not in self._loaded and name in self._ids:
            self.load([name])
        return self._loaded.get(name)

    def map(self, name: str) -> memoryview | None:
        data = self.read(name)
        return None if data is None else memoryview(bytearray(data))

    def size(self, name: str) -> int | None:
        data = self.read(name)
        return None if data is None else len(data)

    def names(self, prefix: str = "", *, without: Set[str] = frozenset()) -> list[str]:
        start = f"{prefix}/" if prefix else ""
        return [name for name in self._ids if name.startswith(start) and name not in without]

    def write(self, name: str, data: Data) -> NoReturn:  # noqa: ARG002
        raise MimicError(f"{name} cannot be written to a revision of git")

    def delete(self, names: Iterable[str]) -> NoReturn:
        raise MimicError(f"{', '.join(names)} cannot be deleted from a revision of git")
