"""The targets of one block, or of one line's adapter, and which line decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.errors import TargetError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.patches import NamedFunction
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Options, Target

if TYPE_CHECKING:
    from pytest_mimic.engine.owners import Owner


class Edge(NamedTuple):
    """A function of a client, or of Python, that is replaced while the run lasts.

    Attributes:
        module: The module that defines it, `requests.adapters`.
        path: The names that lead to it there, `("HTTPAdapter", "send")`.
        wrap: Takes the original, and gives what stands in its place.
        is_optional: Whether some versions of the client lack it.
    """

    module: str
    path: tuple[str, ...]
    wrap: Callable[[Callable[..., Any]], Callable[..., Any]]
    is_optional: bool = False

    @property
    def client(self) -> str:
        """The client, for messages."""
        return self.module.partition(".")[0]


class Line(NamedTuple):
    """The line that takes a client's call, and the cassette of its block."""

    options: Options
    cassette: Owner | None


class ClientLine(NamedTuple):
    """A line that names a client, and which of its calls it takes."""

    target: Target
    kind: str
    patterns: Patterns


class Named(NamedTuple):
    """What names functions: the number of a line of its covering, and a path."""

    number: int
    path: tuple[str, ...]


class Covering:
    """Targets that are in force until `end`, or edges until the run ends.

    Attributes:
        cassette: The cassette that takes the calls.
        problems: Targets that name nothing, until somebody takes them.
    """

    def __init__(
        self,
        uncover: Callable[[Covering], None],
        lines: Iterable[Target | Edge],
        cassette: Owner | None = None,
    ) -> None:
        self.cassette = cassette
        self.problems: list[TargetError] = []
        self._uncover = uncover
        self.lines = list(lines)
        self.clients: list[ClientLine] = []
        #: By module, what is named there.
        self.named: defaultdict[str, set[Named]] = defaultdict(set)
        #: By the key of a function, the number of the line that decides, and the
        #: function itself: while it lives, no other one has its key.
        self.deciders: dict[object, tuple[int, NamedFunction]] = {}
        for number, line in enumerate(self.lines):
            if line.path:
                self.named[line.module].add(Named(number, line.path))

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

    def refuse(self, line: Target | Edge, problem: str, *, is_absent: bool) -> None:
        """Note that a line cannot be mimicked.

        Args:
            line: The target or the edge.
            problem: A predicate behind its name.
            is_absent: Whether nothing has the name, as in some versions of a client.
        """
        if isinstance(line, Target):
            self.problems.append(line.error(f"{line.name}{problem}"))
        elif not (is_absent and line.is_optional):
            # Without its edge, the calls of a client would be real, and nobody knew.
            name = f"{line.module}:{'.'.join(line.path)}"
            self.problems.append(
                TargetError(
                    f"{line.client}: its calls cannot be recorded: {name}{problem}"
                )
            )

    def lines_of(self, client: str) -> list[ClientLine]:
        """Return the lines for a client, its own before those for all of its kind."""
        own = [line for line in self.clients if line.target.module == client]
        known = client_of(client)
        kind = known.kind if known else client
        if kind == client:
            return own
        return own + [line for line in self.clients if line.target.module == kind]
