r"""Hides secrets that a stream splits over its events.

Language models write the arguments of a tool in such pieces. The texts at one place of
all events are one text, in which secrets are found. Each event loses its piece of a
secret:

    {"text": "{\"pass"}  {"text": "word\": \"hun"}           {"text": "ter2\"}"}
    {"text": "{\"pass"}  {"text": "word\": \"<redacted>"}    {"text": "\"}"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.words import pattern

# What stands for secrets.
_STAND_IN = pattern(r"((?:<redacted(?::[\w-]+)?>|<[A-Z_][A-Z0-9_]*>)+)")
# What says to which of several texts an event belongs.
_KEYS_OF_TEXTS = ("index", "output_index", "content_index", "item_id")


def hide_split(events: Sequence[Any], hide: Callable[[str], str]) -> list[Any]:
    """Return the plain data of a stream's events without the secrets in two of them.

    `hide` returns a text without its secrets.
    """
    pieces_by_path: dict[object, list[_Piece]] = {}
    for number, event in enumerate(events):
        for path, text in _texts_in(event, ()):
            pieces_by_path.setdefault(path, []).append(_Piece(number, text))
    # The changed texts, by the number of the event and the path in it.
    changes: dict[int, dict[object, str]] = {}
    for path, pieces in pieces_by_path.items():
        texts = [piece.text for piece in pieces]
        if len(set(texts)) < 2:
            continue
        hidden_texts = _hidden_pieces(texts, hide)
        for piece, hidden_text in zip(pieces, hidden_texts):
            if hidden_text != piece.text:
                changes.setdefault(piece.event, {})[path] = hidden_text
    changed_events = list(events)
    for number, texts_by_path in changes.items():
        changed_events[number] = _with_texts(events[number], (), texts_by_path)
    return changed_events


class _Piece(NamedTuple):
    """The text at one place of one event, which is known by its number."""

    event: int
    text: str


def _texts_in(plain: Any, path: tuple[object, ...]) -> Iterator[tuple[object, str]]:
    """Yield the texts in plain data, each with its place.

    The numbers of the mappings around a text belong to its place.
    """
    if isinstance(plain, str):
        yield path, plain
    elif isinstance(plain, dict):
        place = _place_with_numbers(plain, path)
        for name, part in plain.items():
            if name not in _KEYS_OF_TEXTS:
                yield from _texts_in(part, (*place, name))
    elif isinstance(plain, list):
        for index, part in enumerate(plain):
            yield from _texts_in(part, (*path, index))


def _with_texts(plain: Any, path: tuple[object, ...], texts: dict[object, str]) -> Any:
    """Return plain data with other texts at some places."""
    if isinstance(plain, str):
        return texts.get(path, plain)
    if isinstance(plain, dict):
        place = _place_with_numbers(plain, path)
        changed_mapping = {}
        for name, part in plain.items():
            changed_mapping[name] = _with_texts(part, (*place, name), texts)
        return changed_mapping
    if isinstance(plain, list):
        changed_items = []
        for index, item in enumerate(plain):
            changed_items.append(_with_texts(item, (*path, index), texts))
        return changed_items
    return plain


def _place_with_numbers(
    plain: dict[str, Any], path: tuple[object, ...]
) -> tuple[object, ...]:
    """Return the place of a mapping, with the numbers that it has."""
    numbers = []
    for name in _KEYS_OF_TEXTS:
        number = plain.get(name)
        if isinstance(number, (int, str)):
            numbers.append(number)
    return (*path, *numbers)


def _hidden_pieces(pieces: list[str], hide: Callable[[str], str]) -> list[str]:
    """Return the pieces of a text without its secrets.

    What stands for a secret is in the piece in which the secret begins.
    """
    joined_text = "".join(pieces)
    hidden_text = hide(joined_text)
    if hidden_text == joined_text:
        return pieces
    spans = _spans_of_secrets(joined_text, hidden_text)
    if spans is None:
        return [hidden_text, *[""] * (len(pieces) - 1)]
    changed_pieces = []
    start = 0
    for piece in pieces:
        end = start + len(piece)
        changed_pieces.append(_without_secrets(joined_text, start, end, spans))
        start = end
    return changed_pieces


def _spans_of_secrets(joined_text: str, hidden_text: str) -> list[_Span] | None:
    """Return the places of the secrets in a text, each with what stands for it.

    None: the text changed in other ways, too. What stands between two secrets
    tells where the first one ends:

        whole     a=X1&b=X2.
        hidden    a=<redacted>&b=<redacted>.
        spans     (2, 4, "<redacted>"), (7, 9, "<redacted>")
    """
    text_before, *parts_behind = _STAND_IN.split(hidden_text)
    if not joined_text.startswith(text_before):
        return None
    stand_ins = parts_behind[::2]
    literals = parts_behind[1::2]
    spans: list[_Span] = []
    start = len(text_before)
    for stand_in, literal in zip(stand_ins, literals):
        is_last = len(spans) == len(stand_ins) - 1
        if is_last:
            end = len(joined_text) - len(literal)
        else:
            end = joined_text.find(literal, start)
        if end < start or not joined_text.startswith(literal, end):
            return None
        spans.append(_Span(start, end, stand_in))
        start = end + len(literal)
    return spans


class _Span(NamedTuple):
    """Where a secret begins and ends in a text, and what stands for it."""

    start: int
    end: int
    stand_in: str


def _without_secrets(joined_text: str, start: int, end: int, spans: list[_Span]) -> str:
    """Return the part of a text from `start` to `end`, without the secrets in it."""
    text = ""
    position = start
    for span in spans:
        if span.end <= position or span.start >= end:
            continue
        text += joined_text[position : span.start]
        # A secret that has begun in an earlier part has its stand-in there.
        if span.start >= position:
            text += span.stand_in
        position = max(position, span.end)
    return text + joined_text[position:end]
