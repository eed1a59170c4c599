"""Where a client of redis-py meets its server: the methods of a connection.

A command is sent and all of its replies are read at once; then the client reads them
one by one, recorded or real. A connection is made when a command is really sent.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Iterable
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any

from pytest_mimic.client import Edge, Exchange, Function, Plain, Port, around, at_once
from pytest_mimic.clients.redis import commands, replies

Step = Callable[..., Coroutine[Any, Any, Any]]

_NEEDED_SCRIPTS: ContextVar[Iterable[Any]] = ContextVar("mimic_scripts", default=())
"""What the client would load now if its server lacked it.

It is loaded in any case, so that no recording tells whether the server had it.
"""


class _Wire:
    """What is known of one connection.

    Attributes:
        is_busy: Whether the client itself talks to the server now.
        replies: The replies, or the error, that its client will read.
    """

    def __init__(self) -> None:
        self.is_busy = False
        self.replies: deque[Any] = deque()


class Connections:
    """The connections of one of the two clients.

    What is done in place of a method is a coroutine. That of the sync client never
    waits, so that one step runs it to its end.

    Args:
        port: Where their commands are taken.
        library: The module of the client: `redis` or `redis.asyncio`.
    """

    def __init__(self, port: Port, library: str) -> None:
        self._port = port
        self._library = library
        self._is_async = library != "redis"
        # The client's own methods, as coroutines.
        self._real: dict[str, Step] = {}

    def edges(self) -> Iterable[Edge]:
        """Return what connects, sends and reads; and what needs scripts or a lock."""
        steps: dict[str, Step] = {
            "connect": self._connect,
            "send_packed_command": self._send,
            "read_response": self._read,
            "can_read": self._look,
            "can_read_destructive": self._look,
        }
        for name, step in steps.items():
            path = "AbstractConnection", name
            wrap = partial(self._wrap, name, step)
            is_optional = name.startswith("can_read")
            yield Edge(f"{self._library}.connection", path, wrap, is_optional)
        script = "AsyncScript" if self._is_async else "Script"
        wrap_scripts = partial(self._wrap, "scripts", self._with_scripts)
        yield Edge("redis.commands.core", (script, "__call__"), wrap_scripts)
        pipeline = "Pipeline", "load_scripts"
        yield Edge(f"{self._library}.client", pipeline, wrap_scripts)
        wrap_lock = around(partial(_acquire, self._port))
        yield Edge(f"{self._library}.lock", ("Lock", "acquire"), wrap_lock)

    def _wrap(self, name: str, step: Step, original: Function) -> Function:
        """Return a method that takes a step, which gets the original as a coroutine."""

        async def real(*args: Any, **options: Any) -> Any:
            result = original(*args, **options)
            return await result if self._is_async else result

        @wraps(original)
        def method(*args: Any, **options: Any) -> Any:
            coroutine = step(real, *args, **options)
            return coroutine if self._is_async else at_once(coroutine)

        self._real[name] = real
        return method

    # -- in place of the methods

    async def _connect(self, real: Step, connection: Any) -> None:
        if _wire(connection).is_busy or not _is_ours(connection):
            await real(connection)

    async def _look(
        self, real: Step, connection: Any, *args: Any, **options: Any
    ) -> Any:
        if not self._is_connected(connection):
            return False
        return await real(connection, *args, **options)

    async def _with_scripts(
        self, real: Step, user: Any, *args: Any, **options: Any
    ) -> Any:
        """Run a script, or those of a pipeline, and load it if it is lacking."""
        before = _NEEDED_SCRIPTS.set(getattr(user, "scripts", (user,)))
        try:
            return await real(user, *args, **options)
        finally:
            _NEEDED_SCRIPTS.reset(before)

    async def _read(
        self,
        real: Step,
        connection: Any,
        disable_decoding: bool = False,
        **options: Any,
    ) -> Any:
        waiting = _wire(connection).replies
        if not waiting:
            return await real(connection, disable_decoding, **options)
        reply = waiting.popleft()
        if isinstance(reply, BaseException):
            raise reply
        if disable_decoding:
            return reply
        return replies.decoded(reply, connection.encoder.decode)

    async def _send(
        self, real: Step, connection: Any, packed: Any, check_health: bool = True
    ) -> None:
        wire = _wire(connection)
        wire.replies.clear()
        if wire.is_busy or not _is_ours(connection):
            await real(connection, packed, check_health)
            return
        asked = [commands.read(words) for words in commands.words_of(packed)]
        exchange = self._begin(connection, asked)
        if exchange is None:
            await self._send_for_real(connection, packed, check_health)
            return
        talk = partial(self._talk, exchange, connection, packed, asked)
        is_task = self._is_async
        built = await exchange.answer(talk, replies.build_all, is_task=is_task)
        wire.replies.extend(built)

    def _begin(self, connection: Any, asked: list[Plain]) -> Exchange | None:
        request: Plain = asked[0] if len(asked) == 1 else {"commands": asked}
        if str(connection.protocol) == "3":
            request = {**request, "protocol": 3}
        address = _address(connection)
        return self._port.begin(
            request,
            numbered={"database": (*address, connection.db)},
            server="{}:{}".format(*address),
        )

    # -- what is really sent

    async def _talk(
        self, exchange: Exchange, connection: Any, packed: Any, asked: list[Plain]
    ) -> Plain:
        """Send commands, and return the answer.

        Raises:
            UnstorableOutcomeError: A command has no last reply.
        """
        from redis import exceptions  # The client is installed by now.

        name = commands.endless(asked)
        if name:
            raise exchange.refuse(
                [f"{name} has no final reply"],
                [("to leave it to the server", f"redis exclude={name}")],
            )
        found: list[Any] | None = None
        try:
            for script in _NEEDED_SCRIPTS.get():
                load = connection.pack_command("SCRIPT", "LOAD", script.script)
                await self._send_for_real(connection, load)
                await self._next_reply(connection)
            await self._send_for_real(connection, packed)
            found = []
            while len(found) < len(asked):
                found.append(await self._next_reply(connection))
        except exceptions.RedisError as error:
            return replies.read(found, asked, error)
        return replies.read(found, asked)

    async def _next_reply(self, connection: Any) -> Any:
        from redis import exceptions

        try:
            return await self._real["read_response"](connection, True)
        except exceptions.ResponseError as error:
            return error

    async def _send_for_real(
        self, connection: Any, packed: Any, check_health: bool = True
    ) -> None:
        """Send commands, over a new connection if there is none."""
        wire = _wire(connection)
        wire.is_busy = True
        try:
            if not self._is_connected(connection):
                await self._real["connect"](connection)
            await self._real["send_packed_command"](connection, packed, check_health)
        finally:
            wire.is_busy = False

    def _is_connected(self, connection: Any) -> bool:
        if self._is_async:
            return bool(connection.is_connected)
        return connection._sock is not None


def _wire(connection: Any) -> _Wire:
    try:
        wire: _Wire = connection._mimic
    except AttributeError:
        wire = connection._mimic = _Wire()
    return wire


def _is_ours(connection: Any) -> bool:
    """Return whether a connection leads out of this process.

    A fake server replaces the methods of a connection.
    """
    module: str = type(connection).read_response.__module__
    return module.startswith("redis.")


def _address(connection: Any) -> tuple[Hashable, Hashable]:
    pool = getattr(connection, "connection_pool", None)
    if pool is not None:  # of a sentinel, which tells the address when it is asked
        return pool.service_name, pool.is_master
    path = getattr(connection, "path", None)  # of a Unix socket
    if path:
        return "unix", path
    return getattr(connection, "host", None), getattr(connection, "port", None)


# -- what is random, or hangs on the server


def _acquire(
    port: Port, original: Function, lock: Any, *args: Any, **options: Any
) -> Any:
    """Give a lock the same token in each run, in place of a random one."""
    owner = port.run.innermost
    is_random = len(args) < 4 and options.get("token") is None
    if owner.name and is_random:
        number = owner.number("token of a lock", object())
        name = f"{owner.name} {number}"
        options["token"] = uuid.uuid5(uuid.NAMESPACE_OID, name).hex
    return original(lock, *args, **options)
