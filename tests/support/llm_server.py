"""A small fake of the OpenAI and Anthropic APIs on loopback: replies, streams, tool calls, a 429 and a 500 at first."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from uuid import uuid4

from support import loopback
from support.loopback import serving

KEY = "sk-live-9f8e7d6c5b4a"


class Handler(loopback.Handler):
    """Accepts one key; other requests get 401."""

    server: Server

    def do_POST(self) -> None:
        asked = json.loads(self.body())
        self.server.seen.append(self.path)
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        key = self.headers.get("X-Api-Key") or bearer
        text = json.dumps(asked)
        if key != KEY:
            self.fail(401, f"Incorrect API key provided: {key}", type="auth")
        elif "broken" in text and self.first_time("broken"):
            self.fail(500, "internal error")
        elif "busy" in text and self.first_time("busy"):
            self.fail(429, "slow down", type="rate_limit")
        elif self.path.endswith("/chat/completions"):
            self.openai(asked)
        else:
            self.anthropic(asked)

    def fail(self, status: int, message: str, **facts: str) -> None:
        """Send an error, after which a client may try again at once."""
        error = {"message": message, **facts}
        self.reply(status, {"error": error}, Retry_After_Ms="1")

    def first_time(self, name: str) -> bool:
        """Return True once for each name."""
        with self.server.lock:
            is_first = name not in self.server.failed
            self.server.failed.add(name)
        return is_first

    def reply(self, status: int, value: Any, **headers: str) -> None:
        """Send a JSON response."""
        cookie = "__cf_bm=cf-cookie-1234567; path=/; HttpOnly"
        self.answer(
            status, json.dumps(value), "application/json", Set_Cookie=cookie, **headers
        )

    def events(self, events: list[tuple[str, Any]]) -> None:
        """Send server-sent events by name, where they have one, and flush each."""
        chunks = []
        for name, value in events:
            data = value if isinstance(value, str) else json.dumps(value)
            head = f"event: {name}\n" if name else ""
            chunks.append(f"{head}data: {data}\n\n")
        self.stream(chunks, "text/event-stream")

    def completion(self, head: Any, message: Any, usage: Any) -> None:
        """Send an answer of OpenAI."""
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        kind = {"object": "chat.completion", "choices": [choice], "usage": usage}
        self.reply(200, {**head, **kind})

    def chunks(self, head: Any, deltas: list[dict[str, Any]]) -> None:
        """Send an answer of OpenAI piece by piece."""
        chunk = {**head, "object": "chat.completion.chunk"}
        events: list[tuple[str, Any]] = [
            ("", {**chunk, "choices": [{"index": 0, "delta": delta}]})
            for delta in deltas
        ]
        self.events([*events, ("", "[DONE]")])

    def agent(self, asked: dict[str, Any]) -> None:
        """Call the first tool twice, then tell the result: in the API of OpenAI, with ids and texts of this turn only.

        Texts are streamed word by word.
        """
        turn = next(self.server.turns)
        made = {"id": f"chatcmpl-{uuid4().hex}", "created": time.time_ns() // 10**9}
        head = {**made, "model": asked["model"]}
        usage = _usage(turn, 2 * turn)
        messages = asked["messages"]
        results = [one["content"] for one in messages if one["role"] == "tool"]
        message: dict[str, Any] = {"role": "assistant"}
        if len(results) < 2:
            arguments = f'{{"day": {len(results)}}}'
            message["tool_calls"] = [_called(asked, f"call_{uuid4().hex}", arguments)]
        else:
            message["content"] = f"Turn {turn}: it is {' and '.join(results)}."
        if not asked.get("stream"):
            self.completion(head, message, usage)
            return
        words = [{"content": f"{word} "} for word in message["content"].split()]
        self.chunks(head, [{"role": "assistant", "content": ""}, *words])

    def openai(self, asked: dict[str, Any]) -> None:
        """Greet in the requested language, or call the first tool."""
        if "agent" in asked["model"]:
            self.agent(asked)
            return
        head = {"id": "chatcmpl-1", "created": 1, "model": asked["model"]}
        if asked.get("stream"):
            words = [{"content": "Grüß"}, {"content": " Gott"}]
            self.chunks(head, [{"role": "assistant"}, *words])
            return
        message: dict[str, Any] = {"role": "assistant", "content": "Hello"}
        last = asked["messages"][-1]
        if last["role"] == "tool":
            message["content"] = f"It is {last['content']}."
        elif asked.get("tools"):
            call = _called(asked, "call_1", '{"city": "Oslo"}')
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        self.completion(head, message, _usage(9, 12))

    def anthropic(self, asked: dict[str, Any]) -> None:
        """Greet, or call the first tool."""
        content: dict[str, Any] = {"type": "text", "text": "Hello"}
        if asked.get("tools") and asked["messages"][-1]["role"] == "user":
            tool = {"id": "toolu_1", "name": asked["tools"][0]["name"]}
            content = {"type": "tool_use", **tool, "input": {"city": "Oslo"}}
        said = {"id": "msg_1", "type": "message", "role": "assistant"}
        head = {**said, "model": asked["model"]}
        usage = {"input_tokens": 9, "output_tokens": 12}
        if not asked.get("stream"):
            end = {"stop_reason": "end_turn", "usage": usage}
            self.reply(200, {**head, "content": [content], **end})
            return
        begun = {"message": {**head, "content": [], "usage": usage}}
        end = {"delta": {"stop_reason": "end_turn"}, "usage": usage}
        parts: list[tuple[str, dict[str, Any]]] = [
            ("message_start", begun),
            ("content_block_start", {"index": 0, "content_block": _text("text", "")}),
            ("content_block_delta", {"index": 0, "delta": _text("text_delta", "Hel")}),
            ("content_block_delta", {"index": 0, "delta": _text("text_delta", "lo")}),
            ("content_block_stop", {"index": 0}),
            ("message_delta", end),
            ("message_stop", {}),
        ]
        self.events([(name, {"type": name, **facts}) for name, facts in parts])


def _text(kind: str, text: str) -> dict[str, str]:
    return {"type": kind, "text": text}


def _usage(asked: int, answered: int) -> dict[str, int]:
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
    }


def _called(asked: dict[str, Any], identifier: str, arguments: str) -> dict[str, Any]:
    """Return a call of the first tool."""
    name = asked["tools"][0]["function"]["name"]
    function = {"name": name, "arguments": arguments}
    return {"id": identifier, "type": "function", "function": function}


class Server(loopback.Server):
    """Replies in threads."""

    def __init__(self, handler: type[Handler] = Handler) -> None:
        super().__init__(handler)
        self.failed: set[str] = set()
        self.turns = count(1)


@contextmanager
def running_llm(handler: type[Handler] = Handler) -> Iterator[Server]:
    """Run a server in a thread."""
    with serving(Server(handler)) as server:
        yield server
