"""The events of an account: what has happened to calls, recordings and secrets.

An event is plain data: its fields are shipped between processes, and make it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_mimic._core.named_fields import NamedFields

# -- events of calls


class RecordedCall(NamedTuple):
    """A real call was recorded.

    A run makes one for each recorded call, and a `NamedTuple` is made faster.

    Attributes:
        target: Its target.
        seconds: Its part of the time in which at least one call was made.
    """

    target: str
    seconds: float


class VerifiedCall(NamedFields):
    """A real call agrees with its recording."""

    target: str


class Drift(NamedFields):
    """A real call differs from its recording.

    Attributes:
        label: The call as people read it.
        test: The id of its test.
        option: What accepts the difference; empty if the service has failed.
    """

    label: str
    test: str
    option: str


class Miss(NamedFields):
    """A call that had no recording.

    Attributes:
        label: The call as people read it.
        test: The id of its test.
        option: What records it, if an option does; `account.REKEY` if its recording is
            there.
        key: Its identity.
        is_stale: Whether it has a recording, but of another source.
        target: The name of its target.
        paths_made_anew: The paths of its parts that look made anew, between blanks, if
            it differs from the nearest recording in nothing else.
        kinds_made_anew: What the values of these parts are, each a `made_anew.Kind`,
            between blanks: `moment uuid`; empty: none looks so.
        line: The line that leaves them out, if there is one.
    """

    label: str
    test: str
    option: str = "--mimic-record"
    key: str = ""
    is_stale: bool = False
    target: str = ""
    paths_made_anew: str = ""
    kinds_made_anew: str = ""
    line: str = ""


class TokensTaken(NamedFields):
    """A language model has taken tokens: those of a request, and of its answer."""

    sent: int
    received: int


class ChangedInput(NamedFields):
    """Code or a file has changed that a replayed call had reached or read.

    Attributes:
        recording: The name of the recording.
        target: Its target.
        subject: The code or the file.
        calls: How many calls the recording was replayed to.
        tests: The ids of the tests that made these calls.
    """

    recording: str
    target: str
    subject: str
    calls: int
    tests: list[str]


# -- events of recordings


class RecordedError(NamedFields):
    """A call of a passing test raised, and the error was recorded as its outcome.

    Attributes:
        call: The call and its error: `shop:fetch() raised KeyError`.
        test: The id of its test.
    """

    call: str
    test: str


class OutcomeNotKept(NamedFields):
    """An outcome of a failing test was not kept.

    Attributes:
        label: The call and its error, or the client of its conversation.
        test: The id of the test, or the name of the scope of a wider fixture.
    """

    label: str
    test: str


class RecordingRestored(NamedFields):
    """A recording that a failing test had replaced is again what it was before.

    Attributes:
        recording: The name of the recording or cassette.
    """

    recording: str


class RenamedTest(NamedFields):
    """A test that is gone has recorded what another one asks: it was renamed.

    Attributes:
        gone: The id of that test, or its file.
        renamed: What it is now.
    """

    gone: str
    renamed: str


class MadeAnew(NamedFields):
    """A part of a call that a run has recorded, and that the next run makes anew.

    Attributes:
        target: The name of the call's target.
        path: Where the part is, as `ignore=` takes it.
        kind: What it is: `uuid`, `moment`.
        test: The id of its test.
        call: The number of the call in its process, which tells its parts from those
            of others.
        rest: The digest of the call without such parts. If two calls have equal ones,
            the warning offers no line: it would make one call of the two.
        line: The line that would leave out the paths that take the place of `{paths}`.
            Empty: the part is not to be left out.
    """

    target: str
    path: str
    kind: str
    test: str
    call: str
    rest: str
    line: str = ""


class RepeatedCall(NamedFields):
    """A test made a call more often than it was recorded. The last outcome repeated.

    Attributes:
        label: The call as people read it.
        recorded: How many of these equal calls were recorded.
        test: The id of the test, empty outside of tests.
    """

    label: str
    recorded: int
    test: str


class FixtureChanged(NamedFields):
    """A wider fixture of a recorded test made a new call.

    The conversation of the fixture's scope was recorded before, too.

    Attributes:
        fixture: The name of the fixture.
        scope: The name of its scope, empty for the session.
        client: The client that made the call.
    """

    fixture: str
    scope: str
    client: str


class OlderAnswers(NamedFields):
    """A test has recorded answers from before a wider fixture changed.

    Attributes:
        test: The id of the test.
        fixture: The name of the fixture.
        is_certain: Whether the run has seen that the test uses the fixture.
    """

    test: str
    fixture: str
    is_certain: bool


# -- events of secrets and processes


class VariableInOutcome(NamedFields):
    """The value of an environment variable was in an outcome that was recorded.

    Attributes:
        label: The call as people read it.
        remark: What was done about it, and the test: `<API_KEY> stands for the value`,
            or `holds the value of API_KEY` of a pickle or bytes, which stay as they
            are.
    """

    label: str
    remark: str


class LooksLikeKey(NamedFields):
    """A text in what was recorded looks like a key.

    Attributes:
        label: The call as people read it.
        remark: The text without its secret part, how to accept it, and the test.
    """

    label: str
    remark: str


class EqualCalls(NamedFields):
    """A call equals another one but for a secret, which does not count.

    Attributes:
        label: The call as people read it.
        remark: What tells the two calls apart, and the test.
    """

    label: str
    remark: str


class StartedProcess(NamedFields):
    """A process was started in which nothing is mimicked.

    Attributes:
        test: The id of the test, empty outside of tests.
        method: How it was started: `spawn`.
    """

    test: str
    method: str


#: The classes of events, by the lists of `Account` that have them. They make the events
#: of another process again.
EVENT_CLASSES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "recorded_calls": RecordedCall,
    "verified_calls": VerifiedCall,
    "drifts": Drift,
    "misses": Miss,
    "changed_inputs": ChangedInput,
    "recorded_tokens": TokensTaken,
    "saved_tokens": TokensTaken,
    "recorded_errors": RecordedError,
    "outcomes_not_kept": OutcomeNotKept,
    "restored_recordings": RecordingRestored,
    "moved": RenamedTest,
    "made_anew": MadeAnew,
    "repeated_calls": RepeatedCall,
    "changed_fixtures": FixtureChanged,
    "older_answers": OlderAnswers,
    "variables_in_outcomes": VariableInOutcome,
    "texts_like_keys": LooksLikeKey,
    "equal_calls": EqualCalls,
    "started_processes": StartedProcess,
}
