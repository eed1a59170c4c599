"""Section 3, *Session output*: what calls have cost and saved, calls at once counted once."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from support import loopback

ANSWER = """{"model": "gpt-x", "choices": [{"message": {"content": "hello"}}],
    "usage": {"prompt_tokens": 1100, "completion_tokens": 70,
              "prompt_tokens_details": {"cached_tokens": 4}}}"""


class Slow(loopback.Handler):
    """Answers when ten requests are here."""

    def do_POST(self):
        self.body()
        self.server.barrier.wait(10)
        self.server.event.wait(0.3)
        self.answer(200, ANSWER, "application/json")


TESTS = """
    def test_it():
        async def ask(client, number):
            body = {"model": "gpt-x", "messages": [{"role": "user", "content": f"question {number}"}]}
            await client.post(os.environ["API"] + "/v1/chat/completions", json=body)

        async def ask_all():
            async with httpx.AsyncClient() as client:
                await asyncio.gather(*(ask(client, number) for number in range(10)))

        asyncio.run(ask_all())
"""


@pytest.fixture
def slow():
    pytest.importorskip("httpx")
    server = loopback.Server(Slow)
    server.barrier, server.event = threading.Barrier(10), threading.Event()
    return server


def test_calls_at_once_count_once_and_tokens_by_model(project, slow):
    project.ini("http")
    project.tests(TESTS)
    with project.shop(slow):
        recorded = project.record().expect(passed=1)
    replayed = project.run("--mimic-report=page.html").expect(passed=1)

    [told] = re.findall(
        r"^10 calls recorded in ([\d.]+) s$", recorded.output, re.MULTILINE
    )
    assert 0.3 < float(told) < 2.5
    assert "tokens spent: gpt-x 11,000 in (40 cached), 700 out" in recorded.section
    [told] = re.findall(r"([\d.]+) s saved, 11,700 tokens saved", replayed.output)
    assert 0.3 < float(told) < 2.5


AT_ONCE = """
    from concurrent.futures import ThreadPoolExecutor

    def work_at_once(numbers):
        with ThreadPoolExecutor(3) as pool:
            assert [*pool.map(shop.work, numbers)] == [*numbers]
"""
# What tests call in a run, how many calls that are, and their seconds at 20 a call.
SAVED = {
    "one after another": ("shop:work", ["shop.alone(1); shop.alone(2)"], 2, 40),
    "at once": ("shop:work", ["work_at_once(range(3))"], 3, 20),
    "at once, in a log": ("shop:work sequence", ["work_at_once(range(3))"], 3, 20),
    "equal": ("shop:work", ["shop.alone(1); shop.alone(1)"], 2, 40),
    "equal, in a log": ("shop:work sequence", ["shop.alone(1); shop.alone(1)"], 2, 40),
    "two tests at once": ("shop:work", ["work_at_once(range(3))"] * 2, 6, 40),
    "first at once, then in turn": (
        "shop:work",
        ["work_at_once(range(3))", "shop.alone(0)"],
        4,
        40,
    ),
}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id=""),
        pytest.param(["-n", "2"], id="in workers", marks=pytest.mark.rare),
    ],
)
@pytest.mark.parametrize(
    ("line", "bodies", "calls", "seconds"), SAVED.values(), ids=SAVED
)
def test_the_seconds_saved(shop, line, bodies, calls, seconds, options):
    """Of calls that ran at once they count once, whoever asks them in a replay."""
    shop.ini(line)
    shop.module("""
        import threading

        barrier = threading.Barrier(3)

        def alone(number):
            global barrier
            barrier = threading.Barrier(1)
            try:
                return work(number)
            finally:
                barrier = threading.Barrier(3)

        def work(number):
            barrier.wait(60)
            return number
    """)
    tests = [
        f"def test_{number}():\n        {body}\n    "
        for number, body in enumerate(bodies)
    ]
    shop.tests(AT_ONCE + "\n    " + "\n    ".join(tests))
    # The first test makes the calls at once that a later one shares.
    shop.record("-p", "no:randomly").expect(passed=len(bodies))
    shop.edit_calls(lambda call: setattr(call, "seconds", 20.0))

    run = shop.run(*options, process=bool(options)).expect(passed=len(bodies))

    assert f"{calls} calls replayed, {seconds}.0 s saved" in run.output


def test_time_is_told_though_a_test_holds_the_clock(project):
    pytest.importorskip("freezegun")
    project.ini("shop:work")
    project.module("def work(number):\n    return sum(range(number, 3_000_000))\n")
    project.tests("""
        import freezegun
        import shop

        @freezegun.freeze_time("2026-11-02")
        def test_it():
            for number in range(9):
                shop.work(number)
    """)

    recorded = project.record().expect(passed=1)
    replayed = project.run().expect(passed=1)

    [spent] = re.findall(r"^9 calls recorded in ([\d.]+) s", recorded.output, re.M)
    [saved] = re.findall(r"([\d.]+) s saved", replayed.output)
    assert float(spent) == pytest.approx(float(saved), rel=0.1)


def test_a_row_tells_the_model_and_the_last_words(project):
    pytest.importorskip("httpx")
    project.ini("http")
    project.tests(TESTS)

    missed = project.run(env={"API": "http://127.0.0.1:9"}).expect(failed=1)

    rows = [line for line in missed.section if line.startswith("  http POST")]
    assert "(gpt-x: question " in rows[0]


@pytest.mark.parametrize(
    "change",
    [("range(10)", "range(11)"), ("question", "in one word")],
    ids=["one call more", "another prompt in each call"],
)
def test_the_command_that_records_says_what_its_tests_have_cost(project, slow, change):
    project.ini("llm")
    project.tests(TESTS)
    with project.shop(slow):
        project.record().expect(passed=1)
        project.tests(TESTS.replace(*change))

        missed = project.run().expect(failed=1)

    command = missed.section.index(
        "to record the missing: pytest --mimic-record test_shop.py::test_it"
    )
    assert missed.section[command + 1].startswith(
        "when recorded, these tests cost 10 calls, 11,700 tokens, # s"
    )


def test_a_miss_for_a_variable_that_is_not_set_names_it_and_its_length(
    project, server, monkeypatch
):
    """To record the call would ask somebody who has no key for one."""
    pytest.importorskip("httpx")
    project.ini("http")
    project.test("""
        said = {"prompt": f"my key is {os.environ.get('MY_API_KEY', 'none')}"}
        httpx.post(os.environ["API"] + "/echo", json=said)
    """)
    project.record(env={"MY_API_KEY": "a1b2c3d4e5f6a7b8"}).expect(passed=1)

    missed = project.run().expect(failed=1, never=["--mimic-record"])

    assert (
        "the value of MY_API_KEY is a part of it, and MY_API_KEY is not set"
        in missed.error
    )
    [remedy] = [line for line in missed.error if line.startswith("to replay it")]
    name, _, value = remedy.partition("whichever: ")[2].split()[0].partition("=")
    project.run(env={name: value}).expect(passed=1)


SUITE = """
    import logging, os, uuid

    def ask(path, **body):
        return httpx.post(os.environ["API"] + path, json=body).json()

    @pytest.mark.parametrize("number", range(15))
    def test_model(number):
        said = [{"role": "user", "content": f"question {number}"}]
        assert ask("/v1/chat/completions", model="gpt-x", messages=said)

    @pytest.mark.parametrize("number", range(15))
    def test_order(number):
        print("an order")
        logging.getLogger("shop").warning("sent")
        assert ask("/orders", id=str(uuid.uuid4()), item=number)

    @pytest.mark.parametrize("number", range(10))
    def test_function(number):
        assert shop.note(number) == number
"""


ORDERED = '{"ok": true, "access_token": "f8d2aa11"}'


class Service(loopback.Handler):
    """A model, and a shop."""

    def do_POST(self):
        self.body()
        is_model = self.path.endswith("/completions")
        self.answer(200, ANSWER if is_model else ORDERED, "application/json")


def test_a_recording_of_forty_tests_says_it_in_twelve_lines(project):
    """What must be acted on has rows; a fact is a line with counts, whole with -v."""
    pytest.importorskip("httpx")
    project.ini("llm", "http", "shop:note")
    project.module("""
        import logging

        def note(number):
            print("noted", number)
            logging.getLogger("shop").info("noted %s", number)
            return number
    """)
    project.tests(SUITE)
    with project.shop(Service):
        run = project.record().expect(passed=40)

    golden = Path(__file__).parents[1] / "golden/run_suite.txt"
    if os.environ.get("MIMIC_GOLDEN") == "update":
        golden.write_text("\n".join(run.section) + "\n", encoding="utf-8")
    assert run.section == golden.read_text("utf-8").splitlines()
    assert len(run.section) <= 12
