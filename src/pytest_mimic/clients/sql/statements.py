"""The text of a statement: its verb and table, its names, and where literals stand."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

# The last group of each piece is its content.
_TOKEN = re.compile(
    r"""
      --(?P<line>[^\n]*)
    | /\*(?P<block>.*?)(?:\*/|\Z)
    | [EeNnBbXx]?'(?P<single>(?:[^']|'')*)(?:'|\Z)
    | \$(?P<tag>\w*)\$(?P<dollar>.*?)(?:\$(?P=tag)\$|\Z)
    | "(?P<double>(?:[^"]|"")*)(?:"|\Z)
    | `(?P<back>[^`]*)`
    | \[(?P<square>[A-Za-z_][^\]\n]*)\]
    | %\((?P<mapped>[^)]+)\)s
    | (?<![:\w]):(?P<named>[A-Za-z_]\w*)
    | \$(?P<numbered>\d+)
    | (?P<marker>%s|\?)
    | (?P<number>(?<![\w.])\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w$]*)
    | (?P<sign>\S)
    """,
    re.X | re.S,
)
_KINDS = {
    "line": "comment",
    "block": "comment",
    "single": "text",
    "dollar": "text",
    "double": "quoted",
    "back": "quoted",
    "square": "quoted",
    "mapped": "parameter",
    "named": "parameter",
    "numbered": "parameter",
    "marker": "parameter",
}
# `SELECT u.id, u."name" FROM users`, in which each column has its own name.
_NAME = r"(?:\w+|\"\w+\")"
_ITEM = rf"(?:{_NAME}\.)*(?:{_NAME}|\*)"
_PLAIN_QUERY = re.compile(
    rf"\s*select\s+(?:distinct\s+)?(?:{_ITEM}\s*,\s*)*{_ITEM}\s+from\b"
    r"(?!.*\b(?:select|union|intersect|except)\b)",
    re.I | re.S,
)
_COMPARISON = frozenset("=<>!~")
# Before a column that stands alone on its side of a comparison.
_BEGINNINGS = frozenset(["where", "and", "or", "set", "on", "not", "having", ",", "("])
_SETS_A_PASSWORD = re.compile(
    r"\bidentified\b|\bpragma\s+(?:\w+\.)?\W?(?:hex|text)?(?:re)?key\b", re.I
)
_VERBS = frozenset(["select", "insert", "update", "delete", "merge"])
_BEFORE_OBJECT = frozenset(
    "from into update table index view schema type sequence trigger function database"
    " extension pragma savepoint set".split()
)
_BETWEEN = frozenset("only concurrently if not exists".split())


class Literal(NamedTuple):
    """A text, number or comment that stands in a statement.

    Attributes:
        start: Where its content begins, behind a quote.
        end: Where its content ends.
        kind: `text`, `number` or `comment`.
        column: The column with which it is compared; empty: none, or nobody knows.
        is_key: Whether it names a part of a document: `settings ->> 'name'`.
    """

    start: int
    end: int
    kind: str
    column: str
    is_key: bool


class Statement(NamedTuple):
    """What the text of a statement says.

    Attributes:
        signature: `SELECT users`.
        names: Every name in it.
        functions: Those with a bracket behind them.
        literals: In order.
        columns: By the name of a parameter, or its number: the column with which it is
            compared, if that can be told.
        lists_columns: Whether it gives columns of tables alone, each by its own name.
        is_ordered: Whether it gives an order of rows.
    """

    signature: str
    names: frozenset[str]
    functions: frozenset[str]
    literals: tuple[Literal, ...]
    columns: Mapping[str, str]
    lists_columns: bool
    is_ordered: bool


class _Token(NamedTuple):
    """A piece of a statement; where its content stands, and its content."""

    kind: str
    start: int
    end: int
    content: str

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")

    @property
    def word(self) -> str:
        """The text in lower case; empty: a literal, or a quoted name."""
        return self.content.lower() if self.kind in ("word", "sign") else ""


@lru_cache(maxsize=1024)
def read(text: str) -> Statement:
    """Read a statement."""
    all_tokens = list(_tokens_of(text))
    # Before a literal, a comment says nothing.
    tokens = [token for token in all_tokens if token.kind != "comment"]
    names = {token.content for token in tokens if token.is_name}
    literals = [
        Literal(token.start, token.end, "comment", "", is_key=False)
        for token in all_tokens
        if token.kind == "comment"
    ]
    functions = set()
    columns: dict[str, str] = {}
    number = 0
    for index, token in enumerate(tokens):
        column = _column_before(tokens, index)
        if token.kind == "parameter":
            number += 1
            is_named = token.content not in ("?", "%s")
            columns[token.content if is_named else str(number)] = column
        elif token.kind in ("text", "number") or _is_text(tokens, index):
            kind = "number" if token.kind == "number" else "text"
            is_key = kind == "text" and _is_key(tokens, index)
            if is_key:
                names.update(words_in(token.content))
            literals.append(Literal(token.start, token.end, kind, column, is_key))
        elif token.word == "(" and index:
            functions.add(tokens[index - 1].content)
    if _SETS_A_PASSWORD.search(text):
        names.add("password")
    return Statement(
        signature=_signature_of(tokens),
        names=frozenset(names - {""}),
        functions=frozenset(functions),
        literals=tuple(sorted(literals)),
        columns=columns,
        lists_columns=_PLAIN_QUERY.match(text) is not None,
        is_ordered=any(token.word == "order" for token in tokens),
    )


def words_in(path: str) -> list[str]:
    """Return the names in a path into a document: `$.user.password`."""
    return re.findall(r"[\w-]+", path)


def _tokens_of(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or ""
        start, end = match.span(group)
        yield _Token(_KINDS.get(group, group), start, end, match[group])


def _is_text(tokens: list[_Token], index: int) -> bool:
    """Return whether a quoted name is a text, as MySQL has it: `name = "ann"`."""
    if tokens[index].kind != "quoted" or not index:
        return False
    is_path = index + 1 < len(tokens) and tokens[index + 1].word == "."
    return tokens[index - 1].content in _COMPARISON and not is_path


def _is_key(tokens: list[_Token], index: int) -> bool:
    before = "".join(token.word for token in tokens[max(0, index - 3) : index])
    is_path = tokens[index].content.startswith(("$.", "$["))
    return is_path or before.endswith(("->", "->>", "#>", "#>>"))


def _column_before(tokens: list[_Token], index: int) -> str:
    """Return the column with which a literal or parameter is compared: `name = ?`.

    Empty: it stands elsewhere, or in an expression.
    """
    place = index - 1
    while place >= 0 and tokens[place].content in _COMPARISON:
        place -= 1
    if place >= 0 and tokens[place].word in ("like", "ilike"):
        place -= 1
    if place < 0 or place == index - 1 or not tokens[place].is_name:
        return ""
    column = tokens[place].content
    while place >= 2 and tokens[place - 1].word == ".":
        place -= 2
    is_alone = place == 0 or tokens[place - 1].word in _BEGINNINGS
    return column if is_alone else ""


def _signature_of(tokens: list[_Token]) -> str:
    """Return the verb of a statement and its main table."""
    outer = _outside_of_brackets(tokens)
    verb = next((token.word for token in tokens if token.kind == "word"), "")
    if verb == "with":
        verb = next((token.word for token in outer if token.word in _VERBS), verb)
    name = _object_of(outer) or _object_of(tokens)
    return f"{verb.upper()} {name}".rstrip()


def _outside_of_brackets(tokens: list[_Token]) -> list[_Token]:
    outer = []
    depth = 0
    for token in tokens:
        if token.word == ")":
            depth -= 1
        if depth == 0:
            outer.append(token)
        if token.word == "(":
            depth += 1
    return outer


def _object_of(tokens: list[_Token]) -> str:
    """Return the first name behind a word such as `FROM`, without that of a schema."""
    for index, token in enumerate(tokens):
        if token.word not in _BEFORE_OBJECT:
            continue
        place = _skipped(tokens, index + 1, _BETWEEN)
        if place == len(tokens) or not tokens[place].is_name:
            continue
        if tokens[place].word in _BEFORE_OBJECT:
            continue
        while place + 2 < len(tokens) and tokens[place + 1].word == ".":
            place += 2
        return tokens[place].content
    return ""


def _skipped(tokens: list[_Token], place: int, words: Collection[str]) -> int:
    while place < len(tokens) and tokens[place].word in words:
        place += 1
    return place
