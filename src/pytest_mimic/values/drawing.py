"""Draws trees for people: on one line, or on several."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from pytest_mimic.values.tree import Leaf, Tree, is_tagged

_ENDS = "..."
_MOST_NAMES = 8


class _Form(NamedTuple):
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


def preview(tree: Tree) -> str:
    """Say what a value is, and nothing that it holds: `<Basket: items, total>`."""
    if not isinstance(tree, dict) or not is_tagged(tree):
        length = f" of {len(tree)}" if isinstance(tree, (list, dict)) else ""
        return f"<{kind_of(tree)}{length}>"
    if "rows" in tree or "dtype" in tree:
        return _table_or_array(tree)
    content = next(iter(tree.values()))
    return f"<{_name_of(tree)}{_listed(_named(content) or _named(tree.get('shows')))}>"


def kind_of(tree: Tree) -> str:
    """Say of which class a value is, with its module."""
    """Give the type of a value: `int`, `Decimal`, `shop:Rate`."""
    if not isinstance(tree, dict):
        return "None" if tree is None else type(tree).__name__
    if not is_tagged(tree):
        return "dict"
    tag = next(iter(tree))[1:]
    return {"decimal": "Decimal", "uuid": "UUID"}.get(tag, tag)


def _name_of(tree: Tree) -> str:
    return kind_of(tree).rpartition(":")[2]


# -- one line, piece by piece


def _pieces(tree: Tree) -> Iterator[str]:
    form = _form_of(tree)
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
    form = _form_of(tree)
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


def _form_of(tree: Tree) -> str | _Form:
    """Give the text of a value, or of a container how it is drawn around its parts."""
    if isinstance(tree, Leaf):
        tree = tree.plain()
    if isinstance(tree, str):
        return repr(tree)
    if isinstance(tree, list):
        return _Form("[", _items(tree), "]")
    if not isinstance(tree, dict):
        return str(tree)
    if not is_tagged(tree):
        parts = [(f"{key!r}: ", part) for key, part in tree.items()]
        return _Form("{", parts, "}")
    try:
        return _tagged(tree)
    except (TypeError, ValueError, AttributeError, LookupError):
        # A file that somebody has edited may hold anything.
        return f"<{next(iter(tree))[1:]}>"


def _tagged(tree: dict[str, Any]) -> str | _Form:
    tag = next(iter(tree))
    content = tree[tag]
    if tag in _DRAWN:
        return _DRAWN[tag](tree)
    if tag in _AROUND:
        opening, closing = _AROUND[tag]
        return _Form(opening, _items(content), closing)
    if tag in _TEXTS:
        text = content if isinstance(content, str) else line(content)
        return _TEXTS[tag].format(text)
    if "rows" in tree or "dtype" in tree:
        return _table_or_array(tree)
    return _object(tag, tree)


def _items(content: Any) -> list[tuple[str, Tree]]:
    items = content if isinstance(content, list) else [content]
    return [("", item) for item in items]


def _named(parts: Tree) -> list[tuple[str, Tree]]:
    if not isinstance(parts, dict) or is_tagged(parts):
        return []
    return [(f"{name}=", part) for name, part in parts.items()]


def _object(tag: str, tree: dict[str, Tree]) -> str | _Form:
    """Draw an object of a class: `Rate(base='EUR')`, `ValueError('no', code=3)`."""
    content = tree[tag]
    name = tag.lstrip("$").rpartition(":")[2].rpartition(".")[2]
    if isinstance(content, str) and content.isidentifier():
        return f"{name}.{content}"  # a member of an enum
    positional: list[tuple[str, Tree]] = []
    named = _named(content)
    if not isinstance(content, dict) or is_tagged(content):
        positional.append(("", content))
    for key, part in tree.items():
        if key in ("args", "()"):
            positional += _items(part)
        elif key in ("of", "items"):
            positional.append(("", part))
        elif key == "pairs":
            positional.append(("", {"$dict": part}))
        elif key in ("attributes", "fields", "extra", "private", "keywords"):
            named += _named(part)
    return _Form(f"{name}(", [*positional, *named], ")")


def _table_or_array(tree: dict[str, Any]) -> str:
    """Draw `<DataFrame 3 rows: day, price>`, or `<ndarray float64 50x2000>`."""
    name = _name_of(tree)
    if "rows" in tree:
        columns = _named(next(iter(tree.values())))
        return f"<{name} {tree['rows']} rows{_listed(columns)}>"
    dtype = tree["dtype"] if isinstance(tree["dtype"], str) else "fields"
    sizes = "x".join(map(str, tree.get("shape", ())))
    return f"<{' '.join(filter(None, [name, dtype, sizes]))}>"


def _listed(parts: list[tuple[str, Tree]]) -> str:
    if not 0 < len(parts) <= _MOST_NAMES:
        return ""
    return f": {', '.join(name.rstrip('=') for name, _ in parts)}"


def _moment(tree: dict[str, Any]) -> str:
    moment, zone = next(iter(tree.values())), tree.get("zone")
    return f"{moment}[{line(zone)}]" if zone is not None else str(moment)


def _span(tree: dict[str, Any]) -> str:
    return str(timedelta(*tree["$timedelta"]))


def _bytes(tree: dict[str, Any]) -> str:
    if "$bytes" in tree:
        return repr(tree["$bytes"].encode("ascii"))
    return repr(b64decode(tree["$base64"]))


def _tuple(tree: dict[str, Any]) -> _Form:
    items = tree["$tuple"]
    return _Form("(", _items(items), ",)" if len(items) == 1 else ")")


def _dict(tree: dict[str, Any]) -> _Form:
    return _Form("{", [(f"{line(key)}: ", part) for key, part in tree["$dict"]], "}")


def _set(tree: dict[str, Any]) -> _Form:
    members = _items(tree["$set"])
    return _Form("{", members, "}") if members else _Form("set(", [], ")")


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
    """Draw a path, or a text that is one; or what stands in a file of its own."""
    place = next(iter(tree.values()))
    if isinstance(place, list):
        root, rest = place[:2]
        below = line(rest) if isinstance(rest, dict) else rest
        return f"<{root}>/{below}".rstrip("/") if root == "tmp" else below or "."
    if "begins" in tree:
        return f"{tree['begins']!r}{_ENDS}"
    return str(place if "$path" in tree else tree.get("preview") or f"<{place}>")


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
_AROUND = {
    "$frozenset": ("frozenset({", "})"),
    "$bytearray": ("bytearray(", ")"),
    "$complex": ("complex(", ")"),
    "$fraction": ("Fraction(", ")"),
    "$pattern": ("re.compile(", ")"),
    "$range": ("range(", ")"),
    "$timezone": ("timezone(", ")"),
}
_DRAWN: dict[str, Callable[[dict[str, Any]], str | _Form]] = {
    **dict.fromkeys(("$bytes", "$base64"), _bytes),
    **dict.fromkeys(("$datetime", "$time"), _moment),
    **dict.fromkeys(("$path", "$text", "$pickle", "$json"), _place),
    "$timedelta": _span,
    "$tuple": _tuple,
    "$dict": _dict,
    "$set": _set,
    "$long": _long,
}
