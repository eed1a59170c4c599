r"""Hides secrets that a stream splits over its events, such as the arguments of a tool that a language model writes.

The texts at one place of all events are one text, in which secrets are found. Each
event loses its piece of a secret:

    {"text": "{\"pass"}  {"text": "word\": \"hun"}           {"text": "ter2\"}"}
    {"text": "{\"pass"}  {"text": "word\": \"<redacted>"}    {"text": "\"}"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pytest_mimic._core.words import pattern

# What stands for secrets.
_STAND_IN = pattern(r"((?:<redacted(?::[\w-]+)?>|<[A-Z_][A-Z0-9_]*>)+)")
# What says to which of several texts an event belongs.
_NUMBERS = ("index", "output_index", "content_index", "item_id")


def hide_split(events: Sequence[Any], hide: Callable[[str], str]) -> list[Any]:
    """Return the plain data of a stream's events without the secrets that are in two of them.

    `hide` returns a text without its secrets.
    """
    texts: dict[object, list[tuple[int, str]]] = {}
    for number, event in enumerate(events):
        for path, text in _texts_in(event, ()):
            texts.setdefault(path, []).append((number, text))
    changes: dict[int, dict[object, str]] = {}
    for path, pieces in texts.items():
        originals = [text for _, text in pieces]
        if len(set(originals)) < 2:
            continue
        hidden = _hidden_pieces(originals, hide)
        for (number, original), text in zip(pieces, hidden):
            if text != original:
                changes.setdefault(number, {})[path] = text
    changed = list(events)
    for number, texts_by_path in changes.items():
        changed[number] = _with_texts(events[number], (), texts_by_path)
    return changed


def _texts_in(plain: Any, path: tuple[object, ...]) -> Iterator[tuple[object, str]]:
    """Yield the texts in plain data, each with its place, to which the numbers of the mappings around it belong."""
    if isinstance(plain, str):
        yield path, plain
    elif isinstance(plain, dict):
        place = _numbered(plain, path)
        for name, part in plain.items():
            if name not in _NUMBERS:
                yield from _texts_in(part, (*place, name))
    elif isinstance(plain, list):
        for index, part in enumerate(plain):
            yield from _texts_in(part, (*path, index))


def _with_texts(plain: Any, path: tuple[object, ...], texts: dict[object, str]) -> Any:
    """Return plain data with other texts at some places."""
    if isinstance(plain, str):
        return texts.get(path, plain)
    if isinstance(plain, dict):
        place = _numbered(plain, path)
        return {
            name: _with_texts(part, (*place, name), texts)
            for name, part in plain.items()
        }
    if isinstance(plain, list):
        return [
            _with_texts(part, (*path, index), texts) for index, part in enumerate(plain)
        ]
    return plain


def _numbered(plain: dict[str, Any], path: tuple[object, ...]) -> tuple[object, ...]:
    numbers = [
        plain[name] for name in _NUMBERS if isinstance(plain.get(name), (int, str))
    ]
    return (*path, *numbers)


def _hidden_pieces(pieces: list[str], hide: Callable[[str], str]) -> list[str]:
    """Return the pieces of a text without its secrets.

    What stands for a secret is in the piece in which the secret begins.
    """
    whole = "".join(pieces)
    hidden = hide(whole)
    if hidden == whole:
        return pieces
    spans = _spans(whole, hidden)
    if spans is None:
        return [hidden, *[""] * (len(pieces) - 1)]
    changed = []
    start = 0
    for piece in pieces:
        end = start + len(piece)
        changed.append(_without(whole, start, end, spans))
        start = end
    return changed


def _spans(whole: str, hidden: str) -> list[tuple[int, int, str]] | None:
    """Return the places of the secrets in a text, each with what stands for it; None if it changed in other ways, too."""
    first, *rest = _STAND_IN.split(hidden)
    if not whole.startswith(first):
        return None
    spans: list[tuple[int, int, str]] = []
    start = len(first)
    for stand_in, literal in zip(rest[::2], rest[1::2]):
        is_last = len(spans) == len(rest) // 2 - 1
        end = len(whole) - len(literal) if is_last else whole.find(literal, start)
        if end < start or not whole.startswith(literal, end):
            return None
        spans.append((start, end, stand_in))
        start = end + len(literal)
    return spans


def _without(
    whole: str, start: int, end: int, spans: list[tuple[int, int, str]]
) -> str:
    """Return a part of a text without the secrets in it."""
    text = ""
    for first, last, stand_in in spans:
        if last <= start or first >= end:
            continue
        text += whole[start:first]
        if first >= start:
            text += stand_in
        start = max(start, last)
    return text + whole[start:end]
