"""How a call ends that comes to no whole outcome: it is cancelled, or its test ends before it."""

from __future__ import annotations

import threading
from textwrap import dedent, indent

import pytest
from support import loopback

# The functions of a service whose first call hangs, and whose later calls answer.
SHOP = """
    import asyncio
    from tally import ran

    calls = [0]

    async def price(name):
        ran("price", name)
        calls[0] += 1
        number = calls[0]
        if number == 1:
            await asyncio.Event().wait()
        return number

    async def ticks(name):
        ran("ticks", name)
        for number in range(3):
            yield number
        await asyncio.Event().wait()

    def numbers():
        ran("numbers")
        yield from range(5)
"""

# Tests whose first try is too slow, with three ways to cancel it.
RETRY = """
    import anyio, httpx, trio

    PATIENCE = float(os.environ["PATIENCE"])

    async def get(way):
        async with httpx.AsyncClient() as client:
            answer = await client.get(os.environ["API"] + "/hang_first?way=" + way)
            return answer.status_code

    async def by_asyncio(seconds):
        return await asyncio.wait_for(get("asyncio"), seconds)

    async def by_anyio(seconds):
        with anyio.fail_after(seconds):
            return await get("anyio")

    async def by_trio(seconds):
        with trio.fail_after(seconds):
            return await get("trio")

    async def main(tried):
        for number, seconds in enumerate([PATIENCE, 60]):
            try:
                return number, await tried(seconds)
            except (asyncio.TimeoutError, TimeoutError, trio.TooSlowError):
                pass

    def test_it():
        assert asyncio.run(main(by_asyncio)) == (1, 200)
        assert anyio.run(main, by_anyio) == (1, 200)
        assert trio.run(main, by_trio) == (1, 200)
"""


def test_a_cancelled_request_keeps_its_place(project, server):
    """A retry is replayed as a retry."""
    project.ini("http")
    project.tests(RETRY)

    project.record(env={"PATIENCE": "0.5"}).expect(
        passed=1, says=["6 calls recorded"], never=["not recorded"]
    )

    server.stop()
    replayed = project.replay(env={"PATIENCE": "0.25"})

    replayed.expect(passed=1, says=["6 calls replayed"])


FUNCTION = """
async def tried(call):
    task = asyncio.ensure_future(call)
    await asyncio.wait([task], timeout=0.3)
    if not task.done():
        task.cancel()
        await asyncio.wait([task])
        return "slow"
    return task.result()

def test_it():
    async def main():
        return [await tried(shop.price("a")) for _ in range(3)]
    assert asyncio.run(main()) == {want}
"""


def test_a_cancelled_function_of_a_sequence_keeps_its_place(project):
    project.ini("shop:price sequence")
    project.tests(FUNCTION.format(want="['slow', 2, 3]"))

    project.round_trip(passed=1, real=["price a"] * 3)


def test_a_cancelled_function_without_a_place_is_not_recorded(project):
    """One recording serves all of its calls."""
    project.ini("shop:price")
    project.tests(FUNCTION.format(want="['slow', 2, 2]"))

    project.record().expect(
        passed=1,
        says=[
            "shop:price(name='a') was cancelled: not recorded, a replay will miss it"
        ],
    )

    project.replay().expect(failed=1, real=[])


def test_the_place_of_a_cancelled_call_stays_empty_where_its_test_fails(project):
    """A replay that comes to it is a miss, and nothing moves up."""
    project.ini("shop:price sequence")
    project.tests(FUNCTION.format(want="['slow', 2, 'never']"))
    project.record().expect(failed=1, real=["price a"] * 3)
    assert project.command("check").out.startswith(".mimic_vault is sound")
    project.tests(FUNCTION.format(want="['slow', 2, 3]"))

    project.replay().expect(
        failed=1,
        real=[],
        says=["no recording of shop:price(name='a')", "gave nothing that was kept"],
    )

    project.run("--mimic-rerecord").expect(passed=1, real=["price a"] * 3)
    project.replay().expect(passed=1, real=[])


@pytest.mark.rare
def test_a_call_that_nobody_cancels_any_more_is_a_miss(project):
    """It waits twice as long as when it was recorded, and five seconds more."""
    project.ini("shop:price sequence")
    project.tests(FUNCTION.format(want="['slow', 2, 3]"))
    project.record().expect(passed=1)
    project.test('asyncio.run(shop.price("a"))')

    project.replay().expect(
        failed=1,
        real=[],
        says=[
            "shop:price(name='a') was cancelled after 0.3 s when it was recorded,"
            " and is not cancelled now",
            "--mimic-rerecord test_shop.py::test_it",
        ],
    )


def test_an_answer_that_comes_before_the_cancellation_is_no_drift(project):
    project.ini("shop:price sequence")
    project.tests(FUNCTION.format(want="['slow', 2, 3]"))
    project.record().expect(passed=1)
    project.module(SHOP.replace("await asyncio.Event().wait()", "pass", 1))

    project.run("--mimic-verify").expect(passed=1, real=["price a"] * 3)


# Requests that are given up before they are answered, or open when their test ends;
# what the client is given of them counts in both. The server answers with a head or
# nothing, and in a run that verifies so, or at once.
GIVEN_UP = """
    import asyncio, os
    import pytest, {library}

    @pytest.mark.parametrize("way", ["head/as_before", "head/now", "nothing/as_before", "nothing/now"])
    def test_it(way):
        url = os.environ["API"] + "/" + way
        answers = []

        async def ask():
            {ask}
            answers.append("an answer")

        async def main():
            task = asyncio.ensure_future(ask())
            await asyncio.wait([task], timeout=0.3)
            assert not answers
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(main())
        assert not answers
"""
BY_HTTPX = "async with httpx.AsyncClient() as client: await client.get(url)"
BY_AIOHTTP = """async with aiohttp.ClientSession() as client:
                async with client.get(url) as answer: await answer.read()"""
LEFT_IN_A_THREAD = """
    import os, sys, threading
    import pytest, requests

    @pytest.mark.parametrize("way", ["head/as_before", "head/now", "nothing/as_before", "nothing/now"])
    def test_it(way):
        url = os.environ["API"] + "/" + way
        thread = threading.Thread(target=requests.get, args=[url], daemon=True)
        thread.start()
        while sys._current_frames()[thread.ident].f_code.co_name not in ("readinto", "wait"):
            thread.join(0.01)
        thread.join(0.3)
        assert thread.is_alive()
"""


class Late(loopback.Handler):
    """Answers at once, or only when the server ends, with its head or nothing before."""

    def do_GET(self):
        _, before, now = self.path.split("/")
        if not (self.server.is_verified and now == "now"):
            if before == "head":
                self.begin(200, "text/plain", Content_Length="20")
                self.wfile.write(b"the begin")
                self.wfile.flush()
            self.server.over.wait(30)
        self.answer(200, "the beginning, and all")


def test_a_request_that_was_cut_short_is_verified(project):
    project.ini("http")
    for library, ask in (("httpx", BY_HTTPX), ("aiohttp", BY_AIOHTTP)):
        project.write(f"test_{library}.py", GIVEN_UP.format(library=library, ask=ask))
    project.write("test_thread.py", LEFT_IN_A_THREAD)
    server = loopback.Server(Late)
    server.is_verified, server.over = False, threading.Event()
    with project.shop(server):
        project.record().expect(passed=12, says=["12 calls of 12 tests recorded"])
        server.is_verified = True
        verified = project.run("--mimic-verify")
        server.over.set()
    verified.expect(passed=12, says=["12 calls", " verified"], never=["drifted"])


ANSWERS = {"a value": "return number", "an error": 'raise KeyError("price")'}


@pytest.mark.parametrize("form", ANSWERS)
def test_a_function_that_ends_before_its_cancellation_still_waits(project, form):
    project.ini("shop:price sequence")
    project.test("""
        try:
            asyncio.run(asyncio.wait_for(shop.price("a"), 0.3))
        except asyncio.TimeoutError:
            return
        assert False
    """)
    project.record().expect(passed=1)
    now = SHOP.replace("if number == 1:", "if True:")
    project.module(now.replace("await asyncio.Event().wait()", ANSWERS[form], 1))

    project.run("--mimic-verify").expect(passed=1, says=["1 call verified"])


def test_a_stream_that_is_cancelled_gives_its_items_and_waits(project):
    project.ini("shop:ticks sequence")
    project.test("""
        got, have_come = [], asyncio.Event()
        async def read():
            async for item in shop.ticks("a"):
                got.append(item)
                if len(got) == 3:
                    have_come.set()
        async def main():
            task = asyncio.ensure_future(read())
            await asyncio.wait_for(have_come.wait(), 60)
            await asyncio.wait([task], timeout=0.1)
            assert not task.done()
            task.cancel()
            await asyncio.wait([task])
        asyncio.run(main())
        assert got == [0, 1, 2]
    """)

    project.round_trip(passed=1, real=["ticks a"])


def test_a_generator_that_outlives_its_test_is_recorded_as_far_as_it_was_read(project):
    project.ini("shop:numbers sequence")
    project.tests("""
        kept = []

        def test_it():
            kept.append(shop.numbers())
            assert [next(kept[0]), next(kept[0])] == [0, 1]

        def test_later():
            assert next(kept[0]) == 2
            assert [*shop.numbers()] == [0, 1, 2, 3, 4]
    """)

    project.record("-k", "test_it or test_later").expect(passed=2, real=["numbers"] * 2)

    project.replay("-k", "test_it").expect(passed=1, real=[], deselected=1)


# Tests that leave an exchange open, and what they see of it. The server answers 503,
# 503, 200.
OPEN = {
    "httpx": """
        client = httpx.Client()
        request = client.build_request("GET", URL)
        kept.append(client.send(request, stream=True))
        assert kept[0].status_code == 503
    """,
    "requests": """
        kept.append(requests.get(URL, stream=True))
        assert kept[0].status_code == 503
    """,
    "http.client": """
        host = urllib.parse.urlsplit(URL)
        kept.append(http.client.HTTPConnection(host.netloc))
        kept[0].request("GET", host.path)
        kept.append(kept[0].getresponse())
        assert kept[1].status == 503
    """,
    "aiohttp": """
        async def main():
            session = aiohttp.ClientSession()
            kept.append(session)
            kept.append(await session.get(URL))
            assert kept[1].status == 503
        LOOP.run_until_complete(main())
    """,
}
LEFT_OPEN = """
import asyncio, gc, http.client, os, urllib.parse
import aiohttp, httpx, requests

URL = os.environ["API"] + "/flaky"
LOOP = asyncio.new_event_loop()
kept = []

def test_it():
{body}
    assert requests.get(URL).status_code == 503

def test_second():
    for response in kept[::-1]:
        closed = response.close()
        if asyncio.iscoroutine(closed):
            LOOP.run_until_complete(closed)
    kept.clear()
    LOOP.close()
    gc.collect()
    assert {second}
"""


@pytest.mark.parametrize("form", OPEN)
def test_an_exchange_that_is_open_at_the_end_of_its_test_belongs_to_it(
    project, server, form
):
    """Also if a later test closes it and fails."""
    project.ini("http")
    body = indent(dedent(OPEN[form]), "    ")
    project.tests(LEFT_OPEN.format(body=body, second="False"))

    project.record().expect(passed=1, failed=1, says=["2 calls recorded"])

    server.stop()
    project.replay("-k", "test_it").expect(
        passed=1, deselected=1, says=["2 calls replayed"]
    )
    calls = project.calls()
    assert {call.owner for call in calls} == {"test_shop.py::test_it"}
    # All of a short answer has come to aiohttp, whether it is read or not.
    assert "open" in [call.end for call in calls] or form == "aiohttp"


def test_a_stream_of_a_module_fixture_ends_with_the_module(project, server):
    project.ini("http")
    project.tests("""
        kept = []

        @pytest.fixture(scope="module")
        def feed():
            client = httpx.Client()
            request = client.build_request("GET", os.environ["API"] + "/stall")
            response = client.send(request, stream=True)
            kept.extend([response, client])
            return response.iter_raw()

        def test_first(feed):
            assert next(feed) == b"the beginning"

        def test_second(feed):
            assert feed is not None
    """)
    project.record().expect(passed=2, never=["not recorded"])
    server.stop()

    project.replay().expect(passed=2, never=["missing"])


def test_a_thread_that_waits_is_released_when_its_test_has_ended(project, server):
    """By an error of which pytest is not told."""
    project.ini("http")
    project.tests("""
        URL = os.environ["API"] + "/hang"
        # The thread of the recording run may go on when the replay has begun.
        IS_OVER = "OVER" in os.environ
        WAITING = ("readinto", "wait")
        asked, errors = threading.Event(), []

        def ask():
            asked.set()
            try:
                requests.get(URL)
            except BaseException as error:
                errors.append(error)
                if IS_OVER:
                    raise

        thread = threading.Thread(target=ask, daemon=True)

        def test_it():
            thread.start()
            asked.wait()
            # Until it waits for its socket, or in a replay for the end of this test.
            while sys._current_frames()[thread.ident].f_code.co_name not in WAITING:
                thread.join(0.01)
            assert not errors

        def test_second():
            if IS_OVER:
                thread.join()
                assert len(errors) == 1
    """)
    project.record().expect(passed=2, says=["1 call recorded"])
    server.stop()

    project.replay(env={"OVER": "1"}).expect(passed=2)


def test_a_thread_may_go_on_with_calls_while_its_test_ends(project):
    """Outcomes of a failed test are taken back, each by the disk."""
    project.ini("shop:compute")
    project.module("""
        def compute(number):
            raise LookupError
    """)
    project.tests("""
        from contextlib import suppress

        is_over, has_many = threading.Event(), threading.Event()

        def go_on():
            for number in itertools.count():
                with suppress(LookupError):
                    shop.compute(number)
                if number > 20:
                    has_many.set()
                if is_over.is_set():
                    return

        thread = threading.Thread(target=go_on)

        def test_it():
            thread.start()
            has_many.wait()
            raise LookupError

        def test_second():
            is_over.set()
            thread.join()
    """)
    project.record().expect(failed=1, passed=1, never=["RuntimeError"])


# A thread whose call is open at the end of its test, and which tries again by itself. A
# real attempt ends soon, and leaves a thread that goes on for the next test.
ASKING = """
URL = os.environ["API"]
threads = []

def ask(page):
    threads.append(threading.get_ident())
    for _ in range(3):
        try:
            return requests.get(URL + page, timeout=0.3).text
        except requests.ConnectionError:
            pass
        except requests.Timeout:
            break

def wait_until_it_waits():
    while not threads:
        pass
    while sys._current_frames()[threads[0]].f_code.co_name not in ("readinto", "wait"):
        pass
"""


def test_a_thread_of_a_pool_makes_the_calls_of_later_tests(project, server):
    """Though it waited for the end of an earlier test; its fixture may wait for it."""
    project.ini("http")
    project.write("asking.py", ASKING)
    project.tests("""
        from concurrent.futures import ThreadPoolExecutor
        from asking import ask, wait_until_it_waits

        @pytest.fixture(scope="module")
        def pool():
            pool = ThreadPoolExecutor(1)
            yield pool
            assert pool.submit(str).result(5) == ""
            pool.shutdown(wait=False)

        def test_it(pool):
            pool.submit(ask, "/hang")
            wait_until_it_waits()

        def test_second(pool):
            assert "Zo" in pool.submit(ask, "/users").result(5)
    """)
    project.record().expect(passed=2, says=["2 calls recorded"])
    server.stop()

    project.replay().expect(passed=2, says=["2 calls replayed"])


def test_a_thread_that_tries_again_sends_nothing_after_the_run(project, server):
    project.ini("http")
    project.write("asking.py", ASKING)
    project.tests("""
        from asking import ask, wait_until_it_waits

        def test_it():
            threading.Thread(target=ask, args=["/hang"]).start()
            wait_until_it_waits()
    """)
    project.record(process=True).expect(passed=1, says=["1 call recorded"])
    assert server.seen == ["GET /hang"]

    project.replay(process=True).expect(passed=1)

    assert server.seen == ["GET /hang"]


# The ways in which plugins make a new attempt: the plugin that is loaded, and what a
# conftest.py does in the way of another one.
ATTEMPTS = {
    "pytest-rerunfailures": (["rerunfailures"], ""),
    # The whole protocol again, as flaky does it.
    "protocol": (
        [],
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_protocol(item, nextitem):
            for left in range(5, -1, -1):
                item._initrequest()
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
                if left == 0 or not any(report.failed for report in reports):
                    break
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            return True
        """,
    ),
    # The phases again, before the test is reported, as pytest-retry does it.
    "phases": (
        [],
        """
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if call.when != "call":
                return report
            hook = item.ihook
            for _ in range(5):
                if not report.failed:
                    break
                hook.pytest_runtest_teardown(item=item, nextitem=None)
                item._initrequest()
                hook.pytest_runtest_setup(item=item)
                call = pytest.CallInfo.from_call(
                    lambda: hook.pytest_runtest_call(item=item), when="call"
                )
                report = pytest.TestReport.from_item_and_call(item, call)
            return report
        """,
    ),
}


@pytest.mark.parametrize("way", ATTEMPTS)
def test_a_new_attempt_of_a_failed_test_runs_for_real(project, way):
    """What the failed attempts have recorded is no outcome for it."""
    project.ini("shop:job", "shop:state sequence", "shop:left")
    project.module("""
        asked = [0]

        def job():
            ran("job")
            asked[0] += 1
            return "done" if asked[0] > 2 else "wait"

        def state():
            ran("state")
            return asked[0]

        def left():
            ran("left")
            return 1
    """)
    project.tests("""
        @pytest.mark.flaky(reruns=5)
        def test_it():
            if shop.job() == "wait":
                shop.left()
            assert shop.job() == "done"
            assert shop.state() == 3
    """)
    plugins, conftest = ATTEMPTS[way]
    project.conftest(conftest)
    reruns = {"rerun": 2} if plugins else {}

    recorded = project.record(plugins=plugins).expect(
        passed=1, **reruns, real=["job", "left", "job", "left", "job", "state"]
    )

    assert len(recorded.calls) == 2
    project.replay(plugins=plugins).expect(passed=1, real=[])


def test_a_test_that_fails_in_each_attempt_keeps_no_exception(project):
    project.ini("shop:job")
    project.module("""
        def job():
            ran("job")
            raise TimeoutError("busy")
    """)
    project.tests("""
        @pytest.mark.flaky(reruns=5)
        def test_it():
            shop.job()
    """)

    run = project.record(plugins=["rerunfailures"])

    run.expect(failed=1, rerun=5, real=["job"] * 6)
    assert not project.calls()
