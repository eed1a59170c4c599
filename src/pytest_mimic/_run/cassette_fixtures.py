"""The fixtures whose blocks record or replay a cassette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.bundled import TAKEN_BY_CASSETTES
from pytest_mimic._core.engine.cassettes import Cassette
from pytest_mimic._core.modules import module_exists
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.options import read_keyword_options
from pytest_mimic._core.targets.target import Target, as_targets
from pytest_mimic._core.vault.format import cassette_name, cassette_of_test
from pytest_mimic.errors import CassetteError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.targets.options import TargetOptions

_NEVER_RECORDS = "mimic_replay never records; use mimic_record or mimic_auto"


class CassetteFixture:
    """The type of the fixtures `mimic_record`, `mimic_replay` and `mimic_auto`."""

    def __init__(self, kind: str, state: Any, coverings: Any) -> None:
        self.kind = kind
        self.state: Any = state
        self.coverings: Any = coverings

    def __repr__(self) -> str:
        return f"<fixture mimic_{self.kind}>"

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
            strict: Whether a replay fails if a recorded call was not made, or if the
                order differs.
            options: The options of a target line, for all of them.
        """
        read_keyword_options(options, f"mimic_{self.kind}")
        owner = self.state.owner
        owner.cassettes += name is None
        name = (
            cassette_of_test(self.state.test, owner.cassettes)
            if name is None
            else cassette_name(name)
        )
        given: Any = targets
        named: Any = (
            (given,)
            if isinstance(given, str) or callable(given)
            else tuple(given or ())
        )
        if not named:  # the configured ones, and the usual clients that are installed
            present = {
                target.module for target in self.coverings.targets if target.is_client
            }
            others = [client for client in TAKEN_BY_CASSETTES if client not in present]
            named = (*self.coverings.targets, *filter(module_exists, others))
        return _Block(self, name, as_targets(named, options), strict=strict)


class _Block:
    """The block of a fixture: it opens a cassette, and mimics the targets until it ends.

    No generator: pytest would show the lines of `contextlib` for its errors.
    """

    def __init__(
        self,
        fixture: CassetteFixture,
        name: str,
        targets: list[Target],
        *,
        strict: bool,
    ) -> None:
        self._fixture, self._name, self._targets, self._strict = (
            fixture,
            name,
            targets,
            strict,
        )

    def __enter__(self) -> Cassette:
        fixture, name, state = self._fixture, self._name, self._fixture.state
        file = f"cassettes/{name}.json"
        exists = state.vault.store.size(file) is not None
        mode = mode_of(fixture.kind, state.settings, name=name, exists=exists)
        is_again = fixture.kind == "auto" and mode is Mode.RERECORD and exists
        if is_again and (file, state.vault.store.read(file)) in state.cassettes_made:
            mode = Mode.RECORD  # it holds the calls of another block of this run
        if any(
            one.name == name and (mode.writes or one.run_mode.writes)
            for one in state.open_cassettes
        ):
            what = f"cassette {name} is open already: each of its blocks would replace the calls of the other"
            remedy = "use the cassette of the outer block, or another name"
            raise CassetteError(what, remedies=[remedy], cassette=name)
        remedies = [_NEVER_RECORDS] if fixture.kind == "replay" else None
        (state.only_replayed.add if remedies else state.only_replayed.discard)(file)
        self._cassette = cassette = Cassette(
            state, name, mode, strict=self._strict, remedies=remedies
        )
        self._outer = state.own_cassette.get()
        # The context of an async fixture ends with its set-up, which the test follows.
        other = state.open_cassettes[-1] if state.open_cassettes else None
        if other is not self._outer and other is not None and other.is_running():
            what = f"cassette {name} cannot be opened beside cassette {other.name}, of a task that runs at the same time"
            raise CassetteError(
                what, remedies=["open one cassette around both tasks"], cassette=name
            )
        self._covering = fixture.coverings.enter(self._targets, cassette)
        state.open_cassettes.append(cassette)
        state.own_cassette.set(cassette)
        return cassette

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: object
    ) -> None:
        state = self._fixture.state
        state.open_cassettes.remove(self._cassette)
        state.own_cassette.set(self._outer)
        self._covering.end()
        self._cassette.close(error)


def mode_of(kind: str, settings: Settings, *, name: str, exists: bool) -> Mode:
    """Return the mode of a fixture's cassette in a run; the fixture is `record`, `replay` or `auto`.

    Raises:
        CassetteError: The fixture must record, and `--mimic-no-record` forbids that.
    """
    mode = settings.mode
    if kind == "replay" and mode is not Mode.LIVE:
        return Mode.REPLAY
    if mode in (Mode.LIVE, Mode.VERIFY):
        return mode
    if kind == "record" and settings.no_record:
        what = (
            f"mimic_record may not record cassette {name}: --mimic-no-record was given"
        )
        raise CassetteError(
            what, remedies=["to replay it if it is recorded: mimic_auto"], cassette=name
        )
    may_record = mode.writes or not (settings.no_record or settings.ci)
    return Mode.RERECORD if kind == "record" or (not exists and may_record) else mode


CassetteFixture.__module__ = "pytest_mimic"
