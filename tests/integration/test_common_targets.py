"""Targets that pytest and the plugin call as well: only calls by tests are mimicked."""

from __future__ import annotations

import json
import re
from collections import Counter

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


def test_functions_that_the_plugin_uses_are_mimicked_for_tests(project):
    """The one call of each by its test is recorded, and replayed whatever the clock shows."""
    project.ini(*CALLS, "shop:fetch")
    project.write("note.txt", "noted")
    project.module("def fetch(city):\n    return city\n")
    project.write(
        "test_it.py",
        "import json, os, pathlib, socket, tempfile, time\nimport shop\n\n"
        + "".join(
            f"def test_{number}():\n"
            f"    value = {call}\n"
            f"    assert os.environ.get('SEEN_{number}', repr(value)) == repr(value)\n"
            f"    assert shop.fetch({number}) == {number}\n"
            f"    print('value {number}:', repr(value))\n\n"
            for number, call in enumerate(CALLS.values())
        )
        # Nothing has imported it so far: what Python looks up for it is no call of the test's.
        + "def test_import():\n    import colorsys\n",
    )

    recorded = project.run("--mimic-record", "-s", process=True).expect(passed=len(CALLS) + 1)
    seen = {f"SEEN_{number}": value for number, value in re.findall(r"value (\d+): (.*)", recorded.output)}
    replayed = project.run(process=True, env=seen).expect(passed=len(CALLS) + 1)

    assert len(seen) == len(CALLS)
    # A recording has the function's own name: posix:getpid.
    calls = [json.loads(data)["target"] for name, data in recorded.vault.items() if name.startswith("calls/")]
    wanted = [*CALLS, *["shop:fetch"] * len(CALLS)]
    assert Counter(name.split(":")[1] for name in calls) == Counter(name.split(":")[1] for name in wanted)
    assert recorded.section[0].startswith(f"{2 * len(CALLS)} calls recorded")
    assert replayed.section == [f"{2 * len(CALLS)} calls replayed, # s saved"]


def test_project_package_named_like_the_standard_library(project):
    """Tests in a folder `test` are not Python's own."""
    project.ini("time:time", pythonpath=".")
    project.write("test/__init__.py", "")
    project.write("test/test_it.py", "import time\n\ndef test_it():\n    assert time.time() > 0\n")

    run = project.run("--mimic-record", process=True).expect(passed=1)

    assert run.section[0].startswith("1 call recorded")
