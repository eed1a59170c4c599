"""Gives stale recordings that passing tests have replayed today's source and inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pytest_mimic.engine.events import Event, Events
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
            vault.write(name, copied(recording, entries=entries))


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
    return copied(entry, source=facts.get("source", entry.source))
