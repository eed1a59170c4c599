"""The engine in memory, as databases need it: several of them, and calls that belong to no test."""

from __future__ import annotations

import json

from pytest_mimic.boundaries.base import Boundary, BoundaryCall
from tests.unit.boundaries.tape import Tape, TapeStep


class DatabaseTape(Tape):
    """A tape for SQL and Redis: its `test` may change, what is shared stays."""

    def __init__(self, boundary: Boundary) -> None:
        super().__init__(boundary)
        self.ordinals: dict[str, list[str]] = {}

    def ordinal(self, space: str, name: str) -> int:
        seen = self.ordinals.setdefault(space, [])
        if name not in seen:
            seen.append(name)
        return seen.index(name)

    def begin(self, call: BoundaryCall) -> TapeStep:
        if call.shared and self.mode in ("record", "pass"):
            key = json.dumps({name: call.parts[name] for name in call.identity}, sort_keys=True)
            if key in self.outcomes:
                self.calls.append(call)
                return TapeStep(self, "replay", key, self.outcomes[key][0])
        return super().begin(call)

    def again(self) -> None:
        """A test's calls are counted from the beginning, with its databases."""
        self.positions.clear()
        self.ordinals.clear()

    def replay(self, mode: str = "replay") -> None:  # type: ignore[override]
        super().replay(mode)  # type: ignore[arg-type]
        self.ordinals.clear()

    @property
    def signatures(self) -> list[str]:
        """What the test's own calls were, in order."""
        return [call.signature for call in self.calls if not call.shared]
