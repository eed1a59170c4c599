"""Section 3, *Session output*: what calls have cost and saved, calls at once counted once."""

from __future__ import annotations

import re

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
    import asyncio, httpx, os

    def test_it():
        async def ask(client, number):
            body = {"model": "gpt-x", "messages": [{"role": "user", "content": f"question {number}"}]}
            await client.post(os.environ["API"] + "/v1/chat/completions", json=body)

        async def ask_all():
            async with httpx.AsyncClient() as client:
                await asyncio.gather(*(ask(client, number) for number in range(10)))

        asyncio.run(ask_all())
"""


def test_calls_at_once_count_once_and_tokens_by_model(project):
    pytest.importorskip("httpx")
    import threading

    project.ini("http")
    project.tests(TESTS)
    server = loopback.Server(Slow)
    server.barrier, server.event = threading.Barrier(10), threading.Event()
    with loopback.serving(server):
        env = {"API": server.url}
        recorded = project.record(env=env).expect(passed=1)
    replayed = project.run("--mimic-report=page.html", env=env).expect(passed=1)

    [told] = re.findall(
        r"^10 calls recorded in ([\d.]+) s$", recorded.output, re.MULTILINE
    )
    assert 0.3 < float(told) < 2.5
    assert "tokens spent: gpt-x 11,000 in (40 cached), 700 out" in recorded.section
    [told] = re.findall(r"([\d.]+) s saved, 11,700 tokens saved", replayed.output)
    assert 0.3 < float(told) < 2.5


def test_a_row_tells_the_model_and_the_last_words(project):
    pytest.importorskip("httpx")
    project.ini("http")
    project.tests(TESTS)

    missed = project.run(env={"API": "http://127.0.0.1:9"}).expect(failed=1)

    rows = [line for line in missed.section if line.startswith("  http POST")]
    assert "(gpt-x: question " in rows[0]
