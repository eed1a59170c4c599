"""Whose calls have an order: a test, a wider fixture, a cassette."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Hashable
from functools import cached_property, partial
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.nesting import OpenCall
from pytest_mimic.engine.verifying import RealValues
from pytest_mimic.errors import MimicError
from pytest_mimic.vault.names import log_name
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Written

if TYPE_CHECKING:
    from pytest_mimic.secrets.issued import SecretScope


class SetUp:
    """The set-up of a wider fixture.

    Attributes:
        first_test: The test for which it runs.
        calls: How many calls it made.
        digest: The digest of what it was asked and answered.
        has_ended: Whether it has ended.
        before: The instance of the fixture that has begun before in this run, with the
            same log.
    """

    first_test = ""
    calls = 0
    digest = ""
    has_ended = False
    before: Owner | None = None


class SharedByOwner:
    """What an owner asks, makes and is given of what all tests share.

    Attributes:
        times_asked: How many equal calls it began, by file.
        written: What it has recorded, by file.
        borrowed: Answers that another owner has made in this run, by file.
    """

    def __init__(self) -> None:
        self.times_asked: Counter[str] = Counter()
        self.written: dict[str, Written] = {}
        self.borrowed: dict[str, Entry] = {}

    def keep(self, written: Written) -> None:
        """Note what it has recorded, a file once."""
        former = self.written.get(written.name)
        if former is not None and former.new_content == written.old_content:
            former.new_content, former.stamp = written.new_content, written.stamp
            former.answer = written.answer
        else:
            # Behind a write of another process, only the last can be put back.
            self.written[written.name] = written


class CassettesOfTest:
    """The cassettes that a test opens.

    Attributes:
        ended: Those whose blocks have ended.
        unnamed: How many it has not named.
        only_replayed: The files of those that no option records again.
    """

    unnamed = 0

    def __init__(self) -> None:
        self.ended: list[Owner] = []
        self.only_replayed: set[str] = set()


class Findings:
    """What was found out about the calls of an owner, for those that follow.

    Attributes:
        has_missed: Whether a call of a test was refused.
        has_drifted: Whether a call, of a fixture a statement, has given something else.
        meets_other_state: Whether its first drift was a database in another state than
            when it was recorded. None: nothing has drifted.
        former_name: Which owner that is gone its log may be of; empty: none is known.
    """

    has_missed = False
    has_drifted = False
    meets_other_state: bool | None = None
    former_name = ""


class Owner:
    """A test, the instance of a wider fixture, or a cassette, while it lives.

    What is called when none of them runs is of one without a name, which keeps nothing.

    Args:
        name: `tests/test_a.py::test_b`, `tests/conftest.py::customer (session)[db=1]`,
            or the name of a cassette.
        kind: Which of the three it is.
        mode: That of the run, or of a cassette's block.
        file: The name of its log in the vault. Default: made of the name.
        serves: What runs again if it is recorded again: the id of a test or of a file;
            empty: all tests.
        pid: The process in which it began. Default: this one.

    Attributes:
        never_records: Why no option records its calls, and what does; else empty.
        pid: The process in which it began.
        thread: The thread in which it began.
        log_lock: Is held while its log is read.
        log: Its log, from its first call with a place on.
        unreadable: Why its log could not be read.
        open_calls: The places of its calls that have not ended, in the order of their
            beginning, with what is made for real. A call puts itself in, and whoever
            takes it out ends it.
        storing_calls: Those whose outcomes are being stored.
        ended: Whether it has.
        fixtures: The wider fixtures that it uses.
        set_up: The set-up of a wider fixture.
        shared: What it does with what all tests share.
        cassettes: The cassettes that a test opens.
        findings: What was found out about its calls.
        real_values: What stood at volatile paths, while verifying.
        undoable_writes: What a test or cassette has left in the vault, to be undone.
        scope: What its calls of clients have shown.
    """

    log: Log | None = None
    unreadable: MimicError | None = None
    scope: SecretScope | None = None

    def __init__(
        self,
        name: str,
        kind: Literal["test", "fixture", "cassette"],
        mode: Mode,
        *,
        file: str = "",
        serves: str | None = None,
        never_records: str = "",
        pid: int = 0,
    ) -> None:
        self.name = name
        self.kind = kind
        if file:
            self.file = file
        self.serves = name if serves is None else serves
        self.mode = mode
        self.never_records = never_records
        self.pid = pid or os.getpid()
        self.thread = threading.get_ident()
        self.log_lock = threading.Lock()
        self.open_calls: dict[Hashable, OpenCall | None] = {}
        self.storing_calls: dict[OpenCall, None] = {}
        self.ended = threading.Event()
        self.fixtures: dict[str, Owner] = {}
        self.real_values = RealValues()
        self.cassettes = CassettesOfTest()
        self.shared = SharedByOwner()
        self.set_up = SetUp()
        self.findings = Findings()
        self.undoable_writes: list[Written] = []
        self._numbers: dict[str, defaultdict[Hashable, int]] = {}

    def __reduce__(self) -> Any:
        """Let another process know whose calls are not its own to begin."""
        make = partial(Owner, serves=self.serves, pid=self.pid)
        return make, (self.name, self.kind, self.mode)

    @property
    def fixture(self) -> str:
        """The name of a fixture; of others empty."""
        return self.name if self.kind == "fixture" else ""

    @property
    def records(self) -> bool:
        """Whether calls that have no recording are recorded."""
        return self.mode in ("record", "rerecord")

    @property
    def is_here(self) -> bool:
        """Whether calls of this process have a place among the owner's calls.

        Those of a forked child have none, and without a name it is no owner.
        """
        return bool(self.name) and self.pid == os.getpid()

    @property
    def is_written(self) -> bool:
        """Whether its log stands in the vault, but for the tear-down of a fixture."""
        return self.set_up.has_ended or (
            self.kind == "cassette" and self.ended.is_set()
        )

    @cached_property
    def file(self) -> str:
        """The file of its log."""
        return log_name(self.name)

    def number(self, kind: str, key: Hashable) -> int:
        """Give the number of a thing, a database say, by the order of first use."""
        # One step of C: threads may use their first things at the same moment.
        return self._numbers.setdefault(kind, defaultdict(count().__next__))[key]
