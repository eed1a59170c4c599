"""Section 5, *Vault*: logs that were merged, cut or edited; names on other systems; what a failing test leaves."""

from __future__ import annotations

import json
import re

import pytest

from pytest_mimic.engine import following
from pytest_mimic.values.identity import identity_of

TARGETS = ["shop:get sequence"]
SHOP = """
    numbers = iter(range(1, 99))

    def get(path):
        ran("get", path)
        return next(numbers)
"""
TWO_CALLS = """
    def test_it():
        assert [shop.get("a"), shop.get("b")] == [1, 2]
"""


def log_of(project):
    [path] = project.vault.glob("logs/**/*.json")
    return path


def test_a_log_with_another_number_of_calls_is_not_replayed(project):
    project.tests(TWO_CALLS)
    project.record().expect(passed=1)
    document = json.loads(log_of(project).read_text())
    document["log"].append(document["log"][0])
    log_of(project).write_text(json.dumps(document))

    says = ["CorruptRecordingError", log_of(project).name]
    project.replay().expect(failed=1, real=[], says=says)


def test_check_names_a_log_that_was_merged_with_another_set_up(project):
    """The test has asked with what its fixture was given then."""
    project.ini("shop:make sequence", "shop:ask sequence")
    project.module("""
        def make(): return os.environ["NAME"]
        def ask(name): return name
    """)
    project.tests("""
        @pytest.fixture(scope="module")
        def name(): return shop.make()

        def test_it(name): assert shop.ask("any") == "any"
    """)
    project.record(env={"NAME": "ann"}).expect(passed=1)
    [log] = project.vault.rglob("test_it.json")
    ours = log.read_bytes()
    project.run("--mimic-rerecord", env={"NAME": "eve"}).expect(passed=1)
    assert project.command("check").code == 0
    log.write_bytes(ours)

    found = project.command("check")

    assert found.code == 1
    assert "follows another set-up of test_shop.py::name (module)" in found.out
    [again] = re.findall("to record it again: pytest (.*)", found.out)
    project.run(*again.split(), env={"NAME": "eve"}).expect(passed=1)
    assert project.command("check").code == 0


def test_a_call_may_be_taken_out_of_a_log_with_its_number(project):
    project.tests(TWO_CALLS)
    project.record().expect(passed=1)
    path = log_of(project)
    document = json.loads(path.read_text())
    del document["log"][1]
    document["calls"] = 1
    path.write_text(json.dumps(document))
    project.test('assert shop.get("a") == 1')

    project.replay().expect(passed=1, real=[])


CALLS = """
    import shop

    def given(path):
        try:
            return shop.get(path)
        except Exception:
            return "refused"

    def test_it():
        assert [given(path) for path in "{}"] == {}
"""
AAB = CALLS.format("aab", [1, 2, 3])


def edit_first_call(project, **fields):
    """Change fields of the first call of the log."""
    path = log_of(project)
    document = json.loads(path.read_text())
    document["log"][0] |= fields
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("field", "edited"),
    [("identity", "0" * 32), ("line", "key")],
)
def test_no_call_answers_in_place_of_an_equal_one_that_has_lost_its_identity(
    project, field, edited
):
    project.tests(AAB)
    project.record().expect(passed=1)
    edit_first_call(project, **{field: edited})

    run = project.replay()

    run.expect(failed=1, real=[])
    assert "['refused', 'refused', 3]" in run.output
    assert f"(call 1 is shop:get(path='a'), and has another {field})" in run.output
    assert "pytest --mimic-rerecord test_shop.py::test_it" in run.output
    project.run("--mimic-rerecord").expect(passed=1, real=["get a", "get a", "get b"])
    project.replay().expect(passed=1, real=[])


def test_arguments_that_were_edited_change_nothing_for_their_call(project):
    project.tests(AAB)
    project.record().expect(passed=1)
    edit_first_call(project, arguments={"path": "somebody's name"}, value=10)

    project.tests(CALLS.format("baa", [3, 10, 2]))

    project.replay().expect(passed=1, real=[])


def test_a_call_that_has_only_the_arguments_of_an_edited_one_is_damaged(project):
    project.tests(AAB)
    project.record().expect(passed=1)
    edit_first_call(project, arguments={"path": "c"})
    project.test("shop.get('c')")

    run = project.replay().expect(failed=1, real=[])

    assert "(call 1 is shop:get(path='c'), and has another identity)" in run.output


def test_each_call_of_an_edited_log_is_looked_at_once(project, monkeypatch):
    """However many calls are made out of the recorded order."""
    project.tests(CALLS.format("abcdefgh", [1, 2, 3, 4, 5, 6, 7, 8]))
    project.record().expect(passed=1)
    edit_first_call(project, value=10)
    project.tests(CALLS.format("hgfedcba", [8, 7, 6, 5, 4, 3, 2, 10]))
    looked_at = []

    def counted(*args):
        looked_at.append(args)
        return identity_of(*args)

    monkeypatch.setattr(following, "identity_of", counted)

    project.replay(process=False).expect(passed=1, real=[])

    # What it keeps, under the line of old and under that of today.
    assert 0 < len(looked_at) <= 16


@pytest.mark.parametrize(
    "option", ["--mimic-verify", "--mimic-record", "--mimic-no-record"]
)
def test_a_log_that_could_not_be_opened_once_gives_nothing_to_later_calls(
    project, option
):
    """Else the second of two equal calls would get what the first one was given."""
    project.tests(AAB)
    project.record().expect(passed=1)
    project.tests("""
        import resource, shop

        def given(path):
            try:
                return shop.get(path)
            except Exception:
                return "refused"

        def given_without_files(path):
            limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
            try:
                return given(path)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))

        def test_it():
            assert given_without_files("a") == "refused"
            assert [given("a"), given("b")] == ["refused", "refused"]
    """)

    project.run(option).expect(passed=1, real=[])


def test_a_failing_test_keeps_a_new_log(project):
    project.tests(TWO_CALLS.replace("[1, 2]", "[1, 3]"))
    project.record().expect(failed=1, real=["get a", "get b"])
    project.tests(TWO_CALLS)

    project.record().expect(passed=1, real=[])
