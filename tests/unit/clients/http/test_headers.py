"""What a content type says of a body."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.http.headers import header_parts, without_boundary


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
    assert without_boundary(content_type) == kept
