"""A profile, grouped by our packages."""

from __future__ import annotations

import pstats
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

Function = tuple[str, int, str]


def grouped(file: Path, *, top: int = 12) -> str:
    """Return the share of each group and of the functions that took longest, as tables in Markdown.

    A group is a package of ours, another library, or the standard library. The time of
    a function written in C counts
    for the group of its caller.
    """
    statistics: dict[Function, Any] = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    groups: dict[str, float] = defaultdict(float)
    own: dict[str, float] = defaultdict(float)
    for function, (_, _, seconds, _, callers) in statistics.items():
        if function[0] != "~":
            groups[_group(function[0])] += seconds
            own[_name(function)] += seconds
            continue
        for caller, (_, _, part, _) in callers.items():
            groups[_group(caller[0])] += part
            own[_name(caller)] += part
    whole = {
        _name(function): seconds
        for function, (_, _, _, seconds, _) in statistics.items()
        if _group(function[0]).startswith("`")
    }
    total = sum(groups.values()) or 1
    lines = [
        "The times of functions written in C are part of their callers'.\n",
        "| group | share |\n|---|---:|",
        *(
            f"| {name} | {seconds / total:.0%} |"
            for name, seconds in _largest(groups, top)
        ),
        "\n| function | share |\n|---|---:|",
        *(
            f"| `{name}` | {seconds / total:.0%} |"
            for name, seconds in _largest(own, top)
        ),
        "\n| function of ours, with what it calls | share |\n|---|---:|",
        *(
            f"| `{name}` | {seconds / total:.0%} |"
            for name, seconds in _largest(whole, top)
        ),
    ]
    return "\n".join(lines) + "\n"


def _largest(seconds: dict[str, float], top: int) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])[:top]


def _group(path: str) -> str:
    parts = Path(path).parts
    if "pytest_mimic" in parts:
        inner = parts[len(parts) - parts[::-1].index("pytest_mimic") :]
        return "`" + "/".join(inner[:-1] or inner) + "`"
    if "site-packages" in parts:
        package = parts[parts.index("site-packages") + 1].removesuffix(".py")
        return "pytest" if package in ("_pytest", "pluggy", "pytest") else package
    if path.startswith("<frozen importlib"):
        return "importing"
    return "the measured loop" if "inside" in parts else "standard library"


def _name(function: Function) -> str:
    path, _, name = function
    if path == "~":
        return "built-in"
    parts = Path(path).parts
    short = "/".join(parts[-3:] if "pytest_mimic" in parts else parts[-2:])
    return f"{re.sub('[<>]', '', short)}:{re.sub('[<>]', '', name)}"
