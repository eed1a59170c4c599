"""Runs the command: `python -m pytest_mimic` is `pytest-mimic`."""

import sys

from pytest_mimic.cli.main import main

sys.exit(main())
