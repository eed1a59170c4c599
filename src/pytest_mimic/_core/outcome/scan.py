"""The names that a pickle imports, and those that it calls, read from its opcodes: nothing is imported or run."""

from __future__ import annotations

import pickletools
from collections.abc import Iterable
from io import BytesIO
from typing import Any, NamedTuple

from pytest_mimic._core.types.names import find

_CALLING = frozenset({"REDUCE", "INST", "OBJ"})
_MARK = pickletools.markobject
_OURS = "pytest_mimic._core.outcome"

#: What makes plain values of what it is given, or takes it apart, and does nothing else. Whatever else is called is code.
BUILDERS = frozenset(
    [
        *(
            f"builtins:{name}"
            for name in "bool bytearray bytes complex dict float frozenset int iter".split()
        ),
        *(f"builtins:{name}" for name in "list range reversed set slice str tuple".split()),
        *(f"collections:{name}" for name in "Counter OrderedDict defaultdict deque".split()),
        *(f"datetime:{name}" for name in "date datetime time timedelta timezone".split()),
        *(f"ipaddress:IPv{n}{what}" for n in (4, 6) for what in ("Address", "Interface", "Network")),
        *"array:_array_reconstructor copyreg:_reconstructor copyreg:__newobj__ decimal:Decimal".split(),
        *"fractions:Fraction functools:partial json.decoder:JSONDecodeError os:stat_result".split(),
        *"os:terminal_size re:_compile time:struct_time types:GenericAlias types:SimpleNamespace".split(),
        *"uuid:UUID zoneinfo:ZoneInfo zoneinfo:ZoneInfo._unpickle".split(),
        *"pathlib:PosixPath pathlib:WindowsPath pathlib:PurePosixPath pathlib:PureWindowsPath".split(),
        # They check what they are given themselves, and run nothing of a class.
        *(f"{_OURS}.exceptions:{name}" for name in ("make", "restore")),
        f"{_OURS}.pickling:member",
        # Arrays of numpy, made bare or of memory, in numpy 2 and before.
        *(
            f"numpy.{core}.{name}"
            for core in ("_core", "core")
            for name in ("multiarray:_reconstruct", "multiarray:scalar", "numeric:_frombuffer")
        ),
        *"numpy:dtype numpy:ndarray numpy.ma.core:_mareconstruct numpy.ma:_mareconstruct".split(),
        *(f"numpy.random._pickle:__{name}_ctor" for name in ("bit_generator", "generator", "randomstate")),
        # Parts of pandas' frames, and its scalars, made of arrays and texts.
        *(
            f"pandas._libs.{name}"
            for name in (
                *("arrays:__pyx_unpickle_NDArrayBacked", "internals:_unpickle_block"),
                *("tslibs.timestamps:_unpickle_timestamp", "tslibs.timedeltas:_timedelta_unpickle"),
                *(
                    "tslibs.nattype:_nat_unpickle",
                    "tslibs.period:PeriodDtypeBase",
                    "tslibs.dtypes:PeriodDtypeBase",
                ),
                *("missing:NA", "interval:Interval", "tslibs.period:Period"),
            )
        ),
        *(
            f"pandas.core.indexes.{name}"
            for name in (
                *("base:_new_Index", "datetimes:_new_DatetimeIndex", "timedeltas:_new_TimedeltaIndex"),
                "interval:_new_IntervalIndex",
            )
        ),
        # Tables of Arrow, made of memory.
        *(
            f"pyarrow.lib:{name}"
            for name in (
                "_restore_array type_for_alias py_buffer chunked_array _reconstruct_table"
                " _reconstruct_record_batch schema field list_ struct timestamp decimal128 dictionary map_ binary scalar"
            ).split()
        ),
    ]
)
#: The beginnings of names of classes that are made of plain values only.
_PLAIN_CLASSES = (
    *("pandas._libs.tslibs.offsets:", "pandas.core.dtypes.dtypes:", "pandas.core.internals.managers:"),
    "pandas.core.arrays.",
)
# Objects that are values.
_CONSTANTS = frozenset({"pandas:NA", "builtins:Ellipsis", "builtins:NotImplemented"})


class Scanned(NamedTuple):
    """The names `module:qualname` that pickles import, and those of them that they call."""

    names: set[str]
    called: set[str]


def is_builder(name: str) -> bool:
    return name in BUILDERS or name in _CONSTANTS or name.startswith(_PLAIN_CLASSES)


def scan(stream: bytes, *, count: int) -> Scanned:
    """Return what pickles in a stream import and call.

    Raises:
        ValueError, LookupError: It is no pickle, or imports what its opcodes do not tell.
    """
    found = Scanned(set(), set())
    file = BytesIO(stream)
    for _ in range(count):
        _scan(file, found)
    return found


def _scan(file: BytesIO, found: Scanned) -> None:
    """Follow the stack of one pickle: texts, names, and what calls of names give, in a tuple; anything else is None."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
            continue
        if name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
            continue
        taken = _taken(stack, opcode)
        made: Any = None
        if name in ("GET", "BINGET", "LONG_BINGET"):
            made = memo[argument]
        elif name in ("GLOBAL", "INST"):
            made = _Name(argument.replace(" ", ":"))
        elif name == "STACK_GLOBAL":
            if not all(type(part) is str for part in taken):
                raise ValueError("it imports a name that it makes")
            made = _Name(":".join(taken))
        elif name[:3] == "EXT":
            raise ValueError("it imports by a number of copyreg's")
        elif opcode.stack_after == [pickletools.pyunicode]:
            made = argument
        if name in _CALLING:
            called = made if name == "INST" else next((one for one in taken if one is not _MARK), None)
            if not isinstance(called, _Name) and (called is None or is_builder(called[0])):
                raise ValueError("it calls what it makes")
            if isinstance(called, _Name):
                found.called.add(called)
            made = made or (str(called if isinstance(called, _Name) else called[0]),)
        if isinstance(made, _Name):
            found.names.add(made)
            made = None if name == "INST" else made
        if name == "DUP":
            stack += [*taken, *taken]
        else:
            stack += [_MARK if after is _MARK else made for after in opcode.stack_after]


class _Name(str):
    """A name that was imported."""

    __slots__ = ()


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
    """Return the names that are code: called, or no class, and on no table. This imports the modules of all of them."""
    names = {name for name in scanned.names if not is_builder(name)}
    return {name for name in names if name in scanned.called or not isinstance(find(name), type)}


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
