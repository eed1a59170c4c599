"""Tests of text sizes. A replay needs no display and does not import tkinter."""

from label import text_size, wrapped

MOTTO = "Record the costly thing once, replay it a thousand times"


def test_two_lines_are_twice_as_high():
    one, two = text_size("one"), text_size("one\ntwo")

    assert two["height"] == 2 * one["height"]


def test_a_larger_font_takes_more_room():
    small, large = text_size(MOTTO, size=10), text_size(MOTTO, size=30)

    assert large["width"] > 2 * small["width"]


def test_a_text_is_broken_where_the_line_is_full():
    lines = wrapped(MOTTO, width=150)

    assert " ".join(lines) == MOTTO
    assert len(lines) > 1
    assert all(text_size(line)["width"] <= 150 for line in lines)
