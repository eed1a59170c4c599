"""Blames a call: it is counted, and its test fails for its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_mimic._core.commands import Verb
from pytest_mimic._core.engine.account_events import Drift, Miss
from pytest_mimic.errors import MimicError, MissingRecordingError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.run import Run


class BlamedCall(Protocol):
    """A call, as errors name it."""

    key: str

    @property
    def label(self) -> str:
        """The call in one line."""
        ...

    @property
    def label_in_lists(self) -> str:
        """The call in one line of a list."""
        ...


def blame(
    run: Run, error: MimicError, call: BlamedCall, *, option: str = "--mimic-record"
) -> MimicError:
    """Count an error of a call, let the running test fail for it, and return it.

    Args:
        run: The run.
        error: The error.
        call: The call.
        option: What repairs a miss; empty if no option does.
    """
    account = run.account
    current = run.current
    error.commands = run.settings.commands
    error.test = error.test or current.test_to_run_again or None
    if isinstance(error, MissingRecordingError):
        miss = _miss(error, call, test=current.test_to_run_again, option=option)
        if account.log is not None and miss not in account.misses:
            account.log("missing", call, error=error)
        account.misses.add(miss)
    else:
        # No option accepts that a service is out of order. Recording again would
        # replace its good answer.
        is_outage = getattr(error, "is_outage", False)
        option = "" if is_outage else "--mimic-rerecord"
        account.drifts.append(
            Drift(call.label_in_lists, current.test_to_run_again, option)
        )
    current.pending.note(error)
    # Code that catches a miss often waits and tries again, in vain.
    if isinstance(error, MissingRecordingError):
        current.let_no_code_wait(error, call.key or call.label)
    return error


def _miss(
    error: MissingRecordingError, call: BlamedCall, *, test: str, option: str
) -> Miss:
    """Return the event of a miss."""
    return Miss(
        label=call.label_in_lists,
        test=test,
        option=option,
        key=call.key,
        is_stale=isinstance(error, StaleRecordingError),
        target=error.target,
        paths_made_anew=" ".join(error.changing),
        kinds_made_anew=" ".join(error.kinds),
        line=_ignoring_line(error),
    )


def _ignoring_line(error: MimicError) -> str:
    """Return the line that leaves out what is made anew in a call, for the summary.

    The text is empty if no line does.
    """
    for remedy in error.remedies:
        if remedy.verb is Verb.IGNORE:
            return error.commands.line(remedy._replace(purpose=""))
    return ""
