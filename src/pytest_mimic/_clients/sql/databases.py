"""The databases of a run, each with a log of what was replayed on it and not run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary, ref

from pytest_mimic._core.seam.replay_log import ReplayLog

if TYPE_CHECKING:
    from pytest_mimic._core.seam.replay_log import Caller


class Operation(NamedTuple):
    """An operation on a connection that was not open. A run has very many of them."""

    connection: Any  # the connection on which it was replayed
    run: Callable[[Any], Any]  # does it to the real connection
    name: str  # the statement, `COMMIT` or `ROLLBACK`


class Database:
    """A database, to which any number of engines and connections lead.

    `key` distinguishes it from the others of this process. `log` holds what was replayed on it.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.log: ReplayLog[Operation] = ReplayLog()

    def note(self, caller: Caller, operation: Operation) -> bool:
        """Add an operation to the log, and return whether it is to be done at once.

        What a test did is left out: with a new call, its conversation runs for real as a whole.
        """
        connection = operation.connection
        if operation.name == "COMMIT":
            holds_others = self.log.keep(connection) or connection.real is not None
            return (holds_others or not caller.is_test) and self.log.note(caller, operation)
        return not caller.is_test and self.log.note(caller, operation, group=connection)

    def roll_back(self, connection: object) -> None:
        """Drop the operations of a connection that follow its last commit."""
        self.log.remove(connection)


class Databases:
    """The databases of SQLAlchemy's pools: one for each URL, without regard to driver and credentials."""

    def __init__(self) -> None:
        self._by_pool: WeakKeyDictionary[Any, Database] = WeakKeyDictionary()
        self._engines: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self._by_key: dict[str, Database] = {}
        self._numbers = count(1)

    def add(self, engine: Any) -> None:
        pool, url = engine.pool, engine.url
        if pool in self._engines:
            return
        self._engines[pool] = ref(engine)
        if not _is_private(pool, url):
            key = f"{url.get_backend_name()} {url.host} {url.port} {url.database} {sorted(url.query.items())}"
            self._by_pool[pool] = self._by_key.setdefault(key, Database(key))

    def engine_of(self, pool: Any) -> Any:
        engine = self._engines.get(pool)
        return engine() if engine is not None else None

    def of(self, pool: Any) -> Database:
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
