"""Assigns the calls of class, module, package and session fixtures to their scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic._core.identity.call_identity import identity_of

if TYPE_CHECKING:
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._run.session import Session


class WiderFixtures:
    """The fixtures of wider scope than a test. While they are set up or torn down, they own the session's calls."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parameters: dict[str, list[str]] = {}

    @contextmanager
    def scope(self, fixturedef: Any, request: Any, nodeid: str) -> Iterator[None]:
        """Assign calls in this block, which is a fixture's set-up, and calls in its tear-down to the fixture's scope.

        The scope has the id of its class, module or package. That of the session is empty.
        """
        parameters = self._parameters_of(fixturedef, request)
        name = f"{nodeid}[{','.join(parameters)}]" if parameters else nodeid
        leaving: list[Callable[[bool], Owner]] = []

        def begin_to_end() -> None:
            leaving.append(self._session.scopes.enter(name))
            self._session.state.owner.is_ending = True

        def end() -> None:
            owner = leaving.pop()(True)
            owner.is_ending = False
            owner.fixtures -= 1
            if not owner.fixtures:  # the scope has ended, and pytest may set it up again later in this run
                self._session.scopes.end(owner)

        # Finalizers run in reverse order, and the fixture adds its own tear-down in this block. So calls belong to the scope
        # from before the tear-down (the second finalizer below) until after it (this one).
        fixturedef.addfinalizer(end)
        leave = self._session.scopes.enter(name)
        passed = False
        try:
            yield
            passed = True
        except pytest.skip.Exception:
            passed = True
            raise
        finally:
            leave(passed).fixtures += 1
            fixturedef.addfinalizer(begin_to_end)

    def _parameters_of(self, fixturedef: Any, request: Any) -> list[str]:
        """Return the parameters of a fixture and of the fixtures that it requests.

        It is set up once for each, in an order that depends on the selection and on xdist. So a parameter is named by
        its index only if it has no identity.
        """
        needed = [one for name in fixturedef.argnames for one in self._parameters.get(name, ())]
        if hasattr(request, "param"):
            parameter = request.param
            if isinstance(parameter, (str, int)):
                shown = repr(parameter)
            else:
                shown = identity_of(parameter, self._session.state.places) or str(request.param_index)
            needed.append(f"{fixturedef.argname}={shown}")
        self._parameters[fixturedef.argname] = found = list(dict.fromkeys(needed))
        return found
