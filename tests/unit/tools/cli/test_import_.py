"""The files of a folder that an import reads, and those that it leaves alone."""

from __future__ import annotations

from pathlib import Path

from pytest_mimic._tools.cli.import_ import ForeignFile, find_files

CASSETTE = "interactions: []\n"


def write(root: Path, **files: str) -> None:
    """Write files, whose names have `__` for a slash."""
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def names(found: list[ForeignFile]) -> list[tuple[str, str]]:
    return [(one.shown_path, one.cassette) for one in found]


def test_cassettes_below_a_folder_are_found(tmp_path):
    write(
        tmp_path,
        talks__b_YAML=CASSETTE,
        talks__deep__a_json='{"interactions": []}',
        talks__settings_json="{}",
        talks__notes_txt=CASSETTE,
    )
    found, ignored = find_files([Path("talks")], tmp_path)

    assert names(found) == [("talks/b.YAML", "b"), ("talks/deep/a.json", "deep/a")]
    assert ignored == ["talks/settings.json"]


def test_a_file_that_is_given_twice_is_read_once_under_its_first_name(tmp_path):
    write(tmp_path, talks__deep__a_yaml=CASSETTE)
    folder, inner, file = Path("talks"), Path("talks/deep"), Path("talks/deep/a.yaml")

    assert names(find_files([folder, file], tmp_path)[0]) == [
        ("talks/deep/a.yaml", "deep/a")
    ]
    assert names(find_files([inner, folder], tmp_path)[0]) == [
        ("talks/deep/a.yaml", "a")
    ]
