"""The entry point of `pytest-mimic`.

It finds the subcommand, runs it, and turns errors into lines and exit codes.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.words import plural
from pytest_mimic._tools.cli.output import Output, add_vault
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic.errors import MimicError, printable

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.output import Result

#: The exit code of a command that could not do its work.
USAGE = 2
#: The exit code after Ctrl-C, as of shells.
INTERRUPTED = 130
#: The subcommands, each with a line of help, grouped by what people do with a vault.
GROUPS = {
    "look": {
        "ls": "list recordings and cassettes",
        "show": "show recordings: their arguments and outcomes",
        "diff": "compare the vault with a revision of git",
    },
    "change": {
        "mv": "let the recordings of a renamed test go with it",
        "rekey": "let recordings follow a line whose options have changed",
        "rm": "delete recordings",
        "import": "import cassettes of vcrpy",
    },
    "in CI": {
        "check": "find damaged and leftover files, and remove them",
        "unused": "find unused recordings across CI jobs",
    },
}
COMMANDS: list[str] = []
for _group in GROUPS.values():
    COMMANDS += _group
_EXAMPLES = """\
  pytest-mimic ls --sort size                   the largest recordings
  pytest-mimic ls --errors                      recorded errors
  pytest-mimic show tests/test_a.py::test_b     all that a test recorded
  pytest-mimic check                            what is damaged or left over
  pytest-mimic diff main                        what changed since main
  pytest --mimic-fail-on-unused                 recordings that no test uses"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    ===  ================================================
    0    the subcommand did its work
    1    as the subcommand defines: something was found
    2    the subcommand could not do its work
    130  it was interrupted by Ctrl-C
    ===  ================================================

    Args:
        words: The words after `pytest-mimic` on the command line. None: those of this
            process.
    """
    if words is None:
        words = sys.argv[1:]
    try:
        return _run_subcommand(list(words))
    except MimicError as error:
        problem = str(error)
    except OSError as error:
        file = "a file"
        if isinstance(error.filename, str | bytes):
            file = os.fsdecode(error.filename) or file
        problem = f"cannot use {file}: {error.strerror or error}"
    except RecursionError:
        problem = (
            "a file of the vault is nested too deeply\n  to find it: pytest-mimic check"
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:
        # argparse has printed a help, or what is wrong.
        return end.code if isinstance(end.code, int) else 0
    except Exception:
        # Python's own exit code, 1, would say that something was found.
        import traceback

        traceback.print_exc()
        problem = "this is a bug of pytest-mimic, please report it"
    # Standard error may be closed, or its reader gone.
    with suppress(OSError):
        print(printable(f"ERROR: {problem}"), file=sys.stderr, flush=True)
    return USAGE


def _run_subcommand(words: list[str]) -> int:
    """Run the subcommand that the words name, and return its exit code.

    Raises:
        MimicError: A word is empty, or the subcommand cannot do its work.
    """
    # An empty word would name everything: every recording, the current folder, any
    # test.
    if any(re.fullmatch(r"(--[a-z-]+=)?[ ,/]*", word) for word in words):
        raise MimicError(
            "an argument is empty (a variable of the shell that is not set?)"
        )
    # Only the words up to the subcommand. Its module has the options behind it, and is
    # the only one that is loaded.
    top = _top_parser()
    top_options = top.parse_args(words)
    if top_options.version:
        from importlib.metadata import version

        print(f"pytest-mimic {version('pytest-mimic')}")
        return 0
    if top_options.command is None:
        top.print_help()
        return USAGE
    module = load_command(top_options.command)
    parser = ArgumentParser(
        prog=f"pytest-mimic {top_options.command}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    add_vault(parser)
    # `--vault` may stand before the subcommand, too.
    parser.set_defaults(vault=top_options.vault)
    options = parser.parse_args(top_options.words)
    # Where standard output is closed, Python has none.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    invocation = Invocation(options, Output(sys.stdout))
    try:
        return _finish(invocation, module.run(invocation))
    except MimicError as error:
        # The commands that an error suggests repeat the options of this call.
        error.commands = invocation.commands
        raise


def load_command(name: str) -> Any:
    """Return the module of a subcommand.

    =========================  ==================================================
    its docstring              the help
    `add_arguments(parser)`    adds its options
    `run(invocation)`          returns a `Result`, or raises MimicError for what
                               cannot be done, which is exit code 2
    =========================  ==================================================
    """
    if name == "import":
        # No module can have the name of a keyword.
        name = "import_"
    return import_module(f"pytest_mimic._tools.cli.{name}")


def _finish(invocation: Invocation, result: Result) -> int:
    """Print the result of a subcommand, and return the exit code."""
    try:
        _print(invocation, result)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone. The interpreter flushes standard output once more when it
        # ends, and would print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 1 if result.has_finding or result.unmatched or result.damaged else 0


def _print(invocation: Invocation, result: Result) -> None:
    """Print a result: its lines, and what all subcommands say alike; or its JSON."""
    out = invocation.out
    if getattr(invocation.options, "json", False):
        out.json(result.data)
        return
    for line in result.lines:
        out.line(line)
    if result.unmatched:
        shown_vault = invocation.settings.shown_vault
        out.line(f"nothing in {shown_vault} matches {', '.join(result.unmatched)}")
    if result.former_format:
        recordings = plural(result.former_format, "recording")
        rekey_command = invocation.commands.mimic("rekey")
        problem = f"{recordings} of an older format, to read: {rekey_command}"
        out.line([(problem, "red")])
    # The files of the former format are among the damaged ones.
    if result.damaged > result.former_format:
        files = plural(result.damaged - result.former_format, "file")
        problem = f"{files} cannot be read: {invocation.commands.mimic('check')}"
        out.line([(problem, "red")])


def _top_parser() -> ArgumentParser:
    """Return the parser of the words before the subcommand, whose help lists all."""
    width = max(map(len, COMMANDS))
    # argparse has no groups of subcommands, so that the epilog lists them.
    listing = []
    for group, commands in GROUPS.items():
        listing.append(f"{group}:")
        for name, line in commands.items():
            listing.append(f"  {name:<{width}}  {line}")
    epilog = [
        *listing,
        "",
        "for example:",
        _EXAMPLES,
        "",
        "see pytest-mimic COMMAND --help",
    ]
    parser = ArgumentParser(
        prog="pytest-mimic",
        usage="pytest-mimic [options] COMMAND ...",
        description="Show, check and change the recordings of pytest-mimic.",
        epilog="\n".join(epilog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--version", action="store_true", help="print the version")
    add_vault(parser)
    return parser
