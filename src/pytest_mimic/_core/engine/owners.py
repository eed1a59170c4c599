"""What calls belong to: tests, scopes of wider fixtures, and real calls around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from itertools import count
from os import getpid
from threading import Event, current_thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pytest_mimic._core.named_fields import NamedFields

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Mode
    from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome

    # Only types need these: a replay starts without them.

    class Track(Protocol):
        """The outcomes of one file, as the owner of its calls uses them."""

        made_count_by_key: dict[str, int]

        @property
        def file(self) -> str:
            """The name of the recording or cassette."""
            ...

        @property
        def owner(self) -> Owner | None:
            """The owner of the calls; None if one recording serves all."""
            ...

        @property
        def was_recorded(self) -> bool:
            """Whether the file was there before the first of the calls."""
            ...

        def take(self, call: Any, mode: Mode, /) -> Any:
            """Return the step for the next of equal calls."""

        def follow_other_process(self, others_call: Any, /) -> int | None:
            """Take the place of another process's call, and return it.

            None: this process knows no place of such a call.
            """
            ...

        def follow_written(self, calls: list[Recording], /) -> None:
            """Take over the outcomes of the file, which another process has written."""

        def trim(self) -> None:
            """Drop the outcomes that no call has reached."""

        def fill(self, place: int, recording: Recording, /) -> None:
            """Record in its empty place a call that has come to no whole outcome."""

    class TrackOfAnswer(Protocol):
        """The outcomes of one file, in which an answer is put: a `Track`."""

        @property
        def file(self) -> str:
            """The name of the recording or cassette."""
            ...

        def put(
            self, place: int, recording: Recording, error: tuple[str, str] | None, /
        ) -> None:
            """Put the outcome of a call in its place, in a turn, and write the file."""

    class OpenCall(Protocol):
        """A real call that has not ended."""

        active: bool

        @property
        def has_place(self) -> bool:
            """Whether each of its equal calls has a place of its own."""
            ...

        def end_open(self) -> None:
            """End its recording, because its owner has ended."""

        def leave_to_parent(self) -> None:
            """Leave its end to the process that has forked this one."""


Token: TypeAlias = "tuple[int, int]"
"""What names an owner among forked processes.

The first number is the id of the process that made the owner, the second one that of
the owner in this process.
"""

Errors: TypeAlias = "Mapping[int, tuple[str, str] | None]"
"""A call and its error in words, and the test, by the place of the outcome.

None stands for a good outcome.
"""

# The numbers of owners, and of secret scopes, in this process.
_NUMBERS_OF_TOKENS = count()


class Change:
    """A recording or cassette that was written, perhaps several times.

    If its test fails, `Scopes` puts back by it what the file had.

    Attributes:
        content_before: The content before the first write; None: there was no file.
        conversation: The client whose conversation the file belongs to; None: it stands
            by itself.
        content_now: The content of the last write; None: the file was deleted.
        last_good_content: The last content without an error. A new file may keep it if
            its test fails. None: there is none so far.
        errors: The errors of its outcomes, see `Errors`.
    """

    __slots__ = (
        "content_before",
        "content_now",
        "conversation",
        "errors",
        "last_good_content",
    )

    def __init__(self, before: bytes | None, conversation: str | None = None) -> None:
        self.content_before: bytes | None = before
        self.conversation: str | None = conversation
        self.content_now: bytes | None = None
        self.last_good_content: bytes | None = None
        self.errors: dict[int, tuple[str, str] | None] = {}

    @property
    def is_of_new_file(self) -> bool:
        """Whether there was no file before the first write."""
        return self.content_before is None

    def note(self, now: bytes | None, errors: Errors) -> None:
        """Note what stands there now, also if that stayed as it was."""
        self.content_now = now
        self.errors.update(errors)
        if not any(self.errors.values()):
            self.last_good_content = now


class Owner:
    """The test, the scope of a wider fixture, or the cassette, that calls belong to.

    Attributes:
        name: The id of the test, or the name of the scope or the cassette.
        token: What names it among forked processes.
        is_test: Whether it is a test, or a cassette of one.
        is_being_torn_down: Whether a fixture of this scope is torn down now.
        fixture_count: How many fixtures of this scope are set up now.
        unnamed_cassette_count: How many blocks of this test have named no cassette. The
            name that each of them gets has its number.
        tracks: The outcomes of its calls outside of cassettes, by the name of the
            recording.
        ordinals: The databases that calls went to, each with its number in the order of
            first use.
        clients_replayed: The clients at which calls were replayed in this pass of a
            scope, each with the `replayed_test_count` of the run at the first of them.
            Once that has grown, `compare_repeated` compares no real answers any more.
        clients_run_for_real: The clients whose conversation runs for real in this pass
            of a scope.
        clients_recorded_again: The clients whose conversation ran for real in any pass.
        journal: What was recorded and is not judged yet, by the name of the recording
            or cassette.
        has_passed_test: Whether a test has passed while the scope was set up.
        open_calls: The real calls that have not ended, in the order in which they have
            begun.
        unended: The calls that came to no whole outcome, and what they had given: to be
            recorded when the test, or this set-up, has passed.
        recordings_of_failed_attempts: The names of the recordings that earlier attempts
            of this test have newly made. A plugin may run a failed test again.
        not_made_again: The names of those that this attempt has not made again so far.
            They count for nothing.
        ended: Set when the owner has ended.
        number_begun: How many calls with a place among equal ones have begun, of all
            targets.
        has_new_answers: Whether a service gave a new answer in this pass, or one that
            differs from the recorded one. Then no recorded answer stays.
        unwritten_answers: The new answers of the calls whose recorded answers have
            stayed so far, by the file and the place of each.
        written_for_scopes: By the scope of a wider fixture, its new answers that a call
            of this owner has caused to be written. While a wider fixture is set up, the
            test that asks for it may stand there, too. If the owner fails, they are
            unwritten again.
    """

    def __init__(self, name: str, *, is_test: bool = False) -> None:
        self.name: str = name
        self.token: Token = getpid(), next(_NUMBERS_OF_TOKENS)
        self.is_test: bool = is_test
        self.is_being_torn_down: bool = False
        self.fixture_count: int = 0
        self.unnamed_cassette_count: int = 0
        self.tracks: dict[str, Track] = {}
        self.ordinals: dict[str, dict[str, int]] = {}
        self.clients_replayed: dict[str, int] = {}
        self.clients_run_for_real: set[str] = set()
        self.clients_recorded_again: set[str] = set()
        self.journal: dict[str, Change] = {}
        self.has_passed_test: bool = False
        self.open_calls: dict[OpenCall, None] = {}
        self.unended: list[Unended] = []
        self.recordings_of_failed_attempts: set[str] = set()
        self.not_made_again: set[str] = set()
        self.ended: Event = Event()
        self.number_begun: int = 0
        self.has_new_answers: bool = False
        self.unwritten_answers: dict[tuple[str, int], NewAnswer] = {}
        self.written_for_scopes: dict[Owner, dict[tuple[str, int], NewAnswer]] = {}

    @property
    def name_in_commands(self) -> str:
        """The name as pytest takes it: `test_a.py` for the scope `test_a.py[db=1]`.

        The scope of the session has the empty name.
        """
        if self.is_test:
            return self.name
        return self.name.partition("[")[0]

    def rewind(self) -> None:
        """Start over, because the scope has ended.

        The same run may enter it again, to replay what this pass recorded.
        """
        self.token = getpid(), next(_NUMBERS_OF_TOKENS)
        for track in self.tracks.values():
            track.made_count_by_key.clear()
        self.ordinals.clear()
        self.number_begun = 0
        self.clients_replayed.clear()
        self.clients_run_for_real.clear()
        self.has_new_answers = False
        self.unwritten_answers = {}
        self.ended.set()
        self.ended = Event()

    def let_recorded_answers_stay(self) -> None:
        """Let the recorded answers of wider fixtures stay again.

        This owner has failed, and the files with their new answers were put back.
        """
        for scope, new_answers in self.written_for_scopes.items():
            scope.unwritten_answers = new_answers | scope.unwritten_answers
            scope.has_new_answers = False
        self.written_for_scopes = {}


def is_in_scope(test: str, scope: str) -> bool:
    """Return whether a test may use the wider fixtures of a scope.

    Args:
        test: The id of the test.
        scope: The name of the scope, as `FixtureScopes` makes it:
            `tests/test_shop.py[db=1]` has the tests of that file.
    """
    container, _, _ = scope.partition("[")
    # Older versions of pytest name a package by this file.
    container = container.removesuffix("/__init__.py")
    if not container:
        return True
    return test.startswith((f"{container}::", f"{container}/"))


class Unended(NamedFields):
    """A call that came to no whole outcome, and has a place.

    Attributes:
        track: The outcomes of the file in which the call is recorded.
        place: The place of the call's outcome among them.
        recording: The call with what it had given.
        label: The call in one line.
    """

    track: Track
    place: int
    recording: Recording
    label: str


class NewAnswer(NamedFields):
    """The new answer of a call whose recorded one has stayed.

    Attributes:
        track: The outcomes of the call's file.
        place: The place of the answer among them.
        recording: The call with its new answer.
        error: The call and its failure in words, with the test, if it has failed.
    """

    track: TrackOfAnswer
    place: int
    recording: Recording
    error: tuple[str, str] | None


class Inside:
    """The real call that the current thread or task is part of.

    While a call is active, nothing in it is mimicked.

    Attributes:
        hear_other_processes: Learns what the other processes of the run have done: the
            parent of a forked process may have ended the call. None in a process that
            was not forked.
    """

    def __init__(self) -> None:
        self.hear_other_processes: Callable[[], None] | None = None
        self._variable: ContextVar[Any] = ContextVar(
            "pytest_mimic_inside", default=None
        )

    def call(self) -> Any:
        """Return the call, which may have ended; None outside of calls."""
        return self._variable.get() or getattr(current_thread(), "_mimic_inside", None)

    @property
    def is_nested(self) -> bool:
        """Whether the code of now is part of a call that has not ended."""
        real_call = self._variable.get() or getattr(
            current_thread(), "_mimic_inside", None
        )
        if real_call is None or not real_call.active:
            return False
        if self.hear_other_processes is not None:
            # The call may be one of the parent, which has ended it.
            self.hear_other_processes()
        return bool(real_call.active)

    @contextmanager
    def entered(self, call: object, running: set[Any] | None = None) -> Iterator[None]:
        """Mark the code of this block as part of a call.

        The threads that it starts are part of the call, too.

        Args:
            call: The call.
            running: The calls that run now, to which it belongs in the block. None:
                they are not counted.
        """
        token = self._variable.set(call)
        if running is not None:
            running.add(call)
        try:
            yield
        finally:
            if running is not None:
                running.discard(call)
            # ValueError: a coroutine may be closed in another context than it was
            # awaited in.
            with suppress(ValueError):
                self._variable.reset(token)

    # The methods below wrap edges, `Edge.wrap`. The port that they get is of no client.

    def wrap_thread_start(
        self, start: Callable[[Any], None], _port: object = None
    ) -> Callable[[Any], None]:
        """Return a `Thread.start` whose threads belong to the call that starts them."""

        @wraps(start)
        def start_inside(thread: Any) -> None:
            if self.is_nested:
                thread._mimic_inside = self.call()
            start(thread)

        return start_inside

    def wrap_pool_submit(
        self, submit: Callable[..., Any], _port: object = None
    ) -> Callable[..., Any]:
        """Return a `ThreadPoolExecutor.submit` whose tasks belong to a call.

        A task that code of a call submits belongs to that call.
        """

        @wraps(submit)
        def submit_inside(
            pool: object, function: Any, /, *args: Any, **kwargs: Any
        ) -> Any:
            if not self.is_nested:
                return submit(pool, function, *args, **kwargs)
            if not has_interpreters(pool):
                # The task runs in a block of the call, in whichever thread.
                function = self.entered(self.call())(function)
            # A thread that the pool starts now serves other callers later, so that it
            # does not belong to this call.
            with self.entered(SimpleNamespace(active=False)):
                return submit(pool, function, *args, **kwargs)

        return submit_inside


def has_interpreters(pool: object) -> bool:
    """Return whether a pool may pickle its tasks for other interpreters.

    Some do since Python 3.14. In these interpreters, nothing is mimicked.
    """
    modules = [base.__module__ for base in type(pool).__mro__]
    return "concurrent.futures.interpreter" in modules


class SecretScope:
    """A test, or a wider fixture, whose calls share their secrets.

    Attributes:
        name: The name of the fixture; empty for a test.
        outer: Returns the scopes of the wider fixtures that it uses.
        answers: The recorded answers that it got, and that nobody has searched for
            placeholders.
        known: Its `KnownSecrets`, once there are any.
        tell: Tells a fact to the processes that share the scope; None before a fork.
    """

    def __init__(
        self, name: str = "", outer: Callable[[], Iterable[SecretScope]] = tuple
    ) -> None:
        self.token: Token = getpid(), next(_NUMBERS_OF_TOKENS)
        self.tell: Callable[[Any], None] | None = None
        self.name: str = name
        self.outer: Callable[[], Iterable[SecretScope]] = outer
        self.answers: list[StoredOutcome] = []
        self.known: Any = None
