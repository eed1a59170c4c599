"""Section 5, *Vault*: logs that were merged, cut or edited; names on other systems; what a failing test leaves."""

from __future__ import annotations

import json

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
