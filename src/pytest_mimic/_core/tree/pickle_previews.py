"""What people can read of a pickled outcome: one line, and a small tree for `diff`.

Both stand in the recording beside the pickle, which no command loads. A replay reads
neither.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.outcome.encoding import Encoded
from pytest_mimic._core.outcome.outcome import Raised, Stream, Value
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.tree.describing import Budget, tree_of
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.tree.library_values import library_text
from pytest_mimic._core.tree.secrets_in_objects import secrets_in
from pytest_mimic._core.types.libraries import is_data
from pytest_mimic._core.words import plural

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.redactor import Redactor

# The most characters of a preview.
_LONGEST_PREVIEW = 240


def _no_secrets() -> frozenset[str]:
    """Return no text: none is known to be secret besides those under secret names."""
    return frozenset()


def preview(
    outcome: Outcome,
    redactor: Redactor,
    *,
    places: Places | None = None,
    secrets: Callable[[], frozenset[str]] = _no_secrets,
) -> list[str]:
    """Return a line that shows what a pickled outcome holds.

    The line is such as `DataFrame 1000x3: day, base, rate`, and equal for equal
    outcomes. Of a stream, it shows the first item. No code of the outcome's classes
    runs but what `tree_of` runs.

    Args:
        outcome: The outcome.
        redactor: Knows the secret names, and the values of the environment.
        places: The folders of the run, as for `described_outcome`. None: no folder is
            known.
        secrets: Returns texts known to be secret, besides those under secret names.

    Returns:
        One line, or none if the outcome cannot be read.
    """
    budget = Budget(
        characters=_LONGEST_PREVIEW, items=6, depth=3, text=40, digests=False
    )

    def shown(value: object) -> str:
        if is_data(value):
            return library_text(value)
        node = tree_of(
            value, redactor, places=places, budget=budget, secrets=known_secrets
        )
        return line(node)

    # The values that are shown, each behind its words: `("raised ", OSError())`.
    values_in_words: list[tuple[str, object]] = []
    # The outcome's parts may raise anything; it is stored all the same.
    with suppress(Exception):
        # What a stream ended with, if it has ended; any other outcome is its own end.
        end: Outcome | None = outcome
        if isinstance(outcome, Stream):
            end = outcome.end
        if isinstance(outcome, Stream) and outcome.items:
            item = outcome.items[0]
            if isinstance(item, Encoded):
                # The copy of the item that was taken when the item was yielded.
                item = item.load()
            values_in_words.append(
                (f"stream of {plural(len(outcome.items), 'item')}: ", item)
            )
        if isinstance(end, Raised):
            values_in_words.append(("raised ", end.error))
        elif isinstance(outcome, Value):
            values_in_words.append(("", outcome.value))
        elif end is not None and end.content is not None:
            values_in_words.append(("end ", end.content))
        # A secret of one shown value may stand in another as well.
        known_secrets = secrets().union(
            *(secrets_in(value, redactor) for _, value in values_in_words)
        )
        text = ", ".join(f"{title}{shown(value)}" for title, value in values_in_words)
        text = hide_values(redactor.environment.text(text), known_secrets)
        text = shortened(" ".join(text.splitlines()), _LONGEST_PREVIEW)
        return [text.encode("utf-8", "backslashreplace").decode()]
    return []


def _parts_of_stream(stream: Stream) -> dict[str, object]:
    """Return the items of a pickled stream, and its end if it raised or returned.

    The description beside the pickle has these parts, so that `diff` compares them.
    """
    items: list[object] = []
    for item in stream.items:
        if isinstance(item, Encoded):
            # The copy of the item that was taken when the item was yielded.
            item = item.load()
        items.append(item)
    parts: dict[str, object] = {"items": items}
    if stream.end is not None and stream.end.content is not None:
        parts["end"] = stream.end.content
    return parts


def described_outcome(
    outcome: Outcome,
    redactor: Redactor,
    *,
    places: Places | None = None,
    secrets: Callable[[], frozenset[str]] = _no_secrets,
) -> Any:
    """Return the description of a pickled outcome, by which `diff` names what differs.

    It is the JSON of a small tree: of a table the dtype and a digest of each column, of
    a stream its first items and its end, and few values. None: the outcome cannot be
    read.

    Args:
        outcome: The outcome.
        redactor: Knows the secret names, and the values of the environment.
        places: The folders of the run, whose paths stand relative to them. None: paths
            stay as they are.
        secrets: Returns texts known to be secret, besides those under secret names.
    """
    budget = Budget(characters=1_000, items=20, depth=4, text=40)
    # The outcome's parts may raise anything; it is stored all the same.
    with suppress(Exception):
        value = outcome.content
        if isinstance(outcome, Stream):
            value = _parts_of_stream(outcome)
            # The parts stand in a mapping, one level deeper than a returned value.
            budget = budget._replace(depth=budget.depth + 1)
        known_secrets = secrets() | secrets_in(value, redactor)
        node = tree_of(
            value, redactor, places=places, budget=budget, secrets=known_secrets
        )
        return redactor.environment.scrub(plain_of(node))
    return None
