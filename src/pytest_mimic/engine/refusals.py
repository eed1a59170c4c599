"""The words with which a call is refused, and the command that each error names."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_mimic.commands import Commands
from pytest_mimic.engine.calls import Call, Slot
from pytest_mimic.engine.events import Json
from pytest_mimic.engine.nesting import is_called_by
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.errors import (
    CorruptRecordingError,
    DriftError,
    MimicError,
    MissingRecordingError,
    Remedy,
    StaleRecordingError,
    UnstableIdentityError,
    UnstorableOutcomeError,
)
from pytest_mimic.patch.clients import versions_of
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import PAGE_ON_NEW_VALUES

if TYPE_CHECKING:
    from pytest_mimic.engine.nearest import RecordedCall
    from pytest_mimic.values.differences import Difference

_MOST_OF_A_DRIFT = 10
RECORD, RERECORD, VERIFY = "--mimic-record", "--mimic-rerecord", "--mimic-verify"
ACCEPT = "--mimic-accept-source"

# Damage that a new recording does not mend.
_HEALED_OTHERWISE = ("pointer", "newer", "forbidden", "linked", "unreadable")


class EndlessCallsError(BaseException):
    """Ends a test whose code makes the same missing call again and again.

    No `except Exception` of the code under test stops it.

    Attributes:
        miss: The error of the call.
    """

    def __init__(self, count: int, miss: MimicError) -> None:
        times = f"the same missing call was made {count:,} times"
        super().__init__(f"{times}, so the test is ended\n{miss}")
        self.miss = miss


class Refusals:
    """Makes the errors of the calls of one run.

    Attributes:
        vault: Where recordings are.
        commands: Writes the commands.
        secrecy: Knows what may be drawn.
        gone: The tests that exist no more, as far as is known.
        of_targets: Recordings by target, as far as misses have read them.
        named: What the lines of the ini file name.
        is_strict_by_ci: Whether inputs count because the environment says `CI`.
    """

    named: Collection[str] = ()
    is_strict_by_ci = False

    def __init__(self, vault: Vault, commands: Commands, secrecy: Secrecy) -> None:
        self.vault = vault
        self.commands = commands
        self.secrecy = secrecy
        self.gone: Container[str] = ()
        self.of_targets: dict[str, list[RecordedCall]] = {}

    def refusal(self, call: Call, slot: Slot, owner: Owner) -> MimicError:
        """Say why a call gets no outcome."""
        if slot.decision == "stale":
            return self._stale(call, slot, owner)
        # Only a miss compares.
        from pytest_mimic.engine.nearest import Hints, Nearest

        if slot.recorded == "empty":
            kept = "it gave nothing that was kept when its test was recorded"
            why = "it was cut short, refused, or its test did not pass"
            hints = Hints([f"{kept}: {why}"])
        else:
            known = self.vault, self.commands, self.secrecy, self.gone
            nearest = Nearest(call, owner, *known, self.of_targets, self.named)
            hints = nearest.hints(slot)
        what, words = f"no recording of {call.label()}", "to record it"
        facts = [*_upgrades(call, owner), *hints.facts]
        ways = [*hints.ways]
        if is_called_by("hypothesis.core"):
            what_differs = (
                "Hypothesis makes other examples in each run without a profile"
            )
            ways.append((what_differs, f"{PAGE_ON_NEW_VALUES}#hypothesis"))
        if owner.mode == "verify" and owner.findings.has_drifted:
            # What has drifted may have led to it, and has the command for both.
            drift = DriftError(what, facts)
            drift.call, drift.conversation = what, call.conversation
            return drift
        # A token is that of a replayed answer, and nobody could fill it in.
        # What a service answers leads to the calls that stand behind it in the log.
        leads_on = not call.is_function and owner.log and owner.log.leftovers()
        is_whole = call.tokens() or slot.stands_in_log or leads_on
        option = RERECORD if is_whole else RECORD
        return self.error(
            what,
            facts,
            owner,
            words=words,
            option="" if hints.is_enough else option,
            ways=ways,
            cause=f"{call.target} {hints.cause}" if hints.cause else "",
        )

    def _stale(self, call: Call, slot: Slot, owner: Owner) -> MimicError:
        assert slot.entry is not None
        changed, what, facts = call.stale_parts(slot.entry), call.target, []
        new = call.new_arguments(slot.entry)
        words = f"{what} has changed since this call was recorded"
        if new:
            arguments = ", ".join(new)
            words = f"{what} was recorded before it had an argument {arguments}"
        elif changed != [what]:
            used = f"code or a file that {call.label()} uses"
            words = f"{used} has changed since this call was recorded"
            facts = [f"{name} has changed" for name in changed]
            if self.is_strict_by_ci:
                facts.append("mimic_inputs is strict, since the environment says CI")
        ways = [("if the change does not matter", self.command(ACCEPT, owner))]
        if not owner.never_records:
            command = self.command(VERIFY, owner)
            ways.insert(0, ("to see whether the outcome changed", command))
        return self.error(
            words,
            facts,
            owner,
            make=StaleRecordingError,
            option=RERECORD if slot.stands_in_log else RECORD,
            ways=ways,
            cause=words,
        )

    def error(
        self,
        what: str,
        facts: Iterable[str],
        owner: Owner,
        *,
        make: type[MimicError] = MissingRecordingError,
        words: str = "to record it again",
        option: str = RERECORD,
        ways: Iterable[Remedy] = (),
        cause: str = "",
    ) -> MimicError:
        """Give the error of a call that only a new recording helps.

        Args:
            what: What happened, to which call.
            facts: Lines that explain it.
            owner: Whose call it is.
            make: The class of the error.
            words: The words before the command.
            option: The option that records it; empty: only `ways` help.
            ways: What else helps.
            cause: A text that is equal for calls with one cause.
        """
        error = make(what, facts, [*self._remedies(words, option, owner), *ways])
        error.cause = cause
        if not owner.never_records:
            error.option = option
        return error

    def without_place(self, call: Call, owner: Owner) -> MissingRecordingError:
        """A call that has a place begins without an owner, or in a child process."""
        what = "belongs to the calls of a test, but no test is running"
        facts = ["it may have been made by an import, or by a thread between two tests"]
        other = "make it in a test or in a fixture"
        if owner.name:
            what = (
                "was made in a child process, where it has no place among the calls of"
                " the test"
            )
            facts = []
            other = "mimic the function that starts the process, or start a thread"
        remedies = [
            ("to let all tests share it", call.line_to_share()),
            (f"or {other}", ""),
        ]
        return MissingRecordingError(f"{call.label()} {what}", facts, remedies)

    def in_child(self, call: Call) -> MimicError:
        """A call is to be made for real in a forked child, which records nothing."""
        return UnstorableOutcomeError(
            f"{call.label()} would be made for real in a forked child process",
            ["such a process replays, and records nothing"],
            [("mimic the function that starts the process", "")],
        )

    def unfilled(
        self,
        call: Call,
        placeholder: str,
        owner: Owner,
        *,
        is_left_out: bool = False,
    ) -> MimicError:
        """A request that is to be sent holds what stands for a secret."""
        facts = ["the answer that issued the secret was replayed"]
        ways = []
        if is_left_out:
            facts.append("no line takes this call: it is sent in each run")
            ways.append(("for replays", "record it, too: take it out of exclude="))
        return self.error(
            f"{call.label()} cannot be sent: it contains {placeholder}, the placeholder"
            " of a secret in a recorded answer",
            facts,
            owner,
            words="to record both again",
            ways=ways,
        )

    def second_sender(self, call: Call, keys: str, path: str) -> MimicError:
        """Two who send other keys would share one recording.

        Args:
            call: The call.
            keys: The names of the keys.
            path: The header that tells them apart; empty: none does.
        """
        what = (
            f"{call.label()} is sent with a different {keys} from an equal call before"
            " it"
        )
        ways = []
        if path:
            ways.append(("to tell them apart", call.line_with(match=[path])))
        ways.append(("or give each test a recording of its own", "leave out shared"))
        facts = ["one recording serves all tests, and keys do not count"]
        return UnstableIdentityError(what, facts, ways)

    def equal_when_hidden(self, call: Call, way: str) -> MimicError:
        """Secrets are all that tells a call from an equal one before it.

        Args:
            call: The call.
            way: What to do: `pass the literals as parameters`.
        """
        what = f"{call.label()} is another call before it, but for what is hidden"
        facts = ["it names a secret, so that no recording shows its literals"]
        return UnstableIdentityError(what, facts, [("to tell them apart", way)])

    def add_command(self, error: MimicError, owner: Owner) -> None:
        """Name the command that makes a damaged recording again."""
        if not isinstance(error, CorruptRecordingError):
            return
        is_named = any(command for _, command in error.remedies)
        if error.damage not in _HEALED_OTHERWISE and not is_named:
            error.remedies += tuple(
                self._remedies("to record it again", RERECORD, owner)
            )

    def drift(
        self,
        call: Call,
        differences: Sequence[Difference],
        owner: Owner,
        *,
        failed: str,
        of_fixture: bool,
    ) -> DriftError:
        """A real outcome differs from the recorded outcome.

        Args:
            call: The call.
            differences: Where it differs.
            owner: Whose call it is.
            failed: How the real call failed, which is not to be accepted.
            of_fixture: Whether it is a statement of a wider fixture in a recording run.
        """
        label = call.label()
        what = f"{label} no longer gives what was recorded"
        remedies = self._remedies("to accept it", RERECORD, owner)
        if of_fixture:
            what = (
                f"{label} of a fixture no longer gives what was recorded, so new"
                " calls would start from another state"
            )
            # All that uses the fixture, not its first test alone.
            command = self.commands.pytest(RERECORD, tests=filter(None, [owner.serves]))
            words = (
                "start from the state that was recorded,"
                " or record everything that uses the fixture again"
            )
            remedies = [(words, command)]
        if failed:
            option = RECORD if of_fixture else VERIFY
            remedies = self._remedies(f"{failed}, to try again", option, owner)
        from pytest_mimic.values.differences import lines_of  # only a drift draws

        shown = [self.secrecy.masked_difference(one) for one in differences]
        error = DriftError(what, lines_of(shown, _MOST_OF_A_DRIFT), remedies)
        error.call, error.conversation = label, call.conversation
        if not (of_fixture or owner.never_records):
            error.option = VERIFY if failed else RERECORD
        return error

    def of_other_state(self, owner: Owner) -> tuple[Remedy, ...]:
        """Say what to do where a database is not as it was when it was recorded."""
        again = self.command(VERIFY, owner)
        return (("record and verify from the same state, then", again),)

    def command(self, option: str, owner: Owner) -> str:
        """Give the command that runs an owner again."""
        test = owner.serves
        # A fixture is recorded again with all that it serves.
        if option != RERECORD and owner.is_here and not owner.set_up.has_ended:
            test = owner.set_up.first_test or owner.serves
        return self.commands.pytest(option, tests=filter(None, [test]))

    def _remedies(self, words: str, option: str, owner: Owner) -> list[Remedy]:
        if not option:
            return []
        if owner.never_records:
            return [(owner.never_records, "")]
        return [(words, self.command(option, owner))]


def _upgrades(call: Call, owner: Owner) -> list[str]:
    """Name the versions of a client that is another than when it was recorded."""
    if owner.log is None:
        return []
    now = versions_of([call.target])
    return [
        f"recorded with {name} {before}, now {now[name]}: record all of its tests again"
        for name, before in owner.log.recording.clients.items()
        if before != now.get(name, before)
    ]


def facts_of(error: MimicError) -> dict[str, Json]:
    """Give the facts of an event that tell an error."""
    return {
        "error": error.what,
        "facts": [*error.facts],
        "remedies": [[*remedy] for remedy in error.remedies],
        "option": error.option,
        "cause": error.cause,
    }
