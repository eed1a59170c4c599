"""Tests of reports from a database file.

On replay the file does not exist, and its folder has another name.
"""

from decimal import Decimal

import pytest
from library import report


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("library", numbered=False) / "functions.sqlite"


def test_a_module_is_summed_up(database):
    argparse = report(database, "argparse")

    assert argparse.functions > 100
    assert 0 < argparse.documented < 100


def test_the_longest_come_first(database):
    lines = [lines for _name, lines in report(database, "tarfile").longest]

    assert len(lines) == 3
    assert lines == sorted(lines, reverse=True)


@pytest.mark.parametrize("module", ["calendar", "fractions", "statistics", "textwrap"])
def test_shares_are_given_to_one_place(database, module):
    assert (
        report(database, module).documented.as_tuple().exponent
        == Decimal("0.1").as_tuple().exponent
    )
