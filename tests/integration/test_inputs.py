"""Section 5, what a call reaches and reads: what of it is noted, and what a run says and does when it has changed."""

from __future__ import annotations

import json

import pytest

# The conftest turns these lists off elsewhere.
INPUTS = "warn"


def edit(shop, name, old, new):
    path = shop.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


SMALL = """
    from shop import helper

    def fetch(n):
        return helper.value(n)

    def stream(n):
        for i in range(n):
            yield helper.value(i)
"""
HELPER = """
    def value(n):
        return n + 1
"""


@pytest.fixture
def small(project):
    project.write("shop/__init__.py", "")
    project.write("shop/api.py", SMALL)
    project.write("shop/helper.py", HELPER)

    project.test(
        "from shop import api\nassert api.fetch(1) == 2\nassert api.fetch(1) == 2"
    )
    project.ini("shop.api:fetch")
    return project


def lists(project):
    """Return the lists in the vault."""
    found = [
        json.loads(data)
        for name, data in project.files("objects").items()
        if name.endswith(".json")
    ]
    return [facts for facts in found if "functions" in facts]


def change(project, text="return n + 1", now="return n + 1 + 0"):
    edit(project, "shop/helper.py", text, now)


def test_of_many_targets_that_read_a_changed_file_few_are_named(project):
    functions = "def read{n}():\n    with open('data.txt') as file:\n        return file.read()\n"
    project.write("a.py", "".join(functions.format(n=n) for n in range(7)))
    project.write("data.txt", "old")
    project.ini("a:*")
    project.test("".join(f"import a\na.read{n}()\n" for n in range(7)))
    project.record().expect(passed=1)
    project.write("data.txt", "new")

    run = project.replay().expect(passed=1)

    command = "pytest --mimic-verify test_shop.py::test_it"
    counts = "1 call of a:read0, 1 call of a:read1, 1 call of a:read2 and 4 more"
    assert run.section[-2:] == [
        f"  data.txt    {counts}",
        f"to see whether it matters: {command}",
    ]


def test_a_file_that_an_argument_names_is_an_input_whoever_opens_it(project):
    """Code in C, as that of pyarrow, opens files unseen; here by another process."""
    project["a.py"] = """
        import subprocess

        def read(path):
            return subprocess.check_output(["cat", path], text=True)
    """
    project.write("data/rows.txt", "old")
    project.ini("a:read")
    project.test("import a\na.read('data/rows.txt')")
    project.record().expect(passed=1)
    project.write("data/rows.txt", "new")

    run = project.run().expect(passed=1)

    assert "  data/rows.txt    1 call of a:read" in run.section


def test_mimic_inputs_decides_what_a_change_does(small):
    small.record().expect(passed=1)
    change(small)
    strict, ignored = ("-o", "mimic_inputs=strict"), ("-o", "mimic_inputs=ignore")

    warned, quiet = small.replay().expect(passed=1), small.replay("-q").expect(passed=1)
    refused = small.replay(*strict).expect(failed=1)
    assert (
        named_rows(warned)
        == named_rows(quiet)
        == ["shop.helper:value (shop/helper.py)    1 call of shop.api:fetch"]
    )
    assert (
        "StaleRecordingError: code or a file that shop.api:fetch(n=1) uses has changed since this call was recorded"
        in refused.output
    )
    assert "shop.helper:value (shop/helper.py) has changed" in refused.output
    assert refused.section[0] == "1 call stale"
    assert small.replay(*ignored).expect(passed=1).section == [
        "2 calls replayed, # s saved"
    ]

    small.record(*strict).expect(passed=1, says=["1 call recorded"])
    small.replay(*strict).expect(passed=1)
    small.run("--mimic-rerecord", "--mimic-clear-unused", *ignored).expect(passed=1)
    assert lists(small)  # an equal outcome keeps what was noted

    small.ini("shop.api:fetch", mimic_inputs="sometimes")
    says = ["mimic_inputs = sometimes: it takes warn, strict or ignore"]
    assert says[0] in small.run().output


def test_a_function_that_is_made_at_the_top_level_reaches_what_has_made_it(project):
    project["shop/api.py"] = """
        from shop import helper

        def adding(extra=3):
            def add(n):
                return helper.value(n) + extra
            return add

        add = adding()
    """
    project.write("shop/__init__.py", "")
    project.write("shop/helper.py", HELPER)
    project.ini("shop.api:add")
    project.test("from shop import api\napi.add(1)")
    project.record().expect(passed=1)
    edit(project, "shop/api.py", "extra=3", "extra=4")

    run = project.replay().expect(passed=1)

    assert named_rows(run) == [
        "shop.api:adding (shop/api.py)    1 call of shop.api:add"
    ]
    project.tests(
        """
        from shop import api, helper

        def test_it(monkeypatch):
            monkeypatch.setattr(helper, "value", lambda n: 7)
            api.add(1)
        """
    )
    mocked = project.replay().expect(failed=1)
    assert "helper.value is replaced" in mocked.output


def named_rows(run):
    return [
        line.strip()
        for line in run.output.splitlines()
        if "call" in line and " of shop." in line
    ]


@pytest.mark.parametrize("use", ["sequence", "stream", "cassette", "exception"])
def test_each_kind_of_recording_has_its_list(small, use):
    target = {"stream": "shop.api:stream", "sequence": "shop.api:fetch sequence"}.get(
        use, "shop.api:fetch"
    )
    body = {
        "stream": "list(api.stream(2))",
        "cassette": "with mimic_auto('trip', targets=['shop.api:fetch']): api.fetch(1)",
        "exception": "pytest.raises(TypeError, api.fetch, 'a')",
    }.get(use, "api.fetch(1)")
    small.ini(target)
    small.test(f"from shop import api\n{body}")
    small.record().expect(passed=1)
    change(small)

    run = small.replay().expect(passed=1)

    assert named_rows(run) == [
        f"shop.helper:value (shop/helper.py)    1 call of {target.partition(' ')[0]}"
    ]
    small.replay("-o", "mimic_inputs=strict").expect(
        failed=1, says=["StaleRecordingError"]
    )


def test_a_damaged_list_is_said_and_replaced(small):
    small.record().expect(passed=1)
    [path] = (small.vault / "objects").rglob("*.json")
    path.write_text("[]")

    run = small.replay().expect(passed=1)

    assert any(f"{path.name} is not what was recorded" in line for line in run.section)
    small.replay("-o", "mimic_inputs=strict").expect(
        failed=1, says=["CorruptRecordingError"]
    )
    small.run("--mimic-rerecord").expect(passed=1)
    assert len(lists(small)) == 1


def test_recording_an_equal_outcome_again_renews_source_and_inputs_alone(small):
    first = small.record().expect(passed=1)
    change(small)
    edit(small, "shop/api.py", "return helper.value(n)", "return helper.value(n) + 0")
    small.replay().expect(failed=1)

    small.run("--mimic-rerecord").expect(passed=1)

    assert named_rows(small.replay().expect(passed=1)) == []
    [before], [now] = first.calls, small.calls()
    assert (before.source != now.source, before.inputs != now.inputs) == (True, True)
    assert (before.recorded, before.seconds) == (now.recorded, now.seconds)
    assert before.said == now.said


def test_the_command_checks_and_removes_what_a_recording_reached(small):
    small.record().expect(passed=1)

    [path] = (small.vault / "objects").rglob("*.json")
    content = path.read_bytes()
    path.unlink()
    name = f"objects/{path.parent.name}/{path.name}"
    assert f"{name} is missing" in small.command("check").out
    before = set(small.files())
    small.command("check", "--fix")
    assert set(small.files()) == before, "a recording that replays is kept"
    path.write_bytes(content)
    assert small.command("rm", "shop.api:fetch").code == 0
    assert small.files() == {}


def test_a_lost_list_is_made_again_by_a_run_that_records(small):
    small.ini("shop.api:fetch", mimic_inputs="strict")
    small.record().expect(passed=1)
    before = small.files()
    [path] = (small.vault / "objects").rglob("*.json")
    path.unlink()

    small.replay().expect(
        failed=1,
        says=["CorruptRecordingError", f"objects/{path.parent.name}/{path.name}"],
    )
    small.record().expect(passed=1, says=["1 call recorded"])

    assert small.files().keys() == before.keys()
    small.replay().expect(passed=1)


def test_what_is_accepted_with_a_change_has_not_drifted(project):
    helpers = """
        def tea(): return {}
        def cake(): return 2
    """
    project.ini("shop:price_of_tea", "shop:price_of_cake")
    project.write("helpers.py", helpers.format(1))
    project.module("""
        import helpers

        def price_of_tea(): return helpers.tea()
        def price_of_cake(): return helpers.cake() * 1
    """)
    project.tests("""
        def test_tea(): shop.price_of_tea()
        def test_cake(): shop.price_of_cake()
    """)
    project.record().expect(passed=2)
    changed = helpers.format(5).replace("return 2", "return 1 + 1")
    project.write("helpers.py", changed)

    run = project.run("--mimic-verify").expect(passed=1, failed=1)

    [line] = [one for one in run.section if "to accept the change" in one]
    assert line.endswith("pytest --mimic-rerecord test_shop.py::test_cake")


def test_changed_code_is_strict_where_the_environment_says_ci(small):
    small.record().expect(passed=1)
    change(small)

    told = "mimic_inputs is strict, since the environment says CI"
    small.run(env={"CI": "true"}).expect(failed=1, says=[told])
    for options, env in [
        ((), {"CI": "false"}),
        (("-o", "mimic_inputs=warn"), {"CI": "1"}),
    ]:
        small.run(*options, env=env).expect(passed=1, never=[told])


@pytest.mark.parametrize(
    ("module", "option"),
    [("_version", "strict"), ("build", "strict !shop.build"), ("build", "strict")],
)
def test_what_a_build_writes_does_not_count(project, module, option):
    written = "def number():\n    return 1\n"
    project.write("shop/__init__.py", "__version__ = '1'\n")
    project.write(f"shop/{module}.py", written)
    project.write(
        "shop/report.py",
        f"import shop\nfrom shop.{module} import number\n"
        "def made():\n    return [shop.__version__, number()]\n",
    )
    project.ini("shop.report:made", mimic_inputs=option)
    project.test("import shop.report\nassert shop.report.made() == ['1', 1]")
    project.record().expect(passed=1)

    project.write("shop/__init__.py", "__version__ = '2'\n")
    project.replay().expect(passed=1)
    project.write(f"shop/{module}.py", written.replace("1", "2"))
    counts = (module, option) == ("build", "strict")
    project.replay().expect(**{"failed" if counts else "passed": 1})
