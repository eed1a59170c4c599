"""The boundary of redis-py, sync and asyncio: the methods of its connections that send commands and read replies.

Read against redis-py 5.0 and 8.1. The client above stays real: pools, retries, pipelines, decoding, callbacks.
Sentinel and Cluster are not tested.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from pytest_mimic.boundaries.base import Boundary, Edge
from pytest_mimic.boundaries.redis.connection import Batch, ConnectionState, ReplayedReply, redis_errors

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import Port

_Function = Callable[..., Any]
# `token` is the fourth argument of a lock's `acquire`, after the lock itself.
_TOKEN_PLACE = 4


class RedisBoundary(Boundary):
    """The boundary of `redis`."""

    parts = ("command", "commands", "database", "protocol")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._states: WeakKeyDictionary[Any, ConnectionState] = WeakKeyDictionary()
        self._scripts: dict[str, Any] = {}

    def edges(self) -> Sequence[Edge]:
        """Return the methods of connections that use the socket, and methods whose random values would count."""
        methods = {
            "redis.connection:AbstractConnection.connect": self._connecting(_value),
            "redis.connection:AbstractConnection.disconnect": self._disconnecting,
            "redis.connection:AbstractConnection.send_packed_command": self._sending,
            "redis.connection:AbstractConnection.read_response": self._reading,
            "redis.connection:AbstractConnection.can_read": self._looking(_value),
            "redis.asyncio.connection:AbstractConnection.connect": self._connecting(_awaitable),
            "redis.asyncio.connection:AbstractConnection.disconnect": self._disconnecting,
            "redis.asyncio.connection:AbstractConnection.send_packed_command": self._sending_async,
            "redis.asyncio.connection:AbstractConnection.read_response": self._reading_async,
            f"redis.asyncio.connection:AbstractConnection.{_async_can_read()}": self._looking(_awaitable),
            "redis.lock:Lock.acquire": _acquiring,
            "redis.asyncio.lock:Lock.acquire": _acquiring,
            "redis.commands.core:Script.__call__": self._calling_script,
            "redis.commands.core:AsyncScript.__call__": self._calling_script,
        }
        return [
            Edge(name.partition(":")[0], tuple(name.partition(":")[2].split(".")), wrap)
            for name, wrap in methods.items()
        ]

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        """Return a reply, with sets where the order means nothing; of an error, only the type.

        The text of an error names the server's address.
        """
        from pytest_mimic.boundaries.redis.replies import comparable_reply

        if "error" not in plain:
            return comparable_reply(plain)
        return {"error": plain["error"]["type"], "after": comparable_reply(plain["error"]["after"])}

    def _state(self, connection: Any) -> ConnectionState:
        state = self._states.get(connection)
        if state is None:
            state = self._states[connection] = ConnectionState()
        return state

    def _calling_script(self, original: _Function, _port: Port) -> _Function:
        @wraps(original)
        def call(script: Any, *args: Any, **kwargs: Any) -> Any:
            # Remembers the text for `_loads`.
            self._scripts[str(script.sha)] = script.script
            return original(script, *args, **kwargs)

        return call

    def _loads(self, connection: Any, batch: Batch) -> list[Any]:
        """Return commands that load the scripts of a batch.

        Otherwise a recording would depend on whether the server knew the scripts.
        """
        texts = [self._scripts.get(sha) for sha in batch.scripts()]
        return [connection.pack_command("SCRIPT", "LOAD", text) for text in texts if text is not None]

    def _connecting(self, result: _Function) -> Callable[[_Function, Port], _Function]:
        """Let a connection open when something has to be sent for real; `result` makes what the method returns."""

        def wrap(original: _Function, port: Port) -> _Function:
            def connect(connection: Any, *args: Any, **kwargs: Any) -> Any:
                if self._state(connection).must_connect(connection) or not port.taking():
                    return original(connection, *args, **kwargs)
                return result(None)

            return connect

        return wrap

    def _disconnecting(self, original: _Function, _port: Port) -> _Function:
        def disconnect(connection: Any, *args: Any, **kwargs: Any) -> Any:
            self._state(connection).disconnect()
            return original(connection, *args, **kwargs)

        return disconnect

    def _looking(self, result: _Function) -> Callable[[_Function, Port], _Function]:
        """Answer whether replies are waiting; `result` makes what the method returns."""

        def wrap(original: _Function, port: Port) -> _Function:
            def can_read(connection: Any, *args: Any, **kwargs: Any) -> Any:
                state = self._state(connection)
                # The sync client has `_sock`, the async one `is_connected`.
                is_connected = getattr(connection, "_sock", None) or getattr(
                    connection, "is_connected", False
                )
                if state.is_real or not port.taking() or is_connected:
                    return original(connection, *args, **kwargs)
                return result(state.has_more)

            return can_read

        return wrap

    def _sending(self, original: _Function, port: Port) -> _Function:
        def send_packed_command(connection: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            state = self._state(connection)
            if state.is_real or not port.taking():
                return original(connection, command, *args, **kwargs)
            command = command if isinstance(command, (str, bytes)) else list(command)
            batch = state.begin(connection, command, port)
            if batch is None:
                return None
            with batch.talking(state, at="send"):
                for load in self._loads(connection, batch):
                    original(connection, load)
                    with suppress(redis_errors().ResponseError):
                        connection.read_response()
                return original(connection, command, *args, **kwargs)

        return send_packed_command

    def _sending_async(self, original: _Function, port: Port) -> _Function:
        async def send_packed_command(connection: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            state = self._state(connection)
            if state.is_real or not port.taking():
                return await original(connection, command, *args, **kwargs)
            command = command if isinstance(command, (str, bytes)) else list(command)
            batch = state.begin(connection, command, port)
            if batch is None:
                return None
            with batch.talking(state, at="send"):
                for load in self._loads(connection, batch):
                    await original(connection, load)
                    with suppress(redis_errors().ResponseError):
                        await connection.read_response()
                return await original(connection, command, *args, **kwargs)

        return send_packed_command

    def _reading(self, original: _Function, port: Port) -> _Function:
        def read_response(connection: Any, disable_decoding: bool = False, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            state = self._state(connection)
            expected = state.next()
            if expected is None:
                return original(connection, disable_decoding, *args, **kwargs)
            encoder = None if disable_decoding else connection.encoder
            if isinstance(expected, ReplayedReply):
                return expected.read(encoder)
            with expected.talking(state, at="read"):
                try:
                    reply = original(connection, True, *args, **kwargs)
                except redis_errors().ResponseError as error:
                    reply = error
            return expected.take(reply, port, encoder)

        return read_response

    def _reading_async(self, original: _Function, port: Port) -> _Function:
        async def read_response(
            connection: Any, disable_decoding: bool = False, *args: Any, **kwargs: Any
        ) -> Any:
            __tracebackhide__ = True
            state = self._state(connection)
            expected = state.next()
            if expected is None:
                return await original(connection, disable_decoding, *args, **kwargs)
            encoder = None if disable_decoding else connection.encoder
            if isinstance(expected, ReplayedReply):
                return expected.read(encoder)
            with expected.talking(state, at="read"):
                try:
                    reply = await original(connection, True, *args, **kwargs)
                except redis_errors().ResponseError as error:
                    reply = error
            return expected.take(reply, port, encoder)

        return read_response


def _value(value: Any) -> Any:
    return value


async def _awaitable(value: Any) -> Any:
    return value


def _acquiring(original: _Function, port: Port) -> _Function:
    """Give a lock the same token in each run; otherwise it draws a random one."""

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
