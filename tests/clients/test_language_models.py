"""Language models: SDKs replay without their server and key, tools in a loop verify, and prompts are recorded one by one."""

from __future__ import annotations

from support import loopback
from support.http_server import NOWHERE
from support.installed import need
from support.llm_server import KEY, running_llm

OPENAI = """
import asyncio, json, os
import openai
import pytest

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]

def client(kind=openai.OpenAI):
    return kind(base_url=os.environ["LLM"] + "/v1", api_key=os.environ.get("LLM_KEY", "none"))

def ask(text, **more):
    return {"model": "gpt-x", "messages": [{"role": "user", "content": text}], **more}

def test_plain():
    answer = client().chat.completions.create(**ask("hello"))
    assert answer.choices[0].message.content == "Hello"
    assert answer.usage.total_tokens == 21

def test_async_stream():
    async def main():
        async with client(openai.AsyncOpenAI) as api:
            stream = await api.chat.completions.create(**ask("hello", stream=True))
            return [chunk.choices[0].delta.content async for chunk in stream]
    assert asyncio.run(main()) == [None, "Grüß", " Gott"]

def test_tool_call():
    api = client()
    question = ask("weather?", tools=TOOLS)
    call = api.chat.completions.create(**question).choices[0].message
    [tool] = call.tool_calls
    assert json.loads(tool.function.arguments) == {"city": "Oslo"}
    question["messages"] += [
        call.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": tool.id, "content": "sunny"},
    ]
    assert api.chat.completions.create(**question).choices[0].message.content == "It is sunny."

def test_retry_on_429():
    answer = client().chat.completions.create(**ask("busy"))
    assert answer.choices[0].message.content == "Hello"

def test_twenty_at_once():
    async def main():
        async with client(openai.AsyncOpenAI) as api:
            questions = [ask(f"question {number}") for number in range(20)]
            return await asyncio.gather(*(api.chat.completions.create(**one) for one in questions))
    assert [answer.choices[0].message.content for answer in asyncio.run(main())] == ["Hello"] * 20

def test_wrong_key():
    api = openai.OpenAI(base_url=os.environ["LLM"] + "/v1", api_key="sk-wrong-0123456789")
    with pytest.raises(openai.AuthenticationError) as caught:
        api.chat.completions.create(**ask("let me in"))
    assert caught.value.status_code == 401
"""

ANTHROPIC = """
import asyncio, os
import anthropic

TOOLS = [{"name": "weather", "input_schema": {"type": "object"}}]

def client(kind=anthropic.Anthropic):
    return kind(base_url=os.environ["LLM"], api_key=os.environ.get("LLM_KEY", "none"))

def ask(text, **more):
    return {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": text}], **more}

def test_plain():
    answer = client().messages.create(**ask("hello"))
    assert (answer.content[0].text, answer.usage.output_tokens) == ("Hello", 12)

def test_stream():
    with client().messages.stream(**ask("hello")) as stream:
        assert list(stream.text_stream) == ["Hel", "lo"]
        assert stream.get_final_message().stop_reason == "end_turn"

def test_tool_call():
    [block] = client().messages.create(**ask("weather?", tools=TOOLS)).content
    assert (block.name, block.input) == ("weather", {"city": "Oslo"})

"""


def test_sdks_replay_without_their_server_and_key(project):
    need("openai", "anthropic")
    project.ini("httpx", "httpx2", filterwarnings="error")
    project.write("test_openai.py", OPENAI)
    project.write("test_anthropic.py", ANTHROPIC)

    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        recorded = project.run("--mimic-record", process=True, env=env).expect(passed=9)
        asked = len(llm.seen)
    replayed = project.run(process=True, env={"LLM": llm.url}).expect(passed=9)

    assert asked == len(llm.seen) > 9
    assert replayed.changed == set()
    stored = b"".join(recorded.vault.values())
    assert b'"total_tokens": 21' in stored
    assert b'"output_tokens": 12' in stored
    assert not [word for word in (KEY, "sk-wrong-0123456789", "cf-cookie-1234567") if word.encode() in stored]


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
import os
import httpx
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
    project.write(
        "test_stream.py",
        """
        import os
        import httpx

        def test_it():
            head = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}
            question = {"model": "agent-x", "stream": True, "messages": [{"role": "tool", "content": "dry"}] * 2}
            httpx.post(os.environ["LLM"] + "/v1/chat/completions", json=question, headers=head)
        """,
    )
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.ini("httpx volatile=body.id,body.created,body.choices")
        project.record(env=env).expect(passed=1)
        project.run("--mimic-verify", env=env).expect(passed=1)
        unchanged = project.run("--mimic-rerecord", env=env).expect(passed=1)
        project.ini("httpx volatile=body.id,body.created")
        drifted = project.run("--mimic-verify", env=env)

    assert unchanged.changed == set()
    drifted.expect(
        failed=1,
        says=["body[2].data.choices[0].delta.content: '1: ' recorded, '4: ' now"],
        never=["created: "],
    )


PROMPTS = """
    import os
    import requests

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

    assert replayed.section[0] == "20 calls replayed, # s and 420 tokens saved; 2 recordings unused"


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
