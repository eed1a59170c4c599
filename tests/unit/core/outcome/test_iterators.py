"""An iterator made by C code that does nothing else is a stream."""

from __future__ import annotations

import csv
import io
import itertools
import re

import pytest

from pytest_mimic import UnstorableOutcomeError
from pytest_mimic._core.outcome.iterators import is_c_iterator
from unit.memory_store import recorded

ITERATORS = [
    *(map(str, [1]), filter(None, [1]), zip([1]), enumerate([1]), reversed([1])),
    *(iter([1]), iter({1: 2}), iter({1}), iter("a"), iter(b"a"), iter(range(2))),
    *(iter(int, 1), iter({1: 2}.items()), re.finditer("a", "a")),
    *(itertools.islice([1], 1), itertools.chain([1]), itertools.count()),
    *(itertools.groupby([1]), itertools.tee([1])[0], itertools.starmap(pow, [(1, 2)])),
]


@pytest.mark.parametrize("value", ITERATORS, ids=lambda value: type(value).__name__)
def test_an_iterator_of_c_is_one(value):
    assert is_c_iterator(value)


class Own:
    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


@pytest.mark.parametrize(
    "value",
    [[1], "a", (n for n in [1]), Own(), csv.reader([]), io.BytesIO(), io.StringIO()],
    ids=lambda value: type(value).__name__,
)
def test_what_does_more_than_iterate_is_none(value):
    assert not is_c_iterator(value)


@pytest.mark.parametrize("wrap", [lambda it: (1, it), lambda it: {"rows": it}])
def test_one_inside_a_value_is_refused_by_its_path(wrap):
    with pytest.raises(UnstorableOutcomeError, match=r"result(\[1\]|\.rows): a map"):
        recorded(wrap(map(str, [1])))
