"""`--mimic-only` limits a mode to the calls that a pattern or a target selects. All others replay."""

from __future__ import annotations

import pytest

SHOP = """
    import os
    from tally import ran

    def answer(name):
        ran(name)
        return f"{name} {os.environ.get('VERSION', '1')}"

    def fetch(city):
        return answer(f"fetch {city}")

    def price(item):
        return answer(f"price {item}")

    async def poll(job):
        return answer(f"poll {job}")
"""
TEST = """
    import asyncio, os, shop

    def test_it():
        got = [shop.fetch("Oslo"), shop.price("tea"), asyncio.run(shop.poll("job"))]
        assert [one[-1] for one in got] == list(os.environ.get("GOT", "111"))
"""
LATER = {"VERSION": "2"}
ONLY = "--mimic-only=shop:price"


@pytest.fixture
def shop(project):
    """A project with three recorded calls."""
    project.ini("shop:fetch", "shop:price", "shop:poll")
    project.tests(TEST)
    project.record_once(passed=1, real=["fetch Oslo", "price tea", "poll job"])
    return project


@pytest.mark.promise("--mimic-only limits a mode to the calls that it matches, and the others replay")
@pytest.mark.parametrize(
    ("patterns", "real", "got"),
    [
        (["shop:price"], ["price tea"], "121"),
        (["shop.price"], ["price tea"], "121"),
        (["shop:p*"], ["price tea", "poll job"], "122"),
        (["shop:*"], ["fetch Oslo", "price tea", "poll job"], "222"),
        (["shop:price", "shop:fetch"], ["fetch Oslo", "price tea"], "221"),
        (["shop:price,shop:fetch"], ["fetch Oslo", "price tea"], "221"),
    ],
)
def test_only_the_selected_functions_are_rerecorded(shop, patterns, real, got):
    options = [f"--mimic-only={pattern}" for pattern in patterns]

    run = shop.run("--mimic-rerecord", *options, env={**LATER, "GOT": got})

    run.expect(passed=1, real=real, never=["matched no call"])
    assert len(run.changed) == len(real)
    shop.replay(env={"GOT": got}).expect(passed=1, real=[])


@pytest.mark.promise("--mimic-only limits a mode to the calls that it matches, and the others replay")
def test_recording_only_some_calls_misses_the_others(shop):
    shop.tests("import shop\n\ndef test_a(): shop.price('milk')\n\ndef test_b(): shop.fetch('Rome')\n")

    run = shop.record(ONLY)

    run.expect(passed=1, failed=1, real=["price milk"], says=["no recording of shop:fetch(city='Rome')"])


@pytest.mark.promise("--mimic-only limits a mode to the calls that it matches, and the others replay")
def test_verifying_only_some_calls_replays_the_others(shop):
    run = shop.run("--mimic-verify", ONLY, env=LATER)

    run.expect(
        failed=1,
        real=["price tea"],
        says=["DriftError: shop:price", "1 call verified, 1 drifted, 2 replayed"],
    )
    assert run.changed == set()


def test_a_stale_recording_is_refused_beside_verified_calls(shop):
    shop.module(SHOP.replace('return answer(f"fetch', 'return 0 or answer(f"fetch'))

    run = shop.run("--mimic-verify", ONLY).expect(failed=1, real=[], says=["StaleRecordingError: shop:fetch"])

    assert run.changed == set()


@pytest.mark.promise("--mimic-only limits a mode to the calls that it matches, and the others replay")
def test_only_some_calls_are_live(shop):
    run = shop.run("--mimic-live", ONLY, env={**LATER, "GOT": "121"})

    run.expect(passed=1, real=["price tea"], says=["2 calls replayed"], never=["matched no call"])
    assert run.changed == set()


@pytest.mark.promise("--mimic-only needs a mode, and the summary names a pattern that matched nothing")
def test_a_pattern_without_a_match_is_named(shop):
    run = shop.run("--mimic-rerecord", ONLY, "--mimic-only=GET /users/*", "-q").expect(
        passed=1, real=["price tea"]
    )

    assert run.section[:2] == [
        "1 call recorded in # s, 2 replayed, # s saved",
        "--mimic-only=GET /users/* matched no call",
    ]


@pytest.mark.promise("--mimic-only needs a mode, and the summary names a pattern that matched nothing")
@pytest.mark.parametrize("has_targets", [True, False])
def test_a_pattern_without_a_mode_is_a_usage_error(project, has_targets):
    project.ini(*(["shop:fetch"] if has_targets else []))

    run = project.run(ONLY)

    run.expect(
        exit_code=4,
        says=["ERROR: --mimic-only needs one of --mimic-record, --mimic-rerecord, --mimic-verify"],
    )


def test_an_empty_pattern_is_a_usage_error(shop):
    shop.run("--mimic-record", "--mimic-only=").expect(
        exit_code=4, says=["ERROR: --mimic-only needs a pattern"]
    )


def test_the_header_and_the_help_name_the_patterns(shop):
    run = shop.run("--mimic-rerecord", ONLY, "--mimic-only=GET /users")

    assert run.header == "re-record into .mimic_vault, only shop:price, GET /users (3 targets)"
    assert "--mimic-only=PATTERN" in shop.run("--help").output


def test_sequences_and_streams_are_selected_by_their_function(project):
    project.ini("shop:poll sequence", "shop:lines")
    project.module("""
        import os
        from tally import ran

        def poll(job):
            ran("poll")
            return os.environ.get("VERSION", "1")

        def lines():
            ran("lines")
            for number in range(3):
                yield number
    """)
    test = "import shop\n\ndef test_it():\n    assert [shop.poll('a'), shop.poll('a')] == [{}]\n    {}\n"
    project.tests(test.format("'1', '1'", "next(shop.lines())"))
    project.record_once(passed=1, real=["poll", "poll", "lines"])

    project.tests(test.format("'2', '2'", "next(shop.lines())"))
    project.run("--mimic-rerecord", "--mimic-only=shop:poll", env=LATER).expect(
        passed=1, real=["poll", "poll"]
    )
    project.tests(test.format("'2', '2'", "list(shop.lines())"))
    project.record("--mimic-only=shop:poll").expect(failed=1, real=[], says=["MissingRecordingError"])


CASSETTES = """
    import pytest, shop

    @pytest.mark.parametrize("name", ["one", "two"])
    def test_it({fixture}, name):
        with {fixture}(name):
            shop.fetch(name)
            if name == "one":
                shop.price(name)
"""


@pytest.mark.promise("--mimic-only takes a conversation whole if one of its calls matches")
@pytest.mark.parametrize("fixture", ["mimic_auto", "mimic_record"])
def test_a_cassette_is_taken_whole_if_one_of_its_calls_matches(shop, fixture):
    shop.tests(CASSETTES.format(fixture=fixture))
    shop.run("--mimic-record").expect(passed=2)

    run = shop.run("--mimic-rerecord", ONLY, env=LATER)

    run.expect(passed=2, real=["fetch one", "price one"])
    assert run.changed == {"cassettes/one.json"}


def test_a_cassette_is_taken_whole_if_a_new_call_matches(shop):
    shop.tests(CASSETTES.format(fixture="mimic_auto"))
    shop.run("--mimic-record").expect(passed=2)
    shop.tests(CASSETTES.format(fixture="mimic_auto").replace('== "one"', '!= ""'))

    recorded = shop.run("--mimic-record", ONLY)

    recorded.expect(
        passed=2, real=["price two"], says=["run again from the start, because --mimic-only selects"]
    )
    assert recorded.changed == {"cassettes/two.json"}
    shop.replay().expect(passed=2, real=[])
