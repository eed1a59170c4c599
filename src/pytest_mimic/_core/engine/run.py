"""What a run is made of: its settings, vault and places, and its account.

The parts of the engine get it, or those of its parts that they use:

| noun | what it is | module |
|---|---|---|
| `Run` | what stays as it is until the run ends | this one |
| `Account` | what the run has done so far | `account` |
| `Current` | the test and the owner of now | `current` |
| `RealCalls` | the real calls of now | `current` |
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Final

from pytest_mimic._core.engine.account import Account
from pytest_mimic._core.engine.current import Current, RealCalls
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.words import lazy_attribute

if TYPE_CHECKING:
    from pytest_mimic._core.engine.recordings import Recordings
    from pytest_mimic._core.engine.senders import Senders
    from pytest_mimic._core.engine.stale_inputs import StaleInputs
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Vault


class Run:
    """What one run is made of (under xdist, what one worker is made of).

    It begins now, with an empty account. Four parts are made when they are first
    needed, since a run that only replays plain values needs none of them: `recordings`,
    `redactor`, `senders` and `inputs`.

    Attributes:
        settings: The settings.
        vault: The files of recordings and objects.
        account: What the run has done so far.
        current: The test and the owner of now.
        real_calls: The real calls of now.
        places: The folders that count by their place.
        today: The date of new recordings: a test may have stopped the clock.
        clock: Returns seconds, of which only differences have a meaning.
        started: When the run has begun, in nanoseconds.
    """

    # Functions of `time` are bound here, because freezegun replaces those in modules
    # with frozen ones.
    _time_ns = staticmethod(time_ns)

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        *,
        today: str,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        rootdir = settings.rootdir
        self.settings: Final = settings
        # Calls are found and recorded in it. A command opens a vault without a run.
        self.vault: Final = vault
        self.account: Final = Account()
        self.current: Final = Current(settings.commands)
        self.real_calls: Final = RealCalls()
        self.places: Final = Places(str(rootdir), os.path.realpath(rootdir))
        self.today: Final = today
        self.clock: Final = clock
        self.started: Final = self._time_ns()

    @lazy_attribute
    def recordings(self) -> Recordings:
        """The recordings that the run has read or written."""
        from pytest_mimic._core.engine.recordings import Recordings

        return Recordings(self.vault, self.account, mode=self.settings.mode)

    @property
    def made_recordings(self) -> Recordings | None:
        """The recordings; None: nothing needed them so far."""
        recordings: Recordings | None = vars(self).get("recordings")
        return recordings

    @lazy_attribute
    def redactor(self) -> Redactor:
        """The redactor of the run.

        It knows what servers have sent under secret names.
        """
        from pytest_mimic._core.redact.redactor import Redactor

        redactor = Redactor(self.settings.redact)
        redactor.environment_variables = self.current.variables
        return redactor

    @property
    def made_redactor(self) -> Redactor | None:
        """The redactor; None: nothing needed it so far.

        A run without clients needs none.
        """
        redactor: Redactor | None = vars(self).get("redactor")
        return redactor

    @lazy_attribute
    def senders(self) -> Senders:
        """The calls of this run that were sent with secrets."""
        from pytest_mimic._core.engine.senders import Senders

        return Senders(self.current.tell_sender)

    @lazy_attribute
    def inputs(self) -> StaleInputs:
        """What has changed of what calls reach and read."""
        from pytest_mimic._core.engine.stale_inputs import StaleInputs

        return StaleInputs(
            self.settings,
            self.vault,
            self.places,
            started=self.started,
            running_trace=self.real_calls.running_trace,
        )

    def stale_inputs(self, name: str | None) -> list[str]:
        """Return what has changed of a list of inputs, if that makes its outcome stale.

        Raises:
            MimicError: The list is missing or damaged, and nothing records it again.
        """
        if name is None or self.settings.inputs != "strict":
            return []
        return self.inputs.stale(name, self.current.test)

    def report_inputs(self) -> None:
        """Enter into the account what has changed of the inputs of replayed calls."""
        if any(replay.inputs for replay in self.account.each_replay()):
            self.inputs.report(self.account)

    def note_environment(self) -> None:
        """Keep the environment variables, as tests change them for themselves."""
        self.current.variables = dict(os.environ)
        if self.made_redactor is not None:
            self.made_redactor.environment_variables = self.current.variables

    def end_test(self) -> None:
        """End the running test, and the calls whose streams are garbage."""
        self.real_calls.end_unread_streams()
        self.current.end_test()
