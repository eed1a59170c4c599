"""Differences as lines to read: for a terminal, and for a page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from pytest_mimic._core.compare.tree_differences import Span, TreeDifference, opcodes
from pytest_mimic._core.words import and_more
from pytest_mimic._tools.shown.value_lines import cell_text, grid_lines, sides
from pytest_mimic.errors import printable

if TYPE_CHECKING:
    from pytest_mimic._core.describe.argument_differences import Difference
    from pytest_mimic._tools.shown.vault_diff import CallDifference

# The differences of one change that are shown, and the rows of one table.
_MOST, _MOST_ROWS = 40, 30
# Values up to this length stand on one line.
_SHORT = 60
# The characters of an unchanged stretch that are shown on either side of a change.
_AROUND = 60
HEADINGS = {
    "outcome": ("changed outcome", "changed outcomes"),
    "call": ("changed call", "changed calls"),
    "added": ("added", "added"),
    "removed": ("removed", "removed"),
    "damaged": ("damaged", "damaged"),
}


def counts(found: Sequence[CallDifference]) -> str:
    """Return `2 changed outcomes, 1 added`."""
    numbers = {change: sum(one.change == change for one in found) for change in HEADINGS}
    return ", ".join(
        f"{number} {HEADINGS[change][number != 1]}" for change, number in numbers.items() if number
    )


def shown(found: Sequence[TreeDifference]) -> Iterator[str]:
    for difference in found[:_MOST]:
        yield from _shown(difference)
    yield from and_more(len(found) - _MOST, " differences")


def _shown(one: TreeDifference) -> Iterator[str]:
    path = printable(one.path)
    head = f"{path}: " if path else ""
    old, new = sides(one)
    if one.kind == "added":
        yield f"{head}+ {new}"
    elif one.kind == "removed":
        yield f"{head}- {old}"
    elif one.kind == "changed" and max(len(old), len(new)) <= _SHORT:
        yield f"{head}{old} -> {new}"
    elif one.kind == "rows":
        yield from _table(one, head)
    else:
        if path:
            yield path
        if one.kind == "changed":
            yield f"- {old}"
            yield f"+ {new}"
        else:
            yield from (f"{'  ' if path else ''}{line}" for line in text_lines(one.spans))


def _table(one: TreeDifference, head: str) -> Iterator[str]:
    """Yield the rows of a table that differ, in columns."""
    old, new = (sum(sign == each for sign, _ in one.rows) for each in "-+")
    yield f"{head}{max(old, new)} of {one.total} rows"
    rows = [*([("", one.columns)] if one.columns else []), *one.rows[:_MOST_ROWS]]
    lines = grid_lines([[printable(cell_text(cell)) for cell in cells] for _, cells in rows])
    for (sign, _), line in zip(rows, lines, strict=True):
        yield f"  {sign or ' '} {line}"
    yield from (f"    {more}" for more in and_more(len(one.rows) - _MOST_ROWS))


def text_lines(spans: Sequence[Span]) -> list[str]:
    """Return a text as lines, with `[-old-]` and `{+new+}` around the words that differ."""
    lines = [""]
    for index, (sign, text) in enumerate(spans):
        if sign == " ":
            text = _cut(text, is_first=not index, is_last=index == len(spans) - 1)
        before, after = {"-": ("[-", "-]"), "+": ("{+", "+}"), " ": ("", "")}[sign]
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append("")
            if part:
                lines[-1] += f"{before}{printable(part)}{after}"
    return [line for line in lines if line]


def _cut(text: str, *, is_first: bool, is_last: bool) -> str:
    """Return an unchanged stretch, of a long one its ends next to the changes."""
    most = _AROUND * (1 if is_first or is_last else 2)
    if len(text) <= most + 10:
        return text
    start = "" if is_first else text[:_AROUND]
    end = "" if is_last else text[-_AROUND:]
    return f"{start}...{end}"


def argument_line(one: Difference) -> str:
    """Return `base: 'EUR' before, 'USD' now`."""
    then = "absent" if one.old is None else one.old
    now = "absent" if one.new is None else one.new
    return f"{one.path}: {then} before, {now} now"


# -- the page


def side_by_side(
    found: Sequence[TreeDifference], paths: Collection[str | None]
) -> Iterator[tuple[str, str, str]]:
    """Yield the lines of differences in pairs, each with a mark: `~` changed, `-` recorded only, `+` now only, `=` a heading.

    `paths` are those at which verifying found a difference. The others do not count, and have the mark `i`.
    """
    for one in found[:_MOST]:
        lines = list(_difference(one))
        old, new = ([line[2:] for line in lines if line[0] == sign] for sign in "-+")
        if one.kind == "changed" and one.path:
            old, new = [f"{one.path}: {old[0]}"], [f"{one.path}: {new[0]}"]
        elif one.kind in ("text", "rows") and one.path:
            yield "=", one.path, one.path
        for left, right in zip_longest(old, new):
            mark = "-" if right is None else "+" if left is None else "~"
            yield mark if _counts(one.steps, paths) else "i", left or "", right or ""


def _difference(one: TreeDifference) -> Iterator[str]:
    """Yield the lines of the old side with `- ` in front, and those of the new one with `+ `."""
    old, new = sides(one)
    if one.kind == "text":
        yield from _both(one)
    elif one.kind == "changed":
        yield f"- {old}"
        yield f"+ {new}"
    elif one.kind == "rows":
        yield from (line[2:] for line in list(shown([one]))[1:])
    else:
        sign, value = ("+", new) if one.kind == "added" else ("-", old)
        yield f"{sign} {one.path}{': ' if one.path else ''}{value}"


def _both(one: TreeDifference) -> Iterator[str]:
    """Yield the lines of a text that differ, the old and the new ones."""
    old = "".join(text for sign, text in one.spans if sign != "+").splitlines()
    new = "".join(text for sign, text in one.spans if sign != "-").splitlines()
    for tag, a, b, c, d in opcodes(old, new):
        if tag != "equal":
            yield from (f"- {line}" for line in old[a:b])
            yield from (f"+ {line}" for line in new[c:d])


def _counts(steps: str | None, paths: Collection[str | None]) -> bool:
    """Check whether verifying found a difference at these steps, in a part of them or around them; true if that is unknown."""
    if steps is None or not paths or None in paths:
        return True
    pairs = [zip(steps.split("."), str(path).split(".")) for path in paths]
    return any(all(one == other or "*" in (one, other) for one, other in pair) for pair in pairs)
