"""Section 5, outcome: what a failing test keeps of what it recorded: new values, but no error, and nothing in place of a good recording."""

from __future__ import annotations

import pytest

SHOP = """
    def answer(name):
        ran(name)
        if os.environ.get("DOWN"):
            raise ConnectionError("the service is down")
        return {"name": name, "version": os.environ.get("VERSION", "1")}

    def fetch(city):
        return answer(f"fetch {city}")

    def poll(job):
        return answer(f"poll {job}")

    def swallow(function, argument):
        try:
            return function(argument)
        except ConnectionError:
            return None
"""
TARGETS = ["shop:fetch", "shop:poll sequence"]

DOWN = {"DOWN": "1"}
LATER = {"VERSION": "2"}


def outcomes(run):
    """Return the version in each recorded value, and `error` for an exception."""
    return ["error" if call.raised else call.value["version"] for call in run.calls]


@pytest.mark.parametrize("call", ["fetch", "poll"])
@pytest.mark.parametrize(
    "handling", ["", "try: {call}\nexcept ConnectionError: pass\nassert 0"]
)
def test_an_outage_leaves_good_recordings_byte_for_byte(shop, call, handling):
    call = f"shop.{call}('Oslo')"
    shop.test(call)
    shop.record_once(passed=1)
    good = shop.files()
    if handling:
        shop.test(handling.format(call=call))

    run = shop.run("--mimic-rerecord", env=DOWN).expect(
        failed=1, says=["not kept, because their tests failed: shop:"]
    )

    assert run.vault == good
    assert "recorded errors:" not in run.section


def test_a_stream_that_raised_in_a_failing_test_is_made_again(project):
    project.module("""
        def lines():
            yield 1
            if "DOWN" in os.environ:
                raise ConnectionError("down")
    """)
    project.ini("shop:lines")
    project.test("assert list(shop.lines()) == [1]")

    project.record(env=DOWN).expect(failed=1, says=["raised ConnectionError"])

    project.record().expect(passed=1, says=["1 call recorded"])


def test_a_later_test_of_the_run_calls_for_real_again(shop):
    shop.tests("""
        import os, shop

        def test_down(monkeypatch):
            monkeypatch.setenv("DOWN", "1")
            shop.fetch("Oslo")

        def test_up():
            shop.fetch("Oslo")
    """)

    run = shop.record().expect(passed=1, failed=1, real=["fetch Oslo"] * 2)

    assert outcomes(run) == ["1"]


def test_an_error_that_a_passing_test_recorded_survives_a_failing_one(shop):
    test = "import pytest, shop\n\ndef test_it():\n    pytest.raises(ConnectionError, shop.fetch, 'Oslo')\n"
    shop.tests(test)
    good = shop.record(env=DOWN).expect(passed=1).vault
    shop.tests(f"{test}    assert 0\n")

    run = shop.run("--mimic-rerecord", env=DOWN).expect(failed=1, never=["not kept"])

    assert run.vault == good


@pytest.mark.must
def test_an_outage_in_the_middle_restores_the_whole_sequence(shop):
    shop.test("""
        shop.poll("job")
        if os.environ.get("BREAKS"):
            monkeypatch.setenv("DOWN", "1")
        shop.poll("job")
    """)
    good = shop.record().expect(passed=1).vault

    run = shop.run("--mimic-rerecord", env={**LATER, "BREAKS": "1"})

    run.expect(failed=1, says=["ConnectionError: the service is down"])
    assert run.vault == good


@pytest.mark.parametrize("call", ["fetch", "poll"])
def test_a_failing_test_replaces_no_recording(shop, call):
    """The recording is stale."""
    shop.test(f"shop.{call}('Oslo')")
    good = shop.record().expect(passed=1).vault
    shop.module(
        SHOP.replace("def answer", "ANSWER = 1\n\n    def answer").replace(
            "return answer(", "return 0 or answer("
        )
    )
    shop.test(f"""
        shop.{call}('Oslo')
        assert 0
    """)

    option = "--mimic-record" if call == "fetch" else "--mimic-rerecord"
    run = shop.run(option, env=LATER).expect(
        failed=1, real=[f"{call} Oslo"], says=["1 recording put back"]
    )

    assert run.vault == good


def test_a_new_recording_that_a_passing_test_used_stays(shop):
    shop.test("shop.fetch('Oslo')")
    shop.record().expect(passed=1)
    shop.module(SHOP.replace('return answer(f"fetch', 'return 0 or answer(f"fetch'))
    names = ("test_0_fails", "test_1_passes", "test_2_fails")
    shop.tests(
        "import shop\n"
        + "".join(
            f"\ndef {name}():\n    shop.fetch('Oslo')\n    assert {int(name.endswith('passes'))}\n"
            for name in names
        )
    )

    run = shop.record(env=LATER)

    assert outcomes(run) == ["2"]


def test_what_a_failing_test_put_over_a_passing_ones_value_goes(shop):
    shop.tests("""
        def test_passes():
            shop.fetch("Oslo")

        def test_fails(monkeypatch):
            monkeypatch.setenv("VERSION", "3")
            assert shop.fetch("Oslo") == "another"
    """)
    shop.write("test_first.py", "import shop\n\ndef test_it(): shop.fetch('Oslo')\n")
    shop.record("test_first.py").expect(passed=1)

    run = shop.run("--mimic-rerecord", "test_shop.py", env=LATER).expect(
        passed=1, failed=1
    )

    assert outcomes(run) == ["2"]


def test_objects_of_restored_recordings_stay_and_those_of_others_go(shop):
    shop.module(
        SHOP.replace(
            '"version":',
            '"large": "x" * 70_000 + os.environ.get("VERSION", "1"), "version":',
        )
    )
    shop.test("shop.fetch('Oslo')")
    good = shop.record().expect(passed=1).vault
    shop.test("""
        shop.fetch('Oslo')
        assert 0
    """)

    run = shop.run("--mimic-rerecord", "--mimic-clear-unused", env=LATER).expect(
        failed=1
    )

    assert (
        sum(
            name.startswith("objects/") and b"xxxx" in data
            for name, data in good.items()
        )
        == 1
    )
    assert run.vault == good


FAILS = {
    "tear-down": "@pytest.fixture\ndef late():\n    yield\n    assert 0\n\ndef test_it(late):\n    {}\n",
    "interrupt": "def test_it():\n    {}\n    raise KeyboardInterrupt\n",
    "exit": "def test_it():\n    {}\n    pytest.exit('enough')\n",
    "set-up": "@pytest.fixture\ndef early():\n    {}\n    assert 0\n\ndef test_it(early): pass\n",
    "strict xfail": "@pytest.mark.xfail(strict=True)\ndef test_it():\n    {}\n",
}


@pytest.mark.parametrize("failing", FAILS.values(), ids=FAILS)
def test_a_test_may_fail_in_any_way(shop, failing):
    test = "import pytest, shop\nfrom contextlib import suppress\n\n"
    shop.tests(f"{test}def test_it(): shop.fetch('Oslo'), shop.fetch('Rome')\n")
    shop.record_once(passed=1)
    good = shop.files()

    shop.tests(test + failing.format("shop.fetch('Oslo')"))
    value = shop.run("--mimic-rerecord", env=LATER)
    shop.tests(test + failing.format("with suppress(OSError): shop.fetch('Rome')"))
    error = shop.run("--mimic-rerecord", env=DOWN)

    assert (value.real, error.real) == (["fetch Oslo"], ["fetch Rome"])
    assert value.vault == error.vault == good


def test_an_expected_failure_is_no_failing_test(shop):
    shop.tests(
        "import pytest, shop\n\n@pytest.mark.xfail\ndef test_it(): shop.fetch('Oslo')\n"
    )

    run = shop.record(env=DOWN).expect(xfailed=1, real=["fetch Oslo"])

    assert outcomes(run) == ["error"]
    shop.replay().expect(xfailed=1, real=[], never=["missing"])


MODULE_FIXTURE = """
    @pytest.fixture(scope="{scope}")
    def city():
        return shop.{call}("Oslo")

    def test_one(city): assert 1

    def test_two(city): assert 2
"""


@pytest.mark.parametrize(
    ("scope", "call", "outcome", "changes", "kept"),
    [
        ("module", "fetch", {"failed": 1, "passed": 1}, [("assert 1", "assert 0")], True),
        ("module", "poll", {"failed": 1, "passed": 1}, [("assert 1", "assert 0")], True),
        ("session", "poll", {"failed": 2}, [("assert 1", "assert 0"), ("assert 2", "assert 0")], True),
        ("module", "poll", {"errors": 2}, [("return shop.poll", "assert not shop.poll")], False),
    ],
    ids=["a test passed", "a log", "its set-up passed", "its set-up failed"],
)  # fmt: skip
def test_a_wider_fixture_keeps_what_it_recorded_unless_all_of_it_failed(
    shop, scope, call, outcome, changes, kept
):
    tests = MODULE_FIXTURE.format(scope=scope, call=call)
    shop.tests(tests)
    shop.record().expect(passed=2)
    for old, new in changes:
        tests = tests.replace(old, new)
    shop.tests(tests)

    run = shop.run("--mimic-rerecord", env=LATER).expect(**outcome)

    assert bool(run.changed) is kept
    assert outcomes(run) == ["2" if kept else "1"]
