"""Paths of options lead to parts of values, and paths in messages to such paths."""

from __future__ import annotations

import pytest

from pytest_mimic._core.types.option_paths import (
    drawn_steps,
    option_path,
    parse_path,
    uncounted_paths,
)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("rows.*.id", ("rows", "*", "id")),
        ("rows[0].id", ("rows", "0", "id")),
        ("rows[-1][*]", ("rows", "-1", "*")),
        ("payload.sent-at", ("payload", "sent-at")),
        ("payload['sent at'].x", ("payload", "sent at", "x")),
        ('payload["v1.2"][0]', ("payload", "v1.2", "0")),
        (" self ", ("self",)),
    ],
)
def test_dots_and_brackets_separate_steps(path, steps):
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    "path", ["", ".", "a..b", "a.", "a[b]", "a b", "a[", "a['b]", "a['']"]
)
def test_an_invalid_path_is_reported(path):
    with pytest.raises(ValueError, match="not a path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("order.rows[0]['sent at']", ("order", "rows", "0", "sent at")),
        ("order.tags{'a b'}", ("order", "tags")),
        ("tags{'EUR'}", ("tags",)),
        ("tags{('EUR', 1.5)}[1].day", ("tags",)),
        ("rates[(1, 2)].day", ("rates", "(1, 2)", "day")),
        ("rates[1.5]", ("rates", "1.5")),
        ("", ()),
        ("{'EUR'}", ()),
    ],
)
def test_a_path_in_a_message_has_the_steps_that_lead_to_its_first_set(path, steps):
    assert drawn_steps(path) == steps


def test_a_path_that_begins_with_a_star_leads_into_each_part() -> None:
    paths = uncounted_paths(
        ["*.id", "body"], ["query", "body", "match body.id"], {"body": ("format",)}
    )

    assert paths == ["query.id", "body.id", "body", "format"]


@pytest.mark.parametrize(
    ("path", "as_option"),
    [
        ("rows[0].id", "rows.0.id"),
        ("rates['[0]'][1]", "rates['[0]'].1"),
        ("[0]['a b']", "0['a b']"),
    ],
)
def test_an_index_stands_between_dots_but_a_key_stays_as_it_is(path, as_option) -> None:
    assert option_path(path) == as_option
