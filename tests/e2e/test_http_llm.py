"""SDKs of language models are recorded with a fake API, and replay without it and without a key."""

from __future__ import annotations

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

def test_stream():
    stream = client().chat.completions.create(**ask("hello", stream=True))
    assert [chunk.choices[0].delta.content for chunk in stream] == [None, "Grüß", " Gott"]

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

def test_retry_on_500():
    answer = client().chat.completions.create(**ask("broken"))
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

def test_async_stream():
    async def main():
        async with client(anthropic.AsyncAnthropic) as api:
            async with api.messages.stream(**ask("hello")) as stream:
                return [text async for text in stream.text_stream]
    assert asyncio.run(main()) == ["Hel", "lo"]

def test_tool_call():
    [block] = client().messages.create(**ask("weather?", tools=TOOLS)).content
    assert (block.name, block.input) == ("weather", {"city": "Oslo"})

def test_retry_on_429():
    assert client().messages.create(**ask("busy")).content[0].text == "Hello"
"""


def test_sdks_replay_without_their_server_and_key(project):
    need("openai", "anthropic")
    project.ini("httpx", "httpx2", filterwarnings="error")
    project.write("test_openai.py", OPENAI)
    project.write("test_anthropic.py", ANTHROPIC)

    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        recorded = project.run("--mimic-record", process=True, env=env).expect(passed=13)
        asked = len(llm.seen)
    replayed = project.run(process=True, env={"LLM": llm.url}).expect(passed=13)

    assert asked == len(llm.seen) > 13
    assert replayed.changed == set()
    stored = b"".join(recorded.vault.values())
    assert b'"total_tokens": 21' in stored
    assert b'"output_tokens": 12' in stored
    assert not [word for word in (KEY, "sk-wrong-0123456789", "cf-cookie-1234567") if word.encode() in stored]
