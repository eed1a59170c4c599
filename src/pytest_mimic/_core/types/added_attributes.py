"""The attributes that other code than the library's adds to an object of a library.

In an identity they count beside what the library's rule says. An outcome whose pickle
would lose one is refused.
"""

from __future__ import annotations

from functools import lru_cache
from opcode import EXTENDED_ARG, opmap
from types import CodeType, FunctionType
from typing import Any

from pytest_mimic._core.types.attributes_and_parts import all_attributes
from pytest_mimic._core.types.generated_classes import is_generated
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.types.type_names import HEAP_TYPE, full_name, is_stdlib

# The number of the instruction that sets an attribute.
_STORE_ATTR = opmap["STORE_ATTR"]

# A class with one of these methods decides itself what a pickle keeps of its objects.
METHODS_OF_PICKLES = ("__reduce_ex__", "__reduce__", "__getstate__")

# Code that uses one of these names sets attributes whose names are texts in the code.
_SETTERS = frozenset({"__dict__", "__setattr__", "setattr"})
# Packages whose code in C sets private attributes of their own objects, even when a
# call only reads an object.
_PACKAGES_SETTING_PRIVATE_IN_C = frozenset({"pandas", "polars"})
# The attributes that a package sets in objects of subclasses by code in C or, as pandas
# 2 when it reads a pickle, by the names that a state has.
_NAMES_SET_UNSEEN = {"pandas": frozenset({"_cache", "_id", "_metadata", "_references"})}


def added_attributes(value: object, package: str) -> dict[str, Any]:
    """Return the attributes of an object that the code of a package does not know.

    The methods of the package's classes, among those of the object, are asked for the
    names that they set. So an attribute of the library itself is none of them, whether
    it is data that a rule counts, or a cache.
    """
    attributes = all_attributes(value)
    if not attributes:
        return attributes
    type_: Any = type(value)
    known_names = _names_in_code(type_, package)
    # Private names of some packages are set by code in C, which cannot be read here.
    private_prefix = "__"
    if package in _PACKAGES_SETTING_PRIVATE_IN_C and is_of(type_, package):
        private_prefix = "_"
    added_by_name = {}
    for name, attribute in attributes.items():
        if name in known_names or name.startswith(private_prefix):
            # The package itself sets it: data that its rule counts, or a cache.
            continue
        if not _is_kept_by_descriptor(type_, name, package):
            added_by_name[name] = attribute
    return added_by_name


def _is_kept_by_descriptor(type_: Any, name: str, package: str) -> bool:
    """Return whether a class of a package has a descriptor under a name now.

    The names in the code of a class are remembered. pandas and polars let others add
    an accessor to their classes later, which keeps what it returns under its own name.
    """
    for base in type_.__mro__:
        if is_of(base, package) and name in vars(base):
            return hasattr(type(vars(base)[name]), "__get__")
    return False


def attributes_of_others(value: object, package: str) -> dict[str, Any]:
    """Return the attributes of an object that not only the code of a package sets.

    An outcome whose pickle lacks one is refused. Those that the code of the package
    does not know are among them, and those that a class of another package sets.
    """
    names_set_by_others: set[str] = set()
    for base in type(value).__mro__:
        if not is_of(base, package):
            names_set_by_others |= _names_in_code_of(base)
    others_by_name = added_attributes(value, package)
    for name, attribute in all_attributes(value).items():
        if name in names_set_by_others:
            others_by_name[name] = attribute
    return others_by_name


def added_state(value: Any, package: str) -> object:
    """Return what a class of another package adds when an object is pickled, or None.

    It counts in the identity beside the library's rule. Such a class has a
    `__reduce__`, `__reduce_ex__` or `__getstate__` of its own. Its reduction is
    returned without what the package's own code writes: the memory of an array,
    attributes that the package knows.
    """
    type_: Any = type(value)
    if author_of_pickles(type_, package) is None:
        return None
    try:
        pickle_parts = value.__reduce_ex__(4)
    except Exception as error:
        # A class that cannot be pickled may raise anything.
        raise Unstable(f"an object of {full_name(type_)}", type_) from error
    if isinstance(pickle_parts, str):
        # Pickle finds the object by its name.
        return pickle_parts
    known_names = _names_in_code(type_, package)
    added_parts: list[object] = []
    # The first part is the function that makes the object again.
    for part in pickle_parts[1:]:
        if part is not None:
            added_parts.append(_without_package_state(part, value, known_names))
    return tuple(added_parts)


def author_of_pickles(type_: type, package: str) -> type | None:
    """Return the first class of an object that decides how it is pickled.

    None: that class is one of the package or of the standard library, or dataclasses,
    attrs or the like have written the method. Then the rule of the package, or of the
    table, says what counts.
    """
    for base in type_.__mro__:
        if is_of(base, package) or is_stdlib(str(base.__module__)):
            return None
        if _has_pickle_method_by_author(base):
            return base
    return None


def decides_its_pickles(type_: type) -> bool:
    """Return whether an author has written how objects of a class are pickled.

    The author may be that of a library.
    """
    for base in type_.__mro__:
        if not base.__flags__ & HEAP_TYPE:
            # Bases in C come last: the classes of Python have decided nothing.
            return False
        if _has_pickle_method_by_author(base):
            return True
    return False


def _has_pickle_method_by_author(type_: type) -> bool:
    """Return whether the author of a class has written one of its pickle methods.

    Methods of its bases do not count, nor those that dataclasses or attrs have made.
    """
    for name in METHODS_OF_PICKLES:
        method = vars(type_).get(name)
        if method is not None and _is_by_author(method):
            return True
    return False


def _is_by_author(method: object) -> bool:
    """Return whether the author of a class has written this method of it.

    A method of the standard library, or one that dataclasses, attrs or the like have
    made, is not the author's.
    """
    # A method in C has no module, but its class has one. That class may look like one
    # of an author: `deque` is a heap type from Python 3.12 on.
    holder = getattr(method, "__objclass__", method)
    module = str(getattr(holder, "__module__", None))
    return not is_of_decorator(method) and not is_stdlib(module)


def is_of_decorator(method: object) -> bool:
    """Return whether dataclasses, attrs or the like have made a method for pickles."""
    return is_generated(method) or getattr(method, "__name__", "") == "slots_getstate"


def _without_package_state(part: Any, value: Any, known_names: frozenset[str]) -> Any:
    """Return a part of a reduction without what the package's own code has put in.

    Args:
        part: A part of the reduction that `__reduce_ex__` returned for `value`, from
            the arguments on; or a part of such a part.
        value: The object of a subclass.
        known_names: The names of attributes that the package's own code sets.
    """
    type_ = type(part)
    if type_ is dict:
        added = {key: item for key, item in part.items() if key not in known_names}
        if any(type(key) is not str for key in added):
            return added
        # A copy may have got its attributes in another order.
        return {key: added[key] for key in sorted(added)}
    if type_ is not tuple:
        return part
    # The state of an array of numpy: version, shape, dtype, order, memory.
    dtype = getattr(value, "dtype", None)
    if len(part) >= 5 and part[1] == getattr(value, "shape", ()) and part[2] is dtype:
        part = part[5:]
    return tuple(_without_package_state(item, value, known_names) for item in part)


def is_of(type_: type, package: str) -> bool:
    """Return whether a class comes from a top-level package such as `pandas`."""
    return str(type_.__module__).partition(".")[0] == package


@lru_cache(maxsize=1024)
def _names_in_code(type_: Any, package: str) -> frozenset[str]:
    """Return the names of attributes, and texts, in the code of a package's classes."""
    names: set[str] = set(_NAMES_SET_UNSEEN.get(package, ()))
    for base in type_.__mro__:
        if is_of(base, package):
            names |= _names_in_code_of(base)
    return frozenset(names)


def _names_in_code_of(type_: type) -> set[str]:
    """Return the names of attributes, and texts, in the code of one class."""
    names = set()
    for name, member in vars(type_).items():
        if hasattr(type(member), "__get__"):
            # A cached property keeps its value under its own name.
            names.add(name)
        for code in codes_of(member):
            names |= _names_set_by(code)
    return names


def _names_set_by(code: CodeType) -> set[str]:
    """Return the names of the attributes that code sets."""
    names = _stored_names(code)
    if not _SETTERS.isdisjoint(code.co_names):
        # Any text in such code may be the name of an attribute.
        for constant in code.co_consts:
            # The names of keyword arguments, as of `dict(name=value)`, are a tuple.
            texts = constant if isinstance(constant, tuple) else (constant,)
            names.update(text for text in texts if isinstance(text, str))
    return names


def _stored_names(code: CodeType) -> set[str]:
    """Return the names in the instructions that set an attribute.

    The classes of a table have 300,000 instructions. To make an object of each, as
    `dis` does, takes a second.
    """
    # Each instruction has two bytes: its number, and its argument.
    instructions = code.co_code
    numbers, arguments = instructions[::2], instructions[1::2]
    names = set()
    position = numbers.find(_STORE_ATTR)
    while position >= 0:
        index_of_name = arguments[position]
        # The instructions before it have the higher bytes of a large argument.
        shift, position_before = 8, position - 1
        while position_before >= 0 and numbers[position_before] == EXTENDED_ARG:
            index_of_name |= arguments[position_before] << shift
            shift, position_before = shift + 8, position_before - 1
        names.add(code.co_names[index_of_name])
        position = numbers.find(_STORE_ATTR, position + 1)
    return names


def codes_of(member: Any) -> list[CodeType]:
    """Return the code of a method, of what the method wraps, and of functions inside.

    Of a property: that of its getter and setter, and of the lambdas in these.
    """
    functions = [member]
    for name in ("__func__", "fget", "fset", "__wrapped__", "func"):
        functions.append(getattr(member, name, None))
    # Callers look in the code for attributes that it sets, or for `hash()`.
    codes: list[CodeType] = []
    for function in functions:
        if type(function) is FunctionType:
            codes.append(function.__code__)
    # The list grows while it is iterated: among the constants of a function's code is
    # the code of the functions that are defined in it, which may set an attribute or
    # call `hash()`, too.
    for code in codes:
        codes += [part for part in code.co_consts if isinstance(part, CodeType)]
    return codes
