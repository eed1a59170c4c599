"""Gives stale recordings that passing tests have replayed today's source and inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_mimic.engine.events import Event, Events
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import Entry, copied
from pytest_mimic.vault.vault import Vault


def accept(vault: Vault, events: Events, outcomes: Mapping[str, str]) -> None:
    """Write today's source and inputs into the recordings that tests have accepted.

    A recording that a test has used which did not pass stays as it is, and its events
    become `not accepted`.

    Args:
        vault: Where the recordings are.
        events: What happened; the events `accepted` tell what was replayed.
        outcomes: How each test has ended.

    Raises:
        MimicError: A file cannot be read or written.
    """
    by_file = defaultdict[str, list[Event]](list)
    for event in events.of_kinds("accepted"):
        by_file[event.text("name")].append(event)
    for name, rows in by_file.items():
        recording = vault.read(name)
        if recording is not None:
            entries = [
                _renewed(one, rows, outcomes, vault) for one in recording.entries
            ]
            now = copied(recording, entries=entries)
            is_shared = name == _name_of(recording.entries[0])
            now_name = _name_of(entries[0]) if is_shared else name
            vault.write(now_name, now)
            if now_name != name:
                vault.delete([name])
                for event in events.rows:
                    if event.text("name") == name:
                        event.facts["name"] = now_name


def _name_of(entry: Entry) -> str:
    """Give the file of a call that all tests share: it may have got other arguments."""
    return call_name(entry.target, entry.identity, entry.line)


def _renewed(
    entry: Entry, rows: Sequence[Event], outcomes: Mapping[str, str], vault: Vault
) -> Entry:
    own = [
        event
        for event in rows
        if event.text("identity") == entry.identity
        and event.number("at") == entry.begin
    ]
    failed = [one.test for one in own if outcomes.get(one.test) != "passed"]
    if not own or failed:
        for event in own:
            event.kind = "not accepted"
            event.facts["cause"] = f"{event.call} {failed[0]}"
            event.facts["what"] = f"({failed[0]})"
        return entry
    facts = own[0].facts
    listed = own[0].text("inputs")
    if "inputs" in facts:
        inputs = vault.write_object("json", [listed.encode()]) if listed else ""
        entry = copied(entry, inputs=inputs)
    new: Any = facts.get("arguments")
    if new:
        arguments = {**(entry.arguments or {}), **new}
        entry = copied(entry, identity=facts["now"], arguments=arguments)
    return copied(entry, source=facts.get("source", entry.source))
