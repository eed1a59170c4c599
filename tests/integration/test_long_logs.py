"""Section 5: what a run does for a log grows with its calls, and not with their square."""

from __future__ import annotations

import sys
import threading
from collections import Counter
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


class Signed(loopback.Handler):
    """Answers whatever the signature is."""

    def do_GET(self):
        self.json({})


def test_a_request_that_is_signed_anew_costs_no_more_than_the_one_before(project):
    """As all requests of boto3 are: each has a secret that none before it had."""
    project.ini("http")
    project.tests("""
        import secrets, urllib.request

        @pytest.mark.parametrize("requests", [1, 20, 39])
        def test_it(requests):
            for number in range(requests):
                url = f"{os.environ['API']}/items/{number}"
                header = {"Authorization": f"Signature {secrets.token_hex(32)}"}
                urllib.request.urlopen(urllib.request.Request(url, headers=header)).close()
    """)
    with project.shop(Signed):
        project.record().expect(passed=3)

    def calls(requests):
        made = []
        sys.setprofile(lambda *_: made.append(1))
        try:
            run = project.run("-k", f"[{requests}]")
        finally:
            sys.setprofile(None)
        run.expect(passed=1, deselected=2)
        return len(made)

    project.run().expect(passed=3)
    one, few, many = map(calls, (1, 20, 39))
    assert many - few < 1.5 * (few - one)
