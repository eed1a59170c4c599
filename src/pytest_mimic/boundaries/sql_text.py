"""What a statement is about: its verb and main table, its text with blanks folded, the columns of its parameters.

A tolerant reader, not a parser: what it does not understand it leaves unnamed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<string>[EeNnBbXx]?'(?:[^'\\]|''|\\.)*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[A-Za-z_][^\]]*\])
    | (?P<mark>%\((?P<pyformat>[^)]*)\)s|%s|\$\d+|\?|(?<![:\w]):[A-Za-z_]\w*)
    | (?P<word>\w[\w$]*)
    | (?P<other>::|[<>!=]=|<>|.)
    """,
    re.VERBOSE | re.DOTALL,
)

#: Words that end what was said about a column.
_CLAUSES = frozenset(
    "SELECT FROM WHERE SET VALUES AND OR ON HAVING GROUP ORDER BY JOIN UNION RETURNING WHEN THEN ELSE CASE".split()
)
#: Words between a column and its parameter.
_OPERATORS = frozenset("IN NOT LIKE ILIKE ANY ALL BETWEEN IS ESCAPE SIMILAR TO CAST AS REGEXP GLOB".split())
_COMPARISONS = frozenset(("=", "<>", "!=", "<", ">", "<=", ">=", "LIKE", "ILIKE"))
_TABLE_WORDS = frozenset(
    "TABLE INDEX VIEW SEQUENCE SCHEMA TYPE DATABASE TRIGGER FUNCTION PROCEDURE EXTENSION DOMAIN ROLE USER".split()
)
_NOISE = frozenset(
    """OR REPLACE TEMP TEMPORARY UNLOGGED GLOBAL LOCAL MATERIALIZED UNIQUE RECURSIVE VIRTUAL IF NOT EXISTS
    CONCURRENTLY ONLY IGNORE ABORT ROLLBACK FAIL INTO FROM TO SAVEPOINT TRANSACTION WORK LOW_PRIORITY DELAYED QUICK
    SESSION""".split()
)
_DEFINING = frozenset(("CREATE", "ALTER", "DROP", "TRUNCATE", "COMMENT", "LOCK", "REINDEX"))


class Token(NamedTuple):
    """One piece of a statement; `depth` counts open parentheses before it."""

    kind: str
    text: str
    depth: int

    @property
    def upper(self) -> str:
        """A word in capitals, so that it can be compared."""
        return self.text.upper() if self.kind == "word" else self.text

    @property
    def name(self) -> str:
        """The identifier, without quotes."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text


class Literal(NamedTuple):
    """A text standing in a statement, and the column it seems to be for."""

    text: str
    column: str


class Statement(NamedTuple):
    """A statement as it is shown, compared and named.

    Attributes:
        signature: `SELECT users`.
        pieces: The text with its blanks folded; `Literal` where a column's name tells about a text.
        columns: Column names by parameter: `"1"` for the first one by position, else the parameter's name.
        verb: `SELECT`.
    """

    signature: str
    pieces: tuple[str | Literal, ...]
    columns: dict[str, str]
    verb: str

    def text(self, secret: Callable[[str], bool], placeholder: str) -> str:
        """The text, with a placeholder for each text that stands for a secret column."""
        return "".join(
            piece if isinstance(piece, str) else (f"'{placeholder}'" if secret(piece.column) else piece.text)
            for piece in self.pieces
        )

    def secrets(self, secret: Callable[[str], bool]) -> list[str]:
        """The texts that stand for a secret column, without their quotes."""
        literals = [piece for piece in self.pieces if isinstance(piece, Literal)]
        return [literal.text.strip("'") for literal in literals if secret(literal.column)]


@lru_cache(maxsize=1024)
def read_statement(sql: str) -> Statement:
    """Reads a statement; the same text is read once."""
    tokens = list(_tokens(sql))
    words = [token for token in tokens if token.kind not in ("blank", "comment")]
    verb, resource = _signature(words)
    columns, literals = _columns(words)
    pieces = _pieces(tokens, literals)
    return Statement(f"{verb} {resource}".strip(), pieces, columns, verb)


def words_of(sql: str) -> list[Token]:
    """The pieces of a statement without blanks and comments; a parameter's is its name, as in `Statement.columns`."""
    words = [token for token in _tokens(sql) if token.kind not in ("blank", "comment")]
    marks = count(1)
    return [
        word._replace(text=_mark_name(word.text, next(marks))) if word.kind == "mark" else word
        for word in words
    ]


def _tokens(sql: str) -> Iterator[Token]:
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or "other"
        if kind in ("tag", "pyformat"):
            kind = "string" if kind == "tag" else "mark"
        text = match.group()
        if text == ")" and kind == "other":
            depth -= 1
        yield Token(kind, text, depth)
        if text == "(" and kind == "other":
            depth += 1


def _pieces(tokens: Sequence[Token], literals: dict[int, str]) -> tuple[str | Literal, ...]:
    """Folds blanks outside of quotes; runs of plain text become one piece."""
    pieces: list[str | Literal] = []
    run: list[str] = []
    position = 0
    for token in tokens:
        if token.kind == "blank":
            run.append(" ")
            continue
        if token.kind != "comment":
            column = literals.get(position)
            position += 1
            if column is not None:
                pieces.extend(("".join(run), Literal(token.text, column)))
                run = []
                continue
        run.append(token.text)
    pieces.append("".join(run))
    if isinstance(pieces[0], str):
        pieces[0] = pieces[0].lstrip()
    if isinstance(pieces[-1], str):
        pieces[-1] = pieces[-1].rstrip().rstrip(";").rstrip()
    return tuple(pieces)


def _signature(words: Sequence[Token]) -> tuple[str, str]:
    start = main_verb(words)
    if start is None:
        return (words[0].upper if words else ""), ""
    verb = words[start].upper
    rest = words[start + 1 :]
    if verb == "EXPLAIN":
        inner = next((i for i, word in enumerate(rest) if word.upper in _STATEMENTS), None)
        return verb, "" if inner is None else _signature(rest[inner:])[1]
    if verb == "SELECT":
        return verb, _selected(rest)
    if verb in _DEFINING:
        rest = _after_kind(rest)
    elif verb == "RELEASE" or (verb == "ROLLBACK" and rest):
        rest = [word for word in rest if word.upper not in _NOISE]
    return verb, _table(rest)


_STATEMENTS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES"))


def main_verb(words: Sequence[Token]) -> int | None:
    """Skips opening parentheses and common table expressions."""
    for i, word in enumerate(words):
        if word.kind != "word":
            continue
        if word.upper != "WITH":
            return i
        return next(
            (j for j, w in enumerate(words[i:], i) if w.upper in _STATEMENTS and w.depth == word.depth), i
        )
    return None


def _selected(rest: Sequence[Token]) -> str:
    """The first table after FROM; without one, the function that is called."""
    for i, word in enumerate(rest):
        if word.upper == "FROM" and word.depth <= rest[0].depth:
            return _table(rest[i + 1 :])
    for i, word in enumerate(rest):
        if word.kind in ("word", "quoted") and i + 1 < len(rest) and rest[i + 1].text == "(":
            return f"{word.name}()"
    return ""


def _after_kind(rest: Sequence[Token]) -> Sequence[Token]:
    for i, word in enumerate(rest):
        if word.upper in _TABLE_WORDS:
            return rest[i + 1 :]
    return rest


def _table(words: Sequence[Token]) -> str:
    """The first name, its schema left out; of a subquery the table inside."""
    for i, word in enumerate(words):
        if word.upper == "SELECT":
            return _selected(words[i + 1 :])
        is_prefix = i + 1 < len(words) and words[i + 1].text == "."
        if word.text in ("(", ",") or (word.upper in _NOISE and not is_prefix):
            continue
        if word.kind not in ("word", "quoted"):
            return ""
        last = i
        while (
            last + 2 < len(words)
            and words[last + 1].text == "."
            and words[last + 2].kind in ("word", "quoted")
        ):
            last += 2
        return words[last].name
    return ""


def _mark_name(text: str, count: int) -> str:
    if text.startswith("%("):
        return text[2:-2]
    if text.startswith("$") or (text.startswith(":") and len(text) > 1):
        return text[1:]
    return str(count)


def _columns(words: Sequence[Token]) -> tuple[dict[str, str], dict[int, str]]:
    """Names the column of each parameter, and of each text that stands in the statement, by its position."""
    reader = _ColumnReader(words)
    for place, word in enumerate(words):
        reader.read(place, word)
    return reader.columns, reader.literals


class _ColumnReader:
    """Reads word by word, and knows which column was spoken of last.

    Attributes:
        columns: Column names by parameter.
        literals: Column names by the position of a text.
    """

    def __init__(self, words: Sequence[Token]) -> None:
        self.columns: dict[str, str] = {}
        self.literals: dict[int, str] = {}
        self._words = words
        self._inserted = _inserted_columns(words)
        self._values = _values_start(words) if self._inserted else len(words)
        self._base = words[self._values].depth if self._values < len(words) else 0
        self._column: str | None = None
        self._is_between = False
        self._marks = 0
        self._item = 0

    def read(self, place: int, word: Token) -> None:
        """Takes one word in."""
        self._count_items(place, word)
        if word.kind == "mark":
            self._marks += 1
            name = self._name(place, word)
            if name is not None:
                self.columns.setdefault(_mark_name(word.text, self._marks), name)
        elif word.kind == "string":
            name = self._name(place, word)
            if name is not None:
                self.literals[place] = name
        elif word.kind == "quoted":
            self._column = word.name
        elif word.kind == "word" and not (place and self._words[place - 1].text == "::"):
            self._read_word(place, word)

    def _count_items(self, place: int, word: Token) -> None:
        """In the rows of VALUES, the place of an item tells its column."""
        if place > self._values and word.depth == self._base and word.text == "(":
            self._item = 0
        elif self._in_row(place, word) and word.depth == self._base + 1 and word.text == ",":
            self._item += 1

    def _in_row(self, place: int, word: Token) -> bool:
        return place > self._values and word.depth > self._base

    def _name(self, place: int, word: Token) -> str | None:
        if self._in_row(place, word) and self._item < len(self._inserted):
            return self._inserted[self._item]
        return self._column or self._compared_with(place)

    def _compared_with(self, place: int) -> str | None:
        """The column behind the comparison that a parameter begins: `? = lower(users.name)`."""
        rest = iter(range(place + 1, len(self._words)))
        after = next((n for n in rest if not self._is_dressing(n)), None)
        if after is None or self._words[after].upper not in _COMPARISONS:
            return None
        for word, following in ((self._words[n], self._text(n + 1)) for n in rest):
            if word.kind not in ("word", "quoted"):
                if word.text not in ("(", "."):
                    return None
            elif following not in ("(", "."):
                return None if word.text[0].isdigit() or word.upper in _CLAUSES else word.name
        return None

    def _is_dressing(self, place: int) -> bool:
        """What may stand between a parameter and the comparison: closing parentheses, the name of a type."""
        return self._text(place) in (")", "::") or self._text(place - 1) == "::"

    def _is_function(self, place: int) -> bool:
        return self._words[place].kind == "word" and self._text(place + 1) == "("

    def _text(self, place: int) -> str:
        return self._words[place].text if place < len(self._words) else ""

    def _read_word(self, place: int, word: Token) -> None:
        upper = word.upper
        if upper in ("LIMIT", "OFFSET", "PASSWORD"):
            self._column = word.text.lower()
        elif upper in _CLAUSES:
            if not (upper == "AND" and self._is_between):
                self._column = None
            self._is_between = False
        elif upper in _OPERATORS:
            self._is_between = upper == "BETWEEN"
        elif not word.text[0].isdigit() and not self._is_function(place):
            self._column = word.name


def _inserted_columns(words: Sequence[Token]) -> list[str]:
    """The column list of an INSERT."""
    start = next((i for i, word in enumerate(words) if word.upper in ("INSERT", "REPLACE")), None)
    if start is None:
        return []
    opening = next((i for i, word in enumerate(words[start:], start) if word.text == "("), None)
    end = next(
        (i for i, word in enumerate(words[start:], start) if word.upper in ("VALUES", "SELECT")), len(words)
    )
    if opening is None or opening > end:
        return []
    depth = words[opening].depth
    names: list[str] = []
    for word in words[opening + 1 :]:
        if word.text == ")" and word.depth == depth:
            break
        if word.kind in ("word", "quoted"):
            names.append(word.name)
    return names


def _values_start(words: Sequence[Token]) -> int:
    return next((i for i, word in enumerate(words) if word.upper == "VALUES"), len(words))
