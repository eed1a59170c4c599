"""Section 5: what a run does for a log grows with its calls, and not with their square."""

from __future__ import annotations

import secrets
import sys
import threading
from collections import Counter
from itertools import count
from pathlib import Path

import pytest
from support import loopback

import pytest_mimic
from pytest_mimic.vault.recording import parse

ENGINE = str(Path(pytest_mimic.__file__).parent / "engine")
CALLS = 250
MOST_A_CALL = 80


def most_frequent_line(act, *words):
    """Return the line of the engine that runs most often, how often, and what `act` gives."""
    lines = Counter()

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.startswith(ENGINE):
            return None
        if event == "line":
            lines[f"{frame.f_code.co_filename}:{frame.f_lineno}"] += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    threading.settrace(trace)
    try:
        given = act(*words)
    finally:
        sys.settrace(before)
        threading.settrace(before)
    return *lines.most_common(1)[0], given


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ((), 0),
        (("--mimic-rerecord",), CALLS),
    ],
    ids=["replayed", "others again"],
)
def test_no_line_runs_for_each_pair_of_calls(project, options, first):
    project.ini("shop:small sequence=yes")
    project.module("""
        from tally import ran

        def small(n):
            ran("small", n)
            return n
    """)
    test = "import shop\n\ndef test_it():\n    for n in range({0}, {0} + {1}):\n        shop.small(n)\n"
    project.tests(test.format(0, CALLS))
    project.record_once(passed=1)
    project.tests(test.format(first, CALLS))

    line, times, run = most_frequent_line(project.run, *options)

    run.expect(passed=1)
    assert times <= MOST_A_CALL * CALLS, line


@pytest.mark.parametrize(
    "option", ["", "--mimic-record", "--mimic-rerecord", "--mimic-verify"]
)
def test_a_run_parses_a_log_once(project, option):
    project.ini("shop:small sequence=yes")
    project.module("""
        from tally import ran

        def small(n):
            ran("small", n)
            return n
    """)
    project.test("[shop.small(n) for n in range(3)]")
    project.record_once(passed=1)
    parsed = []

    def note(frame, event, _argument):
        if event == "call" and frame.f_code is parse.__code__:
            parsed.append(frame.f_locals["name"])

    sys.setprofile(note)
    try:
        run = project.run(*filter(None, [option]))
    finally:
        sys.setprofile(None)

    run.expect(passed=1)
    assert len(parsed) == 1


class Issues(loopback.Handler):
    """Issues a token with each answer."""

    def do_GET(self):
        self.json({"access_token": secrets.token_hex(32)})


@pytest.mark.parametrize("option", ["", "--mimic-rerecord"])
def test_a_secret_costs_no_more_than_the_one_before(project, option):
    """As requests of boto3, each request is signed anew; and each answer has a token."""
    project.ini("http")
    project.tests("""
        import secrets, urllib.request

        @pytest.mark.parametrize("requests", [1, 60, 119])
        def test_it(requests):
            for number in range(requests):
                url = f"{os.environ['API']}/items/{number}"
                header = {"Authorization": f"Signature {secrets.token_hex(32)}"}
                urllib.request.urlopen(urllib.request.Request(url, headers=header)).close()
    """)

    def calls(requests):
        made = count()
        sys.setprofile(lambda *_: next(made))
        try:
            run = project.run(*filter(None, [option]), "-k", f"[{requests}]")
        finally:
            sys.setprofile(None)
        run.expect(passed=1, deselected=2)
        return next(made)

    with project.shop(Issues):
        project.record().expect(passed=3)
        # The first run imports what the others find imported.
        _, one, few, many = map(calls, (1, 1, 60, 119))

    assert many - few < 1.5 * (few - one)
