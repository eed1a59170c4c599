"""The file of `--mimic-usage`: the tests of a run, the recordings that it used and did not use, its vault and commit."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.whole_files import write_whole
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings


# The key of the format's number. It comes first, so that the file is known by its first bytes.
_KEY = "mimic_usage"
_FORMAT = 2
_START = f'{{"{_KEY}":'
_TEXTS = ("vault", "commit", "mode", "python", "platform")
_OUTCOMES = ("passed", "failed", "skipped", "not run")


class Usage(NamedTuple):
    """The account of one run."""

    vault: str  # the path of the vault, relative to the rootdir
    commit: str  # the commit of git that was checked out, or empty
    mode: str
    python: str  # the implementation and version of Python, such as `Python 3.12`
    platform: str  # the system, as `sys.platform` names it
    wanted: list[str]  # the paths of a complete selection, relative to the rootdir
    covered: list[str]  # those of them in which all tests were collected
    hiding: list[str]  # reasons why not all tests were collected
    broken: list[str]  # reasons why the account is not complete
    collected: list[str]  # the ids of the files and folders in which pytest looked for tests
    skipped_modules: list[str]  # the ids of modules that were skipped as a whole
    absent_clients: list[str]  # the kinds of clients that lines and tests have named, none of them installed
    tests: Mapping[str, str]  # `passed`, `failed`, `skipped` or `not run`, by the id of each collected test
    used: frozenset[str]  # the names of the recordings and cassettes that the run used or made
    others: frozenset[str]  # the names of the others that were in the vault at its end
    label: str = ""

    @property
    def cell(self) -> str:
        """The Python and the system, in words."""
        return f"{self.python} on {self.platform}"

    @property
    def is_whole(self) -> bool:
        """Whether the run has collected all tests, so that it proves which ones there are."""
        return set(self.wanted) <= set(self.covered)


def write_usage(path: Path, usage: Usage) -> None:
    """Write the file, whole or not at all. MimicError: it cannot be written."""
    facts = {_KEY: _FORMAT, **usage._asdict(), "used": sorted(usage.used), "others": sorted(usage.others)}
    del facts["label"]
    write_whole(path, json.dumps(facts, separators=(",", ":")) + "\n", label=usage.label)


def is_usage_file(path: Path) -> bool:
    """Check whether a file was written by `write_usage`, as its first bytes show, or is empty."""
    with path.open("rb") as file:
        return file.read(len(_START)) in (b"", _START.encode())


def read_usage(path: Path) -> Usage:
    """Return the account in a file.

    MimicError: the file cannot be read, is damaged, is not of this kind or has a newer format.
    """
    try:
        facts = json.loads(path.read_bytes())
    except IsADirectoryError:
        raise MimicError(
            f"{path} is a folder", remedies=[f"name its files: {path.as_posix()}/*.json"]
        ) from None
    except OSError as reason:
        remedies = ["each job writes one: pytest --mimic-usage=FILE"]
        raise MimicError(f"cannot read {path}: {reason.strerror or reason}", remedies=remedies) from None
    except (ValueError, RecursionError):
        raise _strange(path) from None
    version = facts.get(_KEY) if isinstance(facts, dict) else None
    if type(version) is not int:
        raise _strange(path)
    if version != _FORMAT:
        raise MimicError(
            f"{path} has format {version}, and this version of pytest-mimic reads {_FORMAT}",
            remedies=["use the version of pytest-mimic here that the runs have used"],
        )
    found = {name: facts.get(name) for name in Usage._fields if name != "label"}
    if not all(_is_valid(name, value) for name, value in found.items()):
        raise _strange(path)
    sets = {name: frozenset(facts[name]) for name in ("used", "others")}
    return Usage(**{**found, **sets}, label=str(path))


def _is_valid(name: str, value: object) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    if name == "tests":
        return isinstance(value, dict) and all(outcome in _OUTCOMES for outcome in value.values())
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _strange(path: Path) -> MimicError:
    return MimicError(
        f"{path} is damaged, or is not a file of --mimic-usage",
        remedies=["to make one, run the tests of this job again: pytest --mimic-usage=FILE"],
    )


def id_of_vault(settings: Settings) -> str:
    """Return the path of the vault relative to the rootdir, which is the same in each checkout."""
    try:
        return Path(os.path.relpath(settings.vault, settings.rootdir)).as_posix()
    except ValueError:  # pragma: no cover (on another drive of Windows)
        return settings.vault.as_posix()


def commit_of(folder: Path) -> str:
    """Return the commit that is checked out around a folder. Empty without git or a repository."""
    command = ["git", "-C", str(folder), "rev-parse", "--verify", "-q", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.decode("ascii", "replace").strip()
