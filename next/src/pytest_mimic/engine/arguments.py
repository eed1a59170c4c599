"""The arguments of one call of a function: what counts, and what it may not change."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_mimic.engine.calls import Call
from pytest_mimic.values.identity import arguments_of, identity_of, little_identity
from pytest_mimic.values.places import stamps_of
from pytest_mimic.values.tree import Tree, cut
from pytest_mimic.values.walk import deeply

if TYPE_CHECKING:
    from pytest_mimic.engine.plans import FunctionPlan


class Arguments:
    """The arguments of one call: what counts, and what the call may not change.

    Args:
        plan: How the function is mimicked.
        bound: The arguments by name.
        key: Their key, if they are plain.

    Attributes:
        identity: The digest of the call.
        places: The paths that they name.

    Raises:
        UnstableIdentityError: A part of them has no identity.
    """

    def __init__(
        self, plan: FunctionPlan, bound: dict[str, object], key: bytes | None
    ) -> None:
        __tracebackhide__ = True  # An error of `key=` is the user's.
        self._plan = plan
        self._bound = bound
        self._key = key
        self.places = plan.run.places.of_call()
        quick = None
        if key is not None and plan.is_quick:
            quick = little_identity(plan.target, self._counted)
        self.identity = quick or identity_of(plan.target, self.tree)

    @property
    def key(self) -> bytes | str:
        """What only equal calls have."""
        return self._key or self.identity

    @cached_property
    def _counted(self) -> dict[str, object]:
        return self._plan.counted(self._bound)

    @cached_property
    def tree(self) -> dict[str, Tree]:
        """What of them counts, before the call."""
        __tracebackhide__ = True
        return self._tree_now()

    def _tree_now(self) -> dict[str, Tree]:
        __tracebackhide__ = True
        plan = self._plan
        return arguments_of(plan.target, self._bound, plan.rules, self.places)

    @cached_property
    def hidden(self) -> tuple[Tree, tuple[str, ...]]:
        """What a recording keeps of them, and the paths of secrets that it does not."""
        tree, paths = self._plan.run.secrecy.without_secrets(self.tree)
        return deeply(lambda: cut(tree)), paths

    def label(self) -> str:
        """Return the call as messages name it."""
        from pytest_mimic.values.labels import call_label  # a replay names no call

        plan = self._plan
        return call_label(plan.target, plan.run.secrecy.masked(self.tree))

    def call(self) -> Call:
        """Return what the run has to know of the call."""
        plan = self._plan
        return Call(
            target=plan.target,
            kind="function",
            identity=self.identity,
            options=plan.line.options,
            signature=plan.target,
            in_log=plan.is_in_log,
            describe=lambda: self.hidden[0],
            label=self.label,
            is_stale=lambda entry: plan.is_stale(entry, self.label),
        )

    # -- what the call does to them

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
        values = self._counted
        files = self.places.changed_files(self._stamps, stamps_of(values))
        is_equal = self._key is not None and self._plan.key_of(self._bound) == self._key
        if is_equal and not files:
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
        target = self._plan.target
        if files or identity_of(target, tree) != self.identity:
            from pytest_mimic.values.messages import mutation  # only errors need it

            raise mutation(self._plan.own_line, self._tree_before, tree, files)
        return moved

    def set_states(self, states: dict[str, Tree]) -> None:
        """Leave streams and generators as the recorded call has left them."""
        if states:
            from pytest_mimic.values.advancing import set_states

            set_states(self._counted, states)
