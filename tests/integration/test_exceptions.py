"""Exceptions are outcomes: they replay as they were, and are raised at the caller's line."""

from __future__ import annotations

INPUTS = "warn"

SHOP = """
    from tally import ran

    def chained():
        ran("chained")
        try:
            fail_inside()
        except KeyError as error:
            raise ValueError("outer") from error

    def fail_inside():
        try:
            1 / 0
        except ZeroDivisionError:
            raise KeyError("inner")

    def from_none():
        ran("from_none")
        try:
            {}["gone"]
        except KeyError:
            raise ValueError("alone") from None

    def innocent():
        ran("innocent")
        raise ValueError("mine")
"""


def test_causes_and_tracebacks_replay(round_trip):
    """The exception that the caller handles is not recorded: the recorded chain goes on to it."""
    round_trip(
        *("shop:chained", "shop:from_none", "shop:innocent"),
        test="""
            import traceback
            import pytest
            import shop

            def caught(call, handled=None):
                try:
                    try:
                        if handled:
                            raise handled
                        call()
                    except (KeyError, TypeError) as error:
                        assert error is handled
                        call()
                except ValueError as error:
                    return error

            def test_chained():
                error = caught(shop.chained)
                cause = error.__cause__
                assert (type(cause), cause.args, error.__suppress_context__) == (KeyError, ("inner",), True)

            def test_from_none():
                error = caught(shop.from_none)
                assert error.__cause__ is None and error.__suppress_context__

            @pytest.mark.parametrize("handled", [KeyError("first"), TypeError("second"), None])
            def test_handled(handled):
                assert caught(shop.innocent, handled).__context__ is handled

            def test_each_replay_has_a_new_traceback():
                def lengths():
                    for _ in range(3):
                        try:
                            shop.innocent()
                        except ValueError as error:
                            frames = traceback.extract_tb(error.__traceback__)
                            assert frames[0].name == "lengths"
                            yield len(frames)
                assert len(set(lengths())) == 1
        """,
        passed=6,
        real=["chained", "from_none", "innocent"],
    )


def test_classes_of_the_test_module_and_local_classes_replay(round_trip):
    round_trip(
        "test_shop:fail",
        "test_shop:fail_locally",
        test="""
            import pytest
            from tally import ran

            class Mine(Exception):
                def __init__(self, a, b):
                    self.both = a, b

            def fail():
                ran("fail")
                raise Mine(1, 2)

            def fail_locally():
                ran("fail_locally")

                class Local(Mine):
                    pass

                raise Local("x", b="y")

            def test_own():
                with pytest.raises(Mine) as caught:
                    fail()
                assert caught.value.both == (1, 2)

            def test_local():
                with pytest.raises(Mine) as caught:
                    fail_locally()
                assert caught.value.both == ("x", "y")
                assert type(caught.value).__name__ == "Local"
        """,
        real=["fail", "fail_locally"],
        hash_seeds=(1, 2),
        passed=2,
    )


def test_the_traceback_ends_at_the_callers_line(project):
    project.ini("shop:innocent")
    test = "import pytest, shop\n\ndef helper():\n    shop.innocent()\n\n{mark}def test_it():\n    helper()\n"
    project.tests(test.format(mark="@pytest.mark.xfail\n"))
    project.record().expect(xfailed=1, real=["innocent"])
    project.tests(test.format(mark=""))

    run = project.replay()

    run.expect(
        failed=1, real=[], says=["test_shop.py:4: ValueError", "ValueError: mine"], never=["pytest_mimic/"]
    )


def test_an_interruption_is_never_recorded(project):
    """This holds for an interrupt, an exit, a cancellation, and a skip or failure of pytest."""
    project.ini("shop:stop", "shop:stop_async")
    project.module("""
        import asyncio, concurrent.futures, unittest, pytest
        from tally import ran

        RAISED = [
            KeyboardInterrupt(), SystemExit(3), GeneratorExit(), asyncio.CancelledError(),
            concurrent.futures.CancelledError(), unittest.SkipTest("later"), pytest.skip.Exception("later"),
            pytest.fail.Exception("bad"), pytest.xfail.Exception("known"), pytest.exit.Exception("out"),
            type("Own", (BaseException,), {})(),
        ]

        def stop(number):
            ran("stop", number)
            raise RAISED[number]

        async def stop_async(number):
            ran("stop_async", number)
            raise RAISED[number]
    """)
    project.test("""
        for number in range(11):
            for call in (shop.stop, lambda number: shop.stop_async(number).send(None)):
                try:
                    call(number)
                except BaseException as error:
                    assert error is shop.RAISED[number]
    """)

    run = project.record().expect(passed=1)

    assert run.real == [f"{call} {number}" for number in range(11) for call in ("stop", "stop_async")]
    assert not run.vault


def test_recordings_made_before_an_interrupt_stay(project):
    project.ini("shop:fetch")
    project.module("""
        from tally import ran

        def fetch(city):
            ran("fetch", city)
            if city == "Rome":
                raise KeyboardInterrupt
            return city
    """)
    project.test("""
        shop.fetch('Oslo')
        shop.fetch('Rome')
    """)
    project.record(process=True).expect(exit_code=2, real=["fetch Oslo", "fetch Rome"])
    project.module((project.root / "shop.py").read_text().replace('"Rome"', '"Nowhere"'))

    run = project.run("--mimic-record", process=True)

    run.expect(passed=1, real=["fetch Oslo", "fetch Rome"])
