"""The edges where drivers of PostgreSQL ask the server for its types, with cursors of their own."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.sql.lazy_connection import LazyConnection, wait
from pytest_mimic._clients.sql.stand_ins import StandInConnection, StandInDriver
from pytest_mimic._core.seam.base import Edge
from pytest_mimic._core.seam.database_values import from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_REGISTERING = ("psycopg2", "pg8000")
# The variable of SQLAlchemy's `create_engine` with the result of `on_connect`.
_RESULT = "do_on_connect"


def type_edges() -> list[Edge]:
    """Return the functions of drivers and dialects that read or register types."""
    dialects = "sqlalchemy.dialects.postgresql"
    return [
        Edge("psycopg._typeinfo", ("TypeInfo", "fetch"), _fetching_type),
        Edge(f"{dialects}.psycopg2", ("PGDialect_psycopg2", "_hstore_oids"), _fetching_oids),
        Edge(f"{dialects}.psycopg2", ("PGDialect_psycopg2", "on_connect"), _registering),
        Edge(f"{dialects}.pg8000", ("PGDialect_pg8000", "on_connect"), _registering),
    ]


def _fetching_type(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Record what psycopg reads about a type."""

    def fetch(kind: Any, connection: Any, name: Any) -> Any:
        if isinstance(connection, StandInDriver):
            from sqlalchemy.util import greenlet_spawn

            return greenlet_spawn(ask, connection._lazy, kind, name)
        if isinstance(connection, StandInConnection):
            return ask(connection._lazy, kind, name)
        return original(kind, connection, name)

    def ask(lazy: LazyConnection, kind: Any, name: Any) -> Any:

        def read() -> dict[str, Any]:
            found = wait(original(kind, lazy.driver, name))
            return {"type": None if found is None else to_plain(_parts_of_type(found))}

        answer = lazy.ask(f"TYPE {name}", read, detail=kind.__name__)["type"]
        return None if answer is None else kind(**from_plain(answer))

    return fetch


def _parts_of_type(info: Any) -> dict[str, Any]:
    """Return the arguments that make a psycopg `TypeInfo`; each is the attribute of the same name."""
    names = signature(type(info)).parameters.keys() - {"typemod"}  # it follows from the type
    return {name: getattr(info, name) for name in sorted(names) if hasattr(info, name)}


def _fetching_oids(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Record what psycopg2 reads about `hstore`."""

    def fetch(dialect: Any, connection: Any) -> Any:
        if not isinstance(connection, StandInConnection):
            return ask(dialect, connection)
        lazy = connection._lazy
        answer = lazy.ask("TYPE hstore", lambda: {"type": to_plain(ask(dialect, lazy.real))})
        return from_plain(answer["type"])

    def ask(dialect: Any, connection: Any) -> Any:
        try:
            return original(dialect, connection)
        finally:
            forget_types(dialect)

    return fetch


def forget_types(dialect: Any) -> None:
    """Forget what psycopg2's dialect keeps of `hstore`: it would not pass this edge again."""
    vars(dialect).pop("_hstore_oids", None)


def _registering(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Register types when the real connection is open: these drivers accept their own class only."""

    def on_connect(dialect: Any) -> Any:
        register = original(dialect)
        return None if register is None else _Registration(register)

    return on_connect


def register_when_real(pool: Any) -> None:
    """Do the same for an engine that was made before these functions were patched, whose pool has their result."""
    if pool._dialect.driver not in _REGISTERING:
        return
    for listener in pool.dispatch.connect:
        names = getattr(getattr(listener, "__code__", None), "co_freevars", ())
        if _RESULT in names:
            cell = listener.__closure__[names.index(_RESULT)]
            if not isinstance(cell.cell_contents, _Registration):
                cell.cell_contents = _Registration(cell.cell_contents)


class _Registration:
    """A function that registers types on a connection. It waits until the connection is real."""

    def __init__(self, register: Callable[[Any], None]) -> None:
        self._register = register

    def __call__(self, connection: Any) -> None:
        if isinstance(connection, StandInConnection):
            connection._lazy.configure(self._register)
        else:
            self._register(connection)
