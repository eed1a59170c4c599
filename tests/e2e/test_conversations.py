"""Conversations: the calls of a test at a client are recorded again as a whole when one of them is new."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("requests", reason="needs requests")

from support.cart_server import cart_server

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


REFUSED = "no recording of http {}, and it cannot run for real: calls before it were replayed"


def rerecord(project, test="test_cart.py::test_cart"):
    """Follow the command in the error, and return the run with the requests that the server saw."""
    run = project.run("--mimic-rerecord", test, env=project.env)
    return run, project.server.take()


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
def test_a_changed_call_after_replayed_ones_is_refused(shop, client):
    """`DELETE /cart, POST /cart {item}, GET /cart`, with another item."""
    pytest.importorskip(client.split()[0].rstrip(","))
    shop.ini(f"{client.split()[0].rstrip(',')} ignore=port,headers.host")
    shop.module(CLIENTS[client])
    shop.write("test_cart.py", TEST.replace("ITEMS", "('tea',)"))
    before, _ = record(shop)
    before.expect(passed=1)
    shop.write("test_cart.py", TEST.replace("ITEMS", "('milk',)"))

    again, seen = record(shop)

    remedy = "to record the whole conversation again: pytest --mimic-rerecord test_cart.py::test_cart"
    again.expect(failed=1, says=[REFUSED.format("POST /cart"), remedy])
    assert seen == []
    assert again.vault == before.vault
    renewed, seen = rerecord(shop)
    renewed.expect(passed=1)
    assert seen == requests_for("milk")
    replay(shop, "--mimic-fail-on-unused").expect(passed=1)


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [
        (("tea",), ("tea", "milk"), False),
        (("tea",), ("tea", "tea"), False),
        (("tea", "milk"), ("tea", "beer", "milk"), False),
        (("tea", "milk"), ("tea",), True),
    ],
    ids=["it grows", "a call is repeated", "it grows in the middle", "it shrinks"],
)
def test_a_conversation_that_changes_its_length(shop, before, after, fits):
    """A call that is new in the middle changes what follows."""
    shop.write("test_cart.py", TEST.replace("ITEMS", repr(before)).replace("== list", "!= 0 or list"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", TEST.replace("ITEMS", repr(after)).replace("== list", "!= 0 or list"))

    again, seen = record(shop)

    again.expect(**({"passed": 1} if fits else {"failed": 1, "says": [REFUSED.format("POST /cart")]}))
    assert seen == []


def test_a_new_first_call_records_the_whole_conversation_again(shop):
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

    again.expect(passed=1)
    assert seen == ["GET /cart?all", *requests_for("tea")]
    replay(shop).expect(passed=1)


def test_answers_of_the_old_conversation_are_gone(shop):
    """Else the old answer to `POST /cart {tea}` would be replayed when the test has its old form again."""
    for items in (("tea",), ("milk",), ("tea",)):
        shop.write("test_cart.py", TEST.replace("ITEMS", repr(items)))
        run, seen = rerecord(shop)
        run.expect(passed=1)
        assert seen == requests_for(*items)
        assert len([name for name in run.vault if name.startswith("calls/")]) == 3


def test_other_tests_keep_their_conversations(shop):
    """Only the test with the new call fails."""
    tests = TEST + TEST.replace("test_cart", "test_other")
    shop.write("test_cart.py", tests.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=2)
    shop.write("test_cart.py", tests.replace("ITEMS", "('milk',)", 2).replace("ITEMS", "('tea',)"))

    again, seen = record(shop)

    again.expect(passed=1, failed=1, says=[REFUSED.format("POST /cart")])
    assert seen == []
    assert again.section[0] == "4 calls replayed, 1 missing, # s saved"


def test_a_new_call_outside_of_tests_is_an_error_after_replayed_ones(shop):
    """Such as those that a module makes when it is imported."""
    shop.write(
        "rates.py", "import requests\nfrom cart import URL\nrequests.get(URL)\nrequests.get(URL + 'NEW')\n"
    )
    shop.write("test_cart.py", "import rates\n\ndef test_cart():\n    assert rates\n")
    shop.write("rates.py", (shop.root / "rates.py").read_text().replace("NEW", ""))
    record(shop)[0].expect(passed=1)
    shop.write("rates.py", (shop.root / "rates.py").read_text() + "requests.get(URL + '?new')\n")

    again, seen = record(shop)

    again.expect(
        errors=1,
        exit_code=2,
        says=[
            "no recording of http GET /cart, and it cannot run for real: calls before it were replayed",
            "to record the whole conversation again: pytest --mimic-rerecord",
        ],
    )
    assert seen == []


def test_a_failing_test_leaves_the_conversation_as_it_was(shop):
    """A new call whose test failed is not replayed together with the old ones."""
    test = """
        import requests
        from cart import URL
        from shop import replace

        def test_cart():
            requests.get(URL + "?ITEM")
            assert replace("ITEM") == ["ITEM"]
            FAIL
    """
    shop.write("test_cart.py", test.replace("ITEM", "tea").replace("FAIL", "pass"))
    before, _ = record(shop)
    before.expect(passed=1)
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("FAIL", "assert 0"))

    failed, seen = record(shop)

    failed.expect(failed=1)
    assert "POST /cart milk" in seen
    assert failed.vault == before.vault
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("FAIL", "pass"))
    again, seen = record(shop)
    again.expect(passed=1)
    assert seen == ["GET /cart?milk", *requests_for("milk")]


def test_calls_that_belong_to_no_conversation(shop):
    """One recording for all tests, in any order; a new call is recorded alone."""
    shop.ini(
        "requests only='GET /prices*' sequence=no ignore=port,headers.host",
        "requests ignore=port,headers.host",
    )
    tests = """
        import requests
        from cart import URL
        from shop import replace

        def price(name):
            return requests.get(URL.replace("cart", f"prices/{name}")).json()

        def test_one():
            assert replace("tea") == ["tea"]
            for name in NAMES:
                assert price(name) == []

        def test_two():
            assert price("tea") == []
    """
    shop.write("test_cart.py", tests.replace("NAMES", "['tea', 'tea']"))
    first, seen = record(shop)
    first.expect(passed=2)
    assert seen == [*requests_for("tea"), "GET /prices/tea"]
    shop.write("test_cart.py", tests.replace("NAMES", "['milk', 'tea']"))

    again, seen = record(shop)

    again.expect(passed=2)
    assert seen == ["GET /prices/milk"]
    assert len(again.changed) == 1
    replay(shop, "-p", "no:randomly", "test_cart.py::test_two", "test_cart.py::test_one").expect(passed=2)


@pytest.mark.parametrize(
    ("lines", "outcome", "real"),
    [
        (["only='POST *' ignore=port,body", "ignore=port"], "passed", []),
        (["ignore=port", "only='POST *' ignore=port,body"], "failed", []),
        (["only='POST *' ignore=port", "only='DELETE *' ignore=port"], "failed", []),
        (["exclude='POST *' ignore=port", "exclude='GET *' ignore=port,body"], "passed", []),
    ],
    ids=[
        "its options count",
        "and not those of a later line",
        "no line takes it",
        "its line excludes nothing",
    ],
)
def test_the_first_line_that_takes_a_call_is_its_line(shop, lines, outcome, real):
    """The item of the second run differs from that of the first, so `ignore=body` makes a difference."""
    shop.ini(*(f"requests {line}" for line in lines))
    test = TEST.replace("== list(ITEMS)", "in (['tea'], ['milk'])")
    shop.write("test_cart.py", test.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("ITEMS", "('milk',)"))

    again, seen = record(shop)

    again.expect(**{outcome: 1})
    assert seen == real


WIDER = """
    import pytest
    import requests
    from cart import URL
    from shop import replace

    @pytest.fixture(scope="SCOPE", autouse=True)
    def first():
        assert replace("FIRST") == ["FIRST"]
        yield
        requests.delete(URL)

    class TestCart:
        def test_before(self):
            assert len(requests.get(URL + "?n").json()) == 1

        def test_item(self):
            requests.get(URL + "?ITEM")
            requests.post(URL, json={"item": "ITEM"})
            assert requests.get(URL).json()[1:] == ["ITEM"]

        def test_after(self):
            assert requests.get(URL + "?n").json()
"""


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_wider_fixture_keeps_its_conversation(shop, scope):
    """Its answers stay as they are when the conversation of a test is recorded again."""
    test = WIDER.replace("SCOPE", scope).replace("FIRST", "tea")
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("[1:]", "[-1:]"))
    before, _ = record(shop)
    before.expect(passed=3)
    shop.write("test_cart.py", test.replace("ITEM", "beer").replace("[1:]", "[-1:]"))

    again, seen = record(shop)

    again.expect(passed=3)
    assert seen == ["GET /cart?beer", "POST /cart beer", "GET /cart"]
    made_by_fixture = [
        data for data in before.vault.values() if b'"test": "test_cart.py::TestCart::test_before"' in data
    ]
    assert set(made_by_fixture) <= set(again.vault.values())
    replay(shop).expect(passed=3)


def test_a_changed_wider_fixture_is_refused(shop):
    """Its tests have to be recorded again, as their answers follow from its calls."""
    test = WIDER.replace("SCOPE", "module").replace("ITEM", "milk").replace("[1:]", "[-1:]")
    shop.write("test_cart.py", test.replace("FIRST", "tea"))
    record(shop)[0].expect(passed=3)
    shop.write("test_cart.py", test.replace("FIRST", "beer"))

    again, seen = record(shop)

    remedy = "pytest --mimic-rerecord test_cart.py::TestCart::test_before"
    again.expect(errors=3, says=[REFUSED.format("POST /cart"), remedy])
    assert seen == []


def test_an_incomplete_run_keeps_the_outcomes_of_other_fixtures(shop):
    """Two fixtures of a module make the same call; only one of them is recorded again."""
    shop.write(
        "test_cart.py",
        """
        import pytest
        import requests
        from cart import URL

        def add():
            return requests.post(URL, json={"item": "tea"}).json()

        @pytest.fixture(scope="module")
        def one():
            return add()

        @pytest.fixture(scope="module")
        def two():
            return add()

        def test_one(one):
            assert one == ["tea"]

        def test_two(one, two):
            assert (one, two) == (["tea"], ["tea", "tea"])
        """,
    )
    record(shop)[0].expect(passed=2)
    shop.server.items.clear()

    shop.run("--mimic-rerecord", "test_cart.py::test_one", env=shop.env).expect(passed=1)

    replay(shop).expect(passed=2)


def test_a_new_call_in_the_teardown_of_a_wider_fixture_is_an_error(shop):
    """Its tests replay what they have recorded."""
    test = WIDER.replace("SCOPE", "module").replace("ITEM", "milk").replace("FIRST", "tea")
    shop.write("test_cart.py", test.replace("[1:]", "[-1:]"))
    record(shop)[0].expect(passed=3)
    shop.write(
        "test_cart.py", test.replace("[1:]", "[-1:]").replace("requests.delete(URL)", "replace('end')")
    )

    again, seen = record(shop)

    again.expect(
        passed=3,
        errors=1,
        says=[
            "no recording of http POST /cart, and it cannot run for real: calls before it were replayed",
            "to record the whole conversation again: pytest --mimic-rerecord test_cart.py::TestCart::test_after",
        ],
    )
    assert seen == []


CASSETTE = """
    from shop import replace

    def test_cart(mimic_auto):
        with mimic_auto("cart", targets=["requests"], ignore="port") as cassette:
            assert replace(*ITEMS) == list(ITEMS)
        assert cassette.mode in ("record", "extend") or cassette.all_played
"""


def test_a_cassette_whose_first_call_is_new_is_recorded_again(shop):
    """In its order, without the calls that are no longer made. Later, a new call is refused."""
    shop.ini()
    test = CASSETTE.replace(
        "            assert replace", "            replace(FIRST)\n            assert replace"
    )
    first, second = (f"'{item}', 'beer'" for item in ("tea", "milk"))
    shop.write("test_cart.py", test.replace("ITEMS", f"({first})").replace("replace(FIRST)", "pass"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("ITEMS", f"({second})").replace("replace(FIRST)", "pass"))

    refused, seen = record(shop)

    refused.expect(failed=1, says=[REFUSED.format("POST /cart")])
    assert seen == []
    assert refused.changed == set()
    new_first = "requests.get(URL + '?all')"
    test = "    import requests\n    from cart import URL\n" + test.replace("replace(FIRST)", new_first)
    shop.write("test_cart.py", test.replace("ITEMS", f"({second})"))
    again, seen = record(shop)
    again.expect(passed=1)
    assert seen == ["GET /cart?all", *requests_for("milk", "beer")]
    [cassette] = [data for name, data in again.vault.items() if name.startswith("cassettes/")]
    assert [call["signature"] for call in json.loads(cassette)["calls"]] == [
        "GET /cart",
        "DELETE /cart",
        "POST /cart",
        "POST /cart",
        "GET /cart",
    ]
    replay(shop).expect(passed=1)


SHARED = """
    import requests
    from cart import URL

    def test_one(mimic_auto):
        with mimic_auto("api"):
            requests.get(URL + "/one")

    def test_two(mimic_auto):
        with mimic_auto("api"):
            requests.get(URL + "/two")
            requests.get(URL + "/ONE")
"""


def test_a_cassette_keeps_the_calls_of_other_tests(shop):
    """What they recorded is not made again in another conversation."""
    shop.write("test_cart.py", SHARED.replace("/ONE", "/two"))
    record(shop, "-p", "no:randomly")[0].expect(passed=2)
    replay(shop).expect(passed=2)
    shop.write("test_cart.py", SHARED.replace("/ONE", "/one").replace('URL + "/two"', 'URL + "/three"'))

    again, seen = record(shop, "-p", "no:randomly")

    again.expect(passed=1, failed=1, says=["others use its recording in cassette api"])
    assert seen == ["GET /cart/three"]
    assert again.changed == set()


def test_a_failing_test_leaves_its_cassette_to_others_as_it_was(shop):
    """The next test that uses it replays."""
    shop.write("test_cart.py", SHARED.replace("/ONE", "/two"))
    record(shop, "-p", "no:randomly")[0].expect(passed=2)
    failing = SHARED.replace('"/one")', '"/three")\n            assert 0').replace("/ONE", "/two")
    shop.write("test_cart.py", failing)

    again, seen = record(shop, "-p", "no:randomly")

    again.expect(passed=1, failed=1)
    assert seen == ["GET /cart/three"]


def test_a_test_that_another_plugin_reruns(shop):
    """What its first attempt has not reached was recorded in the conversation before."""
    pytest.importorskip("pytest_rerunfailures")
    test = """
        from pathlib import Path
        import requests
        from cart import URL
        from shop import replace

        def test_cart():
            requests.get(URL + "?ITEM")
            tried = Path(__file__).with_name("tried ITEM")
            if not tried.exists():
                tried.touch()
                assert 0
            assert replace("ITEM") == ["ITEM"]
    """
    for item in ("tea", "milk"):
        shop.write("test_cart.py", test.replace("ITEM", item))

        run, seen = record(shop, "--reruns=1", plugins=["rerunfailures"])

        run.expect(passed=1, rerun=1)
        assert seen == [f"GET /cart?{item}"] * 2 + requests_for(item)
    replay(shop).expect(passed=1)


def test_two_clients_of_a_test(shop):
    """They talk in one conversation."""
    pytest.importorskip("httpx")
    shop.ini("requests ignore=port,headers.host", "httpx ignore=port,headers.host")
    shop.write("other.py", CLIENTS["httpx"])
    test = """
        import other
        import shop

        def test_cart():
            assert shop.replace("ITEM") == ["ITEM"]
            assert other.replace("a", "ITEM") == ["a", "ITEM"]
    """
    shop.write("test_cart.py", test.replace("ITEM", "tea"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("ITEM", "milk"))

    again, seen = rerecord(shop)

    again.expect(passed=1)
    assert seen == [*requests_for("milk"), *requests_for("a", "milk")]
    replay(shop, "--mimic-fail-on-unused").expect(passed=1)
