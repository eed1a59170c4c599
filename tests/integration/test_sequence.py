"""Section 2, `sequence`: the n-th identical call in a test replays the n-th recorded outcome."""

from __future__ import annotations

from support.unsteady_shop import SHOP as UNSTEADY

INPUTS = "warn"

SHOP = (
    UNSTEADY
    + """
    class Unavailable(Exception):
        pass

    def flaky(path):
        ran("flaky", path)
        state["calls"] += 1
        if state["calls"] % 3:
            raise Unavailable(state["calls"])
        return "ok"

    async def poll(job):
        ran("poll", job)
        state["calls"] += 1
        return state["calls"]

"""
)
TARGETS = ["shop:get sequence"]


def test_sequences_replay_in_each_test(project):
    """Each set of arguments is counted separately.

    Fixtures of a function and their teardown belong to the test.
    """
    project.tests("""
        def poll(job):
            return asyncio.run(shop.poll(job))

        @pytest.fixture
        def around():
            first = poll("x")
            yield first
            assert poll("x") == first + 2

        @pytest.mark.parametrize("n", [0, 1])
        def test_fixture(around, n):
            assert around == 3 * n + 1 and poll("x") == around + 1

        @pytest.mark.parametrize("n", [1, 2])
        def test_retry(n):
            assert shop.patient("/a") == [503, 503, 200]

        def test_exceptions_and_values():
            got = []
            for _ in range(3):
                try:
                    got.append(shop.flaky("/a"))
                except shop.Unavailable as error:
                    got.append(error.args[0])
            assert got == [13, 14, "ok"]

        def test_arguments():
            assert [poll(job) for job in "abab"] == [16, 17, 18, 19]
    """)
    project.round_trip(
        "shop:get sequence",
        "shop:flaky sequence",
        "shop:poll sequence",
        passed=6,
        real=["poll x"] * 6
        + ["get /a"] * 6
        + ["flaky /a"] * 3
        + ["poll a", "poll b"] * 2,
    )


def test_the_last_outcome_repeats_until_the_log_is_made_again(project):
    test = "import shop\n\ndef test_it():\n    got = [shop.get('/a') for _ in range({n})]\n    assert got == {want}\n"
    project.tests(test.format(n=3, want="[503, 503, 200]"))
    project.record().expect(passed=1, real=["get /a"] * 3)
    project.tests(test.format(n=5, want="[503, 503, 200, 200, 200]"))
    project.replay().expect(passed=1, real=[])
    project.record().expect(passed=1, real=[])

    project.tests(test.format(n=5, want="[503, 503, 200, 503, 503]"))
    project.run("--mimic-rerecord").expect(passed=1, real=["get /a"] * 5)
    project.replay().expect(passed=1, real=[])


def test_tasks_and_threads_are_counted_in_the_order_of_calls(project):
    """Identical calls in flight each run."""
    project.module("""
        guard = threading.Lock()
        count = [0]

        def numbered():
            ran("numbered")
            with guard:
                count[0] += 1
                return count[0]

        async def numbered_async():
            ran("numbered_async")
            count[0] += 1
            mine = count[0]
            await asyncio.sleep(0.01 * (5 - mine % 5))
            return mine
    """)
    project.tests("""
        from concurrent.futures import ThreadPoolExecutor

        def test_threads():
            with ThreadPoolExecutor(4) as pool:
                got = list(pool.map(lambda _: shop.numbered(), range(12)))
            assert len(set(got)) == 12

        def test_tasks():
            async def main():
                return await asyncio.gather(*(shop.numbered_async() for _ in range(5)))
            got = asyncio.run(main())
            assert got == sorted(got) and len(set(got)) == 5
    """)
    project.round_trip(
        "shop:numbered sequence",
        "shop:numbered_async sequence",
        real=["numbered"] * 12 + ["numbered_async"] * 5,
        passed=2,
    )


def test_a_sequence_belongs_to_the_test_that_recorded_it(project):
    project.test("shop.get('/a')")
    project.record().expect(passed=1)
    project.tests("def test_another():\n    shop.get('/a')\n")

    project.replay().expect(
        failed=1, real=[], says=["no recording of shop:get(path='/a')"]
    )
