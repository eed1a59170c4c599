"""The settings of a run as values: its mode, its vault and its rules."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple

SourcePolicy = Literal["strict", "warn", "ignore"]
PicklePolicy = Literal["listed", "forbid"]
NetworkPolicy = Literal["allow", "block"]


#: How much of a remote vault is kept on a machine.
CACHE_SIZE = "2 GB"
_SIZE = r"(\d+(?:\.\d+)?) *(?:([kMGT])(i)?)?B?"


class Mode(Enum):
    """The mode of a run: what it does with calls of targets."""

    REPLAY = "replay"
    RECORD = "record"
    RERECORD = "rerecord"
    VERIFY = "verify"
    LIVE = "live"

    @property
    def writes(self) -> bool:
        """Whether this mode writes recordings."""
        return self is Mode.RECORD or self is Mode.RERECORD


class Settings(NamedTuple):
    """The settings of one run.

    Attributes:
        vault: The vault's folder, absolute. For a remote vault, the folder of its local copies.
        shown_vault: The same for messages, relative to the rootdir if it is inside; or the URL, without credentials.
        no_record: Nothing may be written, even if a fixture would record.
        ci: The environment variable `CI` is set.
        redact: Names to add to the secret ones. `!name` removes one.
        only: The patterns of `--mimic-only`. The mode is only for calls that one of them matches; others replay.
        given: Options that suggested commands have to repeat.
        prefix: The path from the folder in which pytest was started to the rootdir, for the ids of tests.
        drift: The file of `--mimic-drift`, absolute. None without the option.
        review: `--mimic-review` was given: what is recorded waits for a review.
        network: Whether a replay refuses connections that nothing mimics.
        allowed_hosts: The hosts to which it lets them through.
        objects: The URL of `mimic_objects`, or empty: the object store of large objects.
        usage: The file of `--mimic-usage`, absolute. None without the option.
        outside: Further options that suggested commands need for a test outside of the rootdir.
        url: The URL of a remote vault, empty for a folder.
        cache_size: How many bytes the local copies of a remote vault may have.
    """

    mode: Mode
    rootdir: Path
    vault: Path
    shown_vault: str
    no_record: bool
    ci: bool
    source: SourcePolicy
    pickles: PicklePolicy
    store_arguments: bool
    redact: tuple[str, ...]
    clear_unused: bool
    fail_on_unused: bool
    only: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    prefix: str = ""
    outside: tuple[str, ...] = ()
    drift: Path | None = None
    usage: Path | None = None
    review: bool = False
    network: NetworkPolicy = "allow"
    allowed_hosts: tuple[str, ...] = ()
    objects: str = ""
    url: str = ""
    cache_size: int = 2_000_000_000

    @property
    def detaches(self) -> bool:
        """Whether large objects are written so that Git ignores them. Those that wait for a review are not."""
        return bool(self.objects) and not self.review and not self.url

    @property
    def is_shared(self) -> bool:
        """Whether tests of other projects, or of other branches, may have recorded in the vault as well."""
        return bool(self.url) or not self.vault.resolve().is_relative_to(self.rootdir.resolve())

    @property
    def blocks_network(self) -> bool:
        """Whether connections that nothing mimics are refused: only in a run that replays everything."""
        return self.network == "block" and self.mode is Mode.REPLAY


def open_store(settings: Settings) -> Any:
    """Return the store of the vault. Nothing is read yet."""
    if settings.url:
        from pytest_mimic._remote.opening import open_remote

        return open_remote(settings.url, settings.vault, max_bytes=settings.cache_size)
    from pytest_mimic._vault.folder import FolderStore

    return FolderStore(settings.vault)


def is_url(path: str) -> bool:
    """Check whether the place of a vault is a URL, or is meant to be one, such as `s3:/bucket`. A drive of Windows is none."""
    return "://" in path or re.match(r"(s3|gs|az|file):", path.strip(), re.IGNORECASE) is not None


def read_size(text: str) -> int:
    """Return a number of bytes: `2 GB`, `500 MB`, `1.5 GiB`. ValueError: it is no size."""
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{text!r} is not a size, such as {CACHE_SIZE}")
    power = "kmgt".index(found[2].lower()) + 1 if found[2] else 0
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)
