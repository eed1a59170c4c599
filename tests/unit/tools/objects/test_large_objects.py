"""`push` and `pull`: large objects go to an object store and come back, each by its SHA-256."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from support.failing_proxy import SECRET, FailingProxy
from support.s3_server import KEYS
from unit.tools.cli.conftest import Result

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.object_place import parse_place
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.vault import FolderStore, Recording, Vault
from pytest_mimic._tools.cli.main import main
from pytest_mimic._tools.objects.bucket import Bucket

ONE, TWO = (f"calls/shop/{name}/{'a' * 32}.json" for name in ("one", "two"))
NOISE = [sha256(str(n).encode()).hexdigest() for n in range(2000)]
VALUE, OTHER = b"".join(sha256(str(n).encode()).digest() for n in range(4000)), NOISE


class Clone:
    """A working copy: a project with a vault."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.vault = root / ".mimic_vault"
        self.vault.mkdir(parents=True)
        self.configure(url)

    def configure(self, url: str) -> None:
        line = f"mimic_objects = {url}\n" if url else ""
        (self.root / "pytest.ini").write_text(f"[pytest]\n{line}", encoding="utf-8")

    def open(self, *, detaches: bool = True) -> Vault:
        return Vault(FolderStore(self.vault), detaches=detaches)

    def record(self, name: str, value: object, *, detaches: bool = True) -> None:
        vault = self.open(detaches=detaches)
        target = "shop:" + name.split("/")[2]
        outcomes = [vault.stored(Outcome("value", value), 0.5)]
        vault.write(
            name, Recording(target, None, "s", "tests/test_a.py::test_b", "2026-11-01", None, outcomes)
        )

    def replay(self, name: str) -> object:
        recording = self.open().read(name)
        assert recording is not None
        return recording.outcomes[0].load().value

    def clone(self, name: str) -> Clone:
        """Return a copy of what Git has of this one."""
        root = self.root.with_name(name)
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("detached"))
        found = object.__new__(Clone)
        found.root, found.vault = root, root / ".mimic_vault"
        return found

    def detached(self, name: str = "*") -> list[Path]:
        found = (self.vault / "detached").rglob(name)
        return sorted(path for path in found if path.is_file() and path.name != ".gitignore")

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.vault).as_posix(): path.read_bytes()
            for path in self.vault.rglob("*")
            if path.is_file()
        }


Call = Callable[..., Result]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Return a function that calls the command in a working copy."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(clone: Clone, *words: str) -> Result:
        monkeypatch.chdir(clone.root)
        capsys.readouterr()
        return Result(main(list(words)), *capsys.readouterr())

    return run


@pytest.fixture
def place(tmp_path: Path) -> Bucket:
    """An object store in a folder."""
    return Bucket(parse_place("store", tmp_path))


@pytest.fixture
def clone(tmp_path: Path, place: Bucket) -> Clone:
    """A working copy with two recordings that were not pushed."""
    made = Clone(tmp_path / "a", place.place.shown)
    made.record(ONE, VALUE)
    made.record(TWO, OTHER)
    return made


def keys(bucket: Bucket) -> dict[str, int]:
    """The keys in a store that is a folder, each with the time of its last change."""
    root = Path(bucket.place.prefix)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.stat().st_mtime_ns for path in files}


def object_in(bucket: Bucket, key: str) -> Path:
    """The file of an object in a store that is a folder."""
    return Path(bucket.place.prefix, key)


@pytest.mark.promise(
    "push sends large objects by their SHA-256, and pull fetches them into another working copy"
)
def test_objects_come_back_in_another_working_copy(bucket: Bucket, tmp_path: Path, call: Call) -> None:
    a = Clone(tmp_path / "a", bucket.place.shown)
    a.record(ONE, VALUE)
    a.record(TWO, OTHER)
    assert call(a, "push", "--check").code == 1

    pushed = call(a, "push")

    assert (pushed.code, pushed.err) == (0, "")
    assert f"2 objects, {_size(a)} pushed to {bucket.place.shown}" in pushed.out
    for path in a.detached():
        assert bucket.download(f"objects/{path.name[:2]}/{path.name}", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == path.read_bytes()
    assert call(a, "push", "--check").code == 0
    b = a.clone("b")
    with pytest.raises(CorruptRecordingError, match="was not pulled"):
        b.replay(ONE)
    assert call(b, "push", "--check").code == 0
    assert call(b, "pull").code == 0
    assert (b.replay(ONE), b.replay(TWO)) == (VALUE, OTHER)
    assert b.files() == a.files()
    assert "nothing to pull: 2 objects here" in call(b, "pull").out


def _size(clone: Clone) -> str:
    return f"{sum(path.stat().st_size for path in clone.detached()) / 1000:.1f} kB"


def test_a_second_push_sends_nothing(clone: Clone, place: Bucket, call: Call) -> None:
    call(clone, "push")
    before = keys(place)

    again = call(clone, "push")

    assert again.out == f"nothing to push: {place.place.shown} has all 2 objects\n"
    assert keys(place) == before


@pytest.mark.promise("a push never overwrites or deletes what the object store has")
def test_branches_keep_their_objects(clone: Clone, place: Bucket, call: Call) -> None:
    """Two branches have different outcomes for one call."""
    call(clone, "push")
    branch = clone.clone("branch")
    branch.record(ONE, VALUE[::-1])
    call(branch, "push")

    assert len(keys(place)) == 3
    for one, value in ((clone.clone("c"), VALUE), (branch.clone("d"), VALUE[::-1])):
        assert call(one, "pull").code == 0
        assert one.replay(ONE) == value


@pytest.mark.promise("a poisoned object store cannot change a replay")
@pytest.mark.parametrize("length", ["same", "shorter"])
def test_other_content_in_the_store_is_refused(
    length: str, clone: Clone, place: Bucket, call: Call, tmp_path: Path
) -> None:
    """The other content is a whole, sound object: that of another outcome."""
    call(clone, "push")
    evil = Clone(tmp_path / "evil", "")
    evil.record(ONE, VALUE[::-1] if length == "same" else VALUE[: 1 << 16])
    (bad,) = evil.detached()
    (entry,) = json.loads((clone.vault / ONE).read_bytes())["outcomes"]
    ((name, listed),) = entry["detached"].items()
    key = f"objects/{listed['sha256'][:2]}/{listed['sha256']}"
    object_in(place, key).write_bytes(bad.read_bytes())
    b = clone.clone("b")

    pulled = call(b, "pull")

    assert pulled.code == 1
    assert name in pulled.out
    assert f"{place.place.shown}/{key}" in pulled.out
    assert ("SHA-256 differs" if length == "same" else "instead of") in pulled.out
    assert (
        "delete it in the store, then push from the machine that recorded it:\n  pytest-mimic push"
        in pulled.out
    )
    assert [path.name for path in b.detached()] == [
        path.name for path in b.detached() if path.name != bad.name
    ]
    assert b.replay(TWO) == OTHER
    with pytest.raises(CorruptRecordingError, match="was not pulled"):
        b.replay(ONE)
    assert not list(b.vault.glob(".mimic-*"))


def test_a_damaged_object_is_not_sent(clone: Clone, place: Bucket, call: Call) -> None:
    bad = clone.detached()[0]
    data = bytearray(bad.read_bytes())
    data[100] ^= 1
    bad.write_bytes(data)

    pushed = call(clone, "push")

    assert pushed.code == 1
    assert "its content here is not what the recording names: the SHA-256 differs" in pushed.out
    assert list(keys(place)) == [
        f"objects/{path.name[:2]}/{path.name}" for path in clone.detached() if path != bad
    ]


@pytest.mark.promise("push --check says what the store lacks")
def test_an_object_that_is_nowhere_is_lost(clone: Clone, place: Bucket, call: Call) -> None:
    b = clone.clone("b")

    for words in (("push", "--check"), ("push",), ("pull",)):
        found = call(b, *words)
        assert found.code == 1
        assert f"is neither here nor in {place.place.shown}" in found.out
        assert f"named by .mimic_vault/{ONE}" in found.out
        assert "pytest --mimic-rerecord tests/test_a.py::test_b" in found.out
    data = call(b, "push", "--check", "--json").data
    assert ([one["state"] for one in data["problems"]], data["lacking"]) == (["lost", "lost"], [])


def test_ten_objects_are_named_at_most(clone: Clone, call: Call) -> None:
    for number in range(12):
        clone.record(f"calls/shop/two/{number:032x}.json", [number, *NOISE])
    b = clone.clone("b")

    shown = call(b, "push", "--check").out

    assert shown.count("is neither here nor in") == 10
    assert "and 4 more objects, all with --json" in shown


@pytest.mark.promise("push --check says what the store lacks")
def test_check_says_what_the_store_lacks_and_sends_nothing(clone: Clone, place: Bucket, call: Call) -> None:
    call(clone, "push", "shop:one")
    before, files = keys(place), clone.files()

    shown = call(clone, "push", "--check")
    data = call(clone, "push", "--check", "--json").data

    assert shown.code == 1
    assert shown.out.startswith("1 object, ")
    assert " to push: pytest-mimic push\n" in shown.out
    assert [one["recordings"] for one in data["lacking"]] == [[TWO]]
    assert (keys(place), clone.files()) == (before, files)
    assert "has all" not in shown.out
    call(clone, "push")
    assert call(clone, "push", "--check") == (0, f"{place.place.shown} has all 2 objects\n", "")


def test_a_pattern_chooses_what_is_pulled(clone: Clone, call: Call) -> None:
    call(clone, "push")
    b = clone.clone("b")

    assert call(b, "pull", "shop:one").code == 0

    assert b.replay(ONE) == VALUE
    assert len(b.detached()) == 1
    assert call(b, "pull", "shop:none").code == 1


@pytest.mark.parametrize("how", ["cut", "other bytes"])
def test_a_wrong_object_here_is_replaced(how: str, clone: Clone, call: Call) -> None:
    call(clone, "push")
    bad = clone.detached()[0]
    good = bad.read_bytes()
    bad.write_bytes(good[:-1] if how == "cut" else bytes(len(good)))

    assert call(clone, "pull").code == 0

    assert bad.read_bytes() == good


@pytest.mark.promise("push moves the large objects of older recordings out of Git")
def test_older_recordings_are_rewritten(clone: Clone, place: Bucket, call: Call) -> None:
    old = f"calls/shop/old/{'b' * 32}.json"
    same = f"calls/shop/same/{'b' * 32}.json"
    clone.record(old, [*NOISE, len], detaches=False)
    clone.record(same, [*NOISE, len], detaches=False)
    assert "1 large object in Git" in call(clone, "push", "--check").out
    before = (clone.vault / old).read_bytes()

    pushed = call(clone, "push", "shop:old")

    assert pushed.code == 0
    assert "1 recording rewritten: 1 large object" in pushed.out
    facts = json.loads((clone.vault / old).read_bytes())
    del facts["outcomes"][0]["detached"]
    assert facts == json.loads(before)
    assert clone.replay(old) == [*NOISE, len]
    assert clone.replay(same) == [*NOISE, len]
    assert list((clone.vault / "objects").rglob("*.pkl"))
    assert "1 recording rewritten" in call(clone, "push").out
    assert not list((clone.vault / "objects").rglob("*.pkl"))
    assert call(clone, "check").code == call(clone, "push", "--check").code == 0
    b = clone.clone("b")
    assert call(b, "pull").code == 0
    assert (b.replay(old), b.replay(same)) == ([*NOISE, len], [*NOISE, len])


def test_a_push_that_was_stopped_is_finished_by_the_next(clone: Clone, call: Call) -> None:
    """It was stopped between the rewriting of a recording and the deletion of its object."""
    old = f"calls/shop/old/{'b' * 32}.json"
    clone.record(old, [*NOISE, len], detaches=False)
    (object_,) = (clone.vault / "objects").rglob("*.pkl")
    content = object_.read_bytes()
    call(clone, "push")
    object_.parent.mkdir(parents=True, exist_ok=True)
    object_.write_bytes(content)

    call(clone, "push")

    assert not object_.exists()
    assert clone.replay(old) == [*NOISE, len]


def test_a_damaged_object_gets_no_hash(clone: Clone, call: Call) -> None:
    old = f"calls/shop/old/{'b' * 32}.json"
    clone.record(old, [*NOISE, len], detaches=False)
    (object_,) = (clone.vault / "objects").rglob("*.pkl")
    object_.write_bytes(object_.read_bytes()[:-1])
    before = (clone.vault / old).read_bytes()

    pushed = call(clone, "push")

    assert pushed.code == 1
    assert f".mimic_vault/{old} was left alone, it is damaged" in pushed.out
    assert (clone.vault / old).read_bytes() == before
    assert object_.exists()


@pytest.mark.parametrize("word", ["push", "pull"])
def test_a_bucket_that_does_not_exist_is_named(word: str, clone: Clone, call: Call, s3_url: str) -> None:
    """Its objects are not lost, and older recordings are left alone."""
    clone.record(f"calls/shop/old/{'b' * 32}.json", [*NOISE, len], detaches=False)
    clone.configure("s3://no-such-bucket/prefix")
    clone.detached()[0].unlink()
    before = clone.files()

    done = call(clone, word)

    assert (done.code, done.out) == (2, "")
    assert "there is no bucket no-such-bucket" in done.err
    assert clone.files() == before


@pytest.mark.promise("check --fix removes no object that a recording or a run may need")
def test_check_fix_removes_what_was_pushed_alone(clone: Clone, call: Call) -> None:
    """Another branch may name what this one does not."""
    call(clone, "push", "shop:one")
    for name in (ONE, TWO):
        (clone.vault / name).unlink()

    dry = call(clone, "check", "--fix", "--dry-run")
    assert len(clone.detached()) == 2
    done = call(clone, "check", "--fix")

    assert "  1 object would be removed" in dry.out
    assert "  1 object removed" in done.out
    assert "1 large object kept, not known to be pushed" in done.out
    assert len(clone.detached()) == 1


def test_check_fix_without_a_store_keeps_all(clone: Clone, call: Call) -> None:
    clone.configure("")
    (clone.vault / ONE).unlink()

    assert "1 large object kept" in call(clone, "check", "--fix").out

    assert len(clone.detached()) == 2


def test_show_and_ls_say_what_was_not_pulled(clone: Clone, call: Call) -> None:
    clone.record(ONE, [*NOISE, len])
    size = clone.open().read(ONE).outcomes[0].entry["detached"].popitem()[1]["size"]  # type: ignore[union-attr]
    listed = call(clone, "ls").out
    b = clone.clone("b")

    assert call(b, "ls").out == listed
    assert f"a pickle, {size / 1000:.1f} kB, not pulled" in call(b, "show", "shop:one").out
    assert "not pulled: objects/" in call(b, "show", "shop:two").out
    verified = call(b, "check")
    assert verified.code == 0
    assert "2 objects not pulled, and not checked: pytest-mimic pull" in verified.out


@pytest.mark.parametrize("word", ["push", "pull"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "mimic_objects = s3://bucket/prefix"),
        ("s4://bucket", "s4 is not one of"),
        ("s3://key:secret@bucket", "credentials do not belong in the URL"),
    ],
    ids=["not set", "unknown scheme", "credentials"],
)
def test_without_a_store_nothing_is_done(word: str, url: str, says: str, clone: Clone, call: Call) -> None:
    clone.configure(url)

    done = call(clone, word)

    assert done.code == 2
    assert says in done.err
    assert "secret" not in done.err


def test_the_command_that_is_gone_names_the_new_one(clone: Clone, call: Call) -> None:
    assert call(clone, "status") == (
        2,
        "",
        "ERROR: the command status is gone: use pytest-mimic push --check\n",
    )


@pytest.mark.promise("a recording names no file outside of the vault and its object store")
def test_a_recording_cannot_name_a_file_elsewhere(clone: Clone, call: Call) -> None:
    """A pull request may have any text in its recordings."""
    facts = json.loads((clone.vault / ONE).read_bytes())
    (listed,) = facts["outcomes"][0]["detached"].values()
    listed["sha256"] = "../" * 21 + "x"
    (clone.vault / ONE).write_text(json.dumps(facts), encoding="utf-8")

    pulled = call(clone, "pull")

    assert pulled.code == 1
    assert "1 file cannot be read: pytest-mimic check" in pulled.out
    assert "without its SHA-256" in call(clone, "check").out


@pytest.mark.promise("a merge conflict in a recording is named before a large object that is missing")
@pytest.mark.parametrize("words", [("pull",), ("push",), ("push", "--check")], ids=" ".join)
def test_a_merge_conflict_is_named_first(words: tuple[str, ...], clone: Clone, call: Call) -> None:
    """Its two sides name other objects, and neither is here."""
    one = clone.clone("b")
    lines = (one.vault / ONE).read_text(encoding="utf-8").splitlines(keepends=True)
    (place,) = [number for number, line in enumerate(lines) if "sha256" in line]
    lines[place] = f"<<<<<<< HEAD\n{lines[place]}=======\n{lines[place].replace('a', 'b')}>>>>>>> other\n"
    (one.vault / ONE).write_text("".join(lines), encoding="utf-8")

    done = call(one, *words)

    assert done.code == 1
    assert done.out.startswith(
        f".mimic_vault/{ONE} has a merge conflict, line {place + 1}\n"
        f"  take our side (or --theirs): git checkout --ours .mimic_vault/{ONE}\n"
    )
    assert "is neither here nor in" in done.out  # the other recording's
    with pytest.raises(CorruptRecordingError, match="merge conflict"):
        one.replay(ONE)


@pytest.fixture
def proxied(s3_url: str, tmp_path: Path, proxy: FailingProxy) -> tuple[Clone, FailingProxy]:
    """A working copy with one recording, and the proxy through which it reaches its store."""
    clone = Clone(tmp_path / "a", s3_url)
    clone.record(ONE, VALUE)
    return clone, proxy


def test_read_only_credentials_are_enough_to_pull(proxied: tuple[Clone, FailingProxy], call: Call) -> None:
    clone, proxy = proxied
    assert call(clone, "push").code == 0
    b = clone.clone("b")
    proxy.fail("403", match="^(PUT|POST|DELETE) ", number=0)

    assert call(b, "pull").code == 0

    assert b.replay(ONE) == VALUE


def test_a_pull_of_what_is_here_makes_no_request(proxied: tuple[Clone, FailingProxy], call: Call) -> None:
    """With a cache in CI, most jobs need none."""
    clone, proxy = proxied
    proxy.fail("403", number=0)

    pulled = call(clone, "pull")

    assert (pulled.code, pulled.out) == (0, "nothing to pull: 1 object here\n")


def test_a_push_that_is_forbidden_says_so(
    proxied: tuple[Clone, FailingProxy], call: Call, s3_url: str
) -> None:
    clone, proxy = proxied
    proxy.fail("403", match="^PUT ", number=0)
    before = clone.files()

    pushed = call(clone, "push")

    assert (pushed.code, pushed.out) == (2, "")
    assert f"cannot write {s3_url}/objects/" in pushed.err
    assert "access is denied" in pushed.err
    assert not [secret for secret in (*SECRET.split(), *KEYS.values()) if secret in pushed.err]
    assert clone.files() == before


def test_the_guide_shows_the_error_of_a_store_that_refuses(
    proxied: tuple[Clone, FailingProxy], call: Call, s3_url: str
) -> None:
    clone, proxy = proxied
    proxy.fail("403", number=0)
    guide = (Path(__file__).parents[4] / "docs/how-to/object-store.md").read_text("utf-8")
    shown = guide.partition("    ERROR: ")[2].partition("\n\n")[0].replace("\n    ", "\n")

    told = re.sub(r"objects/\w\w/\w+", "objects/9f/9f31…", call(clone, "push").err)

    assert told == f"ERROR: {shown}\n".replace("s3://my-bucket/mimic", s3_url)


@pytest.mark.promise("a pull that gets a part of an object, or another one, leaves nothing in the vault")
@pytest.mark.parametrize(
    ("how", "code"), [("truncate", 2), ("cut", 1), ("other", 1)], ids=["cut off", "too short", "other bytes"]
)
def test_an_answer_that_is_not_the_object(
    how: str, code: int, proxied: tuple[Clone, FailingProxy], call: Call
) -> None:
    """Each time; the next pull, which gets the object, is complete."""
    clone, proxy = proxied
    call(clone, "push")
    b = clone.clone("b")
    before = b.files()
    proxy.fail(how, match="^GET .*/objects/", number=0)

    failed = call(b, "pull")

    assert failed.code == code
    assert "/objects/" in failed.out + failed.err
    assert {name: data for name, data in b.files().items() if name != "detached/.gitignore"} == before
    proxy.heal()
    assert call(b, "pull").code == 0
    assert b.replay(ONE) == VALUE


def test_files_of_a_killed_pull_are_removed(clone: Clone, call: Call) -> None:
    call(clone, "push")
    b = clone.clone("b")
    call(b, "pull", "shop:one")
    left = b.vault / ".mimic-0123abcd-1-0.tmp"  # of another machine, two days old
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    assert call(b, "pull").code == 0

    assert not left.exists()


def test_a_difference_is_shown_from_the_recordings_alone(clone: Clone, call: Call) -> None:
    """A review in CI need not pull: the recording of a pickle has its size, its lists and its preview."""
    clone.record(ONE, [*NOISE, len])
    b = clone.clone("b")
    clone.record(ONE, ["changed", *NOISE, len])
    c = clone.clone("c")

    shown = call(c, "diff", str(b.vault), str(c.vault))

    assert shown.code == 1
    assert "changed outcome: shop:one(" in shown.out
    assert "a pickle, 75.6 kB → a pickle, 75.6 kB, of other content" in shown.out
    assert "was not pulled" not in shown.out
