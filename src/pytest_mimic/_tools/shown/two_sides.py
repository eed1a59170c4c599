"""Two outcomes of a call side by side, line by line, and which of their differences verifying takes for one."""

from __future__ import annotations

from collections.abc import Collection
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.compare.outcome_tree import Named, body_tree, without_secrets
from pytest_mimic._core.compare.tree_differences import opcodes
from pytest_mimic._core.identity.ignore import Steps, parse_path
from pytest_mimic._tools.shown.outcome_lines import parts_of, shown_outcome, text_of

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored

# So many lines of each side are compared, and a line is so wide.
_COMPARED, _WIDTH = 400, 44


def side_by_side(recorded: str, actual: str, counted: str | None = None) -> list[tuple[str, str, str]]:
    """Return the lines of two texts in pairs, each with a mark: `=`, `~` changed, `-` recorded only, `+` now only.

    `counted` is the actual text with the recorded parts where verifying takes no difference for one: `i` marks these.
    """
    old, new, settled = (text.splitlines()[:_COMPARED] for text in (recorded, actual, counted or actual))
    gone = {at for tag, start, end, *_ in opcodes(old, settled) if tag != "equal" for at in range(start, end)}
    come = {at for tag, *_, start, end in opcodes(settled, new) if tag == "equal" for at in range(start, end)}
    found: list[tuple[str, str, str]] = []
    for tag, start, end, begin, stop in opcodes(old, new):
        for left, right in zip_longest(range(start, end), range(begin, stop)):
            mark = "=" if tag == "equal" else "-" if right is None else "+" if left is None else "~"
            if mark != "=" and left not in gone and right not in come:
                mark = "i"
            found.append((mark, "" if left is None else old[left], "" if right is None else new[right]))
    return found


def sides_of(
    recorded: Stored,
    actual: Stored,
    redactor: Redactor,
    *,
    paths: Collection[str | None],
    secrets: Collection[str] = (),
) -> tuple[str, str, str | None]:
    """Return the texts of a recorded and an actual outcome, to be shown side by side, and one of what counts in the latter.

    In that one, only the parts at `paths` are not as recorded. It is None if a path is unknown or leads nowhere: then
    all counts.
    """
    bodies = recorded.readable(), actual.readable()
    if bodies[0] is None or bodies[1] is None:
        then, now = (shown_outcome(one, redactor, secrets=secrets).text for one in (recorded, actual))
        return then, now, None
    old, new = (
        body_tree(without_secrets(body, redactor, secrets), is_tagged=one.is_tagged)
        for body, one in ((bodies[0], recorded), (bodies[1], actual))
    )
    found: set[Steps] = set()
    wanted = [(steps, steps) for steps in (parse_path(path) for path in paths if path)]
    counted = {
        name: _settled(old[name], part, wanted, found) if name in ("value", "items") and name in old else part
        for name, part in new.items()
    }
    sides = [(old, recorded), (new, actual), (counted, actual)]
    then, now, what_counts = (text_of(parts_of(tree), one.entry, _WIDTH) for tree, one in sides)
    return then, now, what_counts if found and None not in paths and len(found) == len(wanted) else None


def _settled(old: Any, new: Any, wanted: list[tuple[Steps, Steps]], found: set[Steps]) -> Any:
    """Return a part as it was recorded, but for what is wanted in it: paths, each with what is left of it.

    `found` gets the paths that lead somewhere.
    """
    here = {path for path, left in wanted if not left}
    if here or not wanted:
        found |= here
        return new if here else old
    if isinstance(old, Named) and isinstance(new, Named):
        if new.name == "response":
            return Named(new.name, _settled_response(old.value, new.value, wanted, found))
        return Named(new.name, _settled(old.value, new.value, wanted, found))
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = zip(old, new)
        return [_settled(*pair, _within(wanted, str(at)), found) for at, pair in enumerate(pairs)]
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [key for key in new if key in old or _within(wanted, key)]
        keys += [key for key in old if key not in new and not _within(wanted, key)]
        return {key: _settled(old.get(key), new.get(key), _within(wanted, key), found) for key in keys}
    found |= {path for path, _ in wanted}
    return new


def _settled_response(
    old: dict[str, Any], new: dict[str, Any], wanted: list[tuple[Steps, Steps]], found: set[Steps]
) -> dict[str, Any]:
    """Return a response as `_settled` does. Paths name its headers in lower case, and not the form of its body."""
    then, now = (
        {**side, "headers": {name.lower(): [name, text] for name, text in side["headers"]}}
        for side in (old, new)
    )
    inner = [(path, ("body", "*", *left[1:]) if left[0] == "body" else left) for path, left in wanted]
    response = _settled(then, now, inner, found)
    return {**response, "headers": list(response["headers"].values())}


def _within(wanted: list[tuple[Steps, Steps]], key: str) -> list[tuple[Steps, Steps]]:
    return [(path, left[1:]) for path, left in wanted if left and left[0] in ("*", key)]
