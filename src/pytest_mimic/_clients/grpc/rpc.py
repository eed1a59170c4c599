"""One call of gRPC as plain data: what identifies it, and the outcome that is collected while it runs.

An outcome is stored as

    {"code": "OK", "response": {"json": {"title": "Emma"}}, "trailing": [["cost", "3"]]}

with `responses` instead, a list, if the method gives a stream; `details` and the metadata `initial` and `trailing` only
if there are any. `"end": "stopped"`, without a code, marks a stream that was not read to its end. Of a stream in both
directions, `requests` are the messages that were sent, and `asked` says how many of them before each response.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

from pytest_mimic._clients.grpc.protobuf import load_answer, plain_of, store_answer, store_request
from pytest_mimic._clients.http.http_secrets import NoSecrets, Secrets, holds_placeholder
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.base import ClientCall, Port, Step

# Names that are secret in the messages of a service.
_SECRET_FIELDS = (
    *(("/google.cloud.secretmanager.", name) for name in ("data", "!secret", "!secrets")),
    ("/google.cloud.kms.", "plaintext"),
)


class Shape(NamedTuple):
    """The shape of a method: if it takes and gives many messages, and how it is called: `__call__`, `with_call`, `future`."""

    sends_many: bool
    gives_many: bool
    style: str = "__call__"

    @property
    def request(self) -> str:
        """The name of the first argument."""
        return "request_iterator" if self.sends_many else "request"


Metadata = Iterable[tuple[str, Any]] | None


class Method:
    """A method of a service, as an object of the client that calls it, and the bytes that it has received.

    Attributes:
        target: The address of the server.
        sending: A copy of the object, to be called for a real call. It notes each message as it is received.
        is_noting: Whether it does so: not for a call that is not recorded.
    """

    def __init__(self, method: Any) -> None:
        name = method._method
        self.name = name.decode() if isinstance(name, bytes) else name
        target: Any = method._channel.target  # a method, but of an asyncio channel a value
        self.target: Any = target() if callable(target) else target
        self.serialize = method._request_serializer
        self.deserialize = deserialize = method._response_deserializer
        self._arrived: dict[int, tuple[bytes, Any]] = {}
        self.is_noting = True

        def note(data: bytes) -> Any:
            message = data if deserialize is None else deserialize(data)
            if self.is_noting:
                self._arrived[id(message)] = data, message
            return message

        self.sending = copy(method)
        self.sending._response_deserializer = note

    def bytes_of(self, message: Any) -> bytes:
        """Return a message as it was received, once."""
        return self._arrived.pop(id(message))[0]


class Rpc:
    """One call of a method. `metadata` is what the caller sends beside the messages.

    Attributes:
        step: The engine's decision.
        sent: The messages that were sent, if they come one by one while responses are read.
        all_sent: Whether the caller has no more messages to send.
        is_done: Whether the step has an outcome, or was abandoned.
    """

    step: Step

    def __init__(self, port: Port, method: Method, metadata: Metadata, shape: Shape) -> None:
        self.shape = shape
        self._port = port
        self._method = method
        self._pairs = _pairs(metadata)
        self._responses: list[dict[str, Any]] = []
        self._requests: list[dict[str, Any]] = []
        self._asked: list[int] = []
        self._checked = 0
        self.is_done = False
        self.sent: list[dict[str, Any]] = []
        self.all_sent = False

    # -- the decision

    def begin(self, requests: list[Any] | None) -> str:
        """Ask the engine for a step, and return its mode. `requests` is None if they follow later.

        Raises:
            MissingRecordingError: As for `Port.begin`.
        """
        if requests is not None:
            self._requests = [store_request(request, self._method.serialize) for request in requests]
        self.step = self._port.begin(self._call(None if requests is None else self._requests))
        if self.step.mode in ("run", "verify") and holds_placeholder("", self._pairs):
            self.step = self.step.refuse()
        return self.step.mode

    def _call(self, requests: list[dict[str, Any]] | None) -> ClientCall:
        secrets = self._secrets()
        metadata: dict[str, str] = {}
        for key, value in self._pairs:
            shown = secrets.header(key, value)
            metadata[key] = f"{metadata[key]}, {shown}" if key in metadata else shown
        server = self._port.ordinal("grpc server", repr(self._method.target))
        parts: dict[str, Any] = {"server": server, "method": self._method.name, "metadata": metadata}
        described: dict[str, Any] = {}
        if requests is None:
            self._described = described  # the messages will be there when it is needed
        else:
            parts["request"] = described["request"] = self._shown(secrets, requests)
        return ClientCall(
            f"CALL {self._method.name}",
            parts=parts,
            identity=("server", "method", "request"),
            described=described,
        )

    def _secrets(self) -> Secrets:
        redactor = self._port.redactor
        names = [name for start, name in _SECRET_FIELDS if self._method.name.startswith(start)]
        return Secrets(redactor.with_names(tuple(names)) if names else redactor, redactor.issued)

    def _shown(self, secrets: Secrets, requests: list[dict[str, Any]]) -> Any:
        hidden = [plain_of(one) for one in self._hidden(secrets, requests)]
        return hidden if self.shape.sends_many else hidden[0]

    @staticmethod
    def _hidden(secrets: Secrets, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [secrets.scrub(one, keep_types=True) for one in messages]

    # -- a real call

    @contextmanager
    def running(self) -> Iterator[None]:
        """Return a block for the real call, in which errors of other kinds than the client's are no outcome."""
        try:
            with self.step.running():
                yield
        except BaseException as error:
            self.is_done = True
            self.step.abandon(error)
            if not self.step.answers(error):
                raise

    def note_request(self, request: Any) -> None:
        """Take a message that the caller sends while it reads responses."""
        self.sent.append(store_request(request, self._method.serialize))

    def note_response(self, response: Any) -> None:
        """Take a message that the caller has received."""
        self._responses.append(store_answer(self._method.bytes_of(response), self._method.deserialize))
        self._asked.append(len(self.sent))

    def finish(
        self, code: str = "", details: str | None = "", initial: Metadata = None, trailing: Metadata = None
    ) -> None:
        """Record how the call has ended, without a code that its reader wants no more of a stream.

        Of a call with one response, nothing is recorded then.
        """
        if self.is_done:
            return
        self.is_done = True
        if not code and not self.shape.gives_many:
            self.step.abandon()
            return
        redactor, secrets = self._port.redactor, self._secrets()
        pairs = {"initial": _pairs(initial), "trailing": _pairs(trailing)}
        secrets.learn_headers(self._pairs)
        secrets.learn([self._requests, self.sent])
        known = set(secrets.values)
        secrets.learn(self._responses)
        secrets.learn_headers([*pairs["initial"], *pairs["trailing"]])
        redactor.issued |= secrets.values - known
        if self.shape.sends_many and self.shape.gives_many:
            self._described["request"] = self._shown(secrets, self.sent)

        def plain(hide: Secrets) -> dict[str, Any]:
            responses = self._hidden(hide, self._responses)
            found: dict[str, Any] = {"code": code, "details": hide.text(details or "")}
            for name in pairs:
                found[name] = [[key, hide.header(key, value)] for key, value in pairs[name]]
            if self.sent or self.all_sent:
                found["requests"] = self._hidden(hide, self.sent)
                found |= {"asked": self._asked, "all_sent": self.all_sent}
            found = {name: value for name, value in found.items() if value not in ("", [])}
            if self.shape.gives_many:
                return {**found, "responses": responses, **({} if code else {"end": "stopped"})}
            return {**found, "response": responses[0]} if responses else found

        self._hidden_outcome, self._real_outcome = plain(secrets), plain(NoSecrets(redactor))
        self.step.finish(self._hidden_outcome)

    # -- a recorded call

    def recorded(self) -> dict[str, Any]:
        """Return the recorded outcome; after verifying, with the secrets of the real one."""
        plain: dict[str, Any] = self.step.outcome()
        if self.step.mode == "verify" and self.is_done:
            from pytest_mimic._core.redact.reveal import with_secrets

            plain = with_secrets(plain, self._hidden_outcome, self._real_outcome)
        return plain

    def load(self, stored: dict[str, Any]) -> Any:
        """Return a recorded response as the client gives it."""
        return load_answer(stored, self._method.deserialize)

    def unsent(self, recorded: dict[str, Any], index: int) -> range:
        """Return a number for each message to take from the caller before it gets the response at this index.

        At the end, it is one too many, if the caller had no more messages.
        """
        wanted, is_all = self._sent_before(recorded, index)
        return range(len(self.sent), wanted + is_all)

    def check_sent(self, recorded: dict[str, Any], index: int) -> None:
        """Check that the messages sent before the response at this index are those that were recorded.

        Raises:
            MissingRecordingError: They are others.
        """
        count, _ = self._sent_before(recorded, index)
        start, self._checked = self._checked, max(count, len(self.sent))
        if start == self._checked:
            return
        wanted = self._call(recorded["requests"][start:count])
        if self._port.identity(self._call(self.sent[start:])) != self._port.identity(wanted):
            self._port.begin(self._call(self.sent)).abandon()
            raise self.step.exhausted()

    @staticmethod
    def _sent_before(recorded: dict[str, Any], index: int) -> tuple[int, bool]:
        asked = recorded.get("asked", ())
        if index < len(asked):
            return asked[index], False
        return len(recorded.get("requests", ())), bool(recorded.get("all_sent"))


def metadata_of(recorded: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    """Return recorded metadata. As in the client, values of keys that end in `-bin` are bytes."""
    return [(key, _bytes(value) if key.endswith("-bin") else value) for key, value in recorded.get(name, ())]


def _bytes(text: str) -> bytes:
    return text.encode() if text == PLACEHOLDER else base64.b64decode(text)


def _pairs(metadata: Metadata) -> list[tuple[str, str]]:
    return [
        (key, base64.b64encode(value).decode() if isinstance(value, bytes) else str(value))
        for key, value in metadata or ()
    ]
