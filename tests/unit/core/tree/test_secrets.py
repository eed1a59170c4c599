"""The beginning of a long text, of which only the first characters are shown."""

from __future__ import annotations

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.secrets import beginning

SECRET = "zx81-spectrum-4711-abcd"


@pytest.mark.parametrize("before", range(len(SECRET)))
def test_no_beginning_of_a_secret_is_at_the_end(before: int) -> None:
    redactor = Redactor()
    redactor.variables = {"A_TOKEN": SECRET}

    found = beginning("." * before + SECRET * 200, 100, (), redactor)

    assert found.replace("<A_TOKEN>", "").strip(".<A_TOKEN>") == ""
    assert found.startswith("." * before + "<A_TOKEN>")


def test_a_long_secret_that_begins_in_it_is_whole() -> None:
    secret = "b" * 5_000
    text = f"{'a' * 400}{secret}{'c' * 5_000}"

    assert secret in beginning(text, 100, [secret], Redactor())
