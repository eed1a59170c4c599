"""Processes of Python that start as forks of one which has imported pytest already.

Importing pytest takes most of the time of a short run in a process of its own, and of
each worker of xdist. The parent of these processes also imports what a run of
pytest-mimic needs, but no plugin: each process loads its plugins for itself.

    test process ──request──► parent ──fork──► keeper ──fork──► program
                 ◄──────────the number of the program, its exit code──┘
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Any, NamedTuple, NoReturn

# The variables of Python that a process can follow after its start.
BYTECODE = "PYTHONDONTWRITEBYTECODE"
FOLDERS = "PYTHONPATH"
LATE_VARIABLES = (BYTECODE, FOLDERS)

# The parts of pytest-mimic that a run uses. The other ones import clients.
PARTS_OF_RUNS = ("values", "vault", "patch", "engine", "run")

# A hash seed holds for a whole process, so that each seed has a parent of its own.
SEED = "PYTHONHASHSEED"


class Parent(NamedTuple):
    """A parent of warm processes.

    Attributes:
        address: Where it takes requests.
        variables: Those with which it has started.
    """

    address: str
    variables: dict[str, str]


# The parents by their hash seeds. A fork of a parent has that one alone, and asks it
# for the workers of xdist that it starts.
_parents: dict[str | None, Parent] = {}


class WarmProcess:
    """A process of Python that a fork of the parent runs, with the names of `Popen`."""

    def __init__(
        self,
        words: Sequence[str],
        streams: Sequence[int],
        *,
        folder: str,
        variables: Mapping[str, str],
    ) -> None:
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.returncode: int | None = None
        request = {"words": [*words], "folder": folder, "variables": {**variables}}
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_parent_for(variables).address)
        socket.send_fds(self._connection, [b"!"], streams)
        self._connection.sendall(json.dumps(request).encode() + b"\n")
        self._answers = self._connection.makefile("r")
        self.pid = int(self._answers.readline())

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, as `Popen.wait` does.

        Raises:
            TimeoutError: The process has not ended in time.
        """
        if self.returncode is None:
            self._connection.settimeout(timeout)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode

    def kill(self) -> None:
        """End the process at once, if it runs."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def run_pytest(
    argv: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    timeout: float,
    is_warm: bool,
) -> tuple[int, str]:
    """Run pytest in a process of its own, and return its exit code and its output."""
    words = ["-m", "pytest", *argv]
    if not (is_warm and _can_be_warm(variables)):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        return done.returncode, _text(done.stdout)
    output, its_output = os.pipe()
    with open(os.devnull, "rb") as nothing:
        process = WarmProcess(
            words,
            [nothing.fileno(), its_output, its_output],
            folder=str(folder),
            variables=variables,
        )
    os.close(its_output)
    try:
        written = _read_all(output, timeout)
        return process.wait(timeout), _text(written)
    finally:
        os.close(output)
        process.kill()


def start_workers_warm() -> None:
    """Let the workers of xdist that this process starts be warm processes."""
    gateway = importlib.import_module("execnet.gateway_io")

    def init(self: Any, args: Sequence[str], execmodel: Any) -> None:
        self.popen = _start_worker(args)
        streams = self.popen.stdin, self.popen.stdout
        gateway.Popen2IO.__init__(self, *streams, execmodel=execmodel)

    gateway.Popen2IOMaster.__init__ = init


def _start_worker(words: Sequence[str]) -> Any:
    _, *options, flag, code = words
    if flag != "-c" or options != ["-u"] or not _can_be_warm(os.environ):
        pipe = subprocess.PIPE
        return subprocess.Popen(words, stdin=pipe, stdout=pipe)
    (its_stdin, stdin), (stdout, its_stdout) = os.pipe(), os.pipe()
    streams = [its_stdin, its_stdout, 2]
    process = WarmProcess(
        [flag, code], streams, folder=os.getcwd(), variables=os.environ
    )
    os.close(its_stdin)
    os.close(its_stdout)
    process.stdin, process.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
    return process


def _read_all(stream: int, timeout: float) -> bytes:
    """Return what is written to a pipe until all processes that could write have ended."""
    end = time.monotonic() + timeout
    parts = []
    while True:
        readable, _, _ = select.select([stream], [], [], end - time.monotonic())
        if not readable:
            raise TimeoutError(b"".join(parts))
        part = os.read(stream, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _text(output: bytes) -> str:
    """Return an output as text, with the line ends that text files have in Python."""
    return io.TextIOWrapper(io.BytesIO(output), "utf-8", "replace").read()


def _can_be_warm(variables: Mapping[str, str]) -> bool:
    """Return whether a fork of the parent is as a new process with these variables.

    Python reads its own variables at its start. Coverage starts with a process, too.
    """
    if sys.platform != "linux" or any(
        name.startswith("COVERAGE") for name in variables
    ):
        return False
    parent = _parent_for(variables)
    return _read_at_start(variables) == _read_at_start(parent.variables)


def _read_at_start(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in variables.items()
        if name.startswith("PYTHON") and name not in LATE_VARIABLES
    }


def _parent_for(variables: Mapping[str, str]) -> Parent:
    """Return the parent with a hash seed, which starts when it is first needed."""
    seed = variables.get(SEED)
    if seed not in _parents:
        _parents[seed] = _start_parent(seed)
    return _parents[seed]


def _start_parent(seed: str | None) -> Parent:
    folder = tempfile.mkdtemp(prefix="warm-")
    address = str(Path(folder) / "parent")
    # The environment of a test is that of the processes which it starts.
    variables = {**os.environ}
    variables.pop(SEED, None)
    if seed is not None:
        variables[SEED] = seed
    process = subprocess.Popen(
        [sys.executable, __file__, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=variables,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    atexit.register(_end_parent, process, folder)
    return Parent(address, variables)


def _end_parent(parent: subprocess.Popen[bytes], folder: str) -> None:
    # The parent ends when nobody can write to it any more.
    assert parent.stdin is not None
    parent.stdin.close()
    parent.wait()
    with suppress(OSError):
        os.rmdir(folder)


def run_program(words: Sequence[str]) -> None:
    """Run what stands after `python` in a command: `-m pytest -q`, or `-c` and code."""
    flag, name, *argv = words
    sys.argv[:] = [name if flag == "-m" else flag, *argv]
    if flag == "-m":
        sys.path.insert(0, os.getcwd())
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, "")
        module = sys.modules["__main__"] = ModuleType("__main__")
        exec(name, vars(module))


def run_to_the_end(words: Sequence[str]) -> NoReturn:
    """Run a program, and end this process as Python does, but free nothing.

    Python would free each module that the parent has imported, and the system would
    copy its memory for that: a tenth of the time of a short run.
    """
    try:
        run_program(words)
        code = 0
    except SystemExit as end:
        code = _exit_code(end.code)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    # What Python does at its end.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _exit_code(ended_with: object) -> int:
    """Return the exit code of a program that has called `sys.exit` with this."""
    if ended_with is None:
        return 0
    if isinstance(ended_with, int):
        return int(ended_with)
    print(ended_with, file=sys.stderr)
    return 1


def serve(address: str) -> list[str] | None:
    """Fork for each request.

    Returns:
        In the process of a program, the words of its command. In the parent, None when
        the test process has ended.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    # Nobody waits for a keeper.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.write(1, b"ready\n")
    while True:
        readable, _, _ = select.select([listener, 0], [], [])
        if 0 in readable:
            os.unlink(address)
            return None
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _keep_or_run(connection)
        connection.close()


def _keep_or_run(connection: socket.socket) -> list[str]:
    """Be the keeper of a program, which answers how the program ends.

    Returns:
        In the process of the program, the words of its command.
    """
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("r") as lines:
        request = json.loads(lines.readline())
    pid = os.fork()
    if pid:
        # Who reads an output waits until nobody can write to it.
        for stream in (0, 1, 2, *streams):
            os.close(stream)
        # A test may end before the program.
        with suppress(BrokenPipeError):
            connection.sendall(b"%d\n" % pid)
            _, status = os.waitpid(pid, 0)
            connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    # At its start, Python has put the folders of the parent's variable first.
    sys.path[: len(_folders())] = []
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.path[:0] = _folders()
    sys.dont_write_bytecode = bool(os.environ.get(BYTECODE))
    return [*request["words"]]


def _folders() -> list[str]:
    """Return the folders with modules that a variable names."""
    named = os.environ.get(FOLDERS)
    return named.split(os.pathsep) if named else []


def import_early() -> None:
    """Import pytest, pytest-mimic, and what they and xdist import of others."""
    config = importlib.import_module("_pytest.config")
    for name in config.default_plugins:
        importlib.import_module(f"_pytest.{name}")
    for name in ("pytest", "cloudpickle", "execnet", "filelock", "xxhash", "asyncio"):
        with suppress(ImportError):
            importlib.import_module(name)
    for part in PARTS_OF_RUNS:
        with suppress(ImportError):
            package = importlib.import_module(f"pytest_mimic.{part}")
            for module in pkgutil.walk_packages(
                package.__path__, f"pytest_mimic.{part}."
            ):
                importlib.import_module(module.name)
    # A run that loads all installed plugins would warn that it cannot rewrite the
    # assertions in this package.
    sys.modules["pytest_mimic"].__doc__ = "PYTEST_DONT_REWRITE"


def main(address: str) -> None:
    """Be the parent, and in a fork of it, be the program that was asked for."""
    # The folder of this file has modules that no other process sees.
    del sys.path[0]
    import_early()
    # No collection of a fork looks through what is imported here.
    gc.freeze()
    _parents[os.environ.get(SEED)] = Parent(address, {**os.environ})
    start_workers_warm()
    words = serve(address)
    if words is not None:
        run_to_the_end(words)


if __name__ == "__main__":
    main(sys.argv[1])
