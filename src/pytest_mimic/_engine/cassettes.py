"""Cassettes: a named, ordered list of recordings, and the blocks that record or replay one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._ambient import command
from pytest_mimic._engine.engine import Engine
from pytest_mimic._engine.steps import PASS, Call, Step
from pytest_mimic._outcome.raising import is_interruption
from pytest_mimic._settings import Mode
from pytest_mimic._targets.pattern import Selector
from pytest_mimic.errors import CassetteError, CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._outcome import Outcome
    from pytest_mimic._vault import CassetteEntry, Stored

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

CassetteMode = Literal["record", "replay", "extend", "verify", "live"]

_ELSEWHERE = "to record it: mimic_record or mimic_auto, mimic_replay never does"


class KnownCall(NamedTuple):
    """A call of a cassette, as a miss tells it."""

    arguments: dict[str, Any] | None
    test: str | None = None
    recorded: str | None = None


class CassetteCall:
    """One call of a cassette.

    Attributes:
        kind: `function`, or the boundary's name.
        target: The function's `module:name`, or the boundary's name.
        arguments: Their structured, redacted description.
        duration: How long the real call took, in seconds.
    """

    __module__ = "pytest_mimic"

    def __init__(self, entry: CassetteEntry) -> None:
        self._entry = entry
        self.kind: str = entry.kind
        self.target: str = entry.target
        self.arguments: dict[str, Any] | None = entry.arguments
        self.duration: float = entry.stored.duration

    @property
    def outcome(self) -> Any:
        """A fresh copy of what the call gave: its value, its exception, or the items of its stream."""
        outcome = self._entry.stored.load()
        return {"value": outcome.value, "raised": outcome.exception, "stream": outcome.items}[outcome.kind]

    @property
    def signature(self) -> str:
        """What was called and how it ended, `GET /users/1 → 200`."""
        outcome = self.outcome
        status = outcome.get("status") if isinstance(outcome, dict) and self.kind != "function" else None
        return self._entry.signature if status is None else f"{self._entry.signature} → {status}"

    def match(self, only: str | Sequence[str] | None = None, *, exclude: str | Sequence[str] = ()) -> bool:
        """Whether patterns take this call in; see the patterns' grammar in the reference."""
        host = self._entry.host
        return Selector(only or (), exclude or ()).takes(self._entry.signature, host)

    def __repr__(self) -> str:
        return f"<CassetteCall {self.kind} {self.signature}>"


class Cassette:
    """A named, ordered list of recordings, as one block uses it.

    Attributes:
        name: Its name, folders included, without `.json`.
        path: Its file.
        mode: `record`, `replay`, `extend` (replays, and records what is new), `verify` or `live`.
        play_count: How many calls were replayed.
        ordinals: Which databases its calls go to, by order of first use.

    Args:
        engine: The run's.
        name: As above.
        mode: As above.
        strict: What was recorded must be called, in its order.
        only_replays: No option makes this block record.
    """

    __module__ = "pytest_mimic"

    def __init__(
        self,
        engine: Engine,
        name: str,
        mode: CassetteMode,
        *,
        strict: bool = False,
        only_replays: bool = False,
    ) -> None:
        self._engine = engine
        self._file = f"cassettes/{name}.json"
        self._strict = strict
        self._remedies = [_ELSEWHERE] if only_replays else None
        self._guard = threading.Lock()
        self.name = name
        self.path = Path(engine.settings.vault, self._file)
        self.mode: CassetteMode = mode
        self.play_count = 0
        self.ordinals: dict[str, list[str]] = {}
        self._entries: list[CassetteEntry | None] = []
        self._places: dict[str, list[int]] = {}
        self._positions: dict[str, int] = {}
        self._order: list[int] = []
        self._closed = False
        self._is_longer = False
        self._is_broken_off = False
        self._replaced = self._read_replaced() if mode == "record" else []
        self._exists = True
        if mode not in ("record", "live"):
            read = engine.vault.read_cassette(self._file)
            self._exists = read is not None
            for entry in read or ():
                self._add(entry)

    def _read_replaced(self) -> list[CassetteEntry]:
        """The cassette that will be replaced; a damaged one is as good as none."""
        try:
            return self._engine.vault.read_cassette(self._file) or []
        except CorruptRecordingError:
            return []

    def _add(self, entry: CassetteEntry) -> None:
        self._places.setdefault(entry.key, []).append(len(self._entries))
        self._entries.append(entry)

    @property
    def calls(self) -> list[CassetteCall]:
        """Its calls in order: those recorded so far, or those that can be replayed."""
        return [CassetteCall(entry) for entry in self._entries if entry is not None]

    @property
    def all_played(self) -> bool:
        """Whether every call of the cassette was made in this block."""
        return set(self._order) >= set(range(len(self._entries)))

    def decide(self, call: Call) -> Step:
        """What to do about a call that this cassette takes.

        Raises:
            MissingRecordingError: The cassette does not hold it, and may not record it.
        """
        if self.mode == "live":
            return PASS
        if self.mode == "record":
            return self._record(call)
        with self._guard:
            place = self._next(call)
        entry = self._entries[place] if place is not None else None
        if self.mode == "extend" and (entry is None or self._engine.is_stale(call.plan, entry.source)):
            return self._record(call, place)
        if entry is None or place is None:
            raise self._engine.miss(
                call, among=self._known(call), within=self._shown, remedies=self._remedies
            )
        self._engine.check_source(call, entry.source, name=self._file, remedies=self._remedies)
        self._order.append(place)
        if self.mode == "verify":
            stored = entry.stored
            return self._engine.run(call, lambda outcome, _: self._engine.verify(call, [stored], outcome))
        self.play_count += 1
        if self.mode == "replay":
            return self._engine.replay(call, entry.stored)

        def finish(outcome: Outcome, duration: float) -> None:
            self._keep(place, call, outcome, duration)

        return self._engine.replay(call, entry.stored, finish=finish)

    @property
    def _shown(self) -> str:
        return f"cassette {self.name}{'' if self._exists else ', which does not exist'}"

    def _known(self, call: Call) -> list[KnownCall]:
        known = [entry for entry in self._entries if entry is not None and entry.target == call.plan.target]
        return [KnownCall(entry.arguments) for entry in known]

    def _next(self, call: Call) -> int | None:
        """The place of the n-th identical call; the last one repeats where nothing new may be recorded."""
        places = self._places.get(call.key)
        if not places:
            return None
        position = self._positions.get(call.key, 0)
        self._positions[call.key] = position + 1
        if position >= len(places) and self.mode == "extend":
            return None
        return places[min(position, len(places) - 1)]

    def _record(self, call: Call, place: int | None = None) -> Step:
        """A real run, recorded in place of a stale entry or as a new one."""
        with self._guard:
            where = len(self._entries) if place is None else place
            if place is None:
                self._entries.append(None)
            self._order.append(where)
        return self._engine.run(call, lambda outcome, duration: self._keep(where, call, outcome, duration))

    def _keep(self, place: int, call: Call, outcome: Outcome, duration: float) -> None:
        stored = self._engine.encode(call, outcome, duration, before=self._before(place, call))
        self._entries[place] = self._entry(call, stored)
        self._is_longer = True
        self._engine.count(call, outcome, duration)
        if self._closed:  # a stream that was read to its end after the block
            self._write()

    def _before(self, place: int, call: Call) -> Stored | None:
        """What the cassette that is being replaced holds of a call."""
        if place >= len(self._replaced) or self._replaced[place].key != call.key:
            return None
        return self._replaced[place].stored

    def _entry(self, call: Call, stored: Stored) -> CassetteEntry:
        from pytest_mimic._vault import CassetteEntry

        return CassetteEntry(
            kind=call.plan.kind,
            target=call.plan.target,
            signature=call.signature,
            host=call.host,
            key=call.key,
            arguments=call.arguments if self._engine.settings.store_arguments else None,
            source=call.plan.source,
            stored=stored,
        )

    def close(self, error: BaseException | None) -> None:
        """Ends the block: writes what was recorded, or checks that all was replayed.

        Args:
            error: What the block raised. Nothing is checked then, so that it is seen; nor is anything written
                where it broke the block off, as a Ctrl-C does.

        Raises:
            CassetteError: `strict`, and a recorded call was not made, or the order differs.
        """
        self._closed = True
        self._engine.ledger.use(self._file)
        if error is not None and is_interruption(error):
            self._break_off(error)
        self._write()
        if self._strict and self.mode in ("replay", "verify") and error is None:
            self._check_played()

    def _break_off(self, error: BaseException) -> None:
        if self._has_news:
            self._engine.ledger.note(
                f"cassette {self.name} was not written: {type(error).__name__} broke off its block"
            )
        self._is_broken_off = True

    @property
    def _has_news(self) -> bool:
        return self.mode == "record" or (self.mode == "extend" and self._is_longer)

    def _write(self) -> None:
        if self._has_news and not self._is_broken_off:
            self._engine.keep_cassette(self._file, [entry for entry in self._entries if entry is not None])

    def _check_played(self) -> None:
        if not self._exists:
            raise self._refuse("does not exist", [])
        entries = [entry for entry in self._entries if entry is not None]
        unplayed = [_label(entry) for place, entry in enumerate(entries) if place not in self._order]
        if unplayed:
            raise self._refuse(
                "was not replayed as it was recorded",
                [f"{label} was recorded and not made" for label in unplayed[:10]],
            )
        for place, played in enumerate(self._order):
            if place != played:
                now = _label(entries[played])
                fact = (
                    f"call {place + 1} was {_label(entries[place])} when recorded, {now} now"
                    if place < len(entries)
                    else f"call {place + 1}, {now}, is one more than was recorded"
                )
                raise self._refuse("was not replayed in the order it was recorded in", [fact])

    def _refuse(self, what: str, facts: list[str]) -> CassetteError:
        remedies = self._remedies or [f"to record it anew: {command('--mimic-rerecord', self._engine.test)}"]
        return CassetteError(
            f"cassette {self.name} {what}", facts=facts, remedies=remedies, cassette=self.name
        )


def _label(entry: CassetteEntry) -> str:
    """A call in one line, for people."""
    from pytest_mimic._describe import call_label

    return entry.signature if entry.kind != "function" else call_label(entry.target, entry.arguments)


def as_tuple(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One or several, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def cassette_name(given: str | PurePath) -> str:
    """A name that a user gave, without `.json`.

    Raises:
        CassetteError: It leaves the vault, or no file can be called so.
    """
    if not isinstance(given, (str, PurePath)):
        raise CassetteError(f"a cassette's name is a text, not {given!r}", cassette=given)
    name = (given if isinstance(given, str) else given.as_posix()).removesuffix(".json")
    steps = name.split("/")
    too_long = any(len(step.encode("utf-8", "surrogatepass")) > _LONGEST for step in steps)
    if too_long or re.search(r"[\\:\0]", name) or not {"", ".", ".."}.isdisjoint(steps):
        raise CassetteError(
            f"a cassette cannot be called {given!r}",
            facts=[f"a name may hold folders, each part up to {_LONGEST} bytes, and stays inside the vault"],
            cassette=given,
        )
    return name


#: File systems take 255 bytes; what is written first has a longer name.
_LONGEST = 200


def name_of_test(nodeid: str, number: int = 1) -> str:
    """A cassette's name made from a test's id: readable, unique, safe on every file system, under 100 characters.

    Args:
        nodeid: The test's id, `tests/test_rates.py::test_day[EUR]`.
        number: Which of the test's unnamed cassettes it is, from 1.
    """
    from xxhash import xxh3_64_hexdigest

    file, _, rest = nodeid.partition("::")
    plain = f"{file.removesuffix('.py')}/{rest.replace('::', '.')}" + (f"-{number}" if number > 1 else "")
    slug = re.sub(r"[^\w./-]+", "-", plain, flags=re.ASCII).strip("-./ ")
    slug = "/".join(step.strip(".") or "-" for step in slug.split("/"))
    exact = f"{nodeid}\0{number}"
    if slug == plain and slug == slug.lower() and len(slug) <= 80 and not _RESERVED.search(slug):
        return slug
    digest = xxh3_64_hexdigest(exact.encode("utf-8", "surrogatepass"))[:10]
    if len(slug) > 80:
        folder, _, last = slug.rpartition("/")
        slug = f"{folder[-40:].lstrip('-./')}/{last[:38].rstrip('-.')}"
    slug = _RESERVED.sub(r"\1\2_", slug)
    return f"{slug}-{digest}"


#: Names that Windows keeps for devices.
_RESERVED = re.compile(r"(^|/)(con|prn|aux|nul|com\d|lpt\d)(?=$|[/.])", re.IGNORECASE)


class CassetteBlock:
    """The context manager that the fixtures give: opens a cassette, covers its targets, closes it."""

    def __init__(self, make: Callable[[], Cassette], cover: Callable[[Cassette], Callable[[], None]]) -> None:
        self._make = make
        self._cover = cover

    def __enter__(self) -> Cassette:
        self._cassette = self._make()
        self._uncover = self._cover(self._cassette)
        return self._cassette

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        __tracebackhide__ = True
        self._uncover()
        self._cassette.close(error)


def mode_of(fixture: str, mode: Mode, *, name: str, exists: bool, may_record: bool) -> CassetteMode:
    """What a fixture does with its cassette in a run's mode.

    Args:
        fixture: `record`, `replay` or `auto`.
        mode: The run's mode.
        name: The cassette's.
        exists: The cassette exists.
        may_record: Neither `--mimic-no-record` nor, for `auto`, `CI` forbids it.

    Raises:
        CassetteError: It must record and may not.
    """
    if mode is Mode.LIVE:
        return "live"
    if fixture == "replay":
        return "replay"
    if mode is Mode.VERIFY:
        return "verify"
    if fixture == "record":
        if not may_record:
            raise CassetteError(
                f"mimic_record may not record cassette {name}: --mimic-no-record was given",
                remedies=["to replay it where it is recorded: mimic_auto"],
                cassette=name,
            )
        return "record"
    if mode is Mode.RERECORD or (not exists and may_record):
        return "record"
    return "extend" if mode is Mode.RECORD else "replay"
