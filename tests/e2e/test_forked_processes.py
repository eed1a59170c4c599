"""Forked processes replay and record as part of the run that forked them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from support.forked_calls import CHILDREN, MODES, WAYS
from support.http_server import Server, running_server

pytest_plugins = ("support.database_servers", "support.forking")

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", MODES)
def test_children_take_places_in_a_recording_and_in_a_replay(
    forking, server, way, mode
):
    """One after the other, each gets the outcome of its own call; `/count` counts."""
    forking.forking_tests(f"""
def test_children():
    assert [{way}(get, "/count"), {way}(get, "/count")] == ["1", "2"]
    assert get("/count") == "3"
    assert {way}(get, "/count") == "4"
""")

    forking.run_forking(mode).expect(passed=1, says=["4 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["4 calls replayed"])


# 1.0.0rc3 gave 1 to each of these children, already while recording.
OTHER_CLIENTS = {
    "httpx, asyncio": """
async def count():
    async with httpx.AsyncClient() as client:
        return int((await client.get(URL + "/count")).text)

def call():
    return asyncio.run(count())
""",
    "urllib": """
def call():
    return int(urllib.request.urlopen(URL + "/count").read())
""",
    "aiohttp": """
async def count():
    async with aiohttp.ClientSession() as session:
        async with session.get(URL + "/count") as answer:
            return int(await answer.text())

def call():
    return asyncio.run(count())
""",
    "redis": """
def call():
    with redis.Redis.from_url(os.environ["REDIS"]) as client:
        return client.incr("count")
""",
    "sqlalchemy": """
def call():
    engine = create_engine("sqlite:///" + os.environ["DATABASE"])
    with engine.begin() as connection:
        connection.execute(text("create table if not exists counts (a integer)"))
        connection.execute(text("insert into counts values (1)"))
        return connection.execute(text("select count(*) from counts")).scalar()
""",
}


@pytest.mark.parametrize(
    "client",
    [
        name if name == "redis" else pytest.param(name, marks=pytest.mark.rare)
        for name in OTHER_CLIENTS
    ],
)
def test_equal_calls_of_children_have_their_own_outcomes_through_other_clients(
    forking, server, client, redis_server, tmp_path
):
    forking.ini("http", "redis", "sqlalchemy")
    forking.env["REDIS"] = f"redis://127.0.0.1:{redis_server.port}/0"
    forking.env["DATABASE"] = str(tmp_path / "shop.db")
    forking.forking_tests(f"""
import asyncio, urllib.request
import aiohttp, httpx, redis
from sqlalchemy import create_engine, text
{OTHER_CLIENTS[client]}
def test_children():
    assert [in_fork(call), in_process(call), call(), in_fork(call)] == [1, 2, 3, 4]
""")
    forking.run_forking("--mimic-record").expect(passed=1)

    server.stop()
    redis_server.empty()
    (tmp_path / "shop.db").unlink(missing_ok=True)
    forking.run_forking().expect(passed=1, never=["missing"])


def test_children_at_the_same_time_take_different_places(forking, server):
    """They count together with calls of the test and of grandchildren."""
    forking.forking_tests("""
def both():
    barrier = CONTEXT.Barrier(3)
    queue = CONTEXT.SimpleQueue()

    def child():
        barrier.wait()
        queue.put(get("/count"))

    processes = [CONTEXT.Process(target=child) for _ in range(3)]
    for process in processes:
        process.start()
    answers = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return answers

def test_children():
    assert get("/count") == "1"
    assert sorted(both()) == ["2", "3", "4"]
    assert sorted(in_fork(both)) == ["5", "6", "7"]
    assert get("/count") == "8"
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["8 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["8 calls replayed"])


def test_what_a_brother_has_recorded_is_new_in_this_run(forking, server):
    """A conversation goes on for real, whichever process has begun it."""
    forking.forking_tests("""
def ask(*paths):
    return [get(path) for path in paths]

def test_children():
    assert in_fork(ask, "/count?a") == ["1"]
    assert in_fork(ask, "/count?a", "/count?b=1") == ["2", "1"]
    assert ask("/count?b=1", "/count?c=1") == ["2", "1"]
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["5 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["5 calls replayed"])


@pytest.mark.rare
def test_a_recorded_conversation_is_not_recorded_on_by_a_child(forking, server):
    """The test fails and keeps its recordings, as with one process."""
    forking.forking_tests("""
def test_children():
    assert get("/count") == "1"
    assert in_fork(get, "/count") == "2"
""")
    forking.run_forking("--mimic-record").expect(passed=1)
    forking.forking_tests("""
def test_children():
    assert get("/count") == "1"
    assert in_fork(get, "/count?more") == "ended with 2304"
""")

    run = forking.run_forking("--mimic-record").expect(
        failed=1,
        says=["calls before it were replayed", "--mimic-rerecord test_shop.py"],
    )

    assert run.changed == set()


@pytest.mark.rare
def test_what_the_outcome_of_a_child_gave_is_not_made_anew(project):
    """The parent sends it, and the next run gets it from the recording again."""
    project.module("""
        import time

        def issue():
            return time.time()

        def send(at):
            return "sent"
    """)
    project.ini("shop:issue", "shop:send")
    project.tests(
        CHILDREN
        + """
import shop

def test_child():
    at = in_fork(shop.issue)
    assert shop.send(at) == "sent"
    assert shop.send(int(at) + 3600) == "sent"
"""
    )

    recorded = project.run("--mimic-record", process=True, env={"API": ""})

    recorded.expect(passed=1, never=["the next run"])
    project.run(process=True, env={"API": ""}).expect(passed=1)


def test_a_child_that_is_killed_in_its_turn_stops_nobody(forking, server):
    """Nothing of its turn counts."""
    forking.forking_tests("""
def killed():
    from pytest_mimic.plugin import innermost_session

    session = innermost_session()
    session.run.recordings.turns.begin()
    session.run.current.family.tell(("half",))
    os.kill(os.getpid(), signal.SIGKILL)

def test_children():
    assert in_fork(get, "/count") == "1"
    assert in_fork(killed) == f"ended with {signal.SIGKILL}"
    assert in_fork(get, "/count") == "2"
    assert get("/count") == "3"
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["3 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["3 calls replayed"])


@pytest.mark.parametrize("killed", [2, pytest.param(3, marks=pytest.mark.rare)])
def test_a_child_that_is_killed_in_its_call_leaves_its_place_empty(project, killed):
    """No call moves up to it, and none is repeated in it."""
    project.ini("shop:number sequence")
    project.module(f"""
        import os, signal
        from tally import ran

        def number():
            ran("number")
            with open(os.environ["TALLY"]) as tally:
                number = len(tally.readlines())
            if number == {killed}:
                os.kill(os.getpid(), signal.SIGKILL)
            return number
    """)
    project.tests(
        CHILDREN.replace('URL = os.environ["API"]', "import shop")
        + f"""
def test_children():
    numbers = [in_fork(shop.number), in_fork(shop.number), in_fork(shop.number)]
    assert numbers[{killed - 1}].startswith("ended with")
    del numbers[{killed - 1}]
    assert numbers == [number for number in (1, 2, 3) if number != {killed}]
"""
    )

    project.record(process=True).expect(passed=1, real=["number"] * 3)

    project.replay(process=True).expect(
        failed=1,
        real=[],
        says=["no recording of shop:number()", "gave nothing that was kept"],
        never=["AssertionError"],
    )


OPEN = """
KEPT = []

def leave_open(path):
    KEPT.append(requests.get(URL + path, stream=True))
    return KEPT[0].raw.read(3).decode()

def leave_waiting():
    threading.Thread(target=get, args=["/hang"], daemon=True).start()
    # Until it waits for its socket, or in a replay for the end of this process.
    names = set()
    while not names & {"readinto", "wait"}:
        frames = sys._current_frames().values()
        names = {frame.f_code.co_name for frame in frames}
    return "left"

def test_children():
    assert in_fork(leave_open, "/stall") == "the"
    assert in_fork(leave_waiting) == "left"
    assert get("/users/1")
    assert PASSES
"""


def test_an_exchange_that_is_open_when_a_child_exits_ends_there(forking, server):
    forking.forking_tests("PASSES = True\n" + OPEN)

    forking.run_forking("--mimic-record").expect(passed=1, says=["3 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1)
    ended = b"".join(forking.files("calls").values())
    assert ended.count(b'"end": "open"') == 2


@pytest.mark.rare
def test_an_open_exchange_of_a_child_is_not_kept_where_its_test_fails(forking, server):
    forking.forking_tests("PASSES = False\n" + OPEN)

    forking.run_forking("--mimic-record").expect(failed=1, says=["1 call recorded"])

    assert b'"end"' not in b"".join(forking.files("calls").values())


@pytest.mark.rare
def test_a_failing_test_takes_failures_of_its_children_back(forking, server):
    """It keeps the answers, which were paid for."""
    forking.forking_tests("""
def test_children():
    in_fork(get, "/users/1")
    in_fork(get, "/flaky")
    assert False
""")

    run = forking.run_forking("--mimic-record").expect(failed=1)

    assert len(forking.files("calls")) == 1
    assert "GET /flaky" in run.output


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", MODES)
def test_children_record_into_a_cassette_and_replay_it(forking, server, way, mode):
    """Their calls stand in it as those of the test do, in one order."""
    forking.forking_tests(f"""
def test_children(mimic_auto):
    with mimic_auto("trip", targets=["http"]) as cassette:
        assert [get("/count"), {way}(get, "/count"), get("/count")] == ["1", "2", "3"]
        assert {way}(get, "/users/1") == get("/users/1")
        assert cassette.all_played
        assert [call.signature for call in cassette.calls] == [
            *["GET /count → 200"] * 3, *["GET /users/1 → 200"] * 2
        ]
        assert cassette.play_count == (0 if cassette.mode == "record" else 5)
""")

    run = forking.run_forking(mode).expect(passed=1, says=["5 calls recorded"])

    assert [name for name in run.changed if "objects" not in name] == [
        "cassettes/trip.json"
    ]
    server.stop()
    forking.run_forking().expect(passed=1, says=["5 calls replayed"])


@pytest.mark.rare
def test_a_call_of_a_child_that_outlives_the_block_is_part_of_the_cassette(
    forking, server
):
    forking.forking_tests("""
def test_child(mimic_auto):
    parent_end, child_end = CONTEXT.Pipe()

    def work():
        answer = requests.get(URL + "/users/1", stream=True)
        child_end.send("begun")
        child_end.recv()
        child_end.send(answer.json()["name"])

    with mimic_auto("trip", targets=["http"]):
        process = CONTEXT.Process(target=work)
        process.start()
        assert parent_end.recv() == "begun"
    parent_end.send("go on")
    # Both ends are open here, too.
    assert child_end is not parent_end
    process.join()
    assert parent_end.recv()
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["1 call recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["1 call replayed"])


@pytest.mark.rare
def test_a_killed_child_leaves_its_place_in_a_cassette_empty(project):
    """No call moves up to it."""
    project.module("""
        import os, signal
        from tally import ran

        def number():
            ran("number")
            with open(os.environ["TALLY"]) as tally:
                number = len(tally.readlines())
            if number == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return number
    """)
    project.tests(
        CHILDREN.replace('URL = os.environ["API"]', "import shop")
        + """
def test_children(mimic_auto):
    with mimic_auto("trip", targets=["shop:number"]):
        assert in_fork(shop.number) == 1
        assert in_fork(shop.number) == f"ended with {signal.SIGKILL}"
        assert shop.number() == 3
"""
    )

    project.run(process=True).expect(passed=1, real=["number"] * 3)

    project.run(process=True).expect(
        failed=1, real=[], says=["gave nothing that was kept"]
    )


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.rare
def test_an_open_exchange_of_a_child_is_kept_in_a_cassette_if_its_test_passes(
    forking, server, passes
):
    forking.forking_tests(f"""
KEPT = []

def leave_open(path):
    KEPT.append(requests.get(URL + path, stream=True))
    return KEPT[0].raw.read(3).decode()

def test_children(mimic_auto):
    with mimic_auto("trip", targets=["http"]):
        assert get("/users/1")
        assert in_fork(leave_open, "/stall") == "the"
    assert {passes}
""")

    forking.run_forking("--mimic-record").expect(
        **{"passed" if passes else "failed": 1}
    )

    kept = forking.files("cassettes")
    assert (b'"end": "open"' in b"".join(kept.values())) == passes
    assert bool(kept) == passes


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.rare
def test_a_cassette_that_a_child_opens_is_judged_with_its_test(forking, server, passes):
    forking.forking_tests(f"""
def test_children(mimic_auto):
    def work():
        with mimic_auto("trip", targets=["http"]):
            return get("/count")

    assert in_fork(work) == "1"
    assert {passes}
""")

    forking.run_forking("--mimic-record").expect(
        **{"passed" if passes else "failed": 1}
    )

    assert bool(forking.files("cassettes")) == passes


def test_a_child_that_outlives_the_call_that_forked_it_is_mimicked_then(
    forking, server
):
    """A pool that a recorded function has made serves the test afterwards."""
    forking.ini("http", "shop:total")
    forking.module(
        CHILDREN
        + """
POOL = []

def pool():
    if not POOL:
        POOL.append(ProcessPoolExecutor(1, mp_context=CONTEXT))
    return POOL[0]

def total():
    return [pool().submit(get, "/count").result() for _ in range(2)]
"""
    )
    forking.forking_tests("""
import shop

def test_pool():
    assert shop.total() == ["1", "2"]
    assert shop.pool().submit(get, "/count").result() == "3"
    assert get("/count") == "4"
    shop.pool().shutdown()
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["3 calls recorded"])

    server.stop()
    forking.run_forking().expect(passed=1, says=["3 calls replayed"])


@pytest.mark.parametrize("way", WAYS)
def test_a_child_that_a_recorded_function_forks_is_part_of_its_call(
    forking, server, way
):
    """Its calls take no places: those after it get their own answers."""
    forking.ini("http", "shop:outer")
    forking.module(
        CHILDREN
        + f"""
def ask_twice():
    return [get("/count"), get("/count")]

def outer():
    return {way}(ask_twice)
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


@pytest.mark.rare
def test_calls_of_all_processes_are_numbered_in_the_order_in_which_they_are_made(
    forking, server
):
    """The number goes on after those of a child, as a list of the calls is sorted by it."""
    forking.forking_tests("""
def ask(*paths):
    return [get(path) for path in paths]

def test_children():
    get("/users/1")
    in_fork(ask, "/users/2", "/users/3")
    get("/users/4")
    in_fork(ask, "/users/5")
""")

    forking.run_forking("--mimic-record").expect(passed=1, says=["5 calls recorded"])

    numbers = {}
    for recording in forking.files("calls").values():
        [path] = set(re.findall(rb"/users/(\d)", recording))
        [number] = re.findall(rb'"number": (\d+)', recording)
        numbers[int(path)] = int(number)
    assert numbers == {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
