"""A secret of a session with an MCP server is hidden wherever it stands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_mimic._clients.mcp.mcp_session import describe, outcome_of
from pytest_mimic._core.redact.redactor import Redactor

SENT, ISSUED = "sk-4711-conformance-0815", "issued-99-token-xyz"


def test_a_secret_is_hidden_in_texts_and_in_later_requests() -> None:
    port: Any = SimpleNamespace(redactor=Redactor(), ordinal=lambda *_: 0)
    request = {
        "method": "tools/call",
        "id": 1,
        "params": {"name": "log_in", "arguments": {"api_key": SENT}},
    }
    result = {
        "content": [{"type": "text", "text": f"signed in with {SENT}"}],
        "access_token": ISSUED,
    }

    stored = outcome_of([], {"result": result}, port, request)
    later = describe(
        port, None, {"method": "resources/read", "params": {"uri": f"x://{ISSUED}/1"}}
    )

    assert stored["result"]["content"][0]["text"] == "signed in with <redacted>"
    assert ISSUED not in repr((stored, later))


def test_a_description_has_no_secret_that_the_request_repeats() -> None:
    port: Any = SimpleNamespace(redactor=Redactor(), ordinal=lambda *_: 0)
    arguments = {"api_key": SENT, "query": f"all of {SENT}"}
    call = describe(
        port,
        None,
        {"method": "tools/call", "params": {"name": "find", "arguments": arguments}},
    )

    assert call.secrets is not None
    assert SENT not in repr(call.secrets().without(call.described))
