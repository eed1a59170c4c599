"""Section 5, identity: files as inputs: paths count by the content of what they name, and not by the folder that a fixture gave."""

from __future__ import annotations

import os
import textwrap

import pytest

SHOP = """
    import os
    from dataclasses import dataclass
    from pathlib import Path

    @dataclass
    class Job:
        source: str
        limit: int = 10

    def load(path):
        ran("load")
        return Path(path).read_text()

    def load_all(paths):
        ran("load_all")
        return [Path(path).read_text() for path in (paths.values() if isinstance(paths, dict) else paths)]

    def run(job):
        ran("run")
        return Path(job.source).read_text()

    def listing(folder):
        ran("listing")
        return {file.name: file.read_text() for file in Path(folder).iterdir() if file.is_file()}

    def exists(path):
        ran("exists")
        return Path(path).exists()
"""
TARGETS = [f"shop:{name}" for name in ("load", "load_all", "run", "listing", "exists")]


def read(data, *, argument="path", call="shop.load", result="data"):
    """Return a test module with a test `test_read` that writes `data` to a file and reads it by a mimicked call."""
    return f"""
        import shop

        def test_read(tmp_path):
            data = {data!r}
            path = tmp_path / "in.csv"
            path.write_text(data)
            assert {call}({argument}) == {result}
    """


def test_tests_of_one_name_in_two_files_have_their_own_data(shop):
    ways = [
        ("path", "shop.load", "data"),
        ("[str(path)]", "shop.load_all", "[data]"),
        ("{path: str(path)}", "shop.load_all", "[data]"),
        ("shop.Job(str(path))", "shop.run", "data"),
        ("tmp_path", "shop.listing", "{'in.csv': data}"),
        ("str(tmp_path)", "shop.listing", "{'in.csv': data}"),
    ]
    for name, data in (("a", "one"), ("b", "two")):
        tests = [
            textwrap.dedent(
                read(data, argument=argument, call=call, result=result)
            ).replace("test_read", f"test_read_{number}")
            for number, (argument, call, result) in enumerate(ways)
        ]
        shop.write(f"test_{name}.py", "".join(tests))
    called = [call.removeprefix("shop.") for _, call, _ in ways]

    shop.record("test_a.py").expect(passed=6, real=called)
    shop.run("test_b.py").expect(failed=6, real=[])
    shop.record().expect(passed=12, real=called)
    shop.replay("test_b.py").expect(passed=6)
    shop.replay(
        "test_b.py", "test_a.py", f"--basetemp={shop.root.parent / 'elsewhere'}"
    ).expect(passed=12)


def test_the_same_data_in_two_tests_is_one_recording(shop):
    """The names of the folders that fixtures give do not count."""
    shop.write("test_a.py", read("one"))
    shop.write("test_b.py", read("one").replace("test_read", "test_other"))

    shop.record().expect(passed=2, real=["load"])


def test_a_file_that_changes_between_two_calls_of_a_test(shop):
    """Also with the same size, and with its old time."""
    shop.test("""
        path = tmp_path / "in.csv"
        for data in ("one", "two", "three", "six", "one"):
            with open(path, "r+" if path.exists() else "w") as file:
                file.truncate(0)
                file.write(data)
            os.utime(path, (1_000_000_000, 1_000_000_000))
            assert shop.load(path) == data
            assert shop.load(str(path)) == data
    """)

    shop.round_trip(passed=1, real=["load"] * 8)


def test_a_miss_names_the_file_whose_content_changed(shop):
    """And the recording of the same kind of path is the nearest."""
    shop.tests(read("one").rstrip() + "\n            shop.load(str(path))\n")
    shop.record().expect(passed=1, real=["load", "load"])
    shop.tests(read("two"))

    told = [
        "no recording of shop:load(path=<tmp 0>/in.csv)",
        "path: other content now than recorded",
    ]
    shop.run().expect(failed=1, real=[], says=told)

    shop.tests(read("one").replace('"in.csv"', '"new.csv"'))
    told = ["<tmp 0>/new.csv now"]
    shop.run().expect(failed=1, real=[], says=told)


# -- limits and refusals


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such special files")
def test_a_folder_that_cannot_be_digested_is_refused(shop):
    """The unit tests of digests have more of these."""
    shop.test("os.mkfifo(tmp_path / 'pipe')\nshop.listing(tmp_path)")

    told = [
        "folder: a folder with a named pipe, pipe",
        "pass the files that count, or what they hold",
    ]
    shop.record().expect(failed=1, real=[], says=["UnstableIdentityError", *told])
