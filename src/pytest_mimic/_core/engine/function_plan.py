"""How one activation mimics a function: its options, its identity, its cassette."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.call import Call, Plan, named
from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.identity.source import source_in_project
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.binding import Bound, compile_binder
from pytest_mimic._core.types.kinds import Unstable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.target_options import Options


class FunctionPlan(Plan):
    """A function as one activation mimics it.

    Attributes:
        plays: Whether a plain recorded value answers a call, whichever test makes it.
        players: Functions that return a fresh value, for each identity seen so far.
        running: The run's real calls whose code runs now; a call may be nested while there is one.
    """

    def __init__(
        self,
        state: RunState,
        target: str,
        function: Callable[..., Any],
        options: Options,
        cassette: Any = None,
    ) -> None:
        super().__init__(state, target, options, cassette)
        self.function = function
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
    def bound(self) -> Bound:
        return compile_binder(self.function)

    @cached_property
    def identity(self) -> CallIdentity:
        return self._identity_of(self.bound)

    # Kept on the plan, because the shortest way of a replay looks them up at each call.
    @cached_property
    def bind(self) -> Callable[..., tuple[object, ...]]:
        """The function that binds a call's arguments, in the order of the parameters."""
        return self.bound.bind

    @cached_property
    def key_of(self) -> Callable[[tuple[object, ...]], str]:
        """The function that returns the identity of bound arguments."""
        return self.identity.key

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
        )

    def call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """Return a call with these arguments.

        Raises:
            TypeError: They do not fit the function.
            UnstableIdentityError: One of them has no stable identity.
        """
        bound, identity = self.bound, self.identity
        try:
            values = self.bind(*args, **kwargs)
        except TypeError:
            # `functools.wraps` shows the signature of the function inside; the decorator may take more.
            if not hasattr(self.function, "__wrapped__"):
                raise
            values = args, kwargs
            bound = Bound(("*args", "**kwargs"), (), lambda *args, **kwargs: (args, kwargs))
            identity = self._identity_of(bound)
        try:
            key = identity.key(values)
        except Unstable as unstable:
            from pytest_mimic._core.identity.rules import refusal

            raise self.state.pending.note(refusal(unstable, self.target, self.options)) from None
        sequence = bool(self.options.sequence)
        return Call(
            self, key, self.target, sequence=sequence, names=bound.names, values=values, identity=identity
        )

    def open_player(self, key: str) -> Callable[[], Any] | None:
        """Return the function that gives a fresh value for an identity that is called for the first time.

        None: there is no recording, or more to it than a value. `decisions.decide` handles that.
        """
        name = f"{self.folder}/{key}.json"
        state: RunState = self.state
        found = state.vault.read_player(name)
        # Only the engine may say so: it knows the nearest recording, and whether the mode runs the call.
        if found is None or state.is_stale(self, found[0]) or state.stale_inputs(found[3]):
            return None
        _, duration, fresh, inputs = found
        player = self.players[key] = state.ledger.player(fresh, (duration, name, inputs, self.target))
        return player

    def described(self, call: Call) -> dict[str, Any]:
        """Return the description of the arguments that messages show and that is stored beside the recording."""
        from pytest_mimic._core.tree.making import argument_trees

        options = self.options
        shown = {name: value for name, value in named(call).items() if name not in options.ignore}
        if options.key is not None:  # it stands for the arguments
            key: Any = options.key(dict(zip(call.names, call.values)))
            shown = key if type(key) is dict and all(type(name) is str for name in key) else {"key": key}
        elif options.content:
            from pytest_mimic._core.identity.paths import with_contents

            for name in shown.keys() & options.content:
                shown[name] = with_contents(shown[name], self.places)
        redactor = self.state.redactor
        described = argument_trees(shown, redactor, places=self.places)
        return redactor.environment.scrub(described) if redactor.environment.forms else described
