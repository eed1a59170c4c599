"""An engine in memory, for tests of the edges alone: records, then replays, then compares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import Any, Literal

import pytest

from pytest_mimic._redact.redactor import Redactor
from pytest_mimic.boundaries.base import Boundary, BoundaryCall
from pytest_mimic.errors import DriftError, MissingRecordingError


class TapeStep:
    """One call of the tape."""

    def __init__(
        self,
        tape: Tape,
        mode: Literal["replay", "run", "pass"],
        *,
        plain: str = "",
        slot: list[str] | None = None,
    ) -> None:
        self.tape = tape
        self.mode = mode
        self.plain = plain
        self.slot = slot

    def outcome(self) -> Any:
        return json.loads(self.plain)

    def refused(self) -> Exception:
        return MissingRecordingError("holds the placeholder")

    def exhausted(self) -> Exception:
        self.tape.misses += 1
        return MissingRecordingError("read further than recorded")

    @contextmanager
    def running(self) -> Iterator[None]:
        yield

    def finish(self, plain: object) -> None:
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False)
        assert json.loads(text) == plain, "not plain data"
        if self.plain:
            recorded, comparable = json.loads(self.plain), self.tape.boundary.comparable
            if comparable(recorded, plain) != comparable(plain, recorded):
                raise DriftError("drift")
        if self.slot is not None:
            assert not self.slot, "finished twice"
            self.slot.append(text)

    def abandon(self) -> None:
        self.tape.abandoned += 1


class Tape:
    """The port of one boundary: `mode` says what its calls do."""

    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        self.redactor = Redactor()
        self.mode: Literal["off", "record", "replay", "verify", "pass"] = "record"
        self.calls: list[BoundaryCall] = []
        #: By identity, in the order in which the calls began; a slot is empty until its call is done.
        self.outcomes: dict[str, list[list[str]]] = {}
        self.positions: dict[str, int] = {}
        self.abandoned = 0
        self.misses = 0

    noting = nullcontext()

    def taking(self) -> bool:
        return self.mode != "off"

    def ordinal(self, space: str, name: str) -> int:
        raise NotImplementedError

    def begin(self, call: BoundaryCall) -> TapeStep:
        self.calls.append(call)
        key = json.dumps(
            {name: call.parts[name] for name in call.identity if name in call.parts}, sort_keys=True
        )
        if self.mode == "pass":
            return TapeStep(self, "pass")
        if self.mode == "record":
            self.outcomes.setdefault(key, []).append([])
            return TapeStep(self, "run", slot=self.outcomes[key][-1])
        position = self.positions[key] = self.positions.get(key, -1) + 1
        recorded = self.outcomes.get(key)
        if recorded is None:
            raise MissingRecordingError(f"no recording of {call.signature}", facts=[key], call=call)
        [plain] = recorded[min(position, len(recorded) - 1)]
        return TapeStep(self, "replay" if self.mode == "replay" else "run", plain=plain)

    @property
    def text(self) -> str:
        """All that is stored or shown."""
        shown = [json.dumps([call.parts, call.described], ensure_ascii=False) for call in self.calls]
        return "\n".join([*self.outcomes, *self._texts(), *shown])

    @property
    def plain(self) -> list[Any]:
        """The outcomes, call by call."""
        return [json.loads(text) for text in self._texts()]

    def _texts(self) -> list[str]:
        return [text for slots in self.outcomes.values() for slot in slots for text in slot]

    def replay(self, mode: Literal["replay", "verify"] = "replay") -> None:
        """Replays from the beginning."""
        self.mode = mode
        self.positions.clear()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Patches the client's edges."""
        for edge in self.boundary.edges():
            holder = import_module(edge.module)
            for name in edge.path[:-1]:
                holder = getattr(holder, name)
            original = getattr(holder, edge.path[-1])
            monkeypatch.setattr(holder, edge.path[-1], edge.wrap(original, self))
