"""Outcomes that are equal, close, volatile or of one shape verify; each other one is a drift that names what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from values.inner_run import InnerProject, Told
from values.verify_cases import CASES, SECRET, SECRETS

TESTS_FOLDER = str(Path(__file__).parents[1])

MODULE = """
import os

from values.verify_cases import CASES, Stream


def given(name):
    case = CASES[name]
    found = case.now if os.environ.get("NOW") else case.recorded
    if isinstance(found, Exception):
        raise found
    return found


def streamed(name):
    case = CASES[name]
    for item in case.now if os.environ.get("NOW") else case.recorded:
        if isinstance(item, Exception):
            raise item
        yield item
"""

TESTS = """
import pytest
import shop
from pytest_mimic import mimic
from values.verify_cases import CASES, Failure, Stream


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    case = CASES[name]
    is_stream = isinstance(case.recorded, Stream)
    target = "shop:streamed" if is_stream else "shop:given"
    with mimic(target, **case.options):
        try:
            list(shop.streamed(name)) if is_stream else shop.given(name)
        except (Failure, LookupError, OSError, ValueError):
            pass
"""


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    """What became of each case in a run that verifies."""
    root = tmp_path_factory.mktemp("verifying")
    project = InnerProject(root, module=MODULE, tests=TESTS)
    recorded = project.run("--mimic-record", PYTHONPATH=TESTS_FOLDER)
    found = project.run("--mimic-verify", NOW="1", PYTHONPATH=TESTS_FOLDER)
    ids = {name: f"test_case[{name}]" for name in CASES}
    return {
        name: found[id_] if recorded[id_].outcome == "passed" else recorded[id_]
        for name, id_ in ids.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_a_difference_is_a_drift_and_nothing_else_is(
    verified: dict[str, Told], name: str
) -> None:
    case, told = CASES[name], verified[name]

    if case.says is None:
        assert told == Told("passed", "")
    else:
        assert told.outcome == "failed"
        assert "DriftError" in told.text
        assert [text for text in case.says if text not in told.text] == []


@pytest.mark.parametrize("name", SECRETS)
def test_no_drift_shows_a_secret(verified: dict[str, Told], name: str) -> None:
    assert SECRET not in verified[f"secret: {name}"].text
