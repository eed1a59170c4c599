"""Section 4: `mimic` as a context manager, a decorator and a marker."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    def fetch(city, session=None):
        ran("fetch", city)
        return [city]

    async def fetch_async(city):
        ran("fetch_async", city)
        return [city]

    class Client:
        def get(self, path):
            ran("get", path)
            return path

    count = [0]

    def next_one():
        ran("next_one")
        count[0] += 1
        return count[0]
"""


def test_a_marker_with_false_leaves_a_test_out(project):
    """Its calls run for real and are not recorded; what a wider fixture asks for others is."""
    project.ini("shop:fetch")
    project.module(SHOP)
    project.tests("""
        @pytest.fixture(scope="module")
        def town():
            return shop.fetch("Oslo")

        @pytest.mark.mimic(False)
        class TestApart:
            def test_left_out(self, town):
                assert shop.fetch("Rome") == ["Rome"]

            @pytest.mark.mimic("shop:fetch ignore=session")
            def test_taken_in(self):
                assert shop.fetch("Bern") == ["Bern"]
    """)

    run = project.record().expect(passed=2)

    assert run.real == ["fetch Oslo", "fetch Rome", "fetch Bern"]
    recorded = sorted(call.arguments["city"] for call in run.calls)
    assert recorded == ["Bern", "Oslo"]
    project.run("--mimic-fail-on-unused").expect(passed=2, real=["fetch Rome"])


def test_context_manager_decorator_and_marker_mimic_calls(project):
    project.tests("""
        from pytest_mimic import mimic

        def test_block():
            shop.fetch("before")
            with mimic("shop:fetch"):
                assert shop.fetch("Oslo") == ["Oslo"]
            shop.fetch("after")

        def test_function_itself():
            with mimic(shop.fetch, shop.Client.get):
                assert shop.fetch("Oslo") == ["Oslo"] and shop.Client().get("/a") == "/a"

        def test_line_with_options():
            with mimic("shop:fetch ignore=city") as entered:
                assert shop.fetch("Rome") in (["Rome"], ["Bern"])
                assert shop.fetch("Bern") == shop.fetch("Rome")

        @mimic("shop:fetch")
        def test_decorated():
            assert shop.fetch("Oslo") == ["Oslo"]

        @mimic("shop:fetch")
        @pytest.mark.parametrize("city", ["Oslo", "Wien"])
        def test_decorated_with_arguments(city, tmp_path):
            assert shop.fetch(city) == [city] and tmp_path.is_dir()

        @pytest.mark.mimic("shop:fetch")
        def test_marked():
            assert shop.fetch("Oslo") == ["Oslo"]

        @pytest.mark.mimic.with_args(shop.fetch)
        def test_marked_with_the_function():
            assert shop.fetch("Oslo") == ["Oslo"]

        @pytest.mark.mimic("shop:next_one", sequence=True)
        def test_marked_with_options():
            first, second = shop.next_one(), shop.next_one()
            assert second == first + 1

        @mimic("shop:fetch", ignore=("session",))
        def test_options_as_a_tuple():
            assert shop.fetch("Oslo", session=object()) == ["Oslo"]

        @mimic("shop:fetch", key=lambda arguments: arguments["city"])
        def test_key():
            with open(__file__) as session:
                assert shop.fetch("Oslo", session=session) == ["Oslo"]
    """)
    first = project.record("-W", "ignore").expect(passed=11)
    assert first.real.count("fetch Oslo") == 3

    project.run("-W", "ignore").expect(passed=11, real=["fetch before", "fetch after"])


def test_a_marker_covers_fixtures_and_teardown(project):
    project.tests("""
        @pytest.fixture
        def around():
            yield shop.fetch("setup")
            assert shop.fetch("teardown") == ["teardown"]

        @pytest.mark.mimic("shop:fetch")
        @pytest.mark.usefixtures("around")
        def test_it():
            assert shop.fetch("call") == ["call"]
    """)
    project.round_trip(passed=1, real=["fetch setup", "fetch call", "fetch teardown"])


def test_markers_work_on_classes_modules_and_unittest(project):
    project["test_module.py"] = """
        pytestmark = pytest.mark.mimic("shop:fetch")

        def test_function():
            assert shop.fetch("Oslo") == ["Oslo"]

        class TestClass:
            def setup_method(self):
                self.got = shop.fetch("Rome")

            def test_method(self):
                assert self.got == ["Rome"]

        @pytest.mark.mimic("shop:Client.get")
        class TestMarked:
            def test_both(self):
                assert shop.Client().get("/a") == "/a" and shop.fetch("Oslo") == ["Oslo"]
    """
    project["test_unittest.py"] = """
        import unittest
        from pytest_mimic import mimic

        @pytest.mark.mimic("shop:fetch")
        class TestMarked(unittest.TestCase):
            def setUp(self):
                self.got = shop.fetch("setUp")

            def tearDown(self):
                assert shop.fetch("tearDown") == ["tearDown"]

            def test_it(self):
                self.assertEqual(shop.fetch("Oslo"), ["Oslo"])

            @pytest.mark.mimic("shop:Client.get")
            def test_method(self):
                self.assertEqual(shop.Client().get("/b"), "/b")

        class TestDecorated(unittest.TestCase):
            @mimic("shop:fetch")
            def test_it(self):
                self.assertEqual(shop.fetch("Oslo"), ["Oslo"])

        @pytest.mark.mimic("shop:fetch_async")
        class TestAsync(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                self.got = await shop.fetch_async("asyncSetUp")

            async def test_it(self):
                self.assertEqual(await shop.fetch_async("Oslo"), ["Oslo"])

            @mimic("shop:fetch")
            async def test_decorated(self):
                self.assertEqual(shop.fetch("Oslo"), ["Oslo"])
    """
    project.round_trip(passed=8)


def test_async_tests_can_be_decorated_and_marked(project):
    pytest.importorskip("pytest_asyncio")
    pytest.importorskip("anyio")
    project.ini(asyncio_default_fixture_loop_scope="function")
    project.tests("""
        import pytest, pytest_asyncio, shop
        from pytest_mimic import mimic

        @pytest_asyncio.fixture
        async def got():
            return await shop.fetch_async("fixture")

        @pytest.mark.asyncio
        @mimic("shop:fetch_async")
        async def test_decorated():
            assert await shop.fetch_async("Oslo") == ["Oslo"]

        @pytest.mark.asyncio
        @pytest.mark.mimic("shop:fetch_async")
        async def test_marked(got):
            assert got == ["fixture"] and await shop.fetch_async("Oslo") == ["Oslo"]

        @pytest.mark.anyio
        @mimic("shop:fetch_async")
        async def test_anyio(anyio_backend):
            assert await shop.fetch_async(anyio_backend[0]) == [anyio_backend[0]]
    """)
    plugins = ["asyncio", "anyio"]
    passed = project.record(plugins=plugins).outcomes["passed"]

    project.replay(plugins=plugins).expect(passed=passed, real=[])
    assert passed >= 3


def test_a_generator_or_a_class_cannot_be_decorated(project):
    project.test("""
        from pytest_mimic import mimic
        with pytest.raises(TypeError, match="mimic cannot decorate the generator .*oslo: write `with mimic"):
            @mimic("shop:fetch")
            def oslo():
                yield shop.fetch("Oslo")
        with pytest.raises(TypeError, match="mimic cannot decorate the class .*Oslo: write @pytest.mark.mimic"):
            @mimic("shop:fetch")
            class Oslo:
                pass
    """)

    project.run().expect(passed=1, real=[])


def test_the_innermost_options_win(project):
    project.ini("shop:fetch")
    project.tests("""
        from pytest_mimic import mimic

        @pytest.mark.mimic("shop:fetch", ignore="city")
        def test_marker():
            assert shop.fetch("Oslo") == shop.fetch("Rome") == ["Oslo"]

        def test_ini():
            assert shop.fetch("Oslo") != shop.fetch("Rome")

        def test_block():
            with mimic("shop:fetch", ignore="city"):
                assert shop.fetch("Oslo") == shop.fetch("Rome")
            assert shop.fetch("Oslo") != shop.fetch("Rome")
    """)
    project.record("-p", "no:randomly").expect(passed=3)

    project.replay().expect(passed=3, real=[])


WRONG = {
    "'shop:fetsh'": "shop:fetsh does not exist in shop (did you mean fetch?)",
    "'shopp:fetch'": "shopp:fetch does not exist: there is no module shopp (did you mean shop?)",
    "'shop:fetch', sequense=True": "there is no option sequense (did you mean sequence?)",
    "42": "42 is not",
}


def test_a_wrong_target_is_a_target_error(project):
    tests = [
        "import pytest, shop\nfrom pytest_mimic import mimic\n\ndef test_right():\n    pass\n"
    ]
    for at, given in enumerate(WRONG):
        tests += (
            f"@pytest.mark.mimic.with_args({given})\ndef test_{at}_marker():\n    pass\n",
            f"def test_{at}_decorator():\n    @mimic({given})\n    def inner():\n        pass\n    inner()\n",
            f"def test_{at}_block():\n    with mimic({given}):\n        pass\n",
        )
    project.tests("\n".join(tests))

    run = project.run().expect(
        passed=1, errors=4, failed=8, never=["INTERNALERROR", "pytest_mimic/"]
    )

    for message in WRONG.values():
        assert (
            sum("TargetError: " in line and message in line for line in run.error) == 3
        ), message


def test_without_the_plugin_it_does_nothing(project):
    project.ini(markers="mimic(*targets): pytest-mimic")
    project.tests("""
        from pytest_mimic import mimic

        @mimic("shop:fetch")
        def test_decorated():
            with mimic("shop:Client.get"):
                shop.fetch("Oslo")

        @pytest.mark.mimic("shop:fetch")
        def test_marked():
            shop.fetch("Oslo")
    """)

    run = project.run("-p", "no:mimic", "-p", "no:pytest_mimic.plugin", process=True)

    run.expect(passed=2, real=["fetch Oslo", "fetch Oslo"])


@pytest.mark.parametrize(
    "text",
    [
        "@pytest.mark.mimic\ndef test_it(): pass",
        "def test_it():\n    with mimic(): pass",
    ],
)
def test_a_marker_or_block_without_targets_fails(project, text):
    project.tests(f"import pytest\nfrom pytest_mimic import mimic\n\n{text}\n")

    outcome = {"failed": 1} if "with" in text else {"errors": 1}
    project.run().expect(says=["TargetError", "names no target"], **outcome)
