"""The text of a statement, read without a grammar: its signature, its layout, and a rule that hides too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pytest_mimic._core.redact.secret_names import PLACEHOLDER

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    # Whether a backslash escapes a quote depends on the server. If it can matter, the text ends at the last quote.
    | (?P<string>[EeNnBbXx]?'(?:[^'\\]|''|\\[^'])*'(?!')|[EeNnBbXx]?'.*'|[EeNnBbXx]?'.*|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[A-Za-z_][^\]]*\])
    | (?P<mark>%\([^)]*\)s|%s|\$\d+|\?|(?<![:\w]):[A-Za-z_]\w*)
    | (?P<cast>::\s*(?:"[^"]*"|\w+)(?:\.(?:"[^"]*"|\w+))*(?i:\s+(?:with(?:out)?\s+time\s+zone|precision|varying)\b)?)
    | (?P<word>\w[\w$]*)
    | (?P<other>[<>!=]=|<>|->>?|\#>>?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"[^\W\d]\w*")
_NAMES = ("word", "quoted")
_VERBS = frozenset("SELECT VALUES INSERT UPDATE DELETE MERGE REPLACE".split())
_DEFINING = frozenset("CREATE ALTER DROP TRUNCATE COMMENT LOCK REINDEX".split())
_OBJECTS = frozenset(
    "TABLE INDEX VIEW SEQUENCE SCHEMA TYPE DATABASE TRIGGER FUNCTION PROCEDURE EXTENSION DOMAIN ROLE USER".split()
)
# Words between a verb and the name of its table.
_BEFORE_TABLE = frozenset(
    """OR REPLACE TEMP TEMPORARY UNLOGGED MATERIALIZED UNIQUE RECURSIVE VIRTUAL IF NOT EXISTS CONCURRENTLY ONLY IGNORE
    ABORT ROLLBACK FAIL INTO FROM TO SAVEPOINT TRANSACTION WORK SESSION""".split()
)
# The neighbours of a column that a query lists as it is, and other words after which a name is no alias.
_BEFORE_COLUMN = frozenset("SELECT RETURNING DISTINCT ALL , .".split())
_BEFORE_NAME = _BEFORE_COLUMN | frozenset("WHERE AND OR NOT BY ON SET IN LIKE WHEN THEN ELSE HAVING".split())
# Functions that measure a value. Their result is no secret.
MEASURING = frozenset("bit_length char_length character_length count length octet_length typeof".split())


class Token(NamedTuple):
    """A piece of a statement. `upper` is a word in capitals, `name` an identifier without its quotes."""

    kind: str = "other"
    text: str = ""
    upper: str = ""
    name: str = ""
    depth: int = 0


class Statement:
    """A statement, read from its text.

    Attributes:
        signature: The verb and the main table, `SELECT users`.
        is_unordered: Whether it is a SELECT without an `ORDER BY`, so that its rows may come in any order.
        names: All words in small letters, those in quotes included, but not the names of parameters.
    """

    def __init__(self, sql: str) -> None:
        self._tokens = list(_tokens(sql))
        self._words = words = [token for token in self._tokens if token.kind not in ("blank", "comment")]
        start = next((place for place, word in enumerate(words) if word.kind == "word"), 0)
        if words and words[start].upper == "WITH":  # after the common table expressions
            depth = words[start].depth
            start = next((n for n, w in enumerate(words) if w.upper in _VERBS and w.depth == depth), start)
        self.verb = words[start].upper if words else ""  # the verb in capitals
        self.signature = f"{self.verb} {_resource(words[start:])}".strip() if words else ""
        self.is_unordered = self.verb == "SELECT" and not any(
            word.upper == "ORDER" and after.upper == "BY" and word.depth <= words[start].depth
            for word, after in zip(words[start:], words[start + 1 :])
        )
        named = [word.name for word in words if word.kind in (*_NAMES, "string")]
        self.names = frozenset(name.lower() for text in named for name in (text, *words_in(text)))

    def mentions(self, secret: Callable[[str], bool]) -> bool:
        return any(map(secret, self.names))

    def redact(self, secret: Callable[[str], bool], *, numbers: bool) -> tuple[str, list[str]]:
        """Return the statement with its blanks folded, and the literals that it hides if it mentions a secret.

        With `numbers`, numbers are hidden as well. In a definition, `VARCHAR(30)`, they never are.
        """
        hides = self.mentions(secret)
        numbers = numbers and self.verb not in _DEFINING
        pieces, hidden = [], []
        before, expects_values = "", False
        for token in self._tokens:
            text = " " if token.kind == "blank" else token.text
            # SQLite and MySQL read double quotes as a text where a value can be.
            expects_values |= token.upper in ("VALUES", "LIKE", "IN", "=", "==", "<>", "!=")
            is_text = token.kind == "string" or (expects_values and text.startswith('"') and before != ".")
            if hides and is_text and before not in ("->", "->>", "#>", "#>>"):
                hidden.append(text.strip("'\""))
                text = f"'{PLACEHOLDER}'"
            elif hides and (token.kind == "comment" or (numbers and text[0].isdigit())):
                text = f"/* {PLACEHOLDER} */" if token.kind == "comment" else PLACEHOLDER
            pieces.append(text)
            before = before if text == " " else token.text
        return "".join(pieces).strip().rstrip(";").rstrip(), hidden

    def shows(self, secret: Callable[[str], bool]) -> bool:
        """Return whether a query lists a secret name, and not only its length or count."""
        listing: set[int] = set()
        for opener, before, word in zip(
            [Token(), Token(), *self._words], [Token(), *self._words], self._words
        ):
            if word.upper in ("SELECT", "RETURNING"):
                listing.add(word.depth)
            elif word.upper in ("FROM", "WHERE"):
                listing.discard(word.depth)
            elif listing and min(listing) <= word.depth and word.kind != "mark":
                is_measured = before.text == "(" and opener.text.lower() in MEASURING
                if not is_measured and any(map(secret, words_in(word.name))):
                    return True
        return False

    def keeps(self, column: str) -> bool:
        """Return whether a column of the result clearly is the table's column of this name.

        It is if queries list the name alone, or `*`, and nothing in the statement can give it to another value.
        """
        words, is_listed, found = self._words, False, False
        if self.verb not in (*_VERBS, "EXPLAIN", "WITH"):
            return True  # the columns of PRAGMA, SHOW and the like are not computed
        if not _NAME.fullmatch(column) or {"UNION", "INTERSECT", "EXCEPT", "TABLE"} & {
            word.upper for word in words
        }:
            return False
        for place, word in enumerate(words):
            if word.kind not in _NAMES or word.name.lower() != column.lower():
                continue
            found = True
            before, after = words[place - 1], words[place + 1] if place + 1 < len(words) else Token()
            is_listed |= before.upper in _BEFORE_COLUMN and after.upper in (",", "FROM", ";", ")", "")
            is_alias = before.kind != "other" and before.upper not in _BEFORE_NAME
            start = place  # of a list in parentheses, perhaps the names that a subquery gets
            while start > 1 and words[start].text != "(" and words[start].upper not in ("SELECT", "FROM"):
                start -= 1
            is_given = words[start].text == "(" and words[start - 1].kind in _NAMES and self.verb != "INSERT"
            if is_alias or before.text == ")" or is_given or after.text == "(":
                return False
        return is_listed or (not found and any(word.text == "*" for word in words))


def words_in(value: object) -> list[str]:
    return _NAME.findall(str(value))


def _tokens(sql: str) -> Iterator[Token]:
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup or "other", match.group()
        depth -= text == ")"
        name = text[1:-1].replace('""', '"') if kind == "quoted" else text
        kind = "string" if kind == "tag" else kind
        yield Token(kind, text, text.upper() if kind == "word" else text, name, depth)
        depth += text == "("


def _resource(words: Sequence[Token]) -> str:
    verb, rest = words[0].upper, words[1:]
    if verb == "EXPLAIN":
        inner = next((place for place, word in enumerate(rest) if word.upper in _VERBS), None)
        return "" if inner is None else _resource(rest[inner:])
    if verb == "SELECT":
        for place, word in enumerate(words):
            if word.upper == "FROM" and word.depth <= words[0].depth:
                return _resource(words[place:])
        calls = (word.name for word, after in pairwise(words) if word.kind in _NAMES and after.text == "(")
        return next((f"{name}()" for name in calls), "")
    if verb in _DEFINING:
        rest = rest[next((place for place, word in enumerate(rest, 1) if word.upper in _OBJECTS), 0) :]
    for place, word in enumerate(rest):
        after = rest[place + 1].text if place + 1 < len(rest) else ""
        if word.upper == "SELECT":
            return _resource(rest[place:])  # a subquery
        if word.kind in _NAMES and after != "." and word.upper not in _BEFORE_TABLE:
            return word.name
        if word.kind not in _NAMES and word.text not in ("(", ",", "."):
            return ""
    return ""


read_statement = lru_cache(maxsize=1024)(Statement)
