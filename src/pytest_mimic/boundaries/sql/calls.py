"""What is sent to a database and what comes back, as plain data without secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from json import dumps
from typing import TYPE_CHECKING, Any

from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic.boundaries.base import BoundaryCall
from pytest_mimic.boundaries.sql.statements import read_statement
from pytest_mimic.boundaries.values import blank, from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor
    from pytest_mimic.boundaries.sql.columns import Source

#: A cursor's name, as SQLAlchemy makes it of addresses for drivers that declare cursors by statements.
_CURSOR = re.compile(r"\bc_[0-9a-f]{6,}_[0-9a-f]+\b")
_LONGEST_SHOWN = 300
#: PostgreSQL's `FirstNormalObjectId`: its own types have lower numbers.
_FIRST_OWN_OID = 16384
_CHANGES = ("INSERT", "UPDATE", "DELETE")
_gives_rows = re.compile(r"\b(returning|output)\b", re.IGNORECASE).search


class Sent:
    """A statement with its parameters, as one database is sent it.

    Attributes:
        call: What the engine is asked about.
        secrets: The texts of secret parameters and of secret literals, which must not turn up in an error's message.
        sql: The statement; empty for what is none.
        marks: The secret parameters, by name or place.
    """

    __slots__ = ("call", "marks", "secrets", "sql")

    def __init__(
        self, call: BoundaryCall, secrets: Sequence[str] = (), sql: str = "", marks: Collection[str] = ()
    ) -> None:
        self.call = call
        self.secrets = secrets
        self.sql = sql
        self.marks = marks

    @property
    def is_unordered(self) -> bool:
        """Whether its result may have its rows in any order."""
        return read_statement(_CURSOR.sub("c_", self.sql)).is_unordered

    def secret_columns(self, names: Sequence[str], redactor: Redactor) -> list[bool]:
        """Whether each column of its result, by the driver's names, shows a secret."""
        from pytest_mimic.boundaries.sql.results import read_results

        return read_results(self.sql).secret_columns(names, redactor.secret, self.marks)


def describe_statement(
    sql: str,
    parameters: Any,
    *,
    database: int | str,
    redactor: Redactor,
    binds: Sequence[str] = (),
    lists: Sequence[Sequence[Sequence[str]]] = (),
    many: bool = False,
    shared: bool = False,
) -> Sent:
    """Describes `cursor.execute(sql, parameters)`, or `executemany` where there are many.

    Args:
        sql: The statement, with the driver's own marks for parameters.
        parameters: A mapping, a sequence, or none; a list of them with `many`.
        database: Which of the test's databases; a dialect's name where it is shared.
        redactor: Knows which names are secret.
        binds: The names that parameters by place have in SQLAlchemy, if it knows them.
        lists: The parameters of each `IN`, by their names in SQLAlchemy: value by value, a tuple's together.
        many: It is `executemany`.
        shared: It belongs to the engine, not to a test.
    """
    statement = read_statement(_CURSOR.sub("c_", sql))
    namer = _Namer(statement.sources, binds, redactor, is_many=many)
    params: Any
    if many:
        params = [namer.plain(each) for each in parameters]
    else:
        params = namer.plain(parameters) if parameters else None
    text = statement.text(redactor.secret, PLACEHOLDER)
    counted = params
    if many and statement.verb in _CHANGES and not _gives_rows(text):
        counted = _unordered(params)
    elif params and namer.knows(lists):
        counted = _with_unordered_lists(params, (given for one in lists for given in namer.given(one)))
    parts = {"database": database, "statement": text, "params": counted}
    described: dict[str, Any] = {"statement": _shown(text)}
    if params:
        described["params"] = _shown(counted)
    if database:
        described["database"] = database
    call = BoundaryCall(
        statement.signature,
        parts=parts,
        identity=("database", "statement", "params"),
        described=described,
        shared=shared,
    )
    return Sent(call, namer.secrets + statement.secrets(redactor.secret), sql, namer.marks)


def describe_action(action: str, *, database: int | str, shared: bool = False, detail: Any = None) -> Sent:
    """Describes what is asked of a connection and is no statement: `COMMIT`, an attribute, a method."""
    parts = {"database": database, "statement": action, "params": detail}
    described: dict[str, Any] = {} if detail is None else {"params": _shown(detail)}
    if database:
        described["database"] = database
    call = BoundaryCall(
        action,
        parts=parts,
        identity=("database", "statement", "params"),
        described=described,
        shared=shared,
    )
    return Sent(call)


def _unordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows to write in an order of their own: a unit of work takes those of a set of objects as they come."""
    return sorted(rows, key=lambda row: dumps(row, sort_keys=True))


def _with_unordered_lists(params: dict[str, Any], lists: Iterable[Sequence[Sequence[str]]]) -> dict[str, Any]:
    """Parameters with the values of each `IN` in an order of their own: they may come from a set."""
    counted = dict(params)
    for members in lists:
        values = [[params[name] for name in names] for names in members]
        values.sort(key=lambda value: dumps(value, sort_keys=True))
        for names, value in zip(members, values):
            counted.update(zip(names, value))
    return counted


class _Namer:
    """Gives parameters as plain data by name: by the column's, where they have a place only, else by their own."""

    def __init__(
        self,
        sources: Mapping[str, Sequence[Source]],
        binds: Sequence[str],
        redactor: Redactor,
        *,
        is_many: bool,
    ) -> None:
        self._sources = sources
        self._path = "params.*." if is_many else "params."
        self._names: dict[str, list[str]] = {}
        self._binds = {str(place): name for place, name in enumerate(binds, 1)}
        self._redactor = redactor
        self.secrets: list[str] = []
        self.marks: set[str] = set()

    def plain(self, parameters: Any) -> dict[str, Any]:
        named = isinstance(parameters, Mapping)
        if named:
            marked = [(str(name), str(name), value) for name, value in parameters.items()]
        else:
            places = [(str(place), value) for place, value in enumerate(parameters, 1)]
            marked = [(mark, self._binds.get(mark, ""), value) for mark, value in places]
        secret = self._redactor.secret
        self._names = {}
        plain: dict[str, Any] = {}
        for mark, own, value in marked:
            sources = self._sources.get(mark, ())
            is_secret = secret(own) or any(source.hides(value, secret) for source in sources)
            name = _free(own if named else self._column(sources, is_secret=is_secret) or own or mark, plain)
            self._names.setdefault(own, []).append(name)
            plain[name] = self._hidden(mark, value) if is_secret else self._shown(name, value)
        return plain

    def knows(self, lists: Sequence[Sequence[Sequence[str]]]) -> bool:
        """Whether all these parameters are there: an event may have replaced what Core sends."""
        return all(name in self._names for members in lists for names in members for name in names)

    def given(self, members: Sequence[Sequence[str]]) -> list[list[list[str]]]:
        """The names that it has given to the parameters of an `IN`, once for each place where that stands."""
        names = [[self._names[name] for name in value] for value in members]
        count = min((len(places) for value in names for places in value), default=0)
        return [[[places[n] for places in value] for value in names] for n in range(count)]

    def _column(self, sources: Sequence[Source], *, is_secret: bool) -> str:
        """The first column's name, unless it is a secret one and the parameter is none."""
        columns = (source.column for source in sources)
        return next((name for name in columns if is_secret or not self._redactor.secret(name)), "")

    def _hidden(self, mark: str, value: object) -> str | None:
        if value is None:
            return None
        self.marks.add(mark)
        if isinstance(value, str):
            self.secrets.append(value)
        return PLACEHOLDER

    def _shown(self, name: str, value: object) -> Any:
        path = self._path + name

        def unknown(part: object, _: str) -> Any:
            return _unknown(part, path)

        return to_plain(hide_inside(value, self._redactor), path, unknown=unknown)


def _free(name: str, taken: dict[str, Any]) -> str:
    if name not in taken:
        return name
    count = 2
    while f"{name}_{count}" in taken:
        count += 1
    return f"{name}_{count}"


class _Unidentified(dict[str, Any]):
    """Stands for a parameter without an identity: refused where it counts, so that `ignore=` can leave it out."""

    def __init__(self, name: str, refused: Exception) -> None:
        super().__init__({"$object": name})
        self._refused = refused

    def __mimic_identity__(self) -> object:
        raise self._refused


def _unknown(value: object, path: str) -> Any:
    """What stands for a parameter of a type that is not ours: what its driver's wrapper holds, else its fingerprint.

    An expression of SQLAlchemy's counts by its type: no driver takes it (pandas tries whether a query is a table's name).
    """
    kind = type(value)
    name = f"{kind.__module__}:{kind.__qualname__}"
    if name.startswith("psycopg"):
        for attribute in ("obj", "adapted"):
            if hasattr(value, attribute):
                return to_plain(getattr(value, attribute), path, unknown=lambda part, _: _unknown(part, path))
    if any(base.__module__.startswith("sqlalchemy.sql.") for base in kind.__mro__):
        return {"$object": name}
    from pytest_mimic._identity import Unstable, fingerprint, refusal

    try:
        return {"$object": name, "fingerprint": fingerprint(value)}
    except Unstable as unstable:
        at = Unstable(unstable.type_name, unstable.kind, path, unstable.owner)
        return _Unidentified(name, refusal(at, "sqlalchemy", ignore=path))


def hide_cursor(text: str) -> str:
    """A message without the name that SQLAlchemy has drawn for a cursor; as long as it was, for a mark stands under it."""
    return _CURSOR.sub(lambda name: "c_" + re.sub("[0-9a-f]", "0", name[0][2:]), text)


def hide_inside(value: Any, redactor: Redactor) -> Any:
    """The value, with what stands under secret names inside of mappings, lists and JSON texts replaced."""
    if isinstance(value, str):
        return redactor.scrub_json(value)
    if type(value) is dict:
        return {
            key: blank(item, PLACEHOLDER) if redactor.secret(key) else hide_inside(item, redactor)
            for key, item in value.items()
        }
    if type(value) is list:
        return [hide_inside(item, redactor) for item in value]
    if type(value).__module__.startswith("psycopg") and hasattr(value, "obj"):
        return {"$json": hide_inside(value.obj, redactor)}
    return value


def _shown(plain: Any) -> Any:
    """What people are shown: long texts shortened."""
    if isinstance(plain, str) and len(plain) > _LONGEST_SHOWN:
        return f"{plain[:_LONGEST_SHOWN]}… ({len(plain)} characters)"
    if isinstance(plain, list):
        return [_shown(item) for item in plain]
    if isinstance(plain, dict):
        return {key: _shown(item) for key, item in plain.items()}
    return plain


def store_columns(description: Sequence[Sequence[Any]], dbapi: Any) -> list[Any]:
    """Gives `cursor.description` as plain data: a list a column, without the Nones at its end."""
    return [_store_column(column, dbapi) for column in description]


def _store_column(column: Sequence[Any], dbapi: Any) -> list[Any]:
    parts = [column[place] for place in range(7)]
    while parts[1:] and parts[-1] is None:
        parts.pop()
    return [to_plain(part, unknown=lambda value, _: _type_code(value, dbapi)) for part in parts]


def _type_code(value: object, dbapi: Any) -> Any:
    """A driver's type object, by its name in the driver."""
    name = next((name for name, held in vars(dbapi).items() if held is value), None)
    return {"$dbapi": name} if name is not None else None


def comparable_column(column: list[Any]) -> list[Any]:
    """A stored column without the number of a type that was made in the database: it is drawn anew with each."""
    is_own = len(column) > 1 and isinstance(column[1], int) and column[1] >= _FIRST_OWN_OID
    return [column[0], None, *column[2:]] if is_own else column


def load_columns(columns: list[Any], dbapi: Any) -> tuple[tuple[Any, ...], ...]:
    """Gives `cursor.description` back."""
    return tuple(_load_column(column, dbapi) for column in columns)


def _load_column(column: list[Any], dbapi: Any) -> tuple[Any, ...]:
    parts = [
        getattr(dbapi, part["$dbapi"], None)
        if isinstance(part, dict) and "$dbapi" in part
        else from_plain(part)
        for part in column
    ]
    return tuple(parts + [None] * (7 - len(parts)))


def store_rows(
    rows: Iterable[Sequence[Any]], names: Sequence[str], secret: Sequence[bool], redactor: Redactor
) -> list[list[Any]]:
    """Gives rows as plain data, with the values of columns replaced that are secret.

    Raises:
        UnstorableOutcomeError: A value has no plain form.
    """
    return [
        [
            to_plain(
                blank(value, PLACEHOLDER) if hidden else hide_inside(value, redactor),
                f"rows[{number}].{name}",
            )
            for value, name, hidden in zip(row, names, secret)
        ]
        for number, row in enumerate(rows)
    ]


def load_rows(rows: list[list[Any]]) -> list[tuple[Any, ...]]:
    """Gives rows back, as drivers give them: tuples."""
    return [tuple(from_plain(value) for value in row) for row in rows]
