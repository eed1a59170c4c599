"""The one table of the standard library's value types.

It says what each value is made of, and how it is made again. Types are listed by name,
so that none is imported for it. Containers that a program reads and writes by itself
(list, tuple, dict, set, bytes) are rows for the sake of classes that derive from them.
"""

from __future__ import annotations

import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

from pytest_mimic._core.types.kinds import Raw, Unstable, find, full_name

Take = Callable[[Any], Any]


class Row(NamedTuple):
    """What is known of a type.

    Attributes:
        take: Returns what a value is made of: plain data, or values that are taken
            apart in their turn.
        tag: The name under which readable outcomes store it, `$decimal`. Empty: they do
            not. If `take` returns no text, `outcome.tags` must know the types of its
            parts, else the outcome is pickled.
        make: Makes a value of the class and what `take` returned. None: nothing does.
        counts: Returns what counts in an identity, in place of `take`.
        many: Returns what counts of many values at once, see `kinds.Kind`.
        text: Returns the text that people see instead of parts, of the class in this
            table and the value.
        name: Its name in identities, where that differs by version of Python.
        may_change: Whether a value may change, so that it matters that two places hold
            the same one.
        keeps_attributes: Whether `take` reads data that the class keeps in the
            `__dict__` of its objects.
    """

    take: Take
    tag: str = ""
    make: Callable[[Any, Any], Any] | None = None
    counts: Take | None = None
    many: Take | None = None
    text: Callable[[Any, Any], str] | None = None
    name: str = ""
    may_change: bool = False
    keeps_attributes: bool = False


# Items whose memory is an address, in numpy and in ctypes, and long doubles, whose
# padding is arbitrary.
_UNSTABLE_ITEMS = re.compile("[O&PXzg]|Z(?![fd])")
# Not DEBUG, which prints something each time that the pattern is made.
_FLAGS = ("ASCII", "DOTALL", "IGNORECASE", "LOCALE", "MULTILINE", "VERBOSE")


def _bare(kind: Any) -> Row:
    return Row(lambda value: kind(kind.__iter__(value)))


def _made(cls: Any, part: Any) -> Any:
    return cls(part)


def _made_of(cls: Any, parts: Any) -> Any:
    return cls(*parts)


def _made_by_name(cls: Any, parts: Any) -> Any:
    return cls(**parts)


def _range(value: range) -> object:
    """Return what tells the numbers of a range: equal ranges may have other bounds."""
    if not value:
        return ()
    if value[0] == value[-1]:
        return (value[0],)
    return value[0], value[-1], value.step


def _memory(view: memoryview, head: tuple[object, ...]) -> Raw:
    """Return memory in C order; only one with gaps or of several fields is copied."""
    # The names of fields do not count.
    code = re.sub(":[^:]*:", "", view.format)
    if _UNSTABLE_ITEMS.search(code):
        raise Unstable("a memoryview of objects, pointers or long doubles", memoryview)

    def parts() -> tuple[memoryview]:
        is_plain = view.c_contiguous and view.nbytes and len(view.format) == 1
        return (view.cast("B") if is_plain else memoryview(view.tobytes()),)

    return Raw(head, view.nbytes, parts)


# Moments


def _moment(value: Any) -> object:
    """Return a moment as its text, or as a list where the text does not say it all.

    | moment | returned |
    |---|---|
    | without a zone, or with a mere offset | `"2026-11-02T10:00:00+01:00"` |
    | with another zone, or repeated | `["2026-11-02T10:00:00", zone, fold]` |
    """
    kind: Any = next(
        base for base in type(value).__mro__ if base.__module__ == "datetime"
    )
    zone, fold = value.tzinfo, value.fold
    text = kind.isoformat(value)
    if not fold and (zone is None or _is_offset(zone)):
        return text
    length = len("10:00:00")
    if kind.__name__ == "datetime":
        length += len("2026-11-02T")
    if value.microsecond:
        length += len(".123456")
    return [text[:length], zone, fold]


def _moments(values: list[Any]) -> tuple[list[Any], ...]:
    """Return the bytes of many `datetime.datetime` together, and their zones.

    A pickle has ten bytes of each.
    """
    kind: Any = type(values[0])
    states = [parts[0] for _, parts in map(kind.__reduce_ex__, values, repeat(4))]
    return [b"".join(states)], list(map(attrgetter("tzinfo"), values))


def _is_offset(zone: Any) -> bool:
    """Return whether a zone is nothing but an offset, without a name."""
    if full_name(type(zone)) != "datetime.timezone":
        return False
    return len(zone.__getinitargs__()) == 1


def _make_moment(cls: Any, parts: Any) -> Any:
    if type(parts) is str:
        return cls.fromisoformat(parts)
    text, zone, fold = parts
    return cls.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _moment_text(base: Any, value: Any) -> str:
    """Return the text in ISO format, and what that leaves out.

    That is the name of the zone, and that an hour is the repeated one:
    `2026-10-25T02:30:00+01:00[Europe/Oslo] fold=1`.
    """
    zone = value.tzinfo
    name = getattr(zone, "key", None)
    if full_name(type(zone)) == "datetime.timezone" and not _is_offset(zone):
        name = str(zone)
    text = str(base.isoformat(value))
    if isinstance(name, str):
        text += f"[{name}]"
    if value.fold:
        text += " fold=1"
    return text


def _zone_text(base: Any, zone: Any) -> str:
    name, default = str(zone), str(base(zone.utcoffset(None)))
    return name if name == default else f"{name} ({default})"


def _zone(value: Any) -> object:
    if value.key is None:
        raise Unstable("a time zone without a key", type(value))
    return value.key


# Parsers of configurations


def _parser(value: Any) -> object:
    """Return the sections with their options as written, and how they are read.

    The private attributes of parsers differ by version of Python.
    """
    sections = {name: dict(value._sections[name]) for name in value.sections()}
    sections[value.default_section] = dict(value.defaults())
    converters = dict(getattr(value.converters, "_data", {}))
    facts = (
        value.default_section,
        value._delimiters,
        *_comment_prefixes(value),
        value._allow_no_value,
        value._strict,
        value._empty_lines_in_values,
        type(value._interpolation).__qualname__,
        vars(value).get("optionxform"),
        {name: made for name, made in converters.items() if made is not None},
    )
    return sections, facts


def _comment_prefixes(value: Any) -> tuple[object, object]:
    """Return how comments begin: on a line of their own, and behind a value."""
    if hasattr(value, "_comment_prefixes"):  # up to Python 3.12
        return value._comment_prefixes, value._inline_comment_prefixes
    if hasattr(value, "_prefixes"):  # Python 3.13
        return value._prefixes.full, value._prefixes.inline
    return value._comments.full_prefixes, value._comments.inline_prefixes


_UNITS = ("days", "seconds", "microseconds")
_CLOCK = ("hour", "minute", "second", "microsecond", "fold", "tzinfo")


# Others


def _pattern(value: Any) -> object:
    flags = [name for name in _FLAGS if value.flags & getattr(re, name)]
    return [value.pattern, *flags] if flags else value.pattern


def _make_pattern(_cls: Any, part: Any) -> Any:
    pattern, *flags = part if type(part) is list else [part]
    if not set(flags) <= set(_FLAGS):
        raise ValueError(flags)
    return re.compile(pattern, sum(int(getattr(re, name)) for name in flags))


def _in_memory_file(value: Any) -> object:
    if value.closed:
        raise Unstable("a closed in-memory file", type(value))
    return value.getvalue(), value.tell()


def _str(base: Any, value: Any) -> str:
    """Return the text as a class defines it, even if a derived class has another."""
    return str(base.__str__(value))


def _titled(word: str) -> Callable[[Any, Any], str]:
    """Return what gives the text of a named value: `<function shop.api:fetch>`."""

    def text(_base: object, value: Any) -> str:
        name = getattr(value, "__qualname__", None)
        if not name:
            return f"<{word} {value.__name__}>"
        module = getattr(value, "__module__", None)
        if not module:
            # A method written in C has no module, but its object has one.
            module = type(getattr(value, "__self__", None)).__module__
        return f"<{word} {module}:{name}>"

    return text


_ALIAS = Row(
    lambda value: (getattr(value, "_name", None), value.__origin__, value.__args__)
)
_UNION = Row(lambda value: frozenset(value.__args__), name="typing:Union")

#: By the full name of a type, see `kinds.full_name`.
ROWS: dict[str, Row] = {
    # Builtins: past methods that a derived class may override.
    "builtins.int": Row(lambda value: int.__index__(value)),
    "builtins.float": Row(lambda value: float.__float__(value)),
    "builtins.str": Row(lambda value: str.__str__(value)),
    "builtins.bytes": Row(lambda value: bytes.__getitem__(value, slice(None))),
    **{
        f"builtins.{kind.__name__}": _bare(kind)
        for kind in (list, tuple, set, frozenset)
    },
    "builtins.dict": Row(lambda value: dict(dict.items(value))),
    "builtins.complex": Row(
        lambda value: [value.real, value.imag], "complex", _made_of, text=_str
    ),
    "builtins.bytearray": Row(
        lambda value: bytes(bytearray.__iter__(value)),
        "bytearray",
        _made,
        counts=lambda value: Raw((), len(value), lambda: (value,)),
        may_change=True,
    ),
    "builtins.memoryview": Row(
        lambda value: value.tobytes(),
        counts=lambda value: _memory(
            value, (value.format, value.itemsize, value.shape)
        ),
    ),
    "builtins.range": Row(
        lambda value: [value.start, value.stop, value.step],
        "range",
        _made_of,
        counts=_range,
        text=_str,
    ),
    "builtins.slice": Row(
        lambda value: (value.start, value.stop, value.step), text=_str
    ),
    "builtins.ellipsis": Row(lambda _: None, text=_str),
    "builtins.NotImplementedType": Row(lambda _: None, text=_str),
    "builtins.mappingproxy": Row(lambda value: value.copy()),
    "builtins.staticmethod": Row(lambda value: value.__func__),
    "builtins.classmethod": Row(lambda value: value.__func__),
    "array.array": Row(
        lambda value: value.tolist(),
        counts=lambda value: _memory(
            memoryview(value), (value.typecode, value.itemsize, len(value))
        ),
    ),
    "collections.Counter": Row(
        lambda value: dict(dict.items(value)), "counter", _made, may_change=True
    ),
    "collections.OrderedDict": Row(
        # dict.items does not know the order that move_to_end leaves.
        lambda value: dict(OrderedDict.items(value)),
        "ordered_dict",
        _made,
        counts=lambda value: list(OrderedDict.items(value)),
        may_change=True,
    ),
    "collections.defaultdict": Row(
        lambda value: [value.default_factory, dict(dict.items(value))],
        "defaultdict",
        _made_of,
        counts=lambda value: (value.default_factory, dict(dict.items(value))),
        may_change=True,
    ),
    "collections.deque": Row(
        lambda value: [list(value), value.maxlen],
        "deque",
        _made_of,
        counts=lambda value: (list(value), value.maxlen),
        may_change=True,
    ),
    "datetime.date": Row(
        lambda value: sys.modules["datetime"].date.isoformat(value),
        "date",
        lambda cls, text: cls.fromisoformat(text),
        text=lambda base, value: str(base.isoformat(value)),
    ),
    "datetime.datetime": Row(
        _moment,
        "datetime",
        _make_moment,
        counts=attrgetter("year", "month", "day", *_CLOCK),
        many=_moments,
        text=_moment_text,
    ),
    "datetime.time": Row(
        _moment, "time", _make_moment, counts=attrgetter(*_CLOCK), text=_moment_text
    ),
    "datetime.timedelta": Row(
        lambda value: {unit: part for unit in _UNITS if (part := getattr(value, unit))},
        "timedelta",
        _made_by_name,
        counts=attrgetter(*_UNITS),
        text=_str,
    ),
    "datetime.timezone": Row(
        lambda value: list(value.__getinitargs__()),
        "timezone",
        _made_of,
        text=_zone_text,
    ),
    "zoneinfo.ZoneInfo": Row(_zone, "zoneinfo", _made, text=_str),
    **{
        f"configparser.{kind}": Row(_parser, keeps_attributes=True)
        for kind in ("RawConfigParser", "ConfigParser", "SafeConfigParser")
    },
    # In capitals, because `decimal.getcontext().capitals` decides between `1E+5` and
    # `1e+5`.
    "decimal.Decimal": Row(
        lambda value: sys.modules["decimal"].Decimal.__str__(value).upper(),
        "decimal",
        _made,
        text=_str,
    ),
    "fractions.Fraction": Row(
        lambda value: [value.numerator, value.denominator],
        "fraction",
        _made_of,
        text=_str,
    ),
    "uuid.UUID": Row(str, "uuid", _made, counts=attrgetter("int"), text=_str),
    "re.Pattern": Row(
        _pattern,
        "regex",
        _make_pattern,
        counts=lambda value: (value.pattern, value.flags),
        text=_str,
    ),
    "time.struct_time": Row(
        lambda value: (tuple(value), value.tm_zone, value.tm_gmtoff)
    ),
    "types.SimpleNamespace": Row(
        lambda value: dict(value.__dict__),
        "namespace",
        _made_by_name,
        may_change=True,
    ),
    "types.GenericAlias": Row(lambda value: (value.__origin__, value.__args__)),
    **dict.fromkeys(
        ("types.UnionType", "typing.Union", "typing._UnionGenericAlias"), _UNION
    ),
    "typing._GenericAlias": _ALIAS,
    "typing._AnnotatedAlias": Row(lambda value: (value.__origin__, value.__metadata__)),
    "typing._SpecialGenericAlias": Row(lambda value: value._name),
    # Some of them are classes in later versions.
    "typing._SpecialForm": Row(lambda value: f"typing:{value._name}", name="class"),
    "functools.partial": Row(
        lambda value: {
            "func": value.func,
            "args": value.args,
            "keywords": value.keywords,
            **value.__dict__,
        }
    ),
    "_io.BytesIO": Row(_in_memory_file),
    "_io.StringIO": Row(_in_memory_file),
    **{
        f"ipaddress.IPv{version}{kind}": Row(str, text=_str)
        for version in (4, 6)
        for kind in ("Address", "Interface", "Network")
    },
    # Known by their place in the run, see `files.places`.
    "pathlib.PosixPath": Row(str, "path", text=_str, name="pathlib:Path"),
    "pathlib.WindowsPath": Row(str, "path", text=_str, name="pathlib:Path"),
    "pathlib.PurePosixPath": Row(
        str, "pure_posix_path", text=_str, name="pathlib:PurePosixPath"
    ),
    "pathlib.PureWindowsPath": Row(
        str, "pure_windows_path", text=_str, name="pathlib:PureWindowsPath"
    ),
}
#: Texts of what is known by its name, or has no value of its own.
_TEXTS: dict[str, Callable[[Any, Any], str]] = {
    "builtins.builtin_function_or_method": _titled("function"),
    "builtins.function": _titled("function"),
    "builtins.method": _titled("method"),
    "builtins.module": _titled("module"),
    "builtins.type": _titled("class"),
    "pathlib.PurePath": _str,
    # The whole URL, as its parts alone do not show which one is a password.
    "urllib.parse._ResultMixinBytes": lambda _base, value: str(
        value.geturl(), "latin-1"
    ),
    "urllib.parse._ResultMixinStr": lambda _base, value: value.geturl(),
    **{name: row.text for name, row in ROWS.items() if row.text is not None},
}
PATHS = frozenset(name for name in ROWS if name.startswith("pathlib."))
BY_TAG = {row.tag: name for name, row in ROWS.items() if row.make is not None}


@lru_cache(maxsize=1024)
def own_row(type_: type) -> Row | None:
    """Return the row of exactly this type, None if it has none."""
    return ROWS.get(full_name(type_))


def row_of(type_: type) -> tuple[Row, type] | None:
    """Return the row of a type or of its first base that has one, and that class.

    None: none has one.
    """
    for base in type_.__mro__[:-1]:
        row = ROWS.get(full_name(base))
        if row is not None:
            return row, base
    return None


def is_path(type_: type) -> bool:
    names = ("pathlib.PurePath", *PATHS)
    return any(full_name(base) in names for base in type_.__mro__)


@lru_cache
def maker(tag: str) -> Callable[[Any], Any] | None:
    """Return the function that makes a value of the parts stored under a tag.

    None: there is no such tag.
    """
    name = BY_TAG.get(tag)
    if name is None:
        return None
    make: Any = ROWS[name].make
    cls = find(":".join(name.rsplit(".", 1)))
    return lambda part: make(cls, part)


def text_of(value: Any) -> str | None:
    """Return the text of a value that has one instead of parts; None: it has none."""
    kind = type(value)
    if issubclass(kind, Enum):
        name = value._name_
        if name:
            return f"{kind.__qualname__}.{name}"
        # A combination of flags may have no name.
        return f"{kind.__qualname__}({value._value_!r})"
    for base in kind.__mro__:
        text = _TEXTS.get(full_name(base))
        if text is not None:
            return text(base, value)
    return None
