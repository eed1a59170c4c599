"""What one run of pytest has: what was asked of it, the engine, what was used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_mimic.engine.activations import Activations
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.unused import Judgement
from pytest_mimic.engine.usage import Usage
from pytest_mimic.errors import MimicError
from pytest_mimic.functions.wrappers import MimickedFunctions
from pytest_mimic.patch.patches import Patches
from pytest_mimic.run.selection import SelectedTests
from pytest_mimic.run.settings import settings_of

if TYPE_CHECKING:
    from pytest_mimic.engine.cassettes import Cassettes


class Session:
    """What the plugins of one run share, in this process.

    Attributes:
        config: The configuration of pytest.
        settings: What the user has asked for.
        commands: Writes the commands to paste.
        run: The engine's run.
        activations: What is mimicked.
        usage: What this run collected, ran and used.
        selection: Which tests these are.
        judgement: Which recordings are unused.
        cleared: How many bytes the vault has lost with them.
    """

    cleared = 0

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = settings = settings_of(config)
        self.run = Run(settings)
        self.commands = self.run.refusals.commands
        patches = Patches()
        functions = MimickedFunctions(self.run, patches)
        self.activations = Activations(self.run, patches, functions)
        self.usage = Usage()
        self.selection = SelectedTests(config, self.usage)
        self.judgement = Judgement()

    @property
    def width(self) -> int:
        """The columns of the terminal."""
        return self.config.get_terminal_writer().fullwidth

    def note_new_test_ids(self) -> None:
        """Name at the end the tests that the next process calls otherwise."""
        # Only a run that records needs it.
        from pytest_mimic.engine.new_test_ids import NewTestIds

        if self.run.new_test_ids is None:
            self.run.new_test_ids = NewTestIds(self.run.events, self._is_in_files)

    def _is_in_files(self, text: str) -> bool:
        return any(text in content for content in self._texts_of_files)

    @cached_property
    def cassettes(self) -> Cassettes:
        """The cassettes that are open."""
        from pytest_mimic.engine.cassettes import Cassettes  # few runs have any

        return Cassettes(self.run, self.activations, self.note_new_test_ids)

    @cached_property
    def _texts_of_files(self) -> list[str]:
        from pytest_mimic.run.files_of_tests import texts_of_files  # few runs ask

        settings = self.settings
        collected = [settings.rootdir / name for name in self.usage.collected]
        folders = {file.parent for file in collected if file.is_file()}
        return texts_of_files(folders, settings.vault)

    def command(self, option: str, tests: Sequence[str]) -> str:
        """Return a command for some tests that is short enough to be read.

        Where all tests of a file or all cases of a function are meant, it names these.
        """
        meant = set(tests)
        whole_files = self.selection.whole_files()
        places: dict[str, None] = {}
        for test in tests:
            file, function = test.partition("::")[0], test.partition("[")[0]
            of_file = whole_files.get(file, set())
            cases = {one for one in of_file if one.partition("[")[0] == function}
            place = test
            if len(of_file) > 1 and of_file <= meant:
                place = file
            elif len(cases) > 1 and cases <= meant:
                place = function
            places[place] = None
        return self.commands.recording(option, places)

    def keep_error(self, error: MimicError) -> None:
        """Name an error in the summary that belongs to no test; the run fails."""
        self.run.events.add("stray", f"{type(error).__name__}: {error}")

    def safely(self, step: Callable[..., object], *args: object) -> None:
        """Do a step of the end; an error of it, as of a full disk, is no traceback."""
        try:
            step(*args)
        except MimicError as error:
            self.keep_error(error)
