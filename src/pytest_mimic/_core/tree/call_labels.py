"""Calls as people read them: `shop.api:fetch(base='EUR')`, `http GET /users/1`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.chats import request_messages
from pytest_mimic._core.tree.drawing import line, shortened

# The characters that one argument, prompt or parameter of a query may take in a label.
_LONGEST_PART = 40
# Those that the whole query may take.
_LONGEST_QUERY = 60


def call_label(
    target: str, arguments: Mapping[str, Any] | None, *, width: int = 120
) -> str:
    """Return the call of a function as people read it: `shop.api:fetch(base='EUR')`.

    Messages, lists and the page name calls so. No recording is found by a label.

    The arguments are None if the vault does not store them. `width` is about how many
    characters the label may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts: list[str] = []
    for name, part in nodes_by_name(arguments).items():
        text = line(part)
        # The items of `*rest` have no name in a call.
        if not name.startswith("*"):
            text = f"{name}={text}"
        texts.append(text)
    label = f"{target}({', '.join(texts)})"
    if len(label) <= width:
        return label
    # Short arguments stay whole.
    texts = [shortened(text, _LONGEST_PART) for text in texts]
    label = f"{target}({', '.join(texts)})"
    if len(label) <= width:
        return label
    return f"{label[: width - 4]}...)"


def label_of_recorded_call(
    target: str,
    arguments: Mapping[str, Any] | None,
    *,
    signature: str = "",
    width: int = 120,
) -> str:
    """Return the label of a recorded call.

    | call | label |
    |---|---|
    | of a function | `shop.api:fetch_rates(base='EUR')` |
    | of a client | `http GET /users/1?page=2` |

    Args:
        target: The function, or the client.
        arguments: The description of the call. None: the vault does not store it.
        signature: The signature of a client's call; empty: the one in `arguments`.
        width: About how many characters the label of a function's call may take.
    """
    if names_client(target):
        verb_and_resource = signature or (arguments or {}).get("signature", "")
        words = words_that_tell_apart(arguments)
        return f"{target} {verb_and_resource}{words}".rstrip()
    try:
        return call_label(target, arguments, width=width)
    except (AttributeError, LookupError, TypeError):
        # The description is damaged.
        return f"{target}(...)"


def words_that_tell_apart(
    arguments: Mapping[str, Any] | None, *, hide: Callable[[str], str] = str
) -> str:
    """Return the words that tell a client's call from others with its signature.

    | the call has | example |
    |---|---|
    | a query | `?page=2&size=10` |
    | messages to a language model | ` (gpt-5-mini: ... weather in Bergen?)` |
    | a method of JSON-RPC | ` (tools/call search)` |
    | parameters of a statement | ` (id=7)`, the first of them |

    Args:
        arguments: The redacted description of the call, or None.
        hide: Takes secrets out of the words of a prompt, before they are cut.

    Returns:
        The text that follows the signature; empty if there is nothing to tell.
    """
    if not arguments:
        return ""
    text = query_text(arguments)
    in_brackets = _body_in_short(arguments.get("body"), hide)
    if not in_brackets:
        in_brackets = _first_parameter(arguments)
    if in_brackets:
        return f"{text} ({in_brackets})"
    return text


def _body_in_short(body: object, hide: Callable[[str], str]) -> str:
    """Return what tells apart requests to one URL; empty if the body does not tell it.

    | body | text |
    |---|---|
    | JSON-RPC, as of MCP | `tools/call search`, or `initialize` without a name |
    | of a language model | `gpt-5-mini: ... weather in Bergen?` |
    """
    if not isinstance(body, Mapping):
        return ""
    method = body.get("method")
    if body.get("jsonrpc") == "2.0" and isinstance(method, str):
        parameters = body.get("params")
        if isinstance(parameters, Mapping) and isinstance(parameters.get("name"), str):
            return f"{method} {parameters['name']}"
        return method
    # To a language model: which one, and what it is asked.
    words: list[str] = []
    model = body.get("model")
    if isinstance(model, str):
        words.append(model)
    messages = request_messages(body)
    if messages:
        words.append(_end_of_prompt(hide(messages[-1].text)))
    return ": ".join(filter(None, words))


def _end_of_prompt(prompt: str) -> str:
    """Return the end of a prompt, as one line.

    The end tells prompts apart: many begin alike.
    """
    one_line = " ".join(prompt.split())
    if len(one_line) <= _LONGEST_PART:
        return one_line
    kept_length = _LONGEST_PART - len("...")
    return f"...{one_line[-kept_length:]}"


def _first_parameter(arguments: Mapping[str, Any]) -> str:
    """Return the first parameter of a statement, `id=7` or `7`; empty without one."""
    parameters = node_of(arguments.get("params"))
    if isinstance(parameters, Items) and parameters.kind == "list":
        if not parameters.items:
            # The statement has no parameters.
            return ""
        # A list has the parameters by their place, or the mappings of several rows.
        parameters = parameters.items[0]
        if not (isinstance(parameters, Fields) and parameters.kind == "dict"):
            return shortened(line(parameters), _LONGEST_PART)
    if isinstance(parameters, Fields) and parameters.kind == "dict":
        for name, value in parameters.parts.items():
            return f"{name}={shortened(line(value), _LONGEST_PART)}"
        return ""
    if isinstance(parameters, Items | Fields):
        # A driver takes other forms, such as a tuple.
        return shortened(line(parameters), _LONGEST_PART)
    return ""


def query_text(arguments: Mapping[str, Any]) -> str:
    """Return the described query of a request as one line, `?page=2&size=10`.

    Long values are shortened. The text is empty if the call has no query.
    """
    query = node_of(arguments.get("query"))
    if not (isinstance(query, Fields) and query.kind == "dict" and query.parts):
        return ""
    texts = []
    for name, part in query.parts.items():
        value = part
        if not isinstance(value, str):
            value = line(value)
        one_line = " ".join(f"{name}={value}".split())
        texts.append(shortened(one_line, _LONGEST_PART))
    return shortened(f"?{'&'.join(texts)}", _LONGEST_QUERY)


def nodes_by_name(arguments: Mapping[str, Any]) -> dict[str, Node]:
    """Return the nodes of described arguments by the names that people use.

    The arguments in `**extra` stand under their own names, if no parameter has one of
    these, and those in `*rest` as `*rest[0]`.
    """
    names = {name.lstrip("*") for name in arguments}
    nodes: dict[str, Node] = {}
    for name, part in arguments.items():
        node = node_of(part)
        extra: dict[str, Node] | None = None
        if name.startswith("**") and isinstance(node, Fields) and node.kind == "dict":
            extra = node.parts
        if extra is not None and names.isdisjoint(extra):
            # `**extra`, whose names a caller has written like those of parameters.
            nodes.update(extra)
        elif name.startswith("*") and isinstance(node, Items) and node.length is None:
            for place, item in enumerate(node.items):
                nodes[f"{name}[{place}]"] = item
        else:
            nodes[name] = node
    return nodes
