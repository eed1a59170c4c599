"""Large objects are written where Git ignores them, and are checked against the SHA-256 that their recording has."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from pytest_mimic import CorruptRecordingError, MimicError
from pytest_mimic._core.files.written import WrittenFile
from pytest_mimic._core.outcome.kept_files import KeptFiles
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.vault import FolderStore, Recording, Vault
from pytest_mimic._core.vault.detached import LEAST
from pytest_mimic._tools.shown.catalog import Catalog
from pytest_mimic._tools.shown.checking import Checker

A, B = "calls/shop/f/" + "a" * 32 + ".json", "calls/shop/f/" + "b" * 32 + ".json"
#: Values of each kind of object, with noise that does not compress.
NOISE = [sha256(str(n).encode()).hexdigest() for n in range(2000)]
LARGE = {
    "json": NOISE,
    "pickle": [*NOISE, object],
    "bytes": b"".join(sha256(str(n).encode()).digest() for n in range(3000)),
}


def vault_in(folder, *, detaches=True):
    return Vault(FolderStore(folder), detaches=detaches)


def put(vault, name, *values, test="t1"):
    outcomes = [vault.stored(Outcome("value", value), 0.5) for value in values]
    return vault.write(name, Recording("shop:f", None, "s1", test, "2026-11-01", None, outcomes))


def value_of(folder, name=A):
    recording = vault_in(folder).read(name)
    assert recording is not None
    return [stored.load().value for stored in recording.outcomes]


def facts(folder, name=A):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def detached(folder):
    return sorted(path for path in (folder / "detached").rglob("*") if path.is_file() and path.name[0] != ".")


@pytest.mark.promise("with mimic_objects, large objects are not in Git, and their recording has the SHA-256")
@pytest.mark.parametrize("kind", LARGE)
def test_a_large_object_is_detached(kind, tmp_path):
    put(vault_in(tmp_path), A, LARGE[kind])

    (file,) = detached(tmp_path)
    (entry,) = facts(tmp_path)["outcomes"]
    (listed,) = entry["detached"].values()
    digest = sha256(file.read_bytes()).hexdigest()
    assert listed == {"sha256": digest, "size": file.stat().st_size}
    assert file.relative_to(tmp_path).as_posix() == f"detached/{digest[:2]}/{digest}"
    assert (tmp_path / "detached/.gitignore").read_text() == "*\n"
    assert not list((tmp_path / "objects").rglob("*"))
    assert value_of(tmp_path) == [LARGE[kind]]


def test_a_written_file_is_detached(tmp_path):
    source = tmp_path / "report.bin"
    source.write_bytes(LARGE["bytes"])
    vault = vault_in(tmp_path / "vault")
    outcome = Outcome("value", None)
    outcome.files = KeptFiles.of(
        {"path": WrittenFile(str(source), len(LARGE["bytes"]), is_executable=False)}, {}
    )
    vault.write(A, Recording("shop:f", None, "s1", "t1", "2026-11-01", None, [vault.stored(outcome, 0.5)]))

    (entry,) = facts(tmp_path / "vault")["outcomes"]

    assert list(entry["detached"]) == [entry["files"]["path"]["object"]]
    assert Checker(vault_in(tmp_path / "vault")).check_all().findings == []
    assert len(detached(tmp_path / "vault")) == 1


@pytest.mark.parametrize("size", [LEAST - 1, LEAST], ids=["smaller", "as large"])
def test_only_objects_from_64_kib_on_are_detached(size, tmp_path):
    """The file of these bytes has 128 bytes more than they."""
    value = b"".join(sha256(str(n).encode()).digest() for n in range(LEAST // 32))[: size - 128]

    put(vault_in(tmp_path), A, value)

    assert len(detached(tmp_path)) == (size >= LEAST)
    assert value_of(tmp_path) == [value]


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("again", [True, False], ids=["with the setting", "without it"])
def test_an_equal_outcome_leaves_every_file_as_it_is(kind, again, tmp_path):
    put(vault_in(tmp_path), A, LARGE[kind])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert put(vault_in(tmp_path, detaches=again), A, LARGE[kind], test="t2").changed is False

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.promise(
    "an object that was not pulled is named with its recording and the command that fetches it"
)
@pytest.mark.parametrize("kind", LARGE)
def test_an_object_that_was_not_pulled_is_named(kind, tmp_path):
    put(vault_in(tmp_path), A, LARGE[kind])
    (file,) = detached(tmp_path)
    size = file.stat().st_size
    file.unlink()

    with pytest.raises(CorruptRecordingError) as caught:
        value_of(tmp_path)

    ((name, _),) = facts(tmp_path)["outcomes"][0]["detached"].items()
    assert str(caught.value) == (
        f".mimic_vault/{name} was not pulled ({size:,} bytes)\n  named by .mimic_vault/{A}\n  pytest-mimic pull"
    )


@pytest.mark.promise("a detached object that is not the one its recording names is never used")
@pytest.mark.parametrize("kind", LARGE)
def test_another_sound_object_in_its_place_is_refused(kind, tmp_path):
    """All that an attacker can give who has the store: a whole, sound object with another outcome."""
    put(vault_in(tmp_path / "good"), A, LARGE[kind])
    put(vault_in(tmp_path / "bad"), A, LARGE[kind][::-1])
    ((good,), (bad,)) = detached(tmp_path / "good"), detached(tmp_path / "bad")
    good.write_bytes(bad.read_bytes())

    with pytest.raises(CorruptRecordingError, match="is not the object that its recording names") as caught:
        value_of(tmp_path / "good")

    assert caught.value.remedies == ("to replace it: pytest-mimic pull",)


@pytest.mark.parametrize("kind", LARGE)
def test_an_object_that_was_not_pulled_is_written_when_it_is_recorded_again(kind, tmp_path):
    """Its outcome is lost if the store does not have it either."""
    put(vault_in(tmp_path), A, LARGE[kind])
    (file,) = detached(tmp_path)
    content = file.read_bytes()
    file.unlink()

    assert put(vault_in(tmp_path), A, LARGE[kind]).changed is False

    assert file.read_bytes() == content


def test_other_content_of_one_outcome_is_kept_beside_it(tmp_path):
    """Re-recording deletes no detached object: another branch may name it, and it may not be pushed."""
    put(vault_in(tmp_path), A, LARGE["json"])
    (before,) = detached(tmp_path)
    vault = vault_in(tmp_path)
    put(vault, A, LARGE["json"][::-1])
    vault.collect(vault.replaced)
    vault.delete([A])

    assert len(detached(tmp_path)) == 2
    assert before in detached(tmp_path)


def test_a_failed_write_leaves_no_object(tmp_path):
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls/shop").write_text("")  # no folder, so that the recording cannot be written

    with pytest.raises(MimicError, match="cannot write"):
        put(vault_in(tmp_path), A, LARGE["pickle"])

    assert detached(tmp_path) == []


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ([], "detached must be an object"),
        ({}, "detached must be an object"),
        ({"../../secret": {"sha256": "0" * 64, "size": 1}}, "detached must name objects"),
        ({f"objects/aa/{'a' * 32}.pkl": {"sha256": "0" * 64}}, "without its size"),
        ({f"objects/aa/{'a' * 32}.pkl": {"sha256": "../" * 22, "size": 1}}, "without its SHA-256"),
        ({f"objects/aa/{'a' * 32}.pkl": "0" * 64}, "without its size"),
    ],
    ids=["list", "empty", "outside", "no size", "no hash", "text"],
)
def test_another_shape_is_damage(listed, says, tmp_path):
    put(vault_in(tmp_path), A, LARGE["json"])
    changed = facts(tmp_path)
    changed["outcomes"][0]["detached"] = listed
    (tmp_path / A).write_text(json.dumps(changed), encoding="utf-8")

    with pytest.raises(CorruptRecordingError, match=says):
        value_of(tmp_path)


def test_checking_names_what_was_not_pulled_and_is_no_damage(tmp_path):
    put(vault_in(tmp_path), A, LARGE["json"])
    put(vault_in(tmp_path), B, LARGE["bytes"])
    (listed,) = facts(tmp_path)["outcomes"][0]["detached"].values()
    (gone,) = (tmp_path / "detached").rglob(listed["sha256"])
    gone.unlink()

    checked = Checker(vault_in(tmp_path)).check_all()

    assert [(one.kind, one.recording, one.is_damage) for one in checked.findings] == [("absent", A, False)]
    assert (checked.recordings, checked.objects) == (2, 1)


def test_checking_knows_objects_of_one_name_apart(tmp_path):
    """Two branches may have an equal outcome in other bytes, such as a set in another order."""
    put(vault_in(tmp_path), A, LARGE["json"])
    put(vault_in(tmp_path), B, LARGE["json"])
    (file,) = detached(tmp_path)
    recording = tmp_path / B
    recording.write_text(recording.read_text().replace(file.name, "0" * 64))

    (finding,) = Checker(vault_in(tmp_path)).check_all().findings

    assert (finding.kind, finding.recording) == ("absent", B)


def test_checking_finds_another_object(tmp_path):
    put(vault_in(tmp_path), A, LARGE["json"])
    detached(tmp_path)[0].write_bytes(b"{}")

    (finding,) = Checker(vault_in(tmp_path)).check_all().findings

    assert (finding.kind, finding.is_damage) == ("unreadable", True)
    assert finding.remedy == "to replace it: pytest-mimic pull"


def test_the_size_of_a_recording_counts_objects_that_were_not_pulled(tmp_path):
    put(vault_in(tmp_path), A, LARGE["bytes"])
    sizes = {path: path.stat().st_size for path in (*detached(tmp_path), tmp_path / A)}
    detached(tmp_path)[0].unlink()
    catalog = Catalog(vault_in(tmp_path))

    (file,) = catalog.files()

    assert catalog.size(file) == sum(sizes.values())


def test_a_sequence_keeps_detached_outcomes_beside_new_ones(tmp_path):
    """A recording without the setting reads and keeps what was detached before."""
    put(vault_in(tmp_path), A, LARGE["json"])
    vault = vault_in(tmp_path, detaches=False)
    recording = vault.read(A)
    new = vault.stored(Outcome("value", LARGE["bytes"]), 0.5)

    vault.write(A, recording._replace(outcomes=[*recording.outcomes, new]))

    assert value_of(tmp_path) == [LARGE["json"], LARGE["bytes"]]
    assert len(detached(tmp_path)) == 1


@pytest.mark.parametrize("detaches", [False, True], ids=["in the vault", "detached"])
def test_a_file_that_changes_while_it_is_stored_is_refused(detaches, tmp_path):
    source = tmp_path / "report.bin"
    source.write_bytes(LARGE["bytes"])
    vault = vault_in(tmp_path / "vault", detaches=detaches)
    outcome = Outcome("value", None)
    outcome.files = KeptFiles.of(
        {"path": WrittenFile(str(source), len(LARGE["bytes"]), is_executable=False)}, {}
    )
    stored = vault.stored(outcome, 0.5)
    source.write_bytes(LARGE["bytes"][::-1])

    with pytest.raises(MimicError, match=r"report\.bin has changed while it was stored"):
        vault.write(A, Recording("shop:f", None, "s1", "t1", "2026-11-01", None, [stored]))

    assert vault.read(A) is None
