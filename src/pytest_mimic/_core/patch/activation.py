"""Activations: requests that are in force together, and which of them decides about a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._core.patch.lookup import FoundFunction
from pytest_mimic._core.targets.target import FunctionPath

if TYPE_CHECKING:
    from typing import Protocol

    from pytest_mimic._core.patch.patches import Patch
    from pytest_mimic.errors import TargetError

    class Patchable(Protocol):
        """Names functions to patch: a Target, or a client's edge."""

        @property
        def module(self) -> str: ...
        @property
        def path(self) -> tuple[str, ...]: ...
        @property
        def excluded(self) -> bool: ...
        @property
        def origin(self) -> str: ...


class Activation:
    """Requests that are in force from `Patcher.activate` until `close`.

    Attributes:
        problems: The reason for each request that names nothing, as soon as it is known. The reader removes it.
        requests: The requests in order.
        by_module: The requests that may name functions of a module.
        claims: By the id of a function, the requests that name it by now, by their numbers.
        covered: By the id of a function, the request that decides about it, and the function's patch.
    """

    def __init__(self, requests: Iterable[Patchable], end: Callable[[Activation], None]) -> None:
        self.problems: list[TargetError] = []
        self.requests = [ActiveRequest(request, number) for number, request in enumerate(requests)]
        self.by_module: dict[str, list[ActiveRequest]] = {}
        self.waiting = self.requests  # requests that may still be open
        self.awaited: Set[str] = self.by_module.keys()  # the modules of these requests
        self.claims: dict[int, dict[int, Claim]] = {}
        self.covered: dict[int, tuple[ActiveRequest, Patch]] = {}
        self._end = end
        for active in self.requests:
            self.by_module.setdefault(active.named.module, []).append(active)

    def wait(self) -> None:
        """Forget the requests that are no longer open."""
        self.waiting = [active for active in self.waiting if active.is_open]
        self.awaited = {active.named.module for active in self.waiting}

    def close(self) -> None:
        """Restore everything that no other activation covers. Closing twice does no harm."""
        self._end(self)

    def claim(self, active: ActiveRequest, found: list[FoundFunction]) -> list[int]:
        """Note the functions that a request names now, and return the ids of these and of those that it named."""
        before = active.claimed
        for key in before:
            self.claims[key].pop(active.number, None)
        active.claimed = [id(one.function) for one in found]
        for one in found:
            claims = self.claims.setdefault(id(one.function), {})
            # Lines that name it alike share one object, since a second would count as one more holder of the function.
            alike = [
                claim.found
                for claim in claims.values()
                if claim.found.label == one.label and claim.found.holder is one.holder
            ]
            claims[active.number] = Claim(active, alike[0] if alike else one)
        return [*before, *active.claimed]

    def decide(self, key: int) -> Claim | None:
        """Return the claim that decides about a function. None if the function is excluded or no longer named.

        A request that names a function wins over a wildcard, then a later one wins. An exclusion removes the functions
        that came before it.
        """
        best: Claim | None = None
        for _, claim in sorted(self.claims.get(key, {}).items()):
            if claim.active.request.excluded:
                best = None
            elif best is None or best.active.is_wildcard or not claim.active.is_wildcard:
                best = claim
        return best


class Claim(NamedTuple):
    """A request that names a function."""

    active: ActiveRequest
    found: FoundFunction


class ActiveRequest:
    """A request, and the facts known about it.

    Attributes:
        named: The module and the path that it names.
        definitions: Where the functions are defined, if the request names them by another module.
    """

    def __init__(self, request: Patchable, number: int) -> None:
        self.request = request
        self.number = number  # its place among the requests of its activation
        self.named = FunctionPath(request.module, request.path)
        self.definitions: tuple[FunctionPath, ...] = ()
        self.claimed: list[int] = []  # the functions that it names by now, by their ids
        self.is_open = True  # whether no function was found yet, and no problem

    @property
    def is_wildcard(self) -> bool:
        return self.request.path[-1] == "*"
