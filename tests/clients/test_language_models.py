"""Language models: SDKs replay without their server and key, tools in a loop verify, and prompts are recorded one by one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from support import face, loopback
from support.http_server import NOWHERE
from support.installed import need
from support.llm_server import KEY, Handler, running_llm

PROJECT = Path(__file__).parents[1] / "e2e" / "projects" / "agent"


@pytest.mark.rare
def test_sdks_replay_without_their_server_and_key(project):
    """OpenAI's and Anthropic's: streams, tools, twenty questions at once, and the retries after a 429 and a 500."""
    need("openai", "anthropic")
    shutil.copytree(PROJECT, project.root, dirs_exist_ok=True)

    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        recorded = project.record(process=True, env=env).expect(passed=6)
        asked = len(llm.seen)
    replayed = project.run(process=True, env={"LLM": llm.url}).expect(passed=6)

    assert asked == len(llm.seen) > 25
    assert replayed.changed == set()
    stored = b"".join(recorded.vault.values()).decode()
    assert '"total_tokens": 21' in stored
    assert KEY not in stored
    assert "cf-cookie-1234567" not in stored


AGENT = """
import os

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]

def loop(ask):
    messages = [{"role": "user", "content": "What is the weather like?"}]
    for _ in range(5):
        answer = ask({"model": "agent-x", "messages": messages, "tools": TOOLS})
        if not answer.get("tool_calls"):
            return answer["content"]
        messages.append(answer)
        for call in answer["tool_calls"]:
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "sunny"})
"""

PLAIN = """
from agent import loop

def ask(question):
    head = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}
    answer = httpx.post(os.environ["LLM"] + "/v1/chat/completions", json=question, headers=head)
    return answer.json()["choices"][0]["message"]

def test_loop():
    assert loop(ask).startswith("Turn 3: it is sunny and sunny.")
"""


def test_a_tool_loop_verifies_by_its_shape_and_nothing_more(project):
    """The ids of the recorded answers are sent back to the model, so that the requests stay the recorded ones."""
    need("httpx")
    project.ini("httpx compare=shape", "httpx2 compare=shape", filterwarnings="error")
    project.write("agent.py", AGENT)
    project.write("test_agent.py", PLAIN)

    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.record(env=env).expect(passed=1)
        verified = project.run("--mimic-verify", env=env).expect(passed=1)
        assert len(llm.seen) == 2 * 3
    project.replay(env=env).expect(passed=1)

    assert verified.changed == set()
    assert verified.section == ["3 calls verified"]


def test_volatile_names_a_field_in_each_event_of_a_stream(project):
    need("httpx")
    project["test_stream.py"] = """
        def test_it():
            head = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}
            question = {"model": "agent-x", "stream": True, "messages": [{"role": "tool", "content": "dry"}] * 2}
            httpx.post(os.environ["LLM"] + "/v1/chat/completions", json=question, headers=head)
    """
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.ini("httpx volatile=body.id,body.created,body.choices")
        project.record(env=env).expect(passed=1)
        project.run("--mimic-verify", env=env).expect(passed=1)
        unchanged = project.run("--mimic-rerecord", env=env).expect(passed=1)
        project.ini("httpx volatile=body.id,body.created")
        drifted = project.run("--mimic-verify", env=env)

    assert unchanged.changed == set()
    drifted.expect(failed=1, says=["'1: ' recorded, '4: ' now"])


PROMPTS = """
    HEAD = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}

    def ask(prompt, path, **more):
        body = {"model": "x", "messages": [{"role": "user", "content": prompt}], **more}
        assert requests.post(os.environ["LLM"] + path, json=body, headers=HEAD).ok

    def test_chat():
        for prompt in ANSWERED:
            ask(prompt, "/v1/chat/completions")
            ask(prompt, "/v1beta/models/gemini-x:generateContent", stream=True)
"""


def test_a_changed_prompt_of_many_is_recorded_alone_and_tokens_are_counted(project):
    need("requests")
    project.ini('requests sequence=no only="POST /v1*"', "requests")
    prompts = [f"question {number}" for number in range(10)]
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.tests(PROMPTS.replace("ANSWERED", str(prompts)))
        project.record(env=env).expect(passed=1)
        project.tests(PROMPTS.replace("ANSWERED", str([*prompts[:-1], "another"])))
        project.record(env=env).expect(passed=1)
        assert len(llm.seen) == 22

    replayed = project.replay(env=env).expect(passed=1)

    assert (
        replayed.section[0]
        == "20 calls replayed, # s saved, 420 tokens saved; 2 recordings unused"
    )


CONVERSATION = """
    HEAD = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}

    def test_chat():
        url = os.environ["LLM"] + "/v1/chat/completions"
        messages = [{"role": "system", "content": "Be short."}]
        for prompt, stream in (("Zoe?", True), ("And\\nTom?", False), ("Ann?", False)):
            messages.append({"role": "user", "content": prompt})
            body = {"model": "x", "messages": messages, "stream": stream}
            assert requests.post(url, json=body, headers=HEAD).content
"""


def test_show_has_a_conversation_as_roles_and_texts_in_its_order(
    project, capsys, monkeypatch
):
    need("requests")
    project.ini("http")
    project.tests(CONVERSATION)
    with running_llm() as llm:
        project.record(env={"LLM": llm.url, "LLM_KEY": KEY}).expect(passed=1)
    monkeypatch.chdir(project.root)
    capsys.readouterr()

    assert face.command(["show", "test_shop.py::test_chat"]) == 0

    lines = capsys.readouterr().out.splitlines()
    said = [
        line for line in lines if re.match(r"  (system|user|assistant|body): ", line)
    ]
    assert said == [
        "  system: Be short.",
        "  user: Zoe?",
        "  body: {'model': 'x', 'stream': True}",
        "  assistant: Grüß Gott",
        "  system: Be short.",
        "  user: Zoe?",
        "  user: |",
        "  body: {'model': 'x', 'stream': False}",
        "  assistant: Hello",
        "  system: Be short.",
        "  user: Zoe?",
        "  user: |",
        "  user: Ann?",
        "  body: {'model': 'x', 'stream': False}",
        "  assistant: Hello",
    ]


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
    project.test("""
        answers = [requests.get(os.environ["API"]).status_code for _ in range(3)]
        assert answers == [int(status) for status in os.environ["ANSWERS"].split()]
    """)
    busy = loopback.Server(Busy)
    busy.asked = 0
    with loopback.serving(busy):
        project.record(env={"API": busy.url, "ANSWERS": "429 200 200"}).expect(passed=1)

    project.run(env={"API": NOWHERE, "ANSWERS": "200 200 200"}).expect(passed=1)
    assert busy.asked == 2


PROMPT = """
    import os
    import httpx

    HEAD = {{"Authorization": f"Bearer {{os.environ['LLM_KEY']}}"}}
    SYSTEM = "Answer like a {system}."

    def ask(text, **more):
        said = [{{"role": "system", "content": SYSTEM}}, {{"role": "user", "content": text}}]
        body = {{"model": "gpt-x", "messages": said, **more}}
        url = os.environ["LLM"] + "/v1/chat/completions"
        return httpx.post(url, json=body, headers=HEAD).json()["choices"][0]["message"]

    def test_one():
        assert ask("Who are you?")["content"] == "Hello"

    def test_both():
        assert ask("Who are you?")["content"] == "Hello"
        assert ask("{question}")["content"]
"""


def test_a_line_for_language_models_shares_each_question(project):
    """It needs no options, and stands below the line for all of HTTP."""
    need("httpx")
    project.ini("http", "llm")
    project.tests(PROMPT.format(system="pirate", question="Why?"))
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.record(env=env).expect(passed=2)
        assert len(llm.seen) == 2
        project.tests(PROMPT.format(system="pirate", question="Where?"))
        project.record(env=env).expect(passed=2)
        assert len(llm.seen) == 3
    project.ini("llm")
    project.tests(PROMPT.format(system="sailor", question="Why?"))

    missed = project.run(env={"LLM": NOWHERE, "LLM_KEY": "none"}).expect(failed=2)

    assert any("pirate" in line and "sailor" in line for line in missed.error)
    assert "-mimic-record " in missed.output


def test_a_line_that_is_printed_has_no_option_that_its_target_has_by_itself(project):
    need("httpx")
    project.ini("llm match=headers.openai-project")
    tests = PROMPT.format(system="pirate", question="Why?")
    project.tests(
        tests.replace('"Why?"', "'Why?', user=str(__import__('uuid').uuid4())")
    )
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.record(env=env).expect(passed=2)
        run = project.run(env=env).expect(passed=1, failed=1)

    line = "llm ignore=body.user match=headers.openai-project"
    assert line in run.output


def test_a_question_verifies_by_its_shape_and_the_names_of_tools(project):
    need("httpx")
    project.ini("llm ignore=host,port")
    project.write("agent.py", AGENT)
    project.write("test_agent.py", PLAIN)
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.record(env=env).expect(passed=1)
        project.run("--mimic-verify", env=env).expect(passed=1)
    with running_llm(OtherTool) as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}

        drifted = project.run("--mimic-verify", env=env).expect(failed=1)

    assert "tool weather" in drifted.output
    assert "tool other" in drifted.output


def test_what_follows_a_tool_that_is_called_no_more_is_no_miss(project):
    """The ids of the other tools stand for those of the recording."""
    need("httpx")
    project.ini("http ignore=host,port")
    project.write("agent.py", AGENT)
    project.write("test_agent.py", PLAIN.replace("Turn 3", "Turn 2"))
    with running_llm(TwoTools) as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.record(env=env).expect(passed=1)
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}

        drifted = project.run("--mimic-verify", env=env).expect(failed=1)

    assert drifted.section[0] == "2 calls drifted"
    assert "--mimic-record" not in drifted.output


class TwoTools(Handler):
    """Calls a tool twice at once."""

    def completion(self, head, message, usage):
        for call in message.get("tool_calls", [])[:1]:
            message["tool_calls"].insert(0, {**call, "id": f"call_{uuid4().hex}"})
        super().completion(head, message, usage)


class OtherTool(Handler):
    """Calls another tool than it was told of."""

    def completion(self, head, message, usage):
        for call in message.get("tool_calls", ()):
            call["function"]["name"] = "other"
        super().completion(head, message, usage)


@pytest.mark.parametrize("done", ["data: [DONE]", "data:[DONE]"])
def test_a_stream_is_whole_at_its_last_event_though_its_reader_stops_there(
    project, done
):
    """The SDK of OpenAI stops there. A text of another length is no drift, another end is one."""
    need("httpx")
    project.ini("llm ignore=host,port")
    project.tests("""
        def test_it():
            question = {"model": "x", "messages": [{"role": "user", "content": "Zoe?"}]}
            url = os.environ["LLM"] + "/v1/chat/completions"
            with httpx.stream("POST", url, json=question) as answer:
                for line in answer.iter_lines():
                    if "[DONE]" in line:
                        break
    """)

    def run(option, end, *words):
        with running_llm(Streaming) as llm:
            llm.done, llm.end, llm.words = done, end, words
            return project.run(option, env={"LLM": llm.url})

    recorded = run("--mimic-record", "stop", "Hi", " Zoe").expect(passed=1)
    assert not any("left" in call.value for call in recorded.calls)
    for _ in range(2):
        for words in ["Hi"], ["Hi", " dear", " Zoe"]:
            run("--mimic-verify", "stop", *words).expect(passed=1)
        run("--mimic-verify", "length", "Hi", " Zoe").expect(
            failed=1, says=["finish_reason length"]
        )
        # As releases before this one have recorded it.
        project.edit_calls(lambda call: call.value.update(left=True))
    project.replay(env={"LLM": NOWHERE}).expect(passed=1)


class Streaming(Handler):
    """Says words, and an end."""

    def do_POST(self):
        self.body()
        deltas = [{"delta": {"content": word}} for word in self.server.words]
        ends = [{"delta": {}, "finish_reason": self.server.end}]
        events = [f"data: {json.dumps({'choices': [one]})}" for one in deltas + ends]
        events.append(self.server.done)
        self.stream([f"{event}\n\n" for event in events], "text/event-stream")
