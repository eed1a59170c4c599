"""What a statement is about: its verb and main table, its text with blanks folded, the columns of its values.

A tolerant reader, not a parser: what it does not understand it leaves unnamed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from pytest_mimic.boundaries.sql.columns import Source, read_columns
from pytest_mimic.boundaries.sql.tokens import Token, tokens_of

_TABLE_WORDS = frozenset(
    "TABLE INDEX VIEW SEQUENCE SCHEMA TYPE DATABASE TRIGGER FUNCTION PROCEDURE EXTENSION DOMAIN ROLE USER".split()
)
_NOISE = frozenset(
    """OR REPLACE TEMP TEMPORARY UNLOGGED GLOBAL LOCAL MATERIALIZED UNIQUE RECURSIVE VIRTUAL IF NOT EXISTS
    CONCURRENTLY ONLY IGNORE ABORT ROLLBACK FAIL INTO FROM TO SAVEPOINT TRANSACTION WORK LOW_PRIORITY DELAYED QUICK
    SESSION""".split()
)
_DEFINING = frozenset(("CREATE", "ALTER", "DROP", "TRUNCATE", "COMMENT", "LOCK", "REINDEX"))


class Literal(NamedTuple):
    """A text standing in a statement, and the columns it is for."""

    text: str
    sources: tuple[Source, ...]

    def hidden(self, secret: Callable[[str], bool]) -> bool:
        """Whether it is for a secret column."""
        return any(source.hides(self.text, secret) for source in self.sources)


class Statement(NamedTuple):
    """A statement as it is shown, compared and named.

    Attributes:
        signature: `SELECT users`.
        pieces: The text with its blanks folded; `Literal` where a column's name tells about a text.
        sources: Columns by parameter: `"1"` for the first one by position, else the parameter's name.
        verb: `SELECT`.
        is_unordered: It is a SELECT without an `ORDER BY` of its own: its rows may come in any order.
    """

    signature: str
    pieces: tuple[str | Literal, ...]
    sources: dict[str, tuple[Source, ...]]
    verb: str
    is_unordered: bool

    @property
    def columns(self) -> dict[str, str]:
        """The first column's name, by parameter."""
        return {mark: sources[0].column for mark, sources in self.sources.items()}

    def text(self, secret: Callable[[str], bool], placeholder: str) -> str:
        """The text, with a placeholder for each text that stands for a secret column."""
        return "".join(
            piece if isinstance(piece, str) else (f"'{placeholder}'" if piece.hidden(secret) else piece.text)
            for piece in self.pieces
        )

    def secrets(self, secret: Callable[[str], bool]) -> list[str]:
        """The texts that stand for a secret column, without their quotes."""
        literals = [piece for piece in self.pieces if isinstance(piece, Literal)]
        return [literal.text.strip("'") for literal in literals if literal.hidden(secret)]


@lru_cache(maxsize=1024)
def read_statement(sql: str) -> Statement:
    """Reads a statement; the same text is read once."""
    tokens = list(tokens_of(sql))
    words = [token for token in tokens if token.kind not in ("blank", "comment")]
    verb, resource = _signature(words)
    found = read_columns(words)
    sources: dict[str, tuple[Source, ...]] = {}
    for number, mark in enumerate((word for word in words if word.kind == "mark"), 1):
        if mark.place in found:
            name = _mark_name(mark.text, number)
            sources[name] = sources.get(name, ()) + found[mark.place]
    signature = f"{verb} {resource}".strip()
    return Statement(signature, _pieces(tokens, found), sources, verb, _is_unordered(words))


def words_of(sql: str) -> list[Token]:
    """The pieces of a statement without blanks and comments; a parameter's is its name, as in `Statement.columns`."""
    words = [token for token in tokens_of(sql) if token.kind not in ("blank", "comment")]
    marks = count(1)
    return [
        word._replace(text=_mark_name(word.text, next(marks))) if word.kind == "mark" else word
        for word in words
    ]


def _pieces(tokens: Sequence[Token], sources: dict[int, tuple[Source, ...]]) -> tuple[str | Literal, ...]:
    """Folds blanks outside of quotes; runs of plain text become one piece."""
    pieces: list[str | Literal] = []
    run: list[str] = []
    for token in tokens:
        if token.kind == "blank":
            run.append(" ")
        elif token.kind == "string" and token.place in sources:
            pieces.extend(("".join(run), Literal(token.text, sources[token.place])))
            run = []
        else:
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


def _is_unordered(words: Sequence[Token]) -> bool:
    start = main_verb(words)
    if start is None or words[start].upper != "SELECT":
        return False
    depth = words[start].depth
    return not any(
        word.upper == "ORDER" and after.upper == "BY" and word.depth <= depth
        for word, after in zip(words[start:], words[start + 1 :])
    )


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
