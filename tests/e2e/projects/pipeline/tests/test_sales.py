"""The steps of the pipeline on the sales."""

from pathlib import Path

from pipeline import figures, files, model, words

SALES = Path(__file__).parents[1] / "data" / "sales.csv"


def test_read(tmp_path):
    """Read a file that the test has written."""
    path = tmp_path / "in.csv"
    path.write_text("region,year,amount\nnorth,2021,3\n")
    assert files.read(path)["amount"].sum() == 3


def test_merge(tmp_path):
    """Read files that are named as strings."""
    names = [str(tmp_path / name) for name in ("one.csv", "two.csv")]
    for number, name in enumerate(names):
        Path(name).write_text(f"region,year,amount\nnorth,2021,{number + 1}\n")
    assert list(files.merge(names)["amount"]) == [1, 2]


def test_export(tmp_path):
    """Write one file for each region."""
    written = files.export(files.read(SALES), tmp_path / "out")
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "out/north.csv",
        "out/south.csv",
    ]
    assert written[1].read_text() == "region,year,amount\nsouth,2021,8\nsouth,2022,13\n"


def test_fit():
    """Fit a line to each region of a file of the project."""
    fitted = model.fit(files.read(SALES), source=SALES)
    assert {region: round(slope, 9) for region, slope in fitted.slopes.items()} == {
        "north": 2.0,
        "south": 5.0,
    }
    assert fitted.source.read_text().startswith("region")


def test_plot():
    """Draw a figure."""
    figure = figures.plot(files.read(SALES))
    assert (figure.size, figure.getpixel((0, 19))) == ((4, 20), 0)


def test_count():
    """Count words in other processes."""
    assert words.count(["a b a", "b c"]) == {"a": 2, "b": 2, "c": 1}
