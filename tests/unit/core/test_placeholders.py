"""What stands for a secret is known wherever it stands as a whole."""

from __future__ import annotations

import pytest

from pytest_mimic._core.placeholders import (
    ISSUED,
    PLACEHOLDER,
    is_placeholder,
    numbered,
    plain_placeholders,
)

OF_AN_ANSWER = "<redacted:1a2b3c4d>"


@pytest.mark.parametrize(
    "value",
    [
        PLACEHOLDER,
        OF_AN_ANSWER,
        "%3Credacted%3A1a2b3c4d%3E",
        "&lt;redacted&gt;",
        int(numbered("1a2b3c4d")),
    ],
)
def test_a_placeholder_is_known_in_each_form(value: object) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize("value", ["<redacted> ", "redacted", 5, None, ["<redacted>"]])
def test_another_value_is_none(value: object) -> None:
    assert not is_placeholder(value)


def test_a_placeholder_of_an_answer_is_found_in_a_text() -> None:
    assert ISSUED.search(f"token={OF_AN_ANSWER}")
    assert not ISSUED.search(f"token={PLACEHOLDER}")
    assert plain_placeholders("a=%3Credacted%3E") == f"a={PLACEHOLDER}"
