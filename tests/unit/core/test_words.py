"""Counts, sizes, lists and columns in words."""

from __future__ import annotations

import os
import signal
from threading import Event, Thread

import pytest

from pytest_mimic._core.words import (
    Row,
    closest_name,
    few,
    in_columns,
    in_seconds,
    laid_out,
    lazy_attribute,
    plural,
    size,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (size(999), "999 B"),
        (size(1_000), "1.0 kB"),
        (size(1_340_000), "1.3 MB"),
        (size(5e12), "5000.0 GB"),
        (in_seconds(38.21), "38.2 s"),
        (in_seconds(0.014), "0.01 s"),
        (plural(1, "call"), "1 call"),
        (plural(0, "call"), "0 calls"),
        (few("abc"), "a, b, c"),
        (few("abcdefg"), "a, b, c and 4 more"),
    ],
)
def test_amounts_are_short(text: str, words: str) -> None:
    assert text == words


def test_a_row_stands_in_one_line() -> None:
    assert in_columns([("GET /x?q=a\nb", "t.py::test_x\n")]) == [
        "GET /x?q=a\\nb    t.py::test_x\\n"
    ]


def test_a_long_label_loses_its_middle_and_pushes_no_column_away() -> None:
    label = f"{'c' * 99}{'d' * 99}"

    first, second, last = in_columns([("a", "x"), ("b" * 61, "y"), (label, "z" * 9)])

    assert first.index("x") == second.index("y") == last.index("z") == 107
    assert last.startswith("ccc")
    assert last.endswith(f"ddd    {'z' * 9}")
    assert "c...d" in last
    assert len(last) == 116


@pytest.mark.parametrize(
    ("label", "beside", "room", "row"),
    [
        ("shop:f(1)", "t.py::test", 78, "  shop:f(1)    t.py::test"),
        ("f" * 60, "t" * 30, 78, f"  {'f' * 20}...{'f' * 21}    {'t' * 30}"),
        # A long id stands whole, since people copy it.
        ("f" * 60, "t" * 90, 78, f"  {'f' * 10}...{'f' * 11}    {'t' * 90}"),
        ("f" * 60, "t" * 90, 112, f"  {'f' * 20}...{'f' * 21}    {'t' * 90}"),
    ],
)
def test_rows_fit_into_a_terminal(label: str, beside: str, room: int, row: str) -> None:
    assert laid_out(["calls:", Row(label, beside), "end"], row_width=room) == [
        "calls:",
        row,
        "end",
    ]


def test_an_id_that_does_not_fit_narrows_no_other_label() -> None:
    first, second = in_columns([("f" * 30, "t" * 20), ("g", "t" * 90)], row_width=60)

    assert first == f"{'f' * 30}    {'t' * 20}"
    assert second == f"{'g':<30}    {'t' * 90}"


def test_long_labels_that_would_look_the_same_keep_what_tells_them_apart() -> None:
    calls = [
        f"shop.search:find(text={text!r}, deep=True, fuzzy=True)" for text in "aab"
    ]

    rows = in_columns([(call, "t" * 32) for call in calls], row_width=60)

    assert rows == [
        f"shop.s...d(text='a', ...    {'t' * 32}",
        f"shop.s...d(text='a', ...    {'t' * 32}",
        f"shop.s...d(text='b', ...    {'t' * 32}",
    ]


@pytest.mark.parametrize(
    ("first", "second", "row"),
    [
        (
            "a" * 12 + "b" + "c" * 40,
            "a" * 12 + "d" + "c" * 40,
            f"{'a' * 12}b{'c' * 8}...",
        ),
        ("a" * 40, "a" * 42, f"{'a' * 6}...{'a' * 8}"),
    ],
    ids=["near the beginning", "at the end"],
)
def test_labels_may_differ_near_an_end(first: str, second: str, row: str) -> None:
    lines = in_columns([(first, "t" * 32), (second, "t" * 32)], row_width=60)

    assert lines[0].split()[0] == row
    assert lines[1].split()[0] != row


def test_the_closest_name_may_be_in_other_letters() -> None:
    assert closest_name("fetc", ["fetch", "get"]) == "fetch"
    assert closest_name("CLIENT", ["client", "get"]) == "client"
    assert closest_name("Clint", ["Client", "client"]) == "Client"
    assert closest_name("qqqq", ["client", "get"]) is None


class _Slow:
    """Computes its attribute, which may take until an event."""

    def __init__(self, begun: Event | None = None, go_on: Event | None = None) -> None:
        self._begun = begun
        self._go_on = go_on

    @lazy_attribute
    def attribute(self) -> list[str]:
        """What is computed."""
        if self._begun is not None and self._go_on is not None:
            self._begun.set()
            self._go_on.wait()
        return ["computed"]


def test_a_lazy_attribute_is_computed_once() -> None:
    slow = _Slow()

    assert slow.attribute is slow.attribute
    assert _Slow.attribute.__doc__ == "What is computed."


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_a_thread_of_its_parent() -> None:
    """It has no such thread, which computes the attribute of another instance."""
    begun, go_on = Event(), Event()
    slow = _Slow(begun, go_on)
    thread = Thread(target=getattr, args=[slow, "attribute"])
    thread.start()
    begun.wait()

    child = os.fork()
    if not child:
        # Without a lock, it exits at once.
        signal.alarm(20)
        os._exit(0 if _Slow().attribute == ["computed"] else 1)
    _, status = os.waitpid(child, 0)

    go_on.set()
    thread.join()
    assert status == 0
