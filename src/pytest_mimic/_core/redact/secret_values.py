"""Secret values: how they are written and found, and those of environment variables."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from functools import lru_cache
from json import dumps
from typing import Any
from urllib.parse import quote, quote_plus

from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.secret_names import SecretNames, places
from pytest_mimic._core.words import pattern

# An escaped character of a URL, whose hex digits some write in small letters.
_ESCAPE_IN_URL = pattern("%[0-9A-F]{2}")
_URL_SAFE = str.maketrans("+/", "-_")
# A word follows no letter, but for one of an escaped character (`%20`, `\n`, `\u003d`).
_BEFORE_WORD = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4}))"
# Shorter values are common words, which would be replaced all over a text.
_SHORTEST_SECRET = 4
# Since a value that is shorter may mean something else elsewhere (`dark`, `12345`), it
# stands for a secret only under a secret name.
_SHORTEST_ALONE = 20
_SHORTEST_MIXED = 8
_SHORTEST_NUMBER = 6
# A shorter value of a variable may stand in a text by chance.
_SHORTEST_IN_TEXTS = 16
_PLAIN_WORD = pattern(r"[A-Za-z][a-z]*|[A-Z]+")
# The keys of what is no text of an outcome: of tags, and of bytes.
_KEY_OF_DATA = pattern(r"base64|\$(?!\$|bytes$|text$)[^:]*")


_SCHEME = pattern(r"^(?:apikey|basic|bearer|digest|negotiate|token)\s+", re.IGNORECASE)


def hide_values(text: str, secrets: Iterable[str] | Mapping[str, str]) -> str:
    """Replace every occurrence of a known secret as whole words.

    A mapping says what stands for each.
    """
    # A secret may be a part of another one, so the longest come first.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < _SHORTEST_SECRET or secret not in text:
            continue
        stand_in = PLACEHOLDER
        if isinstance(secrets, Mapping):
            stand_in = secrets[secret]
        text = re.sub(rf"{_BEFORE_WORD}{re.escape(secret)}(?!\w)", stand_in, text)
    return text


def is_distinctive(value: str) -> bool:
    """Check whether a text that equals a secret can only be the secret.

    It can if the secret is long, or mixes letters and digits. A short one, such as
    `admin`, may mean something else where it has no secret name.
    """
    if value.isdigit():
        return len(value) >= _SHORTEST_NUMBER
    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    if has_digit and has_letter:
        return len(value) >= _SHORTEST_MIXED
    return len(value) >= _SHORTEST_ALONE


@lru_cache(maxsize=1_000)
def forms_of(secret: str) -> frozenset[str]:
    """Return a secret and how it is written in URLs, HTML, JSON and base64."""
    data = secret.encode("utf-8", "surrogatepass")
    html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    quoted = html.replace('"', "&quot;")
    forms = {
        secret,
        html,
        quoted,
        quoted.replace("'", "&#x27;"),
        quoted.replace("'", "&#39;"),
    }
    for url in (quote(data, safe=""), quote(data), quote_plus(data)):
        forms |= {url, _ESCAPE_IN_URL.sub(_in_lower_case, url)}
    for json in (dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]):
        forms |= {json, json.replace("/", r"\/")}
    base64 = b2a_base64(data, newline=False).decode()
    for coded in (base64, base64.translate(_URL_SAFE)):
        forms |= {coded, coded.rstrip("=")}
    return frozenset(forms)


def _in_lower_case(match: re.Match[str]) -> str:
    return match[0].lower()


def bare_secret(value: str) -> str:
    """Return a secret value without the scheme that may precede it (`Bearer …`)."""
    return _SCHEME.sub("", value)


def basic_credentials(value: str) -> str:
    """Return the credentials of basic authentication (RFC 7617): `ann:s3cr3t`.

    They are empty if the value of a header has none.
    """
    if value[:6].lower() != "basic ":
        return ""
    try:
        return a2b_base64(value[6:]).decode()
    except (Error, ValueError):
        return ""


def basic_password(value: str) -> str:
    """Return the password in the credentials of basic authentication.

    The password is empty if the value of a header has none.
    """
    return basic_credentials(value).partition(":")[2]


class Environment:
    """The secret values of an environment.

    Attributes:
        forms: The values in all their forms, each with what stands for it. Empty if
            there are none, as in most runs.
    """

    def __init__(self, names: SecretNames, variables: Mapping[str, str]) -> None:
        self._secret_names = names
        # By the value; of two names of one value, the first one of the alphabet.
        self._names_of_variables: dict[str, str] = {}
        for name, text in sorted(variables.items()):
            value = text.strip()
            is_word = len(value) < _SHORTEST_IN_TEXTS or _PLAIN_WORD.fullmatch(value)
            # The shell's working directory is no password.
            if not is_word and name != "PWD" and names.hides(name, value):
                self._names_of_variables.setdefault(value, name)
        stand_ins: dict[str, str] = {}
        for value, name in self._names_of_variables.items():
            stand_ins.update(dict.fromkeys(forms_of(value), f"<{name}>"))
        # A value may be a part of another one, so the longest come first.
        longest_first = sorted(stand_ins, key=len, reverse=True)
        self.forms: dict[str, str] = {form: stand_ins[form] for form in longest_first}
        self.longest: int = max(map(len, stand_ins), default=0)
        # The forms as they stand in the text of a JSON file, in which a text may be
        # JSON itself.
        self._in_json = set(stand_ins)
        for form in stand_ins:
            self._in_json.add(dumps(form, ensure_ascii=False)[1:-1])

    def may_be_in(self, plain: object) -> bool:
        """Check fast whether plain data may hold one of the values.

        A text is JSON as it stands in a file.
        """
        try:
            json = plain
            if not isinstance(json, str):
                json = dumps(plain, ensure_ascii=False, default=repr)
        except (RecursionError, TypeError, ValueError):
            return True
        return any(form in json for form in self._in_json)

    def names_in(self, text: str) -> list[str]:
        """Return the names of the variables that stand in a text for their values."""
        names = []
        for name in self._names_of_variables.values():
            if f"<{name}>" in text or f"&lt;{name}&gt;" in text:
                names.append(name)
        return sorted(names)

    def held_by(self, pieces: Iterable[Any]) -> dict[str, str]:
        """Return the variables whose values stand in one of the pieces, by name.

        The pieces are bytes: of texts, or of the memory of a numpy array.
        """
        whole_pieces = list(map(bytes, pieces))
        values_by_variable = {}
        for value, name in self._names_of_variables.items():
            in_text = value.encode("utf-8", "surrogatepass")
            in_array = value.encode("utf-32-le", "surrogatepass")
            for piece in whole_pieces:
                if in_text in piece or in_array in piece:
                    values_by_variable[name] = value
        return values_by_variable

    def text(self, text: str) -> str:
        """Return a text in which the names of the variables stand for their values.

        In markup, `<NAME>` is written as `&lt;NAME&gt;`.
        """
        is_markup = text.lstrip("\ufeff \t\r\n").startswith("<")
        for form, stand_in in self.forms.items():
            if form in text:
                if is_markup:
                    stand_in = f"&lt;{stand_in[1:-1]}&gt;"
                text = text.replace(form, stand_in)
        return text

    def scrub(self, plain: object) -> Any:
        """Return plain data without the values; the same object if it holds none.

        What tags hold besides texts, such as bytes in base64, stays.
        """
        if not self._may_change(plain):
            return plain
        root = {"": plain}
        for box, key, value, *_ in places(root, self._secret_names):
            if isinstance(value, dict):
                box[key] = self._with_names_scrubbed(value)
            elif isinstance(value, list):
                if key == "chunks":
                    box[key] = self._pieces(value)
            elif isinstance(value, str):
                is_data = isinstance(key, str) and _KEY_OF_DATA.fullmatch(key)
                if not is_data:
                    box[key] = self.text(value)
        return root[""]

    def _may_change(self, plain: object) -> bool:
        """Check fast whether plain data may hold one of the values, perhaps in pieces.

        Looking at each part of the data takes many times as long.
        """
        if not self.forms:
            return False
        try:
            json = dumps(plain, ensure_ascii=False)
        except (RecursionError, TypeError, ValueError):
            return True
        return '"chunks"' in json or self.may_be_in(json)

    def _with_names_scrubbed(self, mapping: dict[Any, Any]) -> dict[Any, Any]:
        scrubbed = {}
        for name, part in mapping.items():
            if isinstance(name, str):
                name = self.text(name)
            scrubbed[name] = part
        return scrubbed

    def _pieces(self, pieces: list[Any]) -> list[Any]:
        """Return the pieces of a stream without the values, one of which may be in two.

        If there is one, the first piece becomes the whole text.
        """
        if not all(isinstance(piece, str) for piece in pieces):
            return pieces
        joined_text = "".join(pieces)
        hidden_text = self.text(joined_text)
        if hidden_text == joined_text:
            return pieces
        empty = [""] * (len(pieces) - 1)
        return [hidden_text, *empty]
