"""Hides the values of secret names in data and in texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_mimic._redact.names import PLACEHOLDER, SecretNames

if TYPE_CHECKING:
    from pytest_mimic._redact.texts import SecretTexts

_ZEROES: dict[type, object] = {bool: False, int: 0, float: 0.0}


class Redactor(SecretNames):
    """Knows which names are secret, and replaces their values.

    Args:
        names: Names to add to the default ones. `!name` removes one. The last word on a name wins.

    Attributes:
        issued: Values that servers sent under secret names in this run. Boundaries hide them elsewhere as well.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        super().__init__(names)
        self.issued: set[str] = set()

    @cached_property
    def _texts(self) -> SecretTexts:
        # Most runs replay without looking into a text, and compiling the patterns takes milliseconds.
        from pytest_mimic._redact.texts import SecretTexts

        return SecretTexts(self.secret)

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return a copy of plain data in which the values of secret names are replaced. None stays None.

        Strings that are data themselves, such as JSON or a URL, lose the secrets in them as well.

        Args:
            plain: Data as JSON has it.
            keep_types: Replace each secret by a value of its type, numbers by 0, so that code which reads the data
                finds what it expects. Mappings and lists keep their shape.
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
        """Return a JSON text without its secrets and otherwise unchanged. Any other text is returned as it is."""
        return self._texts.scrub_json(text)

    def scrub_data(self, text: str) -> str:
        """Return a text that is JSON, markup, GraphQL, a form or a URL as a whole without its secrets.

        Any other text loses the secrets in its URLs only.
        """
        return self._texts.scrub_data(text)

    def literals(self, text: str) -> list[str]:
        """Return the values of secret names in markup or GraphQL. Any other text has none."""
        return self._texts.literals(text)

    def scrub_url(self, url: str) -> str:
        """Return the URL without passwords in its user part, and without secrets in its query and fragment."""
        return self._texts.scrub_url(url)

    def scrub_form(self, form: str) -> str:
        """Return a query or an urlencoded form (`a=1&token=x`) with secret fields replaced."""
        return self._texts.scrub_form(form)

    def scrub_header(self, name: str, value: str) -> str:
        """Return the value of a header without its secrets.

        Cookies keep their names, `Set-Cookie` its attributes, and other headers their parameters.
        """
        return self._texts.scrub_header(name, value)

    def scrub_text(self, text: str, secrets: Iterable[str] = ()) -> str:
        """Return free text without secrets in URLs, after secret names (`token=…`, `"token": "…"`), and elsewhere.

        Args:
            text: The text to show.
            secrets: Values known to be secret. Those under four characters are left in.
        """
        return self._texts.scrub_text(text, secrets)
