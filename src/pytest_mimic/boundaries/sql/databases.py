"""The databases of a run, each with a log of what was replayed on it and not run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary, ref

# The number of operations that the log of a database keeps.
_LONGEST_LOG = 20_000


class Operation(NamedTuple):
    """An operation on a connection that was not open.

    Attributes:
        kind: `execute`, `commit`, `rollback`, or `configure` if it is about the connection and not about data.
        run: Does it to the real connection.
        name: The statement.
        failed: The recording says that it failed.
    """

    kind: str
    run: Callable[[Any], Any]
    name: str = ""
    failed: bool = False


class Database:
    """A database, to which any number of engines and connections lead.

    The log holds what was replayed. It is run before the first call that has to run for real, so that a new
    statement finds the tables and rows that the replayed ones made. `key` distinguishes the database from the others
    of this process.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self._log: list[tuple[Any, Operation]] = []
        self._guard = threading.Lock()

    def note(self, connection: object, operation: Operation) -> None:
        """Add an operation to the log."""
        with self._guard:
            if len(self._log) < _LONGEST_LOG:
                self._log.append((connection, operation))

    def roll_back(self, connection: object) -> None:
        """Drop the operations of a connection that follow its last commit."""
        with self._guard:
            for place in reversed(range(len(self._log))):
                other, operation = self._log[place]
                if other is not connection or operation.kind == "configure":
                    continue
                if operation.kind == "commit":
                    return
                del self._log[place]

    def take(self) -> list[tuple[Any, Operation]]:
        """Return the log and empty it."""
        with self._guard:
            taken, self._log = self._log, []
            return taken

    def take_configuration(self, connection: object) -> list[Operation]:
        """Return the operations that configure one connection, and remove them from the log."""
        with self._guard:
            taken = [each for each in self._log if each[0] is connection and each[1].kind == "configure"]
            self._log = [each for each in self._log if each not in taken]
            return [operation for _, operation in taken]


class Databases:
    """The databases of SQLAlchemy's pools: one for each URL, without regard to driver and credentials."""

    def __init__(self) -> None:
        self._by_pool: WeakKeyDictionary[Any, Database] = WeakKeyDictionary()
        self._engines: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._by_key: dict[str, Database] = {}
        self._numbers = count(1)

    def add(self, engine: Any) -> None:
        """Note the URL of an engine for its pool."""
        pool, url = engine.pool, engine.url
        if pool in self._engines:
            return
        self._engines[pool] = ref(engine)
        if not _is_private(pool, url):
            key = f"{url.get_backend_name()} {url.host} {url.port} {url.database} {sorted(url.query.items())}"
            self._by_pool[pool] = self._by_key.setdefault(key, Database(key))

    def engine_of(self, pool: Any) -> Any:
        """Return an engine that uses a pool, or None."""
        engine = self._engines.get(pool)
        return engine() if engine is not None else None

    def of(self, pool: Any) -> Database:
        """Return the database that a pool leads to."""
        if pool not in self._by_pool:
            self._by_pool[pool] = Database(f"pool {next(self._numbers)}")
        return self._by_pool[pool]


def _is_private(pool: Any, url: Any) -> bool:
    """Return whether two pools with this URL lead to two databases: in memory, or behind a function that connects."""
    has_creator = getattr(pool._creator, "__module__", "") != "sqlalchemy.engine.create"
    in_memory = url.get_backend_name() == "sqlite" and (
        url.database in (None, "", ":memory:") or "memory" in f"{url.database} {url.query}"
    )
    return has_creator or in_memory
