"""Makes a call from its target and its arguments, and identifies it.

Arguments that do not fit the signature raise the function's own `TypeError`, unless the
signature is that of another function, inside of a decorator with `functools.wraps`.
Then they are bound as `*args, **kwargs`.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.function_plan import descriptions
from pytest_mimic._core.identity.binding import Binding
from pytest_mimic._core.identity.call_identity import CallIdentity, rest_of_identity
from pytest_mimic._core.outcome.json_layout import pieces_to_search
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.words import lazy_attribute

if TYPE_CHECKING:
    from pytest_mimic._core.engine.function_plan import FunctionPlan, Plan
    from pytest_mimic._core.identity.call_identity import Forms
    from pytest_mimic._core.identity.kept_parts import KeptParts
    from pytest_mimic._core.outcome.placed_paths import PathStore
    from pytest_mimic._core.redact.known_secrets import Issuer
    from pytest_mimic._core.seam.base import ClientCall
    from pytest_mimic._core.seam.call_secrets import Secrets


class Call:
    """One invocation of a target, bound and identified: what was asked.

    Attributes:
        plan: How the target is mimicked.
        key: The identity, in 32 hex digits.
        signature: `VERB resource`; for a function its target.
        is_in_sequence: Whether the n-th identical call of a test gets the n-th outcome.
        parameters: The names of a function's parameters, with their stars; empty for a
            client's call.
        bound_values: The bound arguments, in the order of the parameters.
        identity: What identifies the calls of the function; None for a client's call.
        forms: The forms of the arguments of which the identity is made. None: it is
            made of more.
        edge_call: What the edge of a client has begun; None for a function's call.
        converses: Whether the call is part of the conversation of its test with a
            service.
        number: The number of the call among the calls of its owner, from 1, once it has
            taken its place; 0 without a place among them.
        is_shared: Whether a client has made the call for itself.
        issuer: The `Issuer` of secrets in its answer, while a client's call may run.
        host: The host that patterns are matched against.
        began: When it began, on the clock of the run. Only a run whose calls are shown
            notes it.
    """

    # Most calls keep these values, so that the path of a call does not set them.
    began: float = 0.0
    number: int = 0
    issuer: Issuer | None = None

    def __init__(
        self,
        plan: Plan,
        key: str,
        signature: str,
        *,
        is_in_sequence: bool,
        parameters: tuple[str, ...] = (),
        bound_values: tuple[object, ...] = (),
        identity: CallIdentity | None = None,
        forms: Forms | None = None,
        edge_call: ClientCall | None = None,
    ) -> None:
        self.plan: Plan = plan
        self.key: str = key
        self.signature: str = signature
        self.is_in_sequence: bool = is_in_sequence
        self.parameters: tuple[str, ...] = parameters
        self.bound_values: tuple[object, ...] = bound_values
        self.identity: CallIdentity | None = identity
        self.forms: Forms | None = forms
        self.edge_call: ClientCall | None = edge_call
        self.converses: bool = is_in_sequence and edge_call is not None
        self.is_shared: bool = edge_call is not None and edge_call.shared
        self.host: str | None = None if edge_call is None else edge_call.host

    @property
    def paths(self) -> PathStore:
        """A store of the paths in the outcome.

        The call does not keep it: as a cycle, they would keep the arguments alive.
        """
        if not self.plan.places.temporary_folders:
            return self.plan.paths
        path_store = self.plan.run.vault.reader.path_store
        if self.identity is None:
            return path_store(self.plan.places)
        folders = partial(self.identity.folders, self.bound_values)
        return path_store(self.plan.places, folders)

    @lazy_attribute
    def arguments(self) -> dict[str, Any]:
        """The structured, redacted description of the arguments.

        The description is kept, because the call may change the arguments.
        """
        return self.plan.described(self)

    @lazy_attribute
    def described_text(self) -> str:
        """The JSON of the description, to search in."""
        return "".join(pieces_to_search(self.arguments, 0))

    @lazy_attribute
    def parts(self) -> KeptParts | None:
        """What a recording keeps of the parts of the call, see `kept_parts`.

        It is computed once, because the call may change its arguments. None: nothing
        beside the description.
        """
        return self.plan.kept_parts(self)

    @lazy_attribute
    def secrets(self) -> Secrets | None:
        """The secrets that a client's request shares with its answer.

        None: the call is that of a function, or its adapter hides the secrets itself.
        """
        if self.edge_call is None or self.edge_call.secrets is None:
            return None
        return self.edge_call.secrets()

    def report(self, what: str) -> None:
        """Add a line to the summary that says what this call did."""
        self.plan.run.account.notes.add(f"{self.label_in_lists} {what}")

    @property
    def label(self) -> str:
        """The call in one line, as messages show it."""
        if self.edge_call is not None:
            return f"{self.plan.kind} {self.signature}"
        return descriptions().call_label(self.plan.target, self.arguments)

    @property
    def label_in_lists(self) -> str:
        """The call in one line of a list, as the summary has it.

        Words behind its label tell it from other calls with this label.
        """
        if self.edge_call is None:
            return self.label
        hide = self.plan.run.redactor.scrub_text
        apart = descriptions().words_that_tell_apart(self.arguments, hide=hide)
        return f"{self.label}{apart}"

    def named(self, without: Collection[str] = ()) -> dict[str, object]:
        """Return the arguments by name, without some, as descriptions have them.

        Those in `**extra` stand by their own names, and an empty `*rest` is left out.
        Where one of them has the name of a parameter, `**extra` stays whole.
        """
        names_of_parameters = {name.lstrip("*") for name in self.parameters}
        arguments: dict[str, object] = {}
        for name, value in zip(self.parameters, self.bound_values, strict=True):
            if name.lstrip("*") in without:
                continue
            if name.startswith("**") and isinstance(value, dict):
                extra_arguments = {
                    key: value[key] for key in value if key not in without
                }
                if names_of_parameters.isdisjoint(extra_arguments):
                    arguments |= extra_arguments
                else:
                    arguments[name] = extra_arguments
            elif not name.startswith("*") or value:
                arguments[name] = value
        return arguments


def call_of_function(
    plan: FunctionPlan, args: tuple[object, ...], kwargs: dict[str, object]
) -> Call:
    """Return the call of a function with these arguments.

    Raises:
        TypeError: The arguments do not fit the signature of the function itself.
        UnstableIdentityError: An argument has no stable identity.
    """
    binding, identity = plan.binding, plan.identity
    try:
        values = plan.bind(*args, **kwargs)
    except TypeError:
        # `functools.wraps` shows the signature of the function inside; the
        # decorator may take more.
        if not hasattr(plan.function, "__wrapped__"):
            raise
        values = args, kwargs
        binding = Binding(("*args", "**kwargs"), (), plan.bind)
        identity = plan.identity_of(binding)
    try:
        forms = identity.forms(values)
        if forms is None:
            key = identity.key(values)
        else:
            key = identity.key_of_forms(forms)
    except Unstable as unstable:
        raise plan.run.current.pending.note(
            rest_of_identity().error_of_unstable(unstable, plan.target, plan.options)
        ) from None
    return Call(
        plan,
        key,
        plan.target,
        is_in_sequence=bool(plan.options.sequence),
        parameters=binding.names,
        bound_values=values,
        identity=identity,
        forms=forms,
    )
