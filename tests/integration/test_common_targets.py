"""Targets that pytest and the plugin call as well: only calls by tests are mimicked."""

from __future__ import annotations

import re

import pytest

CALLS = {
    "time:time": "time.time()",
    "time:perf_counter": "time.perf_counter()",
    "time:monotonic": "time.monotonic()",
    "os:getpid": "os.getpid()",
    "os:listdir": "sorted(os.listdir('.'))[:1]",
    "os:stat": "os.stat('shop.py').st_size",
    "os:open": "os.open('shop.py', os.O_RDONLY) > 0",
    "os.path:exists": "os.path.exists('shop.py')",
    "json:dumps": "json.dumps({'a': 1})",
    "json:loads": "json.loads('[1]')",
    "socket:gethostname": "socket.gethostname()",
    "pathlib:Path.read_text": "pathlib.Path('note.txt').read_text()",
    "tempfile:gettempdir": "tempfile.gettempdir()",
    "xxhash:xxh3_128_hexdigest": "__import__('xxhash').xxh3_128_hexdigest(b'a')",
}


@pytest.mark.parametrize("target", CALLS)
def test_function_that_the_plugin_uses_is_mimicked_for_tests(project, target):
    """The one call by the test is recorded, and replayed whatever the clock shows."""
    project.ini(target, "shop:fetch")
    project.write("note.txt", "noted")
    project.module("def fetch(city):\n    return city\n")
    project.write(
        "test_it.py",
        f"""
        import json, os, pathlib, socket, tempfile, time
        import shop

        def test_it():
            import colorsys  # which nothing has imported: what Python looks up is no call of the test's

            value = {CALLS[target]}
            assert os.environ.get("SEEN", repr(value)) == repr(value)
            assert shop.fetch("Oslo") == "Oslo"
            print("value:", repr(value))
        """,
    )

    recorded = project.run("--mimic-record", "-s", process=True).expect(passed=1)
    seen = re.search("value: (.*)", recorded.output)
    assert seen is not None
    replayed = project.run(process=True, env={"SEEN": seen[1]}).expect(passed=1)

    assert len([name for name in recorded.vault if name.startswith("calls/")]) == 2, recorded.vault
    assert recorded.section[0].startswith("2 calls recorded")
    assert replayed.section == ["2 calls replayed, # s saved"]


def test_project_package_named_like_the_standard_library(project):
    """Tests in a folder `test` are not Python's own."""
    project.ini("time:time", pythonpath=".")
    project.write("test/__init__.py", "")
    project.write("test/test_it.py", "import time\n\ndef test_it():\n    assert time.time() > 0\n")

    run = project.run("--mimic-record", process=True).expect(passed=1)

    assert run.section[0].startswith("1 call recorded")
