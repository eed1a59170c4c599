"""Section 3, `--mimic-verify`: each drift of a test is reported, once, as a failure of its call."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from support.http_server import running_server

SHOP = """
    def stamp():
        return os.environ["N"]

    def price():
        return os.environ["N"]
"""
TESTS = """
    @pytest.fixture
    def order():
        shop.stamp()
        yield
        shop.stamp()

    def test_price(order):
        assert shop.price()
"""


@pytest.fixture
def shop(project):
    """A project in which all calls of a test drift: in set-up, body and tear-down."""
    project.ini("shop:stamp sequence", "shop:price")
    project.tests(TESTS)
    project.record_once(env={"N": "1"}, passed=1)
    return project


def verify(project, *args, **options):
    return project.run("--mimic-verify", *args, env={"N": "2"}, **options)


def test_all_drifts_of_a_test_are_one_failure(shop):
    """One in a set-up lets the body run."""
    run = verify(shop, "--junitxml=out.xml").expect(failed=1)

    assert run.output.count("\nDriftError: shop:stamp() no longer") == 1
    assert run.output.count("\nDriftError: shop:price() no longer") == 1
    assert "3 calls drifted" in run.section[0]
    suite = ElementTree.parse(shop.root / "out.xml").getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "1",
        "failures": "1",
        "errors": "0",
    }


def test_a_plugin_may_look_at_the_fixtures_of_a_test_that_drifted(shop):
    """As pytest-benchmark does, when a report is made."""
    shop.write(
        "conftest.py",
        """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item):
            report = yield
            assert "order" in item.funcargs or report.when == "setup"
            return report
        """,
    )

    verify(shop).expect(failed=1)


def test_x_and_lf_take_a_test_that_drifted_for_a_failed_one(shop):
    shop.tests(TESTS + "\n    def test_plain(): pass\n")

    verify(shop, "-x", plugins=["cacheprovider"]).expect(failed=1)
    verify(shop, "--lf", plugins=["cacheprovider"]).expect(failed=1)


@pytest.mark.parametrize("mark", ["xfail", "xfail(strict=True)"])
def test_a_drift_is_a_failure_that_xfail_expects(shop, mark):
    marked = f"@pytest.mark.{mark}\n    def test_price"
    shop.tests(TESTS.replace("def test_price", marked))

    verify(shop).expect(xfailed=1)


def test_a_test_that_fails_by_itself_shows_its_drifts_too(shop):
    shop.tests(TESTS.replace("assert shop.price()", "assert shop.price() == 3"))

    run = verify(shop).expect(failed=1)

    assert "assert '1' == 3" in run.output
    assert run.output.count("DriftError: shop:price() no longer") == 1


@pytest.mark.parametrize(
    ("ending", "options", "outcomes"),
    [
        ("raise LookupError", (), {"errors": 1, "passed": 1}),
        ("pytest.skip('closed')", (), {"errors": 1, "passed": 1}),
        ("pass", ("--setup-only",), {"errors": 1}),
    ],
)
def test_a_test_without_a_call_fails_for_its_drifts(shop, ending, options, outcomes):
    """They are not lost, and no later test fails for them."""
    shop.tests(
        TESTS.replace("yield", f"{ending}\n        yield", 1)
        + "\n    def test_next(): pass\n"
    )

    run = verify(shop, *options).expect(**outcomes)

    assert re.search("^(E   )?DriftError: shop:stamp.. no longer", run.output, re.M)
    assert "ERROR test_shop.py::test_price" in run.output


def test_a_tear_down_that_fails_hides_no_failure_of_the_call(shop):
    shop.tests(
        TESTS.replace("yield\n        shop.stamp()", "yield\n        raise LookupError")
    )

    run = verify(shop).expect(failed=1, errors=1)

    assert run.output.count("\nDriftError: shop:price() no longer") == 1


def test_a_drift_of_a_wider_fixture_is_reported_with_the_first_test_that_used_it(shop):
    shop.tests(
        TESTS.replace("@pytest.fixture", '@pytest.fixture(scope="module")')
        + "\n    def test_other(order): pass\n"
    )
    shop.run("--mimic-rerecord", env={"N": "1"}).expect(passed=2)

    run = verify(shop, "-v")

    assert "test_price FAILED" in run.output
    assert run.output.count("DriftError: shop:price() no longer") == 1


def test_attempts_of_rerunfailures_are_judged_one_by_one(shop):
    pytest.importorskip("pytest_rerunfailures")

    shop.tests(
        TESTS.replace("        yield\n        shop.stamp()\n", "        yield\n")
    )

    verify(shop, "--reruns=1", plugins=["rerunfailures"]).expect(failed=1, rerun=1)


def test_what_follows_in_a_conversation_is_listed_under_the_first_drift(project):
    pytest.importorskip("httpx")
    project.ini("http", "shop:price")
    project["test_talk.py"] = """
        URL = os.environ["SHOP_URL"]

        def test_talk():
            shop.price()
            for _ in range(3):
                httpx.get(URL + "/echo", headers={"x-day": os.environ["N"]})
    """
    with running_server() as server:
        env = {"SHOP_URL": server.url}
        project.record(env={**env, "N": "1"}).expect(passed=1)
        run = project.run("--mimic-verify", env={**env, "N": "2"}).expect(failed=1)

    first = run.output.index("DriftError: http GET /echo no longer gives")
    assert run.output[first:].count("DriftError: then http GET /echo\n") == 1
    assert run.output.count("to accept it: ") == 2


def test_a_miss_after_a_drift_is_told_below_it_and_has_no_command(project):
    """The drift may have led to it. What follows no drift is recorded by itself."""
    project.ini("shop:price", "shop:cost")
    project.module(SHOP + "\n    def cost(n):\n        return n")
    project.tests("""
        def test_cost():
            assert shop.cost(os.environ["N"])

        def test_price():
            assert shop.price() and shop.cost(os.environ["N"] * 2)
    """)
    project.record(env={"N": "1"}).expect(passed=2)

    run = verify(project).expect(
        failed=2,
        says=[
            "1 call missing, 1 drifted",
            "to record the missing: pytest --mimic-record test_shop.py::test_cost",
            "to accept it: pytest --mimic-rerecord test_shop.py::test_price",
            "DriftError: no recording of shop:cost(n='22')",
        ],
    )

    assert run.output.count("to record it: ") == 1
    project.run("--mimic-rerecord", env={"N": "2"}).expect(passed=2)
    verify(project).expect(passed=2)


def test_a_drift_below_a_name_that_looks_like_a_key_is_told_without_it(project):
    key = f"ghp_{'aB3dE6gH9j' * 4}"
    project.ini("shop:stock")
    project.module(f"def stock():\n    return {{'{key}': os.environ['N']}}")
    project.tests("def test_it():\n    shop.stock()")
    project.record_once(env={"N": "1"}, passed=1)

    verified = verify(project).expect(failed=1)

    assert key not in verified.output
    assert "'1' recorded, '2' now" in verified.output
