"""Writes the pages of runs and vaults to files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING

from pytest_mimic._core.files.whole import write_whole
from pytest_mimic._tools.shown.page import PageFacts, page

if TYPE_CHECKING:
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._tools.shown.call_log import Row

# Bound here, because a test may stop the clock.
_now = strftime


def run_page(
    heading: str,
    rows: Iterable[Row],
    *,
    notes: Sequence[str],
    tests: Mapping[str, str],
    unused: Iterable[tuple[str, str, bool]],
) -> str:
    """Return the page of a run.

    Args:
        heading: The mode and the vault in words.
        rows: The calls, in the order in which their tests ended.
        notes: The lines of the summary.
        tests: How each test ended.
        unused: The recordings proven unused: the label of each, the test that made it, and whether that test is gone.
    """
    left = [
        {
            "kind": "unused",
            "client": "function",
            "label": label,
            "test": test,
            "at": 0.0,
            "seconds": 0.0,
            "group": "",
            "target": "unused",
            "note": "its test is gone" if is_gone else "",
        }
        for label, test, is_gone in unused
    ]
    return page(PageFacts("run", heading, _now("%Y-%m-%d %H:%M"), notes, tests), [*rows, *left])


def vault_page(settings: Settings, rows: Iterable[Row]) -> str:
    return page(PageFacts("vault", f"recordings in {settings.shown_vault}", _now("%Y-%m-%d %H:%M")), rows)


def write_page(path: Path, text: str) -> None:
    """Write a page, whole or not at all. Its folder is made.

    Raises:
        MimicError: It cannot be written.
    """
    write_whole(path, text, label=f"the report {path}")
