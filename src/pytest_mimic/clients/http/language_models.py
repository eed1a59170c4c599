"""The target `llm`: which requests ask a language model, and what an answer decides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pytest_mimic.client import Plain
from pytest_mimic.clients.http import bodies, requests

# How a service takes a question: how the path ends, `*` for any text in a segment; what
# the JSON has at its top, besides others; the public reference that says so. Mistral,
# Groq, DeepSeek, xAI, OpenRouter, vLLM and others speak as OpenAI does.
_TABLE = """
    /chat/completions                       model,messages              https://platform.openai.com/docs/api-reference/chat/create
    /completions                            model,prompt                https://platform.openai.com/docs/api-reference/completions/create
    /responses                              model,input                 https://platform.openai.com/docs/api-reference/responses/create
    /embeddings                             model,input                 https://platform.openai.com/docs/api-reference/embeddings/create
    /moderations                            model,input                 https://platform.openai.com/docs/api-reference/moderations/create
    /openai/deployments/*/chat/completions  messages                    https://learn.microsoft.com/azure/ai-services/openai/reference
    /openai/deployments/*/completions       prompt                      https://learn.microsoft.com/azure/ai-services/openai/reference
    /openai/deployments/*/embeddings        input                       https://learn.microsoft.com/azure/ai-services/openai/reference
    /v1/messages                            model,messages              https://docs.anthropic.com/en/api/messages
    /v1/messages/count_tokens               model,messages              https://docs.anthropic.com/en/api/messages-count-tokens
    /model/*/converse                       messages                    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
    /model/*/converse-stream                messages                    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
    /model/*/invoke                         anthropic_version,messages  https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
    /model/*/invoke-with-response-stream    anthropic_version,messages  https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
    /models/*:rawPredict                    anthropic_version,messages  https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
    /models/*:streamRawPredict              anthropic_version,messages  https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude
    /*:generateContent                      contents                    https://ai.google.dev/api/generate-content
    /*:streamGenerateContent                contents                    https://ai.google.dev/api/generate-content
    /models/*:countTokens                   contents                    https://ai.google.dev/api/tokens
    /models/*:embedContent                  content                     https://ai.google.dev/api/embeddings
    /models/*:batchEmbedContents            requests                    https://ai.google.dev/api/embeddings
    /api/chat                               model,messages              https://github.com/ollama/ollama/blob/main/docs/api.md
    /api/generate                           model,prompt                https://github.com/ollama/ollama/blob/main/docs/api.md
    /api/embed                              model,input                 https://github.com/ollama/ollama/blob/main/docs/api.md
    /v2/chat                                model,messages              https://docs.cohere.com/reference/chat
    /v2/embed                               model,input_type            https://docs.cohere.com/reference/embed
    /v2/rerank                              model,query,documents       https://docs.cohere.com/reference/rerank
"""


# How the path ends, and the keys of the JSON.
_FORMS: list[tuple[re.Pattern[str], set[str]]] = []
for _line in _TABLE.strip().split("\n"):
    _path, _keys, _source = _line.split()
    _pattern = re.escape(_path).replace(r"\*", "[^/]+") + "$"
    _FORMS.append((re.compile(_pattern), set(_keys.split(","))))

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
    needed = [keys for pattern, keys in _FORMS if pattern.search(path)]
    if not needed:
        return False
    question = bodies.held(request.get("body", {}))
    if not isinstance(question, dict) or not isinstance(question.get("model", ""), str):
        return False
    if not any(question.keys() >= keys for keys in needed):
        return False
    return not any(map(question.get, _STORED)) and not _names_stored(question)


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
