"""Decides what of a journal is kept, once it is known whether its test passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.file_names import CASSETTES

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.engine.owners import Journal, JournalEntry
    from pytest_mimic._core.vault import Vault


def accept(journal: Journal, ledger: Ledger, *, with_replayed: bool) -> None:
    """Keep everything, because the test passed. The contents that it wrote are good; those that it replayed, on request."""
    changes = journal.changes
    good = [_mark(name, change.now) for name, change in changes.items()]
    if with_replayed:
        good += [_mark(name, None) for name in journal.used - changes.keys()]
    errors = [error for change in changes.values() for error in change.errors.values() if error]
    rows = [(what, test) for what, test, is_listed in errors if is_listed]
    listed = [row for row in rows if row not in ledger.expected]
    _enter(ledger, trusted=good, failures=listed)


def take_back(journal: Journal, vault: Vault, ledger: Ledger) -> list[str]:
    """Keep new values only, because the test failed. Return the names of the recordings that were taken back.

    Errors go at once, and so do changed cassettes. A sequence keeps the new outcomes before its first error. A
    conversation of which a part stood before is taken back as a whole. About recordings that stood before and were
    replaced by values, `contents_before` decides at the end of the run.
    """
    taken: dict[str, JournalEntry] = {}
    for group in journal.groups():
        changes = {name: journal.changes[name] for name in group}
        is_cassette = group[0].startswith(CASSETTES)
        has_errors = any(change.has_errors for change in changes.values())
        is_talk = changes[group[0]].conversation in journal.replaces
        is_whole = is_cassette or is_talk or any(change.has_replaced for change in changes.values())
        if is_whole and not has_errors and not is_cassette:
            rows = [(name, _text(change.before), _text(change.now)) for name, change in changes.items()]
            _enter(ledger, put_back=[(name, old, new) for name, old, new in rows if old != new])
            continue
        for name, change in changes.items():
            content = change.good if change.before is None and not is_whole else change.before
            # Another test, in another process, may have written the recording since.
            is_own = content != change.now and vault.store.read(name) == change.now
            if is_own and (is_whole or change.has_errors):
                vault.restore(name, content)
                taken[name] = change
                if content is None:
                    ledger.used.discard(name)
    labels = [error[0] for change in taken.values() for error in change.errors.values() if error]
    _enter(ledger, taken_back=labels, replaced=sorted(vault.replaced) if taken else [])
    return list(taken)


def _enter(ledger: Ledger, **entry: list[Any]) -> None:
    """Enter what was decided into the ledger. A forked process reports it to its parent as well."""
    entry = {name: rows for name, rows in entry.items() if rows}
    if entry:
        ledger.add(entry)
        ledger.forks.report(**entry)


def contents_before(vault: Vault, ledger: Ledger) -> dict[str, bytes | None]:
    """Return the recordings that only failing tests of the run have replaced or added, with what stood there before.

    Under xdist, the tests of all workers are judged together: a value that a passing test recorded or replayed stays.
    """
    replaced: dict[str, list[Any]] = {}
    for name, old, new in reversed(ledger.put_back):
        replaced.setdefault(str(name), []).append((old, new))
    before: dict[str, bytes | None] = {}
    for name, steps in replaced.items():
        written = content = _text(vault.store.read(name))
        # From the content that is there now, one step back after the other, up to one that a passing test used.
        while not {_mark(name, None), _mark(name, _bytes(content))} & ledger.trusted:
            step = next((step for step in steps if step[1] == content), None)
            if step is None:
                break
            steps.remove(step)
            content = step[0]
        if content != written:
            before[name] = _bytes(content)
    return before


def _mark(name: str, content: bytes | None) -> str:
    """Return a mark for a recording's content; without content, for any that the run has put there."""
    if content is None:
        return name
    from xxhash import xxh3_64_hexdigest

    return f"{name} {xxh3_64_hexdigest(content)}"


# A ledger is shipped as JSON or by execnet: as text, in the encoding that has a character for each byte.
def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode("latin-1")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")


def note_forked(journal: Journal, rows: list[list[Any]]) -> None:
    """Add what forked processes wrote, as they reported it, to the journal of their test."""
    for name, before, now, errors, conversation in rows:
        found = {
            position: None if error is None else (error[0], error[1], error[2]) for position, error in errors
        }
        journal.note(name, _bytes(before), _bytes(now), found, conversation=conversation)
