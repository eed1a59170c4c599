"""The fixtures of cassettes: the name, mode and targets of a block in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.cassette_rules import cassette_name, is_left_out, mode_left_out, mode_of
from pytest_mimic._core.engine.cassettes import CassetteBlock, OpenCassette
from pytest_mimic._core.seam.registry import TAKEN_BY_CASSETTES, is_installed
from pytest_mimic._core.settings import NEEDS_GIL, has_gil
from pytest_mimic._core.targets.options import read_keyword_options
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.vault.file_names import cassette_of_test
from pytest_mimic.errors import CassetteError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.coverings import Coverings
    from pytest_mimic._core.engine.run_state import RunState


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
        targets: Iterable[Any] = (),
        strict: bool = False,
        **options: Any,
    ) -> CassetteBlock:
        """Return the context manager of a cassette fixture: `record`, `replay` or `auto`.

        By default the cassette's name is made from the test's id. A strict one fails if a recorded call was not
        made, or if the order differs. Options are those of a target line, and apply to all targets.
        """
        read_keyword_options(options, f"mimic_{fixture}")
        self._unnamed += name is None
        name = cassette_of_test(self._state.test, self._unnamed) if name is None else cassette_name(name)
        named = (
            (targets,) if isinstance(targets, (str, Target)) or callable(targets) else tuple(targets or ())
        )
        covered = self._targets(named, options)

        def cover(cassette: OpenCassette) -> Callable[[], None]:
            return self._coverings.enter(covered, cassette).end

        return CassetteBlock(lambda: self._open(fixture, name, strict=strict), cover)

    def _open(self, fixture: str, name: str, *, strict: bool = False) -> OpenCassette:
        """Return a cassette in the mode that its fixture has in this run: see `block`."""
        settings, file = self._state.settings, f"cassettes/{name}.json"
        in_ci = fixture == "auto" and settings.ci and not settings.mode.writes
        exists = self._state.vault.store.size(file) is not None
        may_record = not settings.no_record and not in_ci
        left_out = is_left_out(self._state, file)
        if left_out:
            mode = mode_left_out(fixture, settings.mode, exists=exists, may_record=may_record)
        else:
            mode = mode_of(fixture, settings.mode, name=name, exists=exists, may_record=may_record)
        if mode == "record" and not has_gil():
            raise CassetteError(f"cassette {name} is not recorded: {NEEDS_GIL}", cassette=name)
        cassette = OpenCassette(self._state, name, mode, strict=strict, only_replays=fixture == "replay")
        cassette.is_left_out = left_out and mode == "replay"
        return cassette

    def _targets(self, named: tuple[Any, ...], options: dict[str, Any]) -> list[Target]:
        """Return the targets that a fixture names, or the configured ones and the usual clients that are installed."""
        if named:
            return as_targets(named, options)
        present = {target.module for target in self._coverings.targets if target.is_client}
        others = [name for name in TAKEN_BY_CASSETTES if name not in present]
        installed = filter(is_installed, others)
        return as_targets([*self._coverings.targets, *installed], options)
