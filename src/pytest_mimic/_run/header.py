"""The line of pytest's header, and whether a run has one."""

from __future__ import annotations

import pytest

from pytest_mimic._settings import Mode, Settings

_FIXTURES = {"mimic_record", "mimic_replay", "mimic_auto"}
_HEADERS = {
    Mode.REPLAY: "replay from {}",
    Mode.RECORD: "record into {}",
    Mode.RERECORD: "re-record into {}",
    Mode.VERIFY: "verify against {}",
    Mode.LIVE: "live, every call runs for real, {} is left alone",
}


def names_targets(item: pytest.Item) -> bool:
    """Check whether a test has its own targets: by a marker, a decorator or a fixture."""
    decorated = [getattr(item, "function", None), *getattr(getattr(item, "cls", None), "__mro__", ())]
    return (
        item.get_closest_marker("mimic") is not None
        or any("__mimic_targets__" in getattr(one, "__dict__", ()) for one in decorated)
        or not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    )


def mode_line(settings: Settings) -> str:
    """Return the mode of a run and its vault in words."""
    only = f", only {', '.join(settings.only)}" if settings.only else ""
    return f"{_HEADERS[settings.mode].format(settings.shown_vault)}{only}"
