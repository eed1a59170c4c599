"""The fixtures whose blocks record or replay a cassette: `with mimic_record(): ...`.

Here a block gets its mode, its targets and its place among open cassettes. What it
reads and writes is in `_core/engine/cassettes.py` and `cassette_tracks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.bundled import TAKEN_BY_CASSETTES
from pytest_mimic._core.engine.cassette_tracks import CassetteTrack
from pytest_mimic._core.engine.cassettes import Cassette
from pytest_mimic._core.modules import module_exists
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.option_grammar import read_keyword_options
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.vault.cassette_names import cassette_name, cassette_of_test
from pytest_mimic._core.vault.format import CASSETTES_PREFIX
from pytest_mimic.errors import CassetteError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic._core.engine.coverings import Coverings
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.option_grammar import TargetOptions

_REMEDY_OF_REPLAY = "mimic_replay never records; use mimic_record or mimic_auto"


class CassetteFixture:
    """The type of the fixtures `mimic_record`, `mimic_replay` and `mimic_auto`.

    Attributes:
        fixture_kind: `record`, `replay` or `auto`.
        run: The run of the engine.
        coverings: The targets that are mimicked, to which a block adds its own.
    """

    def __init__(self, fixture_kind: str, run: Run, coverings: Coverings) -> None:
        self.fixture_kind: str = fixture_kind
        self.run: Run = run
        self.coverings: Coverings = coverings

    def __repr__(self) -> str:
        return f"<fixture mimic_{self.fixture_kind}>"

    def __call__(
        self,
        name: str | None = None,
        *,
        targets: str | Callable[..., Any] | Iterable[str | Callable[..., Any]] = (),
        strict: bool = False,
        **options: Unpack[TargetOptions],
    ) -> AbstractContextManager[Cassette]:
        """Return a context manager that records or replays a cassette.

        Args:
            name: The cassette's name. None: it is made from the test's id, with a
                number that counts the test's cassettes without a name.
            targets: Functions and clients to mimic, as in `mimic(...)`.
            strict: Whether a replay fails if a recorded call was not made, or if the
                order differs.
            options: The options of a target line, for all of them.
        """
        # A wrong option is an error of this call, and not of one of its targets.
        read_keyword_options(options, f"mimic_{self.fixture_kind}")
        if name is None:
            owner = self.run.current.owner
            owner.unnamed_cassette_count += 1
            name = cassette_of_test(self.run.current.test, owner.unnamed_cassette_count)
        else:
            name = cassette_name(name)
        if isinstance(targets, str) or callable(targets):
            targets = [targets]
        block_targets: list[Any] = list(targets or ()) or self._usual_targets()
        return _CassetteBlock(
            self, name, as_targets(block_targets, options), strict=strict
        )

    def _usual_targets(self) -> list[Any]:
        """Return the targets of a cassette that names none.

        These are the configured targets, and the usual clients that are installed.
        """
        targets: list[Any] = list(self.coverings.targets)
        configured_clients = {target.module for target in targets if target.is_client}
        for target in as_targets(TAKEN_BY_CASSETTES):
            is_configured = target.module in configured_clients
            if not is_configured and module_exists(target.module):
                # Messages name the origin of a target. This one stands in no file.
                targets.append(target._replace(origin="a cassette without targets"))
        return targets


class _CassetteBlock:
    """The block of a fixture: an open cassette, and targets that are mimicked in it.

    It is no generator, because pytest would show the lines of `contextlib` for its
    errors.
    """

    def __init__(
        self,
        fixture: CassetteFixture,
        name: str,
        targets: list[Target],
        *,
        strict: bool,
    ) -> None:
        self._fixture = fixture
        self._name = name
        self._targets = targets
        self._strict = strict

    def __enter__(self) -> Cassette:
        name = self._name
        run = self._fixture.run
        file = f"{CASSETTES_PREFIX}{name}.json"
        mode = self._mode(file)
        self._refuse_second_writer(mode)
        # The remedies that misses in the block name, in place of the usual ones.
        remedies = None
        # By this, the report of a failing test knows which replays no option makes
        # again.
        opened_for_replay = run.current.cassettes.last_opened_for_replay
        if self._fixture.fixture_kind == "replay":
            remedies = [_REMEDY_OF_REPLAY]
            opened_for_replay.add(file)
        else:
            # `--mimic-rerecord` makes the calls of this block again.
            opened_for_replay.discard(file)
        self._track = CassetteTrack(
            run, name, mode, strict=self._strict, remedies=remedies
        )
        # `__exit__` puts this cassette back for the calls behind the block.
        self._cassette_around = run.current.cassettes.of_thread_or_task.get()
        self._refuse_second_task()
        self._covering = self._fixture.coverings.enter(self._targets, self._track)
        run.current.cassettes.open.append(self._track)
        run.current.cassettes.of_thread_or_task.set(self._track)
        return Cassette(self._track)

    def _mode(self, file: str) -> Mode:
        """Return the mode of the cassette, whose file in the vault is `file`."""
        fixture_kind = self._fixture.fixture_kind
        run = self._fixture.run
        exists = run.vault.store.size(file) is not None
        mode = mode_of(fixture_kind, run.settings, name=self._name, exists=exists)
        is_replaced = fixture_kind == "auto" and mode is Mode.RERECORD and exists
        if (
            is_replaced
            and (file, run.vault.store.read(file)) in run.current.cassettes.written
        ):
            # Another block of this run has made the cassette. The calls of that block
            # stay, and this one adds its own.
            return Mode.RECORD
        return mode

    def _refuse_second_writer(self, mode: Mode) -> None:
        """Check that no block around this one writes the same cassette, or reads it.

        Raises:
            CassetteError: A block does.
        """
        for cassette in self._fixture.run.current.cassettes.open:
            is_written = mode.writes or cassette.run_mode.writes
            if cassette.name == self._name and is_written:
                raise CassetteError(
                    f"cassette {self._name} is open already: "
                    "each of its blocks would replace the calls of the other",
                    remedies=["use the cassette of the outer block, or another name"],
                    cassette=self._name,
                )

    def _refuse_second_task(self) -> None:
        """Check that the newest open cassette is that of a block around this one.

        With blocks of two tasks at the same time, it would depend on their timing which
        cassette has a call.

        The cassette of an async fixture is open in a test without being around it, as
        the context of the fixture ended with its set-up. So a block is refused only
        while the task of the other one still runs.

        Raises:
            CassetteError: A task that runs at the same time has opened the newest one.
        """
        cassettes = self._fixture.run.current.cassettes.open
        if not cassettes:
            return
        newest = cassettes[-1]
        if newest is not self._cassette_around and newest.is_running():
            raise CassetteError(
                f"cassette {self._name} cannot be opened beside cassette "
                f"{newest.name}, of a task that runs at the same time",
                remedies=["open one cassette around both tasks"],
                cassette=self._name,
            )

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: object
    ) -> None:
        run = self._fixture.run
        run.current.cassettes.open.remove(self._track)
        run.current.cassettes.of_thread_or_task.set(self._cassette_around)
        self._covering.end()
        self._track.close(error)


def mode_of(fixture_kind: str, settings: Settings, *, name: str, exists: bool) -> Mode:
    """Return the mode of a fixture's cassette in a run, first match:

    | fixture | run or vault | mode |
    |---|---|---|
    | `replay` | any but `--mimic-live` | replay |
    | any | `--mimic-live`, `--mimic-verify` | that of the run |
    | `record` | `--mimic-no-record` | refused |
    | `record` | any other | re-record |
    | `auto` | nothing recorded, and the run may record | re-record |
    | `auto` | any other | that of the run |

    Args:
        fixture_kind: The fixture: `record`, `replay` or `auto`.
        settings: The settings of the run.
        name: The name of the cassette.
        exists: Whether the cassette is recorded.

    Raises:
        CassetteError: The fixture must record, and `--mimic-no-record` forbids that.
    """
    mode = settings.mode
    if fixture_kind == "replay" and mode is not Mode.LIVE:
        return Mode.REPLAY
    if mode in (Mode.LIVE, Mode.VERIFY):
        return mode
    if fixture_kind == "record" and settings.no_record:
        raise CassetteError(
            f"mimic_record may not record cassette {name}: --mimic-no-record was given",
            remedies=["to replay it if it is recorded: mimic_auto"],
            cassette=name,
        )
    if fixture_kind == "record":
        return Mode.RERECORD
    may_record = mode.writes or not (settings.no_record or settings.ci)
    if may_record and not exists:
        return Mode.RERECORD
    return mode


# Users name the class in annotations, and see its name in errors.
CassetteFixture.__module__ = "pytest_mimic"
