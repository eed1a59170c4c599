"""Statements with their parameters, and other requests to a database, as calls without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import lru_cache
from itertools import count
from json import dumps
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._clients.sql.results import hide_inside
from pytest_mimic._clients.sql.statements import read_statement, words_in
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.texts import may_be_json
from pytest_mimic._core.seam.base import ClientCall
from pytest_mimic._core.seam.database_values import to_plain

if TYPE_CHECKING:
    from pytest_mimic._clients.sql.compiled import CompiledNames, Shown
    from pytest_mimic._core.redact.redactor import Redactor

# A cursor's name, which SQLAlchemy makes of an address for drivers that declare cursors by statements.
_CURSOR = re.compile(r"\bc_[0-9a-f]{6,}_[0-9a-f]+\b")
_IDENTITY = ("database", "statement", "params")
# Types of parameters that are plain data and hold no secrets.
_UNCHANGED = frozenset((int, bool, type(None)))
_Rule = Literal["open", "secret", "secret unless a number"]
_returns_rows = re.compile(r"\b(returning|output)\b", re.IGNORECASE).search


class StatementNames(NamedTuple):
    """The names in a statement that SQLAlchemy has compiled.

    Attributes:
        lists: The parameters of each `IN`, value by value. Those of a tuple are together.
        owners: The name in the compiled statement, for parameters that the driver knows by another one.
    """

    binds: Sequence[str] = ()  # the names of positional parameters, in order
    lists: Sequence[Sequence[Sequence[str]]] = ()
    owners: Mapping[str, str] = {}
    compiled: CompiledNames | None = None  # the columns of parameters and results; None for a text
    values: Mapping[str, Any] = {}  # the values of the parameters, by their names


NO_NAMES = StatementNames()


class SqlCall:
    """A statement or another request that is sent to a database.

    Attributes:
        secrets: The texts of secret parameters and literals, which an error's message must not contain.
    """

    def __init__(self, call: ClientCall) -> None:
        self.call = call  # the call at the client
        self.secrets: list[str] = []
        self.is_unordered = False  # whether the rows of its result may come in any order

    def hidden_columns(self, columns: Sequence[str]) -> list[bool | Literal["text"]]:
        """Return for each column of the result whether it is secret, by the driver's names of the columns.

        A column that is secret as far as a text shows has "text". Its numbers and dates are kept.
        """
        return [False] * len(columns)


def describe_action(action: str, *, database: int | str, shared: bool = False, detail: Any = None) -> SqlCall:
    """Describe a request that is no statement, such as `COMMIT` or a method of the driver."""
    parts = {"database": database, "statement": action, "params": detail}
    return SqlCall(_call(action, parts, ("params", "database"), shared))


def _call(signature: str, parts: dict[str, Any], described: Sequence[str], shared: bool) -> ClientCall:
    shown = {name: parts[name] for name in described if parts[name]}
    return ClientCall(signature, parts, identity=_IDENTITY, described=shown, shared=shared)


class _Prepared:
    """A statement as far as its text, its compiled form and the rules for secrets decide about each call of it.

    Attributes:
        statement: The statement, read.
        has_fragments: Whether a text in the compiled statement mentions a secret.
        text: The statement as it counts: without its secret literals.
        literals: Those literals.
    """

    def __init__(self, sql: str, compiled: CompiledNames | None, redactor: Redactor) -> None:
        self._compiled = compiled
        self._secret = secret = redactor.secret
        self._rules: dict[str, tuple[_Rule, AbstractSet[str]]] = {}
        self.statement = statement = read_statement(_CURSOR.sub("c_", sql))
        self.mentions = statement.mentions(secret)  # whether it has a secret name anywhere
        self.has_fragments = compiled is not None and any(map(secret, words_in(compiled.fragments)))
        is_text = compiled is None or compiled.columns is None
        self.text, self.literals = statement.redact(secret, numbers=is_text or self.has_fragments)
        self.may_return_rows = _returns_rows(sql) is not None

    def rule(self, owner: str) -> tuple[_Rule, AbstractSet[str]]:
        """Return whether a parameter is secret, and the parameters whose values can make it so."""
        found = self._rules.get(owner)
        if found is None:
            found = self._rules[owner] = self._rule_of(owner)
        return found

    def _rule_of(self, owner: str) -> tuple[_Rule, AbstractSet[str]]:
        secret, compiled = self._secret, self._compiled
        if secret(owner):
            return "secret", frozenset()
        base, _, row = owner.rpartition("__")  # a row of many in one INSERT
        if compiled is not None and base in compiled.sources and row.isdigit():
            owner = base
        if compiled is None or owner not in compiled.sources:
            is_unknown = self.mentions and owner.lower() not in self.statement.names
            return "secret" if is_unknown else "open", frozenset()
        found = [source for source in compiled.sources[owner] if secret(source.name)]
        if any(source.is_itself for source in found):
            return "secret", frozenset()
        return "secret unless a number" if found else "open", compiled.keys.get(owner, frozenset())


# A session has its own redactor, and SQLAlchemy compiles a statement for each dialect.
_prepare = lru_cache(maxsize=1024)(_Prepared)


class StatementCall(SqlCall):
    """A statement with its parameters: `cursor.execute(sql, parameters)`, or `executemany` if there are many.

    The statement has the driver's own marks for parameters. `parameters` is a mapping, a sequence, or None;
    with `many`, a list of them. `database` is the number of the database in the test. A `shared` call belongs to the
    engine, not to a test; its `database` is the name of the dialect.
    """

    def __init__(
        self,
        sql: str,
        parameters: Any,
        *,
        database: int | str,
        redactor: Redactor,
        names: StatementNames = NO_NAMES,
        many: bool = False,
        shared: bool = False,
    ) -> None:
        self._names = names
        self._redactor = redactor
        self._path = "params.*." if many else "params."
        self._hidden: set[str] = set()
        self._prepared = prepared = _prepare(sql, names.compiled, redactor)
        statement = prepared.statement
        self.secrets = list(prepared.literals)
        self.is_unordered = statement.is_unordered
        if many:
            params: Any = [self._plain(each) for each in parameters]
            if statement.verb in ("INSERT", "UPDATE", "DELETE") and not prepared.may_return_rows:
                # A unit of work writes the objects of a set in any order.
                params.sort(key=_sort_key)
        else:
            params = self._plain(parameters) if parameters else None
            if names.lists:
                self._sort_lists(params or {})
        parts = {"database": database, "statement": prepared.text, "params": params}
        self.call = _call(statement.signature, parts, ("statement", "params", "database"), shared)

    def _plain(self, parameters: Any) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        owners, rule_of = self._names.owners, self._prepared.rule
        for own, name, value in self._named(parameters):
            free = name
            if free in plain:  # by place, one parameter can be there several times
                free = next(each for each in (f"{name}_{number}" for number in count(2)) if each not in plain)
            owner = owners.get(own, own)
            rule, keys = rule_of(owner)
            kind = type(value)
            is_secret = rule == "secret" or (rule != "open" and not issubclass(kind, (int, float, Decimal)))
            if not (is_secret or (keys and self._are_secret_keys(keys))):
                is_plain = kind in _UNCHANGED or (kind is str and not may_be_json(value))
                plain[free] = value if is_plain else self._shown(free, value)
                continue
            is_plain = value is None or isinstance(value, bool)
            plain[free] = value if is_plain else PLACEHOLDER
            if value is not None:
                self._hidden.add(owner)
            if isinstance(value, str):
                self.secrets.append(value)
        return plain

    def _sort_lists(self, params: dict[str, Any]) -> None:
        """Sort the values of each `IN`, which may come from a set."""
        for members in self._names.lists:
            for number in count(1):
                # By place, an `IN` that is in the statement twice has its parameters twice.
                suffix = "" if number == 1 else f"_{number}"
                slots = [[name + suffix for name in names] for names in members]
                if not slots or not all(name in params for names in slots for name in names):
                    break  # or an event has replaced the parameters
                values = sorted(([params[name] for name in names] for names in slots), key=_sort_key)
                for names, value in zip(slots, values):
                    params.update(zip(names, value))

    def hidden_columns(self, columns: Sequence[str]) -> list[bool | Literal["text"]]:
        compiled = self._names.compiled
        shown = compiled.columns if compiled is not None else None
        if shown is None or len(shown) != len(columns):
            return [self._is_secret_in_text(column) for column in columns]
        decide = self._is_secret_in_text if self._prepared.has_fragments else self._has_secret_name
        return [self._shows_secret(parts) or decide(column) for parts, column in zip(shown, columns)]

    def _named(self, parameters: Any) -> list[tuple[str, str, Any]]:
        """Return each parameter with its name in the compiled statement, and with a name for people."""
        if isinstance(parameters, Mapping):
            return [(str(name), str(name), value) for name, value in parameters.items()]
        binds = list(self._names.binds)
        if binds and len(parameters) % len(binds) == 0:
            binds *= len(parameters) // len(binds)  # SQLAlchemy writes many rows with one INSERT
        if len(binds) != len(parameters):  # an event has replaced the parameters
            binds = [""] * len(parameters)
        return [
            (name, name or str(place), value) for place, (name, value) in enumerate(zip(binds, parameters), 1)
        ]

    def _shown(self, name: str, value: object) -> Any:
        path = self._path + name
        return to_plain(
            hide_inside(value, self._redactor), path, unknown=lambda part, _: _plain_unknown(part, path)
        )

    def _are_secret_keys(self, names: Any) -> bool:
        """Return whether one of these parameters names a secret part of a JSON value."""
        return any(
            self._redactor.secret(word)
            for name in names
            for word in words_in(self._names.values.get(name, ""))
        )

    def _shows_secret(self, parts: Shown) -> bool:
        return (
            any(self._redactor.secret(source.name) for source in parts.sources)
            or any(name in self._hidden for name, _ in parts.binds)
            or self._are_secret_keys(parts.keys)
        )

    def _has_secret_name(self, column: str) -> bool:
        # SQLite calls a column by its expression, `length(password)`, if it has no name.
        return column.isidentifier() and self._redactor.secret(column)

    def _is_secret_in_text(self, column: str) -> bool | Literal["text"]:
        """Return whether a column is secret, if nothing but the statement's text shows what it is made of."""
        secret, statement = self._redactor.secret, self._prepared.statement
        if self._has_secret_name(column):
            return True
        if not (self._prepared.mentions or self._hidden) or statement.keeps(column):
            return False
        return statement.shows(secret) or "text"


def _sort_key(plain: Any) -> str:
    return dumps(plain, sort_keys=True)


class _Unidentified(dict[str, Any]):
    """A parameter without an identity. It is refused if it counts, so that `ignore=` can leave it out."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__({"$object": name})
        self._error = error

    def __mimic_identity__(self) -> object:
        raise self._error


def _plain_unknown(value: object, path: str) -> Any:
    kind = type(value)
    name = f"{kind.__module__}:{kind.__qualname__}"
    if name.startswith("psycopg"):  # the wrapper of a driver counts by its content
        for attribute in ("obj", "adapted"):
            if hasattr(value, attribute):
                held = getattr(value, attribute)
                return to_plain(held, path, unknown=lambda part, _: _plain_unknown(part, path))
    if any(base.__module__.startswith("sqlalchemy.sql.") for base in kind.__mro__):
        # No driver accepts one. pandas tries whether a query is the name of a table.
        return {"$object": name}
    from pytest_mimic._core.identity.call_identity import fingerprint
    from pytest_mimic._core.identity.kinds import Unstable
    from pytest_mimic._core.identity.locate import refusal

    try:
        return {"$object": name, "fingerprint": fingerprint(value)}
    except Unstable as unstable:
        at = Unstable(unstable.type_name, unstable.kind, path, unstable.owner)
        return _Unidentified(name, refusal(at, "sqlalchemy", ignore=path))


def hide_cursor(text: str) -> str:
    """Return a message with zeros for the random name of a cursor.

    The length stays: PostgreSQL puts a mark below the place of a mistake.
    """
    return _CURSOR.sub(lambda name: "c_" + re.sub("[0-9a-f]", "0", name[0][2:]), text)
