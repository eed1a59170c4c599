"""Section 5, unused: which recordings a run proves unused, judges and clears."""

from __future__ import annotations

import os

import pytest

SHOP = """
    def fetch(city):
        ran("fetch", city)
        return {"city": city}

    def load(city):
        ran("load", city)
        return [city]
"""
TESTS = """
    import shop

    def test_oslo():
        assert shop.fetch("Oslo") == {"city": "Oslo"}

    def test_rome():
        assert shop.fetch("Rome") == {"city": "Rome"}
"""
ONLY_OSLO = """
    import shop

    def test_oslo():
        assert shop.fetch("Oslo") == {"city": "Oslo"}
"""
ROME = "  shop:fetch(city='Rome')    recorded by tests/test_shop.py::test_rome"
ROME_IS_UNUSED = [
    "1 call replayed, # s saved; 1 recording unused",
    "unused:",
    f"{ROME}, gone",
    "to drop the unused: pytest --mimic-clear-unused",
]
ROME_IS_CLEARED = [
    "1 call replayed, # s saved; 1 unused recording cleared (# B)",
    "cleared:",
    f"{ROME}, gone",
]
BOTH_USED = ["2 calls replayed, # s saved"]


def cities(run):
    """Return the cities of the recordings that a run leaves in the vault."""
    return {call.arguments["city"] for call in run.calls}


@pytest.fixture
def shop(project):
    """`shop.fetch` and `shop.load` are mimicked; tests/test_shop.py has recorded Oslo and Rome."""
    project.ini("shop:fetch", "shop:load", pythonpath=".", testpaths="tests")
    project.write("shop.py", SHOP)
    project.write("tests/test_shop.py", TESTS)
    project.record_once(passed=2, real=["fetch Oslo", "fetch Rome"])
    return project


# -- full runs


@pytest.mark.parametrize(
    ("tests", "section"),
    [
        (TESTS, BOTH_USED),
        (TESTS.replace("test_rome", "test_roma"), BOTH_USED),
        (ONLY_OSLO, ROME_IS_UNUSED),
        (
            TESTS.replace("test_rome", "test_roma").replace("Rome", "Oslo"),
            ["2 calls", f"{ROME}, gone"],
        ),
        (
            TESTS.replace("Rome", "Oslo"),
            ["2 calls replayed, # s saved; 1 recording unused", "unused:", ROME],
        ),
    ],
    ids=[
        "used",
        "used by another test",
        "deleted test",
        "renamed test",
        "test without it",
    ],
)
def test_a_recording_is_used_or_not(shop, tests, section):
    shop.write("tests/test_shop.py", tests)

    run = shop.replay()

    assert run.exit_code == 0
    assert [line for line in section if line not in "\n".join(run.section)] == []
    assert (section == BOTH_USED) is (run.section == BOTH_USED)
    assert run.changed == set()
    asked = shop.replay("--mimic-clear-unused", "--mimic-fail-on-unused")
    assert asked.exit_code == (section != BOTH_USED)


# -- clearing and failing


FAILED = "failed: 1 recording {} unused (--mimic-fail-on-unused)"
NOT_CLEARED = "1 call replayed, # s saved; 1 recording unused, not cleared: --mimic-no-record was given"


@pytest.mark.parametrize(
    ("options", "section"),
    [
        ("--mimic-clear-unused", ROME_IS_CLEARED),
        (
            "--mimic-clear-unused --mimic-fail-on-unused",
            [*ROME_IS_CLEARED, FAILED.format("is")],
        ),
        ("--mimic-clear-unused --mimic-no-record", [NOT_CLEARED, *ROME_IS_UNUSED[1:]]),
        (
            "--mimic-verify",
            ["1 call verified; 1 recording unused", *ROME_IS_UNUSED[1:]],
        ),
        ("-q", ROME_IS_UNUSED),
        ("-q tests/test_shop.py", []),
    ],
)
def test_options_judge_clear_and_fail(shop, options, section):
    shop.write("tests/test_shop.py", ONLY_OSLO)

    run = shop.run(*options.split()).expect(
        passed=1, exit_code=int("--mimic-fail" in options)
    )

    assert run.section[: len(section) or None] == section
    is_cleared = "clear" in options and "--mimic-no-record" not in options
    assert cities(run) == ({"Oslo"} if is_cleared else {"Oslo", "Rome"})
    assert bool(run.changed) is is_cleared


def test_clearing_while_recording_keeps_new_recordings(shop):
    shop.write("tests/test_shop.py", ONLY_OSLO + "        assert shop.fetch('Bonn')\n")
    shop.write(
        "shop.py", SHOP.replace('return {"city": city}', 'return {"city": str(city)}')
    )

    run = shop.record("--mimic-clear-unused").expect(
        passed=1, real=["fetch Oslo", "fetch Bonn"]
    )

    assert cities(run) == {"Oslo", "Bonn"}
    assert run.section[0].endswith("; 1 unused recording cleared (# B)")
    shop.replay("--mimic-fail-on-unused").expect(passed=1)


# -- partial runs


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["-k", "oslo", "-m", "not slow"],
            "-k was given, -m was given, 1 test deselected",
        ),
        (["tests/test_shop.py::test_oslo"], "only a part of the tests was named"),
        (["--lf"], "--lf was given"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_narrower_selection_judges_nothing(shop, arguments, reason):
    """The unit test of selections has more of them."""
    shop.write("tests/test_shop.py", ONLY_OSLO)
    shop.write("tests/test_other.py", "def test_other(): pass")
    asked = ("--mimic-clear-unused", "--mimic-fail-on-unused")

    run = shop.run(*arguments, *asked, plugins=["cacheprovider"])

    assert run.exit_code in (0, 5)
    assert f"warning: --mimic-fail-on-unused could not judge: {reason}" in "\n".join(
        run.section
    )
    assert run.changed == set()


@pytest.mark.must
@pytest.mark.parametrize("flag", ["--fixtures", "--collect-only"])
def test_a_run_without_tests_to_run_judges_nothing(shop, flag):
    asked = ("--mimic-clear-unused", "--mimic-fail-on-unused")

    run = shop.replay(flag, *asked, plugins=["cacheprovider"]).expect(exit_code=0)

    assert run.section == []
    assert run.changed == set()


def test_a_test_outside_of_testpaths_is_not_judged(shop):
    """A run of testpaths could not have used its recording."""
    other = shop.write(
        "other/test_other.py", "import shop\n\ndef test_bonn(): shop.fetch('Bonn')\n"
    )
    shop.record("other").expect(passed=1)

    there = shop.replay("--mimic-clear-unused", "--mimic-fail-on-unused").expect(
        passed=2
    )
    whole = shop.replay(".", "--mimic-clear-unused").expect(passed=3)
    other.unlink()
    gone = shop.replay("--mimic-clear-unused").expect(passed=2)

    assert there.section == [
        "2 calls replayed, # s saved",
        "warning: --mimic-fail-on-unused could not judge 1 recording: their tests may still exist",
    ]
    assert whole.section == ["3 calls replayed, # s saved"]
    assert cities(whole) == {"Oslo", "Rome", "Bonn"}
    assert cities(gone) == {"Oslo", "Rome"}


@pytest.mark.parametrize(
    ("bases", "left"), [("", {"Oslo"}), ("(Both)", {"Oslo", "Bonn"})]
)
def test_a_class_with_bases_may_inherit_a_test_that_its_file_does_not_name(
    shop, monkeypatch, bases, left
):
    """Another environment has it."""
    shop["both.py"] = """
        class Both:
            if "EVERYTHING" in os.environ:
                def test_bonn(self): shop.fetch("Bonn")
    """
    own = "import shop\nfrom both import Both\n\nclass TestShop{}:\n    def test_oslo(self): shop.fetch('Oslo')\n"
    shop.write("tests/test_shop.py", own.format("(Both)"))
    monkeypatch.setenv("EVERYTHING", "1")
    shop.record("--mimic-clear-unused").expect(passed=2)
    shop.write("tests/test_shop.py", own.format(bases))
    monkeypatch.delenv("EVERYTHING")

    run = shop.replay("--mimic-clear-unused").expect(passed=1)

    assert cities(run) == left


@pytest.mark.parametrize(
    ("how", "exit_code"),
    [
        ("raise KeyboardInterrupt", 2),
        ("pytest.exit('enough', returncode=0)", 0),
        ("assert False  # with -x", 1),
    ],
)
def test_a_run_that_a_test_ends_judges_nothing(shop, how, exit_code):
    shop.write(
        "tests/test_shop.py",
        f"import pytest\n\ndef test_end(request): {how}\n\ndef test_rest(): pass\n",
    )

    run = shop.replay(
        "--mimic-clear-unused",
        "--mimic-fail-on-unused",
        *how.partition("# with ")[2].split(),
    )

    assert run.exit_code == exit_code
    assert (
        "warning: --mimic-fail-on-unused could not judge: the run was stopped early"
        in run.section
    )
    assert run.changed == set()


#: Fixtures and a test below a mark, so that it does not pass.
BROKEN = """
    import pytest

    @pytest.fixture
    def broken():
        yield
        raise OSError

    {}
    def test_oslo():
        assert {}
"""
OSLO_AND_ROME = " 2 recordings: tests/test_shop.py::test_oslo "
# The files of a run, and what it says of its judgement.
NOT_PROVEN = {
    "collection error": (
        {"tests/test_broken.py": "import there_is_no_such_module"},
        ": a collection error",
    ),
    "left out": (
        {
            "conftest.py": "def pytest_collection_modifyitems(items): del items[1:]",
        },
        ": 1 test deselected",
    ),
    "skipped module": (
        {
            "tests/test_shop.py": "import pytest\npytest.skip('so', allow_module_level=True)\n",
            "tests/test_other.py": "def test_other(): pass",
        },
        " 2 recordings: tests/test_shop.py was skipped",
    ),
    "miss": (
        {"tests/test_shop.py": TESTS.replace("Rome", "Roma")},
        " 1 recording: tests/test_shop.py::test_rome failed",
    ),
    **{
        mark: (
            {"tests/test_shop.py": BROKEN.format(f"@pytest.mark.{mark}", passes)},
            OSLO_AND_ROME,
        )
        for mark, passes in {
            "skip": True,
            "xfail": False,
            "usefixtures('broken')": True,
        }.items()
    },
}


@pytest.mark.parametrize(("files", "reason"), NOT_PROVEN.values(), ids=NOT_PROVEN)
def test_a_test_that_may_need_a_recording_protects_it(shop, files, reason):
    for name, text in files.items():
        shop.write(name, text)

    run = shop.replay("--mimic-clear-unused", "--continue-on-collection-errors")

    warning = f"warning: --mimic-clear-unused could not judge{reason}"
    assert run.section[-1].startswith(warning)
    assert run.changed == set()


# -- tests that did not pass


@pytest.mark.parametrize("body", ["assert False", "pytest.skip()"])
def test_beside_other_outcomes_only_recordings_of_a_single_test_are_judged(
    project, body
):
    """Those that tests share may be needed by the test that did not pass."""
    project.ini("shop:fetch sequence", "shop:load")
    tests = (
        "import pytest, shop\n\ndef test_oslo():\n    {}\n\ndef test_rome():\n    {}\n"
    )
    project.write(
        "test_shop.py",
        tests.format("shop.fetch('Oslo'), shop.load('Oslo')", "shop.fetch('Rome')"),
    )
    project.record().expect(passed=2)
    project.write("test_shop.py", tests.format("pass", body))

    run = project.replay("--mimic-clear-unused")

    assert run.section[0] == "1 unused recording cleared (# B)"
    assert (
        "  shop:fetch(city='Oslo')    recorded by test_shop.py::test_oslo"
        in run.section
    )
    assert run.section[-1].startswith(
        "warning: --mimic-clear-unused could not judge 2 recordings: test_shop.py::test_rome "
    )


@pytest.mark.parametrize(
    ("passes_at", "judged"), [(2, True), (9, False)], ids=["in the end", "never"]
)
def test_only_the_last_rerun_of_a_test_counts(shop, passes_at, judged):
    shop["tests/test_shop.py"] = f"""
        attempts = []

        def test_rome():
            attempts.append(1)
            assert len(attempts) == {passes_at}
    """

    run = shop.replay("--reruns=2", "--mimic-clear-unused", plugins=["rerunfailures"])

    assert run.section[0] == (
        "2 unused recordings cleared (# B)"
        if judged
        else "warning: --mimic-clear-unused could not judge 2 recordings: tests/test_shop.py::test_rome failed"
    )
    assert (run.vault == {}) is judged


# -- wider fixtures, sequences, children


def test_recordings_of_wider_fixtures_and_sequences_are_used(project):
    project.ini("shop:fetch sequence", "shop:load", pythonpath=".")
    project.tests("""
        AT_IMPORT = shop.load("Oslo")

        @pytest.fixture(scope="session")
        def session():
            yield [shop.fetch("Oslo"), shop.fetch("Oslo")]
            shop.load("Bonn")
            shop.fetch("Rome")

        @pytest.fixture(scope="module")
        def module(session):
            yield shop.fetch("Oslo")
            shop.load("Rome")

        def test_one(module): shop.fetch("Oslo")

        def test_two(module): shop.fetch("Oslo"), shop.fetch("Oslo")
    """)
    recorded = project.record().expect(passed=2)

    run = project.replay("--mimic-clear-unused", "--mimic-fail-on-unused").expect(
        passed=2
    )

    assert run.changed == set()
    assert len(recorded.calls) == 10
    project.write("test_shop.py", "def test_nothing(): pass")
    assert project.replay("--mimic-clear-unused").vault == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_recording_that_only_a_forked_process_replays_is_not_judged(shop):
    shop["tests/test_shop.py"] = """
        import multiprocessing, os, shop

        def test_fork():
            child = os.fork()
            if not child:
                os._exit(0 if shop.fetch("Oslo") == {"city": "Oslo"} else 9)
            assert os.waitpid(child, 0)[1] == 0

        def test_process():
            process = multiprocessing.get_context("fork").Process(target=shop.fetch, args=("Rome",))
            process.start()
            process.join()
            assert process.exitcode == 0
    """

    run = shop.replay(
        "--mimic-clear-unused", "--mimic-fail-on-unused", process=True
    ).expect(passed=2, real=[])

    assert run.changed == set()


def test_a_recording_that_cannot_be_read_is_not_judged(shop):
    """Nor are files of unknown origin."""
    shop.write("tests/test_shop.py", ONLY_OSLO)
    rome = next(
        path
        for path in shop.vault.glob("calls/**/*.json")
        if "Rome" in path.read_text()
    )
    rome.write_text("{")
    shop.write(".mimic_vault/cassettes/own.json", '{"user": "Ann"}')
    shop.write(".mimic_vault/objects/own.json", '{"user": "Ann"}')

    run = shop.replay("--mimic-clear-unused").expect(passed=1)

    assert run.section == [
        "1 call replayed, # s saved",
        "warning: --mimic-clear-unused could not judge 2 recordings: their tests may still exist",
    ]
    assert run.changed == set()


# -- tests for which a plugin answers


ANSWERS = """
    import asyncio
    import inspect


    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        {}
        return True
"""


@pytest.mark.parametrize(
    "answer",
    ["pass", "inspect.getsource(pyfuncitem.obj)", "asyncio.run(pyfuncitem.obj())"],
    ids=["no call", "a look", "a call"],
)
def test_a_test_that_a_plugin_may_answer_for_is_not_judged(shop, answer):
    """A plugin that answers without a call, to skip the test, lets it pass."""
    shop.write("conftest.py", ANSWERS.format(answer))
    kind = "async def" if "asyncio" in answer else "def"
    shop.write(
        "tests/test_shop.py", f"{kind} test_oslo(): ...\n{kind} test_rome(): ..."
    )

    run = shop.replay("--mimic-clear-unused")

    run.expect(passed=2)
    assert len(run.calls) == 2
    assert run.section[0] == (
        "warning: --mimic-clear-unused could not judge 2 recordings: "
        "tests/test_shop.py::test_oslo may have passed without a call"
    )


def test_a_plugin_that_answers_for_tests_sees_their_own_functions(shop):
    shop.write("conftest.py", ANSWERS.format("pyfuncitem.obj(**pyfuncitem.funcargs)"))
    shop["tests/test_shop.py"] = """
        class TestShop:
            def test_it(self, request):
                assert request.instance is self
                assert request.function.__name__ == "test_it"
                assert request.function.__self__ is self
    """

    shop.replay().expect(passed=1)


def test_a_run_that_could_not_read_a_recording_judges_nothing(shop):
    """Even if a test handles the error: the recording may be needed."""
    oslo = next(
        path
        for path in shop.vault.glob("calls/**/*.json")
        if "Oslo" in path.read_text()
    )
    oslo.write_text("[]")
    shop["tests/test_shop.py"] = """
        def test_oslo():
            pytest.raises(Exception, shop.fetch, "Oslo")
    """

    run = shop.run("--mimic-clear-unused").expect(passed=1)

    assert "could not judge: a recording was not read" in run.output
    assert len(list(shop.vault.glob("calls/**/*.json"))) == 2


def test_a_cancelled_call_that_does_not_begin_is_not_proven_unused(project):
    """It has lost a race, and may begin in the next run; not if its test is gone."""
    project.ini("shop:ask sequence")
    project.module("""
        async def ask(name):
            await asyncio.Event().wait()
    """)
    project.tests("""
        async def race():
            loser = asyncio.create_task(shop.ask("a"))
            if "IS_FASTER" not in os.environ:
                await asyncio.sleep(0)
            loser.cancel()

        def test_race():
            asyncio.run(race())

        def test_other():
            pass
    """)
    project.record().expect(passed=2, says=["1 call recorded"])
    asked = ("--mimic-clear-unused", "--mimic-fail-on-unused")

    run = project.replay(*asked, env={"IS_FASTER": "1"})

    run.expect(
        passed=2,
        says=[
            "--mimic-fail-on-unused could not judge 1 recording: its call was"
            " cancelled, and may begin in another run"
        ],
    )
    project.replay(*asked).expect(passed=2, says=["1 call replayed"])
    project.tests("def test_other():\n    pass\n")
    project.replay("--mimic-clear-unused").expect(
        passed=1, says=["1 unused recording cleared"]
    )


ONE_LOG = "import pytest, shop\n\ndef test_it():\n    {}\n    shop.number()\n"


def test_a_log_that_was_moved_by_hand_is_that_of_the_test_at_its_place(project):
    """Its head names the former test: nobody may delete what this test could have replayed."""
    project.module("def number(): return 1")
    project.ini("shop:number sequence")
    project.write("test_old.py", ONE_LOG.format("pass"))
    project.record().expect(passed=1)
    (project.root / "test_old.py").unlink()
    logs = project.vault / "logs"
    (logs / "test_old.py").rename(logs / "test_new.py")
    project.write("test_new.py", ONE_LOG.format("pass"))
    project.run("--mimic-fail-on-unused").expect(passed=1)
    project.write("test_new.py", ONE_LOG.format("pytest.skip()"))

    project.run("--mimic-clear-unused").expect(skipped=1)

    project.write("test_new.py", ONE_LOG.format("pass"))
    project.replay().expect(passed=1)
    assert "test_new.py::test_it" in project.command("ls").out
    assert project.command("rm", "-n", "test_new.py").code == 0


# What stands in the file of a test in place of `def test_it`, and whether it is gone.
IN_ITS_PLACE = {
    "moved into a class": ("class TestIt:\n    def test_it(self): pass", True),
    "named in a comment": ("# test_it was here\ndef test_other(): pass", True),
    "behind a condition": ("if shop is None:\n    def test_it(): pass", False),
    "made by a call": ("def test_other(): pass\nif shop is None: test_it = test_other", False),
    "imported": ("def test_other(): pass\nif shop is None: from shop import *", False),
}  # fmt: skip


@pytest.mark.parametrize(("text", "is_gone"), IN_ITS_PLACE.values(), ids=IN_ITS_PLACE)
def test_a_test_is_gone_whose_file_defines_it_no_more(project, text, is_gone):
    project.module("def number(): return 1")
    project.ini("shop:number sequence")
    project.write("test_old.py", ONE_LOG.format("pass"))
    project.record().expect(passed=1)
    project.write("test_old.py", f"import shop\n\n{text}\n")

    run = project.run("--mimic-clear-unused")

    assert (len(project.files("logs")) == 0) is is_gone, run.output


def test_a_call_of_a_thread_that_still_runs_is_not_judged(project):
    """It may come in another run. What the test's own thread has asked is judged."""
    project.module("""
        import queue, threading

        jobs = queue.Queue()
        is_done = threading.Event()

        def number(n): return n

        def work():
            while True:
                number(jobs.get())
                is_done.set()

        def start():
            threading.Thread(target=work, daemon=True, name="worker").start()
    """)
    project.ini("shop:number")
    test = """
        def test_it():
            shop.start()
            if os.environ["WAITS"]:
                shop.jobs.put(1)
                assert shop.is_done.wait(30)
                shop.number(2)
    """
    project.tests(test)
    project.record(env={"WAITS": "1"}, process=True).expect(passed=1)

    env = {"WAITS": ""}
    run = project.run("--mimic-clear-unused", env=env, process=True).expect(passed=1)

    assert [call.call["arguments"]["n"] for call in run.calls] == [1]
    assert "worker still runs, and may make its call" in run.output
    project.tests("def test_it(): pass\n")
    project.run("--mimic-clear-unused", process=True).expect(passed=1)
    assert project.files("calls") == {}
