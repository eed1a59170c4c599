"""Values as pickles that import what a list names, and nothing else."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from json import dumps, loads  # A test may replace those of the module.
from operator import getitem
from typing import Any

from pytest_mimic.errors import StaleRecordingError
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

    stream: memoryview
    buffers: list[tuple[memoryview, bool]]
    python: str = ""

    @classmethod
    def of_value(cls, value: object) -> Pickled:
        """Pickle a value; code without a name of its own by value, with cloudpickle.

        Raises:
            Exception: The value, or a part of it, cannot be pickled.
        """
        try:
            return _dumped(value, _Pickler)
        except (pickle.PicklingError, AttributeError, TypeError):
            pickled = _dumped(value, _pickler_by_value())
            pickled.python = PYTHON
            return pickled

    @classmethod
    def of_file(cls, content: bytes, python: str = "") -> Pickled:
        """Take the content of a file apart.

        Raises:
            ValueError, TypeError, LookupError: It is no such file, or not all of it.
        """
        line, _, _ = content[:CHUNK].partition(b"\n")
        rest = memoryview(content)[len(line) + 1 :]
        head = loads(line)
        lengths = [(head["stream"], True), *map(tuple, head["buffers"])]
        if sum(length for length, _ in lengths) != len(rest):
            raise ValueError("it has another length than it says")
        parts: list[tuple[memoryview, bool]] = []
        for length, is_fixed in lengths:
            parts.append((rest[:length], is_fixed))
            rest = rest[length:]
        return cls(parts[0][0], parts[1:], python)

    def chunks(self) -> Iterator[memoryview | bytes]:
        """Give the bytes of its file: a line with lengths, opcodes, memory."""
        lengths = [[view.nbytes, is_fixed] for view, is_fixed in self.buffers]
        head = {"stream": len(self.stream), "buffers": lengths}
        yield dumps(head).encode() + b"\n"
        for part in (self.stream, *(view for view, _ in self.buffers)):
            for start in range(0, part.nbytes, CHUNK):
                yield part[start : start + CHUNK]

    def load(self, allow: Callable[[str], object]) -> object:
        """Load a fresh value.

        Args:
            allow: Gets each name that is imported before it is: `module:qualname`.

        Raises:
            StaleRecordingError: A name is gone, or the code is of another Python.
        """
        if self.python not in ("", PYTHON):
            what = f"it holds code of Python {self.python}, and this is Python {PYTHON}"
            raise StaleRecordingError(what)
        copies = [
            bytes(view) if is_fixed else bytearray(view)
            for view, is_fixed in self.buffers
        ]
        return _Unpickler(self.stream, copies, allow).load()


class _Unpickler(pickle.Unpickler):
    def __init__(
        self,
        stream: memoryview,
        buffers: list[bytes | bytearray],
        allow: Callable[[str], object],
    ) -> None:
        super().__init__(io.BytesIO(stream), buffers=buffers)
        self._allow = allow

    def find_class(self, module: str, name: str) -> Any:
        self._allow(f"{module}:{name}")
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError) as error:
            what = f"there is no {module}:{name} any more"
            raise StaleRecordingError(what) from error


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
    return Pickled(file.getbuffer(), buffers)


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


def _pickler_by_value() -> Any:
    # Few outcomes hold code of no name.
    from cloudpickle import Pickler  # type: ignore[import-untyped]

    class ByValue(Pickler):  # type: ignore[misc]
        def reducer_override(self, part: Any) -> Any:
            reduction = _reduced(part)
            if reduction is NotImplemented:
                reduction = super().reducer_override(part)
            is_class = isinstance(part, type) and isinstance(reduction, tuple)
            return _untracked(part, *reduction) if is_class else reduction

    return ByValue
