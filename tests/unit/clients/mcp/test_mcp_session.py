"""A secret of a session with an MCP server is hidden wherever it stands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_mimic._clients.mcp.mcp_session import describe_request, outcome_of
from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.redact.known_secrets import known_in
from pytest_mimic._core.redact.redactor import Redactor

SENT, ISSUED = "sk-4711-conformance-0815", "issued-99-token-xyz"


def port_of_a_test() -> Any:
    known = known_in(SecretScope())
    return SimpleNamespace(
        redactor=Redactor(), ordinal=lambda *_: 0, secrets_for=lambda _: known
    )


def test_a_secret_is_hidden_in_texts_and_in_later_requests() -> None:
    port = port_of_a_test()
    params = {"name": "log_in", "arguments": {"api_key": SENT}}
    asked = describe_request(
        port, None, {"method": "tools/call", "id": 1, "params": params}
    )
    assert asked.secrets is not None
    issuer = port.secrets_for(params).begin("mcp", "1a2b3c4d")
    call: Any = SimpleNamespace(secrets=asked.secrets(), issuer=issuer)
    result = {
        "content": [{"type": "text", "text": f"signed in with {SENT}"}],
        "access_token": ISSUED,
    }

    stored = outcome_of([], {"result": result}, call)
    later = describe_request(
        port, None, {"method": "resources/read", "params": {"uri": f"x://{ISSUED}/1"}}
    )

    assert stored["result"]["content"][0]["text"] == "signed in with <redacted>"
    token = stored["result"]["access_token"]
    assert later.parts["params"]["uri"] == f"x://{token}/1"
    assert ISSUED not in repr((stored, later))


def test_a_description_has_no_secret_that_the_request_repeats() -> None:
    port = port_of_a_test()
    arguments = {"api_key": SENT, "query": f"all of {SENT}"}
    call = describe_request(
        port,
        None,
        {"method": "tools/call", "params": {"name": "find", "arguments": arguments}},
    )

    assert call.secrets is not None
    assert SENT not in repr(call.secrets().without(call.described))


def test_a_schema_loses_the_secrets_that_it_gives_as_defaults() -> None:
    """The keywords of a schema stay, also where its field has a secret name."""
    port = port_of_a_test()
    call = describe_request(port, None, {"method": "tools/list", "id": 1})
    assert call.secrets is not None
    schema = {
        "type": "object",
        "properties": {
            "api_key": {"type": "string", "default": SENT},
            "limit": {"type": "integer", "default": 20},
            "login": {"anyOf": [{"examples": [{"password": ISSUED}]}]},
            "database": {"default": f"postgresql://ann:{SENT}@db/shop"},
        },
    }
    answer = {"result": {"tools": [{"name": "find", "inputSchema": schema}]}}

    stored = outcome_of(
        [], answer, SimpleNamespace(secrets=call.secrets(), issuer=None)
    )

    fields = stored["result"]["tools"][0]["inputSchema"]["properties"]
    assert SENT not in repr(stored)
    assert ISSUED not in repr(stored)
    assert fields["api_key"]["type"] == "string"
    assert fields["limit"] == {"type": "integer", "default": 20}


def test_a_json_web_token_is_hidden_by_its_look_in_a_request() -> None:
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLTQ3MTE"
    params = {"name": "find", "arguments": {"cursor": token}}

    call = describe_request(
        port_of_a_test(), None, {"method": "tools/call", "params": params}
    )

    assert token not in repr((call.parts, call.described))
    assert call.parts["params"]["arguments"] == {"cursor": "<redacted>"}
