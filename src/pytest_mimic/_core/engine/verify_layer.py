"""What compares outcomes and explains misses: all that the layers below reach of it."""

from __future__ import annotations

from pytest_mimic._core.engine.changed_lines import is_of_another_call
from pytest_mimic._core.engine.refusals import Refusal
from pytest_mimic._core.engine.verifying import compare_repeated, verify
from pytest_mimic._core.tree.messages import new_after_replayed, read_further


class Verifier:
    """Functions of the verify layer; `steps.verifier` loads them."""

    verify = staticmethod(verify)
    compare_repeated = staticmethod(compare_repeated)
    read_further = staticmethod(read_further)
    new_after_replayed = staticmethod(new_after_replayed)
    is_of_another_call = staticmethod(is_of_another_call)
    Refusal = Refusal
