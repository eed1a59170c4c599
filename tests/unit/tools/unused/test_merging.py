"""Several runs as one: which tests are missing, how they ended, and which recordings none has used."""

from __future__ import annotations

import pytest

from pytest_mimic._tools.unused.merging import Gap, refuse_mixture, sorted_out, together
from pytest_mimic._tools.unused.usage_file import Usage
from pytest_mimic.errors import MimicError

NAMES = {"p": "passed", "f": "failed", "s": "skipped", "-": "not run"}


def usage(outcomes, *, label="usage.json", python="Python 3.12", covered=(".",), **facts):
    """Make an account: tests `a`, `b` and so on with a letter for how each ended."""
    values = {
        "vault": ".mimic_vault",
        "commit": "",
        "mode": "replay",
        "platform": "linux",
        "wanted": ["."],
        "hiding": [] if covered else ["--ignore was given"],
        "broken": [],
        "collected": ["test_it.py"],
        "skipped_modules": [],
        "absent_clients": [],
        "used": frozenset(),
        "others": frozenset(),
    }
    tests = {f"test_it.py::{test}": NAMES[letter] for test, letter in zip("abcdefgh", outcomes)}
    values |= {"python": python, "covered": list(covered), "tests": tests, "label": label, **facts}
    return Usage(**values)


def missing(*usages):
    """Return the gaps of several runs with the tests by their letters."""
    return [
        (gap.cell, "".join(test[-1] for test in gap.unseen), "".join(test[-1] for test in gap.rarer))
        for gap in together(usages).gaps
    ]


OLD = "Python 3.10"
HERE, THERE = "Python 3.12 on linux", "Python 3.10 on linux"


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        ([usage("ppp")], []),
        ([usage("pp-"), usage("--p")], []),
        ([usage("pp--"), usage("--p-")], [(HERE, "d", "")]),
        ([usage("p-"), usage("-s")], []),
        ([usage("s-"), usage("pp")], []),
        # A matrix: each Python is complete by itself, and its tests may be others.
        ([usage("p-"), usage("-p"), usage("ppp", python=OLD)], []),
        ([usage("p-"), usage("-p"), usage("p-", python=OLD)], [(THERE, "b", "")]),
        ([usage("p-"), usage("pp", platform="win32")], [(HERE, "b", "")]),
        # Two environments on one Python.
        ([usage("p-"), usage("-p"), usage("p-"), usage("-p")], []),
        ([usage("p-"), usage("-p"), usage("p-")], [(HERE, "", "b")]),
        ([usage("p-"), usage("-p"), usage("p-"), usage("-s")], []),
        ([usage("p-"), usage("-p"), usage("p--"), usage("-pp")], []),
        ([usage("p-"), usage("-p"), usage("p--"), usage("-p-")], [(HERE, "c", "")]),
        # A part of the tests, beside runs that have collected all.
        ([usage("--"), usage("p", covered=())], [(HERE, "b", "")]),
        ([usage("--"), usage("p", covered=()), usage("-p", covered=())], []),
        ([usage("pp"), usage("--p", covered=())], []),
        ([usage("pp"), usage("--p-", covered=())], [(HERE, "d", "")]),
        # A test that is skipped everywhere ran as often as one that did not have to.
        ([usage("s"), usage("s")], []),
        ([usage("ps"), usage("p-")], [(HERE, "", "b")]),
        ([usage("")], []),
        ([], []),
    ],
)
def test_each_test_has_run_as_often_as_the_others(usages, expected):
    assert missing(*usages) == expected


def test_runs_of_all_folders_know_all_tests_together():
    folders = {"wanted": ["tests/a", "tests/b"]}
    one, two = usage("p", covered=["tests/a"], **folders), usage("-p", covered=["tests/b"], **folders)

    whole, part = together([one, two]), together([one])

    assert (whole.reasons, whole.gaps) == ([], [])
    assert part.unlisted
    assert together([one, two._replace(tests={"tests/b/test_b.py::b": "not run"})]).gaps == [
        Gap(HERE, ["tests/b/test_b.py::b"], [])
    ]


def test_without_a_run_that_collected_all_tests_it_is_not_known_which_there_are():
    whole = together([usage("p", covered=(), label="a.json"), usage("p", python=OLD)])

    assert whole.unlisted
    assert whole.reasons == [
        "no run with Python 3.12 on linux has collected all tests (a.json: --ignore was given)"
    ]


def test_a_run_that_broke_off_is_a_reason():
    whole = together([usage("p"), usage("p", broken=["a worker crashed"], label="b.json")])

    assert whole.reasons == ["b.json: a worker crashed"]
    assert not whole.unlisted


@pytest.mark.parametrize(
    ("outcomes", "expected"), [("pf", "failed"), ("sp", "passed"), ("s-", "skipped"), ("fs", "failed")]
)
def test_a_test_that_failed_anywhere_failed_and_one_that_passed_anywhere_was_not_skipped(outcomes, expected):
    one, two = map(usage, outcomes)

    assert together([one, two]).outcomes == {"test_it.py::a": expected}
    assert together([two, one]).outcomes == {"test_it.py::a": expected}


def test_a_module_is_skipped_only_if_every_run_skips_it():
    skipping = usage("p", collected=["test_x.py", "test_y.py"], skipped_modules=["test_x.py", "test_y.py"])
    other = usage("p", collected=["test_x.py"])

    assert together([skipping, other]).skipped_modules == {"test_y.py"}


def test_only_recordings_that_each_run_has_seen_are_judged():
    one = usage("p", used=frozenset(["calls/a"]), others=frozenset(["calls/b", "calls/c"]))
    two = usage("p", used=frozenset(["calls/b"]), others=frozenset(["calls/a", "calls/c", "calls/d"]))

    unused, newer = sorted_out(["calls/a", "calls/b", "calls/c", "calls/d", "calls/e"], [one, two])

    assert unused == ["calls/c"]
    assert newer == 2


@pytest.mark.parametrize(
    ("facts", "vault", "text"),
    [
        (
            {"vault": "other"},
            ".mimic_vault",
            "a.json and b.json are of different vaults: .mimic_vault and other",
        ),
        ({"commit": "f" * 40}, None, "a.json and b.json are of different commits: eeeeeeeeee and ffffffffff"),
        ({}, "vault", "a.json is of the vault .mimic_vault, and the vault of this project is vault"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(facts, vault, text):
    one = usage("p", label="a.json", commit="e" * 40)

    with pytest.raises(MimicError, match=text):
        refuse_mixture([one, one._replace(label="b.json", **facts)], vault)


def test_a_run_without_a_known_commit_belongs_to_any():
    one, two = usage("p"), usage("p", commit="e" * 40)

    assert refuse_mixture([one, two], ".mimic_vault") == "e" * 40
