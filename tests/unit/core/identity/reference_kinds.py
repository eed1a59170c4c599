"""Tags and reduced forms as docs/internals/identity-of-types.md lists them, written from that page alone.

No library is imported: one whose value is met is imported already.
"""

from __future__ import annotations

import ast
import copyreg
import sys
import types
from array import array
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from marshal import dumps
from pathlib import Path
from struct import pack, unpack
from typing import Any
from uuid import UUID

from xxhash import xxh3_128_hexdigest

NAN = float("nan")
PLAIN = frozenset({int, float, str, bool, type(None), bytes, list, tuple, dict, set, frozenset})
VALUES = PLAIN | {date, datetime, time, timedelta, Decimal, Fraction, UUID}


def dump(value: Any) -> bytes:
    return dumps(value, 2)


@dataclass
class Memory:
    """Memory as it is written: floats with one NaN only."""

    head: tuple[Any, ...]
    data: bytes


def memory(head: tuple[Any, ...], data: bytes, format_: str = "", order: str = "=") -> Memory:
    """Make memory; of floats if their format is that of `struct`."""
    if format_ in tuple("efd"):
        layout = f"{order}{len(data) // {'e': 2, 'f': 4, 'd': 8}[format_]}{format_}"
        data = pack(layout, *(NAN if item != item else item for item in unpack(layout, data)))
    return Memory(head, data)


def tag_of(type_: type) -> str:
    return f"{type_.__module__}:{type_.__qualname__}"


def reduced(value: Any) -> tuple[str, Any]:
    """Return the tag and the reduced form of a value that is neither a scalar nor a plain container."""
    type_ = type(value)
    if hasattr(type_, "__mimic_identity__"):
        return tag_of(type_), value.__mimic_identity__()
    if found := as_callable(value):
        return found
    tag, form = of_library(value) or of_stdlib(value) or (tag_of(type_), of_object(value))
    local = variables(type_) if is_local(type_) else {}
    return tag, (local, form) if local else form


# Functions, classes and modules


def is_stdlib(module: str | None) -> bool:
    return (module or "").partition(".")[0] in sys.stdlib_module_names


def name_of(value: Any) -> str:
    first, *rest = value.__module__.split(".")
    if is_stdlib(first):
        rest = [part for part in rest if not part.startswith("_")]
    return f"{'.'.join([first, *rest])}:{value.__qualname__}"


def as_callable(value: Any) -> tuple[str, Any] | None:
    if isinstance(value, types.FunctionType):
        return "function", of_function(value)
    if issubclass(type(value), type):
        known = {} if is_stdlib(value.__module__) or not value.__flags__ & 1 << 9 else variables(value)
        if is_stdlib(value.__module__):
            return "class", name_of(value)
        source = class_source(value)
        return "class", (name_of(value), source, known) if known else (name_of(value), source)
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if type(value).__name__ == "_lru_cache_wrapper":
        return "function", ("lru_cache", value.__wrapped__, value.cache_parameters())
    if type(value).__name__ == "cython_function_or_method":
        return "function", ("builtin", f"{value.__module__}:{value.__qualname__}")
    if isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
        return "function", of_c_function(value)
    if type(value).__name__.endswith("_descriptor"):
        return "descriptor", f"{tag_of(value.__objclass__)}.{value.__name__}"
    return None


def of_c_function(value: Any) -> Any:
    owner = value.__self__
    if owner is not None and not isinstance(owner, types.ModuleType):
        shared = getattr(sys.modules["random"], value.__name__, None) == value
        return ("builtin", f"random:{value.__name__}") if shared else ("builtin", value.__name__, owner)
    if value.__name__.startswith("_path_"):
        return f"posixpath:{value.__name__[6:]}"
    return "builtin", f"{'io' if value.__module__ == '_io' else value.__module__}:{value.__qualname__}"


def of_function(value: types.FunctionType) -> Any:
    name = name_of(value)
    if is_stdlib(value.__module__):
        return name
    if hasattr(value, "registry"):
        return name, value.__wrapped__, dict(value.registry)
    file, code = Path(value.__code__.co_filename), value.__code__
    source = f"{file.name}:{code.co_name}" if is_stdlib(file.stem) else function_source(code)
    keywords = {name: default(item) for name, item in (value.__kwdefaults__ or {}).items()}
    form = (name, source, tuple(map(default, value.__defaults__ or ())), keywords, closure(value))
    attributes = {name: item for name, item in vars(value).items() if not name.startswith("__")}
    return (*form, attributes) if attributes else form


def default(value: Any) -> Any:
    return ... if type(value) is object else value


def closure(function: types.FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # it has no value yet
            found[name] = ...
    return found


def is_written_in(type_: type, member: Any) -> bool:
    if not isinstance(member, types.FunctionType):
        return False
    return member.__globals__["__name__"] == type_.__module__ and member.__code__.co_filename[0] != "<"


def is_local(type_: type) -> bool:
    """Return whether a class is one of a function, or was made by a call of `type`."""
    if "<locals>" in type_.__qualname__:
        return True
    found = getattr(sys.modules.get(type_.__module__), type_.__name__, None)
    if found in type_.__mro__[1:]:
        return True
    return found is None and not issubclass(type_, tuple) and class_source(type_) is None


def variables(type_: type) -> dict[str, Any]:
    """Return the closures of a class's methods and, for local classes, the plain attributes, of its local bases too."""
    found: dict[str, Any] = {}
    for each in reversed(type_.__mro__):
        if is_own := "<locals>" in each.__qualname__ or each is type_:
            # Python 3.14 keeps the annotations of a class as a function, which closes over names of the class.
            for member in (item for name, item in vars(each).items() if name != "__annotate_func__"):
                for one in (member.fget, member.fset) if isinstance(member, property) else (member,):
                    found |= closure(one) if is_written_in(each, one) else {}
        if is_own and is_local(each):
            own = [(name, item) for name, item in vars(each).items() if type(item) in VALUES]
            found |= {f".{name}": item for name, item in own if not name.startswith("_")}
    return found


def function_source(code: types.CodeType) -> str | None:
    tree = ast.parse(Path(code.co_filename).read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if getattr(node, "name", "<lambda>") == code.co_name]
    (node,) = [
        node
        for node in found
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        and code.co_firstlineno in [node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))]
    ]
    return source(node)


def class_source(type_: type) -> str | None:
    file = getattr(sys.modules.get(type_.__module__), "__file__", None) or ""
    if not file.endswith(".py"):
        return None
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == type_.__name__]
    return source(found[0]) if found else None


def source(node: ast.AST) -> str:
    words: list[Any] = []

    def write(item: Any, field: str = "") -> None:
        if isinstance(item, ast.AST):
            shown = {
                name: each
                for name, each in ast.iter_fields(item)
                if name not in ("ctx", "kind", "type_comment")
                and (each not in (None, []) or isinstance(item, ast.Constant))
            }
            words.extend([type(item).__name__, len(shown), *shown])
            for name, each in shown.items():
                write(each, name)
        elif isinstance(item, list):
            item = [line for line in item if not (field == "body" and is_left_out(line))]
            words.append(len(item))
            for each in item:
                write(each)
        else:
            words.append((type(item).__name__, None if item is ... else item))

    write(node)
    return xxh3_128_hexdigest(dump(words))


def is_left_out(line: ast.stmt) -> bool:
    value = getattr(line, "value", None) if isinstance(line, ast.Expr) else None
    is_remark = isinstance(value, ast.Constant) and (isinstance(value.value, str) or value.value is ...)
    return isinstance(line, ast.Pass) or is_remark


# The standard library


def of_view(value: memoryview) -> Memory:
    return memory((value.format, value.itemsize, value.shape), value.tobytes(), value.format)


def of_array(value: array[Any]) -> Memory:
    return memory((value.typecode, value.itemsize, len(value)), value.tobytes(), value.typecode)


def of_range(value: range) -> Any:
    return (value[0], value[-1], value.step) if len(value) > 1 else tuple(value)


def of_method(value: types.MethodType) -> Any:
    function, owner = value.__func__, value.__self__
    if getattr(sys.modules["random"], value.__name__, None) == value:
        return "builtin", f"random:{value.__name__}"
    # As the method that its object has under this name.
    is_own = getattr(owner, value.__name__, None) == value and is_stdlib(function.__module__)
    return value.__name__ if is_own else function, owner


def of_alias(value: Any) -> Any:
    return getattr(value, "_name", None), value.__origin__, value.__args__


def moment(value: Any) -> Any:
    names = "year month day hour minute second microsecond fold tzinfo".split()
    return tuple(getattr(value, name) for name in names if hasattr(value, name))


def content(value: Any) -> Any:
    return value.getvalue(), value.tell()


#: By the full name of the type: the tag, if it is another one than the type's, and the reduced form.
STDLIB: dict[str, Any] = {
    "builtins.int": int,
    "builtins.float": float,
    "builtins.str": lambda value: "".join(value),
    "builtins.bytes": lambda value: bytes(bytearray(value)),
    "builtins.list": list,
    "builtins.tuple": tuple,
    "builtins.dict": lambda value: dict(dict.items(value)),
    "builtins.set": set,
    "builtins.frozenset": lambda value: frozenset(set(value)),
    "builtins.complex": lambda value: (value.real, value.imag),
    "builtins.bytearray": lambda value: memory((), bytes(value)),
    "builtins.memoryview": of_view,
    "array.array": of_array,
    "builtins.range": of_range,
    "builtins.slice": lambda value: (value.start, value.stop, value.step),
    "builtins.ellipsis": lambda _: None,
    "builtins.NotImplementedType": lambda _: None,
    "builtins.mappingproxy": dict,
    "builtins.dict_items": dict,
    "builtins.dict_keys": set,
    "builtins.dict_values": list,
    "builtins.odict_keys": list,
    "builtins.odict_values": list,
    "builtins.odict_items": list,
    "builtins.property": lambda value: (value.fget, value.fset, value.fdel),
    "builtins.staticmethod": lambda value: value.__func__,
    "builtins.classmethod": lambda value: value.__func__,
    "collections.OrderedDict": lambda value: list(value.items()),
    "collections.deque": lambda value: (list(value), value.maxlen),
    "collections.defaultdict": lambda value: (value.default_factory, dict(value)),
    "types.SimpleNamespace": vars,
    "datetime.date": moment,
    "datetime.datetime": moment,
    "datetime.time": moment,
    "datetime.timedelta": lambda value: (value.days, value.seconds, value.microseconds),
    "datetime.timezone": lambda value: value.__getinitargs__(),
    "zoneinfo.ZoneInfo": lambda value: value.key,
    "time.struct_time": lambda value: (tuple(value), value.tm_zone, value.tm_gmtoff),
    "decimal.Decimal": lambda value: str(value).upper(),
    "fractions.Fraction": lambda value: (value.numerator, value.denominator),
    "uuid.UUID": int,
    "re.Pattern": lambda value: (value.pattern, value.flags),
    "ipaddress.IPv4Address": int,
    "ipaddress.IPv6Address": lambda value: (int(value), value.scope_id),
    "ipaddress.IPv4Network": lambda value: (int(value.network_address), value.prefixlen),
    "ipaddress.IPv6Network": lambda value: (int(value.network_address), value.prefixlen),
    "ipaddress.IPv4Interface": lambda value: (int(value), value.network.prefixlen),
    "ipaddress.IPv6Interface": lambda value: (int(value), value.scope_id, value.network.prefixlen),
    "_io.BytesIO": content,
    "_io.StringIO": content,
    "types.GenericAlias": lambda value: (value.__origin__, value.__args__),
    "types.UnionType": ("typing:Union", lambda value: frozenset(value.__args__)),
    "typing.Union": lambda value: frozenset(value.__args__),
    "typing._UnionGenericAlias": ("typing:Union", lambda value: frozenset(value.__args__)),
    "typing._AnnotatedAlias": lambda value: (value.__origin__, value.__metadata__),
    "typing._GenericAlias": of_alias,
    "typing._SpecialGenericAlias": lambda value: value._name,
    "typing._SpecialForm": ("class", lambda value: f"typing:{value._name}"),
    "typing.TypeVar": lambda value: (
        *(value.__name__, value.__bound__, value.__constraints__),
        *(value.__covariant__, value.__contravariant__),
    ),
    "typing.ParamSpec": lambda value: (value.__name__, value.__bound__ or type(None)),
    "typing.ForwardRef": lambda value: value.__forward_arg__,
    "annotationlib.ForwardRef": ("typing:ForwardRef", lambda value: value.__forward_arg__),
    "typing.NewType": lambda value: (value.__module__, value.__qualname__, value.__supertype__),
    "functools.partial": lambda value: (value.func, value.args, value.keywords, vars(value)),
    "functools.partialmethod": lambda value: (
        *(value.func, value.args, value.keywords),
        {name: item for name, item in vars(value).items() if name not in ("_phcount", "_merger")},
    ),
    "functools.cached_property": lambda value: value.func,
    "builtins.method": of_method,
    **dict.fromkeys(
        ("pathlib.PosixPath", "pathlib.WindowsPath"), ("pathlib:Path", lambda value: value.as_posix())
    ),
    **{
        f"pathlib.{name}": (f"pathlib:{name}", lambda value: value.as_posix())
        for name in ("PurePosixPath", "PureWindowsPath")
    },
}


def of_stdlib(value: Any) -> tuple[str, Any] | None:
    type_ = type(value)
    names = [
        f"{base.__module__}.{base.__qualname__}".replace("pathlib._local", "pathlib")
        for base in type_.__mro__
    ]
    if "enum.Enum" in names:
        if "enum.Flag" in names or "http.HTTPStatus" in names:
            return tag_of(type_), value.value
        is_scalar = type(value.value) in (int, float, str, bytes, bool)
        return tag_of(type_), (value.name, value.value if is_scalar else None)
    if isinstance(value, BaseException):
        more = {OSError: ("filename", "filename2"), ImportError: ("name", "path")}
        added = {
            name: getattr(value, name)
            for base, found in more.items()
            if isinstance(value, base)
            for name in found
        }
        return tag_of(type_), (value.args, attributes(value, BaseException) | added, value.__cause__)
    for name, base in zip(names, type_.__mro__):
        if name in STDLIB:
            rule = STDLIB[name]
            tag, reduce = rule if isinstance(rule, tuple) else ("", rule)
            if base is type_ or type_.__module__ == "typing":
                return tag or tag_of(type_), reduce(value)
            fields = getattr(type_, "_fields", ())
            own = f"{tag_of(type_)}({','.join(fields)})" if fields else tag_of(type_)
            may_have = hasattr(value, "__dict__") or slots(type_, base)
            return own, (reduce(value), attributes(value, base)) if may_have else reduce(value)
    return None


# Other objects


def slots(type_: type, base: type) -> dict[str, Any]:
    """Return the slots of the classes above the base."""
    above = [one for one in reversed(type_.__mro__[: type_.__mro__.index(base)]) if "__slots__" in vars(one)]
    members = [(name, member) for one in above for name, member in vars(one).items()]
    return {name: member for name, member in members if isinstance(member, types.MemberDescriptorType)}


def attributes(value: Any, base: type = object) -> dict[str, Any]:
    type_ = type(value)
    found = dict(getattr(value, "__dict__", {}))
    for name, member in slots(type_, base).items():
        try:
            found[name] = member.__get__(value)
        except AttributeError:
            continue
    derived = {
        name
        for one in type_.__mro__
        for name, member in vars(one).items()
        if isinstance(member, cached_property)
    }
    if any(one.__name__ == "RawConfigParser" for one in type_.__mro__):
        names = "_allow_unnamed_section _comment_prefixes _comments _converters _inline_comment_prefixes _optcre _prefixes"
        derived |= {*names.split(), "_proxies"}
    return {name: item for name, item in found.items() if name not in derived}


def of_object(value: Any) -> Any:
    type_ = type(value)
    own = {name for base in type_.__mro__[:-1] for name in vars(base)}
    if any(base.__module__ == "pydantic.main" for base in type_.__mro__):
        return dict(vars(value)), value.__pydantic_extra__, value.__pydantic_private__
    if (
        own & {"__reduce_ex__", "__reduce__", "__getnewargs__", "__getnewargs_ex__"}
        or type_ in copyreg.dispatch_table
    ):
        parts = value.__reduce_ex__(4)
        if isinstance(parts, str):
            return f"{getattr(value, '__module__', type_.__module__)}:{parts}"
        make, arguments, state, items, pairs = (*parts, None, None, None)[:5]
        version = getattr(sys.modules[type_.__module__.partition(".")[0]], "__version__", ...)
        if type(state) is dict:
            state = {name: item for name, item in state.items() if item is not version}
        return make, arguments, state, items and list(items), pairs and dict(pairs)
    generated = ("dataclasses", "attr._make")
    if "__getstate__" in own and getattr(type_.__getstate__, "__module__", None) not in generated:
        return value.__getstate__()
    return attributes(value)


# Libraries


def of_library(value: Any) -> tuple[str, Any] | None:
    for base in type(value).__mro__:
        library = base.__module__.partition(".")[0]
        if (rule := LIBRARIES.get(f"{library}:{base.__name__}")) is not None:
            tag, reduce = rule
            is_own = type(value).__module__.partition(".")[0] == library
            tag = (
                tag_of(type(value))
                if not is_own or tag == "full"
                else f"{library}:{tag or type(value).__name__}"
            )
            return tag, reduce(value)
    return None


def dtype_of(dtype: Any) -> Any:
    if dtype.subdtype is not None:
        return dtype_of(dtype.subdtype[0]), dtype.subdtype[1]
    if dtype.kind == "T":
        return ("StringDType", dtype.coerce, *([dtype.na_object] if hasattr(dtype, "na_object") else []))
    if dtype.names is None:
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names]
    named = tuple((name, dtype_of(field[0])) for name, field in zip(dtype.names, fields))
    ends = [0, *(sum(field[0].itemsize for field in fields[: n + 1]) for n in range(len(fields)))]
    follow = [*(field[1:] for field in fields)] == [(end,) for end in ends[:-1]] and ends[
        -1
    ] == dtype.itemsize
    return named if follow else (named, [field[1:] for field in fields], dtype.itemsize)


def of_array_of_numbers(value: Any) -> Any:
    value = value.view(sys.modules["numpy"].ndarray)
    head = dtype_of(value.dtype), value.shape, None
    if value.dtype.names is not None:
        return head, [of_array_of_numbers(value[name]) for name in value.dtype.names]
    if value.dtype.hasobject or value.dtype.kind == "T":
        return head, value.ravel().tolist()
    return of_memory(head, value)


def of_memory(head: tuple[Any, ...], value: Any) -> Memory:
    format_ = {"F": "f", "D": "d"}.get(value.dtype.char, value.dtype.char)
    return memory(head, value.tobytes(), format_, value.dtype.str[0])


def of_subclass(value: Any) -> Any:
    type_, base = type(value), sys.modules["numpy"].ndarray
    form = of_array_of_numbers(value)
    is_own = type_.__module__.partition(".")[0] != "numpy" and (
        hasattr(value, "__dict__") or slots(type_, base)
    )
    return (form, attributes(value, base)) if is_own else form


def of_masked(value: Any) -> Any:
    numpy = sys.modules["numpy"]
    mask = numpy.ma.getmaskarray(value)
    return (
        None if value is numpy.ma.masked else (of_array_of_numbers(value.filled()), of_array_of_numbers(mask))
    )


def of_generator(value: Any) -> Any:
    bits = getattr(value, "bit_generator", None)
    if bits is not None:
        return type(bits).__name__, bits.state
    return value.state if hasattr(value, "state") else value.get_state(legacy=False)


def with_more(form: Any, value: Any) -> Any:
    if value.attrs or not value.flags.allows_duplicate_labels:
        form = form, value.attrs, value.flags.allows_duplicate_labels
    own = [] if type(value).__module__.partition(".")[0] == "pandas" else getattr(value, "_metadata", [])
    return (form, {name: getattr(value, name, None) for name in own}) if own else form


def of_frame(value: Any) -> Any:
    columns = [value.iloc[:, place] for place in range(value.shape[1])]
    is_number = [
        type(one.dtype).__module__.startswith("numpy") and one.dtype.kind in "biufc" for one in columns
    ]
    numbers: dict[Any, list[Any]] = {}
    for one, is_one in zip(columns, is_number):
        if is_one:
            numbers.setdefault(one.dtype, []).append(one.to_numpy())
    join = sys.modules["numpy"].concatenate
    memories = [
        of_memory(("columns", dtype.str, len(some), len(value)), join(some, dtype=dtype))
        for dtype, some in numbers.items()
    ]
    others = [of_values(one.array) for one, is_one in zip(columns, is_number) if not is_one]
    form = value.shape, value.columns, value.index, ([str(one.dtype) for one in columns], memories, others)
    return with_more(form, value)


def of_series(value: Any) -> Any:
    return with_more((value.name, value.index, of_values(value.array)), value)


def of_index(value: Any) -> Any:
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.MultiIndex):
        labels = [labels_of(value.get_level_values(place).array) for place in range(value.nlevels)]
        form: Any = (list(value.names), len(value), labels)
    elif isinstance(value, pandas.RangeIndex):
        form = value.name, ("int64", value.to_numpy("int64"))
    else:
        form = value.name, labels_of(value.array)
    freq = getattr(value, "freq", None)
    return form if freq is None else (form, repr(freq))


def labels_of(values: Any) -> Any:
    if str(values.dtype) == "object" and all(type(one) is str for one in values):
        return "str", None, texts_of(list(values))
    return of_values(values)


def texts_of(texts: list[str]) -> Any:
    if any("\0" in text for text in texts):
        return texts
    return memory(("texts", len(texts)), "\0".join(texts).encode("utf-8", "surrogatepass"))


def of_dtype(value: Any) -> Any:
    if not isinstance(value, sys.modules["pandas"].CategoricalDtype):
        return str(value)
    labels = None if value.categories is None else labels_of(value.categories.array)
    return "category", bool(value.ordered), labels


def of_values(values: Any) -> Any:
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    dtype, name = values.dtype, type(values).__name__
    if name in ("NumpyExtensionArray", "PandasArray"):
        plain = values.to_numpy()
        return str(dtype), plain.tolist() if plain.dtype.hasobject else plain
    if name == "Categorical":
        return of_dtype(dtype), values.codes.astype("int64")
    if name in ("DatetimeArray", "TimedeltaArray", "PeriodArray"):
        return str(dtype), values.asi8
    missing = numpy.asarray(values.isna())
    if name in ("IntegerArray", "FloatingArray", "BooleanArray"):
        return str(dtype), missing, values[~missing].to_numpy(dtype.numpy_dtype)
    if name == "IntervalArray":
        return str(dtype), of_values(values.left.array), of_values(values.right.array)
    if isinstance(dtype, pandas.StringDtype):
        return str(dtype), missing if missing.any() else None, texts_of(list(values[~missing]))
    if name == "ArrowExtensionArray":
        return str(dtype), values.__arrow_array__()
    return str(dtype), missing, [item for item, gone in zip(values, missing) if not gone]


def nanoseconds(value: Any) -> int:
    unit = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}[value.unit]
    return int(value.asm8.view("int64")) * unit


def of_polars_dtype(value: Any) -> Any:
    categories = getattr(value, "categories", None) if str(value).startswith("Enum") else None
    return str(value) if categories is None else ("Enum", categories.to_list())


def of_polars(value: Any) -> Any:
    return value.name, of_polars_dtype(value.dtype), polars_values(value)


def polars_values(value: Any) -> Any:
    is_moment = value.dtype.is_temporal()
    value = value.to_physical() if is_moment else value
    codes = dict(Int8="b", Int16="h", Int32="i", Int64="q", UInt8="B", UInt16="H", UInt32="I", UInt64="Q")
    code = {**codes, "Float32": "f", "Float64": "d"}.get(str(value.dtype))
    if code is None:
        is_nested_moment = value.dtype.is_nested() and any(
            word in str(value.dtype) for word in ("Date", "Time", "Duration")
        )
        return list(
            value.to_physical().to_list()
            if is_nested_moment
            else value.to_list()
            if str(value.dtype) != "Object"
            else value
        )
    items = value.to_list()
    data = array(code, [0 if item is None else item for item in items]).tobytes()
    return [n for n, item in enumerate(items) if item is None], memory((code, len(value)), data, code)


def of_arrow(value: Any) -> Any:
    return str(value.type), arrow_values(value)


def arrow_values(value: Any) -> Any:
    arrow = sys.modules["pyarrow"]
    if isinstance(value, arrow.Scalar):
        value = arrow.array([value], value.type)
    if isinstance(value, arrow.ChunkedArray):
        value = value.combine_chunks() if value.num_chunks else arrow.array([], value.type)
        value = arrow.concat_arrays(value.chunks) if isinstance(value, arrow.ChunkedArray) else value
    if arrow.types.is_map(value.type):
        value = value.cast(arrow.list_(arrow.struct([value.type.key_field, value.type.item_field])))
    nulls = [place for place, gone in enumerate(value.is_null().to_pylist()) if gone]
    type_, check = value.type, arrow.types
    if isinstance(value, arrow.ExtensionArray):
        return arrow_values(value.storage)
    if check.is_dictionary(type_):
        return nulls, arrow_values(value.dictionary_decode())
    if check.is_struct(type_):
        return nulls, len(value), [of_arrow(part) for part in value.flatten()]
    if check.is_list(type_) or check.is_large_list(type_):
        return nulls, value.value_lengths().to_pylist(), of_arrow(value.flatten())
    if check.is_fixed_size_list(type_):
        return nulls, len(value), of_arrow(value.flatten())
    if not (check.is_temporal(type_) or check.is_integer(type_) or check.is_floating(type_)):
        return value.to_pylist()
    value, width = value.drop_null(), type_.bit_width // 8
    data = value.buffers()[1]
    held = bytes(data)[width * value.offset : width * (value.offset + len(value))] if data else b""
    format_ = {2: "e", 4: "f", 8: "d"}[width] if check.is_floating(type_) else ""
    return nulls, memory((str(type_), len(value)), held, format_)


def of_field(value: Any) -> Any:
    return value.name, str(value.type), value.nullable


def of_sparse(value: Any) -> Any:
    wide = sys.modules["numpy"].int64
    if value.format in ("csr", "csc", "bsr"):
        value = value.copy()
        value.sum_duplicates()
        return value.shape, value.indptr.astype(wide), value.indices.astype(wide), value.data
    entries = value.tocoo(copy=True)
    entries.has_canonical_format = False
    entries.sum_duplicates()
    places = getattr(entries, "coords", None) or (entries.row, entries.col)
    return value.shape, [place.astype(wide) for place in places], entries.data


def of_image(value: Any) -> Any:
    palette = value.getpalette() if value.mode in ("P", "PA") else None
    return value.mode, value.size, value.tobytes(), palette, value.info.get("transparency")


#: By library and class: the name in the tag, if it is another one than the class's (or "full"), and the reduced form.
LIBRARIES: dict[str, Any] = {
    "numpy:MaskedArray": ("MaskedArray", of_masked),
    "numpy:memmap": ("ndarray", of_subclass),
    "numpy:ndarray": ("", of_subclass),
    "numpy:bool_": ("bool", lambda value: of_array_of_numbers(sys.modules["numpy"].asarray(value))),
    "numpy:generic": ("", lambda value: of_array_of_numbers(sys.modules["numpy"].asarray(value))),
    "numpy:dtype": ("dtype", dtype_of),
    "numpy:Generator": ("full", of_generator),
    "numpy:BitGenerator": ("full", of_generator),
    "numpy:RandomState": ("full", of_generator),
    "numpy:ufunc": ("ufunc", lambda value: value.__name__),
    "numpy:_ArrayFunctionDispatcher": ("function", lambda value: f"{value.__module__}:{value.__qualname__}"),
    "pandas:DataFrame": ("DataFrame", of_frame),
    "pandas:Series": ("Series", of_series),
    **{f"pandas:{name}Index": ("Index", of_index) for name in ("Range", "Int64", "UInt64", "Float64")},
    "pandas:Index": ("", of_index),
    "pandas:ExtensionArray": ("array", of_values),
    "pandas:ExtensionDtype": ("dtype", of_dtype),
    "pandas:Timestamp": ("", lambda value: (nanoseconds(value), value.fold, value.tzinfo)),
    "pandas:Timedelta": ("", nanoseconds),
    "pandas:Period": ("", lambda value: (value.ordinal, value.freqstr)),
    "pandas:Interval": ("", lambda value: (value.left, value.right, value.closed)),
    "pandas:NAType": ("", lambda _: None),
    "pandas:NaTType": ("", lambda _: None),
    "polars:DataFrame": ("", lambda value: (value.height, [of_polars(one) for one in value.get_columns()])),
    "polars:Series": ("", of_polars),
    "polars:DataType": ("", of_polars_dtype),
    **dict.fromkeys(
        ("pyarrow:Table", "pyarrow:RecordBatch"),
        ("", lambda value: (value.num_rows, value.schema.names, [of_arrow(one) for one in value.columns])),
    ),
    **dict.fromkeys(("pyarrow:ChunkedArray", "pyarrow:Array", "pyarrow:Scalar"), ("", of_arrow)),
    "pyarrow:Schema": ("", lambda value: [of_field(one) for one in value]),
    "pyarrow:Field": ("", of_field),
    "pyarrow:DataType": ("", str),
    "pyarrow:Buffer": ("", lambda value: memory((), bytes(value))),
    "scipy:_spbase": ("", of_sparse),
    "scipy:spmatrix": ("", of_sparse),
    "PIL:Image": ("Image", of_image),
}
