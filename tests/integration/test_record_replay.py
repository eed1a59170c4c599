"""The modes: replay, record, rerecord, verify and live."""

from __future__ import annotations

import os
from itertools import combinations

import pytest
from support.http_server import running_server

SHOP = """
    from tally import ran

    def fetch(city, days=3):
        ran("fetch", city, days)
        return {"city": city, "days": days}
"""
TARGETS = ["shop:fetch"]
TESTS = """
    import shop

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
    damaged = shop.run("--mimic-live").expect(passed=1, real=["fetch Oslo 3"], never=["no recording"])

    assert empty.vault == {}
    assert damaged.changed == set()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *combinations(("--mimic-record", "--mimic-rerecord", "--mimic-verify", "--mimic-live"), 2),
        ("--mimic-record", "--mimic-no-record"),
        ("--mimic-rerecord", "--mimic-no-record"),
    ],
)
def test_options_that_exclude_each_other_are_a_usage_error(shop, first, second):
    run = shop.run(first, second)

    run.expect(exit_code=4, says=[f"{first} cannot be combined with {second}"], never=["Traceback"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nmimic_functions =\n    shop:fetch\nmimic_vault_path = recs\n"),
        ("tox.ini", "[pytest]\nmimic_functions =\n    shop:fetch\nmimic_vault_path = recs\n"),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nmimic_functions = ["shop:fetch ignore=days"]\nmimic_vault_path = "recs"\n',
        ),
        ("setup.cfg", "[tool:pytest]\nmimic_functions =\n    shop:fetch\nmimic_vault_path = recs\n"),
        pytest.param(
            "pytest.toml",
            '[pytest]\nmimic_functions = ["shop:fetch"]\nmimic_vault_path = "recs"\n',
            marks=pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest.toml came with pytest 9"),
        ),
    ],
)
def test_every_file_that_pytest_reads_may_hold_the_options(shop, name, text):
    (shop.root / "pytest.ini").unlink()
    shop.write(name, text)

    shop.record().expect(passed=1, real=["fetch Oslo 3"])

    shop.replay().expect(passed=1, real=[])
    assert (shop.root / "recs").is_dir()


def test_no_mimic_turns_the_plugin_off(shop):
    run = shop.run("-p", "no:mimic", "-p", "no:pytest_mimic.plugin", "-W", "ignore", process=True)

    run.expect(passed=1, real=["fetch Oslo 3"])
    assert run.vault == {}


def test_a_recording_of_a_changed_source_is_recorded_again(shop):
    """A changed comment does not count."""
    shop.record()
    shop.module(SHOP.replace("    def", "    # why\n    def"))
    shop.replay().expect(passed=1)
    shop.module(SHOP.replace("return {", "return {'new': 1} and {"))

    shop.replay().expect(
        failed=1, says=["StaleRecordingError", "shop:fetch has changed since this call was recorded"]
    )
    shop.record().expect(passed=1, real=["fetch Oslo 3"])
    shop.replay().expect(passed=1)


@pytest.mark.parametrize("mode", ["--mimic-record", "--mimic-rerecord", "--mimic-verify", ""])
def test_no_call_keeps_its_arguments_alive(project, mode):
    """Not even until the next garbage collection: they may be large, or hold a connection.

    An exception that is recorded is kept until its test ends, because the summary depends on who caught it.
    """
    names = ["plain", "fails", "numbers", "returned", "awaited", "pages"]
    project.ini(*(f"shop:{name}" for name in names))
    project.module("""
        class Rows:
            def __init__(self, name):
                self.name = name

        def plain(rows):
            return (rows.name, 1)

        def fails(rows):
            raise ValueError(rows.name)

        def numbers(rows):
            yield rows.name
            yield 2

        def returned(rows):
            return (name for name in [rows.name])

        async def awaited(rows):
            return rows.name

        async def pages(rows):
            yield rows.name
            yield 2
    """)
    project.tests("""
        import asyncio, gc, weakref
        import pytest, shop

        def fails(rows):
            try:
                shop.fails(rows)
            except ValueError:
                pass

        def partly(rows):
            next(stream := shop.numbers(rows))
            stream.close()

        async def pages(rows):
            assert [page async for page in shop.pages(rows)] == [rows.name, 2]

        @pytest.mark.parametrize("use", [
            shop.plain,
            fails,
            lambda rows: list(shop.numbers(rows)),
            lambda rows: list(shop.returned(rows)),
            partly,
            lambda rows: asyncio.run(shop.awaited(rows)),
            lambda rows: asyncio.run(pages(rows)),
        ], ids=["plain", "fails", "numbers", "returned", "partly", "awaited", "pages"])
        def test_it(use, request, mimic_mode):
            rows = shop.Rows(request.node.name)
            alive = weakref.ref(rows)
            gc.disable()
            try:
                use(rows)
                del rows
                assert alive() is None or (use is fails and "record" in mimic_mode)
            finally:
                gc.enable()
    """)
    project.record().expect(passed=7)

    project.run(*([mode] if mode else [])).expect(passed=7)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.parametrize("option", ["--mimic-record", "--mimic-rerecord"])
def test_a_forked_process_goes_on_with_the_conversation_of_its_parent(project, option):
    project.ini("http.client")
    project.tests("""
        import os
        from http.client import HTTPConnection

        def ask(path):
            connection = HTTPConnection(os.environ["HOST"])
            connection.request("GET", path)
            assert connection.getresponse().read()
            connection.close()

        def test_fork():
            ask("/users/1")
            child = os.fork()
            if not child:
                ask("/users/2")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            ask("/users/3")
    """)
    with running_server() as server:
        env = {"HOST": server.url.removeprefix("http://")}
        runs = [project.run(option, process=True, env=env) for _ in range(2)]

    for run in runs:
        run.expect(passed=1)
        assert len(run.vault) == 3
    project.replay("--mimic-clear-unused", process=True, env=env).expect(
        passed=1, says=["could not judge 1 recording: test_shop.py::test_fork forked a process"]
    )
