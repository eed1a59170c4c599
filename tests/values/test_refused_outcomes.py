"""An outcome that cannot be stored is refused by an error that names the part, and leaves nothing behind."""

from __future__ import annotations

import csv
import dataclasses
import gc
import itertools
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from collections import namedtuple
from concurrent.futures import Future
from contextlib import closing

import pytest
from support.face import there_and_back

from pytest_mimic import UnstorableOutcomeError


class Holder:
    def __init__(self, **parts):
        self.__dict__.update(parts)


class Slotted:
    __slots__ = ("held",)


@dataclasses.dataclass
class Row:
    handle: object


Pair = namedtuple("Pair", "left right")


class LoadsNot:
    """A class that can be pickled, but not loaded."""

    def __init__(self, x):
        self.args = x

    def __reduce__(self):
        return LoadsNot, ()


class Key(Holder):
    def __repr__(self):
        return "<key>"


def slotted(value):
    made = Slotted()
    made.held = value
    return made


def closing_over(value):
    return lambda: value


def caused_by(value):
    error = KeyError("k")
    error.__cause__ = ValueError(value)
    return error


def local_class(value):
    class Local:
        lock = value

    return Local


def with_attribute(container, value):
    """Return a copy whose class has attributes, with one that holds `value`."""
    made = type("Own", (type(container),), {})(container)
    made.handle = value
    return made


# How a lock is wrapped, and steps of the path to it that the error names.
PLACES = {
    "alone": (lambda x: x, ("lock",)),
    "mapping and list": (lambda x: {"rows": [1, 2, 3, {"handle": x}]}, ("rows", "3", "handle")),
    "key with a blank": (lambda x: {"a key": x}, ("a key",)),
    "tuples": (lambda x: (0, (1, x)), ("1",)),
    "objects": (lambda x: Holder(a=1, pool=Holder(inner=x)), ("pool", "inner")),
    "dataclass": (lambda x: [Row(x)], ("0", "handle")),
    "named tuple": (lambda x: Pair(1, x), ("right",)),
    "slots": (lambda x: slotted([x]), ("held", "0")),
    "key that is a number": (lambda x: {1: {"deep": Holder(x=[x])}}, ("deep", "x", "0")),
    "part of a key": (lambda x: {"a": 1, Key(part=x): 2}, ("lock",)),
    "set": (lambda x: [{1, x}], ("0",)),
    "attribute of a list": (lambda x: with_attribute([1], x), ("handle",)),
    "attribute of a dict": (lambda x: with_attribute({"a": 1}, x), ("handle",)),
    "cause": (lambda x: [caused_by(x)], ("0",)),
    "closure": (lambda x: [closing_over([x])], ("0",)),
    "local class": (lambda x: [local_class(x)], ("0",)),
}  # fmt: skip


@pytest.mark.parametrize(("wrap", "steps"), PLACES.values(), ids=PLACES)
def test_the_part_that_cannot_be_stored_is_named(wrap, steps):
    with pytest.raises(UnstorableOutcomeError, match=".*".join(steps)) as caught:
        there_and_back(wrap(threading.Lock()))

    assert "cannot be stored" in str(caught.value) or "kept" in str(caught.value)


# A part, and a word for it in the error.
PARTS = {
    "an open file": (lambda: open(__file__), "file"),  # noqa: SIM115
    "a socket": (socket.socket, "socket"),
    "a generator": (lambda: (x for x in ()), "generator"),
    "a lock": (threading.Lock, "lock"),
    "a future": (Future, "future|lock|condition"),
}


@pytest.mark.parametrize(("make", "word"), PARTS.values(), ids=PARTS)
def test_the_part_has_a_name_for_people(make, word):
    part = make()

    with pytest.raises(UnstorableOutcomeError, match=f"(?i){word}"):
        there_and_back([part])

    getattr(part, "close", int)()


def test_connections_and_processes_are_refused():
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        subprocess.Popen([sys.executable, "-c", ""]) as process,
    ):
        for part in (connection, connection.cursor(), process):
            with pytest.raises(UnstorableOutcomeError, match="rows"):
                there_and_back({"rows": [part]})


def test_a_value_that_cannot_be_loaded_is_refused():
    with pytest.raises(UnstorableOutcomeError, match=r"\ba\b"):
        there_and_back({"a": LoadsNot(1)})


class Reduced:
    def __init__(self, reduction):
        type(self).reduction = reduction

    def __reduce__(self):
        return self.reduction


@pytest.mark.parametrize("reduction", [(), (list,), (list, None), (list, [1])], ids=str)
def test_a_reduction_of_another_shape_is_refused(reduction):
    with pytest.raises(UnstorableOutcomeError, match="Reduced"):
        there_and_back([Reduced(reduction)])


def test_an_outcome_just_too_deep_leaves_nothing_that_the_collector_warns_of(
    monkeypatch,
):
    warned = []
    monkeypatch.setattr(
        sys, "unraisablehook", lambda warning: warned.append(str(warning))
    )
    value = []
    for _ in range(151):
        value = [value]

    with pytest.raises(UnstorableOutcomeError, match="deeper than 150") as refused:
        there_and_back(value)

    del refused
    gc.collect()
    assert warned == []


def test_nesting_without_end_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(UnstorableOutcomeError, match=r"(?i)nest|deep"):
        there_and_back(value)


def test_an_exception_names_its_part():
    with pytest.raises(UnstorableOutcomeError, match=r"args"):
        there_and_back(ValueError(threading.Lock()))


ITERATORS = [
    *(map(str, [1]), filter(None, [1]), zip([1]), enumerate([1]), reversed([1])),
    *(iter([1]), iter({1: 2}), iter({1}), iter("a"), iter(b"a"), iter(range(2))),
    *(iter(int, 1), iter({1: 2}.items()), re.finditer("a", "a")),
    *(itertools.islice([1], 1), itertools.chain([1]), itertools.groupby([1])),
    *(itertools.starmap(pow, [(1, 2)]), csv.reader([])),
]


@pytest.mark.parametrize("value", ITERATORS, ids=lambda value: type(value).__name__)
def test_an_iterator_inside_a_value_is_refused_or_gives_the_same_items(value):
    """One that is the whole outcome is a stream."""
    try:
        again = there_and_back({"rows": [1, value]})["rows"][1]
    except UnstorableOutcomeError:
        return
    found = [[*map(str, itertools.islice(one, 3))] for one in (again, value)]
    assert found[0] == found[1]


PLOTS = """
class Axis:
    def __init__(self):
        self.marker = object()

class Figure:
    def __init__(self):
        self.axes = [Axis()]
"""


def test_what_a_library_holds_is_refused_with_a_way_out_for_its_user(
    tmp_path, monkeypatch
):
    """Nobody can put a text in the place of what a figure of a library holds."""
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "library_of_plots.py").write_text(PLOTS)
    monkeypatch.syspath_prepend(installed)
    from library_of_plots import Figure

    with pytest.raises(UnstorableOutcomeError) as raised:
        there_and_back({"figure": Figure()})

    assert str(raised.value).splitlines()[1:] == [
        "  result.figure.axes[0].marker: a bare object()",
        "  nothing was recorded",
        "  return plain data made of the library_of_plots.Figure",
    ]
