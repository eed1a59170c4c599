"""Calls of grpcio at the engine, and as their callers have them.

A caller has a call that has ended, or a stream that is recorded while it is read.

The first call imports this module, since the module needs the classes of the client.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial, partialmethod
from importlib import import_module
from typing import Any, cast

from pytest_mimic._clients.grpc.protobuf import (
    bytes_of_message,
    load_message,
    placeholder_in,
    plain_of,
    store_message,
)
from pytest_mimic.client import (
    NO_REDACTION,
    ClientCall,
    Port,
    Secrets,
    Steps,
    as_recorded,
    holds_placeholder,
    is_placeholder,
    recording,
    run_async,
    run_sync,
    with_secrets,
)

# Without type hints, which grpcio does not have.
grpc: Any = import_module("grpc")
_aio: Any = import_module("grpc.aio")
_Metadatum: Any = import_module("grpc._cython.cygrpc")._Metadatum

_Plain = dict[str, Any]
# What the client reads behind the last message of a stream.
_END_OF_STREAM = _aio.EOF
# The arguments behind the request, in the order of grpcio's sync multi-callables, which
# take them by position or by name. The real call gets all of them.
_OPTIONS_BY_POSITION = (
    "timeout",
    "metadata",
    "credentials",
    "wait_for_ready",
    "compression",
)
# The methods of a real call that recording asks, once it has ended, for what it gave
# besides its messages. A replayed call has the same methods.
_METHODS_OF_METADATA = ("initial_metadata", "trailing_metadata")
_METHODS_OF_END = ("code", "details", *_METHODS_OF_METADATA)
# By the beginning of a method's path, the names that are secret in the messages of its
# service. A `!` keeps a name that would be secret.
_SECRET_FIELDS = {
    "/google.cloud.secretmanager.": ("data", "!secret", "!secrets"),
    "/google.cloud.kms.": ("plaintext",),
}


def call_blocking(
    rpc: Rpc, original: Callable[..., Any], style: str, *args: Any, **options: Any
) -> Any:
    """Call a method of a service on a sync channel, or replay it.

    While recording, a call that gives one message is made to its end at once.

    Args:
        rpc: The call at the engine.
        original: The method of the multi-callable that was called.
        style: The name of this method: `__call__`, `with_call` or `future`.
        args: The request, and the options that the caller gives by position.
        options: The other options.
    """
    if args:
        request, *options_by_position = args
        options |= zip(_OPTIONS_BY_POSITION, options_by_position, strict=False)
    else:
        request = options.pop(rpc.request_name)
    if rpc.gives_many:
        make_real_call = original
    else:
        # A future tells everything, how it failed as well.
        make_real_call = type(rpc.multi_callable).future.__wrapped__
    # The whole stream counts in the identity, so that it is read before it is sent.
    requests = [request]
    if rpc.sends_many:
        requests = list(request)
    rpc.begin(requests, options, make_real_call)
    if rpc.is_read_later:
        # Recording a stream: its caller reads it, and gets the real messages.
        return RealStream(rpc)
    run_sync(rpc.read_all())
    call = EndedCall(rpc)
    if rpc.gives_many or style == "future":
        return call
    response = call.result()
    if style == "with_call":
        return response, call
    return response


def call_aio(
    rpc: Rpc, original: Callable[..., Any], _style: str, *args: Any, **options: Any
) -> Any:
    """Return a call of a method of a service on an asyncio channel, real or recorded.

    It may not have ended: its caller awaits or reads it.
    """
    if args:
        request = args[0]
    else:
        request = options.pop(rpc.request_name)
    if rpc.sends_many:
        return AioCall(
            asyncio.ensure_future(_send_stream(rpc, request, options, original))
        )
    rpc.begin([request], options, original)
    if rpc.is_read_later:
        return RealStream(rpc)
    if rpc.real is None and not rpc.has_only_waited:
        # The call is replayed, and has its answer.
        return AioCall(EndedCall(rpc))
    return AioCall(asyncio.ensure_future(_end(rpc)))


async def _send_stream(
    rpc: Rpc, requests: Any, options: dict[str, Any], original: Callable[..., Any]
) -> EndedCall:
    """Send a stream of messages, and return the call when it has ended.

    The whole stream counts in the identity, so that it is read before it is sent.
    """
    if hasattr(requests, "__aiter__"):
        messages = [message async for message in requests]
    else:
        messages = list(requests)
    rpc.begin(messages, options, original)
    return await _end(rpc)


async def _end(rpc: Rpc) -> EndedCall:
    """Return a call when it has ended, or has waited as the recorded one did."""
    await run_async(rpc.read_all())
    if rpc.has_only_waited:
        # The recorded call was cancelled before its answer came. So this one waits
        # until it is cancelled, too.
        await rpc.step.wait_async()
    return EndedCall(rpc)


class Rpc:
    """A call at the engine: its identity, the real call, and its outcome.

    An outcome is `{"code": "OK", "response": {"json": {"title": "Emma"}},
    "trailing_metadata": [["cost", "3"]]}`, in which `response` is a list for a stream.
    A stream that was not read to its end has no code.

    Args:
        port: The engine's port.
        multi_callable: The client's object that calls the method of the service.
        path: The path of the method, `/shop.Shop/GetBook`.
        kind: What the method sends and gives, `UnaryStream`.
        target: The address of the server, or what stands for it. The servers of a test
            are numbered by it.

    Attributes:
        multi_callable: As above.
        sends_many: Whether the request is a stream of messages.
        request_name: The name of the argument that is the request.
        gives_many: Whether the response is a stream of messages.
        is_async: Whether the channel is one of asyncio.
        real: The client's own call. None in a replay, and where the call cannot be made
            to verify it.
        is_read_later: Whether the response is a real stream, which is recorded as far
            as its caller reads it.
        answer: What the caller gets of a real call that has ended: its outcome, or the
            recorded one with its secrets.
    """

    def __init__(
        self, port: Port, multi_callable: Any, path: str, kind: str, *, target: str
    ) -> None:
        self._port = port
        self._path = path
        self._target = target
        self.multi_callable = multi_callable
        self.sends_many = kind.startswith("Stream")
        self.request_name = "request"
        if self.sends_many:
            self.request_name = "request_iterator"
        self.gives_many = kind.endswith("Stream")
        # Only the multi-callables of asyncio refer to their channel.
        self.is_async = bool(getattr(multi_callable, "_references", ()))
        self.real: Any = None
        # The messages of the real call that were read so far, with their secrets.
        self._responses: list[_Plain] = []
        self.answer: _Plain = {}

    def begin(
        self,
        requests: list[Any],
        options: dict[str, Any],
        make_real_call: Callable[..., Any],
    ) -> None:
        """Ask the engine for a step, and make the real call where it says so."""
        self._metadata = _pairs(options.get("metadata"))
        self._requests = list(map(store_message, requests))
        metadata = [list(pair) for pair in self._metadata]
        known_secrets = self._port.secrets_for([self._requests, metadata])
        secret_fields = _secret_fields_of(self._path)
        self._secrets = Secrets(self._port.redactor, secret_fields, known_secrets)
        # A call that is left out does not come here.
        self.step = step = cast(Any, self._port.begin(self._described_call()))
        if step.mode != "replay":
            # A number is seen in the texts alone, and a part of bytes in the bytes.
            sent_pieces = [json.dumps(self._requests).encode()]
            sent_pieces += map(bytes_of_message, requests)
            sent_pieces += _bytes_in(options.get("metadata"))
            if holds_placeholder("", self._metadata, b"\n".join(sent_pieces)):
                # A service must not be sent what stands for a secret.
                step.refuse()
        self.is_read_later = step.mode == "run" and self.gives_many
        if step.mode == "run":
            # The engine asks it when the test ends before the call does.
            step.outcome_so_far = self._outcome_so_far
        if step.mode != "replay":
            request = requests[0]
            if self.sends_many:
                request = iter(requests)
            with recording(step):
                self.real = make_real_call(self.multi_callable, request, **options)

    def _described_call(self) -> ClientCall:
        """Return the call as the engine sees it, without secrets."""
        hidden_requests = self._secrets.scrub(self._requests, keep_types=True)
        messages = list(map(plain_of, hidden_requests))
        counted_request: Any = messages
        if not self.sends_many:
            counted_request = messages[0]
        # Metadata counts only where a line names it, by `match=metadata`.
        metadata = {}
        for key, value in self._metadata:
            metadata[key] = self._secrets.header(key, value)
        parts = {
            "server": self._port.ordinal("grpc server", self._target),
            "method": self._path,
            "metadata": metadata,
            "request": counted_request,
        }
        return ClientCall(
            f"CALL {self._path}",
            parts,
            identity=("server", "method", "request"),
            described={"request": counted_request},
            secrets=self._all_secrets,
        )

    def _all_secrets(self) -> Secrets:
        """Return the secrets, with those that the call has sent."""
        self._secrets.learn_headers(self._metadata)
        self._secrets.learn(self._requests)
        return self._secrets

    def _outcome_so_far(self, _end: str) -> _Plain:
        """Return what the real call has given so far; see `Step.outcome_so_far`."""
        if not self._responses:
            # The service has given nothing so far: the call has only waited.
            return {}
        return self._outcome(None, self._all_secrets())

    @property
    def waits(self) -> bool:
        """Whether the recorded RPC waited after the messages that it had given."""
        # A step that is to run has no recorded outcome to ask.
        is_recorded: bool = self.step.mode != "run" and self.step.waits
        return is_recorded

    @property
    def has_only_waited(self) -> bool:
        """Whether the recorded call gave nothing, and waited until it was cancelled."""
        return self.waits and self.step.stored.gave_nothing

    def read_all(self) -> Steps:
        """Read the real call to its end; to verify it, as far as the recording goes."""
        if self.real is None:
            # The call is replayed, or could not be made to verify it.
            return
        # How many messages the recorded reader got who left the stream before its end.
        message_count = None
        if self.step.mode == "verify":
            recorded_outcome = self.step.outcome()
            if "code" not in recorded_outcome:
                message_count = len(recorded_outcome["response"])
        while len(self._responses) != message_count:
            message = yield from self.read()
            if message is _END_OF_STREAM:
                break
        self.leave()

    def read(self) -> Steps:
        """Read the next message of the real call, or `_END_OF_STREAM`, and note it."""
        with recording(self.step):
            # A call that gives one message has ended behind it.
            has_all = bool(self._responses) and not self.gives_many
            message = _END_OF_STREAM
            if not has_all:
                try:
                    message = yield self._next_message()
                except (StopIteration, grpc.RpcError):
                    message = _END_OF_STREAM
            if message is not _END_OF_STREAM:
                with self._port.noting:
                    self._responses.append(store_message(message))
                return message
            # What `_METHODS_OF_END` tell of the real call, by their names.
            ending = {}
            for method in _METHODS_OF_END:
                ending[method] = yield getattr(self.real, method)()
            self.leave(ending)
        return _END_OF_STREAM

    def _next_message(self) -> Any:
        """Return the next message of the real call, or what is awaited for it."""
        if self.gives_many:
            return self.real.read() if self.is_async else next(self.real)
        return self.real if self.is_async else self.real.result()

    def leave(self, ending: _Plain | None = None) -> Any:
        """Record how the real call has ended, and free it.

        Without an ending, its reader wants no more of a stream. To verify, what came is
        compared with the recording.
        """
        # A call may be left several times, and is recorded once.
        if not self.answer:
            secrets = self._all_secrets()
            self._note_issued(secrets, ending or {})
            outcome_without_secrets = self._outcome(ending, secrets)
            outcome_with_secrets = self._outcome(ending, Secrets(NO_REDACTION))
            if self.step.mode == "verify":
                # Other secrets at the places of recorded ones are no drift.
                known_secrets = self.step.call.issuer.known
                outcome_without_secrets = as_recorded(
                    self.step.outcome(), outcome_without_secrets, known_secrets
                )
            self.step.finish(outcome_without_secrets)
            if self.step.mode == "run":
                self.answer = outcome_with_secrets
            else:
                # The real secrets are needed for the next real call.
                self.answer = with_secrets(
                    self.step.outcome(), outcome_without_secrets, outcome_with_secrets
                )
        return self.real.cancel()

    def _note_issued(self, secrets: Secrets, ending: _Plain) -> None:
        """Learn the secrets of the answer, and note those that it issues.

        An issued secret is secret in all later calls, too.
        """
        redactor = self._port.redactor
        secrets.begin_answer(self.step.call.issuer)
        secrets_sent_before = secrets.stand_in_by_secret.keys() | redactor.issued
        secrets.learn(self._responses)
        for name in _METHODS_OF_METADATA:
            secrets.learn_headers(_pairs(ending.get(name)))
        redactor.issued.update(secrets.stand_in_by_secret.keys() - secrets_sent_before)

    def _outcome(self, ending: _Plain | None, secrets: Secrets) -> _Plain:
        """Return the outcome as the class says, without the values of the `secrets`.

        Args:
            ending: How the call ended, by the names in `_METHODS_OF_END`; None if its
                reader left it.
            secrets: What hides secrets; of `NO_REDACTION`, nothing is hidden.
        """
        # What is hidden keeps its type, as a replay makes a message of the plain data.
        hidden_messages = secrets.scrub(self._responses, keep_types=True)
        outcome: _Plain = {}
        if self.gives_many:
            outcome["response"] = hidden_messages
        elif hidden_messages:
            outcome["response"] = hidden_messages[0]
        if ending is None:
            # Without a code, a replay does not go on behind the last message.
            return outcome
        outcome["code"] = ending["code"].name
        if ending["details"]:
            outcome["details"] = secrets.text(ending["details"])
        for name in _METHODS_OF_METADATA:
            metadata_pairs = []
            for key, value in _pairs(ending[name]):
                # JSON has no tuples.
                metadata_pairs.append([key, secrets.header(key, value)])
            if metadata_pairs:
                outcome[name] = metadata_pairs
        return outcome


def _secret_fields_of(path: str) -> tuple[str, ...]:
    """Return the names that are secret in the messages of a method's service."""
    for start, names in _SECRET_FIELDS.items():
        if path.startswith(start):
            return names
    return ()


def _pairs(metadata: Any) -> list[tuple[str, str]]:
    """Return the metadata of a call, sent or received, as pairs of texts with secrets.

    JSON can hold them: bytes become base64, and a subclass of `str` becomes `str`.
    """
    metadata_pairs = []
    for key, value in metadata or ():
        if isinstance(value, bytes):
            text = placeholder_in(value) or base64.b64encode(value).decode()
        elif isinstance(value, str):
            text = str.__str__(value)
        else:
            text = str(value)
        metadata_pairs.append((str.__str__(key), text))
    return metadata_pairs


def _bytes_in(metadata: Any) -> list[bytes]:
    """Return the values of metadata that are bytes, to look for placeholders there."""
    return [value for _, value in metadata or () if isinstance(value, bytes)]


def _load_metadatum(key: str, value: str) -> Any:
    """Return a stored pair of metadata as the client has it.

    The value is bytes if the key ends in `-bin`.
    """
    if not key.endswith("-bin"):
        return _Metadatum(key, value)
    if is_placeholder(value):
        return _Metadatum(key, value.encode())
    return _Metadatum(key, base64.b64decode(value))


class RealStream:
    """A real stream of messages, on a channel of either kind.

    The stream is recorded as far as the code under test reads it.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def __getattr__(self, name: str) -> Any:
        """Return what the real call tells besides its messages, such as `code`."""
        return getattr(self._rpc.real, name)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Return the next message, which is recorded, on a sync channel."""
        message = run_sync(self._rpc.read())
        if message is _END_OF_STREAM:
            # The real call ends its reader, or raises its error again.
            return next(self._rpc.real)
        return message

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not _END_OF_STREAM:
            yield message

    async def read(self) -> Any:
        """Return the next message, which is recorded, on an asyncio channel."""
        message = await run_async(self._rpc.read())
        if message is _END_OF_STREAM:
            # The real call gives its end again, or raises its error.
            return await self._rpc.real.read()
        return message

    def cancel(self) -> Any:
        """Cancel the real stream, and record what was read of it."""
        return self._rpc.leave()

    def __del__(self) -> None:
        """Record what was read of a stream that the code under test has dropped."""
        self._rpc.step.run.real_calls.end_unread_stream(self._rpc.leave)


class EndedCall(_aio.AioRpcError, grpc.Call, grpc.Future):  # type: ignore[misc]
    """A call whose outcome is known: a stream, a future, and its own error.

    Of a stream that was left, the end is unknown.
    """

    def __init__(self, rpc: Rpc) -> None:
        outcome = rpc.answer or rpc.step.outcome()
        code = None
        if outcome.get("code"):
            code = grpc.StatusCode[outcome["code"]]
        super().__init__(code, None, None, outcome.get("details", ""), "")
        response = outcome.get("response", [])
        # The response is a list of messages of a stream, or one message.
        stored_messages = response if isinstance(response, list) else [response]
        # grpc has no public name for the deserializer.
        deserialize = rpc.multi_callable._response_deserializer
        self._unread_messages: deque[Any] = deque()
        for stored_message in stored_messages:
            self._unread_messages.append(load_message(stored_message, deserialize))
        self._rpc = rpc
        self._outcome = outcome
        # What a reader of an ended call gets. A call that failed is its own error; to a
        # type checker, none of its classes derives from `BaseException`.
        self._error = cast(BaseException, self)

    def initial_metadata(self, name: str = "initial_metadata") -> Any:
        """Return recorded metadata of the server, in the class of the channel."""
        metadata = [
            _load_metadatum(key, value) for key, value in self._outcome.get(name, ())
        ]
        if self._rpc.is_async:
            return _aio.Metadata(*metadata)
        return tuple(metadata)

    trailing_metadata = partialmethod(initial_metadata, "trailing_metadata")

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Return the next recorded message; behind the last, end as the call ended."""
        if self._unread_messages:
            return self._unread_messages.popleft()
        if self.code() is grpc.StatusCode.OK:
            raise StopIteration
        raise self._error

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - it has ended
        """Return the one message of a call that gives no stream, as a future does."""
        if self._unread_messages:
            return self._unread_messages[0]
        # There is no response: this raises the error of the call.
        return next(self)

    def exception(self, timeout: float | None = None) -> EndedCall | None:  # noqa: ARG002
        """Return the error of a call that failed, which is the call; None for OK."""
        if self.code() is grpc.StatusCode.OK:
            return None
        return self

    def code(self) -> Any:
        """Return how the call has ended; of a stream that was left, raise an error."""
        if not self.done() and self._rpc.waits:
            self._rpc.step.wait(self._error_of_ended_test)
        if not self.done():
            # What came next is not known: the test must not take it for the end.
            raise self._rpc.step.exhausted()
        return super().code()

    def _error_of_ended_test(self) -> BaseException:
        """Return the error of a call that waited in a thread when its test ended."""
        super().__init__(grpc.StatusCode.UNAVAILABLE, None, None, "Socket closed", "")
        return self._error

    async def read_or_wait(self) -> Any:
        """Return the next message, or wait as the recorded reader did."""
        if not self._unread_messages and self.is_active() and self._rpc.waits:
            await self._rpc.step.wait_async()
        return next(self, _END_OF_STREAM)

    def is_active(self) -> bool:
        """Return whether the end is unknown: the recorded reader left the stream."""
        return super().code() is None

    def done(self) -> bool:
        return not self.is_active()

    def cancelled(self) -> bool:
        return super().code() is grpc.StatusCode.CANCELLED

    def cancel(self) -> bool:
        """Cancel a replayed call that has not ended, as its caller would a real one."""
        if self.done():
            return False
        self._unread_messages.clear()
        super().__init__(
            grpc.StatusCode.CANCELLED, None, None, "Locally cancelled by application!"
        )
        self._error = self
        if self._rpc.is_async:
            self._error = asyncio.CancelledError()
        return True

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call a function of the application at once, as the call has ended."""
        callback(self)


class AioCall:
    """A call on an asyncio channel, above its interceptors, as its caller has it.

    Args:
        ended_or_task: The call when it has ended, an `EndedCall`; or a task that
            returns it.
    """

    def __init__(self, ended_or_task: Any) -> None:
        self._ended_or_task = ended_or_task

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the call.

        | attribute | as |
        |---|---|
        | what tells how the call ended | `await call.code()` |
        | what is known at once | `call.done()` |
        """
        if name in _METHODS_OF_END:
            return partial(self._ask, getattr(EndedCall, name))
        # A task has `done` and `cancel` as an ended call has them.
        return getattr(self._ended_or_task, name)

    async def _ended_call(self) -> EndedCall:
        """Return the call when it has ended."""
        if not isinstance(self._ended_or_task, EndedCall):
            self._ended_or_task = await self._ended_or_task
        return self._ended_or_task

    async def _ask(self, method: Callable[[EndedCall], Any]) -> Any:
        """Return what a method tells of the call when it has ended."""
        return method(await self._ended_call())

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._ask(EndedCall.result).__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (message := await self.read()) is not _END_OF_STREAM:
            yield message

    async def read(self) -> Any:
        """Return the next recorded message of a stream, or its end."""
        ended_call = await self._ended_call()
        return await ended_call.read_or_wait()

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        """Call a function of the application with this object, when the call has ended.

        A task would call it with itself.
        """

        def call_with_this(_ended_call: object) -> None:
            callback(self)

        self._ended_or_task.add_done_callback(call_with_this)
