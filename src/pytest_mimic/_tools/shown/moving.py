"""Plans how the recordings of a test become those of another: by the owner in their names, and by their facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.file_names import CASSETTES, cassette_of_test, recording_name
from pytest_mimic._core.vault.objects import body_of
from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_mimic._core.vault import Vault

How = Literal["moved", "named", "kept"]
"""The recording gets another name, or just names another test, or stays because the new test has another one."""

# How many cassettes without a name of its own a test may have.
_UNNAMED = 100


class Move(NamedTuple):
    """The new place and the new facts of one recording or cassette."""

    how: How
    name: str  # in the vault
    new_name: str
    test: str  # the test, or the scope of a fixture, that it belongs to
    new_test: str
    facts: dict[str, Any]  # the content of the new file


def renamed(test: str, old: str, new: str) -> str | None:
    """Return the id of a test, file or scope when `old` has become `new`. None: it is no part of it, or is moved already.

    A parametrized case has no parts: of a test, only what had no parameters becomes it.
    """
    if test == old:
        return new
    is_moved = new.startswith(old) and (test == new or _rest(test, new) is not None)
    rest = None if new.endswith("]") or is_moved else _rest(test, old)
    return None if rest is None else new + rest


def _rest(test: str, whole: str) -> str | None:
    """Return what the id of a part has behind that of its folder, file, class or test, or None if it is no part of it."""
    rest = test[len(whole) :]
    return rest if test.startswith(whole) and rest.startswith(("/", "::", "[")) else None


class Moves:
    """The moves from one test, class, file or folder to another.

    Attributes:
        damaged: How many recordings and cassettes cannot be read.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.damaged = 0
        self._found: list[tuple[str, dict[str, Any]]] = []
        for name in sorted(vault.names()):
            try:
                facts = parse_recording(vault.store.read(name) or b"", vault.label, name)
            except MimicError:
                self.damaged += 1
                continue
            self._found.append((name, facts))

    def plan(self, old: str, new: str) -> Iterator[Move]:
        """Yield what becomes of each recording that belongs to `old`, or that it has recorded."""
        for name, facts in self._found:
            test, owner = str(facts.get("test") or ""), str(facts.get("owner") or "")
            new_test, new_owner = renamed(test, old, new), renamed(owner, old, new)
            if new_test is None and new_owner is None:
                continue
            changed, new_name = {**facts, "test": new_test or facts.get("test")}, name
            if new_owner is not None and facts.get("identity"):
                changed["owner"] = new_owner
                new_name = recording_name(facts["target"], facts["identity"], new_owner)
            elif new_test is not None and name.startswith(CASSETTES):
                new_name = _cassette(name, test, new_test)
            whose = (owner, new_owner) if new_owner else (test, new_test or test)
            how: How = "named" if new_name == name else "moved"
            if how == "moved" and self._differs(new_name, changed):
                how = "kept"
            yield Move(how, name, new_name, *whose, changed)

    def _differs(self, name: str, facts: dict[str, Any]) -> bool:
        """Check whether there is another recording of that name, with other outcomes."""
        data = self._vault.store.read(name)
        if data is None:
            return False
        try:
            return _bodies(parse_recording(data, self._vault.label, name)) != _bodies(facts)
        except MimicError:
            return True

    def write(self, move: Move) -> None:
        """Do it: the new file first, so that nothing is lost on the way. MimicError: the vault cannot be written."""
        if move.how == "kept":
            return
        if move.how == "named" or self._vault.store.size(move.new_name) is None:
            content = (layout(move.facts) + "\n").encode(errors="backslashreplace")
            self._vault.store.write(move.new_name, content)
        if move.how == "moved":
            self._vault.restore(move.name, None)


def _bodies(facts: dict[str, Any]) -> list[Any]:
    """Return the outcomes of a recording, or the calls of a cassette with theirs, without their durations."""
    calls = [call.get("key") for call in facts.get("calls", ())]
    entries = [call["outcome"] for call in facts.get("calls", ())] or facts.get("outcomes", [])
    return [*calls, *map(body_of, entries)]


def _cassette(name: str, test: str, new_test: str) -> str:
    """Return the name of a cassette for its new test, which stays unless it was made from the id of the test."""
    for number in range(1, _UNNAMED):
        if name == f"{CASSETTES}{cassette_of_test(test, number)}.json":
            return f"{CASSETTES}{cassette_of_test(new_test, number)}.json"
    return name
