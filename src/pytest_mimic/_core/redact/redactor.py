"""Hides secrets in plain data, and in texts: URLs, forms, headers, JSON, markup, GraphQL and free text; the rest of a text stays."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from json import dumps, loads
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from pytest_mimic._core.redact.secret_names import (
    GOOGLE_KEY,
    PLACEHOLDER,
    SecretNames,
    normalised,
    places,
)
from pytest_mimic._core.redact.secret_values import Environment, hide_values
from pytest_mimic._core.words import pattern

_ZEROES: dict[type, object] = {int: 0, float: 0.0}
_SCHEMES = r"(?:apikey|basic|bearer|digest|negotiate|token)"
# No pattern backtracks far: repetitions are bounded or cannot match what follows them,
# so that a long text which fits none takes time in proportion to its length.
_URL = pattern(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>]+")
# The password in a URL. A user without one is a token to HTTP servers, and a mere name
# to databases.
_PASSWORD = pattern(r"^([A-Za-z][A-Za-z0-9+.-]*://[^/?#:]*:)[^/?#]+@")
_LONE_USER = pattern(r"^(https?://)[^/?#:]*:?@", re.IGNORECASE)
# A name with the sign before its value: `token=`, `"token":`, `--token `. A blank alone
# is enough after a flag only. Or the pair of a name and a value, `"name": "token",
# "value": `.
_NAMED = pattern(
    r"""(?P<mark>\\*["'])(?i:name|key)(?P=mark)\s{0,20}:\s{0,20}(?P=mark)(?P<beside>[\w-]{1,200})(?P=mark)"""
    r"""\s{0,20},\s{0,20}(?P=mark)(?i:value)(?P=mark)\s{0,20}:\s{0,20}"""
    r"""|(?<![\w-])(?P<flag>--?)?(?P<quote>(?:\\*["'])?)(?P<name>[A-Za-z_][\w-]{0,200})(?P=quote)"""
    r"""(?:\s{0,20}[=:]\s{0,20}|(?(flag)\s{1,20}(?=[^\s-])|(?!)))"""
)
#: What each text has that is data itself, or has a URL.
DATA = pattern(r"[{\[<=]|://")
# A value after a name: quoted, escaped and quoted as inside of a JSON text, in
# brackets, or bare, perhaps after `Bearer`.
_VALUE = pattern(
    r"""(?:None|null|[Tt]rue|[Ff]alse)\b|(?P<bracket>[\[({])|(?P<open>\\+["'])[^"'\\]*(?:\\+["'])?|(?P<double>")(?:[^"\\]|\\.)*"?|"""
    r"""(?P<single>')(?:[^'\\]|\\.)*'?|(?i:"""
    + _SCHEMES
    + r"""\s+)?(?!<redacted>)[^\s"',;&]*[^\s"',;&)\]}>]"""
)
# The values after a name that are no secret.
_NO_SECRETS = frozenset(
    {"", "None", "null", "True", "true", "False", "false", "[]", "()", "{}"}
)
_QUOTED_OR_BRACKET = pattern(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[\[\](){}]""")
# A parameter in the path of a URL.
_PATH_PARAMETER = pattern(r";(?P<name>[^;/?#=]+)=(?P<text>[^;/?#]+)")
FORM = pattern(r"[\w.\[\]%+-]+=[^&\s]*(?:&[\w.\[\]%+-]+=[^&\s]*)*")
_WITH_QUERY = pattern(r"[^\s?#]*[?#]\S+")
_GRAPHQL = pattern(r"\s*(?:\{|(?:query|mutation|subscription|fragment)\b)")
# Names with their values as `text`. An argument of GraphQL, `password: "…"`; a block is
# one between three quotes.
_ARGUMENT = pattern(
    r"""(?<![\w$])(?P<name>[A-Za-z_]\w{0,200})\s{0,20}:\s{0,20}(?P<quote>"(?:"")?)(?P<text>(?:[^"\\]|\\.)+)(?P=quote)"""
)
# XML or HTML, perhaps after a byte order mark. A redacted text begins with `<` as well.
_MARKUP = pattern(rf"\ufeff?\s*(?!{PLACEHOLDER})<")
_ELEMENT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})(?:\s[^<>]*)?>"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
_QUOTED = r"""=(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^<>])+)(?P=quote)"""
_ATTRIBUTE = pattern(
    rf"\s(?:[\w.-]{{1,200}}:)?(?P<name>[A-Za-z_][\w.-]{{0,200}}){_QUOTED}"
)
# A field, `<input name="csrf_token" value="…">`.
_FIELD = pattern(
    rf"""<(?=[^<>]{{1,500}}\s(?:name|key)=["'](?P<name>[\w.-]{{1,200}})["'])[^<>]{{1,500}}?\svalue{_QUOTED}"""
)
# The placeholder as text inside markup.
_ESCAPED = PLACEHOLDER.replace("<", "&lt;").replace(">", "&gt;")
# The comma between cookies that were joined into one header. The one in `Expires=Wed,
# 09 Jun` is not followed by a name.
_NEXT_COOKIE = pattern(r",\s*(?=[^;,=\s]+=)")
_SCHEME = pattern(rf"^{_SCHEMES}\s+", re.IGNORECASE)


class Redactor(SecretNames):
    """Knows which names are secret, and replaces their values.

    Args:
        names: Names to add to the default ones. `!name` removes one. The last word on a
            name wins.
        defaults: Whether the default names are secret. Without any name nothing is, not
            even a password in a URL.

    Attributes:
        issued: Values that servers sent under secret names in this run. Clients hide
            them elsewhere as well.
        variables: The environment of the run, to be set before `environment` is used.
    """

    variables: Mapping[str, str] = os.environ

    def __init__(self, names: Sequence[str] = (), *, defaults: bool = True) -> None:
        super().__init__(names, defaults=defaults)
        self._given = tuple(names)
        self._extended: dict[tuple[str, ...], Redactor] = {}
        self.issued: set[str] = set()

    @cached_property
    def declared(self) -> Redactor:
        """A redactor for the names of the configuration alone."""
        return Redactor(self._given, defaults=False)

    @cached_property
    def environment(self) -> Environment:
        """The values of environment variables with secret names."""
        return Environment(self, self.variables)

    def with_names(self, names: tuple[str, ...]) -> Redactor:
        """Return a redactor for which these names are secret, too, unless the names of this one say otherwise."""
        if names not in self._extended:
            made = self._extended[names] = Redactor((*names, *self._given))
            made.variables, made.issued = self.variables, self.issued
        return self._extended[names]

    def scrub(
        self,
        plain: object,
        *,
        keep_types: bool = False,
        stored: bool = False,
        values: Collection[str] = (),
    ) -> Any:
        """Return a copy of plain data in which the values of secret names are replaced.

        None, booleans and empty texts stay.

        Strings that are data themselves, such as JSON or a URL, lose the secrets in
        them as well. With `keep_types`,
        each secret is replaced by a value of its type, numbers by 0, so that code which
        reads the data finds what it
        expects. Mappings and lists keep their shape. `stored` is as for `places`. The
        known secret `values` are replaced in all texts.
        """
        root = {"": plain}
        for box, key, value, name, is_secret, _ in places(root, self, stored=stored):
            is_container = isinstance(value, (dict, list))
            if is_secret and not (is_container and keep_types):
                is_hidden = type(value) is str and self.is_hidden_cookie(name, value)
                hidden = (
                    _ZEROES.get(type(value), PLACEHOLDER) if keep_types else PLACEHOLDER
                )
                box[key] = value if is_hidden else hidden
            elif isinstance(value, str):
                text = self.scrub_data(value) if DATA.search(value) else value
                box[key] = hide_values(text, values) if values else text
        return root[""]

    # Texts

    def scrub_json(self, text: str) -> str:
        """Return a JSON text without its secrets and otherwise unchanged.

        Any other text is returned as it is.
        """
        found = self._in_json(text, self.scrub_json)
        return text if found is None else found

    def scrub_data(self, text: str) -> str:
        """Return a text that is JSON, markup, GraphQL, a form or a URL as a whole without its secrets.

        Any other text loses the secrets in its URLs only.
        """
        if (found := self._in_json(text, self.scrub_data)) is not None:
            return found
        if patterns := _literals_of(text):
            for pattern in patterns:
                text = pattern.sub(self._hide_literal, text)
            return escaped(self.scrub_urls(text))
        if "=" in text:
            if FORM.fullmatch(text):
                return self.scrub_form(text)
            if _WITH_QUERY.fullmatch(text):
                return self.scrub_url(text)
        return self.scrub_urls(text) if "://" in text else text

    def literals(self, text: str) -> list[str]:
        """Return the values of secret names in markup or GraphQL.

        Any other text has none.
        """
        found = (
            match for pattern in _literals_of(text) for match in pattern.finditer(text)
        )
        named = (
            (one["name"], one["text"].removeprefix("<![CDATA[").removesuffix("]]>"))
            for one in found
        )
        return [value for name, value in named if self.hides(name, value)]

    def _hide_literal(self, match: re.Match[str]) -> str:
        start, end = (place - match.start() for place in match.span("text"))
        is_secret = self.hides(match["name"], match["text"])
        return (
            f"{match[0][:start]}{PLACEHOLDER}{match[0][end:]}"
            if is_secret
            else match[0]
        )

    def scrub_url(self, url: str) -> str:
        """Return the URL without passwords in its user part, and without secrets in its query and fragment."""
        if not self._names:
            return url
        url = _PASSWORD.sub(
            rf"\1{PLACEHOLDER}@", _LONE_USER.sub(rf"\1{PLACEHOLDER}@", url)
        )
        url, hash_sign, fragment = url.partition("#")
        url, question_mark, query = url.partition("?")
        url = self.scrub_path(url)
        if "=" in fragment:
            fragment = self.scrub_form(fragment)
        return f"{url}{question_mark}{self.scrub_form(query)}{hash_sign}{fragment}"

    def scrub_path(self, path: str) -> str:
        """Return the path of a URL without the secrets in its parameters (`/cart;jsessionid=0A1B`)."""
        return _PATH_PARAMETER.sub(self._hide_literal, path)

    def scrub_urls(self, text: str) -> str:
        return (
            _URL.sub(lambda match: self.scrub_url(match[0]), text)
            if "://" in text
            else text
        )

    def scrub_form(self, form: str) -> str:
        """Return a query or an urlencoded form (`a=1&token=x`) with secret fields replaced."""
        fields = []
        for field in form.split("&"):
            name, sign, value = field.partition("=")
            if value not in _NO_SECRETS and self.hides(unquote_plus(name), value):
                value = PLACEHOLDER
            fields.append(f"{name}{sign}{self.scrub_urls(value)}")
        return "&".join(fields)

    def scrub_header(self, name: str, value: str) -> str:
        """Return the value of a header without its secrets.

        Cookies keep their names, `Set-Cookie` its attributes, and other headers their
        parameters.
        """
        if value in _NO_SECRETS or not self.hides(name, value):
            value = self.scrub_urls(value) if "://" in value else value
            return "".join(self._assigned(value)) if "=" in value else value
        kind = normalised(name)
        if kind == "cookie":
            return "; ".join(_hide_cookie(cookie) for cookie in value.split(";"))
        if kind == "setcookie":
            cookies = (cookie.partition(";") for cookie in _NEXT_COOKIE.split(value))
            return ", ".join(
                f"{_hide_cookie(first)}{sign}{rest}" for first, sign, rest in cookies
            )
        return PLACEHOLDER

    def is_hidden_cookie(self, name: object, value: str) -> bool:
        """Return whether a value is the header of a cookie as `scrub_header` returns it, with the cookie's name."""
        is_cookie = (
            type(name) is str
            and normalised(name) in ("cookie", "setcookie")
            and PLACEHOLDER in value
        )
        return is_cookie and value == self.scrub_header(str(name), value)

    def scrub_text(self, text: str, secrets: Iterable[str] = ()) -> str:
        """Return free text without secrets in URLs, after secret names (`token=…`, `"token": "…"`), and those known."""
        if not self._names:
            return text
        text = hide_values(text, secrets)
        text = GOOGLE_KEY.sub(PLACEHOLDER, text) if "AIza" in text else text
        if (found := self._in_json(text, self.scrub_text)) is not None:
            return found
        return "".join(self._assigned(self.scrub_urls(text)))

    def _assigned(self, text: str) -> Iterator[str]:
        """Yield the text in pieces, with the values after secret names replaced."""
        done = at = 0
        while named := _NAMED.search(text, at):
            at = named.end()
            # In free text, names that are secret only with a text mean something else.
            value = (
                _VALUE.match(text, at)
                if self.hides(named["beside"] or named["name"], 0)
                else None
            )
            if value is None:
                continue
            end = _closing(text, at) if value["bracket"] else value.end()
            if text[at:end] not in _NO_SECRETS:
                quote = value["open"] or value["double"] or value["single"] or ""
                yield f"{text[done:at]}{quote}{PLACEHOLDER}{quote}"
                done = at = end
        yield text[done:]

    def _in_json(self, text: str, inner: Callable[[str], str]) -> str | None:
        """Return a JSON text with secrets replaced by values of their type, and `inner` applied to all other strings.

        None for any other text.
        """
        tree = parse_json_text(text, _mapping) if "{" in text or "[" in text else None
        if tree is None:
            return None
        start, end = _span(text)
        leaves = (
            place
            for place in places({"": tree}, self)
            if type(place.value) in (str, int, float)
        )

        def replaced(token: re.Match[str]) -> str:
            word = token["word"]
            if token["colon"] or word in _WORDS:
                return token[0]
            _, _, value, _, is_secret, _ = next(leaves)
            if word is not None:
                number = "0" if word.lstrip("-").isdigit() else "0.0"
                return number if is_secret else token[0]
            changed = PLACEHOLDER if is_secret else inner(value)
            return (
                token[0]
                if changed == value
                else dumps(changed, ensure_ascii=token[0].isascii())
            )

        return text[:start] + _TOKEN.sub(replaced, text[start:end]) + text[end:]


def _closing(text: str, start: int) -> int:
    """Return the end of what begins with a bracket there; that of the text if it is not closed."""
    depth = 0
    for match in _QUOTED_OR_BRACKET.finditer(text, start):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return len(text)


def _literals_of(text: str) -> tuple[re.Pattern[str], ...]:
    """Return the patterns that find names with values in markup or in GraphQL.

    The text's beginning decides.
    """
    if _MARKUP.match(text):
        return _ELEMENT, _ATTRIBUTE, _FIELD
    return (_ARGUMENT,) if _GRAPHQL.match(text) and "{" in text else ()


def escaped(text: str) -> str:
    """Escape the placeholder if the text is markup.

    Any other text is returned as it is.
    """
    return (
        text.replace(PLACEHOLDER, _ESCAPED)
        if PLACEHOLDER in text and _MARKUP.match(text)
        else text
    )


def bare_secret(value: str) -> str:
    """Return a secret without the scheme that may precede it (`Bearer …`)."""
    return _SCHEME.sub("", value)


def _hide_cookie(cookie: str) -> str:
    name, sign, value = cookie.strip().partition("=")
    return f"{name}={PLACEHOLDER}" if sign and value else f"{name}{sign}"


# The strings and words of a JSON text.
_TOKEN = pattern(r'"[^"\\]*(?:\\.[^"\\]*)*"(?P<colon>\s*:)?|(?P<word>[^\s{}\[\],:"]+)')
# What may precede a JSON text: a byte order mark, and a guard against being run as a
# script, `)]}',` or `for(;;);`.
_BEFORE = pattern(r"\ufeff?\s*(?:\)\]\}'?,?|(?:while|for)\s*\((?:1|;;)\);)?\s*")
# JSONP: a call of a function with the JSON text, perhaps after a comment.
_CALL = pattern(r"\s*(?:/\*[^*]{0,200}\*/\s*)?[A-Za-z_$][\w$.]{0,200}\(\s*(?=[{\[])")
_WORDS = frozenset({"null", "false", "true"})


def looks_like_json(text: str) -> bool:
    """Check whether a text begins like a JSON mapping or list, perhaps after a guard."""
    return text.startswith(("{", "["), _span(text)[0])


def parse_form(form: str) -> dict[str, Any]:
    """Return the fields of a query or form.

    The values of a repeated field are a list, in their order.
    """
    found: dict[str, Any] = {}
    for name, value in parse_qsl(
        form, keep_blank_values=True, errors="backslashreplace"
    ):
        found.setdefault(name, []).append(value)
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in found.items()
    }


def parse_json_text(
    text: str, mapping: Callable[[list[tuple[str, Any]]], object] | None = None
) -> object:
    """Return the mapping or list in a JSON text, which may be JSONP, or None for any other text.

    `mapping` makes a mapping of its pairs.
    """
    start, end = _span(text)
    if not text.startswith(("{", "["), start):
        return None
    try:
        return loads(text[start:end], object_pairs_hook=mapping)
    except (ValueError, RecursionError):
        return None


def _span(text: str) -> tuple[int, int]:
    """Return where the JSON in a text begins and ends."""
    if text[-1:] in (")", ";", "\n", " ") and (call := _CALL.match(text)):
        tail = text.rstrip("; \t\r\n")
        if tail.endswith(")"):
            return call.end(), len(tail) - 1
    before = _BEFORE.match(text)
    return (before.end() if before else 0), len(text)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping with all values of a key that stands in it twice, under names that are as secret."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        made[f"{key}\0{len(made)}" if key in made else key] = value
    return made


# : Nothing is secret: for what is redacted already, and for what is handed on with its
# secrets.
NO_NAMES = Redactor(defaults=False)
NO_NAMES.variables = {}
