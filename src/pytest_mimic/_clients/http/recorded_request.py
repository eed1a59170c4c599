"""A recorded request by today's rules: its parts as a run would identify them.

`pytest-mimic rekey` asks for them. How a body is hidden, in a run as well, is in
`request_body.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mimic._clients.http.http_secrets import secrets_of
from pytest_mimic._clients.http.request_body import CHOOSING, hide_body
from pytest_mimic.client import Redactor, Secrets


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
