"""The settings of a run, and how pytest and the command read them from ini options.

A run hands in the values that pytest has read, and the command reads the ini file
without pytest. The rules for a value are here, so that both refuse the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pytest_mimic._core.commands import Commands
from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic.errors import TargetError

SourcePolicy = Literal["strict", "ignore"]
InputsPolicy = Literal["warn", "strict", "ignore"]
PicklePolicy = Literal["listed", "forbid"]

_NOT_ITS_OWN = "a vault is a folder of its own, such as .mimic_vault, and this is {}"


class Mode(Enum):
    """The mode of a run: what it does with calls of targets."""

    REPLAY = "replay"
    RECORD = "record"
    RERECORD = "rerecord"
    VERIFY = "verify"
    LIVE = "live"

    def __init__(self, name: str) -> None:
        # Whether the run writes recordings. In other modes, only fixtures may.
        self.writes: bool = name in ("record", "rerecord")


class Settings(NamedFields):
    """The settings of one run.

    Attributes:
        mode: What the run does with calls.
        rootdir: pytest's own.
        here: Where pytest or the command was started, for which suggested commands are.
        vault: The vault's folder, absolute.
        shown_vault: The same for messages, relative to the rootdir if it is inside.
        source: What a replay does when the source of a target has changed.
        pickles: Whether pickles may be loaded.
        redact: Names to add to the secret ones; `!name` removes one.
        no_record: Nothing may be written, even if a fixture would record.
        ci: The environment variable `CI` is set.
        clear_unused: Recordings proven unused are deleted.
        fail_on_unused: The run fails if there are such.
        given_vault: The vault that an option named, as suggested commands repeat it;
            empty: none did.
        usage: The file of `--mimic-usage`, absolute. None: the option was not given.
        inputs: What a replay does when what a recorded call reaches or reads has
            changed.
    """

    mode: Mode
    rootdir: Path
    here: Path
    vault: Path
    shown_vault: str
    source: SourcePolicy
    pickles: PicklePolicy
    redact: tuple[str, ...]
    no_record: bool = False
    ci: bool = False
    clear_unused: bool = False
    fail_on_unused: bool = False
    given_vault: str = ""
    usage: Path | None = None
    inputs: InputsPolicy = "warn"

    @property
    def commands(self) -> Commands:
        """Makes the commands of messages for the folder where the run was started."""
        return Commands(self.here, self.rootdir, self.given_vault)

    @property
    def is_shared(self) -> bool:
        """Whether other projects or branches may have recorded in the vault as well.

        A vault outside of the rootdir may have theirs, which no run here uses.
        """
        return not self.vault.resolve().is_relative_to(self.rootdir.resolve())


class LineReaders(NamedFields):
    """What reads single lines of ini options, handed in by who knows their grammar.

    Attributes:
        target: Returns the target of a line of `mimic_functions`, given the place where
            it stands; None for a comment.
        secret_names: Returns the names in a line of `mimic_redact`.
    """

    target: Callable[[str, str], object | None]
    secret_names: Callable[[str], Iterable[str]]


class IniOptions:
    """The ini options of a project, with one set of rules for pytest and the command.

    Args:
        get: Returns the value of an option, or None.
        origin_of_option: Returns the place of an option of several lines, `tox.ini,
            mimic_functions`, for errors of single lines.
        make_error: Makes the error of a wrong value from its lines.
        readers: Read single lines.
        prefix_of_errors: The beginning of an error about one option, `tox.ini: `;
            empty: the error begins with the option.
    """

    def __init__(
        self,
        get: Callable[[str], object],
        *,
        origin_of_option: Callable[[str], str],
        make_error: Callable[..., Exception],
        readers: LineReaders,
        prefix_of_errors: str = "",
    ) -> None:
        self._get = get
        self._origin_of_option = origin_of_option
        self._make_error = make_error
        self._readers = readers
        self._prefix_of_errors = prefix_of_errors

    def text(self, name: str, default: str = "") -> str:
        """Return an option that takes one text, without blanks around it."""
        value = self._get(name)
        if isinstance(value, list):
            raise self._make_error(
                f"{self._prefix_of_errors}{name} is a list, it takes a text"
            )
        if value is None:
            return default
        return str(value).strip()

    def choice(self, name: str, *allowed: str) -> Any:
        """Return an option that takes one of these words, by default the first."""
        value = self.text(name, allowed[0])
        if value not in allowed:
            wanted = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
            raise self._make_error(
                f"{self._prefix_of_errors}{name} = {value}: it takes {wanted}"
            )
        return value

    def lines(self, name: str) -> list[str]:
        """Return an option of several lines, without the empty ones."""
        lines = self._get(name) or []
        if not isinstance(lines, list):
            lines = str(lines).split("\n")
        stripped = [str(line).strip() for line in lines]
        return list(filter(None, stripped))

    def read_lines(self, name: str, read: Callable[[str, str], object]) -> list[Any]:
        """Return what `read` makes of each line of an option and its origin.

        All wrong lines are named together.
        """
        results = []
        problems = []
        option_origin = self._origin_of_option(name)
        for number, line in enumerate(self.lines(name), 1):
            origin = f"{option_origin} line {number}"
            try:
                results.append(read(line, origin))
            except TargetError as error:
                # The error names the origin itself.
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"{origin}: {error}")
        if problems:
            raise self._make_error(*problems)
        return results

    def targets(self) -> list[Any]:
        """Return the targets of `mimic_functions`."""
        targets = self.read_lines("mimic_functions", self._readers.target)
        return [target for target in targets if target is not None]

    def _secret_names(self) -> tuple[str, ...]:
        """Return the names in the lines of `mimic_redact`."""

        def read(line: str, _origin: str) -> Iterable[str]:
            return self._readers.secret_names(line)

        lines = self.read_lines("mimic_redact", read)
        return tuple(chain.from_iterable(lines))

    def vault(
        self, given_path: str | None, *, option: str, here: Path, rootdir: Path
    ) -> Path:
        """Return the vault's folder.

        An option may have given it, relative to `here`. Otherwise it is the project's.
        """
        path = given_path
        start = here
        origin = option
        if not given_path:
            path = self.text("mimic_vault_path", ".mimic_vault")
            start = rootdir
            origin = f"{self._prefix_of_errors}mimic_vault_path"
        # The command may be started in the vault, which it then takes for the rootdir.
        may_be_rootdir = bool(given_path) and option == "--vault"
        try:
            folder = vault_folder(str(path), start)
            if folder == rootdir and not may_be_rootdir:
                raise ValueError(_NOT_ITS_OWN.format(folder))
            return folder
        except ValueError as fault:
            raise self._make_error(f"{origin}: {fault}") from None

    def settings(
        self, *, rootdir: Path, mode: Mode = Mode.REPLAY, **others: Any
    ) -> Settings:
        """Return the settings that are read alike everywhere, with the `others`."""
        return Settings(
            mode=mode,
            rootdir=rootdir,
            source=self.choice("mimic_source", "strict", "ignore"),
            inputs=self.choice("mimic_inputs", "warn", "strict", "ignore"),
            pickles=self.choice("mimic_pickle", "listed", "forbid"),
            redact=self._secret_names(),
            **others,
        )


def vault_folder(path: str, start: Path) -> Path:
    """Return the folder that the path of a vault names, relative to `start`.

    Raises:
        ValueError: The path is a URL or is meant to be one (`s3:/bucket`), or names a
            folder that holds everything.
    """
    scheme = path.strip().partition(":")[0].lower()
    if "://" in path or (":" in path and scheme in ("s3", "gs", "az", "file")):
        # The URL may hold credentials, and is not shown.
        raise ValueError("a vault is a folder, and this is a URL")
    folder = Path(os.path.normpath(start / os.path.expanduser(path)))  # noqa: PTH111 - the home may be unknown
    if os.path.lexists(folder) and not os.path.isdir(folder):  # noqa: PTH112
        raise ValueError(f"{folder} is not a folder")
    home = os.path.normpath(os.path.expanduser("~"))  # noqa: PTH111
    if folder.parent == folder or str(folder) == home:
        raise ValueError(_NOT_ITS_OWN.format(folder))
    return folder
