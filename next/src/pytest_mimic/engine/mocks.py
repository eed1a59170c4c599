"""What tests have replaced at this moment, and whether a call's code reaches it."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, NamedTuple
from weakref import WeakSet

import pytest

from pytest_mimic.engine.inputs import Inputs
from pytest_mimic.engine.reached import Chain, Reached, Uses
from pytest_mimic.errors import UnstableIdentityError
from pytest_mimic.patch.imports import ImportWatch
from pytest_mimic.values.tree import Tree

_ABSENT = object()


class Replaced(NamedTuple):
    """An attribute or an item that stands for another one.

    Attributes:
        holder: What has it.
        name: The attribute, or the key of the item.
        is_item: Whether it is an item.
    """

    holder: Any
    name: Any
    is_item: bool = False

    def is_there(self) -> bool:
        """Tell whether the name was not taken away instead."""
        if not self.is_item:
            return (
                inspect.getattr_static(self.holder, self.name, _ABSENT) is not _ABSENT
            )
        return self.name in self.holder

    def counts(self) -> bool:
        """Tell whether a call can be another one for it: a sleep changes none."""
        # pytest replaces attributes of its own configuration for the whole run.
        is_of_pytest = type(self.holder).__module__.startswith("_pytest.")
        if self.holder is os.environ or is_of_pytest or not self.is_there():
            return False
        sleeps = [sys.modules.get("time"), sys.modules.get("asyncio")]
        return self.name != "sleep" or self.holder not in sleeps


class Mocks:
    """What `monkeypatch` and `unittest.mock.patch` hold in a run.

    Attributes:
        version: Another number means that something else may be replaced.
    """

    def __init__(self, inputs: Inputs) -> None:
        self.version = 0
        self._inputs = inputs
        self._monkeypatches: WeakSet[pytest.MonkeyPatch] = WeakSet()
        self._patches: list[Any] = []
        self._originals: list[tuple[Any, str, Any]] = []
        self._held: tuple[int, list[Replaced]] = (0, [])
        self._names: dict[tuple[int, str], list[str]] = {}
        self._watch = ImportWatch(self._wrap_patches)

    def install(self) -> None:
        """Hear of what is replaced from now on."""
        for name in ("setattr", "setitem", "undo"):
            self._wrap(pytest.MonkeyPatch, name, self._monkeypatches.add)
        self._watch.watch("unittest.mock")  # To import it takes long.
        self._wrap_patches()

    def restore(self) -> None:
        """Hear of nothing any more."""
        self._watch.leave()
        while self._originals:
            cls, name, original = self._originals.pop()
            setattr(cls, name, original)

    def held(self) -> list[Replaced]:
        """Give what is replaced now."""
        version, held = self._held
        if version != self.version:
            held = [one for one in self._all_held() if one.counts()]
            self._held = self.version, held
            self._names.clear()
        return held

    def reached_by(self, target: str, arguments: Tree) -> list[str]:
        """Give what is replaced and what the code of a call reaches: `app:rate`."""
        if not self.held():
            return []
        reached = self._inputs.reached_by(target, arguments)
        key = id(reached), target
        if key not in self._names:
            self._names[key] = sorted(set(self._names_in(reached)))
        return self._names[key]

    def _wrap_patches(self, _: str = "") -> None:
        module = getattr(sys.modules.get("unittest"), "mock", None)
        module = sys.modules.get("unittest.mock", module)
        if module is not None:
            self._wrap(module._patch, "__enter__", self._patches.append)
            self._wrap(module._patch, "__exit__", self._forget)

    def _wrap(self, cls: Any, name: str, note: Callable[[Any], object]) -> None:
        original = vars(cls)[name]

        @functools.wraps(original)
        def noting(self_: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            try:
                return original(self_, *args, **kwargs)
            finally:
                note(self_)
                self.version += 1

        self._originals.append((cls, name, original))
        setattr(cls, name, noting)

    def _forget(self, patch: object) -> None:
        self._patches[:] = [one for one in self._patches if one is not patch]

    def _all_held(self) -> Iterator[Replaced]:
        for monkeypatch in self._monkeypatches:
            for holder, name, _ in monkeypatch._setattr:
                yield Replaced(holder, name)
            for mapping, key, _ in monkeypatch._setitem:
                yield Replaced(mapping, key, is_item=True)
        for patch in self._patches:
            if hasattr(patch, "target"):  # Else its name was not found.
                yield Replaced(patch.target, patch.attribute)

    def _names_in(self, reached: Reached) -> Iterator[str]:
        held = {(id(one.holder), one.name) for one in self.held() if not one.is_item}
        items = {id(one.holder): one.name for one in self.held() if one.is_item}
        for place, uses in reached.uses.items():
            if not place.name:  # It ran when its module was imported.
                continue
            module = sys.modules.get(place.module)
            for chain in uses.chains:
                yield from _names_on(*_start_of(chain, module, uses), held, items)
            cls = _value_at(module, tuple(place.name.split(".")))
            if isinstance(cls, type):
                for name in reached.attributes:
                    yield from _names_on(cls, (name,), held, items)


def refusal(target: str, replaced: list[str]) -> UnstableIdentityError:
    """Make the error for a call whose code reaches what a test has replaced."""
    ways = [("give each test its own recordings", f"{target} sequence")]
    if "[" not in replaced[0]:
        ways.append(("or mimic what is replaced, in place of it", replaced[0]))
    return UnstableIdentityError(
        f"{target} is another call here: the test has replaced what its code reaches",
        [f"{name.replace(':', '.')} is replaced" for name in replaced],
        ways,
    )


def _start_of(
    chain: Chain, module: ModuleType | None, uses: Uses
) -> tuple[ModuleType | None, Chain]:
    """Give the module in which a chain of names begins, and the names there."""
    imported = uses.imports.get(chain[0])
    if imported is None:
        return module, chain
    names = (imported.name, *chain[1:]) if imported.name else chain[1:]
    return sys.modules.get(imported.module), names


def _names_on(
    holder: Any, chain: Chain, held: set[tuple[int, Any]], items: dict[int, Any]
) -> Iterator[str]:
    """Give the parts of a chain of names that are replaced."""
    shown = _shown(holder)
    for step in chain:
        shown += step if shown.endswith(":") else f".{step}"
        if (id(holder), step) in held:
            yield shown
        holder = _value_at(holder, (step,))
        if id(holder) in items:
            yield f"{shown}[{items[id(holder)]!r}]"


def _shown(holder: Any) -> str:
    if isinstance(holder, ModuleType):
        return f"{holder.__name__}:"
    return f"{holder.__module__}:{holder.__qualname__}" if holder is not None else ""


def _value_at(holder: Any, chain: Chain) -> Any:
    """Give what some names lead to, without running any code; `None` if to nothing."""
    for step in chain:
        holder = inspect.getattr_static(holder, step, None)
    return holder
