"""What language models are asked and answer, in the shapes of three providers."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.tree.chats import (
    Tokens,
    answer_messages,
    request_messages,
    streamed_text,
    tokens_in,
)

OPENAI_CALL = {"function": {"name": "rain", "arguments": '{"city": "Oslo"}'}}


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (
            {
                "model": "m",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": [{"type": "text", "text": "Rain?"}]},
                    {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
                    {"role": "tool", "content": "yes"},
                ],
            },
            [
                ("system", "Be brief."),
                ("user", "Rain?"),
                ("assistant", 'rain({"city": "Oslo"})'),
                ("tool", "yes"),
            ],
        ),
        ({"model": "m", "input": "Rain?"}, [("user", "Rain?")]),
        (
            {
                "system": "Be brief.",
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "source": {}},
                            {"type": "tool_result", "content": "yes"},
                        ],
                    }
                ],
            },
            [("system", "Be brief."), ("user", "[image]\nyes")],
        ),
        (
            {"contents": [{"role": "user", "parts": [{"text": "Rain?"}]}]},
            [("user", "Rain?")],
        ),
        ({"input": "no model is named"}, []),
        ({"messages": 3}, []),
        (["a list"], []),
        (None, []),
    ],
    ids=[
        "chat completions",
        "responses",
        "anthropic",
        "gemini",
        "a form with an input",
        "other messages",
        "a list",
        "nothing",
    ],
)
def test_the_messages_of_a_request(body: Any, messages: list[tuple[str, str]]) -> None:
    assert request_messages(body) == messages


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (
            {"choices": [{"message": {"role": "assistant", "content": "Yes."}}]},
            [("assistant", "Yes.")],
        ),
        (
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "name": "rain", "input": {"city": "Oslo"}},
                ],
            },
            [("assistant", 'Let me see.\nrain({"city": "Oslo"})')],
        ),
        (
            {
                "candidates": [
                    {"content": {"role": "model", "parts": [{"text": "Yes"}]}}
                ]
            },
            [("model", "Yes")],
        ),
        (
            {
                "output": [
                    {
                        "type": "message",
                        "role": "assistant",
                        "content": [{"type": "output_text", "text": "Yes."}],
                    }
                ]
            },
            [("assistant", "Yes.")],
        ),
        ({"rates": {"USD": 1.08}}, []),
    ],
    ids=["chat completions", "anthropic", "gemini", "responses", "another service"],
)
def test_the_messages_of_an_answer(body: Any, messages: list[tuple[str, str]]) -> None:
    assert answer_messages(body) == messages


@pytest.mark.parametrize(
    ("events", "text"),
    [
        (
            [
                {"choices": [{"delta": {"role": "assistant"}}]},
                {"choices": [{"delta": {"content": "It "}}]},
                {"choices": [{"delta": {"content": "rains."}}]},
                "[DONE]",
            ],
            "It rains.",
        ),
        (
            [{"choices": [{"delta": {"tool_calls": [OPENAI_CALL]}}]}],
            'rain{"city": "Oslo"}',
        ),
        (
            [
                {"type": "content_block_delta", "delta": {"text": "It "}},
                {"type": "content_block_delta", "delta": {"partial_json": '{"a'}},
            ],
            'It {"a',
        ),
        ([{"type": "response.output_text.delta", "delta": "It rains."}], "It rains."),
        ([{"candidates": [{"content": {"parts": [{"text": "It"}]}}]}], "It"),
        ([{"temperature": 9}, "a text"], ""),
    ],
    ids=["chat completions", "tool", "anthropic", "responses", "gemini", "other"],
)
def test_the_joined_text_of_a_stream(events: list[Any], text: str) -> None:
    assert streamed_text(events) == text


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (
            {"model": "m", "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
            Tokens("m", 9, 2),
        ),
        (
            [
                {"message": {"model": "c", "usage": {"input_tokens": 9}}},
                {"usage": {"output_tokens": 1}},
                {"usage": {"output_tokens": 12}},
            ],
            Tokens("c", 9, 12),
        ),
        (
            {
                "modelVersion": "g",
                "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
            },
            Tokens("g", 3, 4),
        ),
        ({"usage": {"disk": 3}}, None),
        ({"usage": "much"}, None),
        ("a text", None),
    ],
    ids=["openai", "a stream of anthropic", "gemini", "a disk", "a word", "a text"],
)
def test_the_tokens_of_an_answer(body: Any, tokens: Tokens | None) -> None:
    assert tokens_in(body) == tokens
