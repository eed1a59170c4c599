"""Which columns the parameters and texts of a statement are for, as far as it says so plainly.

A value is a column's where it is assigned to it, compared with it, stands at its place in an INSERT, or gets its name
with AS. That a column was spoken of nearby says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import combinations, zip_longest
from typing import NamedTuple, TypeGuard

from pytest_mimic.boundaries.sql.tokens import Token

#: Begin a clause.
_CLAUSES = frozenset(
    """SELECT FROM WHERE SET VALUES ON HAVING BY JOIN USING UNION INTERSECT EXCEPT RETURNING LIMIT OFFSET INSERT
    REPLACE UPDATE""".split()
)
#: Begin a part of a union, or what is inserted.
_UNITING = frozenset(("", "UNION", "INTERSECT", "EXCEPT", "INSERT", "REPLACE"))
#: After one of these, such a word is something else: a name, a function, `IS DISTINCT FROM`, `DISTINCT ON`.
_JOINING = frozenset((",", ".", "=", "+", "-", "/", "||", "AS", "DISTINCT"))
_CONNECTING = frozenset("AND OR XOR CASE WHEN THEN ELSE".split())
_COMPARING = frozenset(
    """= == != <> < > <= >= ~ !~ ~* !~* @> <@ && @@
    IN LIKE ILIKE SIMILAR BETWEEN IS REGEXP RLIKE GLOB MATCH TO""".split()
)
#: Neither columns nor functions.
_OTHER_WORDS = frozenset(
    """ALL ANY AS ARRAY BINARY COLLATE DEFAULT DISTINCT END ESCAPE EXISTS FALSE FILTER FOR GROUP INTERVAL LATERAL NOT
    NULL ORDER OVER ROW SOME TRUE WITH""".split()
)
_WORDS = _CLAUSES | _CONNECTING | _COMPARING | _OTHER_WORDS
#: Functions that give one of the values that they are given.
_CHOOSING = frozenset(
    """ANY_VALUE CAST COALESCE FIRST_VALUE GREATEST IFNULL ISNULL LAG LAST_VALUE LEAD LEAST MAX MIN NULLIF NVL
    TRY_CAST""".split()
)
#: What is nested deeper is read as if it were not.
_DEEPEST = 40


class Source(NamedTuple):
    """A column that a value is for.

    Attributes:
        column: Its name.
        is_itself: It is the column's value, and not what a function makes of it.
    """

    column: str
    is_itself: bool

    def hides(self, value: object, secret: Callable[[str], bool]) -> bool:
        """Whether a value is secret here: a number that a function gives or takes (`length(password)`) is not."""
        return secret(self.column) and (self.is_itself or not isinstance(value, (int, float, Decimal)))


def read_columns(words: Sequence[Token]) -> dict[int, tuple[Source, ...]]:
    """Gives the columns of marks and texts, by their places.

    Args:
        words: The pieces of a statement, blanks and comments left out.
    """
    reader = _Reader()
    reader.query(_nested(words))
    return {place: tuple(dict.fromkeys(sources)) for place, sources in reader.sources.items()}


class _Group(list["_Node"]):
    """What stands in parentheses, or from CASE to END."""

    kind = text = upper = ""


_Node = Token | _Group


def _nested(words: Iterable[Token]) -> _Group:
    whole = _Group()
    stack = [(whole, "")]
    for word in words:
        group, closing = stack[-1]
        if word.text == ")":
            while len(stack) > 1 and stack.pop()[1] == "END":
                pass  # a CASE that was none
        elif closing == "END" == word.upper:
            stack.pop()
        elif word.text == "(" or word.upper == "CASE":
            inner = _Group() if word.text == "(" else _Group([word])
            if len(stack) < _DEEPEST:
                group.append(inner)
                group = inner
            stack.append((group, ")" if word.text == "(" else "END"))
        else:
            group.append(word)
    return whole


class _Operand:
    """A part of an expression.

    Attributes:
        columns: What it is made of.
        values: Places of the marks and texts in it, and whether each is itself, or given to a function.
        items: Its parts, where it is a row.
    """

    def __init__(self) -> None:
        self.columns: list[Source] = []
        self.values: list[tuple[int, bool]] = []
        self.items: list[_Operand] = []

    def add(self, other: _Operand, *, is_itself: bool = True) -> None:
        """Takes another in; not `is_itself` where a function makes something else of it."""
        self.columns += [Source(column, kept and is_itself) for column, kept in other.columns]
        self.values += [(place, kept and is_itself) for place, kept in other.values]


class _Reader:
    """Reads from the inside out: values rise until something says whose they are.

    Attributes:
        sources: The columns of values, by place.
    """

    def __init__(self) -> None:
        self.sources: dict[int, list[Source]] = {}

    def query(self, nodes: Sequence[_Node]) -> list[_Operand]:
        """Reads clause by clause; gives the columns of the result."""
        results: list[_Operand] = []
        into: list[str] = []
        for keyword, part in _clauses(nodes):
            if keyword in ("INSERT", "REPLACE"):
                into, part = _inserted(part)
            if keyword == "SELECT":
                found = [self._item(item) for item in _split(part, ",")]
                results = _united(results, self._named(found, into))
            elif keyword == "VALUES":
                rows = [self._items(node) for node in part if isinstance(node, _Group)]
                results = _united(results, self._named(_stacked(rows), into))
            elif keyword == "RETURNING":
                results = [self._item(item) for item in _split(part, ",")]
            elif keyword in ("LIMIT", "OFFSET"):
                for operand in self._items(part):
                    self._claim(operand, [Source(keyword.lower(), True)])
            elif keyword in ("FROM", "JOIN", "USING"):
                self._items(self._tables(part, into))
            elif keyword in _UNITING and part and _is_query(part[0]):
                results = _united(results, self._named(self.query(part[0]), into))
                self._items(part[1:])
            else:
                self._items(part)
        return results

    def _tables(self, part: Sequence[_Node], into: Sequence[str]) -> list[_Node]:
        """Reads `(VALUES …) AS x (a, b)`: its columns, or in an INSERT those of its list; gives the rest."""
        rest: list[_Node] = []
        for place, node in enumerate(part):
            if _is_query(node) and node[0].upper == "VALUES":
                listed = [other for other in part[place + 1 : place + 4] if isinstance(other, _Group)]
                self._named(self.query(node), into or _names_in(listed[0] if listed else ()))
            else:
                rest.append(node)
        return rest

    def _named(self, operands: list[_Operand], names: Sequence[str]) -> list[_Operand]:
        for operand, name in zip(operands, names):
            self._claim(operand, [Source(name, True)])
        return operands

    def _item(self, nodes: Sequence[_Node]) -> _Operand:
        """One of those that SELECT or RETURNING lists."""
        alias = _alias(nodes)
        operand = self._expression(nodes if alias is None else nodes[:-1])
        return operand if alias is None else self._named([operand], [alias.name])[0]

    def _items(self, nodes: Sequence[_Node]) -> list[_Operand]:
        return [self._expression(item) for item in _split(nodes, ",")]

    def _expression(self, nodes: Sequence[_Node]) -> _Operand:
        """Settles the conditions in an expression; what is none rises."""
        parts = list(_connected(nodes))
        if len(parts) == 1:
            return self._condition(parts[0][1])
        whole, subject = _Operand(), _Operand()
        for word, part in parts:
            operand = self._condition(part)
            if word == "CASE":
                subject = operand
            elif word == "WHEN":
                self._settle(subject, operand)
            else:
                whole.add(operand)
        return whole

    def _condition(self, nodes: Sequence[_Node]) -> _Operand:
        sides = [self._operand(side) for side in _split(nodes, *_COMPARING)]
        if len(sides) == 1:
            return sides[0]
        for one, other in combinations(sides, 2):
            self._settle(one, other)
        return _Operand()

    def _settle(self, one: _Operand, other: _Operand) -> None:
        """Compares two operands; rows part by part."""
        if one.items and any(row.items for row in other.items):
            for row in other.items:
                self._settle(one, row)
        elif one.items and len(one.items) == len(other.items):
            for pair in zip(one.items, other.items):
                self._settle(*pair)
        else:
            self._claim(one, other.columns)
            self._claim(other, one.columns)

    def _claim(self, operand: _Operand, columns: Iterable[Source]) -> None:
        for place, is_itself in operand.values:
            for column, kept in columns:
                self.sources.setdefault(place, []).append(Source(column, kept and is_itself))

    def _operand(self, nodes: Sequence[_Node]) -> _Operand:
        operand = _Operand()
        before: _Node = _Group()
        for node, after in zip_longest(nodes, nodes[1:]):
            if isinstance(node, _Group):
                self._read_group(operand, node, before)
            elif node.kind == "string" and before.text in ("->", "->>"):
                operand.columns.append(Source(node.text.strip("'"), True))
            elif node.kind in ("mark", "string"):
                operand.values.append((node.place, True))
                if before.upper == "PASSWORD":  # ALTER USER
                    self.sources.setdefault(node.place, []).append(Source("password", True))
            elif _is_column(node, after):
                operand.columns.append(Source(node.name, True))
            before = node
        if len([node for node in nodes if node.upper not in _WORDS]) > 1:
            operand.items = []  # not a row alone
        return operand

    def _read_group(self, operand: _Operand, group: _Group, before: _Node) -> None:
        if before.upper in ("FILTER", "GROUP", "OVER"):
            self.query(group)  # which rows, not what of them
        elif _is_query(group):
            operand.items = self.query(group)
        elif before.upper in ("CAST", "TRY_CAST"):
            operand.items = [self._expression(next(_split(group, "AS")))]
        else:
            operand.items = self._items(group)
        is_itself = not _is_name(before) or before.upper in _CHOOSING
        for item in operand.items:
            operand.add(item, is_itself=is_itself)


def _clauses(nodes: Sequence[_Node]) -> Iterator[tuple[str, list[_Node]]]:
    """Splits a query at the words that begin a clause; what comes before the first is under `""`."""
    keyword, part = "", list[_Node]()
    before: _Node = _Group()
    for node, after in zip_longest(nodes, nodes[1:]):
        is_function = node.upper == "REPLACE" and isinstance(after, _Group)
        if node.upper in _CLAUSES and before.upper not in _JOINING and not is_function:
            yield keyword, part
            keyword, part = node.upper, []
        elif part or node.upper != "ALL":  # UNION ALL
            part.append(node)
        before = node
    yield keyword, part


def _split(nodes: Sequence[_Node], *separators: str) -> Iterator[list[_Node]]:
    part: list[_Node] = []
    for node in nodes:
        if node.upper in separators:
            yield part
            part = []
        else:
            part.append(node)
    yield part


def _connected(nodes: Sequence[_Node]) -> Iterator[tuple[str, list[_Node]]]:
    """Splits at AND, OR, WHEN and the like, each part with the word before it; BETWEEN keeps its AND."""
    word, part = "", list[_Node]()
    is_between = False
    for node in nodes:
        if node.upper in _CONNECTING and not (is_between and node.upper == "AND"):
            if part:
                yield word, part
            word, part = node.upper, []
        else:
            part.append(node)
        is_between = node.upper == "BETWEEN" or (is_between and node.upper != "AND")
    yield word, part


def _stacked(rows: Sequence[Sequence[_Operand]]) -> list[_Operand]:
    """Rows as columns."""
    columns: list[_Operand] = []
    for row in rows:
        columns += [_Operand() for _ in row[len(columns) :]]
        for column, item in zip(columns, row):
            column.add(item)
    return columns


def _united(results: list[_Operand], more: list[_Operand]) -> list[_Operand]:
    """The columns of a union."""
    for operand, other in zip(results, more):
        operand.add(other)
    return results or more


def _inserted(part: list[_Node]) -> tuple[list[str], list[_Node]]:
    """The column list of an INSERT, and what comes after it."""
    for place, node in enumerate(part):
        if isinstance(node, _Group):
            if _is_query(node):
                return [], part[place:]
            return _names_in(node), part[place + 1 :]
    return [], []


def _alias(nodes: Sequence[_Node]) -> Token | None:
    """The name of an item: after AS, or simply at its end."""
    if len(nodes) < 2 or isinstance(nodes[-1], _Group):
        return None
    before, last = nodes[-2], nodes[-1]
    if before.upper == "AS":
        return last
    follows = isinstance(before, _Group) or before.kind in ("mark", "string", "cast") or _is_name(before)
    return last if follows and _is_name(last) else None


def _is_query(node: _Node) -> TypeGuard[_Group]:
    """Whether it is a query in parentheses, perhaps a union of such."""
    if not isinstance(node, _Group) or not node:
        return False
    if node[0].upper in ("SELECT", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE"):
        return True
    return _is_query(node[0]) and (len(node) == 1 or node[1].upper in _UNITING)


def _is_column(node: Token, after: _Node | None) -> bool:
    """Whether it names a column, and no function, nor a table before its column."""
    return _is_name(node) and not isinstance(after, _Group) and (after is None or after.text != ".")


def _names_in(nodes: Sequence[_Node]) -> list[str]:
    return [node.name for node in nodes if isinstance(node, Token) and _is_name(node)]


def _is_name(node: _Node) -> bool:
    if node.kind == "quoted":
        return True
    return node.kind == "word" and node.upper not in _WORDS and not node.text[0].isdigit()
