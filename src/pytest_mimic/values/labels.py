"""Calls on one line, as people tell them apart."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_mimic.values.drawing import one_line
from pytest_mimic.values.tree import Node, Tree, is_tagged
from pytest_mimic.words import ENDS, cut_text

_LONGEST = 120
_LONGEST_VALUE = 40
# Under which names a message or an answer of a language model has its text.
_SAID = (
    "choices output candidates message delta content parts text"
    " item content_block function functionCall arguments partial_json"
).split()
# Under which names a request of a client that is not known here has what is sent.
_SENT = ("request", "requests", "params")
# Under which names the call of a tool has its arguments.
_ARGUMENTS = ("arguments", "input", "args")


def call_label(target: str, arguments: Tree, *, signature: str = "") -> str:
    """Draw a call on one line: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    A request is drawn by what it asks for: its query, the model and the last words of a
    prompt, a statement with its parameters, a command.

    Args:
        target: The function, or the client.
        arguments: What a recording keeps: the arguments by name, or the request.
        signature: That of the call, for a request of a client that is not known here.
    """
    parts = arguments if isinstance(arguments, dict) else {}
    if ":" in target:
        return _of_function(target, parts)
    try:
        words = list(filter(None, _asked(parts, signature)))
    except (TypeError, ValueError, AttributeError, LookupError):
        # A file that somebody has edited may hold anything.
        words = [one_line(arguments)]
    return cut_text(" ".join([target, *(words or [signature])]), _LONGEST)


def _of_function(target: str, arguments: Mapping[str, Tree]) -> str:
    label = ""
    for longest in (_LONGEST, _LONGEST_VALUE):
        texts = [
            f"{name}={one_line(part, longest)}" for name, part in arguments.items()
        ]
        label = f"{target}({', '.join(texts)})"
        if len(label) <= _LONGEST:
            return label
    return f"{cut_text(label, _LONGEST - 1)})"


def _asked(request: Mapping[str, Any], signature: str) -> list[str]:
    """Give the words that tell a request from others of its client."""
    if "statement" in request:
        parameters = request.get("parameters")
        if parameters and isinstance(parameters, list):
            parameters = parameters[0]  # of many rows the first
        return [_text(request["statement"]), _in_brackets(parameters)]
    if "commands" in request:
        return ["; ".join(map(_command, request["commands"]))]
    if "arguments" in request:
        return [_command(request)]
    method = _text(request.get("method", ""))
    if "url" in request:
        body = request.get("body") or {}
        url = _text(request["url"])
        return [method, _address(url), _content(body.get("json"), url)]
    # Of a client that is not known here, the signature and what it has sent.
    sent = (request[name] for name in _SENT if name in request)
    return [signature, _in_brackets(next(sent, None))]


def _command(request: Mapping[str, Any]) -> str:
    """Give `SET user:1 Ann`, or `HSET user:1 (name='Ann')`."""
    parts = request.get("arguments", {})
    words = [request["command"], parts.get("key", "")]
    words += [*parts.get("keys", ()), *parts.get("words", ())]
    texts = [cut_text(_text(word), _LONGEST_VALUE) for word in words]
    return " ".join(filter(None, [*texts, _in_brackets(parts.get("fields"))]))


def _text(part: Tree) -> str:
    """Give a text on one line; of a text that stands in a file its beginning."""
    if isinstance(part, dict) and "begins" in part:
        return f"{_text(part['begins'])}{ENDS}"
    return " ".join(str(part).split())


def _in_brackets(part: Tree) -> str:
    if not part or not isinstance(part, (dict, list)):
        return ""
    if isinstance(part, list) or is_tagged(part):
        return f"({one_line(part)})"
    return _of_function("", part)


def _address(url: str) -> str:
    parts = urlsplit(url)
    query = "&".join(
        f"{name}={cut_text(_text(value), _LONGEST_VALUE)}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return f"{parts.path or '/'}{query and '?'}{query}"


def _content(body: Any, url: str) -> str:
    """Give what a body of JSON-RPC asks, or what is said to a language model."""
    if not isinstance(body, dict):
        return ""
    if "jsonrpc" in body and "method" in body:
        params = body.get("params")
        named = params if isinstance(params, dict) else {}
        about = _text(named.get("name", named.get("uri", "")))
        return f"({_text(body['method'])} {about}".rstrip() + ")"
    said = messages_of(body)
    # Bedrock, Gemini and Azure name it in the path.
    in_path = re.search(_MODEL_IN_PATH, urlsplit(url).path)
    model = body.get("model") or (in_path and unquote(in_path[1]))
    words = _text(said[-1].text) if said else _text_to_embed(body)
    if not words or not (said or model):
        return ""
    if len(words) > _LONGEST_VALUE:
        words = ENDS + words[-_LONGEST_VALUE:]
    return f"({model or 'model'}: {words})"


def _text_to_embed(body: Node) -> str:
    """Give the last of the texts whose embeddings are asked for; empty: none is."""
    asked = body.get("input", body.get("inputText"))
    texts = asked if isinstance(asked, list) else [asked]
    last = texts[-1] if texts else None
    content = body.get("content")
    if last is None and isinstance(content, dict):
        last = _said(content)
    return _text(last) if isinstance(last, str) else ""


# -- what is said to a language model, and what it says

_MODEL_IN_PATH = r"/(?:models?|deployments)/([^/]+?)(?=/|:[A-Za-z]+$|$)"
CONVERSATION = frozenset({"messages", "input", "contents", "system", "instructions"})
"""Under which names the body of a request has what is said to a language model."""


class Message(NamedTuple):
    """What somebody said in a conversation with a language model.

    Attributes:
        role: Who: `user`, `system`, `assistant`.
        text: What; of a call of a tool `weather {"city": "Oslo"}`.
    """

    role: str
    text: str


def messages_of(body: Tree) -> list[Message]:
    """Give what a body says to a language model; none: it is no conversation.

    Known are chats with `messages`, responses with `input` and Gemini's `contents`.
    """
    if not isinstance(body, dict):
        return []
    names = ("messages", "input", "contents")
    said = next((body[name] for name in names if name in body), None)
    if isinstance(said, str) and "model" in body:
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
        text = _said(message) or one_line(message)
        found.append(Message(str(role or "user"), text))
    return found


def answer_text(body: Tree) -> str:
    """Give the text that a language model answered, the pieces of a stream joined."""
    if not isinstance(body, dict):
        return ""
    if "json" in body:
        return _said(body["json"])
    events = body.get("events")
    text = ""
    for event in events if isinstance(events, list) else []:
        data = _data_of(event)
        # The last event of a part may repeat all of it.
        if not str(data.get("type", "")).endswith("done"):
            text += _said(data)
    return text


def _data_of(event: Tree) -> Node:
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
    if not isinstance(part, dict):
        return ""
    if "begins" in part:
        return _text(part)
    for key in _ARGUMENTS:
        if key in part and "name" in part:
            # A stream gives the arguments piece by piece, behind none.
            return f"{part['name']} {_arguments(part[key] or '')}"
    said = [part[key] for key in _SAID if part.get(key)]
    return " ".join(filter(None, map(_said, [*said[:1], part.get("tool_calls")])))


def _arguments(tree: Tree) -> str:
    return tree if isinstance(tree, str) else json.dumps(tree, ensure_ascii=False)
