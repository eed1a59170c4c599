"""Section 5, *Whole*: a log is replayed whole or made whole, and which is decided when its owner begins."""

from __future__ import annotations

import pytest
import toy_client
from support.adapters import install_adapter
from toy_adapter import ToyAdapter

SHOP = """
    from concurrent.futures import ThreadPoolExecutor
    import toy_client

    client = toy_client.Client("weather.test", api_key="k-5531-abc")

    def number(place):
        '''Return the number that the service gave to the request: it counts.'''
        return client.ask(place, "today").request_number

    def ask(*places):
        '''Ask for some places, and check that the answers follow from one another.'''
        numbers = [number(place) for place in places]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
        return numbers

    def ask_in_a_thread(*places):
        with ThreadPoolExecutor(1) as pool:
            return [pool.submit(number, place).result() for place in places]

    def ask_in_a_task(*places):
        async def one(place):
            return number(place)
        async def main():
            return [await asyncio.create_task(one(place)) for place in places]
        return asyncio.run(main())


"""
TEST = "from shop import ask\n\ndef test_it():\n    ask(*'{}')\n"
REFUSED = "no recording of toy_client ASK {}"
REMEDY = "to record it: pytest --mimic-rerecord {}"


class CountingAdapter(ToyAdapter):
    """For which the number of a request is a part of the answer, as in a service with a state."""

    def comparable(self, answer, other):
        return answer


@pytest.fixture
def talk(project, monkeypatch):
    """A project whose tests ask a service, and a function that runs them and checks for which places it was asked."""
    service = toy_client.Service()
    service.degrees |= dict.fromkeys("abcdefghwxyz", 1.0)
    install_adapter(project, "toy_client", f"{__name__}:CountingAdapter")
    monkeypatch.setattr(toy_client, "SERVICE", service)
    project.ini("toy_client")

    def run(*options, asked="", plugins=(), **expected):
        service.requests.clear()
        done = project.run(*options, plugins=plugins).expect(**expected)
        assert [request.split()[0] for request in service.requests] == list(asked)
        return done

    project.talk = run
    return project


def test_a_changed_call_after_replayed_ones_is_refused(talk):
    """In threads and in tasks, too. The command in the error records the conversation, of which nothing old stays."""
    ways = ("ask", "ask_in_a_task", "ask_in_a_thread")
    names = [f"test_{way}.py::test_it" for way in ways]

    def put(places):
        for way in ways:
            test = TEST.replace("import ask", f"import {way} as ask")
            talk.write(f"test_{way}.py", test.format(places))

    put("abc")
    before = talk.talk("--mimic-record", asked="abc" * 3, passed=3)
    put("axc")

    says = [REFUSED.format("x"), *(REMEDY.format(name) for name in names)]
    talk.monkeypatch.setenv("COLUMNS", "200")
    again = talk.talk("--mimic-record", failed=3, says=says)

    assert again.vault == before.vault
    command = f"pytest --mimic-rerecord {' '.join(names)}"
    assert again.section[-1] == f"to record the missing: {command}"
    renewed = talk.talk("--mimic-rerecord", *names, asked="axc" * 3, passed=3)
    assert len(renewed.calls) == 9
    talk.talk("--mimic-fail-on-unused", passed=3)


def test_a_failing_test_that_asks_for_other_things_keeps_its_log_and_says_so(talk):
    talk.tests(TEST.format("a"))
    before = talk.talk("--mimic-record", asked="a", passed=1)
    talk.tests(TEST.format("x") + "    assert False")

    again = talk.talk("--mimic-record", failed=1, says=[REFUSED.format("x")])

    assert again.vault == before.vault
    again = talk.talk("--mimic-rerecord", asked="x", failed=1)
    assert again.vault == before.vault


# What a test asks for, what later, and whether it passes while recording.
LENGTHS = {
    "grows": ("ab", "abc", "failed"),
    "repeats": ("ab", "abb", "passed"),
    "in_the_middle": ("ab", "acb", "failed"),
    "shrinks": ("abc", "ab", "passed"),
    "begins_with_a_new_call": ("ab", "cab", "failed"),
}


def test_a_log_stands_whatever_its_test_asks_for_now(talk):
    """More equal calls get the last answer, as in a replay, which names them."""
    names = sorted(LENGTHS)
    for name in names:
        talk.write(f"test_{name}.py", TEST.format(LENGTHS[name][0]))
    asked = "".join(LENGTHS[name][0] for name in names)
    before = talk.talk("--mimic-record", "-p", "no:randomly", asked=asked, passed=5)
    for name in names:
        test = TEST.replace("import ask", "import number").replace(
            "ask(*'{}')", "[number(place) for place in '{}']"
        )
        talk.write(f"test_{name}.py", test.format(LENGTHS[name][1]))

    again = talk.talk("--mimic-record", passed=2, failed=3)

    assert again.vault == before.vault
    for name, (*_, outcome) in LENGTHS.items():
        assert (f"FAILED test_{name}.py" in again.output) is (outcome == "failed")


def test_a_replay_names_calls_that_are_made_more_often_than_recorded(talk):
    """The last outcome repeats, where the service might give another one."""
    test = """
        from shop import number

        def test_it():
            assert len([number(place) for place in "{0}"]) == len("{0}")
    """
    talk.tests(test.format("aab"))
    talk.talk("--mimic-record", asked="aab", passed=1)
    heading = "made more often than recorded, so the last outcome repeats:"
    talk.talk(passed=1, never=[heading])
    talk.tests(test.format("aaaab"))

    replayed = talk.talk(passed=1, says=[heading])

    where = replayed.section.index(heading)
    assert replayed.section[where + 1].split("    ") == [
        "  toy_client ASK a",
        "test_shop.py::test_it",
    ]
    command = "pytest --mimic-rerecord test_shop.py::test_it"
    assert replayed.section[where + 2] == f"to record each of these calls: {command}"
    talk.talk("--mimic-rerecord", asked="aaaab", passed=1)
    talk.talk(passed=1, never=[heading])


def test_a_miss_after_replayed_calls_of_another_client_records_both_again(talk):
    """A statement may hold what the service answers, so that the rest of a conversation alone would not do."""
    pytest.importorskip("sqlalchemy")
    test = """
        import sqlalchemy as sa
        from shop import number

        engine = sa.create_engine("sqlite://")

        def test_it():
            with engine.begin() as connection:
                connection.execute(sa.text("CREATE TABLE t (n int)"))
                asked = number("{}")
                connection.execute(sa.text("INSERT INTO t VALUES (:n)"), {{"n": asked}})
    """
    talk.ini("toy_client", "sqlalchemy")
    talk.tests(test.format("a"))
    talk.talk("--mimic-record", asked="a", passed=1)
    talk.tests(test.format("b"))

    command = "pytest --mimic-rerecord test_shop.py::test_it"
    talk.talk(failed=1, says=[f"to record it: {command}"])

    talk.talk("--mimic-rerecord", "test_shop.py::test_it", asked="b", passed=1)
    talk.talk("--mimic-fail-on-unused", passed=1)


def test_other_tests_keep_their_conversations(talk):
    tests = TEST + "\ndef test_other():\n    ask(*'ab')\n"
    talk.tests(tests.format("ab"))
    talk.talk("--mimic-record", asked="abab", passed=2)
    talk.tests(tests.format("ax"))

    again = talk.talk("--mimic-record", passed=1, failed=1, says=[REFUSED.format("x")])

    assert again.section[0] == "3 calls replayed, 1 missing, # s saved"


def test_a_call_at_import_is_refused(talk):
    """It has a place, and no test or fixture runs to which the place could belong."""
    talk.write("rates.py", "from shop import ask\nask(*'ab')\n")
    talk.tests("import rates\n\ndef test_it(): pass\n")

    says = ["toy_client ASK a", 'toy_client only="ASK a" shared']
    talk.talk("--mimic-record", errors=1, exit_code=2, says=says)


def test_a_service_without_state_has_one_answer_for_each_call(talk):
    """With `sequence=no`: for all tests, in any order; a new call is recorded alone."""
    talk.ini(
        "toy_client only='ASK w' sequence=no",
        "toy_client only='ASK x' sequence=no",
        "toy_client",
    )
    tests = "from shop import number\n\ndef test_one():\n    [number(place) for place in '{}']\n\ndef test_two():\n    number('w')\n"
    talk.tests(tests.format("abww"))
    talk.talk("--mimic-record", "-p", "no:randomly", asked="abw", passed=2)
    talk.tests(tests.format("axwb"))

    again = talk.talk("--mimic-record", asked="x", passed=2)

    assert len(again.changed) == 1
    talk.talk(
        "-p",
        "no:randomly",
        "test_shop.py::test_two",
        "test_shop.py::test_one",
        passed=2,
    )


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        (["only='ASK b' ignore=day", ""], "passed"),
        (["", "only='ASK b' ignore=day"], "failed"),
        (["exclude='ASK b'", "exclude='ASK a' ignore=day"], "passed"),
    ],
    ids=[
        "its options count",
        "and not those of a later line",
        "its line excludes nothing",
    ],
)
def test_the_first_line_that_takes_a_call_is_its_line(talk, lines, outcome):
    """The day of the second run is another one, so `ignore=day` makes a difference."""
    talk.ini(*(f"toy_client {line}".strip() for line in lines))
    test = "from shop import client\n\ndef test_it():\n    client.ask('a', '1'), client.ask('b', '{}')\n"
    talk.tests(test.format(1))
    talk.talk("--mimic-record", asked="ab", passed=1)
    talk.tests(test.format(2))

    talk.talk("--mimic-record", **{outcome: 1})


# -- wider fixtures


WIDER = """
    from shop import ask

    @pytest.fixture(scope="{scope}", autouse=True)
    def first():
        ask(*"{first}")
        yield
        ask(*"{last}")

    class TestIt:
        def test_before(self):
            ask("c")

        def test_it(self):
            ask(*"{calls}")

        def test_after(self):
            ask("c")
"""


def test_a_new_test_below_a_recorded_fixture_is_recorded(talk):
    """What the fixture and the other tests have stays byte for byte."""
    facts = {"scope": "module", "first": "ab", "last": "e"}
    talk.tests(WIDER.format(**facts, calls="cd"))
    before = talk.talk("--mimic-record", "-p", "no:randomly", asked="abccdce", passed=3)
    more = (
        WIDER.format(**facts, calls="cd") + "\n        def test_new(self): ask('x')\n"
    )
    talk.tests(more)

    again = talk.talk("--mimic-record", asked="x", passed=4)

    assert [again.vault[name] for name in before.vault] == [*before.vault.values()]
    talk.talk(passed=4)


@pytest.mark.parametrize(
    ("changed", "refused", "outcomes"),
    [
        ({"first": "ax"}, "test_shop.py", {"errors": 3}),
        ({"last": "ex"}, "test_shop.py", {"passed": 3, "errors": 1}),
    ],
    ids=["set-up", "tear-down"],
)
def test_a_changed_wider_fixture_is_refused(talk, changed, refused, outcomes):
    """Its tests have to be recorded again, as their answers follow from its calls."""
    facts = {"scope": "module", "first": "ab", "last": "e", "calls": "cd"}
    talk.tests(WIDER.format(**facts))
    talk.talk("--mimic-record", "-p", "no:randomly", asked="abccdce", passed=3)
    talk.tests(WIDER.format(**facts | changed))

    remedy = REMEDY.format(refused)
    says = [REFUSED.format("x"), remedy]
    never = [
        REMEDY.format("test_shop.py::TestIt::test_after")
    ]  # it does not use the fixture alone
    talk.talk("--mimic-record", "-p", "no:randomly", says=says, never=never, **outcomes)


HEADING = "earlier answers of a fixture"


def named(run):
    """Return the tests that a run names, because a fixture of theirs was recorded anew."""
    assert HEADING in run.output
    [command] = [line for line in run.section if "--mimic-rerecord" in line]
    words = [word.strip("'") for word in command.split()]
    return [word for word in words if word.startswith("test_shop.py")]


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_tests_with_answers_from_before_a_changed_fixture_are_named(talk, scope):
    """With what records them again: those that ran, and others that may use it.

    Such a run does not end with 0: the next one would fail.
    """
    facts = {"scope": scope, "last": "e", "calls": "cd"}
    talk.tests(WIDER.format(first="ab", **facts))
    talk.talk("--mimic-record", "-p", "no:randomly", asked="abccdce", passed=3)
    talk.tests(WIDER.format(first="xb", **facts))
    test = "test_shop.py::TestIt::test_{}"
    talk.monkeypatch.setenv("COLUMNS", "200")

    one = talk.talk(
        "--mimic-rerecord", test.format("it"), asked="xbcde", passed=1, exit_code=1
    )

    # With the one that has run: a second recording would give the fixture other answers.
    assert sorted(named(one)) == [test.format(n) for n in ("after", "before", "it")]
    [remedy] = [
        line for line in one.section if line.startswith("to record them again: ")
    ]
    again = remedy.partition("pytest ")[2].split()
    talk.talk(*again, "-p", "no:randomly", asked="xbcccde", passed=3, never=[HEADING])
    talk.talk(passed=3, never=[HEADING])


def test_no_test_is_named_for_a_fixture_that_it_does_not_use(talk):
    """Nor for a new fixture, of which no conversation was recorded."""
    tests = """
        import pytest
        from shop import number

        @pytest.fixture(scope="session")
        def new():
            return [number(place) for place in "{new}"]

        @pytest.fixture(scope="module")
        def first():
            number("{first}")

        def test_alone(tmp_path):
            number("c")

        def test_with(new, first):
            number("d")
    """
    talk.tests(tests.format(new="", first="a"))
    talk.talk("--mimic-record", "-p", "no:randomly", asked="cad", passed=2)
    talk.tests(tests.format(new="b", first="a"))
    talk.talk("--mimic-record", asked="b", passed=2, never=[HEADING])
    talk.tests(tests.format(new="b", first="x"))

    talk.talk("--mimic-rerecord", "test_shop.py::test_with", asked="bxd", passed=1)


def test_a_run_of_one_test_keeps_the_outcomes_of_other_fixtures(talk):
    """Two fixtures of a module make the same call; only one of them is recorded again."""
    talk.tests("""
        from shop import number

        @pytest.fixture(scope="module")
        def one():
            return number("a")

        @pytest.fixture(scope="module")
        def two():
            return number("a")

        def test_one(one):
            assert one

        def test_two(one, two):
            assert one != two
    """)
    talk.talk("--mimic-record", "-p", "no:randomly", asked="aa", passed=2)

    talk.talk("--mimic-rerecord", "test_shop.py::test_one", asked="a", passed=1)

    talk.talk(passed=2)


# -- cassettes


CASSETTE = """
    from shop import number

    def test_one(mimic_auto):
        with mimic_auto("trip", targets=["toy_client"]):
            [number(place) for place in "{}"]
"""


def test_a_cassette_is_replayed_or_made_whole(talk):
    """In its order, without the calls that are no longer made."""
    talk.ini()
    talk.tests(CASSETTE.format("abc"))
    talk.talk(asked="abc", passed=1)
    talk.tests(CASSETTE.format("xac"))

    says = [REFUSED.format("x"), REMEDY.format("test_shop.py::test_one")]
    talk.talk("--mimic-record", failed=1, says=says)

    talk.talk("--mimic-rerecord", asked="xac", passed=1)
    talk.talk("--mimic-fail-on-unused", passed=1)
