"""What the fixtures `mimic_record`, `mimic_replay` and `mimic_auto` give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.cassettes import Cassette, Fixture
from pytest_mimic.errors import TargetError
from pytest_mimic.patch.targets import Target, as_targets
from pytest_mimic.run.session import Session
from pytest_mimic.vault.names import cassette_name, cassette_of_test

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic.patch.targets import TargetOptions

# What a cassette takes besides the configured targets, if none are named.
_CLIENTS = ("http", "sqlalchemy", "redis")


@dataclass(repr=False)
class CassetteFixture:
    """What `mimic_record`, `mimic_replay` and `mimic_auto` give: it opens cassettes."""

    __module__ = "pytest_mimic"

    _kind: Fixture
    _session: Session

    def __repr__(self) -> str:
        return f"<fixture mimic_{self._kind}>"

    def __call__(
        self,
        name: str | None = None,
        *,
        targets: Iterable[str | Callable[..., Any]] = (),
        strict: bool = False,
        **options: Unpack[TargetOptions],
    ) -> AbstractContextManager[Cassette]:
        """Return the block of a cassette.

        Args:
            name: Its name, which may hold folders. Default: made of the test's id.
            targets: What it takes, as lines of `mimic_functions` or functions. Default:
                the configured targets, HTTP, sqlalchemy and redis.
            strict: `mimic_replay` also fails where a recorded call was not made, or in
                another order.
            options: The options of a line, for all targets.

        Raises:
            TargetError: A target or an option is wrong.
            CassetteError: The name leaves the vault.
        """
        __tracebackhide__ = True
        covered = self._targets(list(targets), options)
        test = self._session.run.test_owner
        if not name:
            test.cassettes.unnamed += 1
            name = cassette_of_test(test.name, test.cassettes.unnamed)
        file = cassette_name(name)
        if self._kind == "replay":
            test.cassettes.only_replayed.add(file)
        return self._session.cassettes.block(name, self._kind, covered, strict=strict)

    def _targets(
        self, given: list[str | Callable[..., Any]], options: Mapping[str, Any]
    ) -> list[Target]:
        try:
            if given:
                return as_targets(given, options)
            clients = [Target(client) for client in _CLIENTS]
            return as_targets([*self._session.settings.targets, *clients], options)
        except TargetError as error:
            error.what = f"mimic_{self._kind}: {error.what}"
            raise
