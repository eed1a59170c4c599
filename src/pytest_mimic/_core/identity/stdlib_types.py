"""The value types of the standard library, each reduced to plainer data. Listed by name, so that none is imported."""

from __future__ import annotations

import re
import sys
from collections import OrderedDict
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from pytest_mimic._core.identity.callables import shared_generator_method, stdlib_method_name
from pytest_mimic._core.identity.kinds import Kind, Raw, Reduce, Unstable, full_name, refuse, type_tag
from pytest_mimic._core.identity.libraries import NAMED
from pytest_mimic._core.identity.object_state import attribute_reader, exception_fields
from pytest_mimic._core.identity.short import SCALARS

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places

# Items whose memory is an address, in numpy and in ctypes, and long doubles, whose padding is arbitrary.
UNSTABLE_ITEMS = re.compile("[O&PXzg]|Z(?![fd])")
# Floats, and complex numbers, which are two of them each, in any byte order.
FLOATS = re.compile("([@=<>!]?)Z?([efd])")
ORDERS = {"": "=", "@": "=", "!": ">"}


def _range(value: range) -> object:
    if not value:
        return ()
    return (value[0],) if value[0] == value[-1] else (value[0], value[-1], value.step)


def _array(value: Any) -> object:
    return _memory(memoryview(value), (value.typecode, value.itemsize, len(value)))


def _memory(view: memoryview, head: tuple[object, ...]) -> Raw:
    """Return memory in C order; only one with gaps or of several fields is copied."""
    code = re.sub(":[^:]*:", "", view.format)  # less the names of fields
    if UNSTABLE_ITEMS.search(code):
        raise Unstable("a memoryview of objects, pointers or long doubles", memoryview)

    def parts() -> tuple[memoryview]:
        is_plain = view.c_contiguous and view.nbytes and len(view.format) == 1
        return (view.cast("B") if is_plain else memoryview(view.tobytes()),)

    found = FLOATS.fullmatch(code)
    floats = "" if found is None else ORDERS.get(found[1], found[1]) + found[2]
    return Raw(head, view.nbytes, parts, floats=floats)


def _zone(value: Any) -> object:
    if value.key is None:
        raise Unstable("a time zone without a key", type(value))
    return value.key


def _decimal(value: object) -> str:
    # In capitals, because `decimal.getcontext().capitals` decides between `1E+5` and `1e+5`.
    # By the class's own method, because a subclass may define another one.
    return cast(str, sys.modules["decimal"].Decimal.__str__(value).upper())


def _in_memory_file(value: Any) -> object:
    if value.closed:
        raise Unstable("a closed in-memory file", type(value))
    return value.getvalue(), value.tell()


def _enum_member(value: Any) -> object:
    return value._name_, value._value_ if type(value._value_) in SCALARS else None


def _exception(value: Any, *, read: Reduce, whole: bool) -> object:
    """Reduce an exception; as an outcome (`whole`), with what decides whether its context is shown."""
    attributes = dict(cast(dict[str, object], read(value)))
    attributes.update({name: getattr(value, name) for name in exception_fields(value)})
    counted = value.args, attributes, value.__cause__
    return (counted, value.__suppress_context__) if whole else counted


def _partial_method(value: Any) -> object:
    # Python 3.14 keeps what it computes from the arguments beside them.
    own = {name: item for name, item in vars(value).items() if name not in ("_phcount", "_merger")}
    return value.func, value.args, value.keywords, own


def _method(value: Any) -> object:
    return shared_generator_method(value) or (stdlib_method_name(value) or value.__func__, value.__self__)


REDUCERS: dict[str, Reduce] = {
    # For subclasses of the builtins: a plain copy, past methods that the subclass may override.
    "builtins.int": lambda value: int.__index__(value),
    "builtins.float": lambda value: float.__float__(value),
    "builtins.str": lambda value: str.__str__(value),
    "builtins.bytes": lambda value: bytes.__getitem__(value, slice(None)),
    "builtins.list": lambda value: list.__getitem__(value, slice(None)),
    "builtins.tuple": lambda value: tuple.__getitem__(value, slice(None)),
    "builtins.dict": lambda value: dict(dict.items(value)),
    "builtins.set": lambda value: set(set.__iter__(value)),
    "builtins.frozenset": lambda value: frozenset(frozenset.__iter__(value)),
    "builtins.complex": lambda value: (value.real, value.imag),
    "builtins.bytearray": lambda value: Raw((), len(value), lambda: (value,)),
    "builtins.memoryview": lambda value: _memory(value, (value.format, value.itemsize, value.shape)),
    "builtins.range": _range,
    "builtins.slice": lambda value: (value.start, value.stop, value.step),
    "builtins.ellipsis": lambda _: None,
    "builtins.NotImplementedType": lambda _: None,
    "builtins.mappingproxy": lambda value: value.copy(),
    "builtins.dict_keys": lambda value: set(value),
    # A function that gets them sees the values only, in their order.
    "builtins.dict_values": lambda value: list(value),
    "builtins.dict_items": lambda value: value.mapping.copy(),
    "builtins.odict_keys": lambda value: list(value),
    "builtins.odict_values": lambda value: list(value),
    "builtins.odict_items": lambda value: list(value),
    "builtins.property": lambda value: (value.fget, value.fset, value.fdel),
    "builtins.staticmethod": lambda value: value.__func__,
    "builtins.classmethod": lambda value: value.__func__,
    "builtins.method": _method,
    "array.array": _array,
    "collections.OrderedDict": lambda value: list(OrderedDict.items(value)),
    "collections.deque": lambda value: (list(value), value.maxlen),
    "collections.defaultdict": lambda value: (value.default_factory, dict(dict.items(value))),
    "datetime.date": lambda value: (value.year, value.month, value.day),
    "datetime.datetime": attrgetter(
        *("year", "month", "day", "hour", "minute", "second", "microsecond", "fold", "tzinfo")
    ),
    "datetime.time": attrgetter("hour", "minute", "second", "microsecond", "fold", "tzinfo"),
    "datetime.timedelta": lambda value: (value.days, value.seconds, value.microseconds),
    "datetime.timezone": lambda value: value.__getinitargs__(),
    "zoneinfo.ZoneInfo": _zone,
    "decimal.Decimal": _decimal,
    "fractions.Fraction": lambda value: (value.numerator, value.denominator),
    "uuid.UUID": lambda value: value.int,
    "re.Pattern": lambda value: (value.pattern, value.flags),
    "time.struct_time": lambda value: (tuple(value), value.tm_zone, value.tm_gmtoff),
    "types.SimpleNamespace": lambda value: value.__dict__,
    "types.GenericAlias": lambda value: (value.__origin__, value.__args__),
    "types.UnionType": lambda value: frozenset(value.__args__),
    "typing.Union": lambda value: frozenset(value.__args__),
    "typing._UnionGenericAlias": lambda value: frozenset(value.__args__),
    "typing._GenericAlias": lambda value: (getattr(value, "_name", None), value.__origin__, value.__args__),
    "typing._AnnotatedAlias": lambda value: (value.__origin__, value.__metadata__),
    "typing._SpecialGenericAlias": lambda value: value._name,
    "typing._SpecialForm": lambda value: f"typing:{value._name}",
    "typing.TypeVar": attrgetter(
        "__name__", "__bound__", "__constraints__", "__covariant__", "__contravariant__"
    ),
    # Without a bound, `__bound__` is None, or NoneType since Python 3.12.
    "typing.ParamSpec": lambda value: (value.__name__, value.__bound__ or type(None)),
    "typing.ForwardRef": lambda value: value.__forward_arg__,
    "annotationlib.ForwardRef": lambda value: value.__forward_arg__,
    "typing.NewType": lambda value: (value.__module__, value.__qualname__, value.__supertype__),
    "functools.partial": attrgetter("func", "args", "keywords", "__dict__"),
    "functools.partialmethod": _partial_method,
    "functools.cached_property": lambda value: value.func,
    "_io.BytesIO": _in_memory_file,
    "_io.StringIO": _in_memory_file,
    "ipaddress.IPv4Address": lambda value: int(value),
    "ipaddress.IPv6Address": lambda value: (int(value), value.scope_id),
    "ipaddress.IPv4Network": lambda value: (int(value.network_address), value.prefixlen),
    "ipaddress.IPv6Network": lambda value: (int(value.network_address), value.prefixlen),
    "ipaddress.IPv4Interface": lambda value: (int(value), value.network.prefixlen),
    "ipaddress.IPv6Interface": lambda value: (int(value), value.scope_id, value.network.prefixlen),
}

# One tag for types whose names differ by Python version or platform.
TAGS = {
    "types.UnionType": "typing:Union",
    "typing._UnionGenericAlias": "typing:Union",
    "annotationlib.ForwardRef": "typing:ForwardRef",  # since Python 3.14
    "pathlib.PosixPath": "pathlib:Path",
    "pathlib.WindowsPath": "pathlib:Path",
    "pathlib.PurePosixPath": "pathlib:PurePosixPath",
    "pathlib.PureWindowsPath": "pathlib:PureWindowsPath",
    "typing._SpecialForm": "class",  # some of them are classes in later versions
}


# Enumerations whose members count by value alone. Python 3.13 renamed four statuses.
BY_VALUE = frozenset({"enum.Flag", "http.HTTPStatus"})


def stdlib_kind(type_: type, places: Places, *, layout: bool) -> Kind | None:
    """Return the kind of a value type of the standard library or of a subclass, or None for any other type."""
    names = [full_name(base).replace("pathlib._local.", "pathlib.") for base in type_.__mro__]
    if "enum.Enum" in names:
        return Kind(
            type_tag(type_), _enum_member if BY_VALUE.isdisjoint(names) else lambda value: value._value_
        )
    for name, base in zip(names, type_.__mro__, strict=True):
        if name in REFUSED:
            return Kind(type_tag(type_), refuse)
        if name == "builtins.BaseException":
            # Never None: every exception has a `__dict__`.
            read = cast(Reduce, attribute_reader(type_, below=base))
            return Kind(type_tag(type_), partial(_exception, read=read, whole=layout))
        reduce = REDUCERS.get(name)
        if reduce is None and name in PATHS:
            from pytest_mimic._core.identity.paths import path_reducer

            reduce = path_reducer(places)
        if reduce is not None:
            # The other attributes of typing's own classes differ by version.
            if name == names[0] or type_.__module__ == "typing":
                return Kind(TAGS.get(name, type_tag(type_)), reduce)
            # A subclass counts with the attributes that it adds, a named tuple with the names of its fields.
            fields = getattr(type_, "_fields", ()) if base is tuple else ()
            tag = f"{type_tag(type_)}({','.join(fields)})" if fields else type_tag(type_)
            return Kind(tag, _both(reduce, attribute_reader(type_, below=base)))
    return None


PATHS = frozenset(f"pathlib.{name}Path" for name in ("Posix", "Windows", "PurePosix", "PureWindows"))

# Types without identity, all that have words.
REFUSED = frozenset(NAMED) - {"builtins.memoryview", "builtins.module", "builtins.object"}


def _both(reduce: Reduce, read: Reduce | None) -> Reduce:
    return reduce if read is None else lambda value: (reduce(value), read(value))
