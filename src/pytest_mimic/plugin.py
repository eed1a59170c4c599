"""pytest's side: options, fixtures, markers and hooks. Each parses, delegates, prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic import _ambient, hookspecs

if TYPE_CHECKING:
    from pytest_mimic._run.run import Run

_MODES = ("record", "rerecord", "verify", "live")
_RUN = pytest.StashKey["Run"]()
_ITEM = pytest.StashKey[pytest.Item]()
_TEMPORARY = pytest.StashKey[Any]()
_SESSION_OF = pytest.StashKey[Callable[[], Any]]()


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mimic", "recorded calls (pytest-mimic)")
    for flag, text in (
        ("--mimic-record", "run calls without a recording for real and record them"),
        ("--mimic-rerecord", "run every call for real and replace its recording"),
        ("--mimic-verify", "run every call for real and compare it with its recording"),
        ("--mimic-live", "run every call for real, and leave the vault alone"),
        ("--mimic-no-record", "write nothing, whatever a fixture asks for"),
        ("--mimic-clear-unused", "after the run, delete recordings proven unused"),
        ("--mimic-fail-on-unused", "exit with 1 where recordings are proven unused"),
    ):
        group.addoption(flag, action="store_true", help=text)
    group.addoption("--mimic-vault", metavar="PATH", help="the vault's folder, in place of mimic_vault_path")
    parser.addini("mimic_functions", "functions and boundaries to mimic, one a line", "linelist")
    parser.addini("mimic_vault_path", "the vault's folder, relative to the rootdir", default=".mimic_vault")
    parser.addini("mimic_redact", "names whose values never reach the vault; !name takes one out", "linelist")
    parser.addini("mimic_store_arguments", "describe the arguments beside a recording", "bool", default=True)
    parser.addini(
        "mimic_source", "when a target's source has changed: strict, warn or ignore", default="strict"
    )
    parser.addini("mimic_pickle", "which pickles may load: listed or forbid", default="listed")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "mimic(*targets, **options): replay the recorded calls of these targets in this test, class or module; "
        "the options are those of a mimic_functions line.",
    )
    if getattr(config.option, "help", False):
        return
    config.stash[_SESSION_OF] = session_of = lambda: _run(config).session
    _ambient.push(session_of)
    config.add_cleanup(lambda: _ambient.pop(session_of))
    try:
        is_wanted = _is_wanted(config)
    except (TypeError, ValueError) as error:  # an ini value is not of its option's type
        raise pytest.UsageError(str(error)) from None
    if is_wanted:
        _run(config).start()
    config.pluginmanager.register(_LateHooks(config), "mimic-late-hooks")


class _LateHooks:
    """Hears of what is mimicked that the start of the run did not tell.

    A conftest.py may have targets, those of folders that are collected later too, and a worker of xdist tests that
    name some.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._early = config.pluginmanager.get_plugins()

    def pytest_plugin_registered(self, plugin: object) -> None:
        if plugin in self._early or not hasattr(plugin, "pytest_mimic_targets"):
            return
        _run(self._config).take_late(plugin)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        run = self._config.stash.get(_RUN, None)
        account = getattr(node, "workeroutput", {}).get("mimic")
        if account is not None and (run is None or not run.has_started):  # else the run hears of it by itself
            _run(self._config).session.ledger.add(account)


def _is_wanted(config: pytest.Config) -> bool:
    """Whether anything is configured, asked for, or lies in the vault already."""
    return bool(
        config.getini("mimic_functions")
        or config.hook.pytest_mimic_targets.get_hookimpls()
        or any(getattr(config.option, f"mimic_{mode}") for mode in _MODES)
        or config.option.mimic_vault
        or config.getini("mimic_source") != "strict"
        or config.getini("mimic_pickle") != "listed"
        or "://" in config.getini("mimic_vault_path")
        or (config.rootpath / os.path.expanduser(config.getini("mimic_vault_path"))).is_dir()  # noqa: PTH111
    )


def _run(config: pytest.Config) -> Run:
    """The run's state, made when it is first needed."""
    run = config.stash.get(_RUN, None)
    if run is None:
        from pytest_mimic._run.run import Run

        run = config.stash[_RUN] = Run(config, config.stash.get(_ITEM, None))
        if _TEMPORARY in config.stash:
            run.note_temporary(config.stash[_TEMPORARY])
    return run


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    if run is not None:
        run.close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    run = config.stash.get(_RUN, None)
    return run.header() if run is not None else []


# -- collecting


def pytest_collection_finish(session: pytest.Session) -> None:
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.collected(session.items)


# -- running a test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    __tracebackhide__ = True
    if _SESSION_OF not in item.config.stash:
        return
    item.config.stash[_ITEM] = item
    marks = list(item.iter_markers("mimic"))
    decorations = _decorations(item)
    run = _run(item.config) if marks or decorations else item.config.stash.get(_RUN, None)
    if run is not None:
        run.begin_test(item, decorations, marks)


def _decorations(item: pytest.Item) -> list[Any]:
    """The targets of each `mimic` that the test's class, or one that it inherits from, is decorated with."""
    classes = reversed(getattr(getattr(item, "cls", None), "__mro__", ()))
    return [targets for cls in classes for targets in vars(cls).get("__mimic_targets__", ())]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    try:
        return (yield)
    finally:
        run = item.config.stash.get(_RUN, None)
        if run is not None:
            run.end_marks()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Generator[None, object, object]:
    run = request.config.stash.get(_RUN, None)
    if fixturedef.argname == "tmp_path_factory":
        request.config.stash[_TEMPORARY] = factory = yield
        if run is not None:
            run.note_temporary(factory)
        return factory
    if run is None:
        return (yield)
    with run.fixture_scope(fixturedef, request):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run = item.config.stash.get(_RUN, None)
    if run is not None:
        run.judge_phase(item, report)
    return report


# -- the end


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        run.finish(session)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash.get(_RUN, None)
    lines = run.summary() if run is not None else []
    if lines:
        terminalreporter.write_sep("=", "mimic")
        for line in lines:
            terminalreporter.write_line(line)


# -- fixtures


@pytest.fixture(scope="session")
def mimic_vault_dir(pytestconfig: pytest.Config) -> Path:
    """The folder that holds the recordings, a `pathlib.Path`."""
    vault: Path = _run(pytestconfig).session.settings.vault
    return vault


@pytest.fixture
def mimic_record(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Record a cassette in a block.

    Use it as `with mimic_record("name", boundaries=["httpx"]) as cassette: ...`.

    Every call in the block runs for real and is written into the cassette when the block ends.
    """
    return _block(request, "record")


@pytest.fixture
def mimic_replay(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Replay a cassette in a block.

    Use it as `with mimic_replay("name", strict=True) as cassette: ...`.

    Nothing runs for real. `strict` also fails when a recorded call was not made, or in another order.
    """
    return _block(request, "replay")


@pytest.fixture
def mimic_auto(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Record a cassette when it does not exist, replay it when it does.

    Use it as `with mimic_auto() as cassette: ...`.

    With `--mimic-no-record`, or where the environment says `CI`, a missing cassette is a miss.
    """
    return _block(request, "auto")


def _block(request: pytest.FixtureRequest, fixture: str) -> Callable[..., Any]:
    session = _run(request.config).session

    def block(
        name: str | None = None,
        *,
        targets: Any = (),
        boundaries: Any = (),
        strict: bool = False,
        **options: Any,
    ) -> Any:
        __tracebackhide__ = True
        return session.block(fixture, name, targets=targets, boundaries=boundaries, strict=strict, **options)

    return block
