"""What becomes of each recording under the lines of today.

The planner changes no file: the command in `_tools/cli/rekey.py` carries the plan out,
and prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_mimic._core.engine.recorded_identities import (
    CannotFollowError,
    identity_under,
)
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.target_options import changed_options, is_sequence
from pytest_mimic._core.targets.target import Target
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import parse_recording
from pytest_mimic._core.vault.recording_facts import (
    ERRORS_OF_SHAPE,
    Recording,
    StoredOutcome,
    calls_of,
)
from pytest_mimic._tools.rekey.call_redactor import CallRedactor
from pytest_mimic._tools.rekey.calls_to_rekey import (
    CallToRekey,
    Facts,
    MustStayError,
    Rekeyed,
    calls_of_other_files,
    reason_of_edit,
    with_new_identity,
)
from pytest_mimic._tools.rekey.idle_paths import new_paths
from pytest_mimic._tools.rekey.joining import (
    DifferentOutcomesError,
    is_finished,
    joined_sequence,
    joined_shared,
)
from pytest_mimic._tools.rekey.lines_of_today import Line, lines_for
from pytest_mimic._tools.rekey.older_format import read_older
from pytest_mimic._tools.rekey.recorded_again import CallsOfToday
from pytest_mimic._tools.rekey.redacted_calls import RedactedCalls
from pytest_mimic.errors import MimicError

# The signature of what SQLAlchemy asks of a server on its first connection. The answers
# serve all tests, so that their recording belongs to none of them.
_SIGNATURES_OF_CONNECTIONS = ("CONNECT",)
# What a recording keeps among its options that is no option of a line.
_FACTS_AMONG_OPTIONS = ("python", "line")

IsSameUnderLine = Callable[[StoredOutcome, StoredOutcome, Line], bool]
"""Returns whether two outcomes are equal but for what `volatile=` of the line names."""


class StillFoundError(CannotFollowError):
    """A call cannot follow, and may have its identity under the line of today, too.

    So a run of today may replay it, and `rekey` says to record its test again.
    """


class Change(NamedTuple):
    """A file to write, and those that go once it is written.

    Attributes:
        name: The name of the file.
        facts: The content of the file; None if it stands there already.
        old_names: The files whose place the new one takes.
        number_rekeyed: How many calls get another identity or other options.
    """

    name: str
    facts: Facts | None
    old_names: tuple[str, ...]
    number_rekeyed: int


class StayingCall(NamedTuple):
    """A recorded call that cannot follow the lines of today.

    The command lists it, and leaves its recording as it is.

    Attributes:
        call_to_rekey: The call.
        reason: Why the call cannot follow, in words.
        changes: The options of the call's line that have changed.
        is_rival: Whether the call of another file would get the same identity and has
            another outcome, so that one of the two files has to be deleted.
        is_still_found: Whether a run of today may find a recording of the call, or of
            others in its sequence or cassette. Then only recording its test again takes
            its place.
        is_recorded_again: Whether the call was recorded again since, under the line of
            today, so that nothing finds this recording.
        has_secret: Whether the call holds what today's `mimic_redact` names.
        idle_paths: The line's new paths of `ignore=` that meet nothing which the
            recording shows, if the call stays because of them alone.
        line: What the line names, of a call with idle paths; empty: it has none.
    """

    call_to_rekey: CallToRekey
    reason: str
    changes: tuple[str, ...]
    is_rival: bool = False
    is_still_found: bool = True
    is_recorded_again: bool = False
    has_secret: bool = False
    idle_paths: tuple[str, ...] = ()
    line: str = ""


@dataclass
class Plan:
    """What `rekey` does, and what it leaves.

    Attributes:
        changes: The files to write and to delete, in this order.
        staying: The calls that a changed line concerns and that cannot follow it.
        number_from_python: How many calls have options that were given in Python, and
            so follow no line.
        number_hidden: How many calls lose what today's `mimic_redact` names.
        objects: The long parts of requests to write first, by their names.
    """

    changes: list[Change] = field(default_factory=list)
    staying: list[StayingCall] = field(default_factory=list)
    number_from_python: int = 0
    number_hidden: int = 0
    objects: dict[str, bytes] = field(default_factory=dict)


class Planner:
    """Makes the plan for one vault.

    Args:
        vault: The vault.
        targets: The lines of today.
        signature_of: Returns the signature of a call and its host, for patterns.
        is_same: Compares outcomes.
        call_redactor: Hides what today's `mimic_redact` names.
    """

    def __init__(
        self,
        vault: Vault,
        targets: Sequence[Target],
        *,
        signature_of: Callable[[Recording], tuple[str, str | None]],
        is_same: IsSameUnderLine,
        call_redactor: CallRedactor,
    ) -> None:
        self._vault = vault
        self._targets = targets
        self._signature_of = signature_of
        self._is_same = is_same
        self._call_redactor = call_redactor
        self._redacted_calls = RedactedCalls(vault, call_redactor)
        self._plan = Plan()
        # The files that get another name, and those of them whose new file is planned.
        self._names_to_vacate: set[str] = set()
        self._vacated_names: set[str] = set()

    def options_of(self, call: Recording) -> dict[str, Any]:
        """Return the options of the line that takes a call today, for `older_calls`."""
        signature, host = self._signature_of(call)
        lines = lines_for(self._targets, call.target, signature, host)
        if not lines:
            return {}
        return lines[0].options

    def plan(self, calls: Iterable[CallToRekey]) -> Plan:
        """Return what becomes of these calls.

        First each call is looked at by itself: what it is under the line of today. Then
        those that come to one name are joined.
        """
        old_calls = list(calls)
        self._redacted_calls.hide(old_calls)
        calls_under_lines: list[tuple[Rekeyed, Line]] = []
        for call_to_rekey in old_calls:
            call_under_line = self._call_under_line(call_to_rekey)
            if call_under_line is not None:
                calls_under_lines.append(call_under_line)
        calls_by_new_name: dict[str, list[tuple[Rekeyed, Line]]] = {}
        calls_by_cassette: dict[str, list[Rekeyed]] = {}
        for rekeyed_call, line in self._without_gaps(calls_under_lines):
            call_to_rekey = rekeyed_call.call_to_rekey
            redacted_call = self._redacted_calls.of(call_to_rekey)
            if redacted_call is not None:
                self._plan.objects.update(redacted_call.objects)
                self._plan.number_hidden += 1
            if not call_to_rekey.is_in_cassette:
                calls_of_name = calls_by_new_name.setdefault(rekeyed_call.name, [])
                calls_of_name.append((rekeyed_call, line))
            else:
                calls_of_cassette = calls_by_cassette.setdefault(call_to_rekey.file, [])
                calls_of_cassette.append(rekeyed_call)
        # A cassette is one file: it is written with all of its calls, or stays.
        for file, members in calls_by_cassette.items():
            try:
                self._plan.changes.append(self._changed_cassette(file, members))
            except CannotFollowError as reason:
                for member in members:
                    self._plan.staying.append(
                        StayingCall(member.call_to_rekey, str(reason), changes=())
                    )
        self._join(calls_by_new_name)
        self._find_recorded_again(old_calls)
        return self._plan

    def _find_recorded_again(self, calls: Sequence[CallToRekey]) -> None:
        """Note which calls that cannot follow were recorded again since.

        Nothing finds their recordings any more, so the command offers to delete them,
        and not to record their tests again.

        Args:
            calls: The calls that `plan` was asked for. A call that was recorded again
                stands among these, or in another file of the vault.
        """
        if not self._plan.staying:
            return
        # A call is told from others by its file, and by its place in a cassette.
        places_of_staying_calls = {
            (
                staying_call.call_to_rekey.file,
                staying_call.call_to_rekey.place_in_cassette,
            )
            for staying_call in self._plan.staying
        }
        candidates: list[CallToRekey] = []
        for call_to_rekey in (*calls, *calls_of_other_files(self._vault, calls)):
            place = (call_to_rekey.file, call_to_rekey.place_in_cassette)
            if (
                place not in places_of_staying_calls
                and not call_to_rekey.is_older
                and self._is_up_to_date(call_to_rekey)
            ):
                candidates.append(call_to_rekey)
        calls_of_today = CallsOfToday(candidates)
        judged_calls: list[StayingCall] = []
        for staying_call in self._plan.staying:
            # Of rivals, one has to be deleted: neither replaces the other, unless one
            # test has recorded both.
            is_recorded_again = calls_of_today.has(
                staying_call.call_to_rekey, by_same_test=staying_call.is_rival
            )
            has_secret = self._redacted_calls.keeps_secret(staying_call.call_to_rekey)
            judged_call = staying_call._replace(
                is_rival=staying_call.is_rival and not is_recorded_again,
                is_recorded_again=is_recorded_again,
                has_secret=has_secret,
            )
            judged_calls.append(judged_call)
        self._plan.staying = judged_calls

    def _is_up_to_date(self, call_to_rekey: CallToRekey) -> bool:
        """Return whether a call was recorded by a line of today, with its options.

        Such a call may have been recorded in place of one that cannot follow.
        """
        if not self._lines_of_call(call_to_rekey):
            return False
        return not self._changed_options(call_to_rekey)

    def _without_gaps(
        self, calls_under_lines: Iterable[tuple[Rekeyed, Line]]
    ) -> Iterator[tuple[Rekeyed, Line]]:
        """Yield the calls of which all neighbours can follow; the others stay.

        The calls of one test and target become sequences in their order. If the second
        of three calls stayed, the third would move up to the second place, and a replay
        would give its outcome to the second call.
        """
        # Where a call stays: its group and its target.
        gaps = {
            (
                _group_of(staying_call.call_to_rekey),
                staying_call.call_to_rekey.call.target,
            )
            for staying_call in self._plan.staying
        }
        for rekeyed_call, line in calls_under_lines:
            call_to_rekey = rekeyed_call.call_to_rekey
            group = _group_of(call_to_rekey)
            has_no_gap = group is None or (group, call_to_rekey.call.target) not in gaps
            # A call that only loses a secret keeps its place, so that a gap is no harm.
            if has_no_gap or not _count_rekeyed([rekeyed_call]):
                yield rekeyed_call, line
                continue
            reason = "another call of its test cannot follow"
            if call_to_rekey.is_in_cassette:
                reason = "another call of its cassette cannot follow"
            self._plan.staying.append(
                StayingCall(
                    call_to_rekey,
                    reason,
                    changes=tuple(self._changed_options(call_to_rekey)),
                )
            )

    def _call_under_line(
        self, call_to_rekey: CallToRekey
    ) -> tuple[Rekeyed, Line] | None:
        """Return a call under its line of today.

        None: there is nothing to change, or the call cannot follow, which is noted.
        """
        names_shown_today = self._call_redactor.names_no_longer_secret(call_to_rekey)
        if names_shown_today:
            # A run of today would count the value itself, and not its placeholder.
            loss = f"{', '.join(names_shown_today)} was hidden, and cannot come back"
            self._plan.staying.append(StayingCall(call_to_rekey, loss, changes=()))
            return None
        try:
            return self._under_line_of_today(call_to_rekey)
        except MustStayError as reason:
            staying_call = StayingCall(call_to_rekey, str(reason), changes=())
            self._plan.staying.append(staying_call)
        except CannotFollowError as reason:
            changes = self._changed_options(call_to_rekey)
            # A call whose line has not changed need not follow anything: it replays.
            if changes or self._redacted_calls.of(call_to_rekey) is not None:
                is_still_found = isinstance(reason, StillFoundError)
                # Of a sequence or cassette, other calls may be found.
                is_still_found = is_still_found or _group_of(call_to_rekey) is not None
                staying_call = StayingCall(
                    call_to_rekey,
                    str(reason),
                    changes=tuple(changes),
                    is_still_found=is_still_found,
                )
                self._plan.staying.append(self._with_idle_paths(staying_call))
        except ERRORS_OF_SHAPE as error:
            staying_call = StayingCall(call_to_rekey, reason_of_edit(error), changes=())
            self._plan.staying.append(staying_call)
        return None

    def _with_idle_paths(self, staying_call: StayingCall) -> StayingCall:
        """Return a call that stays, with the paths of its line that meet nothing.

        The command then says to mend the line, and not to record the call again.
        """
        call = staying_call.call_to_rekey.call
        lines = self._lines_of_call(staying_call.call_to_rekey)
        if names_client(call.target) or len(lines) != 1:
            return staying_call
        [line] = lines
        paths_of_ignore = new_paths(call, line.options)
        if paths_of_ignore is None:
            return staying_call
        # Where no path meets anything, the call has its identity under the line, too.
        is_still_found = staying_call.is_still_found or not paths_of_ignore.is_any_met
        return staying_call._replace(
            idle_paths=paths_of_ignore.idle,
            line=line.name,
            is_still_found=is_still_found,
        )

    # One call

    def _lines_of_call(self, call_to_rekey: CallToRekey) -> list[Line]:
        """Return the line that takes a call today, see `lines_for`."""
        call = call_to_rekey.call
        signature, host = self._signature_of(call)
        # What the line named when the call was recorded, if that was an alias.
        name_in_line = (call.options or {}).get("line", "")
        return lines_for(
            self._targets, call.target, signature, host, name_in_line=name_in_line
        )

    def _changed_options(self, call_to_rekey: CallToRekey) -> list[str]:
        """Return the options of a call's line that have changed, in words.

        Only the message of a call that stays shows them. Whether a call has to follow
        its line, `_changed_line` says.
        """
        lines = self._lines_of_call(call_to_rekey)
        options_before = call_to_rekey.call.options or {}
        is_client = names_client(call_to_rekey.call.target)
        if not lines:
            return []
        return changed_options(options_before, lines[0].options, is_client=is_client)

    def _under_line_of_today(
        self, call_to_rekey: CallToRekey
    ) -> tuple[Rekeyed, Line] | None:
        """Return a call with the identity that today's line gives it, and that line.

        None: nothing changes in its recording. The line has no name if the call only
        loses a secret.

        Raises:
            CannotFollowError: The call cannot get its identity under that line.
        """
        options_before = call_to_rekey.call.options or {}
        redacted_call = self._redacted_calls.redacted_or_refused(call_to_rekey)
        # The call without its secrets.
        call_without_secrets = call_to_rekey
        if redacted_call is not None:
            call_without_secrets = redacted_call.call_to_rekey
        if call_to_rekey.is_older:
            return self._from_older(call_without_secrets)
        line = self._changed_line(call_to_rekey)
        if line is None and redacted_call is None:
            return None
        if call_to_rekey.is_imported:
            raise StillFoundError("it was imported, and only some of its parts count")
        owner = call_to_rekey.call.owner
        options = options_before
        if line is not None:
            owner = self._owner_under_line(call_to_rekey, line)
            options = dict(line.options)
            for name in _FACTS_AMONG_OPTIONS:
                if name in options_before:
                    options[name] = options_before[name]
        # Of a call that only loses a secret: it keeps its options.
        no_line = Line("", {}, ())
        is_client = names_client(call_to_rekey.call.target)
        if not is_client and line is None:
            # Only the call's description has changed, which does not count.
            rekeyed_call = with_new_identity(
                call_without_secrets,
                call_to_rekey.identity,
                owner=owner,
                options=options,
            )
            return rekeyed_call, no_line
        identity_before = identity_under(call_to_rekey.call, options_before)
        # What counts of a function is not redacted.
        counted_call = call_without_secrets.call if is_client else call_to_rekey.call
        new_identity = identity_under(counted_call, options)
        # The identity is made again of what the recording keeps. If that does not give
        # the one by which it was recorded, the new one would be wrong, too.
        if identity_before != call_to_rekey.identity:
            # A part of the call is hidden, or was edited by hand. The options that have
            # changed may concern other parts: then the identity stays as it is.
            if (
                redacted_call is None
                and new_identity == identity_before
                and owner == call_to_rekey.call.owner
            ):
                return None
            raise StillFoundError("a part of it is hidden, or is not kept whole")
        rekeyed_call = with_new_identity(
            call_without_secrets, new_identity, owner=owner, options=options
        )
        return rekeyed_call, line or no_line

    def _from_older(self, call_to_rekey: CallToRekey) -> tuple[Rekeyed, Line] | None:
        """Return a call of 1.0.0rc3's format under its line; None if no line takes it.

        The identity that the call has is not checked: the format does not keep the
        options under which it was taken.

        Raises:
            MustStayError: The format does not keep what identifies the call.
        """
        call = call_to_rekey.call
        if not names_client(call.target):
            raise MustStayError("its format does not keep what identifies it")
        lines = self._lines_of_call(call_to_rekey)
        if not lines:
            return None
        if len(lines) > 1:
            names = ", ".join(line.name for line in lines)
            raise MustStayError(f"several lines may take it: {names}")
        [line] = lines
        # As in `_owner_under_line`, but for connections, and with nothing to compare.
        owner = call.owner
        if not call_to_rekey.is_in_cassette:
            becomes_sequence = is_sequence(line.options, is_client=True)
            signature = (call.arguments or {}).get("signature")
            opens_connection = signature in _SIGNATURES_OF_CONNECTIONS
            if becomes_sequence and owner is None and not opens_connection:
                raise MustStayError(
                    "it served all tests, and nobody knows which of them used it"
                )
            if not becomes_sequence:
                owner = None
        if call_to_rekey.is_imported:
            # The identity of such a call says which parts count, under any line.
            rekeyed_call = with_new_identity(
                call_to_rekey,
                call_to_rekey.identity,
                owner=owner,
                options=line.options,
            )
            return rekeyed_call, line
        if call.parts is None:
            raise MustStayError("its format does not keep what identifies it")
        new_identity = identity_under(call, line.options)
        rekeyed_call = with_new_identity(
            call_to_rekey, new_identity, owner=owner, options=line.options
        )
        return rekeyed_call, line

    def _changed_line(self, call_to_rekey: CallToRekey) -> Line | None:
        """Return the line of today that a call has to follow.

        None: no line takes the call, or the call has its identity under the line
        already, or its options were given in Python.

        Raises:
            CannotFollowError: Several lines may take the call.
        """
        options_before = call_to_rekey.call.options or {}
        is_client = names_client(call_to_rekey.call.target)
        lines = self._lines_of_call(call_to_rekey)
        if not lines:
            return None
        for line in lines:
            options = line.options
            if not changed_options(options_before, options, is_client=is_client):
                return None
        if options_before.get("python"):
            # No line of the ini file says what these options are today.
            self._plan.number_from_python += 1
            return None
        if len(lines) > 1:
            names = ", ".join(line.name for line in lines)
            raise StillFoundError(f"several lines may take it: {names}")
        return lines[0]

    def _owner_under_line(self, call_to_rekey: CallToRekey, line: Line) -> str | None:
        """Return the test or scope that a recording belongs to under a line.

        It counts in the name of the recording's file. None: it serves all tests.

        Raises:
            CannotFollowError: The recording served all tests, and would now belong to
                one of them.
        """
        call = call_to_rekey.call
        if call_to_rekey.is_in_cassette:
            return call.owner
        is_client = names_client(call.target)
        was_sequence = is_sequence(call.options or {}, is_client=is_client)
        becomes_sequence = is_sequence(line.options, is_client=is_client)
        if becomes_sequence and not was_sequence:
            raise CannotFollowError(
                "it served all tests, and nobody knows which of them used it"
            )
        if not becomes_sequence:
            return None
        return call.owner

    # Files

    def _changed_cassette(self, file: str, members: Sequence[Rekeyed]) -> Change:
        """Return the cassette with the new identities. Its calls keep their order."""
        content = self._vault.store.read(file) or b""
        if members[0].call_to_rekey.is_older:
            cassette_facts = read_older(content)
        else:
            cassette_facts = parse_recording(content, self._vault.label, file)
        facts_of_calls = list(cassette_facts["calls"])
        # A file has one format, so an older cassette changes whole or not at all.
        if members[0].call_to_rekey.is_older and len(members) < len(facts_of_calls):
            raise CannotFollowError("another call of its cassette cannot follow")
        for member in members:
            assert member.call_to_rekey.place_in_cassette is not None
            facts_of_calls[member.call_to_rekey.place_in_cassette] = member.facts
        return Change(
            file,
            {**cassette_facts, "calls": facts_of_calls},
            old_names=(),
            number_rekeyed=_count_rekeyed(members),
        )

    def _join(self, calls_by_new_name: dict[str, list[tuple[Rekeyed, Line]]]) -> None:
        """Plan the recordings with new names: join those that get the same name.

        Args:
            calls_by_new_name: By the new name, the calls that get it, each with its
                line.
        """
        for name in self._new_names_in_order_of_moves(calls_by_new_name):
            members = [member for member, _ in calls_by_new_name[name]]
            # The members have one target, and so one line.
            _, line = calls_by_new_name[name][0]
            try:
                self._plan.changes.append(self._joined_change(name, members, line))
            except CannotFollowError as reason:
                self._leave_unjoined(name, members, reason)

    def _leave_unjoined(
        self, name: str, members: Sequence[Rekeyed], reason: CannotFollowError
    ) -> None:
        """Note in the plan that calls stay as they are, as they cannot become one.

        Args:
            name: The name that the joined recording would have.
            members: The calls.
            reason: Why they cannot become one.
        """
        is_name_taken = self._vault.store.read(name) is not None
        files_with_name = {member.call_to_rekey.file for member in members}
        if is_name_taken:
            files_with_name.add(name)
        is_rival = (
            isinstance(reason, DifferentOutcomesError) and len(files_with_name) > 1
        )
        for member in members:
            # A run finds the recording that has the name already. It finds the other
            # calls of a group by their own names.
            is_in_group = _group_of(member.call_to_rekey) is not None
            staying_call = StayingCall(
                member.call_to_rekey,
                str(reason),
                changes=tuple(self._changed_options(member.call_to_rekey)),
                is_rival=is_rival,
                is_still_found=is_name_taken or is_in_group,
            )
            self._plan.staying.append(staying_call)

    def _joined_change(self, name: str, members: list[Rekeyed], line: Line) -> Change:
        """Return what becomes of recordings that get one name.

        Raises:
            CannotFollowError: The recordings cannot become one.
        """
        standing_outcomes = self._outcomes_that_stay(name, members)
        old_names = [
            member.call_to_rekey.file
            for member in members
            if member.call_to_rekey.file != name
        ]
        is_shared = members[0].owner is None

        def is_same(first: StoredOutcome, second: StoredOutcome) -> bool:
            return self._is_same(first, second, line)

        if standing_outcomes is None:
            if is_shared:
                facts = joined_shared(members, is_same)
            else:
                facts = joined_sequence(members)
            return Change(
                name,
                facts,
                old_names=tuple(old_names),
                number_rekeyed=_count_rekeyed(members),
            )
        # The vault has a recording of this name, from a run under the line of today or
        # from a killed `rekey`. It stays, and the old files may go if it has all.
        for member in members:
            if is_finished(member, standing_outcomes):
                continue
            if not is_shared:
                raise DifferentOutcomesError(
                    "its test has recorded the call again, under the line of today"
                )
            joined_shared([member], is_same)
            if not is_same(standing_outcomes[0], member.outcomes[0]):
                raise DifferentOutcomesError("equal calls have different outcomes")
        return Change(
            name,
            facts=None,
            old_names=tuple(old_names),
            number_rekeyed=_count_rekeyed(members),
        )

    def _outcomes_that_stay(
        self, name: str, members: Sequence[Rekeyed]
    ) -> Sequence[StoredOutcome] | None:
        """Return the outcomes of the recording that has a name already, and keeps it.

        None: one of the members has the name, or it is free, or will be.

        Raises:
            CannotFollowError: The recording cannot be read, or is to move away itself
                and does not.
        """
        if any(member.call_to_rekey.file == name for member in members):
            return None
        content = self._vault.store.read(name)
        if content is None or name in self._vacated_names:
            return None
        if name in self._names_to_vacate:
            raise CannotFollowError("another recording, which stays, has its new name")
        try:
            facts = parse_recording(content, self._vault.label, name)
            return calls_of(self._vault.objects, name, facts)[0].outcomes
        except MimicError:
            raise CannotFollowError(
                f"{self._vault.label}/{name} cannot be read"
            ) from None

    def _new_names_in_order_of_moves(
        self, calls_by_new_name: dict[str, list[tuple[Rekeyed, Line]]]
    ) -> Iterator[str]:
        """Yield the new names so that a file is moved away before its name is taken.

        Where `a` becomes `b`, and `b` becomes `c`, the recording of `c` is written
        first. Where names change in a circle, the last of them finds its name taken,
        and its recording stays.
        """
        new_name_by_old_name: dict[str, str] = {}
        for new_name, members in calls_by_new_name.items():
            for member, _line in members:
                old_name = member.call_to_rekey.file
                new_name_by_old_name[old_name] = new_name
                if old_name != new_name:
                    self._names_to_vacate.add(old_name)
        yielded_names: set[str] = set()

        def visit(name: str, open_names: tuple[str, ...]) -> Iterator[str]:
            # An open name is met again where names change in a circle.
            if name in yielded_names or name in open_names:
                return
            # The recording that has this name moves first.
            name_to_take = new_name_by_old_name.get(name, name)
            if name_to_take != name:
                yield from visit(name_to_take, (*open_names, name))
            if name not in yielded_names:
                yielded_names.add(name)
                # Meanwhile, `_join` plans the change of this name, or leaves it.
                yield name
                for change in self._plan.changes:
                    self._vacated_names.update(change.old_names)

        for name in list(calls_by_new_name):
            if name not in yielded_names:
                yield from visit(name, ())


def _count_rekeyed(members: Iterable[Rekeyed]) -> int:
    """Return how many calls get another identity, or other options.

    The command prints the number. A call that only loses a secret is counted apart.
    """
    count = 0
    for member in members:
        call_to_rekey = member.call_to_rekey
        has_same_name = (
            member.new_identity == call_to_rekey.identity
            and member.owner == call_to_rekey.call.owner
        )
        has_same_options = member.options == (call_to_rekey.call.options or {})
        if call_to_rekey.is_older or not has_same_name or not has_same_options:
            count += 1
    return count


def _group_of(call_to_rekey: CallToRekey) -> str | None:
    """Return the group of a call: its cassette, or else the test or scope that owns it.

    The calls of a group have places in their order. If one of them stays as it is,
    those behind it would take the wrong places.

    None: all tests share the call, which has no place among others.
    """
    if call_to_rekey.is_in_cassette:
        return call_to_rekey.file
    return call_to_rekey.call.owner
