"""Recordings are written whole or not at all, share equal outcomes, and are not touched without a change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from pytest_mimic import CorruptRecordingError, MimicError, StaleRecordingError
from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.vault import FolderStore, Vault, recording_name
from pytest_mimic._core.vault.recording_facts import Recording, read_calls
from unit.memory_store import MemoryStore, a_call, has_changed

A, B = "calls/shop/f/aa.json", "calls/shop/f/bb.json"
DOCUMENT = [{"id": n, "name": f"user {n}"} for n in range(3000)]
# : Values that are stored as pickles, with all that they are in: their class defines
# how it is pickled.
ONE, TWO, THREE = (IPv4Address(f"10.0.0.{n}") for n in (1, 2, 3))


@dataclass(frozen=True)
class NotPickled:
    """A class whose objects pickle cannot load, as it sets slots one by one, and the tags can."""

    __slots__ = ("x",)
    x: int


def put(
    vault,
    name,
    *values,
    source="s1",
    test="t1",
    date="2026-11-01",
    arguments=None,
    duration=0.5,
):
    outcomes = [vault.writer.encoded(Value(value), duration) for value in values]
    return has_changed(
        vault.writer.write(
            name, [Recording("shop:f", arguments, source, test, date, None, outcomes)]
        )
    )


def files(store):
    return {name: store.read(name) for name in store.names()}


def objects(store):
    return sorted(store.names("objects"))


@pytest.mark.parametrize(
    "value",
    [
        1,
        {"a": [1]},
        DOCUMENT,
        (1, 2),
        {"x", "y"},
        b"\xff" * 3000,
        (1, ONE),
        {"x", "y", ONE},
    ],
    ids=["atom", "inline", "json", "tuple", "set", "bytes", "pickle", "pickled set"],
)
def test_equal_outcome_leaves_every_file_as_it_is(value):
    store = MemoryStore()
    assert put(Vault(store), A, value) is True
    before = files(store)

    assert (
        put(Vault(store), A, value, test="t2", date="2027-01-01", duration=9.0) is False
    )

    assert files(store) == before


@pytest.mark.parametrize(
    ("name", "called"), [(A, "shop:f"), ("cassettes/x.json", "cassettes/x.json")]
)
def test_what_was_written_is_named_where_it_cannot_be_loaded(name, called):
    vault = Vault(MemoryStore())
    stored = vault.writer.encoded(Value([lambda: 5]), 0.5)
    vault.writer.write(name, [a_call(stored)])
    # Only the Python that stored code by value can load it.
    assert stored.entry["python"]
    stored.entry["python"] = "3.9"

    with pytest.raises(
        StaleRecordingError,
        match=f"^the recorded outcome of {called} cannot be loaded here",
    ):
        stored.load()


@pytest.mark.parametrize(
    "value", [1, DOCUMENT, (1, 2), (1, ONE)], ids=["inline", "json", "tagged", "pickle"]
)
def test_changed_source_updates_the_source_alone(value):
    store = MemoryStore()
    put(Vault(store), A, value)
    before = files(store)

    assert (
        put(Vault(store), A, value, source="s2", test="t2", date="2027-01-01") is True
    )

    assert files(store) == {**before, A: before[A].replace(b'"s1"', b'"s2"')}


def test_the_options_of_a_line_that_are_gone_go_from_an_equal_recording():
    """Else `rekey` would find that the recording is of another line."""
    vault = Vault(MemoryStore())

    def put_with(test, **facts):
        call = a_call(vault.writer.encoded(Value(1), 0.5))._replace(test=test)
        return has_changed(vault.writer.write(A, [call._replace(**facts)]))

    put_with("t1", options={"ignore": ["data.id"]}, parts={"data": "in part"})

    assert put_with("t2") is True
    facts = json.loads(vault.store.read(A))
    assert (facts.get("options"), facts.get("parts"), facts["test"]) == (
        None,
        None,
        "t1",
    )
    assert put_with("t3") is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ((1,), [1]),
        ((1, 2), (1, 3)),
        ((1, ONE), [1, ONE]),
        ((1, ONE), (1, TWO)),
        ({1, 2}, frozenset({1, 2})),
        (DOCUMENT, DOCUMENT[:-1]),
        ((1, ONE), NotPickled(1)),
    ],
)
def test_changed_outcome_has_the_facts_of_its_run(old, new):
    """Types and the order of keys count."""
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, old)

    assert put(vault, A, new, test="t2", date="2027-01-01", duration=9.0) is True

    again = vault.read(A)
    assert repr(again.outcomes[0].load().value) == repr(new)
    assert (again.test, again.recorded, again.outcomes[0].duration) == (
        "t2",
        "2027-01-01",
        9.0,
    )


def test_array_layout_counts():
    """C order and Fortran order are two outcomes."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(12.0).reshape(3, 4)
    vault = Vault(MemoryStore())
    put(vault, A, array)

    assert put(vault, A, array.copy()) is False
    assert put(vault, A, numpy.asfortranarray(array)) is True
    assert vault.read(A).outcomes[0].load().value.flags.f_contiguous


@pytest.mark.parametrize(
    "value",
    [DOCUMENT, tuple(range(20_000)), b"\xff" * 3000, (1, ONE)],
    ids=["json", "tagged", "bytes", "pickle"],
)
def test_equal_outcomes_are_stored_once(value):
    store = MemoryStore()
    vault = Vault(store)

    put(vault, A, value)
    put(vault, B, value, test="t2")

    assert len(objects(store)) == 1
    assert (
        vault.read(A).outcomes[0].load().value
        == vault.read(B).outcomes[0].load().value
        == value
    )


def test_equal_sets_are_one_object_under_any_hash_seed(tmp_path):
    """Recording one again leaves every file as it is."""
    script = textwrap.dedent("""
        import sys
        from ipaddress import IPv4Address
        from pytest_mimic._core.outcome.outcome import Value
        from pytest_mimic._core.vault import FolderStore, Vault
        from pytest_mimic._core.vault.recording_facts import Recording, read_calls
        vault = Vault(FolderStore(sys.argv[1]))
        tags = {f"tag {n}" for n in range(200)}
        for beside in (None, IPv4Address("10.0.0.1")):
            value = {"tags": tags, "at": beside}
            for name in (f"calls/shop/f/aa{beside is None}.json", f"calls/shop/f/bb{beside is None}.json"):
                stored = vault.writer.encoded(Value(value), 0.1)
                vault.writer.write(name, [Recording("shop:f", None, None, sys.argv[2], sys.argv[2], None, [stored])])
                print(vault.read(name).outcomes[0].load().value == value)
    """)
    kept = []
    for seed in ("1", "2", "3"):
        ran = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "v"), seed],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout == "True\n" * 4
        kept.append(files(FolderStore(tmp_path / "v")))

    assert kept[0] == kept[1] == kept[2]
    assert sorted(name.rpartition(".")[2] for name in kept[0]) == ["json"] * 4 + ["pkl"]


def test_an_object_with_the_line_ends_of_windows_is_shared():
    """Git may have changed them."""
    store = MemoryStore()
    put(Vault(store), A, DOCUMENT)
    (name,) = objects(store)
    store.write(name, store.read(name).replace(b"\n", b"\r\n"))
    before = files(store)

    put(Vault(store), B, DOCUMENT)

    assert files(store) == {**before, B: store.read(B)}
    assert Vault(store).read(B).outcomes[0].load().value == DOCUMENT


@pytest.mark.parametrize(
    "value", [DOCUMENT, (1, ONE), (b"\xff" * 3000,)], ids=["json", "pickle", "bytes"]
)
@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:50], lambda data: b"", None],
    ids=["cut", "empty", "gone"],
)
def test_recording_again_repairs_a_damaged_object(value, damage):
    """For every recording that names it."""
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, value)
    put(vault, B, value)
    before = files(store)
    (name,) = objects(store)
    if damage is None:
        store.delete([name])
    else:
        store.write(name, damage(store.read(name)))

    put(Vault(store), A, value)

    assert files(store) == before


def test_arguments_in_another_order_are_unchanged():
    """Added, removed or redacted arguments are written."""
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, 1, arguments={"a": {"x": 1, "y": [1, "2"]}, "b": 2})
    before = files(store)

    assert (
        put(vault, A, 1, arguments={"b": 2, "a": {"y": ["2", 1], "x": 1}}, test="t2")
        is False
    )
    assert files(store) == before
    for other in (
        {"b": 2, "a": {"y": ["2", 1]}},
        {"b": "[redacted]", "a": {"y": ["2", 1]}},
        None,
    ):
        assert put(vault, A, 1, arguments=other) is True
        assert vault.read(A).arguments == other


CASSETTE = "cassettes/x.json"


def put_call(vault, key, *, arguments=None, test="t1", duration=0.5, inputs=None):
    """Record a cassette of one call, which returned `None`."""
    stored = vault.writer.encoded(Value(None), duration, detached=True)
    stored.inputs = inputs
    call = a_call(stored, identity=key, arguments=arguments)
    vault.writer.write(CASSETTE, [call], test=test, recorded="2026-11-01")


@pytest.mark.must
@pytest.mark.parametrize("key", ["aa", "bb"], ids=["same call", "other call"])
def test_a_call_of_a_cassette_keeps_the_order_of_its_own_arguments_only(key):
    """`f([2, 1])` in the place of `f([1, 2])` is another call: its list is in its own order."""
    vault = Vault(MemoryStore())
    put_call(vault, "aa", arguments={"a": [1, 2]})

    put_call(vault, key, arguments={"a": [2, 1]})

    [call] = read_calls(vault.objects, CASSETTE)
    expected = {"aa": [1, 2], "bb": [2, 1]}
    assert (call.identity, call.arguments) == (key, {"a": expected[key]})


@pytest.mark.must
def test_another_call_in_the_place_of_one_in_a_cassette_has_its_own_facts():
    """Also where both gave the same: its inputs, its duration, and the test that recorded it."""

    def inputs_of_the_old_call(list_before, *, is_same):
        return '["old.txt"]'

    def inputs_of_the_new_call(list_before, *, is_same):
        return list_before.decode() if is_same else '["new.txt"]'

    vault = Vault(MemoryStore())
    put_call(vault, "aa", inputs=inputs_of_the_old_call)

    put_call(vault, "bb", test="t2", duration=9.0, inputs=inputs_of_the_new_call)

    [call] = read_calls(vault.objects, CASSETTE)
    list_of_inputs = vault.store.read(call.stored.entry["inputs"])
    assert list_of_inputs == b'["new.txt"]'
    assert call.stored.duration == 9.0
    assert vault.test_of(CASSETTE) == "t2"


@pytest.mark.parametrize("value", [(1, [2]), (ONE, [2])], ids=["tagged", "pickle"])
def test_written_recording_can_be_replayed_at_once(value):
    vault = Vault(MemoryStore())
    recording = Recording(
        "shop:f",
        None,
        None,
        None,
        "",
        None,
        [vault.writer.encoded(Value(value), 0.1)],
    )
    assert recording.outcomes[0].load().value == value

    vault.writer.write(A, [recording])

    assert recording.outcomes[0].load().value == value
    assert recording.outcomes[0].encoded is None


def test_awaited_value_is_another_outcome():
    """A replay has to return a coroutine."""
    vault = Vault(MemoryStore())
    put(vault, A, {"a": 1})
    stored = vault.writer.encoded(Value({"a": 1}), 0.1)
    stored.entry["awaited"] = True

    assert has_changed(
        vault.writer.write(
            A, [Recording("shop:f", None, "s1", "t2", "2026-11-02", None, [stored])]
        )
    )

    assert vault.read(A).outcomes[0].awaited


def test_shorter_sequence_keeps_its_outcomes():
    """Their objects and durations as well."""
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, 1, (2,), TWO, [0] * 3000, b"\xff" * 3000)
    kept = objects(store)
    recording = vault.read(A)

    recording.outcomes.pop(0)
    vault.writer.write(A, [recording])

    expected = [(2,), TWO, [0] * 3000, b"\xff" * 3000]
    assert [each.load().value for each in vault.read(A).outcomes] == expected
    assert (objects(store), vault.replaced) == (kept, set())


@pytest.mark.parametrize("edit", [b'"outcomes": [[]]}\n', b'"outcome": []}\n', b""])
def test_recording_again_replaces_a_malformed_recording(edit):
    store = MemoryStore()
    put(Vault(store), A, 1)
    whole = store.read(A)
    start = whole.index(b'"outcomes"')
    store.write(A, whole[:start] + edit)

    assert put(Vault(store), A, 1) is True
    assert store.read(A) == whole


def test_a_recording_of_a_newer_format_is_not_replaced():
    """An older pytest-mimic cannot tell what it would lose."""
    store = MemoryStore()
    newer = b'{"format": 6, "elsewhere": []}\n'
    store.write(A, newer)

    with pytest.raises(CorruptRecordingError, match="pip install --upgrade"):
        put(Vault(store), A, 1)

    assert store.read(A) == newer


def test_recording_of_another_layout_allows_collecting():
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, (1, ONE))
    put(vault, B, (3, ONE))
    store.write(A, json.dumps(json.loads(store.read(A)), indent=4).encode())

    assert vault.writer.delete([B])[:2] == (1, 1)
    assert vault.read(A).outcomes[0].load().value == (1, ONE)


def test_facts_besides_the_outcome_are_kept():
    """Arguments, owner, and that it was awaited."""
    vault = Vault(MemoryStore())
    stored = vault.writer.encoded(Value({"a": 1}), 0.123456)
    stored.entry["awaited"] = True
    made = Recording(
        "shop:f", {"base": "EUR"}, "ff", "t", "2026-11-02", "owner", [stored]
    )
    vault.writer.write(A, [made])

    again = vault.read(A)
    [outcome] = again.outcomes

    assert again._replace(outcomes=[], name="") == made._replace(outcomes=[])
    assert (outcome.awaited, outcome.duration) == (True, 0.1235)
    assert outcome.load().value == {"a": 1}


def test_clearing_deletes_recordings_with_their_objects(tmp_path):
    """It returns the numbers and the bytes of the objects, and removes empty folders."""
    for store in (MemoryStore(), FolderStore(tmp_path / "v")):
        vault = Vault(store)
        put(vault, A, ONE, b"\xff" * 3000)
        put(vault, B, b"\xff" * 3000)
        sizes = {
            name: len(data)
            for name, data in files(store).items()
            if name.startswith("objects")
        }

        cleared = vault.writer.delete([A, "calls/shop/f/none.json"])

        left = [sizes[name] for name in objects(store)]
        assert cleared == (1, 1, sum(sizes.values()) - sum(left), False)
        assert (vault.names(), len(objects(store))) == ([B], 1)
        assert vault.writer.delete([B])[:2] == (1, 1)
        assert files(store) == {}
    assert not (tmp_path / "v").exists() or not any((tmp_path / "v").iterdir())


@pytest.mark.must
@pytest.mark.parametrize("value", [ONE, b"\xff" * 3000], ids=["pickle", "bytes"])
def test_objects_stay_while_another_run_may_name_or_put_back_them(tmp_path, value):
    run, other = Vault(FolderStore(tmp_path)), Vault(FolderStore(tmp_path))
    put(run, A, value)
    before = run.store.read(A)
    put(run, A, 1)

    assert other.writer.delete([B]).is_held
    assert other.writer.delete((), candidates=run.replaced).is_held

    run.restore(A, before)
    run.store.end_writing()
    assert run.read(A).outcomes[0].load().value == value
    assert other.writer.delete([A])[:2] == (1, 1)


def test_a_recording_is_copied_to_another_vault_with_its_objects():
    """As an import does.

    An object that is damaged is not copied, and the recording neither.
    """
    one, other = MemoryStore(), MemoryStore()
    put(Vault(one), A, (ONE, 1), b"\xff" * 3000, DOCUMENT)

    Vault(other).writer.copy(A, Vault(one).objects)

    assert files(other) == files(one)
    name = next(name for name in objects(one) if name.endswith(".pkl"))
    one.write(name, one.read(name)[:-3])
    empty = MemoryStore()
    with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
        Vault(empty).writer.copy(A, Vault(one).objects)
    assert A not in files(empty)


def test_names_and_size_count_recordings(tmp_path):
    """Not leftovers, hidden files of others, or objects."""
    for store in (MemoryStore(), FolderStore(tmp_path / "v")):
        vault = Vault(store)
        assert (vault.names(), vault.size()) == ([], (0, 0))
        put(vault, A, ONE)
        put(vault, recording_name("shop.api:Client.get", "ab"), 1)

        assert set(vault.names()) == {A, recording_name("shop.api:Client.get", "ab")}
        assert vault.size() == (2, sum(map(len, files(store).values())))


def test_cassette_keeps_its_calls_in_order():

    store = MemoryStore()
    vault = Vault(store)
    name = "cassettes/shop/pay.json"

    arguments = {"url": "x", "query": {"a": 2, "b": 1}}

    def entry(number, value):
        stored = vault.writer.encoded(Value(value), 0.1, detached=True)
        facts = {
            "kind": "httpx",
            "target": "httpx",
            "signature": f"GET /{number}",
            "host": "a.com",
        }
        return a_call(
            stored, identity=f"{number:032x}", arguments=dict(arguments), **facts
        )

    entries = [
        entry(1, {"status": 200}),
        entry(2, (1, ONE)),
        entry(1, {"body": "x" * 10_000}),
    ]
    assert read_calls(vault.objects, name) is None
    assert has_changed(
        vault.writer.write(name, entries, test="t", recorded="2026-11-02")
    )
    before = files(store)

    again = read_calls(vault.objects, name)

    assert [
        (each.kind, each.target, each.signature, each.host, each.arguments)
        for each in again
    ] == [("httpx", "httpx", f"GET /{n}", "a.com", arguments) for n in (1, 2, 1)]
    assert [each.stored.load().value for each in again] == [
        {"status": 200},
        (1, ONE),
        {"body": "x" * 10_000},
    ]
    assert not has_changed(
        vault.writer.write(name, again, test="other", recorded="2027-01-01")
    )
    equal = [
        entry(1, {"status": 200}),
        entry(2, (1, ONE)),
        entry(1, {"body": "x" * 10_000}),
    ]
    equal = [
        call._replace(arguments={"query": {"b": 1, "a": 2}, "url": "x"})
        for call in equal
    ]
    assert not has_changed(
        vault.writer.write(name, equal, test="other", recorded="2027-01-01")
    )
    assert files(store) == before
    assert vault.test_of(name) == "t"
    assert set(vault.names()) == {name}

    vault.writer.write(name, again[:1], test="t2")
    assert vault.writer.delete((), candidates=vault.replaced)[1] == 1
    vault.restore(name, before[name])
    for _ in range(2):  # there is nothing to take away the second time
        vault.restore(name, None)
        assert vault.names() == []


@pytest.mark.parametrize("value", [ONE, b"\xff" * 3000], ids=["pickle", "bytes"])
def test_cassette_shares_objects_with_recordings(value):
    """The objects of a cassette are not collected."""
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, value)
    stored = vault.writer.encoded(Value(value), 0.1)
    vault.writer.write(CASSETTE, [a_call(stored)])

    assert vault.writer.delete([A])[:2] == (1, 0)
    assert vault.writer.delete([CASSETTE])[:2] == (1, 1)


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no such modes and special files"
)
def test_read_only_vault_replays(tmp_path):
    """Nothing is written, and no lock is made."""
    store = FolderStore(tmp_path / "v")
    for name, value in ((A, ONE), (B, [1])):
        put(Vault(store), name, value)
    for path in [*(tmp_path / "v").rglob("*"), tmp_path / "v"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "v").rglob("*")}

    vault = Vault(FolderStore(tmp_path / "v"))

    assert vault.read(A).outcomes[0].load().value == ONE
    again, kept, _ = vault.read_value(B)[3:]
    assert again(kept) == [1]
    assert set(vault.names()) == {A, B}
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "v").rglob("*")
    } == before
    for path in [tmp_path / "v", *(tmp_path / "v").rglob("*")]:
        path.chmod(0o755)


def test_vault_path_that_is_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "v").write_text("a file")
    vault = Vault(FolderStore(tmp_path / "v"))

    with pytest.raises(MimicError, match=r"cannot read .*/v: Not a directory"):
        vault.read(A)
    with pytest.raises(MimicError, match=r"cannot read .*/v: Not a directory"):
        put(vault, A, [1])
    for name in (A, "x.json"):
        with pytest.raises(MimicError, match=r"cannot write .*/v: "):
            vault.store.write(name, b"x")
    assert (tmp_path / "v").read_text() == "a file"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_missing_permission_is_one_clear_error(tmp_path):
    (tmp_path / "v").mkdir(mode=0o555)

    with pytest.raises(
        MimicError, match=r"cannot write .*v/calls.*: Permission denied"
    ):
        put(Vault(FolderStore(tmp_path / "v")), A, [1])


def test_many_threads_write_one_vault(tmp_path):
    """Equal outcomes share one object, and nothing is lost."""
    store = FolderStore(tmp_path)
    barrier, failures = threading.Barrier(8), []

    def work(number):
        try:
            barrier.wait()
            vault = Vault(store)
            for n in range(6):
                put(vault, f"calls/shop/f/{number}{n:02}.json", (n, ONE, DOCUMENT))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    vault = Vault(store)
    assert len(vault.names()) == 48
    assert len(objects(store)) == 6
    assert all(
        vault.read(name).outcomes[0].load().value[2] == DOCUMENT
        for name in vault.names()
    )


def test_temporary_files_of_killed_writers_are_removed_after_an_hour(tmp_path):
    """By the next writer.

    They are in nobody's way before, whatever number their process had.
    """
    left = [tmp_path / f".mimic-{os.getpid()}-{number}.tmp" for number in range(3)]
    for path in left:
        path.write_bytes(b"half")
    hour_ago = time.time() - 3600.5
    os.utime(left[1], (hour_ago, hour_ago))
    vault = Vault(FolderStore(tmp_path))
    assert (vault.names(), vault.store.leftovers()) == ([], [left[1].name])

    put(vault, A, [1])

    assert [path.exists() for path in left] == [True, False, True]
    assert Vault(FolderStore(tmp_path)).read(A).outcomes[0].load().value == [1]


@pytest.mark.parametrize("kept", [A, "cassettes/x.json"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"
        ),
        lambda data: data[: len(data) // 2],
        lambda data: b'{"format": 6, "elsewhere": []}\n',
    ],
    ids=["empty", "lfs", "cut", "newer"],
)
def test_unreadable_recording_keeps_all_objects(kept, spoil):
    """It may name any of them."""
    store = MemoryStore()
    vault = Vault(store)
    put(vault, A, ONE)
    put(vault, B, TWO)
    stored = vault.writer.encoded(Value(THREE), 0.1)
    vault.writer.write(CASSETTE, [a_call(stored)])
    whole = store.read(kept)
    store.write(kept, spoil(whole))
    before = objects(store)

    assert vault.writer.delete([B])[:2] == (1, 0)
    assert vault.writer.delete((), candidates=before)[:2] == (0, 0)
    assert objects(store) == before
    store.write(kept, whole)
    assert vault.writer.delete((), candidates=before)[:2] == (0, 1)


class StoreWithClosedFile(MemoryStore):
    """A store with a file that the system does not let read."""

    closed = ""

    def read(self, name):
        if name == self.closed:
            raise MimicError(f"cannot read {name}: Permission denied")
        return super().read(name)


def test_a_recording_that_may_not_be_read_keeps_all_objects():
    store = StoreWithClosedFile()
    vault = Vault(store)
    put(vault, A, ONE)
    put(vault, B, TWO)
    before = objects(store)
    store.closed = A

    assert vault.writer.delete([B])[:2] == (1, 0)
    assert objects(store) == before


def test_what_another_process_writes_meanwhile_is_replaced():
    class Raced(MemoryStore):
        meanwhile: bytes | None = None

        def share(self):  # after the file was read, and before it is written
            if self.meanwhile is not None:
                self.write(A, self.meanwhile)
                self.meanwhile = None

    store = Raced()
    put(Vault(store), A, 1, test="another")
    other = store.read(A)
    store.delete([A])
    store.meanwhile = other

    put(Vault(store), A, 2)

    recording = Vault(store).read(A)
    assert (recording.outcomes[0].load().value, recording.test) == (2, "t1")


def test_the_list_of_what_a_call_reaches_is_the_last_one():
    store = MemoryStore()
    for text in ("a", "b", "c", "d", ""):
        vault = Vault(store)
        stored = vault.writer.encoded(Value(1), 0.5)
        stored.inputs = lambda _before, *, is_same, text=text: text
        vault.writer.write(
            A, [Recording("shop:f", None, "s", "t", "2026-11-02", None, [stored])]
        )

        name = Vault(store).read(A).outcomes[0].entry.get("inputs")
        assert (store.read(name) if name else b"") == text.encode()
