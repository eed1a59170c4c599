"""Messages of the Model Context Protocol as plain data, and back. They are JSON-RPC (https://modelcontextprotocol.io/specification)."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._core.seam.base import ClientCall

if TYPE_CHECKING:
    from pytest_mimic._core.engine.client_plan import Port

# Their parameters tell the versions and abilities of the client, which change with each upgrade of the SDK.
_HANDSHAKES = ("initialize", "server/discover")
_SCHEMAS = ("inputSchema", "outputSchema")


def plain_message(message: Any) -> dict[str, Any]:
    """Return a message of the SDK as JSON has it."""
    plain: dict[str, Any] = message.message.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return plain


def sdk_message(plain: dict[str, Any]) -> Any:
    """Return the SDK's own object for a message."""
    types = sys.modules.get("mcp_types") or sys.modules["mcp.types"]
    if hasattr(types, "jsonrpc_message_adapter"):  # since mcp 2
        message = types.jsonrpc_message_adapter.validate_python(plain, by_name=False)
    else:
        message = types.JSONRPCMessage.model_validate(plain)
    return sys.modules["mcp.shared.message"].SessionMessage(message=message)


def describe(port: Port, server: Any, request: dict[str, Any]) -> ClientCall:
    """Return a request as the engine sees it.

    Servers are told apart by the order in which the test uses them. What the SDK adds to each request (`_meta`: tokens of
    progress, versions, traces) does not count.
    """
    method, params = request["method"], dict(request.get("params") or {})
    params.pop("_meta", None)
    secrets = Secrets(port.redactor)
    given, params = params, secrets.scrub(params)

    def learned() -> Secrets:
        secrets.learn(given)
        return secrets

    group, _, verb = method.rpartition("/")
    resource = params.get("name") or params.get("uri") or group or "server"
    command = PurePath(getattr(server, "command", "")).name  # its arguments may hold secrets
    shown = {"server": command, "method": method, "params": params}
    return ClientCall(
        f"{verb.upper()} {resource}",
        parts={**shown, "server": port.ordinal("mcp server", repr(server))},
        identity=("server", "method") if method in _HANDSHAKES else ("server", "method", "params"),
        described={name: part for name, part in shown.items() if part},
        secrets=learned,
    )


def outcome_of(
    messages: list[dict[str, Any]], answer: dict[str, Any], port: Port, request: dict[str, Any]
) -> dict[str, Any]:
    """Return what a request gave: the server's messages before its answer, and its result or error."""
    plain: dict[str, Any] = {"messages": [_without_token(one) for one in messages]} if messages else {}
    for name in ("result", "error"):
        if name in answer:
            plain[name] = answer[name]
    tools = (plain.get("result") or {}).get("tools") or []
    # A schema names fields, and holds no value of them.
    schemas = [{name: tool.pop(name) for name in _SCHEMAS if name in tool} for tool in tools]
    secrets = Secrets(port.redactor)
    secrets.learn(request.get("params"))
    known = set(secrets.values)
    secrets.learn(plain)
    port.redactor.issued |= secrets.values - known
    scrubbed: dict[str, Any] = secrets.scrub(plain, keep_types=True)
    for index, schema in enumerate(schemas):
        scrubbed["result"]["tools"][index].update(schema)
    return scrubbed


def _without_token(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the token of its request, which is the request's number."""
    kept = {name: value for name, value in message.items() if name != "jsonrpc"}
    if message.get("method") == "notifications/progress":
        kept["params"] = {name: one for name, one in message["params"].items() if name != "progressToken"}
    return kept


def replayed_messages(plain: dict[str, Any], request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a recorded outcome, the answer last, as this request gets them."""
    token = ((request.get("params") or {}).get("_meta") or {}).get("progressToken", request["id"])
    messages = []
    for one in plain.get("messages", ()):
        message = {"jsonrpc": "2.0", **one}
        if message.get("method") == "notifications/progress":
            message["params"] = {"progressToken": token, **message["params"]}
        messages.append(message)
    for name in ("result", "error"):
        if name in plain:
            messages.append({"jsonrpc": "2.0", "id": request["id"], name: plain[name]})
    return messages
