"""Tokens of recorded answers: those of requests, and those of answers."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from pytest_mimic._run.token_counts import tokens_of

OPENAI = {"usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}
ANTHROPIC = {"type": "message", "usage": {"input_tokens": 9, "output_tokens": 12}}
GEMINI = {"usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 22}}


def events(*values):
    return {"chunks": [f"data: {json.dumps(value)}\n\n" for value in values]}


def stored(body, duration=1.0):
    return {"duration": duration, "value": {"status": 200, "body": body}}


def counted(*entries, answers=((1.0, "calls/http/1.json"),), store=None):
    files = {
        "calls/http/1.json": SimpleNamespace(
            outcomes=[SimpleNamespace(entry=one) for one in entries]
        )
    }
    vault = SimpleNamespace(
        store=SimpleNamespace(read=(store or {}).get), label="vault"
    )
    return sum(tokens_of(answers, vault, files))


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"json": OPENAI}, 21),
        ({"json": ANTHROPIC}, 21),
        ({"json": GEMINI}, 22),
        ({"json": [{"usageMetadata": {"totalTokenCount": 5}}, GEMINI]}, 22),
        (events({"choices": []}, {"choices": [], **OPENAI}) | {}, 21),
        (
            events({"usage": None}, {"type": "response.completed", "response": OPENAI}),
            21,
        ),
        (
            events(
                {
                    "type": "message_start",
                    "message": {"usage": {"input_tokens": 9, "output_tokens": 1}},
                },
                {"type": "message_delta", "usage": {"output_tokens": 12}},
            ),
            21,
        ),
        (
            {
                "chunks": [
                    'data: {"usage": {"total_',
                    'tokens": 21}}\n\ndata: [DONE]\n\n',
                ]
            },
            21,
        ),
        ({"chunks": ["data: usage of this\n"]}, 0),
        ({"events": [{"json": {}}, {"json": OPENAI}]}, 21),
        ({"json": {"chunks": 3, "usage": {"cpu": 4}}}, 0),
        ({"json": {"usage": "none", "text": '"usage": {"total_tokens": 4}'}}, 0),
        ({"text": "usage"}, 0),
        (None, 0),
    ],
)
def test_an_answer_says_its_tokens(body, tokens):
    assert counted(stored(body)) == tokens


def test_each_replay_counts_the_answer_that_it_had():
    name = "calls/http/1.json"
    entries = [
        stored({"json": {"usage": {"total_tokens": count}}}, duration)
        for count, duration in ((1, 0.5), (10, 0.7))
    ]

    assert counted(*entries, answers=[(0.5, name), (0.5, name)]) == 2
    assert counted(*entries, answers=[(0.7, name)]) == 10


def test_large_answers_are_read_and_missing_ones_are_not_counted():
    entry = {"duration": 1.0, "kind": "value", "json": "objects/1.json"}
    answer = json.dumps({"value": {"body": {"json": OPENAI}}}).encode()

    assert counted(entry, store={"objects/1.json": answer}) == 21
    assert counted(entry, store={"objects/1.json": b'{"usage": '}) == 0
    assert counted(entry) == 0
    assert counted(answers=[(1.0, "cassettes/gone.json")]) == 0


def test_requests_and_answers_count_apart():
    vault = SimpleNamespace(store=SimpleNamespace(read={}.get), label="vault")
    entry = stored({"json": OPENAI})
    known = {"1": SimpleNamespace(outcomes=[SimpleNamespace(entry=entry)])}

    assert tokens_of([(1.0, "1"), (1.0, "1")], vault, known) == (18, 24)
