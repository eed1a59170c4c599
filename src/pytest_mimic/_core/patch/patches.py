"""What modules and classes hold: read, patched and restored.

None of their code runs.
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

Wrapper = Callable[..., object]

#: The result for a name that a holder does not hold itself.
NOT_HELD: Final = object()

# The identity of an object as a number. `id` would call audit hooks (PEP 578) each
# time.
identity_of = object.__hash__

# The types that may carry a function.
_TYPES_OF_CARRIERS = (
    staticmethod,
    classmethod,
    property,
    cached_property,
    partialmethod,
    MethodType,
)
_IDENTITIES_OF_CARRIERS = frozenset(map(identity_of, _TYPES_OF_CARRIERS))
# A class binds no function of these types to its instances.
_NEVER_BOUND = (MethodType, BuiltinFunctionType, partial)
# Py_TPFLAGS_IMMUTABLETYPE, the flag of a class whose attributes cannot be set.
_IMMUTABLE_TYPE = 1 << 8
_class_namespace = type.__dict__["__dict__"].__get__


# -- holders


def namespace_of(module: object) -> dict[str, object] | None:
    """Return the namespace of a module, or None if it has none.

    A lazy module is not loaded.
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


def read(holder: Holder, name: str) -> object:
    """Return the object that the holder itself has under a name, or NOT_HELD."""
    return held_by(holder).get(name, NOT_HELD)


def references_to(holder: Holder, name: str) -> int:
    """Return how many references there are to the object under a name of the holder."""
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
    """Return whether names can be set; most classes written in C refuse that."""
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def _holders(
    is_left_out: Callable[[str], bool], since: str | None = None
) -> Iterator[Holder]:
    """Yield every imported module's namespace, the last first, and the classes in it.

    Classes that cannot be written are left out.

    `since` is the first module of those to look at. Modules are left out by their
    names, with their classes.
    """
    seen: set[int] = set()
    for name, module in reversed(list(sys.modules.items())):
        if not is_left_out(name):
            pending: list[Holder] = [namespace_of(module) or {}]
            while pending:
                holder = pending.pop()
                yield holder
                for cls in _classes_in(holder):
                    if identity_of(cls) in seen:
                        continue
                    seen.add(identity_of(cls))
                    home = str(_class_namespace(cls).get("__module__"))
                    if is_writable(cls) and not is_left_out(home):
                        pending.append(cls)
        if name == since:
            return


def _classes_in(holder: Holder) -> list[type]:
    """Return the classes that a module or a class holds."""
    classes = []
    for value in list(held_by(holder).values()):
        # Asked of its type: on Python 3.10, `list[int]` says that it is a class.
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
    """Return a descriptor or bound method like another one, with the wrapper in it."""
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
    twin = maker.__new__(descriptor_class)
    if isinstance(held_object, property):
        property.__init__(
            twin, replacement, held_object.fset, held_object.fdel, held_object.__doc__
        )
    elif isinstance(held_object, staticmethod):
        staticmethod.__init__(twin, replacement)
    elif isinstance(held_object, classmethod):
        classmethod.__init__(twin, replacement)
    attributes = getattr(twin, "__dict__", {})
    for name, value in getattr(held_object, "__dict__", {}).items():
        attributes[name] = replacement if value is inside else value
    return twin


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
        """What tells functions apart.

        A function that a class inherits is the class's own, by class and name.
        """
        if self.is_inherited:
            return identity_of(self.holder), self.name
        return identity_of(self.function)


class _PatchedPlace(NamedFields):
    """A name of a holder under which one of our objects was put."""

    holder: Holder
    name: str
    # What the holder itself had there, or NOT_HELD.
    before: object
    ours: object


class _Ours(NamedFields):
    """One of the objects that this run has put somewhere."""

    # Kept, so that no other object gets its identity.
    ours: object
    original: object
    # Whether a class inherits the original. Else the holder itself held it.
    is_inherited: bool


class Patches:
    """What this run has put in the place of functions, descriptors and bound methods.

    An example. `shop` has `def rate(): …` and `class Cart` with `total =
    staticmethod(rate)`; `app` has `from shop import rate`. The target `shop:rate` gets
    a wrapper `w`:

    | holder | name | before | ours |
    |---|---|---|---|
    | `shop` | `rate` | `rate` | `w` |
    | `shop.Cart` | `total` | `staticmethod(rate)` | `staticmethod(w)` |
    | `app` | `rate` | `rate` | `w` |

    `restore` puts back `before` wherever `ours` is still held, and then searches for
    copies: a module that was imported meanwhile may have fetched `w`, and gets `rate`.

    A class that inherits the function gets a wrapper of its own. Its row has NOT_HELD
    as `before`, and restoring deletes the name:

    | holder | name | before | ours |
    |---|---|---|---|
    | `shop.Special`, a subclass | `fetch` | NOT_HELD | `w` |
    """

    def __init__(self) -> None:
        # By the identity of the holder, and the name.
        self._places: dict[tuple[int, str], _PatchedPlace] = {}
        # By the identity of one of our objects, which are wrappers, and descriptors and
        # methods around them.
        self._ours: dict[int, _Ours] = {}
        # The modules that were imported when the first wrapper was put somewhere.
        self._modules_before: frozenset[str] = frozenset()

    def is_ours(self, held_object: object) -> bool:
        """Return whether an object is a wrapper of this run, or holds one."""
        return identity_of(held_object) in self._ours

    def original(self, held_object: object) -> object:
        """Return the object that stood where one of ours is; others as they are."""
        ours = self._ours.get(identity_of(held_object))
        if ours is None:
            return held_object
        return ours.original

    def own(self, holder: Holder, name: str) -> object:
        """Return what a holder itself held under a name before this run, else NOT_HELD.

        What other tools have put there since counts as the holder's own.
        """
        held_object = read(holder, name)
        ours = self._ours.get(identity_of(held_object))
        if ours is None:
            return held_object
        if ours.is_inherited:
            return NOT_HELD
        return ours.original

    def spread(
        self,
        fresh: Sequence[tuple[NamedFunction, Wrapper]],
        since: str | None = None,
        *,
        is_counted: bool = False,
    ) -> None:
        """Put wrappers wherever modules and their classes have the functions.

        Args:
            fresh: The functions. Each is patched where it was found.
            since: The first module to search. Others are those imported after it. By
                default, all are searched.
            is_counted: Whether nobody else can have got one of the functions after its
                references were counted. Then the search ends when all were seen.
        """
        self._modules_before = self._modules_before or frozenset(sys.modules)
        wrappers_by_identity: dict[int, tuple[Wrapper, NamedFunction]] = {}
        for named_function, wrapper in fresh:
            for function in (named_function.function, named_function.original):
                wrappers_by_identity[identity_of(function)] = wrapper, named_function
        unseen = None
        if is_counted:
            unseen = _unseen_references([named_function for named_function, _ in fresh])
        if unseen == 0:
            return
        searched_holders = _holders(is_machinery, since)
        for holder, name, held_object, (wrapper, named_function) in _places_that_hold(
            wrappers_by_identity, searched_holders
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
        ours: object = wrapper
        if function_inside(original) is named_function.function:
            ours = _rebuilt_with(original, wrapper)
        elif not isinstance(holder, dict) and not _is_bound_by_classes(original):
            # A class binds each Python function, so the wrapper, to its instances.
            ours = staticmethod(wrapper)
        for our_object, stands_for in (
            (ours, original),
            (wrapper, named_function.function),
        ):
            our_entry = _Ours(our_object, stands_for, named_function.is_inherited)
            self._ours.setdefault(identity_of(our_object), our_entry)
        object_before = read(holder, name)
        self._places[identity_of(holder), name] = _PatchedPlace(
            holder, name, object_before, ours
        )
        _set_or_delete(holder, name, ours)

    def give_back(self, key: tuple[int, str]) -> None:
        """Put back what a holder, by its id, held under a name.

        What others put there stays.
        """
        patched_place = self._places.pop(key, None)
        if (
            patched_place is not None
            and read(patched_place.holder, patched_place.name) is patched_place.ours
        ):
            _set_or_delete(
                patched_place.holder, patched_place.name, patched_place.before
            )

    def restore(self) -> None:
        """Restore all places, and those into which a wrapper was copied."""
        for key in list(self._places):
            self.give_back(key)
        if self._modules_before:
            self._replace_copies()
        self._ours.clear()
        self._modules_before = frozenset()

    def _replace_copies(self) -> None:
        """Put originals where modules and classes have fetched objects of ours."""
        modules_before = self._modules_before
        is_of_machinery = cache(is_machinery)
        is_of_library = cache(_is_library)

        def is_unchanged(module: str) -> bool:
            # A module of a library that was imported before copies no wrapper.
            package = module.partition(".")[0]
            if module not in modules_before:
                return is_of_machinery(package)
            if is_of_library(package) or is_of_machinery(package):
                return True
            # Several distributions have modules in one namespace package.
            return _is_library(module)

        originals = {key: ours.original for key, ours in self._ours.items()}
        searched_holders = _holders(cache(is_unchanged))
        for holder, name, held_object, original in _places_that_hold(
            originals, searched_holders
        ):
            if self.is_ours(held_object):
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
    references: dict[int, int] = {}
    for named_function in patched:
        if named_function.original is not named_function.function:
            return None
        key = identity_of(named_function.function)
        # What was found twice had one reference more the second time.
        count = named_function.reference_count
        references[key] = min(count, references.get(key, count))
    return sum(references.values()) - len(patched)


def _is_bound_by_classes(function: object) -> bool:
    """Return whether a class binds an object to its instances, as it does functions."""
    type_of_function = type(function)
    return hasattr(type_of_function, "__get__") and not issubclass(
        type_of_function, _NEVER_BOUND
    )


def _places_that_hold(
    notes_by_identity: dict[int, Any], searched_holders: Iterable[Holder]
) -> Iterator[tuple[Holder, str, object, Any]]:
    """Yield every place that holds one of these objects, with what is noted for it.

    A descriptor around an object counts as that object.
    """
    if not notes_by_identity:
        return
    for holder in searched_holders:
        values = held_by(holder).values()
        # Most holders are skipped here. Objects and types go by identity: some have no
        # hash, or an `__eq__` that raises.
        has_none = notes_by_identity.keys().isdisjoint(map(identity_of, values))
        if has_none and _IDENTITIES_OF_CARRIERS.isdisjoint(
            map(identity_of, map(type, values))
        ):
            continue
        for name, held_object in list(held_by(holder).items()):
            key = identity_of(held_object)
            if (
                key not in notes_by_identity
                and identity_of(type(held_object)) in _IDENTITIES_OF_CARRIERS
            ):
                key = identity_of(function_inside(held_object))
            if key in notes_by_identity:
                yield holder, name, held_object, notes_by_identity[key]
