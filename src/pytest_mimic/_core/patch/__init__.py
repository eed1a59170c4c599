"""Replaces functions by wrappers in every module and class that holds them, and restores them exactly."""

from __future__ import annotations

from pytest_mimic._core.patch.activation import Activation
from pytest_mimic._core.patch.patcher import Patcher

__all__ = ["Activation", "Patcher"]
