"""Values with cycles, of great depth, or with parts shared very often: told apart, equal where they are equal."""

from __future__ import annotations

import copy
import sys
from array import array
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from support.face import fingerprint

from pytest_mimic import UnstableIdentityError
from values.things import Plain
from values.told_apart import told_apart


def nested(depth, wrap, inner):
    value = inner
    for _ in range(depth):
        value = wrap(value)
    return value


class Meeting:
    """An object whose state two threads ask for at the same time; the second time it waits until it may go on."""

    def __init__(self, both, may_go_on):
        self.both, self.may_go_on = both, may_go_on
        self.asked = 0

    def __reduce__(self):
        self.both.wait(10)
        self.asked += 1
        assert self.asked == 1 or self.may_go_on.wait(10)
        return Meeting, ()


def test_deep_values_of_two_threads_at_a_time_have_the_identity_of_each():
    limit = sys.getrecursionlimit()
    deep, both, now, when_first_is_done = (
        nested(140, lambda value: [value], 1),
        Barrier(2),
        Event(),
        Event(),
    )
    now.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(fingerprint, [Meeting(both, now), deep])
        first.add_done_callback(lambda _: when_first_is_done.set())
        second = pool.submit(fingerprint, [Meeting(both, when_first_is_done), deep])

    assert first.result() == second.result()
    assert sys.getrecursionlimit() == limit


WRAPS = {
    "lists": lambda value: [value],
    "tuples with more": lambda value: (1, value, "x"),
    "dicts": lambda value: {"next": value},
    "int keys": lambda value: {1: value, 2: 0},
    "mixed keys": lambda value: {1: value, "a": 0},
    "objects": lambda value: Plain(next=value),
    "frozensets": lambda value: frozenset([value, 0]),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_values_may_be_nested_deeply(wrap):
    depth = 150

    expected = fingerprint(nested(depth, wrap, 1))

    assert fingerprint(nested(depth, wrap, 1)) == expected
    assert fingerprint(nested(depth, wrap, 2)) != expected
    assert fingerprint(nested(depth - 1, wrap, 1)) != expected


@pytest.mark.parametrize("name", ["lists", "objects"])
@pytest.mark.parametrize("depth", [140, 900, 5_000])
def test_values_of_great_depth_are_told_apart_or_refused(name, depth):
    values = [nested(depth, WRAPS[name], bottom) for bottom in (1, 1, 2)]

    told_apart(values[0], values[1], values[2:])

    for value in values:
        unwind(value)


def unwind(value):
    """Take a deep value apart from the outside: Python 3.10 crashes when it frees one by recursion."""
    held = [value]
    while held:
        part = held.pop()
        if isinstance(part, Plain):
            held.append(part.__dict__.pop("next", None))
        elif isinstance(part, list):
            held.extend(part)
            part.clear()


def test_shared_parts_are_not_written_out():
    value = nested(40, lambda part: [part, part], 1)
    apart = nested(40, lambda part: [part, copy.copy(part)], 1)

    assert fingerprint(value) == fingerprint(apart)
    assert fingerprint(value) != fingerprint(nested(40, lambda part: [part, part], 2))
    assert fingerprint(value) != fingerprint(nested(41, lambda part: [part, part], 1))


def ring(*names):
    nodes = [Plain(name=name) for name in names]
    for node, following in zip(nodes, nodes[1:] + nodes[:1]):
        node.next = following
    return nodes[0]


def self_holding(kind):
    value = kind()
    holder = [value, 1]
    if kind is dict:
        value["self"] = holder
    else:
        value.append(holder)
    return value


def family(children, shared=False):
    parent = Plain(name="parent")
    child = [Plain(name="child", parent=parent) for _ in range(children)]
    parent.children = [child[0]] * children if shared else child
    return parent


def renamed(parent, number):
    parent.children[number].name = "another"
    return parent


def circle_of_friends(*pairs):
    people = {name: Plain(name=name, friends=set()) for pair in pairs for name in pair}
    for one, two in pairs:
        people[one].friends.add(people[two])
        people[two].friends.add(people[one])
    return people[pairs[0][0]]


def keyed_by_itself(value):
    holder = Plain(value=value)
    holder.by = {holder: value, 1: "x"}
    return holder


def holding_itself(memory):
    holder = [array("B", memory)]
    holder.append(holder)
    return holder


def linked(values):
    first = last = Plain(value=values[0], before=None)
    for value in values[1:]:
        last.after = Plain(value=value, before=last)
        last = last.after
    last.after = None
    return first


CYCLES = {
    "list": (lambda: self_holding(list), [lambda: self_holding(dict), lambda: [[], 1]]),
    "ring": (
        lambda: ring(1, 2, 3),
        [lambda: ring(1, 2), lambda: ring(1, 3, 2), lambda: ring(2, 3, 1)],
    ),
    "family": (lambda: family(2), [lambda: family(3)]),
    "a family of many": (
        lambda: family(150),
        [lambda: renamed(family(150), 0), lambda: renamed(family(150), 149)],
    ),
    "friends": (
        lambda: circle_of_friends("ab", "bc", "cd"),
        [
            lambda: circle_of_friends("ab", "bc", "bd"),
            lambda: circle_of_friends("ab", "bc", "cd", "da"),
        ],
    ),
    "key": (lambda: keyed_by_itself(1), [lambda: keyed_by_itself(2)]),
    "links": (
        lambda: linked([0] * 100),
        [lambda: linked([0] * 101), lambda: linked([0] * 99 + [1])],
    ),
    "a ring of many": (
        lambda: ring(*[0] * 60, 1),
        [lambda: ring(*[0] * 61, 1), lambda: ring(*[0] * 61)],
    ),
    "memory": (
        lambda: holding_itself(b"ab"),
        [lambda: holding_itself(b"ac"), lambda: holding_itself(b"ba")],
    ),
    "two long rings": (
        lambda: ring(*[0] * 60, 1, *[0] * 60, 1),
        [
            lambda: ring(*[0] * 60, 1, *[0] * 61, 1),
            lambda: ring(*[0] * 60, 1, *[0] * 60, 2),
        ],
    ),
}


#: Equal cycles through a set may miss.
MAY_MISS = ("friends",)


@pytest.mark.parametrize("name", CYCLES)
def test_cycles_have_an_identity(name):
    make, others = CYCLES[name]
    expected = fingerprint(make())

    if name not in MAY_MISS:
        assert fingerprint(make()) == expected
    for other in others:
        assert fingerprint(other()) != expected


def test_a_large_part_that_stands_at_many_places_counts_once():
    def make(last):
        large = [*range(100_000), last]
        return [(large, number) for number in range(500)]

    assert fingerprint(make(1)) == fingerprint(make(1))
    assert fingerprint(make(1)) != fingerprint(make(2))


def test_the_path_to_a_deep_refused_part_is_found():
    value = nested(100, lambda part: [part], object())

    with pytest.raises(UnstableIdentityError, match=r"value(\[0\]){100}"):
        fingerprint(value)
