"""Counts, sizes, durations and lists in words; and what a run makes on first use.

The summary, messages and the command print these words. `pattern` and `lazy_attribute`
keep the start of a run short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from os.path import commonprefix
from typing import Any, Generic, TypeVar, overload

from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic.errors import one_line

_Value = TypeVar("_Value")


class _Pattern:
    """A regular expression that is compiled when its first method is asked for."""

    def __init__(self, text: str, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Return a method of the pattern, `fullmatch`, and compile the pattern now."""
        method = getattr(re.compile(self._text, self._flags), name)
        # From now on, the attribute is found without this method.
        vars(self)[name] = method
        return method


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression that is compiled on first use.

    A run needs few of them, and one may take a millisecond.
    """
    lazy: Any = _Pattern(text, flags)
    return lazy  # type: ignore[no-any-return]


class lazy_attribute(Generic[_Value]):  # noqa: N801 - it is used as a decorator
    """An attribute that is computed when it is first asked for, and kept from then on.

    Before Python 3.12, `functools.cached_property` has a lock for all instances. A
    process that is forked while a thread has that lock would wait for it forever. Here
    several threads may compute the value, and all of them get that of the first.
    """

    def __init__(self, compute: Callable[[Any], _Value]) -> None:
        self._compute = compute
        self._name = ""
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy_attribute[_Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _Value: ...

    def __get__(
        self, instance: object | None, owner: type
    ) -> lazy_attribute[_Value] | _Value:
        if instance is None:
            return self
        value = self._compute(instance)
        # From now on, the attribute is found without this method.
        first_value: _Value = vars(instance).setdefault(self._name, value)
        return first_value


def closest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the existing name that was most likely meant, or None if none is close."""
    from difflib import get_close_matches

    sorted_names = sorted(names)
    close_names = get_close_matches(name, sorted_names, n=1)
    if close_names:
        return close_names[0]
    # `CLIENT` and `client` have no letter in common.
    name_by_lower = {candidate.lower(): candidate for candidate in sorted_names}
    for close in get_close_matches(name.lower(), name_by_lower, n=1):
        return name_by_lower[close]
    return None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ` (did you mean …?)` with the closest name, or an empty text."""
    close = closest_name(name, names)
    if close is None:
        return ""
    return f" (did you mean {close}?)"


# How many lines a list in the summary has at most. `and 3 more` follows.
SHOWN = 10
#: The characters of a row where no terminal says how many there are.
ROW_WIDTH = 116
# The blanks between a label and what stands beside it.
_GAP_AFTER_LABEL = "    "
# What stands beside a label narrows the column of labels by so many characters at most,
# and never below this width. A row with more beside its label is longer than others.
_MOST_BESIDE_LABEL = 64
_LEAST_OF_LABEL = 24
# The characters before the first difference of two labels, which show what differs.
_BEFORE_DIFFERENCE = 8


class Row(NamedFields):
    """A label and what stands beside it, such as a call and its test.

    The summary makes rows before it knows the width of the terminal: `laid_out` makes
    lines of them.
    """

    label: str
    beside: str


Line = str | Row
"""A line of text, or a row whose columns are aligned when its width is known."""


def laid_out(lines: Iterable[Line], *, row_width: int = ROW_WIDTH) -> list[str]:
    """Return lines as texts. Rows that follow each other stand in columns.

    Args:
        lines: The lines. A row is indented.
        row_width: The characters that a row should take at most, without its indent.
    """
    texts: list[str] = []
    for is_row, group in groupby(lines, key=_is_row):
        if is_row:
            rows = [line for line in group if isinstance(line, Row)]
            texts += [f"  {text}" for text in in_columns(rows, row_width=row_width)]
        else:
            texts += [line for line in group if isinstance(line, str)]
    return texts


def _is_row(line: Line) -> bool:
    """Return whether a line stands in columns with the rows around it."""
    return isinstance(line, Row)


def in_columns(
    pairs: Sequence[tuple[str, str]], *, row_width: int = ROW_WIDTH
) -> list[str]:
    """Return rows of a label and what stands beside it, in two columns.

    Where both are too long, the middle of the label is left out. Labels that would look
    the same keep what tells them apart. A text with several lines stands in one.
    """
    pairs = [(one_line(label), one_line(text_beside)) for label, text_beside in pairs]
    most_beside = min(
        _MOST_BESIDE_LABEL, row_width - len(_GAP_AFTER_LABEL) - _LEAST_OF_LABEL
    )
    widths = [len(text_beside) for _, text_beside in pairs]
    # A row with a longer text is longer than the others, and narrows no column.
    widest_beside = max(
        (width for width in widths if width <= most_beside), default=most_beside
    )
    width_of_labels = row_width - len(_GAP_AFTER_LABEL) - widest_beside
    labels = _fitted_labels([label for label, _ in pairs], width_of_labels)
    label_width = max(map(len, labels), default=0)
    return [
        f"{label:<{label_width}}{_GAP_AFTER_LABEL}{text_beside}".rstrip()
        for label, (_, text_beside) in zip(labels, pairs, strict=True)
    ]


def _fitted_labels(labels: Sequence[str], width: int) -> list[str]:
    """Return labels in so many characters each, as `label_in_width` does.

    An example. In 24 characters, `shop.search:find(text='a', deep=True, fuzzy=True)`
    and the same call with `text='b'` would both be `shop.searc...fuzzy=True)`. They
    become `shop.s...d(text='a', ...` and `shop.s...d(text='b', ...`.
    """
    fitted_labels = [label_in_width(label, width) for label in labels]
    # By a fitted label: the whole labels that look so.
    labels_that_look_so: dict[str, set[str]] = {}
    for fitted_label, label in zip(fitted_labels, labels, strict=True):
        labels_that_look_so.setdefault(fitted_label, set()).add(label)
    for number, fitted_label in enumerate(fitted_labels):
        alike_labels = labels_that_look_so[fitted_label]
        if len(alike_labels) > 1:
            # Characters are compared, not the parts of a path.
            first_difference = len(commonprefix([*alike_labels]))  # noqa: RUF071
            fitted_labels[number] = _fitted_around(
                labels[number], first_difference, width=width
            )
    return fitted_labels


def _fitted_around(label: str, index: int, *, width: int) -> str:
    """Return a label in so many characters: its beginning, and what is at an index."""
    gap = "..."
    head = f"{label[: width // 4]}{gap}"
    begin = index - _BEFORE_DIFFERENCE
    if begin <= len(head):
        # Nothing is left out before the index.
        return label[: width - len(gap)] + gap
    rest = label[begin:]
    width_of_rest = width - len(head)
    if len(rest) > width_of_rest:
        rest = rest[: width_of_rest - len(gap)] + gap
    return head + rest


def label_in_width(label: str, width: int) -> str:
    """Return a label in so many characters, its middle left out: `tests/…_x[1]`."""
    if len(label) <= width:
        return label
    head_width = width // 2 - 2
    tail_width = width - head_width - len("...")
    return f"{label[:head_width]}...{label[-tail_width:]}"


def and_more(number_left_out: int, of: str = "") -> list[str]:
    """Return the line about what a list leaves out: `and 3 more`.

    There is no line if the list leaves nothing out.
    """
    if number_left_out <= 0:
        return []
    return [f"and {number_left_out} more{of}"]


def limited(lines: Sequence[str], most: int = SHOWN, of: str = "") -> list[str]:
    """Return the first lines, and how many more there are."""
    return [*lines[:most], *and_more(len(lines) - most, of)]


def listed(
    heading: str, texts: Sequence[str], *after: str, most: int = SHOWN
) -> list[str]:
    """Return a heading, the first texts, how many more there are, and what follows.

    Without texts, it is empty.
    """
    if not texts:
        return []
    shown = limited(texts, most)
    return [heading, *(f"  {text}" for text in shown), *after]


def tabled(
    heading: str,
    pairs: Sequence[tuple[str, str]],
    *after: str,
    total: int | None = None,
    most: int = SHOWN,
) -> list[Line]:
    """Return a list like `listed`, of labels with what stands beside them.

    Args:
        heading: The line above the list.
        pairs: The labels, each with what stands beside it.
        after: The lines below the list.
        total: How many there are in all, if there are more than these pairs.
        most: How many rows are shown.
    """
    if not pairs:
        return []
    rows = [Row(label, beside) for label, beside in pairs[:most]]
    rows_left_out = (total or len(pairs)) - len(rows)
    line_of_rest = [f"  {text}" for text in and_more(rows_left_out)]
    return [heading, *rows, *line_of_rest, *after]


def few(names: Sequence[str]) -> str:
    """Return names in a line, of many only the first: `a, b, c and 4 more`."""
    return " ".join([", ".join(names[:3]), *and_more(len(names) - 3)])


def words_around(words: str, fact: str | None) -> str:
    """Return words around a fact, or nothing without the fact: ` in talk.json`."""
    if not fact:
        return ""
    return words.format(fact)


def plural(count: int, noun: str) -> str:
    """Return a number of things in words: `1 call`, `3 calls`."""
    if count == 1:
        return f"{count} {noun}"
    return f"{count} {noun}s"


#: The shortest duration that is shown, in seconds: a shorter one would be `0.00 s`.
SHORTEST_SHOWN = 0.005


def in_seconds(amount: float) -> str:
    """Return a duration in seconds: `38.2 s`, `0.01 s`."""
    if amount >= 1:
        return f"{amount:.1f} s"
    return f"{amount:.2f} s"


def short_seconds(amount: float) -> str:
    """Return a duration in few characters: `2 ms`, `0.81 s`, `3 min`."""
    if amount == 0:
        return "0 ms"
    if amount < 0.001:
        return "<1 ms"
    if amount < 0.1:
        return f"{amount * 1000:.0f} ms"
    if amount < 600:
        return in_seconds(amount)
    return f"{amount / 60:.0f} min"


def size(count: float) -> str:
    """Return a number of bytes in words: `1.3 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"
