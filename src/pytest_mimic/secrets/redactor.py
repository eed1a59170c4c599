"""Replaces what is secret in plain data and texts, by one walk."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, unquote_plus

from pytest_mimic.secrets.keys import (
    PRIVATE_KEY,
    basic_credentials,
    could_be_secret,
)
from pytest_mimic.secrets.names import (
    EVERYDAY,
    HARD,
    SOFT,
    WHOLE,
    BySiblings,
    SecretNames,
    ends_as_key,
    is_everyday,
    is_random_key,
    leaves_zero,
    looks_like_a_token,
    own_or_below,
    words_of,
)
from pytest_mimic.secrets.placeholders import OWN, Number, is_placeholder, number_of
from pytest_mimic.values.tree import Shortened, by_digest, digest_of

StandIn: TypeAlias = Callable[[str, str], str]
"""Takes a secret and its path, and returns what stands in its place."""

# What decides whether a value under a secret name is hidden.
_AS_SENT, _AS_ANSWER, _AS_ERROR = "as sent", "as an answer", "as an error"
_AS_KEPT = "as kept"
# Where a name that ends like that of a key is judged by the look of its value.
_IN_HEADERS, _IN_FIELDS = "headers", "fields"
_STARS = "[*•●]+"
# What stands below them says what is wrong.
_ERRORS = ("error", "errors")
# A mapping of secrets by the names that the user gave them.
_STORES = frozenset({"data", "stringData"})
# The tags of `shop.auth:login`, where no value stands behind the colon.
_NAMES_OF_CODE = {"$class", "$function", "$method", "$name"}
_MANY = 10_000
_MANY_HEADERS = 1_000
# Mappings of so many names rarely have the names of others.
_MANY_NAMES = 100
_PLAIN_WORDS = frozenset("None null true false True False undefined [] () {}".split())
# A part of a JSON schema has one of these. Under those of the second line it may give
# a value.
_SCHEMAS = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}
_VALUES_OF_SCHEMAS = {"default", "example", "examples", "enum", "const"}
_LONGEST_NAME = 200
_NUMBERS = frozenset({int, float, bool, type(None)})
# An image in base64, say. No name stands in it, but perhaps at its end.
_LONG_WORD = r"(?a)(?<![\w+/-])[\w+/-]{1000,}"
# A pattern is compiled here if each request needs it.
# A text without these names no secret.
_SIGNS = re.compile("[=:<]|--")
# A name, perhaps quoted or with escapes of a URL, and `=` or `:` after it.
# Where a value begins another name may begin, so it is only looked at. A name is tried
# where its signs begin, and nowhere inside of them: a body may be one long word.
# That of a host with a port is none.
_NAME = (
    r"""(?:://|@)[\w.-]+:\d{1,5}(?=[/?#\s"'<>]|$)|"""
    r"""(?<![\w.$%\[\]-])(?:(?![A-Za-z_$])[\w.%\[\]-])*"""
    r"""(?P<name>[A-Za-z_$][\w.$%\[\]-]*)\\*["']?"""
    r"""(?=\s*(?P<sign>[=:])(?!=)\s*(?P<value>))"""
)
# `localStorage.setItem("token", "x")`
_ARGUMENT = r"""\(\s*["'](?P<name>[\w.-]{1,200})["']\s*,\s*(?=["'])"""
# `--password x`
_OPTION = r"(?<!\S)--?(?P<name>[A-Za-z][\w-]{0,199})\s+(?=[^\s-])"
_QUOTED = r"""(?s)(?P<quote>\\*["'])(?P<value>(?:(?!(?P=quote))(?:\\.|[^\\]))*)"""
# Brackets with texts and, one level deep, brackets in them.
_IN_BRACKETS = (
    r"""[\[({](?:'[^'\n]*'|"[^"\n]*"|[^\[\](){}'"\n]"""
    r"""|[\[({][^\[\](){}\n]*[\])}])*[\])}]?"""
)
_AFTER_EQUALS = r"""[^\s&;,"'<>]+"""
_AFTER_COLON = (
    r"""(?i)(?:(?:Bearer|Basic|Token|Digest|DPoP|ApiKey) )?[^\s,;&"'<>)\]}]+"""
)
_ESCAPED = r"""[^\s&;,=?"'<>]+"""
# What stands between a name and its value: `=`, or `:` behind a quote.
_ESCAPED_SIGN = re.compile(r"(?i)%3D|%22(?:%20|\+)*%3A")
_USER = (
    r"(?P<start>\b(?P<scheme>[a-z][a-z0-9+.-]{0,40})://)(?P<user>[^\s/:@?#\"'<>]*)"
    r"(?P<colon>:?)(?P<password>[^\s/?#\"'<>]*)@"
)
# An address that names no value.
_PLAIN_URL = r"https?://[\w.-]+(?::\d+)?(?:/[^=:@;%]*)?"
_PLAIN_ARN = re.compile(r"arn:[^\s=]+")
_PATH_PARAMETER = r"(?P<start>;(?P<name>[^=;/?#]+)=)(?P<value>[^;/?#]+)"
_ELEMENT = (
    r"(?P<start><(?P<tag>(?:[\w-]+:)?(?P<name>[\w.-]+))(?:\s[^<>]*)?>"
    r"(?:<!\[CDATA\[)?)(?P<value>[^<>]+?)(?=(?:\]\]>)?</(?P=tag)>)"
)
# The name of an anchor is a place.
_ELEMENT_WITH = (
    r"(?P<start><(?P<tag>(?!a\s)[\w:.-]+)(?:\s[^<>]*)?\s{}\s*=\s*"
    r"[\"']?(?P<name>(?<=[\"'])[^\"'<>]+|[^\"'\s<>]+)[^<>]*>"
    r"(?:<!\[CDATA\[)?)(?P<value>[^<>]+?)(?=(?:\]\]>)?</(?P=tag)>)"
)
_MEMBER = (
    r"(?P<start><(?P<kind>name|key)>(?P<name>[^<>]+)</(?P=kind)>"
    r"\s*<(?:value|string|data)>\s*(?:<\w+>)?)(?P<value>[^<>]+)"
)
# The value of a field, a `<meta>` or a property; its name stands anywhere in the tag.
_ATTRIBUTE = (
    r"(?i)(?P<start><[a-z][\w:-]*\s(?=[^<>]*?(?<![\w-]){}\s*=\s*[\"']?"
    r"(?P<name>(?<=[\"'])[^\"'<>]+|[^\"'\s<>]+))"
    r"(?:[^<>]*?\s)?(?:value|content)\s*=\s*(?P<quote>[\"'])?)"
    r"(?P<value>(?(quote)(?:(?!(?P=quote))[^<>])+|[^\s\"'<>]+))"
)
_MARKUP = (
    *map(_ATTRIBUTE.format, ("name", "property", "id", "key", "type")),
    _ELEMENT,
    *map(_ELEMENT_WITH.format, ("name", "key")),
    _MEMBER,
)
_SCHEME = r"(?s)(?P<scheme>[A-Za-z][\w-]*) +(?P<value>\S.*)"
# The end of base64 is no sign between the name and the value of a cookie.
_PADDED = r"[\w+/-]{16,}={1,2}"
_COOKIE = r"(?P<start>(?P<name>[^=;,\s]+)=)(?P<value>[^;]*)"
# Only the first pair of each is the cookie, the others are its attributes. Another
# one begins behind a comma, where headers of one name are joined.
_SET_COOKIE = (
    r"(?P<start>(?:^|,\s*)(?P<name>[^=;,\s]+)=)(?P<value>(?:(?!,\s*[^=;,\s]+=)[^;])*)"
)
# Clients decode what stands under these, as base64.
_BINARY = "secret binary", "plaintext"
_COOKIES = {"cookie": _COOKIE, "set cookie": _SET_COOKIE}


class Redactor:
    """Knows the secret names of a run, and finds their values.

    The names decide, and the caller says what stands in the place of a value. In what
    is sent, and in headers, a secret name hides whatever stands under it. In the body
    of an answer a soft name hides what could be a secret, and a hard one leaves stars.

    Args:
        names: The names.
        rule: What decides: the name of a value alone, or its look, too.
        has_tags: Whether a key with `$` is a tag of a tree, and not the sender's.
        place: Where values stand: `headers`, or `fields` of a query or a form. Empty:
            elsewhere.

    Attributes:
        harmless: Texts that hold no secret, as earlier walks have found.
    """

    def __init__(
        self,
        names: SecretNames,
        rule: str = _AS_SENT,
        *,
        has_tags: bool = False,
        place: str = "",
    ) -> None:
        self.names = names
        self.rule = rule
        self.has_tags = has_tags
        self.place = place
        self.harmless: set[str] = set()
        self._harmless_headers: set[tuple[str, ...]] = set()

    @cached_property
    def of_answers(self) -> Redactor:
        """The redactor of answers."""
        return Redactor(self.names, _AS_ANSWER)

    @cached_property
    def of_trees(self) -> Redactor:
        """The redactor of the values of functions."""
        return Redactor(self.names, has_tags=True)

    @cached_property
    def of_errors(self) -> Redactor:
        """The redactor of answers that say what is wrong with a request.

        Their texts are rarely secrets, whatever their names are.
        """
        return Redactor(self.names, _AS_ERROR)

    @cached_property
    def of_outcomes(self) -> Redactor:
        """The redactor that finds what outcomes of functions keep under hard names."""
        return Redactor(self.names, _AS_KEPT, has_tags=True)

    @cached_property
    def of_fields(self) -> Redactor:
        """The redactor of the fields of a form."""
        return Redactor(self.names, place=_IN_FIELDS)

    @cached_property
    def _of_headers(self) -> Redactor:
        return Redactor(self.names, place=_IN_HEADERS)

    def strength(
        self, name: str, value: object, by_siblings: Mapping[str, BySiblings]
    ) -> str:
        """Return how secret a value is under a name; an empty text if it is not."""
        strength = self.names.strength(name, value, by_siblings)
        if strength:
            return strength
        if self.place and self._is_sent_key(name, value):
            return HARD
        if name == "key" and name not in by_siblings:
            # What is sent under it is often the name of something.
            is_random = isinstance(value, str) and is_random_key(value)
            if self.rule == _AS_ANSWER or (self.rule == _AS_SENT and is_random):
                return SOFT
        return ""

    def _is_sent_key(self, name: str, value: object) -> bool:
        in_header = self.place == _IN_HEADERS
        values = value if isinstance(value, list) else [value]
        return any(
            isinstance(one, str)
            and self.names.is_sent_key(name, one, in_header=in_header)
            for one in values
        )

    def hides(
        self,
        name: str,
        value: str,
        by_siblings: Mapping[str, BySiblings] = MappingProxyType({}),
    ) -> bool:
        """Return whether a text is secret under a name."""
        return self.is_hidden(self.strength(name, value, by_siblings), value)

    def is_hidden(self, strength: str, value: str) -> bool:
        """Return whether a text is secret under a name of this strength."""
        if not strength or self.rule == _AS_SENT:
            return bool(strength)
        if strength == EVERYDAY:
            if is_everyday(value):
                return False
            strength = HARD
        if self.rule == _AS_KEPT and strength == SOFT:
            return False
        if strength == SOFT or (strength == HARD and self.rule == _AS_ERROR):
            return could_be_secret(value)
        return re.fullmatch(_STARS, value) is None

    def hide(self, plain: Any, stand_in: StandIn, path: str = "") -> Any:
        """Return plain data without its secrets.

        `None`, booleans and empty texts stay. A number is replaced by a number. A
        cookie keeps its name, and a credential its scheme. A text may be JSON, a form,
        settings, markup, a script, an address, or options of a command.

        Args:
            plain: The data.
            stand_in: Gives what stands in place of a secret.
            path: Where the data stands.
        """
        return _Walk(self, stand_in).hide(plain, path)

    def hide_headers(
        self, headers: dict[str, str], stand_in: StandIn, path: str = "headers"
    ) -> dict[str, str]:
        """Return headers without their secrets, judged as headers of a request."""
        # A client sends the same ones again and again.
        known, key = self._harmless_headers, (path, *map(str, headers.items()))
        if key in known:
            return headers
        secrets: list[str] = []

        def noted(value: str, place: str) -> str:
            secrets.append(value)
            return stand_in(value, place)

        hidden: dict[str, str] = self._of_headers.hide(headers, noted, path)
        # What stands in place of a secret is another matter each time.
        if not secrets:
            if len(known) > _MANY_HEADERS:
                known.clear()
            known.add(key)
        return hidden

    def hide_url(self, url: str, stand_in: StandIn) -> str:
        """Return an address without its secrets, also in parameters of its path."""
        if re.fullmatch(_PLAIN_URL, url) and not self.names.patterns:
            return url
        walk = _Walk(self.of_fields, stand_in)
        return walk.hide_text(walk.replaced(_PATH_PARAMETER, url, "url"), "url")


class _Walk:
    """One walk over plain data.

    Args:
        redactor: Says what is secret.
        stand_in: Gives what stands in place of a secret.
    """

    def __init__(self, redactor: Redactor, stand_in: StandIn) -> None:
        self._redactor = redactor
        self._names = redactor.names
        self._give = stand_in
        # How many values were judged as secrets, whatever stands for them.
        self._judged = 0
        self._is_sent = redactor.rule == _AS_SENT
        # What was made of parts, by their ids, which are theirs while they are held.
        self._hidden: dict[int, tuple[Any, Any]] = {}

    def hide(self, plain: Any, path: str) -> Any:
        if isinstance(plain, str):
            return self.hide_text(plain, path)
        if not isinstance(plain, (dict, list)):
            return plain
        # A part may be shared, and the same on each way to it.
        known = self._hidden.get(id(plain))
        if known is not None:
            return known[1]
        if isinstance(plain, Shortened):
            # The digest of a secret tells of it.
            part = self.hide(plain.part, path)
            hidden: Any = by_digest(part, digest_of(part))
        elif isinstance(plain, dict):
            hidden = self._hide_mapping(plain, path)
        else:
            hidden = self._hide_list(plain, path)
        self._hidden[id(plain)] = plain, hidden
        return hidden

    def hide_text(self, text: str, path: str) -> str:
        if self._names.patterns:
            text = self._hide_matches(text, path)
        if not _SIGNS.search(text) or _PLAIN_ARN.fullmatch(text):
            return text
        harmless = self._redactor.harmless
        if text in harmless:
            return text
        judged = self._judged
        hidden = self._hide_named_values(text, path)
        # In a text of JSON a line may name a place.
        if self._judged == judged and self._names.path is None:
            if len(harmless) > _MANY:
                harmless.clear()
            harmless.add(text)
        return hidden

    def _hide_named_values(self, text: str, path: str) -> str:
        if "PRIVATE KEY" in text:
            text = re.sub(PRIVATE_KEY, lambda key: self._stand_in(key[0], path), text)
        as_json = self._hide_json(text, path)
        if as_json is not None:
            return as_json
        if "\n{" in text:
            return "\n".join(self.hide_text(line, path) for line in text.split("\n"))
        if "<" in text:
            for pattern in _MARKUP:
                text = self.replaced(pattern, text, path)
        if "://" in text:
            text = self._hide_users(text, path)
        if _ESCAPED_SIGN.search(text):
            text = self._hide_escaped(text, path)
        return self._hide_pairs(text, path)

    def _hide_matches(self, text: str, path: str) -> str:
        """Hide what any pattern of the lines matches; none is looked for in others."""
        spans: list[tuple[int, int]] = []
        for pattern in self._names.patterns:
            spans += [match.span() for match in pattern.finditer(text)]
        pieces, place = list[str](), 0
        for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
            if end > place:
                start = max(start, place)
                stand_in = self._stand_in(text[start:end], path)
                pieces += [text[place:start], stand_in]
                place = end
        return "".join([*pieces, text[place:]])

    def replaced(
        self, pattern: str, text: str, path: str, *, are_secret: bool = False
    ) -> str:
        """Replace the value of each match of a pattern whose name is secret.

        Args:
            pattern: Has the groups `start`, `name` and `value`.
            text: Where it is looked for.
            path: Where the text stands.
            are_secret: Whether all values are, whatever their names are.
        """

        def hidden(match: re.Match[str]) -> str:
            name, value = match["name"], match["value"]
            if not are_secret and not self._redactor.hides(name, value):
                return match[0]
            return f"{match['start']}{self._stand_in(value, f'{path}.{name}')}"

        return re.sub(pattern, hidden, text)

    # -- data

    def _hide_mapping(
        self, plain: dict[str, Any], path: str, *, has_schemas: bool = False
    ) -> dict[str, Any]:
        names = self._names
        is_small = len(plain) < _MANY_NAMES and names.path is None and not has_schemas
        # A line may name what a key looks like.
        is_plain = is_small and not names.patterns and names.hide_nothing(tuple(plain))
        is_plain = is_plain and not self._redactor.place
        start = f"{path}." if path else ""
        if is_plain:
            return {
                key: self._hide_below(key, value, f"{start}{key}")
                for key, value in plain.items()
            }
        by_siblings = names.by_siblings_in(plain)
        hidden: dict[str, Any] = {}
        for key, value in plain.items():
            if self._redactor.has_tags and key.startswith("$"):
                hidden[key] = self._hide_tagged(key, value, path)
                continue
            # A key may be an address.
            shown = self.hide_text(key, path)
            place = f"{start}{shown}"
            if has_schemas and isinstance(value, dict) and value.keys() & _SCHEMAS:
                hidden[shown] = self._hide_schema(key, value, place)
                continue
            strength = self._redactor.strength(key, value, by_siblings)
            if names.hides_path(place):
                strength = WHOLE
            if strength:
                hidden[shown] = self._replace(value, place, strength, key)
            elif isinstance(value, dict) and key == "properties":
                hidden[shown] = self._hide_mapping(value, place, has_schemas=True)
            else:
                hidden[shown] = self._hide_below(key, value, place)
        return hidden

    def _hide_tagged(self, tag: str, content: Any, path: str) -> Any:
        """Return the content of a tag: the name of a module says nothing of it."""
        place = f"{path}.{tag}" if path else tag
        name = tag.rpartition(":")[2]
        strength = self._redactor.strength(name, content, {})
        if self._names.hides_path(place):
            strength = WHOLE
        elif isinstance(content, str) and tag in _NAMES_OF_CODE:
            return content
        if strength:
            return self._replace(content, place, strength, name)
        return self.hide(content, place)

    def _hide_below(self, key: str, value: Any, path: str) -> Any:
        """Return a part under a name that is no secret."""
        if isinstance(value, str):
            return self.hide_text(value, path)
        is_answer = self._redactor.rule == _AS_ANSWER
        if is_answer and key.lower().endswith(_ERRORS):
            return self._redactor.of_errors.hide(value, self._give, path)
        return self.hide(value, path)

    def _hide_schema(self, name: str, schema: dict[str, Any], path: str) -> Any:
        """Return the JSON schema of a property: its name says nothing of its words."""
        hidden = self._hide_mapping(schema, path)
        if self._names.secret(name):
            for key in schema.keys() & _VALUES_OF_SCHEMAS:
                hidden[key] = self._replace(schema[key], path, HARD)
        return hidden

    def _hide_list(self, plain: list[Any], path: str) -> list[Any]:
        if self._names_nothing(plain):
            return plain
        pairs = all(
            isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
            for item in plain
        )
        hidden: list[Any] = []
        before: object = None
        for index, item in enumerate(plain):
            place = f"{path}[{index}]"
            strength = self._redactor.strength(item[0], item[1], {}) if pairs else ""
            if self._names.hides_path(place):
                hidden.append(self._replace(item, place, WHOLE))
            elif strength:
                hidden.append([item[0], self._replace(item[1], place, strength)])
            elif self._is_option(before) and not self._is_option(item):
                hidden.append(self._replace(item, place, SOFT))
            else:
                hidden.append(self.hide(item, place))
            before = item
        return hidden

    def _names_nothing(self, plain: list[Any]) -> bool:
        """Return whether a list is of numbers, or of texts of which none has a name.

        It may be an embedding, or a column of a million texts.
        """
        if self._names.path is not None:
            return False
        kinds = set(map(type, plain))
        if kinds <= _NUMBERS:
            return True
        if self._names.patterns or not kinds <= {str, *_NUMBERS}:
            return False
        # One look at all texts is quicker than one at each.
        together = "\n".join(part for part in plain if isinstance(part, str))
        has_option = together.startswith("-") or "\n-" in together
        return not has_option and _SIGNS.search(together) is None

    def _is_option(self, item: object) -> bool:
        if not isinstance(item, str) or not item.startswith("-"):
            return False
        return self._names.secret(item.lstrip("-"))

    def _replace(self, value: Any, path: str, strength: str, name: str = "") -> Any:
        """Replace what is secret of a value under a secret name.

        Args:
            value: The value.
            path: Its place.
            strength: How secret it is.
            name: The name; empty for a record in a list of them.
        """
        if isinstance(value, str):
            if self._redactor.is_hidden(strength, value):
                return self._replace_text(name, value, path)
            return self.hide_text(value, path)
        if isinstance(value, list):
            return [
                self._replace(
                    item,
                    f"{path}[{index}]",
                    strength,
                    name if isinstance(item, str) else "",
                )
                for index, item in enumerate(value)
            ]
        if isinstance(value, dict):
            return self._replace_parts(value, path, strength, name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or is_placeholder(value):
            return value
        if value == 0 and not self._is_sent and leaves_zero(name, strength):
            return value
        # Under `passwords` a number counts them.
        is_count = strength == SOFT or (strength == HARD and name.endswith("s"))
        if is_count and not self._is_sent:
            return value
        self._judged += 1
        return number_of(self._give(Number(value), path))

    def _replace_parts(
        self, plain: dict[str, Any], path: str, strength: str, name: str
    ) -> dict[str, Any]:
        by_siblings = self._names.by_siblings_in(plain)
        # Under `passwords` names are the user's own.
        is_of_user = strength == HARD and (name.endswith("s") or name in _STORES)
        hidden: dict[str, Any] = {}
        for key, value in plain.items():
            place = f"{path}.{key}"
            below = strength
            if not self._is_sent:
                own = self._names.strength(key, value, by_siblings)
                others = strength if name else SOFT
                below = own_or_below(key, value, own, strength, others)
                if is_of_user and below != WHOLE:
                    below = HARD
            if below:
                hidden[key] = self._replace(value, place, below)
            else:
                hidden[key] = self.hide(value, place)
        return hidden

    def _stand_in(self, value: str, path: str) -> str:
        if not value or value in _PLAIN_WORDS:
            return value
        self._judged += 1
        return self._give(value, path)

    def _replace_text(self, name: str, value: str, path: str) -> str:
        words = words_of(name)
        if words in _COOKIES and "=" in value and not re.fullmatch(_PADDED, value):
            return self.replaced(_COOKIES[words], value, path, are_secret=True)
        if words.endswith(_BINARY) and value:
            return base64.b64encode(self._stand_in(value, path).encode()).decode()
        with_scheme = re.fullmatch(_SCHEME, value)
        if with_scheme is None or "auth" not in words:
            return self._stand_in(value, path)
        scheme, credential = with_scheme.groups()
        if scheme.lower() == "basic":
            # What it carries is known beside it, and the whole stands in the place.
            user, _, password = basic_credentials(credential).partition(":")
            self._user_and_password(user, password, path)
        return f"{scheme} {self._stand_in(credential, path)}"

    def _user_and_password(
        self, user: str, password: str, path: str
    ) -> tuple[str, str]:
        """Return what stands for both.

        The user is a key where there is no password, or where it looks like one.
        """
        if not password or looks_like_a_token(user):
            user = self._stand_in(user, path)
        return user, self._stand_in(password, path)

    # -- texts

    def _hide_json(self, text: str, path: str) -> str | None:
        """Return a text of JSON without secrets, or None if it is none."""
        if text.lstrip()[:1] not in ("{", "[", '"'):
            return None
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError):
            return None
        hidden = self.hide(plain, path)
        if hidden == plain:
            return text
        separators = (", ", ": ") if '": ' in text else (",", ":")
        return json.dumps(hidden, ensure_ascii=False, separators=separators)

    def _hide_users(self, text: str, path: str) -> str:
        if not self._names.secret("password"):
            return text

        def hidden(match: re.Match[str]) -> str:
            user, password = unquote(match["user"]), unquote(match["password"])
            is_web = match["scheme"] in ("http", "https")
            if not password and not is_web:
                return match[0]
            kept = self._user_and_password(user, password, f"{path}.password")
            if kept == (user, password):
                return match[0]
            user = match["user"] if kept[0] == user else kept[0]
            return f"{match['start']}{user}{match['colon']}{kept[1]}@"

        return re.sub(_USER, hidden, text)

    def _hide_escaped(self, text: str, path: str) -> str:
        """Hide what an address or JSON names that stands in another address."""

        def hidden(match: re.Match[str]) -> str:
            if "://" in match[0]:
                # Of an address that is not escaped, each part of the path may be.
                return re.sub("[^/]+", hidden, match[0])
            if not _ESCAPED_SIGN.search(match[0]):
                return match[0]  # it names nothing
            inner = unquote_plus(match[0])
            found = self.hide_text(inner, path)
            return match[0] if found == inner else quote(found, safe="")

        return re.sub(_ESCAPED, hidden, text)

    def _hide_pairs(self, text: str, path: str) -> str:
        pieces: list[str] = []
        end = 0
        found = _names_before_values(text)
        # Those of a query, in which one name makes another one secret.
        by_siblings = self._names.by_siblings(
            name for name, _, sign in found if sign == "="
        )
        for name, start, sign in found:
            # Where the name leads: of `user[password]` and `a.password` the last word.
            last_name = re.split(r"[.\[\]]+", unquote_plus(name).rstrip("]"))[-1]
            may_hide = self._names.may_hide(name) or self._names.may_hide(last_name)
            if self._redactor.place == _IN_FIELDS and not may_hide:
                may_hide = ends_as_key(name) or ends_as_key(last_name)
            if start < end or not (may_hide or name in by_siblings):
                continue
            place = _value_at(text, start, sign)
            if place is None:
                continue
            value = text[slice(*place)]
            decoded = unquote_plus(value) if "%" in value else value
            makes_secret = by_siblings if sign == "=" else {}
            is_secret = self._redactor.hides(name, decoded, makes_secret)
            if last_name != name:
                is_secret = is_secret or self._redactor.hides(last_name, decoded)
            if not is_secret or decoded.startswith(OWN):
                continue
            hidden = self._replace_text(name, decoded, f"{path}.{name}")
            if hidden != decoded:
                pieces += [text[end : place[0]], hidden]
                end = place[1]
        return "".join([*pieces, text[end:]])


def _names_before_values(text: str) -> list[tuple[str, int, str]]:
    """Return names, where the value of each begins, and the sign between them."""
    found: list[tuple[str, int, str]] = []
    for start, end in _between_long_words(text):
        for match in re.compile(_NAME).finditer(text, start, end):
            if match["name"]:
                name = match["name"][-_LONGEST_NAME:]
                found.append((name, match.start("value"), match["sign"]))
    for pattern in (_ARGUMENT, _OPTION):
        for match in re.finditer(pattern, text):
            found.append((match["name"], match.end(), "="))
    return sorted(found, key=itemgetter(1))


def _between_long_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a text begin and end that may hold names."""
    start = 0
    for word in re.finditer(_LONG_WORD, text):
        yield start, word.start()
        start = word.end() - _LONGEST_NAME
    yield start, len(text)


def _value_at(text: str, start: int, sign: str) -> tuple[int, int] | None:
    """Return where the value at a position begins and ends, without its quotes."""
    quoted = re.compile(_QUOTED).match(text, start)
    if quoted is not None:
        return quoted.span("value")
    if text[start : start + 1] in tuple("[({"):
        pattern = _IN_BRACKETS
    else:
        pattern = _AFTER_EQUALS if sign == "=" else _AFTER_COLON
    match = re.compile(pattern).match(text, start)
    return match.span() if match else None
