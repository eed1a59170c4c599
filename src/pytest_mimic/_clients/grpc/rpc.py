"""One call of gRPC as plain data: what identifies it, the outcome that is collected while it runs, and its replay.

An outcome is stored as

    {"code": "OK", "response": {"json": {"title": "Emma"}}, "trailing": [["cost", "3"]]}

with `responses` instead, a list, if the method gives a stream; `details` and the metadata `initial` and `trailing` only
if there are any. `"end": "stopped"`, without a code, marks a stream that was not read to its end. Of a stream in both
directions, `requests` are the messages that were sent, and `asked` says how many of them before each response.
"""

from __future__ import annotations

import base64
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pytest_mimic._clients.grpc.protobuf import load_answer, load_bytes, plain_of, store_answer, store_request
from pytest_mimic._clients.http.http_secrets import NoSecrets, Secrets, holds_placeholder
from pytest_mimic._core.seam.base import ClientCall, Port, Step
from pytest_mimic._core.seam.sync_async import Steps

# Names that are secret in the messages of a service.
_SECRET_FIELDS = (
    *(("/google.cloud.secretmanager.", name) for name in ("data", "!secret", "!secrets")),
    ("/google.cloud.kms.", "plaintext"),
)
# How the client names the end of a call that nobody refers to any more.
_DISCARDED = "Cancelled upon garbage collection!"

# The attribute of an asyncio channel in which its server's address is noted.
NOTED_TARGET = "_pytest_mimic_target"
# Stands for the end of a stream.
END = object()

Metadata = Iterable[tuple[str, Any]] | None


class Shape(NamedTuple):
    """The shape of a method: if it takes and gives many messages, and how it is called: `__call__`, `with_call`, `future`."""

    sends_many: bool
    gives_many: bool
    style: str = "__call__"

    @property
    def is_talk(self) -> bool:
        """Whether messages are sent while others are read."""
        return self.sends_many and self.gives_many


class Rpc:
    """One call of a method. `method` is the object of the client that makes its calls.

    Attributes:
        step: The engine's decision, after `begin`.
        recorded: The outcome that its caller gets instead of the real one, after `replay`.
        sent: The messages that were sent, if they come one by one while responses are read.
        all_sent: Whether the caller has no more messages to send.
    """

    step: Step

    def __init__(self, port: Port, method: Any, shape: Shape) -> None:
        self.shape = shape
        self.serialize, self._deserialize = method._request_serializer, method._response_deserializer
        self._name = method._method if isinstance(method._method, str) else method._method.decode()
        if channels := getattr(method, "_references", ()):  # of asyncio
            self._target = getattr(channels[0], NOTED_TARGET, id(channels[0]))
        else:
            self._target = method._channel.target()
        self._port = port
        self._requests: list[dict[str, Any]] = []
        self._responses: list[dict[str, Any]] = []
        self._asked: list[int] = []
        self._outcomes: tuple[dict[str, Any], ...] = ()
        self._checked = self._index = 0
        self.recorded: dict[str, Any] = {}
        self.sent: list[dict[str, Any]] = []
        self.all_sent = self._is_cancelled = False
        # Whether the step has an outcome or was abandoned, or there is none.
        self._is_done = True
        # A call may end in a thread of the client's while its reader cancels it, who then waits for the recording.
        self._ending = threading.RLock()

    # -- the decision

    def begin(self, requests: list[Any] | None, metadata: Metadata) -> str:
        """Ask the engine for a step, and return its mode. `requests` is None if they follow later.

        Raises:
            MissingRecordingError: As for `Port.begin`.
        """
        self._pairs = _pairs(metadata)
        self._requests = [store_request(request, self.serialize) for request in requests or ()]
        self.step = self._port.begin(self._call(None if requests is None else self._requests))
        if self.step.mode in ("run", "verify") and holds_placeholder("", self._pairs):
            self.step = self.step.refuse()
        self._is_done = self.step.mode in ("pass", "replay")
        return self.step.mode

    def _call(self, requests: list[dict[str, Any]] | None) -> ClientCall:
        secrets = self._secrets()
        metadata: dict[str, str] = {}
        for key, value in self._pairs:
            shown = secrets.header(key, value)
            metadata[key] = f"{metadata[key]}, {shown}" if key in metadata else shown
        server = self._port.ordinal("grpc server", repr(self._target))
        parts: dict[str, Any] = {"server": server, "method": self._name, "metadata": metadata}
        described: dict[str, Any] = {}
        if requests is None:
            self._described = described  # the messages will be there when it is needed
        else:
            parts["request"] = described["request"] = self._shown(secrets, requests)
        return ClientCall(
            f"CALL {self._name}",
            parts=parts,
            identity=("server", "method", "request"),
            described=described,
            secrets=self._own_secrets,
        )

    def _secrets(self) -> Secrets:
        redactor = self._port.redactor
        names = [name for start, name in _SECRET_FIELDS if self._name.startswith(start)]
        return Secrets(redactor.with_names(tuple(names)) if names else redactor)

    def _own_secrets(self) -> Secrets:
        """Return the secrets, with those that the call has sent so far."""
        secrets = self._secrets()
        secrets.learn_headers(self._pairs)
        secrets.learn([self._requests, self.sent])
        return secrets

    def _shown(self, secrets: Secrets, requests: list[dict[str, Any]]) -> Any:
        hidden = list(map(plain_of, secrets.scrub(requests, keep_types=True)))
        return hidden if self.shape.sends_many else hidden[0]

    # -- a real call

    @contextmanager
    def running(self) -> Iterator[None]:
        """Return a block for the real call. An error in it that is no status of the server is no outcome."""
        if self._is_done:
            yield
            return
        try:
            with self.step.running():
                yield
        except BaseException as error:
            if not self._is_done:
                self._is_done = True
                self.step.abandon(error)
            if not self.step.answers(error):
                raise

    def note_request(self, request: Any) -> None:
        """Take a message that the caller sends while it reads responses."""
        self.sent.append(store_request(request, self.serialize))

    def note_response(self, data: bytes) -> None:
        """Take a message that the server has sent."""
        if not self._is_done:
            self._responses.append(store_answer(data, self._deserialize))
            self._asked.append(len(self.sent))

    def cancel(self, details: str) -> None:
        """End the call because its caller wants no more of it. A discarded one ends later: its collector may interrupt anything."""
        self._is_cancelled = True
        if details != _DISCARDED:
            self.finish()
        elif not self._is_done:
            self.step.end_later(self.finish)

    def finish(self, status: Any = None, initial: Metadata = None) -> None:
        """Record how the call has ended, without a status that its reader wants no more of a stream.

        Of a call with one response, nothing is recorded then. What the server says to a cancellation does not count.
        """
        if self._is_cancelled:
            status = initial = None
        with self._ending:
            if not self._is_done:
                self._is_done = True
                self._record(status, initial)

    def _record(self, status: Any, initial: Metadata) -> None:
        if status is None and not self.shape.gives_many:
            self.step.abandon()
            return
        redactor, secrets = self._port.redactor, self._own_secrets()
        code, details, trailing = ("", "", None) if status is None else _told(status)
        pairs = {"initial": _pairs(initial), "trailing": _pairs(trailing)}
        known = set(secrets.values)
        secrets.learn(self._responses)
        secrets.learn_headers([*pairs["initial"], *pairs["trailing"]])
        redactor.issued |= secrets.values - known
        if self.shape.is_talk:
            self._described["request"] = self._shown(secrets, self.sent)

        def plain(hide: Secrets) -> dict[str, Any]:
            responses = hide.scrub(self._responses, keep_types=True)
            found: dict[str, Any] = {"code": code, "details": hide.text(details)}
            for name in pairs:
                found[name] = [[key, hide.header(key, value)] for key, value in pairs[name]]
            if self.sent or self.all_sent:
                found["requests"] = hide.scrub(self.sent, keep_types=True)
                found |= {"asked": self._asked, "all_sent": self.all_sent}
            found = {name: value for name, value in found.items() if value not in ("", [])}
            if self.shape.gives_many:
                return {**found, "responses": responses, **({} if code else {"end": "stopped"})}
            return {**found, "response": responses[0]} if responses else found

        self._outcomes = plain(secrets), plain(NoSecrets(redactor))
        self.step.finish(self._outcomes[0], raises=False)  # this may be a thread of the client's

    # -- a recorded call

    def replay(self) -> None:
        """Take the recorded outcome; after verifying, with the secrets of the real one."""
        self.recorded = self.step.outcome()
        if self._outcomes:
            from pytest_mimic._core.redact.reveal import with_secrets

            self.recorded = with_secrets(self.recorded, *self._outcomes)

    def response(self) -> Any:
        """Return the one recorded response as the client gives it; None if there is none."""
        stored = self.recorded.get("response")
        return None if stored is None else load_answer(stored, self._deserialize)

    def metadata(self, name: str) -> tuple[Any, ...]:
        """Return recorded metadata as the client gives it: values of keys that end in `-bin` are bytes."""
        make: Any = sys.modules["grpc._cython.cygrpc"]._Metadatum
        pairs = self.recorded.get(name, ())
        return tuple(
            make(key, load_bytes({"base64": value}) if key.endswith("-bin") else value)
            for key, value in pairs
        )

    @property
    def is_alone(self) -> bool:
        """Whether the recorded responses depend on nothing: neither on a real stream nor on what the caller sends."""
        return self.step.mode == "replay" and not self.shape.is_talk

    @property
    def is_over(self) -> bool:
        """Whether the caller of a recorded stream has all of it. Unless it is alone, its end has to be read, too."""
        count = len(self.recorded.get("responses", ()))
        return "code" in self.recorded and self._index >= count + (not self.is_alone)

    def catch_up(self, receive: Callable[[], Any] | None, take: Callable[[], Any]) -> Steps:
        """Go as far as the next recorded response. It is a generator that the sync or asyncio side carries out.

        `receive` returns the next message of the real stream, if that is read beside the recorded one, and `take` that of
        the caller; or `END`.

        Raises:
            MissingRecordingError: The caller sent other messages before it.
        """
        if receive is not None:
            wants_end = "code" in self.recorded and self._index == len(self.recorded["responses"])
            while (yield receive()) is not END and wants_end:
                pass
            return
        requests, asked = self.recorded.get("requests", []), self.recorded.get("asked", [])
        is_end = self._index >= len(asked)
        count = len(requests) if is_end else asked[self._index]
        # At the end, the caller is asked for one too many, if it had no more messages.
        wanted = count + (is_end and self.recorded.get("all_sent", False))
        while not self.all_sent and len(self.sent) < wanted:
            if (request := (yield take())) is END:
                self.all_sent = True
            else:
                self.note_request(request)
        start, self._checked = self._checked, max(count, len(self.sent))
        if start < self._checked:
            port, recorded = self._port, self._call(requests[start:count])
            if port.identity(self._call(self.sent[start:])) != port.identity(recorded):
                port.begin(self._call(self.sent)).abandon()
                raise self.step.exhausted()

    def next_response(self) -> Any:
        """Return the next recorded response, or `END`.

        Raises:
            MissingRecordingError: The caller reads further than was recorded.
        """
        responses = self.recorded["responses"]
        self._index += 1
        if self._index <= len(responses):
            return load_answer(responses[self._index - 1], self._deserialize)
        if "code" not in self.recorded:
            raise self.step.exhausted()
        return END


def _told(status: Any) -> tuple[str, str, Metadata]:
    """Return what a status of the client's transport says: a code that it does not know is `UNKNOWN`."""
    codes = {code.value[0]: code.name for code in sys.modules["grpc"].StatusCode}
    return codes.get(status.code(), "UNKNOWN"), status.details() or "", status.trailing_metadata()


def _pairs(metadata: Metadata) -> list[tuple[str, str]]:
    return [
        (key, base64.b64encode(value).decode() if isinstance(value, bytes) else str(value))
        for key, value in metadata or ()
    ]
