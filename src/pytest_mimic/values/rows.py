"""The types with a readable form of their own, and words for types without identity."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from operator import attrgetter, methodcaller
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic.values.names import name_of
from pytest_mimic.values.tree import (
    SCALARS,
    Node,
    Paths,
    Refused,
    Tree,
    memory_node,
    text_of,
)

if TYPE_CHECKING:
    from pytest_mimic.values.folders import Folders

Make = Callable[[Any], Any]

LONGEST_TEXT = 20_000
"""A library is given no longer text to parse, and no longer number, in bits."""
MOMENT_FORM = r"[0-9T:.+ Z-]{5,60}"
"""A day, a time of the day, or both, with or without an offset (ISO 8601)."""


class Opener(Protocol):
    """What opens the parts of values: one walk.

    Attributes:
        is_kept: Whether an outcome is opened, and not an argument.
        folders: The folders of this run.
        few: So many items of an array stand in the tree.
        is_by_code: Whether a function that no name leads to counts by its code.
    """

    folders: Folders
    few: int
    is_by_code: bool

    is_kept: bool

    def node(self, value: object, paths: Paths = ()) -> Tree:
        """Give the tree of a value, without what stands at the paths."""

    def of_file(self, node: Node, array: Any) -> Node:
        """Give the node of an array, and note that it is to stand in a file."""

    def of_pickle(self, tree: Tree) -> Tree:
        """Give the tree of a part, and note that a replay cannot make it."""


class Row(NamedTuple):
    """How values of a type are opened and made again.

    Attributes:
        node: Gives the tree of a value: `{"$date": "2024-04-30"}`.
        make: Makes a value of the type from the tree and a function that makes its
            parts, and asks each for its exact type before C gets it. `None`: a replay
            cannot.
        reduce: Says how a value of a library is pickled with no private name of it, as
            `reducer_override` does. `None`: as its class says.
        may_change: Whether a value may change, so that it stays one at two places.
        tag: The tag of the tree, where this is no name of a class.
    """

    node: Callable[[Any, Opener], Tree]
    make: Callable[[Any, Node, Make], object] | None = None
    reduce: Callable[[Any], Any] | None = None
    may_change: bool = False
    tag: str = ""


def row_of(cls: type) -> Row | None:
    """Give the row of exactly this type."""
    # By name, since a type that nobody has used need not be imported.
    return ROWS.get(name_of(cls))


def content_of(tree: Node) -> Any:
    """Give what stands behind the tag of a tree."""
    return next(iter(tree.values()))


def checked(part: Any, *kinds: type) -> Any:
    """Give a part of a tree, which C may read: its type is among the given types.

    Raises:
        TypeError: It is of another one.
    """
    if type(part) not in kinds:
        raise TypeError(f"a part of it is of type {type(part).__name__}")
    return part


def text_of_form(part: Any, form: str) -> str:
    """Give a text of a tree that a library parses, of which it may be sure.

    Args:
        part: What stands in the tree.
        form: The pattern of the whole text. It limits the length of its parts.

    Raises:
        TypeError: It is no text.
        ValueError: It has another form.
    """
    import re

    text: str = checked(part, str)
    if len(text) > LONGEST_TEXT or re.fullmatch(form, text, re.ASCII) is None:
        raise ValueError(f"{text[:40]!r} is not of the form that was recorded")
    return text


def _made(cls: Any, *parts: object) -> object:
    return cls(*parts)


def _made_fraction(cls: Any, *parts: int) -> object:
    # Python looks for what two numbers have in common.
    if any(part.bit_length() > LONGEST_TEXT for part in parts):
        raise ValueError("a number of it is too long")
    return cls(*parts)


def _of_parts(
    tag: str,
    parts_of: Callable[[Any], Iterable[object]],
    kinds: Iterable[type],
    make_of: Callable[..., object] = _made,
) -> Row:
    """Give a row of values that are a few parts of some types: `{"$range": [1, 3]}`."""

    def node(value: object, walk: Opener) -> Tree:
        return {tag: [walk.node(part) for part in parts_of(value)]}

    def make(cls: type, tree: Node, make: Make) -> object:
        parts = map(make, checked(tree[tag], list))
        return make_of(cls, *[checked(part, *kinds) for part in parts])

    return Row(node, make, tag=tag)


def _of_text(
    tag: str,
    write: Callable[[Any], str],
    read: Callable[[Any, str], object],
    form: str,
) -> Row:
    """Give a row of values that have a text of a form: `{"$date": "2024-04-30"}`."""

    def node(value: object, _walk: Opener) -> Tree:
        return {tag: write(value)}

    def make(cls: type, tree: Node, _make: Make) -> object:
        return read(cls, text_of_form(tree[tag], form))

    return Row(node, make, tag=tag)


# -- bytes and numbers


def _bytes(value: bytes, walk: Opener) -> Tree:
    if not walk.is_kept:
        return memory_node(value) if len(value) > 3_000 else bytes_node(value)
    if len(value) > 65_536:
        return walk.of_pickle(memory_node(value))
    return bytes_node(value)


def bytes_node(value: bytes) -> Node:
    """Give bytes as `{"$bytes": text}`, or as `{"$base64": text}`."""
    if value.isascii():
        return {"$bytes": value.decode("ascii")}
    from base64 import b64encode  # Most runs hold no such bytes.

    return {"$base64": b64encode(value).decode("ascii")}


def bytes_of(node: Node) -> bytes:
    """Give the bytes that `{"$bytes": text}` or `{"$base64": text}` stands for.

    Raises:
        ValueError, TypeError: It is no text of ASCII, or no base64.
    """
    if "$bytes" in node:
        return bytes(checked(node["$bytes"], str), "ascii")
    from base64 import b64decode

    return b64decode(checked(node["$base64"], str), validate=True)


def _make_bytes(_cls: Any, node: Node, _make: Make) -> object:
    return bytes_of(node)


def _bytearray(value: bytearray, walk: Opener) -> Tree:
    return {"$bytearray": _bytes(bytes(value), walk)}


def _make_bytearray(_cls: Any, node: Node, _make: Make) -> object:
    return bytearray(bytes_of(checked(node["$bytearray"], dict)))


def _decimal(value: Any) -> str:
    from decimal import Decimal  # Who has such a value has imported it.

    # The context of a thread may ask for a small "e".
    return Decimal.__str__(value).replace("e", "E")


# -- days and times


def _make_date(_cls: Any, text: str, read: Any = date.fromisoformat) -> object:
    # A test that holds the clock has another class in the place of this one.
    return read(text)


def _of_clock(tag: str, base: Any, *fields: str) -> Row:
    """Give a row of moments or times of the day, by their text, zone and fold."""
    read = attrgetter(*fields, "hour", "minute", "second", "microsecond")

    def node(value: Any, walk: Opener) -> Tree:
        offset = _plain_offset(value.tzinfo)
        tree: Node = {tag: base(*read(value), offset).isoformat()}
        if value.tzinfo is not None and offset is None:
            tree["zone"] = walk.node(value.tzinfo)
        if value.fold:
            tree["fold"] = value.fold
        return tree

    def make(_cls: object, tree: Node, make: Make) -> object:
        moment = base.fromisoformat(text_of_form(tree[tag], MOMENT_FORM))
        zone = moment.tzinfo
        if "zone" in tree:
            from zoneinfo import ZoneInfo  # Few moments have one.

            zone = checked(make(tree["zone"]), timezone, ZoneInfo)
        fold = checked(tree.get("fold", 0), int)
        return base(*read(moment), zone, fold=fold)

    return Row(node, make, tag=tag)


def _plain_offset(zone: Any) -> timezone | None:
    """Give a zone that is an offset without a name of its own."""
    if type(zone) is not timezone:
        return None
    plain = timezone(zone.utcoffset(None))
    return plain if zone.tzname(None) == plain.tzname(None) else None


def _zone(value: Any, _walk: Opener) -> Tree:
    if value.key is None:
        return Refused("a time zone without a key")
    return {"$zone": value.key}


def _make_of_text(cls: Any, node: Node, _make: Make) -> object:
    return cls(text_of_form(content_of(node), r"[^\0]{0,4096}"))


# -- others


def _path(value: Any, walk: Opener) -> Tree:
    return walk.folders.node_of(value, is_argument=not walk.is_kept)


def _make_pattern(_cls: Any, pattern: Any, flags: int) -> object:
    import re

    return re.compile(pattern, flags & ~int(re.DEBUG))  # It would print.


def _module(value: Any, _walk: Opener) -> Tree:
    return {"$module": value.__name__}


def _copied(value: Any) -> tuple[object]:
    # The mapping behind a proxy has no name; a copy of it has its class.
    return (value.copy(),)


def _make_proxy(_cls: object, mapping: dict[Any, Any]) -> object:
    return MappingProxyType(mapping)


def _address(value: Any, _walk: Opener) -> Tree:
    text = str(value)
    if value.version == 6:
        # Python 3.13 writes one of version 4 inside it with points.
        digits = getattr(value, "network_address", value).packed.hex(":", 2)
        scope = getattr(value, "scope_id", None)
        _, slash, prefix = text.partition("/")
        text = (f"{digits}%{scope}" if scope else digits) + slash + prefix
    return {f"$ipaddress:{type(value).__name__}": text}


def _union(value: Any, walk: Opener) -> Tree:
    return {"$union": sorted(map(walk.node, value.__args__), key=text_of)}


def _forward(value: Any, _walk: Opener) -> Tree:
    return {"$forward": value.__forward_arg__}


def _state_of_orm(state: Any, walk: Opener) -> Tree:
    """Give what SQLAlchemy knows of an object that stands for a row of a database.

    Copies keep this. They lose the rest, which is that of a session.
    """
    return {
        "$orm": walk.node(state.key and state.key[1:]),
        "modified": state.modified,
        "committed": walk.node(state.committed_state),
        "expired": walk.node(state.expired_attributes),
        "info": walk.node(vars(state).get("info") or {}),
    }


_ADDRESS = Row(_address, _make_of_text)
_PATH = Row(_path, _make_of_text)
_UUID = "[0-9a-f-]{36}"
_DECIMAL = r"-?(\d+(\.\d+)?(E[+-]\d{1,20})?|s?NaN\d*|Infinity)"
_SPAN = attrgetter("start", "stop", "step")
_DAYS = attrgetter("days", "seconds", "microseconds")

_DATE = _of_text("$date", date.isoformat, _make_date, r"\d{4}-\d\d-\d\d")
_MOMENT = _of_clock("$datetime", datetime, "year", "month", "day")

ROWS: dict[str, Row] = {
    "builtins:bytes": Row(_bytes, _make_bytes, tag="$bytes"),
    "builtins:bytearray": Row(
        _bytearray, _make_bytearray, may_change=True, tag="$bytearray"
    ),
    "builtins:complex": _of_parts("$complex", attrgetter("real", "imag"), [int, float]),
    "builtins:range": _of_parts("$range", _SPAN, [int]),
    "builtins:slice": _of_parts("$slice", _SPAN, SCALARS),
    "builtins:module": Row(_module),
    "typing:ForwardRef": Row(_forward),
    "annotationlib:ForwardRef": Row(_forward),  # From Python 3.14 on.
    "builtins:mappingproxy": _of_parts("$mappingproxy", _copied, [dict], _make_proxy),
    "decimal:Decimal": _of_text("$decimal", _decimal, _made, _DECIMAL),
    "fractions:Fraction": _of_parts(
        "$fraction", attrgetter("numerator", "denominator"), [int], _made_fraction
    ),
    # They stand in the place of the next two while a test holds the clock.
    "freezegun.api:FakeDate": _DATE,
    "freezegun.api:FakeDatetime": _MOMENT,
    "datetime:date": _DATE,
    "datetime:datetime": _MOMENT,
    "datetime:time": _of_clock("$time", time),
    "datetime:timedelta": _of_parts("$timedelta", _DAYS, [int]),
    "datetime:timezone": _of_parts(
        "$timezone", methodcaller("__getinitargs__"), [timedelta, str]
    ),
    "zoneinfo:ZoneInfo": Row(_zone, _make_of_text, tag="$zone"),
    "uuid:UUID": _of_text("$uuid", str, _made, _UUID),
    "asyncpg.pgproto.pgproto:UUID": _of_text(
        "$asyncpg.pgproto.pgproto:UUID", str, _made, _UUID
    ),
    "re:Pattern": _of_parts(
        "$pattern", attrgetter("pattern", "flags"), [str, bytes, int], _make_pattern
    ),
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
    "sqlalchemy.orm.state:InstanceState": Row(_state_of_orm),
    "types:UnionType": Row(_union),
    "typing:_UnionGenericAlias": Row(_union),
    "typing:Union": Row(_union),
}

TAGS = {row.tag: name for name, row in ROWS.items() if row.tag not in ("", f"${name}")}
"""The classes that are made of tags which do not name them."""
TAGS["$base64"] = "builtins:bytes"

# -- what has no identity

# What it is called, what to pass in its place if there is something, its classes.
_TABLE = """
    a thread lock | | _thread:lock _thread:RLock threading:Condition threading:Event threading:Semaphore
    a thread | | threading:Thread
    a queue | pass a list of its items | asyncio.queues:Queue multiprocessing.queues:Queue
    an asyncio lock | | asyncio.mixins:_LoopBoundMixin
    an event loop | | asyncio.events:AbstractEventLoop
    a future | pass its result | _asyncio:Future concurrent.futures._base:Future
    a task | pass its result | _asyncio:Task
    an executor | | concurrent.futures._base:Executor
    a process | | subprocess:Popen multiprocessing.process:BaseProcess
    an async generator | pass a list of its items | builtins:async_generator
    a coroutine | pass its result | builtins:coroutine
    a weak reference | pass what it refers to | weakref:ProxyType
    an open file | | _io:FileIO _io:TextIOWrapper _io:BufferedReader _io:BufferedWriter _io:BufferedRandom tempfile:_TemporaryFileWrapper tempfile:SpooledTemporaryFile
    a socket | | _socket:socket
    a memoryview | pass its tobytes() | builtins:memoryview
    an open answer of HTTP | pass what read() returns | http.client:HTTPResponse
    a LazyFrame, which may read files | pass what collect() returns | polars.lazyframe.frame:LazyFrame
    a pyarrow dataset, which reads files | pass what to_table() returns | pyarrow._dataset:Dataset
    a scalar of pyarrow, whose pickle may lose nanoseconds | pass what as_py() returns | pyarrow.lib:Scalar
    a storage of torch | pass a tensor that has it | torch.storage:UntypedStorage torch.storage:TypedStorage
    a stream of a GPU | | torch.cuda.streams:Stream
    an event of a GPU | | torch.cuda.streams:Event
    a graph of a GPU | | torch.cuda.graphs:CUDAGraph
    a function that numba has compiled | pass its py_func | numba.core.dispatcher:Dispatcher
    SQL in objects of SQLAlchemy | pass its text and its parameters | sqlalchemy.sql.elements:ClauseElement
    a database connection | | sqlite3:Connection sqlite3:Cursor psycopg._connection_base:BaseConnection psycopg2.extensions:connection sqlalchemy.engine.base:Connection sqlalchemy.engine.base:Engine
    a client of AWS | | botocore.client:BaseClient boto3.resources.base:ServiceResource
    a connection of gRPC | | grpc:Channel
    an SSLContext | | _ssl:_SSLContext
    a lock between processes | | multiprocessing.synchronize:SemLock
    a database session | | sqlalchemy.orm.session:Session
    a Mock, which notes each call | pass a plain object in its place | unittest.mock:AsyncMock
"""  # noqa: E501
_ITERATOR = "pass a list of its items"


def _refusals_in_table() -> Iterator[tuple[str, Refused]]:
    for line in _TABLE.strip().split("\n"):
        what, way, classes = map(str.strip, line.split("|"))
        refused = Refused(what, way, is_handle=True)
        yield from ((name, refused) for name in classes.split())


_REFUSED = dict(_refusals_in_table())


def refusal_of(cls: type) -> Refused | None:
    """Give the words for a type that has no identity, by its nearest base."""
    if cls is object:
        return Refused("a bare object()", "pass a text or an enum in its place")
    if issubclass(cls, BaseException):  # One of `urllib` is an open file, too.
        return None
    for base in cls.__mro__:
        refused = _REFUSED.get(f"{base.__module__}:{base.__qualname__}")
        if refused is not None:
            return refused
    # The module first: a mock makes another one for each look at `__next__`.
    if cls.__module__ in ("builtins", "itertools") and hasattr(cls, "__next__"):
        return Refused(f"a {cls.__name__} object", _ITERATOR)
    return None


def is_installed(cls: type) -> bool:
    """Tell whether a class comes with an installed distribution."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file
