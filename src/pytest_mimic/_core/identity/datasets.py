"""xarray: datasets and arrays count by values, names, attributes and encodings.

What they cache does not count. Each function `_reduce_…` is the rule of identity of one
class in `RULES`. It takes an object apart into values, which are hashed in their turn:

| object | values |
|---|---|
| `Variable` | the names of its dimensions, its data, attributes and encoding |
| `DataArray` | its name, its variable, its coordinates, and the kinds of its indexes |
| `Dataset` | its variables, coordinates, sizes, attributes, encoding and index kinds |
| `DataTree` | the name of a node, its dataset, and the nodes below it |
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.types.libraries import Rule

# The names in an encoding that say from where a variable was read, and how it lay
# there. They have no effect on how the variable will be written.
_FACTS_OF_THE_FILE = frozenset({"original_shape", "preferred_chunks", "source"})


def _reduce_variable(variable: Any, _is_outcome: bool) -> object:
    """Reduce a variable: one array with names for its dimensions.

    Data of another library, such as dask's, counts by the rule of that library.
    """
    data = variable._data
    library, _, _ = type(data).__module__.partition(".")
    if library in ("numpy", "xarray"):
        # xarray's own classes stand for an array that lies in a file: this reads it.
        data = variable.values
    dimensions = variable.dims
    attributes = dict(variable.attrs)
    return dimensions, data, attributes, _encoding_of_writing(variable)


def _encoding_of_writing(variable_or_dataset: Any) -> dict[str, Any]:
    """Return how a variable or dataset will be written, `{"dtype": "int16"}`."""
    encoding = dict(variable_or_dataset.encoding)
    for name in _FACTS_OF_THE_FILE:
        encoding.pop(name, None)
    return encoding


def _reduce_data_array(array: Any, _is_outcome: bool) -> object:
    """Reduce a data array: a variable with coordinates and a name."""
    coordinates = dict(array._coords)
    return array.name, array.variable, coordinates, _index_kinds(array)


def _reduce_dataset(dataset: Any, _is_outcome: bool) -> object:
    """Reduce a dataset: variables that share their dimensions."""
    variables = dict(dataset._variables)
    names_of_coordinates = set(dataset._coord_names)
    # The length of each dimension: `{"time": 12}`.
    sizes = dict(dataset.sizes)
    attributes = dict(dataset.attrs)
    return (
        variables,
        names_of_coordinates,
        sizes,
        attributes,
        _encoding_of_writing(dataset),
        _index_kinds(dataset),
    )


def _index_kinds(array_or_dataset: Any) -> dict[Any, str]:
    """Return the kind of the index of each indexed coordinate.

    `{"time": "PandasIndex"}`. The values in an index are those of its coordinate, which
    count there.
    """
    return {
        name: type(index).__name__ for name, index in array_or_dataset.xindexes.items()
    }


def _reduce_data_tree(tree: Any, _is_outcome: bool) -> object:
    """Reduce a node of a tree to its name, its own dataset, and the nodes below it."""
    # Without the coordinates that the node inherits from the nodes above it.
    dataset = tree.to_dataset(inherit=False)
    return tree.name, dataset, dict(tree.children)


RULES: dict[tuple[str, str], Rule] = {
    ("xarray", "Variable"): Rule(_reduce_variable),
    ("xarray", "DataArray"): Rule(_reduce_data_array),
    ("xarray", "Dataset"): Rule(_reduce_dataset),
    ("xarray", "DataTree"): Rule(_reduce_data_tree),
}
