"""What today's names hide in a recorded call."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.engine.recorded_identities import CannotFollowError
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.cli import project
from pytest_mimic._tools.rekey.call_redactor import CallRedactor
from pytest_mimic._tools.rekey.calls_to_rekey import CallToRekey, content_of
from unit.memory_store import MemoryStore
from unit.tools.rekey.vaults import calls_in, vault_of

# The table of clients is handed in by the module of projects.
assert project

SECRET = "hunter-4711-zebra"


def exchange(**changes: Any) -> CallToRekey:
    """Return a recorded call of HTTP."""
    body = {"motto": SECRET, "n": 1}
    answer = {
        "status": 200,
        "reason": "OK",
        "version": "HTTP/1.1",
        "headers": [["content-type", "application/json"]],
        "body": {"json": {"motto": SECRET}},
    }
    facts = {
        "format": 5,
        "target": "http",
        "arguments": {
            "signature": "POST /pay",
            "method": "POST",
            "url": "http://shop.test/pay",
            "body": body,
        },
        "source": None,
        "parts": {
            "method": None,
            "scheme": "http",
            "host": "shop.test",
            "port": 80,
            "path": "/pay",
            "format": "json",
            "body": None,
        },
        "test": "test_a.py::test_x",
        "recorded": "2026-11-02",
        "owner": None,
        "outcomes": [{"duration": 0.1, "value": answer}],
        **changes,
    }
    store = MemoryStore()
    store.write(f"calls/http/{'0' * 32}.json", content_of(facts))
    [old] = calls_in(Vault(store))
    return old


def test_a_request_and_its_answer_lose_a_secret() -> None:
    hidden = CallRedactor(Redactor(("motto",))).redact(exchange())

    assert hidden is not None
    assert hidden.call_to_rekey.facts["arguments"]["body"] == {
        "motto": "<redacted>",
        "n": 1,
    }
    [entry] = hidden.call_to_rekey.facts["outcomes"]
    assert entry["value"]["body"] == {"json": {"motto": "<redacted>"}}
    assert hidden.issued == {SECRET}
    assert SECRET not in content_of(hidden.call_to_rekey.facts).decode()


def test_nothing_becomes_of_a_call_without_a_secret() -> None:
    assert CallRedactor(Redactor(("colour",))).redact(exchange()) is None


def test_a_secret_in_a_call_that_is_not_kept_whole_is_left() -> None:
    parts = {"method": None, "query": None, "body": None}

    with pytest.raises(CannotFollowError, match="only a run can hide"):
        CallRedactor(Redactor(("motto",))).redact(exchange(parts=parts))


def test_a_name_that_hides_no_longer_is_told() -> None:
    body = {"password": "<redacted>"}
    old = exchange(arguments={"signature": "POST /pay", "method": "POST", "body": body})

    assert CallRedactor(Redactor(("!password",))).names_no_longer_secret(old) == [
        "password"
    ]
    assert CallRedactor(Redactor(())).names_no_longer_secret(old) == []


def test_the_description_of_a_function_loses_its_digests() -> None:
    [old] = calls_in(vault_of({"arguments": {"motto": SECRET, "frame": 1}}))
    parts = {"motto": None, "frame": "0" * 32, "session": "ignored"}
    old = old._replace(call=old.call._replace(parts=parts))

    hidden = CallRedactor(Redactor(("motto",))).redact(old)

    assert hidden is not None
    assert hidden.call_to_rekey.facts["arguments"] == {
        "motto": "<redacted>",
        "frame": 1,
    }
    assert hidden.call_to_rekey.facts["parts"] == {
        "motto": None,
        "frame": None,
        "session": "ignored",
    }


def test_the_outcome_of_a_function_loses_secrets_in_its_preview() -> None:
    entry = {
        "duration": 0.1,
        "kind": "value",
        "pickle": "objects/00/00.pkl",
        "preview": [f"[Order(motto='{SECRET}', n=1)]"],
    }
    [old] = calls_in(vault_of({"arguments": {"base": "EUR"}}))
    stored = old.call.stored.with_entry(entry)
    old = old._replace(call=old.call._replace(outcomes=[stored]))

    hidden = CallRedactor(Redactor(("motto",))).redact(old)

    assert hidden is not None
    bare = {**entry, "preview": ["[Order(motto='<redacted>', n=1)]"]}
    assert hidden.call_to_rekey.facts["outcomes"] == [bare]
    assert hidden.call_to_rekey.call.stored.entry == bare
    assert CallRedactor(Redactor(("colour",))).redact(old) is None
