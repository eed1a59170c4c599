"""Section 3, *Session output*: what a run names that ordinary suites met."""

from __future__ import annotations

import itertools

import pytest
from support import loopback

KEY = "ghp_" + "aB3dE6gH9jK2mN5p" * 3


def test_what_looks_like_a_key_is_masked_in_a_drift(project):
    project.ini("shop:fetch")
    project.module("""
        def fetch():
            return {"note": os.environ["NOTE"]}
    """)
    project.test("assert shop.fetch()['note']")
    project.record(env={"NOTE": f"it is {KEY} today"}).expect(passed=1)

    run = project.run("--mimic-verify", env={"NOTE": "it is gone"}).expect(failed=1)

    assert KEY not in run.output
    assert "ghp_" in run.output


def test_one_cause_is_one_row(project):
    project.ini("shop:ask")
    project.module("""
        def ask(model, question):
            return question
    """)
    test = """
        import pytest, shop

        @pytest.mark.parametrize("number", range(11))
        def test_it(number):
            assert shop.ask("{model}", f"question {{number}}")
    """
    project.tests(test.format(model="small"))
    project.record().expect(passed=11)
    project.tests(test.format(model="large"))

    run = project.run().expect(failed=11)

    rows = [line for line in run.section if "shop:ask" in line]
    assert len(rows) == 2
    assert "10 more" in rows[1]
    commands = [line for line in run.section if "--mimic-record" in line]
    assert len(commands) == 1
    assert len(commands[0]) < 300


def test_one_line_accepts_all_texts_that_look_like_keys(project, server):
    pytest.importorskip("requests")
    project.test("""
        for start in ("ghp_" + "a1B2" * 9, "ghp_" + "c3D4" * 9):
            prompt = {"prompt": f"Is {start} valid?"}
            requests.post(os.environ["API"] + "/echo", json=prompt)
    """)
    project.ini("http")
    recorded = project.record().expect(passed=1)
    [line] = [one for one in recorded.section if "mimic_redact = !sha256" in one]
    assert line.count("!sha256:") == 2
    project.ini("http", mimic_redact=line.partition(" = ")[2])

    again = project.run("--mimic-rerecord").expect(passed=1)

    assert "looks like a secret" not in again.output


def test_a_key_in_an_argument_or_an_outcome_of_a_function_is_named(project):
    project.ini("shop:settings")
    project.module("def settings(key):\n    return {'id': key}\n")
    project.test(f"assert shop.settings('{KEY}')['id']")

    recorded = project.record().expect(
        passed=1, says=["looks like a secret:", "secrets.html#what-looks-like-a-key"]
    )

    assert "mimic_redact = !sha256:" in recorded.output
    assert KEY not in recorded.output


@pytest.mark.parametrize(("count", "shown"), [(2, 2), (12, 10)])
def test_each_key_of_one_call_has_a_row(project, count, shown):
    """The line below would accept one that nobody saw."""
    project.ini("shop:keys")
    project.module("""
        def keys(count):
            return [f"ghp_{n:02}" + 9 * "aB1c" for n in range(count)]
    """)
    project.test(f"assert len(shop.keys({count})) == {count}")

    recorded = project.record().expect(passed=1)

    [line] = [one for one in recorded.section if "mimic_redact = !sha256" in one]
    rows = [one for one in recorded.section if one.startswith("  shop:keys(")]
    assert len(rows) == line.count("!sha256:") == shown


def test_a_key_is_masked_in_the_rows_of_unused_recordings(project, server):
    pytest.importorskip("requests")
    project.ini("http", "shop:send sequence")
    project.module("def send(text):\n    return 1\n")
    project.tests(f"""
        def test_it():
            requests.get(os.environ["API"] + "/users/{KEY}")

        def test_other():
            shop.send("a long beginning of a text that leads to {KEY}")
    """)
    project.record().expect(passed=2)
    project.tests("def test_new():\n    pass\n")

    run = project.run("--mimic-fail-on-unused", "--mimic-report=r.html")

    assert "unused:" in run.section
    shown = run.output + project.root.joinpath("r.html").read_text("utf-8")
    cleared = project.run("--mimic-clear-unused")
    assert KEY[:12] not in shown + cleared.output


def test_the_rows_of_a_recording_run_tell_the_model_and_the_last_words(project, server):
    """Those of what looks secret, and of what repeats."""
    pytest.importorskip("httpx")
    project.ini("http", "llm exclude=*")
    project.tests("""
        def ask(words, **body):
            said = [{"role": "user", "content": words}]
            return httpx.post(os.environ["API"] + "/echo", json={"model": "gpt-x", "messages": said, **body})

        def test_it():
            for _ in range(int(os.environ["TIMES"])):
                ask("What is one?")
            ask("What is three?", note="ghp_" + "aB1c" * 9)
    """)
    env = {"API": server.url}

    recorded = project.record(env={**env, "TIMES": "1"}).expect(passed=1)
    project.replay(env={**env, "TIMES": "1"})
    repeated = project.replay(env={**env, "TIMES": "3"})

    rows = {"three": recorded, "one": repeated}
    for words, run in rows.items():
        assert f"(gpt-x: What is {words}?)" in "\n".join(run.section)


NUMBERS = itertools.count(1)


class Counting(loopback.Handler):
    """Gives another number to each request."""

    def do_GET(self):
        self.json({"number": next(NUMBERS)})


def test_the_rows_of_drifted_calls_add_up_to_their_count(project):
    pytest.importorskip("requests")
    project.ini("http")
    project.tests("""
        def test_it():
            for path in "/a", "/a", "/b", "/b", "/b":
                requests.get(os.environ["API"] + path)
    """)
    with project.shop(Counting):
        project.record().expect(passed=1)
        run = project.run("--mimic-verify").expect(failed=1, says=["5 calls drifted"])

    row = run.section.index("drifted:") + 1
    assert "and 4 more calls in 1 test: http body.number" in run.section[row + 1]


def test_a_path_of_ignore_that_leads_to_nothing_is_named(project):
    """Misspelt, it would leave out nothing, and each later call might miss."""
    met = "place.at.id,rows.*.day,more.name,more.x.id"
    project.ini(f"shop:fit ignore={met},place.nothing,rows.*.nothing,more.nothing")
    project.module("""
        class Place:
            def __init__(self, id):
                self.at = {"id": id}

        def fit(place, rows, **more):
            return len(rows)
    """)
    project.tests("""
        def test_it():
            shop.fit(shop.Place(1), [{"a": 1}])
            shop.fit(shop.Place(2), [{"a": 1}, {"a": 2, "day": 3}], name="x", x={"id": 1})
    """)

    recorded = project.record().expect(passed=1)
    replayed = project.run().expect(passed=1)

    heading = "no real call of this run has what their line leaves out:"
    first = recorded.section.index(heading) + 1
    assert recorded.section[first:] == [
        "  shop:fit ignore=place.nothing     test_shop.py::test_it",
        "  shop:fit ignore=rows.*.nothing    test_shop.py::test_it",
        "  shop:fit ignore=more.nothing      test_shop.py::test_it",
    ]
    assert heading not in replayed.section


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_nothing_is_wider_than_the_terminal_but_what_is_pasted(
    project, monkeypatch, columns
):
    """What is pasted has its own line, where it does not fit behind its words."""
    monkeypatch.setenv("COLUMNS", str(columns))
    project.ini("shop:ask sequence")
    project.module("""
        def ask(prompt):
            pathlib.Path("a folder of results, with words in its name").mkdir(exist_ok=True)
            pathlib.Path("a folder of results, with words in its name/last").write_text("x")
            return os.environ["N"]
    """)
    name = "test_" + "with_a_long_name_" * 4
    project.tests(f"""
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def {name}(number):
            shop.ask(f"{{number}} and a long prompt of which nobody wants to read the end")

        def test_short():
            shop.ask("short, but for what stands behind it, which is longer than a line")
    """)
    recorded = project.record(env={"N": "1"}).expect(passed=4)
    drifted = project.run("--mimic-verify", env={"N": "2"}).expect(failed=4)
    project.tests("def test_other(): pass")
    unused = project.run("--mimic-fail-on-unused").expect(passed=1, exit_code=1)

    for run in (recorded, drifted, unused):
        wide = [line for line in run.section if len(line) > columns]
        assert all(line.startswith("    pytest --mimic-") for line in wide)
    assert min(len(drifted.section), len(unused.section)) > 3
