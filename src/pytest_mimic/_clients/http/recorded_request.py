"""A recorded request by today's rules: its parts as a run would identify them."""

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

    Args:
        parts: The parts that count by default; empty if they are not kept.
        described: The description of the request.
        redactor: The rules of today.
    """
    of_url = Secrets(redactor.by_look())
    headers = {name: parts[name] for name in CHOOSING if name in parts}
    of_body = secrets_of(redactor, headers)
    hidden = dict(parts)
    for name, value in headers.items():
        hidden[name] = of_url.header(name, value)
    if parts.get("query"):
        hidden["query"] = of_url.redactor.scrub(parts["query"], values=of_url.values)
    if "path" in parts:
        hidden["path"] = of_url.path(parts["path"])
    if "body" in parts:
        hidden["body"] = hide_body(parts.get("format", ""), parts["body"], of_body)
    shown = dict(described)
    for name, value in described.items():
        if name in hidden:
            shown[name] = hidden[name]
        elif name.startswith("headers."):
            word = name.removeprefix("headers.")
            shown[name] = of_url.header(word, value)
        elif name in ("url", "signature"):
            shown[name] = of_url.path(value)
    return hidden, shown
