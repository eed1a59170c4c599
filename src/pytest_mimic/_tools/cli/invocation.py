"""One call of the command: its options, its project and vault, and its output."""

from __future__ import annotations

from argparse import Namespace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import vault_command
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.cli.output import Output
    from pytest_mimic._tools.cli.project import Project


class Invocation:
    """The options, the project, the vault and the output of one call.

    Attributes:
        options: The arguments that it was called with.
        out: Where it prints.
    """

    def __init__(self, options: Namespace, out: Output) -> None:
        self.options = options
        self.out = out

    @cached_property
    def project(self) -> Project:
        """The project in which the command was called. MimicError: its configuration is wrong."""
        from pytest_mimic._tools.cli.project import Project

        return Project.around(Path.cwd(), vault=self.options.vault)

    @property
    def settings(self) -> Settings:
        """The settings of a plain run in the project."""
        return self.project.settings

    @cached_property
    def vault(self) -> Vault:
        """The vault, which is empty if there is none.

        Raises:
            MimicError: It is not a folder or of pytest-mimic 0.x, or `--vault` names what does not exist.
        """
        from pytest_mimic._core.vault import FolderStore, Vault

        settings = self.settings
        folder, shown = settings.vault, settings.shown_vault
        if folder.exists() and not folder.is_dir():
            raise MimicError(f"the vault {shown} is not a folder")
        if self.options.vault and not folder.exists():
            raise MimicError(f"there is no vault {shown}")
        vault = Vault(FolderStore(folder), pickles=settings.pickles, label=shown)
        vault.refuse_old()
        return vault

    def command(self, *words: str) -> str:
        """Return the command line of a next step in the same vault."""
        return vault_command(*words)

    @cached_property
    def redactor(self) -> Redactor:
        """The secret names of the project."""
        from pytest_mimic._core.redact.redactor import Redactor

        return Redactor(self.settings.redact)
