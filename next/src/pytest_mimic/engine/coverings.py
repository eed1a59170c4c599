"""Says which targets are in force, patches their functions, and decides by which line a call goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic.errors import TargetError
from pytest_mimic.patch.targets import Options, Target

if TYPE_CHECKING:
    from pytest_mimic.engine.run import Owner, Run


class Line(NamedTuple):
    """The line that takes a client's call, and the cassette in whose block it stands."""

    options: Options
    cassette: Owner | None


class Covering:
    """Targets that are in force until `end`.

    Attributes:
        problems: Targets that name nothing, until somebody takes them.
    """

    problems: list[TargetError]

    def end(self) -> None:
        """Let these targets decide no more."""
        raise NotImplementedError


class Coverings:
    """The functions and clients that one run mimics."""

    def __init__(self, run: Run) -> None:
        raise NotImplementedError

    def cover(
        self, targets: Iterable[Target], cassette: Owner | None = None
    ) -> Covering:
        """Mimic targets until the covering ends; in live mode, only check them."""
        raise NotImplementedError

    def enter(
        self, targets: Iterable[Target], cassette: Owner | None = None
    ) -> Covering:
        """Mimic targets that a test names, and that must exist.

        Raises:
            TargetError: A module or a function does not exist, or no client that is
                named is installed.
        """
        raise NotImplementedError

    def prepare(self, targets: Iterable[Target]) -> None:
        """Patch what tests will name, so that its holders are searched once."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Patch modules that were put into `sys.modules` without an import."""
        raise NotImplementedError

    def new_problems(self) -> list[TargetError]:
        """Return the errors of targets that were found missing since the last call."""
        raise NotImplementedError

    def line_for(self, client: str, signature: str, host: str | None) -> Line | None:
        """Return the line that takes a client's call; None: it runs for real."""
        raise NotImplementedError

    def close(self) -> None:
        """Restore everything."""
        raise NotImplementedError
