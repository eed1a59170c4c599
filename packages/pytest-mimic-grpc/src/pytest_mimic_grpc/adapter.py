"""The adapter of gRPC: what a call is, what of it counts, where channels make calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from importlib import import_module
from typing import Any

from pytest_mimic.client import (
    Adapter,
    Edge,
    Plain,
    Port,
    Redactor,
    StandIn,
    around,
)

_SYNC = "grpc._channel"
_ASYNC = "grpc.aio._channel"


class Grpc(Adapter):
    """gRPC, sync and asyncio."""

    name = kind = "grpc"
    head = ("code",)

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return what makes calls, and what says that a channel is ready."""
        edge = partial(_edge, port)
        for name in ("UnaryUnary", "StreamUnary"):
            yield edge(_SYNC, f"_{name}MultiCallable._blocking", "unary")
            yield edge(_SYNC, f"_{name}MultiCallable.future", "refused")
        for name in ("UnaryStream", "SingleThreadedUnaryStream"):
            yield edge(_SYNC, f"_{name}MultiCallable.__call__", "stream")
        yield edge(_SYNC, "_StreamStreamMultiCallable.__call__", "refused")
        yield edge(_SYNC, "Channel.subscribe", "subscribe")
        for name in ("UnaryUnary", "UnaryStream", "StreamUnary", "StreamStream"):
            yield edge(_ASYNC, f"{name}MultiCallable.__call__", "call")
        yield edge(_ASYNC, "Channel.__init__", "new_channel")
        yield edge(_ASYNC, "Channel.get_state", "get_state")
        yield edge("grpc", "metadata_call_credentials", "credentials")

    def signature(self, request: Plain) -> str:
        """Return `CALL /shop.Orders/Get`."""
        return f"CALL {request['method']}"

    def counted(self, parts: Plain, matched: Sequence[str]) -> Plain:
        """Return all but the metadata, of which only what is matched counts."""
        rest = {name: part for name, part in parts.items() if name != "metadata"}
        metadata = parts.get("metadata", {})
        names = [path.removeprefix("metadata.") for path in matched]
        counted = {name: metadata.get(name) for name in names}
        return {**rest, "metadata": counted} if counted else rest

    def hide_answer(
        self, redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
    ) -> Plain:
        """Return an answer without its secrets: what a store of secrets gives, too."""
        hidden: Plain = redactor.hide(answer, stand_in)
        # They are headers.
        for name in ("metadata", "trailing"):
            if name in answer:
                hidden[name] = redactor.hide_headers(answer[name], stand_in, name)
        payload = answer.get("response", {}).get("payload")
        if "Secret" in request["method"] and payload is not None:
            found = redactor.hide({"secret": payload}, stand_in, "response")
            hidden["response"]["payload"] = found["secret"]
        return hidden

    def comparable(self, answer: Plain, other: Plain) -> Plain:
        """Return responses and code, of a stream that was left what both have."""
        names = ("response", "responses", "code")
        compared: Plain = {name: answer[name] for name in names if name in answer}
        if "code" not in other:
            compared.pop("code", None)
            read = len(other.get("responses", ()))
            compared["responses"] = answer.get("responses", [])[:read]
        return compared


def _edge(port: Port, module: str, path: str, name: str) -> Edge:
    """Return an edge at which a function of a room stands in, named so."""
    room = "asynchronous" if module == _ASYNC else "synchronous"

    def call(*args: Any, **options: Any) -> Any:
        # The client is loaded by now.
        functions = import_module(f"pytest_mimic_grpc.{room}")
        return getattr(functions, name)(port, *args, **options)

    return Edge(module, tuple(path.split(".")), around(call))
