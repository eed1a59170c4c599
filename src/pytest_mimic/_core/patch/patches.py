"""The functions that modules and classes hold: read, patched and restored.

A *holder* is a module's namespace or a class. Reading and patching runs no code of
theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property, partial, partialmethod
from types import BuiltinFunctionType, MethodType
from typing import Any, Final, TypeAlias

from pytest_mimic._core.modules import is_machinery, path_when_installed
from pytest_mimic._core.named_fields import NamedFields

Holder: TypeAlias = "dict[str, object] | type"
"""A module's namespace, or a class."""

# What runs in place of a mimicked function.
Wrapper = Callable[..., object]

#: The result for a name that a holder does not hold itself.
NOT_HELD: Final = object()

# The address of an object in memory, a number that tells it from any other one. `id`
# would call audit hooks (PEP 578) each time.
address_of = object.__hash__

# The types of descriptors and methods in which a function may be.
_TYPES_OF_CARRIERS = (
    staticmethod,
    classmethod,
    property,
    cached_property,
    partialmethod,
    MethodType,
)
_ADDRESSES_OF_CARRIERS = frozenset(map(address_of, _TYPES_OF_CARRIERS))
# The types of functions that a class does not bind to its instances.
_NEVER_BOUND = (MethodType, BuiltinFunctionType, partial)
# Py_TPFLAGS_IMMUTABLETYPE, the flag of a class whose attributes cannot be set.
_IMMUTABLE_TYPE = 1 << 8
# Reads `vars()` of a class past its metaclass.
_class_namespace = type.__dict__["__dict__"].__get__


# -- holders


def namespace_of(module: object) -> dict[str, object] | None:
    """Return the namespace of a module, whose functions are patched there.

    None: it has none, as `sys.modules` may hold any object. A lazy module is not
    loaded.
    """
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    if not isinstance(namespace, dict):
        return None
    return namespace


def held_by(holder: Holder) -> Any:
    """Return what the holder itself holds, by name; descriptors are unbound."""
    if isinstance(holder, dict):
        return holder
    return _class_namespace(holder)


def read_held(holder: Holder, name: str) -> object:
    """Return the object that the holder itself has under a name, or NOT_HELD."""
    return held_by(holder).get(name, NOT_HELD)


def references_to(holder: Holder, name: str) -> int:
    """Return how many references there are to the object under a name of the holder.

    With the count, the search for other holders of a function can end early.
    """
    return _count_references(holder, name) - _REFERENCES_OF_THE_COUNT


def _count_references(holder: Holder, name: str) -> int:
    return sys.getrefcount(held_by(holder)[name])


# Only the namespace refers to this object, and the count itself.
_REFERENCES_OF_THE_COUNT: Final = _count_references({"only": object()}, "only") - 1


def _set_or_delete(holder: Holder, name: str, value: object) -> None:
    """Set a name or, for NOT_HELD, delete that of a class.

    Only a class gets a name that it did not hold: a wrapper in place of a function that
    it inherits.
    """
    if isinstance(holder, dict):
        holder[name] = value
    elif value is NOT_HELD:
        delattr(holder, name)
    else:
        setattr(holder, name, value)


def is_writable(holder: Holder) -> bool:
    """Return whether a holder lets its names be set: not most classes written in C."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def _holders(
    is_left_out: Callable[[str], bool], since: str | None = None
) -> Iterator[Holder]:
    """Yield every imported module's namespace, the last first, and the classes in it.

    Classes that cannot be written are left out.

    Args:
        is_left_out: Whether a module of this name is left out, with its classes.
        since: The first module of those to look at. None: all are looked at.
    """
    addresses_of_seen_classes: set[int] = set()
    for name, module in reversed(list(sys.modules.items())):
        if not is_left_out(name):
            pending: list[Holder] = [namespace_of(module) or {}]
            while pending:
                holder = pending.pop()
                yield holder
                for cls in _classes_in(holder):
                    if address_of(cls) in addresses_of_seen_classes:
                        continue
                    addresses_of_seen_classes.add(address_of(cls))
                    # A module may hold classes that another one has defined.
                    home = str(_class_namespace(cls).get("__module__"))
                    if is_writable(cls) and not is_left_out(home):
                        pending.append(cls)
        if name == since:
            # The modules before it were imported earlier.
            return


def _classes_in(holder: Holder) -> list[type]:
    """Return the classes that a module or a class holds."""
    classes = []
    for value in list(held_by(holder).values()):
        # The type is asked: on Python 3.10, `list[int]` itself says that it is a class.
        if issubclass(type(value), type):
            classes.append(value)
    return classes


def _is_library(module: str) -> bool:
    """Return whether an imported module is of the standard library or installed."""
    file = (namespace_of(sys.modules.get(module)) or {}).get("__file__")
    is_installed = isinstance(file, str) and path_when_installed(file) is not None
    return is_installed or module in sys.stdlib_module_names


# -- descriptors and bound methods


def _held_inside(held_object: object) -> Any:
    """Return what is directly inside a descriptor or bound method, else None."""
    if isinstance(held_object, (staticmethod, classmethod, MethodType)):
        return held_object.__func__
    if isinstance(held_object, property):
        return held_object.fget
    if isinstance(held_object, (cached_property, partialmethod)):
        return held_object.func
    return None


def function_inside(held_object: object) -> object:
    """Return the function inside a descriptor or bound method, else None.

    Descriptors may be nested.
    """
    inside = _held_inside(held_object)
    if inside is None:
        return None
    return function_inside(inside) or inside


def _rebuilt_with(held_object: Any, wrapper: Wrapper) -> Any:
    """Return a descriptor or bound method like another one, with the wrapper in it.

    Of a function itself, it is the wrapper.
    """
    inside = _held_inside(held_object)
    if inside is None:
        return wrapper
    replacement = _rebuilt_with(inside, wrapper)
    if isinstance(held_object, MethodType):
        return MethodType(replacement, held_object.__self__)
    # The class may be a subclass, whose `__init__` has other parameters.
    descriptor_class: Any = type(held_object)
    maker: Any = descriptor_class
    if isinstance(held_object, (cached_property, partialmethod)):
        # Since Python 3.14, `partialmethod.__new__` wants a function.
        maker = object
    rebuilt = maker.__new__(descriptor_class)
    if isinstance(held_object, property):
        property.__init__(
            rebuilt,
            replacement,
            held_object.fset,
            held_object.fdel,
            held_object.__doc__,
        )
    elif isinstance(held_object, staticmethod):
        staticmethod.__init__(rebuilt, replacement)
    elif isinstance(held_object, classmethod):
        classmethod.__init__(rebuilt, replacement)
    # A descriptor in Python, as `cached_property`, keeps its function as an attribute.
    attributes = getattr(rebuilt, "__dict__", {})
    for name, value in getattr(held_object, "__dict__", {}).items():
        attributes[name] = replacement if value is inside else value
    return rebuilt


# -- patches


class NamedFunction(NamedFields):
    """A function that a target or an edge names, as `functions_of_target` finds it.

    Attributes:
        holder: The module or class in which the target looks the function up.
        name: The name of the function there.
        original: The object under this name, in the holder or a base of it, while
            nothing is patched. The object may be a descriptor.
        function: The function inside of the original.
        label: `module:path` as in the target.
        is_inherited: Whether the holder is a class that inherits the original from a
            base. Else the holder itself holds it.
        reference_count: How many references there were to what the holder itself holds,
            before it was found.
    """

    holder: Holder
    name: str
    original: object
    function: Any
    label: str
    is_inherited: bool
    reference_count: int

    @property
    def key(self) -> int | tuple[int, str]:
        """What tells functions apart, when lines decide which one takes a function.

        A function that a class inherits is the class's own, by class and name.
        """
        if self.is_inherited:
            return address_of(self.holder), self.name
        return address_of(self.function)


class _PatchedPlace(NamedFields):
    """A name of a holder under which a substitute was put.

    Attributes:
        holder: The module or class.
        name: The name.
        held_before: What the holder itself had under the name, or NOT_HELD.
        substitute: What was put there.
    """

    holder: Holder
    name: str
    held_before: object
    substitute: object


class _Substitute(NamedFields):
    """An object that this run has put in the place of another one.

    Attributes:
        substitute: The wrapper, or a descriptor or bound method around it. It is kept,
            so that no other object gets its address.
        original: The object in whose place it stands.
        is_inherited: Whether a class inherits the original. Else the holder itself held
            it.
    """

    substitute: object
    original: object
    is_inherited: bool


class Patches:
    """What this run has put in the place of functions, descriptors and bound methods.

    These objects are *substitutes*: wrappers, and descriptors and methods around them.

    An example. `shop` has `def rate(): …` and `class Cart` with `total =
    staticmethod(rate)`; `app` has `from shop import rate`. The target `shop:rate` gets
    a wrapper `w`:

    | holder | name | held before | substitute |
    |---|---|---|---|
    | `shop` | `rate` | `rate` | `w` |
    | `shop.Cart` | `total` | `staticmethod(rate)` | `staticmethod(w)` |
    | `app` | `rate` | `rate` | `w` |

    `restore` puts back what was held before wherever the substitute is still held, and
    then searches for copies: a module that was imported meanwhile may have fetched `w`,
    and gets `rate`.

    A class that inherits the function gets a wrapper of its own. It held nothing itself
    under the name, which restoring deletes:

    | holder | name | held before | substitute |
    |---|---|---|---|
    | `shop.Special`, a subclass | `fetch` | NOT_HELD | `w` |
    """

    def __init__(self) -> None:
        # By the address of the holder, and the name.
        self._places: dict[tuple[int, str], _PatchedPlace] = {}
        # By the address of the substitute.
        self._substitutes: dict[int, _Substitute] = {}
        # The modules that were imported when the first wrapper was put somewhere.
        self._modules_before: frozenset[str] = frozenset()

    def is_substitute(self, held_object: object) -> bool:
        """Return whether this run has put an object in the place of another one."""
        return address_of(held_object) in self._substitutes

    def original_of(self, held_object: object) -> object:
        """Return the object in whose place a substitute stands; others as they are."""
        entry = self._substitutes.get(address_of(held_object))
        if entry is None:
            return held_object
        return entry.original

    def held_before(self, holder: Holder, name: str) -> object:
        """Return what a holder itself held under a name before this run, else NOT_HELD.

        What other tools have put there since counts as the holder's own.
        """
        held_object = read_held(holder, name)
        entry = self._substitutes.get(address_of(held_object))
        if entry is None:
            return held_object
        if entry.is_inherited:
            # Only the base of the class held the function.
            return NOT_HELD
        return entry.original

    def put_wherever_held(
        self,
        functions_and_wrappers: Sequence[tuple[NamedFunction, Wrapper]],
        since: str | None = None,
        *,
        is_counted: bool = False,
    ) -> None:
        """Put wrappers wherever modules and their classes have the functions.

        `from shop import rate` gives a function to a module that no target names.

        Args:
            functions_and_wrappers: Each function is patched where it was found.
            since: The first module to search. Others are those imported after it. By
                default, all are searched.
            is_counted: Whether nobody else can have got one of the functions after its
                references were counted. Then the search ends when all were seen.
        """
        self._modules_before = self._modules_before or frozenset(sys.modules)
        wrappers_by_address: dict[int, tuple[Wrapper, NamedFunction]] = {}
        for named_function, wrapper in functions_and_wrappers:
            for function in (named_function.function, named_function.original):
                wrappers_by_address[address_of(function)] = wrapper, named_function
        # How many places that hold a function are still to be found. None: unknown.
        unseen = None
        if is_counted:
            unseen = _unseen_references(
                [named_function for named_function, _ in functions_and_wrappers]
            )
        if unseen == 0:
            # No other holder has any of the functions.
            return
        searched_holders = _holders(is_machinery, since)
        for holder, name, held_object, (wrapper, named_function) in _places_that_hold(
            wrappers_by_address, searched_holders
        ):
            self.put(holder, name, held_object, wrapper, named_function)
            if unseen is not None and held_object is named_function.function:
                unseen -= 1
                if unseen == 0:
                    return

    def put(
        self,
        holder: Holder,
        name: str,
        original: object,
        wrapper: Wrapper,
        named_function: NamedFunction,
    ) -> None:
        """Put the wrapper, or what holds it, in the place of the original."""
        substitute: object = wrapper
        if function_inside(original) is named_function.function:
            substitute = _rebuilt_with(original, wrapper)
        elif not isinstance(holder, dict) and not _is_bound_by_classes(original):
            # A class binds each Python function, so the wrapper, to its instances.
            substitute = staticmethod(wrapper)
        # Both are known, so that neither is patched again, and each copy is restored.
        for put_object, replaced_object in (
            (substitute, original),
            (wrapper, named_function.function),
        ):
            entry = _Substitute(
                put_object, replaced_object, named_function.is_inherited
            )
            self._substitutes.setdefault(address_of(put_object), entry)
        held_before = read_held(holder, name)
        self._places[address_of(holder), name] = _PatchedPlace(
            holder, name, held_before, substitute
        )
        _set_or_delete(holder, name, substitute)

    def restore_place(self, key: tuple[int, str]) -> None:
        """Put back what a holder, by its address, held under a name.

        What other tools have put there stays.
        """
        place = self._places.pop(key, None)
        if (
            place is not None
            and read_held(place.holder, place.name) is place.substitute
        ):
            _set_or_delete(place.holder, place.name, place.held_before)

    def restore(self) -> None:
        """Restore all places, and those into which a wrapper was copied."""
        for key in list(self._places):
            self.restore_place(key)
        if self._modules_before:
            self._replace_copies()
        self._substitutes.clear()
        self._modules_before = frozenset()

    def _replace_copies(self) -> None:
        """Put originals where modules and classes have fetched substitutes.

        Else a function would stay mimicked there after the run.
        """
        modules_before = self._modules_before
        is_of_machinery = cache(is_machinery)
        is_of_library = cache(_is_library)

        def is_unchanged(module: str) -> bool:
            # A module of a library that was imported before copies no wrapper. So the
            # search leaves out most modules.
            package = module.partition(".")[0]
            if module not in modules_before:
                return is_of_machinery(package)
            if is_of_library(package) or is_of_machinery(package):
                return True
            # Several distributions have modules in one namespace package.
            return _is_library(module)

        originals = {
            address: entry.original for address, entry in self._substitutes.items()
        }
        searched_holders = _holders(cache(is_unchanged))
        for holder, name, held_object, original in _places_that_hold(
            originals, searched_holders
        ):
            if self.is_substitute(held_object):
                _set_or_delete(holder, name, original)
            else:
                _set_or_delete(holder, name, _rebuilt_with(held_object, original))


def _unseen_references(patched: Sequence[NamedFunction]) -> int | None:
    """Return how many references to functions are not those of the patched places.

    Each is one of a place that is not patched yet, or of anything else.

    An example. `shop` has `def rate(): …`, and `app` has `from shop import rate`. There
    are two references to `rate`. If `shop:rate` is patched, one is unseen.

    None: a descriptor or a bound method holds a function. The references to the
    function itself were not counted.
    """
    # By the address of the function.
    reference_counts: dict[int, int] = {}
    for named_function in patched:
        if named_function.original is not named_function.function:
            return None
        address = address_of(named_function.function)
        # A function that was found twice had one reference more the second time.
        count = named_function.reference_count
        reference_counts[address] = min(count, reference_counts.get(address, count))
    return sum(reference_counts.values()) - len(patched)


def _is_bound_by_classes(function: object) -> bool:
    """Return whether a class binds an object to its instances, as it does functions."""
    type_of_function = type(function)
    return hasattr(type_of_function, "__get__") and not issubclass(
        type_of_function, _NEVER_BOUND
    )


def _places_that_hold(
    notes_by_address: dict[int, Any], searched_holders: Iterable[Holder]
) -> Iterator[tuple[Holder, str, object, Any]]:
    """Yield every place that holds one of some objects, with what is noted for it.

    A descriptor around an object counts as that object.

    Args:
        notes_by_address: The notes, by the addresses of the objects: the wrapper to
            put, or the original to put back.
        searched_holders: The modules and classes to search.

    Yields:
        The holder, the name, what it holds there, and the note.
    """
    if not notes_by_address:
        return
    for holder in searched_holders:
        values = held_by(holder).values()
        # Most holders are skipped here. Objects and types go by address: some have no
        # hash, or an `__eq__` that raises.
        has_none = notes_by_address.keys().isdisjoint(map(address_of, values))
        if has_none and _ADDRESSES_OF_CARRIERS.isdisjoint(
            map(address_of, map(type, values))
        ):
            continue
        for name, held_object in list(held_by(holder).items()):
            address = address_of(held_object)
            if (
                address not in notes_by_address
                and address_of(type(held_object)) in _ADDRESSES_OF_CARRIERS
            ):
                address = address_of(function_inside(held_object))
            if address in notes_by_address:
                yield holder, name, held_object, notes_by_address[address]
