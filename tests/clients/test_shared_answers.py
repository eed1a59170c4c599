"""Section 2, `shared`: a cache. A call has one answer for all tests, in the recording run, too."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress

import pytest
from support import loopback
from support.loopback import Server, serving


class Model(loopback.Handler):
    """Answers each request with its number among those of its path, the first of `/flaky` with 503, `/closed` with 401."""

    def do_GET(self):
        """Answer a request."""
        with self.server.lock:
            self.server.seen.append(self.path)
            number = self.server.seen.count(self.path)
        if self.path == "/flaky" and number == 1:
            self.json({}, status=503)
        elif self.path == "/closed":
            self.json({}, status=401)
        elif self.path == "/both":
            with suppress(threading.BrokenBarrierError):
                self.server.two.wait(10)
            self.json(number)
        else:
            self.json(number)


@pytest.fixture
def service():
    """A service that counts, and what it was asked."""
    with serving(Server(Model)) as server:
        server.lock = threading.Lock()
        server.two = threading.Barrier(2)
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


def test_equal_requests_get_one_answer(shop, service):
    """The recording run gives it, too, to tests and threads; who asks twice is named, with the way to keep each answer."""
    shop.tests("""
        from concurrent.futures import ThreadPoolExecutor

        def test_one():
            assert shop.ask() == 1

        def test_five():
            assert [shop.ask() for _ in range(5)] == [1] * 5

        def test_threads():
            with ThreadPoolExecutor(10) as pool:
                assert len(set(pool.map(shop.ask, ["/threads"] * 10))) == 1
    """)

    run = shop.record("-p", "no:randomly").expect(passed=3)

    assert service.seen.count("/a") == 1
    assert len(shop.files("calls")) == 2
    heading = "asked again by the same test, and one answer is kept for all:"
    rows = run.section[run.section.index(heading) + 1 :]
    assert [row.split()[-1] for row in rows[:2]] == [
        "test_shop.py::test_five",
        "test_shop.py::test_threads",
    ]
    mark = rows[2].partition(": ")[2]
    service.seen.clear()
    shop.replay().expect(passed=3)
    assert heading not in shop.record().expect(passed=3).section
    assert asked(service) == 0
    assert shop.command("check").code == 0

    shop.tests(f"""
        {mark}
        def test_five():
            assert [shop.ask("/samples") for _ in range(5)] == [1, 2, 3, 4, 5]
    """)
    shop.record().expect(passed=1, never=[heading])
    shop.replay().expect(passed=1)


@pytest.mark.parametrize(
    ("tests", "workers"),
    [(["test_shop.py::test_one"], []), ([], []), ([], ["-n", "2"])],
    ids=["one test", "both", "both in two processes"],
)
def test_recording_again_asks_once_in_each_process(shop, service, tests, workers):
    shop.tests("""
        def test_one():
            shop.ask(f"/then/{shop.ask()}")

        def test_two():
            shop.ask(f"/then/{shop.ask()}")
            shop.ask()
    """)
    shop.record("-p", "no:randomly").expect(passed=2)
    assert asked(service) == 2

    again = shop.run("--mimic-rerecord", *workers, *tests)

    again.expect(passed=1 if tests else 2)
    assert 2 <= asked(service) <= 2 + len(workers)
    shop.replay().expect(passed=2)
    assert asked(service) == 0


def test_of_two_workers_that_ask_at_one_moment_one_answer_stands(shop, service):
    """Both pay; the first answer is given to both, now and in the next run."""
    shop.tests("""
        @pytest.mark.parametrize("name", ["one", "two"])
        def test_it(name):
            given = pathlib.Path(name)
            answer = str(shop.ask("/both"))
            if not given.exists():
                given.write_text(answer)
            assert answer == given.read_text()
    """)
    given = [shop.root / "one", shop.root / "two"]

    for option in ("--mimic-record", "--mimic-rerecord", "--mimic-rerecord"):
        for file in given:
            file.unlink(missing_ok=True)
        shop.run("-n2", option).expect(passed=2)

        assert asked(service) == 2
        assert given[0].read_text() == given[1].read_text()
        shop.replay().expect(passed=2)


def test_of_two_streams_that_differ_the_test_of_the_second_is_named(project):
    """The longest reading stands, whoever asks first."""
    project.module("""
        def count():
            numbers = [1, 2, 3]
            for number in numbers:
                yield number
    """)
    project.ini("shop:count")
    first = "assert next(shop.count()) == 1"
    whole = "assert list(shop.count()) == [1, 2, 3]"
    for tests in ([first, whole], [whole, first]):
        shutil.rmtree(project.vault, ignore_errors=True)
        project.tests(f"""
            def test_one(): {tests[0]}

            def test_two(): {tests[1]}
        """)

        project.record("-p", "no:randomly").expect(passed=2)

        project.replay().expect(passed=2)


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


@pytest.mark.parametrize("workers", [[], ["-n1"]], ids=["here", "in a worker"])
def test_an_answer_takes_the_place_of_a_failed_exchange(shop, service, workers):
    """Who tries again asks for real, and is named: the next run gives the answer at once."""
    shop.test("""
        from urllib.error import HTTPError
        answers = []
        while len(answers) < 2:
            try:
                answers.append(shop.ask("/flaky"))
            except HTTPError as error:
                error.close()  # since Python 3.14, one that is not closed warns
        assert answers == [2, 2]
    """)

    for option in ("--mimic-record", "--mimic-rerecord"):
        shutil.rmtree(shop.vault, ignore_errors=True)
        shop.run(option, *workers).expect(
            passed=1, says=["asked again by the same test"]
        )

        assert asked(service) == 2
        shop.replay().expect(passed=1)


def test_a_failure_that_a_test_expects_stands_until_an_answer_takes_its_place(
    shop, service
):
    """It is given to no other test while it is recorded, and replays for all."""
    shop.tests("""
        import httpx

        def closed():
            return httpx.get(os.environ["SERVICE"] + "/closed").status_code == 401

        def test_one(): assert closed()

        def test_two(): assert closed()
    """)

    shop.record().expect(passed=2, never=["not recorded"])

    assert asked(service) == 2
    shop.replay().expect(passed=2)
    shop.record().expect(passed=2)
    assert asked(service) == 0


WAITING = """
    import os, pathlib, pytest, shop, time

    def wait_for(name):
        end = time.monotonic() + 60
        while not pathlib.Path(name).exists():
            assert time.monotonic() < end
            os.sched_yield()
"""


def in_two_workers(project, *tests):
    """Record two files of tests, each in a worker."""
    for number, test in enumerate(tests):
        project.write(f"test_{number}.py", WAITING + test)
    return project.record("-n2", "--dist=loadfile", "-p", "no:randomly")


@pytest.mark.parametrize("is_given", [True, False])
def test_an_exception_that_a_passing_test_was_given_stays(project, is_given):
    """Another test has paid it, and then fails: else it would be taken back."""
    project.module("def fit(): raise OSError('no disk')")
    project.ini("shop:fit")

    in_two_workers(
        project,
        f"""
    def test_pays():
        with pytest.raises(OSError):
            shop.fit()
        pathlib.Path("paid").touch()
        if {is_given}:
            wait_for("passed")
        assert False
    """,
        f"""
    def test_is_given():
        wait_for("paid")
        if {is_given}:
            with pytest.raises(OSError):
                shop.fit()

    def test_tells():
        pathlib.Path("passed").touch()
    """,
    ).expect(passed=2, failed=1)

    assert len(project.files("calls")) == is_given


def test_a_value_that_replaced_a_stale_one_stays_with_who_was_given_it(project):
    """The test that has paid it fails, and would put the old one back."""
    project.module("def fit(): return 1")
    project.ini("shop:fit")
    project.write("test_1.py", "import shop\n\ndef test_is_given(): shop.fit()\n")
    project.record().expect(passed=1)
    project.module("def fit(): return 2")

    in_two_workers(
        project,
        """
    def test_pays():
        assert shop.fit() == 2
        pathlib.Path("paid").touch()
        wait_for("passed")
        assert False
    """,
        """
    def test_is_given():
        wait_for("paid")
        assert [shop.fit(), shop.fit()] == [2, 2]

    def test_tells():
        pathlib.Path("passed").touch()
    """,
    ).expect(passed=2, failed=1)

    project.replay("test_1.py::test_is_given").expect(passed=1)


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
