"""Lets the processes of multiprocessing belong to the run, and names all others."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic.errors import UnstableIdentityError
from pytest_mimic.patch.clients import Edge, around, noting

if TYPE_CHECKING:
    from pytest_mimic.engine.activations import Activations
    from pytest_mimic.engine.owners import Owner
    from pytest_mimic.engine.run import Run
    from pytest_mimic.patch.targets import Target

_ENTERED = ("fork", "spawn", "forkserver")


def edges_of_processes(run: Run, activations: Activations) -> list[Edge]:
    """Return the edges at which multiprocessing starts a process.

    A process that is no fork reads its preparation data before anything of the project
    is imported there. What is put among these data lets it enter the run.
    """

    def is_mimicked() -> bool:
        return bool(activations.in_force()) and not run.is_unseen()

    def note_other(method: str) -> None:
        if method not in _ENTERED and run.test and is_mimicked():
            run.add_event("spawned", method, cause=method)

    def note_start(process: Any) -> None:
        own = type(process)._start_method
        note_other(own or sys.modules["multiprocessing"].get_start_method())

    def note_command(_popen: Any, args: Any, *_args: Any, **_options: Any) -> None:
        words = args if isinstance(args, (list, tuple)) else []
        if any("python" in Path(str(word)).name for word in words[:1]):
            note_other("subprocess")

    def add_run(data: dict[str, Any], *_args: Any) -> None:
        if is_mimicked():
            lines = [
                ([*map(_portable, targets)], cassette)
                for targets, cassette in activations.in_force()
            ]
            data["pytest_mimic"] = _Heritage(run, run.innermost, lines)

    def work(
        worker: Any, tasks: Any, results: Any, start: Any, args: Any, *rest: Any
    ) -> None:
        errors = run.events.errors
        try:
            if start is not None:
                start(*args)
        except Exception as error:
            if run.events.errors == errors:
                raise
            # The pool would start a worker that fails in the same way, for ever.
            tasks = _FailingTasks(tasks, error)
        worker(tasks, results, None, (), *rest)

    added = noting(after=add_run)
    return [
        Edge("multiprocessing.process", ("BaseProcess", "start"), noting(note_start)),
        Edge("multiprocessing.pool", ("worker",), around(work)),
        Edge("multiprocessing.spawn", ("get_preparation_data",), added),
        Edge("subprocess", ("Popen", "__init__"), noting(note_command)),
        Edge(
            "concurrent.interpreters",
            ("create",),
            noting(partial(note_other, "concurrent.interpreters")),
        ),
    ]


class _FailingTasks:
    """The tasks of a pool's worker, each of which raises what its initializer has."""

    def __init__(self, tasks: Any, error: Exception) -> None:
        self._tasks = tasks
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tasks, name)

    def get(self) -> Any:
        task = self._tasks.get()
        return task and (*task[:2], self._fail, (), {})

    def _fail(self) -> None:
        raise self._error


# -- what a started process gets


class _Heritage:
    """What a started process needs of a run; to load it is to enter the run there."""

    def __init__(self, *facts: object) -> None:
        self._facts = facts

    def __reduce__(self) -> Any:
        return _enter, self._facts


def _enter(
    run: Run, owner: Owner, lines: Iterable[tuple[list[Target], Owner | None]]
) -> None:
    """Mimic in this process what its parent does."""
    from pytest_mimic.engine.activations import Activations

    if owner.name:
        run.begin_owner(owner)
    activations = Activations(run)
    edges = edges_of_processes(run, activations)
    activations.start([], [*edges, run.servers.edge(run.events)])
    for targets, cassette in lines:
        activations.activate(targets, cassette)


def _portable(target: Target) -> Target:
    """Give a target whose `key=` is loaded when it is first needed.

    To load it earlier would import the project before it is patched.
    """
    if target.options.key is None:
        return target
    from cloudpickle import dumps  # type: ignore[import-untyped]  # few need it

    pickled = b""
    with suppress(Exception):  # What it holds cannot be pickled.
        pickled = dumps(target.options.key)
    key = partial(_call_pickled, target.name, pickled)
    return target._replace(options=target.options.updated(key=key))


def _call_pickled(target: str, pickled: bytes, arguments: object) -> object:
    return _unpickled(target, pickled)(arguments)


@cache
def _unpickled(target: str, pickled: bytes) -> Any:
    if pickled:
        from pickle import loads  # few need it

        return loads(pickled)
    raise UnstableIdentityError(
        f"key= of {target} holds what cannot reach another process",
        remedies=[("to give key= a name", "define its function in a module")],
    )
