"""Secret values wherever they stand: of the environment, or shown by calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from pytest_mimic.secrets.forms import spellings
from pytest_mimic.secrets.names import SecretNames
from pytest_mimic.secrets.placeholders import OWN, OWN_IN_HEX, of_environment
from pytest_mimic.values.tree import mapped

SHORTEST = 8
"""Shorter values are replaced only under a secret name: elsewhere they may be words."""

_SHORTEST_NUMBER = 6
_SHORTEST_OF_ENVIRONMENT = 16
# A plain word, a path (base64 has slashes, and no dot), an address without a user.
_PLAIN = (
    r"[A-Za-z]+|[a-z]+([-_ ][a-z]+)*"
    r"|~?/[\w./ -]*|[A-Za-z]:\\.*|([\w.-]+/)+[\w-]+\.[a-z]{2,5}"
    r"|[a-z][a-z0-9+.-]*://[^@\s]*"
)


def of_variables(names: SecretNames, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets of the environment, each with what stands for it."""
    found = {}
    for name, value in environment.items():
        is_long = len(value) >= _SHORTEST_OF_ENVIRONMENT
        if is_long and names.secret_variable(name) and not re.fullmatch(_PLAIN, value):
            found[value] = of_environment(name)
    return found


class KnownValues(dict[str, str]):
    """Secret values, each with what stands for it, to be replaced in texts.

    Args:
        known: The first of them.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._forms: dict[str, str] = {}
        for value, placeholder in (known or {}).items():
            self.add(value, placeholder)

    def add(self, value: str, placeholder: str) -> None:
        """Note a value. The first placeholder of a value stays."""
        if value in self:
            return
        self[value] = placeholder
        is_long_number = value.isdigit() and len(value) >= _SHORTEST_NUMBER
        if len(value) >= SHORTEST or is_long_number:
            for form in _escapes(value):
                self._forms[form] = placeholder
            # What a value is counts before what it is another form of.
            for spelling, in_place in spellings(value, placeholder):
                for form in _escapes(spelling):
                    self._forms.setdefault(form, in_place)

    def issued_form(self, text: str) -> str | None:
        """Return what stands for a value in some form, if an answer has issued it.

        It is the placeholder in the same form: as it is, in capitals, in hex.
        """
        shown = self._forms.get(text)
        return shown if shown and shown.lower() not in (OWN, OWN_IN_HEX) else None

    def hide_in(self, text: str) -> str:
        """Return a text without the values, as they are or as a URL spells them."""
        if not self._forms:
            return text
        # Most texts hold none, and each signed request adds some: one pattern of all
        # would be made anew for each. Other threads add to the forms meanwhile.
        found = [form for form in [*self._forms] if form in text]
        if not found:
            return text
        longest_first = sorted(found, key=len, reverse=True)
        pattern = "|".join(map(_pattern_of, longest_first))
        return re.sub(pattern, lambda match: self._forms[match[0]], text)

    def hide(self, plain: Any) -> Any:
        """Return plain data without the values, the keys of mappings too."""
        return map_texts(plain, self.hide_in) if self._forms else plain


def _escapes(text: str) -> tuple[str, ...]:
    """Return a text as it is, as URLs spell it, and as Python prints it in an error."""
    encoded = text.encode("utf-8", "surrogatepass")
    in_url = quote(encoded, safe="")
    in_url_of_url = quote(in_url)
    printed = (repr(text)[1:-1], repr(encoded)[2:-1])
    return (text, in_url, in_url_of_url, quote_plus(encoded), *printed)


def _pattern_of(form: str) -> str:
    """Return the pattern of a value; a number is no part of a longer number."""
    return rf"(?<!\d){form}(?!\d)" if form.isdigit() else re.escape(form)


def map_texts(plain: Any, change: Callable[[str], str]) -> Any:
    """Return plain data with each text changed, the keys of mappings too."""

    def changed(part: Any) -> Any:
        return change(part) if isinstance(part, str) else part

    return mapped(plain, changed, change)
