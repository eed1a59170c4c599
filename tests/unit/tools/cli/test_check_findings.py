"""`check` and `rm`: each kind of damage is named, and nothing else is removed."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.pickle_files import pickle_file

from pytest_mimic._core.seam.registry import check_outcome
from pytest_mimic._core.vault import FolderStore, Vault, recording_name
from pytest_mimic.errors import CorruptRecordingError
from unit.tools.cli.edited_vaults import edit, flip, recording, the_object

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
CONFLICT = "{\n<<<<<<< ours\n}\n=======\n>>>>>>> theirs\n"


def repeat_key(path: Path, key: str) -> None:
    """Let a key of a JSON file stand twice."""
    text = path.read_text()
    path.write_text(text.replace(f'"{key}": ', f'"{key}": 0, "{key}": ', 1))


DAMAGE = {
    "cut short": (lambda shop: recording(shop, "rates").write_text('{\n "format": 5,'), "rates", r"is not valid JSON, line 2"),
    "empty": (lambda shop: recording(shop, "rates").write_text(""), "rates", r"\(empty\)"),
    "no outcome": (lambda shop: edit(recording(shop, "rates"), value=1, raised=1), "rates", "one value, exception"),
    "a key twice": (lambda shop: repeat_key(recording(shop, "rates"), "USD"), "rates", r"\(a key occurs twice\)"),
    "no stream": (lambda shop: edit(recording(shop, "words"), stream=5), "words", "stream must be a mapping"),
    "wrong stream": (lambda shop: edit(recording(shop, "words"), stream={"end": None}), "words", "'items' is missing"),
    "renamed": (
        lambda shop: recording(shop, "rates").rename(shop / ".mimic_vault/calls/shop/rates/x.json"),
        "rates",
        "its name is not that of a call of shop:rates",
    ),
    "flipped byte": (lambda shop: flip(the_object(shop, "odd", "pickle")), "odd", r"objects/.*\.pkl is not what was"),
    "missing pickle": (lambda shop: the_object(shop, "odd", "pickle").unlink(), "odd", "is missing, .* names it"),
    "missing JSON": (lambda shop: the_object(shop, "long", "json").unlink(), "long", "is missing, .* names it"),
    "wrong JSON": (lambda shop: the_object(shop, "long", "json").write_text("[]"), "long", "is not what was recorded"),
    "short list": (
        lambda shop: edit(recording(shop, "odd"), imports=[]),
        "odd",
        "it imports shop:Odd, which .* does not list",
    ),
    "short list of tags": (
        lambda shop: edit(recording(shop, "picture"), value={"$shop:Odd": {}}),
        "picture",
        "it names shop:Odd, which .* does not list",
    ),
    **{
        f"short list of tags in {body}": (
            lambda shop, body=body: edit(recording(shop, "picture"), value=None, **body),
            "picture",
            "it names .*shop:Odd, which .* does not list",
        )
        for body in (
            {"raised": {"$builtins:KeyError": {"args": [], "cause": {"$shop:Odd": {"args": []}}}}},
            {"stream": {"items": [], "end": {"raised": {"$shop:Odd": {"args": []}}}}},
        )
    },
    "misread tag": (
        lambda shop: edit(recording(shop, "picture"), value={"$date": "soon"}),
        "picture",
        r"\(\$date: 'soon'\)",
    ),
    "unknown tag": (
        lambda shop: edit(recording(shop, "picture"), value={"$nothing": 1}),
        "picture",
        r"\(\$nothing: 1\)",
    ),
    "misread tag in an object": (
        lambda shop: edit(recording(shop, "picture"), imports=["shop:User"], value={"$shop:User": {"born": {"$date": "soon"}}}),
        "picture",
        r"\(\$date: 'soon'\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_repaired(shop, call, damage):
    act, function, says = DAMAGE[damage]
    act(shop)

    result = call("check")

    assert result.code == 1
    assert re.search(says, result.lines[0]), result.out
    assert result.lines[-2].startswith(".mimic_vault: 1 problem; ")
    assert result.lines[-1].endswith(": pytest-mimic check --fix")

    before = {
        file
        for file in (shop / ".mimic_vault").rglob("*.json")
        if file.parent.name == function
    }
    repaired = call("check", "--fix")
    assert repaired.code == 1
    assert "  1 recording" in repaired.out
    assert re.search(r"  to record again: pytest --mimic-record", repaired.out)
    assert len([file for file in before if file.exists()]) == len(before) - 1
    assert call("check").code == 0


RESPONSE = {"status": 200, "reason": "OK", "version": "HTTP/1.1", "headers": []}


@pytest.mark.parametrize(
    ("target", "value", "says"),
    [
        ("http", None, "must be a mapping"),
        ("http", {}, "'status' is missing"),
        ("http", {**RESPONSE, "status": "200"}, "status must be of type int"),
        ("http", {**RESPONSE, "headers": {"Age": "1"}}, "headers must be of type list"),
        (
            "http",
            {**RESPONSE, "headers": [["Age", 1]]},
            "headers must be pairs of texts",
        ),
        (
            "http",
            {"status": 200, "reason": "OK", "version": "HTTP/1.1"},
            "'headers' is missing",
        ),
        ("http", {**RESPONSE, "body": "hello"}, "body must be of type dict"),
        (
            "http",
            {**RESPONSE, "body": {"text": 1}},
            "a body needs one of json, text, base64, chunks, events, parts, message",
        ),
        (
            "http",
            {**RESPONSE, "body": {"text": "a", "charset": "rot13"}},
            "'rot13' is not a text encoding",
        ),
        (
            "http",
            {**RESPONSE, "body": {"text": "€", "charset": "ascii"}},
            "'ascii' codec can't encode",
        ),
        ("http", {**RESPONSE, "body": {"base64": "@@@@"}}, "base64 d"),
        (
            "http",
            {**RESPONSE, "body": {"chunks": ["a", {"text": "b"}]}},
            "'base64' is missing",
        ),
        (
            "http",
            {**RESPONSE, "body": {"events": [5]}},
            "an event must be a mapping or a text",
        ),
        (
            "http",
            {**RESPONSE, "body": {"parts": [], "delimiters": []}},
            "a body needs one delimiter more than parts",
        ),
        ("http", {**RESPONSE, "body": {"message": {"text": "a"}}}, "'head' is missing"),
        (
            "http",
            {**RESPONSE, "body": {"message": {"head": "", "base64": "@@@@"}}},
            "base64 d",
        ),
        ("sqlalchemy", {"columns": [["a"]], "rows": 5}, "rows must be of type list"),
        (
            "sqlalchemy",
            {"columns": [["a"]], "rows": [[1, 2]]},
            "each row must have a value for each column",
        ),
        (
            "sqlalchemy",
            {"columns": [["a"]], "rows": ["x"]},
            "each row must have a value for each column",
        ),
        ("redis", {"replies": "OK"}, "replies must be of type list"),
    ],
)
def test_the_outcome_of_a_client_is_checked_before_it_is_used(
    shop: Path, call: Any, target: str, value: Any, says: str
) -> None:
    """By a replay, and by the command, which shows no traceback."""
    name = recording_name(target, "5f" * 16)
    facts = {
        "format": 5,
        "target": target,
        "arguments": {},
        "source": None,
        "test": "t.py::test_a",
    }
    file = shop / ".mimic_vault" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps({**facts, "outcomes": [{"duration": 0.1, "value": value}]})
    )

    vault = Vault(FolderStore(shop / ".mimic_vault"), check_client=check_outcome)
    with pytest.raises(CorruptRecordingError, match=says) as caught:
        vault.read(name)

    assert caught.value.file.endswith(name)
    assert caught.value.remedy_lines()[0].endswith(
        "pytest --mimic-rerecord t.py::test_a"
    )
    assert says in call("check").lines[0]
    assert says in call("show", name).out


def test_a_file_that_ends_the_check_of_it_is_named_and_never_removed(shop, call):
    name = recording_name("http", "5f" * 16)
    facts = {
        "format": 5,
        "target": "http",
        "arguments": {"url": 5},
        "source": None,
        "test": None,
    }
    file = shop / ".mimic_vault" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps({**facts, "outcomes": [{"duration": 0.1, "value": RESPONSE}]})
    )

    checked = call("check", "--fix")

    assert checked.code == 1
    assert checked.lines[0].startswith(
        f".mimic_vault/{name} is not what was recorded ("
    )
    assert file.exists()


def test_what_cannot_be_shown_is_one_line(shop, call):
    edit(recording(shop, "words"), stream={"items": 5})

    assert call("show", "shop:words").err.startswith(
        "ERROR: .mimic_vault/calls/shop/words/"
    )


@pytest.mark.skipif(os.name == "nt", reason="no name of a file has a line end there")
@pytest.mark.parametrize(
    "words", [["check"], ["ls"], ["show", "shop"], ["rm", "-n", "shop"]]
)
def test_a_name_with_a_line_end_writes_no_line_of_its_own(shop, call, words):
    forged = "to fix it: rm -rf ~"
    (shop / f".mimic_vault/calls/shop/rates/a\n{forged}").write_text("{")
    (shop / f".mimic_vault/calls/shop/rates/b\n{forged}.json").write_text("{")

    result = call(*words)

    printed = [*result.out.splitlines(), *result.err.splitlines()]
    assert [line for line in printed if line.startswith("to fix it: rm")] == []


def test_a_recording_of_an_older_format_is_named_and_removed(shop, call):
    file = recording(shop, "odd")
    file.write_text(file.read_text().replace('"format": 5', '"format": 3'))

    result = call("check")

    assert result.code == 1
    assert (
        "is of format 3, this pytest-mimic reads format 5: record again: pytest --mimic"
        in result.lines[0]
    )
    assert result.lines[-2].startswith(".mimic_vault: 1 problem; ")
    call("check", "--fix")
    assert not file.exists()
    assert call("check").code == 0


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        (LFS, "is a Git LFS pointer, its content was not pulled", "git lfs pull"),
        (CONFLICT, "has a merge conflict, line 2", "take our side (or --theirs): git checkout --ours "),
        ('{\n "format": 6\n}\n', "is of format 6, this pytest-mimic reads format 5: pip install --upgrade", ""),
    ],
)  # fmt: skip
def test_what_is_not_lost_is_never_removed(shop, call, text, says, remedy):
    file = recording(shop, "rates")
    file.write_text(text)

    result = call("check", "--fix")

    assert result.code == 1
    assert says in result.lines[0]
    assert any(line.strip().startswith(remedy) for line in result.lines)
    assert file.read_text() == text


def test_a_pointer_in_place_of_a_pickle_is_never_removed(shop, call):
    file = the_object(shop, "odd", "pickle")
    file.write_text(LFS)

    result = call("check", "--fix")

    assert (result.code, file.read_text()) == (1, LFS)
    assert "git lfs pull" in result.out
    assert recording(shop, "odd").exists()


def test_pickles_are_counted_and_what_they_may_import_is_listed(shop, call):
    result = call("check")
    data = call("check", "--json").data

    assert result.code == 0
    assert result.lines[0] == "3 pickles may import"
    assert "  shop:Odd" in result.lines
    assert (data["pickles"], data["imports"][-1]) == (3, "shop:Odd")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["check"], "calls/shop/rates/0.json is a link to a device, which is not opened"),
        (["check"], "calls/shop/rates/1.json is a pipe, which is not opened"),
        (["check"], "calls/shop/dot is no file of a vault"),
        (["ls"], "2 files cannot be read: pytest-mimic check"),
        (["show", "shop:rates"], "2 files cannot be read: pytest-mimic check"),
        (["rm", "-n", "calls"], "2 files cannot be read: pytest-mimic check"),
        (["mv", "-n", "tests/test_shop.py", "tests/b.py"], "2 files cannot be read"),
        (["rekey", "-n"], "2 files cannot be read: pytest-mimic check"),
    ],
)  # fmt: skip
def test_no_command_opens_what_is_no_regular_file(shop, call, words, says):
    folder = shop / ".mimic_vault/calls/shop"
    (folder / "rates/0.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "rates/1.json")
    (folder / "dot").symlink_to(".")

    result = call(*words)

    assert result.code == 1
    assert says in result.out
    assert os.path.islink(folder / "rates/0.json")


def test_orphans_and_leftovers_are_found_and_removed_and_foreign_files_only_named(
    shop, call
):
    vault = shop / ".mimic_vault"
    recording(shop, "odd").unlink()
    left = vault / ".mimic-1-0.tmp"
    left.write_text("half")
    os.utime(left, (0, 0))
    (vault / f".mimic-{os.getpid()}-0.tmp").write_text("in use")
    (vault / "calls/shop/rates/a.json.orig").write_text("")

    result = call("check", "--json")

    assert result.code == 1
    kinds = sorted(finding["kind"] for finding in result.data["findings"])
    orphans = ["orphaned"] * 2  # an outcome, and what its call reaches
    assert kinds == ["foreign", "leftover", *orphans]

    dry = call("check", "--fix", "--dry-run", "--json")
    files = set(vault.rglob("*"))
    done = call("check", "--fix", "--json")

    assert (dry.code, done.code) == (1, 0)
    assert dry.data == done.data
    gone = {
        vault / finding["file"]
        for finding in result.data["findings"]
        if finding["kind"] != "foreign"
    }
    assert {file for file in files - set(vault.rglob("*")) if file.suffix} == gone
    assert call("check").code == 0
    assert call("check", "--fix").lines == call("check").lines
    assert (vault / f".mimic-{os.getpid()}-0.tmp").exists()


def test_no_object_is_removed_while_a_recording_cannot_be_read(shop, call):
    recording(shop, "odd").write_text(CONFLICT)
    pickled = list((shop / ".mimic_vault/objects").rglob("*.pkl"))

    result = call("check", "--fix")

    assert result.code == 1
    assert all(file.exists() for file in pickled)


class Touch:
    """An object whose pickle makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def plant(shop, path, **lists):
    """Replace the pickle of a recording by one that makes a folder when it is loaded; its checksum is right."""
    stream = pickle.dumps({"value": Touch(str(path))}, 5)
    name, data = pickle_file(stream)
    the_object(shop, "odd", "pickle").unlink()
    file = Path(str(shop), ".mimic_vault", name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    edit(recording(shop, "odd"), pickle=name, **lists)


MKDIR = f"{os.mkdir.__module__}:mkdir"


@pytest.mark.parametrize("lists", [{}, {"imports": [MKDIR]}])
def test_no_command_loads_a_pickle_that_would_run_code(shop, call, tmp_path, lists):
    trap = tmp_path / "trap"
    plant(shop, trap, **lists)

    for words in (
        ["ls"],
        ["ls", "--json", "--errors"],
        ["show", "shop:odd"],
        ["check"],
        ["check", "--fix"],
        ["rm", "calls"],
    ):
        call(*words)

    assert not trap.exists()


@pytest.mark.parametrize("words", [["check", "--fix"], ["rm", "shop:words"]])
def test_objects_that_a_run_may_need_again_stay(shop, call, words):
    """A recording that a failing test has replaced is put back at the end of the run.

    Its object must be there then.
    """
    file, pickled = recording(shop, "odd"), the_object(shop, "odd", "pickle")
    name = file.relative_to(shop / ".mimic_vault").as_posix()
    run = Vault(FolderStore(shop / ".mimic_vault"))
    before, other = (
        file.read_bytes(),
        run.read(
            recording(shop, "rates").relative_to(shop / ".mimic_vault").as_posix()
        ),
    )
    run.writer.write(name, [run.read(name)._replace(outcomes=other.outcomes)])

    command = [sys.executable, "-m", "pytest_mimic", *words]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=True)
    run.restore(name, before)

    assert (
        "a run is recording now and may need its former objects again: they are kept"
        in done.stdout
    )
    assert pickled.exists()
    assert call("check").code == 0

    run.store.end_writing()
    file.unlink()
    subprocess.run([*command[:3], "check", "--fix"], cwd=shop, check=True)
    assert not pickled.exists()


def test_files_that_were_not_recorded_are_never_removed(shop, call):
    text = "no JSON"
    vault = shop / ".mimic_vault"
    foreign = [
        vault / place / "notes.json"
        for place in ("calls", "calls/shop/rates", "", "other")
    ]
    (vault / "other").mkdir()
    for file in foreign:
        file.write_text(text)

    result = call("check", "--fix")

    assert result.code == 0
    assert [
        line
        for line in result.lines
        if line.endswith("notes.json is no file of a vault")
    ] == result.lines[:4]
    says = f"{vault.name} is sound, beside 4 other files; "
    assert any(line.startswith(says) for line in result.lines)
    assert [file.read_text() for file in foreign] == [text] * 4


def test_a_cassette_that_may_be_another_file_is_damage_but_never_removed(shop, call):
    file = shop / ".mimic_vault/cassettes/shopping.json"
    file.write_text('{"mine": 1}')

    result = call("check", "--fix")

    assert result.code == 1
    assert "  restore it from version control, or delete it" in result.lines
    assert file.exists()
