"""The garbage collector does not visit what a run makes once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_mimic._core.garbage import without_collections

MAKES = """
import gc
from pytest_mimic._core.garbage import without_collections

gc.unfreeze()  # Python 3.12 starts with frozen objects
{before}
with without_collections():
    made = [[] for _ in range(100_000)]
    assert not gc.isenabled()
    assert len(gc.get_objects(0)) >= 100_000
assert gc.isenabled() == {enabled}, "enabled"
assert (len(gc.get_objects(2)) >= 100_000) == {old}, "old"
assert gc.get_freeze_count() == frozen, "frozen"
"""


@pytest.mark.skipif("free-threading" in sys.version, reason="there are no generations")
@pytest.mark.parametrize(
    ("before", "enabled", "old"),
    [
        ("frozen = 0", True, True),
        ("gc.disable(); frozen = 0", False, False),
        ("gc.freeze(); frozen = gc.get_freeze_count()", True, False),
    ],
    ids=["usual", "disabled by others", "frozen by others"],
)
def test_what_is_made_is_old_unless_others_manage_garbage_themselves(before, enabled, old):
    code = MAKES.format(before=before, enabled=enabled, old=old)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_garbage_is_collected_again_after_an_error():
    import gc

    was_enabled = gc.isenabled()
    with pytest.raises(ZeroDivisionError), without_collections():
        1 / 0  # noqa: B018

    assert gc.isenabled() == was_enabled
