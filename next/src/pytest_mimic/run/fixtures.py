"""Gives wider fixtures their own logs, notes temporary folders, opens cassettes."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic.engine.owners import Owner
from pytest_mimic.errors import UnstableIdentityError
from pytest_mimic.run.selection import plain_id
from pytest_mimic.values.identity import fingerprint

if TYPE_CHECKING:
    from pytest_mimic.run.session import Session


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
        instance = _Instance(self._session, owner)
        # Finalizers run in reverse order, and the fixture adds its own in between.
        fixturedef.addfinalizer(partial(self._live.pop, owner, ""))
        fixturedef.addfinalizer(instance.end)
        self._live[owner] = name
        try:
            with instance.setting_up():
                return (yield)
        finally:
            fixturedef.addfinalizer(instance.begin_teardown)
            # The test may have asked for it by `getfixturevalue`.
            self._names_of_test.add(name)
            self._tell_uses()

    def _note_folder(self, name: str, value: Any) -> None:
        places = self._session.run.places
        if name == "tmp_path":
            places.set_tmp_path(value)
        else:
            places.set_temporary(value.getbasetemp())

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
        return Owner(name, "fixture", serves=serves)

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
            return fingerprint(request.param, self._session.run.places)[:12]
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


class _Instance:
    """One life of a wider fixture, from its set-up to its tear-down."""

    def __init__(self, session: Session, owner: Owner) -> None:
        self._session = session
        self._owner = owner
        self._has_set_up = False
        self._teardown = ExitStack()

    def setting_up(self) -> ExitStack:
        """Return a block in which the calls are those of the fixture."""
        stack = ExitStack()
        stack.push(self._note_set_up)
        stack.enter_context(self._session.run.owner(self._owner))
        return stack

    def _note_set_up(self, kind: type[BaseException] | None, *_: object) -> None:
        self._has_set_up = kind is None or issubclass(kind, pytest.skip.Exception)

    def begin_teardown(self) -> None:
        self._teardown.enter_context(self._session.run.owner(self._owner))

    def end(self) -> None:
        run, owner = self._session.run, self._owner
        self._teardown.close()
        self._session.safely(lambda: run.end_owner(owner, passed=self._has_set_up))


class CassetteFixture:
    """What `mimic_record`, `mimic_replay` and `mimic_auto` give: it opens cassettes."""

    __module__ = "pytest_mimic"

    def __init__(self, kind: str, session: Session) -> None:
        self._kind = kind
        self._session = session
