"""The simulation of a fleet runs with the code of this checkout, and adds up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
SMALL = [
    "--recordings=30000",
    "--targets=100",
    "--runs=40",
    "--days=1",
    "--calls=500",
    "--suites=4",
    "--wide=0.5",
]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A function that runs a small simulation, and returns the cells of its rows by their first cell."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    simulation = pytest.importorskip("simulate_fleet")

    def run(*options: str) -> dict[str, list[str]]:
        assert simulation.main([*SMALL, *options]) == 0
        lines = [line.strip() for line in capsys.readouterr().out.splitlines() if "  " in line.strip()]
        cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
        return {first: others for first, *others in reversed(cells)}

    yield run
    for name in ("simulate_fleet", "measured_vault"):
        sys.modules.pop(name, None)


def test_a_cold_run_fetches_its_packs_and_a_warm_one_only_looks(rows) -> None:
    found = rows("--pack-size=1000000")

    cold, warm = (found[f"500 calls of all targets, {state}"] for state in ("cold", "warm"))
    assert cold[0] == str(int(found["packs"][0]) + 2)  # the list, and the manifest
    assert warm[:2] == ["1", "0.00"]
    assert found["requests of a warm replay run"] == ["1 list"]
    assert found["requests for each recorded call"] == ["1 delete, 2 list, 2 put"]


def test_the_same_seed_gives_the_same_days(rows) -> None:
    counts = [
        "GET requests",
        "PUT requests",
        "MB from the store",
        "folds",
        "loose recordings that replays fetched",
    ]

    first, again, other = rows(), rows(), rows("--seed=21")

    assert [first[name] for name in counts] == [again[name] for name in counts]
    assert [first[name] for name in counts] != [other[name] for name in counts]


def test_prices_can_be_replaced(rows) -> None:
    found = rows("--price=egress=0", "--price=put=1")

    assert found["egress"] == ["0.00"]
    assert found["put"] == [f"{int(found['PUT requests'][0].replace(',', '')) * 30:,}.00"]
    assert found["all"] == found["all, in the region"]


def test_an_unknown_price_is_refused(rows, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        rows("--price=puts=1")

    assert "no price puts" in capsys.readouterr().err
