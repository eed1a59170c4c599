"""Puts targets in force for a while, and decides which line covers a function.

Targets are functions and clients; each has a plan. What is named is patched once, and
the innermost activation says which plan takes its calls. Where several lines name one
function, `Covering.rank` decides.

While a target is in force, the starts of processes and of a pool's tasks are watched as
well. A process that is no fork is noted for the summary, as nothing is mimicked in it.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pytest_mimic._core.engine.account_events import StartedProcess
from pytest_mimic._core.engine.function_plan import FunctionPlan
from pytest_mimic._core.engine.wrappers import Mimicked
from pytest_mimic._core.modules import may_be_called_by_pytest, module_exists
from pytest_mimic._core.patch.find import (
    AbsentError,
    NotFoundError,
    defined_name,
    functions_of_target,
)
from pytest_mimic._core.patch.imports import ImportWatch, is_incomplete
from pytest_mimic._core.patch.patches import NamedFunction, Patches, Wrapper, read_held
from pytest_mimic._core.seam.registry import Edge
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.targets.target import (
    Target,
    absent_clients,
    missing_module,
    replaced_client,
)
from pytest_mimic.errors import TargetError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassette_tracks import CassetteTrack
    from pytest_mimic._core.engine.client_plan import ClientPlan, Port
    from pytest_mimic._core.engine.family import Forks
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.seam.base import Adapter


# The number of a target or an edge in its covering, and the names that lead from a
# module to its function: `(0, ("Cart", "total"))`.
_NamedPath = tuple[int, tuple[str, ...]]


class Covering:
    """Targets that are in force from `Coverings.cover` until `end`.

    Or edges of clients, which are in force until the run ends.

    Attributes:
        cassette: The cassette that takes the calls.
        plans: The plans of clients, with their ports.
        problems: Targets found missing, until somebody takes them.
        targets_and_edges: Those that have a path. A number in `named_paths` and
            `deciders` is a place in this list.
        named_paths: By module, the paths that targets and edges name in it.
        deciders: By the key of a function, the number of the target or the edge that
            decides about it.
        end: Ends the covering.
    """

    def __init__(
        self,
        coverings: Coverings,
        targets_and_edges: Iterable[Target | Edge],
        cassette: CassetteTrack | None = None,
    ) -> None:
        self.cassette = cassette
        self.plans: list[tuple[Port, ClientPlan]] = []
        self.problems: list[TargetError] = []
        # Targets without a path are clients: they have edges.
        self.targets_and_edges: list[Target | Edge] = [
            target_or_edge
            for target_or_edge in targets_and_edges
            if target_or_edge.path
        ]
        self.named_paths: defaultdict[str, set[_NamedPath]] = defaultdict(set)
        self.deciders: dict[object, int] = {}
        for number, target_or_edge in enumerate(self.targets_and_edges):
            self.named_paths[target_or_edge.module].add((number, target_or_edge.path))
        self.end: Callable[[], None] = functools.partial(coverings.uncover, self)

    def refuse(
        self, target_or_edge: Target | Edge, problem: str, *, is_absent: bool
    ) -> None:
        """Note that a target or an edge cannot be mimicked.

        Without its edge, the calls of a client would be real, and nobody would know.

        Args:
            target_or_edge: The target or the edge.
            problem: A predicate that follows its name.
            is_absent: Whether nothing has the name, as in some versions of a client.
        """
        if isinstance(target_or_edge, Target):
            self.problems.append(
                target_or_edge.error(f"{target_or_edge.name}{problem}")
            )
        elif not (is_absent and target_or_edge.is_optional):
            name = f"{target_or_edge.module}:{'.'.join(target_or_edge.path)}"
            client = target_or_edge.origin or target_or_edge.module
            self.problems.append(
                TargetError(f"{client}: its calls cannot be recorded: {name}{problem}")
            )

    def rank(self, number: int) -> tuple[bool, int]:
        """Return the rank of a line among those that name one function.

        The line with the highest rank decides: a wildcard gives way, and otherwise the
        last line that names or excludes the function comes first.
        """
        target_or_edge = self.targets_and_edges[number]
        return target_or_edge.excluded or target_or_edge.path[-1] != "*", number


class Coverings:
    """The functions and clients that one run mimics.

    Each function is patched the first time that anything names it.

    Attributes:
        targets: The configured targets.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.targets: list[Target] = []
        # In live mode, nothing is patched. Targets are only checked.
        self._is_live = run.settings.mode is Mode.LIVE
        self._open_coverings: list[Covering] = []
        # The functions by their keys. They are kept here, so that no other object gets
        # the key of one, which is a place in memory.
        self._functions_by_key: dict[object, NamedFunction] = {}
        # The wrappers of functions that users mimic, by the keys of the functions.
        self._mimicked_by_key: dict[object, Mimicked] = {}
        # The wrappers of functions at clients' edges, by the same keys.
        self._wrappers_of_edges: dict[object, Wrapper] = {}
        # By the name of a client's line (`http`), and of a client (`httpx`).
        self._adapters: dict[str, Adapter] = {}
        self._ports: dict[str, Port] = {}
        self._patches = Patches()
        self._import_watch = ImportWatch(self._patch_loaded)
        # The watched modules that were not in `sys.modules` so far: `look_again` asks
        # for them.
        self._awaited: set[str] = set()
        self._lock = threading.RLock()
        self._coverings_of_edges: list[Covering] = []
        watch_forks(run)
        _COVERINGS.add(self)
        if not self._is_live:
            # The threads and tasks that a real call starts belong to it.
            real_calls, pools = run.real_calls, "concurrent.futures.thread"
            self._intercept(
                [
                    Edge(
                        "threading",
                        ("Thread", "start"),
                        real_calls.inside.wrap_thread_start,
                    ),
                    Edge(
                        pools,
                        ("ThreadPoolExecutor", "submit"),
                        real_calls.wrap_pool_submit,
                    ),
                    Edge(
                        "multiprocessing.process",
                        ("BaseProcess", "start"),
                        self._noting_started_processes,
                    ),
                ]
            )

    def begin_process(self) -> None:
        """Go on in a process that was forked.

        No other thread of it can have the lock.
        """
        self._lock = threading.RLock()

    def cover(
        self, targets: Iterable[Target], cassette: CassetteTrack | None = None
    ) -> Covering:
        """Mimic targets until the covering ends.

        In live mode, only check whether they exist.
        """
        targets = [*targets]
        covering = Covering(self, targets, cassette)
        with self._lock:
            self._open_coverings.append(covering)
            if not self._is_live:
                # A client's own line comes before one for all clients of its kind.
                clients = [target for target in targets if target.is_client]
                for target in sorted(clients, key=_is_for_all_clients):
                    self._cover_client(covering, target)
            self._patch_named(covering, [*covering.named_paths])
        account = self._run.account
        account.absent_clients.update(absent_clients(targets))
        # Only recordings of these targets can be called unused.
        account.mimicked.update(
            [target.name for target in targets if not target.excluded]
        )
        return covering

    def prepare(self, targets: Iterable[Target]) -> None:
        """Patch what tests will name.

        So whoever holds one of the functions is searched for only once.
        """
        functions = []
        for target in targets:
            if not target.is_client and not target.excluded:
                functions.append(target)
        covering = self.cover(functions)
        # The tests that name what is missing get the errors, see `enter`.
        covering.problems.clear()
        covering.end()

    def enter(
        self, targets: Iterable[Target], cassette: CassetteTrack | None = None
    ) -> Covering:
        """Mimic targets that a test names, and that must therefore exist.

        A client that is not installed is no problem beside others, because nothing can
        be sent through it.

        Raises:
            TargetError: A module or a function does not exist, or no client that is
                named is installed.
        """
        targets = [*targets]
        covering = self.cover(targets, cassette)
        problems = [*_missing_modules(targets), *covering.problems]
        if problems:
            covering.problems.clear()
            covering.end()
            raise problems[0]
        return covering

    def uncover(self, covering: Covering) -> None:
        """End a covering.

        Its functions stay patched until `close`, but for inherited ones.
        """
        # What is noted later would fail another test.
        for problem in self.new_problems():
            self._run.current.pending.note(problem)
        with self._lock:
            self._open_coverings.remove(covering)
            for port, plan in covering.plans:
                port.plans.remove(plan)
            for key in covering.deciders:
                self.let_decide_no_more(covering, key)
                # The key of an inherited function is a tuple.
                if isinstance(key, tuple) and not self._is_decided(key):
                    # Otherwise calls of this class would bypass a wrapper on its base.
                    self._patches.restore_place(key)

    def _is_decided(self, key: object) -> bool:
        """Return whether an open covering decides about a function."""
        return any(key in covering.deciders for covering in self._open_coverings)

    def close(self) -> None:
        """Restore everything."""
        with self._lock:
            for covering in [*reversed(self._open_coverings)]:
                self.uncover(covering)
            self._coverings_of_edges.clear()
            self._import_watch.leave()
            self._patches.restore()
            self._mimicked_by_key.clear()

    def look_again(self) -> None:
        """Patch, before a test, modules that appeared without an import.

        Somebody has assigned them to `sys.modules`.
        """
        with self._lock:
            for module in tuple(self._awaited):
                imported = sys.modules.get(module)
                if module in sys.modules and not is_incomplete(imported):
                    self._patch_loaded(module)

    def _patch_loaded(self, module: str) -> None:
        """Patch a watched module that has been executed.

        It may have been executed before.
        """
        with self._lock:
            self._awaited.discard(module)
            for covering in [*self._coverings_of_edges, *self._open_coverings]:
                self._patch_named(covering, [module], loaded=module)

    def _patch_named(
        self, covering: Covering, modules: Iterable[str], loaded: str | None = None
    ) -> None:
        """Let a covering decide about the functions that it names, and patch new ones.

        New ones are patched together, so that their holders are searched once. In live
        mode, the names are only checked.

        Args:
            covering: The covering that names the functions.
            modules: The modules in which functions are looked for.
            loaded: The module whose import has just ended. Only modules that were
                imported since then hold the functions that it has made. None: no import
                has ended.
        """
        modules_to_watch = {*modules}
        modules_before = [*sys.modules]
        named_functions: list[tuple[_NamedPath, NamedFunction]] = []
        for module in modules:
            named_functions += self._functions_named_in(covering, module, loaded)
        newly_patched: list[tuple[NamedFunction, Wrapper]] = []
        # By the key of a function: its wrapper, or None if it is not to be patched.
        wrappers: dict[object, Wrapper | None] = {}
        for (number, path), function in named_functions:
            target_or_edge = covering.targets_and_edges[covering.deciders[function.key]]
            if target_or_edge.excluded:
                # A line with `!` leaves the function out: its calls run for real.
                self.let_decide_no_more(covering, function.key)
                continue
            name_of_recordings = defined_name(function, self._patches)
            if name_of_recordings != function.label and path[-1] != "*":
                # The module that defines the function may be loaded again, too.
                defining_module, _, names = name_of_recordings.partition(":")
                covering.named_paths[defining_module].add(
                    (number, tuple(names.split(".")))
                )
                modules_to_watch.add(defining_module)
            if function.key not in wrappers:
                wrappers[function.key] = self.let_decide(
                    covering, target_or_edge, function, name_of_recordings
                )
            wrapper = wrappers[function.key]
            holder = function.holder
            held_object = read_held(holder, function.name)
            if wrapper is None or self._patches.is_substitute(held_object):
                # In live mode nothing is patched, and no place is patched twice.
                continue
            original = function.original
            self._patches.put(holder, function.name, original, wrapper, function)
            # No other holder has what a class inherits, or a method at an edge.
            is_edge = isinstance(target_or_edge, Edge)
            is_method_of_edge = is_edge and isinstance(holder, type)
            if not function.is_inherited and not is_method_of_edge:
                newly_patched.append((function, wrapper))
        if newly_patched:
            imported_since = loaded
            for function, _ in newly_patched:
                if getattr(function.function, "__module__", None) != loaded:
                    # Any module may hold a function that was there before.
                    imported_since = None
            # The code of an adapter may keep a function at an edge, and so may a module
            # that was imported meanwhile.
            has_edges = any(
                isinstance(either, Edge) for either in covering.targets_and_edges
            )
            is_counted = not has_edges and modules_before == [*sys.modules]
            self._patches.put_wherever_held(
                newly_patched, since=imported_since, is_counted=is_counted
            )
        for module in modules_to_watch:
            self._import_watch.watch(module)
            if module not in sys.modules:
                self._awaited.add(module)

    def _functions_named_in(
        self, covering: Covering, module: str, loaded: str | None
    ) -> Iterator[tuple[_NamedPath, NamedFunction]]:
        """Yield the functions that are named in a module, if it is imported.

        With each comes the path that names it.
        """
        imported = sys.modules.get(module)
        is_partial = module != loaded and is_incomplete(imported)
        # The import of a watched module will be reported.
        if imported is None or (is_partial and module in self._import_watch.names):
            return
        for named_path in sorted(covering.named_paths[module]):
            number, path = named_path
            target_or_edge = covering.targets_and_edges[number]
            try:
                if is_partial:
                    raise NotFoundError(
                        f"cannot be patched before {module} is loaded: use it in"
                        " conftest.py"
                    )
                # The edge of an adapter may be the `__init__` of a class.
                is_edge = isinstance(target_or_edge, Edge)
                functions = functions_of_target(
                    module, path, self._patches, with_initializing_methods=is_edge
                )
                for named_function in functions:
                    key = named_function.key
                    # Of several lines that name a function, that of the highest rank
                    # decides.
                    former_decider = covering.deciders.get(key, number)
                    covering.deciders[key] = max(
                        number, former_decider, key=covering.rank
                    )
                    self._functions_by_key.setdefault(key, named_function)
                    yield named_path, named_function
            except NotFoundError as error:
                # Nothing will have the name later.
                covering.named_paths[module].remove(named_path)
                is_absent = isinstance(error, AbsentError)
                covering.refuse(target_or_edge, f" {error}", is_absent=is_absent)

    def let_decide(
        self,
        covering: Covering,
        target: Target | Edge,
        named_function: NamedFunction,
        name: str,
    ) -> Wrapper | None:
        """Let a target, or a client's edge, decide about the calls of a function.

        Returns:
            The wrapper to patch the function with; None in live mode, and for an edge
            whose adapter gave no function.
        """
        if isinstance(target, Edge):
            return self._intercepting(covering, target, named_function)
        # An option such as a parameter in `ignore=` may not fit the function.
        if problem := target.message_about_argument(named_function.function):
            covering.refuse(target, f": {problem}", is_absent=False)
        self._run.account.mimicked.add(name)
        if self._is_live:
            return None
        mimicked = self._mimicked_by_key.get(named_function.key)
        if mimicked is None:
            is_used_by_pytest = may_be_called_by_pytest(
                name, getattr(named_function.function, "__module__", None)
            )
            mimicked = self._mimicked_by_key[named_function.key] = Mimicked(
                named_function.function, is_used_by_pytest=is_used_by_pytest
            )
            # An inherited function is pickled by the class that is named.
            if isinstance(named_function.holder, type) and named_function.is_inherited:
                mimicked.wrapper.__module__ = named_function.holder.__module__
                mimicked.wrapper.__qualname__ = (
                    f"{named_function.holder.__qualname__}.{named_function.name}"
                )
        mimicked.push(covering, self._plan(covering, target, named_function, name))
        return mimicked.wrapper

    def _plan(
        self,
        covering: Covering,
        target: Target,
        named_function: NamedFunction,
        name: str,
    ) -> FunctionPlan | None:
        """Return the plan of a function; None: patterns of its line leave it out."""
        options = target.options
        if options.only or options.exclude:
            from pytest_mimic._core.targets.pattern import Selector

            if not Selector(options.only, options.exclude).takes(name):
                return None
        plan = FunctionPlan(
            self._run, name, named_function.function, options, covering.cassette
        )
        plan.name_in_line = target.name
        plan.is_of_python = not self._is_configured(target)
        if named_function.label != name:
            plan.exported_as = named_function.label
        return plan

    def _is_configured(self, target: Target) -> bool:
        """Return whether the options of a target are those of a configured line.

        A fixture may take the configured targets with other options. `rekey` sees none
        of these, and leaves such recordings as they are.
        """
        if not target.origin:
            return False
        if target.options == Options():
            return True
        return target.options in [line.options for line in self.targets]

    def let_decide_no_more(self, covering: Covering, key: object) -> None:
        """Let a covering decide no more about a function; an outer one may take it."""
        if key in self._mimicked_by_key:
            self._mimicked_by_key[key].remove(covering)

    def _cover_client(self, covering: Covering, target: Target) -> None:
        """Let the line of a client take its calls, and put its edges in place."""
        from pytest_mimic._core.engine.client_plan import ClientPlan, Port
        from pytest_mimic._core.seam.base import load_adapter

        # Another distribution may stand in the place of a client, with other edges.
        problem = replaced_client(target)
        if problem is not None:
            covering.problems.append(problem)
        adapter = self._adapters.get(target.module)
        # An adapter's edges are patched once in a run, with its first line.
        edges = []
        if adapter is None:
            adapter = self._adapters[target.module] = load_adapter(target.module)
            for edge in adapter.edges():
                edges.append(edge._replace(origin=edge.origin or adapter.name))
        covers = adapter.covers or (adapter.name,)
        origins = [edge.origin for edge in edges]
        for name in {*covers, *origins} - self._ports.keys():
            self._ports[name] = Port(self._run, self._ports)
        plan = ClientPlan(
            self._run, adapter, target.options, covering.cassette, covering
        )
        plan.is_of_python = not self._is_configured(target)
        for port in [self._ports[name] for name in covers]:
            port.plans.append(plan)
            covering.plans.append((port, plan))
        self._intercept(edges)

    def _intercept(self, edges: Iterable[Edge]) -> None:
        """Put edges in place, until the run ends."""
        covering = Covering(self, edges)
        self._coverings_of_edges.append(covering)
        self._patch_named(covering, [*covering.named_paths])

    def _intercepting(
        self, covering: Covering, edge: Edge, named_function: NamedFunction
    ) -> Wrapper | None:
        """Return the wrapper of a function at a client's edge, made once.

        None: the adapter gave no function, which is noted as a problem.
        """
        if named_function.key not in self._wrappers_of_edges:
            wrapper: Any = edge.wrap(
                named_function.function, self._ports.get(edge.origin)
            )
            if not callable(wrapper):
                problem = f": what wraps it returned {wrapper!r}, which is no function"
                covering.refuse(edge, problem, is_absent=False)
                return None
            self._wrappers_of_edges[named_function.key] = wrapper
        return self._wrappers_of_edges[named_function.key]

    def _noting_started_processes(
        self, start: Callable[[Any], None], _port: object
    ) -> Callable[[Any], None]:
        """Return a function that starts a process as before, and may note it.

        A process in which nothing is mimicked is noted for the summary. Pools and loky
        start theirs by this function, too.
        """
        run = self._run

        @functools.wraps(start)
        def started(process: Any) -> None:
            start(process)
            # Each way to start a process has its own class for the running one: fork,
            # spawn, forkserver, loky.
            method = getattr(process._popen, "method", "fork")
            if method == "fork" or run.real_calls.inside.is_nested:
                return
            if any(
                covering.targets_and_edges or covering.plans
                for covering in self._open_coverings
            ):
                run.account.started_processes.append(
                    StartedProcess(run.current.test, method)
                )

        return started

    def new_problems(self) -> list[TargetError]:
        """Return errors for the targets and edges found missing since the last call.

        The summary lists those that are found before the tests. A phase of a test fails
        for later ones, as it does for misses that code caught.
        """
        problems = []
        for covering in [*self._coverings_of_edges, *self._open_coverings]:
            problems += covering.problems
            covering.problems.clear()
        return problems


def _is_for_all_clients(target: Target) -> bool:
    """Return whether a line is for the requests of all clients of HTTP."""
    return target.module == "http"


def _missing_modules(targets: Collection[Target]) -> list[TargetError]:
    """Return an error for each target whose module does not exist.

    A client that is not installed is none beside targets that are there.
    """
    absent = [target for target in targets if not module_exists(target.module)]
    are_all_absent = len(absent) == len(targets)
    errors = []
    for target in absent:
        if target.is_client and not are_all_absent:
            continue
        error = missing_module(target)
        if error is not None:
            errors.append(error)
    return errors


# The runs of this process. `os.register_at_fork` cannot be undone, so that it is called
# once, and not for each of them.
_RUNS: WeakSet[Run] = WeakSet()
_COVERINGS: WeakSet[Coverings] = WeakSet()


def watch_forks(run: Run) -> None:
    """Make the processes that are forked from now on a part of a run."""
    _RUNS.add(run)


@functools.cache
def _forks() -> type[Forks]:
    """Return what makes forked processes a part of the run.

    This function is the door to that part of the record layer.
    """
    from pytest_mimic._core.engine.family import Forks

    return Forks


def _before_a_fork() -> None:
    """Pause the runs of this process. `os.fork` calls this."""
    for run in tuple(_RUNS):
        if run.settings.mode is not Mode.LIVE and not run.current.closed.is_set():
            _forks().pause_before_fork(run)


def _after_a_fork() -> None:
    """Let the runs go on in the process that has forked another one."""
    for run in tuple(_RUNS):
        if run.current.is_forking:
            _forks().go_on_after_fork(run)
        run.account.note_fork(run.current.test)


def _in_a_forked_process() -> None:
    """Let the runs go on in the forked process, as parts of the same runs."""
    for coverings in tuple(_COVERINGS):
        coverings.begin_process()
    for run in tuple(_RUNS):
        if run.current.is_forking:
            _forks().begin_forked_process(run)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_a_fork,
        after_in_parent=_after_a_fork,
        after_in_child=_in_a_forked_process,
    )
