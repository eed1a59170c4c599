"""Objects of classes that extend a builtin's, the standard library's or a library's: nothing of them is lost in a replay."""

from __future__ import annotations

import textwrap
from contextlib import suppress

import numpy  # noqa: F401  # a run in process forgets what it was first to import, and these load only once
import pandas  # noqa: F401
import pytest
import requests  # noqa: F401

from pytest_mimic._core.outcome.outcome import UnkeptError
from pytest_mimic._core.outcome.pickling import reduced

SHOP = """
    import array, collections, datetime, decimal, fractions, functools, io, ipaddress, pathlib, random, types
    import numpy as np
    import pandas as pd
    import requests
    from tally import ran

    def extending(base, **parts):
        name = f"My{base.__name__}{len(parts)}"
        globals()[name] = type(name, (base,), {"__module__": __name__, **parts})
        return globals()[name]

    class Named:
        __slots__ = ("extra",)

    class Keeping(np.ndarray):
        def __reduce__(self):
            make, arguments, state = super().__reduce__()
            return make, arguments, (state, self.extra)

        def __setstate__(self, state):
            super().__setstate__(state[0])
            self.extra = state[1]

    class Dropping:
        '''A class of the project's, which decides what is kept of the objects of those that extend it.'''

        def __init__(self):
            self.connection = object()

        def __getstate__(self):
            return {"extra": self.extra}

    KEPT = {
        "OrderedDict": (extending(collections.OrderedDict), {"a": 1}),
        "deque": (extending(collections.deque), [1], 3),
        "UserDict": (extending(collections.UserDict), {"a": 1}),
        "BytesIO": (extending(io.BytesIO), b"a"),
        "array": (extending(array.array), "i", [1]),
        "namespace": (extending(types.SimpleNamespace),),
        "partial": (extending(functools.partial), int, "1"),
        **{
            type(value).__name__: (extending(type(value)), value)
            for value in (3, 1.5, 1j, "a", b"a", (1,), [1], {"a": 1}, {1}, frozenset([1]), bytearray(b"a"))
        },
        "error": (extending(ValueError), "a"),
        "OSError": (extending(OSError), 2, "x", "f"),
        "slot of a list": (type("Slots", (list,), {"__slots__": ("extra",), "__module__": __name__}), [1]),
        "frame with metadata": (extending(pd.DataFrame, _metadata=["extra"]), {"a": [1]}),
        "array that reduces itself": (Keeping, 2),
        "own base": (type("Client", (Dropping,), {"__module__": __name__}),),
    }
    Slots, Client = (KEPT[name][0] for name in ("slot of a list", "own base"))

    REFUSED = {
        "datetime": (extending(datetime.datetime), 2024, 1, 1),
        "date": (extending(datetime.date), 2024, 1, 1),
        "time": (extending(datetime.time), 1),
        "timedelta": (extending(datetime.timedelta), 1),
        "Decimal": (extending(decimal.Decimal), "1.5"),
        "Fraction": (extending(fractions.Fraction), 1, 3),
        "Counter": (extending(collections.Counter), "aab"),
        "defaultdict": (extending(collections.defaultdict), list),
        "Path": (extending(pathlib.PurePosixPath), "a"),
        "address": (extending(ipaddress.IPv4Address), "10.0.0.1"),
        "slot of a number": (type("Number", (decimal.Decimal,), {"__slots__": ("extra",), "__module__": __name__}), "1"),
        "ndarray": (extending(np.ndarray), 2),
        "array with a default": (extending(np.ndarray, extra=None), 2),
        "MaskedArray": (extending(np.ma.MaskedArray), [1, 2]),
        "float64": (extending(np.float64), 1.5),
        "RandomState": (extending(np.random.RandomState), 1),
        "Random": (extending(random.Random), 1),
        "DataFrame": (extending(pd.DataFrame), {"a": [1]}),
        "Series": (extending(pd.Series), [1]),
        "Session": (extending(requests.Session),),
    }

    Number = REFUSED["slot of a number"][0]

    class Table(np.ndarray):
        def __array_finalize__(self, _):
            self.weights, self.missing = np.array([1, 2]), float("nan")

    UNCHANGED = {
        "HTTPAdapter": (extending(requests.adapters.HTTPAdapter, ok=True),),
        "array with arrays": (Table, 2),
    }

    class Timed(requests.Session):
        def __init__(self):
            super().__init__()
            self.elapsed = 3

    CHANGED = {"number": (extending(np.float64, ok=True), 1.5), "Session": (Timed,)}

    def plain(name):
        ran("plain")
        cls, *arguments = {**UNCHANGED, **CHANGED}[name]
        return cls(*arguments)

    def make(name):
        ran("make")
        cls, *arguments = {**KEPT, **REFUSED}[name]
        made = cls(*arguments)
        object.__setattr__(made, "extra", ["kept"])
        return made
"""
TEST = """
    import pytest
    import shop
    from pytest_mimic import UnstorableOutcomeError

    @pytest.mark.parametrize("name", NAMES)
    def test_make(name):
        EXPECTED
"""
KEPT = """\
made = shop.make(name)
        assert type(made) is shop.KEPT[name][0]
        assert made.extra == ["kept"]"""
REFUSED = """\
with pytest.raises(UnstorableOutcomeError, match="decides how it is pickled, and (leaves out .*(extra|elapsed)|makes an? )"):
            shop.make(name)"""


@pytest.fixture
def tests_of(project):
    def write(names: str, expected: str) -> None:
        project.ini("shop:make", "shop:plain")
        project.write("shop.py", textwrap.dedent(SHOP))
        project.tests(TEST.replace("NAMES", f"shop.{names}").replace("EXPECTED", expected))

    return write


def test_what_an_object_has_beside_its_value_is_replayed(project, tests_of):
    tests_of("KEPT", KEPT)

    project.record().expect(passed=24)
    project.replay().expect(passed=24, real=[])


def test_what_a_class_would_lose_is_refused(project, tests_of):
    """Its way to be pickled is a library's, which knows nothing of a class that extends its own."""
    tests_of("REFUSED", REFUSED)

    run = project.record().expect(passed=20)

    assert run.vault == {}


def test_what_a_library_leaves_out_of_its_own_is_no_loss(project, tests_of):
    """A class that adds nothing to the library's is stored, whatever the library makes anew or leaves out."""
    tests_of("UNCHANGED", "assert type(shop.plain(name)) is shop.UNCHANGED[name][0]")

    project.record().expect(passed=2)
    project.replay().expect(passed=2, real=[])


def test_what_looks_kept_and_would_be_lost_is_refused(project, tests_of):
    """The reduction of a number begins with a dtype, which is equal to the class. A Session sets `elapsed`, of responses."""
    tests_of("CHANGED", REFUSED.replace("make(name)", "plain(name)"))

    assert project.record().expect(passed=2).vault == {}


def test_a_state_that_an_object_shares_is_left_alone():
    """A library's `__setstate__` may take the state for its own, and change it."""

    class Base:
        def __getstate__(self):
            return self.__dict__

        def __setstate__(self, state):
            self.__dict__ = state
            self.lock = "made anew"

    Base.__module__ = "numpy.base"
    client = type("Client", (Base,), {})()
    client.lock = "held"

    with suppress(UnkeptError):
        reduced(client)

    assert client.lock == "held"
