"""The attributes that an object would lose in a pickle: such an object is refused.

Objects of a class that decides by a method how it is pickled, such as `__reduce__`, are
compared with the copy that their pickle gives. Libraries whose pickle is known to lose
a part stand in the table of `lossy`.
"""

from __future__ import annotations

import copy
import copyreg
import sys
from collections.abc import Collection
from contextlib import suppress
from types import FunctionType
from typing import Any

from pytest_mimic._core.identity.call_identity import fingerprint_outcome
from pytest_mimic._core.outcome.lossy import known_losses
from pytest_mimic._core.outcome.outcome import LostAttributeError
from pytest_mimic._core.types.added_attributes import (
    added_attributes,
    attributes_of_others,
)
from pytest_mimic._core.types.attributes_and_parts import all_attributes
from pytest_mimic._core.types.libraries import library_of
from pytest_mimic._core.types.reductions import PLAIN
from pytest_mimic._core.types.remembered_hashes import is_private
from pytest_mimic._core.types.stdlib_types import own_row
from pytest_mimic._core.types.type_names import name_of
from pytest_mimic._core.types.uncounted_attributes import caches_of

# A class with one of these methods decides itself what a pickle keeps of its objects.
# So an object of such a class is compared with what its pickle gives.
_METHODS_OF_PICKLING = frozenset(
    (
        "__getnewargs__",
        "__getnewargs_ex__",
        "__getstate__",
        "__reduce__",
        "__reduce_ex__",
        "__setstate__",
    )
)
# Most libraries leave attributes that they make anew out of their pickles, under any
# name. Those of numpy, pandas and polars are private, or known by their code.
_KNOWN_PACKAGES = ("numpy", "pandas", "polars")


def refuse_lost_attributes(instance: Any) -> None:
    """Refuse an object whose class decides how it is pickled, if a copy differs.

    The attributes of the copy are compared with those of the object. Attributes that a
    user or a class of another package has added count in any case. Attributes of the
    deciding class count if they are public, and the copy has them with another value.

    Raises:
        LostAttributeError: The copy lacks an attribute, has another value for one, or
            is of another class.
    """
    cls: Any = type(instance)
    deciding_class = _class_that_decides_pickles(cls)
    if deciding_class is object:
        _refuse_other_class(instance)
        return
    package = _package_of(deciding_class)
    is_of_same_package = package == _package_of(cls)
    if package in ("builtins", "pydantic") or cls in copyreg.dispatch_table:
        # Python and pydantic keep all attributes. A function of `copyreg` is the user's
        # or the library's word on the class.
        return
    attributes = all_attributes(instance, below=deciding_class)
    # The names of attributes that the copy must have with the same value. Of others it
    # is enough that they are there.
    compared_names: Collection[str] = attributes
    if is_of_same_package:
        # A handle, such as a stream, may well be another object in the copy.
        attributes = _public_plain(attributes)
        if package in _KNOWN_PACKAGES:
            attributes.update(added_attributes(instance, package))
        is_of_stdlib = package in sys.stdlib_module_names
        if not attributes and (not is_of_stdlib or _is_made_by_its_class(instance)):
            # There is nothing to lose, and the copy is of the same class.
            return
    else:
        compared_names = added_attributes(instance, package)
    copy_of_instance = _shallow_copy(instance)
    if copy_of_instance is None:
        # The pickle itself raises, or needs nothing but the name.
        return
    if copy_of_instance is instance and not is_of_same_package:
        # The package finds the object by its name. In another process its own code
        # has set its attributes as well, but nothing is known of the others.
        attributes = attributes_of_others(instance, package)
    # A copy that is the object itself, found by its name, has attributes of its own
    # process.
    attributes_of_copy: dict[str, Any] = {}
    if copy_of_instance is not instance and isinstance(
        copy_of_instance, deciding_class
    ):
        attributes_of_copy = all_attributes(copy_of_instance, below=deciding_class)
    lost_names = set()
    for name, part in attributes.items():
        if name not in attributes_of_copy:
            if not is_of_same_package or package in _KNOWN_PACKAGES:
                lost_names.add(name)
        elif name in compared_names and not is_kept(part, attributes_of_copy[name]):
            lost_names.add(name)
    # Attributes of these kinds may differ: caches of pandas, hashes, those that the run
    # reports, and other caches.
    lost_names.difference_update(getattr(cls, "_internal_names_set", ()))
    lost_names -= _attributes_with_kept_hash(instance, copy_of_instance, lost_names)
    lost_names.difference_update(known_losses(cls))
    lost_names -= caches_of(cls)
    if lost_names:
        loss = f"leaves out {', '.join(sorted(lost_names))}"
    elif _is_of_other_class(
        copy_of_instance, instance, is_of_same_package=is_of_same_package
    ):
        loss = f"makes a {type(copy_of_instance).__qualname__} of it"
    else:
        # The pickle keeps all that counts of the object.
        return
    name = name_of(deciding_class)
    raise LostAttributeError(f"{name} decides how it is pickled, and {loss}")


def _refuse_other_class(instance: Any) -> None:
    """Refuse an object if loading its pickle would make one of another class.

    Loading calls the `__new__` of the class without arguments. A `__new__` that chooses
    a class by its arguments may then choose another one. One that makes a class of the
    same name for each object, as that of `Mock`, does not choose.

    Raises:
        LostAttributeError: The copy is of another class.
    """
    cls: Any = type(instance)
    if not isinstance(cls.__new__, FunctionType):
        # No code of a user chooses the class.
        return
    copy_of_instance = _shallow_copy(instance)
    if copy_of_instance is None or name_of(type(copy_of_instance)) == name_of(cls):
        return
    if _is_of_other_class(copy_of_instance, instance, is_of_same_package=False):
        class_of_copy = type(copy_of_instance).__qualname__
        raise LostAttributeError(
            f"{name_of(cls)}.__new__ makes a {class_of_copy} of its pickle"
        )


def _is_of_other_class(
    copy_of_instance: object, instance: object, *, is_of_same_package: bool
) -> bool:
    """Return whether the copy of an object is of a class that it should not have.

    A proxy, which says that it is of another class, comes back as an object of that
    class. The author of a class may choose by its `__reduce__` what an object comes
    back as (`is_of_same_package`: the method is of the package of the class). That
    choice does not count for the standard library, whose objects users expect back as
    they were.
    """
    cls = type(instance)
    class_of_copy = type(copy_of_instance)
    if class_of_copy in (cls, instance.__class__):
        return False
    if not is_of_same_package:
        return True
    # The standard library may make classes of one name anew, with the same content.
    is_of_stdlib = _package_of(cls) in sys.stdlib_module_names
    return is_of_stdlib and class_of_copy.__name__ != cls.__name__


def _is_made_by_its_class(instance: Any) -> bool:
    """Return whether a pickle makes an object by its class, so that a copy has it, too.

    The pickle of a `date.isocalendar()` makes a plain tuple.
    """
    cls: Any = type(instance)
    if own_row(cls) is not None or library_of(cls) is not None:
        # Objects of these libraries are large, and their reductions would copy them.
        return True
    try:
        parts = instance.__reduce_ex__(4)
    except Exception:
        # Code of the class may raise anything. The pickle of the object raises it, too.
        return True
    match parts:
        case tuple((make, tuple(arguments), *_)):
            return make is cls or arguments[:1] == (cls,)
    # The reduction is a name, or has another shape than the documented one. In either
    # case, making the pickle tells what is wrong.
    return True


def _class_that_decides_pickles(cls: Any) -> Any:
    """Return the class or its first base that decides how objects are pickled.

    `object` decides if no class has a method for it.
    """
    for base in cls.__mro__:
        if not _METHODS_OF_PICKLING.isdisjoint(vars(base)):
            return base
    return object


def _package_of(cls: Any) -> str:
    """Return the package of a class: `pandas` of `pandas.core.frame`."""
    # The `__module__` of a class in C may be a descriptor.
    package, _, _ = str(cls.__module__).partition(".")
    return package


def _public_plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the public attributes that are plain values."""
    public_values = {}
    for name, part in attributes.items():
        if name[:1] != "_" and type(part) in PLAIN:
            public_values[name] = part
    return public_values


def _shallow_copy(instance: Any) -> Any:
    """Return the copy of an object that a pickle would make, with the same parts.

    None: the class raises, as it does when the object is pickled, or the object is
    pickled by its name.
    """
    try:
        parts = []
        for part in instance.__reduce_ex__(4):
            if type(part) is dict:
                # The class may keep the dict that it has returned, and change it.
                part = dict(part)
            parts.append(part)
        return copy._reconstruct(instance, None, *parts)  # type: ignore[attr-defined]
    except Exception:
        # Code of the class may raise anything.
        return None


def is_kept(part: object, part_of_copy: object) -> bool:
    """Return whether an attribute is not lost: whether the copy has the same value.

    The data of libraries may be long and is not read: the same type says enough.
    """
    if part is part_of_copy:
        return True
    if type(part) is not type(part_of_copy):
        return False
    if library_of(type(part)) is not None:
        return True
    # Methods of the value's own types may raise anything.
    with suppress(Exception):
        fingerprint = fingerprint_outcome(part)
        if fingerprint is not None:
            return fingerprint == fingerprint_outcome(part_of_copy)
    # Nothing tells that it is another value, so the object is not refused for it.
    return True


def _attributes_with_kept_hash(
    instance: Any, copy_of_instance: Any, names: set[str]
) -> set[str]:
    """Return the lost attributes that keep the `hash()`, if the copy has it, too."""
    names_with_hash: set[str] = set()
    if not names:
        return names_with_hash
    # A `__hash__` may raise anything.
    with suppress(Exception):
        number = hash(instance)
        if hash(copy_of_instance) == number:
            attributes = all_attributes(instance)
            for name in names:
                if is_private(name) and attributes.get(name) == number:
                    names_with_hash.add(name)
    return names_with_hash
