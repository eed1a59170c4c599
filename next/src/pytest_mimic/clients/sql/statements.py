"""The text of a statement: its verb and table, its names, and where literals stand."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<text>[EeNnBbXx]?'(?:[^']|'')*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<quoted>"(?:[^"]|"")*(?:"|\Z)|`[^`]*`|\[[A-Za-z_][^\]\n]*\])
    | (?P<marker>%\((?P<mapped>[^)]+)\)s|%s|\?|(?<![:\w]):(?P<named>[A-Za-z_]\w*)|\$\d+)
    | (?P<number>(?<![\w.])\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w$]*)
    | (?P<sign>\S)
    """,
    re.X | re.S,
)
_COMPARISON = frozenset("=<>!~")
# Before a column that stands alone on its side of a comparison.
_BEGINNINGS = frozenset(["where", "and", "or", "set", "on", "not", "having", ",", "("])
_NAMES_A_KEY = re.compile(
    r"\bidentified\b|\bpragma\s+(?:\w+\.)?\W?(?:hex|text)?(?:re)?key\b", re.I
)
_INNERMOST = re.compile(r"\([^()]*\)")
_VERB = re.compile(r"[\s(]*([A-Za-z]+)")
_MAIN = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|MERGE)\b", re.I)
_PART = r"""(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[\w$]+)"""
_NAME = rf"({_PART}(?:\.{_PART})*)"
_OBJECTS = {
    "SELECT": rf"\bFROM\s+(?:ONLY\s+)?{_NAME}",
    "DELETE": rf"\bFROM\s+(?:ONLY\s+)?{_NAME}",
    "INSERT": rf"\bINTO\s+{_NAME}",
    "REPLACE": rf"\bINTO\s+{_NAME}",
    "MERGE": rf"\bINTO\s+{_NAME}",
    "UPDATE": rf"\bUPDATE\s+(?:ONLY\s+)?{_NAME}",
    "EXPLAIN": rf"\b(?:FROM|INTO|UPDATE)\s+{_NAME}",
    "PRAGMA": rf"\bPRAGMA\s+{_NAME}",
    "SET": rf"\bSET\s+{_NAME}",
    "SAVEPOINT": rf"\bSAVEPOINT\s+{_NAME}",
    "RELEASE": rf"\bSAVEPOINT\s+{_NAME}",
    "ROLLBACK": rf"\bSAVEPOINT\s+{_NAME}",
}
_DEFINED = (
    r"\b(?:TABLE|INDEX|VIEW|SCHEMA|TYPE|SEQUENCE|TRIGGER|FUNCTION|DATABASE|EXTENSION)\s+"
    rf"(?:CONCURRENTLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?{_NAME}"
)


class Literal(NamedTuple):
    """A text, number or comment that stands in a statement.

    Attributes:
        start: Where it begins.
        end: Where it ends.
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
        literals: In order.
        columns_of_markers: For each parameter its own name, if it has one, and the
            column with which it is compared, if one can be told.
        plain_columns: The columns that are listed as they are; `*` for all, None if
            nobody can tell.
        is_ordered: Whether it gives an order of rows.
        names_a_key: Whether it sets a password in words of its own.
    """

    signature: str
    names: frozenset[str]
    literals: tuple[Literal, ...]
    columns_of_markers: tuple[tuple[str, str], ...]
    plain_columns: frozenset[str] | None
    is_ordered: bool
    names_a_key: bool


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int
    marker: str

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")

    @property
    def lowered(self) -> str:
        return self.text.lower()


@lru_cache(maxsize=1024)
def read(text: str) -> Statement:
    """Read a statement."""
    tokens = _tokens_of(text)
    literals = []
    markers = []
    names = set()
    for index, token in enumerate(tokens):
        if token.kind in ("text", "number", "comment") or _is_text(tokens, index):
            kind = "text" if token.kind == "quoted" else token.kind
            is_key = kind == "text" and _is_key(tokens, index)
            if is_key:
                names.update(re.findall(r"[\w-]+", token.text))
            column = _column_before(tokens, index)
            literals.append(Literal(token.start, token.end, kind, column, is_key))
        elif token.kind == "marker":
            markers.append((token.marker, _column_before(tokens, index)))
            names.add(token.marker)
        elif token.is_name:
            names.add(_unquoted(token.text))
    words = {token.lowered for token in tokens if token.kind == "word"}
    return Statement(
        _signature_of(tokens),
        frozenset(names - {""}),
        tuple(literals),
        tuple(markers),
        _plain_columns(tokens),
        "order" in words,
        _NAMES_A_KEY.search(text) is not None,
    )


def _tokens_of(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        marker = match["mapped"] or match["named"] or ""
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[0], match.start(), match.end(), marker))
    return tokens


def _unquoted(name: str) -> str:
    return name[1:-1] if name[0] in '"`[' else name


def _is_text(tokens: list[_Token], index: int) -> bool:
    """Return whether a quoted name is a text, as MySQL has it: `name = "ann"`."""
    if tokens[index].text[0] != '"' or not index:
        return False
    is_path = [token.text for token in tokens[index + 1 : index + 2]] == ["."]
    return tokens[index - 1].text in _COMPARISON and not is_path


def _is_key(tokens: list[_Token], index: int) -> bool:
    before = "".join(token.text for token in tokens[max(0, index - 3) : index])
    is_path = tokens[index].text.startswith(("'$.", "'$["))
    return is_path or before.endswith(("->", "->>", "#>", "#>>"))


def _column_before(tokens: list[_Token], index: int) -> str:
    """Return the column with which a literal or parameter is compared: `name = ?`.

    Empty: it stands elsewhere, or in an expression.
    """
    place = index - 1
    while place >= 0 and tokens[place].text in _COMPARISON:
        place -= 1
    if place >= 0 and tokens[place].lowered in ("like", "ilike"):
        place -= 1
    if place < 0 or place == index - 1 or not tokens[place].is_name:
        return ""
    column = _unquoted(tokens[place].text)
    while place >= 2 and tokens[place - 1].text == ".":
        place -= 2
    if place and tokens[place - 1].lowered not in _BEGINNINGS:
        return ""
    return column


def _plain_columns(tokens: list[_Token]) -> frozenset[str] | None:
    """Return the columns that a query lists by their own names, perhaps `*`."""
    words = [token.lowered for token in tokens]
    is_simple = words[:1] == ["select"] and "from" in words
    if not is_simple or set(words) & {"union", "except", "intersect"}:
        return None
    end = words.index("from")
    if "(" in words[end : end + 2]:
        return None
    columns = set()
    has_star = has_other = False
    item: list[_Token] = []
    for token in [*tokens[1:end], _Token("sign", ",", 0, 0, "")]:
        if token.text != ",":
            item.append(token)
            continue
        names = [one for one in item if one.text != "."]
        is_path = len(item) == 2 * len(names) - 1
        if names and is_path and all(one.is_name for one in names):
            columns.add(_unquoted(names[-1].text))
        elif [one.text for one in item[-1:]] == ["*"]:
            has_star = True
        else:
            has_other = True
        item = []
    if has_star:
        return None if has_other else frozenset("*")
    return frozenset(columns)


def _signature_of(tokens: list[_Token]) -> str:
    """Return the verb of a statement and its main table."""
    text = " ".join(token.text for token in tokens if token.kind != "comment")
    text = re.sub(r"\s*\.\s*", ".", text)
    match = _VERB.match(text)
    if match is None:
        return ""
    flat = text.lstrip("( ") if text.startswith("(") else text
    while flat != (inner := _INNERMOST.sub("", flat)):
        flat = inner
    verb = match[1].upper()
    if verb == "WITH":
        main = _MAIN.search(flat)
        verb = main[1].upper() if main else verb
        flat = flat[main.start() :] if main else flat
    pattern = _OBJECTS.get(verb, _DEFINED)
    found = re.search(pattern, flat, re.I) or re.search(pattern, text, re.I)
    if found is None:
        return verb
    name = re.split(r"\.(?=[^\"`\]]*$|[\"`\[])", found[1])[-1]
    return f"{verb} {_unquoted(name)}"
