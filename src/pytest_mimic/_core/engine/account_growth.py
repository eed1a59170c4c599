"""What an account has gained since the last look, to be told to another process."""

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
        self._seen: dict[str, _Mark] = {}
        for name in self._names():
            self._seen[name] = _mark(self._entry(name))

    def take(self) -> dict[str, object]:
        """Return the growth since the last call, as `Account.add` takes it."""
        growth: dict[str, object] = {}
        for name in self._names():
            entry = self._entry(name)
            gained = _growth_of_entry(entry, self._seen[name])
            if gained:
                growth[name] = gained
                self._seen[name] = _mark(entry)
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


def _growth_of_entry(entry: _Entry, seen: _Mark) -> list[object] | dict[str, str]:
    """Return what an entry has gained since its mark was made."""
    if isinstance(entry, list) and isinstance(seen, int):
        if isinstance(entry, EventList):
            return list(entry.rows(seen))
        return entry[seen:]
    if isinstance(entry, set) and isinstance(seen, set):
        # Most calls add no name, and the names are many.
        return list(entry - seen) if len(entry) != len(seen) else []
    if isinstance(entry, dict) and isinstance(seen, dict):
        # Another thread may add a test meanwhile.
        items = list(entry.items())
        return {name: value for name, value in items if seen.get(name) != value}
    raise TypeError("the mark is that of another entry")
