"""A profile, grouped by our packages."""

from __future__ import annotations

import pstats
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

# The path of the file, the number of the line, and the name of a function. A function
# written in C has the path `~`.
_Function = tuple[str, int, str]
_IN_C = "~"


def grouped(file: Path, *, top: int = 12) -> str:
    """Return the shares of the groups and functions that took longest.

    They stand in three tables in Markdown, each of at most `top` lines. A group is a
    package of ours, another library, or the standard library. The time of a function
    written in C counts for the group of its caller.
    """
    profile: Any = pstats.Stats(str(file))
    statistics: dict[_Function, Any] = profile.stats
    # Seconds, by the name of the group or the function.
    groups: dict[str, float] = defaultdict(float)
    functions: dict[str, float] = defaultdict(float)
    ours_with_callees: dict[str, float] = {}
    for function, (_, _, own, with_callees, callers) in statistics.items():
        path = function[0]
        if _group(path).startswith("`"):
            ours_with_callees[_name(function)] = with_callees
        if path != _IN_C:
            groups[_group(path)] += own
            functions[_name(function)] += own
            continue
        for caller, (_, _, own_by_caller, _) in callers.items():
            groups[_group(caller[0])] += own_by_caller
            functions[_name(caller)] += own_by_caller
    total = sum(groups.values()) or 1
    lines = ["The times of functions written in C are part of their callers'.\n"]
    lines.append("| group | share |\n|---|---:|")
    for name, seconds in _largest(groups, top):
        lines.append(f"| {name} | {seconds / total:.0%} |")
    lines.append("\n| function | share |\n|---|---:|")
    for name, seconds in _largest(functions, top):
        lines.append(f"| `{name}` | {seconds / total:.0%} |")
    lines.append("\n| function of ours, with what it calls | share |\n|---|---:|")
    for name, seconds in _largest(ours_with_callees, top):
        lines.append(f"| `{name}` | {seconds / total:.0%} |")
    return "\n".join(lines) + "\n"


def _largest(seconds_by_name: dict[str, float], top: int) -> list[tuple[str, float]]:
    """Return the names with the most seconds, the most first."""
    longest_first = sorted(seconds_by_name.items(), key=_seconds_of, reverse=True)
    return longest_first[:top]


def _seconds_of(name_and_seconds: tuple[str, float]) -> float:
    return name_and_seconds[1]


def _group(path: str) -> str:
    """Return the group of a function by the path of its file.

    | path | group |
    |---|---|
    | `…/pytest_mimic/vault/folder.py` | `vault`, in backticks |
    | `…/site-packages/_pytest/runner.py` | pytest |
    | `…/site-packages/numpy/random/__init__.py` | numpy |
    | `<frozen importlib._bootstrap>` | importing |
    | `…/bench/inside/steps.py` | the measured loop |
    | any other | standard library |
    """
    _, package_of_ours, path_inside = path.rpartition("/pytest_mimic/")
    if package_of_ours:
        folder = path_inside.rpartition("/")[0]
        # A module directly in the package is a group of its own.
        return f"`{folder or path_inside}`"
    parts = Path(path).parts
    if "site-packages" in parts:
        package = parts[parts.index("site-packages") + 1].removesuffix(".py")
        if package in ("_pytest", "pluggy", "pytest"):
            return "pytest"
        return package
    if path.startswith("<frozen importlib"):
        return "importing"
    if "inside" in parts:
        return "the measured loop"
    return "standard library"


def _name(function: _Function) -> str:
    """Return the end of the path and the name of a function: `vault/folder.py:read`.

    A function of ours has one folder more.
    """
    path, _, name = function
    if path == _IN_C:
        return "built-in"
    parts = Path(path).parts
    shown = parts[-3:] if "pytest_mimic" in parts else parts[-2:]
    without_brackets = re.sub("[<>]", "", "/".join(shown))
    return f"{without_brackets}:{re.sub('[<>]', '', name)}"
