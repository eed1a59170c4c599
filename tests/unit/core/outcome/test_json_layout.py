"""Plain data as readable text: one key or item a line."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._core.outcome.json_layout import exact_text, json_in_lines

texts = st.text(max_size=30) | st.sampled_from(
    ["", "\n", '"', "\\", "é", "\u2028", "\x7f", "x" * 130]
)
values = st.recursive(
    st.one_of(
        texts,
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=12),
        st.dictionaries(texts, inner, max_size=12),
        st.dictionaries(st.sampled_from(["$date", "$"]), inner, max_size=1),
    ),
    max_leaves=40,
)


@given(values)
def test_layout_keeps_the_value_and_its_text(value):
    """Whatever the lines, each part has the text of Python's own encoder."""
    text = json_in_lines(value)

    assert repr(json.loads(text)) == repr(value)
    assert "".join(line.strip(" ") for line in text.split("\n")).replace(
        " ", ""
    ) == json.dumps(value, ensure_ascii=False).replace(" ", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (True, "true"),
        (10**30, "1" + "0" * 30),
        (1e22, "1e+22"),
        (-0.0, "-0.0"),
        ("é\n", '"é\\n"'),
        ([], "[]"),
        ({}, "{}"),
        ([1, 2.5, None], "[1, 2.5, null]"),
        ([[1], {}], "[\n [1],\n {}\n]"),
        ({"a": 1, "b": [1, [2]]}, '{\n "a": 1,\n "b": [\n  1,\n  [2]\n ]\n}'),
        ({"$date": "2026-11-02"}, '{"$date": "2026-11-02"}'),
        ([{"$date": "2026-11-02"}, 1], '[{"$date": "2026-11-02"}, 1]'),
        ({"$set": [{"a": [1]}]}, '{"$set": [\n {\n  "a": [1]\n }\n]}'),
        (
            list(range(100, 140)),
            "[\n " + ",\n ".join(map(str, range(100, 140))) + "\n]",
        ),
        (["x" * 60, "y" * 60], "[\n " + f'"{"x" * 60}",\n "{"y" * 60}"' + "\n]"),
        ({"a" * 60: "y" * 60}, "{\n " + f'"{"a" * 60}": "{"y" * 60}"' + "\n}"),
    ],
)
def test_layout_has_one_key_or_item_a_line_unless_it_is_short(value, text):
    assert json_in_lines(value) == text


@pytest.mark.parametrize(
    "value", [math.nan, [math.inf], {"a": [-math.inf]}, ["\ud800"]]
)
def test_what_no_text_keeps_has_no_layout(value):
    assert exact_text(value) is None
