"""The text of a statement: its verb and table, its names, and where literals stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import dropwhile, pairwise
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment>--(?P<line>[^\n]*)|/\*(?P<block>.*?)(?:\*/|\Z))
    | (?P<text>[EeNnBbXx]?'(?P<single>(?:[^']|'')*)(?:'|\Z)
        |\$(?P<tag>\w*)\$(?P<dollar>.*?)(?:\$(?P=tag)\$|\Z))
    | (?P<quoted>"(?P<double>(?:[^"]|"")*)(?:"|\Z)
        |`(?P<back>[^`]*)`|\[(?P<square>[A-Za-z_][^\]\n]*)\])
    | (?P<marker>%\((?P<mapped>[^)]+)\)s|%s|\?
        |(?<![:\w]):(?P<named>[A-Za-z_]\w*)|\$(?P<numbered>\d+))
    | (?P<number>(?<![\w.])\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w$]*)
    | (?P<sign>\S)
    """,
    re.X | re.S,
)
_CONTENTS = ("line", "block", "single", "dollar", "double", "back", "square")
_MARKERS = ("mapped", "named", "numbered")
_COMPARISON = frozenset("=<>!~")
_LITERALS = frozenset(["text", "number", "comment"])
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
_AFTER_FROM = frozenset("where group having order limit union except intersect".split())


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
        items: The names in each column of its result, `*` for all; None if nobody can
            tell.
        is_ordered: Whether it gives an order of rows.
    """

    signature: str
    names: frozenset[str]
    functions: frozenset[str]
    literals: tuple[Literal, ...]
    columns: Mapping[str, list[str]]
    items: tuple[frozenset[str], ...] | None
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
    tokens = [*_tokens_of(text)]
    literals = []
    columns = {}
    names = {token.content for token in tokens if token.is_name}
    count = 0
    for index, token in enumerate(tokens):
        if token.kind in _LITERALS or _is_text(tokens, index):
            kind = "text" if token.kind == "quoted" else token.kind
            is_key = kind == "text" and _is_key(tokens, index)
            if is_key:
                names.update(_words_in(token.content))
            column = _column_before(tokens, index)
            literals.append(Literal(token.start, token.end, kind, column, is_key))
        elif token.kind == "marker":
            count += 1
            column = _column_before(tokens, index)
            columns[token.content or str(count)] = [column] if column else []
    if _SETS_A_PASSWORD.search(text):
        names.add("password")
    tokens = [token for token in tokens if token.kind != "comment"]
    pairs = pairwise(tokens)
    return Statement(
        _signature_of(tokens),
        frozenset(names - {""}),
        frozenset(token.content for token, after in pairs if after.word == "("),
        tuple(literals),
        columns,
        _items_of(tokens),
        any(token.word == "order" for token in tokens),
    )


def _tokens_of(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        start, end = match.span()
        groups = _MARKERS if kind == "marker" else _CONTENTS
        inner = [name for name in groups if match[name] is not None]
        if inner:
            start, end = match.span(inner[0])
        elif kind == "marker":
            start = end
        yield _Token(kind, start, end, text[start:end])


def _words_in(path: str) -> list[str]:
    """Return the names in a path into a document: `$.user.password`."""
    return re.findall(r"[\w-]+", path)


def _is_text(tokens: list[_Token], index: int) -> bool:
    """Return whether a quoted name is a text, as MySQL has it: `name = "ann"`."""
    if tokens[index].kind != "quoted" or not index:
        return False
    is_path = [token.word for token in tokens[index + 1 : index + 2]] == ["."]
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
    if place and tokens[place - 1].word not in _BEGINNINGS:
        return ""
    return column


def _items_of(tokens: list[_Token]) -> tuple[frozenset[str], ...] | None:
    """Return the names in each column that a query of plain tables lists."""
    outer = [token.word for token, depth in _with_depths(tokens) if not depth]
    if outer[:1] != ["select"] or "from" not in outer or "union" in outer:
        return None
    items: list[set[str]] = [set()]
    is_list = True
    for token, depth in _with_depths(tokens[1:]):
        if not depth and token.word in _AFTER_FROM:
            break
        if not is_list and token.word == "select":
            return None
        if not depth and token.word == "from":
            is_list = False
        elif is_list and not depth and token.word == ",":
            items.append(set())
        elif is_list and (token.is_name or (not depth and token.word == "*")):
            items[-1].add(token.content)
        elif is_list and token.kind == "text":
            items[-1].update(_words_in(token.content))
    return tuple(map(frozenset, items))


def _with_depths(tokens: list[_Token]) -> Iterator[tuple[_Token, int]]:
    """Yield tokens, and in how many brackets each stands."""
    depth = 0
    for token in tokens:
        depth -= token.word == ")"
        yield token, depth
        depth += token.word == "("


def _signature_of(tokens: list[_Token]) -> str:
    """Return the verb of a statement and its main table."""
    outer = [token for token, depth in _with_depths(tokens) if not depth]
    verb = next((token.word for token in tokens if token.kind == "word"), "")
    if verb == "with":
        verb = next((token.word for token in outer if token.word in _VERBS), verb)
    name = _object_of(outer) or _object_of(tokens)
    return f"{verb.upper()} {name}".rstrip()


def _object_of(tokens: list[_Token]) -> str:
    """Return the first name behind a word such as `FROM`, without that of a schema."""
    for index, token in enumerate(tokens):
        if token.word not in _BEFORE_OBJECT:
            continue
        rest = [*dropwhile(lambda one: one.word in _BETWEEN, tokens[index + 1 :])]
        if not rest or not rest[0].is_name or rest[0].word in _BEFORE_OBJECT:
            continue
        while len(rest) > 2 and rest[1].word == ".":
            rest = rest[2:]
        return rest[0].content
    return ""
