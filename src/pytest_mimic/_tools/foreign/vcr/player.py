"""Replays the cassettes of vcrpy of one test, until the test has a cassette in the vault."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mimic._core.ambient import command
from pytest_mimic._core.engine.conversations import ClientConversation
from pytest_mimic._core.engine.decisions import decisions_of
from pytest_mimic._core.engine.steps import PASS, Replay
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.settings import Mode
from pytest_mimic._tools.foreign.vcr.matching import (
    Describer,
    LiveRequest,
    RecordedRequest,
    RequestIndex,
    recorded_requests,
)
from pytest_mimic._tools.foreign.vcr.vcr_requests import VcrRequest
from pytest_mimic._tools.foreign.vcr.vcr_settings import ABOVE
from pytest_mimic.errors import CassetteError, MissingRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.cassettes import OpenCassette
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._tools.foreign.vcr.cassette_entries import VcrExchange
    from pytest_mimic._tools.foreign.vcr.vcr_settings import VcrSettings

    class OpensCassettes(Protocol):
        """A run, as far as it opens cassettes in the vault."""

        state: RunState

        def open_cassette(self, fixture: str, name: str) -> OpenCassette:
            """Return a cassette in the mode that the fixture has in this run."""
            ...


_TAKE_OUT = "take it out, or move the test to mimic_functions, whose lines have ignore= and match="


class VcrFiles:
    """The files of vcrpy that a run has read. Each is read again only if it has changed."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[Any, ...], list[VcrExchange]]] = {}
        self._entries: dict[Path, list[RecordedRequest]] = {}
        self._describer: Describer | None = None

    def describer(self, redactor: Redactor) -> Describer:
        """Return the describer of the run's requests."""
        if self._describer is None:
            self._describer = Describer(redactor)
        return self._describer

    def entries(
        self, path: Path, label: str, settings: VcrSettings, describer: Describer
    ) -> list[RecordedRequest]:
        """Return the entries of a file that was read, as it is: the settings do not change them."""
        if path not in self._entries:
            exchanges = self._read[path][1]
            self._entries[path] = recorded_requests(exchanges, settings, describer, label)
        return self._entries[path]

    def read(
        self, path: Path, label: str, deserialize: Callable[[str], Any] | None = None
    ) -> list[VcrExchange] | None:
        """Return the entries of a cassette, None without such a file. `deserialize` is the suite's own reader.

        Raises:
            CassetteError: It cannot be read, or an entry of it.
        """
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        version = (status.st_mtime_ns, status.st_size, deserialize)
        known = self._read.get(path)
        if known is not None and known[0] == version:
            return known[1]
        from pytest_mimic._tools.foreign.vcr.cassette_file import read_cassette

        found = read_cassette(path, label=label, deserialize=deserialize)
        if found.problems:
            remedy = "repair it, or record the test again: pytest --mimic-rerecord"
            raise CassetteError(
                f"{label} is damaged", facts=found.problems[:5], remedies=[remedy], cassette=label
            )
        self._read[path] = version, found.exchanges
        self._entries.pop(path, None)
        return found.exchanges


class VcrPlayer:
    """The cassettes of vcrpy that one test uses.

    Once the test has a cassette in the vault, that one takes all calls. `--mimic-record` makes it when a request has no
    answer: then it holds the whole conversation, as answers of vcrpy's cassette are never mixed with new ones.

    Args:
        run: Opens cassettes in the vault.
        settings: Those of the cassette.
        files: The files read so far.
        name: The name of the test's cassette in the vault.

    Attributes:
        mode: `live` if nothing is mimicked.
        ordinals, conversations, is_aborted, is_ending, is_test: As an `OpenCassette` has them.
        own: The cassette in the vault, once it takes the calls.
        entries: The recorded requests.
        counts: How often each of them was played, by its place.
        repeats: Whether an answer may be played several times.
    """

    is_ending = False

    def __init__(self, run: OpensCassettes, settings: VcrSettings, files: VcrFiles, name: str) -> None:
        self._run = run
        self._state = state = run.state
        self._recordings = decisions_of(state).recordings
        self._settings = settings
        self._name = name
        self._file = f"cassettes/{name}.json"
        self._guard = threading.RLock()
        self.repeats = settings.repeats
        self.ordinals: dict[str, list[str]] = {}
        self.conversations: dict[str, ClientConversation] = {}
        self._has_replayed = False
        self.is_aborted = self.is_test = False
        self.own: OpenCassette | None = None
        self.entries: list[RecordedRequest] = []
        self.counts: Counter[int] = Counter()
        self._index: RequestIndex | None = None
        self._describer = files.describer(state.redactor)
        self._describer.issue_sensitive(settings.sensitive)
        self._labels = [_label(path, state.settings.rootdir) for path in settings.paths]
        self._absent: list[str] = []
        for note in settings.notes:
            state.ledger.note(note)
        is_live = state.settings.mode is Mode.LIVE and state.only is None
        self.mode = "live" if is_live else "replay"
        if is_live:
            return
        if state.vault.store.size(self._file) is not None:
            # `mimic_replay` records in no mode, and `mimic_auto` not without an option, as the cassette exists.
            self.own = run.open_cassette("auto" if self._may_record else "replay", name)
            if self.own.mode in ("record", "extend"):
                self._check_recordable()
            here = [
                label for path, label in zip(settings.paths[:1], self._labels, strict=False) if path.is_file()
            ]
            state.ledger.superseded.update(here)
            return
        records_all = state.settings.mode is Mode.RERECORD and state.only is None and self._may_record
        if not records_all:
            self._load(files)

    def _load(self, files: VcrFiles) -> None:
        for path, label in zip(self._settings.paths, self._labels, strict=True):
            exchanges = files.read(path, label, self._settings.deserialize)
            if exchanges is None:
                self._absent.append(label)
                continue
            if self._settings.changes_entries:
                self.entries += recorded_requests(exchanges, self._settings, self._describer, label)
            else:
                self.entries += files.entries(path, label, self._settings, self._describer)

    @property
    def record_mode(self) -> str:
        """The record mode of vcrpy that is set, `none` without one."""
        return self._settings.record_mode or "none"

    @property
    def _may_record(self) -> bool:
        return self._settings.record_mode != "none"

    # -- deciding

    def decide(self, call: Call) -> Step:
        """Return the step for a call of a client.

        Raises:
            MissingRecordingError: No entry answers it, and it may not be recorded.
        """
        if call.plan.kind in ABOVE or call.plan.kind in self._settings.skipped:
            return PASS
        sent = call.edge_call.raw
        if self._settings.filters:
            changed = self._settings.apply(VcrRequest.of(sent))
            if changed is None:
                return PASS
            sent = changed.sent()
            shown = self._describer.call(sent)
            if shown is not None:  # neither messages nor our format have what the filters take out
                plan: Any = call.plan
                call = replace(call, describe=partial(plan.described, shown))
        if self.own is not None:
            return self.own.decide(call)
        state = self._state
        mode, is_selected = state.settings.mode, True
        if state.only is not None:
            is_selected = state.only.takes(call.plan.target, call.signature, call.host)
        if not is_selected:
            mode = Mode.REPLAY
        if mode is Mode.LIVE:
            return PASS
        with self._guard:
            if self._may_record and (mode is Mode.RERECORD or state.conversations.runs_again(self._file)):
                return self._record(call)
            live = LiveRequest(sent, self._describer)
            matching = self._matching(live)
            place = next((one for one in matching if self.repeats or not self.counts[one]), None)
            if place is None and mode is Mode.RECORD and self._may_record:
                return self._record(call)
            if place is None:
                raise self._miss(call, matching)
            self.counts[place] += 1
            self._has_replayed = True
        entry = self.entries[place]
        if mode is Mode.VERIFY:  # the real response is compared without its secrets
            expected, _ = entry.response_without_secrets()
            return self._recordings.verification(call, [state.vault.stored(Outcome.of_value(expected), 0.0)])
        return Replay(state, call, state.vault.stored(Outcome.of_value(entry.response), 0.0))

    def _matching(self, live: LiveRequest) -> list[int]:
        """Return the places of the entries for a request.

        Secrets that differ do not matter, as everywhere, unless a request is recorded with the same secrets, too.
        """
        if self._index is None:
            self._index = RequestIndex(self.entries, self._settings, self._describer)
        return self._index.matching(live, plain=True) or self._index.matching(live, plain=False)

    def _record(self, call: Call) -> Step:
        """Let a cassette in the vault take this call and all that follow.

        Raises:
            BaseException: The test is run again, because calls before this one were replayed.
            MissingRecordingError: It cannot be run again.
        """
        if self._has_replayed:
            by_pattern = self._state.only is not None
            with self._recordings.guard:
                conversation = self._state.conversations.of(self, self._file, call.plan.target)
                raise conversation.restart(call, by_pattern=by_pattern)
        self._check_recordable()
        self.own = self._run.open_cassette("record", self._name)
        return self.own.decide(call)

    def _check_recordable(self) -> None:
        """Refuse to record what an option of the suite would have hidden, or compared by a function.

        Raises:
            CassetteError: There is such an option.
        """
        if self._settings.functions:
            what = f"{self._state.test} cannot be recorded: {self._settings.named_functions}"
            fact = "what is recorded here is compared by our own rules, which do not know it"
            raise CassetteError(what, facts=[fact], remedies=[_TAKE_OUT], cassette=self._name)
        for option in self._settings.hiding:
            what = f"{self._state.test} cannot be recorded: {option} is for cassettes of vcrpy only"
            fact = "what it hides would be in the vault"
            remedy = f"hide secrets by mimic_redact, and take {option} out"
            raise CassetteError(what, facts=[fact], remedies=[remedy], cassette=self._name)

    def _miss(self, call: Call, matching: list[int]) -> Exception:
        """Return the error for a call without an answer."""
        remedies = None
        if not self._may_record:
            remedies = ["its record_mode is none, so that no option records it: take that out first"]
        elif self._settings.functions:
            remedies = [f"{self._settings.named_functions}, so that no option records it: {_TAKE_OUT}"]
        if matching:
            return self._exhausted(call, matching, remedies)
        known = [one for one in map(self._known(call), self.entries) if one is not None]
        within = ", ".join(self._labels)
        if len(self._absent) == len(self._labels):
            within += f", which {'does' if len(self._absent) == 1 else 'do'} not exist"
        elif self._absent:
            within += f" (missing: {', '.join(self._absent)})"
        return self._recordings.miss(call, among=known, within=within, remedies=remedies)

    def _exhausted(self, call: Call, matching: list[int], remedies: list[str] | None) -> Exception:
        """Return the error for a call whose answers have all been played."""
        test = self._state.test
        count = "its answer was" if len(matching) == 1 else f"each of its {len(matching)} answers was"
        files = ", ".join(dict.fromkeys(self.entries[place].label for place in matching))
        remedies = remedies or [f"to record it: {command('--mimic-record', test)}"]
        error = MissingRecordingError(
            f"no recording of {call.label}: {count} played already",
            facts=[f"recorded in {files}"],
            remedies=[
                "to play it again: allow_playback_repeats=True in the mark or in vcr_config",
                *remedies,
            ],
            call=call.label,
            test=test,
        )
        return self._state.blame(error, call, by_option=self._may_record)

    def _known(self, call: Call) -> Callable[[RecordedRequest], _Known | None]:
        describe: Any = call.plan

        def known(entry: RecordedRequest) -> _Known | None:
            recorded = entry.call
            return None if recorded is None else _Known(describe.described(recorded))

        return known

    def close(self, error: BaseException | None) -> None:
        """End the block: see `OpenCassette.close`."""
        if self.own is not None:
            self.own.close(error)


class _Known:
    """An entry, as messages know a recording."""

    test: None = None
    recorded: None = None
    source: None = None

    def __init__(self, arguments: dict[str, Any]) -> None:
        self.arguments = arguments


def _label(path: Path, rootdir: Path) -> str:
    """Return a file's name for messages, relative to the rootdir if it is inside."""
    try:
        return path.relative_to(rootdir).as_posix()
    except ValueError:
        return os.fspath(path)
