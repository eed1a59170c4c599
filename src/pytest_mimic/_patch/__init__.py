"""Whoever holds a function sees its wrapper: find every holder, replace, restore exactly."""

from __future__ import annotations

from pytest_mimic._patch.patcher import Activation, Patchable, Patcher

__all__ = ["Activation", "Patchable", "Patcher"]
