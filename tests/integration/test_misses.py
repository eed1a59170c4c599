"""Section 5, misses: a miss shows the call, the nearest recording, the differences, and the command that records the call."""

from __future__ import annotations

import io
import pdb
import re
import shlex
from importlib.metadata import version

import pytest

SHOP = """
    from dataclasses import dataclass, field

    @dataclass
    class Order:
        city: str
        lines: list = field(default_factory=list)

    def fetch(base, day="2024-04-30", *rest, **extra):
        ran("fetch", base, day)
        return base

    def send(order, token=None):
        ran("send")
        return "sent"
"""


@pytest.fixture
def shop(project):
    """A project in which `shop.fetch` is mimicked and `test_week` has recorded two calls."""
    project.ini("shop:fetch", "shop:send")
    project.tests("""
        def test_week():
            shop.fetch("EUR")
            shop.fetch("USD", "2024-01-01")
            shop.send(shop.Order("Oslo", [{"sku": 1, "n": 2}]), token="s3cret")
    """)
    project.record_once(passed=1)
    return project


def test_a_miss_shows_each_argument_that_differs(shop):
    shop.write(
        "test_shop.py",
        "import shop\n\ndef test_day():\n    shop.fetch('EUR', '2024-05-01', 7, retry=True)\n",
    )

    run = shop.replay()

    lines = run.expect(failed=1, real=[], never=["pytest_mimic/", "Traceback"]).error
    call = "shop:fetch(base='EUR', day='2024-05-01', "
    assert lines[0].startswith(f"MissingRecordingError: no recording of {call}")
    assert lines[0].endswith(", retry=True)")
    assert lines[1].startswith("nearest: recorded by test_shop.py::test_week on 20")
    assert lines[2:] == [
        "day: '2024-04-30' recorded, '2024-05-01' now",
        "rest[0]: 7 now, not in the recording",
        "retry: True now, not in the recording",
        "to record it: pytest --mimic-record test_shop.py::test_day",
    ]


def test_a_secret_that_differs_is_named_but_not_shown(shop):
    """CI has another key than the one with which the call was recorded, or none."""
    call = "shop.send(shop.Order('Oslo', [{'sku': 1, 'n': 2}]), 'other' + 'word')"
    shop.write("test_shop.py", f"import shop\n\ndef test_day():\n    {call}\n")

    run = shop.replay().expect(failed=1, never=["otherword"])

    assert run.error[2] == "a hidden part differs: token"
    words, _, line = run.error[-1].partition(": ")
    assert (words, line) == ("if it may differ", "shop:send ignore=token")
    shop.ini("shop:fetch", line)
    shop.write("test_shop.py", f"import shop\n\ndef test_day():\n    {call}\n")
    shop.record().expect(passed=1)
    shop.write(
        "test_shop.py", (shop.root / "test_shop.py").read_text().replace("word", "")
    )
    shop.replay().expect(passed=1, real=[])


def test_secrets_that_tell_recordings_apart_are_not_left_out(shop):
    shop.tests("""
        def test_two():
            shop.send("tea", "a" + "key")
            shop.send("tea", "b" + "key")
    """)
    shop.record().expect(passed=1)
    shop.write(
        "test_shop.py",
        "import shop\n\ndef test_two():\n    shop.send('tea', 'c' + 'key')\n",
    )

    shop.replay().expect(
        failed=1, says=["a hidden part differs"], never=["ignore=token"]
    )


def test_a_miss_says_why_a_recording_does_not_follow_its_line(project):
    project.ini("shop:fetch")
    project.test("shop.fetch('shop.py')")
    project.record_once(passed=1)
    project.ini("shop:fetch")
    project.conftest("""
        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.mimic("shop:fetch", key=len))
    """)

    run = project.replay().expect(failed=1)

    assert "it was recorded with other options: none" in run.error
    assert "it cannot follow its line: key= needs the call itself" in run.error


def test_of_equally_near_recordings_that_counts_which_was_not_asked_for(project):
    project.ini("shop:fetch sequence")
    project.test("for city in ('Oslo', 'Rome', 'Bern'): shop.fetch(city)")
    project.record_once(passed=1)
    project.test("for city in ('Oslo', 'Roma', 'Bern'): shop.fetch(city)")

    run = project.replay().expect(failed=1)

    assert "base: 'Rome' recorded, 'Roma' now" in run.error


def test_verifying_a_call_without_recording_is_a_miss(shop):
    shop.write(
        "test_shop.py", "import shop\n\ndef test_day():\n    shop.fetch('CHF')\n"
    )

    shop.run("--mimic-verify").expect(
        failed=1, real=[], says=["no recording of shop:fetch(base='CHF'"]
    )


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_the_shown_command_records_what_was_missing(project, monkeypatch, workers):
    """The command is one for the folder in which pytest was started, and names the vault of the failed run."""
    project.ini("shop:fetch", pythonpath=".")
    project.write("shop.py", "def fetch(city):\n    return city\n")
    project.write(
        "sub/test_shop.py", "import shop\n\ndef test_it():\n    shop.fetch('Oslo')\n"
    )
    project.write(
        "other/test_more.py", "import shop\n\ndef test_it():\n    shop.fetch('Rome')\n"
    )
    monkeypatch.chdir(project.root / "sub")

    missed = project.run("--mimic-vault=kept", ".", "../other", *workers).expect(
        failed=2
    )

    first, second = sorted({*re.findall(r"to record it: pytest (.*)", missed.output)})
    assert first == "--mimic-record --mimic-vault=kept ../other/test_more.py::test_it"
    assert second == "--mimic-record --mimic-vault=kept test_shop.py::test_it"
    [both] = re.findall(r"to record the missing: pytest (.*)", missed.output)
    project.run(*shlex.split(first)).expect(passed=1)
    project.run(*shlex.split(both)).expect(passed=2, real=[])


def test_a_repeated_miss_is_judged_each_time(shop):
    """The test handles one of two equal misses, and the code under test swallows the other one."""
    shop["safe.py"] = """
        def fetch(base):
            with contextlib.suppress(Exception):
                return shop.fetch(base)
    """
    shop.tests("""
        import pytest, safe, shop
        from pytest_mimic import MissingRecordingError

        def test_day():
            safe.fetch("CHF")
            with pytest.raises(MissingRecordingError):
                shop.fetch("CHF")
    """)

    run = shop.replay().expect(failed=1, says=["a missing recording was swallowed"])

    assert run.section[0].startswith("1 call missing")


def test_what_is_typed_in_a_debugger_is_no_call_of_the_test(shop):
    shop.ini("shop:fetch sequence")
    shop.tests("""
        import io, pdb

        def test_week(request):
            shop.fetch("EUR")
            typed = "p 'was ' + shop.fetch('EUR')\\np shop.fetch('nowhere')\\nc\\n"
            shown = io.StringIO()
            debugger = pdb.Pdb(stdin=io.StringIO(typed), stdout=shown)
            request.config.hook.pytest_enter_pdb(config=request.config, pdb=debugger)
            debugger.set_trace()
            print(shown.getvalue())
            shop.fetch("EUR")
    """)

    shop.run("--mimic-rerecord").expect(
        passed=1,
        real=["fetch EUR 2024-04-30"] * 2
        + ["fetch nowhere 2024-04-30", "fetch EUR 2024-04-30"],
        says=["2 calls recorded"],
    )
    shop.replay("-rP").expect(
        passed=1,
        real=[],
        says=["2 calls replayed", "'was EUR'", "no recording of shop:fetch(base='now"],
        never=["missing"],
    )


def test_a_swallowed_miss_fails_in_a_run_that_a_debugger_has_started(shop, monkeypatch):
    """As with `python -m pdb -m pytest`: nothing is typed there."""
    shop.module("""
        def fetch(base): ...
        def send(): ...
        def fetch_quietly(base):
            with contextlib.suppress(Exception):
                return fetch(base)
    """)
    shop.tests("import shop\n\ndef test_week():\n    shop.fetch_quietly('EUR')\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("c\n"))

    run = pdb.runcall(shop.replay)

    run.expect(failed=1, real=[], says=["no recording of shop:fetch("])


def test_a_miss_of_generated_examples_names_the_page(shop):
    shop.tests("""
        from hypothesis import given, settings, strategies

        @settings(database=None, max_examples=1)
        @given(strategies.integers())
        def test_week(number):
            shop.fetch(number)
    """)

    shop.replay().expect(
        failed=1,
        says=[
            "Hypothesis makes other examples in each run without a profile: ",
            "dates-and-ids.html#hypothesis",
        ],
    )


def test_a_miss_after_an_upgrade_of_its_client_names_both_versions(project):
    pytest.importorskip("httpx")
    project.ini("http")
    test = """
        import httpx, os

        def test_rates():
            httpx.get(os.environ["API"] + "/{page}")
    """
    project.tests(test.format(page="json"))
    with project.shop():
        recorded = project.record().expect(passed=1)
    [name] = recorded.vault
    now = version("httpx")
    log = project.vault / name
    log.write_text(log.read_text().replace(f'"httpx": "{now}"', '"httpx": "0.1.0"'))

    project.run().expect(passed=1)
    project.tests(test.format(page="other"))
    project.run().expect(
        failed=1,
        says=[f"recorded with httpx 0.1.0, now {now}: record all of its tests again"],
    )
