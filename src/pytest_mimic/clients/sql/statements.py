"""The text of a statement: its verb and table, its names, and where literals stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count, dropwhile, pairwise, takewhile
from typing import NamedTuple

# The last group of each piece is its content, and is called by its kind.
_TOKEN = re.compile(
    r"""
      --(?P<comment_line>[^\n]*)
    | /\*(?P<comment_block>.*?)(?:\*/|\Z)
    | [EeNnBbXx]?'(?P<text_single>(?:[^']|'')*)(?:'|\Z)
    | \$(?P<tag>\w*)\$(?P<text_dollar>.*?)(?:\$(?P=tag)\$|\Z)
    | "(?P<quoted_double>(?:[^"]|"")*)(?:"|\Z)
    | `(?P<quoted_back>[^`]*)`
    | \[(?P<quoted_square>[A-Za-z_][^\]\n]*)\]
    | %\((?P<parameter_mapped>[^)]+)\)s
    | (?<![:\w]):(?P<parameter_named>[A-Za-z_]\w*)
    | \$(?P<parameter_numbered>\d+)
    | (?P<parameter_marker>%s|\?)
    | (?P<number>(?<![\w.])\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w$]*)
    | (?P<sign>\S)
    """,
    re.X | re.S,
)
_ALL_COLUMNS = re.compile(
    r"\s*select\s+(?:\w+\.)?\*\s+from\b(?!.*\bselect\b)", re.I | re.S
)
_RENAMES = re.compile(r"\b(?:union|intersect|except)\b|\)\s*as\s*(?:\w+\s*)?\(", re.I)
_COMPARISON = frozenset("=<>!~")
# Before a condition, and where one ends.
_BEFORE_CONDITIONS = frozenset("where and or on having set".split())
_BOUNDARIES = _BEFORE_CONDITIONS.union(
    "select returning from values group order limit offset union".split()
)
# Around a text in quotes that are for names in other databases.
_BEFORE_TEXTS = frozenset("like regexp rlike between then else".split())
_BEHIND_TEXTS = _BOUNDARIES.union("),;|")
_WITH_TEXTS = _BEFORE_CONDITIONS | {"values"}
_BEFORE_COLUMNS = _BOUNDARIES.union("by distinct all when then else between".split())
# How PostgreSQL calls the result of an expression.
_EXPRESSIONS = frozenset(["case", "array"])
_NO_COLUMNS = _EXPRESSIONS | {"as"}
# `users.name AS users_name`, as the ORM writes it.
_ORM_LABEL = re.compile(r"\b(\w+)\W{1,3}(\w+)\W? AS \W?((?:\w+_)?\1_\2)\b")
_SETS_A_PASSWORD = re.compile(
    r"\bidentified\b|\bpragma\s+(?:\w+\.)?\W?(?:hex|text)?(?:re)?key\b", re.I
)
_VERBS = frozenset(["select", "insert", "update", "delete", "merge"])
_BEFORE_OBJECT = frozenset(
    "from into update table index view schema type sequence trigger function database"
    " extension pragma savepoint set".split()
)
_BETWEEN = frozenset("only concurrently if not exists".split())


class Token(NamedTuple):
    """A piece of a statement.

    Attributes:
        start: Where its content begins, behind a quote.
        end: Where its content ends.
        kind: `text`, `number`, `comment`, `word`, `quoted`, `parameter` or `sign`.
        content: Its content; of a parameter without a name its number.
        depth: In how many brackets it stands.
        is_key: Whether it names a part of a document: `settings ->> 'name'`.
    """

    start: int
    end: int
    kind: str
    content: str
    depth: int = 0
    is_key: bool = False

    @property
    def is_name(self) -> bool:
        return self.kind in ("word", "quoted")

    @property
    def word(self) -> str:
        """The text in lower case; empty: a literal, or a quoted name."""
        return self.content.lower() if self.kind in ("word", "sign") else ""


class Statement(NamedTuple):
    """What the text of a statement says.

    Attributes:
        signature: `SELECT users`.
        names: Every name in it, but for labels of the ORM.
        columns: Those that nothing but a column can have.
        literals: Texts, numbers and comments, in order.
        compared: By the name of a parameter, or its number: the names in the condition
            in which it stands; `:` if there are other parameters, which may name parts
            of a document.
        labels: The columns by the labels that the ORM has made of their names.
        lists_all: Whether it gives all columns of its tables, and nothing else.
        renames: Whether it has other names for columns, in brackets or for the rows of
            several queries.
        is_ordered: Whether it gives an order of rows.
    """

    signature: str
    names: frozenset[str]
    columns: frozenset[str]
    literals: Sequence[Token]
    compared: Mapping[str, Sequence[str]]
    labels: Mapping[str, str]
    lists_all: bool
    renames: bool
    is_ordered: bool


_END = Token(0, 0, "sign", ";")


@lru_cache(maxsize=1024)
def read(text: str) -> Statement:
    """Read a statement."""
    all_tokens = [*_tokens_of(text)]
    literals = [token for token in all_tokens if token.kind == "comment"]
    # Before a literal, a comment says nothing.
    tokens = [token for token in all_tokens if token.kind != "comment"]
    labels = {match[3]: match[2] for match in _ORM_LABEL.finditer(text)}
    # What may be a text may be a name as well, and that of a secret.
    names = {token.content for token in tokens if token.is_name} - labels.keys()
    tokens = [*_with_texts(tokens)]
    compared: dict[str, Sequence[str]] = {}
    boundary = _END
    start = 0
    for index, token in enumerate(tokens):
        is_comma = token.word == "," and token.depth == boundary.depth
        if token.word in _BOUNDARIES:
            boundary, start = token, index + 1
        elif is_comma and boundary.word == "set":
            start = index + 1
        is_literal = token.kind in ("text", "number")
        if token.kind == "parameter":
            end = index if boundary.word == "set" else len(tokens)
            is_condition = boundary.word in _BEFORE_CONDITIONS
            around = _names_around(tokens, start, index, end) if is_condition else ()
            compared[token.content] = around
        elif is_literal:
            is_key = token.kind != "number" and _is_key(tokens, index)
            literals.append(token._replace(is_key=is_key))
            if is_key:
                names.update(words_in(token.content))
    if _SETS_A_PASSWORD.search(text):
        names.add("password")
    names.discard("")
    return Statement(
        signature=_signature_of(tokens),
        names=frozenset(names),
        columns=frozenset(names - _EXPRESSIONS - {*_labels_and_functions_in(tokens)}),
        literals=sorted(literals),
        compared=compared,
        labels=labels,
        lists_all=_ALL_COLUMNS.match(text) is not None,
        renames=_RENAMES.search(text) is not None,
        is_ordered=any(token.word == "order" for token in tokens),
    )


def words_in(path: str) -> list[str]:
    """Return the names in a path into a document: `$.user.password`."""
    return re.findall(r"[\w-]+", path)


def _tokens_of(text: str) -> Iterator[Token]:
    numbers = count(1)
    depth = 0
    for match in _TOKEN.finditer(text):
        group = match.lastgroup or ""
        kind, _, form = group.partition("_")
        content = match[group] if form != "marker" else str(next(numbers))
        depth -= content == ")" and kind == "sign"
        yield Token(*match.span(group), kind, content, depth)
        depth += content == "(" and kind == "sign"


def _with_texts(tokens: list[Token]) -> Iterator[Token]:
    """Yield the tokens; a quoted name that is a text, as MySQL has it, as a text."""
    boundary = ""
    for index, token in enumerate(tokens):
        if token.word in _BOUNDARIES:
            boundary = token.word
        is_text = token.kind == "quoted" and _is_text(tokens, index, boundary)
        yield token._replace(kind="text") if is_text else token


def _is_text(tokens: list[Token], index: int, boundary: str) -> bool:
    """Return whether a quoted name is a text: `name = "ann"`.

    Args:
        tokens: The statement.
        index: The place of the quoted name.
        boundary: The word that begins this part of the statement.
    """
    before = tokens[index - 1] if index else _END
    behind = tokens[index + 1] if index + 1 < len(tokens) else _END
    if behind.word == ".":
        return False
    if before.content in _COMPARISON or before.word in _BEFORE_TEXTS:
        return True
    if before.word == "by":
        return tokens[index - 2].word == "identified"
    # Of a list of values, what a function gets, the second that `between` has.
    is_alone = before.word in ("(", ",", "|", "and") and behind.word in _BEHIND_TEXTS
    return is_alone and boundary in _WITH_TEXTS


def _is_key(tokens: list[Token], index: int) -> bool:
    before = "".join(token.word for token in tokens[max(0, index - 3) : index])
    is_path = tokens[index].content.startswith(("$.", "$["))
    return is_path or before.endswith(("->", "->>", "#>", "#>>"))


def _names_around(tokens: list[Token], start: int, index: int, end: int) -> list[str]:
    """Return the names, and the other parameters, of the condition around a place.

    Each stands once; the type of a cast, `::VARCHAR`, is none.
    """
    after = takewhile(lambda one: one.word not in _BOUNDARIES, tokens[index + 1 : end])
    found: list[str] = []
    before = _END
    for token, following in pairwise([*tokens[start:index], *after, _END]):
        is_type = before.word == ":" or token.word in _NO_COLUMNS
        if token.kind == "parameter":
            found.append(":")
        elif token.kind == "text":
            found += words_in(token.content)
        elif token.is_name and following.word not in (".", "(") and not is_type:
            found.append(token.content)
        before = token
    return [*dict.fromkeys(found)]


def _labels_and_functions_in(tokens: list[Token]) -> Iterator[str]:
    """Yield the names behind a name or an expression, and before a bracket."""
    for before, token in pairwise(tokens):
        is_behind_name = before.is_name and before.word not in _BEFORE_COLUMNS
        if token.word == "(":
            yield before.content
        elif token.is_name and (is_behind_name or before.word == ")"):
            yield token.content


def _signature_of(tokens: list[Token]) -> str:
    """Return the verb of a statement and its main table."""
    outer = [token for token in tokens if token.depth == 0]
    verb = next((token.word for token in tokens if token.kind == "word"), "")
    if verb == "with":
        verb = next((token.word for token in outer if token.word in _VERBS), verb)
    name = _object_of(outer) or _object_of(tokens)
    return f"{verb.upper()} {name}".rstrip()


def _object_of(tokens: list[Token]) -> str:
    """Return the first name behind a word such as `FROM`, without that of a schema."""
    for index, token in enumerate(tokens):
        if token.word not in _BEFORE_OBJECT:
            continue
        behind = dropwhile(lambda one: one.word in _BETWEEN, tokens[index + 1 :])
        name = next(behind, _END)
        if not name.is_name or name.word in _BEFORE_OBJECT:
            continue
        for dot, inner in zip(behind, behind):
            if dot.word != ".":
                break
            name = inner
        return name.content
    return ""
