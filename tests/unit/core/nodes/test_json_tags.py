"""Tags in the JSON of a vault, and keys of users that look like tags."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.nodes.json_tags import (
    escaped,
    has_escape,
    has_key_and_its_escape,
    is_escaped,
    may_have_tags,
    tag_in,
    tagged,
    unescaped,
)


@pytest.mark.parametrize(
    ("plain", "tag"),
    [
        (tagged("date", "2026-11-02"), "date"),
        ({"$shop:Rate": {}, "of": []}, "shop:Rate"),
        ({"$$date": 1}, ""),
        ({"n": 1, "$date": 2}, ""),
        ({"$": 1}, ""),
        ({}, ""),
    ],
    ids=str,
)
def test_a_tag_is_the_first_key(plain: Any, tag: str) -> None:
    assert tag_in(plain) == tag


def test_a_key_of_a_user_gets_a_second_sign_and_loses_it_again() -> None:
    parts = {"$date": 1, "$n": 2}

    assert is_escaped(parts)
    assert escaped(parts) == {"$$date": 1, "$n": 2}
    assert has_escape(escaped(parts))
    assert list(unescaped(escaped(parts)).items()) == list(parts.items())


def test_a_dict_with_its_escaped_key_has_no_form() -> None:
    assert has_key_and_its_escape({"$a": 1, "$$a": 2})
    assert not has_key_and_its_escape({"$$a": 2, "$a": 1})
    assert not has_key_and_its_escape({"a": 1, "$a": 2})


def test_a_text_with_a_key_that_looks_like_a_tag_may_have_tags() -> None:
    assert may_have_tags('{"$date": 1}')
    assert not may_have_tags('{"price": "5 $"}')
