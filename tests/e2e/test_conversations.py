"""Conversations: the calls of a test at a boundary are recorded again as a whole when one of them is new."""

from __future__ import annotations

import pytest

pytest.importorskip("requests", reason="needs requests")

from cart_server import cart_server

CART = """
    import os

    URL = os.environ["API"] + "/cart"
"""
SHOP = """
    import requests
    from cart import URL

    def replace(*items):
        '''Replace the content of the cart, and return it.'''
        requests.delete(URL)
        for item in items:
            requests.post(URL, json={"item": item})
        return requests.get(URL).json()
"""


@pytest.fixture
def shop(project):
    """A project whose tests use a cart, with a server that all of its runs use."""
    project.ini("requests ignore=port,headers.host")
    project.write("cart.py", CART)
    project.write("shop.py", SHOP)
    with cart_server() as server:
        project.server = server
        project.env = {"API": server.url}
        yield project


def record(project, *args, **options):
    """Run with --mimic-record, and return the run with the requests that the server saw."""
    run = project.run("--mimic-record", *args, env=project.env, **options)
    return run, project.server.take()


def replay(project, *args, **options):
    """Run without a server."""
    return project.run(*args, env={"API": "http://127.0.0.1:1"}, **options)


AGAIN = "run again from the start, because a conversation has a new call:"

TEST = """
    from shop import replace

    def test_cart():
        assert replace(*ITEMS) == list(ITEMS)
"""
CLIENTS = {
    "requests": SHOP,
    "httpx": SHOP.replace("requests", "httpx"),
    "httpx of a task": """
        import asyncio
        import httpx
        from cart import URL

        async def exchange(*items):
            async with httpx.AsyncClient() as client:
                await client.delete(URL)
                for item in items:
                    await client.post(URL, json={"item": item})
                return (await client.get(URL)).json()

        def replace(*items):
            return asyncio.run(exchange(*items))
    """,
    "aiohttp": """
        import asyncio
        import aiohttp
        from cart import URL

        async def exchange(*items):
            async with aiohttp.ClientSession() as session:
                await (await session.delete(URL)).read()
                for item in items:
                    await (await session.post(URL, json={"item": item})).read()
                return await (await session.get(URL)).json()

        def replace(*items):
            return asyncio.run(exchange(*items))
    """,
    "requests of a thread": """
        from concurrent.futures import ThreadPoolExecutor
        import requests
        from cart import URL

        def replace(*items):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(requests.delete, URL).result()
                for item in items:
                    pool.submit(requests.post, URL, json={"item": item}).result()
                return pool.submit(requests.get, URL).result().json()
    """,
    "requests, with retries": """
        import requests
        from cart import URL

        def patiently(method, **options):
            while True:
                try:
                    return requests.request(method, URL, **options)
                except Exception:
                    pass

        def replace(*items):
            patiently("DELETE")
            for item in items:
                patiently("POST", json={"item": item})
            return patiently("GET").json()
    """,
}


def requests_for(*items):
    """Return the requests of a test that replaces the content of the cart."""
    return ["DELETE /cart", *(f"POST /cart {item}" for item in items), "GET /cart"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.promise("a conversation with a new call is recorded again as a whole")
def test_a_changed_call_records_the_whole_conversation_again(shop, client):
    """`DELETE /cart, POST /cart {item}, GET /cart`, with another item."""
    pytest.importorskip(client.split()[0].rstrip(","))
    shop.ini(f"{client.split()[0].rstrip(',')} ignore=port,headers.host")
    shop.write("shop.py", CLIENTS[client])
    shop.write("test_cart.py", TEST.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", TEST.replace("ITEMS", "('milk',)"))

    again, seen = record(shop)

    again.expect(passed=1)
    assert seen == requests_for("milk")
    boundary = client.split()[0].rstrip(",")
    assert again.section == [
        "3 calls recorded in # s",
        "vault: .mimic_vault, 3 recordings, # kB",
        AGAIN,
        f"  test_cart.py::test_cart    {boundary} POST /cart",
    ]
    replay(shop).expect(passed=1)


@pytest.mark.parametrize(
    ("before", "after", "real", "runs"),
    [
        (("tea",), ("tea", "milk"), True, 2),
        (("tea",), ("tea", "tea"), True, 2),
        (("tea", "milk"), ("tea", "beer", "milk"), True, 2),
        (("tea", "milk"), ("tea",), False, 1),
    ],
    ids=["it grows", "a call is repeated", "it grows in the middle", "it shrinks"],
)
def test_a_conversation_that_changes_its_length(shop, before, after, real, runs):
    """A call that is new in the middle changes what follows."""
    shop.write("test_cart.py", TEST.replace("ITEMS", repr(before)).replace("== list", "!= 0 or list"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", TEST.replace("ITEMS", repr(after)).replace("== list", "!= 0 or list"))

    again, seen = record(shop)

    again.expect(passed=1)
    assert seen == (requests_for(*after) if real else [])
    assert (AGAIN in again.output) is (runs == 2)
    replay(shop, "--mimic-fail-on-unused").expect(passed=1, exit_code=0 if real else 1)


def test_a_new_first_call_needs_no_second_run(shop):
    """Nothing was replayed before it, so everything after it runs for real."""
    test = """
        import requests
        from cart import URL
        from shop import replace

        def test_cart():
            FIRST
            assert replace("tea") == ["tea"]
    """
    shop.write("test_cart.py", test.replace("FIRST", "pass"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("FIRST", "requests.get(URL + '?all')"))

    again, seen = record(shop)

    again.expect(passed=1, never=["run again"])
    assert seen == ["GET /cart?all", *requests_for("tea")]
    replay(shop).expect(passed=1)


def test_answers_of_the_old_conversation_are_gone(shop):
    """Else the old answer to `POST /cart {tea}` would be replayed when the test has its old form again."""
    for items in (("tea",), ("milk",), ("tea",)):
        shop.write("test_cart.py", TEST.replace("ITEMS", repr(items)))
        run, seen = record(shop)
        run.expect(passed=1)
        assert seen == requests_for(*items)
        assert len([name for name in run.vault if name.startswith("calls/")]) == 3


def test_other_tests_keep_their_conversations(shop):
    """Only the test with the new call is run again."""
    tests = TEST + TEST.replace("test_cart", "test_other")
    shop.write("test_cart.py", tests.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=2)
    shop.write("test_cart.py", tests.replace("ITEMS", "('milk',)", 2).replace("ITEMS", "('tea',)"))

    again, seen = record(shop)

    again.expect(passed=2)
    assert seen == requests_for("milk")
    assert again.section[0] == "3 calls recorded in # s, 3 replayed, # s saved"
    assert again.section[2:] == [AGAIN, "  test_cart.py::test_cart    requests POST /cart"]


KINDS = {
    "parametrized": """
        import pytest
        from shop import replace

        @pytest.mark.parametrize("kind", ["a", "b"])
        def test_cart(kind):
            assert replace(kind, "ITEM") == [kind, "ITEM"]
    """,
    "a unittest method": """
        from unittest import TestCase
        from shop import replace

        class TestCart(TestCase):
            def setUp(self):
                self.first = replace("a")

            def tearDown(self):
                replace("end")

            def test_one(self):
                assert replace("a", "ITEM") == ["a", "ITEM"]

            def test_two(self):
                assert replace("b", "ITEM") == ["b", "ITEM"]
    """,
    "in a fixture": """
        import pytest
        from shop import replace

        @pytest.fixture(params=["a", "b"])
        def cart(request):
            yield replace(request.param, "ITEM")
            replace("end")

        def test_cart(cart):
            assert cart[1:] == ["ITEM"]
    """,
    "in a fixture's teardown": """
        import pytest
        from shop import replace

        @pytest.fixture(params=["a", "b"])
        def cart(request):
            yield replace(request.param)
            assert replace("ITEM") == ["ITEM"]

        def test_cart(cart):
            assert len(cart) == 1
    """,
    "a test that catches everything": """
        import pytest
        from shop import replace

        @pytest.mark.parametrize("kind", ["a", "b"])
        def test_cart(kind):
            try:
                replace(kind, "ITEM")
            except BaseException:
                pass
            assert replace(kind, "ITEM") == [kind, "ITEM"]
    """,
}


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        *((kind, ["-x", "-v"]) for kind in KINDS),
        ("parametrized", ["--lf", "-q"]),
        ("in a fixture's teardown", ["-n", "2", "--dist", "loadfile"]),
    ],
)
def test_any_kind_of_test_runs_again(shop, kind, args):
    """The attempt that was ended counts nowhere: not in the summary, nor in a report for CI."""
    shop.write("test_cart.py", KINDS[kind].replace("ITEM", "tea"))
    record(shop)[0].expect(passed=2)
    shop.write("test_cart.py", KINDS[kind].replace("ITEM", "milk"))

    again, seen = record(shop, "--junitxml=junit.xml", *args, plugins=["cacheprovider"], process="-n" in args)

    again.expect(passed=2, says=[AGAIN], never=["RERUN", "FAILED", "run again: a conv"])
    assert sum("milk" in request for request in seen) == 2 * (1 + ("everything" in kind))
    junit = (shop.root / "junit.xml").read_text()
    assert 'tests="2"' in junit
    assert junit.count("<testcase") == 2
    assert replay(shop).outcomes == {"passed": 2}


@pytest.mark.parametrize("failing", ["replace", "requests.post"])
def test_a_failing_test_leaves_the_conversation_as_it_was(shop, failing):
    """A new call whose test failed is not replayed together with the old ones."""
    test = """
        import requests
        from cart import URL
        from shop import replace

        def test_cart():
            FAIL
            assert replace("ITEM") == ["ITEM"]
    """
    shop.write("test_cart.py", test.replace("ITEM", "tea").replace("FAIL", "pass"))
    before, _ = record(shop)
    before.expect(passed=1)
    broken = {
        "replace": "assert replace('milk') == []",
        "requests.post": "requests.delete(URL); requests.post(URL, json={'item': 'milk'}); assert False",
    }
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("FAIL", broken[failing]))

    failed, seen = record(shop)

    failed.expect(failed=1, says=[AGAIN])
    assert "POST /cart milk" in seen
    assert failed.vault == before.vault
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("FAIL", "pass"))
    again, seen = record(shop)
    again.expect(passed=1)
    assert seen == requests_for("milk")
