"""The targets of one block, or of one line's adapter, and which line decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import TargetError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.named import AbsentError, NotFoundError
from pytest_mimic.patch.patches import NamedFunction
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Options, Target

if TYPE_CHECKING:
    from pytest_mimic.engine.owners import Owner


class Edge:
    """A function of a client, or of Python, that is replaced while the run lasts.

    Attributes:
        module: The module that defines it, `requests.adapters`.
        path: The names that lead to it there, `("HTTPAdapter", "send")`.
        wrap: Takes the original, and gives what stands in its place.
        is_optional: Whether some versions of the client lack it.
    """

    def __init__(
        self,
        module: str,
        path: tuple[str, ...],
        wrap: Callable[[Callable[..., Any]], Callable[..., Any]],
        is_optional: bool = False,
    ) -> None:
        self.module = module
        self.path = path
        self.wrap = wrap
        self.is_optional = is_optional

    def error(self, problem: str) -> TargetError:
        """Return the error: without its edge, calls of a client would be real."""
        client = self.module.partition(".")[0]
        return TargetError(f"{client}: its calls cannot be recorded: {problem}")


class Line:
    """The line that takes a client's call, and the cassette of its block.

    Attributes:
        name: How the line names the client: `http`, `httpx`.
        options: Its options.
        cassette: The cassette of its block.
    """

    def __init__(self, name: str, options: Options, cassette: Owner | None) -> None:
        self.name = name
        self.options = options
        self.cassette = cassette


class ClientLine:
    """A line that names a client, and which of its calls it takes."""

    def __init__(self, target: Target, patterns: Patterns) -> None:
        self.target = target
        self.patterns = patterns


class Covering:
    """Targets that are in force until `end`, or edges until the run ends.

    Attributes:
        lines: The targets or edges.
        cassette: The cassette that takes the calls.
        problems: Errors of lines that name nothing, until somebody takes them.
        clients: The lines that name clients.
        numbers: By module, the numbers of the lines that name something there.
        deciders: By the key of a function, the number of the line that decides, and the
            function itself: while it lives, no other one has its key.
    """

    def __init__(
        self,
        uncover: Callable[[Covering], None],
        lines: Iterable[Target | Edge],
        cassette: Owner | None = None,
    ) -> None:
        self.lines = list(lines)
        self.cassette = cassette
        self.problems: list[TargetError] = []
        self.clients: list[ClientLine] = []
        self.numbers: defaultdict[str, list[int]] = defaultdict(list)
        self.deciders: dict[object, tuple[int, NamedFunction]] = {}
        self._uncover = uncover
        for number, line in enumerate(self.lines):
            if line.path:
                self.numbers[line.module].append(number)

    def end(self) -> None:
        """Let these targets decide no more."""
        self._uncover(self)

    def decide(self, number: int, function: NamedFunction) -> None:
        """Let a line decide about a function, if it comes before those that do.

        A wildcard gives way; of others the last one that names or excludes it decides.
        """
        decider = self.deciders.get(function.key)
        if decider is None or self._rank(decider[0]) <= self._rank(number):
            self.deciders[function.key] = number, function

    def _rank(self, number: int) -> tuple[bool, int]:
        line = self.lines[number]
        excluded = isinstance(line, Target) and line.excluded
        return excluded or line.path[-1] != "*", number

    def refuse(self, number: int, error: NotFoundError) -> None:
        """Note that a line names nothing that can be mimicked, now or later."""
        line = self.lines[number]
        self.numbers[line.module].remove(number)
        is_optional = isinstance(line, Edge) and line.is_optional
        if not (is_optional and isinstance(error, AbsentError)):
            name = f"{line.module}:{'.'.join(line.path)}"
            self.problems.append(line.error(f"{name} {error}"))

    def lines_of(self, client: str) -> list[ClientLine]:
        """Return the lines for a client, its own before those for all of its kind."""
        own = [line for line in self.clients if line.target.module == client]
        known = client_of(client)
        if known is None or known.kind == client:
            return own
        return own + [line for line in self.clients if line.target.module == known.kind]
