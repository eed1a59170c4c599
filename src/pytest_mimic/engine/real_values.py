"""What stands at volatile paths while verifying, and what was recorded there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote

from pytest_mimic.values.tree import Path, Tree, parts

# A whole segment of the path of a URL, or a whole parameter.
_SEGMENT = r"(?<=[/=])[^/?&=]+"


class RealValues:
    """The real values that a caller gets, with the recorded ones of their places."""

    def __init__(self) -> None:
        self._recorded: dict[str, list[str | int]] = {}

    def note(self, recorded: Tree, real: Tree, volatile: Sequence[Path]) -> Tree:
        """Give a recorded outcome with the real values at its volatile paths."""
        return self._mixed(recorded, real, tuple(volatile))

    def _mixed(self, recorded: Tree, real: Tree, paths: tuple[Path, ...]) -> Tree:
        if () in paths:
            self._note_all(recorded, real)
            return real
        if isinstance(recorded, dict) and isinstance(real, dict) and paths:
            mixed = dict(recorded)
            for key in recorded.keys() & real.keys():
                deeper = _below(paths, key)
                mixed[key] = self._mixed(recorded[key], real[key], deeper)
            return mixed
        if isinstance(recorded, list) and isinstance(real, list) and paths:
            items = list(recorded)
            for index, pair in enumerate(zip(recorded, real, strict=False)):
                items[index] = self._mixed(*pair, _below(paths, str(index)))
            return items
        return recorded

    def _note_all(self, recorded: Tree, real: Tree) -> None:
        """Note each text and number below a path, where both have one."""
        if isinstance(recorded, (str, int)) and isinstance(real, (str, int)):
            found = self._recorded.setdefault(str(real), [])
            if recorded != real and recorded not in found:
                found.append(recorded)
        elif type(recorded) is type(real):
            theirs = dict(parts(real))
            for step, part in parts(recorded):
                if step in theirs:
                    self._note_all(part, theirs[step])

    def candidates(self, request: Tree) -> Iterator[Tree]:
        """Give a request with recorded values in place of real ones, in each order."""
        count = max(map(len, self._recorded.values()), default=0)
        for number in range(count):
            candidate = self._with_recorded(request, number)
            if candidate != request:
                yield candidate

    def _with_recorded(self, part: Tree, number: int) -> Tree:
        if isinstance(part, list):
            return [self._with_recorded(below, number) for below in part]
        if isinstance(part, dict):
            found = {key: self._with_recorded(part[key], number) for key in part}
            url = part.get("url")
            if isinstance(url, str):
                found["url"] = re.sub(
                    _SEGMENT, lambda segment: self._in_segment(segment[0], number), url
                )
            return found
        if isinstance(part, (str, int)) and not isinstance(part, bool):
            return self._recorded_for(part, number)
        return part

    def _recorded_for(self, real: str | int, number: int) -> str | int:
        found = self._recorded.get(str(real))
        if not found:
            return real
        recorded = found[min(number, len(found) - 1)]
        return str(recorded) if isinstance(real, str) else recorded

    def _in_segment(self, segment: str, number: int) -> str:
        plain = unquote(segment)
        recorded = self._recorded_for(plain, number)
        return segment if recorded == plain else quote(str(recorded), safe="")


def _below(paths: tuple[Path, ...], step: str) -> tuple[Path, ...]:
    """Give what remains of the paths that lead through a step; a tag is none."""
    if step.startswith("$"):
        return paths
    return tuple(path[1:] for path in paths if path and path[0] in (step, "*"))
