"""The pytest project around a folder, and a call of the command in it: rootdir, configuration file, settings, vault.

The rules are those of pytest's documentation, "Initialization: determining rootdir and
configfile".
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.commands import Commands, relative_path
from pytest_mimic._core.seam.registry import Table, check_outcome, hand_in
from pytest_mimic._core.settings import IniOptions, LineReaders
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.target import Target
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.cli.output import Output


class Project:
    """The pytest project around a folder.

    `vault` is the path of another vault than that of the project.

    MimicError: the configuration file cannot be read, or has a wrong value.

    Attributes:
        here: The folder in which the command was called.
        rootdir: The folder that pytest calls so.
        settings: The settings of a plain run there.
    """

    def __init__(self, here: Path, *, vault: str | None = None) -> None:
        self.here = Path(os.path.abspath(here))  # noqa: PTH100 - links stay as pytest shows them
        self.rootdir, file, options = _configuration(self.here)
        self.ini = IniOptions(
            options.get,
            place=lambda option: f"{file}, {option}",
            error=lambda *lines: MimicError("\n".join(lines)),
            readers=LineReaders(_read_target, _read_secret_names),
            prefix=f"{file}: ",
        )
        path = vault or self.ini.text("mimic_vault_path", ".mimic_vault")
        is_whole = os.path.isabs(path) or path.startswith("~")  # noqa: PTH117
        folder = self.ini.vault(vault, "--vault", self.here, self.rootdir)
        # As a path from the current folder, so that it can be pasted. One elsewhere is
        # shown as it was given.
        shown = relative_path(folder, start=self.here)
        self.settings = self.ini.settings(
            rootdir=self.rootdir,
            here=self.here,
            vault=folder,
            shown_vault=str(folder) if is_whole and shown.startswith("../") else shown,
            given_vault=vault or "",
        )


def _read_target(line: str, origin: str) -> Target | None:
    from pytest_mimic._core.targets.target import parse_target

    return parse_target(line, origin=origin)


def _read_secret_names(line: str) -> Iterable[str]:
    # Most projects have no such line.
    from pytest_mimic._core.redact.secret_names import read_names

    return read_names(line)


def _bundled_clients() -> Table:
    # Most projects name no client.
    from pytest_mimic._clients.bundled import BUNDLED

    return BUNDLED


hand_in(_bundled_clients)


def _configuration(here: Path) -> tuple[Path, str, dict[str, Any]]:
    """Return pytest's rootdir for a folder, and the name of the configuration file with its options, empty without one."""
    folders = (here, *here.parents)
    for folder in folders:
        for name in NAMES:
            if (folder / name).is_file() and (
                options := read_options(folder / name)
            ) is not None:
                return folder, name, options
    for name in ("pyproject.toml", "setup.py"):
        if (
            found := next((one for one in folders if (one / name).is_file()), None)
        ) is not None:
            return found, name, {}
    return here, "", {}


class Invocation:
    """The options, the project, the vault and the output of one call."""

    def __init__(self, options: Namespace, out: Output) -> None:
        self.options = options
        self.out = out

    @cached_property
    def project(self) -> Project:
        """The project in which the command was called.

        MimicError: its configuration is wrong.
        """
        return Project(Path.cwd(), vault=self.options.vault)

    @property
    def settings(self) -> Settings:
        return self.project.settings

    @property
    def commands(self) -> Commands:
        """What makes commands for the folder and the vault of this call."""
        return self.settings.commands

    @cached_property
    def vault(self) -> Vault:
        """The vault, which is empty if there is none.

        MimicError: `--vault` names what does not exist.
        """
        from pytest_mimic._core.vault import FolderStore, Vault

        folder, label = self.settings.vault, self.settings.shown_vault
        if self.options.vault and not folder.exists():
            raise MimicError(f"there is no vault {label}")
        return Vault(
            FolderStore(folder),
            pickles=self.settings.pickles,
            label=label,
            check_client=check_outcome,
        )

    @cached_property
    def redactor(self) -> Redactor:
        from pytest_mimic._core.redact.redactor import Redactor

        return Redactor(self.settings.redact)


# In this order. The first four count even if they are empty.
NAMES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
_ALWAYS = frozenset(NAMES[:4])


def read_options(file: Path) -> dict[str, Any] | None:
    """Return pytest's options in a file, or None if the file is not a configuration of pytest."""
    from iniconfig import IniConfig, ParseError

    try:
        if file.suffix == ".toml":
            return _from_toml(file)
        sections = IniConfig(str(file))
    except (
        OSError,
        ValueError,
        ParseError,
    ) as reason:  # wrong encoding or TOML is a ValueError
        raise MimicError(
            f"cannot read {file}: {getattr(reason, 'strerror', None) or reason}"
        ) from None
    name = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if name in sections:
        return dict(sections[name].items())
    return {} if file.name in _ALWAYS else None


def _from_toml(file: Path) -> dict[str, Any] | None:
    text = file.read_text(encoding="utf-8")
    if file.name == "pyproject.toml" and "pytest" not in text:
        return None  # most of the time of a command would go into parsing it
    # Python 3.10 has no tomllib. There, pytest requires tomli.
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    document: Any = toml.loads(text)
    is_shared = file.name == "pyproject.toml"
    table: dict[str, Any] = _table(document, *(["tool"] if is_shared else []), "pytest")
    if not is_shared or "ini_options" not in table:
        return table if table or not is_shared else None
    options = _table(table, "ini_options").items()
    return {
        name: value if isinstance(value, list) else str(value)
        for name, value in options
    }


def _table(document: Any, *names: str) -> Any:
    """Return a table of TOML, empty if there is none.

    ValueError: something else has its name.
    """
    for name in names:
        document = document.get(name, {})
        if not isinstance(document, dict):
            raise ValueError(f"{name} is no table")
    return document
