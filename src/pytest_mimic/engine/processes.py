"""Names the processes in which nothing is mimicked, and hears where they listen."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic.patch.clients import Edge, around, noting

if TYPE_CHECKING:
    from pytest_mimic.engine.activations import Activations
    from pytest_mimic.engine.run import Run


def edges_of_processes(run: Run, activations: Activations) -> list[Edge]:
    """Return the edges at which a process is started.

    A fork of this process has all that is mimicked here. A process that is started anew
    has nothing; one of multiprocessing reads its preparation data first, and what is
    put among them lets it tell where it listens.
    """

    def is_mimicked() -> bool:
        return bool(activations.in_force()) and not run.is_unseen()

    def note_other(method: str) -> None:
        if method != "fork" and run.test and is_mimicked():
            run.add_event("spawned", method, cause=method)

    def note_start(process: Any) -> None:
        own = type(process)._start_method
        note_other(own or sys.modules["multiprocessing"].get_start_method())

    def note_command(_popen: Any, args: Any, *_args: Any, **_options: Any) -> None:
        words = args if isinstance(args, (list, tuple)) else []
        if any("python" in Path(str(word)).name for word in words[:1]):
            note_other("subprocess")

    def add_channel(data: dict[str, Any], *_args: Any) -> None:
        data["pytest_mimic"] = _Channel(run.path_of_channel())

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

    added = noting(after=add_channel)
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


class _Channel:
    """What a process that is started anew loads: from then on it tells its servers.

    Args:
        path: The file in which it tells them.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        from pytest_mimic.engine.servers import tell_servers

        return tell_servers, (self._path,)
