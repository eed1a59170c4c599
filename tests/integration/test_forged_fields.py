"""Section 5, security: a forged field is damage of its file alone. No command and no run ends in a traceback."""

from __future__ import annotations

import json
import os
import tracemalloc

import httpx  # noqa: F401
import pandas  # noqa: F401
import pytest
import sqlalchemy
import sqlalchemy.dialects.sqlite  # noqa: F401
from support.forging import ODD, forged, places_in
from support.git import git

from pytest_mimic.vault.names import object_name

CODE = """
    import contextlib, os, sqlite3
    import httpx, sqlalchemy

    class Box:
        def __init__(self, text):
            self.text = text

    def plain(n): return {"n": n, "rows": [[1, 2], [3, 4]]}
    def boxed(n): return Box("text" * n)
    def fails(n): raise ValueError(n)
    def counts(n): yield from range(n)
    def fills(box): box.text = "filled"
    def stepped(n): return n
    def large(n): return "x" * 70_000

    def stored(engine):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("create table a (n integer, s text)"))
            connection.execute(sqlalchemy.text("insert into a values (:n, :s)"), [{"n": 1, "s": "b"}])
            return [tuple(row) for row in connection.execute(sqlalchemy.text("select * from a"))]
"""
TESTS = """
    import contextlib, os
    import httpx, sqlalchemy
    import shop
    from shop import Box

    API = os.environ["API"]

    def test_plain(): shop.plain(1)
    def test_boxed(): shop.boxed(1)
    def test_large(): shop.large(1)
    def test_fails():
        with contextlib.suppress(ValueError): shop.fails(1)
    def test_counts(): list(shop.counts(2))
    def test_fills(): shop.fills(Box("new"))
    def test_stepped(): shop.stepped(1), shop.stepped(2)
    def test_http():
        with httpx.Client(base_url=API) as client:
            client.get("users?a=1", headers={"authorization": "Bearer tok-4711-sent"})
            client.post("echo", json={"a": [1]})
            client.post("echo", data={"a": "1"})
            client.post("echo", files={"a": b"1"})
            client.get("events")
            client.get("text")
            client.get("binary")
            with contextlib.suppress(httpx.HTTPError): client.get("http://127.0.0.1:9/")
    def test_sql():
        shop.stored(sqlalchemy.create_engine("sqlite://"))
    def test_cassette(mimic_auto):
        with mimic_auto("a", targets=["shop:plain"]) as cassette:
            shop.plain(3)
            [call.signature for call in cassette.calls]
            [(call.arguments, call.outcome, call.match("shop:*")) for call in cassette.calls]
    def test_other(): assert shop.plain(2)["n"] == 2
"""


COMMANDS = [
    ("ls",),
    ("ls", "--json"),
    ("show",),
    ("check",),
    ("diff",),
    ("mv", "-n", "test_shop.py", "test_new.py"),
    ("rm", "-n", "shop:plain"),
]


@pytest.fixture
def recorded(project, server):
    """A project with recordings of each kind, and its server gone."""
    project.env["API"] = f"{server.url}/"
    project.ini(
        "shop:plain",
        "shop:boxed",
        "shop:fails",
        "shop:counts",
        "shop:large",
        "shop:fills mutates=box",
        "shop:stepped sequence",
        "http",
        "sqlalchemy",
    )
    project.module(CODE)
    project.tests(TESTS)
    project.record().expect(passed=11)
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "one")
    return project


def cases(project):
    """Yield each file with each of its fields in turn, and odd values for it: in a rare run three, else one for each twentieth field."""
    is_rare = bool(os.environ.get("MIMIC_RARE"))
    number = 0
    for name, content in sorted(project.files().items()):
        for place in places_in(json.loads(content)) if name.endswith(".json") else ():
            number += 1
            values = [ODD[(number + more) % len(ODD)] for more in range(3)]
            if is_rare or number % 20 == 0:
                yield from (
                    (name, content, place, value)
                    for value in values[: 3 if is_rare else 1]
                )


@pytest.mark.must
def test_a_forged_field_is_damage_of_its_file_alone(recorded):
    """Of each file one test has calls; those of all others pass."""
    project = recorded
    wrong = []
    for name, content, place, value in cases(project):
        path = project.vault / name
        path.write_bytes(forged(content, place, value))
        case = f"{name} {place} {str(value)[:40]!r}"

        run = project.run("--mimic-report=page.html")
        answers = [project.command(*words) for words in COMMANDS]

        path.write_bytes(content)
        if run.exit_code not in (0, 1) or run.outcomes.get("passed", 0) < 9:
            wrong.append((case, run.output))
        wrong += [(case, one) for one in answers if one.code not in (0, 1, 2)]
    assert wrong == []


def test_a_forged_object_is_damage_of_what_names_it_alone(recorded):
    for name in sorted(recorded.files("objects")):
        for value in (
            "[[[[",
            '{"functions": 3, "files": []}',
            '{"functions": {"shop": 1}, "files": {"a": {}}}',
            "[" * 3_000 + "]" * 3_000,
        ):
            # Another name, so that its digest fits.
            path = recorded.vault / object_name(
                name.rpartition(".")[2], [value.encode()]
            )
            path.parent.mkdir(exist_ok=True)
            path.write_text(value)
            own = path.relative_to(recorded.vault).as_posix()
            for file in recorded.vault.rglob("*.json"):
                file.write_text(file.read_text().replace(name, own))

            run = recorded.run("--mimic-report=page.html")
            codes = [recorded.command(*words).code for words in COMMANDS]

            assert run.exit_code in (0, 1), run.output
            assert run.outcomes["passed"] >= 9, run.output
            assert {*codes} <= {0, 1, 2}
            for file in recorded.vault.rglob("*.json"):
                file.write_text(file.read_text().replace(own, name))


def bomb(levels):
    """Return objects by name, each of which names ten times the one before, and the name of the last."""
    objects, tree = {}, [0] * 10
    for _ in range(levels):
        content = json.dumps(tree).encode()
        name = object_name("json", [content])
        objects[name] = content
        tree = [{"$json": name, "length": len(content)}] * 10
    return objects, tree


@pytest.mark.must
@pytest.mark.parametrize(
    "case",
    ["levels", "one text", "seconds", "freq", "zone", "fraction", "moment", "decimal"],
)
def test_what_is_small_never_costs_much(project, case):
    """Each file is of a few kB, and of one object of a megabyte at most."""
    project.ini("shop:fetch", "shop:other", mimic_pickle="forbid")
    project.module("def fetch(n): return {'n': n}\ndef other(n): return n")
    project.tests(
        "import decimal, fractions, pandas, shop\ndef test_it(): shop.fetch(1)\ndef test_other(): assert shop.other(2) == 2\n"
    )
    project.record().expect(passed=2)
    objects, tree = {}, None
    if case == "levels":
        objects, tree = bomb(8)
    elif case == "one text":
        content = b"x" * (1 << 20)
        objects[object_name("txt", [content])] = content
        tree = [
            {"$text": name, "length": 1 << 20, "begins": "x"} for name in objects
        ] * 4_000
    elif case == "freq":
        index = {
            "$pandas:Index": {"$column": [], "dtype": "datetime64[ns]"},
            "freq": "9" * 60_000 + "D",
        }
        tree = index
    elif case == "zone":
        stamp = {"moment": "2024-01-01T00:00:00", "unit": "s", "fold": 0}
        tree = {
            "$pandas:Timestamp": {
                **stamp,
                "zone": f"dateutil/{project.root}/pytest.ini",
            }
        }
    elif case == "fraction":
        tree = {
            "$fraction": [
                {"$int": "0x" + "7" * 1_000_000},
                {"$int": "0x" + "3" * 1_000_001},
            ]
        }
    elif case == "moment":
        tree = {"$datetime": "2" * 1_000_000}
    elif case == "decimal":
        tree = {"$decimal": "1" * 1_000_000}
    for name, content in objects.items():
        (project.vault / name).parent.mkdir(parents=True, exist_ok=True)
        (project.vault / name).write_bytes(content)

    def forge(call):
        if call.target == "shop:fetch" and tree is not None:
            call.value = tree
        elif call.target == "shop:fetch":
            call.call |= {"end": "waiting", "seconds": 1e9}

    project.edit_calls(forge)

    tracemalloc.start()
    run = project.run()
    codes = [
        project.command(*words).code
        for words in (("ls",), ("show", "shop:fetch"), ("check",))
    ]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert run.outcomes.get("passed", 0) >= 1
    assert run.exit_code in (0, 1)
    assert {*codes} <= {0, 1}
    assert most < 300_000_000
