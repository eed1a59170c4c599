"""The project around a folder, with the vault that pytest would use there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

# pytest has no public name for it.
from _pytest.config.findpaths import determine_setup

from pytest_mimic.client import Adapter
from pytest_mimic.commands import Commands
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.engine.unused import is_fixture_owner
from pytest_mimic.errors import CorruptRecordingError, MimicError, TargetError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Target, parse_target
from pytest_mimic.secrets.issued import Secrets
from pytest_mimic.secrets.names import read_names
from pytest_mimic.values.labels import call_label
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault, vault_folder, vault_label

T = TypeVar("T", "Tree", "dict[str, Tree]")


@dataclass(frozen=True)
class Project:
    """What the subcommands know of a project.

    Attributes:
        rootdir: Its rootdir.
        start: The folder where the command was called.
        vault: Its vault.
        targets: The lines of `mimic_functions`.
        secrecy: What `mimic_redact` and the environment hide.
        commands: Writes the commands to paste.
    """

    rootdir: Path
    start: Path
    vault: Vault
    targets: tuple[Target, ...]
    secrecy: Secrecy
    commands: Commands

    @classmethod
    def of(cls, start: Path, vault: str = "") -> Project:
        """Return the project around a folder.

        Args:
            start: The folder.
            vault: What `--vault` names; empty: the vault of the ini file.

        Raises:
            MimicError: The ini file, or what it says, is wrong.
            pytest.UsageError: pytest cannot read the ini file.
        """
        rootdir, inipath, ini = _setup(start)
        place = inipath.name if inipath else "mimic_functions"
        if vault:
            folder = vault_folder(vault, start, "--vault")
            if not folder.is_dir():
                raise MimicError(f"there is no vault {vault}")
        else:
            given = str(_value(ini, "mimic_vault_path") or ".mimic_vault")
            folder = vault_folder(given, rootdir, "mimic_vault_path")
        redact = _lines(ini, "mimic_redact")
        for line in redact:
            _check_names(line)
        return cls(
            rootdir=rootdir,
            start=start,
            vault=Vault(folder, label=vault_label(folder, rootdir)),
            targets=tuple(_targets(_lines(ini, "mimic_functions"), place)),
            secrecy=Secrecy(redact),
            commands=Commands(rootdir, start, vault),
        )

    @property
    def secrets(self) -> Secrets:
        """The names and values that are hidden."""
        return self.secrecy.secrets

    def place_of(self, word: str) -> str:
        """Return a test, file or folder as recordings name it, from the rootdir."""
        file, colons, name = word.partition("::")
        relative = os.path.relpath(self.start / file, self.rootdir)
        return f"{Path(relative).as_posix()}{colons}{name}"

    def file_of(self, word: str) -> str:
        """Return a path in the vault as the vault names it."""
        path = word.removeprefix("./").removeprefix(f"{self.vault.label}/")
        return path.rstrip("/")

    def record_again(self, option: str, places: Iterable[tuple[str, str]]) -> str:
        """Return the command that records files of the vault again.

        Args:
            option: The option that does it.
            places: Each file, with its owner.
        """
        tests: dict[str, None] = {}
        for name, owner in places:
            file = owner.partition("::")[0]
            if not file or name == f"cassettes/{owner}.json":
                return self.commands.pytest(option)  # some test uses the cassette
            if is_fixture_owner(owner):
                # A `conftest.py` serves the tests in its folder.
                owner = file.removesuffix("conftest.py").rstrip("/") or "."
            tests[owner] = None
        return self.commands.recording(option, tests)

    # -- calls

    @cached_property
    def _adapters(self) -> dict[str, Adapter | None]:
        return {}

    def adapter(self, target: str) -> Adapter | None:
        """Return the adapter of a client's calls. None: a function, or an unknown."""
        if target not in self._adapters:
            client = None if ":" in target else client_of(target)
            self._adapters[target] = client and _adapter_named(client.adapter)
        return self._adapters[target]

    def takes(self, patterns: Patterns, entry: Entry) -> bool:
        """Return whether patterns select a call."""
        adapter = self.adapter(entry.target)
        host = None
        if adapter is not None and entry.request is not None:
            # A long request is an object, which may be gone.
            with suppress(CorruptRecordingError):
                request: Any = unshelve(entry.request, self.vault)
                host = adapter.host(request)
        return patterns.takes(entry.signature or entry.target, host)

    def call_of(self, entry: Entry) -> dict[str, Tree]:
        """Return the arguments or the request of a call, as it may be shown."""
        return self.shown(entry.arguments or entry.request or {})

    def label(self, entry: Entry) -> str:
        """Return a call on one line."""
        if entry.end == "empty":
            return "a call of which nothing is kept"
        return call_label(entry.target, self.call_of(entry), signature=entry.signature)

    def shown(self, tree: T) -> T:
        """Return a tree without what today's names hide, and what looks like a key."""
        shown: T = self.secrets.masked(tree)
        return shown


class Lines:
    """Finds the line of today that takes a recorded call."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, list[tuple[Target, Patterns]]] = {}

    def of(self, entry: Entry) -> Target | None:
        """Return the line of a call; None: none takes it, or Python has its options."""
        adapter = self._project.adapter(entry.target)
        if adapter is not None and adapter.is_of_all(entry.request or {}):
            return None
        if entry.target not in self._known:
            self._known[entry.target] = [
                (line, Patterns(line.options.only, line.options.exclude))
                for line in self._naming(entry.target)
            ]
        for line, patterns in self._known[entry.target]:
            if self._project.takes(patterns, entry):
                return None if line.excluded else line
        return None

    def _naming(self, target: str) -> list[Target]:
        lines = self._project.targets
        if ":" not in target:
            return [line for line in lines if _kind_of(line) == target]
        holder = target.rpartition("." if "." in target.partition(":")[2] else ":")[0]
        named = [line for line in lines if line.name == target]
        # The last line that names a function decides, and a wildcard gives way.
        if named:
            return named[-1:]
        wildcards = (f"{holder}:*", f"{holder}.*")
        all_of = [line for line in lines if line.name in wildcards]
        if all_of:
            return all_of[-1:]
        # A function may be named where it is exported.
        path = target.partition(":")[2]
        exported = [line for line in lines if line.path == tuple(path.split("."))]
        return exported if len(exported) == 1 else []


def _kind_of(line: Target) -> str:
    client = client_of(line.module) if line.is_client else None
    return client.kind if client is not None else ""


def _adapter_named(name: str) -> Adapter | None:
    module, _, path = name.partition(":")
    try:
        found: Adapter = getattr(import_module(module), path)()
    except ImportError:  # that of another distribution, which is gone
        return None
    return found


def _setup(start: Path) -> tuple[Path, Path | None, Mapping[str, object]]:
    """Return the rootdir, the ini file and what it says, by the rules of pytest.

    The parameters of pytest's own function differ from version to version.
    """
    known: dict[str, Any] = {
        "inifile": None,
        "override_ini": None,
        "args": [],
        "rootdir_cmd_arg": None,
        "invocation_dir": start,
    }
    names = signature(determine_setup).parameters
    given = {name: value for name, value in known.items() if name in names}
    rootdir, inipath, ini = determine_setup(**given)[:3]
    return rootdir, inipath, ini


def _value(ini: Mapping[str, object], name: str) -> object:
    found = ini.get(name)
    # pytest 9 keeps beside a value where it stands.
    return getattr(found, "value", found)


def _lines(ini: Mapping[str, object], name: str) -> list[str]:
    value = _value(ini, name) or []
    lines = value.split("\n") if isinstance(value, str) else value
    if not isinstance(lines, list) or not all(isinstance(one, str) for one in lines):
        raise MimicError(f"{name} is a list of texts, one for each line")
    return [line.strip() for line in lines if line.strip()]


def _check_names(line: str) -> None:
    try:
        read_names(line)
    except ValueError as error:
        raise MimicError(f"mimic_redact: {error}") from None


def _targets(lines: list[str], place: str) -> Iterator[Target]:
    for number, line in enumerate(lines, 1):
        try:
            target = parse_target(line, f"{place}, mimic_functions line {number}")
        except TargetError as error:
            raise MimicError(str(error)) from None
        if target is not None:
            yield target
