"""The nodes of trees, and how people see them: in Python's notation, on one line or a part on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json import dumps
from typing import Any, NamedTuple

from pytest_mimic._core.redact.secret_names import PLACEHOLDER_START, is_placeholder
from pytest_mimic._core.types.opening import key_step
from pytest_mimic._core.words import plural, size

#: Of a longer list, mapping or table in an outcome, the first so many parts are shown.
SHOWN = 100
_LONGEST = 2_000
_INDENT = "  "
# Tags whose part is the text of the value.
_TEXTS = frozenset(
    "$date $datetime $decimal $float $int $path $text $time $uuid $zoneinfo".split()
)
_TEXTS |= {"$pure_posix_path", "$pure_windows_path"}
# Tags whose part is a list of what makes the value.
_MADE = frozenset("$complex $datetime $fraction $range $regex $time $timezone".split())
_BRACKETS = {
    "$list": ("[", "]"),
    "$events": ("[", "]"),
    "$tuple": ("(", ")"),
    "$set": ("{", "}"),
    "$frozenset": ("frozenset({", "})"),
}
# What a node says about its value besides its parts.
_FACTS = frozenset(
    {"columns", "digest", "length", "object", "size", "start", "type", "whole"}
)


class Group(NamedTuple):
    """Parts between brackets, each with its name in front or an empty text: `{`, `'USD': `, `1.07`, `}`."""

    open: str
    parts: Sequence[tuple[str, Drawn]]
    close: str


class Table(NamedTuple):
    """A table: its title, the names of the columns, and rows of texts."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Block(NamedTuple):
    """A text of several lines."""

    text: str


Drawn = str | Group | Table | Block


def line(tree: object, limit: int | None = None, *, digests: bool = False) -> str:
    """Return a tree on one line of at most `limit` characters: `'EUR'`, `2024-05-01`, `Rate(base='EUR')`.

    With `digests`, values that are shown in part have theirs.
    """
    return shortened(_joined(drawn(tree, digests=digests)), limit)


def shortened(text: str, limit: int | None) -> str:
    """Return the text, cut to at most `limit` characters."""
    return text if limit is None or len(text) <= limit else f"{text[: limit - 3]}..."


def drawn(tree: object, *, digests: bool = False, most: int | None = None) -> Drawn:
    """Return a tree as text with its brackets, of a long container the first parts, `most` of them."""
    return _Drawing(digests=digests, most=most).node(tree)


def _joined(node: Drawn) -> str:
    if isinstance(node, Group):
        return f"{node.open}{', '.join(name + _joined(part) for name, part in node.parts)}{node.close}"
    if isinstance(node, Block):
        return repr(node.text)
    return node if isinstance(node, str) else node.title


class _Drawing:
    """Draws one tree; see `drawn`."""

    def __init__(self, *, digests: bool, most: int | None) -> None:
        self._digests = digests
        self._most = most

    def node(self, tree: object) -> Drawn:
        if isinstance(tree, str):
            return self._text(tree)
        if isinstance(tree, list):
            return self._group("[", [("", item) for item in tree], "]")
        if not isinstance(tree, dict):
            return repr(tree)
        if tag := tag_of(tree):
            return self._tagged(tag, tree[tag], tree)
        first = next(iter(tree), "")  # it has a second `$` if it would be a tag
        names = (key[key is first and key[:2] == "$$" :] for key in tree)
        parts = [(f"{name!r}: ", part) for name, part in zip(names, tree.values())]
        return self._group("{", parts, "}")

    def _text(self, text: str) -> Drawn:
        if text.startswith(PLACEHOLDER_START) and is_placeholder(text):
            return text
        if self._most is not None and len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}... ({len(text)} characters)"
        return Block(text) if "\n" in text.rstrip("\n") else repr(text)

    def _group(
        self,
        open_: str,
        parts: Sequence[tuple[str, Any]],
        close: str,
        more: int = 0,
        mark: str = "",
    ) -> Group:
        first = parts[: self._most]
        nodes: list[tuple[str, Drawn]] = [
            (name, self.node(part)) for name, part in first
        ]
        if more := more + len(parts) - len(first):
            nodes.append(("", f"... {more} more{mark}"))
        return Group(open_, nodes, close)

    def _tagged(self, tag: str, part: Any, node: dict[str, Any]) -> Drawn:
        """Return a value with a tag as the code that would make it, or by its text."""
        mark = f" #{node['digest'][:8]}" if self._digests and "digest" in node else ""
        name = short_name(tag)
        facts = {
            key: fact for key, fact in node.items() if key != tag and key not in _FACTS
        }
        if tag in _MADE and isinstance(part, list):
            return self._group(f"{name}(", [("", one) for one in part], ")")
        if tag in _TEXTS and isinstance(part, str | list):
            text = (
                part
                if isinstance(part, str)
                else f"<{part[0]}>/{part[1]}".removesuffix("/")
            )
            text = f"{text[:-1]}{mark}>" if text.endswith(">") else f"{text}{mark}"
            return text + "".join(f" {key}={line(fact)}" for key, fact in facts.items())
        if (phrase := _phrase(tag, part, node, mark)) is not None:
            return Block(phrase) if tag == "$bytes" and "\n" in phrase else phrase
        length, more = node.get("length"), 0
        if isinstance(length, int) and isinstance(part, list | dict):
            more = length - len(part)
        if tag in _BRACKETS and isinstance(part, list):
            if tag in ("$set", "$frozenset") and not part and not more:
                return f"{name}()"
            open_, close = _BRACKETS[tag]
            close = (
                f",{close}"
                if tag == "$tuple" and len(part) == 1 and not more
                else close
            )
            return self._group(open_, [("", item) for item in part], close, more, mark)
        if tag == "$dict" and isinstance(part, list):
            pairs = [
                pair if isinstance(pair, list) and len(pair) == 2 else ["?", pair]
                for pair in part
            ]  # edited
            return self._group(
                "{",
                [(f"{line(key, 60)}: ", one) for key, one in pairs],
                "}",
                more,
                mark,
            )
        if isinstance(part, str | int) and ":" in tag:  # a member of an enum
            return f"{name}.{part}" if isinstance(part, str) else f"{name}({part})"
        parts: list[tuple[str, Any]] = [("", part)]
        if isinstance(part, dict) and next(iter(part), "")[:1] != "$":
            parts = []
            for key, inner in part.items():
                if key == "*" and isinstance(inner, list):
                    parts += (("", one) for one in inner)
                else:
                    parts.append((f"{key}=" if key else "", inner))
        parts += ((f"{key}=", fact) for key, fact in facts.items())
        return self._group(f"{name}(", parts, ")", more, mark)


def _phrase(tag: str, part: Any, node: dict[str, Any], mark: str) -> str | None:
    """Return the text of a value that is not shown as a whole, None for another one."""
    if tag == "$cut":
        length = node.get("length")
        if "start" in node:
            quoted, unit = (
                repr(str(node["start"])),
                "characters" if part == "str" else "bytes",
            )
            return f"{'' if part == 'str' else 'b'}{quoted[:-1]}...{quoted[-1]} ({length} {unit}{mark})"
        return f"<{short_name(str(part))}{'' if length is None else f' of {length}'}{mark}>"
    if tag == "$count":
        return f"{part} items{f' ({mark[1:]})' if mark else ''}"
    if tag == "$column":
        return f"a column of {node.get('rows')} {part}{mark}"
    if tag == "$hidden":
        return part if is_placeholder(part) else repr(part)
    if tag == "$class":
        return f"<class {part}>"
    if tag == "$cycle":
        return "<cycle>"
    if tag == "$content":
        return f"<content of {part}{mark}>"
    if tag == "$str":
        return f"{part if isinstance(part, str) else '/'.join([f'<{part[0]}>', *part[1:]])!r}{mark}"
    if tag == "$bytes":
        text = "".join(map(str, part)) if isinstance(part, list) else str(part)
        return text if "\n" in text else f"b{text!r}"
    if tag == "$base64" and isinstance(part, str):
        return f"<bytes, {len(part) * 3 // 4 - part[-2:].count('=')} B{mark}>"
    if tag == "$object":
        return f"<bytes, {node.get('size', '?')} B, in {part}>"
    if tag == "$pickle":
        return (
            "a pickle"
            if node.get("size") is None
            else f"a pickle, {size(node['size'])}"
        )
    return None


def short_name(tag: str) -> str:
    """Return the name of a type, without its module."""
    return tag.lstrip("$").rpartition(":")[2].rpartition(".")[2]


# -- lines


def lines_of(node: Drawn, width: int) -> Iterator[str]:
    """Yield the lines of what was drawn, of about so many characters."""
    yield from _lines("", node, "", width)


def _flat(node: Drawn, room: int) -> str | None:
    """Return it on one line, or None if it needs more than `room` characters."""
    if isinstance(node, str):
        return node if len(node) <= room else None
    if not isinstance(node, Group):
        return None
    text = node.open
    for number, (name, part) in enumerate(node.parts):
        text += f"{', ' if number else ''}{name}"
        inner = _flat(part, room - len(text))
        if inner is None:
            return None
        text += inner
    text += node.close
    return text if len(text) <= room else None


def _lines(name: str, node: Drawn, end: str, width: int) -> Iterator[str]:
    whole = _flat(node, width - len(name) - len(end))
    if whole is not None or isinstance(node, str):
        yield f"{name}{node if whole is None else whole}{end}"
    elif isinstance(node, Block):
        yield f"{name}|"
        yield from (f"{_INDENT}{one}" for one in node.text.split("\n"))
    elif isinstance(node, Table):
        yield f"{name}{node.title}"
        rows = [node.columns, *node.rows]
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths))
            yield f"{_INDENT}{'  '.join(cells)}".rstrip()
    else:
        yield f"{name}{node.open}"
        for part_name, part in node.parts:
            inner = _lines(part_name, part, ",", max(width - len(_INDENT), 20))
            yield from (f"{_INDENT}{one}" for one in inner)
        yield f"{node.close}{end}"


def table(columns: Sequence[object], rows: list[Any]) -> Table:
    """Return the rows that a database gave."""
    first = rows[:SHOWN]
    more = f", the first {len(first)}" if len(first) < len(rows) else ""
    cells = [[line(cell, 60) for cell in row] for row in first]
    return Table(f"{plural(len(rows), 'row')}{more}", list(map(str, columns)), cells)


# -- nodes: tags, and parts by their step in the paths that `ignore=` and `volatile=`
# take

_FILES = ("$path", "$str", "$content")
_ITEMS = frozenset({"$list", "$tuple", "$events"})
_SETS = frozenset({"$set", "$frozenset"})


def order(node: object) -> str:
    """Return a text that is equal for equal nodes and orders them."""
    return dumps(node, sort_keys=True)


def kind_of(node: object) -> str:
    """Return the tag of a node with its `$`, else the name of its type: `1`, `1.0` and `true` are of three kinds."""
    if isinstance(node, dict):
        tag = tag_of(node) or "dict"
        return "list" if tag == "$list" else tag
    return type(node).__name__


def items_of(node: Any) -> list[Any] | None:
    """Return the items of a list or of what is like one, None of any other value."""
    if isinstance(node, dict):
        tag = tag_of(node)
        node = node[tag] if tag in _ITEMS else None
    return node if isinstance(node, list) else None


def tag_of(node: dict[str, Any]) -> str:
    """Return the tag of a mapping with its `$`, empty if it has none."""
    for key in node:
        return key if key[:1] == "$" and key[:2] != "$$" else ""
    return ""


def steps(node: Any) -> dict[str, Any] | None:
    """Return the parts of a node by their step in paths, None for a value without parts."""
    if (items := items_of(node)) is not None:
        return {f"[{place}]": item for place, item in enumerate(items)}
    if not isinstance(node, dict):
        return None
    tag = tag_of(node)
    if not tag:
        return {key_step(key): part for key, part in node.items()}
    part = node[tag]
    facts = {
        f".{name}": fact
        for name, fact in node.items()
        if name != tag and name not in _FACTS
    }
    if tag in _SETS and isinstance(part, list):
        found = {f"{{{line(item)}}}": item for item in part}
    elif tag == "$dict" and isinstance(part, list):
        # It may be edited by hand.
        pairs = (pair for pair in part if isinstance(pair, list) and len(pair) == 2)
        found = {
            key_step(key) if isinstance(key, str) else f"[{line(key)}]": item
            for key, item in pairs
        }
    elif isinstance(part, dict) and not tag_of(part):
        found = {}
        for name, inner in part.items():
            below = (
                steps(inner) if not name else None
            )  # the content of an object takes no step
            step = ".args" if name == "*" else key_step(name) if name else ""
            found |= {step: inner} if below is None else below
    else:
        return {"": part, **facts} if facts else None
    return found | facts


def is_file(node: object) -> bool:
    """Check whether a node counts with the content of a file or folder."""
    return isinstance(node, dict) and "digest" in node and tag_of(node) in _FILES
