"""The command `rekey`, on a project that was really recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_mimic._core.vault import recording_name
from pytest_mimic._core.vault.locks import Locks

NOTHING = (
    "nothing to change: the recordings in .mimic_vault have the identities of"
    " today's lines"
)


def test_nothing_changes_without_a_changed_line(
    shop: Path, call: Callable[..., Any]
) -> None:
    result = call("rekey")

    assert (result.code, result.lines) == (0, [NOTHING])


def test_recordings_and_cassettes_follow_a_line(
    shop: Path, call: Callable[..., Any]
) -> None:
    ini = shop / "pytest.ini"
    ini.write_text(ini.read_text().replace("shop:*", "shop:* ignore=day"))

    result = call("rekey")

    assert (result.code, result.lines[:2]) == (
        1,
        [
            "9 recordings got the identity of today's line",
            "2 recordings with options that were given in Python stay as they are",
        ],
    )
    assert call("check").code == 0


def test_a_run_that_records_is_not_disturbed(
    shop: Path, call: Callable[..., Any]
) -> None:
    locks = Locks(str(shop / ".mimic_vault"))
    locks.join()

    result = call("rekey")

    locks.leave()
    assert (result.code, result.err.splitlines()) == (
        2,
        [
            "ERROR: a run is recording in .mimic_vault",
            "  wait for its end, and run pytest-mimic rekey again",
        ],
    )


def test_a_selector_that_names_nothing_is_said(
    shop: Path, call: Callable[..., Any]
) -> None:
    result = call("rekey", "tests/test_gone.py")

    assert (result.code, result.lines) == (
        1,
        ["nothing in .mimic_vault matches tests/test_gone.py"],
    )


def test_a_request_that_was_edited_to_another_shape_stays_and_is_named(
    shop: Path, call: Callable[..., Any]
) -> None:
    response = {"status": 200, "reason": "OK", "version": "HTTP/1.1", "headers": []}
    name = recording_name("http", "5f" * 16)
    facts = {
        "format": 5,
        "target": "http",
        "arguments": {"signature": "GET /", "method": "GET", "path": True},
        "source": None,
        "test": None,
        "outcomes": [{"duration": 0.1, "value": response}],
    }
    file = shop / ".mimic_vault" / name
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(facts))
    ini = shop / "pytest.ini"
    ini.write_text(ini.read_text().replace("shop:*", "shop:*\n    http"))

    result = call("rekey")

    assert (result.code, result.err) == (1, "")
    reason = "    its request is not as it was recorded ("
    assert [line for line in result.lines if line.startswith(reason)]
    assert json.loads(file.read_text()) == facts
