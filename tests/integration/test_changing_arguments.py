"""A recording run names the arguments that look as if the next run has others."""

from __future__ import annotations

import pytest

UUID = "6a4fb50c-2f63-4bd6-8c0a-36fd3a1c2a4d"
HEADING = "look as if they change in every run, so that a replay will miss these calls:"


@pytest.fixture
def shop(project):
    project.ini("shop:save rtol=0.1", "shop:find ignore=at", "shop:new")
    project.module(
        """
        import datetime, random, time, uuid

        def save(order, tags=()):
            return "saved"

        def find(key, at=None):
            return "found"

        def new():
            return {"id": str(uuid.uuid4())}
        """
    )
    return project


@pytest.mark.promise("a recording run names times and random ids that look as if they change in every run")
@pytest.mark.parametrize(
    ("call", "paths", "line"),
    [
        ("save({'id': uuid.uuid4()})", "order.id", "shop:save rtol=0.1 ignore=order.id"),
        ("save([{'id': str(uuid.uuid4())}])", "order.*.id", "shop:save rtol=0.1 ignore=order.*.id"),
        ("save(1, [f'session:{uuid.uuid4()}'])", "tags.0", "shop:save rtol=0.1 ignore=tags.0"),
        ("save(datetime.datetime.now())", "order", "shop:save rtol=0.1 ignore=order"),
        ("save(datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None))", "order", "shop:save rtol=0.1 ignore=order"),
        ("save(datetime.datetime.now(datetime.timezone.utc).isoformat())", "order", "shop:save rtol=0.1 ignore=order"),
        ("find(time.time())", "key", "shop:find ignore=at,key"),
        ("find(int(1_000 * time.time()))", "key", "shop:find ignore=at,key"),
    ],
)  # fmt: skip
def test_changing_argument_is_named_with_the_line_that_ignores_it(shop, call, paths, line):
    shop.test(f"import datetime, time, uuid\nshop.{call}\nshop.{call}")

    run = shop.record().expect(passed=1)

    assert run.section[-3:] == [
        HEADING,
        f"  {paths} of {line.split()[0]}    test_shop.py::test_it",
        f"to leave them out: {line}",
    ]
    shop.ini(line)
    shop.record("--mimic-clear-unused").expect(passed=1)
    assert shop.replay().expect(passed=1, real=[]).section[0].startswith("2 calls replayed")


@pytest.mark.parametrize(
    ("order", "named", "which", "line"),
    [
        ("{name: uuid.uuid4() for name in 'abcde'}", "order.a, order.b, order.c", "the first 3 of 5", "order.a,order.b,order.c"),
        ("[['SET', uuid.uuid4()] for _ in range(5)]", "order.0.1, order.1.1, order.2.1", "them", "order.*.1"),
    ],
)  # fmt: skip
def test_many_changing_arguments_are_named_in_short(shop, order, named, which, line):
    shop.test(f"import uuid\nshop.save({order})")

    assert shop.record().expect(passed=1).section[-2:] == [
        f"  {named} and 2 more of shop:save    test_shop.py::test_it",
        f"to leave {which} out: shop:save rtol=0.1 ignore={line}",
    ]


@pytest.mark.parametrize(
    "body",
    [
        f"shop.save({{'id': uuid.UUID('{UUID}')}})",
        "shop.find(1, at=time.time())",
        "shop.save(datetime.datetime(2026, 11, 2, 10, 30))",
        "shop.save(uuid.uuid1())",
        "monkeypatch.setitem(sys.modules, 'faker', random); "
        "shop.save(uuid.UUID(int=random.Random(7).getrandbits(128), version=4))",
        "shop.find(shop.new()['id'])",
        "monkeypatch.setattr(os, 'urandom', random.Random(1).randbytes); shop.save(uuid.uuid4())",
        f"monkeypatch.setattr(uuid, 'uuid4', lambda: '{UUID[::-1]}'[::-1]); shop.save(uuid.uuid4())",
        "shop.save(datetime.date.today())",
        "shop.save('x' * 80 + str(uuid.uuid4()))",
    ],
    ids=[
        "in_the_file",
        "ignored",
        "fixed",
        "version_1",
        "faker",
        "issued",
        "seeded",
        "replaced",
        "date",
        "long",
    ],
)
def test_argument_of_another_origin_is_not_named(shop, body):
    shop.test(f"import datetime, os, random, sys, time, uuid\n{body}")

    run = shop.record().expect(passed=1)

    assert HEADING not in run.section


def test_two_workers_name_an_argument_once(shop):
    shop.tests(
        """
        import shop, uuid

        def test_one():
            shop.save(uuid.uuid4())

        def test_two():
            shop.save(uuid.uuid4())
        """
    )

    run = shop.run("--mimic-record", "-n2", process=True).expect(passed=2)

    assert run.section.count(HEADING) == 1
    assert run.section[-1] == "to leave them out: shop:save rtol=0.1 ignore=order"
    assert sum("order of shop:save" in line for line in run.section) == 1


def test_parts_of_a_client_s_call_are_named(project):
    project.ini("sqlalchemy")
    project.test(
        """
        import datetime, sqlalchemy as sa, uuid
        with sa.create_engine("sqlite://").begin() as connection:
            connection.execute(sa.text("create table orders (id text, made text)"))
            values = {"id": str(uuid.uuid4()), "made": datetime.datetime.now().isoformat()}
            connection.execute(sa.text("insert into orders values (:id, :made)"), values)
        """
    )

    run = project.record().expect(passed=1)

    assert run.section[-2:] == [
        "  params.id, params.made of sqlalchemy INSERT orders    test_shop.py::test_it",
        "to leave them out: sqlalchemy ignore=params.id,params.made",
    ]
