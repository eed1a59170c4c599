"""Section 4, cassettes: named, ordered lists of recordings that the fixtures record and replay."""

from __future__ import annotations

import re

import pytest
from support.city_shop import SHOP


def block(*calls, fixture="mimic_auto", name="trip", more=""):
    """Return the body of a test that makes these calls in the block of a cassette of `shop.fetch`."""
    lines = "".join(f"    {call}\n" for call in calls)
    return (
        f'with {fixture}("{name}", targets=["shop:fetch"]{more}) as cassette:\n{lines}'
    )


def test_auto_records_a_missing_cassette_then_replays_it(shop):
    """No option is needed."""
    shop.test("""
        with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
            assert [shop.fetch(city)["city"] for city in ("Oslo", "Rome", "Oslo")] == ["Oslo", "Rome", "Oslo"]
        assert [call.arguments["city"] for call in cassette.calls] == ["Oslo", "Rome", "Oslo"]
        assert cassette.all_played
    """)

    first = shop.run().expect(passed=1, real=["fetch Oslo", "fetch Rome", "fetch Oslo"])
    shop.replay().expect(passed=1, real=[])

    assert list(first.vault) == ["cassettes/trip.json"]


def test_auto_never_records_under_ci(shop):
    """With --mimic-record it does."""
    shop.test("""
        with mimic_auto(targets=["shop:fetch"]):
            shop.fetch("Oslo")
    """)

    shop.run(env={"CI": "true"}).expect(
        failed=1, real=[], says=["no recording of shop:fetch(city='Oslo')"]
    )
    shop.run("--mimic-no-record").expect(
        failed=1, real=[], says=["MissingRecordingError"]
    )
    shop.record(env={"CI": "true"}).expect(passed=1, real=["fetch Oslo"])


def test_a_cassette_that_was_edited_is_replayed_while_verifying(shop):
    """The service does not give what somebody has written."""
    shop.test(block('shop.fetch("Oslo")'))
    shop.run().expect(passed=1)
    shop.test(block('print(shop.fetch("Oslo"))', fixture="mimic_replay"))
    shop.run("--mimic-verify").expect(passed=1, real=["fetch Oslo"])
    shop.edit_calls(lambda call: call.call["value"].update(city="Bergen"))

    shop.run("--mimic-verify", "-rP").expect(passed=1, real=[], says=["Bergen"])


def test_a_miss_names_the_cassette_that_has_its_call(shop):
    shop.test(block('shop.fetch("Oslo")', name="trips/one"))
    shop.run().expect(passed=1)
    shop.ini("shop:fetch sequence")
    shop.tests('import shop\n\ndef test_two(): shop.fetch("Oslo")\n')

    says = ['to replay that cassette: with mimic_auto("trips/one"):']
    shop.run().expect(failed=1, real=[], says=says)


def test_record_always_runs_for_real_and_no_record_forbids_it(shop):
    shop.test(block('shop.fetch("Oslo")', fixture="mimic_record"))

    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.run().expect(passed=1, real=["fetch Oslo"])
    shop.run("--mimic-no-record").expect(
        failed=1,
        real=[],
        says=[
            "CassetteError: mimic_record may not record cassette trip: --mimic-no-record was given"
        ],
    )


def test_a_miss_names_the_cassette_and_its_remedy(shop):
    """For mimic_replay, neither the error nor the summary suggests --mimic-record."""
    oslo, rome = 'shop.fetch("Oslo")', 'shop.fetch("Rome")'
    shop.test(block(oslo))
    shop.run().expect(passed=1)

    shop.test(block(rome))
    auto = shop.replay().expect(failed=1)
    shop.test(block(rome, fixture="mimic_replay"))
    other = shop.replay().expect(failed=1)
    shop.test(block(rome, fixture="mimic_replay", name="tour"))
    without = shop.replay().expect(failed=1)
    shop.test(block(oslo, fixture="mimic_replay"))
    shop.module(SHOP.replace('{"city": city}', '{"city": str(city)}'))
    stale = shop.replay().expect(failed=1)

    nearest = r"nearest: recorded by test_shop\.py::test_it on \d{4}-\d\d-\d\d in cassette trip"
    assert re.search(nearest, auto.output)
    assert (
        auto.section[-1]
        == "to record the missing: pytest --mimic-rerecord test_shop.py::test_it"
    )
    assert re.search(nearest, other.output)
    assert (
        "there are no recordings of shop:fetch in cassette tour, which does not exist"
        in without.output
    )
    for run in (other, without, stale):
        assert (
            "mimic_replay never records; use mimic_record or mimic_auto" in run.section
        )
        assert "--mimic-record" not in run.output


@pytest.mark.parametrize(
    ("calls", "says"),
    [
        ('shop.fetch("Oslo")', "shop:fetch(city='Rome') was recorded but not made"),
        (
            'shop.fetch("Rome"); shop.fetch("Oslo")',
            "its calls were made in another order",
        ),
    ],
    ids=["not made", "another order"],
)
def test_strict_fails_on_unplayed_calls_and_another_order(shop, calls, says):
    shop.test(block('shop.fetch("Oslo"); shop.fetch("Rome")', fixture="mimic_record"))
    shop.run().expect(passed=1)

    shop.test(block(calls, fixture="mimic_replay"))
    shop.replay().expect(passed=1)
    shop.test(block(calls, fixture="mimic_replay", more=", strict=True"))
    shop.replay().expect(failed=1, says=["CassetteError", says])


def test_strict_does_not_hide_the_tests_own_failure(shop):
    """A cassette is opened when its block begins."""
    shop.test("""
        recording = mimic_auto("trip", targets=["shop:fetch"])
        replaying = mimic_replay("trip", targets=["shop:fetch"], strict=True)
        with recording:
            shop.fetch("Oslo")
        with replaying:
            assert "own" == "failure"
    """)

    shop.run().expect(
        failed=1, says=["assert 'own' == 'failure'"], never=["CassetteError"]
    )


@pytest.mark.must
def test_a_failing_test_writes_no_cassette(shop):
    """A cassette that existed before stays unchanged."""
    oslo = block('shop.fetch("Oslo")', fixture="mimic_record")
    shop.test(oslo + "assert 0")
    new = shop.run().expect(failed=1, says=["not kept, because their tests failed:"])
    assert shop.files() == {}
    shop.test(oslo)
    shop.run().expect(passed=1)
    shop.test(oslo.replace("Oslo", "Rome") + "assert 0")
    changed = shop.run().expect(failed=1)

    assert new.vault == {}
    assert changed.changed == set()


def test_an_interrupted_test_writes_no_cassette(shop):
    """A cassette that existed before stays unchanged."""
    shop.test(block('shop.fetch("Oslo")', "raise KeyboardInterrupt"))
    new = shop.run().expect(exit_code=2)
    shop.test(block('shop.fetch("Oslo")'))
    shop.run().expect(passed=1)
    shop.test(block('shop.fetch("Rome")', "raise KeyboardInterrupt"))
    changed = shop.run("--mimic-rerecord").expect(exit_code=2)

    assert new.vault == {}
    assert changed.changed == set()


def test_one_block_records_a_cassette_and_others_replay_it(shop):
    """Else one of them would delete what the others need."""
    tests = """
        import shop

        def test_one(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo")

        def test_two(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]):
                shop.fetch("Oslo"); {}
    """
    shop.tests(tests.format(0))
    shop.run("--mimic-rerecord").expect(passed=2, real=["fetch Oslo"])
    shop.run("--mimic-rerecord").expect(passed=2, real=["fetch Oslo"])
    shop.replay().expect(passed=2, real=[])
    shop.tests(tests.format('shop.fetch("Rome")'))

    for option in ("--mimic-record", "--mimic-rerecord"):
        run = shop.run(option, "test_shop.py::test_two")
        says = "one block records a cassette: give this one a name of its own"
        run.expect(failed=1, real=[], says=[says])
        assert run.changed == set()

    shop.tests(tests.replace("one(", "new(").format(0))
    shop.run("--mimic-rerecord").expect(passed=2, real=["fetch Oslo"])


def test_mimic_record_replaces_no_cassette_of_another_block(shop):
    shop.test(
        f"{block('shop.fetch(1)', fixture='mimic_record')}{block('shop.fetch(2)', fixture='mimic_record')}"
    )

    says = ["CassetteError: cassette trip was recorded by another block"]
    assert shop.run().expect(failed=1, real=["fetch 1"], says=says).vault == {}


@pytest.mark.parametrize(
    ("fixture", "options"), [("mimic_record", []), ("mimic_auto", ["--mimic-rerecord"])]
)
def test_a_cassette_that_is_made_again_holds_only_what_was_made(shop, fixture, options):
    for city in ("Oslo", "Rome"):
        shop.test(block(f'shop.fetch("{city}")', fixture=fixture, name="trip.json"))
        made = shop.run(*options).expect(passed=1, real=[f"fetch {city}"])

    assert list(made.vault) == ["cassettes/trip.json"]
    calls = block(
        'shop.fetch("Rome")', fixture="mimic_replay", name="trip", more=", strict=True"
    )
    shop.test(calls)
    shop.replay().expect(passed=1, real=[])


@pytest.mark.parametrize(
    "options",
    [
        '"shop:fetch", "json:loads"], ignore="city"',
        '"shop:fetch ignore=city", "json:loads"]',
    ],
)
def test_the_options_of_a_target_are_those_of_the_fixtures(shop, options):
    test = f'with mimic_auto("trip", targets=[{options}):\n    shop.fetch("Oslo"), json.loads("1")'
    shop.test(test)
    shop.run().expect(passed=1)
    shop.test(test.replace("Oslo", "Rome"))

    shop.replay().expect(passed=1, real=[])


@pytest.mark.parametrize("fixture", ["mimic_auto", "mimic_record"])
def test_the_modes_of_a_cassette(shop, fixture):
    shop.test(block('shop.fetch("Oslo")', fixture=fixture))
    shop.run().expect(passed=1, real=["fetch Oslo"])

    shop.run("--mimic-verify").expect(
        passed=1, real=["fetch Oslo"], says=["1 call verified"]
    )
    live = shop.run("--mimic-live").expect(passed=1, real=["fetch Oslo"])
    shop.module(SHOP.replace('"city": city', '"city": city.upper()'))
    drifted = shop.run("--mimic-verify").expect(
        failed=1, says=["DriftError", "city: 'Oslo' recorded, 'OSLO' now"]
    )
    again = shop.run("--mimic-rerecord").expect(passed=1, real=["fetch Oslo"])

    assert drifted.changed == live.changed == set()
    assert again.changed == {"cassettes/trip.json"}
    shop.record().expect(
        passed=1, real=["fetch Oslo"] if fixture == "mimic_record" else []
    )


def test_two_cassettes_of_tasks_side_by_side_are_refused(shop):
    shop.test("""
        async def trip(name):
            with mimic_auto(name, targets=["shop:fetch"]):
                await asyncio.sleep(0)
                shop.fetch(name)

        async def both():
            trips = trip("first"), trip("second")
            return await asyncio.gather(*trips, return_exceptions=True)

        first, second = asyncio.run(both())
        assert first is None
        assert str(second).startswith("cassette second cannot be opened while cassette first")
    """)

    shop.run().expect(passed=1, real=["fetch first"])
    shop.replay().expect(passed=1, real=[])


def test_a_cassette_that_another_process_has_written_meanwhile_is_not_replaced(shop):
    shop.test("""
        import os
        with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
            shop.fetch("Oslo")
            os.makedirs(cassette.path.parent, exist_ok=True)
            cassette.path.write_text("{}")
    """)

    says = [
        "cassette trip was meanwhile written by another process",
        "record its tests in one process",
    ]
    assert shop.run().expect(failed=1, says=says).vault == {
        "cassettes/trip.json": b"{}"
    }


def test_a_cassette_that_cannot_be_read_is_not_open(shop):
    shop.test("""
        import concurrent.futures, pytest_mimic
        os.makedirs(".mimic_vault/cassettes/trip.json")
        with pytest.raises(pytest_mimic.CorruptRecordingError), mimic_replay("trip", targets=["shop:fetch"]):
            pass

        def other():
            with mimic_auto("other", targets=["shop:fetch"]):
                shop.fetch("Oslo")

        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.submit(other).result()
    """)

    shop.run().expect(passed=1, real=["fetch Oslo"])


def test_cassettes_nest_in_tasks_and_around_a_test_in_a_loop(shop):
    """As plugins do it for an async fixture: its set-up is a task of its own, which has ended when the test begins."""
    shop.tests("""
        @pytest.fixture
        def loop(mimic_auto):
            async def opened():
                with mimic_auto("outer", targets=["shop:fetch"]):
                    yield
            around, loop = opened(), asyncio.new_event_loop()
            loop.run_until_complete(asyncio.wait_for(anext(around), 60))
            yield loop
            loop.run_until_complete(asyncio.wait_for(anext(around, None), 60))
            loop.close()

        async def inner(mimic_auto):
            with mimic_auto("inner", targets=["shop:fetch"]) as cassette:
                shop.fetch("Rome")
            assert [call.arguments["city"] for call in cassette.calls] == ["Rome"]

        def test_it(loop, mimic_auto):
            async def test():
                with mimic_auto("middle", targets=["shop:fetch"]) as cassette:
                    shop.fetch("Oslo")
                    await asyncio.wait_for(inner(mimic_auto), 60)
                    shop.fetch("Bern")
                assert [call.arguments["city"] for call in cassette.calls] == ["Oslo", "Bern"]
                shop.fetch("Kiel")
            loop.run_until_complete(test())
    """)

    shop.run().expect(
        passed=1, real=["fetch Oslo", "fetch Rome", "fetch Bern", "fetch Kiel"]
    )
    shop.replay().expect(passed=1, real=[])


def test_without_targets_a_cassette_takes_the_configured_ones(shop):
    shop.ini("shop:fetch ignore=city")
    shop.tests("""
        count = itertools.count()

        def test_it(mimic_auto):
            with mimic_auto("trip") as cassette:
                shop.fetch(f"city {id(cassette)}")
            assert cassette.calls[0].kind == "function"
    """)

    shop.run().expect(passed=1)
    shop.replay().expect(passed=1, real=[])


def test_a_cassette_is_used_or_unused_as_a_whole(shop):
    shop.ini("shop:fetch")
    shop.test(block("shop.fetch('Oslo'), shop.fetch('Rome')"))
    shop.run().expect(passed=1)
    shop.test(block("pass"))
    asked = ("--mimic-fail-on-unused", "--mimic-clear-unused")

    used = shop.replay(*asked).expect(passed=1)
    shop.tests("def test_nothing(): pass\n")
    unused = shop.run(*asked).expect(passed=1, exit_code=1)

    assert used.changed == set()
    assert unused.section[:3] == [
        "1 unused recording cleared (# B)",
        "cleared:",
        "  cassette trip    recorded by test_shop.py::test_it, gone",
    ]
    assert unused.vault == {}


def test_the_attributes_of_a_cassette_and_its_calls(shop):
    shop.tests("""
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
            assert repr(call) == "<CassetteCall function shop:fetch>"
            assert repr(cassette) == f"<Cassette trip ({cassette.mode})>"
            assert isinstance(call.duration, float) and 0 <= call.duration < 60
            assert call.match() and call.match("shop:*") and not call.match("shop:*", exclude="shop:f*")
            assert call.match("other:g, shop:fetch") and not call.match(exclude="other:g, shop:fetch")

        def test_part(mimic_auto):
            with mimic_auto("trip", targets=["shop:fetch"]) as cassette:
                pass
            assert (cassette.play_count, cassette.all_played) == (0, False)
    """)

    shop.run("-k", "test_it", env={"MODE": "record"}).expect(passed=1, deselected=1)
    shop.replay(env={"MODE": "replay"}).expect(passed=2, real=[])


def test_replay_replays_in_every_mode_but_verify_and_live(shop):
    shop.test(block('shop.fetch("Oslo")', fixture="mimic_record"))
    shop.run().expect(passed=1)
    shop.test(block('shop.fetch("Oslo")', fixture="mimic_replay"))

    for mode in ("--mimic-record", "--mimic-rerecord", "--mimic-no-record"):
        run = shop.replay(mode).expect(passed=1, real=[])
        assert run.changed == set()
    for mode in ("--mimic-verify", "--mimic-live"):
        shop.run(mode).expect(passed=1, real=["fetch Oslo"])


def test_a_cassette_with_a_stale_call_is_recorded_again_as_a_whole(shop):
    shop.module(
        SHOP
        + "\n    def other(city):\n        ran('other', city)\n        return city\n"
    )
    shop.test("""
        with mimic_auto("trip", targets=["shop:fetch", "shop:other"]) as cassette:
            for city in ("Oslo", "Rome"):
                shop.fetch(city), shop.other(city)
        assert cassette.all_played
    """)
    shop.run().expect(passed=1)
    shop.module(
        (shop.root / "shop.py")
        .read_text()
        .replace('{"city": city}', '{"city": city * 2}')
    )

    shop.run().expect(failed=1, says=["StaleRecordingError: shop:fetch has changed"])
    shop.record().expect(failed=1, real=[], says=["pytest --mimic-rerecord"])
    again = shop.run("--mimic-rerecord").expect(
        passed=1, real=["fetch Oslo", "other Oslo", "fetch Rome", "other Rome"]
    )
    shop.replay().expect(passed=1)

    assert [call.value for call in again.calls] == [
        {"city": "OsloOslo"},
        "Oslo",
        {"city": "RomeRome"},
        "Rome",
    ]
