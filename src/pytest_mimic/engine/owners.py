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
        fixture: The name of a fixture; of others empty.
        never_records: Why no option records its calls, and what does; else empty.
        pid: The process in which it began.
        thread: The thread in which it began.
        log_lock: Is held while its log is read.
        log: Its log, from its first call with a place on.
        unreadable: Why its log could not be read.
        times_asked: How many equal calls it began of what all tests share, by file.
        shared_writes: What all tests share and it has recorded, by file.
        borrowed: Answers that another owner has made in this run, by file.
        open_calls: The places of its calls that have not ended, in the order of their
            beginning, with what is made for real. A call puts itself in, and whoever
            takes it out ends it.
        storing_calls: Those whose outcomes are being stored.
        ended: Whether it has.
        fixtures: The wider fixtures that it uses.
        real_values: What stood at volatile paths, while verifying.
        begun_before: The instance of a wider fixture that has begun before in this run,
            with the same log.
        setup_calls: How many calls the set-up of a fixture made.
        setup: The digest of what the set-up of a fixture was asked and answered.
        first_test: The test for which the set-up of a fixture runs.
        is_set_up: Whether the set-up of a fixture has ended.
        has_missed: Whether a call of a test was refused.
        has_drifted: Whether a call, of a fixture a statement, has given something else.
        meets_other_state: Whether its first drift was a database in another state than
            when it was recorded. None: nothing has drifted.
        cassettes: The cassettes in it whose blocks have ended.
        undoable_writes: What a test or cassette has left in the vault, to be undone.
        former_name: Which owner that is gone its log may be of; empty: none is known.
        unnamed_cassettes: How many cassettes a test has not named.
        only_replayed: The files of a test that no option records again.
        scope: What its calls of clients have shown.
    """

    log: Log | None = None
    unreadable: MimicError | None = None
    begun_before: Owner | None = None
    setup_calls = 0
    setup = ""
    first_test = ""
    is_set_up = False
    has_missed = False
    has_drifted = False
    meets_other_state: bool | None = None
    former_name = ""
    unnamed_cassettes = 0
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
        self.fixture = name if kind == "fixture" else ""
        if file:
            self.file = file
        self.serves = name if serves is None else serves
        self.mode = mode
        self.never_records = never_records
        self.pid = pid or os.getpid()
        self.thread = threading.get_ident()
        self.log_lock = threading.Lock()
        self.times_asked: Counter[str] = Counter()
        self.shared_writes: dict[str, Written] = {}
        self.borrowed: dict[str, Entry] = {}
        self.open_calls: dict[Hashable, OpenCall | None] = {}
        self.storing_calls: dict[OpenCall, None] = {}
        self.ended = threading.Event()
        self.fixtures: dict[str, Owner] = {}
        self.real_values = RealValues()
        self.cassettes: list[Owner] = []
        self.undoable_writes: list[Written] = []
        self.only_replayed: set[str] = set()
        self._numbers: dict[str, defaultdict[Hashable, int]] = {}

    def __reduce__(self) -> Any:
        """Let another process know whose calls are not its own to begin."""
        make = partial(Owner, serves=self.serves, pid=self.pid)
        return make, (self.name, self.kind, self.mode)

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
        return self.is_set_up or (self.kind == "cassette" and self.ended.is_set())

    @cached_property
    def file(self) -> str:
        """The file of its log."""
        return log_name(self.name)

    def keep(self, written: Written) -> None:
        """Note what it has recorded for all tests, a file once."""
        former = self.shared_writes.get(written.name)
        if former is not None and former.new_content == written.old_content:
            former.new_content, former.stamp = written.new_content, written.stamp
            former.answer = written.answer
        else:
            # Behind a write of another process, only the last can be put back.
            self.shared_writes[written.name] = written

    def number(self, kind: str, key: Hashable) -> int:
        """Give the number of a thing, a database say, by the order of first use."""
        # One step of C: threads may use their first things at the same moment.
        return self._numbers.setdefault(kind, defaultdict(count().__next__))[key]
