"""A recorded request or response without what is secret by today's rules.

`pytest-mimic rekey` and `pytest-mimic check` ask for them. What a run hides while it
makes a call is in `http_secrets.py`, `request_body.py` and `response_body.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mimic._clients.http.headers import CHOOSING
from pytest_mimic._clients.http.http_secrets import secrets_of
from pytest_mimic._clients.http.request_body import hide_body
from pytest_mimic._clients.http.response_body import chunks_without_secrets
from pytest_mimic.client import Redactor, Secrets

# The keys of the description of a file in a multipart body.
_KEYS_OF_FILE = {"filename", "type", "content"}


def redacted_parts(
    recorded_parts: Mapping[str, Any],
    recorded_description: Mapping[str, Any],
    redactor: Redactor,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parts of a recorded request, and its description, without secrets.

    `pytest-mimic rekey` calls it: a name that became secret since the recording was
    made is hidden in its request, too. The parts give the recording its new identity.

    Args:
        recorded_parts: The parts that count by default, `{"method": "GET"}`; empty if
            the recording does not keep them.
        recorded_description: The description of the request, `{"url": …}`, which is
            only shown.
        redactor: The rules of today.
    """
    # Secrets in the URL and in headers are the same for every service.
    secrets = Secrets(redactor.by_look())
    # Of the headers, only those that choose an answer are parts of their own.
    counted_headers = {}
    for name in CHOOSING:
        if name in recorded_parts:
            counted_headers[name] = recorded_parts[name]
    hidden_parts = dict(recorded_parts)
    for name, value in counted_headers.items():
        hidden_parts[name] = secrets.header(name, value)
    if recorded_parts.get("query"):
        hidden_parts["query"] = secrets.redactor.scrub(
            recorded_parts["query"], values=secrets.stand_in_by_secret
        )
    if "path" in recorded_parts:
        hidden_parts["path"] = secrets.path(recorded_parts["path"])
    if "body" in recorded_parts:
        body_format = recorded_parts.get("format", "")
        # What is secret in a body depends on the service, which headers tell.
        secrets_of_body = secrets_of(redactor, counted_headers)
        hidden_parts["body"] = hide_body(
            body_format, recorded_parts["body"], secrets_of_body
        )
    # The description repeats some of the parts, and has more that is only shown.
    hidden_description = dict(recorded_description)
    for name, value in recorded_description.items():
        if name in hidden_parts:
            hidden_description[name] = hidden_parts[name]
        elif name.startswith("headers."):
            name_of_header = name.removeprefix("headers.")
            hidden_description[name] = secrets.header(name_of_header, value)
        elif name in ("url", "signature"):
            hidden_description[name] = secrets.path(value)
    return hidden_parts, hidden_description


def redacted_request(
    recorded_description: dict[str, Any], redactor: Redactor
) -> dict[str, Any]:
    """Return a copy of a stored request, without what is secret today.

    `pytest-mimic check` compares the result with what is stored: they are equal if the
    recording holds no secret. The result itself is not stored.

    Args:
        recorded_description: The description of the request in a recording.
        redactor: The rules of today.
    """
    secrets = Secrets(redactor.by_look())
    hidden_request = dict(recorded_description)
    for name, recorded_part in recorded_description.items():
        if name == "method":
            # A method is no secret.
            continue
        if name.startswith("headers.") and isinstance(recorded_part, str):
            name_of_header = name.removeprefix("headers.")
            hidden_request[name] = secrets.header(name_of_header, recorded_part)
        elif name in ("url", "signature"):
            hidden_request[name] = secrets.path(recorded_part)
        elif isinstance(recorded_part, str):
            hidden_request[name] = secrets.text(recorded_part)
        else:
            # The body or the query, as the plain data that a run has made of it.
            hidden_data = secrets.scrub(recorded_part, keep_types=True)
            hidden_request[name] = _with_texts_of_files(hidden_data, secrets)
    return hidden_request


def _with_texts_of_files(body: Any, secrets: Secrets) -> Any:
    """Return the recorded body of a request, of multipart with its files redacted.

    So `check` finds a secret on a line of a file, `PASSWORD=…`, as it does in a body
    that is a text.
    """
    if not isinstance(body, dict):
        return body
    hidden_fields = {}
    for name, field in body.items():
        if isinstance(field, list):
            # Several parts of the multipart body have this name.
            hidden_fields[name] = [
                _part_with_redacted_text(part, secrets) for part in field
            ]
        else:
            hidden_fields[name] = _part_with_redacted_text(field, secrets)
    return hidden_fields


def _part_with_redacted_text(part: Any, secrets: Secrets) -> Any:
    """Return a part of a multipart body; if it is a file of text, hide its secrets."""
    is_file = isinstance(part, dict) and part.keys() == _KEYS_OF_FILE
    if is_file and isinstance(part["content"], str):
        return {**part, "content": secrets.text(part["content"])}
    # `scrub` has hidden the secrets of anything else with the body, or it is bytes.
    return part


def redacted_response(response: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of a stored response, without what is secret today.

    `pytest-mimic check` compares the result with what is stored: they are equal if the
    recording holds no secret. `pytest-mimic rekey` stores the result.

    Args:
        response: The response in a recording.
        redactor: The rules of today.
    """
    secrets = Secrets(redactor)
    headers = response.get("headers", ())
    body = response.get("body") or {}
    # All is learned before anything is hidden: a secret of the body may stand in a
    # header, too.
    secrets.learn_headers(headers)
    secrets.learn([body.get("json"), body.get("events")])

    redacted_copy = dict(response)
    if headers:
        redacted_headers = []
        for name, value in headers:
            redacted_headers.append([name, secrets.header(name, value)])
        redacted_copy["headers"] = redacted_headers
    if body:
        redacted_copy["body"] = _redacted_body(body, secrets)
    return redacted_copy


def _redacted_body(body: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """Return a response's stored body, or a part of one, without what is secret.

    `rekey` stores the result, and `check` compares it with what is stored.
    """

    def hide_content(content: Any) -> Any:
        """Return a text, or JSON with its types, as a run would store it today."""
        if isinstance(content, str):
            return secrets.text(content)
        return secrets.scrub(content, keep_types=True)

    redacted_body = dict(body)
    for name in ("json", "text"):
        if name in body:
            redacted_body[name] = hide_content(body[name])
    chunks = body.get("chunks", ())
    # Chunks of bytes are dicts, in which no secret is looked for.
    if chunks and all(isinstance(chunk, str) for chunk in chunks):
        redacted_body["chunks"] = chunks_without_secrets(chunks, secrets)
    if "events" in body:
        redacted_body["events"] = list(map(hide_content, body["events"]))
    # The parts of a multipart body, and the one message of a mail, are bodies again.
    if "parts" in body:
        redacted_body["parts"] = [
            _redacted_body(part, secrets) for part in body["parts"]
        ]
    if "message" in body:
        redacted_body["message"] = _redacted_body(body["message"], secrets)
    return redacted_body
