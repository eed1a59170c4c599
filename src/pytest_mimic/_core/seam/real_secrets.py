"""Puts real secrets back into recorded answers, while those are verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.secret_names import (
    ISSUED,
    PLACEHOLDER,
    PLACEHOLDER_START,
    is_placeholder,
)

if TYPE_CHECKING:
    from pytest_mimic._core.redact.known_secrets import KnownSecrets

# What takes the place of a part: of the recorded, the hidden and the real one.
_Choice = Callable[[Any, Any, Any], Any]


def with_secrets(recorded: Any, hidden: Any, real: Any) -> Any:
    """Return recorded plain data with the secrets of a `real` outcome, which is `hidden` without them.

    While a call is verified, the application gets what was recorded, but a server would
    refuse a recorded placeholder.
    A text with a secret is the real one as a whole: what is signed goes with its
    signature.
    """
    return _walk(recorded, hidden, real, _with_secret)


def as_recorded(recorded: Any, hidden: Any, known: KnownSecrets) -> Any:
    """Return the `hidden` outcome of a real call with the recorded placeholders at their places.

    From now on, they stand for the secrets of the real call in all calls of the test:

        recorded   {"token": "<redacted:0a0b0c0d>"}    {"token": "<redacted>"}
        hidden     {"token": "<redacted:1a2b3c4d>"}    {"token": "<redacted:1a2b3c4d>"}
        result     {"token": "<redacted:0a0b0c0d>"}    {"token": "<redacted>"}
    """
    renamed: dict[str, str] = {}

    def compare(old: Any, new: Any, _: Any) -> Any:
        for placeholder, recorded_one in _renamed(old, new):
            value = known.value_of(placeholder)
            if value is not None:
                renamed[placeholder] = recorded_one
                known.stand(value, recorded_one)
        return old

    _walk(recorded, hidden, hidden, compare)
    return _replaced(hidden, renamed) if renamed else hidden


def _renamed(recorded: Any, hidden: Any) -> Iterator[tuple[str, str]]:
    """Yield the placeholders of issued secrets in a leaf, each with the other one that was recorded in its place."""
    if isinstance(recorded, str) and isinstance(hidden, str):
        new = ISSUED.findall(hidden)
        if is_placeholder(recorded) and len(new) == 1:
            old = [recorded]
        else:
            old = ISSUED.findall(recorded)
        if len(old) == len(new):
            yield from (pair for pair in zip(new, old) if pair[0] != pair[1])
        return
    is_number = type(recorded) is type(hidden) and type(recorded) in (int, float)
    if is_number and is_placeholder(hidden) and recorded != hidden:
        yield str(hidden), str(recorded) if is_placeholder(recorded) else PLACEHOLDER


def _replaced(plain: Any, renamed: dict[str, str]) -> Any:
    if isinstance(plain, dict):
        return {name: _replaced(part, renamed) for name, part in plain.items()}
    if isinstance(plain, list):
        return [_replaced(part, renamed) for part in plain]
    if isinstance(plain, str):
        return ISSUED.sub(lambda match: renamed.get(match[0], match[0]), plain)
    if type(plain) in (int, float) and str(plain) in renamed:
        stand_in = renamed[str(plain)]
        return type(plain)(0 if stand_in == PLACEHOLDER else stand_in)
    return plain


def _with_secret(recorded: Any, hidden: Any, real: Any) -> Any:
    """Return the real leaf if it is a secret or holds one, else the recorded one."""
    if isinstance(recorded, str) and isinstance(hidden, str):
        has_secret = PLACEHOLDER_START in recorded and PLACEHOLDER_START in hidden
        return real if has_secret or recorded == hidden else recorded
    # Where a number is hidden, it is not the real one.
    is_same_kind = type(recorded) is type(hidden)
    is_hidden = recorded == hidden or hidden != real
    return real if is_same_kind and is_hidden else recorded


def _walk(recorded: Any, hidden: Any, real: Any, choose: _Choice) -> Any:
    """Return recorded plain data with what is chosen of three at each leaf that all have."""
    if dict is type(recorded) is type(hidden) is type(real):
        walked = {}
        for key, part in recorded.items():
            if key in hidden and key in real:
                part = _walk(part, hidden[key], real[key], choose)
            walked[key] = part
        return walked
    if list is type(recorded) is type(hidden) is type(real):
        others = dict(zip(_places(hidden), zip(hidden, real)))
        items = []
        for place, part in zip(_places(recorded), recorded, strict=True):
            if place in others:
                part = _walk(part, *others[place], choose)
            items.append(part)
        return items
    return choose(recorded, hidden, real)


def _places(items: list[Any]) -> list[object]:
    """Return what identifies each item of a list: its index, or for pairs, such as headers, the n-th of its name."""
    are_pairs = all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
        for item in items
    )
    if not are_pairs:
        return list(range(len(items)))
    names = [name.lower() for name, _ in items]
    return [(name, names[:place].count(name)) for place, name in enumerate(names)]
