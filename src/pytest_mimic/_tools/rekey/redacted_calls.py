"""What today's `mimic_redact` hides in all calls of a vault together.

A token that one answer has issued may stand in the request of another call, under
another name. Only a run knows that both are one secret, so neither call changes. What
is hidden in one call alone, `call_redactor.py` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from pytest_mimic._core.engine.recorded_identities import CannotFollowError
from pytest_mimic._core.outcome.json_layout import json_in_lines
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import ERRORS_OF_SHAPE
from pytest_mimic._tools.rekey.call_redactor import CallRedactor, RedactedCall
from pytest_mimic._tools.rekey.calls_to_rekey import (
    CallToRekey,
    MustStayError,
    calls_of_other_files,
    content_of,
    reason_of_edit,
)

# A call is told from others by its file, and by its place in a cassette.
_PlaceInVault = tuple[str, int | None]


class RedactedCalls:
    """The calls of a vault without what is to be hidden in them.

    Args:
        vault: The vault. Its other files are read, too: a secret that a call has issued
            may stand in a call that is not rekeyed.
        call_redactor: Hides in one call what today's `mimic_redact` names.
    """

    def __init__(self, vault: Vault, call_redactor: CallRedactor) -> None:
        self._vault = vault
        self._call_redactor = call_redactor
        # The calls in which there is something to hide, without it.
        self._redacted_calls: dict[_PlaceInVault, RedactedCall] = {}
        # By the call: why something in it cannot be hidden without a run. Such a call
        # stays as it is.
        self._reasons_to_stay: dict[_PlaceInVault, str] = {}

    def hide(self, calls: Sequence[CallToRekey]) -> None:
        """Note what is to be hidden in each call, and where that cannot be."""
        for call_to_rekey in calls:
            self._hide_in_call(call_to_rekey)
        issued_secrets: set[str] = set()
        for redacted_call in self._redacted_calls.values():
            issued_secrets |= redacted_call.issued
        if not issued_secrets:
            return
        # A secret that an answer has issued may stand in any other call. If it were
        # hidden in the answer, a replay would send its placeholder in that call, which
        # was recorded with the secret. So both stay.
        calls_in_other_files = calls_of_other_files(self._vault, calls)
        for call_to_rekey in calls_in_other_files:
            self._hide_in_call(call_to_rekey)
        repeated_secrets: set[str] = set()
        calls_with_issued_secrets: list[CallToRekey] = []
        for call_to_rekey in (*calls, *calls_in_other_files):
            # Without what was hidden in it, so that an answer does not count as another
            # call of its own secret.
            text_of_call = self._text_of_call(call_to_rekey)
            secrets_of_others = {
                secret for secret in issued_secrets if _is_in(secret, text_of_call)
            }
            if secrets_of_others:
                repeated_secrets |= secrets_of_others
                calls_with_issued_secrets.append(call_to_rekey)
        for place, redacted_call in self._redacted_calls.items():
            if not redacted_call.issued.isdisjoint(repeated_secrets):
                reason = "a secret of its answer stands in other calls"
                self._reasons_to_stay[place] = reason
        for call_to_rekey in calls_with_issued_secrets:
            reason = "it has a secret that the answer of another call has issued"
            self._reasons_to_stay.setdefault(_place_in_vault(call_to_rekey), reason)

    def of(self, call_to_rekey: CallToRekey) -> RedactedCall | None:
        """Return what `hide` has noted for a call, also for one that must stay.

        None: nothing is to be hidden in it, or that cannot be done.
        """
        return self._redacted_calls.get(_place_in_vault(call_to_rekey))

    def redacted_or_refused(self, call_to_rekey: CallToRekey) -> RedactedCall | None:
        """Return a call without what is to be hidden, None if nothing is.

        Raises:
            MustStayError: Something in the call cannot be hidden without a run.
        """
        if self.keeps_secret(call_to_rekey):
            raise MustStayError(self._reasons_to_stay[_place_in_vault(call_to_rekey)])
        return self.of(call_to_rekey)

    def keeps_secret(self, call_to_rekey: CallToRekey) -> bool:
        """Return whether something in a call cannot be hidden without a run."""
        return _place_in_vault(call_to_rekey) in self._reasons_to_stay

    def _hide_in_call(self, call_to_rekey: CallToRekey) -> None:
        """Note the call without what is to be hidden, or why that cannot be."""
        try:
            redacted_call = self._call_redactor.redact(call_to_rekey)
        except CannotFollowError as reason:
            self._reasons_to_stay[_place_in_vault(call_to_rekey)] = str(reason)
            return
        except ERRORS_OF_SHAPE as reason:
            self._reasons_to_stay[_place_in_vault(call_to_rekey)] = reason_of_edit(
                reason
            )
            return
        if redacted_call is not None:
            self._redacted_calls[_place_in_vault(call_to_rekey)] = redacted_call

    def _text_of_call(self, call_to_rekey: CallToRekey) -> str:
        """Return all text of a call as `rekey` would leave it, with its long parts."""
        redacted_call = self.of(call_to_rekey)
        if redacted_call is not None:
            call_to_rekey = redacted_call.call_to_rekey
        bodies = [
            stored_outcome.readable() for stored_outcome in call_to_rekey.call.outcomes
        ]
        described_and_counted = [
            call_to_rekey.call.arguments,
            call_to_rekey.call.parts,
            bodies,
        ]
        return content_of(call_to_rekey.facts).decode() + json_in_lines(
            described_and_counted
        )


def _place_in_vault(call_to_rekey: CallToRekey) -> _PlaceInVault:
    return call_to_rekey.file, call_to_rekey.place_in_cassette


def _is_in(secret: str, text_of_call: str) -> bool:
    """Return whether a secret stands in JSON, as it is or as a URL has it."""
    secret_in_json = json_in_lines(secret).strip().strip('"')
    return any(
        form_of_secret in text_of_call
        for form_of_secret in (secret, secret_in_json, quote(secret, safe=""))
    )
