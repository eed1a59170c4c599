"""Where outcomes differ, and how that is told: few lines, without secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._describe import Budget, Difference, describe, focused, render, secrets_in, sides
from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic._redact.texts import hide_values

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor

#: Stands for a part that one side has not.
ABSENT: Any = type("Absent", (), {})()

_SHOWN = 10
_WIDTH = 70
_SIDE = Budget(characters=400, items=10, depth=4, text=400)
_INDEX = re.compile(r"\[\d+\]\Z")


def _quote_bytes(text: str) -> str:
    return repr(text.encode("latin-1"))


class Place:
    """Where in an outcome a pair of values stands.

    Args:
        text: The step that leads here, as it is shown: `.rates`, `[2]`; for an outcome itself, its name.
        keys: What a path may call this step; of an outcome itself, what a path to its parts may begin with.
        parent: The place of what holds the two values.
        secret: Whether the values must not be shown.
        is_argument: It is no outcome, but an argument that the call changes: a path begins with its name.
    """

    __slots__ = ("depth", "is_argument", "keys", "parent", "secret", "text")

    def __init__(
        self,
        text: str,
        *keys: str,
        parent: Place | None = None,
        secret: bool = False,
        is_argument: bool = False,
    ) -> None:
        self.text = text
        self.keys = keys
        self.parent = parent
        self.is_argument = is_argument
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self.secret: bool = secret or (parent is not None and parent.secret)

    def steps(self) -> list[Place]:
        """From the outcome itself to here."""
        found: list[Place] = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found[::-1]

    def __str__(self) -> str:
        root, *steps = self.steps()
        text = "".join(step.text for step in steps)
        if root.text or not text.startswith("."):
            return f"{root.text or 'result'}{text}"
        return text[1:]

    def general(self) -> str:
        """The path with every index starred."""
        return "".join("[*]" if _INDEX.match(step.text) else step.text for step in self.steps())

    def matches(self, path: tuple[str, ...]) -> bool:
        """Whether a path of steps leads here, as it is shown or from the outcome on; `*` stands for any one."""
        if self.depth > len(path):
            return False
        root, *steps = self.steps()
        return any(
            len(wanted) == len(steps)
            and all(want == "*" or want in step.keys for want, step in zip(wanted, steps, strict=True))
            for wanted in root._readings(path, steps)
        )

    def _readings(self, path: tuple[str, ...], steps: list[Place]) -> Iterator[tuple[str, ...]]:
        """What of a path leads on from this outcome: all of it, or what comes behind its name."""
        if not self.is_argument:
            yield path
        # A value has no name but where it is shown with one, `result[0]`: `result.a` may be a key and one in it.
        names = self.keys or (("result",) if steps and steps[0].text.startswith("[") else ())
        for name in names:
            prefix = tuple(name.split("."))
            if path[: len(prefix)] == prefix:
                yield path[len(prefix) :]


class Lines:
    """The differences found so far, as lines.

    Args:
        redactor: Tells which names are secret.
        secrets: Texts known to be secret.
        grouped: Whether differences of the same kind in many items make one line.
        limit: How many lines to make; the rest is counted.
    """

    def __init__(
        self,
        redactor: Redactor,
        secrets: frozenset[str] = frozenset(),
        *,
        grouped: bool = False,
        limit: int = _SHOWN,
    ) -> None:
        self.redactor = redactor
        self.secrets = secrets
        self.grouped = grouped
        self.limit = limit
        self.count = 0
        self._lines: dict[object, str] = {}
        self._repeated: Counter[object] = Counter()

    def told(self) -> list[str]:
        """The first lines, and how many more there are."""
        lines = [
            f"{line} (and {self._repeated[key]} more like it)" if self._repeated[key] else line
            for key, line in self._lines.items()
        ]
        more = self.count - len(lines)
        return [*lines, f"and {more} more"] if more else lines

    def tell(self, place: Place | str, fact: str) -> None:
        """Adds a difference in words."""
        self.count += 1
        if len(self._lines) < self.limit:
            self._lines[self.count] = hide_values(f"{place}{fact}", self.secrets)

    def differ(self, place: Place, recorded: Any, actual: Any) -> None:
        """Adds that the two values differ as a whole; either may be `ABSENT`."""
        group = (place.general(), type(recorded), type(actual)) if self.grouped else ("line", self.count)
        if group in self._lines:
            self._repeated[group] += 1
            return
        self.count += 1
        if len(self._lines) < self.limit:
            self._lines[group] = hide_values(f"{place}: {self.fact(place, recorded, actual)}", self.secrets)

    def fact(self, place: Place, recorded: Any, actual: Any) -> str:
        """`1.0712 recorded, 1.0698 now`."""
        if type(recorded) is type(actual) and type(actual) in (str, bytes, bytearray) and not place.secret:
            texts = self.readable(recorded), self.readable(actual)
            if texts[0] != texts[1]:
                quote = repr if type(actual) is str else _quote_bytes
                return Difference("", *focused(*texts, quote)).fact()
        old = None if recorded is ABSENT else self.described(place, recorded)
        new = None if actual is ABSENT else self.described(place, actual)
        if recorded is ABSENT:
            return Difference("", None, render(new, _WIDTH)).fact()
        if actual is ABSENT:
            return Difference("", "", None).fact()
        return Difference("", *sides(old, new)).fact()

    def readable(self, value: Any) -> str:
        """All of a text without secrets; of bytes, a character for each."""
        text = value if type(value) is str else value.decode("latin-1")
        return self.redactor.scrub_text(text, self.secrets | secrets_in(value, self.redactor))

    def described(self, place: Place, value: Any) -> Any:
        """A short description of one side."""
        if place.secret and value is not None:
            return PLACEHOLDER
        return describe(value, self.redactor, budget=_SIDE, secrets=self.secrets)

    def text(self, value: object) -> str:
        """A value in a few words."""
        return render(self.described(Place(""), value), _WIDTH)
