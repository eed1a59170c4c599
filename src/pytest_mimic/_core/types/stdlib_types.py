"""The one table of the types of Python and its standard library that are values.

The table says what each value is made of, and how it is made again. Types are listed by
name, so that none is imported for the table. Containers that identities and outcomes
take apart by themselves (list, tuple, dict, set, bytes) are rows for the sake of
classes that derive from them.

The functions of the table are named by what they are for. A change of what counts makes
recordings misses; one of what is stored must still read what recordings have.

| function | it gives |
|---|---|
| `_…_parts` | what a value is made of, both stored and counted |
| `_stored_…` | what an outcome stores, and a description shows |
| `_counted_…` | what counts in an identity |
| `_make_…` | the value again, from what is stored |
| `_shown_…` | the text of a value for people |
"""

from __future__ import annotations

import re
import sys
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from functools import lru_cache, partial
from gc import get_referents
from itertools import repeat
from operator import attrgetter, methodcaller
from typing import Any, NamedTuple

from pytest_mimic._core.types.reductions import Raw, Unstable
from pytest_mimic._core.types.type_names import find, full_name

Take = Callable[[Any], Any]


class Row(NamedTuple):
    """A row of the table: the functions that take a type's values apart.

    Attributes:
        take: Returns what a value is made of: plain data, or values that are taken
            apart in their turn.
        tag: The name under which readable outcomes store a value, `$decimal`. Empty:
            readable outcomes do not store values of the type. If `take` returns no
            text, `tagged_values` must know the types of what it returns, else the
            outcome is pickled.
        make: Makes a value again of the class and of what `take` returned. None: no
            value of the type is made again.
        identity_parts: Returns what a value is made of in an identity, in place of
            `take`. None: `take` gives that, too.
        reduce_column: Returns what counts of many values at once, see `Reduction`
            in `reductions`. None: the values are taken apart one by one.
        text: Takes the class in this table and a value, and returns the text that
            people see in place of the value's parts. None: people see the parts.
        identity_name: The name of the type in identities, such as `pathlib:Path`, where
            its own name differs by version of Python. Empty: its own name.
        may_change: Whether a value may change. An outcome that has the same one at two
            places is pickled: readable JSON would make two of it. Whether a call has
            changed its arguments is seen by their identities, not by this.
        keeps_attributes: Whether `take` reads data that the class keeps in the
            `__dict__` of its objects.
    """

    take: Take
    tag: str = ""
    make: Callable[[Any, Any], Any] | None = None
    identity_parts: Take | None = None
    reduce_column: Take | None = None
    text: Callable[[Any, Any], str] | None = None
    identity_name: str = ""
    may_change: bool = False
    keeps_attributes: bool = False


# The format codes of items whose memory is an address, in numpy and in ctypes, and of
# long doubles, whose padding is arbitrary.
_UNSTABLE_ITEMS = re.compile("[O&PXzg]|Z(?![fd])")
# The flags of `re` that are stored. DEBUG is none of them: each time that a pattern is
# made, it prints something.
_FLAGS_OF_PATTERNS = ("ASCII", "DOTALL", "IGNORECASE", "LOCALE", "MULTILINE", "VERBOSE")


# For `Row.make`: three ways in which a class makes a value again of its parts.


def _make_of_one_part(cls: Any, part: Any) -> Any:
    """Make a value of one part: `Decimal("1.5")` of `"1.5"`."""
    return cls(part)


def _make_of_parts(cls: Any, parts: Any) -> Any:
    """Make a value of several parts: `Fraction(1, 3)` of `[1, 3]`."""
    return cls(*parts)


def _make_of_named_parts(cls: Any, parts: Any) -> Any:
    """Make a value of named parts: `timedelta(days=2)` of `{"days": 2}`."""
    return cls(**parts)


# For `Row.take` and `Row.identity_parts` of builtins. A class that derives from a
# builtin may override its methods, so these functions call the methods of the builtin
# itself: no code of a user runs.


def _no_parts(_value: object) -> None:
    """Return no parts: a class such as that of `...` has one value only."""


def _bytes_parts(value: bytes) -> bytes:
    return bytes.__getitem__(value, slice(None))


def _dict_parts(value: dict[Any, Any]) -> dict[Any, Any]:
    return dict(dict.items(value))


def _list_parts(value: list[Any]) -> list[Any]:
    return list(list.__iter__(value))


def _tuple_parts(value: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(tuple.__iter__(value))


def _set_parts(value: set[Any]) -> set[Any]:
    return set(set.__iter__(value))


def _frozenset_parts(value: frozenset[Any]) -> frozenset[Any]:
    return frozenset(frozenset.__iter__(value))


def _complex_parts(value: complex) -> list[float]:
    return [value.real, value.imag]


def _stored_bytearray(value: bytearray) -> bytes:
    return bytes(bytearray.__getitem__(value, slice(None)))


def _counted_bytearray(value: bytearray) -> Raw:
    """Return the memory of a bytearray for its identity, which hashes it uncopied."""

    def memory_parts() -> tuple[bytearray]:
        return (value,)

    return Raw((), len(value), memory_parts)


def _stored_range(value: range) -> list[int]:
    """Return the bounds of a range, by which it is made again."""
    return [value.start, value.stop, value.step]


def _counted_range(value: range) -> object:
    """Return what tells the numbers of a range: equal ranges may have other bounds.

    `range(0, 3, 2)` and `range(0, 4, 2)` are equal: both give 0 and 2.
    """
    if not value:
        return ()
    if value[0] == value[-1]:
        return (value[0],)
    return value[0], value[-1], value.step


def _counted_memoryview(value: memoryview) -> Raw:
    """Return the memory of a view, with the format and the shape of its items."""
    return _memory_of_view(value, (value.format, value.itemsize, value.shape))


def _counted_array(value: Any) -> Raw:
    """Return the memory of an `array.array`, with the type code of its items."""
    return _memory_of_view(
        memoryview(value), (value.typecode, value.itemsize, len(value))
    )


def _memory_of_view(view: memoryview, head: tuple[object, ...]) -> Raw:
    """Return the memory of a view in C order, which identities hash behind a `head`.

    Only memory with gaps, or with several fields in an item, is copied.
    """
    # The names of fields stand between colons in a format, and do not count.
    format_codes = re.sub(":[^:]*:", "", view.format)
    if _UNSTABLE_ITEMS.search(format_codes):
        raise Unstable("a memoryview of objects, pointers or long doubles", memoryview)

    def memory_parts() -> tuple[memoryview]:
        # `memoryview.cast` refuses any other view, which is copied in its place.
        can_be_cast = view.c_contiguous and view.nbytes and len(view.format) == 1
        if can_be_cast:
            return (view.cast("B"),)
        return (memoryview(view.tobytes()),)

    return Raw(head, view.nbytes, memory_parts)


# Containers of `collections`


def _stored_ordered_dict(value: OrderedDict[Any, Any]) -> dict[Any, Any]:
    """Return the items of an `OrderedDict` in their order.

    `dict.items` does not know that order, which `move_to_end` changes.
    """
    return dict(OrderedDict.items(value))


def _counted_ordered_dict(value: OrderedDict[Any, Any]) -> list[tuple[Any, Any]]:
    """Return the items as a list, so that their order counts."""
    return list(OrderedDict.items(value))


def _stored_defaultdict(value: Any) -> list[Any]:
    """Return the factory and the items, in the order in which the class takes them."""
    return [value.default_factory, _dict_parts(value)]


def _counted_defaultdict(value: Any) -> tuple[Any, ...]:
    """Return the factory and the items, as the tuple that identities were made of."""
    return value.default_factory, _dict_parts(value)


def _stored_deque(value: Any) -> list[Any]:
    """Return the items and the greatest length, as `deque` takes them."""
    return [list(value), value.maxlen]


def _counted_deque(value: Any) -> tuple[Any, ...]:
    """Return the items and the greatest length, as a tuple."""
    return list(value), value.maxlen


# Moments


def _date_parts(value: Any) -> str:
    """Return a date as `2026-11-02`, even if its derived class has another text."""
    text: str = sys.modules["datetime"].date.isoformat(value)
    return text


def _make_date(cls: Any, text: Any) -> Any:
    """Make a date again of the text that `_date_parts` returned."""
    return cls.fromisoformat(text)


def _shown_date(listed_class: Any, value: Any) -> str:
    """Return the text of a date for people, which is the stored one."""
    return str(listed_class.isoformat(value))


def _stored_duration(value: Any) -> dict[str, int]:
    """Return the units of a `timedelta` that are not zero: `{"days": 2}`."""
    units: dict[str, int] = {}
    for unit in _UNITS_OF_DURATIONS:
        count = getattr(value, unit)
        if count:
            units[unit] = count
    return units


def _timezone_parts(value: Any) -> list[Any]:
    """Return the parts of a `datetime.timezone`: an offset, and perhaps a name."""
    return list(value.__getinitargs__())


def _stored_moment(value: Any) -> object:
    """Return a `datetime` or `time` as a text, or a list if a text does not say it all.

    | moment | returned |
    |---|---|
    | without a zone, or with a mere offset | `"2026-11-02T10:00:00+01:00"` |
    | with another zone, or repeated | `["2026-11-02T10:00:00", zone, fold]` |
    """
    type_: Any = type(value)
    if type_.__module__ != "datetime":
        # A derived class may write its text in another way.
        type_ = next(base for base in type_.__mro__ if base.__module__ == "datetime")
    zone, fold = value.tzinfo, value.fold
    text = type_.isoformat(value)
    if not fold and (zone is None or _is_offset(zone)):
        return text
    # The zone stands in the list, so its offset is cut from the end of the text.
    length = len("10:00:00")
    if type_.__name__ == "datetime":
        length += len("2026-11-02T")
    if value.microsecond:
        length += len(".123456")
    return [text[:length], zone, fold]


def _counted_moments(values: list[Any]) -> tuple[list[Any], ...]:
    """Return what counts of many `datetime.datetime` together: their bytes and zones.

    It is the fast way for a column of moments. The bytes are those in which pickle
    writes a moment, ten of each.
    """
    type_: Any = type(values[0])
    states = [parts[0] for _, parts in map(type_.__reduce_ex__, values, repeat(4))]
    return [b"".join(states)], list(map(attrgetter("tzinfo"), values))


def _is_offset(zone: Any) -> bool:
    """Return whether a zone is nothing but an offset, without a name."""
    if full_name(type(zone)) != "datetime.timezone":
        return False
    return len(zone.__getinitargs__()) == 1


def _make_moment(cls: Any, parts: Any) -> Any:
    """Make a `datetime` or `time` again of what `_stored_moment` returned."""
    if type(parts) is str:
        return cls.fromisoformat(parts)
    text, zone, fold = parts
    return cls.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def _shown_moment(listed_class: Any, value: Any) -> str:
    """Return the text of a moment for people: in ISO format, with what that leaves out.

    ISO format leaves out the name of the zone, and `fold` where the clock shows an hour
    again: `2026-10-25T02:30:00+01:00[Europe/Oslo] fold=1`.
    """
    zone = value.tzinfo
    name = getattr(zone, "key", None)
    if full_name(type(zone)) == "datetime.timezone" and not _is_offset(zone):
        name = str(zone)
    text = str(listed_class.isoformat(value))
    if isinstance(name, str):
        text += f"[{name}]"
    if value.fold:
        text += " fold=1"
    return text


def _shown_zone(listed_class: Any, zone: Any) -> str:
    """Return the name of a `datetime.timezone`, with the offset if the name lacks it.

    `timezone(2 h)`  →  `UTC+02:00`; `timezone(2 h, "summer")`  →  `summer (UTC+02:00)`
    """
    name = str(zone)
    name_by_offset = str(listed_class(zone.utcoffset(None)))
    if name == name_by_offset:
        return name
    return f"{name} ({name_by_offset})"


def _zoneinfo_parts(value: Any) -> object:
    """Return the name of a `ZoneInfo`: `Europe/Oslo`.

    Raises:
        Unstable: The zone was read from a file, and so has no name.
    """
    if value.key is None:
        raise Unstable("a time zone without a key", type(value))
    return value.key


# Parsers of configurations


def _parser_parts(value: Any) -> object:
    """Return what counts of a `ConfigParser`: its options, and how it reads.

    A parser has private attributes that differ by version of Python. So these parts
    stand for them in an identity. No outcome is made of them again.
    """
    sections = {name: dict(value._sections[name]) for name in value.sections()}
    sections[value.default_section] = dict(value.defaults())
    converters = {}
    for name, converter in getattr(value.converters, "_data", {}).items():
        # None: the class has it as a method, such as `getint`.
        if converter is not None:
            converters[name] = converter
    settings = (
        value.default_section,
        value._delimiters,
        *_comment_prefixes(value),
        value._allow_no_value,
        value._strict,
        value._empty_lines_in_values,
        type(value._interpolation).__qualname__,
        # A parser may have one of its own: `parser.optionxform = str`. That of a class
        # is a bound method, which would lead back to the parser.
        vars(value).get("optionxform"),
        converters,
    )
    return sections, settings


def _comment_prefixes(value: Any) -> tuple[object, object]:
    """Return how comments begin: on a line of their own, and behind a value."""
    # The attributes of Python up to 3.12.
    if hasattr(value, "_comment_prefixes"):
        return value._comment_prefixes, value._inline_comment_prefixes
    # The attribute of Python 3.13.
    if hasattr(value, "_prefixes"):
        return value._prefixes.full, value._prefixes.inline
    return value._comments.full_prefixes, value._comments.inline_prefixes


# The attributes of a `timedelta`, and those of a `time` that `datetime` has as well.
_UNITS_OF_DURATIONS = ("days", "seconds", "microseconds")
_FIELDS_OF_TIMES = ("hour", "minute", "second", "microsecond", "fold", "tzinfo")


# Others


def _decimal_parts(value: Any) -> str:
    """Return a Decimal as `1E+5`.

    The E is always in capitals: without `upper()`, `decimal.getcontext().capitals`
    would decide between `1E+5` and `1e+5`.
    """
    text: str = sys.modules["decimal"].Decimal.__str__(value)
    return text.upper()


def _fraction_parts(value: Any) -> list[int]:
    """Return the numerator and the denominator of a fraction."""
    return [value.numerator, value.denominator]


def _struct_time_parts(value: Any) -> tuple[Any, ...]:
    """Return the fields of a `time.struct_time`, of which its tuple lacks two."""
    return tuple(value), value.tm_zone, value.tm_gmtoff


def _namespace_parts(value: Any) -> dict[str, Any]:
    """Return the attributes of a `SimpleNamespace`, which are all that it has."""
    return dict(value.__dict__)


def _partial_parts(value: Any) -> dict[str, Any]:
    """Return a partial's function, its arguments, and what was set on it."""
    return {
        "func": value.func,
        "args": value.args,
        "keywords": value.keywords,
        **value.__dict__,
    }


def _stored_pattern(value: Any) -> object:
    """Return what is stored of a compiled pattern.

    `"a+"`, or with flags `["a+", "IGNORECASE"]`.
    """
    flags = [name for name in _FLAGS_OF_PATTERNS if value.flags & getattr(re, name)]
    if not flags:
        return value.pattern
    return [value.pattern, *flags]


def _stored_uuid(value: Any) -> object:
    """Return the text of a UUID, and whether it was made safely if that is known."""
    if value.is_safe.name == "unknown":
        return str(value)
    return [str(value), value.is_safe.name]


def _make_uuid(cls: Any, parts: Any) -> Any:
    """Make a UUID again of what `_stored_uuid` returned."""
    if type(parts) is str:
        return cls(parts)
    text, safety = parts
    return cls(text, is_safe=sys.modules["uuid"].SafeUUID[safety])


def _make_pattern(_cls: Any, part: Any) -> Any:
    """Compile a pattern again of what `_stored_pattern` returned.

    Raises:
        ValueError: A flag is none of those that are stored.
    """
    if type(part) is not list:
        return re.compile(part)
    pattern, *names = part
    flags = 0
    for name in names:
        if name not in _FLAGS_OF_PATTERNS:
            raise ValueError(names)
        flags |= int(getattr(re, name))
    return re.compile(pattern, flags)


def _memory_file_parts(value: Any) -> object:
    """Return the content of a `BytesIO` or `StringIO`, and its position.

    Raises:
        Unstable: The file is closed, and has no content any more.
    """
    if value.closed:
        raise Unstable("a closed in-memory file", type(value))
    return value.getvalue(), value.tell()


def _memory_text_parts(value: Any) -> object:
    """Return the content of a `StringIO`, its position, and how it reads line ends."""
    content_and_position = _memory_file_parts(value)
    newline = sys.modules["io"].StringIO.__getstate__(value)[1]
    if newline == "\n":
        # Most texts read line ends so, and have no further part.
        return content_and_position
    return content_and_position, newline


def _mappingproxy_parts(proxy: Any) -> Any:
    """Return the mapping that a `MappingProxyType` shows.

    It may be more than a dict: a `defaultdict` gives a value for any key. `copy()` of a
    proxy would run code of the mapping's class, if it has such a method.
    """
    return get_referents(proxy)[0]


def _shown_by_class(listed_class: Any, value: Any) -> str:
    """Return the text of a value as the listed class defines it.

    A derived class may have another text.
    """
    return str(listed_class.__str__(value))


# The end of an IPv6 address that maps one of IPv4, as Python 3.13 and later write it.
_MAPPED_IPV4 = re.compile(r"(?<=::ffff:)(\d+)\.(\d+)\.(\d+)\.(\d+)")


def _counted_ipv6(address: Any) -> str:
    """Return the text of an address, interface or network of IPv6, on every Python.

    Python 3.13 writes `::ffff:1.2.3.4`, and earlier ones write `::ffff:102:304`.
    """
    return _MAPPED_IPV4.sub(_in_hexadecimal, str(address))


def _in_hexadecimal(mapped_ipv4: re.Match[str]) -> str:
    """Return an IPv4 address as two numbers of an IPv6 address."""
    first, second, third, fourth = map(int, mapped_ipv4.groups())
    return f"{first << 8 | second:x}:{third << 8 | fourth:x}"


def _shown_with_title(word: str) -> Callable[[Any, Any], str]:
    """Return a function that gives the text of a named value.

    With the word `function`: `<function shop.api:fetch>`.
    """

    def text(_listed_class: object, value: Any) -> str:
        name = getattr(value, "__qualname__", None)
        if not name:
            return f"<{word} {value.__name__}>"
        module = getattr(value, "__module__", None)
        if not module:
            # A method written in C has no module, but its object has one.
            module = type(getattr(value, "__self__", None)).__module__
        return f"<{word} {module}:{name}>"

    return text


# Types in annotations


def _alias_parts(value: Any) -> tuple[Any, ...]:
    """Return what tells an annotation from others, of `List[int]`: List, list, int."""
    return getattr(value, "_name", None), value.__origin__, value.__args__


def _union_parts(value: Any) -> frozenset[Any]:
    """Return the types of a union such as `int | str`, whose order does not count."""
    return frozenset(value.__args__)


def _special_form_parts(value: Any) -> str:
    """Return the name of a form of annotations, as `typing:Any`."""
    return f"typing:{value._name}"


# URLs


def _shown_url(_listed_class: object, value: Any) -> str:
    """Return a parsed URL as one text, the result of `urllib.parse.urlparse`.

    The redactor finds the password in `http://ann:s3cr3t@host/`. It would not find one
    in the parts of the URL, where `ann:s3cr3t@host` is an ordinary text.
    """
    text: str = value.geturl()
    return text


def _shown_url_of_bytes(_listed_class: object, value: Any) -> str:
    """Return a URL that was parsed from bytes as one text."""
    return str(value.geturl(), "latin-1")


_FUNCTION_OF_METHOD = Row(attrgetter("__func__"))
_IN_MEMORY_FILE = Row(_memory_file_parts)
_IPV4 = Row(str, text=_shown_by_class)
_IPV6 = Row(str, identity_parts=_counted_ipv6, text=_shown_by_class)
_PARSER = Row(_parser_parts, keeps_attributes=True)
# The attributes of a type of tokens are the types below it that were asked for so far.
_TOKEN_TYPE = Row(_tuple_parts, text=_shown_by_class, keeps_attributes=True)
_UNION = Row(_union_parts, identity_name="typing:Union")

#: By the full name of a type, see `type_names.full_name`.
ROWS: dict[str, Row] = {
    # Builtins: past methods that a derived class may override.
    "builtins.int": Row(int.__index__),
    "builtins.float": Row(float.__float__),
    "builtins.str": Row(str.__str__),
    "builtins.bytes": Row(_bytes_parts),
    "builtins.list": Row(_list_parts),
    "builtins.tuple": Row(_tuple_parts),
    "builtins.set": Row(_set_parts),
    "builtins.frozenset": Row(_frozenset_parts),
    "builtins.dict": Row(_dict_parts),
    "builtins.complex": Row(
        take=_complex_parts, tag="complex", make=_make_of_parts, text=_shown_by_class
    ),
    "builtins.bytearray": Row(
        take=_stored_bytearray,
        tag="bytearray",
        make=_make_of_one_part,
        identity_parts=_counted_bytearray,
        may_change=True,
    ),
    "builtins.memoryview": Row(
        methodcaller("tobytes"),
        identity_parts=_counted_memoryview,
    ),
    "builtins.range": Row(
        take=_stored_range,
        tag="range",
        make=_make_of_parts,
        identity_parts=_counted_range,
        text=_shown_by_class,
    ),
    "builtins.slice": Row(attrgetter("start", "stop", "step"), text=_shown_by_class),
    "builtins.ellipsis": Row(_no_parts, text=_shown_by_class),
    "builtins.NotImplementedType": Row(_no_parts, text=_shown_by_class),
    "builtins.mappingproxy": Row(_mappingproxy_parts),
    "builtins.staticmethod": _FUNCTION_OF_METHOD,
    "builtins.classmethod": _FUNCTION_OF_METHOD,
    "array.array": Row(methodcaller("tolist"), identity_parts=_counted_array),
    "collections.Counter": Row(
        take=_dict_parts, tag="counter", make=_make_of_one_part, may_change=True
    ),
    "collections.OrderedDict": Row(
        take=_stored_ordered_dict,
        tag="ordered_dict",
        make=_make_of_one_part,
        identity_parts=_counted_ordered_dict,
        may_change=True,
    ),
    "collections.defaultdict": Row(
        take=_stored_defaultdict,
        tag="defaultdict",
        make=_make_of_parts,
        identity_parts=_counted_defaultdict,
        may_change=True,
    ),
    "collections.deque": Row(
        take=_stored_deque,
        tag="deque",
        make=_make_of_parts,
        identity_parts=_counted_deque,
        may_change=True,
    ),
    "datetime.date": Row(
        take=_date_parts, tag="date", make=_make_date, text=_shown_date
    ),
    "datetime.datetime": Row(
        take=_stored_moment,
        tag="datetime",
        make=_make_moment,
        identity_parts=attrgetter("year", "month", "day", *_FIELDS_OF_TIMES),
        reduce_column=_counted_moments,
        text=_shown_moment,
    ),
    "datetime.time": Row(
        take=_stored_moment,
        tag="time",
        make=_make_moment,
        identity_parts=attrgetter(*_FIELDS_OF_TIMES),
        text=_shown_moment,
    ),
    "datetime.timedelta": Row(
        take=_stored_duration,
        tag="timedelta",
        make=_make_of_named_parts,
        identity_parts=attrgetter(*_UNITS_OF_DURATIONS),
        text=_shown_by_class,
    ),
    "datetime.timezone": Row(
        take=_timezone_parts,
        tag="timezone",
        make=_make_of_parts,
        text=_shown_zone,
    ),
    "zoneinfo.ZoneInfo": Row(
        take=_zoneinfo_parts,
        tag="zoneinfo",
        make=_make_of_one_part,
        text=_shown_by_class,
    ),
    "configparser.RawConfigParser": _PARSER,
    "configparser.ConfigParser": _PARSER,
    "configparser.SafeConfigParser": _PARSER,
    "decimal.Decimal": Row(
        take=_decimal_parts, tag="decimal", make=_make_of_one_part, text=_shown_by_class
    ),
    "fractions.Fraction": Row(
        take=_fraction_parts, tag="fraction", make=_make_of_parts, text=_shown_by_class
    ),
    "uuid.UUID": Row(
        take=_stored_uuid,
        tag="uuid",
        make=_make_uuid,
        identity_parts=attrgetter("int"),
        text=_shown_by_class,
    ),
    "re.Pattern": Row(
        take=_stored_pattern,
        tag="regex",
        make=_make_pattern,
        identity_parts=attrgetter("pattern", "flags"),
        text=_shown_by_class,
    ),
    "time.struct_time": Row(_struct_time_parts),
    "types.SimpleNamespace": Row(
        take=_namespace_parts,
        tag="namespace",
        make=_make_of_named_parts,
        may_change=True,
    ),
    "types.GenericAlias": Row(attrgetter("__origin__", "__args__")),
    "types.UnionType": _UNION,
    "typing.Union": _UNION,
    "typing._UnionGenericAlias": _UNION,
    "typing._GenericAlias": Row(_alias_parts),
    "typing._AnnotatedAlias": Row(attrgetter("__origin__", "__metadata__")),
    "typing._SpecialGenericAlias": Row(attrgetter("_name")),
    # Some of the special forms are classes in later versions of Python.
    "typing._SpecialForm": Row(_special_form_parts, identity_name="class"),
    "functools.partial": Row(_partial_parts),
    "_io.BytesIO": _IN_MEMORY_FILE,
    "_io.StringIO": Row(_memory_text_parts),
    "ipaddress.IPv4Address": _IPV4,
    "ipaddress.IPv4Interface": _IPV4,
    "ipaddress.IPv4Network": _IPV4,
    "ipaddress.IPv6Address": _IPV6,
    "ipaddress.IPv6Interface": _IPV6,
    "ipaddress.IPv6Network": _IPV6,
    # Two libraries have this class, each its own. A row is all that it needs.
    "pygments.token._TokenType": _TOKEN_TYPE,
    "sqlparse.tokens._TokenType": _TOKEN_TYPE,
    # Paths count by their place in the run: see `_core/files/places.py`.
    "pathlib.PosixPath": Row(
        str, tag="path", text=_shown_by_class, identity_name="pathlib:Path"
    ),
    "pathlib.WindowsPath": Row(
        str, tag="path", text=_shown_by_class, identity_name="pathlib:Path"
    ),
    "pathlib.PurePosixPath": Row(
        str,
        tag="pure_posix_path",
        text=_shown_by_class,
        identity_name="pathlib:PurePosixPath",
    ),
    "pathlib.PureWindowsPath": Row(
        str,
        tag="pure_windows_path",
        text=_shown_by_class,
        identity_name="pathlib:PureWindowsPath",
    ),
}
# The functions that give the text which people see, by the full name of a type: those
# of the rows, and those of functions, classes and URLs, which have no row.
_SHOWN_TEXTS: dict[str, Callable[[Any, Any], str]] = {
    "builtins.builtin_function_or_method": _shown_with_title("function"),
    "builtins.function": _shown_with_title("function"),
    "builtins.method": _shown_with_title("method"),
    "builtins.module": _shown_with_title("module"),
    "builtins.type": _shown_with_title("class"),
    "pathlib.PurePath": _shown_by_class,
    "urllib.parse._ResultMixinBytes": _shown_url_of_bytes,
    "urllib.parse._ResultMixinStr": _shown_url,
}
#: The tag under which an outcome stores a text that is a path of the run.
TEXT_OF_PATH = "str"
#: The full names of the classes of `pathlib`, whose paths count by their place.
PATHS = frozenset(name for name in ROWS if name.startswith("pathlib."))
#: The full name of the class that is stored under a tag.
TYPE_NAME_BY_TAG: dict[str, str] = {}
for _name, _row in ROWS.items():
    if _row.text is not None:
        _SHOWN_TEXTS[_name] = _row.text
    if _row.make is not None:
        TYPE_NAME_BY_TAG[_row.tag] = _name


@lru_cache(maxsize=1024)
def own_row(type_: type) -> Row | None:
    """Return the row of exactly this type; None: only a base of it may have a row.

    Only values of exactly such a type are stored, and described, under its tag.
    """
    return ROWS.get(full_name(type_))


def row_of(type_: type) -> tuple[Row, type] | None:
    """Return the row of a type, or of its first base with a row, and the row's class.

    A subclass counts and is shown by the row of its base, beside its own attributes. It
    is not stored by it: only `own_row` decides that. None: neither the type nor a base
    of it has a row.
    """
    for base in type_.__mro__[:-1]:
        row = ROWS.get(full_name(base))
        if row is not None:
            return row, base
    return None


def is_path(type_: type) -> bool:
    """Return whether a type is a class of `pathlib`, or derives from one."""
    names = ("pathlib.PurePath", *PATHS)
    return any(full_name(base) in names for base in type_.__mro__)


@lru_cache
def row_maker(tag: str) -> Callable[[Any], Any] | None:
    """Return the function that makes a value of the parts stored under a tag.

    A replay makes the values of outcomes by it. None: there is no such tag.
    """
    name = TYPE_NAME_BY_TAG.get(tag)
    if name is None:
        return None
    make: Any = ROWS[name].make
    module, _, class_name = name.rpartition(".")
    cls = find(f"{module}:{class_name}")
    return partial(make, cls)


def shown_text_of(value: Any) -> str | None:
    """Return the text that people see of a value; None: they see its parts.

    Descriptions and messages show it.
    """
    type_ = type(value)
    if issubclass(type_, Enum):
        name = value._name_
        if name:
            return f"{type_.__qualname__}.{name}"
        # A combination of flags may have no name.
        return f"{type_.__qualname__}({value._value_!r})"
    for base in type_.__mro__:
        text = _SHOWN_TEXTS.get(full_name(base))
        if text is not None:
            return text(base, value)
    return None
