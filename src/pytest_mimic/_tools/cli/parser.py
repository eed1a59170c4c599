"""The subcommands of `pytest-mimic`, and the options that several of them have."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module
from typing import Any


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_dry_run(parser: ArgumentParser, text: str) -> None:
    parser.add_argument("-n", "--dry-run", action="store_true", help=text)


def add_vault(parser: ArgumentParser, *, defaults: Namespace | None = None) -> None:
    """Add the option that every subcommand has. `defaults` are the options given before its name."""
    parser.add_argument(
        "--vault",
        metavar="PATH",
        default=None if defaults is None else defaults.vault,
        help="the vault's folder (default: the one of the pytest project around the current folder)",
    )


def load_command(name: str) -> Any:
    """Return the module of a subcommand: its docstring is the help, `add_arguments(parser)` and `run(invocation)` the rest.

    `run` returns a `Result`, or raises MimicError for what cannot be done, which is exit code 2.
    """
    return import_module(f"pytest_mimic._tools.cli.{'import_' if name == 'import' else name}")


#: What people do, and the subcommands for it, each with a line of help.
GROUPS = {
    "look": {
        "ls": "list recordings and cassettes",
        "show": "show recordings: their arguments and outcomes",
        "diff": "compare the vault with a revision of git",
    },
    "change": {
        "review": "accept or refuse changed outcomes, one by one",
        "mv": "let the recordings of a renamed test go with it",
        "rm": "delete recordings",
        "import": "import cassettes of vcrpy",
    },
    "in CI": {
        "check": "find damaged and leftover files, and remove them",
        "unused": "find unused recordings across CI jobs",
    },
}
COMMANDS = [name for group in GROUPS.values() for name in group]
