"""What a run was asked to do: read once from options and ini lines, never changed."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Literal, NamedTuple

SourcePolicy = Literal["strict", "warn", "ignore"]
PicklePolicy = Literal["listed", "forbid"]


class Mode(Enum):
    """What a call of a target does."""

    REPLAY = "replay"
    RECORD = "record"
    RERECORD = "rerecord"
    VERIFY = "verify"
    LIVE = "live"

    @property
    def writes(self) -> bool:
        """Whether recordings may be made."""
        return self in (Mode.RECORD, Mode.RERECORD)


class Settings(NamedTuple):
    """One run's settings.

    Attributes:
        vault: The vault's folder, absolute.
        shown_vault: The same as it is told to people: relative to the rootdir where it can be.
        no_record: Nothing may be written, whatever a fixture asks for.
        ci: The environment says `CI`.
        redact: Names to add to the secret ones; `!name` takes one out.
        given: Options that a command told to people has to repeat.
        prefix: What stands there before a test's id.
        outside: Options that such a command needs as well where the test is outside of the rootdir.
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
    given: tuple[str, ...] = ()
    prefix: str = ""
    outside: tuple[str, ...] = ()
