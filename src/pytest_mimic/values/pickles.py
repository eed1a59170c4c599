"""Values as pickles that import what a list names, and nothing else."""

from __future__ import annotations

import io
import pickle
import sys
import threading
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from json import dumps, loads  # A test may replace those of the module.
from mmap import mmap
from operator import getitem
from pathlib import PurePath
from types import FunctionType
from typing import Any, TypeAlias

from pytest_mimic.errors import StaleRecordingError
from pytest_mimic.values import errors
from pytest_mimic.values.arrays import ALIGNED, CHUNK, Memory, memory_in, pieces
from pytest_mimic.values.folders import NOWHERE, Folders
from pytest_mimic.values.names import generic_of, name_of, shared_generator
from pytest_mimic.values.source import COPIED_SOURCE, source_of_function
from pytest_mimic.values.state import kind_of, library_of
from pytest_mimic.values.tensors import placed, view_in

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

# What an object was left without by a pickle, and cannot do without.
_LOCKS: dict[object, Callable[[], object]] = {
    "_thread:lock": threading.Lock,
    "_thread:RLock": threading.RLock,
    "threading:Condition": threading.Condition,
    "threading:Event": threading.Event,
}

Mask: TypeAlias = "Callable[[str], str]"
"""Gives a text without keys."""


@dataclass
class Pickled:
    """A value as a pickle, its memory apart.

    Attributes:
        stream: The opcodes.
        buffers: The memory of arrays, which one loaded value may use and change.
        python: The version of Python whose code the pickle holds, or "".
    """

    stream: memoryview
    buffers: list[Memory]
    python: str = ""

    @classmethod
    def of_value(
        cls,
        value: object,
        left_out: Container[int],
        mask: Mask | None,
        folders: Folders,
    ) -> Pickled:
        """Pickle a value; code without a name of its own by value, with cloudpickle.

        Args:
            value: The value.
            left_out: The ids of parts that come back as `None`; locks as new ones.
            mask: Gives what comes back of a text.
            folders: The folders of this run: texts with paths below them are relative.
                What stands in a replay where it stood is referred to.

        Raises:
            Exception: The value, or a part of it, cannot be pickled.
        """
        hiding = left_out, mask, folders
        try:
            return _dumped(value, _pickler(pickle.Pickler, *hiding))
        except (pickle.PicklingError, AttributeError, TypeError):
            # Few outcomes hold code of no name.
            from cloudpickle import Pickler  # type: ignore[import-untyped]

            pickled = _dumped(value, _pickler(Pickler, *hiding))
            pickled.python = PYTHON
            return pickled

    @classmethod
    def of_file(cls, content: bytes | mmap, python: str = "") -> Pickled:
        """Take the content of a file apart, for one value.

        Raises:
            ValueError, TypeError, LookupError: It is no such file, or not all of it.
        """
        line, _, _ = content[:CHUNK].partition(b"\n")
        rest = memoryview(content)[len(line) + 1 :]
        head = loads(line)
        lengths = [head["stream"], *(length for length, _ in head["buffers"])]
        if sum(lengths) != len(rest):
            raise ValueError("its length is wrong")
        stream = rest[: head["stream"]]
        position = len(line) + 1 + len(stream)
        buffers = []
        for length, is_fixed in head["buffers"]:
            buffers.append(memory_in(content, position, length, is_fixed=is_fixed))
            position += length
        return cls(stream, buffers, python)

    def chunks(self) -> Iterator[memoryview | bytes]:
        """Give the bytes of its file: a line with lengths, opcodes, memory."""
        views = [memoryview(buffer) for buffer in self.buffers]
        lengths = [[view.nbytes, view.readonly] for view in views]
        head = dumps({"stream": len(self.stream), "buffers": lengths}).encode()
        blanks = -(len(head) + 1 + len(self.stream)) % ALIGNED if views else 0
        yield head + b" " * blanks + b"\n"
        for part in (self.stream, *views):
            yield from pieces(part)

    def load(
        self, allow: Callable[[str], object], folders: Folders = NOWHERE
    ) -> object:
        """Load the value.

        Args:
            allow: Gets each name that is imported before it is: `module:qualname`.
            folders: The folders of this run.

        Raises:
            StaleRecordingError: A name is gone, or the code is of another Python.
        """
        if self.python not in ("", PYTHON):
            what = f"it holds code of Python {self.python}, and this is Python {PYTHON}"
            raise StaleRecordingError(what)
        unpickler = _Unpickler(io.BytesIO(self.stream), buffers=self.buffers)
        unpickler.allow, unpickler.folders = allow, folders
        return unpickler.load()


class _Unpickler(pickle.Unpickler):
    allow: Callable[[str], object]
    folders: Folders

    def find_class(self, module: str, name: str) -> Any:
        self.allow(f"{module}:{name}")
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError) as error:
            # The modules inside of numpy are other ones in its next version.
            numpy = sys.modules.get("numpy")
            if module.startswith("numpy.") and hasattr(numpy, name):
                return getattr(numpy, name)
            what = f"there is no {module}:{name} any more"
            # Of a part that is gone, the library itself is here.
            if isinstance(error, ModuleNotFoundError) and "." not in str(error.name):
                what = f"{error.name} is not installed here"
            raise StaleRecordingError(what) from error

    def persistent_load(self, kept: Any) -> object:
        if isinstance(kept, dict):
            return placed(kept, self.folders)
        if not isinstance(kept, tuple):
            return kept  # A masked text.
        make = _LOCKS.get(kept[0], lambda: None)
        return make()


def _dumped(value: object, pickler: Any) -> Pickled:
    file = io.BytesIO()
    buffers: list[Memory] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        try:
            buffers.append(buffer.raw())
        except BufferError:  # It is not contiguous.
            return True
        return False

    pickler(file, protocol=5, buffer_callback=keep).dump(value)
    # The collector warns of a file whose own buffer is still in use.
    return Pickled(memoryview(file.getvalue()), buffers)


def _pickler(
    base: Any,
    left_out: Container[int],
    mask: Mask | None,
    folders: Folders,
) -> Any:
    names, starts = folders.part_names, folders.starts

    class Replacing(base):  # type: ignore[misc]
        def persistent_id(self, part: object) -> object:
            """Give what stands for a part in the pickle; `None`: the part itself."""
            if id(part) in left_out:
                return (name_of(type(part)),)
            if id(part) in names:
                return {"$after": names[id(part)]}
            if names and library_of(type(part)) == "torch" and hasattr(part, "stride"):
                view = view_in(part, folders.named_parts)
                if view is not None:
                    return view
            if type(part) is bytes and mask is not None:
                masked = mask(part.decode("latin-1")).encode("latin-1")
                return None if masked == part else masked
            if type(part) is not str:
                return None
            text = part if mask is None else mask(part)
            if any(start in text for start in starts):
                relative = folders.relative(text, is_argument=False)
                if relative is not None:
                    return {"$relative": relative}
            return None if text == part else text

        def reducer_override(self, part: Any) -> Any:
            reduction = _reduced(part)
            is_closer = type(part).__name__ == "_TemporaryFileCloser"
            if is_closer and id(part.file) in left_out:
                # It would close a file that is not there.
                closed = {"close_called": True, "cleanup_called": True}
                return object.__new__, (type(part),), {**vars(part), **closed}
            if base is pickle.Pickler:
                return reduction
            if reduction is NotImplemented:
                reduction = super().reducer_override(part)
            if not isinstance(reduction, tuple):
                return reduction
            if isinstance(part, FunctionType):
                return _with_source(part, *reduction)
            return _untracked(part, *reduction) if isinstance(part, type) else reduction

    return Replacing


def _reduced(part: Any) -> Any:
    """Say how exceptions are made without `__init__`, arrays of memory, and others."""
    if isinstance(part, BaseException) and not kind_of(type(part)).is_of_extension:
        attributes, beside = errors.parts_of(part)
        bare = errors.made_bare, (type(part), part.args)
        rest = attributes, {**beside, "args": None}
        return *bare, rest, None, None, errors.complete
    if isinstance(part, PurePath):
        return type(part), (str(part),)  # Whole, so that its folders are found.
    shared = shared_generator(part)
    if shared:
        return shared.partition(":")[2]
    generic = generic_of(part) if isinstance(part, type) else None
    if generic is not None:
        return getitem, generic
    if not kind_of(type(part)).is_of_library:
        return NotImplemented
    from pytest_mimic.values import libraries  # Loads what it knows of.

    rule = libraries.rule_of(type(part))
    if rule is None or rule.reduce is None:
        return NotImplemented
    return rule.reduce(part)


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


def _with_source(
    function: FunctionType, maker: Any, arguments: Any, state: Any, *rest: Any
) -> Any:
    """Keep the digest of a function's source, by which it counts as an argument."""
    attributes, others = state
    source = source_of_function(function)
    if source:
        attributes = {**attributes, COPIED_SOURCE: source}
    return maker, arguments, (attributes, others), *rest


_MOST = 64 << 20
"""In bytes. Larger objects are not copied."""


class _Limited(io.BytesIO):
    def write(self, content: object) -> int:
        if self.tell() > _MOST:
            raise OverflowError("a large object")
        return super().write(content)  # type: ignore[arg-type]


def two_copies(value: object) -> list[object]:
    """Give two copies of an object, made of one pickle; none: it has no copies.

    They tell whether its pickle is a function of its value. Both live at once: else the
    second could get the address of the first.
    """
    file = _Limited()
    try:
        pickle.Pickler(file, protocol=5).dump(value)
        return [pickle.loads(file.getbuffer()) for _ in range(2)]
    except Exception:
        # It is code of a class, and may do anything.
        return []
