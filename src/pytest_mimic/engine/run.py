"""One run: what was asked for, what has happened, and whose calls it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.children import Children
from pytest_mimic.engine.collector import Collector
from pytest_mimic.engine.events import Event, EventKind, Events, Json
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.nesting import Nesting, is_called_by
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import (
    RERECORD,
    EndlessCallsError,
    Refusals,
    facts_of,
)
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.engine.servers import Listening, OwnServers
from pytest_mimic.engine.settings import Settings
from pytest_mimic.engine.shared import SharedAnswers
from pytest_mimic.engine.sleeps import Sleeps
from pytest_mimic.engine.verifying import RealValues
from pytest_mimic.errors import (
    MimicError,
    MissingRecordingError,
    StaleRecordingError,
)
from pytest_mimic.values.folders import Folders
from pytest_mimic.vault.recording import copied
from pytest_mimic.vault.vault import Vault

if TYPE_CHECKING:
    from pytest_mimic.engine.new_test_ids import NewTestIds
    from pytest_mimic.vault.recording import Entry

_MOST_MISSES = 1000


class Run:
    """The run of this process.

    Attributes:
        settings: What the user has asked for.
        mode: What calls become.
        vault: Where recordings are.
        folders: The folders of this run.

        owners: Whose calls have an order now, the innermost last; cassettes apart.
        failed_test: The test that has ended last, if it failed.
        test: The id of the test that runs, or an empty text.
        shared: What all tests share.
        copies: While recording: whether copies of an argument are equal, by its class.
        generation: Another number means that a call may be another one now, or be
            answered otherwise.
        forgotten_at: The generation with which all that was replayed has to be looked
            for again.
        is_debugged: Whether a debugger was entered.
        see_call: Takes each call that begins, for a test that looks at its own calls,
            and gives what takes its recording.

        events: What happened.
        refusals: Makes the errors of calls that get no outcome.
        secrecy: What is hidden.
        new_test_ids: Finds tests that the next process calls otherwise; None: it
            records nothing.
        has_calls_of_children: Whether a forked child has made a call.
        nesting: Which calls are a part of a real call.
        sleeps: Lets nobody wait after a miss.
        is_unseen: Whether a call is a part of a real one, and runs unseen.
        collector: Lets chance decide nothing that a test asks.
        servers: The servers of this process.
    """

    failed_test: Owner | None = None
    test = ""
    generation = 0
    forgotten_at = 0
    is_debugged = False
    see_call: Callable[[Entry], Callable[[Entry], None]] | None = None
    new_test_ids: NewTestIds | None = None
    has_calls_of_children = False

    def __init__(self, settings: Settings, folders: Folders | None = None) -> None:
        self.settings = settings
        self.mode = mode = settings.mode
        self.vault = vault = Vault(settings.vault, label=settings.vault_label)
        self.folders = folders or Folders(settings.rootdir)

        self.owners: list[Owner] = []
        vault.began = settings.began
        self.shared = SharedAnswers(
            vault, is_recording=mode == "record", has_workers=settings.began > 0
        )
        # The wider fixtures that have asked something in a recording run, by file.
        self._fixtures_begun: dict[str, Owner] = {}
        self.copies: dict[type, bool] | None = {} if settings.writes else None

        self.events = Events()
        self.secrecy = Secrecy(settings.redact)
        commands = Commands(settings.rootdir, settings.start, settings.vault_option)
        self.refusals = Refusals(vault, commands, self.secrecy)
        self.refusals.is_strict_by_ci = settings.is_strict_by_ci
        self.refusals.named = {one.name for one in settings.targets}
        self.nesting = Nesting()
        self.is_unseen = (
            self._is_unseen_live if mode == "live" else self.nesting.is_unseen
        )
        self.sleeps = Sleeps()
        self.collector = Collector()
        self.servers = OwnServers()
        self._children = Children(self._begin_child)
        self._misses: dict[tuple[str, str, str], Iterator[int]] = defaultdict(count)

    # -- what decides on calls

    def _is_unseen_live(self) -> bool:
        return self.see_call is None or self.nesting.is_unseen()

    def note_change(self, *_args: Any, **_kwargs: Any) -> None:
        """Note that a call may be another one now: of another owner, with a mock."""
        self.generation += 1

    def forget_replays(self) -> None:
        """Let all that was replayed be looked for again."""
        self.generation += 1
        self.forgotten_at = self.generation

    def note_debugger(self) -> None:
        """Let what is typed in a debugger be no calls of the test from now on."""
        self.is_debugged = True
        self.nesting.hides_typed = self.mode != "replay"

    # -- whose calls it is

    def begin_owner(self, owner: Owner) -> None:
        """Let the calls from now on belong to an owner."""
        self.owners.append(owner)
        self.note_change()

    def end_owner(self, owner: Owner) -> None:
        self.owners.remove(owner)
        self.note_change()

    @property
    def innermost(self) -> Owner:
        """The innermost owner that runs now, cassettes apart; if none does, no name."""
        return self.owners[-1] if self.owners else Owner("", "test", self.mode)

    @property
    def test_owner(self) -> Owner:
        """The test that runs; if none does, an owner without a name."""
        for owner in self.owners:
            if owner.kind == "test":
                return owner
        return Owner("", "test", self.mode)

    def uses(self, fixtures: Iterable[Owner]) -> None:
        """The wider fixtures whose answers the running test may hold."""
        test = self.test_owner
        for fixture in fixtures:
            test.fixtures.setdefault(fixture.name, fixture)

    def values_around(self, owner: Owner, *, in_written: bool = False) -> RealValues:
        """Give the real values that an owner may hold, each with its recorded value.

        They come from the answers of the test and of its wider fixtures.

        Args:
            owner: The owner.
            in_written: Whether only those count which stand in logs that are written:
                of fixtures, and of cassettes that have ended.
        """
        test = self.test_owner
        answering = [*test.cassettes.ended, *test.fixtures.values()]
        around = dict.fromkeys([owner, test, *answering])
        return RealValues(
            one.real_values for one in around if one.is_written or not in_written
        )

    def log_of(self, owner: Owner) -> Log:
        """Give the log of an owner, which is read when it is first needed.

        Where that fails, each call of the owner is refused: a later one would take the
        place of an equal one.

        Raises:
            MimicError: It cannot be read, or is damaged.
        """
        with owner.log_lock:
            if owner.unreadable is not None:
                raise owner.unreadable
            if owner.log is None:
                try:
                    owner.log = self._open_log(owner)
                except MimicError as error:
                    owner.unreadable = error
                    raise
            return owner.log

    def has_own(self, target: str, owner: Owner) -> bool:
        """Whether the log of an owner has calls of a target that all tests share now.

        They answer the owner first.
        """
        try:
            is_read = owner.is_here
            if is_read and not owner.records:  # To open a log takes much longer.
                is_read = self.vault.folder.size(owner.file) > 0
            return is_read and self.log_of(owner).recorded.has_target(target)
        except MimicError:
            return False  # It is named where the log is needed.

    def _open_log(self, owner: Owner) -> Log:
        is_cassette = owner.kind == "cassette"
        name = owner.serves if is_cassette else owner.name
        is_continued = False
        if owner.kind == "fixture" and owner.records:
            before = self._fixtures_begun.get(owner.file)
            is_continued = before is not None or self.vault.is_of_this_run(owner.file)
            self._fixtures_begun[owner.file] = owner
            owner.set_up.before = before
        return Log(self.vault, owner.file, name, owner.mode, is_continued=is_continued)

    # -- what wrappers and edges ask before a call

    def is_own_server(self, host: str | None) -> bool:
        """Whether a server of this process answers; see `OwnServers.has`."""
        self.hear_children()
        return self.servers.has(host)

    def will_run(self, cassette: Owner | None) -> bool:
        """Whether the next call of a log runs for real, whatever it is."""
        owner = cassette or self.innermost
        if owner.mode != "record" or not owner.name:
            return owner.mode == "rerecord"
        return self.log_of(owner).way == "made"

    def has_next(self, call: Call, cassette: Owner | None) -> bool:
        """Whether a call that begins now has a recording of its own in a log."""
        owner = cassette or self.innermost
        return owner.is_here and self.log_of(owner).has_next(call)

    def try_out(self, name: str) -> None:
        """Show that a file can be written, before a call runs that it is to hold.

        Raises:
            MimicError: It cannot. The run fails.
        """
        try:
            self.vault.try_out([name, "objects/"])
        except MimicError as error:
            self.events.add("not writable", error.what)
            raise

    # -- what happened

    def add_event(self, kind: EventKind, call: str = "", **facts: Json) -> None:
        """Add a row of the test that runs."""
        self.events.add(kind, call, test=self.test, **facts)

    def note_error(self, error: MimicError) -> None:
        """Keep an error for the verdict of the phase, should the code swallow it."""
        self.refusals.add_command(error, self.innermost)
        self.events.note_error(error)

    def refuse(
        self, error: MimicError, call: Call, owner: Owner | None = None
    ) -> MimicError:
        """Note the error that a call gets, and give it; in a debugger, only give it.

        Raises:
            EndlessCallsError: An equal call of this test was refused a thousand times.
        """
        self.refusals.add_command(error, owner or self.innermost)
        if self.is_debugged and is_called_by("pdb"):
            return error
        self.test_owner.findings.has_missed = True
        key = self.test, call.target, call.identity
        # One step of C: threads may miss at the same moment.
        number = next(self._misses[key]) + 1
        if number >= _MOST_MISSES:
            raise EndlessCallsError(_MOST_MISSES, error)
        self.events.note_error(error)
        self.sleeps.skip()
        if number == 1 and isinstance(error, MissingRecordingError):
            is_stale = isinstance(error, StaleRecordingError)
            kind: EventKind = "stale" if is_stale else "missing"
            facts = facts_of(error)
            if owner is not None and owner.fixture and error.option == RERECORD:
                facts["serves"] = [owner.serves]
            if owner is not None and owner.findings.former_name:
                facts["renamed"] = [owner.findings.former_name, owner.name]
            self.add_event(kind, call.label(), **facts)
        return error

    def take_noted(self) -> list[MimicError]:
        """Give the errors since the last phase, also the errors of forked children."""
        self.hear_children()
        noted, self.events.noted = self.events.noted, []
        return noted

    # -- forked children

    def _begin_child(self, send: Callable[[object], None]) -> None:
        # It may outlive the test, if a wider fixture has started it.
        parents_test = self.test

        def send_row(row: object) -> None:
            if isinstance(row, Event) and row.test == parents_test:
                row = copied(row, test="")
            send(row)

        self.vault.locks.leave()
        self.events.to_parent = send_row
        self.events.is_judged_here = False
        self.events.noted = []
        self.forget_replays()

    @property
    def is_child(self) -> bool:
        """Whether this process is a fork that runs no whole tests of its own."""
        return self.events.to_parent is not None and not self.events.is_judged_here

    def path_of_channel(self) -> str:
        """Return the file in which another process tells where it listens."""
        return self._children.path()

    def hear_children(self) -> None:
        """Take in what forked children have told."""
        if self.events.to_parent is not None:
            return
        for row in self._children.hear():
            if isinstance(row, Event):
                row.test = row.test or self.test
                self.events.rows.append(row)
                self.has_calls_of_children = True
            elif isinstance(row, MimicError):
                self.events.noted.append(row)
            elif isinstance(row, Listening):
                self.servers.of_children.add(row.address)

    def close(self) -> None:
        """Restore what was replaced."""
        self.collector.go_on()
        self._children.close()
