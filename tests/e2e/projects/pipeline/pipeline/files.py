"""Reads and writes tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from tally import ran


def read(path: Path) -> pd.DataFrame:
    """Read a table with the columns region, year and amount."""
    ran("read", path.name)
    return pd.read_csv(path)


def merge(paths: list[str]) -> pd.DataFrame:
    """Read several tables into one."""
    ran("merge", *(Path(path).name for path in paths))
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def tables(frame: pd.DataFrame, folder: Path) -> dict[Path, str]:
    """Return a table for each region, by the file that it is for."""
    ran("tables", *sorted(frame["region"].unique()))
    return {
        folder / f"{region}.csv": part.to_csv(index=False)
        for region, part in frame.groupby("region")
    }


def export(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Write one table for each region, and return the files."""
    folder.mkdir(exist_ok=True)
    found = tables(frame, folder)
    for path, text in found.items():
        path.write_text(text)
    return list(found)
