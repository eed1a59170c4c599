"""Objects of libraries whose pickle leaves out a part, or differs by process: messages, molecules, compiled functions."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.types.libraries import Rule


def _message(message: Any, _layout: bool) -> object:
    """Reduce a message of protobuf to its type and its bytes, with the keys of maps sorted."""
    written = message.SerializePartialToString(deterministic=True)
    return message.DESCRIPTOR.full_name, written


def _compiled(function: Any, _layout: bool) -> object:
    """Reduce a function that numba compiles to the Python function and its options."""
    return function.py_func, dict(getattr(function, "targetoptions", {}))


def _vectorized(function: Any, _layout: bool) -> object:
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
    properties = {
        place: found
        for place, part in enumerate(parts)
        if (found := _properties(part, layout))
    }
    return written, _properties(molecule, layout), properties


def _properties(part: Any, layout: bool) -> dict[str, Any]:
    read = getattr(part, "GetPropsAsDict", None)
    if read is None:
        return {}
    found = _plain(read(True, layout))
    if not layout:
        computed = _plain(read(True, True))
        found |= {name: computed[name] for name in _COMPUTED if name in computed}
    return found


def _plain(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties with lists in place of vectors in C."""
    plain = (str, int, float, bool)
    return {
        name: part if isinstance(part, plain) else list(part)
        for name, part in properties.items()
        # What rdkit keeps for itself has two underscores.
        if name[:2] != "__"
    }


# pendulum


def _moment(moment: Any, _layout: bool) -> object:
    """Reduce a moment to what pendulum pickles, and its offset.

    The pickle leaves out `fold`, which tells the two hours apart that have one name when
    the clock is put back.
    """
    return moment.__reduce_ex__(4)[1], moment.utcoffset()


# awkward


def _awkward(array: Any, _layout: bool) -> object:
    """Reduce an array to what awkward pickles: reading it makes empty attributes."""
    _, arguments, *_ = array.__reduce_ex__(2)
    return tuple(None if part == {} else part for part in arguments[-2:]), arguments[
        :-2
    ]


RULES: dict[tuple[str, str], Rule] = {
    ("awkward", "Array"): Rule(_awkward, is_full=True),
    ("awkward", "Record"): Rule(_awkward, is_full=True),
    ("google", "Message"): Rule(_message, is_full=True),
    ("numba", "Dispatcher"): Rule(_compiled),
    ("numba", "DUFunc"): Rule(_vectorized),
    ("pendulum", "DateTime"): Rule(_moment, is_full=True),
    ("rdkit", "Mol"): Rule(_molecule),
}
