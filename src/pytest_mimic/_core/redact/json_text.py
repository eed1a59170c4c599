"""Hides secrets in JSON texts without changing the rest of the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from json import dumps, loads
from typing import Any

# Matches any JSON text in one pass: its first character decides what a token is, and a string ends in one place only.
_TOKEN = re.compile(
    r"""(?P<text>"[^"\\]*(?:\\.[^"\\]*)*")(?P<colon>\s*:)?|(?P<sign>[{}\[\],])|(?P<word>[^\s{}\[\],:"]+)"""
)
# What may precede a JSON text: a byte order mark, and a guard against being run as a script, `)]}',` or `for(;;);`.
_BEFORE = re.compile(r"\ufeff?\s*(?:\)\]\}'?,?|(?:while|for)\s*\((?:1|;;)\);)?\s*")
_WORDS = frozenset({"null", "false", "true"})


def looks_like_json(text: str) -> bool:
    """Check whether a text begins like a JSON mapping or list, perhaps after a guard."""
    return text.startswith(("{", "["), _start(text))


def may_be_json(text: str) -> bool:
    """Check quickly whether a text can be a JSON mapping or list; most texts cannot."""
    return "{" in text or "[" in text


def parse_json_text(text: str) -> Any:
    """Return the mapping or list in a JSON text, or None for any other text."""
    if not looks_like_json(text):
        return None
    try:
        return loads(text[_start(text) :])
    except (ValueError, RecursionError):
        return None


def replace_in_json(
    text: str, hides: Callable[[object, object], bool], placeholder: str, inner: Callable[[str], str]
) -> str:
    """Replace secret values in a JSON text by values of the same type, and leave the rest unchanged.

    Args:
        text: Valid JSON.
        hides: Checks whether a value of a name is secret. Everything in a secret mapping or list is secret.
        placeholder: Replaces strings. Numbers become 0.
        inner: Applied to all other strings.
    """
    around: list[bool] = []  # for each open mapping or list: whether all of it is secret
    name: str | None = None

    def is_secret(value: object) -> bool:
        return (bool(around) and around[-1]) or hides(name, value)

    def replaced(token: re.Match[str]) -> str:
        nonlocal name
        sign, word = token["sign"], token["word"]
        if token["colon"] is not None:
            name = loads(token["text"])
            return token[0]
        if sign in ("{", "["):
            around.append(is_secret({}))
        elif sign in ("}", "]"):
            around.pop()
        elif word is not None and word not in _WORDS and is_secret(0):
            name = None
            # Numbers become a number of the same type.
            return "0" if word.lstrip("-").isdigit() else "0.0"
        elif word is None and sign is None:
            string = loads(token[0])
            changed = placeholder if is_secret(string) else inner(string)
            name = None
            return token[0] if changed == string else dumps(changed, ensure_ascii=token[0].isascii())
        name = None
        return token[0]

    start = _start(text)
    return text[:start] + _TOKEN.sub(replaced, text[start:])


def _start(text: str) -> int:
    before = _BEFORE.match(text)
    return before.end() if before else 0
