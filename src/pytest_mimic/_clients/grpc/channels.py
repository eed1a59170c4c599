"""The adapter of grpcio.

Its edges are the objects of sync and asyncio channels that call one method of a
service. gRPC calls such an object a multi-callable. Read against grpcio 1.60 and 1.85.
Interceptors of a sync channel stay real, as does all that is built on channels, such as
Google's client libraries. Channels are always ready in a replay.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_mimic._clients.grpc.protobuf import plain_of
from pytest_mimic.client import (
    Adapter,
    ClientCall,
    Edge,
    Events,
    Remedy,
    UnstorableOutcomeError,
    Verb,
)

if TYPE_CHECKING:
    from pytest_mimic.client import Port

_Function = Callable[..., Any]
# The codes of errors that depend on the moment or the credentials: another time, the
# answer is another one.
_CODES_OF_THE_MOMENT = frozenset(
    "UNKNOWN DEADLINE_EXCEEDED RESOURCE_EXHAUSTED ABORTED INTERNAL"
    " UNAVAILABLE DATA_LOSS CANCELLED UNAUTHENTICATED PERMISSION_DENIED".split()
)
# The attribute with the `ChannelNote` of a channel. The channel has it, and so have the
# multi-callables that it makes.
_ATTRIBUTE_OF_CHANNEL_NOTE = "_pytest_mimic_note"
# How many arguments a method has that makes a multi-callable: the name of the service's
# method, and a function for each direction.
_ARGUMENTS_OF_MAKERS = 3
# The methods of a channel that make a multi-callable.
_MAKERS_OF_MULTI_CALLABLES = (
    "unary_unary",
    "unary_stream",
    "stream_unary",
    "stream_stream",
)


class ChannelNote:
    """What is known of a channel without asking it.

    The object of grpc's core below a channel is freed when the channel is closed. So
    nothing is asked of that object: the address of the server is noted when the channel
    is made, and its end when it is closed.

    Attributes:
        address: The address of the server.
        is_closed: Whether the channel was closed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_closed = False


def note_of(multi_callable: Any) -> ChannelNote:
    """Return the note of the channel of a multi-callable.

    A channel that was made before calls were mimicked has none. Then a multi-callable
    of a sync channel tells the address, and a channel of asyncio is told from others by
    its `id()`.
    """
    # A multi-callable of asyncio refers to its channel, which has the note.
    object_with_note = multi_callable
    channels = getattr(multi_callable, "_references", ())
    if channels:
        object_with_note = channels[0]
    note = getattr(object_with_note, _ATTRIBUTE_OF_CHANNEL_NOTE, None)
    if isinstance(note, ChannelNote):
        return note
    address = getattr(multi_callable, "_target", None)
    if address:
        return ChannelNote(_as_text(address))
    return ChannelNote(f"channel {id(object_with_note)}")


def _is_closed(channel: Any) -> bool:
    """Check whether a channel was closed, by its note."""
    note = getattr(channel, _ATTRIBUTE_OF_CHANNEL_NOTE, None)
    return isinstance(note, ChannelNote) and note.is_closed


def _as_text(address_or_path: str | bytes) -> str:
    """Return the address of a server, or the path of a method, as a text.

    gRPC takes both as text or as bytes.
    """
    if isinstance(address_or_path, bytes):
        return address_or_path.decode()
    return str(address_or_path)


# The kinds of multi-callables, by what they send and what they get.
_KINDS_OF_MULTI_CALLABLES = (
    "UnaryUnary",
    "UnaryStream",
    "StreamUnary",
    "StreamStream",
    "SingleThreadedUnaryStream",
)


class GrpcAdapter(Adapter):
    """The adapter of `grpc`."""

    exact: ClassVar = frozenset({"code"})
    waits: ClassVar = True

    def edges(self) -> Sequence[Edge]:
        edges = [
            Edge("grpc._channel", ("Channel", "subscribe"), _wrap_state),
            Edge("grpc.aio._channel", ("Channel", "get_state"), _wrap_state),
            # These four only note something: the real method always runs.
            Edge("grpc._channel", ("Channel", "__init__"), _note_address),
            Edge("grpc._channel", ("Channel", "_close"), _note_closed),
            Edge("grpc.aio._channel", ("Channel", "__init__"), _note_address),
            Edge("grpc.aio._channel", ("Channel", "_close"), _note_closed),
            Edge("grpc._plugin_wrapping", ("_Plugin", "__call__"), _wrap_credentials),
        ]
        for name in _MAKERS_OF_MULTI_CALLABLES:
            edges.append(Edge("grpc._channel", ("Channel", name), _wrap_maker))
            edges.append(Edge("grpc.aio._channel", ("Channel", name), _wrap_maker))
        for kind in _KINDS_OF_MULTI_CALLABLES:
            edges += _edges_of(kind)
        return edges

    def comparable(self, outcome: Any, _other_outcome: Any = None, /) -> Any:
        """Return what verifying compares of a call: its status and its response.

        The details of an error of the network are the client's own, with the server's
        address.
        """
        code = outcome.get("code")
        # One message, or the messages of a stream.
        response = outcome.get("response")
        details = outcome.get("details", "")
        if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            details = ""
        comparable_outcome = {"code": code, "details": details}
        if isinstance(response, list):
            # Without a code, the reader of the stream left it before its end.
            messages = map(plain_of, response)
            is_whole = code is not None
            comparable_outcome["response"] = Events(messages, is_whole=is_whole)
        elif response is not None:
            comparable_outcome["response"] = plain_of(response)
        return comparable_outcome

    def is_read_further(self, outcome: Any, other_outcome: Any, /) -> bool:
        """Return whether a stream that was left early was read further another time.

        The engine asks it of the answer that a call has, before it records another one:
        the one that was read further stays.
        """
        messages = outcome.get("response")
        other_messages = other_outcome.get("response")
        is_other_left = "code" not in other_outcome
        if not is_other_left or not isinstance(messages, list):
            return False
        if "code" in outcome:
            # A stream that broke off was not read to its end.
            return self.failure(outcome) is None
        return len(messages) > len(other_messages)

    def failure(self, outcome: Any, /) -> str | None:
        """Return `gave UNAVAILABLE` for a call whose recording may mislead a test.

        None: the call has an answer, or a status that the service would give again.
        """
        code = outcome.get("code")
        if code not in _CODES_OF_THE_MOMENT:
            return None
        return f"gave {code}"


def _edges_of(kind: str) -> list[Edge]:
    """Return the edges of one kind of multi-callables, sync and asyncio."""
    # The methods of a sync multi-callable that make a call. One that gives a stream has
    # only the first.
    styles: tuple[str, ...] = ("__call__",)
    if not kind.endswith("Stream"):
        styles = ("__call__", "with_call", "future")
    edges = []
    for style in styles:
        path = f"_{kind}MultiCallable", style
        edges.append(Edge("grpc._channel", path, partial(_wrap_call, kind, style)))
    if not kind.startswith("Single"):
        path = f"{kind}MultiCallable", "__call__"
        edges.append(Edge("grpc.aio._channel", path, partial(_wrap_call, kind, "")))
    return edges


def _wrap_call(kind: str, style: str, original: _Function, port: Port) -> _Function:
    """Replace a method of a multi-callable that makes calls.

    Args:
        kind: What the calls send and give, `UnaryStream`.
        style: The name of a sync channel's method, `with_call`; empty with asyncio.
        original: The method.
        port: The engine's port.
    """

    @wraps(original)
    def call(multi_callable: Any, *args: Any, **options: Any) -> Any:
        path = _as_text(multi_callable._method)
        # Whether a line takes it depends on its label alone.
        if not port.takes(ClientCall(f"CALL {path}", {}, (), {})):
            return original(multi_callable, *args, **options)
        note = note_of(multi_callable)
        if note.is_closed:
            # grpc raises its own error, in a replay as well.
            return original(multi_callable, *args, **options)
        names_of_request = {"request", "request_iterator"}
        has_request = bool(args) or bool(options.keys() & names_of_request)
        if kind == "StreamStream" or not has_request:
            # What is sent may depend on what came, so that it cannot be read at once.
            with port.noting:
                raise _not_recordable(path)
        # The module needs the classes of the client, so the first call imports it.
        calls: Any = import_module(f"{__package__}.calls")
        rpc = calls.Rpc(port, multi_callable, path, kind, target=note.address)
        if rpc.is_async:
            return calls.call_aio(rpc, original, style, *args, **options)
        return calls.call_blocking(rpc, original, style, *args, **options)

    return call


def _not_recordable(path: str) -> UnstorableOutcomeError:
    """Return the error for a method whose messages go in both directions at once."""
    remedy_for_line = Remedy(
        Verb.LINE,
        "or to let it run for real, so that a replay needs the server",
        words=(f"grpc exclude={path}",),
    )
    return UnstorableOutcomeError(
        f"{path} is a gRPC stream in both directions, or without an iterator: not"
        " recordable",
        remedies=["name the function around it in mimic_functions", remedy_for_line],
    )


def _note_address(original: _Function, _port: Port) -> _Function:
    """Note the address of a channel when it is made."""

    @wraps(original)
    def init(channel: Any, target: Any, *args: Any, **options: Any) -> None:
        setattr(channel, _ATTRIBUTE_OF_CHANNEL_NOTE, ChannelNote(_as_text(target)))
        original(channel, target, *args, **options)

    return init


def _wrap_maker(original: _Function, _port: Port) -> _Function:
    """Give a multi-callable the note of its channel."""

    @wraps(original)
    def make_multi_callable(channel: Any, *args: Any, **options: Any) -> Any:
        if _is_closed(channel):
            # With a registered method, grpc asks its core for a handle, which ends the
            # interpreter. Without one, the multi-callable refuses its calls.
            args = args[:_ARGUMENTS_OF_MAKERS]
            options.pop("_registered_method", None)
        multi_callable = original(channel, *args, **options)
        note = getattr(channel, _ATTRIBUTE_OF_CHANNEL_NOTE, None)
        if note is not None:
            setattr(multi_callable, _ATTRIBUTE_OF_CHANNEL_NOTE, note)
        return multi_callable

    return make_multi_callable


def _note_closed(original: _Function, _port: Port) -> _Function:
    """Note that a channel is closed, by any of its ways: `close`, a block, its end."""

    @wraps(original)
    def close(channel: Any, *args: Any, **options: Any) -> Any:
        note = getattr(channel, _ATTRIBUTE_OF_CHANNEL_NOTE, None)
        if note is not None:
            note.is_closed = True
        # Closing an asyncio channel is awaited by the caller.
        return original(channel, *args, **options)

    return close


def _wrap_state(original: _Function, port: Port) -> _Function:
    """Replace a method of a channel that tells its state, or tells it to a function.

    In a replay nothing connects. Code that waits until the channel is ready would wait
    for ever.
    """

    def tell_ready(channel: Any, *args: Any, **options: Any) -> Any:
        """Tell in a replay that the channel is ready: return it, or call a function."""
        is_replayed = port.taking() and port.is_replaying
        if not is_replayed or _is_closed(channel):
            return original(channel, *args, **options)
        ready = sys.modules["grpc"].ChannelConnectivity.READY
        if args and callable(args[0]):
            return args[0](ready)
        return ready

    return tell_ready


def _wrap_credentials(original: _Function, port: Port) -> _Function:
    """Let a request for a token belong to the call that needs it.

    The client asks for tokens in threads of its own.
    """

    def ask_for_token(plugin: Any, *args: Any) -> Any:
        with port.unmimicked():
            return original(plugin, *args)

    return ask_for_token
