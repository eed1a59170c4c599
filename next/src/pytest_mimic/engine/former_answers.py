"""Finds the tests whose logs hold what the set-up of a fixture was answered before."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from pytest_mimic.engine.events import Event
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.vault.vault import Vault


class FormerAnswers(NamedTuple):
    """A wider fixture whose set-up was recorded anew.

    Attributes:
        fixture: Its owner.
        tests: The tests whose logs were recorded after its former answers.
        is_torn: Whether two workers have made it and were answered differently.
    """

    fixture: str
    tests: list[str]
    is_torn: bool


def former_answers(
    vault: Vault, events: Iterable[Event], gone: Container[str]
) -> list[FormerAnswers]:
    """Return the fixtures that a run has set up anew, with the tests that it concerns.

    Args:
        vault: The vault after the run.
        events: Those of the kind `set up anew`.
        gone: The tests that exist no more.
    """
    digests: dict[str, set[str]] = {}
    for event in events:
        digests.setdefault(event.call, set()).add(str(event.facts.get("now")))
    if not digests:
        return []
    tests: dict[str, list[str]] = {fixture: [] for fixture in digests}
    for _, recording in vault.all():
        if isinstance(recording, CorruptRecordingError) or recording.owner in gone:
            continue
        for fixture, digest in recording.fixtures.items():
            if fixture in digests and digest not in digests[fixture]:
                tests[fixture].append(recording.owner)
    return [
        FormerAnswers(fixture, tests[fixture], len(found) > 1)
        for fixture, found in digests.items()
        if tests[fixture] or len(found) > 1
    ]
