"""A limit for the size of files, as a full disk: one clear error, and nothing half."""

from __future__ import annotations

import pytest

SHOP = """
    def noise(size, seed):
        ran("noise", seed)
        return random.Random(seed).randbytes(size)
"""


def test_a_limit_for_the_size_of_files_is_one_clear_error(project):
    """As set by `ulimit -f` or a quota."""
    pytest.importorskip("resource")
    project.ini("shop:noise")
    project.conftest("""
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    """)
    project.tests("""
        @pytest.mark.parametrize("size", [10_000, 200_000, 3_000_000])
        def test_it(size):
            assert len(shop.noise(size, 1)) == size
    """)

    recorded = project.record(process=True)

    recorded.expect(
        passed=1,
        failed=2,
        says=["cannot write ", "File too large"],
        never=["INTERNALERROR"],
    )
    assert [call.arguments["size"] for call in recorded.calls] == [10_000]
    project.conftest("")
    project.replay().expect(passed=1, failed=2, real=[])


LIMITED = """
    import resource

    def limit(size):
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    def turn(seed):
        ran("turn", seed)
        if is_full:
            limit(0)
        return str(seed) * 200_000  # It stands in an object, which is written at once.

    is_full = False
"""


def test_a_call_that_could_not_be_written_leaves_its_place_empty(project):
    """The disk was full for a moment, and the test has handled the error."""
    pytest.importorskip("resource")
    project.ini("shop:turn sequence")
    project.module(LIMITED)
    project.tests("""
        from pytest_mimic import MimicError

        def test_it():
            shop.is_full = True
            try:
                with pytest.raises(MimicError):
                    shop.turn(1)
            finally:
                shop.is_full = False
                shop.limit(shop.resource.RLIM_INFINITY)
            assert shop.turn(1)[0] == "1"
            assert shop.turn(2)[0] == "2"
    """)

    recorded = project.record(process=True)

    recorded.expect(passed=1, says=["2 calls recorded"])
    replayed = project.replay()
    replayed.expect(passed=1, real=[], says=["2 calls replayed, 1 missing"])


def test_a_log_that_could_not_be_written_is_not_counted(project):
    pytest.importorskip("resource")
    project.ini("shop:turn sequence")
    project.module(LIMITED)
    project.conftest("""
        @pytest.fixture
        def full_disk():
            yield
            shop.limit(0)

        def pytest_runtest_logfinish():
            shop.limit(shop.resource.RLIM_INFINITY)
    """)
    project.tests("""
        def test_it(full_disk):
            assert shop.turn(1)[0] == "1"
    """)

    recorded = project.record(process=True)

    assert "cannot write" in recorded.output
    assert "recorded in" not in recorded.output
    assert recorded.exit_code == 1
