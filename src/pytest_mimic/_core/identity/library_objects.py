"""Rules for objects of libraries whose pickle leaves out a part, or differs by process.

These are messages of protobuf, molecules of rdkit, moments of pendulum, arrays of
awkward, and functions that numba compiles.

Each function here is the rule of one class in `RULES`: it returns plain data that
stands for an argument in the identity of a call, or for an outcome when two are
compared. `layout` is true for an outcome, of which more counts.
"""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.types.libraries import Rule


def _message(message: Any, _layout: bool) -> object:
    """Reduce a message of protobuf to its type and its bytes.

    The keys of its maps are sorted.
    """
    written = message.SerializePartialToString(deterministic=True)
    return message.DESCRIPTOR.full_name, written


def _compiled(function: Any, _layout: bool) -> object:
    """Reduce a function that numba compiles to the Python function and its options."""
    return function.py_func, dict(getattr(function, "targetoptions", {}))


def _vectorized(function: Any, _layout: bool) -> object:
    """Reduce a function that numba calls on each item to the Python function."""
    return function._dispatcher.py_func


# rdkit

# The charges of atoms are computed, but not by a call that only reads a molecule.
_COMPUTED = ("_GasteigerCharge", "_GasteigerHCharge")


def _molecule(molecule: Any, layout: bool) -> object:
    """Reduce a molecule to its bytes and the properties of it, its atoms and its bonds.

    rdkit computes some properties when a molecule is used: they count in an outcome.
    """
    options: Any = sys.modules["rdkit.Chem.rdchem"].PropertyPickleOptions
    written = molecule.ToBinary(int(options.NoProps))
    parts = [*molecule.GetAtoms(), *molecule.GetBonds(), *molecule.GetConformers()]
    properties_by_place = {}
    for place, part in enumerate(parts):
        properties = _properties(part, layout)
        if properties:
            properties_by_place[place] = properties
    return written, _properties(molecule, layout), properties_by_place


def _properties(part: Any, layout: bool) -> dict[str, Any]:
    """Return the properties of a molecule, an atom, a bond or a conformer."""
    read = getattr(part, "GetPropsAsDict", None)
    if read is None:
        return {}
    includes_private = True
    properties = _plain(read(includes_private, layout))
    if not layout:
        computed = _plain(read(includes_private, True))
        for name in _COMPUTED:
            if name in computed:
                properties[name] = computed[name]
    return properties


def _plain(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties with lists in place of vectors in C."""
    plain_properties = {}
    for name, part in properties.items():
        # rdkit keeps the names of the computed properties under such a name.
        if name.startswith("__"):
            continue
        if not isinstance(part, (str, int, float, bool)):
            part = list(part)
        plain_properties[name] = part
    return plain_properties


# pendulum


def _moment(moment: Any, _layout: bool) -> object:
    """Reduce a moment to what pendulum pickles, and its offset.

    The pickle leaves out `fold`, which tells the two hours apart that have one name
    when the clock is put back.
    """
    return moment.__reduce_ex__(4)[1], moment.utcoffset()


# awkward


def _awkward(array: Any, _layout: bool) -> object:
    """Reduce an array to what awkward pickles.

    An empty behavior, or empty attributes, count as none: to read an array makes them.
    """
    _, arguments, *_ = array.__reduce_ex__(2)
    *data, behavior, attributes = arguments
    if behavior == {}:
        behavior = None
    if attributes == {}:
        attributes = None
    return (behavior, attributes), tuple(data)


RULES: dict[tuple[str, str], Rule] = {
    ("awkward", "Array"): Rule(_awkward, is_full=True),
    ("awkward", "Record"): Rule(_awkward, is_full=True),
    ("google", "Message"): Rule(_message, is_full=True),
    ("numba", "Dispatcher"): Rule(_compiled),
    ("numba", "DUFunc"): Rule(_vectorized),
    ("pendulum", "DateTime"): Rule(_moment, is_full=True),
    ("rdkit", "Mol"): Rule(_molecule),
}
