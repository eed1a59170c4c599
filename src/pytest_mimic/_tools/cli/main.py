"""The entry point of `pytest-mimic`: finds the subcommand, runs it and turns errors into lines and exit codes."""

from __future__ import annotations

import argparse
import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_mimic._core.words import plural
from pytest_mimic._tools.cli.output import (
    COMMANDS,
    GROUPS,
    Output,
    add_vault,
    load_command,
)
from pytest_mimic.errors import MimicError, printable

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.output import Result
    from pytest_mimic._tools.cli.project import Invocation

#: The exit codes besides 0 and those that a subcommand defines.
USAGE, INTERRUPTED = 2, 130
_EXAMPLES = """\
  pytest-mimic ls --sort size                   the largest recordings
  pytest-mimic ls --errors                      recorded errors
  pytest-mimic show tests/test_a.py::test_b     all that a test recorded
  pytest-mimic check                            what is damaged or left over
  pytest-mimic diff main                        what changed since the branch main
  pytest --mimic-fail-on-unused                 recordings that no test uses"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 (what the subcommand defines), 2 (it could not do it) or 130."""
    try:
        return _run(list(sys.argv[1:] if words is None else words))
    except MimicError as error:
        problem = str(error)
    except OSError as error:
        named = (
            f" {os.fsdecode(error.filename)}"
            if isinstance(error.filename, str | bytes)
            else ""
        )
        problem = f"cannot use{named or ' a file'}: {error.strerror or error}"
    except RecursionError:
        problem = (
            "a file of the vault is nested too deeply\n  to find it: pytest-mimic check"
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:  # argparse has printed a help or a version
        return end.code if isinstance(end.code, int) else 0
    except Exception:  # exit code 1 would say that something was found
        import traceback

        traceback.print_exc()
        problem = "this is a bug of pytest-mimic, please report it"
    with suppress(OSError):  # nobody reads it
        print(
            printable(f"ERROR: {problem}"), file=sys.stderr, flush=True
        )  # it escapes what it cannot encode
    return USAGE


def _run(words: list[str]) -> int:
    # It would name everything: every recording, the current folder, any test.
    if any(re.fullmatch(r"(--[a-z-]+=)?[ ,/]*", word) for word in words):
        raise MimicError(
            "an argument is empty (a variable of the shell that is not set?)"
        )
    top = _top_parser()
    given = top.parse_args(words)
    if given.version:
        from importlib.metadata import version

        print(f"pytest-mimic {version('pytest-mimic')}")
        return 0
    if given.command is None:
        top.print_help()
        return USAGE
    module = load_command(given.command)
    parser = ArgumentParser(
        prog=f"pytest-mimic {given.command}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    add_vault(parser)
    parser.set_defaults(vault=given.vault)
    options = parser.parse_args(given.words)
    from pytest_mimic._tools.cli.project import Invocation

    # Where standard output is closed, Python has none.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    invocation = Invocation(options, Output(sys.stdout))
    try:
        return _finish(invocation, module.run(invocation))
    except MimicError as error:
        # The commands that an error suggests repeat the options of this call.
        error.commands = invocation.commands
        raise


def _finish(invocation: Invocation, result: Result) -> int:
    """Print what a subcommand gave back, and return the exit code."""
    try:
        _print(invocation, result)
        sys.stdout.flush()
    # its reader has gone, and the interpreter is not to find that again when it ends
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 1 if result.found or result.unmatched or result.damaged else 0


def _print(invocation: Invocation, result: Result) -> None:
    out = invocation.out
    if getattr(invocation.options, "json", False):
        out.json(result.data)
        return
    for line in result.lines:
        out.line(line)
    if result.unmatched:
        shown = invocation.settings.shown_vault
        out.line(f"nothing in {shown} matches {', '.join(result.unmatched)}")
    if result.damaged:
        out.line(
            [
                (
                    f"{plural(result.damaged, 'file')} cannot be read: {invocation.commands.mimic('check')}",
                    "red",
                )
            ]
        )


def _top_parser() -> ArgumentParser:
    width = max(map(len, COMMANDS))
    commands = "\n".join(
        f"{group}:\n"
        + "\n".join(f"  {name:<{width}}  {line}" for name, line in names.items())
        for group, names in GROUPS.items()
    )
    parser = ArgumentParser(
        prog="pytest-mimic",
        usage="pytest-mimic [options] COMMAND ...",
        description="Show, check and change the recordings of pytest-mimic.",
        epilog=f"{commands}\n\nfor example:\n{_EXAMPLES}\n\nsee pytest-mimic COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--version", action="store_true", help="print the version")
    add_vault(parser)
    return parser
