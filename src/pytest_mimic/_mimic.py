"""The Python interface: `mimic(...)` and `fingerprint(...)`.

What it is given becomes the same targets as lines of `mimic_functions`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pytest_mimic._core.identity.call_identity import fingerprint as identity_of
from pytest_mimic._core.identity.call_identity import rest_of_identity
from pytest_mimic._core.seam.registry import hand_in
from pytest_mimic._core.targets.target import as_targets
from pytest_mimic._core.types.reductions import Unstable, register_fingerprint
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic._core.targets.option_grammar import TargetOptions
    from pytest_mimic._run.session import Session

__all__ = ["fingerprint", "mimic", "register_fingerprint"]

F = TypeVar("F", bound=Callable[..., Any])

# A line of `mimic(...)` may name a client without a run of pytest, too.
hand_in("pytest_mimic._clients.bundled:BUNDLED")


def _innermost_session(*, is_needed: bool = False) -> Session | None:
    """Return the session of the innermost run, or None outside of pytest.

    Raises:
        TargetError: The session is needed, and was not prepared before the tests began.
    """
    # Where pytest has not loaded the plugin, there is no run, and pytest may not even
    # be installed.
    plugin: Any = sys.modules.get("pytest_mimic.plugin")
    if plugin is None:
        return None
    session: Session | None = plugin.innermost_session(is_needed=is_needed)
    return session


def fingerprint(value: object) -> str:
    """Return the identity of a value as in the vault, 32 hex digits.

    Args:
        value: Anything with a stable identity. Inside a pytest run, `pathlib` paths
            under the rootdir count relative to it. Paths under the base temporary
            folder, also strings, count by their place in the folder that a fixture
            gave, and by the content of what they name.

    Raises:
        UnstableIdentityError: A part has no stable identity. The message names the path
            to it.
    """
    session = _innermost_session()
    # Outside of a run, there is no rootdir: each path counts as it is written.
    places = None if session is None else session.run.places
    try:
        return identity_of(value, places=places)
    except Unstable as unstable:
        raise rest_of_identity().error_of_unstable(unstable) from None


class mimic:  # noqa: N801 - it reads as a verb: with mimic(...)
    """Mimics targets in a `with` block, a decorated test, or a decorated class.

    The test may be sync or async. In a class, the targets are mimicked in each of its
    tests. Without the plugin (`-p no:mimic`), nothing is mimicked.

    Args:
        targets: Lines as in `mimic_functions`, or functions.
        options: The options of a target line, for all targets.

    Raises:
        TargetError: A target or an option is wrong, or the module or function of a
            target does not exist.
    """

    __module__ = "pytest_mimic"

    def __init__(
        self, *targets: str | Callable[..., Any], **options: Unpack[TargetOptions]
    ) -> None:
        # `@mimic` without parentheses gets the test itself.
        is_bare = len(targets) == 1 and _is_test(targets[0])
        if not targets or is_bare:
            raise TargetError(
                'mimic names no target: write it as mimic("shop.api:fetch_rates")'
            )
        self._targets = as_targets(targets, options)
        # The functions that end the open blocks, the innermost last: a decorated test
        # may call itself.
        self._ends: list[Callable[[], None]] = []

    def __enter__(self) -> mimic:
        session = _innermost_session(is_needed=True)
        if session is not None:
            self._ends.append(session.coverings.enter(self._targets).end)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ends:
            end = self._ends.pop()
            end()

    def __call__(self, function: F) -> F:
        decorated: Any = function
        if isinstance(decorated, type):
            # pytest makes the calls of a class's tests, so a class cannot be wrapped.
            # The plugin reads the targets from the class, as from a marker.
            inner_targets = vars(decorated).get("__mimic_targets__", ())
            decorated.__mimic_targets__ = (self._targets, *inner_targets)  # type: ignore[attr-defined]
            return function
        wrapper: Any = functools.wraps(decorated)(self._around(decorated))
        wrapper.__mimic_targets__ = (self._targets,)
        return cast(F, wrapper)

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls another one in a block.

        Raises:
            TypeError: The function is a generator, whose steps would run outside of the
                block.
        """

        async def coroutine_in_block(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await function(*args, **kwargs)

        def function_in_block(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        if inspect.iscoroutinefunction(function):
            return coroutine_in_block
        is_generator = inspect.isgeneratorfunction(function)
        if is_generator or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"mimic cannot decorate the generator {function.__qualname__}: "
                "write `with mimic(...)` in it"
            )
        return function_in_block


def _is_test(target: object) -> bool:
    """Return whether a target is a function that is named as a test.

    `@mimic` without parentheses gets one.
    """
    name: str = getattr(target, "__name__", "")
    return name.startswith("test")
