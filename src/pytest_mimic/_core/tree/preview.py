"""Shows in one line what an outcome holds that is stored as a pickle: `DataFrame 1000x3: day, base, rate`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.tree.library_values import library_text
from pytest_mimic._core.tree.making import Budget, tree_of
from pytest_mimic._core.tree.secrets import secrets_in
from pytest_mimic._core.types.libraries import has_extent, library_of
from pytest_mimic._core.words import plural

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.redactor import Redactor

_WIDTH = 240
_BRIEF = Budget(characters=_WIDTH, items=6, depth=3, text=40, digests=False)


def preview(
    outcome: Outcome,
    redactor: Redactor,
    *,
    places: Places | None = None,
    secrets: Callable[[], frozenset[str]] = frozenset,
) -> list[str]:
    """Return a line that shows what an outcome holds, equal for equal outcomes; none if it cannot be read.

    No code of its classes runs but what `tree_of` runs. Of a stream, the first item is shown; of a path in one of the
    `places`, its place. `secrets` returns texts known to be secret, besides those under secret names in the outcome itself.
    """

    def text(value: object) -> str:
        kind = type(value)
        if library_of(kind) is not None and has_extent(kind):
            return library_text(value)
        return line(tree_of(value, redactor, places=places, budget=_BRIEF, secrets=known))

    from pytest_mimic._core.outcome.encoding import Encoded

    parts: list[tuple[str, object]] = []  # what is shown, each value behind the words before it
    with suppress(Exception):  # the outcome's parts may raise anything; it is stored all the same
        for item in outcome.items[:1] if outcome.kind == "stream" else ():
            value = item.load() if isinstance(item, Encoded) else item  # as it was when it was yielded
            parts.append((f"stream of {plural(len(outcome.items), 'item')}: ", value))
        last = outcome.last
        if last.kind == "raised":
            parts.append(("raised ", last.exception))
        elif outcome.kind == "value" or last.value is not None:
            parts.append(("" if outcome.kind == "value" else "end ", last.value))
        known = secrets().union(*(secrets_in(value, redactor) for _, value in parts))
        shown = ", ".join(f"{title}{text(value)}" for title, value in parts)
        shown = " ".join(hide_values(redactor.environment.text(shown), known).splitlines())
        return [shortened(shown, _WIDTH).encode("utf-8", "backslashreplace").decode()]
    return []
