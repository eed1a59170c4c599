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
    result = None
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
    result = None
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
        scripts: The scripts that were loaded through it.
    """

    def __init__(self) -> None:
        self.is_busy = False
        self.given: deque[Any] = deque()
        self.scripts: set[str] = set()


class Connections:
    """The connections of one of the two clients.

    Args:
        port: Where their commands are taken.
        scripts: The sources of scripts by digest, as far as they have been run.
        take: `drive` or `drive_async`.
    """

    def __init__(
        self,
        port: Port,
        scripts: dict[str, str | bytes],
        take: Callable[[Steps], Any],
    ) -> None:
        self._port = port
        self._scripts = scripts
        self._take = take
        self._is_async = take is drive_async
        self._connect: Function
        self._send: Function
        self._read: Function

    def edges(self, module: str) -> Iterable[Edge]:
        """Return the edges in a module with connections."""
        wraps_of = {
            "connect": self._wrap_connect,
            "send_packed_command": self._wrap_send,
            "read_response": self._wrap_read,
            "can_read": self._wrap_can_read,
            "can_read_destructive": self._wrap_can_read,
        }
        for name, wrap in wraps_of.items():
            is_optional = name.startswith("can_read")
            yield Edge(module, ("AbstractConnection", name), wrap, is_optional)

    # -- edges

    def _wrap_connect(self, original: Function) -> Function:
        self._connect = original

        @wraps(original)
        def connect(connection: Any) -> Any:
            return self._take(self._connecting(connection))

        return connect

    def _wrap_send(self, original: Function) -> Function:
        self._send = original

        @wraps(original)
        def send_packed_command(
            connection: Any, command: Any, check_health: bool = True
        ) -> Any:
            return self._take(self._sending(connection, command, check_health))

        return send_packed_command

    def _wrap_read(self, original: Function) -> Function:
        self._read = original

        @wraps(original)
        def read_response(
            connection: Any, disable_decoding: bool = False, **options: Any
        ) -> Any:
            steps = self._reading(connection, disable_decoding, options)
            return self._take(steps)

        return read_response

    def _wrap_can_read(self, original: Function) -> Function:
        @wraps(original)
        def can_read(connection: Any, *args: Any, **options: Any) -> Any:
            look = partial(original, connection, *args, **options)
            return self._take(self._looking(connection, look))

        return can_read

    def wrap_script(self, original: Function) -> Function:
        """Note the source of each script that is run."""

        @wraps(original)
        def call(script: Any, *args: Any, **options: Any) -> Any:
            self._scripts[script.sha] = script.script
            return original(script, *args, **options)

        return call

    def wrap_lock(self, original: Function) -> Function:
        """Give a lock the same token in each run, in place of a random one."""

        @wraps(original)
        def acquire(lock: Any, *args: Any, **options: Any) -> Any:
            owner = self._port.run.innermost
            is_random = len(args) < 4 and options.get("token") is None
            if owner is not None and is_random:
                number = owner.number("token of a lock", object())
                name = f"{owner.name} {number}"
                options["token"] = uuid.uuid5(uuid.NAMESPACE_OID, name).hex
            return original(lock, *args, **options)

        return acquire

    # -- steps of both clients

    def _connecting(self, connection: Any) -> Steps:
        if _wire(connection).is_busy or not self._is_ours(connection):
            yield partial(self._connect, connection)

    def _looking(self, connection: Any, look: Function) -> Steps:
        if not self._is_connected(connection):
            return False
        return (yield look)

    def _reading(
        self, connection: Any, disable_decoding: bool, options: dict[str, Any]
    ) -> Steps:
        wire = _wire(connection)
        if not wire.given:
            return (yield partial(self._read, connection, disable_decoding, **options))
        reply = wire.given.popleft()
        if isinstance(reply, BaseException):
            raise reply
        if disable_decoding:
            return reply
        return replies.decoded(reply, connection.encoder.decode)

    def _sending(self, connection: Any, command: Any, check_health: bool) -> Steps:
        wire = _wire(connection)
        wire.given.clear()
        if wire.is_busy or not self._is_ours(connection):
            yield partial(self._send, connection, command, check_health)
            return
        words = commands.words_of(command)
        asked = [commands.read(each) for each in words]
        exchange = self._begin(connection, asked)
        if exchange is None:
            yield from self._sent(connection, command, check_health=check_health)
        elif exchange.mode == "replay":
            replay = exchange.replay_async if self._is_async else exchange.replay
            wire.given.extend((yield partial(replay, _given)))
        else:
            with exchange.step.running():
                found, error = yield from self._talked(
                    exchange, connection, command, words
                )
            answer = replies.read(found, asked, error)
            given = _given(exchange.finish(answer))
            if exchange.mode == "run" and error is not None:
                given = error if "replies" not in answer else [*given[:-1], error]
            if isinstance(given, BaseException):
                raise given
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

    def _talked(
        self,
        exchange: Exchange,
        connection: Any,
        command: Any,
        words: list[list[bytes]],
    ) -> Steps:
        """Send commands, and return the replies, with the error that ended them.

        They are none at all if nothing was sent.
        """
        from redis import exceptions  # The client is installed by now.

        found: list[Any] | None = None
        try:
            yield from self._sent(connection, command, words=words)
            found = []
            while len(found) < len(words):
                found.append((yield from self._next_reply(connection)))
        except exceptions.RedisError as error:
            return found, error
        except BaseException as error:
            exchange.abandon(error)
            raise
        return found, None

    def _next_reply(self, connection: Any) -> Steps:
        from redis import exceptions

        try:
            return (yield partial(self._read, connection, True))
        except exceptions.ResponseError as error:
            return error

    def _sent(
        self,
        connection: Any,
        command: Any,
        *,
        check_health: bool = True,
        words: Iterable[list[bytes]] = (),
    ) -> Steps:
        """Send a command for real, over a new connection if there is none."""
        wire = _wire(connection)
        retry = connection.retry
        wire.is_busy = True
        try:
            if not self._is_connected(connection):
                # The client tries the whole command again, which connects again.
                connection.retry = _never_again(retry)
                wire.scripts.clear()
                yield partial(self._connect, connection)
            for digest in commands.scripts_in(words):
                yield from self._loaded(connection, wire, digest)
            yield partial(self._send, connection, command, check_health)
        finally:
            connection.retry = retry
            wire.is_busy = False

    def _loaded(self, connection: Any, wire: _Wire, digest: str) -> Steps:
        """Load a script that the client would load if its server lacks it.

        So what is recorded does not tell whether the server had it.
        """
        source = self._scripts.get(digest)
        if source is None or digest in wire.scripts:
            return
        packed = connection.pack_command("SCRIPT", "LOAD", source)
        yield partial(self._send, connection, packed, False)
        yield partial(self._read, connection)
        wire.scripts.add(digest)

    def _is_connected(self, connection: Any) -> bool:
        if self._is_async:
            return bool(connection.is_connected)
        return connection._sock is not None

    def _is_ours(self, connection: Any) -> bool:
        """Return whether the connection leads out of this process.

        A fake server replaces the methods of a connection.
        """
        read: str = type(connection).read_response.__module__
        return read.partition(".")[0] == "redis"


def _wire(connection: Any) -> _Wire:
    wire = vars(connection).get("_mimic")
    if wire is None:
        wire = vars(connection)["_mimic"] = _Wire()
    return wire  # type: ignore[no-any-return]


def _address(connection: Any) -> tuple[Hashable, Hashable]:
    pool = getattr(connection, "connection_pool", None)
    if pool is not None:  # of a sentinel, which tells the address when it is asked
        return pool.service_name, pool.is_master
    parts = vars(connection)
    return parts.get("host", parts.get("path")), parts.get("port")


def _never_again(retry: Any) -> Any:
    from redis.backoff import NoBackoff  # The client is installed by now.

    return type(retry)(NoBackoff(), 0)


def _given(answer: Plain) -> Any:
    """Return the replies of an answer, and its error behind them if it has one.

    An error without replies came before the command was sent.
    """
    given = replies.give_all(answer)
    if "error" not in answer:
        return given
    error = replies.exception_of(answer["error"])
    return [*given, error] if "replies" in answer else error
