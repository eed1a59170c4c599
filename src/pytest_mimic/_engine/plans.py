"""How one activation mimics a function or a boundary: its options, its identity, its cassette."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._engine.binding import compile_binder
from pytest_mimic._engine.engine import Engine
from pytest_mimic._engine.steps import PASS, Call
from pytest_mimic._identity import CallIdentity, Unstable, parse_path, prune, refusal, source_fingerprint
from pytest_mimic._settings import Mode
from pytest_mimic._vault import recording_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_mimic._engine.cassettes import Cassette
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._redact.redactor import Redactor
    from pytest_mimic._swallowed.pending import Problems
    from pytest_mimic._targets.options import Options
    from pytest_mimic._targets.pattern import Selector
    from pytest_mimic.boundaries.base import Boundary, BoundaryCall


# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True


class Reading(NamedTuple):
    """One way to read a function's arguments: how they are bound, and what identifies them."""

    names: tuple[str, ...]
    bind: Callable[..., tuple[object, ...]]
    identity: CallIdentity


class FunctionPlan:
    """A function, as one activation mimics it.

    Attributes:
        plays: A plain recorded value answers a call, whatever test makes it.
        players: What gives a fresh value, for each identity seen so far.
        running: The engine's runs under way, while which a call may be nested.
    """

    kind = "function"

    def __init__(
        self,
        engine: Engine,
        *,
        target: str,
        function: Callable[..., Any],
        options: Options,
        cassette: Cassette | None = None,
        roots: Callable[[], tuple[tuple[str, str], ...]],
    ) -> None:
        self.engine = engine
        self.target = target
        self.function = function
        self.options = options
        self.cassette = cassette
        self.players: dict[str, Callable[[], Any]] = {}
        self.running = engine.running
        self._roots = roots
        self.plays = engine.settings.mode is Mode.REPLAY and not options.sequence and cassette is None

    @property
    def source(self) -> str | None:
        """The fingerprint of the function's normalised source; None where it has none."""
        return self._source

    @cached_property
    def _source(self) -> str | None:
        return source_fingerprint(self.function)

    @cached_property
    def reading(self) -> Reading:
        """How the function's signature reads its arguments."""
        bound = compile_binder(self.function)
        return self._reading(bound.names, bound.bind, bound.defaults)

    @cached_property
    def loose_reading(self) -> Reading:
        """How arguments are read that a decorated function takes although its signature does not."""

        def bind(*args: object, **kwargs: object) -> tuple[object, ...]:
            return args, kwargs

        return self._reading(("*args", "**kwargs"), bind, ())

    @cached_property
    def bind(self) -> Callable[..., tuple[object, ...]]:
        """Binds a call's arguments, in the order of the parameters."""
        return self.reading.bind

    @cached_property
    def key_of(self) -> Callable[[tuple[object, ...]], str]:
        """Gives the identity of bound arguments."""
        return self.reading.identity.key

    def _reading(
        self, names: tuple[str, ...], bind: Callable[..., tuple[object, ...]], defaults: tuple[object, ...]
    ) -> Reading:
        identity = CallIdentity(
            self.target,
            names,
            ignore=self.options.ignore,
            key=self.options.key,
            roots=self._roots,
            defaults=defaults,
        )
        return Reading(names, bind, identity)

    def call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """A call with these arguments.

        Raises:
            TypeError: They do not fit the function.
            UnstableIdentityError: One of them has no identity.
        """
        reading = self.reading
        try:
            values = reading.bind(*args, **kwargs)
        except TypeError:
            if not hasattr(self.function, "__wrapped__"):
                raise
            reading = self.loose_reading
            values = reading.bind(*args, **kwargs)
        try:
            key = reading.identity.key(values)
        except Unstable as unstable:
            raise self.engine.problems.note(refusal(unstable, self.target)) from None
        return Call(
            self,
            key,
            values=values,
            reading=reading,
            signature=self.target,
            sequence=self.options.sequence,
            describe=lambda: self._described(reading, values),
        )

    def open_player(self, key: str) -> Callable[[], Any] | None:
        """What gives a fresh value for an identity that is called for the first time.

        Returns:
            None where there is no recording, or more to it than a value: `Engine.decide` knows what to do.

        Raises:
            StaleRecordingError, CorruptRecordingError: As `Engine.decide`.
        """
        name = f"{self._folder}/{key}.json"
        found = self.engine.vault.read_player(name)
        if found is None or self.engine.is_stale(self, found[0]):
            return None
        _, duration, fresh = found
        player = self.players[key] = self.engine.ledger.player(duration, fresh)
        self.engine.ledger.use(name)
        return player

    @cached_property
    def _folder(self) -> str:
        return recording_name(self.target, "").rpartition("/")[0]

    def _described(self, reading: Reading, values: tuple[object, ...]) -> dict[str, Any]:
        from pytest_mimic._describe import describe_arguments

        shown = {
            name: value for name, value in self._named(reading, values) if name not in self.options.ignore
        }
        return describe_arguments(shown, self.engine.redactor, roots=self._roots())

    def _named(self, reading: Reading, values: tuple[object, ...]) -> list[tuple[str, object]]:
        named: list[tuple[str, object]] = []
        for name, value in zip(reading.names, values, strict=True):
            if name.startswith("**") and isinstance(value, dict):
                named += value.items()
            elif not name.startswith("*") or value:
                named.append((name, value))
        return named

    def _places(self, call: Call) -> Iterator[tuple[int, str, str, object, object]]:
        """Each argument, those inside `*rest` and `**extra` one by one.

        Yields:
            Its place in the signature, its parameter, its own name, the argument, and what stands for it there.
        """
        value: Any
        for place, (name, value) in enumerate(zip(call.reading.names, call.values, strict=True)):
            parameter = name.lstrip("*")
            if name.startswith("**"):
                for key, one in value.items():
                    yield place, parameter, key, one, {key: one}
            elif name.startswith("*"):
                for number, one in enumerate(value):
                    yield place, parameter, f"{parameter}[{number}]", one, (one,)
            else:
                yield place, parameter, parameter, value, value

    def _states(self, call: Call) -> dict[str, str | None]:
        digest = call.reading.identity.digest
        return {name: digest(place, held) for place, _, name, _, held in self._places(call)}

    def _changeable(self, call: Call) -> dict[str, object]:
        """The arguments that `mutates=` names."""
        mutates = self.options.mutates
        return {
            name: value
            for _, parameter, name, value, _ in self._places(call)
            if parameter in mutates or name in mutates
        }

    def note(self, call: Call) -> None:
        """Describes the arguments, and digests them, before the function can change them."""
        call.arguments  # noqa: B018
        if self.engine.settings.mode.writes or self.cassette is not None:
            call.before = self._states(call)

    def mutated(self, call: Call) -> None:
        """Refuses a call that has changed its arguments.

        Raises:
            MutatedInputError: `mutates=` does not name them.
        """
        before, after = call.before, self._states(call)
        if before is None or before == after:
            return
        from pytest_mimic._describe import differences
        from pytest_mimic._describe.messages import mutated

        changed = [name for name, state in before.items() if state != after[name]]
        if not self._changeable(call).keys() >= set(changed):
            found = differences(call.arguments, self._described(call.reading, call.values))
            raise mutated(self.target, changed, found)

    def changed(self, call: Call) -> dict[str, object]:
        """The new state of the arguments that `mutates=` names."""
        return self._changeable(call) if self.options.mutates else {}

    def apply(self, call: Call, changed: dict[str, object], value: object = None) -> object:
        """Brings the arguments into the state that the real call left them in.

        Returns:
            The value; the argument itself where it is one of those.
        """
        from pytest_mimic._outcome.changes import apply_changes

        arguments = self._changeable(call)
        for name, new in changed.items():
            current = arguments.get(name)
            if current is None:  # `ignore=` or `key=` lets a call without it be the same
                continue
            apply_changes(current, new)
            if new is value:
                value = current
        return value

    def comparable(self, outcome: Outcome, beside: Outcome | None = None) -> Outcome:  # noqa: ARG002
        """All of it: a function's outcome is compared as it is."""
        return outcome

    def secrets(self, call: Call) -> frozenset[str]:
        """The secret values among the arguments, which no message may tell."""
        from pytest_mimic._describe import secrets_in

        return secrets_in(dict(self._named(call.reading, call.values)), self.engine.redactor)


class BoundaryPlan:
    """A boundary, as one activation mimics it."""

    source: str | None = None

    def __init__(
        self,
        engine: Engine,
        boundary: Boundary,
        *,
        options: Options,
        selector: Selector,
        cassette: Cassette | None,
    ) -> None:
        self.engine = engine
        self.boundary = boundary
        self.kind = self.target = boundary.name
        self.options = options
        self.selector = selector
        self.cassette = cassette
        implied = (part for path in options.ignore for part in boundary.implied.get(path, ()))
        left_out = (*options.ignore, *implied)
        ignored = tuple(f"call.{path}" for path in left_out)
        self._ignored = [parse_path(path) for path in options.ignore]
        self._identity = CallIdentity(boundary.name, ("call",), ignore=ignored, roots=tuple)

    def call(self, edge_call: BoundaryCall) -> Call:
        """A call at one of the boundary's edges."""
        return Call(
            self,
            self._identity.key((self._counting(edge_call),)),
            signature=edge_call.signature,
            host=edge_call.host,
            sequence=not edge_call.shared,
            describe=lambda: self._described(edge_call),
        )

    def _counting(self, edge_call: BoundaryCall) -> dict[str, Any]:
        """The parts that count: those of the default identity, and what `match=` names and `ignore=` leaves."""
        parts = edge_call.parts
        counting = {name: parts[name] for name in edge_call.identity if name in parts}
        return counting | {f"match {path}": value for path, value in self._matched(edge_call)}

    def _matched(self, edge_call: BoundaryCall) -> Iterator[tuple[str, Any]]:
        """What `match=` names, and its value; None where the call has no such part."""
        for path in self.options.match:
            value: Any = prune(edge_call.parts, self._ignored)
            for step in path.split("."):
                value = value.get(step) if isinstance(value, dict) else None
            yield path, value

    def _described(self, edge_call: BoundaryCall) -> dict[str, Any]:
        from pytest_mimic._describe import plain_description

        matched = {path: value for path, value in self._matched(edge_call) if value is not None}
        parts = {**matched, **edge_call.described}
        shown = {name: plain_description(part) for name, part in parts.items()}
        return {"signature": edge_call.signature, **shown}

    def note(self, call: Call) -> None:
        """An edge's call is plain data already."""

    def mutated(self, call: Call) -> None:
        """An edge has no arguments to change."""

    def changed(self, call: Call) -> dict[str, object]:  # noqa: ARG002 - as the protocol has it
        """An edge has no arguments to change."""
        return {}

    def apply(self, call: Call, changed: dict[str, object], value: object = None) -> object:
        """An edge has no arguments to change."""
        del call, changed
        return value

    def comparable(self, outcome: Outcome, beside: Outcome | None = None) -> Outcome:
        """What the boundary compares: not dates, not the server's name."""
        from pytest_mimic._outcome import Outcome

        other = beside.value if beside is not None else None
        return Outcome.of_value(self.boundary.comparable(outcome.value, other))

    def secrets(self, call: Call) -> frozenset[str]:  # noqa: ARG002 - as the protocol has it
        """None: an edge's call is redacted already."""
        return frozenset()


class BoundaryPort:
    """The engine, as the edges of one boundary see it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.plans: list[BoundaryPlan] = []

    @property
    def redactor(self) -> Redactor:
        """What keeps secrets out of recordings."""
        return self._engine.redactor

    def taking(self) -> bool:
        """Whether calls of this boundary are mimicked just now."""
        return bool(self.plans) and not self._engine.is_nested

    @property
    def noting(self) -> Problems:
        """A block: what is raised of ours in it fails the running test, even where it is swallowed further out."""
        return self._engine.problems

    def takes(self, call: BoundaryCall) -> bool:
        """Whether a call is mimicked: the patterns take it in."""
        # They choose among a test's calls: a client that sets its connections up has to be answered.
        return self.taking() and (call.shared or self.plans[-1].selector.takes(call.signature, call.host))

    def begin(self, call: BoundaryCall) -> Any:
        """Decides about a call: gives a `boundaries.base.Step`.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run it.
        """
        return self._engine.decide(self.plans[-1].call(call)) if self.takes(call) else PASS

    def ordinal(self, space: str, name: str) -> int:
        """Which of the current owner's `space` things `name` is, by order of first use, from 0."""
        plan = self.plans[-1] if self.plans else None
        cassette = plan.cassette if plan is not None else None
        seen = (cassette or self._engine.owner).ordinals.setdefault(space, [])
        if name not in seen:
            seen.append(name)
        return seen.index(name)
