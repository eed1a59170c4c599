"""Mimics functions and clients: patches them, and decides which plan takes the calls of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from weakref import WeakValueDictionary

from pytest_mimic._core.engine.function_plan import FunctionPlan
from pytest_mimic._core.engine.run_state import noting_processes
from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.machinery import may_be_called_by_pytest
from pytest_mimic._core.patch import Patcher
from pytest_mimic._core.seam.registry import kind_of, load_adapter
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import Target, missing_module, replaced_client
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassettes import Cassette
    from pytest_mimic._core.engine.client_plan import ClientPort
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.patch import Activation
    from pytest_mimic._core.seam.base import Adapter, Edge

    AnyRequest: TypeAlias = "RequestedTarget | WatchedFunction | Edge"


class RequestedTarget:
    """A target in one activation, perhaps with the cassette that takes its calls."""

    __slots__ = ("cassette", "excluded", "module", "origin", "path", "target")

    def __init__(self, target: Target, cassette: Cassette | None) -> None:
        self.target = target
        self.cassette = cassette
        self.module = target.module
        self.path = target.path
        self.excluded = target.excluded
        self.origin = target.origin


class WatchedFunction(NamedTuple):
    """A function that the run itself intercepts: an edge without a client."""

    module: str
    path: tuple[str, ...]
    wrap: Callable[..., Any]
    excluded: bool = False
    origin: str = ""


class Covering(ExitStack):
    """The functions and clients that one activation mimics. Closing it restores them."""

    def __init__(self, coverings: Coverings) -> None:
        super().__init__()
        self._coverings = coverings
        self._functions: list[Activation] = []
        self.problems: Iterable[TargetError] = ()

    def patch(self, functions: Activation) -> None:
        self._functions.append(functions)
        self.callback(functions.close)

    def take_problems(self) -> list[TargetError]:
        """Return errors for the targets found missing since the last call."""
        taken, self.problems = [*self.problems], ()
        for functions in self._functions:
            taken += functions.problems
            functions.problems = []
        return taken

    def end(self) -> None:
        """Restore the functions and clients before the run ends."""
        self._coverings.uncover(self)


class Coverings:
    """The functions and clients that one run mimics, and the targets that its configuration names.

    Attributes:
        targets: The configured targets.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self.targets: list[Target] = []
        self._mimics = state.settings.mode is not Mode.LIVE  # in which targets are only checked
        cover = self._cover if self._mimics else None
        self.patcher = Patcher(cover, self._uncover, self._judge)
        # By id, as a function may have no hash. The wrapper keeps its function alive, so no other gets the id.
        self._mimicked: dict[int, Mimicked] = {}
        # Not strong: a reference from here would make a patch search for whoever else holds the wrapper.
        self._edges: WeakValueDictionary[int, Callable[..., Any]] = WeakValueDictionary()
        self._ports: dict[str, ClientPort] = {}
        # One of each for the whole run: a wrapper of an earlier activation may be in use again, and has its state.
        self._adapters: dict[str, Adapter] = {}
        self._open: list[Covering] = []

    def cover(
        self, targets: Iterable[Target], cassette: Cassette | None = None, *, activation: object = None
    ) -> Covering:
        """Mimic targets until the covering is closed. In live mode, only check whether they exist.

        Lines for the same client belong together if they have the same `activation`, as the configured ones do.
        """
        targets = list(targets)
        requests: list[RequestedTarget | WatchedFunction] = [
            RequestedTarget(target, cassette) for target in targets if not target.is_client
        ]
        if targets and self._mimics:
            start = ("BaseProcess", "start")
            note = lambda function, _port: noting_processes(function, self._state)  # noqa: E731
            requests.append(WatchedFunction("multiprocessing.process", start, note))
        covering = Covering(self)
        if requests:
            covering.patch(self.patcher.activate(requests))
        if clients := [target for target in targets if target.is_client and self._mimics]:
            covering.callback(self._cover_clients(clients, cassette, activation))
            covering.problems = filter(None, map(replaced_client, clients))
        self._open.append(covering)
        return covering

    def enter(self, targets: Iterable[Target], cassette: Cassette | None = None) -> Covering:
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
            covering.end()
            raise problem
        for kind in _without_client(targets):
            self._state.ledger.absent_clients.add(kind)
        return covering

    def uncover(self, covering: Covering) -> None:
        """Restore the functions and clients of a covering."""
        # What is noted later would fail another test.
        for problem in self.new_problems():
            self._state.pending.note(problem)
        covering.close()
        self._open.remove(covering)

    def _cover(self, request: AnyRequest, name: str, function: Callable[..., object], _kind: str) -> Any:
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
        plan = None if is_real else FunctionPlan(self._state, name, function, options, cassette)
        mimicked.push(request, plan)
        return mimicked.wrapper

    def _judge(self, request: AnyRequest, function: Callable[..., object]) -> str:
        return request.target.misfit(function) if isinstance(request, RequestedTarget) else ""

    def _uncover(self, request: AnyRequest, _name: str, function: Callable[..., object]) -> None:
        if isinstance(request, RequestedTarget):
            self._mimicked[id(function)].remove(request)

    def _cover_clients(
        self, targets: Iterable[Target], cassette: Cassette | None, activation: object
    ) -> Callable[[], None]:
        from pytest_mimic._core.engine.client_plan import ClientPlan, ClientPort

        plans: list[tuple[ClientPort, ClientPlan]] = []
        edges: dict[str, list[Edge]] = {}
        # A client's own line comes before one for all clients of its kind.
        for target in sorted(targets, key=lambda target: target.module == "http"):
            adapter = self._adapters.get(target.module)
            if adapter is None:
                adapter = self._adapters[target.module] = load_adapter(target.module)
            plan = ClientPlan(self._state, adapter, target.options, cassette, activation)
            for name in adapter.covers:
                port = self._ports.setdefault(name, ClientPort(self._state, self._ports))
                port.plans.append(plan)
                plans.append((port, plan))
            own = [edge._replace(origin=edge.origin or adapter.name) for edge in adapter.edges()]
            edges[adapter.name] = own
            for edge in edges[adapter.name]:  # one may belong to a client below, which may be named later
                self._ports.setdefault(edge.origin, ClientPort(self._state, self._ports))
        # Together, because all that is imported is searched for whoever holds one of the functions.
        patched = self.patcher.activate([edge for own in edges.values() for edge in own])

        def uncover() -> None:
            patched.close()
            for port, plan in plans:
                port.plans.remove(plan)

        return uncover

    def close(self) -> None:
        """Restore everything."""
        for covering in reversed(self._open):
            covering.close()
        self._open.clear()
        self._mimicked.clear()
        self._edges.clear()
        self.patcher.forget()

    # -- problems with targets

    def new_problems(self) -> list[TargetError]:
        """Return errors for the targets found missing since the last call."""
        return [problem for covering in self._open for problem in covering.take_problems()]

    def missing_modules(self) -> list[TargetError]:
        """Return errors for the configured functions whose module cannot be found; see `missing_module`."""
        sound: set[str] = set()
        problems = []
        for target in self.targets:
            if target.is_client:
                continue
            problem = None if target.module in sound else missing_module(target)
            if problem is None:
                sound.add(target.module)
            else:
                problems.append(problem)
        return problems

    def missing_clients(self) -> list[str]:
        """Return the names of the clients that lines have named and that are not installed."""
        return [name for name, is_there in _named_clients(self.targets).items() if not is_there]

    def missing_kinds(self) -> list[str]:
        """Return the kinds of clients that lines and tests have named, if none that is named is installed."""
        return sorted(self._state.ledger.absent_clients | _without_client(self.targets))


def _named_clients(targets: Iterable[Target]) -> dict[str, bool]:
    """Return the names of the clients among targets, and whether each is installed."""
    named = {one.module: one for one in targets if one.is_client and not one.excluded}
    return {name: missing_module(one) is None for name, one in named.items()}


def _without_client(targets: Iterable[Target]) -> set[str]:
    """Return the kinds of the clients among targets of which none is installed."""
    named = _named_clients(targets).items()
    return {kind_of(name) for name, _ in named} - {kind_of(name) for name, is_there in named if is_there}
