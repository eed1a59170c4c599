"""Runs of one test with a client: the engine of a session, with a vault in memory and without pytest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Any, ClassVar, Literal

import pytest
from support.runs import Answer, Asked

from pytest_mimic._core.engine.client_plan import ClientPlan, Port
from pytest_mimic._core.engine.run import Run
from pytest_mimic._core.engine.scopes import Scopes
from pytest_mimic._core.seam.base import Adapter, ClientCall
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.vault import Vault
from pytest_mimic.errors import DriftError
from unit.memory_store import MemoryStore, settings

TEST = "test_shop.py::test_order"


class Runs:
    """A test that runs again and again, with one vault.

    Attributes:
        store: The files of the vault.
        port: The port that the edges have. It leads to the engine of the current run.
        run: The current run.
        calls: The calls of the current run, in order.
    """

    run: Run
    _begun: ClassVar[list[Runs]] = []

    def __init__(self, client: Adapter) -> None:
        self._begun.append(self)
        self.client = client
        self.store = MemoryStore()
        self._replayed: list[
            tuple[Any, str]
        ] = []  # steps, and what was recorded for them
        self.port = _Port(self)
        self.again("record")

    def again(
        self,
        mode: Literal["record", "replay", "verify", "pass", "off"],
        *,
        redact: Sequence[str] = (),
        sequence: bool | None = None,
        exclude: Sequence[str] = (),
    ) -> None:
        """Begin the next run of the test.

        Args:
            mode: As in `Mode`; or `pass`, which excludes all calls, or `off`, which has
                no client.
            redact: Secret names, as in `mimic_redact`.
            sequence: The option of the line. False: one recording serves all tests.
            exclude: The option of the line.
        """
        if hasattr(self, "run"):
            self._end()
        named = mode if mode in ("replay", "verify") else "record"
        # A client gives plain data, which needs no pickles.
        made = settings(
            mode=named, inputs="warn", pickles="forbid", redact=tuple(redact)
        )
        self.run = Run(
            made, Vault(self.store, pickles=made.pickles), today="2026-11-02"
        )
        self.run.current.test = TEST
        self.scopes = Scopes(self.run)
        self.scopes.begin_test(TEST)
        self.calls: list[ClientCall] = []
        self.steps: list[Any] = []
        self.engine_port = Port(self.run)
        if mode != "off":
            left_out = ("*",) if mode == "pass" else tuple(exclude)
            options = Options(exclude=left_out, sequence=sequence)
            plan = ClientPlan(self.run, self.client, options, None)
            self.engine_port.plans.append(plan)

    @classmethod
    def end_all(cls) -> None:
        """End the test of all runs.

        After a miss, functions that wait are wrapped until then.
        """
        while cls._begun:
            cls._begun.pop()._end()

    def _end(self) -> None:
        """End the test. What an edge got to read only is as it was read."""
        self.scopes.end_calls(self.run.current.owner, passed=True)
        self.run.end_test()
        for step, entry in self._replayed:
            assert step.stored.entry == json.loads(entry)
        self._replayed.clear()

    @property
    def plain(self) -> list[Any]:
        """The recorded outcomes: call by call, and those of equal calls together."""
        vault = self.run.vault
        recordings = [vault.read(name) for name in self.store.names("calls")]
        return [
            stored.load().value
            for recording in recordings
            if recording is not None
            for stored in recording.outcomes
        ]

    @property
    def text(self) -> str:
        """Everything that is stored or shown."""
        files = [
            (self.store.read(name) or b"").decode("utf-8", "replace")
            for name in self.store.names()
        ]
        shown = [
            json.dumps([call.parts, call.described], ensure_ascii=False)
            for call in self.calls
        ]
        outcomes = json.dumps(self.plain, ensure_ascii=False)
        return "\n".join([*files, outcomes, *shown])

    @property
    def signatures(self) -> list[str]:
        """The signatures of the test's own calls, in order."""
        return [call.signature for call in self.calls if not call.shared]

    @property
    def abandoned(self) -> int:
        """How many real calls of this run ended without an outcome."""
        ended = sum(
            step is not None and step.mode == "run" and not step.active
            for step in self.steps
        )
        return ended - self.run.account.recorded - self.run.account.verified

    def drifts(self) -> str:
        """Return the messages of the drifts since the last call."""
        return "\n".join(
            str(error)
            for error in self.run.current.pending.take()
            if isinstance(error, DriftError)
        )

    # What tests of either tree use.

    @property
    def mode(self) -> str:
        return self.run.settings.mode.value

    @property
    def asked(self) -> list[Asked]:
        return [
            Asked(call.signature, call.host, call.parts)
            for call in self.calls
            if not call.shared
        ]

    @property
    def answers(self) -> list[Answer]:
        return [_answer_of(plain) for plain in self.plain]

    @property
    def verified(self) -> int:
        return self.run.account.verified

    @property
    def misses(self) -> int:
        return len(self.run.account.misses)

    @property
    def told_apart_by_order(self) -> list[str]:
        equal_calls = self.run.account.equal_calls
        return [f"{equal.label}: {equal.remark}" for equal in equal_calls]

    def errors(self) -> list[Exception]:
        return list(self.run.current.pending.take())

    def files(self) -> dict[str, bytes]:
        return {name: self.store.read(name) or b"" for name in self.store.names()}

    def forget(self) -> None:
        self.store.delete(list(self.store.names()))

    def end_open_streams(self) -> None:
        self.run.real_calls.end_unread_streams()

    def end_test(self) -> None:
        self.scopes.end_test(passed=True, is_neither_skipped_nor_xfail=True)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Patch the edges of the client."""
        for edge in self.client.edges():
            try:
                holder: Any = import_module(edge.module)
            except ImportError:  # an optional part of the client
                continue
            for name in edge.path[:-1]:
                holder = getattr(holder, name)
            held = vars(holder).get(edge.path[-1])
            if held is None:  # in other versions of the client
                continue
            # The client of another port is not named in these runs.
            port: Any = (
                self.port
                if edge.origin in ("", self.client.name, *self.client.covers)
                else Port(self.run)
            )
            if isinstance(held, classmethod):
                wrapped: Any = classmethod(edge.wrap(held.__func__, port))
            else:
                wrapped = edge.wrap(held, port)
            monkeypatch.setattr(holder, edge.path[-1], wrapped)


def _answer_of(plain: Any) -> Answer:
    """Return a recorded answer as tests of either tree see it."""
    if not isinstance(plain, dict):
        return Answer("", "", [], plain)
    end = plain.get("end", "")
    error = plain.get("error")
    kind = error.get("type", "") if isinstance(error, dict) else ""
    body = plain.get("body")
    events = body.get("events", ()) if isinstance(body, dict) else ()
    named = [
        {"data": event.get("json", event.get("data"))}
        | ({"event": event["event"]} if "event" in event else {})
        for event in events
        if isinstance(event, dict)
    ]
    return Answer("open" if end == "stopped" else end, kind, named, plain)


class _Port:
    """The port of the current run, which notes the calls that begin."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs.engine_port, name)

    def begin(self, call: ClientCall) -> Any:
        self._runs.calls.append(call)
        step = self._runs.engine_port.begin(call)
        self._runs.steps.append(step)
        if step is not None and step.mode == "replay":
            self._runs._replayed.append((step, json.dumps(step.stored.entry)))
        return step
