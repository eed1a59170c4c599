"""Any value opened into what it holds, without running code of its class."""

from __future__ import annotations

import io
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.identity.kinds import is_stdlib, registered_kind
from pytest_mimic._core.identity.libraries import LIBRARIES
from pytest_mimic._core.identity.object_state import MEMORIES


class Opened(NamedTuple):
    """An object, taken apart.

    Attributes:
        content: Its content as a plain container, number or text, or the plainer data that its identity uses. It
            is in a tuple, which is empty for an object with nothing but attributes.
    """

    content: tuple[Any, ...]
    attributes: dict[str, Any]  # its attributes by name, or the items of a named tuple


class Part(NamedTuple):
    """One of the values that another value holds.

    Attributes:
        role: How the value holds it.
    """

    role: Literal["argument", "attribute", "entry", "field", "item", "key", "member"]
    name: Any  # its index, key or name
    value: Any  # the part

    @property
    def step(self) -> str:
        """The step of a path that leads to the part: `.rates`, `[2]`, `['two words']`."""
        if self.role == "entry":
            return key_step(self.name) if isinstance(self.name, str) else f"[{self.name!r}]"
        return _STEPS[self.role].format(self.name)


_STEPS = {
    "argument": ".args[{}]",
    "attribute": ".{}",
    "field": ".{}",
    "item": "[{}]",
    "key": ".keys()[{!r}]",
    "member": "{{...}}",
}


def key_step(key: str) -> str:
    """Return the step of a path that leads to the entry of a mapping: `.base`, or `['two words']`."""
    return f".{key}" if key.isidentifier() else f"[{key!r}]"


def lineage(kind: type) -> list[str]:
    """Return `module.qualname` of a type and of its bases, in the order of its `__mro__`."""
    return [f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__]


def type_name(kind: type) -> str:
    """Return `shop.models:Rate`, `pandas:Index`, or the bare name for a class of the standard library."""
    module = str(kind.__module__)
    if (library := module.partition(".")[0]) in LIBRARIES:  # which moves its classes from version to version
        module = library
    return kind.__qualname__ if is_stdlib(module) else f"{module}:{kind.__qualname__}"


def is_pair(value: Any) -> bool:
    """Return whether a value is a (name, value) pair, as in a list of headers. Pairs read from JSON are lists."""
    return type(value) in (tuple, list) and len(value) == 2 and type(value[0]) in (str, bytes)


def opened(value: Any) -> Opened:
    """Open an object that is neither a plain value nor a value of a library.

    Only `__mimic_identity__` and functions given to `register_fingerprint` run, as they do for the identity.
    """
    kind = type(value)
    plain = plain_form(value)
    if plain is not None:
        fields = fields_of(value)
        if fields:
            return Opened((), dict(zip(fields, plain, strict=False)))
        return Opened((plain,), attributes_of(value))
    rule = registered_kind(kind)
    if rule is not None:
        with suppress(Exception):  # a rule that fails is reported when the identity is taken
            return Opened((rule.reduce(value),), {})
    return Opened((), attributes_of(value))


def parts_of(value: Any) -> Iterator[Part]:
    """Yield every part that a value holds: items, entries and keys, attributes, variables of a closure.

    Classes and modules are known by their names, so they have no parts.
    """
    kind = type(value)
    containers = (dict, list, tuple, deque, set, frozenset)
    plain = next((base for base in containers if issubclass(kind, base)), None)
    if plain is dict:
        yield from (Part("entry", key, part) for key, part in dict.items(value))
        yield from (Part("key", key, key) for key in dict.keys(value))
    elif plain is set or plain is frozenset:
        yield from (Part("member", None, part) for part in plain.__iter__(value))
    elif plain is not None:
        names = fields_of(value)
        for index, part in enumerate(plain.__iter__(value)):
            yield Part("field", names[index], part) if names else Part("item", index, part)
    if issubclass(kind, BaseException):
        # As Python has them, even where the class defines other attributes of these names.
        args, cause = (vars(BaseException)[name].__get__(value) for name in ("args", "__cause__"))
        yield from (Part("argument", index, part) for index, part in enumerate(args))
        if cause is not None:
            yield Part("attribute", "__cause__", cause)
    if kind is FunctionType:
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            with suppress(ValueError):  # nothing was assigned to the variable yet
                yield Part("field", name, cell.cell_contents)
    if not issubclass(kind, (type, ModuleType)):
        yield from (Part("attribute", name, part) for name, part in _all_attributes(value).items())


def fields_of(value: Any) -> tuple[str, ...]:
    """Return the names of a named tuple's items; nothing for other values."""
    names = getattr(type(value), "_fields", None) if issubclass(type(value), tuple) else None
    return names if isinstance(names, tuple) and len(names) == tuple.__len__(value) else ()


def attributes_of(value: object) -> dict[str, Any]:
    """Return the attributes in `__dict__` and slots, without the bookkeeping of Python and attrs.

    No property is evaluated. The notes of an exception belong to its user, and so do the extra fields and
    private attributes of a pydantic model, which it keeps in dicts beside its fields.
    """
    found = _all_attributes(value)
    for beside in (found.get("__pydantic_extra__"), found.get("__pydantic_private__")):
        if isinstance(beside, dict):
            found |= beside
    return {
        name: part
        for name, part in found.items()
        if (name == "__notes__" or name[:2] != "__") and name not in MEMORIES
    }


def _all_attributes(value: object) -> dict[str, Any]:
    places = (vars(base).get("__dict__") for base in type(value).__mro__)
    # A `__dict__` that a class defines itself, such as a lazy proxy's, may run anything.
    place = next((each for each in places if type(each) in _REAL), None)
    attributes = None if place is None else place.__get__(value)
    found = {str(name): part for name, part in attributes.items()} if isinstance(attributes, dict) else {}
    for base in type(value).__mro__:
        # Classes in C also have members: files keep their buffers there since Python 3.13. Only partial and
        # defaultdict keep values of their users there.
        if "__slots__" in vars(base) or base.__module__ in ("collections", "functools"):
            for name, member in vars(base).items():
                if isinstance(member, MemberDescriptorType):
                    with suppress(AttributeError):  # an empty slot
                        found.setdefault(name, member.__get__(value))
    return found


_REAL = (GetSetDescriptorType, MemberDescriptorType)


def plain_form(value: Any) -> Any:
    """Return the content of a value whose class derives from a plain one, as the plain class; None for others."""
    for name in lineage(type(value)):
        if name in _PLAIN:
            return _PLAIN[name](value)
    return None


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "_io.BytesIO": lambda value: b"" if value.closed else io.BytesIO.getvalue(value),
    "_io.StringIO": lambda value: "" if value.closed else io.StringIO.getvalue(value),
    "builtins.bytearray": lambda value: bytearray(bytearray.__iter__(value)),
    "builtins.bytes": lambda value: bytes(bytes.__iter__(value)),
    "builtins.dict": lambda value: dict(dict.items(value)),
    # With their keys, as these say which values are secret.
    "builtins.dict_items": lambda value: dict(value.mapping),
    "builtins.dict_keys": list,
    "builtins.dict_values": lambda value: dict(value.mapping),
    "builtins.float": float.__float__,
    "builtins.frozenset": lambda value: frozenset(frozenset.__iter__(value)),
    "builtins.int": int.__int__,
    "builtins.list": lambda value: list(list.__iter__(value)),
    "builtins.mappingproxy": dict,
    "builtins.set": lambda value: set(set.__iter__(value)),
    "builtins.str": str.__str__,
    "builtins.tuple": lambda value: tuple(tuple.__iter__(value)),
    # dict.items does not know the order that move_to_end leaves.
    "collections.OrderedDict": lambda value: dict(OrderedDict.items(value)),
    "collections.deque": list,
}


def iterator_state(value: Any) -> object:
    """Return what pickle keeps of one of Python's own iterators: what it goes over, and how far it is.

    That over a container is the same whatever the container is, since all of them are recorded as lists. None for other
    values, and for generators, whose state cannot be read.
    """
    kind = type(value)
    is_iterator = hasattr(kind, "__next__") or kind.__name__ == "_tee_dataobject"  # what two of `tee` share
    if kind.__module__ not in ("builtins", "itertools") or not is_iterator:
        return None
    try:
        # itertools deprecates this from Python 3.12 on, and drops it in 3.14.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = value.__reduce__()
            return list(state[1][0])[(*state, 0)[2] :] if state[0] is iter else state
    except TypeError:
        return None


class Events(list[Any]):
    """The events of a stream in order. Paths need not name the number of an event, so that one path is for all of them."""

    def __init__(self, events: Iterable[Any], *, is_whole: bool = True) -> None:
        super().__init__(events)
        self.is_whole = is_whole  # whether the stream was read to its end


class ServerSentEvent(dict[str, Any]):
    """The fields of one server-sent event. Paths need not name `data`, its text or the JSON in it."""
