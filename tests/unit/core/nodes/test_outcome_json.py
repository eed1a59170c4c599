"""Values are made of their JSON, the parts before the whole."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.nodes.outcome_json import tags_in, value_of_json, written_tag

# JSON, with what a maker of tuples makes of it.
FORMS: list[tuple[Any, Any]] = [
    ("EUR", "EUR"),
    ([1, None], [1, None]),
    ({"a": 1}, {"a": 1}),
    ({"$date": "2026-11-02"}, ("date", "2026-11-02", {})),
    (
        {"$tuple": [{"$date": "2026-11-02"}, 2]},
        ("tuple", [("date", "2026-11-02", {}), 2], {}),
    ),
    (
        {"$shop:User": {"name": "Ann"}, "of": [1]},
        ("shop:User", {"name": "Ann"}, {"of": [1]}),
    ),
    (
        {"$bytearray": {"$bytes": "ab"}},
        ("bytearray", ("bytes", "ab", {}), {}),
    ),
    ({"$$date": 1, "$b": 2}, {"$date": 1, "$b": 2}),
]


@pytest.mark.parametrize(("plain", "value"), FORMS, ids=str)
def test_each_tag_is_made_of_its_part_and_facts(plain: Any, value: Any) -> None:
    def make(tag: str, part: Any, facts: dict[str, Any]) -> Any:
        return tag, part, facts

    assert value_of_json(plain, make) == value


def test_tags_are_found_at_any_depth() -> None:
    plain = [{"$shop:User": {"of": {"$date": "2026-11-02"}}}, {"$$class": "shop:Old"}]

    assert dict(tags_in(plain)) == {
        "shop:User": {"of": {"$date": "2026-11-02"}},
        "date": "2026-11-02",
    }


def test_people_see_a_tag_as_it_is_written() -> None:
    assert written_tag("date") == "$date"
