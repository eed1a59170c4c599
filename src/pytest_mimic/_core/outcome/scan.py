"""The names that a pickle imports, and those that it calls, read from its opcodes: nothing is imported or run."""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from io import BytesIO
from typing import Any, NamedTuple

from pytest_mimic._core.types.kinds import find

# What only pickles of older protocols have, and what imports by a number of copyreg's.
_OLDER = frozenset(
    "BINPUT DUP EXT1 EXT2 EXT4 GET GLOBAL INST LONG_BINPUT OBJ PERSID PUT".split()
)
_MARK = pickletools.markobject

# : What makes plain values of what it is given, or takes it apart, and does nothing
# else, by module. Whatever else is called is code.
_BUILDERS = {
    "builtins": "bool bytearray bytes complex dict float frozenset int iter list range reversed set slice str tuple",
    "collections": "Counter OrderedDict defaultdict deque",
    "datetime": "date datetime time timedelta timezone",
    "ipaddress": "IPv4Address IPv4Interface IPv4Network IPv6Address IPv6Interface IPv6Network",
    "pathlib": "PosixPath WindowsPath PurePosixPath PureWindowsPath",
    "array": "_array_reconstructor",
    "copyreg": "_reconstructor __newobj__",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "functools": "partial",
    "json.decoder": "JSONDecodeError",
    "os": "stat_result terminal_size",
    "random": "Random",
    "re": "_compile",
    "time": "struct_time",
    "types": "GenericAlias SimpleNamespace",
    "uuid": "UUID",
    "zoneinfo": "ZoneInfo ZoneInfo._unpickle",
    # They check what they are given themselves, and run nothing of a class.
    "pytest_mimic._core.outcome.exceptions": "make restore",
    "pytest_mimic._core.outcome.pickling": "member",
    # Arrays of numpy, made bare or of memory, in numpy 2 and before, and its generators
    # of random numbers.
    **dict.fromkeys(
        ("numpy._core.multiarray", "numpy.core.multiarray"), "_reconstruct scalar"
    ),
    **dict.fromkeys(("numpy._core.numeric", "numpy.core.numeric"), "_frombuffer"),
    "numpy": "dtype ndarray record bool float32 float64 int32 int64",
    "numpy.ma": "_mareconstruct",
    "numpy.ma.core": "_mareconstruct",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64 PCG64DXSM",
    "numpy.random._philox": "Philox",
    "numpy.random._pickle": "__bit_generator_ctor __generator_ctor __randomstate_ctor",
    "numpy.random._sfc64": "SFC64",
    "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
    # Parts of pandas' frames, and its scalars, made of arrays and texts.
    "pandas": "Interval Period PeriodDtype StringDtype",
    "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
    "pandas._libs.internals": "_unpickle_block",
    "pandas._libs.interval": "Interval __pyx_unpickle_IntervalMixin",
    "pandas._libs.sparse": "IntIndex BlockIndex",
    "pandas._libs.tslibs.nattype": "_nat_unpickle __nat_unpickle",
    "pandas._libs.tslibs.period": "Period",
    "pandas._libs.tslibs.timedeltas": "_timedelta_unpickle",
    "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
    "pandas.core.arrays.string_": "StringDtype",
    "pandas.core.dtypes.dtypes": "PeriodDtype",
    "pandas.core.indexes.base": "_new_Index",
    "pandas.core.indexes.datetimes": "_new_DatetimeIndex",
    "pandas.core.indexes.frozen": "FrozenList",
    "pandas.core.indexes.interval": "_new_IntervalIndex",
    "pandas.core.indexes.timedeltas": "_new_TimedeltaIndex",
    "pandas.core.internals.managers": "BlockManager SingleBlockManager",
    "pytz": "_p _UTC",
    # Tables of Arrow, made of memory.
    "pyarrow.lib": "_restore_array type_for_alias py_buffer chunked_array _reconstruct_table _reconstruct_record_batch"
    " schema field list_ struct timestamp decimal128 dictionary map_ binary scalar",
}
BUILDERS = frozenset(
    f"{module}:{name}" for module, names in _BUILDERS.items() for name in names.split()
)
#: Those that make an object of a class that they are given, bare. Others may call it.
_GIVEN_CLASSES = frozenset(
    """
    pytest_mimic._core.outcome.exceptions:make pytest_mimic._core.outcome.pickling:member
    array:_array_reconstructor numpy._core.multiarray:_reconstruct numpy.core.multiarray:_reconstruct
    numpy.ma:_mareconstruct numpy.ma.core:_mareconstruct
    pandas._libs.arrays:__pyx_unpickle_NDArrayBacked
    pandas.core.indexes.base:_new_Index pandas.core.indexes.datetimes:_new_DatetimeIndex
    pandas.core.indexes.interval:_new_IntervalIndex pandas.core.indexes.timedeltas:_new_TimedeltaIndex
    """.split()
)
# A module whose classes are made of plain values only.
_OFFSETS = "pandas._libs.tslibs.offsets:"
# Objects that are values.
_CONSTANTS = frozenset(
    {
        "pandas:NA",
        "pandas._libs.missing:NA",
        "builtins:Ellipsis",
        "builtins:NotImplemented",
    }
)


class Scanned(NamedTuple):
    """The names `module:qualname` that pickles import, and those of them that they call, or give to what may call them."""

    names: set[str]
    called: set[str]


def is_builder(name: str) -> bool:
    return name in BUILDERS or name in _CONSTANTS or name.startswith(_OFFSETS)


def scan(stream: bytes, *, count: int) -> Scanned:
    """Return what pickles in a stream import and call.

    Raises:
        ValueError, LookupError: It is no pickle, or imports what its opcodes do not
            tell.
    """
    found = Scanned(set(), set())
    file = BytesIO(stream)
    for _ in range(count):
        _scan(file, found)
    return found


def _scan(file: BytesIO, found: Scanned) -> None:
    """Follow the stack of one pickle: texts, names, those in a tuple, and what calls of names give; anything else is None."""
    stack: list[Any] = []
    memo: list[Any] = []
    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name in _OLDER:
            raise ValueError(f"it has {name}, which no pickle of this plugin has")
        if name == "MEMOIZE":
            memo.append(stack[-1])
            continue
        taken = _taken(stack, opcode)
        made: Any = None
        if name == "BUILD" and isinstance(taken[0], _Name):
            raise ValueError("it changes what it imports")
        given = _names_in(taken)
        if name[:5] == "TUPLE":
            made = given
        elif name[:6] == "NEWOBJ":
            found.called.update(given - {taken[0]})
        elif name != "POP" and not (name == "REDUCE" and taken[0] in _GIVEN_CLASSES):
            found.called.update(given)
        if name in ("BINGET", "LONG_BINGET"):
            made = memo[argument]
        elif name == "STACK_GLOBAL":
            if not all(type(part) is str for part in taken):
                raise ValueError("it imports a name that it makes")
            made = _Name(":".join(taken))
            found.names.add(made)
        elif opcode.stack_after == [pickletools.pyunicode]:
            made = argument
        elif name == "REDUCE":
            called = taken[0]
            if not isinstance(called, _Name) and (
                type(called) is not tuple or is_builder(called[0])
            ):
                raise ValueError("it calls what it makes")
            if isinstance(called, _Name):
                found.called.add(called)
            made = (str(called if isinstance(called, _Name) else called[0]),)
        stack += [_MARK if after is _MARK else made for after in opcode.stack_after]


class _Name(str):
    """A name that was imported."""

    __slots__ = ()


def _names_in(parts: list[Any]) -> frozenset[_Name]:
    """Return the names among parts of the stack, and those in tuples, as which this stands on it."""
    alone = {part for part in parts if isinstance(part, _Name)}
    return frozenset(alone).union(*(part for part in parts if type(part) is frozenset))


def _taken(stack: list[Any], opcode: pickletools.OpcodeInfo) -> list[Any]:
    """Take from the stack what an opcode takes, down to the last mark if it takes one."""
    before = opcode.stack_before
    size = len(before)
    if _MARK in before:
        place = max(index for index, part in enumerate(stack) if part is _MARK)
        size = len(stack) - place + before.index(_MARK)
    if size > len(stack):
        raise ValueError("it takes more than it has")
    taken = stack[len(stack) - size :] if size else []
    del stack[len(stack) - size :]
    return taken


def code_in(scanned: Scanned) -> set[str]:
    """Return the names that are code: called, or no class, and on no table.

    This imports the modules of all of them.
    """
    names = {name for name in scanned.names if not is_builder(name)}
    return {name for name in names if name in scanned.called or not is_data(find(name))}


def is_data(found: object) -> bool:
    """Return whether a pickle may make bare objects of what it imports, and no classes."""
    return isinstance(found, type) and not issubclass(found, type)


def called_code(scanned: Scanned) -> set[str]:
    """Return those names that are code whatever they lead to. Nothing is imported."""
    return {name for name in scanned.called if not is_builder(name)}


def unlisted(scanned: Scanned, imports: Iterable[str], code: Iterable[str]) -> str:
    """Return which names a recording does not list, or not as code, in words; nothing if it lists them all."""
    code = {*code}
    for names, how in (
        (scanned.names - code.union(imports), ""),
        (called_code(scanned) - code, " as code"),
    ):
        if names:
            return f"it imports {', '.join(sorted(names))}, which its recording does not list{how}"
    return ""
