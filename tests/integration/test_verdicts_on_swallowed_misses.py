"""Section 5, misses: those that are swallowed, and the waits after them.

A miss fails its test even if the code under test catches it. A miss that the test's own
file handles is deliberate.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from textwrap import dedent, indent

import pytest

FETCH = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city

    async def fetch_async(city):
        ran("fetch_async", city)
        return city
"""
SHOP = (
    FETCH
    + """
    import logging
    from concurrent.futures import ThreadPoolExecutor

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
)
TARGETS = ["shop:fetch"]


@pytest.mark.must
def test_a_miss_swallowed_by_the_code_under_test_fails(project):
    project.ini("shop:fetch", "shop:fetch_async", "shop:stream")
    project.tests("""
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

    run = project.run().expect(
        failed=12, real=[], never=["pytest_mimic/", "Traceback", "INTERNALERROR"]
    )

    places = re.findall(
        r"\npassed only because a missing recording was swallowed(?: in (\S+))?\n",
        run.output,
    )
    source = Path(project.root, "shop.py").read_text("utf-8").splitlines()
    caught = [
        source[int(place.removeprefix("shop.py:")) - 1].strip()
        for place in places
        if place
    ]
    assert len(places) == 12
    assert places.count("") == 4  # the standard library caught these
    assert {line for line in caught if "city)" not in line} == set()
    assert "12 calls missing" in run.section[0]


# Bodies of tests that handle a miss in the test's own file. Each test of these passes,
# and the summary lists its miss.
HANDLED = {
    "raises": "with pytest.raises(RuntimeError, match='no recording of shop:fetch'): shop.fetch(city)",
    "raises through the code under test": "with pytest.raises(MissingRecordingError): shop.deeper(city)",
    "raises with a function": "pytest.raises(MissingRecordingError, shop.deeper, city)",
    "try": "try: shop.fetch(city)\nexcept RuntimeError: pass",
    "suppress": "with contextlib.suppress(MissingRecordingError): shop.fetch(city)",
    "stream": "with pytest.raises(MissingRecordingError): next(shop.stream(city))",
    "helper": "assert helper(city) == 'offline'",
    "fixture": "assert request.getfixturevalue('offline') == 'offline'",
    "task": "assert asyncio.run(gathered(city)) == ['offline']",
    "future": "with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError): pool.submit(shop.fetch, city).result()",
    "run": "with pytest.raises(RuntimeError): asyncio.run(shop.fetch_async(city))",
    "unittest": "with unittest.TestCase().assertRaises(RuntimeError): shop.fetch(city)",
}


def test_a_miss_handled_in_the_tests_own_file_is_deliberate(project):
    """It passes, and the summary still lists the miss.

    A test beside it, whose code catches `Exception`, fails.
    """
    project.ini("shop:fetch", "shop:fetch_async", "shop:stream")
    head = """
        import asyncio, contextlib, unittest
        from concurrent.futures import ThreadPoolExecutor
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        def helper(city):
            try:
                return shop.fetch(city)
            except Exception:
                return "offline"

        async def one(city):
            try:
                await shop.fetch_async(city)
            except MissingRecordingError:
                return "offline"

        async def gathered(city):
            return await asyncio.gather(one(city))

        @pytest.fixture
        def offline():
            return helper("fixture")

        def test_swallowed():
            shop.bare("Oslo")
    """
    tests = [
        f"def test_{name.replace(' ', '_')}(request):\n    city = '{name}'\n{indent(body, '    ')}\n"
        for name, body in HANDLED.items()
    ]
    project.tests("\n".join([dedent(head), *tests]))

    run = project.run("-p", "no:randomly").expect(
        passed=len(HANDLED), failed=1, real=[]
    )

    assert "FAILED test_shop.py::test_swallowed" in run.output
    assert run.section[0] == f"{len(HANDLED) + 1} calls missing"
    listed = [line.split()[-1] for line in run.section if line.startswith("  shop:")]
    names = ["swallowed", *(name.replace(" ", "_") for name in HANDLED)]
    assert listed == [f"test_shop.py::test_{name}" for name in names[: len(listed)]]


@pytest.mark.must
def test_equal_misses_at_one_moment_are_counted(project):
    project.ini("shop:fetch")
    project.tests("""
        from concurrent.futures import ThreadPoolExecutor

        import pytest, shop

        def handled(city, start):
            start.wait()
            try:
                shop.fetch(city)
            except RuntimeError:
                return "offline"

        def test_it():
            sys.setswitchinterval(1e-6)  # Each step may be one at which threads change.
            with ThreadPoolExecutor(8) as pool:
                for city in range(100):
                    start = threading.Barrier(8)
                    calls = [pool.submit(handled, city, start) for _ in range(8)]
                    assert {call.result() for call in calls} == {"offline"}
            sys.setswitchinterval(0.005)
    """)

    run = project.run().expect(passed=1, real=[])

    assert "100 calls missing" in run.section[0]


def test_a_doctests_own_code_is_its_examples(project):
    """The examples may handle or expect a miss.

    The module that contains them is the code under test.
    """
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
              the vault .mimic_vault does not exist
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
        @pytest.fixture
        def city():
            try:
                return shop.fetch("Oslo")
            except Exception:
                return None
    """)
    project.tests("def test_it(city):\n    assert city is None\n")

    project.run().expect(errors=1, says=["a missing recording was swallowed"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no exception groups")
def test_a_miss_in_a_swallowed_exception_group_fails(project):
    """Catching the group does not count as handling the misses in it.

    One that is raised again from it can be handled.
    """
    project.ini("shop:fetch", "shop:fetch_async")
    project["groups.py"] = """
        async def grouped(city):
            async with asyncio.TaskGroup() as group:
                group.create_task(shop.fetch_async(city))

        def quiet(city):
            try:
                try:
                    shop.fetch(city)
                except Exception as error:
                    raise ExceptionGroup("both", [ValueError(city), ExceptionGroup("inner", [error])])
            except* Exception:
                pass

        async def quiet_async(city):
            try:
                await grouped(city)
            except ExceptionGroup:
                pass
    """
    project.tests("""
        import groups, pytest
        from pytest_mimic import MissingRecordingError

        def test_quiet():
            groups.quiet("Oslo")

        def test_quiet_async():
            asyncio.run(groups.quiet_async("Oslo"))

        def test_group():
            with pytest.raises(ExceptionGroup):
                asyncio.run(groups.grouped("Oslo"))

        def test_member():
            with pytest.raises(MissingRecordingError):
                try:
                    asyncio.run(groups.grouped("Oslo"))
                except ExceptionGroup as group:
                    raise group.exceptions[0]
    """)

    run = project.run().expect(passed=1, failed=3)

    assert (
        run.output.count("\npassed only because a missing recording was swallowed") == 3
    )


def test_a_swallowed_miss_beside_other_outcomes(project):
    """Of a fixture, only the phase is an error.

    A miss that nobody swallows is an expected failure, too.
    """
    project.tests("""
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

        @pytest.mark.xfail(reason="known", strict=False)
        def test_swallowed():
            shop.bare("Oslo")

        @pytest.mark.xfail(reason="known", strict=True)
        def test_strict():
            shop.bare("Rome")

        @pytest.mark.xfail(reason="known", strict=False)
        def test_raised():
            shop.fetch("Oslo")

        @pytest.mark.xfail(raises=KeyError, strict=False)
        def test_other():
            shop.bare("Oslo")

    """)

    run = project.run().expect(passed=1, failed=3, errors=2, xfailed=3, real=[])

    for test in ("ERROR test_shop.py::test_before", "ERROR test_shop.py::test_after"):
        assert test in run.output
    reports = dict(
        re.findall(
            r"^_+ (\w+) _+$(.*?)(?=^[_=]{3})", run.output, re.MULTILINE | re.DOTALL
        )
    )
    assert "AssertionError: assert None == 'Bonn'" in reports["test_own_failure"]
    assert "no recording of shop:fetch(city='Bonn')" in reports["test_own_failure"]
    assert "passed only because" not in reports["test_own_failure"]
    assert "was skipped after a missing recording was swallowed" in reports["test_skip"]
    assert "passed only because" in reports["test_other"]
    assert "8 calls missing" in run.section[0]


REFUSALS = """
    def lock(lock):
        return 1

    def give_lock():
        return threading.Lock()

    def fill(rows):
        rows.append(1)

    def quietly(function, *args):
        try:
            return function(*args)
        except Exception:
            return None

"""


def test_a_swallowed_refusal_to_record_fails(project):
    """Without a recording, the next run would fail with a miss.

    The test's own file may handle one.
    """
    project.ini("shop:lock", "shop:give_lock", "shop:fill")
    project.module(REFUSALS)
    project.tests("""
        from pytest_mimic import UnstableIdentityError, UnstorableOutcomeError

        def test_handled():
            with pytest.raises(UnstableIdentityError):
                shop.lock(threading.Lock())
            with pytest.raises(UnstorableOutcomeError):
                shop.give_lock()

        def test_argument():
            shop.quietly(shop.lock, threading.Lock())

        def test_outcome():
            shop.quietly(shop.give_lock)

        def test_change():
            shop.quietly(shop.fill, [])
    """)

    run = project.record().expect(passed=1, failed=3)

    assert re.findall(r"\npassed only because (.*) was swallowed", run.output) == [
        "UnstableIdentityError",
        "UnstorableOutcomeError",
        "MutatedInputError",
    ]


def test_a_swallowed_damaged_recording_fails(project):
    project.test("shop.bare('Oslo')")
    project.record().expect(passed=1)
    project.file_of("shop:fetch").write_bytes(b"{}")

    project.replay().expect(
        failed=1, says=["passed only because CorruptRecordingError was swallowed"]
    )


FORKING = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    def fetch(city):
        ran("fetch", city)
        return city

    def safe(city):
        try:
            return fetch(city)
        except Exception:
            return None

    def inside(cities):
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(2, mp_context=context) as workers:
            return list(workers.map(safe, cities))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
def test_a_miss_in_a_forked_process_fails_the_test(project):
    """Though a pool's worker has swallowed it."""
    project.ini(
        "shop:fetch", filterwarnings="ignore:.*multi-threaded:DeprecationWarning"
    )
    project.module(FORKING)
    project.tests("""
        def test_it():
            shop.inside(["Oslo", "Rome"])

        def test_other():
            pass
    """)

    run = project.run("-p", "no:randomly", process=True).expect(
        real=[],
        passed=1,
        failed=1,
        says=[
            "passed only because a missing recording was swallowed",
            "no recording of shop:fetch(city='Oslo')",
        ],
    )

    assert "  shop:fetch(city='Oslo')    test_shop.py::test_it" in run.section


# -- after a miss no code waits because of it; the waits that must not happen take an
# hour


WAITING = (
    FETCH
    + """
    HOUR = 3600

    class ShopError(Exception):
        pass

    def three_times(city):
        for _ in range(3):
            try:
                return fetch(city)
            except Exception:
                time.sleep(HOUR)
        raise ShopError

    async def alone(city):
        for _ in range(3):
            try:
                return await fetch_async(city)
            except Exception:
                await asyncio.sleep(delay=0)
                await asyncio.sleep(HOUR)
        raise ShopError

    async def gathered(city):
        return await asyncio.gather(alone(city), alone(city))

    def endless(city):
        while True:
            try:
                return fetch(city)
            except Exception:
                time.sleep(HOUR)
"""
)


def test_code_that_tries_again_does_not_wait(project):
    project.ini("shop:fetch", "shop:fetch_async")
    project.module(WAITING)
    project.tests("""
        @pytest.mark.parametrize("call", [
            lambda: shop.three_times("Oslo"),
            lambda: asyncio.run(shop.gathered("Oslo")),
        ])
        def test_it(call):
            call()

        def test_endless():
            shop.endless("Oslo")
    """)

    run = project.run(process=True)

    run.expect(
        failed=3,
        real=[],
        says=["the same missing call was made 1,000 times, so the test is ended"],
        never=["pytest_mimic/"],
    )
    assert run.section[0].startswith("3 calls missing"), run.output


@pytest.mark.parametrize("options", [(), ("--tb=short",), ("--tb=line",), ("-n", "1")])
def test_a_failure_after_a_swallowed_miss_leads_with_it(project, options):
    """As a view of Flask or Django makes an answer with 500 of it."""
    project.ini("shop:fetch")
    project.module("""
        def fetch(city):
            return {"city": city}

        def view(city):
            try:
                return fetch(city)["city"]
            except Exception:
                return None
    """)
    project.test("assert shop.view('Oslo')[0] == 'O'")

    report = project.root / "junit.xml"
    process = "-n" in options
    run = project.run(*options, f"--junitxml={report}", process=process).expect(
        failed=1
    )

    lead = "MissingRecordingError: no recording of shop:fetch(city='Oslo')"
    assert f"- {lead[:60]}" in run.output or f"{lead} (then " in run.output
    assert "MissingRecordingError: no recording of shop:fetch" in report.read_text()
    if "--tb=line" not in options:
        whole = run.output
        own = "TypeError: 'NoneType' object is not subscriptable"
        assert whole.index(f"E   {lead}") < whole.index(own)
