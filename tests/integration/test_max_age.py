"""`mimic_max_age`: recordings that are too old are named, and those that were found equal again count from that day."""

from __future__ import annotations

import json
import re
import time
from datetime import date, timedelta

import pytest

from pytest_mimic._tools.cli.main import main

SHOP = """
    from tally import ran

    def fetch(name):
        ran("fetch", name)
        return {"name": name}

    def steps(name):
        ran("steps", name)
        return {"step": name}
"""
TEST = """
    from shop import fetch, steps

    def test_old():
        assert fetch("old")["name"] == "old"
        assert steps("one")["step"] == "one"

    def test_new():
        assert fetch("new")["name"] == "new"

    def test_cassette(mimic_auto):
        with mimic_auto("cart", targets=["shop:fetch"]):
            fetch("kept")
"""
TODAY = time.strftime("%Y-%m-%d")
LONG_AGO = "2020-01-02"


def days_ago(days):
    return (date.today() - timedelta(days=days)).isoformat()


@pytest.fixture
def aged(project):
    """A project that has recorded. Returns it with a function that gives a date to all recordings, but for those of `new`."""
    project.module(SHOP)
    project.tests(TEST)
    project.ini("shop:fetch", "shop:steps sequence")
    project.record_once(passed=3)

    def age(day):
        for path in project.vault.rglob("*.json"):
            text = path.read_text(encoding="utf-8")
            if '"new"' not in text:
                path.write_text(
                    re.sub(r'"recorded": "[\d-]+"', f'"recorded": "{day}"', text), encoding="utf-8"
                )

    def limit(text):
        project.ini("shop:fetch", "shop:steps sequence", mimic_max_age=text)

    project.age, project.limit = age, limit
    age(LONG_AGO)
    return project


def dates(project):
    facts = [json.loads(data) for data in project.files().values()]
    return sorted(((one["recorded"], one.get("checked")) for one in facts), key=str)


@pytest.mark.promise(
    "recordings that a run uses and that are older than mimic_max_age are named with the command for them"
)
def test_old_recordings_are_named(aged):
    aged.limit("90d")

    run = aged.replay().expect(passed=3)

    assert run.section[1:] == [
        "older than 90 days:",
        "  shop:fetch(name='old')    2020-01-02, test_shop.py::test_old",
        "  shop:steps(name='one')    2020-01-02, test_shop.py::test_old",
        "  cassette cart             2020-01-02, test_shop.py::test_cassette",
        "to record them again: pytest --mimic-rerecord test_shop.py::test_old test_shop.py::test_cassette",
    ]
    assert run.changed == set()
    assert "older" not in aged.replay("-k", "new").expect(passed=1, deselected=2).output


@pytest.mark.promise("with fail, a run that uses one exits 1")
@pytest.mark.parametrize(
    ("text", "day", "args", "code"),
    [
        ("90d fail", LONG_AGO, [], 1),
        ("90d  fail", LONG_AGO, ["-q"], 1),
        ("12w fail", days_ago(85), [], 1),
        ("12w fail", days_ago(84), [], 0),
        ("90d fail", LONG_AGO, ["-n2"], 1),
        ("90d fail", LONG_AGO, ["--mimic-rerecord"], 0),
        ("90d", LONG_AGO, [], 0),
        ("90d fail", LONG_AGO, ["-k", "new"], 0),
    ],
)
def test_a_run_with_old_recordings_fails_on_request(aged, text, day, args, code):
    aged.limit(text)
    aged.age(day)

    run = aged.run(*args, process="-n2" in args or None)

    assert run.exit_code == code, run.output
    days = 84 if "w" in text else 90
    assert (f"failed: 3 recordings are older than {days} days (mimic_max_age)" in run.output) == (code == 1)


@pytest.mark.promise("an equal outcome that is recorded again notes the date where mimic_max_age is set")
def test_an_equal_outcome_notes_when_it_was_checked(aged, capsys):
    before = aged.files()
    assert aged.run("--mimic-rerecord").expect(passed=3).changed == set()

    aged.limit("90d")
    run = aged.run("--mimic-rerecord").expect(passed=3, never=["older than"])

    assert dates(aged) == [(LONG_AGO, TODAY)] * 3 + [(TODAY, None)]
    assert len(run.changed) == 3
    aged.replay().expect(passed=3, never=["older than"])
    assert aged.run("--mimic-rerecord").expect(passed=3).changed == set()
    assert main(["ls", "--older", "90d"]) == 1
    assert main(["check"]) == 0
    aged.ini("shop:fetch", "shop:steps sequence")
    assert aged.run("--mimic-rerecord").expect(passed=3).changed == set()
    assert {json.loads(data).get("checked") for data in before.values()} == {None}


def test_another_outcome_has_only_its_own_date(aged):
    aged.limit("90d")
    aged.run("--mimic-rerecord").expect(passed=3)
    aged.module(SHOP.replace('{"step": name}', '{"step": name, "more": 1}'))

    aged.run("--mimic-rerecord").expect(passed=3)

    assert dates(aged) == [(LONG_AGO, TODAY)] * 2 + [(TODAY, None)] * 2


@pytest.mark.promise("an equal outcome that is recorded again notes the date where mimic_max_age is set")
def test_an_outcome_that_was_verified_and_accepted_notes_when(aged):
    """Its source has changed, and its outcome has not."""
    aged.limit("90d")
    aged.module(SHOP.replace('{"name": name}', "dict(name=name)"))
    aged.run("--mimic-verify", "--mimic-review")

    assert main(["review", "--accept", "shop:fetch"]) == 0

    assert dates(aged) == [(LONG_AGO, TODAY), (LONG_AGO, None), (TODAY, None), (TODAY, None)]
    aged.run("--mimic-record").expect(passed=3, never=["fetch was"])


def test_dates_alone_do_not_wait_for_a_review(aged):
    aged.limit("90d")

    aged.run("--mimic-rerecord", "--mimic-review").expect(passed=3, never=["pytest-mimic review"])

    assert dates(aged) == [(LONG_AGO, None)] * 3 + [(TODAY, None)]


@pytest.mark.promise("a wrong mimic_max_age is a usage error")
@pytest.mark.parametrize("text", ["90", "fail", "90d fails", "3 months", "-1d", "90d, fail"])
def test_a_wrong_span_is_a_usage_error(project, text):
    project.ini(mimic_max_age=text)
    project.test("pass")

    says = [
        f"mimic_max_age = {text}: it takes days or weeks, such as 90d or 12w, and perhaps the word fail: 90d fail"
    ]
    project.run().expect(exit_code=4, says=says)
