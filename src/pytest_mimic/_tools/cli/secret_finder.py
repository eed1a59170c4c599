"""Finds secrets in a vault: what looks like one, values of the environment, and what the redaction of today would hide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from pytest_mimic._clients.http.body import hides_text
from pytest_mimic._clients.http.http_secrets import redacted_request, redacted_response
from pytest_mimic._core.redact.looks import keys_in, mark_of
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import holds_text
from pytest_mimic._core.redact.secret_values import bytes_in
from pytest_mimic._core.vault.recording_facts import Recording, Stored
from pytest_mimic.errors import MimicError


class SecretFinder:
    """Looks into each file once, as several recordings may share it.

    What `mimic_redact` accepts is no secret.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        redactor.keeps_filtered = True
        self._seen: set[str] = set()

    def find(self, file: str, pieces: Iterable[Any]) -> Iterator[tuple[str, str]]:
        """Yield the secrets in the pieces of a file, bytes: each in words and by its mark."""
        if file in self._seen:
            return
        self._seen.add(file)
        texts, marks = (
            [str(piece, "latin-1") for piece in pieces],
            set(self._redactor.accepted),
        )
        texts += [str(data, "latin-1") for text in texts for data in bytes_in(text)]
        for name, value in self._redactor.environment.held_by(
            text.encode("latin-1") for text in texts
        ).items():
            if mark_of(value) not in marks:
                marks.add(mark_of(value))
                yield f"the value of the environment variable {name}", mark_of(value)
        for text in texts:
            for shown, mark in keys_in(text):
                if mark not in marks:
                    marks.add(mark)
                    yield f"what looks like a key ({shown})", mark

    def hides(self, calls: Iterable[Recording]) -> bool:
        """Check whether the rules of today would change a call."""
        with suppress(MimicError):  # what is damaged is found otherwise
            return any(
                _in_call(call.target, call.whole().arguments, self._redactor)
                or any(
                    _in_outcome(call.target, one, self._redactor)
                    for one in call.outcomes
                )
                for call in calls
            )
        return False

    def misses(self, calls: Iterable[Recording]) -> bool:
        """Check whether an answer of HTTP is a text that only base64 holds: nothing in it was redacted."""
        with suppress(MimicError):
            outcomes = [
                one for call in calls if call.target == "http" for one in call.outcomes
            ]
            bodies = [one.readable() or {} for one in outcomes]
            return any(
                hides_text(body["value"])
                for body in bodies
                if isinstance(body.get("value"), dict)
            )
        return False


def _in_call(target: str, arguments: dict[str, Any] | None, redactor: Redactor) -> bool:
    if arguments is None:
        return False
    if ":" in target:
        return bool(
            redactor.declared.scrub(redactor.environment.scrub(arguments)) != arguments
        )
    plain = _plain(arguments)
    found = redactor.environment.scrub(plain)
    if target == "http":
        found = redacted_request(found, redactor)
    return bool(found != plain) or (
        target != "http" and holds_text(found, redactor.declared)
    )


def _in_outcome(target: str, stored: Stored, redactor: Redactor) -> bool:
    body = stored.readable()
    found = body and redactor.environment.scrub(body)
    if body is None or found != body:
        return body is not None
    if target == "http":
        value = body.get("value")
        return isinstance(value, dict) and redacted_response(value, redactor) != value
    return ":" not in target and holds_text(body, redactor.declared)


def _plain(part: object) -> Any:
    """Return described plain data as it was. Other values stay descriptions."""
    if type(part) is list:
        return [_plain(one) for one in part]
    if type(part) is not dict:
        return part
    pairs = part.get("$dict")
    if pairs and all(type(name) is str for name, _ in pairs):
        return {name: _plain(each) for name, each in pairs}
    return {name: _plain(each) for name, each in part.items()}
