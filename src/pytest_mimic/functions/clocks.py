"""The clock that a test holds with freezegun or time-machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pytest_mimic.patch.clients import Edge, Function, noting

_OURS = "pytest_mimic."
# What is loaded while the clock is held would keep the classes of that moment.
_HOLDING = ("values.rows", "engine.begin")
# Of `time`, the module, and as attributes of whatever stands for a date.
_ASKING = frozenset(
    "now utcnow today time_ns localtime gmtime ctime localdate naive_now".split()
)
_TIME = ("time", "time")


def asks_for_time(chain: tuple[str, ...], imported: tuple[str, str]) -> bool:
    """Tell whether code asks for the time by a name and attributes of it.

    Args:
        chain: The name and the attributes.
        imported: The module, and the name there, for which the first one stands.
    """
    module, name = imported
    names = (module.rpartition(".")[2], *filter(None, (name, *chain[1:])))
    return names[-1] in _ASKING or names[-2:] == _TIME or chain[-2:] == _TIME


def holder_of_clock() -> str:
    """Give which of the two holds the clock now; empty: nobody does."""
    frozen = sys.modules.get("freezegun.api")
    if frozen is not None and frozen.freeze_factories:
        return "freezegun"
    travelling = sys.modules.get("time_machine")
    # Version 3 has another name for it.
    held = ("traveller_stack", "coordinates_stack")
    is_held = any(getattr(travelling, name, ()) for name in held)
    return "time_machine" if is_held else ""


def edges_of_clocks(note: Function) -> Iterator[Edge]:
    """Yield the edges at which a clock is held, or let go.

    Where freezegun begins, our modules keep the real clock.

    Args:
        note: Is called after each of these.
    """
    noted = noting(after=note)
    freeze, travel = ("freezegun.api", "_freeze_time"), ("time_machine", "travel")
    yield Edge(freeze[0], (freeze[1], "start"), lambda start: noted(_keep_out(start)))
    for (module, cls), name in ((freeze, "stop"), (travel, "start"), (travel, "stop")):
        yield Edge(module, (cls, name), noted)


def _keep_out(start: Function) -> Function:
    def start_elsewhere(freezer: Any) -> Any:
        for name in _HOLDING:
            import_module(_OURS + name)
        ignored = freezer.ignore
        freezer.ignore = (*ignored, _OURS)
        try:
            factory = start(freezer)
        finally:
            freezer.ignore = ignored
        # What our wrappers call is frozen all the same.
        sys.modules["freezegun.api"].ignore_lists[-1] = ignored
        return factory

    return start_elsewhere
