"""The tests and scopes of wider fixtures that calls belong to, and the end of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.owners import Journal, Owner, accept, take_back

if TYPE_CHECKING:
    from pytest_mimic._core.engine.run_state import RunState


class Scopes:
    """The owners of a run's calls, of which the current one is in the run's state.

    The owner with the empty name is the scope of the session. It also owns the calls outside of tests.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._owners: dict[str, Owner] = {"": state.owner}
        # The conversations that failed tests have recorded again, by the test: another attempt goes on with them.
        self._again: dict[str, set[str]] = {}
        # The scopes that are set up, or have ended since the last test did; those in which that test ran.
        self._open: dict[str, Owner] = {}
        self._around: list[Owner] = []

    @property
    def _outside(self) -> Owner:
        return self._owners.get("") or self._owners.setdefault("", Owner(""))

    # -- scopes

    def name_of(self, parameter: object) -> str | None:
        """Return what tells the scope of a fixture's parameter from those of others; None if it has no identity."""
        if isinstance(parameter, (str, int)):
            return repr(parameter)
        from pytest_mimic._core.identity.call_identity import identity_of

        return identity_of(parameter, self._state.places)

    def enter(self, name: str, *, ends: bool = False) -> Callable[[bool], Owner]:
        """Assign calls to the scope of a wider fixture until the returned function is called.

        That function gets whether the fixture's set-up or tear-down has passed.
        """
        outer, owner = self._state.owner, self._owners.setdefault(name, Owner(name))
        # A set-up is judged by itself: if it fails, what it recorded goes, and what earlier ones recorded stays.
        journal, owner.journal = owner.journal, Journal()
        self._state.owner, owner.ends = owner, ends
        if name:  # the scope of the session ends with the run
            self._open[name] = owner

        def leave(passed: bool) -> Owner:
            self._state.owner = outer
            if not passed:
                self._judge(owner, passed=False)
            journal.merge(owner.journal)
            owner.journal = journal
            return owner

        return leave

    def end(self, owner: Owner) -> None:
        """End the scope of wider fixtures. The same run may enter it again."""
        owner.rewind()

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        self._state.owner = owner = Owner(nodeid, is_test=True)
        owner.again = self._again.pop(nodeid, set())

    def begin_teardown(self) -> None:
        """Begin the teardown of a test, which may end scopes that it ran in."""
        self._around = [owner for owner in self._open.values() if owner.fixtures]

    def end_test(self, *, passed: bool, is_whole: bool) -> None:
        """End a test, after its teardown, and the scopes that ended with it.

        A test is whole if it passed and was neither skipped nor expected to fail. A scope has passed if any test passed
        while it was set up.
        """
        state = self._state
        test, around, self._around = state.owner, self._around, []
        try:
            if (decided := state.decisions) is not None:
                decided.recordings.missed.clear()
                decided.sequences.end_owner(test, passed=passed and is_whole)
            self._judge(test, passed=passed)
            # A test that passed with what a scope recorded is the proof that it is good.
            for owner in (self._outside, *around) if passed else ():
                owner.passed = True
            for name, owner in list(self._open.items()):
                if not owner.fixtures:
                    del self._open[name]
                    self._judge(owner, passed=owner.passed)
                    owner.passed = False
        finally:
            if test.again and not passed:
                self._again[test.name] = test.again
            state.owner = self._outside

    def close(self, *, passed: bool, is_complete: bool = False) -> None:
        """End all scopes. Without a complete run, what it did not use of them may belong to other fixtures."""
        if (decided := self._state.decisions) is not None:
            for owner in self._owners.values():
                decided.sequences.end_owner(owner, passed=passed, is_complete=is_complete)
        for owner in self._owners.values():
            self._judge(owner, passed=owner.passed)

    def _judge(self, owner: Owner, *, passed: bool) -> None:
        """Decide what is kept of what was recorded for an owner."""
        state, journal = self._state, owner.journal
        if not journal.changes:
            journal.used.clear()
            return
        from pytest_mimic._core.engine.decisions import decisions_of

        owner.journal = Journal()
        if passed:
            accept(journal, state.ledger)
            return
        decided = decisions_of(state)
        journal.replaces = decided.sequences.replaced_by(owner)
        for name in take_back(journal, state.vault, state.ledger):
            decided.recordings.known.pop(name, None)
            owner.sequences.pop(name, None)
