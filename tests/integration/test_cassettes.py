"""Cassettes: a named, ordered list of recordings, recorded and replayed by the fixtures."""

from __future__ import annotations

import json

import pytest

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {"city": city}
"""


@pytest.fixture
def shop(project):
    """`shop.fetch` exists; no target is configured."""
    project.ini()
    project.write("shop.py", SHOP)
    return project


@pytest.mark.promise("mimic_auto records a missing cassette and replays an existing one")
def test_auto_records_a_missing_cassette_and_replays_an_existing_one(shop):
    """No option is needed, neither the first time nor after."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                assert [shop.fetch(city)["city"] for city in ("Oslo", "Rome", "Oslo")] == ["Oslo", "Rome", "Oslo"]
            assert [call.arguments["city"] for call in cassette.calls] == ["Oslo", "Rome", "Oslo"]
            assert cassette.all_played
        """,
    )

    first = shop.run().expect(passed=1, real=["fetch Oslo", "fetch Rome", "fetch Oslo"])
    shop.replay(process=True).expect(passed=1, real=[])

    assert list(first.vault) == ["cassettes/trip.json"]


def test_the_calls_of_a_cassette_are_those_recorded_so_far_or_those_that_it_can_replay(shop):
    """What it holds, whatever has been played of it."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                shop.fetch("Oslo")
                print("there:", *(call.arguments["city"] for call in cassette.calls))
                shop.fetch("Rome")
            assert [call.arguments["city"] for call in cassette.calls] == ["Oslo", "Rome"]
        """,
    )

    assert "there: Oslo\n" in shop.run("-s").expect(passed=1).output
    assert "there: Oslo Rome\n" in shop.run("-s").expect(passed=1).output


@pytest.mark.promise("in CI, mimic_auto does not record a missing cassette")
def test_auto_never_records_where_the_environment_says_ci(shop):
    """A missing cassette is a miss; --mimic-record says otherwise explicitly."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto(targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )

    shop.run(env={"CI": "true"}).expect(failed=1, real=[], says=["no recording of shop:fetch(city='Oslo')"])
    shop.run("--mimic-no-record").expect(failed=1, real=[], says=["MissingRecordingError"])
    shop.record(env={"CI": "true"}).expect(passed=1, real=["fetch Oslo"])


@pytest.mark.parametrize("no", ["", "0", "false", "False", "no"])
def test_an_environment_may_say_that_it_is_no_ci(shop, no):
    """As most tools take it."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )

    shop.run(env={"CI": no}).expect(passed=1, real=["fetch Oslo"])


@pytest.mark.promise("mimic_record runs for real and writes a cassette, unless --mimic-no-record")
def test_record_runs_for_real_each_time_and_no_record_forbids_it(shop):
    """`mimic_record` writes the cassette anew; --mimic-no-record makes it an error."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_record):
            with mimic_record("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )

    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.run("--mimic-no-record").expect(
        failed=1,
        real=[],
        says=["CassetteError: mimic_record may not record cassette trip: --mimic-no-record was given"],
    )


@pytest.mark.promise("mimic_replay replays a cassette and records in no mode")
def test_replay_records_in_no_mode(shop):
    """A call that the cassette does not hold is a miss, with --mimic-record too."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_replay):
            with mimic_replay("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )

    shop.record().expect(failed=1, real=[], says=["MissingRecordingError"])

    assert shop.files() == {}


def test_a_miss_names_the_cassette_and_what_records_it(shop):
    """mimic_replay never records: --mimic-record is no remedy there, neither in the error nor in the summary."""
    test = """
        import shop

        def test_it({fixture}):
            with {fixture}("{name}", targets=["shop:fetch"]):
                shop.fetch("{city}")
        """
    shop.write("test_shop.py", test.format(fixture="mimic_auto", name="trip", city="Oslo"))
    shop.run().expect(passed=1)

    shop.write("test_shop.py", test.format(fixture="mimic_auto", name="trip", city="Rome"))
    auto = shop.replay().expect(failed=1)
    shop.write("test_shop.py", test.format(fixture="mimic_replay", name="trip", city="Rome"))
    other = shop.replay().expect(failed=1)
    shop.write("test_shop.py", test.format(fixture="mimic_replay", name="tour", city="Rome"))
    without = shop.replay().expect(failed=1)
    shop.write("test_shop.py", test.format(fixture="mimic_replay", name="trip", city="Oslo"))
    shop.write("shop.py", SHOP.replace('{"city": city}', '{"city": str(city)}'))
    stale = shop.replay().expect(failed=1)

    assert "nearest: recorded in cassette trip" in auto.output
    assert auto.section[-1] == "to record the missing: pytest --mimic-record test_shop.py::test_it"
    assert "nearest: recorded in cassette trip" in other.output
    assert "nothing of shop:fetch is recorded in cassette tour, which does not exist" in without.output
    for run in (other, without, stale):
        assert "mimic_replay never records; use mimic_record or mimic_auto" in run.output
        assert "--mimic-record" not in run.output
        assert run.section[-1].endswith("    test_shop.py::test_it")


def test_all_are_played_while_a_cassette_grows(shop):
    """A call that --mimic-record adds was made in the block."""
    test = """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                {calls}
            assert cassette.all_played
        """
    shop.write("test_shop.py", test.format(calls='shop.fetch("Oslo")'))
    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.write("test_shop.py", test.format(calls='shop.fetch("Oslo"), shop.fetch("Rome")'))

    shop.record().expect(passed=1, real=["fetch Rome"])
    shop.replay().expect(passed=1, real=[])


@pytest.mark.promise("strict fails on calls that were not made or came in another order")
@pytest.mark.parametrize(
    ("calls", "says"),
    [
        ('shop.fetch("Oslo")', "shop:fetch(city='Rome') was recorded but not made"),
        ('shop.fetch("Rome"); shop.fetch("Oslo")', "was not replayed in the order it was recorded in"),
    ],
    ids=["not made", "another order"],
)
def test_strict_fails_what_was_not_replayed_as_recorded(shop, calls, says):
    """A recorded call that was not made, and another order."""
    test = """
        import shop

        def test_it({fixture}):
            with {fixture}("trip", targets=["shop:fetch"]{strict}):
                {calls}
        """
    shop.write(
        "test_shop.py",
        test.format(fixture="mimic_record", strict="", calls='shop.fetch("Oslo"); shop.fetch("Rome")'),
    )
    shop.run().expect(passed=1)

    shop.write("test_shop.py", test.format(fixture="mimic_replay", strict="", calls=calls))
    shop.replay().expect(passed=1)
    shop.write("test_shop.py", test.format(fixture="mimic_replay", strict=", strict=True", calls=calls))
    shop.replay().expect(failed=1, says=["CassetteError", says])


@pytest.mark.promise("a check of the plugin never hides the test's own failure")
def test_strict_does_not_hide_the_tests_own_failure(shop):
    """The assertion in the block is what is seen."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto, mimic_replay):
            with mimic_auto("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
            with mimic_replay("trip", targets=["shop:fetch"], strict=True):
                assert "own" == "failure"
        """,
    )

    shop.run().expect(failed=1, says=["assert 'own' == 'failure'"], never=["CassetteError"])


@pytest.mark.promise("a cassette is written at the end of its block, and restored if the test fails")
@pytest.mark.promise("a failing test keeps recordings but no new or changed cassette")
def test_a_failing_test_leaves_the_cassette_as_it_was(shop):
    """No new cassette, and no changed one."""
    test = """
        import shop

        def test_it(mimic_record):
            with mimic_record("trip", targets=["shop:fetch"]):
                shop.fetch("{city}")
            assert {passes}
        """
    shop.write("test_shop.py", test.format(city="Oslo", passes=False))
    new = shop.run().expect(failed=1)
    assert list(shop.vault.iterdir()) == []
    shop.write("test_shop.py", test.format(city="Oslo", passes=True))
    shop.run().expect(passed=1)
    shop.write("test_shop.py", test.format(city="Rome", passes=False))
    changed = shop.run().expect(failed=1)

    assert new.vault == {}
    assert changed.changed == set()


@pytest.mark.promise("a cassette is written at the end of its block, and restored if the test fails")
@pytest.mark.parametrize(
    ("inside", "behind"),
    [
        ("raise KeyboardInterrupt", ""),
        # A process in the background may have been started with SIGINT ignored.
        ("signal.signal(signal.SIGINT, signal.default_int_handler); signal.raise_signal(signal.SIGINT)", ""),
        ("pytest.exit('enough')", ""),
        ("", "raise KeyboardInterrupt"),
        ("", "pytest.exit('enough')"),
    ],
)
@pytest.mark.parametrize("fixture", ["mimic_auto", "mimic_record"])
def test_an_interrupted_test_leaves_the_cassette_as_it_was(shop, fixture, inside, behind):
    """Neither half a cassette nor that of a test that never ended, be it new or changed."""
    test = """
        import signal
        import pytest, shop

        def test_it({fixture}):
            with {fixture}("trip", targets=["shop:fetch"]):
                shop.fetch("{city}")
                {inside}
                shop.fetch("Bonn")
            {behind}
        """
    shop.write("test_shop.py", test.format(fixture=fixture, city="Oslo", inside=inside, behind=behind))
    new = shop.run(process=True).expect(exit_code=2)
    shop.write("test_shop.py", test.format(fixture=fixture, city="Oslo", inside="", behind=""))
    shop.run(process=True).expect(passed=1)
    shop.write("test_shop.py", test.format(fixture=fixture, city="Rome", inside=inside, behind=behind))
    changed = shop.run("--mimic-rerecord", process=True).expect(exit_code=2)

    assert new.vault == {}
    assert changed.changed == set()


def test_a_fixture_that_holds_a_cassette_leaves_it_as_it_was_where_its_test_is_interrupted(shop):
    """Its block ends as any other, but the test that it was for has not."""
    shop.write(
        "test_shop.py",
        """
        import os
        import pytest, shop

        @pytest.fixture
        def trip(mimic_record):
            with mimic_record("trip", targets=["shop:fetch"]) as cassette:
                yield cassette

        def test_it(trip):
            shop.fetch("Oslo")
            if "STOP" in os.environ:
                raise KeyboardInterrupt
            shop.fetch("Rome")
        """,
    )
    shop.run(process=True).expect(passed=1)

    assert shop.run(process=True, env={"STOP": "1"}).expect(exit_code=2).changed == set()


def test_a_cancelled_block_writes_nothing_and_the_summary_says_so(shop):
    """How far it came depends on the clock; the test may pass all the same."""
    shop.write(
        "test_shop.py",
        """
        import asyncio, os
        import shop

        async def trip(mimic_record):
            with mimic_record("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
                if "STOP" in os.environ:
                    asyncio.current_task().cancel()
                await asyncio.sleep(0)
                shop.fetch("Rome")

        async def tour(mimic_record):
            await asyncio.wait([asyncio.ensure_future(trip(mimic_record))])

        def test_it(mimic_record):
            asyncio.run(tour(mimic_record))
        """,
    )
    shop.run().expect(passed=1)
    cancelled = shop.run(env={"STOP": "1"}).expect(passed=1, real=["fetch Oslo"])

    assert cancelled.changed == set()
    assert "cassette trip was not written: CancelledError interrupted its block" in cancelled.section


@pytest.mark.parametrize("end", ["raise SystemExit(2)", "pytest.skip('enough')", "raise ValueError"])
def test_a_block_that_the_test_ends_itself_is_a_whole_one(shop, end):
    """An exit, a skip or an error that the test expects: its replay comes as far and ends alike."""
    shop.write(
        "test_shop.py",
        f"""
        import pytest, shop

        def test_it(mimic_auto):
            with pytest.raises((SystemExit, pytest.skip.Exception, ValueError)):
                with mimic_auto("trip", targets=["shop:fetch"]):
                    shop.fetch("Oslo")
                    {end}
        """,
    )

    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.replay().expect(passed=1, real=[])


def test_record_adds_to_an_existing_cassette_what_it_does_not_hold(shop):
    """The command that a miss names does what it says."""
    test = """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]):
                {calls}
        """
    shop.write("test_shop.py", test.format(calls='shop.fetch("Oslo")'))
    shop.run().expect(passed=1)
    shop.write("test_shop.py", test.format(calls='shop.fetch("Oslo"); shop.fetch("Rome")'))

    shop.replay().expect(failed=1, real=[], says=["pytest --mimic-record test_shop.py::test_it"])
    shop.record().expect(passed=1, real=["fetch Rome"])
    shop.replay().expect(passed=1, real=[])


@pytest.mark.promise("a cassette name made from a test id is readable, unique and safe")
def test_default_names_are_readable_unique_and_safe(shop):
    """One made from a test's id: under 100 characters, unique where case does not count."""
    shop.write(
        "tests/test_shop.py",
        """
        import pytest, shop

        @pytest.mark.parametrize("city", ["Oslo", "oslo", "a/b", "x" * 200, "CON", "ü ?*"])
        def test_it(mimic_auto, city):
            with mimic_auto(targets=["shop:fetch"]) as first:
                shop.fetch(city)
            with mimic_auto(targets=["shop:fetch"]) as second:
                shop.fetch(city)
            assert first.name != second.name
            assert max(len(first.name), len(second.name)) < 100
        """,
    )
    shop.ini(pythonpath=".")

    run = shop.run().expect(passed=6)
    shop.replay(process=True).expect(passed=6, real=[])

    assert len({name.lower() for name in run.vault}) == 12
    assert all(name.startswith("cassettes/tests/test_shop/test_it") for name in run.vault)


@pytest.mark.promise("a cassette name may hold folders and cannot leave the vault")
@pytest.mark.parametrize("name", ["../out", "/abs", "a/../../b", "", "a\\b", "c:d", "a\0", "é" * 101])
def test_a_name_that_leaves_the_vault_is_refused(shop, name):
    """A name may hold folders, and stays inside."""
    shop.write(
        "test_shop.py",
        f"""
        def test_it(mimic_auto):
            with mimic_auto({name!r}, targets=["shop:fetch"]):
                pass
        """,
    )

    shop.run().expect(failed=1, says=["CassetteError", "stays inside the vault"], never=["pytest_mimic/"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("boundary=['httpx']", "E   pytest_mimic.TargetError: mimic_auto: there is no option boundary"),
        ("only=3", "E   pytest_mimic.TargetError: mimic_auto: only= takes patterns on calls, not 3"),
    ],
)
def test_an_option_that_a_fixture_does_not_know_is_told_of_that_fixture(shop, options, says):
    """And not of the first line of the ini file, where nothing is wrong; nothing of ours is in the traceback."""
    shop.ini("shop:fetch")
    shop.write("test_shop.py", f"def test_it(mimic_auto): mimic_auto('trip', {options})")

    shop.run().expect(failed=1, says=[says], never=["mimic_functions", "pytest_mimic/", "direct cause"])


@pytest.mark.promise("the command-line modes apply to cassettes")
def test_rerecord_makes_cassettes_anew_verify_compares_them_live_leaves_them(shop):
    """The modes, for `mimic_auto`."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )
    shop.run().expect(passed=1)

    shop.run("--mimic-verify").expect(passed=1, real=["fetch Oslo"], says=["1 call verified"])
    live = shop.run("--mimic-live").expect(passed=1, real=["fetch Oslo"])
    shop.write("shop.py", SHOP.replace('"city": city', '"city": city.upper()'))
    shop.run("--mimic-verify").expect(failed=1, says=["DriftError", "city: 'Oslo' recorded, 'OSLO' now"])
    anew = shop.run("--mimic-rerecord").expect(passed=1, real=["fetch Oslo"])

    assert live.changed == set()
    assert anew.changed == {"cassettes/trip.json"}
    shop.replay().expect(passed=1)


@pytest.mark.promise("the innermost of nested cassettes takes the call")
def test_the_innermost_of_nested_cassettes_takes_the_call(shop):
    """The outer one takes what follows."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("outer", targets=["shop:fetch"]) as outer:
                with mimic_auto("inner", targets=["shop:fetch"]) as inner:
                    shop.fetch("Oslo")
                shop.fetch("Rome")
            assert [call.arguments["city"] for call in outer.calls] == ["Rome"]
            assert [call.arguments["city"] for call in inner.calls] == ["Oslo"]
        """,
    )

    shop.run().expect(passed=1)
    shop.replay().expect(passed=1, real=[])


@pytest.mark.promise("without targets, a cassette takes the configured targets and every boundary")
def test_without_targets_a_cassette_takes_the_configured_ones(shop):
    """With their options."""
    shop.ini("shop:fetch ignore=city")
    shop.write(
        "test_shop.py",
        """
        import itertools, shop
        count = itertools.count()

        def test_it(mimic_auto):
            with mimic_auto("trip") as cassette:
                shop.fetch(f"city {id(cassette)}")
            assert cassette.calls[0].kind == "function"
        """,
    )

    shop.run().expect(passed=1)
    shop.replay(process=True).expect(passed=1, real=[])


@pytest.mark.promise("a cassette is used or unused as a whole")
def test_a_cassette_is_unused_as_a_whole(shop):
    """Used once opened; unused when no test opens it."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("one", targets=["shop:fetch"]):
                shop.fetch("Oslo")

        def test_other(mimic_auto):
            with mimic_auto("two", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )
    shop.run().expect(passed=2)
    shop.write("test_shop.py", "def test_nothing(): pass\n")

    run = shop.run("--mimic-clear-unused").expect(passed=1)

    assert run.section == [
        "2 unused recordings cleared (# B)",
        "cleared:",
        "  cassette one    recorded by test_shop.py::test_it, gone",
        "  cassette two    recorded by test_shop.py::test_other, gone",
    ]
    assert run.vault == {}


@pytest.mark.promise("a cassette name may hold folders and cannot leave the vault")
def test_a_cassette_is_one_readable_file(shop):
    """Its calls in order, with what each gave."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("a/trip.json", targets=["shop:fetch"]) as cassette:
                shop.fetch("Oslo")
            assert (cassette.name, cassette.path.name) == ("a/trip", "trip.json")
        """,
    )

    run = shop.run().expect(passed=1)

    held = json.loads(run.vault["cassettes/a/trip.json"])
    assert [(call["signature"], call["outcome"]["value"]) for call in held["calls"]] == [
        ("shop:fetch", {"city": "Oslo"})
    ]


@pytest.mark.promise("a cassette and its calls have the documented attributes")
@pytest.mark.promise("a cassette is written at the end of its block, and restored if the test fails")
@pytest.mark.promise("every call has a signature")
def test_a_cassette_tells_of_itself_and_of_its_calls(shop):
    """Its name, file, mode and counts; of each call what it was, what it gave and how long it took."""
    shop.write(
        "test_shop.py",
        """
        import os, shop

        def test_it(mimic_auto, mimic_vault_dir):
            recording = os.environ["MODE"] == "record"
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                assert cassette.path.exists() is not recording
                shop.fetch("Oslo")
            assert cassette.path == mimic_vault_dir / "cassettes/trip.json" and cassette.path.is_file()
            assert (cassette.name, cassette.mode) == ("trip", os.environ["MODE"])
            assert (cassette.play_count, cassette.all_played) == (0 if recording else 1, True)
            [call] = cassette.calls
            assert (call.kind, call.target, call.signature) == ("function", "shop:fetch", "shop:fetch")
            assert (call.arguments, call.outcome) == ({"city": "Oslo"}, {"city": "Oslo"})
            assert isinstance(call.duration, float) and 0 <= call.duration < 60
            assert call.match() and call.match("shop:*") and not call.match("shop:*", exclude="shop:f*")
            assert call.match("other:g, shop:fetch") and not call.match(exclude="other:g, shop:fetch")

        def test_part(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                pass
            assert (cassette.play_count, cassette.all_played) == (0, False)
        """,
    )

    shop.run("-k", "test_it", env={"MODE": "record"}).expect(passed=1, deselected=1)
    shop.replay(env={"MODE": "replay"}).expect(passed=2, real=[])


@pytest.mark.promise("mimic_replay replays a cassette and records in no mode")
@pytest.mark.parametrize(
    "mode", ["--mimic-record", "--mimic-rerecord", "--mimic-verify", "--mimic-no-record"]
)
def test_replay_replays_in_every_mode_but_live(shop, mode):
    """What the cassette holds is replayed, and the cassette stays as it is."""
    test = """
        import shop

        def test_it({fixture}):
            with {fixture}("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """
    shop.write("test_shop.py", test.format(fixture="mimic_record"))
    shop.run().expect(passed=1)
    shop.write("test_shop.py", test.format(fixture="mimic_replay"))

    run = shop.replay(mode).expect(passed=1, real=[])

    assert run.changed == set()
    shop.run("--mimic-live").expect(passed=1, real=["fetch Oslo"])


@pytest.mark.promise("the command-line modes apply to cassettes")
def test_the_modes_for_record(shop):
    """--mimic-verify compares, --mimic-live leaves it, --mimic-rerecord and --mimic-record make it anew."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_record):
            with mimic_record("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")
        """,
    )
    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.write("shop.py", SHOP.replace('"city": city', '"city": city.upper()'))

    drifted = shop.run("--mimic-verify").expect(failed=1, says=["city: 'Oslo' recorded, 'OSLO' now"])
    live = shop.run("--mimic-live").expect(passed=1, real=["fetch Oslo"])
    anew = shop.run("--mimic-rerecord").expect(passed=1, real=["fetch Oslo"])
    shop.record().expect(passed=1, real=["fetch Oslo"])

    assert drifted.changed == live.changed == set()
    assert anew.changed == {"cassettes/trip.json"}


@pytest.mark.promise("calls of a sequence or a cassette each run")
def test_equal_calls_of_a_cassette_in_flight_together_each_run(shop):
    """Neither waits for the other: each is a call of the conversation."""
    shop.write(
        "shop.py",
        """
        import threading
        from tally import ran

        both = threading.Barrier(2, timeout=20)

        def fetch(city):
            ran("fetch", city)
            both.wait()
            return {"city": city}
        """,
    )
    shop.write(
        "test_shop.py",
        """
        from concurrent.futures import ThreadPoolExecutor
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette, ThreadPoolExecutor(2) as pool:
                assert list(pool.map(shop.fetch, ["Oslo", "Oslo"])) == [{"city": "Oslo"}] * 2
            assert len(cassette.calls) == 2
        """,
    )

    shop.run().expect(passed=1, real=["fetch Oslo", "fetch Oslo"])
    shop.replay().expect(passed=1, real=[])


def test_record_makes_a_stale_call_of_a_cassette_anew(shop):
    """In its place; the calls of other functions stay as they are."""
    shop.write("shop.py", SHOP + "\n    def other(city):\n        ran('other', city)\n        return city\n")
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch", "shop:other"]) as cassette:
                for city in ("Oslo", "Rome"):
                    shop.fetch(city), shop.other(city)
            assert cassette.all_played
        """,
    )
    shop.run().expect(passed=1)
    shop.write("shop.py", (shop.root / "shop.py").read_text().replace('{"city": city}', '{"city": city * 2}'))

    shop.run().expect(failed=1, says=["StaleRecordingError: shop:fetch has changed"])
    anew = shop.record().expect(passed=1, real=["fetch Oslo", "fetch Rome"])
    shop.replay().expect(passed=1)

    calls = json.loads(anew.vault["cassettes/trip.json"])["calls"]
    assert [call["outcome"]["value"] for call in calls] == [
        {"city": "OsloOslo"},
        "Oslo",
        {"city": "RomeRome"},
        "Rome",
    ]


def test_what_a_cassette_leaves_out_runs_for_real(shop):
    """Also where the function is configured: the innermost decides."""
    shop.ini("shop:fetch")
    shop.write(
        "test_shop.py",
        """
        import shop
        from pytest_mimic import mimic

        def test_cassette(mimic_auto):
            with mimic_auto("trip", exclude=["shop:fetch"]) as cassette:
                shop.fetch("Oslo")
            assert cassette.calls == []

        def test_block():
            with mimic("shop:fetch", only=["shop:load"]):
                shop.fetch("Rome")
        """,
    )

    run = shop.run().expect(passed=2, real=["fetch Oslo", "fetch Rome"])

    assert "calls/" not in str(sorted(run.vault))


def test_a_cassette_that_cannot_be_put_back_is_told(shop):
    """The failing test stays what it is, the next ones run, and the summary says what could not be done."""
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_it(mimic_auto, mimic_vault_dir):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                shop.fetch("Oslo")
            cassette.path.unlink()
            cassette.path.mkdir()
            assert False

        def test_next(mimic_auto):
            with mimic_auto("other", targets=["shop:fetch"]):
                shop.fetch("Rome")
        """,
    )

    run = shop.run().expect(failed=1, passed=1, never=["INTERNALERROR"])

    assert any(line.startswith("cannot read ") and "trip.json" in line for line in run.section)


def test_strict_fails_where_there_is_no_such_cassette(shop):
    """A slip in its name, in a block that makes no call."""
    shop.write(
        "test_shop.py",
        "def test_it(mimic_replay):\n    with mimic_replay('tripp', strict=True):\n        pass\n",
    )

    shop.run().expect(failed=1, says=["CassetteError: cassette tripp does not exist"])


def test_strict_tells_calls_apart(shop):
    test = """
        import shop

        def test_it({fixture}):
            with {fixture}("trip", targets=["shop:fetch"]{strict}):
                for city in {cities}:
                    shop.fetch(city)
        """
    shop.write(
        "test_shop.py", test.format(fixture="mimic_record", strict="", cities=["Oslo", "Rome", "Oslo"])
    )
    shop.run().expect(passed=1)

    replay = {"fixture": "mimic_replay", "strict": ", strict=True"}
    shop.write("test_shop.py", test.format(**replay, cities=["Rome", "Oslo", "Oslo"]))
    shop.replay().expect(
        failed=1, says=["call 1 was shop:fetch(city='Oslo') when recorded, shop:fetch(city='Rome') now"]
    )
    shop.write("test_shop.py", test.format(**replay, cities=["Oslo", "Rome", "Oslo", "Oslo"]))
    shop.replay().expect(failed=1, says=["call 4, shop:fetch(city='Oslo'), is one more than was recorded"])


def test_a_cassettes_name_may_be_a_path(shop):
    """Anything else is told."""
    shop.write(
        "test_shop.py",
        """
        import pathlib, pytest, shop
        from pytest_mimic import CassetteError

        def test_it(mimic_record):
            with mimic_record(pathlib.PurePath("trips", "first.json"), targets=["shop:fetch"]) as cassette:
                shop.fetch("Oslo")
            assert cassette.name == "trips/first"
            with pytest.raises(CassetteError, match="a cassette's name must be text, not 3"):
                mimic_record(3)
        """,
    )

    shop.run().expect(passed=1)
