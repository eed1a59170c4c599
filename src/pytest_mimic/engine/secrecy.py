"""What a run hides: in descriptions, in outcomes of functions, in calls of clients."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic.engine.owners import Owner
from pytest_mimic.values.tree import Path, Tree
from pytest_mimic.values.walk import deeply

if TYPE_CHECKING:
    from pytest_mimic.secrets.issued import Secrets, SecretScope
    from pytest_mimic.values.differences import Difference


class Sender(NamedTuple):
    """Who sends a call.

    Attributes:
        call: The owner of the call, and its identity.
        own: The hashes of the secrets of the application's own in it.
        headers: Its headers, without secrets.
        content: The hash of the parts of which two that only hiding makes equal are
            refused.
    """

    call: tuple[str, str]
    own: frozenset[int]
    headers: Mapping[str, str]
    content: int


class Secrecy:
    """The secrets of a run, and which of its owners have seen which.

    Args:
        lines: The names in `mimic_redact`.
    """

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self.lines = lines
        # What a test puts into it is no secret of the run.
        self._environment = dict(os.environ)
        self._senders: dict[tuple[str, str], Sender] = {}

    @cached_property
    def secrets(self) -> Secrets:
        """The names and values that are hidden."""
        # A plain replay of functions hides nothing.
        from pytest_mimic.secrets.issued import Secrets

        return Secrets(self.lines, self._environment)

    def scope(self, owner: Owner, test: Owner | None = None) -> SecretScope:
        """Return what the calls of an owner have shown.

        Args:
            owner: The owner of a call.
            test: The owner around it, if it is a cassette.
        """
        if owner.scope is None:
            # A plain replay of functions hides nothing.
            from pytest_mimic.secrets.issued import SecretScope

            owner.scope = SecretScope()
        if owner.fixtures or test is not None:
            wider = [*owner.fixtures.values(), *([test] if test else [])]
            owner.scope.parents = [self.scope(one) for one in wider if one is not owner]
        return owner.scope

    def is_other_content(self, sender: Sender) -> bool:
        """Return whether only hiding makes a call equal to the first of its place."""
        first = self._senders.setdefault(sender.call, sender)
        return first.content != sender.content

    def other_sender(self, sender: Sender) -> str | None:
        """Note who sends a call, and return what tells him from who sent an equal call.

        Returns:
            The path of a header, `headers.x-user`; empty: none differs that another run
            sends as it is.
            None: nobody else has sent an equal call.
        """
        first = self._senders.setdefault(sender.call, sender)
        if first.own == sender.own:
            return None
        from pytest_mimic.values.made_anew import made_anew  # keys seldom differ

        for name, value in sender.headers.items():
            is_kept = not name.startswith("content-") and not made_anew(value)
            if is_kept and first.headers.get(name) != value:
                return f"headers.{name}"
        return ""

    def masked(self, tree: Tree) -> Tree:
        """Return a tree as it may be shown."""
        masked: Tree = deeply(lambda: self.secrets.masked(tree))
        return masked

    def masked_difference(
        self, difference: Difference, mask: Callable[[Tree], Tree] | None = None
    ) -> Difference:
        """Return a difference as it may be shown: a step to it may be secret.

        Args:
            difference: The difference.
            mask: Gives a tree as it may be shown. Default: `masked`.
        """
        mask, steps = mask or self.masked, difference.steps
        shown = tuple(map(self.secrets.masked_text, steps))
        if difference.fact:
            if _masked_at(steps, difference.fact, mask) == difference.fact:
                return difference._replace(steps=shown)
            return difference._replace(steps=shown, fact="differs, and is not shown")
        sides: dict[str, Any] = {"steps": shown}
        for side in ("old", "new"):
            tree = getattr(difference, side)
            if isinstance(tree, (str, int, float, list, dict)):
                sides[side] = _masked_at(steps, tree, mask)
        return difference._replace(**sides)

    def kept_in_clear(self, outcome: Tree, arguments: Tree) -> list[str]:
        """Return the names of secrets that an outcome of a function holds in clear.

        Args:
            outcome: What is kept.
            arguments: What was asked, of which secrets are hidden.
        """
        from pytest_mimic.secrets.known import KnownValues

        names = self.secrets.hard_names_in(outcome)
        named: dict[str, str] = {}

        def note(value: str, path: str) -> str:
            named.setdefault(value, path.rpartition(".")[2])
            return ""  # A text that stays as it is counts as one without secrets.

        self.secrets.redactor.of_trees.hide(arguments, note)
        for value, name in named.items():
            if KnownValues({value: ""}).hide(outcome) != outcome:
                names.append(name)
        return [*dict.fromkeys(names)]

    def without_secrets(self, tree: Any) -> tuple[Any, tuple[str, ...]]:
        """Return a tree as it may be stored, and the paths of what was hidden."""
        from pytest_mimic.secrets.known import KnownValues
        from pytest_mimic.secrets.placeholders import OWN

        paths: list[str] = []
        known = KnownValues(self.secrets.environment)

        def stand_in(value: str, path: str) -> str:
            paths.append(path)
            known.add(value, OWN)
            return OWN

        def hide() -> Tree:
            hidden: Tree = self.secrets.redactor.of_trees.hide(tree, stand_in)
            # A part may hold what another part, or a variable, names as a secret.
            shown: Tree = known.hide(hidden)
            return shown

        return deeply(hide), tuple(dict.fromkeys(paths))


def _masked_at(steps: Path, tree: Tree, mask: Callable[[Tree], Tree]) -> Tree:
    for step in reversed(steps):
        tree = {step: tree}
    masked = deeply(lambda: mask(tree))
    for _ in steps:
        if not isinstance(masked, dict):  # A name above is secret.
            return masked
        # The name itself may look like a key, and is masked, too.
        (masked,) = masked.values()
    return masked
