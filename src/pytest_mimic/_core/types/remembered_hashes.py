"""The `hash()` that an object remembers, which is another one in each process.

Which attribute keeps it, and how it is taken again in the process of a replay. What
`__hash__` keeps when it is asked does not count in identities, and outcomes are stored
without it. What a constructor takes counts in a call, whose miss names the attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import FunctionType
from typing import Any

from pytest_mimic._core.types.added_attributes import codes_of
from pytest_mimic._core.types.attributes_and_parts import (
    all_attributes,
    parts_of,
    set_attributes,
)
from pytest_mimic._core.types.generated_classes import is_generated
from pytest_mimic._core.types.type_names import HEAP_TYPE


def is_private(name: object) -> bool:
    """Return whether a name is that of a private attribute.

    A hash, or an id, that an object keeps is looked for under such names alone.
    """
    return isinstance(name, str) and name[:1] == "_"


@lru_cache(maxsize=4096)
def has_handwritten_hash(type_: Any) -> bool:
    """Return whether the author of a class has written its `__hash__`.

    Only such a method may keep its result in an attribute. Those of Python, dataclasses
    and attrs do not, or in an attribute that is known.
    """
    for base in type_.__mro__:
        method = vars(base).get("__hash__")
        if method is not None:
            # dataclasses and attrs compile the text of the methods that they write.
            return (
                type(method) is FunctionType
                and not is_generated(method)
                and method.__code__.co_filename[:1] != "<"
            )
    return False


def remembered_hashes(value: object) -> dict[str, bool]:
    """Return the private attributes in which an object remembers its `hash()`.

    Such a number is another one in each process: it may neither count nor be replayed.
    An attribute that has the number is returned if a copy of the object without it has
    the same hash, as its `__hash__` then computes the number. An id that a `__hash__`
    merely returns is no memory of the hash, and stays.

    Returns:
        By the name of each attribute, whether it has to be `None` in such a copy. If
        not, it has to be absent. Several attributes are all `None` or all absent.

    Examples:
        | attributes | `__hash__` | remembered |
        |---|---|---|
        | `name`, `_hash`, None or a number | gives `_hash`, once it is set | `_hash` |
        | `id`, `_hash` | gives `_hash`, once it is set to the `id` | only `_hash` |
        | `_id` | `return self._id` | nothing |
    """
    # To ask for the hash may set attributes, so a copy is asked.
    copy = bare_copy(value, all_attributes(value))
    if copy is None:
        return {}
    hash_of_copy = _hash_of(copy)
    if hash_of_copy is None:
        return {}
    hash_names = _private_names_of(hash_of_copy, all_attributes(copy))
    if not hash_names:
        return {}
    for needs_none in (False, True):
        attributes = all_attributes(value)
        for name in hash_names:
            attributes.pop(name, None)
        if needs_none:
            attributes |= dict.fromkeys(hash_names)
        if _hash_of(bare_copy(value, attributes)) == hash_of_copy:
            # The copy has computed the hash without these attributes.
            return dict.fromkeys(hash_names, needs_none)
    return {}


def _private_names_of(
    hash_value: int | None, attributes: Mapping[str, Any]
) -> list[str]:
    """Return the private attributes whose value is a hash."""
    names = []
    for name, attribute in attributes.items():
        if type(attribute) is int and attribute == hash_value and is_private(name):
            names.append(name)
    return names


def hashes_from_constructor(value: object) -> set[str]:
    """Return the private attributes that hold a `hash()` which a constructor took.

    A constructor is here any method other than `__hash__`. A copy in another process
    would have a wrong hash, and nothing takes it anew: a replay does it, by the recipe
    that is stored with the outcome.
    """
    type_: Any = type(value)
    if not has_handwritten_hash(type_):
        return set()
    hash_names = _private_names_of(_hash_of(value), all_attributes(value))
    if not hash_names or remembered_hashes(value) or not _calls_hash_elsewhere(type_):
        return set()
    return set(hash_names)


@lru_cache(maxsize=4096)
def _calls_hash_elsewhere(type_: Any) -> bool:
    """Return whether a method of a class other than `__hash__` calls `hash()`.

    A method is any function of the class: `__new__` and class methods, which may be
    constructors, too.
    """
    for base in type_.__mro__:
        for name, member in vars(base).items():
            if name == "__hash__":
                continue
            for code in codes_of(member):
                if "hash" in code.co_names:
                    return True
    return False


# More parts of an argument than these are not looked at for the sake of a message.
_MOST_PARTS = 10_000


def paths_of_hashes(values: Mapping[str, object]) -> set[str]:
    """Return the paths of the attributes that keep a `hash()` which a constructor took.

    A call with such an argument misses in each process. The message of the miss names
    the paths, as what `ignore=` is to leave out.

    Args:
        values: The values to look through, by their names.

    Examples:
        | values | paths |
        |---|---|
        | `{"key": Key("a")}` | `{"key._hash"}` |
        | `{"words": [Key("a")]}` | `{"words[0]._hash"}` |
    """
    paths: set[str] = set()
    seen: dict[int, object] = {}
    pending = list(values.items())
    while pending and len(seen) < _MOST_PARTS:
        path, value = pending.pop()
        if id(value) in seen:
            continue
        # The value is kept alive, so that no other one gets its `id()`.
        seen[id(value)] = value
        for name in hashes_from_constructor(value):
            paths.add(f"{path}.{name}")
        for part in parts_of(value):
            pending.append((path + part.step, part.value))
    return paths


def _hash_of(value: object) -> int | None:
    """Return the `hash()` of an object, None if it has none or raises."""
    if value is None:
        return None
    try:
        return hash(value)
    except Exception:
        # A `__hash__` may raise anything, for an object without its attributes.
        return None


def bare_copy(value: Any, attributes: Mapping[str, Any]) -> Any:
    """Return an object of the same class and content with these attributes.

    It is asked what it would be without an attribute, or pickled for an identity. No
    call gets it. No code of the object's class runs. None: the class derives from a
    class in C that is not known, or has no place for an attribute.
    """
    try:
        return _made_bare_copy(value, attributes)
    except (AttributeError, TypeError):
        # A class in C may refuse that its objects are made so.
        return None


def _made_bare_copy(value: Any, attributes: Mapping[str, Any]) -> Any:
    """Return what `bare_copy` does.

    The copy of an object of `class Words(list)` is a `Words` with its items, made by
    `list` alone.

    Raises:
        AttributeError: The class has no place for an attribute.
        TypeError: The class refuses to be made so.
    """
    type_: Any = type(value)
    base = _builtin_base(type_)
    bare: Any
    # The builtin makes the bare copy and fills it, past all methods of the class.
    if base is object:
        bare = object.__new__(type_)
    elif base in (tuple, frozenset, str, bytes, int, float):
        bare = base.__new__(type_, _builtin_content(base, value))
    elif base is list:
        bare = list.__new__(type_)
        list.extend(bare, _builtin_content(base, value))
    elif base in (set, dict):
        bare = base.__new__(type_)
        base.update(bare, _builtin_content(base, value))
    else:
        # Of another class in C, nobody knows how its objects are made.
        return None
    set_attributes(bare, attributes)
    return bare


#: The builtin classes whose content a bare copy takes over.
_BUILTINS_WITH_CONTENT = frozenset(
    {tuple, frozenset, str, bytes, int, float, list, set, dict}
)


def _builtin_base(type_: Any) -> Any:
    """Return the first base of a class that is written in C."""
    return next(base for base in type_.__mro__ if not base.__flags__ & HEAP_TYPE)


def _builtin_content(base: Any, value: Any) -> Any:
    """Return the content of an object whose class is a builtin or derives from it.

    A bare copy gets it, and so the recipe of a hash.

    Args:
        base: The builtin.
        value: The object.
    """
    if base is dict:
        return dict(dict.items(value))
    if base in (list, tuple, set, frozenset):
        return base(base.__iter__(value))
    if base is str:
        return str.__str__(value)
    if base is bytes:
        return bytes.__getitem__(value, slice(None))
    # The plain number: `+value` by the method of int or float.
    return base.__pos__(value)


def without_hashes(state: Any, hash_names: dict[str, bool]) -> Any:
    """Return a pickled state without the hashes that the object remembers.

    An outcome is stored so. The object takes its hash anew in the process of a replay.

    Args:
        state: The state in a pickle: attributes by name, or a tuple of attributes and
            slots.
        hash_names: The attributes that hold a hash. The flag says whether such an
            attribute must be `None`; otherwise it is left out. See `remembered_hashes`.
    """
    if type(state) is tuple:
        return tuple([without_hashes(part, hash_names) for part in state])
    if type(state) is not dict:
        return state
    attributes = dict(state)
    for name, needs_none in hash_names.items():
        if name not in attributes:
            continue
        # Its `__hash__` takes the hash again where it finds None, or no attribute.
        if needs_none:
            attributes[name] = None
        else:
            del attributes[name]
    return attributes


def state_keeps_hash(state: Any, hash_names: set[str]) -> bool:
    """Return whether a state that is to be pickled has one of these attributes.

    The state is the attributes, or a pair of the attributes and the slots.
    """
    if type(state) is tuple:
        return any(state_keeps_hash(part, hash_names) for part in state)
    return type(state) is dict and not hash_names.isdisjoint(state)


def with_zero_for_hashes(state: Any, hash_names: set[str]) -> Any:
    """Return a state that is to be pickled, with 0 in the attributes that keep a hash.

    The hash of this process is of no use in another, and would make each pickle another
    one. The attributes themselves stay, in their order.
    """
    if type(state) is tuple:
        return tuple([with_zero_for_hashes(part, hash_names) for part in state])
    if type(state) is not dict:
        return state
    attributes = dict(state)
    for name in hash_names & attributes.keys():
        attributes[name] = 0
    return attributes


# Hashes that a constructor took

#: How a constructor took a hash: the name of a way, and the attributes that were
#: hashed. For example, `("tuple", "a", "b")`.
Recipe = tuple[str, ...]
#: Stands among the attributes of a recipe for the content of a subclass of a builtin.
CONTENT = ""
# Of more attributes, no constructor takes a hash without a method of its own.
_MOST_HASHED_NAMES = 12


def recipe_of(value: object, hash_names: set[str]) -> Recipe | None:
    """Return how the hash that an object keeps was taken of its other attributes.

    A recipe is right if it gives the number that the object keeps. None: no known way
    gives that number.

    Args:
        value: The object.
        hash_names: The attributes that keep its hash.

    Examples:
        | in the constructor | recipe |
        |---|---|
        | `hash(name)` | `("value", "name")` |
        | `hash((a, b))` | `("tuple", "a", "b")` |
        | `hash((type(self), a))` | `("class", "a")` |
        | `hash((type(self).__name__, a))` | `("class name", "a")` |
        | `hash(tuple(rows))` | `("items", "rows")` |
        | `hash(frozenset(rates.items()))` | `("members", "rates")` |
        | `hash(a) ^ hash(b)` | `("xor", "a", "b")` |
    """
    kept_hash = _hash_of(value)
    hashed_parts = _parts_by_name(value)
    other_names = [name for name in hashed_parts if name not in hash_names]
    if kept_hash is None or len(other_names) > _MOST_HASHED_NAMES:
        return None
    for names_hashed_together in _runs_of_names(other_names):
        for way in _WAYS_OF_HASHING:
            recipe = (way, *names_hashed_together)
            if _hash_by_recipe(recipe, type(value), hashed_parts) == kept_hash:
                return recipe
    return None


def hash_by(recipe: Recipe, value: object) -> int:
    """Return the hash of an object as its constructor took it.

    A replay sets it in an outcome that it has loaded.

    Raises:
        ValueError: The recipe is not one of those that `recipe_of` gives, or the object
            lacks an attribute.
    """
    hash_value = _hash_by_recipe(recipe, type(value), _parts_by_name(value))
    if hash_value is None:
        raise ValueError(f"no hash can be taken by {recipe!r:.80}")
    return hash_value


def _runs_of_names(names: list[str]) -> list[tuple[str, ...]]:
    """Return all runs of names that stand side by side, the longest first.

    A constructor mostly hashes attributes that it sets one after another. Of `["a",
    "b"]`: `("a", "b")`, `("a",)`, `("b",)`.
    """
    runs = []
    for length in range(len(names), 0, -1):
        for start in range(len(names) - length + 1):
            runs.append(tuple(names[start : start + length]))
    return runs


def _parts_by_name(value: Any) -> dict[str, Any]:
    """Return what a recipe may name: attributes, and the content of a builtin."""
    base = _builtin_base(type(value))
    attributes = all_attributes(value)
    if base not in _BUILTINS_WITH_CONTENT:
        return attributes
    return {CONTENT: _builtin_content(base, value), **attributes}


def _hash_by_recipe(
    recipe: Recipe, type_: type, parts: Mapping[str, Any]
) -> int | None:
    """Return the hash that a recipe gives, or None where it gives none."""
    way, *names = recipe
    take = _WAYS_OF_HASHING.get(way)
    if take is None or not all(name in parts for name in names):
        return None
    try:
        return take(type_, [parts[name] for name in names])
    except Exception:
        # A `__hash__` may raise anything.
        return None


# The ways in which a constructor may have taken a hash, by the examples of `recipe_of`.
# Each function gets the class of the object and the attributes that the recipe names,
# and returns None if its way takes another number of attributes.


def _hash_of_value(_kind: type, parts: list[Any]) -> int | None:
    if len(parts) != 1:
        return None
    return hash(parts[0])


def _hash_of_tuple(_kind: type, parts: list[Any]) -> int:
    return hash(tuple(parts))


def _hash_with_class(type_: type, parts: list[Any]) -> int:
    return hash((type_, *parts))


def _hash_with_class_name(type_: type, parts: list[Any]) -> int:
    return hash((type_.__name__, *parts))


def _hash_of_items(_kind: type, parts: list[Any]) -> int | None:
    if len(parts) != 1:
        return None
    return hash(tuple(_members_to_hash(parts[0])))


def _hash_of_members(_kind: type, parts: list[Any]) -> int | None:
    if len(parts) != 1:
        return None
    return hash(frozenset(_members_to_hash(parts[0])))


def _members_to_hash(part: Any) -> Any:
    """Return the items of a mapping, `frozenset(rates.items())`; else the part."""
    if isinstance(part, Mapping):
        return part.items()
    return part


def _xor_of_hashes(_kind: type, parts: list[Any]) -> int | None:
    if len(parts) < 2:
        return None
    xor_of_hashes = 0
    for part in parts:
        xor_of_hashes ^= hash(part)
    return xor_of_hashes


# By the names that the recipes of stored outcomes have.
_WAYS_OF_HASHING: dict[str, Callable[[type, list[Any]], int | None]] = {
    "value": _hash_of_value,
    "tuple": _hash_of_tuple,
    "class": _hash_with_class,
    "class name": _hash_with_class_name,
    "items": _hash_of_items,
    "members": _hash_of_members,
    "xor": _xor_of_hashes,
}
