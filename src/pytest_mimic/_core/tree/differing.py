"""What differs between two trees: parts by their path, items of lists as they came and went, and the same in words.

`day: 2024-04-30 recorded, 2024-05-01 now`, and of a long text the words that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from pytest_mimic._core.files.digests import MISSING
from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Hidden,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_json import order
from pytest_mimic._core.nodes.node_parts import (
    digest_of,
    is_file,
    items_of,
    kind_of,
    length_of,
    type_of,
)
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.tree.aligning import stretches, turns
from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.drawing import line, steps
from pytest_mimic._core.tree.kept_columns import (
    column_fact,
    columns_in,
    has_other_rows,
    is_column,
    row_counts,
    with_labels,
)
from pytest_mimic._core.words import and_more
from pytest_mimic.errors import printable

#: What a side has at a path that only the other side has.
ABSENT: Any = type("Absent", (), {})()
# Of longer lists, and of those with more items more or less, those at equal places are
# compared: time grows with the square.
_MANY, _FEW = 5_000, 3


class Difference(NamedTuple):
    """A part in which two values differ: both sides as nodes, or `ABSENT`."""

    # where it is, `rates.USD`, as `ignore=` and `volatile=` take it; empty for the
    # whole
    path: str
    old: Any = ABSENT
    new: Any = ABSENT
    fact: str = ""  # how they differ, if their trees do not show it


def argument_differences(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> list[Difference]:
    """Return the differences between the descriptions of two calls' arguments.

    There may be none although the calls differ, in a secret or in parts that are there
    incompletely. The recorded arguments are None if the vault does not store them.
    """
    if old is None or new is None:
        return []
    return part_differences(by_name(old), by_name(new))


def part_differences(
    old: Mapping[str, Node], new: Mapping[str, Node]
) -> list[Difference]:
    """Return the differences between two calls' arguments, which `by_name` gives."""
    then = {name.lstrip("*"): part for name, part in old.items()}
    now = {name.lstrip("*"): part for name, part in new.items()}
    return list(_between_parts(then, now, ""))


def differences(old: Node, new: Node) -> list[Difference]:
    """Return the differences between two trees, in the order of the old one."""
    return [
        one._replace(path=one.path.removeprefix(".")) for one in _between(old, new, "")
    ]


def _between(old: Node, new: Node, path: str) -> Iterator[Difference]:
    if _is_same_value(old, new):
        return
    if kind_of(old) != kind_of(new):
        yield Difference(path, old, new)
        return
    if _is_same_file(old, new):
        if digest_of(old) != digest_of(new):
            yield Difference(path, old, new)
        return
    then, now = items_of(old), items_of(new)
    is_partial = length_of(old) is not None or length_of(new) is not None
    columns, others = columns_in(old), columns_in(new)
    if is_column(old):
        found = iter([Difference(path, old, new)] if order(old) != order(new) else [])
    elif columns is not None and others is not None:
        found = _between_columns(columns, others, path)
    elif then is not None and now is not None:
        found = _between_items(then, now, path, in_order=not is_partial)
    elif (parts := steps(old)) is not None and (inner := steps(new)) is not None:
        found = _between_parts(parts, inner, path)
    else:
        found = iter([Difference(path, old, new)] if order(old) != order(new) else [])
    is_shown = False
    for one in found:
        is_shown = True
        yield one
    if is_partial and length_of(old) != length_of(new):
        yield Difference(path, _total(old), _total(new))
    elif not is_shown and digest_of(old) != digest_of(new):
        sides = (_total(old), _total(new)) if is_partial else (old, new)
        yield Difference(path, *sides)


def _is_same_file(old: Node, new: Node) -> bool:
    """Check whether two nodes stand for files whose content is compared.

    Of two values of `content=`, the names do not count.
    """
    if not (isinstance(old, Opaque) and isinstance(new, Opaque)):
        return False
    is_same_name = old.kind == "content" or old.text == new.text
    return is_file(old) and is_file(new) and is_same_name


def _between_parts(
    old: Mapping[str, Node], new: Mapping[str, Node], path: str
) -> Iterator[Difference]:
    for step in dict.fromkeys([*old, *new]):
        if step in old and step in new:
            yield from _between(old[step], new[step], path + step)
        else:
            yield Difference(path + step, old.get(step, ABSENT), new.get(step, ABSENT))


def _between_columns(
    old: dict[str, Node], new: dict[str, Node], path: str
) -> Iterator[Difference]:
    """Yield the columns in which two tables differ, and other numbers of rows once."""
    rows = row_counts(old, new)
    if rows is not None:
        yield Difference(path, *rows)
    for one in _between_parts(old, new, path):
        if rows is None or not has_other_rows(one.old, one.new):
            yield one._replace(old=with_labels(one.old, old))


def _between_items(
    old: list[Node], new: list[Node], path: str, *, in_order: bool
) -> Iterator[Difference]:
    """Yield the differences between two lists.

    A few items that were put in or taken out shift those behind them.
    """
    least = min(len(old), len(new))
    codes: list[Any] = [("replace", 0, least, 0, least)]
    if in_order and len(old) != len(new):
        if abs(len(old) - len(new)) > _FEW or len(old) + len(new) > _MANY:
            yield Difference(path, _count(len(old)), _count(len(new)))
        else:
            marks = list(map(order, old)), list(map(order, new))
            codes = turns(*marks) or codes
    for tag, a, b, c, d in codes:
        for place, other in (
            () if tag == "equal" else zip_longest(range(a, b), range(c, d))
        ):
            then = ABSENT if place is None else old[place]
            now = ABSENT if other is None else new[other]
            where = f"{path}[{place if other is None else other}]"
            yield from (
                [Difference(where, then, now)]
                if None in (place, other)
                else _between(then, now, where)
            )


def _is_same_value(old: Node, new: Node) -> bool:
    """Check whether two values have one identity, whose digest they show.

    A library's version may name them otherwise.
    """
    digest = digest_of(old)
    if not digest or is_file(old) or is_file(new):
        return False
    return digest == digest_of(new)


def _total(node: Node) -> Opaque:
    """Return a node that shows only the length of a container.

    It stands for a difference beyond the items in the tree.
    """
    length = length_of(node)
    if length is None:
        length = len(steps(node) or ())
    return _count(length, digest_of(node))


def _count(length: int, digest: str = "") -> Opaque:
    return Opaque("count", length, digest=digest)


# -- in words

Span = tuple[str, str]
"""A stretch of a text, after a sign: a blank if both sides have it, `-` for the old one alone, `+` for the new one."""

_WIDTH = 120
# Texts up to this length are shown as values.
_SHORT = 40
# The characters of an unchanged stretch that are shown on either side of a change, and
# those of a changed one.
_AROUND, _CHANGED, _MOST_SPANS = 60, 120, 24


def difference_lines(
    found: Sequence[Difference],
    before: str = "recorded",
    after: str = "now",
    *,
    most: int = 10,
) -> list[str]:
    """Return the first differences as lines, and how many more there are."""
    lines = [one for each in found[:most] for one in _lines_of_one(each, before, after)]
    return [*lines, *and_more(len(found) - most)]


def _lines_of_one(
    one: Difference, before: str = "recorded", after: str = "now"
) -> list[str]:
    head = f"{printable(one.path)}: " if one.path else ""
    if one.fact:
        return [f"{head}{one.fact}"]
    if is_column(one.old) and is_column(one.new):
        return [f"{head}{column_fact(one.old, one.new, before, after)}"]
    if (fact := _file_fact(one.old, one.new, is_recorded=before == "recorded")) != "":
        return [f"{head}{fact}"]
    if (texts := _long_texts(one)) is not None:
        legend = f"[-{before}-] {{+{after}+}}"
        lines = _text_lines(_spans(*texts))
        where = f"{printable(one.path)}, {legend}: " if one.path else f"{legend}: "
        return (
            [f"{where}{lines[0]}"]
            if len(lines) == 1
            else [where.strip(), *(f"  {each}" for each in lines)]
        )
    old, new = _sides(one)
    if one.old is ABSENT:
        return [
            f"{head}{new} {after}, not {'in the recording' if before == 'recorded' else before}"
        ]
    if one.new is ABSENT:
        return [f"{head}{old} {before}, missing {after}"]
    return [f"{head}{old} {before}, {new} {after}"]


class Sides(NamedTuple):
    """A difference as a page shows it, one side below the other.

    Attributes:
        path: Where it is, empty for the whole.
        old: The recorded side in stretches, empty if there is none.
        new: The side of now, likewise.
        fact: How they differ in words, where no side is shown.
    """

    path: str
    old: Sequence[Span] = ()
    new: Sequence[Span] = ()
    fact: str = ""


def side_by_side(found: Iterable[Difference]) -> list[Sides]:
    """Return both sides of differences, with the stretches that only one side has."""
    return [_sides_of(difference) for difference in found]


def _sides_of(difference: Difference) -> Sides:
    path = printable(difference.path)
    fact = difference.fact or _file_fact(
        difference.old, difference.new, is_recorded=True
    )
    if is_column(difference.old) and is_column(difference.new):
        fact = column_fact(difference.old, difference.new, "recorded", "now")
    if fact:
        return Sides(path, fact=fact)
    texts = _long_texts(difference)
    if texts is None:
        old, new = _sides(difference)
        return Sides(path, _whole("-", old), _whole("+", new))
    spans = _cut_spans(_spans(*texts))
    old_spans = [span for span in spans if span[0] != "+"]
    new_spans = [span for span in spans if span[0] != "-"]
    return Sides(path, old_spans, new_spans)


def _whole(sign: str, text: str) -> list[Span]:
    """Return a side that shares nothing with the other one."""
    return [(sign, text)] if text else []


def _sides(one: Difference) -> tuple[str, str]:
    """Return the two sides of a difference as texts that show it, if it may be shown."""
    old, new = one.old, one.new
    if old is ABSENT or new is ABSENT:
        then, now = (
            "" if side is ABSENT else line(side, _WIDTH) for side in (old, new)
        )
        return then, now
    is_cut = isinstance(old, Cut) and isinstance(new, Cut)
    if is_cut and old.start and old.start == new.start:
        unit = "characters" if old.type == "str" else "bytes"
        differing = f"{new.length} that differ after the first {len(old.start)}"
        return f"{old.length} {unit}", differing
    for digests in (False, True):
        texts = line(old, _WIDTH, digests=digests), line(new, _WIDTH, digests=digests)
        if texts[0] != texts[1]:
            return texts
    kinds = type_of(old), type_of(new)
    if kinds[0] == kinds[1] or isinstance(old, Hidden) or isinstance(new, Hidden):
        return texts[0], "another value"
    return f"{texts[0]} ({kinds[0]})", f"{texts[1]} ({kinds[1]})"


def _file_fact(old: Node, new: Node, *, is_recorded: bool) -> str:
    """Return how a file's content differs, empty unless both nodes stand for that file."""
    if not (isinstance(old, Opaque) and isinstance(new, Opaque)):
        return ""
    name = _name_in(new)
    if not (is_file(old) and is_file(new)) or _name_in(old) != name:
        return ""
    if old.digest == MISSING:
        made = f"{name} exists now, it did not when recorded"
        return made if is_recorded else f"{name} was made"
    if new.digest == MISSING:
        gone = f"{name} does not exist now"
        return gone if is_recorded else f"{name} was removed"
    changed = "differs from the recorded one" if is_recorded else "changed"
    return f"content of {name} {changed}"


def _name_in(node: Opaque) -> str:
    """Return the name of a file, relative to the folder that a fixture gave."""
    return str(node.text).removeprefix("<tmp>/")


# -- texts


def _long_texts(one: Difference) -> tuple[str, str] | None:
    """Return both sides of a difference between long texts, None for any other."""
    sides: list[str] = []
    kinds = {type(one.old), type(one.new)}
    if kind_of(one.old) != kind_of(one.new) and kinds != {str, Cut}:
        return None
    for node in (one.old, one.new):
        text = _text_in(node)
        if text is None or text == PLACEHOLDER:
            return None
        sides.append(text)
    longest, both = max(map(len, sides)), "".join(sides)
    is_value = longest <= (_SHORT if " " in both else _WIDTH) and "\n" not in both
    if sides[0] == sides[1] or is_value:
        return None
    return sides[0], sides[1]


def _text_in(node: Node) -> str | None:
    """Return the text of a node that is one, or bytes; None of any other."""
    if isinstance(node, str):
        return node
    if isinstance(node, Cut):
        return node.start
    if isinstance(node, Hidden):
        return node.text
    is_bytes = isinstance(node, Opaque) and type_of(node) in ("bytes", "bytearray")
    return str(node.text) if is_bytes else None  # type: ignore[union-attr]


def _spans(old: str, new: str) -> list[Span]:
    """Return the stretches of words that two texts share, and those that only one has."""
    spans: list[Span] = []
    for before, after in stretches(old, new):
        if before == after:
            spans.append((" ", before))
            continue
        # A blank behind both is no part of the change.
        same = " " if before[-1:] == after[-1:] == " " else ""
        spans += [
            ("-", before.removesuffix(same)),
            ("+", after.removesuffix(same)),
            (" ", same),
        ]
    return [span for span in spans if span[1]]


def _cut_spans(spans: Sequence[Span]) -> list[Span]:
    """Return stretches of a text, of long ones their ends, next to the changes."""
    found = []
    for place, (sign, text) in enumerate(spans):
        most = _AROUND if sign == " " else _CHANGED
        is_last = place == len(spans) - 1
        if len(text) > 2 * most + 10 or (
            sign == " " and (not place or is_last) and len(text) > most + 10
        ):
            start = "" if sign == " " and not place else text[:most]
            end = "" if sign == " " and is_last else text[-most:]
            text = f"{start}...{end}"
        found.append((sign, text))
    return found if len(found) <= _MOST_SPANS else [*found[:_MOST_SPANS], (" ", " ...")]


def _text_lines(spans: Sequence[Span]) -> list[str]:
    """Return a text as lines, with `[-old-]` and `{+new+}` around the words that differ."""
    lines = [""]
    for sign, text in _cut_spans(spans):
        before, after = {"-": ("[-", "-]"), "+": ("{+", "+}"), " ": ("", "")}[sign]
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append("")
            if part:
                lines[-1] += f"{before}{printable(part)}{after}"
    return [one for one in lines if one]
