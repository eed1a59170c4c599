"""A part of which only the digest is kept is one part: its digest is no value of it."""

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
