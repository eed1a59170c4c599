"""The pytest project around a folder, and a call of the command in it.

The rules for the rootdir and the configuration file are those of pytest's
documentation, "Initialization: determining rootdir and configfile".
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.commands import Commands, relative_path
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import read_names
from pytest_mimic._core.seam.registry import check_outcome, hand_in
from pytest_mimic._core.settings import IniOptions, LineReaders
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.target import Target
    from pytest_mimic._tools.cli.output import Output


# The core names no module of clients, so it is handed their table.
hand_in("pytest_mimic._clients.bundled:BUNDLED")


class Project:
    """The pytest project around a folder, found without pytest.

    `_run/configuration.py` makes the settings of a run, from what pytest has found.

    Args:
        here: The folder.
        vault: The path of another vault than that of the project.

    Attributes:
        here: The folder in which the command was called.
        rootdir: The folder that pytest calls so.
        ini: The options in the project's configuration file.
        settings: The settings of a plain run there.

    Raises:
        MimicError: The configuration file cannot be read, or has a wrong value.
    """

    def __init__(self, here: Path, *, vault: str | None = None) -> None:
        # Links stay, because pytest shows them.
        self.here = Path(os.path.abspath(here))  # noqa: PTH100
        pytest_file = _pytest_file(self.here)
        self.rootdir = pytest_file.rootdir
        self.ini = _ini_options(pytest_file)
        vault_folder = self.ini.vault(
            vault, option="--vault", here=self.here, rootdir=self.rootdir
        )
        self.settings = self.ini.settings(
            rootdir=self.rootdir,
            here=self.here,
            vault=vault_folder,
            shown_vault=self._shown_vault(vault, vault_folder),
            given_vault=vault or "",
        )

    def _shown_vault(self, vault: str | None, folder: Path) -> str:
        """Return the vault for messages: a path from the current folder, to be pasted.

        A vault outside of the current folder keeps an absolute path that it was given.
        """
        path = vault or self.ini.text("mimic_vault_path", ".mimic_vault")
        is_absolute = os.path.isabs(path) or path.startswith("~")  # noqa: PTH117
        # Commands that are printed get this path, and are pasted in this folder.
        path_from_here = relative_path(folder, start=self.here)
        if is_absolute and path_from_here.startswith("../"):
            return str(folder)
        return path_from_here


def _ini_options(pytest_file: _PytestFile) -> IniOptions:
    """Return the options of `mimic_…` in a file, for the command, read as in a run.

    An error of one is a `MimicError` here, which `main` prints.
    """
    file = pytest_file.name

    def origin_of_option(option: str) -> str:
        return f"{file}, {option}"

    def make_error(*lines: str) -> MimicError:
        return MimicError("\n".join(lines))

    return IniOptions(
        pytest_file.options.get,
        origin_of_option=origin_of_option,
        make_error=make_error,
        readers=LineReaders(_read_target, read_names),
        prefix_of_errors=f"{file}: ",
    )


def _read_target(line: str, origin: str) -> Target | None:
    """Return the target of a line of `mimic_functions`; None: the line names none."""
    # Few subcommands read lines, and targets load `inspect`.
    from pytest_mimic._core.targets.target import parse_target

    return parse_target(line, origin=origin)


class _PytestFile(NamedTuple):
    """The configuration file that pytest reads for a folder.

    Attributes:
        rootdir: The folder that pytest calls so.
        name: The name of the file in the rootdir; empty if there is none.
        options: The options of pytest in this file.
    """

    rootdir: Path
    name: str
    options: dict[str, Any]


def _pytest_file(here: Path) -> _PytestFile:
    """Return the configuration file of a folder, by the rules of pytest.

    Another rootdir would give another vault than that of a run.
    """
    folders = (here, *here.parents)
    for folder in folders:
        for name in CONFIGURATION_FILES:
            file = folder / name
            options = read_options(file) if file.is_file() else None
            if options is not None:
                return _PytestFile(folder, name=name, options=options)
    # A project without options for pytest has a rootdir, too.
    for name in ("pyproject.toml", "setup.py"):
        for folder in folders:
            if (folder / name).is_file():
                return _PytestFile(folder, name=name, options={})
    return _PytestFile(here, name="", options={})


class Invocation:
    """One call of the command: its options, its output, its project and vault."""

    def __init__(self, options: Namespace, out: Output) -> None:
        self.options = options
        self.out = out

    @cached_property
    def project(self) -> Project:
        """The pytest project around the current folder, read when it is first needed.

        Raises:
            MimicError: The configuration of the project is wrong.
        """
        return Project(Path.cwd(), vault=self.options.vault)

    @property
    def settings(self) -> Settings:
        """The settings of the project, as of a plain run with `--vault`."""
        return self.project.settings

    @property
    def commands(self) -> Commands:
        """The commands that messages suggest, for the folder and vault of this call."""
        return self.settings.commands

    @cached_property
    def vault(self) -> Vault:
        """The vault, which is empty if there is none.

        Raises:
            MimicError: The folder that `--vault` names does not exist.
        """
        folder = self.settings.vault
        label = self.settings.shown_vault
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
        """The rules of today, by which secrets are hidden in what is printed."""
        return Redactor(self.settings.redact)


#: The names of files of configuration, in the order in which pytest looks for them.
CONFIGURATION_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
# These files count even if they have no section for pytest.
_FILES_THAT_COUNT_ALWAYS = frozenset(CONFIGURATION_FILES[:4])


def read_options(file: Path) -> dict[str, Any] | None:
    """Return pytest's options in a file.

    The command runs without pytest, and reads the file as pytest does.

    None: the file has no configuration for pytest.

    Raises:
        MimicError: The file cannot be read.
    """
    from iniconfig import IniConfig, ParseError

    try:
        if file.suffix == ".toml":
            return _from_toml(file)
        sections = IniConfig(str(file))
    except (OSError, ValueError, ParseError) as reason:
        # A wrong encoding and wrong TOML are ValueErrors.
        problem = getattr(reason, "strerror", None) or reason
        raise MimicError(f"cannot read {file}: {problem}") from None
    section = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if section in sections:
        return dict(sections[section].items())
    return {} if file.name in _FILES_THAT_COUNT_ALWAYS else None


def _from_toml(file: Path) -> dict[str, Any] | None:
    """Return pytest's options in a file of TOML, or None if it has none.

    ===============================================  ===============================
    `[pytest]` of `pytest.toml`                      options have the types of TOML
    `[tool.pytest]` of `pyproject.toml`              the same
    `[tool.pytest.ini_options]` of `pyproject.toml`  each option is a list or a text
    ===============================================  ===============================

    Raises:
        ValueError: The file is no TOML, or something else than a table has the name of
            one of these.
    """
    toml_text = file.read_text(encoding="utf-8")
    is_pyproject = file.name == "pyproject.toml"
    if is_pyproject and "pytest" not in toml_text:
        # Parsing it would take most of the time of a command.
        return None
    # Python 3.10 has no tomllib. There, pytest requires tomli.
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    document: Any = toml.loads(toml_text)
    if not is_pyproject:
        options: dict[str, Any] = _table(document, "pytest")
        return options
    pytest_table = _table(document, "tool", "pytest")
    if "ini_options" not in pytest_table:
        return pytest_table or None
    options = {}
    for name, value in _table(pytest_table, "ini_options").items():
        options[name] = value if isinstance(value, list) else str(value)
    return options


def _table(toml_table: Any, *names: str) -> Any:
    """Return the table of a configuration to which these names lead, or an empty one.

    Raises:
        ValueError: Something else than a table has one of the names.
    """
    for name in names:
        toml_table = toml_table.get(name, {})
        if not isinstance(toml_table, dict):
            raise ValueError(f"{name} is no table")
    return toml_table
