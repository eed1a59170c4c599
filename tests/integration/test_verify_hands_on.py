"""Under --mimic-verify the caller gets the recorded outcome, so that the calls that follow stay the recorded ones."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    import asyncio
    from tally import ran

    def order(name):
        ran("order", name)
        return {"id": NEW, "name": name}

    def pay(order):
        ran("pay", order)
        return f"paid {order}"

    def pay_async(order):
        ran("pay_async", order)
        async def late():
            return NEW
        return late()

    async def ship(order):
        ran("ship", order)
        return NEW

    def risky(name):
        ran("risky", name)
        if NEW == 1:
            raise ValueError(name)
        return name

    def safe(name):
        ran("safe", name)
        if NEW == 2:
            raise ConnectionError("no route to host")
        return name
"""


SHOP_FUNCTIONS = ("order", "pay", "pay_async", "ship", "risky", "safe", "stream")


@pytest.fixture
def shop(project):
    """Record a test with the service's first state, and verify it with another."""

    def run(test, source=SHOP, **expected):
        names = [name for name in SHOP_FUNCTIONS if f"def {name}(" in source]
        project.ini(*[f"shop:{name}" for name in names])
        project.tests(test)
        project.module(source.replace("NEW", "1"))
        recorded = project.record().expect(passed=1)
        project.replay().expect(passed=1, real=[])
        project.module(source.replace("NEW", "2"))
        verified = project.run("--mimic-verify").expect(**expected)
        assert recorded.vault == verified.vault
        return verified

    return run


def test_the_calls_that_follow_stay_the_recorded_ones(shop):
    """The id of the order is another one now. The call that sends it back is the recorded one."""
    run = shop(
        """
        import shop

        def test_it():
            order = shop.order("tea")
            assert order["id"] == 1
            assert shop.pay(order["id"]) == "paid 1"
        """,
        failed=1,
        real=["order tea", "pay 1"],
        says=[
            "DriftError: shop:order(name='tea') no longer gives what was recorded",
            "  id: 1 recorded, 2 now",
            "  to accept it: pytest --mimic-rerecord test_shop.py::test_it",
        ],
        never=["swallowed", "missing"],
    )

    assert run.section[0] == "2 calls verified, 1 drifted"


def test_an_exception_is_raised_again_though_the_call_returns_now(shop):
    shop(
        """
        import pytest, shop

        def test_it():
            with pytest.raises(ValueError, match="tea") as caught:
                shop.risky("tea")
            assert caught.value.__context__ is None
        """,
        failed=1,
        says=["ValueError('tea')", "'tea' now"],
    )


def test_a_value_is_handed_on_though_the_call_fails_now(shop):
    shop(
        """
        import shop

        def test_it():
            assert shop.safe("tea") == "tea"
        """,
        failed=1,
        says=["could not be verified: the real call failed", "ConnectionError: no route to host"],
    )


def test_coroutines_give_the_recorded_value(shop):
    shop(
        """
        import asyncio, shop

        async def trade():
            return await shop.ship(1), await shop.pay_async(1)

        def test_it():
            assert asyncio.run(trade()) == (1, 1)
        """,
        failed=1,
        real=["ship 1", "pay_async 1"],
        says=["shop:ship(order=1) no longer", "shop:pay_async(order=1) no longer"],
    )


STREAM = """
    from tally import ran

    def stream(name):
        ran("start", name)
        answer = None
        try:
            for item in ITEMS:
                if isinstance(item, Exception):
                    raise item
                ran("item", item, answer)
                answer = yield item
            return NEW
        finally:
            ran("end")
"""
ASYNC_STREAM = STREAM.replace("def stream", "async def stream").replace("return NEW", "pass")

READ = """
    import shop

    def test_it():
        stream = shop.stream("tea")
        got = []
        try:
            while True:
                got.append(next(stream))
        except StopIteration as end:
            got.append(end.value)
        assert got == [1, 2, 3, 1]
"""
READ_ASYNC = """
    import asyncio, shop

    async def read():
        return [item async for item in shop.stream("tea")]

    def test_it():
        assert asyncio.run(read()) == [1, 2, 3]
"""


@pytest.mark.parametrize(
    ("source", "test"), [(STREAM, READ), (ASYNC_STREAM, READ_ASYNC)], ids=["sync", "async"]
)
@pytest.mark.parametrize(
    ("now", "read", "says"),
    [
        ("[1, 5, 3]", [1, 5, 3], "items[1]: 2 recorded, 5 now"),
        ("[1, 2]", [1, 2], "items[2]: 3 recorded, missing now"),
        ("[1, 2, 3, 4, 5]", [1, 2, 3, 4], "items[3]: 4 now, not in the recording"),
        ("[1, ConnectionError('reset')]", [1], "could not be verified: the real call failed"),
    ],
    ids=["other", "shorter", "longer", "broken"],
)
def test_streams_give_the_recorded_items(shop, source, test, now, read, says):
    """The real stream is read as far as the recorded one goes, and closed."""
    items = f"({now} if NEW == 2 else [1, 2, 3])"
    answers = [f"item {item} None" for item in read]

    shop(
        test,
        source.replace("ITEMS", items),
        failed=1,
        real=["start tea", *answers, "end"],
        says=[says],
        never=["swallowed"],
    )


def test_a_stream_that_is_left_early_is_compared_as_far_as_it_was_read(shop):
    source = STREAM.replace("ITEMS", "[1, NEW, 3]")
    test = """
        import shop

        def test_it():
            stream = shop.stream("tea")
            assert next(stream) == 1
            stream.close()
    """

    shop(test, source, passed=1, real=["start tea", "item 1 None", "end"])


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("return [1]", "yield 1"),
        ("yield 1", "return [1]"),
        ("return late()", "return [1]"),
        ("return [1]", "return late()"),
    ],
)
def test_another_kind_of_function_is_drift(project, then, now):
    """The recorded kind is handed on where the new function can give it."""
    source = "import asyncio\n\nasync def late():\n    return [1]\n\ndef stream(name):\n    {}\n"
    project.ini("shop:stream")
    project.test("""
        import inspect
        given = shop.stream("tea")
        given = asyncio.run(given) if inspect.iscoroutine(given) else list(given)
        assert given == [1]
    """)
    project.module(source.format(then))
    project.record().expect(passed=1)
    project.module(source.format(now))

    project.run("--mimic-verify").expect(
        failed=1, says=["DriftError: shop:stream(name='tea') no longer gives what was recorded"]
    )


def test_the_tests_own_failure_comes_first(shop):
    run = shop(
        """
        import shop

        def test_it():
            assert shop.order("tea")["id"] == 1
            assert not hasattr(shop, "closed"), "its own failure"
        """,
        SHOP + "\n    if NEW == 2:\n        closed = True\n",
        failed=1,
        says=["its own failure", "id: 1 recorded, 2 now"],
    )

    assert run.output.index("its own failure") < run.output.index("id: 1 recorded, 2 now")


def test_a_sequence_and_a_cassette_hand_on_each_recorded_outcome(project):
    project.ini()
    project.module(
        "import itertools\nNEXT = itertools.count(NEW)\n\ndef get():\n    return next(NEXT)\n".replace(
            "NEW", "1"
        )
    )
    project.tests(
        """
        import pytest, shop

        @pytest.mark.mimic("shop:get", sequence=True)
        def test_sequence():
            assert [shop.get(), shop.get()] == [1, 2]

        def test_cassette(mimic_auto):
            with mimic_auto("trip", targets=["shop:get"]) as cassette:
                assert [shop.get(), shop.get()] == [3, 4]
            assert (cassette.play_count, cassette.all_played) == (0, cassette.mode == "verify")
        """.replace('(0, cassette.mode == "verify")', "(0, True)")
    )
    project.record().expect(passed=2)
    project.module("import itertools\nNEXT = itertools.count(9)\n\ndef get():\n    return next(NEXT)\n")

    run = project.run("--mimic-verify").expect(failed=2, says=["1 recorded, 9 now", "4 recorded, 12 now"])

    assert run.section[0] == "4 calls verified, 4 drifted"
