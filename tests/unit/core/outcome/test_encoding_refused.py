"""An outcome that cannot be stored is refused at once, with the path to the part."""

from __future__ import annotations

import dataclasses
import socket
import sqlite3
import subprocess
import sys
import threading
import zoneinfo
from collections import namedtuple
from concurrent.futures import Future
from contextlib import closing

import pytest

from pytest_mimic import UnstorableOutcomeError, fingerprint
from pytest_mimic._core.commands import do
from pytest_mimic._core.outcome.encoding import snapshot
from pytest_mimic._core.outcome.outcome import Outcome, Raised, Stream, Value
from pytest_mimic._core.vault import Vault
from unit.memory_store import MemoryStore


class Holder:
    def __init__(self, **parts):
        self.__dict__.update(parts)


class Slotted:
    __slots__ = ("held",)


@dataclasses.dataclass
class Row:
    handle: object


Pair = namedtuple("Pair", "left right")


class LoadsNot:
    """A class that can be pickled, but not loaded."""

    def __init__(self, x):
        self.args = x

    def __reduce__(self):
        return LoadsNot, ()


def refusal(outcome: Outcome) -> UnstorableOutcomeError:
    store = MemoryStore()
    with pytest.raises(UnstorableOutcomeError, match="cannot be stored") as caught:
        Vault(store).writer.encoded(outcome, 0.1, target="shop.db:open_report")
    assert not list(store.names())
    return caught.value


def slotted(value):
    made = Slotted()
    made.held = value
    return made


def closing_over(value):
    return lambda: value


def closing_over_nothing_yet(value):
    def inner():
        return later, value

    if value is not None:
        return inner
    later = 1
    return later


def using_a_global(value):
    globals()["LOCK"] = value
    return closing_over_another(1)


def closing_over_another(value):
    return lambda: (value, LOCK)  # noqa: F821


def caused_by(value):
    error = KeyError("k")
    error.__cause__ = ValueError(value)
    return error


def local_class(value):
    class Local:
        lock = value

    return Local


class Key(Holder):
    def __repr__(self):
        return "<key>"


def with_attribute(container, value):
    """Return a copy whose class has attributes, with one that holds `value`."""
    made = type("Own", (type(container),), {})(container)
    made.handle = value
    return made


@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda x: x, "result"),
        (lambda x: {"rows": [1, 2, 3, {"handle": x}]}, "result.rows[3].handle"),
        (lambda x: {"a key": x}, "result['a key']"),
        (lambda x: (0, (1, x)), "result[1][1]"),
        (lambda x: Holder(a=1, pool=Holder(inner=x)), "result.pool.inner"),
        (lambda x: [Row(x)], "result[0].handle"),
        (lambda x: Pair(1, x), "result.right"),
        (lambda x: slotted([x]), "result.held[0]"),
        (lambda x: closing_over({"k": x}), "result.value.k"),
        (lambda x: {1: {"deep": Holder(x=[x])}}, "result[1].deep.x[0]"),
        (lambda x: {"a": 1, Key(part=x): 2}, "result.keys()[<key>].part"),
        (lambda x: [{1, x}], "result[0]{...}"),
        (lambda x: with_attribute([1], x), "result.handle"),
        (lambda x: with_attribute({"a": 1}, x), "result.handle"),
        (lambda x: with_attribute({1}, x), "result.handle"),
        (lambda x: [caused_by(x)], "result[0].__cause__.args[0]"),
        (lambda x: [closing_over_nothing_yet([x])], "result[0].value[0]"),
    ],
)
def test_the_path_to_the_part_is_shown(wrap, path):
    error = refusal(Value(wrap(threading.Lock())))

    assert error.path == path
    assert str(error).splitlines()[:2] == [
        "what shop.db:open_report returned cannot be stored",
        f"  {path}: a thread lock",
    ]
    assert error.facts[-1] == "nothing was recorded"


@pytest.mark.parametrize(
    ("wrap", "what"),
    [(using_a_global, "a function object"), (local_class, "a type object")],
)
def test_a_function_that_hides_its_part_is_named_itself(wrap, what):
    error = refusal(Value([wrap(threading.Lock())]))

    assert error.path == "result[0]"
    assert error.facts[0] == f"result[0]: {what}"


def test_a_method_of_a_complete_class_is_kept():
    class Base:
        def show(self):
            return "base"

    class Child(Base):
        def show(self):
            return super().show() + " of child"

    show = Vault(MemoryStore()).writer.encoded(Value(Child), 0.1).load().value().show

    assert show() == "base of child"


class Zone(zoneinfo.ZoneInfo):
    """A zone with attributes, whose pickle is its key."""


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda pd: Zone("Europe/Oslo"),
            "zoneinfo:ZoneInfo decides how it is pickled, and leaves out x",
        ),
        (
            lambda pd: pd.Timestamp("2026-11-02"),
            "Timestamp decides how it is pickled, and leaves out x",
        ),
        (
            lambda pd: pd.DataFrame({"a": [1]}),
            "NDFrame decides how it is pickled, and leaves out x",
        ),
    ],
    ids=["ZoneInfo", "Timestamp", "DataFrame"],
)
def test_an_attribute_that_a_replay_would_lack_is_refused(make, expected):
    value = make(pytest.importorskip("pandas"))
    Vault(MemoryStore()).writer.encoded(Value([value]), 0.1)

    value.x = 1

    assert expected in refusal(Value([value])).facts[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda np: np.ma.array([1, 2], mask=[0, 1]),
        lambda np: np.rec.array([(1, 2.0)], names="a,b"),
        lambda np: pytest.importorskip("pandas").DataFrame({"a": [1]}),
        lambda np: pytest.importorskip("polars").DataFrame({"a": [1]}),
    ],
    ids=["masked array", "record array", "frame of pandas", "frame of polars"],
)
@pytest.mark.parametrize("part", [1, Holder(unit="m")], ids=["number", "object"])
def test_an_attribute_that_a_user_sets_counts_and_is_not_lost(make, part):
    numpy = pytest.importorskip("numpy")
    value, other = make(numpy), make(numpy)
    Vault(MemoryStore()).writer.encoded(Value([value]), 0.1)

    value.unit = part

    assert fingerprint(value) != fingerprint(other)
    error = refusal(Value([value]))
    assert error.path == "result[0]"
    assert error.facts[1].endswith("decides how it is pickled, and leaves out unit")


def test_the_part_has_a_name_for_people():
    with open(__file__) as file, socket.socket() as sock:
        said = [
            refusal(Value([part])).facts[0]
            for part in (
                file,
                sock,
                (x for x in ()),
                memoryview(b"ab"),
                threading.current_thread(),
            )
        ]

    assert said[:4] == [
        "result[0]: an open file",
        "result[0]: a socket",
        "result[0]: a generator",
        "result[0]: a memoryview",
    ]
    assert said[4].startswith("result[0]._")


def test_the_function_to_name_is_one_that_uses_up_the_part():
    with (
        open(__file__) as file,
        socket.socket() as sock,
        closing(sqlite3.connect(":memory:")) as connection,
        subprocess.Popen([sys.executable, "-c", ""]) as process,
    ):
        parts = {
            "a database connection": connection,
            "a database cursor": connection.cursor(),
            "a future": Future(),
            "a process": process,
            "a socket": sock,
            "an open file": file,
        }
        errors = {name: refusal(Value([part])) for name, part in parts.items()}

    assert {name: error.remedies for name, error in errors.items()} == {
        "a database connection": (
            do("name a function that queries it, and returns the rows"),
        ),
        "a database cursor": (
            do("name a function that fetches from it, and returns the rows"),
        ),
        "a future": (do("name a function that waits for it, and returns its result"),),
        "a process": (do("name a function that waits for it, and returns its output"),),
        "a socket": (do("name a function that talks over it, and returns the answer"),),
        "an open file": (do("name a function that reads it, and returns the content"),),
    }
    assert {error.facts[0] for error in errors.values()} == {
        f"result[0]: {name}" for name in parts
    }


def test_the_function_to_name_for_any_other_part_is_further_out():
    assert refusal(Value(threading.Lock())).remedies == (
        do("name a function further out, which returns data"),
    )


def test_a_value_that_cannot_be_loaded_is_not_recorded():
    assert refusal(Value({"a": LoadsNot(1)})).path == "result.a"


def test_a_method_whose_class_is_not_made_yet_is_refused():
    """A decorator in the body of a class gets it.

    In a replay, `super()` would find no class.
    """
    refused = []

    class Made:
        def text(self):
            return super().__str__()

        refused.append(refusal(Value([text])))

    assert refused[0].path == "result[0]"
    assert (
        refused[0]
        .facts[1]
        .endswith("Made.text closes over __class__, which has no value yet")
    )
    snapshot(Value([Made.text]))


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (
            Raised(ValueError(threading.Lock())),
            ("raised", "exception.args[0]"),
        ),
        (Stream([1, [threading.Lock()]]), ("yielded", "items[1][0]")),
        (
            Stream([(1,)], end=Value(threading.Lock())),
            ("returned", "result"),
        ),
    ],
    ids=["raised", "stream", "end"],
)
def test_each_kind_of_outcome_names_its_part(outcome, told):
    error = refusal(outcome)

    assert error.what == f"what shop.db:open_report {told[0]} cannot be stored"
    assert error.facts[0] == f"{told[1]}: a thread lock"


def test_nesting_too_deep_for_pickle_is_an_error():
    value: list = []
    for _ in range(100_000):
        value = [value]

    facts = refusal(Value(value)).facts

    assert facts == ("result: nested too deeply", "nothing was recorded")


def test_a_snapshot_names_its_part():
    with pytest.raises(UnstorableOutcomeError, match=r"item\.x: a thread lock"):
        snapshot({"x": threading.Lock()}, path="item", target="shop:f")


def test_a_snapshot_does_not_change_with_its_object():
    for item in ([1], [(1,)]):
        taken = snapshot(item)
        item.append("later")

        assert len(taken.load()) == 1
        assert taken.load() is not taken.load()


def test_equal_own_identities_are_not_equal_outcomes():
    store = MemoryStore()
    vault = Vault(store)

    first, second = (vault.writer.encoded(Value(Told(x)), 0.1) for x in (1, 2))

    assert first.readable() != second.readable()


class Particular:
    """A class that fails for all but one of pickle's protocols."""

    def __init__(self, x):
        self.x = x

    def __reduce_ex__(self, protocol):
        if protocol < 5:
            raise RuntimeError(protocol)
        return Particular, (self.x,)


def test_an_object_whose_identity_fails_is_stored():
    vault = Vault(MemoryStore())

    first, second, again = (
        vault.writer.encoded(Value(Particular(n)), 0.1) for n in (1, 2, 1)
    )

    assert (
        first.encoded.fingerprint
        == again.encoded.fingerprint
        != second.encoded.fingerprint
    )
    assert first.load().value.x == 1


class Told:
    def __init__(self, x):
        self.x = x

    def __mimic_identity__(self):
        return "always the same"
