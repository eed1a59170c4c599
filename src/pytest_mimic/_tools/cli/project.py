"""The pytest project around a folder, and a call of the command in it: rootdir, configuration file, settings, vault.

No pytest is loaded. The rules are those of pytest's documentation, "Initialization: determining rootdir and configfile".
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

from pytest_mimic._core.ambient import vault_command
from pytest_mimic._core.settings import IniOptions
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.target import Target
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._tools.cli.output import Output

# In this order. Those of the first two lines count even if they are empty.
_NAMES = (
    *("pytest.toml", ".pytest.toml"),
    *("pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)
_ALWAYS = frozenset(_NAMES[:4])
_SECTIONS = {"setup.cfg": "tool:pytest"}


class Project:
    """A pytest project."""

    def __init__(
        self, here: Path, rootdir: Path, inifile: Path | None, options: Mapping[str, Any], vault: str | None
    ) -> None:
        self.here = here  # the folder in which the command was called
        self.rootdir = rootdir  # the folder that pytest calls so
        self.inifile = inifile  # the configuration file, or None
        self.options = options  # the ini options in it as they were written, by name
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
            for name in _NAMES:
                file = folder / name
                if not file.is_file():
                    continue
                options = _read_options(file)
                if options is not None:
                    return cls(here, folder, file, options, vault)
                if name == "pyproject.toml" and bare is None:
                    bare = file
        if bare is not None:
            return cls(here, bare.parent, bare, {}, vault)
        rootdir = next((folder for folder in (here, *here.parents) if (folder / "setup.py").is_file()), here)
        return cls(here, rootdir, None, {}, vault)

    def _settings(self, given_vault: str | None) -> Settings:
        from pytest_mimic._core.node_ids import relative_path

        named = given_vault or self._vault_in_addopts()
        path = named or self.ini.text("mimic_vault_path", ".mimic_vault")
        is_whole = os.path.isabs(path) or path.startswith("~")  # noqa: PTH117
        folder = self.ini.vault(named, "--vault" if given_vault else "--mimic-vault", self.here, self.rootdir)
        # As a path from the current folder, so that it can be pasted. One elsewhere is shown as it was given.
        shown = relative_path(folder, start=self.here)
        return self.ini.settings(
            rootdir=self.rootdir,
            to_rootdir=relative_path(self.rootdir, start=self.here),
            vault=folder,
            shown_vault=str(folder) if is_whole and shown.startswith("../") else shown,
            given=(f"--mimic-vault={given_vault}",) if given_vault else (),
        )

    @property
    def targets(self) -> list[Target]:
        """The targets of `mimic_functions`."""
        from pytest_mimic._core.targets.target import parse_target

        parsed = self.ini.read_lines(
            "mimic_functions", lambda line, origin: parse_target(line, origin=origin)
        )
        return [target for target in parsed if target is not None]

    def _vault_in_addopts(self) -> str | None:
        """Return the vault in the options that every run of pytest gets, or None."""
        from shlex import split

        found = None
        for text in (self.options.get("addopts", ""), os.environ.get("PYTEST_ADDOPTS", "")):
            try:
                words = [str(word) for word in text] if isinstance(text, list) else split(str(text))
            except ValueError:  # pytest itself reports it
                continue
            for word, following in zip(words, [*words[1:], ""]):
                if word.startswith("--mimic-vault="):
                    found = word.partition("=")[2]
                elif word == "--mimic-vault":
                    found = following
        return found or None


def has_configuration(folder: Path) -> bool:
    """Check whether pytest reads its configuration from a file of this folder, if it looks there."""
    return any((folder / name).is_file() and _read_options(folder / name) is not None for name in _NAMES)


def _read_options(file: Path) -> dict[str, Any] | None:
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
    name = _SECTIONS.get(file.name, "pytest")
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
        return _table(document.get("pytest", {})) if _reads_tables() else None
    table = _table(_table(document.get("tool", {})).get("pytest", {}))
    if "ini_options" in table:
        return {
            name: value if isinstance(value, list) else str(value)
            for name, value in _table(table["ini_options"]).items()
        }
    return table if table and _reads_tables() else None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _reads_tables() -> bool:
    """Return whether the installed pytest reads options with the types of TOML, which it does from version 9 on."""
    from importlib.metadata import version

    return int(version("pytest").partition(".")[0]) >= 9


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

        MimicError: it is not a folder or of pytest-mimic 0.x, or `--vault` names what does not exist.
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
        from pytest_mimic._core.redact.redactor import Redactor

        return Redactor(self.settings.redact)
