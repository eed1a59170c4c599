"""The plugin of `mimic_vcr = replay`: the markers, options and fixtures of pytest-recording, over our clients.

It is registered only if that option is on. Its fixtures can be overridden, as those of pytest-recording.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core import ambient as _ambient
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.words import did_you_mean
from pytest_mimic._tools.foreign.vcr.vcr_settings import ABOVE, RECORD_MODES

if TYPE_CHECKING:
    from pytest_mimic._tools.foreign.vcr.cassette import VcrCassette
    from pytest_mimic._tools.foreign.vcr.player import VcrFiles, VcrPlayer
    from pytest_mimic._tools.foreign.vcr.vcr_settings import VcrSettings

_FILES: pytest.StashKey[VcrFiles] = pytest.StashKey()
# The plugins whose work this one does: the names of their entry points, and of their distributions.
_OTHERS = {"recording": "pytest-recording", "vcr": "pytest-vcr"}
_CLIENTS = ("httpx", "httpx2", "aiohttp", "urllib3", "http.client", *ABOVE)
_FORBIDDEN = str.maketrans(dict.fromkeys("<>?%*:|\"'/\\", "-"))


class _UnsetMode(str):
    """The value of the fixture `record_mode` if nothing sets a mode."""


def register(config: pytest.Config) -> None:
    """Register this plugin, if no other one uses the marker `vcr`.

    Raises:
        pytest.UsageError: It has another value than `replay`, or there is such a plugin.
    """
    value = config.getini("mimic_vcr")
    if value != "replay":
        raise pytest.UsageError(
            f"mimic_vcr = {value}: it takes off or replay{did_you_mean(value, ['replay'])}"
        )
    for name, distribution in _OTHERS.items():
        if config.pluginmanager.hasplugin(name):
            what = f"mimic_vcr = replay does the work of {distribution}, which is active"
            raise pytest.UsageError(f"{what}: pip uninstall {distribution}, or add -p no:{name} to addopts")
    config.pluginmanager.register(sys.modules[__name__], "mimic-vcr")


# -- hooks


class _HookSpecs:
    @pytest.hookspec
    def pytest_recording_configure(self, config: pytest.Config, vcr: Any) -> None:
        """Set attributes of `vcr`, which are defaults of `vcr_config`; a hook of pytest-recording."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook of pytest-recording."""
    pluginmanager.add_hookspecs(_HookSpecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of pytest-recording, which may be in `addopts`."""
    group = parser.getgroup("mimic", "recorded calls (pytest-mimic)")
    group.addoption(
        "--record-mode",
        "--vcr-record",
        "--vcr-record-mode",
        dest="mimic_vcr_record_mode",
        choices=RECORD_MODES,
        help="vcrpy's record mode: none forbids that --mimic-record records; the others allow it",
    )
    group.addoption(
        "--disable-recording",
        "--disable-vcr",
        dest="mimic_vcr_disabled",
        action="store_true",
        help="ignore the marker vcr: requests are sent",
    )
    group.addoption(
        "--block-network",
        dest="mimic_vcr_blocks",
        action="store_true",
        help="in a replay, refuse connections that no cassette answers, except to this machine",
    )
    group.addoption(
        "--allowed-hosts",
        dest="mimic_vcr_allowed",
        metavar="REGEXES",
        help="hosts that --block-network lets through, separated by commas",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Add the markers of pytest-recording."""
    for line in (
        "vcr(*paths, **options): replay the requests of the test from its cassette of vcrpy",
        "default_cassette(name): the name of the test's cassette",
        "block_network(allowed_hosts=None): in a replay, refuse connections that no cassette answers",
        "allowed_hosts(regexes): hosts that block_network lets through",
    ):
        config.addinivalue_line("markers", line)


def pytest_report_header() -> str:
    """Name the mode."""
    return "mimic: tests marked vcr replay cassettes of vcrpy (mimic_vcr = replay)"


# -- fixtures of pytest-recording and pytest-vcr


@pytest.fixture(scope="session")
def record_mode(pytestconfig: pytest.Config) -> str:
    """The record mode of vcrpy. Override it to set one."""
    return pytestconfig.option.mimic_vcr_record_mode or _UnsetMode("none")


@pytest.fixture(scope="session")
def disable_recording(pytestconfig: pytest.Config) -> bool:
    """Whether the marker `vcr` is ignored."""
    return bool(pytestconfig.option.mimic_vcr_disabled)


@pytest.fixture
def vcr_config() -> dict[str, Any]:
    """The options of vcrpy for all marked tests. Override it to set some."""
    return {}


@pytest.fixture
def vcr_markers(request: pytest.FixtureRequest) -> list[pytest.Mark]:
    """The `vcr` markers of the test, the closest one first."""
    return list(request.node.iter_markers("vcr"))


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """The folder of the module's cassettes."""
    path = request.node.path
    return str(path.parent / "cassettes" / path.stem)


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    """The name of the test's cassette: that of the marker `default_cassette`, or the test's own."""
    marker = request.node.get_closest_marker("default_cassette")
    if marker is not None:
        if not marker.args:
            raise pytest.UsageError("the marker default_cassette names no cassette")
        return str(marker.args[0])
    name = request.node.name
    return (f"{request.cls.__name__}.{name}" if request.cls else name).translate(_FORBIDDEN)


@pytest.fixture
def vcr_cassette_name(default_cassette_name: str) -> str:
    """The name of the test's cassette, as pytest-vcr calls it."""
    return default_cassette_name


@pytest.fixture
def vcr_cassette(vcr: Any) -> Any:
    """The cassette of the test, as pytest-vcr calls it."""
    return vcr


@pytest.fixture
def allowed_hosts(request: pytest.FixtureRequest) -> list[str] | None:
    """The hosts that `block_network` lets through: those of the marker, of the option or of `vcr_config`."""
    closest = request.node.get_closest_marker
    blocking, allowing = closest("block_network"), closest("allowed_hosts")
    found = (
        (blocking.kwargs.get("allowed_hosts") if blocking is not None else None)
        or (allowing.args[0] if allowing is not None and allowing.args else None)
        or request.config.option.mimic_vcr_allowed
        or request.getfixturevalue("vcr_config").get("allowed_hosts")
    )
    return found.split(",") if isinstance(found, str) else found


@pytest.fixture(autouse=True)
def block_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse connections of a test with the marker `block_network`, while it replays."""
    is_wanted = request.node.get_closest_marker("block_network") or request.config.option.mimic_vcr_blocks
    session = _ambient.current()
    if not is_wanted or session.settings.mode is not Mode.REPLAY:
        yield
        return
    allowed = [re.compile(host) for host in request.getfixturevalue("allowed_hosts") or ()]
    with session.guard_network().block(lambda host, _port: any(one.match(host) for one in allowed)):
        yield


@pytest.fixture(autouse=True)
def vcr(
    request: pytest.FixtureRequest, vcr_markers: list[pytest.Mark], disable_recording: bool
) -> Iterator[VcrCassette | None]:
    """The cassette of a test with the marker `vcr`, None for other tests. It is open while the test runs."""
    is_wanted = vcr_markers or "vcr_cassette" in request.fixturenames
    if disable_recording or not is_wanted:
        yield None
        return
    from pytest_mimic._tools.foreign.vcr.cassette import VcrCassette

    given = deepcopy(request.getfixturevalue("vcr_config"))
    for marker in reversed(vcr_markers):
        given.update(marker.kwargs)
    with _block(request, given, [path for marker in vcr_markers for path in marker.args]) as player:
        yield VcrCassette(player)


def _block(
    request: pytest.FixtureRequest, given: dict[str, Any], extra: list[str]
) -> AbstractContextManager[VcrPlayer]:
    """Return the context manager of the test's cassettes."""
    from pytest_mimic._core.engine.cassettes import CassetteBlock
    from pytest_mimic._core.seam.registry import is_installed
    from pytest_mimic._core.targets.target import as_targets
    from pytest_mimic._tools.foreign.vcr.player import VcrFiles, VcrPlayer

    config, session = request.config, _ambient.current()
    settings = _settings(request, given, extra)
    files = config.stash.setdefault(_FILES, VcrFiles())
    installed = [name for name in _CLIENTS if is_installed(name)]
    name = session.next_name()

    def cover(player: Any) -> Callable[[], None]:
        covering = session.enter(as_targets(installed, settings.options), player)
        return lambda: session.uncover(covering)

    block: Any = CassetteBlock
    opened: AbstractContextManager[VcrPlayer] = block(
        lambda: VcrPlayer(session, settings, files, name), cover
    )
    return opened


def _settings(request: pytest.FixtureRequest, given: dict[str, Any], extra: list[str]) -> VcrSettings:
    """Return the settings of the test's cassettes."""
    from pytest_mimic._tools.foreign.vcr.vcr_settings import read_settings

    config = request.config
    registered: dict[str, dict[str, Any]] = {"matcher": {}, "serializer": {}, "persister": {}}
    stand_in = SimpleNamespace(
        register_matcher=lambda name, matcher: registered["matcher"].update({name: matcher}),
        register_serializer=lambda name, serializer: registered["serializer"].update({name: serializer}),
        register_persister=lambda persister: registered["persister"].update(own=persister),
    )
    known = set(vars(stand_in))
    config.hook.pytest_recording_configure(config=config, vcr=stand_in)
    given = {name: value for name, value in vars(stand_in).items() if name not in known} | given
    mode = config.option.mimic_vcr_record_mode or given.get("record_mode")
    if mode is None:
        mode = request.getfixturevalue("record_mode")
        mode = None if isinstance(mode, _UnsetMode) else mode
    name = request.getfixturevalue("vcr_cassette_name")
    folder = os.fspath(request.getfixturevalue("vcr_cassette_dir"))
    settings = read_settings(
        {**given, "record_mode": mode}, name=name, folder=folder, extra=extra, registered=registered
    )
    default, *others = settings.paths
    # pytest-vcr has the cassettes of all modules in one folder.
    of_pytest_vcr = default.parent.parent / default.name
    usual = request.node.path.parent / "cassettes" / request.node.path.stem
    if default.parent == usual and not default.is_file() and of_pytest_vcr.is_file():
        return settings._replace(paths=[of_pytest_vcr, *others])
    return settings
