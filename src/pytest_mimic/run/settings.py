"""Reads ini options and command line into one value, or says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from pytest_mimic.engine.decide import Mode
from pytest_mimic.errors import MimicError, TargetError, did_you_mean
from pytest_mimic.patch.targets import Target, parse_target
from pytest_mimic.vault.vault import vault_folder, vault_label

Source = Literal["strict", "ignore"]
Inputs = Literal["warn", "strict", "ignore"]
Pickle = Literal["listed", "forbid"]
_MODES: tuple[Mode, ...] = ("record", "rerecord", "verify", "accept-source", "live")
_WRITING_MODES = ("record", "rerecord")
_ACCEPTS = "accept-source"
_NOT_CI = ("", "0", "false", "no", "off")


class Settings:
    """What the user has asked of a run.

    Attributes:
        mode: What becomes of calls.
        writes: Whether the mode records.
        may_record: Whether calls may be recorded: not with `--mimic-no-record` or
            `--mimic-accept-source`.
        is_ci: Whether the environment says `CI`, so that `mimic_auto` does not record.
        rootdir: The rootdir of the project.
        vault_option: The vault as `--mimic-vault` has named it; empty: it has not.
        vault: The folder of the recordings.
        vault_label: The vault as messages name it, relative to the rootdir.
        targets: The lines of `mimic_functions`.
        redact: The lines of `mimic_redact`.
        source: What a replay does about a target whose source has changed.
        inputs: The same for what a call reaches and reads.
        pickle: Which pickles may be loaded.
        clears_unused: Whether unused recordings are deleted after the run.
        fails_on_unused: Whether unused recordings fail the run.
        usage: The file of `--mimic-usage`.
        report: The file of `--mimic-report`.
        foreign_lines: Why the lines of `mimic_functions` are not those of the project's
            own ini file, `-c was given`; empty: they are.

    Raises:
        pytest.UsageError: An option, a line or a value is wrong. It has an argument for
            each mistake.
    """

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        self.mode = _mode(option)
        self.writes = self.mode in _WRITING_MODES
        self.may_record = self.mode != _ACCEPTS and not option.mimic_no_record
        self.is_ci = os.environ.get("CI", "").lower() not in _NOT_CI
        if self.is_ci and self.mode == _ACCEPTS:
            raise pytest.UsageError(
                "--mimic-accept-source: the environment says CI, and a person accepts"
            )
        self.rootdir = config.rootpath
        self.vault_option: str = option.mimic_vault or ""
        self.vault = _vault(config, self.vault_option)
        self.vault_label = vault_label(self.vault, self.rootdir)
        self.targets = _targets(config)
        self.redact = _redacted(config)
        self.source: Source = _word(config, "mimic_source", Source)
        self.inputs: Inputs = _word(config, "mimic_inputs", Inputs)
        self.pickle: Pickle = _word(config, "mimic_pickle", Pickle)
        self.clears_unused: bool = option.mimic_clear_unused
        self.fails_on_unused: bool = option.mimic_fail_on_unused
        self.usage = _file(config, "mimic_usage", b'"pytest_mimic_usage"')
        self.report = _file(config, "mimic_report", b"A page of --mimic-report")
        self.foreign_lines = ""
        if _is_overridden(config):
            self.foreign_lines = "-o was given"
        elif option.inifilename:
            self.foreign_lines = "-c was given"


def _mode(option: Any) -> Mode:
    """Return the mode that the command line names.

    Raises:
        pytest.UsageError: It names two, or one that another option forbids.
    """
    given = [
        mode for mode in _MODES if getattr(option, f"mimic_{mode.replace('-', '_')}")
    ]
    flags = [f"--mimic-{mode}" for mode in given]
    is_writing = given[:1] and given[0] in (*_WRITING_MODES, _ACCEPTS)
    if option.mimic_no_record and is_writing:
        flags.append("--mimic-no-record")
    if option.mimic_clear_unused and _ACCEPTS in given:
        flags.append("--mimic-clear-unused")
    if option.mimic_usage and "live" in given:
        flags.insert(0, "--mimic-usage")
    if len(flags) > 1:
        raise pytest.UsageError(f"{flags[0]} cannot be combined with {flags[1]}")
    return given[0] if given else "replay"


def _vault(config: pytest.Config, given: str) -> Path:
    """Return the folder of the recordings.

    A path on the command line is relative to the folder where pytest was started.

    Raises:
        pytest.UsageError: It is no path of a folder.
    """
    path: str = given or config.getini("mimic_vault_path")
    name = "--mimic-vault" if given else "mimic_vault_path"
    start = config.invocation_params.dir if given else config.rootpath
    try:
        return vault_folder(path, start, name)
    except MimicError as error:
        raise pytest.UsageError(str(error)) from None


def _targets(config: pytest.Config) -> tuple[Target, ...]:
    """Return the targets of `mimic_functions`.

    Raises:
        pytest.UsageError: Lines are not in the grammar. All of them are named.
    """
    targets = []
    errors = []
    place = "mimic_functions"
    if config.inipath is not None and not _is_overridden(config):
        place = f"{config.inipath.name}, {place}"
    for number, line in enumerate(_ini_lines(config, "mimic_functions"), 1):
        try:
            target = parse_target(line, f"{place} line {number}")
        except TargetError as error:
            errors.append(str(error))
        else:
            if target is not None:
                targets.append(target)
    if errors:
        raise pytest.UsageError(*errors)
    return tuple(targets)


def _redacted(config: pytest.Config) -> tuple[str, ...]:
    """Return the lines of `mimic_redact`.

    Raises:
        pytest.UsageError: One holds what is no name, and would hide nothing.
    """
    lines = tuple(_ini_lines(config, "mimic_redact"))
    if lines:
        from pytest_mimic.secrets.names import Names  # Most runs have no line.

        try:
            Names(lines)
        except ValueError as error:
            raise pytest.UsageError(f"mimic_redact: {error}") from None
    return lines


def _is_overridden(config: pytest.Config) -> bool:
    overrides: Sequence[str] = config.option.override_ini or ()
    return any(given.partition("=")[0] == "mimic_functions" for given in overrides)


def _ini_lines(config: pytest.Config, name: str) -> list[str]:
    """Return the lines of an ini option.

    Raises:
        pytest.UsageError: The value is no list of texts, as TOML may have it.
    """
    try:
        lines = config.getini(name)
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(str(error)) from None
    if not all(isinstance(line, str) for line in lines):
        raise pytest.UsageError(f"{name} is a list of texts, one for each line")
    return list(lines)


def _word(config: pytest.Config, name: str, words: Any) -> Any:
    """Return the value of an ini option that is one of a few words.

    Raises:
        pytest.UsageError: It is none of them.
    """
    given, known = str(config.getini(name)), get_args(words)
    if given in known:
        return given
    listed = f"{', '.join(known[:-1])} or {known[-1]}"
    meant = did_you_mean(given, known)
    raise pytest.UsageError(f"{name} = {given}: it takes {listed}{meant}")


def _file(config: pytest.Config, name: str, mark: bytes) -> Path | None:
    """Return a file that the run is to write.

    Raises:
        pytest.UsageError: Something is there that is no such file of another run.
    """
    given = getattr(config.option, name)
    if not given:
        return None
    path = Path(config.invocation_params.dir, given)
    option = f"--{name.replace('_', '-')}"
    if path.is_file():
        with path.open("rb") as file:
            beginning = file.read(200)
        if beginning and mark not in beginning:
            what = "which is another kind of file"
            raise pytest.UsageError(f"{option} would overwrite {given}, {what}")
    elif path.exists():
        raise pytest.UsageError(f"{option}: {given} is not a file")
    return path
