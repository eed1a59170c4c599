"""Gives wider fixtures their own logs, notes temporary folders, opens cassettes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mimic.engine.cassettes import Cassette, Fixture
from pytest_mimic.engine.lives import end, owning
from pytest_mimic.engine.logs import Verdict
from pytest_mimic.engine.owners import Owner
from pytest_mimic.errors import TargetError, UnstableIdentityError
from pytest_mimic.patch.targets import Target, as_targets
from pytest_mimic.run.selection import plain_id
from pytest_mimic.run.session import Session
from pytest_mimic.values.identity import fingerprint
from pytest_mimic.vault.names import cassette_name, cassette_of_test

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pytest_mimic.patch.targets import TargetOptions


# What a cassette takes besides the configured targets, if none are named.
_CLIENTS = ("http", "sqlalchemy", "redis")


class Fixtures:
    """A plugin: what the set-up and tear-down of a wider fixture asks is its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # By the name of a fixture, of its present instance and those that it requests.
        self._parameters: dict[str, list[str]] = {}
        # The wider fixtures that are set up, with the names of their owners.
        self._live: dict[Owner, str] = {}
        # Those whose set-up has come to its end.
        self._set_up: set[Owner] = set()
        self._names_of_test: set[str] = set()

    def begin_test(self, item: pytest.Item) -> None:
        """Tell the engine which fixtures' answers a test may hold."""
        self._names_of_test = set(getattr(item, "fixturenames", ()))
        self._tell_uses()

    def _tell_uses(self) -> None:
        names = self._names_of_test
        self._session.run.uses(o for o, name in self._live.items() if name in names)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: Any
    ) -> Generator[None, object, object]:
        name = fixturedef.argname
        if name in ("tmp_path", "tmp_path_factory"):
            value: Any = yield
            self._note_folder(name, value)
            return value
        if fixturedef.scope == "function":
            return (yield)
        owner = self._owner_of(fixturedef, request)
        run, teardown = self._session.run, ExitStack()
        # Finalizers run in reverse order, and the fixture adds its own in between.
        fixturedef.addfinalizer(partial(self._end, owner, teardown))
        self._live[owner] = name
        try:
            with owning(run, owner):
                value = yield
        except pytest.skip.Exception:
            self._set_up.add(owner)
            raise
        else:
            self._set_up.add(owner)
            return value
        finally:
            fixturedef.addfinalizer(lambda: teardown.enter_context(owning(run, owner)))
            # The test may have asked for it by `getfixturevalue`.
            self._names_of_test.add(name)
            self._tell_uses()

    def _end(self, owner: Owner, teardown: ExitStack) -> None:
        teardown.close()
        del self._live[owner]
        verdict: Verdict = "passed" if owner in self._set_up else "failed"
        self._set_up.discard(owner)
        run = self._session.run
        self._session.safely(lambda: end(run, owner, verdict))

    def _note_folder(self, name: str, value: Any) -> None:
        places = self._session.run.places
        if name == "tmp_path":
            places.set_tmp_path(value)
        else:
            places.set_temporary(value.getbasetemp())

    def _owner_of(self, fixturedef: Any, request: Any) -> Owner:
        """Return the owner of an instance: each has its own log.

        Its name says where the fixture is defined, what it serves, and its parameters
        with those of the fixtures that it requests.
        """
        defined = _place_of(fixturedef.func, request.config.rootpath)
        scope, served = fixturedef.scope, plain_id(request.node)
        words = scope
        if scope == "session":
            served = defined
        elif served.partition("::")[0] != defined:
            words = f"{scope}, {defined}"
        parameters = self._parameters_of(fixturedef, request)
        listed = f"[{','.join(parameters)}]" if parameters else ""
        name = f"{fixturedef.argname} ({words}){listed}"
        serves = "" if scope == "session" else served
        name = f"{served}::{name}" if served else name
        return Owner(name, "fixture", serves=serves)

    def _parameters_of(self, fixturedef: Any, request: Any) -> list[str]:
        parameters: dict[str, None] = {}
        for name in fixturedef.argnames:
            parameters |= dict.fromkeys(self._parameters.get(name, ()))
        if hasattr(request, "param"):
            parameters[f"{fixturedef.argname}={self._text_of(request)}"] = None
        self._parameters[fixturedef.argname] = list(parameters)
        return list(parameters)

    def _text_of(self, request: Any) -> str:
        """Return what names a parameter in each run, whichever tests are selected."""
        if isinstance(request.param, (str, int)):
            return repr(request.param)
        try:
            return fingerprint(request.param, self._session.run.places)[:12]
        except UnstableIdentityError:
            return str(request.param_index)


def _place_of(function: Any, rootdir: Path) -> str:
    """Return the file in which a fixture is defined; of a library its module."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    path = Path(code.co_filename) if code is not None else rootdir
    if path.is_relative_to(rootdir) and "site-packages" not in path.parts:
        return path.relative_to(rootdir).as_posix()
    return str(getattr(function, "__module__", ""))


class CassetteFixture:
    """What `mimic_record`, `mimic_replay` and `mimic_auto` give: it opens cassettes."""

    __module__ = "pytest_mimic"

    def __init__(self, kind: Fixture, session: Session) -> None:
        self._kind = kind
        self._session = session

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
        name = name or self._next_name()
        file = cassette_name(name)
        if self._kind == "replay":
            self._session.only_replayed.add(file)
        cover = partial(self._cover, covered)
        return self._session.cassettes.block(name, self._kind, cover, strict=strict)

    def _next_name(self) -> str:
        """Return the name of a cassette that the running test does not name."""
        self._session.unnamed_cassettes += 1
        test, count = self._session.run.test, self._session.unnamed_cassettes
        return cassette_of_test(test, count)

    def _targets(
        self, given: list[str | Callable[..., Any]], options: Mapping[str, Any]
    ) -> list[Target]:
        named: list[str | Target | Callable[..., Any]] = [*given]
        if not named:
            clients = [Target(client) for client in _CLIENTS]
            named = [*self._session.settings.targets, *clients]
        try:
            return as_targets(named, options)
        except TargetError as error:
            what = f"mimic_{self._kind}: {error.what}"
            raise TargetError(what, error.facts, error.remedies) from None

    @contextmanager
    def _cover(self, targets: list[Target], cassette: Owner) -> Iterator[None]:
        if cassette.mode in ("record", "rerecord"):
            self._session.note_what_is_made_anew()
        # A cassette that was opened is used as a whole.
        self._session.usage.used.setdefault(cassette.file, set())
        covering = self._session.coverings.enter(targets, cassette)
        try:
            yield
        finally:
            covering.end()
