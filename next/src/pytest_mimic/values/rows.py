"""The types with a readable form of their own, and words for those without identity."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.values.names import name_of
from pytest_mimic.values.tree import Raw, Refused, Tree, memory_node, text_of

if TYPE_CHECKING:
    from pytest_mimic.values.walk import Walk

Make = Callable[[Any], Any]


class Row(NamedTuple):
    """How values of a type are opened and made again.

    Attributes:
        node: Gives the tree of a value: `{"$date": "2024-04-30"}`.
        make: Makes an object of a class, the type itself or a subclass, from the tree
            and a function that makes its parts. `None`: a replay cannot.
    """

    node: Callable[[Any, Walk], Tree]
    make: Callable[[Any, dict[str, Any], Make], object] | None


def row_of(cls: type) -> Row | None:
    """Give the row of exactly this type."""
    # By name, since a type that nobody has used need not be imported.
    return ROWS.get(name_of(cls))


# -- numbers, texts, bytes


def _complex(value: complex, walk: Walk) -> Tree:
    return {"$complex": [walk.node(value.real), walk.node(value.imag)]}


def _make_complex(cls: Any, node: dict[str, Any], make: Make) -> object:
    return complex.__new__(cls, *map(make, node["$complex"]))


def _bytes(value: bytes, walk: Walk) -> Tree:
    if len(value) > 3_000 and walk.purpose != "exact":
        return memory_node(value)
    if len(value) > 65_536:
        return Raw(value)
    if value.isascii():
        return {"$bytes": value.decode("ascii")}
    return {"$base64": _base64(value)}


def _base64(value: bytes | bytearray) -> str:
    from base64 import b64encode  # Most runs hold no such bytes.

    return b64encode(value).decode("ascii")


def bytes_of(node: dict[str, Any]) -> bytes:
    """Give the bytes that `{"$bytes": text}` or `{"$base64": text}` stands for.

    Raises:
        ValueError: The text is no ASCII, or no base64.
    """
    if "$bytes" in node:
        return bytes(node["$bytes"], "ascii")
    from base64 import b64decode

    return b64decode(node["$base64"], validate=True)


def _make_bytes(cls: Any, node: dict[str, Any], _make: Make) -> object:
    return bytes.__new__(cls, bytes_of(node))


def _bytearray(value: bytearray, walk: Walk) -> Tree:
    content = _bytes(bytes(value), walk)
    return Raw(value) if isinstance(content, Raw) else {"$bytearray": content}


def _make_bytearray(cls: Any, node: dict[str, Any], _make: Make) -> object:
    made = bytearray.__new__(cls)
    bytearray.__init__(made, bytes_of(node["$bytearray"]))
    return made


def _memory(value: memoryview, _walk: Walk) -> Tree:
    if value.format.strip("@=<>!") not in set("?cbBhHiIlLqQnNefd"):
        return Refused("a memoryview of objects, pointers or long doubles")
    shape: Tree = list(value.shape or ())
    return {"$memoryview": [value.format, shape, memory_node(value.tobytes())]}


def _decimal(value: Any, _walk: Walk) -> Tree:
    from decimal import Decimal  # Who has such a value has imported it.

    # The context of a thread may ask for a small "e".
    return {"$decimal": Decimal.__str__(value).replace("e", "E")}


def _make_decimal(cls: Any, node: dict[str, Any], _make: Make) -> object:
    from decimal import Decimal

    return Decimal.__new__(cls, node["$decimal"])


def _fraction(value: Any, walk: Walk) -> Tree:
    return {"$fraction": [walk.node(value.numerator), walk.node(value.denominator)]}


def _make_fraction(cls: Any, node: dict[str, Any], make: Make) -> object:
    from fractions import Fraction

    return Fraction.__new__(cls, *map(make, node["$fraction"]))


# -- days and times


def _date(value: Any, _walk: Walk) -> Tree:
    return {"$date": f"{value.year:04}-{value.month:02}-{value.day:02}"}


def _make_date(cls: Any, node: dict[str, Any], _make: Make) -> object:
    day = date.fromisoformat(node["$date"])
    return date.__new__(cls, day.year, day.month, day.day)


def _datetime(value: Any, walk: Walk) -> Tree:
    fields = value.year, value.month, value.day, value.hour, value.minute
    offset = _plain_offset(value)
    moment = datetime(*fields, value.second, value.microsecond, offset)
    return {"$datetime": moment.isoformat(), **_zone_and_fold(value, walk)}


def _plain_offset(value: Any) -> timezone | None:
    """Give the zone of a moment that is an offset without a name of its own."""
    zone: Any = value.tzinfo
    if type(zone) is not timezone:
        return None
    plain = timezone(zone.utcoffset(None))
    return plain if zone.tzname(None) == plain.tzname(None) else None


def _zone_and_fold(value: Any, walk: Walk) -> dict[str, Tree]:
    beside: dict[str, Tree] = {}
    if value.tzinfo is not None and _plain_offset(value) is None:
        beside["zone"] = walk.node(value.tzinfo)
    if value.fold:
        beside["fold"] = value.fold
    return beside


def _make_datetime(cls: Any, node: dict[str, Any], make: Make) -> object:
    moment = datetime.fromisoformat(node["$datetime"])
    day = moment.year, moment.month, moment.day
    time = moment.hour, moment.minute, moment.second, moment.microsecond
    zone, fold = make(node.get("zone")) or moment.tzinfo, node.get("fold", 0)
    return datetime.__new__(cls, *day, *time, zone, fold=fold)


def _time(value: Any, walk: Walk) -> Tree:
    offset = _plain_offset(value)
    clock = time(value.hour, value.minute, value.second, value.microsecond, offset)
    return {"$time": clock.isoformat(), **_zone_and_fold(value, walk)}


def _make_time(cls: Any, node: dict[str, Any], make: Make) -> object:
    clock = time.fromisoformat(node["$time"])
    fields = clock.hour, clock.minute, clock.second, clock.microsecond
    zone, fold = make(node.get("zone")) or clock.tzinfo, node.get("fold", 0)
    return time.__new__(cls, *fields, zone, fold=fold)


def _timedelta(value: Any, _walk: Walk) -> Tree:
    fields = {"days": value.days, "seconds": value.seconds}
    return {"$timedelta": {**fields, "microseconds": value.microseconds}}


def _make_timedelta(cls: Any, node: dict[str, Any], _make: Make) -> object:
    return timedelta.__new__(cls, **node["$timedelta"])


def _timezone(value: Any, walk: Walk) -> Tree:
    arguments = value.__getinitargs__()
    return {"$timezone": [walk.node(argument) for argument in arguments]}


def _make_timezone(_cls: Any, node: dict[str, Any], make: Make) -> object:
    zone = timezone(*map(make, node["$timezone"]))
    return timezone.utc if zone == timezone.utc and zone.tzname(None) == "UTC" else zone


def _zone(value: Any, _walk: Walk) -> Tree:
    if value.key is None:
        return Refused("a time zone without a key")
    return {"$zone": value.key}


def _make_zone(cls: Any, node: dict[str, Any], _make: Make) -> object:
    return cls(node["$zone"])


# -- others


def _uuid(value: Any, _walk: Walk) -> Tree:
    return {"$uuid": str(value)}


def _make_uuid(cls: Any, node: dict[str, Any], _make: Make) -> object:
    from uuid import UUID

    made = object.__new__(cls)
    object.__setattr__(made, "int", UUID(node["$uuid"]).int)
    object.__setattr__(made, "is_safe", UUID(int=0).is_safe)
    return made


def _path(value: Any, walk: Walk) -> Tree:
    if walk.places is not None:
        is_argument = walk.purpose == "identity"
        return walk.places.node_of(value, is_argument=is_argument)
    node: dict[str, Tree] = {"$path": str(value)}
    kind = type(value).__name__
    return {**node, "class": kind} if kind.startswith("Pure") else node


def _make_path(cls: Any, node: dict[str, Any], _make: Make) -> object:
    return cls(node["$path"])


def _range(value: range, walk: Walk) -> Tree:
    # As equality does: an empty range is one, and the step of a single item is none.
    start, stop, step = value.start, value.stop, value.step
    if walk.purpose == "identity":
        canonical = value[:2] if len(value) < 2 else value
        start = value[0] if value else 0
        step = canonical.step if len(value) > 1 else 1
        stop = value[-1] + step if value else 0
    return {"$range": [walk.node(start), walk.node(stop), walk.node(step)]}


def _make_range(_cls: Any, node: dict[str, Any], make: Make) -> object:
    return range(*map(make, node["$range"]))


def _slice(value: slice, walk: Walk) -> Tree:
    return {
        "$slice": [walk.node(part) for part in (value.start, value.stop, value.step)]
    }


def _make_slice(_cls: Any, node: dict[str, Any], make: Make) -> object:
    return slice(*map(make, node["$slice"]))


def _constant(value: object, _walk: Walk) -> Tree:
    return {"$constant": repr(value)}


def _make_constant(_cls: Any, node: dict[str, Any], _make: Make) -> object:
    return {"Ellipsis": ..., "NotImplemented": NotImplemented}[node["$constant"]]


def _pattern(value: Any, walk: Walk) -> Tree:
    node: dict[str, Tree] = {"$pattern": walk.node(value.pattern)}
    return {**node, "flags": int(value.flags)}


def _make_pattern(_cls: Any, node: dict[str, Any], make: Make) -> object:
    import re

    return re.compile(make(node["$pattern"]), node["flags"])


def _module(value: Any, _walk: Walk) -> Tree:
    return {"$module": value.__name__}


def _proxy(value: Any, walk: Walk) -> Tree:
    # The mapping behind a proxy has no name; a copy of it has its class.
    return {"$mappingproxy": walk.node(value.copy())}


def _make_proxy(cls: Any, node: dict[str, Any], make: Make) -> object:
    return cls(make(node["$mappingproxy"]))


def _address(value: Any, _walk: Walk) -> Tree:
    text = str(value)
    if value.version == 6:
        # Python 3.13 writes one of version 4 inside it with points.
        digits = getattr(value, "network_address", value).packed.hex(":", 2)
        scope = getattr(value, "scope_id", None)
        _, slash, prefix = text.partition("/")
        text = (f"{digits}%{scope}" if scope else digits) + slash + prefix
    return {f"$ipaddress:{type(value).__name__}": text}


def _make_address(cls: Any, node: dict[str, Any], _make: Make) -> object:
    return cls(*node.values())


def _alias(value: Any, walk: Walk) -> Tree:
    arguments = [walk.node(argument) for argument in value.__args__]
    return {"$alias": [walk.node(value.__origin__), *arguments]}


def _union(value: Any, walk: Walk) -> Tree:
    return {"$union": sorted(map(walk.node, value.__args__), key=text_of)}


def _made_by_tag(_cls: Any, node: dict[str, Any], make: Make) -> object:
    return make(node)


_ADDRESS = Row(_address, _make_address)
_PATH = Row(_path, _make_path)
_CONSTANT = Row(_constant, _make_constant)

ROWS: dict[str, Row] = {
    "builtins:complex": Row(_complex, _make_complex),
    "builtins:bytes": Row(_bytes, _make_bytes),
    "builtins:bytearray": Row(_bytearray, _make_bytearray),
    "builtins:memoryview": Row(_memory, None),
    "builtins:range": Row(_range, _make_range),
    "builtins:slice": Row(_slice, _make_slice),
    "builtins:ellipsis": _CONSTANT,
    "builtins:NotImplementedType": _CONSTANT,
    "builtins:module": Row(_module, None),
    "builtins:mappingproxy": Row(_proxy, _make_proxy),
    "decimal:Decimal": Row(_decimal, _make_decimal),
    "fractions:Fraction": Row(_fraction, _make_fraction),
    "datetime:date": Row(_date, _make_date),
    "datetime:datetime": Row(_datetime, _make_datetime),
    "datetime:time": Row(_time, _make_time),
    "datetime:timedelta": Row(_timedelta, _make_timedelta),
    "datetime:timezone": Row(_timezone, _make_timezone),
    "zoneinfo:ZoneInfo": Row(_zone, _make_zone),
    "uuid:UUID": Row(_uuid, _make_uuid),
    "re:Pattern": Row(_pattern, _make_pattern),
    "pathlib:PosixPath": _PATH,
    "pathlib:WindowsPath": _PATH,
    "pathlib:PurePosixPath": _PATH,
    "pathlib:PureWindowsPath": _PATH,
    "ipaddress:IPv4Address": _ADDRESS,
    "ipaddress:IPv6Address": _ADDRESS,
    "ipaddress:IPv4Network": _ADDRESS,
    "ipaddress:IPv6Network": _ADDRESS,
    "ipaddress:IPv4Interface": _ADDRESS,
    "ipaddress:IPv6Interface": _ADDRESS,
    "types:GenericAlias": Row(_alias, _made_by_tag),
    "types:UnionType": Row(_union, None),
    "typing:_UnionGenericAlias": Row(_union, None),
    "typing:Union": Row(_union, None),
}

# The rows of which the tag is no name of a class, with the class that they make.
TAGS: dict[str, str] = {
    "$complex": "builtins:complex",
    "$bytes": "builtins:bytes",
    "$base64": "builtins:bytes",
    "$bytearray": "builtins:bytearray",
    "$range": "builtins:range",
    "$slice": "builtins:slice",
    "$constant": "types:EllipsisType",
    "$mappingproxy": "types:MappingProxyType",
    "$decimal": "decimal:Decimal",
    "$fraction": "fractions:Fraction",
    "$date": "datetime:date",
    "$datetime": "datetime:datetime",
    "$time": "datetime:time",
    "$timedelta": "datetime:timedelta",
    "$timezone": "datetime:timezone",
    "$zone": "zoneinfo:ZoneInfo",
    "$uuid": "uuid:UUID",
    "$pattern": "re:Pattern",
}

# -- what has no identity

_READS = "name a function inside, which gets what is read"
_ITERATOR = "pass a list of its items"

WORDS: dict[str, Refused] = {
    "_thread:lock": Refused("a thread lock"),
    "_thread:RLock": Refused("a thread lock"),
    "threading:Condition": Refused("a thread lock"),
    "threading:Event": Refused("a thread lock"),
    "threading:Semaphore": Refused("a thread lock"),
    "threading:Thread": Refused("a thread"),
    "_thread:_local": Refused("a thread-local object"),
    "_queue:SimpleQueue": Refused("a queue of threads"),
    "asyncio.mixins:_LoopBoundMixin": Refused("an asyncio lock or queue"),
    "asyncio.events:AbstractEventLoop": Refused("an event loop"),
    "_asyncio:Future": Refused("a future"),
    "_asyncio:Task": Refused("a task"),
    "concurrent.futures._base:Future": Refused("a future"),
    "concurrent.futures._base:Executor": Refused("an executor"),
    "subprocess:Popen": Refused("a process"),
    "multiprocessing.process:BaseProcess": Refused("a process"),
    "builtins:generator": Refused("a generator", _ITERATOR),
    "builtins:async_generator": Refused("an async generator", _ITERATOR),
    "builtins:coroutine": Refused("a coroutine"),
    "builtins:list_iterator": Refused("an iterator over a list", _ITERATOR),
    "builtins:tuple_iterator": Refused("an iterator over a tuple", _ITERATOR),
    "builtins:traceback": Refused("a traceback"),
    "builtins:frame": Refused("a frame"),
    "builtins:code": Refused("a code object"),
    "traceback:FrameSummary": Refused("a stack frame of a traceback"),
    "builtins:weakref": Refused("a weak reference"),
    "weakref:ReferenceType": Refused("a weak reference"),
    "weakref:ProxyType": Refused("a weak reference"),
    "weakref:WeakValueDictionary": Refused("a weak reference"),
    "weakref:WeakKeyDictionary": Refused("a weak reference"),
    "weakref:WeakSet": Refused("a weak reference"),
    "_io:FileIO": Refused("an open file", _READS),
    "_io:TextIOWrapper": Refused("an open file", _READS),
    "_io:BufferedReader": Refused("an open file", _READS),
    "_io:BufferedWriter": Refused("an open file", _READS),
    "_io:BufferedRandom": Refused("an open file", _READS),
    "tempfile:_TemporaryFileWrapper": Refused("an open file", _READS),
    "tempfile:SpooledTemporaryFile": Refused("an open file", _READS),
    "mmap:mmap": Refused("a file in memory (mmap)", _READS),
    "_socket:socket": Refused("a socket"),
    "sqlite3:Connection": Refused("a database connection"),
    "sqlite3:Cursor": Refused("a database cursor"),
    "ast:AST": Refused("a syntax tree", "pass its source"),
    "random:SystemRandom": Refused(
        "random numbers of the system", "pass a random.Random with a seed"
    ),
    "sqlalchemy.sql.elements:ClauseElement": Refused("SQL in objects of SQLAlchemy"),
    "sqlalchemy.engine.base:Connection": Refused("a database connection"),
    "sqlalchemy.engine.base:Engine": Refused("a database connection"),
    "sqlalchemy.orm.session:Session": Refused("a database session"),
}


def refusal_of(cls: type) -> Refused | None:
    """Give the words for a type that has no identity, by its nearest base."""
    if cls is object:
        return Refused("a bare object()")
    for base in cls.__mro__:
        words = WORDS.get(f"{base.__module__}:{base.__qualname__}")
        if words is not None:
            return words
    # The module first: a mock makes another one for each look at `__next__`.
    if cls.__module__ in ("builtins", "itertools") and hasattr(cls, "__next__"):
        return Refused(f"a {cls.__name__} object", _ITERATOR)
    return None


def is_of_python(cls: type) -> bool:
    """Tell whether a class comes with Python."""
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names
