"""The builders of plain values, and the methods of classes, that a pickle may run without listing code. Each is argued here."""

from __future__ import annotations

import builtins
import sys
from functools import cache
from pathlib import Path

from pytest_mimic._core import ambient
from pytest_mimic._core.origin import is_in_project
from pytest_mimic._core.outcome.names import is_generated

_OURS = "pytest_mimic._core.outcome"


def _each(names: str, rule: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), rule)


#: What builders do with their arguments, by name; see `StandIns._built`. All others that are called are code.
BUILDERS: dict[str, str] = {
    # They make numbers, texts, moments and addresses of the standard library from such. `BUILDERS` names no class of
    # these whose text opens or fetches something. A zone is found by its key, which must be below the folders of zones.
    **_each(
        "builtins:bool builtins:complex builtins:float builtins:int builtins:range"
        " builtins:reversed datetime:date datetime:timedelta datetime:timezone"
        " decimal:Decimal fractions:Fraction ipaddress:IPv4Address ipaddress:IPv4Interface ipaddress:IPv4Network"
        " ipaddress:IPv6Address ipaddress:IPv6Interface ipaddress:IPv6Network os:stat_result os:terminal_size builtins:slice"
        " json.decoder:JSONDecodeError time:struct_time uuid:UUID zoneinfo:ZoneInfo",
        "plain",
    ),
    # The name of an encoding, a second argument, would be imported.
    **_each("builtins:bytearray builtins:bytes builtins:str", "single"),
    # They keep what they are given, and do not look at it. What the first two call later is the project's, or builds a
    # plain value itself; anything else is code. The others call nothing of themselves.
    **_each("collections:defaultdict functools:partial types:GenericAlias types:SimpleNamespace", "stores"),
    # They take items out of a builtin container.
    **_each(
        "builtins:iter builtins:list builtins:tuple builtins:dict collections:OrderedDict collections:deque",
        "container",
    ),
    **_each("builtins:set builtins:frozenset collections:Counter", "hashes"),
    # They keep the zone, whose methods do not run.
    **_each("datetime:datetime datetime:time", "moment"),
    "array:_array_reconstructor": "array:array",
    # All flags but DEBUG, which prints.
    "re:_compile": "pattern",
    # They check what they are given themselves, and run nothing of a class.
    f"{_OURS}.exceptions:make": "raise",
    f"{_OURS}.exceptions:restore": "restore",
    f"{_OURS}.exceptions:restore_links": "restore",
    f"{_OURS}.reducing:member": "member",
    # Arrays of numpy: made bare, or from memory. `dtype` with False and True is a copy, which may be changed.
    **_each("numpy._core.multiarray:_reconstruct numpy.core.multiarray:_reconstruct", "bare"),
    **_each("numpy._core.multiarray:scalar numpy.core.multiarray:scalar", "plain"),
    **_each("numpy._core.numeric:_frombuffer numpy.core.numeric:_frombuffer", "plain"),
    "numpy:dtype": "copied dtype",
    **_each("numpy.ma.core:_mareconstruct", "numpy.ma:MaskedArray numpy.ma.core:MaskedArray numpy:ndarray"),
    # Parts of pandas' frames, and its scalars, made of arrays and texts. An index is made by its own class.
    **_each(
        "pandas._libs.internals:_unpickle_block pandas._libs.tslibs.timestamps:_unpickle_timestamp"
        " pandas._libs.tslibs.timedeltas:_timedelta_unpickle pandas._libs.tslibs.nattype:_nat_unpickle"
        # pandas 2: its NaT, and zones of pytz, which looks for their names in its own folder alone.
        " pandas._libs.tslibs.nattype:__nat_unpickle pytz:_p pytz:_UTC"
        " pandas._libs.tslibs.period:Period pandas:Period pandas:PeriodDtype pandas.core.dtypes.dtypes:PeriodDtype"
        " pandas:StringDtype pandas.core.arrays.string_:StringDtype pandas._libs.sparse:IntIndex"
        " pandas._libs.interval:Interval pandas:Interval pandas.core.internals.managers:BlockManager"
        " pandas.core.indexes.frozen:FrozenList",
        "plain",
    ),
    **_each(
        " ".join(
            f"pandas._libs.tslibs.offsets:{name}"
            for name in (
                "Day Hour Minute Second Milli Micro Nano BusinessDay CustomBusinessDay MonthBegin MonthEnd QuarterBegin"
                " QuarterEnd YearBegin YearEnd BusinessMonthBegin BusinessMonthEnd BQuarterBegin BQuarterEnd BYearBegin"
                " BYearEnd SemiMonthBegin SemiMonthEnd Week WeekOfMonth LastWeekOfMonth Easter"
            ).split()
        ),
        "plain",
    ),
    "pandas.core.indexes.base:_new_Index": "pandas:*Index pandas:Index pandas.core.indexes.*Index",
    "pandas.core.indexes.datetimes:_new_DatetimeIndex": "pandas:DatetimeIndex pandas.core.indexes.*",
    "pandas.core.indexes.timedeltas:_new_TimedeltaIndex": "pandas:TimedeltaIndex pandas.core.indexes.*",
    "pandas.core.indexes.interval:_new_IntervalIndex": "pandas:IntervalIndex pandas.core.indexes.*",
    "pandas._libs.arrays:__pyx_unpickle_NDArrayBacked": "pandas.arrays:* pandas:Categorical pandas.core.arrays.*",
    # Tables of Arrow, made of memory.
    **_each(
        "pyarrow.lib:_restore_array pyarrow.lib:type_for_alias pyarrow.lib:py_buffer pyarrow.lib:chunked_array"
        " pyarrow.lib:_reconstruct_table pyarrow.lib:_reconstruct_record_batch pyarrow.lib:schema pyarrow.lib:field"
        " pyarrow.lib:list_ pyarrow.lib:struct pyarrow.lib:timestamp pyarrow.lib:decimal128 pyarrow.lib:dictionary"
        " pyarrow.lib:map_ pyarrow.lib:binary pyarrow.lib:scalar",
        "plain",
    ),
}

#: What may be done with the results of builders. They are new objects, on which it does nothing else.
FOLLOWING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ["functools:partial", "types:SimpleNamespace", "builtins:iter", "builtins:reversed"], ("state",)
    ),
    **dict.fromkeys(
        ["collections:OrderedDict", "collections:defaultdict", "collections:Counter"], ("setitem",)
    ),
    "collections:deque": ("items",),
    "numpy:dtype": ("state",),
    "numpy.ma.core:_mareconstruct": ("state",),
    "pandas._libs.arrays:__pyx_unpickle_NDArrayBacked": ("state",),
    "pandas.core.internals.managers:BlockManager": ("state",),
    "json.decoder:JSONDecodeError": ("restored",),
}

#: What a call changes is its first argument.
SETTERS = frozenset(
    "builtins:setattr builtins:delattr builtins:object.__setattr__ builtins:type.__setattr__ _operator:setitem"
    " operator:setitem cloudpickle.cloudpickle:_class_setstate cloudpickle.cloudpickle:_function_setstate"
    f" {_OURS}.exceptions:restore {_OURS}.exceptions:restore_links".split()
)
#: What code by value is made by, and then changed: new classes and functions.
BY_VALUE = frozenset(
    f"cloudpickle.cloudpickle:{name}"
    for name in "_make_function _make_skeleton_class _make_skeleton_enum _make_empty_cell".split()
)

#: The metaclasses that leave it to Python how an object is made, and how a class is read.
METACLASSES = frozenset(
    "builtins:type abc:ABCMeta enum:EnumMeta enum:EnumType typing:_ProtocolMeta"
    " pydantic._internal._model_construction:ModelMetaclass polars.datatypes.classes:DataTypeClass polars.series.series:_Meta".split()
)
#: The classes whose `__new__` makes a value of a text alone: they take a URL apart, and fetch nothing.
TEXTS = frozenset("pydantic_core._pydantic_core:Url pydantic_core._pydantic_core:MultiHostUrl".split())
#: Objects that are values.
CONSTANTS = frozenset("pandas:NA pandas._libs.missing:NA builtins:Ellipsis builtins:NotImplemented".split())
#: The class of the items of numpy's `recarray`, of which a dtype is made.
RECORDS = frozenset("numpy:record numpy.rec:record numpy.core.records:record".split())
#: Libraries whose objects count as values where they are made bare and given plain values: others look at them.
LIBRARIES = ("pandas.", "pandas:", "numpy.", "numpy:", "pyarrow.lib:", "PIL.", "polars.", "random:", "uuid:")
# Methods that restore a state, by the beginnings of the names of their classes. They copy it into the object.
_RESTORING = (
    "pandas. pandas: numpy. numpy: scipy.sparse. polars.series.series:Series polars.dataframe.frame:DataFrame polars.datatypes.classes"
    # Pixels and a palette. Of the file of a picture only its name is kept.
    " PIL.Image:Image PIL.ImageFile:ImageFile PIL.JpegImagePlugin:JpegImageFile PIL.TiffImagePlugin:IFDRational"
    # The second is a dict, and ignores its state.
    " sklearn.base:BaseEstimator sklearn.utils._bunch:Bunch"
    " uuid:UUID _io:BytesIO _io:StringIO io:BytesIO io:StringIO ast: _ast: random:Random _random:Random"
    " xml.etree.ElementTree:Element builtins: collections: datetime: decimal: fractions:"
).split()
_RESTORED = frozenset(
    "__new__ __setstate__ __getattribute__ __getattr__ __setitem__ append extend add close __hash__ __eq__ __array_finalize__".split()
)
# Of these, `__init__` without arguments makes an empty one.
_INITIALISING = ("_io:", "io:", "ast:", "_ast:", "random:Random", "collections:", "datetime:", "decimal:")


def is_vouched(cls: type, method: str) -> bool:
    """Return whether a method that a class defines itself is a builtin's, the project's or vouched for."""
    if (
        vars(builtins).get(cls.__name__) is cls
        or is_project(cls.__module__)
        or is_generated(vars(cls)[method])
    ):
        return True
    name = f"{cls.__module__}:{cls.__qualname__}"
    vouched = _INITIALISING if method == "__init__" else _RESTORING if method in _RESTORED else ()
    return name.startswith(tuple(vouched))


def is_project(module: str) -> bool:
    """Return whether a module is the project's."""
    package = module.partition(".")[0]
    files = (getattr(sys.modules.get(name), "__file__", None) for name in (module, package))
    file = next((file for file in files if type(file) is str), None)
    if file is None:  # made in memory
        return package not in sys.stdlib_module_names
    session = ambient.current()
    rootdir: Path = Path() if session is None else session.settings.rootdir
    return _is_in_project(file, rootdir)


_is_in_project = cache(is_in_project)
