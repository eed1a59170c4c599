"""Counts, sizes, lists and columns in words."""

from __future__ import annotations

import os
import signal
from threading import Event, Thread

import pytest

from pytest_mimic._core.words import (
    closest_name,
    few,
    in_columns,
    lazy_attribute,
    plural,
    seconds,
    size,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (size(999), "999 B"),
        (size(1_000), "1.0 kB"),
        (size(1_340_000), "1.3 MB"),
        (size(5e12), "5000.0 GB"),
        (seconds(38.21), "38.2 s"),
        (seconds(0.014), "0.01 s"),
        (plural(1, "call"), "1 call"),
        (plural(0, "call"), "0 calls"),
        (few("abc"), "a, b, c"),
        (few("abcdefg"), "a, b, c and 4 more"),
    ],
)
def test_amounts_are_short(text: str, words: str) -> None:
    assert text == words


def test_a_long_label_widens_no_column_and_loses_its_middle() -> None:
    first, second, last = in_columns(
        [("a", "x"), ("b" * 61, "y"), (f"{'c' * 99}{'d' * 99}", "z" * 9)]
    )

    assert (first, second) == ("a    x", f"{'b' * 61}    y")
    assert last.startswith("ccc")
    assert last.endswith(f"ddd    {'z' * 9}")
    assert "c...d" in last
    assert len(last) <= 120


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
