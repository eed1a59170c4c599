"""A file of the vault is read as it was written, and damage of it is told apart."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic import CorruptRecordingError
from pytest_mimic.vault.recording import Entry, document_of, parse
from rooms.calls import entry, recording

NAME = ".mimic_vault/logs/a.json"
LOG = recording(
    entry({"rate": 1.08}, at=[0, 2], seconds=0.25, line="sequence"),
    Entry(at=[1], end="empty", recorded="2026-11-27"),
    entry(3, identity="ab", at=[2, 3], recorded="2026-01-01"),
    fixtures={"tests/conftest.py::customer (session)": "1b0d77aa"},
    setup="5f",
)


def test_a_log_lies_on_lines_that_people_read():
    """What fits into 100 characters stands on one."""
    text = document_of(LOG).decode()

    assert text.splitlines()[:9] == [
        "{",
        '  "format": 8,',
        '  "owner": "tests/test_shop.py::test_order",',
        '  "recorded": "2026-11-27",',
        '  "calls": 3,',
        f'  "digest": "{LOG.digest}",',
        '  "setup": "5f",',
        '  "fixtures": {"tests/conftest.py::customer (session)": "1b0d77aa"},',
        '  "log": [',
    ]
    assert '\n    {"at": [1], "end": "empty"},\n' in text
    assert max(map(len, text.splitlines())) <= 100


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda part: st.lists(part) | st.dictionaries(st.text(st.characters()), part),
)


@given(values, values)
def test_any_value_comes_back_through_a_file(one, other):
    log = recording(entry(one, at=[3, 4]), entry(other, arguments={"a": one}))

    again = parse(document_of(log), NAME)

    # Equal numbers of two types are told apart.
    assert repr(_values_of(again)) == repr(_values_of(log))
    assert again.entries == log.entries
    assert not again.edited


def _values_of(log):
    return [(entry.arguments, entry.body) for entry in log.entries]


def test_an_edit_is_used_and_known():
    content = document_of(LOG)

    longer = parse(content.replace(b'"seconds": 0.25', b'"seconds": 9'), NAME)
    other = parse(content.replace(b'"rate": 1.08', b'"rate": 2'), NAME)

    assert (longer.edited, other.edited) == (False, True)
    assert other.entries[0].body == {"value": {"rate": 2}}


@pytest.mark.parametrize(
    "convert",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: json.dumps(json.loads(content)).encode(),
        lambda content: json.dumps(json.loads(content), sort_keys=True).encode(),
    ],
    ids=["line ends", "byte order mark", "layout", "order of keys"],
)
def test_what_editors_and_git_do_to_a_file_is_no_edit(convert):
    again = parse(convert(document_of(LOG)), NAME)

    assert (again.entries, again.edited) == (LOG.entries, False)


def edit(old, new):
    def edited(content):
        assert old in content
        return content.replace(old, new)

    return edited


def of_call(**parts):
    """Change a part of the first call."""

    def edited(content):
        plain = json.loads(content)
        plain["log"][0].update(parts)
        return json.dumps(plain).encode()

    return edited


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"


def deep(content, levels):
    """Put nested lists in place of a value."""
    return content.replace(b"1.08", b"[" * levels + b"]" * levels)


DAMAGES = {
    "cut short": ("half", lambda content: content[:-9], "is not valid JSON, line "),
    "empty": ("half", lambda content: b"", "is not valid JSON, line 1"),
    "binary": ("half", lambda content: b"\xff\xfe\0", "is not text in UTF-8"),
    "a conflict": ("conflict", lambda content: b"{\n<<<<<<< HEAD\n" + content, "has a merge conflict, line 2"),
    "a pointer": ("pointer", lambda content: POINTER, "is a Git LFS pointer, its content was not pulled"),
    "an older format": ("format", edit(b'"format": 8', b'"format": 7'), "is of format 7, this pytest-mimic reads format 8"),
    "a newer format": ("newer", edit(b'"format": 8', b'"format": 9'), "is of format 9, this pytest-mimic reads format 8"),
    "two heads": ("merged", edit(b'  "digest": ', b'  "digest": "0",\n  "digest": '), "has two heads"),
    "merged calls": ("merged", edit(b'"calls": 3', b'"calls": 2'), "has 3 calls, and its head says 2"),
    "no mapping": ("foreign", lambda content: b"[]", "it has no format"),
    "no calls": ("content", lambda content: b'{"format": 8}', "it has no calls"),
    "too many digits": ("content", edit(b"1.08", b"9" * 5_000), "digits"),
    "no number": ("content", edit(b"1.08", b"NaN"), "NaN is no number of JSON"),
    "levels": ("content", lambda content: deep(content, 10_000), "it is nested deeper than 2,500 levels"),
    "many levels": ("content", lambda content: deep(content, 100_000), "it is nested deeper than 2,500 levels"),
    "two outcomes": ("content", of_call(raised={}), "a call needs one of value, raised, items, answer"),
    "no outcome": ("content", edit(b'"value"', b'"after"'), "a call needs one of value"),
    "no target": ("content", of_call(target=""), "a call needs 'target' and 'identity'"),
    "no identity": ("content", of_call(identity="text"), "a call needs 'target' and 'identity'"),
    "a place": ("content", of_call(at=["0"]), "'at.0' has the wrong type, or is out of range"),
    "an end": ("content", of_call(end="soon"), "a call cannot end 'soon'"),
    "inputs": ("content", of_call(inputs=[1]), "'inputs' has the wrong type"),
    "a duration": ("content", of_call(seconds="x"), "'seconds' has the wrong type"),
    "arguments": ("content", of_call(arguments=3), "'arguments' has the wrong type"),
    "a call": ("content", edit(b'{"at": [1], "end": "empty"}', b"0"), "a call is not a mapping"),
    "an owner": ("content", edit(b'"tests/test_shop.py::test_order"', b"0"), "'owner' has the wrong type"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGES)
def test_damage_is_named(case):
    damage, spoil, says = DAMAGES[case]

    with pytest.raises(CorruptRecordingError) as caught:
        parse(spoil(document_of(LOG)), NAME)

    assert str(caught.value).startswith(f"{NAME} ")
    assert says in str(caught.value)
    assert (caught.value.damage, caught.value.file) == (damage, NAME)


def test_a_file_that_is_cut_at_any_byte_is_damage():
    content = document_of(LOG).rstrip(b"\n")

    for end in range(len(content)):
        with pytest.raises(CorruptRecordingError, match="is not valid JSON"):
            parse(content[:end], NAME)


def test_a_file_with_one_turned_bit_is_damage_or_an_edit():
    """Or says the same, as one with another date in its head."""
    content = document_of(LOG)
    said = [(one.target, one.identity, one.body) for one in LOG.entries]

    for place in range(len(content)):
        turned = content[place] ^ (1, 4, 32)[place % 3]
        spoilt = content[:place] + bytes([turned]) + content[place + 1 :]
        with suppress(CorruptRecordingError):
            log = parse(spoilt, NAME)
            now = [(one.target, one.identity, one.body) for one in log.entries]
            assert log.edited or now == said, place
