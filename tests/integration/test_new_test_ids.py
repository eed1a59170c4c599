"""Section 3, *Session output*: tests with an id that another process gives another."""

from __future__ import annotations

import time

HEADING = "the next run has other ids for these tests, and misses:"
TESTS = """
    import app

    class One:
        pass

    @pytest.mark.parametrize("one", [One()], ids=str)
    def test_address(one):
        assert app.f(1) == 1

    @pytest.mark.parametrize("one", [str(uuid.uuid4())])
    def test_uuid(one):
        assert app.f(1) == 1

    @pytest.mark.parametrize("one", [frozenset({"x", "y", "z"})], ids=str)
    def test_set(one):
        assert app.f(1) == 1

    @pytest.mark.parametrize("one", [set("abcdefgh")], ids="-".join)
    def test_joined(one):
        assert app.f(1) == 1

    @pytest.mark.parametrize("one", [set("abcdefgh")], ids=lambda one: "-".join(sorted(one)))
    def test_sorted(one):
        assert app.f(1) == 1

    @pytest.mark.parametrize("one", [str(datetime.date.today())])
    def test_today(one):
        assert app.f(1) == 1

    @pytest.mark.parametrize("one", ["7c9e6679-7425-40de-944b-e07fc1f90ae7", {"a": 1}], ids=str)
    def test_same(one):
        assert app.f(1) == 1
"""


def test_ids_of_tests_that_another_process_makes_anew_are_named(project):
    project.ini("app:f sequence")
    project.write("app.py", "def f(n):\n    return n\n")
    project.write("test_app.py", TESTS)
    # What stands beside the project is none of its files.
    beside = project.root.parent / "beside.txt"
    beside.write_text(time.strftime("%Y-%m-%d"))

    run = project.record(process=True).expect(exit_code=1, passed=8, says=[HEADING])

    told = run.output.partition(HEADING)[2]
    for test, look in {
        "test_address[": "an address",
        "test_uuid[": "a UUID",
        "test_set[": "the order of a set",
        "test_joined[": "the order of a set",
        "test_today[": "a date",
    }.items():
        assert any(test in line and look in line for line in told.splitlines()), told
    assert "test_same" not in told
    assert "test_sorted" not in told
    missed = project.replay("-k", "uuid or address", process=True)
    assert missed.outcomes["failed"] == 2
    assert "pytest-mimic mv" not in missed.output
    assert (
        "if an address in its id is new in each process: pytest.param" in missed.output
    )


def test_they_are_not_named_where_all_tests_share_the_calls(project):
    project.ini("app:f")
    project.write("app.py", "def f(n):\n    return n\n")
    project.write("test_app.py", TESTS)

    project.record().expect(passed=8, never=[HEADING])
