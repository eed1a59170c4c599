"""Secrets in texts of which only the beginning may be shown."""

from __future__ import annotations

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.secrets_in_objects import beginning, has_secret_text

SECRET = "zx81-spectrum-4711-abcd"


@pytest.mark.parametrize("before", range(len(SECRET)))
def test_no_beginning_of_a_secret_is_at_the_end(before: int) -> None:
    redactor = Redactor()
    redactor.environment_variables = {"A_TOKEN": SECRET}

    found = beginning("." * before + SECRET * 200, 100, (), redactor)

    assert found.replace("<A_TOKEN>", "").strip(".<A_TOKEN>") == ""
    assert found.startswith("." * before + "<A_TOKEN>")


def test_a_long_secret_that_begins_in_it_is_whole() -> None:
    secret = "b" * 5_000
    text = f"{'a' * 400}{secret}{'c' * 5_000}"

    assert secret in beginning(text, 100, [secret], Redactor())


URL = f"https://api.example.com/rates?api_key={SECRET}&base=EUR"


@pytest.mark.parametrize(
    ("value", "has_secret"),
    [
        (URL, True),
        (URL.encode(), True),
        ({URL: 1}, True),
        ([{"a": (URL,)}], True),
        ("a" * 3_000 + f" password={SECRET}", True),
        (f"postgresql://app:{SECRET}@db/shop", True),
        (f"Authorization: Bearer {SECRET}", True),
        (f'{{"password": "{SECRET}"}}', True),
        ("https://api.example.com/rates?base=EUR", False),
        (["a", {"b": b"c"}, 1], False),
    ],
)
def test_a_secret_is_found_anywhere_in_texts(value: object, has_secret: bool) -> None:
    assert has_secret_text("{}", [value], Redactor()) is has_secret


def test_a_description_with_a_placeholder_tells_of_a_secret() -> None:
    assert has_secret_text('{"login": "<redacted>"}', [], Redactor())
