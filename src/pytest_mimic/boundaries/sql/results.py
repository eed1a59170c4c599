"""Which columns of a statement's result show a secret, under whatever name they come.

A tolerant reader, as `sql_text` is: where a statement does not say what a column shows (`*`, a view, a function of
the server's), the name of the column alone counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from pytest_mimic.boundaries.sql.statements import main_verb, words_of
from pytest_mimic.boundaries.sql.tokens import Token

#: Words behind the items of a result.
_ENDS = frozenset(
    "FROM WHERE UNION INTERSECT EXCEPT GROUP HAVING ORDER LIMIT OFFSET FETCH WINDOW INTO RETURNING FOR".split()
)
#: An expression with one of these beside its operands is true or false.
_ASKS = frozenset("= <> != < > <= >= IS IN BETWEEN LIKE ILIKE SIMILAR REGEXP GLOB EXISTS".split())
#: What stands in parentheses behind these is counted, measured, tested or sorted by, not shown.
_TELLS_ABOUT = frozenset(
    """COUNT LENGTH CHAR_LENGTH CHARACTER_LENGTH OCTET_LENGTH BIT_LENGTH LEN DATALENGTH TYPEOF PG_TYPEOF EXISTS OVER
    FILTER""".split()
)
#: Before the key of a part of JSON.
_KEYED = frozenset(("->", "->>"))
_NO_ALIAS = frozenset("END NULL TRUE FALSE".split())
_BEFORE_NO_ALIAS = _ASKS | frozenset("NOT AND OR COLLATE DISTINCT".split())
#: How deep parentheses are looked into; what is deeper is taken as shown. It bounds the time.
_DEEPEST = 16


class Shown(NamedTuple):
    """What an expression shows: the columns, by their names, and the parameters."""

    names: frozenset[str]
    marks: frozenset[str]


class Results(NamedTuple):
    """What a statement says of its result.

    Attributes:
        columns: What each column shows; none where the statement does not say how many there are.
        aliases: What an alias shows, wherever it is given, in small letters.
    """

    columns: tuple[Shown, ...]
    aliases: tuple[tuple[str, Shown], ...]

    def secret_columns(
        self, names: Sequence[str], secret: Callable[[str], bool], marks: Collection[str]
    ) -> list[bool]:
        """Whether each column of a result shows a secret, or has the name of one.

        Args:
            names: Of the columns, as the driver tells them.
            secret: Whether a name is that of a secret.
            marks: The secret parameters.
        """
        tainted: set[str] = set()
        found: set[str] | None = None

        def is_secret(shown: Shown) -> bool:
            return not shown.marks.isdisjoint(marks) or any(
                secret(name) or name.lower() in tainted for name in shown.names
            )

        while found is None or found:
            found = {alias for alias, shown in self.aliases if alias not in tainted and is_secret(shown)}
            tainted |= found
        by_name = [secret(name) or name.lower() in tainted for name in names]
        if len(self.columns) != len(names):
            return by_name
        given = {alias for alias, _ in self.aliases}
        # SQLite calls a column without an alias by the text of its expression, which may only tell about a secret.
        named = [name.isidentifier() or name.lower() in given for name in names]
        by_place = map(is_secret, self.columns)
        return [shown or (told and known) for shown, told, known in zip(by_place, by_name, named)]


@lru_cache(maxsize=1024)
def read_results(sql: str) -> Results:
    """Reads what a statement says of its result; the same text is read once."""
    words = words_of(sql)
    start = main_verb(words)
    if start is None:
        return Results((), ())
    base = words[start].depth
    aliases: list[tuple[str, Shown]] = []
    lists: dict[str, list[list[Shown] | None]] = {"SELECT": [], "RETURNING": []}
    for place, word in enumerate(words):
        if word.upper not in lists or word.depth > base + _DEEPEST:
            continue
        columns: list[Shown] | None = []
        for item in _items(words, place + 1, word.depth):
            expression, alias = _without_alias(item)
            shown = _shown(expression)
            if alias is not None:
                aliases.append((alias.lower(), shown))
            if _is_star(item):
                columns = None
            elif columns is not None:
                columns.append(shown)
        if word.depth == base:
            lists[word.upper].append(columns)
    of_result = lists["RETURNING"] or lists["SELECT"]
    if words[start].upper == "EXPLAIN" or any(columns is None for columns in of_result):
        return Results((), tuple(aliases))
    return Results(_side_by_side([columns for columns in of_result if columns is not None]), tuple(aliases))


def _side_by_side(lists: Sequence[Sequence[Shown]]) -> tuple[Shown, ...]:
    """The columns of a UNION: each shows what those at its place show."""
    if len({len(columns) for columns in lists}) != 1:
        return ()
    return tuple(
        Shown(
            frozenset().union(*(shown.names for shown in place)),
            frozenset().union(*(shown.marks for shown in place)),
        )
        for place in zip(*lists)
    )


def _items(words: Sequence[Token], start: int, depth: int) -> Iterator[Sequence[Token]]:
    """The items of the list that begins there."""
    end = start
    while end < len(words) and not _is_end(words, end, depth):
        end += 1
    if start < end and words[start].upper in ("DISTINCT", "ALL"):
        start += 1
        if end > start + 1 and words[start].upper == "ON":
            start = _closing(words, start + 1) + 1
    yield from _split(words[start:end], depth)


def _is_end(words: Sequence[Token], place: int, depth: int) -> bool:
    word = words[place]
    if word.depth > depth:
        return False
    is_clause = word.upper in _ENDS and words[place - 1].upper != "DISTINCT"  # `IS DISTINCT FROM`
    return word.depth < depth or is_clause or word.text == ";"


def _split(words: Sequence[Token], depth: int) -> Iterator[Sequence[Token]]:
    """The parts between commas."""
    start = 0
    for place, word in enumerate(words):
        if word.text == "," and word.depth == depth:
            yield words[start:place]
            start = place + 1
    yield words[start:]


def _closing(words: Sequence[Token], opening: int) -> int:
    """Where the parenthesis is closed that is opened there."""
    depth = words[opening].depth
    closings = (n for n in range(opening + 1, len(words)) if words[n].depth == depth)
    return next(closings, len(words))


def _is_star(item: Sequence[Token]) -> bool:
    return bool(item) and item[-1].text == "*" and (len(item) == 1 or item[-2].text == ".")


def _without_alias(item: Sequence[Token]) -> tuple[Sequence[Token], str | None]:
    """An item's expression, and its alias if it has one."""
    if len(item) < 2 or item[-1].kind not in ("word", "quoted") or item[-1].upper in _NO_ALIAS:
        return item, None
    before = item[-2]
    if before.upper == "AS":
        return item[:-2], item[-1].name
    is_operand = before.kind in ("word", "quoted", "mark", "string", "cast") or before.text == ")"
    return (item[:-1], item[-1].name) if is_operand and before.upper not in _BEFORE_NO_ALIAS else (item, None)


def _shown(expression: Sequence[Token]) -> Shown:
    found = list(_revealed(expression, 0))
    return Shown(
        frozenset(token.name.strip("'") for token in found if token.kind != "mark"),
        frozenset(token.text for token in found if token.kind == "mark"),
    )


def _revealed(words: Sequence[Token], deep: int) -> Iterator[Token]:
    """The names and parameters whose values an expression shows, or a list of them."""
    if not words:
        return
    depth = words[0].depth
    if deep > _DEEPEST:
        yield from (word for word in words if word.kind in ("word", "quoted", "mark"))
    elif words[0].upper == "SELECT":
        for item in _items(words, 1, depth):
            yield from _revealed(_without_alias(item)[0], deep + 1)
    else:
        for part in _split(words, depth):
            yield from _operands(_without_conditions(part, depth), depth, deep)


def _without_conditions(words: Sequence[Token], depth: int) -> Sequence[Token]:
    """An expression without what stands between WHEN and THEN."""
    kept, is_condition = [], False
    for word in words:
        if word.depth == depth and word.upper in ("WHEN", "THEN"):
            is_condition = word.upper == "WHEN"
        if not is_condition:
            kept.append(word)
    return kept


def _operands(words: Sequence[Token], depth: int, deep: int) -> Iterator[Token]:
    if any(word.depth == depth and _asks(words, place) for place, word in enumerate(words)):
        return
    place = 0
    while place < len(words):
        word, before = words[place], words[place - 1] if place else None
        following = words[place + 1].text if place + 1 < len(words) else ""
        if word.text == "(" and word.kind == "other":
            end = _closing(words, place)
            if before is None or before.upper not in _TELLS_ABOUT:
                yield from _revealed(words[place + 1 : end], deep + 1)
            place = end
        elif (word.kind == "string" and before is not None and before.text in _KEYED) or word.kind == "mark":
            yield word  # a key of JSON: `settings ->> 'token'`
        elif word.kind in ("word", "quoted") and following not in (".", "(") and not _is_type(before):
            yield word
        place += 1


def _is_type(before: Token | None) -> bool:
    """Whether the name behind this word is that of a type: `CAST(a AS text)`."""
    return before is not None and before.upper == "AS"


def _asks(words: Sequence[Token], place: int) -> bool:
    """Whether a comparison stands there."""
    word = words[place]
    return word.upper in _ASKS and word.kind in ("word", "other")
