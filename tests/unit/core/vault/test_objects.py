"""Damage is found before use: the result is the right value or a CorruptRecordingError."""

from __future__ import annotations

import builtins
import json
import pathlib
import pickle
import random
from ipaddress import IPv4Address

import pytest

from pytest_mimic import (
    CorruptRecordingError,
    MimicError,
    MissingRecordingError,
    StaleRecordingError,
)
from pytest_mimic._core.outcome.outcome import Raised, Stream, Value
from pytest_mimic._core.outcome.pickle_file import object_name, pieces_of
from pytest_mimic._core.vault import FolderStore, Vault
from unit.memory_store import NAME, MemoryStore, load, recorded

# : A value that is stored as a pickle, with all that it is in: its class defines how it
# is pickled.
ADDRESS = IPv4Address("10.0.0.1")
VALUES = {
    "small": (1, "two", ADDRESS),
    "text": {("key", n): "some text that compresses" * 5 for n in range(300)}
    | {"at": ADDRESS},
    "noise": (random.Random(1).randbytes(70_000), ADDRESS),
    "blocks": (b"ab" * 1_500_000, ADDRESS),
    "mapped": (random.Random(2).randbytes(1_300_000), ADDRESS),
    "bytes of a tag": (random.Random(3).randbytes(70_000),),
}


def written(value, store=None) -> MemoryStore:
    return recorded(value, store, test="tests/test_a.py::test_b[1]")


def object_of(store) -> str:
    return next(name for name in store.names("objects"))


def positions(size: int, count: int) -> list[int]:
    """All bytes of the file's ends, which hold the format's own fields, and samples between."""
    edge = [*range(min(size, 80)), *range(max(0, size - 150), size)]
    return sorted({*edge, *random.Random(size).sample(range(size), min(count, size))})


def is_refused(store: MemoryStore, name: str) -> bool:
    try:
        load(store)
    except CorruptRecordingError as error:
        return (
            "is not what was recorded" in str(error)
            and error.file == f".mimic_vault/{name}"
        )
    return False


@pytest.mark.must
@pytest.mark.parametrize("kind", VALUES)
def test_flipped_byte_of_an_object_is_found(kind):
    """Also in padding and in compressed parts."""
    store = written(VALUES[kind])
    name = object_of(store)
    data = store.read(name)

    for position in positions(len(data), 40):
        for bit in (1, 128):
            store.write(
                name,
                data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :],
            )
            # A frame of zstd has bits that it does not use.
            assert is_refused(store, name) or load(store) == VALUES[kind]

    store.write(name, data)
    assert load(store) == VALUES[kind]


@pytest.mark.parametrize("kind", VALUES)
def test_object_cut_short_or_too_long_is_found(kind):
    store = written(VALUES[kind])
    name = object_of(store)
    data = store.read(name)

    for size in positions(len(data), 60):
        store.write(name, data[:size])
        with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
            load(store)
    for tail in (b"\0", b"\n", data[-32:], data):
        store.write(name, data + tail)
        with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
            load(store)


def packed(parts: list[bytes]) -> bytes:
    """Return the file of a pickle with these parts."""
    return b"".join(pieces_of(parts))


def test_error_names_the_file_and_the_remedy():
    store = written(VALUES["small"])
    name = object_of(store)
    store.write(name, store.read(name)[:100])

    with pytest.raises(CorruptRecordingError) as caught:
        load(store)

    assert str(caught.value).splitlines() == [
        f".mimic_vault/{name} is not what was recorded",
        "  restore it from version control, or record again: pytest --mimic-rerecord 'tests/test_a.py::test_b[1]'",
    ]


ran = []


class Effect:
    def __reduce__(self):
        return ran.append, ("an opcode ran",)


def holding(stream: bytes, **changes) -> MemoryStore:
    """Return a store with a recording of this pickle, whose name fits its bytes, as an attacker could make it."""
    store = written(VALUES["small"])
    data = packed([stream])
    name = object_name([data], "pkl")
    store.write(name, data)
    facts = json.loads(store.read(NAME))
    facts["outcomes"][0].update(pickle=name, **{"imports": [], **changes})
    store.write(NAME, json.dumps(facts).encode())
    return store


def test_no_opcode_runs_before_the_check():
    """Neither of a file with another name, nor of one that imports unlisted names."""
    ran.clear()
    stream = pickle.dumps({"value": Effect()}, 5)
    store = written(VALUES["small"])
    store.write(object_of(store), packed([stream]))

    with pytest.raises(CorruptRecordingError, match="is not what was recorded\n"):
        load(store)
    with pytest.raises(
        CorruptRecordingError,
        match="it imports builtins:getattr, which its recording does not list",
    ):
        load(holding(stream))

    assert ran == []


def importing(name: str) -> bytes:
    """Return a pickle that imports a name, `module:qualname`."""
    module, _, qualname = name.partition(":")
    return pickle.PROTO + b"\x05" + b"c" + f"{module}\n{qualname}\n".encode() + b"."


@pytest.mark.parametrize(
    "imports",
    [[], ["json"], ["json:codecs"], ["json:codecs.*"], ["codecs:open"], ["json:"]],
    ids=str,
)
def test_a_name_is_listed_as_a_whole(imports):
    """Neither its beginning nor another way to the same thing stands for it."""
    store = holding(importing("json:codecs.open"), imports=imports)

    with pytest.raises(
        CorruptRecordingError, match=r"it imports json:codecs\.open, which"
    ):
        load(store)


@pytest.mark.parametrize(
    "name",
    [
        "json:codecs.open",
        "pandas._libs.tslibs.offsets:np._pytesttester.os.system",
        "os:environ.data",
        "builtins:list.__class__.mro",
    ],
)
def test_a_listed_name_leads_through_classes_alone(name):
    """No attribute is looked up of a module, an object or a metaclass."""
    with pytest.raises(StaleRecordingError, match="is no class with an attribute"):
        load(holding(importing(name), imports=[name]))


def test_missing_object_is_named_with_its_recording():
    for value in ((ADDRESS,), ["x" * 70_000], b"\xff" * 3000):
        store = written(value)
        name = object_of(store)
        store.delete([name])

        with pytest.raises(CorruptRecordingError, match="is missing") as caught:
            load(store)
        assert caught.value.file == f".mimic_vault/{name}"


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    "value",
    [(ADDRESS,), ["x" * 70_000], b"\xff" * 3000],
    ids=["pickle", "json", "bytes"],
)
def test_git_lfs_pointer_is_named_with_the_remedy(value):
    store = written(value)
    store.write(object_of(store), LFS)

    with pytest.raises(
        CorruptRecordingError,
        match="is a Git LFS pointer, its content was not pulled\n  git lfs pull",
    ):
        load(store)

    store.write(NAME, LFS)
    with pytest.raises(CorruptRecordingError, match="is a Git LFS pointer"):
        load(store)


def test_json_object_cut_short_is_found():
    store = written(["x" * 70_000])
    name = object_of(store)
    data = store.read(name)

    for size in positions(len(data) - 2, 50):
        store.write(name, data[:size])
        with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
            load(store)


@pytest.mark.parametrize(
    "edit", [lambda data: data + b"\n", lambda data: data.replace(b"xx", b"yx", 1)]
)
def test_an_edited_object_is_reported(edit):
    """Other recordings may share it."""
    store = written(["x" * 70_000])
    name = object_of(store)
    store.write(name, edit(store.read(name)))

    with pytest.raises(
        CorruptRecordingError, match="is not what was recorded"
    ) as caught:
        load(store)
    assert caught.value.file == f".mimic_vault/{name}"


@pytest.mark.parametrize(
    "body", [b'{"raised": {"type": "builtins:KeyError", "args": []}}', b"[]", b"[1,"]
)
def test_object_of_another_kind_is_reported(body):
    """Its name fits its bytes."""
    store = written(["x" * 70_000])
    name = object_name([body], "json")
    store.write(name, body)
    store.write(
        NAME, store.read(NAME).replace(object_of(store).encode(), name.encode())
    )

    with pytest.raises(
        CorruptRecordingError, match=r"is not (what was recorded \(|valid JSON)"
    ):
        load(store)


@pytest.mark.parametrize(
    "body", [1, None, {}, {"raised": ValueError()}, [("value", 1)], "value"]
)
def test_pickle_without_an_outcome_is_reported(body):
    """Its bytes and its imports are as listed."""
    store = holding(pickle.dumps(body, 5), imports=["builtins:ValueError"])

    with pytest.raises(CorruptRecordingError, match="it holds no value"):
        load(store)


def test_a_stream_of_pickles_comes_back_in_order():
    end = Value((ADDRESS, 7))
    store = recorded(Stream([ADDRESS, (1, ADDRESS)], end=end))

    again = Vault(store).read(NAME).outcomes[0].load()

    assert (again.kind, again.items, again.end.value) == (
        "stream",
        [ADDRESS, (1, ADDRESS)],
        (ADDRESS, 7),
    )


def test_a_pickle_that_is_no_file_of_ours_is_reported():
    """Its name fits its bytes."""
    store = written(VALUES["small"])
    data = b"x" * 200
    name = object_name([data], "pkl")
    store.write(
        NAME, store.read(NAME).replace(object_of(store).encode(), name.encode())
    )
    store.write(name, data)

    with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
        load(store)


def test_a_tag_that_cannot_be_read_is_named():
    store = written((1,))
    store.write(NAME, store.read(NAME).replace(b'"$tuple": [1]', b'"$date": "soon"'))

    with pytest.raises(
        CorruptRecordingError, match=r"is not what was recorded \(\$date: 'soon'\)"
    ):
        load(store)


@pytest.mark.parametrize("module", ["pathlib", "pathlib._local"])
def test_paths_of_any_python_version_load(module):
    """Python 3.13 defines their classes in another module."""
    stream = pickle.dumps({"value": pathlib.PurePosixPath}, 2)
    start = stream.index(b"cpathlib")
    end = stream.index(b"\n", start)
    moved = stream[:start] + b"c" + module.encode() + stream[end:]

    assert (
        load(holding(moved, imports=[f"{module}:PurePosixPath"]))
        is pathlib.PurePosixPath
    )
    with pytest.raises(CorruptRecordingError, match="does not list"):
        load(holding(moved, imports=["pathlib:PurePath"]))


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
def test_only_exceptions_are_raised_from_a_recording(name):
    """An interrupt is never recorded, so a file with one was made by hand."""
    store = recorded(Raised(KeyError(1)))
    vault = Vault(store)
    store.write(
        NAME,
        store.read(NAME).replace(b"builtins:KeyError", f"builtins:{name}".encode()),
    )

    with pytest.raises(CorruptRecordingError, match=f"{name}.* is not an outcome"):
        vault.read(NAME).outcomes[0].load()

    stream = pickle.dumps({"raised": getattr(builtins, name)()}, 5)
    with pytest.raises(CorruptRecordingError, match=f"{name}.* is not an outcome"):
        load(holding(stream, kind="raised", imports=[f"builtins:{name}"]))


def test_exception_type_that_is_not_a_class_is_reported():
    store = recorded(Raised(KeyError(1)))
    vault = Vault(store)
    text = store.read(NAME)

    store.write(NAME, text.replace(b"builtins:KeyError", b"os:system"))
    with pytest.raises(MimicError, match="os:system is no class any more"):
        vault.read(NAME).outcomes[0].load()
    store.write(NAME, text.replace(b"builtins:KeyError", b"nowhere:KeyError"))
    with pytest.raises(
        MimicError,
        match="cannot be loaded here\n  ModuleNotFoundError: No module named 'nowhere'",
    ):
        vault.read(NAME).outcomes[0].load()


def test_missing_class_makes_the_recording_stale():
    store = written((Effect,))
    facts = json.loads(store.read(NAME))
    assert facts["outcomes"][0]["imports"] == [f"{__name__}:Effect"]

    gone = globals().pop("Effect")
    try:
        with pytest.raises(
            StaleRecordingError, match=r"cannot be loaded here\n  .*has no class Effect"
        ):
            load(store)
    finally:
        globals()["Effect"] = gone


class Demanding:
    """Calls a function when it is loaded, as a proxy may."""

    missing = False

    def __setstate__(self, state):
        if Demanding.missing:
            raise MissingRecordingError("a call has no recording")

    def __getstate__(self):
        return {"a": 1}


def test_miss_while_a_pickle_is_loaded_is_raised(monkeypatch):
    """A class may call a mimicked function when it is loaded."""
    store = written((Demanding(),))
    monkeypatch.setattr(Demanding, "missing", True)

    with pytest.raises(MissingRecordingError, match=r"^a call has no recording"):
        load(store)


def test_code_by_value_is_refused_on_another_python():
    """Before it is loaded: such pickles crash interpreters."""
    store = written([lambda: 5])
    text = store.read(NAME).decode()
    facts = json.loads(text)
    facts["outcomes"][0]["python"] = "3.9"
    store.write(NAME, json.dumps(facts).encode())

    with pytest.raises(
        StaleRecordingError, match=r"recorded by Python 3\.9, with code stored by value"
    ):
        load(store)


def test_forbidden_pickles_are_neither_loaded_nor_written():
    store = written((1, ADDRESS))
    vault = Vault(store, pickles="forbid")
    outcome = vault.read(NAME).outcomes[0]

    with pytest.raises(
        MimicError, match="mimic_pickle = forbid: the outcome of shop:f is a pickle"
    ):
        outcome.load()
    with pytest.raises(MimicError, match="mimic_pickle = forbid"):
        vault.writer.encoded(Value((1, ADDRESS)), 0.1)
    for readable in ([1, 2], (1, 2)):
        assert vault.writer.encoded(Value(readable), 0.1).load().value == readable


def test_changing_a_mapped_array_leaves_the_file_alone(tmp_path):
    numpy = pytest.importorskip("numpy")
    value = numpy.random.default_rng(1).random(400_000)
    store = written(value, FolderStore(tmp_path))
    name = object_of(store)
    before = store.read(name)

    first = load(store)
    first[:] = 0

    assert store.read(name) == before
    assert (load(store) == value).all()


def test_damage_in_a_mapped_file_is_found(tmp_path):
    numpy = pytest.importorskip("numpy")
    store = written(numpy.random.default_rng(1).random(400_000), FolderStore(tmp_path))
    name = object_of(store)
    data = bytearray(store.read(name))
    data[len(data) // 2] ^= 1
    store.write(name, bytes(data))

    with pytest.raises(CorruptRecordingError, match="is not what was recorded"):
        load(store)


def test_an_array_in_the_error_of_a_library_is_not_shown(monkeypatch):
    """An upgraded library may raise an error that holds all of the old value."""

    def fail(_self, _state):
        raise NotImplementedError("array([" + "0.25,\n       " * 100 + "])")

    store = written((Demanding(),))
    monkeypatch.setattr(Demanding, "__setstate__", fail)

    with pytest.raises(StaleRecordingError) as caught:
        load(store)

    assert caught.value.facts[0] == "NotImplementedError: array([0.25,"
