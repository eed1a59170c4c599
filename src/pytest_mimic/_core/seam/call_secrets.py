"""The secrets of one call of a client, learned and hidden.

A value under a secret name is hidden under that name, and wherever else the value
occurs in the call. Which of the secrets say who sends the call, `sender_credentials`
tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.placeholders import (
    ISSUED,
    NUMBER_START,
    PLACEHOLDER,
    START_IN_BASE64,
    is_placeholder,
    issued_in,
    mentions_placeholder,
    plain_placeholders,
)
from pytest_mimic._core.redact.json_texts import looks_like_json, parse_json_text
from pytest_mimic._core.redact.markup_and_scripts import with_escaped_placeholders
from pytest_mimic._core.redact.redactor import (
    FORM,
    SIGN_OF_DATA,
    Redactor,
    parse_form,
)
from pytest_mimic._core.redact.secret_names import places
from pytest_mimic._core.redact.secret_values import (
    bare_secret,
    basic_credentials,
    basic_password,
    forms_of,
    hide_values,
    is_distinctive,
)
from pytest_mimic._core.seam.sender_credentials import credentials_in

if TYPE_CHECKING:
    from pytest_mimic._core.redact.known_secrets import Issuer, KnownSecrets

#: The name of the log-in in a placeholder: `login-1a2b` in `<redacted:login-1a2b-…>`.
LOGIN = re.compile("<redacted:(login-[0-9a-f]+)-")
# A call logs somebody in if its resource has one of these words, or if it sends a
# secret under a name with one of the words of `_NAME_SENT_TO_LOG_IN`.
_RESOURCE_OF_LOGIN = re.compile(
    "log_?-?in|sign_?-?in|session|auth|token", re.IGNORECASE
)
_NAME_SENT_TO_LOG_IN = re.compile(
    "pass|pwd|secret|code|assertion|refresh|otp", re.IGNORECASE
)
# The beginnings of the names of secrets that any request may send, and that do not say
# whether it logs somebody in.
_SENT_BY_ANY_REQUEST = re.compile("authorization|cookie ")
# The parts of a description in which no secrets are searched for.
_PARTS_WITHOUT_SECRETS = frozenset({"method", "server"})
# The parts that name the call. Of their texts, only known secrets are hidden: the
# adapter has hidden what stands under a secret name.
_PARTS_THAT_NAME_THE_CALL = frozenset({"signature", "url"})


class Secrets:
    """Learns the secret values of one call and hides them.

    A token that a server issues returns under other names, in paths and in texts. In a
    replay the application has the placeholder instead of the token. So the token is
    replaced in all requests, and both calls are the same call.

    `text`, `path` and `header` return what they are given with the secrets in it
    hidden, and so does `scrub` for plain data.

    Args:
        redactor: The rules of the run.
        names: Further names that are secret.
        known: The secrets of the test that makes the call. Without them every secret is
            the application's own.

    Attributes:
        sent: The name at which each secret of the request stood, by the secret. The
            engine tells `KnownSecrets` of them, and compares senders by them.
        stand_in_by_secret: What stands for each secret that is hidden wherever it
            stands: the placeholder, by the secret in each of its forms.
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
        self.redactor: Redactor = redactor
        self.sent: dict[str, str] = {}
        self.stand_in_by_secret: dict[str, str] = dict.fromkeys(
            redactor.issued, PLACEHOLDER
        )
        if known is not None:
            self.stand_in_by_secret.update(known.stand_ins_of_issued())

    def begin_answer(self, issuer: Issuer | None) -> None:
        """Learn from the answer of a call from now on.

        An answer may repeat what was sent, and issue secrets.
        """
        # Once the answer has begun, its redactor has the issuer.
        if issuer is None or self.redactor.issuer is not None:
            return
        known = issuer.known
        known.hear_other_processes()
        self.redactor = self.redactor.knowing(known, issuer)
        # The last stand-in of a secret wins. That of an issued secret comes last, as
        # its placeholder tells the secret from others. `<redacted>` does not.
        stand_in_by_secret = dict.fromkeys(self.redactor.issued, PLACEHOLDER)
        stand_in_by_secret.update(known.stand_ins_of_own())
        stand_in_by_secret.update(self.stand_in_by_secret)
        stand_in_by_secret.update(known.stand_ins_of_issued())
        self.stand_in_by_secret = stand_in_by_secret

    def credentials(self) -> dict[str, str]:
        """Return the own secrets of the application that say who sends the request."""
        return credentials_in(self.sent, self.redactor.stand_in)

    def login_of(self, signature: str, own_login: str) -> str:
        """Return the name of the log-in to which the secrets of the answer belong.

        A request that returns a token belongs to the log-in that has issued the token.
        A request that logs somebody in, by its resource or by a password that it sends,
        is its own log-in. The name is empty for any other request.

        Args:
            signature: The verb and the resource of the call, `POST /login`.
            own_login: The name of the log-in that the call itself would be.
        """
        # The placeholder of a token names the log-in that has issued the token.
        for secret in self.sent:
            login = LOGIN.match(self.redactor.stand_in(secret))
            if login is not None:
                return login[1]
        verb, _, resource = signature.partition(" ")
        names_of_sent = self.sent.values()
        has_credentials = any(map(_SENT_BY_ANY_REQUEST.match, names_of_sent))
        if _RESOURCE_OF_LOGIN.search(resource):
            # Who sends credentials is logged in: `GET /session`.
            return "" if has_credentials else own_login
        sends_password = any(
            _NAME_SENT_TO_LOG_IN.search(name)
            for name in names_of_sent
            if not _SENT_BY_ANY_REQUEST.match(name)
        )
        return own_login if sends_password and verb != "GET" else ""

    def learn(self, plain: Any, /) -> None:
        """Learn the values of secret names anywhere in plain data.

        A text in the data may be JSON or a form itself. In an answer, the secrets in
        its URLs are learned last: a name that stands outside of them comes first.
        """
        pending_data = [plain]
        texts_of_answer = []
        while pending_data:
            for place in places({"": pending_data.pop()}, self.redactor):
                value = place.value
                if place.is_secret and type(value) in (str, int, float):
                    self.add(value, str(place.name))
                elif isinstance(value, str) and SIGN_OF_DATA.search(value):
                    for name, literal in self.redactor.literals(value):
                        self.add(literal, name)
                    if self.redactor.issuer is not None:
                        texts_of_answer.append(value)
                    # The data of the text is walked as well, later. Of another text,
                    # `parse_json_text` gives None, which has no secrets.
                    is_urlencoded = "=" in value and FORM.fullmatch(value)
                    pending_data.append(
                        parse_form(value) if is_urlencoded else parse_json_text(value)
                    )
        for text in texts_of_answer:
            for name, literal in self.redactor.literals_in_links(text):
                self.add(literal, name)

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Learn the values of secret headers, and of each cookie.

        Of `Authorization: Basic …`, the password in it is learned, too: it may stand
        elsewhere in the call.
        """
        for name, value in headers:
            lower_name = name.lower()
            if not self.redactor.hides(name, value):
                continue
            # Each cookie is a secret of its own, below.
            if lower_name not in ("cookie", "set-cookie"):
                self.add(value, lower_name)
                if password := basic_password(value):
                    self.add(password, f"{lower_name} password")
                continue
            # `Cookie` has several. `Set-Cookie` has one, and then its attributes, as
            # `Path=/`.
            if lower_name == "cookie":
                cookies = value.split(";")
            else:
                cookies = [value.partition(";")[0]]
            for cookie in cookies:
                cookie_name, _, cookie_value = cookie.partition("=")
                label = f"cookie {cookie_name.strip()}"
                self.add(cookie_value.strip().strip('"'), label)

    def add(self, value: str | float, name: str = "") -> None:
        """Learn one value, with the name at which it stands: `session`, `cookie sid`.

        If it is issued, its placeholder is made from the name. At other places the
        value is hidden as well, unless it is so common (`dark`, `12345`) that it may
        mean something else there. An empty value, a placeholder, and a value that
        `mimic_redact` keeps are not learned.
        """
        text = str(value)
        secret = bare_secret(text)
        if not secret or is_placeholder(secret) or self.redactor.keeps(secret):
            return
        stand_in = self.redactor.stand_in(
            secret if isinstance(value, str) else value, name
        )
        # Without an issuer, the call is still sending. `KnownSecrets` learns what the
        # application sends of its own, so that no later answer issues it.
        if self.redactor.issuer is None:
            self.sent[secret] = name
        if secret != text:
            # The secret stands behind a scheme, `Bearer …`. A server may send back the
            # whole header, as base64.
            forms_of_whole_header = forms_of(text) - {text}
            self.stand_in_by_secret.update(
                dict.fromkeys(forms_of_whole_header, stand_in)
            )
        # A value of the environment is not hidden here, as the name of its variable is
        # to stand for it.
        is_of_environment = secret in self.redactor.environment.forms
        if not is_of_environment and is_distinctive(secret):
            self.stand_in_by_secret.update(dict.fromkeys(forms_of(secret), stand_in))

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return a copy of plain data without secrets.

        With `keep_types`, numbers stay numbers, and mappings and lists are kept. None
        always stays None.
        """
        return self.redactor.scrub(
            plain, keep_types=keep_types, values=self.stand_in_by_secret
        )

    def without(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Return the described parts of a call without secrets, as they are stored.

        The engine calls it for each request that it describes.
        """
        described = {}
        for name, part in parts.items():
            if name in _PARTS_WITHOUT_SECRETS:
                described[name] = part
            elif name in _PARTS_THAT_NAME_THE_CALL:
                described[name] = hide_values(part, self.stand_in_by_secret)
            elif isinstance(part, str):
                described[name] = self.redactor.scrub_text(
                    part, self.stand_in_by_secret
                )
            else:
                described[name] = self.scrub(part, keep_types=True)
        return described

    def text(self, text: str) -> str:
        """Return a text, such as a body, without known secrets.

        If the text is data, the secrets under the names in it are learned first.
        """
        self.learn(text)
        if "\n" in text:
            # Each line of a stream may be JSON, and a line of a plain text a form.
            lines = re.split(r"(\r?\n)", text)
            for line in lines:
                self.learn(line)
            text = "".join(map(self.redactor.scrub_data, lines))
        if looks_like_json(text) and parse_json_text(text) is None:
            # The text looks like JSON and is none: its reader may have cut it off.
            # Names with values are found in it as in free text.
            text = self.redactor.scrub_text(text)
        else:
            text = self.redactor.scrub_data(text)
        if self.stand_in_by_secret:
            text = with_escaped_placeholders(hide_values(text, self.stand_in_by_secret))
        return self.redactor.settled(text)

    def of_stream(self, text: str) -> str:
        """Return the joined text of the events of a stream without secrets.

        The values of the environment are hidden as well.
        """
        return self.redactor.environment.text(self.text(text))

    def header(self, name: str, value: str, /) -> str:
        """Return a header's value without secrets. Cookies keep their names."""
        # Such a header is a URL, perhaps without a scheme.
        if name.lower() in ("location", "content-location"):
            value = self.redactor.scrub_url(value)
        value = self.redactor.scrub_header(name, value)
        if self.stand_in_by_secret:
            value = hide_values(value, self.stand_in_by_secret)
        return self.redactor.settled(value)

    def path(self, path: str) -> str:
        """Return the path of a URL without known secrets.

        Placeholders stand in the path unquoted, as they do outside of URLs.
        """
        path = plain_placeholders(path)
        # Few paths have parameters: `/cart;jsessionid=0A1B`.
        if ";" in path:
            path = self.redactor.scrub_path(path)
        if self.stand_in_by_secret:
            path = hide_values(path, self.stand_in_by_secret)
        return self.redactor.settled(path)


def holds_placeholder(
    url: str, headers: Iterable[tuple[str, str]], body: bytes = b""
) -> bool:
    """Check whether a request has a placeholder in place of a secret.

    A replay has given the placeholder to the application. An adapter refuses to send
    such a request for real.

    Args:
        url: The URL.
        headers: The headers, or the metadata of a call of gRPC. `Basic` credentials are
            searched decoded.
        body: The body. Only a secret that an answer has issued is searched for in it.
    """
    if _has_placeholder(url):
        return True
    for _, value in headers:
        if _has_placeholder(value) or _has_placeholder(basic_credentials(value)):
            return True
    return _body_has_placeholder(body)


def _has_placeholder(text: str) -> bool:
    """Check whether a text has the placeholder of any secret, a text or a number."""
    # Most texts have none, and the other searches take much longer.
    has_words = "redacted" in text or START_IN_BASE64 in text
    if not has_words and NUMBER_START not in text:
        return False
    return mentions_placeholder(text) or ISSUED.search(text) is not None


def _body_has_placeholder(body: bytes) -> bool:
    """Check whether a body has the placeholder of a secret that an answer has issued.

    In a form, the placeholder is written as in a URL. It may also be in base64.
    """
    if b"<redacted:" in body:
        return True
    # A large body without these words is not decoded.
    has_words = b"redacted" in body or START_IN_BASE64.encode() in body
    if not has_words and NUMBER_START.encode() not in body:
        return False
    return bool(issued_in(body.decode("latin-1")))
