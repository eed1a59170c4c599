"""Cassettes: logs that have a name, and the calls in them as tests see them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pytest_mimic.engine.activations import Activations
from pytest_mimic.engine.calls import answer_of
from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.lifecycle import end_cassette
from pytest_mimic.engine.logs import Log
from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.run import Run
from pytest_mimic.errors import CassetteError, CorruptRecordingError, MimicError
from pytest_mimic.patch.clients import adapter_of, client_of
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Target
from pytest_mimic.values.outcome import copies_of, unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.names import cassette_name
from pytest_mimic.vault.recording import Entry, Recording

Fixture = Literal["record", "replay", "auto"]

_NEVER_RECORDS = "mimic_replay never records; use mimic_record or mimic_auto"
_OWN_NAME = "one block records a cassette: give this one a name of its own"


class CassetteCall:
    """One call of a cassette. Its outcome is made when it is read.

    Attributes:
        kind: `function`, or the client: `http`.
        target: The function's `module:name`, or the client.
        duration: How long the real call took, in seconds.
    """

    __module__ = "pytest_mimic"

    def __init__(self, entry: Entry, run: Run) -> None:
        self._run = run
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        self._entry = entry
        self.kind = "function" if entry.request is None else entry.target
        self.target = entry.target
        self.duration = entry.seconds

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the recording keeps of the arguments, or the parts of a request."""
        kept: dict[str, Any] = self._whole(self._entry.arguments or {})
        if self._entry.request is not None:
            kept = self._adapter.parts(self._whole(self._entry.request))
        return kept

    @property
    def outcome(self) -> Any:
        """A fresh copy: the value, the exception, the items, or a client's answer."""
        body = self._entry.body
        for key in ("value", "raised"):
            if key in body:
                return self._made(body[key])
        items = body.get("items")
        if isinstance(items, list):
            return [self._made(item) for item in items]
        return self._whole(body["answer"]) if "answer" in body else None

    @property
    def signature(self) -> str:
        """The call, with the status of its answer: `GET /users/1 → 200`."""
        status = answer_of(self._entry.body).get("status")
        signature = self._entry.signature or self.target
        return signature if status is None else f"{signature} → {status}"

    def match(
        self,
        only: str | Sequence[str] | None = None,
        *,
        exclude: str | Sequence[str] = (),
    ) -> bool:
        """Return whether patterns, as a line has them, select this call."""
        host: str | None = None
        if self._entry.request is not None:
            host = self._adapter.host(self._whole(self._entry.request))
        patterns = Patterns(_listed(only or ()), _listed(exclude))
        return patterns.takes(self._entry.signature or self.target, host)

    def _made(self, tree: Tree) -> Any:
        run = self._run
        if isinstance(tree, dict) and "$after" in tree:
            return f"<{tree['$after']}>"  # An argument, which nobody has here.
        forbid = run.settings.forbids_pickles
        return copies_of(tree, run.vault, run.folders, forbid=forbid)()

    def _whole(self, tree: Tree) -> Any:
        return unshelve(tree, self._run.vault)

    @property
    def _adapter(self) -> Any:
        client = client_of(self.target)
        assert client is not None
        return adapter_of(client)

    def __repr__(self) -> str:
        return f"<CassetteCall {self.kind} {self.signature}>"


@contextmanager
def live_calls_of_test(
    run: Run, activations: Activations
) -> Iterator[list[CassetteCall]]:
    """Collect such calls in live mode: beside the vault, and untold."""
    vault, path, rows = run.vault, run.vault.path, [*run.events.rows]
    with TemporaryDirectory() as folder:
        vault.move(Path(folder))
        try:
            with activations.seeing(), calls_of_test(run) as calls:
                yield calls
        finally:
            vault.close()
            vault.move(path)
            run.events.rows[:] = rows


@contextmanager
def calls_of_test(run: Run) -> Iterator[list[CassetteCall]]:
    """Collect the calls that begin in a block, without the calls of wider fixtures."""
    calls: list[CassetteCall] = []

    def see(entry: Entry) -> Callable[[Entry], None]:
        call = CassetteCall(entry, run)
        calls.append(call)
        return call._take

    run.see_call = see
    # What answers equal calls at once lets nobody see them.
    run.note_change()
    try:
        yield calls
    finally:
        run.see_call = None


def _listed(patterns: str | Sequence[str]) -> list[str]:
    if isinstance(patterns, str):
        return [one.strip() for one in patterns.split(",")]
    return list(patterns)


class Cassette:
    """A named, ordered list of calls, as a block has opened it."""

    __module__ = "pytest_mimic"

    def __init__(self, owner: Owner, run: Run) -> None:
        self._owner = owner
        self._run = run

    @property
    def name(self) -> str:
        """The name, which may hold folders."""
        return self._owner.name

    @property
    def path(self) -> Path:
        """The file, which exists once it is recorded."""
        return self._run.vault.path / self._owner.file

    @property
    def mode(self) -> str:
        """What the block does: `record`, `replay`, `verify` or `live`."""
        shown = {"accept-source": "replay", "rerecord": "record"}
        return shown.get(self._owner.mode, self._owner.mode)

    @property
    def calls(self) -> list[CassetteCall]:
        """The calls, in the order in which they began when they were recorded."""
        if self._owner.mode == "live":
            return []
        log = self._run.log_of(self._owner)
        return [CassetteCall(entry, self._run) for entry in log.whole()]

    @property
    def play_count(self) -> int:
        """How many calls got a recorded outcome."""
        log = self._owner.log
        return 0 if log is None else log.plays

    @property
    def all_played(self) -> bool:
        """Whether each recorded call was made."""
        if self._owner.mode == "live":
            return True
        return not self._run.log_of(self._owner).leftovers()

    def __repr__(self) -> str:
        return f"<Cassette {self.name} ({self.mode})>"


# -- blocks


# Those around what runs in this context.
_blocks_around: ContextVar[tuple[Owner, ...]] = ContextVar(
    "pytest_mimic_blocks", default=()
)


class Cassettes:
    """The cassettes of a run whose blocks are open, the innermost last.

    Args:
        run: The run.
        activations: What it mimics.
        prepare: Is called before a cassette is recorded.
    """

    def __init__(
        self, run: Run, activations: Activations, prepare: Callable[[], None]
    ) -> None:
        self._run = run
        self._activations = activations
        self._prepare = prepare
        # Each with what tells whether the code that has opened it runs elsewhere.
        self._open: dict[Owner, Callable[[], bool]] = {}
        # Those that this run has recorded, by file.
        self._recorded: dict[str, Owner] = {}

    @contextmanager
    def block(
        self,
        name: str,
        fixture: Fixture,
        targets: Iterable[Target],
        *,
        strict: bool = False,
    ) -> Iterator[Cassette]:
        """Open a cassette for a block.

        Args:
            name: Its name.
            fixture: Whether it is recorded, replayed, or what its file says.
            targets: What it takes.
            strict: Whether a replay also fails where a recorded call was not made, or
                in another order.

        Raises:
            CassetteError: It may not be opened here, or not be recorded, or was not
                played as `strict` demands.
            CorruptRecordingError: Its file is damaged.
        """
        owner = self._owner(name, fixture)
        cassette = Cassette(owner, self._run)
        if owner.mode == "live":
            yield cassette
            return
        if owner.records:
            self._run.try_out(owner.file)
            self._prepare()
        self._enter(owner)
        before = None
        try:
            before = self._run.vault.folder.read(owner.file)
            with closing(self._activations.enter(targets, owner)):
                yield cassette
        except BaseException:
            # An exit, a skip or an error that the test expects ends a replay, too.
            with suppress(MimicError):
                self._end(owner, before)
            raise
        finally:
            del self._open[owner]
            _blocks_around.set(
                tuple(one for one in _blocks_around.get() if one is not owner)
            )
        self._end(owner, before)
        if strict and owner.mode in ("replay", "accept-source"):
            _check_order(name, self._run.log_of(owner), self._run)

    def _owner(self, name: str, fixture: Fixture) -> Owner:
        file = cassette_name(name)
        owner = Owner(
            name,
            "cassette",
            self._mode(name, file, fixture),
            file=file,
            serves=self._run.test,
            never_records=_NEVER_RECORDS if fixture == "replay" else "",
        )
        if owner.records and self._is_of_another(owner):
            if fixture == "record":
                what = f"cassette {name} was recorded by another block"
                raise CassetteError(what, remedies=[(_OWN_NAME, "")])
            owner.mode, owner.never_records = "replay", _OWN_NAME
            owner.log = None  # It was opened to be recorded.
        never_records = fixture == "replay"
        if (
            owner.mode == "verify"
            and never_records
            and self._recording_of(owner).edited
        ):
            owner.mode = "replay"  # No service gives what somebody has written.
        return owner

    def _mode(self, name: str, file: str, fixture: Fixture) -> Mode:
        run = self._run
        if run.mode in ("live", "verify"):
            return run.mode
        if fixture == "record":
            if run.settings.may_record:
                return "rerecord"
            option = "--mimic-no-record"
            if run.mode == "accept-source":
                option = "--mimic-accept-source"
            raise CassetteError(
                f"mimic_record may not record cassette {name}: {option} was given"
            )
        if run.mode == "accept-source":
            return run.mode
        if fixture == "replay":
            return "replay"
        if run.mode in ("record", "rerecord"):
            return run.mode
        may_begin = run.settings.may_record and not run.settings.is_ci
        exists = (run.vault.path / file).exists()
        return "record" if may_begin and not exists else "replay"

    def _is_of_another(self, owner: Owner) -> bool:
        """Whether another block has recorded a cassette: that of a test, or a former.

        A block that recorded it too would delete what the other one needs.
        """
        earlier = self._recorded.get(owner.file)
        if earlier is not None and (
            earlier.undoable_writes or not earlier.ended.is_set()
        ):
            return True
        found = self._recording_of(owner)
        if found.owner in ("", owner.serves):
            return False
        return found.owner not in self._run.refusals.gone

    def _recording_of(self, owner: Owner) -> Recording:
        """Give what a cassette holds; a damaged one is named by the first call."""
        try:
            return self._run.log_of(owner).recording
        except CorruptRecordingError:
            return Recording()

    def _enter(self, owner: Owner) -> None:
        """Note that a block is open.

        Raises:
            CassetteError: Another one is open beside it.
        """
        name, last = owner.name, next(reversed(self._open), None)
        if last is not None and last not in _blocks_around.get() and self._open[last]():
            raise CassetteError(
                f"cassette {name} cannot be opened while cassette {last.name}",
                ["it would be unclear which of them records a call"],
                [("open one cassette around both", "")],
            )
        self._run.events.add("opened", name, test=owner.serves, name=owner.file)
        self._open[owner] = _running_now()
        if owner.mode != "replay":
            self._recorded[owner.file] = owner
        _blocks_around.set((*_blocks_around.get(), owner))

    def _end(self, owner: Owner, before: bytes | None) -> None:
        """Write a cassette that was recorded.

        Raises:
            CassetteError: Another process has written it meanwhile.
        """
        is_recorded = owner.log is not None and owner.log.has_new()
        if is_recorded and self._run.vault.folder.read(owner.file) != before:
            owner.ended.set()
            what = f"cassette {owner.name} was meanwhile written by another process"
            way = "record its tests in one process"
            raise CassetteError(what, remedies=[(way, "")])
        end_cassette(self._run, owner)


def _running_now() -> Callable[[], bool]:
    """Give what tells whether the code that runs now goes on beside other code."""
    thread, task = threading.current_thread(), None
    # Where nobody has loaded asyncio, no task runs.
    with suppress(KeyError, RuntimeError):
        task = sys.modules["asyncio"].current_task()
    if task is not None:
        return lambda: not task.done()
    return lambda: thread is not threading.current_thread() and thread.is_alive()


def _check_order(name: str, log: Log, run: Run) -> None:
    """Check that the calls of a replay were the recorded calls, in order.

    Raises:
        CassetteError: They were not.
    """
    label_of = run.secrecy.secrets.label_of
    facts = [
        f"{label_of(entry)} was recorded but not made" for entry in log.leftovers()
    ]
    order = [slot.index for slot in log.slots if slot.index is not None]
    if order != sorted(order):
        facts.append("its calls were made in another order")
    if facts:
        what = f"cassette {name} was not played as it was recorded"
        raise CassetteError(what, facts, [(_NEVER_RECORDS, "")])
