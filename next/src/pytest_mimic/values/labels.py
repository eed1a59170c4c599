"""Calls on one line, as people tell them apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from pytest_mimic.values.drawing import line
from pytest_mimic.values.tree import Tree

_ENDS = "..."
_LAST_WORDS = 40
_LONGEST_VALUE = 40
# Less room for an argument says nothing of it.
_LEAST_ROOM = 12


class Prompt(NamedTuple):
    """What a language model is asked.

    Attributes:
        model: The name of the model.
        text: The last thing that was said to it.
    """

    model: str
    text: str


def call_label(target: str, arguments: Tree, limit: int = 120) -> str:
    """Draw a call on one line: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    A request is drawn by what it asks for: its query, the model and the last words of a
    prompt, a statement with its parameters, a command.

    Args:
        target: The function, or the client.
        arguments: What a recording keeps: the arguments by name, or the request.
        limit: The most characters.
    """
    parts = arguments if isinstance(arguments, dict) else {}
    if ":" in target:
        return _of_function(target, parts, limit)
    words = filter(None, _request_words(parts))
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
        yield _text(request["command"])
        yield _in_brackets(request.get("arguments"))
    elif "url" in request:
        yield _text(request.get("method", ""))
        yield _address(_text(request["url"]))
        yield _of_body(request.get("body"))
    elif "method" in request:
        yield _text(request["method"])
        yield _in_brackets(request.get("request", request.get("params")))


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
    prompt = prompt_of(content)
    if prompt is None:
        return ""
    words = _text(prompt.text)
    if len(words) > _LAST_WORDS:
        words = _ENDS + words[-_LAST_WORDS:]
    return f"({prompt.model}: {words})" if words else f"({prompt.model})"


def prompt_of(body: Tree) -> Prompt | None:
    """Give what a body asks a language model; None: it is none that is known.

    Known are chats with `messages`, responses with `input` and Gemini's `contents`.
    """
    if not isinstance(body, dict):
        return None
    model = body.get("model")
    for key in ("messages", "input", "contents"):
        said = body.get(key)
        is_text = key == "input" and isinstance(said, str) and isinstance(model, str)
        if is_text or (isinstance(said, list) and said and isinstance(said[-1], dict)):
            name = model if isinstance(model, str) else "model"
            return Prompt(name, _said(said[-1] if isinstance(said, list) else said))
    return None


def _said(message: Tree) -> str:
    """Give the text of a message, or of a part of one."""
    if isinstance(message, str):
        return message
    if isinstance(message, list):
        return " ".join(filter(None, map(_said, message)))
    if not isinstance(message, dict):
        return ""
    if "begins" in message:
        return _text(message)
    for key in ("content", "parts", "text"):
        if key in message:
            return _said(message[key])
    return ""


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - len(_ENDS)] + _ENDS
