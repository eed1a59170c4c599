"""New paths of `ignore=` that meet nothing in what a recording shows."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.nodes.node_classes import Cut
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic._tools.rekey.idle_paths import new_paths

SHOWN_IN_PART = plain_of(Cut("set", length=3))
ORDER = {"number": 3, "rows": [{"id": 7}, {"id": 8}], "codes": SHOWN_IN_PART}


def of(options: dict[str, Any], *, before: dict[str, Any] | None = None) -> Any:
    recording = Recording(
        "shop:put", {"order": ORDER, "run": 1}, None, None, "", None, [], options=before
    )
    return new_paths(recording, options)


@pytest.mark.parametrize(
    ("path", "is_idle", "is_met"),
    [
        ("order.nummer", True, False),
        ("order.number.digits", True, False),
        ("order.rows.*.idd", True, False),
        ("order.rows.2", True, False),
        ("session.id", True, False),
        ("order.number", False, True),
        ("order.rows.-2.id", False, True),
        ("order.*.1", False, True),
        ("run", False, True),
        ("order.codes.x", False, False),
        ("order.*.x", False, False),
    ],
)
def test_paths_meet_what_the_recording_shows(path, is_idle, is_met):
    paths = of({"ignore": [path]})

    assert (paths.idle, paths.is_any_met) == ((path,) * is_idle, is_met)


def test_one_path_that_meets_something_is_enough():
    assert of({"ignore": ["order.nummer", "run"]}).idle == ()


@pytest.mark.parametrize(
    ("before", "options"),
    [
        ({"ignore": ["run"]}, {"ignore": ["order.nummer"]}),
        ({}, {"ignore": ["order.nummer"], "sequence": True}),
        ({"ignore": ["run"]}, {"ignore": ["run"]}),
    ],
    ids=["a path has gone", "another option", "no new path"],
)
def test_other_changes_are_not_judged(before, options):
    assert of(options, before=before) is None
