"""Pickled outcomes as the page shows them: the head of a frame, an image."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.outcome.outcome import Value
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.vault import FolderStore, Vault
from pytest_mimic._tools.page.previews import preview_blocks


def blocks_of(value: object, folder: Path) -> list[dict[str, Any]]:
    stored = Vault(FolderStore(folder)).writer.encoded(Value(value), 0.5)
    return preview_blocks(stored, Redactor())


def test_a_frame_is_shown_by_its_head_with_dtypes(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": range(20), "password": ["sesame-4711"] * 20})

    [block] = blocks_of(frame, tmp_path)

    assert block["title"] == "20 rows, the first 8"
    assert block["columns"][0] == ["n", "int64"]
    assert (block["rows"][7], block["more"]) == (["7", "<redacted>"], 12)


def test_a_frame_is_shown_with_the_labels_of_its_rows(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    index = pandas.Index(["a", "b"], name="group")

    [block] = blocks_of(pandas.DataFrame({"mean": [0.5, 1.5]}, index), tmp_path)

    assert [name for name, _ in block["columns"]] == ["group", "mean"]
    assert block["rows"] == [["a", "0.5"], ["b", "1.5"]]


def test_a_frame_whose_index_is_a_column_as_well(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": ["a"], "n": [1]}).set_index("id", drop=False)

    [block] = blocks_of(frame, tmp_path)

    assert block["rows"] == [["a", "1"]]


def test_a_frame_of_polars(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")

    [block] = blocks_of(polars.DataFrame({"n": [1.5]}), tmp_path)

    assert (block["columns"], block["rows"]) == ([["n", "Float64"]], [["1.5"]])


def test_an_image_is_shown_small(tmp_path: Path) -> None:
    images = pytest.importorskip("PIL.Image")

    [block] = blocks_of(images.new("CMYK", (480, 120)), tmp_path)

    data = b64decode(block["url"].removeprefix("data:image/png;base64,"))
    assert images.open(BytesIO(data)).size == (240, 60)
    assert block["title"] == "480 × 120 CMYK"


def test_other_pickles_are_not_loaded(tmp_path: Path) -> None:
    assert (
        blocks_of({frozenset({1}): test_other_pickles_are_not_loaded}, tmp_path) == []
    )
