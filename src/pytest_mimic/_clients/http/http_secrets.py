"""Secrets in HTTP exchanges: values under secret names, and the same values wherever else they occur."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from json import loads
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pytest_mimic._core.redact.redactor import (
    DATA,
    FORM,
    NO_NAMES,
    Redactor,
    escaped,
    looks_like_json,
    parse_form,
    parse_json_text,
)
from pytest_mimic._core.redact.secret_names import (
    ISSUED,
    JWT,
    NUMBER_START,
    PLACEHOLDER,
    PLACEHOLDER_START,
    bare_secret,
    basic_password,
    is_placeholder,
    places,
    plain_placeholders,
)
from pytest_mimic._core.redact.secret_values import (
    forms_of,
    hide_values,
    stands_alone,
)

if TYPE_CHECKING:
    from pytest_mimic._core.redact.known_secrets import Issuer, KnownSecrets

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
# The log-in in a placeholder.
_LOGIN = re.compile("<redacted:(login-[0-9a-f]+)-")
# Headers whose secrets belong to a single request.
_OF_ONE_REQUEST = re.compile("csrf|xsrf|nonce|signature", re.IGNORECASE)
# What a call that logs somebody in is called, and what it sends.
_LOGIN_CALL = re.compile("log_?-?in|sign_?-?in|session|auth|token", re.IGNORECASE)
_LOGIN_NAME = re.compile("pass|pwd|secret|code|assertion|refresh|otp", re.IGNORECASE)
# Names of secrets that are made anew for each request.
_MADE_ANEW = re.compile(
    "assertion|captcha|challenge|code|csrf|dpop|hmac|nonce|otp|saml|sig|state"
    "|verifier|xsrf",
    re.IGNORECASE,
)
_KEY_ID = re.compile("AWS[^ ]* (?:Credential=)?([^/:,]+)")
# The claims of a JSON Web Token that are times, or made anew (RFC 7519).
_TIMES = ("exp", "iat", "jti", "nbf", "auth_time")
# The names of secrets that any request may send.
_CREDENTIALS = re.compile("authorization|cookie ")
# What is described of a file in a multipart body.
_OF_FILE = {"filename", "type", "content"}
# The parts of a description that name the call.
_NAMING = frozenset({"signature", "method", "url", "server"})


class Secrets:
    """Learns the secret values of one call and hides them.

    A token that a server issues returns under other names, in paths and in texts. In a
    replay the application has the placeholder instead of the token. So the token is
    replaced in all requests, and both calls are the same call.

    Args:
        redactor: The rules of the run.
        names: Further names that are secret.
        known: The secrets of the test that makes the call. Without them every secret is
            the application's own.

    Attributes:
        sent: The secrets of the request, each by the name at which it stood.
        values: The secrets that are hidden wherever they stand, in all forms, each with
            what stands for it.
    """

    def __init__(
        self,
        redactor: Redactor,
        names: tuple[str, ...] = (),
        known: KnownSecrets | None = None,
    ) -> None:
        if names:
            redactor = redactor.with_names(names)
        if known is not None:
            redactor = redactor.knowing(known)
        self.redactor = redactor
        self.sent: dict[str, str] = {}
        self.values = dict.fromkeys(redactor.issued, PLACEHOLDER)
        if known is not None:
            self.values.update(known.hidden())

    def begin_answer(self, issuer: Issuer | None) -> None:
        """Learn from the answer of a call from now on: it may repeat what was sent, and issue secrets."""
        if issuer is None or self.redactor.issuer is not None:
            return
        known = issuer.known
        self.redactor = self.redactor.knowing(known, issuer)
        values = dict.fromkeys(self.redactor.issued, PLACEHOLDER)
        values.update(known.own())
        values.update(self.values)
        values.update(known.hidden())
        self.values = values

    def credentials(self) -> dict[str, str]:
        """Return the application's own secrets that say who sends the request, by their names.

        What is made anew for each request says nothing: signatures, nonces, and the
        times in a JSON Web Token.
        """
        own = {}
        for value, name in self.sent.items():
            credential = _credential(value)
            is_own = self.redactor.stand_in(value) == PLACEHOLDER
            if credential and is_own and not _MADE_ANEW.search(name):
                own[name] = credential
        return own

    def login_of(self, signature: str, own: str) -> str:
        """Return the log-in to which the secrets of the answer belong; empty if to none.

        It is that whose token the request returns. Without one it is its `own`, if the
        request logs somebody in: it is called so, or sends a password or the like.
        """
        for value in self.sent:
            login = _LOGIN.match(self.redactor.stand_in(value))
            if login is not None:
                return login[1]
        verb, _, resource = signature.partition(" ")
        names = self.sent.values()
        has_credentials = any(map(_CREDENTIALS.match, names))
        if _LOGIN_CALL.search(resource):
            return "" if has_credentials else own
        sends_password = any(
            _LOGIN_NAME.search(name) for name in names if not _CREDENTIALS.match(name)
        )
        return own if sends_password and verb != "GET" else ""

    def learn(self, plain: Any, /) -> None:
        """Learn the values of secret names anywhere in plain data, also within texts that are data themselves."""
        todo = [plain]
        while todo:
            for place in places({"": todo.pop()}, self.redactor):
                value = place.value
                if place.is_secret and type(value) in (str, int, float):
                    self.add(value, str(place.name))
                elif isinstance(value, str) and DATA.search(value):
                    for name, literal in self.redactor.literals(value):
                        self.add(literal, name)
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
            if lower not in ("cookie", "set-cookie"):
                self.add(value, lower)
                if password := basic_password(value):
                    self.add(password, f"{lower} password")
                continue
            if lower == "cookie":
                cookies = value.split(";")
            else:
                cookies = [value.partition(";")[0]]
            for cookie in cookies:
                cookie_name, _, secret = cookie.partition("=")
                self.add(secret.strip().strip('"'), f"cookie {cookie_name.strip()}")

    def add(self, value: str | float, name: str = "") -> None:
        """Learn one value, with the name at which it stands.

        Elsewhere it is hidden unless it is so common (`dark`, `12345`) that it may mean
        something else there.
        """
        text = str(value)
        bare = bare_secret(text)
        if not bare or is_placeholder(bare) or self.redactor.keeps(bare):
            return
        stand_in = self.redactor.stand_in(
            bare if isinstance(value, str) else value, name
        )
        if self.redactor.issuer is None:
            self.sent[bare] = name
        if bare != text:
            # A server may send back the whole header, as base64.
            whole = forms_of(text) - {text}
            self.values.update(dict.fromkeys(whole, stand_in))
        # The name of a variable stands for its value.
        is_of_environment = bare in self.redactor.environment.forms
        if not is_of_environment and stands_alone(bare):
            self.values.update(dict.fromkeys(forms_of(bare), stand_in))

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return a copy of plain data without secrets.

        With `keep_types`, numbers stay numbers, and mappings and lists are kept. None
        always stays None.
        """
        return self.redactor.scrub(plain, keep_types=keep_types, values=self.values)

    def without(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Return the described parts of a call without known secrets.

        What names the call stays, as all messages show it.
        """
        shown = {}
        for name, part in parts.items():
            if name in _NAMING:
                shown[name] = part
            elif isinstance(part, str):
                shown[name] = self.redactor.scrub_text(part, self.values)
            else:
                shown[name] = self.scrub(part, keep_types=True)
        return shown

    def text(self, text: str) -> str:
        """Return a text without known secrets, and without those in it if it is data.

        The latter are learned.
        """
        self.learn(text)
        if "\n" in text:
            # A stream may have one JSON text on each line, and a plain text one form.
            lines = re.split(r"(\r?\n)", text)
            for line in lines:
                self.learn(line)
            text = "".join(map(self.redactor.scrub_data, lines))
        if looks_like_json(text) and parse_json_text(text) is None:
            # Its reader may have cut it off.
            text = self.redactor.scrub_text(text)
        else:
            text = self.redactor.scrub_data(text)
        if self.values:
            text = escaped(hide_values(text, self.values))
        return self.redactor.settled(text)

    def of_stream(self, text: str) -> str:
        """Return a text that is in pieces in the events of a stream, without secrets, also those of the environment."""
        return self.redactor.environment.text(self.text(text))

    def header(self, name: str, value: str, /) -> str:
        """Return a header's value without secrets. Cookies keep their names."""
        if name.lower() in ("location", "content-location"):
            value = self.redactor.scrub_url(value)
        value = self.redactor.scrub_header(name, value)
        if self.values:
            value = hide_values(value, self.values)
        return self.redactor.settled(value)

    def path(self, path: str) -> str:
        """Return the path of a URL without known secrets, with placeholders as they are outside of URLs."""
        path = plain_placeholders(path)
        if ";" in path:
            path = self.redactor.scrub_path(path)
        if self.values:
            path = hide_values(path, self.values)
        return self.redactor.settled(path)


# Secrets of AWS under names that are harmless elsewhere: of KMS, Systems Manager,
# Secrets Manager and EC2


def secrets_of(
    redactor: Redactor,
    headers: Mapping[str, str],
    known: KnownSecrets | None = None,
) -> Secrets:
    """Return what learns and hides the secrets of the service to which a request goes.

    Names of headers are in lower case.
    """
    target = headers.get("x-amz-target", "").partition(".")[0]
    scope = _SCOPE.search(headers.get("authorization", ""))
    service = _SERVICES.get(target, target) or (scope[1] if scope else "")
    redactor = redactor.by_look()
    if service == "ssm":
        return _ParameterSecrets(redactor, known=known)
    return Secrets(redactor, _NAMES.get(service, ()), known)


def learned_from(
    redactor: Redactor,
    url: str,
    headers: Iterable[tuple[Any, Any]],
    body: Any,
    named: Mapping[str, str],
    known: KnownSecrets | None = None,
) -> Secrets:
    """Return the secrets of a request: in its URL, its headers, which are also given by name, and its plain body."""
    secrets = secrets_of(redactor, named, known)
    if isinstance(body, str):
        # A text may have JSON on each line.
        secrets.text(body)
    else:
        secrets.learn(body)
    parts = urlsplit(url)
    if parts.query:
        secrets.learn(parse_form(parts.query))
    if parts.password:
        secrets.add(unquote(parts.password), "password in the URL")
    secrets.learn_headers(text_pairs(headers))
    return secrets


class _ParameterSecrets(Secrets):
    """Learns and hides the values of secure parameters, too."""

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
    secrets = Secrets(redactor.by_look())
    hidden = dict(described)
    for name, part in described.items():
        if name.startswith("headers.") and isinstance(part, str):
            hidden[name] = secrets.header(name.removeprefix("headers."), part)
        elif name in ("url", "signature"):
            hidden[name] = secrets.path(part)
        elif isinstance(part, str) and name != "method":
            hidden[name] = secrets.text(part)
        elif name != "method":
            plain = secrets.scrub(part, keep_types=True)
            hidden[name] = _with_texts_of_files(plain, secrets)
    return hidden


def _with_texts_of_files(body: Any, secrets: Secrets) -> Any:
    """Return the described body of a request, of multipart with its files redacted.

    The text of a file may have a secret on a line, `PASSWORD=…`, as a whole body may.
    """
    if not isinstance(body, dict):
        return body
    fields = {}
    for name, field in body.items():
        if isinstance(field, list):
            fields[name] = [_redacted_file(part, secrets) for part in field]
        else:
            fields[name] = _redacted_file(field, secrets)
    return fields


def _redacted_file(part: Any, secrets: Secrets) -> Any:
    is_file = isinstance(part, dict) and part.keys() == _OF_FILE
    if is_file and isinstance(part["content"], str):
        return {**part, "content": secrets.text(part["content"])}
    return part


def redacted_response(plain: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a stored response without what is secret by the rules of this redactor.

    Without any, it is the same.
    """
    secrets = Secrets(redactor)
    headers = plain.get("headers", ())
    body = plain.get("body") or {}
    secrets.learn_headers(headers)
    secrets.learn([body.get("json"), body.get("events")])

    shown = dict(plain)
    if headers:
        shown["headers"] = [
            [name, secrets.header(name, value)] for name, value in headers
        ]
    if body:
        shown["body"] = _redacted_body(body, secrets)
    return shown


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
    """Check whether a URL or a header has a placeholder, in place of a secret that its sender means."""
    if PLACEHOLDER_START in plain_placeholders(url) or ISSUED.search(url):
        return True
    return any(_has_placeholder(value) for _, value in headers)


def _credential(value: str) -> str:
    """Return the part of a secret that says who sends it; empty if none does."""
    if (key := _KEY_ID.match(value)) is not None:
        return key[1]
    if JWT.fullmatch(value):
        payload = value.split(".")[1]
        try:
            claims = loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            return ""
        if not isinstance(claims, dict):
            return ""
        lasting = {name: claim for name, claim in claims.items() if name not in _TIMES}
        return repr(sorted(lasting.items()))
    # Such as `Digest …`, which is made for one request.
    return "" if " " in value else value


def logins_in(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return what stands for the log-ins whose tokens secret headers return, without secrets.

    A service may renew a token or a cookie with any answer, and it belongs to the same
    log-in. Of cookies that no log-in has set, it may depend on the order of answers
    which one is returned: they tell nothing.
    """
    logins = set()
    for name, value in headers:
        for placeholder in ISSUED.findall(value):
            login = _LOGIN.match(placeholder)
            if login is not None:
                logins.add(login[1])
            elif name != "cookie" and not _OF_ONE_REQUEST.search(name):
                logins.add(placeholder)
    return sorted(logins)


def _has_placeholder(value: str) -> bool:
    return (
        PLACEHOLDER_START in value
        or NUMBER_START in value
        or PLACEHOLDER_START in basic_password(value)
    )


def text_pairs(headers: Iterable[tuple[Any, Any]]) -> list[tuple[str, str]]:
    """Return headers as text. Bytes are decoded as Latin-1, which loses nothing."""
    return [
        (
            name.decode("latin-1") if isinstance(name, bytes) else name,
            value.decode("latin-1") if isinstance(value, bytes) else value,
        )
        for name, value in headers
    ]
