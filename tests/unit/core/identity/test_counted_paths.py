"""The paths of `ignore=` lead into the parts of a client's call."""

from __future__ import annotations

from pytest_mimic._core.identity.counted_paths import counted_paths


def test_a_path_that_begins_with_a_star_leads_into_each_part() -> None:
    paths = counted_paths(
        ["*.id", "body"], ["query", "body", "match body.id"], {"body": ("format",)}
    )

    assert paths == ["query.id", "body.id", "body", "format"]
