"""Numbers, dates, remedies and recordings in words, as the run's summary has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.ambient import command
from pytest_mimic._core.words import plural, seconds, size

if TYPE_CHECKING:
    from pytest_mimic._tools.catalog import Catalog, CatalogFile

__all__ = [
    "HELD",
    "counted",
    "fitted",
    "json_of",
    "plural",
    "record_again",
    "seconds",
    "short_seconds",
    "size",
]

# More tests than these are named by their files, and more files by nothing: then all tests are recorded.
_TESTS = 8
HELD = ("a run is recording now and may need its former objects again: they are kept", "yellow")


def short_seconds(amount: float) -> str:
    """Return a duration in few characters: `2 ms`, `0.81 s`, `3 min`."""
    if amount < 0.1:
        return f"{amount * 1000:.0f} ms" if amount >= 0.001 else "0 ms" if not amount else "<1 ms"
    return seconds(amount) if amount < 600 else f"{amount / 60:.0f} min"


def counted(recordings: int, cassettes: int) -> str:
    """Return how many there are of both: `19 recordings and 1 cassette`."""
    if not cassettes:
        return plural(recordings, "recording")
    also = f"{plural(recordings, 'recording')} and " if recordings else ""
    return also + plural(cassettes, "cassette")


def fitted(text: str, width: int | None) -> str:
    """Return a text, cut to a width if there is one."""
    return text if width is None or len(text) <= width else f"{text[: max(width - 3, 0)]}..."


def record_again(tests: list[str | None]) -> str:
    """Return the command that records what these tests had recorded."""
    named = list(dict.fromkeys(test for test in tests if test))
    if len(named) > _TESTS:
        named = list(dict.fromkeys(test.partition("::")[0] for test in named))
    if len(named) > _TESTS or None in tests:
        named = []
    return command("--mimic-record", *named)


def json_of(catalog: Catalog, file: CatalogFile) -> dict[str, Any]:
    """Return a recording or cassette as scripts get it from `ls`, `rm` and `stats`."""
    from pytest_mimic._tools.shown.outcome_words import error_of, outcome_in_short

    def size_of(name: str) -> str:
        return size(catalog.object_size(name))

    calls = [
        {
            "target": call.target,
            "signature": call.signature,
            "call": call.label(),
            "outcomes": [outcome_in_short(call, entry, size_of) for entry in call.outcomes],
            "errors": [error for entry in call.outcomes if (error := error_of(call, entry)) is not None],
            "duration": call.duration,
        }
        for call in file.calls
    ]
    return {
        "file": file.name,
        "kind": "cassette" if file.is_cassette else "recording",
        "test": file.test,
        "owner": file.owner,
        "recorded": file.recorded,
        "duration": file.duration,
        "size": catalog.size(file),
        "calls": calls,
    }
