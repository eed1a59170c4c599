"""The differences between two trees: words inside a text, rows of a table, values by their path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any, Literal

from pytest_mimic._core.compare.outcome_tree import Blob, Named, PickleView, RowTable, grid_of
from pytest_mimic._core.identity.opening import key_step

Span = tuple[str, str]
"""A stretch of a text, after a sign: a blank if both have it, `-` for the old one alone, `+` for the new one."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
# Texts of more words, and lists of more items, are compared line by line or place by place: time grows with the square.
_MOST_WORDS, _MOST_ITEMS = 4_000, 2_000
# A text with fewer words than this is shown as a value.
_FEW_WORDS = 3


@dataclass
class TreeDifference:
    """One difference.

    Attributes:
        path: Where it is, `rates.USD`; empty for the outcome as a whole.
        kind: `changed`, `added`, `removed`, `text` (words) or `rows` (of a table).
        old, new: The two values in short, as text; empty for what one side does not have.
        spans: The stretches of a text.
        columns: The columns of a table.
        rows: The rows of a table that differ: `-` or `+`, and the cells.
        total: How many rows the new table has.
        is_opaque: Whether only the sizes or previews of two pickles are compared.
        steps: The path as `volatile=` takes it; None if it cannot be named there.
    """

    path: str
    kind: Literal["changed", "added", "removed", "text", "rows"]
    old: str = ""
    new: str = ""
    spans: list[Span] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[str]]] = field(default_factory=list)
    total: int = 0
    is_opaque: bool = False
    steps: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON data, without what is empty."""
        plain = {"path": self.path, "kind": self.kind, "old": self.old, "new": self.new}
        more = {"spans": self.spans, "columns": self.columns, "rows": self.rows}
        return {**plain, **{name: part for name, part in more.items() if part}}


def differences(old: Any, new: Any) -> list[TreeDifference]:
    """Return the differences between two trees, in the order of the old one."""
    return list(_compare(old, new, "", ()))


def _compare(old: Any, new: Any, path: str, steps: tuple[str, ...] | None) -> Iterator[TreeDifference]:
    if is_same(old, new):
        return
    if isinstance(old, Named) and isinstance(new, Named) and old.name == new.name:
        yield from _compare(old.value, new.value, path, steps)
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner, named = f"{path}{key_step(key)}" if key else path, _stepped(steps, key)
            if key not in new:
                yield _made(inner, "removed", old=short(old[key]), steps=named)
            elif key not in old:
                yield _made(inner, "added", new=short(new[key]), steps=named)
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
        yield _made(path, "changed", old=short(old), new=short(new), steps=steps)


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
    return bool(old == new) and (type(old) is not float or repr(old) == repr(new))


def _lists(
    old: list[Any], new: list[Any], path: str, steps: tuple[str, ...] | None
) -> Iterator[TreeDifference]:
    """Compare lists, in which items may have come or gone in the middle."""
    inner = None if steps is None else (*steps, "*")
    for tag, a, b, c, d in _opcodes([_mark(item) for item in old], [_mark(item) for item in new]):
        if tag == "equal":
            continue
        pairs = min(b - a, d - c)
        for offset in range(pairs):
            yield from _compare(old[a + offset], new[c + offset], f"{path}[{c + offset}]", inner)
        for index in range(a + pairs, b):
            yield _made(f"{path}[{index}]", "removed", old=short(old[index]), steps=inner)
        for index in range(c + pairs, d):
            yield _made(f"{path}[{index}]", "added", new=short(new[index]), steps=inner)


def _rows(old: RowTable, new: RowTable, path: str, steps: tuple[str, ...] | None) -> TreeDifference:
    """Compare two tables with the same columns."""
    rows: list[Any] = []
    for tag, a, b, c, d in _opcodes([_mark(row) for row in old.rows], [_mark(row) for row in new.rows]):
        if tag == "equal":
            continue
        gone = [("-", list(map(_cell, row))) for row in old.rows[a:b]]
        come = [("+", list(map(_cell, row))) for row in new.rows[c:d]]
        both = zip(gone, come) if len(gone) == len(come) else [(*gone, *come)]
        rows += [row for group in both for row in group]
    columns = [short(name) if not isinstance(name, str) else name for name in old.columns]
    named = _changed_column(old, new, steps)
    return _made(path, "rows", columns=columns, rows=rows, total=len(new.rows), steps=named)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) and value == value.strip() != "" else short(value)


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
    before = len(old.preview)
    if old.preview != new.preview:
        spans = _lines([*old.preview], [*new.preview])
        yield _made(path, "text", spans=spans, steps=None, is_opaque=True)
    for name in ("imports", "code"):
        gone, come = set(getattr(old, name)), set(getattr(new, name))
        if gone != come:
            then, now = (", ".join(sorted(one)) or "nothing" for one in (gone - come, come - gone))
            yield _made(f"{path}.{name}", "changed", old=then, new=now, steps=None)
    if old.preview == new.preview or not before:
        then, now = (f"a pickle of {one.size:,} bytes" for one in (old, new))
        now = f"{now}, of other content" if then == now else now
        yield _made(path, "changed", old=then, new=now, steps=None, is_opaque=True)


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
    for tag, a, b, c, d in _opcodes(then, now):
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


def _opcodes(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
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


def _mark(node: Any) -> str:
    return json.dumps(plain(node), sort_keys=True, ensure_ascii=False)


def _is_prose(old: str, new: str) -> bool:
    return max(len(_WORD.findall(text[:200])) for text in (old, new)) > _FEW_WORDS * 2 or "\n" in old + new


def plain(node: Any) -> Any:
    """Return a tree as JSON data."""
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
        return {"pickle": node.imports, "code": node.code, "size": node.size, "checksum": node.mark}
    return node


def short(node: Any, width: int = 200) -> str:
    """Return a tree in one line."""
    if isinstance(node, Named) and not isinstance(node.value, dict | list):
        text = f"{node.name}({short(node.value, width)})"
    elif isinstance(node, PickleView):
        text = f"a pickle of {node.size:,} bytes"
    elif isinstance(node, str):
        text = repr(node)
    elif isinstance(node, Blob):
        text = plain(node)
    else:
        text = json.dumps(plain(node), ensure_ascii=False)
    return text if len(text) <= width else f"{text[: width - 3]}..."
