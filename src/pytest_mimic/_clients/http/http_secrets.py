"""Secrets in HTTP exchanges: values under secret names, wherever they occur."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pytest_mimic.client import (
    ISSUED,
    LOGIN,
    NO_NAMES,
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
# The keys of the description of a file in a multipart body.
_KEYS_OF_FILE = {"filename", "type", "content"}


# Secrets of AWS under names that are harmless elsewhere: of KMS, Systems Manager,
# Secrets Manager and EC2


def secrets_of(
    redactor: Redactor,
    headers: Mapping[str, str],
    known_secrets: KnownSecrets | None = None,
) -> Secrets:
    """Return what learns and hides the secrets of the service to which a request goes.

    Names of headers are in lower case.
    """
    target, _, _ = headers.get("x-amz-target", "").partition(".")
    service = _SERVICE_OF_TARGET.get(target, target)
    scope = _SCOPE_OF_SIGNATURE.search(headers.get("authorization", ""))
    if not service and scope is not None:
        service = scope[1]
    redactor = redactor.by_look()
    if service == "ssm":
        return _SecretsOfSystemsManager(redactor, known=known_secrets)
    return Secrets(redactor, _NAMES_OF_SERVICES.get(service, ()), known_secrets)


def learned_from(
    redactor: Redactor,
    url: str,
    headers: Iterable[tuple[Any, Any]],
    body: Any,
    values_by_name: Mapping[str, str],
    known_secrets: KnownSecrets | None = None,
) -> Secrets:
    """Return the secrets of a request: of its URL, its headers and its plain body.

    Args:
        redactor: Knows the secret names.
        url: The URL.
        headers: The headers as pairs, as text or bytes.
        body: The body as plain data, or as text if it is no JSON and no form.
        values_by_name: The same headers by name, in lower case.
        known_secrets: The secrets that the test has sent and was issued. None: the
            request sends none of them.
    """
    secrets = secrets_of(redactor, values_by_name, known_secrets)
    if isinstance(body, str):
        # A text may have JSON on each line.
        secrets.text(body)
    else:
        secrets.learn(body)
    parts_of_url = urlsplit(url)
    if parts_of_url.query:
        secrets.learn(parse_form(parts_of_url.query))
    if ";" in parts_of_url.path:
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
        super().learn(plain)
        for parameter in _secure_parameters(plain):
            self.add(parameter["Value"], "Value")

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        scrubbed = super().scrub(plain, keep_types=keep_types)
        for parameter in _secure_parameters(scrubbed):
            parameter["Value"] = self.redactor.stand_in(parameter["Value"])
        return scrubbed


def _secure_parameters(plain: Any) -> Iterator[dict[str, Any]]:
    """Yield the mappings that may describe a parameter of the type `SecureString`.

    A request that changes a parameter may leave its type out.
    """
    for place in places({"": plain}, NO_NAMES):
        value = place.value
        if not isinstance(value, dict) or value.get("Type") in _TYPES_WITHOUT_SECRETS:
            continue
        if "Name" in value and isinstance(value.get("Value"), str):
            yield value


# What is stored, under the rules of today. What a run stores is hidden by `Secrets`,
# while the call is made.


def redacted_request(described: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of a stored request, without what is secret today.

    `pytest-mimic check` compares the result with what is stored: they are equal if the
    recording holds no secret. The result itself is not stored.

    Args:
        described: The description of the request in a recording.
        redactor: The rules of today.
    """
    secrets = Secrets(redactor.by_look())
    hidden_request = dict(described)
    for name, part in described.items():
        if name.startswith("headers.") and isinstance(part, str):
            hidden_request[name] = secrets.header(name.removeprefix("headers."), part)
        elif name in ("url", "signature"):
            hidden_request[name] = secrets.path(part)
        elif isinstance(part, str) and name != "method":
            hidden_request[name] = secrets.text(part)
        elif name != "method":
            plain = secrets.scrub(part, keep_types=True)
            hidden_request[name] = _with_texts_of_files(plain, secrets)
    return hidden_request


def _with_texts_of_files(body: Any, secrets: Secrets) -> Any:
    """Return the described body of a request, of multipart with its files redacted.

    The text of a file may have a secret on a line, `PASSWORD=…`, as a whole body may.
    """
    if not isinstance(body, dict):
        return body
    fields = {}
    for name, field in body.items():
        if isinstance(field, list):
            fields[name] = [_part_with_redacted_text(part, secrets) for part in field]
        else:
            fields[name] = _part_with_redacted_text(field, secrets)
    return fields


def _part_with_redacted_text(part: Any, secrets: Secrets) -> Any:
    """Return a part of a multipart body; if it is a file of text, hide its secrets."""
    is_file = isinstance(part, dict) and part.keys() == _KEYS_OF_FILE
    if is_file and isinstance(part["content"], str):
        return {**part, "content": secrets.text(part["content"])}
    # `scrub` has hidden the secrets of anything else with the body, or it is bytes.
    return part


def redacted_response(response: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of a stored response, without what is secret today.

    `pytest-mimic check` compares the result with what is stored: they are equal if the
    recording holds no secret. `pytest-mimic rekey` stores the result.

    Args:
        response: The response in a recording.
        redactor: The rules of today.
    """
    secrets = Secrets(redactor)
    headers = response.get("headers", ())
    body = response.get("body") or {}
    # All is learned before anything is hidden: a secret of the body may stand in a
    # header, too.
    secrets.learn_headers(headers)
    secrets.learn([body.get("json"), body.get("events")])

    redacted = dict(response)
    if headers:
        redacted_headers = []
        for name, value in headers:
            redacted_headers.append([name, secrets.header(name, value)])
        redacted["headers"] = redacted_headers
    if body:
        redacted["body"] = _redacted_body(body, secrets)
    return redacted


def _redacted_body(body: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """Return a stored body, or a part of one, without what is secret."""

    def hidden(part: Any) -> Any:
        if isinstance(part, str):
            return secrets.text(part)
        return secrets.scrub(part, keep_types=True)

    redacted = dict(body)
    for name in ("json", "text"):
        if name in body:
            redacted[name] = hidden(body[name])
    if "events" in body:
        redacted["events"] = list(map(hidden, body["events"]))
    if "parts" in body:
        redacted["parts"] = [_redacted_body(part, secrets) for part in body["parts"]]
    if "message" in body:
        redacted["message"] = _redacted_body(body["message"], secrets)
    return redacted


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


def text_pairs(headers: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Return headers as text. Bytes are decoded as Latin-1, which loses nothing."""
    pairs = []
    for name, value in headers:
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        pairs.append((name, value))
    return pairs
