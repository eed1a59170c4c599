"""Interrupt runs of pytest-mimic at each call of the system, one run for each call.

    PYTHON interrupted_runs.py kill|refuse FOLDER [STRIDE [WAY ...]]

The calls are those of the vault and its locks. `kill` ends the process before the call,
or in the middle of a write, and two runs after it at random calls; `refuse` lets the
call fail as on a full disk. With STRIDE, only one in so many calls is interrupted.
Every run is a fork of this process, which has imported pytest and pytest-mimic, so that
a run takes tenths of a second.

Prints, as JSON, how many runs were interrupted and what was found by the next whole
run. A call is lost if its test has seen it return and it runs once more. A conversation
that was cut off may miss the rest, and its answers are of one run.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import json
import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple, NoReturn

from forked_runs import NOTING, ForkedRuns, Got, serving

OPERATIONS = (
    "open",
    "read",
    "write",
    "close",
    "stat",
    "fstat",
    "replace",
    "mkdir",
    "rmdir",
    "unlink",
    "scandir",
)
# The vault locks files by functions of filelock.
CALLERS = ("pytest_mimic.vault.", "filelock.")
# About as many as a run makes.
MOST_KILLS = 3
MOST_CALLS = 400
# The runs that are interrupted have numbers from here on.
INTERRUPTED = 4
Interrupt = Callable[[str, Callable[..., Any], tuple[Any, ...]], None]


class Interrupter:
    """Counts the calls of the system, and interrupts the one at a point."""

    def __init__(self) -> None:
        self.point = -1
        """The number of the call, from 0. A negative one interrupts nothing."""
        self.count = 0
        self.interrupt: Interrupt = refuse
        self.reached = Path()
        """Is made when the call is interrupted."""

    def watch(self) -> None:
        """Put watched functions in the place of those of the module `os`.

        pytest-mimic binds these when it is imported, so it must not be imported yet.
        """
        for name in OPERATIONS:
            setattr(os, name, self._watched(name, getattr(os, name)))
        fcntl.flock = self._watched("flock", fcntl.flock)

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **options: Any) -> Any:
            caller = sys._getframe(1).f_globals["__name__"]
            if not caller.startswith(CALLERS):
                return function(*args, **options)
            number = self.count
            self.count += 1
            if number == self.point:
                self.reached.touch()
                self.interrupt(name, function, args)
            return function(*args, **options)

        return act


def kill(name: str, function: Callable[..., Any], args: tuple[Any, ...]) -> NoReturn:
    """End this process. Of what is written, half is written."""
    if name == "write":
        descriptor, data = args
        function(descriptor, data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def refuse(name: str, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Let the call fail. A file is closed even so, as by Linux.

    Raises:
        OSError: In any case.
    """
    if name == "close":
        function(*args)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


interrupter = Interrupter()

SHOP = """
    import http.client, os

    class Odd:
        '''An object that only a pickle keeps.'''

        def __init__(self, values):
            self.values = values

        def __reduce__(self):
            return Odd, (self.values,)

    def small(number, extra):
        return [os.environ["RUN"], number]

    def large(number, extra):
        return [os.environ["RUN"], number, "x" * 60_000]

    def pickled(number, extra):
        return Odd([os.environ["RUN"], number])

    def stream(number, extra):
        for item in range(3):
            yield [os.environ["RUN"], number, item]

    def turn(number, extra):
        return [os.environ["RUN"], number]

    def ask(number):
        connection = http.client.HTTPConnection(os.environ["SERVER"])
        connection.request("GET", f"/{number}", headers={"X-Run": os.environ["RUN"]})
        return [connection.getresponse().read().decode(), number]
"""
TESTS = """
    import os
    import shop

    LAST = int(os.environ["LAST"])

    def test_shared():
        for number in range(LAST):
            note("shared", f"small {number}", lambda: shop.small(number, 0))
            note("shared", f"large {number}", lambda: shop.large(number, 0))
            note("shared", f"pickled {number}", lambda: shop.pickled(number, 0).values)
            note("shared", f"stream {number}", lambda: list(shop.stream(number, 0))[2])

    def test_turns():
        for number in range(LAST):
            note("turns", f"turn {number}", lambda: shop.turn(number // 2, 0))

    def test_more_turns():
        for number in range(LAST):
            note("more", f"turn {number}", lambda: shop.turn(number, 0))

    def test_conversation():
        for number in range(3):
            note("conversation", f"ask {number}", lambda: shop.ask(number))

    def test_cassette(mimic_auto):
        with mimic_auto("cassette", targets=["shop:small"]):
            note("cassette", "small", lambda: shop.small(9, 0))
"""
INI = """
    [pytest]
    pythonpath = .
    addopts = -q -p pytest_mimic.plugin -p no:cacheprovider
    mimic_functions =
        shop:small {options}
        shop:large {options}
        shop:pickled {options}
        shop:stream {options}
        shop:turn sequence {options}
        http.client
"""


class Way(NamedTuple):
    """A run that is interrupted, and the run after it that shows what is left."""

    words: str
    then: str = "pytest --mimic-record"
    first: str = ""
    """What is recorded before, with `RUN=1`. An empty text: nothing."""
    last: int = 2
    options: str = ""
    """Options that the lines get after the first run."""
    is_moved: bool = False
    """Whether the file of the tests has another name after the first run."""


WAYS = {
    "record": Way("pytest --mimic-record"),
    "record again": Way("pytest --mimic-rerecord", first="pytest --mimic-record"),
    "mv": Way(
        "mv test_shop.py test_new.py",
        then="mv test_shop.py test_new.py",
        first="pytest --mimic-record",
        is_moved=True,
    ),
    "clear": Way(
        "pytest --mimic-clear-unused",
        then="pytest",
        first="pytest --mimic-record",
        last=1,
    ),
}


class Project(ForkedRuns):
    """The throw-away project."""

    def start(self, *, options: str = "", test_file: str = "test_shop.py") -> None:
        """Write the files, but keep what is recorded."""
        for old in self.root.glob("test_*.py"):
            old.unlink()
        tests = dedent(TESTS) + dedent(NOTING)
        self.root.joinpath("shop.py").write_text(dedent(SHOP))
        self.root.joinpath(test_file).write_text(tests)
        self.root.joinpath("pytest.ini").write_text(dedent(INI).format(options=options))

    def run_interrupted(
        self, words: str, *, point: int, interrupt: Interrupt, **names: str
    ) -> bool:
        """Interrupt a command at a call of the system; return whether it was made."""
        reached = self.root / "reached"
        reached.unlink(missing_ok=True)

        def watch() -> None:
            interrupter.point = point
            interrupter.interrupt = interrupt
            interrupter.reached = reached

        self.run(words, before=watch, **names)
        return reached.exists()

    def faults(self, point: int) -> Iterator[str]:
        """Yield what the last run should not have printed."""
        output = self.output.read_bytes()
        if b"Traceback (most" in output or b"INTERNALERROR" in output:
            yield f"traceback at {point}"

    def has_said_errors(self) -> bool:
        """Check whether the last run has said that something could not be written."""
        return b"ERROR: MimicError: cannot " in self.output.read_bytes()


def interrupted(project: Project, way: Way, interrupt: Interrupt) -> Iterator[str]:
    """Interrupt one way at each call of the system, and yield what was found."""
    vault = project.root / ".mimic_vault"
    recorded = project.root / "recorded"
    shutil.rmtree(vault, ignore_errors=True)
    shutil.rmtree(recorded, ignore_errors=True)
    project.start()
    if way.first:
        project.run(way.first, RUN="1", LAST="2")
        shutil.copytree(vault, recorded)
    test_file = "test_new.py" if way.is_moved else "test_shop.py"
    project.start(options=way.options, test_file=test_file)

    last = str(way.last)
    for point in count(0, stride):
        shutil.rmtree(vault, ignore_errors=True)
        if way.first:
            shutil.copytree(recorded, vault)
        points = [point]
        if interrupt is kill:
            others = MOST_KILLS - 1
            points += random.Random(point).choices(range(MOST_CALLS), k=others)
        seen: Got = {}
        for number, one in enumerate(points):
            run = str(INTERRUPTED + number)
            if project.run_interrupted(
                way.words, point=one, interrupt=interrupt, RUN=run, LAST=last
            ):
                yield "interrupted"
            elif number == 0:
                return
            yield from project.faults(point)
            if interrupt is kill or not project.has_said_errors():
                seen |= project.results()
        project.run(way.then, RUN="3", LAST=last)
        if not way.then.startswith("pytest"):
            project.run("pytest", RUN="3", LAST=last)
        yield from judged(way, seen, project.results(), point)


def judged(way: Way, seen: Got, now: Got, point: int) -> Iterator[str]:
    """Yield what is wrong with the results of the run after interrupted ones."""
    if len(now) != 6 * way.last + 4:
        yield f"only {len(now)} results at {point}"
    # A killed run may lose the log of the owner that ran.
    lost_logs: set[str] = set()
    for call, run in now.items():
        test, _ = call
        is_seen = seen.get(call, "").isdecimal()
        was_recorded = bool(way.first) and call[1][-1] in "01"
        if not run.isdecimal():
            if test != "conversation" or was_recorded:
                yield f"{run} of {call} at {point}"
        elif run == "3" and test != "shared" and is_seen and not was_recorded:
            lost_logs.add(test)
        elif run == "3" and (was_recorded or is_seen):
            yield f"lost {call} at {point}"
        elif run == "1" and is_seen and seen[call] != "1" and test == "shared":
            yield f"old {call} at {point}"
    if len(lost_logs) > MOST_KILLS:
        yield f"lost the logs of {', '.join(sorted(lost_logs))} at {point}"
    for test in ("turns", "more", "conversation"):
        runs = {run for (owner, _), run in now.items() if owner == test}
        if len(set(filter(str.isdecimal, runs))) > 1:
            yield f"mixed {test} at {point}"


def main(options: argparse.Namespace) -> None:
    """Interrupt each way, and print what was found."""
    interrupter.watch()
    interrupt = {"kill": kill, "refuse": refuse}[options.how]
    options.folder.mkdir(parents=True, exist_ok=True)
    project = Project(options.folder)
    ways = options.ways or list(WAYS)
    project.start()
    with serving() as os.environ["SERVER"]:
        project.prepare("pytest --mimic-record")
        for name in ways:
            found = Counter(interrupted(project, WAYS[name], interrupt))
            times = found.pop("interrupted", 0)
            row = {"way": name, "interrupted": times, "found": found}
            print(json.dumps(row), flush=True)


def parsed() -> argparse.Namespace:
    """Return the words of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("how", choices=["kill", "refuse"])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("stride", type=int, nargs="?", default=1, metavar="STRIDE")
    parser.add_argument("ways", nargs="*", metavar="WAY", help=", ".join(WAYS))
    return parser.parse_args()


if __name__ == "__main__":
    given = parsed()
    stride = given.stride
    main(given)
