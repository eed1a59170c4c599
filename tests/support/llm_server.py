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
        key = self.headers.get("X-Api-Key") or self.headers.get(
            "Authorization", ""
        ).removeprefix("Bearer ")
        if key != KEY:
            self.reply(
                401,
                {
                    "error": {
                        "message": f"Incorrect API key provided: {key}",
                        "type": "auth",
                    }
                },
            )
        elif "broken" in json.dumps(asked) and self.first_time("broken"):
            self.reply(
                500, {"error": {"message": "internal error"}}, Retry_After_Ms="1"
            )
        elif "busy" in json.dumps(asked) and self.first_time("busy"):
            self.reply(
                429,
                {"error": {"message": "slow down", "type": "rate_limit"}},
                Retry_After_Ms="1",
            )
        elif self.path.endswith("/chat/completions"):
            self.openai(asked)
        else:
            self.anthropic(asked)

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

    def events(self, events: list[tuple[str | None, Any]]) -> None:
        """Send server-sent events and flush each one."""
        self.stream(
            (
                (f"event: {event}\n" if event else "")
                + f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n"
                for event, value in events
            ),
            "text/event-stream",
        )

    def agent(self, asked: dict[str, Any]) -> None:
        """Call the first tool twice, then tell the result: in the API of OpenAI, with ids and texts of this turn only.

        Texts are streamed word by word.
        """
        turn = next(self.server.turns)
        head = {
            "id": f"chatcmpl-{uuid4().hex}",
            "created": time.time_ns() // 10**9,
            "model": asked["model"],
        }
        usage = {
            "prompt_tokens": turn,
            "completion_tokens": 2 * turn,
            "total_tokens": 3 * turn,
        }
        results = [
            message["content"]
            for message in asked["messages"]
            if message["role"] == "tool"
        ]
        message: dict[str, Any] = {"role": "assistant"}
        if len(results) < 2:
            function = {
                "name": asked["tools"][0]["function"]["name"],
                "arguments": f'{{"day": {len(results)}}}',
            }
            message["tool_calls"] = [
                {"id": f"call_{uuid4().hex}", "type": "function", "function": function}
            ]
        else:
            message["content"] = f"Turn {turn}: it is {' and '.join(results)}."
        if not asked.get("stream"):
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self.reply(
                200,
                {
                    **head,
                    "object": "chat.completion",
                    "choices": [choice],
                    "usage": usage,
                },
            )
            return
        words = [
            {"role": "assistant", "content": ""},
            *({"content": f"{word} "} for word in message["content"].split()),
        ]
        chunk = {**head, "object": "chat.completion.chunk"}
        events = [
            (None, {**chunk, "choices": [{"index": 0, "delta": word}]})
            for word in words
        ]
        self.events([*events, (None, "[DONE]")])

    def openai(self, asked: dict[str, Any]) -> None:
        """Greet in the requested language, or call the first tool."""
        if "agent" in asked["model"]:
            self.agent(asked)
            return
        head = {"id": "chatcmpl-1", "created": 1, "model": asked["model"]}
        if asked.get("stream"):
            words: list[dict[str, Any]] = [
                {"role": "assistant"},
                {"content": "Grüß"},
                {"content": " Gott"},
            ]
            events: list[tuple[str | None, Any]] = [
                (
                    None,
                    {
                        **head,
                        "object": "chat.completion.chunk",
                        "choices": [{"index": 0, "delta": word}],
                    },
                )
                for word in words
            ]
            self.events([*events, (None, "[DONE]")])
            return
        message: dict[str, Any] = {"role": "assistant", "content": "Hello"}
        if asked.get("tools"):
            function = {
                "name": asked["tools"][0]["function"]["name"],
                "arguments": '{"city": "Oslo"}',
            }
            call = {"id": "call_1", "type": "function", "function": function}
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        if asked["messages"][-1]["role"] == "tool":
            message = {
                "role": "assistant",
                "content": f"It is {asked['messages'][-1]['content']}.",
            }
        usage = {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self.reply(
            200,
            {**head, "object": "chat.completion", "choices": [choice], "usage": usage},
        )

    def anthropic(self, asked: dict[str, Any]) -> None:
        """Greet, or call the first tool."""
        content: list[dict[str, Any]] = [{"type": "text", "text": "Hello"}]
        if asked.get("tools") and asked["messages"][-1]["role"] == "user":
            name = asked["tools"][0]["name"]
            content = [
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": name,
                    "input": {"city": "Oslo"},
                }
            ]
        head = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
        }
        usage = {"input_tokens": 9, "output_tokens": 12}
        if not asked.get("stream"):
            self.reply(
                200,
                {**head, "content": content, "stop_reason": "end_turn", "usage": usage},
            )
            return
        block = {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        }
        events: list[tuple[str | None, Any]] = [
            (
                "message_start",
                {
                    "type": "message_start",
                    "message": {**head, "content": [], "usage": usage},
                },
            ),
            ("content_block_start", block),
            *(
                (
                    "content_block_delta",
                    {"type": "content_block_delta", "index": 0, "delta": delta},
                )
                for delta in (
                    {"type": "text_delta", "text": "Hel"},
                    {"type": "text_delta", "text": "lo"},
                )
            ),
            ("content_block_stop", {"type": "content_block_stop", "index": 0}),
            (
                "message_delta",
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn"},
                    "usage": usage,
                },
            ),
            ("message_stop", {"type": "message_stop"}),
        ]
        self.events(events)


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
