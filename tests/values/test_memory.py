"""Long lists of numbers and long texts count by their memory; which ones, no other count can tell."""

from __future__ import annotations

import pytest
from support.face import fingerprint, there_and_back

from pytest_mimic.values.tree import cut, digest_of
from pytest_mimic.values.walk import tree_of

PAIRS = {
    "an item": ([1] * 3000, [1] * 2999 + [2]),
    "a float": ([1.0] * 3000, [1.0] * 2999 + [1.5]),
    "minus zero": ([0.0] * 3000, [0.0] * 2999 + [-0.0]),
    "floats of the same memory": ([0] * 3000, [0.0] * 3000),
    "truth values": ([1] * 3000, [True] * 3000),
    "one truth value": ([1] * 3000, [1] * 2999 + [True]),
    "one float": ([1] * 3000, [1] * 2999 + [1.0]),
    "too large": ([2**63] * 3000, [2**63 + 1] * 3000),
    "not finite": ([float("inf")] * 3000, [float("-inf")] * 3000),
    "a length": ([1] * 3000, [1] * 3001),
    "a tuple": ([1] * 3000, (1,) * 3000),
    "a sign": ("a" * 5000, "a" * 4999 + "b"),
    "its bytes": ("a" * 5000, b"a" * 5000),
    "its JSON": ("\n" * 4000, '"' + "\\n" * 4000 + '"'),
    "deep inside": ({"a": [{"b": [1] * 3000}]}, {"a": [{"b": [1] * 2999 + [2]}]}),
    "among many": ([[1.0] * 3000] * 50, [[1.0] * 3000] * 49 + [[2.0] * 3000]),
    "a row of many": ([{"id": n} for n in range(3000)], [{"id": n or 7} for n in range(3000)]),
}  # fmt: skip


class Holder:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_they_are_told_apart(one, other):
    for within in (lambda part: part, lambda part: [part], Holder):
        assert fingerprint(within(one)) == fingerprint(within(one))
        assert fingerprint(within(one)) != fingerprint(within(other))
    assert fingerprint(there_and_back([one])) == fingerprint([one])


@pytest.mark.parametrize("value", [[1.5] * 3000, ["é" * 5000], [*range(2048)]])
def test_a_value_that_is_a_tree_counts_as_one_that_is_opened(value):
    opened = tree_of(value, "identity")

    assert fingerprint(value) == digest_of(opened) == digest_of(cut(opened))
    assert digest_of({"a": opened}) == digest_of(cut({"a": opened}))
