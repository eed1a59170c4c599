"""What today's `mimic_redact` hides in all calls of a vault together.

A token that one answer has issued may stand in the request of another call, under
another name. Only a run knows that both are one secret, so neither call changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from pytest_mimic._core.engine.recorded_identities import CannotFollowError
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault import Vault
from pytest_mimic._tools.rekey.calls_to_rekey import (
    CallToRekey,
    calls_to_rekey,
    content_of,
)
from pytest_mimic._tools.rekey.redacting import CallRedactor, RedactedCall
from pytest_mimic.errors import MimicError

_Place = tuple[str, int | None]


class CannotHideError(CannotFollowError):
    """A call holds a secret of today, or has lost a value that is none any more."""


class RedactedCalls:
    """The calls of a vault without what is to be hidden in them.

    Args:
        vault: The vault.
        call_redactor: Hides what today's `mimic_redact` names in one call.
    """

    def __init__(self, vault: Vault, call_redactor: CallRedactor) -> None:
        self._vault = vault
        self._hider = call_redactor
        # By the file of a call and its place in it: the call without secrets, or why
        # these cannot be hidden.
        self._redacted: dict[_Place, RedactedCall] = {}
        self._reasons: dict[_Place, str] = {}

    def hide(self, calls: Sequence[CallToRekey]) -> None:
        """Note what is to be hidden in each call, and where that cannot be."""
        for old in calls:
            self._note_texts(old)
        issued: set[str] = set()
        for hidden in self._redacted.values():
            issued |= hidden.issued
        if not issued:
            return
        others = other_calls(self._vault, calls)
        for old in others:
            self._note_texts(old)
        repeated: set[str] = set()
        holders: list[CallToRekey] = []
        for old in (*calls, *others):
            content = self._text_of_call(old)
            texts = {text for text in issued if _is_in(text, content)}
            if texts:
                repeated |= texts
                holders.append(old)
        for place, hidden in self._redacted.items():
            if not hidden.issued.isdisjoint(repeated):
                reason = "a secret of its answer stands in other calls"
                self._reasons[place] = reason
        for old in holders:
            reason = "it has a secret that the answer of another call has issued"
            self._reasons.setdefault(_place_in_vault(old), reason)

    def of(self, old: CallToRekey) -> RedactedCall | None:
        """Return a call without what is to be hidden, None if nothing is."""
        return self._redacted.get(_place_in_vault(old))

    def checked(self, old: CallToRekey) -> RedactedCall | None:
        """Return a call without what is to be hidden, None if nothing is.

        Raises:
            CannotHideError: Something in it cannot be hidden without a run.
        """
        if self.keeps_secret(old):
            raise CannotHideError(self._reasons[_place_in_vault(old)])
        return self.of(old)

    def keeps_secret(self, old: CallToRekey) -> bool:
        """Return whether something in a call cannot be hidden without a run."""
        return _place_in_vault(old) in self._reasons

    def _note_texts(self, old: CallToRekey) -> None:
        try:
            hidden = self._hider.redacted(old)
        except CannotFollowError as reason:
            self._reasons[_place_in_vault(old)] = str(reason)
            return
        if hidden is not None:
            self._redacted[_place_in_vault(old)] = hidden

    def _text_of_call(self, old: CallToRekey) -> str:
        """Return all text of a call as `rekey` would leave it, with its long parts."""
        hidden = self.of(old)
        if hidden is not None:
            old = hidden.old
        bodies = [stored.readable() for stored in old.call.outcomes]
        parts = [old.call.arguments, old.call.parts, bodies]
        return content_of(old.facts).decode() + layout(parts)


def other_calls(vault: Vault, calls: Iterable[CallToRekey]) -> list[CallToRekey]:
    """Return the calls of a vault in other files than these, without damaged ones."""
    files = {old.file for old in calls}
    others: list[CallToRekey] = []
    for name in vault.names():
        if name in files:
            continue
        try:
            others += calls_to_rekey(vault, name)
        except MimicError:
            continue
    return others


def _place_in_vault(old: CallToRekey) -> _Place:
    return old.file, old.place


def _is_in(text: str, content: str) -> bool:
    """Return whether a text stands in JSON, as it is or as a URL has it."""
    written = layout(text).strip().strip('"')
    return any(form in content for form in (text, written, quote(text, safe="")))
