"""What differs between two trees: parts by their path, items of lists as they came and went, and the same in words.

`day: 2024-04-30 recorded, 2024-05-01 now`, and of a long text the words that differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from pytest_mimic._core.files.digests import MISSING
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.tree.aligning import stretches, turns
from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.drawing import (
    is_file,
    items_of,
    kind_of,
    line,
    order,
    short_name,
    steps,
    tag_of,
)
from pytest_mimic._core.tree.kept_columns import column_fact, with_labels
from pytest_mimic._core.words import and_more
from pytest_mimic.errors import printable

#: What a side has at a path that only the other side has.
ABSENT: Any = type("Absent", (), {})()
# Of longer lists, and of those with more items more or less, those at equal places are
# compared: time grows with the square.
_MANY, _FEW = 5_000, 3


class Difference(NamedTuple):
    """A part in which two values differ: both sides as trees, `ABSENT` where one does not have it."""

    # where it is, `rates.USD`, as `ignore=` and `volatile=` take it; empty for the
    # whole
    path: str
    old: Any = ABSENT
    new: Any = ABSENT
    fact: str = ""  # how they differ, if their trees do not show it


def argument_differences(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> list[Difference]:
    """Return the differences between the trees of two calls' arguments.

    There may be none although the calls differ, in a secret or in parts that are there
    incompletely. The recorded arguments
    are None if the vault does not store them.
    """
    if old is None or new is None:
        return []
    then, now = (
        {name.lstrip("*"): part for name, part in by_name(side).items()}
        for side in (old, new)
    )
    return list(_between_parts(then, now, ""))


def differences(old: object, new: object) -> list[Difference]:
    """Return the differences between two trees, in the order of the old one."""
    return [
        one._replace(path=one.path.removeprefix(".")) for one in _between(old, new, "")
    ]


def _between(old: Any, new: Any, path: str) -> Iterator[Difference]:
    kind = kind_of(old)
    if _is_same_value(old, new):
        return
    if kind != kind_of(new):
        yield Difference(path, old, new)
        return
    # Of two values of `content=`, the names do not count.
    if is_file(old) and is_file(new) and (kind == "$content" or old[kind] == new[kind]):
        yield from (
            [Difference(path, old, new)] if old["digest"] != new["digest"] else []
        )
        return
    then, now = items_of(old), items_of(new)
    is_partial = _length(old) is not None or _length(new) is not None
    if kind == "$column":
        found = iter([Difference(path, old, new)] if order(old) != order(new) else [])
    elif (columns := _columns_of(old, new)) is not None:
        found = _between_columns(*columns, path)
    elif then is not None and now is not None:
        found = _between_items(then, now, path, in_order=not is_partial)
    elif (parts := steps(old)) is not None and (others := steps(new)) is not None:
        found = _between_parts(parts, others, path)
    else:
        found = iter([Difference(path, old, new)] if order(old) != order(new) else [])
    is_shown = False
    for one in found:
        is_shown = True
        yield one
    if is_partial and _length(old) != _length(new):
        yield Difference(path, _total(old), _total(new))
    elif (
        not is_shown
        and isinstance(old, dict)
        and old.get("digest") != new.get("digest")
    ):
        yield (
            Difference(path, _total(old), _total(new))
            if is_partial
            else Difference(path, old, new)
        )


def _between_parts(
    old: dict[str, Any], new: dict[str, Any], path: str
) -> Iterator[Difference]:
    for step in dict.fromkeys([*old, *new]):
        if step in old and step in new:
            yield from _between(old[step], new[step], path + step)
        else:
            yield Difference(path + step, old.get(step, ABSENT), new.get(step, ABSENT))


def _columns_of(old: Any, new: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return what is kept of the columns of two tables, None if one is no table."""
    sides = [
        node.get("columns") if isinstance(node, dict) else None for node in (old, new)
    ]
    if not all(isinstance(side, dict) for side in sides):
        return None
    return sides[0], sides[1]  # type: ignore[return-value]  # both are dicts


def _between_columns(
    old: dict[str, Any], new: dict[str, Any], path: str
) -> Iterator[Difference]:
    for one in _between_parts(old, new, path):
        yield one._replace(old=with_labels(one.old, old))


def _between_items(
    old: list[Any], new: list[Any], path: str, *, in_order: bool
) -> Iterator[Difference]:
    """Yield the differences between two lists.

    A few items that were put in or taken out shift those behind them.
    """
    least = min(len(old), len(new))
    codes: list[Any] = [("replace", 0, least, 0, least)]
    if in_order and len(old) != len(new):
        if abs(len(old) - len(new)) > _FEW or len(old) + len(new) > _MANY:
            yield Difference(path, {"$count": len(old)}, {"$count": len(new)})
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


def _is_same_value(old: Any, new: Any) -> bool:
    """Check whether two values have one identity, whose digest they show.

    A library's version may name them otherwise.
    """
    if (
        not isinstance(old, dict)
        or not isinstance(new, dict)
        or is_file(old)
        or is_file(new)
    ):
        return False
    return tag_of(old) != "" and "digest" in old and old["digest"] == new.get("digest")


def _length(node: object) -> Any:
    """Return the length of a container of which only the first items are there; None of any other node."""
    is_partial = isinstance(node, dict) and tag_of(node) not in ("", "$cut")
    return node.get("length") if is_partial else None  # type: ignore[attr-defined]


def _total(node: Any) -> dict[str, Any]:
    """Return a node that shows only the length of a container, for a difference beyond the items in its tree."""
    length = _length(node)
    count = len(steps(node) or ()) if length is None else length
    digest = (
        {"digest": node["digest"]}
        if isinstance(node, dict) and "digest" in node
        else {}
    )
    return {"$count": count, **digest}


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
    if _are_columns(one):
        fact = column_fact(one.old, one.new, before, after, line=_value_line)
        return [f"{head}{fact}"]
    if is_file(one.old) and is_file(one.new) and _name_in(one.old) == _name_in(one.new):
        return [
            f"{head}{_file_fact(one.old, one.new, is_recorded=before == 'recorded')}"
        ]
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


def _are_columns(one: Difference) -> bool:
    return kind_of(one.old) == kind_of(one.new) == "$column"


def _value_line(node: object) -> str:
    return line(node, _WIDTH)


def side_by_side(found: Iterable[Difference]) -> list[tuple[str, str, str]]:
    """Return differences as pairs of texts, each with a mark: `~` changed, `-` recorded only, `+` now only."""
    rows = []
    for one in found:
        mark = "+" if one.old is ABSENT else "-" if one.new is ABSENT else "~"
        fact = one.fact
        if _are_columns(one):
            fact = column_fact(one.old, one.new, "recorded", "now", line=_value_line)
        sides: Iterable[str] = (fact, "") if fact else _sides(one)
        if mark == "~" and not one.fact and (texts := _long_texts(one)) is not None:
            spans = _cut_spans(_spans(*texts))
            sides = (
                "".join(text for sign, text in spans if sign in f" {own}")
                for own in "-+"
            )
        old, new = (
            f"{one.path}: {side}" if one.path and side else side for side in sides
        )
        rows.append((mark, old, new))
    return rows


def _sides(one: Difference) -> tuple[str, str]:
    """Return the two sides of a difference as texts that show it, if it may be shown."""
    old, new = one.old, one.new
    if old is ABSENT or new is ABSENT:
        return tuple(
            "" if side is ABSENT else line(side, _WIDTH) for side in (old, new)
        )  # type: ignore[return-value]
    if (
        {kind_of(old), kind_of(new)} == {"$cut"}
        and old.get("start")
        and old.get("start") == new.get("start")
    ):
        unit = "characters" if old["$cut"] == "str" else "bytes"
        return (
            f"{old['length']} {unit}",
            f"{new['length']} that differ after the first {len(old['start'])}",
        )
    for digests in (False, True):
        texts = line(old, _WIDTH, digests=digests), line(new, _WIDTH, digests=digests)
        if texts[0] != texts[1]:
            return texts
    kinds = [_type_of(side) for side in (old, new)]
    if kinds[0] == kinds[1] or "$hidden" in map(kind_of, (old, new)):
        return texts[0], "another value"
    return f"{texts[0]} ({kinds[0]})", f"{texts[1]} ({kinds[1]})"


def _type_of(node: Any) -> str:
    kind = kind_of(node)
    return short_name(str(node.get("type", kind)) if kind[:1] == "$" else kind)


def _file_fact(old: dict[str, Any], new: dict[str, Any], *, is_recorded: bool) -> str:
    name = _name_in(new)
    if old["digest"] == MISSING:
        return (
            f"{name} exists now, it did not when recorded"
            if is_recorded
            else f"{name} was made"
        )
    if new["digest"] == MISSING:
        return f"{name} does not exist now" if is_recorded else f"{name} was removed"
    return f"content of {name} {'differs from the recorded one' if is_recorded else 'changed'}"


def _name_in(node: dict[str, Any]) -> str:
    """Return the name of a file, relative to the folder that a fixture gave."""
    return str(next(iter(node.values()))).removeprefix("<tmp>/")


# -- texts


def _long_texts(one: Difference) -> tuple[str, str] | None:
    """Return both sides of a difference between texts that are too long for values, None for any other."""
    if kind_of(one.old) != kind_of(one.new):
        is_cut = {kind_of(one.old), kind_of(one.new)} == {"str", "$cut"}
        if not is_cut:
            return None
    sides = []
    for node in (one.old, one.new):
        text = node
        if kind_of(node) == "$cut":
            text = node.get("start")
        elif kind_of(node) in ("$bytes", "$hidden") or _type_of(node) in (
            "bytes",
            "bytearray",
        ):
            text = "".join(next(iter(node.values())))
        if not isinstance(text, str) or text == PLACEHOLDER:
            return None
        sides.append(text)
    longest, both = max(map(len, sides)), "".join(sides)
    is_value = longest <= (_SHORT if " " in both else _WIDTH) and "\n" not in both
    if sides[0] == sides[1] or is_value:
        return None
    return sides[0], sides[1]


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
