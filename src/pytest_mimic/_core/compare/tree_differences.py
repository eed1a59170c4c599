"""The differences between two trees: words inside a text, rows of a table, values by their path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.compare.outcome_tree import Blob, Named, PickleView
from pytest_mimic._core.identity.opening import key_step

Span = tuple[str, str]
"""A stretch of a text, after a sign: a blank if both have it, `-` for the old one alone, `+` for the new one."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
# Texts of more words, and lists of more items, are compared line by line or place by place: time grows with the square.
_MOST_WORDS, _MOST_ITEMS = 4_000, 2_000
# A text with fewer words than this is shown as a value.
_FEW_WORDS = 3
# A list with a longer text in a cell is no table: the text is compared word by word.
_WIDEST_CELL = 60
# Of a response's headers, verifying compares this one.
_COMPARED_HEADERS = ("content-type",)


class TreeDifference(NamedTuple):
    """One difference: the `old` and the `new` part as trees, None for what one side does not have."""

    path: str  # where it is, `rates.USD`; empty for the outcome as a whole
    # `changed`, `added`, `removed`, `text` (words) or `rows` (of a table).
    kind: Literal["changed", "added", "removed", "text", "rows"]
    old: Any = None
    new: Any = None
    spans: Sequence[Span] = ()
    columns: Sequence[Any] = ()
    # The rows of a table that differ: `-` or `+`, and the cells.
    rows: Sequence[tuple[str, list[Any]]] = ()
    total: int = 0  # how many rows the new table has
    is_opaque: bool = False  # whether only the sizes or previews of two pickles are compared
    steps: str | None = None  # the path as `volatile=` takes it; None if it cannot be named there


class RowTable(NamedTuple):
    """A table: the names of its columns, and the cells of each row."""

    columns: list[Any]
    rows: list[list[Any]]


def differences(old: object, new: object) -> list[TreeDifference]:
    """Return the differences between two trees, in the order of the old one."""
    return list(_compare(old, new, "", ()))


def _compare(old: object, new: object, path: str, steps: tuple[str, ...] | None) -> Iterator[TreeDifference]:
    if is_same(old, new):
        return
    if isinstance(old, Named) and isinstance(new, Named) and old.name == new.name:
        then, now = (response_parts(one.value) if one.name == "response" else one.value for one in (old, new))
        yield from _compare(then, now, path, steps)
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner, named = f"{path}{key_step(key)}" if key else path, _stepped(steps, key)
            if key not in new:
                yield _made(inner, "removed", old=old[key], steps=named)
            elif key not in old:
                yield _made(inner, "added", new=new[key], steps=named)
            else:
                yield from _compare(old[key], new[key], inner, named)
        return
    tables = grid_of(old), grid_of(new)
    if tables[0] is not None and tables[1] is not None and tables[0].columns == tables[1].columns:
        yield _rows(tables[0], tables[1], path, steps)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, path, steps)
    elif isinstance(old, PickleView) and isinstance(new, PickleView):
        yield from _pickles(old, new, path)
    elif isinstance(old, str) and isinstance(new, str) and _is_prose(old, new):
        yield _made(path, "text", old=old, new=new, spans=words(old, new), steps=steps)
    else:
        yield _made(path, "changed", old=old, new=new, steps=steps)


def response_parts(response: dict[str, Any]) -> dict[str, Any]:
    """Return what verifying compares of a response, its body as what it is."""
    found: dict[str, Any] = {"status": response["status"]}
    headers = {str(name).lower(): value for name, value in response["headers"]}
    if compared := {name: headers[name] for name in _COMPARED_HEADERS if name in headers}:
        found["headers"] = compared
    body = response.get("body")
    if isinstance(body, dict):
        kind = next((name for name in ("json", "text", "base64", "chunks", "events") if name in body), None)
        content: Any = body[kind] if kind else body
        is_text = kind == "chunks" and all(isinstance(one, str) for one in content)
        found["body"] = "".join(content) if is_text else content
    return found | {name: response[name] for name in ("end", "error") if name in response}


def _made(path: str, kind: Any, *, steps: tuple[str, ...] | None, **parts: Any) -> TreeDifference:
    shown = path.removeprefix(".")
    return TreeDifference(shown, kind, steps=".".join(steps) if steps else None, **parts)


def _stepped(steps: tuple[str, ...] | None, key: str) -> tuple[str, ...] | None:
    if not key or steps is None:
        return steps
    return (*steps, key) if re.fullmatch(r"[^\s.,\[\]\"'#]+", key) else None


def is_same(old: Any, new: Any) -> bool:
    """Return whether two trees are equal: `1`, `1.0` and `true` are three values, the order of keys does not count."""
    if type(old) is not type(new):
        return False
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(is_same(old[key], new[key]) for key in old)
    if isinstance(old, list):
        return len(old) == len(new) and all(map(is_same, old, new))
    if isinstance(old, Named):
        return old.name == new.name and is_same(old.value, new.value)
    if isinstance(old, PickleView):
        return bool(old._replace(size=None) == new._replace(size=None))
    return bool(old == new) and (type(old) is not float or repr(old) == repr(new))


def _lists(
    old: list[Any], new: list[Any], path: str, steps: tuple[str, ...] | None
) -> Iterator[TreeDifference]:
    """Compare lists, in which items may have come or gone in the middle."""
    inner = None if steps is None else (*steps, "*")
    for tag, a, b, c, d in opcodes([_mark(item) for item in old], [_mark(item) for item in new]):
        if tag == "equal":
            continue
        pairs = min(b - a, d - c)
        for offset in range(pairs):
            yield from _compare(old[a + offset], new[c + offset], f"{path}[{c + offset}]", inner)
        for index in range(a + pairs, b):
            yield _made(f"{path}[{index}]", "removed", old=old[index], steps=inner)
        for index in range(c + pairs, d):
            yield _made(f"{path}[{index}]", "added", new=new[index], steps=inner)


def _rows(old: RowTable, new: RowTable, path: str, steps: tuple[str, ...] | None) -> TreeDifference:
    """Compare two tables with the same columns."""
    rows: list[Any] = []
    for tag, a, b, c, d in opcodes([_mark(row) for row in old.rows], [_mark(row) for row in new.rows]):
        if tag == "equal":
            continue
        gone = [("-", row) for row in old.rows[a:b]]
        come = [("+", row) for row in new.rows[c:d]]
        both = zip(gone, come) if len(gone) == len(come) else [(*gone, *come)]
        rows += [row for group in both for row in group]
    named = _changed_column(old, new, steps)
    return _made(path, "rows", columns=old.columns, rows=rows, total=len(new.rows), steps=named)


def _changed_column(old: RowTable, new: RowTable, steps: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the path of the only column that differs, if there is one."""
    if steps is None or len(old.rows) != len(new.rows):
        return None
    places = {
        place
        for then, now in zip(old.rows, new.rows, strict=True)
        for place, (one, other) in enumerate(zip(then, now, strict=True))
        if not is_same(one, other)
    }
    if len(places) != 1 or not old.columns:
        return None
    return _stepped(steps, str(old.columns[places.pop()]))


def _pickles(old: PickleView, new: PickleView, path: str) -> Iterator[TreeDifference]:
    """Compare two pickles by their lists, sizes and previews."""
    if old.preview != new.preview:
        spans = _lines([*old.preview], [*new.preview])
        yield _made(path, "text", spans=spans, steps=None, is_opaque=True)
    for name in ("imports", "code"):
        gone, come = set(getattr(old, name)), set(getattr(new, name))
        if gone != come:
            then, now = (Named("names", sorted(one)) for one in (gone - come, come - gone))
            yield _made(f"{path}.{name}", "changed", old=then, new=now, steps=None)
    if old.preview == new.preview or not old.preview:
        yield _made(path, "changed", old=old, new=new, steps=None, is_opaque=True)


def words(old: str, new: str) -> list[Span]:
    """Return the stretches of words that two texts share, and those that only one has."""
    if "\n" in old or "\n" in new:
        return _lines(old.splitlines(keepends=True), new.splitlines(keepends=True))
    return _merged(_words(old, new))


def _words(old: str, new: str) -> Iterator[Span]:
    then, now = _WORD.findall(old), _WORD.findall(new)
    if max(len(then), len(now)) > _MOST_WORDS:
        yield from (("-", old), ("+", new))
        return
    for tag, a, b, c, d in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
        if tag == "equal":
            yield " ", "".join(then[a:b])
            continue
        yield "-", "".join(then[a:b])
        yield "+", "".join(now[c:d])


def _lines(old: Sequence[str], new: Sequence[str]) -> list[Span]:
    """Compare line by line, and the lines that were replaced word by word."""
    then, now = ([line if line.endswith("\n") else f"{line}\n" for line in lines] for lines in (old, new))
    spans: list[Span] = []
    for tag, a, b, c, d in opcodes(then, now):
        if tag == "equal":
            spans.append((" ", "".join(then[a:b])))
        elif b - a == d - c:
            for one, other in zip(then[a:b], now[c:d], strict=True):
                spans += _words(one, other)
        else:
            spans += [("-", "".join(then[a:b])), ("+", "".join(now[c:d]))]
    return _merged(spans)


def _merged(spans: Any) -> list[Span]:
    """Join stretches of one kind. What is between two changes and has no word is part of both."""
    found: list[Span] = []
    todo = [span for span in spans if span[1]]
    for index, (sign, text) in enumerate(todo):
        is_gap = sign == " " and 0 < index < len(todo) - 1 and not text.strip(" ") and "\n" not in text
        if is_gap:
            found += [("-", text), ("+", text)]
        else:
            found.append((sign, text))
    merged: list[Span] = []
    for is_equal, group in groupby(found, key=lambda span: span[0] == " "):
        run = list(group)
        if is_equal:
            merged.append((" ", "".join(text for _, text in run)))
            continue
        for sign in ("-", "+"):
            if text := "".join(text for one, text in run if one == sign):
                merged.append((sign, text))
    return merged


def opcodes(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """Return what turns one sequence into another one, as `SequenceMatcher` does; of long ones only as a whole."""
    start = next((n for n, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    most = min(len(old), len(new)) - start
    end = next((n for n in range(most) if old[-1 - n] != new[-1 - n]), most)
    then, now = old[start : len(old) - end], new[start : len(new) - end]
    found = [("equal", 0, start, 0, start)] if start else []
    if max(len(then), len(now)) > _MOST_ITEMS:
        found.append(("replace", start, start + len(then), start, start + len(now)))
    else:
        for tag, a, b, c, d in SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
            found.append((tag, a + start, b + start, c + start, d + start))
    if end:
        found.append(("equal", len(old) - end, len(old), len(new) - end, len(new)))
    return found


def _mark(node: object) -> str:
    return json.dumps(plain(node), sort_keys=True, ensure_ascii=False)


def _is_prose(old: str, new: str) -> bool:
    return max(len(_WORD.findall(text[:200])) for text in (old, new)) > _FEW_WORDS * 2 or "\n" in old + new


def plain(node: object) -> Any:
    """Return a tree as JSON data, in which what differs is different."""
    if isinstance(node, dict):
        return {str(key): plain(part) for key, part in node.items()}
    if isinstance(node, list):
        return [plain(part) for part in node]
    if isinstance(node, Named):
        return {f"${node.name}": plain(node.value)}
    if isinstance(node, Blob):
        from xxhash import xxh3_64_hexdigest

        return f"{node} #{xxh3_64_hexdigest(node.content)[:8]}"
    if isinstance(node, PickleView):
        return {"pickle": node.imports, "code": node.code, "checksum": node.mark}
    return node


def grid_of(tree: object) -> RowTable | None:
    """Return a list of rows as a table: mappings with the same keys, or lists of the same length."""
    if not isinstance(tree, list) or len(tree) < 2 or not tree[0] or type(tree[0]) not in (dict, list):
        return None
    first = tree[0]
    if any(type(row) is not type(first) or len(row) != len(first) for row in tree):
        return None
    columns = list(first) if isinstance(first, dict) else []
    if any(row.keys() != first.keys() for row in tree if columns):
        return None
    rows = [[row[key] for key in columns] for row in tree] if columns else tree
    for cell in (cell for row in rows for cell in row):
        is_long = isinstance(cell, str) and len(cell) > _WIDEST_CELL
        if is_long or isinstance(cell, dict | list | Named):
            return None
    return RowTable(columns, rows)
