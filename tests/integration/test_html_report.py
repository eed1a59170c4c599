"""Section 3, `--mimic-report`: the page of a run, its calls, and nothing secret."""

from __future__ import annotations

import json
import platform
import re
from html import unescape
from types import SimpleNamespace

import pytest
from support.placeholders import unmarked

SHOP = """
    def fetch(city, token=None):
        ran("fetch", city)
        return {"city": city, "mood": pathlib.Path("mood.txt").read_text(), "password": "hunter-in-value"}

    def rows(count):
        ran("rows", count)
        yield from ({"row": number} for number in range(count))

    def fail(city):
        raise LookupError(f"no {city}")

    def pickled(city):
        return {city: lambda: None}
"""
TESTS = """
    def test_values():
        assert shop.fetch("Oslo", token="tok-in-argument")["city"] == "Oslo"
        assert len(list(shop.rows(2))) == 2

    def test_errors():
        with pytest.raises(LookupError):
            shop.fail("Rome")
        shop.pickled("Bern")

    def test_cassette(mimic_auto):
        with mimic_auto("talk", targets=["shop:fetch"]):
            shop.fetch("Lima")
"""


class ReportPage:
    """The page of a run, read: its text, heading, facts, notes, tests and calls."""

    def __init__(self, path):
        # Which form a placeholder has is shown elsewhere.
        self.text = unmarked(path.read_text(encoding="utf-8"))
        self.data = data = json.loads(part(self.text, r'id="data">(.*?)</script>'))
        self.heading = data["heading"]
        self.notes = "\n".join(data["notes"])
        self.tests = {test["id"]: test["outcome"] for test in data["tests"]}
        self.errors = {test["id"]: test["error"] for test in data["tests"]}
        self.calls = [
            SimpleNamespace(**call, test=test["id"], shown="\n".join(call["lines"]))
            for test in data["tests"]
            for call in test["calls"]
        ]

    def kinds(self):
        """Return the labels of the calls by kind, sorted."""
        labels = {}
        for call in self.calls:
            labels.setdefault(call.kind, []).append(call.label)
        return {kind: sorted(texts) for kind, texts in labels.items()}

    def one(self, label):
        """Return the only call with this label."""
        [call] = [call for call in self.calls if call.label == label]
        return call


def part(text, pattern):
    return unescape(re.search(pattern, text, re.DOTALL)[1])


@pytest.fixture
def shop(project):
    """A project with a function of each kind of outcome."""
    project.ini("shop:fetch", "shop:rows", "shop:fail", "shop:pickled", "shop:gone")
    project.module(SHOP + "\n    def gone(city):\n        return city\n")
    project.tests(TESTS)
    project.write("mood.txt", "calm")
    return project


def test_a_recording_run(shop):
    run = shop.record("--mimic-report=out/page.html").expect(
        passed=3, says=["report: out/page.html"]
    )

    page = ReportPage(shop.root / "out/page.html")
    assert page.heading == "record into .mimic_vault"
    assert page.kinds() == {
        "recorded": [
            "shop:fail(city='Rome')",
            "shop:fetch(city='Lima', token=None)",
            "shop:fetch(city='Oslo', token=<redacted>)",
            "shop:pickled(city='Bern')",
            "shop:rows(count=2)",
        ]
    }
    assert page.tests == {
        f"test_shop.py::test_{name}": "passed"
        for name in ("values", "errors", "cassette")
    }
    items = page.one("shop:rows(count=2)").shown
    assert "1: {'row': 0}\n  2: {'row': 1}" in items
    assert "raised LookupError('no Rome')" in page.one("shop:fail(city='Rome')").shown
    asked = page.one("shop:fetch(city='Oslo', token=<redacted>)").shown
    assert "city: 'Oslo'\n  token: <redacted>\n" in asked
    assert "5 calls recorded" in page.notes
    assert "5 calls recorded" in run.section[0]
    assert page.data["project"] == shop.root.name
    assert page.data["python"] == platform.python_version()
    assert page.data["when"].startswith("20")
    assert page.data["seconds"] > 0


def test_a_replaying_run(shop):
    """A pickle is shown by what its recording lists."""
    shop.record_once(passed=3)

    shop.replay("--mimic-report=page.html").expect(passed=3, real=[])

    page = ReportPage(shop.root / "page.html")
    assert {kind: len(labels) for kind, labels in page.kinds().items()} == {
        "replayed": 5
    }
    call = page.one("shop:fetch(city='Oslo', token=<redacted>)")
    assert call.test == "test_shop.py::test_values"
    assert call.name in shop.files()
    assert 0 < call.seconds < 60
    pickled = page.one("shop:pickled(city='Bern')").shown
    assert "returned {'Bern': <function shop:pickled.<locals>.<lambda>>}" in pickled


def test_a_miss(shop):
    shop.record_once(passed=3)
    shop.tests(TESTS + '\n    def test_new():\n        shop.fetch("Paris")\n')

    shop.replay("--mimic-report=page.html").expect(passed=3, failed=1)

    page = ReportPage(shop.root / "page.html")
    missed = page.one("shop:fetch(city='Paris', token=None)")
    assert missed.kind == "missing"
    assert missed.error == "no recording of shop:fetch(city='Paris', token=None)"
    assert "  city: 'Lima' recorded, 'Paris' now" in missed.facts
    assert missed.remedies[0] == [
        "to record it",
        "pytest --mimic-record test_shop.py::test_new",
    ]
    assert page.tests["test_shop.py::test_new"] == "failed"


def test_a_drift(shop):
    shop.record_once(passed=3)
    shop.write("mood.txt", "wild")

    shop.run("--mimic-verify", "--mimic-report=page.html").expect(failed=2, passed=1)

    page = ReportPage(shop.root / "page.html")
    assert {kind: len(labels) for kind, labels in page.kinds().items()} == {
        "drifted": 2,
        "verified": 3,
    }
    drifted = page.one("shop:fetch(city='Oslo', token=<redacted>)")
    assert "no longer gives what was recorded" in drifted.error
    [fact] = drifted.facts
    assert "calm" in fact
    assert "wild" in fact
    assert "calm" in drifted.shown


def test_a_page_has_rows_for_what_the_terminal_says_in_one_line(shop):
    shop.write("test_failing.py", "import shop\n\ndef test_rome(): shop.fail('Rome')\n")

    run = shop.record("--mimic-report=page.html").expect(passed=3, failed=1)

    [told] = [line for line in run.section if "not kept" in line]
    assert "not kept, because their tests failed: shop:fail" in told
    page = ReportPage(shop.root / "page.html")
    [row] = re.findall(
        r"^not kept, because their tests failed:\n  (.*)$", page.notes, re.M
    )
    assert "test_failing.py::test_rome" in row


def test_only_a_replay_tells_why_a_test_failed_and_no_secret(shop):
    # What a recording run has sent and got may be secrets that it alone knows.
    shop.write(
        "test_failing.py",
        """
        def test_login():
            answer = {"password": "".join(["hunter", "-in-answer"])}
            assert answer == {}
        """,
    )

    shop.record("--mimic-report=record.html").expect(passed=3, failed=1)
    shop.run("--mimic-report=replay.html").expect(passed=3, failed=1)

    recording, replay = (
        ReportPage(shop.root / f"{name}.html") for name in ("record", "replay")
    )
    assert recording.errors["test_failing.py::test_login"] == []
    first, *_ = replay.errors["test_failing.py::test_login"]
    assert first.startswith("E       AssertionError: assert {'password': ")
    assert "hunter-in-answer" not in recording.text + replay.text


def test_a_run_without_calls(project):
    project.ini()
    project.write("test_plain.py", "def test_plain(): pass\n")

    run = project.run("--mimic-report=page.html").expect(passed=1)

    page = ReportPage(project.root / "page.html")
    assert page.calls == []
    assert run.section == ["nothing is mimicked", "report: page.html"]


def test_a_test_has_ended_as_its_last_attempt_has(project):
    project.ini()
    project.tests("""
        attempts = []

        def test_it():
            attempts.append(1)
            assert len(attempts) > 1
    """)

    pytest.importorskip("pytest_rerunfailures")
    plugins = ["rerunfailures"]
    project.run("--reruns=1", "--mimic-report=page.html", plugins=plugins)

    page = ReportPage(project.root / "page.html")
    assert page.tests == {"test_shop.py::test_it": "passed"}


def test_a_page_that_cannot_be_written_fails_the_run(shop):
    shop.record_once(passed=3)
    shop.write("taken", "a file")

    shop.replay("--mimic-report=taken/page.html").expect(
        passed=3, exit_code=1, says=["cannot write the report"], never=["Traceback"]
    )


def test_a_drift_at_a_client_shows_no_secret(project):
    pytest.importorskip("httpx")
    from support.http_server import running_server

    project.ini("httpx")
    with running_server() as server:
        project.write(
            "test_talk.py",
            f"import httpx\n\ndef test_talk():\n    httpx.post('{server.url}/login', json={{'password': 'sesame-4711'}})\n",
        )
        project.record().expect(passed=1)
        file = project.file_of("http")
        text = (
            file.read_text("utf-8")
            .replace('"status": 200', '"status": 201')
            .replace(" GMT", " BST")
        )
        file.write_text(text, encoding="utf-8")

        project.run("--mimic-verify", "--mimic-report=page.html").expect(failed=1)

    page = ReportPage(project.root / "page.html")
    drifted = page.one("http POST /login")
    assert drifted.kind == "drifted"
    # And not the date, which verifying does not compare.
    assert [fact.partition(":")[0] for fact in drifted.facts] == ["status"]
    assert [secret for secret in ("sesame-4711", "tok-") if secret in page.text] == []
