"""What an object only remembers: its own `hash()`, the `id()` of a part, and the caches of libraries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import FunctionType
from typing import Any

from pytest_mimic._core.types.kinds import HEAP_TYPE, Reduce, is_generated, lineage
from pytest_mimic._core.types.opening import all_attributes, set_attributes

#: Attributes that only remember what was read of an object, by the full name of the
#: class that has them. Whether they are empty, filled or absent says nothing about the
#: object. Each has a test in `test_remembered.py` or in `scripts/library_values.py`.
CACHES: dict[str, tuple[str, ...]] = {
    # The voxels of an image, read from its file or scaled.
    "nibabel.dataobj_images.DataobjImage": ("_data_cache", "_fdata_cache"),
    # Quantities that are computed from vertices and faces, with a digest of these.
    "trimesh.base.Trimesh": ("_cache",),
    "trimesh.points.PointCloud": ("_cache",),
    "trimesh.path.path.Path": ("_cache",),
    "trimesh.primitives.Primitive": ("_cache",),
    "trimesh.scene.scene.Scene": ("_cache",),
    "trimesh.scene.transforms.SceneGraph": ("_cache",),
    "trimesh.scene.transforms.EnforcedForest": ("_cache", "_hash"),
    "trimesh.caching.DataStore": ("_hash",),
    "trimesh.visual.color.ColorVisuals": ("_cache",),
    "trimesh.visual.color.VertexColor": ("_cache",),
    "trimesh.visual.texture.TextureVisuals": ("_cache",),
    # The digest of the array's memory, and whether the memory has changed since.
    "trimesh.caching.TrackedArray": ("_dirty_hash", "_hashed"),
    # The address of the stop words that were checked. An unpickled object has that of
    # another process.
    "sklearn.feature_extraction.text._VectorizerMixin": ("_stop_words_id",),
    # What backends have converted the graph to.
    "networkx.classes.graph.Graph": ("__networkx_cache__",),
    # Pixels that are decoded from the bytes of the dataset.
    "pydicom.dataset.Dataset": ("_pixel_array", "_pixel_id"),
    # The hash of an expression, and its assumptions, which are derived when asked for.
    "sympy.core.basic.Basic": ("_mhash", "_assumptions"),
    # Hours, minutes, seconds and the sign, which are derived when they are asked for.
    "pendulum.duration.Duration": ("_h", "_i", "_invert", "_s"),
    # When cookies were last looked at, in seconds.
    "http.cookiejar.CookieJar": ("_now",),
    "http.cookiejar.DefaultCookiePolicy": ("_now",),
    # Values that other representations of the coordinates were converted to.
    "astropy.time.core.TimeBase": ("cache", "_id_cache"),
}


#: Attributes that hold data, and that reading gives an empty container: `None`, empty
#: and absent are the same.
FILLED_LATER: dict[str, tuple[str, ...]] = {
    # The annotations of each letter, which a slice asks for.
    "Bio.SeqRecord.SeqRecord": ("_per_letter_annotations",),
}


@lru_cache(maxsize=4096)
def filled_later(type_: Any) -> frozenset[str]:
    """Return the attributes of a type in which `None`, empty and absent are the same."""
    names: set[str] = set()
    for name in lineage(type_):
        names.update(FILLED_LATER.get(name, ()))
    return frozenset(names)


@lru_cache(maxsize=4096)
def caches_of(type_: Any) -> frozenset[str]:
    """Return the attributes of a type that the table of caches names."""
    names: set[str] = set()
    for name in lineage(type_):
        names.update(CACHES.get(name, ()))
    return frozenset(names)


def is_private(name: object) -> bool:
    return isinstance(name, str) and name[:1] == "_"


def reading_lasting(read: Reduce, type_: Any) -> Reduce:
    """Return a reader of attributes that leaves out what an object only remembers.

    `read` returns the attributes of an object of the type by name.
    """
    needs_look = bool(has_own_hash(type_) or caches_of(type_) or filled_later(type_))
    private_names: dict[tuple[str, ...], bool] = {}

    def read_lasting(value: Any) -> Any:
        state: Any = read(value)
        names = tuple(state)
        has_private = private_names.get(names)
        if has_private is None:
            has_private = private_names[names] = any(map(is_private, names))
        if has_private or needs_look:
            return without_remembered(value, state)
        return state

    return read_lasting


def without_remembered(value: object, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes without those that only remember something.

    `state` are the attributes of the value, by name. They are returned as they are if
    none is left out.
    """
    kind: Any = type(value)
    known = caches_of(kind)
    left_out = {name for name in known if name in state}
    left_out |= {
        name for name in filled_later(kind) if name in state and is_empty(state[name])
    }
    left_out |= remembered_ids(value, state)
    if has_own_hash(kind):
        left_out |= remembered_hashes(value).keys()
    if left_out.isdisjoint(state):
        return state  # type: ignore[return-value]
    return {name: part for name, part in state.items() if name not in left_out}


def remembered_ids(value: object, state: Mapping[str, Any]) -> set[str]:
    """Return the private attributes that are the `id()` of the object or of a part."""
    numbers = {
        name: part
        for name, part in state.items()
        if type(part) is int and is_private(name)
    }
    if not numbers:
        return set()
    addresses = {id(value), *map(id, state.values())}
    for part in state.values():
        if type(part) in (list, tuple):
            addresses.update(map(id, part))
        elif type(part) is dict:
            addresses.update(map(id, part.values()))
    # Small numbers, of which every process has one object, are no addresses.
    return {name for name, number in numbers.items() if number in addresses}


# Hashes


@lru_cache(maxsize=4096)
def has_own_hash(type_: Any) -> bool:
    """Return whether a class of Python has a `__hash__` that its author has written."""
    for base in type_.__mro__:
        method = vars(base).get("__hash__")
        if method is not None:
            # dataclasses and attrs compile the text of the methods that they write.
            return (
                type(method) is FunctionType
                and not is_generated(method)
                and method.__code__.co_filename[:1] != "<"
            )
    return False


def remembered_hashes(value: object) -> dict[str, bool]:
    """Return the private attributes in which an object remembers its `hash()`.

    They are left out together, if a copy in which all are absent, or all are `None`,
    has the same hash. So an int that a `__hash__` returns is none of them. The flag
    says whether the copy needs `None`.

    Examples:
        | attributes | `__hash__` | remembered |
        |---|---|---|
        | `name`, `_hash`, None or a number | returns `_hash`, once it is set | `_hash` |
        | `id`, `_hash` | the same, of `id` | `_hash`, although both are one number |
        | `_id` | `return self._id` | nothing |
    """
    clone = bare_copy(value, all_attributes(value))
    if clone is None:
        return {}
    number = _hash_of(clone)
    if number is None:
        return {}
    names = [
        name
        for name, part in all_attributes(clone).items()
        if type(part) is int and part == number and is_private(name)
    ]
    if not names:
        return {}
    for needs_none in (False, True):
        kept = all_attributes(value)
        for name in names:
            kept.pop(name, None)
        if needs_none:
            kept |= dict.fromkeys(names)
        if _hash_of(bare_copy(value, kept)) == number:
            return dict.fromkeys(names, needs_none)
    return {}


def made_hashes(value: object) -> set[str]:
    """Return the private attributes that hold the `hash()` which another method took.

    A copy in another process would have a wrong one, and nothing takes it anew.
    """
    kind: Any = type(value)
    if not has_own_hash(kind):
        return set()
    number = _hash_of(value)
    names = {
        name
        for name, part in all_attributes(value).items()
        if type(part) is int and part == number and is_private(name)
    }
    if not names or remembered_hashes(value):
        return set()
    is_taken = any(
        "hash" in method.__code__.co_names
        for base in kind.__mro__
        for name, method in vars(base).items()
        if type(method) is FunctionType and name != "__hash__"
    )
    return names if is_taken else set()


def _hash_of(value: object) -> int | None:
    if value is None:
        return None
    try:
        return hash(value)
    except Exception:  # a `__hash__` may raise anything, for one without its attributes
        return None


def bare_copy(value: Any, attributes: Mapping[str, Any]) -> Any:
    """Return an object of the same class and content with these attributes.

    Nothing of its class runs. None: its class derives from one in C that is not known,
    or has no place for an attribute.
    """
    try:
        return _made_bare(value, attributes)
    except (AttributeError, TypeError):  # one in C may refuse to be made bare
        return None


def _made_bare(value: Any, attributes: Mapping[str, Any]) -> Any:
    kind: Any = type(value)
    base: Any = next(base for base in kind.__mro__ if not base.__flags__ & HEAP_TYPE)
    made: Any
    if base is object:
        made = object.__new__(kind)
    elif base in (tuple, frozenset, str, bytes, int, float):
        made = base.__new__(kind, _plain(base, value))
    elif base in (list, set, dict):
        made = base.__new__(kind)
        fill: Any = getattr(base, "extend" if base is list else "update")
        fill(made, _plain(base, value))
    else:
        return None
    set_attributes(made, attributes)
    return made


def _plain(base: Any, value: Any) -> Any:
    if base is dict:
        return dict(dict.items(value))
    if base in (list, tuple, set, frozenset):
        return base(base.__iter__(value))
    if base is str:
        return str.__str__(value)
    if base is bytes:
        return bytes.__getitem__(value, slice(None))
    return base.__pos__(value)


def forgotten(state: Any, names: dict[str, bool]) -> Any:
    """Return a state, attributes or both attributes and slots, without remembered hashes.

    Those whose flag is set become `None`.
    """
    if type(state) is tuple:
        return tuple(forgotten(part, names) for part in state)
    if type(state) is not dict:
        return state
    kept = {name: part for name, part in state.items() if names.get(name) is not False}
    return {name: None if names.get(name) else part for name, part in kept.items()}


# What a call may turn into one another without a change


def without_empty(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes without private ones that are `None` or an empty container.

    A call that only reads fills some of them with an empty container.
    """
    return {
        name: part
        for name, part in state.items()
        if not (is_private(name) and is_empty(part))
    }


def is_empty(part: object) -> bool:
    if part is None:
        return True
    containers: tuple[Any, ...] = (list, dict, tuple, set, frozenset)
    base = next((base for base in containers if isinstance(part, base)), None)
    return base is not None and not base.__len__(part)
