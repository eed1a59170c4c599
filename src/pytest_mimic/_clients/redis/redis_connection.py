"""The state of one connection to Redis: replies that are still to be read, recorded or replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.redis.redis_commands import (
    Command,
    describe_commands,
    first_word,
    joined,
    read_commands,
)
from pytest_mimic._clients.redis.replies import load_reply, redis_errors, store_error, store_reply
from pytest_mimic._core.seam.base import recording
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.client_plan import Port
    from pytest_mimic._core.engine.steps import Step

# Commands after which a connection only receives messages.
_LISTENING = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"})


class ConnectionState:
    """The replies that a connection still has to read."""

    def __init__(self) -> None:
        self.listens = False  # the connection receives messages of channels
        self.is_busy = False  # a real command is being sent or read
        self.expected: deque[Any] = deque()  # for each reply, its batch, or the reply as it is stored

    @property
    def is_real(self) -> bool:
        """Whether everything on the connection is real, set-up included."""
        return self.listens or self.is_busy

    def disconnect(self) -> None:
        """Forget the replies that have not been read."""
        if self.is_busy:  # the client tries to connect again, or fails: `Batch.talking` sees it
            return
        self.listens = False
        while self.expected:
            expected = self.expected.popleft()
            if isinstance(expected, Batch):
                expected.abandon()

    def begin(self, connection: Any, packed: Any, port: Port) -> Batch | None:
        """Decide about commands to send: return their batch, or None if the replies are recorded.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run the commands.
            UnstorableOutcomeError: The connection would listen to channels.
        """
        commands = read_commands(joined(packed))
        place = getattr(connection, "path", None) or f"{connection.host}:{connection.port}"
        call = describe_commands(
            commands,
            database=port.ordinal("redis", f"{place}/{connection.db}"),
            protocol=int(connection.protocol or 2),
            redactor=port.redactor,
        )
        listening = any(first_word(command[0]) in _LISTENING for command in commands)
        if listening and port.takes(call):
            verb = call.signature.partition(" ")[0]
            with port.noting:
                raise UnstorableOutcomeError(
                    f"redis {call.signature} cannot be recorded: pub/sub and MONITOR are not",
                    facts=["their messages come whenever the server has some, and answer no command"],
                    remedies=[f"to leave it out, so that it runs for real: redis exclude={verb}"],
                    path=call.signature,
                )
        step = port.begin(call)
        if step is not None and step.mode == "replay":
            self.expected.extend(_replies_in(step.outcome(is_read_only=True)))
            return None
        batch = Batch(step, commands)
        if listening:
            self.listens = True
        else:
            self.expected.extend([batch] * len(commands))
        return batch


def _replies_in(plain: dict[str, Any]) -> list[Any]:
    """Return a batch's stored replies; the last may be the error that came instead."""
    if "error" not in plain:
        return plain.get("replies") or [plain["reply"]]
    error = plain["error"]
    return [*error["after"], {"$error": [error["type"], *error["args"]]}]


class Batch:
    """Commands that are sent together and for real. They are recorded when the last reply is read.

    To verify, the replies that the client gets are those of the recorded outcome.
    """

    def __init__(self, step: Step | None, commands: list[Command]) -> None:
        self._step = step
        self._commands = commands
        self._replies: list[Any] = []
        verifies = step is not None and step.mode == "verify"
        self._answers = deque(_replies_in(step.outcome())) if step is not None and verifies else None
        self.is_broken = False  # the real commands have failed, so that no more replies are read

    @contextmanager
    def talking(self, state: ConnectionState) -> Iterator[None]:
        """Return a block in which the client talks to the server, perhaps to set the connection up.

        An error of the client in it is the outcome; another exception, an interrupt for example, is not.
        """
        was_busy, state.is_busy = state.is_busy, True
        self.is_broken = True
        try:
            with recording(self._step, self._store_error):
                yield
                self.is_broken = False
        except BaseException:
            state.expected = deque(each for each in state.expected if each is not self)
            raise
        finally:
            state.is_busy = was_busy

    def _store_error(self, error: Exception) -> dict[str, Any] | None:
        if not isinstance(error, redis_errors().RedisError):
            return None
        kind, *args = store_error(error)
        return {"error": {"type": kind, "args": args, "after": self._replies}}

    def abandon(self) -> None:
        if self._step is not None:
            self._step.abandon()

    def keep(self, reply: Any, port: Port) -> None:
        """Record a reply, read without decoding."""
        if self._step is None:
            return
        command = self._commands[len(self._replies)]
        self._replies.append(store_reply(reply, command, port.redactor, queued=self._commands[1:-1]))
        is_last = len(self._replies) == len(self._commands)
        if is_last or (self._answers is not None and len(self._answers) == 1):
            is_one = len(self._commands) == 1
            self._step.finish({"reply": self._replies[0]} if is_one else {"replies": self._replies})

    def answer(self, reply: Any, encoder: Any) -> Any:
        """Return a reply as `encoder` decodes it; None leaves it as it is. ResponseError: it is an error."""
        if self._answers is not None:
            return returned(load_reply(self._answers.popleft(), encoder))
        return returned(reply if encoder is None else _decode(reply, encoder.decode))


def returned(reply: Any) -> Any:
    """Return a reply, or raise it if it is an error, as connections do."""
    if isinstance(reply, Exception) and isinstance(reply, redis_errors().RedisError):
        try:
            raise reply
        finally:
            del reply  # the error refers to this frame, and must not be referred to by it
    return reply


def _decode(reply: Any, decode: Callable[[bytes], Any]) -> Any:
    if isinstance(reply, bytes):
        return decode(reply)
    if isinstance(reply, (list, set, frozenset)):
        return type(reply)(_decode(item, decode) for item in reply)
    if isinstance(reply, dict):
        return {_decode(key, decode): _decode(item, decode) for key, item in reply.items()}
    return reply
