"""Compares a real outcome with the recorded one, and says what has drifted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from pytest_mimic.engine.calls import SameBodies
from pytest_mimic.patch.targets import Options
from pytest_mimic.values.outcome import by_value
from pytest_mimic.values.tree import Path, Tree, ordered_digest_of, parts, without
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.recording import Entry

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Rules


def rules_of(options: Options) -> Rules:
    """Give the rules by which a line compares."""
    # A replay compares nothing.
    from pytest_mimic.values.differences import Rules

    return Rules(
        rtol=options.rtol,
        atol=options.atol,
        shape=options.compare == "shape",
        volatile=paths_of(options.volatile),
    )


def paths_of(written: Sequence[str]) -> tuple[Path, ...]:
    """Give paths as a tree has them: `rows.*.id` as `("rows", "*", "id")`."""
    return tuple(tuple(path.split(".")) for path in written)


def is_equal(
    old: Entry,
    new: Entry,
    options: Options | None = None,
    same_bodies: SameBodies | None = None,
) -> bool:
    """Whether a new outcome says the same as a recorded one, volatile parts apart."""
    if (old.end, old.layers, old.after) != (new.end, new.layers, new.after):
        return False
    if new.end == "empty":
        return True
    if same_bodies is not None:
        return same_bodies(old.body, new.body)
    volatile = paths_of(options.volatile) if options is not None else ()
    bodies = old.body, new.body
    one, other = deeply(lambda: [_digest_of(body, volatile) for body in bodies])
    return one == other


def _digest_of(body: dict[str, Tree], volatile: Sequence[Path]) -> str:
    """Give the digest of what counts of an outcome: types and the order of keys do."""
    paths: list[Path] = []
    for path in volatile:
        # A path begins in the value, in an item, in an exception or behind its class.
        paths += [path, ("items", "*", *path), ("raised", *path[1:])]
        paths += [(key, *path) for key in ("value", "raised", "answer")]
    counted = without(body, [path for path in paths if len(path) > 1])
    return ordered_digest_of(by_value(counted))


# -- volatile parts, which the caller gets as they really are


class RealValues:
    """What stood at volatile paths in this run, and what was recorded there."""

    def __init__(self) -> None:
        self._recorded: dict[str, list[str | int]] = {}

    def note(self, recorded: Tree, real: Tree, volatile: Sequence[Path]) -> Tree:
        """Give a recorded outcome with the real values at its volatile paths."""
        return self._mixed(recorded, real, tuple(volatile))

    def _mixed(self, recorded: Tree, real: Tree, paths: tuple[Path, ...]) -> Tree:
        if () in paths:
            self._note_all(recorded, real)
            return real
        if not paths or type(recorded) is not type(real):
            return recorded
        if isinstance(recorded, dict) and isinstance(real, dict):
            return {
                key: self._mixed(part, real[key], _below(paths, key))
                if key in real
                else part
                for key, part in recorded.items()
            }
        if isinstance(recorded, list) and isinstance(real, list):
            mixed = [
                self._mixed(part, real[index], _below(paths, str(index)))
                for index, part in enumerate(recorded[: len(real)])
            ]
            return [*mixed, *recorded[len(real) :]]
        return recorded

    def _note_all(self, recorded: Tree, real: Tree) -> None:
        """Note each text and number below a path, where both have one."""
        if isinstance(recorded, (str, int)) and isinstance(real, (str, int)):
            if recorded != real:
                found = self._recorded.setdefault(str(real), [])
                if recorded not in found:
                    found.append(recorded)
        elif type(recorded) is type(real):
            theirs = dict(parts(real))
            for step, part in parts(recorded):
                if step in theirs:
                    self._note_all(part, theirs[step])

    def candidates(self, request: Tree) -> Iterator[Tree]:
        """Give a request with recorded values in place of real ones, in each order."""
        if not self._recorded:
            return
        count = max(len(found) for found in self._recorded.values())
        for number in range(count):
            candidate = self._with_recorded(request, number)
            if candidate != request:
                yield candidate

    def _with_recorded(self, part: Tree, number: int) -> Tree:
        if isinstance(part, dict):
            return {
                key: self._in_url(below, number)
                if key == "url" and isinstance(below, str)
                else self._with_recorded(below, number)
                for key, below in part.items()
            }
        if isinstance(part, list):
            return [self._with_recorded(below, number) for below in part]
        if isinstance(part, (str, int)) and not isinstance(part, bool):
            return self._recorded_for(part, number)
        return part

    def _recorded_for(self, real: str | int, number: int) -> str | int:
        found = self._recorded.get(str(real))
        if not found:
            return real
        recorded = found[min(number, len(found) - 1)]
        return str(recorded) if isinstance(real, str) else recorded

    def _in_url(self, url: str, number: int) -> str:
        """Replace whole segments of the path and whole parameters."""
        address, mark, query = url.partition("?")
        segments = [self._in_segment(part, number) for part in address.split("/")]
        parameters = []
        for parameter in query.split("&"):
            name, equals, value = parameter.partition("=")
            parameters.append(f"{name}{equals}{self._in_segment(value, number)}")
        return f"{'/'.join(segments)}{mark}{'&'.join(parameters)}"

    def _in_segment(self, segment: str, number: int) -> str:
        plain = unquote(segment)
        recorded = self._recorded_for(plain, number)
        return segment if recorded == plain else quote(str(recorded), safe="")


def _below(paths: tuple[Path, ...], step: str) -> tuple[Path, ...]:
    """Give what remains of the paths that lead through a step; a tag is none."""
    if step.startswith("$"):
        return paths
    return tuple(path[1:] for path in paths if path and path[0] in (step, "*"))
