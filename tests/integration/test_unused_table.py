"""Section 5, *Unused*: what moved, what ran, and what becomes of the recordings."""

from __future__ import annotations

import re

import pytest

TESTS = """
import pytest, shop

def test_it(): shop.ask("it")

class TestClass:
    def test_in(self): shop.ask("in")
"""
OTHER = """
import pytest, shop

def test_other(): shop.ask("other"); shop.rate("other")
"""
SHARED = """
import shop

def test_shared(): shop.rate("EUR")
"""


def replaced(file, old, new):
    def change(project):
        path = project.root / "tests" / file
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")

    return change


def moved(old, new, *, with_logs=False):
    def change(project):
        (project.root / "tests" / old).rename(project.root / "tests" / new)
        if with_logs:
            logs = project.vault / "logs/tests"
            (logs / old).rename(logs / new)

    return change


def removed(file):
    def change(project):
        (project.root / "tests" / file).unlink()

    return change


ALL, SKIPS, WORKERS, PART = "all", "another test skips", "in workers", "a part"
SKIPPING = replaced("test_other.py", "shop.ask", "pytest.skip(); shop.ask")
# What has changed; which calls are cleared, and how many recordings are named as not
# judged: where all tests run, in workers, too, and where another test skips. Of a part
# nothing is judged. What `mv` or a test could still use is never cleared.
CHANGES = {
    "nothing": (lambda project: None, ("", 0), ("", 2)),
    "a test is gone": (replaced("test_a.py", 'def test_it(): shop.ask("it")', ""), ("it", 0), ("it", 2)),
    "a test is renamed": (replaced("test_a.py", "def test_it", "def test_new"), ("", 1), ("", 3)),
    "a class is renamed": (replaced("test_a.py", "TestClass", "TestNew"), ("", 1), ("", 3)),
    "a test asks no more": (replaced("test_a.py", 'shop.ask("it")', "pass"), ("it", 0), ("it", 2)),
    "a file is gone": (removed("test_a.py"), ("in it", 0), ("in it", 2)),
    "a file is renamed": (moved("test_a.py", "test_new.py"), ("", 2), ("", 4)),
    "a file and its logs": (moved("test_a.py", "test_new.py", with_logs=True), ("", 0), ("", 2)),
    "nobody asks what was shared": (replaced("test_shared.py", 'shop.rate("EUR")', "pass"), ("EUR", 0), ("", 3)),
    "another shared call": (replaced("test_shared.py", '"EUR"', '"USD"'), ("", 1), ("", 3)),
}  # fmt: skip
ROWS = [
    pytest.param(change, *whole, run, id=f"{name}, {run}", marks=marks)
    for name, (change, whole, beside_a_skip) in CHANGES.items()
    for run, marks in ((ALL, ()), (WORKERS, pytest.mark.rare))
] + [
    pytest.param(
        change,
        *beside_a_skip,
        SKIPS,
        id=f"{name}, {SKIPS}",
        marks=() if name in ("nothing", "a test is gone") else pytest.mark.rare,
    )
    for name, (change, _, beside_a_skip) in CHANGES.items()
]
ROWS += [
    pytest.param(change, "", None, PART, id=f"{name}, {PART}", marks=pytest.mark.rare)
    for name, (change, _, _) in CHANGES.items()
]


@pytest.fixture
def suite(project):
    project.ini("shop:ask sequence", "shop:rate", testpaths="tests", pythonpath=".")
    project.module("def ask(what): return what\ndef rate(what): return what\n")
    project.write("tests/test_a.py", TESTS)
    project.write("tests/test_other.py", OTHER)
    project.write("tests/test_shared.py", SHARED)
    return project


@pytest.mark.parametrize(("change", "cleared", "unjudged", "ran"), ROWS)
def test_what_is_cleared_and_what_is_named(suite, change, cleared, unjudged, ran):
    before = asked_in(suite.record())
    change(suite)
    if ran == SKIPS:
        SKIPPING(suite)
    options = {WORKERS: ["-n", "2"], PART: ["-k", "not other"]}.get(ran, [])

    run = suite.run("--mimic-clear-unused", *options, process=ran == WORKERS)

    assert before - asked_in(run) == set(cleared.split())
    named = re.search(r"could not judge(?: (\d+) recording)?", run.output)
    assert unjudged == (int(named[1]) if named and named[1] else None if named else 0)


def asked_in(run):
    """Return what the calls in the vault have asked after a run."""
    return {call.call["arguments"]["what"] for call in run.calls}
