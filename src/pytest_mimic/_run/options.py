"""A run's settings, read from pytest's options and ini lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._redact.names import read_names
from pytest_mimic._run.node_ids import way_to
from pytest_mimic._settings import Mode, Settings

#: What the variable `CI` says where it says no.
_NOT_CI = ("", "0", "false", "no", "off")

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


#: How the ini options begin that decide which tests there are, and what their calls give.
_DECIDING = ("mimic_", "python", "doctest_")


def settings_of(config: pytest.Config) -> Settings:
    """The run's settings.

    Raises:
        pytest.UsageError: Options exclude one another, a value is none of those allowed, or a line is wrong.
    """
    option = config.option
    given = [mode for mode in Mode if getattr(option, f"mimic_{mode.value}", False)]
    if len(given) > 1:
        raise pytest.UsageError(f"--mimic-{given[0].value} and --mimic-{given[1].value} exclude one another")
    mode = given[0] if given else Mode.REPLAY
    if mode.writes and option.mimic_no_record:
        raise pytest.UsageError(f"--mimic-{mode.value} and --mimic-no-record exclude one another")
    vault = _vault_folder(config)
    return Settings(
        mode=mode,
        rootdir=config.rootpath,
        vault=vault,
        shown_vault=_shown(vault, config.rootpath),
        no_record=option.mimic_no_record,
        ci=os.environ.get("CI", "").lower() not in _NOT_CI,
        source=_choice(config, "mimic_source", ("strict", "warn", "ignore")),
        pickles=_choice(config, "mimic_pickle", ("listed", "forbid")),
        store_arguments=_ini(config, "mimic_store_arguments"),
        redact=_secret_names(config),
        clear_unused=option.mimic_clear_unused,
        fail_on_unused=option.mimic_fail_on_unused,
        given=_given(option),
        prefix=_prefix(config.rootpath, config.invocation_params.dir),
        outside=_outside(config),
    )


def _given(option: Any) -> tuple[str, ...]:
    """The options that decide which tests and which vault a run has, to be given to the next one as well."""
    overridden = [line for line in getattr(option, "override_ini", None) or () if line.startswith(_DECIDING)]
    found = {
        "-c": getattr(option, "inifilename", None),
        "--rootdir": getattr(option, "rootdir", None),
        "--mimic-vault": option.mimic_vault,
    }
    words = [word for name, value in found.items() if value for word in (name, str(value))]
    words += [word for line in overridden for word in ("-o", line)]
    words += [word for glob in getattr(option, "doctestglob", ()) for word in ("--doctest-glob", glob)]
    return (*words, *(["--doctest-modules"] if getattr(option, "doctestmodules", False) else []))


def _outside(config: pytest.Config) -> tuple[str, ...]:
    """What leads to this run's rootdir and ini file: from a test outside of it, pytest would look for another one."""
    option, here = config.option, config.invocation_params.dir
    if getattr(option, "inifilename", None) or getattr(option, "rootdir", None):
        return ()
    if config.inipath is None:
        return "--rootdir", way_to(config.rootpath, start=here)
    return "-c", way_to(config.inipath, start=here)


def _prefix(rootdir: Path, started_in: Path) -> str:
    """What stands before a test's id, which is relative to the rootdir, where pytest was started elsewhere."""
    way = way_to(rootdir, start=started_in)
    return "" if way == "." else f"{way}/"


def _vault_folder(config: pytest.Config) -> Path:
    given: str | None = config.option.mimic_vault
    path = given or _ini(config, "mimic_vault_path")
    if "://" in path:
        raise pytest.UsageError(f"the vault {path} is a URL: this version keeps vaults in folders only")
    start = config.invocation_params.dir if given else config.rootpath
    folder = Path(os.path.normpath(start / os.path.expanduser(path)))  # noqa: PTH111 - the home may be unknown
    for one in (folder, *folder.parents):
        if os.path.isfile(one):  # noqa: PTH113 - Path.is_file raises where it may not look
            raise pytest.UsageError(f"the vault {path} is no folder: {one} is a file")
    return folder


def _shown(vault: Path, rootdir: Path) -> str:
    return vault.relative_to(rootdir).as_posix() if vault.is_relative_to(rootdir) else str(vault)


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:  # not of the option's type
        raise pytest.UsageError(str(error) if name in str(error) else f"{name}: {error}") from None


def _secret_names(config: pytest.Config) -> tuple[str, ...]:
    names, problems = [], []
    for number, line in enumerate(_ini(config, "mimic_redact"), 1):
        try:
            names += read_names(line)
        except ValueError as error:
            problems.append(f"mimic_redact, line {number}: {error}")
    if problems:
        raise pytest.UsageError(*problems)
    return tuple(names)


def _choice(config: pytest.Config, name: str, allowed: tuple[str, ...]) -> Any:
    value = _ini(config, name)
    if value not in allowed:
        raise pytest.UsageError(f"{name} = {value}: it takes {', '.join(allowed[:-1])} or {allowed[-1]}")
    return value
