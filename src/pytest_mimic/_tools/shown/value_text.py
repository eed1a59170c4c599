"""Outcomes of a vault as text to read, made from their JSON. No class is imported, and no pickle is loaded."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from pytest_mimic._tools.shown.document import Block, Group, Node, TextTable

# Of a longer list, mapping or table, the first so many parts are shown.
SHOWN = 100
_LONGEST = 2000
# Tags whose part is the text of the value.
_TEXTS = frozenset({"date", "datetime", "time", "float", "uuid", "zoneinfo", "int"})
_BRACKETS = {
    "tuple": ("(", ")"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
    "deque": ("deque([", "])"),
}
_IMAGES = ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF8", "GIF"), (b"\xff\xd8\xff", "JPEG"), (b"%PDF", "PDF"))


class ValueReader:
    """Makes text of values in JSON.

    Args:
        is_tagged: Whether mappings may be tags, `{"$date": "2026-11-02"}`.
        shown: How many parts of a list, mapping or table are shown. None for all.
    """

    def __init__(self, *, is_tagged: bool, shown: int | None = SHOWN) -> None:
        self._is_tagged = is_tagged
        self._shown = shown

    def node(self, tree: Any) -> Node:
        if isinstance(tree, str):
            return self._text(tree)
        if isinstance(tree, list):
            return self._group("[", [("", part) for part in tree], "]")
        if not isinstance(tree, dict):
            return repr(tree)
        if self._is_tagged and tree:
            key = next(iter(tree))
            if key[:2] == "$$":
                tree = {key[1:]: tree[key], **dict(list(tree.items())[1:])}
            elif key[:1] == "$":
                try:
                    return self._tagged(key[1:], tree[key], tree)
                except (AttributeError, LookupError, TypeError, ValueError):
                    pass  # damage, which is shown as it is
        return self._group("{", [(f"{key!r}: ", part) for key, part in tree.items()], "}")

    def _text(self, text: str) -> Node:
        if self._shown is not None and len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}... ({len(text)} characters)"
        return Block(text) if "\n" in text.rstrip("\n") else repr(text)

    def _group(self, open_: str, parts: list[tuple[str, Any]], close: str) -> Group:
        shown = parts if self._shown is None else parts[: self._shown]
        nodes: list[tuple[str, Node]] = [(name, self.node(part)) for name, part in shown]
        if len(shown) < len(parts):
            nodes.append(("", f"... {len(parts) - len(shown)} more"))
        return Group(open_, nodes, close)

    def _tagged(self, tag: str, part: Any, node: dict[str, Any]) -> Node:
        if tag in _TEXTS and isinstance(part, str):
            return part
        if tag in _BRACKETS and isinstance(part, list):
            open_, close = _BRACKETS[tag]
            if tag == "set" and not part:
                return "set()"
            return self._group(
                open_,
                [("", each) for each in part],
                f",{close}" if tag == "tuple" and len(part) == 1 else close,
            )
        if tag == "dict":
            return self._pairs(part)
        if tag == "anchor":
            return self.node(node["value"])
        if tag == "ref":
            return "<the same object as above>"
        if tag in ("bytes", "base64", "object", "bytearray"):
            return self._bytes(tag, part, node)
        if tag in ("path", "str", "pure_posix_path", "pure_windows_path"):
            return repr("/".join(f"<{part[0]}>/{part[1]}".split("/")) if isinstance(part, list) else part)
        name = short_name(tag)
        if ":" in tag and isinstance(part, dict):
            further = {**part, **node.get("attributes", {}), **node.get("extra", {})}
            return self._group(f"{name}(", [(f"{key}=", value) for key, value in further.items()], ")")
        if ":" in tag:
            return (
                " | ".join(f"{name}.{flag}" for flag in part) if isinstance(part, list) else f"{name}.{part}"
            )
        if isinstance(part, dict):
            return self._group(f"{name}(", [(f"{key}=", value) for key, value in part.items()], ")")
        further = {key: value for key, value in node.items() if key != f"${tag}" and value is not None}
        inner: list[tuple[str, Any]] = [("", part), *((f"{key}=", value) for key, value in further.items())]
        return self._group(f"{name}(", inner, ")")

    def _pairs(self, pairs: list[list[Any]]) -> Node:
        named: list[tuple[str, Any]] = []
        for key, value in pairs:
            text = _flat_text(self.node(key))
            named.append((f"{text}: ", value))
        return self._group("{", named, "}")

    def _bytes(self, tag: str, part: Any, node: dict[str, Any]) -> Node:
        if tag == "bytearray":
            return Group("bytearray(", [("", self.node(part))], ")")
        if tag == "object":
            return f"<bytes, {node.get('size', '?')} B, in {part}>"
        if tag == "base64":
            return bytes_in_short(b64decode(part))
        text = "".join(part) if isinstance(part, list) else part
        return Block(text) if "\n" in text else f"b{text!r}"


def table(columns: list[str], rows: list[Any], *, shown: int | None = SHOWN) -> TextTable:
    """Return the rows that a database gave."""
    reader = ValueReader(is_tagged=True, shown=shown)
    first = rows if shown is None else rows[:shown]
    cells = [[_flat_text(reader.node(cell)) for cell in row] for row in first]
    more = f", the first {len(first)}" if len(first) < len(rows) else ""
    return TextTable(f"{len(rows)} row{'' if len(rows) == 1 else 's'}{more}", columns, cells)


def bytes_in_short(data: bytes) -> str:
    """Return the size of bytes, and of an image its kind and measures: `<PNG image, 32x16, 256 B>`."""
    kind = next((name for magic, name in _IMAGES if data.startswith(magic)), "")
    if not kind:
        return f"<bytes, {len(data)} B>"
    measures = ""
    if kind == "PNG" and len(data) >= 24:
        measures = f"{int.from_bytes(data[16:20], 'big')}x{int.from_bytes(data[20:24], 'big')}, "
    elif kind == "GIF" and len(data) >= 10:
        measures = f"{int.from_bytes(data[6:8], 'little')}x{int.from_bytes(data[8:10], 'little')}, "
    return f"<{kind}{'' if kind == 'PDF' else ' image'}, {measures}{len(data)} B>"


def short_name(tag: str) -> str:
    """Return the last part of a class's name."""
    return tag.rpartition(":")[2].rpartition(".")[2]


def _flat_text(node: Node) -> str:
    from pytest_mimic._tools.shown.document import flat

    whole = flat(node, 60)
    return "..." if whole is None else whole
