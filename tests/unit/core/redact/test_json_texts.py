"""Texts that are JSON, as plain data."""

from __future__ import annotations

import pytest

from pytest_mimic._core.redact.json_texts import looks_like_json, parse_json_text


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1]}',
        ' {"a": [1]} ',
        '\ufeff{"a": [1]}',
        ')]}\',\n{"a": [1]}',
        'for(;;);{"a": [1]}',
        'callback({"a": [1]});',
        '/**/ shop.callback({"a": [1]})',
    ],
    ids=["plain", "blanks", "mark", "guard", "loop", "jsonp", "comment"],
)
def test_json_is_found_behind_a_guard_and_in_a_call(text: str) -> None:
    assert parse_json_text(text) == {"a": [1]}
    assert looks_like_json(text)


@pytest.mark.parametrize("text", ["", "a", "12", '"a"', "call(1)", "<p>"])
def test_other_texts_have_no_json(text: str) -> None:
    assert parse_json_text(text) is None
    assert not looks_like_json(text)


def test_json_that_was_cut_off_looks_like_json_and_is_none() -> None:
    assert parse_json_text('{"a": [1') is None
    assert looks_like_json('{"a": [1')
