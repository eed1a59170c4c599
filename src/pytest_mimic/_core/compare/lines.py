"""Differences as lines to read: few of them, and without secrets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.argument_differences import Difference, focused, sides
from pytest_mimic._core.describe.described_secrets import secrets_in
from pytest_mimic._core.describe.description_form import Budget
from pytest_mimic._core.describe.text import render
from pytest_mimic._core.describe.value_description import describe
from pytest_mimic._core.identity.opening import key_step
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.texts import hide_values

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor

# Represents a part that only the other side has.
ABSENT: Any = type("Absent", (), {})()

_WIDTH = 70
# The types of values that are stored with them, `{"$decimal": "1.50"}`, as those of databases are. A path leaves them out.
_VALUE_TAGS = frozenset({"$date", "$datetime", "$decimal", "$time", "$uuid"})
# Paths beyond this number are not kept.
_MOST_PATHS = 50
_SIDE = Budget(characters=400, items=10, depth=4, text=400)
_INDEX = re.compile(r"\[\d+\]\Z")
_PLAIN_STEP = re.compile(r"[^\s.,\[\]\"'#]+")


@dataclass(slots=True)
class Location:
    """The location of a pair of values in two outcomes."""

    text: str  # the last step to it as it is shown: `.rates`, `[2]`; for an outcome as a whole, its name
    # The names of this step in paths; for an outcome as a whole, how paths to its parts may begin.
    keys: tuple[str, ...] = ()
    parent: Location | None = None
    secret: bool = False  # whether the values must not be shown, as those of the parent
    is_optional: bool = False  # whether paths may leave this step out
    depth: int = field(init=False, default=0)  # how many steps lead here that paths must name

    def __post_init__(self) -> None:
        if self.parent is not None:
            self.depth = self.parent.depth + (not self.is_optional)
            self.secret = self.secret or self.parent.secret

    def steps(self) -> list[Location]:
        """Return the locations from the outcome as a whole to this one."""
        found: list[Location] = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found[::-1]

    def __str__(self) -> str:
        root, *steps = self.steps()
        text = "".join(step.text for step in steps)
        if root.text or not text.startswith("."):
            return f"{root.text or 'result'}{text}"
        return text[1:]

    def matches(self, path: tuple[str, ...]) -> bool:
        """Return whether a path leads here; its first steps may name the outcome, and `*` is any one step."""
        if self.depth > len(path):
            return False
        root, *steps = self.steps()
        inner = [path]
        # A returned value is named only where it is shown with a name, as in `result[0]`. In `result.a`, `result` is a key.
        names = root.keys or (("result",) if steps and steps[0].text.startswith("[") else ())
        for prefix in (tuple(name.split(".")) for name in names):
            if path[: len(prefix)] == prefix:
                inner.append(path[len(prefix) :])
        return any(_leads(wanted, steps) for wanted in inner)

    def path(self) -> str | None:
        """Return a path that leads here, for `volatile=`, with `*` for indexes; None if there is none."""
        root, *steps = self.steps()
        path = "" if steps else ".".join(root.keys[:1])
        for step in steps:
            if step.is_optional:
                continue
            if step.parent is not None and step.parent.secret:
                return None
            name = "*" if _INDEX.search(step.text) else next(iter(step.keys), "")
            if _PLAIN_STEP.fullmatch(name):
                path += f".{name}" if path else name
            elif path and name and not {"'", "\n"} & set(name):
                path += f"['{name}']"
            else:
                return None
        return path or None

    def make_optional(self) -> None:
        """Let paths leave this step out. To be called before there are locations further in."""
        if self.parent is not None and not self.is_optional:
            self.is_optional = True
            self.depth -= 1


def _leads(path: tuple[str, ...], steps: Sequence[Location]) -> bool:
    """Check whether a path leads along these steps, of which it may leave out the optional ones."""
    if not steps:
        return not path
    step, rest = steps[0], steps[1:]
    if path and (path[0] == "*" or path[0] in step.keys) and _leads(path[1:], rest):
        return True
    return step.is_optional and _leads(path, rest)


@dataclass(slots=True)
class Lines:
    """The differences found so far."""

    redactor: Redactor
    secrets: frozenset[str] = frozenset()
    grouped: bool = False  # whether equal kinds of differences in many items make one line
    limit: int = 10  # the number of lines to keep; further differences are only counted
    # Gets the path of each difference, as `volatile=` takes it; None for a difference without one.
    paths: dict[str | None, None] = field(default_factory=dict)
    count: int = field(init=False, default=0)
    _lines: dict[object, str] = field(init=False, default_factory=dict)
    _repeated: Counter[object] = field(init=False, default_factory=Counter)

    def all(self) -> list[str]:
        """Return the first lines, and the number of further differences."""
        lines = [
            f"{line} (and {self._repeated[key]} more like it)" if self._repeated[key] else line
            for key, line in self._lines.items()
        ]
        more = self.count - len(lines)
        return [*lines, f"and {more} more"] if more else lines

    def add(self, location: Location | str, fact: str) -> None:
        self.count += 1
        self._note(location)
        if len(self._lines) < self.limit:
            self._lines[self.count] = hide_values(f"{location}{fact}", self.secrets)

    def entry(self, parent: Location, key: object) -> Location:
        """Return the location of the value under a key of a mapping."""
        if parent.secret:
            return Location(f"[{PLACEHOLDER}]", (str(key),), parent)
        secret = self.redactor.secret(key)
        if type(key) is str:
            found = Location("" if key in _VALUE_TAGS else key_step(key), (key,), parent, secret)
            if key in _VALUE_TAGS:
                found.make_optional()
            return found
        names = (str(key),) if type(key) is int else ()
        return Location(f"[{self.text(key)}]", names, parent, secret)

    def differ(self, location: Location, recorded: object, actual: object) -> None:
        """Add that two values differ as a whole; one of them may be `ABSENT`."""
        self._note(location)
        group: object = self.count, "line"
        if self.grouped:
            path = "".join("[*]" if _INDEX.match(step.text) else step.text for step in location.steps())
            group = path, type(recorded), type(actual)
        if group in self._lines:
            self._repeated[group] += 1
            return
        self.count += 1
        if len(self._lines) < self.limit:
            fact = self.fact(location, recorded, actual)
            self._lines[group] = hide_values(f"{location}: {fact}", self.secrets)

    def _note(self, location: Location | str) -> None:
        if self.limit and len(self.paths) < _MOST_PATHS:
            path = location.path() if isinstance(location, Location) else None
            is_shown = path is not None and hide_values(path, self.secrets) == path
            self.paths[path if is_shown else None] = None

    def fact(self, location: Location, recorded: object, actual: object) -> str:
        if recorded is ABSENT:
            return Difference("", None, render(self._described(location, actual), _WIDTH)).fact()
        if actual is ABSENT:
            return Difference("", render(self._described(location, recorded), _WIDTH), None).fact()
        kind = type(recorded)
        if (
            kind is type(actual)
            and kind in (str, bytes, bytearray)
            and not self._is_hidden(location, recorded)
        ):
            texts = self._readable(recorded), self._readable(actual)
            if texts[0] != texts[1]:
                quote = repr if kind is str else lambda text: repr(text.encode("latin-1"))
                return Difference("", *focused(*texts, quote)).fact()
        old, new = self._described(location, recorded), self._described(location, actual)
        return Difference("", *sides(old, new)).fact()

    def text(self, value: object) -> str:
        """Return a value in a few words."""
        return render(self._described(Location(""), value), _WIDTH)

    def _readable(self, value: Any) -> str:
        """Return the whole text without secrets; for bytes, one character each."""
        text = value if type(value) is str else value.decode("latin-1")
        return self.redactor.texts.scrub_text(text, self.secrets | secrets_in(value, self.redactor))

    def _is_hidden(self, location: Location, value: object) -> bool:
        if location.secret:
            return value is not None and type(value) is not bool
        return any(self.redactor.hides(name, value) for name in location.keys)

    def _described(self, location: Location, value: object) -> object:
        if self._is_hidden(location, value):
            return PLACEHOLDER
        return describe(value, self.redactor, budget=_SIDE, secrets=self.secrets)
