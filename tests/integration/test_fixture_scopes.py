"""Section 2, `sequence`: calls of wider fixtures belong to the scope of these."""

from __future__ import annotations

from support.unsteady_shop import SHOP  # noqa: F401 - the project's module

INPUTS = "warn"
TARGETS = ["shop:get sequence"]


def test_wider_fixtures_own_their_calls(project):
    """Calls of a module's or session's fixture do not belong to the test that came first."""
    project.conftest("""
        @pytest.fixture(scope="session")
        def login():
            answers = shop.patient("/login")
            yield answers
            assert shop.get("/login") == 503
    """)
    for name in ("a", "b"):
        project[f"test_{name}.py"] = """
            import pytest, shop

            @pytest.fixture(scope="module")
            def opened():
                return shop.patient("/open")

            def test_one(login, opened):
                assert login == [503, 503, 200] and opened == [503, 503, 200]
                assert shop.patient("/open") == [503, 503, 200]

            def test_two(login, opened):
                assert login == [503, 503, 200] and opened == [503, 503, 200]
                assert shop.patient("/open") == [503, 503, 200]
        """
    project.round_trip(passed=4)
    project.replay("test_b.py::test_two").expect(passed=1, real=[])
    project.replay("test_b.py", "test_a.py").expect(passed=4, real=[])


COUNTER = """
    numbers = iter(range(1, 99))

    def get(path):
        ran("get", path)
        return next(numbers)
"""


def test_a_fixture_and_the_one_that_it_overrides_own_their_calls(project):
    project.module("""
        numbers = iter(range(1, 9))

        def get():
            ran("get")
            return next(numbers)
    """)
    project.conftest("""
        @pytest.fixture(scope="module")
        def user():
            return [shop.get()]
    """)
    project.tests("""
        @pytest.fixture(scope="module")
        def user(user):
            return [*user, shop.get()]

        def test_it(user):
            assert user == [1, 2]
    """)
    project.round_trip(passed=1)
