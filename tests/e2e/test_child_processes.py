"""Child processes: they replay, and record what all tests share; a call that has a place is refused."""

from __future__ import annotations

import importlib.util
import os
import textwrap

import pytest

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="only where processes fork"
)

# The ways in which a test makes a call in another process, and gets its outcome.
CHILDREN = """
import json, multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
from urllib.request import urlopen

def get(path):
    with urlopen(os.environ["API"] + path) as answer:
        return answer.read().decode()

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

def ask(way, function, path):
    if way == "fork":
        return in_fork(function, path)
    return in_pool(way.removeprefix("pool_by_"), function, path)
"""

# Two are enough at each change.
NAMES = ["fork", "pool_by_spawn", "pool_by_fork", "pool_by_forkserver"]
WAYS = NAMES if os.environ.get("MIMIC_RARE") else NAMES[:2]


@pytest.fixture
def forking(project, server):
    """A project whose tests call the server in other processes."""
    project.ini("http")
    project.process = True
    return project


def test_children_record_what_all_tests_share_and_replay_it(forking, server):
    """Their calls are counted."""
    forking.ini("http sequence=no")
    forking.tests(f"""{CHILDREN}
@pytest.mark.parametrize("way", {WAYS})
def test_it(way):
    path = f"/users/{{way}}"
    assert ask(way, get, path) == ask(way, get, path) == get(path)
""")

    run = forking.record().expect(passed=len(WAYS))

    asked = {f"GET /users/{way}" for way in WAYS}
    assert {call.signature for call in run.calls} == asked
    server.stop()
    replayed = f"{3 * len(WAYS)} calls replayed"
    forking.run().expect(passed=len(WAYS), says=[replayed])


@pytest.mark.parametrize("mode", ["--mimic-record", "--mimic-verify", ""])
def test_a_call_that_has_a_place_is_refused_in_every_mode(forking, server, mode):
    """By an error that names a way out. A child that swallows it fails its test."""
    forking.tests(f"""{CHILDREN}
def quietly(path):
    try:
        return get(path)
    except Exception:
        return "quiet"

@pytest.mark.parametrize("way", {WAYS})
@pytest.mark.parametrize("function", [get, quietly])
def test_children(way, function):
    assert ask(way, function, f"/{{function.__name__}}/{{way}}") == "quiet"

@pytest.mark.parametrize("way", {WAYS})
def test_in_cassette(mimic_auto, way):
    with mimic_auto("trip", targets=["http"]):
        assert get("/users/1")
        assert ask(way, get, f"/cassette/{{way}}")
""")
    only = [] if mode == "--mimic-record" else ["-k", "children"]

    run = forking.run(*filter(None, [mode]), *only)

    count = len(WAYS)
    refused = [f"GET /{name}/{way}" for name in ("get", "quietly") for way in WAYS]
    says = [f'http only="{call}" shared' for call in refused]
    if only:
        run.expect(failed=2 * count, deselected=count, says=says)
        assert server.seen == []
    else:
        says += [f"http GET /cassette/{way}" for way in WAYS]
        run.expect(failed=3 * count, says=says)
        assert server.seen == ["GET /users/1"] * count
    assert run.vault == {}


def test_a_child_that_a_recorded_function_forks_is_part_of_its_call(forking, server):
    """Its calls take no places: those after it get their own answers."""
    forking.ini("http", "shop:outer")
    forking.module(f"""{CHILDREN}
def ask_twice():
    return [get("/count"), get("/count")]

def outer():
    return in_fork(ask_twice)
""")
    forking.test("""
        assert shop.outer() == ["1", "2"]
        assert shop.get("/count") == "3"
    """)

    forking.record().expect(passed=1, says=["2 calls recorded"])

    server.stop()
    forking.run(process=False).expect(passed=1, says=["2 calls replayed"])


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
    forking.tests(f"""{CHILDREN}
def test_one():
    assert [get("/count"), get("/count")] == ["1", "2"]

def test_two():
    assert [get("/count"), get("/count")] == ["3", "4"]
""")

    forking.record().expect(passed=2, says=["4 calls recorded"])

    server.stop()
    forking.run().expect(passed=2, says=["4 calls replayed"])
    forking.conftest("")
    forking.run(process=False).expect(passed=2, says=["4 calls replayed"])


# -- what only multiprocessing starts

STARTED = """
    import multiprocessing
    from multiprocessing.managers import BaseManager

    SPAWN = multiprocessing.get_context("spawn")

    def fetch(city):
        ran("fetch", city)
        return city.upper()

    def hail(city):
        ran("hail", city)
        return city.upper()

    class Asking(SPAWN.Process):
        def __init__(self, city, answers):
            super().__init__()
            self.city, self.answers = city, answers

        def run(self):
            self.answers.put(fetch(self.city))

    class Towns:
        def fetch(self, city):
            return fetch(city)

    class Manager(BaseManager):
        pass

    Manager.register("Towns", Towns)

    def by_own_run(city):
        answers = SPAWN.Queue()
        process = Asking(city, answers)
        process.start()
        answer = answers.get(timeout=30)
        process.join()
        return answer

    def by_manager(city):
        with Manager(ctx=multiprocessing.get_context("forkserver")) as manager:
            return manager.Towns().fetch(city)

    def by_pool(city, function=None):
        with SPAWN.Pool(1) as pool:
            return pool.apply(function or fetch, [city])

    def by_grandchild(city):
        return by_pool(city, by_own_run_of_child)

    def by_own_run_of_child(city):
        multiprocessing.current_process()._config["daemon"] = False
        return by_own_run(city)

    def die(city):
        fetch(city)
        os._exit(3)

    def by_one_that_dies(city):
        process = SPAWN.Process(target=die, args=[city])
        process.start()
        process.join()
        return city.upper() if process.exitcode == 3 else process.exitcode
"""
STARTING = """
    def key(arguments):
        return arguments["city"].lower()

    @pytest.mark.parametrize("way", ["by_manager", "by_grandchild", "by_one_that_dies"])
    def test_way(way):
        assert getattr(shop, way)(way) == way.upper()

    @pytest.mark.mimic("shop:hail", key=key)
    def test_marker():
        assert shop.by_pool("Oslo", shop.hail) == "OSLO"

    def test_block():
        with mimic("shop:hail", key=key):
            assert shop.by_pool("Rome", shop.hail) == "ROME"

    @pytest.mark.mimic("shop:hail", key=lambda arguments: 1)
    def test_key_without_a_name():
        assert shop.by_pool("Bern", shop.hail) == "BERN"
"""


@pytest.fixture
def started(project):
    project.ini("shop:fetch")
    project.module(STARTED)
    project.process = True
    return project


def test_every_way_of_multiprocessing_records_and_replays(started):
    """One that dies, too, and with the targets of a test or block, whose `key=` may have no name."""
    started.tests("from pytest_mimic import mimic\n" + textwrap.dedent(STARTING))
    real = [f"fetch by_{way}" for way in ("manager", "grandchild", "one_that_dies")]
    real += ["hail Oslo", "hail Rome", "hail Bern"]

    run = started.record().expect(passed=6, real=real, says=["6 calls recorded"])

    assert len(run.calls) == 6
    started.replay().expect(passed=6, real=[], says=["6 calls replayed"])


MISSING = """
    @pytest.fixture(scope="session")
    def {0}():
        with shop.multiprocessing.get_context("{0}").Pool(1) as pool:
            yield pool

    def test_one_{0}({0}):
        assert {0}.apply(shop.fetch, ["Oslo {0}"]).startswith("OSLO")

    def test_two_{0}({0}):
        assert {0}.apply(shop.fetch, ["Rome {0}"]).startswith("ROME")

    def test_begun_{0}():
        pool = shop.multiprocessing.get_context("{0}").Pool
        with pool(1, shop.fetch, ["Bern {0}"]) as workers:
            workers.map(ran, ["a task", "another"])
"""


def test_a_miss_in_a_pool_is_of_the_test_that_runs(started):
    """Also in a pool of a wider fixture. Each task raises the miss of an initializer: else Python would start the worker anew, for ever."""
    started.tests(MISSING.format("fork") + MISSING.format("spawn"))
    real = ["fetch Oslo fork", "fetch Oslo spawn"]
    started.record("-k", "one").expect(passed=2, deselected=4, real=real)

    run = started.run()

    missing = [
        f"{city} {way}" for city in ("Rome", "Bern") for way in ("fork", "spawn")
    ]
    says = [f"no recording of shop:fetch(city='{city}')" for city in missing]
    run.expect(passed=2, failed=4, real=[], says=says)
    command = "to record the missing: pytest --mimic-record "
    [line] = [line for line in run.section if line.startswith(command)]
    names = [f"{name}_{way}" for name in ("two", "begun") for way in ("fork", "spawn")]
    tests = {f"test_shop.py::test_{name}" for name in names}
    assert {*line.removeprefix(command).split()} == tests


def test_a_key_that_cannot_be_pickled_is_refused_in_such_a_process(started):
    started.tests("""
        @pytest.mark.mimic("shop:fetch", key=lambda arguments, lock=threading.Lock(): 1)
        def test_it():
            shop.by_pool("Oslo")
    """)

    run = started.record()

    run.expect(failed=1, real=[], says=["key= of shop:fetch", "give key= a name"])


def test_workers_of_xdist_start_processes_too(started):
    started.test("assert shop.by_pool('Oslo') == 'OSLO'")

    run = started.record("-n1").expect(passed=1, says=["1 call recorded"])

    assert len(run.calls) == 1
    assert "nothing is mimicked" not in run.output


# Other processes and interpreters, by the name that the summary gives them.
OTHERS = {
    "loky": """
    def test_loky():
        from loky import get_reusable_executor
        assert get_reusable_executor(1).submit(shop.fetch, "Oslo").result() == "OSLO"
    """,
    "subprocess": """
    def test_subprocess():
        import subprocess
        subprocess.run([sys.executable, "-c", "import shop; shop.fetch('Oslo')"], check=True)
    """,
    "concurrent.interpreters": """
    def test_interpreters():
        from concurrent.futures import InterpreterPoolExecutor
        with InterpreterPoolExecutor(1) as pool:
            assert pool.submit(shop.fetch, "Oslo").result() == "OSLO"
    """,
}


def test_what_starts_elsewhere_is_named(started):
    found = [name for name in OTHERS if importlib.util.find_spec(name)]
    started.tests("".join(OTHERS[name] for name in found))

    run = started.run()

    run.expect(passed=len(found), real=["fetch Oslo"] * len(found))
    heading, *rows, way_out = run.section[-len(found) - 2 :]
    assert heading == "processes in which nothing is mimicked:"
    tests = [f"test_shop.py::test_{name.rpartition('.')[2]}" for name in found]
    assert [row.split() for row in rows] == [[*row] for row in zip(found, tests)]
    assert (
        way_out
        == "to mimic calls there: name the function that starts it, or use multiprocessing"
    )
