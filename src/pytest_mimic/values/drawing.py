"""Draws trees for people: on one line, or on several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

from pytest_mimic.values.rows import bytes_of
from pytest_mimic.values.tree import (
    BEGINNING,
    Leaf,
    Node,
    Tree,
    is_tagged,
    text_of,
)
from pytest_mimic.words import ENDS, cut_text

_MOST_NAMES = 8
_DIGITS = 8
# In characters of JSON.
_MOST_OF_VIEW = 4_096
_MORE = "$more"


class _Form(NamedTuple):
    """A tree as it is drawn.

    Attributes:
        opening: `Rate(`; the whole text of what has no parts.
        parts: Each with what stands before it: `base=`.
        closing: `)`
    """

    opening: str
    parts: Sequence[tuple[str, Tree]] = ()
    closing: str = ""


def one_line(tree: Tree, limit: int = 80) -> str:
    """Draw a tree on one line, as Python writes it; what is longer is cut."""
    text = ""
    for piece in _pieces(tree):
        text += piece
        if len(text) > limit:
            return cut_text(text, limit)
    return text


def lines(tree: Tree, width: int = 100, before: str = "") -> list[str]:
    """Draw a tree on several lines, a part a line, but for what fits into a line.

    Args:
        tree: The tree.
        width: So many signs are on a line, with a comma.
        before: What stands before it.
    """
    form = _form_of(tree)
    if not form.parts:
        return [f"{before}{form.opening}{form.closing}"]
    whole = f"{before}{one_line(tree, width)}"
    if len(whole) < width:
        return [whole]
    drawn = [f"{before}{form.opening}"]
    for name, part in form.parts:
        *inner, last = lines(part, width - 2, name)
        drawn += [f"  {one}" for one in (*inner, f"{last},")]
    return [*drawn, form.closing]


def view_of(tree: Tree) -> Tree:
    """Give the beginning of each part of a tree, in at most 4 KB of JSON."""
    for most in (100, 30, 10, 4):
        try:
            view = _beginning(tree, most, 2 + most // 4, count())
        except OverflowError:
            continue
        if len(text_of(view)) <= _MOST_OF_VIEW:
            return view
    return {f"${class_named_in(tree)}": {}}


def _beginning(tree: Tree, most: int, depth: int, parts: Iterator[int]) -> Tree:
    """Give so many parts of each part at most, and so many in one another.

    Raises:
        OverflowError: It has more parts than 4 KB have room for.
    """
    if next(parts) > _MOST_OF_VIEW:
        raise OverflowError
    if isinstance(tree, Leaf):
        tree = tree.plain()
    if isinstance(tree, str) and len(tree) > BEGINNING:
        return {"$long": "text", "length": len(tree), "begins": tree[:BEGINNING]}
    if not isinstance(tree, (list, dict)) or not tree:
        return tree
    if isinstance(tree, list):
        shown = tree[:most] if depth else []
        cut = [_beginning(part, most, depth - 1, parts) for part in shown]
        return [*cut, {_MORE: len(tree) - len(cut)}] if len(cut) < len(tree) else cut
    # All that stands beside a tag says what the value is.
    names = [*tree] if is_tagged(tree) else [*tree][: most if depth else 0]
    inner = depth if is_tagged(tree) else depth - 1
    node = {name: _beginning(tree[name], most, inner, parts) for name in names}
    return {**node, _MORE: len(tree) - len(names)} if len(names) < len(tree) else node


def class_named_in(tree: Tree) -> str:
    """Give the type of a value: `int`, `decimal`, `shop:Rate`."""
    if isinstance(tree, dict) and is_tagged(tree):
        return next(iter(tree))[1:]
    return type(tree).__name__


def _pieces(tree: Tree) -> Iterator[str]:
    form = _form_of(tree)
    yield form.opening
    before = ""
    for name, part in form.parts:
        yield f"{before}{name}"
        yield from _pieces(part)
        before = ", "
    yield form.closing


# -- what stands for a tree


def _form_of(tree: Tree) -> _Form:
    if isinstance(tree, Leaf):
        tree = tree.plain()
    if isinstance(tree, str):
        return _Form(repr(tree))
    if isinstance(tree, list):
        return _Form("[", _items(tree), "]")
    if not isinstance(tree, dict):
        return _Form(str(tree))
    if not is_tagged(tree):
        return _Form("{", _by_name(tree, lambda name: f"{name!r}: "), "}")
    try:
        return _tagged(tree)
    except (TypeError, ValueError, AttributeError, LookupError):
        # A file that somebody has edited may hold anything.
        return _Form(f"<{class_named_in(tree)}>")


_BRACKETS = {
    "$tuple": ("(", ")"),
    "$set": ("{", "}"),
    "$frozenset": ("frozenset({", "})"),
}
# The tags of a text that says all.
_TEXTS = frozenset(
    "$int $float $decimal $uuid $zone $name $escaped $relative"
    " $path $date $datetime $time".split()
)
_APART = frozenset(["$long", "$text", "$json", "$npy", "$pickle"])
# The keys beside the tag of an object whose parts are drawn as its arguments.
_ARGUMENTS = frozenset(
    "args () of items attributes fields extra private keywords".split()
)


def _tagged(tree: Node) -> _Form:
    tag = next(iter(tree))
    content = tree[tag]
    if tag == "$column" and isinstance(content, list):
        return _Form("[", _items(content), "]")
    if _is_table_or_array(tree):
        return _Form(_table_or_array(tree))
    if tag in _TEXTS:
        zone = f"[{one_line(tree['zone'])}]" if "zone" in tree else ""
        text = content if isinstance(content, str) else one_line(content)
        return _Form(f"{text}{zone}")
    if tag in _BRACKETS and content:
        opening, closing = _BRACKETS[tag]
        if tag == "$tuple" and len(content) == 1:
            closing = ",)"
        return _Form(opening, _items(content), closing)
    if tag == "$dict":
        pairs = [(f"{one_line(key)}: ", part) for key, part in content]
        return _Form("{", pairs, "}")
    if tag in ("$bytes", "$base64"):
        return _Form(repr(bytes_of(tree)))
    if tag == _MORE:
        return _Form(f"and {content} more")
    if tag == "$pickle" and "view" in tree:
        return _form_of(tree["view"])
    if tag in _APART:
        return _Form(_kept_apart(tree))
    if isinstance(content, str) and ":" not in tag:
        return _Form(f"<{tag[1:]} {content}>")
    if isinstance(content, int):
        return _Form(f"<{tag[1:]}>")
    return _object(tag, tree)


def _object(tag: str, tree: Node) -> _Form:
    """Draw an object of a class: `Rate(base='EUR')`, `ValueError('no', code=3)`."""
    content = tree[tag]
    name = _last_name(tag[1:])
    if isinstance(content, str) and content.isidentifier():
        return _Form(f"{name}.{content}")  # a member of an enum
    positional: list[tuple[str, Tree]] = []
    named: list[tuple[str, Tree]] = []
    for key, part in tree.items():
        if key == "pairs":
            positional.append(("", {"$dict": part}))
        elif key != tag and key not in _ARGUMENTS:
            continue
        elif isinstance(part, dict) and not is_tagged(part):
            named += _by_name(part, lambda name: f"{name}=")
        else:
            positional += _items(part)
    return _Form(f"{name}(", [*positional, *named], ")")


def _by_name(parts: Node, written: Callable[[str], str]) -> list[tuple[str, Tree]]:
    named = [(written(name), part) for name, part in parts.items() if name != _MORE]
    return [*named, ("", {_MORE: parts[_MORE]})] if _MORE in parts else named


def _last_name(path: str) -> str:
    return path.rpartition(":")[2].rpartition(".")[2]


def _items(content: Any) -> list[tuple[str, Tree]]:
    items = content if isinstance(content, list) else [content]
    return [("", item) for item in items]


def _is_table_or_array(tree: Node) -> bool:
    return "rows" in tree or "dtype" in tree


def _table_or_array(tree: Node) -> str:
    """Draw `<DataFrame 3 rows: day, price>`, or `<ndarray float64 50x2000>`."""
    name = _last_name(class_named_in(tree))
    if "rows" in tree:
        columns = next(iter(tree.values()))
        has_few = isinstance(columns, dict) and len(columns) <= _MOST_NAMES
        names = f": {', '.join(columns)}" if has_few and columns else ""
        return f"<{name} {tree['rows']} rows{names}>"
    dtype = tree["dtype"] if isinstance(tree["dtype"], str) else "fields"
    sizes = "x".join(map(str, tree.get("shape", ())))
    return f"<{name} {dtype} {sizes}".rstrip() + ">"


def _kept_apart(tree: Node) -> str:
    """Draw a part that stands elsewhere, or of which length and digest are kept."""
    tag, name = next(iter(tree.items()))
    begins = tree.get("begins")
    if tag == "$text" or name == "text":
        return f"{begins!r}{ENDS}"
    if tag in ("$json", "$pickle"):
        return f"<{name}>"
    digest = str(tree.get("digest") or name.rpartition("/")[2])[:_DIGITS]
    if tag == "$npy" or name == "memory":
        return f"<{tree['length']:,} bytes #{digest}>"
    start = f" {begins[:40]}{ENDS}" if begins else ""
    return f"<{name} of {tree['length']:,}{start} #{digest}>"
