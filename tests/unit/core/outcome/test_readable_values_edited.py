"""Tags that could easily be almost right, and recordings that somebody has edited: what they may name, what is said of a slip."""

from __future__ import annotations

import enum
import json
import re
import threading
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from pytest_mimic._core.vault import Vault
from unit.core.outcome.stored import (
    NAME,
    changed_entry,
    edited,
    load,
    recorded,
    tree_of,
)

ME = __name__


class Color(enum.Enum):
    RED = 1


@dataclass
class User:
    name: str

    def __post_init__(self) -> None:
        raise AssertionError("it was called")


class Refused(ValueError):
    def __init__(self) -> None:
        raise AssertionError("it was called")


def function():
    raise AssertionError("it was called")


class Loud:
    """Every way to look at an object is noticed."""

    def __getattribute__(self, name):
        raise AssertionError("it was called")

    __iter__ = __len__ = __bool__ = __eq__ = __repr__ = __contains__ = __index__ = (
        __getattribute__
    )
    keys = items = __getattribute__


class Asking(enum.Flag):
    ONE = 1
    TWO = 2

    @classmethod
    def _missing_(cls, value):
        raise AssertionError("it was called")


class Client:
    @property
    def danger(self):
        raise AssertionError("it was called")


client = Client()
LOUD = {f"${ME}:Loud": {}}


@pytest.mark.parametrize(
    "tree",
    [
        *(
            {f"${tag}": LOUD}
            for tag in (
                "tuple set frozenset dict deque counter ordered_dict defaultdict bytes"
                " base64 int float uuid decimal fraction date datetime time timezone"
                " zoneinfo regex range complex bytearray namespace timedelta path"
                " pure_posix_path class numpy.int64"
            ).split()
        ),
        {"$deque": [LOUD, None]},
        {"$defaultdict": [None, LOUD]},
        {"$dict": [LOUD]},
        {"$fraction": [LOUD, 1]},
        {"$range": [0, LOUD, 1]},
        {"$object": LOUD, "size": 1},
        {f"${ME}:Refused": LOUD},
        {f"${ME}:Refused": {"args": LOUD}},
        {f"${ME}:Refused": {"args": [], "attributes": LOUD}},
        {f"${ME}:User": LOUD},
        {f"${ME}:User": {"name": 1}, "attributes": LOUD},
        {f"${ME}:Color": LOUD},
        {f"${ME}:client.danger": {}},
        {"$class": f"{ME}:User", "of": LOUD},
    ],
    ids=str,
)
def test_items_are_never_read_from_an_object_of_a_class(tree):
    names = ("Loud", "Refused", "User", "Color", "client.danger")
    store = edited(tree, "numpy:ndarray", *(f"{ME}:{name}" for name in names))

    refused = (CorruptRecordingError, StaleRecordingError)
    with pytest.raises(refused, match=r"not what was recorded|cannot be loaded here"):
        load(store)


def test_an_object_of_a_loud_class_is_made_without_a_look_at_it():
    made = load(edited([LOUD], f"{ME}:Loud"))[0]

    assert type(made) is Loud


class Alike(Loud):
    """All are equal, which only sets and dicts may ask."""

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return type(other) is Alike


@pytest.mark.parametrize(
    ("tree", "kind"),
    [
        ({"$set": [{f"${ME}:Alike": {}}, {f"${ME}:Alike": {}}]}, set),
        ({"$dict": [[{f"${ME}:Alike": {}}, 1], [{f"${ME}:Alike": {}}, 2]]}, dict),
    ],
    ids=["set", "dict"],
)
def test_of_a_member_and_a_key_only_hash_and_equality_are_asked(tree, kind):
    made = load(edited(tree, f"{ME}:Alike"))

    assert (type(made), len(made)) == (kind, 1)


def test_a_combination_of_flags_is_made_without_code_of_the_class():
    assert load(edited({f"${ME}:Asking": 3}, f"{ME}:Asking")) == Asking(3)


USER = {f"${ME}:User": {"name": "Ann"}}
REFUSED = {f"${ME}:Refused": {"args": ["no"]}}


def test_objects_are_made_without_init():
    user, refused = load(edited([USER, REFUSED], f"{ME}:User", f"{ME}:Refused"))

    assert (type(user), user.name) == (User, "Ann")
    assert (type(refused), refused.args) == (Refused, ("no",))


@pytest.mark.parametrize("imports", [[], [f"{ME}:Users"], [ME], ["*"]], ids=str)
def test_a_class_that_is_not_listed_is_refused(imports):
    with pytest.raises(
        CorruptRecordingError,
        match=f"imports {ME}:User, which its recording does not list",
    ):
        load(edited(USER, *imports))


def test_a_missing_list_of_imports_allows_none():
    store = edited({f"${ME}:Color": "RED"})
    store.write(NAME, store.read(NAME).replace(b'"imports": []', b'"kind": "value"'))

    with pytest.raises(
        CorruptRecordingError, match="which its recording does not list"
    ):
        load(store)


PLACES = {
    "raised": {"raised": REFUSED},
    "argument of what was raised": {"raised": {"$builtins:KeyError": {"args": [USER]}}},
    "cause of what was raised": {
        "raised": {"$builtins:KeyError": {"args": [], "cause": REFUSED}}
    },
    "item of a stream": {"stream": {"items": [1, USER], "end": {"value": None}}},
    "end of a stream": {"stream": {"items": [], "end": {"raised": REFUSED}}},
}


@pytest.mark.parametrize("body", PLACES.values(), ids=PLACES)
def test_a_class_that_is_not_listed_is_refused_anywhere_in_an_outcome(body):
    store = edited({"$tuple": []}, "builtins:KeyError")
    facts = json.loads(store.read(NAME))
    del facts["outcomes"][0]["value"]
    facts["outcomes"][0].update(body)
    store.write(NAME, json.dumps(facts).encode())

    with pytest.raises(
        CorruptRecordingError,
        match=f"imports {ME}:(User|Refused), which its recording does not list",
    ):
        load(store)


@pytest.mark.parametrize("name", [f"{ME}:function", "os:system", f"{ME}:USER"])
@pytest.mark.parametrize(
    "node", [{"$NAME": {}}, {"$defaultdict": [{"$class": "NAME"}, {}]}], ids=json.dumps
)
def test_what_is_no_class_makes_the_recording_stale(name, node):
    tree = json.loads(json.dumps(node).replace("NAME", name))

    with pytest.raises(StaleRecordingError, match=f"{name} is no class any more"):
        load(edited(tree, name))


@pytest.mark.parametrize("member", ["BLUE", 1, [], {}], ids=str)
def test_a_member_that_an_enum_lacks_is_reported(member):
    with pytest.raises(
        StaleRecordingError, match=r"Color (has no member|is another kind of class now)"
    ):
        load(edited({f"${ME}:Color": member}, f"{ME}:Color"))


def test_a_module_that_cannot_be_imported_is_reported():
    name = "unit.core.outcome.broken:Thing"
    with pytest.raises(StaleRecordingError, match="ValueError: no such setting"):
        load(edited({f"${name}": {}}, name))


@pytest.mark.parametrize("tag", ["tuple", "deque", "$"])
def test_a_text_that_is_nested_too_deeply_is_refused(tag):
    store = edited("VALUE")
    text = f'{{"${tag}": [' * 50_000 + "]}" * 50_000
    store.write(NAME, store.read(NAME).replace(b'"VALUE"', text.encode()))

    with pytest.raises(CorruptRecordingError, match="nested too deeply"):
        load(store)


@pytest.mark.parametrize(
    "holds",
    [{"imports": ["decimal:Decimal"]}, {"objects": [f"objects/aa/{'a' * 32}.bin"]}],
    ids=str,
)
def test_what_only_tags_need_is_refused_without_tags(holds):
    store = changed_entry(recorded((1,)), tagged=False, **holds)

    with pytest.raises(
        CorruptRecordingError, match="it lists imports or objects, but is not tagged"
    ):
        load(store)


SLIPS = {
    "text": ({"$decimal": "1,5"}, "($decimal: '1,5')"),
    "day": ({"$date": "2024-02-31"}, "($date: '2024-02-31')"),
    "zero": ({"$fraction": [1, 0]}, "($fraction: list)"),
    "inner": ([{"$tuple": [1, {"$date": "x"}]}], "($date: 'x')"),
    "member": ({"$set": [[]]}, "($set: list)"),
    "part": ({"$decimal": "1", "zz": 2}, "($decimal: '1')"),
    "tag": ({"$nothing": 1}, "($nothing: 1)"),
    "array": ({"$numpy.int64": ["x"]}, "($numpy.int64: list)"),
    "zone": (
        {"$zoneinfo": "../../../etc/passwd"},
        "($zoneinfo: '../../../etc/passwd')",
    ),
    "flags": ({"$regex": ["a", "DEBUG"]}, "($regex: list)"),
    "long": ({"$decimal": "x" * 100}, f"($decimal: '{'x' * 59})"),
}


@pytest.mark.parametrize(("value", "says"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_reported_with_its_file_its_tag_and_the_beginning_of_the_part(
    value, says
):
    with pytest.raises(CorruptRecordingError, match=re.escape(says)) as caught:
        load(edited(value, "numpy:ndarray"))

    assert caught.value.file == f".mimic_vault/{NAME}"


# Values whose tags could easily be almost right


class Hashed(NamedTuple):
    """A member of a set, whose hash makes a replay in another thread."""

    number: int

    def __hash__(self):
        for meanwhile in MEANWHILE:
            MEANWHILE.clear()
            thread = threading.Thread(target=meanwhile)
            thread.start()
            thread.join()
        return self.number


MEANWHILE: list = []


def test_copies_that_threads_make_at_once_share_nothing():
    part: list = []
    [stored] = Vault(recorded([part, {Hashed(1)}, part])).read(NAME).outcomes
    others = []
    MEANWHILE.append(lambda: others.append(stored.load().value))

    copy = stored.load().value

    assert copy[0] is copy[2]
    assert others[0][0] is others[0][2] is not copy[0]


def test_tuple_around_a_part_that_is_shared_already_is_shared_as_well():
    part: list = []
    pair = (part,)

    copy = load(recorded([part, part, pair, pair]))

    assert copy[2] is copy[3]
    assert copy[2][0] is copy[0] is copy[1]


def test_bytes_with_a_character_that_only_newer_pythons_know_are_text():
    unknown = chr(0x0378)  # no version of Unicode has it so far

    assert tree_of(unknown.encode()) == {"$bytes": unknown}
    assert tree_of("\u202e".encode()) == {"$base64": "4oCu"}


@pytest.mark.parametrize("part", ["imports", "objects"])
def test_recording_whose_lists_were_lost_is_written_again(part):
    value = [Hashed(1), b"\xff" * 2000]
    store = recorded(value)
    facts = json.loads(store.read(NAME))
    del facts["outcomes"][0][part]
    store.write(NAME, json.dumps(facts).encode())
    with pytest.raises(CorruptRecordingError):
        load(store)

    assert load(recorded(value, store)) == value
