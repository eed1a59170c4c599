"""A store in memory, for tests that need no files, a recording in it, and settings of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from pytest_mimic._core.outcome.outcome import Outcome, Value
from pytest_mimic._core.settings import Mode, Settings
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic._core.vault.store import Data, Store
from pytest_mimic._core.vault.writing import Written


class MemoryStore(Store):
    """A store that lasts as long as its object."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def write(self, name: str, content: Data) -> None:
        self._files[name] = content if isinstance(content, bytes) else b"".join(content)

    def delete(self, names: Iterable[str]) -> int:
        return sum(self._files.pop(name, None) is not None for name in names)

    def names(
        self, prefix: str = "", *, without: Set[str] = frozenset()
    ) -> Iterator[str]:
        folder = f"{prefix}/" if prefix else ""
        for name in list(self._files):
            if name not in without and name.startswith(folder):
                yield name

    def alone(self) -> AbstractContextManager[bool]:
        return nullcontext(True)


NAME = "calls/shop/f/00.json"


def recorded(outcome: object, store: Any = None, **facts: object) -> Any:
    """Return a vault's files after a call that had this outcome, or returned this value."""
    store = MemoryStore() if store is None else store
    vault = Vault(store)
    stored = vault.writer.encoded(
        outcome if isinstance(outcome, Outcome) else Value(outcome), 0.5
    )
    recording = Recording("shop:f", None, None, None, "2026-11-02", None, [stored])
    vault.writer.write(NAME, [recording._replace(**facts)])
    return store


def has_changed(written: Written) -> bool:
    """Return whether a write has changed its file."""
    return written.now is not written.before


def load(store: Any, name: str = NAME) -> Any:
    """Return the value of a recording."""
    recording: Any = Vault(store).read(name)
    return recording.outcomes[0].load().value


def a_call(stored: Any, **facts: object) -> Recording:
    """Return a call of a cassette with this outcome."""
    made = Recording(
        "shop:f", None, None, None, "", None, [stored], "", "0", "function", "shop:f"
    )
    return made._replace(**facts)


def settings(
    folder: Path = Path("/shop"), mode: str = "replay", **others: Any
) -> Settings:
    """Return the settings of a run in a folder."""
    given = {
        "source": "strict",
        "inputs": "ignore",
        "pickles": "listed",
        "redact": (),
        **others,
    }
    return Settings(
        Mode(mode), folder, folder, folder / ".mimic_vault", ".mimic_vault", **given
    )
