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

# What stands for secrets: placeholders, and names of environment variables.
_STAND_IN = pattern(r"((?:<redacted(?::[\w-]+)?>|<[A-Z_][A-Z0-9_]*>)+)")
# The keys by which an event says to which of several texts its piece belongs.
_KEYS_THAT_NUMBER_TEXTS = ("index", "output_index", "content_index", "item_id")


def hide_split(events: Sequence[Any], hide: Callable[[str], str]) -> list[Any]:
    """Return the plain data of a stream's events without the secrets in two of them.

    The adapters of streams call it for what is stored of an answer. `hide` returns a
    text without its secrets.
    """
    # By the path of a text in its event: the pieces of all events at this path.
    pieces_by_path: dict[object, list[_Piece]] = {}
    for number, event in enumerate(events):
        for path, text in _texts_in(event, ()):
            pieces_by_path.setdefault(path, []).append(_Piece(number, text))
    # The texts that lose a piece of a secret, by the number of the event and the path.
    hidden_texts_of_events: dict[int, dict[object, str]] = {}
    for path, pieces in pieces_by_path.items():
        texts = [piece.text for piece in pieces]
        # What is the same in all events, such as a model's name, is no split text.
        if len(set(texts)) < 2:
            continue
        hidden_texts = _hidden_pieces(texts, hide)
        for piece, hidden_text in zip(pieces, hidden_texts):
            if hidden_text != piece.text:
                hidden_texts_of_event = hidden_texts_of_events.setdefault(
                    piece.event, {}
                )
                hidden_texts_of_event[path] = hidden_text
    hidden_events = list(events)
    for number, texts_by_path in hidden_texts_of_events.items():
        hidden_events[number] = _with_texts(events[number], (), texts_by_path)
    return hidden_events


class _Piece(NamedTuple):
    """The text at one place of one event, which is known by its number."""

    event: int
    text: str


def _texts_in(plain: Any, path: tuple[object, ...]) -> Iterator[tuple[object, str]]:
    """Yield the texts in plain data, each with its path.

    The numbers that the mappings around a text have belong to its path. So the pieces
    of two texts that a model writes by turns are not joined.
    """
    if isinstance(plain, str):
        yield path, plain
    elif isinstance(plain, dict):
        numbered_path = _path_with_numbers(plain, path)
        for name, part in plain.items():
            if name not in _KEYS_THAT_NUMBER_TEXTS:
                yield from _texts_in(part, (*numbered_path, name))
    elif isinstance(plain, list):
        for index, part in enumerate(plain):
            yield from _texts_in(part, (*path, index))


def _with_texts(plain: Any, path: tuple[object, ...], texts: dict[object, str]) -> Any:
    """Return the plain data of an event with hidden texts in it, given by their paths.

    Only texts that lose a piece of a secret are given. All others stay.
    """
    if isinstance(plain, str):
        return texts.get(path, plain)
    if isinstance(plain, dict):
        numbered_path = _path_with_numbers(plain, path)
        changed_mapping = {}
        for name, part in plain.items():
            changed_mapping[name] = _with_texts(part, (*numbered_path, name), texts)
        return changed_mapping
    if isinstance(plain, list):
        changed_items = []
        for index, item in enumerate(plain):
            changed_items.append(_with_texts(item, (*path, index), texts))
        return changed_items
    return plain


def _path_with_numbers(
    plain: dict[str, Any], path: tuple[object, ...]
) -> tuple[object, ...]:
    """Return the path of a mapping in an event, with the numbers that it has."""
    numbers = []
    for name in _KEYS_THAT_NUMBER_TEXTS:
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
        # Where the secrets stood is not known: the first piece gets the whole text.
        return [hidden_text, *[""] * (len(pieces) - 1)]
    hidden_pieces = []
    start = 0
    for piece in pieces:
        end = start + len(piece)
        hidden_pieces.append(_without_secrets(joined_text, start, end, spans))
        start = end
    return hidden_pieces


def _spans_of_secrets(joined_text: str, hidden_text: str) -> list[_Span] | None:
    """Return the places of the secrets in a text, each with what stands for it.

    None: the text changed in other ways, too. What stands between two secrets
    tells where the first one ends:

        whole     a=X1&b=X2.
        hidden    a=<redacted>&b=<redacted>.
        spans     (2, 4, "<redacted>"), (7, 9, "<redacted>")
    """
    # The stand-ins and the texts behind them come by turns.
    text_before, *stand_ins_and_texts = _STAND_IN.split(hidden_text)
    if not joined_text.startswith(text_before):
        return None
    stand_ins = stand_ins_and_texts[::2]
    texts_behind = stand_ins_and_texts[1::2]
    spans: list[_Span] = []
    start = len(text_before)
    for stand_in, text_behind in zip(stand_ins, texts_behind):
        is_last = len(spans) == len(stand_ins) - 1
        if is_last:
            # What stands behind the last secret is the end of the text.
            end = len(joined_text) - len(text_behind)
        else:
            end = joined_text.find(text_behind, start)
        if end < start or not joined_text.startswith(text_behind, end):
            # The text behind the secret was changed, too.
            return None
        spans.append(_Span(start, end, stand_in))
        start = end + len(text_behind)
    return spans


class _Span(NamedTuple):
    """Where a secret begins and ends in a text, and what stands for it."""

    start: int
    end: int
    stand_in: str


def _without_secrets(joined_text: str, start: int, end: int, spans: list[_Span]) -> str:
    """Return the piece of a text from `start` to `end`, without the secrets in it."""
    hidden_piece = ""
    position = start
    for span in spans:
        if span.end <= position or span.start >= end:
            continue
        hidden_piece += joined_text[position : span.start]
        # A secret that has begun in an earlier piece has its stand-in there.
        if span.start >= position:
            hidden_piece += span.stand_in
        position = max(position, span.end)
    return hidden_piece + joined_text[position:end]
