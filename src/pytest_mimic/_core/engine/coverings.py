"""Mimics functions and clients: patches them, and decides which plan takes the calls of each."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.engine.call import FunctionPlan
from pytest_mimic._core.engine.run_state import noting_processes
from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.origin import may_be_called_by_pytest
from pytest_mimic._core.patch.patcher import Patcher
from pytest_mimic._core.seam.registry import kind_of, load_adapter
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.target import Target, missing_module, replaced_client
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassettes import Cassette
    from pytest_mimic._core.engine.client_plan import ClientPlan, Port
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.patch.find import Found
    from pytest_mimic._core.patch.patcher import Activation
    from pytest_mimic._core.seam.base import Adapter, Edge


class _Watched(NamedTuple):
    """A function that the run itself intercepts: an edge without a client."""

    module: str
    path: tuple[str, ...]
    wrap: Callable[..., Any]
    origin: str = ""


class Covering:
    """The functions and clients that one activation mimics."""

    def __init__(self, coverings: Coverings, cassette: Cassette | None) -> None:
        self.cassette = cassette
        self.functions: Activation | None = None
        self.problems: list[TargetError] = []
        self.plans: list[tuple[Port, ClientPlan]] = []
        self._coverings = coverings

    def take_problems(self) -> list[TargetError]:
        """Return errors for the targets found missing since the last call."""
        functions = self.functions
        taken, self.problems = self.problems, []
        if functions is not None and functions.problems:
            taken, functions.problems = [*taken, *functions.problems], []
        return taken

    def end(self) -> None:
        """End the activation before the run ends."""
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
        self.patcher = Patcher(self._cover if self._mimics else None, self._uncover, _judge)
        self._mimicked: dict[object, Mimicked] = {}  # by the key of a function, which may have no hash
        self._edges: dict[object, Callable[..., Any]] = {}
        self._notes_processes = False
        self._ports: dict[str, Port] = {}
        self._adapters: dict[str, Adapter] = {}
        self._open: list[Covering] = []

    def cover(
        self, targets: Iterable[Target], cassette: Cassette | None = None, *, activation: object = None
    ) -> Covering:
        """Mimic targets until the covering ends. In live mode, only check whether they exist.

        Lines for the same client belong together if they have the same `activation`, as the configured ones do.
        """
        targets = list(targets)
        covering = Covering(self, cassette)
        if targets and self._mimics and not self._notes_processes:
            self._notes_processes = True
            self.patcher.activate(
                [_Watched("multiprocessing.process", ("BaseProcess", "start"), self._noting)]
            )
        if functions := [target for target in targets if not target.is_client]:
            covering.functions = self.patcher.activate(functions, covering)
        if clients := [target for target in targets if target.is_client and self._mimics]:
            self._cover_clients(covering, clients, activation)
            covering.problems = [problem for one in clients if (problem := replaced_client(one)) is not None]
        self._open.append(covering)
        return covering

    def prepare(self, targets: Iterable[Target]) -> None:
        """Patch what tests will name, so that whoever holds one of the functions is searched for only once."""
        functions = [
            one for one in targets if not (one.is_client or one.excluded) and one.module in sys.modules
        ]
        self.patcher.deactivate(self.patcher.activate(functions, Covering(self, None)))

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
        """End an activation."""
        # What is noted later would fail another test.
        for problem in self.new_problems():
            self._state.pending.note(problem)
        self._open.remove(covering)
        if covering.functions is not None:
            self.patcher.deactivate(covering.functions)
        for port, plan in covering.plans:
            port.plans.remove(plan)

    def _cover(self, activation: Activation, request: Any, found: Found, name: str) -> Callable[..., Any]:
        function = found.function
        if not isinstance(request, Target):
            if found.key not in self._edges:
                self._edges[found.key] = request.wrap(function, self._ports.get(request.origin))
            return self._edges[found.key]
        mimicked = self._mimicked.get(found.key)
        if mimicked is None:
            is_common = may_be_called_by_pytest(name, getattr(function, "__module__", None))
            mimicked = self._mimicked[found.key] = Mimicked(function, is_common=is_common)
            # It is pickled by the class that is named.
            if isinstance(found.holder, type) and found.key != id(function):
                mimicked.wrapper.__module__ = found.holder.__module__
                mimicked.wrapper.__qualname__ = f"{found.holder.__qualname__}.{found.name}"
        options, is_taken = request.options, True
        if options.only or options.exclude:
            from pytest_mimic._core.targets.pattern import Selector

            is_taken = Selector(options.only, options.exclude).takes(name)
        cassette = activation.owner.cassette
        plan = FunctionPlan(self._state, name, function, options, cassette) if is_taken else None
        mimicked.push(activation, plan)
        return mimicked.wrapper

    def _uncover(self, activation: Activation, key: object) -> None:
        if key in self._mimicked:
            self._mimicked[key].remove(activation)

    def _cover_clients(self, covering: Covering, targets: Iterable[Target], activation: object) -> None:
        from pytest_mimic._core.engine.client_plan import ClientPlan, Port

        fresh: list[Edge] = []
        # A client's own line comes before one for all clients of its kind.
        for target in sorted(targets, key=lambda target: target.module == "http"):
            adapter = self._adapters.get(target.module)
            if adapter is None:
                adapter = self._adapters[target.module] = load_adapter(target.module)
                fresh += [edge._replace(origin=edge.origin or adapter.name) for edge in adapter.edges()]
            plan = ClientPlan(self._state, adapter, target.options, covering.cassette, activation)
            for name in adapter.covers or (adapter.name,):
                port = self._ports.setdefault(name, Port(self._state, self._ports))
                port.plans.append(plan)
                covering.plans.append((port, plan))
        for edge in fresh:  # one may belong to a client below, which may be named later
            self._ports.setdefault(edge.origin, Port(self._state, self._ports))
        if fresh:
            self.patcher.activate(fresh)

    def _noting(self, start: Callable[[Any], None], _port: object) -> Callable[[Any], None]:
        """Return the function that starts a process, and names it while anything is mimicked."""
        noting = noting_processes(start, self._state)

        @functools.wraps(start)
        def started(process: Any) -> None:
            is_mimicking = any(one.functions or one.plans for one in self._open)
            return noting(process) if is_mimicking else start(process)

        return started

    def close(self) -> None:
        """Restore everything."""
        for covering in reversed(list(self._open)):
            self.uncover(covering)
        self.patcher.restore()
        self._mimicked.clear()

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


def _judge(request: Any, function: Callable[..., object]) -> str:
    return request.misfit(function) if isinstance(request, Target) else ""


def _named_clients(targets: Iterable[Target]) -> dict[str, bool]:
    """Return the names of the clients among targets, and whether each is installed."""
    named = {one.module: one for one in targets if one.is_client and not one.excluded}
    return {name: missing_module(one) is None for name, one in named.items()}


def _without_client(targets: Iterable[Target]) -> set[str]:
    """Return the kinds of the clients among targets of which none is installed."""
    named = _named_clients(targets).items()
    return {kind_of(name) for name, _ in named} - {kind_of(name) for name, is_there in named if is_there}
