"""Misses that are swallowed.

A miss fails its test even if the code under test catches it. A miss that the test's own file handles is deliberate.
"""

from __future__ import annotations

import os
import re
import sys

import pytest

SHOP = """
    import asyncio
    import contextlib
    import logging
    import threading
    from concurrent.futures import ThreadPoolExecutor
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city

    async def fetch_async(city):
        ran("fetch_async", city)
        return city

    def stream(city):
        ran("stream", city)
        yield city

    def bare(city):
        try:
            return fetch(city)
        except Exception:
            return None

    def deeper(city):
        try:
            return [fetch(city)]
        finally:
            logging.getLogger("shop").debug("done")

    def suppressing(city):
        with contextlib.suppress(Exception):
            return deeper(city)

    def everything(city):
        try:
            return fetch(city)
        except BaseException:
            return None

    def replaced(city):
        try:
            try:
                return fetch(city)
            except RuntimeError as error:
                raise LookupError("not there") from error
        except LookupError:
            return None

    def in_thread(city):
        thread = threading.Thread(target=bare, args=(city,))
        thread.start()
        thread.join()

    def in_pool(city):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(fetch, city)

    def in_pool_asked(city):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(fetch, city).exception()

    async def gathered(city):
        return await asyncio.gather(fetch_async(city), return_exceptions=True)

    async def gathered_deeper(city):
        async def one():
            return await fetch_async(city)
        return await asyncio.gather(one(), return_exceptions=True)

    async def waited(city):
        done, _ = await asyncio.wait([asyncio.create_task(fetch_async(city))])
        return [task.exception() for task in done]

    async def awaited(city):
        try:
            return await fetch_async(city)
        except Exception:
            return None

    def streamed(city):
        try:
            return list(stream(city))
        except Exception:
            return []
"""
TARGETS = ["shop:fetch"]


@pytest.mark.must
def test_a_miss_swallowed_by_the_code_under_test_fails(project):
    project.ini("shop:fetch", "shop:fetch_async", "shop:stream")
    project.tests("""
        import asyncio
        import pytest, shop

        @pytest.mark.parametrize("call", [
            shop.bare,
            shop.suppressing,
            shop.everything,
            shop.replaced,
            shop.in_thread,
            shop.in_pool,
            shop.in_pool_asked,
            lambda city: asyncio.run(shop.gathered(city)),
            lambda city: asyncio.run(shop.gathered_deeper(city)),
            lambda city: asyncio.run(shop.waited(city)),
            lambda city: asyncio.run(shop.awaited(city)),
            shop.streamed,
        ])
        def test_it(call):
            call("Oslo")
    """)

    run = project.run().expect(failed=12, real=[], never=["pytest_mimic/", "Traceback", "INTERNALERROR"])

    # The line does not repeat the test's id, which pytest prints before it.
    assert run.output.count("\npassed only because a missing recording was swallowed") == 12
    assert run.output.count("  MissingRecordingError: no recording of shop:") == 12
    assert run.output.count("to record it: pytest --mimic-record 'test_shop.py::test_it[") == 12
    assert "12 calls missing" in run.section[0]


def test_a_miss_handled_in_the_tests_own_file_is_deliberate(project):
    project.ini("shop:fetch", "shop:fetch_async", "shop:stream")
    project.tests("""
        import asyncio, contextlib, unittest
        from concurrent.futures import ThreadPoolExecutor
        import pytest, shop
        from pytest_mimic import MissingRecordingError, mimic

        def test_raises():
            with pytest.raises(MissingRecordingError, match="no recording of shop:fetch") as caught:
                shop.fetch("Oslo")
            assert "Oslo" in str(caught.value)

        def test_raises_through_the_code_under_test():
            with pytest.raises(MissingRecordingError):
                shop.deeper("Oslo")

        def test_raises_with_a_function():
            pytest.raises(MissingRecordingError, shop.deeper, "Oslo")

        def test_try():
            try:
                shop.fetch("Oslo")
            except RuntimeError:
                pass

        def test_suppress():
            with contextlib.suppress(MissingRecordingError):
                shop.fetch("Oslo")

        def test_stream():
            with pytest.raises(MissingRecordingError):
                next(shop.stream("Oslo"))

        def helper():
            try:
                return shop.fetch("Oslo")
            except Exception:
                return "offline"

        def test_helper():
            assert helper() == "offline"

        @pytest.fixture
        def offline():
            return helper()

        def test_fixture(offline):
            assert offline == "offline"

        def test_task():
            async def one():
                try:
                    await shop.fetch_async("Oslo")
                except MissingRecordingError:
                    return "handled"
            async def main():
                return await asyncio.gather(one())
            assert asyncio.run(main()) == ["handled"]

        def test_future():
            with ThreadPoolExecutor(1) as pool, pytest.raises(MissingRecordingError):
                pool.submit(shop.fetch, "Oslo").result()

        def test_async_through_run():
            with pytest.raises(MissingRecordingError):
                asyncio.run(shop.fetch_async("Oslo"))

        class TestIt:
            def test_method(self):
                with pytest.raises(MissingRecordingError):
                    shop.fetch("Oslo")

        class TestCase(unittest.TestCase):
            def test_method(self):
                with self.assertRaises(MissingRecordingError):
                    shop.fetch("Oslo")

        @mimic("shop:deeper")
        def test_decorated():
            with pytest.raises(MissingRecordingError):
                shop.deeper("Oslo")
    """)

    project.run().expect(passed=14, real=[])


def test_a_doctests_own_code_is_its_examples(project):
    """The examples may handle or expect a miss. The module that contains them is the code under test."""
    project.conftest("")
    project.module("""
        def fetch(city):
            return city

        def bare(city):
            '''
            >>> bare("Oslo")
            '''
            try:
                return fetch(city)
            except Exception:
                return None

        def handled():
            '''
            >>> try:
            ...     fetch("Oslo")
            ... except RuntimeError:
            ...     print("offline")
            offline
            '''

        def expected():
            '''
            >>> fetch("Oslo")
            Traceback (most recent call last):
            pytest_mimic.MissingRecordingError: no recording of shop:fetch(city='Oslo')
              nothing of shop:fetch is recorded
              to record it: pytest --mimic-record shop.py::shop.expected
            '''
    """)

    project.run("--doctest-modules").expect(
        passed=2,
        failed=1,
        says=["FAILED shop.py::shop.bare", "passed only because", "was swallowed"],
    )


def test_a_miss_handled_in_a_conftest_is_swallowed(project):
    project.conftest("""
        import pytest, shop

        @pytest.fixture
        def city():
            try:
                return shop.fetch("Oslo")
            except Exception:
                return None
    """)
    project.tests("def test_it(city):\n    assert city is None\n")

    project.run().expect(errors=1, says=["a missing recording was swallowed"])


GROUPS = (
    SHOP
    + """
    def both(city):
        errors = []
        for one in (city, city * 2):
            try:
                fetch(one)
            except Exception as error:
                errors.append(error)
        raise ExceptionGroup("both", [ValueError(city), ExceptionGroup("inner", errors)])

    async def grouped(city):
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch_async(city))

    def quiet(city):
        try:
            try:
                both(city)
            finally:
                logging.getLogger("shop").debug("done")
        except* Exception:
            pass

    async def quiet_async(city):
        try:
            await grouped(city)
        except ExceptionGroup:
            pass
"""
)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no exception groups")
@pytest.mark.parametrize("call", ["shop.quiet('Oslo')", "asyncio.run(shop.quiet_async('Oslo'))"])
def test_a_miss_in_a_swallowed_exception_group_fails(project, call):
    project.ini("shop:fetch", "shop:fetch_async")
    project.module(GROUPS)
    project.test(call)

    project.run().expect(failed=1, says=["passed only because a missing recording was swallowed"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no exception groups")
def test_a_miss_raised_again_from_its_group_can_be_handled(project):
    """Catching the group alone does not count as handling the misses in it."""
    project.ini("shop:fetch", "shop:fetch_async")
    project.module(GROUPS)
    project.tests("""
        import asyncio
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        def test_group():
            with pytest.raises(ExceptionGroup):
                asyncio.run(shop.grouped("Oslo"))

        def test_member():
            with pytest.raises(MissingRecordingError):
                try:
                    asyncio.run(shop.grouped("Oslo"))
                except ExceptionGroup as group:
                    raise group.exceptions[0]
    """)

    project.run().expect(passed=1, failed=1, says=["FAILED test_shop.py::test_group"])


def test_a_swallowed_miss_beside_other_outcomes(project):
    """Of a fixture, only the phase is an error. A miss that nobody swallows is an expected failure, too."""
    project.tests("""
        import unittest
        import pytest, shop

        @pytest.fixture
        def before():
            shop.bare("before")

        @pytest.fixture
        def after():
            yield
            shop.bare("after")

        def test_before(before):
            pass

        def test_after(after):
            pass

        def test_own_failure():
            assert shop.bare("Bonn") == "Bonn"

        def test_skip():
            if shop.bare("Oslo") is None:
                pytest.skip("shop is down")

        def test_unittest_skip():
            shop.bare("Oslo")
            raise unittest.SkipTest("shop is down")

        @pytest.mark.skip(reason="not yet")
        def test_marked():
            shop.bare("Oslo")

        @pytest.mark.xfail(reason="known", strict=False)
        def test_swallowed():
            shop.bare("Oslo")

        @pytest.mark.xfail(reason="known", strict=False)
        def test_raised():
            shop.fetch("Oslo")

        @pytest.mark.xfail(reason="known", strict=False)
        def test_failed():
            assert shop.bare("Oslo") == "Oslo"

        @pytest.mark.xfail(raises=KeyError, strict=False)
        def test_other():
            shop.bare("Oslo")

        def test_two():
            shop.bare("Bergen"), shop.bare("Rome")
    """)

    run = project.run().expect(passed=1, failed=5, errors=2, skipped=1, xfailed=3, real=[])

    for test in ("ERROR test_shop.py::test_before", "ERROR test_shop.py::test_after"):
        assert test in run.output
    reports = dict(re.findall(r"^_+ (\w+) _+$(.*?)(?=^[_=]{3})", run.output, re.MULTILINE | re.DOTALL))
    assert "AssertionError: assert None == 'Bonn'" in reports["test_own_failure"]
    assert "no recording of shop:fetch(city='Bonn')" in reports["test_own_failure"]
    assert "passed only because" not in reports["test_own_failure"]
    for test in ("test_skip", "test_unittest_skip"):
        assert "was skipped after a missing recording was swallowed" in reports[test]
    assert "passed only because" in reports["test_other"]
    for city in ("Bergen", "Rome"):
        assert f"no recording of shop:fetch(city='{city}')" in reports["test_two"]
    assert "11 calls missing" in run.section[0]


REFUSALS = """
    import threading

    def lock(lock):
        return 1

    def give_lock():
        return threading.Lock()

    def fill(rows):
        rows.append(1)

    async def give_lock_async():
        return threading.Lock()

    def locks():
        yield 1
        yield threading.Lock()

    def quietly(function, *args):
        try:
            return function(*args)
        except Exception:
            return None

    def read(function):
        return quietly(list, function())
"""


REFUSED = {
    "quietly(shop.lock, threading.Lock())": "an UnstableIdentityError",
    "quietly(shop.give_lock)": "an UnstorableOutcomeError",
    "quietly(asyncio.run, shop.give_lock_async())": "an UnstorableOutcomeError",
    "read(shop.locks)": "an UnstorableOutcomeError",
    "quietly(shop.fill, [])": "a MutatedInputError",
}


def test_a_swallowed_refusal_to_record_fails(project):
    """Without a recording, the next run would fail with a miss. The test's own file may handle one."""
    project.ini("shop:lock", "shop:give_lock", "shop:give_lock_async", "shop:locks", "shop:fill")
    project.module(REFUSALS)
    tests = [f"def test_{number}():\n    shop.{call}\n" for number, call in enumerate(REFUSED)]
    project.tests(HANDLED + "\n".join(tests))

    run = project.record().expect(passed=1, failed=len(REFUSED))

    assert re.findall(r"\npassed only because (.*) was swallowed", run.output) == [*REFUSED.values()]


HANDLED = """
import asyncio, threading
import pytest, shop
from pytest_mimic import UnstableIdentityError, UnstorableOutcomeError

def test_handled():
    with pytest.raises(UnstableIdentityError):
        shop.lock(threading.Lock())
    with pytest.raises(UnstorableOutcomeError):
        shop.give_lock()

"""


@pytest.mark.parametrize("value", ["city", "{city}", "[{city}] * 9999"])
def test_a_swallowed_damaged_recording_fails(project, value):
    project.module(SHOP.replace("return city\n\n    async", f"return {value}\n\n    async", 1))
    project.test("shop.bare('Oslo')")
    recorded = project.record().expect(passed=1)
    for name in recorded.vault:
        kind = "objects/" if "* 9999" in value else "calls/"
        if name.startswith(kind):
            (project.vault / name).write_bytes(b"{}")

    project.replay().expect(failed=1, says=["passed only because a CorruptRecordingError was swallowed"])


FORKING = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city

    def safe(city):
        try:
            return fetch(city)
        except Exception:
            return None

    def pool():
        return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork"))

    def inside(cities):
        with pool() as workers:
            return list(workers.map(safe, cities))

    def outside(cities):
        try:
            with pool() as workers:
                return list(workers.map(fetch, cities))
        except Exception:
            return None

    def raising(cities):
        with pool() as workers:
            return list(workers.map(fetch, cities))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    "test", ["shop.inside(['Oslo', 'Rome'])", "shop.outside(['Oslo'])", "shop.raising(['Oslo'])"]
)
def test_a_miss_in_a_forked_process_fails_the_test(project, test):
    """A pool's worker or the code that gets its error may swallow it."""
    project.ini("shop:fetch", filterwarnings="ignore:.*multi-threaded:DeprecationWarning")
    project.module(FORKING)
    project.tests(f"import shop\n\ndef test_it():\n    {test}\n\ndef test_other():\n    pass\n")

    run = project.run("-p", "no:randomly", process=True).expect(real=[], passed=1, failed=1)

    swallowed = "raising" not in test
    assert ("passed only because a missing recording was swallowed" in run.output) == swallowed
    assert "no recording of shop:fetch(city='Oslo')" in run.output
