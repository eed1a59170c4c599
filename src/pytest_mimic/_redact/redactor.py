"""Which names hold secrets, and how their values are kept out of everything that is stored or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

from pytest_mimic._redact.json_text import looks_like_json, parse_json_text, replace_in_json

#: Stands for a secret value, wherever one is left out.
PLACEHOLDER = "<redacted>"

#: Names whose values are secret; case, `-` and `_` do not count. A longer name that holds one of them as whole
#: words (`openai_api_key`) is secret too.
DEFAULT_NAMES = (
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "client_secret",
    "secret_key",
    "secret_access_key",
    "token",
    "access_token",
    "access_tokens",
    "auth_token",
    "auth_tokens",
    "bearer_token",
    "id_token",
    "refresh_token",
    "refresh_tokens",
    "session_token",
    "security_token",
    "api_key",
    "api_keys",
    "api_token",
    "api_tokens",
    "x_api_key",
    "access_key",
    "account_key",
    "encryption_key",
    "private_key",
    "shared_key",
    "signing_key",
    "ssh_key",
    "auth",
    "authorization",
    "proxy_authorization",
    "bearer",
    "jwt",
    "cookie",
    "cookies",
    "set_cookie",
    "credential",
    "credentials",
    "csrf",
    "csrf_token",
    "csrfmiddlewaretoken",
    "xsrf",
    "xsrf_token",
    "signature",
)

#: Names that end like a secret and are none: paging, and the vocabulary of language models.
PUBLIC_NAMES = (
    "bos_token",
    "continuation_token",
    "cls_token",
    "end_token",
    "eos_token",
    "mask_token",
    "next_token",
    "pad_token",
    "page_token",
    "pagination_token",
    "per_token",
    "sep_token",
    "special_token",
    "start_token",
    "stop_token",
    "sync_token",
    "unk_token",
)

#: A name that ends in one of these tells something about a secret and is none itself (`token_count`).
_ABOUT = frozenset(
    """age alg algorithm at backend budget class client cost count counts dir enabled endpoint error errors
    expiration expired expires expiry field fields file filename for host id ids in index jar kind len length
    level limit manager max method methods min mode name names path policy position price prob probs provider
    rate required rotation scheme scope scopes server service size sizes status store strategy time ttl type
    types uri url usage user username valid validator version""".split()
)

_NAME = re.compile(r"!?[\w.-]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_SCHEMES = r"(?:apikey|basic|bearer|digest|negotiate|token)"
# Each pattern can begin at few places only, and so takes time in proportion to the text.
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>]+")
_USERINFO = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@")
_NAMED = re.compile(
    r"""(?<![\w-])(?P<flag>--?)?(?P<quote>(?:\\*["'])?)(?P<name>[A-Za-z_][\w-]{0,200})(?P=quote)"""
    r"""(?:\s{0,20}[=:]\s{0,20}|(?(flag)\s{1,20}(?=[^\s-])|(?!)))"""
)
_VALUE = re.compile(
    r"""(?:None|null)\b|(?P<open>\\+["'])[^"'\\]*(?:\\+["'])?|(?P<double>")(?:[^"\\]|\\.)*"?|"""
    r"""(?P<single>')(?:[^'\\]|\\.)*'?|(?i:"""
    + _SCHEMES
    + r"""\s+)?(?!<redacted>)[^\s"',;&]*[^\s"',;&)\]}>]"""
)
_FORM = re.compile(r"[\w.\[\]%+-]+=[^&\s]*(?:&[\w.\[\]%+-]+=[^&\s]*)*")
_WITH_QUERY = re.compile(r"[^\s?#]*[?#]\S+")
_GRAPHQL = re.compile(r"\s*(?:\{|(?:query|mutation|subscription|fragment)\b)")
_ARGUMENT = re.compile(
    r"""(?<![\w$])(?P<name>[A-Za-z_]\w{0,200})\s{0,20}:\s{0,20}"""
    r"""(?:\"{3}(?P<block>[^"]+)\"{3}|"(?P<text>(?:[^"\\\n]|\\.)+)")"""
)
_MARKUP = re.compile(rf"\ufeff?\s*(?!{PLACEHOLDER})<")
_ELEMENT = re.compile(
    r"<(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})(?:\s[^<>]*)?>"
    r"(?P<text>[^<>]+|<!\[CDATA\[(?P<block>[^\]<]*)\]\]>)</"
)
_ATTRIBUTE = re.compile(
    r"""\s(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})=(?:"(?P<block>[^"<>]+)"|'(?P<text>[^'<>]+)')"""
)
#: The placeholder, as markup has to write it.
_ESCAPED = PLACEHOLDER.replace("<", "&lt;").replace(">", "&gt;")
_FLAG = re.compile(r"--?([A-Za-z][\w-]{0,200})")
_NEXT_COOKIE = re.compile(r",\s*(?=[^;,=\s]+=)")
_SCHEME = re.compile(rf"^{_SCHEMES}\s+", re.IGNORECASE)
_SHORTEST_SECRET = 4
_ZEROES: dict[type, object] = {bool: False, int: 0, float: 0.0}
_LONGEST_NAME = 200


def read_names(line: str) -> list[str]:
    """The names in one line of `mimic_redact`, those to take out with their `!`.

    Raises:
        ValueError: One of them can match nothing.
    """
    names = line.partition("#")[0].replace(",", " ").split()
    for name in names:
        if not _NAME.fullmatch(name) or not _joined(name):
            raise ValueError(f"{name} is no name, write it in letters, digits, - _ and .")
    return names


class Redactor:
    """Knows which names are secret, and replaces their values.

    Args:
        names: Names to add to the default ones; `!name` takes one out. The last word on a name wins.

    Attributes:
        issued: Values that servers have given out under secret names in this run, for boundaries to hide elsewhere.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.issued: set[str] = set()
        self._names = {_joined(name) for name in DEFAULT_NAMES}
        self._public = {_joined(name) for name in PUBLIC_NAMES}
        for name in names:
            self._add(name)
        self._known: dict[str, bool] = {}

    def _add(self, name: str) -> None:
        kept, dropped = (self._public, self._names) if name.startswith("!") else (self._names, self._public)
        kept.add(_joined(name))
        dropped.discard(_joined(name))

    def secret(self, name: object) -> bool:
        """Whether the value of an argument, key, attribute, header or parameter of this name is secret."""
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            return False
        known = self._known.get(name)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[name] = self._judge(name)
        return known

    def _judge(self, name: str) -> bool:
        parts = _words(name)
        count = len(parts)
        while count and parts[count - 1].isdigit():  # token_count_1 is a count
            count -= 1
        secret = public = 0
        for start in range(len(parts)):
            for end in range(start + 1, len(parts) + 1):
                part = "".join(parts[start:end])
                if end < count and parts[count - 1] in _ABOUT:
                    continue
                if part in self._names:
                    secret = max(secret, len(part))
                if part in self._public:
                    public = max(public, len(part))
        return secret > public

    def secret_flag(self, item: object) -> bool:
        """Whether the item is the name of an option whose value follows as the next item: `--password`."""
        flag = _FLAG.fullmatch(item) if isinstance(item, str) else None
        return flag is not None and self.secret(flag[1])

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """A copy of plain data, with the values of secret names replaced; None stays None.

        Strings that are data themselves lose the secrets in them as well.

        Args:
            plain: What JSON holds.
            keep_types: Mappings and lists keep their shape, and numbers become 0: whoever reads it finds the types
                that were there.
        """
        root = [plain]
        todo: list[tuple[Any, bool]] = [(root, False)]
        while todo:
            box, is_secret = todo.pop()
            for key, value in list(box.items() if isinstance(box, dict) else enumerate(box)):
                hidden = is_secret or (isinstance(box, dict) and self.secret(key))
                if hidden and value is not None and not (keep_types and isinstance(value, (dict, list))):
                    box[key] = _ZEROES.get(type(value), PLACEHOLDER) if keep_types else PLACEHOLDER
                elif isinstance(value, (dict, list)):
                    box[key] = value.copy()
                    todo.append((box[key], hidden))
                elif isinstance(value, str):
                    box[key] = self.scrub_data(value)
        return root[0]

    def scrub_json(self, text: str) -> str:
        """A text that is JSON, without its secrets and otherwise as it is written; any other as it is."""
        if parse_json_text(text) is None:
            return text
        return replace_in_json(text, self.secret, PLACEHOLDER, self.scrub_json)

    def scrub_data(self, text: str) -> str:
        """A text that is JSON, markup, GraphQL, an urlencoded form or a URL as a whole, without its secrets.

        Any other, without its URLs'.
        """
        if looks_like_json(text) and parse_json_text(text) is not None:
            return replace_in_json(text, self.secret, PLACEHOLDER, self.scrub_data)
        if patterns := _literals_of(text):
            for pattern in patterns:
                text = pattern.sub(self._hide_literal, text)
            return escaped(self.scrub_urls(text))
        if "=" in text:
            if is_form(text):
                return self.scrub_form(text)
            if _WITH_QUERY.fullmatch(text):
                return self.scrub_url(text)
        return self.scrub_urls(text) if "://" in text else text

    def literals(self, text: str) -> list[str]:
        """The values of secret names in a text that is markup or GraphQL; none in any other."""
        found = (match for pattern in _literals_of(text) for match in pattern.finditer(text))
        return [match["block"] or match["text"] for match in found if self.secret(match["name"])]

    def _hide_literal(self, match: re.Match[str]) -> str:
        if not self.secret(match["name"]):
            return match[0]
        start, end = match.span("block" if match["text"] is None else "text")
        return f"{match.string[match.start() : start]}{PLACEHOLDER}{match.string[end : match.end()]}"

    def scrub_url(self, url: str) -> str:
        """The URL without passwords in its user part, its query and its fragment."""
        url = _USERINFO.sub(_hide_userinfo, url)
        url, hash_sign, fragment = url.partition("#")
        url, question_mark, query = url.partition("?")
        if "=" in fragment:
            fragment = self.scrub_form(fragment)
        return f"{url}{question_mark}{self.scrub_form(query)}{hash_sign}{fragment}"

    def scrub_urls(self, text: str) -> str:
        """The text, with the secrets in every URL that it holds replaced."""
        return _URL.sub(lambda match: self.scrub_url(match[0]), text)

    def scrub_form(self, form: str) -> str:
        """A query or an urlencoded form (`a=1&token=x`) with secret fields replaced; order and encoding stay."""
        return "&".join(self._scrub_field(field) for field in form.split("&"))

    def _scrub_field(self, field: str) -> str:
        name, sign, value = field.partition("=")
        if value and self.secret(unquote_plus(name)):
            return f"{name}{sign}{PLACEHOLDER}"
        return f"{name}{sign}{self.scrub_urls(value)}" if "://" in value else field

    def scrub_header(self, name: str, value: str) -> str:
        """The value of one header; cookies keep their names, `Set-Cookie` its attributes, others their parameters'."""
        if not self.secret(name):
            return "".join(self._assigned(self.scrub_urls(value))) if "=" in value else value
        kind = _joined(name)
        if kind == "cookie":
            return "; ".join(_hide_cookie(cookie) for cookie in value.split(";"))
        if kind == "setcookie":
            return ", ".join(_hide_set_cookie(cookie) for cookie in _NEXT_COOKIE.split(value))
        return PLACEHOLDER

    def scrub_text(self, text: str, secrets: Iterable[str] = ()) -> str:
        """Free text without secrets: in URLs, after a secret name (`token=…`, `"token": "…"`), and `secrets` themselves.

        Args:
            text: What is to be shown.
            secrets: Values known to be secret; those under four characters are left alone.
        """
        text = hide_values(text, secrets)
        if "://" in text:
            text = self.scrub_urls(text)
        return "".join(self._assigned(text))

    def _assigned(self, text: str) -> Iterator[str]:
        """The text in pieces, the values that stand after secret names replaced."""
        done = at = 0
        while named := _NAMED.search(text, at):
            at = named.end()
            value = _VALUE.match(text, at) if self.secret(named["name"]) else None
            if value is not None and value[0] not in ("None", "null"):
                quote = value["open"] or value["double"] or value["single"] or ""
                yield f"{text[done:at]}{quote}{PLACEHOLDER}{quote}"
                done = at = value.end()
        yield text[done:]


def is_form(text: str) -> bool:
    """Whether a text is an urlencoded form, one field being enough."""
    return _FORM.fullmatch(text) is not None


def _literals_of(text: str) -> tuple[re.Pattern[str], ...]:
    """What finds names and their values in a text that is markup or GraphQL, by how it begins."""
    if _MARKUP.match(text):
        return _ELEMENT, _ATTRIBUTE
    return (_ARGUMENT,) if _GRAPHQL.match(text) and "{" in text else ()


def escaped(text: str) -> str:
    """The text, in markup with the placeholder as text; any other as it is."""
    return text.replace(PLACEHOLDER, _ESCAPED) if PLACEHOLDER in text and _MARKUP.match(text) else text


def hide_values(text: str, secrets: Iterable[str]) -> str:
    """The text, with every occurrence of a known secret as whole words replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET and secret in text:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", PLACEHOLDER, text)
    return text


def bare_secret(value: str) -> str:
    """The secret itself, without the scheme that may stand before it (`Bearer …`)."""
    return _SCHEME.sub("", value)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _joined(name: str) -> str:
    """The form in which names are compared: `X-Api-Key`, `x_api_key` and `xApiKey` are one."""
    return "".join(_words(name))


def _hide_userinfo(match: re.Match[str]) -> str:
    scheme, userinfo = match[1], match[2]
    user, colon, password = userinfo.partition(":")
    if password:
        return f"{scheme}{user}:{PLACEHOLDER}@"
    # A user without a password is a token to HTTP servers, and a mere name to databases.
    return f"{scheme}{PLACEHOLDER}@" if scheme.lower().startswith("http") else f"{scheme}{user}{colon}@"


def _hide_cookie(cookie: str) -> str:
    name, sign, value = cookie.strip().partition("=")
    return f"{name}={PLACEHOLDER}" if sign and value else f"{name}{sign}"


def _hide_set_cookie(cookie: str) -> str:
    first, semicolon, attributes = cookie.partition(";")
    return f"{_hide_cookie(first)}{semicolon}{attributes}"
