"""Section 5, outcome: values and exceptions replay as they were; what cannot be stored is refused and leaves nothing behind."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib import import_module
from textwrap import indent

import pytest

with suppress(ImportError):
    import numpy  # noqa: F401  # a run in process forgets what it was first to import, and this loads only once

# -- values


def test_each_replay_returns_a_fresh_copy(project):
    """Plain data, and a pickle."""
    project.module("""
        class Point:
            def __init__(self):
                self.xs = [1]

        def rows():
            ran("rows")
            return {"rows": [1]}

        def points():
            ran("points")
            return [Point()] * 2
    """)
    project.test("""
        for _ in range(3):
            got, points = shop.rows(), shop.points()
            assert got == {"rows": [1]} and points[0].xs == [1] and points[0] is points[1]
            got["rows"].append(2), points[0].xs.clear()
    """)
    project.round_trip("shop:rows", "shop:points", passed=1, real=["rows", "points"])


def test_each_replay_of_large_arrays_gives_arrays_of_its_own(project):
    """They are megabytes long, and one of them is no multiple of a number's length."""
    pytest.importorskip("numpy")
    project.ini("shop:measure")
    project.module("""
        import numpy as np

        def measure():
            fixed = np.full(1_000_003, 7, dtype="int8")
            fixed.flags.writeable = False
            return {"fixed": fixed, "odd": fixed + 1, "prices": np.ones(300_000)}
    """)
    project.tests("""
        import numpy as np, shop

        def test_it():
            first = shop.measure()
            first["prices"][:] = 3
            first["odd"][-1] = 0
            second = shop.measure()
            assert (second["prices"] == 1).all()
            assert (second["odd"] == 8).all()
            assert (second["fixed"] == 7).all()
            assert all(one.flags.writeable for one in second.values())
            assert all(one.flags.aligned for one in second.values())
    """)
    project.record().expect(passed=1)
    before = project.files()

    project.replay().expect(passed=1, says=["2 calls replayed"])

    assert project.files() == before


# -- exceptions


SHOP = """
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


def test_causes_and_tracebacks_replay(project):
    """The exception that the caller handles is not recorded: the recorded chain goes on to it."""
    project.tests("""
        import traceback

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
    """)
    project.round_trip(
        "shop:chained",
        "shop:from_none",
        "shop:innocent",
        passed=6,
        real=["chained", "from_none", "innocent"],
    )


def test_the_traceback_ends_at_the_callers_line(project):
    project.ini("shop:innocent")
    test = "import pytest, shop\n\ndef helper():\n    shop.innocent()\n\n{mark}def test_it():\n    helper()\n"
    project.tests(test.format(mark="@pytest.mark.xfail\n"))
    project.record().expect(xfailed=1, real=["innocent"])
    project.tests(test.format(mark=""))

    project.replay().expect(
        failed=1, real=[], says=["test_shop.py:4: ValueError"], never=["pytest_mimic/"]
    )


def test_an_interruption_is_never_recorded(project):
    """This holds for an interrupt, an exit, a cancellation, and a skip or failure of pytest."""
    project.ini("shop:stop", "shop:stop_async")
    project.module("""
        import asyncio, concurrent.futures, unittest, pytest

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

    # The next run misses what was not cancelled.
    run = project.record().expect(passed=1, exit_code=1)

    assert run.real == [
        f"{call} {number}" for number in range(11) for call in ("stop", "stop_async")
    ]
    assert run.vault == {}
    reasons = [
        "raised SystemExit",
        "was cancelled",
        "was cancelled",
        "was cancelled",
        "raised SkipTest",
    ]
    rows = [line.strip() for line in run.section]
    notes = [row.partition(" ")[2] for row in rows if row.startswith("shop:stop(")]
    assert [note.partition(": not recorded")[0] for note in notes] == reasons
    # Those of pytest and the class of the project, of both functions.
    assert rows[-1] == "and 8 more"


def test_recordings_made_before_an_interrupt_stay(project):
    project.ini("shop:fetch")
    source = "def fetch(city):\n    if city == '{}':\n        raise KeyboardInterrupt\n    return city\n"
    project.module(source.format("Rome"))
    project.test("shop.fetch('Oslo'), shop.fetch('Rome')")
    stopped = project.record().expect(exit_code=2)
    project.module(source.format("Nowhere"))

    run = project.record("-o", "mimic_source=ignore").expect(passed=1)

    assert len(stopped.calls) == 1
    assert stopped.vault.items() < run.vault.items()


# -- refusals


REFUSED = """
    from dataclasses import dataclass

    @dataclass
    class Row:
        id: int
        handle: object = None

    handle = None

    def bad(how):
        ran("bad", how)
        if how == "file":
            return [Row(1), Row(4, handle)]
        if how == "lock":
            return {"a": [threading.Lock()]}
        if how == "raises":
            raise ValueError("bad", threading.Lock())

    def soft(how):
        try:
            return bad(how)
        except Exception:
            return None
"""


@pytest.fixture
def refusing(project):
    """A function whose outcomes cannot be stored."""
    project.ini("shop:bad")
    project.module(REFUSED)
    return project


@pytest.mark.parametrize(
    ("how", "verb", "part"),
    [
        ("file", "returned", "result[1].handle: an open file"),
        ("raises", "raised", "exception.args[1]: a thread lock"),
    ],
)
def test_the_refusal_names_the_part(refusing, how, verb, part):
    refusing.test(f"with open(__file__) as shop.handle:\n    shop.bad({how!r})")

    run = refusing.record("-W", "ignore").expect(
        failed=1, real=[f"bad {how}"], never=["pytest_mimic/"]
    )

    told = run.error
    start = told.index(f"UnstorableOutcomeError: what shop:bad {verb} cannot be stored")
    assert told[start + 1 : start + 3] == [part, "nothing was recorded"]
    assert run.vault == {}


def test_a_refused_outcome_replaces_no_recording(refusing):
    """It can be recorded once it is storable.

    What the code made of the refusal is not recorded.
    """
    refusing.test("shop.bad('lock')")
    refusing.record().expect(failed=1)
    refusing.replay().expect(failed=1, says=["no recording of shop:bad(how='lock')"])
    refusing.module(REFUSED.replace("[threading.Lock()]", "['a lock']"))
    good = refusing.record().expect(passed=1, real=["bad lock"])
    refusing.replay().expect(passed=1, real=[])
    refusing.module(REFUSED)
    refusing.test("shop.soft('lock')")

    run = refusing.run("--mimic-rerecord").expect(failed=1, says=["a thread lock"])

    assert run.vault == good.vault


# -- exceptions of clients


# What a client does, what of its exception a test looks at, and what is not kept.
CLIENTS = {
    "requests": (
        "requests.get(url).raise_for_status()",
        "(error.response.status_code, error.response.json()['error']) == (404, 'not found')",
        "exception.response.raw",
    ),
    "requests, refused": (
        "requests.get(NOWHERE)",
        "isinstance(error, requests.ConnectionError) and error.request.url == NOWHERE",
        "exception.args[0].pool",
    ),
    "httpx": (
        "httpx.get(url).raise_for_status()",
        "(error.response.status_code, error.response.json()['error']) == (404, 'not found')",
        "exception._request.extensions.timeout",
    ),
    "urllib": (
        "urllib.request.urlopen(url)",
        "(error.code, error.headers['Content-Type']) == (404, 'application/json')",
        "exception.fp",
    ),
    "openai": (
        "openai.OpenAI(api_key='k', base_url=url, max_retries=0).models.list()",
        "isinstance(error, openai.NotFoundError) and error.status_code == 404",
        "exception.response",
    ),
    "sqlalchemy": (
        "sqlalchemy.create_engine('sqlite://').connect().exec_driver_sql('SELECT x')",
        "(error.code, error.statement, str(error.orig)) == ('e3q8', 'SELECT x', 'no such column: x')",
        "",
    ),
    "aiohttp": (
        "asyncio.run(get_by_aiohttp(url))",
        "(error.status, error.message) == (404, 'Not Found') and 'Host' in error.request_info.headers",
        "",
    ),
    "boto3": (
        "boto3.client('s3', endpoint_url=url, **KEYS).get_object(Bucket='a', Key='b')",
        "error.response['ResponseMetadata']['HTTPStatusCode'] == 404",
        "",
    ),
    "grpc": (
        "grpc.insecure_channel('127.0.0.1:1').unary_unary('/S/Find')(b'x', timeout=1)",
        "error.code() is grpc.StatusCode.UNAVAILABLE and 'UNAVAILABLE' in str(error)",
        "exception._state.condition",
    ),
}


def test_an_exception_of_a_client_comes_back_without_what_cannot_be_kept(
    project, server
):
    """Of urllib, and of those that are installed."""
    installed, functions, tests = [], "", ""
    for client in CLIENTS:
        with suppress(ImportError):
            import_module(client.partition(",")[0])
            installed.append(client)
    for number, client in enumerate(installed):
        call, check, _ = CLIENTS[client]
        library = client.partition(",")[0]
        functions += f"""
        def ask{number}(url):
            import {library}
            ran("ask", {number})
            {call}
        """
        tests += f"""
        def test_{number}():
            import {library}
            with pytest.raises(Exception) as caught:
                shop.ask{number}("{server.url}/gone")
            error = caught.value
            assert {check}
        """
    count = len(installed)
    project.ini(*[f"shop:ask{number}" for number in range(count)])
    project.module(f"""
        import asyncio, urllib.request

        NOWHERE = "http://127.0.0.1:1/"
        KEYS = {{"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}}

        async def get_by_aiohttp(url):
            import aiohttp
            async with aiohttp.ClientSession(raise_for_status=True) as session:
                await session.get(url)
        {functions}
    """)
    project.tests(f"""
        from shop import NOWHERE
        {tests}
    """)

    project.monkeypatch.setenv("COLUMNS", "4000")
    run = project.record("-W", "ignore", "-v")
    run.expect(passed=count, real=[f"ask {number}" for number in range(count)])
    project.replay("-W", "ignore").expect(passed=count, real=[])

    named = [line for line in run.section if "exception." in line]
    for number, client in enumerate(installed):
        left_out = CLIENTS[client][2]
        rows = "".join(line for line in named if f"shop:ask{number}: " in line)
        assert left_out in rows if left_out else not rows


def test_no_key_of_a_request_is_kept_with_an_exception(project, server, monkeypatch):
    pytest.importorskip("httpx")
    keys = [
        "sk-proj-4f8a77e1b2c4d5e6f708192a3b4c5d6e7f",
        "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    ]
    monkeypatch.setenv("SHOP_API_KEY", keys[1])
    project.ini("shop:ask")
    project.module(f"""
        def ask():
            headers = {{"Authorization": "Bearer {keys[0]}", "X-Key": os.environ["SHOP_API_KEY"]}}
            httpx.get("{server.url}/gone", headers=headers).raise_for_status()
    """)
    project.test("""
        with pytest.raises(httpx.HTTPStatusError) as caught:
            shop.ask()
        assert caught.value.response.status_code == 404
    """)

    run = project.record().expect(passed=1)
    project.replay().expect(passed=1)

    kept = b"".join(run.vault.values())
    assert b"Bearer" in kept
    assert not [key for key in keys if key.encode() in kept]


# -- what the recording of a pickle shows


PICKLES = """
    def _basket(attributes):
        made = Basket.__new__(Basket)
        vars(made).update(attributes)
        return made

    class Basket:
        def __init__(self, **attributes):
            vars(self).update(attributes)

        def __reduce__(self):
            return _basket, (vars(self),)

    def basket(password):
        return Basket(items=["pen", "ink"], total=12.5, password=password, note="for " + password)
"""


def test_a_recording_shows_what_its_pickle_holds(project):
    """What stands under the name of a secret is redacted."""
    project.ini("shop:basket")
    project.module(PICKLES)
    project.test("assert shop.basket('hunter22').total in (12.5, 13.0)")
    [call] = project.record().expect(passed=1).calls
    project.module(PICKLES.replace("total=12.5", "total=13.0"))

    drifted = project.run("--mimic-verify").expect(
        failed=1, says=["total: 12.5 recorded, 13.0 now"]
    )

    assert call.pickle["view"]["shows"] == {
        "items": ["pen", "ink"],
        "note": "for mimic-redacted",
        "password": "mimic-redacted",
        "total": 12.5,
    }
    said = drifted.output.replace("shop.basket('hunter22')", "")
    assert "hunter22" not in call.text + said


def test_a_pickle_with_a_name_that_has_a_value_of_the_environment_is_refused(project):
    secret = "zx81-spectrum-4711-abcd"
    project.ini("shop:give")
    project.module(f"""
        {indent(PICKLES, "    ")}
        def give():
            return Basket(**{{"y" * 85 + os.environ["SHOP_TOKEN"]: 1}})
    """)
    project.test("shop.give()")

    recorded = project.record(env={"SHOP_TOKEN": secret})

    recorded.expect(failed=1, never=[secret[:8]], says=["the value of SHOP_TOKEN"])
    for content in recorded.vault.values():
        for part in (secret[:8].encode(), secret[:2].encode().hex(" ").encode()):
            assert part not in content


def test_a_pickle_whose_library_has_changed_is_stale(project):
    library = """
        def make({parameters}):
            return Row(number)

        class Row:
            def __init__(self, number):
                self.number = number

            def __reduce__(self):
                return make, (self.number,)
    """
    project.write("library.py", library.format(parameters="number"))
    project.module("""
        import library

        def load():
            return library.Row(1)
    """)
    project.ini("shop:load", mimic_inputs="ignore")
    project.test("assert shop.load().number == 1")
    project.record().expect(passed=1)
    project.write("library.py", library.format(parameters="number, unit"))

    run = project.replay().expect(failed=1, says=["make() missing 1 required"])

    assert "StaleRecordingError" in run.output
    assert "pytest --mimic-rerecord" in run.output


def test_what_another_version_may_not_load_is_named_while_recording(project):
    """A function by value is bound to its Python. An array is loaded by any numpy."""
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    project.ini("shop:*")
    project.module("""
        import numpy, pandas

        def series(): return pandas.Series(range(99)).groupby(lambda n: n % 2)
        def other(): return lambda: 1
        def numbers(): return {1: {2, numpy.float32}, "a": numpy.zeros(9)}
    """)
    project.tests(
        "import shop\ndef test(): shop.series(); shop.other(); shop.numbers()"
    )

    [told] = [
        line
        for line in project.record().expect(passed=1).section
        if line.startswith("outcomes that another version may not load")
    ]

    python = ".".join(platform.python_version_tuple()[:2])
    assert f"Python {python}" in told
    assert f"pandas {pandas.__version__}" in told
    assert numpy.__version__ not in told


def test_an_exception_that_is_a_pickle_is_named_by_its_class(project):
    pytest.importorskip("pydantic")
    project.ini("shop:order")
    project.module("""
        from pydantic import BaseModel

        class Order(BaseModel):
            number: int

        def order(number):
            return Order(number=number)
    """)
    project.test("""
        with pytest.raises(ValueError, match="a valid integer"):
            shop.order("seven")
    """)

    project.record().expect(passed=1)

    shown = project.command("ls").out
    assert "shop:order(number='seven'), raised ValidationError, unproven " in shown


@pytest.mark.parametrize(
    ("gone", "says", "never"),
    [
        ("models.py", "models is not installed here", "any more"),
        # As `numpy.rec` of numpy 2 in numpy 1. Another class of its name does not stand in.
        ("models/rec.py", "there is no models.rec:Model any more", "is not installed"),
    ],
)
def test_a_library_that_is_missing_is_told_from_a_part_that_is_gone(
    project, gone, says, never
):
    name = gone.removesuffix(".py").replace("/", ".")
    project.ini("shop:fit")
    project.module(f"""
        def fit():
            import {name}
            return [{name}.Model()] * 2
    """)
    if "/" in gone:
        project.write("models/__init__.py", "class Model:\n    pass\n")
    model = project.write(
        gone, "class Model:\n    def __reduce__(self): return Model, ()\n"
    )
    project.test("shop.fit()")
    project.record().expect(passed=1)
    model.unlink()

    project.replay().expect(failed=1, says=[says], never=[never])


LATE = """
    import helper

    def load():
        ran("load")
        return helper.row(1)

    def load_own():
        ran("load_own")
        import library
        return library.Row(2)
"""


def late(project):
    """Make a project in which nothing but a call imports the class of its outcome."""
    project.write(
        "library.py",
        """
        exec("import colorsys", {})  # as scipy makes functions of texts

        class Row:
            def __init__(self, number):
                self.number = number
        """,
    )
    project.write(
        "helper.py",
        "def row(number):\n    import library\n    return library.Row(number)\n",
    )
    project.module(LATE)
    return project


def test_what_only_the_real_call_has_imported_comes_back(project):
    """As a pickle, which imports its class; a replay imports what the function itself imports."""
    late(project).tests("""
        def test_helper(): assert shop.load().number == 1
        def test_own(): assert shop.load_own().number == 2
    """)

    project.round_trip("shop:*", passed=2, real=["load", "load_own"])

    [pickled] = project.vault.glob("objects/*/*.pkl")
    assert b"Row" in pickled.read_bytes()


def test_what_only_the_real_call_has_imported_is_refused_where_nothing_is_unpickled(
    project,
):
    late(project).ini("shop:load", mimic_pickle="forbid")
    project.test("shop.load()")

    project.record().expect(
        failed=1,
        says=[
            "an object of library, which only the real call imports",
            "import it where the function is defined",
        ],
    )


def test_a_function_that_was_returned_is_the_same_argument_in_a_replay(project):
    project.module("""
        def make(step):
            ran("make", step)
            return lambda number: number + step

        def use(function, number):
            ran("use", number)
            return function(number)
    """)
    project.test("assert shop.use(shop.make(2), 3) == 5")
    project.round_trip("shop:make", "shop:use", passed=1, real=["make 2", "use 3"])


def test_a_function_that_lacks_what_it_refers_to_is_refused(project):
    """Its copy would never get it: the class behind `super()`, or the function itself."""
    project.ini("shop:marked")
    project.module("def marked(function): return function")
    project.tests("""
        def test_super():
            class Child(dict):
                @shop.marked
                def size(self): return super().__len__()

        def test_itself():
            @shop.marked
            def down(number): return number and down(number - 1)
    """)

    project.record().expect(
        failed=2,
        says=[
            "result.closure.__class__: what the function refers to, and is not there yet",
            "result.closure.down: what the function refers to, and is not there yet",
        ],
    )
