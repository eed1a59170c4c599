"""What of an HTTP exchange is secret: by the names that stand before it, and wherever else the same value turns up."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from pytest_mimic._redact.json_text import looks_like_json, parse_json_text
from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic._redact.redactor import Redactor
from pytest_mimic._redact.texts import bare_secret, escaped, hide_values, is_form
from pytest_mimic.boundaries.http.json_layout import parse_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE = re.compile(r"(?P<head>(?:data:)?\s*)(?P<json>[\[{].*[\]}])(?P<tail>\s*)", re.DOTALL)
_ESCAPED = re.compile(re.escape(PLACEHOLDER).replace("<", "%3[Cc]").replace(">", "%3[Ee]"))


class Secrets:
    """Hides secret values: those under secret names, and those that it has learnt.

    A token that a server issues comes back under other names, in paths and in texts. On replay the application
    holds the placeholder instead, so hiding it there as well is what makes the two calls the same.

    Args:
        redactor: Knows which names are secret.
        known: Values that are secret already; not changed.
    """

    def __init__(self, redactor: Redactor, known: Iterable[str] = ()) -> None:
        self.redactor = redactor
        self.values = set(known)

    def learn(self, plain: Any) -> None:
        """Takes in the values of secret names anywhere in plain data."""
        for value in _secret_values(plain, self.redactor):
            self.add(value)

    def learn_request(self, url: str, headers: Iterable[tuple[str, str]], body: Any) -> None:
        """Takes in what a request carries under secret names."""
        self.learn(body)
        parts = urlsplit(url)
        self.learn(dict(parse_qsl(parts.query, errors="backslashreplace")))
        if parts.password:
            self.add(parts.password)
        self.learn_headers(headers)

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Takes in the values of secret headers: of cookies, each one's."""
        for name, value in headers:
            lower = name.lower()
            if not self.redactor.secret(name):
                continue
            if lower in ("cookie", "set-cookie"):
                cookies = value.split(";") if lower == "cookie" else [value.partition(";")[0]]
                for cookie in cookies:
                    self.add(cookie.partition("=")[2].strip())
            else:
                self.add(value)
                self.add(_basic_password(value))

    def learn_line(self, line: str) -> None:
        """Takes in the values of secret names in a line of a stream that is JSON."""
        match = _LINE.fullmatch(line)
        if match:
            try:
                self.learn(parse_json(match["json"]))
            except ValueError:
                pass

    def add(self, value: str) -> None:
        """Takes in one value, unless it is so plain that it may stand elsewhere for something else."""
        value = bare_secret(value)
        mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
        if len(value) >= 20 or (len(value) >= 8 and mixed):
            self.values.add(value)

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """A copy of plain data without secrets; None stays None, with `keep_types` each type."""
        scrubbed = self.redactor.scrub(plain, keep_types=keep_types)
        return _hidden(scrubbed, self.values) if self.values else scrubbed

    def text(self, text: str) -> str:
        """Free text without the known secrets, and without those in it if it is data; it learns these."""
        self.learn(text)
        if looks_like_json(text) and parse_json_text(text) is None:
            text = self.redactor.scrub_text(text)  # perhaps cut off by its reader
        else:
            text = self.redactor.scrub_data(text)
        return escaped(hide_values(text, self.values)) if self.values else text

    def form(self, form: str) -> str:
        """What is said to be an urlencoded form, without secrets; it learns them."""
        self.learn(dict(parse_qsl(form, errors="backslashreplace")))
        return self.text(self.redactor.scrub_form(form))

    def header(self, name: str, value: str) -> str:
        """A header's value without secrets; cookies keep their names."""
        if name.lower() in ("location", "content-location"):
            value = self.redactor.scrub_url(value)
        return hide_values(self.redactor.scrub_header(name, value), self.values)

    def path(self, path: str) -> str:
        """A URL's path; a placeholder that the client has escaped counts as the placeholder."""
        if "%3" in path:
            path = _ESCAPED.sub(PLACEHOLDER, path)
        return hide_values(path, self.values) if self.values else path

    def line(self, line: str) -> str:
        """A line of a stream without secrets: of server-sent events, or of JSON texts one to a line."""
        match = _LINE.fullmatch(line)
        if match:
            try:
                value = parse_json(match["json"])
            except ValueError:
                return f"{match['head']}{self.text(match['json'])}{match['tail']}"
            scrubbed = self.scrub(value, keep_types=True)
            if scrubbed != value:
                style = "spaced" if match["json"] == write_json(value, "spaced") else ""
                return f"{match['head']}{write_json(scrubbed, style)}{match['tail']}"
            return line
        text = line.removeprefix("data:").lstrip()
        head = line[: len(line) - len(text)]
        tail = text[len(text.rstrip()) :]
        return f"{head}{self.text(text.rstrip())}{tail}"


def holds_placeholder(url: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request's URL or headers have the placeholder where its sender means a secret."""
    if PLACEHOLDER in url or _ESCAPED.search(url):
        return True
    return any(PLACEHOLDER in value or PLACEHOLDER in _basic_password(value) for _, value in headers)


def _basic_password(value: str) -> str:
    """The password in the credentials of basic authentication (RFC 7617), empty in any other."""
    if not value.lower().startswith("basic "):
        return ""
    try:
        return base64.b64decode(value[6:]).decode().partition(":")[2]
    except ValueError:
        return ""


def _secret_values(plain: Any, redactor: Redactor) -> Iterator[str]:
    """Every string under a secret name, also inside of texts that are data."""
    todo = [(plain, False)]
    while todo:
        value, secret = todo.pop()
        if isinstance(value, dict):
            todo.extend((inner, secret or redactor.secret(name)) for name, inner in value.items())
        elif isinstance(value, list):
            todo.extend((inner, secret) for inner in value)
        elif isinstance(value, str):
            if secret:
                yield value
            else:
                yield from redactor.literals(value)
                todo.append((_data_in(value), False))


def _data_in(text: str) -> Any:
    """What a text that is JSON or an urlencoded form holds; None for any other."""
    if "=" in text and is_form(text):
        return [{name: value} for name, value in parse_qsl(text, errors="backslashreplace")]
    return parse_json_text(text)


def _hidden(plain: Any, values: set[str]) -> Any:
    """Plain data with the known secrets replaced in all its strings; changed in place."""
    root = [plain]
    todo: list[Any] = [root]
    while todo:
        box = todo.pop()
        for key, value in list(box.items() if isinstance(box, dict) else enumerate(box)):
            if isinstance(value, (dict, list)):
                todo.append(value)
            elif isinstance(value, str):
                box[key] = hide_values(value, values)
    return root[0]
