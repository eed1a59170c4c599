"""Runs of one test with a client, in this process: recorded, verified and replayed, with one vault."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import pytest

from pytest_mimic.client import Adapter, Port
from pytest_mimic.engine.activations import Activations, ClientLine
from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.lifecycle import begin_test, end_test
from pytest_mimic.engine.place import Place
from pytest_mimic.engine.real import Real
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.settings import Settings
from pytest_mimic.errors import CorruptRecordingError, DriftError
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Options, client_of
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import Entry

TEST = "test_shop.py::test_order"


class Asked(NamedTuple):
    """A call that began.

    Attributes:
        signature: `GET /users/1`.
        host: The host of the service, with its port if the URL names one.
        parts: What was asked, by name: of HTTP `scheme`, `port`, `path`, `headers` (names
            in lower case), `body` (JSON and forms as data); of SQL `database`; of gRPC
            `metadata`.
    """

    signature: str
    host: str | None
    parts: Mapping[str, Any]


class Answer(NamedTuple):
    """What is recorded of an answer.

    Attributes:
        end: `waiting`, `open`, or nothing for a whole one.
        error: The kind of the error of the network; else nothing.
        events: The events of a stream, each with `data`, and `event` where it has a name.
        data: The answer as its client stores it.
    """

    end: str
    error: str
    events: Sequence[Mapping[str, Any]]
    data: Any


class Runs:
    """A test that runs again and again, with one vault.

    Attributes:
        run: The current run.
        calls: The requests of the current run, in order, without their secrets.
        steps: What became of them, but for those that were refused.
    """

    run: Run
    _begun: ClassVar[list[Runs]] = []

    def __init__(self, line: str) -> None:
        self._begun.append(self)
        self._folder = Path(tempfile.mkdtemp())
        self._line = line
        client = client_of(line)
        assert client is not None
        module, _, name = client.adapter.partition(":")
        self.client: Adapter = getattr(import_module(module), name)()
        self.again("record")

    def again(
        self,
        mode: str,
        *,
        redact: Sequence[str] = (),
        sequence: bool | None = None,
        exclude: Sequence[str] = (),
    ) -> None:
        if hasattr(self, "run"):
            self._end()
        named = cast("Mode", mode if mode in ("replay", "verify") else "record")
        folder = self._folder
        self.run = Run(Settings(named, folder, folder, folder / "vault", redact=redact))
        begin_test(self.run, TEST)
        self.calls: list[dict[str, Any]] = []
        self.places: list[Place] = []
        left_out = ("*",) if mode in ("pass", "off") else tuple(exclude)
        options = Options(exclude=left_out, sequence=sequence)
        self.lines = _Lines(self._line, options, is_there=mode != "off")

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Patch the edges of the client."""
        for edge in self.client.edges(_Port(self)):
            try:
                holder: Any = import_module(edge.module)
            except ImportError:  # an optional part of the client
                continue
            for name in edge.path[:-1]:
                holder = getattr(holder, name)
            held = vars(holder).get(edge.path[-1])
            if held is not None:  # other versions of the client may have it
                monkeypatch.setattr(holder, edge.path[-1], edge.wrap(held))

    @classmethod
    def end_all(cls) -> None:
        """End the test of all runs."""
        while cls._begun:
            runs = cls._begun.pop()
            runs._end()
            shutil.rmtree(runs._folder, ignore_errors=True)

    def _end(self) -> None:
        self.end_test()
        self.run.close()

    def end_test(self) -> None:
        end_test(self.run, "passed")

    @property
    def mode(self) -> str:
        return self.run.mode

    @property
    def asked(self) -> list[Asked]:
        return [self._asked(request) for request in self.calls]

    def _asked(self, request: dict[str, Any]) -> Asked:
        client = self.client
        parts = client.parts(request)
        return Asked(client.signature(request), client.host(request), parts)

    @property
    def signatures(self) -> list[str]:
        return [self.client.signature(request) for request in self.calls]

    @property
    def _entries(self) -> list[Entry]:
        """The recorded calls, those of this run as far as they have ended."""
        log = self.run.innermost.log
        entries = [*log.entries] if log is not None else self._written("logs")
        if log is not None and log.has_new():
            entries = [slot.outcome for slot in log.slots if slot.outcome is not None]
            entries = [entry for entry in entries if entry.end != "waiting"]
        kept = [*entries, *self._written("calls")]
        return [entry for entry in kept if entry.end != "empty"]

    def _written(self, folder: str) -> list[Entry]:
        entries: list[Entry] = []
        for name, recording in self.run.vault.all():
            if name.startswith(folder):
                assert not isinstance(recording, CorruptRecordingError)
                entries += recording.entries
        return entries

    @property
    def answers(self) -> list[Answer]:
        return [_answer_of(entry) for entry in self._entries]

    @property
    def text(self) -> str:
        log = self.run.innermost.log
        slots = log.slots if log is not None else []
        kept = [
            [slot.outcome.request, slot.outcome.body] for slot in slots if slot.outcome
        ]
        files = [data.decode("utf-8", "replace") for data in self.files().values()]
        shown = [json.dumps([self.calls, kept], ensure_ascii=False, default=str)]
        return "\n".join([*files, *shown])

    @property
    def abandoned(self) -> int:
        ended = [
            one for one in self.places if one.decision == "run" and not one.is_open
        ]
        # In a replay nothing ended, and all that is recorded stays.
        return max(0, len(ended) - len(self._entries))

    @property
    def verified(self) -> int:
        return len(self.run.events.of_kinds("verified"))

    @property
    def misses(self) -> int:
        return len(self.run.events.of_kinds("missing"))

    @property
    def told_apart_by_order(self) -> list[str]:
        rows = self.run.events.of_kinds("told apart by order")
        return [f"{row.call}: {row.facts['what']}" for row in rows]

    def errors(self) -> list[Exception]:
        return [*self.run.take_noted()]

    def drifts(self) -> str:
        found = [error for error in self.errors() if isinstance(error, DriftError)]
        return "\n".join(map(str, found))

    def files(self) -> dict[str, bytes]:
        vault = self.run.vault.path
        return {
            path.relative_to(vault).as_posix(): path.read_bytes()
            for path in sorted(vault.rglob("*"))
            if path.is_file() and ".locks" not in path.parts
        }

    def forget(self) -> None:
        shutil.rmtree(self.run.vault.path, ignore_errors=True)


def _answer_of(entry: Entry) -> Answer:
    """Return a recorded answer as tests see it."""
    data: Any = entry.body.get("answer", {})
    error = data.get("error") if isinstance(data, dict) else None
    kind = error.get("kind", "") if isinstance(error, dict) else ""
    body: Tree = data.get("body", {}) if isinstance(data, dict) else {}
    events = body.get("events", []) if isinstance(body, dict) else []
    named = [
        {key: part for key, part in event.items() if key in ("data", "event")}
        for event in events
        if isinstance(event, dict)
    ]
    end = "open" if not entry.end and "left" in data else entry.end
    return Answer(end, kind.removeprefix("timeout of "), named, data)


class _Lines:
    """The one line of these runs."""

    def __init__(self, name: str, options: Options, *, is_there: bool) -> None:
        self._name = name
        self._is_there = is_there
        self._options = options
        self._patterns = Patterns(options.only, options.exclude)

    def line_for(
        self,
        client: str,
        signature: Callable[[], str],
        host: str | None,
        is_of: Callable[[str], bool],
    ) -> ClientLine | None:
        known = client_of(client)
        kind = known.kind if known else client
        if self._name not in (client, kind) or not self._is_there:
            return None
        if not is_of(self._name):
            return None
        takes = self._patterns.takes(signature(), host)
        return ClientLine(self._name, self._options, None) if takes else None

    def any_line(self, client: str) -> ClientLine | None:
        return ClientLine(client, Options(), None) if self.takes(client) else None

    def takes(self, client: str) -> bool:
        return self._name == client and self._is_there


class _Port(Port):
    """The port of the current run, which notes the calls that begin."""

    def __init__(self, runs: Runs) -> None:
        self._adapter = runs.client
        self._runs = runs
        self._plain_calls = {}

    @property
    def run(self) -> Run:  # type: ignore[override]
        return self._runs.run

    def _begin(self, call: Call, line: ClientLine) -> tuple[Place, Real | None]:
        if not call.is_of_all:
            self._runs.calls.append(cast("dict[str, Any]", call.described))
        place, real = super()._begin(call, line)
        self._runs.places.append(place)
        return place, real

    @property
    def _activations(self) -> Activations:  # type: ignore[override]
        return cast("Activations", self._runs.lines)
