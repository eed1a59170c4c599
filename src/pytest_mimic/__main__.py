"""Runs the command `pytest-mimic`, for `python -m pytest_mimic`."""

from __future__ import annotations

from pytest_mimic._tools.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
