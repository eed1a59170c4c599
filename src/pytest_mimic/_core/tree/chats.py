"""Conversations with language models, as messages and the report show them.

A conversation has messages, streamed texts and counts of tokens. Nothing here knows a
client, and no identity depends on it. The shapes are those of OpenAI (chat completions
and responses), Anthropic (messages) and Gemini (contents), as the API references of
2026 have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One message of a conversation.

    Attributes:
        role: Who speaks: `system`, `user`, `assistant`, `tool`, `model`, ...
        text: The words of the message. Calls of tools stand as `name(arguments)`.
    """

    role: str
    text: str


class Tokens(NamedTuple):
    """How many tokens an answer took.

    Attributes:
        model: The model's name, or an empty text.
        sent: The tokens of the request.
        received: The tokens of the answer.
    """

    model: str
    sent: int
    received: int


#: The parts of a request that `request_messages` returns.
CHAT_PARTS = frozenset(
    "system instructions systemInstruction messages input contents".split()
)


def request_messages(body: object) -> list[Message]:
    """Return the messages of a request to a language model, in their order.

    The list is empty if the body is no such request.
    """
    if not isinstance(body, Mapping):
        return []
    messages: list[Message] = []
    for key in ("system", "instructions", "systemInstruction"):
        if text := _words_of_message(body.get(key)):
            messages.append(Message("system", text))
    for key in ("messages", "input", "contents"):
        parts = body.get(key)
        if isinstance(parts, str) and "model" in body:
            messages.append(Message("user", parts))
        elif isinstance(parts, Sequence) and not isinstance(parts, str):
            messages += _messages_of(parts)
    return messages


def answer_messages(body: object) -> list[Message]:
    """Return the messages of a language model's answer that is no stream."""
    if not isinstance(body, Mapping):
        return []
    if body.get("role") == "assistant" and "content" in body:
        return _messages_of([body])
    messages: list[Message] = []
    for key, key_of_message in (("choices", "message"), ("candidates", "content")):
        for choice in _mappings(body.get(key)):
            message = choice.get(key_of_message)
            if isinstance(message, Mapping):
                messages += _messages_of([{"role": "assistant", **message}])
    for item in _mappings(body.get("output")):
        messages += _messages_of([{"role": "assistant", **item}])
    return messages


def streamed_text(events: Sequence[object]) -> str:
    """Return the text of a stream, joined from its events.

    Args:
        events: The data of each event: JSON, or a text.

    Returns:
        The pieces of text in their order, and the arguments of tool calls. An empty
        text if the events are not those of a language model.
    """
    pieces: list[str] = []
    for event in events:
        if isinstance(event, Mapping):
            pieces += _pieces_of_event(event)
    return "".join(pieces)


def tokens_of_response(response: object) -> Tokens | None:
    """Return the tokens that a recorded answer of HTTP tells of, or None.

    The recorder asks it of a real call. The summary asks it of a replayed one, whose
    tokens the run has saved. The page of the report asks it of both.

    Args:
        response: The plain data of the answer. The body is JSON, a list of events, or
            the text of server-sent events in chunks.
    """
    if not isinstance(response, Mapping):
        return None
    body = response.get("body")
    if not isinstance(body, Mapping):
        return None
    if "json" in body:
        return tokens_in(body["json"])
    if isinstance(body.get("events"), list):
        return tokens_in(event_data(body["events"]))
    if isinstance(body.get("chunks"), list):
        text = "".join(map(_plain_text, body["chunks"]))
        return tokens_in(list(_data_lines_with_usage(text)))
    return None


def event_data(events: Sequence[object]) -> list[Any]:
    """Return the data of each event of a stored stream: JSON, else the event itself."""
    data: list[Any] = []
    for event in events:
        if isinstance(event, Mapping) and "json" in event:
            data.append(event["json"])
        else:
            data.append(event)
    return data


def _data_lines_with_usage(text: str) -> Iterator[object]:
    """Yield the JSON of the lines `data: …` that mention a usage."""
    from json import loads

    for line in text.splitlines():
        if line.startswith("data:") and "usage" in line:
            try:
                yield loads(line[5:])
            except ValueError:
                # A text of the answer mentions a usage, or the stream was cut short.
                continue


def tokens_in(body: object) -> Tokens | None:
    """Return the tokens that an answer tells of, or None if it tells of none.

    Args:
        body: The JSON of an answer, or the list of its events. Of several counts in a
            stream, the last one holds.

    Example:
        `{"model": "m-1", "usage": {"input_tokens": 9, "output_tokens": 4}}` gives
        `Tokens("m-1", 9, 4)`.
    """
    events = [body]
    if isinstance(body, list):
        events = body
    model, sent, received = "", 0, 0
    for event in _mappings(events):
        # OpenAI and Gemini have the model and the usage in the answer or event itself,
        # a streamed answer of Anthropic in its message, one of OpenAI in its response.
        for answer in (event, event.get("message"), event.get("response")):
            if not isinstance(answer, Mapping):
                # The event has neither a message nor a response.
                continue
            model = _plain_text(answer.get("model")) or model
            model = _plain_text(answer.get("modelVersion")) or model
            usage = answer.get("usage") or answer.get("usageMetadata")
            if isinstance(usage, Mapping):
                # A later event without a count does not undo the count of an earlier.
                sent = _token_count(usage, _NAMES_OF_SENT) or sent
                # The tokens that a model thinks with are counted in the total alone.
                received_by_total = _token_count(usage, _NAMES_OF_TOTAL) - sent
                received_alone = _token_count(usage, _NAMES_OF_RECEIVED)
                received = max(received_by_total, received_alone) or received
    if not sent and not received:
        return None
    return Tokens(model, sent, received)


# The names that OpenAI, Anthropic and Gemini have for the counts.
_NAMES_OF_SENT = ("prompt_tokens", "input_tokens", "promptTokenCount")
_NAMES_OF_RECEIVED = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_NAMES_OF_TOTAL = ("total_tokens", "totalTokenCount")


def _token_count(usage: Mapping[str, Any], names: Sequence[str]) -> int:
    """Return the first count of tokens that a usage has under these names, else 0."""
    for name in names:
        if isinstance(usage.get(name), int):
            return int(usage[name])
    return 0


def _messages_of(parts: Sequence[object]) -> list[Message]:
    """Return the messages that have words, each with who speaks."""
    messages = []
    for part in _mappings(parts):
        text = _words_of_message(part)
        if text:
            role = _plain_text(part.get("role")) or _plain_text(part.get("type"))
            messages.append(Message(role or "user", text))
    return messages


def _words_of_message(part: object) -> str:
    """Return the words of a message, or of a part of a message.

    A call of a tool becomes `name(arguments)`. A part that is neither text nor a call
    becomes its type in brackets, `[image_url]`.

    | key of the words | where |
    |---|---|
    | `text` | a part, of every API |
    | `content` | a message of OpenAI or Anthropic, and what a tool gave |
    | `parts` | a message of Gemini |
    | `output` | what a tool gave: OpenAI, responses |
    | `refusal` | in place of `content`, OpenAI |
    """
    if isinstance(part, str):
        return part
    if isinstance(part, Sequence):
        return "\n".join(filter(None, map(_words_of_message, part)))
    if not isinstance(part, Mapping):
        return ""
    lines = []
    for key in ("text", "content", "parts", "output", "refusal"):
        if text := _words_of_message(part.get(key)):
            lines.append(text)
            break
    lines += map(_text_of_tool_call, _tool_calls(part))
    if not lines and "role" not in part and _plain_text(part.get("type")):
        lines.append(f"[{part['type']}]")
    return "\n".join(lines)


def _tool_calls(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the calls of tools in a message, or in a part of a message.

    | API | where the call is |
    |---|---|
    | OpenAI, chat completions | `tool_calls[…].function`, formerly `function_call` |
    | Gemini | `functionCall` |
    | Anthropic | the part itself, of the type `tool_use` |
    | OpenAI, responses | the part itself, of the type `function_call` |
    """
    # OpenAI, chat completions.
    for tool_call in _mappings(part.get("tool_calls")):
        call = tool_call.get("function")
        if isinstance(call, Mapping):
            yield call
    # OpenAI formerly, and Gemini.
    for key in ("function_call", "functionCall"):
        if isinstance(part.get(key), Mapping):
            yield part[key]
    # Anthropic, and OpenAI's responses.
    if part.get("type") in ("tool_use", "function_call") and "name" in part:
        yield part


def _text_of_tool_call(call: Mapping[str, Any]) -> str:
    """Return `name(arguments)`, whatever the API calls the arguments."""
    for key in ("arguments", "input", "args"):
        if key in call:
            return f"{call.get('name', '')}({_arguments_as_text(call[key])})"
    return f"{call.get('name', '')}()"


def _arguments_as_text(value: object) -> str:
    """Return the arguments of a tool call as text: OpenAI gives JSON in a text."""
    from json import dumps

    if isinstance(value, str):
        return value
    return dumps(value, ensure_ascii=False)


def _pieces_of_event(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pieces of text that one event of a stream brings."""
    for choice in _mappings(event.get("choices")):
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            # OpenAI, chat completions.
            yield _plain_text(delta.get("content"))
            for call in _tool_calls(delta):
                yield _plain_text(call.get("name"))
                yield _plain_text(call.get("arguments"))
    for candidate in _mappings(event.get("candidates")):
        yield _words_of_message(candidate.get("content"))
    # OpenAI's responses have the text itself, Anthropic has it in a mapping.
    delta = event.get("delta")
    if isinstance(delta, str):
        yield delta
    elif isinstance(delta, Mapping):
        yield _plain_text(delta.get("text"))
        yield _plain_text(delta.get("partial_json"))


def _mappings(parts: object) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings in a list; nothing of a value that is no list."""
    if isinstance(parts, Sequence) and not isinstance(parts, str):
        for part in parts:
            if isinstance(part, Mapping):
                yield part


def _plain_text(value: object) -> str:
    """Return a value if it is a text, else an empty text."""
    if isinstance(value, str):
        return value
    return ""
