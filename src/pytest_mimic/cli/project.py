"""The project around a folder, with the vault that pytest would use there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

# pytest has no public name for it.
from _pytest.config.findpaths import determine_setup

from pytest_mimic.cli.proof import adapter_for
from pytest_mimic.commands import Commands
from pytest_mimic.engine.secrecy import Secrecy
from pytest_mimic.engine.unused import is_fixture_owner
from pytest_mimic.engine.usage import ASKED, IMPORTED, asked_of_plain
from pytest_mimic.errors import CorruptRecordingError, MimicError
from pytest_mimic.patch.clients import client_of
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import Options, Target, parse_target
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault, vault_folder, vault_label


class Project:
    """What the subcommands know of the project around a folder.

    Args:
        start: The folder.
        vault: What `--vault` names; empty: the vault of the ini file.

    Attributes:
        rootdir: Its rootdir.
        start: The folder where the command was called.
        vault: Its vault.
        targets: The lines of `mimic_functions`.
        asked: The files of requests that all share, as each test asked for them last.
        imported: The files of imported calls that each test has sent otherwise.
        secrecy: What `mimic_redact` and the environment hide.
        secrets: The names and values that are hidden.
        commands: Writes the commands to paste.

    Raises:
        MimicError: The ini file, or what it says, is wrong.
        pytest.UsageError: pytest cannot read the ini file.
    """

    def __init__(self, start: Path, vault: str) -> None:
        rootdir, inipath, ini = _setup(start)
        self.rootdir = rootdir
        self.start = start
        if vault:
            folder = vault_folder(vault, start, "--vault")
            if not folder.is_dir():
                raise MimicError(f"there is no vault {vault}")
        else:
            given = str(_value(ini, "mimic_vault_path") or ".mimic_vault")
            folder = vault_folder(given, rootdir, "mimic_vault_path")
        self.vault = Vault(folder, label=vault_label(folder, rootdir))
        self._cache = rootdir / str(_value(ini, "cache_dir") or ".pytest_cache")
        self.asked = asked_of_plain(_left_in(self._cache, ASKED))
        self.imported = asked_of_plain(_left_in(self._cache, IMPORTED))
        self.secrecy = Secrecy(_ini_lines(ini, "mimic_redact"))
        try:
            self.secrets = self.secrecy.secrets
        except ValueError as error:
            raise MimicError(f"mimic_redact: {error}") from None
        self.targets: list[Target] = []
        place = f"{inipath.name}, mimic_functions" if inipath else "mimic_functions"
        for number, line in enumerate(_ini_lines(ini, "mimic_functions"), 1):
            target = parse_target(line, f"{place} line {number}")
            if target is not None:
                self.targets.append(target)
        self.commands = Commands(rootdir, start, vault)
        self._lines: dict[str, list[Target]] = {}

    @cached_property
    def tests(self) -> list[str]:
        """The tests that pytest has collected here, as far as its cache tells."""
        plain = _left_in(self._cache, "cache/nodeids")
        found = plain if isinstance(plain, list) else []
        return [one for one in found if isinstance(one, str)]

    def place_of(self, word: str) -> str:
        """Return a test, file or folder as recordings name it, from the rootdir."""
        file, colons, name = word.partition("::")
        relative = os.path.relpath(self.start / file, self.rootdir)
        return f"{Path(relative).as_posix()}{colons}{name}"

    def file_of(self, word: str) -> str:
        """Return a path in the vault as the vault names it."""
        path = word.removeprefix("./").removeprefix(f"{self.vault.label}/")
        return path.rstrip("/")

    def path_of(self, name: str) -> str:
        """Return a file of the vault as messages name it."""
        return f"{self.vault.label}/{name}"

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

    def takes(self, patterns: Patterns, entry: Entry) -> bool:
        """Return whether patterns select a call."""
        adapter, request = adapter_for(entry.target), self._request_of(entry)
        host = adapter.host(request) if adapter is not None and request else None
        return patterns.takes(entry.signature or entry.target, host)

    def _request_of(self, entry: Entry) -> Any:
        """Return the request of a client; None: it is an object, which is gone."""
        try:
            return unshelve(entry.request, self.vault)
        except CorruptRecordingError:
            return None

    def options_of(self, entry: Entry) -> Options | None:
        """Return the options of today's line that takes a call; None: none does."""
        adapter, request = adapter_for(entry.target), self._request_of(entry) or {}
        if adapter is not None and adapter.is_of_all(request):
            return None
        if entry.target not in self._lines:
            self._lines[entry.target] = self._lines_naming(entry.target)
        for line in self._lines[entry.target]:
            # A line may be for some requests of a kind, as `llm` is.
            if adapter is None or adapter.is_of_line(line.name, request):
                patterns = Patterns(line.options.only, line.options.exclude)
                if self.takes(patterns, entry):
                    return None if line.excluded else line.options
        return None

    def _lines_naming(self, target: str) -> list[Target]:
        if ":" not in target:
            lines = [line for line in self.targets if _kind_of(line) == target]
            # That for some requests goes before those for all.
            return sorted(lines, key=lambda line: line.name != "llm")
        path = target.partition(":")[2]
        holder = target.rpartition("." if "." in path else ":")[0]
        wildcards = (f"{holder}:*", f"{holder}.*")
        # The last line that names a function decides, and a wildcard gives way.
        for names in ((target,), wildcards):
            named = [line for line in self.targets if line.name in names]
            if named:
                return named[-1:]
        # A function may be named where it is exported.
        exported = [line for line in self.targets if ".".join(line.path) == path]
        return exported if len(exported) == 1 else []

    def label(self, entry: Entry) -> str:
        """Return a call on one line."""
        if entry.end == "empty":
            return "a call of which nothing is kept"
        return self.secrets.label_of(entry)


def _kind_of(line: Target) -> str:
    client = client_of(line.module) if line.is_client else None
    return client.kind if client is not None else ""


# -- the ini file


def _left_in(cache: Path, name: str) -> object:
    """Return what earlier runs have left in the cache of pytest."""
    with suppress(OSError, ValueError):  # None has left it.
        return json.loads((cache / "v" / name).read_text("utf-8"))
    return None


def _setup(start: Path) -> tuple[Path, Path | None, Mapping[str, object]]:
    """Return the rootdir, the ini file and what it says, by the rules of pytest.

    The parameters of pytest's own function differ from version to version.
    """
    given: dict[str, Any] = dict.fromkeys(signature(determine_setup).parameters)
    given["args"] = []
    if "invocation_dir" in given:
        given["invocation_dir"] = start
    rootdir, inipath, ini = determine_setup(**given)[:3]
    return rootdir, inipath, ini


def _value(ini: Mapping[str, object], name: str) -> object:
    found = ini.get(name)
    # pytest 9 keeps beside a value where it stands.
    return getattr(found, "value", found)


def _ini_lines(ini: Mapping[str, object], name: str) -> list[str]:
    value = _value(ini, name) or []
    lines = value.split("\n") if isinstance(value, str) else value
    if not isinstance(lines, list) or not all(isinstance(one, str) for one in lines):
        raise MimicError(f"{name} is a list of texts, one for each line")
    return [line.strip() for line in lines if line.strip()]
