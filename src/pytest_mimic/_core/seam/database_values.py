"""Values of databases as trees for JSON, and back, with their types: those of outcomes, and what drivers have of their own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from base64 import b64encode
from collections import namedtuple
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.outcome.outcome import NotExactError
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.tags import Reader, Writer
from pytest_mimic._core.types.kinds import Unstable, find, full_name, name_of
from pytest_mimic._core.types.table import ROWS
from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError

# The types of JSON's values that hold no others. `from_plain` returns them as they are.
PLAIN = frozenset((str, int, float, bool, type(None)))
_PATHS = PathStore(Places())
_IPS = tuple(
    f"IPv{version}{kind}"
    for version in (4, 6)
    for kind in ("Address", "Interface", "Network")
)
# Classes of drivers, which are stored by their state. By their names, so that no driver
# is imported.
_OF_DRIVERS = frozenset(
    {
        *("psycopg.types.range:Range", "psycopg.types.multirange:Multirange"),
        *(
            "asyncpg.types:Range",
            "pg8000.types:Range",
            "sqlalchemy.dialects.postgresql.ranges:Range",
        ),
        *(
            f"psycopg2._range:{kind}Range"
            for kind in ("Numeric", "Date", "DateTime", "DateTimeTZ")
        ),
    }
)
# Longer bytes would be an object of the vault of their own, of which a client's outcome
# has none.
_LONG = 1024


@cache
def _composite(name: str, *fields: str) -> Any:
    """Return the class for a composite type. A driver makes one in each process."""
    return namedtuple(name, fields)


def _of_driver(name: str, state: Any) -> Any:
    """Return the object of a driver's class that has a state, as pickle makes it."""
    if name not in _OF_DRIVERS:
        raise ValueError(name)
    made = find(name).__new__(find(name))
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:  # the attributes, and those of slots
        for part in state if type(state) is tuple else (state,):
            for attribute, value in (part or {}).items():
                setattr(made, attribute, value)
    return made


# Each gets the parts of a tag.
_MAKERS: dict[str, Callable[..., Any]] = {
    "$memoryview": memoryview,
    "$ip": lambda kind, text: getattr(ipaddress, _IPS[_IPS.index(kind)])(text),
    "$named": lambda name, fields, *parts: _composite(name, *fields)(*parts),
    "$driver": _of_driver,
}


class _Writer(Writer):
    """Writes values of databases.

    One of a subclass of a known type, as drivers make some, becomes one of that type.
    """

    def write(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN or (
            full_name(kind) in ROWS and kind not in (bytes, memoryview)
        ):
            return (
                self._own("ip", kind.__name__, str(value))
                if kind.__name__ in _IPS
                else super().write(value)
            )
        if kind is memoryview:
            return self._own("memoryview", value.tobytes())
        if kind is bytes:
            is_long = len(value) > _LONG
            return (
                self.node("base64", b64encode(value).decode())
                if is_long
                else super().write(value)
            )
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._own("named", kind.__name__, list(value._fields), *value)
        for base in kind.__mro__:
            if name_of(base) in _OF_DRIVERS:
                return self._own("driver", name_of(base), value.__reduce_ex__(2)[2])
            if (row := ROWS.get(full_name(base))) is not None:
                part = row.take(value)
                return (
                    self.node(row.tag, self.taken(part))
                    if row.tag
                    else super().write(part)
                )
        raise NotExactError(kind)

    def _own(self, tag: str, *parts: Any) -> Any:
        return self.node(tag, [self.write(part) for part in parts])


class _Reader(Reader):
    """Reads what `_Writer` writes. It imports drivers' classes only."""

    def __init__(self) -> None:
        super().__init__(_PATHS, frozenset(), bytes.fromhex)

    def read(self, tree: Any) -> Any:
        if (
            type(tree) is dict
            and (make := _MAKERS.get(next(iter(tree), ""))) is not None
        ):
            return make(*map(self.read, tree[next(iter(tree))]))
        return super().read(tree)


def to_plain(value: object, path: str = "value") -> Any:
    """Return a tree that `from_plain` turns back into an equal value of the same type.

    The value is anything that a database driver accepts or returns.

    Raises:
        UnstorableOutcomeError: A part is of another type.
    """
    if value is None or type(value) in (str, int, bool):
        return value
    writer = _Writer(_PATHS)
    try:
        tree = writer.write(value)
        if writer.imports:  # the classes of an application are none of a database's
            raise NotExactError(*writer.imports)
        return tree
    except (NotExactError, RecursionError, Unstable) as reason:
        raise UnstorableOutcomeError(
            "what a database returned cannot be stored",
            facts=(f"{path}: {reason}", "nothing was recorded"),
            path=path,
        ) from None


def from_plain(plain: object) -> Any:
    """Return the value that `to_plain` got.

    CorruptRecordingError: it is not as it was written.
    """
    if type(plain) in PLAIN:
        return plain
    try:
        return _Reader().read(plain)
    except Exception as reason:  # the classes of drivers may raise anything
        raise CorruptRecordingError(
            f"a recording has a value that cannot be read: {reason}"
        ) from reason


_ZEROES: dict[type, object] = {
    **{kind: kind() for kind in (int, float, Decimal, dt.timedelta)},
    uuid.UUID: uuid.UUID(int=0),
    dt.date: dt.date(1970, 1, 1),
}


def blank(value: object, placeholder: str) -> object:
    """Return a value of the same type in place of a secret one.

    Text and bytes become the placeholder, other values the zero of their type. None and
    booleans stay, and containers
    keep their shape.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        make = getattr(value, "_make", type(value))  # a composite type is a named tuple
        return make([blank(item, placeholder) for item in value])
    if isinstance(value, dict):
        return {key: blank(item, placeholder) for key, item in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return type(value)(placeholder.encode())
    if isinstance(value, dt.datetime):
        return dt.datetime(1970, 1, 1, tzinfo=value.tzinfo)
    if isinstance(value, dt.time):
        return dt.time(0, tzinfo=value.tzinfo)
    return next(
        (zero for kind, zero in _ZEROES.items() if isinstance(value, kind)), placeholder
    )
