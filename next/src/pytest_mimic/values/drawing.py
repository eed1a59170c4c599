"""Draws trees and their differences for people: on one line, or on several."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple, cast

from pytest_mimic.values.differences import Difference, Missing, Side
from pytest_mimic.values.tree import Leaf, Tree, is_tagged
from pytest_mimic.words import on_one_line

_ENDS = "..."
# Of longer texts the words that differ are shown, with so many characters around.
_LONG_TEXT = 80
_CONTEXT = 60
_MOST_ITEMS = 8


class Form(NamedTuple):
    """A container as it is drawn.

    Attributes:
        opening: `Rate(`
        parts: Each with what stands before it: `base=`.
        closing: `)`
    """

    opening: str
    parts: list[tuple[str, Tree]]
    closing: str


def line(tree: Tree, limit: int = 80) -> str:
    """Draw a tree on one line, as Python writes it; what is longer is cut."""
    text = ""
    for piece in _pieces(tree):
        text += piece
        if len(text) > limit:
            return text[: limit - len(_ENDS)] + _ENDS
    return text


def lines(tree: Tree, width: int = 100) -> list[str]:
    """Draw a tree on several lines, a part a line, but for what fits into a line."""
    return list(_lines(tree, "", "", width))


class DifferenceLine(str):
    """A difference on one line.

    Attributes:
        sides: The path, and the two sides for which a reader has columns of his own.
    """

    sides: tuple[str, ...]

    def __new__(cls, text: str, *sides: str) -> DifferenceLine:
        self = super().__new__(cls, text)
        self.sides = sides
        return self


def difference_line(
    difference: Difference,
    limit: int = 100,
    words: tuple[str, str] = ("recorded", "now"),
) -> DifferenceLine:
    """Draw one difference: `day: 2024-04-30 recorded, 2024-05-01 now`.

    Of long texts the words that differ are shown, with some around them.

    Args:
        difference: What differs.
        limit: The length of each side.
        words: What the two sides are called.
    """
    path = difference.path
    path = f"result{path}" if path[:1] in ("", "[", "{") else path
    old, new = difference.old, difference.new
    before, now = words
    if difference.fact:
        text = f"{path}: {difference.fact}"
        return DifferenceLine(text, path, difference.fact, "")
    if isinstance(old, Missing):
        known = "not in the recording" if before == "recorded" else f"not {before}"
        other = _side(new, limit)
        return DifferenceLine(f"{path}: {other} {now}, {known}", path, "", other)
    if isinstance(new, Missing):
        one = _side(old, limit)
        return DifferenceLine(f"{path}: {one} {before}, missing {now}", path, one, "")
    if _are_long_texts(old, new):
        changed = on_one_line(changed_words(str(old), str(new)))
        text = f"{path}, [-{before}-] {{+{now}+}}: {changed}"
        return DifferenceLine(text, path, changed, "")
    one, other = _told_apart(old, new, limit)
    text = f"{path}: {one} {before}, {other} {now}"
    return DifferenceLine(text, path, one, other)


def _are_long_texts(old: Tree, new: Tree) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    return max(len(old), len(new)) > _LONG_TEXT


def changed_words(old: str, new: str) -> str:
    """Draw how a text differs: `...a [-quick fox-]{+slow dog+} runs...`."""
    before, after = _words(old), _words(new)
    start = _shared(before, after)
    end = _shared(before[start:][::-1], after[start:][::-1])
    head, tail = before[:start], before[len(before) - end :]
    removed = _shortened(before[start : len(before) - end])
    added = _shortened(after[start : len(after) - end])
    change = f"[-{removed}-]" if removed else ""
    change += f"{{+{added}+}}" if added else ""
    return f"{_last(''.join(head))}{change}{_first(''.join(tail))}"


def _words(text: str) -> list[str]:
    """Split a text into words and the blanks between them."""
    return re.findall(r"\S+|\s+", text)


def _shared(old: list[str], new: list[str]) -> int:
    """Count the words at the beginning that both have."""
    count = 0
    for word, other in zip(old, new, strict=False):
        if word != other:
            break
        count += 1
    return count


def _shortened(words: list[str]) -> str:
    text = "".join(words)
    if len(text) <= 3 * _CONTEXT:
        return text
    return f"{_first(text)} {_last(text)}"


def _first(text: str) -> str:
    return text if len(text) <= _CONTEXT else text[:_CONTEXT] + _ENDS


def _last(text: str) -> str:
    return text if len(text) <= _CONTEXT else _ENDS + text[-_CONTEXT:]


def _side(side: Side, limit: int) -> str:
    return "missing" if isinstance(side, Missing) else line(side, limit)


def _told_apart(old: Tree, new: Tree, limit: int) -> tuple[str, str]:
    """Draw two sides; where they read alike, with what tells them apart."""
    one, other = line(old, limit), line(new, limit)
    if one != other:
        return one, other
    kind, other_kind = kind_of(old), kind_of(new)
    if kind != other_kind:
        return f"{one} ({kind})", f"{other} ({other_kind})"
    named, other_named = _class_name(old), _class_name(new)
    if named != other_named:
        return f"{one} ({named})", f"{other} ({other_named})"
    return one, "another value"


def _class_name(tree: Tree) -> str:
    """Name the class of an object with its module, which may have moved."""
    first = next(iter(tree), "") if isinstance(tree, dict) else ""
    return first[1:] if first[:1] == "$" and ":" in first else ""


def preview(tree: Tree) -> str:
    """Say what a value is, and nothing that it holds: `<Basket: items, total>`."""
    if not isinstance(tree, dict) or not is_tagged(tree):
        length = f" of {len(tree)}" if isinstance(tree, (list, dict)) else ""
        return f"<{kind_of(tree)}{length}>"
    tag = next(iter(tree))
    if "rows" in tree:
        return _table(tag, tree)
    if "dtype" in tree:
        return _array(tree)
    names = [name for name, _ in _named(tree[tag]) or _named(tree.get("shows"))]
    return f"<{kind_of(tree)}{_listed(names)}>"


def kind_of(tree: Tree) -> str:
    """Give the type of a value, as people name it: `int`, `Decimal`, `Rate`."""
    if not isinstance(tree, dict):
        return "None" if tree is None else type(tree).__name__
    if not is_tagged(tree):
        return "dict"
    tag = next(iter(tree))[1:]
    return {"decimal": "Decimal", "uuid": "UUID"}.get(tag, tag.rpartition(":")[2])


# -- one line, piece by piece


def _pieces(tree: Tree) -> Iterator[str]:
    form = form_of(tree)
    if isinstance(form, str):
        yield form
        return
    yield form.opening
    before = ""
    for name, part in form.parts:
        yield f"{before}{name}"
        yield from _pieces(part)
        before = ", "
    yield form.closing


def _lines(tree: Tree, indent: str, before: str, width: int) -> Iterator[str]:
    form = form_of(tree)
    room = width - len(indent) - len(before) - 1
    whole = line(tree, room + 1)
    if isinstance(form, str) or not form.parts or len(whole) <= room:
        yield f"{indent}{before}{form if isinstance(form, str) else whole}"
        return
    yield f"{indent}{before}{form.opening}"
    for name, part in form.parts:
        *inner, last = _lines(part, f"{indent}  ", name, width)
        yield from inner
        yield f"{last},"
    yield f"{indent}{form.closing}"


# -- what stands for a tree


def form_of(tree: Tree) -> str | Form:
    """Give the text of a value, or of a container how it is drawn around its parts."""
    if isinstance(tree, Leaf):
        tree = tree.plain()
    if isinstance(tree, str):
        return repr(tree)
    if isinstance(tree, list):
        return Form("[", _items(tree), "]")
    if not isinstance(tree, dict):
        return str(tree)
    if not is_tagged(tree):
        parts = [(f"{key!r}: ", part) for key, part in tree.items()]
        return Form("{", parts, "}")
    try:
        return _tagged(tree)
    except (TypeError, ValueError, AttributeError, LookupError):
        # A file that somebody has edited may hold anything.
        return f"<{next(iter(tree))[1:]}>"


def _tagged(tree: dict[str, Any]) -> str | Form:
    tag = next(iter(tree))
    content = tree[tag]
    if tag in _DRAWN:
        return _DRAWN[tag](tree)
    if tag in _TEXTS:
        text = content if isinstance(content, str) else line(content)
        return _TEXTS[tag].format(text)
    if tag in _CALLS:
        items = content if isinstance(content, list) else [content]
        return Form(f"{_CALLS[tag]}(", _items(items), ")")
    if "rows" in tree:
        return _table(tag, tree)
    if "dtype" in tree:
        return _few_items(tag, tree) or _array(tree)
    return _object(tag, tree)


def _items(items: list[Tree]) -> list[tuple[str, Tree]]:
    return [("", item) for item in items]


def _named(parts: Tree) -> list[tuple[str, Tree]]:
    if not isinstance(parts, dict) or is_tagged(parts):
        return []
    return [(f"{name}=", part) for name, part in parts.items()]


def _object(tag: str, tree: dict[str, Tree]) -> str | Form:
    """Draw an object of a class: `Rate(base='EUR')`, `ValueError('no', code=3)`."""
    content = tree[tag]
    name = tag.lstrip("$").rpartition(":")[2].rpartition(".")[2]
    if isinstance(content, str) and content.isidentifier():
        return f"{name}.{content}"  # a member of an enum
    parts = _named(content)
    if not isinstance(content, dict) or is_tagged(content):
        parts = [("", content)]
    positional: list[tuple[str, Tree]] = []
    for key in ("args", "()", "of", "items"):
        part = tree.get(key)
        is_row = isinstance(part, list) and key in ("args", "()")
        positional += _items(cast("list[Tree]", part)) if is_row else []
        positional += [("", part)] if part is not None and not is_row else []
    if "pairs" in tree:
        positional.append(("", {"$dict": tree["pairs"]}))
    for key in ("attributes", "fields", "extra", "private", "keywords"):
        parts += _named(tree.get(key))
    return Form(f"{name}(", [*positional, *parts], ")")


def _table(tag: str, tree: dict[str, Any]) -> str:
    """Draw a table by its rows and columns: `<DataFrame 3 rows: day, price>`."""
    names = [name for name, _ in _named(tree[tag])]
    return f"<{kind_of(tree)} {tree['rows']} rows{_listed(names)}>"


def _listed(names: list[str]) -> str:
    if not 0 < len(names) <= _MOST_ITEMS:
        return ""
    return f": {', '.join(name.rstrip('=') for name in names)}"


def _few_items(tag: str, tree: dict[str, Any]) -> Form | None:
    """Draw a short array, or a short column, with its items."""
    items = tree[tag]
    is_row = isinstance(items, list) and len(tree.get("shape", [0])) == 1
    if not is_row or len(items) > _MOST_ITEMS:
        return None
    dtype: Tree = {"$name": _dtype_of(tree)}
    return Form("array(", [("", items), ("dtype=", dtype)], ")")


def _array(tree: dict[str, Any]) -> str:
    """Draw an array or a column by type and size: `<ndarray float64 50x2000>`."""
    words = [kind_of(tree), _dtype_of(tree), "x".join(map(str, tree.get("shape", ())))]
    return f"<{' '.join(filter(None, words))}>"


def _dtype_of(tree: dict[str, Any]) -> str:
    dtype = tree["dtype"]
    return dtype if isinstance(dtype, str) else "fields"


def _moment(tree: dict[str, Any]) -> str:
    moment, zone = next(iter(tree.values())), tree.get("zone")
    return f"{moment}[{line(zone)}]" if zone is not None else str(moment)


def _span(tree: dict[str, Any]) -> str:
    return str(timedelta(*tree["$timedelta"]))


def _bytes(tree: dict[str, Any]) -> str:
    if "$bytes" in tree:
        return repr(tree["$bytes"].encode("ascii"))
    return repr(b64decode(tree["$base64"]))


def _tuple(tree: dict[str, Any]) -> Form:
    items = tree["$tuple"]
    return Form("(", _items(items), ",)" if len(items) == 1 else ")")


def _dict(tree: dict[str, Any]) -> Form:
    return Form("{", [(f"{line(key)}: ", part) for key, part in tree["$dict"]], "}")


def _set(tree: dict[str, Any]) -> Form:
    members = _items(tree["$set"])
    return Form("{", members, "}") if members else Form("set(", [], ")")


def _frozenset(tree: dict[str, Any]) -> Form:
    members = _items(tree["$frozenset"])
    return Form("frozenset({", members, "})")


def _long(tree: dict[str, Any]) -> str:
    """Draw a part of which length and digest are kept, by its beginning."""
    kind, length, begins = tree["$long"], tree["length"], tree.get("begins")
    digest = str(tree["digest"])[:8]
    if kind == "memory":
        return f"<{length:,} bytes #{digest}>"
    if kind == "text":
        return f"{begins!r}{_ENDS}"
    start = f" {begins[:40]}{_ENDS}" if begins else ""
    return f"<{kind} of {length:,}{start} #{digest}>"


def _place(tree: dict[str, Any]) -> str:
    """Draw a path, or a text that is one; a long text stands under `$text`, too."""
    place = tree.get("$path", tree.get("$text"))
    if not isinstance(place, list):
        return str(place) if "$path" in tree else _object_file(tree)
    root, rest = place[:2]
    below = line(rest) if isinstance(rest, dict) else rest
    return f"<{root}>/{below}".rstrip("/") if root == "tmp" else below or "."


def _object_file(tree: dict[str, Any]) -> str:
    """Draw a part that stands in a file of its own."""
    if "begins" in tree:
        return f"{tree['begins']!r}{_ENDS}"
    return str(tree.get("preview") or f"<{next(iter(tree.values()))}>")


# What stands for a tag whose content is a text.
_TEXTS = {
    **dict.fromkeys(("$float", "$int", "$decimal", "$uuid", "$date", "$zone"), "{}"),
    "$name": "{}",
    **dict.fromkeys(("$function", "$method"), "<function {}>"),
    "$class": "<class {}>",
    "$module": "<module {}>",
    "$escaped": "'{}'",
    "$content": "<{}>",
    "$refused": "<{}>",
    "$ignored": "<ignored>",
    "$up": "<itself>",
    "$back": "<a part above>",
}
_CALLS = {
    "$bytearray": "bytearray",
    "$complex": "complex",
    "$fraction": "Fraction",
    "$pattern": "re.compile",
    "$range": "range",
    "$timezone": "timezone",
}
_DRAWN: dict[str, Callable[[dict[str, Any]], str | Form]] = {
    "$bytes": _bytes,
    "$base64": _bytes,
    "$datetime": _moment,
    "$time": _moment,
    "$timedelta": _span,
    "$tuple": _tuple,
    "$dict": _dict,
    "$set": _set,
    "$frozenset": _frozenset,
    "$long": _long,
    "$pickle": _object_file,
    "$path": _place,
    "$text": _place,
    "$json": _object_file,
}
