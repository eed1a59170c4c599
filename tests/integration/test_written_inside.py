"""`writes=` on an object: what counts are the files that the call touched, not every text that names something."""

from __future__ import annotations

import json

import pytest

ETL = """
    import os
    from dataclasses import dataclass, field
    from pathlib import Path
    from tally import ran

    @dataclass
    class Config:
        work: Path = Path("out")
        source: str = "data"
        label: str = "notes"
        url: str = "http://localhost/a"
        sep: str = "/"
        weights: dict = field(default_factory=lambda: {"tea": 1})
        prompt: str = "x" * 4000

    def export(config):
        ran("export")
        text = (Path(config.source) / "input.csv").read_text()
        config.work.mkdir(exist_ok=True)
        (config.work / "empty").mkdir(exist_ok=True)
        (config.work / "out.csv").write_text(os.environ.get("TEXT", "out"))

    def tidy(config):
        ran("tidy")
        if "KEEP" not in os.environ:
            Path(config.label).unlink(missing_ok=True)
            (Path(config.source) / "old.csv").unlink(missing_ok=True)

    def fetch(path):
        ran("fetch")
        if not os.path.exists(path):
            Path(path).write_text("fetched")

    def drop(path):
        ran("drop")
        Path(path).unlink(missing_ok=True)
"""


@pytest.fixture
def etl(project):
    project.write("etl.py", ETL)
    project.write("data/input.csv", "one")
    project.write("data/old.csv", "old")
    return project


def calls(etl, call, *, name="etl:export", writes="config"):
    etl.ini(f"{name} writes={writes}")
    etl.test(f"from pathlib import Path\nfrom etl import Config\n{call}")


def files(etl):
    (path,) = etl.vault.glob("calls/**/*.json")
    return path, json.loads(path.read_text())


@pytest.mark.promise("writes= on an object keeps and writes again only what the call touched in it")
def test_only_the_files_that_the_call_touched_are_kept(etl):
    calls(etl, "etl.export(Config())")

    etl.record().expect(passed=1)

    (listed,) = [one["files"] for one in files(etl)[1]["outcomes"]]
    assert list(listed) == ["config.work"]
    assert list(listed["config.work"]["files"]) == ["out.csv"]
    assert listed["config.work"]["folders"] == ["empty"]


@pytest.mark.promise("writes= on an object keeps and writes again only what the call touched in it")
@pytest.mark.parametrize("mode", ["", "--mimic-verify"])
def test_edits_of_files_that_the_call_left_alone_survive(etl, mode):
    calls(etl, "etl.export(Config())")
    etl.record().expect(passed=1)
    etl.write("data/input.csv", "edited")
    etl.write("notes", "mine")

    etl.run(*mode.split()).expect(passed=1)

    assert (etl.root / "data" / "input.csv").read_text() == "edited"
    assert (etl.root / "notes").read_text() == "mine"


@pytest.mark.promise("writes= on an object keeps and writes again only what the call touched in it")
def test_the_rootdir_in_an_object_is_no_obstacle_to_folders_below_it(etl):
    calls(etl, "etl.export(Config(work=Path.cwd() / 'out', label=Path.cwd()))")
    etl.record().expect(passed=1)
    (etl.root / "out" / "out.csv").unlink()

    etl.replay().expect(passed=1, real=[])

    assert (etl.root / "out" / "out.csv").read_text() == "out"


def test_what_is_written_in_the_rootdir_alone_is_refused(etl):
    calls(etl, "etl.export(Config(work=Path('out').absolute(), label=Path.cwd(), prompt=Path.cwd()))")
    etl.write("etl.py", ETL.replace("config.work", "(config.label / 'other')"))

    run = etl.record().expect(failed=1)

    assert f"config.label: {etl.root} is the rootdir or the base temporary folder" in run.output


@pytest.mark.promise("writes= on an object keeps and writes again only what the call touched in it")
def test_a_removal_by_the_call_is_replayed(etl):
    calls(etl, "etl.tidy(Config())", name="etl:tidy")
    etl.write("notes", "mine")
    etl.record().expect(passed=1)
    etl.write("notes", "again")
    etl.write("data/old.csv", "again")

    etl.replay().expect(passed=1, real=[])

    assert not (etl.root / "notes").exists()
    assert [one.name for one in (etl.root / "data").iterdir()] == ["input.csv"]
    etl.run("--mimic-verify").expect(passed=1)  # nothing is there to be removed
    etl.write("notes", "kept")
    etl.run("--mimic-verify", env={"KEEP": "1"}).expect(
        failed=1, says=["file config.label: removed when recorded, there now"]
    )


@pytest.mark.promise("writes= on an object keeps and writes again only what the call touched in it")
@pytest.mark.parametrize("mode", ["", "compare=shape"])
def test_a_file_in_a_folder_that_is_no_longer_removed_is_a_drift(etl, mode):
    calls(etl, "etl.tidy(Config())", name="etl:tidy", writes=f"config {mode}")
    etl.record().expect(passed=1)
    etl.write("data/old.csv", "again")

    etl.run("--mimic-verify", env={"KEEP": "1"}).expect(
        failed=1, says=["file config.source/old.csv: removed when recorded, there now"]
    )


@pytest.mark.promise("writes= on an object keeps and writes again only what the call touched in it")
def test_a_file_that_is_written_again_with_equal_content_is_kept(etl):
    """Even in the moment after it was written: the clock of a file system may be coarse."""
    calls(
        etl,
        "Path('out').mkdir(exist_ok=True)\nPath('out/out.csv').write_text('out')\netl.export(Config())"
        "\nassert Path('out/out.csv').read_text() == 'out'",
    )
    etl.record().expect(passed=1)
    calls(etl, "etl.export(Config())\nassert Path('out/out.csv').read_text() == 'out'")
    (etl.root / "out" / "out.csv").unlink()

    etl.replay().expect(passed=1, real=[])


def test_verify_compares_what_the_call_left_alone_with_the_recording(etl):
    """A folder that is there already is made by the recorded call, and not by the one that is verified."""
    calls(etl, "etl.export(Config())")
    etl.record().expect(passed=1)

    etl.run("--mimic-verify").expect(passed=1)
    etl.run("--mimic-verify", env={"TEXT": "other"}).expect(
        failed=1, says=["file config.work/out.csv: 3 bytes recorded, 5 now"]
    )


def test_a_path_that_is_an_argument_is_kept_as_it_is_and_deletes_nothing(etl):
    calls(etl, "etl.fetch('fetched')", name="etl:fetch", writes="path")
    etl.write("fetched", "fetched")
    etl.record().expect(passed=1)
    (etl.root / "fetched").unlink()
    etl.replay().expect(passed=1, real=[])
    assert (etl.root / "fetched").read_text() == "fetched"


def test_a_path_that_was_never_there_is_not_removed(etl):
    calls(etl, "etl.drop('mine')", name="etl:drop", writes="path")
    etl.record().expect(passed=1)
    etl.write("mine", "mine")

    etl.replay().expect(passed=1, real=[])

    assert (etl.root / "mine").read_text() == "mine"
