"""The differences between a recorded outcome and that of a real call, as readable lines."""

from pytest_mimic._core.compare.outcomes import compare

__all__ = ["compare"]
