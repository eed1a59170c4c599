"""The steps of the pipeline on the costs; the tests have the names of those on the sales."""

from pathlib import Path

from pipeline import files, model

COSTS = Path(__file__).parents[1] / "data" / "costs.csv"


def test_read(tmp_path):
    """Read another file of the same name."""
    path = tmp_path / "in.csv"
    path.write_text("region,year,amount\nsouth,2021,40\n")
    assert files.read(path)["amount"].sum() == 40


def test_export(tmp_path):
    """Write a file of the same name with another content."""
    [written] = files.export(files.read(COSTS), tmp_path / "out")
    assert written == tmp_path / "out" / "north.csv"
    assert written.read_text() == "region,year,amount\nnorth,2021,2\nnorth,2022,3\n"


def test_fit():
    """Fit a line to the costs."""
    assert round(model.fit(files.read(COSTS), source=COSTS).slopes["north"], 9) == 1.0
