"""Large plain values: they are hashed without a copy, and in a form that depends on the value alone."""

from __future__ import annotations

import decimal
import io
import tracemalloc

import pytest
from hypothesis import strategies as st

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity import digest_walk
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


def test_a_long_text_that_starts_like_a_path_is_no_path():
    places, elsewhere = rooted(), Places("/work")
    text = "/tmp/pytest-of-me/pytest-0/test_a0/" + "a" * 65_536

    assert fingerprint(text, places=places) == fingerprint(text, places=elsewhere)
    assert fingerprint([text, "a"] * 99, places=places) == fingerprint(
        [text, "a"] * 99, places=elsewhere
    )
    assert fingerprint([text] * 99, places=places) == fingerprint(
        [text] * 99, places=elsewhere
    )


numbers = st.none() | st.booleans() | st.integers() | st.floats()


def test_a_dict_may_have_more_keys_than_one_walk_takes(monkeypatch):
    monkeypatch.setattr(digest_walk, "MOST_CELLS", 1000)
    numbers = {n: n for n in range(2000)}
    texts = {str(n): n for n in range(2000)}

    found = [
        fingerprint(one) for one in (numbers, numbers | {-1: 1}, texts, texts | {"": 1})
    ]

    assert len(set(found)) == len(found)
    assert fingerprint(dict(reversed(numbers.items()))) == found[0]


@pytest.mark.parametrize("capitals", [0, 1])
def test_a_decimal_counts_the_same_in_every_context(capitals):
    texts = [
        "1E+5",
        "1.50",
        "1.5",
        "-0",
        "0",
        "0E-9",
        "sNaN12",
        "NaN12",
        "NaN",
        "-Infinity",
        "100000",
    ]
    expected = [fingerprint(decimal.Decimal(text)) for text in texts]

    with decimal.localcontext() as context:
        context.capitals, context.prec = capitals, 2
        found = [fingerprint(decimal.Decimal(text)) for text in texts]

    assert found == expected
    assert len(set(found)) == len(texts)


def test_interning_does_not_count():
    fresh = "".join(["key", "_", "one"])

    assert fingerprint([{"key_one": 1, "k": ["key_one"] * 100}]) == fingerprint(
        [{fresh: 1, "k": [fresh] * 100}]
    )
