"""Changes to arguments are repeated in place."""

from __future__ import annotations

import io
import random
from collections import OrderedDict, deque
from xml.etree import ElementTree

import pytest

from pytest_mimic._core.outcome.changes import apply_changes


class Thing:
    def __init__(self, **state):
        self.__dict__.update(state)


class Slotted:
    __slots__ = ("a", "b")


def slotted(**state):
    made = Slotted()
    for name, value in state.items():
        setattr(made, name, value)
    return made


def state(value):
    return {name: getattr(value, name) for name in ("a", "b") if hasattr(value, name)}


@pytest.mark.parametrize(
    ("current", "new"),
    [
        ([1, 2], [3]),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
        ({1, 2}, {3}),
        (deque([1]), deque([2, 3])),
        (bytearray(b"ab"), bytearray(b"xyz")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_containers_get_the_new_content(current, new):
    apply_changes(current, new)

    assert current == new
    assert list(current) == list(new)


def test_objects_get_the_new_attributes_and_lose_the_others():
    thing, slot = Thing(a=1, b=2), slotted(a=1)

    apply_changes(thing, Thing(b=3, c=4))
    apply_changes(slot, slotted(b=2))

    assert vars(thing) == {"b": 3, "c": 4}
    assert state(slot) == {"b": 2}


def test_views_of_an_array_see_the_new_elements():
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros((2, 2))
    view = array[0]

    apply_changes(array, numpy.ones((2, 2)))

    assert view.tolist() == [1, 1]


def test_an_array_gets_the_new_shape_and_dtype():
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(2)

    apply_changes(array, numpy.ones((2, 2)))

    assert array.tolist() == [[1, 1], [1, 1]]

    apply_changes(array, numpy.ones((2, 3), "f4"))

    assert (array.tolist(), array.dtype) == ([[1, 1, 1], [1, 1, 1]], "f4")


def test_a_value_can_replace_itself():
    value = {"a": [1]}

    apply_changes(value, value)

    assert value == {"a": [1]}


def test_values_without_identity_are_changed():
    marker = object()
    value = [1]

    apply_changes(value, [marker])

    assert value == [marker]


def test_a_pandas_frame_gets_the_new_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2]})
    new = pandas.DataFrame({"a": [5, 6], "b": [7, 8]})

    apply_changes(frame, new)

    pandas.testing.assert_frame_equal(frame, new)


class Secretive:
    __slots__ = ("__inner",)

    def __init__(self, inner):
        self.__inner = inner

    def inner(self):
        return self.__inner


def read(stream, count):
    stream.read(count)
    return stream


@pytest.mark.parametrize(
    ("current", "new", "look"),
    [
        (Secretive(1), Secretive(2), Secretive.inner),
        (io.BytesIO(b"a"), read(io.BytesIO(b"abc"), 2), lambda value: (value.getvalue(), value.tell())),
        (io.StringIO("a"), read(io.StringIO("abc"), 3), lambda value: (value.getvalue(), value.tell())),
        (random.Random(1), random.Random(2), random.Random.getstate),
        (ElementTree.Element("a"), ElementTree.fromstring("<a b='1'><c/></a>"), ElementTree.tostring),
    ],
    ids=lambda value: type(value).__name__,
)
def test_private_slots_and_state_in_c_are_changed(current, new, look):
    apply_changes(current, new)

    assert look(current) == look(new)


def test_numpy_random_generators_get_the_new_state():
    random = pytest.importorskip("numpy").random
    generator, state = random.default_rng(1), random.RandomState(1)

    apply_changes(generator, random.default_rng(2))
    apply_changes(state, random.RandomState(2))

    assert generator.random() == random.default_rng(2).random()
    assert state.random() == random.RandomState(2).random()


@pytest.mark.parametrize(
    ("current", "new", "hold"),
    [
        (Thing(), Thing(), lambda new, leaf: setattr(new, "a", leaf)),
        (slotted(), slotted(), lambda new, leaf: setattr(new, "a", leaf)),
        ({}, {}, lambda new, leaf: new.update(a=leaf)),
        ([], [], list.append),
        (deque(), deque(), deque.append),
    ],
    ids=["object", "slots", "dict", "list", "deque"],
)
def test_back_references_lead_to_the_callers_object(current, new, hold):
    leaf = Thing(up=new, beside=deque([new]), by_name={"up": new}, slot=slotted(a=new), of=Thing)
    hold(new, leaf)

    apply_changes(current, new)

    held = [leaf.up, leaf.beside[0], leaf.by_name["up"], leaf.slot.a]
    assert [part is current for part in held] == [True] * 4


def test_a_value_that_cannot_change_in_place_is_refused():
    with pytest.raises(TypeError, match="list cannot become tuple in place"):
        apply_changes([1], (1,))
    with pytest.raises(TypeError, match="int cannot be changed in place"):
        apply_changes(1, 2)
    with pytest.raises(TypeError, match="deque cannot be changed in place"):
        apply_changes(deque([1], 3), deque([1], 5))
