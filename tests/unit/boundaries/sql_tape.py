"""The engine in memory, as databases need it: sequences of a test, and calls that belong to no test."""

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

Mode = Literal["off", "pass", "record", "replay", "verify"]


class TapeStep:
    """One call of the tape."""

    def __init__(
        self,
        tape: DatabaseTape,
        mode: Literal["replay", "run", "pass"],
        outcomes: list[str],
        position: int = 0,
    ) -> None:
        self.mode = mode
        self._tape = tape
        self._outcomes = outcomes
        self._position = position

    @property
    def _recorded(self) -> str:
        return self._outcomes[min(self._position, len(self._outcomes) - 1)]

    def outcome(self) -> Any:
        return json.loads(self._recorded)

    def exhausted(self) -> Exception:
        return MissingRecordingError("is read further than it was when it was recorded")

    @contextmanager
    def running(self) -> Iterator[None]:
        yield

    def finish(self, plain: object) -> None:
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False)
        assert json.loads(text) == plain, "not plain data"
        if self._tape.mode == "verify":
            recorded = self._tape.boundary.comparable(json.loads(self._recorded))
            if recorded != self._tape.boundary.comparable(plain):
                raise DriftError("drift", facts=[text])
        else:
            self._outcomes.append(text)

    def abandon(self) -> None:
        self._tape.abandoned += 1


class DatabaseTape:
    """The port of one boundary. `record` replays what is there and records the rest, as `--mimic-record` does."""

    def __init__(self, boundary: Boundary) -> None:
        self.boundary = boundary
        self.redactor = Redactor()
        self.mode: Mode = "record"
        self.calls: list[BoundaryCall] = []
        self.outcomes: dict[str, list[str]] = {}
        self.abandoned = 0
        self._positions: dict[str, int] = {}
        self._ordinals: dict[str, list[str]] = {}

    noting = nullcontext()

    def taking(self) -> bool:
        return self.mode != "off"

    def ordinal(self, space: str, name: str) -> int:
        seen = self._ordinals.setdefault(space, [])
        if name not in seen:
            seen.append(name)
        return seen.index(name)

    def takes(self, call: BoundaryCall) -> bool:
        return self.mode not in ("off", "pass") or (self.mode == "pass" and call.shared)

    def begin(self, call: BoundaryCall) -> TapeStep:
        self.calls.append(call)
        key = json.dumps({name: call.parts[name] for name in call.identity}, sort_keys=True)
        position = 0 if call.shared else self._positions.get(key, 0)
        self._positions[key] = position + 1
        if self.mode == "pass" and not call.shared:
            return TapeStep(self, "pass", [])
        recorded = self.outcomes.setdefault(key, [])
        if self.mode in ("record", "pass") and position >= len(recorded):
            return TapeStep(self, "run", recorded, position)
        if not recorded:
            raise MissingRecordingError(f"no recording of {call.signature}", facts=[key], call=call)
        return TapeStep(self, "run" if self.mode == "verify" else "replay", recorded, position)

    def again(self, mode: Mode) -> None:
        """The test begins anew, in this mode."""
        self.mode = mode
        self.calls.clear()
        self._positions.clear()
        self._ordinals.clear()

    @property
    def text(self) -> str:
        """All that is stored or shown."""
        shown = [json.dumps([call.parts, call.described], ensure_ascii=False) for call in self.calls]
        outcomes = ["\n".join(texts) for texts in self.outcomes.values()]
        return "\n".join([*self.outcomes, *outcomes, *shown])

    @property
    def plain(self) -> list[Any]:
        """The outcomes."""
        return [json.loads(text) for texts in self.outcomes.values() for text in texts]

    @property
    def signatures(self) -> list[str]:
        """The test's own calls, in order."""
        return [call.signature for call in self.calls if not call.shared]

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Patches the client's edges."""
        for edge in self.boundary.edges():
            try:
                holder: Any = import_module(edge.module)
            except ImportError:
                continue
            for name in edge.path[:-1]:
                holder = getattr(holder, name)
            held = vars(holder)[edge.path[-1]]
            if isinstance(held, classmethod):
                wrapped: Any = classmethod(edge.wrap(held.__func__, self))
            else:
                wrapped = edge.wrap(held, self)
            monkeypatch.setattr(holder, edge.path[-1], wrapped)
