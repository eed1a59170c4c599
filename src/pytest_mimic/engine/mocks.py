"""What tests have replaced at this moment, and whether a call's code reaches it."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any
from weakref import WeakSet

from pytest_mimic.engine.asked import AskedClients
from pytest_mimic.engine.clocks import asks_for_time, edges_of_clocks, held_moment
from pytest_mimic.engine.inputs import Inputs, Reached
from pytest_mimic.errors import UnstableIdentityError
from pytest_mimic.patch.clients import Edge
from pytest_mimic.patch.targets import Target, line_of
from pytest_mimic.values.tree import Tree

_ABSENT = object()
_DJANGO = "override_settings"


class Mocks:
    """What `monkeypatch`, `unittest.mock.patch` and Django's tests hold in a run.

    Attributes:
        inputs: What calls of the run reach.
        clients: Which clients a real call asks.
        version: Another number means that something else may be replaced.
    """

    def __init__(self, inputs: Inputs, clients: AskedClients) -> None:
        self.version = 0
        self._looked_at = 0
        self.inputs = inputs
        self.clients = clients
        self._monkeypatches: WeakSet[Any] = WeakSet()
        self._patches: list[Any] = []
        self._patched_items: list[Any] = []
        self._settings: list[Any] = []
        self._asking: dict[int, bool] = {}
        # What is replaced: attributes by the id of their holder and their name, items
        # by the id of their mapping.
        self._attributes: dict[tuple[int, str], object] = {}
        self._items: dict[int, object] = {}
        self._names: dict[tuple[str, int], list[str]] = {}

    def edges(self) -> Iterator[Edge]:
        """Yield the edges at which something is replaced or restored."""
        for name in ("setattr", "setitem", "undo"):
            wrap = self._noting(self._monkeypatches.add)
            yield Edge("_pytest.monkeypatch", ("MonkeyPatch", name), wrap)
        for module, cls, entering, leaving, held in (
            ("unittest.mock", "_patch", "__enter__", "__exit__", self._patches),
            (
                "unittest.mock",
                "_patch_dict",
                "_patch_dict",
                "_unpatch_dict",
                self._patched_items,
            ),
            ("django.test.utils", _DJANGO, "enable", "disable", self._settings),
        ):
            yield Edge(module, (cls, entering), self._noting(held.append))
            forget = functools.partial(_forget, held)
            yield Edge(module, (cls, leaving), self._noting(forget))
        yield from self.clients.edges()
        yield from edges_of_clocks()

    def _noting(self, note: Callable[[Any], object]) -> Callable[..., Any]:
        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(original)
            def noting(self_: Any, *args: Any, **kwargs: Any) -> Any:
                __tracebackhide__ = True
                try:
                    return original(self_, *args, **kwargs)
                finally:
                    note(self_)
                    self.version += 1

            return noting

        return wrap

    def are_held(self) -> bool:
        """Tell whether anything is replaced now."""
        if self._looked_at != self.version:
            self._looked_at = self.version
            self._attributes = dict(self._held_attributes())
            self._items = dict(self._held_items())
            self._names.clear()
        return bool(self._attributes or self._items)

    def _held_attributes(self) -> Iterator[tuple[tuple[int, str], object]]:
        """Yield what is replaced, and what stood there before."""
        held = [one for each in self._monkeypatches for one in each._setattr]
        for patch in self._patches:
            if hasattr(patch, "target"):  # Else its name was not found.
                before = getattr(patch, "temp_original", None)
                held.append((patch.target, patch.attribute, before))
        sleeps = (sys.modules.get("time"), sys.modules.get("asyncio"))
        for holder, name, original in held:
            is_sleep = name == "sleep" and holder in sleeps
            # pytest replaces attributes of its own configuration for the whole run.
            is_of_pytest = type(holder).__module__.startswith("_pytest.")
            # What was taken away is no mock.
            is_there = _value_at(holder, name, _ABSENT) is not _ABSENT
            if is_there and not is_sleep and not is_of_pytest:
                yield (id(holder), name), original
        for overriding in self._settings:
            settings = sys.modules["django.conf"].settings
            for name in overriding.options:
                yield (id(settings), name), None

    def _held_items(self) -> Iterator[tuple[int, object]]:
        held = [one[:2] for each in self._monkeypatches for one in each._setitem]
        for patch in self._patched_items:
            held += [(patch.in_dict, key) for key in patch.values]
            if patch.clear and not patch.values:
                yield id(patch.in_dict), ...
        for mapping, key in held:
            if mapping is not os.environ and key in mapping:
                yield id(mapping), key

    def reached_by(self, target: str, arguments: Tree) -> list[str]:
        """Give what is replaced and what the code of a call reaches.

        A function as a line names it, `app:rate`; anything else as `app.RATE`.
        """
        if not self.are_held():
            return []
        reached = self.inputs.reached_by(target, arguments)
        key = target, id(reached)
        if key not in self._names:
            self._names[key] = sorted(set(self._names_in(reached)))
        return self._names[key]

    def moment(self, target: str, arguments: Tree) -> str:
        """Give the moment to which a test has set the clock; empty: none counts.

        It counts where the code of a call asks for the time.
        """
        moment = held_moment()
        if not moment:
            return ""
        reached = self.inputs.reached_by(target, arguments)
        if id(reached) not in self._asking:
            self._asking[id(reached)] = self._asks_for_time(reached)
        return moment if self._asking[id(reached)] else ""

    def _asks_for_time(self, reached: Reached) -> bool:
        for (module, _), piece in reached.pieces.items():
            for chain in piece.chains:
                places = self.inputs.imports_of(module, chain[0])
                if not places and len(chain) > 1:
                    places = [("", chain[0])]
                if any(asks_for_time(chain, place) for place in places):
                    return True
        return False

    def _names_in(self, reached: Reached) -> Iterator[str]:
        pieces = reached.pieces
        attributes = {one for piece in pieces.values() for one in piece.attributes}
        for (module, path), piece in pieces.items():
            if not path:
                continue  # It ran when its module was imported.
            for chain in piece.chains:
                yield from self._names_along(module, chain)
            if piece.is_class:
                cls: Any = sys.modules.get(module)
                for name in path.split("."):
                    cls = _value_at(cls, name)
                for name in attributes:
                    yield from self._replaced_in(cls, [name])

    def _names_along(self, module: str, chain: tuple[str, ...]) -> Iterator[str]:
        holder = sys.modules.get(module)
        if _value_at(holder, chain[0], _ABSENT) is not _ABSENT:
            yield from self._replaced_in(holder, chain)
            return
        for imported, name in self.inputs.imports_of(module, chain[0]):
            # A function imports it for itself.
            names = filter(None, (name, *chain[1:]))
            yield from self._replaced_in(sys.modules.get(imported), names)

    def _replaced_in(self, holder: Any, names: Iterable[str]) -> Iterator[str]:
        """Yield what is replaced of the names that lead on from a module or class."""
        if isinstance(holder, ModuleType):
            shown = f"{holder.__name__}:"
        else:
            shown = f"{holder.__module__}:{holder.__qualname__}." if holder else ""
        for name in names:
            shown += name
            written = shown.replace(":", ".")
            original = self._attributes.get((id(holder), name), _ABSENT)
            if original is not _ABSENT:
                yield shown if callable(original) else written
            holder = _value_at(holder, name)
            if id(holder) in self._items:
                key = self._items[id(holder)]
                yield written if key is ... else f"{written}[{key!r}]"
            shown += "."


def refusal(line: Target, replaced: list[str]) -> UnstableIdentityError:
    """Make the error for a call whose code reaches what a test has replaced.

    Args:
        line: A line that names the called function alone.
        replaced: The names of what is replaced.
    """
    target = line.name
    own = line_of(target, line.options.changed(sequence=True))
    ways = [("give each test its own recordings", own)]
    functions = [name for name in replaced if ":" in name]
    if functions:
        ways.append(("or mimic what is replaced, in place of it", functions[0]))
    return UnstableIdentityError(
        f"{target} is a different call here: the test has replaced what its code uses",
        [f"{name.replace(':', '.')} is replaced" for name in replaced],
        ways,
    )


def refusal_of_clients(line: Target, replaced: Iterable[str]) -> UnstableIdentityError:
    """Make the error for a call that a library for mocks answers, or would answer.

    Args:
        line: A line that names the called function alone.
        replaced: The functions of clients that somebody has replaced.
    """
    own = line_of(line.name, line.options.changed(sequence=True))
    return UnstableIdentityError(
        f"{line.name} is a different call here: the test mocks the requests in it",
        [f"{name} is replaced" for name in sorted(replaced)],
        [("give each test its own recordings", own)],
    )


def _forget(held: list[Any], patch: object) -> None:
    held[:] = [one for one in held if one is not patch]


def _value_at(holder: Any, name: str, default: object = None) -> Any:
    """Give what a name leads to, without running any code."""
    return inspect.getattr_static(holder, name, default)
