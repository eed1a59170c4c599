"""Secret values: how they are written, and those of environment variables."""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from json import dumps
from typing import Any
from urllib.parse import quote, quote_plus

from pytest_mimic._core.redact.secret_names import PLACEHOLDER, SecretNames, places
from pytest_mimic._core.words import pattern

_ESCAPE = pattern("%[0-9A-F]{2}")
_URL_SAFE = str.maketrans("+/", "-_")
# What is before a word: no letter but that of an escaped character (`%20`, `\n`,
# `\u003d`).
_BEFORE_WORD = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4}))"
# Shorter values are common words, which would be replaced all over a text.
_SHORTEST_SECRET = 4
# Since a value that is shorter may mean something else elsewhere (`dark`, `12345`), it
# stands for a secret only under a secret name.
_SHORTEST_ALONE = 20
_SHORTEST_MIXED = 8
_SHORTEST_NUMBER = 6
# A shorter value of a variable may stand in a text by chance.
_SHORTEST = 16
_PLAIN_WORD = pattern(r"[A-Za-z][a-z]*|[A-Z]+")
# The keys of what is no text of an outcome: of tags, and of bytes.
_DATA = pattern(r"base64|\$(?!\$|bytes$|text$)[^:]*")
_BASE64 = re.compile(
    r'base64": "((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?)"'
)


def hide_values(text: str, secrets: Iterable[str] | Mapping[str, str]) -> str:
    """Replace every occurrence of a known secret as whole words.

    A mapping says what stands for each.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < _SHORTEST_SECRET or secret not in text:
            continue
        stand_in = secrets[secret] if isinstance(secrets, Mapping) else PLACEHOLDER
        text = re.sub(rf"{_BEFORE_WORD}{re.escape(secret)}(?!\w)", stand_in, text)
    return text


def stands_alone(value: str) -> bool:
    """Check whether a secret is so long, or so mixed, that it means nothing else elsewhere."""
    if value.isdigit():
        return len(value) >= _SHORTEST_NUMBER
    is_mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return len(value) >= _SHORTEST_ALONE or (len(value) >= _SHORTEST_MIXED and is_mixed)


@lru_cache(maxsize=1_000)
def forms_of(secret: str) -> frozenset[str]:
    """Return a secret and how it is written in URLs, HTML, JSON and base64."""
    data = secret.encode("utf-8", "surrogatepass")
    html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    quoted = html.replace('"', "&quot;")
    found = {
        secret,
        html,
        quoted,
        quoted.replace("'", "&#x27;"),
        quoted.replace("'", "&#39;"),
    }
    for url in (quote(data, safe=""), quote(data), quote_plus(data)):
        found |= {url, _ESCAPE.sub(lambda code: code[0].lower(), url)}
    for json in (dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]):
        found |= {json, json.replace("/", r"\/")}
    base64 = b2a_base64(data, newline=False).decode()
    for coded in (base64, base64.translate(_URL_SAFE)):
        found |= {coded, coded.rstrip("=")}
    return frozenset(found)


class Environment:
    """The secret values of an environment.

    Attributes:
        forms: The values in all their forms, each with what stands for it. Empty if
            there are none, as in most runs.
    """

    def __init__(self, names: SecretNames, variables: Mapping[str, str]) -> None:
        self._secret = names
        # By the value; of two names of one value, the first one of the alphabet.
        self._names: dict[str, str] = {}
        for name, text in sorted(variables.items()):
            value = text.strip()
            is_word = len(value) < _SHORTEST or _PLAIN_WORD.fullmatch(value)
            # The shell's working directory is no password.
            if not is_word and name != "PWD" and names.hides(name, value):
                self._names.setdefault(value, name)
        forms = {
            form: f"<{name}>"
            for value, name in self._names.items()
            for form in forms_of(value)
        }
        # A value may be a part of another one.
        self.forms = dict(sorted(forms.items(), key=lambda form: -len(form[0])))
        self.longest = max(map(len, forms), default=0)
        # As they stand in the text of a JSON file, in which a text may be JSON itself.
        self._in_json = {
            *forms,
            *(dumps(form, ensure_ascii=False)[1:-1] for form in forms),
        }

    def may_be_in(self, plain: object) -> bool:
        """Check fast whether plain data, or its JSON as it stands in a file, may hold one of the values."""
        try:
            json = (
                plain
                if isinstance(plain, str)
                else dumps(plain, ensure_ascii=False, default=repr)
            )
        except (RecursionError, TypeError, ValueError):
            return True
        return any(form in json for form in self._in_json)

    def names_in(self, text: str) -> list[str]:
        """Return the names of the variables that stand in a text for their values."""
        return sorted(
            name
            for name in self._names.values()
            if f"<{name}>" in text or f"&lt;{name}&gt;" in text
        )

    def held_by(self, pieces: Iterable[Any]) -> dict[str, str]:
        """Return the variables whose values stand in one of the pieces, which are bytes, with these values."""
        # As texts are, and as they are in the memory of a numpy array.
        codes, whole = ("utf-8", "utf-32-le"), [bytes(piece) for piece in pieces]
        return {
            name: value
            for value, name in self._names.items()
            if any(
                value.encode(code, "surrogatepass") in piece
                for code in codes
                for piece in whole
            )
        }

    def text(self, text: str) -> str:
        """Return a text in which the names of the variables stand for their values, `&lt;NAME&gt;` in markup."""
        is_markup = text.lstrip("\ufeff \t\r\n").startswith("<")
        for form, name in self.forms.items():
            if form in text:
                text = text.replace(
                    form, f"&lt;{name[1:-1]}&gt;" if is_markup else name
                )
        return text

    def scrub(self, plain: object) -> Any:
        """Return plain data without the values.

        What tags hold besides texts, such as bytes in base64, stays.

        The pieces of a stream are one text, which is the first piece if it has a value:
        that may be in two of them.
        """
        root = {"": plain}
        for box, key, value, *_ in places(root, self._secret):
            if isinstance(value, dict):
                box[key] = {
                    self.text(name) if isinstance(name, str) else name: part
                    for name, part in value.items()
                }
            elif (
                key == "chunks"
                and isinstance(value, list)
                and all(isinstance(one, str) for one in value)
            ):
                whole = "".join(value)
                hidden = self.text(whole)
                box[key] = (
                    value if hidden == whole else [hidden, *[""] * (len(value) - 1)]
                )
            elif isinstance(value, str) and not (
                isinstance(key, str) and _DATA.fullmatch(key)
            ):
                box[key] = self.text(value)
        return root[""]


def bytes_in(json: str) -> Iterator[bytes]:
    """Yield the bytes that JSON, as it stands in a file, holds as base64."""
    if "base64" in json:
        yield from (a2b_base64(match[1]) for match in _BASE64.finditer(json))
