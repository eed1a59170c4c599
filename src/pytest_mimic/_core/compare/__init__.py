"""The differences between a recorded outcome and that of a real call, as readable lines."""

from pytest_mimic._core.compare.outcome_comparison import compare

__all__ = ["compare"]
