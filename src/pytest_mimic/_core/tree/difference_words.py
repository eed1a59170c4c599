"""Differences in words: one line each, or both sides of a long text as stretches.

`day: 2024-04-30 recorded, 2024-05-01 now`, and of a long text the words that differ. Of
tables and arrays, which people read by column:

    ['ratio']: 2,000 of 2,000 differ, [0]: 0.02433 recorded, 0.02434 now
    ['group']: dtype object recorded, str now
    ['name']: other values, 2,000 rows
    30 rows recorded, 31 now
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.files.digests import MISSING
from pytest_mimic._core.files.places import TEMPORARY
from pytest_mimic._core.nodes.node_classes import Cut, Hidden, Node, Opaque
from pytest_mimic._core.nodes.node_parts import is_file, kind_of_node, type_of
from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.tree.aligning import stretches
from pytest_mimic._core.tree.column_differences import is_column
from pytest_mimic._core.tree.differing import ABSENT, Difference
from pytest_mimic._core.tree.drawing import line, literal_of, text_or_place
from pytest_mimic._core.words import and_more
from pytest_mimic.errors import printable

Span = tuple[str, str]
"""A stretch of a text after its sign.

A stretch after `-` is in the old text alone, a stretch after `+` in the new text alone,
and a stretch after a blank in both.
"""

_LONGEST_LINE_OF_VALUE = 120
# Texts up to this length are shown as values.
_LONGEST_VALUE_OF_WORDS = 40
# The characters of an unchanged stretch that are shown on either side of a change.
_SHOWN_AROUND_CHANGE = 60
# The characters that are shown at either end of a changed stretch.
_SHOWN_OF_CHANGE = 120
# What stands around a stretch, by its sign.
_BRACKETS = {"-": ("[-", "-]"), "+": ("{+", "+}"), " ": ("", "")}
# Of more stretches, the first ones are shown.
_MOST_SPANS = 24


def difference_lines(
    differences: Sequence[Difference],
    *,
    old_word: str = "recorded",
    new_word: str = "now",
    most: int = 10,
) -> list[str]:
    """Return the first differences as lines, and how many more there are.

    Args:
        differences: The differences.
        old_word: The word for the old side, such as `recorded`.
        new_word: The word for the new side, such as `now`.
        most: How many of the differences are shown.
    """
    lines: list[str] = []
    for difference in differences[:most]:
        lines += _lines_of(difference, old_word=old_word, new_word=new_word)
    return [*lines, *and_more(len(differences) - most)]


def _lines_of(difference: Difference, *, old_word: str, new_word: str) -> list[str]:
    """Return a difference as lines: `day: 2024-04-30 recorded, 2024-05-01 now`."""
    path = printable(difference.path)
    path_and_colon = ""
    if path:
        path_and_colon = f"{path}: "
    fact = _fact_of(difference, old_word=old_word, new_word=new_word)
    if fact:
        return [f"{path_and_colon}{fact}"]
    long_texts = _long_texts(difference)
    if long_texts is not None:
        legend = f"[-{old_word}-] {{+{new_word}+}}:"
        if path:
            legend = f"{path}, {legend}"
        lines = _text_lines(_spans_of_two_texts(*long_texts))
        if len(lines) == 1:
            return [f"{legend} {lines[0]}"]
        return [legend, *(f"  {text_line}" for text_line in lines)]
    old_text, new_text = _texts_of_sides(difference)
    if difference.old is ABSENT:
        not_on_old_side = f"not {old_word}"
        if old_word == "recorded":
            not_on_old_side = "not in the recording"
        return [f"{path_and_colon}{new_text} {new_word}, {not_on_old_side}"]
    if difference.new is ABSENT:
        return [f"{path_and_colon}{old_text} {old_word}, missing {new_word}"]
    return [f"{path_and_colon}{old_text} {old_word}, {new_text} {new_word}"]


def _fact_of(difference: Difference, *, old_word: str, new_word: str) -> str:
    """Return how two sides differ in words; empty if the sides themselves show it.

    A line and the page have these words in place of both sides.
    """
    old, new = difference.old, difference.new
    if difference.fact:
        return difference.fact
    if difference.outcomes_in_words is not None:
        old_outcome, new_outcome = difference.outcomes_in_words
        return f"{difference.subject} {old_outcome} when recorded, {new_outcome} now"
    columns = _words_if_columns(difference)
    if columns is not None:
        return columns.sentence(old_word, new_word)
    return _file_fact(old, new, is_recorded=old_word == "recorded")


def _words_if_columns(difference: Difference) -> ColumnWords | None:
    """Return how two columns differ, None if a side is no column."""
    old, new = difference.old, difference.new
    if not (is_column(old) and is_column(new)):
        return None
    return _column_words(old, new)


class Sides(NamedTuple):
    """A difference as a page shows it, one side below the other.

    Attributes:
        path: Where the difference is; empty for the whole value.
        old: The recorded side in stretches; empty if there is none.
        new: The side of now in stretches; empty if there is none.
        fact: What is said of both sides, `2 of 9 differ`; whose outcomes they are,
            `the call`; or how the sides differ if neither is shown.
    """

    path: str
    old: Sequence[Span] = ()
    new: Sequence[Span] = ()
    fact: str = ""


def side_by_side(differences: Iterable[Difference]) -> list[Sides]:
    """Return both sides of differences in words, as the page of the report shows them.

    The words that only one side has are stretches of their own, which the page marks.
    """
    return [_sides_of(difference) for difference in differences]


def _sides_of(difference: Difference) -> Sides:
    path = printable(difference.path)
    # Outcomes of two kinds, such as a value and an exception, are not shown themselves.
    if difference.outcomes_in_words is not None:
        old_words, new_words = difference.outcomes_in_words
        return Sides(
            path,
            old=_as_one_span("-", old_words),
            new=_as_one_span("+", new_words),
            fact=difference.subject,
        )
    columns = _words_if_columns(difference)
    if columns is not None:
        old_words, new_words = columns.words_on_each_column()
        return Sides(
            path,
            old=_as_one_span("-", old_words),
            new=_as_one_span("+", new_words),
            fact=columns.on_both,
        )
    fact = _fact_of(difference, old_word="recorded", new_word="now")
    if fact:
        return Sides(path, fact=fact)
    long_texts = _long_texts(difference)
    # Anything but two long texts is marked as a whole.
    if long_texts is None:
        old_text, new_text = _texts_of_sides(difference)
        return Sides(
            path,
            old=_as_one_span("-", old_text),
            new=_as_one_span("+", new_text),
        )
    spans = _cut_spans(_spans_of_two_texts(*long_texts))
    old_spans = [(sign, text) for sign, text in spans if sign != "+"]
    new_spans = [(sign, text) for sign, text in spans if sign != "-"]
    return Sides(path, old=old_spans, new=new_spans)


def _as_one_span(sign: str, text: str) -> list[Span]:
    """Return a side as one span, all of it marked; no span without a text."""
    if not text:
        return []
    return [(sign, text)]


def _texts_of_sides(difference: Difference) -> tuple[str, str]:
    """Return both sides as texts that show the difference, if it may be shown."""
    old, new = difference.old, difference.new
    if old is ABSENT:
        return "", line(new, _LONGEST_LINE_OF_VALUE)
    if new is ABSENT:
        return line(old, _LONGEST_LINE_OF_VALUE), ""
    is_cut = isinstance(old, Cut) and isinstance(new, Cut)
    # The beginnings, which are all that is kept, would look alike.
    if is_cut and old.start and old.start == new.start:
        unit = "bytes"
        if old.type == "str":
            unit = "characters"
        differing = f"{new.length} that differ after the first {len(old.start)}"
        return f"{old.length} {unit}", differing
    # Each way to tell the sides apart is tried, the shortest first: their texts, their
    # digests, their types.
    old_text, new_text = (
        line(old, _LONGEST_LINE_OF_VALUE),
        line(new, _LONGEST_LINE_OF_VALUE),
    )
    if old_text != new_text:
        return old_text, new_text
    old_text = line(old, _LONGEST_LINE_OF_VALUE, digests=True)
    new_text = line(new, _LONGEST_LINE_OF_VALUE, digests=True)
    if old_text != new_text:
        return old_text, new_text
    is_hidden = isinstance(old, Hidden) or isinstance(new, Hidden)
    if is_hidden or type_of(old) == type_of(new):
        return old_text, "another value"
    return f"{old_text} ({type_of(old)})", f"{new_text} ({type_of(new)})"


def _file_fact(old: Node, new: Node, *, is_recorded: bool) -> str:
    """Return how the content of a file differs.

    The text is empty unless both nodes are those of one file.
    """
    if not (isinstance(old, Opaque) and isinstance(new, Opaque)):
        return ""
    name = _name_in(new)
    if not (is_file(old) and is_file(new)) or _name_in(old) != name:
        return ""
    # The sides are a recording and now, or before and after a call.
    if old.digest == MISSING:
        if is_recorded:
            return f"{name} exists now, it did not when recorded"
        return f"{name} was made"
    if new.digest == MISSING:
        if is_recorded:
            return f"{name} does not exist now"
        return f"{name} was removed"
    if is_recorded:
        return f"content of {name} differs from the recorded one"
    return f"content of {name} changed"


def _name_in(node: Opaque) -> str:
    """Return the name of a file, relative to the folder that a fixture gave."""
    return text_or_place(node).removeprefix(f"<{TEMPORARY}>/")


# -- texts


def _long_texts(difference: Difference) -> tuple[str, str] | None:
    """Return both sides of a difference between long texts; None: it is another one."""
    old, new = difference.old, difference.new
    is_cut_text = {type(old), type(new)} == {str, Cut}
    if kind_of_node(old) != kind_of_node(new) and not is_cut_text:
        return None
    old_text, new_text = _text_of_side(old), _text_of_side(new)
    if old_text is None or new_text is None or old_text == new_text:
        return None
    texts = (old_text, new_text)
    if PLACEHOLDER in texts:
        # A side is a secret as a whole, of which no stretch is shown.
        return None
    # Short texts are shown as two values, and long ones with their words that differ.
    both_texts = old_text + new_text
    longest_value = _LONGEST_LINE_OF_VALUE
    if " " in both_texts:
        # Of several words, the ones that differ are shown sooner.
        longest_value = _LONGEST_VALUE_OF_WORDS
    longest = max(len(old_text), len(new_text))
    if "\n" not in both_texts and longest <= longest_value:
        return None
    return texts


def _text_of_side(node: Node) -> str | None:
    """Return the text of a node that is a text, or bytes; None: it is neither."""
    if isinstance(node, str):
        return node
    if isinstance(node, Cut):
        return node.start
    if isinstance(node, Hidden):
        return node.redacted_text
    if isinstance(node, Opaque) and node.kind == "bytes":
        return str(node.text)
    if isinstance(node, Opaque) and node.kind == "base64":
        return literal_of(node)
    return None


def _spans_of_two_texts(old: str, new: str) -> list[Span]:
    """Return the stretches that two texts share, and those of one text alone."""
    spans: list[Span] = []
    for before, after in stretches(old, new):
        if before == after:
            spans.append((" ", before))
            continue
        shared_blank = ""
        if before[-1:] == after[-1:] == " ":
            # A blank at the end of both stretches is no part of the change.
            shared_blank = " "
        spans += [
            ("-", before.removesuffix(shared_blank)),
            ("+", after.removesuffix(shared_blank)),
            (" ", shared_blank),
        ]
    return [span for span in spans if span[1]]


def _cut_spans(spans: Sequence[Span]) -> list[Span]:
    """Return the stretches of a text; of a long one, its ends next to the changes."""
    cut_spans: list[Span] = []
    for place, (sign, text) in enumerate(spans[:_MOST_SPANS]):
        if sign != " ":
            cut = _middle_cut(text, start=_SHOWN_OF_CHANGE, end=_SHOWN_OF_CHANGE)
        else:
            start = end = _SHOWN_AROUND_CHANGE
            # The text before the first change and behind the last change is of no use.
            if place == 0:
                start = 0
            if place == len(spans) - 1:
                end = 0
            cut = _middle_cut(text, start=start, end=end)
        cut_spans.append((sign, cut))
    if len(spans) > _MOST_SPANS:
        cut_spans.append((" ", " ..."))
    return cut_spans


def _middle_cut(text: str, *, start: int, end: int) -> str:
    """Return a text without its middle, if that is longer than a few characters."""
    if len(text) <= start + end + 10:
        return text
    return f"{text[:start]}...{text[len(text) - end :]}"


def _text_lines(spans: Sequence[Span]) -> list[str]:
    """Return a text as lines, with `[-old-]` and `{+new+}` where the words differ."""
    lines = [""]
    for sign, text in _cut_spans(spans):
        opening, closing = _BRACKETS[sign]
        # Brackets are closed at the end of a line, so that each line reads alone.
        for number, text_in_line in enumerate(text.split("\n")):
            if number:
                lines.append("")
            if text_in_line:
                lines[-1] += f"{opening}{printable(text_in_line)}{closing}"
    return [text_line for text_line in lines if text_line]


# -- the words for columns that differ


class ColumnWords(NamedTuple):
    """How two columns differ, in words.

    Example: `2,000 of 2,000 differ, [0]: 0.02433 recorded, 0.02434 now` has these:

    | field | text |
    |---|---|
    | `on_both` | `2,000 of 2,000 differ` |
    | `before_each` | `[0]: ` |
    | `old`, `new` | `0.02433`, `0.02434` |

    Attributes:
        on_both: The words on both columns together, or an empty text.
        before_each: The words before `old` and before `new`; empty: there are none.
        old: What the recorded column has. Like `new`, it is empty where `on_both` says
            all.
        new: What the column has now.
        behind_each: The words behind `old` and behind `new`; empty: there are none.
    """

    on_both: str = ""
    before_each: str = ""
    old: str = ""
    new: str = ""
    behind_each: str = ""

    def sentence(self, old_word: str, new_word: str) -> str:
        """Return all words in one line.

        Args:
            old_word: The word for the old column, such as `recorded`.
            new_word: The word for the new column, such as `now`.
        """
        if not self.old:
            return self.on_both
        old = f"{self.before_each}{self.old}{self.behind_each}"
        words_on_each = f"{old} {old_word}, {self.new} {new_word}"
        if not self.on_both:
            return words_on_each
        return f"{self.on_both}, {words_on_each}"

    def words_on_each_column(self) -> tuple[str, str]:
        """Return the words on the old column, and those on the new one, for the page.

        They are two empty texts where `on_both` says all.
        """
        if not self.old:
            return "", ""
        old = f"{self.before_each}{self.old}{self.behind_each}"
        new = f"{self.before_each}{self.new}{self.behind_each}"
        return old, new


def _column_words(old: Opaque, new: Opaque) -> ColumnWords:
    """Return how two columns differ, given by the nodes of `changed_columns`."""
    if old.kind == "rows":
        return _row_counts_in_words(old.text, new.text)
    if old.kind == "first_column":
        on_both = "the columns have another order"
        return ColumnWords(
            on_both, "the first: ", _name_of_column(old), _name_of_column(new)
        )
    if old.text != new.text:
        return ColumnWords(before_each="dtype ", old=str(old.text), new=str(new.text))
    if "differ" in old.facts:
        # The values of both columns are known.
        return _differing_values_in_words(old, new)
    # A number of rows, or of an array of several dimensions its shape as a text.
    old_rows, new_rows = old.facts["rows"], new.facts["rows"]
    if old_rows != new_rows and isinstance(old_rows, int) and isinstance(new_rows, int):
        return _row_counts_in_words(old_rows, new_rows)
    if old_rows != new_rows:
        return ColumnWords(before_each="shape ", old=str(old_rows), new=str(new_rows))
    if isinstance(old_rows, int):
        return ColumnWords(f"other values, {old_rows:,} rows")
    return ColumnWords(f"other values, shape {old_rows}")


def _row_counts_in_words(old_rows: Any, new_rows: Any) -> ColumnWords:
    """Return `30 rows recorded, 31 now`."""
    return ColumnWords(old=f"{old_rows:,}", new=f"{new_rows:,}", behind_each=" rows")


def _differing_values_in_words(old: Opaque, new: Opaque) -> ColumnWords:
    """Return in words how many values differ, and the first value that does."""
    old_count = _number_of_values(old.facts["rows"])
    new_count = _number_of_values(new.facts["rows"])
    compared = f"{min(old_count, new_count):,}"
    if old_count != new_count:
        compared = f"the first {compared}"
    on_both = f"{old.facts['differ']:,} of {compared} differ"
    old_value = line(old.facts["value"], _LONGEST_LINE_OF_VALUE)
    new_value = line(new.facts["value"], _LONGEST_LINE_OF_VALUE)
    return ColumnWords(on_both, f"[{old.facts['label']}]: ", old_value, new_value)


def _number_of_values(rows: Node) -> int:
    """Return how many values a column of so many rows has, or an array of a shape."""
    if isinstance(rows, int):
        return rows
    size = 1
    for extent in filter(None, str(rows).split("x")):
        size *= int(extent)
    return size


def _name_of_column(node: Opaque) -> str:
    """Return the name of a table's first column, `'price'` of the step `['price']`."""
    return str(node.text)[1:-1]
