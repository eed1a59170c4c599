"""Wider fixtures: whom the calls belong to that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import UnstableIdentityError

if TYPE_CHECKING:
    from pytest_mimic._engine.owners import Owner
    from pytest_mimic._session import Session

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class WiderFixtures:
    """The fixtures of a class, module, package or session.

    Args:
        session: Is told whose calls are made.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parameters: dict[str, list[str]] = {}

    @contextmanager
    def scope(self, fixturedef: Any, request: Any, nodeid: str) -> Iterator[None]:
        """While a fixture is set up, and when it is torn down, its calls belong to its scope; a block for the set-up.

        Args:
            fixturedef: pytest's.
            request: The fixture's own.
            nodeid: The id of its class, module or package; empty for the session.
        """
        parameters = self._parameters_of(fixturedef, request)
        name = f"{nodeid}[{','.join(parameters)}]" if parameters else nodeid
        leaving: list[Callable[[], Owner]] = []

        def end() -> None:
            owner = leaving.pop()()
            owner.fixtures -= 1
            if not owner.fixtures:
                owner.rewind()

        fixturedef.addfinalizer(end)
        leave = self._session.enter_scope(name)
        try:
            yield
        finally:
            leave().fixtures += 1
            fixturedef.addfinalizer(lambda: leaving.append(self._session.enter_scope(name)))

    def _parameters_of(self, fixturedef: Any, request: Any) -> list[str]:
        """The parameters that a fixture is set up for: its own, and those of the fixtures that it asks for.

        It is set up once for each, in an order that depends on the selection and on xdist.
        """
        needed = [one for name in fixturedef.argnames for one in self._parameters.get(name, ())]
        if hasattr(request, "param"):
            needed.append(f"{fixturedef.argname}={_stable_name(request.param, index=request.param_index)}")
        self._parameters[fixturedef.argname] = found = list(dict.fromkeys(needed))
        return found


def _stable_name(parameter: object, *, index: int) -> str:
    """What stands for a parameter, whichever others there are; its place among them where it has no identity."""
    if isinstance(parameter, (str, int)):
        return repr(parameter)
    from pytest_mimic import fingerprint

    try:
        return fingerprint(parameter)
    except UnstableIdentityError:
        return str(index)
