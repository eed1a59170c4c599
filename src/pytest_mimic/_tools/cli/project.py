"""The pytest project around a folder, and a call of the command in it: rootdir, configuration file, settings, vault.

The rules are those of pytest's documentation, "Initialization: determining rootdir and configfile".
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.settings import IniOptions
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.cli.output import Output


class Project:
    """A pytest project."""

    def __init__(
        self,
        here: Path,
        rootdir: Path,
        inifile: Path | None,
        options: Mapping[str, object],
        vault: str | None,
    ) -> None:
        self.here = here  # the folder in which the command was called
        self.rootdir = rootdir  # the folder that pytest calls so
        name = "" if inifile is None else inifile.name
        self.ini = IniOptions(
            options.get,
            place=lambda option: f"{name}, {option}",
            error=lambda *lines: MimicError("\n".join(lines)),
            prefix=f"{name}: ",
        )
        self.settings = self._settings(vault)  # the settings of a plain run there

    @classmethod
    def around(cls, here: Path, *, vault: str | None = None) -> Project:
        """Return the project around a folder. `vault` is the path of another vault than that of the project.

        MimicError: the configuration file cannot be read, or has a wrong value.
        """
        here = Path(os.path.abspath(here))  # noqa: PTH100 - links stay as pytest shows them
        bare: Path | None = None
        for folder in (here, *here.parents):
            for name in NAMES:
                file = folder / name
                if not file.is_file():
                    continue
                options = read_options(file)
                if options is not None:
                    return cls(here, folder, file, options, vault)
                if name == "pyproject.toml" and bare is None:
                    bare = file
        if bare is not None:
            return cls(here, bare.parent, bare, {}, vault)
        rootdir = next((folder for folder in (here, *here.parents) if (folder / "setup.py").is_file()), here)
        return cls(here, rootdir, None, {}, vault)

    def _settings(self, given_vault: str | None) -> Settings:
        from pytest_mimic._core.ambient import relative_path

        path = given_vault or self.ini.text("mimic_vault_path", ".mimic_vault")
        is_whole = os.path.isabs(path) or path.startswith("~")  # noqa: PTH117
        folder = self.ini.vault(given_vault, "--vault", self.here, self.rootdir)
        # As a path from the current folder, so that it can be pasted. One elsewhere is shown as it was given.
        shown = relative_path(folder, start=self.here)
        return self.ini.settings(
            rootdir=self.rootdir,
            vault=folder,
            shown_vault=str(folder) if is_whole and shown.startswith("../") else shown,
            given_vault=given_vault or "",
        )


class Invocation:
    """The options, the project, the vault and the output of one call."""

    def __init__(self, options: Namespace, out: Output) -> None:
        self.options = options
        self.out = out

    @cached_property
    def project(self) -> Project:
        """The project in which the command was called. MimicError: its configuration is wrong."""
        return Project.around(Path.cwd(), vault=self.options.vault)

    @property
    def settings(self) -> Settings:
        return self.project.settings

    @cached_property
    def vault(self) -> Vault:
        """The vault, which is empty if there is none.

        MimicError: `--vault` names what does not exist.
        """
        from pytest_mimic._core.vault import FolderStore, Vault

        settings = self.settings
        folder, shown = settings.vault, settings.shown_vault
        if self.options.vault and not folder.exists():
            raise MimicError(f"there is no vault {shown}")
        return Vault(FolderStore(folder), pickles=settings.pickles, label=shown)

    @cached_property
    def redactor(self) -> Redactor:
        from pytest_mimic._core.redact.redactor import Redactor

        return Redactor(self.settings.redact)


# In this order. The first four count even if they are empty.
NAMES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_ALWAYS = frozenset(NAMES[:4])


def read_options(file: Path) -> dict[str, Any] | None:
    """Return pytest's options in a file, or None if the file is not a configuration of pytest."""
    try:
        return _from_toml(file) if file.suffix == ".toml" else _from_ini(file)
    except OSError as reason:
        raise MimicError(f"cannot read {file}: {reason.strerror or reason}") from None
    except ValueError as reason:  # UnicodeDecodeError and TOMLDecodeError are ValueErrors
        raise MimicError(f"cannot read {file}: {reason}") from None


def _from_ini(file: Path) -> dict[str, Any] | None:
    from iniconfig import IniConfig, ParseError

    try:
        sections = IniConfig(str(file))
    except ParseError as reason:
        raise MimicError(f"cannot read {reason}") from None
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
    document: dict[str, Any] = toml.loads(text)
    if file.name != "pyproject.toml":
        return _table(document.get("pytest"))
    table = _table(_table(document.get("tool")).get("pytest"))
    texts = _table(table.get("ini_options"))
    found = {name: value if isinstance(value, list) else str(value) for name, value in texts.items()}
    return found if "ini_options" in table else table or None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
