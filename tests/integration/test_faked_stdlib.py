"""Tests may replace functions of the standard library that the plugin uses."""

from __future__ import annotations

import json

import pytest

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {str(city), 3}
"""

#: What a test fakes while the code under test makes its call.
FAKES = {
    "open": 'patch("builtins.open", mock_open(read_data="x"))',
    "Path.open": 'patch("pathlib.Path.open", mock_open(read_data="x"))',
    "Path.read_text": 'patch("pathlib.Path.read_text", return_value="x")',
    "Path.exists": 'patch("pathlib.Path.exists", return_value=True)',
    "os.path.exists": 'patch("os.path.exists", return_value=True)',
    "os.makedirs": 'patch("os.makedirs")',
    "os.getpid": 'patch("os.getpid", return_value=1)',
    "os.unlink": 'patch("os.unlink")',
    "json": 'patch("json.loads"), patch("json.dumps")',
    "time": 'patch("time.time", side_effect=[1.0, 3.5])',
    "date": 'patch("datetime.date")',
    "datetime": 'patch("datetime.datetime")',
    "gettempdir": 'patch("tempfile.gettempdir")',
    "gethostname": 'patch("socket.gethostname")',
    "import_module": 'patch("importlib.import_module")',
    "Thread": 'patch("threading.Thread")',
    "ThreadPoolExecutor": 'patch("concurrent.futures.ThreadPoolExecutor")',
}


def test_plugin_does_not_use_faked_functions(project):
    """A call is recorded, replayed and verified, with its target imported within the fake or before."""
    late = {f"late{number}": fake for number, fake in enumerate(FAKES.values())}
    project.ini("shop:fetch", *(f"{name}:fetch" for name in late))
    tests = [
        "import datetime\n"
        "from unittest.mock import mock_open, patch\n"
        "import shop\n"
        "DAY = datetime.datetime(2024, 5, 1)\n"
    ]
    for number, (name, fake) in enumerate(late.items()):
        project.write(f"{name}.py", SHOP)
        tests.append(f"""
def test_early_{name}():
    with {fake}:
        found = shop.fetch(DAY.replace(hour={number}))
    assert found == {{"2024-05-01 {number:02}:00:00", 3}}

def test_{name}():
    with {fake}:
        import {name}
        found = {name}.fetch(DAY.replace(hour={number}))
    assert found == {{"2024-05-01 {number:02}:00:00", 3}}
""")
    project.tests("".join(tests))
    calls = [f"fetch 2024-05-01 {number:02}:00:00" for number in range(len(late)) for _ in "ab"]

    recorded = project.record().expect(passed=len(calls), real=calls)
    project.replay().expect(passed=len(calls), real=[])
    project.run("--mimic-verify").expect(passed=len(calls), real=calls)

    assert sum(name.startswith("calls/") for name in recorded.vault) == len(calls)


def test_replay_and_verify_work_with_a_faked_clock_and_inspect(project):
    project.ini("shop:fetch")
    project.test("""
        from unittest.mock import patch
        if os.environ.get("RECORDING"):
            shop.fetch("Oslo")
            return
        with patch("inspect.signature"), patch("time.perf_counter", side_effect=[1.0, 3.5]):
            start = time.perf_counter()
            assert shop.fetch("Oslo") == {"Oslo", 3}
            assert time.perf_counter() - start == 2.5
    """)

    project.record(env={"RECORDING": "1"}).expect(passed=1)
    project.replay().expect(passed=1)
    project.run("--mimic-verify").expect(passed=1, real=["fetch Oslo"])


@pytest.mark.parametrize(
    "stopped", ['freezegun.freeze_time("2020-01-02")', 'time_machine.travel("2020-01-02", tick=False)']
)
def test_stopped_clock_does_not_affect_date_and_duration(project, stopped):
    module = stopped.partition(".")[0]
    pytest.importorskip(module)
    project.ini("shop:count")
    project.module("def count(to):\n    return sum(range(to))\n")
    project.tests(f"""
        import datetime, {module}
        import shop

        @{stopped}
        def test_it():
            assert datetime.date.today() == datetime.date(2020, 1, 2)
            assert shop.count(100_000) == 4_999_950_000
    """)

    project.record().expect(passed=1)

    (recording,) = (json.loads(text) for text in project.files().values())
    assert recording["outcomes"][0]["duration"] > 0
    assert recording["recorded"] != "2020-01-02"


def test_faked_read_is_not_a_report_of_a_forked_process(project):
    """monkeypatch still fakes it when a test is judged, also a test without a call."""
    project.ini("shop:fetch")
    project.tests("""
        import pathlib
        from unittest.mock import mock_open

        def test_read_text(monkeypatch):
            monkeypatch.setattr(pathlib.Path, "read_text", lambda self, *_, **__: "faked")

        def test_open(monkeypatch):
            monkeypatch.setattr(pathlib.Path, "open", mock_open(read_data="faked"))

        def test_builtin(monkeypatch):
            monkeypatch.setattr("builtins.open", mock_open(read_data="faked"))
    """)

    project.run().expect(passed=3)
