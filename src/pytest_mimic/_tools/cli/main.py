"""The entry point of `pytest-mimic`: finds the subcommand, runs it and turns errors into lines and exit codes."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, TextIO

from pytest_mimic import _runs
from pytest_mimic._tools.cli.output import Output
from pytest_mimic._tools.cli.parser import COMMANDS, GROUPS, Parser, add_vault, load_command
from pytest_mimic.errors import MimicError, printable

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.parser import CommandModule
    from pytest_mimic._tools.cli.project import Invocation

#: The exit codes besides 0 and those that a subcommand defines.
USAGE, INTERRUPTED = 2, 130
_EXAMPLES = """\
  pytest-mimic ls --sort size                   the largest recordings
  pytest-mimic ls --errors                      recorded errors
  pytest-mimic show tests/test_a.py::test_b     all that a test recorded
  pytest-mimic check                            what is damaged or left over
  pytest-mimic diff main                        what changed since the branch main
  pytest-mimic review                           accept or refuse changed outcomes
  pytest --mimic-fail-on-unused                 recordings that no test uses"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 (what the subcommand defines), 2 (it could not do it) or 130."""
    try:
        return _run(list(sys.argv[1:] if words is None else words))
    except MimicError as error:
        _complain(f"ERROR: {error}")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:  # argparse has printed a help or a version
        return end.code if isinstance(end.code, int) else 0
    except RecursionError:
        _complain("ERROR: a file of the vault is nested too deeply\n  to find it: pytest-mimic check")
        return USAGE
    except Exception as error:
        _complain(_unexpected(error))
        return USAGE


def _run(words: list[str]) -> int:
    top = _top_parser()
    given = top.parse_args(words)
    if given.version:
        from importlib.metadata import version

        print(f"pytest-mimic {version('pytest-mimic')}")
        return 0
    if given.command is None:
        top.print_help()
        return USAGE
    if given.command not in COMMANDS:
        from pytest_mimic._core.words import did_you_mean

        hint = did_you_mean(given.command, COMMANDS)
        raise MimicError(f"there is no command {given.command}{hint}", remedies=["see pytest-mimic --help"])
    module = load_command(given.command)
    parser = _parser_of(given.command, module, defaults=given)
    options = parser.parse_args(given.words)
    from pytest_mimic._tools.cli.project import Invocation

    invocation = Invocation(options, Output(sys.stdout or io.StringIO()))

    def invocation_of() -> Invocation:
        return invocation

    # Suggested commands repeat the options of this call.
    _runs.append(invocation_of)
    try:
        return module.run(invocation)
    finally:
        _runs.remove(invocation_of)
        invocation.out.flush()


def _top_parser() -> Parser:
    width = max(map(len, COMMANDS))
    commands = "\n".join(
        f"{group}:\n" + "\n".join(f"  {name:<{width}}  {line}" for name, line in names.items())
        for group, names in GROUPS.items()
    )
    parser = Parser(
        prog="pytest-mimic",
        usage="pytest-mimic [options] COMMAND ...",
        description="Show, check and change the recordings of pytest-mimic.",
        epilog=f"{commands}\n\nfor example:\n{_EXAMPLES}\n\nsee pytest-mimic COMMAND --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--version", action="store_true", help="print the version")
    add_vault(parser)
    return parser


def _parser_of(command: str, module: CommandModule, *, defaults: argparse.Namespace) -> Parser:
    """Return the parser of a subcommand. `defaults` are the options given before its name."""
    parser = Parser(
        prog=f"pytest-mimic {command}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    add_vault(parser, defaults=defaults)
    return parser


def _complain(text: str) -> None:
    stream: TextIO | None = sys.stderr
    if stream is None:  # it was closed
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(printable(text).encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except OSError:  # nobody reads it
        pass


def _unexpected(error: Exception) -> str:
    """Return the lines for an error of the command itself."""
    if isinstance(error, OSError):
        named = f" {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        return f"ERROR: cannot use{named or ' a file'}: {error.strerror or error}"
    last = extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return f"ERROR: {type(error).__name__}: {error}\n  at {place}, an error of pytest-mimic: please report it"
