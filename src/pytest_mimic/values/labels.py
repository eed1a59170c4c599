"""Calls on one line, as people tell them apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pytest_mimic.values.drawing import line
from pytest_mimic.values.tree import Tree
from pytest_mimic.words import request_words

_ENDS = "..."
_LAST_WORDS = 40
_LONGEST_VALUE = 40
# Less room for an argument says nothing of it.
_LEAST_ROOM = 12
# Under which names a message or an answer of a language model has its text.
_SAID = (
    *("choices", "output", "candidates", "message", "delta"),
    *("content", "parts", "text"),
)


def call_label(
    target: str, arguments: Tree, limit: int = 120, *, signature: str = ""
) -> str:
    """Draw a call on one line: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    A request is drawn by what it asks for: its query, the model and the last words of a
    prompt, a statement with its parameters, a command.

    Args:
        target: The function, or the client.
        arguments: What a recording keeps: the arguments by name, or the request.
        limit: The most characters.
        signature: That of the call, for a request of a client that is not known here.
    """
    parts = arguments if isinstance(arguments, dict) else {}
    if ":" in target:
        return _of_function(target, parts, limit)
    words = [word for word in _request_words(parts) if word] or [signature]
    return _cut(" ".join([target, *words]), limit)


def _of_function(target: str, arguments: Mapping[str, Tree], limit: int) -> str:
    texts = [f"{name}={line(part, limit)}" for name, part in arguments.items()]
    label = f"{target}({', '.join(texts)})"
    if len(label) <= limit:
        return label
    room = limit - len(f"{target}()") - 2 * len(texts)
    shares = _shares([len(text) for text in texts], room)
    if min(shares) < min(_LEAST_ROOM, *map(len, texts)):
        return f"{label[: limit - len(_ENDS) - 1]}{_ENDS})"
    short = [_cut(text, share) for text, share in zip(texts, shares, strict=True)]
    return f"{target}({', '.join(short)})"


def _shares(lengths: list[int], room: int) -> list[int]:
    """Divide room among texts: short ones stay whole, long ones share the rest."""
    shares = [0] * len(lengths)
    by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
    for count, index in enumerate(by_length):
        shares[index] = min(lengths[index], max(0, room) // (len(lengths) - count))
        room -= shares[index]
    return shares


def _request_words(request: Mapping[str, Tree]) -> Iterator[str]:
    """Give the words that tell a request from others of its client."""
    if "statement" in request:
        yield _text(request["statement"])
        yield _in_brackets(_first_row(request.get("parameters")))
    elif "command" in request:
        yield _command(request)
    elif "commands" in request:
        commands = request["commands"]
        yield "; ".join(map(_command, commands if isinstance(commands, list) else ()))
    elif "url" in request:
        yield _text(request.get("method", ""))
        yield _address(_text(request["url"]))
        yield _of_body(request.get("body"))
    elif "request" in request or "requests" in request:
        yield _text(request.get("method", ""))
        yield _in_brackets(request.get("request", request.get("requests")))
    elif "method" in request:
        params = request.get("params")
        given = params if isinstance(params, dict) else {}
        yield request_words(_text(request["method"]), given)
        yield _in_brackets(given.get("arguments"))


def _command(request: Tree | Mapping[str, Tree]) -> str:
    """Give `SET user:1 Ann`, or `HSET user:1 (name='Ann')`."""
    if not isinstance(request, Mapping):
        return ""
    arguments = request.get("arguments")
    parts = arguments if isinstance(arguments, dict) else {}
    words = [request.get("command", ""), parts.get("key", "")]
    for name in ("keys", "words"):
        listed = parts.get(name)
        words += listed if isinstance(listed, list) else []
    texts = [_cut(_text(word), _LONGEST_VALUE) for word in words]
    return " ".join(filter(None, [*texts, _in_brackets(parts.get("fields"))]))


def _text(part: Tree) -> str:
    """Give a text on one line; of one that stands in a file its beginning."""
    if isinstance(part, dict) and "begins" in part:
        return f"{_text(part['begins'])}{_ENDS}"
    return " ".join(str(part).split())


def _in_brackets(part: Tree) -> str:
    if not part or not isinstance(part, (dict, list)):
        return ""
    if isinstance(part, list) or next(iter(part)).startswith("$"):
        return f"({line(part)})"
    values = [f"{name}={line(value, _LONGEST_VALUE)}" for name, value in part.items()]
    return f"({', '.join(values)})"


def _first_row(parameters: Tree) -> Tree:
    """Give the parameters of a statement, of one for many rows those of the first."""
    is_for_rows = isinstance(parameters, list) and parameters
    if is_for_rows and isinstance(parameters[0], dict):  # type: ignore[index]
        return parameters[0]  # type: ignore[index]
    return parameters


def _address(url: str) -> str:
    parts = urlsplit(url)
    values = [
        f"{name}={_cut(_text(value), _LONGEST_VALUE)}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return f"{parts.path or '/'}{'?' if values else ''}{'&'.join(values)}"


def _of_body(body: Tree) -> str:
    content = body.get("json") if isinstance(body, dict) else None
    if not isinstance(content, dict):
        return ""
    if "jsonrpc" in content and isinstance(content.get("method"), str):
        parameters = content.get("params")
        name = parameters.get("name") if isinstance(parameters, dict) else None
        return f"({content['method']}{f' {name}' if isinstance(name, str) else ''})"
    said = messages_of(content)
    if not said:
        return ""
    model = content.get("model")
    words = _text(said[-1].text)
    if len(words) > _LAST_WORDS:
        words = _ENDS + words[-_LAST_WORDS:]
    return f"({model if isinstance(model, str) else 'model'}: {words})"


CONVERSATION = frozenset({"messages", "input", "contents", "system", "instructions"})
"""Under which names the body of a request has what is said to a language model."""


class Message(NamedTuple):
    """What somebody said in a conversation with a language model.

    Attributes:
        role: Who: `user`, `system`, `assistant`.
        text: What; a call of a tool is drawn as it stands.
    """

    role: str
    text: str


def messages_of(body: Tree) -> list[Message]:
    """Give what a body says to a language model; none: it is no conversation.

    Known are chats with `messages`, responses with `input` and Gemini's `contents`.
    """
    if not isinstance(body, dict):
        return []
    keys = [key for key in ("messages", "input", "contents") if key in body]
    said = body[keys[0]] if keys else None
    if isinstance(said, str) and isinstance(body.get("model"), str):
        said = [{"content": said}]
    if not isinstance(said, list) or not said or not isinstance(said[-1], dict):
        return []
    found = [
        Message("system", _said(body[name]))
        for name in ("system", "instructions")
        if name in body
    ]
    for message in said:
        role = message.get("role") if isinstance(message, dict) else None
        text = _said(message) or line(message)
        found.append(Message(role if isinstance(role, str) else "user", text))
    return found


def answer_text(body: Tree) -> str:
    """Give the text that a language model answered, the pieces of a stream joined."""
    if not isinstance(body, dict):
        return ""
    if "json" in body:
        return _said(body["json"])
    events = body.get("events")
    pieces: list[str] = []
    for event in events if isinstance(events, list) else []:
        data = _data_of(event)
        # The last event of a part may repeat all of it.
        if data and not str(data.get("type", "")).endswith("done"):
            pieces.append(_said(data))
    return "".join(pieces)


def _data_of(event: Tree) -> dict[str, Tree]:
    """Give the JSON of an event, which may stand as the text that was sent."""
    data = event.get("data") if isinstance(event, dict) else None
    if isinstance(event, str):
        try:
            data = json.loads(event.partition("data:")[2])
        except ValueError:
            return {}
    return data if isinstance(data, dict) else {}


def _said(part: Tree) -> str:
    """Give the text of a message or of an answer, or of a part of one."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return " ".join(filter(None, map(_said, part)))
    if isinstance(part, dict):
        if "begins" in part:
            return _text(part)
        for key in _SAID:
            if key in part:
                return _said(part[key])
    return ""


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_ENDS)] + _ENDS
