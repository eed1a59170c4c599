"""JSON texts come back in the layout of their server."""

from __future__ import annotations

import json

import pytest

from pytest_mimic._clients.http.text_and_json import (
    is_text_type,
    json_of,
    style_of,
    write_json,
)


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ('{"a":1,"b":["ö",null]}', ""),
        ('{"a": "\\u00f6"}', "spaced ascii"),
        ('{\n  "a": [\n    1\n  ]\n}\n', "indent-2 newline"),
        ('{"a" :1}', None),
    ],
)
def test_a_style_is_that_of_the_server(text: str, style: str | None) -> None:
    value = json.loads(text)

    assert style_of(value, text) == style
    assert style is None or write_json(value, style) == text


@pytest.mark.parametrize("text", ['{"a":NaN}', '{"a":1,"a":2}', "[1,", '"\\ud800"'])
def test_what_plain_data_cannot_hold_stays_a_text(text: str) -> None:
    assert json_of(text, "application/json") is text


def test_a_text_is_read_by_its_type_or_its_beginning() -> None:
    assert json_of("1", "application/json") == 1
    assert json_of("1") == "1"
    assert json_of("[1]") == [1]


@pytest.mark.parametrize(
    ("media_type", "is_text"),
    [
        ("text/csv", True),
        ("application/problem+json", True),
        ("application/x-ndjson", True),
        ("multipart/mixed", True),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", False),
        ("application/gzip", False),
        ("", False),
    ],
)
def test_a_text_is_known_by_its_type(media_type: str, is_text: bool) -> None:
    assert is_text_type(media_type) is is_text
