"""Secrets of AWS whose names are harmless elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# By service. Names in `mimic_redact` come after them: `!plaintext` keeps the value.
_NAMES = {
    "kms": ("plaintext",),
    "ec2": ("key_material", "!public_key_material"),
    # Tokens of pages: callers compare them to find the last page.
    "logs": ("!next_forward_token", "!next_backward_token"),
    "omics": ("!starting_token",),
    "ssm-quicksetup": ("!starting_token",),
}
# Types of parameters of Systems Manager whose values are no secret.
_OPEN_TYPES = ("String", "StringList")


class AwsSecrets(Secrets):
    """Learns and hides secrets, also those of one service."""

    def __init__(self, redactor: Redactor, known: Iterable[str] = (), *, service: str) -> None:
        names = _NAMES.get(service)
        super().__init__(redactor.with_names(names) if names else redactor, known)
        self._has_parameters = service == "ssm"

    def learn(self, plain: Any) -> None:
        """Learn the values of secret names, and those of secure parameters."""
        super().learn(plain)
        for parameter in self._secure_parameters(plain):
            self.add(parameter["Value"])

    def scrub(self, plain: Any, *, keep_types: bool = False) -> Any:
        """Return a copy of plain data without secrets."""
        found = super().scrub(plain, keep_types=keep_types)
        for parameter in self._secure_parameters(found):
            parameter["Value"] = PLACEHOLDER
        return found

    def _secure_parameters(self, plain: Any) -> Iterator[dict[str, Any]]:
        """Yield the parameters of Systems Manager that may be a `SecureString`, in a request or a response.

        A request that changes a parameter may leave its type out.
        """
        todo = [plain] if self._has_parameters else []
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                if (
                    "Name" in value
                    and isinstance(value.get("Value"), str)
                    and value.get("Type") not in _OPEN_TYPES
                ):
                    yield value
                todo += value.values()
            elif isinstance(value, list):
                todo += value
