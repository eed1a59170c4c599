"""What an object only remembers does not count: its hash, addresses of its parts, caches of libraries."""

from __future__ import annotations

import copy

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._core.types.remembered import (
    bare_copy,
    made_hashes,
    remembered_hashes,
    without_empty,
)


class Lazy:
    def __init__(self, name):
        self.name, self._hash = name, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.name)
        return self._hash


class Absent:
    __slots__ = ("_kept", "name")

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        try:
            return self._kept
        except AttributeError:
            self._kept = hash(self.name)
            return self._kept


class Twice(Lazy):
    """One that remembers its hash twice."""

    def __hash__(self):
        self._again = super().__hash__()
        return self._again


class Pair(tuple):
    def __hash__(self):
        if "_hash" not in self.__dict__:
            self._hash = tuple.__hash__(self)
        return self._hash


class Numbered:
    def __init__(self, number):
        self._id = number

    def __hash__(self):
        return self._id


class Named:
    """Its hash is taken of a public number, and so is equal to it."""

    def __init__(self, number):
        self.id, self._hash = number, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.id)
        return self._hash


class Early:
    def __init__(self, name):
        self.name, self._hash = name, hash(name)

    def __hash__(self):
        return self._hash


class Holder:
    def __init__(self):
        self.words = ["a"]
        self._words_id = id(self.words)
        self._own_id = id(self)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (Lazy("a"), {"_hash": True}),
        (Absent("a"), {"_kept": False}),
        (Twice("a"), {"_again": False, "_hash": False}),
        (Pair((1, 2)), {"_hash": False}),
        (Numbered(1 << 40), {}),
        (Early("a"), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hash_is_remembered_if_a_copy_without_it_has_the_same(value, names):
    assert remembered_hashes(value).keys() == names.keys()


@pytest.mark.parametrize("cls", [Lazy, Absent, Twice, Named])
def test_an_object_is_the_same_before_and_after_its_hash_was_taken(cls):
    value, other = cls(7), cls(7)

    hash(value)

    assert fingerprint(value) == fingerprint(other)


@pytest.mark.parametrize("cls", [Numbered, Named, Lazy, Absent])
def test_objects_with_other_numbers_stay_different(cls):
    values = [cls(1), cls(2)]
    for value in values:
        hash(value)

    assert fingerprint(values[0]) != fingerprint(values[1])


def test_a_hash_that_the_constructor_took_is_made_anew_by_nothing():
    assert made_hashes(Early("a")) == {"_hash"}
    assert made_hashes(Numbered(1)) == set()
    assert made_hashes(Lazy("a")) == set()


def test_the_address_of_the_object_or_of_a_part_does_not_count():
    value = Holder()

    assert fingerprint(value) == fingerprint(Holder())
    assert value._words_id != copy.deepcopy(value).words


def test_empty_private_attributes_are_one_with_absent_ones():
    state = {"_a": None, "_b": {}, "_c": [1], "d": None, "e": []}

    assert without_empty(state) == {"_c": [1], "d": None, "e": []}


def test_in_an_identity_none_and_empty_stay_two():
    class Allowing:
        def __init__(self, allowed):
            self._allowed = allowed

    assert fingerprint(Allowing(None)) != fingerprint(Allowing([]))


class Graph:
    """As networkx has it, which keeps conversions of a graph in an attribute."""

    __module__ = "networkx.classes.graph"

    def __init__(self, **attributes):
        self.__dict__ |= attributes


def test_a_cache_of_the_table_does_not_count():
    filled = Graph(nodes=[1], __networkx_cache__={"backend": 1})

    assert fingerprint(filled) == fingerprint(Graph(nodes=[1]))
    assert fingerprint(filled) != fingerprint(Graph(nodes=[2]))


class SeqRecord:
    """As Biopython has it, which gives a sequence empty annotations when it is read."""

    __module__ = "Bio.SeqRecord"

    def __init__(self, annotations):
        self._per_letter_annotations = annotations


def test_a_container_of_the_table_may_be_empty_or_none():
    assert fingerprint(SeqRecord(None)) == fingerprint(SeqRecord({}))
    assert fingerprint(SeqRecord(None)) != fingerprint(SeqRecord({"quality": [1]}))


def test_an_object_of_a_class_in_c_that_cannot_be_made_bare_is_left_alone():
    message = pytest.importorskip("google.protobuf.struct_pb2").Struct()

    assert bare_copy(message, {}) is None
    assert remembered_hashes(message) == {}
