"""The adapter of grpcio: the objects of sync and asyncio channels that call one method of a service.

Read against grpcio 1.60 and 1.85. Interceptors of a sync channel stay real, as does all
that is built on channels, such as
Google's client libraries. Channels are always ready in a replay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._clients.grpc.protobuf import plain_of
from pytest_mimic._core.seam.base import Adapter, ClientCall, Edge
from pytest_mimic._core.types.kinds import Events
from pytest_mimic.errors import UnstorableOutcomeError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.client_plan import Port

_Function = Callable[..., Any]
# Another time, or with other credentials, the answer is another one.
_FAILURES = frozenset(
    "UNKNOWN DEADLINE_EXCEEDED RESOURCE_EXHAUSTED ABORTED INTERNAL UNAVAILABLE DATA_LOSS CANCELLED "
    "UNAUTHENTICATED PERMISSION_DENIED".split()
)
# The attribute of an asyncio channel in which its server's address is noted.
NOTED_TARGET = "_pytest_mimic_target"


class GrpcAdapter(Adapter):
    """The adapter of `grpc`."""

    exact: ClassVar = frozenset({"code"})
    waits: ClassVar = True

    def edges(self) -> Sequence[Edge]:
        found = [
            Edge("grpc._channel", ("Channel", "subscribe"), _wrap_ready),
            Edge("grpc.aio._channel", ("Channel", "get_state"), _wrap_ready),
            Edge("grpc.aio._channel", ("Channel", "__init__"), _wrap_made),
            Edge("grpc._plugin_wrapping", ("_Plugin", "__call__"), _wrap_credentials),
        ]
        for kind in (
            "UnaryUnary",
            "UnaryStream",
            "StreamUnary",
            "StreamStream",
            "SingleThreadedUnaryStream",
        ):
            for style in (
                ("__call__",)
                if kind.endswith("Stream")
                else ("__call__", "with_call", "future")
            ):
                path = f"_{kind}MultiCallable", style
                found.append(
                    Edge("grpc._channel", path, partial(_wrap_call, kind, style))
                )
            if not kind.startswith("Single"):
                path = f"{kind}MultiCallable", "__call__"
                found.append(
                    Edge("grpc.aio._channel", path, partial(_wrap_call, kind, ""))
                )
        return found

    def comparable(self, plain: Any, _beside: Any = None, /) -> Any:
        """Return status and response.

        The details of an error of the network are the client's own, with the server's
        address.
        """
        code, response = plain.get("code"), plain.get("response")
        is_of_network = code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        found = {
            "code": code,
            "details": "" if is_of_network else plain.get("details", ""),
        }
        if isinstance(response, list):
            found["response"] = Events(
                map(plain_of, response), is_whole=code is not None
            )
        elif response is not None:
            found["response"] = plain_of(response)
        return found

    def failure(self, plain: Any, /) -> str | None:
        return f"gave {plain['code']}" if plain.get("code") in _FAILURES else None


def _wrap_call(kind: str, style: str, original: _Function, port: Port) -> _Function:
    """Replace a method that makes calls."""

    @wraps(original)
    def call(method: Any, *args: Any, **options: Any) -> Any:
        path = (
            method._method
            if isinstance(method._method, str)
            else method._method.decode()
        )
        if not port.takes(ClientCall(f"CALL {path}", {}, (), {})):
            return original(method, *args, **options)
        if kind == "StreamStream" or not (
            args or options.keys() & {"request", "request_iterator"}
        ):
            what = f"{path} is a gRPC stream in both directions, or without an iterator: not recordable"
            remedy = f"name the function around it in mimic_functions, or: grpc exclude={path}"
            with port.noting:
                raise UnstorableOutcomeError(what, remedies=[remedy])
        calls: Any = import_module(
            f"{__package__}.calls"
        )  # which needs the classes of the client
        rpc = calls.Rpc(port, method, path, kind)
        make = calls.call_aio if rpc.channels else calls.call_blocking
        return make(rpc, original, style, *args, **options)

    return call


def _wrap_made(original: _Function, _port: Port) -> _Function:
    """Note the address of an asyncio channel, which it does not tell, as sync channels tell it."""

    def made(channel: Any, target: Any, *args: Any, **options: Any) -> None:
        setattr(channel, NOTED_TARGET, sys.modules["grpc._common"].encode(target))
        original(channel, target, *args, **options)

    return made


def _wrap_ready(original: _Function, port: Port) -> _Function:
    """Replace a method of a channel that tells its state, or tells it to a function."""

    def method(channel: Any, *args: Any, **options: Any) -> Any:
        if not (port.taking() and port.is_replaying):
            return original(channel, *args, **options)
        ready = sys.modules["grpc"].ChannelConnectivity.READY
        return args[0](ready) if args and callable(args[0]) else ready

    return method


def _wrap_credentials(original: _Function, port: Port) -> _Function:
    """Let a request for a token belong to the call that needs it.

    The client asks for tokens in threads of its own.
    """

    def ask(plugin: Any, *args: Any) -> Any:
        with port.unmimicked():
            return original(plugin, *args)

    return ask
