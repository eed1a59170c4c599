"""Known secret values: how they are written, found in a text, and hidden there.

A secret is known if a request has sent it under a secret name, an answer has issued it,
or an environment variable has it. Which names are secret, `secret_names.py` says.
"""

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
# is hidden only under a secret name: `is_distinctive`.
_SHORTEST_OF_LETTERS = 20
_SHORTEST_OF_LETTERS_AND_DIGITS = 8
_SHORTEST_OF_DIGITS = 6
# A shorter value of an environment variable may stand in a text by chance.
_SHORTEST_OF_VARIABLES = 16
_PLAIN_WORD = pattern(r"[A-Za-z][a-z]*|[A-Z]+")
# The keys of what is no text of an outcome: of tags, and of bytes.
_KEY_OF_DATA = pattern(r"base64|\$(?!\$|bytes$|text$)[^:]*")
_SCHEME_BEFORE_SECRET = pattern(
    r"^(?:apikey|basic|bearer|digest|negotiate|token)\s+", re.IGNORECASE
)


def hide_values(text: str, secrets: Iterable[str] | Mapping[str, str]) -> str:
    """Replace every occurrence of a known secret as whole words.

    A mapping says what stands for each; else `<redacted>` does. A secret inside of a
    longer word stays, as the word is not the secret.
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

    It can if the secret is long, or mixes letters and digits. Such a secret is hidden
    wherever it stands in a call. A short one, such as `admin`, may mean something else
    where it has no secret name, and stays there.
    """
    if value.isdigit():
        return len(value) >= _SHORTEST_OF_DIGITS
    has_digit = any(map(str.isdigit, value))
    has_letter = any(map(str.isalpha, value))
    if has_digit and has_letter:
        return len(value) >= _SHORTEST_OF_LETTERS_AND_DIGITS
    return len(value) >= _SHORTEST_OF_LETTERS


@lru_cache(maxsize=1_000)
def forms_of(secret: str) -> frozenset[str]:
    """Return a secret and how it is written in URLs, HTML, JSON and base64.

    A known secret is searched for in all these forms.
    """
    secret_bytes = secret.encode("utf-8", "surrogatepass")
    in_html = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    in_attribute = in_html.replace('"', "&quot;")
    forms = {
        secret,
        in_html,
        in_attribute,
        in_attribute.replace("'", "&#x27;"),
        in_attribute.replace("'", "&#39;"),
    }
    # Some clients escape a slash of a path, and a form has `+` for a blank.
    for in_url in (
        quote(secret_bytes, safe=""),
        quote(secret_bytes),
        quote_plus(secret_bytes),
    ):
        forms |= {in_url, _ESCAPE_IN_URL.sub(_in_lower_case, in_url)}
    # Within a JSON text, other characters may be escaped, and slashes as well.
    for in_json in (dumps(secret)[1:-1], dumps(secret, ensure_ascii=False)[1:-1]):
        forms |= {in_json, in_json.replace("/", r"\/")}
    base64 = b2a_base64(secret_bytes, newline=False).decode()
    for in_base64 in (base64, base64.translate(_URL_SAFE)):
        forms |= {in_base64, in_base64.rstrip("=")}
    return frozenset(forms)


def _in_lower_case(match: re.Match[str]) -> str:
    return match[0].lower()


def bare_secret(value: str) -> str:
    """Return a secret value without the scheme that may precede it (`Bearer …`)."""
    return _SCHEME_BEFORE_SECRET.sub("", value)


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
    """The secret values of an environment, such as API keys of the application.

    In what is stored, the name of the variable stands for the value: `<SHOP_API_KEY>`.

    Attributes:
        forms: What stands for each value, by the value in each of its forms. Empty if
            there are none, as in most runs.
        longest: The characters of the longest form. Who searches only the beginning of
            a text searches so many characters more.
    """

    def __init__(self, names: SecretNames, variables: Mapping[str, str]) -> None:
        self._secret_names = names
        # The name of the variable by its value; of two names of one value, the first
        # one of the alphabet.
        self._name_by_value: dict[str, str] = {}
        for name, text in sorted(variables.items()):
            value = text.strip()
            is_word = len(value) < _SHORTEST_OF_VARIABLES
            is_word = is_word or _PLAIN_WORD.fullmatch(value) is not None
            # The shell's working directory is no password.
            if not is_word and name != "PWD" and names.hides(name, value):
                self._name_by_value.setdefault(value, name)
        stand_ins: dict[str, str] = {}
        for value, name in self._name_by_value.items():
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

        True: the data must be searched. A text is JSON as it stands in a file.
        """
        try:
            json_text = plain
            if not isinstance(json_text, str):
                json_text = dumps(plain, ensure_ascii=False, default=repr)
        except (RecursionError, TypeError, ValueError):
            return True
        return any(form in json_text for form in self._in_json)

    def names_in(self, text: str) -> list[str]:
        """Return the names of the variables that stand in a text for their values.

        The summary of a recording run names them: in a replay, the code gets
        `<SHOP_API_KEY>` in place of the key.
        """
        names = []
        for name in self._name_by_value.values():
            if f"<{name}>" in text or f"&lt;{name}&gt;" in text:
                names.append(name)
        return sorted(names)

    def held_by(self, pieces: Iterable[Any]) -> dict[str, str]:
        """Return the values that stand in one of the pieces, by the variable.

        Bytes are not redacted, so a recording run and `check` warn of these. The pieces
        are those of a pickle, or of the memory of a numpy array.
        """
        whole_pieces = list(map(bytes, pieces))
        value_by_variable = {}
        for value, name in self._name_by_value.items():
            in_text = value.encode("utf-8", "surrogatepass")
            # An array of texts has four bytes for each character.
            in_array = value.encode("utf-32-le", "surrogatepass")
            for piece in whole_pieces:
                if in_text in piece or in_array in piece:
                    value_by_variable[name] = value
        return value_by_variable

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
                box[key] = self._with_keys_scrubbed(value)
            elif isinstance(value, list):
                # The chunks of a body are one text.
                if key == "chunks":
                    box[key] = self._scrubbed_chunks(value)
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
            json_text = dumps(plain, ensure_ascii=False)
        except (RecursionError, TypeError, ValueError):
            return True
        # A value may be in two chunks, so that the JSON does not hold it whole.
        return '"chunks"' in json_text or self.may_be_in(json_text)

    def _with_keys_scrubbed(self, mapping: dict[Any, Any]) -> dict[Any, Any]:
        """Return a mapping whose keys hold no values; its own values are as before."""
        scrubbed = {}
        for key, value in mapping.items():
            if isinstance(key, str):
                key = self.text(key)
            scrubbed[key] = value
        return scrubbed

    def _scrubbed_chunks(self, chunks: list[Any]) -> list[Any]:
        """Return the chunks of a body without the values, one of which may be in two.

        If there is one, the first chunk becomes the whole text, and the others are
        empty: their number stays.
        """
        if not all(isinstance(chunk, str) for chunk in chunks):
            return chunks
        joined_text = "".join(chunks)
        hidden_text = self.text(joined_text)
        if hidden_text == joined_text:
            return chunks
        empty_chunks = [""] * (len(chunks) - 1)
        return [hidden_text, *empty_chunks]
