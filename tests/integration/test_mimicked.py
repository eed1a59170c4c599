"""The marker `mimicked`: on each test that a recording names as its own, where `-m` names it."""

from __future__ import annotations

import pytest

SHOP = """
    from tally import ran

    def fetch(name):
        ran("fetch", name)
        return name
"""
TESTS = """
    import pytest
    from shop import fetch

    class TestShop:
        @pytest.mark.parametrize("name", ["a", "b", ""])
        def test_cases(self, name):
            assert not name or fetch(name) == name

    def test_shares():
        assert fetch("a") == "a"

    def test_cassette(mimic_auto):
        with mimic_auto(targets=["shop:fetch"]):
            assert fetch("a") == "a"

    def test_nothing(request):
        assert request.node.get_closest_marker("mimicked") is None
"""


@pytest.fixture
def shop(project):
    project.ini("shop:fetch", addopts="--strict-markers")
    project.module(SHOP)
    project.tests(TESTS)
    project.record_once(passed=6)
    return project


@pytest.mark.promise("pytest -m mimicked selects the tests that recordings name as theirs")
@pytest.mark.parametrize(
    ("args", "outcomes"),
    [
        (["-m", "mimicked"], {"passed": 3, "deselected": 3}),
        (["-m", "mimicked and not mimic"], {"passed": 3, "deselected": 3}),
        (["-m", "not mimicked"], {"passed": 3, "deselected": 3}),
        (["-m", "mimicked", "-n2"], {"passed": 3}),
        (["-m", "mimicked", "--mimic-verify"], {"passed": 3, "deselected": 3}),
        (["-m", "mimicked", "--mimic-vault=none"], {"deselected": 6}),
    ],
)
def test_tests_that_recorded_are_selected(shop, args, outcomes):
    run = shop.run(*args, process="-n2" in args or None)

    assert run.outcomes == outcomes, run.output
    assert run.exit_code == (0 if outcomes.get("passed") else 5)


def test_it_is_listed_and_nothing_is_worked_out_otherwise(shop):
    shop.run("--markers").expect(says=["@pytest.mark.mimicked: the test has recorded something"])

    shop.replay().expect(passed=6)


def test_without_a_vault_or_a_target_it_selects_nothing(project):
    project.test("pass")

    assert project.run("-m", "mimicked").outcomes == {"deselected": 1}
