"""Where a client of redis-py meets its server: the methods of a connection.

A command is sent and all of its replies are read at once; then the client reads them
one by one, recorded or real. A connection is made when a command is really sent.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable
from functools import partial, wraps
from typing import Any

from pytest_mimic.client import Edge, Exchange, Plain, Port
from pytest_mimic.clients.redis import commands, replies

Function = Callable[..., Any]
Steps = Generator[Callable[[], Any], Any, Any]
"""Yields functions to call, or to call and await, and gets what they return."""


def drive(steps: Steps) -> Any:
    """Take steps one after the other, and return what the last one gives."""
    try:
        action = next(steps)
        while True:
            try:
                result = action()
            except BaseException as error:
                action = steps.throw(error)
            else:
                action = steps.send(result)
    except StopIteration as end:
        return end.value


async def drive_async(steps: Steps) -> Any:
    """As `drive`, for a task."""
    try:
        action = next(steps)
        while True:
            try:
                result = await action()
            except BaseException as error:
                action = steps.throw(error)
            else:
                action = steps.send(result)
    except StopIteration as end:
        return end.value


class _Wire:
    """What is known of one connection.

    Attributes:
        is_busy: Whether the client itself talks to the server now.
        given: The replies, or the error, that its client will read.
    """

    def __init__(self) -> None:
        self.is_busy = False
        self.given: deque[Any] = deque()


class Connections:
    """The connections of one of the two clients.

    Args:
        port: Where their commands are taken.
        take: `drive` or `drive_async`.
        scripts: The sources of scripts by digest, as far as they have been run.
    """

    def __init__(
        self,
        port: Port,
        take: Callable[[Steps], Any],
        scripts: dict[str, str | bytes],
    ) -> None:
        self._port = port
        self._take = take
        self._is_async = take is drive_async
        self._scripts = scripts
        self._originals: dict[str, Function] = {}

    def edges(self, module: str) -> Iterable[Edge]:
        """Return the edges in a module with connections."""
        edges: dict[str, Callable[..., Steps]] = {
            "connect": self._connecting,
            "send_packed_command": self._sending,
            "read_response": self._reading,
            "can_read": partial(self._looking, "can_read"),
            "can_read_destructive": partial(self._looking, "can_read_destructive"),
        }
        for name, steps in edges.items():
            wrap = partial(self._wrap, name, steps)
            is_optional = name.startswith("can_read")
            yield Edge(module, ("AbstractConnection", name), wrap, is_optional)

    def _wrap(
        self, name: str, steps: Callable[..., Steps], original: Function
    ) -> Function:
        self._originals[name] = original

        @wraps(original)
        def method(connection: Any, *args: Any, **options: Any) -> Any:
            return self._take(steps(connection, *args, **options))

        return method

    def _real(self, name: str, *args: Any, **options: Any) -> Callable[[], Any]:
        return partial(self._originals[name], *args, **options)

    # -- steps of both clients

    def _connecting(self, connection: Any) -> Steps:
        if _wire(connection).is_busy or not _is_ours(connection):
            yield self._real("connect", connection)

    def _looking(self, name: str, connection: Any, *args: Any, **options: Any) -> Steps:
        if not self._is_connected(connection):
            return False
        return (yield self._real(name, connection, *args, **options))

    def _reading(
        self, connection: Any, disable_decoding: bool = False, **options: Any
    ) -> Steps:
        given = _wire(connection).given
        if not given:
            read = self._real("read_response", connection, disable_decoding, **options)
            return (yield read)
        reply = given.popleft()
        if isinstance(reply, BaseException):
            raise reply
        if disable_decoding:
            return reply
        return replies.decoded(reply, connection.encoder.decode)

    def _sending(
        self, connection: Any, packed: Any, check_health: bool = True
    ) -> Steps:
        wire = _wire(connection)
        wire.given.clear()
        if wire.is_busy or not _is_ours(connection):
            yield self._real("send_packed_command", connection, packed, check_health)
            return
        words = commands.words_of(packed)
        asked = [commands.read(each) for each in words]
        exchange = self._begin(connection, asked)
        if exchange is None:
            yield from self._sent(connection, packed, check_health)
            return
        if exchange.mode == "replay":
            replay = exchange.replay_async if self._is_async else exchange.replay
            given = yield partial(replay, replies.give_all)
        else:
            with exchange.running():
                found, error = yield from self._talked(connection, packed, words)
            answer = replies.read(found, asked, error)
            given = exchange.finish(answer, replies.give_all)
        wire.given.extend(given)

    def _begin(self, connection: Any, asked: list[Plain]) -> Exchange | None:
        request: Plain = asked[0] if len(asked) == 1 else {"commands": asked}
        if str(connection.protocol) == "3":
            request = {**request, "protocol": 3}
        host, port = _address(connection)
        if self._port.run.is_own_server(f"{host}:{port}"):
            return None
        numbered = {"database": (host, port, connection.db)}
        exchange = self._port.begin(request, numbered=numbered)
        name = commands.endless(request)
        if exchange is not None and name:
            raise exchange.refuse(
                [f"{name} has no reply that ends it"],
                [("to leave it to the server", f"redis exclude={name}")],
            )
        return exchange

    def _talked(self, connection: Any, packed: Any, words: list[list[bytes]]) -> Steps:
        """Send commands, and return the replies, with the error that ended them.

        They are none at all if nothing was sent.
        """
        from redis import exceptions  # The client is installed by now.

        found: list[Any] | None = None
        try:
            # So what is recorded does not tell whether the server had a script.
            for digest in commands.scripts_in(words):
                yield from self._loaded(connection, digest)
            yield from self._sent(connection, packed)
            found = []
            while len(found) < len(words):
                found.append((yield from self._next_reply(connection)))
        except exceptions.RedisError as error:
            return found, error
        return found, None

    def _loaded(self, connection: Any, digest: str) -> Steps:
        """Load a script that the client would load if its server lacked it."""
        if digest in self._scripts:
            source = self._scripts[digest]
            packed = connection.pack_command("SCRIPT", "LOAD", source)
            yield from self._sent(connection, packed)
            yield from self._next_reply(connection)

    def _next_reply(self, connection: Any) -> Steps:
        from redis import exceptions

        try:
            return (yield self._real("read_response", connection, True))
        except exceptions.ResponseError as error:
            return error

    def _sent(self, connection: Any, packed: Any, check_health: bool = True) -> Steps:
        """Send commands for real, over a new connection if there is none."""
        wire = _wire(connection)
        wire.is_busy = True
        try:
            if not self._is_connected(connection):
                yield self._real("connect", connection)
            yield self._real("send_packed_command", connection, packed, check_health)
        finally:
            wire.is_busy = False

    def _is_connected(self, connection: Any) -> bool:
        if self._is_async:
            return bool(connection.is_connected)
        return connection._sock is not None


def _wire(connection: Any) -> _Wire:
    wire: _Wire = vars(connection).setdefault("_mimic", _Wire())
    return wire


def _is_ours(connection: Any) -> bool:
    """Return whether a connection leads out of this process.

    A fake server replaces the methods of a connection.
    """
    read: str = type(connection).read_response.__module__
    return read.partition(".")[0] == "redis"


def _address(connection: Any) -> tuple[Hashable, Hashable]:
    pool = getattr(connection, "connection_pool", None)
    if pool is not None:  # of a sentinel, which tells the address when it is asked
        return pool.service_name, pool.is_master
    parts = vars(connection)
    return parts.get("host", parts.get("path")), parts.get("port")


# -- what is random, or hangs on the server


def wrap_script(scripts: dict[str, str | bytes], original: Function) -> Function:
    """Note the source of each script that is run."""

    @wraps(original)
    def call(script: Any, *args: Any, **options: Any) -> Any:
        scripts[script.sha] = script.script
        return original(script, *args, **options)

    return call


def wrap_lock(port: Port, original: Function) -> Function:
    """Give a lock the same token in each run, in place of a random one."""

    @wraps(original)
    def acquire(lock: Any, *args: Any, **options: Any) -> Any:
        owner = port.run.innermost
        is_random = len(args) < 4 and options.get("token") is None
        if owner is not None and is_random:
            number = owner.number("token of a lock", object())
            name = f"{owner.name} {number}"
            options["token"] = uuid.uuid5(uuid.NAMESPACE_OID, name).hex
        return original(lock, *args, **options)

    return acquire
