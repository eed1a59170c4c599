"""Identities and the names of recordings, computed a second time from the pages that describe them."""

from __future__ import annotations

import json
import re
import tarfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from second_identity import call_identity, fingerprint, key_of_sequence
from xxhash import xxh3_128_hexdigest

import pytest_mimic

ARCHIVE = Path(__file__).parent.parent / "frozen" / "recordings.tar.xz"
NAN = float("nan")
PLAIN = (type(None), bool, int, float, str)

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_characters="/"), max_size=8),
    st.binary(max_size=8),
    st.complex_numbers(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 4)),
)
keys = st.recursive(atoms, lambda some: st.tuples(some, some) | st.frozensets(some, max_size=3), max_leaves=3)
values = st.recursive(
    atoms,
    lambda some: st.one_of(
        *(st.lists(some), st.tuples(some, some), st.sets(keys), st.frozensets(keys)),
        *(st.dictionaries(keys, some), st.dictionaries(st.text("ab"), some)),
    ),
    max_leaves=20,
)


@pytest.mark.promise("the reference describes identities so that another program can compute them")
@settings(max_examples=300, deadline=None)
@given(values)
def test_values_of_any_kind(value):
    assert fingerprint(value) == pytest_mimic.fingerprint(value)


@pytest.mark.parametrize(
    "value",
    [
        "a" * 70_000,
        b"a" * 70_000,
        ["a" * 70_000, "b"],
        ["a" * 70_000, 1],
        list(range(100)),
        [1.0, NAN] * 50,
        [1, "a"] * 50,
        [1, "a"] * 3_000,
        ["é", "\udc80"] * 50,
        ["a\0", "b"] * 50,
        [b"a", b"bc"] * 50,
        {str(number): number for number in range(100)},
        {number: [number] for number in range(100)},
        [{"a": number, "b": "x"} for number in range(8)],
        [{"a": number} if number % 2 else {"b": [number]} for number in range(60)],
        [{str(number): number} for number in range(20)],
        [{}, {}],
        {NAN: 1, 2.0: 2},
        {(1, 2): [3], ("a", None): []},
        {date(2026, 1, 2), date(2026, 1, 3)},
        [datetime(2026, 1, 2, 3), timedelta(1), Decimal("1E+3"), Fraction(1, 3), UUID(int=5)] * 20,
        [Decimal(number) for number in range(100)],
    ],
)
def test_long_and_large_values(value):
    assert fingerprint(value) == pytest_mimic.fingerprint(value)


def is_plain(value):
    """Check whether the description of an argument is the argument itself: JSON, shown as a whole."""
    if type(value) is dict:
        return "$" not in value and all(map(is_plain, value.values()))
    return all(map(is_plain, value)) if type(value) is list else type(value) in PLAIN


def frozen_recordings():
    """Yield the name and the facts of each recording in the archive."""
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            _, _, name = member.name.partition("/")
            if name.startswith("calls/"):
                yield name, json.loads(archive.extractfile(member).read())


@pytest.mark.promise(
    "the reference describes the names in a vault so that another program can find a recording"
)
def test_names_of_the_frozen_recordings():
    owned: list[bool] = []
    computed: list[bool] = []
    for name, facts in frozen_recordings():
        key = re.search(r"/([0-9a-f]{32})(-[a-z-]+)?\.json$", name)[1]
        if facts.get("owner"):
            owned.append(key == key_of_sequence(facts["identity"], facts["owner"]))
        elif ":" in facts["target"] and facts["arguments"] and is_plain(facts["arguments"]):
            names, arguments = zip(*facts["arguments"].items(), strict=True)
            computed.append(key == call_identity(facts["target"], names, arguments))

    assert set(owned) == {True}
    assert set(computed) == {True}


def test_readable_objects_of_the_frozen_recordings_are_named_by_their_text():
    with tarfile.open(ARCHIVE) as archive:
        found = [(one.name, archive.extractfile(one).read()) for one in archive if "/objects/" in one.name]

    readable = [(Path(name).stem, text) for name, text in found if name.endswith(".json")]
    assert readable
    assert all(name == xxh3_128_hexdigest(text) for name, text in readable)
