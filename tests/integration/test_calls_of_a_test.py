"""The calls of a test in pytest's own output: with `-v`, on GitHub, and in the report of JUnit."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from support.http_server import running_server

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city

"""
TESTS = """
    import pytest, shop

    @pytest.fixture
    def late():
        yield
        shop.fetch("late")

    def test_two():
        shop.fetch("Oslo")
        shop.fetch("Rome")

    def test_late(late):
        shop.fetch("Bern")

    def test_nothing():
        pass
"""


@pytest.fixture
def shop(project):
    """A project with recordings of four calls."""
    project.ini("shop:fetch")
    project.tests(TESTS)
    project.record_once(passed=3)
    return project


def shown(run):
    """Return the lines of the tests and their calls, without the progress and durations."""
    lines = run.output.splitlines()
    begin = next(at for at, line in enumerate(lines) if line.startswith("test_shop.py"))
    end = next(at for at, line in enumerate(lines) if line.startswith("=") and at > begin)
    return [re.sub(r" +\[ *\d+%\]| \([\d.]+ s( saved)?\)$", "", line) for line in lines[begin:end] if line]


@pytest.mark.promise("-v shows each call of a test under its line")
def test_each_call_has_a_line(shop):
    run = shop.replay("-v").expect(passed=3, real=[])

    assert shown(run) == [
        "test_shop.py::test_two PASSED",
        "  replayed shop:fetch(city='Oslo')",
        "  replayed shop:fetch(city='Rome')",
        "test_shop.py::test_late PASSED",
        "  replayed shop:fetch(city='Bern')",
        "  replayed shop:fetch(city='late')",
        "test_shop.py::test_nothing PASSED",
    ]


def test_requests_that_differ_in_their_query_are_told_apart(project):
    project.ini("http")
    with running_server() as server:
        project.write(
            "test_shop.py",
            f"""
            from urllib.request import urlopen

            def test_pages():
                for query in ("page=1", "page=2&api_key=sesame", "q={"long" * 40}&page=3"):
                    urlopen(f"{server.url}/html?{{query}}").read()
            """,
        )
        recorded = project.record("-v").expect(passed=1, never=["sesame"])
    replayed = project.replay("-v").expect(passed=1, never=["sesame"])

    queries = ["page=1", "page=2&api_key=<redacted>", f"q={'long' * 11}l...&page=3"]
    for run, verb in ((recorded, "recorded"), (replayed, "replayed")):
        assert shown(run)[1:4] == [f"  {verb} http GET /html?{query}" for query in queries]


def test_without_v_no_call_has_a_line(shop):
    for flags in ([], ["-q"], ["--mimic-report=page.html"]):
        shop.replay(*flags).expect(passed=3, never=["replayed shop:fetch"])


def test_a_miss_is_among_the_calls(shop):
    shop.tests("import shop\n\ndef test_new():\n    shop.fetch('Oslo')\n    shop.fetch('Paris')\n")

    run = shop.replay("-v").expect(failed=1)

    assert shown(run)[:3] == [
        "test_shop.py::test_new FAILED",
        "  replayed shop:fetch(city='Oslo')",
        "  missing shop:fetch(city='Paris')",
    ]


def test_many_calls_need_vv(shop):
    shop.test("[shop.fetch(n) for n in range(12)]")

    short, whole = shop.record("-v").expect(passed=1), shop.replay("-vv").expect(passed=1)

    assert shown(short)[-2:] == ["  recorded shop:fetch(city=9)", "  and 2 more, which -vv shows"]
    assert len(shown(whole)) == 13


def test_a_replay_says_the_time_that_it_saved(shop):
    [name] = [name for name, data in shop.files().items() if b"'Oslo'" in data or b'"Oslo"' in data]
    file = shop.vault / name
    file.write_text(
        re.sub(r'"duration": [^,]+', '"duration": 0.8', file.read_text("utf-8")), encoding="utf-8"
    )

    shop.replay("-v").expect(passed=3, says=["\n  replayed shop:fetch(city='Oslo') (0.80 s saved)\n"])


# GitHub


NEW = "import shop\n\n\ndef test_new():\n    shop.fetch('50%: a,b')\n"


@pytest.mark.promise("on GitHub, misses and drifts are annotated at their tests")
def test_an_annotation_for_a_miss(shop):
    shop.tests(NEW)
    env = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(shop.root.parent)}

    run = shop.run(env=env).expect(failed=1)

    [line] = [line for line in run.output.splitlines() if line.startswith("::")]
    place = f"file={shop.root.name}/test_shop.py,line=4,title=pytest-mimic"
    assert line.startswith(f"::error {place}::no recording of shop:fetch(city='50%25: a,b')%0A")
    assert line.endswith("%0A  to record it: pytest --mimic-record test_shop.py::test_new")


def test_an_annotation_for_a_drift_of_a_worker(shop):
    pytest.importorskip("xdist")
    shop.module(SHOP.replace("return city", "return city.upper()"))

    run = shop.run("--mimic-verify", "-n1", env={"GITHUB_ACTIONS": "true"}, process=True)

    run.expect(failed=2, passed=1, errors=1)

    found = [line for line in run.output.splitlines() if line.startswith("::error ")]
    assert [line.count("no longer gives what was recorded") for line in found] == [2, 2]


@pytest.mark.parametrize("value", [None, "false"])
def test_no_annotations_elsewhere(shop, value):
    shop.tests(NEW)

    shop.run(env={"GITHUB_ACTIONS": value} if value else {}).expect(failed=1, never=["::error"])


def test_no_second_annotation_beside_the_plugin_that_annotates_every_failure(shop):
    shop.tests(NEW)
    shop.write("annotating.py", "")
    shop.conftest("""
        import annotating

        def pytest_configure(config):
            config.pluginmanager.register(annotating, "pytest_github_actions_annotate_failures")
    """)

    shop.run(env={"GITHUB_ACTIONS": "true"}).expect(failed=1, never=["::error"])


@pytest.mark.promise("on GitHub, the summary of the run is added to that of the job")
def test_the_summary_of_the_job(shop):
    summary = shop.write("summary.md", "# Before\n")
    shop.tests(NEW.replace("50%: a,b", "```\\n<b>"))

    shop.run("-q", env={"GITHUB_STEP_SUMMARY": str(summary)}).expect(failed=1)

    text = summary.read_text("utf-8")
    assert text.startswith(
        "# Before\n### pytest-mimic\n\n| missing |\n| ---: |\n| 1 |\n\n````text\n1 call missing"
    )
    assert text.endswith("\n````\n\n")


def test_the_summary_of_the_job_names_what_drifted(project):
    project.ini("shop:rate")
    project.module("def rate(base):\n    return 1\n")
    project.tests("import shop\n\ndef test_rate():\n    shop.rate('EUR')\n")
    project.run("--mimic-record").expect(passed=1)
    project.module("def rate(base):\n    return 2\n")
    summary = project.write("summary.md", "")

    project.run("--mimic-verify", env={"GITHUB_STEP_SUMMARY": str(summary)}).expect(failed=1)

    lines = summary.read_text("utf-8").splitlines()
    assert lines[lines.index("drifted:") + 1 :][:1] == ["  shop:rate(base='EUR')    test_shop.py::test_rate"]


def test_no_summary_where_nothing_is_mimicked(project):
    project.ini()
    project.write("test_plain.py", "def test_plain(): pass\n")
    summary = project.write("summary.md", "")

    project.run("--mimic-verify", env={"GITHUB_STEP_SUMMARY": str(summary)}).expect(passed=1)

    assert summary.read_text("utf-8") == ""


def test_a_summary_that_cannot_be_written_is_named(shop):
    env = {"GITHUB_STEP_SUMMARY": str(shop.root / "no" / "summary.md")}

    shop.replay(env=env).expect(passed=3, says=["mimic: cannot write GITHUB_STEP_SUMMARY"])


# JUnit


@pytest.mark.promise("--junitxml has the number of a test's calls as its properties")
@pytest.mark.parametrize("workers", [0, 1])
def test_properties_of_junit(shop, workers):
    shop.tests(TESTS + "\n    def test_new():\n        shop.fetch('Paris')\n")
    if workers:
        pytest.importorskip("xdist")

    shop.run("--junitxml=junit.xml", *(["-n1"] if workers else []), process=bool(workers)).expect(
        passed=3, failed=1
    )

    found = {
        case.get("name"): {
            each.get("name"): each.get("value")
            for each in case.iter("property")
            if each.get("name") != "mimic seconds saved"
        }
        for case in ElementTree.parse(shop.root / "junit.xml").iter("testcase")
    }
    assert found == {
        "test_two": {"mimic replayed": "2"},
        "test_late": {"mimic replayed": "2"},
        "test_nothing": {},
        "test_new": {"mimic missing": "1"},
    }
