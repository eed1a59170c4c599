"""A call of a target, and the plan that says how the target is mimicked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from types import CodeType
    from typing import Protocol

    from pytest_mimic._core.engine.call_files import CallFiles
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.kept_files import KeptFiles
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.target_options import Options

    class CassetteInUse(Protocol):
        """A cassette, as far as plans and the engine know it."""

        mode: Any
        ordinals: dict[str, list[str]]

        @property
        def is_own(self) -> bool:
            """Whether the running task has opened it, or was started inside of it."""
            ...

        def decide(self, call: Call) -> Any: ...

    class WithCassette(Protocol):
        """A line of an activation, perhaps with the cassette that takes its calls."""

        @property
        def cassette(self) -> CassetteInUse | None: ...


Opened = TypeVar("Opened", bound="WithCassette")


def innermost(opened: Sequence[Opened]) -> Opened:
    """Return the last of what was opened; of cassettes that tasks have opened side by side, that of the running task."""
    if len(opened) > 1:
        cassettes = {id(one.cassette): one.cassette for one in opened if one.cassette is not None}
        foreign = {name for name, cassette in cassettes.items() if not cassette.is_own}
        if foreign and len(foreign) < len(cassettes):
            return next(one for one in reversed(opened) if id(one.cassette) not in foreign)
    return opened[-1]


class Noted(NamedTuple):
    """The arguments of a real call, as they were before it.

    Attributes:
        identities: The identity of each argument. None if nothing is recorded.
    """

    identities: dict[str, str | None] | None = None
    files: CallFiles | None = None  # the files that the arguments name


_NOTHING_NOTED = Noted()


class Plan:
    """How one activation mimics a target. By default, the target has no source and changes no arguments.

    Attributes:
        source: The fingerprint of the target's source. None without a source.
    """

    kind: str  # `function`, or the name under which the client's calls are recorded
    target: str  # the function's `module:name`, or the kind of the client
    client: str = ""  # the name of the client in its line; empty for a function
    options: Options
    cassette: CassetteInUse | None  # the cassette that takes the calls, if a block is open
    places: Places  # the folders below which paths are stored by their place
    source: str | None = None
    code: CodeType | None = None  # the code of the function itself

    def note(self, call: Call) -> Noted:  # noqa: ARG002
        """Return the state of the arguments before a real call can change them."""
        return _NOTHING_NOTED

    def mutated(self, call: Call, noted: Noted) -> None:
        """Raise MutatedInputError for an argument that changed since it was noted, and that no option names."""

    def changed(self, call: Call) -> dict[str, object]:  # noqa: ARG002
        """Return the arguments that the call may change, in their new state."""
        return {}

    def imported_key(self, edge_call: Any, match: str) -> str:  # noqa: ARG002
        """Return the identity of a call of a client where it was imported and only the parts in `match` count."""
        return ""

    def apply(self, call: Call, changed: dict[str, object], value: object = None) -> object:
        """Change the arguments as the recorded call did, and return the value: the caller's own if it is an argument."""
        raise NotImplementedError

    def folders(self, call: Call) -> Sequence[str]:  # noqa: ARG002
        """Return the folders of `tmp_path` or `mktemp` that the arguments name, in their order."""
        return ()

    def kept(self, noted: Noted) -> KeptFiles | None:  # noqa: ARG002
        """Return the files that `writes=` names, as they are after the call. None without `writes=`."""
        return None

    def write(self, call: Call, files: KeptFiles) -> None:
        """Write the recorded files where the arguments name them."""

    def comparable(self, outcome: Outcome, beside: Outcome | None = None) -> Outcome:  # noqa: ARG002
        """Return the part of an outcome that `--mimic-verify` compares with another outcome of the same call."""
        return outcome

    @property
    def exact(self) -> frozenset[str]:
        """The parts of an outcome whose values count even with `compare=shape`."""
        return frozenset()

    def failure(self, outcome: Outcome) -> str | None:
        """Return the error that an outcome is, `raised TimeoutError`, or None if it is a good one."""
        exception = outcome.last.exception if outcome.last is not None else None
        return None if exception is None else f"raised {type(exception).__name__}"

    def refusal(self, outcome: Outcome) -> str | None:  # noqa: ARG002
        """Return how a service refused the credentials of a call, `gave 401`, or None if it did not."""
        return None

    def secrets(self, call: Call) -> frozenset[str]:  # noqa: ARG002
        """Return the secret values among the arguments, which no message may show."""
        return frozenset()


@dataclass(frozen=True, eq=False, kw_only=True)
class Call:
    """One invocation of a target, bound and identified: what was asked."""

    plan: Plan  # how the target is mimicked
    key: str  # the identity, in 32 hex digits
    signature: str  # `VERB resource`
    sequence: bool  # whether the n-th identical call gets the n-th outcome
    describe: Callable[[], dict[str, Any]]  # returns the structured, redacted description of the arguments
    values: tuple[object, ...] = ()  # the bound arguments, in the order of the parameters
    reading: Any = None  # how the plan read the arguments
    host: str | None = None  # the host that patterns are matched against, at clients
    is_shared: bool = False  # whether a client made the call for itself, so that it belongs to no test
    is_async: bool = False  # whether the caller lets other tasks run while it waits
    edge_call: Any = None  # the call as the edge of a client saw it, a `ClientCall`

    @property
    def paths(self) -> PathStore:
        """A store of the paths in the outcome. The call does not keep it: as a cycle, they would keep the arguments alive."""
        from pytest_mimic._core.outcome.placed_paths import PathStore

        return PathStore(self.plan.places, lambda: self.plan.folders(self))

    @property
    def arguments(self) -> dict[str, Any]:
        """The description of the arguments, made on first use and kept, as the call may change them."""
        kept = vars(self)
        if "described" not in kept:
            kept["described"] = self.describe()
        described: dict[str, Any] = kept["described"]
        return described

    @property
    def label(self) -> str:
        """The call in one line, as messages show it."""
        from pytest_mimic._core.describe.text import call_label

        if self.plan.kind != "function":
            return f"{self.plan.kind} {self.signature}"
        return call_label(self.plan.target, self.arguments)
