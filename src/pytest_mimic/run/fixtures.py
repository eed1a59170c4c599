"""Gives wider fixtures their own logs, and notes the temporary folders."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic.engine.lifecycle import end, owning
from pytest_mimic.engine.logs import Ending
from pytest_mimic.engine.owners import Owner
from pytest_mimic.errors import UnstableIdentityError
from pytest_mimic.run.selection import plain_id
from pytest_mimic.run.session import Session
from pytest_mimic.values.identity import fingerprint


class Fixtures:
    """A plugin: what the set-up and tear-down of a wider fixture asks is its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # By the name of a fixture, of its present instance and those that it requests.
        self._parameters: dict[str, list[str]] = {}
        # The wider fixtures that are set up, with the names of their owners.
        self._live: dict[Owner, str] = {}
        self._names_of_test: set[str] = set()

    def begin_test(self, item: pytest.Item) -> None:
        """Tell the engine which fixtures' answers a test may hold."""
        self._names_of_test = set(getattr(item, "fixturenames", ()))
        self._tell_uses()

    def _tell_uses(self) -> None:
        names = self._names_of_test
        self._session.run.uses(o for o, name in self._live.items() if name in names)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: Any
    ) -> Generator[None, object, object]:
        name = fixturedef.argname
        if name in ("tmp_path", "tmp_path_factory"):
            value: Any = yield
            self._note_folder(name, value)
            return value
        if fixturedef.scope == "function":
            return (yield)
        owner = self._owner_of(fixturedef, request)
        run, teardown = self._session.run, ExitStack()
        ending: Ending = "failed"

        def end_fixture() -> None:
            teardown.close()
            del self._live[owner]
            self._session.safely(end, run, owner, ending)

        # Finalizers run in reverse order, and the fixture adds its own in between.
        fixturedef.addfinalizer(end_fixture)
        self._live[owner] = name
        try:
            with owning(run, owner):
                value = yield
            ending = "passed"
            return value
        except pytest.skip.Exception:
            ending = "passed"
            raise
        finally:
            fixturedef.addfinalizer(lambda: teardown.enter_context(owning(run, owner)))
            # The test may have asked for it by `getfixturevalue`.
            self._names_of_test.add(name)
            self._tell_uses()

    def _note_folder(self, name: str, value: Any) -> None:
        folders = self._session.run.folders
        if name == "tmp_path":
            folders.set_tmp_path(value)
        else:
            folders.set_temporary(value.getbasetemp())
            # A text that was plain until now may be a path below it.
            self._session.run.forget_replays()

    def _owner_of(self, fixturedef: Any, request: Any) -> Owner:
        """Return the owner of an instance: each has its own log.

        Its name says where the fixture is defined, what it serves, and its parameters
        with those of the fixtures that it requests.
        """
        defined = _place_of(fixturedef.func, request.config.rootpath)
        scope, served = fixturedef.scope, plain_id(request.node)
        words = scope
        if scope == "session":
            served = defined
        elif served.partition("::")[0] != defined:
            words = f"{scope}, {defined}"
        parameters = self._parameters_of(fixturedef, request)
        listed = f"[{','.join(parameters)}]" if parameters else ""
        name = f"{fixturedef.argname} ({words}){listed}"
        serves = "" if scope == "session" else served
        name = f"{served}::{name}" if served else name
        return Owner(name, "fixture", self._session.run.mode, serves=serves)

    def _parameters_of(self, fixturedef: Any, request: Any) -> list[str]:
        parameters: dict[str, None] = {}
        for name in fixturedef.argnames:
            parameters |= dict.fromkeys(self._parameters.get(name, ()))
        if hasattr(request, "param"):
            parameters[f"{fixturedef.argname}={self._text_of(request)}"] = None
        self._parameters[fixturedef.argname] = list(parameters)
        return list(parameters)

    def _text_of(self, request: Any) -> str:
        """Return what names a parameter in each run, whichever tests are selected."""
        if isinstance(request.param, (str, int)):
            return repr(request.param)
        try:
            return fingerprint(request.param, self._session.run.folders)[:12]
        except UnstableIdentityError:
            return str(request.param_index)


def _place_of(function: Any, rootdir: Path) -> str:
    """Return the file in which a fixture is defined; of a library its module."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    path = Path(code.co_filename) if code is not None else rootdir
    if path.is_relative_to(rootdir) and "site-packages" not in path.parts:
        return path.relative_to(rootdir).as_posix()
    return str(getattr(function, "__module__", ""))
