"""The edges where drivers of PostgreSQL ask the server for its types, with cursors of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.sql.lazy_connection import LazyConnection, wait
from pytest_mimic._clients.sql.stand_ins import StandInConnection, StandInDriver
from pytest_mimic._core.seam.base import Edge
from pytest_mimic._core.seam.database_values import from_plain, to_plain

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

# Functions of psycopg2 that accept its own connections only.
_REGISTERING = ("register_uuid", "register_hstore", "register_default_json", "register_default_jsonb")


def type_edges() -> list[Edge]:
    """Return the functions of drivers and dialects that read or register types."""
    dialect = "sqlalchemy.dialects.postgresql.psycopg2"
    return [
        Edge("psycopg._typeinfo", ("TypeInfo", "fetch"), _fetching_type),
        Edge(dialect, ("PGDialect_psycopg2", "_hstore_oids"), _fetching_oids),
        *(Edge("psycopg2.extras", (name,), _registering) for name in _REGISTERING),
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


def _registering(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Register a type when the connection is real."""

    @wraps(original)
    def register(*args: Any, **options: Any) -> Any:
        held = next((one for one in args if isinstance(one, StandInConnection)), None)
        if held is None:
            return original(*args, **options)
        return held._lazy.configure(
            lambda real: original(*(real if one is held else one for one in args), **options)
        )

    return register


def _fetching_oids(original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
    """Read and register the numbers of psycopg2's `hstore` when the connection is real."""

    @wraps(original)
    def fetch(dialect: Any, connection: Any) -> Any:
        if not isinstance(connection, StandInConnection):
            return original(dialect, connection)

        def register(real: Any) -> None:
            oids = original(dialect, real)
            if oids is not None:
                dialect._psycopg2_extras.register_hstore(real, oid=oids[0], array_oid=oids[1])

        return connection._lazy.configure(register)

    return fetch
