"""The command `mv`, on a project that was really recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unit.tools.cli.edited_vaults import recording


@pytest.mark.parametrize(
    ("old", "edited"),
    [("1.07", "1e999"), ('"target": "shop:rates"', '"target": []')],
    ids=["a number that JSON lacks", "no target"],
)
def test_what_cannot_be_written_again_stays_and_the_rest_moves(
    shop: Path, call: Callable[..., Any], old: str, edited: str
) -> None:
    file = recording(shop, "rates")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, edited))

    result = call("mv", "tests/test_shop.py", "tests/test_new.py")

    assert (result.code, result.err) == (1, "")
    assert result.lines[-1] == "1 file cannot be read: pytest-mimic check"
    assert file.read_text() == text.replace(old, edited)
    assert "tests/test_new.py" in recording(shop, "odd").read_text()
