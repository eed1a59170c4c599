"""The names that a pickle may import, code apart: what it does is compared with the lists of its recording before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic._core.outcome.names import RefusedError, resolve
from pytest_mimic._core.outcome.pickled_code import STATE, code_in
from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.outcome.unpickling import NAMED, load_all
from pytest_mimic._core.outcome.uses import StandIns


class Admission:
    """The imports that a recording lists: plain ones, and `code`, which a pickle calls, or of which something runs."""

    def __init__(self, imports: Iterable[str] = (), code: Iterable[str] = ()) -> None:
        self.code = frozenset(code)
        self._names = self.code.union(imports)
        self._is_watched = any(name.endswith(STATE) for name in self.code)
        self._stand_ins: StandIns | None = None
        # By checksum and count: a pickle is judged once, however often it is loaded.
        self._judged: set[tuple[str, int]] = set()

    def load(
        self, stream: bytes, buffers: list[Any], content: tuple[str, int], paths: PathStore | None = None
    ) -> list[Any]:
        """Load the pickles of a content, its checksum and their count. RefusedError: they do what the recording does not list."""
        if content not in self._judged:
            self._judge(stream, buffers, content[1])
            self._judged.add(content)
        return load_all(
            stream, buffers, self.find, count=content[1], paths=paths, is_watched=self._is_watched
        )

    def _judge(self, stream: bytes, buffers: list[Any], count: int) -> None:
        """Check what pickles do, unless others that do the same were allowed to."""
        stand_ins = self._stand_ins or StandIns()
        self._stand_ins = None
        if stand_ins.use(stream, buffers, count=count):
            for name in stand_ins.uses:
                if name not in self._names:
                    raise RefusedError(f"it imports {name}, which its recording does not list")
            for name in sorted(code_in(stand_ins.uses.values(), self.code)):
                if name not in self.code:
                    raise RefusedError(f"it imports {name}, which its recording does not list as code")
        self._stand_ins = stand_ins

    def find(self, module: str, qualname: str, /) -> Any:
        """Return the object with a name. RefusedError: the name is not listed."""
        name = f"{module}:{qualname}"
        if name not in self._names:
            raise RefusedError(f"it imports {name}, which its recording does not list")
        return self.find if name == NAMED else resolve(module, qualname)
