"""`mimic(...)` for blocks, tests and classes, and `fingerprint(...)` of a value."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pytest_mimic.errors import TargetError
from pytest_mimic.patch.targets import as_targets
from pytest_mimic.values.folders import NOWHERE
from pytest_mimic.values.identity import fingerprint as identity_of
from pytest_mimic.values.identity import register_fingerprint

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic.engine.activations import Activation
    from pytest_mimic.patch.targets import TargetOptions
    from pytest_mimic.run.session import Session

__all__ = ["fingerprint", "mimic", "register_fingerprint"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def fingerprint(value: object) -> str:
    """Return the identity of a value, 32 hex digits.

    In a run of pytest, a path under the rootdir counts relative to it, and a
    path below the temporary folder by its place in the folder that a fixture gave, with
    the content of what it names.

    Raises:
        UnstableIdentityError: A part has no identity that another process would find
            again. The message names the path to it.
    """
    session = _innermost_session()
    return identity_of(value, NOWHERE if session is None else session.run.folders)


class mimic:  # noqa: N801 - it reads as a verb: with mimic(...)
    """Mimics targets in a `with` block, or in a decorated test.

    A test may be sync or async. Without the plugin (`-p no:mimic`) nothing is mimicked.

    Args:
        targets: Lines as in `mimic_functions`, or functions.
        options: The options of a line, for all targets.

    Raises:
        TargetError: A target or an option is wrong, or a module or function does not
            exist.
    """

    __module__ = "pytest_mimic"

    def __init__(
        self, *targets: str | Callable[..., Any], **options: Unpack[TargetOptions]
    ) -> None:
        # Without parentheses, it got a test.
        first = getattr(targets[0], "__name__", "") if len(targets) == 1 else ""
        is_bare = str(first).startswith("test")
        if is_bare or not targets:
            raise TargetError(
                'mimic names no target: write it as mimic("shop.api:fetch_rates")'
            )
        self._targets = as_targets(targets, options)
        # The innermost last: a decorated test may call itself.
        self._activations: list[Activation] = []

    def __enter__(self) -> mimic:
        session = _innermost_session(is_needed=True)
        if session is not None:
            self._activations.append(session.activations.enter(self._targets))
        return self

    def __exit__(self, *_: object) -> None:
        if self._activations:
            self._activations.pop().close()

    def __call__(self, decorated: Decorated) -> Decorated:
        """Decorate a test function.

        Raises:
            TypeError: It is a class, or a generator, whose steps would run outside of
                the block.
        """
        if isinstance(decorated, type):
            raise TypeError(
                f"mimic cannot decorate the class {decorated.__qualname__}: "
                "write @pytest.mark.mimic(...) above it"
            )
        is_generator = inspect.isgeneratorfunction(decorated)
        if is_generator or inspect.isasyncgenfunction(decorated):
            raise TypeError(
                f"mimic cannot decorate the generator {decorated.__qualname__}: "
                "write `with mimic(...)` in it"
            )

        async def coroutine_in_block(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await decorated(*args, **kwargs)

        def function_in_block(*args: Any, **kwargs: Any) -> Any:
            with self:
                return decorated(*args, **kwargs)

        is_coroutine = inspect.iscoroutinefunction(decorated)
        in_block = coroutine_in_block if is_coroutine else function_in_block
        return cast(Decorated, functools.wraps(decorated)(in_block))


def _innermost_session(*, is_needed: bool = False) -> Session | None:
    # Where pytest has not loaded the plugin there is no run, and perhaps no pytest.
    plugin: Any = sys.modules.get("pytest_mimic.plugin")
    if plugin is None:
        return None
    session: Session | None = plugin.innermost_session(is_needed=is_needed)
    return session
