"""The pytest plugin: options, fixtures, the marker and hooks.

All of them delegate to the run.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_mimic import CassetteFixture
    from pytest_mimic._run.pytest_run import PytestRun
    from pytest_mimic._run.session import Session

# Options of the command line without a value: the flag and its help.
_OPTIONS_WITHOUT_VALUE = (
    (
        "--mimic-record",
        "record calls that have no recording or a stale one, replay all others",
    ),
    ("--mimic-rerecord", "run every call for real and replace its recording"),
    (
        "--mimic-verify",
        "run every call for real and compare the outcome with its recording",
    ),
    ("--mimic-live", "run every call for real without reading or writing the vault"),
    ("--mimic-no-record", "write nothing, even if a fixture would record"),
    (
        "--mimic-clear-unused",
        "after the run, delete the recordings that are proven unused",
    ),
    ("--mimic-fail-on-unused", "exit with 1 if recordings are proven unused"),
)
# Options of the command line with a value: the flag, the word for its value, and its
# help.
_OPTIONS_WITH_VALUE = (
    (
        "--mimic-vault",
        "PATH",
        "the folder of the recordings (overrides mimic_vault_path)",
    ),
    ("--mimic-report", "FILE", "write an HTML page of the calls of this run"),
    (
        "--mimic-usage",
        "FILE",
        "write what this run used, for `pytest-mimic unused FILE...`",
    ),
)
# Ini options of several lines: the name and its help.
_INI_LISTS = (
    ("mimic_functions", "functions and clients to mimic, one per line"),
    (
        "mimic_redact",
        "names whose values are hidden, besides the default ones (!name removes one)",
    ),
)
# Ini options that change how calls are replayed: the name, its help and its default. A
# project that sets one to another value mimics something, even without targets.
_INI_RULES = (
    (
        "mimic_source",
        "what to do if the source of a target has changed: strict or ignore",
        "strict",
    ),
    (
        "mimic_inputs",
        "the same if what a recorded call reaches or reads has: warn, strict or ignore",
        "warn",
    ),
    (
        "mimic_pickle",
        "pickles that may be loaded: listed (what their recordings list) or forbid",
        "listed",
    ),
)
# Under this key, the stash of a config has the run of the process. None stands there if
# the tests began and nothing was mimicked. The type is an annotation, which is not
# evaluated: the subscript `StashKey[…]` would take time at each start.
_KEY_OF_RUN: pytest.StashKey[PytestRun | None] = pytest.StashKey()
# The configs of the runs of this process, the innermost last: pytest may run inside of
# a test.
_CONFIGS_OF_RUNS: list[pytest.Config] = []


def __dir__() -> list[str]:
    """Return the names of the hooks and fixtures only.

    pytest looks at each name of a plugin for hooks and for fixtures. For all names,
    this would take longer than all else at the start.
    """
    names = []
    for name in globals():
        if name.startswith(("pytest_", "mimic_")):
            names.append(name)
    return names


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mimic", "recorded calls (pytest-mimic)")
    for flag, text in _OPTIONS_WITHOUT_VALUE:
        # Without `dest`, pytest would compare the flag with the flags of all its
        # options.
        destination = flag.removeprefix("--").replace("-", "_")
        group.addoption(flag, action="store_true", help=text, dest=destination)
    for flag, metavar, text in _OPTIONS_WITH_VALUE:
        group.addoption(flag, metavar=metavar, help=text)
    for name, text in _INI_LISTS:
        parser.addini(name, text, "linelist")
    parser.addini(
        "mimic_vault_path",
        "the folder of the recordings, relative to the rootdir",
        default=".mimic_vault",
    )
    for name, text, default in _INI_RULES:
        parser.addini(name, text, default=default)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "mimic(*targets, **options): replay the recorded calls of these targets in the "
        "marked test, class or module. "
        "The options are those of a mimic_functions line.",
    )
    if getattr(config.option, "help", False):
        return
    _warn_of_unknown_keys(config)
    _CONFIGS_OF_RUNS.append(config)
    config.add_cleanup(partial(_CONFIGS_OF_RUNS.remove, config))
    try:
        is_wanted = _is_wanted(config)
    except (TypeError, ValueError) as error:
        # An ini value does not have the type of its option.
        raise pytest.UsageError(str(error)) from None
    if is_wanted:
        _pytest_run_of(config).start()


def _warn_of_unknown_keys(config: pytest.Config) -> None:
    """Warn of a key of the configuration that begins with `mimic` and is no option.

    pytest itself warns, too, but does not say which option may be meant.

    Raises:
        pytest.UsageError: There is such a key, and warnings are errors.
    """
    # The keys that the user has written. Their public attribute is deprecated since
    # pytest 9.
    written_keys = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    unknown_keys = []
    for key in written_keys:
        if key[:5].lower() == "mimic" and not _is_registered(config, key):
            unknown_keys.append(key)
    if unknown_keys:
        from pytest_mimic._core.words import did_you_mean

        file = config.inipath.name if config.inipath is not None else "-o"
        known_keys = [f"mimic_{name}" for name in ("functions", "redact", "vault_path")]
        known_keys += [f"mimic_{name}" for name, _, _ in _INI_RULES]
        for key in unknown_keys:
            text = f"{file}: {key} is no option{did_you_mean(key, known_keys)}"
            warning = pytest.PytestConfigWarning(text)
            try:
                config.issue_config_time_warning(warning, stacklevel=2)
            except pytest.PytestConfigWarning:
                # Warnings are errors in this run.
                raise pytest.UsageError(text) from None


def _is_registered(config: pytest.Config, key: str) -> bool:
    """Return whether a plugin has an option of this name in the configuration."""
    try:
        config.getini(key)
    except KeyError:
        return False
    except ValueError as error:
        # pytest knows the key if it complains of the value alone.
        return not str(error).startswith("unknown configuration value")
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of xdist has counted, or note that the worker died."""
    output = getattr(node, "workeroutput", {})
    config = node.config
    if "mimic" in output or _KEY_OF_RUN in config.stash:
        _pytest_run_of(config).end_worker(output.get("mimic"), error)


def _is_wanted(config: pytest.Config) -> bool:
    """Check whether this run needs the plugin from its start.

    It does if the configuration or the command line sets an option, or a vault exists.
    Any other run loads only this file, until a test asks for more.
    """
    if config.getini("mimic_functions"):
        return True
    for name, value in vars(config.option).items():
        if value and name.startswith("mimic_"):
            return True
    for name, _, default in _INI_RULES:
        if config.getini(name) != default:
            return True
    vault: str = config.getini("mimic_vault_path")
    # The run reports that a URL is no vault. A colon as the second character is that of
    # a drive of Windows.
    is_url = vault.find(":") > 1
    return is_url or _is_folder(vault, config.rootpath)


def _is_folder(path: str, rootdir: Path) -> bool:
    """Return whether there is a folder at a path that is relative to the rootdir."""
    # Without a known home, `~` stays in the path. `Path.expanduser` would raise.
    expanded = os.path.expanduser(path)  # noqa: PTH111
    return Path(rootdir, expanded).is_dir()


def _pytest_run_of(config: pytest.Config) -> PytestRun:
    """Return the run, which is made on first use.

    Raises:
        TargetError: The first use is after the collection, in which nothing was
            prepared.
    """
    run = config.stash.get(_KEY_OF_RUN, None)
    # `pytest_collection_finish` has put None there.
    if run is None and _KEY_OF_RUN in config.stash:
        from pytest_mimic._run.pytest_run import too_late

        raise too_late()
    if run is None:
        from pytest_mimic._run.plain_imports import use_plain_imports

        config.add_cleanup(use_plain_imports())
        from pytest_mimic._run.pytest_run import PytestRun

        run = config.stash[_KEY_OF_RUN] = PytestRun(config)
        config.pluginmanager.register(run, "mimic-ends")
        config.add_cleanup(run.close)
    return run


def innermost_session(*, is_needed: bool = False) -> Session | None:
    """Return the session of the innermost run, which is made on first use.

    None: there is no run, or the tests of the run have begun and nothing is mimicked.

    Args:
        is_needed: Whether a test cannot do without the session.

    Raises:
        TargetError: The session is needed, and was not prepared.
    """
    if not _CONFIGS_OF_RUNS:
        return None
    config = _CONFIGS_OF_RUNS[-1]
    is_unprepared = config.stash.get(_KEY_OF_RUN, ...) is None
    if is_unprepared and not is_needed:
        return None
    return _pytest_run_of(config).session


# -- collection


def pytest_collection_finish(session: pytest.Session) -> None:
    """Prepare the targets of the collected tests, before the first of them runs."""
    config = session.config
    # A test file that imports `mimic` may decorate tests with it.
    is_imported = "pytest_mimic._mimic" in sys.modules
    if (
        is_imported
        or _KEY_OF_RUN in config.stash
        or any(map(_is_marked, session.items))
    ):
        _pytest_run_of(config).finish_collection(session.items)
    else:
        # No target was prepared. From now on, `_pytest_run_of` refuses a test that
        # mimics something only while it runs, by `getfixturevalue` or an import.
        config.stash[_KEY_OF_RUN] = None


def _is_marked(item: pytest.Item) -> bool:
    """Check whether a test has the marker `mimic`, or asks for a fixture of mimic."""
    if item.get_closest_marker("mimic") is not None:
        return True
    fixtures = getattr(item, "fixturenames", ())
    return any(name.startswith("mimic_") for name in fixtures)


# -- the end


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the section `mimic` at the end of the run, if there is anything to say."""
    run = config.stash.get(_KEY_OF_RUN, None)
    if run is None:
        return
    lines = run.ending.summary(row_width=_row_width(terminalreporter, config))
    if lines:
        from pytest_mimic._run.summary import lines_with_colours

        terminalreporter.write_sep("=", "mimic")
        for line, colours in lines_with_colours(lines):
            terminalreporter.write_line(line, **colours)


def _row_width(terminalreporter: Any, config: pytest.Config) -> int | None:
    """Return the width of a row of a list, which is indented; None: no terminal."""
    if not terminalreporter.isatty:
        return None
    width: int = config.get_terminal_writer().fullwidth
    return width - 2


# -- fixtures


@pytest.fixture(scope="session")
def mimic_vault_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of the recordings, as a `pathlib.Path`."""
    return _pytest_run_of(pytestconfig).session.settings.vault


@pytest.fixture(scope="session")
def mimic_mode(pytestconfig: pytest.Config) -> str:
    """The run's mode: `replay`, `record`, `rerecord`, `verify` or `live`."""
    return _pytest_run_of(pytestconfig).session.settings.mode.value


def _cassette_fixture(
    request: pytest.FixtureRequest, fixture_kind: str
) -> CassetteFixture:
    """Return the value of a fixture of cassettes: `record`, `replay` or `auto`."""
    from pytest_mimic import CassetteFixture

    session = _pytest_run_of(request.config).session
    return CassetteFixture(fixture_kind, session.run, session.coverings)


@pytest.fixture
def mimic_record(request: pytest.FixtureRequest) -> CassetteFixture:
    """Record a cassette in a block.

    Use it as `with mimic_record("name", targets=["httpx"]) as cassette: ...`.
    Every call in the block runs for real. The cassette is written when the block ends.
    """
    return _cassette_fixture(request, "record")


@pytest.fixture
def mimic_replay(request: pytest.FixtureRequest) -> CassetteFixture:
    """Replay a cassette in a block.

    Use it as `with mimic_replay("name", strict=True) as cassette: ...`.
    Nothing runs for real. With `strict`, the block also fails if a recorded call was
    not made, or in another order.
    """
    return _cassette_fixture(request, "replay")


@pytest.fixture
def mimic_auto(request: pytest.FixtureRequest) -> CassetteFixture:
    """Record a cassette in a block if it does not exist, else replay it.

    Use it as `with mimic_auto() as cassette: ...`.
    With `--mimic-no-record`, or if the environment variable `CI` is set, a missing
    cassette is a miss.
    """
    return _cassette_fixture(request, "auto")
