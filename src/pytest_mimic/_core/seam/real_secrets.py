"""Puts real secrets back into recorded answers, while those are verified.

Three forms of one answer are walked side by side:

| name | what |
|---|---|
| `recorded` | the answer in the vault, with placeholders |
| `hidden` | the real answer of now, with placeholders |
| `real` | the real answer of now |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar, cast

from pytest_mimic._core.placeholders import (
    ISSUED,
    PLACEHOLDER,
    PLACEHOLDER_START,
    is_placeholder,
)

if TYPE_CHECKING:
    from pytest_mimic._core.nodes.node_classes import Json
    from pytest_mimic._core.redact.known_secrets import KnownSecrets

    # Returns what takes the place of a leaf, of its three forms.
    _Choice = Callable[[Json, Json, Json], Json]

# Plain data of one shape.
_Plain = TypeVar("_Plain")


def with_secrets(recorded: _Plain, hidden: object, real: object) -> _Plain:
    """Return recorded plain data with the secrets of the real outcome.

    While a call is verified, the application gets what was recorded, but a server would
    refuse a recorded placeholder. A text with a secret is the real one as a whole: what
    is signed goes with its signature.
    """
    walked = _walk(_json(recorded), _json(hidden), _json(real), _with_secret)
    return cast("_Plain", walked)


def as_recorded(recorded: object, hidden: _Plain, known: KnownSecrets) -> _Plain:
    """Return the `hidden` outcome of a real call with the recorded placeholders.

    From now on, they stand for the secrets of the real call in all calls of the test:

        recorded   {"token": "<redacted:0a0b0c0d>"}    {"token": "<redacted>"}
        hidden     {"token": "<redacted:1a2b3c4d>"}    {"token": "<redacted:1a2b3c4d>"}
        result     {"token": "<redacted:0a0b0c0d>"}    {"token": "<redacted>"}
    """
    renamed: dict[str, str] = {}

    def compare(recorded_leaf: Json, hidden_leaf: Json, _real_leaf: Json) -> Json:
        for new, old in _renamed(recorded_leaf, hidden_leaf):
            value = known.value_of(new)
            if value is not None:
                renamed[new] = old
                known.stand(value, old)
        return recorded_leaf

    answer = _json(hidden)
    _walk(_json(recorded), answer, answer, compare)
    if not renamed:
        return hidden
    return cast("_Plain", _replaced(answer, renamed))


def _json(plain: object) -> Json:
    """Return plain data as what it is to type checkers."""
    return cast("Json", plain)


def _renamed(recorded: Json, hidden: Json) -> Iterator[tuple[str, str]]:
    """Yield the new placeholders in a leaf, each with another one recorded there."""
    if isinstance(recorded, str) and isinstance(hidden, str):
        yield from _renamed_in_texts(recorded, hidden)
        return
    is_number = type(recorded) is type(hidden) and type(recorded) in (int, float)
    if is_number and is_placeholder(hidden) and recorded != hidden:
        old = str(recorded) if is_placeholder(recorded) else PLACEHOLDER
        yield str(hidden), old


def _renamed_in_texts(recorded: str, hidden: str) -> Iterator[tuple[str, str]]:
    new_placeholders = ISSUED.findall(hidden)
    old_placeholders = ISSUED.findall(recorded)
    if is_placeholder(recorded) and len(new_placeholders) == 1:
        # It may be `<redacted>`, which no answer has issued.
        old_placeholders = [recorded]
    if len(old_placeholders) != len(new_placeholders):
        return
    for new, old in zip(new_placeholders, old_placeholders):
        if new != old:
            yield new, old


def _replaced(plain: Json, renamed: dict[str, str]) -> Json:
    """Return plain data in which other placeholders stand."""
    if isinstance(plain, dict):
        return {name: _replaced(part, renamed) for name, part in plain.items()}
    if isinstance(plain, list):
        return [_replaced(part, renamed) for part in plain]
    if isinstance(plain, str):

        def other(match: re.Match[str]) -> str:
            return renamed.get(match[0], match[0])

        return ISSUED.sub(other, plain)
    is_number = isinstance(plain, (int, float)) and not isinstance(plain, bool)
    if is_number and str(plain) in renamed:
        stand_in = renamed[str(plain)]
        digits = "0" if stand_in == PLACEHOLDER else stand_in
        return float(digits) if isinstance(plain, float) else int(digits)
    return plain


def _with_secret(recorded: Json, hidden: Json, real: Json) -> Json:
    """Return the real leaf if it is a secret or holds one, else the recorded one."""
    if isinstance(recorded, str) and isinstance(hidden, str):
        has_secret = PLACEHOLDER_START in recorded and PLACEHOLDER_START in hidden
        return real if has_secret or recorded == hidden else recorded
    if type(recorded) is not type(hidden):
        return recorded
    # Where a number is hidden, it is not the real one.
    is_hidden = recorded == hidden or hidden != real
    return real if is_hidden else recorded


def _walk(recorded: Json, hidden: Json, real: Json, choose: _Choice) -> Json:
    """Return recorded plain data with what is chosen at each leaf that all have."""
    if (
        isinstance(recorded, dict)
        and isinstance(hidden, dict)
        and isinstance(real, dict)
    ):
        return _walk_dict(recorded, hidden, real, choose)
    if (
        isinstance(recorded, list)
        and isinstance(hidden, list)
        and isinstance(real, list)
    ):
        return _walk_list(recorded, hidden, real, choose)
    return choose(recorded, hidden, real)


def _walk_dict(
    recorded: dict[str, Json],
    hidden: dict[str, Json],
    real: dict[str, Json],
    choose: _Choice,
) -> dict[str, Json]:
    walked = {}
    for key, part in recorded.items():
        if key in hidden and key in real:
            part = _walk(part, hidden[key], real[key], choose)
        walked[key] = part
    return walked


def _walk_list(
    recorded: list[Json], hidden: list[Json], real: list[Json], choose: _Choice
) -> list[Json]:
    hidden_and_real = dict(zip(_places(hidden), zip(hidden, real)))
    items = []
    for place, item in zip(_places(recorded), recorded, strict=True):
        if place in hidden_and_real:
            hidden_item, real_item = hidden_and_real[place]
            item = _walk(item, hidden_item, real_item, choose)
        items.append(item)
    return items


def _places(items: list[Json]) -> list[object]:
    """Return what identifies each item of a list.

    It is the item's index, or for pairs, such as headers, the name and the number among
    the pairs of this name.
    """
    names = [_name_of_pair(item) for item in items]
    counts: dict[str, int] = {}
    places: list[object] = []
    for name in names:
        if name is None:
            return list(range(len(items)))
        lower = name.lower()
        number = counts.get(lower, 0)
        counts[lower] = number + 1
        places.append((lower, number))
    return places


def _name_of_pair(item: Json) -> str | None:
    """Return the name of a pair, such as a header; None for what is no pair."""
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
        return item[0]
    return None
