"""Recordings of calls, as an engine would write them, and a system without locks."""

from __future__ import annotations

import errno
import os
from typing import Any

import filelock

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


def without_locks(monkeypatch, below):
    """Let the system say that a folder lies where there are no locks."""
    lock = filelock.lock_descriptor

    def refused(descriptor, **more):
        if os.readlink(f"/proc/self/fd/{descriptor}").startswith(str(below)):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        return lock(descriptor, **more)

    monkeypatch.setattr(filelock, "lock_descriptor", refused)
