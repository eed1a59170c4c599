"""Shows what an outcome holds that is stored as a pickle, in a few lines."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, compress, islice, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.describe.described_secrets import beginning, is_secret_label, secrets_in
from pytest_mimic._core.describe.description_form import Budget
from pytest_mimic._core.describe.leaves import leaf_text
from pytest_mimic._core.describe.samples import (
    columns_of,
    count,
    ends_of_array,
    extent,
    is_library,
    plain,
    rounded,
)
from pytest_mimic._core.describe.text import render, shortened
from pytest_mimic._core.describe.value_description import describe
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.opening import attributes_of, fields_of, is_pair, type_name
from pytest_mimic._core.identity.tables import sample_of
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.texts import hide_values

if TYPE_CHECKING:
    from pytest_mimic._core.describe.samples import SampledColumn
    from pytest_mimic._core.identity.tables import Sample
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.redactor import Redactor

_LINES, _WIDTH = 8, 110
# What one line shows of a value. The work does not grow with the value.
_BRIEF = Budget(characters=240, items=3, depth=3, text=40, whole=False)
_SEARCHED = 300
_BYTES = 16
_CONTAINERS = (dict, list, tuple, deque)
_SIMPLE = (type(None), bool, int, float, complex, str, set, frozenset)


class _Part(NamedTuple):
    """A part of a value: the step that is shown before it, and what it is. A secret one must not be shown."""

    step: str
    value: Any
    secret: bool = False


def preview(
    outcome: Outcome,
    redactor: Redactor,
    *,
    places: Places | None = None,
    secrets: Callable[[], frozenset[str]] = frozenset,
) -> list[str]:
    """Return a few lines that show what an outcome holds, equal for equal outcomes.

    The work does not grow with the outcome, and no code of its classes runs but what `describe` runs.
    Of a stream, the first item is shown; of a path in one of the `places`, its place. `secrets` returns texts known to
    be secret, besides those under secret names in the outcome itself.
    """
    shown: list[str] = []
    with suppress(Exception):  # the outcome is stored all the same
        lines = _Lines(redactor, places or Places(), set(secrets()))
        with suppress(Exception):  # the outcome's parts may raise anything
            for line in islice(lines.of_outcome(outcome), _LINES):
                shown.append(line)
        return [lines.fitted(line) for line in shown]
    return []


class _Lines:
    def __init__(self, redactor: Redactor, places: Places, secrets: set[str]) -> None:
        self._redactor = redactor
        self._places = places
        self._secrets = secrets

    def fitted(self, line: str) -> str:
        """Return a line without known secrets, short, and as JSON keeps it."""
        line = hide_values(self._redactor.environment.text(line), self._secrets)
        return shortened(" ".join(line.splitlines()), _WIDTH).encode("utf-8", "backslashreplace").decode()

    def of_outcome(self, outcome: Outcome) -> Iterator[str]:
        """Yield the lines of an outcome, and perhaps more than there may be."""
        parts = self._roots(outcome)
        self._learn(parts)
        if outcome.kind == "stream":
            yield f"stream of {count(len(outcome.items), 'item')}"
            yield from self._children(parts, _LINES - 1)
        elif len(parts) > 1:
            yield from self._children(parts, _LINES)
        else:
            yield self._head(parts[0])
            yield from self._details(parts[0].value, _LINES - 1)

    def _learn(self, parts: Sequence[_Part]) -> None:
        """Find the secrets in values that are about to be shown."""
        for part in parts:
            self._secrets |= secrets_in(part.value, self._redactor, most=_SEARCHED, secret=part.secret)

    def _roots(self, outcome: Outcome) -> list[_Part]:
        found: list[_Part] = []
        if outcome.kind == "stream":
            found += (_Part(f"[{n}]", _item(item)) for n, item in enumerate(outcome.items[:1]))
        last = outcome.last
        if last.kind == "raised":
            found.append(_Part("raised", last.exception))
        elif outcome.kind == "value" or last.value is not None:
            step = "end" if outcome.kind == "stream" else "result" if outcome.changed else ""
            found.append(_Part(step, last.value))
        for name, new in outcome.changed.items():
            found.append(_Part(f"argument {name}", new, self._redactor.hides(name, new)))
        return found

    # One value

    def _head(self, part: _Part, *, inline: bool = False) -> str:
        """Return the first line of a value. If it is `inline`, no lines for its parts follow."""
        step, value, secret = part
        if secret:
            return f"{step}: {PLACEHOLDER}"
        name, fact = self._facts(value, inline)
        start = " ".join(filter(None, (step, name)))
        return f"{start}: {fact}" if start and fact else start or fact

    def _facts(self, value: Any, inline: bool) -> tuple[str, str]:
        """Return what a value is, and what there is to say about it."""
        kind = type(value)
        if is_library(value):
            return kind.__qualname__, extent(value)
        if kind in (bytes, bytearray):
            return kind.__name__, self._bytes(value)
        if issubclass(kind, BaseException) and not inline:
            args = vars(BaseException)["args"].__get__(value)
            return type_name(kind), ", ".join(self._text(arg) for arg in args[:3])
        if inline or not _has_parts(value):
            return "", self._text(value)
        base = _container(kind)
        if base is not None:
            return f"{type_name(kind)} of {base.__len__(value):,}", ""
        return (type_name(kind), "") if attributes_of(value) else ("", self._text(value))

    def _text(self, value: object) -> str:
        secrets = frozenset(self._secrets)
        brief = describe(value, self._redactor, places=self._places, budget=_BRIEF, secrets=secrets)
        return render(brief)

    def _name(self, name: object) -> str:
        """Return the name of a column, or a key: a short word as it is, and any other as Python shows it."""
        text = self._text(name)
        is_short = type(name) is str and (name.isidentifier() or name.isdigit())
        return text[1:-1] if is_short and text[1:-1] == name else text

    def _bytes(self, value: bytes | bytearray) -> str:
        size, start = count(len(value), "byte"), beginning(value, _BYTES, self._secrets, self._redactor)
        shown = self._redactor.environment.text(start)
        if self._redactor.texts.scrub_text(shown, self._secrets) != start:
            return f"{size}, {PLACEHOLDER}"
        return f"{size}, {value[:_BYTES].hex(' ')}{' …' if len(value) > _BYTES else ''}"

    # The parts of a value

    def _children(self, parts: Sequence[_Part], room: int) -> Iterator[str]:
        """Yield the lines of several values, and as far as there is room, those of the tables and arrays among them."""
        room -= len(parts)
        for part in parts:
            yield self._head(part, inline=True)
            if room > 0 and not part.secret and is_library(part.value):
                details = list(islice(self._details(part.value, room), room))
                room -= len(details)
                yield from (f"  {line}" for line in details)

    def _details(self, value: object, room: int) -> Iterator[str]:
        """Yield the lines below the first one of a value."""
        if is_library(value):
            sample = sample_of(value)
            if sample is not None:
                yield from self._table(sample)
            elif numbers := ends_of_array(value):
                yield self._row(*numbers)
            return
        if not _has_parts(value):
            return
        parts, total = self._parts(value, room)
        self._learn(parts)
        if total <= room:
            yield from self._children(parts, room)
            return
        base = _container(type(value))
        final: list[_Part] = []
        if base not in (None, dict) and base.__len__(value) == total > room:
            final = [_Part(f"[{total - 1}]", base.__getitem__(value, total - 1))]
        self._learn(final)
        parts = parts[: room - 1 - len(final)]
        yield from self._children(parts, len(parts))
        yield f"and {total - len(parts) - len(final):,} more"
        yield from self._children(final, 1)

    def _parts(self, value: Any, most: int) -> tuple[list[_Part], int]:
        """Return the first items and attributes of a value, and how many it has."""
        kind, hides = type(value), self._redactor.hides
        found: list[_Part] = []
        total, base = 0, _container(kind)
        if base is dict:
            items = OrderedDict.items if issubclass(kind, OrderedDict) else dict.items
            found += (_Part(self._name(key), one, hides(key, one)) for key, one in islice(items(value), most))
        elif base is not None:
            names = fields_of(value)
            before: object = None
            for index, one in enumerate(islice(base.__iter__(value), most)):
                name = names[index] if index < len(names) else value[0] if index and is_pair(value) else None
                secret = hides(name, one) or (before is not None and self._redactor.secret_flag(before))
                found.append(_Part(names[index] if index < len(names) else f"[{index}]", one, secret))
                before = one
        if base is not None:
            total = base.__len__(value)
        attributes = attributes_of(value)
        found += (_Part(name, one, hides(name, one)) for name, one in islice(attributes.items(), most))
        return found[:most], total + len(attributes)

    # Tables

    def _table(self, sample: Sample) -> Iterator[str]:
        """Yield a line for each of the first columns of a table, and for its index."""
        columns = columns_of(sample.opened, sample.index_class)
        index = next((column for column in columns if column.is_index), None)
        secret_rows = [is_secret_label(plain(one), self._redactor) for one in index.values] if index else []
        hidden: list[SampledColumn] = []
        for column in columns:
            names = column.name if isinstance(column.name, list) else [column.name]
            values = [plain(one) for one in column.values]
            if any(self._redactor.hides(name, one) for name in names for one in values):
                hidden.append(column)
                secrets = values
            else:
                secrets = [] if column.is_index else [*compress(values, secret_rows)]
            # Other columns may hold the same values.
            self._secrets |= {one for one in secrets if isinstance(one, str)}
        lines = [
            self._column(column, column in hidden, [] if column.is_index else secret_rows, sample.rows)
            for column in columns
        ]
        shown = sum(not column.is_index for column in columns)
        if sample.columns is not None and sample.columns > shown:
            lines.insert(shown, f"and {count(sample.columns - shown, 'more column')}")
        yield from lines

    def _column(self, column: SampledColumn, is_hidden: bool, secret_rows: list[bool], rows: int) -> str:
        name = None if column.name is None else self._name(column.name)
        start = " ".join(filter(None, ("index" if column.is_index else None, name, column.dtype)))
        if not column.values:
            return start
        flags = chain(secret_rows, repeat(False))
        shown = [PLACEHOLDER if flag else one for one, flag in zip(column.values, flags)]
        row = self._row(shown[:-1], shown[-1:]) if rows > len(shown) else self._row(shown, [])
        return f"{start}: {PLACEHOLDER if is_hidden else row}"

    def _row(self, first: Sequence[object], last: Sequence[object]) -> str:
        start, end = (", ".join(self._text(rounded(plain(one))) for one in side) for side in (first, last))
        return f"{start}, … {end}" if last else start


def _container(kind: type) -> Any:
    return next((base for base in _CONTAINERS if issubclass(kind, base)), None)


def _has_parts(value: object) -> bool:
    """Return whether a value is shown by its parts rather than by one text."""
    return type(value) not in (*_SIMPLE, bytes, bytearray) and leaf_text(value) is None


def _item(item: object) -> object:
    """Return an item of a stream, as it was when it was yielded."""
    from pytest_mimic._core.outcome.encoding import Snapshot

    return item.load() if isinstance(item, Snapshot) else item
