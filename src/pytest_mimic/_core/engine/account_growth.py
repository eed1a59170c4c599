"""What the account of a forked process has gained, to be told to the first process."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pytest_mimic._core.engine.account import EventList

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Account

_Entry: TypeAlias = "list[object] | set[str] | dict[str, str]"
"""An entry of an account; events are a list."""

_Mark: TypeAlias = "int | set[str] | dict[str, str]"
"""What an entry had at the last look: of a list, the number of its rows."""


class Growth:
    """The growth of an account, from now on.

    Of each entry the growth has another form:

    | entry | growth |
    |---|---|
    | events | the fields of those behind those that were there |
    | list | the rows behind those that were there |
    | set | the members that are new |
    | dict | the items that are new or have changed |
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        # What each entry had at the last look, by its name.
        self._marks: dict[str, _Mark] = {}
        for name in self._names():
            self._marks[name] = _mark(self._entry(name))

    def take(self) -> dict[str, object]:
        """Return the growth since the last call, as `Account.add` takes it."""
        growth: dict[str, object] = {}
        for name in self._names():
            entry = self._entry(name)
            growth_of_entry = _growth_of_entry(entry, self._marks[name])
            if growth_of_entry:
                growth[name] = growth_of_entry
                self._marks[name] = _mark(entry)
        return growth

    def _names(self) -> list[str]:
        """Return the entries of the account. It keeps its replays beside the others."""
        return ["replays", *self._account.entries]

    def _entry(self, name: str) -> _Entry:
        entry: _Entry = getattr(self._account, name)
        return entry


def _mark(entry: _Entry) -> _Mark:
    """Return what tells later what an entry has gained."""
    if isinstance(entry, list):
        return len(entry)
    return entry.copy()


def _growth_of_entry(entry: _Entry, mark: _Mark) -> list[object] | dict[str, str]:
    """Return what an entry has gained since its mark was made."""
    if isinstance(entry, list) and isinstance(mark, int):
        if isinstance(entry, EventList):
            return list(entry.rows(mark))
        return entry[mark:]
    if isinstance(entry, set) and isinstance(mark, set):
        # Most calls add no name, and the names are many.
        return list(entry - mark) if len(entry) != len(mark) else []
    if isinstance(entry, dict) and isinstance(mark, dict):
        # Another thread may add a test meanwhile.
        items = list(entry.items())
        return {name: value for name, value in items if mark.get(name) != value}
    raise TypeError("the mark is that of another entry")
