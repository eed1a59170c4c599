"""Child processes: a forked one replays, and refuses what would run; one that is started anew is named."""

from __future__ import annotations

import importlib.util
import os

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
WAYS = ["fork", "pool_by_fork"]


@pytest.fixture
def forking(project, server):
    """A project whose tests call the server in other processes."""
    project.ini("http")
    project.process = True
    return project


def test_forked_children_replay_what_all_tests_share(forking, server):
    """Their calls are counted. While recording, what they would do for real is refused."""
    forking.ini("http sequence=no")
    forking.tests(f"""{CHILDREN}
@pytest.mark.parametrize("way", {WAYS})
def test_it(way):
    path = f"/users/{{way}}"
    assert get(path) == ask(way, get, path) == ask(way, get, path)

@pytest.mark.parametrize("way", {WAYS})
def test_alone(way):
    try:
        ask(way, get, f"/users/alone/{{way}}")
    except Exception:
        pass
""")

    run = forking.record()

    refused = [
        f"GET /users/alone/{way} would be made for real in a forked child process"
        for way in WAYS
    ]
    run.expect(
        passed=len(WAYS),
        failed=len(WAYS),
        says=[*refused, "mimic the function that starts the process"],
    )
    assert {call.signature for call in run.calls} == {
        f"GET /users/{way}" for way in WAYS
    }
    assert "alone" not in " ".join(server.seen)
    server.stop()
    replayed = f"{3 * len(WAYS)} calls replayed"
    judged = "2 tests deselected, a forked child made calls"
    forking.run("-k", "it", "--mimic-fail-on-unused").expect(
        passed=len(WAYS), deselected=len(WAYS), says=[replayed, judged]
    )


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


# -- what is started anew

STARTED = """
    import multiprocessing

    def fetch(city):
        ran("fetch", city)
        return city.upper()
"""
MISSING = """
    @pytest.fixture(scope="session")
    def pool():
        with shop.multiprocessing.get_context("fork").Pool(1) as pool:
            yield pool

    def test_one(pool):
        assert shop.fetch("Oslo") == pool.apply(shop.fetch, ["Oslo"])

    def test_two(pool):
        assert pool.apply(shop.fetch, ["Rome"]).startswith("ROME")

    # Python 3.15 warns of this fork, beside the threads of the first pool.
    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_begun():
        pool = shop.multiprocessing.get_context("fork").Pool
        with pool(1, shop.fetch, ["Bern"]) as workers:
            workers.map(ran, ["a task", "another"])
"""


@pytest.fixture
def started(project):
    project.ini("shop:fetch")
    project.module(STARTED)
    project.process = True
    return project


def test_a_miss_in_a_pool_is_of_the_test_that_runs(started):
    """Each task raises the miss of an initializer: else Python would start the worker anew, for ever."""
    started.tests(MISSING)
    # What the parent has recorded while the pool runs is found there, too.
    started.record("-k", "one").expect(passed=1, deselected=2, real=["fetch Oslo"])

    run = started.run()

    says = [f"no recording of shop:fetch(city='{city}')" for city in ("Rome", "Bern")]
    run.expect(passed=1, failed=2, real=[], says=says)
    command = "to record the missing: pytest --mimic-record "
    [line] = [line for line in run.section if line.startswith(command)]
    assert {*line.removeprefix(command).split()} == {
        "test_shop.py::test_two",
        "test_shop.py::test_begun",
    }


SERVING = """
    import http.server, multiprocessing, urllib.request

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"own")

        def log_message(self, *args):
            pass

    def serve(ports):
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        ports.put(server.server_port)
        server.handle_request()

    def ask(method):
        context = multiprocessing.get_context(method)
        ports = context.Queue()
        process = context.Process(target=serve, args=[ports])
        process.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{ports.get(timeout=30)}/") as answer:
            found = answer.read()
        process.join()
        return found
"""


def test_a_server_of_a_child_is_none_that_is_recorded_by_whichever_method(project):
    methods = ["fork", "spawn", "forkserver"]
    project.ini("http")
    project.module(SERVING)
    project.tests(f"""
        import shop

        @pytest.mark.parametrize("method", {methods})
        def test_it(method):
            assert shop.ask(method) == b"own"
    """)

    run = project.record(process=True).expect(passed=3)

    assert run.calls == []


# Other processes and interpreters, by the name that the summary gives them.
OTHERS = {
    "spawn": """
    def test_spawn():
        with shop.multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(shop.fetch, ["Oslo"]) == "OSLO"
    """,
    "forkserver": """
    def test_forkserver():
        with shop.multiprocessing.get_context("forkserver").Pool(1) as pool:
            assert pool.apply(shop.fetch, ["Oslo"]) == "OSLO"
    """,
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
    found = [
        name
        for name in OTHERS
        if name in ("spawn", "forkserver") or importlib.util.find_spec(name)
    ]
    started.tests("".join(OTHERS[name] for name in found))

    run = started.run()

    run.expect(passed=len(found), real=["fetch Oslo"] * len(found))
    heading, *rows, way_out = run.section[-len(found) - 2 :]
    assert heading == "processes in which nothing is mimicked:"
    tests = [f"test_shop.py::test_{name.rpartition('.')[2]}" for name in found]
    assert [row.split() for row in rows] == [[*row] for row in zip(found, tests)]
    assert way_out == "to mimic calls there: name the function that starts the process"
