"""Foreign exchanges become recordings, with the same redaction, by the parts that the other tool compared."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mimic._clients.http.http_calls import HttpRequest
from pytest_mimic._core.targets.target import as_targets
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.foreign.cassette_file import ForeignExchange
from pytest_mimic._tools.foreign.recording_exchanges import (
    Destination,
    ExchangeImporter,
)
from unit.memory_store import MemoryStore, settings

TEST = "test_shop.py::test_order"


def conversation(
    vault: Vault, *lines: str, cassette: str = "", match: str = "method-uri"
) -> ExchangeImporter:
    destination = Destination(cassette=cassette) if cassette else Destination(TEST)
    return ExchangeImporter(
        settings(), vault, as_targets(lines) if lines else [], destination, match=match
    )


def exchange(
    url: str, text: str, method: str = "GET", body: bytes = b""
) -> ForeignExchange:
    head: dict[str, Any] = {
        "status": 200,
        "reason": "OK",
        "version": "HTTP/1.1",
        "headers": [],
    }
    return ForeignExchange(1, HttpRequest(method, url, (), body), head, text.encode())


def test_exchanges_of_a_test_are_its_recordings_without_secrets() -> None:
    vault = Vault(MemoryStore())
    made = conversation(vault)

    for text in ("one", "two"):
        assert made.record(exchange("http://shop.test/a?token=4711abcd", text)) == ""
    (name,) = made.close()

    recording = vault.read(name)
    assert recording is not None
    assert recording.owner == TEST
    assert [stored.load().value["body"] for stored in recording.outcomes] == [
        {"text": "one"},
        {"text": "two"},
    ]
    assert name.endswith("-method-uri.json")
    assert b"4711abcd" not in (vault.store.read(name) or b"")


@pytest.mark.parametrize(
    ("match", "count"), [("method-uri", 1), ("method-uri-body", 2)]
)
def test_what_counts_is_what_the_other_tool_compared(match: str, count: int) -> None:
    made = conversation(Vault(MemoryStore()), match=match)

    for body in (b"1", b"2"):
        assert made.record(exchange("http://shop.test/", "", "POST", body)) == ""

    assert len(made.close()) == count


def test_a_cassette_has_them_in_order() -> None:
    vault = Vault(MemoryStore())
    made = conversation(vault, cassette="orders")

    for path in "ba":
        made.record(exchange(f"http://shop.test/{path}", ""))
    made.close()

    text = vault.store.read("cassettes/orders.json") or b""
    assert [call["signature"] for call in json.loads(text)["calls"]] == [
        "GET /b",
        "GET /a",
    ]


@pytest.mark.parametrize(
    ("method", "url", "line", "why"),
    [
        ("G ET", "http://shop.test/", "http", "its method or its URL is not valid"),
        ("GET", "http://shop.test:x/", "http", "its method or its URL is not valid"),
        (
            "GET",
            "http://shop.test/a",
            "http exclude=/a",
            "only= or exclude= in mimic_functions leaves it out",
        ),
    ],
)
def test_an_exchange_that_no_call_can_be_is_named(
    method: str, url: str, line: str, why: str
) -> None:
    made = conversation(Vault(MemoryStore()), line)

    assert why in made.record(exchange(url, "", method))
    assert made.close() == set()
