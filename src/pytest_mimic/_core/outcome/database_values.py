"""Values of databases as trees for JSON, and back.

`to_plain` takes a value that a driver gave to a tree, and `from_plain` makes the value
again, in the same class:

    1, "a", None            as they are
    Decimal("1.10")         {"$decimal": "1.10"}, as in the outcomes of functions
    Range(1, 5)             {"$driver": [name of the class, its state]}
    Cents(250)              {"$of": ["shop:Cents", 250]}, and `shop:Cents` is listed
    Color.RED               {"$member": ["shop:Color", "RED"]}, `shop:Color` is listed

A parameter is written by its value alone, with `parameter_to_plain`: a subclass of a
builtin is what the driver sends, and that is the builtin.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from base64 import b64encode
from collections import namedtuple
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from enum import Enum, EnumMeta
from functools import cache
from typing import Any, cast, overload

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.nodes.node_classes import Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.outcome.outcome import NotExactError
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.readable_values import ValueReader, ValueWriter
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.types.stdlib_types import ROWS
from pytest_mimic._core.types.type_names import find, full_name, name_of
from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError

# The types of JSON's values without parts. `from_plain` returns their values as they
# are.
PLAIN = frozenset((str, int, float, bool, type(None)))
# Paths in values of databases are stored as they are, since no place in a run is known.
_PATHS_AS_THEY_ARE = PathStore(Places())
# The classes of `ipaddress`, which are stored as a text.
_CLASSES_OF_IPADDRESS = (
    "IPv4Address",
    "IPv4Interface",
    "IPv4Network",
    "IPv6Address",
    "IPv6Interface",
    "IPv6Network",
)
# Classes of drivers, which are stored by their state. They stand by their names, so
# that no driver is imported for the table.
_DRIVER_CLASSES_BY_STATE = frozenset(
    (
        "psycopg.types.range:Range",
        "psycopg.types.multirange:Multirange",
        "asyncpg.types:Range",
        "asyncpg.pgproto.types:BitString",
        "asyncpg.pgproto.types:Path",
        "asyncpg.pgproto.types:Polygon",
        "pg8000.types:Range",
        "sqlalchemy.dialects.postgresql.ranges:Range",
        "psycopg2._range:NumericRange",
        "psycopg2._range:DateRange",
        "psycopg2._range:DateTimeRange",
        "psycopg2._range:DateTimeTZRange",
    )
)
# Classes of drivers that derive from a builtin, and hold no more than that builtin
# does.
_DRIVER_CLASSES_BY_VALUE = frozenset(
    (
        "asyncpg.pgproto.types:Point",
        "asyncpg.pgproto.types:Box",
        "asyncpg.pgproto.types:Line",
        "asyncpg.pgproto.types:LineSegment",
        "asyncpg.pgproto.types:Circle",
    )
)
# The UUID of asyncpg, which is made of the bytes of a UUID of the standard library.
_UUID_OF_ASYNCPG = "asyncpg.pgproto.pgproto:UUID"
# Packages that make classes of named tuples for composite types and rows, in each
# process anew.
_PACKAGES_OF_NAMED_TUPLES = ("psycopg", "psycopg2", "asyncpg", "pg8000", "sqlalchemy")
# The attribute that typing sets at an object that was made by `Multirange[int](…)`.
_ATTRIBUTE_OF_TYPING = "__orig_class__"
# The most bytes that are stored as bytes. The writer of outcomes stores longer bytes as
# objects of the vault, which the outcome of a client does not have.
_MOST_BYTES = 1024


# -- classes of applications that derive from builtins


@overload
def by_value(value: str) -> str: ...
@overload
def by_value(value: object) -> object: ...
def by_value(value: object) -> object:
    """Return a database's value of a subclass of a builtin as that builtin.

    Other values are returned as they are.

    The methods of the subclass do not run: a `str` that is an `Enum` has another
    `__str__`.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, bytes):
        return bytes.join(b"", [value])
    # A driver gives composite types, arrays and JSON as these three.
    if isinstance(value, tuple):
        return tuple(tuple.__iter__(value))
    if isinstance(value, list):
        return list(list.__iter__(value))
    if isinstance(value, dict):
        return dict(dict.items(value))
    return value


def in_class(subclass: type, value: object) -> object:
    """Return a value of a database in the subclass of a builtin that it had.

    `in_class(Cents, 250)` is `Cents(250)`, made without the methods of `Cents`.

    Args:
        subclass: The class that the value had.
        value: The value as the builtin, or as a moment or a span of time.

    Raises:
        TypeError: The class does not derive from the type of the value.
    """
    builtin = type(value)
    if builtin is subclass:
        return value
    if not issubclass(subclass, builtin):
        raise TypeError(f"{full_name(subclass)} is no {builtin.__name__}")
    # A row is made again without code of the application: the methods of the builtin
    # run, and not those that the class may define.
    new: Callable[..., object] = builtin.__new__
    if builtin in (list, dict):
        init: Callable[..., None] = builtin.__init__
        container = new(subclass)
        init(container, value)
        return container
    arguments = None
    if builtin in _MOMENTS:
        arguments = _arguments_of_database_moment(value)
    if arguments is None:
        return new(subclass, value)
    if isinstance(value, (dt.datetime, dt.time)):
        return new(subclass, *arguments, fold=value.fold)
    return new(subclass, *arguments)


def _arguments_of_database_moment(
    value: object,
) -> tuple[int | dt.tzinfo | None, ...] | None:
    """Return the arguments of which a moment of a database is made, except `fold`.

    None: the value is neither a moment nor a span of time.
    """
    if isinstance(value, dt.datetime):
        date = value.year, value.month, value.day
        return *date, *_arguments_of_database_time(value)
    if isinstance(value, dt.date):
        return value.year, value.month, value.day
    if isinstance(value, dt.time):
        return _arguments_of_database_time(value)
    if isinstance(value, dt.timedelta):
        return value.days, value.seconds, value.microseconds
    return None


def _arguments_of_database_time(
    value: dt.datetime | dt.time,
) -> tuple[int, int, int, int, dt.tzinfo | None]:
    return value.hour, value.minute, value.second, value.microsecond, value.tzinfo


# The builtins of whose subclasses `in_class` can make objects, and the moments and
# spans of time, of which it takes the parts.
_BUILTINS: tuple[type, ...] = (str, int, float, bytes, tuple, list, dict)
_MOMENTS: tuple[type, ...] = (dt.datetime, dt.date, dt.time, dt.timedelta)


def _builtin_of_database_class(kind: type) -> type | None:
    """Return the builtin or moment from which the class of a database's value derives.

    None: the class derives from none, so that a row with such a value is refused.
    """
    for base in kind.__mro__:
        if base in _BUILTINS or base in _MOMENTS or base is Decimal:
            return base
    return None


def _attributes_beside_database_value(value: object) -> dict[str, object]:
    """Return what a database's value holds besides that of its builtin, by attribute.

    Raises:
        NotExactError: The object has slots, which are not stored.
    """
    # A class with empty `__slots__` adds no attributes.
    if any(vars(base).get("__slots__") for base in type(value).__mro__):
        raise NotExactError(type(value))
    return dict(getattr(value, "__dict__", {}))


# -- classes of drivers


@cache
def _named_tuple_class(name: str, *fields: str) -> Callable[..., object]:
    """Return the class of named tuples for a composite type of a database.

    A driver makes such a class in each process anew.
    """
    return namedtuple(name, fields)


def _is_named_tuple_of_driver(kind: type) -> bool:
    """Check whether a driver has made a class of named tuples for a type or a row."""
    package = kind.__module__.partition(".")[0]
    return package in _PACKAGES_OF_NAMED_TUPLES and hasattr(kind, "_fields")


def _make_driver_value(name: str, state: object) -> object:
    """Return an object of a driver's class, made of its state as pickle makes it.

    Args:
        name: The name of the class, `module:Class`.
        state: What `_state_of_driver_value` returned.

    Raises:
        ValueError: The class is not listed.
    """
    if name == _UUID_OF_ASYNCPG:
        uuid_of: Callable[[object], object] = find(name)
        return uuid_of(state)
    if name in _DRIVER_CLASSES_BY_VALUE:
        return in_class(find(name), state)
    if name not in _DRIVER_CLASSES_BY_STATE:
        raise ValueError(name)
    kind: type = find(name)
    make_empty = cast("Callable[[type], object]", kind.__new__)
    driver_value: Any = make_empty(kind)
    if hasattr(driver_value, "__setstate__"):
        driver_value.__setstate__(state)
        return driver_value
    # The state is a dict of attributes, or a tuple of this dict and that of the slots.
    dicts: tuple[object, ...] = state if isinstance(state, tuple) else (state,)
    for dict_or_none in dicts:
        attributes = dict_or_none if isinstance(dict_or_none, dict) else {}
        for attribute in attributes:
            setattr(driver_value, attribute, attributes[attribute])
    return driver_value


def _state_of_driver_value(value: object) -> object:
    """Return the state of an object of a driver's class, the third part of a pickle."""
    state: object = value.__reduce_ex__(2)[2]
    if type(state) is dict:
        return {name: state[name] for name in state if name != _ATTRIBUTE_OF_TYPING}
    return state


def _make_ip(kind: str, text: str) -> object:
    """Return an address or network of a row. An edited recording may name any class."""
    if kind not in _CLASSES_OF_IPADDRESS:
        raise ValueError(kind)
    make: Callable[[str], object] = getattr(ipaddress, kind)
    return make(text)


def _make_named_tuple(name: str, fields: list[str], *parts: object) -> object:
    return _named_tuple_class(name, *fields)(*parts)


# The functions that make a value of the parts under a tag, by the tag.
_MAKERS_BY_TAG: dict[str, Callable[..., object]] = {
    "memoryview": memoryview,
    "ip": _make_ip,
    "named": _make_named_tuple,
    "driver": _make_driver_value,
}


# -- writing


class _DatabaseWriter(ValueWriter):
    """Writes values of databases.

    Attributes:
        classes_of_application: Those that were met, as `module:name`.
    """

    def __init__(self) -> None:
        super().__init__(_PATHS_AS_THEY_ARE)
        self.classes_of_application: set[str] = set()

    def node(self, value: object) -> Node:
        kind = type(value)
        if isinstance(value, memoryview):
            return self._database_node("memoryview", value.tobytes())
        if kind is bytes and isinstance(value, bytes) and len(value) > _MOST_BYTES:
            # The writer of outcomes would store them as an object of the vault.
            return self.counted(Opaque("base64", b64encode(value).decode()))
        if kind.__name__ in _CLASSES_OF_IPADDRESS and kind.__module__ == "ipaddress":
            return self._database_node("ip", kind.__name__, str(value))
        if kind in PLAIN or full_name(kind) in ROWS:
            return super().node(value)
        return self._node_by_class(value, kind)

    def _node_by_class(self, value: object, kind: type) -> Node:
        """Return the node of a value whose class is none of the standard library."""
        name = name_of(kind)
        if name in _DRIVER_CLASSES_BY_STATE:
            return self._database_node("driver", name, _state_of_driver_value(value))
        if name in _DRIVER_CLASSES_BY_VALUE and isinstance(value, tuple):
            return self._database_node("driver", name, tuple(tuple.__iter__(value)))
        if name == _UUID_OF_ASYNCPG:
            return self._database_node("driver", name, cast("uuid.UUID", value).bytes)
        if isinstance(value, Enum):
            return self._node_of_member(value, kind)
        builtin = _builtin_of_database_class(kind)
        if builtin is None:
            raise NotExactError(kind)
        if _is_importable(kind):
            return self._node_in_class(value, kind, builtin)
        if _is_named_tuple_of_driver(kind) and isinstance(value, tuple):
            # A replay makes the class again, as the driver does in each process.
            fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
            return self._database_node("named", kind.__name__, list(fields), *value)
        raise NotExactError(kind)

    def _node_of_member(self, value: Enum, kind: type) -> Node:
        """Return the node of a member of an enumeration that stands in a row."""
        name = value.name
        # A combination of flags is no member: it has several names or none.
        is_plain = _members_of_enum(kind).get(name) is value
        if not (is_plain and _is_importable(kind)):
            raise NotExactError(kind)
        self.classes_of_application.add(name_of(kind))
        return self._database_node("member", name_of(kind), name)

    def _node_in_class(self, value: object, kind: type, builtin: type) -> Node:
        """Return the node of a database's value in the application's own class."""
        value_of_builtin = _database_value_without_class(value, builtin)
        attributes = _attributes_beside_database_value(value)
        # A row whose copy differs is refused, as a replay would give the copy.
        copy = in_class(kind, value_of_builtin)
        if type(copy) is not kind:
            raise NotExactError(kind)
        if _database_value_without_class(copy, builtin) != value_of_builtin:
            raise NotExactError(kind)
        self.classes_of_application.add(name_of(kind))
        parts = [value_of_builtin, attributes] if attributes else [value_of_builtin]
        return self._database_node("of", name_of(kind), *parts)

    def _database_node(self, tag: str, *parts: object) -> Node:
        return self.counted(Items(tag, [self.node(part) for part in parts]))


def _members_of_enum(kind: type) -> Mapping[str, object]:
    """Return the members of a row's enumeration by name, past its own attributes."""
    members: Callable[[type], Mapping[str, object]]
    members = EnumMeta.__members__.fget  # type: ignore[attr-defined]
    return members(kind)


def _is_importable(kind: type) -> bool:
    """Check whether a replay can import the class of a database's value by its name."""
    try:
        return find(name_of(kind)) is kind
    except (ImportError, AttributeError, ValueError):
        return False


def _database_value_without_class(value: object, builtin: type) -> object:
    """Return a database's value as the builtin or moment that its class extends."""
    if builtin in _BUILTINS:
        return by_value(value)
    if isinstance(value, Decimal):
        return Decimal(value)
    arguments = _arguments_of_database_moment(value)
    assert arguments is not None
    make: Callable[..., object] = builtin
    if isinstance(value, (dt.datetime, dt.time)):
        return make(*arguments, fold=value.fold)
    return make(*arguments)


class _DatabaseParameterWriter(_DatabaseWriter):
    """Writes parameters of a statement by their value alone, which a driver sends.

    An object of a derived class is written as a value of the known type, so that it
    counts as such in the identity of the statement's call.
    """

    def _node_by_class(self, value: object, kind: type) -> Node:
        for base in kind.__mro__:
            if name_of(base) in _DRIVER_CLASSES_BY_STATE:
                return self._database_node(
                    "driver", name_of(base), _state_of_driver_value(value)
                )
            row = ROWS.get(full_name(base))
            if row is not None:
                parts: object = row.take(value)
                if row.tag:
                    return self.tagged(row.tag, parts)
                if base in _BUILTINS:
                    return self.node(by_value(value))
                return self.node(parts)
        # The parameter then counts as an argument of a function does.
        raise NotExactError(kind)


# -- reading


class _DatabaseReader(ValueReader):
    """Reads what `_DatabaseWriter` writes.

    It imports the classes of drivers, and the classes of the application that the
    recording lists.
    """

    def __init__(self, listed_classes: Collection[str]) -> None:
        super().__init__(_PATHS_AS_THEY_ARE, frozenset(), bytes.fromhex)
        self._listed_classes = listed_classes

    def make(self, tag: str, part: Any, facts: dict[str, Any]) -> object:
        # Of an edited recording, the parts may be too many or too few, which raises.
        if tag == "of":
            return self._make_in_class(*part)
        if tag == "member":
            return self._enum_member(*part)
        make = _MAKERS_BY_TAG.get(tag)
        if make is not None:
            return make(*part)
        value_in_class: object = super().make(tag, part, facts)
        return value_in_class

    def _make_in_class(
        self, name: str, value: object, attributes: dict[str, object] | None = None
    ) -> object:
        value_in_class = in_class(self._listed_class(name), value)
        if attributes:
            # They are set past a `__setattr__` of the application's class.
            value_in_class.__dict__.update(attributes)
        return value_in_class

    def _enum_member(self, name: str, member: str) -> object:
        return _members_of_enum(self._listed_class(name))[member]

    def _listed_class(self, name: str) -> type:
        if name not in self._listed_classes:
            # No edited value imports a module that its recording does not name.
            raise ValueError(f"{name} is not listed")
        cls: type = find(name)
        return cls


def to_plain(
    value: object, path: str = "value", noted_classes: set[str] | None = None
) -> Any:
    """Return a tree that `from_plain` turns back into an equal value of the same class.

    Args:
        value: The value that a database driver returned.
        path: Where the value stands, for the error.
        noted_classes: Gets the names of the application's classes in the value. The
            recording must list them: a replay imports no others. Without it, a value
            with such a class is refused.

    Raises:
        UnstorableOutcomeError: A part is of another type.
    """
    if type(value) in (str, int, bool) or value is None:
        return value
    writer = _DatabaseWriter()
    try:
        node = writer.node(value)
        # The base class, which writes outcomes, has noted names that `_DatabaseReader`
        # does not import.
        if writer.imports:
            # `_unstorable` makes the user's error, with these names.
            raise NotExactError(*writer.imports)
        if writer.classes_of_application and noted_classes is None:
            # The caller cannot list them, so no replay would import them.
            raise NotExactError(*writer.classes_of_application)
    except (NotExactError, RecursionError, Unstable) as reason:
        raise _unstorable(value, path, reason) from None
    if noted_classes is not None:
        noted_classes |= writer.classes_of_application
    return plain_of(node)


def _unstorable(
    value: object, path: str, reason: BaseException
) -> UnstorableOutcomeError:
    """Return the error for a database's value that cannot be stored.

    Args:
        value: The value.
        path: Where the value stands, `row.price`.
        reason: What the writer has raised.
    """
    name_of_class = full_name(type(value)).removeprefix("builtins.")
    # The part at fault: its class, or a text about it.
    part = reason.args[0] if reason.args else None
    words = name_of_class
    if part is not type(value):
        name_of_part = full_name(part) if isinstance(part, type) else str(reason)
        words = f"{name_of_class}, which holds {name_of_part}"
    column = path.partition(".")[2] or path
    return UnstorableOutcomeError(
        "what a database returned cannot be stored",
        facts=(f"{path}: {words}", "nothing was recorded"),
        remedies=(
            f"cast it in the query: CAST({column} AS text)",
            "or name the function around the query in mimic_functions",
        ),
        path=path,
    )


def parameter_to_plain(value: object) -> Any:
    """Return a parameter of a statement as a tree, by which it counts and is shown.

    The tree is never read back. It is a part of the identity of the statement's call: a
    change of it makes each recording with such a parameter a miss.

    Raises:
        UnstorableOutcomeError: A part is of an unknown type. The adapter of SQLAlchemy
            then lets the value count as any argument does.
    """
    if type(value) in (str, int, bool) or value is None:
        return value
    writer = _DatabaseParameterWriter()
    try:
        node = writer.node(value)
    except (NotExactError, RecursionError, Unstable) as reason:
        raise _unstorable(value, "params", reason) from None
    if writer.imports:
        raise _unstorable(value, "params", NotExactError(*writer.imports))
    return plain_of(node)


def from_plain(plain: object, classes: Collection[str] = ()) -> Any:
    """Return the value of which `to_plain` made a tree.

    Args:
        plain: The tree.
        classes: The names of the application's classes that the recording lists. No
            others are imported.

    Raises:
        CorruptRecordingError: The tree is not as `to_plain` writes it.
    """
    if type(plain) in PLAIN:
        return plain
    try:
        return _DatabaseReader(classes).read(plain)
    # A class of a driver or an application may raise anything where its object is made.
    except Exception as reason:
        raise CorruptRecordingError(
            f"a recording has a value that cannot be read: {reason}"
        ) from reason


# The value that stands for a secret number, UUID or date: the zero of its type.
_ZEROES: dict[type, object] = {
    **{kind: kind() for kind in (int, float, Decimal, dt.timedelta)},
    uuid.UUID: uuid.UUID(int=0),
    dt.date: dt.date(1970, 1, 1),
}


def blank(value: object, placeholder: str) -> object:
    """Return what stands in a row for a secret value of the database, of the same type.

    | the value | what stands for it |
    |---|---|
    | text, bytes | the placeholder |
    | a number, a date, a UUID | the zero of its type, such as `1970-01-01` |
    | a list, a mapping | the same with its items replaced |
    | None, a boolean | the value |
    """
    # A boolean tells no secret, and code often asks whether a value is set.
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)):
        items = [blank(item, placeholder) for item in value]
        blank_items: object = tuple(items) if isinstance(value, tuple) else items
        return in_class(type(value), blank_items)
    if isinstance(value, (set, frozenset)):
        return type(value)(blank(item, placeholder) for item in value)
    if isinstance(value, dict):
        blank_entries = {key: blank(item, placeholder) for key, item in value.items()}
        return in_class(type(value), blank_entries)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return type(value)(placeholder.encode())
    if isinstance(value, dt.datetime):
        return in_class(type(value), dt.datetime(1970, 1, 1, tzinfo=value.tzinfo))
    if isinstance(value, dt.time):
        return in_class(type(value), dt.time(0, tzinfo=value.tzinfo))
    zero: object = placeholder
    for kind, zero_of_kind in _ZEROES.items():
        if isinstance(value, kind):
            zero = zero_of_kind
            break
    # The blank value of an application's text, number or date is of the same class, as
    # the code under test may call methods of it. An enumeration has no member with such
    # a value.
    is_of_builtin = issubclass(type(value), type(zero)) and type(zero) is not uuid.UUID
    if is_of_builtin and not isinstance(value, Enum):
        return in_class(type(value), zero)
    return zero
