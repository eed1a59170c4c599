"""The text of a statement, read without a grammar: as words, quotes and signs.

It gives the signature of the call (`SELECT users`), tells which columns a result lists,
and hides literals. Where the text alone does not tell which literal is secret, all are
hidden. The text without its literals counts in the identity of the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pytest_mimic.client import PLACEHOLDER, Redactor, lazy_attribute

# The name of the group that matches is the kind of the piece, `Token.kind`.
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
    # A name of SQL Server. The brackets of an array may have a text inside.
    | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[A-Za-z_][^\]']*\])
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
# A word that may be a name.
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
# The blanks of all servers. Others, such as U+00A0, are parts of a name.
_BLANKS = " \t\n\r\f"
_SEVERAL_BLANKS = re.compile(f"[{_BLANKS}]+")
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
# The groups of the pattern above that are names.
_TOKENS_OF_NAMES = ("word", "quoted")
# The groups that mean nothing: they only stand between others.
_TOKENS_BETWEEN = ("blank", "comment")
_VERBS_OF_DATA = frozenset("SELECT VALUES INSERT UPDATE DELETE MERGE REPLACE".split())
# A column without an alias or an expression: `id`, `u."name"`, `*`.
_PLAIN_COLUMN = r'(?:\w+\.)*(?:\w+|"[^"]+"|\*)'
# `SELECT id, u.name FROM …`. Its result has the columns of the table under their own
# names. The result of `SELECT password AS p` has a secret under another name.
_PLAIN_SELECT = re.compile(
    rf"\s*SELECT\s+(?:DISTINCT\s+)?({_PLAIN_COLUMN}(?:\s*,\s*{_PLAIN_COLUMN})*)\s+FROM\b",
    re.IGNORECASE,
)
# A plain SELECT has one of these words. A union or a subquery brings another one.
_START_OF_QUERY = re.compile(
    r"\b(?:SELECT|UNION|INTERSECT|EXCEPT|TABLE)\b", re.IGNORECASE
)
# The statements that define something: `CREATE TABLE users`, whose numbers are sizes.
_VERBS_OF_DEFINITIONS = frozenset(
    "CREATE ALTER DROP TRUNCATE COMMENT LOCK REINDEX".split()
)
# The name of what is defined stands behind one of these words.
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

    Attributes:
        kind: The group of the pattern above, `word` or `string`.
        text: The piece as it is written.
        upper_text: A word in capitals, `SELECT`; another piece as it is written.
        name: An identifier without its quotes; another piece as it is written.
        depth: How many parentheses are open around it.
    """

    kind: str = "other"
    text: str = ""
    upper_text: str = ""
    name: str = ""
    depth: int = 0


class Statement:
    """A statement, read from its text.

    Attributes:
        verb: The verb in capitals, `SELECT`; empty in a statement without words.
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
        # The text of each piece, its blanks folded.
        self._texts = list(_texts_with_folded_blanks(self._tokens))
        tokens = [token for token in self._tokens if token.kind not in _TOKENS_BETWEEN]
        tokens_from_verb = tokens[_index_of_verb(tokens) :]
        self.verb = ""
        self.signature = ""
        if tokens_from_verb:
            self.verb = tokens_from_verb[0].upper_text
            self.signature = f"{self.verb} {_main_table(tokens_from_verb)}".strip()
        self.is_unordered = self.verb == "SELECT" and not _is_ordered(tokens_from_verb)
        names: set[str] = set()
        # A text counts, too, as it may name a part of JSON: `data ->> 'password'`.
        for token in tokens:
            if token.kind in (*_TOKENS_OF_NAMES, "string"):
                names.add(token.name.lower())
                for word in words_in(token.name):
                    names.add(word.lower())
        # `CREATE USER ann IDENTIFIED BY 'x'` sets a password, and names none.
        names_in_capitals = [
            token.name.upper() for token in tokens if token.kind in _TOKENS_OF_NAMES
        ]
        if _BEFORE_PASSWORD.search(" ".join(names_in_capitals)):
            names.add("password")
        self.names = frozenset(names)

    def mentions(self, is_secret_name: Callable[[str], bool]) -> bool:
        """Check whether a secret name stands anywhere in the statement."""
        return any(map(is_secret_name, self.names))

    def text_and_literals(
        self, redactor: Redactor, *, hides_numbers: bool
    ) -> tuple[str, list[str]]:
        """Return the statement with its blanks folded, and the literals that it hides.

        The statement counts so in the identity of its call. The literals of a statement
        that mentions a secret are hidden. With `hides_numbers`, numbers are hidden as
        well, except those of a definition, such as `VARCHAR(30)`. In any other
        statement, secrets are hidden in URLs.
        """
        if self.mentions(redactor.secret):
            return self.hide_literals(hides_numbers=hides_numbers)
        pieces = list(map(redactor.scrub_urls, self._texts))
        # No literal was hidden.
        return _joined_without_semicolon(pieces), []

    def hide_literals(self, *, hides_numbers: bool) -> tuple[str, list[str]]:
        """Return the statement without its literals and comments, and the literals.

        The blanks between the words of the statement are folded.
        """
        hides_numbers = hides_numbers and self.verb not in _VERBS_OF_DEFINITIONS
        pieces = []
        hidden_literals = []
        text_before = ""
        kind_before = ""
        # The two words before the piece, in capitals.
        words_before = ("", "")
        expects_values = False
        for token, text in zip(self._tokens, self._texts):
            if token.upper_text in _BEFORE_VALUES:
                expects_values = True
            # Behind a point, the quotes are those of a name: `users."name"`.
            is_quoted = text.startswith('"') and text_before != "."
            is_quoted_value = expects_values and is_quoted
            is_name = (
                token.kind in _TOKENS_OF_NAMES and token.upper_text not in _BEFORE_TEXT
            )
            is_password = is_name and words_before == ("IDENTIFIED", "BY")
            is_literal = token.kind == "string" or is_quoted_value or is_password
            # In `data ->> 'id'`, the text is the name of a part of JSON, and stays.
            if is_literal and text_before not in _BEFORE_KEYS:
                hidden_literals.append(text.strip("'\""))
                text = f"'{PLACEHOLDER}'"
            elif token.kind == "comment":
                text = f"/* {PLACEHOLDER} */"
            elif kind_before == "comment" and text == "\n":
                # What stands for a comment does not end with its line.
                text = " "
            elif hides_numbers and text[0].isdigit():
                text = PLACEHOLDER
            pieces.append(text)
            # What the next piece is depends on those before it.
            kind_before = token.kind
            if token.kind != "blank":
                text_before = token.text
            if token.kind in _TOKENS_OF_NAMES:
                words_before = (words_before[1], token.upper_text)
        return _joined_without_semicolon(pieces), hidden_literals

    @lazy_attribute
    def listed_columns(self) -> frozenset[str]:
        """The columns of a plain `SELECT a, t.b FROM …` in small letters, or `*`.

        `StatementCall.hidden_columns` does not hide a column that is listed under its
        own name. Another query has none: then texts of all columns may be hidden.
        `PRAGMA` and `SHOW` have `*`, as their results are not computed from columns.
        """
        if self.verb not in (*_VERBS_OF_DATA, "EXPLAIN"):
            return frozenset("*")
        plain_select = _PLAIN_SELECT.match(self._sql)
        if plain_select is None or len(_START_OF_QUERY.findall(self._sql)) != 1:
            # Of an expression, a union or a subquery, the text lists no columns.
            return frozenset()
        columns = set()
        for listed_column in plain_select[1].lower().split(","):
            _, _, column = listed_column.rpartition(".")
            columns.add(column.strip(' \n\t"'))
        return frozenset(columns)


def _texts_with_folded_blanks(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the text of each piece of a statement, one blank for several.

    So two layouts of a statement are one call. After a piece that servers read in
    several ways, the text stays as it is written: a blank may be inside a text there.
    """
    is_clear = True
    token_before = Token()
    for index, token in enumerate(tokens):
        if token.kind == "blank" and is_clear:
            next_kinds = [token.kind for token in tokens[index + 1 : index + 2]]
            ends_comment = token_before.text.startswith("--")
            joins_texts = token_before.kind == "string" and next_kinds == ["string"]
            keeps_line_end = ends_comment or joins_texts
            yield _with_folded_blanks(token.text, keeps_line_end=keeps_line_end)
        else:
            yield token.text
        is_clear = is_clear and not _has_several_readings(token)
        token_before = token


def _with_folded_blanks(blanks: str, *, keeps_line_end: bool) -> str:
    """Return blanks as one blank, so that the layout of a statement does not count.

    Args:
        blanks: The blanks between two pieces, and ends of lines among them.
        keeps_line_end: Whether an end of a line among them stays one. It has a meaning
            behind a comment, which it ends, and between two texts, which it joins.
    """
    folded = " "
    if keeps_line_end and "\n" in blanks:
        folded = "\n"
    return _SEVERAL_BLANKS.sub(folded, blanks)


def _has_several_readings(token: Token) -> bool:
    r"""Check whether servers disagree where a piece ends.

    | the piece | who reads it in another way |
    |---|---|
    | `/* /* */` | PostgreSQL and SQL Server, whose comments are nested |
    | `--'`, without a blank | MySQL, where a comment has a blank there |
    | `#` | MySQL, where a comment begins |
    | `"a\"` | MySQL, where the quote does not end the text |
    """
    text = token.text
    if token.kind == "comment":
        if text.startswith("/*"):
            return "/*" in text[2:]
        # Without a blank behind `--`, MySQL may read a text in what is a comment here.
        has_blank = text[2:3].isspace()
        return not has_blank and any(map(text.__contains__, "'\"`"))
    if token.kind == "quoted":
        return '\\"' in text
    return text == "#"


def _joined_without_semicolon(pieces: list[str]) -> str:
    """Return a statement of its pieces, without the semicolon at its end."""
    text = "".join(pieces).strip(_BLANKS)
    return text.rstrip(";").rstrip(_BLANKS)


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
        upper_text = text
        if kind == "quoted":
            name = text[1:-1].replace('""', '"')
        elif kind == "word":
            upper_text = text.upper()
        elif kind == "tag":
            # The piece is a whole text of PostgreSQL, `$tag$ … $tag$`. The last group
            # of the match is the one of its tag.
            kind = "string"
        if text == ")":
            depth -= 1
        yield Token(kind, text, upper_text, name, depth)
        if text == "(":
            depth += 1


def _index_of_verb(tokens: Sequence[Token]) -> int:
    """Return the index of a statement's verb; 0 in a statement without words.

    It is the first word, or after `WITH x AS (…)` the verb of the main query.
    """
    verb_index = 0
    for index, token in enumerate(tokens):
        if token.kind == "word":
            verb_index = index
            break
    if not tokens or tokens[verb_index].upper_text != "WITH":
        return verb_index
    for index, token in enumerate(tokens):
        if (
            token.upper_text in _VERBS_OF_DATA
            and token.depth == tokens[verb_index].depth
        ):
            return index
    return verb_index


def _is_ordered(tokens: Sequence[Token]) -> bool:
    """Check whether a SELECT has an `ORDER BY` that is not one of a subquery."""
    for token, next_token in pairwise(tokens):
        is_order = token.upper_text == "ORDER" and next_token.upper_text == "BY"
        if is_order and token.depth <= tokens[0].depth:
            return True
    return False


def _main_table(tokens: Sequence[Token]) -> str:
    """Return the main table of a statement, or the name of what it defines.

    It stands in the signature of the call, by which people and options name the call.

    SELECT (SELECT 1 FROM a) FROM b  →  b
    INSERT INTO shop.orders SELECT … →  orders
    CREATE TABLE IF NOT EXISTS users →  users

    Args:
        tokens: The statement from its verb on, or a SELECT from its `FROM` on.
    """
    first_word = tokens[0].upper_text
    if first_word == "SELECT":
        for index, token in enumerate(tokens):
            # The `FROM` of a subquery stands in more parentheses.
            if token.upper_text == "FROM" and token.depth <= tokens[0].depth:
                return _main_table(tokens[index:])
        return ""
    later_tokens = tokens[1:]
    if first_word in _VERBS_OF_DEFINITIONS:
        for index, token in enumerate(later_tokens):
            if token.upper_text in _DEFINED_THINGS:
                later_tokens = later_tokens[index + 1 :]
                break
    for index, token in enumerate(later_tokens):
        # After `shop` of `shop.orders` stands a point: the table is `orders`.
        next_text = ""
        if index + 1 < len(later_tokens):
            next_text = later_tokens[index + 1].text
        if token.upper_text == "SELECT":
            # A subquery begins here, and its table is the main one.
            return _main_table(later_tokens[index:])
        if (
            token.kind in _TOKENS_OF_NAMES
            and next_text != "."
            and token.upper_text not in _BEFORE_TABLE
        ):
            return token.name
        if token.kind not in _TOKENS_OF_NAMES and token.text not in ("(", ",", "."):
            # An expression stands where the name of a table would.
            return ""
    return ""


# Applications execute the same statements again and again, and reading one takes long.
read_statement = lru_cache(maxsize=1024)(Statement)
