"""The requests of one AWS operation: what counts of them, and which secrets their responses may repeat."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.exchange import Exchange, HttpRequest
from pytest_mimic._clients.http.http_secrets import Secrets, holds_placeholder
from pytest_mimic._clients.http.message import text_pairs
from pytest_mimic._clients.http.responses import load_response
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.seam.base import ClientCall

if TYPE_CHECKING:
    from pytest_mimic._clients.aws.operation import AwsOperation
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.seam.base import Port, Step

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


class AwsExchange(Exchange):
    """The requests of one operation, which the HTTP client below sends: each is one attempt."""

    def __init__(self, port: Port, operation: AwsOperation) -> None:
        super().__init__(port)
        self.operation = operation

    def begin(self, request: HttpRequest) -> Step | None:
        """Return a step to replay, run or verify one attempt of the operation, or None if it is excluded.

        Raises:
            MissingRecordingError: As for `Exchange.begin`.
        """
        http = self.describe(request._replace(body=b""))
        if http is None:
            return None
        step = self.port.begin(self._call(http, request))
        if step.mode == "pass":
            return None
        if step.mode != "replay" and holds_placeholder(request.url, text_pairs(request.headers)):
            return step.refuse()
        checked: Any = _CheckedStep(step, request.method)
        return checked  # type: ignore[no-any-return]

    def _call(self, http: ClientCall, request: HttpRequest) -> ClientCall:
        operation, secrets = self.operation, self._secrets()
        params = secrets.scrub(
            operation.params | dict.fromkeys(operation.params.keys() & _CUSTOMER_KEYS, PLACEHOLDER)
        )
        counted = {"service": operation.service, "operation": operation.name, "params": params}
        if operation.body is not None:
            body = operation.body
            hidden = secrets.text(body) if isinstance(body, str) else secrets.scrub(body)
            counted |= {"format": operation.format, "body": hidden}
        headers = {
            name: PLACEHOLDER if name.endswith("-customer-key") else value
            for name, value in http.parts["headers"].items()
        }
        return ClientCall(
            operation.signature(secrets.path),
            parts={**http.parts, "headers": headers, **counted},
            identity=_IDENTITY,
            described={name: counted[name] for name in ("params", "body") if name in counted},
            secrets=partial(self._secrets_of, request),
        )

    def _secrets_of(self, request: HttpRequest) -> Secrets:
        operation = self.operation
        secrets = self._secrets().of_request(request.url, request.headers, operation.params)
        secrets.learn(operation.body)
        for name, value in text_pairs(request.headers):
            if name.lower() == "authorization":
                for match in _ACCESS_KEY.finditer(value):
                    secrets.add(match[1])
        for name in _CUSTOMER_KEYS:
            key = operation.params.get(name)
            if isinstance(key, str):
                secrets.add(key)
                secrets.add(base64.b64encode(key.encode()).decode())
        return secrets

    def _secrets(self) -> Secrets:
        return AwsSecrets(self.port.redactor, service=self.operation.service)


class _CheckedStep:
    """A step whose recorded response has checksums of the bytes that it has now.

    Secrets in the body may have been replaced, and botocore compares its checksums.
    """

    def __init__(self, step: Step, method: str) -> None:
        self._step = step
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def outcome(self, *, is_read_only: bool = False) -> Any:
        plain = self._step.outcome(is_read_only=is_read_only)
        headers = plain.get("headers", ())
        if self._method == "HEAD" or not any(
            name.lower().startswith((_CRC, _CHECKSUM)) for name, _ in headers
        ):
            return plain
        answer = load_response(plain, self._method)
        if not (answer.is_complete and answer.chunks):
            return plain
        data = b"".join(answer.chunks)
        return {**plain, "headers": [[name, _checksum(name.lower(), value, data)] for name, value in headers]}


def _checksum(name: str, value: str, data: bytes) -> str:
    if name == _CRC:
        return str(zlib.crc32(data))
    kind = name.removeprefix(_CHECKSUM)
    # That of an object with several parts is one of their checksums: `…-2`.
    if "-" in value or kind not in _DIGESTS:
        return value
    return base64.b64encode(_DIGESTS[kind](data)).decode()


# By service. Names in `mimic_redact` come after them: `!plaintext` keeps the value.
_SECRET_NAMES = {
    "kms": ("plaintext",),
    "ec2": ("key_material", "!public_key_material"),
    # Tokens of pages: callers compare them to find the last page.
    "logs": ("!next_forward_token", "!next_backward_token"),
    "omics": ("!starting_token",),
    "ssm-quicksetup": ("!starting_token",),
}
# Types of parameters of Systems Manager whose values are no secret.
_OPEN_TYPES = ("String", "StringList")


class AwsSecrets(Secrets):
    """Learns and hides secrets, also those of one service."""

    def __init__(self, redactor: Redactor, *, service: str) -> None:
        names = _SECRET_NAMES.get(service)
        super().__init__(redactor.with_names(names) if names else redactor)
        self._has_parameters = service == "ssm"

    def learn(self, plain: Any) -> None:
        """Learn the values of secret names, and those of secure parameters."""
        super().learn(plain)
        for parameter in self._secure_parameters(plain):
            self.add(parameter["Value"])

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return a copy of plain data without secrets."""
        found = super().scrub(plain, keep_types=keep_types)
        for parameter in self._secure_parameters(found):
            parameter["Value"] = PLACEHOLDER
        return found

    def _secure_parameters(self, plain: Any) -> Iterator[dict[str, Any]]:
        """Yield the parameters of Systems Manager that may be a `SecureString`, in a request or a response.

        A request that changes a parameter may leave its type out.
        """
        todo = [plain] if self._has_parameters else []
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                if (
                    "Name" in value
                    and isinstance(value.get("Value"), str)
                    and value.get("Type") not in _OPEN_TYPES
                ):
                    yield value
                todo += value.values()
            elif isinstance(value, list):
                todo += value
