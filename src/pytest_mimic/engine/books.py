"""What the calls and the owners of a run write into."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.events import Events
from pytest_mimic.engine.inside import Inside
from pytest_mimic.engine.logs import Shared
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.refusals import (
    EndlessCallsError,
    Refusal,
    Refusals,
    facts_of,
)
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.engine.sleeps import Sleeps
from pytest_mimic.errors import (
    MimicError,
    MissingRecordingError,
    StaleRecordingError,
)
from pytest_mimic.vault.vault import Vault

if TYPE_CHECKING:
    from pytest_mimic.engine.anew import Anew

_MOST_MISSES = 1000


class Books:
    """What is kept of a run while it lasts.

    Attributes:
        vault: Where recordings are.
        commands: Writes the commands that errors name.
        events: What happened.
        inside: Which calls are a part of a real call.
        shared: What all tests share.
        secrecy: What is hidden.
        refusals: Makes the errors of calls that get no outcome.
        sleeps: Lets nobody wait after a miss.
        anew: Notes what the next run makes anew; None: nothing is recorded.
        test: The id of the test that runs, or an empty text.
        version: Another number means that what was replayed may be another now.
        written: The logs that fixtures have written.
        in_flight: The shared calls that run for real, as they began, by target and
            test.
    """

    def __init__(self, vault: Vault, commands: Commands, redact: Sequence[str]) -> None:
        self.vault = vault
        self.commands = commands
        self.events = Events()
        self.inside = Inside()
        self.shared = Shared(vault)
        self.secrecy = Secrecy(redact)
        self.refusals = Refusals(vault, commands, self.secrecy)
        self.sleeps = Sleeps()
        self.anew: Anew | None = None
        self.test = ""
        self.version = 0
        self.written: set[str] = set()
        self.in_flight: defaultdict[tuple[str, str], list[object]] = defaultdict(list)
        self._misses: Counter[tuple[str, str, str]] = Counter()

    def refuse(self, refusal: Refusal, call: Call, owner: Owner | None) -> MimicError:
        """Note the error that a call gets, and give it.

        Raises:
            EndlessCallsError: An equal call of this test was refused a thousand times.
        """
        error = refusal.error
        key = self.test, call.target, call.identity
        self._misses[key] += 1
        if self._misses[key] >= _MOST_MISSES:
            raise EndlessCallsError(_MOST_MISSES, error)
        label = call.label()
        self.events.note(error, label)
        self.sleeps.skip()
        if self._misses[key] == 1 and isinstance(error, MissingRecordingError):
            command = self.refusals.command(refusal.option, owner)
            facts = facts_of(refusal, command)
            is_stale = isinstance(error, StaleRecordingError)
            self.events.add(
                "stale" if is_stale else "missing", label, test=self.test, **facts
            )
        return error
