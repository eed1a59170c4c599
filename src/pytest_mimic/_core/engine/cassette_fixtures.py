"""The fixtures of cassettes: the name, mode and targets of a block in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mimic._core.engine.cassettes import Cassette, CassetteMode
from pytest_mimic._core.seam.registry import TAKEN_BY_CASSETTES, is_installed
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.options import read_keyword_options
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.vault.file_names import cassette_name, cassette_of_test
from pytest_mimic.errors import CassetteError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic._core.engine.coverings import Coverings
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.targets.options import TargetOptions


class CassetteFixture(Protocol):
    """The type of the fixtures `mimic_record`, `mimic_replay` and `mimic_auto`."""

    def __call__(
        self,
        name: str | None = None,
        *,
        targets: str | Callable[..., Any] | Iterable[str | Callable[..., Any]] = (),
        strict: bool = False,
        **options: Unpack[TargetOptions],
    ) -> AbstractContextManager[Cassette]:
        """Return a block that records or replays a cassette.

        Args:
            name: The cassette's name. By default it is made from the test's id.
            targets: Functions and clients to mimic, as in `mimic(...)`.
            strict: Whether a replay fails if a recorded call was not made, or if the order differs.
            options: The options of a target line, for all of them.
        """
        ...


class CassetteFixtures:
    """The fixtures `mimic_record`, `mimic_replay` and `mimic_auto` of one test."""

    def __init__(self, state: RunState, coverings: Coverings) -> None:
        self._state = state
        self._coverings = coverings
        self._unnamed = 0  # how many blocks have named no cassette

    def block(
        self,
        fixture: str,
        name: str | None = None,
        *,
        targets: Iterable[object] = (),
        strict: bool = False,
        **options: Any,
    ) -> AbstractContextManager[Cassette]:
        """Return the context manager of a cassette fixture: `record`, `replay` or `auto`.

        By default the cassette's name is made from the test's id. A strict one fails if a recorded call was not
        made, or if the order differs. Options are those of a target line, and apply to all targets.
        """
        read_keyword_options(options, f"mimic_{fixture}")
        self._unnamed += name is None
        name = cassette_of_test(self._state.test, self._unnamed) if name is None else cassette_name(name)
        is_one = isinstance(targets, str) or callable(targets)
        covered = self._targets((targets,) if is_one else tuple(targets or ()), options)
        return _Block(
            self._state, self._coverings, partial(self._open, fixture, name, strict=strict), covered
        )

    def _open(self, fixture: str, name: str, *, strict: bool) -> Cassette:
        """Return a cassette in the mode that its fixture has in this run: see `block`."""
        settings, file = self._state.settings, f"cassettes/{name}.json"
        in_ci = fixture == "auto" and settings.ci and not settings.mode.writes
        exists = self._state.vault.store.size(file) is not None
        may_record = not settings.no_record and not in_ci
        mode = mode_of(fixture, settings.mode, name=name, exists=exists, may_record=may_record)
        return Cassette(self._state, name, mode, strict=strict, only_replays=fixture == "replay")

    def _targets(self, named: tuple[Any, ...], options: dict[str, Any]) -> list[Target]:
        """Return the targets that a fixture names, or the configured ones and the usual clients that are installed."""
        if named:
            return as_targets(named, options)
        present = {target.module for target in self._coverings.targets if target.is_client}
        others = [name for name in TAKEN_BY_CASSETTES if name not in present]
        installed = filter(is_installed, others)
        return as_targets([*self._coverings.targets, *installed], options)


class _Block:
    """The block of a cassette: opened and its targets mimicked, for as long as it lasts."""

    def __init__(
        self, state: RunState, coverings: Coverings, make: Callable[[], Cassette], covered: list[Target]
    ) -> None:
        self._state = state
        self._coverings = coverings
        self._make = make
        self._covered = covered

    def __enter__(self) -> Cassette:
        cassette, state = self._make(), self._state
        for other in state.open_cassettes[-1:]:
            cassette.refuse_beside(other)
        self._covering = self._coverings.enter(self._covered, cassette)
        state.open_cassettes.append(cassette)
        state.own_cassettes.set((*state.own_cassettes.get(), cassette))
        self._cassette = cassette
        return cassette

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        cassette, state = self._cassette, self._state
        state.open_cassettes.remove(cassette)
        state.own_cassettes.set(tuple(one for one in state.own_cassettes.get() if one is not cassette))
        self._covering.end()
        cassette.close(error)


def mode_of(fixture: str, mode: Mode, *, name: str, exists: bool, may_record: bool) -> CassetteMode:
    """Return the mode of a fixture's cassette in a run's mode; the fixture is `record`, `replay` or `auto`.

    It may not record if `--mimic-no-record` forbids that, or `CI` for `auto`.

    Raises:
        CassetteError: The fixture must record and may not.
    """
    if mode is Mode.LIVE:
        return "live"
    if fixture == "replay":
        return "replay"
    if mode is Mode.VERIFY:
        return "verify"
    if fixture == "record" and not may_record:
        what = f"mimic_record may not record cassette {name}: --mimic-no-record was given"
        raise CassetteError(what, remedies=["to replay it if it is recorded: mimic_auto"], cassette=name)
    if fixture == "record" or mode is Mode.RERECORD or (not exists and may_record):
        return "record"
    return "extend" if mode is Mode.RECORD else "replay"


CassetteFixture.__module__ = "pytest_mimic"
