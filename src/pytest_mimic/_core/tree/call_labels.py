"""Calls as people read them: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`, `http GET /users/1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.chats import request_messages
from pytest_mimic._core.tree.drawing import line, shortened

_LONGEST = 40
_QUERY_WIDTH = 60


def call_label(
    target: str, arguments: Mapping[str, Any] | None, *, width: int = 120
) -> str:
    """Return a call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    The arguments are None if the vault does not store them. `width` is about how many
    characters the label may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = [
        line(part) if name.startswith("*") else f"{name}={line(part)}"
        for name, part in by_name(arguments).items()
    ]
    label = f"{target}({', '.join(texts)})"
    if len(label) > width:  # short arguments stay whole
        label = f"{target}({', '.join(shortened(text, _LONGEST) for text in texts)})"
    return label if len(label) <= width else f"{label[: width - 4]}...)"


def recorded_label(
    target: str,
    arguments: Mapping[str, Any] | None,
    *,
    signature: str = "",
    width: int = 120,
) -> str:
    """Return a call as its recording has it: a function with its arguments, a client with its signature.

    The `signature` is by default the one among the arguments.
    """
    if names_client(target):
        verb_and_resource = signature or (arguments or {}).get("signature", "")
        return f"{target} {verb_and_resource}{told_apart(arguments)}".rstrip()
    try:
        return call_label(target, arguments, width=width)
    except (AttributeError, LookupError, TypeError):  # a damaged description
        return f"{target}(...)"


def told_apart(arguments: Mapping[str, Any] | None) -> str:
    """Return what tells a client's call from others with its signature.

    | the call has | example |
    |---|---|
    | a query | `?page=2&size=10` |
    | messages to a language model | ` (gpt-5-mini: ... weather in Bergen?)` |
    | a method of JSON-RPC | ` (tools/call search)` |
    | parameters of a statement | ` (id=7)`, the first of them |

    Args:
        arguments: The redacted description of the call, or None.

    Returns:
        What follows the signature, empty if there is nothing.
    """
    if not arguments:
        return ""
    text = query_text(arguments)
    word = _body_in_short(arguments.get("body")) or _first_parameter(arguments)
    return f"{text} ({word})" if word else text


def _body_in_short(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    if body.get("jsonrpc") == "2.0" and isinstance(body.get("method"), str):
        parameters = body.get("params")
        name = parameters.get("name") if isinstance(parameters, Mapping) else None
        return f"{body['method']} {name}" if isinstance(name, str) else body["method"]
    messages = request_messages(body)
    model = body.get("model")
    if not messages and not isinstance(model, str):
        return ""
    words = _last_words(messages[-1].text) if messages else ""
    return ": ".join(filter(None, (model if isinstance(model, str) else "", words)))


def _last_words(text: str) -> str:
    """Return the end of a text in one line, which tells prompts apart."""
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else f"...{words[3 - _LONGEST :]}"


def _first_parameter(arguments: Mapping[str, Any]) -> str:
    parameters = arguments.get("params")
    if isinstance(parameters, list) and parameters:
        first = parameters[0]
        if not isinstance(first, Mapping):
            return shortened(line(first), _LONGEST)
        parameters = first
    if not isinstance(parameters, Mapping) or not parameters:
        return ""
    name, value = next(iter(parameters.items()))
    if name.startswith("$"):
        return shortened(line(parameters), _LONGEST)
    return f"{name}={shortened(line(value), _LONGEST)}"


def query_text(arguments: Mapping[str, Any]) -> str:
    """Return the described query of a request, `?page=2&size=10`.

    Long values are shortened. The text is empty if the call has no query.
    """
    query = arguments.get("query")
    if type(query) is not dict or not query or next(iter(query))[:1] == "$":
        return ""
    texts = []
    for name, part in query.items():
        value = part if type(part) is str else line(part)
        texts.append(shortened(f"{name}={value}", _LONGEST))
    return shortened(f"?{'&'.join(texts)}", _QUERY_WIDTH)


def by_name(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments with those of `**extra` under their own names, and those of `*rest` as `*rest[0]`."""
    if "*" not in "".join(arguments):
        return dict(arguments)
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if (
            name.startswith("**")
            and isinstance(part, dict)
            and next(iter(part), "")[:1] != "$"
        ):
            found.update(part)
        elif (
            name.startswith("*")
            and isinstance(part, dict)
            and "$tuple" in part
            and "length" not in part
        ):
            found.update(
                (f"{name}[{index}]", item) for index, item in enumerate(part["$tuple"])
            )
        else:
            found[name] = part
    return found
