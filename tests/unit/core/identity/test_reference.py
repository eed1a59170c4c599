"""The identities that the reference describes, computed by `reference` from its pages alone, are those of the code."""

from __future__ import annotations

import datetime
import json
import re
import tarfile
import uuid
from array import array
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds_of_things import MyFloat, MyInt, Plain, members
from reference import identity, part
from reference_kinds import LIBRARIES, NAN, STDLIB, dump
from test_properties import hashable, values
from test_values import ROWS, made
from xxhash import xxh3_128, xxh3_128_hexdigest

from pytest_mimic._core.identity import arrow, numeric, pandas
from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint
from pytest_mimic._core.identity.callables import _KINDS
from pytest_mimic._core.identity.stdlib_types import PATHS, REDUCERS
from pytest_mimic._core.outcome.tagged import scalar_tags
from pytest_mimic._core.outcome.tagged.arrays import ARRAY
from pytest_mimic._core.outcome.tagged.containers import CONTAINERS, MAPPING
from pytest_mimic._core.outcome.tagged.scalar_tags import OTHERS, SCALARS
from pytest_mimic._core.vault.schema import _BODIES, FIELDS, RECORDING_FACTS

ARCHIVE = Path(__file__).parents[3] / "frozen" / "recordings.tar.xz"
KINDS = [type(f"Kind{n}", (Plain,), {}) for n in range(300)]


@pytest.mark.promise("the reference describes identities so that another program can compute them")
@given(values | st.lists(hashable, min_size=60, max_size=70) | st.sets(hashable, min_size=5))
def test_the_reference_describes_the_identity_of_values(value):
    assert fingerprint(value) == identity(value)


def nested(levels, value):
    for level in range(levels):
        value = [value, level] if level % 3 else {"a": value, 2: (value,) if level < 20 else ()}
    return value


LARGE = {
    "numbers": [*range(5000), 2**70, 0.5, None, True],
    "floats": [n / 7 for n in range(500)] + [NAN],
    "texts": [f"word {n}" for n in range(200)],
    "texts with NUL": ["a\0b"] * 70,
    "long text": "ü" * 70_000,
    "long bytes": [b"x" * 70_000, b""],
    "long and others": ["x" * 70_000, 1, b"a", None],
    "many scalars": [1, "a", b"b", None, 0.5] * 1000,
    "rows": [{"id": n, "name": str(n), "w": n / 3} for n in range(300)],
    "shapes": [{f"x{n % 3}": n, "y": [n]} for n in range(100)],
    "own shapes": [{f"x{n}": n} for n in range(30)],
    "sets": [set(range(500)), {f"word {n}" for n in range(500)}, {n / 7 for n in range(500)}, {1, "a"}],
    "dicts": [{str(n): n for n in range(200)}, {n: str(n) for n in range(200)}, {None: 1, (1, 2): 2}],
    "decimals": [Decimal(n) / 100 for n in range(300)],
    "moments and ids": [datetime.timedelta(-1, 2, 3), uuid.UUID(int=5), range(3, 9, 5), range(3, 4), range(0)]
    * 20,
    "sets and keys of moments": [
        {datetime.date(2026, 1, day) for day in (1, 2)},
        {datetime.datetime(2026, 1, 2, 3): [1]},
    ],
    "empty dicts": [{}, {}],
    "one empty dict": [{}],
    "keys that are NaN": {NAN: 1, -NAN: [2], 2.0: 3},
    "long keys": {"x" * 70_000: 1, "y": 2},
    "long keys in a list": [{"x" * 100_000: 1, "x" * 99_999 + "y": 2}],
    "numbers but for an empty tuple": [*range(99), (), *range(102)],
    "numbers but for one": [
        [*range(99), one, *range(102)] for one in (MyInt(5), MyFloat(5), (), "5", [5], None)
    ],
    "numbers of every type": [
        MyInt(1),
        MyFloat(1),
        1,
        1.0,
        True,
        "1",
        b"1",
        (),
        (1,),
        [],
        {1: 1},
        ...,
        1j,
        None,
        -0.0,
    ]
    * 9,
    "more than 256 types": [kind(a=n % 7) for n, kind in enumerate([*KINDS, *KINDS[::3]])],
    "256 types": [kind(a=[]) for kind in KINDS[:256]],
    "257 types": [*(kind(a="") for kind in KINDS[:256]), None],
    "memory": [bytearray(b"a"), bytearray(), array("d", [NAN, -NAN, 0.5]), array("h", [1, 2]), array("d")],
    "views": [
        memoryview(b"abcdef")[::2],
        memoryview(b"abcdef").cast("B", (2, 3)),
        memoryview(array("d", [-NAN])),
    ],
    "sets with NaN": [
        {NAN, -NAN, 1.0},
        {1.0, 2, None},
        {-0.0, 1.5},
        frozenset([(1.5, 2)]),
        frozenset([(1, "a"), ()]),
    ],
    "a whole batch": [*range(1000)],
    "a batch of one": [*range(999), -(2**31) - 1, None],
    "a batch of two": [*range(1000), 2**255, -(2**2100)],
    "a table": [(n, str(n), Decimal(n), None, NAN) for n in range(100)],
    "a table but for a row": [*([n, Decimal(n)] for n in range(100)), [Decimal(1), 1]],
    "scalars in turn": [(n, None, "a", 0.5) for n in range(2000)],
    "none among numbers": [(n, None) for n in range(100)] + [(NAN, 1)],
    "objects that occur often": [*[Decimal(1), Decimal(2)] * 50, *[1j, complex(NAN, 2)] * 50],
    "numbers that occur often": [1j, 2j] * 50,
    "members of texts": members("a", "\ud800", "ü"),
    "members of scalars": members(1, "a", b"b", -NAN, None, 0.5),
    "members of texts with NUL": members("a\0b", "c"),
    "members of long texts": members("x" * 70_000, 1),
    "members of objects": members((1, 2), [3]),
    "members of texts, in sets and deep": [
        {*members("a", "b")},
        nested(14, members("a", 1)),
        nested(15, members("a", "b")),
    ],
    "empty sets": [set(), set(), frozenset()],
    "few and many keys": [dict.fromkeys(map(str, range(n))) for n in (64, 65)],
    "texts beyond ASCII": ["\ud800", "\U00010000", "\ud800\udc00", ""] * 17,
}


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
@pytest.mark.parametrize("name", LARGE)
def test_the_reference_describes_the_identity_of_large_values(name):
    assert fingerprint(LARGE[name]) == identity(LARGE[name])


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
@pytest.mark.parametrize("name", ROWS)
def test_the_reference_describes_the_identity_of_each_kind(name):
    one, _, others = ROWS[name]

    for expression in (one, *others):
        assert fingerprint(made(expression)) == identity(made(expression)), expression


#: What the page calls a kind that has another name in the code.
NAMES_ON_THE_PAGE = {
    "builtins.mappingproxy": "`MappingProxyType`",
    "builtins.method": "bound methods",
    **{f"builtins.dict_{name}": f"`dict.{name}()`" for name in ("keys", "values", "items")},
    **{f"builtins.odict_{name}": "the views of an `OrderedDict`" for name in ("keys", "values", "items")},
    **{
        f"ipaddress.IPv{version}{name}": f"{words} of `ipaddress`"
        for version in (4, 6)
        for name, words in (("Address", "addresses"), ("Network", "networks"), ("Interface", "interfaces"))
    },
    "types.GenericAlias": "`list[int]`",
    "types.UnionType": "`int \\| str`",
    "typing._UnionGenericAlias": "`Optional`, `Union`",
    "typing._GenericAlias": "others of `typing`",
    "typing._SpecialGenericAlias": "and others without arguments",
    "typing._AnnotatedAlias": "`Annotated`",
    "typing._SpecialForm": "other special forms",
    **{f"pathlib.{name}Path": "`pathlib:Path`" for name in ("Posix", "Windows")},
    "builtins.builtin_function_or_method": "a function written in C",
    "builtins.method-wrapper": "a method written in C that is bound",
    "builtins.function": "| a function | `function`",
    "builtins.module": "| a module | `module`",
    "builtins.type": "| a class | `class`",
    "functools._lru_cache_wrapper": "a function of `lru_cache`",
    **{
        f"builtins.{name}_descriptor": "a descriptor written in C"
        for name in ("classmethod", "getset", "member", "method", "wrapper")
    },
    "numpy:memmap": "`numpy:ndarray` (also `memmap`)",
    "numpy:bool_": "`numpy:bool`",
    "numpy:generic": "`numpy:<scalar>`",
    **{
        f"numpy:{name}": "generators of random numbers"
        for name in ("Generator", "BitGenerator", "RandomState")
    },
    "numpy:_ArrayFunctionDispatcher": "`numpy:function`",
    "scipy:_spbase": "`scipy:csr_array`, …",
    "scipy:spmatrix": "`scipy:csr_array`, …",
    "torch:Tensor": "tensors of torch",
    **{f"torch:{name}Storage": "storages are refused" for name in ("Untyped", "Typed")},
    **{f"pandas:{name}Index": "`pandas:Index`" for name in ("Range", "Int64", "UInt64", "Float64")},
    "pandas:ExtensionArray": "`pandas:array`",
    "pandas:ExtensionDtype": "`pandas:dtype`",
    "polars:DataType": "`polars:<DataType>`",
    **{f"pyarrow:{name}": f"`pyarrow:<{name}>`" for name in ("Array", "Scalar", "DataType")},
}
OF_LIBRARIES = {f"{library}:{name}" for module in (arrow, numeric, pandas) for library, name in module.RULES}
#: torch is too large to be a test dependency.
WITHOUT_SECOND = {name for name in OF_LIBRARIES if name.startswith("torch:")}


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
def test_the_reference_has_each_kind_of_the_code():
    page = (Path(__file__).parents[4] / "docs" / "internals" / "identity-of-types.md").read_text(
        encoding="utf-8"
    )
    of_stdlib = {*REDUCERS, *PATHS}
    named = {
        name: NAMES_ON_THE_PAGE.get(name, f"`{name}`" if ":" in name else f"{name.rpartition('.')[2]}`")
        for name in (*of_stdlib, *_KINDS, *OF_LIBRARIES)
    }

    assert {name: words for name, words in named.items() if words not in page} == {}
    assert of_stdlib - STDLIB.keys() == set()
    assert OF_LIBRARIES - LIBRARIES.keys() == WITHOUT_SECOND


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
def test_the_reference_has_each_key_and_tag_of_a_recording():
    page = (Path(__file__).parents[4] / "docs" / "internals" / "vault-format.md").read_text(encoding="utf-8")
    tags = [*SCALARS.values(), *scalar_tags.PATHS.values(), *OTHERS, *CONTAINERS.values(), MAPPING, ARRAY]
    names = [*FIELDS, *_BODIES, *RECORDING_FACTS, *(f"${tag.name}" for tag in tags)]

    assert [name for name in names if f"`{name}`" not in page and f'"{name}"' not in page] == []


def linked(length, last=None):
    """Return the first of some objects that know one another, as in a doubly linked list."""
    nodes = [Plain(number=number % 3) for number in range(length)]
    for one, other in pairwise(nodes):
        one.next, other.before = other, one
    nodes[-1].next = last
    return nodes[0]


def cyclic(*values):
    return [made := list(values), made.append(made)]


def ring(size, at=1):
    """Return the first of some lists, each with its number and, at a place, the next list."""
    nodes = [[number] for number in range(size)]
    for one, other in pairwise([*nodes, nodes[0]]):
        one.insert(at, other)
    return nodes[0]


def unfolding(levels):
    part = [1]
    for _ in range(levels):
        part = [part, part]
    return part


DEEP = {
    "levels": nested(100, {1, 2}),
    "many levels": nested(300, [{"a": 1}, None]),
    "shared parts": [nested(90, shared := list(range(70))), shared, {"b": nested(80, shared)}],
    "long lists of deep values": [[nested(n, n) for n in range(40, 90)], *range(100), nested(70, None)],
    "a cycle": cyclic(1, "a", [2]),
    "two cycles": [cyclic(1), cyclic(1), cyclic(2, cyclic(3))],
    "linked": linked(5),
    "linked for long": linked(80),
    "linked with a set": linked(60, {1, "a"}),
    "large parts between small ones": [
        1,
        nested(99, 0),
        2,
        nested(99, 3),
        {1: nested(99, 1), "a": nested(99, 2)},
    ],
    "large parts under mixed keys": {(1, 2): nested(99, 0), "a": 3, None: nested(99, (4,))},
    "numbers beside a part that unfolds": [*[1] * 200, unfolding(12), *[1] * 200],
    "a ring of lists": ring(60),
    "a ring that goes on first": ring(61, at=0),
    "many rows with a cycle": {"rows": [{"id": n} for n in range(100)], "self": cyclic({"x": (1,)})},
}


@pytest.mark.promise("identities and the vault's layout change only with a new format number")
@pytest.mark.parametrize("name", DEEP)
def test_the_reference_describes_the_identity_of_deep_and_cyclic_values(name):
    assert fingerprint(DEEP[name]) == identity(DEEP[name])


def call_identity(target: str, names: list[str], arguments: list[Any]) -> str:
    head = dump(("call", 1, target, names, False))
    return xxh3_128(head + dump(list(map(part, arguments)))).hexdigest()


def test_the_reference_describes_the_identity_of_calls():
    names, arguments = ("n", "*rest", "**extra"), (1, ("a", [2]), {"at": {1, 2}})

    key = CallIdentity("shop.api:send", names).key(arguments)

    assert key == call_identity("shop.api:send", list(names), list(arguments))


def is_plain(described: Any) -> bool:
    """Check whether the description of an argument is the argument itself: JSON, shown as a whole."""
    if type(described) is dict:
        return "$" not in described and all(map(is_plain, described.values()))
    return all(map(is_plain, described)) if type(described) is list else True


def frozen_files() -> list[tuple[str, bytes]]:
    """Return the frozen recordings, cassettes and objects by their names in their vaults."""
    with tarfile.open(ARCHIVE) as archive:
        found = [(one.name.partition("/")[2], archive.extractfile(one)) for one in archive]
        return [(name, file.read()) for name, file in found if file is not None]


@pytest.mark.promise(
    "the reference describes the names in a vault so that another program can find a recording"
)
def test_the_reference_describes_the_names_of_recordings():
    owned, computed = [], []
    for name, data in frozen_files():
        if found := re.fullmatch(r"calls/.*/([0-9a-f]{32})(-[a-z-]+)?\.json", name):
            facts = json.loads(data)
            target, arguments, owner = facts["target"], facts["arguments"], facts["owner"]
            if owner is not None:
                owned.append(found[1] == xxh3_128_hexdigest(f"{facts['identity']}\0{owner}".encode()))
            elif ":" in target and arguments and is_plain(arguments):
                computed.append(found[1] == call_identity(target, [*arguments], [*arguments.values()]))

    assert set(owned) == {True}
    assert set(computed) == {True}


def test_the_reference_describes_the_names_of_readable_objects():
    readable = [
        (Path(name).stem, text) for name, text in frozen_files() if re.match(r"objects/.*\.json$", name)
    ]

    assert readable
    assert all(name == xxh3_128_hexdigest(text) for name, text in readable)
