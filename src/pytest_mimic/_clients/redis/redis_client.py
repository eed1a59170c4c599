"""The adapter of redis-py, sync and asyncio.

Its edges are the methods of connections that send commands and read replies. The client
above stays real: pools, retries, pipelines, decoding, callbacks. Read against redis-py
5.0 and 8.1; Sentinel and Cluster are not tested.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.redis.redis_commands import (
    Command,
    bytes_of,
    describe_commands,
    first_word,
    read_commands,
    secret_words,
    text_of,
)
from pytest_mimic._clients.redis.replies import (
    comparable_reply,
    decoded_reply,
    error_in,
    load_reply,
    redis_exceptions_module,
    return_or_raise,
    store_redis_error,
    store_reply,
)
from pytest_mimic.client import (
    Adapter,
    Edge,
    Remedy,
    Steps,
    UnstorableOutcomeError,
    Verb,
    as_recorded,
    async_method,
    recording,
    sync_method,
    tagged,
    waiting,
)

if TYPE_CHECKING:
    from pytest_mimic.client import Port, Step

_Function = Callable[..., Any]
# The attribute of a connection of redis-py that holds its `ConnectionState`.
_ATTRIBUTE_OF_STATE = "_mimic_state"
# `token` is the fourth argument of a lock's `acquire`, after the lock itself.
_TOKEN_PLACE = 4
# Commands that a client sends to run a script, or before it sends a pipeline.
_COMMANDS_OF_SCRIPTS = frozenset({"EVALSHA", "EVALSHA_RO", "SCRIPT"})
# The scripts that the commands of the moment need. They are loaded for the client if
# the server lacks one of them.
_NEEDED_SCRIPTS: ContextVar[tuple[Any, ...]] = ContextVar("scripts", default=())
# Commands after which a connection only receives messages.
_COMMANDS_THAT_LISTEN = frozenset({"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR"})


class RedisAdapter(Adapter):
    """The adapter of `redis`."""

    keeps_state = True
    waits = True

    def edges(self) -> Sequence[Edge]:
        return [
            *self._connection_edges("redis.connection", sync_method),
            *self._connection_edges("redis.asyncio.connection", async_method),
            # A lock has a random token, which would make its commands misses.
            Edge("redis.lock", ("Lock", "acquire"), _wrap_acquire),
            Edge("redis.asyncio.lock", ("Lock", "acquire"), _wrap_acquire),
            # Whether the server has a script already must not change a recording.
            Edge("redis.commands.core", ("Script", "__call__"), _wrap_user_of_scripts),
            Edge(
                "redis.commands.core",
                ("AsyncScript", "__call__"),
                _wrap_user_of_scripts,
            ),
            Edge("redis.client", ("Pipeline", "load_scripts"), _wrap_user_of_scripts),
            Edge(
                "redis.asyncio.client",
                ("Pipeline", "load_scripts"),
                _wrap_user_of_scripts,
            ),
        ]

    def comparable(self, outcome: Any, _other_outcome: Any = None, /) -> Any:
        """Return what verifying compares of an outcome: its replies, or its error.

        Items of a reply whose order means nothing are sorted. Of an error of sending or
        reading, the type counts, and the replies that came before it. Its text does
        not: it names the server's address.
        """
        if "error" not in outcome:
            return comparable_reply(outcome)
        error = outcome["error"]
        return {"error": error["type"], "after": comparable_reply(error["after"])}

    def failure(self, outcome: Any, /) -> str | None:
        """Return the error of sending or reading in words, or the server's first error.

        None: all commands have replies without an error. That the server has no such
        script is no failure either: trying again does not help.
        """
        if "error" in outcome:
            return super().failure(outcome)
        replies = outcome.get("replies") or [outcome.get("reply")]
        for reply in replies:
            error = error_in(reply)
            if error is not None and error[0] != "NoScriptError":
                return f"gave {error[0]}"
        return None

    def _connection_edges(self, module: str, make_method: _Function) -> list[Edge]:
        """Return the edges of a module's connections.

        What replaces a method returns its result, or the steps to the result if the
        client has to wait for something.

        Args:
            module: The module, whose connections are sync or asyncio.
            make_method: Makes a method of the function: `sync_method`, `async_method`.
        """
        # By the name of a connection's method, what replaces it.
        replacements: dict[str, _Function] = {
            "connect": self._connect,
            "disconnect": self._disconnect,
            "send_packed_command": self._send,
            "read_response": self._read,
            "can_read": self._can_read,
            # The name of `can_read` in asyncio before redis-py 8.
            "can_read_destructive": self._can_read,
        }
        edges = []
        for method, replacement in replacements.items():
            path = "AbstractConnection", method
            # Each version of redis-py has one of the names of `can_read`.
            is_optional = replacement == self._can_read
            wrap = partial(make_method, replacement)
            edges.append(Edge(module, path, wrap, is_optional=is_optional))
        return edges

    def _connect(
        self,
        original: _Function,
        port: Port,
        connection: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Open a connection only where its commands go to the server."""
        if _state(connection).is_real or not port.taking():
            return waiting(original(connection, *args, **kwargs))
        # The connection is opened when something has to be sent for real.
        return None

    def _disconnect(
        self,
        original: _Function,
        _port: Port,
        connection: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Close a connection, whose replies nobody reads any more."""
        _state(connection).forget_replies()
        return waiting(original(connection, *args, **kwargs))

    def _can_read(
        self,
        original: _Function,
        port: Port,
        connection: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Tell whether a reply can be read: a recorded one, or one of the server."""
        state = _state(connection)
        # The sync client has `_sock`, the async one `is_connected`.
        socket = getattr(connection, "_sock", None)
        is_connected = socket or getattr(connection, "is_connected", False)
        if state.is_real or not port.taking() or is_connected:
            return waiting(original(connection, *args, **kwargs))
        return bool(state.unread_replies)

    def _send(
        self,
        original: _Function,
        port: Port,
        connection: Any,
        command: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Send packed commands to the server, or prepare their recorded replies."""
        state = _state(connection)
        if state.is_real or not port.taking():
            return waiting(original(connection, command, *args, **kwargs))
        if not isinstance(command, (str, bytes)):
            # The command may be an iterator, which is read here and by the client.
            command = list(command)
        batch = state.begin(connection, command, port)
        if batch is None:
            # `_read` gives the recorded replies.
            return None
        send = partial(original, connection, command, *args, **kwargs)
        return self._send_for_real(state, batch, send)

    def _send_for_real(
        self, state: ConnectionState, batch: Batch, send: Callable[[], Any]
    ) -> Steps:
        """Take the step that sends a batch to the server."""
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
        """Return the next reply to the client: a recorded one, or one of the server."""
        state = _state(connection)
        if state.is_real or not state.unread_replies:
            # The client sets the connection up, or nothing mimics its commands.
            return waiting(original(connection, disable_decoding, *args, **kwargs))
        # The client decodes texts unless it has asked for bytes.
        encoder = None
        if not disable_decoding:
            encoder = connection.encoder
        unread_reply = state.unread_replies.popleft()
        # The type of what is unread says where the reply comes from: see
        # `ConnectionState`.
        if type(unread_reply) is Waiting:
            return self._wait(unread_reply, is_async=iscoroutinefunction(original))
        if type(unread_reply) is Batch:
            read_reply = partial(original, connection, True, *args, **kwargs)
            return self._read_for_real(
                port, state, unread_reply, encoder, read_reply, connection
            )
        reply = load_reply(unread_reply, encoder)
        may_be_error = type(unread_reply) is dict
        if may_be_error:
            # Only a mapping with a tag is an error, which is raised.
            return return_or_raise(reply)
        return reply

    def _wait(self, waiting_reply: Waiting, *, is_async: bool) -> Steps:
        """Wait for a reply that did not come when its command was recorded."""
        if is_async:
            yield waiting_reply.step.wait_async()
        error_class: Any = redis_exceptions_module().ConnectionError
        error_when_closed = partial(error_class, "Connection closed by server.")
        waiting_reply.step.wait(error_when_closed)

    def _read_for_real(
        self,
        port: Port,
        state: ConnectionState,
        batch: Batch,
        encoder: Any,
        read_reply: Callable[[], Any],
        connection: Any,
    ) -> Steps:
        """Read a reply from the server.

        If the server lacks a script that the client would load, the script is loaded
        and the command is sent again. The recording is then the same, whether the
        server had the script or not.

        Meanwhile the connection's state says `is_talking`, so that all the client does
        on it goes to the server.
        """
        reply = None
        if not batch.is_broken:
            with batch.talking(state):
                reply = yield from _read_or_error(read_reply)
                if _NEEDED_SCRIPTS.get() and batch.needs_scripts(reply):
                    reply = yield from _load_needed_scripts(connection, read_reply)
                    if reply is None:
                        # The scripts are loaded: the command is sent once more.
                        yield connection.send_command(*batch.commands[0])
                        reply = yield from _read_or_error(read_reply)
                batch.keep(reply, port)
        return batch.answer(reply, encoder)


def _state(connection: Any) -> ConnectionState:
    """Return which replies a connection of redis-py still has, made on first use."""
    state: ConnectionState | None = vars(connection).get(_ATTRIBUTE_OF_STATE)
    if state is not None:
        return state
    # Another thread may make a state at the same time. The first state stays.
    first_state: ConnectionState = vars(connection).setdefault(
        _ATTRIBUTE_OF_STATE, ConnectionState()
    )
    return first_state


def _wrap_acquire(original: _Function, port: Port) -> _Function:
    """Give a lock the same token in each run instead of a random one.

    The token is a word of the lock's commands, which would all be misses.
    """

    @wraps(original)
    def acquire(lock: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) < _TOKEN_PLACE and kwargs.get("token") is None and port.taking():
            number = port.next_ordinal(f"redis lock {lock.name}")
            kwargs["token"] = f"pytest-mimic {number}"
        return original(lock, *args, **kwargs)

    return acquire


def _wrap_user_of_scripts(original: _Function, _port: Port) -> _Function:
    """Note which scripts a method of a script or of a pipeline needs while it runs.

    `_read_for_real` loads them if the server lacks one.
    """
    if iscoroutinefunction(original):

        @wraps(original)
        async def run_async(script_or_pipeline: Any, *args: Any, **kwargs: Any) -> Any:
            with _needing_scripts_of(script_or_pipeline):
                return await original(script_or_pipeline, *args, **kwargs)

        return run_async

    @wraps(original)
    def run(script_or_pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        with _needing_scripts_of(script_or_pipeline):
            return original(script_or_pipeline, *args, **kwargs)

    return run


@contextmanager
def _needing_scripts_of(script_or_pipeline: Any) -> Iterator[None]:
    """Return a context manager in whose block the commands need some scripts.

    Args:
        script_or_pipeline: A script that is called, or a pipeline that has scripts.
    """
    scripts = tuple(getattr(script_or_pipeline, "scripts", (script_or_pipeline,)))
    token = _NEEDED_SCRIPTS.set(scripts)
    try:
        yield
    finally:
        # Commands behind the block load no scripts.
        _NEEDED_SCRIPTS.reset(token)


def _read_or_error(read_reply: Callable[[], Any]) -> Steps:
    """Take the steps that read a reply.

    Returns:
        The reply. An error that the server has replied is returned, not raised.
    """
    try:
        return (yield read_reply())
    except redis_exceptions_module().ResponseError as error:
        return error


def _load_needed_scripts(connection: Any, read_reply: Callable[[], Any]) -> Steps:
    """Take the steps that load the needed scripts on the server.

    Returns:
        The error of the server, or None.
    """
    for script in _NEEDED_SCRIPTS.get():
        yield connection.send_command("SCRIPT", "LOAD", script.script)
        reply = yield from _read_or_error(read_reply)
        if isinstance(reply, Exception):
            return reply
    return None


def _lacks_script(verb: str, reply: Any) -> bool:
    """Check whether a reply says that the server does not have a script.

    It is the reply to `EVALSHA` or to `SCRIPT EXISTS`. Only the latter replies with a
    list that says so: a script may return any list.
    """
    if verb == "SCRIPT" and isinstance(reply, list):
        return 0 in reply
    return isinstance(reply, redis_exceptions_module().NoScriptError)


class ConnectionState:
    """The replies that a client still has to read from a connection.

    Attributes:
        listens: Whether the connection receives messages of channels, or is monitored.
        is_talking: Whether the client sends a real command, or reads a real reply.
        unread_replies: What the client reads next, in order. Of a recorded reply, its
            plain data; of a real one, the `Batch` that reads it; a `Waiting` for those
            that did not come.
    """

    def __init__(self) -> None:
        self.listens = False
        self.is_talking = False
        self.unread_replies: deque[Any] = deque()

    @property
    def is_real(self) -> bool:
        """Whether all commands go to the server, also those that set it up."""
        return self.listens or self.is_talking

    def forget_replies(self) -> None:
        """Forget the replies that have not been read: the connection is closed."""
        if self.is_talking:
            # The client tries to connect again, or fails. `Batch.talking` sees both.
            return
        self.listens = False
        while self.unread_replies:
            unread_reply = self.unread_replies.popleft()
            if isinstance(unread_reply, Batch) and unread_reply.step is not None:
                unread_reply.step.abandon()

    def begin(self, connection: Any, packed: Any, port: Port) -> Batch | None:
        """Decide about commands to send.

        Returns:
            Their batch, or None if the replies are recorded, so that nothing is sent.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run the
                commands.
            UnstorableOutcomeError: The connection would listen to channels.
        """
        packed_bytes = bytes_of(packed)
        commands = read_commands(packed_bytes)
        # A connection over a UNIX socket has a path. The address counts in no identity:
        # databases are numbered by it.
        server = getattr(connection, "path", None)
        if not server:
            server = f"{connection.host}:{connection.port}"
        redactor = port.redactor
        # The secrets of the test. In a replay, a command without a placeholder needs
        # none.
        known_secrets = port.secrets_for(text_of(packed_bytes))
        if known_secrets is not None:
            redactor = redactor.knowing(known_secrets)
        call = describe_commands(
            commands,
            database=port.ordinal("redis", f"{server}/{connection.db}"),
            protocol=int(connection.protocol or 2),
            redactor=redactor,
        )
        verbs = {first_word(command[0]) for command in commands}
        is_listening = not _COMMANDS_THAT_LISTEN.isdisjoint(verbs)
        if is_listening and port.takes(call):
            # No replay could give the messages that come then. With `exclude=` in the
            # line, the connection listens for real.
            with port.noting:
                raise _not_recordable(call.signature)
        if known_secrets is not None and not port.is_replaying:
            # The replies to later commands may repeat what is sent here.
            texts = [list(map(text_of, command)) for command in commands]
            known_secrets.send(secret_words(commands, redactor), [call.parts, texts])
        step = port.begin(call)
        if step is not None and step.mode == "replay":
            if step.waits:
                # Not all replies came when the commands were recorded.
                self.unread_replies.append(Waiting(step))
            else:
                outcome = step.outcome(is_read_only=True)
                self.unread_replies.extend(_replies_in(outcome))
            return None
        batch = Batch(step, commands)
        if is_listening:
            # From here on, the connection is the client's own.
            self.listens = True
        else:
            # One reply is read from the server for each command.
            self.unread_replies.extend([batch] * len(commands))
        return batch


def _not_recordable(signature: str) -> UnstorableOutcomeError:
    """Return the error for a command that makes a connection listen: `SUBSCRIBE`."""
    verb = signature.partition(" ")[0]
    remedy_for_line = Remedy(
        Verb.LINE,
        "to let it run for real, so that a replay needs the server",
        words=(f"redis exclude={verb}",),
    )
    return UnstorableOutcomeError(
        f"redis {signature} cannot be recorded: pub/sub and MONITOR are not",
        facts=[
            "their messages come whenever the server has some, and answer no command"
        ],
        remedies=[remedy_for_line],
        path=signature,
    )


def _replies_in(outcome: dict[str, Any]) -> list[Any]:
    """Return a batch's stored replies; the last may be the error that came instead."""
    if "error" not in outcome:
        return outcome.get("replies") or [outcome["reply"]]
    error = outcome["error"]
    return [*error["after"], tagged("error", [error["type"], *error["args"]])]


class Waiting(NamedTuple):
    """Stands for replies of which not all came when their commands were recorded."""

    step: Step


class Batch:
    """Commands that are sent together and for real.

    The commands are recorded when the last reply is read. To verify, the client gets
    the replies of the recorded outcome.

    Attributes:
        step: What the engine does with the commands; None: no line takes them.
        commands: The commands.
        is_broken: Whether sending or reading has failed. Then no more replies are read.
    """

    def __init__(self, step: Step | None, commands: list[Command]) -> None:
        self.step = step
        self.commands = commands
        self._real_replies: list[Any] = []
        # To verify: the replies that the client gets in place of the real ones. None:
        # the client gets the real ones.
        self._recorded_replies: deque[Any] | None = None
        if step is not None and step.mode == "verify":
            if step.waits:
                self._recorded_replies = deque([Waiting(step)])
            else:
                self._recorded_replies = deque(_replies_in(step.outcome()))
        self.is_broken = False

    @contextmanager
    def talking(self, state: ConnectionState) -> Iterator[None]:
        """Return a context manager in whose block the client talks to the server.

        The client may set the connection up in the block. An error of the client in the
        block is the outcome; another exception, an interrupt for example, is not.
        """
        was_talking = state.is_talking
        # Whatever the client sends on the connection meanwhile is no call.
        state.is_talking = True
        # This stays True unless the block ends without an exception.
        self.is_broken = True
        try:
            with recording(self.step, self._store_error):
                yield
                self.is_broken = False
        except BaseException:
            # The replies of this batch do not come any more.
            replies_to_others: deque[Any] = deque()
            for reply in state.unread_replies:
                if reply is not self:
                    replies_to_others.append(reply)
            state.unread_replies = replies_to_others
            raise
        finally:
            state.is_talking = was_talking

    def _store_error(self, error: Exception) -> dict[str, Any] | None:
        """Return an error of the client as the outcome; None for any other error.

        In the outcome, the error stands behind the replies that came before it.
        """
        if not isinstance(error, redis_exceptions_module().RedisError):
            return None
        class_name, *texts = store_redis_error(error)
        return {
            "error": {"type": class_name, "args": texts, "after": self._real_replies}
        }

    def needs_scripts(self, reply: Any) -> bool:
        """Check whether a reply says that a needed script has to be loaded.

        To verify, a reply that was recorded so is to come again.
        """
        # A pipeline loads its scripts before it sends its commands.
        if self.step is None or len(self.commands) != 1:
            return False
        verb = first_word(self.commands[0][0])
        if verb not in _COMMANDS_OF_SCRIPTS or not _lacks_script(verb, reply):
            return False
        if self._recorded_replies is None:
            return True
        recorded_reply = self._recorded_replies[0]
        if type(recorded_reply) is Waiting:
            # No reply came when the command was recorded.
            return False
        return not _lacks_script(verb, load_reply(recorded_reply, None))

    def keep(self, reply: Any, port: Port) -> None:
        """Keep a real reply, read without decoding; record them all with the last.

        To verify, they are compared with the recorded ones.
        """
        if self.step is None:
            # No line takes the commands, so that nothing is recorded.
            return
        issuer = self.step.call.issuer
        assert issuer is not None, "a real call has one"
        redactor = port.redactor.knowing(issuer.known, issuer)
        command = self.commands[len(self._real_replies)]
        # Between `MULTI` and `EXEC` of a transaction.
        queued = self.commands[1:-1]
        self._real_replies.append(store_reply(reply, command, redactor, queued=queued))
        is_last = len(self._real_replies) == len(self.commands)
        # A recorded outcome may have fewer replies: the last one is an error.
        is_last_recorded = (
            self._recorded_replies is not None and len(self._recorded_replies) == 1
        )
        if not is_last and not is_last_recorded:
            return
        outcome: dict[str, Any] = {"replies": self._real_replies}
        if len(self.commands) == 1:
            outcome = {"reply": self._real_replies[0]}
        if self.step.mode == "verify":
            recorded_outcome = self.step.outcome(is_read_only=True)
            outcome = as_recorded(recorded_outcome, outcome, issuer.known)
        self.step.finish(outcome)

    def answer(self, reply: Any, encoder: Any) -> Any:
        """Return to the client a reply as `encoder` decodes it, if there is one.

        To verify, it is the recorded reply in place of the real one.

        Raises:
            ResponseError: The reply is an error.
        """
        if self._recorded_replies is not None:
            reply = load_reply(self._recorded_replies.popleft(), encoder)
        elif encoder is not None:
            reply = decoded_reply(reply, encoder.decode)
        return return_or_raise(reply)
