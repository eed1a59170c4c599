"""Calls as people read them: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`, `http GET /users/1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.nodes.node_parts import items_of
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
    parameters = node_of(arguments.get("params"))
    items = items_of(parameters) if isinstance(parameters, Items) else None
    if items and parameters.kind == "list":  # type: ignore[union-attr]
        if not _is_mapping(items[0]):
            return shortened(line(items[0]), _LONGEST)
        parameters = items[0]
    if _is_mapping(parameters):
        for name, value in parameters.parts.items():  # type: ignore[union-attr]
            return f"{name}={shortened(line(value), _LONGEST)}"
        return ""
    is_shown = isinstance(parameters, Items | Fields) and parameters.kind != "list"
    return shortened(line(parameters), _LONGEST) if is_shown else ""


def _is_mapping(node: Node) -> bool:
    return isinstance(node, Fields) and node.kind == "dict"


def query_text(arguments: Mapping[str, Any]) -> str:
    """Return the described query of a request, `?page=2&size=10`.

    Long values are shortened. The text is empty if the call has no query.
    """
    query = node_of(arguments.get("query"))
    if not (isinstance(query, Fields) and query.kind == "dict" and query.parts):
        return ""
    texts = []
    for name, part in query.parts.items():
        value = part if isinstance(part, str) else line(part)
        texts.append(shortened(f"{name}={value}", _LONGEST))
    return shortened(f"?{'&'.join(texts)}", _QUERY_WIDTH)


def by_name(arguments: Mapping[str, Any]) -> dict[str, Node]:
    """Return the nodes of described arguments by the names that people use.

    Those of `**extra` stand under their own names, and those of `*rest` as `*rest[0]`.
    """
    found: dict[str, Node] = {}
    for name, part in arguments.items():
        node = node_of(part)
        if name.startswith("**") and isinstance(node, Fields) and node.kind == "dict":
            found.update(node.parts)
        elif name.startswith("*") and isinstance(node, Items) and node.length is None:
            found |= {f"{name}[{place}]": item for place, item in enumerate(node.items)}
        else:
            found[name] = node
    return found
