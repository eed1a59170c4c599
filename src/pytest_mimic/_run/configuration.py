"""Reads and checks the settings and targets of a run: pytest's options, ini lines and hooks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.node_ids import relative_path
from pytest_mimic._core.settings import NEEDS_GIL, IniOptions, Mode, Settings, days_in, has_gil
from pytest_mimic._core.targets.target import Target, as_targets, parse_target
from pytest_mimic.errors import TargetError

_NEEDS_MODE = "--mimic-only needs one of --mimic-record, --mimic-rerecord, --mimic-verify and --mimic-live"
# Values of the environment variable `CI` that mean "not in CI".
_NOT_CI = ("", "0", "false", "no", "off")

# The options with a path.
_PATHS = ("--mimic-vault", "--mimic-report", "--mimic-usage")
# Beginnings of the ini options that decide which tests there are, and what their calls return.
_DECIDING = ("mimic_", "python", "doctest_")
# Of these, one that a recording run ignores.
_OF_REPLAYS = "mimic_network"


class Hooks:
    """A plugin that consists of hooks. pytest searches the other names of a plugin for fixtures, which takes longer."""

    def __dir__(self) -> list[str]:
        return [name for name in vars(type(self)) if name.startswith("pytest_")]


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings of a run.

    pytest.UsageError: Options cannot be combined, a value is not allowed, or a line is wrong.
    """
    option = config.option
    if any(getattr(option, name[2:].replace("-", "_"), None) for name in _PATHS):
        from pytest_mimic._run.ini_files import check_ini_file

        check_ini_file(config, _PATHS)
    given = [mode for mode in Mode if getattr(option, f"mimic_{mode.value}", False)]
    if len(given) > 1:
        raise pytest.UsageError(f"--mimic-{given[0].value} cannot be combined with --mimic-{given[1].value}")
    mode = given[0] if given else Mode.REPLAY
    only = tuple(pattern.strip() for pattern in option.mimic_only)
    _check_combination(option, mode, only, is_given=bool(given))
    ini, here, rootdir = _options_of(config), config.invocation_params.dir, config.rootpath
    max_age, fails_on_old = _max_age(ini.text("mimic_max_age"))
    vault = ini.vault(option.mimic_vault, "--mimic-vault", here, rootdir)
    shown_vault = vault.relative_to(rootdir).as_posix() if vault.is_relative_to(rootdir) else str(vault)
    _check_vault(vault, option.mimic_vault or shown_vault)
    to_rootdir = relative_path(rootdir, start=here)
    # pytest would find another rootdir for a test outside of this one.
    outside: tuple[str, ...] = ("--rootdir", to_rootdir)
    if getattr(option, "inifilename", None) or getattr(option, "rootdir", None):
        outside = ()
    elif config.inipath is not None:
        outside = ("-c", relative_path(config.inipath, start=here))
    settings = ini.settings(
        mode=mode,
        rootdir=rootdir,
        to_rootdir=to_rootdir,
        vault=vault,
        shown_vault=shown_vault,
        no_record=option.mimic_no_record,
        ci=os.environ.get("CI", "").lower() not in _NOT_CI,
        clear_unused=option.mimic_clear_unused,
        fail_on_unused=option.mimic_fail_on_unused,
        only=only,
        given=_given(option),
        named=tuple(option.file_or_dir or ()) if to_rootdir != "." else (),
        outside=outside,
        usage=_file(here, option.mimic_usage),
        review=option.mimic_review,
        max_age=max_age,
        fails_on_old=fails_on_old,
    )
    if settings.objects:
        _check_objects(settings.objects, rootdir)
    return settings


def _check_combination(option: Any, mode: Mode, only: tuple[str, ...], *, is_given: bool) -> None:
    """Raise pytest.UsageError for options that cannot be combined. `is_given` means that one of them is the mode."""
    if mode.writes and option.mimic_no_record:
        raise pytest.UsageError(f"--mimic-{mode.value} cannot be combined with --mimic-no-record")
    if mode.writes and not has_gil():
        raise pytest.UsageError(f"--mimic-{mode.value}: {NEEDS_GIL}")
    if only and not is_given:
        raise pytest.UsageError(_NEEDS_MODE)
    if not all(only):
        raise pytest.UsageError("--mimic-only needs a pattern, such as shop.api:fetch or 'GET /users/*'")
    if option.mimic_review and not (mode.writes or mode is Mode.VERIFY):
        raise pytest.UsageError("--mimic-review needs --mimic-record, --mimic-rerecord or --mimic-verify")
    if option.mimic_review and option.mimic_clear_unused:
        raise pytest.UsageError("--mimic-review cannot be combined with --mimic-clear-unused")
    if option.mimic_usage is not None and mode is Mode.LIVE:
        raise pytest.UsageError(
            "--mimic-usage cannot be combined with --mimic-live, which uses no recordings"
        )
    if option.mimic_usage == "":
        raise pytest.UsageError("--mimic-usage needs the name of a file")


def is_asked(config: pytest.Config) -> bool:
    """Check whether the command line has an option of this plugin."""
    return any(value for name, value in vars(config.option).items() if name.startswith("mimic_"))


def verbosity(config: pytest.Config) -> int:
    """Return how much is shown of each test: more than 0 with `-v`."""
    if hasattr(config, "get_verbosity"):  # since pytest 8.0
        level: int = config.get_verbosity("test_cases")
        return level
    return config.option.verbose  # type: ignore[no-any-return]


def shows_calls(config: pytest.Config) -> bool:
    """Check whether the calls of a run are to be shown: by `-v`, or in the page of `--mimic-report`."""
    return bool(config.option.mimic_report) or verbosity(config) > 0


def reports_to_ci(config: pytest.Config) -> bool:
    """Check whether a CI system shows what the run did."""
    on_github = os.environ.get("GITHUB_ACTIONS") == "true" or bool(os.environ.get("GITHUB_STEP_SUMMARY"))
    return on_github or bool(getattr(config.option, "xmlpath", None))


def _given(option: Any) -> tuple[str, ...]:
    """Return the options that decide which tests and which vault a run has, for suggested commands."""
    overridden = [
        line
        for line in getattr(option, "override_ini", None) or ()
        if line.startswith(_DECIDING) and not line.startswith(_OF_REPLAYS)
    ]
    found = {"-c": getattr(option, "inifilename", None), "--rootdir": getattr(option, "rootdir", None)}
    words = [word for name, value in found.items() if value for word in (name, str(value))]
    # One word: pytest takes a folder in a word of its own for one of tests when it looks for its ini file.
    words += [f"--mimic-vault={option.mimic_vault}"] if option.mimic_vault else []
    words += [word for line in overridden for word in ("-o", line)]
    words += [word for glob in getattr(option, "doctestglob", ()) for word in ("--doctest-glob", glob)]
    return (*words, *(["--doctest-modules"] if getattr(option, "doctestmodules", False) else []))


def _options_of(config: pytest.Config) -> IniOptions:
    """Return the ini options that pytest has read. Those on the command line have no file."""

    def get(name: str) -> Any:
        try:
            return config.getini(name)
        except (TypeError, ValueError, pytest.UsageError) as error:  # the value is not of the option's type
            what = re.sub("^invalid truth value '(.*)'$", rf"{name} = \1: it takes true or false", str(error))
            raise pytest.UsageError(what if name in what else f"{name}: {what}") from None

    def place(name: str) -> str:
        given = getattr(config.option, "override_ini", None) or ()
        if config.inipath is None or any(one.startswith(f"{name}=") for one in given):
            return name
        return f"{relative_path(config.inipath, start=config.invocation_params.dir)}, {name}"

    return IniOptions(get, place=place, error=pytest.UsageError)


def _check_vault(folder: Path, shown: str) -> None:
    for one in (folder, *folder.parents):
        if os.path.isfile(one):  # noqa: PTH113 - Path.is_file raises where it may not look
            raise pytest.UsageError(f"the vault {shown} is not a folder: {one} is a file")
        if os.path.islink(one) and not os.path.lexists(target := os.path.realpath(one)):  # noqa: PTH114
            raise pytest.UsageError(
                f"the vault {shown} is not a folder: {one} is a link to {target}, which is missing"
            )


def _max_age(text: str) -> tuple[int | None, bool]:
    """Return the days of `mimic_max_age`, and whether older recordings let a run fail."""
    span, _, word = text.rpartition(" ") if text.endswith(" fail") else (text, "", "")
    try:
        return (days_in(span.strip()) if text else None), bool(word)
    except ValueError:
        raise pytest.UsageError(
            f"mimic_max_age = {text}: it takes days or weeks, such as 90d or 12w, and perhaps the word fail: 90d fail"
        ) from None


def _check_objects(url: str, rootdir: Path) -> None:
    from pytest_mimic._core.object_place import parse_place

    try:
        parse_place(url, rootdir)
    except ValueError as reason:
        raise pytest.UsageError(f"mimic_objects: {reason}") from None


def _file(here: Path, name: str | None) -> Path | None:
    """Return the file that an option names, relative to the folder where pytest was started."""
    return Path(os.path.normpath(here / os.path.expanduser(name))) if name else None  # noqa: PTH111


def ini_targets(config: pytest.Config) -> list[Target]:
    """Return the targets of `mimic_functions`. pytest.UsageError: Lines are wrong. All of them are named."""
    ini = _options_of(config)
    lines = ini.read_lines("mimic_functions", lambda line, origin: parse_target(line, origin=origin))
    return [target for target in lines if target is not None]


def hook_targets(config: pytest.Config, implementations: Sequence[Any]) -> list[Target]:
    """Return the targets that implementations of the hook make.

    pytest.UsageError: An implementation fails, or returns something else.
    """
    calls: list[tuple[str, Callable[[], Any]]] = []
    for one in implementations:
        file = getattr(one.plugin, "__file__", None)
        place = f"{relative_path(Path(file), start=config.invocation_params.dir)}, " if file else ""
        calls.append((place, partial(one.function, *[config] * len(one.argnames))))
    if any(one.hookwrapper or getattr(one, "wrapper", False) for one in implementations):  # pluggy calls them
        hook = config.hook.pytest_mimic_targets
        calls = [("", lambda: [target for made in hook(config=config) for target in made])]
    found = list[Target]()
    for place, call in calls:
        place += "pytest_mimic_targets"
        try:
            made = call()
            if not isinstance(made, (list, tuple, type(None))):
                raise TargetError(f"{made!r} is not a list of Target")
            targets = as_targets(made or ())
        except Exception as error:  # the code of a conftest.py may raise anything
            raised = "" if isinstance(error, TargetError) else f" raised {type(error).__name__}"
            raise pytest.UsageError(f"{place}{raised}: {error}") from error
        for target in targets:
            target.origin = target.origin or place
        found += targets
    return found


_VCR_MARKS = (
    "vcr(*paths, **options): the recordings of the test were imported from a cassette",
    "default_cassette(name): the cassette that was imported",
    "block_network(allowed_hosts=None): see mimic_network",
    "allowed_hosts(regexes): see mimic_allow_hosts",
)


# The entry points of the plugins that have such marks.
_OF_VCR = ("recording", "vcr", "cassetter")


def register_vcr_marks(config: pytest.Config) -> None:
    """Register the marks of pytest-recording, unless another plugin or the project has them."""
    known = {_name(line) for line in config.getini("markers")}
    if "vcr" in known or any(map(config.pluginmanager.hasplugin, _OF_VCR)):
        return
    for line in _VCR_MARKS:
        if _name(line) not in known:
            config.addinivalue_line("markers", line)


def _name(line: str) -> str:
    return line.partition(":")[0].partition("(")[0].strip()


def owns_vcr_marks(config: pytest.Config) -> bool:
    """Check whether nothing but this plugin knows the mark `vcr`."""
    return [line for line in config.getini("markers") if _name(line) == "vcr"] == [_VCR_MARKS[0]]
