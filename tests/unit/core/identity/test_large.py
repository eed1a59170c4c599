"""Large plain values: they are hashed without a copy, and in a form that depends on the value alone."""

from __future__ import annotations

import decimal
import io
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity import graph, walk
from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint

MEGABYTE = 1 << 20
BLOB = bytes(range(256)) * (40 * MEGABYTE // 256)
LARGE = {
    "bytes": lambda: BLOB,
    "bytearray": lambda: bytearray(BLOB),
    "memoryview": lambda: memoryview(BLOB),
    "memoryview of floats": lambda: memoryview(b"?" * (40 * MEGABYTE)).cast("d"),
    "BytesIO": lambda: io.BytesIO(BLOB),
    "written BytesIO": lambda: written(BLOB),
    "str": lambda: "ab/d" * (10 * MEGABYTE),
    "str beyond ASCII": lambda: "ab\xe9\u2028" * (10 * MEGABYTE),
    "list": lambda: [BLOB, 1, "a"],
    "dict": lambda: {"image": BLOB, "name": "a", "text": "ab/d" * (10 * MEGABYTE)},
    "rows": lambda: [{"image": BLOB, "name": str(n)} for n in range(100)],
}


def written(data):
    file = io.BytesIO()
    file.write(data)
    return file


@pytest.mark.promise("bytes, texts and in-memory files are hashed without a copy")
@pytest.mark.parametrize("name", LARGE)
def test_large_values_are_not_copied(name):
    value = LARGE[name]()
    calls = CallIdentity("shop:send", ("x",), places=rooted())
    calls.key((None,))
    expected = calls.key((value,))

    tracemalloc.start()
    try:
        found = calls.key((value,))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert found == expected
    assert peak < MEGABYTE


def rooted():
    """Return the places of a run with a base temporary folder, in which strings may be paths."""
    places = Places("/work")
    places.set_root("tmp", "/tmp/pytest-of-me/pytest-0")
    return places


@pytest.mark.parametrize("size", [1, 64, 65, 5000])
@pytest.mark.parametrize(
    "value", [b"a" * 65_536 + b"b", "a" * 65_536 + "b", "\xe9\0" * 40_000], ids=["bytes", "text", "beyond"]
)
def test_long_texts_and_bytes_count_wholly(value, size):
    filler = [1, "a", b"a"][:size] if size < 64 else ["a", 1, b"a", None] * (size // 4)

    def identities(one):
        return [fingerprint(one), fingerprint([*filler, one]), fingerprint({"a": one, "b": filler})]

    others = [value[:-1], value[:-1] + value[:1], value + value[:1], value[: len(value) // 2]]
    found = [identities(one) for one in (value, *others)]

    assert identities(value[:-1] + value[-1:]) == found[0]
    assert all(len(set(column)) == len(found) for column in zip(*found))
    assert fingerprint([value, value]) != fingerprint([value + value])
    assert fingerprint([value, others[0]]) != fingerprint([others[0], value])


def test_a_long_text_that_starts_like_a_path_is_no_path():
    places, elsewhere = rooted(), Places("/work")
    text = "/tmp/pytest-of-me/pytest-0/test_a0/" + "a" * 65_536

    assert fingerprint(text, places=places) == fingerprint(text, places=elsewhere)
    assert fingerprint([text, "a"] * 99, places=places) == fingerprint([text, "a"] * 99, places=elsewhere)
    assert fingerprint([text] * 99, places=places) == fingerprint([text] * 99, places=elsewhere)


class Int(int):
    pass


class Float(float):
    pass


numbers = st.none() | st.booleans() | st.integers() | st.floats()
OTHERS = [
    Int(1),
    Float(1),
    "1",
    b"1",
    (),
    (1,),
    [],
    [1],
    {},
    {1: 1},
    set(),
    frozenset(),
    ...,
    1j,
    decimal.Decimal(1),
]


def again(value):
    """Return an equal number that is another object, where there is one."""
    return value if type(value) not in (int, float) else type(value)(repr(value))


def changes(value):
    """Return other values than a number, some of them equal to it."""
    found = [True, 1, 1.0, 0, False, 0.0, -0.0, None, 2**64, *OTHERS]
    return [one for one in found if (type(one), repr(one)) != (type(value), repr(value))]


@given(st.lists(numbers, min_size=65, max_size=300), st.data())
def test_a_long_list_of_numbers_counts_by_types_and_values(values, data):
    expected = fingerprint(values)
    place = data.draw(st.integers(0, len(values) - 1))

    assert fingerprint(list(map(again, values))) == expected
    found = set()
    for other in changes(values[place]):
        changed = [*values[:place], other, *values[place + 1 :]]
        found.add(fingerprint(changed))
        assert fingerprint(list(map(again, changed))) in found
    assert len(found | {expected}) == len(changes(values[place])) + 1
    assert (
        len({fingerprint(part) for part in (values, values[1:], tuple(values), [values], [*values, ()])}) == 5
    )


def test_numbers_beside_shared_and_nested_containers():
    """A list that starts and ends like one of numbers, but holds a part that unfolds to 2⁴⁰ of them."""
    part = [1]
    for _ in range(40):
        part = [part, part]
    cycle = [1]
    cycle.append(cycle)
    deep = []
    for _ in range(5000):
        deep = [deep]
    plain = [1] * 200

    found = [fingerprint([*plain, other, *plain]) for other in (part, cycle, deep, [1])]

    assert len(set(found)) == len(found)


def test_a_deep_part_among_numbers_is_safe_under_any_recursion_limit():
    values = [*range(500), nested(100_000), *range(500)]
    expected = fingerprint(values)
    before = sys.getrecursionlimit()

    sys.setrecursionlimit(10**6)
    try:
        assert fingerprint(values) == expected
        assert fingerprint([*values, 1]) != expected
    finally:
        sys.setrecursionlimit(before)


def nested(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


def test_a_large_and_a_deep_part_count_in_any_order():
    """The order in which they are met does not decide how the whole is digested."""
    large, deep = tuple(range(1_100_000)), nested(30)

    expected = fingerprint({large: 1, deep: 2})

    assert fingerprint({deep: 2, large: 1}) == expected
    assert fingerprint({deep: 1, large: 2}) != expected


def test_a_dict_may_have_more_keys_than_one_walk_takes(monkeypatch):
    monkeypatch.setattr(walk, "MOST_CELLS", 1000)
    monkeypatch.setattr(graph, "SMALL_CELLS", 100)
    numbers = {n: n for n in range(2000)}
    texts = {str(n): n for n in range(2000)}

    found = [fingerprint(one) for one in (numbers, numbers | {-1: 1}, texts, texts | {"": 1})]

    assert len(set(found)) == len(found)
    assert fingerprint(dict(reversed(numbers.items()))) == found[0]


@pytest.mark.parametrize("capitals", [0, 1])
def test_a_decimal_counts_the_same_in_every_context(capitals):
    texts = ["1E+5", "1.50", "1.5", "-0", "0", "0E-9", "sNaN12", "NaN12", "NaN", "-Infinity", "100000"]
    expected = [fingerprint(decimal.Decimal(text)) for text in texts]

    with decimal.localcontext() as context:
        context.capitals, context.prec = capitals, 2
        found = [fingerprint(decimal.Decimal(text)) for text in texts]

    assert found == expected
    assert len(set(found)) == len(texts)


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]], ids=["alone", "in a list"])
def test_long_keys_of_a_short_dict_count_in_any_order(wrap):
    one, other = "a" * 100_000, "a" * 99_999 + "b"

    assert fingerprint(wrap({one: 1, other: 2})) == fingerprint(wrap({other: 2, one: 1}))
    assert fingerprint(wrap({one: 1, other: 2})) != fingerprint(wrap({one: 2, other: 1}))
    assert fingerprint(wrap({one: 1, other: 2})) != fingerprint(wrap({one: 1, other + "b": 2}))
