"""The modules of this process that a run in it does without.

A run searches all modules for the holders of the functions that it patches. This
process has thousands of modules, of libraries that most projects do not use.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache

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

    They are those of all libraries if the project names none. Which libraries a named
    one needs is not known: then the run has all of them, but for large ones that the
    project does not name.
    """
    modules_of = _modules_by_library(len(sys.modules))
    words: set[str] = set()
    for text in texts:
        words.update(re.findall(r"\w+", text))
    libraries = set(modules_of)
    if not words.isdisjoint(libraries | CLIENTS):
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
