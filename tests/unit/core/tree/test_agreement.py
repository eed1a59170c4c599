"""Two outcomes are compared exactly or within tolerances, and each difference is one readable line."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import math
import re
import threading
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from pytest_mimic._core.outcome.encoding import snapshot
from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree import agreement
from pytest_mimic._core.tree.difference_words import difference_lines
from unit.core.tree.values import stream

NAN = float("nan")

given = Value
END = given(None)


def failed(exception: BaseException) -> Outcome:
    return Raised(exception)


def streamed(items: Sequence[object], end: Outcome | None = None) -> Outcome:
    return Stream(items, end=end)


def compare(
    recorded: Outcome, actual: Outcome, *, secrets: Sequence[str] = (), **options: Any
) -> list[str]:
    """Return the differences between two outcomes."""
    rules = agreement.ComparisonRules(**options)
    return difference_lines(
        agreement.compare(recorded, actual, rules, redactor=Redactor(), secrets=secrets)
    )


def lines(recorded: object, actual: object, **options: Any) -> list[str]:
    """Return the differences between two returned values."""
    return compare(given(recorded), given(actual), **options)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Rate:
    base: str
    value: object = 1.5


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, **parts: object) -> None:
        for name, part in parts.items():
            setattr(self, name, part)


class OwnIdentity:
    def __init__(self, name: str, *, cache: int) -> None:
        self.name = name
        self.cache = cache

    def __mimic_identity__(self) -> dict[str, str]:
        return {"name": self.name}


def moved_to_end(key: str, ordered: collections.OrderedDict[str, int]) -> object:
    ordered.move_to_end(key)
    return ordered


class Opaque:
    """A value without attributes and identity, which can be compared with ==."""

    __slots__ = ()
    equal = True

    def __mimic_identity__(self) -> object:
        raise ValueError("none")

    def __eq__(self, other: object) -> bool:
        return self.equal

    __hash__ = None  # type: ignore[assignment]


class Unequal(Opaque):
    __slots__ = ()
    equal = False


class Incomparable(Opaque):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not today")

    __hash__ = None


class Failure(Exception):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def cycle(last: int) -> list[object]:
    value: list[object] = [1]
    value += [value, last]
    return value


def ring(name: str) -> Rate:
    value = Rate(name)
    value.value = [value]
    return value


def deep(inner: object) -> object:
    for _ in range(50_000):
        inner = [inner]
    return inner


EQUAL: list[tuple[object, object]] = [
    (NAN, float("nan")),
    ({"a": [NAN]}, {"a": [float("nan")]}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    (Rate("EUR"), Rate("EUR")),
    (Slotted(a=1), Slotted(a=1)),
    (OwnIdentity("a", cache=1), OwnIdentity("a", cache=2)),
    (functools.partial(max, 1), functools.partial(max, 1)),
    (Opaque(), Opaque()),
    (cycle(1), cycle(1)),
    ({NAN: 1}, {float("nan"): 1}),
    ({Point(1, 2): 1}, {Point(1, 2): 1}),
]


@pytest.mark.parametrize(("recorded", "actual"), EQUAL)
def test_equal_outcomes_have_no_differences(recorded: object, actual: object) -> None:
    assert lines(recorded, actual) == []


DIFFERENT: list[tuple[object, object, list[str] | None]] = [
    (1, True, ["result: 1 recorded, True now"]),
    (1, 1.0, ["result: 1 recorded, 1.0 now"]),
    (0.0, -0.0, ["result: 0.0 recorded, -0.0 now"]),
    (complex(0, 0.0), complex(0, -0.0), ["result: 0j recorded, -0j now"]),
    (1.0, NAN, ["result: 1.0 recorded, nan now"]),
    (decimal.Decimal("1.5"), decimal.Decimal("1.50"), ["result: 1.5 recorded, 1.50 now"]),
    (decimal.Decimal(1), 1, ["result: 1 (Decimal) recorded, 1 (int) now"]),
    ([10**5000], [10**5000 + 1], None),
    (b"ab", b"ac", ["result: b'ab' recorded, b'ac' now"]),
    (Color.RED, Color.BLUE, ["result: Color.RED recorded, Color.BLUE now"]),
    (
        {"rates": {"USD": 1.0712, "HRK": 7.5}},
        {"rates": {"USD": 1.0698, "NEW": 3}},
        [
            "rates.USD: 1.0712 recorded, 1.0698 now",
            "rates.HRK: 7.5 recorded, missing now",
            "rates.NEW: 3 now, not in the recording",
        ],
    ),
    ({"two words": 1}, {"two words": 2}, ["result['two words']: 1 recorded, 2 now"]),
    ({1: "a"}, {True: "a"}, ["result[1]: 'a' recorded, missing now", "result[True]: 'a' now, not in the recording"]),
    ({Point(1, 2): "a"}, {Point(1, 2): "b"}, ["result[Point(x=1, y=2)]: 'a' recorded, 'b' now"]),
    ([1, (1,)], [1, [1]], ["result[1]: (1,) recorded, [1] now"]),
    ([1, 2, 3], [1, 3], ["result[1]: 2 recorded, missing now"]),
    ([1, 3], [0, 1, 3], ["result[0]: 0 now, not in the recording"]),
    (list(range(9)), [], ["result: 9 items recorded, 0 items now"]),
    ({1, "a"}, {1, "b"}, ["result{'a'}: 'a' recorded, missing now", "result{'b'}: 'b' now, not in the recording"]),
    (frozenset({1}), {1}, ["result: frozenset({1}) recorded, {1} now"]),
    (Rate("EUR", [1]), Rate("EUR", [2]), ["value[0]: 1 recorded, 2 now"]),
    (Rate("EUR"), Point(1, 2), ["result: Rate(base='EUR', value=1.5) recorded, Point(x=1, y=2) now"]),
    (Slotted(a=1), Slotted(b=1), ["a: 1 recorded, missing now", "b: 1 now, not in the recording"]),
    (OwnIdentity("a", cache=1), OwnIdentity("b", cache=1), ["name: 'a' recorded, 'b' now"]),
    (collections.Counter("aab"), collections.Counter("ab"), ["a: 2 recorded, 1 now"]),
    (
        collections.defaultdict(int, a=1),
        collections.defaultdict(lambda: 0, a=1),
        [f"default_factory: <class builtins:int> recorded, <function {__name__}:<lambda>> now"],
    ),
    (
        collections.OrderedDict(a=1, b=2),
        collections.OrderedDict(b=2, a=1),
        ["result: the keys are in another order now"],
    ),
    (
        moved_to_end("a", collections.OrderedDict(a=1, b=2)),
        collections.OrderedDict(a=1, b=2),
        ["result: the keys are in another order now"],
    ),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), ["a: 1 recorded, 2 now"]),
    (io.BytesIO(b"a"), io.BytesIO(b"b"), ["result: b'a' recorded, b'b' now"]),
    (datetime.date(2024, 4, 30), datetime.date(2024, 5, 1), ["result: 2024-04-30 recorded, 2024-05-01 now"]),
    (functools.partial(max, 1), functools.partial(max, 2), ["args[0]: 1 recorded, 2 now"]),
    (len, max, ["result: <function builtins:len> recorded, <function builtins:max> now"]),
    (Opaque(), Unequal(), ["result: <Opaque> recorded, <Unequal> now"]),
    (Incomparable(), Incomparable(), ["result: <Incomparable> recorded, another value now"]),
    (ring("EUR"), ring("USD"), ["base: 'EUR' recorded, 'USD' now"]),
    (cycle(1), cycle(2), ["result[2]: 1 recorded, 2 now"]),
]  # fmt: skip


@pytest.mark.parametrize(("recorded", "actual", "expected"), DIFFERENT)
def test_each_difference_is_one_readable_line(
    recorded: object, actual: object, expected: list[str] | None
) -> None:
    found = lines(recorded, actual)

    assert len(found) == 1 if expected is None else found == expected


@pytest.mark.rare
def test_outcomes_deeper_than_the_recursion_limit_are_compared() -> None:
    assert lines(deep(1), deep(1)) == []
    (line,) = lines(deep(1), deep(2))
    assert re.search(r"\]: <list of 1 #\w{8}> recorded, <list of 1 #\w{8}> now$", line)


def test_a_difference_without_readable_form_is_a_line() -> None:
    old, new = io.BytesIO(b"ab"), io.BytesIO(b"ab")
    new.seek(1)

    assert lines([old], [new]) == [
        "result[0]: differs from the recording in a part that has no readable form"
    ]


@pytest.mark.parametrize("options", [{"volatile": ["n"]}, {"rtol": 0.5}])
def test_what_no_tree_shows_is_a_difference_beside_what_is_left_out_or_close(
    options: Any,
) -> None:
    old, new = io.BytesIO(b"ab"), io.BytesIO(b"ab")
    new.seek(1)

    assert lines({"n": 1.0, "file": old}, {"n": 1.1, "file": new}, **options) == [
        "file: differs from the recording in a part that has no readable form"
    ]
    assert lines({"n": 1.0, "file": old}, {"n": 1.1, "file": old}, **options) == []


def test_long_texts_are_shown_where_they_differ() -> None:
    """A secret in them is not shown; texts that differ only in secrets are reported as such."""
    text = "x " * 4_500

    assert lines(f"{text}old {text}", f"{text}new {text}") == [
        f"result, [-recorded-] {{+now+}}: ...{'x ' * 30}[-old-]{{+new+}} {'x ' * 30}..."
    ]
    [line] = lines(f"{text} old hunter22", f"{text} new hunter22", secrets={"hunter22"})
    assert line.endswith("x  [-old-]{+new+} <redacted>")
    [line] = lines(
        f"{text} hunter22", f"{text} hunter23", secrets={"hunter22", "hunter23"}
    )
    assert "hunter" not in line


def test_no_line_shows_a_secret() -> None:
    recorded = {
        "token": "abcdef",
        "text": "x abcdef",
        "pairs": [("X-Api-Key", "k1"), ["X-Api-Key", "k2"]],
        "n": {"password": None},
    }
    actual = {
        "token": "ghijkl",
        "text": "x hunter2",
        "pairs": [("X-Api-Key", "k3"), ["X-Api-Key", "k4"]],
        "n": {"password": "pw"},
    }

    assert lines(recorded, actual, secrets=["hunter2"]) == [
        "token: <redacted> recorded, another value now",
        "text: 'x <redacted>' recorded, another value now",
        "pairs[0][1]: <redacted> recorded, another value now",
        "pairs[1][1]: <redacted> recorded, another value now",
        "n.password: None recorded, <redacted> now",
    ]


def test_no_line_shows_secret_keys_or_columns() -> None:
    pandas = pytest.importorskip("pandas")
    recorded = {
        "credentials": {"hunter2": 1},
        "column": pandas.Series(["hunter2"], name="password"),
    }
    actual = {
        "credentials": {"hunter3": 1},
        "column": pandas.Series(["hunter3"], name="password"),
    }

    found = lines(recorded, actual)

    assert found == [
        "credentials: <redacted> recorded, another value now",
        "column: <redacted> recorded, another value now",
    ]


def _with_private(number: int) -> object:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model(
        "Model", base=(str, "EUR"), _number=(int, pydantic.PrivateAttr(0))
    )
    made = model()
    made._number = number
    return made


_NIGHT = datetime.datetime(2024, 10, 27, 2, 30)
_HOUR = datetime.timedelta(hours=1)
_NAMED, _BARE = datetime.timezone(_HOUR, "CET"), datetime.timezone(_HOUR)


@pytest.mark.parametrize(
    ("recorded", "actual", "line"),
    [
        (
            collections.deque([1], 1),
            collections.deque([1], 2),
            "maxlen: 1 recorded, 2 now",
        ),
        (
            _NIGHT,
            _NIGHT.replace(fold=1),
            "2024-10-27T02:30:00 recorded, 2024-10-27T02:30:00 fold=1 now",
        ),
        (
            _NIGHT.time(),
            _NIGHT.time().replace(fold=1),
            "result: 02:30:00 recorded, 02:30:00 fold=1 now",
        ),
        (
            _NIGHT.replace(tzinfo=_BARE),
            _NIGHT.replace(tzinfo=_NAMED),
            "2024-10-27T02:30:00+01:00 recorded, 2024-10-27T02:30:00+01:00[CET] now",
        ),
        (
            _NAMED,
            datetime.timezone(2 * _HOUR, "CET"),
            "CET (UTC+01:00) recorded, CET (UTC+02:00) now",
        ),
        (_with_private(1), _with_private(2), "_number: 1 recorded, 2 now"),
    ],
    ids=[
        "maxlen",
        "a repeated hour",
        "a repeated time",
        "the name of a zone",
        "a zone",
        "private",
    ],
)
def test_parts_that_texts_leave_out_are_named(
    recorded: object, actual: object, line: str
) -> None:
    [found] = lines(recorded, actual)

    assert found.removeprefix("result: ") == line.removeprefix("result: ")


def _with_text(text: str) -> dict[str, Any]:
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    frame = pandas.DataFrame({"user": ["a"], "token": [text], "n": [1]})
    array = numpy.array([("a", text)], dtype=[("user", "U9"), ("password", "U9")])
    inner = numpy.array(
        [(("a", text),)], dtype=[("login", [("user", "U9"), ("password", "U9")])]
    )
    return {
        "an index of a frame": frame.set_index("token"),
        "an index with two levels": frame.set_index(["user", "token"]),
        "a row": frame.iloc[0],
        "a row of numbers": pandas.Series(
            [len(text), int(text[-1])], index=["n", "token"]
        ),
        "an array of records": array,
        "an inner record": inner,
    }


@pytest.mark.parametrize("kind", sorted(_with_text("measles0")))
def test_no_line_shows_a_secret_of_a_table_or_a_record(kind: str) -> None:
    recorded, actual = _with_text("measles0")[kind], _with_text("measles7")[kind]

    [line] = lines(recorded, actual)

    assert "<redacted>" in line
    assert not re.search(r"measles|\b[07] (recorded|now)", line)


# Tolerance


@pytest.mark.parametrize(
    ("recorded", "actual", "options"),
    [
        (1.0, 1.05, {"atol": 0.1}),
        (100.0, 101.0, {"rtol": 0.01}),
        (100.0, 102.0, {"rtol": 0.01, "atol": 1}),
        (100, 101, {"atol": 1}),
        (0.0, -0.0, {"atol": 1e-9}),
        (NAN, float("nan"), {"atol": 1}),
        (math.inf, math.inf, {"rtol": 1}),
        (1 + 1j, 1 + 1.05j, {"atol": 0.1}),
        (decimal.Decimal("1.10"), decimal.Decimal("1.2"), {"atol": 0.1}),
        (fractions.Fraction(1, 2), fractions.Fraction(3, 5), {"atol": 0.11}),
        ({"a": [1.0]}, {"a": [1.0 + 1e-12]}, {"rtol": 1e-9}),
        (Rate("EUR", 1.0), Rate("EUR", 1.0 + 1e-12), {"rtol": 1e-9}),
    ],
)
def test_numbers_within_tolerance_are_equal(
    recorded: object, actual: object, options: dict[str, float]
) -> None:
    assert lines(recorded, actual, **options) == []


@pytest.mark.parametrize(
    ("recorded", "actual", "options"),
    [
        (1.0, 1.2, {"atol": 0.1}),
        (math.inf, 5.0, {"rtol": 1.0}),
        (5.0, math.inf, {"rtol": 1.0, "atol": 5.0}),
        (5.0, NAN, {"atol": 10.0}),
        (True, False, {"atol": 1.0}),
        (1, 1.0, {"atol": 1.0}),
        (decimal.Decimal("sNaN"), decimal.Decimal(1), {"atol": 1.0}),
        (decimal.Decimal("Infinity"), decimal.Decimal(1), {"rtol": 1.0}),
        (10**400, 10**401, {"rtol": 0.1}),
        ("1.0", "1.1", {"atol": 1.0}),
    ],
)
def test_tolerance_is_for_finite_numbers_only(
    recorded: object, actual: object, options: dict[str, float]
) -> None:
    assert len(lines(recorded, actual, **options)) == 1


# Volatile parts


@pytest.mark.parametrize(
    ("recorded", "actual", "volatile"),
    [
        ({"headers": {"date": 1}, "n": 1}, {"headers": {}, "n": 1}, ["headers.date"]),
        (
            {"rows": [{"id": 1}, {"id": 2}]},
            {"rows": [{"id": 3}, {"id": 4}]},
            ["rows.*.id"],
        ),
        ({"rows": [1, 2]}, {"rows": [3, 2]}, ["rows[0]"]),
        ({"rows": [1, 2]}, {"rows": [1, 3]}, ["rows.-1"]),
        (Rate("EUR", 1), Rate("EUR", 2), ["value"]),
        (Point(1, 2), Point(1, 3), ["1"]),
        ({1: "a"}, {1: "b"}, ["1"]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 3}, ["*"]),
    ],
)
def test_volatile_parts_are_left_out(
    recorded: object, actual: object, volatile: list[str]
) -> None:
    assert lines(recorded, actual, volatile=volatile) == []


def failing(n: int) -> Outcome:
    return failed(ValueError("no", {"at": n}))


@pytest.mark.parametrize(
    ("recorded", "actual", "path"),
    [
        (streamed([{"t": 1}], END), streamed([{"t": 2}], END), "items[0].t"),
        (streamed([1], given({"t": 1})), streamed([1], given({"t": 2})), "end.t"),
        (failing(1), failing(2), "ValueError.args[1].at"),
        (given([1]), given([2]), "result[0]"),
        (given({"a": {"b c": 1}}), given({"a": {"b c": 2}}), "a['b c']"),
        (given({"b c": 1}), given({"b c": 2}), "result['b c']"),
    ],
)
def test_the_path_of_a_line_leaves_out_its_difference(
    recorded: Outcome, actual: Outcome, path: str
) -> None:
    [line] = compare(recorded, actual)

    assert line.startswith(f"{path}: ")
    assert compare(recorded, actual, volatile=[path]) == []
    assert compare(recorded, actual, volatile=[re.sub(r"\d", "*", path)]) == []


@pytest.mark.parametrize(
    ("recorded", "actual", "path"),
    [
        (streamed([{"t": 1}], END), streamed([{"t": 2}], END), "*.t"),
        (streamed([{"t": 1}], END), streamed([{"t": 2}], END), "items"),
        (failing(1), failing(2), "args"),
        (failing(1), failing(2), "ValueError"),
    ],
)
def test_a_path_may_name_the_outcome_itself(
    recorded: Outcome, actual: Outcome, path: str
) -> None:
    assert compare(recorded, actual, volatile=[path]) == []


def test_a_path_may_begin_with_a_key_named_result() -> None:
    assert lines(
        {"x": 1, "result": {"x": 1}},
        {"x": 2, "result": {"x": 2}},
        volatile=["result.x"],
    ) == ["x: 1 recorded, 2 now"]


# Exceptions, streams


def raised(recorded: BaseException, actual: BaseException) -> list[str]:
    return compare(failed(recorded), failed(actual))


def caused(cause: BaseException) -> ValueError:
    error = ValueError("x")
    error.__cause__ = cause
    return error


def noted(note: str) -> ValueError:
    error = ValueError("x")
    error.__notes__ = [note]  # type: ignore[attr-defined]  # add_note is new in 3.11
    return error


@pytest.mark.parametrize(
    ("recorded", "actual", "expected"),
    [
        (
            ValueError("a"),
            ValueError("b"),
            ["ValueError.args[0]: 'a' recorded, 'b' now"],
        ),
        (
            ValueError("a"),
            KeyError("a"),
            ["exception: ValueError('a') recorded, KeyError('a') now"],
        ),
        (Failure("a", 1), Failure("a", 2), ["Failure.code: 1 recorded, 2 now"]),
        (
            OSError(2, "no", "a"),
            OSError(2, "no", "b"),
            ["FileNotFoundError.filename: 'a' recorded, 'b' now"],
        ),
        (
            caused(KeyError("a")),
            caused(KeyError("b")),
            ["ValueError.__cause__.args[0]: 'a' recorded, 'b' now"],
        ),
        (
            caused(KeyError("a")),
            ValueError("x"),
            ["ValueError.__cause__: KeyError('a') recorded, missing now"],
        ),
        (noted("a"), noted("b"), ["ValueError.__notes__[0]: 'a' recorded, 'b' now"]),
    ],
)
def test_exceptions_are_compared_by_type_and_parts(
    recorded: BaseException, actual: BaseException, expected: list[str]
) -> None:
    assert raised(recorded, actual) == expected


def test_an_exception_that_an_extension_pickles_is_compared_by_what_it_holds() -> None:
    """The errors of pydantic's `ValidationError` stand in C, beside its arguments."""
    pydantic = pytest.importorskip("pydantic")

    def refused(given_value: object) -> BaseException:
        with pytest.raises(pydantic.ValidationError) as caught:
            pydantic.TypeAdapter(int).validate_python(given_value)
        return caught.value

    assert raised(refused("a"), refused("a")) == []
    assert raised(refused("a"), refused("b")) == [
        "differs from the recording in a part that has no readable form"
    ]


def test_another_kind_of_outcome_is_one_line() -> None:
    value, error = given({"a": 1}), failed(ValueError("no"))
    stream = streamed([1, 2])

    assert compare(value, error) == [
        "the call returned {'a': 1} when recorded, raised ValueError('no') now"
    ]
    assert compare(stream, value) == [
        "the call gave 2 items when recorded, returned {'a': 1} now"
    ]


@pytest.mark.parametrize(
    ("recorded", "actual", "expected"),
    [
        (streamed([1, 2], END), streamed([1, 3], END), ["items[1]: 2 recorded, 3 now"]),
        (
            streamed([1, 2], END),
            streamed([1], END),
            ["items[1]: 2 recorded, missing now"],
        ),
        (streamed([1, 2], END), streamed([1]), []),
        (streamed([1]), streamed([1, 2], END), []),
        (streamed([1, 2]), streamed([1], END), ["items[1]: 2 recorded, missing now"]),
        (streamed([1], given(3)), streamed([1], given(4)), ["end: 3 recorded, 4 now"]),
        (
            streamed([1], END),
            streamed([1], failed(ValueError("no"))),
            [
                "the end of the stream returned None when recorded, raised ValueError('no') now"
            ],
        ),
        (
            streamed([1], failed(ValueError("a"))),
            streamed([1], failed(ValueError("b"))),
            ["ValueError.args[0]: 'a' recorded, 'b' now"],
        ),
        (
            streamed([snapshot([1])]),
            streamed([[2]]),
            ["items[0][0]: 1 recorded, 2 now"],
        ),
    ],
)
def test_streams_are_compared_item_by_item(
    recorded: Outcome, actual: Outcome, expected: list[str]
) -> None:
    """Items count as far as both streams were read, and so does their end."""
    assert compare(recorded, actual) == expected


def test_values_without_identity_are_compared_part_by_part() -> None:
    lock = threading.Lock()

    assert lines({"lock": lock, "n": 1}, {"lock": lock, "n": 1}) == []
    assert lines({"lock": lock, "n": 1}, {"lock": lock, "n": 2}) == [
        "n: 1 recorded, 2 now"
    ]


# Libraries


def test_values_of_one_identity_are_equal_despite_tolerance() -> None:
    """The order of entries in a sparse array, and the class of an index, do not count."""
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed")
    places = numpy.array([0, 2])
    sorted_ = sparse.csr_matrix(
        (numpy.array([1.0, 2.0]), numpy.array([0, 1]), places), shape=(1, 2)
    )
    unsorted = sparse.csr_matrix(
        (numpy.array([2.0, 1.1]), numpy.array([1, 0]), places), shape=(1, 2)
    )
    frame = pandas.DataFrame({"n": [1.0, 2.0]})

    assert lines(sorted_, unsorted, atol=0.2) == []
    assert lines(sorted_, unsorted.tocoo(), atol=0.2) != []
    assert lines(frame, frame.set_axis([0, 1]) + 0.1, atol=0.2) == []
    assert lines(frame, frame.set_axis([0, 2]) + 0.1, atol=0.2) != []
    assert unsorted.indices.tolist() == [1, 0]


# Streams of events: left out by paths into each event


ONE = stream(("a", {"id": 1, "text": "x"}))


@pytest.mark.parametrize(
    "path", ["body.id", "body.data.id", "body.*.data.id", "body.0", "body.*"]
)
def test_a_path_may_leave_out_the_number_of_an_event_and_its_data(path):
    other = stream(("a", {"id": 2, "text": "x"}))

    assert len(lines({"body": ONE}, {"body": other})) == 1
    assert lines({"body": ONE}, {"body": other}, volatile=(path,)) == []


def test_other_fields_of_an_event_are_named():
    other = stream(("b", {"id": 1, "text": "x"}))

    assert lines({"body": ONE}, {"body": other}) == [
        "body[0].event: 'a' recorded, 'b' now"
    ]
    assert lines({"body": ONE}, {"body": other}, volatile=("body.event",)) == []
