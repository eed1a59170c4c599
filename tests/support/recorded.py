"""The calls that stand in the files of a vault, read and edited."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDERS = ("calls", "logs", "cassettes")
BODIES = ("value", "raised", "items", "answer")


@dataclass
class RecordedCall:
    """One recorded call. Its parts are those of the parsed file, so that they can be edited.

    Attributes:
        file: The name of its file in the vault.
        head: What the file says of all of its calls.
        call: The call.
    """

    file: str
    head: dict[str, Any]
    call: dict[str, Any]

    @property
    def target(self) -> str:
        return str(self.call["target"])

    @property
    def owner(self) -> str:
        """The test, the fixture or the cassette that recorded it."""
        return str(self.head["owner"])

    @property
    def is_shared(self) -> bool:
        """Whether all tests share it."""
        return self.file.startswith("calls/")

    @property
    def recorded(self) -> str:
        """The day on which it was recorded."""
        return str(self.call.get("recorded", self.head["recorded"]))

    @property
    def signature(self) -> str:
        """`GET /users/1`; of a function, its target."""
        signature = self.call.get("signature") or self.arguments.get("signature")
        return str(signature or self.target)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of a function, or the request of a client."""
        found: dict[str, Any] = (
            self.call.get("arguments") or self.call.get("request") or {}
        )
        return found

    @property
    def value(self) -> Any:
        """The value of a function, or the answer of a client. None: it gave neither."""
        return self.call.get("value", self.call.get("answer"))

    @value.setter
    def value(self, value: Any) -> None:
        self.call["answer" if "answer" in self.call else "value"] = value

    @property
    def items(self) -> Any:
        """The items of a stream."""
        return self.call.get("items")

    @property
    def raised(self) -> Any:
        """The exception that it raised. None: it raised none."""
        return self.call.get("raised")

    @property
    def end(self) -> str:
        """`waiting` and `open`; empty: the call came to its end."""
        found = [self.call.get("end"), *_parts_named("end", self.value)]
        words = [one for one in found if isinstance(one, str)]
        return words[0] if words else ""

    @property
    def seconds(self) -> float:
        """How long the call took."""
        return float(self.call["seconds"])

    @seconds.setter
    def seconds(self, seconds: float) -> None:
        self.call["seconds"] = seconds

    @property
    def source(self) -> str | None:
        """The fingerprint of the target's source."""
        found: str | None = self.call.get("source")
        return found

    @property
    def inputs(self) -> str:
        """The object that lists what the call reached and read."""
        return str(self.call.get("inputs", ""))

    @inputs.setter
    def inputs(self, name: object) -> None:
        self.call["inputs"] = name

    @property
    def pickle(self) -> dict[str, Any]:
        """What is said of the pickle in its outcome: `imports`, `preview`."""
        [found] = _mappings_with("$pickle", self.call)
        return found

    @property
    def text(self) -> str:
        """The call with its outcome, as JSON."""
        return json.dumps(self.call, ensure_ascii=False)

    @property
    def said(self) -> tuple[str, str, str]:
        """What tells it from other calls, and what it gave: where, what, the outcome."""
        kept = {
            name: part for name, part in self.call.items() if name in (*BODIES, "end")
        }
        asked = [self.target, self.arguments]
        return (
            self.owner,
            json.dumps(asked, sort_keys=True),
            json.dumps(kept, sort_keys=True),
        )


def calls_in(files: Mapping[str, bytes]) -> list[RecordedCall]:
    """Return the calls in these files of a vault, by their names."""
    return [call for name, data in sorted(files.items()) for call in _calls(name, data)]


def edit_calls(vault: Path, change: Callable[[RecordedCall], object]) -> None:
    """Let a function change each call in a vault, and write the files of those that it changed."""
    for path in sorted(path for path in vault.rglob("*.json") if path.is_file()):
        name = path.relative_to(vault).as_posix()
        calls = list(_calls(name, path.read_bytes()))
        if not calls:
            continue
        facts = calls[0].head
        before = json.dumps(facts)
        for call in calls:
            change(call)
        if json.dumps(facts) != before:
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _calls(name: str, data: bytes) -> Iterator[RecordedCall]:
    if name.partition("/")[0] not in FOLDERS or not name.endswith(".json"):
        return
    head = json.loads(data)
    yield from (RecordedCall(name, head, call) for call in head["log"])


def _parts_named(name: str, value: Any) -> Iterator[Any]:
    for mapping in _mappings_with(name, value):
        yield mapping[name]


def _mappings_with(name: str, value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if name in value:
            yield value
        for part in value.values():
            yield from _mappings_with(name, part)
    elif isinstance(value, list):
        for part in value:
            yield from _mappings_with(name, part)
