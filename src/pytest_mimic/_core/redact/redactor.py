"""Hides secrets in plain data, and in texts: URLs, forms, headers, JSON, markup, GraphQL and free text; the rest of a text stays."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from html import unescape
from json import dumps, loads
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, unquote_plus

from pytest_mimic._core.redact.secret_names import (
    GOOGLE_KEY,
    JWT,
    NUMBER_START,
    PLACEHOLDER,
    PLACEHOLDER_START,
    SecretNames,
    bare_secret,
    is_of_login,
    is_placeholder,
    normalised,
    places,
    plain_placeholders,
)
from pytest_mimic._core.redact.secret_values import Environment, hide_values
from pytest_mimic._core.words import pattern

if TYPE_CHECKING:
    from pytest_mimic._core.redact.known_secrets import Issuer, KnownSecrets

_ZEROES: dict[type, object] = {int: 0, float: 0.0}
#: Secrets as they are written, perhaps each with what stands for it.
Values = Iterable[str] | Mapping[str, str]
_SCHEMES = r"(?:apikey|basic|bearer|digest|negotiate|token)"
# No pattern backtracks far: repetitions are bounded or cannot match what follows them,
# so that a long text which fits none takes time in proportion to its length.
_URL = pattern(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>]+")
# The password in a URL. A user without one is a token to HTTP servers, and a mere name
# to databases.
_PASSWORD = pattern(
    r"^(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^/?#:]*:)(?P<secret>[^/?#]+)@"
)
_LONE_USER = pattern(r"^(?P<before>https?://)(?P<secret>[^/?#:]*):?@", re.IGNORECASE)
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
    + r"""\s+)?(?!<redacted[:>]|&lt;redacted)[^\s"',;&]*[^\s"',;&)\]}>]"""
)
# What filters of other tools write in place of a secret: `DUMMY`, `[REDACTED]`, `XXXX`.
_FILTERED = pattern(
    r"[\[<{(]{0,2}(?:redacted|dummy|filtered|scrubbed|sanitized|removed|masked|x{3,}|\*{3,})"
    r"(?:[_ -]\w{1,20}){0,3}[\]>})]{0,2}",
    re.IGNORECASE,
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
_MARKUP = pattern(rf"\ufeff?\s*(?!{PLACEHOLDER_START}[:>])<")
_ELEMENT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})(?:\s[^<>]*)?>"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
_QUOTED = r"""=(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^<>])+)(?P=quote)"""
_ATTRIBUTE = pattern(
    rf"\s(?:[\w.-]{{1,200}}:)?(?P<name>[A-Za-z_][\w.-]{{0,200}}){_QUOTED}"
)
# A field, `<input name="csrf_token" value="…">` or `<meta name=csrf-token content=…>`, in
# any order.
_OF_FIELD = (
    r"""<(?=[^<>]{1,500}\s(?:name|key|property)=["']?(?P<name>[\w.-]{1,200})["'\s/>])"""
    r"""[^<>]{1,500}?\s(?:value|content)"""
)
_FIELD = pattern(_OF_FIELD + _QUOTED)
_BARE_FIELD = pattern(_OF_FIELD + r"""=(?P<text>[^\s"'<>]+)(?=[\s>])""")
# A setting in a script, `{"apiKey": "…"}` or `apiKey: '…'`.
_IN_SCRIPT = pattern(
    r"""(?<![\w-])(?P<mark>["']?)(?P<name>[A-Za-z_][\w-]{0,200})(?P=mark)\s{0,5}:\s{0,5}"""
    r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\<>\n])+)(?P=quote)"""
)
# A text of settings, `Server=db;Uid=ann;Pwd=…` or `host=db password=…`, and one of them.
_SETTINGS = pattern(
    r"\s*[A-Za-z][\w ]{0,50}=[^;=\s][^;\n]{0,2000}(?:;\s*[A-Za-z][\w ]{0,50}=[^;\n]{0,2000})+;?\s*"
    r"|\s*[a-z_]{1,50}=\S{1,2000}(?: +[a-z_]{1,50}=\S{1,2000})+\s*"
)
_SETTING = pattern(r"(?:(?<=[;\s])|^)(?P<name>[A-Za-z][\w ]{0,50})=(?P<text>[^;\s]+)")
# A placeholder that is to be written as text inside markup.
_TO_ESCAPE = pattern(r"<(redacted(?::[0-9a-z-]+)?)>")
# The comma between cookies that were joined into one header. The one in `Expires=Wed,
# 09 Jun` is not followed by a name.
_NEXT_COOKIE = pattern(r",\s*(?=[^;,=\s]+=)")


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
        known: The secrets of a test, which say what stands for each value; without
            them, each value is the application's own.
        issuer: The call whose answer is hidden.
        hides_by_look: Whether what looks like a JSON Web Token is hidden wherever it
            stands, as in requests.
        keeps_filtered: Whether a word that another tool has written in place of a
            secret stays.
    """

    variables: Mapping[str, str] = os.environ
    known: KnownSecrets | None = None
    issuer: Issuer | None = None
    keeps_filtered = False
    hides_by_look = False

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
            made.known, made.issuer = self.known, self.issuer
            made.hides_by_look = self.hides_by_look
            made.keeps_filtered = self.keeps_filtered
        return self._extended[names]

    def by_look(self) -> Redactor:
        """Return a redactor of the same names that hides JSON Web Tokens by their look, too."""
        made = copy(self)
        made.hides_by_look = bool(self._names)
        made._extended = {}
        return made

    def knowing(self, known: KnownSecrets, issuer: Issuer | None = None) -> Redactor:
        """Return a redactor of the same names that knows the secrets of a test.

        With an issuer, it hides an answer, which issues the secrets that are new.
        """
        made = copy(self)
        made.known, made.issuer = known, issuer
        if issuer is not None:
            made.hides_by_look = False
        made._extended = {}
        return made

    def stand_in(self, value: object, name: object = "") -> str:
        """Return what stands for a value under a secret name.

        A placeholder stays, unless another test was issued it.
        """
        if self.keeps(value):
            return str(value)
        if self.known is None:
            text = plain_placeholders(bare_secret(str(value)))
            return text if is_placeholder(text) else PLACEHOLDER
        text = bare_secret(str(value))
        is_own = not text or text in self.environment.forms
        if self.issuer is None or is_own or is_placeholder(text):
            return self.known.stand_in(value)
        is_number = type(value) in _ZEROES
        return self.known.issue(self.issuer, str(name), text, is_number=is_number)

    def keeps(self, value: object) -> bool:
        """Check whether a value is a word that another tool has written in place of a secret, and stays."""
        if not self.keeps_filtered or not isinstance(value, str):
            return False
        return _FILTERED.fullmatch(bare_secret(value)) is not None

    def number_for(self, value: float, name: object) -> object:
        """Return the number that stands for one under a secret name."""
        if self.issuer is not None:
            self.issuer.numbers.add(str(name))
        stand_in = self.stand_in(value, name)
        if not stand_in.startswith(NUMBER_START):
            return _ZEROES[type(value)]
        return type(value)(stand_in)

    def _stand_in_of(self, value: object, name: object, *, keep_types: bool) -> object:
        """Return what stands for any value under a secret name; with `keep_types`, a number for a number."""
        if isinstance(value, (int, float)):
            number = self.number_for(value, name)
            return number if keep_types or number else PLACEHOLDER
        return self.stand_in(value, name)

    def scrub(
        self,
        plain: object,
        *,
        keep_types: bool = False,
        stored: bool = False,
        values: Values = (),
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
                if not is_hidden:
                    box[key] = self._stand_in_of(value, name, keep_types=keep_types)
            elif isinstance(value, str):
                text = self.scrub_data(value) if DATA.search(value) else value
                if values:
                    text = hide_values(text, values)
                box[key] = self.settled(text)
        return root[""]

    def settled(self, text: str) -> str:
        """Return a text without JSON Web Tokens if those are hidden by their look, and with `<redacted>` in place of the placeholders of other tests."""
        if self.hides_by_look and "eyJ" in text:
            text = JWT.sub(self._stand_in_by_look, text)
        if self.known is None or f"{PLACEHOLDER_START}:" not in text:
            return text
        return self.known.settled(text)

    def _stand_in_by_look(self, match: re.Match[str]) -> str:
        return (
            PLACEHOLDER if self.known is None else self.known.stand_in_by_look(match[0])
        )

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

    def literals(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the values of secret names in markup or GraphQL, each with its name.

        Any other text has none.
        """
        for literal in _literals_of(text):
            for match in literal.finditer(text):
                value = match["text"].removeprefix("<![CDATA[").removesuffix("]]>")
                if self.hides(match["name"], value):
                    yield match["name"], value

    def _hide_literal(self, match: re.Match[str]) -> str:
        value = match["text"]
        if not self.hides(match["name"], value):
            return match[0]
        start, end = (place - match.start() for place in match.span("text"))
        content = value.removeprefix("<![CDATA[").removesuffix("]]>")
        stand_in = self.stand_in(unescape(content), match["name"])
        return f"{match[0][:start]}{stand_in}{match[0][end:]}"

    def scrub_url(self, url: str) -> str:
        """Return the URL without passwords in its user part, and without secrets in its query and fragment."""
        if not self._names:
            return url
        if "@" in url:
            url = _LONE_USER.sub(self._hide_user, url)
            url = _PASSWORD.sub(self._hide_user, url)
        url, hash_sign, fragment = url.partition("#")
        url, question_mark, query = url.partition("?")
        url = self.scrub_path(url)
        if "=" in fragment:
            fragment = self.scrub_form(fragment)
        return f"{url}{question_mark}{self.scrub_form(query)}{hash_sign}{fragment}"

    def _hide_user(self, match: re.Match[str]) -> str:
        return f"{match['before']}{self.stand_in(unquote(match['secret']), 'user')}@"

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
        given = [field.partition("=") for field in form.split("&")]
        names = [unquote_plus(name) for name, _, _ in given]
        company = self.company(names)
        of_login = is_of_login(names)
        fields = []
        for name, (written, sign, value) in zip(names, given):
            text = unquote_plus(value)
            is_secret = self.hides(name, text) or self.hides_beside(
                name, text, company, of_login=of_login
            )
            if is_secret and value not in _NO_SECRETS:
                value = self.stand_in(text, name)
            fields.append(f"{written}{sign}{self.scrub_urls(value)}")
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
            return "; ".join(map(self._hide_cookie, value.split(";")))
        if kind == "setcookie":
            return ", ".join(map(self._hide_set_cookie, _NEXT_COOKIE.split(value)))
        return self.stand_in(value, name.lower())

    def _hide_cookie(self, cookie: str) -> str:
        name, sign, value = cookie.strip().partition("=")
        if not value:
            return f"{name}{sign}"
        return f"{name}={self.stand_in(value, f'cookie {name}')}"

    def _hide_set_cookie(self, cookie: str) -> str:
        first, sign, attributes = cookie.partition(";")
        return f"{self._hide_cookie(first)}{sign}{attributes}"

    def is_hidden_cookie(self, name: object, value: str) -> bool:
        """Return whether a value is the header of a cookie as `scrub_header` returns it, with the cookie's name."""
        is_cookie = (
            type(name) is str
            and normalised(name) in ("cookie", "setcookie")
            and PLACEHOLDER_START in value
        )
        return is_cookie and value == self.scrub_header(str(name), value)

    def scrub_text(self, text: str, secrets: Values = ()) -> str:
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
                content = text[at:end].removeprefix(quote).removesuffix(quote)
                stand_in = self.stand_in(content, named["beside"] or named["name"])
                if stand_in == plain_placeholders(content):
                    # It is hidden already, perhaps as it is written in markup.
                    at = end
                    continue
                yield f"{text[done:at]}{quote}{stand_in}{quote}"
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
            _, _, value, name, is_secret, _ = next(leaves)
            if word is not None:
                return dumps(self.number_for(value, name)) if is_secret else token[0]
            changed = self.stand_in(value, name) if is_secret else inner(value)
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
        return _ELEMENT, _ATTRIBUTE, _FIELD, _BARE_FIELD, _IN_SCRIPT
    if "{" in text and _GRAPHQL.match(text):
        return (_ARGUMENT,)
    if "=" in text and _SETTINGS.fullmatch(text):
        return (_SETTING,)
    return ()


def escaped(text: str) -> str:
    """Escape the placeholders if the text is markup.

    Any other text is returned as it is.
    """
    if PLACEHOLDER_START not in text or not _MARKUP.match(text):
        return text
    return _TO_ESCAPE.sub(r"&lt;\1&gt;", text)


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
