"""What pytest loads: options, fixtures, a marker; it starts a run where needed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_mimic.engine.cassettes import CassetteCall, Fixture
    from pytest_mimic.run.cassette_fixtures import CassetteFixture
    from pytest_mimic.run.course import Course
    from pytest_mimic.run.session import Session

_FLAGS = {
    "--mimic-record": (
        "record calls without a recording or with a stale one, replay all others"
    ),
    "--mimic-rerecord": "run every call for real and replace its recording",
    "--mimic-verify": "run every call for real and compare it with its recording",
    "--mimic-accept-source": (
        "replay stale recordings, and let them keep to today's source and inputs"
    ),
    "--mimic-live": "run every call for real without reading or writing the vault",
    "--mimic-no-record": "write nothing, even if a fixture would record",
    "--mimic-clear-unused": "after the run, delete recordings that are proven unused",
    "--mimic-fail-on-unused": "exit with 1 if recordings are proven unused",
}
_OPTIONS = {
    "--mimic-vault": (
        "PATH",
        "the folder of the recordings (overrides mimic_vault_path)",
    ),
    "--mimic-report": ("FILE", "write an HTML page of the calls of this run"),
}
_VAULT = ".mimic_vault"
# Each setting: its default and what it is for.
_INI: dict[str, tuple[str | list[str], str]] = {
    "mimic_functions": ([], "functions and clients to mimic, one per line"),
    "mimic_redact": (
        [],
        "further names whose values are hidden (!name takes one out)",
    ),
    "mimic_source": (
        "strict",
        "what a replay does if the source of a target has changed: strict or ignore",
    ),
    "mimic_inputs": (
        "",
        "the same for what a recorded call reaches and reads: warn (strict where the "
        "environment says CI), strict or ignore; !module: one that does not count",
    ),
    "mimic_pickle": (
        "listed",
        "pickles that may be loaded: listed (importing what is listed) or forbid",
    ),
    "mimic_vault_path": (
        _VAULT,
        "the folder of the recordings, relative to the rootdir",
    ),
}
_MARKER = (
    "mimic(*targets, **options): replay the recorded calls of these targets in the "
    "marked test, class or module. The options are those of a line of mimic_functions. "
    "mimic(False): leave the test out, its calls run for real and are not recorded."
)

_MARKS_OF_RECORDING = (
    "vcr(*paths)",
    "default_cassette(name)",
    "block_network(allowed_hosts)",
)

# The course of a run. None: its tests began, and nothing was mimicked.
_COURSE: pytest.StashKey[Course | None] = pytest.StashKey()
# The configurations of the runs of this process, the innermost last: pytest may run
# inside of a test.
_configs: list[pytest.Config] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mimic", "recorded calls (pytest-mimic)")
    for flag, text in _FLAGS.items():
        group.addoption(flag, action="store_true", help=text)
    for flag, (value, text) in _OPTIONS.items():
        group.addoption(flag, metavar=value, help=text)
    for name, (default, text) in _INI.items():
        if isinstance(default, list):
            parser.addini(name, text, type="linelist", default=default)
        else:
            parser.addini(name, text, default=default)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Refuse what is named in the vault before pytest imports anything of it."""
    option = early_config.known_args_namespace
    start, root = early_config.invocation_params.dir, early_config.rootpath
    vault = Path(root, Path(_setting(early_config, "mimic_vault_path")).expanduser())
    if option.mimic_vault:
        vault = Path(start, Path(option.mimic_vault).expanduser())
    vault = vault.resolve()
    given = [argument.partition("::")[0] for argument in option.file_or_dir]
    if vault.name.startswith("test"):  # pytest looks for this name by itself.
        given += map(str, vault.glob("conftest.py"))
    for path in given:
        if Path(start, path).resolve().is_relative_to(vault):
            raise pytest.UsageError(f"{path} lies in the vault, and is not run")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    # Tests keep the marks of pytest-recording when their cassettes were imported.
    for mark in _MARKS_OF_RECORDING:
        words = f"{mark}: of pytest-recording, without effect"
        config.addinivalue_line("markers", words)
    _configs.append(config)
    config.add_cleanup(partial(_configs.remove, config))
    if not config.option.help and _is_wanted(config):
        _course_of(config)


def _is_wanted(config: pytest.Config) -> bool:
    """Return whether an option is set, or there is a vault."""
    options = vars(config.option).items()
    given = [value for name, value in options if name.startswith("mimic_")]
    given += [_setting(config, name) != _INI[name][0] for name in _INI]
    return any(given) or Path(config.rootpath, _VAULT).is_dir()


def _setting(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError) as error:  # TOML: a value of another type
        raise pytest.UsageError(str(error)) from None


def _course_of(config: pytest.Config) -> Course:
    """Return the course of a run, which begins when it is first needed.

    Raises:
        pytest.UsageError: An option is wrong.
        TargetError: The tests have begun, and nothing was mimicked until now.
    """
    course = config.stash.get(_COURSE, None)
    if course is None:
        with _without_rewriting(config):
            # A run that mimics nothing loads this file alone.
            from pytest_mimic.run.course import Course, too_late

        if _COURSE in config.stash:
            raise too_late()
        course = config.stash[_COURSE] = Course(config)
        course.start()
    return course


@contextmanager
def _without_rewriting(config: pytest.Config) -> Iterator[None]:
    """Import modules of this package as they are: they hold no tests.

    pytest rewrites the assertions of a plugin; its modules are then slower to find and
    to read.
    """
    hook: Any = config.pluginmanager.rewrite_hook
    getattr(hook, "_must_rewrite", set()).discard("pytest_mimic")
    finders = list(sys.meta_path)
    if hook in sys.meta_path:
        sys.meta_path.remove(hook)
    collects_garbage = gc.isenabled()
    gc.disable()  # an import leaves none
    try:
        yield
    finally:
        sys.meta_path[:] = finders
        if collects_garbage:
            gc.enable()


def innermost_session(*, is_needed: bool = False) -> Session | None:
    """Return the session of the innermost run of pytest; None: there is none.

    Args:
        is_needed: A run that has no session yet gets one.

    Raises:
        TargetError: One is needed, the tests have begun, and nothing was mimicked.
    """
    if not _configs:
        return None
    if is_needed:
        return _course_of(_configs[-1])
    return _configs[-1].stash.get(_COURSE, None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the run if a collected test asks for it: later, no test can."""
    config = session.config
    if _COURSE in config.stash:
        return
    if _is_asked_for(session.items):
        _course_of(config).pytest_collection_finish(session)
    elif not config.pluginmanager.hasplugin("dsession"):
        config.stash[_COURSE] = None


def _is_asked_for(items: list[pytest.Item]) -> bool:
    if "pytest_mimic._mimic" in sys.modules:
        return True
    for item in items:
        names = getattr(item, "fixturenames", ())
        uses_fixture = any(name.startswith("mimic_") for name in names)
        if uses_fixture or item.get_closest_marker("mimic"):
            return True
    return False


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist since when files of the vault are of this run."""
    course = node.config.stash.get(_COURSE, None)
    node.workerinput["mimic_began"] = course.run.vault.began if course else 0


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what happened in a worker of xdist, or note that it has crashed."""
    sent = getattr(node, "workeroutput", {}).get("mimic")
    if sent is not None or node.config.stash.get(_COURSE, None) is not None:
        _course_of(node.config).end_worker(sent, error)


@pytest.fixture(scope="session")
def mimic_vault_dir(pytestconfig: pytest.Config) -> Path:
    """The folder of the recordings, as a `pathlib.Path`."""
    return _course_of(pytestconfig).settings.vault


@pytest.fixture(scope="session")
def mimic_mode(pytestconfig: pytest.Config) -> str:
    """The run's mode: `replay`, `record`, `rerecord`, `verify`, `accept-source`, ...

    In a run that runs every call for real and keeps nothing it is `live`.
    """
    return _course_of(pytestconfig).settings.mode


@pytest.fixture
def mimic_calls(request: pytest.FixtureRequest) -> Iterator[list[CassetteCall]]:
    """The test's own calls so far, in the order in which they began."""
    session = _course_of(request.config)
    from pytest_mimic.engine.cassettes import calls_of_test, live_calls_of_test

    run = session.run
    is_live = run.mode == "live"
    listening = (
        live_calls_of_test(run, session.activations) if is_live else calls_of_test(run)
    )
    with listening as calls:
        yield calls


def _cassette_fixture(request: pytest.FixtureRequest, kind: Fixture) -> CassetteFixture:
    session = _course_of(request.config)
    # A run without cassettes does not load it.
    from pytest_mimic.run.cassette_fixtures import CassetteFixture

    return CassetteFixture(kind, session)


@pytest.fixture
def mimic_record(request: pytest.FixtureRequest) -> CassetteFixture:
    """Record a cassette in a block.

    Use it as `with mimic_record("name", targets=["httpx"]) as cassette: ...`.
    Every call in the block runs for real. The cassette is written if the test passes.
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
