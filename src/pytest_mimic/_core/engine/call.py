"""A call of a target, and the plan that says how the target is mimicked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.vault.file_names import recording_name

if TYPE_CHECKING:
    from pytest_mimic._core.identity.call_identity import CallIdentity
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.seam.base import Adapter, ClientCall
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
    """How one activation mimics a target.

    Attributes:
        kind: `function`, or the name under which the client's calls are recorded.
        target: The function's `module:name`, or the kind of the client.
        client: The name of the client in its line; empty for a function.
        cassette: The `Cassette` that takes the calls, if a block is open.
        source: The fingerprint of the function's source; None without one.
    """

    kind = "function"
    client = ""
    adapter: Adapter | None = None  # of a client
    source: str | None = None
    keeps_state = False  # see `Adapter.keeps_state`
    imported_key: Callable[[ClientCall, str], str]  # of a client
    described: Callable[[Call], dict[str, Any]]

    def __init__(self, state: Any, target: str, options: Options, cassette: Any) -> None:
        self.state = state
        self.places = state.places
        self.target = target
        self.options = options
        self.cassette = cassette

    @cached_property
    def folder(self) -> str:
        """The folder of the target's recordings. Those of calls without an owner are named by their identities."""
        return recording_name(self.target, "").rpartition("/")[0]

    def comparable(self, outcome: Outcome, beside: Outcome | None = None) -> Outcome:
        """Return the part of an outcome that `--mimic-verify` compares with another outcome of the same call."""
        if self.adapter is None:
            return outcome
        other = None if beside is None else beside.value
        return type(outcome)("value", self.adapter.comparable(outcome.value, other))

    def failure(self, outcome: Outcome) -> str | None:
        """Return the error that an outcome is, `raised TimeoutError` or `gave 503`; None if it is a good one."""
        if self.adapter is not None:
            return self.adapter.failure(outcome.value)
        exception = outcome.last.exception
        return None if exception is None else f"raised {type(exception).__name__}"

    def secrets(self, call: Call) -> frozenset[str]:
        """Return the secret values among the arguments of a function, which no message may show."""
        from pytest_mimic._core.tree.secrets import secrets_in

        return secrets_in(named(call), self.state.redactor)


class Call:
    """One invocation of a target, bound and identified: what was asked.

    Attributes:
        key: The identity, in 32 hex digits.
        signature: `VERB resource`; for a function its target.
        sequence: Whether the n-th identical call gets the n-th outcome.
        names: The parameters of a function, with their stars.
        values: The bound arguments, in the order of the parameters.
        identity: Of the calls of the function.
        edge_call: The `ClientCall` that the edge of a client has begun.
        converses: Whether it is part of the conversation of its test at a client.
        is_shared: Whether a client made it for itself, so that it belongs to no test.
        host: The host that patterns are matched against, at clients.
    """

    def __init__(
        self,
        plan: Plan,
        key: str,
        signature: str,
        *,
        sequence: bool,
        names: tuple[str, ...] = (),
        values: tuple[object, ...] = (),
        identity: CallIdentity | None = None,
        edge_call: Any = None,
    ) -> None:
        self.plan, self.key, self.signature, self.sequence = plan, key, signature, sequence
        self.names, self.values, self.identity, self.edge_call = names, values, identity, edge_call
        self.converses = sequence and edge_call is not None
        self.is_shared = edge_call is not None and edge_call.shared
        self.host = None if edge_call is None else edge_call.host

    @property
    def paths(self) -> PathStore:
        """A store of the paths in the outcome. The call does not keep it: as a cycle, they would keep the arguments alive."""
        from pytest_mimic._core.outcome.placed_paths import PathStore

        identity = self.identity
        return PathStore(
            self.plan.places, tuple if identity is None else lambda: identity.folders(self.values)
        )

    # The structured, redacted description of the arguments. It is kept, as the call may change them.
    arguments = cached_property(lambda self: self.plan.described(self))

    @property
    def label(self) -> str:
        """The call in one line, as messages show it."""
        from pytest_mimic._core.tree.call_labels import call_label

        if self.edge_call is not None:
            return f"{self.plan.kind} {self.signature}"
        return call_label(self.plan.target, self.arguments)


def named(call: Call) -> dict[str, Any]:
    """Return the arguments by name: those in `**extra` by their own, an empty `*rest` left out."""
    found: dict[str, Any] = {}
    for name, value in zip(call.names, call.values, strict=True):
        if name.startswith("**") and isinstance(value, dict):
            found |= value
        elif not name.startswith("*") or value:
            found[name] = value
    return found
