"""Section 5, made anew: a recording run says what the next run will ask differently."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "dates-and-ids.md"

PAGE = "https://pytest-mimic.readthedocs.io/en/latest/how-to/dates-and-ids.html"
SHOP = """
    def send(order):
        return "sent"

    def order():
        return {"id": str(uuid.uuid4()), "item": "tea"}
"""
TESTS = """
    def test_tea():
        assert shop.send(shop.order()) == "sent"

    def test_again():
        assert shop.send({**shop.order(), "item": "cake"}) == "sent"
"""
BLOCK = [
    "the next run will ask otherwise, and miss:",
    "  shop:send order.id    2 calls in 2 tests",
    f"to make the same values in each run: {PAGE}",
    "if they may differ: shop:send ignore=order.id",
]


@pytest.fixture
def shop(project):
    project.tests(TESTS)
    project.ini("shop:send")
    return project


def test_the_run_that_records_names_what_the_next_one_misses(shop):
    recorded = shop.record().expect(passed=2)

    assert recorded.section[-4:] == BLOCK
    shop.replay().expect(failed=2, says=["order.id: "])


def test_the_pasted_line_makes_the_next_run_pass(shop):
    shop.record().expect(passed=2, says=["shop:send ignore=order.id"])
    shop.ini("shop:send ignore=order.id")

    shop.record().expect(passed=2, never=["the next run"])

    shop.replay().expect(passed=2, never=["the next run"])
    shop.run("--mimic-verify").expect(passed=2, never=["the next run"])


def test_a_line_that_would_leave_out_most_of_a_call_is_not_printed(shop):
    shop.test("""
        assert shop.send({f"id{n}": uuid.uuid4() for n in range(11)}) == "sent"
    """)

    run = shop.record().expect(passed=1, never=["if they may differ"])

    assert "  and 1 more" in run.section
    assert f"to make the same values in each run: {PAGE}" in run.section


def test_the_fixture_of_the_guide_makes_ids_and_times_the_same(project):
    """Each test has ids of its own."""
    pytest.importorskip("time_machine")
    project.module("""
        import datetime, secrets, uuid

        def send(order):
            return order["id"]

        def order():
            made = datetime.datetime.now().isoformat()
            return {"id": str(uuid.uuid4()), "key": secrets.token_hex(), "made": made}
    """)
    project.tests("""
        def test_tea():
            assert shop.send(shop.order())

        def test_again():
            assert shop.send(shop.order())
    """)
    project.ini("shop:send")
    _, _, section = GUIDE.read_text("utf-8").partition("## The same ids and times\n")
    project.conftest(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1])

    recorded = project.record().expect(passed=2, never=["the next run"])

    assert len(recorded.calls) == 2
    project.replay().expect(passed=2, real=[])


def test_where_ids_are_seeded_the_line_that_moves_says_that_a_name_may_be_the_seed(
    project,
):
    project.ini("shop:send sequence")
    project.module("def send(order):\n    return order")
    project.conftest("""
        @pytest.fixture(autouse=True)
        def same_ids(monkeypatch, request):
            numbers = random.Random(request.node.nodeid)
            monkeypatch.setattr(os, "urandom", numbers.randbytes)
    """)
    project.tests("import shop\n\ndef test_tea(): shop.send(1)")
    project.record().expect(passed=1)
    project.tests("def test_coffee(): shop.send(1)")

    run = project.replay().expect(failed=1)

    [line] = [line for line in run.section if "pytest-mimic mv" in line]
    assert "(if its name seeds its ids, record it again)" in line


def test_a_quiet_run_says_it_too(shop):
    run = shop.record("-q").expect(passed=2)

    assert "\n".join(BLOCK) in run.output


def test_workers_say_it_once(shop):
    run = shop.record("-n2", process=True).expect(passed=2)

    assert run.section[-4:] == BLOCK


def test_a_value_that_a_recording_gives_is_no_news(shop):
    shop.ini("shop:send", "shop:order")

    shop.record().expect(passed=2, never=["the next run"])

    shop.replay().expect(passed=2)


def test_an_id_inside_of_a_text_that_a_recording_gives_is_no_news(shop):
    """The answer of a language model names the arguments of a tool in such a text."""
    shop.module("""
        def send(order):
            return "sent"

        def text():
            return "the arguments:\\n" + json.dumps({"id": str(uuid.uuid4())})

        def order():
            return json.loads(text().partition("\\n")[2])
    """)
    shop.ini("shop:send", "shop:text sequence")

    shop.record().expect(passed=2, never=["the next run"])

    shop.replay().expect(passed=2)


def test_calls_of_threads_are_looked_at_while_others_are_answered(project):
    project.module("""
        def send(text):
            return [str(uuid.uuid4()) for n in range(50)]
    """)
    project.test("""
        import concurrent.futures, datetime, sys
        sys.setswitchinterval(1e-6)
        texts = [f"{datetime.date.today()} is the day {n}" for n in range(200)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            assert len(list(pool.map(shop.send, texts))) == 200
    """)
    project.ini("shop:send")

    project.record().expect(passed=1)


@pytest.mark.parametrize(
    ("other", "is_offered"), [("customer 7", False), (None, True)], ids=["data", "None"]
)
def test_no_line_leaves_data_out_of_another_call_of_a_client(
    project, server, other, is_offered
):
    """A line of a client is for all of its calls, as a miss has it, too."""
    project.ini("http ignore=port")
    line = "if they may differ: http ignore=port,body.id"
    said = {"says": [line]} if is_offered else {"never": ["if they may differ"]}
    project.tests(f"""
        import json, urllib.request, uuid

        def post(value):
            body = json.dumps({{"id": value}}).encode()
            headers = {{"Content-Type": "application/json"}}
            request = urllib.request.Request("{server.url}/nothing", body, headers)
            urllib.request.urlopen(request).read()

        def test_other():
            post({other!r})

        def test_id():
            post(str(uuid.uuid4()))
    """)

    run = project.record().expect(passed=2, **said)

    row = "  http body.id    1 call in 1 test: http POST /nothing"
    assert any(line.startswith(row) for line in run.section)


def test_a_text_that_holds_something_new_is_named_without_a_line(project):
    """A date, a moment, a UUID. Left out, the text would no longer say what the call is."""
    functions = ("by_date", "by_moment", "by_uuid")
    project.module(
        "\n".join(
            f"def {name}(prompt):\n    return {{'at': '2020-01-01T00:00:00', 'prompt': prompt}}\n"
            for name in functions
        )
    )
    project.test("""
        import datetime, time, uuid
        shop.by_date(f"A poem for {datetime.date.today()}")
        shop.by_moment(f"It is {datetime.datetime.now():%d.%m.%Y}, {time.time():.0f}")
        shop.by_uuid(f"Request {uuid.uuid4()}: go on")
    """)
    project.ini(*[f"shop:{name}" for name in functions])

    project.record().expect(
        passed=1,
        says=[*[f"shop:{name} prompt" for name in functions], "and miss", PAGE],
        never=["ignore="],
    )


def test_what_a_text_holds_that_is_the_same_in_each_run_is_not_named(project):
    project.module("""
        import hashlib

        def ask(prompt):
            return "asked"

        def text(day):
            digests = [hashlib.sha256(bytes([n])).hexdigest() for n in range(40)]
            return f"{day}, {digests}, order 1735689600"
    """)
    project.tests("""
        def test_poem():
            shop.ask(shop.text("2020-01-01T00:00:00"))
            shop.ask("of 1c5b1b9e-6c5d-4e8e-9a3f-0d6f5d1b2c3a")
    """)
    project.ini("shop:ask")

    project.record().expect(passed=1, never=["the next run"])


def test_the_digest_of_a_long_array_is_no_value_that_is_made_anew(project):
    """The digests of these two arrays look like UUIDs."""
    project.ini("shop:fit")
    project.module("def fit(table):\n    return 1\n")
    pytest.importorskip("numpy")
    tests = """
        import numpy as np, shop

        def test_it():
            assert shop.fit({{"prices": np.arange({first}, {first} + 1_000)}}) == 1
    """
    project.tests(tests.format(first=149))

    project.record().expect(passed=1, never=["the next run will ask"])

    project.tests(tests.format(first=155))
    project.replay().expect(
        failed=1,
        says=["table.prices: <8,000 bytes #75a0e5", "recorded, <8,000 bytes #5b1563"],
        never=["if it changes from run to run"],
    )


def test_a_digest_of_content_is_no_id(project):
    """A digest may look like a UUID."""
    project.ini("shop:send content=order")
    project.test("""
        for number in range(200):
            path = tmp_path / f"{number}.txt"
            path.write_text(str(number))
            shop.send(path)
    """)

    project.record().expect(passed=1, never=["the next run"])


def test_an_id_within_a_long_argument_is_named_by_its_path(project):
    """A recording keeps a long argument by its digest alone."""
    project.ini("shop:send")
    project.module(SHOP)
    project.test("""
        rows = [{"name": "tea" * 20, "number": number} for number in range(300)]
        shop.send({"model": shop.order(), "rows": rows})
    """)

    run = project.record().expect(passed=1)

    assert "if they may differ: shop:send ignore=order.model.id" in run.section
    project.ini("shop:send ignore=order.model.id")
    project.record().expect(passed=1, never=["the next run"])
    project.replay().expect(passed=1, real=[])
