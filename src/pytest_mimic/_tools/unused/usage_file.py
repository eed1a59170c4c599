"""The file of `--mimic-usage`: the tests of a run, the recordings that it used and did not use, its vault and commit."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xxhash import xxh3_64_digest

from pytest_mimic._core.files.whole import write_whole
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings


# The key of the format's number. It comes first, so that the file is known by its first bytes.
_KEY = "mimic_usage"
_FORMAT = 1
_START = f'{{"{_KEY}":'
# The bytes of the mark of a name.
_MARK = 8
_TEXTS = ("vault", "commit", "mode", "python", "platform")
_LISTS = (
    *("wanted", "covered", "hiding", "broken", "collected", "skipped_modules"),
    *("absent_clients", "installed_clients"),
)
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
    installed_clients: list[str]  # the other kinds of which a client is installed
    tests: Mapping[str, str]  # `passed`, `failed`, `skipped` or `not run`, by the id of each collected test
    used: frozenset[bytes]  # the marks of the recordings and cassettes that the run used or made
    others: frozenset[bytes]  # the marks of the others that were in the vault at its end
    label: str = ""

    @property
    def cell(self) -> str:
        """The Python and the system, in words."""
        return f"{self.python} on {self.platform}"

    @property
    def is_whole(self) -> bool:
        """Whether the run has collected all tests, so that it proves which ones there are."""
        return set(self.wanted) <= set(self.covered)


def marks(names: Iterable[str]) -> frozenset[bytes]:
    """Return the marks of names of recordings: eight bytes for each, which keeps the file small."""
    return frozenset(map(mark, names))


def mark(name: str) -> bytes:
    return xxh3_64_digest(name.encode("utf-8", "surrogatepass"))


def write_usage(path: Path, usage: Usage) -> None:
    """Write the file, whole or not at all. MimicError: it cannot be written."""
    tests: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for test, outcome in sorted(usage.tests.items()):
        file, colons, name = test.partition("::")
        tests[file][outcome].append(colons + name)
    facts: dict[str, Any] = {_KEY: _FORMAT}
    facts |= {key: getattr(usage, key) for key in (*_TEXTS, *_LISTS)}
    facts |= {"tests": tests, "used": _packed(usage.used), "others": _packed(usage.others)}
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
        raise MimicError(f"cannot read {path}: {reason.strerror or reason}") from None
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
    try:
        return _usage_of(facts, str(path))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _strange(path) from None


def _strange(path: Path) -> MimicError:
    return MimicError(
        f"{path} is damaged, or is not a file of --mimic-usage",
        remedies=["to make one, run the tests of this job again: pytest --mimic-usage=FILE"],
    )


def _usage_of(facts: dict[str, Any], label: str) -> Usage:
    """Return the account. A fact that is missing or of another type is one of the errors of Python for that."""
    tests = {
        file + name: outcome
        for file, by_outcome in facts["tests"].items()
        for outcome, names in by_outcome.items()
        for name in _texts(names)
    }
    if not set(tests.values()) <= set(_OUTCOMES):
        raise ValueError
    texts = {key: facts[key] for key in _TEXTS}
    _texts(list(texts.values()))
    lists: dict[str, Any] = {key: _texts(facts[key]) for key in _LISTS}
    used, others = _unpacked(facts["used"]), _unpacked(facts["others"])
    return Usage(**texts, **lists, tests=tests, used=used, others=others, label=label)


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError
    return values


def _packed(found: Iterable[bytes]) -> str:
    return b64encode(b"".join(sorted(found))).decode()


def _unpacked(text: str) -> frozenset[bytes]:
    data = b64decode(text, validate=True)
    if len(data) % _MARK:
        raise ValueError
    return frozenset(data[at : at + _MARK] for at in range(0, len(data), _MARK))


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
