"""An agent that answers with a language model and a tool."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import anthropic
import openai

SYSTEM = "You are a forecaster."
TOOL = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object"}},
}


def client(kind: type[Any] = openai.OpenAI) -> Any:
    """Return a client of the model's API."""
    retries = int(os.environ.get("LLM_RETRIES", "2"))
    return kind(
        base_url=f"{os.environ['LLM']}/v1",
        api_key=os.environ.get("LLM_KEY", "none"),
        max_retries=retries,
    )


def prompt(text: str, **more: Any) -> dict[str, Any]:
    """Return the arguments of a request."""
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": text},
    ]
    return {"model": "gpt-x", "messages": messages, **more}


def weather(city: str) -> str:
    """Return the weather in a city; the agent's tool."""
    return f"sunny in {city}"


def forecast(question: str) -> str:
    """Answer a question, calling the tool as often as the model asks for it."""
    with client() as api:
        return _answer(api, prompt(question, tools=[TOOL]))


def _answer(api: Any, request: dict[str, Any]) -> str:
    while True:
        message = api.chat.completions.create(**request).choices[0].message
        if not message.tool_calls:
            return message.content
        request["messages"].append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            result = weather(**json.loads(call.function.arguments))
            request["messages"].append(
                {"role": "tool", "tool_call_id": call.id, "content": result}
            )


def stream(text: str) -> str:
    """Return an answer that arrives in pieces."""
    with client() as api:
        answer = api.chat.completions.create(**prompt(text, stream=True))
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer)


async def ask_all(texts: list[str]) -> list[str]:
    """Ask several questions at once."""
    async with client(openai.AsyncOpenAI) as api:
        answers = await asyncio.gather(
            *(api.chat.completions.create(**prompt(text)) for text in texts)
        )
    return [answer.choices[0].message.content for answer in answers]


def ask(text: str) -> str:
    """Ask one question, with the SDK's own retries."""
    with client() as api:
        return api.chat.completions.create(**prompt(text)).choices[0].message.content


def summarize(text: str) -> str:
    """Return another provider's answer that arrives in pieces."""
    key = os.environ.get("LLM_KEY", "none")
    messages = [{"role": "user", "content": f"{SYSTEM} {text}"}]
    request = {"model": "claude-x", "max_tokens": 9, "messages": messages}
    with (
        anthropic.Anthropic(base_url=os.environ["LLM"], api_key=key) as api,
        api.messages.stream(**request) as answer,
    ):
        return "".join(answer.text_stream)
