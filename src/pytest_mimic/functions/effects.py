"""What a real call writes, draws and imports, beside its outcome."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from os import stat  # A test may replace that of the module.
from pathlib import Path
from stat import S_ISREG
from types import FrameType
from typing import Any

from pytest_mimic.engine.real import Real
from pytest_mimic.functions.plans import FunctionCall

_CACHES = (".pyc", ".lock")
# A stream is entered for each item, and to compare the states takes long.
_MOST_COMPARED = 3
_HERE = str(Path(__file__).parent)
# An audit hook stays for good, so one of them asks who wants to hear of files.
_listeners: list[Effects] = []


@cache
def _listen() -> None:
    sys.addaudithook(_note_file)


class Effects:
    """The block of a real call, which notes what it does; it may be entered again.

    Args:
        call: The call.
        real: The call as the engine sees it.

    Attributes:
        read: The files that were opened for reading.
        written: Those that were opened for writing, or got another content in one step.
    """

    def __init__(self, call: FunctionCall, real: Real) -> None:
        self.read: set[str] = set()
        self.written: set[str] = set()
        self._real = real
        self._inputs = call.plan.inputs
        self._drawn: set[str] = set()
        self._entered = 0

    def __enter__(self) -> None:
        self._real.__enter__()
        _listen()
        self._entered += 1
        is_compared = self._entered <= _MOST_COMPARED
        self._states_before = dict(_states_of_chance()) if is_compared else {}
        self._finders = sys.meta_path
        self._finders.insert(0, self)
        _listeners.append(self)

    def __exit__(self, *_: object) -> None:
        _listeners.remove(self)
        with suppress(ValueError):  # The call may have taken it away.
            self._finders.remove(self)
        if self._states_before:
            after = dict(_states_of_chance())
            for generator, state in self._states_before.items():
                if after.get(generator, state) != state:
                    self._drawn.add(generator)
        self._real.__exit__()

    def find_spec(self, module: str, *_: object) -> None:
        """Note that a module is imported, and find none."""
        self._inputs.imported.setdefault(module, _imported_with(module))

    def facts(self) -> tuple[str, ...]:
        """Give what a replay of the call leaves out: `wrote out/a.txt`, `drew torch`.

        Of files, those that are there now.
        """
        files = {_fact_of(file, self._inputs.rootdir) for file in self.written} - {""}
        return tuple(sorted({*(f"drew {name}" for name in self._drawn), *files}))


def _imported_with(module: str) -> str:
    """Return the module that the call imports, of which this one is a part."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not frame.f_code.co_filename.startswith(_HERE):
        if frame.f_code.co_name == "<module>":
            # Code that is made from a text may have no name.
            module = frame.f_globals.get("__name__", module)
        frame = frame.f_back
    return module


def _states_of_chance() -> Iterator[tuple[str, object]]:
    """Yield the states of the generators of random numbers that all code shares."""
    random: Any = sys.modules.get("random")
    if random is not None:
        yield "random", random.getstate()
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is not None:
        yield "numpy", pickle.dumps(numpy.get_state(legacy=False))
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "default_generator"):
        yield "torch", torch.get_rng_state().tolist()


def _note_file(event: str, arguments: tuple[Any, ...]) -> None:
    if not _listeners or event not in ("open", "os.rename"):
        return
    if event == "open":
        path, _, flags = arguments
        is_written = bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR))
    else:
        path, is_written = arguments[1], True
    if isinstance(path, str | bytes | os.PathLike):
        file = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - as it is now
        for listener in list(_listeners):
            files = listener.written if is_written else listener.read
            files.add(file)


def _fact_of(file: str, rootdir: Path) -> str:
    """Return the words for a written file; empty: it is of no interest, or gone."""
    path = Path(file)
    if path.suffix in _CACHES or not _is_file(file):
        return ""
    for folder in (rootdir, Path(tempfile.gettempdir())):
        if path.is_relative_to(folder):
            below = path.relative_to(folder)
            if any(one[0] == "." or "cache" in one.lower() for one in below.parts):
                return ""
            is_own = folder is rootdir
            return f"wrote {below.as_posix()}" if is_own else "wrote a temporary file"
    return ""


def _is_file(file: str) -> bool:
    try:
        return S_ISREG(stat(file).st_mode)  # noqa: PTH116 - it is the real one
    except OSError:
        return False
