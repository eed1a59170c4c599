"""The settings of a run as values: its mode, its rules, and its vault, which some folders may not be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pytest_mimic.errors import TargetError

SourcePolicy = Literal["strict", "warn", "ignore"]
InputsPolicy = Literal["warn", "strict", "ignore"]
PicklePolicy = Literal["listed", "forbid"]
NetworkPolicy = Literal["allow", "block"]


class Mode(Enum):
    """The mode of a run: what it does with calls of targets."""

    REPLAY = "replay"
    RECORD = "record"
    RERECORD = "rerecord"
    VERIFY = "verify"
    LIVE = "live"

    def __init__(self, name: str) -> None:
        self.writes = name in ("record", "rerecord")


class Settings(NamedTuple):
    """The settings of one run.

    Attributes:
        redact: Names to add to the secret ones. `!name` removes one.
        only: The patterns of `--mimic-only`. The mode is only for calls that one of them matches; others replay.
        prefix: The path from the folder in which pytest was started to the rootdir, for the ids of tests.
        review: `--mimic-review` was given: what is new, changed or drifted waits, and the vault is not written.
        usage: The file of `--mimic-usage`, absolute. None without the option.
        outside: Further options that suggested commands need for a test outside of the rootdir.
    """

    mode: Mode
    rootdir: Path
    vault: Path  # the vault's folder, absolute
    shown_vault: str  # the same for messages, relative to the rootdir if it is inside
    no_record: bool  # nothing may be written, even if a fixture would record
    ci: bool  # the environment variable `CI` is set
    source: SourcePolicy
    pickles: PicklePolicy
    store_arguments: bool
    redact: tuple[str, ...]
    clear_unused: bool
    fail_on_unused: bool
    only: tuple[str, ...] = ()
    given: tuple[str, ...] = ()  # options that suggested commands have to repeat
    prefix: str = ""
    outside: tuple[str, ...] = ()
    usage: Path | None = None
    review: bool = False
    network: NetworkPolicy = "allow"  # whether a replay refuses connections that nothing mimics
    allowed_hosts: tuple[str, ...] = ()  # the hosts to which it lets them through
    inputs: InputsPolicy = "warn"  # what a replay does when what a recorded call ran or read has changed
    objects: str = ""  # the URL of `mimic_objects`, or empty: the object store of large objects

    @property
    def detaches(self) -> bool:
        """Whether large objects are written so that Git ignores them. Those that wait for a review are not."""
        return bool(self.objects) and not self.review

    @property
    def is_shared(self) -> bool:
        """Whether tests of other projects or branches may have recorded in the vault as well."""
        return not self.vault.resolve().is_relative_to(self.rootdir.resolve())

    @property
    def blocks_network(self) -> bool:
        """Whether connections that nothing mimics are refused: only in a run that replays everything."""
        return self.network == "block" and self.mode is Mode.REPLAY


def read_lines(
    lines: Iterable[str], place: str, read: Callable[[str, str], Any]
) -> tuple[list[Any], list[str]]:
    """Return what `read` makes of each line of an option and its origin in `place`, and what is wrong with others."""
    results, problems = [], []
    for number, line in enumerate(lines, 1):
        origin = f"{place} line {number}"
        try:
            results.append(read(line, origin))
        except ValueError as error:  # a TargetError names the origin itself
            problems.append(str(error) if isinstance(error, TargetError) else f"{origin}: {error}")
    return results, problems


def vault_folder(path: str, start: Path) -> Path:
    """Return the folder that the path of a vault names, relative to `start`.

    Raises:
        ValueError: It is a URL or is meant to be one (`s3:/bucket`), or a folder that holds everything.
    """
    scheme = path.strip().partition(":")[0].lower()
    if "://" in path or (":" in path and scheme in ("s3", "gs", "az", "file")):
        store = "to keep large outcomes in a store: mimic_objects = s3://bucket/prefix"
        raise ValueError(f"a vault is a folder, and this is a URL; {store}")  # which may hold credentials
    folder = Path(os.path.normpath(start / os.path.expanduser(path)))  # noqa: PTH111 - the home may be unknown
    if folder.parent == folder or str(folder) == os.path.normpath(os.path.expanduser("~")):  # noqa: PTH111
        raise ValueError(f"a vault is a folder of its own, such as .mimic_vault, and this is {folder}")
    return folder
