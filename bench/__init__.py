"""Benchmarks of pytest-mimic beside others that do the same.

The others are pytest-mimic 0.2.0, joblib, other recorders, and the least work that does
the same.
"""
