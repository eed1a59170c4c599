"""The file of `--mimic-usage`: the account of a run, with its vault and commit.

Each job of CI writes one, and the command `unused` reads all of them together.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.whole_files import (
    is_device_or_pipe,
    refuse_other_kinds,
    write_whole,
)
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings

# The key of the format's number. This key comes first, so that the first bytes of a
# usage file tell it from other files.
_KEY_OF_FORMAT = "mimic_usage"
_FORMAT_OF_USAGE_FILES = 5
_START_OF_USAGE_FILE = f'{{"{_KEY_OF_FORMAT}":'.encode()
# The entries of `Account` by which recordings are judged: a file has these alone. What
# else an account has, such as its misses, is shown at the end of its run.
_JUDGED_BY = (
    # The recordings that were there, and those that calls used.
    "known",
    "used",
    # What was mimicked, and why a run may not know all lines or clients.
    "absent_clients",
    "lacking_lines",
    "mimicked",
    # Which tests there are, which of them ran, and how these ended.
    "collected",
    "covered",
    "hiding",
    "moved",
    "outcomes",
    "ran",
    "selection",
    "skipped_modules",
    "tests",
    "wanted",
)


class Usage(NamedTuple):
    """The account that the run of one CI job has written.

    Attributes:
        vault: The path of the vault, relative to the rootdir.
        commit: The commit of git that was checked out, or empty.
        account: A part of `Account.to_plain`.
        label: The account in messages, the path of its file.
    """

    vault: str
    commit: str
    account: dict[str, Any]
    label: str = ""


def in_environment(test: str) -> str:
    """Return a test with its Python and its system.

    Jobs of different Pythons and systems may have different tests. A test has to have
    run on each Python and system on which it was collected.
    """
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{test} with Python {python} on {sys.platform}"


def write_usage(path: Path, account: Account, settings: Settings) -> None:
    """Write the file of a run's account, whole or not at all.

    Raises:
        MimicError: The file cannot be written.
    """
    plain_account = account.to_plain()
    judging_entries = {name: plain_account[name] for name in _JUDGED_BY}
    usage = usage_of(settings)._replace(account=judging_entries)
    usage_facts = {_KEY_OF_FORMAT: _FORMAT_OF_USAGE_FILES, **usage._asdict()}
    file_text = json.dumps(usage_facts, separators=(",", ":")) + "\n"
    write_whole(path, file_text, label=str(path))


def remove_old(path: Path) -> None:
    """Remove the usage file of an earlier run.

    A run that is killed must not leave that file as its own. A link stays, and so does
    a device or a pipe.

    Raises:
        MimicError: A folder, or a file of another kind, has this path.
    """
    refuse_other_kinds(path, _is_usage_file, option="--mimic-usage")
    if is_device_or_pipe(path):
        return
    try:
        Path(os.path.realpath(path)).unlink(missing_ok=True)
    except OSError as reason:
        raise MimicError(f"--mimic-usage={path}: {reason.strerror or reason}") from None


def _is_usage_file(start: bytes) -> bool:
    """Check whether a file that begins with these bytes is one of `--mimic-usage`."""
    return start.startswith(_START_OF_USAGE_FILE)


class UsageFile:
    """The file of `--mimic-usage`, as a run writes it.

    A run loads this module only with the option, so that it is handed this object.
    """

    in_environment = staticmethod(in_environment)

    def __init__(self, path: Path) -> None:
        self._path = path

    def remove_old(self) -> None:
        """Remove the file of an earlier run; see `remove_old`."""
        remove_old(self._path)

    def write(self, account: Account, settings: Settings) -> None:
        """Write the account of the run; see `write_usage`."""
        write_usage(self._path, account, settings)


def read_usage(path: Path) -> Usage:
    """Return the account in a file.

    Raises:
        MimicError: The file cannot be read, or has another format.
    """
    try:
        facts = json.loads(path.read_bytes())
        if facts.pop(_KEY_OF_FORMAT) == _FORMAT_OF_USAGE_FILES:
            # A damaged account raises here, and not where it is used.
            Account().add(facts["account"])
            facts["label"] = str(path)
            return Usage(**facts)
    except OSError as reason:
        raise MimicError(f"cannot read {path}: {reason.strerror or reason}") from None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        # The file is no JSON, or has another shape. So the error below is raised.
        pass
    raise MimicError(
        f"{path} is damaged, or is not a file that --mimic-usage of this version "
        "has written",
        remedies=[
            "to make one, run the tests of its CI job again: pytest --mimic-usage=FILE"
        ],
    )


def joined_account(
    usages: Sequence[Usage], this_checkout: Usage, *, is_vault_named: bool
) -> Account:
    """Return the account of all runs, as if one run had used what each of them used.

    Args:
        usages: The accounts of the runs.
        this_checkout: The vault and the commit of the project in which the command was
            called.
        is_vault_named: Whether `--vault` names the vault.

    Raises:
        MimicError: The accounts are of different vaults or commits, or of another vault
            or commit than `this_checkout`.
    """
    _check_same_commit([this_checkout, *usages])
    vault = this_checkout.vault
    if is_vault_named:
        # The vault may have another path in the jobs than `--vault PATH` here, so the
        # accounts only need to agree with one another.
        vault = usages[0].vault
    account = Account()
    for usage in usages:
        if usage.vault != vault:
            raise MimicError(
                f"{usage.label} is of the vault {usage.vault}, and not of {vault}",
                remedies=["to judge another vault, name it: --vault PATH"],
            )
        account.add(usage.account)
    return account


def _check_same_commit(usages: Sequence[Usage]) -> None:
    """Check that accounts are of one commit. An account without a commit fits any.

    Another commit may have other tests, so that a recording which one commit needs
    would be proven unused by the other.

    Raises:
        MimicError: The accounts are of several commits.
    """
    label_by_commit = {usage.commit: usage.label for usage in usages if usage.commit}
    if len(label_by_commit) > 1:
        labels_with_commits = [
            f"{label} of {commit[:10]}" for commit, label in label_by_commit.items()
        ]
        raise MimicError(
            f"not all are of one commit: {', '.join(labels_with_commits)}",
            remedies=[
                "check the commit of the files out, "
                "or run the tests again, for new files"
            ],
        )


def usage_of(settings: Settings) -> Usage:
    """Return the vault and the commit of a project, with an empty account.

    A run fills in its account. `unused` compares the vault and commit with the files.
    """
    vault = relative_path(settings.vault, start=settings.rootdir)
    return Usage(vault, _commit_of(settings.rootdir), {}, "this checkout")


def _commit_of(folder: Path) -> str:
    """Return the commit of git that is checked out; empty without git or commits."""
    words = ["rev-parse", "--verify", "-q", "HEAD"]
    try:
        git_process = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        # A usage file that names no commit fits any.
        return ""
    if git_process.returncode != 0:
        return ""
    return git_process.stdout.decode("ascii", "replace").strip()
