"""The modules of this process that a run in it does without.

A run searches all modules for the holders of the functions that it patches. This
process has thousands of modules, of libraries that most projects do not use.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, requires

# Libraries that a run has in any case: pytest with its plugins and what they import,
# and pytest-mimic with what it is built on.
KEPT = {
    "_pytest",
    "anyio",
    "backports",
    "cloudpickle",
    "exceptiongroup",
    "execnet",
    "filelock",
    "iniconfig",
    "packaging",
    "pluggy",
    "py",
    "pygments",
    "pytest",
    "pytest_asyncio",
    "pytest_mimic",
    "pytest_rerunfailures",
    "pytest_socket",
    "tomli",
    "typing_extensions",
    "xdist",
    "xxhash",
    "zstandard",
}
# Lines of `mimic_functions` that name clients, but no library.
CLIENTS = {"http", "sql"}
# Clients of HTTP need what their distributions require, and no more.
OF_HTTP = {"aiohttp", "httpx", "httpx2", "requests", "urllib3"}
# Libraries of many modules and classes that no other library needs. A project that
# names other libraries does without them.
LARGE = {
    "hypothesis",
    "mcp",
    "mcp_types",
    "pandas",
    "playwright",
    "polars",
    "scipy",
    "sqlalchemy",
}


def modules_of_unused_libraries(texts: Iterable[str]) -> list[str]:
    """Return the modules of libraries that no run needs of a project, given its texts.

    They are those of all libraries if the project names none, and those that none of
    its clients of HTTP requires if it names no others. Which libraries another one needs
    is not known: then the run has all of them, but for large ones that the project does
    not name.
    """
    modules_of = _modules_by_library(len(sys.modules))
    words: set[str] = set()
    for text in texts:
        words.update(re.findall(r"\w+", text))
    libraries = set(modules_of)
    named = words & (libraries | CLIENTS)
    if named <= OF_HTTP | {"http"}:
        libraries -= _required_by(frozenset(named))
    else:
        libraries &= LARGE - words
    unused: list[str] = []
    for library in libraries:
        unused += modules_of[library]
    return unused


def modules_of_tests() -> list[str]:
    """Return this suite's modules with tests.

    One could have the name of a module of the project.
    """
    return [name for name in sys.modules if name.rpartition(".")[2].startswith("test_")]


@cache
def _required_by(libraries: frozenset[str]) -> set[str]:
    """Return these libraries, and those that their distributions require."""
    # `packages_distributions` of Python 3.10 knows those with a `top_level.txt` alone.
    names_of = {
        _plain(one.metadata["Name"]): {
            path.parts[0].partition(".")[0] for path in one.files or ()
        }
        for one in distributions()
    }
    found, pending = set(libraries), [_plain(name) for name in libraries]
    seen: set[str] = set()
    while pending:
        distribution = pending.pop()
        if distribution in seen:
            continue
        seen.add(distribution)
        found.update(names_of.get(distribution, ()))
        try:
            needed = requires(distribution) or []
        except PackageNotFoundError:
            continue
        for requirement in needed:
            name, _, marker = requirement.partition(";")
            if "extra" not in marker:
                pending.append(_plain(re.split(r"[^\w.-]", name)[0]))
    return found


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@cache
def _modules_by_library(count: int) -> dict[str, list[str]]:
    """Return the modules of each library, if so many are imported.

    A test may import more.
    """
    found: dict[str, list[str]] = {}
    for name, module in sys.modules.items():
        library = name.partition(".")[0]
        if library not in KEPT and _is_installed(module):
            found.setdefault(library, []).append(name)
    return found


def _is_installed(module: object) -> bool:
    places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
    return any("/site-packages/" in str(place) for place in places)
