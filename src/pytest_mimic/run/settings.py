"""Reads ini options and command line into one value, or says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.settings import Inputs, Settings, Source
from pytest_mimic.errors import MimicError, TargetError, did_you_mean
from pytest_mimic.patch.targets import Target, parse_target
from pytest_mimic.vault.vault import vault_folder

Pickle = Literal["listed", "forbid"]
_MODES: tuple[Mode, ...] = ("record", "rerecord", "verify", "accept-source", "live")
_WRITING_MODES = ("record", "rerecord")
_ACCEPTS = "accept-source"
_NOT_CI = ("", "0", "false", "no", "off")


def settings_of(config: pytest.Config) -> Settings:
    """Read what the user has asked of a run.

    Raises:
        pytest.UsageError: An option, a line or a value is wrong. It has an argument for
            each mistake.
    """
    option, mode = config.option, _mode(config.option)
    is_ci = os.environ.get("CI", "").lower() not in _NOT_CI
    if is_ci and mode == _ACCEPTS:
        raise pytest.UsageError(
            "--mimic-accept-source: the environment says CI, and a person accepts"
        )
    foreign_lines = ""
    if _is_overridden(config):
        foreign_lines = "-o was given"
    elif option.inifilename:
        foreign_lines = "-c was given"
    vault_option: str = option.mimic_vault or ""
    inputs, not_counted = _inputs(config)
    is_strict_by_ci = is_ci and not inputs
    pickles = _word("mimic_pickle", config.getini("mimic_pickle"), Pickle)
    return Settings(
        mode,
        config.rootpath,
        config.invocation_params.dir,
        _vault(config, vault_option),
        vault_option=vault_option,
        targets=_targets(config),
        redact=_redacted(config),
        source=_word("mimic_source", config.getini("mimic_source"), Source),
        inputs=inputs or ("strict" if is_ci else "warn"),
        inputs_not_counted=not_counted,
        is_strict_by_ci=is_strict_by_ci,
        forbids_pickles=pickles == "forbid",
        may_record=mode != _ACCEPTS and not option.mimic_no_record,
        is_ci=is_ci,
        clears_unused=option.mimic_clear_unused,
        fails_on_unused=option.mimic_fail_on_unused,
        report=_file(config, "mimic_report", b"A page of --mimic-report"),
        foreign_lines=foreign_lines,
        began=getattr(config, "workerinput", {}).get("mimic_began", 0),
    )


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
        from pytest_mimic.secrets.names import SecretNames  # Most runs have no line.

        try:
            SecretNames(lines)
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
    lines = config.getini(name)
    if not all(isinstance(line, str) for line in lines):
        raise pytest.UsageError(f"{name} is a list of texts, one for each line")
    return list(lines)


def _inputs(config: pytest.Config) -> tuple[str, list[str]]:
    """Return what `mimic_inputs` says, and the modules that do not count.

    Empty: the ini file says nothing.

    Raises:
        pytest.UsageError: It is none of its words, or names no module.
    """
    name = "mimic_inputs"
    words = str(config.getini(name)).split()
    modules = [word[1:] for word in words if word.startswith("!")]
    for module in modules:
        if not all(part.isidentifier() for part in module.split(".")):
            raise pytest.UsageError(f"{name}: !{module} names no module")
    said = " ".join(word for word in words if not word.startswith("!"))
    return _word(name, said, Inputs) if said else "", modules


def _word(name: str, given: str, words: Any) -> Any:
    """Return the value of an ini option for which a few words are allowed.

    Raises:
        pytest.UsageError: It is none of them.
    """
    known = get_args(words)
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
