"""A recording's own file is read whole and right, or the error says what is wrong with it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import Vault, recording_name
from pytest_mimic._core.vault.format import (
    imported_parts,
    parse_object,
    parse_recording,
)
from pytest_mimic._core.vault.recording_facts import read_calls
from unit.memory_store import NAME, MemoryStore, a_call, load, recorded

OBJECT = f"objects/aa/{'a' * 32}"
# : A value that is stored as a pickle, with all that it is in: its class defines how it
# is pickled.
ADDRESS = IPv4Address("10.0.0.1")


def written(value, store=None) -> MemoryStore:
    return recorded(value, store, test="tests/test_a.py::test_b[1]")


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    "value",
    [{"rates": {"USD": 1.07}, "of": ["ä"]}, (1,), (ADDRESS,), ["x" * 70_000]],
    ids=["inline", "tagged", "pickle", "object"],
)
def test_recording_cut_short_at_any_byte_is_found(value):
    store = written(value)
    data = store.read(NAME)

    for size in range(len(data) - 1):
        store.write(NAME, data[:size])
        with pytest.raises(
            CorruptRecordingError,
            match=r"is not (what was recorded|valid JSON|text in UTF-8)",
        ):
            Vault(store).read(NAME)

    store.write(NAME, data[:-1])
    assert load(store) == value


CALL_OF_CASSETTE = """  {
   "kind": "function",
   "target": "shop:fetch",
   "outcome": {
    "duration": 0.5,
    "value": "one"
   }
  }"""


def test_calls_of_a_cassette_that_were_merged_into_one_are_found():
    """As by `merge=union` of Git, which keeps the lines of both branches."""
    text = (
        f'{{\n "format": 5,\n "test": "a",\n "calls": [\n{CALL_OF_CASSETTE}\n ]\n}}\n'
    )
    both = text.replace('"one"', '"two",\n    "duration": 0.7,\n    "value": "one"')

    facts = parse_recording(text.encode(), ".mimic_vault", "cassettes/a.json")
    with pytest.raises(CorruptRecordingError, match="a key occurs twice"):
        parse_recording(both.encode(), ".mimic_vault", "cassettes/a.json")

    assert facts["calls"][0]["outcome"] == {"duration": 0.5, "value": "one"}


def test_flipped_byte_of_a_recording_is_found():
    """Outside of its value, where it is an edit."""
    value = {"t": (1, 2), "b": b"\xff"}
    store = written(value)
    data = store.read(NAME)

    for position in range(data.index(b'"value"') + len('"value": ')):
        for bit in (1, 4, 32, 128):
            store.write(
                NAME,
                data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :],
            )
            try:
                assert load(store) == value, position
            except CorruptRecordingError:
                pass


VALUE = '"value": {"a": 1}'
# : What is put for which part of a recording, and what the error says. None is for the
# whole.
SHAPES = [
    (None, '', "empty"),
    (None, '[]', "no format number"),
    (None, '{}', "no format number"),
    ('"format": 5', '"format": true', "no format number"),
    ('"format": 5', '"format": 3', "is of format 3, this pytest-mimic reads format 5: record again: pytest --mimic-rerecord"),
    ('"format": 5', '"format": 6', "is of format 6, this pytest-mimic reads format 5: pip install --upgrade"),
    ('"outcomes": [', '"outcomes": [3, ', "not subscriptable"),
    ('"outcomes"', '"outcame"', "'outcomes' is missing"),
    ('"target"', '"tarjet"', "'target' is missing"),
    ('"duration": 0.5', '"duration": "x"', "must be a number of seconds"),
    ('"duration": 0.5', '"duration": 1e999', "must be a number of seconds"),
    ('"duration": 0.5', '"duration": NaN', "NaN is no number of JSON"),
    ('{"a": 1}', '{"a": -Infinity}', "-Infinity is no number of JSON"),
    (' "source"', ' "identity": 5,\n "source"', "identity must be of type str"),
    ('"tests/test_a.py::test_b[1]"', '5', "test must be a text"),
    (' "source"', ' "host": ["a"],\n "source"', "host must be of type str"),
    (' "source"', ' "options": "a",\n "source"', "options must be of type dict"),
    (' "source"', ' "parts": [1],\n "source"', "parts must be of type dict"),
    ('"duration"', '"durations"', "'duration' is missing"),
    ('"duration": 0.5', '"duration": 0.5, "tagfed": true', "unknown 'tagfed'"),
    (' "source"', ' "sourcf"', "'source' is missing"),
    ('"value"', '"valeu"', "needs one value, exception or file"),
    ('"value"', '"raised": {}, "value"', "needs one value, exception or file"),
    ('"value"', '"tagged": 1, "value"', "must be true or false"),
    ('"value"', '"tagged": true, "objects": ["a.bin"], "value"', "names no object"),
    ('"value"', '"preview": "os:system", "value"', "must be lists of texts"),
    ('"value"', '"preview": [1], "value"', "must be lists of texts"),
    ('"value"', '"code": ["os:system"], "value"', "it has an unknown 'code'"),
    ('"value"', '"imports": ["os:system"], "value"', "but is not tagged"),
    ('"value"', f'"objects": ["{OBJECT}.bin"], "value"', "but is not tagged"),
    (' "source"', ' "target": "x",\n "source"', "a key occurs twice"),
    (' "source"', ' "outcomes": [],\n "source"', "[(]a key occurs twice[)]"),
    ('"duration": 0.5', '"duration": 0.5,\n   "value": {"a": 2},\n   "duration": 0.7', "[(]a key occurs twice[)]"),
    (' "test"', '<<<<<<< HEAD\n "test"', "has a merge conflict, line 6"),
    ('{"a": 1}', '[' * 100000 + ']' * 100000, "nested too deeply"),
    ('{"a": 1}', '1-', "is not valid JSON, line "),
    (VALUE, '"raised": {}', "is not what was recorded"),
    (VALUE, '"stream": []', "is not what was recorded"),
    (VALUE, '"stream": {"items": [], "end": 1}', "is not what was recorded"),
    (VALUE, '"stream": {"items": [], "end": {}}', "is not what was recorded"),
    (VALUE, '"json": "../../etc/passwd"', "names no object"),
    (VALUE, f'"json": "{OBJECT}.json"', "'kind' is missing"),
    (VALUE, f'"kind": "valeu", "pickle": "{OBJECT}.pkl"', "kind must be"),
    (VALUE, f'"kind": "value", "count": 0, "pickle": "{OBJECT}.pkl"', "count must be a number"),
    ('"arguments": null', '"arguments": 3', "arguments that were not"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "other", "how"), SHAPES, ids=[how for *_, how in SHAPES]
)
def test_recording_of_another_shape_is_reported(part, other, how):
    store = written({"a": 1})
    text = store.read(NAME).decode()
    assert part is None or part in text
    store.write(NAME, (other if part is None else text.replace(part, other)).encode())

    with pytest.raises(CorruptRecordingError, match=how) as caught:
        load(store)

    assert caught.value.file == f".mimic_vault/{NAME}"


@pytest.mark.parametrize(
    ("edit", "how"),
    [
        (lambda text: text.replace('"calls"', '"calm"'), "'calls' is missing"),
        (
            lambda text: text.replace('"signature"', '"signed"'),
            "'signature' is missing",
        ),
        (
            lambda text: text.replace('"key": "0"', '"key": 0'),
            "a fact of a call is no text",
        ),
        (
            lambda text: text.replace('"value"', '"valeu"'),
            "needs one value, exception or file",
        ),
    ],
)
def test_cassette_of_another_shape_is_reported(edit, how):
    name = "cassettes/x.json"
    vault = Vault(MemoryStore())
    stored = vault.writer.encoded(Value({"a": 1}), 0.5)
    vault.writer.write(name, [a_call(stored)], test="t")
    text = vault.store.read(name).decode()
    assert edit(text) != text
    vault.store.write(name, edit(text).encode())

    with pytest.raises(CorruptRecordingError, match=how) as caught:
        read_calls(vault.objects, name)

    assert caught.value.file == f".mimic_vault/{name}"


def test_every_kind_of_description_is_accepted():
    arguments = {
        "text": {"$cut": "str", "start": "a", "length": 9, "digest": "0"},
        "deep": {
            "a": [
                1,
                {"b": None},
                {"$set": [{"$m:x": {"c": {"$text": "y"}}}], "length": 2},
            ]
        },
        "mapping": {"$dict": [[1, {"$date": "y"}]]},
    }
    assert Vault(recorded(1, arguments=arguments)).read(NAME).arguments == arguments


def test_bytes_that_are_not_text_are_reported():
    store = written({"a": 1})
    store.write(NAME, b"\xff\xfe\x00")

    with pytest.raises(CorruptRecordingError, match="is not text in UTF-8"):
        load(store)


@pytest.mark.parametrize(
    "value",
    [{"a": 1, "b": ["ä"]}, (1, "ä"), (ADDRESS,), ["x" * 70_000], (("x" * 70_000),)],
    ids=["inline", "tagged", "pickle", "object", "tagged object"],
)
def test_windows_line_ends_and_byte_order_mark_are_accepted(value):
    store = written(value)
    for name in list(store.names()):
        if name.endswith(".json"):
            data = store.read(name).replace(b"\n", b"\r\n")
            store.write(name, data)
    assert load(store) == value

    store.write(NAME, b"\xef\xbb\xbf" + store.read(NAME))
    assert load(store) == value


@pytest.mark.parametrize("text", [LFS, b"<<<<<<< HEAD\n", b"[1,"])
def test_the_traceback_of_damage_shows_no_error_of_the_parser(text):
    with pytest.raises(CorruptRecordingError) as caught:
        parse_object(text, "objects/a.json")

    assert caught.value.__context__ is None or caught.value.__suppress_context__


KEY = "0123456789abcdef0123456789abcdef"
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("shop.api:fetch_rates", f"calls/shop.api/fetch_rates/{KEY}.json"),
        ("shop.api:client.get", f"calls/shop.api/client.get/{KEY}.json"),
        ("httpx", f"calls/httpx/{KEY}.json"),
    ],
)
def test_usual_names_are_readable(target, name):
    assert recording_name(target, KEY) == name


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_is_safe_on_every_file_system(module, qualname):
    """Windows' reserved names, trailing dots, path separators, lengths."""
    name = recording_name(f"{module.replace(':', '')}:{qualname}", KEY)

    parts = name.split("/")
    assert len(name) < 180
    assert len(parts) == 4
    for part in parts:
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", part)
        assert not part.endswith(".")
        assert not part.startswith(".")
        assert not RESERVED.match(part)


@given(
    st.lists(
        st.sampled_from(
            [
                "Shop",
                "shop",
                "SHOP",
                "con",
                "con.",
                "a.b",
                "A.b",
                "ä",
                "a" * 60,
                "a" * 70,
            ]
        ),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_two_targets_never_share_a_folder(names):
    """Also on file systems that ignore case."""
    one, two = (recording_name(f"{name}:f", KEY).lower() for name in names)

    assert one != two


def test_the_parts_that_count_of_an_import_are_in_its_name():
    assert (imported_parts("1a2b-method-uri"), imported_parts("1a2b")) == (
        "method-uri",
        "",
    )
