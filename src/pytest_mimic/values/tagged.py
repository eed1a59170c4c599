"""The node of a value of a library, under a name that its next version has, too."""

from __future__ import annotations

from pytest_mimic.values.rows import Opener
from pytest_mimic.values.state import attributes_of, kind_of, library_of
from pytest_mimic.values.tree import Tree

_OTHER_NAMES = {
    "numpy:bool": "numpy:bool_",  # As numpy 1 has it.
    "pandas:CategoricalIndex": "pandas:Index",
    "pandas:RangeIndex": "pandas:Index",
    "pandas:DatetimeIndex": "pandas:Index",
    "pandas:TimedeltaIndex": "pandas:Index",
    "pandas:NaTType": "pandas:NaT",
    "pandas:NAType": "pandas:NA",
    "torch:Parameter": "torch:Tensor",
}


def known_name(cls: type) -> str:
    """Give the name under which a rule knows a class: `numpy:float32`."""
    # The modules inside of a library are other ones in its next version.
    name = f"{library_of(cls)}:{cls.__qualname__}"
    return _OTHER_NAMES.get(name, name)


def tagged(
    value: object, content: Tree, walk: Opener, **beside: Tree
) -> dict[str, Tree]:
    """Give the node of a value, with the attributes that were set on it beside."""
    kind = kind_of(type(value))
    name = known_name(kind.cls) if kind.has_caches else kind.name
    node = {f"${name}": content, **beside}
    library = library_of(kind.decider)
    # Those of a library's own classes are caches.
    is_own = library in ("numpy", "torch") and not kind.has_caches
    # What copies and pickles of a subclass keep: geopandas names its column there.
    kept = getattr(value, "_metadata", ()) if library == "pandas" else ()
    added = {
        name: walk.node(part)
        for name, part in kind.without_notes(attributes_of(value, kind.slots)).items()
        if is_own or not name.startswith("_") or (name in kept and name != "_name")
    }
    if added:
        node["attributes"] = walk.of_pickle(added)
    return node
