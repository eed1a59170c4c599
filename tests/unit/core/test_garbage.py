"""The garbage collector does not visit what a run makes while it makes it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_mimic._core.garbage import without_collections

MAKES = """
import gc
from pytest_mimic._core.garbage import without_collections

{before}
with without_collections():
    assert not gc.isenabled()
assert gc.isenabled() == {enabled}
"""


@pytest.mark.parametrize(
    ("before", "enabled"), [("", True), ("gc.disable()", False)], ids=["usual", "disabled by others"]
)
def test_garbage_is_collected_again_unless_others_have_disabled_it(before, enabled):
    code = MAKES.format(before=before, enabled=enabled)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_garbage_is_collected_again_after_an_error():
    import gc

    was_enabled = gc.isenabled()
    with pytest.raises(ZeroDivisionError), without_collections():
        1 / 0  # noqa: B018

    assert gc.isenabled() == was_enabled
