"""What an object only remembers does not count: addresses of its parts, caches of libraries."""

from __future__ import annotations

import copy

from pytest_mimic import fingerprint
from pytest_mimic._core.types.remembered import without_empty


class Holder:
    def __init__(self):
        self.words = ["a"]
        self._words_id = id(self.words)
        self._own_id = id(self)


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
