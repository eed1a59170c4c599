"""Exceptions are outcomes: they replay as they were, and are raised at the caller's line."""

from __future__ import annotations

import sys

import pytest

SHOP = """
    from tally import ran

    class Declined(Exception):
        '''Its __init__ does not fit its args.'''

        def __init__(self, order, *, code):
            super().__init__(f"order {order} declined")
            self.order = order
            self.code = code

        def __str__(self):
            return f"{self.args[0]} [{self.code}]"

    class Slotted(Exception):
        __slots__ = ("part",)

    class Outer:
        class Inner(LookupError):
            pass

    def fail(how):
        ran("fail", how)
        if how == "plain":
            raise ValueError("no such thing", 404)
        if how == "own init":
            raise Declined(7, code=51)
        if how == "attributes":
            error = RuntimeError("broken")
            error.details = {"retry": [1, 2], "when": (3, 4)}
            raise error
        if how == "os":
            open("/no/such/file")
        if how == "key":
            {}["gone"]
        if how == "unicode":
            "ä".encode("ascii")
        if how == "slotted":
            error = Slotted("slot")
            error.part = 5
            raise error
        if how == "nested class":
            raise Outer.Inner("inner")
        if how == "no arguments":
            raise Exception
        if how == "import":
            import no_such_module
        if how == "json":
            import json
            json.loads("{]")

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

    def in_context():
        ran("in_context")
        try:
            {}["gone"]
        except KeyError:
            raise ValueError("while handling")

    def in_two_contexts():
        ran("in_two_contexts")
        try:
            fail_inside()
        except KeyError:
            raise ValueError("while handling what came while handling")

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


@pytest.mark.promise("exceptions replay with type, arguments, attributes, notes and cause")
def test_type_arguments_and_attributes_replay(round_trip):
    """Also of builtin classes with C fields, of slotted ones, and of those whose `__init__` does not fit their args."""
    round_trip(
        "shop:fail",
        test="""
            import json
            import pytest
            import shop

            def caught(how):
                try:
                    shop.fail(how)
                except BaseException as error:
                    return error

            def test_plain():
                error = caught("plain")
                assert (type(error), error.args) == (ValueError, ("no such thing", 404))

            def test_own_init():
                error = caught("own init")
                assert (type(error), error.order, error.code) == (shop.Declined, 7, 51)
                assert str(error) == "order 7 declined [51]"

            def test_attributes():
                error = caught("attributes")
                assert error.details == {"retry": [1, 2], "when": (3, 4)}

            def test_os_error():
                error = caught("os")
                assert type(error) is FileNotFoundError
                assert (error.errno, error.filename, error.strerror) == (2, "/no/such/file", "No such file or directory")
                assert str(error) == "[Errno 2] No such file or directory: '/no/such/file'"

            def test_key_error():
                assert (type(caught("key")), str(caught("key"))) == (KeyError, "'gone'")

            def test_unicode_error():
                error = caught("unicode")
                assert (error.object, error.start, error.end, error.encoding) == ("ä", 0, 1, "ascii")

            def test_slots():
                error = caught("slotted")
                assert (type(error), error.args, error.part) == (shop.Slotted, ("slot",), 5)

            def test_nested_class():
                assert type(caught("nested class")) is shop.Outer.Inner

            def test_no_arguments():
                assert (type(caught("no arguments")), caught("no arguments").args) == (Exception, ())

            def test_import_error():
                error = caught("import")
                assert (type(error), error.name) == (ModuleNotFoundError, "no_such_module")

            def test_json_error():
                error = caught("json")
                assert type(error) is json.JSONDecodeError
                assert (error.doc, error.pos, error.lineno) == ("{]", 1, 1)

            def test_a_fresh_one_each_time():
                first, second = caught("attributes"), caught("attributes")
                first.details["retry"].append(3)
                assert first is not second and second.details["retry"] == [1, 2]
        """,
        passed=12,
    )


@pytest.mark.promise("exceptions replay with type, arguments, attributes, notes and cause")
def test_causes_contexts_and_tracebacks_replay(round_trip):
    """The exception that the caller handles is not recorded: the recorded chain goes on to it."""
    round_trip(
        *("shop:chained", "shop:in_context", "shop:in_two_contexts", "shop:from_none", "shop:innocent"),
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
                assert error.__context__ is cause
                assert type(cause.__context__) is ZeroDivisionError

            def test_context():
                error = caught(shop.in_context)
                assert type(error.__context__) is KeyError
                assert error.__cause__ is None and not error.__suppress_context__

            def test_from_none():
                error = caught(shop.from_none)
                assert error.__cause__ is None and error.__suppress_context__

            @pytest.mark.parametrize("handled", [KeyError("first"), TypeError("second"), None])
            def test_handled(handled):
                assert caught(shop.innocent, handled).__context__ is handled

            def test_handled_behind_a_recorded_context():
                handled = TypeError("handled")
                context = caught(shop.in_context, handled).__context__
                assert type(context) is KeyError and context.__context__ is handled

            def test_handled_behind_two_recorded_contexts():
                handled = TypeError("handled")
                inner = caught(shop.in_two_contexts, handled).__context__.__context__
                assert type(inner) is ZeroDivisionError and inner.__context__ is handled

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
        passed=9,
        real=["chained", "in_context", "from_none", "innocent", "in_two_contexts"],
    )


@pytest.mark.promise("exceptions replay with type, arguments, attributes, notes and cause")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes and groups came with Python 3.11")
def test_notes_and_groups_replay(round_trip):
    round_trip(
        "shop:fail",
        shop="""
            from tally import ran

            class Both(ExceptionGroup):
                def derive(self, members):
                    return Both(self.message, members)

            def fail(how):
                ran("fail", how)
                if how == "notes":
                    error = ValueError("noted")
                    error.add_note("first")
                    error.add_note("second")
                    raise error
                inner = TypeError("t")
                inner.add_note("inside")
                kind = Both if how == "own" else ExceptionGroup
                raise kind("several", [ValueError("v"), ExceptionGroup("deep", [inner])])
        """,
        test="""
            import pytest
            import shop

            def test_notes():
                with pytest.raises(ValueError, match="noted") as caught:
                    shop.fail("notes")
                assert caught.value.__notes__ == ["first", "second"]

            @pytest.mark.parametrize("how", ["group", "own"])
            def test_group(how):
                try:
                    shop.fail(how)
                except* TypeError as errors:
                    deep = errors.exceptions[0].exceptions[0]
                    assert deep.__notes__ == ["inside"]
                except* ValueError as errors:
                    assert errors.message == "several"
                    assert type(errors) is (shop.Both if how == "own" else ExceptionGroup)
                else:
                    raise AssertionError("nothing was raised")
        """,
        passed=3,
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


@pytest.mark.promise("exceptions replay with type, arguments, attributes, notes and cause")
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


@pytest.mark.promise("interrupts, exits, cancellations, skips and failures are not recorded")
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
    assert run.vault == {}


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
