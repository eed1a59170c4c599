"""Descriptions as one line to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

from pytest_mimic._describe.walk import TAG
from pytest_mimic._redact.names import PLACEHOLDER

_LABEL_WIDTH = 120
_LEAST_WIDTH = 24


def render(description: Any, limit: int | None = None, *, digests: bool = False) -> str:
    """A description as one line to read: `'EUR'`, `2024-05-01`, `Rate(base='EUR')`.

    Args:
        description: As `describe` gives it.
        limit: Where to cut the text, in characters.
        digests: Whether to show the digests of what is described in part.
    """
    if isinstance(description, str):
        text = description if description == PLACEHOLDER else repr(description)
    elif isinstance(description, list):
        text = f"[{', '.join(render(item, digests=digests) for item in description)}]"
    elif isinstance(description, dict):
        text = _tagged(description, digests) if TAG in description else _braced(description, digests)
    else:
        text = repr(description)
    return shortened(text, limit)


def shortened(text: str, limit: int | None) -> str:
    """The text, cut to at most `limit` characters."""
    return text if limit is None or len(text) <= limit else f"{text[: limit - 3]}..."


def short_name(node: dict[str, Any]) -> str:
    """The name of a described value's type, without its module."""
    return str(node[TAG]).rpartition(":")[2].rpartition(".")[2]


def _braced(entries: dict[str, Any], digests: bool) -> str:
    return f"{{{', '.join(f'{key!r}: {render(part, digests=digests)}' for key, part in entries.items())}}}"


def _tagged(node: dict[str, Any], digests: bool) -> str:
    name = short_name(node)
    mark = f" #{node['digest']}" if digests and "digest" in node else ""
    if "text" in node:
        return _before_bracket(str(node["text"]), mark)
    if "start" in node:
        unit = "characters" if name == "str" else "bytes"
        return f"{_opened(name, node['start'])} ({node['length']} {unit}{mark})"
    if "cut" in node or name == "cycle":
        length = f" of {node['length']}" if "length" in node else ""
        return f"<{name}{length}{mark}>"
    return _bracketed(name, [*_parts(node, digests), *_rest(node, mark)], node)


def _before_bracket(text: str, mark: str) -> str:
    return f"{text[:-1]}{mark}>" if text.endswith(">") else f"{text}{mark}"


def _opened(name: str, start: str) -> str:
    """The beginning of a long string: `'abc...'`."""
    text = repr(start) if name == "str" else start
    return f"{text[:-1]}...{text[-1]}"


def _parts(node: dict[str, Any], digests: bool) -> Iterator[str]:
    if "value" in node:
        yield render(node["value"], digests=digests)
    for item in node.get("items", ()):
        yield render(item, digests=digests)
    for key, part in [*node.get("entries", ()), *node.get("keys", {}).items()]:
        yield f"{render(key, digests=digests)}: {render(part, digests=digests)}"
    for name, part in node.get("attributes", {}).items():
        yield f"{name}={render(part, digests=digests)}"


def shown_of(node: dict[str, Any]) -> int:
    """How many items of a container are described."""
    return sum(len(node.get(name, ())) for name in ("items", "entries", "keys", "attributes"))


def _rest(node: dict[str, Any], mark: str) -> list[str]:
    return [f"... {node['length'] - shown_of(node)} more{mark}"] if "length" in node else []


def _bracketed(name: str, inner: list[str], node: dict[str, Any]) -> str:
    """Python's own brackets for plain containers, the class's name and parentheses for the rest."""
    body = ", ".join(inner)
    if "attributes" not in node and "value" not in node:
        if name == "tuple":
            return f"({body},)" if len(inner) == 1 else f"({body})"
        if name == "list":
            return f"[{body}]"
        if name == "dict" or (name == "set" and inner):
            return f"{{{body}}}"
        if name == "frozenset" and inner:
            return f"frozenset({{{body}}})"
    return f"{name}({body})"


def call_label(target: str, arguments: Mapping[str, Any] | None, *, width: int = _LABEL_WIDTH) -> str:
    """A call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    Args:
        target: The target's name.
        arguments: Their descriptions by name; None where the vault keeps none.
        width: About how many characters it may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = [
        render(part) if name.startswith("*") else f"{name}={render(part)}"
        for name, part in by_name(arguments).items()
    ]
    return f"{target}({', '.join(_fitted(texts, width - len(target) - 2))})"


def by_name(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with those of `**extra` under their own names, those of `*rest` as `*rest[0]`."""
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if name.startswith("**") and isinstance(part, dict) and TAG not in part:
            found.update(part)
        elif name.startswith("*") and isinstance(part, dict) and "items" in part and "length" not in part:
            found.update((f"{name}[{place}]", item) for place, item in enumerate(part["items"]))
        else:
            found[name] = part
    return found


def _fitted(texts: list[str], room: int) -> list[str]:
    """As many texts as fit: short ones stay whole, long ones share the rest, and the last ones are left out."""
    needed = list(accumulate(min(len(text), _LEAST_WIDTH) + 2 for text in texts))
    count = max(1, sum(end <= room - 3 for end in needed)) if needed and needed[-1] > room else len(texts)
    room -= 2 * count + (3 if count < len(texts) else 0)
    fitted = dict(enumerate(texts[:count]))
    for done, place in enumerate(sorted(fitted, key=lambda place: len(texts[place]))):
        fitted[place] = shortened(texts[place], max(room // (count - done), _LEAST_WIDTH))
        room -= len(fitted[place])
    return [*fitted.values(), *(["..."] if count < len(texts) else [])]
