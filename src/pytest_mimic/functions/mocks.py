"""What tests have replaced at this moment, and whether a call's code reaches it."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache, partial
from types import ModuleType
from typing import Any

from pytest_mimic.engine.run import Run
from pytest_mimic.functions.clocks import edges_of_clocks, holder_of_clock
from pytest_mimic.functions.inputs import Inputs, Reached
from pytest_mimic.patch.clients import Edge, noting
from pytest_mimic.patch.holders import is_lazy_import
from pytest_mimic.patch.patches import Patches
from pytest_mimic.values.tree import Tree

_ABSENT = object()
# What replaces something: its class, a method that begins it, and the one that ends it.
_REPLACING = """
    _pytest.monkeypatch  MonkeyPatch        setattr      undo
    _pytest.monkeypatch  MonkeyPatch        setitem      undo
    unittest.mock        _patch             __enter__    __exit__
    unittest.mock        _patch_dict        _patch_dict  _unpatch_dict
    django.test.utils    override_settings  enable       disable
"""
# What each request goes through before a library for mocks can answer it.
_ASKING = {
    "requests": ("requests.models", "PreparedRequest", "prepare"),
    "httpx": ("httpx._models", "Request", "__init__"),
    "aiohttp": ("aiohttp.client", "_BaseRequestContextManager", "__init__"),
}
# What such libraries replace: of a client a module, a class of it, and its method.
_SENDING = """
    requests  requests.sessions  Session              send
    requests  requests.sessions  Session              get_adapter
    requests  requests.adapters  HTTPAdapter          send
    httpx     httpx              HTTPTransport        handle_request
    httpx     httpx              AsyncHTTPTransport   handle_async_request
    httpx     httpcore           ConnectionPool       handle_request
    httpx     httpcore           AsyncConnectionPool  handle_async_request
    aiohttp   aiohttp.client     ClientSession        _request
""".strip().splitlines()


class ActiveMocks:
    """What `monkeypatch`, `unittest.mock.patch` and Django's tests hold in a run.

    Args:
        run: The run, which is told that something else may be replaced.
        patches: Knows what stands below our own wrappers.

    Attributes:
        inputs: What calls of the run reach.
    """

    def __init__(self, run: Run, inputs: Inputs, patches: Patches) -> None:
        self.inputs = inputs
        self._run = run
        self._patches = patches
        # What stood before the tests where clients send: a tool that watches requests
        # may have replaced it for good.
        self._standing_before: dict[tuple[str, ...], object] = {}
        self._looked_at = 0
        # What replaces something now, by its id.
        self._held: dict[int, Any] = {}
        # What is replaced: attributes by the id of their holder and their name, items
        # by the id of their mapping.
        self._attributes: dict[tuple[int, str], object] = {}
        self._items: dict[int, object] = {}
        # Who holds the clock.
        self._clock = ""
        # What is reached of it.
        self._names_of = cache(lambda reached: sorted({*self._names_in(reached)}))

    def edges(self) -> Iterator[Edge]:
        """Yield the edges at which something is replaced or restored, or asked."""
        noted = self._run.note_change
        for row in _REPLACING.strip().splitlines():
            module, cls, beginning, ending = row.split()
            yield Edge(module, (cls, beginning), noting(self._hold, noted))
            yield Edge(module, (cls, ending), noting(self._let_go, noted))
        for client, (module, *path) in _ASKING.items():
            wrap = noting(partial(self._note_asked, client))
            yield Edge(module, tuple(path), wrap, is_optional=True)
        yield from edges_of_clocks(noted)

    def _hold(self, replacing: object, *_args: Any, **_kwargs: Any) -> None:
        self._held[id(replacing)] = replacing

    def _let_go(self, replacing: object, *_args: Any, **_kwargs: Any) -> None:
        self._held.pop(id(replacing), None)

    def _note_asked(self, client: str, *_args: Any, **_kwargs: Any) -> None:
        call = self._run.nesting.around
        if call.shared_target and call.is_open:
            call.asked_clients |= {client}
            call.mocked |= {*self.replaced_of([client])}

    def begin(self) -> None:
        """Note what stands where clients send before the tests."""
        self._standing_before = dict(self._standing(_SENDING))

    def replaced_of(self, clients: Collection[str]) -> list[str]:
        """Give the functions of clients in whose place somebody has put others."""
        rows = [row for row in _SENDING if row.split()[0] in clients]
        return [
            ".".join(path)
            for path, standing in self._standing(rows)
            if self._is_replaced(path, standing)
        ]

    def _standing(self, rows: Iterable[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for _, module, cls, name in map(str.split, rows):
            if module in sys.modules:
                held = _value_at(_value_at(sys.modules[module], cls), name)
                yield (module, cls, name), self._patches.original_of(held)

    def _is_replaced(self, path: tuple[str, ...], standing: object) -> bool:
        if path in self._standing_before:
            return standing is not self._standing_before[path]
        # The module is new: a function of its package knows the names around it.
        around = getattr(standing, "__globals__", {}).get("__name__", "")
        return str(around).partition(".")[0] != path[0].partition(".")[0]

    def reached_by(self, target: str, arguments: Tree) -> list[str]:
        """Give what is replaced and what the code of a call reaches.

        A function as a line names it, `app:rate`; anything else as `app.RATE`.
        """
        generation = self._run.generation
        if self._looked_at != generation:
            held = list(self._held.values())
            self._attributes = dict(
                pair for one in held for pair in _attributes_of(one)
            )
            self._items = dict(pair for one in held for pair in _items_of(one))
            self._clock = holder_of_clock()
            self._names_of.cache_clear()
            # Last: other threads go on to look until all is known.
            self._looked_at = generation
        if not (self._attributes or self._items or self._clock):
            return []
        return self._names_of(self.inputs.reached_by(target, arguments))

    def _names_in(self, reached: Reached) -> Iterator[str]:
        if self._clock and reached.asks_for_time:
            yield f"the clock, by {self._clock},"
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
        imports = self.inputs.code.module(module).imports
        for imported, name in imports.get(chain[0], ()):
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


def _attributes_of(replacing: Any) -> Iterator[tuple[tuple[int, str], object]]:
    """Yield what a tool of `_REPLACING` holds, and what stood there before."""
    held = list(getattr(replacing, "_setattr", ()))
    if hasattr(replacing, "target"):  # Else its name was not found.
        before = getattr(replacing, "temp_original", None)
        held.append((replacing.target, replacing.attribute, before))
    sleeps = (sys.modules.get("time"), sys.modules.get("asyncio"))
    for holder, name, original in held:
        is_sleep = name == "sleep" and holder in sleeps
        # pytest replaces attributes of its own configuration for the whole run.
        is_of_pytest = type(holder).__module__.startswith("_pytest.")
        # What was taken away is no mock.
        is_there = _value_at(holder, name, _ABSENT) is not _ABSENT
        if is_there and not is_sleep and not is_of_pytest:
            yield (id(holder), name), original
    for name in getattr(replacing, "options", ()):
        yield (id(sys.modules["django.conf"].settings), name), None


def _items_of(replacing: Any) -> Iterator[tuple[int, object]]:
    """Yield the mappings of which a tool of `_REPLACING` holds an item, and its key.

    Of one that was emptied it is `...`.
    """
    held = [one[:2] for one in getattr(replacing, "_setitem", ())]
    if hasattr(replacing, "in_dict"):
        held += [(replacing.in_dict, key) for key in replacing.values]
        if replacing.clear and not replacing.values:
            yield id(replacing.in_dict), ...
    for mapping, key in held:
        if mapping is not os.environ and key in mapping:
            yield id(mapping), key


def _value_at(holder: Any, name: str, default: object = None) -> Any:
    """Give what a name leads to, without running any code but a lazy import."""
    value = inspect.getattr_static(holder, name, default)
    return value.resolve() if is_lazy_import(value) else value
