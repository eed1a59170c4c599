"""A call, what runs inside of it, and the plan that says how a target is mimicked: a function here, a client in client_plan.py."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from json import dumps
from threading import current_thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.identity.source import source_in_project
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.target_options import kept_options
from pytest_mimic._core.targets.binding import Bound, compile_binder
from pytest_mimic._core.types.kinds import Unstable
from pytest_mimic._core.vault.format import recording_name
from pytest_mimic._core.words import lazy_attribute

if TYPE_CHECKING:
    from pytest_mimic._core.engine.ledger import Replayed
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.identity.kept_parts import Parts
    from pytest_mimic._core.inputs.reached_and_read import Trace
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.seam.base import ClientCall
    from pytest_mimic._core.target_options import Options

#: Instead of a value: any other may have been recorded.
NOT_PLAYED: Any = object()


class Plan:
    """How one activation mimics a target."""

    kind = "function"  # or the name under which the client's calls are recorded
    client = ""  # the name of the client in its line
    adapter: Any = None  # the `Adapter` of a client
    source: str | None = (
        None  # the fingerprint of the function's source, if that counts
    )
    trace: Callable[..., Trace] | None = (
        None  # notes what a real call of a function reaches
    )
    # Whether the options are no line's: a marker, a fixture or `mimic` has them.
    is_of_python = False
    # The name by which a line names a function that is defined elsewhere.
    exported_as = ""
    keeps_state = False  # see `Adapter.keeps_state`
    imported_key: Callable[[ClientCall, str], str]  # of a client
    described: Callable[[Call], dict[str, Any]]
    kept_parts: Callable[[Call], Parts | None]
    # Returns the identity of a call under other options.
    key_under: Callable[[Call, Options], str]

    def __init__(
        self, state: Any, target: str, options: Options, cassette: Any
    ) -> None:
        self.state = state
        self.places: Places = state.places
        self.target = target  # the function's `module:name`, or the kind of the client
        self.options = options
        # The `CassetteTrack` that takes the calls, if a block is open.
        self.cassette = cassette

    @lazy_attribute
    def folder(self) -> str:
        """The folder of the target's recordings.

        Those of calls without an owner are named by their identities.
        """
        return recording_name(self.target, "").rpartition("/")[0]

    @lazy_attribute
    def kept_options(self) -> dict[str, Any]:
        """The options as the target's recordings keep them.

        `python` says that no line of the configuration has them, and `line` what the
        line names, if that is another name of the function.
        """
        kept = kept_options(self.options)
        if self.is_of_python:
            kept["python"] = True
        if self.exported_as:
            kept["line"] = self.exported_as
        return kept

    @lazy_attribute
    def paths(self) -> PathStore:
        """The store of the paths in outcomes, where there is no temporary folder."""
        from pytest_mimic._core.outcome.placed_paths import PathStore

        return PathStore(self.places)

    def failure(self, outcome: Outcome) -> str | None:
        """Return the error that an outcome is, None if it is a good one.

        `raised TimeoutError`, `gave 503`.
        """
        if outcome.error is not None:
            return f"raised {type(outcome.error).__name__}"
        return None if self.adapter is None else self.adapter.failure(outcome.content)

    def secrets(self, call: Call) -> frozenset[str]:
        """Return the secret values among the arguments of a function, which no message may show."""
        from pytest_mimic._core.tree.secrets import secrets_in

        return secrets_in(named(call), self.state.redactor)


class Call:
    """One invocation of a target, bound and identified: what was asked."""

    # When it began, on the clock of the run. Only a run whose calls are shown notes it.
    began: float = 0.0

    def __init__(
        self,
        plan: Plan,
        key: str,  # the identity, in 32 hex digits
        signature: str,  # `VERB resource`; for a function its target
        *,
        sequence: bool,  # whether the n-th identical call gets the n-th outcome
        names: tuple[str, ...] = (),  # the parameters of a function, with their stars
        values: tuple[
            object, ...
        ] = (),  # the bound arguments, in the order of the parameters
        identity: CallIdentity | None = None,  # of the calls of the function
        edge_call: Any = None,  # the `ClientCall` that the edge of a client has begun
    ) -> None:
        self.plan: Plan = plan
        self.key: str = key
        self.signature: str = signature
        self.sequence: bool = sequence
        self.names: tuple[str, ...] = names
        self.values: tuple[object, ...] = values
        self.identity: CallIdentity | None = identity
        self.edge_call: Any = edge_call
        # Whether the call is part of the conversation of its test with a service.
        self.converses: bool = sequence and edge_call is not None
        # Its number among the calls of its owner, from 1, once it has taken its place; 0
        # without a place among them.
        self.number = 0
        self.is_shared = (
            edge_call is not None and edge_call.shared
        )  # a client made it for itself
        # What its answer issues secrets as: an `Issuer` while a client's call may run.
        self.issuer: Any = None
        # The host that patterns are matched against.
        self.host: str | None = None if edge_call is None else edge_call.host

    @property
    def paths(self) -> PathStore:
        """A store of the paths in the outcome.

        The call does not keep it: as a cycle, they would keep the arguments alive.
        """
        if not self.plan.places.marks:
            return self.plan.paths
        from pytest_mimic._core.outcome.placed_paths import PathStore

        folders = (
            None
            if self.identity is None
            else partial(self.identity.folders, self.values)
        )
        return PathStore(self.plan.places, folders or tuple)

    @lazy_attribute
    def arguments(self) -> dict[str, Any]:
        """The structured, redacted description of the arguments.

        It is kept, because the call may change them.
        """
        return self.plan.described(self)

    @lazy_attribute
    def described_text(self) -> str:
        """The JSON of the description, to search in."""
        return dumps(self.arguments, ensure_ascii=False, default=repr)

    @lazy_attribute
    def parts(self) -> Parts | None:
        """What is kept of the parts of the call, see `kept_parts`.

        It is kept, because the call may change them.
        """
        return self.plan.kept_parts(self)

    @lazy_attribute
    def secrets(self) -> Any:
        """The `CallSecrets` that a client's request shares with its answer, if any."""
        return self.edge_call.secrets and self.edge_call.secrets()

    @property
    def label(self) -> str:
        """The call in one line, as messages show it."""
        from pytest_mimic._core.tree.call_labels import call_label

        if self.edge_call is not None:
            return f"{self.plan.kind} {self.signature}"
        return call_label(self.plan.target, self.arguments)

    @property
    def listed(self) -> str:
        """The call in one line of a list, where it is told from calls with its label."""
        from pytest_mimic._core.tree.call_labels import told_apart

        if self.edge_call is None:
            return self.label
        return f"{self.label}{told_apart(self.arguments)}"


def named(call: Call, without: Collection[str] = ()) -> dict[str, Any]:
    """Return the arguments by name, without some: those in `**extra` by their own, an empty `*rest` left out."""
    found: dict[str, Any] = {}
    value: Any
    for name, value in zip(call.names, call.values, strict=True):
        if name.lstrip("*") in without:
            continue
        if name.startswith("**"):
            found |= {key: one for key, one in value.items() if key not in without}
        elif not name.startswith("*") or value:
            found[name] = value
    return found


class Inside:
    """The real call that the current thread or task is part of.

    While a call is active, nothing in it is mimicked.

    Attributes:
        hear: Learns what other processes have done, in one that was forked: its parent
            may have ended the call.
    """

    def __init__(self) -> None:
        self.hear: Callable[[], None] | None = None
        self._variable: ContextVar[Any] = ContextVar(
            "pytest_mimic_inside", default=None
        )

    def call(self) -> Any:
        """Return the call, which may have ended; None outside of calls."""
        return self._variable.get() or getattr(current_thread(), "_mimic_inside", None)

    @property
    def is_nested(self) -> bool:
        """Whether the code of now is part of a call that has not ended."""
        outer = self._variable.get() or getattr(current_thread(), "_mimic_inside", None)
        if outer is None or not outer.active:
            return False
        if self.hear is not None:
            self.hear()
        return bool(outer.active)

    @contextmanager
    def entered(self, call: object, running: set[Any] | None = None) -> Iterator[None]:
        """Mark the code that runs in this block, and in threads that it starts, as part of a call, one of those `running`."""
        token = self._variable.set(call)
        if running is not None:
            running.add(call)
        try:
            yield
        finally:
            if running is not None:
                running.discard(call)
            with suppress(
                ValueError
            ):  # a coroutine may be closed in another context than it was awaited in
                self._variable.reset(token)

    def starting(
        self, start: Callable[[Any], None], _port: object = None
    ) -> Callable[[Any], None]:
        """Return `Thread.start` for threads that belong to the call that starts them."""

        @wraps(start)
        def started(thread: Any) -> None:
            if self.is_nested:
                thread._mimic_inside = self.call()
            start(thread)

        return started

    def submitting(
        self, submit: Callable[..., Any], _port: object = None
    ) -> Callable[..., Any]:
        """Return `ThreadPoolExecutor.submit` for tasks that belong to the call that submits them."""

        @wraps(submit)
        def submitted(pool: object, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            if not self.is_nested:
                return submit(pool, function, *args, **kwargs)
            # Since Python 3.14, a pool may pickle its tasks for other interpreters, in
            # which nothing is mimicked.
            if all(
                base.__module__ != "concurrent.futures.interpreter"
                for base in type(pool).__mro__
            ):
                function = self.entered(self.call())(function)
            # A thread that the pool starts now serves other callers later.
            with self.entered(SimpleNamespace(active=False)):
                return submit(pool, function, *args, **kwargs)

        return submitted


class FunctionPlan(Plan):
    """A function as one activation mimics it."""

    def __init__(
        self,
        state: Any,
        target: str,
        function: Callable[..., Any],
        options: Options,
        cassette: Any = None,
    ) -> None:
        super().__init__(state, target, options, cassette)
        self.function = function
        # For each identity seen so far, a function, its argument, of which it makes a
        # fresh value, and the replay to note. None: the recording is more than a value,
        # or there is none. It is not read for this again.
        self.players: dict[str, tuple[Callable[[Any], Any], Any, Replayed] | None] = {}
        self.note_replay = state.ledger.replays.append
        self.running = state.running  # a call may be nested while there is one
        # Whether they answer. The shortest way knows neither the position of a call nor
        # its arguments, which a log shows.
        is_plain = not options.sequence and cassette is None and state.log is None
        self.plays = state.settings.mode is Mode.REPLAY and is_plain

    @lazy_attribute
    def source(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The fingerprint of the function's normalised source; None for one outside of the project."""
        return source_in_project(
            self.function, self.target.partition(":")[0], self.state.settings.rootdir
        )

    @lazy_attribute
    def trace(self) -> Callable[..., Trace] | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        settings = self.state.settings
        if settings.inputs == "ignore" or settings.mode is Mode.VERIFY:
            return None
        from pytest_mimic._core.inputs.reached_and_read import Trace

        return partial(Trace, self.state.sources, self.target)

    @lazy_attribute
    def is_async(self) -> bool:
        """Whether the function says that what it returns is awaited, so that no recording has to."""
        return iscoroutinefunction(self.function) or isasyncgenfunction(self.function)

    bound: lazy_attribute[Bound] = lazy_attribute(
        lambda self: compile_binder(self.function)
    )
    identity: lazy_attribute[CallIdentity] = lazy_attribute(
        lambda self: self._identity_of(self.bound)
    )
    # Bind a call's arguments in the order of the parameters, and give the identity of
    # those: the shortest way of a replay looks these up at each call.
    bind: lazy_attribute[Callable[..., tuple[object, ...]]] = lazy_attribute(
        lambda self: self.bound.bind
    )
    key_of: lazy_attribute[Callable[..., str]] = lazy_attribute(
        lambda self: self.identity.key
    )

    def _identity_of(self, bound: Bound) -> CallIdentity:
        options = self.options
        return CallIdentity(
            self.target,
            bound.names,
            defaults=bound.defaults,
            ignore=options.ignore,
            key=options.key,
            content=options.content,
            places=self.places,
            note_path=self._note_path,
        )

    def _note_path(self, path: str, is_met: bool) -> None:
        """Note a path of `ignore=`, and whether it has met something in a call."""
        ledger = self.state.ledger
        seen = ledger.met_paths if is_met else ledger.ignored_paths
        seen.add(f"{self.target} ignore={path}")

    def call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """Return a call with these arguments.

        TypeError: they do not fit; UnstableIdentityError: one has no stable identity.
        """
        bound, identity = self.bound, self.identity
        try:
            values = self.bind(*args, **kwargs)
        except TypeError:
            # `functools.wraps` shows the signature of the function inside; the
            # decorator may take more.
            if not hasattr(self.function, "__wrapped__"):
                raise
            values = args, kwargs
            bound = Bound(("*args", "**kwargs"), (), self.bind)
            identity = self._identity_of(bound)
        try:
            key = identity.key(values)
        except Unstable as unstable:
            from pytest_mimic._core.identity.rules import refusal

            raise self.state.pending.note(
                refusal(unstable, self.target, self.options)
            ) from None
        sequence = bool(self.options.sequence)
        return Call(
            self,
            key,
            self.target,
            sequence=sequence,
            names=bound.names,
            values=values,
            identity=identity,
        )

    def play_first(self, key: str) -> Any:
        """Return the value for an identity that is called for the first time.

        `NOT_PLAYED`: there is no recording, or more to it than a value.
        `decisions.decide` handles that.
        """
        name = f"{self.folder}/{key}.json"
        state = self.state
        found = state.vault.read_player(name)
        if found is not None:
            source, duration, inputs, (again, kept, value) = found
            is_stale = source != self.source and state.is_stale(self, source)
            if not is_stale and (inputs is None or not state.stale_inputs(inputs)):
                replay = duration, name, inputs, self.target
                state.ledger.used.add(name)
                self.players[key] = again, kept, replay
                value = again(kept) if value is ... else value
                self.note_replay(replay)
                return value
        # Only the engine may say so: it knows the nearest recording, and whether the
        # mode runs the call.
        self.players[key] = None
        return NOT_PLAYED

    def described(self, call: Call) -> dict[str, Any]:
        """Return the description of the arguments that messages show and that is stored beside the recording."""
        from pytest_mimic._core.tree.making import described_arguments

        options = self.options
        shown = named(call, options.ignore)
        if options.key is not None:  # it stands for the arguments
            key: Any = options.key(dict(zip(call.names, call.values)))
            shown = (
                key
                if type(key) is dict and all(type(name) is str for name in key)
                else {"key": key}
            )
        elif options.content:
            from pytest_mimic._core.identity.paths import with_contents

            for name in shown.keys() & options.content:
                shown[name] = with_contents(shown[name], self.places)
        redactor = self.state.redactor
        described = described_arguments(shown, redactor, places=self.places)
        return (
            redactor.environment.scrub(described)
            if redactor.environment.forms
            else described
        )

    def kept_parts(self, call: Call) -> Parts | None:
        """Return what a recording keeps of the arguments."""
        from pytest_mimic._core.identity.kept_parts import function_parts

        if call.identity is None:
            return None
        hides = partial(self._hides, call)
        described = call.arguments
        return function_parts(
            call.identity, call.key, call.values, described, hides=hides
        )

    def _hides(self, call: Call) -> bool:
        """Return whether a secret is among the arguments of a call."""
        environment = self.state.redactor.environment
        if environment.forms and environment.names_in(repr(call.arguments)):
            return True
        return bool(self.secrets(call))

    def key_under(self, call: Call, options: Options) -> str:
        """Return the identity that a call has under other options."""
        identity = CallIdentity(
            self.target,
            call.names,
            defaults=self.bound.defaults,
            ignore=options.ignore,
            content=options.content,
            places=self.places,
        )
        return identity.key(call.values)
