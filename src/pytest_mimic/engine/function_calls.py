"""One call of a mimicked function: what counts of it, and what it may not change."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.plans import FunctionPlan, Player
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.identity import arguments_of, identity_of
from pytest_mimic.values.outcome import player as copies_of
from pytest_mimic.values.places import stamps_of
from pytest_mimic.values.tree import Tree, cut
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.names import call_name

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places


class FunctionCall:
    """One call of a mimicked function.

    Args:
        plan: How the function is mimicked.
        bound: The arguments by name.
        key: What only equal plain arguments have.

    Attributes:
        identity: The digest of the call.

    Raises:
        UnstableIdentityError: A part of the arguments has no identity.
    """

    def __init__(
        self, plan: FunctionPlan, bound: dict[str, object], key: bytes
    ) -> None:
        __tracebackhide__ = True  # An error of `key=` is the user's.
        self.plan = plan
        self._bound = bound
        identity = plan.plain_identity(bound)
        self._key = b"" if identity is None else key
        self.identity = identity or identity_of(plan.target, self.tree)

    @cached_property
    def places(self) -> Places:
        """The paths that its arguments name."""
        return self.plan.run.places.of_call()

    @cached_property
    def _counted(self) -> dict[str, object]:
        return self.plan.counted(self._bound)

    @cached_property
    def tree(self) -> dict[str, Tree]:
        """What of the arguments counts, before the call."""
        __tracebackhide__ = True
        return self._tree_now()

    def _tree_now(self) -> dict[str, Tree]:
        __tracebackhide__ = True
        plan = self.plan
        return arguments_of(plan.target, self._bound, plan.rules, self.places)

    @cached_property
    def hidden(self) -> tuple[Tree, tuple[str, ...]]:
        """What a recording keeps of them, and the paths of secrets that it does not."""
        tree, paths = self.plan.run.secrecy.without_secrets(self.tree)
        return deeply(lambda: cut(tree)), paths

    def label(self) -> str:
        """Return the call as messages name it."""
        from pytest_mimic.values.labels import call_label  # a replay names no call

        plan = self.plan
        return call_label(plan.target, plan.run.secrecy.masked(self.tree))

    def facts(self) -> Call:
        """Return what the run has to know of the call."""
        plan = self.plan
        return Call(
            target=plan.target,
            kind="function",
            identity=self.identity,
            options=plan.line.options,
            signature=plan.target,
            in_log=plan.is_in_log,
            describe=lambda: self.hidden[0],
            label=self.label,
            changed=plan.changed,
        )

    # -- what all tests share is replayed by players

    def player(self) -> Player | None:
        """Return what answers the call if it was recorded as a value that all share.

        It is made at the first call, and answers equal ones from then on.
        """
        plan, run = self.plan, self.plan.run
        is_replayed = run.mode in ("replay", "record")
        if not (is_replayed and plan.is_shared) or run.events.shows_calls:
            return None
        found = plan.players.get(self.identity) or self._recorded_player()
        if found is not None:
            plan.players[self.identity] = found
            if self._key:
                plan.players[self._key] = found
        return found

    def forget_player(self) -> None:
        """Answer the call no more by a player: it has failed to make the value."""
        self.plan.players.pop(self.identity, None)
        self.plan.players.pop(self._key, None)

    def _recorded_player(self) -> Player | None:
        plan, run = self.plan, self.plan.run
        name = call_name(plan.target, self.identity)
        try:
            entry = run.shared.recorded(name)
            if entry is None or not plan.is_fresh_value(entry):
                return None
        except CorruptRecordingError:
            return None  # Whoever takes the place of the call refuses it.
        # Of an equal call in other temporary folders the paths are others.
        if self.places.folders:
            return None
        plan.warn_of_inputs(entry)
        run.sleeps.go_on()
        if run.changing is not None:
            run.changing.note_answer(entry.body)
        tree, forbid = entry.body["value"], run.forbids_pickles
        make = copies_of(tree, run.vault, self.places, forbid=forbid)
        return Player(run, make, plan.target, run.facts_of_replay(entry, name))

    # -- what the call does to its arguments

    def watch(self) -> None:
        """Note what the call may not change, and what it may move."""
        from pytest_mimic.values.advancing import states_of  # few replays need it

        self._tree_before = self.tree
        self._stamps = stamps_of(self._counted)
        self._states = states_of(self._counted)

    def refuse_changes(self) -> dict[str, Tree]:
        """Return the states of streams and generators that the call has moved.

        Raises:
            MutatedInputError: It has changed an argument, or a file that one names.
        """
        plan, values = self.plan, self._counted
        files = self.places.changed_files(self._stamps, stamps_of(values))
        if not files and plan.plain_identity(self._bound) == self.identity:
            return {}
        from pytest_mimic.values.advancing import set_states, states_of

        moved = {
            name: state
            for name, state in states_of(values).items()
            if state != self._states.get(name)
        }
        # What the call has moved is not compared: a replay moves it, too.
        set_states(values, {name: self._states[name] for name in moved})
        try:
            tree = self._tree_now()
        finally:
            set_states(values, moved)
        if files or identity_of(plan.target, tree) != self.identity:
            from pytest_mimic.values.messages import mutation  # only errors need it

            raise mutation(plan.own_line, self._tree_before, tree, files)
        return moved

    def set_states(self, states: dict[str, Tree]) -> None:
        """Leave streams and generators as the recorded call has left them."""
        if states:
            from pytest_mimic.values.advancing import set_states

            set_states(self._counted, states)
