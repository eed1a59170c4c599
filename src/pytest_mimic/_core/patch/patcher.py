"""Patches the functions that are wanted, now or when their modules are imported."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.garbage import without_collections
from pytest_mimic._core.patch.activation import Activation, ActiveRequest, Claim
from pytest_mimic._core.patch.holders import MISSING
from pytest_mimic._core.patch.imports import ImportWatch, is_initialising
from pytest_mimic._core.patch.lookup import FoundFunction, Lookup, NotFoundError
from pytest_mimic._core.patch.patches import Patch, Patches
from pytest_mimic._core.targets.options import target_error
from pytest_mimic._core.targets.target import FunctionPath

if TYPE_CHECKING:
    from pytest_mimic._core.patch.activation import Patchable

Function = Callable[..., Any]


class Patcher:
    """Patches functions for as long as they are wanted.

    Args:
        cover: Called with (request, name, function, kind) when an activation finds a function; returns its wrapper,
            the same one as long as the function is covered. `name` is `module:qualname` where the function is
            defined if that leads to it, else the request's. With None, nothing is patched, only judged.
        uncover: Called with (request, name, function) when that activation ends.
        judge: Called once for a request with (request, function); returns a problem in words, or an empty text.
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
        self._lock = threading.RLock()

    def activate(self, requests: Iterable[Patchable]) -> Activation:
        """Patch functions of imported modules now, and the others as soon as they are imported."""
        activation = Activation(requests, self.deactivate)
        with self._lock:
            self._activations.append(activation)
            try:
                self._rewatch()
                self._settle(activation, activation.requests)
                for active in activation.requests:
                    self._refuse_half_imported(activation, active)
            except BaseException:
                self.deactivate(activation)
                raise
        return activation

    def deactivate(self, activation: Activation) -> None:
        """End an activation; restore the functions that it covered alone."""
        with self._lock:
            if activation not in self._activations:
                return
            self._activations.remove(activation)
            ended, activation.covered = list(activation.covered.values()), {}
            try:
                for active, patch in reversed(ended):
                    self._let_go(active, patch)
            finally:
                self._patches.remove([patch for _, patch in ended])
                self._rewatch()

    def forget(self) -> None:
        """Drop the functions of ended activations. Otherwise a later run in this process would search for who has them."""
        with self._lock:
            self._patches.forget_places()
            self._lookup = Lookup(self._patches.original)

    def sweep(self) -> None:
        """Restore places into which others have put a wrapper back after its patch had ended."""
        with self._lock:
            self._patches.sweep()

    def look_again(self) -> None:
        """Patch modules that appeared without an import, by an assignment to `sys.modules`."""
        with self._lock:
            for activation in list(self._activations):
                # With thousands of requests, only their modules are looked at before each test.
                if not sys.modules.keys().isdisjoint(activation.awaited):
                    activation.wait()
                    if not sys.modules.keys().isdisjoint(activation.awaited):
                        self._settle(activation, activation.waiting)

    # Modules that are imported later

    def _rewatch(self) -> None:
        names: set[str] = set().union(*(activation.by_module for activation in self._activations))
        self._watch.watch(names)

    def _loaded(self, module: str) -> None:
        """Patch a watched module that has been executed, for the first time or again."""
        with self._lock, without_collections():
            for activation in list(self._activations):
                if module in activation.by_module:
                    self._settle(activation, activation.by_module[module], just_loaded=module)

    def _refuse_half_imported(self, activation: Activation, active: ActiveRequest) -> None:
        """Refuse a request for a module whose import began before it was watched: its end would go unnoticed."""
        module, path = active.named
        if active.is_open and is_initialising(sys.modules.get(module)):
            reason = (
                f"cannot be patched while {module} is being imported: import it first, e.g. in conftest.py"
            )
            self._refuse(activation, active, f"{module}:{'.'.join(path)} {reason}")

    # From requests to functions

    def _settle(
        self, activation: Activation, requests: Iterable[ActiveRequest], *, just_loaded: str | None = None
    ) -> None:
        """Cover the functions that these requests of an activation name by now, and patch the new ones.

        `just_loaded` is the module whose import has just ended. Others may be half executed then, so a name that is
        missing there is no problem yet.
        """
        touched: dict[int, None] = {}
        for active in list(requests):
            # Without a name for what was found: it would be one more reference to the functions.
            touched |= dict.fromkeys(
                activation.claim(active, self._find_all(activation, active, just_loaded))
            )
        if self._cover is None:
            return
        fresh: list[Patch] = []
        excluded: list[Patch] = []
        # Patches are installed together, so that all holders are searched once. After an error, deactivating needs them.
        try:
            for key in touched:
                known, claim = activation.covered.get(key), activation.decide(key)
                if claim is not None and (known is None or known[0] is not claim.active):
                    patch = self._patch(activation, claim, fresh)
                    activation.covered[key] = claim.active, patch
                elif claim is None and activation.claims[key] and known is not None:
                    excluded.append(activation.covered.pop(key)[1])
                else:
                    continue
                if known is not None:
                    self._let_go(*known)
        finally:
            self._patches.remove(excluded)
            self._patches.install(fresh)

    def _find_all(
        self, activation: Activation, active: ActiveRequest, just_loaded: str | None
    ) -> list[FoundFunction]:
        """Return the functions that a request names in imported modules; note its problem, if any, once."""
        found: list[FoundFunction] = []
        module, path = active.named
        if _is_imported(module, just_loaded):
            try:
                found = [self._known(one) for one in self._lookup.find(module, path)]
            except NotFoundError as error:
                if just_loaded in (None, module):  # another module's import may go on in this one
                    self._refuse(activation, active, f"{module}:{'.'.join(path)} {error}")
        if found and active.is_open:
            problem = self._judge(active.request, found[0].function)
            if problem:
                self._refuse(activation, active, f"{found[0].label}: {problem}")
            active.is_open = False
        for definition in active.definitions:
            if _is_imported(definition.module, just_loaded):
                found += map(self._known, self._lookup.find_imported(*definition))
        return found

    def _refuse(self, activation: Activation, active: ActiveRequest, problem: str) -> None:
        if active.is_open:
            active.is_open = False
            activation.problems.append(target_error(active.request.origin, problem))

    def _known(self, found: FoundFunction) -> FoundFunction:
        """Return the function as it was found when this very name was patched, if it is."""
        patch = self._patches.holding(found.held)
        if patch is None or patch.named.holder is not found.holder or patch.named.name != found.name:
            return found
        return patch.named

    # From functions to patches

    def _patch(self, activation: Activation, claim: Claim, fresh: list[Patch]) -> Patch:
        """Cover a function; add its patch to `fresh` if there was none."""
        active, found = claim.active, claim.found
        patch = self._patches.of(found.function)
        label = patch.label if patch is not None else self._label(activation, active, found)
        assert self._cover is not None
        wrapper = self._cover(active.request, label, found.function, found.kind)
        if patch is None:
            patch = Patch(found, label, wrapper)
            fresh.append(patch)
        patch.covers += 1
        return patch

    def _label(self, activation: Activation, active: ActiveRequest, found: FoundFunction) -> str:
        """Return the name under which the function is defined, if that leads to it."""
        module = getattr(found.function, "__module__", None)
        path = getattr(found.function, "__qualname__", None)
        is_own = found.held is MISSING and isinstance(found.holder, type)
        if is_own or not isinstance(module, str) or not isinstance(path, str) or "<" in path:
            return found.label
        if found.label == f"{module}:{path}":
            return found.label
        definition = FunctionPath(module, tuple(path.split(".")))
        if not self._lookup.leads_to(*definition, found.function):
            return found.label
        if definition != active.named and not active.is_wildcard:
            active.definitions += (definition,)
            activation.by_module.setdefault(module, []).append(active)
            if module not in self._watch.names:
                self._watch.watch({*self._watch.names, module})
        return f"{module}:{path}"

    def _let_go(self, active: ActiveRequest, patch: Patch) -> None:
        patch.covers -= 1
        self._uncover(active.request, patch.label, patch.function)


def _is_imported(module: str, just_loaded: str | None) -> bool:
    imported = sys.modules.get(module)
    return imported is not None and (module == just_loaded or not is_initialising(imported))
