"""Assigns the calls of wider fixtures to their scope, and learns temporary folders.

A wider fixture is one of a class, module, package or session. Its set-up runs in
whichever test asks for it first, so its calls may not belong to that test.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.files.places import TEMPORARY
from pytest_mimic._core.identity.call_identity import identity_of
from pytest_mimic._run.configuration import Hooks
from pytest_mimic._run.selected_tests import plain_id

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session


class FixtureScopes(Hooks):
    """A plugin: calls in the set-up or teardown of a wider fixture belong to it."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        # By fixture: its current parameters and those of the fixtures that it requests.
        self._parameters: dict[str, list[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: object
    ) -> Generator[None, object, object]:
        if fixturedef.argname in ("tmp_path", "tmp_path_factory"):
            value: Any = yield
            self._note_folder(fixturedef.argname, value)
            return value
        if fixturedef.scope == "function":
            return (yield)
        with self._scope(fixturedef, request):
            return (yield)

    # -- temporary folders

    def _note_folder(self, fixture_name: str, value: Any) -> None:
        """Let paths in temporary folders count by their place there, and by content.

        pytest gives such a folder another name in each run, so that a call with a path
        in it would else be a miss.

        Args:
            fixture_name: `tmp_path` or `tmp_path_factory`.
            value: The value that the fixture gave.
        """
        places = self._session.run.places
        if fixture_name == "tmp_path":
            place = places.place_of(str(value))
            places.folder_of_test = None
            # A project may have a `tmp_path` of its own, in a folder of its own.
            if place is not None:
                places.folder_of_test = place.given_folder
            return
        base_folder = str(value.getbasetemp())
        folders = [base_folder]
        if hasattr(self._config, "workerinput"):
            # Tests of several workers of xdist share files in the folder around.
            folders.append(str(value.getbasetemp().parent))
        # pytest resolves links in the folder's path, and `tempfile` does not.
        outer_folder = os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()
        resolved_outer = os.path.realpath(outer_folder)
        if resolved_outer != outer_folder and base_folder.startswith(resolved_outer):
            for folder in tuple(folders):
                folders.append(outer_folder + folder.removeprefix(resolved_outer))
        option = self._config.option.basetemp
        if option:
            # Links in it stay: a test may use the folder by this name, too.
            folders.append(os.path.abspath(option))  # noqa: PTH100
        places.set_root(TEMPORARY, *folders)

    # -- scopes

    @contextmanager
    def _scope(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Assign calls to a fixture's scope: those in this block, and in the teardown.

        The block is the set-up of the fixture. The scope has the id of its class,
        module or package, with the parameters. That of the session is empty. By this
        name, recordings in the vault belong to the scope: another one makes them miss.

        Secrets in answers to a fixture are known to the fixtures and tests that request
        it. So there is a scope of secrets for each fixture, which is the current one
        while the fixture runs.
        """
        scope_name = plain_id(request.node)
        parameters = self._parameters_of(fixturedef, request)
        if parameters:
            scope_name = f"{scope_name}[{','.join(parameters)}]"
        # What `begin_teardown` leaves for `end_teardown`.
        leave_functions_of_teardown: list[Callable[[bool], None]] = []
        run = self._session.run
        fixture = fixturedef.argname
        secret_scope = SecretScope(
            fixture, partial(run.current.scopes_of, fixturedef.argnames)
        )
        secret_scope_around = run.current.secret_scope

        # pytest tears the fixture down later, within the last test that needs it. Its
        # calls there are no calls of that test either.
        def begin_teardown() -> None:
            nonlocal secret_scope_around
            leave_functions_of_teardown.append(
                self._session.scopes.enter(scope_name, is_teardown=True)
            )
            secret_scope_around = run.current.secret_scope
            run.current.secret_scope = secret_scope

        def end_teardown() -> None:
            leave = leave_functions_of_teardown.pop()
            leave(True)
            run.current.secret_scope = secret_scope_around
            # With another parameter, the fixture may have been set up again already.
            if run.current.fixture_scopes.get(fixture) is secret_scope:
                del run.current.fixture_scopes[fixture]

        # Finalizers run in reverse order, and the fixture adds its own teardown in this
        # block: first `begin_teardown` runs, then the fixture's own, then this one.
        fixturedef.addfinalizer(end_teardown)
        leave = self._session.scopes.enter(scope_name)
        run.current.secret_scope = secret_scope
        run.current.fixture_scopes[fixture] = secret_scope
        passed = False
        try:
            yield
            passed = True
        except pytest.skip.Exception:
            # A set-up that skips its tests keeps what it recorded before.
            passed = True
            raise
        finally:
            run.current.secret_scope = secret_scope_around
            leave(passed)
            fixturedef.addfinalizer(begin_teardown)

    def _parameters_of(self, fixturedef: Any, request: Any) -> list[str]:
        """Return the parameters of a fixture and of the fixtures that it requests.

        They stand in the name of its scope, `server=1`. A fixture is set up once for
        each of its parameters, in an order that depends on the selection and on xdist.
        So its index names a parameter only if it has no identity.
        """
        # As keys, the parameters stand once each: two of the fixtures may request the
        # same third one.
        parameters: dict[str, None] = {}
        for name in fixturedef.argnames:
            for parameter in self._parameters.get(name, ()):
                parameters[parameter] = None
        if hasattr(request, "param"):
            parameter_text = (
                self._text_of_parameter(request.param) or request.param_index
            )
            parameters[f"{fixturedef.argname}={parameter_text}"] = None
        self._parameters[fixturedef.argname] = list(parameters)
        return self._parameters[fixturedef.argname]

    def _text_of_parameter(self, parameter: object) -> str | None:
        """Return the text that names a parameter of a fixture, the same in each run.

        A text or a number is named by itself, and another value by its identity. None:
        it has no identity.
        """
        if isinstance(parameter, (str, int)):
            return repr(parameter)
        return identity_of(parameter, self._session.run.places)
