"""The adapter of redis-py, sync and asyncio: the methods of its connections that send commands and read replies.

Read against redis-py 5.0 and 8.1. The client above stays real: pools, retries, pipelines, decoding, callbacks.
Sentinel and Cluster are not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pytest_mimic._clients.redis.redis_connection import (
    Batch,
    ConnectionState,
    returned,
)
from pytest_mimic._clients.redis.replies import comparable_reply, load_reply, redis_errors
from pytest_mimic._core.seam.base import Adapter, Edge, Steps, async_method, sync_method, waiting

if TYPE_CHECKING:
    from pytest_mimic._core.engine.client_plan import Port

_Function = Callable[..., Any]
# The attribute of a connection that holds its state.
_STATE = "_mimic_state"
# `token` is the fourth argument of a lock's `acquire`, after the lock itself.
_TOKEN_PLACE = 4


class RedisAdapter(Adapter):
    """The adapter of `redis`."""

    keeps_state = True

    def edges(self) -> Sequence[Edge]:
        return [
            *self._connection_edges("redis.connection", "can_read", sync_method),
            *self._connection_edges("redis.asyncio.connection", _async_can_read(), async_method),
            Edge("redis.lock", ("Lock", "acquire"), _wrap_acquire),
            Edge("redis.asyncio.lock", ("Lock", "acquire"), _wrap_acquire),
        ]

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        """Return a reply, with sets where the order means nothing, or the type of an error.

        The text of an error names the server's address.
        """
        if "error" not in plain:
            return comparable_reply(plain)
        return {"error": plain["error"]["type"], "after": comparable_reply(plain["error"]["after"])}

    def failure(self, plain: Any, /) -> str | None:
        """Return the error of sending or reading, or the first of the server's replies that is an error."""
        if "error" in plain:
            return super().failure(plain)
        for reply in plain.get("replies") or (plain.get("reply"),):
            if type(reply) is dict and "$error" in reply:
                return f"gave {reply['$error'][0]}"
        return None

    def _connection_edges(self, module: str, can_read: str, make: _Function) -> list[Edge]:
        # Each returns the method's result, or the steps to it if the client has to wait for something.
        methods: dict[str, _Function] = {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "send_packed_command": self._send,
            "read_response": self._read,
            can_read: self._can_read,
        }
        return [
            Edge(module, ("AbstractConnection", name), partial(make, begin))
            for name, begin in methods.items()
        ]

    def _connect(self, original: _Function, port: Port, connection: Any, *args: Any, **kwargs: Any) -> Any:
        # Otherwise the connection is opened when something has to be sent for real.
        if _state(connection).is_real or not port.taking():
            return waiting(original(connection, *args, **kwargs))
        return None

    def _disconnect(
        self, original: _Function, _port: Port, connection: Any, *args: Any, **kwargs: Any
    ) -> Any:
        _state(connection).disconnect()
        return waiting(original(connection, *args, **kwargs))

    def _can_read(self, original: _Function, port: Port, connection: Any, *args: Any, **kwargs: Any) -> Any:
        state = _state(connection)
        # The sync client has `_sock`, the async one `is_connected`.
        is_connected = getattr(connection, "_sock", None) or getattr(connection, "is_connected", False)
        if state.is_real or not port.taking() or is_connected:
            return waiting(original(connection, *args, **kwargs))
        return bool(state.expected)

    def _send(
        self, original: _Function, port: Port, connection: Any, command: Any, *args: Any, **kwargs: Any
    ) -> Any:
        state = _state(connection)
        if state.is_real or not port.taking():
            return waiting(original(connection, command, *args, **kwargs))
        command = command if isinstance(command, (str, bytes)) else list(command)
        batch = state.begin(connection, command, port)
        if batch is None:
            return None
        return self._send_for_real(state, batch, partial(original, connection, command, *args, **kwargs))

    def _send_for_real(self, state: ConnectionState, batch: Batch, send: Callable[[], Any]) -> Steps:
        with batch.talking(state):
            yield send()

    def _read(
        self,
        original: _Function,
        port: Port,
        connection: Any,
        disable_decoding: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        state = _state(connection)
        if state.is_real or not state.expected:
            return waiting(original(connection, disable_decoding, *args, **kwargs))
        encoder = None if disable_decoding else connection.encoder
        expected = state.expected.popleft()
        if type(expected) is not Batch:
            reply = load_reply(expected, encoder)
            return returned(reply) if type(expected) is dict else reply
        read = partial(original, connection, True, *args, **kwargs)
        return self._read_for_real(port, state, expected, encoder, read)

    def _read_for_real(
        self, port: Port, state: ConnectionState, batch: Batch, encoder: Any, read: Callable[[], Any]
    ) -> Steps:
        reply = None
        if not batch.is_broken:
            with batch.talking(state):
                try:
                    reply = yield read()
                except redis_errors().ResponseError as error:
                    reply = error
                batch.keep(reply, port)
        return batch.answer(reply, encoder)


def _state(connection: Any) -> ConnectionState:
    state: ConnectionState = vars(connection).get(_STATE) or vars(connection).setdefault(
        _STATE, ConnectionState()
    )
    return state


def _wrap_acquire(original: _Function, port: Port) -> _Function:
    """Give a lock the same token in each run instead of a random one."""

    @wraps(original)
    def acquire(lock: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) < _TOKEN_PLACE and kwargs.get("token") is None and port.taking():
            count = port.ordinal(f"redis lock {lock.name}", uuid4().hex)
            kwargs["token"] = f"pytest-mimic {count}"
        return original(lock, *args, **kwargs)

    return acquire


def _async_can_read() -> str:
    """Return the name of a method that redis-py 8 renamed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return "can_read" if int(version("redis").partition(".")[0]) >= 8 else "can_read_destructive"
    except (PackageNotFoundError, ValueError):  # pragma: no cover (redis-py is not installed)
        return "can_read"
