"""The workers of xdist count as one run."""

from __future__ import annotations

import os

import pytest
from support.city_shop import SHOP  # noqa: F401 - the project's module

pytest.importorskip("xdist")

TESTS = """
    @pytest.mark.xdist_group("first")
    @pytest.mark.parametrize("number", range(4))
    def test_own(number):
        assert shop.fetch(f"city {number}") == {"city": f"city {number}"}

    @pytest.mark.parametrize("number", range(4))
    def test_shared(number):
        assert shop.fetch("Oslo") == {"city": "Oslo"}
"""


@pytest.fixture
def shop(project):
    """`shop.fetch` is mimicked. Eight tests make five different calls of it."""
    project.ini("shop:fetch", pythonpath=".", addopts="--strict-markers")
    project.tests(TESTS)
    return project


def workers(project, *arguments, **options):
    """Run the tests with two workers."""
    return project.run("-n2", *arguments, process=True, **options)


def test_two_workers_record_one_call(shop, monkeypatch):
    """In each of them, if they make it at the same time."""
    recorded = workers(shop, "--mimic-record").expect(passed=8)
    replayed = workers(shop, "--mimic-fail-on-unused", offline=True).expect(
        passed=8, real=[]
    )

    assert set(recorded.real) == {
        "fetch Oslo",
        *(f"fetch city {number}" for number in range(4)),
    }
    assert recorded.section[1:] == ["vault: .mimic_vault, 5 files, # kB"]
    assert replayed.header == "replay from .mimic_vault (1 target)"
    assert replayed.section == ["8 calls replayed, # s saved"]
    assert replayed.output.count(" mimic ====") == 1


def test_an_unreadable_line_ends_the_run_before_workers_start(shop):
    shop.ini("shop:fetch sequense")

    run = workers(shop)

    message = "ERROR: pytest.ini, mimic_functions line 1: shop:fetch: there is no option sequense (did you mean sequence?)"
    run.expect(
        exit_code=4, says=[message], never=["Traceback", "INTERNALERROR", "workers"]
    )


def test_a_target_that_does_not_exist_fails_the_tests_and_exits_4(shop):
    message = "pytest.ini, mimic_functions line 2: shop:fetsh does not exist in shop (did you mean fetch?)"
    shop.record_once(passed=8)
    shop.ini("shop:fetch", "shop:fetsh", pythonpath=".")
    shop.test("shop.fetch('Oslo')")

    run = workers(shop, "--mimic-clear-unused")

    run.expect(
        exit_code=4,
        errors=1,
        says=[f"E   pytest_mimic.TargetError: {message}"],
        never=["Traceback", "INTERNALERROR", "KeyError"],
    )
    assert run.section[0] == f"ERROR: {message}"
    assert run.changed == set()


# -- what failing tests keep, where one worker does not know which tests pass in another


FETCHING = """
    import os

    def fetch(city, version):
        ran("fetch", city)
        if version == "down":
            raise ConnectionError("the service is down")
        return version
"""
# Neither order of the two tests may matter.
FAILING = """
    def test_passes():
        shop.fetch("Oslo", os.environ["PASSES"])

    def test_fails():
        shop.fetch("Oslo", os.environ["FAILS"])
        assert os.environ["FAILS"] == "old"
"""


@pytest.fixture
def failing(project):
    """A project with two tests that make the same call, which is recorded."""
    project.ini("shop:fetch ignore=version")
    project.module(FETCHING)
    project.tests(FAILING)
    project.record_once(
        env={"PASSES": "old", "FAILS": "old"}, passed=2, real=["fetch Oslo"]
    )
    return project


def recorded(run):
    """Return the recorded value of the only call."""
    [call] = run.calls
    return call.value


# One test makes the call, the other gets its answer, and they end one after the other.
IN_TURN = """
    from moments import come, wait

    def test_fails():
        shop.fetch("Oslo", "new")
        come("made")
        wait(os.environ["BEFORE_FAILING"])
        assert os.environ["BEFORE_FAILING"] == "nothing"

    def test_passes():
        wait("made")
        given = shop.fetch("Oslo", "own")
        come("given")
        wait(os.environ["BEFORE_PASSING"])
        assert given == os.environ["GIVEN"]
"""
MOMENTS = """
    def come(moment):
        open(moment, "w").close()

    def wait(moment):
        while not os.path.exists(moment):
            os.sched_yield()
"""


@pytest.mark.skipif(not hasattr(os, "sched_yield"), reason="one waits for the other")
@pytest.mark.parametrize(
    "before",
    [("test_passes", "made"), ("given", "test_fails")],
    ids=["passes first", "fails first"],
)
def test_a_failing_test_takes_back_no_answer_that_a_passing_one_was_given(
    failing, before
):
    failing.write("moments.py", MOMENTS)
    failing.tests(IN_TURN)
    failing.conftest("""
        from moments import come

        def pytest_runtest_logfinish(nodeid):
            come(nodeid.rpartition("::")[2])
        """)
    names = ("BEFORE_FAILING", "BEFORE_PASSING")
    env = dict(zip(names, before, strict=True)) | {"GIVEN": "new"}

    run = failing.run("-n2", "--mimic-rerecord", process=True, env=env)

    run.expect(passed=1, failed=1, real=["fetch Oslo"])
    assert recorded(run) == "new"
    failing.run("-ktest_passes", env=env).expect(passed=1, deselected=1)


@pytest.mark.parametrize("fails", ["another", "down"])
def test_what_a_failing_test_has_made_alone_is_put_back(failing, fails):
    run = failing.run(
        "-ktest_fails", "--mimic-rerecord", env={"FAILS": fails, "PASSES": "new"}
    )

    run.expect(failed=1, deselected=1, real=["fetch Oslo"])
    assert recorded(run) == "old"


def test_workers_leave_no_object_of_what_was_put_back(failing):
    long = "another " * 5000

    run = failing.run(
        "-n2", "-ktest_fails", "--mimic-rerecord", process=True, env={"FAILS": long}
    )

    run.expect(failed=1, real=["fetch Oslo"])
    assert not [name for name in run.vault if name.startswith("objects/")]


def test_the_controller_names_what_its_workers_recorded_and_did_not_keep(failing):
    failing.tests("""
        from swallow import swallow

        def test_passes():
            swallow(shop.fetch, "Rome", "down")

        def test_fails():
            shop.fetch("Oslo", "down")
    """)
    failing["swallow.py"] = """
        def swallow(function, *args):
            with contextlib.suppress(ConnectionError):
                function(*args)
    """

    run = failing.run("-n2", "--mimic-rerecord", process=True)

    run.expect(
        passed=1,
        failed=1,
        says=[
            "shop:fetch(city='Rome') raised ConnectionError    test_shop.py::test_passes",
            "to record it again: pytest --mimic-rerecord test_shop.py::test_passes",
            "not kept, because their tests failed: shop:fetch(city='Oslo') raised ConnectionError",
        ],
    )


def test_a_crash_of_a_worker_is_told_beside_the_counts(shop):
    """What it has recorded is in the vault, and nobody knows how much that is."""
    shop.tests(
        TESTS
        + "\n    def test_crash():\n        import os\n        shop.fetch('Bonn')\n        os._exit(3)\n"
    )

    run = workers(shop, "--mimic-record")

    assert "a worker crashed: what it has done is not counted" in run.section
    assert "fetch Bonn" in run.real
