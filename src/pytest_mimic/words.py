"""Counts, times and sizes as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

ENDS = "..."
SHOWN = 10
"""How many rows a list has at most."""
_WIDEST_COLUMN = 100
_NARROWEST_COLUMN = 40
_INDENT, _BETWEEN = "  ", "    "
_PAGES = "https://pytest-mimic.readthedocs.io/en/latest/how-to"
PAGE_ON_KEYS = f"{_PAGES}/secrets.html#what-looks-like-a-key"
PAGE_ON_NEW_VALUES = f"{_PAGES}/dates-and-ids.html"


def plural(count: int, noun: str) -> str:
    """Return `1 call` or `2 calls`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def on_one_line(text: str) -> str:
    """Return a text as it may be printed: one line, in which no sign controls anything.

    Whatever a file or a service says goes through this where it is shown: on the
    terminal, in an error, on the page. A name in a command that has such signs stands
    in quotes; with its escapes it names nothing.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def cut_text(text: str, limit: int) -> str:
    """Return a text, or its beginning and points where it is longer than the limit."""
    return text if len(text) <= limit else text[: limit - len(ENDS)] + ENDS


def folded(text: str, width: int) -> list[str]:
    """Return the lines of a text, of which only one long word is wider."""
    return wrap(
        text,
        width,
        subsequent_indent=_BETWEEN,
        break_long_words=False,
        break_on_hyphens=False,
    )


def to_paste(line: str, width: int) -> list[str]:
    """Return `words: what is to be pasted`, which has its own line where it is wide."""
    words, sign, pasted = line.partition(": ")
    if len(line) <= width or not sign or line.startswith(" "):
        return [line]
    return [f"{words}:", f"{_BETWEEN}{pasted}"]


def rows(
    pairs: Sequence[tuple[str, str]], width: int, *, cuts: bool = True
) -> list[list[str]]:
    """Return indented rows of two columns, each by its lines.

    Where both have no room side by side, the second one stands below the first.

    Args:
        pairs: The columns.
        width: That of the terminal.
        cuts: Whether what is too wide is cut; else it is folded.
    """
    shown = [(on_one_line(left), on_one_line(right)) for left, right in pairs]
    room = width - len(_INDENT + _BETWEEN) - max(len(right) for _, right in shown)
    column = min(max(len(left) for left, _ in shown), _WIDEST_COLUMN)
    if cuts and room >= _NARROWEST_COLUMN:
        shown = [(cut_text(left, room), right) for left, right in shown]
        column = min(column, room)
    return [_row(left, right, column, width, cuts=cuts) for left, right in shown]


def _row(left: str, right: str, column: int, width: int, *, cuts: bool) -> list[str]:
    line = f"{_INDENT}{left:<{column}}{_BETWEEN}{right}".rstrip()
    if len(line) <= width:
        return [line]
    below = [f"{_BETWEEN}{right}"] if right else []
    if cuts:
        return [cut_text(one, width) for one in (f"{_INDENT}{left}", *below)]
    return [*folded(f"{_INDENT}{left}", width), *below]


def and_more(count: int) -> list[str]:
    """Return the line behind rows of which not all are shown, if there are more."""
    return [f"  and {count:,} more"] if count > 0 else []


MOST_PARTS = 5
"""So many parts of a value an error names."""


def first_of(lines: list[str], count: int, most: int = MOST_PARTS) -> list[str]:
    """Give the first lines, and a line that counts the others."""
    more = count - most
    return [*lines[:most], f"and {more} more"] if more > 0 else lines


def duration(seconds: float) -> str:
    """Return `0.01 s`, `38.2 s`, `4 min` or `2.5 h`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def size_in_words(size: int) -> str:
    """Return `812 B`, `1.3 kB`, `2.0 MB` or `1.1 GB`."""
    if size < 1000:
        return f"{size} B"
    value, unit = size / 1000, "kB"
    for larger in ("MB", "GB"):
        if value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


def few(words: Sequence[str]) -> str:
    """Return the first three of some words, and how many more there are."""
    if len(words) <= 4:
        return ", ".join(words)
    return f"{', '.join(words[:3])} and {len(words) - 3} more"
