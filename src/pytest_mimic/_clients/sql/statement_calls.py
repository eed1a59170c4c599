"""Statements with their parameters, and other requests to a database, as calls without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache, lru_cache
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.sql.outcomes import Hidden, hide_inside
from pytest_mimic._clients.sql.statements import read_statement, words_in
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.seam.base import ClientCall
from pytest_mimic._core.seam.database_values import to_plain
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._clients.sql.secret_columns import CompiledNames
    from pytest_mimic._core.redact.known_secrets import KnownSecrets
    from pytest_mimic._core.redact.redactor import Redactor

_IDENTITY = ("database", "statement", "params")
# Types of parameters that are plain data and hold no secrets.
_UNCHANGED = frozenset((int, bool, type(None)))
_NUMBERS = (int, float, Decimal)
# A cursor's name, which SQLAlchemy makes of an address for drivers that declare cursors
# by statements.
_CURSOR = re.compile(r"\bc_[0-9a-f]{6,}_[0-9a-f]+\b")
# SQLAlchemy numbers the parameters of the rows that it writes with one INSERT.
_ROW_NUMBER = re.compile(r"(_m|__)\d+$")


class StatementNames(NamedTuple):
    """The names in a statement that SQLAlchemy has compiled.

    Attributes:
        widths: How many parameters a value of an `IN` has, by the name of the `IN`. It
            is more than one for tuples.
        owners: The name in the compiled statement, for parameters that the driver knows
            by another one.
    """

    binds: Sequence[str] = ()  # the names of positional parameters, in order
    widths: Mapping[str, int] = {}
    owners: Mapping[str, str] = {}
    compiled: CompiledNames | None = (
        None  # the columns of parameters and results; None for a text
    )
    values: Mapping[str, Any] = {}  # the values of the parameters, by their names


UNNAMED = StatementNames()


def action(name: str, *, database: int | str, shared: bool = False) -> ClientCall:
    """Describe a request that is no statement, such as `COMMIT`."""
    parts = {"database": database, "statement": name, "params": None}
    described = {"database": database} if database else {}
    return ClientCall(
        name, parts, identity=_IDENTITY, described=described, shared=shared
    )


class _Prepared:
    """A statement as far as its text, its compiled form and the rules for secrets decide about each call of it."""

    def __init__(
        self, sql: str, compiled: CompiledNames | None, redactor: Redactor
    ) -> None:
        self._compiled = compiled
        self._secret = secret = redactor.secret
        self.open_kinds = cache(self._find_open_kinds)
        self.statement = statement = read_statement(_CURSOR.sub("c_", sql))
        self.mentions = statement.mentions(
            secret
        )  # whether it has a secret name anywhere
        self.is_text = compiled is None or compiled.columns is None
        # A text in the compiled statement names a secret, so it cannot be followed.
        self.is_unclear = compiled is not None and any(map(secret, compiled.fragments))
        # The statement as it counts, without its secret literals, and those literals.
        self.text, self.literals = statement.redact(
            secret, numbers=self.is_text or self.is_unclear
        )

    def _find_open_kinds(self, owner: str) -> Any:
        """Return the types of which the values of a parameter are no secrets: `object` for all."""
        secret, statement = self._secret, self.statement
        if secret(owner):
            return ()
        name = _ROW_NUMBER.sub("", owner)
        beside = None if self._compiled is None else self._compiled.beside.get(owner)
        if beside is not None:
            return () if any(map(secret, beside)) else object
        if not self.mentions or name.lower() in statement.names:
            return object
        return () if self.is_text or statement.verb != "SELECT" else _NUMBERS


# A session has its own redactor, and SQLAlchemy compiles a statement for each dialect.
_prepare = lru_cache(maxsize=1024)(_Prepared)


class StatementCall:
    """A statement with its parameters: `cursor.execute(sql, parameters)`, or `executemany` if there are many.

    The statement has the driver's own marks for parameters. `parameters` is a mapping,
    a sequence, or None;
    with `many`, a list of them. `database` is the number of the database in the test.

    Attributes:
        call: The call at the client.
        secrets: The texts of secret parameters and literals, which an error's message
            must not contain.
        is_unordered: Whether the rows of its result may come in any order.
    """

    def __init__(
        self,
        sql: str,
        parameters: Any,
        *,
        database: int,
        redactor: Redactor,
        known: KnownSecrets | None = None,
        names: StatementNames = UNNAMED,
        many: bool = False,
    ) -> None:
        self._names = names
        self._known = known
        self._issued = {} if known is None else known.hidden()
        self._redactor = redactor
        self._hidden: set[str] = set()
        self._prepared = prepared = _prepare(sql, names.compiled, redactor)
        statement = prepared.statement
        self._keys = names.compiled.keys if names.compiled is not None else ()
        # All texts are hidden where it cannot be followed which of them are secret: a
        # parameter names a part of JSON.
        self._is_unclear = prepared.is_unclear or any(
            redactor.secret(word)
            for name in self._keys
            for word in words_in(names.values.get(name, ""))
        )
        self.secrets = list(prepared.literals)
        self.is_unordered = statement.is_unordered
        if many:
            params: Any = [self._plain(each) for each in parameters]
            returns_rows = not statement.names.isdisjoint(("returning", "output"))
            if statement.verb in ("INSERT", "UPDATE", "DELETE") and not returns_rows:
                # A unit of work writes the objects of a set in any order.
                params.sort(key=repr)
        else:
            params = self._plain(parameters) if parameters else None
        parts = {"database": database, "statement": prepared.text, "params": params}
        described = {
            name: parts[name]
            for name in ("statement", "params", "database")
            if parts[name]
        }
        self.call = ClientCall(
            statement.signature, parts, identity=_IDENTITY, described=described
        )

    def _plain(self, parameters: Any) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        owners, widths, open_kinds = (
            self._names.owners,
            self._names.widths,
            self._prepared.open_kinds,
        )
        lists: dict[str, list[str]] = {}  # the names of the parameters of each `IN`
        for place, (own, value) in enumerate(self._named(parameters), 1):
            name = free = own or str(place)
            if free in plain:  # by place, one parameter can be there several times
                free = next(
                    each
                    for each in (f"{name}_{number}" for number in count(2))
                    if each not in plain
                )
            owner, kind = owners.get(own, own), type(value)
            kinds = open_kinds(owner)
            is_secret = not issubclass(kind, kinds)
            if kinds is object and self._is_unclear:
                is_secret = issubclass(kind, str) and owner not in self._keys
            if is_secret:
                plain[free] = self._stand_in(value)
                if value is not None:
                    self._hidden.add(owner)
                if isinstance(value, str):
                    self.secrets.append(value)
            elif kind in _UNCHANGED:
                plain[free] = value
            elif kind is str and "{" not in value and "[" not in value:
                plain[free] = hide_values(value, self._issued)
            else:
                plain[free] = _plain(hide_inside(value, self._redactor))
            if owner in widths:
                lists.setdefault(owner, []).append(free)
        for owner, names in lists.items():  # which may come from a set
            places = range(0, len(names), widths[owner])
            values = sorted(
                (
                    [plain[name] for name in names[at : at + widths[owner]]]
                    for at in places
                ),
                key=repr,
            )
            plain.update(zip(names, chain.from_iterable(values)))
        return plain

    def _stand_in(self, value: Any) -> Any:
        """Return what stands for the value of a secret parameter: for one that was issued, its placeholder."""
        if value is None or isinstance(value, bool):
            return value
        if self._known is None or type(value) not in (str, int, float):
            return PLACEHOLDER
        stand_in = self._known.stand_in(value)
        is_number = type(value) is not str and stand_in != PLACEHOLDER
        return type(value)(stand_in) if is_number else stand_in

    def _named(self, parameters: Any) -> Iterable[tuple[str, Any]]:
        """Return each parameter with its name in the compiled statement, if that is known."""
        if isinstance(
            parameters, Mapping
        ):  # whose names are of SQLAlchemy's own type, too
            return ((str(name), value) for name, value in parameters.items())
        binds = list(self._names.binds)
        if binds and len(parameters) % len(binds) == 0:
            binds *= len(parameters) // len(
                binds
            )  # SQLAlchemy writes many rows with one INSERT
        if len(binds) != len(parameters):  # an event has replaced the parameters
            binds = [""] * len(parameters)
        return zip(binds, parameters)

    def hidden_columns(self, columns: Sequence[str]) -> list[Hidden]:
        """Return for each column of the result whether it is secret, by the driver's names of the columns.

        Of a column with "text", only texts are, as it cannot be followed what it shows.
        """
        compiled, prepared, secret = (
            self._names.compiled,
            self._prepared,
            self._redactor.secret,
        )
        shown = compiled.columns if compiled is not None else None
        is_unclear, listed = self._is_unclear, frozenset[str]()
        if shown is None or len(shown) != len(columns):
            shown = ((frozenset(), frozenset()),) * len(columns)
            is_unclear, listed = (
                prepared.mentions or bool(self._hidden),
                prepared.statement.listed,
            )
        return [
            # SQLite calls a column by its expression, `length(password)`, if it has no
            # name.
            (name.isidentifier() and secret(name))
            or any(map(secret, names))
            or not self._hidden.isdisjoint(binds)
            or (
                is_unclear
                and "*" not in listed
                and name.lower() not in listed
                and "text"
            )
            for name, (names, binds) in zip(columns, shown)
        ]


def _plain(value: Any) -> Any:
    """Return a parameter as plain data.

    One of an unknown type stays: it has an identity or is refused.
    """
    kind = type(value)
    if any(base.__module__.startswith("sqlalchemy.sql.") for base in kind.__mro__):
        # No driver accepts one. pandas tries whether a query is the name of a table.
        return {"$object": f"{kind.__module__}:{kind.__qualname__}"}
    try:
        return to_plain(value)
    except UnstorableOutcomeError:
        return value
