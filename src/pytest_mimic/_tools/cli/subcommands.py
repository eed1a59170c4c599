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


#: In the order of the help.
COMMANDS = {
    "ls": CommandEntry("ls", "list recordings and cassettes"),
    "show": CommandEntry("show", "show recordings: their arguments and outcomes"),
    "stats": CommandEntry("stats", "sum up sizes, counts, durations and errors"),
    "diff": CommandEntry("diff", "compare recordings, vaults or revisions of git"),
    "report": CommandEntry("report", "write an HTML page of the recordings"),
    "review": CommandEntry("review", "accept or refuse changed outcomes, one by one"),
    "rm": CommandEntry("rm", "delete recordings"),
    "import": CommandEntry("import_", "import cassettes of vcrpy and HAR files"),
    "check": CommandEntry("check", "find damaged and leftover files, and remove them"),
    "unused": CommandEntry("unused", "find unused recordings across CI jobs"),
    "push": CommandEntry("push", "send large objects to an object store"),
    "pull": CommandEntry("pull", "fetch large objects from an object store"),
}
#: What people do, and the subcommands for it.
GROUPS = {
    "look": ("ls", "show", "stats", "diff", "report"),
    "change": ("review", "rm", "import"),
    "in CI": ("check", "unused"),
    "object store": ("push", "pull"),
}
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
}
