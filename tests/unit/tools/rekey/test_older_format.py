"""What format 4 does not say of a client's call is found by its identity."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.cli import project
from pytest_mimic._tools.rekey.calls_to_rekey import content_of
from pytest_mimic._tools.rekey.older_format import is_older, older_calls
from unit.memory_store import MemoryStore

# The table of clients is handed in by the module of projects.
assert project

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "JSON": (
        "http",
        {"method": "POST", "url": "http://a.test/x", "body": {"n": "1"}},
        {
            "method": "POST",
            "scheme": "http",
            "host": "a.test",
            "port": 80,
            "path": "/x",
            "format": "json",
            "body": {"n": "1"},
        },
    ),
    "a form, with a query and a header": (
        "http",
        {
            "method": "POST",
            "url": "https://a.test:8443/x",
            "query": {"q": "1"},
            "headers.accept": "text/csv",
            "body": {"n": "1"},
        },
        {
            "method": "POST",
            "scheme": "https",
            "host": "a.test",
            "port": 8443,
            "path": "/x",
            "query": {"q": "1"},
            "format": "form",
            "body": {"n": "1"},
            "accept": "text/csv",
        },
    ),
    "a statement": (
        "sqlalchemy",
        {"signature": "SELECT users", "statement": "SELECT 1", "params": {"id": 1}},
        {"database": 0, "statement": "SELECT 1", "params": {"id": 1}},
    ),
    "a commit": (
        "sqlalchemy",
        {"signature": "COMMIT"},
        {"database": 0, "statement": "COMMIT", "params": None},
    ),
    "a command": (
        "redis",
        {"command": ["GET", "a"]},
        {"database": 0, "protocol": 2, "command": ["GET", "a"]},
    ),
    "gRPC": (
        "grpc",
        {"signature": "CALL /a.B/Find", "request": {"id": 1}},
        {"server": 1, "method": "/a.B/Find", "request": {"id": 1}},
    ),
    "MCP": (
        "mcp",
        {"server": "python", "method": "tools/list"},
        {"server": 0, "method": "tools/list", "params": {}},
    ),
}


@pytest.mark.parametrize(("target", "described", "parts"), CASES.values(), ids=CASES)
def test_the_parts_are_those_that_give_the_name(
    target: str, described: dict[str, Any], parts: dict[str, Any]
) -> None:
    key = CallIdentity(target, tuple(parts)).key(tuple(parts.values()))
    facts = {
        "format": 4,
        "target": target,
        "arguments": described,
        "source": None,
        "outcomes": [{"duration": 0.1, "raised": {"$ValueError": {}}}],
    }
    store = MemoryStore()
    name = f"calls/{target}/{key}.json"
    store.write(name, content_of(facts))

    [old] = older_calls(Vault(store), name, lambda _call: {})

    kept = old.call.parts
    assert kept is not None
    assert list(kept) == list(parts)
    shown = {
        part: described[part] if value is None else value
        for part, value in kept.items()
    }
    unwrapped = {
        part: value["value"] if value == {"value": None} else value
        for part, value in shown.items()
    }
    assert unwrapped == parts


def test_a_file_of_another_format_is_told() -> None:
    assert is_older(b'{"format": 4}')
    assert not is_older(b'{"format": 5}')
    assert not is_older(b"{")
