"""The option --mimic-verify: every call runs for real and is compared with its recording."""

from __future__ import annotations

import gc
import sys

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


@pytest.mark.promise("rtol= and atol= are tolerances when verifying")
def test_rtol_and_atol_apply_at_any_depth(changed):
    changed("return {'x': [1.0, 200.0]}", "return {'x': [1.0000001, 200.001]}", options="rtol=1e-4", passed=1)
    changed("return [0.0]", "return [1e-9]", options="atol=1e-8", passed=1)
    run = changed("return [1.0, 2.0]", "return [1.1, 2.0]", options="rtol=0.01", failed=1)

    assert any("[0]: 1.0 recorded, 1.1 now" in line for line in run.error)


@pytest.mark.promise("volatile= is proposed for dates and ids only")
@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ("{'at': '2026-11-02T10:00:00'}", "{'at': '2026-11-03T10:00:00'}", "at"),
        ("{'day': '2026-11-02'}", "{'day': '2026-11-03'}", "day"),
        ("{'n': [{'id': 1}]}", "{'n': [{'id': 2}]}", "n.*.id"),
        ("{'orderId': 1}", "{'orderId': 2}", "orderId"),
        (
            "{'run': '0f8fad5b-d9cb-469f-a165-70867728950e'}",
            "{'run': '7c9e6679-7425-40de-944b-e07fc1f90ae7'}",
            "run",
        ),
        ("{'price': 1.5}", "{'price': 1.6}", ""),
        ("{'price': 1.5, 'id': 1}", "{'price': 1.6, 'id': 2}", ""),
        ("{'paid': 1}", "{'paid': 2}", ""),
        ("['2026-11-02']", "['2026-11-03']", ""),
    ],
)
def test_what_is_recommended_to_be_left_out_changes_always_and_has_a_name(changed, before, after, path):
    """To leave a price out after one difference would hide each change of it. An item's path is that of all items."""
    run = changed(f"return {before}", f"return {after}", failed=1)

    assert (f"volatile={path}\n" in run.output) is bool(path)
    assert run.output.count("volatile=") == bool(path)


def test_a_real_call_that_fails_could_not_be_verified(changed):
    """The error shows the real failure, and the command to try again."""
    run = changed("return 1", "raise ConnectionError('no route to host')", failed=1)

    lines = run.error
    assert "DriftError: shop:fetch(name='x') could not be verified: the real call failed" in lines
    assert "ConnectionError: no route to host" in lines
    assert "to try again: pytest --mimic-verify test_shop.py::test_it" in lines
    assert "pytest_mimic/" not in run.output


def test_each_item_is_compared_as_it_was_when_it_was_read(changed):
    """The generator yields the same list each time, and makes it longer."""
    body = "items = []\n    for n in range(3):\n        items.append(n)\n        yield items"

    changed(body, body, test="list(shop.fetch('x'))", passed=1)


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


def test_a_verified_stream_that_was_left_is_not_reported(project):
    project.ini("shop:pages")
    project.module("def pages():\n    yield from range(3)\n")
    project.tests("""
        import os
        import shop

        READING = []

        def test_pages():
            READING.append(shop.pages())
            for _ in range(int(os.environ["READ"])):
                next(READING[0], None)
    """)
    project.record(env={"READ": "4"}).expect(passed=1, says=["1 call recorded"])

    project.run("--mimic-rerecord", env={"READ": "1"}).expect(passed=1, says=["was not read to its end"])
    project.run("--mimic-verify", env={"READ": "1"}).expect(passed=1, never=["was not read to its end"])

    gc.collect()  # the stream ends only now, and notes nothing
    if sys.version_info >= (3, 12):
        assert "pytest-mimic" not in map(sys.monitoring.get_tool, range(6))


@pytest.mark.parametrize("parts", [5, 6])
def test_only_a_few_parts_are_recommended_to_be_left_out(project, parts):
    """If more differ, it is another outcome."""
    project.ini("shop:fetch")
    project.module(
        f"import os\n\ndef fetch():\n    return {{f'p{{n}}': os.environ['NOW'] for n in range({parts})}}\n"
    )
    project.test("shop.fetch()")
    project.record(env={"NOW": "2026-11-01"}).expect(passed=1)

    run = project.run("--mimic-verify", env={"NOW": "2026-11-02"}).expect(failed=1)

    assert ("shop:fetch volatile=p0,p1,p2,p3,p4\n" in run.output, "volatile=" in run.output) == (
        (True, True) if parts == 5 else (False, False)
    )


def test_a_drift_without_a_path_recommends_no_volatile(project):
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

    run.expect(failed=1, says=["returned something to await when recorded, not now"], never=["volatile="])
