"""Ends owners: what they leave in the vault, what is put back, and what is told."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from contextlib import suppress
from typing import NamedTuple

from pytest_mimic.engine.books import Books
from pytest_mimic.engine.calls import kept_failure
from pytest_mimic.engine.events import Event, Plain
from pytest_mimic.engine.logs import Log, Verdict, why_not_kept
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import RERECORD, label_of
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault, Written


def close(owner: Owner, verdict: Verdict, books: Books) -> list[Written]:
    """End an owner, and give what it leaves, so that it can be undone.

    Raises:
        MimicError: Its log cannot be written.
    """
    for step in list(owner.open):
        with suppress(MimicError):  # it is noted
            step.end_with_owner()
    owner.ended.set()
    below_replayed = _is_below_replayed(owner)
    left = _judge_shared(owner, verdict, books, below_replayed=below_replayed)
    for cassette in owner.cassettes:
        _judge_cassette(cassette, verdict, books)
    log = owner.log
    if log is None or owner.pid != os.getpid():
        return left
    log.judge(verdict, below_replayed=below_replayed)
    try:
        written = _write(owner, log, verdict, books)
    finally:
        log.discard_part()
    if owner.kind != "cassette":  # That waits for the verdict of its test.
        _tell(owner, log, verdict, books)
    return left if written is None else [*left, written]


def end_setup(owner: Owner, books: Books) -> None:
    """Write the log of a set-up: tests that pass may hold what it was answered.

    Raises:
        MimicError: It cannot be written.
    """
    log = owner.log
    if log is None or owner.pid != os.getpid():
        return
    before = log.found.setup if log.found else ""
    owner.setup = log.setup_digest() if log.has_new() else before
    _write(owner, log, "passed", books)
    if before and before != owner.setup:
        facts: dict[str, Plain] = {"before": before, "now": owner.setup}
        books.events.add("set up anew", owner.name, test=books.test, **facts)


def undo(written: Iterable[Written], books: Books) -> None:
    """Put back what stood before, where nobody has written since."""
    for one in reversed(list(written)):
        books.vault.put_back(one)
        books.version += 1


def _write(owner: Owner, log: Log, verdict: Verdict, books: Books) -> Written | None:
    used = sorted(owner.fixtures.items())
    written = log.write(
        verdict,
        fixtures={name: fixture.setup for name, fixture in used if fixture.setup},
        setup=owner.setup,
        # A fixture may be set up again in this run, and ask for less.
        keeps_all=owner.file in books.written,
    )
    if owner.kind == "fixture" and owner.ended.is_set() and written:
        books.written.add(owner.file)
    return written


def _is_below_replayed(owner: Owner) -> bool:
    """Whether HTTP answers of a wider fixture that an owner uses were replayed."""
    logs = [fixture.log for fixture in owner.fixtures.values()]
    return any(log and log.conversation("http") == "replayed" for log in logs)


def _judge_cassette(cassette: Owner, verdict: Verdict, books: Books) -> None:
    if verdict == "failed":
        undo(cassette.left, books)
        cassette.left = []
    if cassette.log is not None:
        cassette.log.judge(verdict, below_replayed=False)
        _tell(cassette, cassette.log, verdict, books)


def _judge_shared(
    owner: Owner, verdict: Verdict, books: Books, *, below_replayed: bool
) -> list[Written]:
    """Put back what an owner that did not pass may not leave to all tests."""
    left: list[Written] = []
    undone: list[Written] = []
    for kept in owner.kept:
        why = why_not_kept(kept.entry, verdict, below_replayed=below_replayed)
        is_replaced = verdict == "failed" and kept.written.before is not None
        (undone if why or is_replaced else left).append(kept.written)
        if is_replaced and not why:
            books.events.add("put back", test=books.test, name=kept.written.name)
        else:
            _tell_outcome(kept.entry, why, owner, books)
    undo(undone, books)
    return left


# -- what is told


def _tell(owner: Owner, log: Log, verdict: Verdict, books: Books) -> None:
    """Tell what became of the calls in a log."""
    events, test = books.events, books.test
    real = [place for place in log.made if place.outcome is not None]
    for place in real:
        assert place.outcome is not None
        _tell_outcome(place.outcome, place.why, owner, books)
    if verdict == "failed" and any(place.index is not None for place in real):
        events.add("put back", test=test, name=log.name)
    asked = {place.key[0] for place in log.made}
    unmade = {entry.identity for entry in log.leftovers()} - asked
    if unmade and owner.kind != "cassette" and verdict == "passed":
        identities: list[Plain] = [*sorted(unmade)]
        events.add("unmade", test=test, name=log.name, identities=identities)
    if log.turns.is_given_up:
        events.add("out of order", owner.name, test=test)


def _tell_outcome(entry: Entry, why: str, owner: Owner, books: Books) -> None:
    """Name an outcome that is not kept, and an error of the network that is."""
    failed = kept_failure(entry.body)
    if not why and not failed:
        return
    label = label_of(entry)
    if not why:
        is_raised = failed.startswith("raised ")
        gave = failed if is_raised else f"gave {failed.removeprefix('status ')}"
        label = f"{label} {gave}"
    books.events.add(
        "not kept" if why else "kept failure",
        label,
        test=books.test,
        what=why,
        option=RERECORD,
        command=books.refusals.command(RERECORD, owner),
    )


# -- wider fixtures that were set up anew


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
