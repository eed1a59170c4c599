"""Says which targets are in force, patches them, and by which line a call goes."""

from __future__ import annotations

import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from pytest_mimic.engine.owners import Owner
from pytest_mimic.engine.run import Run
from pytest_mimic.errors import TargetError
from pytest_mimic.patch.clients import Edge, Function, adapter_of, client_of, lines_for
from pytest_mimic.patch.imports import ImportWatch
from pytest_mimic.patch.modules import (
    absent_client,
    is_absent_client,
    is_incomplete,
    missing_modules,
)
from pytest_mimic.patch.named import (
    AbsentError,
    NotFoundError,
    argument_problem,
    defined_name,
    find,
)
from pytest_mimic.patch.patches import NamedFunction, Patches
from pytest_mimic.patch.patterns import Patterns
from pytest_mimic.patch.targets import NO_OPTIONS, Options, Target


class Functions(Protocol):
    """What makes the wrappers of functions, and answers their calls."""

    def edges(self) -> Iterable[Edge]:
        """Give what is replaced beside the targets until the run ends."""
        ...

    def begin(self) -> None:
        """Note what stands before the tests."""
        ...

    def mimic(
        self,
        function: NamedFunction,
        activation: Activation,
        line: Target,
        name: str,
    ) -> Function:
        """Let a line of an activation answer the calls of a function.

        Args:
            function: The function.
            activation: Decides until `let_go`, in its place among the open ones.
            line: Its line.
            name: Under which name the calls are recorded.

        Returns:
            What stands in the place of the function.
        """
        ...

    def let_go(self, key: object, activation: Activation) -> None:
        """Let an activation decide no more about a function."""
        ...


class ClientLine:
    """A line that names a client, with the cassette of its block.

    Attributes:
        name: How the line names the client: `http`, `httpx`.
        options: Its options.
        cassette: The cassette of its block.
        patterns: Which calls it takes.
    """

    def __init__(self, name: str, options: Options, cassette: Owner | None) -> None:
        self.name = name
        self.options = options
        self.cassette = cassette
        self.patterns = Patterns(options.only, options.exclude)


class Activation:
    """Targets that are in force until `close`, or edges until the run ends.

    Attributes:
        lines: The targets or edges.
        cassette: The cassette that takes the calls.
        problems: Errors of lines that name nothing, until somebody takes them.
        clients: The lines that name clients, by that name.
        numbers: By module, the numbers of the lines that name something there.
        deciders: By the key of a function, whether the line that decides is no
            wildcard, its number, and the function itself: while it lives, no other one
            has its key.
    """

    def __init__(
        self,
        deactivate: Callable[[Activation], None],
        lines: Iterable[Target | Edge],
        cassette: Owner | None = None,
    ) -> None:
        self.lines = list(lines)
        self.cassette = cassette
        self.problems: list[TargetError] = []
        self.clients: defaultdict[str, list[ClientLine]] = defaultdict(list)
        self.numbers: defaultdict[str, list[int]] = defaultdict(list)
        self.deciders: dict[object, tuple[tuple[bool, int], NamedFunction]] = {}
        self._deactivate = deactivate
        for number, line in enumerate(self.lines):
            if line.path:
                self.numbers[line.module].append(number)

    @property
    def targets(self) -> list[Target]:
        """Its lines that are no edges."""
        return [line for line in self.lines if isinstance(line, Target)]

    def close(self) -> None:
        """Let the targets decide no more."""
        self._deactivate(self)

    def take_problems(self) -> list[TargetError]:
        """Give the errors of lines that name nothing, each once."""
        problems, self.problems = self.problems, []
        return problems

    def decide(self, number: int, function: NamedFunction) -> None:
        """Let a line decide about a function, if it comes before the lines that do.

        A wildcard gives way; of others the last one that names or excludes it decides.
        """
        line = self.lines[number]
        rank = line.excluded or line.path[-1] != "*", number
        decider = self.deciders.get(function.key)
        if decider is None or decider[0] <= rank:
            self.deciders[function.key] = rank, function

    def refuse(self, number: int, error: NotFoundError) -> None:
        """Note that a line names nothing that can be mimicked, now or later."""
        line = self.lines[number]
        self.numbers[line.module].remove(number)
        if not (line.is_optional and isinstance(error, AbsentError)):
            name = f"{line.module}:{'.'.join(line.path)}"
            self.problems.append(line.error(f"{name} {error}"))

    def lines_of(self, client: str) -> list[ClientLine]:
        """Return the lines for a client, in the order of `lines_for`."""
        names = lines_for(client)
        return [line for name in names for line in self.clients.get(name, ())]


class Activations:
    """The functions and clients that one run mimics.

    A function is patched the first time that anything names it, and stays so until
    `close`: its wrapper asks the innermost activation.

    Args:
        run: The run.
        patches: What it replaces.
        functions: What answers the calls of functions.

    Attributes:
        names: The targets that were mimicked, a client by its kind.
        absent: The clients that lines name and that are not installed, with their kind.
    """

    def __init__(self, run: Run, patches: Patches, functions: Functions) -> None:
        self.names: set[str] = set()
        self.absent: dict[str, str] = {}
        self._run = run
        self._is_live = run.mode == "live"
        self._open: list[Activation] = []
        self._edges: list[Activation] = []
        self._adapters: set[str] = set()
        self._edge_wrappers: dict[object, Function] = {}
        self._patches = patches
        self._functions = functions
        self._watch = ImportWatch(self._loaded)
        self._locks: dict[int, threading.RLock] = {}
        run.nesting.intercept = run.sleeps.intercept = self.intercept

    @property
    def _lock(self) -> threading.RLock:
        """The lock of this process: at a fork, a thread that is gone may hold it."""
        return self._locks.setdefault(os.getpid(), threading.RLock())

    # -- what is in force

    def start(self, targets: Iterable[Target], edges: Iterable[Edge]) -> None:
        """Mimic the targets of a run, and replace functions until it ends."""
        if not self._is_live:
            edges = [*self._functions.edges(), *edges]
        self.activate(targets, edges=edges)

    def activate(
        self,
        targets: Iterable[Target],
        cassette: Owner | None = None,
        edges: Iterable[Edge] = (),
    ) -> Activation:
        """Mimic targets until the activation ends; in live mode, only check them.

        Args:
            targets: The targets. A function that an edge replaces, too, is a target.
            cassette: The cassette that takes the calls.
            edges: What is replaced beside the targets until the run ends.
        """
        activation = Activation(self._deactivate, targets, cassette)
        of_clients: list[Edge] = []
        with self._lock:
            self._open.append(activation)
            for target in activation.targets:
                if target.is_client:
                    of_clients += self._activate_client(activation, target)
                elif not target.excluded:
                    self.names.add(target.name)
            self._patch(self._replacing(of_clients), activation, self._replacing(edges))
        return activation

    def enter(
        self, targets: Iterable[Target], cassette: Owner | None = None
    ) -> Activation:
        """Mimic targets that a test names, and that must exist.

        Raises:
            TargetError: A module or a function does not exist, or no client that is
                named is installed.
        """
        targets = list(targets)
        activation = self.activate(targets, cassette)
        problems = missing_modules(targets) + activation.take_problems()
        if targets and all(map(is_absent_client, targets)):
            problems.insert(0, absent_client(targets[0].module))
        if problems:
            activation.close()
            raise problems[0]
        return activation

    @contextmanager
    def seeing(self) -> Iterator[None]:
        """In live mode, mimic in a block what is in force: a test sees its calls."""
        self._is_live = False
        try:
            with ExitStack() as seen:
                for lines in self.in_force():
                    seen.callback(self.activate(*lines).close)
                yield
        finally:
            self._is_live = True

    def prepare(self, targets: Iterable[Target]) -> None:
        """Patch what tests will name, so that its holders are searched once."""
        self._functions.begin()
        activation = self.activate(
            target for target in targets if not target.is_client and not target.excluded
        )
        # The tests that name what is missing get the errors.
        activation.take_problems()
        activation.close()

    def _deactivate(self, activation: Activation) -> None:
        for problem in activation.take_problems():
            # Noted later, it would fail another test.
            self._run.note_error(problem)
        with self._lock:
            self._open.remove(activation)
            for key, (_, function) in activation.deciders.items():
                self._functions.let_go(key, activation)
                is_decided = any(key in other.deciders for other in self._open)
                if function.is_inherited and not is_decided:
                    # Else calls of this class would bypass a wrapper on its base.
                    self._patches.restore_place(function.holder, function.name)

    def close(self) -> None:
        """Restore everything."""
        with self._lock:
            for activation in self._open[::-1]:
                activation.close()
            self._edges.clear()  # A module may still be loaded that was found before.
            self._run.nesting.intercept = self._run.sleeps.intercept = None
            self._watch.leave()
            self._patches.restore()

    def new_problems(self) -> list[TargetError]:
        """Return the errors of targets that were found missing since the last call."""
        problems = []
        for activation in [*self._edges, *self._open]:
            problems += activation.take_problems()
        return problems

    def in_force(self) -> list[tuple[list[Target], Owner | None]]:
        """Return the targets that are in force now, each list with its cassette."""
        with self._lock:
            return [(one.targets, one.cassette) for one in self._open if one.lines]

    # -- clients

    def intercept(self, edges: Iterable[Edge]) -> None:
        """Replace functions until the run ends."""
        with self._lock:
            self._patch(self._replacing(edges))

    def _replacing(self, edges: Iterable[Edge]) -> Activation:
        activation = Activation(self._deactivate, edges)
        self._edges.append(activation)
        return activation

    def line_for(
        self,
        client: str,
        signature: Callable[[], str],
        host: str | None,
        is_of: Callable[[str], bool],
    ) -> ClientLine | None:
        """Return the line that takes a client's call.

        It is the first of the innermost activation that names the client, or all of its
        kind, whose patterns select the call. None: the call runs for real.

        Args:
            client: `httpx`.
            signature: Gives `GET /users`.
            host: The host of the call.
            is_of: Whether the call is one for lines of a name.
        """
        for activation in reversed(self._open):
            named = activation.lines_of(client)
            lines = [line for line in named if is_of(line.name)]
            for line in lines:
                if line.patterns.take_all or line.patterns.takes(signature(), host):
                    return line
            if lines:
                self._run.servers.leave_out(host)
                return None
        return None

    def any_line(self, client: str) -> ClientLine | None:
        """Return a line without options for what a client asks by itself.

        None: no line names the client.
        """
        for activation in reversed(self._open):
            if activation.lines_of(client):
                return ClientLine(client, NO_OPTIONS, activation.cassette)
        return None

    def _activate_client(
        self, activation: Activation, target: Target
    ) -> Iterator[Edge]:
        """Let a line take calls of its client, and yield the client's edges."""
        client = client_of(target.module)
        assert client is not None
        options = self._with_inherited(activation, target)
        line = ClientLine(target.name, options, activation.cassette)
        activation.clients[target.module].append(line)
        if is_absent_client(target):
            self.absent[target.module] = client.kind
            return
        self.names.add(client.kind)
        if target.module in self._adapters or self._is_live:
            return
        self._adapters.add(target.module)
        try:
            adapter = adapter_of(client)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            problem = f"its adapter {client.adapter} cannot be loaded ({reason})"
            activation.problems.append(target.error(f"{target.name}: {problem}"))
        else:
            yield from adapter.open(self._run, self)

    def _with_inherited(self, activation: Activation, target: Target) -> Options:
        """Give the options of a block's line, completed by the ini file's line."""
        own, outer = target.options, self._open[0]
        if outer is activation or activation.cassette is not None:
            return own
        for line in outer.clients.get(target.module, []):
            if line.patterns.take_all:
                return own.inheriting(line.options)
        return own

    # -- functions

    def _loaded(self, module: str) -> None:
        """Patch a watched module that has been executed, perhaps again."""
        if module in sys.modules:
            with self._lock:
                self._patch(*self._edges, *self._open, loaded=module)

    def _patch(self, *activations: Activation, loaded: str | None = None) -> None:
        """Let activations decide about the functions that they name.

        All modules are searched once for what holds them. Of two activations that name
        a function the first one decides.

        Args:
            activations: The activations.
            loaded: The module whose import has just ended, and where they are looked
                for: only modules that were imported since can hold the functions that
                it has made.
        """
        wrapped: list[tuple[NamedFunction, Function]] = []
        wrappers: dict[object, Function] = {}
        is_new = True
        for activation in activations:
            for function in list(self._found(activation, loaded)):
                wrapper = self._wrapper_for(activation, function)
                is_patched = self._patches.is_patched(function.holder, function.name)
                if wrapper is None or is_patched:
                    continue
                if wrappers.setdefault(function.key, wrapper) is not wrapper:
                    continue
                self._patches.put(function, wrapper)
                if not function.is_inherited:
                    wrapped.append((function, wrapper))
                    home = getattr(function.function, "__module__", None)
                    is_new = is_new and home == loaded
        self._patches.put_wherever_held(wrapped, since=loaded if is_new else None)

    def _found(
        self, activation: Activation, loaded: str | None
    ) -> Iterator[NamedFunction]:
        """Find what an activation names in modules that are imported."""
        for module in [loaded] if loaded else list(activation.numbers):
            imported = sys.modules.get(module)
            is_partial = not loaded and is_incomplete(imported)
            is_awaited = is_partial and module in self._watch.names
            self._watch.watch(module)
            if imported is None or is_awaited:
                continue
            for number in list(activation.numbers[module]):
                path = activation.lines[number].path
                try:
                    if is_partial:
                        raise NotFoundError(
                            f"cannot be patched before {module} is loaded:"
                            " use it in conftest.py"
                        )
                    for function in find(module, path, self._patches):
                        activation.decide(number, function)
                        yield function
                except NotFoundError as error:
                    activation.refuse(number, error)

    def _wrapper_for(
        self, activation: Activation, function: NamedFunction
    ) -> Function | None:
        """Return what stands in the place of a function; None: nothing does."""
        (_, number), _ = activation.deciders[function.key]
        line = activation.lines[number]
        if isinstance(line, Edge):
            wrapper = line.wrap(function.function)
            return self._edge_wrappers.setdefault(function.key, wrapper)
        if line.excluded:
            self._functions.let_go(function.key, activation)
            return None
        name = defined_name(function, self._patches)
        self.names.add(name)
        problem = argument_problem(line, function)
        if problem:
            activation.problems.append(line.error(f"{line.name}: {problem}"))
        if self._is_live:
            return None
        return self._functions.mimic(function, activation, line, name)
