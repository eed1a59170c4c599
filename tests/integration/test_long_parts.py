"""Long parts: of an argument the digest counts as one part; an outcome is as large as it is."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy")

TESTS = """
    import numpy as np, shop

    def test_it():
        assert shop.fit({{"prices": np.arange({first}, {first} + 1_000)}}) == 1
"""


def test_the_digest_of_a_long_array_is_no_value_that_is_made_anew(project):
    """The digests of these two arrays look like UUIDs."""
    project.ini("shop:fit")
    project.module("def fit(table):\n    return 1\n")
    project.tests(TESTS.format(first=149))

    project.record().expect(passed=1, never=["the next run will make"])

    project.tests(TESTS.format(first=155))
    project.replay().expect(
        failed=1,
        says=["table.prices: <8,000 bytes #75a0e5", "recorded, <8,000 bytes #5b1563"],
        never=["if it changes from run to run"],
    )


def test_each_replay_of_large_arrays_gives_arrays_of_its_own(project):
    """They are megabytes long, and one of them is no multiple of a number's length."""
    project.ini("shop:measure")
    project.module("""
        import numpy as np

        def measure():
            fixed = np.full(1_000_003, 7, dtype="int8")
            fixed.flags.writeable = False
            return {"fixed": fixed, "odd": fixed + 1, "prices": np.ones(300_000)}
    """)
    project.tests("""
        import numpy as np, shop

        def test_it():
            first = shop.measure()
            first["prices"][:] = 3
            first["odd"][-1] = 0
            second = shop.measure()
            assert (second["prices"] == 1).all()
            assert (second["odd"] == 8).all()
            assert (second["fixed"] == 7).all()
            assert [one.flags.writeable for one in second.values()] == [0, 1, 1]
            assert all(one.flags.aligned for one in second.values())
    """)
    project.record().expect(passed=1)
    before = project.files()

    project.replay().expect(passed=1, says=["2 calls replayed"])

    assert project.files() == before
