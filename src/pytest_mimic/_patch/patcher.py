"""Activations: which functions are covered by which wrappers, from patching to exact restoring."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partialmethod
from types import MethodType
from typing import Any, NamedTuple, Protocol, TypeVar, Generic

from pytest_mimic._target import Reading, Target, module_exists, refusal
from pytest_mimic.errors import TargetError

from .descriptors import CARRIERS, carried, for_class, rebuilt
from .holders import MISSING, Holder, all_classes, all_namespaces, held_by, is_writable, read, write
from .imports import ImportWatch, is_initialising, is_lazy, tell_when_initialised, tell_when_loaded
from .lookup import Found, NotFoundError, look_up, resolves_to


class Request(Protocol):
    """What can be activated: a Target, or an edge of a boundary."""

    @property
    def module(self) -> str: ...
    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def excluded(self) -> bool: ...
    @property
    def origin(self) -> str: ...


R = TypeVar("R", bound=Request)
Function = Callable[..., Any]


class Place(NamedTuple):
    """A name of a holder, what it had, and what it has from us."""

    holder: Holder
    name: str
    before: object
    ours: object


class Patch:
    """One function and its wrapper, wherever it is held.

    Attributes:
        covers: How many activations want it.
        originals: By the id of each object that we put somewhere: that object, and what it stands for.
    """

    def __init__(self, found: Found, label: str, wrapper: Function) -> None:
        self.function = found.function
        self.label = label
        self.wrapper = wrapper
        self.named = found
        self.covers = 0
        self.places: list[Place] = []
        self.originals: dict[int, tuple[object, object]] = {id(wrapper): (wrapper, found.original)}
        self._replacements: dict[tuple[int, bool], object] = {}

    @property
    def is_inherited(self) -> bool:
        """Whether it stands in one class alone, which inherits the function from a base."""
        return self.named.held is MISSING

    def replacement(self, held: object, *, in_class: bool) -> object:
        """What stands for `held`, the function itself or what carries it; one for each."""
        key = (id(held), in_class)
        if key not in self._replacements:
            ours = self._build(held, in_class=in_class)
            self._replacements[key] = ours
            self.originals.setdefault(id(ours), (ours, held))
        return self._replacements[key]

    def _build(self, held: object, *, in_class: bool) -> object:
        if isinstance(held, partialmethod) and self.named.original is held:
            return self.wrapper
        if held is not self.function and type(held) in CARRIERS | {type(self.named.original)}:
            return rebuilt(held, self.wrapper)
        return for_class(held, self.wrapper) if in_class else self.wrapper


class Activation(Generic[R]):
    """The requests that are in force from `Patcher.activate` until `close`.

    Attributes:
        problems: What a request names and is not there, as soon as that is known.
    """

    def __init__(self, patcher: Patcher[R], requests: Sequence[R]) -> None:
        self.requests = tuple(requests)
        self.problems: list[TargetError] = []
        self.covered: dict[int, tuple[R, Patch]] = {}
        self.judged: set[int] = set()
        self._patcher = patcher

    def close(self) -> None:
        """Put everything back as it was, but what another activation covers too. Twice does no harm."""
        self._patcher.deactivate(self)


class Patcher(Generic[R]):
    """Patches functions while they are wanted.

    Args:
        cover: Asked with (request, name, function, kind) when an activation finds a function, for
            its wrapper: the same one as long as the function is covered. `name` is `module:qualname`
            where the function is defined if that leads to it, otherwise as the request has it.
        uncover: Told with (request, name, function) when that activation ends.
    """

    def __init__(
        self,
        cover: Callable[[R, str, Function, str], Function],
        uncover: Callable[[R, str, Function], None],
    ) -> None:
        self._cover = cover
        self._uncover = uncover
        self._activations: list[Activation[R]] = []
        self._patches: dict[int, Patch] = {}
        self._ours: dict[int, Patch] = {}
        self._watch = ImportWatch(self._loaded)
        self._lock = threading.RLock()

    def activate(self, requests: Iterable[R]) -> Activation[R]:
        """Patch what is loaded now, and what is imported later when it is."""
        activation = Activation(self, list(requests))
        with self._lock:
            self._activations.append(activation)
            self._watch.add(_modules_of(activation))
            for module in set(_modules_of(activation)):
                self._await(module)
            self._settle(activation)
        return activation

    def deactivate(self, activation: Activation[R]) -> None:
        with self._lock:
            if activation not in self._activations:
                return
            self._activations.remove(activation)
            self._watch.remove(_modules_of(activation))
            try:
                for request, patch in reversed(activation.covered.values()):
                    self._uncover(request, patch.label, patch.function)
            finally:
                self._release([patch for _, patch in activation.covered.values()])
                activation.covered.clear()

    def _await(self, module: str) -> None:
        """Be told about a module that is there but not ready."""
        there = sys.modules.get(module)
        if there is None:
            return
        if is_lazy(there):
            tell_when_loaded(there, self._loaded)
        elif is_initialising(there):
            tell_when_initialised(there, self._loaded)

    def _loaded(self, name: str, module: object) -> None:
        """A watched module has been executed, for the first time or again."""
        with self._lock:
            for activation in list(self._activations):
                if name in _modules_of(activation):
                    self._settle(activation, just_loaded=name)

    # From requests to patches

    def _settle(self, activation: Activation[R], just_loaded: str = "") -> None:
        """Cover what the activation's requests name by now, and patch it."""
        wanted: dict[int, tuple[R, Found]] = {}
        for request in activation.requests:
            for found in self._found(activation, request, just_loaded):
                key = id(found.function)
                if request.excluded:
                    wanted.pop(key, None)
                    self._drop(activation, key)
                elif request.path[-1] != "*" or key not in wanted:
                    wanted[key] = (request, found)
        fresh = []
        for key, (request, found) in wanted.items():
            if key not in activation.covered:
                patch = self._patch(request, found)
                activation.covered[key] = (request, patch)
                if patch.covers == 1:
                    fresh.append(patch)
        self._install(fresh)

    def _drop(self, activation: Activation[R], key: int) -> None:
        """A later line leaves out what was covered before its own module was there."""
        if key in activation.covered:
            request, patch = activation.covered.pop(key)
            self._uncover(request, patch.label, patch.function)
            self._release([patch])

    def _found(self, activation: Activation[R], request: R, just_loaded: str) -> list[Found]:
        readings = _readings(request)
        for number, reading in enumerate(readings):
            if not _is_ready(reading.module, just_loaded):
                continue
            try:
                return [self._known(found) for found in look_up(*reading, self._original)]
            except NotFoundError as error:
                if not any(module_exists(longer.module) for longer in readings[:number]):
                    self._judge(activation, request, f"{reading.module}:{'.'.join(reading.path)} {error}")
                    break
        return []

    def _judge(self, activation: Activation[R], request: R, what: str) -> None:
        if id(request) not in activation.judged:
            activation.judged.add(id(request))
            activation.problems.append(refusal(request.origin, what))

    def _known(self, found: Found) -> Found:
        """The same with the function that is patched already under this name, if it is."""
        patch = self._ours.get(id(found.held))
        if patch is None or patch.named[:2] != (found.holder, found.name):
            return found
        return found._replace(function=patch.function)

    def _original(self, held: object) -> object:
        """What a place held before we put this there."""
        patch = self._ours.get(id(held))
        if patch is not None:
            return patch.originals[id(held)][1]
        return _behind_stale(held)

    def _patch(self, request: R, found: Found) -> Patch:
        key = id(found.function)
        patch = self._patches.get(key)
        label = patch.label if patch else self._label(found)
        wrapper = self._cover(request, label, found.function, found.kind)
        if patch is None:
            patch = self._patches[key] = Patch(found, label, wrapper)
            self._ours[id(wrapper)] = patch
        patch.covers += 1
        return patch

    def _label(self, found: Found) -> str:
        """The name under which the function is defined, where that leads to it."""
        module = getattr(found.function, "__module__", None)
        path = getattr(found.function, "__qualname__", None)
        if found.held is MISSING or not isinstance(module, str) or not isinstance(path, str) or "<" in path:
            return found.label
        if not resolves_to(module, path.split("."), found.function, self._original):
            return found.label
        return f"{module}:{path}"

    # Places

    def _install(self, patches: Sequence[Patch]) -> None:
        """Put the wrappers wherever their functions are held, in one pass over all holders."""
        for patch in patches:
            self._put(patch, patch.named.holder, patch.named.name, patch.named.held)
        everywhere = {}
        for patch in patches:
            if not patch.is_inherited:
                everywhere[id(patch.function)] = everywhere[id(patch.named.original)] = patch
        for holder, name, held, patch in _holding(everywhere):
            self._put(patch, holder, name, held)

    def _put(self, patch: Patch, holder: Holder, name: str, held: object) -> None:
        original = patch.named.original if held is MISSING else held
        ours = patch.replacement(original, in_class=not isinstance(holder, dict))
        self._ours[id(ours)] = patch
        write(holder, name, ours)
        patch.places.append(Place(holder, name, held, ours))

    def _release(self, patches: Sequence[Patch]) -> None:
        """Restore the functions that no activation wants any more."""
        ended = []
        for patch in patches:
            patch.covers -= 1
            if not patch.covers:
                ended.append(patch)
        if not ended:
            return
        for patch in reversed(ended):
            for place in reversed(patch.places):
                if read(place.holder, place.name) is place.ours:
                    write(place.holder, place.name, self._still(place.before, ended))
        left = {key: patch for patch in ended for key in patch.originals}
        for holder, name, held, patch in _holding(left):
            write(holder, name, self._without(patch, held))
        for patch in ended:
            del self._patches[id(patch.function)]
            for key in patch.originals:
                self._ours.pop(key, None)

    def _still(self, before: object, ended: Sequence[Patch]) -> object:
        """What stood in a place, or, if that was put there by a patch that has ended, what it stood for."""
        patch = self._ours.get(id(before))
        if patch is not None and patch.covers:
            return before
        return patch.originals[id(before)][1] if patch is not None else before

    def _without(self, patch: Patch, held: object) -> object:
        """What belongs where the wrapper came to be held while it was in force."""
        if id(held) in patch.originals:
            return patch.originals[id(held)][1]
        return rebuilt(held, patch.function)


def _holding(wanted: dict[int, Patch]) -> Iterator[tuple[Holder, str, object, Patch]]:
    """Every place that holds one of the objects with these ids, or carries one."""
    if not wanted:
        return
    for holder, carriers in _all_holders():
        values = held_by(holder).values()
        if wanted.keys().isdisjoint(map(id, values)) and carriers.isdisjoint(map(type, values)):
            continue
        for name, held in list(held_by(holder).items()):
            patch = wanted.get(id(held))
            if patch is None and type(held) in carriers:
                patch = wanted.get(id(carried(held)))
            if patch is not None:
                yield holder, name, held, patch


def _all_holders() -> Iterator[tuple[Holder, frozenset[type]]]:
    """Every holder, and the types in it that may carry a function."""
    in_module = frozenset({MethodType})
    for namespace in all_namespaces():
        yield namespace, in_module
    for cls in all_classes():
        yield cls, CARRIERS


def _behind_stale(held: object) -> object:
    """The function behind a wrapper that somebody put back after its end, else the same."""
    own = getattr(held, "__dict__", None)
    if not isinstance(own, dict) or isinstance(held, type):
        return held
    function = own.get("__mimic_original__")
    return function if function is not None and own.get("__wrapped__") is function else held


def _readings(request: Request) -> tuple[Reading, ...]:
    return request.readings if isinstance(request, Target) else (Reading(request.module, request.path),)


def _modules_of(activation: Activation[Any]) -> list[str]:
    return [reading.module for request in activation.requests for reading in _readings(request)]


def _is_ready(module: str, just_loaded: str) -> bool:
    there = sys.modules.get(module)
    if there is None:
        return False
    return module == just_loaded or not (is_initialising(there) or is_lazy(there))
