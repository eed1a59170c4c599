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
    from pytest_mimic._run.run import PytestRun
    from pytest_mimic._run.session import Session

# Options without a value: the flag and its help.
_SWITCHES = (
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
# Options with a value: the flag, the word for its value, and its help.
_VALUES = (
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
_LINES = (
    ("mimic_functions", "functions and clients to mimic, one per line"),
    (
        "mimic_redact",
        "names whose values are hidden, besides the default ones (!name removes one)",
    ),
)
# Ini options that change how calls are replayed: the name, its help and its default. A
# project that sets one to another value mimics something, even without targets.
_RULES = (
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
# The run of a process. None: its tests began, and nothing was mimicked. The type is an
# annotation, which is not evaluated, because a subscript would be at each start.
_RUN: pytest.StashKey[PytestRun | None] = pytest.StashKey()
# The runs of this process, the innermost last: pytest may run inside of a test.
_CONFIGS: list[pytest.Config] = []


def __dir__() -> list[str]:
    """Return the hooks and fixtures.

    pytest looks for both at each name of a plugin, which takes longer than all else.
    """
    names = []
    for name in globals():
        if name.startswith(("pytest_", "mimic_")):
            names.append(name)
    return names


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mimic", "recorded calls (pytest-mimic)")
    for flag, text in _SWITCHES:
        # Without `dest`, pytest would compare the name with those of all its options.
        destination = flag.removeprefix("--").replace("-", "_")
        group.addoption(flag, action="store_true", help=text, dest=destination)
    for flag, metavar, text in _VALUES:
        group.addoption(flag, metavar=metavar, help=text)
    for name, text in _LINES:
        parser.addini(name, text, "linelist")
    parser.addini(
        "mimic_vault_path",
        "the folder of the recordings, relative to the rootdir",
        default=".mimic_vault",
    )
    for name, text, default in _RULES:
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
    _CONFIGS.append(config)
    config.add_cleanup(partial(_CONFIGS.remove, config))
    try:
        is_wanted = _is_wanted(config)
    except (TypeError, ValueError) as error:
        # An ini value does not have the type of its option.
        raise pytest.UsageError(str(error)) from None
    if is_wanted:
        _run(config).start()


def _warn_of_unknown_keys(config: pytest.Config) -> None:
    """Warn of a key of the configuration that begins as ours do and is none.

    pytest itself warns, too, but it does not say what was meant.

    Raises:
        pytest.UsageError: There is such a key, and warnings are errors.
    """
    # The public name of the keys that the user has written is deprecated in pytest 9.
    written = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    unknown = []
    for key in written:
        if key[:5].lower() == "mimic" and not _is_registered(config, key):
            unknown.append(key)
    if unknown:
        from pytest_mimic._core.words import did_you_mean

        file = config.inipath.name if config.inipath is not None else "-o"
        names = [f"mimic_{name}" for name in ("functions", "redact", "vault_path")]
        names += [f"mimic_{name}" for name, _, _ in _RULES]
        for key in unknown:
            text = f"{file}: {key} is no option{did_you_mean(key, names)}"
            warning = pytest.PytestConfigWarning(text)
            try:
                config.issue_config_time_warning(warning, stacklevel=2)
            except pytest.PytestConfigWarning:
                raise pytest.UsageError(text) from None


def _is_registered(config: pytest.Config, key: str) -> bool:
    try:
        config.getini(key)
    except KeyError:
        return False
    except ValueError as error:
        # The value may be wrong; then the key is known.
        return not str(error).startswith("unknown configuration value")
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    output = getattr(node, "workeroutput", {})
    config = node.config
    if "mimic" in output or _RUN in config.stash:
        _run(config).end_worker(output.get("mimic"), error)


def _is_wanted(config: pytest.Config) -> bool:
    """Check whether anything is configured or requested, or whether a vault exists."""
    if config.getini("mimic_functions"):
        return True
    for name, value in vars(config.option).items():
        if value and name.startswith("mimic_"):
            return True
    for name, _, default in _RULES:
        if config.getini(name) != default:
            return True
    vault: str = config.getini("mimic_vault_path")
    # A URL is no vault, which the run reports. The colon of a drive of Windows is the
    # second character.
    is_url = vault.find(":") > 1
    return is_url or _is_folder(vault, config.rootpath)


def _is_folder(path: str, rootdir: Path) -> bool:
    # A home that is unknown stays `~`. `Path.expanduser` would raise.
    expanded = os.path.expanduser(path)  # noqa: PTH111
    return Path(rootdir, expanded).is_dir()


def _run(config: pytest.Config) -> PytestRun:
    """Return the run, which is made on first use.

    Raises:
        TargetError: Its first use is after the collection. Nothing was prepared.
    """
    run = config.stash.get(_RUN, None)
    if run is None and _RUN in config.stash:
        from pytest_mimic._run.run import too_late

        raise too_late()
    if run is None:
        from pytest_mimic._run.plain_imports import use_plain_imports

        config.add_cleanup(use_plain_imports())
        from pytest_mimic._run.run import PytestRun

        run = config.stash[_RUN] = PytestRun(config)
        config.pluginmanager.register(run, "mimic-ends")
        config.add_cleanup(run.close)
    return run


def innermost_session(*, is_needed: bool = False) -> Session | None:
    """Return the session of the innermost run, which is made on first use.

    None: there is no run, or its tests run and nothing is mimicked.

    Args:
        is_needed: Whether a test cannot do without the session.

    Raises:
        TargetError: The session is needed, and was not prepared.
    """
    if not _CONFIGS:
        return None
    config = _CONFIGS[-1]
    is_unprepared = config.stash.get(_RUN, ...) is None
    if is_unprepared and not is_needed:
        return None
    return _run(config).session


# -- collection


def pytest_collection_finish(session: pytest.Session) -> None:
    config = session.config
    is_imported = "pytest_mimic._mimic" in sys.modules
    if is_imported or _RUN in config.stash or any(map(_is_marked, session.items)):
        _run(config).finish_collection(session.items)
    else:
        # A test that mimics something after all cannot be prepared.
        config.stash[_RUN] = None


def _is_marked(item: pytest.Item) -> bool:
    """Check whether a test names targets by a marker, or one of the fixtures below."""
    if item.get_closest_marker("mimic") is not None:
        return True
    fixtures = getattr(item, "fixturenames", ())
    return any(name.startswith("mimic_") for name in fixtures)


# -- the end


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    if run is None:
        return
    lines = run.ending.summary(room=_room(terminalreporter, config))
    if lines:
        from pytest_mimic._run.summary import coloured

        terminalreporter.write_sep("=", "mimic")
        for line, colours in coloured(lines):
            terminalreporter.write_line(line, **colours)


def _room(terminalreporter: Any, config: pytest.Config) -> int | None:
    """Return the room for a row of a list, which is indented; None: no terminal."""
    if not terminalreporter.isatty:
        return None
    width: int = config.get_terminal_writer().fullwidth
    return width - 2


# -- fixtures


@pytest.fixture(scope="session")
def mimic_vault_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of the recordings, as a `pathlib.Path`."""
    return _run(pytestconfig).session.settings.vault


@pytest.fixture(scope="session")
def mimic_mode(pytestconfig: pytest.Config) -> str:
    """The run's mode: `replay`, `record`, `rerecord`, `verify` or `live`."""
    return _run(pytestconfig).session.settings.mode.value


def _cassettes(request: pytest.FixtureRequest, kind: str) -> CassetteFixture:
    from pytest_mimic import CassetteFixture

    session = _run(request.config).session
    return CassetteFixture(kind, session.state, session.coverings)


@pytest.fixture
def mimic_record(request: pytest.FixtureRequest) -> CassetteFixture:
    """Record a cassette in a block.

    Use it as `with mimic_record("name", targets=["httpx"]) as cassette: ...`.
    Every call in the block runs for real. The cassette is written when the block ends.
    """
    return _cassettes(request, "record")


@pytest.fixture
def mimic_replay(request: pytest.FixtureRequest) -> CassetteFixture:
    """Replay a cassette in a block.

    Use it as `with mimic_replay("name", strict=True) as cassette: ...`.
    Nothing runs for real. With `strict`, the block also fails if a recorded call was
    not made, or in another order.
    """
    return _cassettes(request, "replay")


@pytest.fixture
def mimic_auto(request: pytest.FixtureRequest) -> CassetteFixture:
    """Record a cassette in a block if it does not exist, else replay it.

    Use it as `with mimic_auto() as cassette: ...`.
    With `--mimic-no-record`, or if the environment variable `CI` is set, a missing
    cassette is a miss.
    """
    return _cassettes(request, "auto")
