"""The subcommands of `pytest-mimic`, and their parser: argparse, with errors that name the closest existing word."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from pytest_mimic._core.words import did_you_mean
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.project import Invocation


class Parser(ArgumentParser):
    """An ArgumentParser that raises a MimicError instead of ending the process."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            known = re.findall(r"[\w-]+", choice[2])
            what, _, _ = message.partition(" (choose from")
            message = f"{what}{did_you_mean(choice[1], known) or f': it takes {choice[2]}'}"
        raise MimicError(message, remedies=[f"see {self.prog} --help"])

    def read(self, words: Sequence[str]) -> Namespace:
        """Return the options. MimicError: the words are wrong."""
        options, unknown = self.parse_known_args(words)
        if unknown:
            # Python 3.14 colours the usage on a terminal.
            usage = re.sub(r"\x1b\[[\d;]*m", "", self.format_usage())
            known = set(re.findall(r"--[a-z][a-z-]*", usage))
            word = unknown[0]
            if word.partition("=")[0] == "--test":
                self.error("--test is gone: a test is a SELECTOR, without an option")
            self.error(f"unknown argument {word}{did_you_mean(word.partition('=')[0], known)}")
        return options


def add_load(parser: Parser) -> None:
    """Add the option by which two outcomes are compared by value."""
    parser.add_argument(
        "--load",
        action="store_true",
        help="load pickles, by the lists of their recordings, to compare values",
    )


def add_common_options(parser: Parser, *, defaults: Namespace | None = None) -> None:
    """Add the options that every subcommand has. `defaults` are those given before its name."""
    given = vars(defaults) if defaults is not None else {}
    common = parser.add_argument_group("options of every command")
    common.add_argument(
        "--vault",
        metavar="PATH",
        default=given.get("vault"),
        help="the vault's folder (default: the one of the pytest project around the current folder)",
    )
    common.add_argument(
        "--json", action="store_true", default=given.get("json", False), help="print JSON for scripts"
    )
    common.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default=given.get("color", "auto"),
        help="colour the output (default: on a terminal, if the extra `cli` is installed and NO_COLOR is not set)",
    )


class CommandModule(Protocol):
    """The module of a subcommand. Its docstring is the description in its help."""

    __doc__: str | None

    def add_arguments(self, parser: Parser) -> None: ...

    def run(self, invocation: Invocation) -> int:
        """Do it, and return the exit code. Raise MimicError for what cannot be done, which is exit code 2."""
        ...


def load_command(name: str) -> CommandModule:
    module: Any = import_module(f"pytest_mimic._tools.cli.{'import_' if name == 'import' else name}")
    loaded: CommandModule = module
    return loaded


#: What people do, and the subcommands for it, each with a line of help.
GROUPS = {
    "look": {
        "ls": "list recordings and cassettes",
        "show": "show recordings: their arguments and outcomes",
        "stats": "sum up sizes, counts, durations and errors",
        "diff": "compare recordings, vaults or revisions of git",
        "report": "write an HTML page of the recordings",
    },
    "change": {
        "review": "accept or refuse changed outcomes, one by one",
        "mv": "let the recordings of a renamed test go with it",
        "rm": "delete recordings",
        "import": "import cassettes of vcrpy and HAR files",
    },
    "in CI": {
        "check": "find damaged and leftover files, and remove them",
        "unused": "find unused recordings across CI jobs",
    },
    "object store": {
        "push": "send large objects to an object store",
        "pull": "fetch large objects from an object store",
    },
}
COMMANDS = [name for group in GROUPS.values() for name in group]
#: Subcommands that are gone, and what to use instead.
GONE = {
    "verify": "use pytest-mimic check",
    "gc": "use pytest-mimic check --fix",
    "status": "use pytest-mimic push --check",
    "completion": "nothing replaces it",
}
#: The words of other tools, and what does the same.
MEANT = {
    "list": "pytest-mimic ls",
    "delete": "pytest-mimic rm",
    "remove": "pytest-mimic rm",
    "prune": "pytest-mimic check --fix",
    "clean": "pytest-mimic check --fix",
    "fsck": "pytest-mimic check",
    "validate": "pytest-mimic check",
    "accept": "pytest-mimic review",
    "approve": "pytest-mimic review",
    "record": "pytest --mimic-record",
    "move": "pytest-mimic mv",
    "rename": "pytest-mimic mv",
}
