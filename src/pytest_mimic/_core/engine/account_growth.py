"""What an account has gained since the last look, to be told to another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.account import Events

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Account


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
        self._seen: dict[str, Any] = {}
        for name in self._names():
            self._seen[name] = _mark(getattr(account, name))

    def take(self) -> dict[str, Any]:
        """Return the growth since the last call, as `Account.add` takes it."""
        growth: dict[str, Any] = {}
        for name in self._names():
            entry = getattr(self._account, name)
            gained = _gained(entry, self._seen[name])
            if gained:
                growth[name] = gained
                self._seen[name] = _mark(entry)
        return growth

    def _names(self) -> list[str]:
        """Return the entries of the account. It keeps its replays beside the others."""
        return ["replays", *self._account.entries]


def _mark(entry: Any) -> Any:
    """Return what tells later what an entry has gained."""
    if isinstance(entry, list):
        return len(entry)
    return entry.copy()


def _gained(entry: Any, seen: Any) -> Any:
    if isinstance(entry, Events):
        return entry.rows(seen)
    if isinstance(entry, list):
        return list(entry[seen:])
    if isinstance(entry, set):
        # Most calls add no name, and the names are many.
        return list(entry - seen) if len(entry) != len(seen) else []
    items = list(entry.items())
    return {name: value for name, value in items if seen.get(name) != value}
