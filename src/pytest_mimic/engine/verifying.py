"""Compares a real outcome with the recorded one: what drifted, what may differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice, product
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, unquote

from pytest_mimic.engine.calls import SameBodies
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import NO_OPTIONS, Options
from pytest_mimic.values.outcome import by_value
from pytest_mimic.values.tree import (
    Path,
    Tree,
    below,
    ordered_digest_of,
    parts,
    paths_of,
    steps_of,
    without,
)
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.recording import MALFORMED, Entry

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference, Rules
    from pytest_mimic.values.places import Places

# A whole segment of the path of a URL, or a whole parameter.
_SEGMENT = r"(?<=[/=])[^/?&=]+"
# What is shorter stands in other words, too.
_SHORTEST_WITHIN = 8
_MOST_CANDIDATES = 200

Value: TypeAlias = "str | int"


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


def is_equal(
    old: Entry,
    new: Entry,
    options: Options = NO_OPTIONS,
    same_bodies: SameBodies | None = None,
) -> bool:
    """Whether a new outcome says the same as a recorded one, volatile parts apart."""
    if (old.end, old.layers) != (new.end, new.layers):
        return False
    if by_value({**old.after}) != by_value({**new.after}):
        return False
    if new.end == "empty":
        return True
    volatile, bodies = paths_of(options.volatile), (old.body, new.body)
    try:
        if same_bodies is not None:
            return same_bodies(*bodies, options)
        one, other = deeply(lambda: [_digest_of(body, volatile) for body in bodies])
    except (MimicError, *MALFORMED):
        return False  # An object of the old one is gone, or it was edited.
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


# -- where the outcome of a function differs


def differences_of(
    recorded: dict[str, Any],
    real: dict[str, Any],
    load: Callable[[Tree], object],
    options: Options,
    places: Places,
    *,
    is_read_alike: bool = True,
) -> list[Difference]:
    """Return where a real outcome differs from the recorded one.

    Args:
        recorded: What the recorded call gave: one of `value`, `raised` and `items`.
        real: What the real call gave.
        load: Makes the value of a stored part.
        options: Those of the line.
        places: The paths that the arguments name.
        is_read_alike: Whether both are awaited and iterated in the same way.
    """
    if not is_read_alike:
        return [_of_another_kind(recorded, real)]
    from pytest_mimic.values.differences import outcome_differences  # only to verify

    rules = rules_of(options)
    if "items" in recorded and "items" in real:
        items = [load(item) for item in recorded["items"]]
        items_now = [load(item) for item in real["items"]]
        found = outcome_differences(items, items_now, rules, places, step="items")
        if found:
            return found
    if recorded.keys() != real.keys():
        return [_of_another_kind(recorded, real)]
    if "last" in recorded:
        return differences_of(recorded["last"], real["last"], load, options, places)
    if "items" in recorded:
        return []
    [old], [new] = recorded.values(), real.values()
    return outcome_differences(load(old), load(new), rules, places)


def state_differences(
    recorded: dict[Any, Any], real: dict[Any, Any], options: Options, places: Places
) -> list[Difference]:
    """Return where the states of arguments after a call differ, by part."""
    from pytest_mimic.values.differences import outcome_differences  # only to verify

    rules = rules_of(options)
    volatile = list(rules.volatile)
    for name in recorded.keys() | real.keys():
        steps = steps_of(name)
        for path in rules.volatile:
            if path[: len(steps)] == steps:
                volatile.append((name, *path[len(steps) :]))
    rules = rules._replace(volatile=tuple(volatile))
    return outcome_differences(recorded, real, rules, places)


def _of_another_kind(recorded: dict[str, Any], real: dict[str, Any]) -> Difference:
    from pytest_mimic.values.differences import MISSING, Difference  # only a drift

    fact = f"{_told(recorded)} when recorded, {_told(real)} now"
    return Difference((), MISSING, MISSING, fact)


def _told(body: dict[str, Any]) -> str:
    """Say how a call has ended: `returned 'tea'`, `gave 2 items, raised ...`."""
    from pytest_mimic.values.drawing import line  # only a drift draws

    words = []
    for key, tree in body.items():
        if key == "items":
            words.append(f"gave {len(tree)} item{'s' * (len(tree) != 1)}")
        elif key == "last":
            words.append(_told(tree))
        else:
            words.append(f"{'returned' if key == 'value' else 'raised'} {line(tree)}")
    return ", ".join(words)


# -- what stands at volatile paths


class RealValues:
    """The real values that a caller gets, with the recorded ones of their places."""

    def __init__(self) -> None:
        self._recorded: dict[str, list[Value]] = {}

    @classmethod
    def together(cls, several: Iterable[RealValues]) -> RealValues:
        """Give those of several owners, the first come first."""
        together = cls()
        for one in several:
            for real, recorded in one._recorded.items():
                together._recorded.setdefault(real, []).extend(recorded)
        return together

    def note(self, recorded: Any, real: Any, paths: Sequence[Path]) -> Any:
        """Give a recorded outcome with the real values at its volatile paths.

        Later requests of the owner that hold these values are then found again.
        """
        if () in paths:
            self._note_all(recorded, real)
            return real
        if isinstance(recorded, dict) and isinstance(real, dict) and paths:
            mixed = dict(recorded)
            for key in recorded.keys() & real.keys():
                # A tag is no step of a path.
                deeper = paths if key.startswith("$") else below(paths, key)
                mixed[key] = self.note(recorded[key], real[key], deeper)
            return mixed
        if isinstance(recorded, list) and isinstance(real, list) and paths:
            items = list(recorded)
            for index, pair in enumerate(zip(recorded, real, strict=False)):
                items[index] = self.note(*pair, below(paths, str(index)))
            return items
        return recorded

    def _note_all(self, recorded: Tree, real: Tree) -> None:
        """Note each text and number below a path, where both have one."""
        if isinstance(recorded, (str, int)) and isinstance(real, (str, int)):
            found = self._recorded.setdefault(str(real), [])
            if recorded not in found:
                found.append(recorded)
        elif type(recorded) is type(real):
            theirs = dict(parts(real))
            for step, part in parts(recorded):
                if step in theirs:
                    self._note_all(part, theirs[step])

    def in_place(self, tree: Any) -> Any:
        """Give a tree with the recorded values in place of real ones."""
        return next(self.candidates(tree), tree)

    def candidates(self, request: Tree) -> Iterator[Tree]:
        """Give a request with recorded values in place of real ones, in each order.

        Two real values may be equal where the recorded ones are not.
        """
        if not self._recorded:
            return

        places: list[list[Value]] = []

        def note(values: list[Value]) -> Value:
            places.append(values)
            return values[0]

        deeply(lambda: self._replaced(request, note))
        longest = max(map(len, places), default=0)
        alike = (
            [_one_of(values, number) for values in places] for number in range(longest)
        )
        for choice in islice(chain(alike, product(*places)), _MOST_CANDIDATES):
            choose = partial(_next_of, iter(choice))
            candidate = deeply(partial(self._replaced, request, choose))
            if candidate != request:
                yield candidate

    def _replaced(self, part: Tree, choose: Callable[[list[Value]], Value]) -> Tree:
        """Give a part with one of the recorded values in place of each real one."""
        if isinstance(part, list):
            return [self._replaced(below, choose) for below in part]
        if isinstance(part, dict):
            found = {key: self._replaced(part[key], choose) for key in part}
            url = part.get("url")
            if isinstance(url, str):
                found["url"] = re.sub(
                    _SEGMENT, lambda segment: self._in_segment(segment[0], choose), url
                )
            return found
        if isinstance(part, (str, int)) and not isinstance(part, bool):
            return self._recorded_for(part, choose)
        return part

    def _recorded_for(
        self, real: Value, choose: Callable[[list[Value]], Value]
    ) -> Value:
        found = self._recorded.get(str(real))
        if found is None and isinstance(real, str):
            found = self._texts_for(real)
        if not found:
            return real
        recorded = choose(found)
        return str(recorded) if isinstance(real, str) else recorded

    def _texts_for(self, text: str) -> list[Value]:
        """Give a text, such as a prompt, with recorded texts in place of real ones."""
        inside = [
            real
            for real in self._recorded
            if len(real) >= _SHORTEST_WITHIN and real in text
        ]
        longest = max((len(self._recorded[real]) for real in inside), default=0)
        texts: list[Value] = []
        for number in range(longest):
            changed = text
            for real in inside:
                recorded = _one_of(self._recorded[real], number)
                changed = changed.replace(real, str(recorded))
            texts.append(changed)
        return texts

    def _in_segment(self, segment: str, choose: Callable[[list[Value]], Value]) -> str:
        plain = unquote(segment)
        recorded = self._recorded_for(plain, choose)
        return segment if recorded == plain else quote(str(recorded), safe="")


def _one_of(values: Sequence[Value], number: int) -> Value:
    return values[min(number, len(values) - 1)]


def _next_of(choice: Iterator[Value], _: list[Value]) -> Value:
    return next(choice)
