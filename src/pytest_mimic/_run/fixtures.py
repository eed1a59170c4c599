"""Assigns the calls of class, module, package and session fixtures to their scope, and learns the temporary folders."""

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
from pytest_mimic._run.complete_selection import plain_id
from pytest_mimic._run.configuration import Hooks

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session


class Fixtures(Hooks):
    """A plugin: while fixtures of wider scope than a test are set up or torn down, they own the session's calls."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        self._parameters: dict[str, list[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: object
    ) -> Generator[None, object, object]:
        if fixturedef.argname in ("tmp_path", "tmp_path_factory"):
            given: Any = yield
            self._note_folder(fixturedef.argname, given)
            return given
        if fixturedef.scope == "function":
            return (yield)
        with self._scope(fixturedef, request):
            return (yield)

    # -- temporary folders

    def _note_folder(self, fixture: str, given: Any) -> None:
        """Count paths in a test's own folder, and in pytest's base folder, by their place in it, and by content."""
        places = self._session.state.places
        if fixture == "tmp_path":
            place = places.place_of(str(given))
            places.own = place.given if place is not None else None
            return
        base = str(given.getbasetemp())
        folders = [base]
        if hasattr(
            self._config, "workerinput"
        ):  # tests of several workers share files in the folder around
            folders.append(str(given.getbasetemp().parent))
        # pytest resolves links in the folder's path; its user may not.
        outer = os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir()
        real = os.path.realpath(outer)
        if real != outer and base.startswith(real):
            folders += [outer + folder[len(real) :] for folder in folders]
        if named := self._config.option.basetemp:
            folders.append(os.path.abspath(named))  # noqa: PTH100 - links in it are not resolved
        places.set_root(TEMPORARY, *folders)

    # -- scopes

    @contextmanager
    def _scope(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Assign calls in this block, which is a fixture's set-up, and calls in its tear-down to the fixture's scope.

        The scope has the id of its class, module or package. That of the session is
        empty.
        """
        nodeid = plain_id(request.node)
        parameters = self._parameters_of(fixturedef, request)
        name = f"{nodeid}[{','.join(parameters)}]" if parameters else nodeid
        leaving: list[Callable[[bool], None]] = []
        state, fixture = self._session.state, fixturedef.argname
        secrets = SecretScope(fixture, partial(state.scopes_of, fixturedef.argnames))
        outside = state.secret_scope

        def begin_to_end() -> None:
            nonlocal outside
            leaving.append(self._session.scopes.enter(name, ends=True))
            outside, state.secret_scope = state.secret_scope, secrets

        def end() -> None:
            leaving.pop()(True)
            state.secret_scope = outside
            if state.fixture_scopes.get(fixture) is secrets:
                del state.fixture_scopes[fixture]

        # Finalizers run in reverse order, and the fixture adds its own tear-down in
        # this block. So calls belong to the scope from before the tear-down (the second
        # finalizer below) until after it (this one).
        fixturedef.addfinalizer(end)
        leave = self._session.scopes.enter(name)
        state.secret_scope = secrets
        state.fixture_scopes[fixture] = secrets
        passed = False
        try:
            yield
            passed = True
        except pytest.skip.Exception:
            passed = True
            raise
        finally:
            state.secret_scope = outside
            leave(passed)
            fixturedef.addfinalizer(begin_to_end)

    def _parameters_of(self, fixturedef: Any, request: Any) -> list[str]:
        """Return the parameters of a fixture and of the fixtures that it requests.

        It is set up once for each, in an order that depends on the selection and on
        xdist. So a parameter is named by
        its index only if it has no identity.
        """
        needed = [
            one
            for name in fixturedef.argnames
            for one in self._parameters.get(name, ())
        ]
        if hasattr(request, "param"):
            param, places = request.param, self._session.state.places
            shown = (
                repr(param)
                if isinstance(param, (str, int))
                else identity_of(param, places)
            )
            needed.append(f"{fixturedef.argname}={shown or request.param_index}")
        self._parameters[fixturedef.argname] = found = list(dict.fromkeys(needed))
        return found
