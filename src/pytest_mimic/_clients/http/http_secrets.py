"""Secrets in HTTP exchanges: values under secret names, and the same values wherever else they occur."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_mimic._core.redact.redactor import (
    DATA,
    FORM,
    NO_NAMES,
    Redactor,
    bare_secret,
    escaped,
    looks_like_json,
    parse_form,
    parse_json_text,
)
from pytest_mimic._core.redact.secret_names import PLACEHOLDER, places
from pytest_mimic._core.redact.secret_values import forms_of, hide_values

# Services by the first word of `X-Amz-Target`. The others come in the scope of the
# signature.
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
# The placeholder as clients escape it in a URL.
_ESCAPED = re.compile(
    re.escape(PLACEHOLDER).replace("<", "%3[Cc]").replace(">", "%3[Ee]")
)

# The parts of a description that name the call.
_NAMING = frozenset({"signature", "method", "url", "server"})


class Secrets:
    """Learns secret values and hides them.

    A token that a server issues returns under other names, in paths and in texts. In a
    replay the application has the
    placeholder instead of the token. So the token is replaced in all requests, and both
    calls are the same call.

    Those that servers have issued are known from the beginning.
    """

    def __init__(self, redactor: Redactor, names: tuple[str, ...] = ()) -> None:
        self.redactor = redactor.with_names(names) if names else redactor
        self.values = set(redactor.issued)

    def learn(self, plain: Any, /) -> None:
        """Learn the values of secret names anywhere in plain data, also within texts that are data themselves."""
        todo = [plain]
        while todo:
            for place in places({"": todo.pop()}, self.redactor):
                value = place.value
                if not isinstance(value, str):
                    continue
                if place.is_secret:
                    self.add(value)
                elif DATA.search(value):
                    for literal in self.redactor.literals(value):
                        self.add(literal)
                    is_urlencoded = "=" in value and FORM.fullmatch(value)
                    todo.append(
                        parse_form(value) if is_urlencoded else parse_json_text(value)
                    )

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Learn the values of secret headers, and of each cookie."""
        for name, value in headers:
            lower = name.lower()
            if not self.redactor.hides(name, value):
                continue
            if lower in ("cookie", "set-cookie"):
                cookies = (
                    value.split(";") if lower == "cookie" else [value.partition(";")[0]]
                )
                for cookie in cookies:
                    self.add(cookie.partition("=")[2].strip())
            else:
                self.add(value)
                self.add(_basic_password(value))

    def add(self, value: str) -> None:
        """Learn one value, unless it is so common (`dark`, `12345`) that it may mean something else elsewhere."""
        bare = bare_secret(value)
        if bare != value:
            self.values |= forms_of(value) - {
                value
            }  # a server may send back the whole header, as base64
        if bare in self.redactor.environment.forms:
            return  # its name will stand for it
        is_mixed = any(map(str.isdigit, bare)) and any(map(str.isalpha, bare))
        if len(bare) >= 20 or (len(bare) >= 8 and is_mixed):
            self.values |= forms_of(bare)

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return a copy of plain data without secrets.

        With `keep_types`, numbers become 0, and mappings and lists are kept. None
        always stays None.
        """
        return self.redactor.scrub(plain, keep_types=keep_types, values=self.values)

    def without(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Return the described parts of a call without known secrets.

        What names the call stays, as all messages show it.
        """
        found = {}
        for name, part in parts.items():
            if name in _NAMING:
                found[name] = part
            elif isinstance(part, str):
                found[name] = self.redactor.scrub_text(part, self.values)
            else:
                found[name] = self.scrub(part, keep_types=True)
        return found

    def text(self, text: str) -> str:
        """Return a text without known secrets, and without those in it if it is data.

        The latter are learned.
        """
        self.learn(text)
        if (
            "\n" in text
        ):  # a stream may have one JSON text on each line, and a plain text one form
            lines = re.split(r"(\r?\n)", text)
            for line in lines:
                self.learn(line)
            text = "".join(map(self.redactor.scrub_data, lines))
        if looks_like_json(text) and parse_json_text(text) is None:
            text = self.redactor.scrub_text(text)  # its reader may have cut it off
        else:
            text = self.redactor.scrub_data(text)
        return escaped(hide_values(text, self.values)) if self.values else text

    def header(self, name: str, value: str, /) -> str:
        """Return a header's value without secrets. Cookies keep their names."""
        if name.lower() in ("location", "content-location"):
            value = self.redactor.scrub_url(value)
        value = self.redactor.scrub_header(name, value)
        return hide_values(value, self.values) if self.values else value

    def path(self, path: str) -> str:
        """Return the path of a URL without known secrets, with placeholders as they are outside of URLs."""
        if "%3" in path:
            path = _ESCAPED.sub(PLACEHOLDER, path)
        if ";" in path:
            path = self.redactor.scrub_path(path)
        return hide_values(path, self.values) if self.values else path


# Secrets of AWS under names that are harmless elsewhere: of KMS, Systems Manager,
# Secrets Manager and EC2


def secrets_of(redactor: Redactor, headers: Mapping[str, str]) -> Secrets:
    """Return what learns and hides the secrets of the service to which a request goes.

    Names of headers are in lower case.
    """
    target = headers.get("x-amz-target", "").partition(".")[0]
    scope = _SCOPE.search(headers.get("authorization", ""))
    service = _SERVICES.get(target, target) or (scope[1] if scope else "")
    if service == "ssm":
        return _ParameterSecrets(redactor)
    return Secrets(redactor, _NAMES.get(service, ()))


def learned_from(
    redactor: Redactor,
    url: str,
    headers: Iterable[tuple[Any, Any]],
    body: Any,
    named: Mapping[str, str],
) -> Secrets:
    """Return the secrets of a request: in its URL, its headers, which are also given by name, and its plain body."""
    secrets, parts = secrets_of(redactor, named), urlsplit(url)
    learn = (
        secrets.text if isinstance(body, str) else secrets.learn
    )  # a text may have JSON on each line
    learn(body)
    if parts.query:
        secrets.learn(parse_form(parts.query))
    if parts.password:
        secrets.add(parts.password)
    secrets.learn_headers(text_pairs(headers))
    return secrets


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
    """Yield what may be a `SecureString`.

    A request that changes a parameter may leave its type out.
    """
    for place in places({"": plain}, NO_NAMES):
        value = place.value
        is_parameter = (
            isinstance(value, dict)
            and "Name" in value
            and isinstance(value.get("Value"), str)
        )
        if is_parameter and value.get("Type") not in _OPEN_TYPES:
            yield value


def redacted_request(described: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a described request without what is secret by the rules of this redactor.

    Without any, it is the same.
    """
    secrets, found = Secrets(redactor), dict(described)
    for name, part in found.items():
        if name.startswith("headers.") and isinstance(part, str):
            found[name] = secrets.header(name.removeprefix("headers."), part)
        elif name in ("url", "signature"):
            found[name] = secrets.path(part)
        elif name != "method":
            found[name] = (
                secrets.text(part) if isinstance(part, str) else secrets.scrub(part)
            )
    return found


def redacted_response(plain: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a stored response without what is secret by the rules of this redactor.

    Without any, it is the same.
    """
    secrets, headers, body = (
        Secrets(redactor),
        plain.get("headers", ()),
        plain.get("body") or {},
    )
    secrets.learn_headers(headers)
    secrets.learn([body.get("json"), body.get("events")])

    found = dict(plain)
    if headers:
        found["headers"] = [
            [name, secrets.header(name, value)] for name, value in headers
        ]
    return {**found, "body": _redacted_body(body, secrets)} if body else found


def _redacted_body(body: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """Return a stored body, or a part of one, without what is secret."""

    def hidden(part: Any) -> Any:
        if isinstance(part, str):
            return secrets.text(part)
        return secrets.scrub(part, keep_types=True)

    found = dict(body)
    for name in ("json", "text"):
        if name in body:
            found[name] = hidden(body[name])
    if "events" in body:
        found["events"] = [hidden(event) for event in body["events"]]
    if "parts" in body:
        found["parts"] = [_redacted_body(part, secrets) for part in body["parts"]]
    if "message" in body:
        found["message"] = _redacted_body(body["message"], secrets)
    return found


def holds_placeholder(url: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Check whether a URL or a header has the placeholder, in place of a secret that its sender means."""
    if PLACEHOLDER in url or _ESCAPED.search(url):
        return True
    return any(
        PLACEHOLDER in value
        or (value[:6].lower() == "basic " and PLACEHOLDER in _basic_password(value))
        for _, value in headers
    )


def _basic_password(value: str) -> str:
    """Return the password in the credentials of basic authentication (RFC 7617), or an empty text."""
    if not value.lower().startswith("basic "):
        return ""
    try:
        return base64.b64decode(value[6:]).decode().partition(":")[2]
    except ValueError:
        return ""


def text_pairs(headers: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Return headers as text. Bytes are decoded as Latin-1, which loses nothing."""
    return [
        (
            name.decode("latin-1") if isinstance(name, bytes) else name,
            value.decode("latin-1") if isinstance(value, bytes) else value,
        )
        for name, value in headers
    ]
