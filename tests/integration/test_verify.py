"""The option --mimic-verify: every call runs for real and is compared with its recording."""

from __future__ import annotations

import pytest


@pytest.fixture
def changed(project):
    """Record a call of `shop.fetch`, change the function, and verify."""

    def run(before, after, *, options="", test="shop.fetch('x')", **outcomes):
        source = (
            "import asyncio, math\nfrom tally import ran\n\n{}def fetch(name):\n    ran('fetch', name)\n{}\n"
        )
        kind = "async " if "await" in test or "asyncio" in test else ""
        project.ini(f"shop:fetch {options}".strip())
        project.test(test)
        project.module(source.format(kind, "    " + before))
        project.record()
        project.module(source.format(kind, "    " + after))
        verified = project.run("--mimic-verify").expect(**outcomes)
        assert verified.changed == set()
        return verified

    return run


def test_rtol_and_atol_apply_at_any_depth(changed):
    changed("return {'x': [1.0, 200.0]}", "return {'x': [1.0000001, 200.001]}", options="rtol=1e-4", passed=1)
    changed("return [0.0]", "return [1e-9]", options="atol=1e-8", passed=1)
    run = changed("return [1.0, 2.0]", "return [1.1, 2.0]", options="rtol=0.01", failed=1)

    assert "[0]: 1.0 recorded, 1.1 now" in run.output


def test_a_real_call_that_fails_could_not_be_verified(changed):
    """The error shows the real failure, and the command to try again."""
    run = changed("return 1", "raise ConnectionError('no route to host')", failed=1)

    assert "DriftError: shop:fetch(name='x') could not be verified: the real call failed\n" in run.output
    assert "  ConnectionError: no route to host\n" in run.output
    assert "  to try again: pytest --mimic-verify test_shop.py::test_it\n" in run.output
    assert "pytest_mimic/" not in run.output


def test_each_item_is_compared_as_it_was_when_it_was_read(changed):
    """The generator yields the same list each time, and makes it longer."""
    body = "items = []\n    for n in range(3):\n        items.append(n)\n        yield items"

    changed(body, body, test="list(shop.fetch('x'))", passed=1)


@pytest.mark.parametrize("made", ["return lambda: {0}", "class Local:\n        kept = {0}\n    return Local"])
def test_recorded_code_is_compared_by_the_source_it_was_recorded_with(changed, made):
    """The file of today does not say what the recorded code was."""
    pytest.importorskip("cloudpickle")
    changed(made.format(1), "'Comments do not count.'\n    " + made.format(1), passed=1)
    changed(made.format(1), made.format(2), failed=1)


def test_a_changed_source_alone_does_not_fail(changed):
    changed("return 1", "one = 1\n    return one", passed=1)


def test_a_drift_at_import_fails_the_run(project):
    project.ini("shop:get")
    project.module("from tally import ran\n\ndef get():\n    ran('get')\n    return 1\n")
    project.tests("""
        import shop

        try:
            shop.get()
        except Exception:
            pass

        def test_it():
            pass
    """)
    project.record().expect(passed=1)
    project.module("from tally import ran\n\ndef get():\n    ran('get')\n    return 2\n")

    run = project.run("--mimic-verify").expect(passed=1, exit_code=1)

    assert run.section == [
        "1 call verified, 1 drifted",
        "drifted:",
        "  shop:get()",
        "to decide about each: pytest --mimic-verify --mimic-review",
        "shop:get() no longer gives what was recorded",
        "  result: 1 recorded, 2 now",
        "  to accept it: pytest --mimic-rerecord",
    ]


LOCAL = """
    from enum import Enum

    def fetch(name):
        class Row:
            def total(self):
                return 5

        class Size(Enum):
            SMALL = 1

        return Row(), Size.SMALL

    def fail(name):
        class OwnError(Exception):
            pass

        raise OwnError(name)
"""


def test_objects_of_local_classes_compare_equal(project):
    project.ini("shop:fetch", "shop:fail")
    project.module(LOCAL)
    project.test("""
        row, size = shop.fetch("x")
        assert type(row).__qualname__ == "fetch.<locals>.Row"
        assert type(size).__qualname__ == "fetch.<locals>.Size"
        with pytest.raises(Exception) as caught:
            shop.fail("x")
        assert caught.type.__qualname__ == "fail.<locals>.OwnError"
    """)
    project.record().expect(passed=1)

    project.replay().expect(passed=1)
    project.run("--mimic-verify").expect(passed=1)


def test_a_drift_may_be_in_what_the_call_returned_to_await(project):
    project.ini("shop:fetch")
    project.module("""
        import os

        async def later():
            return 1

        def fetch():
            return 1 if os.environ["NOW"] == "2" else later()
    """)
    project.test("""
        import inspect
        found = shop.fetch()
        if inspect.isawaitable(found):
            async def wait():
                return await found
            asyncio.run(wait())
    """)
    project.record(env={"NOW": "1"}).expect(passed=1)

    run = project.run("--mimic-verify", env={"NOW": "2"})

    run.expect(failed=1, says=["returned something to await when recorded, not now"])
