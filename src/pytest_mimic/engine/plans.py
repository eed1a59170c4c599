"""How one covering mimics a function, and the arguments of one of its calls."""

from __future__ import annotations

import gc
import marshal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.inputs import Inputs, Opened
from pytest_mimic.engine.mocks import Mocks, refusal
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.patch.targets import Target, steps_of
from pytest_mimic.values.binding import Binder
from pytest_mimic.values.identity import (
    CallRules,
    arguments_of,
    identity_of,
    plain_identity,
)
from pytest_mimic.values.places import stamps_of
from pytest_mimic.values.source import innermost, source_fingerprint
from pytest_mimic.values.tree import Tree, cut
from pytest_mimic.values.walk import deeply

if TYPE_CHECKING:
    from pytest_mimic.engine.events import Event
    from pytest_mimic.engine.owners import Owner
    from pytest_mimic.engine.run import Run
    from pytest_mimic.engine.steps import Step
    from pytest_mimic.vault.recording import Entry


# In bytes: arguments that are worth to be kept, for the next equal call.
_LITTLE = 4_096
_SIZED = (str, list, dict)
# With more parts, or more levels of them, arguments are not little.
_FEW = 500
_LEVELS = 10


class Player:
    """Gives the value of one recorded call again and again, and counts that."""

    __slots__ = ("_make", "_replayed", "_run")

    def __init__(self, run: Run, replayed: Event, make: Callable[[], object]) -> None:
        self._run = run
        self._replayed = replayed
        self._make = make

    def play(self) -> object:
        """Give a fresh copy of the value."""
        run = self._run
        self._replayed = run.events.again(self._replayed, run.test)
        return self._make()


class FunctionPlan:
    """How one covering mimics a function.

    Attributes:
        run: The run.
        target: The name under which its calls are recorded, `shop.api:fetch`.
        function: The original.
        line: The target that covers it.
        cassette: The cassette that takes its calls.
        is_in_log: Whether its calls have a place in the log of an owner.
        players: What gives a recorded value again and again: by plain arguments, and
            by the identity of a call.
    """

    def __init__(
        self,
        run: Run,
        inputs: Inputs,
        mocks: Mocks,
        target: str,
        function: Callable[..., Any],
        line: Target,
        cassette: Owner | None = None,
    ) -> None:
        self.run = run
        self.target = target
        self.function = function
        self.line = line
        self.cassette = cassette
        self._inputs = inputs
        self._mocks = mocks
        options = line.options
        has_place = options.sequence
        self.is_in_log = cassette is not None if has_place is None else has_place
        has_parts = any(len(steps_of(path)) > 1 for path in options.ignore)
        # Whether arguments count as a whole, or not at all.
        self._counts_whole = not (options.key or options.content or has_parts)
        self.players: dict[str, Player] = {}
        # The identities of little plain arguments, by their bytes.
        self._identities: dict[bytes, str] = {}
        self._starts: tuple[str, ...] = ()
        self._version = 0
        # The version of the mocks of which the function has reached none.
        self._without_mocks = -1

    @cached_property
    def binder(self) -> Binder:
        return Binder(self.function)

    @cached_property
    def rules(self) -> CallRules:
        options, binder = self.line.options, self.binder
        defaults = binder.defaults.items()
        return CallRules(
            ignore=tuple(steps_of(path) for path in options.ignore),
            key=options.key,
            content=frozenset(options.content),
            parameters=frozenset(binder.names),
            extra=binder.extra,
            unset={name: one for name, one in defaults if type(one) is object},
        )

    @property
    def own_line(self) -> Target:
        """A line that names this function alone, with the options of its line."""
        if self.line.path[-1] != "*":
            return self.line
        module, _, path = self.target.partition(":")
        return self.line._replace(module=module, path=tuple(path.split(".")))

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, object]:
        """Return the arguments by name.

        Raises:
            TypeError: They do not fit the signature of the function itself.
        """
        try:
            return self.binder(args, kwargs)
        except TypeError:
            # `functools.wraps` shows the signature of the function inside; the
            # decorator may take more.
            if not hasattr(self.function, "__wrapped__"):
                raise
            return {"args": args, "kwargs": kwargs}

    def counted(self, bound: dict[str, object]) -> dict[str, object]:
        """Return the arguments that are not left out as a whole."""
        rules = self.rules
        if not rules.ignore:
            return bound
        return {
            name: value
            for name, value in bound.items()
            if () not in rules.paths_in(name)
        }

    # -- the code of the function, and what it reaches

    @cached_property
    def source(self) -> str:
        """The fingerprint of the function's source, if it is one of the project."""
        function = innermost(self.function)
        project = self._inputs.project
        if function is None or not project.has(function.__code__.co_filename):
            return ""
        return source_fingerprint(function) or ""

    def is_stale(self, entry: Entry, label: Callable[[], str]) -> str:
        """Say what has changed since a call was recorded, or give an empty text."""
        is_old = entry.source and self.source and entry.source != self.source
        if is_old and self.run.source == "strict":
            return self.target
        if self.run.inputs != "strict" or not entry.inputs:
            return ""
        try:
            names = self._inputs.changed(entry.inputs, self.run.vault)
        except CorruptRecordingError as error:
            if self.run.mode != "record":
                raise
            names = [error.what]  # a run that records makes the list anew
        lines = [f"{name} has changed" for name in names]
        return "\n".join([f"what {label()} reaches or reads", *lines]) if lines else ""

    def warn_of_inputs(self, entry: Entry) -> None:
        """Let the summary say what has changed that a replayed call reached or read."""
        run = self.run
        if run.inputs != "warn":
            return
        for name in self._changed_inputs(entry):
            run.events.add(
                "inputs changed",
                self.target,
                test=run.test,
                what=name,
                identity=entry.identity,
            )

    def _changed_inputs(self, entry: Entry) -> list[str]:
        if not entry.inputs:
            return []
        try:
            return self._inputs.changed(entry.inputs, self.run.vault)
        except CorruptRecordingError as error:
            if self.run.inputs == "strict" and self.run.mode != "record":
                raise
            return [error.what]

    def opened(self) -> AbstractContextManager[None]:
        """Collect what a call that is recorded opens for reading."""
        notes_inputs = self.run.inputs != "ignore" and self.source
        return Opened() if notes_inputs else nullcontext()

    def list_inputs(self, arguments: Tree, opened: object) -> str:
        """Store the list of what a call has reached and read, and give its name."""
        if not isinstance(opened, Opened):
            return ""
        listed = self._inputs.listed(self.target, arguments, opened.files)
        return self.run.vault.write_object("json", [listed]) if listed else ""

    def refuse_mocks(self, arguments: Callable[[], Tree]) -> None:
        """Refuse a call of which all tests would share an outcome made with a mock.

        Raises:
            UnstableIdentityError: A test has replaced what its code reaches.
        """
        has_place = self.cassette is not None or self.is_in_log
        if not has_place and self._mocks.are_held():
            replaced = self._mocks.reached_by(self.target, arguments())
            if replaced:
                raise refusal(self.target, replaced)
        self._without_mocks = self._mocks.version

    # -- the quick way: an equal call was replayed before

    def plain_identity(self, bound: dict[str, object]) -> str | None:
        """Return the identity of a call with plain arguments; `None`: of others."""
        if not self._counts_whole:
            return None
        counted, starts = self.counted(bound), self.run.places.starts
        if self._starts != starts:
            self._starts = starts
            self._identities.clear()
        key = _bytes_of(counted)
        identity = self._identities.get(key)
        if identity is None:
            identity = plain_identity(self.target, counted, starts)
            if identity is not None and key:
                self._identities[key] = identity
        return identity

    def player(self, identity: str) -> Player | None:
        """Return what answers calls of an identity."""
        if self._version != self.run.version:
            self.players.clear()
            self._version = self.run.version
        # Of plain arguments, none reaches a mock that the function does not reach.
        is_looked_at = self._without_mocks == self._mocks.version
        return self.players.get(identity) if is_looked_at else None

    def keep_player(
        self, step: Step, identity: str, make: Callable[[], object]
    ) -> None:
        """Answer calls that equal a replayed one by the shortest way from now on."""
        is_shown = self.run.events.shows_calls
        if step.is_lasting and step.replayed is not None and not is_shown:
            self.players[identity] = Player(self.run, step.replayed, make)


def _bytes_of(arguments: dict[str, object]) -> bytes:
    """Return what only equal plain arguments have; empty: they are large or not plain.

    It is made in a fraction of the time that their identity takes.
    """
    for value in arguments.values():
        if type(value) in _SIZED and len(value) > _LITTLE:  # type: ignore[arg-type]
            return b""
    if not _are_few_parts(arguments):
        return b""
    try:
        # Later versions write other bytes for texts that are interned.
        written = marshal.dumps(arguments, 2)
    except ValueError:
        return b""
    return written if len(written) <= _LITTLE else b""


def _are_few_parts(arguments: dict[str, object]) -> bool:
    """Tell whether arguments have few parts, each counted wherever it stands.

    A part that stands twice in one that stands twice, and so on, is written out
    without end.
    """
    level: list[object] = [arguments]
    for _ in range(_LEVELS):
        level = gc.get_referents(*level)
        if not level:
            return True
        if len(level) > _FEW:
            return False
    return False


class Arguments:
    """The arguments of one call: what counts, and what the call may not change.

    Args:
        plan: How the function is mimicked.
        bound: The arguments by name.
        identity: The digest of the call, if they are plain.

    Attributes:
        identity: The digest of the call.
        places: The paths that they name.

    Raises:
        UnstableIdentityError: A part of them has no identity.
    """

    def __init__(
        self, plan: FunctionPlan, bound: dict[str, object], identity: str | None
    ) -> None:
        __tracebackhide__ = True  # An error of `key=` is the user's.
        self._plan = plan
        self._bound = bound
        self.places = plan.run.places.of_call()
        self.identity = identity or identity_of(plan.target, self.tree)

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
        plain_identity = self._plan.plain_identity(self._bound)
        if plain_identity == self.identity and not files:
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
