"""Recorded answers that stay where their calls are recorded again.

An answer stays if only parts of it have changed that `volatile=` names. Others of its
conversation may depend on such a part. An example, with `volatile=rows.*.id`:

| statement | recorded | now |
|---|---|---|
| `INSERT INTO users … RETURNING id` | 1 | 2 |
| `SELECT max(id) AS newest FROM users` | 1 | 2 |

If the first answer stayed and the second one were new, a replay would mix what the
service has said at two times. So answers stay as long as each of their conversation
does. When a call of it is new, or its answer has changed otherwise, the new answers of
all its calls are written: those that have stayed so far, and those that follow.

A test has one conversation with all of its services, and with the wider fixtures that
are set up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._core.engine.family_events import NewAnswersWritten
from pytest_mimic._core.engine.owners import NewAnswer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.current import Current
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._core.vault.recording_facts import StoredOutcome


def may_stay(current: Current, owner: Owner) -> bool:
    """Return whether each answer of an owner's conversation has stayed so far."""
    return not any(
        other_owner.has_new_answers
        for other_owner in _owners_in_conversation(current, owner)
    )


def write_new_answers(current: Current, owner: Owner) -> None:
    """Write the new answers of a conversation of which one does not stay.

    Args:
        current: Knows the wider fixtures that are set up, and the owner of now.
        owner: The owner of the call whose answer does not stay. It may be another one
            than that of now: a test may read a stream that a fixture has opened.
    """
    _let_no_recorded_answer_stay(current, owner)
    for answering_owner in _owners_in_conversation(current, owner):
        new_answers = answering_owner.unwritten_answers
        answering_owner.unwritten_answers = {}
        if not new_answers:
            continue
        if answering_owner is not current.owner:
            # If the owner of now fails, the files that the new answers of the other one
            # are written to are put back with its own.
            current.owner.written_for_scopes[answering_owner] = new_answers
        _let_no_recorded_answer_stay(current, answering_owner)
        for new_answer in new_answers.values():
            new_answer.track.put(
                new_answer.place, new_answer.recording, new_answer.error
            )


def answer_to_record(
    owner: Owner | None, call: Call, recorded: StoredOutcome, new: StoredOutcome
) -> StoredOutcome:
    """Return the recorded answer of a call if it stays, else the new one.

    Args:
        owner: The owner of the call; None: one recording serves all.
        call: The call.
        recorded: The answer that is recorded so far.
        new: The answer of now.
    """
    volatile = call.plan.options.volatile
    if not volatile and call.plan.kind == "function":
        return new
    others_stay = (
        owner is None or not call.converses or may_stay(call.plan.run.current, owner)
    )
    if not others_stay:
        volatile = ()
    if not _agrees_with_recorded(call, recorded, new, volatile=volatile):
        return new
    recorded.inputs = new.inputs
    return recorded


def _agrees_with_recorded(
    call: Call,
    recorded: StoredOutcome,
    new: StoredOutcome,
    *,
    volatile: Collection[str],
) -> bool:
    """Return whether a new answer agrees with the recorded one; `verifying` tells."""
    from pytest_mimic._core.engine.verifying import agrees_with_recorded

    redactor = call.plan.run.redactor
    return agrees_with_recorded(
        call, recorded, new, volatile=volatile, redactor=redactor
    )


def note_new_answer(
    owner: Owner, call: Call, stored_outcome: StoredOutcome, new_answer: NewAnswer
) -> None:
    """Note the new answer of a call, in a turn, if the recorded one has stayed.

    All new answers of the conversation are written if this one is, or if one of another
    thread was while this call decided that its recorded answer stays.

    Args:
        owner: The owner of the call.
        call: The call.
        stored_outcome: What is recorded of it: the new answer, or the one from before.
        new_answer: The new answer.
    """
    current = call.plan.run.current
    # Another form of the same answer replaces the one that was noted.
    key = new_answer.track.file, new_answer.place
    owner.unwritten_answers.pop(key, None)
    new_outcome = new_answer.recording.stored
    if stored_outcome is new_outcome:
        # Another process may have written new answers while one of this process stayed.
        if owner.unwritten_answers or not owner.has_new_answers:
            write_new_answers(current, owner)
        return
    if not call.plan.options.volatile:
        return
    if _agrees_with_recorded(call, stored_outcome, new_outcome, volatile=()):
        return
    owner.unwritten_answers[key] = new_answer
    if not may_stay(current, owner):
        write_new_answers(current, owner)


def _let_no_recorded_answer_stay(current: Current, owner: Owner) -> None:
    """Note that no recorded answer of an owner stays, and tell other processes."""
    if owner.has_new_answers:
        return
    owner.has_new_answers = True
    family = current.family
    if family is not None and family.shares(owner):
        family.tell(NewAnswersWritten(owner.token))


def _owners_in_conversation(current: Current, owner: Owner) -> Iterator[Owner]:
    """Yield the owners of one conversation: an owner, the test and wider fixtures.

    Only scopes with a fixture that is set up take part.
    """
    yield owner
    test = current.test_owner
    # A test may have made calls before it asks for a wider fixture.
    if test is not None and test is not owner:
        yield test
    # Another thread may set a fixture up meanwhile.
    for scope in list(current.scopes.values()):
        if scope.fixture_count and scope is not owner:
            yield scope
