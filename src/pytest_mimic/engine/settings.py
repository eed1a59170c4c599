"""What the user has asked of a run, in whichever of its processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pytest_mimic.engine.decide import Mode
from pytest_mimic.patch.targets import Target
from pytest_mimic.vault.vault import vault_label

Source = Literal["strict", "ignore"]
Inputs = Literal["warn", "strict", "ignore"]


class Settings:
    """What the user has asked of a run.

    Attributes:
        mode: What becomes of calls.
        rootdir: The rootdir of the project.
        start: The folder where pytest was started.
        vault: The folder of the recordings.
        vault_option: The vault as `--mimic-vault` has named it; empty: it has not.
        targets: The lines of `mimic_functions`.
        redact: The lines of `mimic_redact`.
        source: What a replay does about a target whose source has changed.
        inputs: The same for what a call reaches and reads.
        inputs_not_counted: The modules of the project that do not count among these.
        is_strict_by_ci: Whether `inputs` is strict because the environment says `CI`.
        forbids_pickles: Whether nothing may be unpickled.
        may_record: Whether calls may be recorded: not with `--mimic-no-record` or
            `--mimic-accept-source`.
        is_ci: Whether the environment says `CI`, so that `mimic_auto` does not record.
        clears_unused: Whether unused recordings are deleted after the run.
        fails_on_unused: Whether unused recordings fail the run.
        report: The file of `--mimic-report`.
        foreign_lines: Why the lines of `mimic_functions` are not those of the project's
            own ini file, `-c was given`; empty: they are.
        began: When the run has begun to record, if another process has told it; else 0.
    """

    # What the user has not asked for is as it stands here.
    vault_option: str = ""
    targets: tuple[Target, ...] = ()
    redact: Sequence[str] = ()
    source: Source = "strict"
    inputs: Inputs = "warn"
    inputs_not_counted: Sequence[str] = ()
    is_strict_by_ci: bool = False
    forbids_pickles: bool = False
    may_record: bool = True
    is_ci: bool = False
    clears_unused: bool = False
    fails_on_unused: bool = False
    report: Path | None = None
    foreign_lines: str = ""
    began: int = 0

    def __init__(
        self, mode: Mode, rootdir: Path, start: Path, vault: Path, **others: Any
    ) -> None:
        self.mode = mode
        self.rootdir = rootdir
        self.start = start
        self.vault = vault
        vars(self).update(others)

    @property
    def writes(self) -> bool:
        """Whether the mode records."""
        return self.mode in ("record", "rerecord")

    @property
    def vault_label(self) -> str:
        """The vault as messages name it, relative to the rootdir."""
        return vault_label(self.vault, self.rootdir)
