"""Section 3, modes: replay, record, rerecord, verify and live."""

from __future__ import annotations

import pytest

SHOP = """
    def fetch(city, days=3):
        ran("fetch", city, days)
        return {"city": city, "days": days}
"""
TARGETS = ["shop:fetch"]
TESTS = """
    def test_fetch():
        assert shop.fetch("Oslo") == {"city": "Oslo", "days": 3}
"""


def test_a_recording_replays_in_another_process_and_hash_seed(shop):
    shop.record(hash_seed=1).expect(passed=1, real=["fetch Oslo 3"])

    shop.replay(hash_seed=2).expect(passed=1, real=[])


@pytest.mark.must
def test_a_miss_fails_and_never_runs_the_real_function(shop):
    """The error names the call and the command that records it."""
    run = shop.run()

    run.expect(
        failed=1,
        real=[],
        says=[
            "no recording of shop:fetch(city='Oslo', days=3)",
            "pytest --mimic-record test_shop.py::test_fetch",
        ],
    )


def test_rerecord_replaces_only_recordings_whose_outcome_changed(shop):
    shop.record()

    same = shop.run("--mimic-rerecord").expect(passed=1, real=["fetch Oslo 3"])
    shop.module(SHOP.replace('"days": days', '"days": days, "note": 1'))
    shop.tests(TESTS.replace('"days": 3', '"days": 3, "note": 1'))
    other = shop.run("--mimic-rerecord").expect(passed=1)

    assert same.changed == set()
    assert len(other.changed) == 1
    shop.replay().expect(passed=1, real=[])


def test_live_runs_every_call_without_the_vault(shop):
    """An empty vault stays empty, and a damaged one is not read."""
    empty = shop.run("--mimic-live").expect(passed=1, real=["fetch Oslo 3"])
    for name in shop.record().vault:
        (shop.vault / name).write_text("no recording")
    damaged = shop.run("--mimic-live").expect(
        passed=1, real=["fetch Oslo 3"], never=["no recording"]
    )

    assert empty.vault == {}
    assert damaged.changed == set()


@pytest.mark.parametrize("mode", ["replay", "record", "rerecord", "verify", "live"])
def test_the_fixture_names_the_mode(project, mode):
    project.write(
        "test_it.py", f"def test_it(mimic_mode):\n    assert mimic_mode == {mode!r}\n"
    )

    project.run(*([] if mode == "replay" else [f"--mimic-{mode}"])).expect(passed=1)


@pytest.mark.parametrize("mode", ["--mimic-record", "--mimic-verify", ""])
def test_no_call_keeps_its_arguments_alive(project, mode):
    """Not even until the next garbage collection: they may be large, or hold a connection."""
    project.ini("shop:plain", "shop:numbers", "shop:awaited")
    project.module("""
        class Rows:
            def __init__(self, name):
                self.name = name

        def plain(rows):
            return (rows.name, 1)

        def numbers(rows):
            yield rows.name
            yield 2

        async def awaited(rows):
            return rows.name
    """)
    project.tests("""
        import asyncio, gc, weakref

        def partly(rows):
            next(stream := shop.numbers(rows))
            stream.close()

        uses = [shop.plain, lambda rows: list(shop.numbers(rows)), partly, lambda rows: asyncio.run(shop.awaited(rows))]

        @pytest.mark.parametrize("use", uses)
        def test_it(use, request):
            rows = shop.Rows(request.node.name)
            alive = weakref.ref(rows)
            gc.disable()
            try:
                use(rows)
                del rows
                assert alive() is None
            finally:
                gc.enable()
    """)
    project.record().expect(passed=4)

    project.run(*([mode] if mode else [])).expect(passed=4)


def test_a_recorded_result_lives_no_longer_than_its_caller_needs_it(project):
    """One that is stored as JSON, and one that is stored as a pickle."""
    project.ini("shop:rows", "shop:twice")
    project.module("""
        class Rows:
            pass

        def rows():
            return Rows()

        def twice():
            return [Rows()] * 2
    """)
    project.tests("""
        import gc, weakref

        @pytest.mark.parametrize("give", [shop.rows, lambda: shop.twice()[0]])
        def test_it(give):
            gc.disable()
            try:
                alive = weakref.ref(give())
                assert alive() is None
            finally:
                gc.enable()
    """)

    project.record().expect(passed=2)
