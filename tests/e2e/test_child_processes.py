"""Child processes: they replay, and record what all tests share; a call that has a place is refused."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="only where processes fork"
)


# The ways to start a process, of which two are enough at each change.
WAYS = [
    "in_fork",
    "in_pool_by_spawn",
    pytest.param("in_pool_by_fork", marks=pytest.mark.rare),
    pytest.param("in_pool_by_forkserver", marks=pytest.mark.rare),
]

# The ways in which a test makes a call in a forked process, and gets its outcome.
CHILDREN = """
import json, multiprocessing, os
from concurrent.futures import ProcessPoolExecutor

URL = os.environ["API"]

def get(path):
    return requests.get(URL + path).text

def in_fork(function, *args):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 9
        try:
            os.write(writing, json.dumps(function(*args)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if status == 0 else f"ended with {status}"

def in_pool(method, function, *args):
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result()

def in_pool_by_fork(*args):
    return in_pool("fork", *args)

def in_pool_by_spawn(*args):
    return in_pool("spawn", *args)

def in_pool_by_forkserver(*args):
    return in_pool("forkserver", *args)
"""


@pytest.fixture
def forking(project, server):
    """A project whose tests call the server in forked processes.

    `run_forking(*options)` runs them, also after the server has stopped.
    """
    project.ini("http")

    def run(*options):
        return project.run(*options, process=True)

    def tests(body):
        project.tests(CHILDREN + body)

    project.run_forking = run
    project.forking_tests = tests
    return project


SHARED = """
def test_children():
    assert {way}(get, "/users/1") == {way}(get, "/users/1") == get("/users/1")
    assert "Zo" in {way}(get, "/users/2")
"""


@pytest.mark.parametrize("way", WAYS)
def test_children_record_what_all_tests_share_and_replay_it(forking, server, way):
    """Their calls are counted."""
    forking.ini("http sequence=no")
    forking.forking_tests(SHARED.format(way=way))

    run = forking.run_forking("--mimic-record").expect(passed=1)

    asked = sorted(call.signature for call in run.calls)
    assert asked == ["GET /users/1", "GET /users/2"]
    server.stop()
    forking.run_forking().expect(passed=1, says=["4 calls replayed"])


PLACED = """
def test_parent():
    assert get("/users/1")

def test_children():
    assert {way}(get, "/users/2")
"""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["--mimic-record", "--mimic-verify", ""])
def test_a_call_that_has_a_place_is_refused_in_every_mode(forking, server, way, mode):
    """By an error that names a way out."""
    forking.forking_tests(PLACED.format(way=way))

    run = forking.run_forking(*([mode] if mode else []), "-k", "children")

    says = ["http GET /users/2", 'http only="GET /users/2" shared']
    run.expect(failed=1, deselected=1, says=says)
    assert server.seen == []
    assert run.calls == []


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_call_that_a_child_swallows_fails_the_test(forking, server, way):
    forking.forking_tests(f"""
def quietly(path):
    try:
        return get(path)
    except Exception:
        return "quiet"

def test_children():
    assert {way}(quietly, "/users/1") == "quiet"
""")

    run = forking.run_forking("--mimic-record")

    run.expect(failed=1, says=["shared"])
    assert server.seen == []


@pytest.mark.parametrize("way", WAYS)
def test_a_call_in_a_cassette_is_refused_in_a_child(forking, server, way):
    forking.forking_tests(f"""
def test_children(mimic_auto):
    with mimic_auto("trip", targets=["http"]):
        assert get("/users/1")
        assert {way}(get, "/users/2")
""")

    run = forking.run_forking("--mimic-record")

    run.expect(failed=1, says=["http GET /users/2"])
    assert server.seen == ["GET /users/1"]
    assert run.vault == {}


def test_a_child_that_a_recorded_function_forks_is_part_of_its_call(forking, server):
    """Its calls take no places: those after it get their own answers."""
    forking.ini("http", "shop:outer")
    forking.module(
        CHILDREN
        + """
def ask_twice():
    return [get("/count"), get("/count")]

def outer():
    return in_fork(ask_twice)
"""
    )
    forking.forking_tests("""
import shop

def test_children():
    assert shop.outer() == ["1", "2"]
    assert get("/count") == "3"
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["2 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["2 calls replayed"])


# As pytest-forked does it.
FORKED = """
    from _pytest.runner import runtestprotocol

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            reports = runtestprotocol(item, log=False)
            told = [
                item.config.hook.pytest_report_to_serializable(config=item.config, report=one)
                for one in reports
            ]
            with open(writing, "w") as sent:
                json.dump(told, sent)
            os._exit(0)
        os.close(writing)
        with open(reading) as sent:
            told = json.load(sent)
        os.waitpid(child, 0)
        for data in told:
            report = item.config.hook.pytest_report_from_serializable(config=item.config, data=data)
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""


def test_a_child_that_runs_whole_tests_is_their_owner(forking, server):
    forking.conftest(FORKED)
    forking.forking_tests("""
def test_one():
    assert [get("/count"), get("/count")] == ["1", "2"]

def test_two():
    assert [get("/count"), get("/count")] == ["3", "4"]
""")

    forking.run_forking("--mimic-record", "-p", "no:randomly").expect(
        passed=2, says=["4 calls recorded"]
    )

    server.stop()
    forking.run_forking().expect(passed=2, says=["4 calls replayed"])
    forking.conftest("")
    forking.run_forking().expect(passed=2, says=["4 calls replayed"])


# -- what only multiprocessing starts

STARTED = """
    import multiprocessing
    from multiprocessing.managers import BaseManager
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return city.upper()

    class Asking(multiprocessing.get_context("spawn").Process):
        def __init__(self, answers):
            super().__init__()
            self.answers = answers

        def run(self):
            self.answers.put(fetch("Oslo"))

    class Towns:
        def fetch(self, city):
            return fetch(city)

    class Manager(BaseManager):
        pass

    Manager.register("Towns", Towns)

    def by_own_run():
        answers = multiprocessing.get_context("spawn").Queue()
        process = Asking(answers)
        process.start()
        answer = answers.get(timeout=30)
        process.join()
        return answer

    def by_manager():
        with Manager(ctx=multiprocessing.get_context("forkserver")) as manager:
            return manager.Towns().fetch("Oslo")

    def by_pool():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(fetch, ["Oslo"])

    def by_grandchild():
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(by_own_run_of_child)

    def by_own_run_of_child():
        multiprocessing.current_process()._config["daemon"] = False
        return by_own_run()
"""


@pytest.fixture
def started(project):
    project.ini("shop:fetch")
    project.module(STARTED)
    return project


@pytest.mark.parametrize(
    "way", ["by_own_run", "by_manager", "by_pool", "by_grandchild"]
)
def test_every_way_of_multiprocessing_records_and_replays(started, way):
    started.test(f"assert shop.{way}() == 'OSLO'")

    recorded = started.run("--mimic-record", process=True)

    recorded.expect(passed=1, real=["fetch Oslo"], says=["1 call recorded"])
    started.run(process=True, offline=True).expect(
        passed=1, real=[], says=["1 call replayed"]
    )


@pytest.mark.parametrize(
    "tests",
    [
        "@pytest.mark.mimic('shop:fetch', key=key)\ndef test_it():\n    assert shop.by_pool() == 'OSLO'\n",
        "def test_it():\n    with mimic('shop:fetch', key=key):\n        assert shop.by_pool() == 'OSLO'\n",
    ],
    ids=["marker", "block"],
)
def test_the_targets_of_a_test_are_mimicked_in_its_processes(started, tests):
    started.ini()
    head = "import pytest, shop\nfrom pytest_mimic import mimic\n"
    started.tests(
        f"{head}def key(arguments):\n    return arguments['city'].lower()\n{tests}"
    )

    started.run("--mimic-record", process=True).expect(passed=1, real=["fetch Oslo"])

    started.run(process=True, offline=True).expect(passed=1, real=[])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_miss_in_a_pool_of_a_wider_fixture_is_of_the_test_that_runs(started, method):
    started.tests(f"""
        import multiprocessing

        @pytest.fixture(scope="session")
        def pool():
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                yield pool

        def test_one(pool):
            assert pool.apply(shop.fetch, ["Oslo"]) == "OSLO"

        def test_two(pool):
            assert pool.apply(shop.fetch, ["Rome"]) == "ROME"
    """)
    started.run("--mimic-record", "-k", "one", process=True).expect(
        passed=1, deselected=1, real=["fetch Oslo"]
    )

    run = started.run("-p", "no:randomly", process=True)

    again = "to record the missing: pytest --mimic-record test_shop.py::test_two"
    run.expect(
        passed=1,
        failed=1,
        real=[],
        says=[again],
        never=["record test_shop.py::test_one"],
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_task_of_a_pool_raises_the_miss_of_its_initializer(started, method):
    """Else Python would start the worker anew, for ever."""
    started.test(f"""
        pool = shop.multiprocessing.get_context("{method}").Pool
        with pool(1, shop.fetch, ["Oslo"]) as workers:
            workers.map(shop.ran, ["a task", "another"])
    """)

    run = started.run(process=True)

    run.expect(failed=1, real=[], says=["no recording of shop:fetch(city='Oslo')"])


def test_a_key_without_a_name_serves_in_a_process_that_begins_anew(started):
    started.tests("""
        @pytest.mark.mimic("shop:fetch", key=lambda arguments: 1)
        def test_it():
            assert shop.by_pool() == "OSLO"
    """)

    started.run("--mimic-record", process=True).expect(passed=1, real=["fetch Oslo"])

    started.run(process=True, offline=True).expect(passed=1, real=[])


def test_a_key_that_cannot_be_pickled_is_refused_in_such_a_process(started):
    started.tests("""
        @pytest.mark.mimic("shop:fetch", key=lambda arguments, lock=threading.Lock(): 1)
        def test_it():
            shop.by_pool()
    """)

    run = started.run("--mimic-record", process=True)

    run.expect(failed=1, real=[], says=["key= of shop:fetch", "give key= a name"])


def test_a_process_that_dies_loses_nothing_that_it_has_recorded(started):
    started.module(
        f"{STARTED}\n    def die():\n        import os\n        fetch('Rome')\n        os._exit(3)\n"
    )
    started.test("""
        process = __import__("multiprocessing").get_context("spawn").Process(target=shop.die)
        process.start()
        process.join()
        assert process.exitcode == 3
    """)

    run = started.run("--mimic-record", process=True).expect(passed=1)

    assert [call.arguments for call in run.calls] == [{"city": "Rome"}]
    started.run(process=True, offline=True).expect(passed=1, real=[])


def test_workers_of_xdist_start_processes_too(started):
    started.test("assert shop.by_pool() == 'OSLO'")

    started.run("--mimic-record", "-n1", process=True).expect(passed=1)

    replayed = started.run("-n1", process=True, offline=True)
    replayed.expect(passed=1, real=[], never=["nothing is mimicked"])


# Other processes and interpreters, by the name that the summary gives them.
OTHERS = {
    "loky": """
        from loky import get_reusable_executor
        assert get_reusable_executor(1).submit(shop.fetch, "Oslo").result() == "OSLO"
    """,
    "subprocess": """
        import subprocess, sys
        subprocess.run([sys.executable, "-c", "import shop; shop.fetch('Oslo')"], check=True)
    """,
    "concurrent.interpreters": """
        from concurrent.futures import InterpreterPoolExecutor
        with InterpreterPoolExecutor(1) as pool:
            assert pool.submit(shop.fetch, "Oslo").result() == "OSLO"
    """,
}


@pytest.mark.parametrize("method", OTHERS)
def test_what_starts_elsewhere_is_named(started, method):
    pytest.importorskip(method)
    started.test(OTHERS[method])

    run = started.run(process=True).expect(passed=1, real=["fetch Oslo"])

    assert run.section[-3:] == [
        "processes in which nothing is mimicked:",
        f"  {method}    test_shop.py::test_it",
        "to mimic calls there: name the function that starts it, or use multiprocessing",
    ]
