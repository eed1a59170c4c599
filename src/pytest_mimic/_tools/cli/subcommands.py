"""The subcommands of `pytest-mimic`: their names, and where each one is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from pytest_mimic._tools.cli.invocation import Invocation
    from pytest_mimic._tools.cli.parser import Parser


class CommandModule(Protocol):
    """The module of a subcommand. Its docstring is the description in its help."""

    __doc__: str | None

    def add_arguments(self, parser: Parser) -> None:
        """Add the arguments of the subcommand to its parser."""
        ...

    def run(self, invocation: Invocation) -> int:
        """Do it, and return the exit code. Raise MimicError for what cannot be done, which is exit code 2."""
        ...


class CommandEntry(NamedTuple):
    """A subcommand: the module in which it is, and one line of help."""

    module: str
    help: str

    def load(self) -> CommandModule:
        """Import the module of the subcommand."""
        module: Any = import_module(f"pytest_mimic._tools.cli.{self.module}")
        loaded: CommandModule = module
        return loaded


COMMANDS = {
    "ls": CommandEntry("ls", "list recordings and cassettes"),
    "show": CommandEntry("show", "show a recording: its arguments and outcomes"),
    "stats": CommandEntry("stats", "sum up sizes, counts, durations and errors"),
    "report": CommandEntry("report", "write an HTML page of the recordings"),
    "diff": CommandEntry("diff", "show what differs between recordings, vaults or revisions of git"),
    "review": CommandEntry("review", "accept or refuse outcomes that changed, one by one"),
    "import": CommandEntry("import_", "take over cassettes of vcrpy and HAR files"),
    "check": CommandEntry("check", "check every file of the vault, and remove what is damaged or left over"),
    "unused": CommandEntry("unused", "judge the jobs of a split suite as one run: recordings that none used"),
    "push": CommandEntry("push", "send large objects to an object store, or check what it lacks"),
    "pull": CommandEntry("pull", "fetch large objects from an object store"),
    "rm": CommandEntry("rm", "delete recordings"),
}
#: Subcommands that are gone, and what to use instead.
GONE = {
    "verify": "use pytest-mimic check",
    "gc": "use pytest-mimic check --fix",
    "status": "use pytest-mimic push --check",
    "completion": "nothing replaces it",
}
