"""Two outcomes side by side: what verifying takes for a difference, and what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.shown.two_sides import side_by_side, sides_of


def response(status: int, day: str, body: Any) -> dict[str, Any]:
    headers = [["Date", day], ["Content-Type", "application/json"]]
    return {"status": status, "version": "HTTP/1.1", "reason": day, "headers": headers, "body": body}


def marks(tmp_path, recorded: Outcome, actual: Outcome, *paths: str | None) -> str:
    """Return the mark of each line."""
    vault = Vault(FolderStore(tmp_path))
    sides = sides_of(*(vault.stored(one, 0.5) for one in (recorded, actual)), Redactor(), paths=paths)
    return "".join(mark for mark, _, _ in side_by_side(*sides))


LONG = "a text that is long enough to be on a line of its own"
OLD, NEW = ({"id": each, "rows": [{"n": each, "of": LONG}], "same": LONG} for each in ("old", "new"))


@pytest.mark.parametrize(
    ("recorded", "actual", "paths", "expected"),
    [
        (OLD, NEW, ["id"], "=~==i====="),
        (OLD, NEW, ["rows.*.n"], "=i==~====="),
        (OLD, NEW, ["id", "rows.0.n"], "=~==~====="),
        (OLD, NEW, [None], "=~==~====="),  # a difference without a path
        (OLD, NEW, [], "=~==~====="),  # the call could not be verified
        (OLD, NEW, ["id", "elsewhere.n"], "=~==~====="),
        ({"a": LONG, "b": 1}, {"a": LONG, "b": 2, "c": LONG}, ["c"], "==i+="),
        ({"a": LONG, "b": 1, "c": LONG}, {"a": LONG, "b": 2}, ["b"], "==~i="),
        (
            response(200, "Mon", {"json": {"x": LONG, "id": 1}}),
            response(200, "Tue", {"json": {"x": LONG, "id": 2}}),
            ["body.id"],
            "ii===~=",
        ),
        (response(200, "Mon", {"text": "a"}), response(201, "Tue", {"text": "b"}), ["status"], "~i=i"),
        (response(200, "Mon", {"text": "a"}), response(200, "Tue", {"text": "b"}), ["body"], "ii=~"),
    ],
)
def test_only_what_counts_is_marked(tmp_path, recorded, actual, paths, expected):
    assert marks(tmp_path, Outcome.of_value(recorded), Outcome.of_value(actual), *paths) == expected


def test_items_of_a_stream(tmp_path):
    old, new = ([{"n": each, "of": each}, LONG] for each in ("old", "new"))

    found = marks(tmp_path, Outcome.of_stream(old), Outcome.of_stream(new), "*.n")

    assert found == "=~=="
