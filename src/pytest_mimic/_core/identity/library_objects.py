"""Rules for objects of libraries whose pickle leaves out a part, or differs by process.

The objects are messages of protobuf, molecules of rdkit, moments of pendulum, arrays of
awkward, trees of scikit-learn, and functions that numba compiles.

Each function `_reduce_…` is the rule of one class in `RULES`: it returns plain data
that stands for an argument in the identity of a call, or for an outcome when two are
compared. With `is_outcome`, the value is an outcome, of which more counts. A change of
a rule for arguments makes the recordings of such calls misses.
"""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.types.libraries import Rule


def _reduce_message(message: Any, _is_outcome: bool) -> object:
    """Reduce a message of protobuf to its type and its bytes.

    In the bytes, the keys of its maps are sorted.
    """
    message_bytes = message.SerializePartialToString(deterministic=True)
    return message.DESCRIPTOR.full_name, message_bytes


def _reduce_compiled_function(function: Any, _is_outcome: bool) -> object:
    """Reduce a function that numba compiles to the Python function and its options."""
    return function.py_func, dict(getattr(function, "targetoptions", {}))


def _reduce_vectorized_function(function: Any, _is_outcome: bool) -> object:
    """Reduce a function that numba calls on each item to the Python function."""
    return function._dispatcher.py_func


# rdkit

# The charges of atoms are computed, too. But no call that only reads a molecule
# computes them, so they count.
_COMPUTED_CHARGES_OF_ATOMS = ("_GasteigerCharge", "_GasteigerHCharge")


def _reduce_molecule(molecule: Any, is_outcome: bool) -> object:
    """Reduce a molecule to its bytes and the properties of it, its atoms and its bonds.

    rdkit computes some properties when a molecule is used: they count in an outcome.
    """
    options: Any = sys.modules["rdkit.Chem.rdchem"].PropertyPickleOptions
    molecule_bytes = molecule.ToBinary(int(options.NoProps))
    parts = [*molecule.GetAtoms(), *molecule.GetBonds(), *molecule.GetConformers()]
    properties_by_place = {}
    for place, part in enumerate(parts):
        properties = _rdkit_properties(part, is_outcome)
        if properties:
            properties_by_place[place] = properties
    return (
        molecule_bytes,
        _rdkit_properties(molecule, is_outcome),
        properties_by_place,
    )


def _rdkit_properties(part: Any, is_outcome: bool) -> dict[str, Any]:
    """Return the properties of a molecule, an atom, a bond or a conformer."""
    read_properties = getattr(part, "GetPropsAsDict", None)
    if read_properties is None:
        return {}
    includes_private = True
    properties = _without_vectors(read_properties(includes_private, is_outcome))
    if not is_outcome:
        # A call that only reads a molecule computes no charges, so these count.
        computed_properties = _without_vectors(read_properties(includes_private, True))
        for name in _COMPUTED_CHARGES_OF_ATOMS:
            if name in computed_properties:
                properties[name] = computed_properties[name]
    return properties


def _without_vectors(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties with lists in place of rdkit's vectors in C++."""
    plain_properties = {}
    for name, part in properties.items():
        # rdkit keeps the names of the computed properties as `__computedProps`.
        if name.startswith("__"):
            continue
        if not isinstance(part, (str, int, float, bool)):
            part = list(part)
        plain_properties[name] = part
    return plain_properties


# pendulum


def _reduce_pendulum_moment(moment: Any, _is_outcome: bool) -> object:
    """Reduce a moment to what pendulum pickles, and its offset from UTC.

    The pickle leaves out `fold`, which tells the two hours apart that have one name
    when the clock is put back.
    """
    return moment.__reduce_ex__(4)[1], moment.utcoffset()


# awkward


def _reduce_awkward_array(array: Any, _is_outcome: bool) -> object:
    """Reduce an array to what awkward pickles.

    An empty behavior, or empty attributes, count as none: a call that only reads an
    array makes them.
    """
    _, arguments, *_ = array.__reduce_ex__(2)
    *data, behavior, attributes = arguments
    if behavior == {}:
        behavior = None
    if attributes == {}:
        attributes = None
    return (behavior, attributes), tuple(data)


# scikit-learn


def _reduce_kd_tree(tree: Any, _is_outcome: bool) -> object:
    """Reduce a `KDTree`, which measures no distance when it is made."""
    return _tree_before_queries(tree, measured_when_made=0)


def _reduce_ball_tree(tree: Any, _is_outcome: bool) -> object:
    """Reduce a `BallTree`, which measures each point for each of its levels."""
    _, _, (points, _, _, _, _, levels, *_) = tree.__reduce_ex__(4)
    return _tree_before_queries(tree, measured_when_made=len(points) * levels)


def _tree_before_queries(tree: Any, *, measured_when_made: int) -> object:
    """Reduce a tree to what it pickled before its first query.

    A query counts in the tree what it has looked at.
    """
    make, arguments, state = tree.__reduce_ex__(4)
    # Behind four arrays, the size of a leaf, and the numbers of levels and nodes.
    counts = (*tree.get_tree_stats(), tree.get_n_calls())
    if state[7:11] == counts:
        state = (*state[:7], 0, 0, 0, measured_when_made, *state[11:])
    return make, arguments, state, None, None


RULES: dict[tuple[str, str], Rule] = {
    ("awkward", "Array"): Rule(_reduce_awkward_array, tag_names_module=True),
    ("awkward", "Record"): Rule(_reduce_awkward_array, tag_names_module=True),
    ("google", "Message"): Rule(_reduce_message, tag_names_module=True),
    ("numba", "Dispatcher"): Rule(_reduce_compiled_function),
    ("numba", "DUFunc"): Rule(_reduce_vectorized_function),
    ("pendulum", "DateTime"): Rule(_reduce_pendulum_moment, tag_names_module=True),
    ("rdkit", "Mol"): Rule(_reduce_molecule),
    ("sklearn", "BallTree32"): Rule(_reduce_ball_tree, tag_names_module=True),
    ("sklearn", "BallTree64"): Rule(_reduce_ball_tree, tag_names_module=True),
    ("sklearn", "KDTree32"): Rule(_reduce_kd_tree, tag_names_module=True),
    ("sklearn", "KDTree64"): Rule(_reduce_kd_tree, tag_names_module=True),
}
