"""Section 2, `llm`: which requests ask a language model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_mimic.clients.http import requests
from pytest_mimic.clients.http.language_models import is_question

SAID = [{"role": "user", "content": "hello"}]
CHAT = {"model": "m", "messages": SAID}
FILE = [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]
CALL = {"type": "tool_use", "id": "1", "name": "read", "input": {"file_id": "f"}}
SCHEMA = {"name": "open", "parameters": {"properties": {"file_id": {"type": "string"}}}}
CLAUDE = {"anthropic_version": "bedrock-2023-05-31", "messages": SAID, "max_tokens": 1}
GOOGLE = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
VERTEX = "europe-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers"

QUESTIONS = {
    "api.openai.com/v1/chat/completions": CHAT,
    "api.openai.com/v1/responses": {"model": "m", "input": "hello"},
    "api.openai.com/v1/responses ": {"model": "m", "input": SAID, "background": False},
    "api.openai.com/v1/completions": {"model": "m", "prompt": "hello"},
    "api.openai.com/v1/embeddings": {"model": "m", "input": ["a", "b"]},
    "api.mistral.ai/v1/chat/completions": {**CHAT, "tools": [{"function": SCHEMA}]},
    "openrouter.ai/api/v1/chat/completions": {**CHAT, "stream": True},
    "api.groq.com/openai/v1/chat/completions": CHAT,
    "me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1": {
        "messages": SAID
    },
    "api.anthropic.com/v1/messages": {**CHAT, "max_tokens": 9},
    "api.anthropic.com/v1/messages ": {
        **CHAT,
        "messages": [*SAID, {"role": "assistant", "content": [CALL]}],
    },
    "api.anthropic.com/v1/messages/count_tokens": CHAT,
    "bedrock-runtime.eu.amazonaws.com/model/m%3A0/converse": {"messages": SAID},
    "bedrock-runtime.eu.amazonaws.com/model/m%3A0/invoke": CLAUDE,
    "generativelanguage.googleapis.com/v1beta/models/g:generateContent": GOOGLE,
    "generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse": (
        GOOGLE
    ),
    f"{VERTEX}/google/models/g:generateContent": GOOGLE,
    f"{VERTEX}/anthropic/models/c:streamRawPredict": CLAUDE,
    "127.0.0.1:11434/api/chat": CHAT,
    "127.0.0.1:11434/api/generate": {"model": "m", "prompt": "hello"},
    "api.cohere.com/v2/chat": CHAT,
}

OTHERS = {
    "api.twilio.com/2010-04-01/Accounts/AC1/Messages.json": {"Body": "hello"},
    "forms.example.com/v1/forms/7/responses": {"answers": [{"field": 1, "text": "a"}]},
    "shop.example.com/v1/messages": {"to": "ann", "text": "hello"},
    "chat.example.com/v1/messages": {"messages": [{"text": "hello"}]},
    "shop.example.com/v1/embeddings": {"page": 1},
    "api.openai.com/v1/threads/t/runs": {"assistant_id": "a", "model": "m"},
    "api.openai.com/v1/threads/t/messages": {"role": "user", "content": "hello"},
    "api.openai.com/v1/responses": {
        "model": "m",
        "input": "on",
        "previous_response_id": "r",
    },
    "api.openai.com/v1/responses ": {
        "model": "m",
        "input": "hello",
        "background": True,
    },
    "api.openai.com/v1/responses  ": {"model": "m", "input": "on", "conversation": "c"},
    "api.openai.com/v1/responses   ": {"model": "m", "input": FILE},
    "api.openai.com/v1/responses    ": {
        "model": "m",
        "input": "hello",
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}],
    },
    "api.openai.com/v1/responses/r/cancel": {},
    "api.openai.com/v1/batches": {
        "input_file_id": "f",
        "endpoint": "/v1/chat/completions",
    },
    "api.openai.com/v1/fine_tuning/jobs": {"model": "m", "training_file": "f"},
    "api.openai.com/v1/images/generations": {"model": "m", "prompt": "a cat"},
    "api.anthropic.com/v1/messages/batches": {"requests": [{"params": CHAT}]},
    "api.anthropic.com/v1/messages": {**CHAT, "container": "c"},
    "generativelanguage.googleapis.com/v1beta/models/g:generateContent": {
        **GOOGLE,
        "cachedContent": "cachedContents/1",
    },
    "generativelanguage.googleapis.com/v1beta/models/g:generateContent ": {
        "contents": [{"parts": [{"fileData": {"fileUri": "files/1"}}]}]
    },
    "generativelanguage.googleapis.com/v1beta/models/g:batchGenerateContent": GOOGLE,
    "api.cohere.com/v1/chat": {"message": "hello", "conversation_id": "c"},
}


def read(address, body, *, method="POST", kind="application/json"):
    headers = [("Content-Type", kind)]
    url = f"https://{address.strip()}"
    return requests.read(method, url, headers, json.dumps(body).encode())


@pytest.mark.parametrize("address", QUESTIONS)
def test_a_request_to_a_language_model_is_taken(address):
    assert is_question(read(address, QUESTIONS[address]))


PAGE = Path(__file__).parents[2] / "docs/reference/configuration.md"
# A row: the keys at the top of the JSON, and the paths.
ROW = r"^\| ((?:`\w+` ?)+) \| (`/.+`) \|$"


def forms():
    for keys, paths in re.findall(ROW, PAGE.read_text("utf-8"), re.MULTILINE):
        for path in re.findall(r"`(\S+)`", paths):
            yield path, re.findall(r"\w+", keys)


@pytest.mark.parametrize(("path", "keys"), [*forms()])
def test_the_reference_lists_what_is_taken(path, keys):
    address = f"service.example.com{path.replace('*', 'x')}"

    assert is_question(read(address, dict.fromkeys(keys, "x")))


@pytest.mark.parametrize("address", OTHERS)
def test_another_request_is_not_taken(address):
    assert not is_question(read(address, OTHERS[address]))


def test_only_json_that_is_posted_is_taken():
    address = "api.openai.com/v1/chat/completions"

    assert not is_question(read(address, CHAT, method="GET"))
    assert not is_question(
        read(address, CHAT, kind="application/x-www-form-urlencoded")
    )
    assert not is_question({"method": "POST", "url": f"https://{address}"})
