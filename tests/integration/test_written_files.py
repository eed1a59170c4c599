"""Files that a call writes: refused, or with `writes=` recorded with the outcome and written again on replay."""

from __future__ import annotations

import json
import os

import pytest

ETL = """
    import os
    from pathlib import Path
    from tally import ran

    def export(path, rows=2):
        ran("export")
        Path(path).write_text("".join(f"{n},{n * n}\\n" for n in range(rows)))

    def split(folder, names):
        ran("split")
        folder.mkdir(exist_ok=True)
        (folder / "empty").mkdir()
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("same")
        script = folder / "run.sh"
        script.write_text("#!/bin/sh\\n")
        script.chmod(0o4777)
        (folder / "old.txt").unlink(missing_ok=True)
        return folder / "run.sh"

    def copies(paths):
        ran("copies")
        for path in paths:
            Path(path).write_bytes(b"x" * 5000)

    def remove(path):
        ran("remove")
        Path(path).unlink()

    def half(path):
        ran("half")
        Path(path).write_text("half")
        raise ValueError("half way")

    def stream(path):
        ran("stream")
        with open(path, "w") as file:
            for number in range(3):
                file.write(str(number))
                yield number

    async def later(path):
        ran("later")
        Path(path).write_text("later")

    def read(path):
        ran("read")
        return Path(path).read_text()

    class Exporter:
        def __init__(self, path):
            self.path = path

        def run(self):
            ran("run")
            self.path.write_text("run")
"""
WRITES = (
    "etl:export writes=path",
    "etl:split writes=folder",
    "etl:copies writes=paths",
    "etl:remove writes=path",
    "etl:half writes=path",
    "etl:stream writes=path",
    "etl:later writes=path",
)


@pytest.fixture
def etl(project):
    project.write("etl.py", ETL)
    return project


def objects(run):
    return sorted(name for name in run.vault if name.endswith(".bin"))


def recording(run):
    (name,) = (name for name in run.vault if name.startswith("calls/"))
    return name, json.loads(run.vault[name])


HOLDERS = """
    import argparse, collections, configparser, functools, types
    from pathlib import Path

    def parser(path):
        parser = configparser.ConfigParser()
        parser.read_dict({"out": {"path": path}})
        return parser

    KINDS = {
        "Namespace": lambda path: argparse.Namespace(out=path),
        "SimpleNamespace": lambda path: types.SimpleNamespace(out=path),
        "UserDict": lambda path: collections.UserDict(out=path),
        "UserList": lambda path: collections.UserList([path]),
        "ChainMap": lambda path: collections.ChainMap({}, {"out": path}),
        "deque": lambda path: collections.deque([path]),
        "partial": lambda path: functools.partial(print, path),
        "ConfigParser": parser,
    }

    def holder(kind, path):
        return KINDS[kind](path)

    def export(where, text):
        Path(f"{text}.csv").write_text(text)
"""


@pytest.mark.promise("a call that changes a file named by an argument is refused without writes=")
@pytest.mark.promise("writes= makes the files that a call writes part of the outcome")
def test_files_named_in_objects_of_the_standard_library_are_seen(project):
    project.module(HOLDERS)
    project.tests("""
        from pathlib import Path
        import pytest, shop

        @pytest.mark.parametrize("kind", shop.KINDS)
        def test_it(kind):
            shop.export(shop.holder(kind, f"{kind}.csv"), kind)
            assert Path(f"{kind}.csv").read_text() == kind
    """)
    project.ini("shop:export")
    refused = project.record().expect(failed=8)
    assert (
        refused.error.count("MutatedInputError: shop:export has changed a file that an argument names") == 8
    )

    project.ini("shop:export writes=where")
    project.record().expect(passed=8)
    for file in project.root.glob("*.csv"):
        file.unlink()
    project.replay().expect(passed=8)


@pytest.mark.promise("a call that changes a file named by an argument is refused without writes=")
@pytest.mark.parametrize("form", ["tmp_path / 'out.csv'", "str(tmp_path / 'out.csv')", "'out.csv'"])
def test_a_call_that_writes_a_file_is_refused(etl, form):
    etl.ini("etl:export ignore=rows")
    etl.test(f"etl.export({form})")

    run = etl.record().expect(failed=1, real=["export"], never=["pytest_mimic/"])

    assert "MutatedInputError: etl:export has changed a file that an argument names" in run.error
    assert "if that is its job: etl:export ignore=rows writes=path" in run.error
    assert run.vault == {}


@pytest.mark.promise("a call that changes a file named by an argument is refused without writes=")
def test_every_change_of_a_named_file_is_refused(etl):
    etl.ini("etl:*", "etl:Exporter.*")
    etl.tests("""
        import asyncio
        import etl, pytest

        @pytest.mark.parametrize("call", [
            etl.remove,
            lambda old: etl.copies([old]),
            etl.half,
            lambda old: list(etl.stream(str(old))),
            lambda old: asyncio.run(etl.later(old)),
            lambda old: etl.split(old.parent, ["a"]),
            lambda old: etl.Exporter(old).run(),
        ])
        def test_it(tmp_path, call):
            (tmp_path / "old").write_text("old")
            call(tmp_path / "old")
    """)

    run = etl.record().expect(failed=7)

    assert sum("has changed a file that an argument names" in line for line in run.error) == 7
    assert run.vault == {}


def test_reading_and_writing_the_same_again_is_allowed(etl):
    etl.ini("etl:read", "etl:export")
    etl.test("""
        (tmp_path / "a").write_text("0,0\\n1,1\\n")
        assert etl.read(tmp_path / "a") == "0,0\\n1,1\\n"
        etl.export(tmp_path / "a")
        assert etl.read("etl.py").startswith("import")
    """)

    etl.record().expect(passed=1)


def test_a_file_elsewhere_cannot_be_kept(etl, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "log"
    elsewhere.write_text("")
    etl.ini("etl:export")
    etl.test(f"etl.export({str(elsewhere)!r})")

    run = etl.record().expect(failed=1)

    assert (
        f"writes= keeps files below the rootdir and the base temporary folder only: {elsewhere} is elsewhere"
        in (" ".join(run.error))
    )
    assert "if the file does not matter: etl:export ignore=path" in run.error


TEST = """
    import asyncio, os
    from pathlib import Path
    import pytest, etl

    def test_export(tmp_path):
        assert etl.export(tmp_path / "out.csv") is None
        assert (tmp_path / "out.csv").read_text() == "0,0\\n1,1\\n"

    def test_over_another(tmp_path):
        (tmp_path / "out.csv").write_text(os.environ.get("BEFORE", "before"))
        etl.export(str(tmp_path / "out.csv"), 3)
        assert (tmp_path / "out.csv").read_text() == "0,0\\n1,1\\n2,4\\n"

    def test_folder(tmp_path):
        folder = tmp_path / "split"
        folder.mkdir()
        (folder / "old.txt").write_text("old")
        assert etl.split(folder, ["a", "deep/b"]) == folder / "run.sh"
        found = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*"))
        assert found == ["a", "deep", "deep/b", "empty", "run.sh"]
        assert (folder / "deep" / "b").read_text() == "same"
        assert os.access(folder / "run.sh", os.X_OK) and not os.access(folder / "a", os.X_OK)

    def test_list(tmp_path):
        paths = [tmp_path / "one", str(tmp_path / "two")]
        etl.copies(paths)
        assert [Path(path).read_bytes() for path in paths] == [b"x" * 5000] * 2

    def test_removed(tmp_path):
        (tmp_path / "gone").write_text("x")
        etl.remove(tmp_path / "gone")
        assert not (tmp_path / "gone").exists()

    def test_exception(tmp_path):
        with pytest.raises(ValueError, match="half way"):
            etl.half(tmp_path / "half")
        assert (tmp_path / "half").read_text() == "half"

    def test_stream(tmp_path):
        assert list(etl.stream(tmp_path / "s")) == [0, 1, 2]
        assert (tmp_path / "s").read_text() == "012"

    def test_coroutine(tmp_path):
        asyncio.run(etl.later(tmp_path / "l"))
        assert (tmp_path / "l").read_text() == "later"
"""


@pytest.mark.promise("writes= makes the files that a call writes part of the outcome")
def test_recorded_files_are_written_at_each_replay(etl):
    etl.ini(*WRITES)
    etl.tests(TEST)
    recorded = etl.record().expect(passed=8)

    for _ in range(2):
        assert etl.replay(env={"BEFORE": "another"}).expect(passed=8, real=[]).changed == set()
    assert etl.replay("-n", "2", process=True).expect(passed=8, real=[]).changed == set()
    assert etl.run("--mimic-rerecord").expect(passed=8).changed == set()
    assert etl.run("--mimic-verify").expect(passed=8).changed == set()
    assert len(objects(recorded)) == len({recorded.vault[name] for name in objects(recorded)}) == 8


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes and special files")
def test_a_replay_sets_no_bit_but_that_to_execute(etl):
    etl.ini("etl:split writes=folder")
    etl.test("""
        etl.split(tmp_path / "new", [])
        mode = os.stat(tmp_path / "new" / "run.sh").st_mode
        if os.environ.get("TALLY_OFFLINE"):
            assert oct(mode) == oct(0o100777 & ~0o022)
    """)
    old = os.umask(0o022)
    try:
        etl.record().expect(passed=1)
        etl.replay().expect(passed=1, real=[])
    finally:
        os.umask(old)


def test_equal_contents_are_one_object_and_listed_readably(etl):
    etl.ini("etl:copies writes=paths")
    etl.test("etl.copies([tmp_path / 'a', tmp_path / 'b'])")

    run = etl.record().expect(passed=1)

    (name,) = objects(run)
    listed = {"object": name, "size": 5000}
    assert recording(run)[1]["outcomes"][0]["files"] == {"paths[0]": listed, "paths[1]": listed}
    assert len(run.vault[name]) < 500


def test_a_file_below_the_rootdir_is_written_in_another_checkout(etl):
    etl.ini("etl:export writes=path")
    etl.test("etl.export('reports/out.csv')")
    (etl.root / "reports").mkdir()
    etl.record().expect(passed=1)
    (etl.root / "reports" / "out.csv").unlink()
    (etl.root / "reports").rmdir()

    etl.replay().expect(passed=1, real=[])

    assert (etl.root / "reports" / "out.csv").read_text() == "0,0\n1,1\n"


def test_a_large_file_is_kept_in_pieces(etl):
    etl.ini("etl:big writes=path")
    etl.write(
        "etl.py",
        """
        from tally import ran

        def big(path):
            ran("big")
            with open(path, "wb") as file:
                for number in range(20):
                    file.write(bytes([number]) * (1 << 20))
                file.write(b"end")
        """,
    )
    etl.test("""
        etl.big(tmp_path / "big")
        data = (tmp_path / "big").read_bytes()
        assert data == b"".join(bytes([n]) * (1 << 20) for n in range(20)) + b"end"
    """)
    run = etl.record().expect(passed=1)
    assert sum(len(run.vault[name]) for name in objects(run)) < 100_000

    etl.replay().expect(passed=1, real=[])


def test_sequences_and_cassettes_keep_files(etl):
    etl.ini("etl:count writes=path sequence")
    etl.write(
        "etl.py",
        """
        from tally import ran

        CALLS = []

        def count(path):
            ran("count")
            CALLS.append(path)
            path.write_text(f"call {len(CALLS)}")
        """,
    )
    etl.tests("""
        import etl

        def test_sequence(tmp_path):
            for text in ("call 1", "call 2"):
                etl.count(tmp_path / "a")
                assert (tmp_path / "a").read_text() == text

        def test_cassette(tmp_path, mimic_auto):
            with mimic_auto("counts"):
                for text in ("call 3", "call 4"):
                    etl.count(tmp_path / "a")
                    assert (tmp_path / "a").read_text() == text
    """)
    etl.record().expect(passed=2)

    etl.replay().expect(passed=2, real=[])


def test_verify_names_the_file_that_differs(etl):
    etl.ini("etl:note writes=folder")
    etl.write(
        "etl.py",
        """
        import os

        def note(folder):
            for name in os.environ["NAMES"].split():
                (folder / name).write_text(os.environ["TEXT"])
        """,
    )
    etl.test("etl.note(tmp_path)")
    etl.record(env={"NAMES": "a b", "TEXT": "one"}).expect(passed=1)

    etl.run("--mimic-verify", env={"NAMES": "a b", "TEXT": "one"}).expect(passed=1)
    etl.run("--mimic-verify", env={"NAMES": "a b", "TEXT": "two"}).expect(
        failed=1, says=["file folder/a: another content than recorded"]
    )
    etl.run("--mimic-verify", env={"NAMES": "a c", "TEXT": "three"}).expect(
        failed=1,
        says=[
            "file folder/a: 3 bytes recorded, 5 now",
            "file folder/b: recorded, missing now",
            "file folder/c: written now, not in the recording",
        ],
    )


def test_clearing_keeps_the_objects_of_files(etl):
    etl.ini("etl:export writes=path")
    etl.tests("""
        import etl

        def test_one(tmp_path):
            etl.export(tmp_path / "a", 3)

        def test_two(tmp_path):
            etl.export(tmp_path / "a", 4)
    """)
    assert len(objects(etl.record().expect(passed=2))) == 2
    etl.tests("import etl\n\ndef test_one(tmp_path):\n    etl.export(tmp_path / 'a', 3)\n")

    run = etl.run("--mimic-clear-unused").expect(passed=1)

    assert len(objects(run)) == 1
    etl.replay().expect(passed=1, real=[])


@pytest.mark.promise("a replay writes files below the named paths only, through no link")
def test_an_edited_name_that_leaves_its_folder_is_refused(etl):
    etl.ini("etl:split writes=folder")
    etl.test("""
        try:
            (tmp_path / "deep" / "er").mkdir(parents=True)
            etl.split(tmp_path / "deep" / "er" / "f", ["a"])
        finally:
            if os.environ.get("TALLY_OFFLINE"):
                assert [one.name for one in tmp_path.rglob("*")] == ["deep", "er"]
    """)
    recorded, facts = recording(etl.record().expect(passed=1))
    files = facts["outcomes"][0]["files"]["folder"]["files"]
    old = "a"
    for name in ("../../x", "/tmp/x", "a/../../x", "..", "", "a//b", ".git/hooks/x", "a/./b"):
        files[name], old = files.pop(old), name
        (etl.vault / recorded).write_text(json.dumps(facts))

        etl.replay().expect(
            failed=1, real=[], says=["CorruptRecordingError", recorded, "lead out of their folder"]
        )


EDITS = {
    "size": (lambda files: files["path"].update(size=1), "bytes, and its recording says 1"),
    "unknown argument": (
        lambda files: files.update(other=files["path"]),
        "other: writes= does not name this",
    ),
    "unknown part": (lambda files: files.update({"rows[0]": None}), "rows[0]: writes= does not name this"),
}


@pytest.mark.promise("a replay writes files below the named paths only, through no link")
@pytest.mark.parametrize(("edit", "says"), EDITS.values(), ids=EDITS)
def test_an_edited_list_of_files_is_compared_with_the_files_and_the_call(etl, edit, says):
    etl.ini("etl:export writes=path")
    etl.tests("""
        import os, etl

        def test_it(tmp_path):
            try:
                etl.export(tmp_path / "a", 3)
            finally:
                assert not os.environ.get("TALLY_OFFLINE") or list(tmp_path.iterdir()) == []
    """)
    recorded, facts = recording(etl.record().expect(passed=1))
    edit(facts["outcomes"][0]["files"])
    (etl.vault / recorded).write_text(json.dumps(facts))

    etl.replay().expect(failed=1, real=[], says=[says])


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.promise("a replay writes files below the named paths only, through no link")
def test_nothing_is_written_through_a_link(etl):
    etl.ini("etl:split writes=folder")
    etl.test("""
        (tmp_path / "f").mkdir()
        if os.environ.get("TALLY_OFFLINE"):
            (tmp_path / "elsewhere").mkdir()
            (tmp_path / "f" / "deep").symlink_to(tmp_path / "elsewhere")
        try:
            etl.split(tmp_path / "f", ["a", "deep/b"])
        finally:
            if os.environ.get("TALLY_OFFLINE"):
                assert list((tmp_path / "elsewhere").iterdir()) == []
                assert [one.name for one in (tmp_path / "f").iterdir()] == ["deep"]
    """)
    etl.record().expect(passed=1)

    etl.replay().expect(
        failed=1, real=[], says=["cannot be written", "deep is a link", "nothing was written"]
    )


def test_a_damaged_object_writes_nothing(etl):
    etl.ini("etl:copies writes=paths")
    etl.test("""
        try:
            etl.copies([tmp_path / "a", tmp_path / "b"])
        except Exception:
            assert list(tmp_path.iterdir()) == []
            raise
    """)
    (name,) = objects(etl.record().expect(passed=1))
    data = bytearray((etl.vault / name).read_bytes())
    data[70] ^= 1
    (etl.vault / name).write_bytes(bytes(data))

    etl.replay().expect(failed=1, real=[], says=["CorruptRecordingError", name])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes and special files")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("(folder / 'link').symlink_to('x')", "folder: a folder with a symbolic link, link"),
        ("os.mkfifo(folder / 'pipe')", "folder: a folder with a named pipe, pipe"),
        ("open(os.fsencode(folder) + b'/\\xff', 'w').close()", "a name that is not in UTF-8"),
        (
            "(folder / 'a').unlink(); (folder / 'a').mkdir()",
            "a was a file before the call and is a folder now",
        ),
        (
            "(folder / 'd').rmdir(); (folder / 'd').write_text('')",
            "d was a folder before the call and is a file now",
        ),
        (
            "(folder / 'a').unlink(); (folder / 'd').rmdir(); folder.rmdir(); folder.write_text('')",
            "is a file now",
        ),
    ],
)
def test_what_is_no_file_is_refused(etl, make, says):
    etl.ini("etl:odd writes=folder")
    etl.write("etl.py", f"import os\n\ndef odd(folder):\n    {make}\n")
    etl.test("""
        (tmp_path / "folder" / "d").mkdir(parents=True)
        (tmp_path / "folder" / "a").write_text("")
        etl.odd(tmp_path / "folder")
    """)

    run = etl.record().expect(failed=1, says=["what etl:odd wrote cannot be stored", says])

    assert run.vault == {}


@pytest.mark.promise("writes= makes the files that a call writes part of the outcome")
def test_what_is_there_before_the_call_does_not_count(etl):
    """Neither for an argument, nor for one in `**extra`, nor for an attribute of one."""
    etl.ini("etl:export writes=path", "etl:Exporter.run writes=self", "etl:named writes=out")
    etl.write(
        "etl.py",
        ETL + "\n    def named(**files):\n        ran('named')\n        files['out'].write_text('named')\n",
    )
    etl.tests("""
        import os, pytest, etl

        @pytest.mark.parametrize("call", ["path", "text", "relative", "self", "extra"])
        def test_it(tmp_path, call, monkeypatch):
            monkeypatch.chdir(tmp_path)
            out = tmp_path / "out"
            if "BEFORE" in os.environ:
                out.write_text(os.environ["BEFORE"])
            if call == "self":
                etl.Exporter(out).run()
            elif call == "extra":
                etl.named(out=out)
            else:
                etl.export({"path": out, "text": str(out), "relative": out.relative_to(tmp_path)}[call])
            assert out.read_text() in ("run", "named", "0,0\\n1,1\\n")
    """)
    etl.record().expect(passed=5)

    etl.replay(env={"BEFORE": "1"}).expect(passed=5, real=[])
    etl.replay(env={"BEFORE": "other"}).expect(passed=5, real=[])


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize(
    ("path", "says"),
    [
        (".git/hooks/post-checkout", ".git is git's"),
        (".mimic_vault/calls/x", "is in the vault"),
        ("../outside.txt", "is not below the rootdir and the base temporary folder"),
        ("link/out.txt", "link is a link"),
    ],
)
def test_a_file_that_no_replay_could_write_is_refused_when_it_is_recorded(etl, path, says):
    etl.ini("etl:export writes=path")
    (etl.root / "folder").mkdir()
    (etl.root / "link").symlink_to("folder")
    (etl.root / path).parent.mkdir(parents=True, exist_ok=True)
    etl.test(f"etl.export({path!r})")

    run = etl.record().expect(failed=1, says=["what etl:export wrote cannot be stored", says])

    assert not [name for name in run.vault if name.endswith(".json")]


def test_paths_are_looked_for_where_the_current_folder_is_gone(etl):
    etl.ini("etl:later")
    etl.write("etl.py", "def later(path):\n    return 1\n")
    etl.test("""
        (tmp_path / "gone").mkdir()
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        assert etl.later([pathlib.Path("out.csv"), "out.csv"]) == 1
    """)

    etl.record().expect(passed=1)
    etl.replay().expect(passed=1)


def test_a_file_that_a_stream_completes_when_its_reader_stops(etl):
    """A generator's `with` and `finally` run when it is closed."""
    etl.ini("etl:stream writes=path")
    etl.test("""
        for number in etl.stream(tmp_path / "out"):
            if number == 1:
                break
        assert (tmp_path / "out").read_text() == "01"
    """)
    etl.record().expect(passed=1)

    etl.replay().expect(passed=1, real=[])


def test_a_string_that_is_a_folder_elsewhere_is_not_looked_into(etl, tmp_path_factory):
    """`/proc` has files that are never read to their end, and a route of a URL may be called `/usr`."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    etl.ini("etl:put")
    etl.write("etl.py", "import os\n\ndef put(path):\n    open(os.path.join(path, 'x'), 'w').close()\n")
    etl.test(f"etl.put({str(elsewhere)!r})")

    etl.record().expect(passed=1)
