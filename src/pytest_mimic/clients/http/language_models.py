"""The target `llm`: which requests ask a language model, and what an answer decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pytest_mimic.client import Plain
from pytest_mimic.clients.http import bodies, requests


class _Form(NamedTuple):
    """How a service takes a question.

    Attributes:
        path: How the path ends, `*` for any text in a segment.
        keys: What the JSON has at its top, besides others.
        source: The public reference that says so.
    """

    path: str
    keys: str
    source: str


_OPENAI = "https://platform.openai.com/docs/api-reference"
_AZURE = "https://learn.microsoft.com/azure/ai-services/openai/reference"
_ANTHROPIC = "https://docs.anthropic.com/en/api"
_BEDROCK = "https://docs.aws.amazon.com/bedrock/latest/APIReference"
_VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/docs"
_GEMINI = "https://ai.google.dev/api"
_OLLAMA = "https://github.com/ollama/ollama/blob/main/docs/api.md"
_COHERE = "https://docs.cohere.com/reference"
# Mistral, Groq, DeepSeek, xAI, OpenRouter, vLLM and others speak as OpenAI does.
_FORMS = (
    _Form("/chat/completions", "model messages", f"{_OPENAI}/chat/create"),
    _Form("/completions", "model prompt", f"{_OPENAI}/completions/create"),
    _Form("/responses", "model input", f"{_OPENAI}/responses/create"),
    _Form("/embeddings", "model input", f"{_OPENAI}/embeddings/create"),
    _Form("/moderations", "model input", f"{_OPENAI}/moderations/create"),
    _Form("/openai/deployments/*/chat/completions", "messages", _AZURE),
    _Form("/openai/deployments/*/completions", "prompt", _AZURE),
    _Form("/openai/deployments/*/embeddings", "input", _AZURE),
    _Form("/v1/messages", "model messages", f"{_ANTHROPIC}/messages"),
    _Form(
        "/v1/messages/count_tokens",
        "model messages",
        f"{_ANTHROPIC}/messages-count-tokens",
    ),
    _Form("/model/*/converse", "messages", f"{_BEDROCK}/API_runtime_Converse.html"),
    _Form(
        "/model/*/converse-stream",
        "messages",
        f"{_BEDROCK}/API_runtime_ConverseStream.html",
    ),
    _Form(
        "/model/*/invoke",
        "anthropic_version messages",
        f"{_BEDROCK}/API_runtime_InvokeModel.html",
    ),
    _Form(
        "/model/*/invoke-with-response-stream",
        "anthropic_version messages",
        f"{_BEDROCK}/API_runtime_InvokeModelWithResponseStream.html",
    ),
    _Form(
        "/models/*:rawPredict",
        "anthropic_version messages",
        f"{_VERTEX}/partner-models/claude/use-claude",
    ),
    _Form(
        "/models/*:streamRawPredict",
        "anthropic_version messages",
        f"{_VERTEX}/partner-models/claude/use-claude",
    ),
    _Form("/*:generateContent", "contents", f"{_GEMINI}/generate-content"),
    _Form("/*:streamGenerateContent", "contents", f"{_GEMINI}/generate-content"),
    _Form("/models/*:countTokens", "contents", f"{_GEMINI}/tokens"),
    _Form("/models/*:embedContent", "content", f"{_GEMINI}/embeddings"),
    _Form("/models/*:batchEmbedContents", "requests", f"{_GEMINI}/embeddings"),
    _Form("/api/chat", "model messages", _OLLAMA),
    _Form("/api/generate", "model prompt", _OLLAMA),
    _Form("/api/embed", "model input", _OLLAMA),
    _Form("/v2/chat", "model messages", f"{_COHERE}/chat"),
    _Form("/v2/embed", "model input_type", f"{_COHERE}/embed"),
    _Form("/v2/rerank", "model query documents", f"{_COHERE}/rerank"),
)

# What a service has stored, in a request by these names at its top.
_STORED = frozenset(
    """
    previous_response_id conversation conversation_id thread thread_id assistant_id
    background container cachedContent cached_content
    """.split()
)
# The same in a part of what is said, or in a tool.
_STORED_PARTS = frozenset("file_id fileUri file_uri vector_store_ids".split())
# Beside its name, the call of a tool has its arguments, which are data.
_ARGUMENTS = frozenset({"arguments", "args", "input"})
_ENDS = frozenset("finish_reason stop_reason finishReason stopReason".split())


def is_question(request: Plain) -> bool:
    """Return whether a request asks a language model, and names nothing stored."""
    if request.get("method") != "POST" or "url" not in request:
        return False  # a recorded one may have been edited
    path = requests.parts_of(request)["path"]
    forms = [form for form in _FORMS if _PATHS[form.path].search(path)]
    if not forms:
        return False
    asked = bodies.content(request["body"]) if "body" in request else None
    if not isinstance(asked, dict) or not _is_as_in(forms, asked):
        return False
    return not any(map(asked.get, _STORED)) and not _names_stored(asked)


def _is_as_in(forms: Iterable[_Form], asked: Plain) -> bool:
    if not isinstance(asked.get("model", ""), str):
        return False
    return any(asked.keys() >= set(form.keys.split()) for form in forms)


def _names_stored(part: Any) -> bool:
    """Return whether a part names a file, an index or an item that is stored."""
    if isinstance(part, list):
        return any(map(_names_stored, part))
    if not isinstance(part, dict):
        return False
    if any(map(part.get, _STORED_PARTS)) or part.get("type") == "item_reference":
        return True
    is_call = "name" in part
    return any(
        _names_stored(inner)
        for name, inner in part.items()
        # The schema of a tool may have any names.
        if not (is_call and name in (*_ARGUMENTS, "parameters", "input_schema"))
    )


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\*", "[^/]+") + "$")


_PATHS = {form.path: _pattern(form.path) for form in _FORMS}


def turn_of(body: Any) -> list[str]:
    """Return the tools that an answer calls, its roles and its ends, each once."""
    return sorted(set(_named(body)))


def _named(part: Any) -> Iterator[str]:
    """Yield the names of the tools that are called, the roles, and the ends."""
    if isinstance(part, list):
        for one in part:
            yield from _named(one)
    if not isinstance(part, dict):
        return
    is_call = isinstance(part.get("name"), str) and not _ARGUMENTS.isdisjoint(part)
    if is_call:
        yield f"tool {part['name']}"
    for name, inner in part.items():
        if name == "role" or name in _ENDS:
            if isinstance(inner, str):
                yield f"{name} {inner}"
        elif not (is_call and name in _ARGUMENTS):
            yield from _named(inner)
