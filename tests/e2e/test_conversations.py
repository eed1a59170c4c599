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


COST = "made again, because their conversation has a new call: 2 recorded calls, # s"
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
    shop.module(CLIENTS[client])
    shop.write("test_cart.py", TEST.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", TEST.replace("ITEMS", "('milk',)"))

    again, seen = record(shop)

    again.expect(passed=1)
    assert seen == requests_for("milk")
    assert again.section == [
        "3 calls recorded in # s",
        "vault: .mimic_vault, 3 recordings, # kB",
        AGAIN,
        "  test_cart.py::test_cart    http POST /cart",
        COST,
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


WORKERS = {
    "requests": """
        import queue, threading
        from pathlib import Path
        import requests
        from cart import URL

        def work(jobs, answers):
            for job in iter(jobs.get, None):
                try:
                    answers.put(requests.request(job[0], URL, json=job[1]).json())
                except Exception as error:
                    answers.put(error)

        def replace(*items):
            jobs, answers = queue.Queue(), queue.Queue()
            worker = threading.Thread(target=work, args=(jobs, answers))
            worker.start()
            try:
                for job in ("DELETE", None), *(("POST", {"item": item}) for item in items), ("GET", None):
                    jobs.put(job)
                    try:
                        answer = answers.get(timeout=60)
                    except queue.Empty:
                        Path("no answer").touch()
                        raise
                    if isinstance(answer, Exception):
                        raise answer
                return answer
            finally:
                jobs.put(None)
                worker.join()
    """,
    "httpx": """
        import asyncio
        from pathlib import Path
        import httpx
        from cart import URL

        async def work(jobs, answers):
            async with httpx.AsyncClient() as client:
                while True:
                    job = await jobs.get()
                    try:
                        answer = await client.request(job[0], URL, json=job[1])
                        answers.put_nowait(answer.json())
                    except Exception as error:
                        answers.put_nowait(error)

        async def exchange(*items):
            jobs, answers = asyncio.Queue(), asyncio.Queue()
            worker = asyncio.create_task(work(jobs, answers))
            for job in ("DELETE", None), *(("POST", {"item": item}) for item in items), ("GET", None):
                jobs.put_nowait(job)
                try:
                    answer = await asyncio.wait_for(answers.get(), 60)
                except asyncio.TimeoutError:
                    Path("no answer").touch()
                    raise
                if isinstance(answer, Exception):
                    raise answer
            worker.cancel()
            return answer

        def replace(*items):
            return asyncio.run(exchange(*items))
    """,
}


@pytest.mark.parametrize("client", WORKERS)
def test_a_worker_that_others_wait_for_goes_on(shop, client):
    """It catches the error that ends the attempt, as any other, and passes it on."""
    pytest.importorskip(client)
    shop.ini(f"{client} ignore=port,headers.host")
    shop.module(WORKERS[client])
    shop.write("test_cart.py", TEST.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", TEST.replace("ITEMS", "('milk',)"))

    again, seen = record(shop)

    again.expect(passed=1, says=[AGAIN])
    assert seen == requests_for("milk")
    assert not shop.root.joinpath("no answer").exists()


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


@pytest.mark.promise("a conversation with a new call is recorded again as a whole")
def test_answers_of_the_old_conversation_are_gone(shop):
    """Else the old answer to `POST /cart {tea}` would be replayed when the test has its old form again."""
    for items in (("tea",), ("milk",), ("tea",)):
        shop.write("test_cart.py", TEST.replace("ITEMS", repr(items)))
        run, seen = record(shop)
        run.expect(passed=1)
        assert seen == requests_for(*items)
        assert len([name for name in run.vault if name.startswith("calls/")]) == 3


@pytest.mark.promise("a conversation with a new call is recorded again as a whole")
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
    assert again.section[2:] == [AGAIN, "  test_cart.py::test_cart    http POST /cart", COST]


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


def test_subtests_of_the_ended_attempt_hide_no_test(shop):
    """The test counts once, although a subtest had passed before the attempt was ended."""
    shop.write(
        "test_cart.py",
        """
        import unittest
        from shop import replace

        class TestCart(unittest.TestCase):
            def test_cart(self):
                with self.subTest("first"):
                    assert replace("tea") == ["tea"]
                with self.subTest("second"):
                    assert replace("ITEM") == ["ITEM"]
        """,
    )
    record(shop)[0].expect(passed=1)
    path = shop.root / "test_cart.py"
    path.write_text(path.read_text().replace("ITEM", "milk"))

    run, _ = record(shop, "-v")
    replayed = replay(shop)

    run.expect(passed=1, says=[AGAIN, "TestCart::test_cart PASSED"])
    replayed.expect(passed=1)


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


def test_a_new_call_outside_of_tests_is_an_error_after_replayed_ones(shop):
    """A module cannot be imported twice."""
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

    failed.expect(
        failed=1,
        says=[AGAIN, "1 outcome of a failing test was not kept: http POST /cart"],
        never=["calls/requests/"],
    )
    assert "POST /cart milk" in seen
    assert failed.vault == before.vault
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("FAIL", "pass"))
    again, seen = record(shop)
    again.expect(passed=1)
    assert seen == requests_for("milk")


@pytest.mark.promise("sequence=no is for a client's calls that belong to no conversation")
def test_calls_that_belong_to_no_conversation(shop):
    """One recording for all tests, in any order; a new one needs no second run."""
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

    again.expect(passed=2, never=["run again"])
    assert seen == ["GET /prices/milk"]
    assert len(again.changed) == 1
    replay(shop, "-p", "no:randomly", "test_cart.py::test_two", "test_cart.py::test_one").expect(passed=2)


@pytest.mark.parametrize(
    ("lines", "real"),
    [
        (["only='POST *' ignore=port,body", "ignore=port"], []),
        (["ignore=port", "only='POST *' ignore=port,body"], requests_for("milk")),
        (["only='POST *' ignore=port", "only='DELETE *' ignore=port"], requests_for("milk")),
        (["exclude='POST *' ignore=port", "exclude='GET *' ignore=port,body"], []),
    ],
    ids=[
        "its options count",
        "and not those of a later line",
        "no line takes it",
        "its line excludes nothing",
    ],
)
@pytest.mark.promise("of several lines for a client the first that takes a call is its line")
def test_the_first_line_that_takes_a_call_is_its_line(shop, lines, real):
    """The item of the second run differs from that of the first, so `ignore=body` makes a difference."""
    shop.ini(*(f"requests {line}" for line in lines))
    test = TEST.replace("== list(ITEMS)", "in (['tea'], ['milk'])")
    shop.write("test_cart.py", test.replace("ITEMS", "('tea',)"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("ITEMS", "('milk',)"))

    again, seen = record(shop)

    again.expect(passed=1)
    assert sorted(seen) == sorted(real)


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
            requests.get(URL + "?n")
            requests.post(URL, json={"item": "ITEM"})
            assert requests.get(URL).json()[1:] == ["ITEM"]

        def test_after(self):
            assert requests.get(URL + "?n").json()
"""


@pytest.mark.promise("a wider fixture keeps its conversation, which is done for real first at SQL and Redis")
@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_wider_fixture_keeps_its_conversation(shop, scope):
    """Its answers stay as they are when the conversation of a test is recorded again."""
    test = WIDER.replace("SCOPE", scope).replace("FIRST", "tea")
    shop.write("test_cart.py", test.replace("ITEM", "milk").replace("[1:]", "[-1:]"))
    before, _ = record(shop)
    before.expect(passed=3)
    shop.write("test_cart.py", test.replace("ITEM", "beer").replace("[1:]", "[-1:]"))

    again, seen = record(shop)

    again.expect(passed=3, says=["test_cart.py::TestCart::test_item    http POST /cart"])
    assert seen == ["GET /cart?n", "POST /cart beer", "GET /cart"]
    made_by_fixture = [
        data for data in before.vault.values() if b'"test": "test_cart.py::TestCart::test_before"' in data
    ]
    assert set(made_by_fixture) <= set(again.vault.values())
    replay(shop).expect(passed=3)


@pytest.mark.parametrize("scope", ["class", "module", "session"])
def test_a_changed_wider_fixture_is_set_up_again(shop, scope):
    """From its start, with the test that needed it first."""
    test = WIDER.replace("SCOPE", scope).replace("ITEM", "milk").replace("[1:]", "[-1:]")
    shop.write("test_cart.py", test.replace("FIRST", "tea"))
    record(shop)[0].expect(passed=3)
    shop.write("test_cart.py", test.replace("FIRST", "beer"))

    again, seen = record(shop)

    again.expect(
        passed=3,
        says=["test_cart.py::TestCart::test_before    http POST /cart", "their tests keep older ones"],
    )
    assert seen == [*requests_for("beer"), "DELETE /cart"]
    assert again.vault.keys() != again.before.keys()  # the old call is gone
    replay(shop, "--mimic-fail-on-unused").expect(passed=3)


def test_a_failing_teardown_before_a_new_attempt_is_told(shop):
    """No report of pytest's tells it, as the attempt does not count."""
    test = WIDER.replace("SCOPE", "module").replace("ITEM", "milk").replace("[1:]", "[-1:]")
    test += """
    torn_down = []

    @pytest.fixture(scope="session", autouse=True)
    def opened():
        yield
        torn_down.append(1)
        if FAILS and len(torn_down) == 1:
            raise RuntimeError("the shop is closed")
"""
    shop.write("test_cart.py", test.replace("FIRST", "tea").replace("FAILS", "False"))
    record(shop)[0].expect(passed=3)
    shop.write("test_cart.py", test.replace("FIRST", "beer").replace("FAILS", "True"))

    again, _ = record(shop)

    failure = (
        "RuntimeError in the teardown of fixtures before test_cart.py::TestCart::test_before was run again"
    )
    again.expect(exit_code=1, passed=3, says=[f"{failure}: the shop is closed"])


def test_a_wider_fixture_that_was_torn_down_is_set_up_for_real_again(shop):
    """Its new calls were made in the attempt that was ended, and undone in its teardown."""
    test = """
        import pytest
        import requests
        from cart import URL

        @pytest.fixture(scope="module", autouse=True)
        def filled():
            requests.post(URL + "?v=VERSION", json={"item": "tea"})
            yield
            requests.delete(URL)

        def test_cart():
            requests.get(URL + "?first")
            assert requests.get(URL + "?v=VERSION").json() == ["tea"]
    """
    shop.write("test_cart.py", test.replace("VERSION", "1"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("VERSION", "2"))

    again, seen = record(shop)

    again.expect(passed=1, says=["test_cart.py::test_cart    http GET /cart"])
    attempt = ["POST /cart?v=2 tea", "DELETE /cart"]
    assert seen == [*attempt, attempt[0], "GET /cart?first", "GET /cart?v=2", attempt[1]]
    replay(shop).expect(passed=1)


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
    """The fixture cannot be torn down twice."""
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
        never=[AGAIN],
    )
    assert seen == []


CASSETTE = """
    from shop import replace

    def test_cart(mimic_auto):
        with mimic_auto("cart", targets=["requests"], ignore="port") as cassette:
            assert replace(*ITEMS) == list(ITEMS)
        assert cassette.mode in ("record", "extend") or cassette.all_played
"""


def test_a_cassette_with_a_new_call_is_recorded_again(shop):
    """In its order, without the calls that are no longer made."""
    shop.ini()
    shop.write("test_cart.py", CASSETTE.replace("ITEMS", "('tea', 'beer')"))
    record(shop)[0].expect(passed=1)
    shop.write("test_cart.py", CASSETTE.replace("ITEMS", "('milk', 'beer')"))

    again, seen = record(shop)

    again.expect(passed=1, says=["test_cart.py::test_cart    http POST /cart"])
    assert seen == requests_for("milk", "beer")
    [cassette] = [data for name, data in again.vault.items() if name.startswith("cassettes/")]
    assert [call["signature"] for call in json.loads(cassette)["calls"]] == [
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
            requests.get(URL + "/login")
            requests.get(URL + "/one")

    def test_two(mimic_auto):
        with mimic_auto("api"):
            requests.get(URL + "/login")
            requests.get(URL + "/NEW")
"""


@pytest.mark.parametrize("selection", ["", "test_cart.py::test_two"])
def test_a_cassette_keeps_the_calls_of_other_tests(shop, selection):
    """A conversation with a new call replaces what its own test recorded."""
    shop.write("test_cart.py", SHARED.replace("/NEW", "/login"))
    record(shop)[0].expect(passed=2)
    for path in ("/two", "/three"):
        shop.write("test_cart.py", SHARED.replace("/NEW", path))

        again, seen = record(shop, *filter(None, [selection]))

        again.expect(passed=1 if selection else 2, says=[f"http GET /cart{path}"])
        assert seen == ["GET /cart/login", f"GET /cart{path}"]
    replay(shop).expect(passed=2)


def test_a_cassette_keeps_the_calls_of_an_earlier_block(shop):
    """The blocks of a test that use one cassette are recorded together."""
    test = """
        import requests
        from cart import URL

        def test_cart(mimic_auto):
            with mimic_auto("api"):
                requests.get(URL + "/login")
            with mimic_auto("api"):
                requests.get(URL + "/one")
                requests.get(URL + "/NEW")
    """
    for path in ("/two", "/three"):
        shop.write("test_cart.py", test.replace("/NEW", path))
        record(shop)[0].expect(passed=1)

    replay(shop).expect(passed=1)


def test_a_failing_test_leaves_its_cassette_to_others_as_it_was(shop):
    """The next test that uses it replays."""
    shop.write("test_cart.py", SHARED.replace("/NEW", "/two"))
    record(shop)[0].expect(passed=2)
    shop.write(
        "test_cart.py", SHARED.replace("/NEW", "/two").replace('"/one")', '"/three")\n            assert 0')
    )

    again, seen = record(shop)

    again.expect(passed=1, failed=1)
    assert seen == ["GET /cart/login", "GET /cart/three"]


def test_a_test_that_another_plugin_reruns(shop):
    """pytest-rerunfailures runs it again because it failed, this plugin because its conversation has changed."""
    pytest.importorskip("pytest_rerunfailures")
    test = """
        from pathlib import Path
        from shop import replace

        def test_cart():
            tries = Path(__file__).with_name("tries")
            before = len(tries.read_text()) if tries.exists() else 0
            assert replace("ITEM") == ["ITEM"]
            tries.write_text("x" * (before + 1))
            assert before > 0
    """
    shop.write("test_cart.py", test.replace("ITEM", "tea"))
    record(shop, "--reruns=2", plugins=["rerunfailures"])[0].expect(passed=1, rerun=1)
    (shop.root / "tries").unlink()
    shop.write("test_cart.py", test.replace("ITEM", "milk"))

    again, seen = record(shop, "--reruns=2", plugins=["rerunfailures"])

    again.expect(passed=1, rerun=1, says=[AGAIN])
    assert seen == requests_for("milk") * 2
    replay(shop).expect(passed=1)


ASYNC_PLUGINS = {"asyncio": {"asyncio_default_fixture_loop_scope": "function"}, "anyio": {}}
BACKEND = """
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""


@pytest.mark.parametrize("plugin", ASYNC_PLUGINS)
def test_an_async_test_runs_again(shop, plugin):
    """Of pytest-asyncio or anyio, with requests at the same time."""
    pytest.importorskip("httpx")
    pytest.importorskip({"asyncio": "pytest_asyncio"}.get(plugin, plugin))
    shop.ini("httpx ignore=port,headers.host", **ASYNC_PLUGINS[plugin])
    test = """
        import asyncio
        import httpx
        import pytest
        from cart import URL

        @pytest.mark.PLUGIN
        async def test_cart():
            async with httpx.AsyncClient() as client:
                await client.delete(URL)
                posts = [client.post(f"{URL}/{n}", json={"item": "ITEM"}) for n in range(5)]
                await asyncio.gather(*posts, return_exceptions=True)
                assert (await client.get(f"{URL}/4")).json()[-1] == "ITEM"
    """.replace("PLUGIN", plugin)
    shop.conftest(BACKEND)
    shop.write("test_cart.py", test.replace("ITEM", "tea"))
    record(shop, plugins=[plugin])[0].expect(passed=1)
    shop.write("test_cart.py", test.replace("ITEM", "milk"))

    again, seen = record(shop, plugins=[plugin])

    again.expect(passed=1, says=[AGAIN])
    posts = [f"POST /cart/{n} milk" for n in range(5)]
    assert sorted(seen) == sorted(["DELETE /cart", *posts, "GET /cart/4"])
    replay(shop, plugins=[plugin]).expect(passed=1)


@pytest.mark.promise("a conversation with a new call is recorded again as a whole")
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

    again, seen = record(shop)

    again.expect(passed=1, says=["test_cart.py::test_cart    http POST /cart"])
    assert seen == [*requests_for("milk"), *requests_for("a", "milk")]
    replay(shop, "--mimic-fail-on-unused").expect(passed=1)
