"""The file of `--mimic-usage`: what a run's account says about its tests and recordings, with its vault and commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.engine.ledger import Ledger
from pytest_mimic._core.whole_files import is_special, refuse_other_kinds, write_whole
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings

# The key of the format's number. It comes first, so that the file is known by its first
# bytes.
_KEY = "mimic_usage"
_FORMAT = 4
_START = f'{{"{_KEY}":'.encode()


class Usage(NamedTuple):
    """The account of one run."""

    vault: str  # the path of the vault, relative to the rootdir
    commit: str  # the commit of git that was checked out, or empty
    account: dict[str, Any]  # a part of `Ledger.to_plain`
    label: str = ""


def in_environment(test: str) -> str:
    """Return a test with the Python and the system: jobs of different ones may have different tests."""
    return f"{test} with Python {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}"


def write_usage(path: Path, ledger: Ledger, settings: Settings) -> None:
    """Write the file, whole or not at all. MimicError: it cannot be written."""
    facts = {
        _KEY: _FORMAT,
        **usage_of(settings)._replace(account=ledger.to_plain())._asdict(),
    }
    write_whole(path, json.dumps(facts, separators=(",", ":")) + "\n", label=str(path))


def remove_old(path: Path) -> None:
    """Remove the file of an earlier run: a run that is killed must not leave it as its own.

    A link stays, and so does a device or a pipe.

    Raises:
        MimicError: It is a folder or another file.
    """
    refuse_other_kinds(path, _is_account, option="--mimic-usage")
    if is_special(path):
        return
    try:
        Path(os.path.realpath(path)).unlink(missing_ok=True)
    except OSError as reason:
        raise MimicError(f"--mimic-usage={path}: {reason.strerror or reason}") from None


def _is_account(start: bytes) -> bool:
    return start.startswith(_START)


def read_usage(path: Path) -> Usage:
    """Return the account in a file.

    MimicError: it cannot be read, or is none of this format.
    """
    try:
        facts = json.loads(path.read_bytes())
        if facts.pop(_KEY) == _FORMAT:
            Ledger().add(facts["account"])
            return Usage(**{**facts, "label": str(path)})
    except OSError as reason:
        raise MimicError(f"cannot read {path}: {reason.strerror or reason}") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        pass
    raise MimicError(
        f"{path} is damaged, or is not a file that --mimic-usage of this version has written",
        remedies=[
            "to make one, run the tests of this job again: pytest --mimic-usage=FILE"
        ],
    )


def together(usages: Sequence[Usage], here: Usage, *, names_vault: bool) -> Ledger:
    """Return the account of all runs.

    `here` has the vault, unless it was named by hand, and the commit of the command.

    MimicError: they are of different vaults or commits, or of another vault or commit
    than `here`.
    """
    ledger = Ledger()
    commits = {usage.commit: usage.label for usage in (here, *usages) if usage.commit}
    if len(commits) > 1:
        shown = [f"{label} of {commit[:10]}" for commit, label in commits.items()]
        raise MimicError(
            f"not all are of one commit: {', '.join(shown)}",
            remedies=[
                "check the commit of the files out, or run the tests again, for new files"
            ],
        )
    vault = usages[0].vault if names_vault else here.vault
    for usage in usages:
        if usage.vault != vault:
            raise MimicError(
                f"{usage.label} is of the vault {usage.vault}, and not of {vault}",
                remedies=["to judge another vault, name it: --vault PATH"],
            )
        ledger.add(usage.account)
    return ledger


def usage_of(settings: Settings) -> Usage:
    """Return the vault and the commit of a project, with an empty account."""
    command = [
        "git",
        "-C",
        str(settings.rootdir),
        "rev-parse",
        "--verify",
        "-q",
        "HEAD",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, stdin=subprocess.DEVNULL
        )
        commit = (
            "" if done.returncode else done.stdout.decode("ascii", "replace").strip()
        )
    except OSError:
        commit = ""
    return Usage(
        relative_path(settings.vault, start=settings.rootdir),
        commit,
        {},
        "this checkout",
    )
