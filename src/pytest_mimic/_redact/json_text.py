"""JSON as text: secrets are taken out of it, and it stays written as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from json import dumps, loads
from typing import Any

# One pass: what begins with `"` ends in one place, everything else is told apart by its first character.
_TOKEN = re.compile(
    r"""(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")(?P<colon>\s*:)?|(?P<sign>[{}\[\],])|(?P<word>[^\s{}\[\],:"]+)"""
)
#: What may stand before a JSON text: a byte order mark, and what keeps it from being run as a script.
_BEFORE = re.compile(r"\ufeff?\s*(?:\)\]\}'?,?|(?:while|for)\s*\((?:1|;;)\);)?\s*")
_WORDS = {"null": "null", "false": "false", "true": "false"}


def looks_like_json(text: str) -> bool:
    """Whether a text begins as a JSON mapping or list does, perhaps after what guards it."""
    return text.startswith(("{", "["), _start(text))


def parse_json_text(text: str) -> Any:
    """The mapping or list that a JSON text holds; None for any other text."""
    if not looks_like_json(text):
        return None
    try:
        return loads(text[_start(text) :])
    except (ValueError, RecursionError):
        return None


def replace_in_json(
    text: str, secret: Callable[[str], bool], placeholder: str, inner: Callable[[str], str]
) -> str:
    """A JSON text with other values under secret names, each of the type that was there; null stays null.

    Args:
        text: Valid JSON.
        secret: Whether what stands under a name is secret.
        placeholder: For texts; numbers become 0.
        inner: What becomes of the other texts.
    """
    around: list[bool] = []  # for each open mapping or list, whether all of it is secret
    is_secret = False

    def replaced(token: re.Match[str]) -> str:
        nonlocal is_secret
        sign, word = token["sign"], token["word"]
        if token["colon"] is not None:
            is_secret = around[-1] or secret(loads(token["text"]))
        elif sign in ("{", "["):
            around.append(is_secret)
        elif sign is not None:
            if sign != ",":
                around.pop()
            is_secret = bool(around) and around[-1]
        elif is_secret:
            return f'"{placeholder}"' if word is None else _zero(word)
        elif word is None:
            return _changed(token[0], inner)
        return token[0]

    start = _start(text)
    return text[:start] + _TOKEN.sub(replaced, text[start:])


def _start(text: str) -> int:
    before = _BEFORE.match(text)
    return before.end() if before else 0


def _zero(word: str) -> str:
    """What a secret number, truth value or null becomes."""
    if word in _WORDS:
        return _WORDS[word]
    return "0" if word.lstrip("-").isdigit() else "0.0"


def _changed(quoted: str, inner: Callable[[str], str]) -> str:
    text = loads(quoted)
    changed = inner(text)
    return quoted if changed == text else dumps(changed, ensure_ascii=quoted.isascii())
