"""What a pickle imports is read from its opcodes, without importing it."""

from __future__ import annotations

import pickle
import sys
from functools import partial

import pytest
from support.forged import body as outcome
from support.forged import call, load, named, plain, recorded, with_state

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.outcome.pickle_imports import imported_names
from pytest_mimic._core.outcome.pickling import dump

ME = __name__


class User:
    pass


class Basket:
    class Item:
        pass

    @classmethod
    def empty(cls):
        return cls()


def made(_name: str) -> Calling:
    return Calling()


class Calling:
    def __reduce__(self):
        return made, ("x",)


NAMES = {
    "a class": (User(), {f"{ME}:User"}),
    "a class in a class": (Basket.Item(), {f"{ME}:Basket.Item"}),
    "a class method": (Basket.empty, {"builtins:getattr", f"{ME}:Basket"}),
    "a function": (made, {f"{ME}:made"}),
    "what is called": (Calling(), {f"{ME}:made"}),
    "two of one module": ([User(), partial(made)], {f"{ME}:User", f"{ME}:made", "functools:partial"}),
    "the same twice": ([User(), User()], {f"{ME}:User"}),
    "plain values": ([1, "a", {"b": (2.5, None)}], set()),
}  # fmt: skip


@pytest.mark.parametrize(("value", "names"), NAMES.values(), ids=NAMES)
def test_the_names_that_a_pickle_imports_are_read_and_listed(value, names):
    assert imported_names(pickle.dumps(value, 5), count=1) == names
    assert dump(value).imports == sorted(names)


def test_the_names_of_all_pickles_of_a_stream_are_read():
    stream = pickle.dumps(User(), 5) + pickle.dumps(made, 5)

    assert imported_names(stream, count=2) == {f"{ME}:User", f"{ME}:made"}


def test_nothing_is_imported_by_reading():
    stream = outcome(call("antigravity:geohash", 1))

    assert imported_names(stream, count=1) == {"antigravity:geohash"}
    assert "antigravity" not in sys.modules


CALLS_PREFIX = [
    call("subprocess:Popen", ["true"]),
    named("builtins:map") + plain((named("subprocess:Popen"), [1])) + pickle.NEWOBJ,
    call("builtins:list", call("builtins:iter", named("subprocess:Popen"), None)),
    with_state(named(f"{ME}:User"), {"run": named("subprocess:Popen")}),
    plain([named("subprocess:Popen") + pickle.MEMOIZE + pickle.POP + b"h\x00"]),
]


@pytest.mark.parametrize("thing", CALLS_PREFIX, ids=range(len(CALLS_PREFIX)))
def test_however_a_name_is_used_it_must_be_listed(thing):
    stream = outcome(thing)
    names = imported_names(stream, count=1)
    others = names - {"subprocess:Popen"}

    assert "subprocess:Popen" in names
    with pytest.raises(
        CorruptRecordingError,
        match="imports subprocess:Popen, which its recording does not list",
    ):
        load(recorded(stream, others))


@pytest.mark.parametrize(
    "stream",
    [
        pickle.PROTO
        + b"\x05"
        + plain("os")
        + pickle.BINPUT
        + b"\0"
        + b"N"
        + pickle.STACK_GLOBAL
        + b".",
        pickle.PROTO + b"\x05" + plain("os") + b"N" + pickle.STACK_GLOBAL + b".",
        pickle.EXT1 + b"\x07.",
        b"R.",
        b"t.",
    ],
    ids=[
        "an older opcode",
        "a name that is made",
        "a number of copyreg's",
        "an empty stack",
        "no mark",
    ],
)
def test_a_pickle_whose_imports_are_not_to_be_read_is_refused(stream):
    with pytest.raises((ValueError, LookupError), match=r"it |pickle"):
        imported_names(stream, count=1)


def test_a_deep_pickle_is_read_in_a_moment():
    """Each mark is looked for from the end of the stack."""
    depth = 200_000
    stream = pickle.PROTO + b"\x05" + b"(" * depth + b"t" * depth + b"."

    assert imported_names(stream, count=1) == set()
