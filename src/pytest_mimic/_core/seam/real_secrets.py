"""Puts real secrets back into recorded answers, while these are verified.

Three forms of one answer are walked side by side:

| name | what |
|---|---|
| `recorded` | the answer in the vault, with placeholders |
| `hidden` | the real answer of now, with placeholders |
| `real` | the real answer of now |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar, cast

from pytest_mimic._core.placeholders import (
    PLACEHOLDER,
    is_placeholder,
    issued_in,
    mentions_placeholder,
    with_replaced_placeholders,
)

if TYPE_CHECKING:
    from pytest_mimic._core.nodes.node_classes import Json
    from pytest_mimic._core.redact.known_secrets import KnownSecrets

    # Takes the three forms of a leaf, and returns what stands in its place.
    _Choice = Callable[[Json, Json, Json], Json]

# Plain data of one shape.
_Plain = TypeVar("_Plain")


def with_secrets(recorded: _Plain, hidden: object, real: object) -> _Plain:
    """Return recorded plain data with the secrets of the real outcome.

    While a call is verified, the application gets what was recorded. But a server would
    refuse a recorded placeholder, so a text with a secret is taken as a whole from the
    real outcome, a signed text together with its signature:

        recorded   {"id": 7, "token": "<redacted>"}
        hidden     {"id": 9, "token": "<redacted>"}
        real       {"id": 9, "token": "tk-1a2b3c"}
        result     {"id": 7, "token": "tk-1a2b3c"}
    """
    answer = _chosen(_json(recorded), _json(hidden), _json(real), _real_if_secret)
    return cast("_Plain", answer)


def as_recorded(recorded: object, hidden: _Plain, known: KnownSecrets) -> _Plain:
    """Return the `hidden` outcome of a real call with the recorded placeholders.

    From now on, they stand for the secrets of the real call in all calls of the test:

        recorded   {"token": "<redacted:0a0b0c0d>"}    {"token": "<redacted>"}
        hidden     {"token": "<redacted:1a2b3c4d>"}    {"token": "<redacted:1a2b3c4d>"}
        result     {"token": "<redacted:0a0b0c0d>"}    {"token": "<redacted>"}
    """
    # The recorded placeholder by that of now, of each secret whose placeholder differs.
    recorded_by_new: dict[str, str] = {}

    def note_placeholders(
        recorded_leaf: Json, hidden_leaf: Json, _real_leaf: Json
    ) -> Json:
        """Let recorded placeholders stand for the secrets of now; choose nothing."""
        for new_placeholder, recorded_placeholder in _renamed_placeholders(
            recorded_leaf, hidden_leaf
        ):
            secret = known.value_of(new_placeholder)
            if secret is not None:
                recorded_by_new[new_placeholder] = recorded_placeholder
                known.stand(secret, recorded_placeholder)
        return recorded_leaf

    answer = _json(hidden)
    # Only the walk matters here, and its result is not used.
    _chosen(_json(recorded), answer, answer, note_placeholders)
    if not recorded_by_new:
        return hidden
    return cast("_Plain", _with_recorded_placeholders(answer, recorded_by_new))


def _json(plain: object) -> Json:
    """Return plain data as JSON to type checkers."""
    return cast("Json", plain)


def _renamed_placeholders(recorded: Json, hidden: Json) -> Iterator[tuple[str, str]]:
    """Yield the new placeholders in a leaf, each with the one that was recorded there.

    A placeholder that is the recorded one is not yielded.
    """
    if isinstance(recorded, str) and isinstance(hidden, str):
        yield from _renamed_in_texts(recorded, hidden)
        return
    is_number = type(recorded) is type(hidden) and type(recorded) in (int, float)
    if is_number and is_placeholder(hidden) and recorded != hidden:
        # A 0 was recorded for a number that no answer had issued.
        recorded_placeholder = (
            str(recorded) if is_placeholder(recorded) else PLACEHOLDER
        )
        yield str(hidden), recorded_placeholder


def _renamed_in_texts(recorded: str, hidden: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of `_renamed_placeholders` of two texts, in their order."""
    new_placeholders = issued_in(hidden)
    recorded_placeholders = issued_in(recorded)
    if is_placeholder(recorded) and len(new_placeholders) == 1:
        # The recorded placeholder may be `<redacted>`, which `ISSUED` does not match.
        recorded_placeholders = [recorded]
    if len(recorded_placeholders) != len(new_placeholders):
        # Another text came, of which nobody knows which placeholder is which.
        return
    for new_placeholder, recorded_placeholder in zip(
        new_placeholders, recorded_placeholders
    ):
        if new_placeholder != recorded_placeholder:
            yield new_placeholder, recorded_placeholder


def _with_recorded_placeholders(plain: Json, recorded_by_new: dict[str, str]) -> Json:
    """Return plain data with other placeholders, `{new: recorded}`, in their places."""
    if isinstance(plain, dict):
        return {
            name: _with_recorded_placeholders(part, recorded_by_new)
            for name, part in plain.items()
        }
    if isinstance(plain, list):
        return [_with_recorded_placeholders(part, recorded_by_new) for part in plain]
    if isinstance(plain, str):
        return with_replaced_placeholders(
            plain, lambda new: recorded_by_new.get(new, new)
        )
    is_number = isinstance(plain, (int, float)) and not isinstance(plain, bool)
    if is_number and str(plain) in recorded_by_new:
        stand_in = recorded_by_new[str(plain)]
        # In place of `<redacted>`, a number has a 0.
        digits = "0" if stand_in == PLACEHOLDER else stand_in
        return float(digits) if isinstance(plain, float) else int(digits)
    return plain


def _real_if_secret(recorded: Json, hidden: Json, real: Json) -> Json:
    """Return the real leaf if it is a secret or holds one, else the recorded one."""
    if isinstance(recorded, str) and isinstance(hidden, str):
        has_secret = mentions_placeholder(recorded) and mentions_placeholder(hidden)
        return real if has_secret or recorded == hidden else recorded
    if type(recorded) is not type(hidden):
        return recorded
    # A number is hidden if its hidden form is not the real number.
    is_hidden = recorded == hidden or hidden != real
    return real if is_hidden else recorded


def _chosen(recorded: Json, hidden: Json, real: Json, choose: _Choice) -> Json:
    """Return recorded plain data with the form of each leaf that `choose` returns.

    Leaves that one of the three forms lacks stay as they were recorded.
    """
    if (
        isinstance(recorded, dict)
        and isinstance(hidden, dict)
        and isinstance(real, dict)
    ):
        return _chosen_dict(recorded, hidden, real, choose)
    if (
        isinstance(recorded, list)
        and isinstance(hidden, list)
        and isinstance(real, list)
    ):
        return _chosen_list(recorded, hidden, real, choose)
    return choose(recorded, hidden, real)


def _chosen_dict(
    recorded: dict[str, Json],
    hidden: dict[str, Json],
    real: dict[str, Json],
    choose: _Choice,
) -> dict[str, Json]:
    """Return a recorded mapping with the chosen forms of its leaves, by key."""
    chosen_mapping = {}
    for key, recorded_part in recorded.items():
        if key in hidden and key in real:
            recorded_part = _chosen(recorded_part, hidden[key], real[key], choose)
        chosen_mapping[key] = recorded_part
    return chosen_mapping


def _chosen_list(
    recorded: list[Json], hidden: list[Json], real: list[Json], choose: _Choice
) -> list[Json]:
    """Return a recorded list with the chosen forms of its leaves.

    Headers are compared by name, so that one more header moves no other.
    """
    hidden_and_real = dict(zip(_keys_of_items(hidden), zip(hidden, real)))
    chosen_items = []
    for key, recorded_item in zip(_keys_of_items(recorded), recorded, strict=True):
        if key in hidden_and_real:
            hidden_item, real_item = hidden_and_real[key]
            recorded_item = _chosen(recorded_item, hidden_item, real_item, choose)
        chosen_items.append(recorded_item)
    return chosen_items


def _keys_of_items(items: list[Json]) -> list[object]:
    """Return what identifies each item of a list: its index.

    In a list of pairs, such as headers, it is the name of the pair and the number among
    the pairs of this name: `("set-cookie", 1)` for the second cookie.
    """
    names_of_pairs = [_name_of_pair(item) for item in items]
    count_of_name: dict[str, int] = {}
    # By its key, a recorded header finds its hidden and its real form.
    keys: list[object] = []
    for name in names_of_pairs:
        if name is None:
            # The list is no list of pairs.
            return list(range(len(items)))
        lower_name = name.lower()
        number = count_of_name.get(lower_name, 0)
        count_of_name[lower_name] = number + 1
        keys.append((lower_name, number))
    return keys


def _name_of_pair(item: Json) -> str | None:
    """Return the name of a pair, such as a header; None: the item is no pair."""
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
        return item[0]
    return None
