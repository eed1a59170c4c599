"""Section 2, `shared`: the n-th equal call of each test gets the n-th answer, and each place is paid for once a run."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from contextlib import suppress

import pytest
from support import loopback
from support.loopback import Server, serving


class Model(loopback.Handler):
    """Answers each request with its number among those of its path, the first of `/flaky` with 503."""

    def do_GET(self):
        """Answer a request."""
        with self.server.lock:
            self.server.seen.append(self.path)
            number = self.server.seen.count(self.path)
        if self.path == "/flaky" and number == 1:
            self.json({}, status=503)
        elif self.path.startswith("/tick"):
            with suppress(threading.BrokenBarrierError):
                self.server.ticks.wait(10)
            self.json("tick")
        elif self.path == "/asked":
            # Until the loops of both workers have gone on.
            with suppress(threading.BrokenBarrierError):
                self.server.ticks.wait(10)
            self.json(self.server.ticks.broken)
        elif self.path == "/both":
            # Another request at this moment gets another answer.
            with suppress(threading.BrokenBarrierError):
                self.server.two.wait(2)
            self.json(number)
        elif self.path.startswith("/same"):
            self.json("same")
        else:
            self.json(number)


@pytest.fixture
def service():
    """A service that counts, and what it was asked."""
    with serving(Server(Model)) as server:
        server.lock = threading.Lock()
        server.two = threading.Barrier(2)
        server.ticks = threading.Barrier(3)
        yield server


@pytest.fixture
def shop(project, service, monkeypatch):
    """A project whose tests ask the service; all tests share its answers."""
    monkeypatch.setenv("SERVICE", service.url)
    project.module("""
        from urllib.request import urlopen

        def ask(path="/a"):
            with urlopen(os.environ["SERVICE"] + path) as answer:
                return json.load(answer)
    """)
    project.ini("http shared")
    return project


def asked(service):
    """Return how often the service was asked since this was asked last."""
    count = len(service.seen)
    service.seen.clear()
    return count


def test_equal_requests_of_a_test_are_samples(shop, service):
    """Two tests share the first answer, and who asks more often asks for real. Equal answers are a count."""
    shop.tests("""
        from concurrent.futures import ThreadPoolExecutor

        def test_one():
            assert shop.ask() == 1

        def test_five():
            assert [shop.ask() for _ in range(5)] == [1, 2, 3, 4, 5]

        def test_until_one_fits():
            while shop.ask("/until") != 7:
                pass

        def test_equal_answers():
            assert {shop.ask("/same") for _ in range(100)} == {"same"}

        def test_threads():
            with ThreadPoolExecutor(4) as pool:
                assert len(set(pool.map(shop.ask, ["/threads"] * 12))) == 12
    """)

    run = shop.record().expect(passed=5)

    seen = Counter(service.seen)
    assert seen == {"/a": 5, "/until": 7, "/same": 100, "/threads": 12}
    assert len(shop.files("calls")) == len(seen)
    times = [call.call["times"] for call in run.calls if "times" in call.call]
    assert times == [100]
    service.seen.clear()
    shop.replay().expect(passed=5)
    shop.record().expect(passed=5)
    assert asked(service) == 0
    assert shop.command("check").code == 0


@pytest.mark.parametrize(
    ("tests", "workers"),
    [(["test_shop.py::test_one"], []), ([], []), ([], ["-n", "2"])],
    ids=["one test", "both", "both in two processes"],
)
def test_recording_again_pays_each_place_once(shop, service, tests, workers):
    shop.tests("""
        def test_one():
            shop.ask(f"/then/{shop.ask()}")

        def test_two():
            shop.ask(f"/then/{shop.ask()}")
            shop.ask()
    """)
    shop.record("-p", "no:randomly").expect(passed=2)
    assert asked(service) == 3

    again = shop.run("--mimic-rerecord", *workers, *tests)

    again.expect(passed=1 if tests else 2)
    assert (
        len(set(service.seen)) <= asked(service) <= (2 if tests else 3) + len(workers)
    )
    shop.replay().expect(passed=2)
    assert asked(service) == 0


def test_of_two_workers_that_ask_at_one_moment_one_is_answered(shop, service):
    """The other waits, and gets that answer, which both get in the next run."""
    shop.tests("""
        @pytest.mark.parametrize("name", ["one", "two"])
        def test_it(name):
            given = pathlib.Path(name)
            answer = str(shop.ask("/both"))
            if not given.exists():
                given.write_text(answer)
            assert answer == given.read_text()
    """)

    for option in ("--mimic-record", "--mimic-rerecord"):
        shutil.rmtree(shop.vault, ignore_errors=True)
        for name in ("one", "two"):
            shop.root.joinpath(name).unlink(missing_ok=True)
        shop.run("-n2", option).expect(passed=2)

        assert asked(service) == 1
        shop.replay().expect(passed=2)


def test_a_call_that_all_tests_share_now_is_recorded_again_for_all(shop):
    """The log of its test, which would answer first, loses it; a test that fails keeps it."""
    shop.tests("def test_it(): assert shop.ask() == int(os.environ['WANTED'])")
    shop.ini("http")
    shop.record(env={"WANTED": "1"}).expect(passed=1)
    shop.ini("http shared")

    shop.run("--mimic-rerecord", env={"WANTED": "9"}).expect(failed=1)
    shop.replay(env={"WANTED": "1"}).expect(passed=1)
    shop.run("--mimic-rerecord", env={"WANTED": "3"}).expect(passed=1)

    assert not shop.files("logs")
    shop.replay(env={"WANTED": "3"}).expect(passed=1)


def test_a_skipped_test_keeps_what_was_not_recorded_again_for_all(shop, service):
    shop.tests("""
        def test_it():
            try:
                shop.ask()
            except OSError:
                pytest.skip("it is down")
    """)
    shop.ini("http")
    shop.record().expect(passed=1)
    shop.ini("http shared")
    service.shutdown()
    service.server_close()

    shop.run("--mimic-rerecord").expect(skipped=1)

    shop.run().expect(passed=1)


def test_a_cancelled_call_that_all_tests_share_now_keeps_its_recording(project):
    project.module("""
        async def get():
            if os.environ["HANGS"]:
                await asyncio.Event().wait()
            return 1
    """)
    project.tests("""
        async def ask():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(shop.get(), 0.2)

        def test_it():
            asyncio.run(ask())
    """)
    project.ini("shop:get sequence")
    project.record(env={"HANGS": ""}).expect(passed=1)
    project.ini("shop:get")

    project.run("--mimic-rerecord", env={"HANGS": "1"}).expect(passed=1)

    project.run().expect(passed=1)


def test_a_task_that_waits_for_another_worker_lets_its_loop_go_on(shop, service):
    shop.ini("http shared exclude=/tick*")
    shop.tests("""
        @pytest.mark.parametrize("name", ["one", "two"])
        def test_it(name):
            async def both():
                async with httpx.AsyncClient(base_url=os.environ["SERVICE"], timeout=30) as client:
                    return await asyncio.gather(client.get("/asked"), client.get(f"/tick/{name}"))
            asked, _ = asyncio.run(both())
            assert asked.json() is False
    """)

    shop.run("-n2", "--mimic-record").expect(passed=2)

    assert service.seen.count("/asked") == 1


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["here", "in a worker"])
def test_a_place_holds_the_answer_after_a_failed_exchange(shop, service, workers):
    shop.test("""
        from urllib.error import HTTPError
        answers = []
        while len(answers) < 2:
            try:
                answers.append(shop.ask("/flaky"))
            except HTTPError as error:
                error.close()  # since Python 3.14, one that is not closed warns
        assert answers == [2, 3]
    """)

    for option in ("--mimic-record", "--mimic-rerecord"):
        shutil.rmtree(shop.vault, ignore_errors=True)
        for again in (option, "--mimic-rerecord"):
            shop.run(again, *workers).expect(
                passed=1,
                says=["gave status 503 first: only the answer after it is shared"],
                never=["its recording stays as it is"],
            )

            assert asked(service) == 3
            shop.replay().expect(passed=1)


def test_requests_that_became_one_are_named_with_their_count(shop, service):
    shop.ini("http shared ignore=query")
    shop.tests("""
        @pytest.mark.parametrize("number", range(3))
        def test_it(number):
            assert shop.ask(f"/a?number={number}") == 1
    """)

    run = shop.record().expect(passed=3)

    assert asked(service) == 1
    heading = (
        "different requests that are one recording, since their line ignores parts:"
    )
    row = run.section[run.section.index(heading) + 1]
    assert row.split() == ["http", "GET", "/a", "3", "calls", "in", "3", "tests"]


def test_a_failing_test_keeps_new_samples_and_replaces_none(shop, service):
    shop.test("assert [shop.ask() for _ in range(2)] == [1, 2]")
    shop.record().expect(passed=1)
    shop.test("assert [shop.ask() for _ in range(3)] == [1, 2, 0]")

    shop.record().expect(failed=1)
    shop.run("--mimic-rerecord").expect(failed=1)

    shop.test("assert [shop.ask() for _ in range(4)] == [1, 2, 3, 3]")
    shop.replay().expect(passed=1)


def test_show_gives_shared_requests_in_the_order_in_which_a_test_asked_last(shop):
    """Also those that another test has recorded; what it asks for no more comes last."""

    def tests(one, two):
        shop.tests(f"""
            def test_one():
                for path in "{one}":
                    shop.ask("/" + path)

            def test_two():
                for path in "{two}":
                    shop.ask("/" + path)
        """)
        options = "-p", "no:randomly", "-p", "cacheprovider"
        shop.record(*options, plugins=["cacheprovider"]).expect(passed=2)

    def shown(test):
        lines = shop.command("show", f"test_shop.py::{test}").out.splitlines()
        paths = [line[-1] for line in lines if line.startswith("http GET")]
        left = "  its test did not ask for it in its last run"
        return "".join(paths), lines.count(left)

    tests("ba", "cab")
    assert (shown("test_one"), shown("test_two")) == (("ba", 0), ("cab", 0))
    tests("db", "bc")
    assert (shown("test_one"), shown("test_two")) == (("dba", 1), ("bc", 0))
    assert shop.command("rm", "test_shop.py::test_two").code == 0
    assert shown("test_one") == ("dba", 1)
    tests("d", "bc")
    kept = shop.root / ".pytest_cache/v/mimic/asked"
    written = kept.stat().st_mtime_ns
    tests("d", "bc")
    assert kept.stat().st_mtime_ns == written
    paths, left = shown("test_one")
    assert (paths[0], set(paths[1:]), left) == ("d", {"a", "b"}, 2)
    assert shown("test_two") == ("bc", 0)
