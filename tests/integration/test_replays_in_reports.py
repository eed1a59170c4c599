"""The report of a failing test says in one line what was replayed in it."""

from __future__ import annotations

import pytest

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city
"""
PASSING = """
    import shop

    def test_one():
        for city in ["Oslo", "Oslo", "Rome"]:
            shop.fetch(city)

    def test_two():
        pass
"""


@pytest.fixture
def shop(project):
    """`shop.fetch` is mimicked, and two cities are recorded."""
    project.ini("shop:fetch")
    project.tests(PASSING)
    project.record_once(passed=2)
    return project


def said(run):
    """The lines about replays in the reports of failing tests."""
    return [line for line in run.output.splitlines() if " replayed; " in line]


@pytest.mark.parametrize(
    ("calls", "line"),
    [(["Oslo", "Oslo"], "2 calls replayed; to record them"), (["Rome"], "1 call replayed; to record it")],
)
def test_a_failing_test_names_its_replays(shop, calls, line):
    body = f"[shop.fetch(city) for city in {calls}]"
    shop.tests(f"import shop\n\ndef test_one(): {body}\n\ndef test_two():\n    {body}\n    assert 0\n")

    run = shop.replay().expect(passed=1, failed=1)

    assert said(run) == [f"{line} again: pytest --mimic-rerecord test_shop.py::test_two"]


def test_other_tests_say_nothing(shop):
    shop.tests("""
        import pytest, shop

        def test_skipped():
            shop.fetch('Oslo')
            pytest.skip()

        @pytest.mark.xfail
        def test_expected():
            shop.fetch('Oslo')
            assert 0

        def test_passing():
            shop.fetch('Oslo')

        def test_without():
            assert 0
    """)

    run = shop.replay("-rA").expect(passed=1, skipped=1, xfailed=1, failed=1)

    assert said(run) == []


def test_replays_in_fixtures_count(shop):
    shop.tests("""
        import pytest, shop

        @pytest.fixture
        def city():
            yield shop.fetch("Oslo")
            shop.fetch("Rome")
            assert 0

        def test_one(city): pass
    """)

    run = shop.replay().expect(passed=1, errors=1)

    assert said(run)[0].startswith("2 calls replayed; ")


def test_replays_of_sequences_and_cassettes_count(shop):
    shop.ini("shop:fetch sequence")
    body = "shop.fetch('Oslo'); shop.fetch('Oslo')"
    cassette = "    with mimic_auto('talk', targets=['shop:fetch']):\n        shop.fetch('Rome')\n"
    shop.tests(f"import shop\n\ndef test_it(mimic_auto):\n    {body}\n{cassette}")
    shop.record().expect(passed=1)
    shop.tests(f"import shop\n\ndef test_it(mimic_auto):\n    {body}\n{cassette}    assert 0\n")

    run = shop.replay().expect(failed=1)

    assert said(run)[0].startswith("3 calls replayed; ")


def test_the_workers_of_xdist_say_it(shop):
    pytest.importorskip("xdist", reason="needs xdist")
    shop.test("""
        shop.fetch('Oslo')
        assert 0
    """)

    run = shop.replay("-n1", process=True).expect(failed=1)

    assert said(run) == ["1 call replayed; to record it again: pytest --mimic-rerecord test_shop.py::test_it"]
