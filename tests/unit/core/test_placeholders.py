"""What stands for a secret is known wherever it stands as a whole."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode

import pytest

from pytest_mimic._core.placeholders import (
    ISSUED,
    PLACEHOLDER,
    is_placeholder,
    issued_in,
    mentions_placeholder,
    numbered,
    plain_placeholders,
    with_replaced_placeholders,
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
        b64encode(OF_AN_ANSWER.encode()).decode(),
        b64encode(PLACEHOLDER.encode()).decode().rstrip("="),
        urlsafe_b64encode(b"<redacted:login-1a2b3c-5e6f7a8b>").decode(),
    ],
)
def test_a_placeholder_is_known_in_each_form(value: object) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        "<redacted> ",
        "redacted",
        5,
        None,
        ["<redacted>"],
        "PHJlZGFjdGVkPw",
        "PHJlZGFjdGVkA",
    ],
)
def test_another_value_is_none(value: object) -> None:
    assert not is_placeholder(value)


def test_a_placeholder_of_an_answer_is_found_in_a_text() -> None:
    assert ISSUED.search(f"token={OF_AN_ANSWER}")
    assert not ISSUED.search(f"token={PLACEHOLDER}")
    assert plain_placeholders("a=%3Credacted%3E") == f"a={PLACEHOLDER}"


@pytest.mark.parametrize(
    ("text", "placeholders", "renamed"),
    [
        (f"a={OF_AN_ANSWER}", [OF_AN_ANSWER], "a=<redacted:0a0b0c0d>"),
        (
            'value="&lt;redacted:1a2b3c4d&gt;"',
            [OF_AN_ANSWER],
            'value="&lt;redacted:0a0b0c0d&gt;"',
        ),
        (
            "?a=%3Credacted%3A1a2b3c4d%3E",
            [OF_AN_ANSWER],
            "?a=%3Credacted%3A0a0b0c0d%3E",
        ),
        ("n=<redacted:99999999>", ["<redacted:99999999>"], "n=<redacted:99999999>"),
        ("a=<redacted> &lt;redacted&gt;", [], "a=<redacted> &lt;redacted&gt;"),
        (f"[{numbered('1a2b3c4d')}]", [numbered("1a2b3c4d")], f"[{numbered('0a')}]"),
    ],
    ids=["text", "markup", "url", "another", "own", "number"],
)
def test_a_placeholder_of_an_answer_is_renamed_in_each_form(
    text: str, placeholders: list[str], renamed: str
) -> None:
    names = {OF_AN_ANSWER: "<redacted:0a0b0c0d>", numbered("1a2b3c4d"): numbered("0a")}

    assert issued_in(text) == placeholders
    assert with_replaced_placeholders(text, lambda old: names.get(old, old)) == renamed


def test_the_placeholder_of_an_own_secret_is_mentioned_in_each_form() -> None:
    assert mentions_placeholder("a &lt;redacted&gt;")
    assert mentions_placeholder("a=%3credacted%3e")
    assert not mentions_placeholder("redacted")
