"""One run: its mode, its vault, its owners in turn, and what becomes of each call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_mimic.engine.calls import Call, Step
from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.events import Events
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places
    from pytest_mimic.vault.vault import Vault


class Owner:
    """A test, a wider fixture or a cassette: whose calls have an order.

    Attributes:
        name: `tests/test_a.py::test_b`, `tests/conftest.py::customer (session)[db=1]`,
            or the name of a cassette.
        kind: Which of the three it is.
        file: The name of its log in the vault.
        pid: The process in which it began.
    """

    name: str
    kind: Literal["test", "fixture", "cassette"]
    file: str
    pid: int

    def __init__(self, name: str, kind: Literal["test", "fixture"]) -> None:
        raise NotImplementedError


class Noted(NamedTuple):
    """An error of a call, until the phase in which it happened is judged."""

    error: MimicError
    call: str


class Run:
    """The run of this process.

    Attributes:
        mode: What calls become.
        vault: Where recordings are.
        places: The folders of this run.
        events: What happened.
        test: The id of the test that runs, or an empty text.
    """

    mode: Mode
    vault: Vault
    places: Places
    events: Events
    test: str

    def __init__(self, mode: Mode, vault: Vault, places: Places) -> None:
        raise NotImplementedError

    # -- what the wrappers and edges ask

    def passes(self) -> bool:
        """Whether a call runs for real unseen: it is part of a real call."""
        raise NotImplementedError

    def begin(self, call: Call) -> Step:
        """Give a call its place and say what becomes of it.

        Raises:
            MissingRecordingError: It has no recording, and may not run.
            StaleRecordingError: Its recording is stale.
            CorruptRecordingError: The file of its recording is damaged.
        """
        raise NotImplementedError

    def note(self, error: MimicError, call: str = "") -> None:
        """Keep an error for the verdict of the phase, should the code swallow it."""
        raise NotImplementedError

    # -- what pytest's phases tell

    def begin_test(self, nodeid: str) -> None:
        """A test begins, or a new attempt of it: what a failed one recorded goes."""
        raise NotImplementedError

    def end_test(self, *, passed: bool, skipped: bool = False) -> None:
        """A test has ended, with its fixtures of function scope; write its log."""
        raise NotImplementedError

    @contextmanager
    def owner(self, owner: Owner) -> Iterator[None]:
        """The set-up or the tear-down of a wider fixture, or the block of a cassette."""
        raise NotImplementedError

    def end_owner(self, owner: Owner, *, passed: bool) -> None:
        """A wider fixture or a cassette has ended; write its log."""
        raise NotImplementedError

    def uses(self, fixtures: Iterable[Owner]) -> None:
        """The wider fixtures whose answers the running test may hold."""
        raise NotImplementedError

    def take_noted(self) -> list[Noted]:
        """Give the errors since the last phase, those of forked children included."""
        raise NotImplementedError

    def close(self) -> None:
        """The run has ended: no owner runs any more."""
        raise NotImplementedError
