"""Calls on sync and asyncio channels as their callers have them: real ones that are recorded, and recorded ones.

It is imported by the first call, since it needs the classes of the client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from importlib import import_module
from inspect import unwrap
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._clients.grpc.protobuf import load_message, store_message
from pytest_mimic._clients.grpc.rpc import Ending, Exchange, Shape, binary
from pytest_mimic._core.redact.reveal import with_secrets
from pytest_mimic._core.seam.base import recording
from pytest_mimic._core.seam.sync_async import Steps, run_async, run_sync

if TYPE_CHECKING:
    from pytest_mimic._core.engine.client_plan import Port

grpc: Any = import_module("grpc")
_aio: Any = import_module("grpc.aio")
_Metadatum: Any = import_module("grpc._cython.cygrpc")._Metadatum

_OPTIONS = ("timeout", "metadata", "credentials", "wait_for_ready", "compression")


def call_blocking(
    shape: Shape, original: Callable[..., Any], port: Port, method: Any, *args: Any, **options: Any
) -> Any:
    """Call a method of a service, or replay it. While recording, a call that gives one message is made to its end at once."""
    request, *rest = args or (options.pop("request_iterator" if shape.sends_many else "request"),)
    options |= zip(_OPTIONS, rest, strict=False)
    requests = list(request) if shape.sends_many else [request]
    make = partial(original, method, **options) if shape.gives_many else partial(_made, method, options)
    call = BlockingCall(shape, method)
    call.begin(port, requests, options.get("metadata"), make)
    if not shape.gives_many:
        run_sync(call.read_all())
    if shape.gives_many or shape.style == "future":
        return call
    response = call.result()
    return (response, call) if shape.style == "with_call" else response


def _made(method: Any, options: dict[str, Any], request: Any) -> Any:
    """Return a real call that gives one message, when it has ended: an error of gRPC is one, too."""
    try:
        return unwrap(type(method).with_call)(method, request, **options)[1]
    except grpc.RpcError as error:
        return error


def call_aio(
    shape: Shape, original: Callable[..., Any], port: Port, method: Any, *args: Any, **options: Any
) -> Any:
    """Return a call of a method of a service, or a recorded one."""
    request = args[0] if args else options.pop("request_iterator" if shape.sends_many else "request", None)
    call = AioCall(shape, method)
    make, metadata = partial(original, method, **options), options.get("metadata")
    if shape.sends_many:
        call.begin_later(request, lambda requests: call.begin(port, requests, metadata, make))
    else:
        call.begin(port, [request], metadata, make)
    return call


class Call:
    """What both APIs share. What may need the server is a generator of steps, of which `run` makes a value or an awaitable."""

    END: ClassVar[Any]  # what is read after the last message
    run: Callable[[Steps], Any]
    ask: Callable[[], Any]  # gives the next real message, or what is awaited for it; at the end, it raises
    error: Callable[[], BaseException]  # returns the error of a call that failed
    made: ClassVar[Callable[..., Any]]  # makes the client's own metadata of pairs

    def __init__(self, shape: Shape, method: Any) -> None:
        self.shape, self._method = shape, method
        self.real: Any = None  # the client's own call
        self.begun: Any = None  # is awaited before anything is read
        self.ending: Ending | None = None
        self.unread: deque[Any] = deque()  # messages that were read before the caller wanted them
        self._responses: list[dict[str, Any]] = []  # what was read of the real call
        self._outcomes: tuple[dict[str, Any], ...] = ()
        self._recorded: dict[str, Any] | None = None
        self._left: deque[dict[str, Any]] = deque()  # recorded responses that were not read
        self._is_recording = False
        self._step: Any = None  # a `Step`, or None
        self._on_end: list[Callable[[], object]] = []

    def begin(self, port: Port, requests: list[Any], metadata: Any, make: Callable[[Any], Any]) -> None:
        """Ask the engine for a step, and make the real call where it says so."""
        self._exchange = Exchange(port, self._method, self.shape, requests, metadata)
        self._step = step = port.begin(self._exchange.call())
        if step is not None and step.mode != "replay" and not self._exchange.is_sendable:
            step.refuse()
        if step is not None and step.mode == "replay":
            self._replay()
            return
        self._is_recording = step is not None
        self._noting = port.noting
        with recording(step):
            self.real = make(iter(requests) if self.shape.sends_many else requests[0])

    def next_message(self) -> Steps:
        """Give the next message, or `END`. One that was not recorded is a miss."""
        if self.unread:
            return self.unread.popleft()
        yield from self._prepare()
        if self.ending is not None:
            return self.END
        if self._recorded is None:
            return (yield from self._read_real())
        if self._left:
            return load_message(self._left.popleft(), self._method._response_deserializer)
        if "code" not in self._recorded:
            raise self._step.exhausted()
        metadata = map(self._recorded_metadata, Ending._fields[2:])
        code = grpc.StatusCode[self._recorded["code"]]
        self._end(Ending(code, self._recorded.get("details", ""), *metadata))
        return self.END

    def read_all(self) -> Steps:
        """Read to the end. Its messages stay unread."""
        messages = []
        while (message := (yield from self.next_message())) is not self.END:
            messages.append(message)
        self.unread.extend(messages)

    def message(self) -> Steps:
        """Give the next message or `END`, or raise the error that the call ended with."""
        message = yield from self.next_message()
        return self._checked(message) if message is self.END else message

    def response(self) -> Steps:
        """Give the one message, or raise the error that the call ended with."""
        yield from self.read_all()
        return self._checked(self.unread and self.unread[0])

    def _checked(self, message: Any) -> Any:
        assert self.ending is not None
        if self.ending.code is not grpc.StatusCode.OK:
            raise self.error()
        return message

    def _told(self, name: str) -> Steps:
        """Give what the caller asks for by a name of `Ending`. The first metadata come before the messages."""
        yield from self._prepare()
        if name == "initial_metadata" and self.ending is None:
            real = self._recorded is None
            told = (yield self.real.initial_metadata()) if real else self._recorded_metadata(name)
        else:
            yield from self.read_all()
            told = getattr(self.ending, name)
        return self.made(*told) if name.endswith("metadata") else told

    def _prepare(self) -> Steps:
        """Wait until the call has begun. To verify it, read it as far as the recording goes; then the caller gets that."""
        if self.begun is not None and self.ending is None:
            yield self.begun
        if self._step is None or self._step.mode != "verify" or self._recorded is not None:
            return
        recorded = self._step.outcome()
        length = None if "code" in recorded else len(recorded["response"])
        while self.real is not None and len(self._responses) != length:
            if (yield from self._read_real()) is self.END:
                break
        self._leave()
        self._replay()

    def _read_real(self) -> Steps:
        message = self.END
        with recording(self._step):
            try:
                if self.shape.gives_many or not self._responses:
                    message = yield self.ask()
            except (StopIteration, grpc.RpcError):
                pass
            if message is not self.END:
                with self._noting:
                    self._responses.append(store_message(message) if self._is_recording else {})
                return message
            told = []
            for name in Ending._fields:
                told.append((yield getattr(self.real, name)()))
            self._finish(Ending(*told))
            if self._step is None or self._step.mode == "run":
                self._end(Ending(*told))
        return message

    def _replay(self) -> None:
        """Take the recorded outcome; after verifying, with the secrets of the real one."""
        recorded = self._step.outcome()
        self._recorded = recorded = with_secrets(recorded, *self._outcomes) if self._outcomes else recorded
        response = recorded.get("response", [])
        self._left.extend(response if isinstance(response, list) else [response])

    def _recorded_metadata(self, name: str) -> list[Any]:
        recorded: Any = self._recorded
        return [
            _Metadatum(key, binary(value) if key.endswith("-bin") else value)
            for key, value in recorded.get(name, ())
        ]

    def code(self) -> Any:
        return self.run(self._told("code"))

    def details(self) -> Any:
        return self.run(self._told("details"))

    def initial_metadata(self) -> Any:
        return self.run(self._told("initial_metadata"))

    def trailing_metadata(self) -> Any:
        return self.run(self._told("trailing_metadata"))

    def time_remaining(self) -> None:
        """Tell no deadline."""

    def done(self) -> bool:
        return self.ending is not None

    def cancelled(self) -> bool:
        return self.ending is not None and self.ending.code is grpc.StatusCode.CANCELLED

    def cancel(self) -> bool:
        if self.ending is not None:
            return False
        self._leave()
        self._end(Ending(grpc.StatusCode.CANCELLED, "Locally cancelled by application!"))
        return True

    def add_callback(self, callback: Callable[[], object]) -> bool:
        self._on_end.append(callback)
        return self.ending is None

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        if not self.add_callback(partial(callback, self)):
            callback(self)

    def __del__(self) -> None:
        if self._is_recording:  # the collector may interrupt anything: it ends later
            self._step.end_later(self._finish)

    def _end(self, ending: Ending) -> None:
        self.ending = self.ending or ending
        for callback in self._on_end:
            callback()

    def _leave(self) -> None:
        self._finish()
        if self.real is not None:
            self.real.cancel()

    def _finish(self, ending: Ending | None = None) -> None:
        """Record how the call has ended; without an ending, that its reader wants no more of a stream."""
        if self._is_recording:
            self._is_recording = False
            if ending is None and not self.shape.gives_many:
                self._step.abandon()
            else:
                self._outcomes = self._exchange.outcomes(self._responses, ending)
                self._step.finish(self._outcomes[0])


class BlockingCall(Call, grpc.RpcError, grpc.Call, grpc.Future):  # type: ignore[misc]
    """A call on a sync channel: a stream, a future, and its own error."""

    END = object()
    run = staticmethod(run_sync)
    made = staticmethod(lambda *pairs: pairs)

    def ask(self) -> Any:
        return next(self.real) if self.shape.gives_many else self.real.result()

    def error(self) -> BaseException:
        return self

    def __str__(self) -> str:
        return f"{self._method._method}: {self.ending}"

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if (message := self.run(self.message())) is self.END:
            raise StopIteration
        return message

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - it has ended
        return self.run(self.response())

    def exception(self, timeout: float | None = None) -> BlockingCall | None:  # noqa: ARG002
        return None if self.code() is grpc.StatusCode.OK else self

    def is_active(self) -> bool:
        return self.ending is None

    def debug_error_string(self) -> str:
        return ""


class AioCall(Call, _aio.UnaryUnaryCall, _aio.UnaryStreamCall, _aio.StreamUnaryCall):  # type: ignore[misc]
    """A call on an asyncio channel, above its interceptors."""

    END = _aio.EOF
    run = staticmethod(run_async)
    made = _aio.Metadata
    _is_cancelled = False

    def ask(self) -> Any:
        return self.real.read() if self.shape.gives_many else self.real

    def begin_later(self, requests: Any, begin: Callable[[list[Any]], None]) -> None:
        """Begin when all messages are there. Without `requests`, they are written."""
        self._written: list[Any] = []
        self._all_sent = asyncio.Event()

        async def send() -> None:
            if requests is None:
                await self._all_sent.wait()
            elif hasattr(requests, "__aiter__"):
                self._written += [request async for request in requests]
            else:
                self._written += requests
            begin(self._written)

        self.begun = asyncio.ensure_future(send())

    async def write(self, request: Any) -> None:
        self._written.append(request)

    async def done_writing(self) -> None:
        self._all_sent.set()

    def error(self) -> BaseException:
        if self._is_cancelled:
            return asyncio.CancelledError()
        ending: Any = self.ending
        metadata = (_aio.Metadata(*pairs) for pairs in ending[2:])
        error: BaseException = _aio.AioRpcError(ending.code, *metadata, ending.details)
        return error

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.run(self.response()).__await__()

    async def read(self) -> Any:
        return await self.run(self.message())

    def cancel(self) -> bool:
        if self.begun is not None:
            self.begun.cancel()
        self._is_cancelled = super().cancel()
        return self._is_cancelled

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if (message := await self.read()) is self.END:
            raise StopAsyncIteration
        return message

    async def wait_for_connection(self) -> None:
        await self.initial_metadata()
