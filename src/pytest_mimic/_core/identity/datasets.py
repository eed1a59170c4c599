"""xarray: datasets and arrays count by values, names, attributes and encodings.

What they cache does not count.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.types.libraries import Rule

# Where a variable was read from, and how it lay there: not how it will be written.
_OF_THE_FILE = frozenset({"original_shape", "preferred_chunks", "source"})


def _variable(variable: Any, _layout: bool) -> object:
    """Reduce a variable.

    Data of another library counts by the rule of that library.
    """
    data = variable._data
    is_array = type(data).__module__.partition(".")[0] in ("numpy", "xarray")
    values = variable.values if is_array else data
    return variable.dims, values, dict(variable.attrs), _encoding(variable)


def _encoding(value: Any) -> dict[str, Any]:
    return {
        name: part for name, part in value.encoding.items() if name not in _OF_THE_FILE
    }


def _array(array: Any, _layout: bool) -> object:
    return array.name, array.variable, dict(array._coords), _indexes(array)


def _dataset(dataset: Any, _layout: bool) -> object:
    return (
        dict(dataset._variables),
        set(dataset._coord_names),
        dict(dataset.sizes),
        dict(dataset.attrs),
        _encoding(dataset),
        _indexes(dataset),
    )


def _indexes(value: Any) -> dict[Any, str]:
    """Return the kind of index of each indexed coordinate, whose values it has."""
    return {name: type(index).__name__ for name, index in value.xindexes.items()}


def _tree(tree: Any, _layout: bool) -> object:
    return tree.name, tree.to_dataset(inherit=False), dict(tree.children)


RULES: dict[tuple[str, str], Rule] = {
    ("xarray", "Variable"): Rule(_variable),
    ("xarray", "DataArray"): Rule(_array),
    ("xarray", "Dataset"): Rule(_dataset),
    ("xarray", "DataTree"): Rule(_tree),
}
