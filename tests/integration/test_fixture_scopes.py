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


def test_rerecording_keeps_the_longest_round_of_a_scope(project):
    """A later round with fewer calls does not drop the others."""
    project.module(COUNTER)
    project["test_a.py"] = """
        rounds = []

        @pytest.fixture(scope="module")
        def answers():
            rounds.append(1)
            return [shop.get("x") for _ in range(3 - len(rounds))]

        def test_one(answers):
            assert len(answers) == 2

        def test_two(answers):
            assert answers
    """
    project.write("test_b.py", "def test_between(): pass")
    order = ["test_a.py::test_one", "test_b.py", "test_a.py::test_two"]

    project.record("test_a.py").expect(passed=2, real=["get x"] * 2)
    project.run("--mimic-rerecord", *order).expect(passed=3, real=["get x"] * 3)

    project.record("test_a.py").expect(passed=2, real=[])


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
