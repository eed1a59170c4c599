"""The pytest plugin: options, fixtures, the marker and hooks.

All of them delegate to the run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_mimic import CassetteFixture
    from pytest_mimic._run.run import PytestRun
    from pytest_mimic._run.session import Session

# Ini options that start a run where their value is not the default, with their help.
# The name of a place starts none.
_RULES = (
    (
        "source",
        "what to do if the source of a target has changed: strict or ignore",
        "strict",
    ),
    (
        "inputs",
        "the same if what a recorded call reaches or reads has: warn, strict or ignore",
        "warn",
    ),
    (
        "pickle",
        "pickles that may be loaded: listed (what their recordings list) or forbid",
        "listed",
    ),
)
# The types are in annotations, which are not evaluated: at each start, subscripts would
# be.
_RUN: pytest.StashKey[PytestRun | None] = pytest.StashKey()
# The runs of this process, the innermost last: pytest may run inside of a test.
_CONFIGS: list[pytest.Config] = []


def __dir__() -> list[str]:
    """Return the hooks and fixtures. pytest looks for both at each name of a plugin, which takes longer than all else."""
    return [name for name in globals() if name.startswith(("pytest_", "mimic_"))]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mimic", "recorded calls (pytest-mimic)")
    for flag, text in (
        (
            "--mimic-record",
            "record calls that have no recording or a stale one, replay all others",
        ),
        ("--mimic-rerecord", "run every call for real and replace its recording"),
        (
            "--mimic-verify",
            "run every call for real and compare the outcome with its recording",
        ),
        (
            "--mimic-live",
            "run every call for real without reading or writing the vault",
        ),
        ("--mimic-no-record", "write nothing, even if a fixture would record"),
        (
            "--mimic-clear-unused",
            "after the run, delete the recordings that are proven unused",
        ),
        ("--mimic-fail-on-unused", "exit with 1 if recordings are proven unused"),
    ):
        # With `dest`, pytest does not compare the name with those of all options that
        # it has.
        group.addoption(
            flag, action="store_true", help=text, dest=flag[2:].replace("-", "_")
        )
    for flag, metavar, text in (
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
    ):
        group.addoption(flag, metavar=metavar, help=text)
    for name, text in (
        ("functions", "functions and clients to mimic, one per line"),
        (
            "redact",
            "names whose values are hidden, besides the default ones (!name removes one)",
        ),
    ):
        parser.addini(f"mimic_{name}", text, "linelist")
    for name, text, default in (
        (
            "vault_path",
            "the folder of the recordings, relative to the rootdir",
            ".mimic_vault",
        ),
        *_RULES,
    ):
        parser.addini(f"mimic_{name}", text, default=default)


def pytest_configure(config: pytest.Config) -> None:
    line = "mimic(*targets, **options): replay the recorded calls of these targets in the marked test, class or module. The options are those of a mimic_functions line."
    config.addinivalue_line("markers", line)
    if getattr(config.option, "help", False):
        return
    _CONFIGS.append(config)
    config.add_cleanup(lambda: _CONFIGS.remove(config))
    try:
        is_wanted = _is_wanted(config)
    except (
        TypeError,
        ValueError,
    ) as error:  # an ini value does not have the type of its option
        raise pytest.UsageError(str(error)) from None
    if is_wanted:
        _run(config).start()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    output, config = getattr(node, "workeroutput", {}), node.config
    if "mimic" in output or _RUN in config.stash:
        _run(config).end_worker(output.get("mimic"), error)


def _is_wanted(config: pytest.Config) -> bool:
    """Check whether anything is configured or requested, or whether a vault exists."""
    return bool(
        config.getini("mimic_functions")
        or any(
            value
            for name, value in vars(config.option).items()
            if name.startswith("mimic_")
        )
        or any(config.getini(f"mimic_{name}") != default for name, _, default in _RULES)
        or config.getini("mimic_vault_path").find(":")
        > 1  # a URL, and no drive of Windows
        or _vault_path(config).is_dir()
    )


def _vault_path(config: pytest.Config) -> Path:
    path = os.path.expanduser(config.getini("mimic_vault_path"))  # noqa: PTH111 - the home may be unknown
    return Path(config.rootpath, path)


def _run(config: pytest.Config) -> PytestRun:
    """Return the run, which is made on first use, at the end of the collection at the latest.

    TargetError: it is first asked for later.
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

    Raises:
        TargetError: It `is_needed` by a test, and was not prepared.
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
    is_asked = "pytest_mimic._mimic" in sys.modules or any(
        map(_is_marked, session.items)
    )
    if is_asked or _RUN in config.stash:
        _run(config).finish_collection(session.items)
    else:
        config.stash[_RUN] = (
            None  # a test that mimics something after all cannot be prepared
        )


def _is_marked(item: pytest.Item) -> bool:
    """Check whether a test names targets by a marker, or one of the fixtures below."""
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("mimic") is not None or any(
        name.startswith("mimic_") for name in fixtures
    )


# -- the end


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    if run is not None and (lines := run.ending.summary()):
        terminalreporter.write_sep("=", "mimic")
        for line in lines:
            terminalreporter.write_line(line, red=line.startswith("failed: "))


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
