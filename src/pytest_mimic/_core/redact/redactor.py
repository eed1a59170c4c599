"""Hides the values of secret names in data and in texts, and puts real ones back while a call is verified."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pytest_mimic._core.redact.environment import Environment
from pytest_mimic._core.redact.secret_names import PLACEHOLDER, places
from pytest_mimic._core.redact.texts import SecretTexts

_ZEROES: dict[type, object] = {int: 0, float: 0.0}


class Redactor(SecretTexts):
    """Knows which names are secret, and replaces their values.

    Args:
        names: Names to add to the default ones. `!name` removes one. The last word on a name wins.
        defaults: Whether the default names are secret, and keys that are known by their look.

    Attributes:
        issued: Values that servers sent under secret names in this run. Clients hide them elsewhere as well.
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
            made = self._extended[names] = Redactor((*names, *self._given), defaults=self._looks)
            made.variables, made.issued = self.variables, self.issued
        return self._extended[names]

    def scrub(self, plain: object, *, keep_types: bool = False, stored: bool = False) -> Any:
        """Return a copy of plain data in which the values of secret names are replaced. None, booleans and empty texts stay.

        Strings that are data themselves, such as JSON or a URL, lose the secrets in them as well. With `keep_types`,
        each secret is replaced by a value of its type, numbers by 0, so that code which reads the data finds what it
        expects. Mappings and lists keep their shape. `stored` is as for `places`.
        """
        root = {"": plain}
        for box, key, value, name, is_secret, _ in places(root, self, stored=stored):
            is_container = isinstance(value, (dict, list))
            if is_secret and not (is_container and keep_types):
                is_hidden = type(value) is str and self.is_hidden_cookie(name, value)
                hidden = _ZEROES.get(type(value), PLACEHOLDER) if keep_types else PLACEHOLDER
                box[key] = value if is_hidden else hidden
            elif isinstance(value, str):
                box[key] = self.scrub_data(value)
        return root[""]


#: No name is secret: for what is redacted already.
NO_NAMES = Redactor(defaults=False)
NO_NAMES.variables = {}


def with_secrets(recorded: object, hidden: object, real: object) -> Any:
    """Return recorded plain data with the secrets of a `real` outcome, which is `hidden` without them.

    While a call is verified, the application gets what was recorded. But the server would refuse a request with a
    recorded placeholder. Of a text with more than one secret, none is put in, unless all of it is as recorded.
    """
    if isinstance(recorded, dict) and isinstance(hidden, dict) and isinstance(real, dict):
        return {
            key: with_secrets(value, hidden[key], real[key]) if key in hidden and key in real else value
            for key, value in recorded.items()
        }
    if isinstance(recorded, list) and isinstance(hidden, list) and isinstance(real, list):
        found = dict(zip(_places(hidden), zip(hidden, real)))
        return [
            with_secrets(item, *found[place]) if place in found else item
            for place, item in zip(_places(recorded), recorded, strict=True)
        ]
    # A number is redacted as 0.
    if recorded == hidden and type(recorded) is type(hidden):
        return real
    texts = isinstance(recorded, str) and isinstance(hidden, str) and isinstance(real, str)
    return _text(str(recorded), str(hidden), str(real)) if texts else recorded


def _places(items: list[Any]) -> list[object]:
    """Return what identifies each item of a list: its index, or for pairs, such as headers, the n-th of its name."""
    if not all(isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) for item in items):
        return list(range(len(items)))
    names = [name.lower() for name, _ in items]
    return [(name, names[:place].count(name)) for place, name in enumerate(names)]


def _text(recorded: str, hidden: str, real: str) -> str:
    """Return a recorded text with the one secret that each of them has, such as a cookie with its attributes."""
    start, _, end = hidden.partition(PLACEHOLDER)
    fits = real.startswith(start) and real.endswith(end) and len(start) + len(end) <= len(real)
    if recorded.count(PLACEHOLDER) != 1 or hidden.count(PLACEHOLDER) != 1 or not fits:
        return recorded
    return recorded.replace(PLACEHOLDER, real[len(start) : len(real) - len(end)])
