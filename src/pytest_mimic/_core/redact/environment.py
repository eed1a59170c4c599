"""The values of environment variables with secret names, which `<NAME>` stands for in what is recorded."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Mapping
from json import dumps
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.secret_names import places
from pytest_mimic._core.redact.texts import forms_of
from pytest_mimic._core.words import pattern

if TYPE_CHECKING:
    from pytest_mimic._core.redact.secret_names import SecretNames

# A shorter value may stand in a text by chance.
_SHORTEST = 16
# How many characters of a value tell too much of it.
_START = 8
# The shell's names for the working directory, of which no password is kept.
_FOLDERS = ("OLDPWD", "PWD")
_PLAIN_WORD = pattern(r"[A-Za-z][a-z]*|[A-Z]+")
_BASE64 = re.compile(r'base64": "((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?)"')


class Environment:
    """The secret values of an environment.

    Attributes:
        forms: The values in all their forms, each with what stands for it. Empty if there are none, as in most runs.
    """

    def __init__(self, names: SecretNames, variables: Mapping[str, str]) -> None:
        self._secret = names
        # By the value; of two names of one value, the first one of the alphabet.
        self._names: dict[str, str] = {}
        for name, text in sorted(variables.items()):
            value = text.strip()
            is_word = len(value) < _SHORTEST or _PLAIN_WORD.fullmatch(value)
            if not is_word and name not in _FOLDERS and names.hides(name, value):
                self._names.setdefault(value, name)
        forms = {form: f"<{name}>" for value, name in self._names.items() for form in forms_of(value)}
        # A value may be a part of another one.
        self.forms = dict(sorted(forms.items(), key=lambda form: -len(form[0])))
        self.longest = max(map(len, forms), default=0)
        # As they stand in the text of a JSON file, in which a text may be JSON itself.
        self._in_json = {*forms, *(dumps(form, ensure_ascii=False)[1:-1] for form in forms)}

    def may_be_in(self, plain: object) -> bool:
        """Check fast whether plain data, or its JSON as it stands in a file, may hold one of the values."""
        try:
            json = plain if isinstance(plain, str) else dumps(plain, ensure_ascii=False, default=repr)
        except (RecursionError, TypeError, ValueError):
            return True
        return any(form in json for form in self._in_json)

    def names_in(self, text: str) -> list[str]:
        """Return the names of the variables that stand in a text for their values."""
        return sorted(
            name for name in self._names.values() if f"<{name}>" in text or f"&lt;{name}&gt;" in text
        )

    def held_by(self, pieces: Iterable[Any]) -> dict[str, str]:
        """Return the variables whose values stand in one of the pieces, which are bytes, with these values."""
        whole = [bytes(piece) for piece in pieces]
        found = {}
        for value, name in self._names.items():
            # As texts are, and as they are in the memory of a numpy array.
            forms = [value.encode(code, "surrogatepass") for code in ("utf-8", "utf-32-le")]
            if any(form in piece for piece in whole for form in forms):
                found[name] = value
        return found

    def text(self, text: str) -> str:
        """Return a text in which the names of the variables stand for their values, `&lt;NAME&gt;` in markup."""
        is_markup = text.lstrip("\ufeff \t\r\n").startswith("<")
        for form, name in self.forms.items():
            if form in text:
                text = text.replace(form, f"&lt;{name[1:-1]}&gt;" if is_markup else name)
        return text

    def without_start(self, text: str) -> str:
        """Return a text that was cut without the beginning of a value at its end."""
        sizes = (n for form in self.forms for n in range(_START, len(form) + 1) if text.endswith(form[:n]))
        return text[: len(text) - max(sizes, default=0)]

    def scrub(self, plain: object) -> Any:
        """Return plain data without the values. What tags hold besides texts, such as bytes in base64, stays."""
        root = {"": plain}
        for box, key, value, *_ in places(root, self._secret):
            if isinstance(value, dict):
                box[key] = {
                    self.text(name) if isinstance(name, str) else name: part for name, part in value.items()
                }
            elif key == "chunks" and isinstance(value, list) and all(isinstance(one, str) for one in value):
                box[key] = self._pieces(value)
            elif isinstance(value, str) and not (isinstance(key, str) and _holds_data(key)):
                box[key] = self.text(value)
        return root[""]

    def _pieces(self, pieces: list[str]) -> list[str]:
        """Hide the values in the pieces of one text, all of which is the first piece if a value goes on in the next one."""
        pieces = list(map(self.text, pieces))
        whole = "".join(pieces)
        hidden = self.text(whole)
        return pieces if hidden == whole else [hidden, *[""] * (len(pieces) - 1)]


def bytes_in(json: str) -> Iterator[bytes]:
    """Yield the bytes that JSON, as it stands in a file, holds as base64."""
    if "base64" in json:
        yield from (a2b_base64(match[1]) for match in _BASE64.finditer(json))


def _holds_data(key: str) -> bool:
    """Check whether a text under this key is no text of the outcome: that of a tag, or bytes."""
    is_tag = key[:1] == "$" and key[:2] != "$$" and ":" not in key
    return key == "base64" or (is_tag and key not in ("$bytes", "$text"))
