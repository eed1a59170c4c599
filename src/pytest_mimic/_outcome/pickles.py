"""Values pickled, with what loading them will import."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pytest_mimic._outcome import exceptions
from pytest_mimic._outcome.allow_list import is_code
from pytest_mimic._outcome.loading import Admission, load_all

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Buffer(NamedTuple):
    """Contiguous memory, and the size of the items it holds, which decides how it is compressed."""

    memory: memoryview
    item: int


class Pickled:
    """A value as pickle streams, one after the other, and the buffers they refer to.

    Attributes:
        chunks: The streams' bytes, in pieces.
        buffers: Memory of the value itself until `detach`.
        imports: The classes and functions that loading imports, `module:name`, sorted.
        code: What is stored by value, and what imports or fetches by a name held as data, sorted.
        by_value: Whether code is stored by value, which only the same Python version can load.
        is_told: Whether a class among them was taught its identity, which may hide parts of it.
    """

    __slots__ = ("buffers", "by_value", "chunks", "code", "imports", "is_told")

    def __init__(
        self,
        chunks: list[bytes],
        buffers: list[Buffer],
        *,
        imports: Iterable[str],
        code: Iterable[str],
        by_value: bool,
        is_told: bool,
    ) -> None:
        self.chunks = chunks
        self.buffers = buffers
        self.imports = sorted(imports)
        self.code = sorted(code)
        self.by_value = by_value
        self.is_told = is_told

    def detach(self) -> None:
        """Copy the buffers, so that the value may change."""
        self.buffers = [Buffer(memoryview(bytearray(memory)), item) for memory, item in self.buffers]

    def copies(self) -> list[bytearray]:
        """The buffers again, for a value that is to own them."""
        return [bytearray(buffer.memory) for buffer in self.buffers]


class Census(Admission):
    """Admits everything, for loading what this process has just pickled, and keeps the names."""

    def __init__(self) -> None:
        super().__init__((), ())
        self.imports: set[str] = set()
        self.code: set[str] = set()
        self.is_told = False

    def find(self, module: str, qualname: str) -> Any:
        found = self._found(module, qualname)
        name = f"{module}:{qualname}"
        (self.code if is_code(name, found) else self.imports).add(name)
        self.is_told |= isinstance(found, type) and _is_told(found)
        return found


def named(module: str, qualname: str) -> Any:
    """Stands in a pickle for a function whose name leads to its mimic wrapper; see `Admission`."""
    raise pickle.UnpicklingError(f"{module}:{qualname} is loaded by pytest-mimic alone")


def _is_told(cls: type) -> bool:
    """Whether the class was taught its identity."""
    from pytest_mimic._identity.kinds import told_kind

    return told_kind(cls) is not None


def reduced(thing: Any) -> Any:
    """How a pickle holds what Python's own reduction would not keep whole; NotImplemented for anything else."""
    if isinstance(thing, BaseException):
        return exceptions.reduce(thing)
    if type(thing).__name__ == "IPv6Address" and getattr(thing, "scope_id", None):  # lost by Python 3.10
        return type(thing), (str(thing),)
    return NotImplemented


class _Pickler(pickle.Pickler):
    """By name only; exceptions as `exceptions` takes them apart."""

    by_value: frozenset[str] = frozenset()

    def reducer_override(self, thing: Any, /) -> Any:
        return reduced(thing)


class _Chunks:
    """A file for the pickler: keeps what is written, large bytes as the objects they are."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.write = self.parts.append


def dump(value: object) -> Pickled:
    """Pickle the value and load it once, which tells what it imports and that it can be loaded.

    Raises:
        Exception: Whatever the value's parts raise that cannot be pickled or loaded.
    """
    try:
        return _dump(value, _Pickler)
    except RecursionError:
        raise
    except Exception:  # a lambda, a local class, a module: perhaps by value
        from pytest_mimic._outcome.by_value import ByValuePickler

        return _dump(value, ByValuePickler)


def _dump(value: object, pickler_class: Callable[..., Any]) -> Pickled:
    file, buffers = _Chunks(), list[pickle.PickleBuffer]()
    pickler = pickler_class(file, 5, buffer_callback=buffers.append)
    pickler.dump(value)
    parts = [Buffer(buffer.raw(), memoryview(buffer).itemsize) for buffer in buffers]
    census = Census()
    load_all(b"".join(file.parts), [part.memory for part in parts], census, count=1)
    by_value = frozenset(pickler.by_value)
    return Pickled(
        file.parts,
        parts,
        imports=census.imports,
        code=census.code | by_value,
        by_value=bool(by_value),
        is_told=census.is_told,
    )
