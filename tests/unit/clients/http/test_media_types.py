"""What a content type says of a body."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.http.media_types import (
    header_parts,
    is_text_type,
    without_framing,
)


def test_a_header_has_a_value_and_parameters() -> None:
    header = 'Text/Plain; charset="a\\"b"; q=1'

    assert header_parts(header) == ("text/plain", {"charset": 'a"b', "q": "1"})


@pytest.mark.parametrize(
    ("content_type", "kept"),
    [
        ("multipart/mixed; boundary=x", "multipart/mixed"),
        ('multipart/related; boundary="=_1; 2"; type=a/b', "multipart/related; type=a/b"),
        ('multipart/related; type=a/b; start="<1@x>"', "multipart/related; type=a/b"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
    ],
)  # fmt: skip
def test_what_divides_a_body_is_no_part_of_its_type(
    content_type: str, kept: str
) -> None:
    assert without_framing(content_type) == kept


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
