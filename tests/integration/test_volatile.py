"""A change of volatile parts alone makes no outcome another one when it is recorded again."""

from __future__ import annotations

import pytest

INPUTS = "warn"

SHOP = """
    import service
    from tally import ran

    def order(name):
        ran("order", name)
        return service.give(name)

    def stream(name):
        ran("stream", name)
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

    @dataclasses.dataclass
    class Loose(Order):
        def __mimic_identity__(self):
            return self.name

    NOW = {now}

    def give(name):
        return {value}
"""

USES = {
    "function": "import shop\n\ndef test_it():\n    shop.order('tea')\n",
    "stream": "import shop\n\ndef test_it():\n    list(shop.stream('tea'))\n",
    "sequence": """
        import pytest, shop

        @pytest.mark.mimic("shop:order", sequence=True, volatile=["id"])
        def test_it():
            shop.order("tea")
            shop.order("tea")
    """,
    "cassette": """
        import shop

        def test_it(mimic_auto):
            with mimic_auto("trip", targets=["shop:order"], volatile=["id"]):
                shop.order("tea")
    """,
}


@pytest.fixture
def again(project):
    """Record, change the value, record again, and return the files that changed."""

    def run(value, *, use="function", options="volatile=id", other=None):
        lines = (f"shop:order {options}".strip(), f"shop:stream {options}".strip())
        project.ini(
            *lines, mimic_inputs="ignore"
        )  # the service's source changes, and is noted from Python 3.12 on
        project.tests(USES[use])
        project.module(SHOP)
        project.write("service.py", SERVICE.format(now=1, value=value))
        project.record().expect(passed=1)
        project.write("service.py", SERVICE.format(now=2, value=other or value))
        changed = project.run("--mimic-rerecord").expect(passed=1).changed
        project.replay().expect(passed=1, real=[])
        return changed

    return run


@pytest.mark.parametrize(
    "value", ["{'id': NOW, 'name': name}", "Order(NOW, name)", "{'id': NOW, 'names': {name}}"]
)
@pytest.mark.parametrize("use", list(USES))
def test_files_stay_if_only_volatile_parts_changed(again, use, value):
    assert again(value, use=use) == set()


@pytest.mark.parametrize("use", list(USES))
def test_another_change_is_recorded_with_all_of_its_parts(again, project, use):
    assert again("{'id': NOW, 'name': name}", use=use, other="{'id': NOW, 'name': name * 2}")

    assert any(b'"id": 2' in data for data in project.files().values())


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("{'id': NOW, 'n': 1}", "{'id': NOW, 'n': 1.0}"),
        ("{'id': NOW, 'n': 1}", "{'n': 1, 'id': NOW}"),
        ("{'id': NOW, 'n': [1, 2]}", "{'id': NOW, 'n': (1, 2)}"),
        ("Order(NOW, name, {'a': 1, 'b': 2})", "Order(NOW, name, {'b': 2, 'a': 1})"),
        ("Order(NOW, name, 0.0)", "Order(NOW, name, -0.0)"),
        ("Loose(NOW, name, 1)", "Loose(NOW, name, 2)"),
    ],
    ids=["type", "order", "tuple", "order inside", "sign", "part without identity"],
)
def test_types_and_orders_count(again, value, other):
    assert again(value, other=other)


@pytest.mark.parametrize("options", ["", "rtol=1", "compare=shape"])
def test_tolerance_and_shape_keep_nothing(again, options):
    assert again("{'id': NOW, 'name': name}", options=options)


def test_a_longer_stream_is_another_outcome(project):
    project.ini("shop:stream volatile=id")
    project.tests(USES["stream"])
    project.write("service.py", SERVICE.format(now=1, value="{'id': NOW}"))
    project.record().expect(passed=1)
    project.module(SHOP + "        yield {'id': 3}\n")

    run = project.run("--mimic-rerecord").expect(passed=1)

    assert b'"id": 3' in next(iter(run.vault.values()))


def test_a_stale_recording_keeps_its_outcome_and_gets_the_new_source(project):
    project.ini("shop:order volatile=id", mimic_inputs="ignore")
    project.tests(USES["function"])
    project.write("service.py", SERVICE.format(now=1, value="{'id': NOW}"))
    project.record().expect(passed=1)
    project.write("service.py", SERVICE.format(now=2, value="{'id': NOW}"))
    project.module(SHOP.replace("return service", "return not name or service"))

    run = project.record().expect(passed=1, real=["order tea"])

    assert len(run.changed) == 1
    assert b'"id": 1' in next(iter(run.vault.values()))
    project.replay().expect(passed=1, real=[])


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

    drifted = project.run("--mimic-verify").expect(failed=1)
    project.ini("sqlalchemy volatile=rows.*.id,lastrowid,rowcount")
    project.run("--mimic-verify").expect(passed=1)

    for line in (
        "rows[0].id: 2 recorded, 4 now",
        "lastrowid: 1 recorded, 3 now",
        "rowcount: 2 recorded, 4 now",
    ):
        assert line in drifted.output
