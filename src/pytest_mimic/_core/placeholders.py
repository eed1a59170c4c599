"""What stands in place of a secret in recordings and in messages.

| placeholder | stands for |
|---|---|
| `<redacted>` | a secret of the application itself |
| `<redacted:1a2b3c4d>` | a text that an answer has issued |
| `<redacted:login-1a2b3c-5e6f7a8b>` | the same, of the answer to a log-in |
| `190909012345678` | a number that an answer has issued |

Which secret has which placeholder, `_core/redact/known_secrets.py` decides. Recordings
hold placeholders: a change of their form makes recorded calls miss.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Callable

from pytest_mimic._core.words import pattern

# What is stored and shown instead of a secret value of the application itself.
PLACEHOLDER = "<redacted>"
# How each placeholder begins.
PLACEHOLDER_START = "<redacted"
# The placeholder of a number that an answer has issued begins with these digits. It has
# 15 digits, so that it is exact as a float, too.
NUMBER_START = "1909090"
# What tells an issued placeholder from others, perhaps behind the name of its log-in.
_MARK = "(?:login-[0-9a-f]{6}-)?[0-9a-f]{8}"
#: The placeholders of secrets that answers have issued, texts and numbers.
ISSUED = pattern(rf"<redacted:{_MARK}>|(?<!\d){NUMBER_START}\d{{8}}(?!\d)")
_PLACEHOLDER = pattern(rf"<redacted(?::{_MARK})?>|{NUMBER_START}\d{{8}}(?:\.0)?")
# A placeholder as it is written in URLs and in markup.
_PLACEHOLDER_IN_URL = pattern(
    rf"%3[Cc]redacted(?:(?::|%3[Aa])(?P<mark>{_MARK}))?%3[Ee]",
)
_PLACEHOLDER_IN_MARKUP = pattern(rf"&lt;redacted(?P<mark>:{_MARK})?&gt;")
#: How a placeholder begins in base64: 9 bytes are 12 characters, whatever follows.
START_IN_BASE64 = b2a_base64(PLACEHOLDER_START.encode(), newline=False).decode()
# A word that may be a placeholder in base64, also in the form for URLs.
_PLACEHOLDER_IN_BASE64 = pattern(
    rf"(?<![\w+/-]){START_IN_BASE64}[\w+/-]{{2,60}}={{0,2}}(?![\w+/=-])"
)
_STANDARD_BASE64 = str.maketrans("-_", "+/")
# An issued placeholder in any of these forms, or the digits that stand for a number.
_ISSUED_IN_ANY_FORM = pattern(
    r"(?P<opening><|&lt;|%3[Cc])redacted(?P<colon>:|%3[Aa])"
    rf"(?P<mark>{_MARK})(?P<closing>>|&gt;|%3[Ee])"
    rf"|(?<!\d){NUMBER_START}\d{{8}}(?!\d)",
)


def is_placeholder(value: object) -> bool:
    """Check whether a value is a placeholder as a whole, that of any secret.

    Then it is no secret to learn. It may be written as in texts, URLs or markup, or in
    base64.
    """
    if isinstance(value, str):
        text = plain_placeholders(value)
    elif type(value) in (int, float):
        text = str(value)
    else:
        return False
    return _PLACEHOLDER.fullmatch(text) is not None


def plain_placeholders(text: str) -> str:
    """Return a text with placeholders as in plain text.

    In the text they may be written as in URLs, in markup, or in base64.
    """
    text = decoded_placeholders(text)
    if "&lt;redacted" in text:
        text = _PLACEHOLDER_IN_MARKUP.sub(
            lambda escaped: f"<redacted{escaped['mark'] or ''}>", text
        )
    return text


def decoded_placeholders(text: str) -> str:
    """Return a text with placeholders as in plain text where the text encodes them.

    An application encodes a placeholder in a replay where it has encoded the secret
    when it was recorded: as in URLs, or in base64. In markup placeholders stay escaped,
    as they stand in recordings.
    """
    if "%3" in text:
        text = _PLACEHOLDER_IN_URL.sub(_placeholder_of_url, text)
    if START_IN_BASE64 in text:
        text = _PLACEHOLDER_IN_BASE64.sub(_placeholder_of_base64, text)
    return text


def _placeholder_of_base64(base64_word: re.Match[str]) -> str:
    """Return the placeholder that a word in base64 is, else the word.

    A word that goes on behind the placeholder stays as it is.
    """
    word = base64_word[0].rstrip("=").translate(_STANDARD_BASE64)
    try:
        text = a2b_base64(word + "=" * (-len(word) % 4)).decode("latin-1")
    except Error:
        return base64_word[0]
    return text if _PLACEHOLDER.fullmatch(text) else base64_word[0]


def issued_in(text: str) -> list[str]:
    """Return the placeholders of issued secrets in a text, as in plain text.

    An answer issues them, and a request that holds one returns the secret.

    value="&lt;redacted:1a2b3c4d&gt;"  →  ["<redacted:1a2b3c4d>"]
    """
    # Most texts have none, and the search of the pattern takes much longer.
    has_words = "redacted" in text or START_IN_BASE64 in text
    if not has_words and NUMBER_START not in text:
        return []
    return ISSUED.findall(plain_placeholders(text))


def mentions_placeholder(text: str) -> bool:
    """Return whether a text holds the placeholder of any secret that is a text.

    The placeholder of a number looks like any other number.
    """
    return PLACEHOLDER_START in plain_placeholders(text)


def with_replaced_placeholders(text: str, new_for: Callable[[str], str]) -> str:
    """Return a text with other placeholders in place of issued ones.

    A placeholder that is written as in URLs or markup is written so again.
    `%3Credacted%3A1a2b3c4d%3E` becomes `%3Credacted%3A5e6f7a8b%3E` if `new_for` returns
    `<redacted:5e6f7a8b>` for `<redacted:1a2b3c4d>`.

    Args:
        text: The text.
        new_for: Returns the placeholder that takes the place of an old one, both as in
            plain text.
    """

    def new_as_written(issued: re.Match[str]) -> str:
        """Return the new placeholder in the form in which the old one is written."""
        if issued["mark"] is None:
            # The placeholder of a number is written alike everywhere.
            return new_for(issued[0])
        old_placeholder = f"<redacted:{issued['mark']}>"
        new_placeholder = new_for(old_placeholder)
        # What stays keeps its spelling, such as `%3a` in small letters.
        if new_placeholder == old_placeholder:
            return issued[0]
        word_and_mark = new_placeholder.removeprefix("<").removesuffix(">")
        word_and_mark = word_and_mark.replace(":", issued["colon"])
        return f"{issued['opening']}{word_and_mark}{issued['closing']}"

    return _ISSUED_IN_ANY_FORM.sub(new_as_written, text)


def _placeholder_of_url(encoded: re.Match[str]) -> str:
    """Return a placeholder as in plain text of one that is encoded as in a URL."""
    return f"<redacted:{encoded['mark']}>" if encoded["mark"] else PLACEHOLDER


def numbered(mark: str) -> str:
    """Return the digits that stand for a secret number, by the mark of its secret.

    Code that reads the answer in a replay expects a number.
    """
    return f"{NUMBER_START}{int(mark, 16) % 10**8:08d}"
