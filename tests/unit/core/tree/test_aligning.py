"""What belongs together in two texts is found out quickly, however long and repetitive they are."""

from __future__ import annotations

from random import Random
from threading import Thread

import pytest

from pytest_mimic._core.tree.aligning import shared_ends, stretches, turns


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        ("a b", "a b", [("a b", "a b")]),
        (
            "two red cats",
            "two old cats",
            [("two ", "two "), ("red ", "old "), ("cats", "cats")],
        ),
        ("", "new", [("", "new")]),
        ("a, c", "a, b, c", [("a, ", "a, "), ("", "b, "), ("c", "c")]),
    ],
)
def test_texts_are_compared_by_words(old, new, pairs):
    assert stretches(old, new) == pairs


def repetitive(number, *, lines):
    words = Random(number).choices(["red", "green", "blue"], k=20_000)
    if lines:
        return "".join(
            f"{word}\n" if n % 9 == 0 else f"{word} " for n, word in enumerate(words)
        )
    return " ".join(words)


@pytest.mark.parametrize("lines", [False, True], ids=["one line", "lines"])
def test_long_texts_of_few_words_are_compared_in_good_time(lines):
    old, new = (repetitive(number, lines=lines) for number in (1, 2))
    found = []
    worker = Thread(target=lambda: found.extend(stretches(old, new)), daemon=True)

    worker.start()
    worker.join(timeout=60)

    assert "".join(before for before, _ in found) == old
    assert "".join(after for _, after in found) == new


def test_of_long_texts_the_lines_that_differ_are_found():
    words = repetitive(1, lines=False).split()
    lines = [" ".join(words[n : n + 9]) + "\n" for n in range(0, 20_000, 6)][:3000]
    old = [*lines[:1000], "first\n", *lines[1000:2000], "last\n", *lines[2000:]]
    new = [*lines[:1000], "second\n", *lines[1000:2000], "end\n", *lines[2000:]]

    found = stretches("".join(old), "".join(new))

    assert (found[0][0], found[-1][0]) == ("".join(lines[:1000]), "".join(lines[2000:]))
    assert found[1] != found[2]


def test_too_many_equal_items_are_not_aligned():
    assert turns(["x", "y"] * 1000, ["x"] * 1000) is None
    assert turns(range(5000), range(5000)) is None
    assert turns("ab", "b") == [("delete", 0, 1, 0, 0), ("equal", 1, 2, 0, 1)]


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("abcd", "abxd", (2, 1)),
        ("ab", "ab", (2, 0)),
        ("aa", "aaa", (2, 0)),
        ("", "a", (0, 0)),
    ],
)
def test_what_is_alike_at_both_ends_is_counted_once(old, new, counts):
    assert shared_ends(old, new) == counts
