"""Section 5, *Vault*: logs that were merged, cut or edited; names on other systems; what a failing test leaves."""

from __future__ import annotations

import json
import re

import pytest

TARGETS = ["shop:get sequence"]
SHOP = """
    from tally import ran

    numbers = iter(range(1, 99))

    def get(path):
        ran("get", path)
        return next(numbers)
"""
TWO_CALLS = """
    import shop

    def test_it():
        assert [shop.get("a"), shop.get("b")] == [1, 2]
"""
# The names of tests that are one file on a system that folds case, or allows few signs.
TWINS = {
    "case": ("a", "A"),
    "signs": ("a/b", "a:b"),
    "blanks": ("a b", "a_b"),
    "accents": ("é", "e\N{COMBINING ACUTE ACCENT}"),
    "length": ("a" * 150 + "1", "a" * 150 + "2"),
    "a device": ("con", "con."),
    "dots": ("a", "a."),
}


def log_of(project):
    [path] = project.vault.glob("logs/**/*.json")
    return path


def test_a_log_with_another_number_of_calls_is_not_replayed(project):
    project.tests(TWO_CALLS)
    project.record().expect(passed=1)
    path = log_of(project)
    document = json.loads(path.read_text())
    document["log"].append(document["log"][0])
    path.write_text(json.dumps(document))

    run = project.replay()

    run.expect(failed=1, real=[])
    assert "CorruptRecordingError" in run.output
    assert path.name in run.output


def test_an_edit_of_a_log_is_used(project):
    project.tests(TWO_CALLS)
    project.record().expect(passed=1)
    path = log_of(project)
    document = json.loads(path.read_text())
    document["log"][1]["value"] = 7
    path.write_text(json.dumps(document))
    project.tests(TWO_CALLS.replace("[1, 2]", "[1, 7]"))

    project.replay().expect(passed=1, real=[])


def test_a_call_may_be_taken_out_of_a_log_with_its_number(project):
    project.tests(TWO_CALLS)
    project.record().expect(passed=1)
    path = log_of(project)
    document = json.loads(path.read_text())
    del document["log"][1]
    document["calls"] = 1
    path.write_text(json.dumps(document))
    project.tests(
        """
        import shop

        def test_it():
            assert shop.get("a") == 1
        """
    )

    project.replay().expect(passed=1, real=[])


def test_a_log_that_is_cut_anywhere_is_damaged(project):
    project.tests(TWO_CALLS)
    project.record().expect(passed=1)
    path = log_of(project)
    whole = path.read_bytes()
    # Without its last line end, a log is whole.
    for length in [*range(1, len(whole) - 1, 29), len(whole) - 2]:
        path.write_bytes(whole[:length])

        run = project.replay()

        assert run.exit_code == 1, f"{length} bytes: {run.output}"
        assert "CorruptRecordingError" in run.output
        assert run.real == []


@pytest.mark.parametrize("names", TWINS.values(), ids=TWINS)
def test_no_two_logs_have_names_that_are_one_elsewhere(project, names):
    project.tests(f"""
        import pytest, shop

        @pytest.mark.parametrize("name", {list(names)!r}, ids={list(names)!r})
        def test_it(name):
            shop.get(name)
    """)
    project.record().expect(passed=2)

    files = [
        path.relative_to(project.vault) for path in project.vault.glob("logs/**/*.json")
    ]

    assert len(files) == 2
    assert len({str(path).casefold() for path in files}) == 2
    for path in files:
        for part in path.parts:
            assert re.fullmatch(r"[\w.\-]{1,99}", part, re.ASCII), part
            assert not part.endswith(".")
            assert part.partition(".")[0].lower() not in ("con", "nul", "aux", "prn")
    project.replay().expect(passed=2, real=[])


def test_a_failing_test_leaves_no_half_cassette(project):
    project.tests("""
        import shop

        def test_it(mimic_auto):
            with mimic_auto(targets=["shop:get"]):
                shop.get("a")
                shop.get("b")
            assert False
    """)

    run = project.run().expect(failed=1, real=["get a", "get b"])

    assert run.vault == {}


def test_a_failing_test_replaces_no_log(project):
    project.tests(TWO_CALLS)
    recorded = project.record().expect(passed=1)
    project.tests(TWO_CALLS.replace("[1, 2]", "[3, 4]"))

    run = project.run("--mimic-rerecord").expect(failed=1)

    assert run.vault == recorded.vault


def test_a_failing_test_keeps_a_new_log(project):
    project.tests(TWO_CALLS.replace("[1, 2]", "[1, 3]"))
    project.record().expect(failed=1, real=["get a", "get b"])
    project.tests(TWO_CALLS)

    project.record().expect(passed=1, real=[])


def test_calls_that_end_at_the_same_time_leave_no_part_file(project):
    project.module("""
        import threading

        barrier = threading.Barrier(8)

        def get(number):
            barrier.wait()
            return number
    """)
    project.tests("""
        import concurrent.futures, pytest, shop, sys

        @pytest.fixture(autouse=True)
        def turns():
            before = sys.getswitchinterval()
            sys.setswitchinterval(1e-6)
            yield
            sys.setswitchinterval(before)

        @pytest.mark.parametrize("number", range(20))
        def test_it(number):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                assert [*pool.map(shop.get, range(8))] == [*range(8)]
    """)

    project.record().expect(passed=20)

    assert not [*project.vault.rglob("*.part")]
    project.replay().expect(passed=20, real=[])
