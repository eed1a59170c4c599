"""Messages, molecules and compiled functions count by what they say. Libraries that are not installed are skipped."""

from __future__ import annotations

import pytest

from pytest_mimic import fingerprint


def test_a_message_counts_whatever_the_order_of_its_maps():
    struct = pytest.importorskip("google.protobuf.struct_pb2").Struct
    first, second, other = struct(), struct(), struct()
    first.update({"a": 1, "b": 2})
    second.update({"b": 2, "a": 1})
    other.update({"a": 1, "b": 3})

    assert fingerprint(first) == fingerprint(second) != fingerprint(other)


def test_properties_of_a_molecule_count():
    chem = pytest.importorskip("rdkit.Chem", reason="rdkit is not installed")

    def molecule(tag):
        made = chem.MolFromSmiles("CCO")
        made.SetProp("id", tag)
        return made

    first, used, other = molecule("A"), molecule("A"), molecule("B")
    chem.MolToSmiles(used)

    assert fingerprint(first) == fingerprint(used) != fingerprint(other)


def test_a_compiled_function_counts_by_its_python_function():
    numba = pytest.importorskip("numba", reason="numba is not installed")

    @numba.njit
    def one(number):
        return number + 1

    @numba.njit
    def two(number):
        return number + 2

    before = fingerprint(one)
    one(1)

    assert fingerprint(one) == before != fingerprint(two)


def test_the_two_hours_of_one_name_are_two_values():
    pendulum = pytest.importorskip("pendulum", reason="pendulum is not installed")
    first, second = (
        pendulum.datetime(2026, 10, 25, 2, 30, tz="Europe/Oslo", fold=fold)
        for fold in (0, 1)
    )
    moment = pendulum.datetime(2026, 1, 1)

    assert fingerprint(first) != fingerprint(second)
    assert fingerprint(moment.replace(fold=0)) == fingerprint(moment.replace(fold=1))


def test_an_array_of_awkward_is_the_same_after_it_was_read():
    awkward = pytest.importorskip("awkward", reason="awkward is not installed")
    array = awkward.Array([[1], [2, 3]])
    before = fingerprint(array)

    assert repr(array).startswith("<Array")
    assert fingerprint(array) == before
    assert fingerprint(awkward.Array([[1, 2], [3]])) != before


@pytest.mark.parametrize("name", ["KDTree", "BallTree"])
def test_the_counts_that_queries_leave_in_a_tree_do_not_count(name):
    neighbors = pytest.importorskip(
        "sklearn.neighbors", reason="sklearn is not installed"
    )
    tree_class = getattr(neighbors, name)
    points = [[float(number), number % 7] for number in range(100)]
    tree, other = tree_class(points), tree_class([*points[1:], [0.5, 0.5]])
    before = fingerprint(tree)

    tree.query(points[:3], k=2)

    assert fingerprint(tree) == before == fingerprint(tree_class(points))
    assert fingerprint(tree) not in (
        fingerprint(other),
        fingerprint(tree_class(points, leaf_size=5)),
    )
