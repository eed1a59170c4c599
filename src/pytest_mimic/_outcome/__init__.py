"""The outcome of a call, its encoding as bytes, and fresh copies of it."""

from pytest_mimic._outcome.outcome import Outcome, OutcomeKind

__all__ = ["Outcome", "OutcomeKind"]
