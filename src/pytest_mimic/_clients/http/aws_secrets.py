"""Secrets of AWS under names that are harmless elsewhere: of KMS, Systems Manager, Secrets Manager and EC2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# Services by the first word of `X-Amz-Target`. The others come in the scope of the signature.
_SERVICES = {"TrentService": "kms", "AmazonSSM": "ssm", "Logs_20140328": "logs"}
_SCOPE = re.compile(r"Credential=[^\s,]*/([^\s,/]+)/aws4_request")
# Names in `mimic_redact` come after them: `!plaintext` keeps the value.
_NAMES = {
    "kms": ("plaintext",),
    "secretsmanager": ("secret_string", "secret_binary"),
    "ec2": ("key_material", "!public_key_material"),
    # Tokens of pages: callers compare them to find the last page.
    "logs": ("!next_forward_token", "!next_backward_token"),
}
# Types of parameters of Systems Manager whose values are no secret.
_OPEN_TYPES = ("String", "StringList")


def service_of(headers: Mapping[str, str]) -> str:
    """Return the service of AWS to which a request goes, empty for others. Names of headers are in lower case."""
    target = headers.get("x-amz-target", "").partition(".")[0]
    scope = _SCOPE.search(headers.get("authorization", ""))
    return _SERVICES.get(target, target) or (scope[1] if scope else "")


def secrets_of(redactor: Redactor, service: str) -> Secrets:
    """Return what learns and hides the secrets of a service."""
    if service == "ssm":
        return _ParameterSecrets(redactor)
    return Secrets(redactor.with_names(_NAMES[service]) if service in _NAMES else redactor)


class _ParameterSecrets(Secrets):
    """Learns and hides the values of secure parameters, too."""

    def learn(self, plain: Any, /) -> None:
        super().learn(plain)
        for parameter in _secure_parameters(plain):
            self.add(parameter["Value"])

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        found = super().scrub(plain, keep_types=keep_types)
        for parameter in _secure_parameters(found):
            parameter["Value"] = PLACEHOLDER
        return found


def _secure_parameters(plain: Any) -> Iterator[dict[str, Any]]:
    """Yield what may be a `SecureString`. A request that changes a parameter may leave its type out."""
    todo = [plain]
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
