"""The adapter of gRPC: what a call is, what of it counts, where channels make calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from pytest_mimic.client import Adapter, Edge, Plain, Port, Redactor, StandIn

_SYNC = "grpc._channel"
_ASYNC = "grpc.aio._channel"
# What a stub calls, by class of a method: whether it is sent a stream, and gives one.
_METHODS = {
    "_UnaryUnaryMultiCallable": (False, False),
    "_UnaryStreamMultiCallable": (False, True),
    "_SingleThreadedUnaryStreamMultiCallable": (False, True),
    "_StreamUnaryMultiCallable": (True, False),
    "_StreamStreamMultiCallable": (True, True),
}


class Grpc(Adapter):
    """gRPC, sync and asyncio."""

    name = kind = "grpc"
    head = ("code",)

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return what makes calls, and what closes a channel and says it is ready."""
        closed: dict[int, Any] = {}
        for name, streams in _METHODS.items():
            yield Edge(_SYNC, (name, "__call__"), _wrap_sync(port, closed, streams))
            if not streams[1]:
                for way in ("with_call", "future"):
                    wrap = _wrap_sync(port, closed, streams, way)
                    yield Edge(_SYNC, (name, way), wrap)
            if not name.startswith("_Single"):
                path = (name.removeprefix("_"), "__call__")
                yield Edge(_ASYNC, path, _wrap_async(port, streams))
        for name in ("close", "__exit__"):
            yield Edge(_SYNC, ("Channel", name), _wrap_close(closed))
        yield Edge(_SYNC, ("Channel", "subscribe"), _wrap_subscribe(port))
        yield Edge(_ASYNC, ("Channel", "__init__"), _wrap_new)
        yield Edge(_ASYNC, ("Channel", "get_state"), _wrap_state(port))
        handle = ("Channel", "_get_registered_call_handle")
        for module in (_SYNC, _ASYNC):
            yield Edge(module, handle, _wrap_handle(closed), is_optional=True)
        yield Edge("grpc", ("metadata_call_credentials",), _wrap_credentials(port))

    def signature(self, request: Plain) -> str:
        """Return `CALL /shop.Orders/Get`."""
        return f"CALL {request['method']}"

    def label(self, request: Plain) -> str:
        """Return `grpc /shop.Orders/Get (id=7)`."""
        # A replay names no call.
        from pytest_mimic.values.labels import call_label

        return call_label(self.kind, request)

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:
        """Return all but the metadata, of which only what is matched counts."""
        rest = {name: part for name, part in parts.items() if name != "metadata"}
        metadata = parts.get("metadata", {})
        names = [path.removeprefix("metadata.") for path in matched]
        counted = {name: metadata.get(name) for name in names}
        return {**rest, "metadata": counted} if counted else rest

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return a request without its secrets."""
        return _hide(redactor, request, stand_in)

    def hide_answer(
        self, redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
    ) -> Plain:
        """Return an answer without its secrets: what a store of secrets gives, too."""
        hidden = _hide(redactor, answer, stand_in)
        response = answer.get("response")
        if "Secret" in request["method"] and isinstance(response, dict):
            payload = {"secret": response.get("payload")}
            if payload["secret"] is not None:
                found = redactor.hide(payload, stand_in, "response")
                hidden["response"]["payload"] = found["secret"]
        return hidden

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return responses and code, of a stream that was left what both have."""
        compared: Plain = {
            name: answer[name]
            for name in ("response", "responses", "code")
            if name in answer
        }
        if "code" not in other:
            compared.pop("code", None)
            compared["responses"] = answer.get("responses", [])[: _size(other)]
        return compared


def _size(answer: Plain) -> int:
    return len(answer.get("responses", ()))


def _hide(redactor: Redactor, plain: Plain, stand_in: StandIn) -> Plain:
    hidden: Plain = redactor.hide(plain, stand_in)
    for name in ("metadata", "trailing"):
        texts = {
            key: value
            for key, value in plain.get(name, {}).items()
            if isinstance(value, str)
        }
        if texts:
            without = redactor.hide_headers(texts, stand_in, name)
            hidden[name] = {**hidden[name], **without}
    return hidden


def _wrap_sync(
    port: Port, closed: dict[int, Any], streams: tuple[bool, bool], way: str = ""
) -> Callable[[Any], Any]:
    """Wrap what a stub calls: the method itself, or one of its ways to be called."""
    ways = {(True, True): "two_way", (False, True): "stream"}
    chosen = way or ways.get(streams, "call")

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def call(method: Any, *args: Any, **options: Any) -> Any:
            # The client is loaded by now.
            from pytest_mimic.clients.grpc.synchronous import Calls

            calls = Calls(port, closed, original, takes_stream=streams[0])
            return getattr(calls, chosen)(method, *args, **options)

        return call

    return wrap


def _wrap_async(port: Port, streams: tuple[bool, bool]) -> Callable[[Any], Any]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def call(method: Any, *args: Any, **options: Any) -> Any:
            # The client is loaded by now.
            from pytest_mimic.clients.grpc import asynchronous

            channel = method._references[0]
            return asynchronous.call(
                port, channel, streams, method, original, args, options
            )

        return call

    return wrap


def _wrap_new(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def new(channel: Any, target: str, *args: Any, **options: Any) -> None:
        original(channel, target, *args, **options)
        channel._mimic_target = target

    return new


def _wrap_close(closed: dict[int, Any]) -> Callable[[Any], Any]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def close(channel: Any, *args: Any) -> Any:
            inner = channel._channel
            # It is held, so that no other one has its id.
            closed[id(inner)] = inner
            return original(channel, *args)

        return close

    return wrap


def _wrap_handle(closed: dict[int, Any]) -> Callable[[Any], Any]:
    """Ask no closed channel for a handle: gRPC would end the interpreter."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def handle(channel: Any, *args: Any) -> Any:
            is_closed = id(channel._channel) in closed
            if not is_closed and hasattr(channel._channel, "closed"):
                is_closed = channel._channel.closed()
            return 0 if is_closed else original(channel, *args)

        return handle

    return wrap


def _wrap_subscribe(port: Port) -> Callable[[Any], Any]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def subscribe(
            channel: Any, callback: Any, try_to_connect: bool | None = None
        ) -> Any:
            if not port.replays:
                return original(channel, callback, try_to_connect)
            from grpc import ChannelConnectivity

            return callback(ChannelConnectivity.READY)

        return subscribe

    return wrap


def _wrap_state(port: Port) -> Callable[[Any], Any]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def get_state(channel: Any, try_to_connect: bool = False) -> Any:
            from grpc import ChannelConnectivity

            is_replay = port.replays
            state = original(channel, try_to_connect and not is_replay)
            if not is_replay or state is ChannelConnectivity.SHUTDOWN:
                return state
            return ChannelConnectivity.READY

        return get_state

    return wrap


class _Aside:
    """Stands around what a library calls for a real call, in a thread of its own."""

    is_open = True


def _wrap_credentials(port: Port) -> Callable[[Any], Any]:
    """Let the requests for a token be a part of the call that needs it."""

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(original)
        def metadata_call_credentials(plugin: Any, name: str | None = None) -> Any:
            def plugin_aside(context: Any, callback: Any) -> Any:
                inside = port.run.inside
                before = inside.enter(_Aside())
                try:
                    return plugin(context, callback)
                finally:
                    inside.leave(before)

            return original(plugin_aside, name)

        return metadata_call_credentials

    return wrap
