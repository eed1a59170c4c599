"""What failing tests keep under xdist, where one worker does not know which tests pass in another."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("xdist")

SHOP = """
    import os
    from tally import ran

    def fetch(city, version):
        ran("fetch", city)
        if version == "down":
            raise ConnectionError("the service is down")
        return version
"""
# Neither order of the two tests may matter.
TESTS = """
    import os, shop

    def test_passes():
        shop.fetch("Oslo", os.environ["PASSES"])

    def test_fails():
        shop.fetch("Oslo", os.environ["FAILS"])
        assert os.environ["FAILS"] == "old"
"""


@pytest.fixture
def shop(project):
    """A project with two tests that make the same call, which is recorded."""
    project.ini("shop:fetch ignore=version")
    project.tests(TESTS)
    project.record_once(env={"PASSES": "old", "FAILS": "old"}, passed=2, real=["fetch Oslo"])
    return project


def recorded(run):
    """Return the recorded value of the only call."""
    [data] = [data for name, data in run.vault.items() if name.startswith("calls/")]
    return json.loads(data)["outcomes"][0]["value"]


@pytest.mark.parametrize("fails", ["another", "down"])
def test_the_value_of_a_passing_test_stays(shop, fails):
    run = shop.run("-n2", "--mimic-rerecord", process=True, env={"PASSES": "new", "FAILS": fails})

    run.expect(passed=1, failed=1, real=["fetch Oslo"] * 2)
    assert recorded(run) == "new"


def test_the_controller_names_what_its_workers_recorded_and_did_not_keep(shop):
    shop.tests("""
        import shop
        from swallow import swallow

        def test_passes():
            swallow(shop.fetch, "Rome", "down")

        def test_fails():
            shop.fetch("Oslo", "down")
    """)
    shop.write(
        "swallow.py",
        """
        import contextlib

        def swallow(function, *args):
            with contextlib.suppress(ConnectionError):
                function(*args)
        """,
    )

    run = shop.run("-n2", "--mimic-rerecord", process=True)

    run.expect(
        passed=1,
        failed=1,
        says=[
            "shop:fetch(city='Rome') raised ConnectionError    test_shop.py::test_passes",
            "to record it again: pytest --mimic-rerecord test_shop.py::test_passes",
            "1 outcome of a failing test was not kept: shop:fetch(city='Oslo') raised ConnectionError",
        ],
    )
