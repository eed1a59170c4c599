"""The command finds its subcommand, prints its lines and gives its exit code."""

from __future__ import annotations

import os
import sys
from argparse import (
    SUPPRESS,
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable, Generator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_mimic import __version__
from pytest_mimic.cli.change import mv, rm
from pytest_mimic.cli.check import check
from pytest_mimic.cli.diff import diff
from pytest_mimic.cli.importing import import_
from pytest_mimic.cli.look import ls, show
from pytest_mimic.cli.project import Project
from pytest_mimic.errors import MimicError
from pytest_mimic.words import on_one_line

Lines = Generator[str, None, int]
"""Gives lines to print; when it ends, the exit code."""

_VAULT = "the folder of the vault (default: the one that pytest would use here)"
# A recording may be nested much deeper than code is.
_DEEP_RECURSION = 20_000
# What a subcommand may be given: `*` and `+` behind a word are for several, `?` for one
# or none.
_ARGUMENTS = {
    "SELECTOR": (
        "a test, a file or folder of tests; a target (shop.api:fetch, httpx);"
        " a pattern of calls (GET '/users/*'); a path in the vault"
    ),
    "REVISION": "the revision (default: HEAD)",
    "OLD": "the test, class, file or folder as it was, or the path of a log",
    "NEW": "its new name",
    "PATH": "a file of YAML or JSON, or a folder of them",
    "--json": "print JSON for scripts",
    "--dry-run": "only show what would be done",
    "--fix": "remove what cannot be used and what nothing refers to",
}


class _Command(NamedTuple):
    """A subcommand.

    Attributes:
        run: Does it.
        words: What it does.
        arguments: What it may be given.
        more: What else its help says.
    """

    run: Callable[[Project, Namespace], Lines]
    words: str
    arguments: str
    more: str = ""


_COMMANDS = {
    "ls": _Command(ls, "list recorded calls", "SELECTOR* --json"),
    "show": _Command(
        show,
        "show recorded calls with their outcomes",
        "SELECTOR+",
        "A pickle is not loaded. Secret names are hidden.",
    ),
    "diff": _Command(
        diff,
        "show what differs from a revision of git, test by test",
        "REVISION? --json",
        "Calls and outcomes are compared, not bytes. Exit code 1: something differs.",
    ),
    "check": _Command(
        check,
        "find damage, leftovers and secrets",
        "--fix --dry-run --json",
        "Exit code 1: a recording cannot be used or holds a secret, or a file is left"
        " over.\nGit LFS pointers, merge conflicts, files of a newer format and your"
        " own are kept.",
    ),
    "rm": _Command(
        rm,
        "delete recordings",
        "SELECTOR+ --dry-run",
        "Of a log, only the selected calls are deleted; a cassette is deleted whole.",
    ),
    "mv": _Command(
        mv,
        "move the recordings of a test or function that was renamed or moved",
        "OLD NEW --dry-run",
        "OLD and NEW are the whole ids of two tests, classes, files or folders, or of"
        " two\ncases of a parametrized test; or names of functions, classes or modules:"
        " lib:fit\ncore.fit:fit. Recordings that NEW already has stay.",
    ),
    "import": _Command(
        import_,
        "import cassettes of vcrpy and pytest-recording",
        "PATH+ --dry-run",
        "A cassette of pytest-recording becomes the log of its test, any other one a"
        " cassette\nof its name. Secrets are hidden. Existing recordings stay.\n"
        "Exit code 1: something was not imported.",
    ),
}
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Args:
        argv: Its words. None: those of this process.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that knows ASCII alone gets escapes.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _parser()
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEP_RECURSION))
    try:
        options = parser.parse_args(argv)
        if "run" not in options:
            parser.print_help()
            return 2
        project = Project(Path.cwd(), options.vault)
        return _print(options.run(project, options))
    except SystemExit as end:
        return int(end.code or 0)
    except MimicError as error:
        print(f"ERROR: {error}", file=sys.stderr)
    except pytest.UsageError as error:
        print(f"ERROR: {on_one_line(str(error))}", file=sys.stderr)
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        print(on_one_line(f"ERROR: {what}{error.strerror}"), file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        sys.setrecursionlimit(limit)
    return 2


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="pytest-mimic",
        description="Show, check and change the recordings of pytest-mimic.",
    )
    version = f"pytest-mimic {__version__}"
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("--vault", metavar="PATH", default="", help=_VAULT)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command in _COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.words,
            description=f"{command.words.capitalize()}.\n\n{command.more}".rstrip(),
            formatter_class=RawDescriptionHelpFormatter,
        )
        one.set_defaults(run=command.run)
        for argument in command.arguments.split():
            _add(one, argument)
        # What stands before the subcommand stays.
        one.add_argument("--vault", metavar="PATH", default=SUPPRESS, help=_VAULT)
    return parser


def _add(parser: ArgumentParser, argument: str) -> None:
    name = argument.rstrip("*+?")
    words, count = _ARGUMENTS[name], argument.removeprefix(name)
    if name.startswith("-"):
        names = ["-n", name] if name == "--dry-run" else [name]
        parser.add_argument(*names, action="store_true", help=words)
        return
    dest = f"{name.lower()}s" if count in ("*", "+") else name.lower()
    parser.add_argument(dest, nargs=count or None, metavar=name, help=words)


def _print(lines: Lines) -> int:
    """Print lines, and return the exit code of their subcommand.

    Where nobody reads on, the work is done all the same.
    """
    while True:
        try:
            text = next(lines)
        except StopIteration as end:
            return int(end.value or 0)
        try:
            print(on_one_line(text), flush=True)
        except OSError as error:
            # Python would fail to write the rest once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                raise
