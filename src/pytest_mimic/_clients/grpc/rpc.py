"""One call of gRPC as plain data: what identifies it, and its outcome without secrets.

An outcome is stored as

    {"code": "OK", "response": {"json": {"title": "Emma"}}, "trailing_metadata": [["cost", "3"]]}

in which `response` is a list if the method gives a stream; details and metadata stand there only if there are any. A
stream that was not read to its end has no code.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.grpc.protobuf import plain_of, store_message
from pytest_mimic._clients.http.http_secrets import Secrets, holds_placeholder
from pytest_mimic._core.redact.redactor import NO_NAMES
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.base import ClientCall

if TYPE_CHECKING:
    from pytest_mimic._core.engine.client_plan import Port

# Names that are secret in the messages of a service.
_SECRET_FIELDS = (
    *(("/google.cloud.secretmanager.", name) for name in ("data", "!secret", "!secrets")),
    ("/google.cloud.kms.", "plaintext"),
)
# The attribute of an asyncio channel in which its server's address is noted.
NOTED_TARGET = "_pytest_mimic_target"

Plain = dict[str, Any]


class Shape(NamedTuple):
    """The shape of a method: whether it takes and gives many messages, and how it is called: `__call__`, `with_call`, `future`."""

    sends_many: bool
    gives_many: bool
    style: str = "__call__"


class Ending(NamedTuple):
    """How a call ended, by the names of the client's methods. `code` is one of `grpc.StatusCode`, metadata are pairs."""

    code: Any
    details: Any
    initial_metadata: Any = ()
    trailing_metadata: Any = ()


class Exchange:
    """The requests and the metadata of a call. `method` is the object of the client that makes its calls."""

    def __init__(self, port: Port, method: Any, shape: Shape, requests: list[Any], metadata: Any) -> None:
        self._port, self._method, self._shape = port, method, shape
        self._name = method_name(method)
        self._metadata = _pairs(metadata)
        self._requests = [store_message(one, method._request_serializer) for one in requests]

    @property
    def is_sendable(self) -> bool:
        return not holds_placeholder("", self._metadata)

    def call(self) -> ClientCall:
        secrets, metadata = self._secrets(), dict[str, str]()
        for key, value in self._metadata:
            shown = secrets.header(key, value)
            metadata[key] = f"{metadata[key]}, {shown}" if key in metadata else shown
        hidden = list(map(plain_of, secrets.scrub(self._requests, keep_types=True)))
        request = hidden if self._shape.sends_many else hidden[0]
        if channels := getattr(self._method, "_references", ()):  # of asyncio
            target = getattr(channels[0], NOTED_TARGET, id(channels[0]))
        else:
            target = self._method._channel.target()
        server = self._port.ordinal("grpc server", repr(target))
        return ClientCall(
            f"CALL {self._name}",
            parts={"server": server, "method": self._name, "metadata": metadata, "request": request},
            identity=("server", "method", "request"),
            described={"request": request},
            secrets=self._learned,
        )

    def outcomes(self, responses: list[Plain], ending: Ending | None) -> tuple[Plain, Plain]:
        """Return the outcome as it is stored, and with its secrets. Without an ending, the reader left the stream."""
        secrets, redactor = self._learned(), self._port.redactor
        known = set(secrets.values)
        secrets.learn(responses)
        for metadata in () if ending is None else ending[2:]:
            secrets.learn_headers(_pairs(metadata))
        redactor.issued |= secrets.values - known

        def hidden(by: Secrets) -> Plain:
            found: Plain = {}
            given = by.scrub(responses, keep_types=True)
            if self._shape.gives_many or given:
                found["response"] = given if self._shape.gives_many else given[0]
            if ending is not None:
                found.update(code=ending.code.name, details=by.text(ending.details or ""))
                for name, pairs in zip(Ending._fields[2:], ending[2:], strict=True):
                    found[name] = [[key, by.header(key, value)] for key, value in _pairs(pairs)]
            return {name: value for name, value in found.items() if name == "response" or value}

        return hidden(secrets), hidden(Secrets(NO_NAMES))

    def _secrets(self) -> Secrets:
        names = tuple(name for start, name in _SECRET_FIELDS if self._name.startswith(start))
        return Secrets(self._port.redactor.with_names(names) if names else self._port.redactor)

    def _learned(self) -> Secrets:
        """Return the secrets, with those that the call has sent."""
        secrets = self._secrets()
        secrets.learn_headers(self._metadata)
        secrets.learn(self._requests)
        return secrets


def method_name(method: Any) -> str:
    """Return the path of a method, `/shop.Library/Find`."""
    name: str | bytes = method._method
    return name if isinstance(name, str) else name.decode()


def binary(text: str) -> bytes:
    """Return the stored value of a key of metadata that ends in `-bin`."""
    return text.encode() if text == PLACEHOLDER else base64.b64decode(text)


def _pairs(metadata: Any) -> list[tuple[str, str]]:
    return [
        (key, base64.b64encode(value).decode() if isinstance(value, bytes) else str(value))
        for key, value in metadata or ()
    ]
