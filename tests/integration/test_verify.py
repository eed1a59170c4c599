"""Section 3, `--mimic-verify`: every call runs for real and is compared; the caller gets the recorded outcome.

Also what the options `rtol`, `atol`, `compare` and `volatile` leave out of the
comparison.
"""

from __future__ import annotations

import pytest
from support.ports import held_port

# -- what is compared


@pytest.fixture
def changed(project):
    """Record a call of `shop.fetch`, change the function, and verify."""

    def run(before, after, *, options="", test="shop.fetch('x')", **outcomes):
        source = "import asyncio, math\nfrom tally import ran\n\n{}def fetch(name):\n    ran('fetch', name)\n{}\n"
        kind = "async " if "await" in test or "asyncio" in test else ""
        project.ini(f"shop:fetch {options}".strip())
        project.test(test)
        project.module(source.format(kind, "    " + before))
        project.record()
        project.module(source.format(kind, "    " + after))
        verified = project.run("--mimic-verify").expect(**outcomes)
        assert verified.changed == set()
        return verified

    return run


def test_numbers_are_compared_with_the_tolerance_of_the_line(changed):
    changed(
        "return {'x': [1.0, 200.0]}",
        "return {'x': [1.0000001, 200.001]}",
        options="rtol=1e-4",
        passed=1,
    )
    run = changed(
        "return [1.0, 2.0]", "return [1.1, 2.0]", options="rtol=0.01", failed=1
    )

    assert "[0]: 1.0 recorded, 1.1 now" in run.output


def test_a_changed_source_alone_does_not_fail(changed):
    changed("return 1", "one = 1\n    return one", passed=1)


@pytest.mark.parametrize(
    "made", ["return lambda: {0}", "class Local:\n        kept = {0}\n    return Local"]
)
def test_recorded_code_is_compared_by_the_source_it_was_recorded_with(changed, made):
    """The file of today does not say what the recorded code was."""
    changed(made.format(1), "'Comments do not count.'\n    " + made.format(1), passed=1)
    changed(made.format(1), made.format(2), failed=1)


def test_a_drift_at_import_fails_the_run(project):
    """No test can fail for it."""
    project.ini("shop:get")
    project.module("def get():\n    return 1\n")
    project.tests(
        "import shop\ntry:\n    shop.get()\nexcept Exception:\n    pass\n\ndef test_it(): pass\n"
    )
    project.record().expect(passed=1)
    project.module("def get():\n    return 2\n")

    run = project.run("--mimic-verify").expect(passed=1, exit_code=1)

    assert run.section[0].startswith("ERROR: DriftError: shop:get() no longer gives")
    assert "1 call drifted" in run.section
    for said in ("result: 1 recorded, 2 now", "to accept it: pytest --mimic-rerecord"):
        assert f"  {said}" in run.section


# -- the caller gets the recorded outcome, so that the calls that follow stay the
# recorded ones


SHOP = """
    import asyncio
    from tally import ran

    def order(name):
        ran("order", name)
        return {"id": NEW, "name": name}

    def pay(order):
        ran("pay", order)
        return f"paid {order}"

    def pay_async(order):
        ran("pay_async", order)
        async def late():
            return NEW
        return late()

    async def ship(order):
        ran("ship", order)
        return NEW

    def risky(name):
        ran("risky", name)
        if NEW == 1:
            raise ValueError(name)
        return name

    def safe(name):
        ran("safe", name)
        if NEW == 2:
            raise ConnectionError("no route to host")
        return name
"""


@pytest.fixture
def shop(project):
    """Record a test with the service's first state, and verify it with another."""

    def run(test, source=SHOP, *, tests=1, **expected):
        functions = ("order", "pay", "pay_async", "ship", "risky", "safe", "stream")
        project.ini(*(f"shop:{name}" for name in functions if f"def {name}(" in source))
        project.tests(test)
        project.module(source.replace("NEW", "1"))
        recorded = project.record().expect(passed=tests)
        project.module(source.replace("NEW", "2"))
        verified = project.run("--mimic-verify").expect(**expected)
        assert recorded.vault == verified.vault
        return verified

    return run


def test_the_calls_that_follow_stay_the_recorded_ones(shop):
    """The id of the order is another one now.

    The call that sends it back is the recorded one.
    """
    run = shop(
        """
        import shop

        def test_it():
            order = shop.order("tea")
            assert order["id"] == 1
            assert shop.pay(order["id"]) == "paid 1"
            assert not hasattr(shop, "closed"), "its own failure"
        """,
        SHOP + "\n    if NEW == 2:\n        closed = True\n",
        failed=1,
        real=["order tea", "pay 1"],
        says=["DriftError: shop:order(name='tea') no longer gives what was recorded"],
        never=["swallowed", "missing"],
    )

    assert run.section[0] == "1 call verified, 1 drifted"
    assert run.output.index("its own failure") > run.output.index(
        "id: 1 recorded, 2 now"
    )


def test_an_exception_is_raised_again_though_the_call_returns_now(shop):
    shop(
        """
        import pytest, shop

        def test_it():
            with pytest.raises(ValueError, match="tea") as caught:
                shop.risky("tea")
            assert caught.value.__context__ is None
        """,
        failed=1,
        says=["ValueError('tea')", "'tea' now"],
    )


def test_a_value_is_handed_on_though_the_call_fails_now(shop):
    """The error shows the real failure, and the command to try again."""
    run = shop(
        "import shop\n\ndef test_it():\n    assert shop.safe('tea') == 'tea'\n",
        failed=1,
        says=[
            "returned 'tea' when recorded, raised ConnectionError('no route to host') now"
        ],
        never=["pytest_mimic/"],
    )

    retry = "to try again: pytest --mimic-verify test_shop.py::test_it\n"
    assert f"  the real call raised ConnectionError, {retry}" in run.output


def test_coroutines_give_the_recorded_value(shop):
    shop(
        """
        import asyncio, shop

        async def trade():
            return await shop.ship(1), await shop.pay_async(1)

        def test_it():
            assert asyncio.run(trade()) == (1, 1)
        """,
        failed=1,
        real=["ship 1", "pay_async 1"],
        says=["shop:ship(order=1) no longer", "shop:pay_async(order=1) no longer"],
    )


# What a stream of three items gives now, how much of it is read, and what is said.
STREAMS = (
    ([1, 5, 3], [1, 5, 3], "items[1]: 2 recorded, 5 now"),
    ([1, 2], [1, 2], "items[2]: 3 recorded, missing now"),
    ([1, 2, 3, 4, 5], [1, 2, 3, 4], "items[3]: 4 now, not in the recording"),
    ([1, "broken"], [1], "the real call raised ConnectionError, to try again"),
)
STREAM = f"""
    from tally import ran

    def stream(number):
        ran("start", number)
        try:
            for item in {[now for now, *_ in STREAMS]}[number] if NEW == 2 else [1, 2, 3]:
                if item == "broken":
                    raise ConnectionError("reset")
                ran("item", item)
                yield item
            return NEW
        finally:
            ran("end")
"""
READ = """
    import pytest, shop

    @pytest.mark.parametrize("number", range(4))
    def test_it(number):
        def reader():
            ended.append((yield from shop.stream(number)))
        ended = []
        assert [*reader(), *ended] == [1, 2, 3, 1]
"""
READ_ASYNC = """
    import asyncio, pytest, shop

    async def read(number):
        return [item async for item in shop.stream(number)]

    @pytest.mark.parametrize("number", range(4))
    def test_it(number):
        assert asyncio.run(read(number)) == [1, 2, 3]
"""


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_streams_give_the_recorded_items(shop, is_async):
    """The real stream is read as far as the recorded one goes, and closed."""
    source, real = STREAM, []
    if is_async:
        source = source.replace("def stream", "async def stream").replace(
            "return NEW", "pass"
        )
    for number, (_, read, _) in enumerate(STREAMS):
        real += [f"start {number}", *(f"item {item}" for item in read), "end"]

    run = shop(
        READ_ASYNC if is_async else READ,
        source,
        tests=4,
        failed=4,
        real=real,
        never=["swallowed"],
    )

    for number, (*_, says) in enumerate(STREAMS):
        assert says in run.failures[f"test_it[{number}]"]


def test_a_sequence_and_a_cassette_hand_on_each_recorded_outcome(project):
    source = "import itertools\nNEXT = itertools.count({})\n\ndef get():\n    return next(NEXT)\n"
    project.ini()
    project.module(source.format(1))
    project.tests("""
        @pytest.mark.mimic("shop:get", sequence=True)
        def test_sequence():
            assert [shop.get(), shop.get()] == [1, 2]

        def test_cassette(mimic_auto):
            with mimic_auto("trip", targets=["shop:get"]) as cassette:
                assert [shop.get(), shop.get()] == [3, 4]
            assert (cassette.play_count, cassette.all_played) == (0, True)
    """)
    project.record().expect(passed=2)
    project.module(source.format(9))

    run = project.run("--mimic-verify").expect(
        failed=2, says=["1 recorded, 9 now", "4 recorded, 12 now"]
    )

    assert run.section[0] == "4 calls drifted"


# -- a web service


@pytest.fixture
def page(project):
    """Record a page of a server in its release 2, and verify it against release 1."""
    pytest.importorskip("requests")
    project.test(
        'import requests\nrequests.get(os.environ["API"] + "/" + os.environ["PAGE"])'
    )

    def changed(page, *options):
        project.ini(" ".join(["requests ignore=host,port,headers.host", *options]))
        with project.shop() as server:
            server.release = 2
            env = {"PAGE": page}
            project.run("--mimic-rerecord", env=env).expect(passed=1)
            server.release = 1
            return project.run("--mimic-verify", env=env)

    return changed


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("guarded?status=404", "status: 200 recorded, 404 now"),
        ("restyled", "application/json"),
    ],
)
def test_by_shape_status_and_content_type_are_exact(page, name, line):
    page(name, "compare=shape").expect(failed=1, says=[line], never=["release: "])


def test_a_body_is_compared_beside_a_status_that_may_differ(page):
    page("guarded?status=404").expect(failed=1, never=["release: "])
    run = page("guarded?status=404", "volatile=status")
    run.expect(failed=1, says=["release: 2 recorded, 1 now"])


def test_by_shape_the_values_of_a_body_are_free(page):
    page("guarded?status=200", "compare=shape").expect(passed=1)
    page("guarded?status=404", "compare=shape", "volatile=status").expect(passed=1)


@pytest.mark.parametrize("status", [401, 500])
def test_a_refusal_or_failure_is_not_offered_to_be_accepted(page, status):
    run = page(f"guarded?status={status}").expect(
        failed=1, never=["to accept it", "volatile="]
    )

    retry = "to try again: pytest --mimic-verify test_shop.py::test_it"
    assert f"the real call gave {status}, {retry}" in run.output
    page("guarded?status=404").expect(failed=1, says=["to accept it: "], never=["body"])


@pytest.mark.parametrize("recorded", [404, 429])
def test_a_refusal_is_offered_to_be_accepted_in_place_of_an_error(page, recorded):
    run = page(f"guarded?status=401&later={recorded}").expect(failed=1)

    assert f"status: {recorded} recorded, 401 now" in run.output
    assert "to accept it: pytest --mimic-rerecord" in run.output


def test_an_outage_is_not_offered_in_place_of_a_recorded_error(project, page):
    project.ini("requests ignore=host,port,headers.host")
    with project.shop(), held_port() as port:
        env = {"PAGE": "guarded?status=503"}
        project.record(env=env).expect(passed=1)
        env["API"] = f"http://127.0.0.1:{port}"

        project.run("--mimic-verify", env=env).expect(
            failed=1,
            says=[
                "the real call failed (refused), to try again: pytest --mimic-verify"
            ],
            never=["to accept it"],
        )


# -- a change of volatile parts alone makes no outcome another one when it is recorded
# again


ORDERS = """
    import service

    def order(name):
        return service.give(name)

    def stream(name):
        yield service.give(name)
        yield service.give(name)
"""
# Its source is not part of the recordings.
SERVICE = """
    import dataclasses

    @dataclasses.dataclass
    class Order:
        id: int
        name: str
        rows: object = None

    NOW = {now}

    def give(name):
        return {value}
"""
USES = """
    import pytest, shop

    def test_function():
        [shop.order(name) for name in range(4)]

    def test_stream():
        list(shop.stream(4))

    @pytest.mark.mimic("shop:order", sequence=True, volatile=["id"])
    def test_sequence():
        shop.order(5), shop.order(5)

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["shop:order"], volatile=["id"]):
            shop.order(6)
"""


@pytest.fixture
def again(project):
    """Record, change the value, record again, and return the files that changed."""

    def run(value, other=None, *, options="volatile=id", only=""):
        project.ini(f"shop:order {options}".strip(), f"shop:stream {options}".strip())
        project.tests(USES)
        project.module(ORDERS)
        passed = {"passed": 1, "deselected": 3} if only else {"passed": 4}
        project.write("service.py", SERVICE.format(now=1, value=value))
        project.run("--mimic-rerecord", "-k", only).expect(**passed)
        project.write("service.py", SERVICE.format(now=2, value=other or value))
        run = project.run("--mimic-rerecord", "-k", only).expect(**passed)
        project.replay("-k", only).expect(**passed)
        return run.changed

    return run


def test_files_stay_if_only_volatile_parts_changed(again, project):
    """Of a function, a stream, a sequence and a cassette."""
    assert again("{'id': NOW, 'name': name}") == set()
    assert again("Order(NOW, name)") == set()
    changed = again("{'id': NOW, 'name': name}", "{'id': NOW, 'name': name * 2 + 1}")
    folders = [name.partition("/")[0] for name in changed]
    assert sorted(folders) == ["calls"] * 5 + ["cassettes", "logs"]
    assert any(b'"id": 2' in data for data in project.files().values())


def test_types_and_orders_count(again):
    pairs = (
        ("{'id': NOW, 'n': 1}", "{'id': NOW, 'n': 1.0}"),
        ("{'id': NOW, 'n': [1, 2]}", "{'id': NOW, 'n': (1, 2)}"),
        ("Order(NOW, name, {'a': 1, 'b': 2})", "Order(NOW, name, {'b': 2, 'a': 1})"),
        ("Order(NOW, name, 0.0)", "Order(NOW, name, -0.0)"),
    )
    one, other = (", ".join(values) for values in zip(*pairs))
    assert len(again(f"[{one}][name]", f"[{other}][name]", only="function")) == 4


@pytest.mark.parametrize("options", ["", "rtol=1", "compare=shape"])
def test_tolerance_and_shape_keep_nothing(again, options):
    changed = again("{'id': NOW, 'name': name}", options=options, only="function")
    assert len(changed) == 4


def test_generated_keys_and_rowcounts_of_sql_are_left_out(project):
    pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
    project.ini("sqlalchemy")
    project.tests("""
        from sqlalchemy import create_engine, text

        def test_it():
            with create_engine("sqlite:///shop.db").begin() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT)"))
                connection.execute(text("INSERT INTO users (name) VALUES ('Ann')"))
                connection.execute(text("INSERT INTO users (name) VALUES ('Bob') RETURNING id, name")).all()
                connection.execute(text("UPDATE users SET name = 'Cid' WHERE name <> 'Dan'"))
    """)
    project.record().expect(passed=1)

    drifts = [
        "rows[0].id: 2 recorded, 4 now",
        "count: 2 recorded, 4 now",
    ]
    project.run("--mimic-verify").expect(failed=1, says=drifts)
    project.ini("sqlalchemy volatile=rows[0].id,lastrowid,count")
    project.run("--mimic-verify").expect(passed=1)


def test_no_old_answer_stays_beside_a_new_one_of_its_conversation(project):
    """The new key is left out of the comparison, but the answer that repeats it is not."""
    pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
    project.ini("sqlalchemy volatile=rows.*.id,lastrowid")
    project.tests("""
        from sqlalchemy import create_engine, text

        def test_it():
            with create_engine("sqlite:///shop.db").begin() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT)"))
                key = connection.execute(text("INSERT INTO users (name) VALUES ('Ann') RETURNING id")).scalar_one()
                assert connection.execute(text("SELECT max(id) AS newest FROM users")).scalar_one() == key
    """)
    project.record().expect(passed=1)

    project.run("--mimic-rerecord").expect(passed=1)

    project.replay().expect(passed=1)


def test_the_block_names_what_a_function_makes_anew(project):
    project.ini("shop:order")
    project.module("""
        import uuid

        def order():
            return {"id": str(uuid.uuid4()), "rows": [{"key": str(uuid.uuid4())}], "n": 1}
    """)
    project.test("assert shop.order()['n'] == 1")
    project.record().expect(passed=1)

    run = project.run("--mimic-verify").expect(failed=1)

    block = run.section[run.section.index("if this is new each time:") + 1 :]
    assert block[0].strip() == "shop:order volatile=id,rows.*.key"
    project.ini(block[0].strip())
    project.run("--mimic-verify").expect(passed=1)
