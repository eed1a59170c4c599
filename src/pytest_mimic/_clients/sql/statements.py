"""The text of a statement, read without a grammar: as words, quotes and signs.

It gives the signature of the call (`SELECT users`), tells which columns a result lists,
and hides literals. Where the text alone does not tell which literal is secret, all are
hidden.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pytest_mimic.client import PLACEHOLDER, lazy_attribute

_TOKEN_OF_SQL = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    # Whether a backslash escapes a quote depends on the server. If it can matter, the
    # text ends at the last quote.
    | (?P<string>
        [EeNnBbXx]?'(?:[^'\\]|''|\\[^'])*'(?!')
        | [EeNnBbXx]?'.*'
        | [EeNnBbXx]?'.*
        | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
      )
    | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[A-Za-z_][^\]]*\])
    | (?P<mark>%\([^)]*\)s|%s|\$\d+|\?|(?<![:\w]):[A-Za-z_]\w*)
    | (?P<cast>
        ::\s*(?:"[^"]*"|\w+)(?:\.(?:"[^"]*"|\w+))*
        (?i:\s+(?:with(?:out)?\s+time\s+zone|precision|varying)\b)?
      )
    | (?P<word>\w[\w$]*)
    | (?P<other>[<>!=]=|<>|->>?|\#>>?|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
# The words before a password that no name says: those of MySQL, MariaDB and Oracle, and
# of SQLCipher.
_BEFORE_PASSWORD = re.compile(
    r"\bIDENTIFIED (?:(?:WITH|VIA) (?:\w+ )?)?(?:BY|AS|USING)\b"
    r"|^PRAGMA (?:\w+ )?(?:HEX|TEXT)?(?:RE)?KEY\b"
    r"|^ATTACH .*\bKEY\b"
)
# Oracle writes a password like a name: `IDENTIFIED BY tiger`. Elsewhere, these words
# may stand before the password.
_BEFORE_TEXT = frozenset("AS PASSWORD RANDOM VALUES".split())
# The groups of the pattern above that are names, and those that are left out.
_TOKENS_OF_NAMES = ("word", "quoted")
_TOKENS_BETWEEN = ("blank", "comment")
_VERBS_OF_DATA = frozenset("SELECT VALUES INSERT UPDATE DELETE MERGE REPLACE".split())
# A list of columns without aliases and expressions; and the words of statements with
# several queries.
_PLAIN_COLUMN = r'(?:\w+\.)*(?:\w+|"[^"]+"|\*)'
_LIST_OF_COLUMNS = re.compile(
    rf"\s*SELECT\s+(?:DISTINCT\s+)?({_PLAIN_COLUMN}(?:\s*,\s*{_PLAIN_COLUMN})*)\s+FROM\b",
    re.IGNORECASE,
)
_WORD_OF_QUERY = re.compile(
    r"\b(?:SELECT|UNION|INTERSECT|EXCEPT|TABLE)\b", re.IGNORECASE
)
_VERBS_OF_DEFINITIONS = frozenset(
    "CREATE ALTER DROP TRUNCATE COMMENT LOCK REINDEX".split()
)
_DEFINED_THINGS = frozenset(
    "TABLE INDEX VIEW SEQUENCE SCHEMA TYPE DATABASE TRIGGER FUNCTION PROCEDURE"
    " EXTENSION DOMAIN ROLE USER".split()
)
# Words between a verb and the name of its table.
_BEFORE_TABLE = frozenset(
    "OR REPLACE TEMP TEMPORARY UNLOGGED MATERIALIZED UNIQUE RECURSIVE VIRTUAL IF NOT"
    " EXISTS CONCURRENTLY ONLY IGNORE ABORT ROLLBACK FAIL INTO FROM TO SAVEPOINT"
    " TRANSACTION WORK SESSION".split()
)

# SQLite and MySQL read double quotes as a text where a value can be.
_BEFORE_VALUES = frozenset(("VALUES", "LIKE", "IN", "=", "==", "<>", "!="))
# What follows these operators names a part of a JSON value.
_BEFORE_KEYS = ("->", "->>", "#>", "#>>")


class Token(NamedTuple):
    """A piece of a statement.

    `upper` is a word in capitals, `name` an identifier without its quotes.
    """

    kind: str = "other"
    text: str = ""
    upper: str = ""
    name: str = ""
    depth: int = 0


class Statement:
    """A statement, read from its text.

    Attributes:
        signature: The verb and the main table, `SELECT users`.
        is_unordered: Whether the statement is a SELECT without an `ORDER BY`, so that
            the rows may come in any order.
        names: All words in small letters, those in quotes included, but not the names
            of parameters. `password` is one of them where the statement sets a password
            in other words.
    """

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens = list(_tokens(sql))
        words = [token for token in self._tokens if token.kind not in _TOKENS_BETWEEN]
        words_from_verb = words[_start_of(words) :]
        # The verb in capitals.
        self.verb = ""
        self.signature = ""
        if words_from_verb:
            self.verb = words_from_verb[0].upper
            self.signature = f"{self.verb} {_main_table(words_from_verb)}".strip()
        self.is_unordered = self.verb == "SELECT" and not _is_ordered(words_from_verb)
        names: set[str] = set()
        for word in words:
            if word.kind in (*_TOKENS_OF_NAMES, "string"):
                names.add(word.name.lower())
                for part in words_in(word.name):
                    names.add(part.lower())
        in_capitals = [
            word.name.upper() for word in words if word.kind in _TOKENS_OF_NAMES
        ]
        if _BEFORE_PASSWORD.search(" ".join(in_capitals)):
            names.add("password")
        self.names = frozenset(names)

    def mentions(self, secret: Callable[[str], bool]) -> bool:
        """Check whether a secret name stands anywhere in the statement."""
        return any(map(secret, self.names))

    def redact(
        self, secret: Callable[[str], bool], *, numbers: bool
    ) -> tuple[str, list[str]]:
        """Return the statement with its blanks folded, and the literals that it hides.

        The literals of a statement that mentions a secret are hidden. With `numbers`,
        numbers are hidden as well, except in a definition: `VARCHAR(30)`.
        """
        if self.mentions(secret):
            return self.hide_literals(numbers=numbers)
        pieces = [_text_with_folded_blanks(token) for token in self._tokens]
        return _joined_without_semicolon(pieces), []

    def hide_literals(self, *, numbers: bool) -> tuple[str, list[str]]:
        """Return the statement without its literals and comments, and the literals.

        The blanks between the words of the statement are folded.
        """
        numbers = numbers and self.verb not in _VERBS_OF_DEFINITIONS
        pieces = []
        hidden = []
        before = ""
        # The two words before this one, in capitals.
        last_words = ("", "")
        expects_values = False
        for token in self._tokens:
            text = _text_with_folded_blanks(token)
            if token.upper in _BEFORE_VALUES:
                expects_values = True
            is_quoted_value = expects_values and text.startswith('"') and before != "."
            is_named = (
                token.kind in _TOKENS_OF_NAMES and token.upper not in _BEFORE_TEXT
            )
            is_password = is_named and last_words == ("IDENTIFIED", "BY")
            is_text = token.kind == "string" or is_quoted_value or is_password
            if is_text and before not in _BEFORE_KEYS:
                hidden.append(text.strip("'\""))
                text = f"'{PLACEHOLDER}'"
            elif token.kind == "comment":
                text = f"/* {PLACEHOLDER} */"
            elif numbers and text[0].isdigit():
                text = PLACEHOLDER
            pieces.append(text)
            if token.kind != "blank":
                before = token.text
            if token.kind in _TOKENS_OF_NAMES:
                last_words = (last_words[1], token.upper)
        return _joined_without_semicolon(pieces), hidden

    @lazy_attribute
    def listed(self) -> frozenset[str]:
        """The columns of a plain `SELECT a, t.b FROM …` in small letters, or `*`.

        A statement that computes has none.

        The result of `PRAGMA` or `SHOW` is not computed from other columns.
        """
        if self.verb not in (*_VERBS_OF_DATA, "EXPLAIN"):
            return frozenset("*")
        listing = _LIST_OF_COLUMNS.match(self._sql)
        if listing is None or len(_WORD_OF_QUERY.findall(self._sql)) != 1:
            return frozenset()
        columns = set()
        for column in listing[1].lower().split(","):
            _, _, name = column.rpartition(".")
            columns.add(name.strip(' \n\t"'))
        return frozenset(columns)


def _text_with_folded_blanks(token: Token) -> str:
    """Return the text of a piece, one blank for several."""
    if token.kind == "blank":
        return " "
    return token.text


def _joined_without_semicolon(pieces: list[str]) -> str:
    """Return a statement of its pieces, without the semicolon at its end."""
    return "".join(pieces).strip().rstrip(";").rstrip()


def words_in(value: object) -> list[str]:
    """Return the words in a text, of which each may be a secret name."""
    return _PLAIN_NAME.findall(str(value))


def _tokens(sql: str) -> Iterator[Token]:
    """Yield the pieces of a statement, each with its depth in parentheses."""
    depth = 0
    for match in _TOKEN_OF_SQL.finditer(sql):
        kind = match.lastgroup or "other"
        text = match.group()
        name = text
        upper = text
        if kind == "quoted":
            name = text[1:-1].replace('""', '"')
        elif kind == "word":
            upper = text.upper()
        elif kind == "tag":
            # It is the mark at the ends of a text, `$tag$ … $tag$`.
            kind = "string"
        if text == ")":
            depth -= 1
        yield Token(kind, text, upper, name, depth)
        if text == "(":
            depth += 1


def _start_of(words: Sequence[Token]) -> int:
    """Return the place of the verb: the first word, or that after common tables."""
    start = 0
    for place, word in enumerate(words):
        if word.kind == "word":
            start = place
            break
    if not words or words[start].upper != "WITH":
        return start
    for place, word in enumerate(words):
        if word.upper in _VERBS_OF_DATA and word.depth == words[start].depth:
            return place
    return start


def _is_ordered(words: Sequence[Token]) -> bool:
    """Check whether a SELECT has an `ORDER BY` that is not one of a subquery."""
    for word, after in pairwise(words):
        is_order = word.upper == "ORDER" and after.upper == "BY"
        if is_order and word.depth <= words[0].depth:
            return True
    return False


def _main_table(words: Sequence[Token]) -> str:
    """Return the main table of a statement, or the name of what it defines.

    The first word is the verb, or a part of a SELECT that begins with `FROM`.
    """
    verb = words[0].upper
    rest = words[1:]
    if verb == "SELECT":
        for place, word in enumerate(words):
            if word.upper == "FROM" and word.depth <= words[0].depth:
                return _main_table(words[place:])
        return ""
    if verb in _VERBS_OF_DEFINITIONS:
        for place, word in enumerate(rest):
            if word.upper in _DEFINED_THINGS:
                rest = rest[place + 1 :]
                break
    for place, word in enumerate(rest):
        after = ""
        if place + 1 < len(rest):
            after = rest[place + 1].text
        if word.upper == "SELECT":
            # It is a subquery.
            return _main_table(rest[place:])
        if (
            word.kind in _TOKENS_OF_NAMES
            and after != "."
            and word.upper not in _BEFORE_TABLE
        ):
            return word.name
        if word.kind not in _TOKENS_OF_NAMES and word.text not in ("(", ",", "."):
            return ""
    return ""


read_statement = lru_cache(maxsize=1024)(Statement)
