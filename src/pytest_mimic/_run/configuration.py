"""Reads and checks the settings and targets of a run from pytest's options."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.commands import relative_path
from pytest_mimic._core.seam.registry import hand_in
from pytest_mimic._core.settings import IniOptions, LineReaders, Mode, Settings
from pytest_mimic._core.targets.target import Target, parse_target

# The core names no module of clients, so it is handed their table.
hand_in("pytest_mimic._clients.bundled:BUNDLED")

# Values of the environment variable `CI` that mean "not in CI".
_NOT_CI = ("", "0", "false", "no", "off")


class Hooks:
    """The base class of the plugins in `_run/`, which consist of hooks."""

    def __dir__(self) -> list[str]:
        # pytest looks for a fixture under each name of a plugin. Other names than those
        # of hooks would only take time.
        hooks = []
        for name in vars(type(self)):
            if name.startswith("pytest_"):
                hooks.append(name)
        return hooks


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings of a run, from options of the command line and the ini file.

    The command `pytest-mimic` makes its own: `_tools/cli/project.py`.

    Raises:
        pytest.UsageError: Options cannot be combined, a value is not allowed, or a line
            is wrong.
    """
    option = config.option
    mode = _mode(option)
    _check_combination(option, mode)
    ini_options = options_of(config)
    # Paths of the command line are relative to this folder, those of the ini file to
    # the rootdir.
    start_folder = config.invocation_params.dir
    rootdir = config.rootpath
    vault = ini_options.vault(
        option.mimic_vault, option="--mimic-vault", here=start_folder, rootdir=rootdir
    )
    shown_vault = str(vault)
    if vault.is_relative_to(rootdir):
        shown_vault = vault.relative_to(rootdir).as_posix()
    return ini_options.settings(
        mode=mode,
        rootdir=rootdir,
        here=start_folder,
        vault=vault,
        shown_vault=shown_vault,
        no_record=option.mimic_no_record,
        ci=os.environ.get("CI", "").lower() not in _NOT_CI,
        clear_unused=option.mimic_clear_unused,
        fail_on_unused=option.mimic_fail_on_unused,
        given_vault=option.mimic_vault or "",
        usage=_path_of_option(start_folder, option.mimic_usage),
    )


def _mode(option: Any) -> Mode:
    """Return the mode that the options ask for.

    Raises:
        pytest.UsageError: The options ask for several modes.
    """
    modes = []
    for mode in Mode:
        if getattr(option, f"mimic_{mode.value}", False):
            modes.append(mode)
    if len(modes) > 1:
        raise pytest.UsageError(
            f"--mimic-{modes[0].value} cannot be combined with --mimic-{modes[1].value}"
        )
    if not modes:
        return Mode.REPLAY
    return modes[0]


def _check_combination(option: Any, mode: Mode) -> None:
    """Check that the options can be combined with each other and with the mode.

    Raises:
        pytest.UsageError: Two of the options contradict each other.
    """
    if mode.writes and option.mimic_no_record:
        raise pytest.UsageError(
            f"--mimic-{mode.value} cannot be combined with --mimic-no-record"
        )
    if option.mimic_usage is not None and mode is Mode.LIVE:
        raise pytest.UsageError(
            "--mimic-usage cannot be combined with --mimic-live, "
            "which uses no recordings"
        )
    if option.mimic_usage == "":
        raise pytest.UsageError("--mimic-usage needs the name of a file")


def verbosity(config: pytest.Config) -> int:
    """Return how much is shown of each test: more than 0 with `-v`.

    From there on, the calls of each test stand in its report.
    """
    if hasattr(config, "get_verbosity"):
        # pytest 8.0 and newer.
        level: int = config.get_verbosity("test_cases")
        return level
    return config.option.verbose  # type: ignore[no-any-return]


def options_of(config: pytest.Config) -> IniOptions:
    """Return the ini options that pytest has read.

    Their methods raise `pytest.UsageError` for a wrong value.
    """

    def read_option(name: str) -> Any:
        try:
            return config.getini(name)
        except (TypeError, ValueError) as error:
            # The error of pytest before 9.1 does not name the option whose value has
            # another type.
            raise pytest.UsageError(f"{name}: {error}") from None

    # Where the value of an option stands, for errors: `pytest.ini, mimic_functions`.
    def origin_of_option(name: str) -> str:
        overrides = getattr(config.option, "override_ini", None) or ()
        if any(override.startswith(f"{name}=") for override in overrides):
            # The option stands on the command line, and not in a file.
            return name
        if config.inipath is None:
            return name
        file = relative_path(config.inipath, start=config.invocation_params.dir)
        return f"{file}, {name}"

    # `_core/settings.py` stands below the grammar of targets and of secret names, so it
    # is handed what reads their lines.
    readers = LineReaders(_read_target, _read_secret_names)
    return IniOptions(
        read_option,
        origin_of_option=origin_of_option,
        make_error=pytest.UsageError,
        readers=readers,
    )


def _read_target(line: str, origin: str) -> Target | None:
    """Return the target of a line of `mimic_functions`; None: the line names none."""
    return parse_target(line, origin=origin)


def _read_secret_names(line: str) -> Iterable[str]:
    """Read a line of `mimic_redact`, for `IniOptions`."""
    # Most projects have no such line.
    from pytest_mimic._core.redact.secret_names import read_names

    return read_names(line)


def lacking_lines(config: pytest.Config, targets: Sequence[Target]) -> list[str]:
    """Return why a run may not know all lines of its project, in words; or nothing.

    Such a run cannot tell that the project no longer mimics a function. So it does not
    judge the recordings of targets that it has not mimicked.
    """
    if config.option.inifilename:
        return ["-c was given"]
    for override in config.option.override_ini or ():
        if override.partition("=")[0].strip() == "mimic_functions":
            return ["-o mimic_functions was given"]
    if all(target.excluded for target in targets):
        return ["mimic_functions names nothing"]
    return []


def _path_of_option(start_folder: Path, value: str | None) -> Path | None:
    """Return the file that an option of pytest names, `--mimic-usage=used.json`.

    None: the option was not given.

    Args:
        start_folder: The folder where pytest was started.
        value: The value of the option, which may be relative or begin with `~`. None:
            the option was not given.
    """
    if not value:
        return None
    # Where the home folder is unknown, `~` stays. `Path.expanduser` would raise.
    expanded = os.path.expanduser(value)  # noqa: PTH111
    return Path(os.path.normpath(start_folder / expanded))


def register_vcr_mark(config: pytest.Config) -> None:
    """Register the mark of pytest-recording, which imported tests have.

    Else pytest would warn of an unknown mark in each of them. A project or another
    plugin may have registered it already.
    """
    if not any(line.startswith("vcr") for line in config.getini("markers")):
        config.addinivalue_line(
            "markers", "vcr(*paths, **options): has no effect without pytest-recording"
        )
