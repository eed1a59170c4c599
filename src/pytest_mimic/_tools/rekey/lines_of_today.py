"""Finds the line of `mimic_functions` that takes a recorded call today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from pytest_mimic._core.seam.registry import kind_of_client, names_client
from pytest_mimic._core.target_options import Options, kept_options
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.targets.target import Target

# The line of all HTTP clients. The own lines of a client come before it.
_CLIENT_OF_ALL_HTTP = "http"


class Line(NamedTuple):
    """The line that takes a call today.

    Attributes:
        name: What the line names: `shop.api:*`, `http`.
        options: The options of the line that identify calls, as a recording keeps them.
        volatile: The paths in outcomes that verifying leaves out.
    """

    name: str
    options: dict[str, Any]
    volatile: tuple[str, ...]


def lines_for(
    targets: Sequence[Target],
    recorded_target: str,
    signature: str,
    host: str | None,
    *,
    name_in_line: str = "",
) -> list[Line]:
    """Return the line that takes the calls of a recording, or none.

    Args:
        targets: The lines of today.
        recorded_target: The target of the recording.
        signature: The signature of the recorded call, for patterns: `GET /users/1`.
        host: The host that the call went to, for patterns. None: the call has no host.
        name_in_line: What the line named when the call was recorded, if that is another
            name of the function than the target.

    Returns:
        Several lines only where clients of one kind have their own lines, and these
        identify calls differently: a recording does not say which client made it.
    """
    if not names_client(recorded_target):
        target = _line_of_function(targets, name_in_line or recorded_target)
        if target is None:
            return []
        return [_as_line(target)]
    different_lines: list[Line] = []
    for target in _lines_of_today_for_clients(
        targets, recorded_target, signature, host
    ):
        line = _as_line(target)
        if all(line.options != other.options for other in different_lines):
            different_lines.append(line)
    return different_lines


def _as_line(target: Target) -> Line:
    """Return the line that a target was written in, as a recording keeps it."""
    options: Options = target.options
    return Line(target.name, kept_options(options), options.volatile)


def _line_of_function(targets: Iterable[Target], name: str) -> Target | None:
    """Return the line that decides about a function.

    A wildcard gives way, and the last line that names or excludes the function decides.
    This is the rule of `Covering.rank`, by which a run finds the line of a call.

    None: no line takes the function.
    """
    deciding_line: Target | None = None
    for target in targets:
        if target.is_client or not _takes_recorded_function(target, name):
            continue
        is_decided = deciding_line is not None and not _is_wildcard(deciding_line)
        if is_decided and _is_wildcard(target):
            continue
        deciding_line = target
    if deciding_line is None or deciding_line.excluded:
        return None
    return deciding_line


def _is_wildcard(target: Target) -> bool:
    """Return whether a line names all functions of a module or class by a `*`."""
    return target.path[-1] == "*" and not target.excluded


def _takes_recorded_function(target: Target, recorded_name: str) -> bool:
    """Return whether a line names a recorded function, by name or by a wildcard."""
    if target.name == recorded_name:
        return True
    holder, _, function = recorded_name.replace(":", ".").rpartition(".")
    # A wildcard names public functions alone.
    if target.path[-1] != "*" or function.startswith("_"):
        return False
    own_holder = target.name.replace(":", ".").removesuffix(".*")
    is_same_place = recorded_name.count(":") == 1 and fnmatchcase(holder, own_holder)
    return is_same_place and recorded_name.startswith(f"{target.module}:")


def _lines_of_today_for_clients(
    targets: Iterable[Target], kind: str, signature: str, host: str | None
) -> list[Target]:
    """Return the line of each client of this kind that takes a call.

    Of several lines for one client the first that takes the call is its line. A
    client's own lines come before those for all clients of its kind.
    """
    lines_by_client: dict[str, list[Target]] = {}
    for target in targets:
        if target.is_client and kind_of_client(target.module) == kind:
            lines_by_client.setdefault(target.module, []).append(target)
    lines_of_all = lines_by_client.get(_CLIENT_OF_ALL_HTTP, [])
    taking_lines: list[Target] = []
    for client, lines in lines_by_client.items():
        if client != _CLIENT_OF_ALL_HTTP:
            lines = [*lines, *lines_of_all]
        line = _first_line_that_takes(lines, signature, host)
        if line is not None:
            taking_lines.append(line)
    return taking_lines


def _first_line_that_takes(
    targets: Iterable[Target], signature: str, host: str | None
) -> Target | None:
    """Return the first line whose `only=` and `exclude=` take a call, or None."""
    for target in targets:
        options = target.options
        selector = Selector(options.only, options.exclude)
        if selector.takes(signature, host):
            return target
    return None
