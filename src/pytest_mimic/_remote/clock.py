"""The time, also while a test has stopped the clock."""

from __future__ import annotations

from time import perf_counter, sleep, time_ns


class Clock:
    """Functions of `time`, in a class because freezegun and missing recordings replace those in modules.

    time-machine replaces the other clocks themselves. So the date is read once, before any test.
    """

    #: The seconds since some moment.
    now = staticmethod(perf_counter)
    sleep = staticmethod(sleep)
    _origin = time_ns() / 1e9 - perf_counter()

    @classmethod
    def milliseconds(cls) -> int:
        """Return the time since 1970-01-01 UTC, in milliseconds."""
        return int((cls._origin + cls.now()) * 1000)
