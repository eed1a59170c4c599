"""An object without a value, which code tells apart by `is`, comes back as itself."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_mimic import StaleRecordingError
from pytest_mimic._core.outcome.constants import bare_object
from pytest_mimic._core.outcome.outcome import OutdatedClassError
from pytest_mimic._core.types.named_constants import constant_name
from unit.core.outcome.stored import edited, load, recorded, tree_of

token = pytest.importorskip("pygments.token")
ME = __name__


class Missing:
    pass


class Slotted:
    __slots__ = ("value",)


class Single:
    _only = None

    def __new__(cls):
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only


class Equal:
    def __eq__(self, other):
        return type(other) is Equal

    __hash__ = None


BARE = object()
MISSING = Missing()
SLOTTED = Slotted()
SINGLE = Single()
EQUAL = Equal()
FULL = Missing()
FULL.value = 1

constants = pytest.mark.parametrize(
    "constant",
    [BARE, MISSING, SLOTTED, SINGLE, dataclasses.MISSING],
    ids=["object()", "object of a class", "slots", "__new__", "dataclasses.MISSING"],
)


@constants
def test_a_constant_comes_back_as_itself(constant):
    assert load(recorded(constant)) is constant


@constants
def test_a_constant_inside_a_value_comes_back_as_itself(constant):
    # The set makes a pickle of the value that is readable without it.
    readable = load(recorded({"rows": [constant, constant]}))
    pickled = load(recorded({"rows": [constant], "codes": {1: [frozenset, print]}}))

    assert readable["rows"] == [constant, constant]
    assert pickled["rows"][0] is constant


def test_a_constant_is_readable_by_its_name():
    assert tree_of([MISSING]) == [{f"${ME}:Missing": "MISSING"}]


@pytest.mark.parametrize("value", [FULL, EQUAL], ids=["attributes", "__eq__"])
def test_an_object_with_a_value_comes_back_as_a_copy(value):
    again = load(recorded(value))

    assert type(again) is type(value)
    assert again is not value


def test_an_object_without_a_name_comes_back_as_a_copy():
    nameless = Missing()

    assert constant_name(nameless) is None
    assert type(load(recorded([nameless]))[0]) is Missing


def test_a_constant_that_is_gone_is_stale():
    store = edited({f"${ME}:Missing": "GONE"}, f"{ME}:Missing")

    with pytest.raises(
        StaleRecordingError, match=r"holds no .*Missing as GONE any more"
    ):
        load(store)


def test_a_name_of_another_object_is_stale():
    store = edited({f"${ME}:Missing": "BARE"}, f"{ME}:Missing")

    with pytest.raises(
        StaleRecordingError, match=r"holds no .*Missing as BARE any more"
    ):
        load(store)


def test_a_pickle_fetches_nothing_but_bare_objects():
    with pytest.raises(OutdatedClassError, match="no loaded module holds an object"):
        bare_object([("os", "environ"), ("not.loaded", "BARE")])


def test_types_of_tokens_come_back_as_themselves():
    value = [(token.Keyword, "def"), (token.Keyword.Constant, "None")]

    again = load(recorded(value))

    assert again == value
    assert again[0][0] is token.Keyword
    assert again[1][0] is token.Keyword.Constant
