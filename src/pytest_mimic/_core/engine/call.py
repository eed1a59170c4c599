"""A call of a target, and the plan that says how the target is mimicked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.vault.file_names import recording_name

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.target_options import Options
    from pytest_mimic._core.vault.recording_facts import Stored


class Place(NamedTuple):
    """Where the outcome of a call is recorded, or will be.

    Attributes:
        found: The outcome that is recorded there; None if there is none.
        number: Its position in the recording or cassette.
        is_real: Whether the mode runs the call for real.
        repeats: Whether the call is done again for what it does at its service, and its recorded outcome given.
        keep: Records the outcome of a real call, which took so many seconds. None if the mode makes none.
    """

    name: str
    found: Stored | None = None
    source: str | None = None
    date: str | None = None
    number: int = 0
    is_real: bool = False
    repeats: bool = False
    keep: Callable[..., None] | None = None


class Plan:
    """How one activation mimics a target. By default, the target has no source.

    Attributes:
        source: The fingerprint of the target's source. None without a source.
    """

    kind: str  # `function`, or the name under which the client's calls are recorded
    target: str  # the function's `module:name`, or the kind of the client
    client: str = ""  # the name of the client in its line; empty for a function
    options: Options
    cassette: Any  # the `Cassette` that takes the calls, if a block is open
    places: Places  # the folders below which paths are stored by their place
    source: str | None = None
    keeps_state: bool = False  # see `Adapter.keeps_state`

    @cached_property
    def folder(self) -> str:
        """The folder of the target's recordings. Those of calls without an owner are named by their identities."""
        return recording_name(self.target, "").rpartition("/")[0]

    def effects(self, call: Call) -> Any:  # noqa: ARG002
        """Return the `Effects` of a function's call before it runs; None at a client, and if it is not recorded."""
        return None

    def imported_key(self, edge_call: Any, match: str) -> str:  # noqa: ARG002
        """Return the identity of a call of a client where it was imported and only the parts in `match` count."""
        return ""

    @cached_property
    def paths(self) -> PathStore:
        """A store of paths for all calls of a client, whose arguments name no folders."""
        from pytest_mimic._core.outcome.placed_paths import PathStore

        return PathStore(self.places)

    def comparable(self, outcome: Outcome, beside: Outcome | None = None) -> Outcome:  # noqa: ARG002
        """Return the part of an outcome that `--mimic-verify` compares with another outcome of the same call."""
        return outcome

    @property
    def exact(self) -> frozenset[str]:
        """The parts of an outcome whose values count even with `compare=shape`."""
        return frozenset()

    def failure(self, outcome: Outcome) -> str | None:
        """Return the error that an outcome is, `raised TimeoutError` or `gave 503`; None if it is a good one."""
        exception = outcome.last.exception
        return None if exception is None else f"raised {type(exception).__name__}"

    def secrets(self, call: Call) -> frozenset[str]:  # noqa: ARG002
        """Return the secret values among the arguments, which no message may show."""
        return frozenset()


class Call:
    """One invocation of a target, bound and identified: what was asked."""

    plan: Plan  # how the target is mimicked
    key: str  # the identity, in 32 hex digits
    signature: str  # `VERB resource`
    sequence: bool  # whether the n-th identical call gets the n-th outcome
    describe: Callable[[], dict[str, Any]]  # returns the structured, redacted description of the arguments
    converses: bool = False  # whether it is part of the conversation of its test at a client
    values: tuple[object, ...] = ()  # the bound arguments, in the order of the parameters
    reading: Any = None  # how the plan read the arguments
    host: str | None = None  # the host that patterns are matched against, at clients
    is_shared: bool = False  # whether a client made it for itself, so that it belongs to no test
    edge_call: Any = None  # the call as the edge of a client saw it, a `ClientCall`

    def __init__(
        self,
        plan: Plan,
        key: str,
        signature: str,
        *,
        sequence: bool,
        describe: Callable[[], dict[str, Any]],
        values: tuple[object, ...],
        reading: Any,
    ) -> None:
        self.plan = plan
        self.key = key
        self.signature = signature
        self.sequence = sequence
        self.describe = describe
        self.values = values
        self.reading = reading

    @property
    def paths(self) -> PathStore:
        """A store of the paths in the outcome. The call does not keep it: as a cycle, they would keep the arguments alive."""
        if self.plan.kind != "function":
            return self.plan.paths
        from pytest_mimic._core.outcome.placed_paths import PathStore

        return PathStore(self.plan.places, lambda: self.reading.identity.folders(self.values))

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
        from pytest_mimic._core.tree.recorded_calls import call_label

        if self.plan.kind != "function":
            return f"{self.plan.kind} {self.signature}"
        return call_label(self.plan.target, self.arguments)
