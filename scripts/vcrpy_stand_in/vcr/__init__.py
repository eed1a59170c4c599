"""A stand-in for vcrpy, over the boundaries and cassettes of pytest-mimic. Only vcrpy's own tests use it.

Cassettes are recorded into the vault. A YAML file that is there already is replayed as `mimic_vcr = replay` does.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_mimic import _ambient
from pytest_mimic._boundaries.registry import is_installed
from pytest_mimic._engine.cassettes import CassetteBlock, OpenCassette
from pytest_mimic._targets.target import as_targets
from pytest_mimic._vcr.cassette import VcrCassette
from pytest_mimic._vcr.player import VcrFiles, VcrPlayer
from pytest_mimic._vcr.settings import ABOVE, read_settings
from vcr import errors  # noqa: F401 - tests use it as an attribute

mode = SimpleNamespace(ALL="all", ANY="any", NEW_EPISODES="new_episodes", NONE="none", ONCE="once")

_BOUNDARIES = ("httpx", "httpx2", "aiohttp", "urllib3", "http.client", *ABOVE)
_MODES = {"once": ("replay", "record"), "none": ("replay", "replay"), "all": ("record", "record")}


class _Player(VcrPlayer):
    """Records by vcrpy's record mode, instead of by an option of the run."""

    def __init__(self, run: Any, settings: Any, name: str) -> None:
        super().__init__(run, settings, VcrFiles(), name)
        if self.entries:
            return
        exists = run.vault.store.size(self._file) is not None
        existing, new = _MODES.get(settings.record_mode or "once", ("extend", "record"))
        self.own = OpenCassette(
            run.engine, name, existing if exists else new, strict=False, only_replays=False
        )


class _Context:
    """`use_cassette`: a context manager and a decorator."""

    def __init__(self, vcr: VCR, path: str | None, options: dict[str, Any]) -> None:
        self._vcr = vcr
        self._path = path
        self._options = options

    def __enter__(self) -> VcrCassette:
        given = self._vcr.options | self._options
        path = str(self._path)
        if not given.get("cassette_library_dir"):
            path = str(Path(path).absolute())
        transform = given.pop("path_transformer", None)
        path = transform(path) if transform else path
        settings = read_settings(
            given | {"path_transformer": str},
            name=path,
            folder=str(given.get("cassette_library_dir") or Path(path).parent),
            extra=[],
            registered={"matcher": self._vcr.matchers},
        )
        session = _ambient.current()
        name = f"vcr/{hashlib.md5(str(settings.paths[0]).encode()).hexdigest()}"
        installed = [one for one in _BOUNDARIES if is_installed(one)]

        def cover(player: Any) -> Any:
            covering = session.enter(as_targets(installed, settings.options), player)
            return lambda: session.uncover(covering)

        self._block: Any = CassetteBlock(lambda: _Player(session, settings, name), cover)
        return VcrCassette(self._block.__enter__())

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None and self._options.get("record_on_exception", True) is False:
            self._block._cassette.own.is_aborted = True
        self._block.__exit__(*error)

    def __call__(self, function: Any) -> Any:
        path = self._path or str(Path(inspect.getfile(function)).parent / function.__name__)
        injects = self._options.get("inject_cassette") or self._vcr.options.get("inject_cassette")

        def arguments(cassette: Any, given: Any) -> Any:
            return (cassette, *given) if injects else given

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: Any, **options: Any) -> Any:
                with _Context(self._vcr, path, self._options) as cassette:
                    return await function(*arguments(cassette, args), **options)

            return call_async

        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            with _Context(self._vcr, path, self._options) as cassette:
                return function(*arguments(cassette, args), **options)

        return call


class VCR:
    """The options of several cassettes."""

    def __init__(self, **options: Any) -> None:
        self.__dict__.update(options)
        self.options = options
        self.matchers: list[str] = []

    def register_matcher(self, name: str, _function: Any) -> None:
        """Know the name of a function, which is not supported."""
        self.matchers.append(name)

    def use_cassette(self, path: Any = None, **options: Any) -> Any:
        """Return a context manager, or a decorated function."""
        if callable(path):
            return _Context(self, None, options)(path)
        return _Context(self, path if path is None else str(path), options)


use_cassette = VCR().use_cassette
