"""Patches the functions that are named, now or when their modules are imported, until the run ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from pytest_mimic._core.garbage import without_collections
from pytest_mimic._core.patch.find import Found, NotFoundError, find
from pytest_mimic._core.patch.holders import Holder, all_holders, holders_since, read
from pytest_mimic._core.patch.imports import ImportWatch, is_initialising
from pytest_mimic._core.patch.patches import Patches, Wrapper
from pytest_mimic.errors import TargetError


class Place(NamedTuple):
    """A name that a request of an activation leads to: its own, or the one where its function is defined."""

    number: int  # of the request
    module: str
    path: tuple[str, ...]


class Activation:
    """Requests that are in force from `Patcher.activate` until `deactivate`: targets, or edges of clients.

    Attributes:
        requests: Each has a `module` and a `path`, and perhaps `excluded` and `origin`.
        owner: What it was made for; None for edges.
        problems: The reason for each request that names nothing, as soon as it is known. The reader removes it.
        places: By their modules, the names that the requests lead to.
        open: The numbers of the requests for which nothing was found so far, and no problem.
        in_force: By the key of a function, the number of the request that decides about it.
    """

    def __init__(self, requests: Iterable[Any], owner: Any = None) -> None:
        self.requests, self.owner = list(requests), owner
        self.problems: list[TargetError] = []
        self.places: dict[str, list[Place]] = {}
        self.open = set(range(len(self.requests)))
        self.in_force: dict[object, int] = {}
        self._claims: dict[object, set[int]] = {}
        for number, request in enumerate(self.requests):
            self.places.setdefault(request.module, []).append(Place(number, request.module, request.path))

    def claim(self, key: object, number: int) -> None:
        """Note that a request names a function."""
        self._claims.setdefault(key, set()).add(number)

    def decide(self, key: object) -> int | None:
        """Return the request that decides about a function; None if it is excluded.

        A request that names a function wins over a wildcard, then a later one wins. An exclusion removes the functions
        that came before it.
        """
        chosen: int | None = None
        for each in sorted(self._claims[key]):
            if getattr(self.requests[each], "excluded", False):
                chosen = None
            elif chosen is None or self._is_wildcard(chosen) or not self._is_wildcard(each):
                chosen = each
        return chosen

    def _is_wildcard(self, number: int) -> bool:
        return bool(self.requests[number].path[-1] == "*")

    def refuse(self, place: Place, problem: str) -> None:
        """Note the problem of a request, a predicate that follows its name, once."""
        if place.number in self.open:
            self.open.discard(place.number)
            request, name = self.requests[place.number], f"{place.module}:{'.'.join(place.path)}"
            if hasattr(request, "error"):
                self.problems.append(request.error(f"{name}{problem}"))


_Cover: TypeAlias = Callable[[Activation, Any, Found, str], Wrapper]


class Patcher:
    """Patches each function once, the first time that anything names it.

    Args:
        cover: Called with (activation, request, found, name) when a request decides about a function; returns its
            wrapper, the same each time. `name` is `module:qualname` where the function is defined if that leads to
            it, else the request's. With None, nothing is patched, only judged.
        uncover: Called with (activation, found key) when the activation ends, or excludes the function.
        judge: Called once for a request with (request, function); returns a problem in words, or an empty text.
    """

    def __init__(
        self,
        cover: _Cover | None,
        uncover: Callable[[Activation, object], None],
        judge: Callable[[Any, Any], str] = lambda *_: "",
    ) -> None:
        self._cover, self._uncover, self._judge = cover, uncover, judge
        self._activations: list[Activation] = []
        self._patches = Patches()
        self._wrappers: dict[object, tuple[Wrapper, str]] = {}  # by the key of a function, with its name
        self._watch = ImportWatch(self._loaded)
        self._lock = threading.RLock()

    def activate(self, requests: Iterable[Any], owner: object = None) -> Activation:
        """Cover functions of imported modules now, and the others as soon as they are imported."""
        activation = Activation(requests, owner)
        with self._lock:
            self._activations.append(activation)
            try:
                for module in activation.places:
                    self._watch.watch(module)
                places = [place for each in activation.places.values() for place in each]
                self._settle(activation, places)
                for place in places:
                    if is_initialising(sys.modules.get(place.module)):
                        reason = f" cannot be patched while {place.module} is being imported"
                        activation.refuse(place, f"{reason}: import it first, e.g. in conftest.py")
            except BaseException:
                self.deactivate(activation)
                raise
        return activation

    def deactivate(self, activation: Activation) -> None:
        """End an activation. Its functions stay patched until `restore`, but for inherited ones."""
        with self._lock:
            if activation in self._activations:
                self._activations.remove(activation)
                for key in activation.in_force:
                    self._uncover(activation, key)
                    # Else calls of this class would pass by what covers the function of its base.
                    if isinstance(key, tuple) and not any(key in each.in_force for each in self._activations):
                        self._patches.give_back(key)

    def restore(self) -> None:
        """End all activations, and restore everything."""
        with self._lock:
            for activation in list(reversed(self._activations)):
                self.deactivate(activation)
            self._watch.end()
            self._patches.restore()
            self._wrappers.clear()

    def look_again(self) -> None:
        """Patch modules that appeared without an import, by an assignment to `sys.modules`."""
        with self._lock:
            for activation in list(self._activations):
                if activation.open:
                    places = [
                        place
                        for module in activation.places.keys() & sys.modules.keys()
                        for place in activation.places[module]
                        if place.number in activation.open
                    ]
                    self._settle(activation, places)

    def _loaded(self, module: str) -> None:
        """Patch a watched module that has been executed, for the first time or again."""
        with self._lock, without_collections():
            for activation in list(self._activations):
                self._settle(activation, list(activation.places.get(module, ())), just_loaded=module)

    def _settle(
        self, activation: Activation, places: Iterable[Place], just_loaded: str | None = None
    ) -> None:
        """Cover the functions that places lead to by now, and patch the new ones, together: all holders are searched once.

        `just_loaded` is the module whose import has just ended. What it has made is held only by modules that were
        imported since.
        """
        named = [(place, found) for place in places for found in self._find(activation, place, just_loaded)]
        for place, found in named:
            activation.claim(found.key, place.number)
        if self._cover is None:
            return
        fresh: list[tuple[Found, Wrapper]] = []
        alone: list[tuple[Found, Wrapper]] = []  # methods at an edge, which nothing else holds
        holders: Iterable[Holder] = ()
        for place, found in named:
            is_known = found.key in self._wrappers
            wrapper = self._decide(self._cover, activation, place, found)
            if wrapper is None or self._patches.is_ours(read(found.holder, found.name)):
                continue
            if activation.owner is None and isinstance(found.holder, type):
                alone.append((found, wrapper))
                continue
            fresh.append((found, wrapper))
            if not is_known and getattr(found.function, "__module__", None) != just_loaded:
                holders = all_holders()
        if just_loaded is not None and not holders:
            holders = holders_since(just_loaded)
        self._patches.install(alone)
        if fresh:
            self._patches.install(fresh, holders)

    def _find(self, activation: Activation, place: Place, just_loaded: str | None) -> list[Found]:
        """Return the functions that a place leads to, if its module is imported; note a problem."""
        module, path = place.module, place.path
        there = sys.modules.get(module)
        if there is None or (module != just_loaded and is_initialising(there)):
            return []
        try:
            found = find(module, path, self._patches)
        except NotFoundError as error:
            activation.refuse(place, f" {error}")
            return []
        if place.number in activation.open:
            if problem := self._judge(activation.requests[place.number], found[0].function):
                activation.refuse(place, f": {problem}")
            activation.open.discard(place.number)
        return found

    def _decide(self, cover: _Cover, activation: Activation, place: Place, found: Found) -> Wrapper | None:
        """Let the request that decides about a function cover it, and return its wrapper; None if none does."""
        before, chosen = activation.in_force.pop(found.key, None), activation.decide(found.key)
        if chosen is None:
            if before is not None:
                self._uncover(activation, found.key)
            return None
        activation.in_force[found.key] = chosen
        wrapper, name = self._wrappers.get(found.key) or (None, self._name(found))
        if name != found.label and place.path[-1] != "*":  # a reload where it is defined is to be seen, too
            module, _, path = name.partition(":")
            defined = Place(place.number, module, tuple(path.split(".")))
            if defined not in activation.places.setdefault(module, []):
                activation.places[module].append(defined)
                self._watch.watch(module)
        if wrapper is None or chosen != before:
            wrapper = cover(activation, activation.requests[chosen], found, name)
            self._wrappers[found.key] = wrapper, name
        return wrapper

    def _name(self, found: Found) -> str:
        """Return the name under which a function is defined, if that leads to it."""
        module = getattr(found.function, "__module__", None)
        path = getattr(found.function, "__qualname__", None)
        is_named = isinstance(path, str) and "<" not in path and found.is_own
        if not is_named or module not in sys.modules or found.label == f"{module}:{path}":
            return found.label
        try:
            there = find(str(module), str(path).split("."), self._patches)
        except NotFoundError:
            return found.label
        return f"{module}:{path}" if there[0].function is found.function else found.label
