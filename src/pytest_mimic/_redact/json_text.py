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
_WORDS = {"null": "null", "false": "false", "true": "false"}


def looks_like_json(text: str) -> bool:
    """Check whether a text begins like a JSON mapping or list, perhaps after a guard."""
    return text.startswith(("{", "["), _start(text))


def parse_json_text(text: str) -> Any:
    """Return the mapping or list in a JSON text, or None for any other text."""
    if not looks_like_json(text):
        return None
    try:
        return loads(text[_start(text) :])
    except (ValueError, RecursionError):
        return None


def replace_in_json(
    text: str, secret: Callable[[str], bool], placeholder: str, inner: Callable[[str], str]
) -> str:
    """Replace the values under secret names in a JSON text by values of the same type, and leave the rest unchanged.

    Args:
        text: Valid JSON.
        secret: Checks whether the values under a name are secret.
        placeholder: Replaces strings. Numbers become 0, truth values false.
        inner: Applied to all other strings.
    """
    around: list[bool] = []  # for each open mapping or list: whether all of it is secret
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
            # Only a string is no word. Numbers become a number of the same type.
            zero = "0" if word and word.lstrip("-").isdigit() else "0.0"
            return f'"{placeholder}"' if word is None else _WORDS.get(word, zero)
        elif word is None:
            string = loads(token[0])
            changed = inner(string)
            if changed != string:
                return dumps(changed, ensure_ascii=token[0].isascii())
        return token[0]

    start = _start(text)
    return text[:start] + _TOKEN.sub(replaced, text[start:])


def _start(text: str) -> int:
    before = _BEFORE.match(text)
    return before.end() if before else 0
