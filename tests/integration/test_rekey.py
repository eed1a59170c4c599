"""Recordings of functions follow their line when they are read (section 5, Misses); `rekey` writes it down (8)."""

from __future__ import annotations

import pytest

from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault

pytest_plugins = ("support.rekeying",)


SHOP = """
    import datetime


    def fetch(base, run=None, **extra):
        ran("fetch", base, run)
        return {"base": base, "made": len(extra)}

    def send(payload, day=1):
        ran("send", payload["n"])
        return payload["n"]

"""
FETCH = """
    import shop

    def test_one():
        assert shop.fetch("EUR", run=1)["base"] == "EUR"
        assert shop.fetch("USD", run=2)["base"] == "USD"
"""


# A line before and after, a test before, and the same test with other ignored parts.
FOLLOWED = {
    "a whole argument": (
        "shop:fetch",
        "shop:fetch ignore=run",
        FETCH,
        ("run=1", "run=7"),
    ),
    "one of extra": (
        "shop:fetch",
        "shop:fetch ignore=trace",
        FETCH.replace("run=1", "trace='a', n=1"),
        ("trace='a'", "trace='b'"),
    ),
    "a path": (
        "shop:send",
        "shop:send ignore=payload.at",
        """
    import datetime, shop

    def test_one():
        assert shop.send({"n": 1, "at": datetime.datetime(2024, 1, 1)}) == 1
        assert shop.send({"n": 2, "at": datetime.datetime(2024, 1, 1)}) == 2
        """,
        ("2024, 1, 1", "2026, 3, 4"),
    ),
    "a path with a star": (
        "shop:send",
        "shop:send ignore=payload.rows.*.id",
        """
    import shop

    def test_one():
        assert shop.send({"n": 1, "rows": [{"id": 7, "x": 1}, {"id": 8}]}) == 1
        """,
        ("'id': 7", "'id': 9"),
    ),
    "names in a module that is called like a secret": (
        "shop:fetch",
        "shop:fetch ignore=run",
        """
    import secrets, shop

    def test_one():
        assert shop.fetch("EUR", run=1, pick=secrets.token_hex)["base"] == "EUR"
        assert shop.fetch(secrets.token_hex, run=1)["made"] == 0
        """,
        ("run=1", "run=7"),
    ),
    "sequence that goes": (
        "shop:fetch sequence",
        "shop:fetch",
        FETCH,
        ("", ""),
    ),
}


AGAIN = "pytest --mimic-rerecord test_shop.py::test_one"
ANEW = f"to record them again: {AGAIN}"


@pytest.mark.parametrize(
    ("before", "after", "test", "change"), FOLLOWED.values(), ids=FOLLOWED
)
def test_a_recording_follows_its_line(project, rekey, before, after, test, change):
    project.tests(test)
    project.ini(before)
    project.record().expect(passed=1)
    project.ini(after)
    project.tests(test.replace(*change))
    before = project.files()

    project.replay("--mimic-fail-on-unused").expect(passed=1, real=[])
    project.record().expect(passed=1, real=[])
    assert project.files() == before

    code, lines = rekey()

    assert code == 0, lines
    project.replay("--mimic-fail-on-unused").expect(passed=1, real=[])
    followed = project.files()
    code, lines = rekey()
    assert (code, lines[0].startswith("nothing to change")) == (0, True)
    assert project.files() == followed


def test_n_shows_what_would_change(project, rekey):
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")
    before = project.files()

    code, lines = rekey("-n")

    assert (code, "2 recordings would be adapted" in lines[0]) == (0, True)
    assert project.files() == before


def test_an_empty_place_among_shared_answers_follows_with_its_call(project, rekey):
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    vault = Vault(project.vault)
    for name in project.files("calls"):
        recording = vault.read(name)
        [call] = recording.entries
        blank = Entry(call.target, call.identity, line=call.line, end="empty")
        recording.entries.append(blank)
        vault.write(name, recording)
    vault.close()
    project.ini("shop:fetch ignore=run")

    assert rekey()[0] == 0
    project.replay().expect(passed=1, real=[])
    assert project.command("check").code == 0


COUNTING = """
    from tally import ran

    numbers = iter(range(100))

    def fetch(base, run=None):
        ran("fetch", base, run)
        return next(numbers)
"""


def test_calls_of_one_test_become_a_sequence_in_their_order(project, rekey):
    project.module(COUNTING)
    project.tests(
        """
        def test_one():
            assert [shop.fetch("EUR", run=n) for n in (1, 2, 1, 3)] == [0, 1, 2, 3]

        def test_two():
            assert shop.fetch("EUR", run=2) == 4
        """
    )
    project.ini("shop:fetch sequence")
    project.record("-p", "no:randomly").expect(passed=2)
    project.ini("shop:fetch sequence ignore=run")

    project.replay().expect(passed=2, real=[])
    assert rekey()[0] == 0
    project.replay().expect(passed=2, real=[])


@pytest.mark.parametrize("is_cassette", [False, True])
def test_no_outcome_moves_up_where_another_call_of_its_sequence_cannot_follow(
    project, rekey, is_cassette
):
    """The third outcome would else become that of the second call."""
    module = COUNTING.replace("run=None", "run=None, password=None")
    project.module(module)
    test = """
        import shop

        def test_one(mimic_auto):
            with mimic_auto("trip"):
                assert shop.fetch("EUR", run=1) == 0
                assert shop.fetch("EUR", run=2, password="hush hush hush") == 1
                assert shop.fetch("EUR", run=3) == 2
    """
    if not is_cassette:
        test = test.replace('with mimic_auto("trip"):', "if mimic_auto:")
    project.tests(test)
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch sequence ignore=run,password")

    code, lines = rekey()

    assert (code, AGAIN in "\n".join(lines)) == (1, True)
    project.replay().expect(
        failed=1, real=[], says=["no recording of shop:fetch"], never=["AssertionError"]
    )
    project.module(module)
    project.run("--mimic-rerecord").expect(passed=1)
    project.replay().expect(passed=1, real=[])


def test_equal_calls_with_different_outcomes_stay_in_their_log(project, rekey):
    project.module(COUNTING)
    project.tests(
        """
        def test_one():
            assert [shop.fetch("EUR", run=1) for _ in range(2)] == [0, 1]
        """
    )
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch")

    code, _ = rekey()

    assert (code, project.files("calls")) == (0, {})
    # The test's own log answers it as long as it has the call.
    project.replay().expect(passed=1, real=[])


def test_equal_outcomes_become_one_and_different_ones_are_listed(project, rekey):
    project.module(COUNTING.replace("next(numbers)", "base if base == 'EUR' else run"))
    project.tests(
        """
        def test_one():
            assert [shop.fetch("EUR", run=n) for n in (1, 2)] == ["EUR", "EUR"]

        def test_two():
            assert [shop.fetch("USD", run=n) for n in (1, 2)] == [1, 2]
        """
    )
    project.ini("shop:fetch")
    project.record().expect(passed=2)
    project.ini("shop:fetch ignore=run")

    code, lines = rekey()

    assert (code, lines[-1]) == (1, ANEW.replace("test_one", "test_two"))
    project.replay("-k", "test_one").expect(passed=1, deselected=1, real=[])
    project.replay("-k", "test_two").expect(failed=1, deselected=1, real=[])


def test_the_printed_command_settles_what_all_tests_share(project, rekey):
    project.tests(FETCH)
    project.ini("shop:fetch ignore=run")
    project.record().expect(passed=1)
    project.ini("shop:fetch")

    code, lines = rekey()

    assert (code, lines[-1]) == (1, ANEW)
    project.replay().expect(failed=1, real=[], says=["it cannot follow its line"])
    project.run(*ANEW.rpartition("pytest ")[2].split()).expect(passed=1)
    project.replay("--mimic-clear-unused").expect(passed=1, real=[])
    assert rekey()[0] == 0


def test_what_served_all_tests_does_not_get_a_place(project, rekey):
    """Nobody knows which tests have used it."""
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    before = project.files()
    project.ini("shop:fetch sequence")

    code, lines = rekey()

    assert (code, "test_shop.py::test_one" in "\n".join(lines)) == (1, True)
    assert [line.partition(": ")[2] for line in lines[-2:]] == [
        "pytest --mimic-record",
        "pytest --mimic-clear-unused",
    ]
    assert project.files() == before
    says = "recorded by test_shop.py::test_one for all tests: it has no place in a log"
    project.replay().expect(failed=1, real=[], says=[says])


@pytest.mark.parametrize("line", ["shop:*", "shop:fetch ignore=run,base"])
def test_options_of_python_are_not_those_of_a_line(project, rekey, line):
    project.tests(
        """
        @pytest.mark.mimic("shop:fetch", ignore="run")
        def test_one():
            assert shop.fetch("EUR", run=1)["base"] == "EUR"
        """
    )
    project.ini("shop:send")
    project.record().expect(passed=1)
    project.ini(line)

    code, lines = rekey()

    assert (code, "options were given in Python" in "\n".join(lines)) == (1, True)
    project.replay().expect(passed=1, real=[])


def test_a_recording_that_is_found_under_both_lines_joins_the_others(project):
    """A call without the ignored part has one identity under both lines."""
    project.module(COUNTING)
    project.tests(
        """
        def test_one():
            asked = [{"q": 1}, {"q": 1, "ts": 5}, {"q": 1, "ts": 6}, {"q": 1}]
            assert [shop.fetch(body) for body in asked] == [0, 1, 2, 3]
        """
    )
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch sequence ignore=base.ts")

    # The second call does not get the outcome of the fourth.
    project.replay().expect(passed=1, real=[])


def test_a_selector_takes_all_of_the_test_that_it_names(project, rekey):
    project.module(COUNTING)
    project.tests(
        """
        def test_one():
            assert [shop.fetch("EUR", run=n) for n in (1, 2, 1)] == [0, 1, 2]

        def test_two():
            shop.fetch("EUR", run=2)
        """
    )
    project.ini("shop:fetch sequence")
    project.record("-p", "no:randomly").expect(passed=2)
    project.ini("shop:fetch sequence ignore=run")
    before = {call.file for call in project.calls() if call.owner.endswith("test_two")}
    kept = {name: project.files()[name] for name in before}

    assert rekey("test_shop.py::test_one")[0] == 0
    assert {name: project.files()[name] for name in before} == kept
    project.replay("-k", "test_one").expect(passed=1, deselected=1, real=[])
    assert rekey("nothing.py")[0] == 1
    assert rekey()[0] == 0
    project.replay().expect(passed=2, real=[])


def test_a_recording_that_was_edited_is_not_moved(project, rekey):
    project.tests(FETCH)
    project.ini("shop:fetch")
    project.record().expect(passed=1)

    def edit(call):
        if call.arguments["run"] == 1:
            call.arguments["run"] = 3

    project.edit_calls(edit)
    project.ini("shop:fetch ignore=run")

    code, lines = rekey()

    assert (code, ANEW in "\n".join(lines)) == (1, True)
    [kept] = [call for call in project.calls() if call.arguments.get("run") == 3]
    assert kept.value == {"base": "EUR", "made": 0}


def test_a_call_with_a_hidden_argument_is_recorded_again(project, rekey):
    """Its recording has nothing of which its identity could be computed."""
    project.tests(FETCH.replace("run=1", "password='hush hush', run=1"))
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch ignore=run")

    _, lines = rekey()

    assert ANEW in "\n".join(lines)


def test_what_a_second_test_records_leaves_the_own_log_of_the_first(project):
    """A line that is shared now: the first test gets its own outcomes as long as it has them."""
    project.module(COUNTING)
    one = "import shop\n\ndef test_one():\n    assert [shop.fetch('EUR') for _ in '123'] == [0, 1, 2]\n"
    project.tests(one)
    project.ini("shop:fetch sequence")
    project.record().expect(passed=1)
    project.ini("shop:fetch")
    project.tests(f"{one}\n\ndef test_two():\n    assert shop.fetch('EUR') == 0\n")
    project.module(COUNTING)

    project.record("-p", "no:randomly").expect(passed=2, real=["fetch EUR None"])

    project.replay().expect(passed=2, real=[])
    project.replay(
        "-p", "no:randomly", "test_shop.py::test_two", "test_shop.py::test_one"
    ).expect(passed=2)
