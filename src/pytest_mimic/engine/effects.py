"""What a real call of a function does beside giving its outcome."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Iterator, Sequence, Sized
from contextlib import suppress
from functools import cache, partial
from os import stat  # A test may replace that of the module.
from pathlib import Path
from stat import S_ISREG
from typing import Any

from pytest_mimic.engine.functions import FunctionCall
from pytest_mimic.engine.nesting import Nesting
from pytest_mimic.engine.steps import Step
from pytest_mimic.patch.clients import Edge, noting
from pytest_mimic.patch.holders import is_lazy_import

_CACHES = (".pyc", ".lock")
# A stream is entered for each item, and to compare the states takes long.
_MOST_COMPARED = 3
_CONTAINERS = dict, list, set
# An audit hook stays for good, so one of them asks who wants to hear of files.
_listeners: list[Effects] = []


@cache
def _listen() -> None:
    sys.addaudithook(_note_file)


def edges_of_effects(nesting: Nesting) -> Iterator[Edge]:
    """Yield the edges at which a real call logs or warns."""

    def note(fact: str, *_args: Any, **_kwargs: Any) -> None:
        call = nesting.around
        if call.is_open:
            call.effects |= {fact}

    yield Edge("logging", ("Logger", "handle"), noting(partial(note, "logged")))
    # The only part of `warnings` that nobody replaces to catch them.
    warned = noting(partial(note, "warned"))
    yield Edge("warnings", ("_showwarnmsg",), warned, is_optional=True)


class Effects:
    """The block of a real call, which notes what it does; it may be entered again.

    Args:
        call: The call.
        step: What becomes of it.

    Attributes:
        read: The files that were opened for reading.
        written: Those that were opened for writing, or got another content in one step.
    """

    def __init__(self, call: FunctionCall, step: Step) -> None:
        plan = call.plan
        self.read: set[str] = set()
        self.written: set[str] = set()
        self._step = step
        self._rootdir = plan.inputs.rootdir
        # The names at the top of modules that its code uses, by module.
        self._names = call.reached.names if plan.source else {}
        self._facts: set[str] = set()
        self._entered = 0
        # No other object may get the address of one that is compared.
        self._alive: list[object] = []

    def __enter__(self) -> None:
        self._step.__enter__()
        _listen()
        self._entered += 1
        self._alive.clear()
        self._state_before = self._state()
        _listeners.append(self)

    def __exit__(self, *_: object) -> None:
        _listeners.remove(self)
        after = self._state()
        for fact, state in self._state_before.items():
            if after.get(fact, state) != state:
                self._facts.add(fact)
        self._step.__exit__()

    def facts(self) -> tuple[str, ...]:
        """Give what a replay of the call leaves out: `logged`, `wrote out/model.txt`.

        Of files, those that are there now.
        """
        files = {_fact_of(file, self._rootdir) for file in self.written} - {""}
        return tuple(sorted({*self._step.effects, *self._facts, *files}))

    def _state(self) -> dict[str, object]:
        """Give what the call may change, by what is said if it does."""
        printed = _end_of(sys.stdout), _end_of(sys.stderr)
        state: dict[str, object] = {"printed": printed}
        state.update(_states_of_chance() if self._entered <= _MOST_COMPARED else ())
        for module in self._names.keys() & sys.modules.keys():
            namespace = vars(sys.modules[module])
            for name in self._names[module]:
                value = namespace.get(name)
                if is_lazy_import(value):
                    continue  # Its use sets the name, which is no effect.
                self._alive.append(value)
                state[f"set {module}.{name}"] = id(value), _extent(value)
        return state


def _extent(value: object) -> object:
    """Return how many items a container has, or each container in a class."""
    if isinstance(value, type):
        return [len(one) for one in _containers_of(value)]
    return len(value) if isinstance(value, _CONTAINERS) else 0


@cache
def _containers_of(cls: type) -> Sequence[Sized]:
    held = {name: one for name, one in vars(cls).items() if name[:2] != "__"}
    return [one for one in held.values() if isinstance(one, _CONTAINERS)]


def _states_of_chance() -> Iterator[tuple[str, object]]:
    """Yield the states of the generators of random numbers that all code shares."""
    random: Any = sys.modules.get("random")
    if random is not None:
        yield "moved random", random.getstate()
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is not None:
        yield "moved numpy.random", pickle.dumps(numpy.get_state(legacy=False))
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "default_generator"):
        yield "moved torch's random numbers", torch.get_rng_state().tolist()


def _end_of(stream: Any) -> int | None:
    """Return how far a stream was written; None: it does not tell."""
    with suppress(Exception):
        return int(stream.tell())
    return None


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
            return f"wrote {below.as_posix()}" if is_own else "left a temporary file"
    return ""


def _is_file(file: str) -> bool:
    try:
        return S_ISREG(stat(file).st_mode)  # noqa: PTH116 - it is the real one
    except OSError:
        return False
