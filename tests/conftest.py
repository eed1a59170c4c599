"""The fixture `project`: a temporary project whose tests are really recorded and replayed."""

from __future__ import annotations

import asyncio
import gc
import importlib
import io
import itertools
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache, wraps
from importlib.metadata import entry_points
from inspect import getsource
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from _pytest.fixtures import FixtureManager
from support import face, loopback
from support.hidden_modules import modules_of_tests, modules_of_unused_libraries
from support.http_server import Server, running_server
from support.imports import with_imports
from support.lists import ListOfTests
from support.loopback import serving
from support.recorded import RecordedCall, calls_in, edit_calls
from support.rooms import paths_of

# Collecting the suite allocates a million objects that stay. Automatic collections
# until then would take half of its time.
gc.disable()

# Second copies of these would have other exception classes or thread pools. Each run
# that records would load filelock anew, and rewrite hypothesis, because its plugin
# requests it.
LATE = (
    "concurrent.futures.thread",
    "filelock",
    "http.cookiejar",
    "httpcore",
    "httpcore2",
    "hypothesis",
    "psycopg2",
    "yaml",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization",
)

# A run that records ends with a flush of all files of the system. Those in process leave
# it out: on a busy machine it takes longer than the run. Runs in processes of their own
# do it.
if hasattr(os, "sync"):
    setattr(os, "sync", lambda: None)  # noqa: B010

# Clients read all trusted certificates for each session, which takes longer than a
# request. One is enough here: no test has a server that others know.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("support") / "nobody.pem")

# A busy machine may take long for an example. The rare runs try many.
with suppress(ImportError):
    from hypothesis import settings

    settings.register_profile(
        "patient",
        deadline=None,
        max_examples=500 if os.environ.get("MIMIC_RARE") else 25,
    )
    settings.load_profile("patient")

# Plugins that are off in the runs of a project unless a run requests them: they reorder
# tests, add output or need settings.
QUIET = ("randomly", "asyncio", "anyio", "rerunfailures", "timeout", "cacheprovider")

# Plugins of pytest itself that are off in a run in process, but for those that it
# requests or that have an option among its arguments. Registering plugins takes half of
# the time of such a run.
IDLE = {
    **dict.fromkeys(("faulthandler", "legacypath", "nose", "pastebin"), "--none"),
    # The run that contains this one reports the errors of finalizers. This plugin would
    # collect garbage five times.
    "unraisableexception": "--none",
    **dict.fromkeys(("setuponly", "setupplan"), "--setup"),
    "doctest": "--doctest",
    "junitxml": "--junit",
    # It looks through all loggers of this process six times for each test.
    "logging": "--log",
    "stepwise": "--sw",
}

# The modules of plugins that runs request.
MODULE_OF = {
    "anyio": "anyio.pytest_plugin",
    "asyncio": "pytest_asyncio.plugin",
    "rerunfailures": "pytest_rerunfailures",
    "socket": "pytest_socket",
}

# tally.py of every project. Real functions call `ran`, which raises in a run with
# offline=True.
TALLY = """
import os

def ran(*words):
    '''Log a real execution. One write per line keeps the lines of threads and processes apart.'''
    line = " ".join(str(word) for word in words)
    file = os.open(os.environ["TALLY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, (line + "\\n").encode())
    finally:
        os.close(file)
    if os.environ.get("TALLY_OFFLINE"):
        raise RuntimeError("the real function ran: " + line)
"""

# When CI begins no further rare test.
LATEST = time.monotonic() + 180

# The tests that start processes.
E2E = Path(__file__).with_name("e2e")

# What takes long and rarely changes, beside the tests that are marked `rare`.
WEEKLY = ListOfTests(Path(__file__).with_name("weekly.txt"))

# The fixtures that the body of `Project.test` may name.
FIXTURES = set(
    "tmp_path monkeypatch mimic_auto mimic_record mimic_replay mimic_vault_dir".split()
)

NAME = "pytest_mimic.plugin"

# A checkout that is on the path but not installed has no entry point.
PLUGIN = () if entry_points(group="pytest11", name="mimic") else ("-p", NAME)


# The vaults of `Project.record_once` by the files of their projects.
_RECORDED: dict[str, dict[str, bytes]] = {}

# Counts the tests in this process.
_TESTS = itertools.count()


def _looking_less(look: Callable[..., None]) -> Callable[..., None]:
    """Let runs look for fixtures only in those plugins of pytest that have some.

    To look at all attributes of all plugins takes a tenth of the time of a run in
    process.
    """

    @wraps(look)
    def look_less(self: Any, plugin: object, *name: Any) -> None:
        home = getattr(plugin, "__name__", type(plugin).__module__)
        if not home.startswith("_pytest.") or _has_fixtures(home):
            look(self, plugin, *name)

    return look_less


@cache
def _has_fixtures(module: str) -> bool:
    return (
        re.search(r"@(pytest\.)?fixture\b", getsource(sys.modules[module])) is not None
    )


FixtureManager.pytest_plugin_registered = _looking_less(  # type: ignore[method-assign]
    FixtureManager.pytest_plugin_registered
)


@dataclass(frozen=True)
class Run:
    """The result of one run of a project's tests."""

    exit_code: int
    outcomes: dict[str, int]
    """The counts in pytest's last line: `{"passed": 2}`."""
    output: str
    """Standard output and error, without colours."""
    real: list[str]
    """The real executions of this run in order, one line each: `fetch Oslo 3`."""
    vault: dict[str, bytes]
    """The vault's files after the run, by their relative names."""
    before: dict[str, bytes]
    """The vault's files before the run."""

    @property
    def section(self) -> list[str]:
        """The lines of the section titled `mimic`, with `#` for times and sizes: `# s saved`."""
        match = re.search(
            r"^=+ mimic =+\n(.*?)(?=^=+ |\Z)", self.output, re.DOTALL | re.MULTILINE
        )
        lines = match.group(1).rstrip().splitlines() if match else []
        return [
            re.sub(
                r"\d[\d.,]* (s|min|h|bytes|[kMG]?B)\b",
                r"# \1",
                re.sub(r"<?\d+ ms\b", "0.01 s", line),
            )
            for line in lines
        ]

    @property
    def header(self) -> str:
        """The text after `mimic: ` in the header, or an empty string."""
        match = re.search(r"^mimic: (.*)$", self.output, re.MULTILINE)
        return match.group(1) if match else ""

    @property
    def error(self) -> list[str]:
        """The lines of errors as pytest shows them, without the margin."""
        lines = [
            line[1:].strip()
            for line in self.output.splitlines()
            if line.startswith("E  ")
        ]
        return [line.removeprefix("pytest_mimic.") for line in lines]

    @property
    def failures(self) -> dict[str, str]:
        """What pytest shows of each failure, by the name of its test: `test_it[2]`."""
        parts = re.split(r"^_{3,} (.+?) _{3,}$", self.output, flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2], strict=True))

    @property
    def calls(self) -> list[RecordedCall]:
        """The calls that are recorded in the vault after the run."""
        return calls_in(self.vault)

    @property
    def changed(self) -> set[str]:
        """The files of the vault that the run made, changed or deleted."""
        names = self.vault.keys() | self.before.keys()
        return {name for name in names if self.vault.get(name) != self.before.get(name)}

    def expect(
        self,
        *,
        exit_code: int | None = None,
        real: Sequence[str] | None = None,
        says: Sequence[str] = (),
        never: Sequence[str] = (),
        **outcomes: int,
    ) -> Run:
        """Assert all of it together, and return this run.

        A failure shows the whole output.

        Args:
            exit_code: By default 1 with failures or errors among the outcomes, else 0.
            real: The real executions, in order. Not checked if omitted.
            says: Texts that the output contains.
            never: Texts that it does not contain.
            outcomes: Exactly these counts: `passed=2, failed=1`.
        """
        assert not isinstance(says, str), "each of its letters would be said"
        if exit_code is None:
            exit_code = 1 if outcomes.get("failed") or outcomes.get("errors") else 0
        seen = {
            "exit code": self.exit_code,
            "outcomes": self.outcomes,
            "real": self.real,
        }
        wanted = {
            "exit code": exit_code,
            "outcomes": outcomes,
            "real": self.real if real is None else [*real],
        }
        seen["not said"], wanted["not said"] = (
            [text for text in says if text not in self.output],
            [],
        )
        seen["said"], wanted["said"] = (
            [text for text in never if text in self.output],
            [],
        )
        assert seen == wanted, f"\n{self.output}"
        return self


class Answer(NamedTuple):
    """What a call of `pytest-mimic` gave: its exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """What it printed to both streams."""
        return self.out + self.err

    @property
    def lines(self) -> list[str]:
        """The lines of this text."""
        return self.text.splitlines()


class Project:
    """A folder with pytest.ini, modules and tests, and `tally.ran(...)` to count real executions.

    Attributes:
        process: Whether runs are in new processes unless they say otherwise. For
            projects with libraries of thousands of
            modules: every later test of this process would search these for holders of
                functions.
        env: Environment variables of all runs.
        inputs: The default of `mimic_inputs`. Without lists of inputs, the files of a
            vault are those of the calls.
    """

    inputs = "ignore"

    def __init__(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.pytester = pytester
        self.monkeypatch = monkeypatch
        self.root: Path = pytester.path
        # Hidden: what recorded functions write there is none of their side effects.
        self.tally = self.root.parent / f".{self.root.name}.tally"
        self.process = False
        self.env: dict[str, str] = {}
        # Its code is not that of the project: no recording lists it among what its call
        # ran.
        self.write("tally.py", f"exec(compile({TALLY!r}, '<frozen tally>', 'exec'))\n")

    def write(self, name: str, text: str) -> Path:
        """Write a file with a dedented text. A Python file gets the usual imports that it lacks."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = textwrap.dedent(text).lstrip("\n")
        if path.suffix == ".py" and name != "tally.py":
            text = with_imports(text, path.stem)
        path.write_text(text, encoding="utf-8")
        return path

    def __setitem__(self, name: str, text: str) -> None:
        """Write a file: `project["test_more.py"] = text`."""
        self.write(name, text)

    def module(self, text: str) -> None:
        """Write shop.py, the module with the functions to mimic."""
        self.write("shop.py", text)

    def conftest(self, text: str) -> None:
        """Write conftest.py."""
        self.write("conftest.py", text)

    def tests(self, text: str) -> None:
        """Write test_shop.py."""
        self.write("test_shop.py", text)

    def test(self, body: str) -> None:
        """Write test_shop.py with one test, which takes the fixtures that its body names."""
        body = textwrap.dedent(body).strip()
        fixtures = ", ".join(sorted({*re.findall(r"\w+", body)} & FIXTURES))
        self.tests(f"def test_it({fixtures}):\n{textwrap.indent(body, '    ')}\n")

    @contextmanager
    def shop(self, serves: Any = None) -> Iterator[Any]:
        """Run a server on loopback, whose address is API in all runs.

        Args:
            serves: A server or a handler. By default the server with a page for each
                kind of response.
        """
        if isinstance(serves, type):
            serves = loopback.Server(serves)
        with running_server() if serves is None else serving(serves) as server:
            self.env["API"] = server.url
            yield server

    def ini(self, *targets: str, **options: str | Sequence[str]) -> None:
        """Write pytest.ini with these lines of `mimic_functions` and these further options."""
        if targets:
            options["mimic_functions"] = targets
        if self.inputs != "warn":
            options.setdefault("mimic_inputs", self.inputs)
        lines = ["[pytest]"]
        for name, value in options.items():
            values = [value] if isinstance(value, str) else value
            lines.append(f"{name} = " + "\n    ".join(values))
        self.write("pytest.ini", "\n".join(lines) + "\n")

    @property
    def vault(self) -> Path:
        """The vault's default folder."""
        return self.root / ".mimic_vault"

    def files(self, folder: str = ".") -> dict[str, bytes]:
        """Return the vault's files, or those in a folder of it, by their relative names, with slashes."""
        found = sorted(
            path
            for path in (self.vault / folder).rglob("*")
            if path.is_file() and ".locks" not in path.parts
        )
        return {
            path.relative_to(self.vault).as_posix(): path.read_bytes() for path in found
        }

    def calls(self, of: str = "") -> list[RecordedCall]:
        """Return the recorded calls, or those of a target."""
        found = calls_in(self.files())
        return [call for call in found if of in ("", call.target)]

    def edit_calls(self, change: Callable[[RecordedCall], object]) -> None:
        """Let a function change each recorded call, and write the files of those that it changed."""
        edit_calls(self.vault, change)

    def file_of(self, target: str) -> Path:
        """Return the one file with the calls of a target."""
        [name] = {call.file for call in self.calls(target)}
        return self.vault / name

    def real(self) -> list[str]:
        """Return all real executions so far."""
        return (
            self.tally.read_text(encoding="utf-8").splitlines()
            if self.tally.exists()
            else []
        )

    def run(
        self,
        *args: str,
        offline: bool = False,
        process: bool | None = None,
        hash_seed: int | None = None,
        env: Mapping[str, str] | None = None,
        plugins: Sequence[str] = (),
        timeout: float = 300,
    ) -> Run:
        """Run the project's tests with warnings as errors.

        Args:
            args: pytest's arguments.
            offline: Real executions raise an error.
            process: Run in a new process. A run in this one is much faster. By default
                as the attribute says.
            hash_seed: PYTHONHASHSEED, which needs a new process.
            env: Environment variables for this run.
            plugins: Installed plugins that are on in this run, those of QUIET among
                them.
            timeout: Seconds after which a process counts as hanging.
        """
        variables = {
            "TALLY": str(self.tally),
            "TALLY_OFFLINE": "1" if offline else "",
            **self.env,
            **(env or {}),
        }
        if process is None:
            process = self.process
        if hash_seed is not None:
            process, variables["PYTHONHASHSEED"] = True, str(hash_seed)
        before, already = self.files(), len(self.real())
        given = False
        known = {*MODULE_OF, *IDLE, "cacheprovider"}
        if {*plugins} <= known and "no:mimic" not in args:
            # Finding and loading all installed plugins takes longer than most tests.
            variables["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
            is_parallel = any(
                arg.startswith(("-n", "--dist", "--numprocesses", "--tx"))
                for arg in args
            )
            given = not (process or is_parallel or NAME in args)
            loaded = self._loaded(args, plugins, given=given, is_parallel=is_parallel)
        else:
            off = [f"no:{name}" for name in QUIET if name not in plugins]
            loaded = [*PLUGIN, *(part for name in off for part in ("-p", name))]
        argv = [*loaded, "--color=no", "-W", "error", *args]
        objects = [face.plugin] if given else []
        if process:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", *argv],
                cwd=self.root,
                env=self.environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
                encoding="utf-8",
                errors="replace",
            )
            code, output = done.returncode, done.stdout
        else:
            code, output = self._run_here(argv, variables, objects)
        return Run(
            code, _outcomes(output), output, self.real()[already:], self.files(), before
        )

    def record(self, *args: str, **options: object) -> Run:
        """Run with --mimic-record."""
        return self.run("--mimic-record", *args, **options)  # type: ignore[arg-type]

    def command(self, *words: str, folder: Path | None = None) -> Answer:
        """Call `pytest-mimic` with these words in the project's folder, or in another one."""
        out, err = io.StringIO(), io.StringIO()
        with (
            self.monkeypatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            patch.chdir(folder or self.root)
            code = face.command(words)
        assert "Traceback" not in err.getvalue()
        return Answer(code, out.getvalue(), err.getvalue())

    def record_once(
        self, *, env: Mapping[str, str] | None = None, **expected: Any
    ) -> None:
        """Record, or put here what an earlier test has recorded in a project with equal files.

        Servers that `env` names have seen nothing of a recording that an earlier test
        has made.
        """
        files = [
            (path.relative_to(self.root), path)
            for path in self.root.rglob("*")
            if path.is_file()
        ]
        key = repr(
            sorted(
                (name.as_posix(), path.read_bytes())
                for name, path in files
                if name.parts[0] != ".git"
            )
        )
        if key not in _RECORDED:
            _RECORDED[key] = self.record(env=env).expect(**expected).vault
        for name, data in _RECORDED[key].items():
            path = self.vault / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def replay(self, *args: str, **options: object) -> Run:
        """Run without a mode. Real executions raise an error."""
        return self.run(*args, offline=True, **options)  # type: ignore[arg-type]

    def round_trip(
        self,
        *targets: str,
        real: Sequence[str] | None = None,
        hash_seeds: Sequence[int | None] = (None, None),
        plugins: Sequence[str] = (),
        **outcomes: int,
    ) -> Run:
        """Record, and return a replay in which each real call raises.

        Both runs pass. The second one runs nothing for real and leaves the vault alone.
        """
        if targets:
            self.ini(*targets)
        first, second = hash_seeds
        self.record(plugins=plugins, hash_seed=first).expect(real=real, **outcomes)

        replayed = self.replay(plugins=plugins, hash_seed=second)
        replayed.expect(real=[], **outcomes)
        assert replayed.changed == set()
        return replayed

    def _loaded(
        self,
        args: Sequence[str],
        plugins: Sequence[str],
        *,
        given: bool,
        is_parallel: bool,
    ) -> list[str]:
        """Return the options of a run that loads no plugins by itself.

        A run in this process is given the plugin as an object, which saves a search of
        all distributions. Workers are told
        its name. A run that is about the order in which pytest learns of options names
        it too: `"-p", NAME`.
        """
        loaded = [MODULE_OF[name] for name in plugins if name in MODULE_OF]
        loaded += [*([] if given else [NAME]), *(["xdist"] if is_parallel else [])]
        idle = [
            name
            for name, option in IDLE.items()
            if name not in plugins and not any(arg.startswith(option) for arg in args)
        ]
        off = [
            *(["cacheprovider"] if "cacheprovider" not in plugins else []),
            *(idle if given else []),
        ]
        return [
            part
            for name in (*loaded, *(f"no:{name}" for name in off))
            for part in ("-p", name)
        ]

    def environment(self, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a process of this project."""
        own = {"TALLY": str(self.tally), **self.env}
        return {**os.environ, **own, **(variables or {})}

    def _run_here(
        self,
        argv: Sequence[str],
        variables: Mapping[str, str],
        plugins: Sequence[object],
    ) -> tuple[int, str]:
        modules, paths, finders = dict(sys.modules), list(sys.path), list(sys.meta_path)
        unused = modules_of_unused_libraries(self._texts(argv))
        for name in (*modules_of_tests(), *unused):
            sys.modules.pop(name, None)
        said = io.StringIO()
        importlib.invalidate_caches()
        with (
            self.monkeypatch.context() as patch,
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            for name, value in variables.items():
                patch.setenv(name, value)
            try:
                code = int(pytest.main([*argv], [*plugins]))
            finally:
                # numpy cannot be loaded more than once by a process.
                for name in sys.modules.keys() - modules.keys():
                    if name.startswith("numpy"):
                        modules[name] = sys.modules[name]
                sys.modules.clear()
                sys.modules.update(modules)
                sys.path[:], sys.meta_path[:] = paths, finders
        # pytest leaves the last failure for debuggers. Its frames hold functions, for
        # which a later run would search.
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            vars(sys).pop(name, None)
        with warnings.catch_warnings():
            # The modules of the project are gone, with clients that nobody has closed.
            # Later, a collection during any other test would warn.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        return code, said.getvalue()

    def _texts(self, argv: Sequence[str]) -> Iterator[str]:
        """Return what may name a library that a run of this project needs."""
        yield " ".join(argv)
        for folder, _, files in os.walk(self.root):
            for file in files:
                if file.endswith((".py", ".ini", ".toml", ".json")):
                    yield Path(folder, file).read_text("utf-8", "replace")


def _outcomes(output: str) -> dict[str, int]:
    """Return the counts in pytest's last line."""
    for line in reversed(output.splitlines()):
        if re.search(r"\bin \d[\d.]*s\b", line):
            counts = re.findall(
                r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|rerun)",
                line,
            )
            return {
                "errors" if word.startswith("error") else word: int(count)
                for count, word in counts
            }
    return {}


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Start one worker more than there are cores, for `-n auto`.

    Many tests wait: for a server, a process, or a call that nobody cancels. Meanwhile,
    the tests of another worker have the core.
    """
    cores = yield
    return cores + 1


def pytest_sessionstart(session: pytest.Session) -> None:
    """Import what the tests need, but not in a process that only sends tests to workers.

    A run in process drops the modules that it was the first to import. Importing all of
    the package here, and those of others that are loaded once, prevents second copies.
    """
    if session.config.getoption("dist", "no") != "no":
        return
    for module in pkgutil.walk_packages([str(face.PACKAGE)], "pytest_mimic."):
        _load(module.name)
    for name in LATE:
        _load(name)


def _load(module: str) -> None:
    # A module of an adapter may need its client.
    with suppress(ImportError):
        importlib.import_module(module)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--room`."""
    parser.addoption(
        "--room",
        action="append",
        default=[],
        metavar="PATH",
        help="run the modules that tests/README.md names for this file or folder of the package, the rare tests, too",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let the rooms that are asked for decide which modules run."""
    if rooms := config.getoption("room"):
        root = Path(__file__).parents[1]
        config.args[:] = [str(root / path) for path in paths_of(rooms)]
        if not config.args:
            raise pytest.UsageError(f"tests/README.md names no tests for {rooms}")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Run the tests of processes first, and the rare ones last and only where they are asked for.

    The longest tests are among those of processes. At the end of a run, no worker waits
    for one of them. The workflow of releases and that of each Monday run the rare tests,
    CI those of the rooms that the last commits changed.
    """
    of_processes = cache(lambda path: E2E in path.parents)
    items.sort(key=lambda item: not of_processes(item.path))
    if os.environ.get("MIMIC_RARE") or config.getoption("room"):
        return
    changed = set(paths_of(os.environ.get("MIMIC_ROOMS", "").split()))
    for item in items:
        is_weekly = item.nodeid in WEEKLY
        if not is_weekly and item.get_closest_marker("rare") is None:
            continue
        if item.nodeid.partition("::")[0] in changed:
            item.add_marker(pytest.mark.late)
        else:
            item.add_marker(pytest.mark.skip(reason="rare: runs with MIMIC_RARE=1"))
    items.sort(key=lambda item: item.get_closest_marker("late") is not None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no further rare test of a changed room when CI has taken long."""
    if item.get_closest_marker("late") and time.monotonic() > LATEST:
        pytest.skip("rare: no time was left for it; runs with MIMIC_RARE=1")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Leave the modules loaded by now out of garbage collections, which then take milliseconds.

    Each run in process ends with a collection. The automatic ones in between would take
    as long as that one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


def pytest_runtest_logfinish() -> None:
    """Do the same again from time to time, between two tests.

    Within a test, the objects of its runs would be frozen. They would never be
    collected, and would hold functions
    that later runs patch, which then have to be searched everywhere.
    """
    if next(_TESTS) % 10 == 0:
        gc.collect()
        gc.freeze()


# Only their numbers: each reference to a function prolongs the search for those who
# hold it.
_SLEEPS = [id(time.sleep), id(asyncio.sleep)]


@pytest.fixture(autouse=True)
def _sleeps_are_restored() -> Iterator[None]:
    """Check that the test leaves no wrapper of a function that waits, which any later test would meet."""
    yield
    assert [id(time.sleep), id(asyncio.sleep)] == _SLEEPS


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server on loopback, with a page for each kind of response. API is its address in the runs of the project."""
    with running_server() as server:
        if "project" in request.fixturenames:
            request.getfixturevalue("project").env["API"] = server.url
        yield server


@pytest.fixture
def project(
    request: pytest.FixtureRequest,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    """A temporary project. The constants of the test's module fill it.

    SHOP is its shop.py, and TARGETS are the lines of its mimic_functions. The environment
    has no variables for CI, pytest's options or a hash seed.
    """
    for name in (
        "CI",
        "BUILD_NUMBER",
        "PYTEST_ADDOPTS",
        "PYTHONHASHSEED",
        "PYTHONWARNINGS",
        "FORCE_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    # A module that is rewritten within the same second would run from its old bytecode.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(pytester, monkeypatch)
    made.inputs = getattr(request.module, "INPUTS", made.inputs)
    if hasattr(request.module, "SHOP"):
        made.module(request.module.SHOP)
    if hasattr(request.module, "SHOP") or hasattr(request.module, "TARGETS"):
        made.ini(*getattr(request.module, "TARGETS", []))
    return made


@pytest.fixture
def shop(request: pytest.FixtureRequest, project: Project) -> Project:
    """The project with the TESTS of the test's module, if it has any, as its test_shop.py."""
    if hasattr(request.module, "TESTS"):
        project.tests(request.module.TESTS)
    return project
