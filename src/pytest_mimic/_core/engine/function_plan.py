"""How one activation mimics a function, and the quick replay of its plain values.

Here is also what all plans share; that of a client is in `client_plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pytest_mimic._core.engine.decisions import Facts, Replay, decide
from pytest_mimic._core.identity.binding import Binding, compile_binder
from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.identity.source import source_in_project
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.target_options import kept_options
from pytest_mimic._core.vault.format import recording_folder
from pytest_mimic._core.words import lazy_attribute

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Replayed
    from pytest_mimic._core.engine.description_layer import Descriptions
    from pytest_mimic._core.engine.owners import Owner, Track
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.identity.call_identity import Forms
    from pytest_mimic._core.identity.kept_parts import KeptParts
    from pytest_mimic._core.inputs.input_trace import InputTrace
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.seam.base import Adapter, ClientCall
    from pytest_mimic._core.target_options import Options
    from pytest_mimic._core.vault.recording_facts import Recording

    # Only types need it: a replay starts without it.

    class Cassette(Track, Protocol):
        """The cassette that takes the calls of a plan: a `CassetteTrack`."""

        run_mode: Mode
        block_owner: Owner
        remedies: Sequence[str] | None

        def holds(self, call: Any, /) -> bool:
            """Return whether a call equal to this one is in the cassette."""
            ...

        def recorded_calls(self) -> list[Recording]:
            """Return the calls that have an outcome, in order."""
            ...

    class BoundCall(Protocol):
        """A call, as its plan describes and identifies it.

        The attributes are those of `Call`, for which this stands in annotations of
        plans.
        """

        key: str
        parameters: tuple[str, ...]
        bound_values: tuple[object, ...]
        identity: CallIdentity | None
        forms: Forms | None

        @lazy_attribute
        def arguments(self) -> dict[str, Any]:
            """What `Plan.described` has returned for the call."""
            ...

        @lazy_attribute
        def described_text(self) -> str:
            """The JSON of the description, to search in."""
            ...

        def named(self, without: Collection[str] = (), /) -> dict[str, object]:
            """Return the arguments by name, without some."""
            ...


@cache
def descriptions() -> type[Descriptions]:
    """Return what describes calls: the door to that part of the record layer.

    A replay needs none of it.
    """
    from pytest_mimic._core.engine.description_layer import Descriptions

    return Descriptions


#: The result of the quick way of a replay for a call that it cannot replay. Any other
#: object may be a recorded value.
NOT_PLAYED: object = object()


class Plan:
    """How one activation mimics a target.

    Attributes:
        kind: `function`, or the name under which the client's calls are recorded.
        client: The name of the client in its line; empty: the target is a function.
        adapter: The adapter of a client. None: the target is a function.
        target: The function's `module:name`, or the kind of the client.
        cassette: The cassette that takes the calls, if a block is open.
        source: The fingerprint of the function's source, if that counts.
        trace: Makes what notes what a real call of a function reaches. None: nothing is
            noted of it.
        is_of_python: Whether no line of the configuration has the options, but a
            marker, a fixture or `mimic`. `rekey` does not see them.
        exported_as: The name by which a line names a function that is defined
            elsewhere.
        name_in_line: The name in the line that takes the function, such as
            `shop:Cart.*`; empty: it was given as a function.
        keeps_state: See `Adapter.keeps_state`.
        imported_key: Returns the identity that a client's call has in an import.
        described: Returns the description of a call's arguments.
        kept_parts: Returns what a recording keeps of a call's arguments.
        key_under: Returns the identity of a call under other options.
    """

    kind: str = "function"
    client: str = ""
    adapter: Adapter | None = None
    source: str | None = None
    trace: Callable[..., InputTrace] | None = None
    is_of_python: bool = False
    exported_as: str = ""
    name_in_line: str = ""
    keeps_state: bool = False
    imported_key: Callable[[ClientCall | None, str], str]
    described: Callable[[Any], dict[str, Any]]
    kept_parts: Callable[[Any], KeptParts | None]
    key_under: Callable[[Any, Options], str]

    def __init__(
        self,
        run: Run,
        target: str,
        options: Options,
        cassette: Cassette | None,
    ) -> None:
        self.run: Run = run
        self.places: Places = run.places
        self.target: str = target
        self.options: Options = options
        self.cassette: Cassette | None = cassette

    @lazy_attribute
    def folder(self) -> str:
        """The folder of the target's recordings.

        A recording without an owner is named there by the identity of its call.
        """
        return recording_folder(self.target)

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
        """The store of the paths in outcomes, if no folder of the run is temporary."""
        return self.run.vault.reader.path_store(self.places)

    def has_other_source(self, source: str | None) -> bool:
        """Check whether a recording was made from another source of the target.

        With `mimic_source = ignore`, none was.
        """
        return (
            source is not None
            and self.run.settings.source != "ignore"
            and self.source not in (source, None)
        )

    def is_stale(self, source: str | None, inputs: str | None) -> bool:
        """Check whether a replay must not use a recording any more.

        Args:
            source: The fingerprint of the source that it was made from; None: it is of
                no function of the project.
            inputs: The list of what its call reached and read. With `mimic_inputs =
                strict`, that counts as well. None: the recording has no such list.
        """
        if source is None:
            return False
        if source != self.source and self.has_other_source(source):
            return True
        return inputs is not None and bool(self.run.stale_inputs(inputs))

    def is_outdated(self, recording: Recording) -> bool:
        """Check whether `--mimic-record` replaces a recording of one outcome.

        It does if the outcome is stale, or a class or the Python version has changed.
        """
        stored_outcome = recording.stored
        return (
            self.has_other_source(recording.source)
            or bool(self.run.stale_inputs(stored_outcome.entry.get("inputs")))
            or stored_outcome.is_outdated
        )

    def failure(self, outcome: Outcome) -> str | None:
        """Return the error that an outcome is, None if it is a good one.

        `raised TimeoutError`; of a client also `gave 503`. A failed test keeps no such
        outcome, and of a passed one the summary lists it.
        """
        if outcome.error is None:
            return None
        return f"raised {type(outcome.error).__name__}"

    def secrets(self, call: BoundCall) -> frozenset[str]:
        """Return the secret values among the arguments of a function.

        Messages and descriptions of its outcome hide them.
        """
        return descriptions().secrets_in(call.named(), self.run.redactor)


Player: TypeAlias = "tuple[Callable[[Any], object], object, Replayed]"
"""Gives the value of a recorded call again and again, without a look at its file.

The first replay of a call hands it out where the decision to replay lasts (see
`decisions`), and its wrapper keeps it. There is none for a call of which more than a
value is recorded. No player answers while `FunctionPlan.running` holds something: a
real call, in a forked process the fork, or a thread whose test has ended.

Its items are what makes a fresh value, what that makes the value of, and the replay to
note in the account. There is no class, which each run would have to make.
"""


class FunctionPlan(Plan):
    """A function as one activation mimics it.

    Attributes:
        function: The original.
        players: The player of each identity that was called so far. None: the call has
            none, and its recording is not read for that again.
        plays: Whether players answer: the decision to replay lasts.
        running: The real calls of now. A call may be nested in one of them, so that no
            player answers while there is one.
        note_replay: Enters a replay into the account.
    """

    def __init__(
        self,
        run: Run,
        target: str,
        function: Callable[..., object],
        options: Options,
        cassette: Cassette | None = None,
    ) -> None:
        super().__init__(run, target, options, cassette)
        self.function: Callable[..., object] = function
        self.players: dict[str, Player | None] = {}
        self.note_replay: Callable[[Replayed], None] = run.account.replays.append
        self.running: set[object] = run.real_calls.running
        self.plays: bool = self._may_play()

    def _may_play(self) -> bool:
        """Return whether a good recording is replayed to all calls of its identity.

        Then players answer, without a decision about each call.
        """
        has_places = bool(self.options.sequence)
        is_logged = self.run.account.log is not None
        by_identity = not has_places and self.cassette is None and not is_logged
        mode = self.run.settings.mode
        decision = decide(Facts(mode, "good", by_identity=by_identity))
        return isinstance(decision, Replay) and decision.lasts

    @lazy_attribute
    def source(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The fingerprint of the function's normalised source.

        None: it is outside of the project.
        """
        return source_in_project(
            self.function, self.target.partition(":")[0], self.run.settings.rootdir
        )

    @lazy_attribute
    def trace(self) -> Callable[..., InputTrace] | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What makes the trace of a recorded call.

        None: inputs do not count, or the call is only compared.
        """
        settings = self.run.settings
        if settings.inputs == "ignore" or settings.mode is Mode.VERIFY:
            return None
        return partial(descriptions().InputTrace, self.run.inputs.sources, self.target)

    @lazy_attribute
    def is_async(self) -> bool:
        """Whether the function says that what it returns is awaited.

        Then no recording has to.
        """
        return iscoroutinefunction(self.function) or isasyncgenfunction(self.function)

    @lazy_attribute
    def binding(self) -> Binding:
        """What binds the arguments of a call to the parameters."""
        return compile_binder(self.function)

    @lazy_attribute
    def identity(self) -> CallIdentity:
        """What computes the identities of calls from their bound arguments."""
        return self.identity_of(self.binding)

    # The shortest way of a replay looks these two up at each call.

    @lazy_attribute
    def bind(self) -> Callable[..., tuple[object, ...]]:
        """Binds a call's arguments in the order of the parameters."""
        return self.binding.bind

    @lazy_attribute
    def key_of(self) -> Callable[[tuple[object, ...]], str]:
        """Gives the identity of bound arguments."""
        return self.identity.key

    def identity_of(self, binding: Binding) -> CallIdentity:
        """Return what identifies calls whose arguments are bound in a way."""
        options = self.options
        return CallIdentity(
            self.target,
            binding.names,
            defaults=binding.defaults,
            ignore=options.ignore,
            key=options.key,
            content=options.content,
            places=self.places,
            note_path=self._note_path,
        )

    def _note_path(self, path: str, is_met: bool) -> None:
        """Note a path of `ignore=`, and whether it has met something in a call."""
        option = f"{self.name_in_line or self.target} ignore={path}"
        if is_met:
            self.run.account.met_paths.add(option)
        else:
            self.run.account.ignored_paths.add(option)

    def play_first(self, key: str) -> object:
        """Return the value for an identity that is called for the first time.

        A good recording of a value has a player from now on, because what `decide`
        says of it lasts. What is missing, stale or more than a value is decided about
        call by call: then this returns `NOT_PLAYED`.
        """
        name = f"{self.folder}/{key}.json"
        recorded = self.run.vault.read_value(name)
        if recorded is None or self.is_stale(recorded.source, recorded.inputs):
            self.players[key] = None
            return NOT_PLAYED
        self.run.account.used.add(name)
        replay = recorded.seconds, name, recorded.inputs, self.target
        self.players[key] = recorded.make, recorded.kept, replay
        value = recorded.first
        if value is ...:
            # The value is made for each call, also for the first one.
            value = recorded.make(recorded.kept)
        self.note_replay(replay)
        return value

    def described(self, call: BoundCall) -> dict[str, Any]:
        """Return the description of the arguments that count.

        Messages show it, and it is stored beside the recording. A run identifies no
        call by it.
        """
        layer = descriptions()
        options = self.options
        shown = call.named(options.ignore)
        if options.key is not None:
            # What `key=` returns stands for the arguments.
            key: Any = options.key(dict(zip(call.parameters, call.bound_values)))
            has_names = type(key) is dict and all(type(name) is str for name in key)
            shown = key if has_names else {"key": key}
        elif options.content:
            # The content of a file that an argument names stands beside its path.
            for name in shown.keys() & options.content:
                shown[name] = layer.with_contents(shown[name], self.places)
        redactor = self.run.redactor
        described = layer.described_arguments(shown, redactor, places=self.places)
        if redactor.environment.forms:
            described = redactor.environment.scrub(described)
        return described

    def kept_parts(self, call: BoundCall) -> KeptParts | None:
        """Return what a recording keeps of the arguments.

        By them, `rekey` identifies the call under another line. None: the identity is
        made of more than forms, see `Call.forms`.
        """
        if call.identity is None or call.forms is None:
            return None
        hides = partial(self._hides, call)
        described = call.arguments
        return descriptions().function_parts(
            call.identity, call.forms, call.bound_values, described, hides=hides
        )

    def _hides(self, call: BoundCall, whole_values: Sequence[object]) -> bool:
        """Return whether a secret is among the arguments of a call.

        Then no digest of them is kept, from which it might be guessed.

        Args:
            call: The call.
            whole_values: The arguments whose texts are searched whole, also beyond what
                the description shows of them.
        """
        redactor = self.run.redactor
        environment = redactor.environment
        if environment.forms and environment.names_in(repr(call.arguments)):
            return True
        if self.secrets(call):
            return True
        has_secret_text = descriptions().has_secret_text
        return has_secret_text(call.described_text, whole_values, redactor)

    def key_under(self, call: BoundCall, options: Options) -> str:
        """Return the identity that a call has under other options, without `key=`.

        A miss asks it, to find what the call has recorded before its line changed. It
        is asked, too, where a recording was found that has other options: it may be
        that of another call.
        """
        identity = CallIdentity(
            self.target,
            call.parameters,
            defaults=self.binding.defaults,
            ignore=options.ignore,
            content=options.content,
            places=self.places,
        )
        return identity.key(call.bound_values)
