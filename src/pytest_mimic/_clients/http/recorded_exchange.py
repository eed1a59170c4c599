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
from pytest_mimic.client import Redactor, Secrets

# The keys of the description of a file in a multipart body.
_KEYS_OF_FILE = {"filename", "type", "content"}


def redacted_parts(
    parts: Mapping[str, Any], described: Mapping[str, Any], redactor: Redactor
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parts of a recorded request, and its description, without secrets.

    `pytest-mimic rekey` calls it: a name that became secret since the recording was
    made is hidden in its request, too.

    Args:
        parts: The parts that count by default, `{"method": "GET", "path": "/users"}`;
            empty if the recording does not keep them.
        described: The description of the request, `{"url": …, "headers.accept": …}`.
        redactor: The rules of today.
    """
    # Secrets in the URL and in headers are the same for every service.
    secrets = Secrets(redactor.by_look())
    headers = {}
    for name in CHOOSING:
        if name in parts:
            headers[name] = parts[name]
    hidden_parts = dict(parts)
    for name, value in headers.items():
        hidden_parts[name] = secrets.header(name, value)
    if parts.get("query"):
        hidden_parts["query"] = secrets.redactor.scrub(
            parts["query"], values=secrets.stand_in_by_secret
        )
    if "path" in parts:
        hidden_parts["path"] = secrets.path(parts["path"])
    if "body" in parts:
        body_format = parts.get("format", "")
        # What is secret in a body depends on the service, which headers tell.
        secrets_of_body = secrets_of(redactor, headers)
        hidden_parts["body"] = hide_body(body_format, parts["body"], secrets_of_body)
    hidden_description = dict(described)
    for name, value in described.items():
        if name in hidden_parts:
            hidden_description[name] = hidden_parts[name]
        elif name.startswith("headers."):
            header = name.removeprefix("headers.")
            hidden_description[name] = secrets.header(header, value)
        elif name in ("url", "signature"):
            hidden_description[name] = secrets.path(value)
    return hidden_parts, hidden_description


def redacted_request(described: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of a stored request, without what is secret today.

    `pytest-mimic check` compares the result with what is stored: they are equal if the
    recording holds no secret. The result itself is not stored.

    Args:
        described: The description of the request in a recording.
        redactor: The rules of today.
    """
    secrets = Secrets(redactor.by_look())
    hidden_request = dict(described)
    for name, part in described.items():
        if name.startswith("headers.") and isinstance(part, str):
            hidden_request[name] = secrets.header(name.removeprefix("headers."), part)
        elif name in ("url", "signature"):
            hidden_request[name] = secrets.path(part)
        elif isinstance(part, str) and name != "method":
            hidden_request[name] = secrets.text(part)
        elif name != "method":
            plain = secrets.scrub(part, keep_types=True)
            hidden_request[name] = _with_texts_of_files(plain, secrets)
    return hidden_request


def _with_texts_of_files(body: Any, secrets: Secrets) -> Any:
    """Return the described body of a request, of multipart with its files redacted.

    The text of a file may have a secret on a line, `PASSWORD=…`, as a whole body may.
    """
    if not isinstance(body, dict):
        return body
    fields = {}
    for name, field in body.items():
        if isinstance(field, list):
            fields[name] = [_part_with_redacted_text(part, secrets) for part in field]
        else:
            fields[name] = _part_with_redacted_text(field, secrets)
    return fields


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

    redacted = dict(response)
    if headers:
        redacted_headers = []
        for name, value in headers:
            redacted_headers.append([name, secrets.header(name, value)])
        redacted["headers"] = redacted_headers
    if body:
        redacted["body"] = _redacted_body(body, secrets)
    return redacted


def _redacted_body(body: dict[str, Any], secrets: Secrets) -> dict[str, Any]:
    """Return a stored body, or a part of one, without what is secret."""

    def hidden(part: Any) -> Any:
        if isinstance(part, str):
            return secrets.text(part)
        return secrets.scrub(part, keep_types=True)

    redacted = dict(body)
    for name in ("json", "text"):
        if name in body:
            redacted[name] = hidden(body[name])
    if "events" in body:
        redacted["events"] = list(map(hidden, body["events"]))
    if "parts" in body:
        redacted["parts"] = [_redacted_body(part, secrets) for part in body["parts"]]
    if "message" in body:
        redacted["message"] = _redacted_body(body["message"], secrets)
    return redacted
