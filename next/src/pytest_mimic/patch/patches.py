"""Finds functions, replaces them wherever they are held, and restores them exactly.

A *holder* is a module's namespace or a class. Reading and patching runs no code of
theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial, partialmethod
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple, TypeAlias

from pytest_mimic.errors import did_you_mean

Holder: TypeAlias = "dict[str, Any] | type"
"""A module's namespace, or a class."""

Wrapper: TypeAlias = Callable[..., Any]
"""What runs in the place of a function."""

NOT_HELD: Final = object()
"""What stands for a name that a holder does not hold itself."""

# Tells an object from any other one. `id` would call audit hooks (PEP 578) each time.
_address = object.__hash__

_CARRIERS = (
    staticmethod,
    classmethod,
    property,
    cached_property,
    partialmethod,
    MethodType,
)
_CARRIER_ADDRESSES = frozenset(map(_address, _CARRIERS))
# Functions that a class does not bind to its instances.
_NEVER_BOUND = (MethodType, BuiltinFunctionType, partial)
# Py_TPFLAGS_IMMUTABLETYPE
_IMMUTABLE_TYPE = 1 << 8
# Reads `vars()` of a class past its metaclass.
_class_namespace = type.__dict__["__dict__"].__get__

# The packages that run the tests keep the real functions: a replay in them would break
# the run itself.
MACHINERY = frozenset(
    {"_pytest", "execnet", "pluggy", "pytest", "pytest_mimic", "xdist"}
)


class NotFoundError(Exception):
    """A target names nothing that can be mimicked: a predicate behind its name."""


class AbsentError(NotFoundError):
    """A module or a class does not have the name."""


class NamedFunction(NamedTuple):
    """A function that a target or an edge names.

    Attributes:
        holder: Where it is looked up.
        name: Its name there.
        original: What the holder, or a base of it, holds while nothing is patched.
        function: The function inside of the original, which may be a descriptor.
        label: `module:path` as it was named.
        is_inherited: Whether only a base of the class holds it.
        is_held_once: Whether nobody but the holder refers to it.
    """

    holder: Holder
    name: str
    original: Any
    function: Any
    label: str
    is_inherited: bool
    is_held_once: bool

    @property
    def key(self) -> object:
        """What tells it from others; what a class inherits is the class's own."""
        if self.is_inherited:
            return _address(self.holder), self.name
        return _address(self.function)


# -- holders


def namespace_of(module: object) -> dict[str, Any] | None:
    """Return the namespace of a module, which may be lazy and is not loaded.

    None: it has none, as `sys.modules` may hold any object.
    """
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return None
    return namespace if isinstance(namespace, dict) else None


def _held_by(holder: Holder) -> Mapping[str, Any]:
    if isinstance(holder, dict):
        return holder
    held: Mapping[str, Any] = _class_namespace(holder)
    return held


def _read(holder: Holder, name: str) -> Any:
    return _held_by(holder).get(name, NOT_HELD)


def _set_or_delete(holder: Holder, name: str, value: object) -> None:
    if isinstance(holder, dict):
        holder[name] = value
    elif value is NOT_HELD:
        delattr(holder, name)
    else:
        setattr(holder, name, value)


def _is_writable(holder: Holder) -> bool:
    return isinstance(holder, dict) or not holder.__flags__ & _IMMUTABLE_TYPE


def _references(holder: Holder, name: str) -> int:
    return sys.getrefcount(_held_by(holder)[name])


# The count for an object to which only the namespace refers.
_ONLY_REFERENCE: Final = _references({"only": object()}, "only")


def _holders(
    leaves_out: Callable[[str], bool], since: str | None = None
) -> Iterator[Holder]:
    """Yield the namespaces of modules, the last imported first, and their classes.

    Args:
        leaves_out: Whether a module of this name is left out, with its classes.
        since: The first module to look at; those before it were imported earlier.
    """
    seen: set[int] = set()
    for name, module in reversed(list(sys.modules.items())):
        pending: list[Holder] = []
        if not leaves_out(name):
            pending.append(namespace_of(module) or {})
        while pending:
            holder = pending.pop()
            yield holder
            for value in list(_held_by(holder).values()):
                # The type is asked: on Python 3.10, `list[int]` says it is a class.
                if not issubclass(type(value), type) or _address(value) in seen:
                    continue
                seen.add(_address(value))
                home = str(_class_namespace(value).get("__module__"))
                if _is_writable(value) and not leaves_out(home):
                    pending.append(value)
        if name == since:
            return


def is_machinery(module: str) -> bool:
    """Return whether a module is of the packages that run the tests."""
    return module.partition(".")[0] in MACHINERY


def _is_library(module: str) -> bool:
    """Return whether a module is of the standard library, or installed."""
    if module.partition(".")[0] in sys.stdlib_module_names:
        return True
    namespace = namespace_of(sys.modules.get(module)) or {}
    file = str(namespace.get("__file__"))
    return "site-packages" in file or "dist-packages" in file


# -- what carries a function


def _directly_inside(held: object) -> Any:
    if isinstance(held, (staticmethod, classmethod, MethodType)):
        return held.__func__
    if isinstance(held, property):
        return held.fget
    if isinstance(held, (cached_property, partialmethod)):
        return held.func
    return None


def inside_of(held: object) -> Any:
    """Return the function inside a descriptor or bound method, however deep."""
    inside = _directly_inside(held)
    return inside if inside is None else inside_of(inside) or inside


def _rebuilt(held: Any, wrapper: Wrapper) -> Any:
    """Return a descriptor or bound method like another one, around the wrapper."""
    inside = _directly_inside(held)
    if inside is None:
        return wrapper
    replacement = _rebuilt(inside, wrapper)
    if isinstance(held, MethodType):
        return MethodType(replacement, held.__self__)
    # The class may be a subclass, whose `__init__` has other parameters.
    cls: Any = type(held)
    # Since Python 3.14, `partialmethod.__new__` wants a function.
    is_python = isinstance(held, (cached_property, partialmethod))
    rebuilt = (object if is_python else cls).__new__(cls)
    if isinstance(held, property):
        property.__init__(rebuilt, replacement, held.fset, held.fdel, held.__doc__)
    elif isinstance(held, (staticmethod, classmethod)):
        base = staticmethod if isinstance(held, staticmethod) else classmethod
        base.__init__(rebuilt, replacement)
    attributes = getattr(rebuilt, "__dict__", {})
    for name, value in getattr(held, "__dict__", {}).items():
        attributes[name] = replacement if value is inside else value
    return rebuilt


def _is_bound_by_classes(function: object) -> bool:
    cls = type(function)
    return hasattr(cls, "__get__") and not issubclass(cls, _NEVER_BOUND)


def _places_that_hold(
    notes: Mapping[int, Any], holders: Iterable[Holder]
) -> Iterator[tuple[Holder, str, Any, Any]]:
    """Yield each place that holds one of some objects, itself or in a descriptor.

    Args:
        notes: By the address of each object, what is noted of it.
        holders: Where to search.

    Yields:
        Holder, name, what it holds there, and the note.
    """
    for holder in holders:
        values = _held_by(holder).values()
        # Most holders end here. Addresses are compared, because some objects have no
        # hash, or an `__eq__` that raises.
        has_none = notes.keys().isdisjoint(map(_address, values))
        if has_none and _CARRIER_ADDRESSES.isdisjoint(map(_address, map(type, values))):
            continue
        for name, held in list(_held_by(holder).items()):
            address = _address(held)
            if address not in notes and _address(type(held)) in _CARRIER_ADDRESSES:
                address = _address(inside_of(held))
            if address in notes:
                yield holder, name, held, notes[address]


# -- patches


class _Place(NamedTuple):
    holder: Holder
    name: str
    before: object
    substitute: object


class Patches:
    """What this run has put in the place of functions, descriptors and bound methods.

    With `shop` as `def rate(): …` and `class Cart` with `total = staticmethod(rate)`,
    and `app` with `from shop import rate`, the target `shop:rate` gets a wrapper `w`:

    | holder | name | before | substitute |
    |---|---|---|---|
    | `shop` | `rate` | `rate` | `w` |
    | `shop.Cart` | `total` | `staticmethod(rate)` | `staticmethod(w)` |
    | `app` | `rate` | `rate` | `w` |

    A class that inherits a function holds nothing itself before, and nothing after.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[int, str], _Place] = {}
        # By the address of a substitute: the substitute, so that no other object gets
        # its address, and what it stands for.
        self._originals: dict[int, tuple[object, object]] = {}
        self._modules_before: frozenset[str] = frozenset()

    def is_substitute(self, held: object) -> bool:
        """Return whether this run has put an object in the place of another one."""
        return _address(held) in self._originals

    def is_patched(self, holder: Holder, name: str) -> bool:
        """Return whether a holder itself has a substitute under a name."""
        return self.is_substitute(_read(holder, name))

    def original_of(self, held: object) -> Any:
        """Return what a substitute stands for; any other object as it is."""
        _, original = self._originals.get(_address(held), (held, held))
        return original

    def before(self, holder: Holder, name: str) -> Any:
        """Return what a holder itself held before this run, or `NOT_HELD`.

        What other tools have put there since counts as its own.
        """
        held = _read(holder, name)
        place = self._places.get((_address(holder), name))
        if place is not None and place.substitute is held:
            return place.before
        return self.original_of(held)

    def put(
        self,
        holder: Holder,
        name: str,
        original: Any,
        named: NamedFunction,
        wrapper: Wrapper,
    ) -> None:
        """Put the wrapper, or what carries it, in the place of an original."""
        if not self._modules_before:
            self._modules_before = frozenset(sys.modules)
        substitute: object = wrapper
        if inside_of(original) is named.function:
            substitute = _rebuilt(original, wrapper)
        elif not isinstance(holder, dict) and not _is_bound_by_classes(original):
            # A class binds each Python function, so the wrapper too.
            substitute = staticmethod(wrapper)
        self._originals.setdefault(_address(substitute), (substitute, original))
        self._originals.setdefault(_address(wrapper), (wrapper, named.function))
        before = _read(holder, name)
        self._places[_address(holder), name] = _Place(holder, name, before, substitute)
        _set_or_delete(holder, name, substitute)

    def put_wherever_held(
        self, wrapped: Sequence[tuple[NamedFunction, Wrapper]], since: str | None = None
    ) -> None:
        """Put wrappers wherever modules and their classes hold the functions.

        Args:
            wrapped: Functions, each patched already where it is named.
            since: The first module to search, by order of import.
        """
        notes = {}
        for named, wrapper in wrapped:
            if not named.is_held_once:
                notes[_address(named.function)] = named, wrapper
                notes[_address(named.original)] = named, wrapper
        if not notes:
            return
        holders = _holders(cache(is_machinery), since)
        for holder, name, held, (named, wrapper) in _places_that_hold(notes, holders):
            self.put(holder, name, held, named, wrapper)

    def restore_place(self, holder: Holder, name: str) -> None:
        """Put back what a holder held, unless another tool has put something there."""
        place = self._places.pop((_address(holder), name), None)
        if place is not None and _read(holder, name) is place.substitute:
            _set_or_delete(holder, name, place.before)

    def restore(self) -> None:
        """Restore all places, and those into which a wrapper was copied."""
        for place in list(self._places.values()):
            self.restore_place(place.holder, place.name)
        if self._originals:
            self._replace_copies()
        self._originals.clear()
        self._modules_before = frozenset()

    def _replace_copies(self) -> None:
        """Put originals where modules and classes have fetched substitutes."""

        @cache
        def leaves_out(module: str) -> bool:
            if is_machinery(module):
                return True
            # A library that was imported before fetches nothing later.
            return module in self._modules_before and _is_library(module)

        notes = {
            address: original for address, (_, original) in self._originals.items()
        }
        for holder, name, held, original in _places_that_hold(
            notes, _holders(leaves_out)
        ):
            is_bare = self.is_substitute(held)
            _set_or_delete(
                holder, name, original if is_bare else _rebuilt(held, original)
            )


# -- what a target names

# These return nothing and fill an object: there is no outcome.
_FILLING_METHODS = frozenset({"__init__", "__post_init__", "__setstate__"})


def find(
    module: str, path: Sequence[str], patches: Patches, *, is_edge: bool = False
) -> list[NamedFunction]:
    """Return the functions that a target names in an imported module; `*` names many.

    No descriptor is evaluated, and no module imported.

    Args:
        module: The name of the module.
        path: The names that lead to the function, `["Client", "get"]`.
        patches: Knows what a name held before it was patched.
        is_edge: Whether a client's adapter names them, which may name `__init__`.

    Raises:
        NotFoundError: The path names nothing, or nothing that can be mimicked.
    """
    *parents, last = path
    if module == "builtins" and not parents:
        raise NotFoundError("cannot be mimicked, name the function that calls it")
    holder = _as_holder(sys.modules[module], module)
    place = module
    for parent in parents:
        holder = _as_holder(_looked_up(holder, parent, place), parent)
        place = f"{place}.{parent}"
    if last in _FILLING_METHODS and isinstance(holder, type) and not is_edge:
        raise NotFoundError(
            "fills an object that exists, name a function that makes the object"
        )
    names = list(_public_names(holder, module, patches)) if last == "*" else [last]
    if not names:
        raise NotFoundError("names no public function")
    if not _is_writable(holder):
        raise NotFoundError("cannot be patched, its class is written in C")
    prefix = ".".join([*parents, ""])
    return [
        _named(holder, name, place, patches, f"{module}:{prefix}{name}")
        for name in names
    ]


def _named(
    holder: Holder, name: str, place: str, patches: Patches, label: str
) -> NamedFunction:
    is_held = name in _held_by(holder)
    # This is asked before anything here refers to the function.
    is_held_once = is_held and _references(holder, name) <= _ONLY_REFERENCE
    original = patches.original_of(_looked_up(holder, name, place))
    function = _function_of(original, label)
    return NamedFunction(
        holder,
        name,
        original,
        function,
        label,
        is_inherited=patches.before(holder, name) is NOT_HELD,
        is_held_once=is_held_once and function is original,
    )


def _looked_up(holder: Holder, name: str, place: str) -> Any:
    """Return what a name leads to in a module, or in a class and its bases.

    Raises:
        NotFoundError: It leads to nothing, or only `__getattr__` can say to what.
    """
    holders: Sequence[Holder] = [holder]
    if isinstance(holder, type):
        holders = holder.__mro__
    for each in holders:
        value = _read(each, name)
        if value is not NOT_HELD:
            return value
    has_getattr = "__getattr__" in _held_by(holder)
    if isinstance(holder, dict):
        # A lazy module may have `__getattr__` in a class of its own.
        has_getattr = has_getattr or hasattr(
            type(sys.modules.get(place)), "__getattr__"
        )
    if has_getattr:
        raise NotFoundError(
            f"is not in {place}, which gives names on demand:"
            " name it where it is defined"
        )
    names = holder if isinstance(holder, dict) else dir(holder)
    hint = did_you_mean(name, [each for each in names if each[:2] != "__"])
    raise AbsentError(f"does not exist in {place}{hint}")


def _public_names(holder: Holder, module: str, patches: Patches) -> Iterator[str]:
    """Yield what `*` stands for: a module's own functions, the methods of a class."""
    for name in list(_held_by(holder)):
        if name.startswith("_"):
            continue
        original = patches.before(holder, name)
        is_routine = _is_routine(original)
        if isinstance(holder, type):
            if is_routine or isinstance(original, (staticmethod, classmethod)):
                yield name
        elif is_routine and getattr(original, "__module__", None) == module:
            yield name


def _is_routine(value: object) -> bool:
    """Return whether `*` takes in a value; a proxy runs code when it is touched."""
    cls = type(value)
    if not hasattr(cls, "__get__") and not issubclass(cls, BuiltinFunctionType):
        return False
    return callable(value) and not issubclass(cls, type) and not _is_object(value)


def _is_object(function: object) -> bool:
    """Return whether a call runs the `__call__` of a class written in Python."""
    cls = type(function)
    if cls is FunctionType or issubclass(cls, type):
        return False
    for base in cls.__mro__:
        if "__call__" in vars(base):
            return isinstance(vars(base)["__call__"], FunctionType)
    return False


def _as_holder(candidate: object, name: str) -> Holder:
    """Return a class, or the namespace of a module.

    Raises:
        NotFoundError: The candidate is an object of another class.
    """
    if isinstance(candidate, type):
        return candidate
    namespace = namespace_of(candidate)
    if isinstance(candidate, ModuleType) and namespace is not None:
        return namespace
    cls = f"{type(candidate).__module__}:{type(candidate).__qualname__}"
    raise NotFoundError(
        f"cannot be patched, {name} is an object: name the method of its class, {cls}"
    )


def _function_of(original: Any, label: str) -> Any:
    """Return the function inside of what a name leads to.

    Raises:
        NotFoundError: There is none, or nobody would call it by this name.
    """
    if isinstance(original, type):
        raise NotFoundError(
            f"is a class, which cannot be mimicked, name its methods: {label}.*"
        )
    if isinstance(original, ModuleType):
        raise NotFoundError(f"is a module, name its functions: {original.__name__}:*")
    function = original
    # A static method can be called, too.
    if isinstance(original, staticmethod) or not callable(original):
        function = inside_of(original) or original
    if not callable(function):
        cls = type(function).__name__
        article = "an" if cls[0] in "aeiouAEIOU" else "a"
        raise NotFoundError(f"is not callable, it is {article} {cls}")
    if _is_object(function):
        method = f"{type(function).__module__}:{type(function).__qualname__}.__call__"
        raise NotFoundError(
            f"is an object of a class, name the function inside, or {method}"
        )
    return function


def defined_name(named: NamedFunction, patches: Patches) -> str:
    """Return the name under which a function is defined, and recorded.

    Where that name does not lead to the function, it is the name of its target.
    """
    module = getattr(named.function, "__module__", None)
    path = getattr(named.function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(path, str) or "<" in path:
        return named.label
    label = f"{module}:{path}"
    if named.is_inherited or module not in sys.modules or named.label == label:
        return named.label
    try:
        [defined] = find(module, path.split("."), patches)
    except NotFoundError:
        return named.label
    return label if defined.function is named.function else named.label
