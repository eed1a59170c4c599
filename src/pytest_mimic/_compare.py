"""What a real call's outcome has in other parts than its recording, one readable line each."""

from __future__ import annotations

import enum
import re
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from numbers import Number
from typing import TYPE_CHECKING, Any, Literal

from pytest_mimic._describe import Budget, Difference, describe, key_step, render, secrets_in, sides
from pytest_mimic._describe.parts import attributes_of, digest, is_pair, library_of, type_name
from pytest_mimic._vault.redact import PLACEHOLDER, Redactor

if TYPE_CHECKING:
    from pytest_mimic._outcome import Outcome

_SHOWN = 10
_PATTERNS = 10
_SIDE = Budget(characters=400, items=10, depth=4, text=400)
_ABSENT: Any = object()


def compare(
    recorded: Outcome,
    actual: Outcome,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    volatile: Sequence[str] = (),
    mode: Literal["exact", "shape"] = "exact",
    redactor: Redactor,
    secrets: Iterable[str] = (),
) -> list[str]:
    """The differences between two outcomes, as lines to read; none where they are equal.

    Exact comparison is that of identity: types count, NaN equals itself, the order of a dict does not count.

    Args:
        recorded: What the vault holds.
        actual: What the real call gave.
        rtol: Tolerance for numbers, relative to the recorded one.
        atol: Tolerance for numbers, absolute; both add up.
        volatile: Paths in the outcome to leave out (`headers.date`, `rows.*.id`).
        mode: `shape` compares keys, types and lengths of tuples only.
        redactor: Tells which names are secret.
        secrets: Texts known to be secret, which no line may show.
    """
    comparison = _Comparison(
        close=_Closeness(rtol, atol),
        volatile=[_steps(path) for path in volatile],
        shape=mode == "shape",
        redactor=redactor,
        secrets=frozenset(secrets),
    )
    comparison.outcomes(recorded, actual)
    comparison.changes(recorded.changed, actual.changed)
    return comparison.told()


def _steps(path: str) -> tuple[str, ...]:
    return tuple(re.sub(r"\[([^\]]*)\]", r".\1", path).strip(".").split("."))


class _Place:
    """Where in an outcome a pair of values stands."""

    __slots__ = ("depth", "key", "parent", "secret", "text")

    def __init__(self, text: str, key: str = "", parent: _Place | None = None, *, secret: bool = False) -> None:
        self.text = text
        self.key = key
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self.secret: bool = secret or (parent is not None and parent.secret)

    def walk(self) -> list[_Place]:
        """From the outcome itself to here."""
        found = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found[::-1]

    def __str__(self) -> str:
        root, *steps = self.walk()
        text = "".join(step.text for step in steps)
        if root.text or not text:
            return f"{root.text or 'result'}{text}"
        return text[1:] if text.startswith(".") else f"result{text}"

    def general(self) -> str:
        """The path with every index starred."""
        return "".join("[*]" if re.match(r"\[\d+\]", step.text) else step.text for step in self.walk())

    def matches(self, pattern: tuple[str, ...]) -> bool:
        if self.depth != len(pattern):
            return False
        keys = (step.key for step in self.walk()[1:])
        return all(want in ("*", key) for want, key in zip(pattern, keys, strict=True))


class _Closeness:
    """When two numbers count as equal."""

    def __init__(self, rtol: float, atol: float) -> None:
        self.rtol = rtol
        self.atol = atol
        self.exact = not (rtol or atol)

    def __call__(self, recorded: Any, actual: Any) -> bool:
        if recorded != recorded or actual != actual:
            return bool(recorded != recorded and actual != actual)
        if self.exact or isinstance(recorded, bool):
            return bool(recorded == actual) and str(recorded) == str(actual)
        if recorded == actual:
            return True
        kind = Decimal if isinstance(recorded, Decimal) else float
        try:
            allowed = kind(self.atol) + kind(self.rtol) * abs(recorded)
            return bool(abs(actual - recorded) <= allowed < float("inf"))
        except (ArithmeticError, TypeError):
            return False


class _Comparison:
    """One walk over two outcomes, side by side, without recursion: nesting may be any depth."""

    def __init__(
        self,
        *,
        close: _Closeness,
        volatile: list[tuple[str, ...]],
        shape: bool,
        redactor: Redactor,
        secrets: frozenset[str],
    ) -> None:
        self.close = close
        self.volatile = volatile
        self.shape = shape
        self.redactor = redactor
        self.secrets = secrets
        self.count = 0
        self.lines: dict[object, str] = {}
        self.repeated: Counter[object] = Counter()
        self.todo: list[tuple[_Place, Any, Any]] = []
        self.seen: dict[tuple[int, int], tuple[Any, Any]] = {}

    # What is told

    def told(self) -> list[str]:
        lines = [
            f"{line} (and {self.repeated[key]} more like it)" if self.repeated[key] else line
            for key, line in self.lines.items()
        ]
        more = self.count - len(lines)
        return [*lines, f"and {more} more"] if more > 0 else lines

    def tell(self, line: str, key: object = None) -> None:
        """Adds a line, as long as there are few."""
        self.count += 1
        if len(self.lines) < _SHOWN:
            self.lines[self.count if key is None else key] = self.redactor_text(line)

    def redactor_text(self, line: str) -> str:
        from pytest_mimic._vault.redact import hide_values

        return hide_values(line, self.secrets)

    def differ(self, place: _Place, recorded: Any, actual: Any) -> None:
        """Tells that the two values differ as a whole."""
        key = None
        if self.shape:
            key = (place.general(), type(recorded), type(actual), recorded is _ABSENT, actual is _ABSENT)
            if key in self.lines:
                self.repeated[key] += 1
                return
        if len(self.lines) >= _SHOWN:
            self.count += 1
            return
        self.tell(self.line(place, recorded, actual), key)

    def line(self, place: _Place, recorded: Any, actual: Any) -> str:
        old, new = self.shown(place, recorded), self.shown(place, actual)
        if recorded is _ABSENT:
            return f"{place}: {render(new, 70)} now, not in the recording"
        if actual is _ABSENT:
            return Difference(str(place), render(old, 70), None).line()
        if place.secret:
            return f"{place}: {PLACEHOLDER} recorded, another value now"
        return Difference(str(place), *sides(old, new)).line()

    def shown(self, place: _Place, value: Any) -> Any:
        if place.secret and value is not None:
            return PLACEHOLDER
        return None if value is _ABSENT else describe(value, self.redactor, budget=_SIDE)

    # Outcomes

    def outcomes(self, recorded: Outcome, actual: Outcome, name: str = "") -> None:
        if recorded.kind != actual.kind:
            self.tell(f"{name or 'it'} {self.summary(recorded)} when recorded, {self.summary(actual)} now")
        elif recorded.kind == "stream":
            self.stream(recorded, actual)
        elif recorded.kind == "raised":
            old, new = recorded.exception, actual.exception
            self.values(_Place(type(old).__qualname__ if type(old) is type(new) else "exception"), old, new)
        else:
            self.values(_Place(name), recorded.value, actual.value)

    def summary(self, outcome: Outcome) -> str:
        if outcome.kind == "stream":
            return f"gave a stream of {len(outcome.items)} items"
        if outcome.kind == "raised":
            return f"raised {self.text(outcome.exception)}"
        return f"returned {self.text(outcome.value)}"

    def text(self, value: object) -> str:
        return render(describe(value, self.redactor, budget=_SIDE), 70)

    def stream(self, recorded: Outcome, actual: Outcome) -> None:
        """Items as far as both were read, then how the streams ended."""
        old, new = list(recorded.items), list(actual.items)
        if actual.end is None:
            del old[len(new) :]
        if recorded.end is None:
            del new[len(old) :]
        self.values(_Place("items"), old, new)
        if recorded.end is not None and actual.end is not None:
            self.outcomes(recorded.end, actual.end, "the end of the stream")

    def changes(self, recorded: dict[str, object], actual: dict[str, object]) -> None:
        """The arguments that the call changed, after it."""
        for name in [*recorded, *(name for name in actual if name not in recorded)]:
            place = _Place(f"argument {name}", secret=self.redactor.secret(name))
            self.values(place, recorded.get(name, _ABSENT), actual.get(name, _ABSENT))

    # Values

    def values(self, root: _Place, recorded: Any, actual: Any) -> None:
        """Compares two values and all that is in them."""
        self.secrets |= secrets_in(recorded, self.redactor) | secrets_in(actual, self.redactor)
        before = self.count
        self.todo.append((root, recorded, actual))
        while self.todo:
            self.pair(*self.todo.pop())
        if self.count == before and not self.shape and self.close.exact and not self.volatile:
            if _fingerprints_differ(recorded, actual):
                self.tell(f"{root}: differs from the recording in a part that has no readable form")

    def pair(self, place: _Place, recorded: Any, actual: Any) -> None:
        if recorded is actual or any(place.matches(pattern) for pattern in self.volatile):
            return
        if recorded is _ABSENT or actual is _ABSENT or not _same_type(recorded, actual):
            self.differ(place, recorded, actual)
        elif isinstance(recorded, (str, bytes, bytearray)):
            self.leaf(place, recorded, actual, recorded == actual)
        elif library_of(type(recorded)) is not None:
            self.library(place, recorded, actual)
        elif isinstance(recorded, enum.Enum):
            self.leaf(place, recorded, actual, recorded._name_ == actual._name_)
        elif isinstance(recorded, Number):
            self.leaf(place, recorded, actual, self.close(recorded, actual))
        else:
            self.compound(place, recorded, actual)

    def leaf(self, place: _Place, recorded: Any, actual: Any, equal: bool) -> None:
        if not self.shape and not equal:
            self.differ(place, recorded, actual)

    def compound(self, place: _Place, recorded: Any, actual: Any) -> None:
        pair = id(recorded), id(actual)
        if pair in self.seen:
            return
        self.seen[pair] = recorded, actual
        if isinstance(recorded, dict):
            self.mapping(place, recorded, actual)
        elif isinstance(recorded, (list, tuple, deque)):
            self.items(place, recorded, actual)
        elif isinstance(recorded, (set, frozenset)):
            self.members(place, recorded, actual)
        elif isinstance(recorded, BaseException):
            self.exception(place, recorded, actual)
        else:
            self.object(place, recorded, actual)

    def mapping(self, place: _Place, recorded: dict[Any, Any], actual: dict[Any, Any]) -> None:
        self.attributes(place, recorded, actual)
        old, new = _by_key(recorded), _by_key(actual)
        self.parts(place, old, new, _key_text)
        if "OrderedDict" in [base.__name__ for base in type(recorded).__mro__] and not self.shape:
            if list(old) != list(new) and old.keys() == new.keys():
                self.tell(f"{place}: the keys are in another order now")

    def attributes(self, place: _Place, recorded: object, actual: object) -> None:
        old = {name: (name, part) for name, part in attributes_of(recorded).items()}
        new = {name: (name, part) for name, part in attributes_of(actual).items()}
        self.parts(place, old, new, lambda name: f".{name}")

    def parts(self, place: _Place, old: Any, new: Any, text: Any) -> None:
        """Pairs named parts with each other: {identity: (name, value)}."""
        pairs = []
        for identity in [*old, *(identity for identity in new if identity not in old)]:
            name = (old.get(identity) or new.get(identity))[0]
            inner = _Place(text(name), str(name), place, secret=self.redactor.secret(name))
            pairs.append((inner, old.get(identity, (0, _ABSENT))[1], new.get(identity, (0, _ABSENT))[1]))
        self.todo.extend(reversed(pairs))

    def items(self, place: _Place, recorded: Any, actual: Any) -> None:
        self.attributes(place, recorded, actual)
        if self.shape and not isinstance(recorded, tuple):
            self.patterns(place, list(recorded), list(actual))
            return
        secret = is_pair(recorded) and self.redactor.secret(recorded[0])
        if len(recorded) != len(actual) and abs(len(recorded) - len(actual)) > 3:
            self.tell(f"{place}: {len(recorded)} items recorded, {len(actual)} now")
            longest = min(len(recorded), len(actual))
        else:
            longest = max(len(recorded), len(actual))
        old, new = list(recorded), list(actual)
        old += [_ABSENT] * (longest - len(old))
        new += [_ABSENT] * (longest - len(new))
        pairs = [
            (_Place(f"[{n}]", str(n), place, secret=secret), old[n], new[n]) for n in range(longest)
        ]
        self.todo.extend(reversed(pairs))

    def patterns(self, place: _Place, recorded: list[Any], actual: list[Any]) -> None:
        """Every item now must have the shape of one that was recorded; an empty recording says nothing."""
        shapes = recorded[:1] + [item for item in recorded[1:_PATTERNS] if not self.alike(recorded[0], item)]
        pairs = []
        for n, item in enumerate(actual if shapes else ()):
            fitting = [shape for shape in shapes if len(shapes) > 1 and self.alike(shape, item)]
            pairs.append((_Place(f"[{n}]", str(n), place), (fitting or shapes)[0], item))
        self.todo.extend(reversed(pairs))

    def alike(self, recorded: Any, actual: Any) -> bool:
        """Whether two values have the same shape."""
        inner = _Comparison(
            close=self.close, volatile=[], shape=True, redactor=self.redactor, secrets=self.secrets
        )
        inner.todo.append((_Place(""), recorded, actual))
        while inner.todo and not inner.count:
            inner.pair(*inner.todo.pop())
        return not inner.count

    def members(self, place: _Place, recorded: Any, actual: Any) -> None:
        self.attributes(place, recorded, actual)
        if self.shape:
            self.patterns(place, sorted(recorded, key=repr), sorted(actual, key=repr))
            return
        old, new = {_identity(item): item for item in recorded}, {_identity(item): item for item in actual}
        for side, other, left in ((old, new, True), (new, old, False)):
            missing = [item for identity, item in side.items() if identity not in other]
            for text, item in sorted((self.text(item), item) for item in missing):
                inner = _Place(f"{{{text}}}", text, place)
                self.differ(inner, item if left else _ABSENT, _ABSENT if left else item)

    def exception(self, place: _Place, recorded: BaseException, actual: BaseException) -> None:
        self.attributes(place, recorded, actual)
        self.todo.append((_Place(".__cause__", "__cause__", place), recorded.__cause__, actual.__cause__))
        self.todo.append((_Place(".args", "args", place), recorded.args, actual.args))

    def object(self, place: _Place, recorded: Any, actual: Any) -> None:
        stand_in = getattr(type(recorded), "__mimic_identity__", None)
        if stand_in is not None:
            self.todo.append((place, stand_in(recorded), stand_in(actual)))
        elif isinstance(recorded, type) or callable(recorded) or not attributes_of(recorded):
            self.leaf(place, recorded, actual, _equal(recorded, actual))
        else:
            self.attributes(place, recorded, actual)

    # Arrays and frames

    def library(self, place: _Place, recorded: Any, actual: Any) -> None:
        from pytest_mimic._tables import opened

        if self.close.exact and not self.shape and _fingerprints_differ(recorded, actual) is False:
            return
        old, new = opened(recorded), opened(actual)
        if old is None or new is None:
            self.leaf(place, recorded, actual, _equal(recorded, actual))
        elif isinstance(old, dict):
            self.todo.extend(
                (_Place(key_step(name), name, place), old.get(name, _ABSENT), new.get(name, _ABSENT))
                for name in reversed([*old, *(name for name in new if name not in old)])
            )
        else:
            self.array(place, old, new)

    def array(self, place: _Place, recorded: Any, actual: Any) -> None:
        for name in ("dtype", "ndim") if self.shape else ("dtype", "shape"):
            old, new = getattr(recorded, name), getattr(actual, name)
            if old != new:
                self.tell(f"{place}: {name} {old} recorded, {new} now")
                return
        if self.shape:
            return
        differing = self.differing(recorded, actual)
        if not differing:
            return
        first = differing[0]
        if not recorded.shape:
            self.differ(place, recorded.item(), actual.item())
            return
        where = _Place(f"[{', '.join(map(str, first))}]", "", place)
        line = self.line(where, recorded[first], actual[first]).removeprefix(f"{where}: ")
        at = f"[{', '.join(map(str, first))}]"
        self.tell(f"{place}: {len(differing)} of {recorded.size} elements differ, first {at}: {line}")

    def differing(self, recorded: Any, actual: Any) -> list[tuple[int, ...]]:
        """Indexes of the elements that differ."""
        numpy = sys.modules["numpy"]
        if recorded.dtype.hasobject or recorded.dtype.names:
            flat = zip(recorded.ravel().tolist(), actual.ravel().tolist(), strict=True)
            mask = numpy.array([not self.equal(old, new) for old, new in flat], dtype=bool)
            mask = mask.reshape(recorded.shape)
        else:
            mask = _unequal(numpy, recorded, actual, self.close)
        return [tuple(int(n) for n in where) for where in numpy.argwhere(mask)]

    def equal(self, recorded: Any, actual: Any) -> bool:
        inner = _Comparison(
            close=self.close, volatile=[], shape=False, redactor=self.redactor, secrets=self.secrets
        )
        inner.todo.append((_Place(""), recorded, actual))
        while inner.todo and not inner.count:
            inner.pair(*inner.todo.pop())
        return not inner.count


def _unequal(numpy: Any, recorded: Any, actual: Any, close: _Closeness) -> Any:
    """Which elements of two arrays of one dtype and shape differ; NaN and NaT equal themselves."""
    if recorded.dtype.kind == "c" and close.exact:
        real = _unequal(numpy, recorded.real, actual.real, close)
        return real | _unequal(numpy, recorded.imag, actual.imag, close)
    empty = (recorded != recorded) & (actual != actual)
    if recorded.dtype.kind in "fciu" and not close.exact:
        with numpy.errstate(all="ignore"):
            near = numpy.isclose(actual, recorded, rtol=close.rtol, atol=close.atol)
        return ~(near | empty | (recorded == actual))
    equal = recorded == actual
    if recorded.dtype.kind == "f":
        equal &= numpy.signbit(recorded) == numpy.signbit(actual)
    return ~(equal | empty)


def _same_type(recorded: object, actual: object) -> bool:
    return type(recorded) is type(actual) or type_name(type(recorded)) == type_name(type(actual))


def _by_key(mapping: dict[Any, Any]) -> dict[object, tuple[Any, Any]]:
    return {_identity(key): (key, value) for key, value in mapping.items()}


def _identity(key: Any) -> object:
    """What makes a key or a member of a set the same: `1`, `1.0` and `True` are three."""
    if type(key) is str:
        return key
    if isinstance(key, (int, float, bytes)) or key is None:
        return type(key), repr(key)
    return type(key), digest(key) or key


def _key_text(key: Any) -> str:
    return key_step(key) if isinstance(key, str) else f"[{key!r}]"


def _fingerprints_differ(recorded: object, actual: object) -> bool | None:
    """Whether two values have different identities; None where one has none."""
    old, new = digest(recorded), digest(actual)
    return None if old is None or new is None else old != new


def _equal(recorded: Any, actual: Any) -> bool:
    """Equality of what has no parts to look at: by identity, else as Python has it."""
    differ = _fingerprints_differ(recorded, actual)
    if differ is not None:
        return not differ
    try:
        return bool(recorded == actual)
    except Exception:  # a comparison that fails shows no equality
        return False
