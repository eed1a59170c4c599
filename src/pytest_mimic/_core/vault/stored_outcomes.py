"""Recordings, cassettes and outcomes as objects, made from files that were checked or from memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.parsing import damaged, is_usual
from pytest_mimic._core.vault.recording_facts import CassetteEntry, Recording, Stored
from pytest_mimic._core.vault.schema import (
    CALL_FACTS,
    CASSETTE_FACTS,
    Origin,
    check_entry,
    is_description,
)

if TYPE_CHECKING:
    from pytest_mimic._core.vault.objects import Objects


def recording_of(objects: Objects, name: str, facts: dict[str, Any]) -> Recording:
    """Return the recording with these facts. CorruptRecordingError: their shape is wrong."""
    get = facts.get
    entries, target, test = get("outcomes"), get("target"), get("test")
    if type(entries) is not list or not entries or type(target) is not str:
        raise damaged(f"{objects.label}/{name}", "no target or no outcomes", test=test)
    _check_arguments(objects, facts, name, test=test)
    origin = Origin(name, target, test)
    outcomes = [stored_of(objects, entry, origin) for entry in entries]
    recorded, owner = get("recorded", ""), get("owner")
    arguments, source, identity = get("arguments"), get("source"), get("identity")
    return Recording(target, arguments, source, test, recorded, owner, outcomes, name, identity)


def player_of(
    objects: Objects, name: str, facts: dict[str, Any], entry: Any
) -> tuple[str | None, float, Callable[[], Any], str | None] | None:
    """Return what `Vault.read_player` returns, for the only outcome of a recording."""
    stored = stored_of(objects, entry, Origin(name, facts.get("target", ""), facts.get("test")))
    if not stored.is_plain_value:
        return None
    if not stored.is_tagged:
        return facts.get("source"), stored.duration, stored.player(), entry.get("inputs")
    from pytest_mimic._core.outcome.tagged.reader import NeedsCallError

    with suppress(NeedsCallError):
        return facts.get("source"), stored.duration, stored.player(), entry.get("inputs")
    return None


def cassette_of(objects: Objects, name: str, facts: dict[str, Any]) -> list[CassetteEntry]:
    """Return the calls of the cassette with these facts. CorruptRecordingError: their shape is wrong."""
    path = f"{objects.label}/{name}"
    calls, test = facts.get("calls"), facts.get("test")
    if type(calls) is not list:
        raise damaged(path, "no calls", test=test)
    entries = []
    origins: dict[str, Origin] = {}
    for call in calls:
        if type(call) is not dict or any(type(call.get(key)) is not str for key in CALL_FACTS):
            raise damaged(path, "a call lacks a fact", test=test)
        _check_arguments(objects, call, name, test=test)
        origin = origins.setdefault(call["target"], Origin(name, call["target"], test))
        facts_of_call: dict[str, Any] = {fact: call.get(fact) for fact in CASSETTE_FACTS}
        entries.append(CassetteEntry(stored=stored_of(objects, call.get("outcome"), origin), **facts_of_call))
    return entries


def stored_of(objects: Objects, entry: Any, origin: Origin) -> Stored:
    """Return the outcome of an entry, whose shape is checked."""
    if not is_usual(entry):
        check_entry(entry, f"{objects.label}/{origin.name}", origin.test)
    return Stored(objects, entry, origin)


def _check_arguments(objects: Objects, facts: dict[str, Any], name: str, *, test: str | None) -> None:
    if not is_description(facts.get("arguments")):
        raise damaged(f"{objects.label}/{name}", "arguments that were not described so", test=test)
