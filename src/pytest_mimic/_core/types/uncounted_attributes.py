"""The attributes that do not count, neither in identities nor where outcomes compare.

An object may remember its own `hash()`, the `id()` of a part, or what a library has
computed. Some private attributes count only if they are not empty. Another room,
`attributes_and_parts.py`, reads the attributes; this one says which to leave out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pytest_mimic._core.types.attributes_and_parts import all_attributes
from pytest_mimic._core.types.reductions import Reduce
from pytest_mimic._core.types.remembered_hashes import (
    bare_copy,
    has_handwritten_hash,
    is_private,
    remembered_hashes,
)
from pytest_mimic._core.types.type_names import lineage

#: Attributes that only remember what was read of an object, by the full name of the
#: class that has them. Whether they are empty, filled or absent says nothing about the
#: object. Each has a test in `test_uncounted_attributes.py`, or in
#: `scripts/library_values.py`.
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
    # The graphs of other libraries, to which backends have converted the graph.
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
    # The data of the locale, which its identifier names.
    "babel.core.Locale": ("_Locale__data",),
    # Results that are computed from the fitted parameters and the data on demand.
    "statsmodels.base.model.Results": (
        "_cache",
        "_nobs_int",
        "_summary_cache",
        "diagn",
    ),
    "statsmodels.base.data.ModelData": ("_cache",),
}

#: The same table for objects that keep all of their bookkeeping in one dict: the keys
#: of that dict which only remember something, by the attribute that holds the dict.
CACHES_IN_DICTS: dict[str, dict[str, tuple[str, ...]]] = {
    # Whether the Box is being made or unpickled, and its keys as attributes.
    "box.box.Box": {"_box_config": ("__created", "__safe_keys", "__unpickling")},
    "box.box_list.BoxList": {"_box_options": ("__created", "__unpickling")},
}

#: Attributes that hold what a property has derived, unless a user has set them, and the
#: property. Such an attribute does not count if an object without it gives the same
#: value by the property.
DERIVED: dict[str, dict[str, str]] = {
    # The encoding, which is guessed from the bytes when a header is first read.
    "httpx.Headers": {"_encoding": "encoding"},
    "httpx2.Headers": {"_encoding": "encoding"},
}


#: The classes of pandas whose objects keep what their properties in C derive in an
#: attribute `_cache`, by the properties that copy data of the object. If these give the
#: same again, `_cache` does not count: all else in it is derived from them.
PANDAS_CACHES: dict[str, tuple[str, ...]] = {
    # What `df.groupby(…)`, `df.resample(…)` and `df.rolling(…)` return.
    "pandas.core.groupby.groupby.BaseGroupBy": (
        "_selected_obj",
        "_obj_with_exclusions",
    ),
    "pandas.core.window.rolling.BaseWindow": ("_selected_obj", "_obj_with_exclusions"),
    # The groups of such an object, and one key of them.
    "pandas.core.groupby.ops.BaseGrouper": (),
    "pandas.core.groupby.grouper.Grouping": ("_codes_and_uniques",),
}


#: Attributes that hold data. A call that only reads gives them an empty container, so
#: `None`, empty and absent are the same.
FILLED_LATER: dict[str, tuple[str, ...]] = {
    # The annotations of each letter: a slice of the record asks for them.
    "Bio.SeqRecord.SeqRecord": ("_per_letter_annotations",),
    # The children of a leaf: a walk over the tree asks for them.
    "anytree.node.nodemixin.NodeMixin": ("_NodeMixin__children",),
}


@lru_cache(maxsize=4096)
def filled_later(type_: Any) -> frozenset[str]:
    """Return the attributes in which `None`, empty and absent are the same."""
    names: set[str] = set()
    for name in lineage(type_):
        names.update(FILLED_LATER.get(name, ()))
    return frozenset(names)


@lru_cache(maxsize=4096)
def caches_of(type_: Any) -> frozenset[str]:
    """Return the attributes of a type that the table of caches names.

    They do not count in identities, and a pickle may lose them.
    """
    names: set[str] = set()
    for name in lineage(type_):
        names.update(CACHES.get(name, ()))
    return frozenset(names)


def reading_lasting(read: Reduce, type_: Any) -> Reduce:
    """Return a reader of attributes that leaves out those which do not count.

    Args:
        read: Returns the attributes of an object of the type by name.
        type_: The type.
    """
    listed_names = (
        *caches_of(type_),
        *filled_later(type_),
        *_caches_in_dicts(type_),
        *_deriving_properties(type_),
        *_classes_with_pandas_cache(type_),
    )
    # Whether a type may remember something under any name.
    needs_look = bool(listed_names) or has_handwritten_hash(type_)
    # Whether a private name is among the names of attributes, by all these names: most
    # objects of a type have the same ones.
    has_private_by_names: dict[tuple[str, ...], bool] = {}

    def read_lasting(value: Any) -> Any:
        attributes: Any = read(value)
        names = tuple(attributes)
        has_private = has_private_by_names.get(names)
        if has_private is None:
            has_private = any(map(is_private, names))
            has_private_by_names[names] = has_private
        if has_private or needs_look:
            return without_remembered(value, attributes)
        # Nothing that the object has can be a memory of something.
        return attributes

    return read_lasting


def without_remembered(value: object, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that count, without those that only remember something.

    Identities ask it of each object that may have such attributes. `attributes` are
    those of the value, by name. The same mapping is returned if none is left out.
    """
    type_: Any = type(value)
    left_out = {name for name in caches_of(type_) if name in attributes}
    for name in filled_later(type_):
        if name in attributes and is_none_or_empty(attributes[name]):
            left_out.add(name)
    left_out |= remembered_ids(value, attributes)
    left_out |= _derived_attributes(value, attributes)
    if _classes_with_pandas_cache(type_) and _is_pandas_cache_derived(
        value, attributes
    ):
        left_out.add("_cache")
    for name, keys in _caches_in_dicts(type_).items():
        attribute = attributes.get(name)
        if type(attribute) is dict and not attribute.keys().isdisjoint(keys):
            # The object itself keeps its dict as it is.
            lasting_items = {
                key: item for key, item in attribute.items() if key not in keys
            }
            attributes = {**attributes, name: lasting_items}
    if has_handwritten_hash(type_):
        left_out |= remembered_hashes(value).keys()
    if left_out.isdisjoint(attributes):
        # No caller changes the attributes.
        return attributes  # type: ignore[return-value]
    return {
        name: attribute
        for name, attribute in attributes.items()
        if name not in left_out
    }


@lru_cache(maxsize=4096)
def _caches_in_dicts(type_: Any) -> dict[str, tuple[str, ...]]:
    """Return the keys, by attribute, that only remember something."""
    keys: dict[str, tuple[str, ...]] = {}
    for name in lineage(type_):
        keys.update(CACHES_IN_DICTS.get(name, {}))
    return keys


@lru_cache(maxsize=4096)
def _deriving_properties(type_: Any) -> dict[str, str]:
    """Return the properties of a type that fill an attribute, by the attribute."""
    properties: dict[str, str] = {}
    for name in lineage(type_):
        properties.update(DERIVED.get(name, {}))
    return properties


def _derived_attributes(value: object, attributes: Mapping[str, Any]) -> set[str]:
    """Return the attributes of `DERIVED` that do not count for this value.

    They hold None, or what their property gives again for an object without them. A
    value that a user has set counts, as the property gives another one.
    """
    names = set()
    # To mypy, `type[object]` is no key of a cache.
    type_: Any = type(value)
    for name, property_name in _deriving_properties(type_).items():
        if attributes.get(name) is None:
            # The property was not asked yet.
            names.add(name)
            continue
        copy_without = bare_copy(value, {**all_attributes(value), name: None})
        if getattr(copy_without, property_name, None) == attributes[name]:
            names.add(name)
    return names


@lru_cache(maxsize=4096)
def _classes_with_pandas_cache(type_: Any) -> list[str]:
    """Return the classes of `PANDAS_CACHES` that a type derives from."""
    return [name for name in lineage(type_) if name in PANDAS_CACHES]


def _is_pandas_cache_derived(value: object, attributes: Mapping[str, Any]) -> bool:
    """Return whether an object of pandas gives what its `_cache` holds without it, too.

    It does not if the frame behind it has been changed since.
    """
    cache = attributes.get("_cache")
    if type(cache) is not dict:
        return False
    attributes_without_cache = all_attributes(value)
    del attributes_without_cache["_cache"]
    copy_without_cache = bare_copy(value, attributes_without_cache)
    if copy_without_cache is None:
        return False
    type_: Any = type(value)
    for class_name in _classes_with_pandas_cache(type_):
        for name in PANDAS_CACHES[class_name]:
            if name not in cache:
                continue
            try:
                derived_anew = getattr(copy_without_cache, name)
            except KeyError:
                # The frame has lost a column since.
                return False
            if not _is_same_data(cache[name], derived_anew):
                return False
    return True


def _is_same_data(one: Any, other: Any) -> bool:
    """Return whether two frames, columns, arrays, or tuples of them have equal data."""
    if type(one) is not type(other):
        return False
    if type(one) is tuple:
        return all(map(_is_same_data, one, other))
    if not hasattr(one, "equals"):
        index: Any = sys.modules["pandas"].Index
        one, other = index(one), index(other)
    return bool(one.equals(other))


def remembered_ids(value: object, attributes: Mapping[str, Any]) -> set[str]:
    """Return the private attributes that are the `id()` of the object or of a part.

    Such a number is another one in each process.
    """
    private_numbers = {}
    for name, attribute in attributes.items():
        if type(attribute) is int and is_private(name):
            private_numbers[name] = attribute
    if not private_numbers:
        return set()
    addresses = {id(value), *map(id, attributes.values())}
    for attribute in attributes.values():
        if type(attribute) in (list, tuple):
            addresses.update(map(id, attribute))
        elif type(attribute) is dict:
            addresses.update(map(id, attribute.values()))
    # A small number that is equal to no address is data, such as a count.
    return {name for name, number in private_numbers.items() if number in addresses}


# An attribute that reading fills: a call that only reads an object may put an empty
# container in place of None, or where nothing was. So these count as equal.

_CONTAINERS: tuple[Any, ...] = (list, dict, tuple, set, frozenset)


def without_empty_private(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes without private ones that are `None` or an empty container.

    An argument is compared so before and after a call, to see whether the call has
    changed it.
    """
    counted_attributes = {}
    for name, attribute in attributes.items():
        is_filled_by_reading = is_private(name) and is_none_or_empty(attribute)
        if not is_filled_by_reading:
            counted_attributes[name] = attribute
    return counted_attributes


def is_none_or_empty(attribute: object) -> bool:
    """Return whether an attribute's value is `None` or an empty container.

    No code of its class runs.
    """
    if attribute is None:
        return True
    for container in _CONTAINERS:
        # `isinstance` would believe a proxy or a mock, which may give another class as
        # its `__class__`. `len()` would run the `__len__` of a class of a user.
        if issubclass(type(attribute), container):
            length: int = container.__len__(attribute)
            return length == 0
    return False
