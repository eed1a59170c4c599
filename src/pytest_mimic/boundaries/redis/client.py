"""The boundary of redis-py, sync and asyncio: what its connections send and read.

Read against redis-py 5.0 and 8.1. The client above stays real: pools, retries, pipelines, decoding, callbacks.
Sets of several servers (Sentinel, Cluster) are not tried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4
from weakref import WeakKeyDictionary

from pytest_mimic.boundaries.base import Boundary, Edge
from pytest_mimic.boundaries.redis.commands import Command, first_word, read_commands, text_of
from pytest_mimic.boundaries.redis.replies import (
    LISTENING,
    comparable_reply,
    describe_commands,
    load_error,
    load_reply,
    store_error,
    store_reply,
)
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic.boundaries.base import BoundaryCall, Port, Step

_CONNECTION = "AbstractConnection"
#: Of the arguments of a lock's `acquire`, after the lock itself.
_TOKEN_PLACE = 4


class RedisBoundary(Boundary):
    """Recorded replies for the connections of redis-py."""

    parts = ("command", "commands", "database", "protocol")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._talks: WeakKeyDictionary[Any, Talk] = WeakKeyDictionary()
        self._scripts: dict[str, Any] = {}

    def edges(self) -> Sequence[Edge]:
        """The methods of connections that touch the socket, and what draws lots above them."""
        sync = {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "send_packed_command": self._send,
            "read_response": self._read,
            "can_read": self._can_read,
        }
        asynchronous = {
            "connect": self._connect_async,
            "disconnect": self._disconnect_async,
            "send_packed_command": self._send_async,
            "read_response": self._read_async,
            _async_can_read(): self._can_read_async,
        }
        return [
            *(Edge("redis.connection", (_CONNECTION, name), wrap) for name, wrap in sync.items()),
            *(
                Edge("redis.asyncio.connection", (_CONNECTION, name), wrap)
                for name, wrap in asynchronous.items()
            ),
            Edge("redis.lock", ("Lock", "acquire"), _acquire),
            Edge("redis.asyncio.lock", ("Lock", "acquire"), _acquire),
            Edge("redis.commands.core", ("Script", "__call__"), self._call_script),
            Edge("redis.commands.core", ("AsyncScript", "__call__"), self._call_script),
        ]

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        """A reply, in any order where that means nothing; an error of the client's without its text.

        The text names the server's place.
        """
        if "error" not in plain:
            return comparable_reply(plain)
        return {"error": plain["error"]["type"], "after": comparable_reply(plain["error"]["after"])}

    def _talk(self, connection: Any) -> Talk:
        talk = self._talks.get(connection)
        if talk is None:
            talk = self._talks[connection] = Talk()
        return talk

    def _call_script(self, original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
        @wraps(original)
        def call(script: Any, *args: Any, **kwargs: Any) -> Any:
            """Its text is kept: `_loads` needs it."""
            self._scripts[str(script.sha)] = script.script
            return original(script, *args, **kwargs)

        return call

    def _loads(self, connection: Any, batch: Batch) -> list[Any]:
        """Commands that load the scripts which a batch is about: whether a server knows them is no part of its replies."""
        texts = [self._scripts.get(sha) for sha in batch.scripts()]
        return [connection.pack_command("SCRIPT", "LOAD", text) for text in texts if text is not None]

    # -- sync

    def _connect(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def connect(connection: Any, *args: Any, **kwargs: Any) -> Any:
            """A connection is opened when something has to be sent for real."""
            if self._talk(connection).connects(connection) or not port.taking():
                return original(connection, *args, **kwargs)
            return None

        return connect

    def _disconnect(self, original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
        def disconnect(connection: Any, *args: Any, **kwargs: Any) -> Any:
            self._talk(connection).hang_up()
            return original(connection, *args, **kwargs)

        return disconnect

    def _send(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def send_packed_command(connection: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            talk = self._talk(connection)
            if talk.is_open or not port.taking():
                return original(connection, command, *args, **kwargs)
            command = command if isinstance(command, (str, bytes)) else list(command)
            batch = talk.begin(connection, command, port)
            if batch is None:
                return None
            with batch.talking(talk, at="send"):
                for load in self._loads(connection, batch):
                    original(connection, load)
                    _caught(connection.read_response)
                return original(connection, command, *args, **kwargs)

        return send_packed_command

    def _read(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def read_response(connection: Any, disable_decoding: bool = False, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            talk = self._talk(connection)
            expected = talk.next()
            if expected is None:
                return original(connection, disable_decoding, *args, **kwargs)
            encoder = None if disable_decoding else connection.encoder
            if isinstance(expected, Replayed):
                return expected.answer(encoder)
            with expected.talking(talk, at="read"):
                reply = _caught(lambda: original(connection, True, *args, **kwargs))
            return expected.take(reply, port, encoder)

        return read_response

    def _can_read(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        def can_read(connection: Any, *args: Any, **kwargs: Any) -> Any:
            talk = self._talk(connection)
            if talk.is_open or not port.taking() or connection._sock is not None:
                return original(connection, *args, **kwargs)
            return talk.has_more

        return can_read

    # -- asyncio: the same words, with await

    def _connect_async(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        async def connect(connection: Any, *args: Any, **kwargs: Any) -> Any:
            """A connection is opened when something has to be sent for real."""
            if self._talk(connection).connects(connection) or not port.taking():
                return await original(connection, *args, **kwargs)
            return None

        return connect

    def _disconnect_async(self, original: Callable[..., Any], _port: Port) -> Callable[..., Any]:
        async def disconnect(connection: Any, *args: Any, **kwargs: Any) -> Any:
            self._talk(connection).hang_up()
            return await original(connection, *args, **kwargs)

        return disconnect

    def _send_async(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        async def send_packed_command(connection: Any, command: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            talk = self._talk(connection)
            if talk.is_open or not port.taking():
                return await original(connection, command, *args, **kwargs)
            command = command if isinstance(command, (str, bytes)) else list(command)
            batch = talk.begin(connection, command, port)
            if batch is None:
                return None
            with batch.talking(talk, at="send"):
                for load in self._loads(connection, batch):
                    await original(connection, load)
                    with suppress(_errors().ResponseError):
                        await connection.read_response()
                return await original(connection, command, *args, **kwargs)

        return send_packed_command

    def _read_async(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        async def read_response(
            connection: Any, disable_decoding: bool = False, *args: Any, **kwargs: Any
        ) -> Any:
            __tracebackhide__ = True
            talk = self._talk(connection)
            expected = talk.next()
            if expected is None:
                return await original(connection, disable_decoding, *args, **kwargs)
            encoder = None if disable_decoding else connection.encoder
            if isinstance(expected, Replayed):
                return expected.answer(encoder)
            with expected.talking(talk, at="read"):
                try:
                    reply = await original(connection, True, *args, **kwargs)
                except _errors().ResponseError as error:
                    reply = error
            return expected.take(reply, port, encoder)

        return read_response

    def _can_read_async(self, original: Callable[..., Any], port: Port) -> Callable[..., Any]:
        async def can_read(connection: Any, *args: Any, **kwargs: Any) -> Any:
            talk = self._talk(connection)
            if talk.is_open or not port.taking() or connection.is_connected:
                return await original(connection, *args, **kwargs)
            return talk.has_more

        return can_read


def _acquire(original: Callable[..., Any], port: Port) -> Callable[..., Any]:
    """A lock draws a random token each time; here it is the same in every run."""

    @wraps(original)
    def acquire(lock: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) < _TOKEN_PLACE and kwargs.get("token") is None and port.taking():
            count = port.ordinal(f"redis lock {lock.name}", uuid4().hex)
            kwargs["token"] = f"pytest-mimic {count}"
        return original(lock, *args, **kwargs)

    return acquire


def _async_can_read() -> str:
    """The name of a method that redis-py 8 has renamed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return "can_read" if int(version("redis").partition(".")[0]) >= 8 else "can_read_destructive"
    except (PackageNotFoundError, ValueError):  # pragma: no cover (redis-py is not installed)
        return "can_read"


class Talk:
    """What a connection still has to read, and whether it talks to the server just now.

    Attributes:
        listens: It listens to channels.
        is_busy: A real command is sent or read just now.
    """

    def __init__(self) -> None:
        self.listens = False
        self.is_busy = False
        self._was_listening = False
        self._expected: deque[Replayed | Batch] = deque()

    @property
    def is_open(self) -> bool:
        """Whether nothing is mimicked on it."""
        return self.listens or self.is_busy

    def connects(self, connection: Any) -> bool:
        """Whether the connection is to be opened at once; one that was lost while it listened goes on listening."""
        # Its listener registers a callback, and takes it back when it returns the connection to its pool.
        self.listens = self.listens or (self._was_listening and bool(connection._connect_callbacks))
        return self.is_open

    @property
    def has_more(self) -> bool:
        """Whether replies are waiting."""
        return bool(self._expected)

    def next(self) -> Replayed | Batch | None:
        """What the next reply is; None where the connection itself knows."""
        return None if self.is_open or not self._expected else self._expected.popleft()

    def hang_up(self) -> None:
        """Forgets what was not read: it will not be."""
        if self.is_busy:  # the client tries to connect once more, or gives up: `Batch.talking` is told
            return
        self._was_listening, self.listens = self._was_listening or self.listens, False
        while self._expected:
            expected = self._expected.popleft()
            if isinstance(expected, Batch):
                expected.abandon()

    def drop(self, batch: Batch) -> None:
        """Expects no reply of a batch any more."""
        self._expected = deque(expected for expected in self._expected if expected is not batch)

    def begin(self, connection: Any, packed: Any, port: Port) -> Batch | None:
        """Asks about commands that are about to be sent; None where their replies are recorded.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run it.
            UnstorableOutcomeError: It listens to channels.
            RedisError: The client's, while sending, whose outcome is recorded.
        """
        __tracebackhide__ = True
        commands = read_commands(packed)
        call = _call(connection, commands, port)
        listening = any(first_word(command) in LISTENING for command in commands)
        if listening and port.takes(call):
            with port.noting:
                raise _refusal(call)
        step = port.begin(call)
        if step.mode == "replay":
            plain = step.outcome()
            self._expected.extend(map(Replayed, _answers(plain)))
            return None
        batch = Batch(step, commands)
        if listening:
            self.listens = True
        else:
            self._expected.extend([batch] * len(commands))
        return batch


def _call(connection: Any, commands: list[Command], port: Port) -> BoundaryCall:
    place = getattr(connection, "path", None) or f"{connection.host}:{connection.port}"
    return describe_commands(
        commands,
        database=port.ordinal("redis", f"{place}/{connection.db}"),
        protocol=int(connection.protocol or 2),
        redactor=port.redactor,
    )


def _refusal(call: BoundaryCall) -> UnstorableOutcomeError:
    """Listening to channels is refused, unless it is left out."""
    verb = call.signature.partition(" ")[0]
    return UnstorableOutcomeError(
        f"redis {call.signature} cannot be recorded: pub/sub and MONITOR are not",
        facts=["their messages come whenever the server has some, and answer no command"],
        remedies=[f"to leave it out, so that it runs for real: redis exclude={verb}"],
        path=call.signature,
    )


def _answers(plain: dict[str, Any]) -> list[Any]:
    """What a recorded batch gave: its replies, and the error that came instead of the next one.

    Raises:
        RedisError: It came while sending.
    """
    __tracebackhide__ = True
    if "error" not in plain:
        return plain.get("replies") or [plain["reply"]]
    error = plain["error"]
    stored = [error["type"], *error["args"]]
    if error["at"] == "send":
        raise load_error(stored, _errors())
    return [*error["after"], {"$error": stored}]


class Replayed:
    """A reply from a recording."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def answer(self, encoder: Any) -> Any:
        """The reply, decoded where the client was asked to; an error is raised."""
        __tracebackhide__ = True
        return _given(load_reply(self._plain, encoder, errors=_errors()))


class Batch:
    """Commands that are sent at once and for real; recorded when the last reply is read."""

    def __init__(self, step: Step, commands: list[Command]) -> None:
        self._step = step
        self._commands = commands
        self._replies: list[Any] = []

    @contextmanager
    def talking(self, talk: Talk, *, at: Literal["send", "read"]) -> Iterator[None]:
        """While the client talks to the server for real, set-up of the connection included."""
        was_busy, talk.is_busy = talk.is_busy, True
        try:
            if self._step.mode == "pass":
                yield
            else:
                with self._step.running():
                    yield
        except BaseException as error:
            talk.drop(self)
            self._end_with(error, at)
            raise
        finally:
            talk.is_busy = was_busy

    def scripts(self) -> list[str]:
        """The scripts that its commands are about, by their hashes; none where nothing is recorded."""
        found: list[bytes] = []
        for command in self._commands if self._step.mode == "run" else ():
            if first_word(command) in ("EVALSHA", "EVALSHA_RO"):
                found += command[1:2]
            elif first_word(command) == "SCRIPT":
                found += command[2:]
        return [text_of(sha) for sha in dict.fromkeys(found)]

    def _end_with(self, error: BaseException, at: Literal["send", "read"]) -> None:
        """Records what the client has raised instead of giving a reply; an interrupt is no outcome."""
        if self._step.mode != "run":
            return
        if isinstance(error, _errors().RedisError):
            kind, *args = store_error(error, _errors())
            self._step.finish({"error": {"type": kind, "args": args, "at": at, "after": self._replies}})
        else:
            self.abandon()

    def abandon(self) -> None:
        """Nothing is recorded."""
        if self._step.mode == "run":
            self._step.abandon()

    def take(self, reply: Any, port: Port, encoder: Any) -> Any:
        """Keeps a reply, and gives it as the client wants it.

        Raises:
            ResponseError: The server's, whose outcome is recorded.
        """
        __tracebackhide__ = True
        if self._step.mode == "run":
            command = self._commands[len(self._replies)]
            self._replies.append(store_reply(reply, command, port.redactor, queued=self._commands[1:-1]))
            if len(self._replies) == len(self._commands):
                self._step.finish(
                    {"replies": self._replies} if len(self._commands) > 1 else {"reply": self._replies[0]}
                )
        return _given(_decode(reply, encoder))


def _caught(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except _errors().ResponseError as error:
        return error


def _given(reply: Any) -> Any:
    """Errors are raised, as connections do."""
    __tracebackhide__ = True
    if isinstance(reply, _errors().RedisError):
        try:
            raise reply
        finally:
            del reply  # no cycle of the error and its frame
    return reply


def _decode(reply: Any, encoder: Any) -> Any:
    if encoder is None:
        return reply
    if isinstance(reply, bytes):
        return encoder.decode(reply)
    if isinstance(reply, list):
        return [_decode(item, encoder) for item in reply]
    if isinstance(reply, dict):
        return {_decode(key, encoder): _decode(item, encoder) for key, item in reply.items()}
    if isinstance(reply, (set, frozenset)):
        return type(reply)(_decode(item, encoder) for item in reply)
    return reply


def _errors() -> Any:
    from redis import exceptions

    return exceptions
