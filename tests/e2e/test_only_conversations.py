"""`--mimic-only` selects conversations at clients as a whole: what comes before a selected call runs for real, too."""

from __future__ import annotations

import pytest
from support.cart_server import cart_server

pytest.importorskip("requests")
pytest.importorskip("sqlalchemy")

SHOP = """
    import os, requests

    def send(method, path, **options):
        return requests.request(method, os.environ["API"] + path, **options).json()

    def fill(path, *items):
        send("DELETE", path)
        for item in items:
            send("POST", path, json={"item": item})
        return send("GET", path)
"""
TEST = """
    import os, pytest, shop

    @pytest.mark.parametrize("path", ["/cart", "/list"])
    def test_it(path):
        assert shop.fill(path, "tea") == ["tea"]
"""
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def shop(project):
    """A project with two recorded conversations, and the server that they were recorded with."""
    project.ini("requests ignore=port,headers.host")
    project.tests(TEST)
    with cart_server() as server:
        project.server = server
        project.env = {"API": server.url}
        project.run("--mimic-record", env=project.env).expect(passed=2)
        server.take()
        yield project


CART = ["DELETE /cart", "POST /cart tea", "GET /cart"]


@pytest.mark.promise("--mimic-only takes a conversation whole if one of its calls matches")
@pytest.mark.parametrize("mode", ["rerecord", "verify", "live"])
@pytest.mark.parametrize(
    ("pattern", "again"),
    [("/cart", False), ("GET /cart", True), ("DELETE /cart", False), ("127.0.0.1/cart", False)],
)
def test_a_conversation_is_taken_whole(shop, mode, pattern, again):
    run = shop.run(f"--mimic-{mode}", f"--mimic-only={pattern}", env=shop.env)

    run.expect(passed=2, never=["matched no call"])
    assert shop.server.take() == CART
    assert run.changed == set()
    assert ("run again from the start, because --mimic-only selects a later call:" in run.section) == again


@pytest.mark.parametrize("pattern", ["requests", "POST"])
def test_a_client_or_a_verb_selects_all(shop, pattern):
    shop.run("--mimic-rerecord", f"--mimic-only={pattern}", env=shop.env).expect(passed=2)

    assert shop.server.take() == [*CART, *[one.replace("cart", "list") for one in CART]]


@pytest.mark.promise("--mimic-only takes a conversation whole if one of its calls matches")
def test_recording_takes_new_calls_of_a_selected_conversation(shop):
    shop.tests(TEST.replace('"tea")', '"tea", "milk")').replace('["tea"]', '["tea", "milk"]'))

    run = shop.record("--mimic-only=GET /cart", env=shop.env)

    run.expect(passed=1, failed=1, says=["no recording of http POST /list"])
    assert shop.server.take() == ["DELETE /cart", "POST /cart tea", "POST /cart milk", "GET /cart"]
    shop.run("-k", "cart", env={"API": NOWHERE}).expect(passed=1, deselected=1)


def test_recording_runs_no_test_again_without_a_new_call(shop):
    shop.record("--mimic-only=GET /cart", env=shop.env).expect(passed=2, never=["run again"])

    assert shop.server.take() == []


@pytest.mark.promise("--mimic-only takes a conversation whole if one of its calls matches")
@pytest.mark.parametrize("function", ["fill", "fill_later", "fill_slowly", "fill_slowly_later"])
def test_what_is_mimicked_inside_of_a_live_function_is_live(shop, function):
    """Its calls were not recorded on their own."""
    shop.ini("requests ignore=port,headers.host", "shop:*", "!shop:send")
    shop.module(
        SHOP
        + """
    async def fill_later(path, *items):
        return fill(path, *items)

    def fill_slowly(path, *items):
        yield fill(path, *items)

    async def fill_slowly_later(path, *items):
        yield fill(path, *items)
"""
    )
    shop.tests("""
        import asyncio, shop

        async def first(stream):
            return [item async for item in stream][0]

        def test_it():
            assert shop.fill("/cart", "tea") == ["tea"]
            assert asyncio.run(shop.fill_later("/cart", "tea")) == ["tea"]
            assert list(shop.fill_slowly("/cart", "tea")) == [["tea"]]
            assert asyncio.run(first(shop.fill_slowly_later("/cart", "tea"))) == ["tea"]
    """)
    shop.record(env=shop.env).expect(passed=1)
    shop.server.take()

    shop.run("--mimic-live", f"--mimic-only=shop:{function}", env=shop.env).expect(passed=1)

    assert shop.server.take() == CART


def test_a_selected_conversation_of_two_workers(shop):
    run = shop.run(
        "-n2", "--mimic-rerecord", "--mimic-only=GET /cart", "--mimic-only=/none", env=shop.env, process=True
    )

    run.expect(
        passed=2, says=["--mimic-only=/none matched no call"], never=["--mimic-only=GET /cart matched"]
    )
    assert shop.server.take() == CART


def test_only_some_statements_are_rerecorded(project):
    """The statements with which the client sets up its connection replay."""
    project.ini("sqlalchemy")
    project.tests("""
        import sqlalchemy as sa

        def run(*statements):
            engine = sa.create_engine("sqlite:///shop.db")
            with engine.begin() as connection:
                for statement in statements:
                    result = connection.execute(sa.text(statement))
            rows = result.all()
            engine.dispose()
            return rows

        def test_users():
            assert run("CREATE TABLE users (name TEXT)", "SELECT name FROM users") == []

        def test_items():
            assert run("CREATE TABLE items (name TEXT)", "SELECT name FROM items") == []
    """)
    project.record().expect(passed=2)
    (project.root / "shop.db").unlink()

    project.run("--mimic-rerecord", "--mimic-only=SELECT users").expect(passed=2)

    made = (project.root / "shop.db").read_bytes()
    assert (b"CREATE TABLE users" in made, b"CREATE TABLE items" in made) == (True, False)
