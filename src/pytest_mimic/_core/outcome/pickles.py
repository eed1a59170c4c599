"""Values pickled, together with the names that loading them will import."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

from pytest_mimic._core.identity.kinds import registered_kind
from pytest_mimic._core.outcome.admission import Admission
from pytest_mimic._core.outcome.names import resolve
from pytest_mimic._core.outcome.pickled_code import code_in
from pytest_mimic._core.outcome.placed_paths import (
    NOWHERE,
    PathStore,
    is_path_class,
    persistent_id,
)
from pytest_mimic._core.outcome.reducing import reduced
from pytest_mimic._core.outcome.unpickling import load_all
from pytest_mimic._core.outcome.uses import uses_in


class Buffer(NamedTuple):
    """Contiguous memory, and the size of the items it holds, which decides how it is compressed."""

    memory: memoryview
    item: int


@dataclass(slots=True, eq=False, repr=False)
class Pickled:
    """A value as pickle streams, one after the other, and the buffers they refer to.

    Attributes:
        has_custom_identity: Whether a class among the imports defines its own identity, which may hide parts of it.
    """

    chunks: list[bytes]  # the bytes of the streams, in pieces
    buffers: list[Buffer]  # memory of the value itself until `detach`
    imports: list[str]  # the classes and functions that loading imports, `module:name`, sorted
    code: list[str]  # the names of code stored by value, and of imports that are code, sorted
    by_value: bool  # whether code is stored by value, which only the same Python version can load
    has_custom_identity: bool
    has_paths: bool = False  # whether it contains paths by their places
    python: str = ""  # the Python version that stored code by value; empty for the one that runs

    def detach(self) -> None:
        self.buffers = [Buffer(memoryview(bytearray(memory)), item) for memory, item in self.buffers]

    def load(self, count: int = 1, paths: PathStore | None = None) -> list[Any]:
        """Load the pickles, which this process has made, as they are."""
        find = Admission(self.imports, self.code).find
        return load_all(b"".join(self.chunks), self.copies(), find, count=count, paths=paths)

    def copies(self) -> list[bytearray]:
        """Return copies of the buffers, for a value that is to own them."""
        return [bytearray(buffer.memory) for buffer in self.buffers]


class _Pickler(pickle.Pickler):
    by_value: frozenset[str] = frozenset()

    def reducer_override(self, thing: object, /) -> Any:
        return reduced(thing)


def dump(value: object, paths: PathStore = NOWHERE) -> Pickled:
    """Pickle the value, and load it once to see that it loads and what it imports. Its parts may raise anything."""
    try:
        return _dump(value, _Pickler, paths)
    except RecursionError:
        raise
    except Exception:  # a lambda, a local class, a module: perhaps by value
        from pytest_mimic._core.outcome.by_value import ByValuePickler

        return _dump(value, ByValuePickler, paths)


def _dump(value: object, pickler_class: Any, paths: PathStore) -> Pickled:
    # First without `persistent_id`, which Python calls for each part: that takes twice the time.
    pickled, has_paths = _dump_with(value, pickler_class, paths)
    if not has_paths and not paths.may_be_in(pickled.chunks):
        return pickled
    has_placed = False

    class PlacingPickler(pickler_class):  # type: ignore[misc]
        def persistent_id(self, part: object, /) -> object:
            nonlocal has_placed
            found = persistent_id(part, paths)
            has_placed |= found is not None
            return found

    placed, _ = _dump_with(value, PlacingPickler, paths)
    placed.has_paths = True
    return placed if has_placed else pickled


def _dump_with(value: object, pickler_class: Callable[..., Any], paths: PathStore) -> tuple[Pickled, bool]:
    """Return a pickle, and whether it imports a class of paths."""
    chunks: list[bytes] = []
    buffers: list[pickle.PickleBuffer] = []
    # Not a BytesIO, which would copy large bytes to join them.
    pickler = pickler_class(SimpleNamespace(write=chunks.append), 5, buffer_callback=buffers.append)
    pickler.dump(value)
    parts = [Buffer(buffer.raw(), memoryview(buffer).itemsize) for buffer in buffers]
    stream, memory = b"".join(chunks), [part.memory for part in parts]
    uses = uses_in(stream, memory, count=1)
    code = code_in(uses.values())
    imports = uses.keys() - code
    load_all(stream, memory, Admission(imports, code).find, count=1, paths=paths)
    classes = [found for name in uses if isinstance(found := resolve(*name.split(":")), type)]
    by_value = frozenset(pickler.by_value)
    pickled = Pickled(
        chunks,
        parts,
        imports=sorted(imports),
        code=sorted(code | by_value),
        by_value=bool(by_value),
        has_custom_identity=any(registered_kind(cls) is not None for cls in classes),
    )
    return pickled, any(map(is_path_class, classes))
