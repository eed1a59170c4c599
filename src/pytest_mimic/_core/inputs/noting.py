"""Notes the project's functions that run in recorded calls, and the project's files that they open for reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from threading import Lock
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.event_loop import outside_event_loop
from pytest_mimic._core.inputs.input_lists import (
    Functions,
    changed_inputs,
    module_of,
    read_list,
    text_of_inputs,
)

if TYPE_CHECKING:
    from pytest_mimic._core.inputs.project_sources import ProjectSources

_monitoring: Any = getattr(sys, "monitoring", None)  # from Python 3.12 on
# The first two have no name in `sys.monitoring`. The others are for debuggers, coverage and profilers.
_TOOL_IDS = (4, 3, 5, 2, 0, 1)
_TOOL = "pytest-mimic"
# If more functions than these have run, one restart is faster than to renew each.
_MANY = 25
# What opens a source file to import it or to show its lines.
_READERS = ("<frozen importlib", f"{os.sep}tokenize.py", f"{os.sep}linecache.py")
_WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

# The noters that have calls under way. An audit hook cannot be removed, so there is one for all runs of a process.
_noters: list[Noter] = []
_hooked: list[bool] = []


class Trace:
    """Holds what one call has run and read so far.

    Attributes:
        codes: The ids of code objects, which `Noter` knows.
        files: The absolute paths of files.
        fault: Why no functions were noted, or empty.
    """

    def __init__(self, noter: Noter, own: CodeType | None) -> None:
        self.codes: set[int] = set()
        self.files: set[str] = set()
        self.fault = ""
        self.own = own
        self.noter = noter


class NotedInputs:
    """The list of a call that was just recorded, or verified."""

    def __init__(self, sources: ProjectSources, files: dict[str, str], functions: Functions | str) -> None:
        self._sources = sources
        self._files, self._functions = files, functions

    def over(self, before: bytes | None, *, is_same: bool) -> str:
        """Return the list that stands in the vault from now on, empty if it names nothing. `is_same`: the outcome stays.

        The list before stays as long as nothing in it has changed. Where no functions could be noted, those of the list
        before stay, with the fingerprints of now; without files or functions, only the reason stands in the recording.
        """
        functions = self._functions
        if before is None and isinstance(functions, dict):
            return self._text
        try:
            old = None if before is None else read_list(before)
        except (LookupError, TypeError, ValueError):  # a damaged one is replaced
            old = None
        if old is not None:
            is_noted, was_noted = isinstance(functions, dict), isinstance(old[1], dict)
            if is_same and (was_noted or not is_noted) and not changed_inputs(before or b"", self._sources):
                return (before or b"").decode()
            if was_noted and not is_noted:
                functions = {source: self._now(source, names) for source, names in old[1].items()}  # type: ignore[union-attr]
        if not self._files and not isinstance(functions, dict):
            return "" if is_same and before is None else functions
        return text_of_inputs(self._files, functions) if self._files or functions else ""

    @cached_property
    def _text(self) -> str:
        return text_of_inputs(self._files, self._functions) if self._files or self._functions else ""

    def _now(self, source: str, names: dict[str, str]) -> dict[str, str]:
        module = module_of(names)
        now = {"": self._sources.digest(source, module) or ""}
        found = self._sources.file(source, module).functions
        return now | {
            name: found[name.partition(":")[2]] for name in names if name and name.partition(":")[2] in found
        }


class Noter:
    """Notes for the calls of one run; `inside` is the call that the current thread or task is part of.

    Two tools of `sys.monitoring` do that. To the first, each code object is reported once: one of the project becomes the
    second's, and is reported to it once for a call. Then it is disabled, for the whole process, until the next call begins.
    While several calls are under way, none is disabled. One tool would have to be switched on and off for each call, and
    then Python prepares all functions that run again.
    """

    def __init__(self, inside: ContextVar[Any], sources: ProjectSources, *, started: int) -> None:
        self._inside = inside
        self._sources = sources
        self._started = started  # when the run began, in ns: what was written since then is not noted
        self._open: dict[object, Trace] = {}
        self._guard = Lock()
        self._tools: list[int] = []
        self._is_closed = False
        self._reported: list[CodeType] = []  # what is disabled until the next call
        self._sources_by_file: dict[str, str | None] = {}
        # By the id of a code object: that object, which stays alive, its source file, and its name in it.
        self._known: dict[int, tuple[CodeType, str, str]] = {}
        self._files: dict[str, str | None] = {}
        self._texts: dict[object, NotedInputs] = {}

    # -- calls

    @contextmanager
    def noting(self, call: object, trace: Trace) -> Iterator[None]:
        """Note what runs and is read in this block inside of a call."""
        with self._guard:
            if not self._open:
                _noters.append(self)
                if not _hooked:
                    _hooked.append(True)
                    sys.addaudithook(_audit)
            fault = self._fault()
            trace.fault = trace.fault or fault
            self._open[call] = trace
            if not fault:
                self._renew()
        try:
            yield
        finally:
            with self._guard:
                self._open.pop(call, None)
                if not self._open:
                    _noters.remove(self)

    def close(self) -> None:
        """Give the ids of the tools back."""
        with self._guard:
            self._is_closed = (
                True  # a call that ends after the run, as a stream does that is freed then, takes no tools
            )
            tools, self._tools = self._tools, []
            for tool in tools:
                _monitoring.set_events(tool, 0)
                for code, *_ in self._known.values() if tool == tools[1] else ():
                    _monitoring.set_local_events(tool, code, 0)
                _monitoring.register_callback(tool, _monitoring.events.PY_START, None)
                _monitoring.free_tool_id(tool)

    def _renew(self) -> None:
        """Let the functions be reported again that have run since the last call began."""
        reported, self._reported = self._reported, []
        if len(reported) > _MANY:
            _monitoring.restart_events()
            return
        for code in reported:
            _monitoring.set_local_events(self._tools[1], code, 0)
            _monitoring.set_local_events(self._tools[1], code, _monitoring.events.PY_START)

    def _fault(self) -> str:
        """Return why no functions can be noted now, or nothing."""
        if _monitoring is None:
            return f"Python {sys.version_info[0]}.{sys.version_info[1]}, which cannot report them"
        if self._is_closed:
            return "the run was over"
        if sys.getprofile() is not None:
            return "a profile function was set"
        if not self._tools:
            free = [one for one in _TOOL_IDS if _monitoring.get_tool(one) is None]
            if len(free) < len(callbacks := (self._found, self._ran)):
                return "sys.monitoring had no free tool id"
            self._tools = free[: len(callbacks)]
            for tool, callback in zip(self._tools, callbacks, strict=True):
                _monitoring.use_tool_id(tool, _TOOL)
                _monitoring.register_callback(tool, _monitoring.events.PY_START, callback)
            _monitoring.set_events(self._tools[0], _monitoring.events.PY_START)
        return ""

    # -- reports

    def _found(self, code: Any, _offset: int) -> object:
        """Take a function of the project over to the second tool. No function is reported again."""
        file = code.co_filename
        try:
            source = self._sources_by_file[file]
        except KeyError:
            source = self._sources_by_file[file] = self._sources.name_of_source(file)
        is_made = source is None and file[:1] == "<" and not file.startswith("<frozen")
        if (source is not None or is_made) and id(code) not in self._known:
            module = sys._getframe(1).f_globals.get("__name__") or ""
            name = code.co_qualname.partition(".<locals>")[0]
            if is_made:  # a method that a dataclass has made, for example: its class stands in the module
                file, name = getattr(sys.modules.get(module), "__file__", None) or "", ""
                source = self._sources.name_of_source(file)
            if name.rpartition(".")[2][:1] == "<":  # a lambda, which stands in its module
                name = ""
            self._known[id(code)] = code, source or "", f"{module}:{name}" if name else module
            _monitoring.set_local_events(self._tools[1], code, _monitoring.events.PY_START)
            if (trace := self._open.get(self._inside.get())) is not None:
                trace.codes.add(id(code))
        return _monitoring.DISABLE

    def _ran(self, code: CodeType, _offset: int) -> object:
        """Note a function of the project. What this returns decides whether it is reported again in this call."""
        trace = self._open.get(self._inside.get())
        if trace is not None:
            trace.codes.add(id(code))
        elif self._open:  # another thread or task
            return None
        if len(self._open) > 1:
            return None
        self._reported.append(code)
        return _monitoring.DISABLE

    def opened(self, path: object, mode: Any, flags: Any) -> None:
        trace = self._open.get(self._inside.get())
        if trace is None or not isinstance(path, str | bytes | os.PathLike):
            return
        is_read = not set(mode) & set("wax") if isinstance(mode, str) and mode else not flags & _WRITING
        if not is_read:
            return
        name = _absolute_path(os.fsdecode(path))
        if name in trace.files or (name.endswith(".py") and _is_source_read(sys._getframe(2))):
            return
        trace.files.add(name)

    # -- results

    def noted(self, trace: Trace) -> NotedInputs:
        """Return what was noted. The fingerprints are those of now, taken once for each file."""
        files = frozenset(path for path in trace.files if self._is_input(path))
        key = (frozenset(trace.codes), files, trace.fault, trace.own)
        if key not in self._texts:
            read, functions = self._listed(trace, files)
            self._texts[key] = NotedInputs(self._sources, read, functions)
        return self._texts[key]

    @outside_event_loop
    def _is_input(self, path: str) -> bool:
        """Check whether a file is one of the project, and was there before the run."""
        if path not in self._files:
            self._files[path] = self._sources.name_of_file(path)
        if self._files[path] is None:
            return False
        try:
            facts = os.stat(path)  # noqa: PTH116
        except OSError:
            return False
        return max(facts.st_mtime_ns, facts.st_ctime_ns) < self._started

    def _listed(self, trace: Trace, files: frozenset[str]) -> tuple[dict[str, str], Functions | str]:
        names = [name for path in files if (name := self._files[path]) is not None]
        read = {name: digest for name in names if (digest := self._sources.digest(name)) is not None}
        if trace.fault:
            return read, f"not noted: {trace.fault}"
        found = _Found(self._sources)
        own: Any = trace.own
        own_source = None if own is None else self._sources_by_file.get(own.co_filename)
        for key in trace.codes:
            code, source, name = self._known[key]
            module, _, function = name.partition(":")
            is_own = own is not None and (code.co_filename, function) == (own.co_filename, own.co_qualname)
            # What is made for a class in the target's module stands beside the target.
            is_beside = code.co_filename[:1] == "<" and source == own_source
            if source and not is_beside:
                found.add(source, module, function, is_own=is_own)
        return read, found.functions


class _Found:
    """The functions of a call with their fingerprints, and the modules whose constants and classes they use."""

    def __init__(self, sources: ProjectSources) -> None:
        self.functions: Functions = {}
        self._sources = sources
        self._followed: set[tuple[str, frozenset[str]]] = set()

    def add(self, source: str, module: str, function: str, *, is_own: bool) -> None:
        """Add a function of a module; without one, what stands outside of functions. That of the target is apart."""
        file = self._sources.file(source, module)
        if is_own:
            if file.uses.get(function, set()) & file.constants:
                self._add(source, module, "")
        else:
            self._add(source, module, "")
            if function in file.functions:
                self._add(source, module, function)
        self._follow(source, module, file.uses.get(function, set()))

    def _add(self, source: str, module: str, function: str) -> None:
        digest, now = self._sources.digest(source, module), self._sources.file(source, module).functions
        if digest is None or function not in now:
            return
        noted = self.functions.setdefault(source, {"": digest})
        noted[f"{module}:{function}" if function else module] = now[function]

    def _follow(self, source: str, module: str, used: set[str]) -> None:
        """Add the modules from which a module imports the names that are used, but for functions: these are noted when they run."""
        file = self._sources.file(source, module)
        is_noted = module in self.functions.get(source, ())
        used = used | file.uses.get("", set()) if is_noted else used
        key = source, frozenset(used & file.imports.keys() | ({"*"} & file.imports.keys()))
        if key in self._followed:
            return
        self._followed.add(key)
        for bound in key[1]:
            origin, name = file.imports[bound]
            origin = _absolute(origin, module)
            is_module = not name or f"{origin}.{name}" in sys.modules
            other = f"{origin}.{name}" if name and is_module else origin
            place = getattr(sys.modules.get(other), "__file__", None)
            place = self._sources.name_of_source(place) if place is not None else None
            if place is None:
                continue
            wanted = used if is_module or name == "*" else {name}
            wanted = wanted & self._sources.file(place, other).bound
            if wanted:
                self._add(place, other, "")
                self._follow(place, other, wanted)


def _absolute(module: str, importer: str) -> str:
    """Return the name of a module that another one imports, perhaps relative to its package."""
    level = len(module) - len(module.lstrip("."))
    if not level:
        return module
    package = str(getattr(sys.modules.get(importer), "__package__", None) or importer)
    steps = package.split(".")
    base = ".".join(steps[: len(steps) - level + 1])
    return f"{base}.{module[level:]}".strip(".")


# Tools that look for blocking calls take it for one.
_absolute_path = outside_event_loop(os.path.abspath)


def _is_source_read(frame: FrameType | None) -> bool:
    """Check whether a source file is opened only to import it or to show its lines, as a traceback does."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_READERS[0]) or file.endswith(_READERS[1:]):
            return True
        frame = frame.f_back
    return False


def _audit(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and _noters:
        for noter in tuple(_noters):
            try:
                noter.opened(*args)
            except Exception:
                pass
