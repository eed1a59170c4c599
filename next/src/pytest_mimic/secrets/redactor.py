"""Replaces what is secret in plain data and texts, by one walk."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, unquote_plus

from pytest_mimic.secrets.names import Names, words_of
from pytest_mimic.secrets.placeholders import OWN, Number, is_placeholder, number_of

StandIn: TypeAlias = Callable[[str, str], str]
"""Takes a secret and its path, and returns what stands in its place."""

_PLAIN_WORDS = frozenset("None null true false True False undefined [] () {}".split())
# A part of a JSON schema has one of these; the texts of these hold no value.
_SCHEMAS = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}
_WORDS_OF_SCHEMAS = {"type", "$ref", "title", "description", "format", "pattern"}
# A name, perhaps quoted or with escapes of a URL, and `=` or `:` after it.
_NAME = re.compile(
    r"""(?P<name>[A-Za-z_$][\w.$%\[\]-]{0,199})(?P<close>\\*["']?)\s*(?P<sign>[=:])(?!=)\s*"""
)
# `localStorage.setItem("token", "x")`
_ARGUMENT = re.compile(r"""\(\s*["'](?P<name>[\w.-]{1,200})["']\s*,\s*(?=["'])""")
# `--password x`
_OPTION = re.compile(r"(?<!\S)--?(?P<name>[A-Za-z][\w-]{0,199})\s+(?=[^\s-])")
_QUOTED = re.compile(
    r"""(?P<quote>\\*["'])(?P<value>(?:(?!(?P=quote))(?:\\.|[^\\]))*)""", re.S
)
# Brackets with texts and, one level deep, brackets in them.
_IN_BRACKETS = re.compile(
    r"""[\[({](?:'[^'\n]*'|"[^"\n]*"|[^\[\](){}'"\n]|[\[({][^\[\](){}\n]*[\])}])*[\])}]?"""
)
_AFTER_EQUALS = re.compile(r"""[^\s&;,"'<>]+""")
_AFTER_COLON = re.compile(
    r"""(?:(?:Bearer|Basic|Token|Digest|DPoP|ApiKey) )?[^\s,;&"'<>)\]}]+""", re.I
)
_ESCAPED = re.compile(r"""[^\s&;,=?"'<>]+""")
_USER = re.compile(
    r"(?P<start>\b(?P<scheme>[a-z][a-z0-9+.-]*)://)(?P<user>[^\s/:@?#\"'<>]*)(?P<colon>:?)(?P<password>[^\s/?#\"'<>]*)@"
)
_PATH_PARAMETER = re.compile(r";(?P<name>[^=;/?#]+)=(?P<value>[^;/?#]+)")
_ELEMENT = re.compile(
    r"<(?P<tag>(?:[\w-]+:)?(?P<name>[\w.-]+))(?P<attributes>(?:\s[^<>]*)?)>"
    r"(?:<!\[CDATA\[)?(?P<value>[^<>]+?)(?:\]\]>)?</(?P=tag)>"
)
_MEMBER = re.compile(
    r"(?P<start><(?P<kind>name|key)>(?P<name>[^<>]+)</(?P=kind)>"
    r"\s*<(?:value|string|data)>\s*(?:<\w+>)?)(?P<value>[^<>]+)"
)
_TAG = re.compile(r"<[A-Za-z][\w:-]*\s[^<>]*>")
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][\w-]*) +(?P<value>\S.*)", re.S)
_COOKIE = re.compile(r"(?P<name>[^=;,\s]+)=(?P<value>[^;]*)")
# Another cookie begins behind a comma, where headers of one name are joined.
_NEXT_COOKIE = re.compile(r",\s*(?=[^=;,\s]+=)")


class Redactor:
    """Knows the secret names of a run, and finds their values.

    The names decide, and the caller says what stands in the place of a value.
    """

    def __init__(self, names: Names) -> None:
        self.names = names

    def hide(self, plain: Any, stand_in: StandIn, path: str = "") -> Any:
        """Return plain data without its secrets.

        `None`, booleans and empty texts stay. A number is replaced by a number.
        """
        if isinstance(plain, dict):
            return self._hide_mapping(plain, stand_in, path)
        if isinstance(plain, list):
            return self._hide_list(plain, stand_in, path)
        if isinstance(plain, str):
            return self.hide_text(plain, stand_in, path)
        return plain

    def hide_headers(
        self, headers: Mapping[str, str], stand_in: StandIn, path: str = "headers"
    ) -> dict[str, str]:
        """Return headers without their secrets.

        A cookie keeps its name, a credential its scheme.
        """
        return {
            name: self._hide_header(name, value, stand_in, f"{path}.{name}")
            for name, value in headers.items()
        }

    def hide_url(self, url: str, stand_in: StandIn, path: str = "url") -> str:
        """Return an address without its secrets, also in parameters of its path."""

        def hidden(match: re.Match[str]) -> str:
            if not self.names.hides(match["name"], match["value"]):
                return match[0]
            place = f"{path}.{match['name']}"
            kept = self._stand_in(match["value"], stand_in, place)
            return f";{match['name']}={kept}"

        return self.hide_text(_PATH_PARAMETER.sub(hidden, url), stand_in, path)

    def hide_text(self, text: str, stand_in: StandIn, path: str = "") -> str:
        """Return a text without the secrets that it names.

        It may be JSON, a form, settings, markup, a script, an address, or options of a
        command.
        """
        if not any(sign in text for sign in "=:<") and "--" not in text:
            return text
        as_json = self._hide_json(text, stand_in, path)
        if as_json is not None:
            return as_json
        if "\n{" in text:
            lines = [self.hide_text(line, stand_in, path) for line in text.split("\n")]
            return "\n".join(lines)
        if "<" in text:
            text = self._hide_markup(text, stand_in, path)
        if "://" in text:
            text = self._hide_users(text, stand_in, path)
        if "%3D" in text or "%3d" in text:
            text = self._hide_escaped(text, stand_in, path)
        return self._hide_pairs(text, stand_in, path)

    def _hide_mapping(self, plain: dict[str, Any], stand_in: StandIn, path: str) -> Any:
        value_of_pair = self.names.pair_of(plain)
        is_manifest = plain.get("kind") == "Secret" and "apiVersion" in plain
        hidden = {}
        for key, value in plain.items():
            # A key may be an address.
            shown = self.hide(key, stand_in, path)
            place = f"{path}.{shown}" if path else str(shown)
            is_secret = self.names.hides(key, value, plain) or key == value_of_pair
            if is_manifest and key in ("data", "stringData"):
                is_secret = self.names.secret("secret")
            if is_secret:
                hidden[shown] = self._replace(value, stand_in, place, name=str(key))
            elif key == "properties" and _is_of_schemas(value):
                hidden[shown] = self._hide_properties(value, stand_in, place)
            else:
                hidden[shown] = self.hide(value, stand_in, place)
        return hidden

    def _hide_properties(
        self, properties: dict[str, Any], stand_in: StandIn, path: str
    ) -> Any:
        """Return the properties of an object; those of a JSON schema hold no values."""
        hidden: dict[str, Any] = {}
        for name, part in properties.items():
            if isinstance(part, dict) and part.keys() & _SCHEMAS:
                hidden[name] = self._hide_schema(part, stand_in, f"{path}.{name}")
            else:
                hidden.update(self.hide({name: part}, stand_in, path))
        return hidden

    def _hide_schema(self, schema: dict[str, Any], stand_in: StandIn, path: str) -> Any:
        """Return the schema of a field without the values that it gives."""
        name = path.rpartition(".")[2]
        hidden = {}
        for key, part in schema.items():
            if key in ("anyOf", "oneOf", "allOf") and isinstance(part, list):
                hidden[key] = [
                    self._hide_schema(one, stand_in, path)
                    if isinstance(one, dict)
                    else one
                    for one in part
                ]
            elif key in _WORDS_OF_SCHEMAS or isinstance(part, dict):
                hidden[key] = self.hide(part, stand_in, f"{path}.{key}")
            else:
                hidden[key] = self.hide({name: part}, stand_in, path)[name]
        return hidden

    def _hide_list(self, plain: list[Any], stand_in: StandIn, path: str) -> list[Any]:
        pairs = all(
            isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)
            for item in plain
        )
        hidden: list[Any] = []
        for index, item in enumerate(plain):
            place = f"{path}[{index}]"
            before = plain[index - 1] if index else None
            if pairs and self.names.hides(item[0], item[1]):
                hidden.append([item[0], self._replace(item[1], stand_in, place)])
            elif self._is_option(before) and not self._is_option(item):
                hidden.append(self._replace(item, stand_in, place))
            else:
                hidden.append(self.hide(item, stand_in, place))
        return hidden

    def _is_option(self, item: object) -> bool:
        if not isinstance(item, str) or not item.startswith("-"):
            return False
        return self.names.secret(item.lstrip("-"))

    def _replace(self, value: Any, stand_in: StandIn, path: str, name: str = "") -> Any:
        """Replace each part of a value that is secret as a whole."""
        if isinstance(value, str):
            return self._replace_text(name, value, stand_in, path)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return (
                value
                if is_placeholder(value)
                else number_of(stand_in(Number(value), path))
            )
        if isinstance(value, list):
            return [
                self._replace(item, stand_in, f"{path}[{index}]", name)
                for index, item in enumerate(value)
            ]
        if isinstance(value, dict):
            return {
                key: self._replace(item, stand_in, f"{path}.{key}")
                for key, item in value.items()
            }
        return value

    def _stand_in(self, value: str, stand_in: StandIn, path: str) -> str:
        if not value or value in _PLAIN_WORDS:
            return value
        return stand_in(value, path)

    def _hide_header(self, name: str, value: str, stand_in: StandIn, path: str) -> str:
        if self.names.hides(name, value):
            return self._replace_text(name, value, stand_in, path)
        return self.hide_text(value, stand_in, path)

    def _replace_text(self, name: str, value: str, stand_in: StandIn, path: str) -> str:
        words = words_of(name)
        if words in ("cookie", "set cookie") and "=" in value:
            return self._hide_cookies(words, value, stand_in, path)
        if self.names.is_binary(name):
            hidden = self._stand_in(value, stand_in, path)
            return base64.b64encode(hidden.encode()).decode() if value else value
        with_scheme = _SCHEME.fullmatch(value)
        if with_scheme is None or "auth" not in words:
            return self._stand_in(value, stand_in, path)
        hidden = self._stand_in(with_scheme["value"], stand_in, path)
        return f"{with_scheme['scheme']} {hidden}"

    def _hide_cookies(
        self, words: str, value: str, stand_in: StandIn, path: str
    ) -> str:
        def hidden(match: re.Match[str]) -> str:
            name = match["name"]
            return (
                f"{name}={self._stand_in(match['value'], stand_in, f'{path}.{name}')}"
            )

        if words == "cookie":
            return _COOKIE.sub(hidden, value)
        # Only the first pair of each is the cookie, the others are its attributes.
        cookies = _NEXT_COOKIE.split(value)
        return ", ".join(_COOKIE.sub(hidden, cookie, count=1) for cookie in cookies)

    def _hide_json(self, text: str, stand_in: StandIn, path: str) -> str | None:
        """Return a text of JSON without secrets, or None if it is none."""
        if text.lstrip()[:1] not in ("{", "[", '"'):
            return None
        try:
            plain = json.loads(text)
        except (ValueError, RecursionError):
            return None
        hidden = self.hide(plain, stand_in, path)
        if hidden == plain:
            return text
        separators = (", ", ": ") if '": ' in text else (",", ":")
        return json.dumps(hidden, ensure_ascii=False, separators=separators)

    def _hide_users(self, text: str, stand_in: StandIn, path: str) -> str:
        def hidden(match: re.Match[str]) -> str:
            start, user, password = match["start"], match["user"], match["password"]
            if password:
                kept = self._stand_in(
                    unquote_plus(password), stand_in, f"{path}.password"
                )
                return f"{start}{user}:{kept}@"
            if user and match["scheme"] in ("http", "https") and not match["colon"]:
                return f"{start}{self._stand_in(user, stand_in, f'{path}.user')}@"
            return match[0]

        return _USER.sub(hidden, text) if self.names.secret("password") else text

    def _hide_escaped(self, text: str, stand_in: StandIn, path: str) -> str:
        """Hide what an address names that stands in another one."""

        def hidden(match: re.Match[str]) -> str:
            inner = unquote(match[0])
            found = self.hide_text(inner, stand_in, path) if "=" in inner else inner
            return match[0] if found == inner else quote(found, safe="")

        return _ESCAPED.sub(hidden, text)

    def _hide_markup(self, text: str, stand_in: StandIn, path: str) -> str:
        def hidden_element(match: re.Match[str]) -> str:
            names = [match["name"], *_names_in(match["attributes"])]
            if match["name"] == "a":  # that of an anchor names a place
                return match[0]
            if not any(self.names.secret(name) for name in names):
                return match[0]
            kept = self._stand_in(match["value"], stand_in, f"{path}.{names[-1]}")
            start = match.start("value") - match.start()
            end = match.end("value") - match.start()
            return match[0][:start] + kept + match[0][end:]

        def hidden_member(match: re.Match[str]) -> str:
            if not self.names.secret(match["name"]):
                return match[0]
            kept = self._stand_in(match["value"], stand_in, f"{path}.{match['name']}")
            return match["start"] + kept

        def hidden_tag(match: re.Match[str]) -> str:
            return self._hide_field(match[0], stand_in, path)

        text = _TAG.sub(hidden_tag, text)
        text = _ELEMENT.sub(hidden_element, text)
        return _MEMBER.sub(hidden_member, text)

    def _hide_field(self, tag: str, stand_in: StandIn, path: str) -> str:
        """Hide the value of a field, a `<meta>` or a property with a secret name."""
        attributes = {
            match[1].lower(): next(filter(None, match.groups()[1:]), "")
            for match in _ATTRIBUTE.finditer(tag)
        }
        names = [attributes.get(key, "") for key in ("name", "property", "id", "key")]
        is_secret = any(name and self.names.secret(name) for name in names)
        if not is_secret and attributes.get("type", "").lower() != "password":
            return tag
        for key in ("value", "content"):
            value = attributes.get(key)
            if value:
                kept = self._stand_in(value, stand_in, f"{path}.{names[0]}")
                tag = tag.replace(value, kept)
        return tag

    def _hide_pairs(self, text: str, stand_in: StandIn, path: str) -> str:
        pieces = []
        end = 0
        found_names = list(_names_before_values(text))
        # Those of a query, in which one name makes another one secret.
        beside = {name: "" for name, _, sign in found_names if sign == "="}
        candidates = self.names.hidden_beside(beside)
        candidates |= {
            name for name, _, _ in found_names if self._may_hide_in_text(name)
        }
        for name, start, sign in found_names:
            if start < end or name not in candidates:
                continue
            found = _value_at(text, start, sign)
            if found is None:
                continue
            value = text[slice(*found)]
            decoded = unquote_plus(value) if "%" in value else value
            others = beside if sign == "=" else {}
            if decoded.startswith(OWN):
                continue
            if not self._hides_in_text(name, decoded, others):
                continue
            hidden = self._replace_text(name, decoded, stand_in, f"{path}.{name}")
            if hidden != decoded:
                pieces += [text[end : found[0]], hidden]
                end = found[1]
        return "".join([*pieces, text[end:]])

    def _may_hide_in_text(self, name: str) -> bool:
        return self.names.may_hide(name) or self.names.may_hide(_last_name(name))

    def _hides_in_text(
        self, name: str, value: str, beside: Mapping[str, object]
    ) -> bool:
        return self.names.hides(name, value, beside) or self.names.hides(
            _last_name(name), value
        )


def _last_name(name: str) -> str:
    """Return where a dotted name leads: of `user[password]` and `a.password` that."""
    return re.split(r"[.\[\]]+", unquote_plus(name).rstrip("]"))[-1]


def _is_of_schemas(properties: object) -> bool:
    """Return whether properties are those of a JSON schema."""
    if not isinstance(properties, dict):
        return False
    parts = properties.values()
    return any(isinstance(part, dict) and part.keys() & _SCHEMAS for part in parts)


def _names_before_values(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield names, where the value of each begins, and the sign between them."""
    found = [(match["name"], match.end(), match["sign"]) for match in _names(text)]
    found += [(match["name"], match.end(), "=") for match in _ARGUMENT.finditer(text)]
    found += [(match["name"], match.end(), "=") for match in _OPTION.finditer(text)]
    yield from sorted(found, key=lambda one: one[1])


def _names(text: str) -> Iterator[re.Match[str]]:
    """Yield names with a sign behind them; the value of one may begin with another."""
    position = 0
    while match := _NAME.search(text, position):
        yield match
        position = match.end("close")


def _value_at(text: str, start: int, sign: str) -> tuple[int, int] | None:
    """Return where the value at a position begins and ends, without its quotes."""
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        return quoted.span("value")
    if text[start : start + 1] in tuple("[({"):
        pattern = _IN_BRACKETS
    else:
        pattern = _AFTER_EQUALS if sign == "=" else _AFTER_COLON
    match = pattern.match(text, start)
    return match.span() if match else None


def _names_in(attributes: str) -> list[str]:
    return [
        next(filter(None, match.groups()[1:]), "")
        for match in _ATTRIBUTE.finditer(attributes)
        if match[1].lower() in ("name", "key")
    ]
