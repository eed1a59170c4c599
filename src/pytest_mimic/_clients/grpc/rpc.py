"""One call of gRPC as plain data: what identifies it, the outcome that is collected while it runs, and its replay.

An outcome is stored as

    {"code": "OK", "response": {"json": {"title": "Emma"}}, "trailing": [["cost", "3"]]}

with `responses` instead, a list, if the method gives a stream; `details` and the metadata `initial` and `trailing` only
if there are any. `"end": "stopped"`, without a code, marks a stream that was not read to its end.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from threading import RLock
from typing import Any, NamedTuple

from pytest_mimic._clients.grpc.protobuf import (
    load_answer,
    load_base64,
    plain_of,
    store_answer,
    store_request,
)
from pytest_mimic._clients.http.http_secrets import NoSecrets, Secrets, holds_placeholder
from pytest_mimic._core.seam.base import ClientCall, Port, Step

# Names that are secret in the messages of a service.
_SECRET_FIELDS = (
    *(("/google.cloud.secretmanager.", name) for name in ("data", "!secret", "!secrets")),
    ("/google.cloud.kms.", "plaintext"),
)
# The attribute of an asyncio channel in which its server's address is noted.
NOTED_TARGET = "_pytest_mimic_target"

Metadata = Iterable[tuple[str, Any]] | None


class Shape(NamedTuple):
    """The shape of a method: whether it takes and gives many messages, and how it is called: `__call__`, `with_call`, `future`."""

    sends_many: bool
    gives_many: bool
    style: str = "__call__"


class Ending(NamedTuple):
    """How a call ended. `code` is one of `grpc.StatusCode`."""

    code: Any
    details: str | None
    initial: Metadata
    trailing: Metadata


class Rpc:
    """One call of a method. `method` is the object of the client that makes its calls.

    Attributes:
        step: The engine's decision, after `begin`.
        recorded: The outcome that its caller gets instead of the real one, after `replay`.
    """

    step: Step

    def __init__(self, port: Port, method: Any, shape: Shape) -> None:
        self.shape = shape
        self._serialize, self._deserialize = method._request_serializer, method._response_deserializer
        self._name = method._method if isinstance(method._method, str) else method._method.decode()
        if channels := getattr(method, "_references", ()):  # of asyncio
            self._target = getattr(channels[0], NOTED_TARGET, id(channels[0]))
        else:
            self._target = method._channel.target()
        self._port = port
        self._responses: list[dict[str, Any]] = []
        self._outcomes: tuple[dict[str, Any], ...] = ()
        self._index = 0
        self._is_done = True
        # The collector may discard a stream in one thread while another one reads its end.
        self._ending = RLock()
        self.recorded: dict[str, Any] = {}

    def begin(self, requests: list[Any], metadata: Metadata) -> str:
        """Ask the engine for a step, and return its mode.

        Raises:
            MissingRecordingError: As for `Port.begin`.
        """
        self._pairs = _pairs(metadata)
        self._requests = [store_request(request, self._serialize) for request in requests]
        self.step = self._port.begin(self._call())
        if self.step.mode in ("run", "verify") and holds_placeholder("", self._pairs):
            self.step = self.step.refuse()
        self._is_done = self.step.mode in ("pass", "replay")
        return self.step.mode

    def _call(self) -> ClientCall:
        secrets = self._secrets()
        metadata: dict[str, str] = {}
        for key, value in self._pairs:
            shown = secrets.header(key, value)
            metadata[key] = f"{metadata[key]}, {shown}" if key in metadata else shown
        hidden = list(map(plain_of, secrets.scrub(self._requests, keep_types=True)))
        request = hidden if self.shape.sends_many else hidden[0]
        server = self._port.ordinal("grpc server", repr(self._target))
        return ClientCall(
            f"CALL {self._name}",
            parts={"server": server, "method": self._name, "metadata": metadata, "request": request},
            identity=("server", "method", "request"),
            described={"request": request},
            secrets=self._own_secrets,
        )

    def _secrets(self) -> Secrets:
        redactor = self._port.redactor
        names = [name for start, name in _SECRET_FIELDS if self._name.startswith(start)]
        return Secrets(redactor.with_names(tuple(names)) if names else redactor)

    def _own_secrets(self) -> Secrets:
        """Return the secrets, with those that the call has sent."""
        secrets = self._secrets()
        secrets.learn_headers(self._pairs)
        secrets.learn(self._requests)
        return secrets

    # -- a real call

    def noting(self, method: Any) -> Any:
        """Return the method with messages noted as they are read."""
        noting = copy(method)
        noting._response_deserializer = self._note
        return noting

    def _note(self, data: bytes) -> Any:
        if not self._is_done:
            self._responses.append(store_answer(data, self._deserialize))
        return data if self._deserialize is None else self._deserialize(data)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Return a block for the real call. An error in it that is no status of the server is no outcome."""
        try:
            with self.step.running():
                yield
        except BaseException as error:
            with self._ending:
                if not self._is_done:
                    self._is_done = True
                    self.step.abandon(error)
            if not self.step.answers(error):
                raise

    def wants_more(self) -> bool:
        """Whether the real stream has to be read further, to be compared with the recorded one."""
        recorded = self.step.outcome()
        return "code" in recorded or len(self._responses) < len(recorded["responses"])

    def discard(self) -> None:
        """End a stream that nobody refers to any more, later: the collector may interrupt anything."""
        if not self._is_done:
            self.step.end_later(self.finish)

    def finish(self, ending: Ending | None = None) -> None:
        """Record how the call has ended; without an ending, that its reader wants no more of a stream."""
        with self._ending:
            if self._is_done:
                return
            self._is_done = True
            if ending is None and not self.shape.gives_many:
                self.step.abandon()
            else:
                self._record(ending)

    def _record(self, ending: Ending | None) -> None:
        redactor, secrets = self._port.redactor, self._own_secrets()
        pairs = {name: _pairs(getattr(ending, name, None)) for name in ("initial", "trailing")}
        known = set(secrets.values)
        secrets.learn(self._responses)
        secrets.learn_headers([*pairs["initial"], *pairs["trailing"]])
        redactor.issued |= secrets.values - known

        def plain(hide: Secrets) -> dict[str, Any]:
            responses = hide.scrub(self._responses, keep_types=True)
            found: dict[str, Any] = {}
            if ending is not None:
                found = {"code": ending.code.name, "details": hide.text(ending.details or "")}
            for name in pairs:
                found[name] = [[key, hide.header(key, value)] for key, value in pairs[name]]
            found = {name: value for name, value in found.items() if value not in ("", [])}
            if self.shape.gives_many:
                return {**found, "responses": responses, **({} if ending else {"end": "stopped"})}
            return {**found, "response": responses[0]} if responses else found

        self._outcomes = plain(secrets), plain(NoSecrets(redactor))
        self.step.finish(self._outcomes[0])

    # -- a recorded call

    def replay(self) -> None:
        """Take the recorded outcome; after verifying, with the secrets of the real one."""
        self.recorded = self.step.outcome()
        if self._outcomes:
            from pytest_mimic._core.redact.reveal import with_secrets

            self.recorded = with_secrets(self.recorded, *self._outcomes)

    @property
    def response(self) -> Any:
        """The one recorded response as the client gives it; None if there is none."""
        stored = self.recorded.get("response")
        return None if stored is None else load_answer(stored, self._deserialize)

    @property
    def ending(self) -> Ending | None:
        """How the recorded call ended; None while a stream has more to read, or was left."""
        is_read = self._index >= len(self.recorded.get("responses", ()))
        if not is_read or "code" not in self.recorded:
            return None
        code = sys.modules["grpc"].StatusCode[self.recorded["code"]]
        return Ending(code, self.recorded.get("details", ""), self.initial, self._metadata("trailing"))

    @property
    def initial(self) -> Any:
        return self._metadata("initial")

    def _metadata(self, name: str) -> tuple[Any, ...]:
        """Return recorded metadata as the client gives it: values of keys that end in `-bin` are bytes."""
        make: Any = sys.modules["grpc._cython.cygrpc"]._Metadatum
        pairs = self.recorded.get(name, ())
        return tuple(make(key, load_base64(value) if key.endswith("-bin") else value) for key, value in pairs)

    def next_response(self) -> Any:
        """Return the next recorded response. It is not called after the end.

        Raises:
            MissingRecordingError: The caller reads further than was recorded.
        """
        responses = self.recorded["responses"]
        if self._index == len(responses):
            raise self.step.exhausted()
        self._index += 1
        return load_answer(responses[self._index - 1], self._deserialize)


def _pairs(metadata: Metadata) -> list[tuple[str, str]]:
    return [
        (key, base64.b64encode(value).decode() if isinstance(value, bytes) else str(value))
        for key, value in metadata or ()
    ]
