"""Values as pickles, each with the list of the names that loading it imports.

A pickle that imports any other name is not loaded.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum, EnumMeta, Flag
from pathlib import PurePath
from types import CellType, FunctionType, SimpleNamespace
from typing import Any

from pytest_mimic._core.identity.callables import function_source
from pytest_mimic._core.identity.source import KEPT_SOURCE, class_source
from pytest_mimic._core.outcome import exceptions
from pytest_mimic._core.outcome.constants import bare_object
from pytest_mimic._core.outcome.iterators import is_c_iterator
from pytest_mimic._core.outcome.lossy import keeping_all, kept_whole, may_change_items
from pytest_mimic._core.outcome.lost_attributes import is_kept, refuse_lost_attributes
from pytest_mimic._core.outcome.outcome import DamagedError, NotExactError
from pytest_mimic._core.outcome.pickle_imports import imported_names
from pytest_mimic._core.outcome.placed_paths import NOWHERE, PathStore, persistent_id
from pytest_mimic._core.types.named_constants import (
    constant_name,
    places_of_bare_object,
)
from pytest_mimic._core.types.reductions import registered_reduction
from pytest_mimic._core.types.type_names import (
    find_through_classes,
    full_name,
    importable,
    name_of,
)

# Values that may read files later, by package and class, and how to get their data.
_HOW_TO_GET_DATA = {
    ("polars", "LazyFrame"): "collect()",
    ("pyarrow", "FileSystemDataset"): "to_table()",
}


@dataclass(slots=True, eq=False, repr=False)
class Pickled:
    """A value as pickle streams, one after the other, and the buffers they refer to."""

    # The bytes of the streams, in pieces.
    chunks: list[bytes]
    # The buffers are memory of the value itself until `detach`.
    buffers: list[memoryview]
    # The names that loading imports, `module:name`, sorted.
    imports: list[str]
    # Code stored by value can only be loaded by the Python version that stored it.
    by_value: bool
    # Whether a class in it defines its own identity, which may leave out parts.
    has_custom_identity: bool
    # Whether it has paths, which it keeps by their places in the run.
    has_paths: bool = False

    def detach(self) -> None:
        self.buffers = [memoryview(bytearray(memory)) for memory in self.buffers]

    def load(self, count: int = 1, paths: PathStore | None = None) -> list[Any]:
        """Load the pickles, which this process has made."""
        stream, *buffers = self.parts()
        return load(
            stream,
            map(bytearray, buffers),
            self.imports,
            count=count,
            paths=paths,
        )

    def parts(self) -> list[Any]:
        """Return the streams as one part, then the buffers, as a file has them."""
        return [b"".join(self.chunks), *self.buffers]


# Loading


class _Unpickler(pickle.Unpickler):
    imports: Collection[str]
    paths: PathStore

    def find_class(self, module: str, qualname: str, /) -> Any:
        name = f"{module}:{qualname}"
        if name not in self.imports:
            raise DamagedError(f"it imports {name}, which its recording does not list")
        return find_through_classes(name)

    def persistent_load(self, pid: Any, /) -> object:
        """Return the path that stands in a pickle by its place, see `placed_paths`."""
        # Nothing but texts is taken, so that an edited pickle gives no other object to
        # `restored`: the path as a text, or its folder and the rest.
        kind, where = pid
        texts = where
        if type(where) is str:
            texts = (where,)
        if not all(type(text) is str for text in texts):
            raise pickle.UnpicklingError("a path that is not a text")
        return self.paths.restored(kind, where)


def load(
    stream: Any,
    buffers: Iterable[Any],
    imports: Collection[str],
    *,
    count: int = 1,
    paths: PathStore | None = None,
) -> list[Any]:
    """Load `count` pickles from one stream.

    The pickles share no objects. Their paths are restored by `paths`.

    Raises:
        DamagedError: A pickle imports a name that is not among `imports`.
        Exception: The pickle is damaged, or code of the value's classes raises.
    """
    file = io.BytesIO(stream)
    buffers = iter(buffers)
    values = []
    for _ in range(count):
        unpickler = _Unpickler(file, buffers=buffers)
        unpickler.imports = imports
        unpickler.paths = paths or NOWHERE
        values.append(unpickler.load())
    return values


# Storing


class _Pickler(pickle.Pickler):
    # Python's own pickles store no code by value.
    by_value = False

    def reducer_override(self, instance: object, /) -> Any:
        return reduced(instance)


def dump(value: object, paths: PathStore = NOWHERE) -> Pickled:
    """Pickle a value, and load the pickle once to see that it loads.

    A value that JSON does not keep is recorded so. The parts of the value may raise
    anything: the outcome is then refused.
    """
    try:
        return _dump(value, _Pickler, paths)
    except (RecursionError, NotExactError):
        raise
    except Exception:
        # A part without an importable name, such as a lambda or a local class, may be
        # pickled by value.
        return _dump(value, _by_value_pickler(), paths)


def _dump(value: object, pickler_class: Any, paths: PathStore) -> Pickled:
    """Return a pickle by a class of picklers.

    A path inside of a folder of the run is stored by its place, so that a replay in
    another folder gives the path there.
    """
    # The first pickle is made without `persistent_id`. Python calls that for each part,
    # which takes twice the time.
    pickled = _dump_with(value, pickler_class, paths)
    if not pickled.has_paths and not paths.are_mentioned_in_pickle(pickled.chunks):
        return pickled
    has_placed_path = False

    class PlacingPickler(pickler_class):  # type: ignore[misc]
        def persistent_id(self, part: object, /) -> object:
            nonlocal has_placed_path
            placed_path = persistent_id(part, paths)
            if placed_path is not None:
                has_placed_path = True
            return placed_path

    pickled_with_places = _dump_with(value, PlacingPickler, paths)
    if has_placed_path:
        pickled_with_places.has_paths = True
        return pickled_with_places
    # No path lies in a folder of the run, so a replay has none to put in.
    pickled.has_paths = False
    return pickled


def _dump_with(
    value: object, pickler_class: Callable[..., Any], paths: PathStore
) -> Pickled:
    """Return a pickle, which `has_paths` if it imports a class of paths."""
    chunks: list[bytes] = []
    buffers: list[pickle.PickleBuffer] = []
    # The chunks are a list: a BytesIO would copy large bytes to join them.
    pickler = pickler_class(
        SimpleNamespace(write=chunks.append), 5, buffer_callback=buffers.append
    )
    with keeping_all():
        pickler.dump(value)
    stream = b"".join(chunks)
    raw_buffers = [buffer.raw() for buffer in buffers]
    names = imported_names(stream, count=1)
    (loaded,) = load(stream, raw_buffers, names, paths=paths)
    has_custom_identity = False
    has_paths = False
    # What the classes and functions in the pickle say of the outcome.
    for imported in map(find_through_classes, names):
        if isinstance(imported, type):
            has_paths = has_paths or issubclass(imported, PurePath)
            if registered_reduction(imported) is not None:
                has_custom_identity = True
            if may_change_items(imported) and not is_kept(value, loaded):
                class_name = name_of(imported)
                raise NotExactError(
                    f"{class_name} makes other items when its objects are loaded",
                    remedy="return the items in a plain dict or list",
                )
    return Pickled(
        chunks,
        raw_buffers,
        imports=sorted(names),
        by_value=pickler.by_value,
        has_custom_identity=has_custom_identity,
        has_paths=has_paths,
    )


def _by_value_pickler() -> Any:
    """Return cloudpickle's pickler, for functions and classes without importable names.

    It pickles these by value. A function or class with an importable name is pickled by
    the name, also in `__main__`.
    """
    import cloudpickle  # type: ignore[import-untyped]

    class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
        # cloudpickle stores an open file as its text and a memoryview as bytes, and a
        # replay would return these.
        dispatch_table = dict(cloudpickle.Pickler.dispatch_table)  # noqa: RUF012 - pickle's own name
        dispatch_table.pop(io.TextIOWrapper, None)
        dispatch_table.pop(memoryview, None)

        by_value = False

        def reducer_override(self, obj: object) -> Any:
            reduction = reduced(obj)
            if reduction is not NotImplemented:
                return reduction
            if not isinstance(obj, (type, FunctionType)):
                return NotImplemented
            if importable(obj) is not None:
                return NotImplemented
            _refuse_empty_cells(obj)
            reduction = super().reducer_override(obj)
            # cloudpickle fetches some types of the interpreter by name, such as
            # NoneType.
            if reduction is NotImplemented or obj.__module__ == "builtins":
                return reduction
            self.by_value = True
            parts: tuple[Any, ...] = reduction
            make, arguments, (attributes, slots), *rest = parts
            attributes = dict(attributes)
            # `_core/identity` reads the source, so that loaded code has the identity of
            # the original. Loaded code has no file any more.
            if isinstance(obj, type):
                # cloudpickle leaves out the qualified name.
                attributes["__qualname__"] = obj.__qualname__
                attributes[KEPT_SOURCE] = class_source(obj)
            else:
                source = function_source(obj)
                # Code that `exec` made has no source.
                if source:
                    attributes[KEPT_SOURCE] = source
            return make, arguments, (attributes, slots), *rest

    return ByValuePickler


def reduced(instance: Any) -> Any:
    """Return the reduction of a value of which Python's own pickle would lose a part.

    NotImplemented: Python's own pickle keeps the value.

    Raises:
        NotExactError: A part of the value cannot be kept.
    """
    if isinstance(instance, BaseException):
        return exceptions.reduce(instance)
    remedy = lazy_remedy(instance)
    if remedy is not None:
        raise NotExactError(remedy)
    if isinstance(instance, Enum):
        return _reduction_of_member(instance)
    if full_name(type(instance)) == "zoneinfo.ZoneInfo" and instance.key is not None:
        # The pickle of a ZoneInfo would fetch a method by its name.
        if type(instance)(instance.key) is not instance:
            return NotImplemented
        return type(instance), (instance.key,)
    if is_c_iterator(instance):
        raise NotExactError(
            "it gives its items once, and runs code for them",
            remedy="return a list of its items",
        )
    if type(instance) is object:
        places = places_of_bare_object(instance)
        return (bare_object, (places,)) if places else NotImplemented
    name = constant_name(instance)
    if name is not None:
        return name
    reduction = kept_whole(instance)
    if reduction is NotImplemented:
        refuse_lost_attributes(instance)
    return reduction


def _refuse_empty_cells(instance: Any) -> None:
    """Refuse a function whose variables get their values later.

    A method that uses `super()` is such a function while the body of its class runs.

    Raises:
        NotExactError: A variable has no value yet.
    """
    if isinstance(instance, type):
        return
    cells = instance.__closure__ or ()
    empty = CellType()
    for name, cell in zip(instance.__code__.co_freevars, cells, strict=True):
        if cell == empty:
            raise NotExactError(
                f"{name_of(instance)} closes over {name}, which has no value yet"
            )


def _reduction_of_member(instance: Enum) -> Any:
    """Return the reduction of a member of an enum to its name.

    To make it of its value, some versions of Python would call code of the enum.
    """
    cls = type(instance)
    if getattr(_reducing_method(cls), "__module__", "enum") != "enum":
        # A user's enum says how its members are pickled.
        return NotImplemented
    if vars(cls)["_member_map_"].get(instance._name_) is instance:
        return member, (cls, instance._name_)
    if not isinstance(instance, Flag):
        return NotImplemented
    # A combination of flags is no member with a name.
    return member, (cls, instance._value_)


def _reducing_method(cls: type) -> Any:
    """Return the method by which pickle reduces objects of a class: the first one."""
    for base in cls.__mro__:
        for name in ("__reduce_ex__", "__reduce__"):
            if name in vars(base):
                return vars(base)[name]
    raise AssertionError("object has both")


def member(cls: Any, name: str | int) -> object:
    """Return the member of an enum with a name, or the flags with a number.

    Loading a pickle calls this function by its name here.
    """
    # An edited pickle could name any object in place of the enum.
    if not issubclass(type(cls), EnumMeta):
        raise pickle.UnpicklingError("no enum")
    if type(name) is int:
        return cls(name)
    try:
        return vars(cls)["_member_map_"][name]
    except KeyError:
        # The enum has changed since. The pickle does not load any more, and the
        # recording is stale.
        raise AttributeError(
            f"{cls.__module__}:{cls.__qualname__} has no member {name!r}"
        ) from None


def lazy_remedy(instance: object) -> str | None:
    """Return how to get the data of a value that may read files later.

    These files may be gone by then. None: the value has its data.
    """
    package = str(type(instance).__module__).partition(".")[0]
    return _HOW_TO_GET_DATA.get((package, type(instance).__name__))
