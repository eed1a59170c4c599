"""Secrets in HTTP exchanges: where a request has them, and names that services add.

A run asks while it describes a request, and hides what it learns in the answer as well.
`rekey` asks for a recorded request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pytest_mimic._clients.http.headers import text_pairs
from pytest_mimic.client import (
    ISSUED,
    LOGIN,
    NO_REDACTION,
    Redactor,
    Secrets,
    parse_form,
    places,
)

if TYPE_CHECKING:
    from pytest_mimic.client import KnownSecrets

# Services by the first word of `X-Amz-Target`. The others come in the scope of the
# signature.
_SERVICE_OF_TARGET = {
    "TrentService": "kms",
    "AmazonSSM": "ssm",
    "Logs_20140328": "logs",
}
_SCOPE_OF_SIGNATURE = re.compile(r"Credential=[^\s,]*/([^\s,/]+)/aws4_request")
# By service, names that are secret in its requests and answers. Names in `mimic_redact`
# come after these: `!plaintext` keeps the value.
_NAMES_OF_SERVICES = {
    "kms": ("plaintext",),
    "secretsmanager": ("secret_string", "secret_binary"),
    "ec2": ("key_material", "!public_key_material"),
    # Tokens of pages: callers compare them to find the last page.
    "logs": ("!next_forward_token", "!next_backward_token"),
}
# Types of parameters of Systems Manager whose values are no secret.
_TYPES_WITHOUT_SECRETS = ("String", "StringList")
# Headers whose secrets belong to a single request.
_HEADERS_OF_ONE_REQUEST = re.compile("csrf|xsrf|nonce|signature", re.IGNORECASE)


# Secrets of AWS under names that are harmless elsewhere: of KMS, Systems Manager,
# Secrets Manager and EC2


def secrets_of(
    redactor: Redactor,
    headers: Mapping[str, str],
    known_secrets: KnownSecrets | None = None,
) -> Secrets:
    """Return what learns and hides the secrets of the service to which a request goes.

    A request counts in the identity without what is hidden in it. Names of headers are
    in lower case.
    """
    target_prefix, _, _ = headers.get("x-amz-target", "").partition(".")
    service = _SERVICE_OF_TARGET.get(target_prefix, target_prefix)
    signed_scope = _SCOPE_OF_SIGNATURE.search(headers.get("authorization", ""))
    if not service and signed_scope is not None:
        # A request to EC2, for example, has no target. Its signature names the service.
        service = signed_scope[1]
    redactor = redactor.by_look()
    if service == "ssm":
        return _SecretsOfSystemsManager(redactor, known=known_secrets)
    return Secrets(redactor, _NAMES_OF_SERVICES.get(service, ()), known_secrets)


def learned_from(
    redactor: Redactor,
    url: str,
    headers: Iterable[tuple[Any, Any]],
    values_by_name: Mapping[str, str],
    known_secrets: KnownSecrets | None = None,
) -> Secrets:
    """Return the secrets in the URL and the headers of a request.

    They are hidden in the response, which may repeat them.

    Args:
        redactor: Knows the secret names.
        url: The URL.
        headers: The headers as pairs, as text or bytes.
        values_by_name: The same headers by name, in lower case.
        known_secrets: The secrets that the test has sent and was issued. None: the
            request sends none of them.
    """
    secrets = secrets_of(redactor, values_by_name, known_secrets)
    parts_of_url = urlsplit(url)
    if parts_of_url.query:
        secrets.learn(parse_form(parts_of_url.query))
    if ";" in parts_of_url.path:
        # A segment may have parameters: `/login;token=s3cr3t`.
        for name, value in redactor.literals_in_path(parts_of_url.path):
            secrets.add(value, name)
    if parts_of_url.password:
        secrets.add(unquote(parts_of_url.password), "password in the URL")
    secrets.learn_headers(text_pairs(headers))
    return secrets


class _SecretsOfSystemsManager(Secrets):
    """Learns and hides the parameters of AWS Systems Manager, beside other secrets.

    The service answers `{"Name": "/db", "Type": "SecureString", "Value": "hunter2"}`.
    `Value` is no secret name, so that `Secrets` would keep it.
    """

    def learn(self, plain: Any, /) -> None:
        """Learn secrets, and the values of secure parameters among them."""
        super().learn(plain)
        for parameter in _secure_parameters(plain):
            self.add(parameter["Value"], "Value")

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return plain data without secrets, nor the values of secure parameters."""
        scrubbed = super().scrub(plain, keep_types=keep_types)
        for parameter in _secure_parameters(scrubbed):
            parameter["Value"] = self.redactor.stand_in(parameter["Value"])
        return scrubbed


def _secure_parameters(plain: Any) -> Iterator[dict[str, Any]]:
    """Yield the mappings that may describe a parameter of the type `SecureString`.

    A request that changes a parameter may leave its type out.
    """
    for place in places({"": plain}, NO_REDACTION):
        value = place.value
        if not isinstance(value, dict) or value.get("Type") in _TYPES_WITHOUT_SECRETS:
            continue
        if "Name" in value and isinstance(value.get("Value"), str):
            yield value


def logins_in(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return what stands for the log-ins whose tokens secret headers return.

    ============================================  ====================================
    what a header returns                         what stands for it
    ============================================  ====================================
    a token or cookie of a log-in                 the log-in
    a token that no log-in has issued             its placeholder
    a cookie that no log-in has set; the secret   nothing
    of one request: CSRF, a nonce, a signature
    ============================================  ====================================

    A service may renew a token or a cookie with any answer: the new one belongs to the
    same log-in, and its placeholder names that. Which cookie without a log-in is
    returned may depend on the order of answers.
    """
    logins = set[str]()
    for name, value in headers:
        for placeholder in ISSUED.findall(value):
            match = LOGIN.match(placeholder)
            if match is not None:
                logins.add(match[1])
            elif name != "cookie" and not _HEADERS_OF_ONE_REQUEST.search(name):
                logins.add(placeholder)
    return sorted(logins)


def without_secret_items(plain: Any, redactor: Redactor) -> Any:
    """Return plain data without the items of mappings that have secret names.

    `{"page": 2, "token": "s3cr3t"}` becomes `{"page": 2}`. Such items do not count in a
    call that was imported from vcrpy, which may have filtered them out of its cassette.
    """
    if isinstance(plain, list):
        return [without_secret_items(value, redactor) for value in plain]
    if not isinstance(plain, dict):
        return plain
    kept = {}
    for name, value in plain.items():
        if not redactor.hides(name, value):
            kept[name] = without_secret_items(value, redactor)
    return kept
