"""Section 5, *Logs*: each instance of a wider fixture owns its calls."""

from __future__ import annotations

import pytest

TARGETS = ["shop:sign_up sequence"]
SHOP = """
    users = iter(range(1, 99))

    def sign_up(role="guest"):
        ran("sign_up", role)
        return next(users)
"""
BOTH = ("buyer", "seller")
TWO_USERS = """
    @pytest.fixture(scope="{scope}")
    def buyer():
        return shop.sign_up()

    @pytest.fixture(scope="{scope}")
    def seller():
        return shop.sign_up()

    class TestUsers:
        def test_buyer(self, buyer):
            assert buyer == 1

        def test_seller(self, seller):
            assert seller == 2
"""


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_two_instances_that_make_an_equal_call_get_their_own_answers(project, scope):
    """In a whole run, alone, and in another order."""
    project.tests(TWO_USERS.format(scope=scope))
    project.record().expect(passed=2, real=["sign_up guest"] * 2)
    buyer, seller = (f"test_shop.py::TestUsers::test_{who}" for who in BOTH)

    for selected in ([], [seller, buyer]):
        project.replay(*selected).expect(passed=2, real=[])
    for alone in (buyer, seller):
        project.replay(alone).expect(passed=1, real=[])


@pytest.mark.parametrize("scope", ["module", "session"])
def test_instances_in_two_workers_get_their_own_answers(project, scope):
    project.tests(TWO_USERS.format(scope=scope))
    project.record_once(passed=2)

    project.replay("-n", "2").expect(passed=2, real=[])


# The fixtures of which a test gets a region and a user.
PARAMETERS = {
    "its own": """
        @pytest.fixture(scope="module", params=["eu", "us"])
        def user(request):
            return request.param, shop.sign_up()
    """,
    "those of a fixture that it requests": """
        @pytest.fixture(scope="module", params=["eu", "us"])
        def region(request):
            return request.param

        @pytest.fixture(scope="module")
        def user(region):
            return region, shop.sign_up()
    """,
}


@pytest.mark.parametrize("fixtures", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_tell_instances_of_a_fixture_apart(project, fixtures):
    project.tests(f"""{fixtures}
        def test_user(user):
            assert user in [("eu", 1), ("us", 2)]
    """)
    project.record().expect(passed=2, real=["sign_up guest"] * 2)

    project.replay("test_shop.py::test_user[us]").expect(passed=1, real=[])
    project.replay().expect(passed=2, real=[])


def test_an_instance_that_is_set_up_again_starts_over(project):
    project.tests("""
        @pytest.fixture(scope="module")
        def user():
            return [shop.sign_up(), shop.sign_up()]

        def test_one(user):
            assert user == [1, 2]
    """)
    project.write("test_between.py", "def test_nothing(): pass")
    order = ["test_shop.py", "test_between.py", "test_shop.py"]
    project.record(*order).expect(passed=2, real=["sign_up guest"] * 2)

    project.replay(*order).expect(passed=2, real=[])


def test_two_folders_with_a_fixture_of_one_name_have_two_owners(project):
    for number, folder in enumerate(("a", "b"), start=1):
        project[f"{folder}/conftest.py"] = """
            import pytest, shop

            @pytest.fixture(scope="session")
            def user():
                return shop.sign_up()
        """
        project.write(
            f"{folder}/test_{folder}.py",
            f"def test_user(user):\n    assert user == {number}\n",
        )
    project.ini(*TARGETS, pythonpath=".")
    project.record().expect(passed=2, real=["sign_up guest"] * 2)

    project.replay("b").expect(passed=1, real=[])
    project.replay("b", "a").expect(passed=2, real=[])
