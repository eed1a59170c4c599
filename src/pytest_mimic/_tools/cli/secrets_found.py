"""Finds what looks like a secret in the files of a vault: keys by their look, and values of environment variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.environment import bytes_in
from pytest_mimic._core.redact.looks import keys_in, mark_of

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor


class SecretFinder:
    """Looks into each file once, as several recordings may share it. What `mimic_redact` accepts is no secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._seen: set[str] = set()

    def find(self, file: str, pieces: Iterable[Any]) -> Iterator[tuple[str, str]]:
        """Yield the secrets in the pieces of a file, bytes: each in words and by its mark."""
        if file in self._seen:
            return
        self._seen.add(file)
        texts, marks = [str(piece, "latin-1") for piece in pieces], set(self._redactor.accepted)
        texts += [str(data, "latin-1") for text in texts for data in bytes_in(text)]
        for name, value in self._redactor.environment.held_values(text.encode("latin-1") for text in texts):
            if mark_of(value) not in marks:
                marks.add(mark_of(value))
                yield f"the value of the environment variable {name}", mark_of(value)
        for text in texts:
            for look in keys_in(text):
                if look.mark not in marks:
                    marks.add(look.mark)
                    yield f"what looks like {look.what} ({look.shown})", look.mark
