"""Descriptions as one line to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from pytest_mimic._core.describe.description_form import TAG
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.registry import names_client

_LABEL_WIDTH = 120
_LEAST_WIDTH = 24
_QUERY_WIDTH = 60
_ATOMS = frozenset({int, float, bool, type(None)})


def render(description: object, limit: int | None = None, *, digests: bool = False) -> str:
    """Return a description as one line of at most `limit` characters: `'EUR'`, `2024-05-01`, `Rate(base='EUR')`.

    With `digests`, values that are described in part show theirs.
    """
    if isinstance(description, str):
        text = description if description == PLACEHOLDER else repr(description)
    elif isinstance(description, list):
        text = f"[{', '.join(render(item, digests=digests) for item in description)}]"
    elif isinstance(description, dict) and TAG in description:
        text = _tagged(description, digests)
    elif isinstance(description, dict):
        entries = (f"{key!r}: {render(part, digests=digests)}" for key, part in description.items())
        text = f"{{{', '.join(entries)}}}"
    else:
        text = repr(description)
    return shortened(text, limit)


def shortened(text: str, limit: int | None) -> str:
    """Return the text, cut to at most `limit` characters."""
    return text if limit is None or len(text) <= limit else f"{text[: limit - 3]}..."


def short_name(node: dict[str, Any]) -> str:
    """Return the name of a described value's type, without its module."""
    return str(node[TAG]).rpartition(":")[2].rpartition(".")[2]


def _tagged(node: dict[str, Any], digests: bool) -> str:
    """Render a description that is marked with its type, in Python's own brackets for a plain container."""
    mark = f" #{node['digest']}" if digests and "digest" in node else ""
    if "text" in node:
        text = str(node["text"])
        if not mark:
            return text
        return f"{text[:-1]}{mark}>" if text.endswith(">") else f"{text}{mark}"
    name = short_name(node)
    if "start" in node:
        unit = "characters" if name == "str" else "bytes"
        start = repr(node["start"]) if name == "str" else node["start"]
        return f"{start[:-1]}...{start[-1]} ({node['length']} {unit}{mark})"
    if "cut" in node or name == "cycle":
        length = f" of {node['length']}" if "length" in node else ""
        return f"<{name}{length}{mark}>"
    inner = list(_parts(node, digests))
    if "length" in node:
        shown = sum(len(node.get(key, ())) for key in ("items", "entries", "keys", "attributes"))
        inner.append(f"... {node['length'] - shown} more{mark}")
    body = ", ".join(inner)
    if "attributes" in node or "value" in node:
        return f"{name}({body})"
    if name == "tuple":
        return f"({body},)" if len(inner) == 1 else f"({body})"
    if name == "list":
        return f"[{body}]"
    if name == "dict" or (name == "set" and inner):
        return f"{{{body}}}"
    return f"frozenset({{{body}}})" if name == "frozenset" and inner else f"{name}({body})"


def _parts(node: dict[str, Any], digests: bool) -> Iterator[str]:
    if "value" in node:
        yield render(node["value"], digests=digests)
    for item in node.get("items", ()):
        yield render(item, digests=digests)
    for key, part in [*node.get("entries", ()), *node.get("keys", {}).items()]:
        yield f"{render(key, digests=digests)}: {render(part, digests=digests)}"
    for name, part in node.get("attributes", {}).items():
        yield f"{name}={render(part, digests=digests)}"


def call_label(target: str, arguments: Mapping[str, Any] | None, *, width: int = _LABEL_WIDTH) -> str:
    """Return a call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    The arguments are None if the vault does not store them. `width` is about how many characters the label may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = []
    for name, part in by_name(arguments).items():
        # Most arguments are numbers, for which `render` is `repr`.
        text = repr(part) if type(part) in _ATOMS else render(part)
        texts.append(text if name.startswith("*") else f"{name}={text}")
    return f"{target}({', '.join(_fitted(texts, width - len(target) - 2))})"


def recorded_label(
    target: str, arguments: Mapping[str, Any] | None, *, signature: str = "", width: int = _LABEL_WIDTH
) -> str:
    """Return a call as its recording has it: a function with its arguments, a client with its signature.

    The `signature` is by default the one among the arguments.
    """
    if names_client(target):
        return f"{target} {signature or (arguments or {}).get('signature', '')}".rstrip()
    try:
        return call_label(target, arguments, width=width)
    except (AttributeError, LookupError, TypeError):  # a damaged description
        return f"{target}(...)"


def query_text(arguments: Mapping[str, Any] | None) -> str:
    """Return the described query of a request, `?page=2&size=10`, with long values shortened. Empty if it has none."""
    query = (arguments or {}).get("query")
    if type(query) is not dict or not query or TAG in query:
        return ""
    texts = [f"{name}={part if type(part) is str else render(part)}" for name, part in query.items()]
    return f"?{'&'.join(_fitted(texts, _QUERY_WIDTH))}"


def by_name(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments with those of `**extra` under their own names, and those of `*rest` as `*rest[0]`."""
    if "*" not in "".join(arguments):
        return dict(arguments)
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if name.startswith("**") and isinstance(part, dict) and TAG not in part:
            found.update(part)
        elif name.startswith("*") and isinstance(part, dict) and "items" in part and "length" not in part:
            found.update((f"{name}[{index}]", item) for index, item in enumerate(part["items"]))
        else:
            found[name] = part
    return found


def _fitted(texts: list[str], room: int) -> list[str]:
    """Fit texts into a room: short ones stay whole, long ones share the rest, and the last ones are left out."""
    if sum(map(len, texts)) + 2 * len(texts) <= room:
        return texts
    needed = list(accumulate(min(len(text), _LEAST_WIDTH) + 2 for text in texts))
    count = max(1, sum(end <= room - 3 for end in needed)) if needed and needed[-1] > room else len(texts)
    room -= 2 * count + (3 if count < len(texts) else 0)
    fitted = dict(enumerate(texts[:count]))
    for done, index in enumerate(sorted(fitted, key=lambda index: len(texts[index]))):
        fitted[index] = shortened(texts[index], max(room // (count - done), _LEAST_WIDTH))
        room -= len(fitted[index])
    return [*fitted.values(), *(["..."] if count < len(texts) else [])]
