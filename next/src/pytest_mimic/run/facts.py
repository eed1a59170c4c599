"""What a run leaves for its summary, and how the rows of events are read."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_mimic.commands import Commands
from pytest_mimic.engine.events import Event, Events
from pytest_mimic.engine.former_answers import FormerAnswers
from pytest_mimic.engine.unused import Judgement
from pytest_mimic.engine.usage import Outcome
from pytest_mimic.run.settings import Settings

# A longer command names whole files, or the tests that failed last.
_LONGEST_COMMAND = 240


class Facts(NamedTuple):
    """What a run leaves.

    Attributes:
        settings: What was asked of it.
        commands: Writes the commands to paste.
        events: What happened.
        judgement: Which recordings are unused.
        outcomes: How each test ended.
        whole_files: The tests by file, of the files that were selected as a whole.
        has_cache: Whether pytest remembers which tests have failed.
        cleared: How many bytes the vault has lost with its unused recordings.
        former_answers: The fixtures whose set-up was recorded anew.
        held: Targets and paths that hold data, so that no line may leave them out.
        is_whole: Whether all tests of the project ran.
        vault: How many recordings the vault has, and its size in bytes; None: nothing
            was recorded.
        errors: Wrong targets, and what failed outside of a test.
        verbosity: That of pytest: -1 with `-q`.
        was_asked: Whether an option of ours was given.
        is_mimicking: Whether any target was in force.
    """

    settings: Settings
    commands: Commands
    events: Events
    judgement: Judgement
    outcomes: Mapping[str, Outcome]
    whole_files: Mapping[str, set[str]]
    has_cache: bool
    cleared: int
    former_answers: Sequence[FormerAnswers]
    held: Container[tuple[str, str]]
    is_whole: bool
    vault: tuple[int, int] | None
    errors: Sequence[str]
    verbosity: int
    was_asked: bool
    is_mimicking: bool


def text_of(event: Event, name: str) -> str:
    """Return a fact that is a text; empty: there is none."""
    value = event.facts.get(name)
    return value if isinstance(value, str) else ""


def times(events: Iterable[Event]) -> int:
    """Return how many calls some rows count."""
    return sum(int(number_of(event, "times", 1)) for event in events)


def seconds_of(events: Iterable[Event]) -> float:
    """Return how long the real calls took that some rows count."""
    return sum(
        number_of(event, "seconds") * number_of(event, "times", 1) for event in events
    )


def number_of(event: Event, name: str, default: float = 0) -> float:
    """Return a fact that is a number."""
    value = event.facts.get(name, default)
    return float(value) if isinstance(value, (int, float)) else default


def command_for(option: str, tests: Sequence[str], facts: Facts) -> str:
    """Return a command for some tests that is short enough to be read.

    Where all tests of a file are meant, it names the file; where they are many, and
    these are the ones that failed, it says `--lf`.
    """
    places = _by_files(tests, facts.whole_files)
    command = facts.commands.pytest(option, tests=places)
    if len(command) <= _LONGEST_COMMAND:
        return command
    failed = [test for test, outcome in facts.outcomes.items() if outcome == "failed"]
    if facts.has_cache and set(failed) == set(tests):
        return facts.commands.pytest(option, "--lf")
    if option == "--mimic-rerecord":
        return command
    # A run that records makes in these files what is missing, and nothing else.
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return facts.commands.pytest(option, tests=files)


def _by_files(tests: Sequence[str], whole_files: Mapping[str, set[str]]) -> list[str]:
    meant = set(tests)
    places: dict[str, None] = {}
    for test in tests:
        file = test.partition("::")[0]
        all_tests = whole_files.get(file, set())
        is_whole = len(all_tests) > 1 and all_tests <= meant
        places[file if is_whole else test] = None
    return list(places)
