"""`sequence=no`: a service that keeps no state answers new calls alone, and tokens are counted."""

from __future__ import annotations

import pytest

pytest.importorskip("requests", reason="needs requests")

from support import loopback
from support.http_server import NOWHERE
from support.llm_server import KEY, running_llm

CHAT, GEMINI = "v1/chat/completions", "v1beta/models/gemini-x:generateContent"
SHOP = f"""
    import os
    import requests

    def ask(prompt, path={GEMINI!r}, **more):
        body = {{"model": "x", "messages": [{{"role": "user", "content": prompt}}], **more}}
        answer = requests.post(f"{{os.environ['LLM']}}/{{path}}", json=body, headers={{"X-Api-Key": {KEY!r}}})
        return answer.json()["usage"] if not more else answer.text
"""
TEST = """
    from shop import ask

    def test_chat():
        for prompt in PROMPTS:
            assert ask(prompt)["input_tokens"] == 9
"""
LINE = 'requests sequence=no ignore=port only="POST */models/*:generateContent"'


@pytest.fixture
def chat(project):
    """A project whose test sends prompts. Returns functions to write its prompts, to record them, and to replay."""
    project.ini("requests ignore=port")
    project.module(SHOP)

    def ask(*prompts):
        project.tests(TEST.replace("PROMPTS", repr(prompts)))

    with running_llm() as llm:

        def record(*args, **expected):
            before = len(llm.seen)
            run = project.run("--mimic-record", *args, env={"LLM": llm.url}).expect(**expected)
            return run, len(llm.seen) - before

        def replay(*args):
            return project.run(*args, env={"LLM": "http://127.0.0.1:1"})

        project.ask, project.say, project.back, project.llm = ask, record, replay, llm
        yield project


def test_a_changed_prompt_of_twenty_is_one_call(chat):
    prompts = [f"question {number}" for number in range(20)]
    chat.ask(*prompts)
    chat.ini(LINE, "requests ignore=port")
    assert chat.say(passed=1)[1] == 20
    chat.ask(*prompts[:-1], "another")

    asked = chat.say(passed=1)[1]

    assert asked == 1
    replayed = chat.back().expect(passed=1)
    assert replayed.section[0] == "20 calls replayed, # s and 420 tokens saved; 1 recording unused"
    assert replayed.changed == set()


def test_in_an_extended_cassette_a_recorded_prompt_has_one_answer(chat):
    chat.ini()
    block = "with mimic_auto(targets=['requests'], sequence=False, ignore='port'):\n          for"
    text = TEST.replace("test_chat()", "test_chat(mimic_auto)").replace("for", block, 1)
    text = text.replace("            assert", "              assert")
    chat.tests(text.replace("PROMPTS", "['a', 'b']"))
    assert chat.say(passed=1)[1] == 2
    chat.tests(text.replace("PROMPTS", "['a', 'a', 'c', 'b', 'a']"))

    assert chat.say(passed=1)[1] == 1
    chat.back().expect(passed=1)


class Busy(loopback.Handler):
    """Too busy for the first request."""

    def do_GET(self):
        self.server.asked += 1
        self.send_response(429 if self.server.asked == 1 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_a_failed_exchange_of_this_run_is_sent_again(project):
    """An SDK tries again after a 429: it gets the real answer, which is the one that is recorded."""
    project.ini("requests sequence=no ignore=host,port,headers.host")
    project.tests("""
        import os, requests

        def test_it():
            answers = [requests.get(os.environ["API"]).status_code for _ in range(3)]
            assert answers == [int(status) for status in os.environ["ANSWERS"].split()]
    """)
    busy = loopback.Server(Busy)
    busy.asked = 0
    with loopback.serving(busy):
        project.record(env={"API": busy.url, "ANSWERS": "429 200 200"}).expect(passed=1)

    project.run(env={"API": NOWHERE, "ANSWERS": "200 200 200"}).expect(passed=1)
    assert busy.asked == 2


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["one process", "xdist"])
def test_tokens_of_streams_and_of_both_apis(chat, args):
    chat.ini("requests ignore=port")
    chat.tests(f"""
        from shop import ask

        def test_answers():
            ask("hello"), ask("hello", path={CHAT!r})

        def test_streams():
            ask("hello", stream=True), ask("hello", path={CHAT!r}, stream=True)
    """)
    assert chat.say(passed=2)[1] == 4

    run = chat.back(*args)

    assert run.section[0] == "4 calls replayed, # s and 63 tokens saved"
