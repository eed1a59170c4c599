"""Mimicked functions: how a function is mimicked, and what counts of a call."""

from __future__ import annotations

import marshal
import re
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from xxhash import xxh3_128_digest

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.events import Event, Json, facts_of_time
from pytest_mimic.errors import MimicError, UnstableIdentityError
from pytest_mimic.functions.mocks import ActiveMocks
from pytest_mimic.patch.binding import Binder
from pytest_mimic.patch.targets import Target, line_of
from pytest_mimic.values.folders import stamps_of
from pytest_mimic.values.identity import (
    CallRules,
    arguments_of,
    identity_of,
    paths_to_nothing,
    plain_identity,
)
from pytest_mimic.values.outcome import copies_of
from pytest_mimic.values.source import (
    innermost,
    modules_imported_in,
    run_imports,
    source_fingerprint,
    source_of_code,
)
from pytest_mimic.values.tree import (
    Levels,
    Node,
    Path,
    Tree,
    cut,
    levels_of,
    paths_of,
    shown_path,
)
from pytest_mimic.values.walk import deeply

if TYPE_CHECKING:
    from pytest_mimic.engine.owners import Owner
    from pytest_mimic.engine.place import Place
    from pytest_mimic.engine.run import Run
    from pytest_mimic.functions.inputs import Reached
    from pytest_mimic.values.folders import Folders
    from pytest_mimic.values.states import States
    from pytest_mimic.vault.recording import Entry


Counted: TypeAlias = "tuple[dict[str, object], Levels | None, bytes]"
"""The arguments that count, their parts if they are plain data, and a key of both.

Calls with equal arguments have equal keys.
"""


class Player:
    """Gives fresh copies of a recorded value, and counts them.

    Its slots are no objects of their own, which would cost the garbage collector time.

    Args:
        plan: How the function is mimicked.
        make: Makes a copy; it raises a MimicError where none can be made.
        name: The file of the recording.
        entry: The recording.
        is_lent: Whether this run has made it, so that who gets it has to pass.
    """

    __slots__ = (
        "_asked_clients",
        "_at",
        "_identity",
        "_lent",
        "_make",
        "_name",
        "_plan",
        "_row",
        "_seconds",
    )

    def __init__(
        self,
        plan: FunctionPlan,
        make: Callable[[], object],
        name: str,
        entry: Entry,
        *,
        is_lent: bool,
    ) -> None:
        self._plan = plan
        self._make = make
        self._name = name
        self._identity = entry.identity
        self._seconds = entry.seconds
        self._at = facts_of_time(entry.at)
        self._asked_clients = entry.asked
        self._lent = entry if is_lent else None
        # The row that counts now; None: there is none yet.
        self._row: Event | None = None

    def play(self) -> object:
        """Give a copy.

        Raises:
            MimicError: None can be made, or a test has replaced what was asked.
        """
        plan, row = self._plan, self._row
        run = plan.run
        if run.sleeps.intercept is None:  # There has been one to be skipped.
            run.sleeps.go_on()
        if self._asked_clients:
            plan.refuse_replaced(plan.mocks.replaced_of(self._asked_clients))
        value = _awaited(self._make()) if plan.layers else self._make()
        if self._lent is not None:
            run.innermost.shared.borrowed[self._name] = self._lent
        if row is not None and row.test == run.test:
            row.facts["times"] += 1  # type: ignore[operator]
            return value
        added = run.events.add(
            "replayed",
            plan.target,
            test=run.test,
            fixture=run.innermost.fixture,
            name=self._name,
            identity=self._identity,
            seconds=self._seconds,
            times=1,
            **self._at,
        )
        if run.events.to_parent is None:  # What a forked child has told counts no more.
            self._row = added
        return value


async def _awaited(value: object) -> object:
    return value


class FunctionPlan:
    """How one activation mimics a function.

    What takes long is made at the first call: few of thousands of targets are called.

    Attributes:
        run: The run.
        target: The name under which its calls are recorded, `shop.api:fetch`.
        function: The original.
        layers: How a caller comes to what it gives, whatever was recorded: one of
            `await`, `stream` and `astream`; empty: it takes what the function returns.
        line: The target that covers it.
        mocks: What tests have replaced.
        inputs: What calls reach and read.
        cassette: The cassette that takes its calls.
        is_in_log: Whether its calls have a place in the log of an owner.
        is_shared: Whether all tests share its recordings.
        is_unseen: Whether a call is a part of a real one, and runs unseen.
        binder: Knows the parameters of the function.
        bind: Takes the arguments of a call, and gives them by name. It raises a
            TypeError where they do not fit.
        players: What answers equal calls, by plain arguments, or by identity.
        has_players: Whether they may: nobody has to see each call, no test has replaced
            what the function reaches, and the owner has no recording of its own.
    """

    has_players = False
    _generation = -1

    def __init__(
        self,
        run: Run,
        mocks: ActiveMocks,
        target: str,
        function: Callable[..., Any],
        layer: str,
        line: Target,
        cassette: Owner | None,
    ) -> None:
        self.run = run
        self.mocks = mocks
        self.inputs = mocks.inputs
        self.target = target
        self.function = function
        self.layers = (layer,) if layer else ()
        self.line = line
        self.cassette = cassette
        has_cassette, has_place = cassette is not None, line.options.sequence
        self.is_in_log = has_cassette if has_place is None else has_place
        self.is_shared = not (has_cassette or self.is_in_log)
        self.is_unseen = run.is_unseen
        self.players: dict[bytes | str, Player] = {}

    @cached_property
    def binder(self) -> Binder:
        return Binder(self.function)

    @cached_property
    def rules(self) -> CallRules:
        options, binder = self.line.options, self.binder
        defaults = binder.defaults.items()
        return CallRules(
            ignore=paths_of(options.ignore),
            key=options.key,
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

    @cached_property
    def bind(self) -> Callable[..., dict[str, object]]:
        bind = self.binder.bind
        if not hasattr(self.function, "__wrapped__"):
            return bind

        def bind_anyway(*args: Any, **kwargs: Any) -> dict[str, object]:
            # `functools.wraps` shows the signature of the function inside; the
            # decorator may take more.
            try:
                return bind(*args, **kwargs)
            except TypeError:
                return {"args": args, "kwargs": kwargs}

        return bind_anyway

    # -- what counts of the arguments

    @cached_property
    def unmet(self) -> dict[Path, Event]:
        """The paths of `ignore=` into arguments that no real call has met yet.

        Each has the row that says so.
        """
        run, name = self.run, self.own_line.name
        unmet: dict[Path, Event] = {}
        for path in self.rules.ignore:
            if len(path) > 1:
                option = f"{name} ignore={shown_path(path)}"
                unmet[path] = run.events.add("met nothing", option, test=run.test)
        return unmet

    @cached_property
    def _counts_whole(self) -> bool:
        """Whether each argument counts as a whole, or not at all."""
        rules = self.rules
        has_parts = any(len(path) > 1 for path in rules.ignore)
        return not (rules.key or has_parts)

    # -- the code of the function, and what it reaches

    @cached_property
    def source(self) -> str:
        """The fingerprint of the source of a function of the project."""
        function = innermost(self.function)
        has = self.inputs.code.has
        if function is None or not has(function.__code__.co_filename):
            return ""
        return source_fingerprint(function) or ""

    def load_imports(self) -> None:
        """Import what the function itself would import."""
        function = innermost(self.function)
        if function is not None:
            run_imports(function)

    def is_absent_in_a_replay(self, module: str) -> bool:
        """Whether a replay has not imported a module: nothing but real calls did.

        It imports what the function itself names.
        """
        named = self.inputs.imported.get(module)
        return named is not None and named not in self._imported_by_itself

    @cached_property
    def _imported_by_itself(self) -> set[str]:
        function = innermost(self.function)
        return set() if function is None else modules_imported_in(function)

    def is_of_other_source(self, entry: Entry) -> bool:
        """Whether a recording was made with another source of the function.

        One that keeps no fingerprint was, if the function has one today. That of a
        function which has been renamed says its former name: `9f31… as fit`.
        """
        if not self.source or entry.source == self.source:
            return False
        recorded, _, name = entry.source.partition(" as ")
        function = innermost(self.function) if name else None
        if function is None:
            return True
        return recorded != source_of_code(function.__code__, name)

    def refuse_replaced(self, replaced: Iterable[str]) -> None:
        """Refuse a call that reaches what a test has replaced, if it has anything.

        Raises:
            UnstableIdentityError: It has.
        """
        names = sorted(replaced)
        if not names:
            return
        line = self.own_line
        own = line_of(line.name, line.options.updated(sequence=True))
        ways = [("give each test its own recordings", own)]
        functions = [name for name in names if ":" in name]
        if functions:
            ways.append(("or mimic what is replaced, in place of it", functions[0]))
        raise UnstableIdentityError(
            f"{line.name} is a different call here: the test has replaced what its code"
            " uses",
            [f"{name.replace(':', '.')} is replaced" for name in names],
            ways,
        )

    # -- what all tests share is replayed by players

    def known(self, bound: dict[str, object]) -> tuple[Player | None, Counted]:
        """Return what has answered an equal call, and what is known of this call."""
        if self._generation != self.run.generation:
            self._look_again()
        counted, rules = bound, self.rules
        if rules.ignore:
            # An argument may be left out as a whole.
            paths_in = rules.paths_in
            counted = {name: bound[name] for name in bound if () not in paths_in(name)}
        levels = levels_of([*counted.values()]) if self._counts_whole else None
        if levels is None:
            return None, (counted, None, b"")
        # It takes a fraction of the time that the identity takes. Later versions write
        # other bytes for texts that are interned.
        key = xxh3_128_digest(marshal.dumps(counted, 2))
        player = self.players.get(key) if self.has_players else None
        return player, (counted, levels, key)

    def _look_again(self) -> None:
        """Look at what decides on its calls: this is asked at none of them."""
        run = self.run
        generation = run.generation
        if self._generation < run.forgotten_at:
            self.players.clear()
        self.has_players = (
            self.is_shared
            and run.mode in ("replay", "record")
            and run.settings.report is None
            and run.see_call is None
            and not self.mocks.reached_by(self.target, {})
            # A former line has had `sequence`.
            and not run.has_own(self.target, run.innermost)
        )
        # Last: other threads go on to look until all is known.
        self._generation = generation


class FunctionCall(Call):
    """One call of a mimicked function.

    Args:
        plan: How the function is mimicked.
        bound: The arguments by name.
        counted: Those that are not left out as a whole, and what is known of them.

    Attributes:
        identity: The digest of the call.
        is_plain: Whether its arguments are plain data, and are not opened for it.
        opened: What of the arguments may have classes of the project: no plain ones.
        named_files: The files that its arguments have named before it.

    Raises:
        UnstableIdentityError: A part of the arguments has no identity, or all tests
            would share an outcome of what a test has replaced.
    """

    is_function = True

    def __init__(
        self, plan: FunctionPlan, bound: dict[str, object], counted: Counted
    ) -> None:
        __tracebackhide__ = True  # An error of `key=` is the user's.
        target, options = plan.target, plan.line.options
        super().__init__(target, options, in_log=plan.is_in_log)
        self.plan = plan
        self._bound = bound
        self._counted, levels, key = counted
        starts = plan.run.folders.starts
        identity = plain_identity(target, self._counted, levels, starts)
        self.is_plain = identity is not None
        self.identity = identity or identity_of(target, self.tree)
        self._key = key if self.is_plain else self.identity
        self.opened: Node = {} if self.is_plain else self.tree
        if plan.is_shared:
            plan.refuse_replaced(plan.mocks.reached_by(target, self.opened))

    @cached_property
    def folders(self) -> Folders:
        """The paths that its arguments name, and the parts that have names."""
        return self.plan.run.folders.of_call()

    @cached_property
    def tree(self) -> Node:
        """What of the arguments counts, before the call."""
        __tracebackhide__ = True
        if not self.is_plain:
            return self._tree_now()
        # They are a tree as they stand; the call may change them.
        copied: Node = marshal.loads(marshal.dumps(self._counted, 2))
        return copied

    def _tree_now(self) -> Node:
        """Give what of the arguments counts, without the states of what may change."""
        __tracebackhide__ = True
        plan, folders = self.plan, self.folders
        changing = folders.part_names
        if plan.rules.key and changing:
            return {}  # What it takes of them, it takes of what changes.
        bound = {
            name: value
            for name, value in self._bound.items()
            if id(value) not in changing
        }
        copies = plan.run.copies
        return arguments_of(plan.own_line, bound, plan.rules, folders, copies)

    @cached_property
    def shown(self) -> tuple[Tree, tuple[str, ...]]:
        """The tree without the values of secrets, and the paths of the secrets."""
        return self.plan.run.secrecy.without_secrets(self.tree)

    @cached_property
    def described(self) -> Tree:  # type: ignore[override] # made when asked for
        tree: Tree = deeply(lambda: cut(self.shown[0]))
        return tree

    def label(self) -> str:
        """Return the call as messages name it."""
        from pytest_mimic.values.labels import call_label  # a replay names no call

        plan = self.plan
        return call_label(plan.target, plan.run.secrecy.masked(self.tree))

    def whole(self) -> Tree:
        return self.shown[0]

    @property
    def asked(self) -> Tree:
        return self.tree

    @cached_property
    def reached(self) -> Reached:
        """What its code and the classes of its arguments reach."""
        return self.plan.inputs.reached_by(self.target, self.opened)

    def is_renamed(self, entry: Entry) -> bool:
        name, own = (re.split("[.:]", one)[-1] for one in (entry.target, self.target))
        if name == own:
            return True
        function = innermost(self.plan.function)
        if function is None:
            return False
        return entry.source == source_of_code(function.__code__, name)

    def identity_before(self, names: Collection[str]) -> str:
        __tracebackhide__ = True
        if self.plan.rules.key:
            return ""
        tree = self.tree
        new = tree.keys() - names
        is_more = bool(new) and tree.keys() >= set(names)
        if not (is_more and all(map(self._has_default, new))):
            return ""
        return identity_of(
            self.target, {one: tree[one] for one in tree if one in names}
        )

    def _has_default(self, argument: str) -> bool:
        """Whether an argument is what its function takes where it is left out."""
        plan = self.plan
        binder = plan.binder
        if argument == binder.rest:
            return not self._bound[argument]
        if argument not in binder.defaults:
            return False
        alone = {argument: binder.defaults[argument]}
        copies = plan.run.copies
        default = arguments_of(plan.own_line, alone, plan.rules, self.folders, copies)
        asked = {argument: self.tree[argument]}
        return identity_of(self.target, default) == identity_of(self.target, asked)

    def new_arguments(self, entry: Entry) -> list[str]:
        if entry.identity == self.identity or entry.line != self.line:
            return []
        kept = entry.arguments
        return [one for one in self.tree if one not in kept] if kept is not None else []

    def stale_parts(self, entry: Entry) -> list[str]:
        """Say what makes a recording stale: the target itself, or what it reached.

        Raises:
            UnstableIdentityError: A test mocks a client that the real call has asked.
        """
        plan, settings = self.plan, self.plan.run.settings
        if entry.asked:
            plan.refuse_replaced(plan.mocks.replaced_of(entry.asked))
        new = self.new_arguments(entry)
        if new:
            return new
        if settings.source == "strict" and plan.is_of_other_source(entry):
            return [plan.target]
        return self.changed_inputs(entry) if settings.inputs == "strict" else []

    def changed_inputs(self, entry: Entry) -> list[str]:
        """Return what has changed that a recorded call reached or read.

        A call that keeps no list is one that reached nothing.

        Raises:
            CorruptRecordingError: The list is damaged, and decides.
        """
        plan, inputs = self.plan, self.plan.inputs
        if not entry.inputs:
            return inputs.named(self.reached) if plan.source else []
        try:
            return inputs.changed(entry.inputs)
        except MimicError as error:
            if plan.run.settings.inputs == "strict" and plan.run.mode != "record":
                raise
            return [error.what]  # a run that records makes the list anew

    def warn_of_inputs(self, entry: Entry) -> None:
        """Let the summary say what has changed that a replayed call reached or read."""
        run = self.plan.run
        if run.settings.inputs != "warn":
            return
        for name in self.changed_inputs(entry):
            run.add_event(
                "inputs changed", self.target, cause=name, identity=entry.identity
            )

    def accept(self, entry: Entry, place: Place) -> None:
        """Let the end of the run take today's source and inputs for a replayed call.

        Raises:
            CorruptRecordingError: The list of what it reached is damaged.
        """
        plan, facts = self.plan, dict[str, Json]()
        new = self.new_arguments(entry)
        if new:
            shown: Any = self.shown[0]
            facts["now"] = self.identity
            facts["arguments"] = {name: shown[name] for name in new}
        if plan.is_of_other_source(entry):
            facts["source"] = plan.source
        keeps_inputs = bool(plan.source) and plan.run.settings.inputs != "ignore"
        if keeps_inputs and not plan.inputs.is_as_today(entry.inputs, self.reached):
            listed = plan.inputs.renewed(entry.inputs, self.reached)
            facts["inputs"] = listed.decode()
        if facts:
            place.told.add("accepted", entry, self.target, cause=self.target, **facts)

    # -- what all tests share is replayed by players

    def player(self) -> Player | None:
        """Return what answers the call if it was recorded as a value that all share.

        It is made at the first call, and answers equal ones from then on.
        """
        plan, run = self.plan, self.plan.run
        if not plan.has_players:
            return None
        found = plan.players.get(self._key)
        if found is not None:
            return found
        # Plain arguments name no folder.
        folders = run.folders if self.is_plain else self.folders
        # Of an equal call in other temporary folders the paths are others.
        if folders.named:
            return None
        try:
            name, entry = self.shared_answer = run.shared.find(self)
            if entry is None or "value" not in entry.body or self.stale_parts(entry):
                return None
        except MimicError:
            return None  # Whoever takes the place of the call refuses it.
        # It is to be a plain value, and recorded as the call is made now.
        if entry.layers != plan.layers or entry.after or entry.end:
            return None
        self.warn_of_inputs(entry)
        make = copies_of(
            entry.body["value"],
            run.vault,
            folders,
            forbid=run.settings.forbids_pickles,
            load_imports=plan.load_imports,
        )
        is_lent = run.mode == "record" and run.shared.is_of_this_run(name)
        found = Player(plan, make, name, entry, is_lent=is_lent)
        plan.players[self._key] = found
        return found

    # -- what the call does to its arguments

    @cached_property
    def states(self) -> States:
        """What the call may change of its arguments."""
        from pytest_mimic.values.states import States, is_moved  # few replays need it

        rules = self.plan.rules
        mutates = self.options.mutates
        changing = {
            name: value
            for name, value in self._counted.items()
            if is_moved(value)
            or (mutates and not rules.names(name).isdisjoint(mutates))
        }
        return States(changing, rules.paths_in, self.folders)

    def watch(self) -> None:
        """Note what the call may not change, and what it may."""
        rules, unmet, events = self.plan.rules, self.plan.unmet, self.plan.run.events
        if unmet:
            left: Collection[Path] = ()
            with suppress(Exception):  # What is left out may be what fails.
                left = paths_to_nothing(self._bound, rules, unmet, self.folders)
            for path in unmet.keys() - left:
                events.take_back(unmet.pop(path))
        self._tree_before = self.tree
        self._stamps = stamps_of(self._counted)
        self.named_files = {path for path, facts in self._stamps.values() if facts}
        self.states.note_states()
        self.folders = self.states.folders
        if self.folders.named_parts:
            self._tree_before = self._tree_now()

    def refuse_changes(self, *, is_stream: bool) -> None:
        """Refuse that the call has changed what it may not.

        Args:
            is_stream: Whether it has given a stream.

        Raises:
            MutatedInputError: It has changed an argument, or a file that one names.
        """
        plan = self.plan
        files = self.folders.changed_files(self._stamps)
        if self.is_plain and not files:
            with suppress(ValueError):  # An argument may hold an object now.
                if xxh3_128_digest(marshal.dumps(self._counted, 2)) == self._key:
                    return
        tree, before = self._tree_now(), self._tree_before
        if files or identity_of(plan.target, before) != identity_of(plan.target, tree):
            from pytest_mimic.functions.mutations import mutation  # only errors need it
            from pytest_mimic.values.states import States

            held = States(self._counted, plan.rules.paths_in, self.folders)
            is_fixed = None if plan.rules.key else held.is_fixed
            raise mutation(
                plan.own_line, before, tree, files, is_fixed, is_stream=is_stream
            )
