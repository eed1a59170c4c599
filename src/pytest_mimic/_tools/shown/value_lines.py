"""Values as text to read, in Python's notation: on one line where they fit, else a part on each line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.compare.outcome_tree import Blob, Named, PickleView
from pytest_mimic._core.compare.tree_differences import response_parts
from pytest_mimic._core.describe.text import shortened
from pytest_mimic._core.words import plural, size

if TYPE_CHECKING:
    from pytest_mimic._core.compare.tree_differences import TreeDifference

# Of a longer list, mapping or table, the first so many parts are shown.
SHOWN = 100
_LONGEST = 2000
_INDENT = "  "
# Tags whose part is the text of the value.
_TEXTS = frozenset({"date", "datetime", "time", "float", "uuid", "zoneinfo", "int"})
_PATHS = frozenset({"path", "str", "pure_posix_path", "pure_windows_path"})
_PHRASES = {"ref": "<the same object as above>", "argument": "its argument {}", "names": "{}"}
_BRACKETS = {
    "tuple": ("(", ")"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
    "deque": ("deque([", "])"),
}


class Group(NamedTuple):
    """Parts between brackets, each with its name in front or an empty text: `{`, `'USD': `, `1.07`, `}`."""

    open: str
    parts: Sequence[tuple[str, Node]]
    close: str


class TextTable(NamedTuple):
    """A table: its title, the names of the columns, and rows of texts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Block(NamedTuple):
    """A text of several lines."""

    text: str


Node = str | Group | TextTable | Block


def lines_of(node: Node, width: int) -> Iterator[str]:
    """Yield the lines of a value, of about so many characters."""
    yield from _lines("", node, "", width)


def flat(node: Node, room: int) -> str | None:
    """Return a value on one line, or None if it needs more than `room` characters."""
    if isinstance(node, str):
        return node if len(node) <= room else None
    if not isinstance(node, Group):
        return None
    text = node.open
    for number, (name, part) in enumerate(node.parts):
        text += f"{', ' if number else ''}{name}"
        inner = flat(part, room - len(text))
        if inner is None:
            return None
        text += inner
    text += node.close
    return text if len(text) <= room else None


def _lines(name: str, node: Node, end: str, width: int) -> Iterator[str]:
    whole = flat(node, width - len(name) - len(end))
    if whole is not None or isinstance(node, str):
        yield f"{name}{node if whole is None else whole}{end}"
    elif isinstance(node, Block):
        yield f"{name}|"
        yield from (f"{_INDENT}{line}" for line in node.text.split("\n"))
    elif isinstance(node, TextTable):
        yield f"{name}{node.title}"
        yield from (f"{_INDENT}{line}" for line in grid_lines([node.columns, *node.rows]))
    else:
        yield f"{name}{node.open}"
        for part_name, part in node.parts:
            yield from (
                f"{_INDENT}{line}" for line in _lines(part_name, part, ",", max(width - len(_INDENT), 20))
            )
        yield f"{node.close}{end}"


def grid_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of texts in columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip()


# -- trees


def short(tree: object, width: int = 200, *, is_whole: bool = False) -> str:
    """Return a tree on one line, cut to a width."""
    return shortened(_joined(node_of(tree, is_whole=is_whole)), width)


def _joined(node: Node) -> str:
    if isinstance(node, Group):
        return f"{node.open}{', '.join(name + _joined(part) for name, part in node.parts)}{node.close}"
    if isinstance(node, Block):
        return repr(node.text)
    return node if isinstance(node, str) else node.title


def node_of(tree: object, *, is_whole: bool = False) -> Node:
    """Return a tree as text. If it `is_whole`, classes are named with their modules."""
    return _Writer(is_whole=is_whole).node(tree)


class _Writer:
    """Makes text of trees; see `node_of`."""

    def __init__(self, *, is_whole: bool) -> None:
        self._is_whole = is_whole

    def node(self, tree: object) -> Node:
        if isinstance(tree, str):
            return self._text(tree)
        if isinstance(tree, list):
            return self._list(tree, "[", "]")
        if isinstance(tree, dict):
            return self._group("{", [(f"{key!r}: ", part) for key, part in tree.items()], "}")
        if isinstance(tree, Named):
            return self._named(tree.name, tree.value)
        if isinstance(tree, PickleView):
            return "a pickle" if tree.size is None else f"a pickle, {size(tree.size)}"
        return str(tree) if isinstance(tree, Blob) else repr(tree)

    def _text(self, text: str) -> Node:
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}... ({len(text)} characters)"
        return Block(text) if "\n" in text.rstrip("\n") else repr(text)

    def _group(self, open_: str, parts: Sequence[tuple[str, Any]], close: str) -> Group:
        first = parts[:SHOWN]
        nodes: list[tuple[str, Node]] = [(name, self.node(part)) for name, part in first]
        if len(first) < len(parts):
            nodes.append(("", f"... {len(parts) - len(first)} more"))
        return Group(open_, nodes, close)

    def _list(self, items: list[Any], open_: str, close: str) -> Group:
        return self._group(open_, [("", item) for item in items], close)

    def _named(self, tag: str, value: object) -> Node:
        """Return a value with a tag as the code that would make it."""
        name = tag.replace(":", ".") if self._is_whole else tag.rpartition(":")[2].rpartition(".")[2]
        if tag in _TEXTS and isinstance(value, str):
            return value
        if tag in _BRACKETS and isinstance(value, list):
            open_, close = _BRACKETS[tag]
            if tag == "set" and not value:
                return "set()"
            return self._list(value, open_, f",{close}" if tag == "tuple" and len(value) == 1 else close)
        if tag == "dict" and isinstance(value, list):
            return self._group("{", [_pair(pair) for pair in value], "}")
        if tag in _PHRASES:
            return _PHRASES[tag].format(
                value if not isinstance(value, list) else ", ".join(value) or "nothing"
            )
        if tag == "bytes" and isinstance(value, str):
            return Block(value) if "\n" in value else f"b{value!r}"
        if tag in _PATHS:
            return repr("/".join(f"<{value[0]}>/{value[1]}".split("/")) if isinstance(value, list) else value)
        if tag == "response" and isinstance(value, dict):
            body = [("", part) for key, part in response_parts(value).items() if key in ("body", "error")]
            return self._group(f"{value['status']} ", body, "")
        if isinstance(value, dict):
            parts = [(f"{key}=" if key else "", part) for key, part in value.items() if part is not None]
            return self._group(f"{name}(", parts, ")")
        if ":" in tag:  # a member of an enum
            flags = value if isinstance(value, list) else [value]
            return " | ".join(f"{name}.{flag}" for flag in flags)
        return self._group(f"{name}(", [("", value)], ")")


def _pair(pair: object) -> tuple[str, Any]:
    if not isinstance(pair, list) or len(pair) != 2:  # edited by hand
        return "", pair
    return f"{short(pair[0], 60)}: ", pair[1]


def table(columns: Sequence[object], rows: list[Any]) -> TextTable:
    """Return the rows that a database gave."""
    first = rows[:SHOWN]
    more = f", the first {len(first)}" if len(first) < len(rows) else ""
    return TextTable(
        f"{plural(len(rows), 'row')}{more}",
        list(map(str, columns)),
        [[short(cell, 60) for cell in row] for row in first],
    )


# -- differences


def sides(one: TreeDifference) -> tuple[str, str]:
    """Return the two sides of a difference in short, empty for what one side does not have."""
    if one.kind in ("text", "rows"):
        return "", ""
    old = "" if one.kind == "added" else short(one.old, is_whole=True)
    new = "" if one.kind == "removed" else short(one.new, is_whole=True)
    return old, f"{new}, of other content" if old == new else new


def cell_text(value: object) -> str:
    """Return a cell of a table, texts without quotes where they are plain."""
    return value if isinstance(value, str) and value == value.strip() != "" else short(value, is_whole=True)


def plain_difference(one: TreeDifference) -> dict[str, Any]:
    """Return a difference as JSON data, without what is empty."""
    old, new = (one.old, one.new) if one.kind == "text" and not one.is_opaque else sides(one)
    rows = [(sign, list(map(cell_text, cells))) for sign, cells in one.rows]
    more = {"spans": one.spans, "columns": list(map(cell_text, one.columns)), "rows": rows}
    plain = {"path": one.path, "kind": one.kind, "old": old, "new": new}
    return {**plain, **{name: part for name, part in more.items() if part}}
