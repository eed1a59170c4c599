"""Recordings of one call or of several, as an engine would write them."""

from __future__ import annotations

from typing import Any

from pytest_mimic.vault.recording import Entry, Recording

SHARED = f"calls/shop.fetch/{0:032}.json"
LOG = "logs/tests/test_shop.py/test_order.json"


DAY = "2026-11-27"


def entry(
    value: Any, *, identity: str = "00", recorded: str = DAY, **facts: Any
) -> Entry:
    body = {"value": value}
    return Entry(
        "shop:fetch", identity.zfill(32), body=body, recorded=recorded, **facts
    )


def recording(*entries: Entry, recorded: str = DAY, **head: Any) -> Recording:
    return Recording("tests/test_shop.py::test_order", recorded, [*entries], **head)


def same_value(old: Entry, new: Entry) -> bool:
    return (old.end, old.body) == (new.end, new.body)


def parts(vault):
    """The names of all part files."""
    return [name for name in vault.folder.names() if name.endswith(".part")]
