"""Wires settings, vault, patches, engine and the date of new recordings together for one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from time import strftime
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

from pytest_mimic._core.engine.function_plan import FunctionPlan
from pytest_mimic._core.engine.ledger import Ledger
from pytest_mimic._core.engine.run_state import RunState, noting_processes
from pytest_mimic._core.engine.scopes import Scopes
from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.machinery import may_be_called_by_pytest
from pytest_mimic._core.patch import Patcher
from pytest_mimic._core.seam.registry import TAKEN_BY_CASSETTES, is_installed, kind_of, load_adapter
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.targets.target import Target, as_targets, missing_module, replaced_client
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic.errors import MimicError, MissingRecordingError, TargetError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassettes import CassetteBlock, OpenCassette
    from pytest_mimic._core.engine.client_plan import ClientPort
    from pytest_mimic._core.network.guard import NetworkGuard
    from pytest_mimic._core.patch import Activation
    from pytest_mimic._core.seam.base import Adapter, Edge
    from pytest_mimic._core.vault.store import Store

    AnyRequest: TypeAlias = "RequestedTarget | WatchedFunction | Edge"

# What a recording mode loads at once, because a test may replace functions that these modules bind.
_BOUND_EARLY = ("engine.call_files", "engine.execution", "vault.object_writing", "vault.writing")


class RequestedTarget:
    """A target in one activation, perhaps with the cassette that takes its calls."""

    __slots__ = ("candidates", "cassette", "excluded", "module", "origin", "path", "target")

    def __init__(self, target: Target, cassette: OpenCassette | None) -> None:
        self.target = target
        self.cassette = cassette
        self.module = target.module
        self.path = target.path
        self.excluded = target.excluded
        self.origin = target.origin
        self.candidates = target.candidates


class WatchedFunction:
    """A function that the run itself intercepts: an edge without a client."""

    excluded = False
    origin = ""

    def __init__(self, module: str, path: tuple[str, ...], wrap: Callable[..., Any]) -> None:
        self.module = module
        self.path = path
        self.wrap = wrap


class Covering:
    """The functions and clients that one activation mimics."""

    def __init__(
        self, functions: Activation | None, uncover_clients: Callable[[], None] | None = None
    ) -> None:
        self._functions = functions
        self._uncover_clients = uncover_clients
        self.problems: Iterable[TargetError] = ()

    def take_problems(self) -> list[TargetError]:
        """Return errors for the targets found missing since the last call."""
        taken, self.problems = [*self.problems], ()
        if self._functions is not None:
            taken += self._functions.problems
            self._functions.problems = []
        return taken

    def close(self) -> None:
        """Restore the functions and clients."""
        if self._uncover_clients is not None:
            self._uncover_clients()
        if self._functions is not None:
            self._functions.close()


class Session:
    """One pytest run, or one worker of it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ledger = Ledger()
        store: Store = FolderStore(settings.vault)
        if settings.review and settings.mode.writes:  # what is recorded goes into another one over it
            from pytest_mimic._core.pending.waiting import store_over

            store = store_over(settings)
        self.vault = Vault(
            store,
            pickles=settings.pickles,
            label=settings.shown_vault,
            detaches=settings.detaches,
            renews=settings.mode.writes,
        )
        self.state = RunState(
            settings=settings,
            vault=self.vault,
            ledger=self.ledger,
            locks=store.byte_locks,
            today=strftime("%Y-%m-%d"),
        )
        if settings.mode is not Mode.REPLAY:
            from pytest_mimic._core.engine.decisions import decisions_of

            decisions_of(self.state)
            for name in _BOUND_EARLY:
                import_module(f"pytest_mimic._core.{name}")
        self.targets: list[Target] = []  # the configured targets, from the ini file and the hook
        # In live mode, targets are only checked, unless `--mimic-only` leaves some of them to replay.
        self._mimics = settings.mode is not Mode.LIVE or bool(settings.only)
        cover = self._cover if self._mimics else None
        self._patcher = Patcher(cover, self._uncover, self._judge)
        self._mimicked: dict[int, Mimicked] = {}
        # Not strong: a reference from here would make a patch search for whoever else holds the wrapper.
        self._edges: WeakValueDictionary[int, Callable[..., Any]] = WeakValueDictionary()
        self._ports: dict[str, ClientPort] = {}
        # One of each for the whole run: a wrapper of an earlier activation may be in use again, and has its state.
        self._adapters: dict[str, Adapter] = {}
        self._coverings: list[Covering] = []
        self.scopes = Scopes(self.state)  # the tests and scopes that calls belong to
        self._unnamed = 0
        self._guard: NetworkGuard | None = None
        self._guarding: Activation | None = None

    # -- covering

    def cover(
        self, targets: Iterable[Target], cassette: OpenCassette | None = None, *, activation: object = None
    ) -> Covering:
        """Mimic targets until the covering is closed. In live mode, only check whether they exist.

        Lines for the same client belong together if they have the same `activation`, as the configured ones do.
        """
        targets = list(targets)
        requests: list[RequestedTarget | WatchedFunction] = [
            RequestedTarget(target, cassette) for target in targets if not target.is_client
        ]
        if targets and self._mimics:
            requests.append(
                WatchedFunction(
                    "multiprocessing.process",
                    ("BaseProcess", "start"),
                    lambda start, _port: noting_processes(start, self.state),
                )
            )
        functions = self._patcher.activate(requests) if requests else None
        bounded = [target for target in targets if target.is_client and self._mimics]
        clients = self._cover_clients(bounded, cassette, activation) if bounded else None
        covering = Covering(functions, clients)
        covering.problems = filter(None, map(replaced_client, bounded))
        self._coverings.append(covering)
        return covering

    def enter(self, targets: Iterable[Target], cassette: OpenCassette | None = None) -> Covering:
        """Mimic targets that a test names, and that must therefore exist.

        A client that is not installed is no problem beside others, because nothing can be sent through it.

        Raises:
            TargetError: A module or a function does not exist, or no client that is named is installed.
        """
        targets = list(targets)
        covering = self.cover(targets, cassette, activation=object())
        absent = [(one, problem) for one in targets if (problem := missing_module(one)) is not None]
        are_all = len(absent) == len(targets)
        problems = [problem for one, problem in absent if are_all or not one.is_client]
        for problem in (*problems, *covering.take_problems()):
            self.uncover(covering)
            raise problem
        for kind in _without_client(targets):
            self.ledger.enter("absent_clients", kind, once=True)
        return covering

    def uncover(self, covering: Covering) -> None:
        """Restore the functions and clients of a covering."""
        for problem in self.new_problems():
            self.state.pending.note(problem)
        covering.close()
        self._coverings.remove(covering)

    def _cover(self, request: AnyRequest, name: str, function: Callable[..., Any], _kind: str) -> Any:
        if not isinstance(request, RequestedTarget):
            wrapper = self._edges.get(id(function))
            if wrapper is None:
                port: Any = self._ports.get(request.origin)
                wrapper = self._edges[id(function)] = request.wrap(function, port)
            return wrapper
        mimicked = self._mimicked.get(id(function))
        if mimicked is None:
            is_common = may_be_called_by_pytest(name, getattr(function, "__module__", None))
            mimicked = self._mimicked[id(function)] = Mimicked(function, is_common=is_common)
        options, cassette = request.target.options, request.cassette
        is_real = cassette is not None and cassette.mode == "live"
        if options.only or options.exclude:
            from pytest_mimic._core.targets.pattern import Selector

            is_real = is_real or not Selector(options.only, options.exclude).takes(name)
        plan = None if is_real else FunctionPlan(self.state, name, function, options, cassette)
        mimicked.push(request, plan, cassette)
        return mimicked.wrapper

    def _judge(self, request: AnyRequest, function: Callable[..., Any]) -> str:
        return request.target.misfit(function) if isinstance(request, RequestedTarget) else ""

    def _uncover(self, request: AnyRequest, _name: str, function: Callable[..., Any]) -> None:
        if isinstance(request, RequestedTarget):
            self._mimicked[id(function)].remove(request)

    def _cover_clients(
        self, targets: Iterable[Target], cassette: OpenCassette | None, activation: object
    ) -> Callable[[], None]:
        from pytest_mimic._core.engine.client_plan import ClientPlan, ClientPort

        plans: list[tuple[ClientPort, ClientPlan]] = []
        edges: dict[str, list[Edge]] = {}
        # A client's own line comes before one for all clients of its kind.
        for target in sorted(targets, key=lambda target: target.module == "http"):
            adapter = self._adapters.get(target.module)
            if adapter is None:
                adapter = self._adapters[target.module] = load_adapter(target.module)
            plan = ClientPlan(self.state, adapter, target.options, cassette, activation)
            for name in adapter.covers:
                port = self._ports.setdefault(name, ClientPort(self.state))
                port.plans.append(plan)
                plans.append((port, plan))
            own = (*adapter.edges(), *adapter.watched)
            edges[adapter.name] = [edge._replace(origin=edge.origin or adapter.name) for edge in own]
            for edge in edges[adapter.name]:  # one may belong to a client below, which may be named later
                self._ports.setdefault(edge.origin, ClientPort(self.state))
        # Together, because all that is imported is searched for whoever holds one of the functions.
        patched = self._patcher.activate([edge for own in edges.values() for edge in own])

        def uncover() -> None:
            patched.close()
            for port, plan in plans:
                port.plans.remove(plan)

        return uncover

    def guard_network(self) -> NetworkGuard:
        """Return the guard of the network. Its patches are put in place by each use, until the session is closed."""
        if self._guarding is not None:
            self._patcher.put_back(self._guarding)
        if self._guard is None:
            from pytest_mimic._core.network.edges import guarded_functions
            from pytest_mimic._core.network.guard import NetworkGuard

            self._guard = self.state.network = guard = NetworkGuard(self.state)
            requests = [
                WatchedFunction(
                    one.module, one.path, lambda function, _port, wrap=one.wrap: wrap(guard, function)
                )
                for one in guarded_functions()
            ]
            self._guarding = self._patcher.activate(requests)
            self._coverings.append(Covering(self._guarding))
        return self._guard

    # -- problems with targets

    def new_problems(self) -> list[TargetError]:
        """Return errors for the targets found missing since the last call."""
        return [problem for covering in self._coverings for problem in covering.take_problems()]

    def missing_modules(self) -> list[TargetError]:
        """Return errors for the configured functions whose module cannot be found."""
        sound: set[tuple[str, ...]] = set()
        problems = []
        for target in self.targets:
            if target.is_client:
                continue
            modules = (target.module, *(target.path if target.dotted else ()))
            problem = None if modules in sound else missing_module(target)
            if problem is None:
                sound.add(modules)
            else:
                problems.append(problem)
        return problems

    def missing_clients(self) -> list[str]:
        """Return the names of the clients that lines have named and that are not installed."""
        return [name for name, is_there in _named_clients(self.targets).items() if not is_there]

    def missing_kinds(self) -> list[str]:
        """Return the kinds of clients that lines and tests have named, if none that is named is installed."""
        return sorted(self.ledger.absent_clients | _without_client(self.targets))

    # -- tests

    def begin_test(self, nodeid: str) -> None:
        """Begin a test, before its set-up. Its sequences start over."""
        self._patcher.look_again()
        self.state.test = nodeid
        self.state.pending.begin()
        self.scopes.begin_test(nodeid)
        self.state.places.own = None
        self._unnamed = 0

    def end_test(self, *, passed: bool, is_whole: bool = False) -> None:
        """End a test, after its teardown. It is whole if it passed and was neither skipped nor expected to fail."""
        try:
            self.scopes.end_test(passed=passed, is_whole=is_whole)
        finally:
            self._patcher.sweep()
            self.state.end_test()
            self.state.places.own = None

    def break_off(self) -> None:
        """End the test during which the run was stopped, if there is one, as not passed."""
        if self.state.test:
            self.end_test(passed=False)

    def take_pending(self) -> list[MimicError]:
        """Return the errors that must fail the current phase of the test, and forget them."""
        self.state.end_discarded()
        return [*self.state.pending.take(self.ledger.add_forked()), *self.new_problems()]

    def take_strays(self) -> None:
        """Keep the errors outside of tests for the summary, because no test can fail for them."""
        for error in self.take_pending():
            is_miss = isinstance(error, MissingRecordingError)
            (self.ledger.strays if is_miss else self.ledger.errors).append(str(error))

    def keep_error(self, step: Callable[[], object]) -> None:
        """Take a step at the end of a test or of the run. An error becomes a line of the summary."""
        try:
            step()
        except MimicError as error:
            self.ledger.errors.append(str(error))

    def close(self, *, passed: bool, is_complete: bool = False) -> None:
        """Restore everything. A complete run has run all tests."""
        try:
            self.scopes.close(passed=passed, is_complete=is_complete)
            self.ledger.replaced |= self.vault.replaced
        finally:
            for covering in reversed(self._coverings):
                covering.close()
            self._coverings.clear()
            self._mimicked.clear()
            self._edges.clear()
            self._patcher.forget()
            self.state.end_test()
            self.state.close()

    # -- cassettes

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
        from pytest_mimic._core.engine.cassette_rules import cassette_name
        from pytest_mimic._core.engine.cassettes import CassetteBlock
        from pytest_mimic._core.targets.options import read_keyword_options
        from pytest_mimic._core.vault.file_names import cassette_of_test

        read_keyword_options(options, f"mimic_{fixture}")
        self._unnamed += name is None
        name = cassette_of_test(self.state.test, self._unnamed) if name is None else cassette_name(name)
        named = (
            (targets,) if isinstance(targets, (str, Target)) or callable(targets) else tuple(targets or ())
        )
        covered = self._cassette_targets(named, options)

        def cover(cassette: OpenCassette) -> Callable[[], None]:
            covering = self.enter(covered, cassette)
            return lambda: self.uncover(covering)

        return CassetteBlock(lambda: self._open_cassette(fixture, name, strict=strict), cover)

    def _open_cassette(self, fixture: str, name: str, *, strict: bool = False) -> OpenCassette:
        """Return a cassette in the mode that its fixture has in this run: see `block`."""
        from pytest_mimic._core.engine.cassette_rules import is_left_out, mode_left_out, mode_of
        from pytest_mimic._core.engine.cassettes import OpenCassette

        settings, file = self.settings, f"cassettes/{name}.json"
        in_ci = fixture == "auto" and settings.ci and not settings.mode.writes
        exists = self.vault.store.size(file) is not None
        may_record = not settings.no_record and not in_ci
        left_out = is_left_out(self.state, file)
        if left_out:
            mode = mode_left_out(fixture, settings.mode, exists=exists, may_record=may_record)
        else:
            mode = mode_of(fixture, settings.mode, name=name, exists=exists, may_record=may_record)
        cassette = OpenCassette(self.state, name, mode, strict=strict, only_replays=fixture == "replay")
        cassette.is_left_out = left_out and mode == "replay"
        return cassette

    def _cassette_targets(self, named: tuple[Any, ...], options: dict[str, Any]) -> list[Target]:
        """Return the targets that a fixture names, or the configured ones and the usual clients that are installed."""
        if named:
            return as_targets(named, options)
        present = {target.module for target in self.targets if target.is_client}
        others = [name for name in TAKEN_BY_CASSETTES if name not in present]
        installed = filter(is_installed, others)
        return as_targets([*self.targets, *installed], options)


def _named_clients(targets: Iterable[Target]) -> dict[str, bool]:
    """Return the names of the clients among targets, and whether each is installed."""
    named = {one.module: one for one in targets if one.is_client and not one.excluded}
    return {name: missing_module(one) is None for name, one in named.items()}


def _without_client(targets: Iterable[Target]) -> set[str]:
    """Return the kinds of the clients among targets of which none is installed."""
    named = _named_clients(targets).items()
    return {kind_of(name) for name, _ in named} - {kind_of(name) for name, is_there in named if is_there}
