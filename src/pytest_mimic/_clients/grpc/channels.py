"""The adapter of grpcio: the objects of sync and asyncio channels that call one method of a service.

Read against grpcio 1.60 and 1.85. Interceptors of the caller stay real, as does all that is built on channels, such as
Google's client libraries. Channels are always ready in a replay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._clients.grpc.protobuf import plain_of
from pytest_mimic._clients.grpc.rpc import NOTED_TARGET, Shape
from pytest_mimic._core.identity.opening import Events
from pytest_mimic._core.seam.base import Adapter, ClientCall, Edge
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Port

_Function = Callable[..., Any]
_BLOCKING, _AIO = (f"{__package__}.{name}_calls" for name in ("blocking", "aio"))
# Another time, the answer is another one.
_FAILURES = frozenset(
    "UNKNOWN DEADLINE_EXCEEDED RESOURCE_EXHAUSTED ABORTED INTERNAL UNAVAILABLE DATA_LOSS CANCELLED"
    " UNAUTHENTICATED PERMISSION_DENIED".split()
)
# Their details are the client's own, with the server's address.
_OF_NETWORK = ("UNAVAILABLE", "DEADLINE_EXCEEDED")


class GrpcAdapter(Adapter):
    """The adapter of `grpc`."""

    exact: ClassVar = frozenset({"code"})

    def edges(self) -> Sequence[Edge]:
        tells, gives = lambda ready, tell, *_: tell(ready), lambda ready, *_: ready
        found = [
            Edge("grpc._channel", ("Channel", "subscribe"), partial(_wrap_ready, tells)),
            Edge("grpc.aio._channel", ("Channel", "__init__"), _wrap_made),
            Edge("grpc.aio._channel", ("Channel", "get_state"), partial(_wrap_ready, gives)),
            Edge("grpc._plugin_wrapping", ("_Plugin", "__call__"), _wrap_credentials),
        ]
        for name in ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream", "SingleThreadedUnaryStream"):
            sends_many, gives_many = name.startswith("Stream"), name.endswith("Stream")
            is_talk = sends_many and gives_many
            for style in ("__call__",) if gives_many else ("__call__", "with_call", "future"):
                wrap = (
                    _wrap_talk
                    if is_talk
                    else partial(_wrap_call, _BLOCKING, Shape(sends_many, gives_many, style))
                )
                found.append(Edge("grpc._channel", (f"_{name}MultiCallable", style), wrap))
            if not name.startswith("Single"):
                wrap = _wrap_talk if is_talk else partial(_wrap_call, _AIO, Shape(sends_many, gives_many))
                found.append(Edge("grpc.aio._channel", (f"{name}MultiCallable", "__call__"), wrap))
        return found

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """Return status and response: of a stream that was not read to its end, the messages that both readers read.

        A stream that has ended itself before such a reader stopped is compared whole.
        """
        found = {name: plain[name] for name in ("code", "details") if name in plain}
        if found.get("code") in _OF_NETWORK:
            found.pop("details", None)
        if "response" in plain:
            found["response"] = plain_of(plain["response"])
        if "responses" in plain:
            is_cut = beside is not None and _is_cut(plain, beside)
            least = len(beside.get("responses", ())) if beside is not None and is_cut else None
            events = Events(
                map(plain_of, plain["responses"][:least]), is_whole="code" in plain and not is_cut
            )
            found = {"response": events} if is_cut else {**found, "response": events}
        return found

    def failure(self, plain: Any, /) -> str | None:
        return _gave(plain, _FAILURES)


def _is_cut(*both: Any) -> bool:
    """Return whether a reader left one of two streams, and the other one did not end before."""
    left, ended = (
        [len(one.get("responses", ())) for one in both if (one.get("end") == "stopped") is is_left]
        for is_left in (True, False)
    )
    return bool(left) and all(count >= left[0] for count in ended)


def _gave(plain: Any, codes: frozenset[str]) -> str | None:
    code = plain.get("code") if isinstance(plain, dict) else None
    return f"gave {code}" if code in codes else None


def _wrap_call(calls: str, shape: Shape, original: _Function, port: Port) -> _Function:
    """Replace a method that makes calls. `calls` is the module for them, which needs the classes of the client."""

    @wraps(original)
    def call(method: Any, *args: Any, **options: Any) -> Any:
        if not port.taking():
            return original(method, *args, **options)
        return import_module(calls).invoke(shape, original, port, method, args, options)

    return call


def _wrap_talk(original: _Function, port: Port) -> _Function:
    """Refuse a stream in both directions."""

    @wraps(original)
    def call(method: Any, *args: Any, **options: Any) -> Any:
        name = method._method if isinstance(method._method, str) else method._method.decode()
        if not port.takes(ClientCall(f"CALL {name}", parts={}, identity=(), described={})):
            return original(method, *args, **options)
        with port.noting:
            raise UnstorableOutcomeError(
                f"{name} is a gRPC stream in both directions, which cannot be recorded",
                remedies=[
                    "name the function around it in mimic_functions, or leave it out: grpc exclude=" + name
                ],
            )

    return call


def _wrap_made(original: _Function, _port: Port) -> _Function:
    """Note the address of an asyncio channel, which it does not tell in older versions of the client."""

    @wraps(original)
    def made(channel: Any, target: Any, *args: Any, **options: Any) -> None:
        # As the other channels tell it.
        setattr(channel, NOTED_TARGET, sys.modules["grpc._common"].encode(target))
        original(channel, target, *args, **options)

    return made


def _wrap_ready(answer: _Function, original: _Function, port: Port) -> _Function:
    """Replace a method of a channel that tells its state, or tells it to a function."""

    @wraps(original)
    def method(channel: Any, *args: Any, **options: Any) -> Any:
        if not (port.taking() and port.is_replaying):
            return original(channel, *args, **options)
        return answer(sys.modules["grpc"].ChannelConnectivity.READY, *args, *options.values())

    return method


def _wrap_credentials(original: _Function, port: Port) -> _Function:
    """Let a request for a token belong to the call that needs it. The client asks for tokens in threads of its own."""

    @wraps(original)
    def ask(plugin: Any, *args: Any) -> Any:
        with port.unmimicked() if port.taking() else nullcontext():
            return original(plugin, *args)

    return ask
