"""A statement's text in pieces: words, marks for parameters, texts, operators."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<string>[EeNnBbXx]?'(?:[^'\\]|''|\\.)*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[A-Za-z_][^\]]*\])
    | (?P<mark>%\((?P<pyformat>[^)]*)\)s|%s|\$\d+|\?|(?<![:\w]):[A-Za-z_]\w*)
    | (?P<cast>::\s*(?:"[^"]*"|\w+)(?:\.(?:"[^"]*"|\w+))*
        (?i:\s+(?:with(?:out)?\s+time\s+zone|precision|varying)\b)?)
    | (?P<word>\w[\w$]*)
    | (?P<other>[<>!=]=|<>|->>?|\#>>?|@>|<@|@@|&&|\|\||!?~\*?|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One piece of a statement.

    Attributes:
        kind: `blank`, `comment`, `string`, `quoted`, `mark`, `cast`, `word` or `other`.
        text: As it stands in the statement.
        upper: A word in capitals, so that it can be compared; else the text.
        depth: Open parentheses before it.
        place: Its number among the pieces.
    """

    kind: str
    text: str
    upper: str
    depth: int
    place: int

    @property
    def name(self) -> str:
        """The identifier, without quotes."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text


def tokens_of(sql: str) -> Iterator[Token]:
    """Gives every piece; joined, they are the statement."""
    depth = 0
    for place, match in enumerate(_TOKEN.finditer(sql)):
        kind = match.lastgroup or "other"
        if kind in ("tag", "pyformat"):
            kind = "string" if kind == "tag" else "mark"
        text = match.group()
        if text == ")" and kind == "other":
            depth -= 1
        yield Token(kind, text, text.upper() if kind == "word" else text, depth, place)
        if text == "(" and kind == "other":
            depth += 1
