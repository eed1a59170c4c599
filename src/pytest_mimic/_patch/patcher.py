"""Activations: which functions are wanted by whom, now and as modules are imported."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from pytest_mimic._patch.holders import MISSING, namespace_of
from pytest_mimic._patch.imports import (
    AskedModule,
    ImportWatch,
    is_initialising,
    is_lazy,
    stop_telling,
    tell_when_initialised,
    tell_when_loaded,
)
from pytest_mimic._patch.lookup import FoundFunction, Lookup, NotFoundError, OnDemandError
from pytest_mimic._patch.patches import Patch, Patches
from pytest_mimic._targets.modules import module_exists
from pytest_mimic._targets.options import target_error
from pytest_mimic._targets.target import FunctionPath
from pytest_mimic.errors import TargetError


class Request(Protocol):
    """What can be activated: a Target, or an edge of a boundary. It may have `candidates`, as Target has."""

    @property
    def module(self) -> str: ...
    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def excluded(self) -> bool: ...
    @property
    def origin(self) -> str: ...


Function = Callable[..., Any]


class Activation:
    """Requests that are in force from `Patcher.activate` until `close`.

    Attributes:
        problems: For each request that names nothing, the reason, as soon as it is known; who tells it takes it out.
    """

    def __init__(self, patcher: Patcher, requests: Iterable[Request]) -> None:
        self.problems: list[TargetError] = []
        self._patcher = patcher
        self._wishes = [_Wish(request) for request in requests]
        self._covered: dict[int, tuple[_Wish, Patch]] = {}

    def close(self) -> None:
        """Put everything back as it was, but what another activation covers too. Twice does no harm."""
        self._patcher.deactivate(self)


class _Wish:
    """A request, and what is known of it.

    Attributes:
        candidates: What it may mean, the longest module first.
        definitions: Where the functions are defined that it names by another module.
        is_open: Whether nothing is known yet of what it names.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.candidates: list[FunctionPath] = list(
            getattr(request, "candidates", None) or [FunctionPath(request.module, request.path)]
        )
        self.definitions: list[FunctionPath] = []
        self.is_open = True

    @property
    def is_wildcard(self) -> bool:
        return self.request.path[-1] == "*"

    @property
    def modules(self) -> set[str]:
        return {reading.module for reading in (*self.candidates, *self.definitions)}


class Patcher:
    """Patches functions for as long as they are wanted.

    Args:
        cover: Asked with (request, name, function, kind) for a function's wrapper when an
            activation finds it; must give the same one as long as the function is covered. `name`
            is `module:qualname` where the function is defined if that leads to it, else as named.
            None patches nothing: what the requests name is only judged.
        uncover: Told with (request, name, function) when that activation ends.
        judge: Asked with (request, function), once for a request: what is wrong with it for this function, in words.
    """

    def __init__(
        self,
        cover: Callable[[Any, str, Function, str], Function] | None,
        uncover: Callable[[Any, str, Function], None],
        judge: Callable[[Any, Function], str] = lambda *_: "",
    ) -> None:
        self._cover = cover
        self._uncover = uncover
        self._judge = judge
        self._activations: list[Activation] = []
        self._patches = Patches()
        self._lookup = Lookup(self._patches.original)
        self._watch = ImportWatch(self._loaded)
        self._asked: dict[str, AskedModule] = {}
        self._lock = threading.RLock()

    def activate(self, requests: Iterable[Request]) -> Activation:
        """Patch what is loaded now, and the rest as soon as it is imported."""
        activation = Activation(self, requests)
        with self._lock:
            self._activations.append(activation)
            try:
                self._rewatch()
                for module in self._watch.names:
                    self._await(module)
                self._settle(activation)
            except BaseException:
                self.deactivate(activation)
                raise
        return activation

    def deactivate(self, activation: Activation) -> None:
        """End an activation; what it covered alone is restored."""
        with self._lock:
            if activation not in self._activations:
                return
            self._activations.remove(activation)
            ended, activation._covered = list(activation._covered.values()), {}
            try:
                for wish, patch in reversed(ended):
                    self._let_go(wish, patch)
            finally:
                self._patches.remove([patch for _, patch in ended])
                self._rewatch()

    # Modules that are imported later

    def _rewatch(self) -> None:
        """Watch what the activations depend on, and leave alone what none does any more."""
        names = {name for each in self._activations for wish in each._wishes for name in wish.modules}
        for name in self._watch.names - names:
            stop_telling(sys.modules.get(name))
            if name in self._asked:
                self._asked.pop(name).restore()
                self._lookup.forget(name)
        self._watch.watch(names)

    def _await(self, module: str) -> None:
        """Be told about a module that is there but not ready."""
        there = sys.modules.get(module)
        if is_lazy(there):
            tell_when_loaded(there, self._loaded)
        elif is_initialising(there):
            tell_when_initialised(there, self._loaded)

    def _loaded(self, module: str) -> None:
        """A watched module has been executed, for the first time or again."""
        with self._lock:
            self._lookup.forget(module)
            self._settle_all(module)

    def _given(self, module: str, name: str, value: object) -> object:
        """A module has given, on demand, what a request names."""
        with self._lock:
            self._lookup.given[module, name] = value
            self._settle_all(module)
            patch = self._patches.of(value)
            return value if patch is None else patch.wrapper

    def sweep(self) -> None:
        """Restore what was put back after its patch had ended."""
        with self._lock:
            self._patches.sweep()

    def look_again(self) -> None:
        """Patch modules that came to be there without being imported, by an assignment to sys.modules."""
        with self._lock:
            for activation in list(self._activations):
                if any(
                    wish.is_open and not wish.modules.isdisjoint(sys.modules) for wish in activation._wishes
                ):
                    self._settle(activation)

    def _settle_all(self, module: str) -> None:
        for activation in list(self._activations):
            if any(module in wish.modules for wish in activation._wishes):
                self._settle(activation, just_loaded=module)

    # From requests to functions

    def _settle(self, activation: Activation, *, just_loaded: str | None = None) -> None:
        """Cover what the activation's requests name by now, and patch what is new.

        While a module is imported (`just_loaded`), others may be half executed: what is missing there is no problem.
        """
        fresh: list[Patch] = []
        try:
            wanted = self._wanted(activation, just_loaded)
            for key, (wish, found) in wanted.items() if self._cover is not None else ():
                known = activation._covered.get(key)
                if known is None or known[0] is not wish:
                    activation._covered[key] = (wish, self._patch(wish, found, fresh))
                if known is not None and known[0] is not wish:
                    self._let_go(*known)
        finally:
            self._patches.install(fresh)
        self._rewatch()

    def _wanted(self, activation: Activation, just_loaded: str | None) -> dict[int, tuple[_Wish, FoundFunction]]:
        """The functions that are named by now, each with the request that decides about it.

        What names a function wins over a wildcard, then what comes later; an exclusion takes out
        what came before it.
        """
        wanted: dict[int, tuple[_Wish, FoundFunction]] = {}
        excluded: set[int] = set()
        for wish in activation._wishes:
            for found in self._found(activation, wish, just_loaded):
                key = id(found.function)
                if wish.request.excluded:
                    excluded.add(key)
                    wanted.pop(key, None)
                elif key not in wanted or wanted[key][0].is_wildcard or not wish.is_wildcard:
                    wanted[key] = (wish, found)
        self._leave_out(activation, excluded - wanted.keys())
        return wanted

    def _leave_out(self, activation: Activation, excluded: set[int]) -> None:
        """End what had been covered before its exclusion could be read."""
        late = [activation._covered.pop(key) for key in excluded & activation._covered.keys()]
        for wish, patch in late:
            self._let_go(wish, patch)
        self._patches.remove([patch for _, patch in late])

    def _found(self, activation: Activation, wish: _Wish, just_loaded: str | None) -> list[FoundFunction]:
        """What a request names in the modules that are ready; a problem is noted once."""
        found: list[FoundFunction] = []
        for number, reading in enumerate(wish.candidates):
            if not found and _is_ready(reading.module, just_loaded):
                try:
                    found = self._find(reading)
                except NotFoundError as error:
                    is_certain = just_loaded is None or just_loaded == reading.module
                    if is_certain and not any(
                        module_exists(longer.module) for longer in wish.candidates[:number]
                    ):
                        self._refuse(activation, wish, f"{reading.module}:{'.'.join(reading.path)} {error}")
                        break
        if found and wish.is_open:
            misfit = self._judge(wish.request, found[0].function)
            if misfit:
                self._refuse(activation, wish, f"{found[0].label}: {misfit}")
            wish.is_open = False
        for reading in wish.definitions:
            if _is_ready(reading.module, just_loaded) and self._lookup.has(*reading):
                found += self._find(reading)
        return found

    def _find(self, reading: FunctionPath) -> list[FoundFunction]:
        try:
            return [self._known(found) for found in self._lookup.find(*reading)]
        except OnDemandError as error:
            if self._cover is not None:  # else it is enough that the module announces it
                self._ask(error.module, error.name)
            return []

    def _ask(self, module: str, name: str) -> None:
        """Hear what a module gives under a name, once somebody else asks for it."""
        if module not in self._asked:
            namespace = namespace_of(sys.modules[module])
            assert namespace is not None
            self._asked[module] = AskedModule(module, namespace, self._given)
        self._asked[module].names.add(name)

    def _refuse(self, activation: Activation, wish: _Wish, what: str) -> None:
        if wish.is_open:
            wish.is_open = False
            activation.problems.append(target_error(wish.request.origin, what))

    def _known(self, found: FoundFunction) -> FoundFunction:
        """The same, with the function that is patched under this very name already, if one is."""
        patch = self._patches.holding(found.held)
        if patch is None or patch.named.holder is not found.holder or patch.named.name != found.name:
            return found
        return patch.named

    # From functions to patches

    def _patch(self, wish: _Wish, found: FoundFunction, fresh: list[Patch]) -> Patch:
        """Cover a function; its patch is added to `fresh` if there was none."""
        patch = self._patches.of(found.function)
        label = patch.label if patch is not None else self._label(wish, found)
        assert self._cover is not None
        wrapper = self._cover(wish.request, label, found.function, found.kind)
        if patch is None:
            patch = Patch(found, label, wrapper)
            fresh.append(patch)
        patch.covers += 1
        return patch

    def _label(self, wish: _Wish, found: FoundFunction) -> str:
        """The name under which the function is defined, where that leads to it."""
        module = getattr(found.function, "__module__", None)
        path = getattr(found.function, "__qualname__", None)
        is_own = found.held is MISSING and isinstance(found.holder, type)
        if is_own or not isinstance(module, str) or not isinstance(path, str) or "<" in path:
            return found.label
        definition = FunctionPath(module, tuple(path.split(".")))
        if not self._lookup.leads_to(*definition, found.function):
            return found.label
        if definition not in wish.candidates and not wish.is_wildcard:
            wish.definitions.append(definition)
        return f"{module}:{path}"

    def _let_go(self, wish: _Wish, patch: Patch) -> None:
        patch.covers -= 1
        self._uncover(wish.request, patch.label, patch.function)


def _is_ready(module: str, just_loaded: str | None) -> bool:
    there = sys.modules.get(module)
    if there is None:
        return False
    return module == just_loaded or not (is_initialising(there) or is_lazy(there))
