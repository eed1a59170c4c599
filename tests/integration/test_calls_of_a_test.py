"""The calls of a test in its report, with `-v`."""

from __future__ import annotations

import re

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
    """Return the lines of the sections about calls, without the durations."""
    found = re.findall(r"^-+ Captured mimic (\w+) -+\n(.*?)(?=^[-=_])", run.output, re.DOTALL | re.MULTILINE)
    return [re.sub(r" \([\d.]+ s( saved)?\)$", "", line) for _, text in found for line in text.splitlines()]


def test_each_call_has_a_line_in_the_report_of_its_test(shop):
    run = shop.replay("-v", "-rP").expect(passed=3, real=[])

    assert shown(run) == [
        "replayed shop:fetch(city='Oslo')",
        "replayed shop:fetch(city='Rome')",
        "replayed shop:fetch(city='Bern')",
        "replayed shop:fetch(city='late')",
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
        recorded = project.record("-v", "-rP").expect(passed=1, never=["sesame"])
    replayed = project.replay("-v", "-rP").expect(passed=1, never=["sesame"])

    queries = ["page=1", "page=2&api_key=<redacted>", f"q={'long' * 11}l...&page=3"]
    for run, verb in ((recorded, "recorded"), (replayed, "replayed")):
        assert shown(run) == [f"{verb} http GET /html?{query}" for query in queries]


def test_without_v_no_call_has_a_line(shop):
    for flags in (["-rP"], ["-q", "-rP"], ["-rP", "--mimic-report=page.html"]):
        shop.replay(*flags).expect(passed=3, never=["replayed shop:fetch"])


def test_a_failing_test_shows_its_calls(shop):
    shop.tests("import shop\n\ndef test_new():\n    shop.fetch('Oslo')\n    shop.fetch('Paris')\n")

    run = shop.replay("-v").expect(failed=1)

    assert shown(run) == ["replayed shop:fetch(city='Oslo')", "missing shop:fetch(city='Paris')"]


def test_a_replay_says_the_time_that_it_saved(shop):
    [name] = [name for name, data in shop.files().items() if b"'Oslo'" in data or b'"Oslo"' in data]
    file = shop.vault / name
    file.write_text(
        re.sub(r'"duration": [^,]+', '"duration": 0.8', file.read_text("utf-8")), encoding="utf-8"
    )

    shop.replay("-v", "-rP").expect(passed=3, says=["\nreplayed shop:fetch(city='Oslo') (0.80 s saved)\n"])
