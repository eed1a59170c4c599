"""The exchanges of AWS operations: what counts of a request, and which secrets its response may repeat."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from functools import partial
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._clients.aws.aws_secrets import AwsSecrets
from pytest_mimic._clients.http.answer import load_response
from pytest_mimic._clients.http.exchange import Exchange, HttpRequest
from pytest_mimic._clients.http.http_secrets import holds_placeholder
from pytest_mimic._clients.http.message import text_pairs
from pytest_mimic._clients.http.recorder import ExchangeRecorder
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.base import ClientCall

if TYPE_CHECKING:
    from pytest_mimic._clients.aws.operation import AwsOperation
    from pytest_mimic._clients.http.http_secrets import Secrets
    from pytest_mimic._core.seam.base import Step

_IDENTITY = ("service", "operation", "params", "format", "body")
# Keys with which S3 encrypts an object. They are sent in base64.
_CUSTOMER_KEYS = ("SSECustomerKey", "CopySourceSSECustomerKey")
# In an `Authorization`, of versions 4 and 2 of signatures.
_ACCESS_KEY = re.compile(r"(?:Credential=|^AWS )([^/:\s]+)")
_CRC, _CHECKSUM = "x-amz-crc32", "x-amz-checksum-"
_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "sha1": lambda data: sha1(data, usedforsecurity=False).digest(),
    "sha256": lambda data: sha256(data).digest(),
}


class Attempt(NamedTuple):
    """One attempt to send a request.

    Attributes:
        recorder: None if the step is to replay.
        session: botocore's HTTP session.
        again: Makes another one.
    """

    step: Step
    recorder: ExchangeRecorder | None
    session: Any
    request: Any
    again: Callable[[], Attempt | None]


class AwsExchange(Exchange):
    """The requests of one client: their operations, and the secrets that they share."""

    def begin_operation(self, operation: AwsOperation, request: Any) -> Step | None:
        """Return a step to replay, run or verify one attempt of an operation, or None if it is excluded.

        Raises:
            MissingRecordingError: As for `begin`.
        """
        sent = http_request(request)
        http = self.describe(sent)
        if http is None:
            return None
        params, secrets = _without_keys(operation.params), self._secrets_of(operation)
        counted = {"service": operation.service, "operation": operation.name, "params": secrets.scrub(params)}
        if operation.body is not None:
            body = operation.body
            hidden = secrets.text(body) if isinstance(body, str) else secrets.scrub(body)
            counted |= {"format": operation.format, "body": hidden}
        signature = f"{operation.service} {operation.name} {secrets.path(operation.resource)}".rstrip()
        described: dict[str, Any] = {name: counted[name] for name in ("params", "body") if name in counted}
        headers = {
            name: PLACEHOLDER if name.endswith("-customer-key") else value
            for name, value in http.parts["headers"].items()
        }
        parts = {**http.parts, "headers": headers, **counted}
        step = self.port.begin(ClientCall(signature, parts=parts, identity=_IDENTITY, described=described))
        if step.mode == "pass":
            return None
        # A request with our own placeholder is signed again before it is sent.
        is_signed = operation.unsigned is None
        if step.mode != "replay" and is_signed and holds_placeholder(sent.url, text_pairs(sent.headers)):
            return step.refuse()
        return step

    def attempt(self, operation: AwsOperation, session: Any, request: Any) -> Attempt | None:
        """Return one attempt to send a request; None if it is excluded."""
        begun = self.begin_operation(operation, request)
        if begun is None:
            return None
        step: Any = _CheckedStep(begun, request.method)
        recorder = None if step.mode == "replay" else self.operation_recorder(step, operation, request)
        return Attempt(step, recorder, session, request, partial(self.attempt, operation, session, request))

    def operation_recorder(self, step: Step, operation: AwsOperation, request: Any) -> ExchangeRecorder:
        """Return the recorder of the response to a request, for the step that runs it."""

        def secrets_of_request() -> Secrets:
            secrets, sent = self._secrets_of(operation), http_request(request)
            secrets.learn_request(sent.url, text_pairs(sent.headers), operation.params)
            secrets.learn(operation.body)
            for name, value in text_pairs(sent.headers):
                if name.lower() == "authorization":
                    for match in _ACCESS_KEY.finditer(value):
                        secrets.add(match[1])
            for name in _CUSTOMER_KEYS:
                key = operation.params.get(name)
                if isinstance(key, str):
                    secrets.add(key)
                    secrets.add(base64.b64encode(key.encode()).decode())
            return secrets

        return ExchangeRecorder(self.port, step, secrets_of_request)

    def _secrets_of(self, operation: AwsOperation) -> Secrets:
        return AwsSecrets(self.port.redactor, self.port.redactor.issued, service=operation.service)


def http_request(request: Any) -> HttpRequest:
    return HttpRequest(request.method, request.url, tuple(request.headers.items()), b"")


def _without_keys(params: dict[str, Any]) -> dict[str, Any]:
    return {name: PLACEHOLDER if name in _CUSTOMER_KEYS else value for name, value in params.items()}


class _CheckedStep:
    """A step whose recorded response has checksums of the bytes that it has now.

    Secrets in the body may have been replaced, and botocore compares its checksums.
    """

    def __init__(self, step: Step, method: str) -> None:
        self._step = step
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def outcome(self) -> Any:
        plain = self._step.outcome()
        headers = plain.get("headers", ())
        if self._method == "HEAD" or not any(_is_checksum(name) for name, _ in headers):
            return plain
        answer = load_response(plain, self._method)
        if not (answer.is_complete and answer.chunks):
            return plain
        data = b"".join(answer.chunks)
        return {**plain, "headers": [[name, _checksum(name.lower(), value, data)] for name, value in headers]}


def _is_checksum(name: str) -> bool:
    return name.lower() == _CRC or name.lower().startswith(_CHECKSUM)


def _checksum(name: str, value: str, data: bytes) -> str:
    if name == _CRC:
        return str(zlib.crc32(data))
    kind = name.removeprefix(_CHECKSUM)
    # That of an object with several parts is one of their checksums: `…-2`.
    if "-" in value or kind not in _DIGESTS:
        return value
    return base64.b64encode(_DIGESTS[kind](data)).decode()
