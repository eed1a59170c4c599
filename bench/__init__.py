"""Benchmarks of pytest-mimic beside pytest-mimic 0.2.0, joblib and the least work that does the same."""
