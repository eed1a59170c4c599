"""Section 5, vault: shared, edited, copied, damaged, old and unchanged."""

from __future__ import annotations

import os
import shutil

import pytest
from support import face

SHOP = """
    class User:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):  # so that it is stored as a pickle
            return User, (self.name,)

    def rows(n):
        ran("rows", n)
        return {"rows": [{"id": i, "name": f"n{i}"} for i in range(4000)]}

    def small(n):
        ran("small", n)
        return {"v": 1}

    def table(n):
        ran("table", n)
        return tuple(range(20_000))

    def picture(n):
        ran("picture", n)
        return bytes(range(256)) * 20

    def tags(n):
        ran("tags", n)
        return {f"tag {i}" for i in range(300)}

    def sets(n):
        ran("sets", n)
        return {"z": {"a", "b", "c", "d"}, "a": [frozenset({("p", 1), ("q", 2), None})], "user": User({"x", "y"})}

    def given(options, **more):
        ran("given")

    def fails(n):
        ran("fails", n)
        error = KeyError("k")
        error.seen = {"a", "b", "c"}
        raise error

    def stream(n):
        ran("stream", n)
        yield {"s", "t", "u"}
        yield (1, User({"x", "y"}))
"""
TARGETS = ["shop:*"]


def stamps(project):
    """Return the inode and the time of the last write of each file of the vault."""
    files = [project.vault / name for name in project.files()]
    facts = {path: path.stat() for path in files}
    return {str(path): (fact.st_mtime_ns, fact.st_ino) for path, fact in facts.items()}


def the_object(project, suffix):
    """Return the one object with a suffix."""
    (path,) = project.vault.glob(f"objects/*/*{suffix}")
    return path


def recordings(project):
    """Return the files with recorded calls."""
    return [project.vault / name for name in {call.file for call in project.calls()}]


EVERY_KIND = """
    for n in (1, 2, 3): shop.rows(n), shop.small(n), shop.table(n), shop.sets(n), list(shop.stream(n))
    for n in (1, 2, 3): shop.picture(n), shop.tags(n)
    shop.given({name: 1 for name in {"alpha", "beta", "gamma"}}, **{name: 2 for name in {"one", "two", "three"}})
    for n in (1, 2, 3): pytest.raises(KeyError, shop.fails, n)
"""


def test_recording_equal_outcomes_again_touches_nothing(shop):
    """Under another hash seed and from another test. They are stored once."""
    shop.test(EVERY_KIND)
    shop.record(hash_seed=1).expect(passed=1)
    before = stamps(shop)

    (shop.root / "test_shop.py").rename(shop.root / "test_other.py")
    again = shop.run("--mimic-rerecord", hash_seed=2).expect(passed=1)
    assert (len(again.real), again.changed, stamps(shop)) == (25, set(), before)
    shop.replay().expect(passed=1, real=[])
    assert stamps(shop) == before


def test_edit_of_a_recording_is_used(shop):
    """One of an object, which other recordings may share, is found."""
    shop.test("assert shop.small(1) == {'v': 99, 'more': [True, None]}")
    shop.record().expect(failed=1)
    small = shop.file_of("shop:small")
    small.write_text(
        small.read_text().replace('"v": 1', '"v": 99, "more": [true, null]')
    )
    assert shop.replay().expect(passed=1).changed == set()

    shop.test("shop.rows(1), shop.rows(2)")
    shop.record().expect(passed=1)
    large = the_object(shop, ".json")
    large.write_text(large.read_text().replace('"n7"', '"edited"'))
    shop.replay().expect(failed=1, says=[f"{large.name} is not what was recorded"])
    shop.run("--mimic-rerecord").expect(passed=1)
    assert b"edited" not in large.read_bytes()


def test_moved_vault_with_converted_line_ends_replays(shop):
    """As git does on Windows. Recording equal outcomes again keeps the conversion."""
    shop.test(EVERY_KIND)
    shop.record_once(passed=1)
    elsewhere = shop.root.parent / "some where" / "else"
    shutil.copytree(shop.vault, elsewhere)
    for path in shop.vault.rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = stamps(shop)

    shop.replay().expect(passed=1, real=[])
    shop.run("--mimic-rerecord").expect(passed=1)
    assert stamps(shop) == before
    shutil.rmtree(shop.vault)
    shop.replay(f"--mimic-vault={elsewhere}").expect(passed=1, real=[])
    assert not shop.vault.exists()


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


FORMAT = f'"format": {face.FORMAT}'.encode()
DAMAGES = {
    "a flipped bit": (".pkl", flipped, "is not what was recorded"),
    "a pointer": (".pkl", lambda data: POINTER.encode(), "git lfs pull"),
    "nothing": (".pkl", lambda data: None, ".pkl is missing"),
    "JSON cut short": (".json", lambda data: data[:-9], "is not what was recorded"),
    "a recording cut short": ("", lambda data: data[:-9], "is not valid JSON, line "),
    "a merge conflict": ("", lambda data: b"<<<<<<< HEAD\n" + data, "has a merge conflict, line 1"),
    "a newer format": ("", lambda data: data.replace(FORMAT, b'"format": 99'), f"is of format 99, this pytest-mimic reads format {face.FORMAT}"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_kept_until_rerecorded(shop, damage):
    """A file of a newer version stays."""
    suffix, spoil, says = DAMAGES[damage]
    shop.test("shop.rows(1), shop.small(1), shop.sets(1), shop.picture(1)")
    shop.record_once(passed=1)
    path = the_object(shop, suffix) if suffix else shop.file_of("shop:small")
    spoilt = spoil(path.read_bytes())
    if spoilt is None:
        path.unlink()
    else:
        path.write_bytes(spoilt)

    for options in ((), ("--mimic-record",)):
        run = shop.run(*options).expect(
            failed=1, real=[], says=["CorruptRecordingError", path.name, says]
        )
        assert run.changed == set()
    if damage == "a newer format":  # it is whole, and more is known of it elsewhere
        shop.run("--mimic-rerecord").expect(failed=1, says=[says])
        assert path.read_bytes() == spoilt
        return
    shop.run("--mimic-rerecord").expect(passed=1)
    shop.replay().expect(passed=1, real=[])


ALL_WAYS = """
def test_once():
    assert shop.small(1) == {"v": 1}

@pytest.mark.mimic("shop:fails", sequence=True)
def test_sequence():
    with pytest.raises(KeyError):
        shop.fails(1)

def test_cassette(mimic_auto):
    with mimic_auto():
        assert len(shop.rows(1)["rows"]) == 4000
"""


def test_damage_that_names_no_test_is_recorded_again_by_the_running_one(shop):
    """The command that the error proposes is for the test that fails, not for the whole suite."""
    shop.write("test_shop.py", ALL_WAYS)
    shop.record().expect(passed=3)
    for path in recordings(shop):
        path.write_bytes(b"{" + FORMAT + b"}")

    run = shop.run().expect(failed=3, says=["is not what was recorded ("])

    remedies = [
        line.partition("again: ")[2]
        for line in run.output.splitlines()
        if "to record it again: " in line and line.startswith("E ")
    ]
    assert remedies == [
        f"pytest --mimic-rerecord test_shop.py::test_{name}"
        for name in ("once", "sequence", "cassette")
    ]
    shop.run("--mimic-rerecord").expect(passed=3)
    shop.replay().expect(passed=3, real=[])


def test_damage_of_a_cassette_that_is_only_replayed(shop):
    """To record its test again would not help: the error says so."""
    shop.test("with mimic_replay('one'): shop.small(1)")
    cassette = shop.write(".mimic_vault/cassettes/one.json", "{")

    run = shop.run().expect(
        failed=1, says=["cassettes/one.json is not valid JSON, line 1"]
    )

    assert "mimic_replay never records; use mimic_record or mimic_auto" in run.output
    assert cassette.read_text() == "{"


def test_a_recording_of_an_older_format_is_recorded_again_by_the_command_of_its_error(
    shop,
):
    """Nothing of it is used, whatever holds it."""
    shop.write("test_shop.py", ALL_WAYS)
    shop.record().expect(passed=3)
    for path in recordings(shop):
        path.write_bytes(path.read_bytes().replace(FORMAT, b'"format": 3'))
    says = [
        f"is of format 3, this pytest-mimic reads format {face.FORMAT}",
        *(
            f"to record it again: pytest --mimic-rerecord test_shop.py::test_{name}"
            for name in ("once", "sequence", "cassette")
        ),
    ]

    for options in ((), ("--mimic-verify",), ("--mimic-record",)):
        assert shop.run(*options).expect(failed=3, real=[], says=says).changed == set()
    shop.run("--mimic-rerecord").expect(passed=3, real=["small 1", "fails 1", "rows 1"])
    assert shop.replay().expect(passed=3, real=[]).changed == set()


# -- calls that are made at the same time while recording each run, and one outcome
# stays


TOGETHER = """
    together = threading.Barrier(8)
    numbers = iter(range(100))

    def fetch(city):
        together.wait()
        number = next(numbers)
        ran("fetch", city)
        if city == "Atlantis":
            raise LookupError(city)
        return [city, number, "x" * 5_000]

    async def fetch_async(city):
        ran("fetch_async", city)
        await asyncio.sleep(0)
        return [city]

    def stream(count):
        together.wait()
        ran("stream", count)
        yield from range(count)
"""
TOGETHER_TESTS = """
    from concurrent.futures import ThreadPoolExecutor
    import threading

    def everywhere(work):
        def go(_):
            try:
                return work()
            except LookupError as error:
                return error
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(go, range(8)))

    def test_values():
        got = everywhere(lambda: shop.fetch("Oslo"))
        assert {city for city, *_ in got} == {"Oslo"} and len({id(one) for one in got}) == 8

    def test_errors():
        got = everywhere(lambda: shop.fetch("Atlantis"))
        assert {(type(one), one.args) for one in got} == {(LookupError, ("Atlantis",))}

    def test_streams():
        assert everywhere(lambda: list(shop.stream(3))) == [[0, 1, 2]] * 8

    def test_tasks():
        async def main():
            return await asyncio.gather(*(shop.fetch_async("Rome") for _ in range(3)))
        assert asyncio.run(main()) == [["Rome"]] * 3
"""


def test_each_call_runs_and_one_outcome_is_recorded(project):
    """A replay gives all of them the outcome that stayed, each its own copy."""
    project.ini("shop:*")
    project.module(TOGETHER)
    project.tests(TOGETHER_TESTS)

    recorded = project.record().expect(passed=4)

    assert sorted(recorded.real) == sorted(
        [*["fetch Oslo", "fetch Atlantis", "stream 3"] * 8, *["fetch_async Rome"] * 3]
    )
    assert len(recorded.calls) == 4
    project.replay("--mimic-fail-on-unused").expect(passed=4, real=[])
    again = project.run("--mimic-rerecord").expect(passed=4)
    assert again.vault.keys() >= {
        name for name in recorded.vault if name.startswith("calls/")
    }
    project.replay().expect(passed=4, real=[])


@pytest.mark.skipif(os.name == "nt", reason="links")
@pytest.mark.parametrize("vault", ["vault", "share/vault", "/proc/vault"])
def test_a_vault_that_cannot_be_made_ends_the_run_before_a_call(project, vault):
    """A link that leads nowhere, as a share that is not mounted, or a folder of none."""
    project.test("shop.fetch('Oslo')")
    for link in ("vault", "share"):
        (project.root / link).symlink_to("/nowhere")

    run = project.run("--mimic-record", "--mimic-vault", vault)

    run.expect(exit_code=4, real=[], says=["No such file or directory"])
