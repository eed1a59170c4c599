"""xarray: datasets and arrays count by values, names, attributes and encodings.

What they cache does not count. Each function here is the rule of one class in `RULES`:
it takes an object apart into values, which are hashed in their turn.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.types.libraries import Rule

# Where a variable was read from, and how it lay there: not how it will be written.
_OF_THE_FILE = frozenset({"original_shape", "preferred_chunks", "source"})


def _variable(variable: Any, _layout: bool) -> object:
    """Reduce a variable: one array with names for its dimensions.

    Data of another library, such as dask's, counts by the rule of that library.
    """
    values = variable._data
    library, _, _ = type(values).__module__.partition(".")
    if library in ("numpy", "xarray"):
        # This reads an array that lies in a file.
        values = variable.values
    return variable.dims, values, dict(variable.attrs), _encoding(variable)


def _encoding(value: Any) -> dict[str, Any]:
    """Return how a variable or dataset will be written, `{"dtype": "int16"}`."""
    encoding = dict(value.encoding)
    for name in _OF_THE_FILE:
        encoding.pop(name, None)
    return encoding


def _array(array: Any, _layout: bool) -> object:
    """Reduce a variable with coordinates and a name."""
    return array.name, array.variable, dict(array._coords), _indexes(array)


def _dataset(dataset: Any, _layout: bool) -> object:
    """Reduce variables that share their dimensions."""
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
    """Reduce a node of a tree to its own dataset and the nodes below it."""
    return tree.name, tree.to_dataset(inherit=False), dict(tree.children)


RULES: dict[tuple[str, str], Rule] = {
    ("xarray", "Variable"): Rule(_variable),
    ("xarray", "DataArray"): Rule(_array),
    ("xarray", "Dataset"): Rule(_dataset),
    ("xarray", "DataTree"): Rule(_tree),
}
