"""After a miss no code waits or tries again because of it. All other waits go on as they are.

The waits that must not happen take an hour, so that a test in which one happens does not end.
"""

from __future__ import annotations

SHOP = """
    import asyncio, threading, time
    from concurrent.futures import ThreadPoolExecutor
    from time import sleep
    from tally import ran

    HOUR = 3600

    def fetch(city):
        ran("fetch", city)
        return city

    async def fetch_async(city):
        ran("fetch_async", city)
        return city

    class ShopError(Exception):
        pass

    def inside_the_handler(city):
        for _ in range(3):
            try:
                return fetch(city)
            except Exception:
                sleep(HOUR)
        raise ShopError

    def behind_the_handler(city):
        error = None
        while error is None:
            try:
                return fetch(city)
            except Exception as caught:
                error = caught
            time.sleep(HOUR)

    def wrapped(city):
        try:
            return fetch(city)
        except Exception as error:
            raise ShopError(city) from error

    def around_a_wrapper(city):
        while True:
            try:
                return wrapped(city)
            except ShopError:
                time.sleep(HOUR)

    def quietly(city):
        try:
            return fetch(city)
        except Exception:
            return None

    def polling(city):
        while quietly(city) is None:
            time.sleep(HOUR)

    def from_a_thread(city):
        while True:
            with ThreadPoolExecutor(1) as pool:
                try:
                    return pool.submit(fetch, city).result()
                except Exception:
                    time.sleep(HOUR)

    def in_a_thread(city):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(inside_the_handler, city).result()

    async def alone(city):
        for _ in range(3):
            try:
                return await fetch_async(city)
            except Exception:
                await asyncio.sleep(HOUR)
        raise ShopError

    async def within_a_time(city):
        while True:
            try:
                return await asyncio.wait_for(fetch_async(city), HOUR)
            except Exception:
                await asyncio.sleep(HOUR)

    async def gathered(city):
        return await asyncio.gather(alone(city), alone(city))

    def endless(city):
        while True:
            try:
                return fetch(city)
            except Exception:
                continue
"""


def shop(project, test, **options):
    project.ini("shop:fetch", "shop:fetch_async")
    project.module(SHOP)
    project.tests(test)
    return project.run(process=True, **options)


def test_code_that_tries_again_does_not_wait(project):
    test = """
        import asyncio
        import pytest, shop

        async def main():
            await shop.within_a_time("Oslo")

        @pytest.mark.parametrize("call", [
            lambda: shop.inside_the_handler("Oslo"),
            lambda: shop.behind_the_handler("Oslo"),
            lambda: shop.around_a_wrapper("Oslo"),
            lambda: shop.polling("Oslo"),
            lambda: shop.from_a_thread("Oslo"),
            lambda: shop.in_a_thread("Oslo"),
            lambda: asyncio.run(shop.alone("Oslo")),
            lambda: asyncio.run(shop.gathered("Oslo")),
            lambda: asyncio.run(main()),
        ])
        def test_it(call):
            call()
    """

    run = shop(project, test).expect(failed=9, real=[], never=["pytest_mimic/"])

    assert run.section[0].startswith("9 calls missing"), run.output


def test_a_loop_without_end_and_waits_is_ended(project):
    run = shop(project, "import shop\n\ndef test_it():\n    shop.endless('Oslo')\n")

    run.expect(failed=1, says=["the same missing call was made 1,000 times, so the test is ended"])
    assert run.section[0].startswith("1 call missing"), run.output


def test_other_waits_go_on_as_they_are(project):
    """Those of the test itself, of another thread or task, of a fake, and of a test that handled its miss."""
    test = """
        import asyncio, subprocess, sys, threading, time
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        def beat(stop, beats):
            while not stop.is_set():
                time.sleep(0)
                beats.append(1)

        async def beat_async(beats):
            while True:
                await asyncio.sleep(0)
                beats.append(1)

        def pause():
            time.sleep(0)
            return "rested"

        shop.pause = pause

        def test_its_own():
            try:
                shop.fetch("Oslo")
            except MissingRecordingError:
                time.sleep(0)
                assert shop.pause() == "rested"

        def test_a_thread():
            stop, beats = threading.Event(), []
            thread = threading.Thread(target=beat, args=(stop, beats))
            thread.start()
            with pytest.raises(MissingRecordingError):
                shop.fetch("Oslo")
            count = len(beats)
            while len(beats) < count + 3:
                pass
            stop.set()
            thread.join()

        def test_a_task():
            async def main():
                beats = []
                heart = asyncio.create_task(beat_async(beats))
                with pytest.raises(MissingRecordingError):
                    await shop.fetch_async("Oslo")
                count = len(beats)
                while len(beats) < count + 3:
                    await asyncio.sleep(0)
                assert not heart.done()
                heart.cancel()
            asyncio.run(main())

        def test_a_fake(monkeypatch):
            slept = []
            monkeypatch.setattr(time, "sleep", slept.append)
            monkeypatch.setattr(shop, "sleep", slept.append)
            with pytest.raises(shop.ShopError):
                try:
                    shop.inside_the_handler("Oslo")
                finally:
                    assert slept == [3600] * 3

        def test_a_fake_from_a_later_moment(monkeypatch):
            slept = []
            with pytest.raises(MissingRecordingError):
                shop.fetch("Oslo")
            monkeypatch.setattr(time, "sleep", slept.append)
            time.sleep(7)
            assert slept == [7]

        def test_all_is_restored():
            assert time.sleep.__module__ == "time" and type(time.sleep).__name__ == "builtin_function_or_method"
            assert shop.sleep is time.sleep
            assert asyncio.sleep is asyncio.tasks.sleep and not hasattr(asyncio.sleep, "__wrapped__")
    """

    run = shop(project, test)

    # The fake's own loop swallows the miss, and so fails.
    run.expect(passed=5, failed=1, real=[], says=["FAILED test_shop.py::test_a_fake -"])


def test_a_sleep_that_a_wider_fixture_puts_back_is_restored(project):
    project.write(
        "test_zlater.py",
        """
        import time

        def test_it():
            assert type(time.sleep).__name__ == "builtin_function_or_method"
        """,
    )
    test = """
        import time

        import pytest
        import shop
        from pytest_mimic import MissingRecordingError

        @pytest.fixture(scope="module")
        def no_waits():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "sleep", lambda seconds: None)
                yield

        def test_a_miss(request):
            with pytest.raises(MissingRecordingError):
                shop.fetch("Oslo")
            request.getfixturevalue("no_waits")

        def test_without_a_miss(no_waits):
            pass
    """

    shop(project, test).expect(passed=3, real=[])


def test_a_process_that_is_waited_for_is_no_retry(project):
    """`subprocess` waits with sleeps."""
    project.write(
        "tool.py",
        """
        import subprocess, sys, shop

        def run(city):
            shop.quietly(city)
            process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            try:
                process.wait(0.001)
            except subprocess.TimeoutExpired:
                process.communicate(b"x", timeout=60)
            return process.returncode
        """,
    )
    run = shop(project, "import tool\n\ndef test_it():\n    assert tool.run('Oslo') == 0\n")

    run.expect(failed=1, says=["passed only because a missing recording was swallowed"])


def test_a_loop_of_a_thread_lives_on(project):
    """Others may wait for a thread, so no wait of its own loop raises an error."""
    project.write(
        "worker.py",
        """
        import queue, threading, time, shop

        class Worker(threading.Thread):
            def __init__(self):
                super().__init__(daemon=True)
                self.jobs = queue.Queue()

            def run(self):
                while True:
                    city = self.jobs.get()
                    try:
                        shop.fetch(city)
                    except Exception:
                        time.sleep(3600)
                    self.jobs.task_done()
        """,
    )
    test = """
        import worker

        def test_it():
            one = worker.Worker()
            one.start()
            one.jobs.put("Oslo")
            one.jobs.put("Rome")
            one.jobs.join()
    """

    run = shop(project, test)

    run.expect(failed=1, says=["passed only because a missing recording was swallowed"])
    assert run.section[0].startswith("2 calls missing"), run.output


def test_a_miss_that_was_tried_again_can_be_handled(project):
    """The miss itself reaches the test, not a copy of it."""
    test = """
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        def test_it():
            with pytest.raises(MissingRecordingError, match="no recording of shop:fetch") as caught:
                shop.inside_the_handler("Oslo")
            assert caught.value.__context__ is None
    """

    shop(project, test).expect(passed=1)
