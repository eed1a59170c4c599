"""Replaces functions by wrappers in every module and class that holds them, and restores them exactly when the run ends."""
