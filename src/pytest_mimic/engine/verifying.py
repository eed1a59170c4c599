"""Compares a real outcome with the recorded outcome: what drifted, what may differ."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, count, islice, product
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard
from urllib.parse import quote, unquote

from pytest_mimic.engine.calls import Call, SameBodies
from pytest_mimic.errors import MimicError
from pytest_mimic.patch.targets import NO_OPTIONS, Options
from pytest_mimic.values.outcome import by_value
from pytest_mimic.values.tree import (
    Path,
    Tree,
    below,
    ordered_digest_of,
    paths_of,
    shown_path,
    steps_of,
    without,
)
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.recording import MALFORMED, Entry
from pytest_mimic.words import plural

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference, Rules
    from pytest_mimic.values.folders import Folders

# A whole segment of the path of a URL, or a whole parameter.
_SEGMENT = r"(?<=[/=])[^/?&=]+"
# What stands between them is no part of a word.
_START, _END = r"(?:(?<![^\W_])|(?=[\W_]))", r"(?:(?![^\W_])|(?<=[\W_]))"
# A shorter value may be another one by chance.
_SHORTEST_NAME = 8
_MOST_CANDIDATES = 200

# What a service gives to each thing that it makes. SQLAlchemy counts equal columns.
_ID = r"((^|_)o?[iI]d|[a-z](Id|ID)|[cC]ursor|[nN]once)(__\d+)?$"

Value: TypeAlias = "str | int | float"


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
    """Whether a new outcome says the same as the recorded, but for volatile parts."""
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
    folders: Folders,
    *,
    is_read_alike: bool = True,
) -> list[Difference]:
    """Return where a real outcome differs from the recorded outcome.

    Args:
        recorded: What the recorded call gave: one of `value`, `raised` and `items`.
        real: What the real call gave.
        load: Makes the value of a stored part.
        options: Those of the line.
        folders: The paths that the arguments name.
        is_read_alike: Whether both are awaited and iterated in the same way.
    """
    if not is_read_alike:
        return [_of_another_kind(recorded, real)]
    from pytest_mimic.values.differences import outcome_differences  # only to verify

    rules = rules_of(options)
    if "items" in recorded and "items" in real:
        items = [load(item) for item in recorded["items"]]
        items_now = [load(item) for item in real["items"]]
        found = outcome_differences(items, items_now, rules, folders, step="items")
        if found:
            return found
    if recorded.keys() != real.keys():
        return [_of_another_kind(recorded, real)]
    if "last" in recorded:
        return differences_of(recorded["last"], real["last"], load, options, folders)
    if "items" in recorded:
        return []
    [old], [new] = recorded.values(), real.values()
    return outcome_differences(load(old), load(new), rules, folders)


def state_differences(
    recorded: dict[Any, Any], real: dict[Any, Any], options: Options, folders: Folders
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
    return by_part(outcome_differences(recorded, real, rules, folders))


def by_part(differences: Iterable[Difference]) -> list[Difference]:
    """Give differences of states, whose names are paths, by the steps of these."""
    return [
        one._replace(steps=(*steps_of(one.steps[0]), *one.steps[1:]))
        for one in differences
    ]


def _of_another_kind(recorded: dict[str, Any], real: dict[str, Any]) -> Difference:
    from pytest_mimic.values.differences import MISSING, Difference  # only a drift

    fact = f"{_ending(recorded)} when recorded, {_ending(real)} now"
    return Difference((), MISSING, MISSING, fact)


def _ending(body: dict[str, Any]) -> str:
    """Say how a call has ended: `returned 'tea'`, `gave 2 items, raised ...`."""
    from pytest_mimic.values.drawing import one_line  # only a drift draws

    words = []
    for key, tree in body.items():
        if key == "items":
            words.append(f"gave {plural(len(tree), 'item')}")
        elif key == "last":
            words.append(_ending(tree))
        else:
            verb = "returned" if key == "value" else "raised"
            words.append(f"{verb} {one_line(tree)}")
    return ", ".join(words)


# -- which values are new in each run


class RealValues:
    """The real values at the paths of `volatile=`, with the recorded value of each.

    Args:
        several: Those of several owners: the first ones come first.
    """

    def __init__(self, several: Iterable[RealValues] = ()) -> None:
        self._recorded: dict[str, list[Value]] = defaultdict(list)
        self._real: dict[str, list[Value]] = defaultdict(list)
        self._all = [*several] or [self]

    def __bool__(self) -> bool:
        return any(one._recorded for one in self._all)

    def learn(self, recorded: Tree, real: Tree, paths: Sequence[Path]) -> None:
        """Note each text and number below the paths, where both have one.

        Of an address each segment and parameter is one. Later requests of the owner
        that hold these values are then found again.
        """
        is_whole = () in paths
        if is_whole and _is_value(recorded) and _is_value(real):
            self._note(recorded, real)
            for pair in _differing_segments(recorded, real):
                self._note(*pair)
        elif paths:
            theirs = _by_step(real)
            for step, part in _by_step(recorded).items():
                if step in theirs:
                    deeper = [()] if is_whole else _below(paths, step)
                    self.learn(part, theirs[step], deeper)

    def _note(self, recorded: Value, real: Value) -> None:
        known = self._recorded[str(real)]
        if recorded not in known:
            known.append(recorded)
            self._real[str(recorded)].append(real)

    def with_real_values(
        self, recorded: Tree, real: Tree, paths: Sequence[Path]
    ) -> Any:
        """Give a recorded outcome with real values.

        They stand at the volatile paths, and in place of recorded ones wherever these
        stand; of short ones only where the real outcome has them, too.
        """
        if () in paths:
            return real
        if _is_value(recorded):
            known = self.real_values_of(recorded)
            if real in known:
                return real
            return known[0] if known and _is_long(recorded) else recorded
        if not isinstance(recorded, (list, dict)):
            return recorded
        theirs = _by_step(real)
        parts = {
            step: self.with_real_values(
                part, theirs.get(step), _below(paths, step) if step in theirs else []
            )
            for step, part in _by_step(recorded).items()
        }
        return parts if isinstance(recorded, dict) else [*parts.values()]

    def real_values_of(self, recorded: object) -> list[Value]:
        """Give what a recorded value is in this run."""
        return _named(recorded, [one._real for one in self._all])

    def is_known(self, difference: Difference) -> bool:
        """Whether a part differs in a name alone whose real value is known.

        What is short may be another value: it is one under the name of an id.
        """
        old, step = difference.old, difference.steps[-1] if difference.steps else ""
        is_name = _is_long(old) or re.search(_ID, step) is not None
        return is_name and difference.new in self.real_values_of(old)

    def with_recorded_values(
        self, outcome: Tree, paths: Sequence[Path], key: str = ""
    ) -> Any:
        """Give an outcome with recorded values in place of real values.

        What is short may be another value: it is one at the volatile paths, and under
        the name of an id.
        """
        if isinstance(outcome, dict):
            return {
                key: self.with_recorded_values(part, _below(paths, key), key)
                for key, part in outcome.items()
            }
        if isinstance(outcome, list):
            return [
                self.with_recorded_values(part, _below(paths, "0"), key)
                for part in outcome
            ]
        is_id = () in paths or re.search(_ID, key) is not None
        found = self._recorded_of(outcome)
        if not found or not (is_id or _is_long(outcome)):
            return outcome
        return str(found[0]) if isinstance(outcome, str) else found[0]

    def request_as_recorded(self, request: Tree) -> Tree:
        """Give a request with recorded values in place of long real values."""

        def choose(real: Value) -> Value:
            found = self._recorded_of(real) if _is_long(real) else []
            return found[0] if found else real

        return deeply(lambda: with_values(request, choose)) if self else request

    def candidates(self, request: Tree) -> Iterator[Tree]:
        """Give a request with recorded in place of real values, in each way.

        Two real values may be equal where the recorded ones are not, and one may be no
        real value at all.
        """
        if not self:
            return
        possible: list[list[Value]] = []

        def collect(real: Value) -> Value:
            possible.append([*self._recorded_of(real), real])
            return real

        deeply(lambda: with_values(request, collect))
        for choice in islice(product(*possible), _MOST_CANDIDATES):
            candidate = deeply(partial(_with_choice, request, choice))
            if candidate != request:
                yield candidate

    def _recorded_of(self, real: object) -> list[Value]:
        return _named(real, [one._recorded for one in self._all])


def with_values(part: Tree, choose: Callable[[Value], Value]) -> Tree:
    """Give a part of a request with what is chosen in place of each value."""
    if isinstance(part, list):
        return [with_values(below, choose) for below in part]
    if isinstance(part, dict):
        found: dict[str, Tree] = {}
        for key, below in part.items():
            if key == "url" and isinstance(below, str):
                in_segment = partial(_in_segment, choose)
                found[key] = re.sub(_SEGMENT, in_segment, below)
            else:
                found[key] = with_values(below, choose)
        return found
    if not _is_value(part):
        return part
    chosen = choose(part)
    return str(chosen) if isinstance(part, str) else chosen


def _with_choice(request: Tree, choice: Iterable[Value]) -> Tree:
    """Give a request with chosen values in place of its own, one behind the other."""
    left = iter(choice)
    return with_values(request, lambda _: next(left))


def values_sent(request: Tree) -> set[str]:
    """Give the values that a request holds: whole ones, segments and parameters."""
    found: set[str] = set()

    def collect(value: Value) -> Value:
        found.add(str(value))
        return value

    deeply(lambda: with_values(request, collect))
    return found


def _in_segment(choose: Callable[[Value], Value], found: re.Match[str]) -> str:
    plain = unquote(found[0])
    chosen = str(choose(plain))
    return found[0] if chosen == plain else quote(chosen, safe="")


def _differing_segments(recorded: Value, real: Value) -> Iterator[tuple[str, str]]:
    """Yield what differs in two addresses that differ in segments and parameters."""
    texts = str(recorded), str(real)
    one, other = (re.sub(_SEGMENT, "", text) for text in texts)
    if one == other and re.search("[/=]", one):
        pairs = zip(*(re.findall(_SEGMENT, text) for text in texts), strict=True)
        for old, new in pairs:
            if old != new:
                yield unquote(old), unquote(new)


def _is_value(tree: object) -> TypeGuard[Value]:
    return isinstance(tree, (str, int, float)) and not isinstance(tree, bool)


def _is_long(value: object) -> bool:
    """Whether a value is hardly another one by chance."""
    return len(str(value)) >= _SHORTEST_NAME


def _by_step(tree: Tree) -> dict[str, Tree]:
    """Give the parts of a stored outcome by their keys, tags too, or their numbers."""
    if isinstance(tree, list):
        return dict(zip(map(str, count()), tree))
    return tree if isinstance(tree, dict) else {}


def _below(paths: Sequence[Path], step: str) -> Sequence[Path]:
    # A tag is no step of a path.
    return paths if step.startswith("$") else below(paths, step)


def _named(value: object, tables: Sequence[Mapping[str, list[Value]]]) -> list[Value]:
    if not _is_value(value):
        return []
    return [*chain.from_iterable(table.get(str(value), ()) for table in tables)]


def new_parts(
    call: Call,
    differences: Sequence[Difference],
    known: RealValues,
    sent: Collection[str],
    days: Mapping[str, str],
) -> list[str]:
    """Give the paths of parts of an outcome that `volatile=` is to name.

    They look new each time, as ids, tokens and moments do, or later requests send them.
    A text that holds such a part, as an address does, differs with it. An outcome that
    is one text has no such part: nothing of it would be compared.

    Args:
        call: The call.
        differences: Where its real answer differs from the recorded one.
        known: The real values that its caller has got before.
        sent: The values in later requests of its log, as recorded.
        days: The day of the recording, with that of today.
    """
    # Only a drift looks at differences.
    from pytest_mimic.values.made_anew import ignorable, without_ids_and_moments

    values = {**days}
    found = values_that_differ(call, differences)
    for one in found:
        is_sent = str(one.old) in sent
        if is_sent or re.search(_ID, one.steps[-1]) or ignorable([one]):
            values[str(one.old)] = str(one.new)
    paths = []
    for one in found:
        old, new = _with_values(str(one.old), values), str(one.new)
        is_new = without_ids_and_moments(old) == without_ids_and_moments(new)
        if is_new or one.new in known.real_values_of(one.old):
            paths.append(written_place(one))
    return [*dict.fromkeys(paths)]


def values_that_differ(
    call: Call, differences: Sequence[Difference]
) -> list[Difference]:
    """Give the parts of an outcome whose value alone differs; not the whole of it."""
    from pytest_mimic.values.differences import MISSING  # only a drift looks

    # That of a client is a part, its body.
    whole = 0 if call.is_function else 1
    # A fact stands for something else: a part more, another type.
    return [
        one
        for one in differences
        if len(one.steps) > whole and not one.fact and MISSING not in (one.old, one.new)
    ]


def cause_of(call: Call, differences: Sequence[Difference], new: Sequence[str]) -> str:
    """Say what drifts of one cause have in common: the line, and the parts.

    Whatever the values are, parts that are new each time have one cause.
    """
    from pytest_mimic.values.differences import MISSING  # only a drift looks

    parts: dict[str, None] = {}
    for one in differences:
        is_gone = one.new is MISSING and not one.fact
        if written_place(one) not in new:
            parts[f"{written_place(one) or 'result'}{' missing' * is_gone}"] = None
    return f"{call.target} {', '.join(parts) or 'parts that look new each time'}"


def written_place(difference: Difference) -> str:
    """Give the path of a difference as an option takes it, for each item of a list."""
    return shown_path(difference.pattern)


def _with_values(text: str, values: Mapping[str, str]) -> str:
    """Give a text with other values in it: `C-0007` holds `7`."""
    if text in values or not values:
        return values.get(text, text)

    def other(found: re.Match[str]) -> str:
        zeros, name = found.groups()
        value = values[name]
        if zeros and not name.isdigit():
            return found[0]
        return value.rjust(len(found[0]), "0") if zeros else value

    # A link before the id that stands in it. What is put in is not looked at again.
    names = "|".join(map(re.escape, sorted(values, key=len, reverse=True)))
    return re.sub(f"{_START}(0*)({names}){_END}", other, text)
