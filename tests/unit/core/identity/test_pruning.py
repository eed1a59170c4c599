"""What `ignore=` names is left out wherever the walk comes by: in cycles, in pickled states, below an OrderedDict."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pytest

from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.identity.pruning import prune
from pytest_mimic._core.types.reductions import Unstable


def key(value, *ignore):
    return CallIdentity("shop:f", ("v",), ignore=ignore).key((value,))


class Look:
    def __init__(self, mesh):
        self.mesh = mesh
        self.all = [mesh, (mesh, 1)]


class Mesh:
    def __init__(self, size, stamp=0):
        self.size, self.stamp, self.look = size, stamp, Look(self)


class Node:
    """With a pointer to its parent."""

    def __init__(self, name, parent=None, stamp=0):
        self.name, self.parent, self.stamp, self.kids = name, parent, stamp, []
        if parent is not None:
            parent.kids.append(self)


def tree(stamp):
    root = Node("root", stamp=stamp)
    Node("leaf", Node("inner", root))
    return root


def rows(stamp):
    row = {"stamp": stamp}
    row["kid"] = {"parent": row}
    return row


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda stamp: Mesh(3, stamp), "v.stamp"),
        (tree, "v.stamp"),
        (lambda stamp: tree(stamp).kids[0], "v.parent.stamp"),
        (rows, "v.stamp"),
        (lambda stamp: [Mesh(3, stamp), Mesh(4, stamp)], "v.*.stamp"),
    ],
)
def test_a_part_is_left_out_where_the_walk_comes_back(make, path):
    assert key(make(1), path) == key(make(2), path)
    assert key(make(1)) != key(make(2))


def test_what_is_not_named_counts_in_a_cycle():
    assert key(Mesh(3, 1), "v.stamp") != key(Mesh(4, 1), "v.stamp")


def test_an_object_at_two_places_is_left_whole_at_the_other():
    mesh = Mesh(3, 1)

    assert key([mesh, mesh], "v.0.stamp") == key([Mesh(3, 5), Mesh(3, 1)], "v.0.stamp")
    assert key([mesh, mesh], "v.0.stamp") != key([Mesh(3, 1), Mesh(3, 2)], "v.0.stamp")


def test_the_value_itself_stays_as_it_is():
    mesh = Mesh(3, 1)

    prune(mesh, [("stamp",)])

    assert (mesh.stamp, mesh.look.mesh, mesh.look.all) == (1, mesh, [mesh, (mesh, 1)])


class Reduced:
    def __init__(self, a, t):
        self.a, self.t = a, t

    def __reduce__(self):
        return Reduced, (self.a, self.t)


class StateTuple:
    def __init__(self, a, t):
        self.a, self.t = a, t

    def __getstate__(self):
        return self.a, self.t


class Frozen(dict):
    def __init__(self, a, t):
        super().__init__(a=a, t=t)

    def __reduce__(self):
        return Frozen, (dict(self),)


@pytest.mark.parametrize("cls", [Reduced, StateTuple, Frozen])
def test_a_part_is_left_out_of_a_state_that_a_class_pickles(cls):
    assert key(cls(1, 2), "v.t") == key(cls(1, 3), "v.t")
    assert key(cls(1, 1), "v.t") != key(cls(2, 2), "v.t")


def test_a_part_of_an_attribute_is_left_out_of_such_a_state():
    values = [StateTuple(1, Reduced(2, stamp)) for stamp in (3, 4)]

    assert key(values[0], "v.t.t") == key(values[1], "v.t.t")


def test_a_field_of_a_struct_is_left_out(monkeypatch):
    msgspec = pytest.importorskip("msgspec", reason="msgspec is not installed")
    struct = msgspec.defstruct("Point", ["a", "t"], module=__name__)
    # A class counts by a name that leads to it.
    monkeypatch.setitem(globals(), "Point", struct)

    assert key(struct(1, 2), "v.t") == key(struct(1, 3), "v.t")
    assert key(struct(1, 1), "v.t") != key(struct(2, 2), "v.t")


def test_a_part_is_left_out_below_an_ordered_dict():
    values = [OrderedDict(rows=[OrderedDict(a=1, t=stamp)], b=2) for stamp in (3, 4)]

    assert key(values[0], "v.rows.*.t") == key(values[1], "v.rows.*.t")
    assert key(values[0], "v.rows.*.a") != key(values[1], "v.rows.*.a")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (OrderedDict(x=threading.Lock(), y=1), "v['x']"),
        (Reduced(1, threading.Lock()), "v.t"),
        ([Reduced(1, threading.Lock())], "v[0].t"),
    ],
)
def test_the_path_that_a_refusal_names_is_one_that_leaves_the_part_out(value, path):
    with pytest.raises(Unstable) as refused:
        key(value)

    assert refused.value.path == path
    assert key(value, path)
