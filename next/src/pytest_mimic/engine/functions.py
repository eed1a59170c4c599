"""Records and replays the calls of functions: values, coroutines and streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_mimic.patch.targets import Options

if TYPE_CHECKING:
    from pytest_mimic.engine.run import Owner, Run


class FunctionPlan:
    """How one covering mimics a function."""

    def __init__(
        self,
        run: Run,
        target: str,
        function: Callable[..., Any],
        options: Options,
        cassette: Owner | None = None,
    ) -> None:
        raise NotImplementedError


class Mimicked:
    """A function and its wrapper, which asks the innermost plan.

    Attributes:
        wrapper: What stands in the place of the function.
        plan: The plan of the innermost covering; None: calls pass through.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        raise NotImplementedError
