"""The state of one connection to Redis: replies that are still to be read, recorded or replayed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._clients.redis.redis_commands import Command, first_word, joined, read_commands
from pytest_mimic._clients.redis.replies import (
    describe_commands,
    load_error,
    load_reply,
    redis_errors,
    store_error,
    store_reply,
)
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port, Step

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

    def forget(self, batch: Batch) -> None:
        self.expected = deque(expected for expected in self.expected if expected is not batch)

    @staticmethod
    def place(connection: Any) -> str:
        place = getattr(connection, "path", None) or f"{connection.host}:{connection.port}"
        return f"{place}/{connection.db}"

    @contextmanager
    def busy(self) -> Iterator[None]:
        was_busy, self.is_busy = self.is_busy, True
        try:
            yield
        finally:
            self.is_busy = was_busy

    def begin(self, connection: Any, packed: Any, port: Port) -> Batch | None:
        """Decide about commands to send: return their batch, or None if the replies are recorded.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run the commands.
            UnstorableOutcomeError: The connection would listen to channels.
            RedisError: The recorded error of sending these commands.
        """
        commands = read_commands(joined(packed))
        call = describe_commands(
            commands,
            database=port.ordinal("redis", self.place(connection)),
            protocol=int(connection.protocol or 2),
            redactor=port.redactor,
        )
        words = {command[0] for command in commands}
        listening = any(map(_listens, words))
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
        if step.mode == "replay":
            outcome = step.outcome(is_read_only=True)
            raise_if_unsent(outcome)
            self.expected.extend(_replies_in(outcome))
            return None
        batch = Batch(step, commands, step.outcome() if step.mode == "verify" else None)
        if listening:
            self.listens = True
        else:
            self.expected.extend([batch] * len(commands))
        return batch


@lru_cache(maxsize=512)
def _listens(word: bytes) -> bool:
    return first_word(word) in _LISTENING


def raise_if_unsent(plain: dict[str, Any]) -> None:
    error = plain.get("error")
    if error is not None and error["at"] == "send":
        raise load_error([error["type"], *error["args"]])


def _replies_in(plain: dict[str, Any]) -> list[Any]:
    """Return a batch's stored replies; the last may be the error that came instead."""
    if "error" not in plain:
        return plain.get("replies") or [plain["reply"]]
    error = plain["error"]
    return [*error["after"], {"$error": [error["type"], *error["args"]]}]


class Batch:
    """Commands that are sent together and for real. They are recorded when the last reply is read.

    To verify, the replies that the client gets are those of the `recorded` outcome.
    """

    def __init__(self, step: Step, commands: list[Command], recorded: dict[str, Any] | None = None) -> None:
        self._step = step
        self._commands = commands
        self._replies: list[Any] = []
        self._recorded = recorded
        self._answers = deque(() if recorded is None else _replies_in(recorded))
        self.is_broken = False  # the real commands have failed, so that no more replies are read

    @property
    def verifies(self) -> bool:
        return self._recorded is not None

    @property
    def is_out_of_step(self) -> bool:
        """Whether real replies are left that nobody will read, because the recording ended with an error."""
        return self._recorded is not None and len(self._replies) < len(self._commands) and not self._answers

    @contextmanager
    def talking(self, state: ConnectionState, *, at: Literal["send", "read"]) -> Iterator[None]:
        """Return a block in which the client talks to the server, perhaps to set the connection up.

        An error of the client in it is the outcome; another exception, an interrupt for example, is not.
        """
        try:
            with state.busy(), nullcontext() if self._step.mode == "pass" else self._step.running():
                yield
        except BaseException as error:
            if self._recorded is None:
                state.forget(self)
            if self._step.mode == "pass":
                raise
            if isinstance(error, redis_errors().RedisError):
                kind, *args = store_error(error)
                self._step.finish({"error": {"type": kind, "args": args, "at": at, "after": self._replies}})
            else:
                self._step.abandon(error)
            self.is_broken = True
            if not self._step.answers(error):
                state.forget(self)
                raise

    def abandon(self) -> None:
        if self._step.mode != "pass":
            self._step.abandon()

    def sent(self, state: ConnectionState) -> None:
        """Note that the commands were sent, or that sending failed, and raise the error that was recorded instead."""
        if self._recorded is None:
            return
        try:
            raise_if_unsent(self._recorded)
        except redis_errors().RedisError:
            state.forget(self)
            self._step.finish({"replies": []})
            raise

    def take(self, reply: Any, port: Port, encoder: Any) -> Any:
        """Record a reply, read without decoding, and return it as `encoder` decodes it; None leaves it as it is.

        Raises:
            ResponseError: The server's reply is an error.
        """
        if self._step.mode != "pass" and not self.is_broken:
            command = self._commands[len(self._replies)]
            self._replies.append(store_reply(reply, command, port.redactor, queued=self._commands[1:-1]))
            if len(self._replies) == len(self._commands) or len(self._answers) == 1:
                is_one = len(self._commands) == 1
                self._step.finish({"reply": self._replies[0]} if is_one else {"replies": self._replies})
        if self._recorded is not None:
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
