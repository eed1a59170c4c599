"""Values as pickles that import what a list names, and nothing else."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json import dumps, loads  # A test may replace those of the module.
from operator import getitem
from typing import Any

from pytest_mimic.errors import CorruptRecordingError, StaleRecordingError
from pytest_mimic.values import errors
from pytest_mimic.values.names import generic_of
from pytest_mimic.values.state import is_of_extension

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CHUNK = 1 << 20


@dataclass
class Pickled:
    """A value as a pickle, its memory apart.

    Attributes:
        stream: The opcodes.
        buffers: The memory of arrays, each with whether it may not be written to.
        python: The version of Python whose code the pickle holds, or "".
    """

    stream: bytes
    buffers: list[tuple[memoryview, bool]]
    python: str = ""

    def chunks(self) -> Iterator[bytes | memoryview]:
        """Give the bytes of its file: a line with lengths, opcodes, memory."""
        lengths = [[view.nbytes, is_fixed] for view, is_fixed in self.buffers]
        head = {"stream": len(self.stream), "buffers": lengths}
        yield dumps(head).encode() + b"\n"
        for part in (memoryview(self.stream), *(view for view, _ in self.buffers)):
            for start in range(0, part.nbytes, CHUNK):
                yield part[start : start + CHUNK]


def dump(value: object) -> Pickled:
    """Pickle a value; code without a name of its own by value, with cloudpickle.

    Raises:
        Exception: The value, or a part of it, cannot be pickled.
    """
    try:
        return _dumped(value, _Pickler)
    except (pickle.PicklingError, AttributeError, TypeError):
        # Few outcomes hold code of no name.
        from cloudpickle import Pickler  # type: ignore[import-untyped]

        class ByValue(Pickler):  # type: ignore[misc]
            def reducer_override(self, part: Any) -> Any:
                reduction = _reduced(part)
                if reduction is NotImplemented:
                    reduction = super().reducer_override(part)
                is_class = isinstance(part, type) and isinstance(reduction, tuple)
                return _untracked(part, *reduction) if is_class else reduction

        pickled = _dumped(value, ByValue)
        pickled.python = PYTHON
        return pickled


class _Pickler(pickle.Pickler):
    def reducer_override(self, part: Any) -> Any:
        return _reduced(part)


def _reduced(part: Any) -> Any:
    """Say how exceptions are made without `__init__`, and generic models of a name."""
    if isinstance(part, BaseException) and not is_of_extension(type(part)):
        parts = errors.parts_of(part)
        rest = parts._replace(args=())
        bare = errors.made_bare, (type(part), parts.args)
        return *bare, rest, None, None, errors.complete
    generic = generic_of(part) if isinstance(part, type) else None
    return NotImplemented if generic is None else (getitem, generic)


def _untracked(cls: Any, maker: Any, arguments: Any, *rest: Any) -> Any:
    """Leave out the number by which cloudpickle finds the class that it has pickled.

    It would set the members of this very class anew, and each recording would have
    another number. The qualified name of the class is kept instead.
    """
    if maker.__name__ == "_make_skeleton_class":
        *before, namespace, _, last = arguments
        namespace = {**namespace, "__qualname__": cls.__qualname__}
        arguments = (*before, namespace, None, last)
    elif maker.__name__ == "_make_skeleton_enum":
        *before, _, last = arguments
        arguments = (*before, None, last)
    return maker, arguments, *rest


def _dumped(value: object, pickler: Any) -> Pickled:
    file = io.BytesIO()
    buffers: list[tuple[memoryview, bool]] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        try:
            view = buffer.raw()
        except BufferError:  # It is not contiguous.
            return True
        buffers.append((view, view.readonly))
        return False

    pickler(file, protocol=5, buffer_callback=keep).dump(value)
    return Pickled(file.getvalue(), buffers)


@dataclass
class PickleFile:
    """The content of a pickle's file."""

    stream: memoryview
    buffers: list[tuple[memoryview, bool]]

    @classmethod
    def of(cls, content: bytes) -> PickleFile:
        """Take the content apart.

        Raises:
            CorruptRecordingError: It is no such file, or part of it is missing.
        """
        line, _, _ = content[:CHUNK].partition(b"\n")
        rest = memoryview(content)[len(line) + 1 :]
        try:
            head = loads(line)
            lengths = [(head["stream"], True), *map(tuple, head["buffers"])]
            if sum(length for length, _ in lengths) != len(rest):
                raise ValueError("it has another length than it says")
        except (ValueError, TypeError, KeyError) as error:
            raise CorruptRecordingError(f"a pickle is damaged ({error})") from error
        parts: list[tuple[memoryview, bool]] = []
        for length, is_fixed in lengths:
            parts.append((rest[:length], is_fixed))
            rest = rest[length:]
        return cls(parts[0][0], parts[1:])

    def load(self, names: Iterable[str], python: str = "") -> object:
        """Load a fresh value, which imports only the names: `module:qualname`.

        Raises:
            CorruptRecordingError: The pickle imports another name, or is damaged.
            StaleRecordingError: A name is gone, or the code is of another Python.
        """
        if python not in ("", PYTHON):
            what = f"it holds code of Python {python}, and this is Python {PYTHON}"
            raise StaleRecordingError(what)
        return _load(self.stream, self.buffers, _Listed(names))


def load_pickled(pickled: Pickled) -> tuple[object, list[str]]:
    """Load a value that was just pickled, and give the names that it imports.

    Raises:
        Exception: The value cannot be loaded.
    """
    names = _Noted()
    copies = [(memoryview(bytes(view)), fixed) for view, fixed in pickled.buffers]
    value = _load(memoryview(pickled.stream), copies, names)
    return value, sorted(names.noted)


class _Listed:
    """Gives leave to import the names of a list."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def allow(self, name: str) -> None:
        if name not in self._names:
            raise CorruptRecordingError(
                f"a pickle imports {name}, which its recording does not list"
            )


class _Noted(_Listed):
    """Gives leave to import any name, and notes it."""

    def __init__(self) -> None:
        super().__init__(())
        self.noted: set[str] = set()

    def allow(self, name: str) -> None:
        self.noted.add(name)


class _Unpickler(pickle.Unpickler):
    def __init__(
        self, stream: memoryview, buffers: list[bytes | bytearray], names: _Listed
    ) -> None:
        super().__init__(io.BytesIO(stream), buffers=buffers)
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        self._names.allow(f"{module}:{name}")
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError) as error:
            what = f"there is no {module}:{name} any more"
            raise StaleRecordingError(what) from error


def _load(
    stream: memoryview, buffers: list[tuple[memoryview, bool]], names: _Listed
) -> object:
    copies = [
        bytes(view) if is_fixed else bytearray(view) for view, is_fixed in buffers
    ]
    return _Unpickler(stream, copies, names).load()
