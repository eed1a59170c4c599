"""Recordings that somebody wrote by hand to do harm: refused, or harmless, and at once."""

from __future__ import annotations

import contextlib
import decimal
import json
import re
import sys
from contextlib import suppress

import pytest

from pytest_mimic import CorruptRecordingError, StaleRecordingError
from pytest_mimic._core.vault import Vault
from unit.core.outcome.tagged import tripwires
from unit.memory_store import MemoryStore

NAME = "calls/shop/f/00.json"
HERE = "unit.core.outcome.tagged.tripwires"


@pytest.fixture(autouse=True)
def noted():
    tripwires.NOTED.clear()
    return tripwires.NOTED


def stored(value, imports=(), **facts):
    """Return a vault with one outcome, whose value is this text of JSON, or a tree of it."""
    text = value if isinstance(value, str) else json.dumps(value)
    entry = {"duration": 0.5, "tagged": True, "imports": list(imports), **facts}
    head = {"format": 3, "target": "shop:f", "test": None}
    store = MemoryStore()
    whole = json.dumps({**head, "outcomes": [{**entry, "value": "VALUE"}]})
    store.write(NAME, whole.replace('"VALUE"', text).encode())
    return store


def in_object(store):
    """Move the outcome into an object, as a long one is."""
    facts = json.loads(store.read(NAME))
    [entry] = facts["outcomes"]
    name = f"objects/aa/{'a' * 32}.json"
    store.write(name, (json.dumps({"value": entry.pop("value")}) + "\n").encode())
    facts["outcomes"] = [{**entry, "kind": "value", "json": name}]
    store.write(NAME, json.dumps(facts).encode())
    return store


def load(store):
    outcome = Vault(store).read(NAME).outcomes[0]
    return outcome.load().value


def nested(tag, depth):
    return f'{{"${tag}": [' * depth + "]}" * depth


LOOP = {"$anchor": 1, "value": [{"$ref": 1}]}


@pytest.mark.promise("a readable recording that was written to do harm runs no code")
@pytest.mark.parametrize(
    "value",
    [
        # Tags that there are not
        {"$": 1},
        {"$nothing": 1},
        {"$object": "objects/aa/x.bin"},
        {"$numpy.nothing": 1},
        {"$date ": "2026-11-02"},
        # Anchors
        {"$ref": 1},
        {"$ref": []},
        {"$ref": None},
        {"$ref": "1", "value": 1},
        [{"$ref": 1}, {"$anchor": 1, "value": []}],
        [{"$anchor": 1, "value": []}, {"$anchor": 1, "value": []}],
        {"$anchor": 1, "value": {"$ref": 1}},
        {"$anchor": 1, "value": {"$anchor": 2, "value": []}},
        {"$anchor": 1, "value": 5},
        {"$anchor": "1", "value": []},
        {"$anchor": True, "value": []},
        {"$anchor": 1},
        {"$anchor": 1, "value": [], "more": 1},
        {"$anchor": 1, "value": {"$tuple": [{"$ref": 1}]}},
        {"$anchor": 1, "value": {"$frozenset": [{"$ref": 1}]}},
        {"$anchor": 1, "value": {"$set": [{"$ref": 1}]}},
        {"$anchor": 1, "value": {"$bytearray": {"$ref": 1}}},
        {"$anchor": 1, "value": {"$counter": {"$ref": 1}}},
        {"$anchor": 1, "value": {"$ordered_dict": {"$ref": 1}}},
        {"$anchor": 1, "value": {"$namespace": {"$ref": 1}}},
        {"$anchor": 1, "value": {"$dict": [[{"$ref": 1}, 1]]}},
        {"$anchor": 1, "value": [{"$set": [{"$ref": 1}]}]},
        {"$anchor": 1, "value": [{"$dict": [[{"$ref": 1}, 1]]}]},
        # Members and keys
        {"$set": [[]]},
        {"$set": [{}]},
        {"$set": [1, 1]},
        {"$set": [1, True]},
        {"$frozenset": [{"$set": []}]},
        {"$dict": [[[], 1]]},
        {"$dict": [[1, 1], [1, 2]]},
        {"$dict": [[1]]},
        {"$dict": [[1, 2, 3]]},
        {"$dict": ["ab"]},
        {"$dict": {"a": 1}},
        {"$$date": 1, "$date": 2},
        {"$namespace": {"$dict": [[1, 2]]}},
        {"$counter": [1]},
        {"$ordered_dict": {"$ordered_dict": {}}},
        {"$ordered_dict": {}, "factory": "builtins:list"},
        # Classes
        {"$os:system": "true"},
        {"$subprocess:Popen": "true"},
        {"$unit.core.outcome.tagged.unlisted:Thing": {}},
        {f"${HERE}:Tripwire": {}},
        {"$:": {}},
        {"$a:": {}},
        {"$:a": {}},
        {"$.:a": {}},
        {"$a:b:c": {}},
        {"$unit.core.outcome.tagged..unlisted:x": {}},
        {"$defaultdict": {}, "factory": "os:system"},
        {"$defaultdict": {}, "factory": "unit.core.outcome.tagged.unlisted:thing"},
        {"$defaultdict": {}, "factory": f"{HERE}:noted"},
        {"$defaultdict": {}, "factory": ["builtins:list"]},
        {"$defaultdict": {}, "factory": {"$partial": 1}},
    ],
    ids=json.dumps,
)
def test_strange_text_is_refused(value, noted):
    store = stored([value])

    with pytest.raises(CorruptRecordingError, match="is not what was recorded") as caught:
        load(store)

    assert caught.value.file == f".mimic_vault/{NAME}"
    with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
        load(in_object(store))
    assert not noted
    assert "unit.core.outcome.tagged.unlisted" not in sys.modules


SHAPES = [None, True, 1, 10**4000, 1.5, "", "x", [], [[]], [1], [1] * 5, {}, {"a": 1}, {"days": "1"}, LOOP]
SHAPES += [{"$float": "nan"}, {"$bytes": "a"}, {"$tuple": []}, {"$timedelta": {}}, {"$zoneinfo": "UTC"}]
TAGS = (
    "base64 bytearray bytes complex counter date datetime decimal defaultdict deque dict float fraction frozenset int"
    " namespace ordered_dict path pure_posix_path range regex set str time timedelta timezone tuple uuid zoneinfo"
)


@pytest.mark.parametrize("tag", TAGS.split())
def test_tag_of_another_shape_is_refused_or_another_value(tag, noted):
    refused = 0
    for shape in SHAPES:
        for name in ("", "zone", "maxlen", "flags", "fold", "name", "is_safe", "size", "factory"):
            node = {f"${tag}": shape, **({name: shape} if name else {})}
            try:
                load(stored(node))
            except (CorruptRecordingError, StaleRecordingError):
                refused += 1

    assert refused > 100
    assert not noted


HUGE = "9" * 4000
EXTREMES = {
    "int": f'{{"$int": "0x{"f" * 1_000_000}"}}',
    "no int": f'{{"$int": "{"z" * 1_000_000}"}}',
    "long int": "9" * 1_000_000,
    "float": "1e999999",
    "decimal": '{"$decimal": "1E+999999999999999999"}',
    "hashed decimal": '{"$set": [{"$decimal": "1E+999999999"}, {"$decimal": "-1E-999999999"}, 1]}',
    "odd decimal": f'{{"$decimal": "1E+{HUGE}"}}',
    "fraction": f'{{"$fraction": [{HUGE}, {HUGE}8]}}',
    "no fraction": '{"$fraction": [1, 0]}',
    "timedelta": f'{{"$timedelta": {{"days": {HUGE}}}}}',
    "small timedelta": f'{{"$timedelta": {{"microseconds": {HUGE}}}}}',
    "offset": '{"$timezone": {"$timedelta": {"days": 2}}}',
    "complex": f'{{"$complex": [{HUGE}, 0]}}',
    "range": f'{{"$range": [0, {HUGE}, 1]}}',
    "no range": '{"$range": [0, 1, 0]}',
    "date": '{"$date": "99999-01-01"}',
    "deque": f'{{"$deque": [], "maxlen": {HUGE}}}',
    "negative deque": '{"$deque": [], "maxlen": -1}',
    "anchor": f'{{"$anchor": {HUGE}, "value": []}}',
    "repetition": '{"$regex": "(?:(?:a{1,60000}){1,60000}){1,60000}"}',
    "no repetition": '{"$regex": "a{99999999999}"}',
    "groups": '{"$regex": "' + "(" * 3000 + ")" * 3000 + '"}',
    "debug": '{"$regex": "a", "flags": ["DEBUG"]}',
    "flags": '{"$regex": "a", "flags": ["__class__"]}',
    "bytes": '{"$bytes": "\\ud800"}',
    "zone outside": '{"$zoneinfo": "../../../etc/passwd"}',
    "zone of the system": '{"$zoneinfo": "/etc/passwd"}',
    "folder of zones": '{"$zoneinfo": "Europe"}',
    "no zone": '{"$zoneinfo": ""}',
    "long zone": f'{{"$zoneinfo": "{"a" * 5000}"}}',
    "zone in a package": '{"$zoneinfo": "unit.tagged/unlisted"}',
    "zone with a null": '{"$zoneinfo": "a\\u0000"}',
    "folder of a path": '{"$path": ["<nowhere>", "x"]}',
    "number of a folder": f'{{"$path": ["tmp_path:{HUGE}9{HUGE}", "x"]}}',
    **{
        f"deep {tag}": nested(tag, 50_000)
        for tag in ("tuple", "frozenset", "deque", "dict", "x:y", "ref", "$")
    },
    "deep list": '{"$tuple": [' + "[" * 50_000 + "]" * 50_000 + "]}",
}


@pytest.mark.parametrize("depth", [300, 600, 900])
@pytest.mark.parametrize("tag", ["tuple", "set", "deque", "$"])
def test_nesting_that_python_may_just_bear(tag, depth):
    with pytest.raises((CorruptRecordingError, ZeroDivisionError), match=r"nested too deeply|zero|set"):
        load(stored(nested(tag, depth))) and 1 / 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", EXTREMES.values(), ids=EXTREMES)
def test_extreme_part_is_refused_or_read_at_once(text, noted):
    with suppress(CorruptRecordingError, StaleRecordingError):
        load(stored(text))

    assert not noted
    assert "unit.core.outcome.tagged.unlisted" not in sys.modules


@pytest.mark.promise("reading a readable outcome runs nothing of a class")
@pytest.mark.parametrize(
    "name",
    ["noted", "SETTINGS", "Color.RED", "LISTENER", "LISTENER.text", "LISTENER.text.strip", "Listening"],
)
def test_factory_that_is_no_plain_class_is_refused(name, noted):
    store = stored({"$defaultdict": {}, "factory": f"{HERE}:{name}"}, [f"{HERE}:{name}"])

    with pytest.raises(StaleRecordingError, match=f"{name} is no class any more"):
        load(store)
    assert not noted


@pytest.mark.promise("reading a readable outcome runs nothing of a class")
@pytest.mark.parametrize("name", ["LISTENER", "LISTENER.text", "Listening", "Listening.inner"])
def test_nothing_runs_of_what_a_tag_names(name, noted):
    with pytest.raises(StaleRecordingError, match=f"{name} is no class any more"):
        load(stored({f"${HERE}:{name}": {}}, [f"{HERE}:{name}"]))
    assert not noted


LISTENER = {f"${HERE}:Listener": {"text": "a"}}
HELD = {
    "zone": {"$time": "10:00:00", "zone": LISTENER},
    "offset": {"$timezone": LISTENER},
    "number": {"$complex": [LISTENER, 1]},
    "keys": {"$ordered_dict": LISTENER},
    "pattern": {"$regex": LISTENER},
    "members": {"$set": LISTENER},
    "lists": {"$deque": [], "maxlen": LISTENER},
    "args": {"$builtins:ValueError": {"args": LISTENER}},
    "cause": {"$builtins:ValueError": {"args": [], "cause": LISTENER}},
    "attributes": {"$builtins:ValueError": {"args": [], "attributes": LISTENER}},
    "notes": {"$builtins:ValueError": {"args": [], "notes": LISTENER}},
    "extra": {f"${HERE}:Order": {"customer": 1, "due": 2}, "attributes": LISTENER},
    "array": {"$numpy.ndarray": [LISTENER], "dtype": "int64"},
    "text of an array": {"$numpy.ndarray": [LISTENER], "dtype": "str"},
    "path": {"$path": LISTENER},
    "anchor": {"$anchor": 1, "value": {"$tuple": [LISTENER, {"$ref": 1}]}},
    "member": {f"${HERE}:Color": LISTENER},
    "key": {"$dict": [LISTENER]},
}


@pytest.mark.promise("reading a readable outcome runs nothing of a class")
@pytest.mark.parametrize("tree", HELD.values(), ids=HELD)
def test_nothing_runs_of_an_object_where_another_value_belongs(tree, noted):
    imports = [f"{HERE}:{name}" for name in ("Listener", "Order", "Color")]
    store = stored(tree, [*imports, "builtins:ValueError", "numpy:ndarray"])

    with contextlib.suppress(CorruptRecordingError, StaleRecordingError):
        load(store)
    assert noted == []


@pytest.mark.parametrize("member", ["BLUE", 1, [], None, {"$ref": 1}], ids=str)
def test_member_that_an_enum_lacks_is_reported_and_not_made(member, noted):
    with pytest.raises((CorruptRecordingError, StaleRecordingError), match=r"cannot be loaded|is not what"):
        load(stored({f"${HERE}:Color": member}, [f"{HERE}:Color"]))

    assert not noted


def test_module_that_cannot_be_imported_is_reported():
    name = "unit.core.outcome.tagged.broken:Thing"
    with pytest.raises(StaleRecordingError, match="ValueError: no such setting"):
        load(stored({f"${name}": {}}, [name]))


def test_missing_list_of_imports_allows_none(noted):
    store = stored({f"${HERE}:Color": "RED"})
    store.write(NAME, store.read(NAME).replace(b'"imports": [], ', b""))

    with pytest.raises(CorruptRecordingError, match="which its recording does not list"):
        load(store)


@pytest.mark.parametrize(
    "value",
    [
        {"$regex": "a", "flags": ["DEBUG"]},
        # Only some Pythons read these.
        {"$datetime": "20261102T010203"},
        {"$datetime": "2026-11-02 01:02:03"},
        {"$datetime": "2026-11-02"},
        {"$time": "01:02"},
        {"$time": "01:02:03Z"},
    ],
    ids=json.dumps,
)
def test_form_that_is_never_written_is_refused(value):
    with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
        load(stored(value))


def test_wrong_decimal_is_refused_whatever_the_context_of_the_test():
    store = stored({"$decimal": "1,5"})
    with decimal.localcontext() as context:
        context.traps[decimal.InvalidOperation] = False
        with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
            load(store)


@pytest.mark.parametrize(
    "holds", [{"imports": ["decimal:Decimal"]}, {"objects": [f"objects/aa/{'a' * 32}.bin"]}], ids=str
)
@pytest.mark.parametrize("tagged", [{}, {"tagged": False}], ids=str)
@pytest.mark.parametrize("move", [lambda store: store, in_object], ids=["inline", "object"])
def test_what_only_tags_need_is_refused_without_tags(holds, tagged, move):
    store = move(stored({"$date": "2026-11-02"}, **holds))
    facts = json.loads(store.read(NAME))
    del facts["outcomes"][0]["tagged"]
    facts["outcomes"][0].update(tagged)
    store.write(NAME, json.dumps(facts).encode())

    with pytest.raises(CorruptRecordingError, match=f"it lists {next(iter(holds))}, but is not tagged"):
        load(store)


FAULTS = {
    "text": ({"$decimal": "1,5"}, "$decimal: '1,5' is no number"),
    "type": ({"$decimal": 2}, "$decimal: 2 is no text"),
    "day": ({"$date": "2024-02-31"}, "$date: '2024-02-31': day "),
    "zero": ({"$fraction": [1, 0]}, "$fraction: [1, 0] is no number"),
    "one": ({"$fraction": [1]}, "$fraction: [1] has too few or too many parts"),
    "complex": ({"$complex": [1.5]}, "$complex: [1.5] has too few or too many parts"),
    "range": ({"$range": [1, 2]}, "$range: [1, 2] has too few or too many parts"),
    "inner": ([{"$tuple": [1, {"$date": "x"}]}], "($date: Invalid isoformat string: 'x')"),
    "anchor": ({"$anchor": 1, "value": {"$set": {"a": 1}}}, "$set: {'a': 1} is no list"),
    "part": ({"$decimal": "1", "zz": 2}, "($decimal has an unknown part 'zz')"),
}


@pytest.mark.parametrize(("value", "says"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_reported_with_its_tag(value, says):
    with pytest.raises(CorruptRecordingError, match=re.escape(says)):
        load(stored(value))
