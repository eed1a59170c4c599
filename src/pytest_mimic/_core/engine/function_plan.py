"""How one activation mimics a function: its options, its identity, its cassette."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.engine.call import Call, Plan
from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.identity.source import source_in_project
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.binding import Bound, compile_binder
from pytest_mimic._core.types.kinds import Unstable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mimic._core.engine.effects import Effects
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.target_options import Options


class Signature(NamedTuple):
    """One way to read a function's arguments: how they are bound, and what identifies them."""

    names: tuple[str, ...]
    bind: Callable[..., tuple[object, ...]]
    identity: CallIdentity


class FunctionPlan(Plan):
    """A function as one activation mimics it.

    Attributes:
        plays: Whether a plain recorded value answers a call, whichever test makes it.
        players: Functions that return a fresh value, for each identity seen so far.
        running: The run's real calls whose code runs now; a call may be nested while there is one.
    """

    kind = "function"

    def __init__(
        self,
        state: RunState,
        target: str,
        function: Callable[..., Any],
        options: Options,
        cassette: Any = None,
    ) -> None:
        self.state = state
        self.places = state.places
        self.target = target
        self.function = function
        self.options = options
        self.cassette = cassette
        self.players: dict[str, Callable[[], Any]] = {}
        self.running = state.running
        # The shortest way knows neither the position of a call nor its arguments, which a log shows.
        is_plain = not options.sequence and cassette is None and state.log is None
        self.plays = state.settings.mode is Mode.REPLAY and is_plain

    @cached_property
    def source(self) -> str | None:  # type: ignore[override]
        """The fingerprint of the function's normalised source; None for one outside of the project."""
        return source_in_project(self.function, self.target.partition(":")[0], self.state.settings.rootdir)

    @cached_property
    def signature(self) -> Signature:
        return self._signature(compile_binder(self.function))

    @cached_property
    def any_signature(self) -> Signature:
        """The signature that takes any arguments, for a decorated function that takes more than it declares."""
        return self._signature(Bound(("*args", "**kwargs"), (), lambda *args, **kwargs: (args, kwargs)))

    # Kept on the plan, because the shortest way of a replay looks them up at each call.
    @cached_property
    def bind(self) -> Callable[..., tuple[object, ...]]:
        """The function that binds a call's arguments, in the order of the parameters."""
        return self.signature.bind

    @cached_property
    def key_of(self) -> Callable[[tuple[object, ...]], str]:
        """The function that returns the identity of bound arguments."""
        return self.signature.identity.key

    def _signature(self, bound: Bound) -> Signature:
        options = self.options
        identity = CallIdentity(
            self.target,
            bound.names,
            defaults=bound.defaults,
            ignore=options.ignore,
            key=options.key,
            content=options.content,
            places=self.places,
        )
        return Signature(bound.names, bound.bind, identity)

    def call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """Return a call with these arguments.

        Raises:
            TypeError: They do not fit the function.
            UnstableIdentityError: One of them has no stable identity.
        """
        signature = self.signature
        try:
            values = signature.bind(*args, **kwargs)
        except TypeError:
            # `functools.wraps` shows the signature of the function inside; the decorator may take more.
            if not hasattr(self.function, "__wrapped__"):
                raise
            signature = self.any_signature
            values = signature.bind(*args, **kwargs)
        try:
            key = signature.identity.key(values)
        except Unstable as unstable:
            from pytest_mimic._core.identity.locate import refusal

            raise self.state.pending.note(refusal(unstable, self.target, self.options)) from None
        return Call(
            plan=self,
            key=key,
            values=values,
            reading=signature,
            signature=self.target,
            sequence=bool(self.options.sequence),
            describe=partial(self._described, signature, values),
        )

    def open_player(self, key: str) -> Callable[[], Any] | None:
        """Return the function that gives a fresh value for an identity that is called for the first time.

        None: there is no recording, or more to it than a value. `Decisions.decide` handles that.
        """
        name = f"{self.folder}/{key}.json"
        found = self.state.vault.read_player(name)
        state = self.state
        # Only the engine may say so: it knows the nearest recording, and whether the mode runs the call.
        if found is None or state.is_stale(self, found[0]):
            return None
        if state.stale_inputs({"inputs": found[3]}):
            return None
        _, duration, fresh, inputs = found
        player = self.players[key] = state.ledger.player(fresh, (duration, name, inputs, self.target))
        return player

    def _described(self, signature: Signature, values: tuple[object, ...]) -> dict[str, Any]:
        from pytest_mimic._core.tree.making import argument_trees

        ignored = self.options.ignore
        shown = {name: value for name, value in _named(signature, values).items() if name not in ignored}
        if self.options.key is not None:  # it stands for the arguments
            key: Any = self.options.key(dict(zip(signature.names, values)))
            shown = key if type(key) is dict and all(type(name) is str for name in key) else {"key": key}
        elif self.options.content:
            from pytest_mimic._core.identity.paths import with_contents

            for name in shown.keys() & self.options.content:
                shown[name] = with_contents(shown[name], self.places)
        redactor = self.state.redactor
        described = argument_trees(shown, redactor, places=self.places)
        return redactor.environment.scrub(described) if redactor.environment.forms else described

    def effects(self, call: Call) -> Effects | None:
        """Return the state of the arguments before a real call can change them; None if it is not recorded."""
        call.arguments  # noqa: B018 - described now
        if not self.state.settings.mode.writes and self.cassette is None:
            return None
        from pytest_mimic._core.engine.effects import Effects, arguments_of

        arguments = arguments_of(call.reading.names, call.values)
        return Effects(arguments, call.reading.identity, self.places, self.options.ignore)

    def secrets(self, call: Call) -> frozenset[str]:
        from pytest_mimic._core.tree.secrets import secrets_in

        return secrets_in(_named(call.reading, call.values), self.state.redactor)


def _named(signature: Signature, values: tuple[object, ...]) -> dict[str, object]:
    """Return the arguments by name: those in `**extra` by their own, an empty `*rest` left out."""
    named: dict[str, object] = {}
    for name, value in zip(signature.names, values, strict=True):
        if name.startswith("**") and isinstance(value, dict):
            named |= value
        elif not name.startswith("*") or value:
            named[name] = value
    return named
