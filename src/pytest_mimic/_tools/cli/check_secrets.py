"""The secrets that `check` finds in a vault. It hides none of them.

These are texts that look like a secret, values of environment variables, and what the
redaction of today would hide. What hides them is `rekey`, see `_tools/rekey/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pytest_mimic._clients.http.recorded_exchange import (
    redacted_request,
    redacted_response,
)
from pytest_mimic._clients.http.response_body import hides_text
from pytest_mimic._core.nodes.json_tags import TAG_SIGN, tag_in
from pytest_mimic._core.outcome.json_layout import bytes_in
from pytest_mimic._core.redact.nothing_to_hide import has_nothing_to_hide
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import holds_unhidden_text
from pytest_mimic._core.redact.texts_like_keys import keys_in, mark_of
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome
from pytest_mimic._tools.rekey.redacted_descriptions import with_hidden_preview
from pytest_mimic.errors import MimicError

# The parts of a described request with its path, which holds no data and is short.
_PATHS_OF_REQUESTS = ("url", "signature")


class SecretFinder:
    """Looks for secrets in the files and calls of a vault, for `check`.

    Each file is searched once, as several recordings may share it. A text that
    `mimic_redact` accepts is no secret.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        redactor.keeps_words_of_other_tools = True
        self._searched_files: set[str] = set()

    def find(self, file: str, pieces: Iterable[Any]) -> Iterator[tuple[str, str]]:
        """Yield the secrets in a file, each in words and by its mark.

        Args:
            file: The name of the file.
            pieces: The content of the file, in pieces of bytes.
        """
        if file in self._searched_files:
            return
        self._searched_files.add(file)
        # The marks of accepted secrets, and of those that were yielded already: a mark
        # is a digest by which `mimic_redact = !…` names a secret without showing it.
        marks = set(self._redactor.accepted)
        texts = _texts_of(pieces)
        contents = [text.encode("latin-1") for text in texts]
        variables = self._redactor.environment.held_by(contents)
        for name, value in variables.items():
            mark = mark_of(value)
            if mark not in marks:
                marks.add(mark)
                yield f"the value of the environment variable {name}", mark
        for text in texts:
            for shown, mark in keys_in(text):
                if mark not in marks:
                    marks.add(mark)
                    yield f"what looks like a key ({shown})", mark

    def finds_secret(self, calls: Iterable[Recording]) -> bool:
        """Check whether calls hold a secret that today's `mimic_redact` would hide.

        Then `check` reports their file.
        """
        try:
            return any(map(self._finds_secret_in_call, calls))
        except MimicError:
            # The checker reports damage itself.
            return False

    def _finds_secret_in_call(self, call: Recording) -> bool:
        """Check whether one call holds a secret that redaction would hide today."""
        if _arguments_hold_secret(call.target, call.whole().arguments, self._redactor):
            return True
        for stored_outcome in call.outcomes:
            if _outcome_holds_secret(call.target, stored_outcome, self._redactor):
                return True
        return False

    def finds_text_in_base64(self, calls: Iterable[Recording]) -> bool:
        """Check whether an answer of HTTP is a text that only base64 holds.

        Nothing in such a text was redacted, so `check` reports its file.
        """
        try:
            for call in calls:
                if call.target == "http" and _has_text_in_base64(call):
                    return True
        except MimicError:
            # The checker reports damage itself.
            pass
        return False


def _texts_of(pieces: Iterable[Any]) -> list[str]:
    """Return pieces of a file, and the bytes that these hold as base64, as texts.

    `check` looks in them for keys and for values of environment variables.
    Each character of a text is one byte.
    """
    texts = [str(piece, "latin-1") for piece in pieces]
    texts_in_base64 = []
    for text in texts:
        for decoded_bytes in bytes_in(text):
            texts_in_base64.append(str(decoded_bytes, "latin-1"))
    return texts + texts_in_base64


def _has_text_in_base64(call: Recording) -> bool:
    """Check whether an answer of a request is a text that only base64 holds."""
    for stored_outcome in call.outcomes:
        outcome_body = stored_outcome.readable() or {}
        response = outcome_body.get("value")
        if isinstance(response, dict) and hides_text(response):
            return True
    return False


def _arguments_hold_secret(
    target: str, arguments: dict[str, Any] | None, redactor: Redactor
) -> bool:
    """Return whether `check` reports the arguments of a recorded call.

    Args:
        target: The target of the call. What is hidden differs between clients.
        arguments: The description of the arguments, with its long parts.
        redactor: The rules of today.
    """
    if arguments is None:
        return False
    if not names_client(target):
        scrubbed = redactor.environment.scrub(arguments)
        if not has_nothing_to_hide(scrubbed, redactor.of_configuration):
            scrubbed = redactor.of_configuration.scrub(scrubbed)
        return bool(scrubbed != arguments)
    plain = _as_plain_data(arguments)
    scrubbed = redactor.environment.scrub(plain)
    if scrubbed != plain:
        return True
    if target == "http":
        return _request_holds_secret(plain, redactor)
    return _client_data_holds_secret(plain, redactor)


def _request_holds_secret(recorded_parts: dict[str, Any], redactor: Redactor) -> bool:
    """Return whether `check` reports a request: redaction would change it today."""
    # A part that has nothing to hide is changed only if it repeats a secret of another
    # part, and that one is changed as well.
    # To redact a request whole takes far longer than to see that nothing is to hide.
    parts_to_check = {}
    for name, part in recorded_parts.items():
        named_part = {name.removeprefix("headers."): part}
        is_path = name in _PATHS_OF_REQUESTS
        if is_path or not has_nothing_to_hide(named_part, redactor):
            parts_to_check[name] = part
    # `check` itself hides nothing: it only compares.
    return redacted_request(parts_to_check, redactor) != parts_to_check


def _response_holds_secret(response: dict[str, Any], redactor: Redactor) -> bool:
    """Return whether `check` reports a response: redaction would change it today."""
    body = response.get("body")
    if body and "json" in body and has_nothing_to_hide(body["json"], redactor):
        # The data is changed only if it repeats a secret of a header, and that one is
        # changed as well.
        response = {**response, "body": {**body, "json": None}}
    return redacted_response(response, redactor) != response


def _client_data_holds_secret(plain: Any, redactor: Redactor) -> bool:
    """Return whether `check` reports the data of another client than those of HTTP.

    It does if a text stands under a name in `mimic_redact`.
    """
    declared = redactor.of_configuration
    if has_nothing_to_hide(plain, declared):
        return False
    return holds_unhidden_text(plain, declared)


def _outcome_holds_secret(
    target: str, stored_outcome: StoredOutcome, redactor: Redactor
) -> bool:
    """Return whether `check` reports an outcome: redaction would change it today.

    A pickle is not read, but its preview is, which people read.
    """
    outcome_body = stored_outcome.readable()
    if outcome_body is None:
        # The outcome is a pickle. Its recording shows a preview.
        outcome_entry = stored_outcome.entry
        return (
            with_hidden_preview(outcome_entry, redactor.of_configuration)
            is not outcome_entry
        )
    if redactor.environment.scrub(outcome_body) != outcome_body:
        # The outcome holds the value of a secret variable of today's environment.
        return True
    if target == "http":
        response = outcome_body.get("value")
        if not isinstance(response, dict):
            # The call has raised an exception.
            return False
        return _response_holds_secret(response, redactor)
    # The outcome of a function is stored as it is, whatever its parts are named.
    return names_client(target) and _client_data_holds_secret(outcome_body, redactor)


def _as_plain_data(part: object) -> Any:
    """Return a part of a call's description as plain data, in which `check` searches.

    A run redacts a request before it describes it, and so its rules look for the names
    of plain data. A mapping whose keys are described, `{"$dict": [["a", 1]]}`, becomes
    `{"a": 1}`. Values that are no plain data stay descriptions.
    """
    if type(part) is list:
        return [_as_plain_data(item) for item in part]
    if type(part) is not dict:
        return part
    pairs = part[TAG_SIGN + "dict"] if tag_in(part) == "dict" else None
    if pairs and all(type(name) is str for name, _ in pairs):
        return {name: _as_plain_data(value) for name, value in pairs}
    return {name: _as_plain_data(value) for name, value in part.items()}
